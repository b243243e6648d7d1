/* v2: which controllers each group of the target has, and which it passes on (cgroup-v2.rst, "Enabling and
 * Disabling"). A group has what the one above passes on. Groups that exist above the top are not ours: what
 * they lack is refused, with the command that would enable it. */
#include "engine/plan_private.h"

#include <errno.h>
#include <string.h>

#include "model/value.h"

#define ALL_CONTROLLERS UINT64_MAX /* nobody could tell */

uint8_t cg_plan_controller_bit(struct cg_planner *p, struct cg_bytes name)
{
	for (unsigned i = 0; i < p->controllers; i++)
		if (cg_bytes_equal(p->controller[i], name))
			return (uint8_t)i;
	if (p->controllers == CG_CONTROLLERS_MAX)
		return CG_NO_BIT;
	p->controller[p->controllers] = name;
	return (uint8_t)p->controllers++;
}

uint64_t cg_plan_controllers_of(struct cg_planner *p, struct cg_bytes words)
{
	uint64_t mask = 0;
	struct cg_bytes word, name;

	while (cg_bytes_word(&words, &word))
		while (cg_bytes_split(&word, ',', &name)) {
			uint8_t bit = name.len ? cg_plan_controller_bit(p, name) : CG_NO_BIT;

			if (bit != CG_NO_BIT)
				mask |= UINT64_C(1) << bit;
		}
	return mask;
}

/* The words in the plan's memory. */
static struct cg_bytes words_of(struct cg_planner *p, uint64_t mask)
{
	struct cg_bytes b;

	cg_text_reset(&p->scratch);
	for (unsigned i = 0; i < p->controllers; i++)
		if (mask & (UINT64_C(1) << i)) {
			if (p->scratch.len)
				cg_text_addc(&p->scratch, ' ');
			cg_text_add(&p->scratch, p->controller[i].data, p->controller[i].len);
		}
	b = (struct cg_bytes){p->scratch.data && p->scratch.len ? p->scratch.data : "", p->scratch.len};
	if (p->scratch.failed || !cg_arena_keep(&p->plan->arena, &b))
		p->oom = true;
	return b;
}

/* What a live group passes on. */
static uint64_t live_passes(struct cg_planner *p, const struct cg_hierarchy_plan *h, uint32_t live)
{
	struct cg_bytes v = {0};

	if (h->controllers_column != CG_NO_COLUMN)
		v = cg_plan_live_value(p, h, live, h->controllers_column);
	return v.data ? cg_plan_controllers_of(p, v) : ALL_CONTROLLERS;
}

/* What the parent passes on when this place's turn comes, and in *ret_before what it passed on before. */
static uint64_t available_to(struct cg_planner *p, uint32_t place, uint64_t *ret_before)
{
	const struct cg_hierarchy_plan *h = cg_plan_hierarchy(p, place);
	const struct cg_place *at = &p->plan->place[place];
	const struct cg_seat *seat = &p->seat[place];

	*ret_before = ALL_CONTROLLERS;
	if (at->parent != CG_NONE) {
		const struct cg_place *up = &p->plan->place[at->parent];

		*ret_before = up->exists ? live_passes(p, h, up->live_group) : 0;
		return p->seat[at->parent].passes;
	}
	if (seat->live_parent != CG_NONE)
		*ret_before = live_passes(p, h, seat->live_parent);
	else if (at->exists)
		*ret_before =
			cg_plan_controllers_of(p, cg_bytes_of(p->live->hierarchy[at->hierarchy].controllers));
	return *ret_before;
}

/* What the image's group passes on. */
static uint64_t find_wants(struct cg_planner *p, uint32_t place)
{
	const struct cg_hierarchy_plan *h = cg_plan_hierarchy(p, place);
	struct cg_bytes v = {0};

	if (h->controllers_column != CG_NO_COLUMN)
		v = cg_plan_want(p, place, h->controllers_column);
	return v.data ? cg_plan_controllers_of(p, v) : 0;
}

