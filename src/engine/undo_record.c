/* The files of undo records: written whole under a temporary name, locked, then given their name. Who holds
 * the lock is at work; who finds a record without one may undo it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "engine/undo.h"
#include "engine/undo_format.h"

#define NAME_TRIES 16

int cg_undo_folder(const char *state_dir, bool make, int *ret_fd, struct cg_error **err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	if (make && mkdir(state_dir, 0700) < 0 && errno != EEXIST) {
		r = cg_error_errno(err, errno, "cannot make the folder for undo records, %s", state_dir);
		cg_error_hint(err, "name another folder, or run as root");
		return r;
	}
	fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && !make)
		return -ENOENT;
	if (fd < 0 || fstat(fd, &st) < 0) {
		r = cg_error_errno(err, errno, "cannot open the folder of undo records, %s", state_dir);
		if (r == -EACCES)
			cg_error_hint(err, "name another folder, or run as root");
		return r;
	}
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH))) {
		r = cg_error_make(err, CG_FAULT_SYSTEM, EPERM,
			"the folder of undo records, %s, belongs to another user or can be written by others",
			state_dir);
		cg_error_hint(
			err, "what lies there is carried out by recover: make it your own with mode 0700");
		return r;
	}
	*ret_fd = cg_steal_fd(&fd);
	return 0;
}

static int new_name(char **ret)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	if (asprintf(ret, CG_UNDO_PREFIX "%d-%016llx", (int)getpid(), (unsigned long long)random) < 0) {
		*ret = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* Opens and locks a new file. -EAGAIN when `recover` was quicker and took it for an orphan. */
static int open_locked(int dirfd, const char *temporary, int *ret_fd)
{
	_cleanup_close_ int fd =
		openat(dirfd, temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;
	int r = 0;

	if (fd < 0)
		return errno == EEXIST ? -EAGAIN : -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		r = errno == EWOULDBLOCK ? -EAGAIN : -errno;
	else if (fstat(fd, &st) < 0)
		r = -errno;
	else if (st.st_nlink == 0)
		r = -EAGAIN;
	if (r < 0) {
		(void)unlinkat(dirfd, temporary, 0);
		return r;
	}
	*ret_fd = cg_steal_fd(&fd);
	return 0;
}

/* One try under one random name. */
static int write_named(struct cg_undo_record *r, struct cg_bytes bytes)
{
	_cleanup_free_ char *name = NULL, *temporary = NULL;
	int e = new_name(&name);

	if (e < 0)
		return e;
	if (asprintf(&temporary, "%s" CG_UNDO_TEMPORARY, name) < 0) {
		temporary = NULL;
		return -ENOMEM;
	}
	e = open_locked(r->dirfd, temporary, &r->fd);
	if (e < 0)
		return e;
	e = cg_write_all(r->fd, bytes.data, bytes.len);
	if (e == 0 && renameat(r->dirfd, temporary, r->dirfd, name) < 0)
		e = -errno;
	if (e < 0) {
		(void)unlinkat(r->dirfd, temporary, 0);
		r->fd = cg_close(r->fd);
		return e;
	}
	r->name = cg_steal(name);
	return 0;
}

int cg_undo_record_write(
	struct cg_undo_record *r, const char *state_dir, const struct cg_undo *undo, struct cg_error **err)
{
	_cleanup_undo_record_ struct cg_undo_record record = CG_UNDO_RECORD_INIT;
	_cleanup_text_ struct cg_text bytes = {0};
	int e = cg_undo_folder(state_dir, true, &record.dirfd, err);

	if (e < 0)
		return e;
	cg_undo_encode(undo, &bytes);
	if (bytes.failed)
		return cg_error_oom(err);
	if (bytes.len > CG_UNDO_CAP)
		return cg_error_make(err, CG_FAULT_SYSTEM, EFBIG,
			"the undo record would take %zu bytes, more than recover reads (%zu)", bytes.len,
			(size_t)CG_UNDO_CAP);
	e = -EAGAIN;
	for (int i = 0; i < NAME_TRIES && e == -EAGAIN; i++)
		e = write_named(&record, (struct cg_bytes){bytes.data, bytes.len});
	if (e < 0)
		return cg_error_errno(err, -e, "cannot write the undo record in %s", state_dir);
	*r = record;
	record = (struct cg_undo_record)CG_UNDO_RECORD_INIT;
	return 0;
}

int cg_undo_record_exclude(struct cg_undo_record *r, uint32_t place)
{
	unsigned char tail[CG_UNDO_TAIL_SIZE] = {'E'};

	for (size_t i = 1; i < sizeof(tail); i++)
		tail[i] = (unsigned char)(place >> (8 * (i - 1)));
	return cg_write_all(r->fd, tail, sizeof(tail));
}

int cg_undo_record_remove(struct cg_undo_record *r)
{
	int e;

	if (!r->name)
		return 0;
	if (unlinkat(r->dirfd, r->name, 0) == 0 || errno == ENOENT)
		return 0;
	e = -errno;
	return ftruncate(r->fd, 0) == 0 ? 0 : e;
}

void cg_undo_record_close(struct cg_undo_record *r)
{
	r->fd = cg_close(r->fd);
	r->dirfd = cg_close(r->dirfd);
	free(r->name);
	r->name = NULL;
}
