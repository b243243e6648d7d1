/* Hand-made plans and their running; see plans.h. */
#include "plans.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/undo.h"
#include "kernel/tasks.h"

static void on_line(void *context, const char *text)
{
	struct field *f = context;

	assert_true(f->lines < FIELD_LINES);
	f->line[f->lines] = strdup(text);
	assert_non_null(f->line[f->lines++]);
	if (f->at_line)
		(void)f->at_line(f, text);
	if (f->kill_at && f->lines == f->kill_at)
		(void)kill(getpid(), SIGKILL);
}

int field_setup(void **state)
{
	struct field *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->ground.fd = f->ground.root = -1;
	(void)snprintf(f->state_dir, sizeof(f->state_dir), "/tmp/cgt-unit-%d", (int)getpid());
	*state = f;
	return 0;
}

static int remove_record(const char *name, unsigned char type, void *context)
{
	(void)type;
	return unlinkat(*(int *)context, name, 0) < 0 ? -errno : 0;
}

int field_teardown(void **state)
{
	struct field *f = *state;
	int dir = open(f->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir >= 0) {
		assert_int_equal(cg_dir_each(dir, remove_record, &dir), 0);
		(void)close(dir);
		(void)rmdir(f->state_dir);
	}
	for (size_t i = 0; i < f->lines; i++)
		free(f->line[i]);
	free(f->plan.place);
	free(f->plan.op);
	cg_arena_free(&f->plan.arena);
	free(f->members.item);
	cg_error_free(f->err);
	ground_remove(&f->ground);
	free(f);
	return 0;
}

void field_make(struct field *f, const char *hierarchy, const char *controllers)
{
	ground_make(&f->ground, hierarchy, controllers);
	f->options = (struct cg_apply_options){
		.state_dir = f->state_dir, .stop = &f->stop, .line = on_line, .line_context = f};
	assert_int_equal(field_place(f, CG_NONE, f->ground.name, true), 0);
}

uint32_t field_place(struct field *f, uint32_t parent, const char *name, bool exists)
{
	struct cg_text t = {0};
	struct cg_place *p;

	p = realloc(f->plan.place, (f->plan.places + 1) * sizeof(*p));
	assert_non_null(p);
	f->plan.place = p;
	cg_text_printf(&t, "%s/%s", parent == CG_NONE ? "" : p[parent].path, name);
	assert_false(t.failed);
	p[f->plan.places] = (struct cg_place){
		.parent = parent,
		.hierarchy = (uint16_t)(f->ground.hierarchy - f->ground.live.item),
		.name = cg_arena_string(&f->plan.arena, name),
		.path = cg_arena_string(&f->plan.arena, t.data),
		.exists = exists,
		.live_group = CG_NONE,
	};
	cg_text_free(&t);
	return (uint32_t)f->plan.places++;
}

struct cg_op *field_op(struct field *f, enum cg_op_kind kind, uint32_t place)
{
	struct cg_op *o = realloc(f->plan.op, (f->plan.ops + 1) * sizeof(*o));

	assert_non_null(o);
	f->plan.op = o;
	o = &f->plan.op[f->plan.ops++];
	*o = (struct cg_op){.kind = (uint8_t)kind, .place = place, .member = CG_NONE};
	return o;
}

uint32_t field_create(struct field *f, uint32_t parent, const char *name)
{
	uint32_t place = field_place(f, parent, name, false);

	(void)field_op(f, CG_OP_CREATE, place);
	return place;
}

struct cg_op *field_write(struct field *f, uint32_t place, const char *file, const char *to)
{
	struct cg_op *o = field_op(f, CG_OP_WRITE, place);

	o->knob = cg_knob_find(file, f->ground.hierarchy->version);
	o->file = file;
	o->to = cg_bytes_of(to);
	return o;
}

void field_attach(struct field *f, uint32_t place, int pid, int tid, bool whole)
{
	struct cg_member *m = realloc(f->members.item, (f->members.count + 1) * sizeof(*m));
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_close_ int proc = -1;
	uint64_t start;

	assert_non_null(m);
	f->members.item = m;
	assert_int_equal(cg_proc_open(&proc, NULL), 0);
	assert_int_equal(cg_proc_start_time(proc, whole ? pid : tid, &b, &start), 0);
	m[f->members.count] = (struct cg_member){.pid = pid,
		.tid = tid,
		.image_pid = pid,
		.image_tid = tid,
		.start_time = start,
		.comm = "child",
		.whole_process = whole,
		.from = "/"};
	field_op(f, CG_OP_ATTACH, place)->member = (uint32_t)f->members.count++;
}

