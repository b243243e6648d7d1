/* The open directories on the way to the place in hand. Entry i of the stack is the place with i parents; it
 * stays open until another place of that depth is asked for. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/undo.h"
#include "kernel/cgroupfs.h"

int cg_dirs_init(struct cg_dirs *d, const struct cg_undo *undo, const int *base)
{
	*d = (struct cg_dirs){.undo = undo, .base = base, .outer = -1, .outer_of = CG_NONE};
	d->open = calloc(CG_DEPTH_MAX + 1, sizeof(*d->open));
	return d->open ? 0 : -ENOMEM;
}

static void close_from(struct cg_dirs *d, size_t depth)
{
	while (d->count > depth)
		(void)cg_close(d->open[--d->count].fd);
}

static int check_inode(int fd, uint64_t inode)
{
	struct stat st;

	if (inode == 0)
		return 0;
	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_ino == inode ? 0 : -ESTALE;
}

int cg_dirs_open(struct cg_dirs *d, uint32_t place, int *ret_fd)
{
	const struct cg_undo_place *p = &d->undo->place[place];
	_cleanup_close_ int fd = -1;
	int parent, r;

	if (d->count > p->depth && d->open[p->depth].place == place) {
		*ret_fd = d->open[p->depth].fd;
		return 0;
	}
	if (p->parent == CG_NONE) {
		if (d->base[p->hierarchy] < 0)
			return -EXDEV;
		close_from(d, 0);
		r = cg_open_beneath(d->base[p->hierarchy], p->name, O_RDONLY | O_DIRECTORY, &fd);
	} else {
		r = cg_dirs_open(d, p->parent, &parent);
		if (r < 0)
			return r;
		close_from(d, p->depth);
		r = cg_cgroup_open(parent, p->name, &fd);
	}
	if (r == 0)
		r = check_inode(fd, p->inode);
	if (r < 0)
		return r;
	*ret_fd = fd;
	d->open[d->count++] = (struct cg_open_place){place, cg_steal_fd(&fd)};
	return 0;
}

/* Above a place without parent, whose name may have several components. */
static int open_outer(struct cg_dirs *d, uint32_t place, int *ret_fd, const char **ret_name)
{
	const struct cg_undo_place *p = &d->undo->place[place];
	const char *slash = strrchr(p->name, '/');
	_cleanup_free_ char *above = NULL;
	int r;

	if (d->base[p->hierarchy] < 0)
		return -EXDEV;
	*ret_name = slash ? slash + 1 : p->name;
	if (!slash) {
		*ret_fd = d->base[p->hierarchy];
		return 0;
	}
	if (d->outer < 0 || d->outer_of != place) {
		d->outer = cg_close(d->outer);
		above = strndup(p->name, (size_t)(slash - p->name));
		if (!above)
			return -ENOMEM;
		r = cg_open_beneath(d->base[p->hierarchy], above, O_RDONLY | O_DIRECTORY, &d->outer);
		if (r < 0)
			return r;
		d->outer_of = place;
	}
	*ret_fd = d->outer;
	return 0;
}

int cg_dirs_parent(struct cg_dirs *d, uint32_t place, int *ret_fd, const char **ret_name)
{
	const struct cg_undo_place *p = &d->undo->place[place];

	if (p->parent == CG_NONE)
		return open_outer(d, place, ret_fd, ret_name);
	*ret_name = p->name;
	return cg_dirs_open(d, p->parent, ret_fd);
}

void cg_dirs_close_all(struct cg_dirs *d)
{
	close_from(d, 0);
	d->outer = cg_close(d->outer);
	d->outer_of = CG_NONE;
}

void cg_dirs_free(struct cg_dirs *d)
{
	if (d->open)
		cg_dirs_close_all(d);
	free(d->open);
	*d = (struct cg_dirs){.outer = -1, .outer_of = CG_NONE};
}
