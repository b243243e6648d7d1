/* Files of a checkpoint's folder: see folder.h. */
#include "checkpoint/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fdio.h"
#include "engine/undo.h"
#include "image/criu.h"
#include "image/image.h"

#define TEMPORARY ".cgtree-new"

void cg_folder_close(struct cg_folder *f)
{
	f->fd = cg_close(f->fd);
	free(f->name);
	free(f->state_base);
	free(f->state);
	*f = (struct cg_folder)CG_FOLDER_INIT;
}

int cg_folder_open(const char *name, const char *state_base, struct cg_folder *ret, struct cg_error **err)
{
	_cleanup_folder_ struct cg_folder f = CG_FOLDER_INIT;
	struct stat st;
	int r;

	f.fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f.fd < 0 || fstat(f.fd, &st) < 0) {
		r = cg_error_errno(err, errno, "cannot open the folder of CRIU's images");
		cg_error_at(err, name, NULL);
		return r;
	}
	f.name = strdup(name);
	f.state_base = strdup(state_base);
	if (!f.name || !f.state_base)
		return cg_error_oom(err);
	if (asprintf(&f.state, "%s/criu-%llx-%llu", state_base, (unsigned long long)st.st_dev,
		    (unsigned long long)st.st_ino) < 0) {
		f.state = NULL;
		return cg_error_oom(err);
	}
	*ret = f;
	f = (struct cg_folder)CG_FOLDER_INIT;
	return 0;
}

static int fail(
	const struct cg_folder *f, const char *name, int code, const char *what, struct cg_error **err)
{
	_cleanup_text_ struct cg_text path = {0};
	int r = cg_error_errno(err, code, "%s", what);

	cg_text_printf(&path, "%s/%s", f->name, name);
	cg_error_at(err, path.data, NULL);
	return r;
}

static int read_at(int dirfd, const char *name, struct cg_text *ret)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int r = fd < 0 ? -errno : cg_read_fd(fd, false, &b);

	if (r < 0)
		return r;
	cg_text_add(ret, b.data, b.len);
	return ret->failed ? -ENOMEM : 0;
}

int cg_folder_read(const struct cg_folder *f, const char *name, struct cg_text *ret, struct cg_error **err)
{
	int r = read_at(f->fd, name, ret);

	return r == 0 || r == -ENOENT ? r : fail(f, name, -r, "cannot read", err);
}

