/* A job's checkpoint. The work is a process of its own, the mover: it lets cgtree criu dump write DIR.partial
 * and, when that has gone well, gives it its name. So DIR is whole when it is there, whatever becomes of us,
 * and whether it is there is what tells how it went: to us, and to a manager that comes after. Until then the
 * job runs on; its end, when it comes while the mover is at work, is looked at when the mover has ended. */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own_program.h"
#include "kernel/cgroupfs.h"
#include "kernel/files.h"
#include "kernel/tasks.h"
#include "manager/move.h"

#define PARTIAL   ".partial"
#define SAID      "mover.log"
#define WHY_LINES 6
#define WHY_LONG  600

static int at_root(const char *path, int flags, int *ret_fd)
{
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return -errno;
	while (*path == '/')
		path++;
	return cg_open_beneath(root, *path ? path : ".", flags, ret_fd);
}

int move_open(const char *dir, int *ret_fd, struct cg_error **err)
{
	struct stat st;
	int r = at_root(dir, O_RDONLY | O_DIRECTORY, ret_fd);

	if (r < 0)
		r = cg_error_errno(err, -r, "cannot open the checkpoint");
	else if (fstat(*ret_fd, &st) < 0)
		r = cg_error_errno(err, errno, "cannot look at the checkpoint");
	else if ((st.st_uid != 0 && st.st_uid != geteuid()) || st.st_mode & 0022)
		r = cg_error_make(err, CG_FAULT_SYSTEM, EPERM,
			"the checkpoint belongs to another, or others may write there");
	if (r == -EPERM)
		cg_error_hint(err, "who can change it can run anything as root: give it to root alone");
	cg_error_at(err, dir, NULL);
	return r;
}

/* The folder above, and the name in it. */
static int open_above(const char *dir, int *ret_fd, const char **ret_name, struct cg_error **err)
{
	const char *slash = strrchr(dir, '/');
	_cleanup_free_ char *above = slash ? strndup(dir, (size_t)(slash - dir)) : NULL;
	int r;

	if (!slash || dir[0] != '/' || !cg_name_is_valid(cg_bytes_of(slash + 1)) ||
		strlen(slash + 1) + strlen(PARTIAL) > 255)
		return cg_error_usage(err, "the folder of a checkpoint is an absolute path to something new");
	if (!above)
		return cg_error_oom(err);
	r = at_root(above, O_RDONLY | O_DIRECTORY, ret_fd);
	if (r < 0) {
		r = cg_error_errno(err, -r, "cannot open the folder for the checkpoint");
		cg_error_at(err, above[0] ? above : "/", NULL);
		return r;
	}
	*ret_name = slash + 1;
	return 0;
}

struct clearing {
	int fd;
	bool logs;
};

static int clear_one(const char *name, unsigned char type, void *context)
{
	const struct clearing *c = context;
	size_t len = strlen(name);

	(void)type;
	if (c->logs || len < 4 || strcmp(name + len - 4, ".log") != 0)
		(void)unlinkat(c->fd, name, 0);
	return 0;
}

/* What an earlier one that failed has left is replaced; one that is being written is not. */
static int open_partial(int above, const char *name, int *ret_fd, struct cg_error **err)
{
	struct clearing c = {-1, true};
	struct stat st;
	int fd;

	if (mkdirat(above, name, 0700) < 0 && errno != EEXIST)
		return cg_error_errno(err, errno, "cannot make the folder");
	fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return cg_error_errno(err, errno, "cannot open %s", name);
	*ret_fd = fd;
	if (st.st_uid != geteuid() || st.st_mode & 0077)
		return cg_error_make(
			err, CG_FAULT_SYSTEM, EEXIST, "%s is there already and is not ours", name);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return cg_error_make(
			err, CG_FAULT_SYSTEM, EBUSY, "another checkpoint is being written there");
	c.fd = fd;
	return cg_dir_each(fd, clear_one, &c) < 0 ? cg_error_errno(err, EIO, "cannot clear %s", name) : 0;
}

