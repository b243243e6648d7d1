/* What outlives the manager. In the run directory (it lives as long as the host runs) a folder for each job
 * holds its journal and what its shim writes; nothing is waited for there. In the state directory a file for
 * each job holds the last entry, written behind by a thread of its own, so that a reboot can be told.
 *
 *   RUN/lock  RUN/boot  RUN/jobs/ID/{job,begun,end}      STATE/jobs/ID */
#pragma once

#include <pthread.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/fdio.h"
#include "control/job.h"

struct cg_behind;

struct cg_store {
	int run, jobs, lock, state; /* directories, and the locked file */
	struct cg_behind *behind;
	bool rebooted; /* what lies in the run directory is of an earlier boot */
};

/* Takes the lock of an open file or directory. One that was held by a manager that was just killed is free a
 * moment later, once the kernel has closed its files (which takes long with pressure triggers): that is
 * waited for, two seconds at most. -EWOULDBLOCK when another has it. */
int cg_lock_take(int fd) CG_MUST_CHECK;

/* Makes what is missing (0700) and takes the lock: -EBUSY when another manager has it. */
int cg_store_open(
	struct cg_store *s, const char *run_dir, const char *state_dir, struct cg_error **err) CG_MUST_CHECK;
/* Waits until everything is written. */
void cg_store_close(struct cg_store *s);

/* Appends an entry; with a specification, begins anew with it. *bytes is how long the journal is. */
int cg_store_write(struct cg_store *s, const char *id, const struct cg_job_spec *spec,
	const struct cg_job_record *record, const char *override, uint32_t *bytes) CG_MUST_CHECK;
/* Lets the state directory have it, too, some time soon. */
void cg_store_keep(struct cg_store *s, const char *id, const struct cg_job_spec *spec,
	const struct cg_job_record *record);
/* The folder of a job. */
int cg_store_job_dir(const struct cg_store *s, const char *id, int *ret_fd) CG_MUST_CHECK;
/* Forgets what a shim wrote, before the next start. */
void cg_store_clear(const struct cg_store *s, const char *id);
void cg_store_remove(struct cg_store *s, const char *id);

/* Calls fn with each journal's text, of the run directory or (kept) of the state directory. */
typedef int cg_store_fn(void *context, const char *id, struct cg_bytes text);
int cg_store_each(struct cg_store *s, bool kept, cg_store_fn *fn, void *context) CG_MUST_CHECK;
