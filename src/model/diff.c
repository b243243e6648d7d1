/* Differences of two trees. Groups stand depth-first with sorted siblings, so two subtrees are compared like
 * two sorted lists, in one pass: the deeper of two positions is what the other side lacks, on the same level
 * the smaller name. What is missing or extra is told once, at its topmost group. */
#include "model/diff.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model/device_keys.h"
#include "model/device_rules.h"
#include "model/program.h"
#include "model/value.h"

#define TASKS_NAMED 8 /* tasks that are named in one difference; of more, the number is told */

/* One hierarchy on both sides, and what was found out about it once. */
struct pair {
	const struct cg_tree *a, *b;
	uint32_t hierarchy_a, hierarchy_b;
	uint32_t *column_b; /* for each column of a, the one of b or CG_NONE */
	uint32_t *column_a; /* and the reverse */
	uint32_t *mask_a;   /* for each column of a, the column that masks it, or CG_NONE */
	unsigned flags;
	bool tasks, same_boot;
	const struct cg_device_keys *keys;
	struct cg_diff *diff;
};

/* A pair of groups with the difference that is being made about it. */
struct both {
	struct pair *p;
	uint32_t a, b;
};

static const struct cg_hierarchy *side_a(const struct pair *p)
{
	return &p->a->hierarchy[p->hierarchy_a];
}

static const struct cg_hierarchy *side_b(const struct pair *p)
{
	return &p->b->hierarchy[p->hierarchy_b];
}

static int keep(struct cg_diff *diff, struct cg_bytes *b)
{
	return !b->data || cg_arena_keep(&diff->arena, b) ? 0 : -ENOMEM;
}

static int grow(struct cg_diff *diff)
{
	size_t room = diff->room ? 2 * diff->room : 64;
	struct cg_difference *more;

	if (diff->count < diff->room)
		return 0;
	more = reallocarray(diff->item, room, sizeof(*more));
	if (!more)
		return -ENOMEM;
	diff->item = more;
	diff->room = room;
	return 0;
}

/* Adds a difference; strings and values are copied. */
static int add(struct cg_diff *diff, struct cg_difference d)
{
	int r = grow(diff);

	if (r == 0)
		r = keep(diff, &d.a);
	if (r == 0)
		r = keep(diff, &d.b);
	if (r < 0)
		return r;
	d.path = cg_arena_string(&diff->arena, d.path);
	d.name = d.name ? cg_arena_string(&diff->arena, d.name) : NULL;
	if (!d.path)
		return -ENOMEM;
	diff->item[diff->count++] = d;
	return 0;
}

/* The path in a's terms: b's extra groups stand below their parent's counterpart, whose path is `above`. */
static int add_pair(
	struct both *g, enum cg_difference_kind kind, const char *name, struct cg_bytes a, struct cg_bytes b)
{
	_cleanup_text_ struct cg_text path = {0};

	cg_group_path(g->p->a, g->a, &path);
	if (path.failed || !path.data)
		return -ENOMEM;
	return add(g->p->diff, (struct cg_difference){.kind = kind,
				       .hierarchy_a = g->p->hierarchy_a,
				       .hierarchy_b = g->p->hierarchy_b,
				       .group_a = g->a,
				       .group_b = g->b,
				       .path = path.data,
				       .name = name,
				       .a = a,
				       .b = b});
}

static int add_words(struct both *g, enum cg_difference_kind kind, const char *name, const struct cg_text *a,
	const struct cg_text *b)
{
	if (a->failed || b->failed)
		return -ENOMEM;
	return add_pair(
		g, kind, name, (struct cg_bytes){a->data, a->len}, (struct cg_bytes){b->data, b->len});
}

static const struct cg_file_set *files_of(const struct cg_tree *tree, const struct cg_group *g)
{
	return &tree->hierarchy[g->hierarchy].file_set[g->file_set];
}

/* A flag that says that another setting has no meaning just now. */
static bool is_masked(const struct pair *p, uint32_t a, uint32_t b, uint16_t column)
{
	uint32_t mask = p->mask_a[column];
	struct cg_bytes left, right;

	if (mask == CG_NONE || p->column_b[mask] == CG_NONE)
		return false;
	return cg_group_value(p->a, a, (uint16_t)mask, &left) &&
	       cg_group_value(p->b, b, (uint16_t)p->column_b[mask], &right) && cg_bytes_is(left, "1") &&
	       cg_bytes_is(right, "1");
}

