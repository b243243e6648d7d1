/* One operation of a plan on the live kernel. `done` is moved before the first system call that changes
 * anything, so that a rollback takes in what may have been done by halves. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "engine/apply_private.h"
#include "engine/apply_setting.h"
#include "kernel/cgroupfs.h"
#include "kernel/files.h"
#include "kernel/tasks.h"
#include "model/value.h"

#define FREEZE_TIMEOUT_MS 5000

static const char *path_of(const struct cg_apply *a, const struct cg_op *op)
{
	return a->plan->place[op->place].path;
}

static void mark(struct cg_apply *a, size_t op)
{
	if (a->steps_of[op] > a->done)
		a->done = a->steps_of[op];
}

static int open_place(struct cg_apply *a, const struct cg_op *op, int *ret_fd, struct cg_error **err)
{
	int r = cg_dirs_open(&a->dirs, op->place, ret_fd);

	if (r < 0) {
		r = r == -ESTALE ? cg_error_make(err, CG_FAULT_SYSTEM, ESTALE,
					   "another program has made this group anew")
				 : cg_error_errno(err, -r, "cannot open the group");
		cg_error_at(err, path_of(a, op), NULL);
	}
	return r;
}

static int create(struct cg_apply *a, size_t i, struct cg_error **err)
{
	const struct cg_op *op = &a->plan->op[i];
	_cleanup_text_ struct cg_text above = {0};
	uint32_t parent = a->plan->place[op->place].parent;
	const char *name = NULL;
	int fd, r = cg_dirs_parent(&a->dirs, op->place, &fd, &name);

	if (r < 0) {
		r = cg_error_errno(err, -r, "cannot open the group above");
		cg_error_at(err, path_of(a, op), NULL);
		return r;
	}
	if (mkdirat(fd, name, 0755) < 0) {
		r = -errno;
		/* The record calls this group ours. It is not if it was made by another. */
		if (r == -EEXIST && cg_undo_record_exclude(&a->record, op->place) < 0)
			cg_error_hint(err, "the group %s is not of this restore", path_of(a, op));
		if (parent != CG_NONE)
			cg_undo_path(&a->undo, parent, &above);
		(void)cg_cgroup_explain(err, fd, above.data && !above.failed ? above.data : path_of(a, op),
			name, (struct cg_bytes){"", 0}, "create", -r);
		return r;
	}
	mark(a, i);
	if (a->chmod_made && fchmodat(fd, name, 0755, 0) < 0) {
		r = cg_error_errno(err, errno, "cannot set the mode of the new group");
		cg_error_at(err, path_of(a, op), NULL);
		return r;
	}
	return 0;
}

/* What a new group has is known to the plan; over an existing one, and where it is not known, the file says
 * it. */
static int present_value(
	struct cg_apply *a, const struct cg_op *op, const struct cg_setting_io *io, struct cg_bytes *ret)
{
	int r;

	*ret = op->from;
	if (!a->plan->place[op->place].exists && !(op->flags & CG_OP_MAKES_PRESENT))
		return 0;
	r = cg_setting_read(io, &a->present);
	if (r == 0)
		*ret = (struct cg_bytes){a->present.data, a->present.len};
	return r;
}

static int other_value(struct cg_apply *a, const struct cg_op *op, struct cg_error **err)
{
	_cleanup_text_ struct cg_text t = {0};
	struct cg_bytes is = cg_value_setting(op->knob, (struct cg_bytes){a->back.data, a->back.len});
	int r;

	/* FIRST_WORDS: the kernel's reason stands behind the value. */
	if (op->knob && (op->knob->flags & CG_KNOB_FIRST_WORDS))
		is = cg_bytes_trim((struct cg_bytes){a->back.data, a->back.len});
	cg_text_adds(&t, "wrote \"");
	cg_text_escape(&t, cg_value_setting(op->knob, op->to));
	cg_text_adds(&t, "\", the kernel has \"");
	cg_text_escape(&t, is);
	cg_text_addc(&t, '"');
	r = cg_error_make(
		err, CG_FAULT_SYSTEM, EIO, "%s", t.failed ? "the kernel has another value" : t.data);
	cg_error_at(err, path_of(a, op), op->file);
	return r;
}

