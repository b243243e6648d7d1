/* cgtree-shim FD: see shim.h. Started by the manager with its socket at FD; not for people. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "shim/shim.h"

/* Waits for "g" and its descriptors. False when the manager is gone: then nothing was done. */
static bool receive(struct shim *s)
{
	char byte;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * SHIM_FDS_MOST)];
	struct iovec part = {&byte, 1};
	struct msghdr m = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *c;
	ssize_t n;

	do
		n = recvmsg(s->sock, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	c = CMSG_FIRSTHDR(&m);
	if (n != 1 || byte != 'g' || (m.msg_flags & MSG_CTRUNC) || !c || c->cmsg_level != SOL_SOCKET ||
		c->cmsg_type != SCM_RIGHTS)
		return false;
	s->fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(s->fd, CMSG_DATA(c), s->fds * sizeof(int));
	return s->fds >= SHIM_FDS;
}

static int read_spec(struct shim *s, struct cg_buffer *b)
{
	int r = cg_read_fd(s->fd[SHIM_FD_SPEC], false, b);

	r = r < 0 ? r : shim_spec_parse((struct cg_bytes){b->data, b->len}, &s->spec);
	if (r == 0 && s->fds != SHIM_FDS + s->spec.v1_groups +
					(s->spec.foreground       ? 3u
						: s->spec.restore ? 2u
								  : 0u))
		r = -EINVAL;
	return r;
}

static void answer(struct shim *s, enum shim_stage stage, int code)
{
	struct shim_answer a = {(int32_t)stage, code, s->payload};

	(void)send(s->sock, &a, sizeof(a), MSG_NOSIGNAL);
}

/* Whether no manager is there that started us. */
static bool is_alone(const struct shim *s)
{
	struct pollfd p = {s->fd[SHIM_FD_ALIVE], 0, 0};

	return p.fd < 0 || poll(&p, 1, 0) != 0;
}

/* The end appears whole or not at all. A manager that is there takes it over at once and sees to the disk
 * behind its answer; for one that is still to come the disk is waited for here, where nobody waits. */
static void keep_end(const struct shim *s, const struct shim_end *end)
{
	_cleanup_text_ struct cg_text t = {0};
	_cleanup_close_ int fd = -1;
	int dir = s->fd[SHIM_FD_JOB];

	shim_end_write(&t, end);
	fd = openat(dir, SHIM_FILE_END ".new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || t.failed || cg_write_all(fd, t.data, t.len) < 0)
		return;
	if (is_alone(s))
		(void)fsync(fd);
	(void)renameat(dir, SHIM_FILE_END ".new", dir, SHIM_FILE_END);
}

/* Reaps all that ended; true with *end once the payload itself has. */
static bool reap(struct shim *s, struct shim_end *end)
{
	bool ended = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != s->payload)
			continue;
		ended = true;
		end->kind = WIFSIGNALED(status) ? SHIM_END_SIGNAL : SHIM_END_EXIT;
		end->code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
	}
	return ended;
}

/* The manager holds a lock while it lives; one that came after the first does too. */
static bool manager_lives(const struct shim *s)
{
	_cleanup_close_ int fd = openat(s->fd[SHIM_FD_JOB], SHIM_FILE_LOCK, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* Nobody but a manager can thaw what a manager froze: if none is there for too long, we do. A group that is
 * gone, or thawed already, is as it should be. */
static void left_alone(const struct shim *s)
{
	int r;

	if (manager_lives(s))
		return;
	if (s->spec.has_freezer)
		r = cg_write_at(s->fd[SHIM_FDS + s->spec.freezer], "freezer.state", CG_BYTES("THAWED"));
	else
		r = cg_write_at(s->fd[SHIM_FD_V2], "cgroup.freeze", CG_BYTES("0"));
	(void)r;
}

static void watch(struct shim *s, int children, struct shim_end *end)
{
	/* What was restored may have ended while its command was waited for. */
	while (!reap(s, end)) {
		struct pollfd p[3] = {
			{children, POLLIN, 0}, {s->out, POLLIN, 0}, {s->fd[SHIM_FD_ALIVE], 0, 0}};
		struct signalfd_siginfo info;
		int n = poll(p, 3, s->fd[SHIM_FD_ALIVE] < 0 && s->spec.thaw_ms ? (int)s->spec.thaw_ms : -1);

		if (n < 0 && errno != EINTR)
			return;
		if (n == 0)
			left_alone(s);
		if (n > 0 && p[1].revents && !shim_log(s))
			s->out = cg_close(s->out);
		if (n > 0 && p[2].revents)
			s->fd[SHIM_FD_ALIVE] = cg_close(s->fd[SHIM_FD_ALIVE]);
		if (n > 0 && p[0].revents)
			(void)!read(children, &info, sizeof(info));
	}
}

/* What we were told to ignore is not for the payload. Here, while we wait to be told, it delays no start. */
static void reset_signals(void)
{
	struct sigaction usual = {.sa_handler = SIG_DFL};

	for (int i = 1; i < NSIG; i++)
		(void)sigaction(i, &usual, NULL); /* fails for those that cannot be changed */
}

static int prepare(int *ret_children)
{
	sigset_t all, chld;

	/* Only SIGKILL ends a shim, and SIGCHLD is read. */
	(void)sigfillset(&all);
	(void)sigemptyset(&chld);
	(void)sigaddset(&chld, SIGCHLD);
	if (sigprocmask(SIG_SETMASK, &all, NULL) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return -errno;
	reset_signals();
	*ret_children = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	return *ret_children < 0 ? -errno : 0;
}

static int serve(struct shim *s, int children)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	struct shim_end end = {0};
	struct stat st;
	int code = 0, r = read_spec(s, &b);
	enum shim_stage stage = SHIM_SPEC_BAD;

	if (r == 0 && fstat(s->fd[SHIM_FD_LOG], &st) == 0)
		s->log_bytes = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	if (r == 0)
		stage = s->spec.restore ? shim_restore(s, children, &code) : shim_start(s, &code);
	else
		code = -r;
	if (stage) {
		end = (struct shim_end){.kind = SHIM_END_FAILED, .code = code, .stage = stage};
		keep_end(s, &end);
		answer(s, stage, code);
		return EXIT_FAILURE;
	}
	/* The terminal is the payload's alone: when it has ended, whoever reads a pipe must see its end. */
	for (size_t i = SHIM_FDS + s->spec.v1_groups; i < s->fds; i++)
		s->fd[i] = cg_close(s->fd[i]);
	answer(s, SHIM_STARTED, 0);
	/* What a job writes is not taken to its log at the manager's precedence. */
	(void)setpriority(PRIO_PROCESS, 0, s->spec.nice);
	s->sock = cg_close(s->sock);
	watch(s, children, &end);
	if (s->out >= 0)
		(void)shim_log(s);
	end.dropped = s->dropped;
	end.dropped_code = s->dropped_code;
	keep_end(s, &end);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct shim s = {.out = -1};
	uint32_t sock;
	int children = -1;

	if (argc != 2 || cg_parse_u32(cg_bytes_of(argv[1]), &sock) < 0 || sock > 1u << 20) {
		(void)fputs("cgtree-shim is started by cgtree manager\n", stderr);
		return 64;
	}
	s.sock = (int)sock;
	/* Not for the payload: what is sent there the manager believes. */
	(void)fcntl(s.sock, F_SETFD, FD_CLOEXEC);
	if (prepare(&children) < 0 || !receive(&s))
		return EXIT_FAILURE;
	return serve(&s, children);
}
