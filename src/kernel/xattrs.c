/* Extended attributes of a group's directory: the two name spaces that cgroup file systems hold, user.*
 * (from 5.7 on, also for the owner of a delegated group) and trusted.* (with CAP_SYS_ADMIN). Others
 * (security.*, system.*) belong to the host's policy and are not carried. */
#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "kernel/cgroupfs.h"

#define XATTR_FIRST_SIZE ((size_t)1024)
#define XATTR_TRIES      8

static bool is_carried(const char *name)
{
	return strncmp(name, "user.", 5) == 0 || strncmp(name, "trusted.", 8) == 0;
}

/* The list of names (name NULL) or one value. It may grow while we look, so the size is asked anew a few
 * times. */
static int read_attribute(int group, const char *name, struct cg_buffer *b)
{
	int r = cg_buffer_reserve(b, XATTR_FIRST_SIZE);

	for (int i = 0; r == 0 && i < XATTR_TRIES; i++) {
		ssize_t n =
			name ? fgetxattr(group, name, b->data, b->size) : flistxattr(group, b->data, b->size);

		if (n >= 0) {
			b->len = (size_t)n;
			return 0;
		}
		if (errno != ERANGE)
			return -errno;
		n = name ? fgetxattr(group, name, NULL, 0) : flistxattr(group, NULL, 0);
		if (n < 0)
			return -errno;
		r = cg_buffer_reserve(b, (size_t)n + XATTR_FIRST_SIZE);
	}
	return r < 0 ? r : -EAGAIN;
}

int cg_cgroup_xattrs(int group, cg_xattr_fn *fn, void *context)
{
	_cleanup_buffer_ struct cg_buffer names = {0}, value = {0};
	int r = read_attribute(group, NULL, &names);

	if (r < 0)
		return r;
	for (size_t at = 0; at < names.len;) {
		const char *name = names.data + at;

		at += strnlen(name, names.len - at) + 1;
		if (at > names.len)
			return -EIO;
		if (!is_carried(name))
			continue;
		r = read_attribute(group, name, &value);
		/* Removed since it was listed. */
		if (r == -ENODATA)
			continue;
		if (r == 0)
			r = fn(context, name, (struct cg_bytes){value.data, value.len});
		if (r != 0)
			return r;
	}
	return 0;
}

int cg_cgroup_xattr_set(int group, const char *name, struct cg_bytes value)
{
	if (!is_carried(name))
		return -EINVAL;
	return fsetxattr(group, name, value.data, value.len, 0) < 0 ? -errno : 0;
}

int cg_cgroup_xattr_remove(int group, const char *name)
{
	if (!is_carried(name))
		return -EINVAL;
	return fremovexattr(group, name) < 0 ? -errno : 0;
}
