/* The journal's files. A journal grows by appending with one write(2); it is begun anew, under another name
 * and then renamed, when it is new or has grown long. */
#include "manager/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "control/message.h"
#include "kernel/tasks.h"
#include "manager/behind.h"
#include "shim/spec.h"

#define JOURNAL     "job"
#define JOURNAL_NEW "job.new"

#define LOCK_PAUSE_MS 10
#define LOCK_TRIES    200

/* Makes a directory with all above it; only the last is ours alone. */
static int make_path(const char *path, int *ret_fd)
{
	_cleanup_free_ char *copy = strdup(path);
	int fd;

	if (!copy)
		return -ENOMEM;
	for (char *slash = copy[0] ? strchr(copy + 1, '/') : NULL; slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	if (mkdir(copy, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* Others must not be able to put things in there. */
static int is_private(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_uid == geteuid() && !(st.st_mode & 0022) ? 0 : -EPERM;
}

static int open_dir(const char *path, int *ret_fd, struct cg_error **err)
{
	int r = make_path(path, ret_fd);

	if (r < 0)
		return cg_error_errno(err, -r, "cannot use the directory %s", path);
	r = is_private(*ret_fd);
	if (r == -EPERM) {
		r = cg_error_make(err, CG_FAULT_SYSTEM, EPERM,
			"the directory %s belongs to another, or others may write there", path);
		cg_error_hint(err, "give it to us alone: chmod go-w %s", path);
	} else if (r < 0) {
		r = cg_error_errno(err, -r, "cannot look at the directory %s", path);
	}
	return r;
}

static int open_below(int dir, const char *name, int *ret_fd)
{
	if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	*ret_fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *ret_fd < 0 ? -errno : 0;
}

int cg_lock_take(int fd)
{
	/* flock(2) knows no deadline, and there is no event to wait for. */
	for (int i = 0;; i++) {
		struct timespec t = {.tv_nsec = LOCK_PAUSE_MS * 1000000L};

		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK || i == LOCK_TRIES)
			return -errno;
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
	}
}

static int take_lock(struct cg_store *s, const char *run_dir, struct cg_error **err)
{
	int r;

	s->lock = openat(s->run, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->lock < 0)
		return cg_error_errno(err, errno, "cannot open %s/lock", run_dir);
	r = cg_lock_take(s->lock);
	if (r == 0)
		return 0;
	if (r != -EWOULDBLOCK)
		return cg_error_errno(err, -r, "cannot lock %s/lock", run_dir);
	r = cg_error_make(err, CG_FAULT_SYSTEM, EBUSY, "another manager uses %s", run_dir);
	cg_error_hint(
		err, "use that one (cgtree job), or give this one --root, --socket and --run-dir of its own");
	return r;
}

static int check_boot(struct cg_store *s)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_close_ int fd = -1;
	char boot[37];
	int r = cg_boot_id(boot);

	if (r < 0)
		return r;
	r = cg_read_at(s->run, "boot", false, &b);
	if (r == 0 && cg_bytes_is((struct cg_bytes){b.data, b.len}, boot))
		return 0;
	s->rebooted = r == 0;
	fd = openat(s->run, "boot", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : cg_write_all(fd, boot, strlen(boot));
}

int cg_store_open(struct cg_store *s, const char *run_dir, const char *state_dir, struct cg_error **err)
{
	_cleanup_close_ int state = -1;
	int r;

	*s = (struct cg_store){.run = -1, .jobs = -1, .lock = -1, .state = -1};
	r = open_dir(run_dir, &s->run, err);
	r = r < 0 ? r : take_lock(s, run_dir, err);
	r = r < 0 ? r : open_dir(state_dir, &state, err);
	if (r < 0)
		return r;
	r = check_boot(s);
	r = r < 0 ? r : open_below(s->run, "jobs", &s->jobs);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot set up %s", run_dir);
	r = open_below(state, "jobs", &s->state);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot set up %s", state_dir);
	r = cg_behind_start(s->state, &s->behind);
	return r < 0 ? cg_error_errno(err, -r, "cannot start the thread that writes to %s", state_dir) : 0;
}

void cg_store_close(struct cg_store *s)
{
	s->behind = cg_behind_stop(s->behind);
	s->state = cg_close(s->state);
	s->jobs = cg_close(s->jobs);
	s->run = cg_close(s->run);
	s->lock = cg_close(s->lock);
}

int cg_store_job_dir(const struct cg_store *s, const char *id, int *ret_fd)
{
	int fd = openat(s->jobs, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static int begin_anew(int dir, struct cg_bytes text)
{
	_cleanup_close_ int fd =
		openat(dir, JOURNAL_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : cg_write_all(fd, text.data, text.len);

	if (r < 0)
		return r;
	return renameat(dir, JOURNAL_NEW, dir, JOURNAL) < 0 ? -errno : 0;
}

static int append(int dir, struct cg_bytes text)
{
	_cleanup_close_ int fd = openat(dir, JOURNAL, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : cg_write_fd(fd, text);
}

int cg_store_write(struct cg_store *s, const char *id, const struct cg_job_spec *spec,
	const struct cg_job_record *record, const char *override, uint32_t *bytes)
{
	_cleanup_text_ struct cg_text t = {0};
	_cleanup_close_ int dir = -1;
	int r = cg_entry_encode(spec, record, override, &t);

	if (r < 0)
		return r;
	r = spec ? open_below(s->jobs, id, &dir) : cg_store_job_dir(s, id, &dir);
	if (r < 0)
		return r;
	if (spec)
		*bytes = 0;
	r = spec ? begin_anew(dir, (struct cg_bytes){t.data, t.len})
		 : append(dir, (struct cg_bytes){t.data, t.len});
	if (r == 0)
		*bytes += (uint32_t)t.len;
	return r;
}

void cg_store_keep(struct cg_store *s, const char *id, const struct cg_job_spec *spec,
	const struct cg_job_record *record)
{
	struct cg_text t = {0};

	if (cg_entry_encode(spec, record, NULL, &t) == 0)
		cg_behind_write(s->behind, id, &t);
	cg_text_free(&t);
}

void cg_store_clear(const struct cg_store *s, const char *id)
{
	_cleanup_close_ int dir = -1;

	if (cg_store_job_dir(s, id, &dir) < 0)
		return;
	(void)unlinkat(dir, SHIM_FILE_END, 0);
	(void)unlinkat(dir, SHIM_FILE_BEGUN, 0);
	(void)unlinkat(dir, SHIM_FILE_PID, 0);
}

void cg_store_remove(struct cg_store *s, const char *id)
{
	_cleanup_close_ int dir = -1;
	struct cg_text none = {0};

	cg_behind_write(s->behind, id, &none);
	/* Also here and now: whoever comes after us must not find it again. */
	(void)unlinkat(s->state, id, 0);
	if (cg_store_job_dir(s, id, &dir) < 0)
		return;
	/* Without its journal a job was never there: that goes first. */
	(void)unlinkat(dir, JOURNAL, 0);
	(void)unlinkat(dir, JOURNAL_NEW, 0);
	(void)unlinkat(dir, SHIM_FILE_END, 0);
	(void)unlinkat(dir, SHIM_FILE_END ".new", 0);
	(void)unlinkat(dir, SHIM_FILE_BEGUN, 0);
	(void)unlinkat(dir, SHIM_FILE_PID, 0);
	(void)unlinkat(dir, SHIM_FILE_SAID, 0);
	(void)unlinkat(s->jobs, id, AT_REMOVEDIR);
}

struct each {
	int dir;
	bool kept;
	cg_store_fn *fn;
	void *context;
};

static int each_one(const char *name, unsigned char type, void *context)
{
	struct each *e = context;
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_close_ int dir = -1;
	int r;

	if (!cg_job_name_is_valid(cg_bytes_of(name)) || type != (e->kept ? DT_REG : DT_DIR))
		return 0;
	if (e->kept) {
		r = cg_read_at(e->dir, name, false, &b);
	} else {
		dir = openat(e->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = dir < 0 ? -errno : cg_read_at(dir, JOURNAL, false, &b);
	}
	if (r == -ENOENT)
		b.len = 0;
	else if (r < 0)
		return r;
	return e->fn(e->context, name, (struct cg_bytes){b.data, b.len});
}

int cg_store_each(struct cg_store *s, bool kept, cg_store_fn *fn, void *context)
{
	struct each e = {kept ? s->state : s->jobs, kept, fn, context};

	return cg_dir_each(e.dir, each_one, &e);
}
