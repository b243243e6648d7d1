/* The JSON of images: nothing lost either way, nothing odd taken in. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "image/json.h"
#include "image/json_write.h"
#include "sample.h"

static void check_lossless(struct cg_tree *tree, bool pretty)
{
	struct cg_bytes before = sample_image(tree, false), after;
	_cleanup_tree_ struct cg_tree *read = NULL;
	_cleanup_text_ struct cg_text json = {0};
	struct cg_error *err = NULL;

	assert_int_equal(cg_json_from_tree(tree, pretty, &json, NULL), 0);
	if (cg_json_to_tree((struct cg_bytes){json.data, json.len}, &read, &err) < 0)
		fail_msg("%s", err->message);
	after = sample_image(read, false);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, before.len);
	free((void *)(uintptr_t)before.data);
	free((void *)(uintptr_t)after.data);
}

static void test_lossless(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		_cleanup_tree_ struct cg_tree *t = sample_tree(i & 1);

		check_lossless(t, i & 2);
	}
}

static void test_lossless_empty(void **state)
{
	_cleanup_tree_ struct cg_tree *t = cg_tree_new();

	(void)state;
	check_lossless(t, true);
}

static void test_written(void **state)
{
	_cleanup_tree_ struct cg_tree *t = sample_tree(false);
	static const char *const parts[] = {
		"\"schema\": \"cgtree.image/1\"",
		"\"cgroup_id\": \"18446744073709551610\"",
		"{\"file\": \"cpu.cfs_quota_us\", \"value\": null}",
		"{\"file\": \"cpu.cfs_quota_us\", \"value\": \"\"}",
		"\"name\": {\"base64\": \"//4=\"}",
		"\"name\": \" \\u0001\\t\\\\\\\"\"",
		"\"name\": \"t\xc3\xa9\"",
		"{\"name\": \"user.nul\", \"value\": {\"base64\": \"YQBi/wA=\"}}",
		"\"owner\": {\"uid\": 1000, \"gid\": 1001, \"mode\": \"2750\"}",
	};
	char *json = sample_json(t);

	(void)state;
	for (size_t i = 0; i < CG_ARRAY_SIZE(parts); i++)
		if (!strstr(json, parts[i]))
			fail_msg("lacks %s", parts[i]);
	free(json);
}

/* What stands for `from` in the small sample is replaced, and the result must be refused with these words. */
static void check_refused(const char *json, const char *from, const char *to, const char *words)
{
	const char *at = strstr(json, from);
	_cleanup_text_ struct cg_text changed = {0};
	struct cg_error *err = NULL;
	struct cg_tree *tree = NULL;

	if (!at)
		fail_msg("the sample lacks %s", from);
	cg_text_add(&changed, json, (size_t)(at - json));
	cg_text_adds(&changed, to);
	cg_text_adds(&changed, at + strlen(from));
	if (cg_json_to_tree((struct cg_bytes){changed.data, changed.len}, &tree, &err) == 0)
		fail_msg("taken: %s", to);
	assert_null(tree);
	if (!strstr(err->message, words))
		fail_msg("%s: \"%s\" instead of \"%s\"", to, err->message, words);
	cg_error_free(err);
}

