/* What people write as limits: understood exactly, or refused. */
#include <string.h>

#include "manager/limit_plan.h"
#include "unit/base/cmocka_all.h"

static void test_taken(void **state CG_UNUSED)
{
	static const char *const rows[][2] = {{"memory.max=64M", "memory.max=67108864"},
		{"memory.max=64MiB", "memory.max=67108864"}, {"memory.max=1.5G", "memory.max=1610612736"},
		{"memory.max=4096", "memory.max=4096"}, {"memory.max=max", "memory.max=max"},
		{"cpu.max=50%", "cpu.max=50000 100000"}, {"cpu.max=150%", "cpu.max=150000 100000"},
		{"cpu.max=20000/100000", "cpu.max=20000 100000"},
		{"cpu.max=max/100000", "cpu.max=max 100000"}, {"cpu.max=20000 50000", "cpu.max=20000 50000"},
		{"cpu.weight=10000", "cpu.weight=10000"}, {"pids.max=5", "pids.max=5"},
		{"cpuset.cpus=0-1,3", "cpuset.cpus=0-1,3"},
		{"io.max=8:0 rbps=1M wiops=10", "io.max=8:0 rbps=1048576 wiops=10"}};

	for (size_t i = 0; i < CG_ARRAY_SIZE(rows); i++) {
		_cleanup_text_ struct cg_text t = {0};
		_cleanup_error_ struct cg_error *err = NULL;

		if (cg_limit_check(rows[i][0], &t, &err) < 0)
			fail_msg("%s: %s", rows[i][0], err->message);
		assert_string_equal(t.data, rows[i][1]);
	}
}

static void test_refused(void **state CG_UNUSED)
{
	static const char *const rows[] = {"", "=", "memory.max", "memory.max=", "memory.max=-1",
		"memory.max=64X", "memory.max=1.0000000001G", "memory.max=99999999999G", "memory.max=64M 1",
		"cpu.max=100/0", "cpu.max=1/2/3", "cpu.max=0/100000", "cpu.max=-1", "cpu.max=/", "cpu.max=5/",
		"cpu.max=0%", "cpu.max=50%%", "cpu.max=x%", "cpu.weight=0", "cpu.weight=10001", "pids.max=-1",
		"nonsense=1", "memory.current=1", "memory.limit_in_bytes=1M", "cgroup.procs=1",
		"cgroup.freeze=1", "cgroup.kill=1", "cgroup.type=threaded", "cgroup.subtree_control=+cpu",
		"cpuset.cpus=3-1", "io.max=8:0", "memory.max=1\nmemory.min=1"};

	for (size_t i = 0; i < CG_ARRAY_SIZE(rows); i++) {
		_cleanup_text_ struct cg_text t = {0};
		_cleanup_error_ struct cg_error *err = NULL;

		if (cg_limit_check(rows[i], &t, &err) == 0)
			fail_msg("\"%s\" is taken as \"%s\"", rows[i], t.data);
		assert_non_null(err);
		assert_int_equal(err->fault, CG_FAULT_USAGE);
		assert_int_equal(t.len, 0);
	}
}

static struct cg_strings list(const char *a, const char *b)
{
	struct cg_strings s = {0};

	assert_int_equal(cg_strings_add(&s, cg_bytes_of(a)), 0);
	if (b)
		assert_int_equal(cg_strings_add(&s, cg_bytes_of(b)), 0);
	return s;
}

static void test_lists(void **state CG_UNUSED)
{
	struct cg_strings twice = list("memory.max=1M", "memory.max=2M"),
			  keyed = list("io.max=8:0 rbps=4096", "io.max=8:16 rbps=8192"),
			  over = list("memory.max=3M", "pids.max=1");
	struct cg_error *err = NULL;

	assert_true(cg_limits_check(&twice, &err) < 0);
	err = cg_error_free(err);
	/* What was refused is as it was. */
	assert_int_equal(twice.count, 2);
	assert_int_equal(cg_limits_check(&keyed, &err), 0);
	assert_int_equal(cg_limits_merge(&twice, &over), 0);
	assert_int_equal(twice.count, 2);
	assert_string_equal(cg_limits_value(&twice, "memory.max"), "3M");
	assert_string_equal(cg_limits_value(&twice, "pids.max"), "1");
	assert_null(cg_limits_value(&twice, "memory"));
	cg_strings_free(&twice);
	cg_strings_free(&keyed);
	cg_strings_free(&over);
}

/* What an update leaves out stays: other devices, and other words of the same one. */
static void test_keyed_lists(void **state CG_UNUSED)
{
	struct cg_strings limits = list("io.max=8:0 rbps=1 wbps=2", "io.max=8:16 rbps=3"),
			  over = list("io.max=8:0 wbps=4", "io.max=8:32 rbps=5");
	const char *p;

	assert_int_equal(cg_limits_merge(&limits, &over), 0);
	assert_int_equal(limits.count, 3);
	p = cg_strings_next(&limits, NULL);
	assert_string_equal(p, "io.max=8:16 rbps=3");
	p = cg_strings_next(&limits, p);
	assert_string_equal(p, "io.max=8:0 wbps=4 rbps=1");
	p = cg_strings_next(&limits, p);
	assert_string_equal(p, "io.max=8:32 rbps=5");
	cg_strings_free(&limits);
	cg_strings_free(&over);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_taken), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lists), cmocka_unit_test(test_keyed_lists)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
