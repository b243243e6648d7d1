/* Changes that a person asks for. See edit.h; edit_make.c makes groups. */
#include "engine/edit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/apply_setting.h"
#include "engine/edit_private.h"
#include "engine/members.h"
#include "kernel/cgroupfs.h"
#include "kernel/tasks.h"
#include "model/value.h"

void cg_edit_begin(struct cg_edit *e, const struct cg_live *live)
{
	*e = (struct cg_edit){.live = live, .proc = -1};
}

void cg_edit_free(struct cg_edit *e)
{
	for (size_t i = 0; i < e->places; i++)
		(void)cg_close(e->place[i].fd);
	free(e->place);
	(void)cg_close(e->proc);
	cg_members_free(&e->members);
	cg_plan_free(&e->plan);
	*e = (struct cg_edit){.proc = -1};
}

struct cg_op *cg_edit_add_op(struct cg_edit *e, enum cg_op_kind kind, uint32_t place)
{
	struct cg_plan *plan = &e->plan;

	if (plan->ops == plan->op_room) {
		size_t room = plan->op_room ? plan->op_room * 2 : 16;
		struct cg_op *more = reallocarray(plan->op, room, sizeof(*more));

		if (!more)
			return NULL;
		plan->op = more;
		plan->op_room = room;
	}
	if (kind != CG_OP_KEEP)
		e->place[place].changed = true;
	plan->op[plan->ops] = (struct cg_op){.kind = (uint8_t)kind, .place = place, .member = CG_NONE};
	return &plan->op[plan->ops++];
}

uint32_t cg_edit_add_place(
	struct cg_edit *e, uint16_t hierarchy, uint32_t parent, const char *name, const char *path, int fd)
{
	_cleanup_close_ int owned = fd;
	struct cg_plan *plan = &e->plan;
	struct cg_edit_place *more = reallocarray(e->place, e->places + 1, sizeof(*more));
	struct cg_place *places;

	if (!more)
		return CG_NONE;
	e->place = more;
	places = reallocarray(plan->place, plan->places + 1, sizeof(*places));
	if (!places)
		return CG_NONE;
	plan->place = places;
	places[plan->places] = (struct cg_place){.parent = parent,
		.hierarchy = hierarchy,
		.name = cg_arena_string(&plan->arena, name),
		.path = cg_arena_string(&plan->arena, path),
		.exists = fd >= 0,
		.live_group = CG_NONE};
	if (!places[plan->places].name || !places[plan->places].path)
		return CG_NONE;
	e->place[e->places++] = (struct cg_edit_place){.fd = cg_steal_fd(&owned)};
	return (uint32_t)plan->places++;
}

static int outside(const struct cg_live_hierarchy *h, const char *path, struct cg_error **err)
{
	int r = cg_error_usage(
		err, "lies outside of what this mount shows (%s at %s)", h->mount_root, h->mount_point);

	cg_error_at(err, path, NULL);
	return r;
}

int cg_edit_exists(const struct cg_live_hierarchy *h, const char *path, struct cg_error **err)
{
	_cleanup_close_ int fd = -1;
	const char *below = cg_path_below(h->mount_root, path);
	int r = below ? cg_open_beneath(h->fd, below, O_PATH | O_DIRECTORY, &fd) : -ENOENT;

	if (r == 0)
		return 1;
	if (r == -ENOENT)
		return 0;
	r = cg_error_errno(err, -r, "cannot look at the group");
	cg_error_at(err, path, NULL);
	return r;
}

