/* Operations on groups by directory descriptor. What the kernel answers is explained: on failure
 * cg_cgroup_explain() looks why and says it. All return 0 or a negative errno without an error object unless
 * they take one. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/fdio.h"

/* Opens a group for reading files and walking: O_RDONLY|O_DIRECTORY, one component (-EINVAL for any other
 * name). */
int cg_cgroup_open(int parent, const char *name, int *ret_fd) CG_MUST_CHECK;
/* mkdirat and open; EAGAIN is what max.depth and max.descendants give. */
int cg_cgroup_make(int parent, const char *name, int *ret_fd) CG_MUST_CHECK;
/* rmdirat; EBUSY right after the last task left is normal: backs off from 1 ms, doubling, up to `tries`
 * times. */
int cg_cgroup_remove(int parent, const char *name, int tries) CG_MUST_CHECK;

/* Writes a value with one write(2) and reads it back through the same descriptor into *back (raw bytes of the
 * file; empty when the file can only be written; back NULL: no reading). A value that was taken but cannot be
 * read back is an error too, for nobody can say what holds now. */
int cg_cgroup_write(int group, const char *file, struct cg_bytes value, struct cg_buffer *back) CG_MUST_CHECK;

/* Moves one process or thread: `file` is cgroup.procs, cgroup.threads or tasks. Only a plain decimal id is
 * written. EINVAL and ESRCH of a dying or new task are tried a few times (about 31 ms in all); -ESRCH when it
 * is gone, -EINVAL at once for an id below 1. */
int cg_cgroup_attach(int group, const char *file, int id) CG_MUST_CHECK;

/* Sends SIGKILL to all (cgroup.kill; on older kernels and v1 the caller signals by pidfd). */
int cg_cgroup_kill(int group) CG_MUST_CHECK;

/* Freezes or thaws (v2 cgroup.freeze, v1 freezer.state) and waits until the kernel says so, at most
 * timeout_ms: -ETIMEDOUT, and then the request stands until it is taken back. On v2 the kernel notifies
 * (poll(2) on cgroup.events); v1 has no notification, so its file is asked again after 1 ms, 2 ms, ... 16 ms.
 * A v1 group that stays FREEZING is thawed and frozen again now and then, as the kernel's
 * freezer-subsystem.rst advises. Thawing a group below a frozen one succeeds when its own state is thawed. */
int cg_cgroup_freeze(int group, int version, bool frozen, int timeout_ms) CG_MUST_CHECK;
/* Waits for `populated 0` (v2: poll on cgroup.events; v1: none, -EOPNOTSUPP), at most timeout_ms: -ETIMEDOUT.
 * -ENODEV when the group was removed meanwhile. */
int cg_cgroup_wait_empty(int group, int timeout_ms) CG_MUST_CHECK;

/* After `operation` ("create", "write", "attach", "remove") failed with `code` on a file of a group, finds
 * the reason and puts the whole explanation and advice into *err: "controller memory is not enabled in /a;
 * enable it with ...", "has child groups", "has processes", "the device 8:16 does not exist". path is for
 * people: that of the group which the operation is about. For "write" and "attach", group is that group and
 * file the interface file (value of an attach: the id). For "create" and "remove", group is its parent, as
 * for cg_cgroup_make(), and file the last component of path. Returns -code. */
int cg_cgroup_explain(struct cg_error **err, int group, const char *path, const char *file,
	struct cg_bytes value, const char *operation, int code);

/* Extended attributes of the directory that we carry (user.*, trusted.*; the latter are seen with
 * CAP_SYS_ADMIN only): calls fn for each, in the kernel's order. 0, what fn returned if that was not 0, or a
 * negative errno; -ENOTSUP is "none, the kernel has none here". */
typedef int cg_xattr_fn(void *context, const char *name, struct cg_bytes value);
int cg_cgroup_xattrs(int group, cg_xattr_fn *fn, void *context) CG_MUST_CHECK;
/* -EINVAL for other name spaces than those two. */
int cg_cgroup_xattr_set(int group, const char *name, struct cg_bytes value) CG_MUST_CHECK;
int cg_cgroup_xattr_remove(int group, const char *name) CG_MUST_CHECK;
