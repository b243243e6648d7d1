/* The policy against traces: what it does, what it does not, and in which order. */
#include <stdlib.h>
#include <string.h>

#include "host.h"

#define CPU    CG_RESOURCE_CPU
#define MEMORY CG_RESOURCE_MEMORY
#define IO     CG_RESOURCE_IO
#define PLAY(h, ...)                                                                                         \
	do {                                                                                                 \
		const struct phase played_[] = {__VA_ARGS__};                                                \
		host_play((h), played_, CG_ARRAY_SIZE(played_));                                             \
	} while (0)

static int setup(void **state)
{
	struct host *h = calloc(1, sizeof(*h));

	host_open(h);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	host_close(*state);
	free(*state);
	return 0;
}

/* What the reader of `job why` gets is checked with a regression in mind: every decision has a sentence. */
static void check_sentence(struct host *h CG_UNUSED, const struct cg_decision *d)
{
	struct cg_text t = {0};

	cg_decision_text(d, &t);
	assert_false(t.failed);
	assert_true(t.len > 10);
	assert_null(strchr(t.data, '\n'));
	cg_text_free(&t);
}

static void test_idle_never_wakes(void **state)
{
	struct host *h = *state;

	host_add(h, "a", 50, 100);
	PLAY(h, {60000, {0}, 30});
	assert_int_equal(h->runs, 0);
	/* A moment of stalls, and it sleeps again. */
	PLAY(h, {300, {[MEMORY] = 20}, 95}, {20000, {0}, 40});
	h->runs = 0;
	PLAY(h, {60000, {[MEMORY] = 3, [CPU] = 10, [IO] = 20}, 60});
	assert_int_equal(h->runs, 0);
	assert_int_equal(h->next, CG_POLICY_NEVER);
}

static void test_sudden_hog(void **state)
{
	struct host *h = *state;

	h->check = check_sentence;
	host_add(h, "dear", 90, 400);
	host_add(h, "low", 10, 300);
	host_add(h, "mid", 50, 500);
	PLAY(h, {5000, {0}, 60}, {560, {[MEMORY] = 95}, 97});
	assert_null(host_job(h, "low"));
	assert_non_null(host_job(h, "dear"));
	assert_non_null(host_job(h, "mid"));
	assert_int_equal(host_count(h, CG_ACT_KILL), 1);
	assert_int_equal(host_count(h, CG_ACT_GONE), 1);
	/* One window after the first stall, no more. */
	for (size_t i = 0; i < h->lines; i++)
		if (h->line[i].d.act == CG_ACT_KILL)
			assert_in_range(h->line[i].ms, 5000, 5500);
}

/* facts: jobs that read much more than fits have stalls of their own, and memory that can be taken back. */
static void test_cache_heavy(void **state)
{
	struct host *h = *state;

	host_add(h, "reader", 10, 600);
	host_add(h, "other", 90, 100);
	PLAY(h, {120000, {[MEMORY] = 35, [IO] = 40}, 45});
	assert_told(h, "");
	assert_true(host_refused(h, CG_STEP_FREEZE, CG_WHY_USAGE));
	/* The reason is told at most once a minute, of each step. */
	assert_in_range(host_count(h, CG_ACT_NONE), 1, 8);
	assert_int_equal(h->looks, 0); /* nor is a job looked at */
}

/* A job that meets its own limit stalls without end; the host is well. */
static void test_own_limit(void **state)
{
	struct host *h = *state;
	size_t i = host_add(h, "tight", 10, 64);

	h->job[i].memory_max = 64 << 20;
	host_add(h, "other", 50, 200);
	PLAY(h, {60000, {[MEMORY] = 100}, 30});
	assert_told(h, "");
	assert_true(host_refused(h, CG_STEP_KILL, CG_WHY_USAGE));
}

static void test_ladder_up_and_down(void **state)
{
	struct host *h = *state;

	h->check = check_sentence;
	host_add(h, "low", 10, 300);
	host_add(h, "dear", 90, 300);
	/* Enough for the brake and not for more; then for a freeze; then calm. */
	PLAY(h, {2000, {[MEMORY] = 20}, 85});
	assert_told(h, "close, brake low");
	PLAY(h, {900, {[MEMORY] = 34}, 85});
	assert_told(h, "close, brake low, unbrake low, freeze low, brake dear");
	PLAY(h, {10000, {0}, 50});
	assert_told(h, "close, brake low, unbrake low, freeze low, brake dear, thaw low, unbrake dear, open");
	assert_true(cg_policy_open(h->policy, NULL));
}

