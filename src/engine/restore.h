/* The whole of a restore: find members, look at the target, plan, apply. What the verb and the public
 * interface call. */
#pragma once

#include "engine/apply.h"
#include "engine/members.h"

struct cg_restore_options {
	struct cg_plan_options plan; /* uid, gid and privileged are filled in */
	struct cg_member_options members;
	struct cg_apply_options apply;
	bool dry_run;
};

struct cg_restore_counts {
	size_t groups, settings, tasks; /* done, or planned when dry; 0 when it failed */
	size_t differs;                 /* things that differ or were skipped, each with its "!" line */
};

/* Lines go to options->apply.line. *ret and *ret_counts are set whatever is returned. */
int cg_restore(const struct cg_live *live, const struct cg_tree *image,
	const struct cg_restore_options *options, enum cg_outcome *ret, struct cg_restore_counts *ret_counts,
	struct cg_error **err) CG_MUST_CHECK;
