/* What v1 demands of parents and children, and v2 does not (Documentation/admin-guide/cgroup-v1/cpusets.rst;
 * kernel/sched/core.c, tg_cfs_schedulable_down): a list of cpus or nodes is never empty and lies within the
 * parent's, a quota grants no larger share than the parent's. Only what comes from v2 is looked at. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/convert_private.h"
#include "model/value.h"
#include "model/value_parts.h"

static int set_value(struct cg_converter *c, uint32_t group, uint16_t column, struct cg_bytes value)
{
	return cg_group_set_value(c->to, group, column, value) ? 0 : cg_error_oom(c->err);
}

/* What two lists have in common, as a list. */
static void add_common(const struct cg_ranges *a, const struct cg_ranges *b, struct cg_text *t)
{
	for (size_t i = 0; i < a->count; i++)
		for (size_t k = 0; k < b->count; k++) {
			uint32_t first =
				a->item[i].first > b->item[k].first ? a->item[i].first : b->item[k].first;
			uint32_t last = a->item[i].last < b->item[k].last ? a->item[i].last : b->item[k].last;

			if (first > last)
				continue;
			cg_text_printf(t, "%s%u", t->len ? "," : "", first);
			if (last > first)
				cg_text_printf(t, "-%u", last);
		}
}

int cg_fit_list(struct cg_tree *tree, uint32_t group, uint16_t column, struct cg_bytes above,
	struct cg_losses *losses, struct cg_error **err)
{
	const char *name = tree->hierarchy[tree->group[group].hierarchy].column[column].name;
	_cleanup_ranges_ struct cg_ranges own = {0}, up = {0};
	_cleanup_text_ struct cg_text cut = {0}, became = {0}, path = {0}, why = {0};
	struct cg_loss loss = {.knob = name};

	if (above.len == 0 || !cg_group_value(tree, group, column, &loss.was))
		return 0;
	if (loss.was.len == 0)
		return cg_group_set_value(tree, group, column, above) ? 0 : cg_error_oom(err);
	if (cg_parse_ranges(loss.was, &own) < 0 || cg_parse_ranges(above, &up) < 0 ||
		cg_ranges_subset(&own, &up))
		return 0;
	add_common(&own, &up, &cut);
	if (cut.len == 0)
		cg_text_add(&cut, above.data, above.len);
	cg_text_printf(&became, "%s %s", name, cut.data ? cut.data : "");
	cg_text_printf(&why, "on v1 it must lie within the parent's %.*s", (int)above.len, above.data);
	cg_group_path(tree, group, &path);
	loss.path = path.data;
	loss.became = became.data;
	loss.why = why.data;
	if (cut.failed || became.failed || path.failed || why.failed || cg_losses_add(losses, &loss) < 0 ||
		!cg_group_set_value(tree, group, column, (struct cg_bytes){cut.data, cut.len}))
		return cg_error_oom(err);
	return 0;
}

bool cg_is_fit_column(const struct cg_knob *knob)
{
	return knob && knob->grammar == CG_GRAMMAR_LIST && (knob->flags & CG_KNOB_WITHIN_PARENT);
}

int cg_fit_lists(struct cg_tree *tree, uint16_t hierarchy, struct cg_losses *losses, struct cg_error **err)
{
	const struct cg_hierarchy *h = &tree->hierarchy[hierarchy];
	int r = 0;

	for (uint16_t i = 0; r == 0 && i < h->columns; i++)
		for (uint32_t g = 0; cg_is_fit_column(h->column[i].knob) && r == 0 && g < tree->groups; g++) {
			struct cg_bytes above;

			if (tree->group[g].hierarchy == hierarchy && tree->group[g].parent != CG_NONE &&
				cg_group_value(tree, tree->group[g].parent, i, &above))
				r = cg_fit_list(tree, g, i, above, losses, err);
		}
	return r;
}

static uint32_t node_of_place(const struct cg_converter *c, uint32_t group)
{
	for (uint32_t i = 0; i < c->nodes; i++)
		if (c->node[i].place == group)
			return i;
	return CG_NONE;
}

/* A quota as v1 has it; false when there is none. */
static bool quota_of(const struct cg_converter *c, const struct cg_part *p, const struct cg_row_use *use,
	uint32_t group, struct cg_quota *ret)
{
	struct cg_bytes quota, period;

	return cg_group_value(c->to, group, use->out[0], &quota) &&
	       cg_group_value(c->to, group, use->out[1], &period) &&
	       cg_scalar_parse(p->column[use->out[0]].knob, quota, &ret->quota) == 0 &&
	       !ret->quota.unlimited && cg_parse_s64(period, &ret->period) == 0 && ret->period > 0;
}