static void test_square_wave(void **state)
{
	struct host *h = *state;

	host_add(h, "low", 10, 300);
	host_add(h, "dear", 90, 300);
	/* On and off every half second for a minute: the brake is put once and held. */
	for (int i = 0; i < 60; i++)
		PLAY(h, {500, {[MEMORY] = 20}, 85}, {500, {0}, 82});
	assert_in_range(host_count(h, CG_ACT_BRAKE), 1, 6);
	/* Only the brake's own timer may end it within. */
	for (size_t i = 0; i < h->lines; i++)
		assert_true(h->line[i].d.act != CG_ACT_UNBRAKE || h->line[i].d.why == CG_WHY_TIMER);
	assert_int_equal(host_count(h, CG_ACT_CLOSE), 1);
	assert_int_equal(host_count(h, CG_ACT_OPEN), 0);
	assert_int_equal(host_count(h, CG_ACT_KILL), 0);
}

/* No step outlives its timer, even if pressure never ends; after it the job rests. */
static void test_timers(void **state)
{
	struct host *h = *state;
	uint64_t braked = 0, released = 0, again = 0;

	host_set(h, "memory", "steps", "brake");
	host_set(h, "brake", "max", "5s");
	host_set(h, "brake", "rest", "3s");
	host_add(h, "low", 10, 300);
	PLAY(h, {20000, {[MEMORY] = 50}, 85});
	for (size_t i = 0; i < h->lines; i++) {
		if (h->line[i].d.act == CG_ACT_BRAKE && !braked)
			braked = h->line[i].ms;
		else if (h->line[i].d.act == CG_ACT_UNBRAKE && !released)
			released = h->line[i].ms;
		else if (h->line[i].d.act == CG_ACT_BRAKE && !again)
			again = h->line[i].ms;
	}
	assert_in_range(released - braked, 5000, 5100);
	assert_in_range(again - released, 3000, 3200);
}

static void test_admission_timer(void **state)
{
	struct host *h = *state;
	struct cg_decision why;

	host_set(h, "memory", "steps", "admission");
	host_set(h, "admission", "max", "4s");
	host_set(h, "admission", "rest", "2s");
	host_add(h, "a", 10, 300);
	PLAY(h, {3000, {[MEMORY] = 50}, 85});
	assert_false(cg_policy_open(h->policy, &why));
	assert_int_equal(why.act, CG_ACT_CLOSE);
	assert_int_equal(why.resource, MEMORY);
	PLAY(h, {2500, {[MEMORY] = 50}, 85});
	assert_true(cg_policy_open(h->policy, NULL));
	PLAY(h, {2000, {[MEMORY] = 50}, 85});
	assert_false(cg_policy_open(h->policy, NULL));
}

struct choice {
	const char *name;
	struct {
		const char *id;
		unsigned priority, memory;
		bool unkillable;
		uint8_t frozen_by;
	} job[4];
	const char *want; /* NULL: nobody */
};

static const struct choice choices[] = {
	{"the lowest priority", {{"a", 50, 500}, {"b", 10, 300}, {"c", 20, 900}}, "b"},
	{"of equals the largest", {{"a", 50, 300}, {"b", 50, 500}, {"c", 50, 400}}, "b"},
	{"never an unkillable one", {{"a", 10, 500, true}, {"b", 90, 300}}, "b"},
	{"never a small one, though its priority is lowest", {{"a", 1, 10}, {"b", 60, 300}, {"c", 80, 700}},
		"b"},
	{"a small share is small", {{"a", 1, 20}, {"b", 90, 3000}}, "b"},
	{"nobody, if all are small or unkillable", {{"a", 1, 10}, {"b", 90, 3000, true}}, NULL},
	{"frozen by a client, it still holds its memory",
		{{"a", 1, 500, false, CG_FROZEN_BY_CLIENT}, {"b", 50, 400}}, "a"},
};