/* Opens a file that nobody sees yet. */
static int open_new(int dirfd)
{
	int fd;

	if (unlinkat(dirfd, TEMPORARY, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dirfd, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

static int finish_new(int dirfd, const char *name, int r)
{
	if (r == 0 && renameat(dirfd, TEMPORARY, dirfd, name) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(dirfd, TEMPORARY, 0);
	return r;
}

static int write_at(int dirfd, const char *name, struct cg_bytes data)
{
	_cleanup_close_ int fd = open_new(dirfd);

	return fd < 0 ? fd : finish_new(dirfd, name, cg_write_all(fd, data.data, data.len));
}

int cg_folder_write(const struct cg_folder *f, const char *name, struct cg_bytes data, struct cg_error **err)
{
	int r = write_at(f->fd, name, data);

	return r < 0 ? fail(f, name, -r, "cannot write", err) : 0;
}

static int write_tree(int dirfd, const char *name, const struct cg_tree *tree, struct cg_error **err)
{
	struct cg_image_write_options options = {.compression = CG_COMPRESS_NONE};
	_cleanup_close_ int fd = open_new(dirfd);
	int r;

	if (fd < 0)
		return cg_error_errno(err, -fd, "cannot write %s", name);
	r = cg_image_write(fd, tree, &options, NULL, err);
	if (r < 0) {
		cg_error_at(err, name, NULL);
		(void)finish_new(dirfd, name, r);
		return r;
	}
	r = finish_new(dirfd, name, 0);
	return r < 0 ? cg_error_errno(err, -r, "cannot write %s", name) : 0;
}

int cg_folder_write_tree(
	const struct cg_folder *f, const char *name, const struct cg_tree *tree, struct cg_error **err)
{
	return write_tree(f->fd, name, tree, err);
}

int cg_folder_write_early(const struct cg_folder *f, const struct cg_tree *tree, struct cg_error **err)
{
	_cleanup_close_ int fd = -1;
	int r = cg_folder_state(f, true, &fd, err);

	return r < 0 ? r : write_tree(fd, CG_CHECKPOINT_EARLY, tree, err);
}

int cg_folder_take_early(const struct cg_folder *f, struct cg_tree **ret, struct cg_error **err)
{
	_cleanup_close_ int state = -1, fd = -1;
	int r = cg_folder_state(f, false, &state, err);

	if (r < 0)
		return r;
	fd = openat(state, CG_CHECKPOINT_EARLY, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0 || unlinkat(state, CG_CHECKPOINT_EARLY, 0) < 0)
		return cg_error_errno(err, errno, "cannot read %s/%s", f->state, CG_CHECKPOINT_EARLY);
	return cg_image_read(fd, CG_IMAGE_MEMORY_DEFAULT, ret, NULL, err);
}

/* Innermost ids of the image's tasks, ascending. */
static int list_ids(const struct cg_tree *tree, int32_t **ret, size_t *ret_count)
{
	size_t count = 0;

	for (uint32_t i = 0; i < tree->groups; i++)
		count += tree->group[i].tasks;
	*ret = calloc(count + 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	*ret_count = 0;
	for (uint32_t i = 0; i < tree->groups; i++)
		for (uint32_t k = 0; k < tree->group[i].tasks; k++) {
			const struct cg_task *t = &tree->group[i].task[k];

			(*ret)[(*ret_count)++] = t->ns_count ? t->ns_pid[t->ns_count - 1] : t->tid;
		}
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	const int32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The image of another checkpoint in the same folder would place tasks by chance. */
static int check_tasks(const struct cg_folder *f, const struct cg_tree *tree, struct cg_error **err)
{
	_cleanup_criu_tasks_ struct cg_criu_tasks tasks = {0};
	_cleanup_free_ int32_t *id = NULL;
	size_t count;
	int r = cg_criu_read_tasks(f->fd, CG_IMAGE_MEMORY_DEFAULT, &tasks, err);

	if (r < 0)
		return r;
	if (list_ids(tree, &id, &count) < 0)
		return cg_error_oom(err);
	if (count == 0)
		return 0;
	qsort(id, count, sizeof(*id), compare_ids);
	for (uint32_t i = 0; i < tasks.count; i++) {
		/* The dead are in no group. */
		if (tasks.task[i].set == CG_CRIU_NO_SET ||
			bsearch(&tasks.task[i].tid, id, count, sizeof(*id), compare_ids))
			continue;
		r = cg_error_corrupt(err,
			"it is of another checkpoint than CRIU's images: it does not know task %d",
			tasks.task[i].tid);
		cg_error_at(err, CG_CHECKPOINT_IMAGE, NULL);
		cg_error_hint(err, "remove it to restore what CRIU alone has saved");
		return r;
	}
	return 0;
}

int cg_folder_load(const struct cg_folder *f, struct cg_tree **ret, bool *ret_whole, struct cg_error **err)
{
	_cleanup_close_ int fd = openat(f->fd, CG_CHECKPOINT_IMAGE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_tree_ struct cg_tree *tree = NULL;
	int r;

	*ret_whole = fd >= 0;
	if (fd < 0 && errno != ENOENT)
		return fail(f, CG_CHECKPOINT_IMAGE, errno, "cannot open", err);
	if (fd < 0)
		return cg_criu_import_folder(f->fd, CG_IMAGE_MEMORY_DEFAULT, ret, err);
	r = cg_image_read(fd, CG_IMAGE_MEMORY_DEFAULT, &tree, NULL, err);
	if (r < 0) {
		cg_error_at(err, CG_CHECKPOINT_IMAGE, NULL);
		return r;
	}
	r = check_tasks(f, tree, err);
	if (r == 0)
		*ret = cg_steal(tree);
	return r;
}

int cg_folder_state(const struct cg_folder *f, bool make, int *ret_fd, struct cg_error **err)
{
	_cleanup_close_ int base = -1;
	int r = cg_undo_folder(f->state_base, make, &base, err);

	return r < 0 ? r : cg_undo_folder(f->state, make, ret_fd, err);
}

int cg_folder_read_pending(const struct cg_folder *f, struct cg_text *ret, struct cg_error **err)
{
	_cleanup_close_ int fd = -1;
	int r = cg_folder_state(f, false, &fd, err);

	if (r < 0)
		return r;
	r = read_at(fd, CG_CHECKPOINT_PENDING, ret);
	if (r == 0 || r == -ENOENT)
		return r;
	return cg_error_errno(err, -r, "cannot read %s/%s", f->state, CG_CHECKPOINT_PENDING);
}

int cg_folder_write_pending(const struct cg_folder *f, struct cg_bytes record, struct cg_error **err)
{
	_cleanup_close_ int fd = -1;
	int r = cg_folder_state(f, true, &fd, err);

	if (r < 0)
		return r;
	r = write_at(fd, CG_CHECKPOINT_PENDING, record);
	return r < 0 ? cg_error_errno(err, -r, "cannot write %s/%s", f->state, CG_CHECKPOINT_PENDING) : 0;
}

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

int cg_folder_remove_yard(const struct cg_folder *f)
{
	_cleanup_close_ int state = open(f->state, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_close_ int fd = -1;
	int r;

	if (state < 0)
		return errno == ENOENT ? 0 : -errno;
	fd = openat(state, CG_CHECKPOINT_YARD, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = remove_below(fd);
	if (r == 0 && unlinkat(state, CG_CHECKPOINT_YARD, AT_REMOVEDIR) < 0)
		r = -errno;
	return r;
}

struct forgetting {
	int fd;
	bool records;
};

static int forget_file(const char *name, unsigned char type, void *context)
{
	const struct forgetting *g = context;
	bool record = strncmp(name, CG_UNDO_PREFIX, strlen(CG_UNDO_PREFIX)) == 0;

	(void)type;
	if (strcmp(name, CG_CHECKPOINT_PENDING) != 0 && strcmp(name, CG_CHECKPOINT_EARLY) != 0 &&
		!(record && g->records))
		return 0;
	return unlinkat(g->fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int cg_folder_forget(const struct cg_folder *f, bool records, struct cg_error **err)
{
	_cleanup_close_ int fd = -1;
	struct forgetting g = {.records = records};
	int r = cg_folder_state(f, false, &fd, err);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	g.fd = fd;
	r = records ? 0 : cg_folder_remove_yard(f);
	r = r < 0 ? r : cg_dir_each(fd, forget_file, &g);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot empty %s", f->state);
	/* Other records may be in it. */
	if (rmdir(f->state) < 0 && errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT)
		return cg_error_errno(err, errno, "cannot remove %s", f->state);
	return 0;
}

static int is_ours(const struct cg_text *file, bool *ret, struct cg_error **err)
{
	_cleanup_criu_sets_ struct cg_criu_sets sets = {0};
	int r = cg_criu_read_sets(
		(struct cg_bytes){file->data, file->len}, CG_IMAGE_MEMORY_DEFAULT, &sets, err);

	if (r < 0)
		cg_error_at(err, CG_CRIU_FILE_NAME, NULL);
	*ret = sets.rewritten;
	return r;
}

int cg_folder_read_criu(const struct cg_folder *f, struct cg_text *ret, bool *ret_kept, struct cg_error **err)
{
	int r = cg_folder_read(f, CG_CRIU_FILE_NAME, ret, err);

	*ret_kept = false;
	r = r < 0 ? r : is_ours(ret, ret_kept, err);
	if (r < 0 || !*ret_kept)
		return r;
	cg_text_reset(ret);
	r = cg_folder_read(f, CG_CHECKPOINT_KEPT, ret, err);
	return r == -ENOENT
		       ? fail(f, CG_CHECKPOINT_KEPT, ENOENT,
				 "cgroup.img is one that was rewritten for a restore, and CRIU's own is gone",
				 err)
		       : r;
}

int cg_folder_replace_criu(const struct cg_folder *f, struct cg_bytes ours, struct cg_error **err)
{
	_cleanup_text_ struct cg_text own = {0};
	bool kept;
	int r = cg_folder_read_criu(f, &own, &kept, err);

	if (r == 0 && !kept)
		r = cg_folder_write(f, CG_CHECKPOINT_KEPT, (struct cg_bytes){own.data, own.len}, err);
	return r < 0 ? r : cg_folder_write(f, CG_CRIU_FILE_NAME, ours, err);
}

int cg_folder_return_criu(const struct cg_folder *f, struct cg_error **err)
{
	_cleanup_text_ struct cg_text own = {0};
	bool kept;
	int r = cg_folder_read_criu(f, &own, &kept, err);

	if (r == -ENOENT || (r == 0 && !kept))
		return 0;
	if (r < 0)
		return r;
	if (renameat(f->fd, CG_CHECKPOINT_KEPT, f->fd, CG_CRIU_FILE_NAME) < 0)
		return fail(f, CG_CRIU_FILE_NAME, errno, "cannot put CRIU's own back", err);
	return 0;
}
