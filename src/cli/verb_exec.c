/* cgtree exec: a program that begins its life in groups. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/fdio.h"
#include "cli/cli.h"
#include "kernel/cgroupfs.h"
#include "kernel/enter.h"
#include "kernel/files.h"
#include "kernel/hierarchy.h"
#include "model/tree.h"

/* As shells and env(1) have it. */
#define EXIT_OURS      125
#define EXIT_CANNOT    126
#define EXIT_NOT_FOUND 127

struct exec_options {
	bool replace;
};

static const struct cli_option exec_table[] = {
	{'\0', "replace", CLI_FLAG, offsetof(struct exec_options, replace),
		.help = "become the command, instead of waiting for it: its process id is ours"},
	{0},
};

/* Open groups, one a hierarchy. */
struct groups {
	struct cg_target *target; /* what was asked for */
	size_t targets;
	struct cg_live live;
	struct cg_enter in;
	int *v1;
	const char **path; /* by live hierarchy: what was asked for; "" when nothing was */
	size_t *of_v1;     /* by index into v1: the live hierarchy */
	int v2_hierarchy;
};

static void groups_free(struct groups *g)
{
	for (size_t i = 0; i < g->in.v1s; i++)
		(void)cg_close(g->v1[i]);
	(void)cg_close(g->in.v2);
	free(g->v1);
	free(g->of_v1);
	free(g->path);
	for (size_t i = 0; i < g->targets; i++)
		cg_target_free(&g->target[i]);
	free(g->target);
	cg_live_close(&g->live);
}

static int open_group(struct groups *g, size_t i, const char *path, const char *below, struct cg_error **err)
{
	const struct cg_live_hierarchy *h = &g->live.item[i];
	int fd, r = cg_open_beneath(h->fd, below, O_RDONLY | O_DIRECTORY, &fd);

	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		r = cg_error_errno(err, -r, "cannot open the group");
		cg_error_at(err, path, NULL);
		return r;
	}
	if (g->path[i]) {
		(void)cg_close(fd);
		r = cg_error_usage(err, "%s and %s are of one hierarchy: a process is in one group of each",
			g->path[i], path);
		return r;
	}
	g->path[i] = path;
	if (h->version == 2) {
		g->in.v2 = fd;
		g->v2_hierarchy = (int)i;
	} else {
		g->of_v1[g->in.v1s] = i;
		g->v1[g->in.v1s++] = fd;
	}
	return 1;
}

/* One PATH: in each hierarchy that it names and where it exists. */
static int add_path(struct groups *g, const struct cg_target *target, const char *text, struct cg_error **err)
{
	bool found = false;
	int r = cg_target_check(target, &g->live, err);

	for (size_t i = 0; r >= 0 && i < g->live.count; i++) {
		const struct cg_live_hierarchy *h = &g->live.item[i];
		const char *below = cg_path_below(h->mount_root, target->path);

		if (!below || !cg_live_matches(h, target->hierarchy))
			continue;
		r = open_group(g, i, text, below, err);
		found |= r > 0;
	}
	if (r >= 0 && !found) {
		r = cg_error_make(err, CG_FAULT_SYSTEM, ENOENT, "there is no such group");
		cg_error_at(err, target->path, NULL);
		cg_error_hint(err, "make it with: cgtree create %s", text);
	}
	return r < 0 ? r : 0;
}

/* What the paths need and no more: opening a dozen hierarchies takes longer than entering a group. */
static int open_hierarchies(struct groups *g, struct cg_error **err)
{
	_cleanup_free_ const char **names = calloc(g->targets, sizeof(*names));

	if (!names)
		return cg_error_oom(err);
	for (size_t i = 0; i < g->targets; i++)
		names[i] = g->target[i].hierarchy;
	return cg_live_open_named(names, g->targets, &g->live, err);
}

static int open_groups(struct groups *g, size_t paths, char **argv, struct cg_error **err)
{
	int r = 0;

	g->target = calloc(paths, sizeof(*g->target));
	if (!g->target)
		return cg_error_oom(err);
	for (; r == 0 && g->targets < paths; g->targets++)
		r = cg_target_parse(argv[g->targets], &g->target[g->targets], err);
	r = r < 0 ? r : open_hierarchies(g, err);
	if (r < 0)
		return r;
	g->v1 = calloc(g->live.count + 1, sizeof(*g->v1));
	g->of_v1 = calloc(g->live.count + 1, sizeof(*g->of_v1));
	g->path = calloc(g->live.count + 1, sizeof(*g->path));
	if (!g->v1 || !g->of_v1 || !g->path)
		return cg_error_oom(err);
	g->in.v1 = g->v1;
	for (size_t i = 0; r == 0 && i < paths; i++)
		r = add_path(g, &g->target[i], argv[i], err);
	return r;
}

/* What failed, and the status that tells it. */
static int explain(
	struct groups *g, char *const command[], const struct cg_enter_failure *f, struct cg_error **err)
{
	size_t i;

