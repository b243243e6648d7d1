/* CRIU as a child: started, waited for, and cleared up after. */
#include "checkpoint/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/fdio.h"
#include "kernel/tasks.h"

#define EXPLAIN_LINES 12
#define WIRE_VARIABLE "CGTREE_CRIU_WIRE"

int cg_criu_wire_open(struct cg_criu_wire *w, struct cg_error **err)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return cg_error_errno(err, errno, "cannot make a socket");
	w->ours = ends[0];
	w->theirs = ends[1];
	return 0;
}

void cg_criu_wire_close(struct cg_criu_wire *w)
{
	w->ours = cg_close(w->ours);
	w->theirs = cg_close(w->theirs);
}

/* CRIU closes everything for its scripts, so the socket is taken from CRIU itself, who is our parent. The
 * variable tells its number there and its inode, for another program may stand between. -1 when that fails.
 */
static int take_wire(void)
{
	const char *text = getenv(WIRE_VARIABLE);
	struct cg_bytes rest = cg_bytes_of(text ? text : ""), number;
	_cleanup_close_ int parent = -1, fd = -1;
	uint64_t inode;
	uint32_t there;
	struct stat st;

	if (!cg_bytes_split(&rest, ':', &number) || cg_parse_u32(number, &there) < 0 ||
		cg_parse_u64(rest, &inode) < 0)
		return -1;
	parent = (int)syscall(SYS_pidfd_open, getppid(), 0);
	if (parent >= 0)
		fd = (int)syscall(SYS_pidfd_getfd, parent, there, 0);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode) || st.st_ino != inode)
		return -1;
	return cg_steal_fd(&fd);
}

int cg_criu_wire_tell(const char *step, int init)
{
	_cleanup_close_ int fd = take_wire();
	char text[64];
	ssize_t n;
	int len = snprintf(text, sizeof(text), "%s %d\n", step, init);

	if (fd < 0 || len < 0 || len >= (int)sizeof(text) || send(fd, text, (size_t)len, MSG_NOSIGNAL) != len)
		return 0;
	do
		n = recv(fd, text, sizeof(text), 0);
	while (n < 0 && errno == EINTR);
	return n > 0 ? (text[0] == '0' ? 1 : -EIO) : 0;
}

static int hand_over(const struct cg_criu_wire *w)
{
	char text[48];
	struct stat st;

	if (!w)
		return 0;
	if (fstat(w->theirs, &st) < 0)
		return -errno;
	if (snprintf(text, sizeof(text), "%d:%llu", w->theirs, (unsigned long long)st.st_ino) >=
		(int)sizeof(text))
		return -EOVERFLOW;
	return fcntl(w->theirs, F_SETFD, 0) < 0 || setenv(WIRE_VARIABLE, text, 1) < 0 ? -errno : 0;
}

/* Does not return. What failed goes up the pipe, which a successful exec closes. */
static _Noreturn void become_criu(const struct cg_criu_run *run, int report, const sigset_t *mask)
{
	int code;

	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGTERM, SIG_DFL);
	if (hand_over(run->wire) == 0 && sigprocmask(SIG_SETMASK, mask, NULL) == 0 &&
		(!run->apart || setpgid(0, 0) == 0) && setenv("CGTREE_STATE_DIR", run->state_dir, 1) == 0)
		(void)execvp(run->word[0], (char *const *)(uintptr_t)run->word);
	code = errno;
	if (write(report, &code, sizeof(code)) < 0)
		_exit(126);
	_exit(127);
}

static int start(const struct cg_criu_run *run, const sigset_t *mask, pid_t *ret, struct cg_error **err)
{
	int ends[2], code = 0, r;
	ssize_t n;
	pid_t pid = -1;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return cg_error_errno(err, errno, "cannot make a pipe");
	pid = fork();
	if (pid == 0)
		become_criu(run, ends[1], mask);
	r = pid < 0 ? cg_error_errno(err, errno, "cannot start %s", run->word[0]) : 0;
	(void)cg_close(ends[1]);
	do
		n = r == 0 ? read(ends[0], &code, sizeof(code)) : 0;
	while (n < 0 && errno == EINTR);
	(void)cg_close(ends[0]);
	if (n > 0) {
		(void)waitpid(pid, NULL, 0);
		r = cg_error_errno(err, code, "cannot start %s", run->word[0]);
		if (code == ENOENT)
			cg_error_hint(err, "install CRIU (Debian: criu)");
	}
	*ret = pid;
	return r;
}

/* "post-dump 4711\n", answered with a status. A line that is none ends the talk: the other side does without
 * us. */
