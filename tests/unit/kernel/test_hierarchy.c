/* The host's hierarchies, and the same seen through bind mounts and cgroup namespaces of a child's own. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ground.h"

/* What a child that has its own namespaces found: its exit status says it, 77 is a skip. */
static void run_apart(void (*fn)(const struct ground *g), const struct ground *g)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			_exit(77);
		fn(g);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		ground_skip("a mount namespace of our own cannot be made");
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* In such a child: cmocka's asserts belong to the parent. */
#define CHECK(condition)                                                                                     \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                      \
			_exit(1);                                                                            \
		}                                                                                            \
	} while (0)

static void test_host(void **state)
{
	_cleanup_live_ struct cg_live live = {0};
	struct cg_error *err = NULL;
	bool v1 = false, v2 = false;

	(void)state;
	if (cg_live_open(&live, &err) < 0) {
		ground_skip("%s", err->message);
		return;
	}
	assert_true(live.count > 0);
	assert_true(live.kernel >= (4U << 16));
	for (size_t i = 0; i < live.count; i++) {
		struct cg_live_hierarchy *h = &live.item[i];
		struct statfs fs;

		v1 |= h->version == 1;
		v2 |= h->version == 2;
		assert_int_equal(fstatfs(h->fd, &fs), 0);
		assert_int_equal(fs.f_type, h->version == 2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC);
		assert_non_null(h->controllers);
		assert_null(strchr(h->controllers, ' '));
		assert_non_null(h->mount_options);
		assert_false(h->is_root && h->in_namespace);
		for (size_t j = 0; j < i; j++)
			if (h->version == 1 && live.item[j].version == 1 && !h->name && !live.item[j].name)
				assert_string_not_equal(h->controllers, live.item[j].controllers);
	}
	assert_string_equal(live.layout, v1 && v2 ? "hybrid" : v2 ? "v2" : "v1");
}

/* Each by its name alone; one that is not here is told by what is. */
static void test_named(void **state)
{
	_cleanup_live_ struct cg_live all = {0}, one = {0};
	const char *const nowhere = "name=nowhere";
	struct cg_error *err = NULL;

	(void)state;
	if (cg_live_open(&all, &err) < 0) {
		ground_skip("%s", err->message);
		return;
	}
	for (size_t i = 0; i < all.count; i++) {
		_cleanup_text_ struct cg_text t = {0};
		const char *names[1];

		cg_live_label(&all.item[i], &t);
		names[0] = t.data;
		assert_int_equal(cg_live_open_named(names, 1, &one, &err), 0);
		assert_int_equal(one.count, 1);
		assert_string_equal(one.item[0].mount_point, all.item[i].mount_point);
		cg_live_close(&one);
	}
	assert_int_equal(cg_live_open_named(&nowhere, 1, &one, &err), 0);
	assert_int_equal(one.count, all.count);
}

static void test_own_groups(void **state)
{
	_cleanup_memberships_ struct cg_memberships m = {0};
	struct cg_error *err = NULL;

	(void)state;
	assert_int_equal(cg_live_of_pid(getpid(), &m, &err), 0);
	assert_true(m.count > 0);
	for (size_t i = 0; i < m.count; i++)
		assert_int_equal(m.item[i].path[0], '/');
	assert_int_equal(cg_live_of_pid(0, &m, &err), -EINVAL);
	cg_error_free(err);
	err = NULL;
	assert_int_equal(cg_live_of_pid(4194304 + 1, &m, &err), -ESRCH);
	cg_error_free(err);
}

static int open_dir(const char *dir, struct cg_live *live, struct cg_error **err)
{
	return cg_live_open_dirs(&dir, 1, live, err);
}

static void test_dir_refusals(void **state)
{
	static const struct {
		const char *dir;
		int code;
		const char *words;
	} cases[] = {
		{"/tmp", -EINVAL, "not on a cgroup file system"},
		{"/proc", -EINVAL, "not on a cgroup file system"},
		{"/does/not/exist", -ENOENT, "cannot open"},
		{"/etc/passwd", -ENOTDIR, "cannot open"},
	};

	(void)state;
	for (size_t i = 0; i < CG_ARRAY_SIZE(cases); i++) {
		struct cg_live live = {0};
		struct cg_error *err = NULL;

		assert_int_equal(open_dir(cases[i].dir, &live, &err), cases[i].code);
		assert_non_null(strstr(err->message, cases[i].words));
		assert_int_equal(err->fault, CG_FAULT_USAGE);
		cg_error_free(err);
	}
}

