/* cg_apply on the real kernel: done as planned, and taken back exactly when the kernel refuses in the middle.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "plans.h"

#include <cmocka.h>

#define LIMIT "memory.limit_in_bytes"

static void three_levels(struct field *f)
{
	uint32_t a, b, c;

	a = field_create(f, 0, "a");
	b = field_create(f, a, "b");
	c = field_create(f, b, "c");
	(void)field_write(f, a, LIMIT, "268435456");
	(void)field_write(f, b, LIMIT, "134217728");
	(void)field_write(f, c, LIMIT, "67108864");
}

static void makes_a_tree(void **state)
{
	struct field *f = *state;
	int fd;

	field_make(f, "memory", NULL);
	three_levels(f);
	assert_int_equal(field_apply(f, CG_OUTCOME_EXACT), 0);
	assert_int_equal(cg_open_beneath(f->ground.fd, "a/b/c", O_RDONLY | O_DIRECTORY, &fd), 0);
	{
		_cleanup_free_ char *limit = ground_read(fd, LIMIT);

		assert_string_equal(limit, "67108864");
	}
	(void)close(fd);
	assert_int_equal(f->lines, f->plan.ops);
	assert_true(field_has_line(f, "/a/b/c memory.limit_in_bytes (new) -> 67108864"));
	assert_int_equal(field_records(f), 0);
}

/* Whatever the last operation is refused for, nothing is left of those before. */
static void fails_at(struct field *f, int code, const char *words)
{
	_cleanup_free_ char *before = field_snapshot(f->ground.fd);

	assert_int_equal(field_apply(f, CG_OUTCOME_UNCHANGED), -code);
	if (!strstr(f->err->message, words))
		fail_msg("\"%s\" does not speak of \"%s\"", f->err->message, words);
	field_assert_same(f->ground.fd, before);
	assert_int_equal(field_records(f), 0);
}

static void refused_value_rolls_back(void **state)
{
	struct field *f = *state;

	field_make(f, "memory", NULL);
	three_levels(f);
	(void)field_write(f, 1, "memory.swappiness", "2000");
	fails_at(f, EINVAL, "swappiness");
	assert_true(field_has_line(f, "- "));
}

static void existing_values_come_back(void **state)
{
	struct field *f = *state;
	struct cg_op *o;
	uint32_t old;
	int fd;

	field_make(f, "memory", NULL);
	fd = ground_group(f->ground.fd, "old");
	ground_write(fd, LIMIT, "99999744");
	ground_write(fd, "memory.swappiness", "17");
	old = field_place(f, 0, "old", true);
	(void)field_write(f, old, LIMIT, "67108864");
	(void)field_write(f, old, "memory.swappiness", "30");
	o = field_op(f, CG_OP_OWNER, old);
	o->after = (struct cg_owner){1234, 4321, 0750};
	o = field_op(f, CG_OP_OWNER, old);
	o->file = "cgroup.procs";
	o->after = (struct cg_owner){1234, 4321, 0664};
	if (fsetxattr(fd, "trusted.kept", "before", 6, 0) == 0) {
		o = field_op(f, CG_OP_XATTR, old);
		o->file = "trusted.kept";
		o->to = CG_BYTES("after");
		o = field_op(f, CG_OP_XATTR, old);
		o->file = "trusted.new";
		o->to = CG_BYTES("");
	}
	(void)field_create(f, old, "new");
	(void)field_write(f, old, "memory.swappiness", "2000");
	fails_at(f, EINVAL, "swappiness");
	/* The same without the refusal. */
	f->plan.ops--;
	assert_int_equal(field_apply(f, CG_OUTCOME_EXACT), 0);
	{
		struct stat st;

		assert_int_equal(fstatat(fd, "cgroup.procs", &st, 0), 0);
		assert_int_equal(st.st_uid, 1234);
		assert_int_equal(st.st_mode & 07777, 0664);
		assert_int_equal(fgetxattr(fd, "trusted.kept", NULL, 0), 5);
		assert_int_equal(fgetxattr(fd, "trusted.new", NULL, 0), 0);
	}
	(void)close(fd);
}

static void group_that_is_there_is_refused_first(void **state)
{
	struct field *f = *state;

	field_make(f, "memory", NULL);
	three_levels(f);
	(void)close(ground_group(f->ground.fd, "a"));
	fails_at(f, EEXIST, "exists");
	assert_int_equal(f->lines, 0);
}

static int another_is_quicker(struct field *f, const char *text)
{
	if (text[0] == '+' && strstr(text, "/first"))
		(void)close(ground_group(f->ground.fd, "second"));
	return 0;
}

