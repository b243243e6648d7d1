/* What was there when we came: each journal is set beside what runs. A job whose shim lives is taken over as
 * it is; one whose shim has ended is brought to its end; one that never began is started. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>

#include "base/log.h"
#include "kernel/tasks.h"
#include "manager/move.h"

static void lose(struct job *j, enum cg_job_cause cause, const char *reason)
{
	j->record.cause = cause;
	j->record.ended_us = realtime_us();
	job_reason(j, reason);
	job_move(j, CG_ON_LOSE, "lost");
	cg_store_keep(&j->m->store, j->spec.id, &j->spec, &j->record);
}

/* A job from its journal; takes what is in *journal. */
static struct job *job_of(struct cg_manager *m, struct cg_journal *journal)
{
	struct job *j = job_add(m, &journal->spec);

	if (!j)
		return NULL;
	j->record = journal->record;
	journal->record = (struct cg_job_record){0};
	j->overrides = journal->overrides;
	journal->overrides = (struct cg_strings){0};
	m->live += cg_job_state_is_live(j->record.state);
	return j;
}

static int damaged(struct cg_manager *m, const char *id)
{
	cg_log(CG_LOG_ERROR, "the journal of job %s is damaged: what became of it is not known", id);
	tell(m, NULL, CG_EVENT_MANAGER, "damaged", "the journal of job %s", id);
	return 0;
}

static int load_live(void *context, const char *id, struct cg_bytes text)
{
	_cleanup_journal_ struct cg_journal journal = {0};
	struct cg_manager *m = context;
	int r;

	/* A folder without a journal: its job was not accepted yet, or removed already. */
	if (text.len == 0) {
		cg_store_remove(&m->store, id);
		return 0;
	}
	r = cg_journal_parse(text, &journal);
	if (r == -ENOMEM)
		return r;
	if (r < 0 || strcmp(journal.spec.id, id) != 0)
		return damaged(m, id);
	return job_of(m, &journal) ? 0 : -ENOMEM;
}

/* What the state directory alone knows: results, and what a reboot took along. */
static int load_kept(void *context, const char *id, struct cg_bytes text)
{
	_cleanup_journal_ struct cg_journal journal = {0};
	struct cg_manager *m = context;
	struct job *j;
	int r;

	if (job_find(m, id))
		return 0;
	r = text.len ? cg_journal_parse(text, &journal) : -EINVAL;
	if (r == -ENOMEM)
		return r;
	if (r < 0 || strcmp(journal.spec.id, id) != 0)
		return damaged(m, id);
	j = job_of(m, &journal);
	if (!j)
		return -ENOMEM;
	if (cg_job_state_is_live(j->record.state)) {
		if (m->store.rebooted)
			lose(j, CG_CAUSE_REBOOT, "the host was booted anew while it ran");
		else
			lose(j, CG_CAUSE_SHIM, "its journal in the run directory is gone");
	} else {
		job_record(j);
	}
	return 0;
}

int open_process(const struct cg_manager *m, const struct cg_job_process *p)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_close_ int fd = p->pid > 0 ? pidfd_open(p->pid, 0) : -1;
	uint64_t start;

	if (fd < 0 || cg_proc_start_time(m->proc, p->pid, &b, &start) < 0 || start != p->start_time)
		return -1;
	return cg_steal_fd(&fd);
}

static bool begun(struct job *j)
{
	int pid;

	if (!job_has_begun(j, &pid) || pid <= 0)
		return false;
	job_begun(j, pid);
	return true;
}

/* The shim was told, but its answer went to the manager before us: what it writes tells the same. */
static int on_written(sd_event_source *source, const struct inotify_event *event, void *context)
{
	struct job *j = context;

	(void)source;
	(void)event;
	if (j->record.state != CG_JOB_STARTING || begun(j))
		j->answer_source = sd_event_source_disable_unref(j->answer_source);
	return 0;
}

static void await_begin(struct job *j)
{
	_cleanup_close_ int dir = -1;
	char path[64];

	if (cg_store_job_dir(&j->m->store, j->spec.id, &dir) < 0)
		return;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	if (sd_event_add_inotify(j->m->loop, &j->answer_source, path, IN_MODIFY | IN_ONLYDIR, on_written, j) <
		0)
		cg_log(CG_LOG_WARNING, "the start of job %s will not be noticed", j->spec.id);
	/* It may have been written in between. */
	if (begun(j))
		j->answer_source = sd_event_source_disable_unref(j->answer_source);
}

/* Limits that pressure laid over are what the job was given again. */
static void lift_overrides(struct job *j)
{
	_cleanup_error_ struct cg_error *err = NULL;

	if (!j->overrides.count)
		return;
	if (job_lift(j, NULL, &err) < 0)
		cg_log(CG_LOG_ERROR, "job %s: a limit cannot be restored: %s", j->spec.id, err->message);
	else
		tell(j->m, j, CG_EVENT_LIMIT, "restored", "%s", "what pressure had changed before we came");
}

void job_settle_frozen(struct job *j)
{
	_cleanup_error_ struct cg_error *err = NULL;
	bool wanted = j->record.frozen_by & CG_FROZEN_BY_CLIENT;
	int r;

	if (!wanted && !j->record.frozen_by && j->record.state != CG_JOB_FROZEN &&
		cg_host_frozen(&j->m->host, j->spec.id) <= 0)
		return;
	if (wanted && j->record.state == CG_JOB_FROZEN && cg_host_frozen(&j->m->host, j->spec.id) <= 0)
		job_move(j, CG_ON_THAW, "thawed"); /* its shim did, while nobody was there */
	j->record.frozen_by &= CG_FROZEN_BY_CLIENT;
	r = wanted ? job_freeze(j, CG_FROZEN_BY_CLIENT, &err) : job_thaw(j, CG_FROZEN_BY_CLIENT, &err);
	if (r < 0)
		cg_log(CG_LOG_ERROR, "%s", err->message);
}