int cg_edit_look(const struct cg_live *live, const struct cg_target *target, struct cg_error **err)
{
	int r = cg_target_check(target, live, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < live->count; i++) {
		if (!cg_live_matches(&live->item[i], target->hierarchy))
			continue;
		r = cg_edit_exists(&live->item[i], target->path, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	r = cg_error_make(err, CG_FAULT_SYSTEM, ENOENT, "there is no such group");
	cg_error_at(err, target->path, NULL);
	cg_error_hint(err, "cgtree ls tells which there are, cgtree create makes one");
	return r;
}

int cg_edit_open(
	struct cg_edit *e, uint16_t hierarchy, const char *path, uint32_t *ret, struct cg_error **err)
{
	const struct cg_live_hierarchy *h = &e->live->item[hierarchy];
	const char *below = cg_path_below(h->mount_root, path);
	uint32_t place;
	int fd, r;

	for (size_t i = 0; i < e->plan.places; i++)
		if (e->plan.place[i].hierarchy == hierarchy && strcmp(e->plan.place[i].path, path) == 0) {
			*ret = (uint32_t)i;
			return 0;
		}
	if (!below)
		return outside(h, path, err);
	r = cg_open_beneath(h->fd, below, O_RDONLY | O_DIRECTORY, &fd);
	if (r < 0) {
		r = r == -ENOENT ? cg_error_make(err, CG_FAULT_SYSTEM, ENOENT, "there is no such group")
				 : cg_error_errno(err, -r, "cannot open the group");
		cg_error_at(err, path, NULL);
		return r;
	}
	place = cg_edit_add_place(e, hierarchy, CG_NONE, below, path, fd);
	if (place == CG_NONE)
		return cg_error_oom(err);
	*ret = place;
	return 0;
}

int cg_edit_read(struct cg_edit *e, uint32_t place, const struct cg_knob *knob, const char *file,
	struct cg_bytes *ret, struct cg_error **err)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	const struct cg_setting_io io = {.group = e->place[place].fd, .knob = knob, .file = file};
	struct cg_bytes read = {NULL, 0};
	int r;

	if (io.group >= 0) {
		r = cg_setting_read(&io, &b);
		if (r < 0 && r != -ENOENT) {
			r = cg_error_errno(err, -r, "cannot read what stands there now");
			cg_error_at(err, e->plan.place[place].path, file);
			return r;
		}
		if (r == 0) {
			read = (struct cg_bytes){b.data ? b.data : "", b.len};
			if (!cg_arena_keep(&e->plan.arena, &read))
				return cg_error_oom(err);
		}
	}
	*ret = read;
	return 0;
}

static struct cg_op *find_write(const struct cg_edit *e, uint32_t place, const char *file)
{
	for (size_t i = 0; i < e->plan.ops; i++) {
		struct cg_op *op = &e->plan.op[i];

		if (op->kind == CG_OP_WRITE && op->place == place && strcmp(op->file, file) == 0)
			return op;
	}
	return NULL;
}

/* The file is there as soon as a controller is enabled on the way, and as in a new group. */
static bool will_have(const struct cg_edit *e, uint32_t place, const struct cg_knob *knob)
{
	return knob && knob->controller[0] &&
	       cg_bytes_has_word(e->place[place].gains, cg_bytes_of(knob->controller));
}

/* What the new value is laid over: what was asked for before, or what stands there. */
static int find_base(struct cg_edit *e, uint32_t place, const struct cg_knob *knob, const char *file,
	const struct cg_op *before, struct cg_bytes *ret_from, struct cg_error **err)
{
	_cleanup_text_ struct cg_text t = {0};
	int r = 0;

	if (before) {
		*ret_from = before->from;
		return 0;
	}
	*ret_from = (struct cg_bytes){NULL, 0};
	if (e->place[place].fd >= 0) {
		r = cg_edit_read(e, place, knob, file, ret_from, err);
		if (r < 0)
			return r;
		if (!ret_from->data && !will_have(e, place, knob))
			return cg_cgroup_explain(err, e->place[place].fd, e->plan.place[place].path, file,
				(struct cg_bytes){"", 0}, "write", ENOENT);
		if (ret_from->data) {
			*ret_from = cg_value_setting(knob, *ret_from);
			return 0;
		}
	}
	if (!knob || !cg_knob_default(knob, file, (uint64_t)sysconf(_SC_PAGESIZE), &t))
		return 0;
	*ret_from = (struct cg_bytes){t.data ? t.data : "", t.len};
	return !t.failed && cg_arena_keep(&e->plan.arena, ret_from) ? 0 : cg_error_oom(err);
}

static int twice(const char *path, const char *file, struct cg_error **err)
{
	int r = cg_error_usage(err, "is given twice");

	cg_error_at(err, path, file);
	return r;
}

int cg_edit_set(struct cg_edit *e, uint32_t place, const struct cg_knob *knob, const char *file,
	struct cg_bytes value, enum cg_edit_how how, struct cg_error **err)
{
	const char *path = e->plan.place[place].path;
	struct cg_op *op = find_write(e, place, file);
	_cleanup_text_ struct cg_text merged = {0};
	const bool named = op && !(op->flags & (CG_EDIT_IMPLIED | CG_EDIT_DERIVED));
	struct cg_bytes from, to;
	int r;

	e->place[place].asked = true;
	if (named && how == CG_EDIT_FOLLOW)
		return 0;
	if (named && !cg_value_has_parts(knob))
		return twice(path, file, err);
	r = find_base(e, place, knob, file, op, &from, err);
	if (r < 0)
		return r;
	if (how != CG_EDIT_LAY_OVER)
		cg_text_add(&merged, value.data, value.len);
	else if (cg_value_merge(knob, op ? op->to : from, value, &merged) < 0)
		return cg_error_oom(err);
	if (merged.failed)
		return cg_error_oom(err);
	to = (struct cg_bytes){merged.data ? merged.data : "", merged.len};
	r = cg_value_check(knob, file, to, err);
	if (r < 0) {
		if (knob && cg_value_words(knob))
			cg_error_hint(err, "%s", cg_value_words(knob));
		cg_error_at(err, path, file);
		return r;
	}
	if (!op && from.data && cg_value_same(knob, from, to, 1))
		return 0;
	if (!cg_arena_keep(&e->plan.arena, &to))
		return cg_error_oom(err);
	op = op ? op : cg_edit_add_op(e, CG_OP_WRITE, place);
	if (!op)
		return cg_error_oom(err);
	op->knob = knob;
	op->file = cg_arena_string(&e->plan.arena, file);
	op->from = from;
	op->to = to;
	op->flags = (uint8_t)((from.data ? 0 : CG_OP_MAKES_PRESENT) |
			      (how == CG_EDIT_FOLLOW ? CG_EDIT_DERIVED : 0));
	return op->file ? 0 : cg_error_oom(err);
}

int cg_edit_expect(struct cg_edit *e, uint32_t place, const struct cg_knob *knob, const char *file,
	struct cg_bytes *ret, struct cg_error **err)
{
	const struct cg_op *op = find_write(e, place, file);

	if (op) {
		*ret = op->to;
		return 0;
	}
	if (e->place[place].fd < 0)
		return find_base(e, place, knob, file, NULL, ret, err);
	return cg_edit_read(e, place, knob, file, ret, err);
}

bool cg_edit_plans(const struct cg_edit *e, uint32_t place, const char *file)
{
	return find_write(e, place, file) != NULL;
}

int cg_edit_note(
	struct cg_edit *e, uint32_t place, const char *file, struct cg_error **err, const char *fmt, ...)
{
	struct cg_op *op = cg_edit_add_op(e, CG_OP_NOTE, place);
	_cleanup_free_ char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		return cg_error_oom(err);
	}
	if (!op)
		return cg_error_oom(err);
	op->flags = CG_OP_DIFFERS;
	op->file = cg_arena_string(&e->plan.arena, file);
	op->to = (struct cg_bytes){text, (size_t)n};
	e->plan.differs++;
	return op->file && cg_arena_keep(&e->plan.arena, &op->to) ? 0 : cg_error_oom(err);
}

