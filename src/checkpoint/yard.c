/* The yard of hierarchies that CRIU is shown: see run.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fdio.h"
#include "checkpoint/run.h"

#define V2_NAME     "unified" /* CRIU's name of the v2 hierarchy */
#define NAME_PREFIX "name="

void cg_yard_remove(struct cg_yard *y)
{
	if (!y->path)
		return;
	/* What stays is cleared by whoever comes to this folder next. */
	if (cg_folder_remove_yard(y->folder) == 0)
		(void)rmdir(y->folder->state);
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
	const struct cg_live *live, const struct cg_folder *f, struct cg_yard *ret, struct cg_error **err)
{
	_cleanup_memberships_ struct cg_memberships own = {0};
	_cleanup_yard_ struct cg_yard yard = {.folder = f};
	_cleanup_close_ int state = -1, fd = -1;
	int r = cg_folder_state(f, true, &state, err);

	r = r < 0 ? r : cg_live_of_pid(getpid(), &own, err);
	if (r < 0)
		return r;
	if (asprintf(&yard.path, "%s/%s", f->state, CG_CHECKPOINT_YARD) < 0) {
		yard.path = NULL;
		return cg_error_oom(err);
	}
	r = cg_folder_remove_yard(f);
	if (r == 0 && mkdirat(state, CG_CHECKPOINT_YARD, 0700) < 0)
		r = -errno;
	if (r == 0) {
		fd = openat(state, CG_CHECKPOINT_YARD, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = fd < 0 ? -errno : 0;
	}
	for (size_t i = 0; r == 0 && i < live->count; i++)
		r = add_hierarchy(fd, &live->item[i], &own, live);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot show CRIU the hierarchies in %s", yard.path);
	*ret = yard;
	yard.path = NULL;
	return 0;
}
