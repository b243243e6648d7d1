/* A job from its start to its end. Every step that changes what is true is on record before the next one is
 * begun, so that a manager that comes after can go on from there. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "kernel/tasks.h"
#include "manager/move.h"

#define RESTART_FIRST_US   100000 /* doubled with each restart, up to the longest */
#define RESTART_LONGEST_US 30000000
#define PROBE_LONGEST_US   400000
#define JOURNAL_LONG       65536 /* bytes of records after which a journal is begun anew */

void job_record(struct job *j)
{
	bool anew = j->journal_bytes == 0 || j->journal_bytes > spec_bytes(&j->spec) + JOURNAL_LONG;
	int r = cg_store_write(
		&j->m->store, j->spec.id, anew ? &j->spec : NULL, &j->record, NULL, &j->journal_bytes);

	/* What was laid over limits is not in the record. */
	for (const char *p = cg_strings_next(&j->overrides, NULL); r == 0 && anew && p;
		p = cg_strings_next(&j->overrides, p))
		r = cg_store_write(&j->m->store, j->spec.id, NULL, &j->record, p, &j->journal_bytes);
	if (r < 0)
		cg_log(CG_LOG_ERROR, "the journal of job %s cannot be written: %s", j->spec.id, strerror(-r));
}

static void set_state(struct job *j, enum cg_job_state next)
{
	struct cg_manager *m = j->m;

	m->live -= cg_job_state_is_live(j->record.state);
	m->live += cg_job_state_is_live(next);
	cg_governor_kick(m->governor);
	j->record.state = next;
}

void job_move(struct job *j, enum cg_job_event event, const char *what)
{
	int next = cg_job_next(j->record.state, event);

	if (next < 0) {
		cg_log(CG_LOG_ERROR, "job %s is %s: \"%s\" does not follow on that", j->spec.id,
			cg_job_state_name(j->record.state), what);
		return;
	}
	set_state(j, (enum cg_job_state)next);
	job_record(j);
	tell(j->m, j, CG_EVENT_JOB, what, "%s", j->record.reason ? j->record.reason : "");
}

void job_reason(struct job *j, const char *reason)
{
	char *words = reason ? short_words(reason) : NULL;

	free(j->record.reason);
	j->record.reason = words;
}

/* Told to clients and written behind; then whatever waited for its end may go on. */
static void job_final(struct job *j)
{
	struct cg_manager *m = j->m;

	j->timer = sd_event_source_disable_unref(j->timer);
	cg_store_keep(&m->store, j->spec.id, &j->spec, &j->record);
	if (j->gone) {
		j->gone(j->gone_context, j->handle);
		j->gone = NULL;
	}
	clients_notify(j, CLIENT_MOVE, NULL);
	clients_notify(j, CLIENT_END, NULL);
	services_follow(j);
	queue_kick(m);
	manager_maybe_quit(m);
}

void job_fail(struct job *j, const char *reason)
{
	_cleanup_error_ struct cg_error *err = NULL;

	job_reason(j, reason);
	j->record.cause = CG_CAUSE_START;
	j->record.ended_us = realtime_us();
	j->forget = j->record.restore != NULL;
	j->m->forgets |= j->forget;
	job_move(j, CG_ON_FAIL, "failed");
	(void)cg_error_make(&err, CG_FAULT_SYSTEM, ECANCELED, "the job %s could not be %s: %s", j->spec.id,
		j->forget ? "restored" : "started", reason ? reason : "");
	clients_notify(j, CLIENT_START, err);
	job_final(j);
}

static int check_paths(const struct job *j, struct cg_error **err)
{
	for (const char *p = cg_strings_next(&j->spec.require, NULL); p;
		p = cg_strings_next(&j->spec.require, p)) {
		int r;

		if (access(p, F_OK) == 0)
			continue;
		r = cg_error_make(err, CG_FAULT_SYSTEM, errno, "a path that it requires is not there: %s",
			strerror(errno));
		cg_error_at(err, p, NULL);
		return r;
	}
	return 0;
}

/* A job with other limits than it was given does not go on. */
static void settle_restored(struct job *j)
{
	_cleanup_error_ struct cg_error *err = NULL, *late = NULL;

	if (restore_settle(j, &err) == 0)
		return;
	job_reason(j, err->message);
	clients_notify(j, CLIENT_START, err);
	if (job_kill(j, CG_CAUSE_START, &late) < 0)
		cg_log(CG_LOG_ERROR, "%s", late->message);
}

