/* A container under another name: CRIU's cgroup.img says where each task goes, by the paths of the old group.
 */
#pragma once

#include "base/attributes.h"
#include "base/error.h"
#include "base/text.h"

/* The bytes of a cgroup.img, to its end; longer than CRIU's files may be is damage. */
int cg_criu_read_whole(int fd, struct cg_text *ret, struct cg_error **err) CG_MUST_CHECK;

/* Where the cgroup namespace of the dumped tasks begins on v2, appended to *t; nothing when they have none of
 * their own. Sets that disagree are refused (CG_FAULT_UNSUPPORTED): several namespaces are no container's. */
int cg_criu_namespace_root(struct cg_bytes file, struct cg_text *t, struct cg_error **err) CG_MUST_CHECK;

/* Appends the whole cgroup.img with the v2 group `from`, and all below it, called `to`; *ret_moved counts the
 * places that changed. Two absolute paths below the root. Where a namespace begins moves along. A directory
 * of the image that holds `from` among others, and a namespace that begins above `from`, cannot be told
 * otherwise in this format and are refused (CG_FAULT_UNSUPPORTED). */
int cg_criu_move(struct cg_bytes file, const char *from, const char *to, struct cg_text *ret,
	size_t *ret_moved, struct cg_error **err) CG_MUST_CHECK;
