/* What an image, or the other side of a conversion, has no place for: said at once ("! PATH KNOB: why"), and
 * kept for JSON. */
#pragma once

#include "cli/cli.h"
#include "cli/json_out.h"
#include "model/tree.h"

struct cli_named {
	struct cli *cli;
	struct cg_note *note;
	struct cg_arena arena;
	size_t count, room;
};
void cli_named_free(struct cli_named *n);
#define _cleanup_named_ _cleanup_(cli_named_free)

/* Says and keeps one; `context` is the cli_named. -ENOMEM. */
int cli_named_add(void *context, const char *path, const char *knob, const char *text) CG_MUST_CHECK;
/* The same for all notes of a tree. */
int cli_named_add_notes(struct cli_named *n, const struct cg_tree *tree, struct cg_error **err) CG_MUST_CHECK;

/* A member "notes": [{"path", "knob", "text"}, ...]. */
void cli_notes_json(struct json_out *j, const struct cg_note *note, size_t count);
