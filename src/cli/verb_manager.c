/* cgtree manager: the live manager itself, in the foreground. cgtree checks the command line and becomes
 * cgtree-manager, which reads the same again. */
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/log.h"
#include "base/own_program.h"
#include "cli/cli.h"
#include "cli/job.h"
#include "control/manager_options.h"

struct manager_options {
	const char *root, *socket, *run_dir, *state_dir, *log_dir, *log_size, *shim, *group, *thaw_after;
	const char *config;
	bool check_config;
	unsigned running_max, keep_results;
	struct cli_list delegate;
	const char *row[CG_CONFIG_ROWS]; /* of the configuration */
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
	{'\0', "delegate", CLI_LIST, AT(delegate), "PATH=SOCKET:UID[,BOUND...]", NULL, CLI_NAMES_NOTHING,
		"a socket for that user alone, for jobs below that group alone; bounds: jobs=N, depth=N, and the "
		"sums memory=SIZE, swap=SIZE, pids=N, cpu=N%; name=NAME stands before the ids; may be repeated"},
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
	{'\0', "keep-results", CLI_NUMBER, AT(keep_results), "N", NULL, CLI_NAMES_NOTHING,
		"keep what became of the last N jobs that have ended, with their logs (default: 4096)"},
	{'\0', "thaw-after", CLI_TEXT, AT(thaw_after), "TIME", NULL, CLI_NAMES_NOTHING,
		"a frozen job is thawed when no manager has been there for so long (default: 30s)"},
	{'\0', "shim", CLI_TEXT, AT(shim), "FILE", NULL, CLI_NAMES_FILE,
		"the program that stays with each job (default: as it was installed)"},
	{'\0', "config", CLI_TEXT, AT(config), "FILE", NULL, CLI_NAMES_FILE,
		"read the rows below from there, and from FILE.d/*.conf; again on SIGHUP (default: none)"},
	{'\0', "check-config", CLI_FLAG, AT(check_config), NULL, NULL, CLI_NAMES_NOTHING,
		"print the configuration as it would hold, or say what is wrong with it, and end"},
#define CG_CONFIG_ROW(id, section, name, kind, member, min, max, words, initial, help)                       \
	{'\0', section "-" name, CLI_TEXT, AT(row[CG_CONFIG_##id]), "VALUE", NULL, CLI_NAMES_NOTHING,        \
		section ": " help " (default: " initial ")"},
#include "control/config_rows.h"
#undef CG_CONFIG_ROW
	{0},
};
#undef AT

/* The rows that were given, for as long as the manager runs. */
static size_t overrides_of(const struct manager_options *o, struct cg_config_override *to)
{
	size_t n = 0;

	for (size_t i = 0; i < CG_CONFIG_ROWS; i++)
		if (o->row[i])
			to[n++] = (struct cg_config_override){(enum cg_config_index)i, o->row[i]};
	return n;
}

/* The manager is a program of its own. It takes the same command line, and gives the help. */
static int become_manager(struct cli *cli)
{
	_cleanup_error_ struct cg_error *err = NULL;
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = cg_own_program(NULL, "cgtree-manager", &path, &err);

	if (fd >= 0) {
		(void)execv(path, cli->argv);
		(void)cg_error_errno(&err, errno, "cannot run %s", path);
	}
	return cli_fail(cli, err);
}

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

struct delegations {
	struct cg_delegation *item;
	size_t count;
};

static void delegations_free(struct delegations *l)
{
	for (size_t i = 0; i < l->count; i++)
		cg_delegation_free(&l->item[i]);
	free(l->item);
}

static int find_delegations(const struct cli_list *list, struct delegations *to, struct cg_error **err)
{
	to->item = calloc(list->count + 1, sizeof(*to->item));
	if (!to->item)
		return cg_error_oom(err);
	for (; to->count < list->count; to->count++) {
		int r = cg_delegation_parse(list->item[to->count], &to->item[to->count], err);

		if (r < 0) {
			cg_error_wrap(err, "--delegate");
			return r;
		}
	}
	return 0;
}

static void options_free(struct manager_options *o)
{
	cli_list_free(&o->delegate);
}

static int run_manager(struct cli *cli, int argc, char **argv)
{
	_cleanup_(delegations_free) struct delegations delegations = {0};
	_cleanup_error_ struct cg_error *err = NULL;
	_cleanup_(options_free) struct manager_options o = {0};
	struct cg_manager_options m = {0};
	struct cg_config_override override[CG_CONFIG_ROWS];
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
		.config = o.config,
		.override = override,
		.overrides = overrides_of(&o, override),
		.running_max = o.running_max,
		.keep_results = o.keep_results};
	r = find_delegations(&o.delegate, &delegations, &err);
	if (r < 0)
		return cli_fail(cli, err);
	m.delegation = delegations.item;
	m.delegations = delegations.count;
	if (!cli->manager)
		return become_manager(cli);
	if (o.check_config) {
		r = cli->manager->check(&m, &err);
		return r < 0 ? cli_fail(cli, err) : cli_finish(cli, CLI_EXIT_OK);
	}
	if (o.log_size && (cg_parse_size(cg_bytes_of(o.log_size), &m.log_size) < 0 || m.log_size < 4096))
		return cli_usage(cli, "--log-size \"%s\": a size of at least 4K is wanted", o.log_size);
	if (o.thaw_after && (job_time("thaw-after", o.thaw_after, &m.thaw_us, &err) < 0 || m.thaw_us < 1000 ||
				    m.thaw_us > 86400000000u))
		return err ? cli_fail(cli, err) : cli_usage(cli, "--thaw-after: 1ms to 1d");
	r = find_group(o.group, &m.group, &err);
	if (r == 0) {
		if (!cli->quiet && cg_log_level() < CG_LOG_INFO)
			cg_log_set_level(CG_LOG_INFO);
		r = cli->manager->run(&m, &err);
	}
	return r < 0 ? cli_fail(cli, err) : CLI_EXIT_OK;
}

const struct cli_verb cli_verb_manager = {
	.name = "manager",
	.summary = "run jobs in groups of their own, and keep them",
	.synopsis =
		(const char *const[]){
			"[--root PATH] [--socket PATH] [--state-dir DIR] [--log-dir DIR] [--config FILE]",
			"[--config FILE] --check-config", NULL},
	.description = (const char *const
			[]){"Owns a delegated group, below which it makes a group for each job (ROOT/jobs/ID), with limits "
			    "in v2 terms on v2, v1 and hybrid hosts. \"cgtree job\" talks to it.",
		"It stays in the foreground, for systemd or a terminal. When it is stopped, upgraded or killed the "
		"jobs go on: a small process beside each (cgtree-shim, in ROOT/shims) keeps its output and exit "
		"status, and the next manager takes over what runs and tells how the others ended. \"cgtree job "
		"quit\" ends it together with its jobs.",
		"When jobs stall for memory, processors or disks it acts, step by step: no new jobs, a brake "
		"(memory.high) and less cpu for the lowest class, a job frozen, a job killed; the thresholds are the rows "
		"of cgtree-manager.conf(5). Each decision, also one not to act, is an event: \"cgtree job why ID\".",
		"Where systemd manages the groups the root must be delegated (Delegate=yes); else the manager "
		"refuses to start and says so.",
		NULL},
	.options = manager_table,
	.examples = (const struct cli_example[]){{"cgtree manager --root /batch", "where no systemd is"},
		{"systemd-run -p Delegate=yes -p KillMode=process --unit cgtree-manager cgtree manager",
			"in a unit with a group of its own"},
		{"cgtree manager --config /etc/cgtree/manager.conf --check-config",
			"whether it is right, and what holds"},
		{"cgtree manager --pressure-dry-run yes",
			"say what pressure would move it to, and do nothing"},
		{0}},
	.exits = (const char *const[]){"0 it was told to end", "2 it could not start, or failed",
		"64 the command line is wrong", NULL},
	.run = run_manager,
};
