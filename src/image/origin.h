/* The tree that another was made of, kept inside its image (an extra record of type CG_ORIGIN_RECORD, not
 * critical: a reader that does not know it carries it along). With it a conversion can be taken back exactly,
 * and a controller that was unbound gets its settings again. An origin may have one itself. */
#pragma once

#include "base/attributes.h"
#include "base/error.h"
#include "model/convert.h"
#include "model/tree.h"

#define CG_ORIGIN_RECORD 0xc3
#define CG_ORIGIN_COMPAT (UINT32_C(1) << 0) /* the compat bit of images that have one */

enum cg_origin_kind { CG_ORIGIN_CONVERTED, CG_ORIGIN_BOUND };

struct cg_origin {
	enum cg_origin_kind kind;
	int version; /* CONVERTED: to v1 or v2 */
	/* CONVERTED: dialect, soft_is_high, conflict and lead count. */
	struct cg_convert_options options;
	struct cg_tree *tree;
};
void cg_origin_free(struct cg_origin *o); /* takes a zeroed one */
#define _cleanup_origin_ _cleanup_(cg_origin_free)

bool cg_image_has_origin(const struct cg_tree *tree);
/* 1 and the origin, whose `lead` points into its tree's memory; 0 when there is none. A damaged one is
 * CG_FAULT_CORRUPT. */
int cg_image_origin(const struct cg_tree *tree, size_t memory, struct cg_origin *ret,
	struct cg_error **err) CG_MUST_CHECK;
/* Takes the records away; the tree is as it would be without. */
void cg_image_drop_origin(struct cg_tree *tree);
/* Keeps origin->tree, with all that belongs to it, in place of what was kept. */
int cg_image_keep_origin(
	struct cg_tree *tree, const struct cg_origin *origin, struct cg_error **err) CG_MUST_CHECK;
