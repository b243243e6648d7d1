/* Growing strings, runs of bytes, and what is safe to show. */
#include "base/text.h"

#include <errno.h>
#include <string.h>

#include "unit/base/cmocka_all.h"

static void assert_shown(struct cg_bytes raw, const char *shown)
{
	_cleanup_text_ struct cg_text t = {0};

	cg_text_escape(&t, raw);
	assert_false(t.failed);
	assert_string_equal(t.data, shown);
}

static void test_escape(void **state)
{
	(void)state;
	assert_shown(CG_BYTES("plain"), "plain");
	assert_shown(CG_BYTES("a\nb\tc\\d"), "a\\nb\\tc\\\\d");
	assert_shown(CG_BYTES("\x1b[31m"), "\\x1b[31m");
	assert_shown(CG_BYTES("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
	assert_shown(CG_BYTES("\xff\xfe"), "\\xff\\xfe");
	assert_shown(CG_BYTES("\xc3"), "\\xc3");                            /* cut short */
	assert_shown(CG_BYTES("\xc0\xaf"), "\\xc0\\xaf");                   /* longer than needed */
	assert_shown(CG_BYTES("\xed\xa0\x80"), "\\xed\\xa0\\x80");          /* a surrogate */
	assert_shown(CG_BYTES("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80"); /* beyond U+10FFFF */
	assert_shown(CG_BYTES("\xc2\x9b"), "\\xc2\\x9b");                   /* CSI as one code point */
	assert_shown((struct cg_bytes){"a\0b", 3}, "a\\x00b");
	assert_shown(CG_BYTES("\x7f"), "\\x7f");
}

static void assert_size(uint64_t bytes, const char *shown)
{
	_cleanup_text_ struct cg_text t = {0};

	cg_text_size(&t, bytes);
	assert_string_equal(t.data, shown);
}

static void test_size(void **state)
{
	(void)state;
	assert_size(0, "0");
	assert_size(1000, "1000");
	assert_size(1024, "1K");
	assert_size(1536, "1.5K");
	assert_size(64u << 20, "64M");
	assert_size(3ull << 29, "1.5G");
	assert_size(1ull << 60, "1E");
	assert_size(67108865, "67108865");
	assert_size(UINT64_MAX, "18446744073709551615");
}

static void test_growth(void **state)
{
	_cleanup_text_ struct cg_text t = {0};
	char *taken;

	(void)state;
	for (int i = 0; i < 1000; i++)
		cg_text_printf(&t, "%d,", i);
	assert_false(t.failed);
	assert_int_equal(t.len, 10 * 2 + 90 * 3 + 900 * 4);
	assert_int_equal(cg_text_take(&t, &taken), 0);
	assert_int_equal(strlen(taken), 3890);
	free(taken);
	assert_int_equal(cg_text_take(&t, &taken), 0);
	assert_string_equal(taken, "");
	free(taken);
}

/* A failure sticks: a composition is checked once, at its end. */
static void test_failure_sticks(void **state)
{
	struct cg_text t = {0};
	char *taken = NULL;

	(void)state;
	cg_text_adds(&t, "kept");
	cg_text_add(&t, "", SIZE_MAX - 2);
	assert_true(t.failed);
	cg_text_adds(&t, "ignored");
	assert_string_equal(t.data, "kept");
	assert_int_equal(cg_text_take(&t, &taken), -ENOMEM);
	assert_null(taken);
	assert_null(t.data);
}

static void test_split(void **state)
{
	struct cg_bytes rest = CG_BYTES("a//b/"), part;

	(void)state;
	assert_true(cg_bytes_split(&rest, '/', &part));
	assert_true(cg_bytes_is(part, "a"));
	assert_true(cg_bytes_split(&rest, '/', &part));
	assert_int_equal(part.len, 0);
	assert_true(cg_bytes_split(&rest, '/', &part));
	assert_true(cg_bytes_is(part, "b"));
	assert_false(cg_bytes_split(&rest, '/', &part));
	rest = CG_BYTES(" \t one\ntwo ");
	assert_true(cg_bytes_word(&rest, &part));
	assert_true(cg_bytes_is(part, "one"));
	assert_true(cg_bytes_word(&rest, &part));
	assert_true(cg_bytes_is(part, "two"));
	assert_false(cg_bytes_word(&rest, &part));
	assert_true(cg_bytes_is(cg_bytes_trim(CG_BYTES("\n a b \t")), "a b"));
}

static void test_compare(void **state)
{
	(void)state;
	assert_true(cg_bytes_compare(CG_BYTES("a"), CG_BYTES("b")) < 0);
	assert_true(cg_bytes_compare(CG_BYTES("a"), CG_BYTES("aa")) < 0);
	assert_true(cg_bytes_compare(CG_BYTES("\xff"), CG_BYTES("a")) > 0);
	assert_true(cg_bytes_compare(CG_BYTES(""), CG_BYTES("")) == 0);
	assert_true(cg_bytes_equal((struct cg_bytes){NULL, 0}, CG_BYTES("")));
	assert_int_equal(cg_utf8_width("gr\xc3\xbc\xc3\x9f"), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_failure_sticks),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_compare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
