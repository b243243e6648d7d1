/* The undo record as bytes: what is written is read, and nothing else is. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/undo.h"

static struct cg_undo_step *step(struct cg_undo *u, enum cg_undo_kind kind, uint32_t place)
{
	struct cg_undo_step *s = cg_undo_add_step(u, kind, place);

	assert_non_null(s);
	return s;
}

/* One of each kind. */
static void fill(struct cg_undo *u)
{
	struct cg_undo_hierarchy v1 = {
		.version = 1, .device = 33, .inode = 1, .label = "memory", .root = "/"};
	struct cg_undo_hierarchy v2 = {.version = 2, .device = 40, .inode = 7, .label = "v2", .root = "/a/b"};
	static const struct cg_bpf was[] = {
		{.id = 9,
			.attach_type = 6,
			.attach_flags = 2,
			.program_type = 15,
			.gpl = true,
			.name = "one",
			.tag = {"12345678", 8},
			.instructions = {"\x95\0\0\0\0\0\0\0", 8}},
		{.id = 10,
			.attach_type = 6,
			.attach_flags = 2,
			.name = "",
			.tag = {"", 0},
			.instructions = {"", 0}},
	};
	struct cg_undo_step *s;

	memcpy(u->boot, "01234567-89ab-cdef-0123-456789abcdef", 37);
	assert_int_equal(cg_undo_add_hierarchy(u, &v1), 0);
	assert_int_equal(cg_undo_add_hierarchy(u, &v2), 1);
	assert_int_equal(cg_undo_add_place(u, 0, CG_NONE, "x/y"), 0);
	assert_int_equal(cg_undo_add_place(u, 0, 0, "made"), 1);
	assert_int_equal(cg_undo_add_place(u, 1, CG_NONE, "."), 2);
	assert_int_equal(cg_undo_add_place(u, 1, 2, "c"), 3);
	assert_int_equal(cg_undo_add_place(u, 0, CG_NONE, "."), 4);
	u->place[0].inode = 12;
	u->place[1].made = true;
	(void)step(u, CG_UNDO_GROUP, 1);
	s = step(u, CG_UNDO_VALUE, 0);
	s->file = "memory.limit_in_bytes";
	s->from = CG_BYTES("1\n");
	s->to = CG_BYTES("2");
	s = step(u, CG_UNDO_VALUE, 3);
	s->file = "io.max";
	s->from = CG_BYTES("");
	s = step(u, CG_UNDO_OWNER, 0);
	s->before = (struct cg_owner){0, 0, 0755};
	s->after = (struct cg_owner){1, 2, 02750};
	s = step(u, CG_UNDO_OWNER, 0);
	s->file = "tasks";
	s = step(u, CG_UNDO_XATTR, 2);
	s->file = "user.a";
	s->to = CG_BYTES("\0x");
	s = step(u, CG_UNDO_TASK, 1);
	s->whole = true;
	s->id = 4711;
	s->start_time = UINT64_C(1) << 40;
	s->origin = 4;
	s = step(u, CG_UNDO_PROGRAMS, 3);
	s->attach_type = 6;
	s->was = was;
	s->was_count = 2;
	s->is = was;
	s->is_count = 1;
}

static void round_trip(void **state)
{
	_cleanup_undo_ struct cg_undo a = {0}, b = {0};
	_cleanup_text_ struct cg_text first = {0}, second = {0}, path = {0};

	(void)state;
	fill(&a);
	cg_undo_encode(&a, &first);
	assert_false(first.failed);
	assert_int_equal(cg_undo_parse((struct cg_bytes){first.data, first.len}, &b, NULL), 0);
	assert_int_equal(b.steps, a.steps);
	assert_int_equal(b.step[6].id, 4711);
	assert_int_equal(b.step[3].after.mode, 02750);
	assert_null(b.step[3].file);
	assert_null(b.step[2].to.data);
	assert_int_equal(b.step[5].to.len, 2);
	assert_int_equal(b.place[3].depth, 1);
	assert_int_equal(b.step[7].was_count, 2);
	assert_true(cg_bpf_same(&b.step[7].was[0], &a.step[7].was[0]));
	assert_int_equal(b.step[7].was[0].id, 9);
	assert_int_equal(b.step[7].is_count, 1);
	cg_undo_encode(&b, &second);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.data, second.data, first.len);
	cg_undo_path(&b, 3, &path);
	assert_string_equal(path.data, "/a/b/c");
	cg_text_reset(&path);
	cg_undo_path(&b, 1, &path);
	assert_string_equal(path.data, "/x/y/made");
	cg_text_reset(&path);
	cg_undo_path(&b, 4, &path);
	assert_string_equal(path.data, "/");
}