static void take_over(struct job *j)
{
	_cleanup_error_ struct cg_error *err = NULL;

	if (job_watch_shim(j) < 0) {
		cg_log(CG_LOG_ERROR, "the shim of job %s cannot be watched", j->spec.id);
		return;
	}
	tell(j->m, j, CG_EVENT_JOB, "adopted", "%s", "");
	lift_overrides(j);
	switch (j->record.state) {
	case CG_JOB_STARTING:
		await_begin(j);
		return;
	case CG_JOB_STOPPING:
		/* How far the one before us came is not known: it is told again. */
		j->grace_us = j->spec.grace_us;
		job_arm_timer(j);
		if (cg_host_freeze(&j->m->host, j->spec.id, false) < 0 ||
			cg_host_signal(&j->m->host, j->spec.id, SIGTERM, &err) < 0)
			cg_debug("job %s was not told to stop again", j->spec.id);
		return;
	default:
		job_settle_frozen(j);
		job_arm_timer(j);
	}
}

static void reconcile_job(struct job *j)
{
	struct cg_manager *m = j->m;

	/* Anew: a tail that was cut off must not stand before what comes. */
	j->journal_bytes = 0;
	if (cg_job_state_is_live(j->record.state) && m->store.rebooted) {
		lose(j, CG_CAUSE_REBOOT, "the host was booted anew while it ran");
		return;
	}
	job_record(j);
	if (cg_job_state_is_final(j->record.state)) {
		if (cg_host_remove(&m->host, j->spec.id) < 0)
			cg_debug("the group of %s stays behind", j->spec.id);
		j->forget = j->record.restore != NULL;
		m->forgets |= j->forget;
		job_after_end(j);
		return;
	}
	if (j->record.state == CG_JOB_QUEUED) {
		if (j->record.restarts)
			job_arm_timer(j);
		return;
	}
	job_adopt_move(j);
	j->shim = open_process(m, &j->record.shim);
	if (j->shim >= 0)
		take_over(j);
	else
		job_shim_gone(j);
}

struct looking {
	struct cg_manager *m;
	const struct cg_host_area *area;
};

/* Groups that no job has: empty ones go, the others are nobody's to kill. */
static int look_at_group(const char *name, unsigned char type, void *context)
{
	struct looking *l = context;
	struct cg_manager *m = l->m;
	_cleanup_text_ struct cg_text id = {0};

	(void)type;
	cg_text_printf(&id, "%s%s%s", l->area->name ? l->area->name : "", l->area->name ? ":" : "", name);
	if (id.failed)
		return -ENOMEM;
	if (!cg_job_id_is_valid(cg_bytes_of(name)) || job_find(m, id.data) ||
		cg_host_populated(&m->host, id.data) < 0)
		return 0;
	if (cg_host_populated(&m->host, id.data) == 0) {
		if (cg_host_remove(&m->host, id.data) < 0)
			cg_debug("the empty group %s stays behind", name);
	} else {
		cg_log(CG_LOG_WARNING,
			"%s/jobs/%s holds processes of no job that is known; they are left alone",
			l->area->path, name);
		tell(m, NULL, CG_EVENT_MANAGER, "stray",
			"the group %s holds processes of no job that is known", name);
	}
	return 0;
}

static int look_at_groups(struct cg_manager *m, const struct cg_host_area *area, struct cg_error **err)
{
	struct looking l = {m, area};
	int r = cg_host_each_group(&m->host, area, look_at_group, &l);

	return r < 0 ? cg_error_errno(err, -r, "cannot look through the groups below %s", area->path) : 0;
}

/* Where it is, when its socket was not asked for this time: it is kept all the same. */
static int find_area(struct job *j, struct cg_error **err)
{
	_cleanup_free_ char *name = NULL;
	size_t len = cg_job_area_len(j->spec.id);
	int r;

	if (!j->spec.area || len == 0 || j->m->store.rebooted || !cg_job_state_is_live(j->record.state))
		return 0;
	name = strndup(j->spec.id, len - 1);
	if (!name)
		return cg_error_oom(err);
	r = cg_host_add_area(&j->m->host, name, j->spec.area, err);
	if (r == -ENOENT) {
		/* Its groups are gone, and whatever ran there. */
		*err = cg_error_free(*err);
		return 0;
	}
	if (r < 0)
		cg_error_wrap(
			err, "the job %s runs there, so its --delegate has to stay as it was", j->spec.id);
	return r;
}

int reconcile(struct cg_manager *m, struct cg_error **err)
{
	int r = cg_store_each(&m->store, false, load_live, m);
	uint32_t at = 0;

	r = r < 0 ? r : cg_store_each(&m->store, true, load_kept, m);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot read the journals");
	for (uint32_t i = 0; i < m->jobs; i++) {
		r = find_area(m->job[i], err);
		if (r < 0)
			return r;
	}
	for (struct job *j; (j = job_from_handle(m, at)); at = j->handle + 1)
		reconcile_job(j);
	/* One that ended while we were away takes those along that belong to it. */
	at = 0;
	for (struct job *j; (j = job_from_handle(m, at)); at = j->handle + 1) {
		const struct job *parent = j->spec.service_of ? job_find(m, j->spec.service_of) : NULL;

		if (cg_job_state_is_final(j->record.state) || (j->spec.service_of && !parent))
			services_follow(j);
	}
	r = look_at_groups(m, &m->host.top, err);
	for (size_t i = 0; r == 0 && i < m->host.belows; i++)
		r = look_at_groups(m, &m->host.below[i], err);
	if (r < 0)
		return r;
	queue_kick(m);
	return 0;
}
