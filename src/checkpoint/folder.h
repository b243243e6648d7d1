/* The folder of a checkpoint: CRIU's images, and what is kept beside them.
 *
 *   cgtree.img        the groups as they were, whole (post-dump)
 *   cgtree.log        what the hook did
 *   cgroup.img.criu   CRIU's own picture of groups, while cgroup.img is one of ours (prepare)
 *
 * What is only true until the next reboot lies in /run/cgtree/criu-DEVICE-INODE, named after the folder:
 *
 *   pending           what waits until the tasks are there (engine/pending.h)
 *   early             the groups as they were before the tasks stood still, without tasks
 *   yard              how CRIU is shown the hierarchies, while it restores (run.h)
 *   restore-*         undo records, of groups that were prepared or thawed (engine/undo.h) */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/text.h"
#include "model/tree.h"

#define CG_CHECKPOINT_IMAGE   "cgtree.img"
#define CG_CHECKPOINT_LOG     "cgtree.log"
#define CG_CHECKPOINT_KEPT    "cgroup.img.criu"
#define CG_CHECKPOINT_PENDING "pending"
#define CG_CHECKPOINT_YARD    "yard"
#define CG_CHECKPOINT_EARLY   "early"

struct cg_folder {
	int fd;
	char *name;       /* as it was given */
	char *state_base; /* "/run/cgtree" */
	char *state;      /* "/run/cgtree/criu-DEVICE-INODE"; it need not exist */
};
#define CG_FOLDER_INIT                                                                                       \
	{                                                                                                    \
		.fd = -1                                                                                     \
	}

int cg_folder_open(
	const char *name, const char *state_base, struct cg_folder *ret, struct cg_error **err) CG_MUST_CHECK;
void cg_folder_close(struct cg_folder *f);
#define _cleanup_folder_ _cleanup_(cg_folder_close)

/* A whole file of the folder, appended. -ENOENT without an error object when it is not there. */
int cg_folder_read(const struct cg_folder *f, const char *name, struct cg_text *ret,
	struct cg_error **err) CG_MUST_CHECK;
/* Puts a file in the place of what may be there, whole or not at all (0600). It is not synced, as CRIU's own
 * are not: tasks stand still meanwhile. */
int cg_folder_write(const struct cg_folder *f, const char *name, struct cg_bytes data,
	struct cg_error **err) CG_MUST_CHECK;
/* The same for a tree. */
int cg_folder_write_tree(const struct cg_folder *f, const char *name, const struct cg_tree *tree,
	struct cg_error **err) CG_MUST_CHECK;

/* What was read early, kept and taken again (it is gone then). -ENOENT without an error object when nothing
 * was. */
int cg_folder_write_early(
	const struct cg_folder *f, const struct cg_tree *tree, struct cg_error **err) CG_MUST_CHECK;
int cg_folder_take_early(
	const struct cg_folder *f, struct cg_tree **ret, struct cg_error **err) CG_MUST_CHECK;

/* The groups of the checkpoint: from cgtree.img, or, when there is none, from what CRIU saved (*ret_whole
 * false). An image that does not have the tasks of CRIU's images is of another checkpoint, and refused. */
int cg_folder_load(const struct cg_folder *f, struct cg_tree **ret, bool *ret_whole,
	struct cg_error **err) CG_MUST_CHECK;

/* The folder of passing things; made with `make`, else -ENOENT without an error object when it is missing. */
int cg_folder_state(const struct cg_folder *f, bool make, int *ret_fd, struct cg_error **err) CG_MUST_CHECK;
/* What is pending, appended; -ENOENT without an error object when nothing is. */
int cg_folder_read_pending(
	const struct cg_folder *f, struct cg_text *ret, struct cg_error **err) CG_MUST_CHECK;
int cg_folder_write_pending(
	const struct cg_folder *f, struct cg_bytes record, struct cg_error **err) CG_MUST_CHECK;
/* Forgets what passes: pending things; with `records`, when all has gone well, undo records, without, a yard
 * that CRIU no longer looks at. */
int cg_folder_forget(const struct cg_folder *f, bool records, struct cg_error **err) CG_MUST_CHECK;

/* Removes a yard; 0 or a negative errno. */
int cg_folder_remove_yard(const struct cg_folder *f) CG_MUST_CHECK;

/* CRIU's own cgroup.img, from where it is now; *ret_kept tells that ours is in its place. -ENOENT without an
 * error object when CRIU saved none. */
int cg_folder_read_criu(
	const struct cg_folder *f, struct cg_text *ret, bool *ret_kept, struct cg_error **err) CG_MUST_CHECK;
/* Puts ours in its place. */
int cg_folder_replace_criu(
	const struct cg_folder *f, struct cg_bytes ours, struct cg_error **err) CG_MUST_CHECK;
/* Puts CRIU's own back, where it is not there already. */
int cg_folder_return_criu(const struct cg_folder *f, struct cg_error **err) CG_MUST_CHECK;
