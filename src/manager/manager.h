/* The live manager: owns a delegated subtree, runs jobs in it and keeps them. This header is what the command
 * line and the governor see of it.
 *
 * One thread, one event loop (sd-event). Whatever may take long (freezing, killing, the end of a process) is
 * begun and finished by an event. */
#pragma once

#include "control/event.h"
#include "control/job.h"
#include "control/manager_options.h"

struct cg_manager;

/* Runs until a client or a signal tells it to quit. */
int cg_manager_run(const struct cg_manager_options *options, struct cg_error **err) CG_MUST_CHECK;

/* For the governor. Handles are those of cg_job_view; a job that is gone meanwhile is -ESRCH. */

/* Calls fn for each live job below the root, or (all) wherever it is, with its use read now. A result other
 * than 0 ends and is returned. */
typedef int cg_job_view_fn(void *context, const struct cg_job_view *view);
int cg_manager_each_job(struct cg_manager *m, bool all, cg_job_view_fn *fn, void *context) CG_MUST_CHECK;
/* Begins to freeze or thaw for pressure's sake; an event tells when the kernel has done it. */
int cg_manager_press_freeze(struct cg_manager *m, uint32_t handle, bool frozen, const char *why,
	struct cg_error **err) CG_MUST_CHECK;
/* Kills for pressure's sake. `done` is called once nothing of the job is left. */
typedef void cg_job_gone_fn(void *context, uint32_t handle);
int cg_manager_press_kill(struct cg_manager *m, uint32_t handle, const char *why, cg_job_gone_fn *done,
	void *context, struct cg_error **err) CG_MUST_CHECK;
/* Lays a value (in v2 terms) over a limit of the job for a while; on record, so that it is taken back even
 * when the manager dies. `value` NULL: back to what the job was given. `what` is the event's word. */
int cg_manager_press_limit(struct cg_manager *m, uint32_t handle, const char *knob, const char *value,
	const char *what, const char *why, struct cg_error **err) CG_MUST_CHECK;
/* Tells everybody about a decision, also one not to act. `id` may be NULL. */
void cg_manager_decision(struct cg_manager *m, const char *id, const char *what, const char *text);
