/* Files that appear whole or not at all: temporary name, write, fsync, rename, fsync of the directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/fdio.h"

#define TRIES 100

static int split_path(struct cg_new_file *f, const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *directory = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");

	f->name = strdup(slash ? slash + 1 : path);
	if (!directory || !f->name)
		return -ENOMEM;
	if (!cg_name_is_valid(cg_bytes_of(f->name)))
		return -EINVAL;
	f->dirfd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return f->dirfd < 0 ? -errno : 0;
}

int cg_new_file_open(struct cg_new_file *f, const char *path)
{
	int r = split_path(f, path);

	for (int i = 0; r == 0 && i < TRIES; i++) {
		uint64_t random;

		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return -EIO;
		free(f->temporary);
		if (asprintf(&f->temporary, ".cgtree-%016llx", (unsigned long long)random) < 0) {
			f->temporary = NULL;
			return -ENOMEM;
		}
		f->fd = openat(
			f->dirfd, f->temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (f->fd >= 0)
			return 0;
		if (errno != EEXIST)
			r = -errno;
	}
	free(f->temporary);
	f->temporary = NULL;
	return r < 0 ? r : -EEXIST;
}

int cg_new_file_replace(struct cg_new_file *f)
{
	if (renameat(f->dirfd, f->temporary, f->dirfd, f->name) < 0)
		return -errno;
	free(f->temporary);
	f->temporary = NULL;
	return 0;
}

int cg_new_file_commit(struct cg_new_file *f)
{
	int r = fsync(f->fd) < 0 ? -errno : cg_new_file_replace(f);

	return r == 0 && fsync(f->dirfd) < 0 ? -errno : r;
}

void cg_new_file_close(struct cg_new_file *f)
{
	if (f->temporary)
		(void)unlinkat(f->dirfd, f->temporary, 0);
	free(f->temporary);
	free(f->name);
	(void)cg_close(f->fd);
	(void)cg_close(f->dirfd);
	*f = (struct cg_new_file)CG_NEW_FILE_INIT;
}
