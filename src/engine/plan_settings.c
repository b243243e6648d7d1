/* Which settings change, from what to what, in which order, and when.
 *
 * Groups that are made get all that differs from what the kernel gives them before their children exist.
 * What exists is changed in two passes: what relaxes goes first, top-down, what tightens goes last,
 * bottom-up, so that a parent is never narrower than its children and limits are in place before tasks enter.
 * What the catalogue puts after the tasks waits for the end. */
#include "engine/plan_private.h"

#include <errno.h>
#include <string.h>

#include "model/value.h"

void cg_plan_push(struct cg_planner *p, struct cg_changes *to, const struct cg_change *change)
{
	if (to->count == to->room) {
		size_t room = to->room ? to->room * 2 : 32;
		struct cg_change *more = reallocarray(to->item, room, sizeof(*more));

		if (!more) {
			p->oom = true;
			return;
		}
		to->item = more;
		to->room = room;
	}
	to->item[to->count++] = *change;
}

static const struct cg_column_plan *column_of(const struct cg_planner *p, const struct cg_change *c)
{
	return &cg_plan_hierarchy(p, c->place)->column[c->column];
}

bool cg_plan_is_late(const struct cg_column_plan *c)
{
	return c->knob && c->knob->phase >= CG_PHASE_AFTER_TASKS;
}

/* Whether "restricts more" means something for this knob, so that the two passes matter. */
static bool has_order(const struct cg_knob *k)
{
	if (!k)
		return false;
	switch (k->grammar) {
	case CG_GRAMMAR_NUMBER:
	case CG_GRAMMAR_NUMBER_MAX:
	case CG_GRAMMAR_BYTES:
	case CG_GRAMMAR_BYTES_MAX:
	case CG_GRAMMAR_PERCENT_MAX:
	case CG_GRAMMAR_QUOTA:
	case CG_GRAMMAR_LIST:
		return true;
	default:
		return (k->flags & CG_KNOB_WITHIN_PARENT) != 0;
	}
}

/* 1 when the value rises (restricts less than before), -1 when it falls. */
static int direction(const struct cg_column_plan *c, const struct cg_change *change)
{
	if (!has_order(c->knob) || !change->from.data)
		return 0;
	return cg_value_order(c->knob, change->to, change->from);
}

static bool is_masked(struct cg_planner *p, uint32_t place, const struct cg_column_plan *c)
{
	struct cg_bytes v = {0};

	return c->masked_by != CG_NO_COLUMN &&
	       cg_group_value(p->image, p->plan->place[place].image_group, c->masked_by, &v) &&
	       cg_bytes_is(v, "1");
}

static bool has_controller(uint64_t mask, const struct cg_column_plan *c)
{
	return c->controller == CG_NO_BIT || (mask & (UINT64_C(1) << c->controller));
}

static void say_unknown(struct cg_planner *p, uint32_t place, struct cg_column_plan *c)
{
	if (c->said || c->knob)
		return;
	c->said = true;
	cg_plan_note(p, place, c->name, 0,
		"is not in the catalogue; it is written as it is, here and in other groups, as far as the kernel takes it");
}

/* Nothing of an existing group can be compared: its file is missing. True when it will be as new. */
static bool judge_missing_file(
	struct cg_planner *p, uint32_t place, const struct cg_column_plan *c, struct cg_bytes want, bool say)
{
	const struct cg_seat *seat = &p->seat[place];

	if (c->controller != CG_NO_BIT && !has_controller(seat->has, c))
		return true;
	if (say && !(c->fresh.data && cg_plan_same(c, want, c->fresh)))
		cg_plan_note(p, place, c->name, CG_OP_DIFFERS,
			"there is no such file here; the image has %.*s", (int)want.len, want.data);
	return false;
}

/* A limit below what is used now reclaims, kills or is refused. */
static void check_usage(
	struct cg_planner *p, uint32_t place, const struct cg_column_plan *c, struct cg_bytes to)
{
	uint64_t limit, used;
	struct cg_bytes v;

