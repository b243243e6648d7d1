/* Each refusal that the kernel gives, made to happen on a real group, and what we say about it. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
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

/* The failed operation's explanation holds these words in its message and hint. */
static void says(struct ground *g, int group, const char *path, const char *file, const char *value,
	const char *operation, int code, const char *words, const char *advice)
{
	struct cg_error *err = NULL;
	int r = cg_cgroup_explain(&err, group, path, file, cg_bytes_of(value), operation, code);
	bool good = r == -code && err && err->code == code && strstr(err->message, words) &&
		    (advice ? err->hint && strstr(err->hint, advice) : true);

	if (!good) {
		fprintf(stderr, "%s %s \"%s\" %s: \"%s\" (hint: %s), wanted \"%s\" and \"%s\"\n", operation,
			file, value, strerror(code), err ? err->message : "nothing",
			err && err->hint ? err->hint : "none", words, advice ? advice : "");
		cg_error_free(err);
		ground_remove(g);
		fail();
	}
	print_message("    %s%s%s\n", err->message, err->hint ? " -- " : "", err->hint ? err->hint : "");
	cg_error_free(err);
}

/* Writes what must be refused with that code, and checks the explanation. */
static void refused(struct ground *g, int group, const char *file, const char *value, int code,
	const char *words, const char *advice)
{
	int r = cg_cgroup_write(group, file, cg_bytes_of(value), NULL);

	if (r != -code) {
		fprintf(stderr, "%s \"%s\": %s, wanted %s\n", file, value, strerror(-r), strerror(code));
		ground_remove(g);
		fail();
	}
	says(g, group, g->path, file, value, "write", code, words, advice);
}

static void test_create_and_remove(void **state)
{
	struct ground *g = *state;
	int a, b;
	pid_t pid;

	ground_make(g, NULL, NULL);
	a = ground_group(g->fd, "a");
	b = ground_group(a, "b");
	says(g, g->fd, "/x/a", "a", NULL, "create", EEXIST, "already a group", NULL);
	says(g, g->fd, "/x/a", "a", NULL, "remove", EBUSY, "has child groups (b)", "below it first");
	says(g, g->fd, "/x/q", "q", NULL, "remove", ENOENT, "no such group", NULL);
	pid = ground_fork(g);
	assert_int_equal(cg_cgroup_attach(b, "cgroup.procs", pid), 0);
	says(g, a, "/x/a/b", "b", NULL, "remove", EBUSY, "has 1 process", "move them");
	cg_close(a);
	cg_close(b);
	ground_remove(g);
}

static void test_removed(void **state)
{
	struct ground *g = *state;
	int a;

	ground_make(g, NULL, NULL);
	a = ground_group(g->fd, "a");
	assert_int_equal(cg_cgroup_remove(g->fd, "a", 1), 0);
	assert_int_equal(cg_cgroup_write(a, "cgroup.procs", CG_BYTES("1"), NULL), -ENOENT);
	says(g, a, "/x/a", "cgroup.procs", "1", "write", ENOENT, "was removed meanwhile", NULL);
	cg_close(a);
	ground_remove(g);
}

static void test_v1_absent(void **state)
{
	struct ground *g = *state;

	ground_make(g, "pids", NULL);
	refused(g, g->fd, "pids.brand_new", "1", ENOENT, "this kernel has no such file",
		"another kernel version");
	refused(g, g->fd, "memory.limit_in_bytes", "1", ENOENT, "does not carry it", "/proc/cgroups");
	refused(g, g->fd, "pids.max", "-5", EINVAL, "refuses \"-5\"", NULL);
	ground_remove(g);
}

static void test_v1_attach(void **state)
{
	struct ground *g = *state;

	ground_make(g, "pids", NULL);
	says(g, g->fd, g->path, "cgroup.procs", "99999999", "attach", ESRCH, "no such task", NULL);
	ground_remove(g);
}

