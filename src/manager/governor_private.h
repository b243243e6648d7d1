/* The governor's parts. */
#pragma once

#include "manager/governor.h"
#include "manager/metrics.h"
#include "manager/policy.h"
#include "manager/pressure.h"
#include "manager/private.h"

#define CG_GOVERNOR_DEPTH 8 /* groups above the jobs that are asked for a limit of memory */

struct cg_governor {
	struct cg_manager *m;
	struct cg_config config; /* with the window that the triggers have */
	struct cg_pressure pressure;
	struct cg_policy *policy;
	sd_event_source *trigger[CG_TRIGGERS_MAX], *timer, *soon, *hangup, *metrics_timer;
	unsigned fired[CG_RESOURCES];
	struct cg_job_view *view; /* room that is kept from one look to the next */
	size_t views, view_room;
	int meminfo, group[CG_GOVERNOR_DEPTH];
	unsigned groups;
	/* out */
	int events_fd; /* -1: stderr */
	struct cg_text line;
	struct cg_metrics counted; /* only what is counted here */
};

/* governor_memory.c: what there is of memory, of the host or below the nearest limit. */
void governor_memory_open(struct cg_governor *g);
void governor_memory_close(struct cg_governor *g);
/* 0 and 0 when nothing can be read. */
void governor_memory(struct cg_governor *g, uint64_t *ret_used, uint64_t *ret_total);

/* governor_act.c: does what was decided, or says why it could not be done. */
void governor_act(struct cg_governor *g, const struct cg_decision *d);
/* Runs the policy as soon as the loop is free. */
void governor_soon(struct cg_governor *g);

/* governor_out.c */
/* The live jobs as they are now, into `view`. -ENOMEM. */
int governor_look(struct cg_governor *g, bool all) CG_MUST_CHECK;
/* -1: stderr it is. */
int governor_out_open(const struct cg_config *c, int *ret_fd, struct cg_error **err) CG_MUST_CHECK;
void governor_metrics_kick(struct cg_governor *g);
