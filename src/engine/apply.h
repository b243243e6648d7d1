/* Runs a plan, keeps what undoes it, and rolls back when it fails. The other bridge between kernel and model.
 */
#pragma once

#include "engine/dump.h"
#include "engine/plan.h"

enum cg_outcome {
	CG_OUTCOME_EXACT,     /* everything as planned, nothing differs */
	CG_OUTCOME_DIFFERS,   /* done, something differs or was skipped: each has its "!" line */
	CG_OUTCOME_UNCHANGED, /* failed; the target is as it was (nothing was done, or it was rolled back) */
	CG_OUTCOME_PARTIAL,   /* failed; the target is partly changed */
};

/* Called for each line as it becomes true: "+ /a", "~ /a memory.max max -> 67108864", and with '-' and '~'
 * for what a rollback takes back. `text` is without newline. */
typedef void cg_line_fn(void *context, const char *text);

struct cg_apply_options {
	bool no_rollback;
	const char *state_dir;    /* where the undo record is written: "/run/cgtree" */
	const volatile int *stop; /* becomes non-zero when a signal asks to end: the restore rolls back; NULL
				     when nobody asks */
	/* When everything is done, and before it is final: what it returns below 0 is a failure like any
	 * other, and rolls back. NULL when nobody asks. */
	int (*commit)(void *context, const struct cg_plan *plan, struct cg_error **err);
	void *commit_context;
	bool keep_record; /* leave the undo record also when all went well: cg_recover() takes it back later
			   */
	cg_line_fn *line;
	void *line_context;
	bool notes_only; /* of the lines, only those that begin with '!' are wanted */
	cg_progress_fn *progress;
	void *progress_context;
};

/* Writes the undo record whole, runs the operations, reads every setting back, removes the record. On failure
 * rolls back unless no_rollback; then, and when a step cannot be taken back, the record stays for
 * cg_recover() and the hint names it. *ret tells how it ended also when an error is returned, *ret_differs
 * how many things differ or were skipped (notes of the plan that say so, best-effort operations that failed,
 * tasks that ended meanwhile). Refused before any change: what could not be undone (the type of an existing
 * group, a task whose present group no mount shows), and a group to be made that is there by now. `members`
 * may be NULL when the plan attaches none. */
int cg_apply(const struct cg_live *live, const struct cg_plan *plan, const struct cg_members *members,
	const struct cg_apply_options *options, enum cg_outcome *ret, size_t *ret_differs,
	struct cg_error **err) CG_MUST_CHECK;

/* Undoes every restore whose record lies in state_dir and whose program is gone (the record is locked while
 * it runs), the newest first: checks that the boot and the hierarchy are the same and that what it finds is
 * what the record says, brings back values, tasks and removes groups, then the record. ret_count: records
 * undone. A record of another boot is removed, for the reboot took the groups along; one that does not fit is
 * left and named (DIFFERS); one that could be taken back in part only stays (PARTIAL and an error). */
int cg_recover(const struct cg_live *live, const struct cg_apply_options *options, size_t *ret_count,
	enum cg_outcome *ret, struct cg_error **err) CG_MUST_CHECK;
