/* cgtree restore and recover: an image to the live tree, and what a killed restore left back to what it was.
 */
#include <errno.h>
#include <string.h>

#include "cli/convert_options.h"
#include "cli/everyday.h"
#include "cli/lines.h"
#include "cli/restore_options.h"
#include "cli/source.h"
#include "engine/restore.h"

struct restore_options {
	struct cli_restore_options where; /* first: CLI_RESTORE_ROWS */
	const char *pid_map, *report;
	int members, pidns;
	bool no_rollback, translate;
	struct cli_convert how;
};

enum members_word { MEMBERS_AUTO, MEMBERS_NONE };
static const char *const members_words[] = {"auto", "none", NULL};

#define AT(member) offsetof(struct restore_options, member)
static const struct cli_option restore_table[] = {
	CLI_RESTORE_ROWS,
	{'\0', "members", CLI_CHOICE, AT(members), "WHICH", members_words, CLI_NAMES_NOTHING,
		"auto moves the recorded tasks that still run, none moves nobody (default: auto)"},
	{'\0', "pid-map", CLI_TEXT, AT(pid_map), "FILE", NULL, CLI_NAMES_FILE,
		"tasks have other ids now: lines \"OLD NEW\", # begins a comment"},
	{'\0', "pidns", CLI_PID, AT(pidns), "PID", NULL, CLI_NAMES_NOTHING,
		"tasks are found by their id inside the pid namespace of this process"},
	{'\0', "translate", CLI_FLAG, AT(translate),
		.help = "an image of another cgroup version, or of hierarchies that are put together otherwise, is "
			"converted to those of this host (see cgtree help convert)"},
	CLI_CONVERT_OPTIONS(struct restore_options, how),
	{'\0', "no-rollback", CLI_FLAG, AT(no_rollback),
		.help = "after a failure leave what was done instead of taking it back"},
	{'\0', "report", CLI_TEXT, AT(report), "FILE", NULL, CLI_NAMES_FILE,
		"write what was done to FILE, as JSON (schema cgtree.restore/1), also after a failure"},
	{0},
};
#undef AT

static void restore_options_free(struct restore_options *o)
{
	cli_restore_options_free(&o->where);
}

/* The engine's options from the command line's. */
static int fill_options(const struct restore_options *o, struct cli_request *q,
	struct cg_restore_options *ret, struct cg_error **err)
{
	int r = cli_restore_fill(&o->where, q, ret, err);

	if (r == 0 && o->pid_map)
		r = cli_request_pid_map(q, o->pid_map, err);
	ret->members.none = o->members == MEMBERS_NONE;
	ret->members.pid_map = q->pid_map;
	ret->members.pid_maps = q->pid_maps;
	ret->members.pidns = o->pidns;
	ret->apply.no_rollback = o->no_rollback;
	ret->translate = o->translate || o->how.strict;
	return r < 0 ? r : cli_convert_options(&o->how, &ret->convert, err);
}

struct restore_result {
	enum cg_outcome outcome;
	struct cg_restore_counts counts;
	struct cg_error *err;
};

static void result_json(FILE *file, const struct restore_options *o, const struct cli_lines *lines,
	const struct restore_result *res)
{
	struct json_out j = json_begin(file, true);

	json_open(&j, '{');
	json_text(json_member(&j, "schema"), "cgtree.restore/1");
	json_bool(json_member(&j, "dry_run"), o->where.dry_run);
	json_text(json_member(&j, "outcome"), cli_outcome_name(res->outcome));
	json_number(json_member(&j, "groups"), res->counts.groups);
	json_number(json_member(&j, "settings"), res->counts.settings);
	json_number(json_member(&j, "tasks"), res->counts.tasks);
	json_number(json_member(&j, "differs"), res->counts.differs);
	cli_lines_json(json_member(&j, "lines"), lines);
	if (res->err)
		json_error(json_member(&j, "error"), res->err);
	json_close(&j, '}');
	json_end(&j);
}

static int write_report(struct cli_output *out, const struct restore_options *o,
	const struct cli_lines *lines, const struct restore_result *res, struct cg_error **err)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);
	int r;

	if (!file)
		return cg_error_oom(err);
	result_json(file, o, lines, res);
	if (fclose(file) != 0)
		return cg_error_oom(err);
	r = cli_output_write(out, text, size, err);
	return r < 0 ? r : cli_output_commit(out, err);
}