int field_apply(struct field *f, enum cg_outcome outcome)
{
	int r;

	f->err = cg_error_free(f->err);
	r = cg_apply(&f->ground.live, &f->plan, &f->members, &f->options, &f->outcome, &f->differs, &f->err);
	if (f->outcome != outcome || (r < 0) != (f->err != NULL))
		fail_msg("status %d, outcome %d instead of %d: %s", r, f->outcome, outcome,
			f->err ? f->err->message : "no error");
	return r;
}

int field_recover(struct field *f, size_t count, enum cg_outcome outcome)
{
	size_t undone;
	int r;

	f->err = cg_error_free(f->err);
	r = cg_recover(&f->ground.live, &f->options, &undone, &f->outcome, &f->err);
	if (undone != count || f->outcome != outcome || (r < 0) != (f->err != NULL))
		fail_msg(
			"status %d, outcome %d instead of %d, %zu records instead of %zu: %s (last line: %s)",
			r, f->outcome, outcome, undone, count, f->err ? f->err->message : "no error",
			f->lines ? f->line[f->lines - 1] : "none");
	return r;
}

bool field_has_line(const struct field *f, const char *text)
{
	for (size_t i = 0; i < f->lines; i++)
		if (strstr(f->line[i], text))
			return true;
	return false;
}

static int count_entry(const char *name, unsigned char type, void *context)
{
	(void)name;
	(void)type;
	++*(size_t *)context;
	return 0;
}

size_t field_records(const struct field *f)
{
	_cleanup_close_ int dir = open(f->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t count = 0;

	if (dir >= 0)
		assert_int_equal(cg_dir_each(dir, count_entry, &count), 0);
	return count;
}

struct names {
	char *item[256];
	size_t count;
};

static int add_name(const char *name, unsigned char type, void *context)
{
	struct names *n = context;

	(void)type;
	assert_true(n->count < 256);
	n->item[n->count] = strdup(name);
	assert_non_null(n->item[n->count++]);
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_xattr(void *context, const char *name, struct cg_bytes value)
{
	cg_text_printf(context, "  xattr %s %.*s\n", name, (int)value.len, value.data);
	return 0;
}

/* Files that tell the same when nothing is different. */
static bool is_stable(const char *name, int version)
{
	const struct cg_knob *knob = cg_knob_find(name, version);

	return strcmp(name, "cgroup.procs") == 0 || strcmp(name, "tasks") == 0 ||
	       strcmp(name, "cgroup.threads") == 0 || (knob && knob->kind == CG_KNOB_SETTING);
}

static void add_group(int group, int version, struct cg_text *t)
{
	struct names n = {0};

	assert_int_equal(cg_dir_each(group, add_name, &n), 0);
	qsort(n.item, n.count, sizeof(n.item[0]), compare_names);
	for (size_t i = 0; i < n.count; i++) {
		_cleanup_buffer_ struct cg_buffer b = {0};
		_cleanup_close_ int child = -1;
		struct stat st;

		assert_int_equal(fstatat(group, n.item[i], &st, AT_SYMLINK_NOFOLLOW), 0);
		cg_text_printf(t, "%s %o %u:%u\n", n.item[i], st.st_mode, st.st_uid, st.st_gid);
		if (S_ISDIR(st.st_mode)) {
			cg_text_printf(t, "{ %llu\n", (unsigned long long)st.st_ino);
			assert_int_equal(cg_cgroup_open(group, n.item[i], &child), 0);
			add_group(child, version, t);
			cg_text_adds(t, "}\n");
		} else if (is_stable(n.item[i], version) && cg_read_at(group, n.item[i], false, &b) == 0) {
			cg_text_printf(t, "  %.*s\n", (int)b.len, b.data);
		}
		free(n.item[i]);
	}
	assert_int_equal(cg_cgroup_xattrs(group, add_xattr, t), 0);
}

char *field_snapshot(int group)
{
	struct cg_text t = {0};
	struct stat st;
	char *s;

	assert_int_equal(fstat(group, &st), 0);
	cg_text_printf(&t, "%o %u:%u\n", st.st_mode, st.st_uid, st.st_gid);
	add_group(group, faccessat(group, "tasks", F_OK, 0) == 0 ? 1 : 2, &t);
	assert_int_equal(cg_text_take(&t, &s), 0);
	return s;
}

void field_assert_same(int group, const char *before)
{
	_cleanup_free_ char *after = field_snapshot(group);

	assert_string_equal(after, before);
}