void job_begun(struct job *j, int pid)
{
	bool restored = j->record.restore != NULL;

	j->record.payload.pid = pid;
	if (!j->record.started_us)
		j->record.started_us = realtime_us();
	free(j->record.restore);
	j->record.restore = NULL;
	if (j->record.state == CG_JOB_STARTING)
		job_move(j, CG_ON_STARTED, restored ? "restored" : "started");
	else
		job_record(j);
	job_arm_timer(j);
	if (restored)
		settle_restored(j);
	clients_notify(j, CLIENT_START, NULL);
	if (j->spec.service_of)
		queue_kick(j->m);
}

static int on_answer(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct job *j = context;
	struct shim_answer a;
	ssize_t n = recv(fd, &a, sizeof(a), MSG_DONTWAIT);

	(void)source;
	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	j->answer_source = sd_event_source_disable_unref(j->answer_source);
	j->answer = cg_close(j->answer);
	/* A failure, like any end, is told by the shim's own end. */
	if (n != sizeof(a) || a.stage != SHIM_STARTED)
		return 0;
	job_begun(j, a.pid);
	return 0;
}

static int on_shim(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct job *j = context;

	(void)source;
	(void)fd;
	(void)events;
	job_shim_gone(j);
	return 0;
}

int job_watch_shim(struct job *j)
{
	/* Told once: thousands that end together would be looked at by the kernel again with each turn. */
	int r = sd_event_add_io(j->m->loop, &j->shim_source, j->shim, EPOLLIN | EPOLLET, on_shim, j);

	/* What it says comes before its end. */
	return r < 0 ? r : sd_event_source_set_priority(j->shim_source, SD_EVENT_PRIORITY_NORMAL + 1);
}

/* What this host understands differently stands with the job. */
static void note_limits(struct job *j, const struct cg_text *note)
{
	struct cg_bytes rest = {note->data, note->len}, line;
	_cleanup_text_ struct cg_text t = {0};

	while (cg_bytes_split(&rest, '\n', &line)) {
		if (t.len && line.len)
			cg_text_adds(&t, "; ");
		cg_text_add(&t, line.data, line.len);
	}
	job_reason(j, t.failed ? NULL : t.data);
}

static int prepare(struct job *j, struct cg_error **err)
{
	_cleanup_limit_plan_ struct cg_limit_plan plan = {0};
	_cleanup_(cg_strings_free) struct cg_strings limits = {0};
	struct cg_manager *m = j->m;
	int r = check_paths(j, err);

	if (r == 0 && job_with_brake(j, &j->spec.limits, &limits) < 0)
		r = cg_error_oom(err);
	r = r < 0 ? r : cg_limit_plan_make(&m->host, j->spec.id, &limits, &plan, err);
	r = r < 0 ? r : cg_host_make(&m->host, j->spec.id, plan.where, err);
	if (r < 0)
		return r;
	j->where = plan.where;
	if (plan.note.len)
		note_limits(j, &plan.note);
	/* Those of a checkpoint come when its memory is there: nothing runs before. */
	if (j->record.restore)
		return 0;
	r = cg_limit_plan_apply(&m->host, j->spec.id, &plan, true, err);
	if (r < 0 && cg_host_remove(&m->host, j->spec.id) < 0)
		cg_debug("the group of %s stays behind", j->spec.id);
	return r;
}

/* A start that failed leaves the job as it was. */
static void undo_start(struct job *j)
{
	if (cg_host_remove(&j->m->host, j->spec.id) < 0)
		cg_debug("the group of %s stays behind", j->spec.id);
	j->shim_source = sd_event_source_disable_unref(j->shim_source);
	j->answer_source = sd_event_source_disable_unref(j->answer_source);
	j->answer = cg_close(j->answer);
	if (j->shim >= 0)
		(void)waitid(P_PIDFD, (id_t)j->shim, &(siginfo_t){0}, WEXITED);
	j->shim = cg_close(j->shim);
	j->record.shim = (struct cg_job_process){0};
	set_state(j, CG_JOB_QUEUED);
}

