/* Tasks of an image found here: by boot, map and pid namespace. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/members.h"
#include "kernel/tasks.h"
#include "unit/kernel/ground.h"

/* An image of one hierarchy with two groups, and the host. */
struct scene {
	struct ground ground;
	struct cg_tree *image;
	struct cg_members members;
	struct cg_member_options options;
	char boot[37];
};

static int scene_setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	if (!s)
		return -1;
	s->ground.fd = s->ground.root = -1;
	*state = s;
	return 0;
}

static int scene_teardown(void **state)
{
	struct scene *s = *state;

	cg_members_free(&s->members);
	s->image = cg_tree_free(s->image);
	ground_remove(&s->ground);
	free(s);
	return 0;
}

static void scene_make(struct scene *s)
{
	struct cg_hierarchy *h;

	ground_make(&s->ground, "freezer", NULL);
	assert_int_equal(cg_boot_id(s->boot), 0);
	s->image = cg_tree_new();
	assert_non_null(s->image);
	s->image->inventory.boot_id = s->boot;
	s->image->inventory.members = true;
	assert_int_equal(cg_tree_add_hierarchy(s->image), 0);
	h = &s->image->hierarchy[0];
	h->version = 1;
	h->controllers = "freezer";
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(cg_tree_add_group(s->image), i);
		s->image->group[i] = (struct cg_group){.parent = i ? 0 : CG_NONE,
			.name = i == 0   ? "/job"
				: i == 1 ? "a"
					 : "b"};
	}
}

/* Records a thread as it is now. */
static struct cg_task *record(struct scene *s, uint32_t group, int tid)
{
	struct cg_group *g = &s->image->group[group];
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_close_ int proc = -1;
	struct cg_task *grown = cg_arena_array(&s->image->arena, g->tasks + 1, sizeof(*grown));
	struct cg_proc_task t;
	int32_t *ns;

	assert_non_null(grown);
	assert_int_equal(cg_proc_open(&proc, NULL), 0);
	assert_int_equal(cg_proc_task(proc, tid, &b, &t), 0);
	ns = cg_arena_array(&s->image->arena, t.ns_count, sizeof(*ns));
	assert_non_null(ns);
	memcpy(ns, t.ns_pid, t.ns_count * sizeof(*ns));
	if (g->tasks)
		memcpy(grown, g->task, g->tasks * sizeof(*grown));
	g->task = grown;
	g->task[g->tasks] = (struct cg_task){.pid = t.pid,
		.tid = t.tid,
		.start_time = t.start_time,
		.comm = cg_arena_string(&s->image->arena, t.comm),
		.ns_pid = ns,
		.ns_count = t.ns_count};
	return &g->task[g->tasks++];
}

static void find(struct scene *s, size_t count)
{
	struct cg_error *err = NULL;
	int r;

	cg_members_free(&s->members);
	r = cg_members_find(s->image, &s->ground.live, &s->options, &s->members, &err);
	if (r < 0)
		fail_msg("%s", err->message);
	assert_int_equal(s->members.count, count);
}

static void same_boot(void **state)
{
	struct scene *s = *state;
	pid_t pid;

	scene_make(s);
	pid = ground_fork(&s->ground);
	(void)record(s, 1, pid);
	assert_int_equal(cg_cgroup_attach(s->ground.fd, "cgroup.procs", pid), 0);
	find(s, 1);
	assert_false(s->members.item[0].missing);
	assert_true(s->members.item[0].whole_process);
	assert_int_equal(s->members.item[0].pid, pid);
	assert_int_equal(s->members.item[0].image_group, 1);
	assert_string_equal(s->members.item[0].from, s->ground.path);
	s->options.none = true;
	find(s, 0);
}

