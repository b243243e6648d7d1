/* The governor: pressure, policy and configuration at work in the manager's loop, and what leaves it as text
 * (events, metrics).
 *
 *   triggers, timer --> sample --> policy --> decisions --> press.c (brake, demote, freeze, kill)
 *
 * It never waits: triggers and timers wake it, an event tells the end of a killed job. While nothing stalls
 * it sleeps; only where the kernel gives no triggers it looks every window, and that only while jobs live.
 * All functions take NULL for a governor that is not there yet. */
#pragma once

#include "control/config.h"
#include "control/event.h"
#include "manager/manager.h"

struct cg_governor;

/* Reads the configuration, watches the root of the jobs, reads the configuration again on SIGHUP. */
int cg_governor_open(struct cg_manager *m, struct cg_governor **ret, struct cg_error **err) CG_MUST_CHECK;
struct cg_governor *cg_governor_close(struct cg_governor *g);

/* Whether a job may start now. False: err says why not; *ret_wait tells whether it shall wait rather than be
 * refused. */
bool cg_governor_admits(const struct cg_governor *g, bool *ret_wait, struct cg_error **err);
/* The first job came, or one went. */
void cg_governor_kick(struct cg_governor *g);
/* The memory.high for a job that has only this memory.max, UINT64_MAX: none. */
uint64_t cg_governor_high(const struct cg_governor *g, uint64_t memory_max);
/* Writes an event out, and counts it. */
void cg_governor_event(struct cg_governor *g, const struct cg_event *e);
/* Everything that is counted, as OpenMetrics text. */
void cg_governor_metrics(struct cg_governor *g, struct cg_text *t);
