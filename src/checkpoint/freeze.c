/* Frozen groups around a dump: thawed before it, and frozen in the image and here after it. The undo record
 * of the thaw is what remembers them meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fdio.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/own.h"
#include "engine/undo.h"
#include "model/value.h"

/* The knob that freezes groups of a hierarchy, as the catalogue has it; NULL when nothing here does. */
static const struct cg_knob *freezing_knob(const struct cg_live_hierarchy *h)
{
	struct cg_hierarchy like = {
		.version = (uint8_t)h->version, .controllers = h->controllers, .name = h->name};

	for (size_t i = 0; i < cg_knob_count; i++) {
		const struct cg_knob *k = &cg_knob_table[i];

		if (k->kind == CG_KNOB_SETTING && k->phase == CG_PHASE_LAST &&
			(k->flags & (h->version == 2 ? CG_KNOB_V2 : CG_KNOB_V1)) &&
			(!k->controller[0] || cg_hierarchy_has_controller(&like, k->controller)))
			return k;
	}
	return NULL;
}

struct thawing {
	const struct cg_live *live;
	struct cg_plan plan;
};

static bool is_known(const struct cg_plan *plan, size_t hierarchy, const char *path)
{
	for (size_t i = 0; i < plan->places; i++)
		if (plan->place[i].hierarchy == hierarchy && strcmp(plan->place[i].path, path) == 0)
			return true;
	return false;
}

static int add_write(struct thawing *t, size_t hierarchy, const char *path, const struct cg_knob *knob,
	struct cg_bytes from)
{
	struct cg_plan *plan = &t->plan;
	const char *below = cg_path_below(t->live->item[hierarchy].mount_root, path);
	struct cg_place *place = reallocarray(plan->place, plan->places + 1, sizeof(*place));
	struct cg_op *op;

	if (!place)
		return -ENOMEM;
	plan->place = place;
	place[plan->places] = (struct cg_place){.parent = CG_NONE,
		.hierarchy = (uint16_t)hierarchy,
		.name = below ? cg_arena_string(&plan->arena, below) : NULL,
		.path = cg_arena_string(&plan->arena, path),
		.exists = true,
		.image_group = CG_NONE,
		.live_group = CG_NONE};
	op = reallocarray(plan->op, plan->ops + 1, sizeof(*op));
	if (!op || !place[plan->places].path || !place[plan->places].name ||
		!cg_arena_keep(&plan->arena, &from))
		return -ENOMEM;
	plan->op = op;
	op[plan->ops++] = (struct cg_op){.kind = CG_OP_WRITE,
		.place = (uint32_t)plan->places++,
		.member = CG_NONE,
		.knob = knob,
		.file = knob->name,
		.from = from,
		.to = cg_bytes_of(knob->default_value)};
	return 0;
}

/* A group that is frozen itself is to be thawed. Groups of v1 tell by read_name whether it is they
 * themselves. */
static int look_at(struct thawing *t, size_t hierarchy, const char *path, struct cg_error **err)
{
	const struct cg_live_hierarchy *h = &t->live->item[hierarchy];
	const struct cg_knob *knob = freezing_knob(h);
	const char *below = cg_path_below(h->mount_root, path);
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_close_ int fd = -1;
	struct cg_bytes value;
	int r;

	if (!knob || !below || strcmp(below, ".") == 0 || is_known(&t->plan, hierarchy, path))
		return 0;
	r = cg_open_beneath(h->fd, below, O_RDONLY | O_DIRECTORY, &fd);
	r = r < 0 ? r : cg_read_at(fd, knob->read_name ? knob->read_name : knob->name, true, &b);
	if (r == -ENOENT || r == -ENODEV)
		return 0;
	if (r < 0) {
		r = cg_error_errno(err, -r, "cannot tell whether it is frozen");
		cg_error_at(err, path, NULL);
		return r;
	}
	value = cg_value_setting(knob, (struct cg_bytes){b.data, b.len});
	if (cg_bytes_is(value, knob->default_value))
		return 0;
	return add_write(t, hierarchy, path, knob, value) < 0 ? cg_error_oom(err) : 0;
}

/* A path and all above it, outermost last. */
static int look_upwards(struct thawing *t, size_t hierarchy, const char *path, struct cg_error **err)
{
	_cleanup_free_ char *up = strdup(path);
	int r = up ? 0 : cg_error_oom(err);

	while (r == 0 && up[0] && strcmp(up, "/") != 0) {
		r = look_at(t, hierarchy, up, err);
		*strrchr(up, '/') = '\0';
	}
	return r;
}

static int find_frozen(struct thawing *t, int init, struct cg_error **err)
{
	_cleanup_own_ struct cg_own own = {0};
	int r = cg_own_running(t->live, init, &own, err);

	for (size_t i = 0; r == 0 && i < own.count; i++)
		for (size_t h = 0; r == 0 && h < t->live->count; h++)
			if (own.path[i][h])
				r = look_upwards(t, h, own.path[i][h], err);
	return r;
}

