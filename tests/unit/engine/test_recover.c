/* Restores that are killed, at each of their lines and while they roll back, and what recover makes of it. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plans.h"

#include <cmocka.h>

#include "engine/undo.h"

#define LIMIT "memory.limit_in_bytes"

/* An existing group that is changed and given away, new ones below it, a process that moves. */
static void mixed_plan(struct field *f, bool fails)
{
	uint32_t old, a, b;
	struct cg_op *o;
	pid_t pid;
	int fd;

	fd = ground_group(f->ground.fd, "old");
	ground_write(fd, LIMIT, "99999744");
	pid = ground_fork(&f->ground);
	assert_int_equal(cg_cgroup_attach(fd, "cgroup.procs", pid), 0);
	(void)close(fd);
	old = field_place(f, 0, "old", true);
	a = field_create(f, old, "a");
	b = field_create(f, a, "b");
	(void)field_write(f, old, "memory.swappiness", "33");
	(void)field_write(f, old, LIMIT, "268435456");
	(void)field_write(f, a, LIMIT, "134217728");
	o = field_op(f, CG_OP_OWNER, old);
	o->flags = CG_OP_ALL_FILES;
	o->after = (struct cg_owner){1234, 4321, 0755};
	o = field_op(f, CG_OP_OWNER, old);
	o->after = (struct cg_owner){1234, 4321, 0750};
	field_attach(f, b, pid, pid, true);
	(void)field_write(f, b, LIMIT, "67108864");
	if (fails)
		(void)field_write(f, b, "memory.swappiness", "2000");
}

/* Runs the plan in a child that ends itself after `lines` lines; true when it did, false when it was done
 * before. */
