/* Names of subtrees, and which hierarchy they mean. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/hierarchy.h"

static void takes(const char *text, const char *hierarchy, const char *path)
{
	_cleanup_target_ struct cg_target t = {0};
	struct cg_error *err = NULL;

	if (cg_target_parse(text, &t, &err) < 0)
		fail_msg("%s", err->message);
	if (hierarchy)
		assert_string_equal(t.hierarchy, hierarchy);
	else
		assert_null(t.hierarchy);
	assert_string_equal(t.path, path);
}

static void refuses(const char *text)
{
	struct cg_target t = {.path = (char *)1};
	struct cg_error *err = NULL;

	if (cg_target_parse(text, &t, &err) != -EINVAL)
		fail_msg("\"%s\" was taken", text);
	assert_non_null(err);
	assert_int_equal(err->fault, CG_FAULT_USAGE);
	assert_ptr_equal(t.path, (char *)1);
	cg_error_free(err);
}

static void test_forms(void **state)
{
	(void)state;
	takes("/job", NULL, "/job");
	takes("//job///a//", NULL, "/job/a");
	takes("cpu:/job", "cpu", "/job");
	takes("cpu,cpuacct:/job/", "cpu,cpuacct", "/job");
	takes("name=systemd:/x", "name=systemd", "/x");
	takes(":/x", "", "/x");
	takes("v2:/x", "", "/x");
	takes("/a:b/c", NULL, "/a:b/c");
	takes("cpu:/a:b", "cpu", "/a:b");
	takes("/..a/...", NULL, "/..a/...");
	takes("/with blank/\303\244", NULL, "/with blank/\303\244");
}

static void test_refusals(void **state)
{
	static const char *const bad[] = {"", "/", "//", "job", "./a", "cpu:", "cpu:job", "cpu:/", ":", ":/",
		"/a/../b", "/a/.", "/..", "/a\nb", "c pu:/x", "name=/x:/y", "cpu\n:/x"};

	(void)state;
	for (size_t i = 0; i < CG_ARRAY_SIZE(bad); i++)
		refuses(bad[i]);
}

static void test_lengths(void **state)
{
	char name[258] = "/", deep[2 * 257 + 1];

	(void)state;
	memset(name + 1, 'n', 256);
	refuses(name);
	name[256] = '\0';
	takes(name, NULL, name);
	for (size_t i = 0; i < 257; i++)
		memcpy(deep + 2 * i, "/d", 3);
	refuses(deep);
	deep[512] = '\0';
	takes(deep, NULL, deep);
}

static void test_matches(void **state)
{
	char both[] = "cpu,cpuacct", none[] = "", systemd[] = "systemd", memory[] = "memory,io";
	struct cg_live_hierarchy cpu = {.version = 1, .controllers = both};
	struct cg_live_hierarchy named = {.version = 1, .controllers = none, .name = systemd};
	struct cg_live_hierarchy v2 = {.version = 2, .controllers = memory};

	(void)state;
	assert_true(cg_live_matches(&cpu, NULL));
	assert_true(cg_live_matches(&cpu, "cpu"));
	assert_true(cg_live_matches(&cpu, "cpuacct,cpu"));
	assert_false(cg_live_matches(&cpu, "cpu,memory"));
	assert_false(cg_live_matches(&cpu, "cpua"));
	assert_false(cg_live_matches(&cpu, ""));
	assert_false(cg_live_matches(&cpu, "name=systemd"));
	assert_true(cg_live_matches(&named, "name=systemd"));
	assert_false(cg_live_matches(&named, "name=other"));
	assert_false(cg_live_matches(&named, "cpu"));
	assert_true(cg_live_matches(&v2, ""));
	assert_true(cg_live_matches(&v2, "v2"));
	assert_false(cg_live_matches(&v2, "memory"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_matches),
	};

	return cmocka_run_group_tests_name("kernel/target", tests, NULL, NULL);
}
