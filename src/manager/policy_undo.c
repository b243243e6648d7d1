/* Taking steps back: when their time is over, and when pressure is. */
#include "manager/policy_private.h"

/* From the highest: thaw before promoting, promote before releasing the brake. */
static const enum cg_step undo_order[] = {CG_STEP_FREEZE, CG_STEP_DEMOTE, CG_STEP_BRAKE};

static enum cg_act undoing(enum cg_step step)
{
	return step == CG_STEP_FREEZE   ? CG_ACT_THAW
	       : step == CG_STEP_DEMOTE ? CG_ACT_PROMOTE
					: CG_ACT_UNBRAKE;
}

void cg_turn_undo(struct cg_turn *t, struct cg_record *record, enum cg_step step, enum cg_why why)
{
	struct cg_held *h = &record->held[step];
	struct cg_decision *d = cg_turn_add(t, undoing(step), why, step, h->resource, record);

	if (!d)
		return;
	d->dry_run = h->dry_run;
	d->threshold = (unsigned)t->c->resource[h->resource].leave[step];
	h->on = h->seen = false;
	/* A job that stalls again as soon as it is thawed is not frozen again and again. */
	if (why == CG_WHY_TIMER || (why == CG_WHY_CALM && step == CG_STEP_FREEZE))
		h->rest_until = t->s->now + t->c->step[step].rest;
}

static void open_admission(struct cg_turn *t, enum cg_why why)
{
	struct cg_policy *p = t->p;
	struct cg_decision *d =
		cg_turn_add(t, CG_ACT_OPEN, why, CG_STEP_ADMISSION, p->closing.resource, NULL);

	if (!d)
		return;
	d->dry_run = p->closing.dry_run;
	d->threshold = (unsigned)t->c->resource[p->closing.resource].leave[CG_STEP_ADMISSION];
	p->closed = false;
	if (why == CG_WHY_TIMER)
		p->open_until = t->s->now + t->c->step[CG_STEP_ADMISSION].rest;
}

static uint64_t later(uint64_t time, uint64_t by)
{
	return time > UINT64_MAX - by ? UINT64_MAX : time + by;
}

void cg_turn_timers(struct cg_turn *t)
{
	struct cg_policy *p = t->p;

	for (size_t o = 0; o < CG_ARRAY_SIZE(undo_order); o++) {
		enum cg_step s = undo_order[o];

		for (size_t i = 0; i < p->records; i++)
			if (p->record[i].held[s].on &&
				t->s->now >= later(p->record[i].held[s].since, t->c->step[s].max))
				cg_turn_undo(t, &p->record[i], s, CG_WHY_TIMER);
	}
	if (p->closed && t->s->now >= later(p->closed_at, t->c->step[CG_STEP_ADMISSION].max))
		open_admission(t, CG_WHY_TIMER);
}

/* The dearest job first, of equals the one that was taken last. */
static struct cg_record *next_to_undo(struct cg_turn *t, enum cg_step step)
{
	struct cg_policy *p = t->p;
	struct cg_record *best = NULL;

	for (size_t i = 0; i < p->records; i++) {
		struct cg_record *r = &p->record[i];
		const struct cg_held *h = &r->held[step];

		if (!h->on || p->rung[h->resource][step].on ||
			t->s->now < later(h->since, t->c->step[step].dwell))
			continue;
		if (!best || r->priority > best->priority ||
			(r->priority == best->priority && h->since > best->held[step].since))
			best = r;
	}
	return best;
}

static bool pressed_for_admission(const struct cg_policy *p)
{
	for (int r = 0; r < CG_RESOURCES; r++)
		if (p->rung[r][CG_STEP_ADMISSION].on)
			return true;
	return false;
}

static bool anything_held(const struct cg_policy *p)
{
	unsigned held[CG_STEPS];

	cg_policy_counts(p, held);
	return held[CG_STEP_BRAKE] + held[CG_STEP_DEMOTE] + held[CG_STEP_FREEZE] > 0;
}

void cg_turn_calm(struct cg_turn *t)
{
	struct cg_policy *p = t->p;

	if (p->undone && t->s->now < later(p->undone, t->c->pace))
		return;
	for (size_t o = 0; o < CG_ARRAY_SIZE(undo_order); o++) {
		struct cg_record *r = next_to_undo(t, undo_order[o]);

		if (r) {
			cg_turn_undo(t, r, undo_order[o], CG_WHY_CALM);
			p->undone = t->s->now;
			return;
		}
	}
	/* Admission was first and is last. */
	if (p->closed && !pressed_for_admission(p) && !anything_held(p) &&
		t->s->now >= later(p->closed_at, t->c->step[CG_STEP_ADMISSION].dwell))
		open_admission(t, CG_WHY_CALM);
}

uint64_t cg_turn_next_timer(const struct cg_turn *t)
{
	const struct cg_policy *p = t->p;
	uint64_t next = CG_POLICY_NEVER;

	for (size_t i = 0; i < p->records; i++) {
		for (int s = 0; s < CG_STEP_KILL; s++) {
			const struct cg_held *h = &p->record[i].held[s];
			uint64_t due = later(h->since, t->c->step[s].max);

			if (h->on && due < next)
				next = due;
		}
	}
	return next;
}