static void group_of_another_stays(void **state)
{
	struct field *f = *state;
	struct stat st;

	field_make(f, "memory", NULL);
	(void)field_create(f, 0, "first");
	(void)field_create(f, 0, "second");
	f->at_line = another_is_quicker;
	assert_int_equal(field_apply(f, CG_OUTCOME_UNCHANGED), -EEXIST);
	assert_int_equal(fstatat(f->ground.fd, "second", &st, 0), 0);
	assert_int_equal(fstatat(f->ground.fd, "first", &st, 0), -1);
	assert_int_equal(field_records(f), 0);
}

static int asks_to_stop(struct field *f, const char *text)
{
	f->stop = strstr(text, "/a/b") != NULL || f->stop;
	return 0;
}

static void signal_rolls_back(void **state)
{
	struct field *f = *state;

	field_make(f, "memory", NULL);
	three_levels(f);
	f->at_line = asks_to_stop;
	fails_at(f, EINTR, "signal");
	assert_true(field_has_line(f, "- "));
}

static void best_effort_is_noted(void **state)
{
	struct field *f = *state;

	field_make(f, "memory", NULL);
	three_levels(f);
	field_write(f, 1, "memory.swappiness", "2000")->flags = CG_OP_BEST_EFFORT;
	field_write(f, 1, "memory.no_such_file", "1")->flags = CG_OP_BEST_EFFORT;
	assert_int_equal(field_apply(f, CG_OUTCOME_DIFFERS), 0);
	assert_int_equal(f->differs, 2);
	assert_true(field_has_line(f, "/a memory.swappiness: "));
	assert_true(field_has_line(f, "/a memory.no_such_file: "));
}

static void without_rollback_recover_can_undo(void **state)
{
	struct field *f = *state;
	_cleanup_free_ char *before = NULL;
	struct stat st;

	field_make(f, "memory", NULL);
	before = field_snapshot(f->ground.fd);
	three_levels(f);
	(void)field_write(f, 1, "memory.swappiness", "2000");
	f->options.no_rollback = true;
	assert_int_equal(field_apply(f, CG_OUTCOME_PARTIAL), -EINVAL);
	assert_int_equal(f->err->fault, CG_FAULT_PARTIAL);
	assert_non_null(strstr(f->err->hint, "cgtree recover"));
	assert_int_equal(fstatat(f->ground.fd, "a/b/c", &st, 0), 0);
	assert_int_equal(field_records(f), 1);
	assert_int_equal(field_recover(f, 1, CG_OUTCOME_EXACT), 0);
	field_assert_same(f->ground.fd, before);
	assert_int_equal(field_records(f), 0);
}

/* A child with half a cpu below a parent with half a cpu: halving the period first would give it a whole one.
 */
static void quota_and_period_find_their_order(void **state)
{
	struct field *f = *state;
	_cleanup_free_ char *before = NULL, *quota = NULL, *period = NULL;
	uint32_t up, down;
	int fd, child;

	field_make(f, "cpu", NULL);
	fd = ground_group(f->ground.fd, "up");
	if (faccessat(fd, "cpu.cfs_quota_us", F_OK, 0) < 0) {
		(void)close(fd);
		ground_skip("no cpu bandwidth control here");
	}
	child = ground_group(fd, "down");
	ground_write(fd, "cpu.cfs_quota_us", "50000");
	ground_write(child, "cpu.cfs_quota_us", "50000");
	up = field_place(f, 0, "up", true);
	down = field_place(f, up, "down", true);
	(void)field_write(f, down, "cpu.cfs_period_us", "50000");
	(void)field_write(f, down, "cpu.cfs_quota_us", "20000");
	(void)field_write(f, up, "cpu.shares", "x");
	before = field_snapshot(f->ground.fd);
	fails_at(f, EINVAL, "shares");
	f->plan.ops--;
	assert_int_equal(field_apply(f, CG_OUTCOME_EXACT), 0);
	quota = ground_read(child, "cpu.cfs_quota_us");
	period = ground_read(child, "cpu.cfs_period_us");
	assert_string_equal(quota, "20000");
	assert_string_equal(period, "50000");
	(void)close(fd);
	(void)close(child);
}