/* Everything that the job has must hang on its main process, for that is what is dumped: who has lost his
 * parent is the shim's child. */
static int check_tree(const struct job *j, struct cg_error **err)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_text_ struct cg_text path = {0};
	struct cg_bytes rest, word;
	int r, pid;

	cg_text_printf(&path, "%d/task/%d/children", j->record.shim.pid, j->record.shim.pid);
	r = path.failed ? -ENOMEM : cg_read_path_at(j->m->proc, path.data, &b);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot look at the processes of the job %s", j->spec.id);
	rest = (struct cg_bytes){b.data, b.len};
	while (cg_bytes_word(&rest, &word)) {
		if (cg_parse_pid(word, &pid) == 0 && pid == j->record.payload.pid)
			continue;
		return cg_error_make(err, CG_FAULT_SYSTEM, EBUSY,
			"the job %s has processes that do not descend from its main process %d", j->spec.id,
			j->record.payload.pid);
	}
	return 0;
}

static int find_pipe(const char *name, unsigned char type, void *context)
{
	struct clearing *c = context;
	char link[64];
	ssize_t n = readlinkat(c->fd, name, link, sizeof(link) - 1);

	(void)type;
	if (n <= 0 || n > 60)
		return 0;
	link[n] = '\0';
	return strncmp(link, "pipe:[", 6) == 0 ? (int)strtol(name, NULL, 10) + 1 : 0;
}

/* The pipe that the shim reads: the only one that it has. 0: the job has closed it. */
static int find_output(struct job *j, struct cg_error **err)
{
	_cleanup_text_ struct cg_text path = {0};
	struct clearing c = {-1, false};
	struct stat st;
	int n;

	j->record.output = 0;
	cg_text_printf(&path, "%d/fd", j->record.shim.pid);
	if (path.failed)
		return cg_error_oom(err);
	c.fd = openat(j->m->proc, path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	n = c.fd < 0 ? -errno : cg_dir_each(c.fd, find_pipe, &c);
	cg_text_reset(&path);
	cg_text_printf(&path, "%d", n - 1);
	if (n > 0 && !path.failed && fstatat(c.fd, path.data, &st, 0) == 0)
		j->record.output = st.st_ino;
	(void)cg_close(c.fd);
	return n < 0 ? cg_error_errno(err, -n, "cannot look at the shim of the job %s", j->spec.id) : 0;
}

static int check(const struct job *j, struct cg_error **err)
{
	const char *why = NULL;

	if (geteuid() != 0)
		return cg_error_make(err, CG_FAULT_SYSTEM, EPERM,
			"CRIU runs as root, and this manager runs as user %u", geteuid());
	if (j->record.checkpoint)
		return cg_error_make(
			err, CG_FAULT_SYSTEM, EBUSY, "the job %s is being checkpointed already", j->spec.id);
	if ((j->record.state != CG_JOB_RUNNING && j->record.state != CG_JOB_FROZEN) ||
		j->waits & (WAIT_FROZEN | WAIT_THAWED))
		return cg_error_make(err, CG_FAULT_SYSTEM, EBUSY,
			"the job %s is %s%s: what runs or is frozen can be checkpointed", j->spec.id,
			cg_job_state_name(j->record.state), j->waits ? ", which is about to change" : "");
	if (j->spec.foreground)
		why = "it runs in the foreground: its terminal cannot be taken along (start it with submit)";
	else if (j->spec.area)
		why = "its place is a group that was delegated, which another manager need not have";
	else if (j->spec.services.count)
		why = "it has services beside it, which would be left behind";
	else if (j->spec.service_of)
		why = "it is a service of another job";
	else if (j->payload_watched)
		why = "its shim was killed, and nobody else can take it back";
	if (why)
		return cg_error_make(err, CG_FAULT_SYSTEM, EOPNOTSUPP,
			"the job %s cannot be checkpointed: %s", j->spec.id, why);
	return check_tree(j, err);
}

/* The mover. Its descriptors are where it wants them; only calls that are safe after a fork of a process with
 * threads. */
enum at { AT_GO = 3, AT_PARTIAL, AT_ABOVE, AT_PROGRAM, AT_END };
struct mover {
	int fd[AT_END];
	const char *partial, *name;
	char *argv[10], *env[2];
};

_Noreturn static void run_dump(const struct mover *v)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	if (fchdir(AT_PARTIAL) == 0)
		(void)syscall(SYS_execveat, AT_PROGRAM, "", v->argv, v->env, AT_EMPTY_PATH);
	_exit(127);
}

