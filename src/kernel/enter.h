/* A program that begins its life in a group: it is put in before it runs its first instruction. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/attributes.h"

/* Open directories of the groups, at most one in a hierarchy; v2 is -1 when there is none. */
struct cg_enter {
	int v2;
	const int *v1;
	size_t v1s;
};

/* What failed of a child, told to its parent. */
enum cg_enter_stage { CG_ENTER_STARTED, CG_ENTER_FORK, CG_ENTER_V2, CG_ENTER_V1, CG_ENTER_EXEC };
struct cg_enter_failure {
	int stage;    /* enum cg_enter_stage */
	int code;     /* errno */
	size_t which; /* CG_ENTER_V1: index */
};

/* Moves this process itself into the groups and becomes the program. Comes back only when that failed. */
void cg_enter_exec(const struct cg_enter *in, char *const argv[], struct cg_enter_failure *ret);
/* Starts the program as a child: made in the v2 group where the kernel can (clone3(2), CLONE_INTO_CGROUP,
 * since 5.7; x86-64), else moved there as into those of v1 before it is executed. Returns when the program
 * runs: its id, or -1 and *ret tells what failed. `mask` is the signal mask that it gets. */
pid_t cg_enter_start(const struct cg_enter *in, char *const argv[], const void *mask,
	struct cg_enter_failure *ret) CG_MUST_CHECK;
/* Waits for the child. Signals that people and managers send to this process (SIGTERM, SIGHUP, ...) are
 * passed on to it, but for those of the terminal, which reach it anyway; when it is stopped we stop too, so
 * that a shell's job control works. The signals must be blocked: cg_enter_block(). The result is that of
 * waitpid(2), or a negative errno. */
int cg_enter_wait(pid_t child, int *ret_status) CG_MUST_CHECK;
/* Blocks the signals that cg_enter_wait() takes; the mask of before goes to *ret_mask (sigset_t). */
int cg_enter_block(void *ret_mask) CG_MUST_CHECK;
