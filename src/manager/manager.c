/* The loop, and the order in which things come and go. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own_program.h"
#include "kernel/tasks.h"
#include "manager/private.h"

#define OOM_PROTECTED -900
#define PRECEDENCE    -10
#define THAW_US       30000000

static uint64_t clock_us(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t realtime_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

uint64_t monotonic_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

char *short_words(const char *text)
{
	static const char more[] = "...";
	size_t len = strnlen(text, WORDS_MOST + 1), cut = WORDS_MOST - strlen(more);
	char *copy;

	if (len <= WORDS_MOST)
		return strdup(text);
	copy = malloc(WORDS_MOST + 1);
	if (!copy)
		return NULL;
	/* Not within a character. */
	while (cut && ((unsigned char)text[cut] & 0xc0) == 0x80)
		cut--;
	memcpy(copy, text, cut);
	memcpy(copy + cut, more, sizeof(more));
	return copy;
}

void tell(
	struct cg_manager *m, struct job *j, enum cg_event_kind kind, const char *what, const char *fmt, ...)
{
	struct cg_event e = {.kind = kind, .what = what};
	_cleanup_free_ char *text = NULL;
	const struct cg_event *kept;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text && text[0])
		e.text = short_words(text);
	if (j) {
		(void)snprintf(e.id, sizeof(e.id), "%s", j->spec.id);
		e.state = j->record.state;
		e.cause = j->record.cause;
		e.code = j->record.code;
	}
	kept = cg_event_add(&m->events, &e);
	if (kept) {
		cg_governor_event(m->governor, kept);
		server_event(m, kept);
	}
}

void manager_maybe_quit(struct cg_manager *m)
{
	if (m->quitting && m->live == 0)
		(void)sd_event_exit(m->loop, 0);
}

void manager_quit(struct cg_manager *m, bool keep_jobs)
{
	if (m->quitting)
		return;
	m->quitting = true;
	m->keep = keep_jobs;
	tell(m, NULL, CG_EVENT_MANAGER, "quit", "%s", keep_jobs ? "jobs go on" : "jobs are ended");
	(void)sd_notify(0, "STOPPING=1");
	if (keep_jobs) {
		(void)sd_event_exit(m->loop, 0);
		return;
	}
	for (uint32_t i = 0; i < m->jobs; i++) {
		_cleanup_error_ struct cg_error *err = NULL;
		struct job *j = m->job[i];

		if (cg_job_state_is_final(j->record.state))
			continue;
		if (job_stop(j, j->spec.grace_us, CG_CAUSE_CLIENT, &err) < 0)
			cg_log(CG_LOG_ERROR, "%s", err->message);
	}
	manager_maybe_quit(m);
}

/* Whoever stops the manager does not mean its jobs: those go on, and the next one finds them. */
static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	(void)source;
	(void)info;
	manager_quit(context, true);
	return 0;
}

static int add_signals(struct cg_manager *m)
{
	static const int signals[] = {SIGTERM, SIGINT};
	sigset_t block;
	int r = 0;

	(void)sigemptyset(&block);
	for (size_t i = 0; i < CG_ARRAY_SIZE(signals); i++)
		(void)sigaddset(&block, signals[i]);
	if (sigprocmask(SIG_BLOCK, &block, NULL) < 0)
		return -errno;
	(void)signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; r >= 0 && i < CG_ARRAY_SIZE(signals); i++)
		r = sd_event_add_signal(m->loop, NULL, signals[i], on_signal, m);
	return r < 0 ? r : 0;
}

/* Room for a descriptor or two for each job; what we had is what jobs get. */
static void raise_files(struct cg_manager *m)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return;
	m->nofile_soft = l.rlim_cur;
	m->nofile_hard = l.rlim_max;
	if (geteuid() == 0 && l.rlim_max < 65536)
		l.rlim_max = 65536;
	l.rlim_cur = l.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &l) < 0) {
		l.rlim_cur = l.rlim_max = m->nofile_hard;
		(void)setrlimit(RLIMIT_NOFILE, &l);
	}
}

/* The OOM killer shall not take those who look after the others. Jobs get what we had, but no protection:
 * that was meant for us. */
static void protect(struct cg_manager *m)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_text_ struct cg_text t = {0};
	int64_t now;

	if (cg_read_path_at(AT_FDCWD, "/proc/self/oom_score_adj", &b) < 0 ||
		cg_parse_s64(cg_bytes_trim((struct cg_bytes){b.data, b.len}), &now) < 0 || now < -1000 ||
		now > 1000)
		return;
	m->oom_adj = now > 0 ? (int)now : 0;
	cg_text_printf(&t, "%d", OOM_PROTECTED);
	if (now > OOM_PROTECTED && !t.failed &&
		cg_write_at(AT_FDCWD, "/proc/self/oom_score_adj", (struct cg_bytes){t.data, t.len}) < 0)
		cg_debug("the manager is not protected from the OOM killer");
}

/* Who governs processors that everybody wants must not queue for them behind those that it governs. Without
 * the privilege we do. Jobs and shims at work get what we had. */
static void take_precedence(struct cg_manager *m)
{
	m->nice = getpriority(PRIO_PROCESS, 0);
	if (m->nice > PRECEDENCE && setpriority(PRIO_PROCESS, 0, PRECEDENCE) < 0)
		cg_debug("the manager has no precedence over its jobs");
}

