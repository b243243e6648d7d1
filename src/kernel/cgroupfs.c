/* One operation on one group each, with the retries that the kernel's own races ask for. Why an operation
 * failed is found out in explain.c. */
#include "kernel/cgroupfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "kernel/files.h"

#define ATTACH_TRIES 5

/* There is no event to wait for where this is used: the kernel offers only to try again. */
static void back_off(int attempt)
{
	struct timespec t = {.tv_sec = 0, .tv_nsec = 1000000L << (attempt < 8 ? attempt : 8)};

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR)
		;
}

int cg_cgroup_open(int parent, const char *name, int *ret_fd)
{
	int fd;

	if (!cg_name_is_valid(cg_bytes_of(name)))
		return -EINVAL;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int cg_cgroup_make(int parent, const char *name, int *ret_fd)
{
	if (!cg_name_is_valid(cg_bytes_of(name)))
		return -EINVAL;
	if (mkdirat(parent, name, 0755) < 0)
		return -errno;
	return cg_cgroup_open(parent, name, ret_fd);
}

int cg_cgroup_remove(int parent, const char *name, int tries)
{
	if (!cg_name_is_valid(cg_bytes_of(name)))
		return -EINVAL;
	for (int i = 0;; i++) {
		if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
			return 0;
		if (errno != EBUSY || i + 1 >= tries)
			return -errno;
		back_off(i);
	}
}

static bool is_write_only(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & 0444) == 0;
}

int cg_cgroup_write(int group, const char *file, struct cg_bytes value, struct cg_buffer *back)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (back) {
		back->len = 0;
		fd = openat(group, file, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	}
	/* A file that may only be written refuses O_RDWR to all but root, whom it refuses the reading. */
	if (fd < 0 && (!back || errno == EACCES)) {
		fd = openat(group, file, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
		back = NULL;
	}
	if (fd < 0)
		return -errno;
	r = cg_write_fd(fd, value);
	if (r < 0 || !back)
		return r;
	r = cg_read_fd(fd, true, back);
	if (r < 0 && is_write_only(fd)) {
		back->len = 0;
		r = 0;
	}
	return r;
}

int cg_cgroup_attach(int group, const char *file, int id)
{
	_cleanup_close_ int fd = -1;
	char text[16];
	int n, r = 0;

	/* 0 would be the writer itself. */
	if (id <= 0)
		return -EINVAL;
	n = snprintf(text, sizeof(text), "%d", id);
	if (n < 0 || (size_t)n >= sizeof(text))
		return -EOVERFLOW;
	fd = openat(group, file, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (int i = 0; i < ATTACH_TRIES; i++) {
		r = cg_write_fd(fd, (struct cg_bytes){text, (size_t)n});
		/* EINVAL: the task is just being made (it has not run yet). ESRCH: its leader is being
		 * replaced or it is gone. */
		if (r != -EINVAL && r != -ESRCH)
			break;
		if (r == -ESRCH)
			(void)sched_yield();
		else
			back_off(i);
	}
	return r;
}

int cg_cgroup_kill(int group)
{
	return cg_write_at(group, CG_FILE_KILL, CG_BYTES("1"));
}