static void test_v1_cpuset(void **state)
{
	_cleanup_free_ char *cpus = NULL, *mems = NULL;
	struct ground *g = *state;
	int a, b;
	pid_t pid;

	ground_make(g, "cpuset", NULL);
	a = ground_group(g->fd, "a");
	pid = ground_fork(g);
	assert_int_equal(cg_cgroup_attach(a, "cgroup.procs", pid), -ENOSPC);
	says(g, a, "/x/a", "cgroup.procs", "1", "attach", ENOSPC, "empty: cpuset.", "before tasks enter");
	cpus = ground_read(g->root, "cpuset.cpus");
	mems = ground_read(g->root, "cpuset.mems");
	ground_write(g->fd, "cpuset.cpus", "0");
	ground_write(g->fd, "cpuset.mems", mems);
	if (strcmp(cpus, "0") != 0) {
		refused(g, a, "cpuset.cpus", "0-1", EACCES, "not within what the group above has (\"0\")",
			"above first");
		ground_write(g->fd, "cpuset.cpus", "0-1");
		ground_write(a, "cpuset.cpus", "1");
		refused(g, g->fd, "cpuset.cpus", "0", EBUSY, "child group a has more", "below first");
	}
	ground_write(a, "cpuset.cpus", "0");
	ground_write(a, "cpuset.mems", "0");
	ground_write(g->fd, "cpuset.cpu_exclusive", "0");
	refused(g, a, "cpuset.cpu_exclusive", "1", EACCES, "exclusive flag", "top down");
	assert_int_equal(cg_cgroup_attach(a, "cgroup.procs", pid), 0);
	refused(g, a, "cpuset.cpus", "\n", ENOSPC, "left without CPUs", NULL);
	b = ground_group(g->fd, "b");
	ground_write(b, "cpuset.cpus", "0");
	if (cg_cgroup_write(g->fd, "cpuset.cpu_exclusive", CG_BYTES("1"), NULL) == 0)
		refused(g, b, "cpuset.cpu_exclusive", "1", EINVAL, "overlaps that of another group",
			"of its own");
	cg_close(a);
	cg_close(b);
	ground_remove(g);
}

static void test_v1_cpu(void **state)
{
	struct ground *g = *state;
	int a;

	ground_make(g, "cpu", NULL);
	a = ground_group(g->fd, "a");
	if (!faccessat(g->fd, "cpu.cfs_quota_us", F_OK, 0)) {
		ground_write(g->fd, "cpu.cfs_quota_us", "50000");
		refused(g, a, "cpu.cfs_quota_us", "60000", EINVAL, "the group above has 50000",
			"parents first");
	}
	cg_close(a);
	ground_remove(g);
}

static void test_v1_devices(void **state)
{
	struct ground *g = *state;
	int a;

	ground_make(g, "devices", NULL);
	ground_write(g->fd, "devices.deny", "c 1:3 rwm");
	a = ground_group(g->fd, "a");
	refused(g, a, "devices.allow", "c 1:3 r", EPERM, "the group above does not permit \"c 1:3 r\"",
		"top down");
	refused(g, g->fd, "devices.deny", "a", EINVAL, "has children (a)", "before the child groups");
	refused(g, a, "devices.allow", "q 1:3 r", EINVAL, "no rule of the form", NULL);
	cg_close(a);
	ground_remove(g);
}

static void test_v1_freezer(void **state)
{
	struct ground *g = *state;

	ground_make(g, "freezer", NULL);
	refused(g, g->fd, "freezer.state", "FREEZING", EINVAL, "only FROZEN and THAWED", NULL);
	ground_remove(g);
}

/* Uses some memory in the group, for limits below use. */
static pid_t use_memory(struct ground *g, int group)
{
	int up[2];
	pid_t pid;
	char done;

	assert_int_equal(pipe(up), 0);
	pid = fork();
	if (pid == 0) {
		if (cg_cgroup_attach(group, "cgroup.procs", (int)getpid()) == 0) {
			char *p = malloc(16 << 20);

			if (p) {
				memset(p, 1, 16 << 20);
				(void)!write(up[1], p, 1);
			}
		}
		close(up[1]);
		pause();
		_exit(0);
	}
	close(up[1]);
	g->child[g->children++] = pid;
	assert_int_equal(read(up[0], &done, 1), 1);
	close(up[0]);
	return pid;
}