_Noreturn static void be_mover(const struct mover *v)
{
	static const char late[] =
		"cgtree: criu: the job is dumped, but the folder cannot be given its name\n";
	int high[AT_END], status = 0;
	pid_t pid;
	char byte;

	for (int i = 0; i < AT_END; i++)
		high[i] = fcntl(v->fd[i], F_DUPFD, 64);
	for (int i = 0; i < AT_END; i++)
		if (high[i] < 0 || dup2(high[i], i) < 0)
			_exit(126);
	/* The locks of the manager's that are among them must end with it. */
	(void)syscall(SYS_close_range, AT_END, ~0u, 0);
	for (int i = AT_GO; i < AT_END; i++)
		(void)fcntl(i, F_SETFD, FD_CLOEXEC);
	(void)setsid();
	/* We are on record once this comes. */
	if (read(AT_GO, &byte, 1) != 1)
		_exit(126);
	pid = fork();
	if (pid == 0)
		run_dump(v);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		_exit(126);
	/* 1: done, but something is told to differ. */
	if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 126);
	(void)syncfs(AT_PARTIAL);
	if (syscall(SYS_renameat2, AT_ABOVE, v->partial, AT_ABOVE, v->name, 1 /* RENAME_NOREPLACE */) < 0) {
		(void)!write(STDERR_FILENO, late, sizeof(late) - 1);
		_exit(126);
	}
	_exit(0);
}

static int write_image(struct job *j, int partial, struct cg_error **err)
{
	_cleanup_text_ struct cg_text t = {0};
	_cleanup_close_ int fd =
		openat(partial, MOVE_IMAGE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : cg_entry_encode(&j->spec, &j->record, NULL, &t);

	r = r < 0 ? r : cg_write_all(fd, t.data, t.len);
	return r < 0 ? cg_error_errno(err, -r, "cannot write " MOVE_IMAGE) : 0;
}

static void done(struct job *j);

static int on_mover(sd_event_source *source, int fd, uint32_t events, void *context)
{
	(void)source;
	(void)fd;
	(void)events;
	done(context);
	return 0;
}

static int watch(struct job *j)
{
	return sd_event_add_io(j->m->loop, &j->mover_source, j->mover, EPOLLIN, on_mover, j);
}

/* On record, then told to go. */
static int let_go(struct job *j, pid_t pid, int go, struct cg_error **err)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	int r;

	/* Beside the shims: who stops our unit must not cut CRIU off. */
	j->mover = pidfd_open(pid, 0);
	r = j->mover < 0 ? -errno : cg_cgroup_attach(j->m->host.shims, CG_FILE_PROCS, pid);
	r = r < 0 ? r : cg_proc_start_time(j->m->proc, pid, &b, &j->record.mover.start_time);
	r = r < 0 ? r : watch(j);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot watch the checkpoint of %s", j->spec.id);
	j->record.mover.pid = pid;
	job_record(j);
	tell(j->m, j, CG_EVENT_JOB, "checkpointing", "%s", j->record.checkpoint);
	return write(go, "g", 1) == 1 ? 0 : cg_error_errno(err, errno, "the mover is gone");
}

