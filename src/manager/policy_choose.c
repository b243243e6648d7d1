/* Whom a step is taken on. */
#include <string.h>

#include "manager/policy_private.h"

static bool is_small(const struct cg_turn *t, enum cg_resource r, const struct cg_record *record)
{
	const struct cg_resource_config *m = &t->c->resource[r];
	unsigned __int128 mine = (unsigned __int128)record->rate[r] * 100;

	return record->rate[r] == 0 || mine < (unsigned __int128)t->p->total[r] * m->min_share ||
	       (r == CG_RESOURCE_MEMORY && record->rate[r] < m->min_size);
}

/* Where the brake would be put. */
static uint64_t brake_at(const struct cg_turn *t, const struct cg_record *record)
{
	uint64_t memory = record->rate[CG_RESOURCE_MEMORY];
	uint64_t high = memory - memory / 100 * t->c->brake_cut;

	return high < t->c->brake_floor ? t->c->brake_floor : high;
}

/* CG_PASSES: it qualifies. */
static enum cg_pass passes(const struct cg_turn *t, enum cg_resource r, enum cg_step step,
	const struct cg_record *record, const struct cg_job_view *v)
{
	bool gentle = step < CG_STEP_FREEZE;

	if (v->state == CG_JOB_FROZEN ? step != CG_STEP_KILL : v->state != CG_JOB_RUNNING)
		return v->state == CG_JOB_FROZEN ? CG_PASS_FROZEN : CG_PASS_STATE;
	if (step != CG_STEP_KILL && (v->frozen_by || record->held[CG_STEP_FREEZE].on))
		return CG_PASS_FROZEN;
	if (!gentle && v->unkillable)
		return CG_PASS_UNKILLABLE;
	if (record->held[step].on || (step == CG_STEP_BRAKE && brake_at(t, record) >= v->memory_high) ||
		(step == CG_STEP_DEMOTE && t->c->demoted_weight >= v->cpu_weight))
		return CG_PASS_TAKEN;
	if (t->s->now < record->held[step].rest_until)
		return CG_PASS_REST;
	return is_small(t, r, record) ? CG_PASS_SMALL : CG_PASSES;
}

static struct cg_decision *take(
	struct cg_turn *t, enum cg_act act, enum cg_step step, enum cg_resource r, struct cg_record *record)
{
	struct cg_decision *d = cg_turn_add(t, act, CG_WHY_PRESSURE, step, r, record);

	if (!d)
		return NULL;
	d->threshold = (unsigned)t->c->resource[r].enter[step];
	record->held[step].resource = r;
	record->held[step].since = t->s->now;
	record->held[step].dry_run = d->dry_run;
	record->held[step].on = step != CG_STEP_KILL;
	return d;
}

/* Lowest priority, then who uses most of what is short, then the lower handle, so that the choice is certain.
 */
static struct cg_record *victim(struct cg_turn *t, enum cg_resource r, enum cg_step step, unsigned *passed)
{
	struct cg_record *best = NULL;

	for (size_t i = 0; i < t->s->jobs; i++) {
		const struct cg_job_view *v = &t->s->job[i];
		struct cg_record *record = cg_policy_record(t->p, v->handle);
		enum cg_pass pass = record ? passes(t, r, step, record, v) : CG_PASS_STATE;

		if (pass != CG_PASSES) {
			passed[pass]++;
			continue;
		}
		if (!best || record->priority < best->priority ||
			(record->priority == best->priority &&
				(record->rate[r] > best->rate[r] ||
					(record->rate[r] == best->rate[r] && record->handle < best->handle))))
			best = record;
	}
	return best;
}

/* The lowest class with a job that qualifies; false: none. */
static bool lowest_class(
	struct cg_turn *t, enum cg_resource r, enum cg_step step, unsigned *passed, enum cg_job_class *ret)
{
	bool found = false;

