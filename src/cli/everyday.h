/* What the everyday verbs share: settings of live groups, asked for on a command line. */
#pragma once

#include "cli/cli.h"
#include "cli/lines.h"
#include "engine/assign.h"

/* Where undo records lie: the verb's --state-dir, else a folder of the system's, or of the user's session for
 * who is not root. */
const char *cli_state_dir(const char *given);

/* A change of live groups by an edit, from its beginning to the exit status. */
struct cli_change {
	struct cli *cli;
	const char *state_dir;
	bool dry_run;
	struct cg_live live;
	struct cg_target target;
	struct cg_edit edit;
	struct cli_lines lines;
};
void cli_change_free(struct cli_change *c);
#define _cleanup_change_ _cleanup_(cli_change_free)

/* Opens what is live and takes the path. */
int cli_change_begin(struct cli_change *c, const char *path, struct cg_error **err) CG_MUST_CHECK;
/* Carries the edit out, or tells it, and says how it ended: the exit status. r is what building the edit came
 * to; below 0 nothing is done but saying why. */
int cli_change_end(struct cli_change *c, int r, struct cg_error *err);