/* When memory is out, only equal bytes are the same. */
static bool values_same(const struct pair *p, const struct cg_column *c, struct cg_bytes a, struct cg_bytes b)
{
	_cleanup_text_ struct cg_text mapped = {0};
	uint64_t unit_a, unit_b;

	if (cg_device_keys_value(p->keys, c->knob, a, &mapped, &a) < 0)
		return false;
	if (cg_bytes_equal(a, b))
		return true;
	if (!c->knob)
		return false;
	unit_a = cg_knob_unit(c->knob, c->name, p->a->inventory.page_size);
	unit_b = cg_knob_unit(c->knob, c->name, p->b->inventory.page_size);
	return cg_value_same(c->knob, a, b, unit_a > unit_b ? unit_a : unit_b);
}

/* Another view of a setting says nothing of its own, and other kinds are no state. */
static bool is_compared(const struct cg_column *c)
{
	return !c->knob || (c->knob->kind == CG_KNOB_SETTING && !(c->knob->flags & CG_KNOB_ALIAS));
}

/* A file that no group of the other side has, as it is in a new group, is no difference: nobody set it. */
static int compare_setting(struct both *g, uint16_t column)
{
	const struct pair *p = g->p;
	const struct cg_column *c = &side_a(p)->column[column];
	uint32_t other = p->column_b[column];
	struct cg_bytes a = {0}, b = {0};
	bool has_a, has_b;

	if (!is_compared(c))
		return 0;
	has_a = cg_group_value(p->a, g->a, column, &a);
	has_b = other != CG_NONE && cg_group_value(p->b, g->b, (uint16_t)other, &b);
	if (has_a && has_b) {
		if (values_same(p, c, a, b) || is_masked(p, g->a, g->b, column))
			return 0;
	} else if ((!has_a && !has_b) ||
		   (has_a && other == CG_NONE && cg_group_is_default(p->a, g->a, column, a))) {
		return 0;
	}
	return add_pair(g, CG_DIFF_SETTING, c->name, has_a ? a : (struct cg_bytes){0},
		has_b ? b : (struct cg_bytes){0});
}

static int compare_settings(struct both *g)
{
	const struct pair *p = g->p;
	const struct cg_file_set *a = files_of(p->a, &p->a->group[g->a]);
	const struct cg_file_set *b = files_of(p->b, &p->b->group[g->b]);
	int r = 0;

	for (uint16_t i = 0; r == 0 && i < a->count; i++)
		r = compare_setting(g, a->column[i]);
	for (uint16_t i = 0; r == 0 && i < b->count; i++) {
		uint32_t other = p->column_a[b->column[i]];
		const struct cg_column *c = &side_b(p)->column[b->column[i]];
		struct cg_bytes value;

		/* Those that both have were compared from the other side. */
		if ((other != CG_NONE && cg_group_has_column(p->a, g->a, (uint16_t)other)) ||
			!is_compared(c) || !cg_group_value(p->b, g->b, b->column[i], &value))
			continue;
		if (other == CG_NONE && cg_group_is_default(p->b, g->b, b->column[i], value))
			continue;
		r = add_pair(g, CG_DIFF_SETTING, c->name, (struct cg_bytes){0}, value);
	}
	return r;
}

static bool owner_same(struct cg_owner a, struct cg_owner b)
{
	return a.uid == b.uid && a.gid == b.gid && a.mode == b.mode;
}

static void describe_owner(struct cg_text *t, struct cg_owner o)
{
	cg_text_printf(t, "%" PRIu32 ":%" PRIu32 " %03o", o.uid, o.gid, o.mode);
}

static int add_owners(struct both *g, const char *name, struct cg_owner a, struct cg_owner b)
{
	_cleanup_text_ struct cg_text left = {0}, right = {0};

	describe_owner(&left, a);
	describe_owner(&right, b);
	return add_words(g, CG_DIFF_OWNER, name, &left, &right);
}

/* A file that is no column, cgroup.procs for one: its exception, or what such a file usually has. */
static struct cg_owner extra_owner(const struct cg_tree *tree, const struct cg_group *g, const char *name)
{
	const struct cg_knob *knob = cg_knob_find(name, tree->hierarchy[g->hierarchy].version);

	for (uint16_t i = 0; i < g->file_owners; i++)
		if (g->file_owner[i].column == CG_FILE_EXTRA && strcmp(g->file_owner[i].name, name) == 0)
			return g->file_owner[i].owner;
	return (struct cg_owner){g->file_uid, g->file_gid, knob ? knob->mode : 0644};
}

