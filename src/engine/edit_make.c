/* Groups that an edit makes, and the order of what it does. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "engine/edit_private.h"
#include "kernel/cgroupfs.h"
#include "kernel/files.h"
#include "model/value.h"

/* The one row that lists what a v2 group passes on. */
static const struct cg_knob *controllers_knob(void)
{
	for (size_t i = 0; i < cg_knob_count; i++)
		if (cg_knob_table[i].grammar == CG_GRAMMAR_CONTROLLERS)
			return &cg_knob_table[i];
	return NULL;
}

static int is_delegated(void *context, const char *name, struct cg_bytes value)
{
	(void)context;
	return (strcmp(name, "trusted.delegate") == 0 || strcmp(name, "user.delegate") == 0) &&
	       cg_bytes_is(value, "1");
}

/* systemd makes its groups with these names, and says on each whether it was handed over (systemd's
 * docs/CGROUP_DELEGATION.md). */
static bool belongs_to_systemd(int fd, const char *path)
{
	static const char *const kinds[] = {".slice", ".scope", ".service"};
	size_t len = strlen(path);

	for (size_t i = 0; i < CG_ARRAY_SIZE(kinds); i++) {
		size_t n = strlen(kinds[i]);

		if (len > n && strcmp(path + len - n, kinds[i]) == 0)
			return cg_cgroup_xattrs(fd, is_delegated, NULL) != 1;
	}
	return false;
}

static int not_ours(struct cg_edit *e, uint16_t hierarchy, const char *path, struct cg_bytes missing,
	const char *whose, struct cg_error **err)
{
	const struct cg_live_hierarchy *h = &e->live->item[hierarchy];
	const char *below = cg_path_below(h->mount_root, path);
	_cleanup_text_ struct cg_text command = {0};
	struct cg_bytes word;
	int r = cg_error_make(err, CG_FAULT_SYSTEM, EPERM,
		"%s does not pass on %.*s, and is %s, which is not ours to change", path, (int)missing.len,
		missing.data, whose);

	for (const char *between = ""; cg_bytes_word(&missing, &word); between = " ")
		cg_text_printf(&command, "%s+%.*s", between, (int)word.len, word.data);
	cg_error_at(err, path, controllers_knob()->name);
	cg_error_hint(err, "its owner enables them with: echo '%s' > %s/%s%s%s",
		command.data ? command.data : "", h->mount_point,
		below && strcmp(below, ".") != 0 ? below : "", below && strcmp(below, ".") != 0 ? "/" : "",
		controllers_knob()->name);
	return r;
}

/* The controllers of the list that a value lacks. */
static int find_missing(struct cg_bytes present, struct cg_bytes wanted, struct cg_text *t)
{
	struct cg_bytes word;

	while (cg_bytes_word(&wanted, &word)) {
		if (cg_bytes_has_word(present, word))
			continue;
		cg_text_adds(t, t->len ? " " : "");
		cg_text_add(t, word.data, word.len);
	}
	return t->failed ? -ENOMEM : 0;
}

/* Processes of its own forbid most controllers, and with the others the kernel would make the group threaded
 * without a word, and those below it of no use (cgroup-v2.rst, "Threads"). */
static int refuse_inner(struct cg_edit *e, uint32_t place, struct cg_error **err)
{
	const struct cg_place *at = &e->plan.place[place];
	_cleanup_buffer_ struct cg_buffer type = {0}, tasks = {0};
	int r = cg_read_at(e->place[place].fd, CG_FILE_TYPE, true, &type);

	if (r == 0)
		r = cg_read_at(e->place[place].fd, CG_FILE_PROCS, false, &tasks);
	if (r < 0 || tasks.len == 0 ||
		!cg_bytes_is(cg_bytes_trim((struct cg_bytes){type.data, type.len}), "domain"))
		return 0;
	r = cg_error_make(err, CG_FAULT_SYSTEM, EBUSY,
		"has processes of its own, so it cannot pass controllers on to groups below");
	cg_error_at(err, at->path, controllers_knob()->name);
	cg_error_hint(err, "move them into a group below it first: cgtree attach");
	return r;
}

static int add_enable(struct cg_edit *e, uint32_t place, struct cg_bytes present, struct cg_bytes missing,
	struct cg_error **err)
{
	const struct cg_knob *knob = controllers_knob();
	_cleanup_text_ struct cg_text to = {0};
	struct cg_op *op = cg_edit_add_op(e, CG_OP_WRITE, place);

