/* Which hierarchy of the target takes which controllers from which source. A v1 controller goes to the v1
 * hierarchy that has it, else to v2 where that has it or needs none; a v2 controller to v2, else to the v1
 * hierarchy that has it. What no hierarchy takes is lost, and said for each group that uses it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/convert_private.h"

static bool name_is(struct cg_bytes name, struct cg_bytes other)
{
	return name.data && cg_bytes_equal(name, other);
}

/* The number of a controller by its name on a side; those that nobody knows are the same on both. */
static unsigned controller_of(struct cg_converter *c, struct cg_bytes name, int version)
{
	for (unsigned i = 0; i < c->controllers; i++)
		if (name_is(version == 1 ? c->controller[i].v1 : c->controller[i].v2, name))
			return i;
	if (c->controllers == CG_CONVERT_CONTROLLERS)
		return CG_CONVERT_CONTROLLERS;
	c->controller[c->controllers] = (struct cg_named_controller){name, name, false};
	return c->controllers++;
}

uint64_t cg_convert_mask(struct cg_converter *c, struct cg_bytes list, int version)
{
	struct cg_bytes word, name;
	uint64_t mask = 0;

	while (cg_bytes_word(&list, &word))
		while (cg_bytes_split(&word, ',', &name)) {
			unsigned i = name.len ? controller_of(c, name, version) : CG_CONVERT_CONTROLLERS;

			if (i < CG_CONVERT_CONTROLLERS)
				mask |= UINT64_C(1) << i;
		}
	return mask;
}

static void name_controllers(struct cg_converter *c)
{
	for (size_t i = 0; i < cg_controller_pair_count; i++) {
		const struct cg_controller_pair *p = &cg_controller_pairs[i];

		c->controller[i] = (struct cg_named_controller){
			cg_bytes_of(p->v1), p->v2 ? cg_bytes_of(p->v2) : (struct cg_bytes){0}, p->threaded};
		c->threaded |= p->threaded ? UINT64_C(1) << i : 0;
	}
	c->controllers = (unsigned)cg_controller_pair_count;
}

/* v2: the controllers of the files of each file set. */
static int find_file_sets(struct cg_converter *c, const struct cg_hierarchy *h)
{
	c->file_set_has = cg_convert_array(c, h->file_sets, sizeof(*c->file_set_has));
	if (!c->file_set_has)
		return -ENOMEM;
	for (uint16_t s = 0; s < h->file_sets; s++)
		for (uint16_t i = 0; i < h->file_set[s].count; i++) {
			const struct cg_knob *k = h->column[h->file_set[s].column[i]].knob;

			if (k && k->controller[0])
				c->file_set_has[s] |= cg_convert_mask(c, cg_bytes_of(k->controller), 2);
		}
	return 0;
}

uint64_t cg_convert_group_passes(struct cg_converter *c, uint32_t group)
{
	const struct cg_hierarchy *h = &c->from->hierarchy[c->from->group[group].hierarchy];
	struct cg_bytes v;

	for (uint16_t i = 0; i < h->columns; i++)
		if (h->column[i].knob && h->column[i].knob->grammar == CG_GRAMMAR_CONTROLLERS)
			return cg_group_value(c->from, group, i, &v) ? cg_convert_mask(c, v, 2) : 0;
	return 0;
}

uint64_t cg_convert_group_has(struct cg_converter *c, uint32_t group)
{
	const struct cg_group *g = &c->from->group[group];
	uint64_t has = c->file_set_has[g->file_set];

	if (g->type == CG_TYPE_THREADED)
		return has;
	return g->parent == CG_NONE ? has : has | cg_convert_group_passes(c, g->parent);
}

static struct cg_part *part_for(
	struct cg_converter *c, int version, uint64_t controller, const struct cg_hierarchy *same)
{
	for (uint16_t i = 0; i < c->parts; i++) {
		struct cg_part *p = &c->part[i];
		const char *a = p->layout->name, *b = same ? same->name : NULL;

		if (p->layout->version != version || (controller && !(p->offers & controller)))
			continue;
		if (!controller && version == 1 && (!a || !b || strcmp(a, b) != 0))
			continue;
		return p;
	}
	return NULL;
}

