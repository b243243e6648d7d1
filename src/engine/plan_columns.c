/* The columns of an image hierarchy as the target sees them: in which order they are written, what a new
 * group has, and what a group of the image wants, in words of the target. */
#include "engine/plan_private.h"

#include <errno.h>
#include <string.h>

#include "model/value.h"

bool cg_plan_same(const struct cg_column_plan *c, struct cg_bytes a, struct cg_bytes b)
{
	return cg_value_same(c->knob, cg_value_written(c->knob, a), cg_value_written(c->knob, b), c->unit);
}

/* The default on a host of this page size, in the plan's memory. */
static struct cg_bytes default_of(struct cg_planner *p, const struct cg_column_plan *c, uint64_t page_size)
{
	struct cg_bytes b = {0};

	cg_text_reset(&p->scratch);
	if (!cg_knob_default(c->knob, c->name, page_size, &p->scratch))
		return b;
	b = (struct cg_bytes){p->scratch.data ? p->scratch.data : "", p->scratch.len};
	if (p->scratch.failed || !cg_arena_keep(&p->plan->arena, &b))
		p->oom = true;
	return b;
}

static uint16_t column_of(const struct cg_hierarchy *h, const char *name)
{
	uint32_t i = name ? cg_hierarchy_column(h, name) : CG_NONE;

	return i == CG_NONE ? CG_NO_COLUMN : (uint16_t)i;
}

/* What the catalogue says of the column. */
static void know_column(struct cg_planner *p, struct cg_column_plan *c, const struct cg_hierarchy *image,
	const struct cg_hierarchy *live)
{
	const struct cg_knob *k = c->knob;

	c->masked_by = column_of(image, k->masked_by);
	c->bound = column_of(image, k->bound);
	c->unit = cg_knob_unit(k, c->name, p->live->inventory.page_size);
	c->fresh = default_of(p, c, p->live->inventory.page_size);
	c->fresh_mode = cg_knob_mode(k, p->kernel);
	if (c->usual_mode == cg_knob_mode(k, p->image_kernel))
		c->usual_mode = c->fresh_mode;
	if (k->default_kind == CG_DEFAULT_UNLIMITED)
		c->unlimited = default_of(p, c, p->image->inventory.page_size);
	c->written = !(k->flags & (CG_KNOB_ALIAS | CG_KNOB_ROOT_ONLY)) && k->phase != CG_PHASE_TYPE &&
		     k->kind == CG_KNOB_SETTING;
	c->absent = p->kernel && ((k->since && p->kernel < k->since) || (k->until && p->kernel >= k->until));
	if (live->version == 2 && k->controller[0])
		c->controller = cg_plan_controller_bit(p, cg_bytes_of(k->controller));
	if (k->usage) {
		cg_text_reset(&p->scratch);
		cg_knob_sibling(&p->scratch, k->usage, c->name);
		c->live_usage = p->scratch.failed ? CG_NO_COLUMN : column_of(live, p->scratch.data);
	}
}

static bool usual_differs(const struct cg_column_plan *c, struct cg_bytes usual)
{
	if (!c->knob || !c->fresh.data)
		return true;
	if (c->unlimited.data && cg_bytes_equal(usual, c->unlimited))
		return false;
	return !cg_plan_same(c, usual, c->fresh);
}

static void see_column(struct cg_planner *p, struct cg_hierarchy_plan *h, const struct cg_hierarchy *image,
	const struct cg_hierarchy *live, uint16_t i)
{
	const struct cg_column *from = &image->column[i];
	struct cg_column_plan *c = &h->column[i];

	*c = (struct cg_column_plan){.name = from->name,
		.knob = from->knob,
		.unit = 1,
		.controller = CG_NO_BIT,
		.masked_by = CG_NO_COLUMN,
		.bound = CG_NO_COLUMN,
		.live_usage = CG_NO_COLUMN,
		.usual_mode = from->usual_mode,
		.fresh_mode = from->usual_mode,
		.written = true,
		.live = column_of(live, from->name)};
	if (c->live != CG_NO_COLUMN)
		h->from_live[c->live] = i;
	if (c->knob) {
		know_column(p, c, image, live);
		if (c->knob->grammar == CG_GRAMMAR_CONTROLLERS)
			h->controllers_column = i;
	}
	h->special_modes |= c->usual_mode != c->fresh_mode;
	h->special_live_modes |= c->live != CG_NO_COLUMN && c->usual_mode != live->column[c->live].usual_mode;
	c->look = c->written && usual_differs(c, from->usual);
	c->look_live = c->written && (c->live == CG_NO_COLUMN || c->look ||
					     !cg_plan_same(c, from->usual, live->column[c->live].usual));
	if (c->look)
		h->look[h->looks++] = i;
	if (c->look_live)
		h->look_live[h->looks_live++] = i;
}

