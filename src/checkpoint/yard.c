/* The yard of hierarchies that CRIU is shown: see run.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fdio.h"
#include "checkpoint/run.h"
#include "engine/undo.h"

#define V2_NAME     "unified" /* CRIU's name of the v2 hierarchy */
#define NAME_PREFIX "name="

/* Removes what a directory holds; links are not followed. */
static int remove_below(int dirfd);

static int remove_one(const char *name, unsigned char type, void *context)
{
	int dirfd = *(const int *)context;

	(void)type;
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno == EISDIR || errno == EPERM) {
		_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		int r = fd < 0 ? -errno : remove_below(fd);

		if (r < 0)
			return r;
		return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
	}
	return -errno;
}

/* As deep as the roots of mounts were. */
static int remove_below(int dirfd)
{
	return cg_dir_each(dirfd, remove_one, &dirfd);
}

void cg_yard_remove(struct cg_yard *y)
{
	_cleanup_close_ int fd = -1;

	if (!y->path)
		return;
	fd = open(y->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && remove_below(fd) == 0)
		(void)rmdir(y->path);
	free(y->path);
	y->path = NULL;
}

/* A link NAME/ROOT to the mount, with folders for what is above its root in the hierarchy. */
static int add_link(int yard, const char *name, const struct cg_live_hierarchy *h)
{
	_cleanup_free_ char *path = NULL;
	const char *root = strcmp(h->mount_root, "/") == 0 ? "" : h->mount_root;

	if (asprintf(&path, "%s%s", name, root) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdirat(yard, path, 0700) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return symlinkat(h->mount_point, yard, path) < 0 && errno != EEXIST ? -errno : 0;
}

/* Under the name that /proc/PID/cgroup has for it, and the one that the label is. */
static int add_hierarchy(int yard, const struct cg_live_hierarchy *h, const struct cg_memberships *own,
	const struct cg_live *live)
{
	int r;

	if (h->version == 2)
		return add_link(yard, V2_NAME, h);
	r = h->name ? add_link(yard, h->name, h) : add_link(yard, h->controllers, h);
	for (size_t i = 0; r == 0 && i < own->count; i++)
		if (own->item[i].controllers[0] &&
			cg_live_of_membership(live, &own->item[i]) == (size_t)(h - live->item))
			r = add_link(yard, own->item[i].controllers, h);
	return r;
}

int cg_yard_make(
	const struct cg_live *live, const char *state_dir, struct cg_yard *ret, struct cg_error **err)
{
	_cleanup_memberships_ struct cg_memberships own = {0};
	_cleanup_yard_ struct cg_yard yard = {0};
	_cleanup_close_ int base = -1, fd = -1;
	int r = cg_undo_folder(state_dir, true, &base, err);

	r = r < 0 ? r : cg_live_of_pid(getpid(), &own, err);
	if (r < 0)
		return r;
	if (asprintf(&yard.path, "%s/yard-XXXXXX", state_dir) < 0) {
		yard.path = NULL;
		return cg_error_oom(err);
	}
	if (!mkdtemp(yard.path)) {
		r = cg_error_errno(err, errno, "cannot make a folder in %s", state_dir);
		free(cg_steal(yard.path));
		return r;
	}
	fd = open(yard.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? -errno : 0;
	for (size_t i = 0; r == 0 && i < live->count; i++)
		r = add_hierarchy(fd, &live->item[i], &own, live);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot show CRIU the hierarchies in %s", yard.path);
	ret->path = cg_steal(yard.path);
	return 0;
}