static void test_v1_memory(void **state)
{
	struct ground *g = *state;
	int a;

	ground_make(g, "memory", NULL);
	a = ground_group(g->fd, "a");
	ground_write(a, "memory.limit_in_bytes", "64M");
	if (!faccessat(a, "memory.memsw.limit_in_bytes", F_OK, 0)) {
		ground_write(a, "memory.memsw.limit_in_bytes", "64M");
		refused(g, a, "memory.limit_in_bytes", "128M", EINVAL, "memory and swap together",
			"with swap first");
	}
	use_memory(g, a);
	/* What is used cannot be reclaimed here without swap, which the host may have: then the kernel takes
	 * the limit. */
	if (cg_cgroup_write(a, "memory.limit_in_bytes", CG_BYTES("4096"), NULL) == -EBUSY)
		says(g, a, "/x/a", "memory.limit_in_bytes", "4096", "write", EBUSY,
			"memory.usage_in_bytes is ", "not below the use");
	cg_close(a);
	ground_remove(g);
}

static void test_v1_blkio(void **state)
{
	struct ground *g = *state;

	ground_make(g, "blkio", NULL);
	if (faccessat(g->fd, "blkio.throttle.read_bps_device", F_OK, 0)) {
		ground_remove(g);
		ground_skip("no throttling in this kernel");
	}
	refused(g, g->fd, "blkio.throttle.read_bps_device", "4000:7 1000", ENODEV, "4000:7 does not exist",
		"differ between hosts");
	ground_remove(g);
}

static void test_v1_net_prio(void **state)
{
	struct ground *g = *state;

	ground_make(g, "net_prio", NULL);
	refused(g, g->fd, "net_prio.ifpriomap", "nosuch0 3", ENODEV, "no network interface nosuch0",
		"map it");
	ground_remove(g);
}

/* The v2 structure, with a controller that every v2 hierarchy with controllers at all has. */
static void v2_structure(struct ground *g, const char *controller)
{
	_cleanup_text_ struct cg_text on = {0}, off = {0}, words = {0}, file = {0};
	int a = ground_group(g->fd, "a"), b = ground_group(a, "b");
	pid_t pid = ground_fork(g);

	cg_text_printf(&on, "+%s", controller);
	cg_text_printf(&off, "-%s", controller);
	cg_text_printf(&words, "controller %s is not enabled in %s", controller, g->path);
	cg_text_printf(&file, "%s.brand_new", controller);
	/* b's parent a lacks it, and a's own parent too: the topmost is where to begin. */
	assert_int_equal(cg_cgroup_write(b, file.data, CG_BYTES("1"), NULL), -ENOENT);
	{
		_cleanup_text_ struct cg_text path = {0};

		cg_text_printf(&path, "%s/a/b", g->path);
		says(g, b, path.data, file.data, "1", "write", ENOENT, words.data, "each group below");
		path.data[path.len - 2] = '\0';
		says(g, a, path.data, "cgroup.subtree_control", on.data, "write", ENOENT, words.data,
			"enable it with: echo +");
	}
	refused(g, a, "cgroup.subtree_control", on.data, ENOENT, "controller", "enable it with");
	ground_write(g->fd, "cgroup.subtree_control", on.data);
	refused(g, a, file.data, "1", ENOENT, "this kernel has no such file", NULL);
	ground_write(a, "cgroup.subtree_control", on.data);
	refused(g, g->fd, "cgroup.subtree_control", off.data, EBUSY, "child group a has", "bottom up");
	refused(g, g->fd, "cgroup.subtree_control", "+nosuch", EINVAL, "knows no controller \"nosuch\"",
		NULL);
	assert_int_equal(cg_cgroup_attach(a, "cgroup.procs", pid), -EBUSY);
	says(g, a, "/x/a", "cgroup.procs", "1", "attach", EBUSY, "hands controllers to its children",
		"below it");
	assert_int_equal(cg_cgroup_attach(b, "cgroup.procs", pid), 0);
	refused(g, b, "cgroup.subtree_control", on.data, EBUSY, "has 1 process of its own",
		"child group first");
	cg_close(a);
	cg_close(b);
}

static void test_v2_structure(void **state)
{
	static const char *const domain[] = {"memory", "hugetlb", "io"};
	struct ground *g = *state;

	ground_make(g, "", NULL);
	for (size_t i = 0; i < CG_ARRAY_SIZE(domain); i++) {
		_cleanup_free_ char *offered = ground_read(g->fd, "cgroup.controllers");

		if (strstr(offered, domain[i])) {
			v2_structure(g, domain[i]);
			ground_remove(g);
			return;
		}
	}
	ground_remove(g);
	ground_skip("no domain controller is enabled at the v2 root");
}

