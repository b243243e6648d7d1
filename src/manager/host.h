/* The manager's place on the host: its root in each hierarchy, and below it the groups manager, shims and
 * jobs.
 *
 * One hierarchy is the main one: that of v2 where there is one, else the v1 freezer's. In it every job has a
 * group, there it is frozen, killed and watched. In the others (v1 controllers) a job has a group only where
 * one of its limits or the memory that it uses asks for it. */
#pragma once

#include "base/attributes.h"
#include "base/error.h"
#include "base/fdio.h"
#include "control/job.h"
#include "kernel/hierarchy.h"

struct cg_host_place {
	int root, jobs; /* open directories; -1: not ours here */
	bool made_root;
};

/* A group below whose `jobs` the groups of jobs are. */
struct cg_host_area {
	char *name; /* before the ids of its jobs, NAME:ID; NULL: the manager's root */
	char *path;
	struct cg_host_place *place;  /* beside live.item */
	struct cg_buffer controllers; /* v2: those that jobs have */
};

struct cg_host {
	struct cg_live live;
	struct cg_host_area top, *below; /* our root; and groups that have a socket of their own */
	size_t belows;
	size_t main;
	bool v2;        /* the main hierarchy is v2 */
	int shims;      /* main hierarchy's ROOT/shims */
	uint32_t usual; /* bits of live: where every job has a group */
};

/* Finds or makes the places. Refuses a root that is not delegated to us, with advice, and one that another
 * manager has. */
int cg_host_open(struct cg_host *h, const char *root, struct cg_error **err) CG_MUST_CHECK;
void cg_host_close(struct cg_host *h);
/* Removes what was made and holds nothing any more: at a quit that keeps no job. */
void cg_host_clean(struct cg_host *h);

/* host_area.c. One more group for jobs, NAME:ID each: one directly below the root, which is made when it is
 * missing, or one elsewhere that is there and was delegated (-ENOENT). Once more with the same
 * path is no mistake. */
int cg_host_add_area(
	struct cg_host *h, const char *name, const char *path, struct cg_error **err) CG_MUST_CHECK;
/* Where the job of this name is: NULL when nobody knows its area. *ret_id: its id there. */
const struct cg_host_area *cg_host_area_of(const struct cg_host *h, const char *name, const char **ret_id);

/* Where a knob of a controller ("" the core's) of this version can be set for this job (NULL: any below the
 * root): index into live, or -1. */
int cg_host_find(const struct cg_host *h, const char *id, int version, const char *controller);

/* Makes a job's group in the hierarchies of `where` (bits). What was left by a job of that id and is empty is
 * replaced. On failure nothing is left. */
int cg_host_make(struct cg_host *h, const char *id, uint32_t where, struct cg_error **err) CG_MUST_CHECK;
int cg_host_make_one(struct cg_host *h, size_t hierarchy, const char *id) CG_MUST_CHECK;
/* Appends the path of the job's group, in every hierarchy in which it has one. */
void cg_host_path(const struct cg_host *h, const char *id, struct cg_text *t);
/* An open directory of the job's group; -ENOENT when it has none there. */
int cg_host_group(const struct cg_host *h, size_t hierarchy, const char *id, int *ret_fd) CG_MUST_CHECK;
/* Removes the job's groups with all below in every hierarchy; -EBUSY while processes are in there. */
int cg_host_remove(struct cg_host *h, const char *id) CG_MUST_CHECK;
/* Whether any process is in the job's group or below, in the main hierarchy: 1, 0, or a negative errno. */
int cg_host_populated(const struct cg_host *h, const char *id) CG_MUST_CHECK;
/* Kills everything in the job's group and below: by cgroup.kill, else by signalling each process until none
 * is left to be signalled. A frozen v1 group dies when it is thawed. Does not wait. */
int cg_host_kill(const struct cg_host *h, const char *id, struct cg_error **err) CG_MUST_CHECK;
/* Sends a signal to all processes of the job's group. */
int cg_host_signal(const struct cg_host *h, const char *id, int signal, struct cg_error **err) CG_MUST_CHECK;
/* Begins to freeze or thaw; whether it is done is asked with cg_host_frozen(): 1, 0, or a negative errno. */
int cg_host_freeze(const struct cg_host *h, const char *id, bool frozen) CG_MUST_CHECK;
int cg_host_frozen(const struct cg_host *h, const char *id) CG_MUST_CHECK;
/* A group in one more hierarchy, with all processes of the job moved into it. */
int cg_host_add(struct cg_host *h, size_t hierarchy, const char *id) CG_MUST_CHECK;
/* A pidfd of a process of the job; -ESRCH when it is none of its processes. */
int cg_host_pidfd(const struct cg_host *h, const char *id, int pid) CG_MUST_CHECK;
/* Calls fn with each process of the job, groups below included. */
typedef int cg_host_pid_fn(void *context, int pid);
int cg_host_each_pid(
	const struct cg_host *h, const char *id, cg_host_pid_fn *fn, void *context) CG_MUST_CHECK;
/* What the job uses now, of what is wanted (bits, 1 << enum cg_use). */
void cg_host_usage(const struct cg_host *h, const char *id, unsigned wanted, struct cg_job_usage *ret);
#define CG_USE_ALL ((1u << CG_USES) - 1)
/* Calls fn with the name of each group below the area's jobs in the main hierarchy. */
int cg_host_each_group(
	const struct cg_host *h, const struct cg_host_area *area, cg_dir_fn *fn, void *context) CG_MUST_CHECK;
