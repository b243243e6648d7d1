/* Taking groups away. Everything is looked at before anything is done: a group that is not empty, or that is
 * not what the path names, is refused with all of it untouched. */
#pragma once

#include "engine/apply.h"
#include "kernel/hierarchy.h"

struct cg_remove_options {
	bool recursive;   /* the groups below too; else one that has any is refused */
	bool kill;        /* end the tasks in it (SIGKILL); else a group that has any is refused */
	bool dry_run;     /* only tell */
	int timeout_ms;   /* how long killed tasks may take to end */
	cg_line_fn *line; /* "- /a/b  (memory)" */
	void *line_context;
	const volatile int *stop; /* -EINTR; NULL when nobody asks */
};

struct cg_remove_counts {
	size_t groups; /* removed, or to be removed when dry */
	size_t killed; /* processes that were sent the signal; on v2, where the kernel does it, those that
			  were listed */
};

/* The group in every hierarchy that the target names and where it exists; -ENOENT (system fault) when it is
 * in none. The mount points that lie below it, and the program's own group, are refused. Groups go bottom-up,
 * each through its parent's descriptor and by one component, so nothing outside of the path can be reached. A
 * failure after the first change has CG_FAULT_PARTIAL: ended tasks do not come back. */
int cg_remove(const struct cg_live *live, const struct cg_target *target,
	const struct cg_remove_options *options, struct cg_remove_counts *ret,
	struct cg_error **err) CG_MUST_CHECK;
