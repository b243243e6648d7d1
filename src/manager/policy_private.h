/* The policy's state, for its own files. */
#pragma once

#include "manager/policy.h"

/* Totals of stalls at some instants, oldest first: enough to know the total a window ago. */
#define CG_LEVEL_POINTS 40
struct cg_level {
	struct {
		uint64_t time, total;
	} point[CG_LEVEL_POINTS];
	unsigned count;
};
/* policy_level.c */
void cg_level_add(struct cg_level *l, uint64_t time, uint64_t total, uint64_t window);
/* Percent of the window that ends at `time`, where the total is `total`. */
unsigned cg_level_at(const struct cg_level *l, uint64_t time, uint64_t total, uint64_t window);

/* A step that holds for a job. */
struct cg_held {
	bool on, dry_run, seen; /* seen: the kernel has been seen to hold it (freeze) */
	enum cg_resource resource;
	uint64_t since;
	uint64_t rest_until; /* not taken again before */
};

struct cg_record {
	uint32_t handle;
	char id[CG_JOB_NAME_MAX + 1];
	uint8_t priority;
	struct cg_held held[CG_STEPS];
	uint64_t time, cpu_us, io_bytes; /* of the sample before */
	uint64_t rate[CG_RESOURCES]; /* contribution: bytes of memory, us of cpu and bytes of io a second */
	bool rated;                  /* rates are known */
};

/* A step of a resource. */
struct cg_rung {
	bool on;
	uint64_t since; /* it is on */
	uint64_t below; /* pressure is below the leave threshold since; 0: it is not */
	uint64_t last;  /* taken; 0: never */
	/* the last reason for doing nothing, and when it was told */
	enum cg_why why;
	uint64_t told;
};

struct cg_policy {
	struct cg_level level[CG_RESOURCES];
	unsigned now[CG_RESOURCES]; /* percent */
	uint64_t last_run;          /* 0: never */
	struct cg_rung rung[CG_RESOURCES][CG_STEPS];
	struct cg_record *record, *spare; /* by handle; spare: the array of the next run */
	size_t records, room, spare_room;
	uint64_t total[CG_RESOURCES]; /* of all jobs, as rates are */
	bool rated;                   /* the rates of cpu and io are known */
	/* the one kill under way */
	bool killing, gone;
	uint32_t victim;
	char victim_id[CG_JOB_NAME_MAX + 1];
	enum cg_resource victim_resource;
	bool victim_dry_run;
	uint64_t killed_at;
	uint64_t kill_over; /* when the last one was over; 0: never */
	/* admission */
	bool closed;
	uint64_t closed_at, open_until; /* open_until: its timer ended, it rests */
	struct cg_decision closing;
	uint64_t undone; /* when a step was last taken back for calm */
	struct cg_decision *out;
	size_t outs, out_room;
};

/* One run. */
struct cg_turn {
	struct cg_policy *p;
	const struct cg_config *c;
	const struct cg_policy_sample *s;
	bool failed; /* memory is out */
};

static inline bool cg_step_allowed(const struct cg_resource_config *m, enum cg_step step)
{
	return m->steps & (UINT64_C(1) << step);
}

/* policy.c */
struct cg_decision *cg_turn_add(struct cg_turn *t, enum cg_act act, enum cg_why why, enum cg_step step,
	enum cg_resource resource, const struct cg_record *record);
/* Percent, or bytes a second of io. */
uint64_t cg_turn_usage(const struct cg_turn *t, enum cg_resource resource);
uint64_t cg_turn_usage_wanted(const struct cg_turn *t, enum cg_resource resource, enum cg_step step);
const struct cg_job_view *cg_turn_view(const struct cg_turn *t, uint32_t handle);

/* policy_jobs.c: records follow the jobs of the sample. False: memory is out. */
bool cg_turn_jobs(struct cg_turn *t);
struct cg_record *cg_policy_record(struct cg_policy *p, uint32_t handle);

/* policy_choose.c: takes the step for whom it is due; true when it did, else *ret_why and passed. */
bool cg_turn_brake(struct cg_turn *t, enum cg_resource r, enum cg_why *ret_why, unsigned *passed);
bool cg_turn_demote(struct cg_turn *t, enum cg_resource r, enum cg_why *ret_why, unsigned *passed);
bool cg_turn_freeze(struct cg_turn *t, enum cg_resource r, enum cg_why *ret_why, unsigned *passed);
bool cg_turn_kill(struct cg_turn *t, enum cg_resource r, enum cg_why *ret_why, unsigned *passed);

/* policy_undo.c */
void cg_turn_undo(struct cg_turn *t, struct cg_record *record, enum cg_step step, enum cg_why why);
void cg_turn_timers(struct cg_turn *t);
void cg_turn_calm(struct cg_turn *t);
/* The nearest instant at which a timer of these is due. */
uint64_t cg_turn_next_timer(const struct cg_turn *t);
