/* Before the first change: the undo is built from the plan and from what stands now, and whatever a rollback
 * will need is taken hold of. Operations on groups that are yet to be made need no steps of their own, for
 * those groups go as a whole; only tasks that enter them must find their way back. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/apply_private.h"
#include "kernel/cgroupfs.h"
#include "kernel/tasks.h"

static const char *label_of(struct cg_apply *a, const struct cg_live_hierarchy *h)
{
	_cleanup_text_ struct cg_text t = {0};

	cg_live_label(h, &t);
	return t.failed ? NULL : cg_arena_string(&a->undo.arena, t.data ? t.data : "");
}

int cg_apply_add_hierarchy(struct cg_apply *a, const struct cg_live_hierarchy *h, struct cg_error **err)
{
	int *grown = reallocarray(a->base, a->undo.hierarchies + 1, sizeof(*grown));
	struct cg_undo_hierarchy u = {.version = (uint8_t)h->version, .root = h->mount_root};
	struct stat st;

	if (!grown)
		return cg_error_oom(err);
	a->base = grown;
	a->dirs.base = grown;
	if (fstat(h->fd, &st) < 0) {
		int r = cg_error_errno(err, errno, "cannot look at the hierarchy");

		cg_error_at(err, h->mount_point, NULL);
		return r;
	}
	u.device = st.st_dev;
	u.inode = st.st_ino;
	u.label = label_of(a, h);
	grown[a->undo.hierarchies] = h->fd;
	if (!u.label || cg_undo_add_hierarchy(&a->undo, &u) == CG_NONE)
		return cg_error_oom(err);
	return 0;
}

static int add_places(struct cg_apply *a, struct cg_error **err)
{
	for (size_t i = 0; i < a->plan->places; i++) {
		const struct cg_place *p = &a->plan->place[i];
		uint32_t index;

		if (p->hierarchy >= a->live->count || (p->parent != CG_NONE && p->parent >= i))
			return cg_error_make(
				err, CG_FAULT_SYSTEM, EINVAL, "the plan's place %zu is out of order", i);
		if (p->parent != CG_NONE && a->undo.place[p->parent].depth >= CG_DEPTH_MAX)
			return cg_error_make(err, CG_FAULT_USAGE, ENAMETOOLONG,
				"%s lies deeper than %d levels", p->path, CG_DEPTH_MAX);
		index = cg_undo_add_place(&a->undo, p->hierarchy, p->parent, p->name);
		if (index == CG_NONE)
			return cg_error_oom(err);
		a->undo.place[index].made = !p->exists;
	}
	return 0;
}

int cg_apply_open_existing(struct cg_apply *a, uint32_t place, int *ret_fd, struct cg_error **err)
{
	struct cg_undo_place *p = &a->undo.place[place];
	_cleanup_text_ struct cg_text path = {0};
	struct stat st;
	int r = cg_dirs_open(&a->dirs, place, ret_fd);

	if (r == 0 && p->inode == 0) {
		if (fstat(*ret_fd, &st) < 0)
			r = -errno;
		else
			p->inode = st.st_ino;
	}
	if (r == 0)
		return 0;
	cg_undo_path(&a->undo, place, &path);
	r = cg_error_errno(err, -r, "cannot open the group, which was there a moment ago");
	cg_error_at(err, path.data, NULL);
	return r;
}

/* A group to be made must not be there, or a later recover might take another's for ours. Below one that is
 * to be made nothing can be. */