static int version_of(const struct cg_apply *a, const struct cg_op *op)
{
	return a->live->item[a->plan->place[op->place].hierarchy].version;
}

static bool asks_to_freeze(const struct cg_apply *a, const struct cg_op *op)
{
	int version = version_of(a, op);
	struct cg_bytes to = cg_bytes_trim(cg_value_setting(op->knob, op->to));

	return op->knob &&
	       op->knob == cg_knob_find(version == 2 ? CG_FILE_FREEZE : CG_FILE_FREEZER_STATE, version) &&
	       !cg_bytes_is(to, "0") && !cg_bytes_is(to, "THAWED");
}

/* The write asks only; tasks stop one by one, and on v1 a group may need to be asked again. */
static int wait_for_freeze(struct cg_apply *a, const struct cg_op *op, int group, struct cg_error **err)
{
	int r = cg_cgroup_freeze(group, version_of(a, op), true, FREEZE_TIMEOUT_MS);

	if (r == -ETIMEDOUT)
		return cg_apply_note(a, op, op->file, "not all tasks stand still yet", err);
	if (r < 0) {
		r = cg_error_errno(err, -r, "cannot wait until all tasks stand still");
		cg_error_at(err, path_of(a, op), op->file);
	}
	return r;
}

static int write_setting(struct cg_apply *a, size_t i, struct cg_error **err)
{
	const struct cg_op *op = &a->plan->op[i];
	struct cg_setting_io io = {.knob = op->knob,
		.file = op->file,
		.page_size = a->page_size,
		.back = &a->back,
		.sent = &a->sent,
		.sent_to = &a->sent_to};
	struct cg_bytes from;
	int r = open_place(a, op, &io.group, err);

	if (r < 0)
		return r;
	cg_text_reset(&a->sent);
	cg_text_reset(&a->sent_to);
	r = present_value(a, op, &io, &from);
	if (r == 0) {
		mark(a, i);
		r = cg_setting_store(&io, from, op->to);
	}
	if (r < 0) {
		const char *file = a->sent_to.len && !a->sent_to.failed ? a->sent_to.data : op->file;
		struct cg_bytes sent = {a->sent.data, a->sent.len};

		(void)cg_cgroup_explain(
			err, io.group, path_of(a, op), file, a->sent.len ? sent : op->to, "write", -r);
		return r;
	}
	if (!cg_setting_agrees(&io, (struct cg_bytes){a->back.data, a->back.len}, op->to))
		return other_value(a, op, err);
	return asks_to_freeze(a, op) ? wait_for_freeze(a, op, io.group, err) : 0;
}