static void say_summary(struct cli *cli, const struct restore_options *o, const struct restore_result *res)
{
	_cleanup_text_ struct cg_text t = {0};

	cg_text_adds(&t, o->where.dry_run ? "would restore " : "restored ");
	cli_plural(&t, res->counts.groups, "group", "groups");
	cg_text_adds(&t, ", ");
	cli_plural(&t, res->counts.settings, "setting", "settings");
	cg_text_adds(&t, ", ");
	cli_plural(&t, res->counts.tasks, "task", "tasks");
	if (res->counts.differs) {
		cg_text_adds(&t, "; ");
		cli_plural(&t, res->counts.differs, "thing differs or is skipped",
			"things differ or are skipped");
	}
	if (t.data)
		cli_say(cli, "%s", t.data);
	/* Tasks with new ids were made by another program just now, and all their memory elsewhere. */
	if ((o->pid_map || o->pidns) && res->counts.tasks && !o->where.dry_run)
		cli_say(cli,
			"memory that these tasks had before stays charged to the groups that they came from");
}

/* An image that was converted to another layout than this host's: what it was before is nearer to it. */
static int take_back(const struct cg_live *live, struct cli_source *source, struct cg_losses *losses,
	struct cg_error **err)
{
	_cleanup_(cg_arena_free) struct cg_arena arena = {0};
	struct cg_tree *back = NULL;
	struct cg_layout layout;
	int r = cg_live_layout(live, &arena, &layout, err);

	if (r == 0 && !cg_layout_fits(source->tree, &layout))
		r = cli_take_back(source->tree, 0, &back, losses, err);
	if (back) {
		cg_tree_free(source->tree);
		source->tree = back;
	}
	return r < 0 ? r : 0;
}

static int do_restore(struct cli *cli, const struct restore_options *o, const char *image,
	struct cli_lines *lines, struct restore_result *res, struct cg_error **err)
{
	_cleanup_request_ struct cli_request request = {0};
	_cleanup_source_ struct cli_source source = {0};
	_cleanup_live_ struct cg_live live = {0};
	_cleanup_losses_ struct cg_losses losses = {0};
	struct cg_restore_options options = {
		.apply = {.line = cli_line,
			.line_context = lines,
			.notes_only = cli->quiet && !lines->keep,
			.progress = cli_progress,
			.progress_context = cli,
			.stop = cli_catch_signals()},
	};
	int r = fill_options(o, &request, &options, err);

	res->outcome = CG_OUTCOME_UNCHANGED;
	if (r == 0)
		r = cli_read_image(image, &source, err);
	if (r == 0)
		r = cli_open_live(&o->where.dir, &live, err);
	if (r == 0 && options.translate)
		r = take_back(&live, &source, &losses, err);
	options.losses = &losses;
	if (r == 0)
		r = cg_restore(&live, source.tree, &options, &res->outcome, &res->counts, err);
	cli_progress_clear(cli);
	return r;
}

static int restore(struct cli *cli, const struct restore_options *o, const char *image)
{
	_cleanup_output_ struct cli_output report = CLI_OUTPUT_INIT;
	_cleanup_error_ struct cg_error *err = NULL, *report_err = NULL;
	struct cli_lines lines = {
		.cli = cli, .style = cli_style_of(cli->color_out), .keep = cli->json || o->report};
	struct restore_result res = {0};
	int r, status;

	if (o->report && cli_output_open(&report, o->report, &err) < 0)
		return cli_fail(cli, err);
	/* The lines tell the progress when a person sees them. */
	if (cli->width && !cli->quiet && !cli->json)
		cli->progress_on = cli->progress;
	r = do_restore(cli, o, image, &lines, &res, &err);
	res.err = err;
	(void)fflush(stdout);
	if (r < 0)
		(void)cli_fail_text(cli, err);
	else if (!cli->quiet && !cli->json)
		say_summary(cli, o, &res);
	status = cli_exit_of_outcome(cli, res.outcome, err);
	if (cli->json)
		result_json(stdout, o, &lines, &res);
	if (o->report && write_report(&report, o, &lines, &res, &report_err) < 0) {
		(void)cli_fail_text(cli, report_err);
		/* The tree is as asked for, but the report is lacking. */
		status = status == CLI_EXIT_OK ? CLI_EXIT_DIFFERS : status;
	}
	cg_text_free(&lines.kept);
	return status;
}

