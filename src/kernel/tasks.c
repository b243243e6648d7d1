/* Tasks by /proc. A thread's directory can be opened under /proc by its own id although readdir does not list
 * it there, so one lookup finds any thread. A task that ends while we look is an ordinary result: ENOENT of
 * its directory and ESRCH of its files are one and the same -ESRCH. */
#include "kernel/tasks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define FLAG_EXITING 0x4u /* PF_EXITING, include/linux/sched.h */

static int gone(int r)
{
	return r == -ENOENT ? -ESRCH : r;
}

static int parse_id(struct cg_bytes b, int32_t *ret)
{
	uint32_t v;

	if (cg_parse_u32(b, &v) < 0 || v > INT32_MAX)
		return -EINVAL;
	*ret = (int32_t)v;
	return 0;
}

int cg_proc_parse_stat(struct cg_bytes text, struct cg_proc_task *ret)
{
	const char *open_paren = memchr(text.data, '(', text.len), *close_paren;
	struct cg_bytes id, comm, rest, word, threads = {0}, flags = {0};
	uint64_t start = 0, count, bits;
	char state = 0;
	int32_t tid;

	if (!open_paren || open_paren < text.data + 2 || open_paren[-1] != ' ')
		return -EINVAL;
	/* The command may hold anything, the numbers after it no parenthesis. */
	close_paren = memrchr(open_paren, ')', text.len - (size_t)(open_paren - text.data));
	if (!close_paren)
		return -EINVAL;
	id = (struct cg_bytes){text.data, (size_t)(open_paren - text.data) - 1};
	comm = (struct cg_bytes){open_paren + 1, (size_t)(close_paren - open_paren) - 1};
	rest = (struct cg_bytes){close_paren + 1, text.len - (size_t)(close_paren + 1 - text.data)};
	if (parse_id(id, &tid) < 0 || comm.len >= sizeof(ret->comm) || memchr(comm.data, '\0', comm.len))
		return -EINVAL;
	/* Fields count from 1 in proc(5); the state is the third. */
	for (int field = 3; field <= 22; field++) {
		if (!cg_bytes_word(&rest, &word))
			return -EINVAL;
		if (field == 3 &&
			(word.len != 1 || !strchr("RSDTtXxZPIKW", word.data[0]) || word.data[0] == '\0'))
			return -EINVAL;
		if (field == 3)
			state = word.data[0];
		if (field == 9)
			flags = word;
		if (field == 20)
			threads = word;
	}
	if (cg_parse_u64(word, &start) < 0 || cg_parse_u64(threads, &count) < 0 ||
		cg_parse_u64(flags, &bits) < 0)
		return -EINVAL;
	ret->ending = (bits & FLAG_EXITING) != 0;
	for (int field = 23; field <= 31 && cg_bytes_word(&rest, &word); field++)
		if (field == 31 && cg_parse_u64(word, &bits) == 0 && (bits >> (SIGKILL - 1) & 1))
			ret->ending = true;
	ret->tid = tid;
	ret->threads = count;
	ret->state = state;
	ret->start_time = start;
	memcpy(ret->comm, comm.data, comm.len);
	ret->comm[comm.len] = '\0';
	return 0;
}

/* The value of "Name:\tvalue" in status. */
static bool status_line(struct cg_bytes status, const char *name, struct cg_bytes *ret)
{
	size_t len = strlen(name);
	struct cg_bytes line;

	while (cg_bytes_split(&status, '\n', &line)) {
		if (line.len <= len || memcmp(line.data, name, len) != 0 || line.data[len] != ':')
			continue;
		*ret = (struct cg_bytes){line.data + len + 1, line.len - len - 1};
		return true;
	}
	return false;
}

