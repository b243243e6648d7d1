/* Taking groups away: find, look, kill, remove. See remove.h; remove_kill.c ends tasks. */
#include "engine/remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fdio.h"
#include "engine/remove_private.h"
#include "kernel/cgroupfs.h"
#include "kernel/files.h"
#include "kernel/tasks.h"
#include "model/tree.h"

#define REMOVE_TRIES 10

static void removal_free(struct cg_removal *r)
{
	for (size_t i = 0; r->outer && r->top && i < r->live->count; i++) {
		(void)cg_close(r->outer[i]);
		(void)cg_close(r->top[i]);
	}
	free(r->outer);
	free(r->top);
	free(r->item);
	free(r->pid);
	cg_arena_free(&r->arena);
}
#define _cleanup_removal_ _cleanup_(removal_free)

static int add_pid(struct cg_removal *r, int pid)
{
	if (r->pids == r->pid_room) {
		size_t room = r->pid_room ? 2 * r->pid_room : 64;
		int *more = reallocarray(r->pid, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		r->pid = more;
		r->pid_room = room;
	}
	r->pid[r->pids++] = pid;
	return 0;
}

static int read_ids(struct cg_removal *r, int group, const char *file)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	struct cg_bytes rest, word;
	int code = cg_read_at(group, file, false, &b);

	rest = (struct cg_bytes){b.data ? b.data : "", b.len};
	while (code == 0 && cg_bytes_word(&rest, &word)) {
		uint32_t pid;

		/* 0: a task of another pid namespace. It counts, and cannot be named. */
		code = cg_parse_u32(word, &pid);
		if (code == 0)
			code = add_pid(r, (int)pid);
	}
	return code;
}

int cg_removal_read_tasks(struct cg_removal *r, int group, int version)
{
	int code = read_ids(r, group, CG_FILE_PROCS);

	if (code == -EOPNOTSUPP && version == 2)
		code = read_ids(r, group, CG_FILE_THREADS);
	/* It was removed meanwhile. */
	return code == -ENODEV || code == -ENOENT ? 0 : code;
}

int cg_removal_open(struct cg_removal *r, size_t i, int *ret_fd)
{
	const struct cg_doomed *d = &r->item[i];
	_cleanup_close_ int parent = -1;
	int code;

	if (d->parent == UINT32_MAX) {
		*ret_fd = fcntl(r->top[d->hierarchy], F_DUPFD_CLOEXEC, 0);
		return *ret_fd < 0 ? -errno : 0;
	}
	code = cg_removal_open(r, d->parent, &parent);
	return code < 0 ? code : cg_cgroup_open(parent, d->name, ret_fd);
}

static int add_group(
	struct cg_removal *r, uint32_t parent, uint16_t hierarchy, const char *name, const char *path)
{
	struct cg_doomed *d;