	if (!(c->knob->flags & CG_KNOB_LIMIT) || c->live_usage == CG_NO_COLUMN ||
		!cg_group_value(p->live, p->plan->place[place].live_group, c->live_usage, &v) ||
		cg_parse_u64(cg_bytes_trim(v), &used) < 0 || !cg_value_amount(c->knob, to, c->unit, &limit) ||
		limit >= used)
		return;
	cg_plan_refuse(p, p->plan->place[place].mode, place, c->name,
		"stop or move tasks first, so that it uses less", EBUSY,
		"would be %llu, below the %llu in use now", (unsigned long long)limit,
		(unsigned long long)used);
}

/* What stands there now. False when there is nothing to change. */
static bool find_from(struct cg_planner *p, uint32_t place, uint16_t column, bool say, struct cg_change *ret)
{
	const struct cg_hierarchy_plan *h = cg_plan_hierarchy(p, place);
	const struct cg_column_plan *c = &h->column[column];
	const struct cg_place *at = &p->plan->place[place];
	bool as_new = !at->exists;

	if (at->exists &&
		(c->live == CG_NO_COLUMN || !cg_group_has_column(p->live, at->live_group, c->live))) {
		if (!judge_missing_file(p, place, c, ret->to, say))
			return false;
		as_new = true;
	}
	ret->from =
		as_new ? cg_plan_fresh(p, place, column) : cg_plan_live_value(p, h, at->live_group, column);
	if (!ret->from.data) {
		ret->flags |= CG_OP_MAKES_PRESENT;
		return true;
	}
	return !cg_plan_same(c, ret->to, ret->from);
}

bool cg_plan_change(struct cg_planner *p, uint32_t place, uint16_t column, bool say, struct cg_change *ret)
{
	struct cg_column_plan *c = &cg_plan_hierarchy(p, place)->column[column];
	const struct cg_place *at = &p->plan->place[place];

	*ret = (struct cg_change){
		.place = place, .column = column, .flags = (uint8_t)cg_plan_effort(p, place)};
	if (!c->written || !cg_group_has_column(p->image, at->image_group, column) ||
		!has_controller(p->seat[place].available, c) || is_masked(p, place, c))
		return false;
	ret->to = cg_plan_want(p, place, column);
	if (!ret->to.data) {
		struct cg_bytes v;

		if (say && !cg_group_value(p->image, at->image_group, column, &v))
			cg_plan_note(p, place, c->name, CG_OP_DIFFERS,
				"could not be read when the image was made");
		return false;
	}
	if (!find_from(p, place, column, say, ret))
		return false;
	if (c->absent) {
		if (say)
			cg_plan_note(p, place, c->name, CG_OP_DIFFERS,
				"this kernel has no such file; the image has %.*s", (int)ret->to.len,
				ret->to.data);
		return false;
	}
	if (!c->knob || (c->knob->flags & CG_KNOB_DEPRECATED))
		ret->flags |= CG_OP_BEST_EFFORT;
	if (!c->knob && !ret->from.data)
		ret->flags |= CG_OP_MAKES_PRESENT;
	ret->tightens = at->exists && direction(c, ret) < 0;
	if (say)
		say_unknown(p, place, c);
	if (say && ret->tightens)
		check_usage(p, place, c, ret->to);
	return true;
}

static void take(
	struct cg_planner *p, struct cg_hierarchy_plan *h, uint32_t place, uint16_t column, size_t *n)
{
	if (h->stamp[column] == place + 1)
		return;
	h->stamp[column] = place + 1;
	p->candidate[(*n)++] = column;
}

/* Image columns of the group that its live twin has no file for. The last pair of sets is kept: groups are
 * alike. */
static void find_lacking(struct cg_planner *p, struct cg_hierarchy_plan *h, uint32_t group, uint32_t live)
{
	const struct cg_hierarchy *image = &p->image->hierarchy[p->image->group[group].hierarchy];
	uint16_t own = p->image->group[group].file_set, others = p->live->group[live].file_set;
	const struct cg_file_set *set = &image->file_set[own];

	if (h->pair_image == own && h->pair_live == others)
		return;
	h->pair_image = own;
	h->pair_live = others;
	h->lackings = 0;
	for (uint16_t i = 0; i < set->count; i++) {
		uint16_t there = h->column[set->column[i]].live;

		if (there == CG_NO_COLUMN || !cg_group_has_column(p->live, live, there))
			h->lacking[h->lackings++] = set->column[i];
	}
}

