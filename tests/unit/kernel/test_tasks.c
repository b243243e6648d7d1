/* Lines of stat and status with odd commands, and our own threads as /proc shows them. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/tasks.h"

#define REST " S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654321 100 200\n"

static void stat_is(struct cg_bytes text, int tid, const char *comm)
{
	struct cg_proc_task t = {0};

	assert_int_equal(cg_proc_parse_stat(text, &t), 0);
	assert_int_equal(t.tid, tid);
	assert_string_equal(t.comm, comm);
	assert_int_equal(t.state, 'S');
	assert_int_equal(t.start_time, 987654321);
}

static void test_stat(void **state)
{
	(void)state;
	stat_is(CG_BYTES("42 (bash)" REST), 42, "bash");
	stat_is(CG_BYTES("42 (a b)" REST), 42, "a b");
	stat_is(CG_BYTES("42 ())" REST), 42, ")");
	stat_is(CG_BYTES("42 ()" REST), 42, "");
	stat_is(CG_BYTES("42 (x) R 1 (y)" REST), 42, "x) R 1 (y");
	stat_is(CG_BYTES("42 (new\nline)" REST), 42, "new\nline");
	stat_is(CG_BYTES("4194304 (kworker/u8:2-events_unbound)" REST), 4194304,
		"kworker/u8:2-events_unbound");
}

static void test_stat_ending(void **state)
{
	static const char tail[] = " 100 200 1 2 3 4 5 6 ";
	static const struct {
		unsigned flags, pending;
		bool ending;
	} cases[] = {{4194560, 0, false}, {4194560 | 4, 0, true}, {4194560, 1u << 8, true},
		{4194560, 1u << 14, false}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cg_proc_task t = {0};
		char line[256];
		int n = snprintf(line, sizeof(line),
			"42 (x) S 1 42 42 0 -1 %u 1 2 3 4 5 6 7 8 20 0 1 0 987654321%s%u 0\n", cases[i].flags,
			tail, cases[i].pending);

		assert_int_equal(cg_proc_parse_stat((struct cg_bytes){line, (size_t)n}, &t), 0);
		assert_int_equal(t.ending, cases[i].ending);
	}
}

static void test_stat_broken(void **state)
{
	static const char line[] = "42 (bash)" REST;
	struct cg_proc_task t = {.tid = 5};

	(void)state;
	/* Up to the start of field 22 nothing is whole. */
	for (size_t n = 0; n <= (size_t)(strstr(line, "987654321") - line); n++)
		assert_int_equal(cg_proc_parse_stat((struct cg_bytes){line, n}, &t), -EINVAL);
	assert_int_equal(cg_proc_parse_stat(CG_BYTES("x (bash)" REST), &t), -EINVAL);
	assert_int_equal(cg_proc_parse_stat(CG_BYTES("(bash)" REST), &t), -EINVAL);
	assert_int_equal(cg_proc_parse_stat(CG_BYTES("-1 (bash)" REST), &t), -EINVAL);
	assert_int_equal(
		cg_proc_parse_stat(
			CG_BYTES("1 (0123456789012345678901234567890123456789012345678901234567890123)" REST),
			&t),
		-EINVAL);
	assert_int_equal(t.tid, 5);
}

static void test_nspid(void **state)
{
	struct cg_proc_task t = {0};
	char many[512] = "Tgid:\t1\nNSpid:";

	(void)state;
	assert_int_equal(
		cg_proc_parse_nspid(
			CG_BYTES("Name:\tx\nTgid:\t7\nPid:\t9\nNStgid:\t7\t1\nNSpid:\t9\t3\t1\n"), &t),
		0);
	assert_int_equal(t.pid, 7);
	assert_int_equal(t.ns_count, 3);
	assert_int_equal(t.ns_pid[0], 9);
	assert_int_equal(t.ns_pid[2], 1);
	assert_int_equal(cg_proc_parse_nspid(CG_BYTES("Tgid:\t7\n"), &t), -EINVAL);
	assert_int_equal(cg_proc_parse_nspid(CG_BYTES("NSpid:\t7\n"), &t), -EINVAL);
	assert_int_equal(cg_proc_parse_nspid(CG_BYTES("Tgid:\t7\nNSpid:\t\n"), &t), -EINVAL);
	assert_int_equal(cg_proc_parse_nspid(CG_BYTES("Tgid:\t7\nNSpid:\t1\tx\n"), &t), -EINVAL);
	for (int i = 0; i < CG_NSPID_MAX; i++)
		strcat(many, "\t1");
	assert_int_equal(cg_proc_parse_nspid(cg_bytes_of(many), &t), 0);
	assert_int_equal(t.ns_count, CG_NSPID_MAX);
	strcat(many, "\t1");
	assert_int_equal(cg_proc_parse_nspid(cg_bytes_of(many), &t), -ERANGE);
}

struct seen {
	int tid[16];
	size_t count;
};

static int note(void *context, int tid)
{
	struct seen *s = context;

	assert_true(s->count < CG_ARRAY_SIZE(s->tid));
	s->tid[s->count++] = tid;
	return 0;
}

