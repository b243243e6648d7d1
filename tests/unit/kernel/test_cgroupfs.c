/* Operations on real groups: made, written, entered, frozen, emptied, removed. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ground.h"

static bool in_group(int group, pid_t pid)
{
	_cleanup_free_ char *text = ground_read(group, "cgroup.procs");
	struct cg_bytes rest = cg_bytes_of(text), line;
	int id;

	while (cg_bytes_split(&rest, '\n', &line))
		if (cg_parse_pid(line, &id) == 0 && id == pid)
			return true;
	return false;
}

static void check_tree(void **state, const char *hierarchy)
{
	struct ground *g = *state;
	int a, b, other;

	ground_make(g, hierarchy, NULL);
	a = ground_group(g->fd, "a");
	b = ground_group(a, "name with blank");
	assert_int_equal(cg_cgroup_make(g->fd, "a", &other), -EEXIST);
	assert_int_equal(cg_cgroup_make(g->fd, "x/y", &other), -EINVAL);
	assert_int_equal(cg_cgroup_make(g->fd, "..", &other), -EINVAL);
	assert_int_equal(cg_cgroup_open(g->fd, "none", &other), -ENOENT);
	assert_int_equal(cg_cgroup_open(g->fd, "../x", &other), -EINVAL);
	assert_int_equal(cg_cgroup_open(g->fd, "cgroup.procs", &other), -ENOTDIR);
	assert_int_equal(cg_cgroup_remove(g->fd, "a", 2), -EBUSY);
	cg_close(b);
	assert_int_equal(cg_cgroup_remove(a, "name with blank", 1), 0);
	cg_close(a);
	assert_int_equal(cg_cgroup_remove(g->fd, "a", 1), 0);
	assert_int_equal(cg_cgroup_remove(g->fd, "a", 3), -ENOENT);
	ground_remove(g);
}

static void check_attach(void **state, const char *hierarchy)
{
	struct ground *g = *state;
	pid_t pid;
	int a;

	ground_make(g, hierarchy, NULL);
	a = ground_group(g->fd, "a");
	pid = ground_fork(g);
	assert_int_equal(cg_cgroup_attach(a, "cgroup.procs", pid), 0);
	assert_true(in_group(a, pid));
	assert_int_equal(cg_cgroup_attach(a, "cgroup.procs", 0), -EINVAL);
	assert_int_equal(cg_cgroup_attach(a, "cgroup.procs", -1), -EINVAL);
	assert_int_equal(cg_cgroup_attach(a, "none", pid), -ENOENT);
	assert_int_equal(cg_cgroup_remove(g->fd, "a", 1), -EBUSY);
	assert_false(in_group(a, getpid()));
	/* It leaves when it has ended and was reaped: removal right afterwards is what the back-off is for.
	 */
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	g->children--;
	assert_int_equal(cg_cgroup_attach(a, "cgroup.procs", pid), -ESRCH);
	cg_close(a);
	assert_int_equal(cg_cgroup_remove(g->fd, "a", 10), 0);
	ground_remove(g);
}

static void test_v1_tree(void **state)
{
	check_tree(state, "pids");
}

static void test_v2_tree(void **state)
{
	check_tree(state, "");
}

static void test_v1_attach(void **state)
{
	check_attach(state, "pids");
}

static void test_v2_attach(void **state)
{
	check_attach(state, "");
}

static void *wait_at_barrier(void *arg)
{
	pthread_barrier_t *b = arg;
	int tid = gettid();

	pthread_barrier_wait(b);
	pthread_barrier_wait(b);
	return (void *)(intptr_t)tid;
}

/* A thread alone, by `tasks`. */
static void test_v1_thread(void **state)
{
	_cleanup_free_ char *tasks = NULL;
	struct ground *g = *state;
	char path[64];
	pid_t pid;

	ground_make(g, "pids", NULL);
	pid = ground_fork(g);
	assert_int_equal(cg_cgroup_attach(g->fd, "tasks", pid), 0);
	tasks = ground_read(g->fd, "tasks");
	assert_true(snprintf(path, sizeof(path), "%d", pid) > 0);
	assert_string_equal(tasks, path);
	ground_remove(g);
}

