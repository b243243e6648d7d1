/* Taking steps back, by a rollback (of what was just done) and by recover (of what a killed restore may have
 * done): each step looks at what stands there, does nothing where the old state stands already, and otherwise
 * brings it back. So a run may be repeated, and cut short and begun anew. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/apply_setting.h"
#include "engine/undo.h"
#include "kernel/cgroupfs.h"
#include "kernel/files.h"
#include "kernel/hierarchy.h"
#include "kernel/tasks.h"
#include "model/value.h"

#define REMOVE_TRIES 10 /* 1 ms, doubling: about a second */
#define PASSES       10

static void path_of(struct cg_undo_run *run, uint32_t place)
{
	cg_text_reset(&run->path);
	cg_undo_path(run->undo, place, &run->path);
}

/* The path for a message; a message without it is better than none. */
static const char *path_text(const struct cg_undo_run *run)
{
	return run->path.failed || !run->path.data ? "" : run->path.data;
}

static void begin_line(struct cg_undo_run *run, char sign, uint32_t place)
{
	path_of(run, place);
	cg_text_reset(&run->text);
	cg_text_addc(&run->text, sign);
	cg_text_addc(&run->text, ' ');
	cg_text_escape(&run->text, cg_bytes_of(path_text(run)));
}

static void end_line(struct cg_undo_run *run)
{
	if (run->line && !run->text.failed)
		run->line(run->line_context, run->text.data);
	run->text.failed = false;
}

/* Something that is no failure of ours, but must be said. */
static void say(struct cg_undo_run *run, uint32_t place, const char *file, const char *what)
{
	begin_line(run, '!', place);
	if (file) {
		cg_text_addc(&run->text, ' ');
		cg_text_escape(&run->text, cg_bytes_of(file));
	}
	cg_text_printf(&run->text, ": %s", what);
	end_line(run);
}

static int fail(struct cg_undo_run *run, const struct cg_undo_step *s, int code, struct cg_error **err,
	const char *what)
{
	int r = cg_error_errno(err, code, "%s", what);

	path_of(run, s->place);
	cg_error_at(err, path_text(run), s->file);
	return r;
}

static int left_alone(
	struct cg_undo_run *run, const struct cg_undo_step *s, struct cg_error **err, const char *what)
{
	int r = cg_error_make(err, CG_FAULT_PARTIAL, EEXIST, "%s", what);

	path_of(run, s->place);
	cg_error_at(err, path_text(run), s->file);
	return r;
}

/* Opens the place of a step: 0, or 1 when it is not there any more as it was, which is said: what another
 * program removed is not ours to bring back. */
static int open_place(
	struct cg_undo_run *run, const struct cg_undo_step *s, int *ret_fd, struct cg_error **err)
{
	int r = cg_dirs_open(run->dirs, s->place, ret_fd);

	if (r == 0)
		return 0;
	if (r == -ENOENT || r == -ESTALE) {
		say(run, s->place, s->file,
			r == -ESTALE ? "the group was made anew by another program: left"
				     : "the group is gone");
		return 1;
	}
	return fail(run, s, -r, err, "cannot open the group");
}

static int undo_group(
	struct cg_undo_run *run, const struct cg_undo_step *s, bool patient, struct cg_error **err)
{
	const struct cg_undo_place *p = &run->undo->place[s->place];
	const char *name;
	int parent, r;

	if (p->holds)
		return left_alone(run, s, err, "a group in it could not be removed");
	r = cg_dirs_parent(run->dirs, s->place, &parent, &name);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return fail(run, s, -r, err, "cannot open the group above");
	r = cg_cgroup_remove(parent, name, patient ? REMOVE_TRIES : 1);
	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		path_of(run, s->place);
		(void)cg_cgroup_explain(
			err, parent, path_text(run), name, (struct cg_bytes){"", 0}, "remove", -r);
		return r;
	}
	begin_line(run, '-', s->place);
	end_line(run);
	return 0;
}

