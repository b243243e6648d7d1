/* What people write, as the kernel takes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "model/value.h"

static void assert_words(const char *file, int version, const char *words, const char *expected)
{
	const struct cg_knob *knob = cg_knob_find(file, version);
	_cleanup_text_ struct cg_text t = {0};

	assert_non_null(knob);
	assert_int_equal(cg_value_of_words(knob, cg_bytes_of(words), &t), 0);
	assert_string_equal(t.data ? t.data : "", expected);
}

/* Words that are no form of this file go on as they are, and are refused. */
static void assert_refused(const char *file, int version, const char *words)
{
	const struct cg_knob *knob = cg_knob_find(file, version);
	_cleanup_error_ struct cg_error *err = NULL;
	_cleanup_text_ struct cg_text t = {0};

	assert_non_null(knob);
	assert_int_equal(cg_value_of_words(knob, cg_bytes_of(words), &t), 0);
	assert_int_equal(
		cg_value_check(knob, file, (struct cg_bytes){t.data ? t.data : "", t.len}, &err), -EINVAL);
}

static void test_sizes(void **state CG_UNUSED)
{
	assert_words("memory.max", 2, "20M", "20971520");
	assert_words("memory.max", 2, "1.5G", "1610612736");
	assert_words("memory.max", 2, "64MiB", "67108864");
	assert_words("memory.max", 2, "64m", "67108864");
	assert_words("memory.max", 2, " 4096 ", "4096");
	assert_words("memory.max", 2, "max", "max");
	assert_words("memory.limit_in_bytes", 1, "max", "-1");
	assert_words("memory.limit_in_bytes", 1, "-1", "-1");
	assert_words("hugetlb.2MB.max", 2, "4M", "4194304");
	assert_refused("memory.max", 2, "64MiX");
	assert_refused("memory.max", 2, "64mb");
	assert_refused("memory.max", 2, "1.0001K");
	assert_refused("memory.max", 2, "-1");
	assert_refused("memory.max", 2, "99999999999999999999");
	assert_refused("memory.max", 2, "16E");
	assert_refused("memory.max", 2, "");
	assert_refused("pids.max", 2, "1K");
}

static void test_times(void **state CG_UNUSED)
{
	assert_words("cpu.cfs_quota_us", 1, "50ms", "50000");
	assert_words("cpu.cfs_quota_us", 1, "max", "-1");
	assert_words("cpu.cfs_period_us", 1, "1s", "1000000");
	assert_words("cpu.max.burst", 2, "300us", "300");
	assert_refused("cpu.cfs_quota_us", 1, "1m");
	assert_refused("cpu.cfs_period_us", 1, "99999999999999999s");
	assert_refused("cpu.shares", 1, "50ms");
}

static void test_quota(void **state CG_UNUSED)
{
	assert_words("cpu.max", 2, "35%", "35000 100000");
	assert_words("cpu.max", 2, "150%", "150000 100000");
	assert_words("cpu.max", 2, "12.5%", "12500 100000");
	assert_words("cpu.max", 2, "0.5%", "5000 1000000");
	assert_words("cpu.max", 2, "0.1%", "1000 1000000");
	assert_words("cpu.max", 2, "max", "max 100000");
	assert_words("cpu.max", 2, "5000 10000", "5000 10000");
	assert_words("cpu.uclamp.max", 2, "50.25%", "50.25");
	assert_refused("cpu.max", 2, "0.01%");
	assert_refused("cpu.max", 2, "%");
	assert_refused("cpu.max", 2, "-5%");
	assert_refused("cpu.max", 2, "1.%");
	assert_refused("cpu.max", 2, "1.2345%");
	assert_refused("cpu.max", 2, "35");
	assert_refused("cpu.max", 2, "99999999999999999999%");
}

