/* A controller that is added to a tree, or left out. Both are conversions to the tree's own layout, with that
 * controller or without. What it had comes from the tree of the time before it was left out. */
#include <errno.h>
#include <string.h>

#include "model/convert_private.h"
#include "model/diff.h"
#include "model/value.h"

/* The hierarchy of a tree whose groups have a controller, CG_NONE. */
static uint32_t hierarchy_with(const struct cg_tree *tree, const char *controller)
{
	for (uint16_t h = 0; h < tree->hierarchies; h++) {
		const struct cg_hierarchy *x = &tree->hierarchy[h];

		if (x->version == 1 && cg_hierarchy_has_controller(x, controller))
			return h;
		for (uint16_t i = 0; x->version == 2 && i < x->columns; i++)
			if (x->column[i].knob && strcmp(x->column[i].knob->controller, controller) == 0 &&
				*controller)
				return h;
	}
	return CG_NONE;
}

bool cg_has_controller(const struct cg_tree *tree, const char *controller)
{
	return hierarchy_with(tree, controller) != CG_NONE;
}

int cg_convert_bind_parts(struct cg_converter *c)
{
	for (uint16_t i = 0; i < c->parts; i++) {
		struct cg_part *p = &c->part[i];
		uint64_t bit = cg_convert_mask(c, cg_bytes_of(c->options->bind), p->layout->version);
		int r = 0;

		if (!(p->offers & bit) || (p->layout->version == 2 && !p->draws))
			continue;
		p->bound = bit;
		for (uint16_t s = 0; !p->draws && r == 0 && s < c->from->hierarchies; s++)
			r = cg_convert_take(c, p, s, 0, false);
		for (uint16_t d = 0; d < p->draws; d++)
			p->draw[d].paths |= !p->draw[d].takes && !p->draw[d].core;
		return r;
	}
	return 0;
}

static bool is_of(const struct cg_knob *knob, const char *controller)
{
	return knob && strcmp(knob->controller, controller) == 0;
}

/* The files that groups have by the catalogue, on any kernel and without options. */
static int columns_by_catalogue(struct cg_converter *c, struct cg_part *p)
{
	const uint32_t version = p->layout->version == 1 ? CG_KNOB_V1 : CG_KNOB_V2;

	for (size_t i = 0; i < cg_knob_count; i++) {
		const struct cg_knob *k = &cg_knob_table[i];

		if (!is_of(k, c->options->bind) || !(k->flags & version) || k->kind != CG_KNOB_SETTING ||
			k->flags &
				(CG_KNOB_ALIAS | CG_KNOB_ROOT_ONLY | CG_KNOB_OPTIONAL | CG_KNOB_DEPRECATED) ||
			k->until || k->since > CG_KERNEL(5, 10) || strchr(k->name, '*'))
			continue;
		if (cg_convert_add_column(c, p, k->name, (struct cg_bytes){0}, k->mode) == CG_NO_USE)
			return cg_error_oom(c->err);
	}
	return 0;
}

int cg_convert_bind_columns(struct cg_converter *c, struct cg_part *p)
{
	const struct cg_tree *from = c->options->bind_from;
	uint32_t h = from ? hierarchy_with(from, c->options->bind) : CG_NONE;

	if (h == CG_NONE)
		return columns_by_catalogue(c, p);
	for (uint16_t i = 0; i < from->hierarchy[h].columns; i++) {
		const struct cg_column *x = &from->hierarchy[h].column[i];

		if (is_of(x->knob, c->options->bind) &&
			cg_convert_add_column(c, p, x->name, x->usual, x->usual_mode) == CG_NO_USE)
			return cg_error_oom(c->err);
	}
	return 0;
}

/* The group of the tree of before at a node's path. */
static uint32_t group_before(const struct cg_converter *c, uint32_t node)
{
	const struct cg_tree *from = c->options->bind_from;
	uint32_t h = from ? hierarchy_with(from, c->options->bind) : CG_NONE;
	_cleanup_text_ struct cg_text path = {0};

	if (h == CG_NONE)
		return CG_NONE;
	cg_convert_path(c, node, &path);
	return path.failed ? CG_NONE : cg_tree_find(from, h, path.data);
}

bool cg_convert_binds(const struct cg_converter *c, uint32_t node)
{
	const struct cg_tree *from = c->options->bind_from;
	uint32_t g;
	const struct cg_hierarchy *h;

	if (!from)
		return true;
	g = group_before(c, node);
	if (g == CG_NONE)
		return false;
	h = &from->hierarchy[from->group[g].hierarchy];
	for (uint16_t i = 0; i < h->columns; i++)
		if (is_of(h->column[i].knob, c->options->bind) && cg_group_has_column(from, g, i))
			return true;
	return false;
}

int cg_convert_bind_values(struct cg_converter *c, const struct cg_part *p, uint32_t node)
{
	const struct cg_tree *from = c->options->bind_from;
	uint32_t g = group_before(c, node);
	const struct cg_hierarchy *h = g == CG_NONE ? NULL : &from->hierarchy[from->group[g].hierarchy];
	int r = 0;

	for (uint16_t i = 0; h && r == 0 && i < h->columns; i++) {
		struct cg_bytes v;

		if (!is_of(h->column[i].knob, c->options->bind) || !cg_group_value(from, g, i, &v))
			continue;
		for (uint16_t k = 0; r == 0 && k < p->columns; k++)
			if (strcmp(p->column[k].name, h->column[i].name) == 0)
				r = cg_convert_propose(c, p, node, k, v);
	}
	return r;
}