	present = cg_bytes_trim(present);
	cg_text_add(&to, present.data, present.len);
	cg_text_adds(&to, present.len ? " " : "");
	cg_text_add(&to, missing.data, missing.len);
	if (!op || to.failed)
		return cg_error_oom(err);
	op->knob = knob;
	op->file = knob->name;
	op->flags = CG_EDIT_IMPLIED;
	op->from = present;
	op->to = (struct cg_bytes){to.data, to.len};
	return cg_arena_keep(&e->plan.arena, &op->to) ? 0 : cg_error_oom(err);
}

/* Lets a group pass the controllers on to those below. */
static int enable_in(struct cg_edit *e, uint32_t place, struct cg_bytes controllers, struct cg_error **err)
{
	const struct cg_place *at = &e->plan.place[place];
	const struct cg_live_hierarchy *h = &e->live->item[at->hierarchy];
	_cleanup_text_ struct cg_text missing = {0};
	struct cg_bytes present = {"", 0}, words;
	int r = 0;

	if (at->exists)
		r = cg_edit_read(e, place, controllers_knob(), controllers_knob()->name, &present, err);
	if (r < 0)
		return r;
	if (find_missing(present.data ? present : CG_BYTES(""), controllers, &missing) < 0)
		return cg_error_oom(err);
	if (!missing.len)
		return 0;
	words = (struct cg_bytes){missing.data, missing.len};
	if (strcmp(at->name, ".") == 0)
		return not_ours(e, at->hierarchy, at->path, words,
			h->in_namespace ? "the root of our cgroup namespace" : "the root of the hierarchy",
			err);
	if (at->exists && belongs_to_systemd(e->place[place].fd, at->path))
		return not_ours(e, at->hierarchy, at->path, words, "a group of systemd's", err);
	if (at->exists) {
		r = refuse_inner(e, place, err);
		if (r < 0)
			return r;
	}
	return add_enable(e, place, present.data ? present : CG_BYTES(""), words, err);
}

/* Enables the controllers from the root down to the group above a path, which exists whole. */
static int enable_above(struct cg_edit *e, uint16_t hierarchy, const char *path, struct cg_bytes controllers,
	struct cg_error **err)
{
	const struct cg_live_hierarchy *h = &e->live->item[hierarchy];
	size_t root = strcmp(h->mount_root, "/") == 0 ? 0 : strlen(h->mount_root);
	uint32_t place;
	int r = cg_edit_open(e, hierarchy, h->mount_root, &place, err);

	if (r == 0)
		r = enable_in(e, place, controllers, err);
	for (const char *p = path + root; r == 0 && *p;) {
		_cleanup_free_ char *up = NULL;

		p = strchrnul(p + 1, '/');
		up = strndup(path, (size_t)(p - path));
		if (!up)
			return cg_error_oom(err);
		r = cg_edit_open(e, hierarchy, up, &place, err);
		if (r == 0)
			r = enable_in(e, place, controllers, err);
	}
	return r;
}

/* The settings without which a new group takes no task: lists of what the group above has (v1 cpuset). */
static int give_lists(struct cg_edit *e, uint32_t place, uint32_t above, struct cg_error **err)
{
	const struct cg_live_hierarchy *h = &e->live->item[e->plan.place[place].hierarchy];
	int r = 0;

	for (size_t i = 0; r == 0 && h->version == 1 && i < cg_knob_count; i++) {
		const struct cg_knob *k = &cg_knob_table[i];
		struct cg_bytes v;
		struct cg_op *op;

		if (!(k->flags & CG_KNOB_V1) || !(k->flags & CG_KNOB_WITHIN_PARENT) ||
			k->grammar != CG_GRAMMAR_LIST ||
			!cg_bytes_has_part(cg_bytes_of(h->controllers), ',', cg_bytes_of(k->controller)))
			continue;
		r = cg_edit_read(e, above, k, k->name, &v, err);
		if (r < 0 || !v.data || cg_value_setting(k, v).len == 0)
			continue;
		op = cg_edit_add_op(e, CG_OP_WRITE, place);
		if (!op)
			return cg_error_oom(err);
		op->knob = k;
		op->file = k->name;
		op->flags = CG_OP_MAKES_PRESENT | CG_EDIT_IMPLIED;
		op->to = cg_value_setting(k, v);
	}
	return r;
}