static int record_group(struct cg_apply *a, const struct cg_op *op, struct cg_error **err)
{
	const struct cg_place *p = &a->plan->place[op->place];
	const char *name;
	struct stat st;
	int fd, r = 0;

	if (p->exists)
		return cg_error_make(
			err, CG_FAULT_SYSTEM, EEXIST, "the plan makes %s, which exists", p->path);
	if (!cg_undo_add_step(&a->undo, CG_UNDO_GROUP, op->place))
		return cg_error_oom(err);
	if (p->parent != CG_NONE && !a->plan->place[p->parent].exists)
		return 0;
	if (p->parent != CG_NONE)
		r = cg_apply_open_existing(a, p->parent, &fd, err);
	if (r < 0)
		return r;
	r = cg_dirs_parent(&a->dirs, op->place, &fd, &name);
	if (r == 0 && fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		r = -EEXIST;
	else if (r == 0 && errno != ENOENT)
		r = -errno;
	if (r < 0) {
		r = cg_error_errno(err, -r, "cannot make the group");
		cg_error_at(err, p->path, NULL);
	}
	return r;
}

static int add_owner(struct cg_apply *a, const struct cg_op *op, const char *file, const struct stat *st,
	const struct cg_owner *after, struct cg_error **err)
{
	struct cg_undo_step *s = cg_undo_add_step(&a->undo, CG_UNDO_OWNER, op->place);

	if (!s)
		return cg_error_oom(err);
	s->file = file;
	s->before = (struct cg_owner){st->st_uid, st->st_gid, st->st_mode & 07777};
	s->after = *after;
	return 0;
}

struct owner_search {
	struct cg_apply *a;
	const struct cg_op *op;
	int fd;
	struct cg_error *err;
};

static int add_file_owner(const char *name, unsigned char type, void *context)
{
	struct owner_search *o = context;
	struct cg_owner after = o->op->after;
	struct stat st;

	if (type == DT_DIR)
		return 0;
	if (fstatat(o->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (st.st_uid == after.uid && st.st_gid == after.gid)
		return 0;
	after.mode = st.st_mode & 07777;
	name = cg_arena_string(&o->a->undo.arena, name);
	return name ? add_owner(o->a, o->op, name, &st, &after, &o->err) : cg_error_oom(&o->err);
}

static int record_owner(struct cg_apply *a, const struct cg_op *op, struct cg_error **err)
{
	struct owner_search all = {.a = a, .op = op};
	struct stat st;
	int r;

	if (!a->plan->place[op->place].exists)
		return 0;
	r = cg_apply_open_existing(a, op->place, &all.fd, err);
	if (r < 0)
		return r;
	if (op->flags & CG_OP_ALL_FILES)
		r = cg_dir_each(all.fd, add_file_owner, &all);
	else if (fstatat(all.fd, op->file ? op->file : ".", &st, AT_SYMLINK_NOFOLLOW) == 0)
		r = add_owner(a, op, op->file, &st, &op->after, &all.err);
	/* The file comes with a controller that is enabled on the way, and goes with it. */
	else if (errno != ENOENT || !op->file)
		r = -errno;
	if (r < 0 && !all.err) {
		(void)cg_error_errno(&all.err, -r, "cannot look at the owner");
		cg_error_at(&all.err, a->plan->place[op->place].path, op->file);
	}
	if (err)
		*err = all.err;
	else
		(void)cg_error_free(all.err);
	return r;
}

struct xattr_search {
	struct cg_apply *a;
	struct cg_undo_step *step;
};

static int keep_xattr(void *context, const char *name, struct cg_bytes value)
{
	struct xattr_search *x = context;

	if (strcmp(name, x->step->file) != 0)
		return 0;
	x->step->from = value;
	return cg_arena_keep(&x->a->undo.arena, &x->step->from) ? 1 : -ENOMEM;
}

static int record_xattr(struct cg_apply *a, const struct cg_op *op, struct cg_error **err)
{
	struct xattr_search x = {.a = a};
	int fd, r;

	if (!a->plan->place[op->place].exists)
		return 0;
	r = cg_apply_open_existing(a, op->place, &fd, err);
	if (r < 0)
		return r;
	x.step = cg_undo_add_step(&a->undo, CG_UNDO_XATTR, op->place);
	if (!x.step)
		return cg_error_oom(err);
	x.step->file = op->file;
	x.step->to = op->to;
	r = cg_cgroup_xattrs(fd, keep_xattr, &x);
	if (r < 0 && r != -ENOTSUP) {
		r = cg_error_errno(err, -r, "cannot read the extended attribute");
		cg_error_at(err, a->plan->place[op->place].path, op->file);
		return r;
	}
	return 0;
}

static int record_op(struct cg_apply *a, const struct cg_op *op, struct cg_error **err)
{
	switch ((enum cg_op_kind)op->kind) {
	case CG_OP_CREATE:
		return record_group(a, op, err);
	case CG_OP_WRITE:
		return cg_apply_record_write(a, op, err);
	case CG_OP_OWNER:
		return record_owner(a, op, err);
	case CG_OP_XATTR:
		return record_xattr(a, op, err);
	case CG_OP_ATTACH:
		return cg_apply_record_task(a, op, err);
	case CG_OP_PROGRAMS:
		return cg_apply_record_programs(a, op, err);
	case CG_OP_KEEP:
	case CG_OP_NOTE:
		return 0;
	}
	return cg_error_make(
		err, CG_FAULT_SYSTEM, EINVAL, "the plan holds an unknown operation (%d)", op->kind);
}

/* Which bits our umask takes from a new group (proc(5), status). Where the kernel does not tell, all are set
 * explicitly. Fills the buffers that a rollback reads into on the way. */
static int read_umask(struct cg_apply *a, struct cg_error **err)
{
	struct cg_bytes rest, line, word;
	uint32_t mask;
	int r = cg_read_path_at(AT_FDCWD, "/proc/self/status", &a->run.back);

	if (r == 0)
		r = cg_read_path_at(AT_FDCWD, "/proc/self/status", &a->run.present);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot read /proc/self/status");
	a->chmod_made = true;
	rest = (struct cg_bytes){a->run.present.data, a->run.present.len};
	while (cg_bytes_split(&rest, '\n', &line))
		if (cg_bytes_word(&line, &word) && cg_bytes_is(word, "Umask:") &&
			cg_parse_octal(cg_bytes_trim(line), &mask) == 0)
			a->chmod_made = (mask & 0755) != 0;
	return 0;
}

/* Descriptors and memory for a rollback in a program that has run out of them meanwhile. */
static int reserve(struct cg_apply *a, struct cg_error **err)
{
	static const char room[1024];

	for (size_t i = 0; i < CG_APPLY_SPARE; i++) {
		a->spare[i] = fcntl(a->proc, F_DUPFD_CLOEXEC, 0);
		if (a->spare[i] < 0)
			return cg_error_errno(err, errno, "cannot reserve descriptors for a rollback");
	}
	cg_text_add(&a->run.text, room, sizeof(room));
	cg_text_add(&a->run.path, room, sizeof(room));
	if (a->run.text.failed || a->run.path.failed)
		return cg_error_oom(err);
	a->run.proc = fcntl(a->proc, F_DUPFD_CLOEXEC, 0);
	if (a->run.proc < 0)
		return cg_error_errno(err, errno, "cannot keep /proc open");
	a->run.undo = &a->undo;
	a->run.dirs = &a->dirs;
	a->run.line = a->options->line;
	a->run.line_context = a->options->line_context;
	a->run.page_size = a->page_size;
	return 0;
}

int cg_apply_prepare(struct cg_apply *a, struct cg_error **err)
{
	int r = cg_boot_id(a->undo.boot);

	a->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot read the boot id");
	r = cg_proc_open(&a->proc, err);
	for (size_t i = 0; r == 0 && i < a->live->count; i++)
		r = cg_apply_add_hierarchy(a, &a->live->item[i], err);
	if (r == 0)
		r = add_places(a, err);
	if (r == 0)
		r = read_umask(a, err);
	if (r < 0)
		return r;
	a->steps_of = calloc(a->plan->ops + 1, sizeof(*a->steps_of));
	if (!a->steps_of || cg_dirs_init(&a->dirs, &a->undo, a->base) < 0)
		return cg_error_oom(err);
	for (size_t i = 0; i < a->plan->ops; i++) {
		r = record_op(a, &a->plan->op[i], err);
		if (r < 0)
			return r;
		a->steps_of[i] = a->undo.steps;
	}
	return reserve(a, err);
}
