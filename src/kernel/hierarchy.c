/* The hierarchies of the host, found through the mounts that exist.
 *
 *   /proc/self/mountinfo --> cgroup mounts, grouped by st_dev (one hierarchy each) --> of each the best mount
 * that can be reached
 *
 * A line in mountinfo does not mean that the mount is visible at its path: another mount may lie on top of it
 * or of a directory above. So each candidate is opened without following links and its mount id (statx(2);
 * the file system's device where the kernel tells no id) compared with the line's. Nothing is ever mounted.
 */
#include "kernel/hierarchy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>

#include "base/fdio.h"
#include "base/log.h"
#include "kernel/files.h"
#include "kernel/tasks.h"

/* A root "/.." or "/../x" lies above our cgroup namespace's root; "/..x" is a group of that name. */
static bool is_outside(const char *root)
{
	return strncmp(root, "/..", 3) == 0 && (root[3] == '\0' || root[3] == '/');
}

static int cgroup_version(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return -errno;
	if (fs.f_type == CGROUP2_SUPER_MAGIC)
		return 2;
	return fs.f_type == CGROUP_SUPER_MAGIC ? 1 : 0;
}

/* Whether the open directory is on the mount of that line. The last mount on one point hides the earlier
 * ones, so `hidden` decides where no mount id is known. */
static int is_on_mount(int fd, const struct cg_mount *m, bool hidden)
{
	struct statx x;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &x) < 0)
		return -errno;
	if (x.stx_mask & STATX_MNT_ID)
		return x.stx_mnt_id == m->id;
	return (x.stx_dev_major << 20 | x.stx_dev_minor) == m->device && !hidden;
}

static int open_mount(const struct cg_mount *m, bool hidden, int *ret_fd)
{
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;
	const char *relative = m->point + 1;
	int r;

	if (root < 0)
		return -errno;
	r = cg_open_beneath(root, *relative ? relative : ".", O_PATH | O_DIRECTORY, &fd);
	if (r < 0)
		return r;
	r = cgroup_version(fd);
	if (r < 0)
		return r;
	if (r != m->version)
		return -EXDEV;
	r = is_on_mount(fd, m, hidden);
	if (r <= 0)
		return r < 0 ? r : -EXDEV;
	*ret_fd = cg_steal_fd(&fd);
	return 0;
}

static void hierarchy_free(struct cg_live_hierarchy *h)
{
	free(h->controllers);
	free(h->name);
	free(h->mount_point);
	free(h->mount_root);
	free(h->mount_options);
	(void)cg_close(h->fd);
	*h = (struct cg_live_hierarchy){.fd = -1};
}
#define _cleanup_hierarchy_ _cleanup_(hierarchy_free)

/* "cpu memory\n" to "cpu,memory". */
static int read_controllers(int fd, char **ret)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_text_ struct cg_text t = {0};
	struct cg_bytes rest, word;
	int r = cg_read_at(fd, CG_FILE_CONTROLLERS, true, &b);

	if (r < 0)
		return r;
	rest = (struct cg_bytes){b.data, b.len};
	while (cg_bytes_word(&rest, &word)) {
		if (t.len > 0)
			cg_text_addc(&t, ',');
		cg_text_add(&t, word.data, word.len);
	}
	return cg_text_take(&t, ret);
}

/* 1, 0 or a negative errno. */
static int has_file(int fd, const char *name)
{
	struct stat st;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	/* ENODEV: the group was removed, and its files with it. */
	return errno == ENOENT || errno == ENODEV ? 0 : -errno;
}

/* Fills everything that the mount and the open directory tell; takes the descriptor. */
static int describe(const struct cg_mount *m, const char *root, const char *point, int *fd,
	struct cg_live_hierarchy *h, struct cg_error **err)
{
	int r = 0;

