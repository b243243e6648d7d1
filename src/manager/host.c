/* Where the manager may be, and how it settles there. */
#include "manager/host_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/log.h"
#include "kernel/cgroupfs.h"
#include "kernel/files.h"
#include "manager/store.h"
#include "model/tree.h"

#define SYSTEMD "/run/systemd/system" /* is there while systemd runs the host (sd_booted(3)) */

bool cg_host_systemd_runs(void)
{
	return access(SYSTEMD, F_OK) == 0;
}

static bool has_controller(const char *list, const char *controller)
{
	struct cg_bytes rest = cg_bytes_of(list), part;

	while (cg_bytes_split(&rest, ',', &part))
		if (cg_bytes_is(part, controller))
			return true;
	return false;
}

static int find_main(struct cg_host *h, struct cg_error **err)
{
	int freezer = -1;

	for (size_t i = 0; i < h->live.count; i++) {
		if (h->live.item[i].version == 2) {
			h->main = i;
			h->v2 = true;
			return 0;
		}
		if (has_controller(h->live.item[i].controllers, "freezer"))
			freezer = (int)i;
	}
	if (freezer < 0)
		return cg_error_make(err, CG_FAULT_SYSTEM, ENOENT,
			"this host has neither a cgroup2 mount nor the v1 freezer: jobs cannot be kept together here");
	h->main = (size_t)freezer;
	return 0;
}

/* What systemd writes on groups that it has given away (systemd.resource-control(5), Delegate=). */
static bool is_marked(int fd)
{
	char value[8];
	ssize_t n = fgetxattr(fd, "trusted.delegate", value, sizeof(value));

	if (n <= 0)
		n = fgetxattr(fd, "user.delegate", value, sizeof(value));
	return n == 1 && value[0] == '1';
}

/* A root that we made is marked, for it is the manager after the next who may remove it. */
#define MADE "trusted.cgtree.made"

static void mark_made(int fd, bool *made)
{
	char value;

	if (*made)
		(void)fsetxattr(fd, MADE, "1", 1, 0);
	else
		*made = fgetxattr(fd, MADE, &value, sizeof(value)) == 1;
}

/* Whether the group, or one above it, was given away. */
bool cg_host_is_delegated(const struct cg_live_hierarchy *h, const char *path)
{
	_cleanup_free_ char *at = strdup(path);

	while (at && at[0] && at[1]) {
		const char *relative = cg_path_below(h->mount_root, at);
		_cleanup_close_ int fd = -1;

		if (relative && cg_open_beneath(h->fd, relative, O_RDONLY | O_DIRECTORY, &fd) == 0 &&
			is_marked(fd))
			return true;
		*strrchr(at, '/') = '\0';
	}
	return false;
}

int cg_host_not_delegated(const char *root, const char *why, struct cg_error **err)
{
	int r = cg_error_make(err, CG_FAULT_SYSTEM, EPERM, "the group is not ours to use: %s", why);

	cg_error_at(err, root, NULL);
	cg_error_hint(err,
		"run it in a unit with Delegate=yes, for instance: systemd-run -p Delegate=yes cgtree manager; "
		"or name a group that was delegated with --root");
	return r;
}

/* The group that we were started in, when it was given to us; else the usual one. */
static int choose_root(struct cg_host *h, const char *asked, struct cg_error **err)
{
	_cleanup_memberships_ struct cg_memberships own = {0};
	_cleanup_target_ struct cg_target t = {0};
	const struct cg_live_hierarchy *live = &h->live.item[h->main];
	int r = 0;

	if (!asked && cg_host_systemd_runs()) {
		r = cg_live_of_pid((int)getpid(), &own, err);
		for (size_t i = 0; r == 0 && i < own.count; i++) {
			char *path = own.item[i].path, *end;

			if ((own.item[i].hierarchy_id == 0) != h->v2 ||
				(!h->v2 && !has_controller(own.item[i].controllers, "freezer")))
				continue;
			end = strrchr(path, '/');
			if (end && strcmp(end, "/" GROUP_MANAGER) == 0)
				*end = '\0';
			if (cg_host_is_delegated(live, path))
				h->top.path = strdup(path);
		}
	}
	if (r < 0 || h->top.path)
		return r;
	r = cg_target_parse(asked ? asked : "/cgtree", &t, err);
	if (r < 0)
		return r;
	if (t.hierarchy)
		return cg_error_usage(err, "--root %s: a path without a hierarchy is wanted", asked);
	h->top.path = cg_steal(t.path);
	return 0;
}