static void test_choices(void **state CG_UNUSED)
{
	for (size_t i = 0; i < CG_ARRAY_SIZE(choices); i++) {
		const struct choice *c = &choices[i];
		struct host h;

		host_open(&h);
		host_set(&h, "memory", "steps", "kill");
		for (size_t k = 0; k < CG_ARRAY_SIZE(c->job) && c->job[k].id; k++) {
			struct cg_job_view *j =
				&h.job[host_add(&h, c->job[k].id, c->job[k].priority, c->job[k].memory)];

			j->unkillable = c->job[k].unkillable;
			j->frozen_by = c->job[k].frozen_by;
			j->state = j->frozen_by ? CG_JOB_FROZEN : CG_JOB_RUNNING;
		}
		PLAY(&h, {600, {[MEMORY] = 90}, 96});
		if (c->want ? host_count(&h, CG_ACT_KILL) != 1 || host_job(&h, c->want)
			    : host_count(&h, CG_ACT_KILL) != 0 ||
					!host_refused(&h, CG_STEP_KILL, CG_WHY_NOBODY))
			fail_msg("%s", c->name);
		host_close(&h);
	}
}

/* Fault of a predecessor: the frozen victim stayed the first choice for ever, and nothing else happened. */
static void test_frozen_shields_nobody(void **state)
{
	struct host *h = *state;

	host_set(h, "memory", "steps", "freeze");
	host_add(h, "first", 10, 300);
	host_add(h, "second", 20, 300);
	host_add(h, "third", 30, 300);
	PLAY(h, {4000, {[MEMORY] = 90}, 96});
	assert_told(h, "freeze first, freeze second, freeze third");
	assert_true(host_refused(h, CG_STEP_FREEZE, CG_WHY_NOBODY));
}

/* Thawed for calm, it stalls again at once: it is not frozen again and again, but goes a step higher. */
static void test_relapse(void **state)
{
	struct host *h = *state;

	host_set(h, "memory", "steps", "freeze kill");
	host_add(h, "hog", 10, 300);
	for (int i = 0; i < 2; i++)
		PLAY(h, {700, {[MEMORY] = 35}, 95}, {3000, {0}, 50});
	assert_told(h, "freeze hog, thaw hog");
	assert_true(host_refused(h, CG_STEP_FREEZE, CG_WHY_NOBODY));
	PLAY(h, {600, {[MEMORY] = 90}, 95});
	assert_told(h, "freeze hog, thaw hog, kill hog, gone hog");
}

static void test_frozen_can_be_killed(void **state)
{
	struct host *h = *state;

	host_add(h, "low", 10, 300);
	host_add(h, "mid", 50, 300);
	PLAY(h, {1500, {[MEMORY] = 34}, 88}, {500, {[MEMORY] = 90}, 97});
	assert_null(host_job(h, "low"));
	assert_non_null(host_job(h, "mid"));
}

/* Fault of a predecessor: the next tick undid a client's freeze. */
static void test_client_frozen_stays(void **state)
{
	struct host *h = *state;
	struct cg_job_view *j = &h->job[host_add(h, "held", 10, 300)];

	host_set(h, "memory", "steps", "brake freeze");
	j->frozen_by = CG_FROZEN_BY_CLIENT;
	j->state = CG_JOB_FROZEN;
	host_add(h, "other", 20, 300);
	PLAY(h, {2000, {[MEMORY] = 50}, 85}, {20000, {0}, 40});
	for (size_t i = 0; i < h->lines; i++)
		assert_string_not_equal(h->line[i].d.id, "held");
	assert_int_equal(j->frozen_by, CG_FROZEN_BY_CLIENT);
	assert_int_equal(host_count(h, CG_ACT_FREEZE), host_count(h, CG_ACT_THAW));
}

/* A client that thaws what we froze has decided; we do not freeze it again at once. */
static void test_client_thaws(void **state)
{
	struct host *h = *state;
	struct cg_job_view *j = &h->job[host_add(h, "a", 10, 300)];

	host_set(h, "memory", "steps", "freeze");
	PLAY(h, {1500, {[MEMORY] = 50}, 85});
	assert_told(h, "freeze a");
	j->frozen_by = 0;
	j->state = CG_JOB_RUNNING;
	PLAY(h, {3000, {[MEMORY] = 50}, 85});
	assert_told(h, "freeze a, release a");
	assert_true(host_refused(h, CG_STEP_FREEZE, CG_WHY_NOBODY));
}

