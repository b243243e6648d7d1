/* cgtree criu prepare and undo: the groups before CRIU restores into them, and the way back. */
#include <string.h>

#include "checkpoint/checkpoint.h"
#include "cli/criu_verbs.h"
#include "cli/everyday.h"
#include "cli/lines.h"
#include "cli/source.h"

static const char *state_dir_of(const struct criu_options *o)
{
	return cli_state_dir(o->where.state_dir);
}

struct prepared {
	enum cg_outcome outcome;
	struct cg_restore_counts counts;
};

static int prepare(struct cli *cli, const struct criu_options *o, const char *folder, struct cli_lines *lines,
	struct prepared *p, struct cg_error **err)
{
	_cleanup_folder_ struct cg_folder f = CG_FOLDER_INIT;
	_cleanup_request_ struct cli_request request = {0};
	_cleanup_live_ struct cg_live live = {0};
	struct cg_restore_options options = {
		.apply = {.line = cli_line,
			.line_context = lines,
			.progress = cli_progress,
			.progress_context = cli,
			.stop = cli_catch_signals()},
	};
	int r = cli_restore_fill(&o->where, &request, &options, err);

	p->outcome = CG_OUTCOME_UNCHANGED;
	r = r < 0 ? r : cg_folder_open(folder, state_dir_of(o), &f, err);
	r = r < 0 ? r : cli_open_live(&o->where.dir, &live, err);
	r = r < 0 ? r : cg_checkpoint_prepare(&f, &live, &options, true, &p->outcome, &p->counts, err);
	cli_progress_clear(cli);
	return r;
}

static void say_prepared(struct cli *cli, const struct criu_options *o, const struct prepared *p)
{
	_cleanup_text_ struct cg_text t = {0};

	cg_text_adds(&t, o->where.dry_run ? "would prepare " : "prepared ");
	cli_plural(&t, p->counts.groups, "group", "groups");
	cg_text_adds(&t, ", ");
	cli_plural(&t, p->counts.settings, "setting", "settings");
	if (p->counts.differs) {
		cg_text_adds(&t, "; ");
		cli_plural(
			&t, p->counts.differs, "thing differs or is skipped", "things differ or are skipped");
	}
	if (t.data)
		cli_say(cli, "%s", t.data);
}

static void lines_json(
	const char *what, const struct cli_lines *lines, enum cg_outcome outcome, const struct cg_error *err)
{
	struct json_out j = json_begin(stdout, true);

	json_open(&j, '{');
	json_text(json_member(&j, "schema"), "cgtree.criu/1");
	json_text(json_member(&j, "done"), what);
	json_text(json_member(&j, "outcome"), cli_outcome_name(outcome));
	cli_lines_json(json_member(&j, "lines"), lines);
	if (err)
		json_error(json_member(&j, "error"), err);
	json_close(&j, '}');
	json_end(&j);
}

int cli_criu_prepare(struct cli *cli, const struct criu_options *o, char **word, size_t words)
{
	struct cli_lines lines = {.cli = cli, .style = cli_style_of(cli->color_out), .keep = cli->json};
	_cleanup_error_ struct cg_error *err = NULL;
	struct prepared p = {0};

	if (words != 1)
		return cli_usage(cli, "one folder of CRIU's images is wanted");
	if (cli_restore_check(cli, &o->where) != 0)
		return CLI_EXIT_USAGE;
	if (prepare(cli, o, word[0], &lines, &p, &err) < 0) {
		(void)fflush(stdout);
		(void)cli_fail_text(cli, err);
	} else if (!cli->quiet && !cli->json) {
		(void)fflush(stdout);
		say_prepared(cli, o, &p);
	}
	if (cli->json)
		lines_json("prepare", &lines, p.outcome, err);
	cg_text_free(&lines.kept);
	return cli_exit_of_outcome(cli, p.outcome, err);
}

static int undo(const struct criu_options *o, const char *folder, struct cli_lines *lines,
	enum cg_outcome *outcome, size_t *count, struct cg_error **err)
{
	_cleanup_folder_ struct cg_folder f = CG_FOLDER_INIT;
	_cleanup_live_ struct cg_live live = {0};
	int r = cg_folder_open(folder, state_dir_of(o), &f, err);

	*outcome = CG_OUTCOME_UNCHANGED;
	r = r < 0 ? r : cli_open_live(&o->where.dir, &live, err);
	return r < 0 ? r : cg_checkpoint_undo(&f, &live, cli_line, lines, count, outcome, err);
}

int cli_criu_undo(struct cli *cli, const struct criu_options *o, char **word, size_t words)
{
	struct cli_lines lines = {.cli = cli, .style = cli_style_of(cli->color_out), .keep = cli->json};
	_cleanup_error_ struct cg_error *err = NULL;
	enum cg_outcome outcome;
	size_t count = 0;

	if (words != 1)
		return cli_usage(cli, "one folder of CRIU's images is wanted");
	if (undo(o, word[0], &lines, &outcome, &count, &err) < 0)
		(void)cli_fail_text(cli, err);
	else if (!cli->quiet && !cli->json)
		cli_say(cli, count ? "taken back" : "nothing was to be taken back");
	if (cli->json)
		lines_json("undo", &lines, outcome, err);
	cg_text_free(&lines.kept);
	return cli_exit_of_outcome(cli, outcome, err);
}
