/* What clients and the governor do to a job that lives. What is intended is on record before it is done. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "manager/private.h"

static int not_now(const struct job *j, const char *what, struct cg_error **err)
{
	return cg_error_make(err, CG_FAULT_SYSTEM, EBUSY, "the job %s is %s: it cannot be %s", j->spec.id,
		cg_job_state_name(j->record.state), what);
}

/* CRIU and we would be in each other's way. */
static int moving(const struct job *j, const char *what, struct cg_error **err)
{
	return cg_error_make(err, CG_FAULT_SYSTEM, EBUSY,
		"the job %s is being checkpointed: it cannot be %s until that is done", j->spec.id, what);
}

int job_freeze(struct job *j, enum cg_frozen_by by, struct cg_error **err)
{
	int r;

	if (j->record.checkpoint)
		return moving(j, "frozen", err);
	if (j->record.state != CG_JOB_RUNNING && j->record.state != CG_JOB_FROZEN)
		return not_now(j, "frozen", err);
	j->record.frozen_by |= (uint8_t)by;
	job_record(j);
	if (j->record.state == CG_JOB_FROZEN && !(j->waits & WAIT_THAWED))
		return 0;
	job_unwait(j, WAIT_THAWED);
	r = cg_host_freeze(&j->m->host, j->spec.id, true);
	if (r < 0) {
		j->record.frozen_by &= (uint8_t)~by;
		job_record(j);
		return cg_error_errno(err, -r, "cannot freeze the job %s", j->spec.id);
	}
	job_watch(j, WAIT_FROZEN);
	return 0;
}

int job_thaw(struct job *j, enum cg_frozen_by by, struct cg_error **err)
{
	int r;

	if (j->record.checkpoint)
		return moving(j, "thawed", err);
	if (j->record.state != CG_JOB_RUNNING && j->record.state != CG_JOB_FROZEN)
		return not_now(j, "thawed", err);
	j->record.frozen_by &= (uint8_t)~by;
	job_record(j);
	if (j->record.frozen_by)
		return 0;
	r = cg_host_freeze(&j->m->host, j->spec.id, false);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot thaw the job %s", j->spec.id);
	job_unwait(j, WAIT_FROZEN);
	if (j->record.state == CG_JOB_FROZEN)
		job_watch(j, WAIT_THAWED);
	return 0;
}

/* A job that waits ends without ever having begun. */
static void end_queued(struct job *j, enum cg_job_cause cause)
{
	_cleanup_error_ struct cg_error *err = NULL;

	j->record.asked_end = (uint8_t)cause;
	j->record.cause = cause;
	j->record.code = SIGTERM;
	j->record.ended_us = realtime_us();
	j->timer = sd_event_source_disable_unref(j->timer);
	job_move(j, CG_ON_SIGNAL, "killed");
	(void)cg_error_make(
		&err, CG_FAULT_SYSTEM, ECANCELED, "the job %s was ended before it began", j->spec.id);
	clients_notify(j, CLIENT_START, err);
	clients_notify(j, CLIENT_END, NULL);
	cg_store_keep(&j->m->store, j->spec.id, &j->spec, &j->record);
	services_follow(j);
	queue_kick(j->m);
}

int job_signal(struct job *j, int signal, struct cg_error **err)
{
	if (signal == SIGKILL)
		return job_kill(j, CG_CAUSE_CLIENT, err);
	if (!cg_job_state_is_live(j->record.state))
		return not_now(j, "signalled", err);
	j->client_signal = signal;
	return cg_host_signal(&j->m->host, j->spec.id, signal, err);
}

/* What is frozen cannot end. */
static int thaw_to_end(struct job *j, struct cg_error **err)
{
	int r = cg_host_freeze(&j->m->host, j->spec.id, false);

	j->record.frozen_by = 0;
	job_unwait(j, WAIT_FROZEN | WAIT_THAWED);
	if (r < 0 && r != -ENOENT)
		return cg_error_errno(err, -r, "cannot thaw the job %s, so that it can end", j->spec.id);
	return 0;
}