static void other_start_or_boot_is_missing(void **state)
{
	struct scene *s = *state;
	pid_t pid;

	scene_make(s);
	pid = ground_fork(&s->ground);
	record(s, 1, pid)->start_time++;
	find(s, 1);
	assert_true(s->members.item[0].missing);
	assert_non_null(strstr(s->members.item[0].why, "gone"));
	assert_null(s->members.item[0].from);
	s->image->group[1].task[0].start_time--;
	s->boot[0] = s->boot[0] == '0' ? '1' : '0';
	find(s, 1);
	assert_true(s->members.item[0].missing);
	assert_string_equal(s->members.item[0].why, "another boot");
	assert_int_equal(s->members.item[0].image_pid, pid);
}

static void ended_is_missing(void **state)
{
	struct scene *s = *state;
	siginfo_t info;
	pid_t pid;

	scene_make(s);
	pid = ground_fork(&s->ground);
	(void)record(s, 1, pid);
	s->ground.children = 0;
	assert_int_equal(kill(pid, SIGKILL), 0);
	/* As a zombie already. */
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	find(s, 1);
	assert_true(s->members.item[0].missing);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	find(s, 1);
	assert_true(s->members.item[0].missing);
	assert_string_equal(s->members.item[0].why, "gone");
}

static void map_leads_to_another(void **state)
{
	struct cg_pid_pair pair[3];
	struct scene *s = *state;
	struct cg_error *err = NULL;
	pid_t old, new;

	scene_make(s);
	old = ground_fork(&s->ground);
	new = ground_fork(&s->ground);
	(void)record(s, 1, old);
	/* A map counts on any boot. */
	s->boot[0] = s->boot[0] == '0' ? '1' : '0';
	pair[0] = (struct cg_pid_pair){4000000, 1};
	pair[1] = (struct cg_pid_pair){old, new};
	s->options.pid_map = pair;
	s->options.pid_maps = 2;
	find(s, 1);
	assert_int_equal(s->members.item[0].pid, new);
	assert_int_equal(s->members.item[0].image_pid, old);
	assert_false(s->members.item[0].missing);
	s->options.pid_maps = 1;
	find(s, 1);
	assert_true(s->members.item[0].missing);
	assert_string_equal(s->members.item[0].why, "not in the pid map");
	/* A map without a line maps nobody. */
	s->options.pid_maps = 0;
	s->boot[0] = s->boot[0] == '0' ? '1' : '0';
	find(s, 1);
	assert_string_equal(s->members.item[0].why, "not in the pid map");
	/* One task stands for two, or two for one. */
	pair[2] = (struct cg_pid_pair){4000001, new};
	s->options.pid_maps = 3;
	assert_int_equal(cg_members_find(s->image, &s->ground.live, &s->options, &s->members, &err), -EINVAL);
	assert_non_null(strstr(err->message, "are both mapped"));
	err = cg_error_free(err);
	pair[2] = (struct cg_pid_pair){old, old};
	assert_int_equal(cg_members_find(s->image, &s->ground.live, &s->options, &s->members, &err), -EINVAL);
	assert_int_equal(err->fault, CG_FAULT_USAGE);
	cg_error_free(err);
}

static void *wait_for_ever(void *context)
{
	int tid = (int)syscall(SYS_gettid);

	if (write(*(int *)context, &tid, sizeof(tid)) != (ssize_t)sizeof(tid))
		_exit(1);
	for (;;)
		(void)pause();
	return NULL;
}

