/* One run of the policy: levels, then what is over, then what is due.
 *
 *   sample --> levels --> rungs (hysteresis) --> timers, calm --> the highest step that can be taken
 */
#include "manager/policy_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct cg_policy *cg_policy_new(void)
{
	return calloc(1, sizeof(struct cg_policy));
}

struct cg_policy *cg_policy_free(struct cg_policy *p)
{
	if (p) {
		free(p->record);
		free(p->spare);
		free(p->out);
		free(p);
	}
	return NULL;
}

struct cg_decision *cg_turn_add(struct cg_turn *t, enum cg_act act, enum cg_why why, enum cg_step step,
	enum cg_resource resource, const struct cg_record *record)
{
	struct cg_policy *p = t->p;
	struct cg_decision *d;

	if (p->outs == p->out_room) {
		size_t room = p->out_room ? p->out_room * 2 : 16;
		struct cg_decision *grown = reallocarray(p->out, room, sizeof(*grown));

		if (!grown) {
			t->failed = true;
			return NULL;
		}
		p->out = grown;
		p->out_room = room;
	}
	d = &p->out[p->outs++];
	*d = (struct cg_decision){.act = act,
		.why = why,
		.step = step,
		.resource = resource,
		.dry_run = t->c->dry_run,
		.level = p->now[resource],
		.usage = cg_turn_usage(t, resource),
		.usage_threshold = cg_turn_usage_wanted(t, resource, step),
		.total = p->total[resource]};
	if (record) {
		d->handle = record->handle;
		memcpy(d->id, record->id, sizeof(d->id));
		d->priority = record->priority;
		d->contribution = record->rate[resource];
	}
	return d;
}

uint64_t cg_turn_usage(const struct cg_turn *t, enum cg_resource resource)
{
	const struct cg_policy_sample *s = t->s;

	if (resource == CG_RESOURCE_IO)
		return t->p->total[CG_RESOURCE_IO];
	if (resource == CG_RESOURCE_CPU)
		return t->p->total[CG_RESOURCE_CPU] / (s->cpus ? s->cpus : 1) / 10000;
	if (s->memory_total == 0)
		return 0;
	return (uint64_t)((unsigned __int128)s->memory_used * 100 / s->memory_total);
}

uint64_t cg_turn_usage_wanted(const struct cg_turn *t, enum cg_resource resource, enum cg_step step)
{
	const struct cg_resource_config *m = &t->c->resource[resource];

	return step == CG_STEP_KILL ? m->kill_usage : m->usage;
}

static unsigned level_of(const struct cg_turn *t, enum cg_resource r)
{
	unsigned level;

	if (!(t->s->known & (1U << r)))
		return 0;
	level = cg_level_at(&t->p->level[r], t->s->now, t->s->stall[r], t->c->window);
	return t->s->fired[r] > level ? t->s->fired[r] : level;
}

static unsigned lowest_enter(const struct cg_resource_config *m)
{
	unsigned lowest = 101;

	for (int s = 0; s < CG_STEPS; s++)
		if (cg_step_allowed(m, s) && m->enter[s] < lowest)
			lowest = (unsigned)m->enter[s];
	return lowest;
}

static bool active(const struct cg_policy *p)
{
	unsigned held[CG_STEPS];

	cg_policy_counts(p, held);
	for (int s = 0; s < CG_STEPS; s++)
		if (held[s] > 0)
			return true;
	return p->killing || p->closed;
}

bool cg_policy_needs_jobs(
	const struct cg_policy *p, const struct cg_config *c, const struct cg_policy_sample *s)
{
	const struct cg_turn t = {(struct cg_policy *)(uintptr_t)p, c, s, false};

	if (active(p))
		return true;
	for (int r = 0; r < CG_RESOURCES; r++) {
		if (level_of(&t, r) < lowest_enter(&c->resource[r]))
			continue;
		if (r != CG_RESOURCE_MEMORY || cg_turn_usage(&t, r) >= c->resource[r].usage)
			return true;
	}
	return false;
}

static void measure(struct cg_turn *t)
{
	for (int r = 0; r < CG_RESOURCES; r++) {
		t->p->now[r] = level_of(t, r);
		if (t->s->known & (1U << r))
			cg_level_add(&t->p->level[r], t->s->now, t->s->stall[r], t->c->window);
	}
}

/* What stalled before the end of the victim is not held against the next one. */
static void start_over(struct cg_turn *t, enum cg_resource r)
{
	t->p->level[r].count = 0;
	t->p->now[r] = 0;
	if (t->s->known & (1U << r))
		cg_level_add(&t->p->level[r], t->s->now, t->s->stall[r], t->c->window);
}

static struct cg_decision *about_victim(struct cg_turn *t, enum cg_act act, enum cg_why why)
{
	struct cg_policy *p = t->p;
	struct cg_decision *d = cg_turn_add(t, act, why, CG_STEP_KILL, p->victim_resource, NULL);

	if (d) {
		d->handle = p->victim;
		memcpy(d->id, p->victim_id, sizeof(d->id));
		d->value = t->s->now - p->killed_at;
		d->dry_run = p->victim_dry_run;
	}
	return d;
}

