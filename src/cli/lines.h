/* The lines of a plan as they become true: to stdout, and kept for JSON and the report file. */
#pragma once

#include "base/text.h"
#include "cli/cli.h"
#include "cli/json_out.h"
#include "engine/apply.h"

struct cli_lines {
	struct cli *cli;
	struct cli_style style;
	bool keep;           /* for JSON or a report */
	struct cg_text kept; /* a line each; lines hold no newline */
};

/* A cg_line_fn; context is the struct cli_lines. With -q only "!" lines are shown, on stderr. */
void cli_line(void *context, const char *text);
/* The array of kept lines: {"mark": "+", "text": "/a/b"}. */
void cli_lines_json(struct json_out *j, const struct cli_lines *lines);
const char *cli_outcome_name(enum cg_outcome outcome);
/* The exit status of a restore or recovery that ended so. `err` NULL: it did not fail. */
int cli_exit_of_outcome(const struct cli *cli, enum cg_outcome outcome, const struct cg_error *err);