int job_start(struct job *j, struct cg_error **err)
{
	struct cg_manager *m = j->m;
	struct shim_process p;
	int r = prepare(j, err);

	if (r < 0)
		return r;
	cg_store_clear(&m->store, j->spec.id);
	r = shim_take(m, &p, err);
	if (r < 0) {
		undo_start(j);
		return r;
	}
	j->shim = p.pidfd;
	j->answer = p.sock;
	j->ended = j->payload_watched = false;
	j->record.shim = p.id;
	j->record.payload = (struct cg_job_process){0};
	j->record.cause = CG_CAUSE_NONE;
	j->record.code = 0;
	j->record.started_us = j->record.ended_us = 0;
	job_move(j, CG_ON_START, "starting");
	r = sd_event_add_io(m->loop, &j->answer_source, j->answer, EPOLLIN, on_answer, j);
	r = r < 0 ? r : job_watch_shim(j);
	if (r < 0)
		r = cg_error_errno(err, -r, "cannot watch the shim of %s", j->spec.id);
	else
		r = shim_tell(j, j->stdio, err);
	if (r < 0) {
		undo_start(j);
		job_record(j);
		return r;
	}
	cg_store_keep(&m->store, j->spec.id, &j->spec, &j->record);
	return 0;
}

/* What a job waits for: those that it comes after, and room. */
int job_may_start(struct job *j, struct cg_error **err)
{
	const struct cg_manager *m = j->m;
	bool wait;

	for (const char *p = cg_strings_next(&j->spec.after, NULL); p;
		p = cg_strings_next(&j->spec.after, p)) {
		const struct job *other = job_find(m, p);

		if (!other)
			return cg_error_make(
				err, CG_FAULT_USAGE, ENOENT, "there is no job %s to come after", p);
		if (!cg_job_state_is_final(other->record.state))
			return 0;
		if (other->record.state != CG_JOB_EXITED || other->record.code != 0)
			return cg_error_make(err, CG_FAULT_SYSTEM, ECANCELED,
				"the job %s, which it comes after, did not end well", p);
	}
	if (j->spec.services.count) {
		int r = services_run(j, err);

		if (r <= 0)
			return r;
	}
	if (m->options.running_max && m->live >= m->options.running_max)
		return 0;
	return cg_governor_admits(m->governor, &wait, NULL);
}

/* Results beyond those that are kept go, the oldest first; a job that somebody waits for stays. */
static void prune(struct cg_manager *m)
{
	uint32_t ended = 0, at = 0, keep = m->options.keep_results;

	if (m->jobs - m->live <= keep)
		return;
	for (uint32_t i = 0; i < m->jobs; i++)
		ended += cg_job_state_is_final(m->job[i]->record.state);
	for (struct job *j; ended > keep && (j = job_from_handle(m, at));) {
		at = j->handle + 1;
		if (!cg_job_state_is_final(j->record.state) || j->waiting || j->spec.service_of ||
			services_busy(j))
			continue;
		job_forget(j);
		ended--;
	}
}

/* Of a job that could not be restored nothing is kept, once who waits has been told. */
static void forget_unrestored(struct cg_manager *m)
{
	uint32_t at = 0;

	m->forgets = false;
	for (struct job *j; (j = job_from_handle(m, at));) {
		at = j->handle + 1;
		if (!j->forget)
			continue;
		if (j->waiting)
			m->forgets = true;
		else
			job_forget(j);
	}
}