static bool has_states_between(const struct cg_knob *knob)
{
	switch (knob ? knob->grammar : CG_GRAMMAR_TEXT) {
	case CG_GRAMMAR_CONTROLLERS:
	case CG_GRAMMAR_KEYED:
	case CG_GRAMMAR_NESTED:
	case CG_GRAMMAR_KEYED_DEFAULT:
	case CG_GRAMMAR_DEVICE_RULES:
		return true;
	default:
		return false;
	}
}

static void value_line(struct cg_undo_run *run, const struct cg_undo_step *s, const struct cg_knob *knob)
{
	struct cg_bytes was = {run->present.data, run->present.len};

	begin_line(run, '~', s->place);
	cg_text_addc(&run->text, ' ');
	cg_text_escape(&run->text, cg_bytes_of(s->file));
	cg_text_addc(&run->text, ' ');
	cg_text_escape(&run->text, cg_value_setting(knob, was));
	cg_text_adds(&run->text, " -> ");
	cg_text_escape(&run->text, cg_value_setting(knob, s->from));
	end_line(run);
}

static int undo_value(struct cg_undo_run *run, const struct cg_undo_step *s, struct cg_error **err)
{
	_cleanup_text_ struct cg_text sent = {0}, sent_to = {0};
	int version = run->undo->hierarchy[run->undo->place[s->place].hierarchy].version;
	struct cg_setting_io io = {
		.knob = cg_knob_find(s->file, version),
		.file = s->file,
		.page_size = run->page_size,
		.back = &run->back,
		.sent = &sent,
		.sent_to = &sent_to,
	};
	struct cg_bytes is;
	int r;

	if (io.knob && io.knob->kind != CG_KNOB_SETTING)
		return left_alone(run, s, err, "the record names a file that is no setting");
	r = open_place(run, s, &io.group, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = cg_setting_read(&io, &run->present);
	if (r < 0)
		return fail(run, s, -r, err, "cannot read the setting");
	is = (struct cg_bytes){run->present.data, run->present.len};
	if (cg_setting_agrees(&io, is, s->from))
		return 0;
	/* Values with several entries pass through states in between. */
	if (run->recovering && s->to.data && !has_states_between(io.knob) &&
		!cg_setting_agrees(&io, is, s->to))
		return left_alone(run, s, err, "another program has changed it since: left");
	r = cg_setting_store(&io, is, s->from);
	if (r < 0) {
		path_of(run, s->place);
		(void)cg_cgroup_explain(err, io.group, path_text(run), sent_to.len ? sent_to.data : s->file,
			(struct cg_bytes){sent.data, sent.len}, "write", -r);
		return r;
	}
	if (!cg_setting_agrees(&io, (struct cg_bytes){run->back.data, run->back.len}, s->from))
		return left_alone(run, s, err, "the kernel did not take the old value back");
	value_line(run, s, io.knob);
	return 0;
}

static bool owner_is(const struct stat *st, const struct cg_owner *o)
{
	return st->st_uid == o->uid && st->st_gid == o->gid && (st->st_mode & 07777) == o->mode;
}

static int undo_owner(struct cg_undo_run *run, const struct cg_undo_step *s, struct cg_error **err)
{
	const char *file = s->file ? s->file : ".";
	struct stat st;
	int fd, r;

	r = open_place(run, s, &fd, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (fstatat(fd, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(run, s, errno, err, "cannot look at the owner");
	if (owner_is(&st, &s->before))
		return 0;
	/* Owner and mode are changed one after the other. */
	if (run->recovering && (st.st_uid != s->before.uid || st.st_gid != s->before.gid) &&
		(st.st_uid != s->after.uid || st.st_gid != s->after.gid))
		return left_alone(run, s, err, "another program has given it away since: left");
	if (fchownat(fd, file, s->before.uid, s->before.gid, AT_SYMLINK_NOFOLLOW) < 0 ||
		fchmodat(fd, file, s->before.mode, 0) < 0)
		return fail(run, s, errno, err, "cannot bring back owner and mode");
	begin_line(run, '~', s->place);
	cg_text_printf(&run->text, "%s%s owner %u:%u %o -> %u:%u %o", s->file ? " " : "",
		s->file ? s->file : "", st.st_uid, st.st_gid, st.st_mode & 07777u, s->before.uid,
		s->before.gid, s->before.mode);
	end_line(run);
	return 0;
}

struct wanted_xattr {
	const char *name;
	struct cg_buffer *value;
	struct cg_text *copy;
	bool found;
};

static int match_xattr(void *context, const char *name, struct cg_bytes value)
{
	struct wanted_xattr *w = context;

	if (strcmp(name, w->name) != 0)
		return 0;
	w->found = true;
	cg_text_add(w->copy, value.data, value.len);
	return w->copy->failed ? -ENOMEM : 1;
}

static int undo_xattr(struct cg_undo_run *run, const struct cg_undo_step *s, struct cg_error **err)
{
	_cleanup_text_ struct cg_text now = {0};
	struct wanted_xattr w = {.name = s->file, .copy = &now};
	struct cg_bytes is;
	int fd, r;

	r = open_place(run, s, &fd, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = cg_cgroup_xattrs(fd, match_xattr, &w);
	if (r < 0 && r != -ENOTSUP)
		return fail(run, s, -r, err, "cannot read the extended attribute");
	is = (struct cg_bytes){now.len ? now.data : "", now.len};
	if (w.found == (s->from.data != NULL) && (!w.found || cg_bytes_equal(is, s->from)))
		return 0;
	if (run->recovering && (w.found != (s->to.data != NULL) || (w.found && !cg_bytes_equal(is, s->to))))
		return left_alone(run, s, err, "another program has changed the attribute since: left");
	r = s->from.data ? cg_cgroup_xattr_set(fd, s->file, s->from) : cg_cgroup_xattr_remove(fd, s->file);
	if (r < 0)
		return fail(run, s, -r, err, "cannot bring back the extended attribute");
	begin_line(run, '~', s->place);
	cg_text_printf(&run->text, " %s %s", s->file, s->from.data ? "brought back" : "removed");
	end_line(run);
	return 0;
}

/* Which of two places a task is in: the path of its group in the hierarchy, appended. -ESRCH. */
static int group_of_task(struct cg_undo_run *run, const struct cg_undo_step *s, struct cg_text *t)
{
	const struct cg_undo_hierarchy *h = &run->undo->hierarchy[run->undo->place[s->place].hierarchy];
	_cleanup_memberships_ struct cg_memberships in = {0};
	_cleanup_error_ struct cg_error *e = NULL;
	int r = cg_live_of_pid(s->id, &in, &e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < in.count; i++) {
		const struct cg_membership *m = &in.item[i];
		struct cg_live_hierarchy l = {.version = m->hierarchy_id == 0 ? 2 : 1,
			.controllers = m->controllers,
			.name = m->name};

		if (l.version != h->version || !cg_live_matches(&l, h->label))
			continue;
		cg_text_adds(t, m->path);
		return t->failed ? -ENOMEM : 0;
	}
	return -ENOENT;
}

static bool place_is(struct cg_undo_run *run, uint32_t place, const struct cg_text *path)
{
	path_of(run, place);
	return strcmp(path->data, path_text(run)) == 0;
}

/* Whether the restore, or a recover of it that was cut short, may have brought the task to where it is: to
 * where it goes or came from itself, or its process, which takes its threads along. */
static bool is_our_doing(
	struct cg_undo_run *run, const struct cg_undo_step *s, int leader, const struct cg_text *in)
{
	const struct cg_undo *u = run->undo;

	for (size_t i = 0; i < u->steps; i++) {
		const struct cg_undo_step *o = &u->step[i];

		if (o->kind == CG_UNDO_TASK && (o->id == s->id || (o->whole && o->id == leader)) &&
			u->hierarchy[u->place[o->place].hierarchy].device ==
				u->hierarchy[u->place[s->place].hierarchy].device &&
			(place_is(run, o->place, in) || place_is(run, o->origin, in)))
			return true;
	}
	return false;
}

/* Whether the task still is ours to move: 1, 0 when it is where it was or has ended. */
static int task_needs_move(struct cg_undo_run *run, const struct cg_undo_step *s, struct cg_error **err)
{
	_cleanup_text_ struct cg_text in = {0};
	struct cg_proc_task task;
	int r;

	if (run->proc < 0 && cg_proc_open(&run->proc, err) < 0)
		return -EIO;
	r = cg_proc_task(run->proc, s->id, &run->present, &task);
	if (r == -ESRCH || (r == 0 && task.start_time != s->start_time))
		return 0;
	if (r == 0)
		r = group_of_task(run, s, &in);
	if (r == -ESRCH)
		return 0;
	if (r < 0)
		return fail(run, s, -r, err, "cannot tell where the task is");
	if (place_is(run, s->origin, &in))
		return 0;
	if (run->recovering && !is_our_doing(run, s, task.pid, &in))
		return left_alone(run, s, err, "another program has moved the task since: left");
	return 1;
}

/* A process that moves takes its threads along: those that stood elsewhere have their steps directly before
 * its own, and need them again. */
static void unsettle_threads(struct cg_undo_run *run, const struct cg_undo_step *process)
{
	struct cg_undo_step *step = run->undo->step;

	for (size_t i = (size_t)(process - step); i > 0; i--) {
		if (step[i - 1].kind != CG_UNDO_TASK || step[i - 1].whole)
			break;
		step[i - 1].settled = false;
	}
}

static int undo_task(struct cg_undo_run *run, const struct cg_undo_step *s, struct cg_error **err)
{
	int version = run->undo->hierarchy[run->undo->place[s->place].hierarchy].version, fd, r;
	const char *file = s->whole ? CG_FILE_PROCS : version == 2 ? CG_FILE_THREADS : CG_FILE_TASKS;

	r = task_needs_move(run, s, err);
	if (r > 0) {
		r = cg_dirs_open(run->dirs, s->origin, &fd);
		if (r < 0)
			r = fail(run, s, -r, err, "cannot open the group that a task came from");
		else
			r = cg_cgroup_attach(fd, file, s->id);
		if (r == -ESRCH)
			return 0;
		if (r < 0 && !*err) {
			path_of(run, s->origin);
			(void)cg_cgroup_explain(
				err, fd, path_text(run), file, (struct cg_bytes){"", 0}, "attach", -r);
		}
		if (r < 0)
			return r;
		if (s->whole)
			unsettle_threads(run, s);
		begin_line(run, '>', s->origin);
		cg_text_printf(&run->text, " %d", s->id);
		end_line(run);
	}
	if (r < 0)
		cg_error_wrap(err, "task %d", s->id);
	return r;
}

/* While recovering: whether all that is attached is of the restore, or was there before. */
struct strangers {
	const struct cg_undo_step *step;
	bool found;
};

static int look_for_stranger(void *context, const struct cg_bpf *p)
{
	struct strangers *s = context;
	bool ours = p->attach_type != s->step->attach_type;

	for (uint32_t i = 0; !ours && i < s->step->was_count; i++)
		ours = cg_bpf_same(p, &s->step->was[i]);
	for (uint32_t i = 0; !ours && i < s->step->is_count; i++)
		ours = cg_bpf_same(p, &s->step->is[i]);
	s->found |= !ours;
	return 0;
}

static int undo_programs(struct cg_undo_run *run, const struct cg_undo_step *s, struct cg_error **err)
{
	__attribute__((cleanup(cg_bpf_loader_close))) struct cg_bpf_loader loader = CG_BPF_LOADER_INIT;
	__attribute__((cleanup(cg_bpf_reader_free))) struct cg_bpf_reader reader = {0};
	struct strangers strangers = {.step = s};
	bool changed = false;
	int fd, r = open_place(run, s, &fd, err);

	if (r != 0)
		return r < 0 ? r : 0;
	if (run->recovering) {
		r = cg_bpf_each(fd, &reader, look_for_stranger, &strangers);
		if (r < 0)
			return fail(run, s, -r, err, "cannot ask for attached BPF programs");
		if (strangers.found)
			return left_alone(
				run, s, err, "another program has attached BPF programs since: left");
	}
	r = cg_bpf_set(fd, s->attach_type, s->was, s->was_count, &loader, &changed, err);
	if (r < 0) {
		path_of(run, s->place);
		cg_error_at(err, path_text(run), NULL);
		return r;
	}
	if (!changed)
		return 0;
	begin_line(run, '~', s->place);
	cg_text_printf(&run->text, " %s program brought back: %u attached", cg_bpf_type_name(s->attach_type),
		s->was_count);
	end_line(run);
	return 0;
}

static int take_back(
	struct cg_undo_run *run, const struct cg_undo_step *s, bool patient, struct cg_error **err)
{
	switch ((enum cg_undo_kind)s->kind) {
	case CG_UNDO_GROUP:
		return undo_group(run, s, patient, err);
	case CG_UNDO_VALUE:
		return undo_value(run, s, err);
	case CG_UNDO_OWNER:
		return undo_owner(run, s, err);
	case CG_UNDO_XATTR:
		return undo_xattr(run, s, err);
	case CG_UNDO_TASK:
		return undo_task(run, s, err);
	case CG_UNDO_PROGRAMS:
		return undo_programs(run, s, err);
	}
	return left_alone(run, s, err, "an unknown step");
}

static void failure_line(struct cg_undo_run *run, const struct cg_error *e)
{
	_cleanup_free_ char *text = cg_error_text(e);

	cg_text_reset(&run->text);
	cg_text_printf(&run->text, "! %s", text ? text : e->message);
	end_line(run);
}

/* One pass over what is not settled. Errors are told in the last pass only. */
static size_t pass(struct cg_undo_run *run, bool last, struct cg_error **err)
{
	size_t failed = 0;

	for (size_t i = 0; i < run->undo->places; i++)
		run->undo->place[i].holds = false;
	for (size_t i = run->steps; i-- > 0;) {
		struct cg_undo_step *s = &run->undo->step[i];
		_cleanup_error_ struct cg_error *e = NULL;
		uint32_t parent = run->undo->place[s->place].parent;

		if (s->settled)
			continue;
		s->settled = take_back(run, s, !last, &e) == 0;
		if (s->settled)
			continue;
		failed++;
		if (s->kind == CG_UNDO_GROUP && parent != CG_NONE)
			run->undo->place[parent].holds = true;
		if (last && e)
			failure_line(run, e);
		if (last && err && !*err)
			*err = cg_steal(e);
	}
	return failed;
}

size_t cg_undo_run(struct cg_undo_run *run, struct cg_error **err)
{
	size_t failed = pass(run, false, NULL), before = SIZE_MAX;

	for (int i = 1; i < PASSES && failed > 0 && failed < before; i++) {
		before = failed;
		failed = pass(run, false, NULL);
	}
	return failed > 0 ? pass(run, true, err) : 0;
}

void cg_undo_run_free(struct cg_undo_run *run)
{
	cg_buffer_free(&run->present);
	cg_buffer_free(&run->back);
	cg_text_free(&run->text);
	cg_text_free(&run->path);
	run->proc = cg_close(run->proc);
}
