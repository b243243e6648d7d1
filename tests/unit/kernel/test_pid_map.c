/* Ids there and here: added in any order, found after sorting; those of our own namespace by /proc. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/pid_map.h"
#include "kernel/tasks.h"

static void test_find(void **state)
{
	_cleanup_pid_map_ struct cg_pid_map m = {0};

	(void)state;
	assert_int_equal(cg_pid_map_find(&m, 1), 0);
	for (int32_t i = 1000; i > 0; i--)
		assert_int_equal(cg_pid_map_add(&m, i * 7 % 1009, i), 0);
	cg_pid_map_sort(&m);
	for (int32_t i = 1; i <= 1000; i++)
		assert_int_equal(cg_pid_map_find(&m, i * 7 % 1009), i);
	assert_int_equal(cg_pid_map_find(&m, 5000), 0);
}

static void test_same(void **state)
{
	struct cg_pid_map m = {.same = true};

	(void)state;
	assert_int_equal(cg_pid_map_find(&m, 4711), 4711);
}

static void test_namespace(void **state)
{
	_cleanup_pid_map_ struct cg_pid_map m = {0};
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_close_ int proc = -1;

	(void)state;
	assert_int_equal(cg_proc_open(&proc, NULL), 0);
	assert_int_equal(cg_pid_map_read(&m, proc, getpid(), &b), 0);
	cg_pid_map_sort(&m);
	assert_int_equal(cg_pid_map_find(&m, getpid()), getpid());
	assert_int_equal(cg_pid_map_read(&m, proc, 4194304, &b), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