static int on_queue(sd_event_source *source, void *context)
{
	struct cg_manager *m = context;
	uint32_t at = 0;

	(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
	if (m->forgets)
		forget_unrestored(m);
	for (struct job *j; !m->quitting && (j = job_queued_from(m, at)); at = j->handle + 1) {
		_cleanup_error_ struct cg_error *err = NULL;
		int r;

		if (j->spec.foreground) {
			job_fail(j, "the manager ended before it had begun, and its terminal went with that");
			continue;
		}
		r = job_may_start(j, &err);
		if (r > 0)
			r = job_start(j, &err);
		if (r < 0) {
			_cleanup_free_ char *reason = cg_error_text(err);

			job_fail(j, reason);
		}
	}
	prune(m);
	return 0;
}

/* Not here and now: who kicks may be in the middle of something. */
void queue_kick(struct cg_manager *m)
{
	if (!m->queue_source && sd_event_add_defer(m->loop, &m->queue_source, on_queue, m) < 0)
		return;
	(void)sd_event_source_set_enabled(m->queue_source, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *context)
{
	struct job *j = context;
	_cleanup_error_ struct cg_error *err = NULL;
	int r = 0;

	(void)source;
	(void)usec;
	j->timer = sd_event_source_disable_unref(j->timer);
	if (j->record.state == CG_JOB_QUEUED)
		queue_kick(j->m);
	else if (j->record.state == CG_JOB_STOPPING)
		r = job_kill(j, (enum cg_job_cause)j->record.asked_end, &err);
	else if (cg_job_state_is_live(j->record.state))
		r = job_stop(j, j->spec.grace_us, CG_CAUSE_TIMEOUT, &err);
	if (r < 0)
		cg_log(CG_LOG_ERROR, "job %s cannot be ended: %s", j->spec.id, err->message);
	return 0;
}

static void arm(struct job *j, uint64_t us)
{
	j->timer = sd_event_source_disable_unref(j->timer);
	if (sd_event_add_time_relative(j->m->loop, &j->timer, CLOCK_MONOTONIC, us, 1000, on_timer, j) < 0)
		cg_log(CG_LOG_ERROR, "no timer for job %s: it will not be ended in time", j->spec.id);
}

/* By state: until the timeout, until the end by force, or until the next start. */
void job_arm_timer(struct job *j)
{
	uint64_t us, gone, longest;

	switch (j->record.state) {
	case CG_JOB_RUNNING:
	case CG_JOB_FROZEN:
		if (!j->spec.timeout_us)
			return;
		gone = cg_job_ran_us(&j->record, realtime_us());
		arm(j, gone < j->spec.timeout_us ? j->spec.timeout_us - gone : 0);
		return;
	case CG_JOB_STOPPING:
		arm(j, j->grace_us);
		return;
	case CG_JOB_QUEUED:
		us = RESTART_FIRST_US;
		longest = j->spec.probe ? PROBE_LONGEST_US : RESTART_LONGEST_US;
		for (uint32_t i = 1; i < j->record.restarts && us < longest; i++)
			us *= 2;
		arm(j, us > longest ? longest : us);
		return;
	default:
		return;
	}
}

/* 0, -ENOENT when the shim left none, or another negative errno. */
static int read_end(const struct job *j, struct shim_end *ret)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_close_ int dir = -1;
	int r = cg_store_job_dir(&j->m->store, j->spec.id, &dir);

	r = r < 0 ? r : cg_read_at(dir, SHIM_FILE_END, false, &b);
	return r < 0 ? r : shim_end_parse((struct cg_bytes){b.data, b.len}, ret);
}

bool job_has_begun(const struct job *j, int *ret_pid)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_close_ int dir = -1;

	*ret_pid = 0;
	if (cg_store_job_dir(&j->m->store, j->spec.id, &dir) < 0 ||
		cg_read_at(dir, SHIM_FILE_BEGUN, false, &b) < 0)
		return false;
	if (cg_parse_pid(cg_bytes_trim((struct cg_bytes){b.data, b.len}), ret_pid) < 0)
		*ret_pid = 0;
	return true;
}

static void forget_shim(struct job *j)
{
	j->shim_source = sd_event_source_disable_unref(j->shim_source);
	j->answer_source = sd_event_source_disable_unref(j->answer_source);
	/* Ours, unless an earlier manager started it: then somebody else reaps it. */
	if (j->shim >= 0 && !j->payload_watched)
		(void)waitid(P_PIDFD, (id_t)j->shim, &(siginfo_t){0}, WEXITED | WNOHANG);
	j->shim = cg_close(j->shim);
	j->answer = cg_close(j->answer);
}

/* The shim was killed and its payload lives: it goes on, watched by us, but nobody will hear how it ends. */
static bool watch_payload(struct job *j, int pid)
{
	if (pid <= 0 || j->payload_watched || cg_host_populated(&j->m->host, j->spec.id) <= 0)
		return false;
	j->shim = cg_host_pidfd(&j->m->host, j->spec.id, pid);
	if (j->shim < 0)
		return false;
	j->payload_watched = true;
	j->record.payload.pid = pid;
	if (job_watch_shim(j) < 0) {
		j->shim = cg_close(j->shim);
		return false;
	}
	if (j->record.state == CG_JOB_STARTING)
		job_move(j, CG_ON_STARTED, "started");
	tell(j->m, j, CG_EVENT_JOB, "shim-lost",
		"its shim was killed; it goes on, and its exit status will be unknown");
	return true;
}

void job_shim_gone(struct job *j)
{
	struct shim_end end;
	int pid, r;

	forget_shim(j);
	r = read_end(j, &end);
	if (r == -ENOENT && job_has_begun(j, &pid) && watch_payload(j, pid))
		return;
	j->ended = true;
	r = cg_host_populated(&j->m->host, j->spec.id);
	if (r == 0 || r == -ENOENT) {
		job_empty(j);
		return;
	}
	/* Its main process has ended; what it left behind ends with it. */
	if (j->record.state != CG_JOB_STOPPING)
		job_move(j, CG_ON_STOP, "ending");
	j->timer = sd_event_source_disable_unref(j->timer);
	job_unwait(j, WAIT_FROZEN | WAIT_THAWED);
	job_kill_rest(j);
}