static void hear_step(const struct cg_criu_run *run)
{
	char text[64];
	ssize_t n = recv(run->wire->ours, text, sizeof(text) - 1, MSG_DONTWAIT);
	struct cg_bytes rest = {text, n > 0 ? (size_t)n : 0}, name, id;
	int init, r;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (!cg_bytes_word(&rest, &name) || !cg_bytes_word(&rest, &id) || cg_parse_pid(id, &init) < 0) {
		run->wire->ours = cg_close(run->wire->ours);
		return;
	}
	text[(size_t)(name.data - text) + name.len] = '\0';
	r = run->step(run->step_context, name.data, init);
	if (send(run->wire->ours, r == 0 ? "0\n" : "1\n", 2, MSG_NOSIGNAL) != 2)
		run->wire->ours = cg_close(run->wire->ours);
}

/* Until it has ended. Signals arrive only while we wait, so that none is missed. */
static int wait_for(const struct cg_criu_run *run, pid_t pid, const sigset_t *mask, int *ret_status)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p[2] = {{.fd = fd, .events = POLLIN}};
	bool told = false;
	int status;

	if (fd < 0)
		return -errno;
	for (;;) {
		if (run->stop && *run->stop && !run->apart && !told) {
			(void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
			told = true;
		}
		p[1] = (struct pollfd){.fd = run->wire ? run->wire->ours : -1, .events = POLLIN};
		if (ppoll(p, 2, NULL, mask) < 0 && errno != EINTR)
			return -errno;
		else if (p[1].fd >= 0 && p[1].revents)
			hear_step(run);
		else if (p[0].revents)
			break;
	}
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	*ret_status = status;
	return 0;
}

int cg_criu_run(const struct cg_criu_run *run, int *ret_status, struct cg_error **err)
{
	sigset_t block, mask;
	pid_t pid = -1;
	int r, code;

	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return cg_error_errno(err, errno, "cannot take on whom CRIU leaves behind");
	(void)sigemptyset(&block);
	(void)sigaddset(&block, SIGINT);
	(void)sigaddset(&block, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &block, &mask);
	r = start(run, &mask, &pid, err);
	if (run->wire)
		run->wire->theirs = cg_close(run->wire->theirs);
	code = r == 0 ? wait_for(run, pid, &mask, ret_status) : 0;
	if (code < 0)
		r = cg_error_errno(err, -code, "cannot wait for %s", run->word[0]);
	(void)sigprocmask(SIG_SETMASK, &mask, NULL);
	return r;
}

static int end_child(const char *word, size_t len)
{
	int pid;

	if (cg_parse_pid((struct cg_bytes){word, len}, &pid) < 0)
		return -EIO;
	return kill(pid, SIGKILL) < 0 && errno != ESRCH ? -errno : 0;
}

int cg_criu_end_children(struct cg_error **err)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_close_ int proc = -1;
	char name[64];
	int r = cg_proc_open(&proc, err);

	if (r < 0)
		return r;
	if (snprintf(name, sizeof(name), "self/task/%d/children", (int)getpid()) >= (int)sizeof(name))
		return cg_error_make(err, CG_FAULT_SYSTEM, EINVAL, "the process id is too long");
	/* Each that ends hands its own children to us, so it goes on until there is none. */
	for (;;) {
		struct cg_bytes rest, word;
		int code = cg_read_path_at(proc, name, &b);

		rest = (struct cg_bytes){b.data, b.len};
		while (code == 0 && cg_bytes_word(&rest, &word))
			code = end_child(word.data, word.len);
		if (code < 0)
			return cg_error_errno(err, -code, "cannot end what CRIU has left behind");
		if (waitpid(-1, NULL, __WALL) < 0 && errno != EINTR)
			return errno == ECHILD ? 0 : cg_error_errno(err, errno, "cannot wait");
	}
}

/* "(00.001234)    123: Error (file.c:12): words", or a line of the hook's own. */
static bool tells_failure(struct cg_bytes line)
{
	return memmem(line.data, line.len, "Error (", 7) ||
	       (line.len > 8 && memcmp(line.data, "cgtree: ", 8) == 0) ||
	       (line.len > 2 && memcmp(line.data, "! ", 2) == 0);
}

int cg_criu_explain(const struct cg_folder *f, const char *log, cg_line_fn *line, void *line_context,
	struct cg_error **err)
{
	_cleanup_text_ struct cg_text file = {0}, t = {0};
	struct cg_bytes rest, one, last[EXPLAIN_LINES];
	size_t count = 0;
	int r = cg_folder_read(f, log, &file, err);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	rest = (struct cg_bytes){file.data, file.len};
	while (cg_bytes_split(&rest, '\n', &one))
		if (tells_failure(one))
			last[count++ % EXPLAIN_LINES] = one;
	for (size_t i = count > EXPLAIN_LINES ? count - EXPLAIN_LINES : 0; i < count; i++) {
		cg_text_reset(&t);
		cg_text_escape(&t, last[i % EXPLAIN_LINES]);
		if (t.failed)
			return cg_error_oom(err);
		line(line_context, t.data);
	}
	return 0;
}
