/* The freeze around the reading of membership: all tops are frozen, tasks are listed, all are thawed. It
 * covers nothing else, so that tasks stand still as short as can be. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "engine/dump_private.h"
#include "kernel/cgroupfs.h"
#include "kernel/files.h"

#define FREEZE_TIMEOUT_MS 10000

static uint64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* A hierarchy that can freeze: v2 (of kernels that have it in every group), or v1 with the freezer. */
static bool can_freeze(const struct cg_hierarchy *h)
{
	return h->version == 2 || cg_hierarchy_has_controller(h, "freezer");
}

static bool was_frozen(int fd, int version)
{
	_cleanup_buffer_ struct cg_buffer b = {0};

	return cg_read_at(fd, version == 2 ? CG_FILE_FREEZE : CG_FILE_FREEZER_SELF, true, &b) == 0 && b.len &&
	       b.data[0] == '1';
}

/* We must not stop ourselves. */
static int check_self(const struct cg_hierarchy *h, const struct cg_live_hierarchy *live, const char *top,
	struct cg_error **err)
{
	_cleanup_memberships_ struct cg_memberships m = {0};
	size_t n = strlen(top);
	int r = cg_live_of_pid(getpid(), &m, err);

	for (size_t i = 0; r == 0 && i < m.count; i++) {
		bool here = h->version == 2 ? m.item[i].hierarchy_id == 0
					    : m.item[i].hierarchy_id != 0 &&
						      strcmp(m.item[i].controllers, live->controllers) == 0;

		if (!here || strncmp(m.item[i].path, top, n) != 0 ||
			(m.item[i].path[n] != '\0' && m.item[i].path[n] != '/'))
			continue;
		r = cg_error_usage(err, "this program itself is in the tree and would freeze itself");
		cg_error_hint(err, "run it from a group outside, or dump without --freeze");
	}
	return r;
}

static int freeze_top(struct cg_freeze *f, const struct cg_tree *tree, uint32_t top,
	const struct cg_live_hierarchy *live, struct cg_error **err)
{
	const struct cg_hierarchy *h = &tree->hierarchy[tree->group[top].hierarchy];
	const char *name = tree->group[top].name, *relative = cg_path_below(h->mount_root, name);
	_cleanup_close_ int fd = -1;
	struct cg_freezer *more;
	int r = check_self(h, live, name, err);

	if (r < 0)
		return r;
	r = cg_open_beneath(live->fd, relative ? relative : ".", O_RDONLY | O_DIRECTORY, &fd);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot open the group");
	if (was_frozen(fd, h->version))
		return 0;
	more = reallocarray(f->item, f->count + 1, sizeof(*more));
	if (!more)
		return cg_error_oom(err);
	f->item = more;
	f->item[f->count++] = (struct cg_freezer){cg_steal_fd(&fd), h->version};
	r = cg_cgroup_freeze(f->item[f->count - 1].fd, h->version, true, FREEZE_TIMEOUT_MS);
	if (r == -ETIMEDOUT) {
		(void)cg_error_make(err, CG_FAULT_SYSTEM, ETIMEDOUT,
			"not all of its tasks stood still within %d seconds", FREEZE_TIMEOUT_MS / 1000);
		cg_error_hint(err,
			h->version == 2
				? "tasks that the v1 freezer holds do not answer to v2: thaw those groups, or dump without --freeze"
				: "dump without --freeze: it reads until two passes agree");
		return r;
	}
	return r < 0 ? cg_cgroup_explain(err, f->item[f->count - 1].fd, name,
			       h->version == 2 ? CG_FILE_FREEZE : CG_FILE_FREEZER_STATE, CG_BYTES("1"),
			       "write", -r)
		     : 0;
}

static int freeze_tops(struct cg_freeze *f, const struct cg_tree *tree, uint16_t hierarchy,
	const struct cg_live_hierarchy *live, struct cg_error **err)
{
	int r = 0;

	for (uint32_t top = tree->hierarchy[hierarchy].first_top; r == 0 && top != CG_NONE;
		top = tree->group[top].next_sibling) {
		r = freeze_top(f, tree, top, live, err);
		if (r < 0)
			cg_error_at(err, tree->group[top].name, NULL);
	}
	return r;
}

int cg_dump_freeze(const struct cg_tree *tree, const struct cg_live *live, const size_t *number,
	struct cg_freeze *ret, struct cg_error **err)
{
	/* A task that the v1 freezer holds does not answer to v2 any more; the other way round both agree. */
	static const int versions[] = {2, 1};
	bool any = false;
	int r = 0;

	*ret = (struct cg_freeze){.since = now_us()};
	for (size_t v = 0; v < CG_ARRAY_SIZE(versions); v++)
		for (uint16_t i = 0; r == 0 && i < tree->hierarchies; i++) {
			if (tree->hierarchy[i].version != versions[v] || !can_freeze(&tree->hierarchy[i]))
				continue;
			any |= tree->hierarchy[i].first_top != CG_NONE;
			r = freeze_tops(ret, tree, i, &live->item[number[i]], err);
		}
	if (r == 0 && !any) {
		r = cg_error_usage(err,
			"nothing here can be frozen: the tree is neither on v2 nor in the v1 freezer's hierarchy");
		cg_error_hint(err, "name the freezer's hierarchy too, or dump without --freeze");
	}
	return r;
}

int cg_dump_thaw(struct cg_freeze *f, uint64_t *ret_window, struct cg_error **err)
{
	int failed = 0;

	for (size_t i = f->count; i > 0; i--) {
		int r = cg_cgroup_freeze(f->item[i - 1].fd, f->item[i - 1].version, false, FREEZE_TIMEOUT_MS);

		/* A group that is gone needs no thawing. */
		if (r < 0 && r != -ENOENT && r != -ENODEV && failed == 0)
			failed = r;
		(void)cg_close(f->item[i - 1].fd);
	}
	*ret_window = f->count ? now_us() - f->since : 0;
	free(f->item);
	*f = (struct cg_freeze){0};
	if (failed == 0)
		return 0;
	(void)cg_error_errno(err, -failed, "cannot thaw what was frozen for the dump");
	cg_error_hint(
		err, "write 0 to cgroup.freeze, or THAWED to freezer.state, in the groups that were dumped");
	return failed;
}
