/* Suggestions for misspelt words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "cli/cli.h"

static const char *const words[] = {"dump", "restore", "show", "check", "diff"};

static void assert_nearest(const char *word, const char *expected)
{
	const char *got = cli_nearest(word, words, CG_ARRAY_SIZE(words));

	if (expected) {
		assert_non_null(got);
		assert_string_equal(got, expected);
	} else {
		assert_null(got);
	}
}

static void test_nearest(void **state CG_UNUSED)
{
	char endless[300];

	assert_nearest("dmup", "dump");
	assert_nearest("dum", "dump");
	assert_nearest("restor", "restore");
	assert_nearest("shwo", "show");
	assert_nearest("cheque", "check");
	assert_nearest("rest", "restore"); /* too far by letters, but its beginning */
	assert_nearest("xyzzy", NULL);
	assert_nearest("q", NULL);
	memset(endless, 'd', sizeof(endless));
	endless[sizeof(endless) - 1] = '\0';
	assert_nearest(endless, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_nearest)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
