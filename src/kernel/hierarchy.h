/* The cgroup hierarchies of this host as this process can reach them: by the mounts that exist (never a new
 * one), by a directory that was named, or from inside a cgroup namespace. */
#pragma once

#include "base/cleanup.h"
#include "kernel/mountinfo.h"

/* One hierarchy, reachable at an open directory. */
struct cg_live_hierarchy {
	int version;
	char *controllers; /* v1: "cpu,cpuacct", "" of a named one; v2: what its root (or --dir) offers,
			      "cpu,hugetlb" in the kernel's order */
	char *name;        /* named v1 hierarchy, or NULL */
	char *mount_point, *mount_root, *mount_options;
	int fd; /* O_PATH|O_DIRECTORY descriptor of the mount point (or of --dir): a start for openat(2), not
		   readable itself */
	bool is_root; /* fd is the root of the whole hierarchy (mount root "/" and not merely our namespace's:
			 no cgroup.type on v2, cgroup.sane_behavior on v1) */
	bool in_namespace; /* mount root "/" is the root of our cgroup namespace but not the hierarchy's */
};

struct cg_live {
	struct cg_live_hierarchy *item;
	size_t count;
	char *layout;    /* "v1", "v2", "hybrid" */
	uint32_t kernel; /* CG_KERNEL form: major << 16 | minor */
};

/* Finds every hierarchy with a usable mount: of several mounts of one hierarchy the one with the shortest
 * root wins (root "/" first), then the earliest. A mount that lies outside our cgroup namespace ("/..") or is
 * hidden below another mount is passed over; when no hierarchy is left that is an error which says so. */
int cg_live_open(struct cg_live *ret, struct cg_error **err) CG_MUST_CHECK;
/* Only those that one of the names matches (see cg_live_matches()), for who has no time for the others; all
 * of them when there is none of these. The layout is then that of what was opened. */
int cg_live_open_named(
	const char *const *names, size_t count, struct cg_live *ret, struct cg_error **err) CG_MUST_CHECK;
/* Only the hierarchies that the directories (on a cgroup file system: bind mounts, a container's view; links
 * in these paths are followed, for the caller chose them) belong to, each with fd at its directory,
 * mount_point the directory's absolute path, and mount_root telling where it is in its hierarchy. Told by
 * statfs(2) magic; anything else is refused with what it is instead, as are two directories of one hierarchy.
 */
int cg_live_open_dirs(
	const char *const *dir, size_t dirs, struct cg_live *ret, struct cg_error **err) CG_MUST_CHECK;
void cg_live_close(struct cg_live *live);
#define _cleanup_live_ _cleanup_(cg_live_close)

/* A subtree as people name it: "/job", "cpu:/job", "cpu,cpuacct:/job", "name=systemd:/x", ":/x" (v2). */
struct cg_target {
	char *hierarchy; /* NULL: every hierarchy where it exists; "" v2; "cpu", "name=systemd" */
	char *path;      /* normalised: begins with '/', no "//", no '/' at the end */
};
#define CG_TARGET_DEPTH_MAX 256
/* "v2:" is kept as "". A path that begins with '/' has no hierarchy part, whatever colons it holds. Refuses
 * (usage fault) the empty path, "/", relative ones, "." and "..", NUL, newline, components over 255 bytes,
 * depth over CG_TARGET_DEPTH_MAX. */
int cg_target_parse(const char *text, struct cg_target *ret, struct cg_error **err) CG_MUST_CHECK;
/* The same, but "/" is a path, too: the root may be read, never changed. */
int cg_target_parse_to_read(const char *text, struct cg_target *ret, struct cg_error **err) CG_MUST_CHECK;
/* ENOENT (usage fault) when no hierarchy here is the one that the target names. */
int cg_target_check(
	const struct cg_target *t, const struct cg_live *live, struct cg_error **err) CG_MUST_CHECK;
void cg_target_free(struct cg_target *t);
#define _cleanup_target_ _cleanup_(cg_target_free)
/* Whether a hierarchy is the one that a target names: NULL matches all; "v2" and "" the v2 one and nothing
 * else does ("memory" names a v1 hierarchy); of co-mounted v1 controllers any, in any order ("cpu" matches
 * "cpu,cpuacct"). */
bool cg_live_matches(const struct cg_live_hierarchy *h, const char *hierarchy);

/* How people name it, as cg_live_matches() takes it: "cpu,cpuacct", "name=systemd", "v2"; appended. */
void cg_live_label(const struct cg_live_hierarchy *h, struct cg_text *t);

/* The group of a process in each hierarchy, as /proc/PID/cgroup tells it to us: relative to our cgroup
 * namespace (path "/" included as it is). `deleted` is left to those that have ended: the others are in a
 * group of that name. -ESRCH when there is no such process. */
int cg_live_of_pid(int pid, struct cg_memberships *ret, struct cg_error **err) CG_MUST_CHECK;

/* The hierarchy that a line of /proc/PID/cgroup is about: its index, or live->count. */
size_t cg_live_of_membership(const struct cg_live *live, const struct cg_membership *m);

/* The running kernel's version in CG_KERNEL form; 0 when uname(2) tells none that can be read. */
uint32_t cg_kernel_version(void);
