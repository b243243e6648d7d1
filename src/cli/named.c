/* What has no place: see named.h. */
#include "cli/named.h"

#include <errno.h>
#include <stdlib.h>

#include "cli/source.h"

void cli_named_free(struct cli_named *n)
{
	cg_arena_free(&n->arena);
	free(n->note);
}

static int keep(struct cli_named *n, const struct cg_note *note)
{
	if (n->count == n->room) {
		size_t room = n->room ? 2 * n->room : 16;
		struct cg_note *more = reallocarray(n->note, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		n->note = more;
		n->room = room;
	}
	n->note[n->count++] = (struct cg_note){
		note->path ? cg_arena_string(&n->arena, note->path) : NULL,
		note->knob ? cg_arena_string(&n->arena, note->knob) : NULL,
		cg_arena_string(&n->arena, note->text),
	};
	return n->note[n->count - 1].text ? 0 : -ENOMEM;
}

int cli_named_add(void *context, const char *path, const char *knob, const char *text)
{
	struct cg_note note = {path, knob, text};
	_cleanup_text_ struct cg_text line = {0};
	struct cli_named *n = context;

	cli_note_text(&note, &line);
	if (line.failed)
		return -ENOMEM;
	cli_warn_line(n->cli, line.data);
	return keep(n, &note);
}

int cli_named_add_notes(struct cli_named *n, const struct cg_tree *tree, struct cg_error **err)
{
	for (uint32_t i = 0; i < tree->notes; i++)
		if (cli_named_add(n, tree->note[i].path, tree->note[i].knob, tree->note[i].text) < 0)
			return cg_error_oom(err);
	return 0;
}

void cli_notes_json(struct json_out *j, const struct cg_note *note, size_t count)
{
	json_open(json_member(j, "notes"), '[');
	for (size_t i = 0; i < count; i++) {
		json_open(j, '{');
		json_text(json_member(j, "path"), note[i].path);
		json_text(json_member(j, "knob"), note[i].knob);
		json_text(json_member(j, "text"), note[i].text);
		json_close(j, '}');
	}
	json_close(j, ']');
}
