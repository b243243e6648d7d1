/* A payload that is restored from a checkpoint. The command (cgtree criu restore) makes it as its own child
 * and ends; then it is ours, for whoever loses his parent comes to us. Its output goes on into our pipe,
 * which the command hands to it in the place of the one that it had. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fdio.h"
#include "shim/shim.h"

static int put(int fd, int at)
{
	return fd < 0 || dup2(fd, at) < 0 ? -1 : 0;
}

_Noreturn static void become_command(const struct shim *s, int out)
{
	int dir = s->fd[SHIM_FDS + s->spec.v1_groups], program = s->fd[SHIM_FDS + s->spec.v1_groups + 1];
	int said = openat(s->fd[SHIM_FD_JOB], SHIM_FILE_SAID,
		O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	/* Out of the way of the fixed places. */
	out = fcntl(out, F_DUPFD_CLOEXEC, SHIM_OUTPUT_AT + 1);
	program = fcntl(program, F_DUPFD_CLOEXEC, SHIM_OUTPUT_AT + 1);
	(void)umask(022);
	if (fchdir(dir) < 0 || put(null, STDIN_FILENO) < 0 || put(said, STDOUT_FILENO) < 0 ||
		put(said, STDERR_FILENO) < 0 || put(out, SHIM_OUTPUT_AT) < 0)
		_exit(127);
	shim_unblock_signals();
	(void)syscall(SYS_execveat, program, "", s->spec.argv, s->spec.env, AT_EMPTY_PATH);
	_exit(127);
}

/* Until the command has ended; what the payload writes meanwhile is taken. */
static int wait_for(struct shim *s, pid_t command, int children)
{
	int status = 0;

	while (waitpid(command, &status, WNOHANG) == 0) {
		struct pollfd p[3] = {{children, POLLIN, 0}, {s->out, POLLIN, 0}, {s->sock, POLLIN, 0}};
		struct signalfd_siginfo info;
		int n = poll(p, 3, -1);

		if (n > 0 && p[1].revents && !shim_log(s))
			s->out = cg_close(s->out);
		if (n > 0 && p[2].revents)
			s->sock = cg_close(s->sock);
		if (n > 0 && p[0].revents)
			(void)!read(children, &info, sizeof(info));
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static bool read_pid(struct shim *s)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	int pid;

	if (cg_read_at(s->fd[SHIM_FD_JOB], SHIM_FILE_PID, false, &b) < 0 ||
		cg_parse_pid(cg_bytes_trim((struct cg_bytes){b.data, b.len}), &pid) < 0)
		return false;
	s->payload = pid;
	return true;
}

enum shim_stage shim_restore(struct shim *s, int children, int *ret_code)
{
	_cleanup_close_ int begun = -1, out = -1;
	enum shim_stage stage = shim_begin(s, &begun, ret_code);
	pid_t command;

	stage = stage ? stage : shim_open_output(s, &out, ret_code);
	if (stage)
		return stage;
	(void)unlinkat(s->fd[SHIM_FD_JOB], SHIM_FILE_PID, 0);
	command = fork();
	if (command < 0) {
		*ret_code = errno;
		return SHIM_NO_FORK;
	}
	if (command == 0)
		become_command(s, out);
	out = cg_close(out);
	*ret_code = wait_for(s, command, children);
	/* 1: restored, but something is told to differ. */
	if (*ret_code > 1 || !read_pid(s))
		return SHIM_NO_RESTORE;
	shim_record(s, begun);
	return SHIM_STARTED;
}
