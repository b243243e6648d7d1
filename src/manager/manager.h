/* The live manager: owns a delegated subtree, runs jobs in it and keeps them. This header is what the command
 * line and the governor see of it.
 *
 * One thread, one event loop (sd-event). Whatever may take long (freezing, killing, the end of a process) is
 * begun and finished by an event. */
#pragma once

#include "manager/config.h"
#include "manager/event.h"
#include "manager/job.h"

struct cg_manager;

struct cg_manager_options {
	const char *root;    /* cgroup path; NULL: the own delegated group, or /cgtree where no systemd is */
	const char *socket;  /* NULL: CG_MANAGER_SOCKET */
	const char *run_dir; /* the journal; NULL: CG_MANAGER_RUN_DIR */
	const char *state_dir;            /* results; NULL: CG_MANAGER_STATE_DIR */
	const char *log_dir;              /* NULL: CG_MANAGER_LOG_DIR */
	const char *shim;                 /* the program; NULL: beside our own */
	uint64_t log_size;                /* bytes after which a log is rotated; 0: CG_MANAGER_LOG_SIZE */
	unsigned jobs_max, jobs_per_user; /* 0: the defaults */
	unsigned
		running_max; /* jobs at a time; 0: no limit. What is over is refused, or waits with --queue */
	unsigned keep_results; /* at most so many jobs that have ended; 0: CG_MANAGER_KEEP */
	uint64_t thaw_us;      /* a frozen job waits so long for a manager that is away; 0: 30 s */
	const char *config;    /* file of the governor's configuration; NULL: none */
	const struct cg_config_override *override; /* what the command line gave of it */
	size_t overrides;
	int group; /* gid that may use the socket; -1: none */
};
#define CG_MANAGER_SOCKET    "/run/cgtree/manager.sock"
#define CG_MANAGER_RUN_DIR   "/run/cgtree/manager"
#define CG_MANAGER_STATE_DIR "/var/lib/cgtree"
#define CG_MANAGER_LOG_DIR   "/var/log/cgtree"
#define CG_MANAGER_LOG_SIZE  ((uint64_t)64 << 20)
#define CG_MANAGER_KEEP      4096
#define CG_MANAGER_ROOT      "/cgtree"

/* Runs until a client or a signal tells it to quit. */
int cg_manager_run(const struct cg_manager_options *options, struct cg_error **err) CG_MUST_CHECK;

/* For the governor. Handles are those of cg_job_view; a job that is gone meanwhile is -ESRCH. */

/* Calls fn for each live job, with its use read now. A result other than 0 ends and is returned. */
typedef int cg_job_view_fn(void *context, const struct cg_job_view *view);
int cg_manager_each_job(struct cg_manager *m, cg_job_view_fn *fn, void *context) CG_MUST_CHECK;
/* Begins to freeze or thaw for pressure's sake; an event tells when the kernel has done it. */
int cg_manager_press_freeze(struct cg_manager *m, uint32_t handle, bool frozen, const char *why,
	struct cg_error **err) CG_MUST_CHECK;
/* Kills for pressure's sake. `done` is called once nothing of the job is left. */
typedef void cg_job_gone_fn(void *context, const char *id, uint64_t took_us);
int cg_manager_press_kill(struct cg_manager *m, uint32_t handle, const char *why, cg_job_gone_fn *done,
	void *context, struct cg_error **err) CG_MUST_CHECK;
/* Lays a value (in v2 terms) over a limit of the job for a while; on record, so that it is taken back even
 * when the manager dies. `value` NULL: back to what the job was given. `what` is the event's word. */
int cg_manager_press_limit(struct cg_manager *m, uint32_t handle, const char *knob, const char *value,
	const char *what, const char *why, struct cg_error **err) CG_MUST_CHECK;
/* Tells everybody about a decision, also one not to act. `id` may be NULL. */
void cg_manager_decision(struct cg_manager *m, const char *id, const char *what, const char *text);
