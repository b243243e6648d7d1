/* Shims: a few wait ready, so that a start needs no execve(2) of ours before the payload's. A shim that waits
 * has done nothing and ends with us; one that was told is journalled before it is told. */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "kernel/cgroupfs.h"
#include "kernel/files.h"
#include "kernel/tasks.h"
#include "manager/move.h"

#define SOCKET_AT  3
#define REFILL_US  10000
#define LOG_BESIDE ".log"

/* Only calls that are safe after a fork of a process with threads. */
_Noreturn static void become_shim(const struct cg_manager *m, int sock)
{
	char program[] = "cgtree-shim", at[] = "3";
	char *argv[] = {program, at, NULL}, *env[] = {NULL};

	(void)setsid();
	if (dup2(m->null, STDIN_FILENO) < 0 || dup2(m->null, STDOUT_FILENO) < 0 ||
		dup2(m->null, STDERR_FILENO) < 0)
		_exit(127);
	if (sock == SOCKET_AT ? fcntl(sock, F_SETFD, 0) < 0 : dup2(sock, SOCKET_AT) < 0)
		_exit(127);
	/* What we were given open by whoever started us is not for jobs. */
	(void)syscall(SYS_close_range, SOCKET_AT + 1, ~0u, CLOSE_RANGE_CLOEXEC);
	(void)syscall(SYS_execveat, m->shim_program, "", argv, env, AT_EMPTY_PATH);
	_exit(127);
}

static pid_t clone_shim(const struct cg_manager *m, int *ret_pidfd)
{
	int pidfd = -1;
	struct clone_args args = {.flags = CLONE_PIDFD | (m->host.v2 ? CLONE_INTO_CGROUP : 0),
		.exit_signal = SIGCHLD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.cgroup = m->host.v2 ? (uint64_t)m->host.shims : 0};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == -1 && (errno == ENOSYS || errno == E2BIG || errno == EINVAL)) {
		pid = fork();
		if (pid > 0)
			pidfd = pidfd_open((pid_t)pid, 0);
	}
	*ret_pidfd = pidfd;
	return (pid_t)pid;
}

static void shim_drop(struct shim_process *p)
{
	/* The end of its socket ends it; it was not told anything. */
	p->sock = cg_close(p->sock);
	if (p->pidfd >= 0)
		(void)waitid(P_PIDFD, (id_t)p->pidfd, &(siginfo_t){0}, WEXITED);
	p->pidfd = cg_close(p->pidfd);
}

static int spawn(struct cg_manager *m, struct shim_process *ret, struct cg_error **err)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	struct shim_process p = {-1, -1, {0}};
	int pair[2], r = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return cg_error_errno(err, errno, "cannot make a socket for a shim");
	pid = clone_shim(m, &p.pidfd);
	if (pid == 0)
		become_shim(m, pair[1]);
	(void)cg_close(pair[1]);
	p.sock = pair[0];
	if (pid < 0) {
		r = cg_error_errno(err, errno, "cannot start a shim");
		(void)cg_close(p.sock);
		return r;
	}
	p.id.pid = pid;
	if (!m->host.v2)
		r = cg_cgroup_attach(m->host.shims, CG_FILE_PROCS, pid);
	r = r < 0 ? r : cg_proc_start_time(m->proc, pid, &b, &p.id.start_time);
	if (r < 0) {
		shim_drop(&p);
		return cg_error_errno(err, -r, "cannot look after a shim");
	}
	*ret = p;
	return 0;
}

static bool has_ended(const struct shim_process *p)
{
	struct pollfd look = {.fd = p->pidfd, .events = POLLIN};

	return poll(&look, 1, 0) != 0;
}

int shim_take(struct cg_manager *m, struct shim_process *ret, struct cg_error **err)
{
	int r = 0;

	/* One that somebody killed while it waited is no use. */
	while (m->pooled && has_ended(&m->pool[m->pooled - 1]))
		shim_drop(&m->pool[--m->pooled]);
	if (m->pooled)
		*ret = m->pool[--m->pooled];
	else
		r = spawn(m, ret, err);
	if (r == 0 && m->pooled < POOL)
		shim_refill(m);
	return r;
}

static int on_refill(sd_event_source *source, uint64_t usec, void *context)
{
	struct cg_manager *m = context;
	_cleanup_error_ struct cg_error *err = NULL;

	(void)source;
	(void)usec;
	while (!m->quitting && m->pooled < POOL) {
		if (spawn(m, &m->pool[m->pooled], &err) < 0) {
			cg_log(CG_LOG_WARNING, "no shim kept ready: %s", err->message);
			break;
		}
		m->pooled++;
	}
	return 0;
}