int cg_convert_take(
	struct cg_converter *c, struct cg_part *p, uint16_t source, uint64_t controller, bool core)
{
	uint16_t i = 0;

	while (i < p->draws && p->draw[i].source != source)
		i++;
	if (i == p->draws) {
		struct cg_draw *more = cg_convert_array(c, p->draws + (size_t)1, sizeof(*more));

		if (!more)
			return -ENOMEM;
		if (p->draws)
			memcpy(more, p->draw, p->draws * sizeof(*more));
		p->draw = more;
		p->draw[p->draws++].source = source;
	}
	p->draw[i].takes |= controller;
	p->draw[i].core |= core;
	return 0;
}

/* A controller that no hierarchy of the target has: what its files say is lost. */
static int lose_controller(struct cg_converter *c, uint16_t source, unsigned controller)
{
	const struct cg_hierarchy *h = &c->from->hierarchy[source];
	const struct cg_bytes name =
		h->version == 1 ? c->controller[controller].v1 : c->controller[controller].v2;
	int r = 0;

	for (uint32_t g = 0; r == 0 && g < c->from->groups; g++) {
		if (c->from->group[g].hierarchy != source)
			continue;
		for (uint16_t i = 0; r == 0 && i < h->columns; i++) {
			const struct cg_knob *k = h->column[i].knob;
			struct cg_bytes v;

			if (!k || !cg_bytes_is(name, k->controller) || k->flags & CG_KNOB_ALIAS ||
				!cg_group_value(c->from, g, i, &v))
				continue;
			if (cg_group_is_default(c->from, g, i, v))
				continue;
			if (k->default_kind == CG_DEFAULT_UNKNOWN && v.len == 0)
				continue;
			r = cg_convert_lose(c, c->node_of[g], h->column[i].name, v, NULL,
				"the target has no %.*s controller", (int)name.len, name.data);
		}
	}
	return r;
}

static int assign_v1(struct cg_converter *c, uint16_t source)
{
	const struct cg_hierarchy *h = &c->from->hierarchy[source];
	uint64_t mask = cg_convert_mask(c, cg_bytes_of(h->controllers), 1);
	struct cg_part *p;
	int r = 0;

	if (!mask) {
		p = part_for(c, 1, 0, h);
		p = p ? p : part_for(c, 2, 0, NULL);
		return p ? cg_convert_take(c, p, source, 0, true)
			 : cg_convert_lose(c, CG_NONE, h->name, (struct cg_bytes){0}, NULL,
				   "the target has no hierarchy of this name, and none that would take its groups");
	}
	for (unsigned i = 0; r == 0 && i < c->controllers; i++) {
		const uint64_t bit = UINT64_C(1) << i;
		const struct cg_bytes v2 = c->controller[i].v2;

		if (!(mask & bit & ~c->unbound))
			continue;
		p = part_for(c, 1, bit, NULL);
		/* What has no counterpart is taken for its groups and tasks; its files are lost by their
		 * rows. */
		if (!p)
			p = part_for(c, 2, v2.data && v2.len ? bit : 0, NULL);
		r = p ? cg_convert_take(c, p, source, bit, true) : lose_controller(c, source, i);
	}
	return r;
}

/* Core files that go nowhere. */
static int lose_core(struct cg_converter *c, uint16_t source)
{
	return cg_convert_lose(c, CG_NONE, NULL, (struct cg_bytes){0}, NULL,
		"the target has neither v2 nor the %s controller: groups of hierarchy %u without a controller are "
		"left out, and none is frozen",
		CG_CORE_ON_V1, source);
}

/* v2's device programs to the v1 hierarchy that has rules instead. What is none is said with its group. */
static int take_rules(struct cg_converter *c, uint16_t source)
{
	const struct cg_knob *knob = cg_knob_find(cg_convert_rules_file(), 1);
	struct cg_part *p = part_for(c, 1, cg_convert_mask(c, cg_bytes_of(knob->controller), 1), NULL);
	int r;

	if (!p)
		return 0;
	c->takes_rules = true;
	r = cg_convert_take(c, p, source, 0, false);
	for (uint16_t d = 0; r == 0 && d < p->draws; d++)
		if (p->draw[d].source == source)
			p->draw[d].devices = true;
	return r;
}