static void test_entries(void **state CG_UNUSED)
{
	assert_words("io.max", 2, "8:0 rbps=1M wiops=7", "8:0 rbps=1048576 wiops=7");
	assert_words("io.max", 2, "8:0 rbps=max\n8:16 wbps=1K", "8:0 rbps=max\n8:16 wbps=1024");
	assert_words("blkio.throttle.read_bps_device", 1, "8:0 2M", "8:0 2097152");
	assert_refused("io.max", 2, "8:0 riops=1M");
	assert_refused("blkio.throttle.read_iops_device", 1, "8:0 1M");
}

static void assert_merged(
	const char *file, int version, const char *present, const char *given, const char *expected)
{
	const struct cg_knob *knob = cg_knob_find(file, version);
	_cleanup_text_ struct cg_text t = {0};

	assert_non_null(knob);
	assert_int_equal(cg_value_merge(knob, cg_bytes_of(present), cg_bytes_of(given), &t), 0);
	assert_string_equal(t.data ? t.data : "", expected);
}

static void test_merge(void **state CG_UNUSED)
{
	assert_merged("io.max", 2, "8:0 rbps=5 wbps=max riops=max wiops=max\n", "8:16 wbps=7",
		"8:0 rbps=5 wbps=max riops=max wiops=max\n8:16 wbps=7");
	assert_merged("io.max", 2, "8:0 rbps=5 wbps=max riops=max wiops=9\n", "8:0 rbps=max",
		"8:0 rbps=max wbps=max riops=max wiops=9");
	assert_merged("io.weight", 2, "default 100\n8:0 50\n", "8:0 70", "8:0 70\ndefault 100");
	assert_merged("pids.max", 2, "max\n", "5", "5");
	assert_merged("cgroup.subtree_control", 2, "cpu memory\n", "+pids -cpu", "memory pids");
	assert_merged("cgroup.subtree_control", 2, "cpu memory\n", "-cpu -memory", "");
	assert_merged("cgroup.subtree_control", 2, "cpu memory\n", "io", "io");
	assert_merged("cgroup.subtree_control", 2, "cpu memory\n", "+cpu", "cpu memory");
}

static int change(const char *present, const char *rule, bool adds, struct cg_text *t)
{
	_cleanup_error_ struct cg_error *err = NULL;

	return cg_value_change_rules(
		cg_knob_find("devices.list", 1), cg_bytes_of(present), cg_bytes_of(rule), adds, t, &err);
}

static void assert_rules(const char *present, const char *rule, bool adds, const char *expected)
{
	_cleanup_text_ struct cg_text t = {0};

	assert_int_equal(change(present, rule, adds, &t), 0);
	assert_string_equal(t.data ? t.data : "", expected);
}

static void test_rules(void **state CG_UNUSED)
{
	_cleanup_text_ struct cg_text t = {0};

	assert_rules("a *:* rwm", "a", false, "");
	assert_rules("a *:* rwm", "a *:*", false, "");
	assert_rules("", "a", true, "a *:* rwm");
	assert_rules("a *:* rwm", "c 1:3 r", true, "a *:* rwm");
	assert_rules("", "c 1:3 mr", true, "c 1:3 rm");
	assert_rules("c 1:3 rm", "c 1:3 w", true, "c 1:3 rwm");
	assert_rules("c 1:3 rm\nb 8:0 r", "c 1:3 rm", false, "b 8:0 r");
	assert_rules("c 1:3 rwm", "c 1:3 w", false, "c 1:3 rm");
	/* What the kernel would take and not show. */
	assert_int_equal(change("a *:* rwm", "c 1:3 w", false, &t), -EOPNOTSUPP);
	assert_int_equal(change("c *:* rwm", "c 1:3 w", false, &t), -EINVAL);
	assert_int_equal(change("", "c 1:3", true, &t), -EINVAL);
	assert_int_equal(change("", "x 1:3 r", true, &t), 0);
	assert_int_equal(change("", "c 1:3 r\nc 1:5 r", true, &t), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_quota),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
