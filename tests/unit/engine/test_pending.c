/* What waits until tasks are there: held back by apply, written down, carried out, and taken back. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plans.h"

#include <cmocka.h>

#include "engine/pending.h"
#include "engine/undo.h"
#include "kernel/cgroupfs.h"

#define LIMIT "memory.limit_in_bytes"

/* An image of one group, in which a task with that id was. */
static struct cg_tree *image_with(int pid)
{
	struct cg_tree *t = cg_tree_new();
	struct cg_task *task;

	assert_non_null(t);
	assert_int_equal(cg_tree_add_hierarchy(t), 0);
	assert_int_equal(cg_tree_add_group(t), 0);
	task = cg_arena_array(&t->arena, 1, sizeof(*task));
	assert_non_null(task);
	*task = (struct cg_task){.pid = pid, .tid = pid, .comm = "x"};
	t->group[0].task = task;
	t->group[0].tasks = 1;
	return t;
}

/* An existing group that gets a tighter limit, and a new one below it for the task; both limits wait. */
static uint32_t held_plan(struct field *f)
{
	uint32_t old, a;
	int fd;

	field_make(f, "memory", NULL);
	fd = ground_group(f->ground.fd, "old");
	ground_write(fd, LIMIT, "268435456");
	(void)close(fd);
	old = field_place(f, 0, "old", true);
	a = field_create(f, old, "a");
	field_write(f, old, LIMIT, "134217728")->flags |= CG_OP_HELD;
	field_write(f, a, LIMIT, "67108864")->flags |= CG_OP_HELD;
	for (size_t i = 0; i < f->plan.places; i++)
		f->plan.place[i].image_group = i == a ? 0 : CG_NONE;
	f->options.keep_record = true;
	return a;
}

static void limit_is(struct field *f, const char *group, const char *value)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *limit = NULL;

	assert_int_equal(cg_open_beneath(f->ground.fd, group, O_RDONLY | O_DIRECTORY, &fd), 0);
	limit = ground_read(fd, LIMIT);
	assert_string_equal(limit, value);
}

static int run(struct field *f, const struct cg_tree *image, bool stay, struct cg_pending_counts *counts)
{
	struct cg_pending_options options = {.part = CG_PENDING_LIMITS, .pidns = getpid(), .stay = stay};
	_cleanup_text_ struct cg_text record = {0};

	f->err = cg_error_free(f->err);
	assert_int_equal(cg_pending_make(&f->ground.live, &f->plan, image, &record, &f->err), 0);
	return cg_pending_run(
		&f->ground.live, (struct cg_bytes){record.data, record.len}, &options, counts, &f->err);
}

static void waits_and_is_carried_out(void **state)
{
	struct field *f = *state;
	_cleanup_tree_ struct cg_tree *image = NULL;
	struct cg_pending_counts counts;
	pid_t pid;

	(void)held_plan(f);
	pid = ground_fork(&f->ground);
	image = image_with(pid);
	assert_int_equal(field_apply(f, CG_OUTCOME_EXACT), 0);
	assert_int_equal(field_records(f), 1);
	limit_is(f, "old", "268435456");

	assert_int_equal(run(f, image, true, &counts), -EXDEV);
	limit_is(f, "old", "268435456");
	if (run(f, image, false, &counts) != 0)
		fail_msg("%s: %s", f->err->path, f->err->message);
	assert_int_equal(counts.tasks, 1);
	assert_int_equal(counts.moved, 1);
	assert_int_equal(counts.settings, 2);
	limit_is(f, "old", "134217728");
	limit_is(f, "old/a", "67108864");
	/* Once more: all is there already. */
	assert_int_equal(run(f, image, true, &counts), 0);
	assert_int_equal(counts.moved, 0);

	assert_int_equal(cg_cgroup_attach(f->ground.fd, "cgroup.procs", pid), 0);
	assert_int_equal(field_recover(f, 1, CG_OUTCOME_EXACT), 0);
	limit_is(f, "old", "268435456");
	assert_int_equal(faccessat(f->ground.fd, "old/a", F_OK, 0), -1);
}

static void missing_tasks_are_errors(void **state)
{
	struct field *f = *state;
	_cleanup_tree_ struct cg_tree *image = image_with(4194304);
	struct cg_pending_counts counts;

	(void)held_plan(f);
	assert_int_equal(field_apply(f, CG_OUTCOME_EXACT), 0);
	assert_int_equal(run(f, image, false, &counts), -ESRCH);
	assert_non_null(strstr(f->err->message, "4194304"));
	limit_is(f, "old", "268435456");
	assert_int_equal(field_recover(f, 1, CG_OUTCOME_EXACT), 0);
}

static int refuse(void *context, const struct cg_plan *plan, struct cg_error **err)
{
	(void)context;
	(void)plan;
	return cg_error_make(err, CG_FAULT_SYSTEM, ENOSPC, "the last step fails");
}

static void last_step_rolls_back(void **state)
{
	struct field *f = *state;
	_cleanup_free_ char *before = NULL;

	(void)held_plan(f);
	before = field_snapshot(f->ground.fd);
	f->options.commit = refuse;
	assert_int_equal(field_apply(f, CG_OUTCOME_UNCHANGED), -ENOSPC);
	field_assert_same(f->ground.fd, before);
	assert_int_equal(field_records(f), 0);
}

static void other_boots_are_refused(void **state)
{
	struct field *f = *state;
	struct cg_pending_options options = {.part = CG_PENDING_FREEZE};
	_cleanup_text_ struct cg_text record = {0};
	_cleanup_undo_ struct cg_undo undo = {0};
	struct cg_pending_counts counts;

	field_make(f, "memory", NULL);
	memset(undo.boot, '0', sizeof(undo.boot) - 1);
	cg_undo_encode(&undo, &record);
	assert_int_equal(cg_pending_run(&f->ground.live, (struct cg_bytes){record.data, record.len}, &options,
				 &counts, &f->err),
		-ESTALE);
	f->err = cg_error_free(f->err);
	record.data[record.len - 1] ^= 1;
	assert_int_equal(cg_pending_run(&f->ground.live, (struct cg_bytes){record.data, record.len}, &options,
				 &counts, &f->err),
		-EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(waits_and_is_carried_out, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(missing_tasks_are_errors, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(last_step_rolls_back, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(other_boots_are_refused, field_setup, field_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