static void test_strict(void **state)
{
	static const struct {
		const char *from, *to, *words;
	} cases[] = {
		{"\"cgtree.image/1\"", "\"cgtree.image/2\"", "another version"},
		{"\"cgtree.image/1\"", "\"cgtree.diff/1\"", "this is no image"},
		{"\"schema\"", "\"x\": 1, \"schema\"", "the document: the member \"x\" is not known"},
		{"\"time\": 0,", "", "inventory: the member \"time\" is missing"},
		{"\"time\": 0", "\"time\": -1", "inventory.time: the number is negative"},
		{"\"time\": 0", "\"time\": 1.5", "inventory.time: a whole number"},
		{"\"time\": 0", "\"time\": \"18446744073709551616\"", "inventory.time: a whole number"},
		{"\"time\": 0", "\"time\": 9223372036854775808", "too big"},
		{"\"time\": 0", "\"time\": 0, \"time\": 0", "duplicate"},
		{"\"members\": false", "\"members\": 0", "inventory.members: true or false"},
		{"\"version\": 2", "\"version\": 3", "hierarchies[0].version: the number 3"},
		{"\"version\": 2", "\"version\": 0", "version 0"},
		{"\"mode\": \"0644\"", "\"mode\": \"644\"", "columns[0].mode: a mode of four octal digits"},
		{"\"mode\": \"0644\"", "\"mode\": 644", "columns[0].mode: a mode of four octal digits"},
		{"[0, 1, 2, 3]", "[0, 1, 2, 9]", "invalid file set"},
		{"[0, 1, 2, 3]", "[0, [1], 2, 3]", "hierarchies[0].file_sets[0][1]: a whole number"},
		{"\"parent\": 0", "\"parent\": 1", "before its parent"},
		{"\"parent\": 0", "\"parent\": true", "groups[1].parent"},
		{"\"hierarchy\": 0", "\"hierarchy\": 1", "hierarchy 1 does not exist"},
		{"\"file_set\": 0", "\"file_set\": 2", "file set"},
		{"\"type\": \"domain\"", "\"type\": \"dominant\"", "groups[0].type"},
		{"\"name\": \"a\"", "\"name\": \"..\"", "invalid name"},
		{"\"name\": \"a\"", "\"name\": \"a\\u0000\"", "JSON_ALLOW_NUL"},
		{"\"name\": \"a\"", "\"name\": {\"base64\": \"YQA=\"}", "a NUL stands in \"name\""},
		{"\"name\": \"a\"", "\"name\": {\"base64\": \"YQ\"}", "groups[1].name.base64: base64"},
		{"\"name\": \"a\"", "\"name\": {\"base64\": \"YR==\"}", "groups[1].name.base64: base64"},
		{"\"name\": \"a\"", "\"name\": {\"base64\": \"=Q==\"}", "groups[1].name.base64: base64"},
		{"\"name\": \"a\"", "\"name\": {\"base64\": \"YQ==\", \"x\": 1}", "\"x\" is not known"},
		{"\"name\": \"a\"", "\"name\": \"\xff\"", "unable to decode byte 0xff"},
		{"\"file\": \"memory.max\"", "\"file\": \"memory.none\"",
			"groups[0].settings[0]: the file is none"},
		{"{\"file\": \"memory.max\", \"value\": \"67108864\"}",
			"{\"file\": \"memory.max\", \"value\": \"1\"}, {\"file\": \"memory.max\", \"value\": null}",
			"twice"},
		{"\"value\": \"67108864\"", "\"value\": 67108864", "groups[0].settings[0].value: a string"},
		{"\"pid\": 1000", "\"pid\": 0", "without a number"},
		{"\"extra_records\": []",
			"\"extra_records\": [{\"type\": 4, \"flags\": 0, \"payload\": \"\"}]",
			"no extra one"},
		{"\"extra_records\": []",
			"\"extra_records\": [{\"type\": 90, \"flags\": 1, \"payload\": \"\"}]", "flags 0x1"},
		{"\"extra_records\": []",
			"\"extra_records\": [{\"type\": 90, \"flags\": 2, \"payload\": \"\"}]",
			"goes on with"},
		{"\"notes\": [", "\"notes\": [], \"devices\": [", "duplicate"},
		{"\"extra_records\": []\n}", "\"extra_records\": []\n} x", "end of file expected"},
	};
	_cleanup_tree_ struct cg_tree *t = sample_small();
	char *json = sample_json(t);

	(void)state;
	for (size_t i = 0; i < CG_ARRAY_SIZE(cases); i++)
		check_refused(json, cases[i].from, cases[i].to, cases[i].words);
	free(json);
}

/* People edit: settings in another order are the same tree. */
static void test_any_order_of_settings(void **state)
{
	_cleanup_tree_ struct cg_tree *t = sample_small(), *read = NULL;
	const char *one = "{\"file\": \"memory.max\", \"value\": \"67108864\"}";
	const char *two =
		"{\"file\": \"memory.max\", \"value\": \"67108864\"}, {\"file\": \"cpu.max\", \"value\": \"1 2\"}";
	_cleanup_text_ struct cg_text changed = {0};
	char *json = sample_json(t), *at = strstr(json, one);

	(void)state;
	assert_non_null(at);
	cg_text_add(&changed, json, (size_t)(at - json));
	cg_text_adds(&changed, two);
	cg_text_adds(&changed, at + strlen(one));
	assert_int_equal(cg_json_to_tree((struct cg_bytes){changed.data, changed.len}, &read, NULL), 0);
	assert_int_equal(read->group[0].settings, 2);
	assert_int_equal(read->group[0].setting[0].column, 1);
	free(json);
}

static void test_writer(void **state)
{
	_cleanup_text_ struct cg_text t = {0};
	struct cg_json j;

	(void)state;
	cg_json_begin(&j, &t, false);
	cg_json_open(&j, NULL, '{', false);
	cg_json_number(&j, "a", INT64_MAX);
	cg_json_number(&j, "b", (uint64_t)INT64_MAX + 1);
	cg_json_open(&j, "c", '[', true);
	cg_json_null(&j, NULL);
	cg_json_bool(&j, NULL, true);
	cg_json_close(&j, ']');
	cg_json_open(&j, "d", '[', false);
	cg_json_close(&j, ']');
	cg_json_text(&j, "e", "\xed\xa0\x80");
	cg_json_text(&j, "f", "\xf0\x9f\x8c\xb3\x7f");
	cg_json_close(&j, '}');
	assert_string_equal(t.data,
		"{\"a\":9223372036854775807,\"b\":\"9223372036854775808\",\"c\":[null,true],\"d\":[],"
		"\"e\":{\"base64\":\"7aCA\"},\"f\":\"\xf0\x9f\x8c\xb3\\u007f\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lossless),
		cmocka_unit_test(test_lossless_empty),
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_any_order_of_settings),
		cmocka_unit_test(test_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