	if (r->count == r->room) {
		size_t room = r->room ? 2 * r->room : 32;
		struct cg_doomed *more = reallocarray(r->item, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		r->item = more;
		r->room = room;
	}
	d = &r->item[r->count++];
	*d = (struct cg_doomed){.parent = parent,
		.hierarchy = hierarchy,
		.name = cg_arena_string(&r->arena, name),
		.path = cg_arena_string(&r->arena, path)};
	return d->name && d->path ? 0 : -ENOMEM;
}

/* One directory that is being listed. */
struct listing {
	struct cg_removal *r;
	uint32_t self;
	int fd;
	dev_t device;
	unsigned depth;
	struct cg_error **err;
};

static int walk(struct listing *l);

static int visit(const char *name, unsigned char type, void *context)
{
	struct listing *up = context, down = *up;
	_cleanup_text_ struct cg_text path = {0};
	_cleanup_close_ int fd = -1;
	struct stat st;
	int code;

	if (type != DT_DIR)
		return 0;
	cg_text_printf(&path, "%s/%s", up->r->item[up->self].path, name);
	if (path.failed)
		return cg_error_oom(up->err);
	code = cg_cgroup_open(up->fd, name, &fd);
	if (code == -ENOENT)
		return 0;
	if (code == 0 && fstat(fd, &st) < 0)
		code = -errno;
	if (code == 0 && st.st_dev != up->device) {
		code = cg_error_make(up->err, CG_FAULT_SYSTEM, EXDEV,
			"another file system is mounted there, which is no part of the tree");
		cg_error_hint(up->err, "unmount it first");
	} else if (code < 0) {
		(void)cg_error_errno(up->err, -code, "cannot open the group");
	} else if (up->depth >= CG_DEPTH_MAX) {
		code = cg_error_make(up->err, CG_FAULT_SYSTEM, ELOOP, "lies too deep");
	}
	if (code < 0) {
		cg_error_at(up->err, path.data, NULL);
		return code;
	}
	down.self = (uint32_t)up->r->count;
	down.fd = fd;
	down.depth++;
	if (add_group(up->r, up->self, up->r->item[up->self].hierarchy, name, path.data) < 0)
		return cg_error_oom(up->err);
	return walk(&down);
}

static int walk(struct listing *l)
{
	const uint16_t hierarchy = l->r->item[l->self].hierarchy;
	int code = cg_removal_read_tasks(l->r, l->fd, l->r->live->item[hierarchy].version);

	if (code < 0) {
		code = cg_error_errno(l->err, -code, "cannot tell which tasks are in it");
		cg_error_at(l->err, l->r->item[l->self].path, NULL);
		return code;
	}
	code = cg_dir_each(l->fd, visit, l);
	if (code < 0 && l->err && !*l->err) {
		code = cg_error_errno(l->err, -code, "cannot list the groups below");
		cg_error_at(l->err, l->r->item[l->self].path, NULL);
	}
	return code;
}

static int refuse_namespace_root(const char *path, struct cg_error **err)
{
	int code = cg_error_usage(err, "is the root of what we can see: it cannot be removed from inside");

	cg_error_at(err, path, NULL);
	return code;
}

/* Opens the directory above the target and the target in it: 1, or 0 when it is not in this hierarchy. */
static int open_target(struct cg_removal *r, size_t i, struct cg_error **err)
{
	const struct cg_live_hierarchy *h = &r->live->item[i];
	const char *below = cg_path_below(h->mount_root, r->target->path), *slash;
	_cleanup_free_ char *above = NULL;
	int code;

	if (!below)
		return 0;
	if (strcmp(below, ".") == 0)
		return refuse_namespace_root(r->target->path, err);
	slash = strrchr(below, '/');
	above = slash ? strndup(below, (size_t)(slash - below)) : strdup(".");
	if (!above)
		return cg_error_oom(err);
	code = cg_open_beneath(h->fd, above, O_RDONLY | O_DIRECTORY, &r->outer[i]);
	if (code == 0)
		code = cg_cgroup_open(r->outer[i], slash ? slash + 1 : below, &r->top[i]);
	if (code == -ENOENT)
		return 0;
	if (code < 0) {
		code = cg_error_errno(err, -code, "cannot open the group");
		cg_error_at(err, r->target->path, NULL);
		return code;
	}
	return 1;
}

static int find_in(struct cg_removal *r, uint16_t i, struct cg_error **err)
{
	struct listing l = {.r = r, .self = (uint32_t)r->count, .fd = -1, .err = err};
	const char *name = strrchr(r->target->path, '/') + 1;
	struct stat above, st;
	int code = open_target(r, i, err);

	if (code <= 0)
		return code;
	if (fstat(r->outer[i], &above) < 0 || fstat(r->top[i], &st) < 0)
		return cg_error_errno(err, errno, "cannot look at %s", r->target->path);
	if (above.st_dev != st.st_dev) {
		code = cg_error_make(err, CG_FAULT_SYSTEM, EXDEV, "another file system is mounted there");
		cg_error_at(err, r->target->path, NULL);
		return code;
	}
	l.fd = r->top[i];
	l.device = st.st_dev;
	if (add_group(r, UINT32_MAX, i, name, r->target->path) < 0)
		return cg_error_oom(err);
	return walk(&l);
}

static int find_all(struct cg_removal *r, struct cg_error **err)
{
	int code = 0;

	for (uint16_t i = 0; code == 0 && i < r->live->count; i++)
		if (cg_live_matches(&r->live->item[i], r->target->hierarchy))
			code = find_in(r, i, err);
	if (code == 0 && r->count == 0) {
		code = cg_error_make(err, CG_FAULT_SYSTEM, ENOENT, "there is no such group");
		cg_error_at(err, r->target->path, NULL);
	}
	return code;
}

/* "1234 sleep, 1235 sh, and 3 more" */
static void name_tasks(const struct cg_removal *r, struct cg_text *t)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_close_ int proc = -1;
	int last = 0;
	size_t named = 0, distinct = 0;

	if (cg_proc_open(&proc, NULL) < 0)
		proc = -1;
	for (size_t i = 0; i < r->pids; i++) {
		struct cg_proc_task task;

		if (i && r->pid[i] == last)
			continue;
		last = r->pid[i];
		distinct++;
		if (named == 3)
			continue;
		cg_text_printf(t, "%s%d", named ? ", " : "", r->pid[i]);
		if (proc >= 0 && cg_proc_task(proc, r->pid[i], &b, &task) == 0) {
			cg_text_addc(t, ' ');
			cg_text_escape(t, cg_bytes_of(task.comm));
		}
		named++;
	}
	if (distinct > named)
		cg_text_printf(t, " and %zu more", distinct - named);
}