/* A moment later: to clone takes the lock that the payload of the job just started needs to enter its groups,
 * and we would wait for it where its answer should be read. */
void shim_refill(struct cg_manager *m)
{
	int enabled = SD_EVENT_OFF;

	if (!m->refill) {
		if (sd_event_add_time_relative(
			    m->loop, &m->refill, CLOCK_MONOTONIC, REFILL_US, 1, on_refill, m) < 0)
			return;
		(void)sd_event_source_set_priority(m->refill, SD_EVENT_PRIORITY_IDLE);
		return;
	}
	if (sd_event_source_get_enabled(m->refill, &enabled) >= 0 && enabled != SD_EVENT_OFF)
		return;
	(void)sd_event_source_set_time_relative(m->refill, REFILL_US);
	(void)sd_event_source_set_enabled(m->refill, SD_EVENT_ONESHOT);
}

void shims_release(struct cg_manager *m)
{
	while (m->pooled)
		shim_drop(&m->pool[--m->pooled]);
	m->refill = sd_event_source_disable_unref(m->refill);
}

int open_log(struct cg_manager *m, const char *id, int flags)
{
	_cleanup_text_ struct cg_text name = {0};
	_cleanup_close_ int fd = -1;
	struct stat st;

	cg_text_printf(&name, "%s" LOG_BESIDE, id);
	if (name.failed)
		return -ENOMEM;
	fd = openat(m->log_dir, name.data, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	/* A link or pipe that somebody planted is not written to. */
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid != geteuid())
		return -EPERM;
	return cg_steal_fd(&fd);
}

static void add_strings(struct cg_text *t, enum shim_tag tag, const struct cg_strings *s)
{
	for (const char *p = cg_strings_next(s, NULL); p; p = cg_strings_next(s, p))
		shim_spec_add(t, tag, p);
}

/* Where the v1 freezer's group stands among those that follow. */
static void add_v1(const struct job *j, struct cg_text *t, const uint32_t *index, uint32_t count)
{
	shim_spec_add_number(t, SHIM_V1_GROUPS, count);
	for (uint32_t i = 0; i < count; i++)
		if (!j->m->host.v2 && index[i] == j->m->host.main)
			shim_spec_add_number(t, SHIM_FREEZER, i);
}

static int add_command(struct job *j, struct cg_text *t)
{
	if (j->record.restore)
		return restore_words(j, t);
	add_strings(t, SHIM_ARG, &j->spec.argv);
	add_strings(t, SHIM_ENV, &j->spec.env);
	return 0;
}

static int make_spec(struct job *j, const uint32_t *v1, uint32_t v1s, int *ret_fd)
{
	_cleanup_text_ struct cg_text t = {0};
	_cleanup_close_ int fd = -1;
	const struct cg_job_spec *s = &j->spec;
	int r;

	shim_spec_add(&t, SHIM_ID, s->id);
	shim_spec_add(&t, SHIM_CWD, s->cwd);
	r = add_command(j, &t);
	if (r < 0)
		return r;
	add_strings(&t, SHIM_GROUP, &s->groups);
	shim_spec_add_number(&t, SHIM_UID, s->uid);
	shim_spec_add_number(&t, SHIM_GID, s->gid);
	shim_spec_add_number(&t, SHIM_NOFILE_SOFT, j->m->nofile_soft);
	shim_spec_add_number(&t, SHIM_NOFILE_HARD, j->m->nofile_hard);
	shim_spec_add_number(&t, SHIM_OOM_ADJ, (uint64_t)(j->m->oom_adj + 1000));
	shim_spec_add_number(&t, SHIM_NICE, (uint64_t)(j->m->nice + 20));
	shim_spec_add_number(&t, SHIM_LOG_SIZE, j->m->options.log_size);
	shim_spec_add_number(&t, SHIM_THAW_MS, (j->m->options.thaw_us + 999) / 1000);
	add_v1(j, &t, v1, v1s);
	if (s->foreground)
		shim_spec_add(&t, SHIM_FOREGROUND, "");
	if (s->new_privs)
		shim_spec_add(&t, SHIM_NEW_PRIVS, "");
	if (t.failed)
		return -ENOMEM;
	fd = memfd_create("cgtree-job", MFD_CLOEXEC);
	r = fd < 0 ? -errno : cg_write_all(fd, t.data, t.len);
	if (r == 0)
		*ret_fd = cg_steal_fd(&fd);
	return r;
}

