/* What the manager counts, as OpenMetrics text (openmetrics.io, version 1.0.0): for `job stats
 * --openmetrics`, and for a collector that picks up text files. */
#pragma once

#include "control/config.h"
#include "control/job.h"
#include "manager/policy.h"

struct cg_metrics {
	const char *version;
	uint64_t started_us;            /* the manager, CLOCK_REALTIME */
	uint64_t jobs_started;          /* so far */
	uint64_t jobs_ended[CG_CAUSES]; /* so far, by cause */
	uint64_t jobs_refused;          /* so far */
	uint64_t jobs[CG_JOB_STATES];   /* now */
	uint64_t clients;               /* connected now */
	uint64_t events;                /* so far */
	uint64_t decisions[CG_ACTS];    /* so far */
	unsigned held[CG_STEPS];        /* jobs that a step holds at this moment; admission: 0 or 1 */
	uint64_t stall_us[CG_RESOURCES][CG_STALLS];
	unsigned stall_known;          /* bits, 1 << resource */
	const struct cg_job_view *job; /* live jobs */
	size_t job_count;
};

void cg_metrics_text(const struct cg_metrics *m, struct cg_text *t);
/* Puts the text under an absolute path, whole or not at all, mode 0644. Without fsync: it is written again
 * soon, and the loop must not wait for a disk. */
int cg_metrics_write(const char *path, struct cg_bytes text, struct cg_error **err) CG_MUST_CHECK;