/* One missing component. */
static int make_one(struct cg_edit *e, uint16_t hierarchy, const char *path, uint32_t *parent,
	uint32_t existing, struct cg_error **err)
{
	uint32_t place = cg_edit_add_place(e, hierarchy, *parent, strrchr(path, '/') + 1, path, -1);

	if (place == CG_NONE || !cg_edit_add_op(e, CG_OP_CREATE, place))
		return cg_error_oom(err);
	*parent = place;
	return give_lists(e, place, existing, err);
}

/* How much of the path exists: the length of that part, at least the mount's root. */
static int existing_part(
	const struct cg_live_hierarchy *h, const char *path, size_t *ret, struct cg_error **err)
{
	size_t root = strcmp(h->mount_root, "/") == 0 ? 0 : strlen(h->mount_root);

	*ret = strlen(path);
	while (*ret > root) {
		_cleanup_free_ char *part = strndup(path, *ret);
		int r = part ? cg_edit_exists(h, part, err) : cg_error_oom(err);

		if (r != 0)
			return r < 0 ? r : 0;
		while (path[--*ret] != '/')
			continue;
	}
	return 0;
}

static int already(const char *path, struct cg_error **err)
{
	int r = cg_error_make(err, CG_FAULT_SYSTEM, EEXIST, "exists already");

	cg_error_at(err, path, NULL);
	cg_error_hint(err,
		"its settings: cgtree get and cgtree set; --may-exist sets what is asked for in it; to be rid of it: cgtree delete");
	return r;
}

/* A group that is there: what it lacks of the controllers comes from the groups above. */
static int reuse(struct cg_edit *e, uint16_t hierarchy, const char *path, struct cg_bytes controllers,
	uint32_t *ret, struct cg_error **err)
{
	_cleanup_free_ char *above = strndup(path, (size_t)(strrchr(path, '/') - path));
	int r = above ? cg_edit_open(e, hierarchy, path, ret, err) : cg_error_oom(err);

	if (r < 0 || e->live->item[hierarchy].version != 2 || !controllers.len)
		return r;
	e->place[*ret].gains = controllers;
	if (!cg_arena_keep(&e->plan.arena, &e->place[*ret].gains))
		return cg_error_oom(err);
	return enable_above(e, hierarchy, above, controllers, err);
}

int cg_edit_make(struct cg_edit *e, uint16_t hierarchy, const char *path, struct cg_bytes controllers,
	bool may_exist, uint32_t *ret, struct cg_error **err)
{
	const struct cg_live_hierarchy *h = &e->live->item[hierarchy];
	_cleanup_free_ char *there = NULL;
	uint32_t existing, place;
	size_t part;
	int r;

	if (!cg_path_below(h->mount_root, path) || strcmp(cg_path_below(h->mount_root, path), ".") == 0)
		return cg_error_usage(err, "%s lies outside of what this mount shows (%s at %s)", path,
			h->mount_root, h->mount_point);
	r = existing_part(h, path, &part, err);
	if (r < 0)
		return r;
	if (part == strlen(path))
		return may_exist ? reuse(e, hierarchy, path, controllers, ret, err) : already(path, err);
	there = part ? strndup(path, part) : strdup("/");
	if (!there)
		return cg_error_oom(err);
	r = cg_edit_open(e, hierarchy, there, &existing, err);
	if (r == 0 && h->version == 2 && controllers.len)
		r = enable_above(e, hierarchy, part ? there : "", controllers, err);
	/* Below the directory itself a place needs no parent: it is opened from there. */
	place = strcmp(e->plan.place[existing].name, ".") == 0 ? CG_NONE : existing;
	while (r == 0 && path[part]) {
		_cleanup_free_ char *next = NULL;

		part = (size_t)(strchrnul(path + part + 1, '/') - path);
		next = strndup(path, part);
		r = next ? make_one(e, hierarchy, next, &place, existing, err) : cg_error_oom(err);
		if (r == 0 && path[part] && h->version == 2 && controllers.len)
			r = enable_in(e, place, controllers, err);
	}
	*ret = place;
	return r;
}

/* When an operation is done. What makes groups keeps the order in which it was added. */
static unsigned rank_of(const struct cg_op *op)
{
	switch ((enum cg_op_kind)op->kind) {
	case CG_OP_CREATE:
		return 0;
	case CG_OP_WRITE:
		if (op->flags & CG_EDIT_IMPLIED)
			return 0;
		if (!op->knob)
			return 1 + (CG_PHASE_SETTINGS << 8 | 0xff);
		return 1 + ((unsigned)op->knob->phase << 8 | op->knob->order) +
		       (op->knob->phase >= CG_PHASE_AFTER_TASKS ? 1U << 16 : 0);
	case CG_OP_OWNER:
	case CG_OP_XATTR:
	case CG_OP_PROGRAMS:
		return 1U << 14;
	case CG_OP_ATTACH:
		return 1U << 15;
	case CG_OP_KEEP:
	case CG_OP_NOTE:
		break;
	}
	return 1U << 20;
}

