/* Between the hierarchies of an undo record and those that are mounted here. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/undo.h"

static const char *label_of(struct cg_undo *undo, const struct cg_live_hierarchy *h)
{
	_cleanup_text_ struct cg_text t = {0};

	if (h->version == 2)
		return "v2";
	if (h->controllers[0] || !h->name)
		return h->controllers;
	cg_text_adds(&t, "name=");
	cg_text_adds(&t, h->name);
	return t.failed ? NULL : cg_arena_string(&undo->arena, t.data);
}

int cg_undo_add_live(struct cg_undo *undo, const struct cg_live_hierarchy *h, struct cg_error **err)
{
	struct cg_undo_hierarchy u = {.version = (uint8_t)h->version, .root = h->mount_root};
	struct stat st;

	if (fstat(h->fd, &st) < 0) {
		int r = cg_error_errno(err, errno, "cannot look at the hierarchy");

		cg_error_at(err, h->mount_point, NULL);
		return r;
	}
	u.device = st.st_dev;
	u.inode = st.st_ino;
	u.label = label_of(undo, h);
	if (!u.label || cg_undo_add_hierarchy(undo, &u) == CG_NONE)
		return cg_error_oom(err);
	return 0;
}

/* The directory that a recorded hierarchy's paths begin at, by the mounts that are here now; it is the same
 * when file system and number are. */
static int open_base(const struct cg_live *live, const struct cg_undo_hierarchy *h)
{
	for (size_t i = 0; i < live->count; i++) {
		const struct cg_live_hierarchy *l = &live->item[i];
		size_t len = strcmp(l->mount_root, "/") == 0 ? 0 : strlen(l->mount_root);
		const char *below = h->root + len;
		_cleanup_close_ int fd = -1;
		struct stat st;

		if (l->version != h->version || fstat(l->fd, &st) < 0 || st.st_dev != h->device)
			continue;
		if (strncmp(h->root, l->mount_root, len) != 0 || (*below != '/' && *below != '\0'))
			continue;
		below += *below == '/';
		if (cg_open_beneath(l->fd, *below ? below : ".", O_RDONLY | O_DIRECTORY, &fd) == 0 &&
			fstat(fd, &st) == 0 && st.st_ino == h->inode)
			return cg_steal_fd(&fd);
	}
	return -1;
}

static bool is_used(const struct cg_undo *undo, size_t hierarchy)
{
	for (size_t i = 0; i < undo->places; i++)
		if (undo->place[i].hierarchy == hierarchy)
			return true;
	return false;
}

bool cg_undo_open_bases(const struct cg_live *live, const struct cg_undo *undo, int *base)
{
	bool all = true;

	for (size_t i = 0; i < undo->hierarchies; i++) {
		bool used = is_used(undo, i);

		base[i] = used ? open_base(live, &undo->hierarchy[i]) : -1;
		all &= !used || base[i] >= 0;
	}
	return all;
}
