#include "host.h"

#include <stdlib.h>
#include <string.h>

#define TICK 10000 /* us */

void host_open(struct host *h)
{
	struct cg_error *err = NULL;

	memset(h, 0, sizeof(*h));
	assert_int_equal(cg_config_default(&h->config, &err), 0);
	host_set(h, "memory", "steps", "admission brake freeze kill");
	host_set(h, "memory", "kill-enter", "40%");
	h->policy = cg_policy_new();
	assert_non_null(h->policy);
	h->now = h->seen_at = 100000000;
	h->next = CG_POLICY_NEVER;
	h->cpus = 2;
	h->die_ms = 10;
}

void host_close(struct host *h)
{
	cg_policy_free(h->policy);
	cg_config_free(&h->config);
}

void host_set(struct host *h, const char *section, const char *name, const char *value)
{
	const struct cg_config_row *row = cg_config_find(section, name);
	struct cg_error *err = NULL;

	assert_non_null(row);
	assert_int_equal(cg_config_set(&h->config, row, value, &err), 0);
}

size_t host_add(struct host *h, const char *id, unsigned priority, unsigned memory)
{
	struct cg_job_view *j = &h->job[h->jobs];

	assert_true(h->jobs < HOST_JOBS);
	*j = (struct cg_job_view){.id = id,
		.handle = 100 + (uint32_t)h->jobs,
		.priority = (uint8_t)priority,
		.class = priority < 34   ? CG_CLASS_LOW
			 : priority < 67 ? CG_CLASS_NORMAL
					 : CG_CLASS_HIGH,
		.state = CG_JOB_RUNNING,
		.memory_max = UINT64_MAX,
		.memory_high = UINT64_MAX,
		.cpu_weight = UINT64_MAX};
	j->usage.value[CG_USE_MEMORY] = (uint64_t)memory << 20;
	return h->jobs++;
}

struct cg_job_view *host_job(struct host *h, const char *id)
{
	for (size_t i = 0; i < h->jobs; i++)
		if (strcmp(h->job[i].id, id) == 0 && cg_job_state_is_live(h->job[i].state))
			return &h->job[i];
	return NULL;
}

static struct cg_job_view *by_handle(struct host *h, uint32_t handle)
{
	for (size_t i = 0; i < h->jobs; i++)
		if (h->job[i].handle == handle)
			return &h->job[i];
	return NULL;
}

static void freeze(struct cg_job_view *j, bool frozen)
{
	if (frozen)
		j->frozen_by |= CG_FROZEN_BY_PRESSURE;
	else
		j->frozen_by &= (uint8_t)~CG_FROZEN_BY_PRESSURE;
	j->state = j->frozen_by ? CG_JOB_FROZEN : CG_JOB_RUNNING;
}

static void carry_out(struct host *h, const struct cg_decision *d)
{
	struct cg_job_view *j = by_handle(h, d->handle);

	if (d->dry_run || !j)
		return;
	if (d->act == CG_ACT_FREEZE || d->act == CG_ACT_THAW)
		freeze(j, d->act == CG_ACT_FREEZE);
	if (d->act == CG_ACT_KILL) {
		assert_int_equal(h->dying, 0); /* one at a time */
		h->dying = j->handle + 1;
		h->dying_since = h->now;
	}
}

static void run(struct host *h, const unsigned *fired)
{
	struct cg_policy_sample s = {
		.now = h->now, .known = 7, .memory_used = h->used, .memory_total = 100, .cpus = h->cpus};
	struct cg_decisions out;

	for (int r = 0; r < CG_RESOURCES; r++) {
		s.stall[r] = h->total[r];
		s.fired[r] = fired ? fired[r] : 0;
	}
	if (cg_policy_needs_jobs(h->policy, &h->config, &s)) {
		s.job = h->job;
		s.jobs = h->jobs;
		h->looks++;
	}
	h->runs++;
	assert_int_equal(cg_policy_run(h->policy, &h->config, &s, &out), 0);
	assert_true(out.next > h->now);
	h->next = out.next;
	for (size_t i = 0; i < out.count; i++) {
		assert_true(h->lines < HOST_LINES);
		h->line[h->lines].ms = (h->now - 100000000) / 1000;
		h->line[h->lines++].d = out.item[i];
		if (h->check)
			h->check(h, &out.item[i]);
		carry_out(h, &out.item[i]);
	}
}

/* The kernel's triggers, armed at the lowest threshold: at most one a window. */
static bool triggers(struct host *h, unsigned *fired)
{
	bool any = false;

	for (int r = 0; r < CG_RESOURCES; r++) {
		const struct cg_resource_config *m = &h->config.resource[r];
		uint64_t lowest = 101;

		for (int s = 0; s < CG_STEPS; s++)
			if ((m->steps & (1U << s)) && m->enter[s] < lowest)
				lowest = m->enter[s];
		fired[r] = 0;
		if (lowest <= 100 && (h->total[r] - h->seen[r]) * 100 >= h->config.window * lowest) {
			fired[r] = (unsigned)lowest;
			any = true;
		}
	}
	if (any || h->now - h->seen_at >= h->config.window) {
		memcpy(h->seen, h->total, sizeof(h->seen));
		h->seen_at = h->now;
	}
	return any;
}

static void end_dying(struct host *h)
{
	if (!h->dying || h->immortal || h->now - h->dying_since < (uint64_t)h->die_ms * 1000)
		return;
	by_handle(h, h->dying - 1)->state = CG_JOB_KILLED;
	cg_policy_gone(h->policy, h->dying - 1);
	h->dying = 0;
}

static void tick(struct host *h, const struct phase *p)
{
	unsigned fired[CG_RESOURCES];

	h->now += TICK;
	h->used = p->used;
	for (int r = 0; r < CG_RESOURCES; r++)
		h->total[r] += (uint64_t)TICK * p->stall[r] / 100;
	for (size_t i = 0; i < h->jobs; i++) {
		if (h->job[i].state != CG_JOB_RUNNING)
			continue;
		h->job[i].usage.value[CG_USE_CPU] += h->cpu_rate[i] * TICK / 1000000;
		h->job[i].usage.value[CG_USE_IO] += h->io_rate[i] * TICK / 1000000;
	}
	end_dying(h);
	if (triggers(h, fired))
		run(h, fired);
	else if (h->now >= h->next)
		run(h, NULL);
}

void host_play(struct host *h, const struct phase *phase, size_t phases)
{
	for (size_t i = 0; i < phases; i++)
		for (uint64_t us = 0; us < (uint64_t)phase[i].ms * 1000; us += TICK)
			tick(h, &phase[i]);
}

char *host_told(const struct host *h, bool with_none)
{
	struct cg_text t = {0};
	char *told = NULL;

	for (size_t i = 0; i < h->lines; i++) {
		const struct cg_decision *d = &h->line[i].d;

		if (d->act == CG_ACT_NONE && !with_none)
			continue;
		cg_text_printf(
			&t, "%s%s%s%s", t.len ? ", " : "", cg_act_name(d->act), d->id[0] ? " " : "", d->id);
	}
	assert_int_equal(cg_text_take(&t, &told), 0);
	return told;
}

unsigned host_count(const struct host *h, enum cg_act act)
{
	unsigned n = 0;

	for (size_t i = 0; i < h->lines; i++)
		n += h->line[i].d.act == act;
	return n;
}

bool host_refused(const struct host *h, enum cg_step step, enum cg_why why)
{
	for (size_t i = 0; i < h->lines; i++)
		if (h->line[i].d.act == CG_ACT_NONE && h->line[i].d.step == step && h->line[i].d.why == why)
			return true;
	return false;
}
