/* A host that exists in numbers only: jobs, stalls and memory that follow a script, triggers that fire, and
 * the policy run as the manager would run it. What it decided is kept as lines. */
#pragma once

#include "manager/policy.h"
#include "unit/base/cmocka_all.h"

#define HOST_JOBS  64
#define HOST_LINES 512

/* A stretch of time. */
struct phase {
	unsigned ms;
	unsigned stall[CG_RESOURCES]; /* percent */
	unsigned used;                /* memory, percent */
};

struct host {
	struct cg_policy *policy;
	struct cg_config config;
	uint64_t now, next;
	uint64_t total[CG_RESOURCES]; /* stalls, us */
	uint64_t seen[CG_RESOURCES];  /* at the start of the triggers' window */
	uint64_t seen_at;
	unsigned used;
	unsigned cpus;
	struct cg_job_view job[HOST_JOBS];
	uint64_t cpu_rate[HOST_JOBS], io_rate[HOST_JOBS]; /* a second */
	size_t jobs;
	unsigned die_ms; /* how long a killed job takes to end */
	bool immortal;   /* they do not */
	uint64_t dying_since;
	uint32_t dying; /* handle + 1; 0: none */
	bool client_thaws;
	unsigned runs, looks; /* of the policy, and at the jobs */
	struct {
		uint64_t ms;
		struct cg_decision d;
	} line[HOST_LINES];
	size_t lines;
	void (*check)(struct host *h, const struct cg_decision *d); /* sees each decision before it is done */
};

void host_open(struct host *h);
void host_close(struct host *h);
void host_set(struct host *h, const char *section, const char *name, const char *value);
/* A running job; memory in MiB. Returns its index. */
size_t host_add(struct host *h, const char *id, unsigned priority, unsigned memory);
struct cg_job_view *host_job(struct host *h, const char *id); /* NULL: ended */
void host_play(struct host *h, const struct phase *phase, size_t phases);
/* The decisions but the "none" ones, as "brake a, kill a, gone a"; the caller frees. */
char *host_told(const struct host *h, bool with_none);
#define assert_told(h, want)                                                                                 \
	do {                                                                                                 \
		char *told_ = host_told((h), false);                                                         \
		assert_string_equal(told_, (want));                                                          \
		free(told_);                                                                                 \
	} while (0)
/* How often something was decided. */
unsigned host_count(const struct host *h, enum cg_act act);
/* Whether nothing was done for that reason, about that step. */
bool host_refused(const struct host *h, enum cg_step step, enum cg_why why);
