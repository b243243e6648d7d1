/* What the everyday verbs share. See everyday.h. */
#include "cli/everyday.h"

#include <stdlib.h>
#include <unistd.h>

#define STATE_DIR "/run/cgtree"

const char *cli_state_dir(const char *given)
{
	static char own[512];
	const char *run = getenv("XDG_RUNTIME_DIR");
	int n;

	if (given)
		return given;
	if (geteuid() == 0 || !run || run[0] != '/')
		return STATE_DIR;
	n = snprintf(own, sizeof(own), "%s/cgtree", run);
	return n > 0 && (size_t)n < sizeof(own) ? own : STATE_DIR;
}

void cli_change_free(struct cli_change *c)
{
	cg_edit_free(&c->edit);
	cg_target_free(&c->target);
	cg_live_close(&c->live);
	cg_text_free(&c->lines.kept);
}

int cli_change_begin(struct cli_change *c, const char *path, struct cg_error **err)
{
	int r;

	c->lines = (struct cli_lines){
		.cli = c->cli, .style = cli_style_of(c->cli->color_out), .keep = c->cli->json};
	cg_edit_begin(&c->edit, &c->live);
	r = cg_target_parse(path, &c->target, err);
	return r < 0 ? r : cg_live_open(&c->live, err);
}

static void result_json(
	const struct cli_change *c, enum cg_outcome outcome, size_t differs, const struct cg_error *err)
{
	_cleanup_text_ struct cg_text schema = {0};
	struct json_out j = json_begin(stdout, true);

	cg_text_printf(&schema, "cgtree.%s/1", c->cli->verb->name);
	json_open(&j, '{');
	json_text(json_member(&j, "schema"), schema.data);
	json_bool(json_member(&j, "dry_run"), c->dry_run);
	json_text(json_member(&j, "path"), c->target.path);
	json_text(json_member(&j, "outcome"), cli_outcome_name(outcome));
	json_number(json_member(&j, "differs"), differs);
	cli_lines_json(json_member(&j, "lines"), &c->lines);
	if (err)
		json_error(json_member(&j, "error"), err);
	json_close(&j, '}');
	json_end(&j);
}

int cli_change_end(struct cli_change *c, int r, struct cg_error *err)
{
	_cleanup_error_ struct cg_error *own = err;
	enum cg_outcome outcome = CG_OUTCOME_UNCHANGED;
	size_t differs = c->edit.plan.differs;
	const struct cg_apply_options options = {
		.state_dir = cli_state_dir(c->state_dir),
		.stop = cli_catch_signals(),
		.line = cli_line,
		.line_context = &c->lines,
	};

	if (r == 0)
		r = cg_edit_finish(&c->edit, &own);
	if (r == 0 && c->dry_run) {
		r = cg_edit_tell(&c->edit, &options, &own);
		outcome = r < 0 ? CG_OUTCOME_UNCHANGED : differs ? CG_OUTCOME_DIFFERS : CG_OUTCOME_EXACT;
	} else if (r == 0) {
		r = cg_edit_run(&c->edit, &options, &outcome, &differs, &own);
	}
	(void)fflush(stdout);
	if (r < 0)
		(void)cli_fail_text(c->cli, own);
	if (c->cli->json)
		result_json(c, outcome, differs, own);
	return cli_exit_of_outcome(c->cli, outcome, own);
}
