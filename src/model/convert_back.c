/* The way back of a conversion. What the conversion makes of the origin is made again and compared with what
 * is there now: as long as both are equal, the origin itself is the result, and nothing needs to be
 * translated. A setting that was changed since is translated on both sides of the change, and what differs
 * there is set in the origin. */
#include <errno.h>
#include <string.h>

#include "model/convert.h"
#include "model/diff.h"

struct back {
	const struct cg_tree *tree;
	struct cg_tree *origin;
	struct cg_convert_options options; /* of the way there, and with another layout back */
	struct cg_arena arena;
	struct cg_losses *losses;
	struct cg_error **err;
};

/* The layout that a tree has. */
static int layout_of(struct back *b, const struct cg_tree *tree, struct cg_layout *ret)
{
	struct cg_layout_part *part = cg_arena_array(&b->arena, tree->hierarchies + (size_t)1, sizeof(*part));

	if (!part)
		return cg_error_oom(b->err);
	for (uint16_t h = 0; h < tree->hierarchies; h++)
		part[h] = (struct cg_layout_part){
			tree->hierarchy[h].version, tree->hierarchy[h].controllers, tree->hierarchy[h].name};
	*ret = (struct cg_layout){part, tree->hierarchies};
	return 0;
}

static bool only_settings(const struct cg_diff *d)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->item[i].kind != CG_DIFF_SETTING || !d->item[i].b.data)
			return false;
	return true;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* A loss that the conversion had all along is none of the change. */
static bool is_old(const struct cg_loss *loss, const struct cg_losses *old)
{
	for (size_t i = 0; i < old->count; i++)
		if (same_text(loss->path, old->item[i].path) && same_text(loss->knob, old->item[i].knob) &&
			cg_bytes_equal(loss->was, old->item[i].was))
			return true;
	return false;
}

static int keep_new_losses(struct back *b, const struct cg_losses *now, const struct cg_losses *old)
{
	for (size_t i = 0; i < now->count; i++)
		if (!is_old(&now->item[i], old) && cg_losses_add(b->losses, &now->item[i]) < 0)
			return cg_error_oom(b->err);
	return 0;
}

/* Sets in the origin what differs between two translations into its layout. */
static int set_changes(struct back *b, const struct cg_tree *to, const struct cg_diff *d)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct cg_difference *x = &d->item[i];
		uint32_t hierarchy = 0, group, column;

		if (x->kind != CG_DIFF_SETTING || !x->b.data)
			continue;
		while (hierarchy < b->origin->hierarchies &&
			!cg_hierarchy_same(&b->origin->hierarchy[hierarchy], &to->hierarchy[x->hierarchy_b]))
			hierarchy++;
		group = hierarchy < b->origin->hierarchies ? cg_tree_find(b->origin, hierarchy, x->path)
							   : CG_NONE;
		column = group == CG_NONE ? CG_NONE
					  : cg_hierarchy_column(&b->origin->hierarchy[hierarchy], x->name);
		if (column == CG_NONE || !cg_group_has_column(b->origin, group, (uint16_t)column)) {
			const struct cg_loss loss = {x->path, x->name, x->b, NULL,
				"was changed since the conversion, and the tree before it has no such file"};

			if (cg_losses_add(b->losses, &loss) < 0)
				return cg_error_oom(b->err);
			continue;
		}
		if (!cg_group_set_value(b->origin, group, (uint16_t)column, x->b))
			return cg_error_oom(b->err);
	}
	return 0;
}

/* Translates the change: from what the conversion made, and from what is there now, into the origin's layout.
 */
static int apply_changes(struct back *b, const struct cg_tree *made)
{
	_cleanup_losses_ struct cg_losses old = {0}, now = {0};
	_cleanup_tree_ struct cg_tree *from = NULL, *to = NULL;
	_cleanup_diff_ struct cg_diff d = {0};
	int r = layout_of(b, b->origin, &b->options.layout);

	r = r < 0 ? r : cg_convert(made, &b->options, &from, &old, b->err);
	r = r < 0 ? r : cg_convert(b->tree, &b->options, &to, &now, b->err);
	r = r < 0 ? r : cg_diff_trees(from, to, 0, &d, b->err);
	r = r < 0 ? r : set_changes(b, to, &d);
	return r < 0 ? r : keep_new_losses(b, &now, &old);
}

static int go_back(struct back *b, int version)
{
	_cleanup_losses_ struct cg_losses there = {0};
	_cleanup_tree_ struct cg_tree *made = NULL;
	_cleanup_diff_ struct cg_diff d = {0};
	int r = cg_layout_of_version(b->origin, version, &b->arena, &b->options.layout, b->err);

	r = r < 0 ? r : cg_convert(b->origin, &b->options, &made, &there, b->err);
	r = r < 0 ? r : cg_diff_trees(made, b->tree, 0, &d, b->err);
	if (r < 0)
		return r;
	if (!only_settings(&d))
		return 0;
	r = d.count ? apply_changes(b, made) : 0;
	return r < 0 ? r : 1;
}

int cg_convert_back(const struct cg_tree *tree, struct cg_tree **origin,
	const struct cg_convert_options *made_with, int version, struct cg_tree **ret,
	struct cg_losses *ret_losses, struct cg_error **err)
{
	struct cg_error *own = NULL;
	struct back b = {.tree = tree,
		.origin = *origin,
		.options = *made_with,
		.losses = ret_losses,
		.err = err ? err : &own};
	int r;

	*ret_losses = (struct cg_losses){0};
	b.options.strict = false;
	b.options.skip_unknown = true;
	b.options.translate.page_size = b.origin->inventory.page_size;
	r = go_back(&b, version);
	if (r > 0)
		*ret = cg_steal(*origin);
	cg_arena_free(&b.arena);
	(void)cg_error_free(own);
	return r;
}
