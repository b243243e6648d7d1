/* What manager and shim tell each other comes out as it went in, and nothing else is taken. */
#include <errno.h>
#include <string.h>

#include "shim/spec.h"
#include "unit/base/cmocka_all.h"

static void add_least(struct cg_text *t)
{
	shim_spec_add(t, SHIM_ID, "a");
	shim_spec_add(t, SHIM_CWD, "/tmp");
	shim_spec_add(t, SHIM_ARG, "sh");
	shim_spec_add_number(t, SHIM_UID, 0);
	shim_spec_add_number(t, SHIM_GID, 5);
}

static int parse(const struct cg_text *t, struct shim_spec *s)
{
	return shim_spec_parse((struct cg_bytes){t->data, t->len}, s);
}

static void test_round(void **state CG_UNUSED)
{
	_cleanup_text_ struct cg_text t = {0};
	_cleanup_shim_spec_ struct shim_spec s = {0};

	add_least(&t);
	shim_spec_add(&t, SHIM_ARG, "");
	shim_spec_add(&t, SHIM_ARG, "a b\nc");
	shim_spec_add(&t, SHIM_ENV, "A=b");
	shim_spec_add_number(&t, SHIM_GROUP, 7);
	shim_spec_add_number(&t, SHIM_OOM_ADJ, 100);
	shim_spec_add_number(&t, SHIM_NICE, 5);
	shim_spec_add_number(&t, SHIM_V1_GROUPS, 2);
	shim_spec_add_number(&t, SHIM_FREEZER, 1);
	shim_spec_add(&t, SHIM_FOREGROUND, "");
	assert_int_equal(parse(&t, &s), 0);
	assert_int_equal(s.argc, 3);
	assert_string_equal(s.argv[0], "sh");
	assert_string_equal(s.argv[1], "");
	assert_string_equal(s.argv[2], "a b\nc");
	assert_null(s.argv[3]);
	assert_string_equal(s.env[0], "A=b");
	assert_null(s.env[1]);
	assert_int_equal(s.group[0], 7);
	assert_int_equal(s.oom_adj, -900);
	assert_int_equal(s.nice, -15);
	assert_int_equal(s.v1_groups, 2);
	assert_true(s.has_freezer && s.freezer == 1 && s.foreground && !s.new_privs);
	assert_int_equal(s.gid, 5);
}

/* A restore has its own descriptors, and no terminal. */
static void test_restore(void **state CG_UNUSED)
{
	_cleanup_text_ struct cg_text t = {0};
	_cleanup_shim_spec_ struct shim_spec s = {0}, none = {0};

	add_least(&t);
	shim_spec_add(&t, SHIM_RESTORE, "");
	assert_int_equal(parse(&t, &s), 0);
	assert_true(s.restore && !s.foreground);
	shim_spec_add(&t, SHIM_FOREGROUND, "");
	assert_int_equal(parse(&t, &none), -EINVAL);
}

static void test_refused(void **state CG_UNUSED)
{
	static const struct {
		enum shim_tag tag;
		const char *value;
	} bad[] = {{'?', ""}, {SHIM_UID, "-1"}, {SHIM_UID, "4294967295"}, {SHIM_GID, "x"},
		{SHIM_OOM_ADJ, "2001"}, {SHIM_NICE, "41"}, {SHIM_V1_GROUPS, "17"}, {SHIM_FREEZER, "0"},
		{SHIM_FOREGROUND, "1"}, {SHIM_RESTORE, "1"}, {SHIM_THAW_MS, "4294967296"}};

	for (size_t i = 0; i < CG_ARRAY_SIZE(bad); i++) {
		_cleanup_text_ struct cg_text t = {0};
		struct shim_spec s = {0};

		add_least(&t);
		shim_spec_add(&t, bad[i].tag, bad[i].value);
		assert_true(parse(&t, &s) < 0);
		assert_null(s.argv);
	}
}

/* Each prefix of a file is refused or lacks nothing that is needed. */
static void test_cut(void **state CG_UNUSED)
{
	_cleanup_text_ struct cg_text t = {0};

	add_least(&t);
	for (size_t len = 0; len < t.len; len++) {
		struct shim_spec s = {0};

		assert_true(shim_spec_parse((struct cg_bytes){t.data, len}, &s) < 0);
	}
}

static void test_end(void **state CG_UNUSED)
{
	static const struct shim_end ends[] = {{SHIM_END_EXIT, 0}, {SHIM_END_EXIT, 255}, {SHIM_END_SIGNAL, 9},
		{SHIM_END_FAILED, ENOENT, SHIM_NO_EXEC}, {SHIM_END_EXIT, 1, 0, UINT64_MAX, ENOSPC}};

	for (size_t i = 0; i < CG_ARRAY_SIZE(ends); i++) {
		_cleanup_text_ struct cg_text t = {0};
		struct shim_end e = {0};

		shim_end_write(&t, &ends[i]);
		for (size_t len = 0; len < t.len; len++) {
			int r = shim_end_parse((struct cg_bytes){t.data, len}, &e);

			/* The first line alone is whole. */
			assert_true(r < 0 || t.data[len - 1] == '\n');
		}
		assert_int_equal(shim_end_parse((struct cg_bytes){t.data, t.len}, &e), 0);
		assert_int_equal(e.kind, ends[i].kind);
		assert_int_equal(e.code, ends[i].code);
		assert_int_equal(e.stage, ends[i].stage);
		assert_true(e.dropped == ends[i].dropped && e.dropped_code == ends[i].dropped_code);
	}
}

static void test_bad_end(void **state CG_UNUSED)
{
	static const char *const bad[] = {"", "exit 7", "exit -1\n", "exit 256\n", "exit 1 2\n", "ended 1\n",
		"failed 99 1\n", "exit 1\nlost 3 4\n", "exit 1\ndropped 3\n", "exit 1\ndropped 1 1\nx\n"};
	struct shim_end e;

	for (size_t i = 0; i < CG_ARRAY_SIZE(bad); i++)
		assert_true(shim_end_parse(cg_bytes_of(bad[i]), &e) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_round), cmocka_unit_test(test_restore),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_cut), cmocka_unit_test(test_end),
		cmocka_unit_test(test_bad_end)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