static int check_restore(struct cli *cli, const struct restore_options *o, int words)
{
	if (words != 1)
		return cli_usage(
			cli, words ? "one image at a time" : "say which image: FILE, or - for stdin");
	if (cli_restore_check(cli, &o->where) != 0)
		return CLI_EXIT_USAGE;
	if (o->pid_map && o->pidns)
		return cli_usage(cli, "--pid-map and --pidns each say which task is which: give one of them");
	if (!o->translate && !o->how.strict &&
		(o->how.dialect || o->how.conflict || o->how.soft_limit || o->how.skip_unknown))
		return cli_usage(cli,
			"--dialect, --soft-limit, --on-conflict and --skip-unknown belong to --translate");
	if (o->members == MEMBERS_NONE && (o->pid_map || o->pidns))
		return cli_usage(
			cli, "--members none moves no task: --pid-map and --pidns have no meaning beside it");
	return 0;
}

static int run_restore(struct cli *cli, int argc, char **argv)
{
	_cleanup_(restore_options_free) struct restore_options o = {0};
	int first, r = cli_parse(cli, &o, argc, argv, &first);

	if (r == 0)
		r = check_restore(cli, &o, argc - first);
	return r ? r : restore(cli, &o, argv[first]);
}

const struct cli_verb cli_verb_restore = {
	.name = "restore",
	.summary = "bring the tree of an image back",
	.synopsis =
		(const char *const[]){
			"FILE|- [--mode MODE] [--mode-at PATH=MODE]... [--root [HIER:]PATH] "
			"[--map OLD=NEW]... [--dir DIR]... [-n|--dry-run] [--members auto|none] "
			"[--pid-map FILE] [--pidns PID] [--device-map FILE] [--translate [--dialect NAME] "
			"[--soft-limit low|high] [--on-conflict fail|leaf|lead=HIERARCHY] "
			"[--skip-unknown] [--strict-translation]] [--keep-top] "
			"[--no-rollback] [--report FILE]",
			NULL},
	.description = (const char *const
			[]){"Reads and checks the whole image, looks at the target, makes a plan, and carries it out: all "
			    "of it, or, when something fails, nothing. What a restore has changed is recorded in "
			    "" CLI_STATE_DIR
			    " while it runs; after a kill, \"cgtree recover\" undoes it. SIGINT and SIGTERM "
			    "roll back.",
		"strict: the top must not exist yet; everything is created. opportunistic: what exists is "
		"reused as it is, what is missing is created, and a setting that fails is named. bind: the "
		"top exists (made and mounted beforehand); what is below is rebuilt with its settings. full: "
		"what exists is brought to the image, what is missing is created. props: all groups exist, "
		"only settings are brought back. none: all groups exist, only tasks are moved.",
		"A line for each change as it becomes true: \"+ PATH\" created, \"~ PATH FILE OLD -> NEW\" "
		"changed, \"= PATH\" kept as it is, \"> PATH PID NAME\" a task enters, \"! PATH FILE: why\" "
		"differs, was skipped or failed, \"- PATH\" removed again. --dry-run prints the same text.",
		NULL},
	.options = restore_table,
	.examples = (const struct cli_example[]){{"cgtree restore job.cgt -n",
							 "what would be done, changing nothing"},
		{"cgtree restore job.cgt", "bring /job back where it was, with its tasks that still run"},
		{"cgtree restore job.cgt --root /copy --members none", "the same tree and limits elsewhere"},
		{"cgtree restore job.cgt --mode bind --root /", "inside a container"},
		{"cgtree restore job.cgt --mode bind --dir /box/memory --dir /box/pids",
			"into groups that were made and mounted beforehand, one of each hierarchy"},
		{"cgtree restore job.cgt --mode full --mode-at /job/tmp=opportunistic",
			"another mode from a group down"},
		{0}},
	.exits = (const char *const[]){"0 the target is exactly as the image says",
		"1 done, but something differs or was skipped: each has its \"!\" line",
		"2 failed; the target is as it was before",
		"3 failed; the target is partly changed (--no-rollback, or taking back failed)",
		"4 the image is damaged or incomplete; nothing was changed",
		"5 the image is of a version, or has a feature, that is not read here; nothing was changed",
		"64 the command line is wrong", NULL},
	.arguments = CLI_NAMES_FILE,
	.changes = true,
	.run = run_restore,
};