static void test_v2_thread(void **state)
{
	struct ground *g = *state;
	pthread_barrier_t barrier;
	pthread_t thread;
	_cleanup_free_ char *threads = NULL;
	int a;
	pid_t pid;
	int up[2];

	ground_make(g, "", NULL);
	a = ground_group(g->fd, "threads");
	ground_write(a, "cgroup.type", "threaded");
	assert_int_equal(pipe(up), 0);
	pid = fork();
	if (pid == 0) {
		int tid;

		pthread_barrier_init(&barrier, NULL, 2);
		if (cg_cgroup_attach(g->fd, "cgroup.procs", (int)getpid()) < 0 ||
			pthread_create(&thread, NULL, wait_at_barrier, &barrier) != 0)
			_exit(1);
		pthread_barrier_wait(&barrier);
		tid = (int)getpid();
		/* The leader goes, the other thread stays. */
		if (cg_cgroup_attach(a, "cgroup.threads", tid) < 0)
			_exit(2);
		(void)!write(up[1], &tid, sizeof(tid));
		pause();
		_exit(0);
	}
	g->child[g->children++] = pid;
	close(up[1]);
	assert_int_equal(read(up[0], &(int){0}, sizeof(int)), sizeof(int));
	close(up[0]);
	threads = ground_read(a, "cgroup.threads");
	assert_int_equal(atoi(threads), pid);
	assert_null(strchr(threads, '\n'));
	cg_close(a);
	ground_remove(g);
}

static void check_write(
	void **state, const char *hierarchy, const char *file, const char *value, const char *expected)
{
	_cleanup_buffer_ struct cg_buffer back = {0};
	struct ground *g = *state;

	ground_make(g, hierarchy, NULL);
	assert_int_equal(cg_cgroup_write(g->fd, file, cg_bytes_of(value), &back), 0);
	assert_true(cg_bytes_is((struct cg_bytes){back.data, back.len}, expected));
	assert_int_equal(cg_cgroup_write(g->fd, file, cg_bytes_of("nonsense"), &back), -EINVAL);
	assert_int_equal(cg_cgroup_write(g->fd, "none", cg_bytes_of("1"), &back), -ENOENT);
	assert_int_equal(cg_cgroup_write(g->fd, file, cg_bytes_of(value), NULL), 0);
	ground_remove(g);
}

static void test_v1_write(void **state)
{
	check_write(state, "pids", "pids.max", "17", "17\n");
}

static void test_v2_write(void **state)
{
	check_write(state, "", "cgroup.max.depth", "0x10", "16\n");
}

/* A file that may only be written is no failure to read back. */
static void test_write_only(void **state)
{
	_cleanup_buffer_ struct cg_buffer back = {0};
	struct ground *g = *state;

	ground_make(g, "devices", NULL);
	assert_int_equal(cg_cgroup_write(g->fd, "devices.deny", CG_BYTES("c 1:3 w"), &back), 0);
	assert_int_equal(back.len, 0);
	ground_remove(g);
}

static void check_freeze(void **state, const char *hierarchy, int version, const char *state_file)
{
	_cleanup_free_ char *frozen = NULL, *inner = NULL, *thawed = NULL;
	struct ground *g = *state;
	pid_t pid;
	int a;

	ground_make(g, hierarchy, NULL);
	a = ground_group(g->fd, "a");
	pid = ground_fork(g);
	assert_int_equal(cg_cgroup_attach(a, "cgroup.procs", pid), 0);
	assert_int_equal(cg_cgroup_freeze(g->fd, version, true, 5000), 0);
	frozen = ground_read(g->fd, state_file);
	assert_non_null(strstr(frozen, version == 2 ? "frozen 1" : "FROZEN"));
	inner = ground_read(a, state_file);
	assert_non_null(strstr(inner, version == 2 ? "frozen 1" : "FROZEN"));
	/* Its own state is thawed already; the group above holds it. */
	assert_int_equal(cg_cgroup_freeze(a, version, false, 5000), 0);
	assert_int_equal(cg_cgroup_freeze(a, version, true, 5000), 0);
	assert_int_equal(cg_cgroup_freeze(a, version, false, 5000), 0);
	assert_int_equal(cg_cgroup_freeze(g->fd, version, false, 5000), 0);
	thawed = ground_read(a, state_file);
	assert_non_null(strstr(thawed, version == 2 ? "frozen 0" : "THAWED"));
	cg_close(a);
	ground_remove(g);
}

static void test_v1_freeze(void **state)
{
	check_freeze(state, "freezer", 1, "freezer.state");
}

static void test_v2_freeze(void **state)
{
	check_freeze(state, "", 2, "cgroup.events");
}

/* A task in vfork() waits for its child uninterruptibly. Kernels differ in whether the freezer reaches it:
 * the answer must agree with the state, and come at the deadline. */
