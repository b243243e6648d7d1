/* The whole of a restore: find members, look at the target, plan, apply. What the verb and the public
 * interface call. */
#pragma once

#include "engine/apply.h"
#include "engine/members.h"
#include "engine/translate.h"

struct cg_restore_options {
	struct cg_plan_options plan; /* uid, gid and privileged are filled in */
	struct cg_member_options members;
	struct cg_apply_options apply;
	bool dry_run;
	bool translate; /* an image of another layout is converted to that of this host */
	struct cg_convert_options
		convert; /* but for layout and page size; with `strict` losses refuse the restore */
	const struct cg_losses *losses; /* what was lost already, on the way to this image; or NULL */
};

struct cg_restore_counts {
	size_t groups, settings, tasks; /* done, or planned when dry; 0 when it failed */
	size_t differs;                 /* things that differ or were skipped, each with its "!" line */
};

/* Lines go to options->apply.line. *ret and *ret_counts are set whatever is returned. */
int cg_restore(const struct cg_live *live, const struct cg_tree *image,
	const struct cg_restore_options *options, enum cg_outcome *ret, struct cg_restore_counts *ret_counts,
	struct cg_error **err) CG_MUST_CHECK;