int job_stop(struct job *j, uint64_t grace_us, enum cg_job_cause cause, struct cg_error **err)
{
	bool frozen = j->record.frozen_by != 0 || j->record.state == CG_JOB_FROZEN;
	int r;

	if (j->record.state == CG_JOB_QUEUED) {
		end_queued(j, cause);
		return 0;
	}
	if (j->record.state == CG_JOB_STOPPING)
		return 0;
	if (!cg_job_state_is_live(j->record.state))
		return not_now(j, "stopped", err);
	j->record.asked_end = (uint8_t)cause;
	job_move(j, CG_ON_STOP, "stopping");
	j->grace_us = grace_us;
	job_arm_timer(j);
	r = frozen ? thaw_to_end(j, err) : 0;
	return r < 0 ? r : cg_host_signal(&j->m->host, j->spec.id, SIGTERM, err);
}

void job_kill_rest(struct job *j)
{
	_cleanup_error_ struct cg_error *err = NULL;

	if (cg_host_kill(&j->m->host, j->spec.id, &err) < 0)
		cg_log(CG_LOG_ERROR, "%s", err->message);
	job_watch(j, WAIT_EMPTY);
}

int job_kill(struct job *j, enum cg_job_cause cause, struct cg_error **err)
{
	if (j->record.state == CG_JOB_QUEUED) {
		end_queued(j, cause);
		return 0;
	}
	if (!cg_job_state_is_live(j->record.state))
		return not_now(j, "killed", err);
	if (!j->record.asked_end)
		j->record.asked_end = (uint8_t)cause;
	j->record.frozen_by = 0;
	if (j->record.state == CG_JOB_STOPPING)
		job_record(j);
	else
		job_move(j, CG_ON_STOP, "killing");
	job_unwait(j, WAIT_FROZEN | WAIT_THAWED);
	/* Its shim tells when the payload is gone, and then what is left is waited for. */
	return cg_host_kill(&j->m->host, j->spec.id, err);
}

/* The groups that limits need and the job does not have yet. */
static int make_more(struct job *j, uint32_t where, struct cg_error **err)
{
	struct cg_host *h = &j->m->host;

	for (size_t i = 0; i < h->live.count; i++) {
		_cleanup_close_ int fd = -1;
		int r;

		if (!(where & 1u << i) || cg_host_group(h, i, j->spec.id, &fd) == 0)
			continue;
		r = cg_host_add(h, i, j->spec.id);
		if (r < 0)
			return cg_error_errno(err, -r,
				"cannot move the job %s into a group of the hierarchy %s", j->spec.id,
				h->live.item[i].controllers);
	}
	return 0;
}

static void add_notes(struct cg_strings *notes, const struct cg_text *t)
{
	struct cg_bytes rest = {t->data, t->len}, line;

	while (cg_bytes_split(&rest, '\n', &line))
		if (line.len && cg_strings_add(notes, line) < 0)
			cg_debug("a note was lost");
}

int job_update(struct job *j, struct cg_strings *limits, struct cg_strings *notes, struct cg_error **err)
{
	_cleanup_limit_plan_ struct cg_limit_plan plan = {0};
	_cleanup_(cg_strings_free) struct cg_strings all = {0};
	int r = cg_limits_check(limits, err);

	if (r < 0)
		return r;
	if (cg_job_state_is_final(j->record.state) || j->record.state == CG_JOB_STOPPING)
		return not_now(j, "changed", err);
	if (j->record.checkpoint)
		return moving(j, "changed", err);
	if (job_with_brake(j, limits, &all) < 0)
		return cg_error_oom(err);
	r = cg_limit_plan_make(&j->m->host, j->spec.id, &all, &plan, err);
	if (r == 0 && cg_job_state_is_live(j->record.state)) {
		r = make_more(j, plan.where, err);
		r = r < 0 ? r : cg_limit_plan_apply(&j->m->host, j->spec.id, &plan, false, err);
	}
	if (r < 0)
		return r;
	if (cg_limits_merge(&j->spec.limits, limits) < 0)
		return cg_error_oom(err);
	j->journal_bytes = 0; /* the specification changed: the journal begins anew */
	job_record(j);
	cg_store_keep(&j->m->store, j->spec.id, &j->spec, &j->record);
	add_notes(notes, &plan.note);
	tell(j->m, j, CG_EVENT_LIMIT, "updated", "%u limits", limits->count);
	return 0;
}
