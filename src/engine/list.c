/* Listing groups. See list.h. */
#include "engine/list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fdio.h"
#include "kernel/cgroupfs.h"
#include "kernel/files.h"
#include "model/tree.h"

void cg_list_free(struct cg_list *list)
{
	cg_arena_free(&list->arena);
	free(list->item);
	*list = (struct cg_list){0};
}

/* One directory that is being listed. */
struct listing {
	struct cg_list *list;
	const char *path; /* "" for the root */
	uint16_t hierarchy, depth;
	unsigned levels; /* below this one */
	int fd;
	struct cg_buffer *buffer;
	struct cg_error **err;
};

static int add(struct listing *l)
{
	struct cg_list *list = l->list;

	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 256;
		struct cg_listed *more = reallocarray(list->item, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		list->item = more;
		list->room = room;
	}
	list->item[list->count] = (struct cg_listed){
		.path = cg_arena_string(&list->arena, l->path), .hierarchy = l->hierarchy, .depth = l->depth};
	return list->item[list->count++].path ? 0 : -ENOMEM;
}

static int count_tasks(struct listing *l, uint64_t *ret)
{
	int r = cg_read_at(l->fd, CG_FILE_PROCS, false, l->buffer);

	if (r == -EOPNOTSUPP)
		r = cg_read_at(l->fd, CG_FILE_THREADS, false, l->buffer);
	for (size_t i = 0; r == 0 && i < l->buffer->len; i++)
		*ret += l->buffer->data[i] == '\n';
	return r;
}

static int list_group(struct listing *l);

static int visit(const char *name, unsigned char type, void *context)
{
	const struct listing *up = context;
	struct listing down = *up;
	_cleanup_text_ struct cg_text path = {0};
	_cleanup_close_ int fd = -1;
	int r;

	if (type != DT_DIR)
		return 0;
	cg_text_printf(&path, "%s/%s", up->path, name);
	if (path.failed)
		return -ENOMEM;
	r = cg_cgroup_open(up->fd, name, &fd);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (up->depth >= CG_DEPTH_MAX)
		return -ELOOP;
	down.path = path.data;
	down.fd = fd;
	down.depth++;
	down.levels = up->levels - 1;
	return list_group(&down);
}

static int list_group(struct listing *l)
{
	size_t self = l->list->count;
	uint64_t n = 0;
	struct stat st;
	int r = 0;

	if (l->path[0]) {
		r = count_tasks(l, &n);
		if (r == -ENODEV || r == -ENOENT)
			return 0;
		r = r < 0 ? r : add(l);
		if (r == 0)
			l->list->item[self].processes = n;
	}
	/* The link count tells whether there are groups below. */
	if (r == 0 && l->levels && fstat(l->fd, &st) == 0 && st.st_nlink != 2)
		r = cg_dir_each(l->fd, visit, l);
	return r;
}

int cg_list_groups(struct cg_list *list, const struct cg_live *live, uint16_t hierarchy, const char *path,
	unsigned depth, struct cg_error **err)
{
	const struct cg_live_hierarchy *h = &live->item[hierarchy];
	const bool whole = strcmp(path, "/") == 0;
	const char *below = whole ? "." : cg_path_below(h->mount_root, path);
	_cleanup_buffer_ struct cg_buffer buffer = {0};
	_cleanup_close_ int fd = -1;
	struct listing l = {.list = list,
		.path = whole ? strcmp(h->mount_root, "/") == 0 ? "" : h->mount_root : path,
		.hierarchy = hierarchy,
		.levels = depth,
		.buffer = &buffer,
		.err = err};
	int r = below ? cg_open_beneath(h->fd, below, O_RDONLY | O_DIRECTORY, &fd) : -ENOENT;

	if (r == -ENOENT)
		return 0;
	if (r == 0) {
		l.fd = fd;
		r = list_group(&l);
	}
	if (r == 0)
		return 1;
	r = cg_error_errno(err, -r, "cannot list the groups of hierarchy %s", h->mount_point);
	cg_error_at(err, path, NULL);
	return r;
}
