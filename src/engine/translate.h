/* An image of another cgroup layout on its way to this host: the layout is that of the live hierarchies, the
 * work is convert.h's; here is what only the host can tell. */
#pragma once

#include "base/attributes.h"
#include "base/error.h"
#include "engine/plan.h"
#include "kernel/hierarchy.h"
#include "model/convert.h"

/* The hierarchies of this host as a layout, in the memory of `arena`. */
int cg_live_layout(const struct cg_live *live, struct cg_arena *arena, struct cg_layout *ret,
	struct cg_error **err) CG_MUST_CHECK;

/* The image in the layout of this host; NULL when it has it already and nothing is to be filled in. `options`
 * but for its layout and page size. Losses are added. */
int cg_translate_image(const struct cg_live *live, const struct cg_tree *image,
	const struct cg_convert_options *options, struct cg_tree **ret, struct cg_losses *losses,
	struct cg_error **err) CG_MUST_CHECK;

/* Lists of cpus and nodes of v1 tops that are empty, or wider than what the group above them has here:
 * brought within that, with all below. `now` is what the survey found. */
int cg_translate_fit(struct cg_tree *image, const struct cg_tree *now, const struct cg_plan_options *options,
	struct cg_losses *losses, struct cg_error **err) CG_MUST_CHECK;
