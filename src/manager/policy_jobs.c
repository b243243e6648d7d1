/* The policy's records of jobs follow the jobs of each sample. */
#include <stdlib.h>
#include <string.h>

#include "manager/policy_private.h"

#define RATES_KEEP                                                                                           \
	12000000 /* us: use that was seen longer ago says nothing of the present (the window is 10 s at      \
		    most) */

static int compare_records(const void *a, const void *b)
{
	uint32_t x = ((const struct cg_record *)a)->handle, y = ((const struct cg_record *)b)->handle;

	return x < y ? -1 : x > y;
}

struct cg_record *cg_policy_record(struct cg_policy *p, uint32_t handle)
{
	struct cg_record key = {.handle = handle};

	return p->records ? bsearch(&key, p->record, p->records, sizeof(key), compare_records) : NULL;
}

static uint64_t a_second(uint64_t now, uint64_t before, uint64_t us)
{
	return now > before ? (uint64_t)((unsigned __int128)(now - before) * 1000000 / us) : 0;
}

static void rate(struct cg_record *r, const struct cg_job_view *v, uint64_t now)
{
	r->rate[CG_RESOURCE_MEMORY] = v->usage.value[CG_USE_MEMORY];
	r->rate[CG_RESOURCE_CPU] = r->rate[CG_RESOURCE_IO] = 0;
	r->rated = false;
	if (r->time && now > r->time && now - r->time <= RATES_KEEP) {
		r->rate[CG_RESOURCE_CPU] = a_second(v->usage.value[CG_USE_CPU], r->cpu_us, now - r->time);
		r->rate[CG_RESOURCE_IO] = a_second(v->usage.value[CG_USE_IO], r->io_bytes, now - r->time);
		r->rated = true;
	}
	r->time = now;
	r->cpu_us = v->usage.value[CG_USE_CPU];
	r->io_bytes = v->usage.value[CG_USE_IO];
}

/* What was done to a job that a client, or its end, has undone. */
static void follow(struct cg_turn *t, struct cg_record *r, const struct cg_job_view *v)
{
	struct cg_held *freeze = &r->held[CG_STEP_FREEZE];

	if (!freeze->on || freeze->dry_run)
		return;
	if (v->frozen_by & CG_FROZEN_BY_PRESSURE) {
		freeze->seen = true;
	} else if (freeze->seen) {
		freeze->on = false;
		freeze->rest_until = t->s->now + t->c->step[CG_STEP_FREEZE].rest;
		(void)cg_turn_add(t, CG_ACT_RELEASE, CG_WHY_CLIENT, CG_STEP_FREEZE, freeze->resource, r);
	}
}

static void forget(struct cg_turn *t, const struct cg_record *r)
{
	struct cg_policy *p = t->p;

	if (p->killing && p->victim == r->handle)
		p->gone = true;
	for (int s = 0; s < CG_STEPS; s++)
		if (r->held[s].on && !r->held[s].dry_run)
			(void)cg_turn_add(t, CG_ACT_RELEASE, CG_WHY_ENDED, s, r->held[s].resource, r);
}

static bool have_room(struct cg_policy *p, size_t count)
{
	struct cg_record *grown;

	if (p->spare_room >= count)
		return true;
	grown = reallocarray(p->spare, count, sizeof(*grown));
	if (!grown)
		return false;
	p->spare = grown;
	p->spare_room = count;
	return true;
}

static void sum_up(struct cg_turn *t)
{
	struct cg_policy *p = t->p;

	p->rated = false;
	for (int r = 0; r < CG_RESOURCES; r++) {
		p->total[r] = 0;
		for (size_t i = 0; i < p->records; i++)
			p->total[r] += p->record[i].rate[r];
	}
	for (size_t i = 0; i < p->records; i++)
		p->rated = p->rated || p->record[i].rated;
}

/* The records of this run take the place of those before; who is not among them any more is forgotten. */
static void exchange(struct cg_turn *t, size_t live)
{
	struct cg_policy *p = t->p;
	struct cg_record *before = p->record;
	size_t count = p->records, room = p->room;

	qsort(p->spare, live, sizeof(*p->spare), compare_records);
	p->record = p->spare;
	p->records = live;
	p->room = p->spare_room;
	p->spare = before;
	p->spare_room = room;
	for (size_t i = 0; i < count; i++) {
		struct cg_record *same = cg_policy_record(p, before[i].handle);

		if (!same || strcmp(same->id, before[i].id) != 0)
			forget(t, &before[i]);
	}
}

bool cg_turn_jobs(struct cg_turn *t)
{
	struct cg_policy *p = t->p;
	size_t live = 0;

	if (!have_room(p, t->s->jobs + 1))
		return false;
	for (size_t i = 0; i < t->s->jobs; i++) {
		const struct cg_job_view *v = &t->s->job[i];
		struct cg_record *old = cg_policy_record(p, v->handle), *r;

		if (!cg_job_state_is_live(v->state))
			continue;
		r = &p->spare[live++];
		*r = old && strcmp(old->id, v->id) == 0 ? *old : (struct cg_record){.handle = v->handle};
		memcpy(r->id, v->id, strnlen(v->id, CG_JOB_NAME_MAX));
		r->priority = v->priority;
		rate(r, v, t->s->now);
		follow(t, r, v);
	}
	exchange(t, live);
	sum_up(t);
	return true;
}