static int own_file(struct cg_edit *e, uint32_t place, const char *file, uint16_t new_mode, uint32_t uid,
	uint32_t gid, struct cg_error **err)
{
	struct cg_owner before = {geteuid(), getegid(), new_mode};
	struct cg_op *op;
	struct stat st;

	if (e->place[place].fd >= 0) {
		if (fstatat(e->place[place].fd, file ? file : ".", &st, AT_SYMLINK_NOFOLLOW) < 0)
			return errno == ENOENT ? 0 : cg_error_errno(err, errno, "cannot look at the owner");
		before = (struct cg_owner){st.st_uid, st.st_gid, st.st_mode & 07777};
	}
	if (before.uid == uid && before.gid == gid)
		return 0;
	op = cg_edit_add_op(e, CG_OP_OWNER, place);
	if (!op)
		return cg_error_oom(err);
	op->file = file;
	op->before = before;
	op->after = (struct cg_owner){uid, gid, before.mode};
	return 0;
}

int cg_edit_own(struct cg_edit *e, uint32_t place, uint32_t uid, uint32_t gid, struct cg_error **err)
{
	const int version = e->live->item[e->plan.place[place].hierarchy].version;
	const uint32_t flag = version == 2 ? CG_KNOB_V2 : CG_KNOB_V1;
	int r = 0;

	for (size_t i = 0; r == 0 && i < cg_knob_count; i++) {
		const struct cg_knob *k = &cg_knob_table[i];

		if ((k->flags & flag) && (k->kind == CG_KNOB_MEMBERSHIP || (k->flags & CG_KNOB_DELEGATED)))
			r = own_file(e, place, k->name, cg_knob_mode(k, e->live->kernel), uid, gid, err);
	}
	return r == 0 ? own_file(e, place, NULL, 0755, uid, gid, err) : r;
}