static void modes_do_not_depend_on_the_umask(void **state)
{
	struct field *f = *state;
	struct stat st;
	mode_t old;
	int r;

	field_make(f, "memory", NULL);
	(void)field_create(f, 0, "a");
	old = umask(0077);
	r = field_apply(f, CG_OUTCOME_EXACT);
	(void)umask(old);
	assert_int_equal(r, 0);
	assert_int_equal(fstatat(f->ground.fd, "a", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
}

/* Taking a controller away takes what children had set, and whom their files belong to: a rollback brings all
 * of it back. Any controller will do that the root of v2 has enabled. */
static void disabled_controller_comes_back_with_values(void **state)
{
	static const struct {
		const char *name, *enable, *file, *value;
	} controllers[] = {
		{"pids", "+pids", "pids.max", "1000"},
		{"memory", "+memory", "memory.max", "67108864"},
		{"cpu", "+cpu", "cpu.weight", "77"},
		{"hugetlb", "+hugetlb", "hugetlb.2MB.max", "16777216"},
	};
	struct field *f = *state;
	_cleanup_free_ char *before = NULL, *enabled = NULL;
	struct cg_bytes rest, word;
	size_t which = CG_ARRAY_SIZE(controllers);
	int fd, child;

	field_make(f, "v2", NULL);
	enabled = ground_read(f->ground.root, "cgroup.subtree_control");
	rest = cg_bytes_of(enabled);
	while (cg_bytes_word(&rest, &word))
		for (size_t i = 0; i < CG_ARRAY_SIZE(controllers); i++)
			if (cg_bytes_is(word, controllers[i].name))
				which = i;
	if (which == CG_ARRAY_SIZE(controllers)) {
		free(cg_steal(enabled));
		ground_skip("the root of v2 has no controller enabled that this test can use");
	}
	fd = ground_group(f->ground.fd, "up");
	ground_write(f->ground.fd, "cgroup.subtree_control", controllers[which].enable);
	ground_write(fd, "cgroup.subtree_control", controllers[which].enable);
	child = ground_group(fd, "down");
	ground_write(child, controllers[which].file, controllers[which].value);
	assert_int_equal(fchownat(child, controllers[which].file, 1234, 4321, 0), 0);
	before = field_snapshot(f->ground.fd);
	(void)field_write(f, field_place(f, 0, "up", true), "cgroup.subtree_control", "");
	(void)field_write(f, 1, "cgroup.max.depth", "nonsense");
	fails_at(f, EINVAL, "max.depth");
	assert_true(field_has_line(f, controllers[which].file));
	(void)close(fd);
	(void)close(child);
}

static void type_of_an_existing_group_is_refused(void **state)
{
	struct field *f = *state;

	field_make(f, "v2", NULL);
	(void)close(ground_group(f->ground.fd, "old"));
	(void)field_write(f, field_place(f, 0, "old", true), "cgroup.type", "threaded");
	fails_at(f, EOPNOTSUPP, "changed back");
	assert_int_equal(f->lines, 0);
}

static void v2_tree_with_threads_is_made(void **state)
{
	struct field *f = *state;
	uint32_t a;

	field_make(f, "v2", NULL);
	a = field_create(f, 0, "a");
	(void)field_write(f, a, "cgroup.type", "threaded");
	(void)field_write(f, a, "cgroup.max.depth", "5");
	assert_int_equal(field_apply(f, CG_OUTCOME_EXACT), 0);
	assert_true(field_has_line(f, "/a cgroup.type (new) -> threaded"));
}

static void unsafe_folder_is_refused(void **state)
{
	struct field *f = *state;
	_cleanup_free_ char *before = NULL;

	field_make(f, "memory", NULL);
	before = field_snapshot(f->ground.fd);
	three_levels(f);
	assert_int_equal(mkdir(f->state_dir, 0700), 0);
	assert_int_equal(chmod(f->state_dir, 0777), 0);
	assert_int_equal(field_apply(f, CG_OUTCOME_UNCHANGED), -EPERM);
	field_assert_same(f->ground.fd, before);
	assert_int_equal(field_recover(f, 0, CG_OUTCOME_UNCHANGED), -EPERM);
	assert_int_equal(chmod(f->state_dir, 0700), 0);
}

/* A value that is taken back by no step of its own: the plan's notes cost nothing and are told. */
static void notes_need_no_record(void **state)
{
	struct field *f = *state;
	struct cg_op *o;

	field_make(f, "memory", NULL);
	(void)field_op(f, CG_OP_KEEP, 0);
	o = field_op(f, CG_OP_NOTE, 0);
	o->file = LIMIT;
	o->to = CG_BYTES("left as it is");
	o->flags = CG_OP_DIFFERS;
	f->options.state_dir = "/proc/cannot/be/made";
	assert_int_equal(field_apply(f, CG_OUTCOME_DIFFERS), 0);
	assert_int_equal(f->differs, 1);
	assert_true(field_has_line(f, LIMIT ": left as it is"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(makes_a_tree, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(refused_value_rolls_back, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(existing_values_come_back, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(
			group_that_is_there_is_refused_first, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(group_of_another_stays, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(signal_rolls_back, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(best_effort_is_noted, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(
			without_rollback_recover_can_undo, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(
			quota_and_period_find_their_order, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(
			modes_do_not_depend_on_the_umask, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(
			disabled_controller_comes_back_with_values, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(
			type_of_an_existing_group_is_refused, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(v2_tree_with_threads_is_made, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(unsafe_folder_is_refused, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(notes_need_no_record, field_setup, field_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
