/* Waiting for a group: by the kernel's notification on v2 (EPOLLPRI on cgroup.events after it was read), by
 * asking again on v1, which has none: after 1 ms, doubling to 64 ms. Only while something is waited for. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "kernel/files.h"
#include "manager/private.h"

#define FREEZE_US      10000000 /* a freeze that takes longer has failed */
#define ASK_LONGEST_MS 64

static void freeze_failed(struct job *j)
{
	_cleanup_error_ struct cg_error *err = NULL;

	j->waits &= (uint8_t)~WAIT_FROZEN;
	(void)cg_error_make(&err, CG_FAULT_SYSTEM, ETIMEDOUT,
		"the kernel did not freeze the job %s within %d seconds", j->spec.id, FREEZE_US / 1000000);
	cg_error_hint(
		&err, "a process in uninterruptible sleep cannot be frozen; the request was taken back");
	j->record.frozen_by = 0;
	job_record(j);
	if (cg_host_freeze(&j->m->host, j->spec.id, false) < 0)
		cg_log(CG_LOG_ERROR, "job %s cannot be thawed", j->spec.id);
	clients_notify(j, CLIENT_FREEZE, err);
}

/* What has come true is done with; true when the job may be gone afterwards. */
static bool progress(struct job *j)
{
	int r;

	if (j->waits & WAIT_EMPTY) {
		r = cg_host_populated(&j->m->host, j->spec.id);
		if (r == 0 || r == -ENOENT || r == -ENODEV) {
			j->waits &= (uint8_t)~WAIT_EMPTY;
			job_empty(j);
			return true;
		}
	}
	if (!(j->waits & (WAIT_FROZEN | WAIT_THAWED)))
		return false;
	r = cg_host_frozen(&j->m->host, j->spec.id);
	if (j->waits & WAIT_FROZEN && r == 1) {
		j->waits &= (uint8_t)~WAIT_FROZEN;
		if (j->record.state == CG_JOB_RUNNING)
			job_move(j, CG_ON_FREEZE, "frozen");
		clients_notify(j, CLIENT_FREEZE, NULL);
	} else if (j->waits & WAIT_FROZEN && monotonic_us() > j->freeze_deadline) {
		freeze_failed(j);
	} else if (j->waits & WAIT_THAWED && r == 0) {
		j->waits &= (uint8_t)~WAIT_THAWED;
		if (j->record.state == CG_JOB_FROZEN)
			job_move(j, CG_ON_THAW, "thawed");
		clients_notify(j, CLIENT_THAW, NULL);
	}
	return false;
}

static void go_on(struct job *j);

static int on_events(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct job *j = context;
	char text[256];

	(void)source;
	(void)events;
	/* The notification stands until the file is read. ENODEV: the group is gone, which is looked at next.
	 */
	if (pread(fd, text, sizeof(text), 0) < 0 && errno != ENODEV)
		cg_log(CG_LOG_WARNING, "events of job %s cannot be read: %s", j->spec.id, strerror(errno));
	go_on(j);
	return 0;
}

static int on_ask(sd_event_source *source, uint64_t usec, void *context)
{
	struct job *j = context;

	(void)source;
	(void)usec;
	/* What was killed while frozen dies when it is thawed, and more may have been made meanwhile. */
	if (j->waits & WAIT_EMPTY && j->asked && j->asked % 8 == 0)
		if (cg_host_kill(&j->m->host, j->spec.id, NULL) < 0)
			cg_debug("job %s is hard to kill", j->spec.id);
	go_on(j);
	return 0;
}

static int ask_later(struct job *j)
{
	unsigned ms = 1u << (j->asked < 6 ? j->asked : 6);

	j->asked++;
	if (j->watcher) {
		int r = sd_event_source_set_time_relative(
			j->watcher, (uint64_t)(ms > ASK_LONGEST_MS ? ASK_LONGEST_MS : ms) * 1000);

		return r < 0 ? r : sd_event_source_set_enabled(j->watcher, SD_EVENT_ONESHOT);
	}
	return sd_event_add_time_relative(
		j->m->loop, &j->watcher, CLOCK_MONOTONIC, (uint64_t)ms * 1000, 1, on_ask, j);
}

static int watch_events(struct job *j)
{
	_cleanup_close_ int group = -1, fd = -1;
	int r = cg_host_group(&j->m->host, j->m->host.main, j->spec.id, &group);
	char text[256];

	if (r < 0)
		return r;
	fd = openat(group, CG_FILE_EVENTS, O_RDONLY | O_CLOEXEC);
	/* Read once, for only changes after that are told. */
	if (fd < 0 || pread(fd, text, sizeof(text), 0) < 0)
		return -errno;
	r = sd_event_add_io(j->m->loop, &j->watcher, fd, EPOLLPRI | EPOLLET, on_events, j);
	if (r < 0)
		return r;
	(void)sd_event_source_set_io_fd_own(j->watcher, true);
	(void)cg_steal_fd(&fd);
	return 0;
}

static void go_on(struct job *j)
{
	if (progress(j))
		return;
	if (!j->waits) {
		job_watch_stop(j);
		return;
	}
	if (!j->m->host.v2 && ask_later(j) < 0)
		cg_log(CG_LOG_ERROR, "job %s cannot be watched", j->spec.id);
}

void job_watch(struct job *j, unsigned waits)
{
	struct cg_manager *m = j->m;
	int r = 0;

	j->waits |= (uint8_t)waits;
	if (waits & WAIT_FROZEN)
		j->freeze_deadline = monotonic_us() + FREEZE_US;
	if (m->host.v2 && !j->watcher)
		r = watch_events(j);
	if (r < 0 && r != -ENOENT && r != -ENODEV)
		cg_log(CG_LOG_ERROR, "job %s cannot be watched: %s", j->spec.id, strerror(-r));
	j->asked = 0;
	go_on(j);
}

void job_unwait(struct job *j, unsigned waits)
{
	static const struct {
		enum job_wait wait;
		enum client_wait client;
		const char *what, *instead;
	} all[] = {{WAIT_FROZEN, CLIENT_FREEZE, "frozen", "thawed"},
		{WAIT_THAWED, CLIENT_THAW, "thawed", "frozen again"}};

	j->waits &= (uint8_t)~waits;
	for (size_t i = 0; i < CG_ARRAY_SIZE(all); i++) {
		_cleanup_error_ struct cg_error *err = NULL;
		bool goes_on = j->record.state == CG_JOB_RUNNING || j->record.state == CG_JOB_FROZEN;

		if (!(waits & all[i].wait) || !j->waiting)
			continue;
		(void)cg_error_make(&err, CG_FAULT_SYSTEM, ECANCELED,
			"the job %s is not %s: it was to be %s before the kernel had done that", j->spec.id,
			all[i].what, goes_on ? all[i].instead : "ended");
		clients_notify(j, all[i].client, err);
	}
}

void job_watch_stop(struct job *j)
{
	job_unwait(j, j->waits | WAIT_FROZEN | WAIT_THAWED);
	j->watcher = sd_event_source_disable_unref(j->watcher);
}