static int compare_ids(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int check(struct cg_removal *r, struct cg_error **err)
{
	_cleanup_text_ struct cg_text who = {0};
	size_t below = 0;
	int code;

	while (below < r->count && r->item[below].parent == UINT32_MAX)
		below++;
	if (!r->options->recursive && below < r->count) {
		code = cg_error_make(
			err, CG_FAULT_SYSTEM, ENOTEMPTY, "has groups below it: %s", r->item[below].path);
		cg_error_at(err, r->target->path, NULL);
		cg_error_hint(err, "-r removes them too");
		return code;
	}
	if (r->pids == 0)
		return 0;
	qsort(r->pid, r->pids, sizeof(*r->pid), compare_ids);
	name_tasks(r, &who);
	if (!r->options->kill) {
		code = cg_error_make(
			err, CG_FAULT_SYSTEM, EBUSY, "tasks are in it: %s", who.data ? who.data : "");
		cg_error_at(err, r->target->path, NULL);
		cg_error_hint(err, "move them with cgtree attach, let them end, or end them with --kill");
		return code;
	}
	for (size_t i = 0; i < r->pids; i++)
		if (r->pid[i] == getpid()) {
			code = cg_error_usage(err, "this program itself is in it");
			cg_error_at(err, r->target->path, NULL);
			return code;
		}
	return 0;
}

static void tell(struct cg_removal *r, size_t i)
{
	_cleanup_text_ struct cg_text t = {0};
	bool several = false;

	for (size_t k = 0; k < r->count; k++)
		several |= r->item[k].hierarchy != r->item[0].hierarchy;
	cg_text_adds(&t, "- ");
	cg_text_escape(&t, cg_bytes_of(r->item[i].path));
	if (several) {
		cg_text_adds(&t, "  (");
		cg_live_label(&r->live->item[r->item[i].hierarchy], &t);
		cg_text_addc(&t, ')');
	}
	if (r->options->line && !t.failed)
		r->options->line(r->options->line_context, t.data);
}

static int remove_one(struct cg_removal *r, size_t i, struct cg_error **err)
{
	const struct cg_doomed *d = &r->item[i];
	_cleanup_close_ int parent = -1;
	int fd = r->outer[d->hierarchy], code = 0;

	if (d->parent != UINT32_MAX) {
		code = cg_removal_open(r, d->parent, &parent);
		fd = parent;
	}
	if (code == 0)
		code = cg_cgroup_remove(fd, d->name, REMOVE_TRIES);
	/* Somebody was quicker. */
	if (code == -ENOENT)
		return 0;
	if (code < 0)
		return fd < 0 ? cg_error_errno(err, -code, "cannot open the group above %s", d->path)
			      : cg_cgroup_explain(
					err, fd, d->path, d->name, (struct cg_bytes){"", 0}, "remove", -code);
	r->changed = true;
	r->counts.groups++;
	tell(r, i);
	return 0;
}

static int remove_all(struct cg_removal *r, struct cg_error **err)
{
	for (size_t i = r->count; i-- > 0;) {
		int code;

		if (r->options->stop && *r->options->stop)
			return cg_error_make(err, CG_FAULT_SYSTEM, EINTR, "ended by a signal");
		code = remove_one(r, i, err);
		if (code < 0)
			return code;
	}
	return 0;
}

int cg_remove(const struct cg_live *live, const struct cg_target *target,
	const struct cg_remove_options *options, struct cg_remove_counts *ret, struct cg_error **err)
{
	_cleanup_removal_ struct cg_removal r = {.live = live, .target = target, .options = options};
	struct cg_error *own = NULL;
	int code;

	*ret = (struct cg_remove_counts){0};
	r.outer = calloc(live->count + 1, sizeof(*r.outer));
	r.top = calloc(live->count + 1, sizeof(*r.top));
	if (!r.outer || !r.top)
		return cg_error_oom(err);
	for (size_t i = 0; i < live->count; i++)
		r.outer[i] = r.top[i] = -1;
	code = find_all(&r, &own);
	if (code == 0)
		code = check(&r, &own);
	if (code == 0 && options->dry_run) {
		for (size_t i = r.count; i-- > 0;)
			tell(&r, i);
		r.counts.groups = r.count;
		for (size_t i = 0; i < r.pids; i++)
			r.counts.killed += i == 0 || r.pid[i] != r.pid[i - 1];
	} else if (code == 0) {
		if (r.pids)
			code = cg_removal_kill(&r, &own);
		if (code == 0)
			code = remove_all(&r, &own);
		if (code < 0 && r.changed && own && own->code != ENOMEM)
			own->fault = CG_FAULT_PARTIAL;
	}
	*ret = r.counts;
	if (err)
		*err = own;
	else
		(void)cg_error_free(own);
	return code;
}