/* Faults of others: several kills in a second; a kill that is not finished taken for one that failed. */
static void test_one_kill_at_a_time(void **state)
{
	struct host *h = *state;

	host_set(h, "memory", "steps", "kill");
	h->die_ms = 3000;
	for (unsigned i = 0; i < 4; i++) {
		static const char *const ids[] = {"a", "b", "c", "d"};

		host_add(h, ids[i], 10 + i, 300);
	}
	PLAY(h, {3300, {[MEMORY] = 95}, 98});
	assert_told(h, "kill a, gone a");
	assert_true(host_refused(h, CG_STEP_KILL, CG_WHY_KILLING));
	/* It goes on, so the next goes too; stalls from before do not count. */
	PLAY(h, {700, {[MEMORY] = 95}, 98});
	assert_told(h, "kill a, gone a, kill b");
}

static void test_stuck_kill(void **state)
{
	struct host *h = *state;

	host_set(h, "memory", "steps", "kill");
	host_set(h, "kill", "wait", "2s");
	h->immortal = true;
	host_add(h, "a", 10, 300);
	PLAY(h, {2500, {[MEMORY] = 95}, 98});
	assert_told(h, "kill a, stuck a");
	h->dying = 0;
	host_add(h, "b", 20, 300);
	PLAY(h, {1500, {[MEMORY] = 95}, 98});
	assert_told(h, "kill a, stuck a, kill b");
	/* The end of the one that was given up is not that of the one of now. */
	cg_policy_gone(h->policy, 100);
	host_add(h, "c", 30, 300);
	PLAY(h, {500, {[MEMORY] = 95}, 98});
	assert_told(h, "kill a, stuck a, kill b");
}

static void test_failed_step(void **state)
{
	struct host *h = *state;
	struct cg_decision d;

	host_set(h, "memory", "steps", "freeze");
	host_add(h, "a", 10, 300);
	PLAY(h, {600, {[MEMORY] = 50}, 85});
	assert_told(h, "freeze a");
	d = h->line[0].d;
	for (size_t i = 0; d.act != CG_ACT_FREEZE; i++)
		d = h->line[i].d;
	cg_policy_failed(h->policy, &h->config, &d, h->now);
	h->job[0].frozen_by = 0;
	h->job[0].state = CG_JOB_RUNNING;
	PLAY(h, {5000, {[MEMORY] = 50}, 85}, {10000, {0}, 30});
	assert_told(h, "freeze a");
}

static void test_demotion(void **state)
{
	struct host *h = *state;

	h->cpu_rate[host_add(h, "low", 10, 10)] = 1000000;
	h->cpu_rate[host_add(h, "dear", 90, 10)] = 900000;
	PLAY(h, {5000, {[CPU] = 70}, 20});
	assert_told(h, "demote low");
	PLAY(h, {10000, {0}, 20});
	assert_told(h, "demote low, promote low");
}

static void test_demotion_of_all(void **state)
{
	struct host *h = *state;

	h->cpu_rate[host_add(h, "a", 50, 10)] = 1000000;
	h->cpu_rate[host_add(h, "b", 40, 10)] = 900000;
	PLAY(h, {10000, {[CPU] = 70}, 20});
	assert_told(h, "");
	assert_true(host_refused(h, CG_STEP_DEMOTE, CG_WHY_ALONE));
}

/* A job under cpu.max waits for its quota while processors are free. */
static void test_quota_is_no_pressure(void **state)
{
	struct host *h = *state;

	h->cpu_rate[host_add(h, "low", 10, 10)] = 100000;
	h->cpu_rate[host_add(h, "dear", 90, 10)] = 100000;
	PLAY(h, {20000, {[CPU] = 90}, 20});
	assert_told(h, "");
	assert_true(host_refused(h, CG_STEP_DEMOTE, CG_WHY_USAGE));
}

