/* The steps that undo a written setting and a moved task, from what the kernel says now. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/apply_private.h"
#include "engine/apply_setting.h"
#include "kernel/tasks.h"
#include "model/value.h"

#define ORIGINS_LOOKED_AT 64 /* tasks that stood together come together */

static struct cg_setting_io io_of(struct cg_apply *a, int fd, const struct cg_knob *knob, const char *file)
{
	return (struct cg_setting_io){.group = fd,
		.knob = knob,
		.file = file,
		.page_size = a->page_size,
		.back = &a->back,
		.sent = &a->sent,
		.sent_to = &a->sent_to};
}

/* Adds the step that brings the present value back; `to` without data: whatever is found later is ours. */
static int add_value(
	struct cg_apply *a, uint32_t place, const char *file, struct cg_bytes to, struct cg_error **err)
{
	struct cg_undo_step *s = cg_undo_add_step(&a->undo, CG_UNDO_VALUE, place);

	if (!s)
		return cg_error_oom(err);
	s->file = file;
	s->from = (struct cg_bytes){a->present.data, a->present.len};
	s->to = to;
	return cg_arena_keep(&a->undo.arena, &s->from) ? 0 : cg_error_oom(err);
}

/* The files of controllers that a write takes from the groups below a place: they go with all they hold. */
struct children {
	struct cg_apply *a;
	uint32_t place, child;
	int fd, child_fd;
	struct cg_bytes from, to; /* controllers before and after */
	struct cg_error **err;
};

static bool is_taken(const struct children *c, struct cg_bytes controller)
{
	return cg_bytes_has_word(c->from, controller) && !cg_bytes_has_word(c->to, controller);
}

