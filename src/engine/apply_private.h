/* What the parts of apply share; private to apply*.c. */
#pragma once

#include "engine/apply.h"
#include "engine/undo.h"

#define CG_APPLY_SPARE 4
#define CG_APPLY_HELD  64

struct cg_apply {
	const struct cg_live *live;
	const struct cg_plan *plan;
	const struct cg_members *members; /* NULL: none */
	const struct cg_apply_options *options;
	struct cg_live wide; /* every mount, opened when a task came from outside `live` */
	bool wide_open;
	struct cg_undo undo; /* its first hierarchies and places are live's and the plan's, by number */
	int *base;           /* an open directory for each hierarchy of the undo; not owned */
	struct cg_dirs dirs;
	struct cg_undo_record record;
	size_t *steps_of; /* how many steps there are up to and with each operation */
	size_t done;      /* steps that may have been done */
	struct cg_undo_run
		run; /* prepared before the first change: a rollback needs no memory but small pieces */
	int spare[CG_APPLY_SPARE]; /* descriptors that a rollback gives back first */
	bool chmod_made;           /* our umask takes bits that a new group should have */
	struct cg_buffer present, back;
	struct cg_text line, sent, sent_to;
	uint64_t page_size;
	int proc;
	size_t differs;
	struct cg_bpf_loader loader;
	const struct cg_program *tried; /* the last BPF program that a load before the first change showed to
					   be taken */
	int held[CG_APPLY_HELD]; /* BPF programs that will be detached: a rollback brings back themselves, not
				    copies, while these are open */
	size_t helds;
};

/* Everything that undoes the plan, from what stands now; refuses what could not be undone. */
int cg_apply_prepare(struct cg_apply *a, struct cg_error **err) CG_MUST_CHECK;
/* A hierarchy that paths of the undo begin in, as the next of the undo's. */
int cg_apply_add_hierarchy(
	struct cg_apply *a, const struct cg_live_hierarchy *h, struct cg_error **err) CG_MUST_CHECK;
/* The directory of a place that exists; its number is noted at the first time. */
int cg_apply_open_existing(
	struct cg_apply *a, uint32_t place, int *ret_fd, struct cg_error **err) CG_MUST_CHECK;
/* The steps of one operation: apply_record.c. */
int cg_apply_record_write(struct cg_apply *a, const struct cg_op *op, struct cg_error **err) CG_MUST_CHECK;
int cg_apply_record_task(struct cg_apply *a, const struct cg_op *op, struct cg_error **err) CG_MUST_CHECK;
/* BPF programs: apply_programs.c. */
int cg_apply_record_programs(struct cg_apply *a, const struct cg_op *op, struct cg_error **err) CG_MUST_CHECK;
int cg_apply_programs(
	struct cg_apply *a, const struct cg_op *op, int group, struct cg_error **err) CG_MUST_CHECK;

/* Does one operation: 0, or 1 when it was noted instead of done (its task has ended). */
int cg_apply_op(struct cg_apply *a, size_t op, struct cg_error **err) CG_MUST_CHECK;
/* "! PATH FILE: text", counted as something that differs. */
int cg_apply_note(struct cg_apply *a, const struct cg_op *op, const char *file, const char *text,
	struct cg_error **err) CG_MUST_CHECK;

static inline const struct cg_member *cg_apply_member(const struct cg_apply *a, const struct cg_op *op)
{
	return &a->members->item[op->member];
}
