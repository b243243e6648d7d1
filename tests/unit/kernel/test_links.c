/* Network interfaces: every name space has at least the loopback interface, which has no hardware address. */
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/links.h"

struct seen {
	size_t count, loopback;
};

static int look(void *context, const char *name, const char *stable)
{
	struct seen *s = context;
	const char *end;

	s->count++;
	assert_true(if_nametoindex(name) > 0);
	if (strcmp(name, "lo") == 0) {
		s->loopback++;
		assert_string_equal(stable, "");
	} else if (stable[0]) {
		assert_int_equal(strncmp(stable, "mac:", 4), 0);
		assert_true(strlen(stable) >= 4 + 2);
		end = stable + 4 + strspn(stable + 4, "0123456789abcdef:");
		assert_true(*end == '\0' || (*end == '/' && end[1] != '\0'));
	}
	return 0;
}

static void test_all(void **state)
{
	struct seen s = {0};
	struct cg_error *err = NULL;

	(void)state;
	assert_int_equal(cg_links_each(look, &s, &err), 0);
	assert_int_equal(s.loopback, 1);
	assert_true(s.count >= 1);
}

static int stop(void *context, const char *name, const char *stable)
{
	(void)context;
	(void)name;
	(void)stable;
	return 42;
}

static void test_stops(void **state)
{
	(void)state;
	assert_int_equal(cg_links_each(stop, NULL, NULL), 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_all), cmocka_unit_test(test_stops)};

	return cmocka_run_group_tests_name("kernel/links", tests, NULL, NULL);
}
