/* What must hold of the policy under any trace: made at random, from seeds that are printed. */
#include <stdlib.h>
#include <string.h>

#include "host.h"

#define RUNS 300

static struct {
	uint64_t seed, state;
	/* what the policy believes to hold, as its decisions told it */
	uint64_t since[HOST_JOBS][CG_STEPS];
	bool held[HOST_JOBS][CG_STEPS];
	bool closed, killing;
	uint64_t decisions;
} world;

static uint32_t dice(uint32_t below)
{
	world.state = world.state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(world.state >> 33) % below;
}

#define MUST(what)                                                                                           \
	do {                                                                                                 \
		if (!(what))                                                                                 \
			fail_msg("seed %llu, %llu ms: %s", (unsigned long long)world.seed,                   \
				(unsigned long long)(h->now / 1000), #what);                                 \
	} while (0)

static bool is_big(const struct host *h, const struct cg_job_view *j)
{
	const struct cg_resource_config *m = &h->config.resource[CG_RESOURCE_MEMORY];
	uint64_t all = 0;

	for (size_t i = 0; i < h->jobs; i++)
		if (cg_job_state_is_live(h->job[i].state))
			all += h->job[i].usage.value[CG_USE_MEMORY];
	return j->usage.value[CG_USE_MEMORY] >= m->min_size &&
	       j->usage.value[CG_USE_MEMORY] * 100 >= all * m->min_share;
}

static void check_victim(struct host *h, const struct cg_decision *d, const struct cg_job_view *j)
{
	const struct cg_resource_config *m = &h->config.resource[d->resource];

	MUST(!j->unkillable);
	MUST(d->level >= m->enter[d->step] && d->usage >= m->usage);
	MUST(d->step != CG_STEP_KILL || d->usage >= m->kill_usage);
	MUST(d->contribution > 0);
	if (d->step != CG_STEP_KILL || d->resource != CG_RESOURCE_MEMORY)
		return;
	MUST(is_big(h, j));
	for (size_t i = 0; i < h->jobs; i++) {
		const struct cg_job_view *o = &h->job[i];

		if ((o->state != CG_JOB_RUNNING && o->state != CG_JOB_FROZEN) || o->unkillable ||
			!is_big(h, o))
			continue;
		/* Resting after a dry run, or stuck after a kill, it may be passed over. */
		if (!d->dry_run && !h->immortal)
			MUST(o->priority > j->priority ||
				(o->priority == j->priority &&
					o->usage.value[CG_USE_MEMORY] <= j->usage.value[CG_USE_MEMORY]));
	}
}

static void check_take(struct host *h, const struct cg_decision *d, size_t i)
{
	MUST(!world.held[i][d->step]);
	MUST(h->job[i].state == CG_JOB_RUNNING && !h->job[i].frozen_by);
	MUST(d->level >= d->threshold && d->usage >= d->usage_threshold);
	world.held[i][d->step] = true;
	world.since[i][d->step] = h->now;
}

static void check_undo(struct host *h, const struct cg_decision *d, size_t i)
{
	MUST(world.held[i][d->step]);
	/* Held for no longer than its timer, and what the policy sleeps at most. */
	MUST(h->now - world.since[i][d->step] <= h->config.step[d->step].max + h->config.window + 20000);
	if (d->why == CG_WHY_CALM)
		MUST(h->now - world.since[i][d->step] >= h->config.step[d->step].dwell);
	world.held[i][d->step] = false;
}

static void check(struct host *h, const struct cg_decision *d)
{
	size_t i = d->handle - 100;

	h->lines = 0; /* not kept here */
	world.decisions++;
	switch (d->act) {
	case CG_ACT_CLOSE:
		MUST(!world.closed);
		world.closed = true;
		break;
	case CG_ACT_OPEN:
		MUST(world.closed);
		world.closed = false;
		break;
	case CG_ACT_KILL:
		MUST(!world.killing);
		world.killing = !d->dry_run;
		check_victim(h, d, &h->job[i]);
		break;
	case CG_ACT_GONE:
	case CG_ACT_STUCK:
		MUST(world.killing);
		world.killing = false;
		h->dying = d->act == CG_ACT_STUCK ? 0 : h->dying;
		break;
	case CG_ACT_FREEZE:
		check_victim(h, d, &h->job[i]);
		check_take(h, d, i);
		break;
	case CG_ACT_BRAKE:
		MUST(d->value < h->job[i].memory_high);
		check_take(h, d, i);
		break;
	case CG_ACT_DEMOTE:
		check_take(h, d, i);
		break;
	case CG_ACT_UNBRAKE:
	case CG_ACT_PROMOTE:
	case CG_ACT_THAW:
	case CG_ACT_RELEASE:
		check_undo(h, d, i);
		break;
	default:
		break;
	}
}

static void choose_config(struct host *h)
{
	static const char *const steps[] = {"admission brake freeze kill", "brake kill", "freeze", "kill",
		"admission brake demote freeze kill", "demote freeze", "none"};
	static const char *const times[] = {"0", "200ms", "1s", "3s"};
	static const char *const longer[] = {"3s", "7s", "20s"};
	static const char *const parts[] = {"admission", "brake", "demote", "freeze"};
	struct cg_error *err = NULL;

	host_set(h, "memory", "steps", steps[dice(CG_ARRAY_SIZE(steps))]);
	host_set(h, "io", "steps", steps[dice(CG_ARRAY_SIZE(steps))]);
	host_set(h, "cpu", "steps", steps[dice(CG_ARRAY_SIZE(steps))]);
	host_set(h, "pressure", "dry-run", dice(6) ? "no" : "yes");
	host_set(h, "pressure", "window", dice(2) ? "500ms" : "2s");
	host_set(h, "pressure", "calm", times[dice(4)]);
	host_set(h, "pressure", "pace", times[dice(4)]);
	host_set(h, "kill", "dwell", times[dice(4)]);
	host_set(h, "kill", "wait", longer[dice(3)]);
	for (size_t i = 0; i < CG_ARRAY_SIZE(parts); i++) {
		host_set(h, parts[i], "dwell", times[dice(4)]);
		host_set(h, parts[i], "max", longer[dice(3)]);
		host_set(h, parts[i], "rest", times[dice(4)]);
	}
	assert_int_equal(cg_config_check(&h->config, &err), 0);
	h->immortal = dice(8) == 0;
	h->die_ms = dice(2000);
}

static void choose_jobs(struct host *h)
{
	static const char *const ids[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
	unsigned count = 1 + dice(CG_ARRAY_SIZE(ids));

	for (unsigned i = 0; i < count; i++) {
		size_t at = host_add(h, ids[i], dice(101), dice(3) ? 16 + dice(500) : dice(30));

		h->job[at].unkillable = dice(5) == 0;
		h->job[at].memory_high = dice(4) ? UINT64_MAX : (uint64_t)dice(400) << 20;
		h->cpu_rate[at] = dice(1000000);
		h->io_rate[at] = dice(20 << 20);
	}
}

/* What clients and the jobs themselves do meanwhile. */
static void meddle(struct host *h)
{
	struct cg_job_view *j = &h->job[dice((uint32_t)h->jobs)];

	if (!cg_job_state_is_live(j->state) || h->dying == j->handle + 1)
		return;
	switch (dice(6)) {
	case 0:
		j->frozen_by ^= CG_FROZEN_BY_CLIENT;
		j->state = j->frozen_by ? CG_JOB_FROZEN : CG_JOB_RUNNING;
		break;
	case 1: /* a client thaws everything */
		j->frozen_by = 0;
		j->state = CG_JOB_RUNNING;
		break;
	case 2:
		if (dice(3) == 0)
			j->state = CG_JOB_EXITED;
		break;
	default:
		j->usage.value[CG_USE_MEMORY] = (uint64_t)(1 + dice(600)) << 20;
	}
}

static void check_rest(struct host *h)
{
	unsigned held[CG_STEPS];
	const struct phase calm = {200000, {0}, 20};

	h->immortal = false;
	host_play(h, &calm, 1);
	cg_policy_counts(h->policy, held);
	for (int s = 0; s < CG_STEPS; s++)
		MUST(held[s] == 0);
	MUST(cg_policy_open(h->policy, NULL));
	MUST(h->next == CG_POLICY_NEVER);
	for (size_t i = 0; i < h->jobs; i++)
		MUST(!cg_job_state_is_live(h->job[i].state) ||
			!(h->job[i].frozen_by & CG_FROZEN_BY_PRESSURE));
}

static void test_any_trace(void **state CG_UNUSED)
{
	uint64_t decisions = 0;

	for (uint64_t seed = 1; seed <= RUNS; seed++) {
		struct host *h = calloc(1, sizeof(*h));

		memset(&world, 0, sizeof(world));
		world.seed = world.state = seed;
		host_open(h);
		h->check = check;
		choose_config(h);
		choose_jobs(h);
		for (unsigned i = 0; i < 120; i++) {
			const struct phase p = {10 + dice(dice(4) ? 900 : 6000),
				{dice(2) ? dice(101) : 0, dice(2) ? dice(101) : 0, dice(2) ? dice(101) : 0},
				dice(101)};

			host_play(h, &p, 1);
			meddle(h);
		}
		check_rest(h);
		decisions += world.decisions;
		host_close(h);
		free(h);
	}
	printf("%d traces, %llu decisions\n", RUNS, (unsigned long long)decisions);
	assert_true(decisions > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_any_trace)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
