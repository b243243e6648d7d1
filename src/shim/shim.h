/* The shim: one small process for each job, outside of the job's group. It starts the payload, reaps it and
 * whatever the payload leaves behind, keeps the output, and keeps the exit status until the manager took it
 * over. It goes on when the manager is stopped, replaced or killed. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/attributes.h"
#include "shim/spec.h"

struct shim {
	struct shim_spec spec;
	int sock; /* to the manager, until it was answered */
	int fd[SHIM_FDS_MOST];
	size_t fds;
	int out; /* reading end of the payload's output; -1 when there is none */
	uint64_t log_bytes, dropped;
	int dropped_code;
	pid_t payload;
};

/* child.c: starts the payload, in its groups. 0 and shim->payload, or a stage with *ret_code an errno.
 * Returns once the payload was executed. */
enum shim_stage shim_start(struct shim *s, int *ret_code) CG_MUST_CHECK;

/* restore.c: the same of a checkpoint, by running the command and waiting for it (SIGCHLD comes from
 * `children`).
 */
enum shim_stage shim_restore(struct shim *s, int children, int *ret_code) CG_MUST_CHECK;
/* child.c: BEGUN is made, before anything is; *ret_fd takes the payload's id. */
enum shim_stage shim_begin(const struct shim *s, int *ret_fd, int *ret_code) CG_MUST_CHECK;
/* child.c: the id, once there is one. */
void shim_record(const struct shim *s, int begun);
/* child.c: a pipe for the payload's output, whose reading end is s->out. */
enum shim_stage shim_open_output(struct shim *s, int *ret_fd, int *ret_code) CG_MUST_CHECK;
/* child.c: signals as a program expects them. */
void shim_unblock_signals(void);

/* log.c: takes what is in the pipe to the log, without waiting. False once nobody can write any more. */
bool shim_log(struct shim *s);