/* Operations are few: an insertion sort, which leaves equal ones in their order. Places among writes stay
 * together, for each is opened once. */
static void order_ops(struct cg_plan *plan)
{
	for (size_t i = 1; i < plan->ops; i++) {
		struct cg_op op = plan->op[i];
		size_t at = i;

		for (; at > 0 && rank_of(&plan->op[at - 1]) > rank_of(&op); at--)
			plan->op[at] = plan->op[at - 1];
		plan->op[at] = op;
	}
}

static void move(struct cg_plan *plan, size_t from, size_t to)
{
	struct cg_op op = plan->op[from];

	memmove(&plan->op[to + 1], &plan->op[to], (from - to) * sizeof(op));
	plan->op[to] = op;
}

static bool names(const struct cg_op *op, const struct cg_op *of, const char *sibling)
{
	_cleanup_text_ struct cg_text t = {0};

	if (!sibling || op->kind != CG_OP_WRITE || op->place != of->place)
		return false;
	cg_knob_sibling(&t, sibling, of->file);
	return !t.failed && strcmp(t.data, op->file) == 0;
}

static bool rises(const struct cg_op *op)
{
	return op->knob && op->from.data && cg_value_order(op->knob, op->to, op->from) > 0;
}

/* Pairs of knobs that hold each other: see `bound` and `masked_by` in knob.h. */
static void order_pairs(struct cg_plan *plan)
{
	for (size_t i = 0; i < plan->ops; i++) {
		const struct cg_op *op = &plan->op[i];

		if (op->kind != CG_OP_WRITE || !op->knob)
			continue;
		for (size_t j = i + 1; j < plan->ops; j++)
			if (names(&plan->op[j], op, op->knob->masked_by) ||
				(names(&plan->op[j], op, op->knob->bound) && rises(&plan->op[j]))) {
				move(plan, j, i);
				break;
			}
	}
}

/* A bound that falls goes after what it bounds. */
static void order_falling(struct cg_plan *plan)
{
	for (size_t i = plan->ops; i-- > 0;)
		for (size_t j = 0; plan->op[i].kind == CG_OP_WRITE && plan->op[i].knob && j < i; j++)
			if (names(&plan->op[j], &plan->op[i], plan->op[i].knob->bound) &&
				plan->op[j].from.data && !rises(&plan->op[j])) {
				move(plan, i, j);
				break;
			}
}

static int label_hierarchies(struct cg_edit *e, struct cg_error **err)
{
	struct cg_plan *plan = &e->plan;
	bool several = false;

	for (size_t i = 1; i < plan->places; i++)
		several |= plan->place[i].hierarchy != plan->place[0].hierarchy;
	if (!several)
		return 0;
	plan->label = cg_arena_array(&plan->arena, e->live->count, sizeof(*plan->label));
	for (size_t i = 0; plan->label && i < e->live->count; i++) {
		_cleanup_text_ struct cg_text t = {0};

		cg_live_label(&e->live->item[i], &t);
		plan->label[i] = t.failed ? NULL : cg_arena_string(&plan->arena, t.data ? t.data : "");
		if (!plan->label[i])
			return cg_error_oom(err);
	}
	return plan->label ? 0 : cg_error_oom(err);
}

int cg_edit_finish(struct cg_edit *e, struct cg_error **err)
{
	struct cg_plan *plan = &e->plan;

	order_ops(plan);
	order_falling(plan);
	order_pairs(plan);
	for (uint32_t i = 0; i < plan->places; i++)
		if (e->place[i].asked && !e->place[i].changed && !cg_edit_add_op(e, CG_OP_KEEP, i))
			return cg_error_oom(err);
	for (size_t i = 0; i < plan->ops; i++) {
		plan->creates += plan->op[i].kind == CG_OP_CREATE;
		plan->writes += plan->op[i].kind == CG_OP_WRITE;
		plan->attaches += plan->op[i].kind == CG_OP_ATTACH;
	}
	return label_hierarchies(e, err);
}