static void threads_apart_follow_their_process(void **state)
{
	struct scene *s = *state;
	int fds[2], tid[2];
	pid_t pid;

	scene_make(s);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		pthread_t t[2];

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (pthread_create(&t[0], NULL, wait_for_ever, &fds[1]) ||
			pthread_create(&t[1], NULL, wait_for_ever, &fds[1]))
			_exit(1);
		for (;;)
			(void)pause();
	}
	s->ground.child[s->ground.children++] = pid;
	for (int i = 0; i < 2; i++)
		assert_int_equal(read(fds[0], &tid[i], sizeof(tid[i])), sizeof(tid[i]));
	(void)close(fds[0]);
	(void)close(fds[1]);
	/* Leader and one thread in a, the other in b. */
	(void)record(s, 1, pid);
	(void)record(s, 1, tid[0]);
	(void)record(s, 2, tid[1]);
	find(s, 2);
	assert_true(s->members.item[0].whole_process);
	assert_true(s->members.item[0].together);
	assert_int_equal(s->members.item[0].tid, pid);
	assert_int_equal(s->members.item[0].image_group, 1);
	assert_false(s->members.item[1].whole_process);
	assert_int_equal(s->members.item[1].tid, tid[1]);
	assert_int_equal(s->members.item[1].pid, pid);
	assert_int_equal(s->members.item[1].image_group, 2);
	/* Without the leader no thread but those named moves. */
	s->image->group[1].task++;
	s->image->group[1].tasks--;
	find(s, 2);
	assert_false(s->members.item[0].whole_process);
	assert_false(s->members.item[1].whole_process);
}

static void id_in_a_namespace(void **state)
{
	struct scene *s = *state;
	int fds[2], status;
	char c;
	pid_t outer;
	int32_t inner;

	scene_make(s);
	assert_int_equal(pipe(fds), 0);
	outer = fork();
	assert_true(outer >= 0);
	if (outer == 0) {
		pid_t pid;

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWPID) < 0)
			_exit(77);
		pid = fork();
		if (pid == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			(void)!write(fds[1], "x", 1);
			for (;;)
				(void)pause();
		}
		/* The id outside, for the test. */
		(void)!write(fds[1], &pid, sizeof(pid));
		for (;;)
			(void)pause();
	}
	s->ground.child[s->ground.children++] = outer;
	(void)close(fds[1]);
	/* One byte and one number, in either order: the init's byte is read where it stands. */
	{
		char all[1 + sizeof(pid_t)];
		size_t have = 0;
		ssize_t n;

		while (have < sizeof(all) && (n = read(fds[0], all + have, sizeof(all) - have)) > 0)
			have += (size_t)n;
		(void)close(fds[0]);
		if (have < sizeof(all)) {
			s->ground.children = 0;
			assert_int_equal(waitpid(outer, &status, 0), outer);
			ground_skip("no pid namespace can be made here");
		}
		c = all[0];
		memcpy(&inner, c == 'x' ? all + 1 : all, sizeof(inner));
	}
	(void)record(s, 1, inner);
	s->image->group[1].task[0].pid = s->image->group[1].task[0].tid = 1234567;
	s->options.pidns = inner;
	find(s, 1);
	assert_false(s->members.item[0].missing);
	assert_int_equal(s->members.item[0].pid, inner);
	s->options.pidns = (int)getpid();
	find(s, 1);
	assert_true(s->members.item[0].pid != inner);
}

static void other_hierarchies_tasks_are_missing(void **state)
{
	struct scene *s = *state;

	scene_make(s);
	(void)record(s, 1, ground_fork(&s->ground));
	s->image->hierarchy[0].controllers = "no_such_controller";
	find(s, 1);
	assert_true(s->members.item[0].missing);
	assert_non_null(strstr(s->members.item[0].why, "hierarchy"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(same_boot, scene_setup, scene_teardown),
		cmocka_unit_test_setup_teardown(other_start_or_boot_is_missing, scene_setup, scene_teardown),
		cmocka_unit_test_setup_teardown(ended_is_missing, scene_setup, scene_teardown),
		cmocka_unit_test_setup_teardown(map_leads_to_another, scene_setup, scene_teardown),
		cmocka_unit_test_setup_teardown(
			threads_apart_follow_their_process, scene_setup, scene_teardown),
		cmocka_unit_test_setup_teardown(id_in_a_namespace, scene_setup, scene_teardown),
		cmocka_unit_test_setup_teardown(
			other_hierarchies_tasks_are_missing, scene_setup, scene_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
