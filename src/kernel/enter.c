/* Starting programs in groups. See enter.h. */
#include "kernel/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/cgroupfs.h"
#include "kernel/files.h"

static const int passed_on[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH,
	SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT};

static void move_into(const struct cg_enter *in, bool v2_too, struct cg_enter_failure *ret)
{
	const int self = (int)getpid();
	int r = 0;

	*ret = (struct cg_enter_failure){0};
	if (v2_too && in->v2 >= 0)
		r = cg_cgroup_attach(in->v2, CG_FILE_PROCS, self);
	if (r < 0) {
		*ret = (struct cg_enter_failure){CG_ENTER_V2, -r, 0};
		return;
	}
	for (size_t i = 0; i < in->v1s; i++) {
		r = cg_cgroup_attach(in->v1[i], CG_FILE_PROCS, self);
		if (r < 0) {
			*ret = (struct cg_enter_failure){CG_ENTER_V1, -r, i};
			return;
		}
	}
}

void cg_enter_exec(const struct cg_enter *in, char *const argv[], struct cg_enter_failure *ret)
{
	move_into(in, true, ret);
	if (ret->stage)
		return;
	(void)execvp(argv[0], argv);
	*ret = (struct cg_enter_failure){CG_ENTER_EXEC, errno, 0};
}

/* fork(2) into a group: 0 in the child. */
static pid_t clone_into(int group)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)group};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static void run_child(
	const struct cg_enter *in, bool v2_too, char *const argv[], const sigset_t *mask, int fd)
{
	struct cg_enter_failure f;

	move_into(in, v2_too, &f);
	if (!f.stage) {
		(void)sigprocmask(SIG_SETMASK, mask, NULL);
		/* We ignore it; the program shall not. */
		(void)signal(SIGPIPE, SIG_DFL);
		(void)execvp(argv[0], argv);
		f = (struct cg_enter_failure){CG_ENTER_EXEC, errno, 0};
	}
	/* The parent is told by what arrives; an end without a word would be taken for a start. */
	if (write(fd, &f, sizeof(f)) != (ssize_t)sizeof(f))
		_exit(125);
	_exit(0);
}

/* Nothing is copied for a child that only enters groups and executes. */
static pid_t fork_light(const struct cg_enter *in, char *const argv[], const sigset_t *mask, int fd)
{
	const pid_t child = vfork();

	if (child == 0)
		run_child(in, true, argv, mask, fd);
	return child;
}

/* The pipe closes when the program is executed; before that it may say what failed. */
static pid_t hear(pid_t child, int fd, struct cg_enter_failure *ret)
{
	struct cg_enter_failure f;
	ssize_t n;

	do
		n = read(fd, &f, sizeof(f));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return child;
	*ret = n == (ssize_t)sizeof(f) ? f : (struct cg_enter_failure){CG_ENTER_FORK, EPIPE, 0};
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		continue;
	return -1;
}

pid_t cg_enter_start(
	const struct cg_enter *in, char *const argv[], const void *mask, struct cg_enter_failure *ret)
{
	_cleanup_close_ int in_fd = -1, out_fd = -1;
	pid_t child = -1;
	int fd[2];

	*ret = (struct cg_enter_failure){0};
	if (pipe2(fd, O_CLOEXEC) < 0) {
		*ret = (struct cg_enter_failure){CG_ENTER_FORK, errno, 0};
		return -1;
	}
	in_fd = fd[0];
	out_fd = fd[1];
	if (in->v2 >= 0)
		child = clone_into(in->v2);
	if (child == 0)
		run_child(in, false, argv, mask, out_fd);
	/* No room for another process: the way of a move, which is not counted, would get around the limit.
	 */
	if (child < 0 && in->v2 >= 0 && errno == EAGAIN) {
		*ret = (struct cg_enter_failure){CG_ENTER_V2, EAGAIN, 0};
		return -1;
	}
	/* Whatever else the kernel had against it (it is old, or the group takes none) the other way tells.
	 */
	if (child < 0)
		child = fork_light(in, argv, mask, out_fd);
	if (child < 0) {
		*ret = (struct cg_enter_failure){CG_ENTER_FORK, errno, 0};
		return -1;
	}
	out_fd = cg_close(out_fd);
	return hear(child, in_fd, ret);
}

static void signals(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGCHLD);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		(void)sigaddset(set, passed_on[i]);
}

int cg_enter_block(void *ret_mask)
{
	sigset_t set;

	signals(&set);
	return sigprocmask(SIG_BLOCK, &set, ret_mask) < 0 ? -errno : 0;
}

/* 1 when it has ended. */
static int look_at(pid_t child, int *ret_status)
{
	int status;
	pid_t p = waitpid(child, &status, WNOHANG | WUNTRACED);

	if (p < 0)
		return -errno;
	if (p == 0)
		return 0;
	if (WIFSTOPPED(status)) {
		(void)raise(SIGSTOP);
		(void)kill(child, SIGCONT);
		return 0;
	}
	*ret_status = status;
	return 1;
}

int cg_enter_wait(pid_t child, int *ret_status)
{
	sigset_t set;
	int r;

	signals(&set);
	while ((r = look_at(child, ret_status)) == 0) {
		siginfo_t info;
		int sig = sigwaitinfo(&set, &info);

		if (sig < 0 && errno != EINTR)
			return -errno;
		/* The terminal's reach the whole process group. */
		if (sig > 0 && sig != SIGCHLD && info.si_code <= 0 && info.si_pid != child)
			(void)kill(child, sig);
	}
	return r < 0 ? r : 0;
}