/* The first controller that the root offers and does not enable, explained; false when there is none. */
static bool not_enabled(struct ground *g)
{
	_cleanup_free_ char *offered = ground_read(g->root, "cgroup.controllers");
	_cleanup_free_ char *enabled = ground_read(g->root, "cgroup.subtree_control");
	struct cg_bytes rest = cg_bytes_of(offered), word;

	while (cg_bytes_word(&rest, &word)) {
		_cleanup_text_ struct cg_text file = {0}, words = {0};
		_cleanup_free_ char *name = strndup(word.data, word.len);

		assert_non_null(name);
		if (strstr(enabled, name))
			continue;
		cg_text_printf(&file, "%s.brand_new", name);
		cg_text_printf(&words, "controller %s is not enabled in /", name);
		refused(g, g->fd, file.data, "1", ENOENT, words.data, "> /cgroup.subtree_control");
		return true;
	}
	return false;
}

/* The host's root may enable nothing: then that is where to begin. */
static void test_v2_not_enabled(void **state)
{
	struct ground *g = *state;

	ground_make(g, "", NULL);
	if (!not_enabled(g))
		ground_skip("the v2 root enables all that it offers");
}

static void test_v2_not_offered(void **state)
{
	struct ground *g = *state;

	ground_make(g, "", NULL);
	refused(g, g->fd, "nosuch.max", "1", ENOENT, "does not offer controller nosuch", "/proc/cgroups");
	ground_remove(g);
}

static void test_v2_limits_above(void **state)
{
	struct ground *g = *state;
	int a, fd;

	ground_make(g, "", NULL);
	a = ground_group(g->fd, "a");
	ground_write(g->fd, "cgroup.max.depth", "1");
	assert_int_equal(cg_cgroup_make(a, "b", &fd), -EAGAIN);
	says(g, a, "/job/a/b", "b", NULL, "create", EAGAIN, "/job allows 1 level of",
		"raise cgroup.max.depth in /job");
	ground_write(g->fd, "cgroup.max.depth", "max");
	ground_write(g->fd, "cgroup.max.descendants", "1");
	assert_int_equal(cg_cgroup_make(a, "b", &fd), -EAGAIN);
	says(g, a, "/job/a/b", "b", NULL, "create", EAGAIN, "/job allows 1 group below it and has 1",
		"cgroup.max.descendants in /job");
	cg_close(a);
	ground_remove(g);
}

static void test_v2_threaded(void **state)
{
	struct ground *g = *state;
	int a, b, c;
	pid_t pid;

	ground_make(g, "", NULL);
	a = ground_group(g->fd, "a");
	b = ground_group(g->fd, "b");
	pid = ground_fork(g);
	refused(g, a, "cgroup.type", "domain", EINVAL, "only \"threaded\"", "make it anew");
	assert_int_equal(cg_cgroup_attach(b, "cgroup.procs", pid), 0);
	refused(g, b, "cgroup.type", "threaded", EOPNOTSUPP, "has processes", "while it is empty");
	refused(g, a, "cgroup.type", "threaded", EOPNOTSUPP, "beside it (b) is a domain with processes",
		"away first");
	assert_int_equal(cg_cgroup_attach(g->fd, "cgroup.procs", pid), 0);
	ground_write(a, "cgroup.type", "threaded");
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	g->children--;
	pid = ground_fork(g);
	c = ground_group(a, "c");
	assert_int_equal(cg_cgroup_attach(c, "cgroup.procs", pid), -EOPNOTSUPP);
	says(g, c, "/x/a/c", "cgroup.procs", "1", "attach", EOPNOTSUPP, "\"domain invalid\"",
		"write \"threaded\"");
	assert_int_equal(cg_cgroup_attach(a, "cgroup.threads", pid), -EOPNOTSUPP);
	says(g, a, "/x/a", "cgroup.threads", "1", "attach", EOPNOTSUPP, "within one threaded subtree", NULL);
	cg_close(a);
	cg_close(b);
	cg_close(c);
	ground_remove(g);
}