	h->version = m->version;
	h->fd = cg_steal_fd(fd);
	h->mount_root = strdup(root);
	h->mount_point = strdup(point);
	h->mount_options = strdup(m->super_options);
	if (m->name)
		h->name = strdup(m->name);
	if (m->version == 1)
		h->controllers = strdup(m->controllers);
	else
		r = read_controllers(h->fd, &h->controllers);
	if (r == -ENOMEM || !h->mount_root || !h->mount_point || !h->mount_options || (m->name && !h->name) ||
		(r == 0 && !h->controllers))
		return cg_error_oom(err);
	if (r < 0) {
		r = cg_error_errno(err, -r, "cannot read what the hierarchy offers");
		cg_error_at(err, point, CG_FILE_CONTROLLERS);
		return r;
	}
	if (strcmp(root, "/") == 0) {
		r = has_file(h->fd, m->version == 2 ? CG_FILE_TYPE : CG_FILE_SANE_BEHAVIOR);
		if (r < 0)
			return cg_error_errno(err, -r, "cannot look into %s", point);
		h->is_root = (r == 0) == (m->version == 2);
		h->in_namespace = !h->is_root;
	}
	return 0;
}

static bool is_hidden(const struct cg_mounts *mounts, size_t i)
{
	for (size_t j = i + 1; j < mounts->count; j++)
		if (strcmp(mounts->item[j].point, mounts->item[i].point) == 0)
			return true;
	return false;
}

/* The next best mount of a hierarchy that was not tried: the shortest root, then the first in the file.
 * Mounts outside the namespace are never tried. */
static const struct cg_mount *next_candidate(
	const struct cg_mounts *mounts, uint32_t device, const bool *tried)
{
	const struct cg_mount *best = NULL;

	for (size_t i = 0; i < mounts->count; i++) {
		const struct cg_mount *m = &mounts->item[i];

		if (m->device != device || tried[i] || is_outside(m->root))
			continue;
		if (!best || strlen(m->root) < strlen(best->root))
			best = m;
	}
	return best;
}

/* Opens the best mount of the hierarchy with that device: 1, or 0 when none can be reached. */
static int open_hierarchy(const struct cg_mounts *mounts, uint32_t device, bool *tried,
	struct cg_live_hierarchy *h, struct cg_error **err)
{
	const struct cg_mount *m;

	while ((m = next_candidate(mounts, device, tried))) {
		size_t i = (size_t)(m - mounts->item);
		_cleanup_close_ int fd = -1;
		int r;

		tried[i] = true;
		r = open_mount(m, is_hidden(mounts, i), &fd);
		if (r == 0) {
			r = describe(m, m->root, m->point, &fd, h, err);
			return r < 0 ? r : 1;
		}
		cg_debug("mount %s of a cgroup hierarchy passed over: %s", m->point,
			r == -EXDEV ? "another mount lies on top of it" : strerror(-r));
	}
	return 0;
}

static int add_hierarchy(struct cg_live *live, struct cg_live_hierarchy *h, struct cg_error **err)
{
	struct cg_live_hierarchy *grown = reallocarray(live->item, live->count + 1, sizeof(*grown));

	if (!grown)
		return cg_error_oom(err);
	live->item = grown;
	grown[live->count++] = *h;
	*h = (struct cg_live_hierarchy){.fd = -1};
	return 0;
}

static int finish(struct cg_live *live, struct cg_live *ret, struct cg_error **err)
{
	bool v1 = false, v2 = false;

	for (size_t i = 0; i < live->count; i++) {
		v1 |= live->item[i].version == 1;
		v2 |= live->item[i].version == 2;
	}
	live->layout = strdup(v1 && v2 ? "hybrid" : v2 ? "v2" : "v1");
	if (!live->layout)
		return cg_error_oom(err);
	live->kernel = cg_kernel_version();
	*ret = *live;
	*live = (struct cg_live){0};
	return 0;
}

static int read_mounts(struct cg_mounts *ret, struct cg_error **err)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	int r = cg_read_path_at(AT_FDCWD, "/proc/self/mountinfo", &b);

	if (r < 0)
		return cg_error_errno(err, -r, "cannot read /proc/self/mountinfo");
	return cg_mountinfo_parse((struct cg_bytes){b.data, b.len}, ret, err);
}