static void follow_kill(struct cg_turn *t)
{
	struct cg_policy *p = t->p;
	struct cg_record *record = cg_policy_record(p, p->victim);

	if (!p->killing)
		return;
	if (p->victim_dry_run) {
		p->gone = t->s->now >= p->killed_at + t->c->window;
		if (p->gone)
			p->killing = false;
	} else if (p->gone) {
		(void)about_victim(t, CG_ACT_GONE, CG_WHY_ENDED);
		p->killing = false;
	} else if (t->s->now >= p->killed_at + t->c->kill_wait) {
		(void)about_victim(t, CG_ACT_STUCK, CG_WHY_TIMER);
		if (record)
			record->held[CG_STEP_KILL].rest_until = UINT64_MAX;
		p->killing = false;
	}
	if (!p->killing) {
		p->kill_over = t->s->now;
		start_over(t, p->victim_resource);
	}
}

/* Hysteresis of one step. A kill is not held: it is wanted at this instant or not. */
static void turn_rung(struct cg_turn *t, enum cg_resource r, enum cg_step s)
{
	const struct cg_resource_config *m = &t->c->resource[r];
	struct cg_rung *rung = &t->p->rung[r][s];
	uint64_t usage = cg_turn_usage(t, r), wanted = cg_turn_usage_wanted(t, r, s);
	bool reached = t->p->now[r] >= m->enter[s] && usage >= wanted;

	if (!cg_step_allowed(m, s) || (s == CG_STEP_KILL && !reached)) {
		rung->on = false;
		return;
	}
	if (!rung->on) {
		if (reached) {
			rung->on = true;
			rung->since = t->s->now;
			rung->below = 0;
		}
		return;
	}
	/* Nine tenths of the use that was asked for: else a brake would switch itself off. */
	if (s == CG_STEP_KILL || (t->p->now[r] >= m->leave[s] && usage >= wanted - wanted / 10)) {
		rung->below = 0;
		return;
	}
	if (!rung->below)
		rung->below = t->s->now;
	if (t->s->now - rung->below >= t->c->calm && t->s->now - rung->since >= t->c->step[s].dwell)
		rung->on = false;
}

/* Says why a step is not taken, but not again and again. */
static void tell(
	struct cg_turn *t, enum cg_resource r, enum cg_step s, enum cg_why why, const unsigned *passed)
{
	struct cg_rung *rung = &t->p->rung[r][s];
	struct cg_decision *d;

	if (rung->told && rung->why == why && t->s->now - rung->told < t->c->repeat)
		return;
	d = cg_turn_add(t, CG_ACT_NONE, why, s, r, NULL);
	if (!d)
		return;
	d->threshold = (unsigned)t->c->resource[r].enter[s];
	if (passed)
		memcpy(d->passed, passed, sizeof(d->passed));
	rung->why = why;
	rung->told = t->s->now;
}

static void close_admission(struct cg_turn *t, enum cg_resource r)
{
	struct cg_policy *p = t->p;
	struct cg_decision *d;

	if (p->closed || t->s->now < p->open_until)
		return;
	d = cg_turn_add(t, CG_ACT_CLOSE, CG_WHY_PRESSURE, CG_STEP_ADMISSION, r, NULL);
	if (!d)
		return;
	d->threshold = (unsigned)t->c->resource[r].enter[CG_STEP_ADMISSION];
	p->closing = *d;
	p->closed = true;
	p->closed_at = t->s->now;
}

static bool dwells(const struct cg_turn *t, enum cg_resource r, enum cg_step s)
{
	const struct cg_policy *p = t->p;
	uint64_t last = s == CG_STEP_KILL ? p->kill_over : p->rung[r][s].last;

	return last && t->s->now - last < t->c->step[s].dwell;
}

/* Tries one step; true when it was taken, or when those below must wait for it. */
static bool try_step(struct cg_turn *t, enum cg_resource r, enum cg_step s)
{
	static bool (*const take[CG_STEPS])(struct cg_turn *, enum cg_resource, enum cg_why *, unsigned *) = {
		[CG_STEP_BRAKE] = cg_turn_brake,
		[CG_STEP_DEMOTE] = cg_turn_demote,
		[CG_STEP_FREEZE] = cg_turn_freeze,
		[CG_STEP_KILL] = cg_turn_kill};
	unsigned passed[CG_PASSES] = {0};
	enum cg_why why;

	if (s == CG_STEP_KILL && t->p->killing) {
		tell(t, r, s, CG_WHY_KILLING, NULL);
		return true;
	}
	if (dwells(t, r, s)) {
		tell(t, r, s, CG_WHY_DWELL, NULL);
		return false;
	}
	if (take[s](t, r, &why, passed)) {
		t->p->rung[r][s].last = t->s->now;
		return true;
	}
	tell(t, r, s, why, passed);
	return false;
}