int cg_proc_parse_nspid(struct cg_bytes status, struct cg_proc_task *ret)
{
	int32_t id[CG_NSPID_MAX], pid;
	struct cg_bytes line, word;
	uint8_t count = 0;

	if (!status_line(status, "Tgid", &line) || parse_id(cg_bytes_trim(line), &pid) < 0)
		return -EINVAL;
	if (!status_line(status, "NSpid", &line))
		return -EINVAL;
	while (cg_bytes_word(&line, &word)) {
		if (count == CG_NSPID_MAX)
			return -ERANGE;
		if (parse_id(word, &id[count]) < 0)
			return -EINVAL;
		count++;
	}
	if (count == 0)
		return -EINVAL;
	ret->pid = pid;
	ret->ns_count = count;
	memcpy(ret->ns_pid, id, count * sizeof(id[0]));
	return 0;
}

int cg_proc_open(int *ret_fd, struct cg_error **err)
{
	int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return cg_error_errno(err, errno, "cannot open /proc");
	*ret_fd = fd;
	return 0;
}

static int read_task_file(int proc, int tid, const char *file, struct cg_buffer *buffer)
{
	char path[48];
	int n;

	if (tid <= 0)
		return -EINVAL;
	n = snprintf(path, sizeof(path), "%d/%s", tid, file);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -EOVERFLOW;
	return gone(cg_read_path_at(proc, path, buffer));
}

/* What has ended and only waits to be reaped is in no group that matters. A leader that has ended still
 * stands for the threads that go on. */
static bool has_ended(const struct cg_proc_task *t)
{
	return t->state == 'X' || t->state == 'x' || (t->state == 'Z' && t->threads <= 1);
}

static int read_stat(int proc, int tid, struct cg_buffer *buffer, struct cg_proc_task *ret)
{
	int r = read_task_file(proc, tid, "stat", buffer);

	if (r == 0)
		r = cg_proc_parse_stat((struct cg_bytes){buffer->data, buffer->len}, ret);
	return r == 0 && has_ended(ret) ? -ESRCH : r;
}

int cg_proc_is_ending(int proc, int tid, struct cg_buffer *buffer)
{
	struct cg_proc_task t;
	int r = read_stat(proc, tid, buffer, &t);

	return r < 0 ? r : t.ending;
}

int cg_proc_task(int proc, int tid, struct cg_buffer *buffer, struct cg_proc_task *ret)
{
	struct cg_proc_task t = {0};
	uint64_t again;
	int r = read_stat(proc, tid, buffer, &t);

	if (r == 0)
		r = read_task_file(proc, tid, "status", buffer);
	if (r == 0)
		r = cg_proc_parse_nspid((struct cg_bytes){buffer->data, buffer->len}, &t);
	/* The id may have been given to another task between the two files. */
	if (r == 0)
		r = cg_proc_start_time(proc, tid, buffer, &again);
	if (r == 0 && again != t.start_time)
		r = -ESRCH;
	if (r < 0)
		return r;
	*ret = t;
	return 0;
}

int cg_proc_start_time(int proc, int tid, struct cg_buffer *buffer, uint64_t *ret)
{
	struct cg_proc_task t;
	int r = read_stat(proc, tid, buffer, &t);

	if (r < 0)
		return r;
	*ret = t.start_time;
	return 0;
}

struct thread_walk {
	cg_tid_fn *fn;
	void *context;
	int result; /* what fn returned, to tell it from an error of the walk itself */
};

static int each_number(const char *name, unsigned char type, void *context)
{
	struct thread_walk *w = context;
	int32_t id;

	(void)type;
	if (parse_id(cg_bytes_of(name), &id) < 0)
		return 0;
	w->result = w->fn(w->context, id);
	return w->result;
}

int cg_proc_threads(int proc, int pid, cg_tid_fn *fn, void *context)
{
	struct thread_walk walk = {fn, context, 0};
	_cleanup_close_ int dir = -1;
	char path[32];
	int n, r;

	if (pid <= 0)
		return -EINVAL;
	n = snprintf(path, sizeof(path), "%d/task", pid);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -EOVERFLOW;
	dir = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return gone(-errno);
	r = cg_dir_each(dir, each_number, &walk);
	return walk.result ? walk.result : gone(r);
}

/* A walk over the threads that have an id in the pid namespace `depth` levels below our own. */
struct search {
	int proc, depth;
	dev_t device;
	ino_t inode;
	struct cg_buffer *buffer;
	cg_namespace_fn *fn;
	void *context;
};