static int no_hierarchy(const struct cg_mounts *mounts, struct cg_error **err)
{
	size_t outside = 0;
	int r;

	for (size_t i = 0; i < mounts->count; i++)
		outside += is_outside(mounts->item[i].root);
	if (mounts->count == 0) {
		r = cg_error_make(err, CG_FAULT_SYSTEM, ENOENT, "no cgroup file system is mounted here");
		cg_error_hint(err, "run where /sys/fs/cgroup is mounted, or name a bind mount with --dir");
	} else if (outside == mounts->count) {
		r = cg_error_make(err, CG_FAULT_SYSTEM, EXDEV,
			"every cgroup mount here lies outside our cgroup namespace (%s is mounted from %s)",
			mounts->item[0].point, mounts->item[0].root);
		cg_error_hint(err,
			"enter the mount namespace that belongs to the cgroup namespace, or mount there anew");
	} else {
		r = cg_error_make(err, CG_FAULT_SYSTEM, ENOENT,
			"no cgroup mount can be reached: each is hidden by another mount or lies outside our cgroup namespace");
		cg_error_hint(err, "name a directory on the hierarchy with --dir");
	}
	return r;
}

/* A hierarchy that we are in and cannot see must not go unsaid. */
static void note_unmounted(const struct cg_live *live)
{
	_cleanup_memberships_ struct cg_memberships own = {0};
	_cleanup_error_ struct cg_error *e = NULL;

	if (cg_live_of_pid((int)getpid(), &own, &e) < 0) {
		cg_debug("cannot tell hierarchies without a mount: %s", e->message);
		return;
	}
	for (size_t i = 0; i < own.count; i++) {
		const struct cg_membership *m = &own.item[i];
		bool found = false;

		for (size_t j = 0; j < live->count && !found; j++) {
			const struct cg_live_hierarchy *h = &live->item[j];

			if (m->hierarchy_id == 0)
				found = h->version == 2;
			else if (m->name)
				found = h->name && strcmp(h->name, m->name) == 0;
			else
				found = h->version == 1 && cg_live_matches(h, m->controllers);
		}
		if (!found)
			cg_debug("hierarchy %u (%s%s) has no mount that we can use", m->hierarchy_id,
				m->controllers, m->name ? m->name : "");
	}
}

static bool is_wanted(const struct cg_mount *m, const char *const *names, size_t count)
{
	const struct cg_live_hierarchy h = {
		.version = m->version, .controllers = m->controllers, .name = m->name};

	for (size_t i = 0; i < count; i++)
		if (cg_live_matches(&h, names[i]))
			return true;
	return count == 0;
}

int cg_live_open_named(const char *const *names, size_t count, struct cg_live *ret, struct cg_error **err)
{
	_cleanup_live_ struct cg_live live = {0};
	_cleanup_mounts_ struct cg_mounts mounts = {0};
	_cleanup_free_ bool *tried = NULL;
	int r = read_mounts(&mounts, err);

	if (r < 0)
		return r;
	tried = calloc(mounts.count + 1, sizeof(*tried));
	if (!tried)
		return cg_error_oom(err);
	for (size_t i = 0; i < mounts.count; i++) {
		_cleanup_hierarchy_ struct cg_live_hierarchy h = {.fd = -1};
		bool seen = false;

		for (size_t j = 0; j < i && !seen; j++)
			seen = mounts.item[j].device == mounts.item[i].device;
		if (seen || !is_wanted(&mounts.item[i], names, count))
			continue;
		r = open_hierarchy(&mounts, mounts.item[i].device, tried, &h, err);
		if (r > 0)
			r = add_hierarchy(&live, &h, err);
		if (r < 0)
			return r;
	}
	if (live.count == 0)
		return count ? cg_live_open(ret, err) : no_hierarchy(&mounts, err);
	if (count == 0 && cg_log_level() >= CG_LOG_DEBUG)
		note_unmounted(&live);
	return finish(&live, ret, err);
}

int cg_live_open(struct cg_live *ret, struct cg_error **err)
{
	return cg_live_open_named(NULL, 0, ret, err);
}

/* The absolute path of an open directory as the kernel knows it in our mount namespace. */
static int path_of_fd(int fd, char **ret)
{
	char link[32];
	size_t size = 256;

	if (snprintf(link, sizeof(link), "/proc/self/fd/%d", fd) >= (int)sizeof(link))
		return -EOVERFLOW;
	for (;;) {
		_cleanup_free_ char *path = malloc(size);
		ssize_t n;

		if (!path)
			return -ENOMEM;
		n = readlink(link, path, size);
		if (n < 0)
			return -errno;
		if ((size_t)n < size) {
			path[n] = '\0';
			*ret = cg_steal(path);
			return 0;
		}
		size *= 2;
	}
}

