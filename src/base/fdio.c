/* Reading and writing by directory descriptor; see fdio.h. */
#include "base/fdio.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define BUFFER_START ((size_t)16 << 10)

bool cg_name_is_valid(struct cg_bytes name)
{
	if (name.len == 0 || name.len > 255)
		return false;
	if (cg_bytes_is(name, ".") || cg_bytes_is(name, ".."))
		return false;
	return !memchr(name.data, '/', name.len) && !memchr(name.data, '\0', name.len) &&
	       !memchr(name.data, '\n', name.len);
}

/* Opens component by component, none of which may be a link or lead upward. */
static int open_by_components(int dirfd, const char *path, int flags)
{
	struct cg_bytes rest = cg_bytes_of(path), part;
	_cleanup_close_ int fd = -1;

	while (cg_bytes_split(&rest, '/', &part)) {
		char name[256];
		int next;

		if (part.len == 0 || cg_bytes_is(part, "."))
			continue;
		if (!cg_name_is_valid(part))
			return -EINVAL;
		memcpy(name, part.data, part.len);
		name[part.len] = '\0';
		next = openat(fd < 0 ? dirfd : fd, name,
			rest.len ? O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
				 : flags | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return -errno;
		(void)cg_close(fd);
		fd = next;
	}
	if (fd < 0) {
		fd = openat(dirfd, ".", flags | O_CLOEXEC);
		if (fd < 0)
			return -errno;
	}
	return cg_steal_fd(&fd);
}

int cg_open_beneath(int dirfd, const char *path, int flags, int *ret_fd)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));

	if (fd < 0 && errno == ENOSYS)
		fd = open_by_components(dirfd, path, flags);
	else if (fd < 0)
		fd = -errno;
	if (fd < 0)
		return (int)fd;
	*ret_fd = (int)fd;
	return 0;
}

int cg_fstat(int fd, struct stat *ret)
{
#ifdef __x86_64__ /* where the kernel's structure is the library's */
	return syscall(SYS_fstat, fd, ret) < 0 ? -errno : 0;
#else
	return fstat(fd, ret) < 0 ? -errno : 0;
#endif
}

void cg_buffer_free(struct cg_buffer *b)
{
	free(b->data);
	*b = (struct cg_buffer){0};
}

int cg_buffer_reserve(struct cg_buffer *b, size_t size)
{
	char *p;

	if (size <= b->size)
		return 0;
	p = realloc(b->data, size);
	if (!p)
		return -ENOMEM;
	b->data = p;
	b->size = size;
	return 0;
}

static int buffer_grow(struct cg_buffer *b)
{
	size_t size = b->size ? b->size * 2 : BUFFER_START;

	return size > CG_READ_CAP ? -EFBIG : cg_buffer_reserve(b, size);
}

int cg_read_fd(int fd, bool whole, struct cg_buffer *b)
{
	b->len = 0;
	for (;;) {
		ssize_t n;

		if (b->len == b->size) {
			int r = buffer_grow(b);

			if (r < 0)
				return r;
		}
		n = pread(fd, b->data + b->len, b->size - b->len, (off_t)b->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		b->len += (size_t)n;
		if (n == 0 || (whole && b->len < b->size))
			return 0;
	}
}

int cg_read_at(int dirfd, const char *name, bool whole, struct cg_buffer *b)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return cg_read_fd(fd, whole, b);
}

int cg_read_path_at(int dirfd, const char *path, struct cg_buffer *b)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return cg_read_fd(fd, false, b);
}

int cg_write_fd(int fd, struct cg_bytes value)
{
	ssize_t n;

	do
		n = write(fd, value.data, value.len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == value.len ? 0 : -EIO;
}

int cg_write_at(int dirfd, const char *name, struct cg_bytes value)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return cg_write_fd(fd, value);
}

int cg_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int cg_dir_each(int dirfd, cg_dir_fn *fn, void *context)
{
	_cleanup_close_ int own = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_Alignas(struct dirent64) char buffer[32768];

	if (own < 0)
		return -errno;
	for (;;) {
		ssize_t n = getdents64(own, buffer, sizeof(buffer));

		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *e = (const struct dirent64 *)(const void *)(buffer + at);
			int r = 0;

			at += e->d_reclen;
			if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
				r = fn(e->d_name, e->d_type, context);
			if (r != 0)
				return r;
		}
	}
}