/* Columns that may have to be written, each once; their number. */
static size_t find_candidates(struct cg_planner *p, uint32_t place)
{
	const struct cg_place *at = &p->plan->place[place];
	const struct cg_group *g = &p->image->group[at->image_group];
	struct cg_hierarchy_plan *h = cg_plan_hierarchy(p, place);
	const uint16_t *look = at->exists ? h->look_live : h->look;
	uint16_t looks = at->exists ? h->looks_live : h->looks;
	size_t n = 0;

	if (p->candidate_room < h->columns) {
		free(p->candidate);
		p->candidate_room = 0;
		p->candidate = cg_plan_array(p, h->columns, sizeof(*p->candidate));
		if (!p->candidate)
			return 0;
		p->candidate_room = h->columns;
	}
	for (uint32_t i = 0; i < g->settings; i++)
		take(p, h, place, g->setting[i].column, &n);
	for (uint16_t i = 0; i < looks; i++)
		take(p, h, place, look[i], &n);
	if (!at->exists)
		return n;
	find_lacking(p, h, at->image_group, at->live_group);
	for (uint16_t i = 0; i < h->lackings; i++)
		take(p, h, place, h->lacking[i], &n);
	for (uint32_t i = 0; i < p->live->group[at->live_group].settings; i++) {
		uint16_t column = h->from_live[p->live->group[at->live_group].setting[i].column];

		if (column != CG_NO_COLUMN)
			take(p, h, place, column, &n);
	}
	return n;
}

static bool may_write(struct cg_planner *p, uint32_t place, const struct cg_column_plan *c)
{
	enum cg_mode mode = p->plan->place[place].mode;

	if (!p->seat[place].delegated || (c->knob && (c->knob->flags & CG_KNOB_DELEGATED)))
		return true;
	if (mode == CG_MODE_BIND)
		cg_plan_note(p, place, c->name, CG_OP_DIFFERS,
			"belongs to the owner of this cgroup namespace; left alone");
	else
		cg_plan_refuse(p, mode, place, c->name, "--mode bind leaves it alone", EPERM,
			"belongs to the owner of this cgroup namespace");
	return false;
}

/* Puts each change of a place where it belongs: now, in the second pass, or at the end. */
static void sort_out(struct cg_planner *p, uint32_t place)
{
	struct cg_hierarchy_plan *h = cg_plan_hierarchy(p, place);
	size_t n = find_candidates(p, place);

	for (size_t i = 0; i < n && !p->oom; i++) {
		struct cg_column_plan *c = &h->column[p->candidate[i]];
		struct cg_change change;

		if (p->candidate[i] == h->controllers_column) {
			if (cg_group_has_column(p->image, p->plan->place[place].image_group, p->candidate[i]))
				cg_plan_controllers_change(p, place, p->candidate[i]);
			continue;
		}
		if (!cg_plan_change(p, place, p->candidate[i], true, &change) || !may_write(p, place, c))
			continue;
		p->seat[place].changed = true;
		/* What limits the groups below must give way before they are made. */
		if (cg_plan_is_late(c) && !(p->plan->place[place].exists && direction(c, &change) > 0))
			cg_plan_push(p, &p->late, &change);
		else
			cg_plan_push(p, change.tightens ? &p->tighten : &p->now, &change);
	}
}

static void move(struct cg_change *list, size_t from, size_t to)
{
	struct cg_change c = list[from];

	if (from < to)
		memmove(&list[from], &list[from + 1], (to - from) * sizeof(*list));
	else
		memmove(&list[to + 1], &list[to], (from - to) * sizeof(*list));
	list[to] = c;
}

static size_t find_change(const struct cg_change *list, size_t n, uint16_t column)
{
	size_t i = 0;

	while (i < n && list[i].column != column)
		i++;
	return i;
}

