/* A pure parser of /proc/PID/mountinfo (proc(5)) for cgroup mounts, and of /proc/PID/cgroup (cgroups(7)).
 * No I/O: bytes in, structures out; anything malformed is an error that names the line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/text.h"

struct cg_mount {
	int version;     /* 1 or 2 */
	uint32_t id;     /* field 1: what statx(2) gives as stx_mnt_id */
	uint32_t device; /* st_dev of the file system as major << 20 | minor: mounts of one hierarchy share it
			  */
	char *root;      /* field 4, unescaped: "/" for the whole hierarchy, "/.." and below when outside our
			    namespace */
	char *point;     /* field 5, unescaped */
	char *super_options; /* field 11 as it stands: "rw,cpu,cpuacct", "rw,nsdelegate" */
	char *controllers; /* v1: from the super options, comma-separated; "" for v2 and named hierarchies */
	char *name;        /* v1 name= or NULL */
};

struct cg_mounts {
	struct cg_mount *item;
	size_t count;
};

/* Lines of other file systems are checked and skipped; -EBADMSG. In *ret, mounts stand in the file's order.
 */
int cg_mountinfo_parse(struct cg_bytes text, struct cg_mounts *ret, struct cg_error **err) CG_MUST_CHECK;
void cg_mounts_free(struct cg_mounts *m);
#define _cleanup_mounts_ _cleanup_(cg_mounts_free)

/* One line of /proc/PID/cgroup: "4:memory:/a". */
struct cg_membership {
	uint32_t hierarchy_id; /* 0 for v2 */
	char *controllers;     /* "cpu,cpuacct", "" for v2 and for named ones */
	char *name;            /* of "name=systemd", or NULL */
	char *path;            /* as it stands there: relative to the reader's cgroup namespace */
	bool deleted; /* v2: it ends in " (deleted)". The kernel adds that for a task that has ended in a
		       * group that was removed; a group may be called so, too */
};
struct cg_memberships {
	struct cg_membership *item;
	size_t count;
};
int cg_membership_parse(
	struct cg_bytes text, struct cg_memberships *ret, struct cg_error **err) CG_MUST_CHECK;
void cg_memberships_free(struct cg_memberships *m);
#define _cleanup_memberships_ _cleanup_(cg_memberships_free)
