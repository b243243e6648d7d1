/* --delegate as text, and bounds against limits of jobs. */
#include <errno.h>
#include <string.h>

#include "control/delegation.h"
#include "unit/base/cmocka_all.h"

static void parses(void **state)
{
	_cleanup_delegation_ struct cg_delegation d = {0};

	(void)state;
	assert_int_equal(
		cg_delegation_parse(
			"/a/box=/run/box/sock:1000,jobs=5,depth=2,memory=1G,pids=100,cpu=150%,name=b", &d,
			NULL),
		0);
	assert_string_equal(d.path, "/a/box");
	assert_string_equal(d.socket, "/run/box/sock");
	assert_string_equal(d.name, "b");
	assert_int_equal(d.uid, 1000);
	assert_int_equal(d.jobs, 5);
	assert_int_equal(d.depth, 2);
	assert_int_equal(d.most[CG_SHARE_MEMORY], 1 << 30);
	assert_int_equal(d.most[CG_SHARE_SWAP], 0);
	assert_int_equal(d.most[CG_SHARE_PIDS], 100);
	assert_int_equal(d.most[CG_SHARE_CPU], 1500000);
}

static void is_called_after_its_group(void **state)
{
	_cleanup_delegation_ struct cg_delegation d = {0};

	(void)state;
	assert_int_equal(cg_delegation_parse("/a/box.1=/s:0", &d, NULL), 0);
	assert_string_equal(d.name, "box.1");
}

static void refuses_what_is_none(void **state)
{
	static const char *const bad[] = {"", "=", "/a", "/a=/s", "a=/s:1", "/=/s:1", "/a/=/s:1",
		"/a/../b=/s:1", "/./a=/s:1", "//a=/s:1", "/a=s:1", "/a=/s:x", "/a=/s:-1", "/a=/s:4294967295",
		"/a=/s:4294967296", "/a=/s:1,", "/a=/s:1,jobs", "/a=/s:1,jobs=0", "/a=/s:1,jobs=-1",
		"/a=/s:1,jobs=x", "/a=/s:1,depth=0", "/a=/s:1,memory=", "/a=/s:1,memory=max",
		"/a=/s:1,memory=-1", "/a=/s:1,memory=0", "/a=/s:1,memory=64MiBB", "/a=/s:1,cpu=0%",
		"/a=/s:1,cpu=max", "/a=/s:1,pids=max", "/a=/s:1,what=1", "/a=/s:1,name=a:b",
		"/a=/s:1,name=..", "/a=/s:1,name=a/b", "/a b=/s:1",
		"/a=/s:1,name=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

	(void)state;
	for (size_t i = 0; i < CG_ARRAY_SIZE(bad); i++) {
		_cleanup_delegation_ struct cg_delegation d = {0};
		_cleanup_error_ struct cg_error *err = NULL;

		if (cg_delegation_parse(bad[i], &d, &err) == 0)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_non_null(err);
		assert_null(d.path);
	}
}

static void set(struct cg_strings *limits, const char *limit)
{
	assert_int_equal(cg_strings_add(limits, cg_bytes_of(limit)), 0);
	assert_int_equal(cg_limits_check(limits, NULL), 0);
}

static void bounds_sums(void **state)
{
	_cleanup_delegation_ struct cg_delegation d = {0};
	_cleanup_(cg_strings_free) struct cg_strings none = {0}, half = {0}, unlimited = {0};
	_cleanup_error_ struct cg_error *missing = NULL, *much = NULL, *boundless = NULL;
	uint64_t taken[CG_SHARES] = {0};

	(void)state;
	assert_int_equal(cg_delegation_parse("/a=/s:1,memory=100M,cpu=100%", &d, NULL), 0);
	set(&half, "memory.max=60M");
	set(&half, "cpu.max=1000/3000");
	set(&unlimited, "memory.max=max");
	set(&unlimited, "cpu.max=10%");
	assert_int_equal(cg_delegation_fits(&d, &none, taken, &missing), -EDQUOT);
	assert_string_equal(missing->knob, "memory.max");
	assert_int_equal(cg_delegation_fits(&d, &unlimited, taken, &boundless), -EDQUOT);
	assert_int_equal(cg_delegation_fits(&d, &half, taken, NULL), 0);
	assert_int_equal(cg_delegation_add(&d, &half, taken, NULL), 0);
	assert_int_equal(taken[CG_SHARE_MEMORY], 60 << 20);
	/* Rounded up. */
	assert_int_equal(taken[CG_SHARE_CPU], 333334);
	assert_int_equal(cg_delegation_fits(&d, &half, taken, &much), -EDQUOT);
	assert_string_equal(much->message, "the jobs here share 100M, and 40M of it is left");
	/* No sum wraps round. */
	taken[CG_SHARE_MEMORY] = UINT64_MAX;
	assert_int_equal(cg_delegation_fits(&d, &half, taken, NULL), -EDQUOT);
}

static void bounds_depth(void **state)
{
	_cleanup_delegation_ struct cg_delegation d = {0};
	_cleanup_(cg_strings_free) struct cg_strings none = {0}, less = {0}, more = {0}, all = {0};
	_cleanup_error_ struct cg_error *err = NULL;

	(void)state;
	assert_int_equal(cg_delegation_parse("/a=/s:1,depth=2", &d, NULL), 0);
	set(&less, "cgroup.max.depth=0");
	set(&more, "cgroup.max.depth=2");
	set(&all, "cgroup.max.depth=max");
	assert_int_equal(cg_delegation_bound_depth(&d, &none, NULL), 0);
	assert_string_equal(cg_limits_value(&none, "cgroup.max.depth"), "1");
	assert_int_equal(cg_delegation_bound_depth(&d, &less, NULL), 0);
	assert_string_equal(cg_limits_value(&less, "cgroup.max.depth"), "0");
	assert_int_equal(cg_delegation_bound_depth(&d, &more, &err), -EDQUOT);
	assert_int_equal(cg_delegation_bound_depth(&d, &all, NULL), -EDQUOT);
}

static void names(void **state)
{
	static const char *const good[] = {"a", "box:a", "b.1:a-b"},
				 *const bad[] = {"", ":", "a:", ":a", "a:b:c", "..:a", "a:..", "a:b/c",
					 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:b"};

	(void)state;
	for (size_t i = 0; i < CG_ARRAY_SIZE(good); i++)
		assert_true(cg_job_name_is_valid(cg_bytes_of(good[i])));
	for (size_t i = 0; i < CG_ARRAY_SIZE(bad); i++)
		assert_false(cg_job_name_is_valid(cg_bytes_of(bad[i])));
	assert_false(cg_job_id_is_valid(CG_BYTES("box:a")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(is_called_after_its_group),
		cmocka_unit_test(refuses_what_is_none),
		cmocka_unit_test(bounds_sums),
		cmocka_unit_test(bounds_depth),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