/* The nearest quota above. */
static bool quota_above(const struct cg_converter *c, const struct cg_part *p, const struct cg_row_use *use,
	uint32_t group, struct cg_quota *ret)
{
	for (uint32_t up = c->to->group[group].parent; up != CG_NONE; up = c->to->group[up].parent)
		if (quota_of(c, p, use, up, ret))
			return true;
	return false;
}

/* What may not be more than the quota. */
static int fit_bound(struct cg_converter *c, const struct cg_part *p, const struct cg_row_use *use,
	uint32_t group, int64_t quota)
{
	for (uint16_t i = 0; i < p->columns; i++) {
		const struct cg_knob *k = p->column[i].knob;
		struct cg_bytes v;
		int64_t number;
		char text[24];
		int r;

		if (!k || !k->bound || strcmp(k->bound, p->column[use->out[0]].name) != 0 ||
			!cg_group_value(c->to, group, i, &v) || cg_parse_s64(v, &number) < 0 ||
			number <= quota)
			continue;
		(void)snprintf(text, sizeof(text), "%lld", (long long)quota);
		r = cg_convert_lose(c, node_of_place(c, group), k->name, v, text,
			"on v1 it must not be more than the quota, which was cut");
		if (r == 0)
			r = set_value(c, group, i, cg_bytes_of(text));
		if (r < 0)
			return r;
	}
	return 0;
}

static int fit_quota(
	struct cg_converter *c, const struct cg_part *p, const struct cg_row_use *use, uint32_t group)
{
	const struct cg_column *column = &p->column[use->out[0]];
	_cleanup_text_ struct cg_text was = {0}, became = {0};
	struct cg_quota own, above;
	char quota[24], period[24];
	int r;

	if (!quota_of(c, p, use, group, &own) || !quota_above(c, p, use, group, &above) ||
		(__int128)own.quota.number * above.period <= (__int128)above.quota.number * own.period)
		return 0;
	cg_text_printf(&was, "%lld %lld", (long long)own.quota.number, (long long)own.period);
	own.quota.number = (int64_t)((__int128)above.quota.number * own.period / above.period);
	/* A period too short for so small a share: take the parent's own. */
	if (own.quota.number < column->knob->min)
		own = above;
	(void)snprintf(quota, sizeof(quota), "%lld", (long long)own.quota.number);
	(void)snprintf(period, sizeof(period), "%lld", (long long)own.period);
	cg_text_printf(&became, "%s %s, %s %s", column->name, quota, p->column[use->out[1]].name, period);
	if (was.failed || became.failed)
		return cg_error_oom(c->err);
	r = cg_convert_lose(c, node_of_place(c, group), column->name, (struct cg_bytes){was.data, was.len},
		became.data, "on v1 a group's share must not be larger than that of the group above");
	r = r < 0 ? r : set_value(c, group, use->out[0], cg_bytes_of(quota));
	r = r < 0 ? r : set_value(c, group, use->out[1], cg_bytes_of(period));
	return r < 0 ? r : fit_bound(c, p, use, group, own.quota.number);
}

/* Nobody knows here what the host has. */
static int say_empty_tops(struct cg_converter *c, const struct cg_part *p)
{
	int r = 0;

	for (uint16_t i = 0; i < p->columns; i++)
		for (uint32_t g = 0; cg_is_fit_column(p->column[i].knob) && r == 0 && g < c->to->groups;
			g++) {
			struct cg_bytes v;

			if (c->to->group[g].hierarchy == p->hierarchy && c->to->group[g].parent == CG_NONE &&
				cg_group_value(c->to, g, i, &v) && v.len == 0)
				r = cg_convert_lose(c, node_of_place(c, g), p->column[i].name, v, NULL,
					"on v2 an empty list is all that the parent has, on v1 it is none; "
					"restore --translate fills it with what the host has");
		}
	return r;
}

int cg_convert_fit(struct cg_converter *c, struct cg_part *p)
{
	bool from_v2 = false;
	int r = 0;

	for (uint16_t d = 0; d < p->draws; d++)
		from_v2 |= c->from->hierarchy[p->draw[d].source].version == 2;
	if (p->layout->version == 2 || !from_v2)
		return 0;
	/* The parents are what links tell; they are set, the rest of the links comes later. */
	r = cg_fit_lists(c->to, p->hierarchy, c->losses, c->err);
	if (r == 0 && !c->options->fills_lists)
		r = say_empty_tops(c, p);
	for (uint16_t d = 0; r == 0 && d < p->draws; d++)
		for (uint16_t i = 0; r == 0 && i < p->draw[d].rows; i++) {
			const struct cg_row_use *use = &p->draw[d].row[i];

			if (use->row->form != CG_FORM_QUOTA || use->out[0] == CG_NO_USE ||
				use->out[1] == CG_NO_USE)
				continue;
			for (uint32_t g = 0; r == 0 && g < c->to->groups; g++)
				if (c->to->group[g].hierarchy == p->hierarchy)
					r = fit_quota(c, p, use, g);
		}
	return r;
}