struct recover_options {
	const char *state_dir;
	struct cli_list dir;
};

static const struct cli_option recover_table[] = {
	{'\0', "dir", CLI_LIST, offsetof(struct recover_options, dir), "DIR", NULL, CLI_NAMES_DIRECTORY,
		"the restore worked through this directory (restore --dir); may be repeated"},
	{'\0', "state-dir", CLI_TEXT, offsetof(struct recover_options, state_dir), "DIR", NULL,
		CLI_NAMES_DIRECTORY, "where undo records lie (default: " CLI_STATE_DIR ")"},
	{0},
};

static void recover_json(
	const struct cli_lines *lines, size_t count, enum cg_outcome outcome, const struct cg_error *err)
{
	struct json_out j = json_begin(stdout, true);

	json_open(&j, '{');
	json_text(json_member(&j, "schema"), "cgtree.recover/1");
	json_text(json_member(&j, "outcome"), cli_outcome_name(outcome));
	json_number(json_member(&j, "undone"), count);
	cli_lines_json(json_member(&j, "lines"), lines);
	if (err)
		json_error(json_member(&j, "error"), err);
	json_close(&j, '}');
	json_end(&j);
}

static void say_undone(struct cli *cli, size_t count)
{
	_cleanup_text_ struct cg_text t = {0};

	cli_plural(&t, count, "restore was undone", "restores were undone");
	cli_say(cli, "%s", count && t.data ? t.data : "no killed restore was found");
}

static int recover(struct cli *cli, const struct recover_options *o)
{
	_cleanup_error_ struct cg_error *err = NULL;
	_cleanup_live_ struct cg_live live = {0};
	struct cli_lines lines = {.cli = cli, .style = cli_style_of(cli->color_out), .keep = cli->json};
	struct cg_apply_options options = {
		.state_dir = cli_state_dir(o->state_dir),
		.stop = cli_catch_signals(),
		.line = cli_line,
		.line_context = &lines,
		.progress = cli_progress,
		.progress_context = cli,
	};
	enum cg_outcome outcome = CG_OUTCOME_UNCHANGED;
	size_t count = 0;
	int r = cli_open_live(&o->dir, &live, &err);

	if (r == 0)
		r = cg_recover(&live, &options, &count, &outcome, &err);
	(void)fflush(stdout);
	if (r < 0)
		(void)cli_fail_text(cli, err);
	else if (!cli->quiet && !cli->json)
		say_undone(cli, count);
	if (cli->json)
		recover_json(&lines, count, outcome, err);
	cg_text_free(&lines.kept);
	return cli_exit_of_outcome(cli, outcome, err);
}

static int run_recover(struct cli *cli, int argc, char **argv)
{
	struct recover_options o = {0};
	int first, r = cli_parse(cli, &o, argc, argv, &first);

	if (r == 0 && first < argc)
		r = cli_usage(cli, "no argument is taken: the records are found without");
	if (r == 0)
		r = recover(cli, &o);
	cli_list_free(&o.dir);
	return r;
}

const struct cli_verb cli_verb_recover = {
	.name = "recover",
	.summary = "undo a restore that was killed",
	.synopsis = (const char *const[]){"[--state-dir DIR] [--dir DIR]...", NULL},
	.description =
		(const char *const[]){
			"Looks for the undo records of restores whose program is gone, checks that what stands there "
			"is what the record says, and brings back values and tasks and removes the groups that were "
			"made. A record that does not fit is left alone and named.",
			NULL},
	.options = recover_table,
	.examples = (const struct cli_example[]){{"cgtree recover", "after a restore was killed"}, {0}},
	.exits = (const char *const[]){"0 nothing was to be undone, or all of it was",
		"1 done, but something was found otherwise than recorded: each has its \"!\" line",
		"2 failed, nothing was changed", "3 failed, the target is partly changed",
		"64 the command line is wrong", NULL},
	.changes = true,
	.run = run_recover,
};
