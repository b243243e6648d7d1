/* What to do about pressure. Pure: samples, state, configuration and the time go in, decisions come out;
 * whoever calls carries them out. Nothing here reads a clock or a file.
 *
 * Each resource climbs a ladder: admission is closed, the lowest class is braked (memory.high), demoted
 * (cpu.weight), a job is frozen, a job is killed. A step is wanted from its enter threshold until pressure
 * has stayed below its leave threshold for a while, and only while use agrees with pressure: stalls alone
 * prove little, for a job that runs into a limit of its own stalls too (systemd-oomd and oomd met that as
 * kills while memory was free). Of the steps that are wanted the highest that can be taken is taken, one a
 * run. Whatever was done to a job has a deadline of its own and is taken back then, or when its step is left,
 * in reverse order.
 *
 * The level of a resource is the part of the last window in which tasks stalled, from the kernel's totals:
 * its averages move every two seconds only (kernel/sched/psi.c, PSI_FREQ). It is never overstated: stalls
 * from before the last sample count as spread evenly. */
#pragma once

#include "control/config.h"
#include "control/job.h"

#define CG_POLICY_NEVER UINT64_MAX

struct cg_policy_sample {
	uint64_t now;                 /* microseconds, CLOCK_MONOTONIC */
	uint64_t stall[CG_RESOURCES]; /* microseconds in all, of the kind that the configuration names */
	unsigned fired[CG_RESOURCES]; /* percent of the window that a trigger has just vouched for; 0: none */
	unsigned known;               /* bits, 1 << resource: the rest is not accounted here */
	uint64_t memory_used;         /* bytes that can not be taken back at once */
	uint64_t memory_total; /* of the host or the root's limit, whichever is nearer to full; 0: unknown */
	unsigned cpus;         /* that the jobs may use */
	const struct cg_job_view *job; /* NULL when cg_policy_needs_jobs() said no */
	size_t jobs;
};

/* What was decided. */
enum cg_act {
	CG_ACT_NONE,  /* a step was wanted and not taken: `why` */
	CG_ACT_CLOSE, /* admission */
	CG_ACT_OPEN,
	CG_ACT_BRAKE, /* `value`: memory.high in bytes */
	CG_ACT_UNBRAKE,
	CG_ACT_DEMOTE, /* `value`: cpu.weight */
	CG_ACT_PROMOTE,
	CG_ACT_FREEZE,
	CG_ACT_THAW,
	CG_ACT_KILL,
	CG_ACT_GONE,    /* nothing is left of the job that was killed; `value`: microseconds since the kill */
	CG_ACT_STUCK,   /* something still is, after [kill] wait */
	CG_ACT_RELEASE, /* what was done to the job ended without us: it is over, or a client took it back */
	CG_ACTS
};

enum cg_why {
	CG_WHY_PRESSURE, /* the enter threshold is reached, and so is use */
	CG_WHY_CALM,     /* the leave threshold is not, or use fell */
	CG_WHY_TIMER,    /* the step's time is over */
	CG_WHY_ABOVE,    /* the job goes a step higher: this one would be in the way */
	CG_WHY_ENDED,
	CG_WHY_CLIENT,
	/* of CG_ACT_NONE: */
	CG_WHY_USAGE,     /* stalls, but little in use: who stalls runs into limits of his own */
	CG_WHY_KILLING,   /* a kill is under way */
	CG_WHY_DWELL,     /* the step was taken a moment ago */
	CG_WHY_NOBODY,    /* no job qualifies: `passed` tells why each does not */
	CG_WHY_ALONE,     /* all jobs are of one class: demoting all changes nothing */
	CG_WHY_MEASURING, /* what each job uses is known after the next sample */
	CG_WHYS
};

/* Why a job was passed over. */
enum cg_pass {
	CG_PASS_STATE,      /* it is not running (starting, stopping) */
	CG_PASS_UNKILLABLE, /* it may be neither killed nor frozen */
	CG_PASS_SMALL,      /* it uses less than min-share or min-size */
	CG_PASS_TAKEN,      /* the step holds for it already, or it has less than the step would leave it */
	CG_PASS_FROZEN,     /* it stands still already */
	CG_PASS_REST,       /* the step's timer ended for it a moment ago */
	CG_PASSES
};

struct cg_decision {
	enum cg_act act;
	enum cg_why why;
	enum cg_step step;
	enum cg_resource resource;
	bool dry_run; /* to be recorded only */
	uint32_t handle;
	char id[CG_JOB_NAME_MAX + 1]; /* "" when it concerns no job */
	uint8_t priority;
	uint64_t value;
	unsigned level, threshold;       /* percent stalled, and the threshold that decided */
	uint64_t usage, usage_threshold; /* percent; io: bytes a second */
	uint64_t contribution,
		total; /* of the job, and of all: bytes; io: bytes a second; cpu: us a second */
	unsigned passed[CG_PASSES];
};

struct cg_decisions {
	struct cg_decision *item; /* the policy's, until its next run */
	size_t count;
	uint64_t next; /* when it must run again, CG_POLICY_NEVER: when a trigger fires */
};

struct cg_policy;
struct cg_policy *cg_policy_new(void);
struct cg_policy *cg_policy_free(struct cg_policy *p);
CG_DEFINE_CLEANUP(struct cg_policy *, cg_policy_free)

/* Whether this sample can lead to anything that jobs must be looked at for. Reading them costs; without
 * pressure none is read. */
bool cg_policy_needs_jobs(
	const struct cg_policy *p, const struct cg_config *c, const struct cg_policy_sample *s);
/* Decides. Decisions are to be carried out in their order. -ENOMEM: nothing was decided. */
int cg_policy_run(struct cg_policy *p, const struct cg_config *c, const struct cg_policy_sample *s,
	struct cg_decisions *ret) CG_MUST_CHECK;
/* The killed job is empty: nothing else is killed before this was told. */
void cg_policy_gone(struct cg_policy *p, uint32_t handle);
/* The step could not be carried out: the job is as before, and rests from it. */
void cg_policy_failed(
	struct cg_policy *p, const struct cg_config *c, const struct cg_decision *d, uint64_t now);
/* Whether admission is open. Closed, *ret is the decision that closed it. */
bool cg_policy_open(const struct cg_policy *p, struct cg_decision *ret);
/* How many jobs each step holds for: for metrics. */
void cg_policy_counts(const struct cg_policy *p, unsigned ret[CG_STEPS]);
/* The present level of a resource in percent, as of the last run. */
unsigned cg_policy_level(const struct cg_policy *p, enum cg_resource resource);

/* policy_text.c: words of the enumerations ("freeze", "usage"), and a decision as one sentence for people. */
const char *cg_act_name(enum cg_act act);
const char *cg_why_name(enum cg_why why);
void cg_decision_text(const struct cg_decision *d, struct cg_text *t);

/* A job that has memory.max and no memory.high gets this one: without it the kernel's OOM killer comes before
 * any trigger (measured: 45 to 65 ms after the first stall). UINT64_MAX: none. */
uint64_t cg_policy_high(const struct cg_config *c, uint64_t memory_max);
