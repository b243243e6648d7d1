/* Translation for a host: see translate.h. */
#include "engine/translate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int cg_live_layout(
	const struct cg_live *live, struct cg_arena *arena, struct cg_layout *ret, struct cg_error **err)
{
	struct cg_layout_part *part = cg_arena_array(arena, live->count + 1, sizeof(*part));

	if (!part)
		return cg_error_oom(err);
	for (size_t i = 0; i < live->count; i++)
		part[i] = (struct cg_layout_part){
			(uint8_t)live->item[i].version, live->item[i].controllers, live->item[i].name};
	*ret = (struct cg_layout){part, live->count};
	return 0;
}

static int join_losses(struct cg_losses *to, const struct cg_losses *from, struct cg_error **err)
{
	for (size_t i = 0; i < from->count; i++)
		if (cg_losses_add(to, &from->item[i]) < 0)
			return cg_error_oom(err);
	return 0;
}

/* An image that came from v2 may have left a list to be filled here. */
static bool has_empty_list(const struct cg_tree *image)
{
	for (uint32_t g = 0; g < image->groups; g++) {
		const struct cg_hierarchy *h = &image->hierarchy[image->group[g].hierarchy];
		struct cg_bytes v;

		for (uint16_t i = 0; h->version == 1 && i < h->columns; i++)
			if (cg_is_fit_column(h->column[i].knob) && cg_group_value(image, g, i, &v) &&
				v.len == 0)
				return true;
	}
	return false;
}

int cg_translate_image(const struct cg_live *live, const struct cg_tree *image,
	const struct cg_convert_options *options, struct cg_tree **ret, struct cg_losses *losses,
	struct cg_error **err)
{
	_cleanup_(cg_arena_free) struct cg_arena arena = {0};
	_cleanup_losses_ struct cg_losses own = {0};
	_cleanup_tree_ struct cg_tree *tree = NULL;
	struct cg_convert_options o = *options;
	int r = cg_live_layout(live, &arena, &o.layout, err);

	*ret = NULL;
	if (r < 0 || (cg_layout_fits(image, &o.layout) && !has_empty_list(image)))
		return r;
	o.strict = false;
	o.fills_lists = true;
	o.translate.page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	r = cg_convert(image, &o, &tree, &own, err);
	r = r < 0 ? r : join_losses(losses, &own, err);
	if (r == 0)
		*ret = cg_steal(tree);
	return r;
}

struct fit {
	struct cg_tree *image;
	const struct cg_tree *now;
	struct cg_losses *losses;
	struct cg_error **err;
};

/* What the nearest group above a path has in a file here. */
static struct cg_bytes value_above(
	const struct cg_tree *now, uint16_t hierarchy, const char *path, const char *name)
{
	const struct cg_hierarchy *h = &now->hierarchy[hierarchy];
	uint32_t column = cg_hierarchy_column(h, name);
	_cleanup_free_ char *above = strdup(path);
	struct cg_bytes v = {0};

	for (char *slash; column != CG_NONE && above && (slash = strrchr(above, '/'));) {
		uint32_t group;

		slash[slash == above ? 1 : 0] = '\0';
		group = cg_tree_find(now, hierarchy, above);
		if (group != CG_NONE && cg_group_value(now, group, (uint16_t)column, &v) && v.len)
			return v;
		if (slash == above)
			break;
	}
	return (struct cg_bytes){0};
}

static int fit_top(void *context, uint32_t image_hierarchy, uint32_t image_group, const char *path)
{
	struct fit *f = context;
	const struct cg_hierarchy *h = &f->image->hierarchy[image_hierarchy];
	uint16_t live = 0;
	int r = 0;

	while (live < f->now->hierarchies && !cg_hierarchy_same(h, &f->now->hierarchy[live]))
		live++;
	for (uint16_t i = 0; r == 0 && live < f->now->hierarchies && i < h->columns; i++)
		if (cg_is_fit_column(h->column[i].knob) && cg_group_has_column(f->image, image_group, i))
			r = cg_fit_list(f->image, image_group, i,
				value_above(f->now, live, path, h->column[i].name), f->losses, f->err);
	return r;
}

int cg_translate_fit(struct cg_tree *image, const struct cg_tree *now, const struct cg_plan_options *options,
	struct cg_losses *losses, struct cg_error **err)
{
	struct fit f = {image, now, losses, err};
	int r = cg_plan_targets(image, options, fit_top, &f, err);

	for (uint16_t h = 0; r == 0 && h < image->hierarchies; h++)
		if (image->hierarchy[h].version == 1)
			r = cg_fit_lists(image, h, losses, err);
	return r;
}
