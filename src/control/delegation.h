/* A socket for somebody who may run jobs below one group and nowhere else, within bounds (--delegate):
 *
 *   PATH=SOCKET:UID[,name=NAME][,jobs=N][,depth=N][,memory=SIZE][,swap=SIZE][,pids=N][,cpu=N%]
 *
 * Pure: text to a structure, and limits of jobs against bounds. */
#pragma once

#include "control/limits.h"

/* Limits whose sum over the jobs is bounded. */
enum cg_share { CG_SHARE_MEMORY, CG_SHARE_SWAP, CG_SHARE_PIDS, CG_SHARE_CPU, CG_SHARES };

struct cg_delegation {
	char *path, *socket, *name; /* the name stands before the ids of its jobs, NAME:ID */
	uint32_t uid;
	uint32_t jobs;            /* at most, results included; 0: as many as a user may */
	uint32_t depth;           /* levels of groups, the job's own is the first; 0: no bound */
	uint64_t most[CG_SHARES]; /* bytes, bytes, tasks, microseconds in a second; 0: no bound */
};
void cg_delegation_free(struct cg_delegation *d);
#define _cleanup_delegation_ _cleanup_(cg_delegation_free)

int cg_delegation_parse(const char *text, struct cg_delegation *ret, struct cg_error **err) CG_MUST_CHECK;
/* Adds what the (checked) limits of a job take of each share that is bounded. A limit that is missing or none
 * is an error, for then there is no sum. */
int cg_delegation_add(const struct cg_delegation *d, const struct cg_strings *limits, uint64_t sum[CG_SHARES],
	struct cg_error **err) CG_MUST_CHECK;
/* Whether a job of these limits fits beside others that have `taken` so much. */
int cg_delegation_fits(const struct cg_delegation *d, const struct cg_strings *limits,
	const uint64_t taken[CG_SHARES], struct cg_error **err) CG_MUST_CHECK;
/* Refuses limits that allow groups deeper than they may be; adds the bound where none is given. */
int cg_delegation_bound_depth(
	const struct cg_delegation *d, struct cg_strings *limits, struct cg_error **err) CG_MUST_CHECK;
