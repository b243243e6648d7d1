/* What goes on around CRIU, step by step.
 *
 * dump:    thaw (pre-dump)  -->  CRIU stops the tasks and writes its images  -->  dump (post-dump), tasks
 *          still stopped
 * restore: prepare (before CRIU: groups and settings, but for what would hinder; cgroup.img names the new
 *          places)  -->  CRIU makes each task in its group  -->  finish (post-restore: places are checked,
 * limits applied; an error is a veto)  -->  freeze (pre-resume)
 *
 * Until the end undo takes all of it back. */
#pragma once

#include "checkpoint/folder.h"
#include "engine/restore.h"
#include "kernel/hierarchy.h"

/* Thaws the frozen groups that the process, its descendants, or groups above them are in, for a task that
 * stands still in a frozen group cannot be dumped. What was frozen is recorded: cg_checkpoint_dump() puts it
 * into the image. *ret_groups tells how many there were. */
int cg_checkpoint_thaw(const struct cg_folder *f, const struct cg_live *live, int init, cg_line_fn *line,
	void *line_context, size_t *ret_groups, struct cg_error **err) CG_MUST_CHECK;
/* Freezes them again. `live` is looked at anew. */
int cg_checkpoint_refreeze(const struct cg_folder *f, const struct cg_live *live, cg_line_fn *line,
	void *line_context, struct cg_error **err) CG_MUST_CHECK;

/* Reads the groups of the process and its descendants while they still run, so that only their places are
 * left to be read when they stand still. Who does not live on until then keeps it by
 * cg_folder_write_early(). */
int cg_checkpoint_look(
	const struct cg_live *live, int init, struct cg_tree **ret, struct cg_error **err) CG_MUST_CHECK;

/* Writes the image of all groups of the tasks that CRIU dumped below `init` (who still stand still); *ret is
 * that tree, with its notes. `early` is what was read early, and is taken; NULL: what the folder kept of it.
 * What a restore in this folder has left is cleared, and v2 groups that were thawed are frozen again. */
int cg_checkpoint_dump(const struct cg_folder *f, const struct cg_live *live, int init, struct cg_tree *early,
	struct cg_tree **ret, struct cg_error **err) CG_MUST_CHECK;

/* Builds the tree by the options of a restore (members and hold are set here), writes down what is pending,
 * and, with `rewrite`, puts a cgroup.img in place that leads CRIU's tasks there. All of it or nothing. A
 * folder that is prepared already is refused; what a killed prepare has left is taken back first. */
int cg_checkpoint_prepare(const struct cg_folder *f, const struct cg_live *live,
	const struct cg_restore_options *options, bool rewrite, enum cg_outcome *ret,
	struct cg_restore_counts *ret_counts, struct cg_error **err) CG_MUST_CHECK;

/* Tells whether a prepare waits for its tasks: 1, 0, or an error. */
int cg_checkpoint_is_prepared(const struct cg_folder *f, struct cg_error **err) CG_MUST_CHECK;

/* All tasks are there, below `init`: each is looked at and, where CRIU left it elsewhere, moved; limits that
 * were held back are applied. Without a prepare, but with an image of ours, the groups that CRIU made are
 * brought to the image first. *ret_done false: there was nothing to do. An error means that the restore must
 * not go on. */
int cg_checkpoint_finish(const struct cg_folder *f, const struct cg_live *live, int init, cg_line_fn *line,
	void *line_context, bool *ret_done, struct cg_error **err) CG_MUST_CHECK;
/* The tasks are about to run: what was frozen is frozen, and nothing is left to be undone. *ret_done false:
 * there was nothing to do. */
int cg_checkpoint_freeze(const struct cg_folder *f, const struct cg_live *live, cg_line_fn *line,
	void *line_context, bool *ret_done, struct cg_error **err) CG_MUST_CHECK;

/* Takes back a prepare: the groups, values of groups that were there, and CRIU's cgroup.img; or a thaw. As
 * cg_recover(): *ret_count tells how many records were undone. */
int cg_checkpoint_undo(const struct cg_folder *f, const struct cg_live *live, cg_line_fn *line,
	void *line_context, size_t *ret_count, enum cg_outcome *ret, struct cg_error **err) CG_MUST_CHECK;

/* sets.c: CRIU's sets with the places that a plan gives to the groups of the image, as a whole cgroup.img,
 * appended. -ENOENT without an error object when CRIU saved no sets. */
int cg_checkpoint_rewrite_sets(const struct cg_folder *f, const struct cg_live *live,
	const struct cg_tree *image, const struct cg_plan *plan, struct cg_text *ret,
	struct cg_error **err) CG_MUST_CHECK;
/* freeze.c: marks the groups that were thawed as frozen in the tree. *ret_v1: some are of v1, where a frozen
 * task cannot be ended, which CRIU may be about to do. */
int cg_checkpoint_mark_frozen(
	const struct cg_folder *f, struct cg_tree *tree, bool *ret_v1, struct cg_error **err) CG_MUST_CHECK;