/* Pairs of knobs that hold each other: see `bound` and `masked_by` in knob.h. */
static void order_pairs(const struct cg_planner *p, struct cg_change *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct cg_column_plan *c = column_of(p, &list[i]);
		size_t bound = c->bound == CG_NO_COLUMN ? n : find_change(list, n, c->bound);
		size_t mask = c->masked_by == CG_NO_COLUMN ? n : find_change(list, n, c->masked_by);

		/* The moved one pushes ours on, so that it is looked at again. */
		if (mask < n && mask > i)
			move(list, mask, i);
		else if (bound < n &&
			 (direction(column_of(p, &list[bound]), &list[bound]) > 0) != (bound < i))
			move(list, bound, i);
	}
}

/* One group's changes in the order of the catalogue. */
static void order_changes(const struct cg_planner *p, struct cg_change *list, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct cg_change c = list[i];
		uint16_t rank = column_of(p, &c)->rank;
		size_t at = i;

		for (; at > 0 && column_of(p, &list[at - 1])->rank > rank; at--)
			list[at] = list[at - 1];
		list[at] = c;
	}
	order_pairs(p, list, n);
}

/* What tightens, and would hinder tasks that are made anew in the group. */
static bool is_held(
	const struct cg_planner *p, const struct cg_column_plan *c, const struct cg_change *change)
{
	uint32_t group = p->plan->place[change->place].image_group;

	if (!p->peopled || !c->knob || !cg_knob_hinders(c->knob) || (group != CG_NONE && !p->peopled[group]))
		return false;
	if (c->knob->phase == CG_PHASE_LAST)
		return !c->fresh.data || !cg_plan_same(c, change->to, c->fresh);
	return !change->from.data || cg_value_order(c->knob, change->to, change->from) < 0;
}

static void write_changes(struct cg_planner *p, struct cg_change *list, size_t n)
{
	order_changes(p, list, n);
	for (size_t i = 0; i < n; i++) {
		const struct cg_column_plan *c = column_of(p, &list[i]);
		struct cg_op *op = cg_plan_add(p, CG_OP_WRITE, list[i].place);

		if (!op)
			return;
		op->flags = list[i].flags;
		if (is_held(p, c, &list[i]))
			op->flags |= CG_OP_HELD;
		op->knob = c->knob;
		op->file = c->name;
		op->from = list[i].from;
		op->to = list[i].to;
		p->seat[list[i].place].changed = true;
	}
}

/* The type of a v2 group: threaded can be made, not unmade (cgroup-v2.rst, "Threads"). */
static void change_type(struct cg_planner *p, uint32_t place)
{
	const struct cg_place *at = &p->plan->place[place];
	bool wanted = p->image->group[at->image_group].type == CG_TYPE_THREADED;
	enum cg_group_type is = at->exists ? p->live->group[at->live_group].type : CG_TYPE_DOMAIN;
	const char *threaded = cg_group_type_name(CG_TYPE_THREADED);
	struct cg_op *op;

	if (p->image->hierarchy[p->seat[place].image_hierarchy].version != 2 || !p->type_knob ||
		wanted == (is == CG_TYPE_THREADED))
		return;
	if (!wanted) {
		cg_plan_refuse(p, at->mode, place, p->type_knob->name,
			"remove the group first, or use --mode opportunistic", EOPNOTSUPP,
			"is %s, which cannot be changed back", threaded);
		return;
	}
	op = cg_plan_add(p, CG_OP_WRITE, place);
	if (!op)
		return;
	op->flags = (uint8_t)cg_plan_effort(p, place);
	op->knob = p->type_knob;
	op->file = p->type_knob->name;
	op->from = at->exists ? cg_bytes_of(cg_group_type_name(is)) : (struct cg_bytes){0};
	op->to = cg_bytes_of(threaded);
	p->seat[place].changed = true;
}

/* Without cpus, memory nodes or a real-time budget of its own a v1 group can give none to those below: what
 * a child is bound by, the groups that are made above it get from it. */
