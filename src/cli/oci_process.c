/* Running an OCI runtime from within. See oci_process.h. */
#include "cli/oci_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* A script that stands in for the runtime and is found in its place would call itself for ever. */
#define GUARD "CGTREE_OCI_RUNTIME"

static int check_guard(const char *runtime, struct cg_error **err)
{
	if (getenv(GUARD))
		return cg_error_make(err, CG_FAULT_SYSTEM, ELOOP,
			"the runtime %s is cgtree once more: name the real one by its whole path", runtime);
	return setenv(GUARD, runtime, 1) < 0 ? cg_error_oom(err) : 0;
}

static int cannot_run(int code, const char *runtime, struct cg_error **err)
{
	(void)cg_error_errno(err, code, "cannot run the runtime %s", runtime);
	return code == ENOENT ? OCI_EXIT_NOT_FOUND : OCI_EXIT_NOT_RUN;
}

int oci_become(char *const *argv, struct cg_error **err)
{
	if (check_guard(argv[0], err) < 0)
		return OCI_EXIT_NOT_RUN;
	/* What is ignored stays so through exec. */
	(void)signal(SIGPIPE, SIG_DFL);
	(void)execvp(argv[0], argv);
	return cannot_run(errno, argv[0], err);
}

/* The signals of a runtime that starts: none blocked or ignored but what we were given so. */
static int start(char *const *argv, const sigset_t *mask, posix_spawn_file_actions_t *files, pid_t *ret)
{
	posix_spawnattr_t attributes;
	sigset_t defaults;
	int r = posix_spawnattr_init(&attributes);

	if (r)
		return r;
	(void)sigemptyset(&defaults);
	(void)sigaddset(&defaults, SIGPIPE);
	(void)posix_spawnattr_setsigdefault(&attributes, &defaults);
	(void)posix_spawnattr_setsigmask(&attributes, mask);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	r = posix_spawnp(ret, argv[0], files, &attributes, argv, environ);
	(void)posix_spawnattr_destroy(&attributes);
	return r;
}

static int status_of(int wait_status)
{
	return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status)
				      : OCI_EXIT_SIGNAL_BASE + WTERMSIG(wait_status);
}

/* Waits for the child while the signals are blocked. The terminal's reach the child without us. */
static int wait_and_forward(pid_t child, const sigset_t *blocked, int *ret_status)
{
	for (;;) {
		siginfo_t info;
		int status, signal_number = sigwaitinfo(blocked, &info);

		if (signal_number < 0 && errno != EINTR)
			return -errno;
		if (signal_number == SIGCHLD) {
			pid_t ended = waitpid(child, &status, WNOHANG);

			if (ended < 0)
				return -errno;
			if (ended == child) {
				*ret_status = status_of(status);
				return 0;
			}
		} else if (signal_number > 0 && info.si_code != SI_KERNEL) {
			(void)kill(child, signal_number);
		}
	}
}

int oci_run(char *const *argv, int *ret_status, struct cg_error **err)
{
	static const int handed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD};
	sigset_t blocked, before;
	pid_t child;
	int r;

	(void)sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(handed_on) / sizeof(*handed_on); i++)
		(void)sigaddset(&blocked, handed_on[i]);
	if (sigprocmask(SIG_BLOCK, &blocked, &before) < 0)
		return cg_error_errno(err, errno, "cannot block signals");
	r = start(argv, &before, NULL, &child);
	if (r) {
		*ret_status = cannot_run(r, argv[0], err);
		r = -r;
	} else {
		r = wait_and_forward(child, &blocked, ret_status);
		if (r < 0)
			(void)cg_error_errno(err, -r, "cannot wait for the runtime");
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

static int read_answer(int fd, size_t max, struct cg_text *t)
{
	char part[16384];
	ssize_t n;

	do {
		n = read(fd, part, sizeof(part));
		if (n > 0)
			cg_text_add(t, part, (size_t)n);
	} while ((n > 0 && t->len <= max && !t->failed) || (n < 0 && errno == EINTR));
	if (n < 0)
		return -errno;
	if (t->failed)
		return -ENOMEM;
	return t->len > max ? -EFBIG : 0;
}

static int start_asked(char *const *argv, int out, pid_t *ret)
{
	posix_spawn_file_actions_t files;
	sigset_t mask;
	int r = posix_spawn_file_actions_init(&files);

	if (r)
		return r;
	(void)sigprocmask(SIG_SETMASK, NULL, &mask);
	r = posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	r = r ? r : start(argv, &mask, &files, ret);
	(void)posix_spawn_file_actions_destroy(&files);
	return r;
}

int oci_ask(char *const *argv, size_t max, struct cg_text *ret, struct cg_error **err)
{
	int pipe_end[2], status = 0, r, answered;
	pid_t child;

	if (pipe2(pipe_end, O_CLOEXEC) < 0)
		return cg_error_errno(err, errno, "cannot make a pipe");
	r = start_asked(argv, pipe_end[1], &child);
	(void)cg_close(pipe_end[1]);
	if (r) {
		(void)cg_close(pipe_end[0]);
		return cg_error_errno(err, r, "cannot run the runtime %s", argv[0]);
	}
	answered = read_answer(pipe_end[0], max, ret);
	(void)cg_close(pipe_end[0]);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (answered < 0)
		return cg_error_errno(err, -answered, "cannot take the answer of the runtime %s", argv[0]);
	if (status_of(status) != 0)
		return cg_error_make(err, CG_FAULT_SYSTEM, EIO, "the runtime %s ended with status %d",
			argv[0], status_of(status));
	return 0;
}