static int open_pid_namespace(int proc, int tid)
{
	char path[32];
	int n = snprintf(path, sizeof(path), "%d/ns/pid", tid), fd;

	if (n < 0 || (size_t)n >= sizeof(path))
		return -EOVERFLOW;
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? gone(-errno) : fd;
}

/* Ids repeat in sibling namespaces: whether the thread's namespace, or the one `up` levels above it, is the
 * one searched. */
static int is_in_namespace(const struct search *s, int tid, int up)
{
	_cleanup_close_ int fd = open_pid_namespace(s->proc, tid);
	struct stat st;

	if (fd < 0)
		return fd;
	while (up-- > 0) {
		int parent = ioctl(fd, NS_GET_PARENT);

		if (parent < 0)
			return -errno;
		(void)cg_close(fd);
		fd = parent;
	}
	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_dev == s->device && st.st_ino == s->inode;
}

static int match_thread(void *context, int tid)
{
	struct search *s = context;
	struct cg_proc_task t;
	int r = read_task_file(s->proc, tid, "status", s->buffer);

	if (r == 0)
		r = cg_proc_parse_nspid((struct cg_bytes){s->buffer->data, s->buffer->len}, &t);
	if (r < 0)
		return r == -ESRCH ? 0 : r;
	if (t.ns_count <= s->depth)
		return 0;
	r = is_in_namespace(s, tid, t.ns_count - 1 - s->depth);
	/* Of a task that we may not trace (ptrace(2), "access mode checking") nobody tells us the namespace.
	 */
	if (r <= 0)
		return r == -ESRCH || r == -EACCES || r == -EPERM ? 0 : r;
	return s->fn(s->context, tid, t.ns_pid[s->depth]);
}

static int match_process(void *context, int pid)
{
	const struct search *s = context;
	int r = cg_proc_threads(s->proc, pid, match_thread, context);

	return r == -ESRCH ? 0 : r;
}

int cg_proc_each_in_namespace(
	int proc, int ns_of, struct cg_buffer *buffer, cg_namespace_fn *fn, void *context)
{
	struct search s = {.proc = proc, .buffer = buffer, .fn = fn, .context = context};
	struct thread_walk walk = {match_process, &s, 0};
	_cleanup_close_ int fd = -1;
	struct cg_proc_task t;
	struct stat st;
	int r = cg_proc_task(proc, ns_of, buffer, &t);

	if (r < 0)
		return r;
	fd = open_pid_namespace(proc, ns_of);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	s.depth = t.ns_count - 1;
	s.device = st.st_dev;
	s.inode = st.st_ino;
	return cg_dir_each(proc, each_number, &walk);
}

struct wanted {
	int id, found;
};

int cg_proc_shares_pid_namespace(int proc, int pid)
{
	struct stat ours, theirs;
	char name[32];

	if (snprintf(name, sizeof(name), "%d/ns/pid", pid) >= (int)sizeof(name))
		return -EINVAL;
	if (fstatat(proc, "self/ns/pid", &ours, 0) < 0 || fstatat(proc, name, &theirs, 0) < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

static int match_id(void *context, int tid, int ns_id)
{
	struct wanted *w = context;

	if (ns_id != w->id)
		return 0;
	w->found = tid;
	return 1;
}

int cg_proc_find_in_namespace(int proc, int ns_of, int ns_id, struct cg_buffer *buffer, int *ret_tid)
{
	struct wanted w = {.id = ns_id};
	int r;

	if (ns_id <= 0)
		return -EINVAL;
	r = cg_proc_each_in_namespace(proc, ns_of, buffer, match_id, &w);
	if (r == 0)
		return -ESRCH;
	if (r > 0)
		*ret_tid = w.found;
	return r < 0 ? r : 0;
}

int cg_boot_id(char ret[37])
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	struct cg_bytes id;
	int r = cg_read_path_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", &b);

	if (r < 0)
		return r;
	id = cg_bytes_trim((struct cg_bytes){b.data, b.len});
	if (id.len != 36)
		return -EINVAL;
	memcpy(ret, id.data, id.len);
	ret[id.len] = '\0';
	return 0;
}