/* What is left of `path` below `point`: "" or "/x/y"; NULL when it does not lie there. */
static const char *below(const char *path, const char *point)
{
	size_t len = strcmp(point, "/") == 0 ? 0 : strlen(point);

	if (strncmp(path, point, len) != 0 || (path[len] != '/' && path[len] != '\0'))
		return NULL;
	return path[len] == '/' && path[len + 1] == '\0' ? "" : path + len;
}

/* The mount that an open directory is on: of those it could be (all but one are hidden) the one with the
 * longest point, the last of equal ones. */
static const struct cg_mount *mount_of(const struct cg_mounts *mounts, int fd, const char *path)
{
	const struct cg_mount *best = NULL;

	for (size_t i = 0; i < mounts->count; i++) {
		const struct cg_mount *m = &mounts->item[i];

		if (is_on_mount(fd, m, false) > 0 && below(path, m->point) &&
			(!best || strlen(m->point) >= strlen(best->point)))
			best = m;
	}
	return best;
}

/* Opens what --dir names, refusing what is no group. */
static int open_named_dir(const char *dir, int *ret_fd, char **ret_path, struct cg_error **err)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (dir[0] == '\0')
		return cg_error_usage(err, "the name of the directory is empty");
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENAMETOOLONG))
		return cg_error_make(
			err, CG_FAULT_USAGE, errno, "cannot open the directory %s: %s", dir, strerror(errno));
	if (fd < 0)
		return cg_error_errno(err, errno, "cannot open the directory %s", dir);
	r = cgroup_version(fd);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot tell what file system %s is on", dir);
	if (r == 0) {
		r = cg_error_usage(err, "%s is not on a cgroup file system", dir);
		cg_error_hint(err, "/proc/self/mounts names those of this host: types cgroup and cgroup2");
		return r;
	}
	r = has_file(fd, CG_FILE_PROCS);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot look into %s", dir);
	if (r == 0)
		return cg_error_make(err, CG_FAULT_USAGE, ENOENT, "the group at %s was removed", dir);
	r = path_of_fd(fd, ret_path);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot tell where %s is", dir);
	*ret_fd = cg_steal_fd(&fd);
	return 0;
}

/* Told by what it is: mounts of one hierarchy that were made in several cgroup namespaces are several
 * devices.
 */
static bool is_same(const struct cg_live_hierarchy *a, const struct cg_live_hierarchy *b)
{
	if (a->version != b->version)
		return false;
	if (a->version == 2)
		return true;
	return a->name && b->name ? strcmp(a->name, b->name) == 0
				  : !a->name && !b->name && strcmp(a->controllers, b->controllers) == 0;
}

static int refuse_second(
	const struct cg_live_hierarchy *h, const char *dir, const char *other, struct cg_error **err)
{
	_cleanup_text_ struct cg_text label = {0};
	int r;

	cg_live_label(h, &label);
	if (label.failed)
		return cg_error_oom(err);
	r = cg_error_usage(err, "%s is of hierarchy %s, as %s is", dir, label.data, other);
	cg_error_hint(err, "give one directory for each hierarchy");
	return r;
}

/* Adds the hierarchy that a directory belongs to. */
static int add_dir(
	struct cg_live *live, const struct cg_mounts *mounts, const char *dir, struct cg_error **err)
{
	_cleanup_hierarchy_ struct cg_live_hierarchy h = {.fd = -1};
	_cleanup_free_ char *path = NULL, *root = NULL;
	_cleanup_close_ int fd = -1;
	const struct cg_mount *m;
	const char *rest;
	int r = open_named_dir(dir, &fd, &path, err);

	if (r < 0)
		return r;
	m = mount_of(mounts, fd, path);
	if (!m)
		return cg_error_make(err, CG_FAULT_SYSTEM, EXDEV,
			"the mount that %s is on does not stand in our mountinfo (it belongs to another mount namespace)",
			dir);
	if (is_outside(m->root)) {
		r = cg_error_make(err, CG_FAULT_SYSTEM, EXDEV,
			"%s lies outside our cgroup namespace (mounted from %s)", dir, m->root);
		cg_error_hint(err, "run from the cgroup namespace that it belongs to");
		return r;
	}
	rest = below(path, m->point);
	if (*rest == '\0')
		rest = strcmp(m->root, "/") == 0 ? "/" : "";
	if (asprintf(&root, "%s%s", strcmp(m->root, "/") == 0 ? "" : m->root, rest) < 0) {
		root = NULL;
		return cg_error_oom(err);
	}
	r = describe(m, root, path, &fd, &h, err);
	for (size_t i = 0; r == 0 && i < live->count; i++)
		if (is_same(&live->item[i], &h))
			r = refuse_second(&h, dir, live->item[i].mount_point, err);
	return r < 0 ? r : add_hierarchy(live, &h, err);
}