static void is_refused(const char *data, size_t len)
{
	struct cg_error *err = NULL;
	struct cg_undo u = {0};

	assert_int_equal(cg_undo_parse((struct cg_bytes){data, len}, &u, &err), -EBADMSG);
	assert_non_null(err);
	assert_int_equal(err->fault, CG_FAULT_CORRUPT);
	assert_null(u.step);
	cg_error_free(err);
}

static void every_cut_is_refused(void **state)
{
	_cleanup_undo_ struct cg_undo u = {0};
	_cleanup_text_ struct cg_text t = {0};

	(void)state;
	fill(&u);
	cg_undo_encode(&u, &t);
	for (size_t i = 0; i < t.len; i++)
		is_refused(t.data, i);
}

static void every_flipped_bit_is_refused(void **state)
{
	_cleanup_undo_ struct cg_undo u = {0};
	_cleanup_text_ struct cg_text t = {0};

	(void)state;
	fill(&u);
	cg_undo_encode(&u, &t);
	for (size_t i = 0; i < t.len * 8; i++) {
		t.data[i / 8] = (char)(t.data[i / 8] ^ (1 << (i % 8)));
		is_refused(t.data, t.len);
		t.data[i / 8] = (char)(t.data[i / 8] ^ (1 << (i % 8)));
	}
}

static void tail_excludes_a_group(void **state)
{
	_cleanup_undo_ struct cg_undo u = {0}, cut = {0}, whole = {0};
	_cleanup_text_ struct cg_text t = {0};

	(void)state;
	fill(&u);
	cg_undo_encode(&u, &t);
	cg_text_add(&t, "E\1\0\0", 4);
	assert_int_equal(cg_undo_parse((struct cg_bytes){t.data, t.len}, &cut, NULL), 0);
	assert_false(cut.step[0].settled);
	cg_text_add(&t, "\0", 1);
	assert_int_equal(cg_undo_parse((struct cg_bytes){t.data, t.len}, &whole, NULL), 0);
	assert_true(whole.step[0].settled);
	assert_false(whole.step[1].settled);
	cg_text_add(&t, "E\1\0\0\0", 5);
	is_refused(t.data, t.len);
}

/* Whole records that say what none of ours would. */
static void is_refused_with(void (*spoil)(struct cg_undo *u))
{
	_cleanup_undo_ struct cg_undo u = {0};
	_cleanup_text_ struct cg_text t = {0};

	fill(&u);
	spoil(&u);
	cg_undo_encode(&u, &t);
	assert_false(t.failed);
	is_refused(t.data, t.len);
}

static void climb(struct cg_undo *u)
{
	u->place[0].name = "../y";
}

static void climb_below(struct cg_undo *u)
{
	u->place[3].name = "..";
}

static void absolute(struct cg_undo *u)
{
	u->place[0].name = "/x";
}

static void remove_existing(struct cg_undo *u)
{
	u->step[0].place = 0;
}

static void file_elsewhere(struct cg_undo *u)
{
	u->step[1].file = "../x";
}

static void other_hierarchy(struct cg_undo *u)
{
	u->place[3].hierarchy = 0;
}

static void own_parent(struct cg_undo *u)
{
	u->place[1].parent = 1;
}

static void task_zero(struct cg_undo *u)
{
	u->step[6].id = 0;
}

static void task_across_hierarchies(struct cg_undo *u)
{
	u->step[6].origin = 2;
}

static void mode_too_large(struct cg_undo *u)
{
	u->step[3].before.mode = 010000;
}

static void relative_root(struct cg_undo *u)
{
	u->hierarchy[1].root = "a";
}

static void version_three(struct cg_undo *u)
{
	u->hierarchy[1].version = 3;
}

static void nonsense_is_refused(void **state)
{
	(void)state;
	is_refused_with(climb);
	is_refused_with(climb_below);
	is_refused_with(absolute);
	is_refused_with(remove_existing);
	is_refused_with(file_elsewhere);
	is_refused_with(other_hierarchy);
	is_refused_with(own_parent);
	is_refused_with(task_zero);
	is_refused_with(task_across_hierarchies);
	is_refused_with(mode_too_large);
	is_refused_with(relative_root);
	is_refused_with(version_three);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(tail_excludes_a_group),
		cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