static int open_shim(struct cg_manager *m, struct cg_error **err)
{
	m->shim_program = cg_own_program(m->options.shim, "cgtree-shim", NULL, err);
	if (m->shim_program >= 0)
		return 0;
	cg_error_hint(err, "it is installed with cgtree, in libexec/cgtree; --shim names another place");
	return m->shim_program;
}

static int open_logs(struct cg_manager *m, struct cg_error **err)
{
	struct stat st;

	if (mkdir(m->options.log_dir, 0755) < 0 && errno != EEXIST)
		return cg_error_errno(err, errno, "cannot make the directory %s", m->options.log_dir);
	m->log_dir = open(m->options.log_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->log_dir < 0 || fstat(m->log_dir, &st) < 0)
		return cg_error_errno(err, errno, "cannot open the directory %s", m->options.log_dir);
	if (st.st_uid != geteuid() || st.st_mode & 0022)
		return cg_error_make(err, CG_FAULT_SYSTEM, EPERM,
			"the directory %s belongs to another, or others may write there", m->options.log_dir);
	return 0;
}

static void defaults(struct cg_manager_options *o)
{
	o->socket = o->socket ? o->socket : CG_MANAGER_SOCKET;
	o->run_dir = o->run_dir ? o->run_dir : CG_MANAGER_RUN_DIR;
	o->state_dir = o->state_dir ? o->state_dir : CG_MANAGER_STATE_DIR;
	o->log_dir = o->log_dir ? o->log_dir : CG_MANAGER_LOG_DIR;
	o->thaw_us = o->thaw_us ? o->thaw_us : THAW_US;
	o->keep_results = o->keep_results ? o->keep_results : CG_MANAGER_KEEP;
	o->log_size = o->log_size ? o->log_size : CG_MANAGER_LOG_SIZE;
}

static int open_places(struct cg_manager *m, struct cg_error **err)
{
	int r = cg_proc_open(&m->proc, err);

	if (r < 0)
		return r;
	m->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (m->null < 0)
		return cg_error_errno(err, errno, "cannot open /dev/null");
	/* No pipe: of those a shim has one, the output of its job (move.c). */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, m->alive) < 0)
		return cg_error_errno(err, errno, "cannot make the socket that shows us alive");
	r = open_shim(m, err);
	r = r < 0 ? r : cg_host_open(&m->host, m->options.root, err);
	r = r < 0 ? r : scopes_open(m, err);
	r = r < 0 ? r : cg_store_open(&m->store, m->options.run_dir, m->options.state_dir, err);
	return r < 0 ? r : open_logs(m, err);
}

static int prepare(struct cg_manager *m, struct cg_error **err)
{
	int r = open_places(m, err);

	if (r < 0)
		return r;
	raise_files(m);
	protect(m);
	take_precedence(m);
	r = sd_event_new(&m->loop);
	r = r < 0 ? r : add_signals(m);
	r = r < 0 ? r : sd_event_set_watchdog(m->loop, true);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot set up the event loop");
	r = cg_governor_open(m, &m->governor, err);
	/* Listening comes last: who can connect is answered. */
	r = r < 0 ? r : reconcile(m, err);
	if (r == 0)
		cg_governor_kick(m->governor);
	return r < 0 ? r : listen_open(m, err);
}

static void manager_free(struct cg_manager *m)
{
	bool clean = m->quitting && !m->keep && m->live == 0;

	listen_close(m);
	if (m->loop)
		shims_release(m);
	m->queue_source = sd_event_source_disable_unref(m->queue_source);
	m->governor = cg_governor_close(m->governor);
	jobs_free(m);
	sd_event_unref(m->loop);
	if (clean)
		cg_host_clean(&m->host);
	cg_store_close(&m->store);
	cg_host_close(&m->host);
	cg_event_ring_free(&m->events);
	(void)cg_close(m->log_dir);
	(void)cg_close(m->shim_program);
	(void)cg_close(m->null);
	(void)cg_close(m->alive[0]);
	(void)cg_close(m->alive[1]);
	(void)cg_close(m->proc);
	free(m);
}

int cg_manager_run(const struct cg_manager_options *options, struct cg_error **err)
{
	struct cg_manager *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return cg_error_oom(err);
	m->options = *options;
	m->proc = m->null = m->log_dir = m->shim_program = m->listener.dir = m->listener.lock = -1;
	m->alive[0] = m->alive[1] = -1;
	m->store = (struct cg_store){.run = -1, .jobs = -1, .lock = -1, .state = -1};
	m->host.shims = -1;
	defaults(&m->options);
	r = prepare(m, err);
	if (r == 0) {
		shim_refill(m);
		tell(m, NULL, CG_EVENT_MANAGER, "ready", "%u jobs", m->jobs);
		(void)sd_notifyf(0, "READY=1\nSTATUS=%u jobs below %s", m->jobs, m->host.top.path);
		cg_log(CG_LOG_INFO, "manages %s, listens at %s", m->host.top.path,
			m->activated ? "systemd's socket" : m->options.socket);
		r = sd_event_loop(m->loop);
		if (r < 0)
			r = cg_error_errno(err, -r, "the event loop failed");
	}
	manager_free(m);
	return r;
}