static bool has_extra(const struct cg_group *g, const char *name)
{
	for (uint16_t i = 0; i < g->file_owners; i++)
		if (g->file_owner[i].column == CG_FILE_EXTRA && strcmp(g->file_owner[i].name, name) == 0)
			return true;
	return false;
}

/* The exceptions of either side; those of both are compared from a's. */
static int compare_extra_owners(struct both *g)
{
	const struct cg_group *a = &g->p->a->group[g->a], *b = &g->p->b->group[g->b];
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < (uint32_t)a->file_owners + b->file_owners; i++) {
		bool of_a = i < a->file_owners;
		const struct cg_file_owner *f = of_a ? &a->file_owner[i] : &b->file_owner[i - a->file_owners];
		struct cg_owner left, right;

		if (f->column != CG_FILE_EXTRA || (!of_a && has_extra(a, f->name)))
			continue;
		left = extra_owner(g->p->a, a, f->name);
		right = extra_owner(g->p->b, b, f->name);
		if (!owner_same(left, right))
			r = add_owners(g, f->name, left, right);
	}
	return r;
}

static int compare_file_owners(struct both *g)
{
	const struct pair *p = g->p;
	const struct cg_file_set *set = files_of(p->a, &p->a->group[g->a]);
	int r = 0;

	for (uint16_t i = 0; r == 0 && i < set->count; i++) {
		uint16_t column = set->column[i];
		uint32_t other = p->column_b[column];
		struct cg_owner left, right;

		if (other == CG_NONE || !cg_group_has_column(p->b, g->b, (uint16_t)other))
			continue;
		left = cg_group_file_owner(p->a, g->a, column);
		right = cg_group_file_owner(p->b, g->b, (uint16_t)other);
		if (!owner_same(left, right))
			r = add_owners(g, side_a(p)->column[column].name, left, right);
	}
	return r == 0 ? compare_extra_owners(g) : r;
}

static int compare_owners(struct both *g)
{
	const struct cg_group *a = &g->p->a->group[g->a], *b = &g->p->b->group[g->b];
	int r = 0;

	if (!owner_same(a->owner, b->owner))
		r = add_owners(g, NULL, a->owner, b->owner);
	return r == 0 ? compare_file_owners(g) : r;
}

static int compare_xattrs(struct both *g)
{
	const struct cg_group *a = &g->p->a->group[g->a], *b = &g->p->b->group[g->b];
	int r = 0;

	for (uint16_t i = 0, j = 0; r == 0 && (i < a->xattrs || j < b->xattrs);) {
		int order = i == a->xattrs   ? 1
			    : j == b->xattrs ? -1
					     : strcmp(a->xattr[i].name, b->xattr[j].name);
		const struct cg_xattr *left = order <= 0 ? &a->xattr[i++] : NULL;
		const struct cg_xattr *right = order >= 0 ? &b->xattr[j++] : NULL;

		if (left && right && cg_bytes_equal(left->value, right->value))
			continue;
		r = add_pair(g, CG_DIFF_XATTR, left ? left->name : right->name,
			left ? left->value : (struct cg_bytes){0},
			right ? right->value : (struct cg_bytes){0});
	}
	return r;
}

/* Rules that we can read name the devices of their host. */
static bool program_same(const struct pair *p, const struct cg_program *a, const struct cg_program *b)
{
	_cleanup_text_ struct cg_text rules = {0}, mapped = {0}, program = {0};
	struct cg_program there = *a;
	struct cg_bytes r;

	if (p->keys->count == 0 || !cg_device_rules_recognise(a->instructions, &rules))
		return cg_program_same(a, b);
	r = (struct cg_bytes){rules.len ? rules.data : "", rules.len};
	if (cg_device_keys_rules(p->keys, r, &mapped, &r) < 0 || cg_device_rules_assemble(r, &program) != 1)
		return false;
	there.instructions = (struct cg_bytes){program.data, program.len};
	return cg_program_same(&there, b);
}

/* In their order, for the kernel runs them so. */
static int compare_programs(struct both *g)
{
	const struct cg_group *a = &g->p->a->group[g->a], *b = &g->p->b->group[g->b];
	_cleanup_text_ struct cg_text left = {0}, right = {0};
	bool same = a->programs == b->programs;

	for (uint16_t i = 0; same && i < a->programs; i++)
		same = program_same(g->p, &a->program[i], &b->program[i]);
	if (same)
		return 0;
	cg_programs_describe(a->program, a->programs, true, &left);
	cg_programs_describe(b->program, b->programs, true, &right);
	return add_words(g, CG_DIFF_PROGRAM, NULL, &left, &right);
}