static int assign_v2(struct cg_converter *c, uint16_t source)
{
	const struct cg_hierarchy *h = &c->from->hierarchy[source];
	uint64_t used = 0;
	struct cg_part *p;
	int r = find_file_sets(c, h);

	if (r < 0)
		return r;
	for (uint32_t g = 0; g < c->from->groups; g++)
		if (c->from->group[g].hierarchy == source)
			used |= cg_convert_group_has(c, g) | cg_convert_group_passes(c, g);
	p = part_for(c, 2, 0, NULL);
	p = p ? p : part_for(c, 1, cg_convert_mask(c, CG_BYTES(CG_CORE_ON_V1), 1), NULL);
	r = p ? cg_convert_take(c, p, source, 0, true) : lose_core(c, source);
	if (r == 0 && p && p->layout->version == 1 && cg_convert_has_rules(c, source))
		r = take_rules(c, source);
	for (unsigned i = 0; r == 0 && i < c->controllers; i++) {
		const uint64_t bit = UINT64_C(1) << i;

		if (!(used & bit & ~c->unbound))
			continue;
		p = part_for(c, 2, bit, NULL);
		p = p ? p : part_for(c, 1, bit, NULL);
		r = p ? cg_convert_take(c, p, source, bit, false) : lose_controller(c, source, i);
	}
	return r;
}

static int open_parts(struct cg_converter *c)
{
	const struct cg_layout *layout = &c->options->layout;
	uint64_t on_v1 = 0;

	c->part = cg_convert_array(c, layout->parts, sizeof(*c->part));
	if (!c->part)
		return -ENOMEM;
	for (size_t i = 0; i < layout->parts; i++) {
		struct cg_part *p = &c->part[c->parts++];

		p->layout = &layout->part[i];
		p->subtree_control = CG_NO_USE;
		if (layout->part[i].controllers)
			p->offers = cg_convert_mask(
				c, cg_bytes_of(layout->part[i].controllers), layout->part[i].version);
		if (layout->part[i].version == 1)
			on_v1 |= p->offers;
	}
	for (uint16_t i = 0; i < c->parts; i++)
		if (c->part[i].layout->version == 2 && !c->part[i].layout->controllers)
			c->part[i].offers = ~on_v1;
	return 0;
}

/* The hierarchy that decides where others disagree goes first. */
static int find_lead(struct cg_converter *c, uint16_t *ret)
{
	const char *lead = c->options->lead;
	_cleanup_text_ struct cg_text scratch = {0};

	*ret = UINT16_MAX;
	if (!lead)
		return 0;
	for (uint16_t s = 0; s < c->from->hierarchies; s++) {
		const struct cg_hierarchy *h = &c->from->hierarchy[s];

		if (cg_hierarchy_has_controller(h, lead) || (h->name && strcmp(h->name, lead) == 0) ||
			strcmp(cg_hierarchy_label(h, &scratch), lead) == 0) {
			*ret = s;
			return 0;
		}
	}
	return cg_error_usage(c->err, "--on-conflict lead=%s: the image has no such hierarchy", lead);
}

int cg_convert_parts(struct cg_converter *c)
{
	uint16_t lead = UINT16_MAX, n = 0;
	int r;

	name_controllers(c);
	r = open_parts(c);
	r = r < 0 ? r : find_lead(c, &lead);
	if (r == 0 && c->options->unbind)
		c->unbound = cg_convert_mask(c, cg_bytes_of(c->options->unbind), 1) |
			     cg_convert_mask(c, cg_bytes_of(c->options->unbind), 2);
	for (uint16_t i = 0; r == 0 && i < c->from->hierarchies; i++) {
		uint16_t s = lead == UINT16_MAX ? i : i == 0 ? lead : i <= lead ? (uint16_t)(i - 1) : i;

		r = c->from->hierarchy[s].version == 1 ? assign_v1(c, s) : assign_v2(c, s);
	}
	if (r == 0 && c->options->bind)
		r = cg_convert_bind_parts(c);
	for (uint16_t i = 0; r == 0 && i < c->parts; i++)
		if (c->part[i].draws)
			c->part[n++] = c->part[i];
	c->parts = r < 0 ? c->parts : n;
	return r;
}
