/* Which groups a checkpoint is about.
 *
 * In each hierarchy: the deepest group that holds all tasks of the checkpoint, with everything below it. It
 * may have no tasks of its own (on v2 it cannot, when it has controllers for those below), but its limits are
 * theirs; groups beside theirs are empty ones of the same tree. Where that would be the hierarchy's root,
 * which is never restored, or would take in tasks of others, it is the deepest such group in each part of the
 * tree. */
#pragma once

#include "checkpoint/own.h"
#include "model/tree.h"

struct cg_tops {
	struct cg_target *item;
	size_t count, room;
};
void cg_tops_free(struct cg_tops *t);
#define _cleanup_tops_ _cleanup_(cg_tops_free)

/* By the places of the tasks alone. */
int cg_tops_find(const struct cg_live *live, const struct cg_own *own, struct cg_tops *ret,
	struct cg_error **err) CG_MUST_CHECK;
/* Narrows them by a tree that was dumped at them. 1 when it must be dumped again at those in *ret, 0 when
 * they are good as they are. */
int cg_tops_narrow(const struct cg_tree *tree, const struct cg_own *own, struct cg_tops *ret,
	struct cg_error **err) CG_MUST_CHECK;