static int task_order(const struct cg_task *a, const struct cg_task *b)
{
	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	if (a->tid != b->tid)
		return a->tid < b->tid ? -1 : 1;
	return (a->start_time > b->start_time) - (a->start_time < b->start_time);
}

/* A task that only one side has: named, or counted when there are many. */
static void name_task(struct cg_text *t, size_t number, const struct cg_task *task)
{
	if (number >= TASKS_NAMED)
		return;
	cg_text_printf(t, "%s%" PRId32, number ? ", " : " (", task->tid);
	cg_text_adds(t, " ");
	cg_text_adds(t, task->comm);
}

static void end_names(struct cg_text *t, size_t number)
{
	if (number > TASKS_NAMED)
		cg_text_printf(t, ", %zu more", number - TASKS_NAMED);
	if (number)
		cg_text_addc(t, ')');
}

static int compare_tasks(struct both *g)
{
	const struct cg_group *a = &g->p->a->group[g->a], *b = &g->p->b->group[g->b];
	_cleanup_text_ struct cg_text left = {0}, right = {0};
	size_t only_a = 0, only_b = 0;

	cg_text_printf(&left, "%" PRIu32, a->tasks);
	cg_text_printf(&right, "%" PRIu32, b->tasks);
	for (uint32_t i = 0, j = 0; g->p->same_boot && (i < a->tasks || j < b->tasks);) {
		int order = i == a->tasks ? 1 : j == b->tasks ? -1 : task_order(&a->task[i], &b->task[j]);

		if (order < 0)
			name_task(&left, only_a++, &a->task[i]);
		else if (order > 0)
			name_task(&right, only_b++, &b->task[j]);
		i += order <= 0;
		j += order >= 0;
	}
	if (a->tasks == b->tasks && !only_a && !only_b)
		return 0;
	end_names(&left, only_a);
	end_names(&right, only_b);
	return add_words(g, CG_DIFF_TASKS, NULL, &left, &right);
}

static int compare_types(struct both *g)
{
	uint8_t a = g->p->a->group[g->a].type, b = g->p->b->group[g->b].type;

	if (a == b)
		return 0;
	return add_pair(g, CG_DIFF_TYPE, NULL, cg_bytes_of(cg_group_type_name(a)),
		cg_bytes_of(cg_group_type_name(b)));
}

static int compare_groups(struct both *g)
{
	int r = compare_types(g);

	if (r == 0)
		r = compare_settings(g);
	if (r == 0)
		r = compare_owners(g);
	if (r == 0)
		r = compare_xattrs(g);
	if (r == 0)
		r = compare_programs(g);
	return r == 0 && g->p->tasks ? compare_tasks(g) : r;
}

/* The first group behind the subtree of `group`. */
static uint32_t end_of(const struct cg_tree *tree, uint32_t group)
{
	uint32_t end = group + 1;

	while (end < tree->groups && tree->group[end].parent != CG_NONE &&
		tree->group[end].depth > tree->group[group].depth)
		end++;
	return end;
}

/* A whole subtree that one side lacks, [group, end): its value is how many groups that are. `above` is the
 * path of its parent in a's terms, with
 * '/', empty for a top. */
static int add_lonely(struct pair *p, bool in_a, uint32_t group, uint32_t end, const char *above)
{
	const struct cg_tree *tree = in_a ? p->a : p->b;
	_cleanup_text_ struct cg_text path = {0}, count = {0};
	struct cg_difference d = {
		.kind = in_a ? CG_DIFF_GROUP_MISSING : CG_DIFF_GROUP_EXTRA,
		.hierarchy_a = p->hierarchy_a,
		.hierarchy_b = p->hierarchy_b,
		.group_a = in_a ? group : CG_NONE,
		.group_b = in_a ? CG_NONE : group,
	};

	if (!in_a && (p->flags & CG_DIFF_IGNORE_EXTRA))
		return 0;
	cg_text_printf(&path, "%s%s", above, tree->group[group].name);
	cg_text_printf(&count, "%" PRIu32 " group%s", end - group, end - group == 1 ? "" : "s");
	if (path.failed || count.failed)
		return -ENOMEM;
	d.path = path.data;
	if (in_a)
		d.a = (struct cg_bytes){count.data, count.len};
	else
		d.b = (struct cg_bytes){count.data, count.len};
	return add(p->diff, d);
}

/* The position in a pair of subtrees that are walked together. `last` holds the latest matched group of a on
 * each level: the parents of what comes next. */