/* Why it ended: by what the kernel counted and what we did. */
static void set_cause(struct job *j, const struct shim_end *end)
{
	bool oom, killed = end->kind == SHIM_END_SIGNAL;
	struct cg_job_usage use;

	cg_host_usage(&j->m->host, j->spec.id, 1u << CG_USE_OOM, &use);
	oom = use.has && use.value[CG_USE_OOM] > 0;
	if (j->record.asked_end)
		j->record.cause = j->record.asked_end;
	else if (oom && (killed ? end->code == SIGKILL : end->code != 0))
		j->record.cause = CG_CAUSE_OOM;
	else if (killed && end->code == j->client_signal)
		j->record.cause = CG_CAUSE_CLIENT;
	else
		j->record.cause = killed ? CG_CAUSE_SIGNAL : CG_CAUSE_EXIT;
}

static void note_dropped(struct job *j, const struct shim_end *end)
{
	_cleanup_text_ struct cg_text t = {0};

	if (!end->dropped)
		return;
	cg_text_printf(&t, "%llu bytes of its output could not be written to its log: %s",
		(unsigned long long)end->dropped, strerror(end->dropped_code));
	job_reason(j, t.data);
}

static void conclude(struct job *j, const struct shim_end *end)
{
	_cleanup_text_ struct cg_text t = {0};

	switch (end->kind) {
	case SHIM_END_EXIT:
	case SHIM_END_SIGNAL:
		free(j->record.restore);
		j->record.restore = NULL;
		set_cause(j, end);
		j->record.code = end->code;
		note_dropped(j, end);
		/* A start that ended before its answer was read was a start all the same. */
		clients_notify(j, CLIENT_START, NULL);
		if (end->kind == SHIM_END_EXIT)
			job_move(j, CG_ON_EXIT, "exited");
		else
			job_move(j, CG_ON_SIGNAL, "killed");
		return;
	case SHIM_END_FAILED:
		if (end->stage == SHIM_NO_RESTORE)
			restore_why(j, end->code, &t);
		else
			cg_text_printf(&t, "cannot %s: %s", shim_stage_what(end->stage), strerror(end->code));
		j->record.code = end->stage == SHIM_NO_EXEC ? (end->code == ENOENT ? 127 : 126) : 125;
		job_fail(j, t.data);
		return;
	}
}

static void lose(struct job *j)
{
	j->record.cause = CG_CAUSE_SHIM;
	job_reason(j, "its shim was killed before the job ended, so nobody knows how it ended");
	job_move(j, CG_ON_LOSE, "lost");
	clients_notify(j, CLIENT_START, NULL);
}

static void start_again(struct job *j)
{
	j->client_signal = 0;
	j->record.restarts++;
	j->record.frozen_by = 0;
	job_move(j, CG_ON_QUEUE, "restarting");
	job_arm_timer(j);
}

void job_after_end(struct job *j)
{
	if (cg_job_restarts(&j->spec, &j->record) && !j->m->quitting)
		start_again(j);
	else if (j->record.state != CG_JOB_FAILED)
		job_final(j);
}

void job_empty(struct job *j)
{
	struct shim_end end;
	int pid, r;

	j->held = j->record.checkpoint != NULL;
	if (j->held)
		return;
	job_watch_stop(j);
	j->timer = sd_event_source_disable_unref(j->timer);
	r = read_end(j, &end);
	j->record.ended_us = realtime_us();
	if (r < 0 && !job_has_begun(j, &pid) && !j->record.asked_end && !j->spec.foreground) {
		/* Its shim ended before it did anything: the job has not run. */
		if (cg_host_remove(&j->m->host, j->spec.id) < 0)
			cg_debug("the group of %s stays behind", j->spec.id);
		job_move(j, CG_ON_QUEUE, "requeued");
		queue_kick(j->m);
		return;
	}
	if (r == 0)
		conclude(j, &end);
	else
		lose(j);
	cg_strings_free(&j->overrides);
	/* Whoever waits is answered first; nothing else is looked at before the group is gone. */
	job_after_end(j);
	r = cg_host_remove(&j->m->host, j->spec.id);
	if (r < 0)
		cg_log(CG_LOG_WARNING, "the group of job %s cannot be removed: %s", j->spec.id, strerror(-r));
}