/* What a group of the image takes: the controllers of its files, and those it passes on, for some have no
 * files. */
static uint64_t needs_of(const struct cg_planner *p, uint32_t place)
{
	uint32_t group = p->plan->place[place].image_group;

	return cg_plan_hierarchy(p, place)->needs[p->image->group[group].file_set] | p->seat[place].wants;
}

/* The command that would enable them in the live group above; nothing when that is not there yet. */
static void advise(struct cg_planner *p, uint32_t place, struct cg_bytes words, struct cg_text *t)
{
	const struct cg_hierarchy_plan *h = cg_plan_hierarchy(p, place);
	const struct cg_place *at = &p->plan->place[place];
	const struct cg_hierarchy *live = &p->live->hierarchy[at->hierarchy];
	uint32_t up =
		at->parent == CG_NONE ? p->seat[place].live_parent : p->plan->place[at->parent].live_group;
	_cleanup_text_ struct cg_text path = {0};
	const char *below;

	for (uint32_t i = place; up == CG_NONE && p->plan->place[i].parent != CG_NONE;) {
		i = p->plan->place[i].parent;
		up = p->seat[i].live_parent;
	}
	if (up == CG_NONE || h->controllers_column == CG_NO_COLUMN)
		return;
	cg_group_path(p->live, up, &path);
	below = path.failed ? NULL : cg_path_below(live->mount_root, path.data);
	cg_text_adds(t, "enable with: echo '");
	for (struct cg_bytes rest = words, word; cg_bytes_word(&rest, &word);)
		cg_text_printf(t, "+%.*s%s", (int)word.len, word.data, rest.len ? " " : "");
	cg_text_printf(t, "' > %s/", live->mount_point ? live->mount_point : "");
	if (below && strcmp(below, ".") != 0)
		cg_text_printf(t, "%s/", below);
	cg_text_adds(t, h->column[h->controllers_column].name);
}

static void refuse_missing(struct cg_planner *p, uint32_t place, uint64_t missing)
{
	const struct cg_place *at = &p->plan->place[place];
	uint64_t offered =
		cg_plan_controllers_of(p, cg_bytes_of(p->live->hierarchy[at->hierarchy].controllers));
	_cleanup_text_ struct cg_text hint = {0};
	struct cg_bytes never = words_of(p, missing & ~offered), words = words_of(p, missing & offered);

	if (never.len)
		cg_plan_refuse(p, at->mode, place, NULL,
			"/proc/cgroups tells which hierarchy holds them, if the kernel has them; --translate converts the image to the hierarchies of this host",
			ENODEV, "needs controllers that the v2 hierarchy does not have here: %.*s",
			(int)never.len, never.data);
	if (!words.len)
		return;
	advise(p, place, words, &hint);
	if (hint.failed)
		p->oom = true;
	cg_plan_refuse(p, at->mode, place, NULL, hint.data, ENOENT,
		"needs controllers that are not enabled above it: %.*s", (int)words.len, words.data);
}

static void see_place(struct cg_planner *p, uint32_t place)
{
	const struct cg_place *at = &p->plan->place[place];
	struct cg_seat *seat = &p->seat[place];
	uint64_t missing;

	seat->available = available_to(p, place, &seat->has);
	if (at->image_group == CG_NONE) {
		seat->passes = seat->available;
		seat->has = 0;
		return;
	}
	seat->wants = find_wants(p, place);
	missing = needs_of(p, place) & ~seat->available;
	/* What was missing above already was said there. */
	if (at->parent != CG_NONE && p->plan->place[at->parent].image_group != CG_NONE &&
		p->seat[at->parent].apply)
		missing &= p->seat[at->parent].available;
	if (missing && seat->apply)
		refuse_missing(p, place, missing);
	if (at->exists)
		seat->passes = live_passes(p, cg_plan_hierarchy(p, place), at->live_group);
	if (seat->apply)
		seat->passes |= seat->wants & seat->available;
}

