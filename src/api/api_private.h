/* Between the files of the public interface. */
#pragma once

#include <cgtree/cgtree.h>

#include "image/image.h"
#include "model/diff.h"
#include "model/tree.h"

struct cgtree_tree {
	struct cg_tree *tree;
};

struct cgtree_diff {
	struct cg_diff diff;
};

/* The public error object is the inner one under a name of its own. */
static inline struct cg_error **api_error(cgtree_error **err)
{
	return (struct cg_error **)err;
}

/* Takes a caller's options, whose first member is the size that the caller knows: what it does not know is
 * zero here, what we do not know must be zero there. -E2BIG, -EINVAL for a size of nothing. */
int api_take_options(void *ours, size_t our_size, const void *theirs, struct cg_error **err) CG_MUST_CHECK;
/* Gives a result into a caller's structure of any size; its `size` stays. -EINVAL for a size of nothing. */
int api_give(void *theirs, const void *ours, size_t our_size) CG_MUST_CHECK;
/* Wraps a tree, which is freed when that fails. */
int api_wrap_tree(struct cg_tree *tree, cgtree_tree **ret, struct cg_error **err) CG_MUST_CHECK;
