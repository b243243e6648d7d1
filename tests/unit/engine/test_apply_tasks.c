/* Tasks that a restore moves, and their way back: processes, threads that stand apart, and tasks that end or
 * are born meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plans.h"

#include <cmocka.h>

#include "engine/undo.h"

/* v1 hierarchies that take any task at once. */
#define HIERARCHY "freezer"

static void *tell_and_wait(void *context)
{
	int tid = (int)syscall(SYS_gettid);

	if (write(*(int *)context, &tid, sizeof(tid)) != (ssize_t)sizeof(tid))
		_exit(1);
	for (;;)
		(void)pause();
	return NULL;
}

/* A child with two threads more; their ids in tid[0] and tid[1]. */
static pid_t fork_threads(struct field *f, int tid[2])
{
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		pthread_t thread[2];

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (pthread_create(&thread[0], NULL, tell_and_wait, &fds[1]) ||
			pthread_create(&thread[1], NULL, tell_and_wait, &fds[1]))
			_exit(1);
		for (;;)
			(void)pause();
	}
	f->ground.child[f->ground.children++] = pid;
	assert_int_equal(read(fds[0], &tid[0], sizeof(tid[0])), sizeof(tid[0]));
	assert_int_equal(read(fds[0], &tid[1], sizeof(tid[1])), sizeof(tid[1]));
	(void)close(fds[0]);
	(void)close(fds[1]);
	return pid;
}

/* The name of the first record. */
static int keep_name(const char *name, unsigned char type, void *context)
{
	(void)type;
	return asprintf((char **)context, "%s", name) < 0 ? -ENOMEM : 1;
}

static void scattered_threads_find_back(void **state)
{
	struct field *f = *state;
	_cleanup_free_ char *before = NULL;
	int tid[2], x, y, r;
	pid_t pid;

	field_make(f, HIERARCHY, NULL);
	pid = fork_threads(f, tid);
	x = ground_group(f->ground.fd, "x");
	y = ground_group(f->ground.fd, "y");
	assert_int_equal(cg_cgroup_attach(x, "cgroup.procs", pid), 0);
	assert_int_equal(cg_cgroup_attach(y, "tasks", tid[1]), 0);
	before = field_snapshot(f->ground.fd);
	field_attach(f, field_create(f, 0, "new"), pid, pid, true);
	(void)field_write(f, 1, "notify_on_release", "nonsense");
	r = field_apply(f, CG_OUTCOME_UNCHANGED);
	assert_true(r < 0);
	field_assert_same(f->ground.fd, before);
	assert_true(field_has_line(f, "/new "));
	f->plan.ops--;
	assert_int_equal(field_apply(f, CG_OUTCOME_EXACT), 0);
	{
		_cleanup_close_ int fd = -1;
		_cleanup_free_ char *tasks = NULL;
		char text[16];

		assert_int_equal(cg_cgroup_open(f->ground.fd, "new", &fd), 0);
		tasks = ground_read(fd, "tasks");
		(void)snprintf(text, sizeof(text), "%d", tid[1]);
		assert_non_null(strstr(tasks, text));
	}
	(void)close(x);
	(void)close(y);
}

/* The whole process goes to "new" and one thread on to "new/deep", from groups of their own. */
static void thread_plan(struct field *f, int tid[2])
{
	pid_t pid = fork_threads(f, tid);
	int x = ground_group(f->ground.fd, "x"), y = ground_group(f->ground.fd, "y");
	uint32_t new, deep;

	assert_int_equal(cg_cgroup_attach(x, "cgroup.procs", pid), 0);
	assert_int_equal(cg_cgroup_attach(y, "tasks", tid[1]), 0);
	(void)close(x);
	(void)close(y);
	new = field_create(f, 0, "new");
	deep = field_create(f, new, "deep");
	field_attach(f, new, pid, pid, true);
	field_attach(f, deep, pid, tid[1], false);
}