static unsigned phase_of(const struct cg_column_plan *c)
{
	return c->knob ? (unsigned)c->knob->phase << 8 | c->knob->order : CG_PHASE_SETTINGS << 8 | 0xff;
}

/* Columns are few: an insertion sort. */
static void rank_columns(struct cg_hierarchy_plan *h, uint16_t *order)
{
	for (uint16_t i = 0; i < h->columns; i++) {
		uint16_t at = i;

		for (; at > 0 && phase_of(&h->column[order[at - 1]]) > phase_of(&h->column[i]); at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
	for (uint16_t i = 0; i < h->columns; i++)
		h->column[order[i]].rank = i;
}

/* The controllers that the files of a set belong to. */
static uint64_t needs_of(const struct cg_hierarchy_plan *h, const struct cg_file_set *set)
{
	uint64_t needs = 0;

	for (uint16_t i = 0; i < set->count; i++) {
		const struct cg_column_plan *c = &h->column[set->column[i]];

		if (c->written && c->controller != CG_NO_BIT)
			needs |= UINT64_C(1) << c->controller;
	}
	return needs;
}

/* What no dump writes, and what cannot be restored, by the columns alone. */
static void check_column(
	struct cg_planner *p, const struct cg_hierarchy *image, const struct cg_column_plan *c)
{
	if (image->first_top == CG_NONE || !c->knob)
		return;
	if (c->knob->kind != CG_KNOB_SETTING)
		cg_plan_corrupt(p, CG_NONE, c->name, "is no setting, yet the image holds values of it");
	else if (c->knob->flags & CG_KNOB_ROOT_ONLY)
		cg_plan_corrupt(p, CG_NONE, c->name,
			"belongs to the root of a hierarchy, yet the image gives it to groups");
}

static int plan_hierarchy(struct cg_planner *p, uint16_t number, uint16_t live_number, struct cg_error **err)
{
	const struct cg_hierarchy *image = &p->image->hierarchy[number];
	const struct cg_hierarchy *live = &p->live->hierarchy[live_number];
	struct cg_hierarchy_plan *h = &p->hierarchy[number];
	_cleanup_free_ uint16_t *order = calloc((size_t)image->columns + 1, sizeof(*order));

	h->live = live_number;
	h->columns = image->columns;
	h->column = cg_plan_array(p, image->columns, sizeof(*h->column));
	h->look = cg_plan_array(p, image->columns, sizeof(*h->look));
	h->look_live = cg_plan_array(p, image->columns, sizeof(*h->look_live));
	h->lacking = cg_plan_array(p, image->columns, sizeof(*h->lacking));
	h->stamp = cg_plan_array(p, image->columns, sizeof(*h->stamp));
	h->needs = cg_plan_array(p, image->file_sets, sizeof(*h->needs));
	h->from_live = cg_plan_array(p, live->columns, sizeof(*h->from_live));
	if (p->oom || !order)
		return cg_error_oom(err);
	h->pair_image = h->pair_live = CG_NONE;
	if (live->version == 2)
		(void)cg_plan_controllers_of(p, cg_bytes_of(live->controllers)); /* in the kernel's order */
	for (uint16_t i = 0; i < live->columns; i++)
		h->from_live[i] = CG_NO_COLUMN;
	for (uint16_t i = 0; i < image->columns; i++) {
		see_column(p, h, image, live, i);
		check_column(p, image, &h->column[i]);
	}
	rank_columns(h, order);
	for (uint16_t i = 0; image->version == 2 && i < image->file_sets; i++)
		h->needs[i] = needs_of(h, &image->file_set[i]);
	return 0;
}

static uint16_t find_live_hierarchy(const struct cg_planner *p, const struct cg_hierarchy *image)
{
	for (uint16_t i = 0; i < p->live->hierarchies; i++)
		if (cg_hierarchy_same(image, &p->live->hierarchy[i]))
			return i;
	return CG_NO_COLUMN;
}

static void miss_hierarchy(struct cg_planner *p, const struct cg_hierarchy *image, size_t found)
{
	_cleanup_text_ struct cg_text label = {0};
	const char *name = cg_hierarchy_label(image, &label);

	if (label.failed) {
		p->oom = true;
		return;
	}
	if (p->options->dir && !p->options->namespace_root && found)
		cg_plan_note(p, CG_NONE, name, CG_OP_DIFFERS,
			"is no hierarchy of a directory that was given; its groups are left out");
	else
		cg_plan_refuse(p, p->options->mode, CG_NONE, name,
			"--translate converts the image to the hierarchies of this host", ENODEV,
			"there is no such hierarchy here");
}

int cg_plan_columns(struct cg_planner *p, struct cg_error **err)
{
	size_t found = 0;
	int r = 0;

	for (size_t i = 0; i < cg_knob_count; i++)
		if (cg_knob_table[i].phase == CG_PHASE_TYPE && cg_knob_table[i].kind == CG_KNOB_SETTING)
			p->type_knob = &cg_knob_table[i];
	for (uint16_t i = 0; i < p->image->hierarchies; i++) {
		p->hierarchy[i].live = CG_NO_COLUMN;
		p->hierarchy[i].controllers_column = CG_NO_COLUMN;
	}
	for (uint16_t i = 0; r == 0 && i < p->image->hierarchies; i++) {
		uint16_t live = find_live_hierarchy(p, &p->image->hierarchy[i]);

		if (p->image->hierarchy[i].first_top == CG_NONE || live == CG_NO_COLUMN)
			continue;
		for (uint16_t j = 0; j < i; j++)
			if (p->hierarchy[j].live == live)
				return cg_error_corrupt(err, "the image holds one hierarchy twice");
		r = plan_hierarchy(p, i, live, err);
		found++;
	}
	for (uint16_t i = 0; r == 0 && i < p->image->hierarchies; i++)
		if (p->image->hierarchy[i].first_top != CG_NONE && p->hierarchy[i].live == CG_NO_COLUMN)
			miss_hierarchy(p, &p->image->hierarchy[i], found);
	return r;
}

struct cg_bytes cg_plan_live_value(
	const struct cg_planner *p, const struct cg_hierarchy_plan *h, uint32_t live_group, uint16_t column)
{
	struct cg_bytes b = {0};

	if (live_group == CG_NONE || h->column[column].live == CG_NO_COLUMN ||
		!cg_group_value(p->live, live_group, h->column[column].live, &b))
		return (struct cg_bytes){0};
	return b;
}

/* The image holds what its own catalogue does not allow, or more than that. */
static bool check_value(
	struct cg_planner *p, uint32_t place, const struct cg_column_plan *c, struct cg_bytes v)
{
	_cleanup_error_ struct cg_error *e = NULL;

	if (c->fresh.data && cg_bytes_equal(v, c->fresh))
		return true;
	if (cg_value_check(c->knob, c->name, cg_value_written(c->knob, v), &e) == 0)
		return true;
	cg_plan_corrupt(p, place, c->name, "%s", e ? e->message : "a value that is never written");
	return false;
}

static struct cg_bytes translate(
	struct cg_planner *p, uint32_t place, const struct cg_column_plan *c, struct cg_bytes v)
{
	if (c->unlimited.data && cg_bytes_equal(v, c->unlimited))
		return c->fresh;
	if (c->knob && (c->knob->key == CG_KEY_DEVICE || c->knob->key == CG_KEY_LINK))
		return cg_plan_map_devices(p, place, c, v);
	return v;
}

struct cg_bytes cg_plan_want(struct cg_planner *p, uint32_t place, uint16_t column)
{
	struct cg_column_plan *c = &cg_plan_hierarchy(p, place)->column[column];
	uint32_t group = p->plan->place[place].image_group;
	const char *usual = p->image->hierarchy[p->seat[place].image_hierarchy].column[column].usual.data;
	size_t said = p->plan->ops;
	struct cg_bytes is, v;

	if (!cg_group_value(p->image, group, column, &is))
		return (struct cg_bytes){0};
	if (is.data == usual && c->usual.data)
		return c->usual;
	if (!check_value(p, place, c, is))
		return (struct cg_bytes){0};
	v = translate(p, place, c, is);
	/* What was found wanting is said for each group, so that such a value is looked at each time. */
	if (is.data == usual && said == p->plan->ops)
		c->usual = v;
	return v;
}

/* What a place has of an inherited setting at the moment when its children are made. */
static struct cg_bytes value_above(struct cg_planner *p, uint32_t place, uint16_t column)
{
	const struct cg_place *at = &p->plan->place[place];
	const bool late = cg_plan_is_late(&cg_plan_hierarchy(p, place)->column[column]);
	struct cg_change change;

	if (!at->exists) {
		if (at->image_group != CG_NONE && p->seat[place].apply && !late &&
			cg_group_has_column(p->image, at->image_group, column))
			return cg_plan_want(p, place, column);
		return cg_plan_fresh(p, place, column);
	}
	if (p->seat[place].apply && !late && cg_plan_change(p, place, column, false, &change) &&
		!change.tightens)
		return change.to;
	return cg_plan_live_value(p, cg_plan_hierarchy(p, place), at->live_group, column);
}

struct cg_bytes cg_plan_fresh(struct cg_planner *p, uint32_t place, uint16_t column)
{
	const struct cg_hierarchy_plan *h = cg_plan_hierarchy(p, place);
	const struct cg_column_plan *c = &h->column[column];

	if (c->fresh.data || !c->knob || c->knob->default_kind != CG_DEFAULT_INHERIT)
		return c->fresh;
	if (p->plan->place[place].parent != CG_NONE)
		return value_above(p, p->plan->place[place].parent, column);
	return cg_plan_live_value(p, h, p->seat[place].live_parent, column);
}
