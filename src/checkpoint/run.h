/* Running CRIU with all of it around. */
#pragma once

#include "base/cleanup.h"
#include "checkpoint/checkpoint.h"

/* What is to be done at a step need not be done by the program that CRIU runs then: that one tells us, who
 * live on meanwhile with all that is known and open, over a socket that CRIU inherits, and waits. */
struct cg_criu_wire {
	int ours, theirs;
};
#define CG_CRIU_WIRE_INIT                                                                                    \
	{                                                                                                    \
		-1, -1                                                                                       \
	}
int cg_criu_wire_open(struct cg_criu_wire *w, struct cg_error **err) CG_MUST_CHECK;
void cg_criu_wire_close(struct cg_criu_wire *w);
/* The other end: 1 when it was done, -EIO when it failed there, 0 when nobody answers. */
int cg_criu_wire_tell(const char *step, int init) CG_MUST_CHECK;
#define _cleanup_wire_ _cleanup_(cg_criu_wire_close)

/* How CRIU is run. Words are given to execvp(3) as they are. */
struct cg_criu_run {
	const char *const *word; /* NULL-terminated; the first is the program */
	const char *state_dir;   /* for the hook, which CRIU runs */
	bool apart; /* CRIU is not to be cut off: signals that ask to end are not passed on, and those of the
		     * terminal do not reach it */
	const volatile int *stop;
	struct cg_criu_wire *wire; /* or NULL */
	/* A step was told: CRIU waits until this comes back, and fails unless it gives 0. */
	int (*step)(void *context, const char *step, int init);
	void *step_context;
};

/* Runs it and waits. *ret_status is as wait(2) gives it. When CRIU itself could
 * not be started that is an error. Makes the calling process the parent of whom CRIU leaves behind. */
int cg_criu_run(const struct cg_criu_run *run, int *ret_status, struct cg_error **err) CG_MUST_CHECK;
/* Ends every child of the calling process, and theirs, and waits until they are gone: what a CRIU that failed
 * has left. */
int cg_criu_end_children(struct cg_error **err) CG_MUST_CHECK;
/* Tells what a log of CRIU's says of its failure: its errors and those of the hook, at most the last dozen.
 */
int cg_criu_explain(const struct cg_folder *f, const char *log, cg_line_fn *line, void *line_context,
	struct cg_error **err) CG_MUST_CHECK;

/* A folder that shows each mounted hierarchy under the name that CRIU looks for (its --cgroup-yard): symbolic
 * links, so that nothing is mounted. Without it CRIU mounts hierarchies itself, and a new mount of cgroup2
 * takes nsdelegate and memory_recursiveprot from all of them. */
struct cg_yard {
	const struct cg_folder *folder;
	char *path;
};
int cg_yard_make(const struct cg_live *live, const struct cg_folder *f, struct cg_yard *ret,
	struct cg_error **err) CG_MUST_CHECK;
void cg_yard_remove(struct cg_yard *y);
#define _cleanup_yard_ _cleanup_(cg_yard_remove)