static void test_io_takes_who_reads_most(void **state)
{
	struct host *h = *state;

	host_set(h, "io", "steps", "freeze");
	h->io_rate[host_add(h, "quiet", 10, 500)] = 1000;
	h->io_rate[host_add(h, "reader", 10, 50)] = 50 << 20;
	h->io_rate[host_add(h, "other", 10, 50)] = 15 << 20;
	PLAY(h, {1300, {[IO] = 95}, 20});
	assert_told(h, "freeze reader");
}

static void test_dry_run(void **state)
{
	struct host *h = *state;

	host_set(h, "pressure", "dry-run", "yes");
	host_add(h, "low", 10, 300);
	host_add(h, "dear", 90, 300);
	PLAY(h, {5000, {[MEMORY] = 95}, 98});
	assert_non_null(host_job(h, "low"));
	assert_non_null(host_job(h, "dear"));
	assert_int_equal(host_job(h, "low")->frozen_by, 0);
	assert_true(host_count(h, CG_ACT_KILL) >= 1);
	assert_true(cg_policy_open(h->policy, NULL));
	for (size_t i = 0; i < h->lines; i++)
		assert_true(h->line[i].d.dry_run);
	/* What would be killed is told once in a while, not at each look. */
	assert_in_range(host_count(h, CG_ACT_KILL), 1, 2);
}

/* Stalls of long ago, which nobody looked at, are not taken for a burst now. */
static void test_level_is_not_overstated(void **state)
{
	struct host *h = *state;

	host_add(h, "low", 10, 300);
	PLAY(h, {600, {[MEMORY] = 12}, 85}, {20000, {0}, 50});
	h->lines = 0;
	/* 4% for a minute is 2.4 s of stalls in all. */
	PLAY(h, {60000, {[MEMORY] = 4}, 96}, {1010, {[MEMORY] = 11}, 96});
	assert_told(h, "close");
	assert_true(cg_policy_level(h->policy, MEMORY) <= 11);
}

static void test_ended_while_held(void **state)
{
	struct host *h = *state;

	host_set(h, "memory", "steps", "brake");
	host_add(h, "a", 10, 300);
	PLAY(h, {1000, {[MEMORY] = 50}, 85});
	assert_told(h, "brake a");
	h->job[0].state = CG_JOB_EXITED;
	PLAY(h, {1000, {[MEMORY] = 50}, 85});
	assert_told(h, "brake a, release a");
	/* Its handle is given to another job: nothing of the old one sticks to it. */
	h->job[0].id = "b";
	h->job[0].state = CG_JOB_RUNNING;
	PLAY(h, {1000, {[MEMORY] = 50}, 85});
	assert_told(h, "brake a, release a, brake b");
}

static void test_brake_value(void **state)
{
	struct host *h = *state;
	struct cg_job_view *j;

	host_set(h, "memory", "steps", "brake");
	host_set(h, "brake", "cut", "10%");
	j = &h->job[host_add(h, "a", 10, 300)];
	/* Its own memory.high is lower than what the brake would give it: it has its brake already. */
	host_add(h, "b", 10, 300);
	h->job[1].memory_high = 200 << 20;
	PLAY(h, {600, {[MEMORY] = 50}, 85});
	assert_told(h, "brake a");
	assert_int_equal(
		h->line[0].d.value, j->usage.value[CG_USE_MEMORY] - j->usage.value[CG_USE_MEMORY] / 100 * 10);
	assert_int_equal(
		cg_policy_high(&h->config, 100 << 20), (uint64_t)(100 << 20) - (100 << 20) / 100 * 5);
	assert_int_equal(cg_policy_high(&h->config, UINT64_MAX), UINT64_MAX);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {T(test_idle_never_wakes), T(test_sudden_hog), T(test_cache_heavy),
		T(test_own_limit), T(test_ladder_up_and_down), T(test_square_wave), T(test_timers),
		T(test_admission_timer), T(test_choices), T(test_frozen_shields_nobody), T(test_relapse),
		T(test_frozen_can_be_killed), T(test_client_frozen_stays), T(test_client_thaws),
		T(test_one_kill_at_a_time), T(test_stuck_kill), T(test_failed_step), T(test_demotion),
		T(test_demotion_of_all), T(test_quota_is_no_pressure), T(test_io_takes_who_reads_most),
		T(test_dry_run), T(test_level_is_not_overstated), T(test_ended_while_held),
		T(test_brake_value)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
