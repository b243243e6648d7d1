/* cgtree delete: groups that are no longer needed. */
#include <errno.h>

#include "cli/everyday.h"
#include "cli/source.h"
#include "engine/remove.h"

#define KILL_TIMEOUT_MS 20000

struct delete_options {
	bool recursive, kill, dry_run;
};

#define AT(member) offsetof(struct delete_options, member)
static const struct cli_option delete_table[] = {
	{'r', "recursive", CLI_FLAG, AT(recursive), .help = "the groups below it, too"},
	{'\0', "kill", CLI_FLAG, AT(kill),
		.help = "end the tasks in them (SIGKILL) and wait until they are gone"},
	{'n', "dry-run", CLI_FLAG, AT(dry_run), .help = "print what would be done and change nothing"},
	{0},
};
#undef AT

static void result_json(const struct cli_lines *lines, const struct delete_options *o, const char *path,
	const struct cg_remove_counts *counts, const struct cg_error *err)
{
	struct json_out j = json_begin(stdout, true);

	json_open(&j, '{');
	json_text(json_member(&j, "schema"), "cgtree.delete/1");
	json_bool(json_member(&j, "dry_run"), o->dry_run);
	json_text(json_member(&j, "path"), path);
	json_number(json_member(&j, "groups"), counts->groups);
	json_number(json_member(&j, "killed"), counts->killed);
	cli_lines_json(json_member(&j, "lines"), lines);
	if (err)
		json_error(json_member(&j, "error"), err);
	json_close(&j, '}');
	json_end(&j);
}

static void say_killed(struct cli *cli, const struct delete_options *o, size_t killed)
{
	_cleanup_text_ struct cg_text t = {0};

	cli_plural(&t, killed, "process", "processes");
	if (killed && t.data && !cli->quiet && !cli->json)
		cli_say(cli, "%s %s", o->dry_run ? "would kill" : "killed", t.data);
}

static int delete (struct cli *cli, const struct delete_options *o, const char *path)
{
	_cleanup_target_ struct cg_target target = {0};
	_cleanup_error_ struct cg_error *err = NULL;
	_cleanup_live_ struct cg_live live = {0};
	struct cli_lines lines = {.cli = cli, .style = cli_style_of(cli->color_out), .keep = cli->json};
	const struct cg_remove_options options = {
		.recursive = o->recursive,
		.kill = o->kill,
		.dry_run = o->dry_run,
		.timeout_ms = KILL_TIMEOUT_MS,
		.line = cli_line,
		.line_context = &lines,
		.stop = cli_catch_signals(),
	};
	struct cg_remove_counts counts = {0};
	int r = cg_target_parse(path, &target, &err);

	r = r < 0 ? r : cg_live_open(&live, &err);
	r = r < 0 ? r : cg_remove(&live, &target, &options, &counts, &err);
	(void)fflush(stdout);
	if (r < 0)
		(void)cli_fail_text(cli, err);
	say_killed(cli, o, counts.killed);
	if (cli->json)
		result_json(&lines, o, target.path ? target.path : path, &counts, err);
	cg_text_free(&lines.kept);
	return r < 0 ? cli_exit_of(cli, err) : CLI_EXIT_OK;
}

static int run_delete(struct cli *cli, int argc, char **argv)
{
	struct delete_options o = {0};
	int first, r = cli_parse(cli, &o, argc, argv, &first);

	if (r)
		return r;
	if (argc - first != 1)
		return cli_usage(cli,
			argc == first ? "say which group to remove: [HIER:]PATH" : "one group at a time");
	return delete (cli, &o, argv[first]);
}

const struct cli_verb cli_verb_delete = {
	.name = "delete",
	.summary = "remove a group",
	.synopsis = (const char *const[]){"[HIER:]PATH [-r|--recursive] [--kill] [-n|--dry-run]", NULL},
	.description = (const char *const
			[]){"Removes the group in each hierarchy where it exists. One that has groups below it is refused "
			    "without -r, one that has tasks (in it or below) without --kill; both are found out before "
			    "anything is done, in all hierarchies.",
		"--kill ends the tasks: on v2 the kernel does it at once (cgroup.kill), on v1 each process gets "
		"SIGKILL through a descriptor of its own, again until nobody is left; frozen groups are thawed "
		"for that. Then it is waited, at most 20 s, until all have ended.",
		"Nothing outside of the path is touched: groups are removed one component at a time, and what is "
		"mounted over one of them is refused.",
		NULL},
	.options = delete_table,
	.examples = (const struct cli_example[]){{"cgtree delete /job", "an empty group without any below"},
		{"cgtree delete -r /job -n", "what would go"},
		{"cgtree delete -r --kill /job", "all of it, with the processes in it"},
		{"cgtree delete cpu:/job", "in one v1 hierarchy"}, {0}},
	.exits = (const char *const[]){"0 removed",
		"2 failed or refused (it does not exist, is not empty, ...); nothing is changed",
		"3 failed when tasks had been killed or groups removed", "64 the command line is wrong",
		NULL},
	.arguments = CLI_NAMES_GROUP,
	.changes = true,
	.run = run_delete,
};