int cg_checkpoint_thaw(const struct cg_folder *f, const struct cg_live *live, int init, cg_line_fn *line,
	void *line_context, size_t *ret_groups, struct cg_error **err)
{
	struct thawing t = {.live = live};
	struct cg_apply_options options = {
		.state_dir = f->state, .keep_record = true, .line = line, .line_context = line_context};
	enum cg_outcome outcome;
	size_t differs;
	int r = find_frozen(&t, init, err);

	*ret_groups = t.plan.places;
	if (r == 0 && t.plan.ops) {
		_cleanup_close_ int state = -1;

		r = cg_folder_state(f, true, &state, err);
		r = r < 0 ? r : cg_apply(live, &t.plan, NULL, &options, &outcome, &differs, err);
	}
	cg_plan_free(&t.plan);
	return r;
}

int cg_checkpoint_refreeze(const struct cg_folder *f, const struct cg_live *live, cg_line_fn *line,
	void *line_context, struct cg_error **err)
{
	struct cg_apply_options options = {.state_dir = f->state, .line = line, .line_context = line_context};
	enum cg_outcome outcome;
	size_t count;
	int r = cg_recover(live, &options, &count, &outcome, err);

	return r < 0 ? r : cg_folder_forget(f, false, err);
}

/* Into the image. */

static int set_value(struct cg_tree *tree, uint32_t group, uint16_t column, struct cg_bytes value)
{
	struct cg_group *g = &tree->group[group];
	struct cg_setting *s = cg_arena_array(&tree->arena, g->settings + (size_t)1, sizeof(*s));
	uint32_t n = 0;

	if (!s || !cg_arena_keep(&tree->arena, &value))
		return -ENOMEM;
	for (; n < g->settings && g->setting[n].column < column; n++)
		s[n] = g->setting[n];
	s[n] = (struct cg_setting){column, value};
	for (uint32_t i = n; i < g->settings; i++)
		if (g->setting[i].column != column)
			s[++n] = g->setting[i];
	g->setting = s;
	g->settings = n + 1;
	return 0;
}

static uint32_t hierarchy_of(const struct cg_tree *tree, const struct cg_undo_hierarchy *h)
{
	for (uint32_t i = 0; i < tree->hierarchies; i++) {
		const struct cg_hierarchy *t = &tree->hierarchy[i];
		struct cg_live_hierarchy like = {.version = t->version,
			.controllers = (char *)(uintptr_t)t->controllers,
			.name = (char *)(uintptr_t)t->name};

		if (t->version == h->version && cg_live_matches(&like, h->label))
			return i;
	}
	return CG_NONE;
}

/* A group above the tree is none of it; that it was frozen is said. */
static int mark_step(
	struct cg_tree *tree, const struct cg_undo *u, const struct cg_undo_step *s, struct cg_error **err)
{
	const struct cg_undo_hierarchy *h = &u->hierarchy[u->place[s->place].hierarchy];
	uint32_t hierarchy = hierarchy_of(tree, h), group = CG_NONE, column = CG_NONE;
	const struct cg_knob *knob = cg_knob_find(s->file, h->version);
	_cleanup_text_ struct cg_text path = {0};
	struct cg_bytes value = cg_value_setting(knob, s->from);

	cg_undo_path(u, s->place, &path);
	if (path.failed)
		return cg_error_oom(err);
	if (hierarchy != CG_NONE) {
		group = cg_tree_find(tree, hierarchy, path.data);
		column = cg_hierarchy_column(&tree->hierarchy[hierarchy], s->file);
	}
	if (group != CG_NONE && column != CG_NONE)
		return set_value(tree, group, (uint16_t)column, value) < 0 ? cg_error_oom(err) : 0;
	return cg_tree_add_note(tree, path.data, s->file,
		       "was frozen around the tasks that are dumped, but is not part of the image")
		       ? 0
		       : cg_error_oom(err);
}

struct marking {
	int fd;
	struct cg_tree *tree;
	bool v1;
	struct cg_error **err;
};

static int mark_record(const char *name, unsigned char type, void *context)
{
	struct marking *m = context;
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_undo_ struct cg_undo u = {0};
	int r;

	(void)type;
	if (strncmp(name, CG_UNDO_PREFIX, strlen(CG_UNDO_PREFIX)) != 0)
		return 0;
	r = cg_read_at(m->fd, name, false, &b);
	if (r < 0)
		return cg_error_errno(m->err, -r, "cannot read the record of what was thawed");
	r = cg_undo_parse((struct cg_bytes){b.data, b.len}, &u, m->err);
	for (size_t i = 0; r == 0 && i < u.steps; i++)
		if (u.step[i].kind == CG_UNDO_VALUE) {
			m->v1 |= u.hierarchy[u.place[u.step[i].place].hierarchy].version == 1;
			r = mark_step(m->tree, &u, &u.step[i], m->err);
		}
	return r;
}

int cg_checkpoint_mark_frozen(
	const struct cg_folder *f, struct cg_tree *tree, bool *ret_v1, struct cg_error **err)
{
	_cleanup_close_ int fd = -1;
	struct marking m = {.tree = tree, .err = err};
	int r = cg_folder_state(f, false, &fd, err);

	*ret_v1 = false;
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	m.fd = fd;
	r = cg_dir_each(fd, mark_record, &m);
	*ret_v1 = m.v1;
	return r;
}
