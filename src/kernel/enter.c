/* Starting programs in groups. See enter.h. */
#include "kernel/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* What parent and child share until the program is executed: the parent stands still, so that nothing of it
 * need be copied, and finds in `failure` what the child met. */
struct start {
	const struct cg_enter *in;
	char *const *argv;
	const sigset_t *mask;
	bool move_v2; /* it was not made in there */
	struct cg_enter_failure failure;
};

static void __attribute__((noreturn)) run_child(struct start *s)
{
	move_into(s->in, s->move_v2, &s->failure);
	if (!s->failure.stage) {
		(void)sigprocmask(SIG_SETMASK, s->mask, NULL);
		/* We ignore it; the program shall not. */
		(void)signal(SIGPIPE, SIG_DFL);
		(void)execvp(s->argv[0], s->argv);
		s->failure = (struct cg_enter_failure){CG_ENTER_EXEC, errno, 0};
	}
	_exit(0);
}

#if defined(__x86_64__)
/* vfork(2) into a group, which libc has no function for. The child goes on below our stack and the 128 bytes
 * under it that belong to the function around, and never comes back. */
static long vfork_into(int group, struct start *s)
{
	struct clone_args args = {.flags = CLONE_INTO_CGROUP | CLONE_VM | CLONE_VFORK,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)group};
	register struct start *shared __asm__("r12") = s;
	register void (*run)(struct start *) __asm__("r13") = run_child;
	long result = SYS_clone3;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "lea -128(%%rsp), %%rsp\n\t"
			 "and $-16, %%rsp\n\t"
			 "mov %[shared], %%rdi\n\t"
			 "call *%[run]\n\t"
			 "ud2\n"
			 "1:"
			 : "+a"(result)
			 : "D"(&args), "S"(sizeof(args)), [shared] "r"(shared), [run] "r"(run)
			 : "rcx", "r11", "cc", "memory");
	return result;
}
#else
static long vfork_into(int group CG_UNUSED, struct start *s CG_UNUSED)
{
	return -ENOSYS;
}
#endif

static pid_t vfork_outside(struct start *s)
{
	const pid_t child = vfork();

	if (child == 0)
		run_child(s);
	return child;
}

pid_t cg_enter_start(
	const struct cg_enter *in, char *const argv[], const void *mask, struct cg_enter_failure *ret)
{
	struct start s = {.in = in, .argv = argv, .mask = mask};
	pid_t child = in->v2 >= 0 ? (pid_t)vfork_into(in->v2, &s) : -1;

	/* No room for another process: the way of a move, which is not counted, would get around the limit.
	 */
	if (child == -EAGAIN) {
		*ret = (struct cg_enter_failure){CG_ENTER_V2, EAGAIN, 0};
		return -1;
	}
	/* Whatever else the kernel had against it (it is old, or the group takes none) the other way tells.
	 */
	if (child < 0) {
		s.move_v2 = true;
		child = vfork_outside(&s);
	}
	if (child < 0)
		s.failure = (struct cg_enter_failure){CG_ENTER_FORK, errno, 0};
	*ret = s.failure;
	if (!s.failure.stage)
		return child;
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		continue;
	return -1;
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
