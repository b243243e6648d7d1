/* Files by directory descriptor.
 *
 * A name is one path component that was checked; nothing here follows a symbolic link or leaves the directory
 * it was given. These functions return 0 or a count, or a negative errno, and make no error object: the
 * caller knows what the file means. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "attributes.h"
#include "text.h"

/* True for one path component: not empty, ".", "..", at most 255 bytes, without '/', NUL or newline. */
bool cg_name_is_valid(struct cg_bytes name);

struct stat;
/* fstat(2) by its own system call. The C library (glibc since 2.33) asks newfstatat(2) with an empty path,
 * which Linux 6.1 resolves like any other: more than five times the work, in what a dump does most. 0 or
 * -errno. */
int cg_fstat(int fd, struct stat *ret) CG_MUST_CHECK;

/* Opens a relative path of any depth beneath dirfd (openat2(2) with RESOLVE_BENEATH and no links; component
 * by component where the kernel lacks it). "." is dirfd itself. O_CLOEXEC is added. */
int cg_open_beneath(int dirfd, const char *path, int flags, int *ret_fd) CG_MUST_CHECK;

/* A buffer that is kept from one read to the next. {0} is valid. */
struct cg_buffer {
	char *data;
	size_t len, size;
};
void cg_buffer_free(struct cg_buffer *b);
/* Room for `size` bytes at least; what is in it stays. -ENOMEM. */
int cg_buffer_reserve(struct cg_buffer *b, size_t size) CG_MUST_CHECK;
#define _cleanup_buffer_ _cleanup_(cg_buffer_free)

#define CG_READ_CAP ((size_t)64 << 20) /* the longest kernel file that we take; -EFBIG above */

/* Reads from the start to the end of file with pread; b->len is the length. Files that the kernel shows in
 * one piece (all settings do: cftype.seq_show, read_u64, read_s64) end with the first read that leaves room
 * in the buffer; `whole` says that the file is of that kind and saves the second read. */
int cg_read_fd(int fd, bool whole, struct cg_buffer *b) CG_MUST_CHECK;
/* Opens, reads as above, closes. `name` is one component. */
int cg_read_at(int dirfd, const char *name, bool whole, struct cg_buffer *b) CG_MUST_CHECK;
/* Reads a relative path (proc files: "self/mountinfo"). */
int cg_read_path_at(int dirfd, const char *path, struct cg_buffer *b) CG_MUST_CHECK;

/* One write(2) of all bytes; a short write is -EIO. EINTR before anything was written is retried. */
int cg_write_fd(int fd, struct cg_bytes value) CG_MUST_CHECK;
/* Opens for writing only, writes once, closes. */
int cg_write_at(int dirfd, const char *name, struct cg_bytes value) CG_MUST_CHECK;
/* Writes all bytes of a stream or regular file, in as many writes as it takes. */
int cg_write_all(int fd, const void *data, size_t len) CG_MUST_CHECK;

/* Calls fn for each entry of the directory but "." and ".."; type is a DT_ value. A result of fn other than 0
 * ends the walk and is returned. */
typedef int cg_dir_fn(const char *name, unsigned char type, void *context);
int cg_dir_each(int dirfd, cg_dir_fn *fn, void *context) CG_MUST_CHECK;

/* A file that appears under its name only when it is complete: made 0600 under a temporary name beside it,
 * written, fsynced, renamed, and its directory fsynced. */
struct cg_new_file {
	int dirfd, fd;
	char *name, *temporary;
};
int cg_new_file_open(struct cg_new_file *f, const char *path) CG_MUST_CHECK;
int cg_new_file_commit(struct cg_new_file *f) CG_MUST_CHECK;
/* The same without fsync: readers see the old file or the new one, a crash of the host may leave either or
 * nothing. */
int cg_new_file_replace(struct cg_new_file *f) CG_MUST_CHECK;
/* Removes the temporary file if it was not committed; may be called in any state, also on {-1, -1, NULL,
 * NULL}. */
void cg_new_file_close(struct cg_new_file *f);
#define CG_NEW_FILE_INIT                                                                                     \
	{                                                                                                    \
		-1, -1, NULL, NULL                                                                           \
	}