static int add_member(struct cg_edit *e, const struct cg_proc_task *task, bool thread, uint32_t *ret)
{
	struct cg_members *m = &e->members;
	struct cg_member *more;

	if (m->count == m->room) {
		size_t room = m->room ? m->room * 2 : 16;

		more = reallocarray(m->item, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		m->item = more;
		m->room = room;
	}
	m->item[m->count] = (struct cg_member){.pid = task->pid,
		.tid = task->tid,
		.image_pid = task->pid,
		.image_tid = task->tid,
		.start_time = task->start_time,
		.comm = cg_arena_string(&m->arena, task->comm),
		.whole_process = !thread};
	*ret = (uint32_t)m->count;
	return m->item[m->count++].comm ? 0 : -ENOMEM;
}

int cg_edit_attach(struct cg_edit *e, uint32_t place, int id, bool thread, struct cg_error **err)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	struct cg_proc_task task;
	uint32_t member;
	struct cg_op *op;
	int r = e->proc < 0 ? cg_proc_open(&e->proc, err) : 0;

	if (r < 0)
		return r;
	r = cg_proc_task(e->proc, id, &b, &task);
	if (r == -ESRCH)
		return cg_error_make(
			err, CG_FAULT_SYSTEM, ESRCH, "there is no %s %d", thread ? "thread" : "process", id);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot look at task %d", id);
	if (!thread && task.tid != task.pid) {
		r = cg_error_usage(err, "%d is a thread of process %d", id, task.pid);
		cg_error_hint(err, "name the process, or move the thread alone with --threads");
		return r;
	}
	if (add_member(e, &task, thread, &member) < 0)
		return cg_error_oom(err);
	op = cg_edit_add_op(e, CG_OP_ATTACH, place);
	if (!op)
		return cg_error_oom(err);
	op->member = member;
	return 0;
}

int cg_edit_tell(const struct cg_edit *e, const struct cg_apply_options *options, struct cg_error **err)
{
	_cleanup_text_ struct cg_text t = {0};

	for (size_t i = 0; options->line && i < e->plan.ops; i++) {
		cg_text_reset(&t);
		cg_plan_line(&e->plan, &e->members, i, &t);
		if (t.failed)
			return cg_error_oom(err);
		options->line(options->line_context, t.data);
	}
	return 0;
}

int cg_edit_run(const struct cg_edit *e, const struct cg_apply_options *options, enum cg_outcome *ret,
	size_t *ret_differs, struct cg_error **err)
{
	return cg_apply(e->live, &e->plan, &e->members, options, ret, ret_differs, err);
}
