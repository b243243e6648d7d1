/* The public interface as a program uses it: this file sees <cgtree/cgtree.h> and nothing else of the
 * project. The image is made by the program from JSON. */
#include <cgtree/cgtree.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	const char *json, *program;
	char image[64];
	cgtree_tree *tree;
};

static void encode(const struct fixture *f)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		execl(f->program, "cgtree", "encode", f->json, "-o", f->image, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static int open_image(void **state)
{
	struct fixture *f = *state;
	cgtree_error *err = NULL;
	int fd;

	encode(f);
	fd = open(f->image, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(cgtree_read(fd, 0, &f->tree, &err), 0);
	assert_null(err);
	(void)close(fd);
	return 0;
}

static int close_image(void **state)
{
	struct fixture *f = *state;

	cgtree_tree_free(f->tree);
	(void)unlink(f->image);
	return 0;
}

static void test_version(void **state)
{
	unsigned major = 99, minor = 99;

	(void)state;
	assert_string_equal(cgtree_version(), "0.1.0");
	cgtree_format(&major, &minor);
	assert_int_equal(major, 1);
	assert_int_equal(minor, 1);
}

static void test_looking(void **state)
{
	struct fixture *f = *state;
	struct cgtree_hierarchy h = {.size = sizeof(h)};
	struct cgtree_group g = {.size = sizeof(g)};
	struct cgtree_setting s = {.size = sizeof(s)};
	struct cgtree_task t = {.size = sizeof(t)};
	struct cgtree_inventory v = {.size = sizeof(v)};
	char *path = NULL;
	uint32_t a;

	assert_int_equal(cgtree_inventory(f->tree, &v), 0);
	assert_string_equal(v.layout, "hybrid");
	assert_int_equal(v.page_size, 4096);
	assert_int_equal(cgtree_hierarchy_count(f->tree), 1);
	assert_int_equal(cgtree_hierarchy_get(f->tree, 0, &h), 0);
	assert_int_equal(h.version, 1);
	assert_string_equal(h.controllers, "memory");
	assert_int_equal(h.group_count, cgtree_group_count(f->tree));
	assert_int_equal(cgtree_hierarchy_get(f->tree, 1, &h), -ENOENT);
	a = cgtree_group_find(f->tree, 0, "/job/a");
	assert_int_not_equal(a, CGTREE_NONE);
	assert_int_equal(cgtree_group_find(f->tree, 0, "/job/zz"), CGTREE_NONE);
	assert_int_equal(cgtree_group_get(f->tree, a, &g), 0);
	assert_string_equal(g.name, "a");
	assert_int_equal(g.parent, h.first_group);
	assert_int_equal(g.task_count, 1);
	assert_int_equal(cgtree_group_path(f->tree, a, &path), 0);
	assert_string_equal(path, "/job/a");
	free(path);
	assert_int_equal(cgtree_setting_find(f->tree, a, "memory.limit_in_bytes", &s), 0);
	assert_int_equal(s.length, 8);
	assert_memory_equal(s.value, "67108864", 8);
	assert_true(s.known);
	assert_string_equal(s.controller, "memory");
	assert_int_equal(cgtree_setting_find(f->tree, a, "no.such", &s), -ENOENT);
	for (uint32_t i = 0; i < g.setting_count; i++)
		assert_int_equal(cgtree_setting_get(f->tree, a, i, &s), 0);
	assert_int_equal(cgtree_setting_get(f->tree, a, g.setting_count, &s), -ENOENT);
	assert_int_equal(cgtree_task_get(f->tree, a, 0, &t), 0);
	assert_int_equal(t.pid, 4711);
	assert_string_equal(t.name, "sleep");
	assert_int_equal(cgtree_note_count(f->tree), 0);
}

/* A program of an older header has a shorter structure: nothing is written behind it. */
static void test_smaller_structure(void **state)
{
	struct fixture *f = *state;
	struct {
		size_t size;
		unsigned version;
		unsigned char guard[16];
	} small = {.size = offsetof(struct cgtree_hierarchy, controllers)};
	struct cgtree_hierarchy unset = {0};

	memset(small.guard, 0xaa, sizeof(small.guard));
	assert_int_equal(cgtree_hierarchy_get(f->tree, 0, (struct cgtree_hierarchy *)(void *)&small), 0);
	assert_int_equal(small.version, 1);
	for (size_t i = small.size - offsetof(__typeof__(small), guard); i < sizeof(small.guard); i++)
		assert_int_equal(small.guard[i], 0xaa);
	assert_int_equal(cgtree_hierarchy_get(f->tree, 0, &unset), -EINVAL);
}

/* A program of a newer header: what is not known here must be zero. */
static void test_larger_options(void **state)
{
	struct fixture *f = *state;
	struct {
		struct cgtree_write_options known;
		int unknown;
	} large = {.known.size = sizeof(large)};
	cgtree_error *err = NULL;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(cgtree_write(fds[1], f->tree, &large.known, &err), 0);
	large.unknown = 1;
	assert_int_equal(cgtree_write(fds[1], f->tree, &large.known, &err), -E2BIG);
	assert_int_equal(cgtree_error_fault(err), CGTREE_FAULT_USAGE);
	cgtree_error_free(err);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void test_write_and_diff(void **state)
{
	struct fixture *f = *state;
	struct cgtree_write_options options = {.size = sizeof(options), .compress = 1};
	struct cgtree_image_info info = {.size = sizeof(info)};
	cgtree_tree *again = NULL;
	cgtree_diff *diff = NULL;
	cgtree_error *err = NULL;
	FILE *file = tmpfile();
	int fd;

	assert_non_null(file);
	fd = fileno(file);
	assert_int_equal(cgtree_write(fd, f->tree, &options, &err), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(cgtree_check(fd, 0, &info, &err), 0);
	assert_true(info.compressed);
	assert_int_equal(strlen(info.digest), 32);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(cgtree_read(fd, 0, &again, &err), 0);
	assert_int_equal(cgtree_diff_trees(f->tree, again, 0, &diff, &err), 0);
	assert_int_equal(cgtree_diff_count(diff), 0);
	cgtree_diff_free(diff);
	assert_int_equal(cgtree_diff_trees(f->tree, again, 1u << 31, &diff, &err), -EINVAL);
	cgtree_error_free(err);
	cgtree_tree_free(again);
	(void)fclose(file);
}

static void test_errors(void **state)
{
	struct cgtree_dump_options dump = {.size = sizeof(dump)};
	struct cgtree_restore_options restore = {.size = sizeof(restore), .mode = "sideways"};
	struct cgtree_restore_result result = {.size = sizeof(result)};
	const char *const root = "/";
	struct fixture *f = *state;
	cgtree_tree *tree = NULL;
	cgtree_error *err = NULL;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(cgtree_read(fd, 0, &tree, &err) < 0);
	assert_null(tree);
	assert_int_equal(cgtree_error_fault(err), CGTREE_FAULT_CORRUPT);
	assert_true(cgtree_error_code(err) > 0);
	assert_true(strlen(cgtree_error_message(err)) > 0);
	cgtree_error_free(err);
	(void)close(fd);
	err = NULL;
	assert_true(cgtree_dump(&dump, &tree, &err) < 0);
	assert_int_equal(cgtree_error_fault(err), CGTREE_FAULT_USAGE);
	cgtree_error_free(err);
	err = NULL;
	dump.paths = &root;
	dump.path_count = 1;
	assert_true(cgtree_dump(&dump, &tree, &err) < 0);
	assert_int_equal(cgtree_error_fault(err), CGTREE_FAULT_USAGE);
	cgtree_error_free(err);
	err = NULL;
	assert_true(cgtree_restore(f->tree, &restore, &result, &err) < 0);
	assert_int_equal(result.outcome, CGTREE_OUTCOME_UNCHANGED);
	assert_int_equal(cgtree_error_fault(err), CGTREE_FAULT_USAGE);
	cgtree_error_free(err);
	/* No error object is wanted. */
	assert_true(cgtree_restore(f->tree, &restore, NULL, NULL) < 0);
	cgtree_error_free(NULL);
	cgtree_tree_free(NULL);
	cgtree_diff_free(NULL);
}

int main(int argc, char **argv)
{
	struct fixture f = {.image = "/tmp/cgtree-api-XXXXXX"};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(test_version, &f),
		cmocka_unit_test_prestate_setup_teardown(test_looking, open_image, close_image, &f),
		cmocka_unit_test_prestate_setup_teardown(test_smaller_structure, open_image, close_image, &f),
		cmocka_unit_test_prestate_setup_teardown(test_larger_options, open_image, close_image, &f),
		cmocka_unit_test_prestate_setup_teardown(test_write_and_diff, open_image, close_image, &f),
		cmocka_unit_test_prestate_setup_teardown(test_errors, open_image, close_image, &f),
	};
	int fd;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: test_api SAMPLE.json PROGRAM\n");
		return 2;
	}
	f.json = argv[1];
	f.program = argv[2];
	fd = mkstemp(f.image);
	if (fd < 0)
		return 2;
	(void)close(fd);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