	for (size_t i = 0; i < t->s->jobs; i++) {
		const struct cg_job_view *v = &t->s->job[i];
		struct cg_record *record = cg_policy_record(t->p, v->handle);
		enum cg_pass pass = record ? passes(t, r, step, record, v) : CG_PASS_STATE;

		if (pass != CG_PASSES) {
			passed[pass]++;
		} else if (!found || v->class < *ret) {
			*ret = v->class;
			found = true;
		}
	}
	return found;
}

/* A class above has somebody who gains by it. */
static bool somebody_above(const struct cg_turn *t, enum cg_job_class class)
{
	for (size_t i = 0; i < t->s->jobs; i++)
		if (t->s->job[i].class > class && t->s->job[i].state == CG_JOB_RUNNING)
			return true;
	return false;
}

static bool take_class(struct cg_turn *t, enum cg_resource r, enum cg_step step, enum cg_job_class class)
{
	enum cg_act act = step == CG_STEP_BRAKE ? CG_ACT_BRAKE : CG_ACT_DEMOTE;
	bool took = false;

	for (size_t i = 0; i < t->s->jobs; i++) {
		const struct cg_job_view *v = &t->s->job[i];
		struct cg_record *record = cg_policy_record(t->p, v->handle);
		struct cg_decision *d;

		if (!record || v->class != class || passes(t, r, step, record, v) != CG_PASSES)
			continue;
		d = take(t, act, step, r, record);
		if (!d)
			return took;
		d->value = step == CG_STEP_BRAKE ? brake_at(t, record) : t->c->demoted_weight;
		took = true;
	}
	return took;
}

bool cg_turn_brake(struct cg_turn *t, enum cg_resource r, enum cg_why *ret_why, unsigned *passed)
{
	enum cg_job_class class;

	*ret_why = CG_WHY_NOBODY;
	return lowest_class(t, r, CG_STEP_BRAKE, passed, &class) && take_class(t, r, CG_STEP_BRAKE, class);
}

bool cg_turn_demote(struct cg_turn *t, enum cg_resource r, enum cg_why *ret_why, unsigned *passed)
{
	enum cg_job_class class;

	*ret_why = CG_WHY_NOBODY;
	if (!lowest_class(t, r, CG_STEP_DEMOTE, passed, &class))
		return false;
	*ret_why = CG_WHY_ALONE;
	return somebody_above(t, class) && take_class(t, r, CG_STEP_DEMOTE, class);
}

bool cg_turn_freeze(struct cg_turn *t, enum cg_resource r, enum cg_why *ret_why, unsigned *passed)
{
	struct cg_record *record = victim(t, r, CG_STEP_FREEZE, passed);

	*ret_why = CG_WHY_NOBODY;
	if (!record)
		return false;
	/* A throttled job takes more than ten times as long to freeze. */
	if (record->held[CG_STEP_BRAKE].on)
		cg_turn_undo(t, record, CG_STEP_BRAKE, CG_WHY_ABOVE);
	return take(t, CG_ACT_FREEZE, CG_STEP_FREEZE, r, record) != NULL;
}

bool cg_turn_kill(struct cg_turn *t, enum cg_resource r, enum cg_why *ret_why, unsigned *passed)
{
	struct cg_policy *p = t->p;
	struct cg_record *record = victim(t, r, CG_STEP_KILL, passed);
	struct cg_decision *d = record ? take(t, CG_ACT_KILL, CG_STEP_KILL, r, record) : NULL;

	*ret_why = CG_WHY_NOBODY;
	if (!d)
		return false;
	p->killing = true;
	p->gone = false;
	p->victim = record->handle;
	memcpy(p->victim_id, record->id, sizeof(p->victim_id));
	p->victim_resource = r;
	p->victim_dry_run = d->dry_run;
	p->killed_at = t->s->now;
	if (d->dry_run)
		record->held[CG_STEP_KILL].rest_until = t->s->now + t->c->repeat;
	return true;
}