/* The path of our group as seen from the file system's root. */
static char *mounted(const struct ground *g)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", g->hierarchy->mount_point, g->name) > 0);
	return path;
}

static void check_dir(const struct ground *g)
{
	_cleanup_live_ struct cg_live live = {0};
	_cleanup_free_ char *path = mounted(g), *root = NULL;
	struct cg_error *err = NULL;
	struct stat a, b;
	bool whole = strcmp(g->hierarchy->mount_root, "/") == 0;

	assert_int_equal(open_dir(path, &live, &err), 0);
	assert_int_equal(live.count, 1);
	assert_int_equal(live.item[0].version, g->hierarchy->version);
	assert_string_equal(live.item[0].mount_point, path);
	assert_true(asprintf(&root, "%s/%s", whole ? "" : g->hierarchy->mount_root, g->name) > 0);
	assert_string_equal(live.item[0].mount_root, root);
	assert_false(live.item[0].is_root);
	assert_false(live.item[0].in_namespace);
	assert_int_equal(fstat(live.item[0].fd, &a), 0);
	assert_int_equal(fstat(g->fd, &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
}

/* A directory of each hierarchy, and a second of one of them. */
static void check_dirs(const struct ground *g)
{
	_cleanup_live_ struct cg_live all = {0}, live = {0}, none = {0};
	_cleanup_free_ char *path = mounted(g);
	struct cg_error *err = NULL;
	const char **dir;
	size_t i;

	assert_int_equal(cg_live_open(&all, &err), 0);
	dir = calloc(all.count + 1, sizeof(*dir));
	assert_non_null(dir);
	for (i = 0; i < all.count; i++)
		dir[i] = all.item[i].mount_point;
	assert_int_equal(cg_live_open_dirs(dir, all.count, &live, &err), 0);
	assert_int_equal(live.count, all.count);
	assert_string_equal(live.layout, all.layout);
	for (i = 0; i < all.count; i++)
		assert_string_equal(live.item[i].mount_point, all.item[i].mount_point);
	dir[i] = path;
	assert_int_equal(cg_live_open_dirs(dir, all.count + 1, &none, &err), -EINVAL);
	assert_int_equal(err->fault, CG_FAULT_USAGE);
	assert_non_null(strstr(err->message, "is of hierarchy"));
	assert_non_null(strstr(err->message, path));
	cg_error_free(err);
	free(dir);
}

/* Our group bound to another place: the bind is found by name, and the hierarchy's own mount still wins
 * elsewhere. */
static void bound(const struct ground *g)
{
	_cleanup_live_ struct cg_live live = {0}, all = {0};
	_cleanup_free_ char *path = mounted(g);
	char dir[] = "/tmp/cgt-bind-XXXXXX", below[64];
	struct cg_error *err = NULL;
	int sub = -1;

	CHECK(mkdtemp(dir));
	CHECK(mount(path, dir, NULL, MS_BIND, NULL) == 0);
	CHECK(open_dir(dir, &live, &err) == 0);
	CHECK(strcmp(live.item[0].mount_point, dir) == 0);
	CHECK(strcmp(live.item[0].mount_root, g->path) == 0);
	CHECK(!live.item[0].is_root && !live.item[0].in_namespace);
	cg_live_close(&live);
	CHECK(cg_cgroup_make(g->fd, "sub", &sub) == 0);
	CHECK(snprintf(below, sizeof(below), "%s/sub/", dir) > 0);
	CHECK(open_dir(below, &live, &err) == 0);
	CHECK(strstr(live.item[0].mount_root, "/sub"));
	CHECK(strncmp(live.item[0].mount_root, g->path, strlen(g->path)) == 0);
	CHECK(cg_live_open(&all, &err) == 0);
	for (size_t i = 0; i < all.count; i++)
		CHECK(strcmp(all.item[i].mount_root, "/") == 0);
	CHECK(umount2(dir, MNT_DETACH) == 0);
	CHECK(rmdir(dir) == 0);
}

/* Something else on top of the mount point: the hierarchy is not to be had there, and its bind mount
 * elsewhere is the next candidate. */
static void hidden(const struct ground *g)
{
	_cleanup_live_ struct cg_live live = {0};
	_cleanup_free_ char *path = mounted(g);
	char dir[] = "/tmp/cgt-bind-XXXXXX";
	struct cg_error *err = NULL;
	const struct cg_live_hierarchy *h = NULL;

	CHECK(mkdtemp(dir));
	CHECK(mount(path, dir, NULL, MS_BIND, NULL) == 0);
	CHECK(mount("none", g->hierarchy->mount_point, "tmpfs", 0, NULL) == 0);
	CHECK(cg_live_open(&live, &err) == 0);
	for (size_t i = 0; i < live.count; i++)
		if (strcmp(live.item[i].mount_point, dir) == 0)
			h = &live.item[i];
		else
			CHECK(strcmp(live.item[i].mount_point, g->hierarchy->mount_point) != 0);
	CHECK(h);
	CHECK(h->version == g->hierarchy->version);
	CHECK(strcmp(h->mount_root, g->path) == 0);
	CHECK(umount2(g->hierarchy->mount_point, MNT_DETACH) == 0);
	/* A subtree of the same hierarchy on top of it: same device, another root. */
	CHECK(mount(path, g->hierarchy->mount_point, NULL, MS_BIND, NULL) == 0);
	cg_live_close(&live);
	CHECK(cg_live_open(&live, &err) == 0);
	for (size_t i = 0; i < live.count; i++)
		if (strcmp(live.item[i].mount_point, g->hierarchy->mount_point) == 0)
			CHECK(strcmp(live.item[i].mount_root, g->path) == 0);
	CHECK(umount2(g->hierarchy->mount_point, MNT_DETACH) == 0);
	CHECK(umount2(dir, MNT_DETACH) == 0);
	CHECK(rmdir(dir) == 0);
}

/* In a cgroup namespace whose root is our group: the old mount lies outside, a bind mount of the group is the
 * namespace's root. */
static void in_namespace(const struct ground *g)
{
	_cleanup_live_ struct cg_live live = {0};
	_cleanup_free_ char *path = mounted(g);
	char dir[] = "/tmp/cgt-bind-XXXXXX";
	struct cg_error *err = NULL;
	const struct cg_live_hierarchy *h = NULL;

	CHECK(cg_cgroup_attach(g->fd, "cgroup.procs", (int)getpid()) == 0);
	CHECK(unshare(CLONE_NEWCGROUP) == 0);
	CHECK(open_dir(g->hierarchy->mount_point, &live, &err) == -EXDEV);
	CHECK(strstr(err->message, "outside our cgroup namespace"));
	err = cg_error_free(err);
	CHECK(mkdtemp(dir));
	CHECK(mount(path, dir, NULL, MS_BIND, NULL) == 0);
	CHECK(cg_live_open(&live, &err) == 0);
	for (size_t i = 0; i < live.count; i++)
		if (strcmp(live.item[i].mount_point, dir) == 0)
			h = &live.item[i];
	CHECK(h);
	CHECK(strcmp(h->mount_root, "/") == 0);
	CHECK(h->in_namespace && !h->is_root);
	CHECK(umount2(dir, MNT_DETACH) == 0);
	CHECK(rmdir(dir) == 0);
}

static void each_ground(void **state, void (*apart)(const struct ground *g))
{
	struct ground *g = *state;

	ground_make(g, NULL, NULL);
	if (apart) {
		run_apart(apart, g);
	} else {
		check_dir(g);
		check_dirs(g);
	}
	ground_remove(g);
}

static void test_dir(void **state)
{
	each_ground(state, NULL);
}

static void test_bind(void **state)
{
	each_ground(state, bound);
}

static void test_hidden(void **state)
{
	each_ground(state, hidden);
}

static void test_namespace(void **state)
{
	struct ground *g = *state;

	ground_make(g, "", NULL);
	run_apart(in_namespace, g);
	ground_remove(g);
}

static void test_namespace_v1(void **state)
{
	struct ground *g = *state;

	ground_make(g, "pids", NULL);
	run_apart(in_namespace, g);
	ground_remove(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_host, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_named, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_own_groups, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_dir_refusals, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_dir, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_bind, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_hidden, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_namespace, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_namespace_v1, ground_setup, ground_teardown),
	};

	return cmocka_run_group_tests_name("kernel/hierarchy", tests, NULL, NULL);
}