struct gathered {
	int fd[SHIM_FDS_MOST];
	size_t count, borrowed; /* the last ones are the caller's */
};

static void gathered_close(struct gathered *g)
{
	for (size_t i = 0; i + g->borrowed < g->count; i++)
		(void)cg_close(g->fd[i]);
}

static int add_null(struct cg_manager *m)
{
	return fcntl(m->null, F_DUPFD_CLOEXEC, 0);
}

/* The groups that the job was made in v1 hierarchies. One of its name elsewhere was left by an earlier one.
 */
static int gather_v1(struct job *j, struct gathered *g, uint32_t *index, uint32_t *count)
{
	const struct cg_host *h = &j->m->host;

	*count = 0;
	for (size_t i = 0; i < h->live.count; i++) {
		int fd = -1, r;

		if (h->live.item[i].version != 1 || !(j->where & 1u << i))
			continue;
		r = cg_host_group(h, i, j->spec.id, &fd);
		if (r < 0 || *count == SHIM_V1_MOST) {
			(void)cg_close(fd);
			return r < 0 ? r : -E2BIG;
		}
		index[(*count)++] = (uint32_t)i;
		g->fd[g->count++] = fd;
	}
	return 0;
}

static int gather(struct job *j, struct gathered *g, const int stdio[3])
{
	struct cg_manager *m = j->m;
	uint32_t index[SHIM_V1_MOST], count = 0;
	int r;

	g->count = SHIM_FDS;
	for (int i = 0; i < SHIM_FDS; i++)
		g->fd[i] = -1;
	r = cg_store_job_dir(&m->store, j->spec.id, &g->fd[SHIM_FD_JOB]);
	r = r < 0 ? r : gather_v1(j, g, index, &count);
	r = r < 0 ? r : make_spec(j, index, count, &g->fd[SHIM_FD_SPEC]);
	if (r < 0)
		return r;
	g->fd[SHIM_FD_LOG_DIR] = fcntl(m->log_dir, F_DUPFD_CLOEXEC, 0);
	g->fd[SHIM_FD_ALIVE] = fcntl(m->alive[0], F_DUPFD_CLOEXEC, 0);
	g->fd[SHIM_FD_LOG] =
		j->spec.foreground ? add_null(m) : open_log(m, j->spec.id, O_WRONLY | O_CREAT | O_APPEND);
	if (g->fd[SHIM_FD_LOG] < 0)
		return j->spec.foreground ? -errno : g->fd[SHIM_FD_LOG];
	if (m->host.v2)
		r = cg_host_group(&m->host, m->host.main, j->spec.id, &g->fd[SHIM_FD_V2]);
	else
		g->fd[SHIM_FD_V2] = add_null(m);
	if (r < 0 || g->fd[SHIM_FD_LOG_DIR] < 0 || g->fd[SHIM_FD_ALIVE] < 0 || g->fd[SHIM_FD_V2] < 0)
		return r < 0 ? r : -errno;
	if (j->record.restore) {
		r = restore_gather(j, &g->fd[g->count], &g->fd[g->count + 1]);
		g->count += 2;
	}
	for (int i = 0; j->spec.foreground && i < 3; i++) {
		g->fd[g->count++] = stdio[i];
		g->borrowed++;
	}
	return 0;
}

static int send_fds(int sock, const struct gathered *g)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * SHIM_FDS_MOST)] = {0};
	char byte = 'g';
	struct iovec part = {&byte, 1};
	struct msghdr m = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(sizeof(int) * g->count)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * g->count);
	memcpy(CMSG_DATA(c), g->fd, sizeof(int) * g->count);
	return sendmsg(sock, &m, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

/* The log of an earlier job of this id is kept as one that was turned over. */
static void turn_over(const struct job *j)
{
	_cleanup_text_ struct cg_text name = {0}, old = {0};

	cg_text_printf(&name, "%s" LOG_BESIDE, j->spec.id);
	cg_text_printf(&old, "%s" LOG_BESIDE ".1", j->spec.id);
	if (!name.failed && !old.failed)
		(void)renameat(j->m->log_dir, name.data, j->m->log_dir, old.data);
}

int shim_tell(struct job *j, const int stdio[3], struct cg_error **err)
{
	_cleanup_(gathered_close) struct gathered g = {0};
	int r;

	if (!j->spec.foreground && (j->record.restarts == 0 || j->record.restore))
		turn_over(j);
	r = gather(j, &g, stdio);
	r = r < 0 ? r : send_fds(j->answer, &g);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot tell the shim of %s what to do", j->spec.id);
	return 0;
}