/* A made ancestor passes on what the tops below it need, no more; `has` collects it. */
static void trim_ancestors(struct cg_planner *p)
{
	for (uint32_t i = (uint32_t)p->plan->places; i-- > 0;) {
		const struct cg_place *at = &p->plan->place[i];
		uint64_t needs;

		if (at->parent == CG_NONE || p->plan->place[at->parent].image_group != CG_NONE)
			continue;
		needs = at->image_group == CG_NONE ? p->seat[i].has : needs_of(p, i);
		p->seat[at->parent].has |= needs & p->seat[at->parent].available;
	}
	for (uint32_t i = 0; i < p->plan->places; i++)
		if (p->plan->place[i].image_group == CG_NONE)
			p->seat[i].passes = p->seat[i].has;
}

void cg_plan_controllers(struct cg_planner *p)
{
	for (uint32_t i = 0; i < p->plan->places && !p->oom; i++)
		if (p->image->hierarchy[p->seat[i].image_hierarchy].version == 2 && !p->seat[i].refused)
			see_place(p, i);
	for (uint16_t h = 0; h < p->image->hierarchies; h++)
		if (p->image->hierarchy[h].version == 2 && p->hierarchy[h].live != CG_NO_COLUMN) {
			trim_ancestors(p);
			return;
		}
}

/* Controllers that another child of a live group still uses, or that one of ours keeps. */
static uint64_t used_below(struct cg_planner *p, uint32_t place)
{
	const struct cg_hierarchy_plan *h = cg_plan_hierarchy(p, place);
	uint64_t used = 0;

	for (uint32_t c = p->live->group[p->plan->place[place].live_group].first_child; c != CG_NONE;
		c = p->live->group[c].next_sibling)
		if (p->claimed[c] == CG_NONE || !p->seat[p->claimed[c]].apply)
			used |= live_passes(p, h, c);
	return used;
}

static void push(struct cg_planner *p, struct cg_changes *to, uint32_t place, uint16_t column, uint64_t from,
	uint64_t target)
{
	struct cg_change change = {
		.place = place, .column = column, .flags = (uint8_t)cg_plan_effort(p, place)};

	change.from = words_of(p, from);
	change.to = words_of(p, target);
	cg_plan_push(p, to, &change);
	p->seat[place].changed = true;
}

static void change_existing(struct cg_planner *p, uint32_t place, uint16_t column, uint64_t wanted)
{
	const struct cg_place *at = &p->plan->place[place];
	uint64_t is = live_passes(p, cg_plan_hierarchy(p, place), at->live_group), extra, kept;

	if (is == ALL_CONTROLLERS)
		return;
	if (wanted & ~is)
		push(p, &p->now, place, column, is, is | wanted);
	extra = is & ~wanted;
	if (!extra)
		return;
	kept = at->mode == CG_MODE_BIND ? extra : extra & used_below(p, place);
	if (kept)
		cg_plan_note(p, place, p->hierarchy[p->seat[place].image_hierarchy].column[column].name,
			CG_OP_DIFFERS, "stays enabled, which it is not in the image: %.*s",
			(int)words_of(p, kept).len, words_of(p, kept).data);
	if (extra & ~kept)
		push(p, &p->tighten, place, column, is | wanted, wanted | kept);
}

void cg_plan_controllers_change(struct cg_planner *p, uint32_t place, uint16_t column)
{
	uint64_t wanted;

	if (p->plan->place[place].image_group == CG_NONE)
		wanted = p->seat[place].passes;
	else
		wanted = p->seat[place].wants & p->seat[place].available;
	if (p->plan->place[place].exists)
		change_existing(p, place, column, wanted);
	else if (wanted)
		push(p, &p->now, place, column, 0, wanted);
}
