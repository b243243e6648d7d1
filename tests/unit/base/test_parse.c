/* Strict parsers: what they take, what they refuse, and that a refusal leaves the result alone. */
#include "base/text.h"

#include <errno.h>
#include <string.h>

#include "unit/base/cmocka_all.h"

static void test_u64(void **state)
{
	static const struct {
		const char *text;
		int result;
		uint64_t value;
	} cases[] = {
		{"0", 0, 0},
		{"7", 0, 7},
		{"18446744073709551615", 0, UINT64_MAX},
		{"18446744073709551616", -ERANGE, 0},
		{"99999999999999999999999999", -ERANGE, 0},
		{"99999999999999999999999999x", -EINVAL, 0},
		{"", -EINVAL, 0},
		{"00", -EINVAL, 0},
		{"010", -EINVAL, 0},
		{"0x10", -EINVAL, 0},
		{"+1", -EINVAL, 0},
		{"-1", -EINVAL, 0},
		{" 1", -EINVAL, 0},
		{"1 ", -EINVAL, 0},
		{"1\n", -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < CG_ARRAY_SIZE(cases); i++) {
		uint64_t v = 42;

		assert_int_equal(cg_parse_u64(cg_bytes_of(cases[i].text), &v), cases[i].result);
		assert_int_equal(v, cases[i].result == 0 ? cases[i].value : 42);
	}
}

static void test_s64(void **state)
{
	int64_t v = 5;

	(void)state;
	assert_int_equal(cg_parse_s64(cg_bytes_of("-9223372036854775808"), &v), 0);
	assert_true(v == INT64_MIN);
	assert_int_equal(cg_parse_s64(cg_bytes_of("9223372036854775807"), &v), 0);
	assert_true(v == INT64_MAX);
	assert_int_equal(cg_parse_s64(cg_bytes_of("9223372036854775808"), &v), -ERANGE);
	assert_int_equal(cg_parse_s64(cg_bytes_of("-9223372036854775809"), &v), -ERANGE);
	assert_int_equal(cg_parse_s64(cg_bytes_of("-0"), &v), -EINVAL);
	assert_int_equal(cg_parse_s64(cg_bytes_of("-"), &v), -EINVAL);
	assert_int_equal(cg_parse_s64(cg_bytes_of("--1"), &v), -EINVAL);
	assert_true(v == INT64_MAX);
}

static void test_octal(void **state)
{
	uint32_t v = 0;

	(void)state;
	assert_int_equal(cg_parse_octal(cg_bytes_of("0755"), &v), 0);
	assert_int_equal(v, 0755);
	assert_int_equal(cg_parse_octal(cg_bytes_of("8"), &v), -EINVAL);
	assert_int_equal(cg_parse_octal(cg_bytes_of("77777777777"), &v), -ERANGE);
}

static void test_size(void **state)
{
	static const struct {
		const char *text;
		int result;
		uint64_t value;
	} cases[] = {
		{"0", 0, 0},
		{"4096", 0, 4096},
		{"64K", 0, 65536},
		{"64k", 0, 65536},
		{"64KiB", 0, 65536},
		{"64MB", 0, 64u << 20},
		{"12B", 0, 12},
		{"1.5G", 0, 3u << 29},
		{"0.25K", 0, 256},
		{"15E", 0, 15ull << 60},
		{"16E", -ERANGE, 0},
		{"0.3K", -EINVAL, 0}, /* not a whole number of bytes */
		{"1.5", -EINVAL, 0},
		{"1.", -EINVAL, 0},
		{"1.K", -EINVAL, 0},
		{".5K", -EINVAL, 0},
		{"K", -EINVAL, 0},
		{"", -EINVAL, 0},
		{"B", -EINVAL, 0},
		{"iB", -EINVAL, 0},
		{"1iB", -EINVAL, 0},
		{"1KK", -EINVAL, 0},
		{"-1", -EINVAL, 0},
		{"1 K", -EINVAL, 0},
		{"max", -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < CG_ARRAY_SIZE(cases); i++) {
		uint64_t v = 42;
		int r = cg_parse_size(cg_bytes_of(cases[i].text), &v);

		if (r != cases[i].result || v != (r == 0 ? cases[i].value : 42))
			fail_msg("\"%s\": %d, %llu", cases[i].text, r, (unsigned long long)v);
	}
}

static void test_pid(void **state)
{
	static const char *const refused[] = {
		"0", "-1", "0x10", "010", "1 ", "4194305", "99999999999", "", "self"};
	int v = 7;

	(void)state;
	assert_int_equal(cg_parse_pid(cg_bytes_of("1"), &v), 0);
	assert_int_equal(v, 1);
	assert_int_equal(cg_parse_pid(cg_bytes_of("4194304"), &v), 0);
	for (size_t i = 0; i < CG_ARRAY_SIZE(refused); i++)
		assert_true(cg_parse_pid(cg_bytes_of(refused[i]), &v) < 0);
	assert_int_equal(v, 4194304);
}

static void test_ranges(void **state)
{
	_cleanup_ranges_ struct cg_ranges a = {0}, b = {0}, c = {0}, none = {0};
	struct cg_ranges untouched = {0};

	(void)state;
	assert_int_equal(cg_parse_ranges(cg_bytes_of("8,0-3,10-11,2-5"), &a), 0);
	assert_int_equal(a.count, 3);
	assert_int_equal(a.item[0].first, 0);
	assert_int_equal(a.item[0].last, 5);
	assert_int_equal(cg_parse_ranges(cg_bytes_of("0,1,2,3,4,5,8,10,11"), &b), 0);
	assert_true(cg_ranges_equal(&a, &b));
	assert_int_equal(cg_parse_ranges(cg_bytes_of("1-2,11"), &c), 0);
	assert_true(cg_ranges_subset(&c, &a));
	assert_false(cg_ranges_subset(&a, &c));
	assert_int_equal(cg_parse_ranges(cg_bytes_of(""), &none), 0);
	assert_int_equal(none.count, 0);
	assert_true(cg_ranges_subset(&none, &c));
	assert_false(cg_ranges_subset(&c, &none));
	assert_int_equal(cg_parse_ranges(cg_bytes_of("3-1"), &untouched), -EINVAL);
	assert_int_equal(cg_parse_ranges(cg_bytes_of("1,"), &untouched), -EINVAL);
	assert_int_equal(cg_parse_ranges(cg_bytes_of(",1"), &untouched), -EINVAL);
	assert_int_equal(cg_parse_ranges(cg_bytes_of("1-"), &untouched), -EINVAL);
	assert_int_equal(cg_parse_ranges(cg_bytes_of("0-65536"), &untouched), -ERANGE);
	assert_null(untouched.item);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_u64),
		cmocka_unit_test(test_s64),
		cmocka_unit_test(test_octal),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_pid),
		cmocka_unit_test(test_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
