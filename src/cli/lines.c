/* The lines of a plan. See lines.h. */
#include "cli/lines.h"

static const char *mark_color(const struct cli_style *style, char mark)
{
	switch (mark) {
	case '+':
		return style->green;
	case '-':
		return style->red;
	case '!':
		return style->yellow;
	case '~':
	case '>':
		return style->cyan;
	default:
		return style->dim;
	}
}

void cli_line(void *context, const char *text)
{
	struct cli_lines *l = context;

	if (l->keep) {
		cg_text_adds(&l->kept, text);
		cg_text_addc(&l->kept, '\n');
	}
	if (text[0] == '!' && (l->cli->quiet || l->cli->json)) {
		cli_warn_line(l->cli, text[1] == ' ' ? text + 2 : text + 1);
		return;
	}
	if (l->cli->quiet || l->cli->json || !text[0])
		return;
	cli_progress_clear(l->cli);
	(void)printf("%s%c%s%s\n", mark_color(&l->style, text[0]), text[0], l->style.reset, text + 1);
}

void cli_lines_json(struct json_out *j, const struct cli_lines *lines)
{
	struct cg_bytes rest = {lines->kept.data, lines->kept.len}, line;

	json_open(j, '[');
	while (cg_bytes_split(&rest, '\n', &line)) {
		if (line.len < 2)
			continue;
		json_open(j, '{');
		json_bytes(json_member(j, "mark"), (struct cg_bytes){line.data, 1});
		json_bytes(json_member(j, "text"), (struct cg_bytes){line.data + 2, line.len - 2});
		json_close(j, '}');
	}
	json_close(j, ']');
}

const char *cli_outcome_name(enum cg_outcome outcome)
{
	static const char *const names[] = {"exact", "differs", "unchanged", "partial"};

	return names[outcome];
}

int cli_exit_of_outcome(const struct cli *cli, enum cg_outcome outcome, const struct cg_error *err)
{
	if (outcome == CG_OUTCOME_PARTIAL)
		return CLI_EXIT_PARTIAL;
	if (err)
		return cli_exit_of(cli, err);
	if (outcome == CG_OUTCOME_UNCHANGED)
		return CLI_EXIT_FAILED;
	return outcome == CG_OUTCOME_EXACT ? CLI_EXIT_OK : CLI_EXIT_DIFFERS;
}
