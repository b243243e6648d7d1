/* What a restore leaves for the moment when its tasks are there: limits that were held back (CG_OP_HELD), and
 * which task belongs where. Another program makes the tasks meanwhile.
 *
 * It is written down in the grammar of undo records (undo.h), to be carried out forwards: a VALUE step is a
 * setting to bring from `from` to `to`, a TASK step a task to be at `place`, whose id is the one that it has
 * in its innermost pid namespace; `origin` is `place` again, and start_time 0. No place counts as made. */
#pragma once

#include "engine/apply.h"

/* The record of a plan that was applied: `places` are the plan's, tasks those of the image. Appended. */
int cg_pending_make(const struct cg_live *live, const struct cg_plan *plan, const struct cg_tree *image,
	struct cg_text *record, struct cg_error **err) CG_MUST_CHECK;

enum cg_pending_part {
	CG_PENDING_LIMITS, /* tasks to their places, then what was held back */
	CG_PENDING_FREEZE, /* what stands in the catalogue's last phase */
};

struct cg_pending_options {
	enum cg_pending_part part;
	int pidns; /* the process whose pid namespace the ids belong to */
	bool stay; /* a process in another group than its own is an error, and is not moved */
	cg_line_fn *line;
	void *line_context;
};

struct cg_pending_counts {
	size_t tasks, moved, settings;
};

/* Carries out a part of the record. Every task is looked for: one that is missing is an error (-ESRCH). One
 * that is elsewhere is moved, with a "> " line, and looked at again; a whole process with a "! " line, for
 * its memory stays charged to where it was made. Settings are read back. What was done before an error stays:
 * the undo record of the restore knows of it. A record of another boot is refused. */
int cg_pending_run(const struct cg_live *live, struct cg_bytes record,
	const struct cg_pending_options *options, struct cg_pending_counts *ret,
	struct cg_error **err) CG_MUST_CHECK;
