/* Error objects: made once, wrapped upward, the innermost place and the first advice kept. */
#include "base/error.h"

#include <string.h>

#include "unit/base/cmocka_all.h"

static void test_layers(void **state)
{
	_cleanup_error_ struct cg_error *err = NULL;
	_cleanup_free_ char *text = NULL;

	(void)state;
	assert_int_equal(cg_error_errno(&err, EBUSY, "cannot write %s", "\"1\""), -EBUSY);
	cg_error_at(&err, "/a/b", "memory.max");
	cg_error_at(&err, "/other", "other");
	cg_error_hint(&err, "use less");
	cg_error_hint(&err, "another");
	cg_error_wrap(&err, "restore");
	assert_int_equal(err->code, EBUSY);
	assert_int_equal(err->fault, CG_FAULT_SYSTEM);
	assert_string_equal(err->hint, "use less");
	text = cg_error_text(err);
	assert_string_equal(text, "/a/b memory.max: restore: cannot write \"1\": Device or resource busy");
}

static void test_text_is_safe(void **state)
{
	_cleanup_error_ struct cg_error *err = NULL;
	_cleanup_free_ char *text = NULL;

	(void)state;
	assert_int_equal(cg_error_usage(&err, "no \x1b[2J"), -EINVAL);
	cg_error_at(&err, "/a\nb", NULL);
	text = cg_error_text(err);
	assert_string_equal(text, "/a\\nb: no \\x1b[2J");
}

static void test_nobody_asks(void **state)
{
	(void)state;
	assert_int_equal(cg_error_usage(NULL, "x"), -EINVAL);
	cg_error_wrap(NULL, "x");
	cg_error_at(NULL, "x", "y");
	cg_error_hint(NULL, "x");
	assert_null(cg_error_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_text_is_safe),
		cmocka_unit_test(test_nobody_asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