/* Opens or makes a group by its whole path; what is made is marked in *ret_made. */
static int open_path(const struct cg_live_hierarchy *h, const char *path, int *ret_fd, bool *ret_made)
{
	_cleanup_close_ int at = -1;
	const char *relative = cg_path_below(h->mount_root, path);
	struct cg_bytes rest, part;
	int r;

	*ret_made = false;
	if (!relative)
		return -EXDEV;
	r = cg_open_beneath(h->fd, ".", O_RDONLY | O_DIRECTORY, &at);
	rest = cg_bytes_of(relative);
	while (r == 0 && cg_bytes_split(&rest, '/', &part)) {
		_cleanup_free_ char *name = strndup(part.data, part.len);
		int next = -1;

		if (!name)
			return -ENOMEM;
		r = cg_cgroup_open(at, name, &next);
		if (r == -ENOENT) {
			r = cg_cgroup_make(at, name, &next);
			*ret_made = r == 0;
		}
		if (r < 0)
			return r;
		(void)cg_close(at);
		at = next;
	}
	if (r == 0)
		*ret_fd = cg_steal_fd(&at);
	return r;
}

bool cg_host_has_group(const struct cg_live_hierarchy *h, const char *path)
{
	const char *relative = cg_path_below(h->mount_root, path);
	struct stat st;

	return relative && fstatat(h->fd, relative, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int open_or_make(int parent, const char *name, int *ret_fd)
{
	int r = cg_cgroup_open(parent, name, ret_fd);

	return r == -ENOENT ? cg_cgroup_make(parent, name, ret_fd) : r;
}

int cg_host_failed(const char *path, const char *what, int r, struct cg_error **err)
{
	r = cg_error_errno(err, -r, "cannot %s", what);
	cg_error_at(err, path, NULL);
	if (r == -EACCES || r == -EPERM || r == -EROFS)
		cg_error_hint(err,
			"run as root, or name a group with --root that was delegated (its directory and files are yours)");
	return r;
}

/* A new v1 cpuset takes no task before it has cpus and nodes: those of the group above. The catalogue tells
 * which files these are: lists that must be there at once. */
static void copy_lists(const struct cg_live_hierarchy *h, int from, int to)
{
	_cleanup_buffer_ struct cg_buffer b = {0};

	for (size_t i = 0; i < cg_knob_count; i++) {
		const struct cg_knob *k = &cg_knob_table[i];

		if (!(k->flags & CG_KNOB_V1) || k->kind != CG_KNOB_SETTING || k->grammar != CG_GRAMMAR_LIST ||
			!has_controller(h->controllers, k->controller))
			continue;
		if (cg_read_at(from, k->name, true, &b) < 0 ||
			cg_write_at(to, k->name, cg_bytes_trim((struct cg_bytes){b.data, b.len})) < 0)
			cg_debug("%s was not copied into a new group", k->name);
	}
}

int cg_host_settle(const struct cg_host *h, struct cg_host_area *area, size_t i, bool make)
{
	const struct cg_live_hierarchy *live = &h->live.item[i];
	struct cg_host_place *p = &area->place[i];
	int r = make || cg_host_has_group(live, area->path)
			? open_path(live, area->path, &p->root, &p->made_root)
			: -ENOENT;

	if (r == 0 && faccessat(p->root, CG_FILE_PROCS, W_OK, AT_EACCESS) < 0)
		r = -errno;
	if (r == 0)
		mark_made(p->root, &p->made_root);
	if (r == 0 && live->version == 1 && p->made_root) {
		_cleanup_close_ int above = openat(p->root, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		copy_lists(live, above, p->root);
	}
	r = r < 0 ? r : open_or_make(p->root, GROUP_JOBS, &p->jobs);
	if (r == 0 && live->version == 1)
		copy_lists(live, p->root, p->jobs);
	if (r < 0) {
		p->jobs = cg_close(p->jobs);
		p->root = cg_close(p->root);
	}
	return r;
}

/* We leave ROOT, for a v2 group with children that have controllers holds no process. */
static int leave_root(struct cg_host *h, struct cg_error **err)
{
	_cleanup_memberships_ struct cg_memberships own = {0};
	_cleanup_close_ int fd = -1;
	int r = cg_live_of_pid((int)getpid(), &own, err);

	for (size_t i = 0; r == 0 && i < own.count; i++) {
		if (own.item[i].hierarchy_id != 0 || !h->v2 || strcmp(own.item[i].path, h->top.path) != 0)
			continue;
		r = open_or_make(h->top.place[h->main].root, GROUP_MANAGER, &fd);
		r = r < 0 ? r : cg_cgroup_attach(fd, CG_FILE_PROCS, (int)getpid());
		if (r < 0)
			return cg_host_failed(
				h->top.path, "move the manager into a group of its own", r, err);
	}
	return r;
}

/* Gives jobs what ROOT has, controller by controller: one that is refused is missing, not fatal. */
static int enable(const struct cg_host_area *area, int group)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	struct cg_bytes rest, word;
	int r = cg_read_at(group, CG_FILE_CONTROLLERS, true, &b);

	rest = (struct cg_bytes){b.data, b.len};
	while (r == 0 && cg_bytes_word(&rest, &word)) {
		_cleanup_text_ struct cg_text t = {0};

		cg_text_addc(&t, '+');
		cg_text_add(&t, word.data, word.len);
		if (t.failed)
			return -ENOMEM;
		if (cg_write_at(group, CG_FILE_SUBTREE_CONTROL, (struct cg_bytes){t.data, t.len}) < 0)
			cg_log(CG_LOG_WARNING, "controller %s cannot be given to jobs below %s: %s",
				t.data + 1, area->path, strerror(errno));
	}
	return r;
}

int cg_host_enable_area(const struct cg_host *h, struct cg_host_area *area)
{
	const struct cg_host_place *p = &area->place[h->main];
	int r = h->v2 ? enable(area, p->root) : 0;

	if (r == 0 && h->v2)
		r = enable(area, p->jobs);
	if (r == 0 && h->v2)
		r = cg_read_at(p->jobs, CG_FILE_SUBTREE_CONTROL, true, &area->controllers);
	return r;
}

static int settle_main(struct cg_host *h, struct cg_error **err)
{
	const struct cg_live_hierarchy *live = &h->live.item[h->main];
	struct cg_host_place *p = &h->top.place[h->main];
	int r;

	if (cg_host_systemd_runs() && !cg_host_is_delegated(live, h->top.path))
		return cg_host_not_delegated(h->top.path,
			cg_host_has_group(live, h->top.path)
				? "systemd manages it and has not delegated it"
				: "systemd manages the groups of this host, and it does not exist",
			err);
	r = cg_host_settle(h, &h->top, h->main, true);
	if (r < 0)
		return cg_host_failed(h->top.path, "use the group", r, err);
	/* Held as long as we live: the root's own directory is the lock. */
	if (cg_lock_take(p->root) < 0) {
		r = cg_error_make(err, CG_FAULT_SYSTEM, EBUSY, "another manager has this root");
		cg_error_at(err, h->top.path, NULL);
		cg_error_hint(
			err, "use that one (cgtree job), or give this one a root of its own with --root");
		return r;
	}
	r = leave_root(h, err);
	if (r < 0)
		return r;
	r = open_or_make(p->root, GROUP_SHIMS, &h->shims);
	r = r < 0 ? r : cg_host_enable_area(h, &h->top);
	return r < 0 ? cg_host_failed(h->top.path, "set up the group", r, err) : 0;
}

static void settle_others(struct cg_host *h)
{
	for (size_t i = 0; i < h->live.count; i++) {
		int r;

		if (i == h->main || h->live.item[i].name || h->live.item[i].controllers[0] == '\0')
			continue;
		r = cg_host_settle(h, &h->top, i, true);
		if (r < 0)
			cg_debug("%s is not ours in %s: %s", h->top.path, h->live.item[i].controllers,
				strerror(-r));
	}
}

static void find_usual(struct cg_host *h)
{
	h->usual = 1u << h->main;
	for (size_t i = 0; i < cg_use_row_count; i++) {
		const struct cg_use_row *row = &cg_use_rows[i];
		int at;

		if (row->use != CG_USE_MEMORY)
			continue;
		at = cg_host_find(h, NULL, row->version, row->controller);
		if (at >= 0)
			h->usual |= 1u << at;
	}
}

int cg_host_open(struct cg_host *h, const char *root, struct cg_error **err)
{
	int r;

	*h = (struct cg_host){.shims = -1};
	r = cg_live_open(&h->live, err);
	if (r < 0)
		return r;
	if (h->live.count > 31)
		return cg_error_make(err, CG_FAULT_SYSTEM, E2BIG, "more than 31 hierarchies");
	if (cg_host_new_area(h, &h->top) < 0)
		return cg_error_oom(err);
	r = find_main(h, err);
	r = r < 0 ? r : choose_root(h, root, err);
	r = r < 0 ? r : settle_main(h, err);
	if (r < 0)
		return r;
	settle_others(h);
	find_usual(h);
	return 0;
}

int cg_host_new_area(const struct cg_host *h, struct cg_host_area *area)
{
	area->place = calloc(h->live.count, sizeof(*area->place));
	for (size_t i = 0; area->place && i < h->live.count; i++)
		area->place[i] = (struct cg_host_place){.root = -1, .jobs = -1};
	return area->place ? 0 : -ENOMEM;
}

void cg_host_free_area(const struct cg_host *h, struct cg_host_area *area)
{
	for (size_t i = 0; area->place && i < h->live.count; i++) {
		(void)cg_close(area->place[i].jobs);
		(void)cg_close(area->place[i].root);
	}
	free(area->place);
	free(area->path);
	free(area->name);
	cg_buffer_free(&area->controllers);
	*area = (struct cg_host_area){0};
}

void cg_host_close(struct cg_host *h)
{
	for (size_t i = 0; i < h->belows; i++)
		cg_host_free_area(h, &h->below[i]);
	cg_host_free_area(h, &h->top);
	h->shims = cg_close(h->shims);
	free(h->below);
	h->below = NULL;
	h->belows = 0;
	cg_live_close(&h->live);
}

static void clean_area(struct cg_host *h, struct cg_host_area *area)
{
	const char *name = strrchr(area->path, '/') + 1;

	for (size_t i = 0; i < h->live.count; i++) {
		struct cg_host_place *p = &area->place[i];
		_cleanup_close_ int above = -1;

		if (p->root < 0)
			continue;
		/* What still holds something stays. */
		(void)unlinkat(p->root, GROUP_JOBS, AT_REMOVEDIR);
		if (area == &h->top)
			(void)unlinkat(p->root, GROUP_SHIMS, AT_REMOVEDIR);
		if (!p->made_root)
			continue;
		above = openat(p->root, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		(void)unlinkat(above, name, AT_REMOVEDIR);
	}
}

void cg_host_clean(struct cg_host *h)
{
	for (size_t i = 0; i < h->belows; i++)
		clean_area(h, &h->below[i]);
	clean_area(h, &h->top);
}

static bool jobs_have(const struct cg_host_area *area, const char *controller)
{
	struct cg_bytes rest = {area->controllers.data, area->controllers.len}, word;

	while (cg_bytes_word(&rest, &word))
		if (cg_bytes_is(word, controller))
			return true;
	return false;
}

int cg_host_find(const struct cg_host *h, const char *id, int version, const char *controller)
{
	const struct cg_host_area *area = id ? cg_host_area_of(h, id, &id) : &h->top;

	for (size_t i = 0; area && i < h->live.count; i++) {
		const struct cg_live_hierarchy *live = &h->live.item[i];

		if (live->version != version || area->place[i].jobs < 0)
			continue;
		if (version == 2 ? !controller[0] || jobs_have(area, controller)
				 : has_controller(live->controllers, controller))
			return (int)i;
	}
	return -1;
}

int cg_host_make_one(struct cg_host *h, size_t i, const char *id)
{
	_cleanup_close_ int fd = -1;
	const struct cg_host_area *area = cg_host_area_of(h, id, &id);
	int jobs = area ? area->place[i].jobs : -1, r;

	if (jobs < 0)
		return -ENOENT;
	r = cg_cgroup_make(jobs, id, &fd);
	if (r == -EEXIST) {
		/* Left by an earlier one: its limits must not be this one's. */
		r = unlinkat(jobs, id, AT_REMOVEDIR) < 0 ? -errno : cg_cgroup_make(jobs, id, &fd);
	}
	if (r == 0 && h->live.item[i].version == 1)
		copy_lists(&h->live.item[i], jobs, fd);
	return r;
}

int cg_host_make(struct cg_host *h, const char *id, uint32_t where, struct cg_error **err)
{
	for (size_t i = 0; i < h->live.count; i++) {
		int r;

		if (!(where & 1u << i))
			continue;
		r = cg_host_make_one(h, i, id);
		/* An area need not have what the root has: where a limit needs it, it has. */
		if (r == 0 || (r == -ENOENT && i != h->main && cg_job_area_len(id)))
			continue;
		if (cg_host_remove(h, id) < 0)
			cg_debug("groups of %s stay behind", id);
		if (r == -EBUSY)
			r = cg_error_make(err, CG_FAULT_SYSTEM, EBUSY,
				"a group of that id is there already and holds processes");
		else
			r = cg_error_errno(err, -r, "cannot make the group of the job %s", id);
		cg_error_at(err, h->top.path, NULL);
		return r;
	}
	return 0;
}

void cg_host_path(const struct cg_host *h, const char *id, struct cg_text *t)
{
	const struct cg_host_area *area = cg_host_area_of(h, id, &id);

	/* A job whose area nobody knows has no group. */
	cg_text_printf(t, "%s/" GROUP_JOBS "/%s", area ? area->path : "", id);
}

int cg_host_group(const struct cg_host *h, size_t hierarchy, const char *id, int *ret_fd)
{
	const struct cg_host_area *area = cg_host_area_of(h, id, &id);

	if (!area || area->place[hierarchy].jobs < 0)
		return -ENOENT;
	return cg_cgroup_open(area->place[hierarchy].jobs, id, ret_fd);
}

int cg_host_each_group(const struct cg_host *h, const struct cg_host_area *area, cg_dir_fn *fn, void *context)
{
	return cg_dir_each(area->place[h->main].jobs, fn, context);
}