/* A list of controllers without one of them. */
static const char *without(struct cg_arena *arena, const char *list, const char *controller)
{
	_cleanup_text_ struct cg_text t = {0};
	struct cg_bytes rest = cg_bytes_of(list), part;

	while (cg_bytes_split(&rest, ',', &part))
		if (!cg_bytes_is(part, controller)) {
			if (t.len)
				cg_text_addc(&t, ',');
			cg_text_add(&t, part.data, part.len);
		}
	return t.failed ? NULL : cg_arena_string(arena, t.data ? t.data : "");
}

/* The layout of the tree, its v1 hierarchies without one controller. */
static int own_layout(const struct cg_tree *tree, const char *leave_out, struct cg_arena *arena,
	struct cg_layout_part **ret, size_t *ret_count, struct cg_error **err)
{
	struct cg_layout_part *part = cg_arena_array(arena, tree->hierarchies + (size_t)2, sizeof(*part));
	size_t n = 0;

	if (!part)
		return cg_error_oom(err);
	for (uint16_t h = 0; h < tree->hierarchies; h++) {
		const struct cg_hierarchy *x = &tree->hierarchy[h];
		const char *list = x->controllers;

		if (x->version == 1 && leave_out) {
			list = without(arena, x->controllers, leave_out);
			if (!list)
				return cg_error_oom(err);
			if (!*list && *x->controllers && !x->name)
				continue;
		}
		part[n++] = (struct cg_layout_part){x->version, x->version == 1 ? list : NULL, x->name};
	}
	*ret = part;
	*ret_count = n;
	return 0;
}

static int convert_own(
	const struct cg_tree *tree, struct cg_convert_options *o, struct cg_tree **ret, struct cg_error **err)
{
	_cleanup_losses_ struct cg_losses aside = {0};

	o->translate.page_size = tree->inventory.page_size;
	return cg_convert(tree, o, ret, &aside, err);
}

int cg_unbind(const struct cg_tree *tree, const char *controller, struct cg_tree **ret, struct cg_error **err)
{
	_cleanup_(cg_arena_free) struct cg_arena arena = {0};
	struct cg_convert_options o = {.unbind = controller};
	struct cg_layout_part *part;
	int r;

	if (!cg_has_controller(tree, controller)) {
		r = cg_error_make(err, CG_FAULT_USAGE, ENODEV, "no group has the controller %s", controller);
		return r;
	}
	r = own_layout(tree, controller, &arena, &part, &o.layout.parts, err);
	if (r < 0)
		return r;
	o.layout.part = part;
	return convert_own(tree, &o, ret, err);
}

/* Where a controller goes: v2's hierarchy, or a v1 one of its own, or the one that it was mounted with. */
static int place_for(const struct cg_tree *from, const char *controller, struct cg_arena *arena,
	struct cg_layout_part *part, size_t *count, struct cg_error **err)
{
	uint32_t h = from ? hierarchy_with(from, controller) : CG_NONE;
	const char *others = h == CG_NONE ? "" : without(arena, from->hierarchy[h].controllers, controller);

	if (!others)
		return cg_error_oom(err);
	for (size_t i = 0; i < *count; i++) {
		if (part[i].version == 2 && cg_knob_controller_exists(controller, 2))
			return 0;
		if (part[i].version == 1 && *others && part[i].controllers &&
			strcmp(part[i].controllers, others) == 0) {
			part[i].controllers = from->hierarchy[h].controllers;
			return 0;
		}
	}
	if (!cg_knob_controller_exists(controller, 1))
		return cg_error_usage(err, "there is no controller %s", controller);
	part[(*count)++] = (struct cg_layout_part){1, controller, NULL};
	return 0;
}

int cg_is_unbound_of(
	const struct cg_tree *tree, const char *controller, const struct cg_tree *from, struct cg_error **err)
{
	_cleanup_tree_ struct cg_tree *rest = NULL;
	_cleanup_diff_ struct cg_diff d = {0};
	int r = cg_unbind(from, controller, &rest, err);

	r = r < 0 ? r : cg_diff_trees(rest, tree, 0, &d, err);
	return r < 0 ? r : d.count == 0;
}

/* The tree as it is, in memory of its own. */
static int copy(const struct cg_tree *tree, struct cg_tree **ret, struct cg_error **err)
{
	_cleanup_(cg_arena_free) struct cg_arena arena = {0};
	struct cg_convert_options o = {0};
	struct cg_layout_part *part = NULL;
	int r = own_layout(tree, NULL, &arena, &part, &o.layout.parts, err);

	o.layout.part = part;
	return r < 0 ? r : convert_own(tree, &o, ret, err);
}

int cg_bind(const struct cg_tree *tree, const char *controller, const struct cg_tree *from,
	struct cg_tree **ret, struct cg_error **err)
{
	_cleanup_(cg_arena_free) struct cg_arena arena = {0};
	struct cg_convert_options o = {.bind = controller, .bind_from = from};
	struct cg_layout_part *part;
	int r;

	if (cg_has_controller(tree, controller))
		return cg_error_make(err, CG_FAULT_USAGE, EEXIST,
			"there are groups that have the controller %s already", controller);
	r = from ? cg_is_unbound_of(tree, controller, from, err) : 0;
	if (r != 0)
		return r < 0 ? r : copy(from, ret, err);
	r = own_layout(tree, NULL, &arena, &part, &o.layout.parts, err);
	r = r < 0 ? r : place_for(from, controller, &arena, part, &o.layout.parts, err);
	if (r < 0)
		return r;
	o.layout.part = part;
	return convert_own(tree, &o, ret, err);
}