static int start(struct job *j, struct mover *v, struct cg_error **err)
{
	int go[2], r;
	pid_t pid;

	if (pipe2(go, O_CLOEXEC) < 0)
		return cg_error_errno(err, errno, "cannot make a pipe");
	v->fd[AT_GO] = go[0];
	pid = fork();
	if (pid == 0) {
		/* Our own copy would keep the end from coming. */
		(void)close(go[1]);
		be_mover(v);
	}
	(void)cg_close(go[0]);
	r = pid < 0 ? cg_error_errno(err, errno, "cannot start a process") : let_go(j, pid, go[1], err);
	(void)cg_close(go[1]);
	if (r < 0 && pid > 0)
		(void)waitpid(pid, NULL, 0);
	return r;
}

static void forget_mover(struct job *j)
{
	free(j->record.checkpoint);
	j->record.checkpoint = NULL;
	j->record.mover = (struct cg_job_process){0};
	j->mover_source = sd_event_source_disable_unref(j->mover_source);
	if (j->mover >= 0)
		(void)waitid(P_PIDFD, (id_t)j->mover, &(siginfo_t){0}, WEXITED | WNOHANG);
	j->mover = cg_close(j->mover);
}

static int begin(struct job *j, const char *dir, int above, const char *name, struct cg_error **err)
{
	_cleanup_close_ int partial = -1, program = -1, said = -1;
	_cleanup_text_ struct cg_text partial_name = {0}, pid = {0};
	char words[][8] = {"cgtree", "criu", "dump", "-q", "-D", ".", "-R"};
	char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	struct mover v = {.name = name, .env = {path}};
	int r;

	cg_text_printf(&partial_name, "%s" PARTIAL, name);
	cg_text_printf(&pid, "%d", j->record.payload.pid);
	j->record.checkpoint = strdup(dir);
	if (partial_name.failed || pid.failed || !j->record.checkpoint)
		return cg_error_oom(err);
	r = open_partial(above, partial_name.data, &partial, err);
	if (r < 0) {
		cg_error_at(err, dir, NULL);
		return r;
	}
	r = write_image(j, partial, err);
	if (r < 0)
		return r;
	program = cg_own_program(NULL, "cgtree", NULL, err);
	if (program < 0)
		return program;
	said = openat(partial, SAID, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (said < 0)
		return cg_error_errno(err, errno, "cannot write " SAID);
	v.partial = partial_name.data;
	memcpy(v.argv,
		(char *[]){words[0], words[1], words[2], pid.data, words[3], words[4], words[5],
			j->record.leave_running ? words[6] : NULL, NULL},
		9 * sizeof(char *));
	memcpy(v.fd, (int[]){j->m->null, said, said, -1, partial, above, program}, sizeof(v.fd));
	return start(j, &v, err);
}

int job_checkpoint(struct job *j, const char *dir, bool leave_running, struct cg_error **err)
{
	_cleanup_close_ int above = -1;
	const char *name = NULL;
	struct stat st;
	int r = check(j, err);

	r = r < 0 ? r : open_above(dir, &above, &name, err);
	if (r == 0 && fstatat(above, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		r = cg_error_make(err, CG_FAULT_USAGE, EEXIST, "there is something of that name already");
		cg_error_at(err, dir, NULL);
	}
	/* What pressure has changed is not the job's. */
	r = r < 0 ? r : job_lift(j, NULL, err);
	r = r < 0 ? r : find_output(j, err);
	if (r < 0)
		return r;
	j->record.moved_us = realtime_us();
	j->record.leave_running = leave_running;
	r = begin(j, dir, above, name, err);
	if (r < 0) {
		forget_mover(j);
		job_record(j);
	}
	return r;
}

/* Whether the folder is there, and of this checkpoint. */
static bool is_written(const struct job *j)
{
	_cleanup_journal_ struct cg_journal written = {0};
	_cleanup_error_ struct cg_error *err = NULL;
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_close_ int fd = -1;

	return move_open(j->record.checkpoint, &fd, &err) == 0 &&
	       cg_read_at(fd, MOVE_IMAGE, false, &b) == 0 &&
	       cg_job_image_parse((struct cg_bytes){b.data, b.len}, &written, &err) == 0 &&
	       strcmp(written.spec.id, j->spec.id) == 0 && written.record.moved_us == j->record.moved_us;
}

/* "  Error (criu/mem.c:1): words" and "cgtree: criu: words" as words; nothing of what is no failure. */
static struct cg_bytes words_of(struct cg_bytes line)
{
	static const char criu[] = "Error (", own[] = "cgtree: criu: ";
	const char *end;

	line = cg_bytes_trim(line);
	if (line.len > sizeof(own) && memcmp(line.data, own, sizeof(own) - 1) == 0)
		return (struct cg_bytes){line.data + sizeof(own) - 1, line.len - sizeof(own) + 1};
	end = line.len > sizeof(criu) && memcmp(line.data, criu, sizeof(criu) - 1) == 0
		      ? memmem(line.data, line.len, "): ", 3)
		      : NULL;
	if (!end)
		return (struct cg_bytes){line.data, 0};
	return (struct cg_bytes){end + 3, line.len - (size_t)(end + 3 - line.data)};
}

void move_why(int dir, const char *file, struct cg_text *t)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	struct cg_bytes rest, line, last[WHY_LINES];
	size_t count = 0;

	if (cg_read_at(dir, file, false, &b) < 0)
		return;
	rest = (struct cg_bytes){b.data, b.len};
	while (cg_bytes_split(&rest, '\n', &line)) {
		line = words_of(line);
		if (line.len)
			last[count++ % WHY_LINES] = line;
	}
	for (size_t i = count > WHY_LINES ? count - WHY_LINES : 0; i < count && t->len < WHY_LONG; i++) {
		line = last[i % WHY_LINES];
		if (line.len > WHY_LONG)
			line.len = WHY_LONG;
		if (t->len)
			cg_text_adds(t, "; ");
		cg_text_escape(t, line);
	}
}

static void failed(struct job *j, const char *dir)
{
	_cleanup_error_ struct cg_error *err = NULL, *ignored = NULL;
	_cleanup_text_ struct cg_text partial = {0}, why = {0};
	struct clearing c = {-1, false};

	cg_text_printf(&partial, "%s" PARTIAL, dir);
	if (!partial.failed && move_open(partial.data, &c.fd, &ignored) == 0) {
		move_why(c.fd, SAID, &why);
		if (cg_dir_each(c.fd, clear_one, &c) < 0)
			cg_debug("%s is not cleared", partial.data);
	}
	(void)cg_close(c.fd);
	(void)cg_error_make(&err, CG_FAULT_SYSTEM, EIO, "the job %s could not be checkpointed, and %s: %s",
		j->spec.id, j->held ? "has ended" : "goes on", why.len ? why.data : "the mover was killed");
	cg_error_hint(&err, "what CRIU said is in %s/dump.log", partial.data ? partial.data : "");
	tell(j->m, j, CG_EVENT_JOB, "checkpoint-failed", "%s", why.len ? why.data : "the mover was killed");
	clients_notify(j, CLIENT_MOVE, err);
}

static void done(struct job *j)
{
	_cleanup_free_ char *dir = strdup(j->record.checkpoint);
	bool written = is_written(j), held = j->held;

	forget_mover(j);
	if (written && !j->record.leave_running)
		j->record.asked_end = CG_CAUSE_CHECKPOINT;
	job_record(j);
	if (written)
		tell(j->m, j, CG_EVENT_JOB, "checkpointed", "%s", dir ? dir : "");
	else
		failed(j, dir ? dir : "");
	/* Else its shim tells its end, which is what its client waits for. */
	if (written && j->record.leave_running)
		clients_notify(j, CLIENT_MOVE, NULL);
	j->held = false;
	if (held)
		job_empty(j);
}

void job_adopt_move(struct job *j)
{
	if (!j->record.checkpoint)
		return;
	j->mover = open_process(j->m, &j->record.mover);
	if (j->mover < 0 || watch(j) < 0)
		done(j);
}