static void test_v2_values(void **state)
{
	struct ground *g = *state;

	ground_make(g, "", NULL);
	refused(g, g->fd, "cgroup.freeze", "2", ERANGE, "out of range", NULL);
	refused(g, g->fd, "cgroup.max.depth", "-1", ERANGE, "out of range", NULL);
	refused(g, g->fd, "cgroup.max.depth", "x", EINVAL, "refuses \"x\"", NULL);
	ground_remove(g);
}

static void test_v2_io(void **state)
{
	struct ground *g = *state;

	ground_make(g, "", "io");
	refused(g, g->fd, "io.max", "4000:7 rbps=1000", ENODEV, "4000:7 does not exist",
		"differ between hosts");
	ground_remove(g);
}

static void test_v2_cpu(void **state)
{
	struct ground *g = *state;

	ground_make(g, "", "cpu");
	refused(g, g->fd, "cpu.max", "10 100000", EINVAL, "present: max 100000", "1000 us");
	refused(g, g->fd, "cpu.weight", "0", ERANGE, "out of range", NULL);
	ground_remove(g);
}

/* What another user is told. */
static void test_permission(void **state)
{
	struct ground *g = *state;
	int status;
	pid_t pid;

	if (geteuid() != 0)
		ground_skip("only root can play another user");
	ground_make(g, NULL, NULL);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct cg_error *e1 = NULL, *e2 = NULL;
		int r, fd;

		if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
			_exit(1);
		r = cg_cgroup_write(g->fd, "cgroup.procs", CG_BYTES("1"), NULL);
		if (r != -EACCES)
			_exit(2);
		(void)cg_cgroup_explain(&e1, g->fd, g->path, "cgroup.procs", CG_BYTES("1"), "write", -r);
		r = cg_cgroup_make(g->fd, "x", &fd);
		if (r != -EACCES)
			_exit(3);
		(void)cg_cgroup_explain(&e2, g->fd, "/q/x", "x", CG_BYTES(""), "create", -r);
		if (!strstr(e1->message, "belongs to user 0") || !strstr(e1->hint, "delegated"))
			_exit(4);
		_exit(strstr(e2->message, "the directory it lies in belongs to user 0") ? 0 : 5);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	ground_remove(g);
	assert_int_equal(status, 0);
}

/* Inside a cgroup namespace with nsdelegate, the namespace's root is not ours to limit. */
static void test_v2_nsdelegate(void **state)
{
	struct ground *g = *state;
	bool delegated;
	int status;
	pid_t pid;

	ground_make(g, "", NULL);
	delegated = strstr(g->hierarchy->mount_options, "nsdelegate");
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct cg_error *err = NULL;
		int r;

		if (cg_cgroup_attach(g->fd, "cgroup.procs", (int)getpid()) < 0 ||
			unshare(CLONE_NEWCGROUP) < 0)
			_exit(1);
		r = cg_cgroup_write(g->fd, "cgroup.max.depth", CG_BYTES("3"), NULL);
		if (!delegated)
			_exit(r == 0 ? 0 : 2);
		if (r != -EPERM)
			_exit(3);
		(void)cg_cgroup_explain(&err, g->fd, "/", "cgroup.max.depth", CG_BYTES("3"), "write", -r);
		_exit(strstr(err->message, "root of our cgroup namespace") && strstr(err->hint, "--keep-top")
				? 0
				: 4);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	ground_remove(g);
}

static void test_read_only_file(void **state)
{
	struct ground *g = *state;

	ground_make(g, "", NULL);
	says(g, g->fd, g->path, "cgroup.procs", "1", "write", EROFS, "mounted read-only", "--dir");
	says(g, g->fd, g->path, "cgroup.procs", "1", "write", ENOMEM, "Cannot allocate memory", NULL);
	ground_remove(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_create_and_remove, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_removed, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_permission, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v1_absent, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v1_attach, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v1_cpuset, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v1_cpu, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v1_devices, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v1_freezer, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v1_memory, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v1_blkio, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v1_net_prio, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v2_structure, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v2_not_enabled, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v2_not_offered, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v2_limits_above, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v2_threaded, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v2_values, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v2_io, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v2_cpu, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_v2_nsdelegate, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_read_only_file, ground_setup, ground_teardown),
	};

	return cmocka_run_group_tests_name("kernel/explain", tests, NULL, NULL);
}
