/* killat N -- COMMAND...: runs COMMAND and kills it, alone, with SIGKILL when it is about to make its Nth
 * call that changes something, counted from its first accepted connection on: a write, a file or directory
 * made, renamed or removed, a message, a process, a signal. Its children and other threads are neither
 * counted nor killed. With N 0 nothing is killed. At its end "counted M" goes to the file named by
 * KILLAT_COUNT. Exit status: 0 killed at N, 1 it ended before, 2 trouble. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

static void die(const char *what)
{
	fprintf(stderr, "killat: %s: %s\n", what, strerror(errno));
	exit(2);
}

static bool changes(unsigned long long call)
{
	static const long calls[] = {
		SYS_write,
		SYS_writev,
		SYS_mkdirat,
		SYS_renameat,
		SYS_renameat2,
		SYS_unlinkat,
		SYS_sendmsg,
		SYS_sendto,
		SYS_clone3,
		SYS_clone,
		SYS_pidfd_send_signal,
		SYS_memfd_create,
#ifdef SYS_unlink
		SYS_unlink,
		SYS_mkdir,
		SYS_rename,
		SYS_rmdir,
		SYS_fork,
#endif
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (call == (unsigned long long)calls[i])
			return true;
	return false;
}

static void report(unsigned long counted)
{
	const char *name = getenv("KILLAT_COUNT");
	FILE *f = name ? fopen(name, "w") : NULL;

	if (!f)
		return;
	fprintf(f, "counted %lu\n", counted);
	fclose(f);
}

static pid_t start(char **argv)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			die("ptrace");
		execvp(argv[0], argv);
		die(argv[0]);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		die("start");
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) < 0)
		die("options");
	return pid;
}

/* True when it was killed. */
static bool follow(pid_t pid, unsigned long wanted, unsigned long *counted)
{
	bool connected = false;
	long pending = 0;
	int status;

	for (;;) {
		struct ptrace_syscall_info info;

		if (ptrace(PTRACE_SYSCALL, pid, NULL, (void *)pending) < 0 ||
			waitpid(pid, &status, __WALL) != pid)
			return false;
		if (WIFEXITED(status) || WIFSIGNALED(status))
			return false;
		pending = 0;
		if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
			pending = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
			continue;
		}
		if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info) < 0)
			die("look");
		if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
			continue;
		if (info.entry.nr == SYS_accept4)
			connected = true;
		if (!connected || !changes(info.entry.nr))
			continue;
		if (++*counted == wanted) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, __WALL);
			return true;
		}
	}
}

int main(int argc, char **argv)
{
	unsigned long wanted, counted = 0;
	bool killed;

	if (argc < 4 || strcmp(argv[2], "--") != 0) {
		fputs("usage: killat N -- COMMAND...\n", stderr);
		return 2;
	}
	wanted = strtoul(argv[1], NULL, 10);
	killed = follow(start(argv + 3), wanted, &counted);
	report(counted);
	return killed ? 0 : 1;
}