/* Between two moves a thread is where its process went, which its own step does not name. */
static void threads_find_back_after_a_kill(void **state)
{
	struct field *f = *state;
	_cleanup_free_ char *before = NULL;
	int tid[2], status;
	size_t points = 0;

	field_make(f, HIERARCHY, NULL);
	thread_plan(f, tid);
	before = field_snapshot(f->ground.fd);
	for (;;) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			f->kill_at = points + 1;
			_exit(field_apply(f, CG_OUTCOME_EXACT) == 0 ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFSIGNALED(status))
			break;
		points++;
		assert_int_equal(field_recover(f, 1, CG_OUTCOME_EXACT), 0);
		field_assert_same(f->ground.fd, before);
		while (f->lines)
			free(f->line[--f->lines]);
	}
	assert_int_equal(status, 0);
	assert_int_equal(points, f->plan.ops);
}

/* A process that could not be moved in the first pass takes threads along that were back already. */
static void late_process_does_not_keep_its_threads(void **state)
{
	struct field *f = *state;
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_undo_ struct cg_undo undo = {0};
	_cleanup_dirs_ struct cg_dirs dirs = {.outer = -1};
	_cleanup_undo_run_ struct cg_undo_run run = {
		.undo = &undo, .dirs = &dirs, .proc = -1, .recovering = true};
	_cleanup_close_ int dir = -1, record = -1;
	_cleanup_free_ char *before = NULL, *name = NULL;
	int tid[2], status;
	pid_t pid;

	field_make(f, HIERARCHY, NULL);
	thread_plan(f, tid);
	before = field_snapshot(f->ground.fd);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		f->kill_at = f->plan.ops;
		(void)field_apply(f, CG_OUTCOME_EXACT);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	dir = open(f->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(cg_dir_each(dir, keep_name, &name), 1);
	record = openat(dir, name, O_RDONLY | O_CLOEXEC);
	assert_int_equal(cg_read_fd(record, false, &b), 0);
	assert_int_equal(cg_undo_parse((struct cg_bytes){b.data, b.len}, &undo, NULL), 0);
	{
		_cleanup_free_ int *base = calloc(undo.hierarchies, sizeof(*base));

		assert_non_null(base);
		for (size_t i = 0; i < undo.hierarchies; i++)
			base[i] = f->ground.live.item[i].fd;
		assert_int_equal(cg_dirs_init(&dirs, &undo, base), 0);
		run.steps = undo.steps;
		/* As an earlier pass leaves it: every thread is done with, the process is not. */
		for (size_t i = 0; i < undo.steps; i++)
			undo.step[i].settled = undo.step[i].kind == CG_UNDO_TASK && !undo.step[i].whole;
		assert_int_equal(cg_undo_run(&run, NULL), 0);
	}
	field_assert_same(f->ground.fd, before);
}

static void single_thread_moves_alone(void **state)
{
	struct field *f = *state;
	_cleanup_free_ char *before = NULL;
	int tid[2];
	pid_t pid;

	field_make(f, HIERARCHY, NULL);
	pid = fork_threads(f, tid);
	assert_int_equal(cg_cgroup_attach(f->ground.fd, "cgroup.procs", pid), 0);
	before = field_snapshot(f->ground.fd);
	field_attach(f, field_create(f, 0, "new"), pid, tid[0], false);
	(void)field_write(f, 1, "notify_on_release", "nonsense");
	assert_true(field_apply(f, CG_OUTCOME_UNCHANGED) < 0);
	field_assert_same(f->ground.fd, before);
}

/* A child that came from outside the ground goes back to where it was. */
static void process_from_elsewhere_goes_back(void **state)
{
	struct field *f = *state;
	_cleanup_free_ char *before = NULL;
	char path[64];
	struct stat a, b;
	pid_t pid;

	field_make(f, HIERARCHY, NULL);
	pid = ground_fork(&f->ground);
	before = field_snapshot(f->ground.fd);
	field_attach(f, field_create(f, 0, "new"), pid, pid, true);
	(void)field_write(f, 1, "notify_on_release", "nonsense");
	assert_true(field_apply(f, CG_OUTCOME_UNCHANGED) < 0);
	field_assert_same(f->ground.fd, before);
	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	assert_int_equal(stat(path, &a), 0);
	assert_int_equal(stat("/proc/self", &b), 0);
	{
		struct cg_memberships m = {0}, own = {0};

		assert_int_equal(cg_live_of_pid(pid, &m, NULL), 0);
		assert_int_equal(cg_live_of_pid(getpid(), &own, NULL), 0);
		assert_int_equal(m.count, own.count);
		for (size_t i = 0; i < m.count; i++)
			assert_string_equal(m.item[i].path, own.item[i].path);
		cg_memberships_free(&m);
		cg_memberships_free(&own);
	}
}

static void ended_task_is_noted(void **state)
{
	struct field *f = *state;
	pid_t pid;

	field_make(f, HIERARCHY, NULL);
	pid = ground_fork(&f->ground);
	field_attach(f, field_create(f, 0, "new"), pid, pid, true);
	f->ground.children = 0;
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(field_apply(f, CG_OUTCOME_DIFFERS), 0);
	assert_int_equal(f->differs, 1);
	assert_true(field_has_line(f, "has ended"));
}

static void id_of_another_task_is_left(void **state)
{
	struct field *f = *state;
	_cleanup_free_ char *before = NULL;
	pid_t pid;

	field_make(f, HIERARCHY, NULL);
	pid = ground_fork(&f->ground);
	assert_int_equal(cg_cgroup_attach(f->ground.fd, "cgroup.procs", pid), 0);
	before = field_snapshot(f->ground.fd);
	field_attach(f, 0, pid, pid, true);
	f->members.item[0].start_time++;
	assert_int_equal(field_apply(f, CG_OUTCOME_DIFFERS), 0);
	field_assert_same(f->ground.fd, before);
}

static int moves_in(struct field *f, const char *text)
{
	int fd;

	if (text[0] != '+' || !strstr(text, "/new"))
		return 0;
	assert_int_equal(cg_open_beneath(f->ground.fd, "up/new", O_RDONLY | O_DIRECTORY, &fd), 0);
	assert_int_equal(cg_cgroup_attach(fd, "cgroup.procs", f->ground.child[0]), 0);
	(void)close(fd);
	return 0;
}

/* A task of somebody else in a group that we made: it is not ended; recover goes on when it is gone. */
static void foreign_task_keeps_its_group(void **state)
{
	struct field *f = *state;
	_cleanup_free_ char *before = NULL;
	pid_t pid;

	field_make(f, HIERARCHY, NULL);
	before = field_snapshot(f->ground.fd);
	pid = ground_fork(&f->ground);
	(void)field_create(f, field_create(f, 0, "up"), "new");
	(void)field_create(f, 1, "other");
	(void)field_write(f, 1, "notify_on_release", "nonsense");
	f->at_line = moves_in;
	assert_true(field_apply(f, CG_OUTCOME_PARTIAL) < 0);
	assert_int_equal(f->err->fault, CG_FAULT_PARTIAL);
	assert_non_null(strstr(f->err->message, "process"));
	assert_true(field_has_line(f, "! "));
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(field_records(f), 1);
	assert_true(field_recover(f, 0, CG_OUTCOME_PARTIAL) < 0);
	assert_int_equal(field_records(f), 1);
	f->ground.children = 0;
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(field_recover(f, 1, CG_OUTCOME_EXACT), 0);
	field_assert_same(f->ground.fd, before);
	assert_int_equal(field_records(f), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(scattered_threads_find_back, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(threads_find_back_after_a_kill, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(
			late_process_does_not_keep_its_threads, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(single_thread_moves_alone, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(
			process_from_elsewhere_goes_back, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(ended_task_is_noted, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(id_of_another_task_is_left, field_setup, field_teardown),
		cmocka_unit_test_setup_teardown(foreign_task_keeps_its_group, field_setup, field_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
