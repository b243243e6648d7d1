/* Parts of a tree taken away. See tree.h. */
#include <errno.h>
#include <string.h>

#include "model/tree.h"

/* The column by which a group passes controllers on, or CG_NONE. */
static uint32_t passing_column(const struct cg_tree *tree, uint32_t group)
{
	const struct cg_hierarchy *h = &tree->hierarchy[tree->group[group].hierarchy];

	for (uint16_t c = 0; c < h->columns; c++)
		if (h->column[c].knob && h->column[c].knob->phase == CG_PHASE_CONTROLLERS &&
			cg_group_has_column(tree, group, c))
			return c;
	return CG_NONE;
}

bool cg_group_passes_on(const struct cg_tree *tree, uint32_t group)
{
	uint32_t column = passing_column(tree, group);
	struct cg_bytes value;

	return tree->group[group].first_child != CG_NONE && column != CG_NONE &&
	       cg_group_value(tree, group, (uint16_t)column, &value) && cg_bytes_trim(value).len > 0;
}

/* Puts an empty value there, in a copy with room for one more. */
static int pass_nothing(struct cg_tree *tree, uint32_t group, struct cg_error **err)
{
	struct cg_group *g = &tree->group[group];
	uint32_t column = passing_column(tree, group), n = 0;
	struct cg_setting *setting;

	if (column == CG_NONE)
		return 0;
	setting = cg_arena_array(&tree->arena, (size_t)g->settings + 1, sizeof(*setting));
	if (!setting)
		return cg_error_oom(err);
	for (uint32_t i = 0; i < g->settings && g->setting[i].column < column; i++)
		setting[n++] = g->setting[i];
	setting[n] = (struct cg_setting){(uint16_t)column, CG_BYTES("")};
	for (uint32_t i = n++; i < g->settings; i++)
		if (g->setting[i].column > column)
			setting[n++] = g->setting[i];
	g->setting = setting;
	g->settings = n;
	return 0;
}

int cg_tree_cut_below(struct cg_tree *tree, uint32_t group, struct cg_error **err)
{
	uint32_t end = group + 1, cut;

	while (end < tree->groups && tree->group[end].depth > tree->group[group].depth &&
		tree->group[end].hierarchy == tree->group[group].hierarchy)
		end++;
	cut = end - group - 1;
	memmove(&tree->group[group + 1], &tree->group[end],
		(size_t)(tree->groups - end) * sizeof(*tree->group));
	tree->groups -= cut;
	for (uint32_t i = group + 1; i < tree->groups; i++)
		if (tree->group[i].parent != CG_NONE && tree->group[i].parent >= end)
			tree->group[i].parent -= cut;
	return cut ? (pass_nothing(tree, group, err) < 0 ? -ENOMEM : cg_tree_link(tree, err)) : 0;
}