/* Pressure is there, use is not: that has to be said too. */
static void tell_usage(struct cg_turn *t, enum cg_resource r)
{
	const struct cg_resource_config *m = &t->c->resource[r];

	for (int s = CG_STEPS - 1; s >= 0; s--) {
		if (!cg_step_allowed(m, s) || t->p->now[r] < m->enter[s])
			continue;
		if (!t->p->rung[r][s].on)
			tell(t, r, s,
				r != CG_RESOURCE_MEMORY && !t->p->rated ? CG_WHY_MEASURING : CG_WHY_USAGE,
				NULL);
		return;
	}
}

/* Between leave and enter a step holds what it has and takes no more. */
static bool is_due(const struct cg_turn *t, enum cg_resource r, enum cg_step s)
{
	return t->p->rung[r][s].on && t->p->now[r] >= t->c->resource[r].enter[s] &&
	       cg_turn_usage(t, r) >= cg_turn_usage_wanted(t, r, s);
}

static void climb(struct cg_turn *t, enum cg_resource r)
{
	for (int s = CG_STEPS - 1; s > CG_STEP_ADMISSION; s--)
		if (is_due(t, r, s) && try_step(t, r, s))
			break;
	if (t->p->rung[r][CG_STEP_ADMISSION].on)
		close_admission(t, r);
	tell_usage(t, r);
}

static uint64_t next_run(const struct cg_turn *t)
{
	const struct cg_policy *p = t->p;
	bool soon = p->killing, later = active(p);
	uint64_t timer = cg_turn_next_timer(t), next;

	for (int r = 0; r < CG_RESOURCES; r++) {
		bool pressed = p->now[r] >= lowest_enter(&t->c->resource[r]);

		for (int s = 0; s < CG_STEPS; s++)
			pressed = pressed || p->rung[r][s].on;
		/* Memory runs out in a moment; busy processors and disks are everyday. */
		soon = soon || (pressed && r == CG_RESOURCE_MEMORY);
		later = later || pressed;
	}
	if (!soon && !later)
		return CG_POLICY_NEVER;
	next = t->s->now + (soon ? t->c->interval : t->c->window);
	return timer < next ? timer : next;
}

int cg_policy_run(struct cg_policy *p, const struct cg_config *c, const struct cg_policy_sample *s,
	struct cg_decisions *ret)
{
	/* Memory is the most urgent, and what relieves it relieves the disks. */
	static const enum cg_resource order[] = {CG_RESOURCE_MEMORY, CG_RESOURCE_IO, CG_RESOURCE_CPU};
	struct cg_turn t = {p, c, s, false};

	p->outs = 0;
	measure(&t);
	if (s->job && !cg_turn_jobs(&t))
		return -ENOMEM;
	follow_kill(&t);
	for (int r = 0; r < CG_RESOURCES; r++)
		for (int step = 0; step < CG_STEPS; step++)
			turn_rung(&t, r, step);
	cg_turn_timers(&t);
	cg_turn_calm(&t);
	for (size_t i = 0; i < CG_ARRAY_SIZE(order); i++)
		climb(&t, order[i]);
	*ret = (struct cg_decisions){p->out, p->outs, next_run(&t)};
	/* What could not be noted was not decided either: it is due again at once. */
	return t.failed ? -ENOMEM : 0;
}

void cg_policy_gone(struct cg_policy *p, uint32_t handle)
{
	if (p->killing && p->victim == handle)
		p->gone = true;
}

void cg_policy_failed(
	struct cg_policy *p, const struct cg_config *c, const struct cg_decision *d, uint64_t now)
{
	struct cg_record *record = cg_policy_record(p, d->handle);

	if (d->act == CG_ACT_KILL && p->killing && p->victim == d->handle) {
		p->killing = false;
		p->kill_over = now;
	}
	if (record && (d->act == CG_ACT_KILL || d->act == CG_ACT_FREEZE || d->act == CG_ACT_BRAKE ||
			      d->act == CG_ACT_DEMOTE)) {
		record->held[d->step].on = false;
		record->held[d->step].rest_until =
			now + (d->step == CG_STEP_KILL ? c->kill_wait : c->step[d->step].rest);
	}
}

bool cg_policy_open(const struct cg_policy *p, struct cg_decision *ret)
{
	if (p->closed && ret)
		*ret = p->closing;
	return !p->closed || p->closing.dry_run;
}

void cg_policy_counts(const struct cg_policy *p, unsigned ret[CG_STEPS])
{
	memset(ret, 0, CG_STEPS * sizeof(*ret));
	for (size_t i = 0; i < p->records; i++)
		for (int s = 0; s < CG_STEPS; s++)
			ret[s] += p->record[i].held[s].on;
	ret[CG_STEP_ADMISSION] = p->closed;
	ret[CG_STEP_KILL] = p->killing;
}

unsigned cg_policy_level(const struct cg_policy *p, enum cg_resource resource)
{
	return p->now[resource];
}

uint64_t cg_policy_high(const struct cg_config *c, uint64_t memory_max)
{
	if (c->brake_margin == 0 || memory_max == UINT64_MAX)
		return UINT64_MAX;
	return memory_max - memory_max / 100 * c->brake_margin;
}