struct walk {
	struct pair *p;
	uint32_t i, j, end_a, end_b;
	uint32_t last[CG_DEPTH_MAX + 1];
};

static int lonely_below(struct walk *w, bool in_a)
{
	uint32_t group = in_a ? w->i : w->j;
	const struct cg_tree *tree = in_a ? w->p->a : w->p->b;
	uint32_t end = end_of(tree, group);
	_cleanup_text_ struct cg_text above = {0};

	cg_group_path(w->p->a, w->last[tree->group[group].depth - 1], &above);
	cg_text_addc(&above, '/');
	if (above.failed)
		return -ENOMEM;
	*(in_a ? &w->i : &w->j) = end;
	return add_lonely(w->p, in_a, group, end, above.data);
}

static int step(struct walk *w)
{
	const struct cg_group *a = w->i < w->end_a ? &w->p->a->group[w->i] : NULL;
	const struct cg_group *b = w->j < w->end_b ? &w->p->b->group[w->j] : NULL;
	int order;

	if (!a || !b)
		return lonely_below(w, a != NULL);
	order = a->depth != b->depth ? (int)b->depth - (int)a->depth : strcmp(a->name, b->name);
	if (order)
		return lonely_below(w, order < 0);
	w->last[a->depth] = w->i;
	return compare_groups(&(struct both){w->p, w->i++, w->j++});
}

static int compare_tops(struct pair *p, uint32_t a, uint32_t b)
{
	struct walk w = {.p = p,
		.i = a + 1,
		.j = b + 1,
		.end_a = end_of(p->a, a),
		.end_b = end_of(p->b, b),
		.last = {a}};
	int r = compare_groups(&(struct both){p, a, b});

	while (r == 0 && (w.i < w.end_a || w.j < w.end_b))
		r = step(&w);
	return r;
}

/* The tops of one side of a hierarchy, and which were paired. */
struct tops {
	uint32_t *group;
	uint32_t *partner;
	size_t count;
};

static void tops_free(struct tops *t)
{
	free(t->group);
	free(t->partner);
}

static int collect_tops(const struct cg_tree *tree, uint32_t hierarchy, struct tops *ret)
{
	uint32_t top = tree->hierarchy[hierarchy].first_top;
	size_t n = 0;

	for (uint32_t i = top; i != CG_NONE; i = tree->group[i].next_sibling)
		ret->count++;
	ret->group = calloc(ret->count + 1, sizeof(*ret->group));
	ret->partner = calloc(ret->count + 1, sizeof(*ret->partner));
	if (!ret->group || !ret->partner)
		return -ENOMEM;
	for (uint32_t i = top; i != CG_NONE; i = tree->group[i].next_sibling) {
		ret->partner[n] = CG_NONE;
		ret->group[n++] = i;
	}
	return 0;
}

/* Tops of the same path first, then the others in order. Tops are sorted by path. */
static void pair_tops(const struct pair *p, struct tops *a, struct tops *b)
{
	size_t i = 0, j = 0;

	while (i < a->count && j < b->count) {
		int order = strcmp(p->a->group[a->group[i]].name, p->b->group[b->group[j]].name);

		if (order == 0) {
			a->partner[i] = b->group[j];
			b->partner[j] = a->group[i];
		}
		i += order <= 0;
		j += order >= 0;
	}
	for (i = j = 0; i < a->count; i++) {
		if (a->partner[i] != CG_NONE)
			continue;
		while (j < b->count && b->partner[j] != CG_NONE)
			j++;
		if (j == b->count)
			return;
		a->partner[i] = b->group[j];
		b->partner[j] = a->group[i];
	}
}

static int compare_hierarchy(struct pair *p)
{
	_cleanup_(tops_free) struct tops a = {0}, b = {0};
	int r = collect_tops(p->a, p->hierarchy_a, &a);

	if (r == 0)
		r = collect_tops(p->b, p->hierarchy_b, &b);
	if (r < 0)
		return r;
	pair_tops(p, &a, &b);
	for (size_t i = 0; r == 0 && i < a.count; i++)
		r = a.partner[i] == CG_NONE ? add_lonely(p, true, a.group[i], end_of(p->a, a.group[i]), "")
					    : compare_tops(p, a.group[i], a.partner[i]);
	for (size_t j = 0; r == 0 && j < b.count; j++)
		if (b.partner[j] == CG_NONE)
			r = add_lonely(p, false, b.group[j], end_of(p->b, b.group[j]), "");
	return r;
}

