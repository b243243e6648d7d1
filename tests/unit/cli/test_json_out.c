/* The JSON writer: what it writes is compared byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cli/json_out.h"

static void assert_written(void (*write)(struct json_out *), bool pretty, const char *expected)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);
	struct json_out j = json_begin(file, pretty);

	write(&j);
	assert_int_equal(fclose(file), 0);
	assert_string_equal(text, expected);
	free(text);
}

static void write_object(struct json_out *j)
{
	json_open(j, '{');
	json_number(json_member(j, "n"), UINT64_MAX);
	json_open(json_member(j, "list"), '[');
	json_signed(j, -1);
	json_bool(j, true);
	json_nothing(j);
	json_open(j, '{');
	json_close(j, '}');
	json_close(j, ']');
	json_text(json_member(j, "none"), NULL);
	json_close(j, '}');
}

static void test_shape(void **state CG_UNUSED)
{
	assert_written(
		write_object, false, "{\"n\":18446744073709551615,\"list\":[-1,true,null,{}],\"none\":null}");
	assert_written(write_object, true,
		"{\n  \"n\": 18446744073709551615,\n  \"list\": [\n    -1,\n    true,\n    null,\n    {}\n  ],\n"
		"  \"none\": null\n}");
}

static void write_strings(struct json_out *j)
{
	json_open(j, '[');
	json_text(j, "q\" b\\ n\n t\t e\033 d\x7f");
	json_text(j, "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x8c\xb3");
	json_bytes(j, (struct cg_bytes){"", 0});
	json_close(j, ']');
}

static void write_no_utf8(struct json_out *j)
{
	json_open(j, '[');
	json_bytes(j, (struct cg_bytes){"\xff", 1});
	json_bytes(j, (struct cg_bytes){"\xc0\x80", 2});
	json_bytes(j, (struct cg_bytes){"\xed\xa0\x80", 3});
	json_bytes(j, (struct cg_bytes){"\xe2\x82", 2});
	json_close(j, ']');
}

static void test_strings(void **state CG_UNUSED)
{
	assert_written(write_strings, false,
		"[\"q\\\" b\\\\ n\\n t\\t e\\u001b d\\u007f\",\"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x8c\xb3\",\"\"]");
	assert_written(write_no_utf8, false,
		"[{\"base64\": \"/w==\"},{\"base64\": \"wIA=\"},{\"base64\": \"7aCA\"},{\"base64\": \"4oI=\"}]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