/* Owner, then mode, for chown(2) may take set-id bits away. */
static int change_owner(int fd, const char *file, const struct cg_owner *after, bool keep_mode)
{
	struct stat st;

	if (fstatat(fd, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if ((st.st_uid != after->uid || st.st_gid != after->gid) &&
		(fchownat(fd, file, after->uid, after->gid, AT_SYMLINK_NOFOLLOW) < 0 ||
			(!keep_mode && fstatat(fd, file, &st, AT_SYMLINK_NOFOLLOW) < 0)))
		return -errno;
	if (!keep_mode && (st.st_mode & 07777) != after->mode && fchmodat(fd, file, after->mode, 0) < 0)
		return -errno;
	return 0;
}

struct giving {
	int fd;
	const struct cg_owner *after;
};

static int give_file(const char *name, unsigned char type, void *context)
{
	const struct giving *g = context;

	return type == DT_DIR ? 0 : change_owner(g->fd, name, g->after, true);
}

static int give_owner(struct cg_apply *a, size_t i, struct cg_error **err)
{
	const struct cg_op *op = &a->plan->op[i];
	struct giving all = {.after = &op->after};
	int r = open_place(a, op, &all.fd, err);

	if (r < 0)
		return r;
	mark(a, i);
	if (op->flags & CG_OP_ALL_FILES)
		r = cg_dir_each(all.fd, give_file, &all);
	else
		r = change_owner(all.fd, op->file ? op->file : ".", &op->after, false);
	if (r < 0) {
		r = cg_error_errno(err, -r, "cannot set owner %u:%u and mode %o", op->after.uid,
			op->after.gid, op->after.mode);
		cg_error_at(err, path_of(a, op), op->file);
	}
	return r;
}

static int set_xattr(struct cg_apply *a, size_t i, struct cg_error **err)
{
	const struct cg_op *op = &a->plan->op[i];
	int fd, r = open_place(a, op, &fd, err);

	if (r < 0)
		return r;
	mark(a, i);
	r = op->to.data ? cg_cgroup_xattr_set(fd, op->file, op->to) : cg_cgroup_xattr_remove(fd, op->file);
	if (r < 0) {
		r = cg_error_errno(
			err, -r, "cannot %s the extended attribute", op->to.data ? "set" : "remove");
		cg_error_at(err, path_of(a, op), op->file);
	}
	return r;
}

static int set_programs(struct cg_apply *a, size_t i, struct cg_error **err)
{
	const struct cg_op *op = &a->plan->op[i];
	int fd, r = open_place(a, op, &fd, err);

	if (r < 0)
		return r;
	mark(a, i);
	r = cg_apply_programs(a, op, fd, err);
	if (r < 0)
		cg_error_at(err, path_of(a, op), NULL);
	return r;
}

static int note_gone(
	struct cg_apply *a, const struct cg_op *op, const struct cg_member *m, struct cg_error **err)
{
	_cleanup_text_ struct cg_text t = {0};

	cg_text_printf(
		&t, "task %d %s has ended", m->whole_process ? m->pid : m->tid, m->comm ? m->comm : "");
	if (t.failed)
		return cg_error_oom(err);
	return cg_apply_note(a, op, NULL, t.data, err) < 0 ? -ENOMEM : 1;
}

static int attach(struct cg_apply *a, size_t i, struct cg_error **err)
{
	const struct cg_op *op = &a->plan->op[i];
	const struct cg_member *m = cg_apply_member(a, op);
	int version = version_of(a, op);
	const char *file = m->whole_process ? CG_FILE_PROCS : version == 2 ? CG_FILE_THREADS : CG_FILE_TASKS;
	int id = m->whole_process ? m->pid : m->tid, fd, r;
	uint64_t start;

	r = open_place(a, op, &fd, err);
	if (r < 0)
		return r;
	/* The id may belong to another task by now. */
	r = cg_proc_start_time(a->proc, id, &a->present, &start);
	if (r == 0 && start != m->start_time)
		r = -ESRCH;
	if (r == 0) {
		mark(a, i);
		r = cg_cgroup_attach(fd, file, id);
	}
	if (r == -ESRCH)
		return note_gone(a, op, m, err);
	if (r < 0) {
		(void)cg_cgroup_explain(
			err, fd, path_of(a, op), file, (struct cg_bytes){"", 0}, "attach", -r);
		cg_error_wrap(err, "task %d", id);
	}
	return r;
}

int cg_apply_op(struct cg_apply *a, size_t op, struct cg_error **err)
{
	switch ((enum cg_op_kind)a->plan->op[op].kind) {
	case CG_OP_CREATE:
		return create(a, op, err);
	case CG_OP_WRITE:
		return write_setting(a, op, err);
	case CG_OP_OWNER:
		return give_owner(a, op, err);
	case CG_OP_XATTR:
		return set_xattr(a, op, err);
	case CG_OP_ATTACH:
		return attach(a, op, err);
	case CG_OP_PROGRAMS:
		return set_programs(a, op, err);
	case CG_OP_NOTE:
		a->differs += (a->plan->op[op].flags & CG_OP_DIFFERS) != 0;
		return 0;
	case CG_OP_KEEP:
		return 0;
	}
	return cg_error_make(err, CG_FAULT_SYSTEM, EINVAL, "unknown operation");
}