/* Fills the column tables of a pair. */
static int match_columns(struct pair *p)
{
	const struct cg_hierarchy *a = side_a(p), *b = side_b(p);

	p->column_b = calloc((size_t)a->columns + 1, sizeof(*p->column_b));
	p->mask_a = calloc((size_t)a->columns + 1, sizeof(*p->mask_a));
	p->column_a = calloc((size_t)b->columns + 1, sizeof(*p->column_a));
	if (!p->column_b || !p->mask_a || !p->column_a)
		return -ENOMEM;
	for (uint16_t i = 0; i < b->columns; i++)
		p->column_a[i] = cg_hierarchy_column(a, b->column[i].name);
	for (uint16_t i = 0; i < a->columns; i++) {
		const struct cg_knob *knob = a->column[i].knob;

		p->column_b[i] = cg_hierarchy_column(b, a->column[i].name);
		p->mask_a[i] = knob && knob->masked_by ? cg_hierarchy_column(a, knob->masked_by) : CG_NONE;
	}
	return 0;
}

static bool same_boot(const struct cg_inventory *a, const struct cg_inventory *b)
{
	return a->boot_id && b->boot_id && a->boot_id[0] && strcmp(a->boot_id, b->boot_id) == 0;
}

static int compare_pair(const struct cg_tree *a, const struct cg_tree *b, uint32_t hierarchy_a,
	uint32_t hierarchy_b, const struct cg_device_keys *keys, unsigned flags, struct cg_diff *diff)
{
	struct pair p = {
		.a = a,
		.b = b,
		.hierarchy_a = hierarchy_a,
		.hierarchy_b = hierarchy_b,
		.flags = flags,
		.tasks = !(flags & CG_DIFF_NO_TASKS) && a->inventory.members && b->inventory.members,
		.same_boot = same_boot(&a->inventory, &b->inventory),
		.keys = keys,
		.diff = diff,
	};
	int r = match_columns(&p);

	if (r == 0)
		r = compare_hierarchy(&p);
	free(p.column_a);
	free(p.column_b);
	free(p.mask_a);
	return r;
}

/* The same hierarchy in the other tree, or CG_NONE. */
static uint32_t counterpart(const struct cg_hierarchy *h, const struct cg_tree *other)
{
	for (uint32_t i = 0; i < other->hierarchies; i++)
		if (cg_hierarchy_same(h, &other->hierarchy[i]))
			return i;
	return CG_NONE;
}

/* A hierarchy without groups holds nothing that could be missing. */
static int add_lonely_hierarchy(
	struct cg_diff *diff, const struct cg_tree *tree, uint32_t hierarchy, bool in_a)
{
	uint32_t top = tree->hierarchy[hierarchy].first_top;

	if (top == CG_NONE)
		return 0;
	return add(diff,
		(struct cg_difference){.kind = in_a ? CG_DIFF_HIERARCHY_MISSING : CG_DIFF_HIERARCHY_EXTRA,
			.hierarchy_a = in_a ? hierarchy : CG_NONE,
			.hierarchy_b = in_a ? CG_NONE : hierarchy,
			.group_a = in_a ? top : CG_NONE,
			.group_b = in_a ? CG_NONE : top,
			.path = tree->group[top].name});
}

int cg_diff_trees(const struct cg_tree *a, const struct cg_tree *b, unsigned flags, struct cg_diff *ret,
	struct cg_error **err)
{
	_cleanup_(cg_device_keys_free) struct cg_device_keys keys = {0};
	struct cg_diff diff = {0};
	int r = cg_device_keys_make(a, b, &keys);

	for (uint32_t i = 0; r == 0 && i < a->hierarchies; i++) {
		uint32_t other = counterpart(&a->hierarchy[i], b);

		r = other == CG_NONE ? add_lonely_hierarchy(&diff, a, i, true)
				     : compare_pair(a, b, i, other, &keys, flags, &diff);
	}
	for (uint32_t i = 0; r == 0 && !(flags & CG_DIFF_IGNORE_EXTRA) && i < b->hierarchies; i++)
		if (counterpart(&b->hierarchy[i], a) == CG_NONE)
			r = add_lonely_hierarchy(&diff, b, i, false);
	if (r < 0) {
		cg_diff_free(&diff);
		return cg_error_oom(err);
	}
	*ret = diff;
	return 0;
}

void cg_diff_free(struct cg_diff *diff)
{
	cg_arena_free(&diff->arena);
	free(diff->item);
	*diff = (struct cg_diff){0};
}
