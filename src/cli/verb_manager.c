/* cgtree manager: the live manager itself, in the foreground. */
#include <errno.h>
#include <grp.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/job.h"
#include "manager/manager.h"

struct manager_options {
	const char *root, *socket, *run_dir, *state_dir, *log_dir, *log_size, *shim, *group, *thaw_after;
	unsigned running_max;
};

#define AT(member) offsetof(struct manager_options, member)
static const struct cli_option manager_table[] = {
	{'\0', "root", CLI_TEXT, AT(root), "PATH", NULL, CLI_NAMES_GROUP,
		"the delegated group to work below (default: our own, when systemd delegated it; else "
		"" CG_MANAGER_ROOT ")"},
	{'\0', "socket", CLI_TEXT, AT(socket), "PATH", NULL, CLI_NAMES_FILE,
		"listen there; a socket that systemd passes goes before (default: " CG_MANAGER_SOCKET ")"},
	{'\0', "group", CLI_TEXT, AT(group), "GROUP", NULL, CLI_NAMES_NOTHING,
		"let the members of this group of users connect, each with jobs of its own (default: none)"},
	{'\0', "run-dir", CLI_TEXT, AT(run_dir), "DIR", NULL, CLI_NAMES_DIRECTORY,
		"keep the journal of jobs there; it must not outlive a boot (default: " CG_MANAGER_RUN_DIR
		")"},
	{'\0', "state-dir", CLI_TEXT, AT(state_dir), "DIR", NULL, CLI_NAMES_DIRECTORY,
		"keep results there (default: " CG_MANAGER_STATE_DIR ")"},
	{'\0', "log-dir", CLI_TEXT, AT(log_dir), "DIR", NULL, CLI_NAMES_DIRECTORY,
		"keep the output of jobs there (default: " CG_MANAGER_LOG_DIR ")"},
	{'\0', "log-size", CLI_TEXT, AT(log_size), "SIZE", NULL, CLI_NAMES_NOTHING,
		"turn a log over when it has this size; one older part is kept (default: 64M)"},
	{'\0', "running-max", CLI_NUMBER, AT(running_max), "N", NULL, CLI_NAMES_NOTHING,
		"at most N jobs at a time; what is over is refused, or waits with --queue (default: no limit)"},
	{'\0', "thaw-after", CLI_TEXT, AT(thaw_after), "TIME", NULL, CLI_NAMES_NOTHING,
		"a frozen job is thawed when no manager has been there for so long (default: 30s)"},
	{'\0', "shim", CLI_TEXT, AT(shim), "FILE", NULL, CLI_NAMES_FILE,
		"the program that stays with each job (default: as it was installed)"},
	{0},
};
#undef AT

static int find_group(const char *name, int *ret, struct cg_error **err)
{
	const struct group *g;
	uint32_t gid;

	*ret = -1;
	if (!name)
		return 0;
	if (cg_parse_u32(cg_bytes_of(name), &gid) == 0 && gid <= INT32_MAX) {
		*ret = (int)gid;
		return 0;
	}
	g = getgrnam(name);
	if (!g)
		return cg_error_usage(err, "--group: there is no group \"%s\"", name);
	*ret = (int)g->gr_gid;
	return 0;
}

static int run_manager(struct cli *cli, int argc, char **argv)
{
	_cleanup_error_ struct cg_error *err = NULL;
	struct manager_options o = {0};
	struct cg_manager_options m = {0};
	int first, r = cli_parse(cli, &o, argc, argv, &first);

	if (r)
		return r;
	if (first < argc)
		return cli_usage(cli, "\"%s\": no plain words are taken", argv[first]);
	m = (struct cg_manager_options){.root = o.root,
		.socket = o.socket,
		.run_dir = o.run_dir,
		.state_dir = o.state_dir,
		.log_dir = o.log_dir,
		.shim = o.shim,
		.running_max = o.running_max};
	if (o.log_size && (cg_parse_size(cg_bytes_of(o.log_size), &m.log_size) < 0 || m.log_size < 4096))
		return cli_usage(cli, "--log-size \"%s\": a size of at least 4K is wanted", o.log_size);
	if (o.thaw_after && (job_time("thaw-after", o.thaw_after, &m.thaw_us, &err) < 0 || m.thaw_us < 1000 ||
				    m.thaw_us > 86400000000u))
		return err ? cli_fail(cli, err) : cli_usage(cli, "--thaw-after: 1ms to 1d");
	r = find_group(o.group, &m.group, &err);
	if (r == 0) {
		if (!cli->quiet && cg_log_level() < CG_LOG_INFO)
			cg_log_set_level(CG_LOG_INFO);
		r = cg_manager_run(&m, &err);
	}
	return r < 0 ? cli_fail(cli, err) : CLI_EXIT_OK;
}

const struct cli_verb cli_verb_manager = {
	.name = "manager",
	.summary = "run jobs in groups of their own, and keep them",
	.synopsis = (const char *const[]){"[--root PATH] [--socket PATH] [--state-dir DIR] [--log-dir DIR]",
		NULL},
	.description = (const char *const
			[]){"Owns a delegated group, below which it makes a group for each job (ROOT/jobs/ID), with limits "
			    "in v2 terms on v2, v1 and hybrid hosts. \"cgtree job\" talks to it.",
		"It stays in the foreground, for systemd or a terminal. When it is stopped, upgraded or killed the "
		"jobs go on: a small process beside each (cgtree-shim, in ROOT/shims) keeps its output and exit "
		"status, and the next manager takes over what runs and tells how the others ended. \"cgtree job "
		"quit\" ends it together with its jobs.",
		"Where systemd manages the groups the root must be delegated (Delegate=yes); else the manager "
		"refuses to start and says so.",
		NULL},
	.options = manager_table,
	.examples = (const struct cli_example[]){{"cgtree manager --root /batch", "where no systemd is"},
		{"systemd-run -p Delegate=yes -p KillMode=process --unit cgtree-manager cgtree manager",
			"in a unit with a group of its own"},
		{0}},
	.exits = (const char *const[]){"0 it was told to end", "2 it could not start, or failed",
		"64 the command line is wrong", NULL},
	.run = run_manager,
};
