/* The payload on its way: cloned into its v2 group (clone3(2), CLONE_INTO_CGROUP; moved there by itself where
 * the kernel lacks that), moved into those of v1, then stripped of everything that is ours. What fails is
 * told through a pipe that execve(2) closes. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fdio.h"
#include "shim/shim.h"

#define PROCS "cgroup.procs" /* of both versions */

struct failure {
	int32_t stage, code;
};

static int enter(int group)
{
	return cg_write_at(group, PROCS, CG_BYTES("0"));
}

static enum shim_stage enter_groups(const struct shim *s, bool cloned)
{
	int r = cloned ? 0 : enter(s->fd[SHIM_FD_V2]);

	/* The v2 place stands empty on hosts without it: /dev/null is no directory. */
	if (r == -ENOTDIR)
		r = 0;
	for (uint32_t i = 0; r == 0 && i < s->spec.v1_groups; i++)
		r = enter(s->fd[SHIM_FDS + i]);
	errno = -r;
	return r < 0 ? SHIM_NO_GROUP : SHIM_STARTED;
}

static int put(int fd, int at)
{
	return dup2(fd, at) < 0 ? -errno : 0;
}

static enum shim_stage set_descriptors(const struct shim *s, int out)
{
	const int *own = s->spec.foreground ? &s->fd[SHIM_FDS + s->spec.v1_groups] : NULL;
	int null = own ? -1 : open("/dev/null", O_RDONLY | O_CLOEXEC);
	int r = own ? put(own[0], STDIN_FILENO) : null < 0 ? -errno : put(null, STDIN_FILENO);

	r = r < 0 ? r : put(own ? own[1] : out, STDOUT_FILENO);
	r = r < 0 ? r : put(own ? own[2] : out, STDERR_FILENO);
	errno = -r;
	return r < 0 ? SHIM_NO_DESCRIPTORS : SHIM_STARTED;
}

/* What the manager and the shim keep for themselves is not handed on: their room for descriptors, their place
 * in the order of the OOM killer, their precedence. */
static enum shim_stage set_limits(const struct shim *s)
{
	struct rlimit files = {s->spec.nofile_soft, s->spec.nofile_hard};
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", s->spec.oom_adj), r;

	if (s->spec.nofile_hard && setrlimit(RLIMIT_NOFILE, &files) < 0)
		return SHIM_NO_LIMITS;
	if (setpriority(PRIO_PROCESS, 0, s->spec.nice) < 0)
		return SHIM_NO_LIMITS;
	r = cg_write_at(AT_FDCWD, "/proc/self/oom_score_adj", (struct cg_bytes){text, (size_t)n});
	errno = -r;
	return r < 0 ? SHIM_NO_LIMITS : SHIM_STARTED;
}

static enum shim_stage set_user(const struct shim *s)
{
	uint32_t uid = s->spec.uid, gid = s->spec.gid;

	/* Who is not root can only be who he is. */
	if (geteuid() != 0)
		return uid == geteuid() && gid == getegid() ? SHIM_STARTED : (errno = EPERM, SHIM_NO_USER);
	if (setgroups(s->spec.groups, s->spec.group) < 0 || setresgid(gid, gid, gid) < 0 ||
		setresuid(uid, uid, uid) < 0)
		return SHIM_NO_USER;
	return SHIM_STARTED;
}

/* Their actions are the usual ones since the shim began. */
void shim_unblock_signals(void)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static enum shim_stage become(const struct shim *s, bool cloned, int out)
{
	enum shim_stage stage = enter_groups(s, cloned);

	(void)setsid();
	(void)umask(022);
	stage = stage ? stage : set_limits(s);
	stage = stage ? stage : set_descriptors(s, out);
	stage = stage ? stage : set_user(s);
	if (stage)
		return stage;
	if (chdir(s->spec.cwd) < 0)
		return SHIM_NO_DIRECTORY;
	if (!s->spec.new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return SHIM_NO_PRIVILEGES;
	shim_unblock_signals();
	environ = s->spec.env;
	(void)execvp(s->spec.argv[0], s->spec.argv);
	return SHIM_NO_EXEC;
}

_Noreturn static void child(const struct shim *s, bool cloned, int out, int tell)
{
	enum shim_stage stage = become(s, cloned, out);
	struct failure f = {stage, errno};

	(void)!write(tell, &f, sizeof(f));
	_exit(127);
}

static pid_t clone_into(int group, bool *ret_cloned)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)group};
	struct stat st;
	long pid;

	*ret_cloned = true;
	if (fstat(group, &st) == 0 && S_ISDIR(st.st_mode)) {
		pid = syscall(SYS_clone3, &args, sizeof(args));
		if (pid >= 0 || (errno != ENOSYS && errno != E2BIG && errno != EINVAL && errno != EPERM))
			return (pid_t)pid;
	}
	*ret_cloned = false;
	return fork();
}

enum shim_stage shim_begin(const struct shim *s, int *ret_fd, int *ret_code)
{
	*ret_fd = openat(s->fd[SHIM_FD_JOB], SHIM_FILE_BEGUN,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	*ret_code = errno;
	return *ret_fd < 0 ? SHIM_NO_RECORD : SHIM_STARTED;
}

/* The group, not the id, is what it is known by: a record that fails is no reason to end it. */
void shim_record(const struct shim *s, int begun)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", (int)s->payload), r;

	r = cg_write_fd(begun, (struct cg_bytes){text, (size_t)n});
	(void)r;
}

enum shim_stage shim_open_output(struct shim *s, int *ret_fd, int *ret_code)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0) {
		*ret_code = errno;
		return SHIM_NO_FORK;
	}
	s->out = ends[0];
	*ret_fd = ends[1];
	(void)fcntl(s->out, F_SETFL, O_NONBLOCK);
	return SHIM_STARTED;
}

/* Waits until the pipe closes: executed, or a failure in it. */
static enum shim_stage wait_executed(int tell, int *ret_code)
{
	struct failure f;
	ssize_t n;

	do
		n = read(tell, &f, sizeof(f));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return SHIM_STARTED;
	*ret_code = n == sizeof(f) ? f.code : EIO;
	return n == sizeof(f) ? (enum shim_stage)f.stage : SHIM_NO_FORK;
}

enum shim_stage shim_start(struct shim *s, int *ret_code)
{
	_cleanup_close_ int begun = -1, told = -1, tell = -1, out = -1;
	enum shim_stage stage = shim_begin(s, &begun, ret_code);
	int pipe_tell[2];
	bool cloned;

	if (stage)
		return stage;
	if (pipe2(pipe_tell, O_CLOEXEC) < 0) {
		*ret_code = errno;
		return SHIM_NO_FORK;
	}
	told = pipe_tell[0];
	tell = pipe_tell[1];
	stage = s->spec.foreground ? SHIM_STARTED : shim_open_output(s, &out, ret_code);
	if (stage)
		return stage;
	s->payload = clone_into(s->fd[SHIM_FD_V2], &cloned);
	if (s->payload < 0) {
		*ret_code = errno;
		return SHIM_NO_FORK;
	}
	if (s->payload == 0)
		child(s, cloned, out, tell);
	shim_record(s, begun);
	tell = cg_close(tell);
	return wait_executed(told, ret_code);
}