/* Owner and mode of a file that will be made anew, when they are not what it then gets. */
static int keep_file_owner(struct children *c, const struct cg_knob *knob, const char *name)
{
	struct cg_undo_step *s;
	struct stat st;
	uint16_t mode;

	if (fstatat(c->child_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : cg_error_errno(c->err, errno, "cannot look at %s", name);
	mode = knob ? cg_knob_mode(knob, c->a->live->kernel) : st.st_mode & 07777;
	if (st.st_uid == geteuid() && st.st_gid == getegid() && (st.st_mode & 07777) == mode)
		return 0;
	s = cg_undo_add_step(&c->a->undo, CG_UNDO_OWNER, c->child);
	if (!s)
		return cg_error_oom(c->err);
	s->file = name;
	s->before = (struct cg_owner){st.st_uid, st.st_gid, st.st_mode & 07777};
	s->after = (struct cg_owner){geteuid(), getegid(), mode};
	return 0;
}

static bool is_kept_setting(const struct cg_knob *knob)
{
	return !knob || (knob->kind == CG_KNOB_SETTING && !(knob->flags & CG_KNOB_ALIAS));
}

static int keep_file(const char *name, unsigned char type, void *context)
{
	struct children *c = context;
	const struct cg_knob *knob = cg_knob_find(name, 2);
	const char *dot = strchr(name, '.');
	struct cg_bytes prefix = {name, dot ? (size_t)(dot - name) : strlen(name)};
	struct cg_setting_io io;
	struct stat st;
	int r;

	if (type == DT_DIR || !is_taken(c, knob ? cg_bytes_of(knob->controller) : prefix))
		return 0;
	name = cg_arena_string(&c->a->undo.arena, name);
	if (!name)
		return cg_error_oom(c->err);
	r = keep_file_owner(c, knob, name);
	if (r < 0 || !is_kept_setting(knob))
		return r;
	/* Of files that the catalogue does not know those are settings that can be read and written. */
	if (!knob && (fstatat(c->child_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			     (st.st_mode & (S_IRUSR | S_IWUSR)) != (S_IRUSR | S_IWUSR)))
		return 0;
	io = io_of(c->a, c->child_fd, knob, name);
	r = cg_setting_read(&io, &c->a->present);
	/* Gone, or readable only when the device is there (EOPNOTSUPP, EINVAL of files without content): then
	 * it holds nothing that could be brought back. */
	if (r == -ENOENT || r == -ENODEV || r == -EOPNOTSUPP || r == -EINVAL)
		return 0;
	if (r < 0)
		return cg_error_errno(c->err, -r, "cannot read %s, which is about to be lost", name);
	return add_value(c->a, c->child, name, (struct cg_bytes){NULL, 0}, c->err);
}

static int keep_child(const char *name, unsigned char type, void *context)
{
	struct children *c = context;
	int r;

	if (type != DT_DIR)
		return 0;
	name = cg_arena_string(&c->a->undo.arena, name);
	if (!name)
		return cg_error_oom(c->err);
	if (c->a->undo.place[c->place].depth >= CG_DEPTH_MAX)
		return cg_error_make(c->err, CG_FAULT_SYSTEM, ENAMETOOLONG, "%s lies too deep", name);
	c->child = cg_undo_add_place(&c->a->undo, c->a->undo.place[c->place].hierarchy, c->place, name);
	if (c->child == CG_NONE)
		return cg_error_oom(c->err);
	r = cg_apply_open_existing(c->a, c->child, &c->child_fd, c->err);
	return r < 0 ? r : cg_dir_each(c->child_fd, keep_file, c);
}

/* Disabling a controller takes its files, and what they hold, from every child. These come before the write
 * in the undo, so that they are brought back after it was taken back. */
static int record_children(struct cg_apply *a, uint32_t place, int fd, struct cg_bytes from,
	struct cg_bytes to, struct cg_error **err)
{
	struct cg_error *own = NULL;
	struct children c = {.a = a, .place = place, .fd = fd, .from = from, .to = to, .err = &own};
	struct cg_bytes rest = from, word;
	bool any = false;
	int r;

	while (cg_bytes_word(&rest, &word))
		any |= !cg_bytes_has_word(to, word);
	if (!any)
		return 0;
	r = cg_dir_each(fd, keep_child, &c);
	if (r < 0 && !own)
		(void)cg_error_errno(&own, -r, "cannot look at the groups below");
	if (own)
		cg_error_at(&own, a->plan->place[place].path, NULL);
	if (err)
		*err = own;
	else
		(void)cg_error_free(own);
	return r < 0 ? r : 0;
}

int cg_apply_record_write(struct cg_apply *a, const struct cg_op *op, struct cg_error **err)
{
	const struct cg_place *p = &a->plan->place[op->place];
	bool loose = (op->flags & CG_OP_BEST_EFFORT) || !op->knob;
	_cleanup_text_ struct cg_text from = {0};
	struct cg_setting_io io;
	int fd, r;

	if (!p->exists)
		return 0;
	r = cg_apply_open_existing(a, op->place, &fd, err);
	if (r < 0)
		return r;
	io = io_of(a, fd, op->knob, op->file);
	r = cg_setting_read(&io, &a->present);
	/* A file that comes with a controller enabled on the way goes with it; if it never comes, its write
	 * says so. */
	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		r = cg_error_errno(err, -r, "cannot read what stands there now");
		cg_error_at(err, p->path, op->file);
		return r;
	}
	if (cg_setting_agrees(&io, (struct cg_bytes){a->present.data, a->present.len}, op->to))
		return 0;
	if (op->knob && op->knob->phase == CG_PHASE_TYPE && !a->options->no_rollback) {
		r = cg_error_make(err, CG_FAULT_SYSTEM, EOPNOTSUPP,
			"the type of an existing group cannot be changed back, so a failed restore could not be undone");
		cg_error_at(err, p->path, op->file);
		cg_error_hint(err, "remove the group first, or restore with --no-rollback");
		return r;
	}
	if (op->knob && op->knob->grammar == CG_GRAMMAR_CONTROLLERS) {
		cg_text_add(&from, a->present.data, a->present.len);
		if (from.failed)
			return cg_error_oom(err);
		r = record_children(a, op->place, fd, (struct cg_bytes){from.data, from.len}, op->to, err);
		if (r < 0)
			return r;
		cg_buffer_free(&a->present);
		a->present = (struct cg_buffer){cg_steal(from.data), from.len, from.size};
	}
	return add_value(a, op->place, op->file, loose ? (struct cg_bytes){NULL, 0} : op->to, err);
}

/* Where a task is in the hierarchy of a place. -ESRCH when it has ended; the path is empty when its group was
 * removed below it, which is so of ended tasks that nobody has waited for. */
static int path_of_task(
	struct cg_apply *a, int tid, uint32_t hierarchy, struct cg_text *t, struct cg_error **err)
{
	const struct cg_undo_hierarchy *h = &a->undo.hierarchy[hierarchy];
	_cleanup_memberships_ struct cg_memberships in = {0};
	_cleanup_error_ struct cg_error *e = NULL;
	int r = cg_live_of_pid(tid, &in, &e);

	cg_text_reset(t);
	if (r == -ESRCH)
		return r;
	if (r < 0) {
		if (err)
			*err = cg_steal(e);
		return r;
	}
	for (size_t i = 0; i < in.count; i++) {
		const struct cg_membership *m = &in.item[i];
		struct cg_live_hierarchy l = {.version = m->hierarchy_id == 0 ? 2 : 1,
			.controllers = m->controllers,
			.name = m->name};

		if (l.version != h->version || !cg_live_matches(&l, h->label))
			continue;
		cg_text_adds(t, m->deleted ? "" : m->path);
		return t->failed ? cg_error_oom(err) : 0;
	}
	return cg_error_make(
		err, CG_FAULT_SYSTEM, ENOENT, "task %d is in no group of hierarchy %s", tid, h->label);
}

/* What is left of an absolute path below a root, "." for the root itself; NULL when it lies elsewhere. */
static const char *path_below(const char *path, const char *root)
{
	size_t len = strcmp(root, "/") == 0 ? 0 : strlen(root);

	if (strncmp(path, root, len) != 0 || (path[len] != '/' && path[len] != '\0'))
		return NULL;
	while (path[len] == '/')
		len++;
	return path[len] ? path + len : ".";
}

/* A place for the group that a task is in, opened once to know that it can be; CG_NONE without an error when
 * it does not lie below this hierarchy's directory. */
static int origin_in(
	struct cg_apply *a, uint32_t hierarchy, const char *path, uint32_t *ret, struct cg_error **err)
{
	const char *below = path_below(path, a->undo.hierarchy[hierarchy].root);
	size_t first = a->undo.places > a->plan->places + ORIGINS_LOOKED_AT
			       ? a->undo.places - ORIGINS_LOOKED_AT
			       : a->plan->places;
	_cleanup_error_ struct cg_error *ignored = NULL;
	int fd;

	*ret = CG_NONE;
	if (!below)
		return 0;
	for (size_t i = a->undo.places; i-- > first;) {
		const struct cg_undo_place *p = &a->undo.place[i];

		if (p->parent == CG_NONE && p->hierarchy == hierarchy && strcmp(p->name, below) == 0) {
			*ret = (uint32_t)i;
			return 0;
		}
	}
	below = cg_arena_string(&a->undo.arena, below);
	if (!below)
		return cg_error_oom(err);
	*ret = cg_undo_add_place(&a->undo, hierarchy, CG_NONE, below);
	if (*ret == CG_NONE)
		return cg_error_oom(err);
	if (cg_apply_open_existing(a, *ret, &fd, &ignored) < 0) {
		a->undo.places--;
		*ret = CG_NONE;
	}
	return 0;
}

/* Tasks may come from outside the directory that we were given (--dir): through a mount that shows more. */
static int origin_outside(
	struct cg_apply *a, uint32_t hierarchy, const char *path, uint32_t *ret, struct cg_error **err)
{
	const struct cg_undo_hierarchy *h = &a->undo.hierarchy[hierarchy];
	uint64_t device = h->device;
	size_t before = a->undo.hierarchies;
	int r;

	*ret = CG_NONE;
	for (size_t i = a->live->count; i < a->undo.hierarchies; i++)
		if (a->undo.hierarchy[i].device == device)
			return origin_in(a, (uint32_t)i, path, ret, err);
	if (!a->wide_open) {
		r = cg_live_open(&a->wide, err);
		if (r < 0)
			return r;
		a->wide_open = true;
	}
	for (size_t i = 0; i < a->wide.count; i++) {
		struct stat st;

		if (fstat(a->wide.item[i].fd, &st) < 0 || st.st_dev != device)
			continue;
		r = cg_apply_add_hierarchy(a, &a->wide.item[i], err);
		return r < 0 ? r : origin_in(a, (uint32_t)before, path, ret, err);
	}
	return 0;
}

static int add_task(struct cg_apply *a, const struct cg_op *op, int tid, bool whole, uint64_t start,
	const char *path, struct cg_error **err)
{
	uint32_t hierarchy = a->undo.place[op->place].hierarchy, origin;
	struct cg_undo_step *s;
	int r = origin_in(a, hierarchy, path, &origin, err);

	if (r == 0 && origin == CG_NONE)
		r = origin_outside(a, hierarchy, path, &origin, err);
	if (r < 0)
		return r;
	if (origin == CG_NONE && a->options->no_rollback)
		return 0;
	if (origin == CG_NONE) {
		r = cg_error_make(err, CG_FAULT_SYSTEM, EXDEV,
			"task %d could not be moved back to %s, which no mount here shows", tid, path);
		cg_error_at(err, a->plan->place[op->place].path, NULL);
		cg_error_hint(err, "restore without members, or with --no-rollback");
		return r;
	}
	s = cg_undo_add_step(&a->undo, CG_UNDO_TASK, op->place);
	if (!s)
		return cg_error_oom(err);
	s->whole = whole;
	s->id = tid;
	s->start_time = start;
	s->origin = origin;
	return 0;
}

struct thread_scan {
	struct cg_apply *a;
	const struct cg_op *op;
	int leader;
	struct cg_text leader_path, path;
	struct cg_error *err;
};

/* A thread that is elsewhere than its leader has a way back of its own. It comes before the process in the
 * undo, and so is moved after it. */
static int add_stray_thread(void *context, int tid)
{
	struct thread_scan *t = context;
	uint64_t start;
	int r;

	if (tid == t->leader)
		return 0;
	r = cg_proc_start_time(t->a->proc, tid, &t->a->present, &start);
	if (r == 0)
		r = path_of_task(t->a, tid, t->a->undo.place[t->op->place].hierarchy, &t->path, &t->err);
	if (r < 0)
		return r == -ESRCH ? 0 : r;
	if (t->path.len == 0 || strcmp(t->path.data, t->leader_path.data) == 0)
		return 0;
	return add_task(t->a, t->op, tid, false, start, t->path.data, &t->err);
}

static int record_strays(struct thread_scan *t, struct cg_error **err)
{
	int r = cg_proc_threads(t->a->proc, t->leader, add_stray_thread, t);

	if (r == -ESRCH)
		return 0;
	if (r < 0 && !t->err)
		return cg_error_errno(err, -r, "cannot list the threads of process %d", t->leader);
	if (err)
		*err = cg_steal(t->err);
	t->err = cg_error_free(t->err);
	return r;
}

int cg_apply_record_task(struct cg_apply *a, const struct cg_op *op, struct cg_error **err)
{
	const struct cg_member *m = cg_apply_member(a, op);
	struct thread_scan t = {.a = a, .op = op, .leader = m->pid};
	int id = m->whole_process ? m->pid : m->tid, r;
	uint64_t start;

	if (m->missing)
		return 0;
	r = cg_proc_start_time(a->proc, id, &a->present, &start);
	if (r == 0 && start == m->start_time)
		r = path_of_task(a, id, a->undo.place[op->place].hierarchy, &t.leader_path, err);
	else if (r == 0)
		r = -ESRCH;
	/* Ended meanwhile: its operation says so. */
	if (r == 0 && t.leader_path.len > 0) {
		if (m->whole_process)
			r = record_strays(&t, err);
		if (r == 0)
			r = add_task(a, op, id, m->whole_process, start, t.leader_path.data, err);
	} else if (r == -ESRCH) {
		r = 0;
	} else if (r < 0 && err && !*err) {
		r = cg_error_errno(err, -r, "cannot look at task %d", id);
	}
	cg_text_free(&t.leader_path);
	cg_text_free(&t.path);
	return r;
}