static bool is_killed_after(struct field *f, size_t lines)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		int r;

		f->kill_at = lines;
		r = cg_apply(
			&f->ground.live, &f->plan, &f->members, &f->options, &f->outcome, &f->differs, NULL);
		_exit(r == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void killed_anywhere(struct field *f, bool fails)
{
	_cleanup_free_ char *before = NULL;
	size_t points = 0;

	field_make(f, "memory", NULL);
	mixed_plan(f, fails);
	before = field_snapshot(f->ground.fd);
	while (is_killed_after(f, points + 1)) {
		points++;
		assert_int_equal(field_records(f), 1);
		assert_int_equal(field_recover(f, 1, CG_OUTCOME_EXACT), 0);
		assert_int_equal(field_records(f), 0);
		field_assert_same(f->ground.fd, before);
		while (f->lines)
			free(f->line[--f->lines]);
	}
	assert_true(points >= f->plan.ops - (fails ? 1 : 0));
	assert_int_equal(field_records(f), 0);
	if (fails)
		field_assert_same(f->ground.fd, before);
	(void)printf("%zu points tried\n", points);
}

static void killed_at_each_line(void **state)
{
	killed_anywhere(*state, false);
}

static void killed_while_rolling_back(void **state)
{
	killed_anywhere(*state, true);
}

static void changed_meanwhile_is_left(void **state)
{
	struct field *f = *state;
	uint32_t old;
	int fd;

	field_make(f, "memory", NULL);
	fd = ground_group(f->ground.fd, "old");
	old = field_place(f, 0, "old", true);
	(void)field_write(f, old, LIMIT, "67108864");
	(void)field_create(f, old, "new");
	assert_true(is_killed_after(f, 2));
	ground_write(fd, LIMIT, "33554432");
	assert_true(field_recover(f, 0, CG_OUTCOME_PARTIAL) < 0);
	{
		_cleanup_free_ char *limit = ground_read(fd, LIMIT);
		struct stat st;

		assert_string_equal(limit, "33554432");
		assert_int_equal(fstatat(fd, "new", &st, 0), -1);
	}
	assert_true(field_has_line(f, "another program has changed it since"));
	assert_int_equal(field_records(f), 1);
	(void)close(fd);
}

static void group_made_anew_is_left(void **state)
{
	struct field *f = *state;
	int fd;

	field_make(f, "memory", NULL);
	(void)close(ground_group(f->ground.fd, "old"));
	(void)field_write(f, field_place(f, 0, "old", true), LIMIT, "67108864");
	assert_true(is_killed_after(f, 1));
	assert_int_equal(cg_cgroup_remove(f->ground.fd, "old", 10), 0);
	fd = ground_group(f->ground.fd, "old");
	ground_write(fd, LIMIT, "67108864");
	assert_int_equal(field_recover(f, 1, CG_OUTCOME_EXACT), 0);
	assert_true(field_has_line(f, "made anew"));
	{
		_cleanup_free_ char *limit = ground_read(fd, LIMIT);

		assert_string_equal(limit, "67108864");
	}
	(void)close(fd);
}

/* The name of the one record. */
static int keep_name(const char *name, unsigned char type, void *context)
{
	(void)type;
	return asprintf((char **)context, "%s", name) < 0 ? -ENOMEM : 1;
}

static int open_record(struct field *f, int *ret_dir, char **ret_name)
{
	int fd;

	*ret_dir = open(f->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(*ret_dir >= 0);
	assert_int_equal(cg_dir_each(*ret_dir, keep_name, ret_name), 1);
	fd = openat(*ret_dir, *ret_name, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void leave_record(struct field *f)
{
	field_make(f, "memory", NULL);
	(void)field_create(f, 0, "new");
	assert_true(is_killed_after(f, 1));
}

static void locked_record_is_at_work(void **state)
{
	struct field *f = *state;
	_cleanup_free_ char *name = NULL;
	int dir, fd;

	leave_record(f);
	fd = open_record(f, &dir, &name);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(field_recover(f, 0, CG_OUTCOME_EXACT), 0);
	assert_true(field_has_line(f, "at work"));
	assert_int_equal(field_records(f), 1);
	(void)close(fd);
	(void)close(dir);
	assert_int_equal(field_recover(f, 1, CG_OUTCOME_EXACT), 0);
}

static void damaged_record_is_left_and_named(void **state)
{
	struct field *f = *state;
	_cleanup_free_ char *name = NULL;
	struct stat st;
	int dir, fd;

	leave_record(f);
	fd = open_record(f, &dir, &name);
	assert_int_equal(pwrite(fd, "\xff", 1, 60), 1);
	assert_int_equal(field_recover(f, 0, CG_OUTCOME_DIFFERS), 0);
	assert_true(field_has_line(f, name));
	assert_int_equal(field_records(f), 1);
	assert_int_equal(fstatat(f->ground.fd, "new", &st, 0), 0);
	/* A cut one is no less damaged: it had its name, so it was whole. */
	assert_int_equal(ftruncate(fd, 70), 0);
	assert_int_equal(field_recover(f, 0, CG_OUTCOME_DIFFERS), 0);
	assert_int_equal(field_records(f), 1);
	(void)close(fd);
	(void)close(dir);
}

static void other_boot_is_forgotten(void **state)
{
	struct field *f = *state;
	_cleanup_free_ char *name = NULL;
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_undo_ struct cg_undo undo = {0};
	_cleanup_text_ struct cg_text t = {0};
	struct stat st;
	int dir, fd;

	leave_record(f);
	fd = open_record(f, &dir, &name);
	assert_int_equal(cg_read_fd(fd, false, &b), 0);
	assert_int_equal(cg_undo_parse((struct cg_bytes){b.data, b.len}, &undo, NULL), 0);
	undo.boot[0] = undo.boot[0] == '0' ? '1' : '0';
	cg_undo_encode(&undo, &t);
	assert_false(t.failed);
	assert_int_equal(pwrite(fd, t.data, t.len, 0), (ssize_t)t.len);
	(void)close(fd);
	(void)close(dir);
	assert_int_equal(field_recover(f, 0, CG_OUTCOME_EXACT), 0);
	assert_true(field_has_line(f, "another boot"));
	assert_int_equal(field_records(f), 0);
	assert_int_equal(fstatat(f->ground.fd, "new", &st, 0), 0);
}

static void unfinished_record_goes(void **state)
{
	struct field *f = *state;
	int dir, fd;

	field_make(f, "memory", NULL);
	assert_int_equal(mkdir(f->state_dir, 0700), 0);
	dir = open(f->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = openat(dir, CG_UNDO_PREFIX "1-2" CG_UNDO_TEMPORARY, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "half", 4), 4);
	(void)close(fd);
	fd = openat(dir, CG_UNDO_PREFIX "empty", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	(void)close(fd);
	/* What has another name is not looked at. */
	fd = openat(dir, "manager.state", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	(void)close(fd);
	(void)close(dir);
	assert_int_equal(field_recover(f, 0, CG_OUTCOME_EXACT), 0);
	assert_int_equal(field_records(f), 1);
}

static void no_folder_is_nothing_to_do(void **state)
{
	struct field *f = *state;

	field_make(f, "memory", NULL);
	assert_int_equal(field_recover(f, 0, CG_OUTCOME_EXACT), 0);
	assert_int_equal(f->lines, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(killed_at_each_line, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(killed_while_rolling_back, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(changed_meanwhile_is_left, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(group_made_anew_is_left, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(locked_record_is_at_work, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(
			damaged_record_is_left_and_named, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(other_boot_is_forgotten, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(unfinished_record_goes, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(no_folder_is_nothing_to_do, field_setup, field_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