static void bound_of_ancestor(struct cg_planner *p, uint32_t place, uint16_t column)
{
	const struct cg_hierarchy_plan *h = cg_plan_hierarchy(p, place);
	const struct cg_column_plan *c = &h->column[column];
	struct cg_change change = {.place = place, .column = column};
	uint32_t up = p->seat[place].live_parent;

	if (!c->knob || !(c->knob->flags & CG_KNOB_WITHIN_PARENT))
		return;
	if (c->knob->grammar == CG_GRAMMAR_LIST) {
		for (uint32_t i = place; up == CG_NONE && p->plan->place[i].parent != CG_NONE;
			i = p->plan->place[i].parent)
			up = p->seat[p->plan->place[i].parent].live_parent;
		change.to = cg_plan_live_value(p, h, up, column);
	}
	for (uint32_t i = place + 1; !change.to.data && i < p->plan->places; i++)
		if (p->plan->place[i].image_group != CG_NONE && cg_plan_hierarchy(p, i) == h &&
			cg_group_has_column(p->image, p->plan->place[i].image_group, column))
			change.to = cg_plan_want(p, i, column);
	change.from = cg_plan_fresh(p, place, column);
	if (!change.to.data || (change.from.data && cg_value_order(c->knob, change.from, change.to) >= 0))
		return;
	change.flags = change.from.data ? 0 : CG_OP_MAKES_PRESENT;
	cg_plan_push(p, &p->now, &change);
}

static void ancestor_settings(struct cg_planner *p, uint32_t place)
{
	struct cg_hierarchy_plan *h = cg_plan_hierarchy(p, place);

	p->now.count = 0;
	if (h->controllers_column != CG_NO_COLUMN)
		cg_plan_controllers_change(p, place, h->controllers_column);
	else
		for (uint16_t i = 0; i < h->columns; i++)
			bound_of_ancestor(p, place, i);
	write_changes(p, p->now.item, p->now.count);
}

void cg_plan_made_settings(struct cg_planner *p, uint32_t place)
{
	if (p->plan->place[place].image_group == CG_NONE) {
		ancestor_settings(p, place);
		return;
	}
	if (!p->seat[place].apply)
		return;
	change_type(p, place);
	p->now.count = 0;
	sort_out(p, place);
	write_changes(p, p->now.item, p->now.count);
}

void cg_plan_relax(struct cg_planner *p)
{
	for (uint32_t i = 0; i < p->plan->places && !p->oom; i++) {
		if (!p->plan->place[i].exists || !p->seat[i].apply || p->seat[i].refused)
			continue;
		cg_plan_made_settings(p, i);
	}
}

/* Runs of one place each, the last first. */
static void write_backwards(struct cg_planner *p, struct cg_changes *list)
{
	for (size_t end = list->count; end > 0 && !p->oom;) {
		size_t start = end - 1;

		while (start > 0 && list->item[start - 1].place == list->item[end - 1].place)
			start--;
		write_changes(p, list->item + start, end - start);
		end = start;
	}
}

void cg_plan_tighten(struct cg_planner *p)
{
	write_backwards(p, &p->tighten);
}

/* The last phase of all groups follows the one before it of all groups. Changes of what exists were found
 * first, so that the list is brought into the order of places. */
static int compare_places(const void *a, const void *b)
{
	uint32_t x = ((const struct cg_change *)a)->place, y = ((const struct cg_change *)b)->place;

	return (x > y) - (x < y);
}

static void write_phase(struct cg_planner *p, bool last)
{
	p->now.count = 0;
	for (size_t i = 0; i < p->late.count; i++)
		if ((column_of(p, &p->late.item[i])->knob->phase == CG_PHASE_LAST) == last)
			cg_plan_push(p, &p->now, &p->late.item[i]);
	write_backwards(p, &p->now);
}

void cg_plan_late(struct cg_planner *p)
{
	if (p->late.count > 1)
		qsort(p->late.item, p->late.count, sizeof(*p->late.item), compare_places);
	write_phase(p, false);
	write_phase(p, true);
}