static void test_freeze_vfork(void **state)
{
	struct ground *g = *state;
	_cleanup_free_ char *text = NULL;
	int a, b, r, up[2];
	pid_t parent, child = 0;

	ground_make(g, "freezer", NULL);
	a = ground_group(g->fd, "a");
	b = ground_group(g->fd, "b");
	assert_int_equal(pipe(up), 0);
	parent = fork();
	if (parent == 0) {
		if (vfork() == 0) {
			pid_t own = getpid();

			(void)!write(up[1], &own, sizeof(own));
			for (;;)
				pause();
		}
		_exit(0);
	}
	g->child[g->children++] = parent;
	assert_int_equal(read(up[0], &child, sizeof(child)), sizeof(child));
	assert_int_equal(cg_cgroup_attach(a, "cgroup.procs", parent), 0);
	assert_int_equal(cg_cgroup_attach(b, "cgroup.procs", child), 0);
	r = cg_cgroup_freeze(a, 1, true, 300);
	text = ground_read(a, "freezer.state");
	assert_true(r == 0 || r == -ETIMEDOUT);
	assert_string_equal(text, r == 0 ? "FROZEN" : "FREEZING");
	assert_int_equal(cg_cgroup_freeze(a, 1, false, 5000), 0);
	assert_int_equal(kill(child, SIGKILL), 0);
	close(up[0]);
	close(up[1]);
	cg_close(a);
	cg_close(b);
	ground_remove(g);
}

static void test_v2_kill_and_empty(void **state)
{
	struct ground *g = *state;
	int a, r, status;
	pid_t pid;

	ground_make(g, "", NULL);
	a = ground_group(g->fd, "a");
	assert_int_equal(cg_cgroup_wait_empty(a, 0), 0);
	pid = ground_fork(g);
	assert_int_equal(cg_cgroup_attach(a, "cgroup.procs", pid), 0);
	assert_int_equal(cg_cgroup_wait_empty(a, 20), -ETIMEDOUT);
	r = cg_cgroup_kill(a);
	if (r == -ENOENT) {
		cg_close(a);
		ground_remove(g);
		ground_skip("this kernel has no cgroup.kill");
	}
	assert_int_equal(r, 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	g->children--;
	assert_int_equal(cg_cgroup_wait_empty(a, 5000), 0);
	assert_int_equal(cg_cgroup_remove(g->fd, "a", 1), 0);
	r = cg_cgroup_wait_empty(a, 0);
	assert_true(r == -ENODEV || r == -ENOENT);
	cg_close(a);
	ground_remove(g);
}

static void test_v1_empty(void **state)
{
	struct ground *g = *state;

	ground_make(g, "pids", NULL);
	assert_int_equal(cg_cgroup_wait_empty(g->fd, 0), -EOPNOTSUPP);
	ground_remove(g);
}

struct attributes {
	size_t count, bytes;
	bool user, trusted;
};

static int note_attribute(void *context, const char *name, struct cg_bytes value)
{
	struct attributes *a = context;

	a->count++;
	a->bytes += value.len;
	a->user |= strcmp(name, "user.cgt") == 0 && cg_bytes_is(value, "v\n1");
	a->trusted |= strcmp(name, "trusted.cgt.long") == 0 && value.len == 5000;
	return 0;
}

static void test_xattrs(void **state)
{
	struct attributes a = {0};
	char longer[5000];
	struct ground *g = *state;
	int r;

	memset(longer, 'x', sizeof(longer));
	ground_make(g, NULL, NULL);
	r = cg_cgroup_xattr_set(g->fd, "user.cgt", CG_BYTES("v\n1"));
	if (r == -ENOTSUP) {
		ground_remove(g);
		ground_skip("this kernel has no user.* attributes on groups");
	}
	assert_int_equal(r, 0);
	assert_int_equal(
		cg_cgroup_xattr_set(g->fd, "trusted.cgt.long", (struct cg_bytes){longer, sizeof(longer)}), 0);
	assert_int_equal(cg_cgroup_xattr_set(g->fd, "security.x", CG_BYTES("1")), -EINVAL);
	assert_int_equal(cg_cgroup_xattrs(g->fd, note_attribute, &a), 0);
	assert_int_equal(a.count, 2);
	assert_true(a.user && a.trusted);
	assert_int_equal(cg_cgroup_xattr_remove(g->fd, "user.cgt"), 0);
	assert_int_equal(cg_cgroup_xattr_remove(g->fd, "user.cgt"), -ENODATA);
	assert_int_equal(cg_cgroup_xattr_remove(g->fd, "security.x"), -EINVAL);
	assert_int_equal(cg_cgroup_xattr_remove(g->fd, "trusted.cgt.long"), 0);
	a = (struct attributes){0};
	assert_int_equal(cg_cgroup_xattrs(g->fd, note_attribute, &a), 0);
	assert_int_equal(a.count, 0);
	ground_remove(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_v1_tree, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v2_tree, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v1_attach, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v2_attach, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v1_thread, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v2_thread, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v1_write, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v2_write, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_write_only, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v1_freeze, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v2_freeze, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_freeze_vfork, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v2_kill_and_empty, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v1_empty, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_xattrs, ground_setup, ground_teardown),
	};

	return cmocka_run_group_tests_name("kernel/cgroupfs", tests, NULL, NULL);
}
