/* What the governor may do to jobs; see manager.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "manager/private.h"
#include "model/knob.h"

static int find(struct cg_manager *m, uint32_t handle, struct job **ret, struct cg_error **err)
{
	*ret = job_by_handle(m, handle);
	return *ret ? 0 : cg_error_make(err, CG_FAULT_SYSTEM, ESRCH, "the job is gone");
}

static uint64_t amount(const struct job *j, enum cg_known_limit limit)
{
	const char *text = cg_limits_value(&j->spec.limits, cg_known_limit_name(limit));
	uint64_t n;

	return text && cg_parse_u64(cg_bytes_of(text), &n) == 0 ? n : UINT64_MAX;
}

/* The memory.high that we give a job for its memory.max: UINT64_MAX where it has its own, or v1 has none. */
static uint64_t own_high(const struct job *j, uint64_t memory_max)
{
	const struct cg_knob *k = cg_knob_find(cg_known_limit_name(CG_LIMIT_MEMORY_HIGH), 2);

	if (!k || cg_host_find(&j->m->host, j->spec.id, 2, k->controller) < 0 ||
		cg_limits_value(&j->spec.limits, k->name))
		return UINT64_MAX;
	return cg_governor_high(j->m->governor, memory_max);
}

int job_with_brake(const struct job *j, const struct cg_strings *limits, struct cg_strings *ret)
{
	const char *high = cg_known_limit_name(CG_LIMIT_MEMORY_HIGH);
	const char *max = cg_limits_value(limits, cg_known_limit_name(CG_LIMIT_MEMORY_MAX));
	_cleanup_text_ struct cg_text t = {0};
	uint64_t n;
	int r = 0;

	for (const char *p = cg_strings_next(limits, NULL); r == 0 && p; p = cg_strings_next(limits, p))
		r = cg_strings_add(ret, cg_bytes_of(p));
	if (r < 0 || !max || cg_limits_value(limits, high) || own_high(j, 0) == UINT64_MAX)
		return r;
	/* Without a limit any more, without a brake. */
	if (cg_parse_u64(cg_bytes_of(max), &n) < 0)
		cg_text_printf(&t, "%s=%s", high, max);
	else
		cg_text_printf(&t, "%s=%llu", high, (unsigned long long)own_high(j, n));
	return t.failed ? -ENOMEM : cg_strings_add(ret, (struct cg_bytes){t.data, t.len});
}

int cg_manager_each_job(struct cg_manager *m, bool all, cg_job_view_fn *fn, void *context)
{
	uint32_t at = 0;

	for (struct job *j; (j = job_from_handle(m, at)); at = j->handle + 1) {
		struct cg_job_view v = {.id = j->spec.id,
			.handle = j->handle,
			.priority = j->spec.priority,
			.class = cg_job_class_of(j->spec.priority),
			.state = j->record.state,
			.frozen_by = j->record.frozen_by,
			.unkillable = j->spec.unkillable,
			.memory_max = amount(j, CG_LIMIT_MEMORY_MAX),
			.memory_high = amount(j, CG_LIMIT_MEMORY_HIGH),
			.cpu_weight = amount(j, CG_LIMIT_CPU_WEIGHT)};
		int r;

		/* What stalls elsewhere is not measured, so none there is to blame for it. */
		if (!cg_job_state_is_live(j->record.state) || (j->spec.area && !all))
			continue;
		if (v.memory_high == UINT64_MAX)
			v.memory_high = own_high(j, v.memory_max);
		cg_host_usage(&m->host, j->spec.id, CG_USE_ALL, &v.usage);
		r = fn(context, &v);
		if (r != 0)
			return r;
	}
	return 0;
}

int cg_manager_press_freeze(
	struct cg_manager *m, uint32_t handle, bool frozen, const char *why, struct cg_error **err)
{
	struct job *j;
	int r = find(m, handle, &j, err);

	if (r == 0)
		r = frozen ? job_freeze(j, CG_FROZEN_BY_PRESSURE, err)
			   : job_thaw(j, CG_FROZEN_BY_PRESSURE, err);
	if (r == 0)
		tell(m, j, CG_EVENT_DECISION, frozen ? "freeze" : "thaw", "%s", why);
	return r;
}

int cg_manager_press_kill(struct cg_manager *m, uint32_t handle, const char *why, cg_job_gone_fn *done,
	void *context, struct cg_error **err)
{
	struct job *j;
	int r = find(m, handle, &j, err);

	if (r < 0)
		return r;
	if (j->spec.unkillable)
		return cg_error_make(
			err, CG_FAULT_SYSTEM, EPERM, "the job %s is not to be killed", j->spec.id);
	tell(m, j, CG_EVENT_DECISION, "kill", "%s", why);
	j->gone = done;
	j->gone_context = context;
	r = job_kill(j, CG_CAUSE_PRESSURE, err);
	if (r < 0)
		j->gone = NULL;
	return r;
}