	switch ((enum cg_enter_stage)f->stage) {
	case CG_ENTER_EXEC:
		(void)cg_error_errno(err, f->code, "cannot run %s", command[0]);
		return f->code == ENOENT || f->code == ENOTDIR ? EXIT_NOT_FOUND : EXIT_CANNOT;
	case CG_ENTER_V1:
		i = g->of_v1[f->which];
		(void)cg_cgroup_explain(err, g->v1[f->which], g->path[i], CG_FILE_PROCS,
			CG_BYTES("of the command"), "attach", f->code);
		break;
	case CG_ENTER_V2:
		if (f->code == EAGAIN) {
			(void)cg_error_errno(err, f->code, "there is no room for another process");
			cg_error_at(err, g->path[g->v2_hierarchy], NULL);
			cg_error_hint(err,
				"the limit on tasks of the group, of one above it, or of the user (ulimit -u) is reached");
			break;
		}
		(void)cg_cgroup_explain(err, g->in.v2, g->path[g->v2_hierarchy], CG_FILE_PROCS,
			CG_BYTES("of the command"), "attach", f->code);
		break;
	case CG_ENTER_FORK:
	case CG_ENTER_STARTED:
		(void)cg_error_errno(err, f->code, "cannot make a process");
		break;
	}
	return EXIT_OURS;
}

/* The command's status as a shell would give it. */
static int status_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_and_wait(struct groups *g, char *const command[], struct cg_error **err)
{
	struct cg_enter_failure f;
	sigset_t mask;
	pid_t child;
	int status, r = cg_enter_block(&mask);

	if (r < 0)
		return cg_error_errno(err, -r, "cannot block signals");
	child = cg_enter_start(&g->in, command, &mask, &f);
	if (child < 0)
		return explain(g, command, &f, err);
	r = cg_enter_wait(child, &status);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot wait for the command");
	return status_of(status);
}

static int become(struct groups *g, char *const command[], struct cg_error **err)
{
	struct cg_enter_failure f;

	(void)signal(SIGPIPE, SIG_DFL);
	cg_enter_exec(&g->in, command, &f);
	return explain(g, command, &f, err);
}

/* Where "--" stands; argc when it does not. */
static int find_dashes(int argc, char **argv)
{
	int i = 1;

	while (i < argc && strcmp(argv[i], "--") != 0)
		i++;
	return i;
}

/* Without "--": the first word that is neither a group nor an option of ours, argc when there is none. Where
 * people leave it out the command begins there, and its options are not ours to complain about. */
static int find_stray(int argc, char **argv)
{
	int i = 1, paths = 0;

	for (; i < argc; i++) {
		const char *word = argv[i];
		bool group = word[0] == '/' || (word[0] != '-' && strstr(word, ":/"));

		paths += group;
		if (!group && (word[0] != '-' || (paths && word[1] != '-' && !strchr("hqv", word[1]))))
			break;
	}
	return i;
}

static int run_exec(struct cli *cli, int argc, char **argv)
{
	_cleanup_(groups_free) struct groups g = {.in = {.v2 = -1}};
	_cleanup_error_ struct cg_error *err = NULL;
	struct exec_options o = {0};
	const int dashes = find_dashes(argc, argv);
	const int stray = dashes < argc ? dashes : find_stray(argc, argv);
	int first, r = cli_parse(cli, &o, stray, argv, &first);

	if (r)
		return r;
	if (stray < dashes)
		return cli_usage(cli,
			"\"%s\" is no group: write -- before the command, PATH... -- COMMAND [ARGUMENT...]",
			argv[stray]);
	if (first == dashes)
		return cli_usage(cli, "say in which groups: PATH... -- COMMAND");
	if (dashes >= argc - 1)
		return cli_usage(cli, "say what to run: PATH... -- COMMAND [ARGUMENT...]");
	r = open_groups(&g, (size_t)(dashes - first), argv + first, &err);
	if (r < 0) {
		(void)cli_fail_text(cli, err);
		return err->fault == CG_FAULT_USAGE ? CLI_EXIT_USAGE : EXIT_OURS;
	}
	r = o.replace ? become(&g, argv + dashes + 1, &err) : run_and_wait(&g, argv + dashes + 1, &err);
	if (err)
		(void)cli_fail_text(cli, err);
	return r < 0 ? EXIT_OURS : r;
}

const struct cli_verb cli_verb_exec = {
	.name = "exec",
	.summary = "run a command in groups",
	.synopsis = (const char *const[]){"[HIER:]PATH... [--replace] -- COMMAND [ARGUMENT...]", NULL},
	.description =
		(const char *const[]){
			"Runs the command in the group, in each hierarchy where it exists; several paths may be given when "
			"they lie in different hierarchies. The command is in before its first instruction: all of its "
			"memory and time is counted there, and it cannot be too quick. On v2 it is made there "
			"(clone3 with CLONE_INTO_CGROUP, Linux 5.7 and later, x86-64); elsewhere it enters before it is executed.",
			"Signals sent to cgtree are passed on to the command, and when it stops cgtree stops, so that a "
			"shell's job control works. With --replace there is nothing in between: cgtree moves itself and "
			"becomes the command.",
			NULL},
	.options = exec_table,
	.examples = (const struct cli_example[]){{"cgtree exec /job -- make -j8", "build within limits"},
		{"cgtree exec cpu:/slow memory:/small -- ./program", "two v1 hierarchies, two groups"},
		{"cgtree exec --replace /job -- sleep 60", "as the last command of a wrapper"}, {0}},
	.exits = (const char *const[]){"N the command's own; 128+N when signal N ended it",
		"125 the group cannot be entered", "126 the command cannot be run",
		"127 the command is not there", "64 the command line is wrong", NULL},
	.arguments = CLI_NAMES_GROUP,
	.plain = true,
	.run = run_exec,
};