int cg_live_open_dirs(const char *const *dir, size_t dirs, struct cg_live *ret, struct cg_error **err)
{
	_cleanup_live_ struct cg_live live = {0};
	_cleanup_mounts_ struct cg_mounts mounts = {0};
	int r = read_mounts(&mounts, err);

	for (size_t i = 0; r == 0 && i < dirs; i++)
		r = add_dir(&live, &mounts, dir[i], err);
	return r < 0 ? r : finish(&live, ret, err);
}

void cg_live_close(struct cg_live *live)
{
	for (size_t i = 0; i < live->count; i++)
		hierarchy_free(&live->item[i]);
	free(live->item);
	free(live->layout);
	*live = (struct cg_live){0};
}

/* A task that lives is in a group that exists. */
static int settle_deleted(int pid, struct cg_memberships *m, struct cg_error **err)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_close_ int proc = -1;
	struct cg_proc_task task;
	bool any = false;
	int r;

	for (size_t i = 0; i < m->count; i++)
		any |= m->item[i].deleted;
	if (!any)
		return 0;
	r = cg_proc_open(&proc, err);
	if (r < 0)
		return r;
	r = cg_proc_task(proc, pid, &b, &task);
	if (r < 0)
		return r == -ESRCH ? 0 : cg_error_errno(err, -r, "cannot look at task %d", pid);
	for (size_t i = 0; i < m->count; i++)
		m->item[i].deleted = false;
	return 0;
}

size_t cg_live_of_membership(const struct cg_live *live, const struct cg_membership *m)
{
	for (size_t i = 0; i < live->count; i++) {
		const struct cg_live_hierarchy *h = &live->item[i];

		if (m->hierarchy_id == 0 ? h->version == 2
			: m->name        ? h->version == 1 && h->name && strcmp(h->name, m->name) == 0
					 : h->version == 1 && !h->name && cg_live_matches(h, m->controllers))
			return i;
	}
	return live->count;
}

int cg_live_of_pid(int pid, struct cg_memberships *ret, struct cg_error **err)
{
	_cleanup_memberships_ struct cg_memberships in = {0};
	_cleanup_buffer_ struct cg_buffer b = {0};
	char path[48];
	int r;

	if (pid <= 0)
		return cg_error_usage(err, "%d is no process id", pid);
	if (snprintf(path, sizeof(path), "/proc/%d/cgroup", pid) >= (int)sizeof(path))
		return cg_error_errno(err, EOVERFLOW, "process %d", pid);
	r = cg_read_path_at(AT_FDCWD, path, &b);
	if (r == -ENOENT || r == -ESRCH)
		return cg_error_make(err, CG_FAULT_USAGE, ESRCH, "there is no process %d", pid);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot read %s", path);
	r = cg_membership_parse((struct cg_bytes){b.data, b.len}, &in, err);
	if (r == 0)
		r = settle_deleted(pid, &in, err);
	if (r < 0)
		return r;
	*ret = in;
	in = (struct cg_memberships){0};
	return 0;
}

uint32_t cg_kernel_version(void)
{
	struct utsname u;
	struct cg_bytes rest, part;
	uint32_t major, minor;
	size_t digits = 0;

	if (uname(&u) < 0)
		return 0;
	rest = cg_bytes_of(u.release);
	if (!cg_bytes_split(&rest, '.', &part) || cg_parse_u32(part, &major) < 0)
		return 0;
	/* "6.12.1", "6.1-rc3", "6.18+" */
	while (digits < rest.len && rest.data[digits] >= '0' && rest.data[digits] <= '9')
		digits++;
	if (cg_parse_u32((struct cg_bytes){rest.data, digits}, &minor) < 0)
		return 0;
	return major << 16 | minor;
}