/* The value of a limit when nothing lies over it: what the job was given, else what a new group has. */
static int plain_value(const struct job *j, const char *knob, struct cg_text *t, struct cg_error **err)
{
	const char *given = cg_limits_value(&j->spec.limits, knob);
	const struct cg_knob *k = cg_knob_find(knob, 2);
	uint64_t high = UINT64_MAX;

	if (strcmp(knob, cg_known_limit_name(CG_LIMIT_MEMORY_HIGH)) == 0)
		high = own_high(j, amount(j, CG_LIMIT_MEMORY_MAX));
	cg_text_printf(t, "%s=", knob);
	if (given)
		cg_text_adds(t, given);
	else if (high != UINT64_MAX)
		cg_text_printf(t, "%llu", (unsigned long long)high);
	else if (!k || !cg_knob_default(k, knob, 4096, t))
		return cg_error_usage(err, "%s: what a new group has is not known", knob);
	return t->failed ? cg_error_oom(err) : 0;
}

/* Sets one limit of the live group, nothing else. */
static int set_one(struct job *j, struct cg_bytes limit, struct cg_error **err)
{
	_cleanup_limit_plan_ struct cg_limit_plan plan = {0};
	struct cg_strings one = {0};
	int r = cg_strings_add(&one, limit) < 0 ? cg_error_oom(err) : 0;

	r = r < 0 ? r : cg_limits_check(&one, err);
	r = r < 0 ? r : cg_limit_plan_make(&j->m->host, j->spec.id, &one, &plan, err);
	r = r < 0 ? r : cg_limit_plan_apply(&j->m->host, j->spec.id, &plan, false, err);
	cg_strings_free(&one);
	return r;
}

/* On record first, so that a manager after us takes it back. */
static int record_override(struct job *j, const char *limit, struct cg_error **err)
{
	int r = cg_store_write(&j->m->store, j->spec.id, NULL, &j->record, limit, &j->journal_bytes);

	return r < 0 ? cg_error_errno(err, -r, "the journal of job %s cannot be written", j->spec.id) : 0;
}

int job_lift(struct job *j, const char *knob, struct cg_error **err)
{
	struct cg_strings kept = {0};
	int r = 0;

	for (const char *p = cg_strings_next(&j->overrides, NULL); p; p = cg_strings_next(&j->overrides, p)) {
		_cleanup_free_ char *name = strndup(p, strcspn(p, "="));
		_cleanup_text_ struct cg_text plain = {0}, mark = {0};

		if (!name || (knob && strcmp(name, knob) != 0)) {
			if (cg_strings_add(&kept, cg_bytes_of(p)) < 0)
				r = r < 0 ? r : cg_error_oom(err);
			continue;
		}
		if (r < 0)
			continue;
		r = plain_value(j, name, &plain, err);
		r = r < 0 ? r : set_one(j, (struct cg_bytes){plain.data, plain.len}, err);
		cg_text_printf(&mark, "%s=", name);
		if (r == 0)
			r = mark.failed ? cg_error_oom(err) : record_override(j, mark.data, err);
	}
	cg_strings_free(&j->overrides);
	j->overrides = kept;
	return r;
}

int cg_manager_press_limit(struct cg_manager *m, uint32_t handle, const char *knob, const char *value,
	const char *what, const char *why, struct cg_error **err)
{
	_cleanup_text_ struct cg_text t = {0};
	struct cg_strings one = {0};
	struct job *j;
	int r = find(m, handle, &j, err);

	if (r < 0)
		return r;
	if (j->record.checkpoint)
		return cg_error_make(
			err, CG_FAULT_SYSTEM, EBUSY, "the job %s is being checkpointed", j->spec.id);
	if (!value) {
		r = job_lift(j, knob, err);
	} else {
		cg_text_printf(&t, "%s=%s", knob, value);
		r = t.failed || cg_strings_add(&one, (struct cg_bytes){t.data, t.len}) < 0 ? cg_error_oom(err)
											   : 0;
		r = r < 0 ? r : record_override(j, t.data, err);
		if (r == 0 && cg_limits_merge(&j->overrides, &one) < 0)
			r = cg_error_oom(err);
		cg_strings_free(&one);
		r = r < 0 ? r : set_one(j, (struct cg_bytes){t.data, t.len}, err);
	}
	if (r == 0)
		tell(m, j, CG_EVENT_DECISION, what, "%s", why);
	return r;
}

void cg_manager_decision(struct cg_manager *m, const char *id, const char *what, const char *text)
{
	tell(m, id ? job_find(m, id) : NULL, CG_EVENT_DECISION, what, "%s", text);
}