struct thread {
	pthread_barrier_t *barrier;
	int tid;
};

static void *run_thread(void *arg)
{
	struct thread *t = arg;

	t->tid = gettid();
	(void)prctl(PR_SET_NAME, "odd ) name (");
	pthread_barrier_wait(t->barrier);
	pthread_barrier_wait(t->barrier);
	return NULL;
}

static void test_live(void **state)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	struct cg_proc_task own, other;
	struct seen seen = {0};
	pthread_barrier_t barrier;
	struct thread t = {&barrier, 0};
	pthread_t thread;
	uint64_t start;
	int proc;

	(void)state;
	assert_int_equal(cg_proc_open(&proc, NULL), 0);
	pthread_barrier_init(&barrier, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, run_thread, &t), 0);
	pthread_barrier_wait(&barrier);
	assert_int_equal(cg_proc_task(proc, getpid(), &b, &own), 0);
	assert_int_equal(own.pid, getpid());
	assert_int_equal(own.tid, getpid());
	assert_int_equal(own.ns_pid[own.ns_count - 1], getpid());
	assert_int_equal(cg_proc_task(proc, t.tid, &b, &other), 0);
	assert_int_equal(other.pid, getpid());
	assert_int_equal(other.tid, t.tid);
	assert_string_equal(other.comm, "odd ) name (");
	assert_true(other.start_time >= own.start_time);
	assert_int_equal(cg_proc_start_time(proc, t.tid, &b, &start), 0);
	assert_int_equal(start, other.start_time);
	assert_int_equal(cg_proc_threads(proc, getpid(), note, &seen), 0);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.tid[0] + seen.tid[1], getpid() + t.tid);
	assert_int_equal(cg_proc_find_in_namespace(proc, getpid(), t.tid, &b, &seen.tid[3]), 0);
	assert_int_equal(seen.tid[3], t.tid);
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&barrier);
	cg_close(proc);
}

static void test_gone(void **state)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	struct cg_proc_task t;
	struct seen seen = {0};
	int proc, found;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(cg_proc_open(&proc, NULL), 0);
	assert_int_equal(cg_proc_task(proc, pid, &b, &t), -ESRCH);
	assert_int_equal(cg_proc_threads(proc, pid, note, &seen), -ESRCH);
	assert_int_equal(cg_proc_find_in_namespace(proc, pid, 1, &b, &found), -ESRCH);
	assert_int_equal(cg_proc_task(proc, 0, &b, &t), -EINVAL);
	assert_int_equal(cg_proc_task(proc, -1, &b, &t), -EINVAL);
	cg_close(proc);
}

/* A namespace with two processes: ids 1 and 2 there, others here. */
static void test_namespace(void **state)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	int proc, ready[2], hold[2], found = -1;
	pid_t holder, init = -1;
	struct cg_proc_task t;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(hold), 0);
	holder = fork();
	if (holder == 0) {
		char c;

		close(hold[1]);
		if (unshare(CLONE_NEWPID) < 0) {
			pid_t none = -1;

			_exit(write(ready[1], &none, sizeof(none)) < 0);
		}
		init = fork();
		if (init == 0) {
			if (fork() >= 0)
				(void)!read(hold[0], &c, 1);
			_exit(0);
		}
		(void)!write(ready[1], &init, sizeof(init));
		(void)waitpid(init, NULL, 0);
		_exit(0);
	}
	close(hold[0]);
	assert_int_equal(read(ready[0], &init, sizeof(init)), sizeof(init));
	if (init > 0) {
		assert_int_equal(cg_proc_open(&proc, NULL), 0);
		assert_int_equal(cg_proc_find_in_namespace(proc, init, 1, &b, &found), 0);
		assert_int_equal(found, init);
		/* The second is being forked: it appears as soon as the first has run. */
		while (cg_proc_find_in_namespace(proc, init, 2, &b, &found) == -ESRCH)
			sched_yield();
		assert_int_equal(cg_proc_task(proc, found, &b, &t), 0);
		assert_int_equal(t.ns_pid[t.ns_count - 1], 2);
		assert_int_not_equal(found, init);
		assert_int_equal(cg_proc_find_in_namespace(proc, init, 3, &b, &found), -ESRCH);
		cg_close(proc);
	}
	close(hold[1]);
	assert_int_equal(waitpid(holder, NULL, 0), holder);
	close(ready[0]);
	close(ready[1]);
	if (init <= 0) {
		fputs("[ SKIPPED  ] reason: no pid namespace can be made\n", stderr);
		skip();
	}
}

static void test_boot_id(void **state)
{
	char a[37], b[37];

	(void)state;
	assert_int_equal(cg_boot_id(a), 0);
	assert_int_equal(cg_boot_id(b), 0);
	assert_int_equal(strlen(a), 36);
	assert_string_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stat),
		cmocka_unit_test(test_stat_ending),
		cmocka_unit_test(test_stat_broken),
		cmocka_unit_test(test_nspid),
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_namespace),
		cmocka_unit_test(test_boot_id),
	};

	return cmocka_run_group_tests_name("kernel/tasks", tests, NULL, NULL);
}
