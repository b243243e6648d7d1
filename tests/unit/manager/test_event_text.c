/* Events as lines: nothing in a value leaves it. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event_read.h"
#include "manager/event_text.h"
#include "manager/policy.h"
#include "unit/base/cmocka_all.h"

static const char *const hostile[] = {
	"",
	"plain",
	"two words",
	"x\nEVENT schema=cgtree.v1 seq=9 kind=job id=a what=exited code=0",
	"\" code=0 text=\"",
	"\\\" code=0",
	"\\",
	"tail\\",
	"\"",
	"\"\"",
	"a=b c=d",
	"\x1b[2J\x1b]0;title\x07",
	"caf\xc3\xa9 \xe2\x82\xac",
	"\xc2\x9b"
	"31m",
	"\xff\xfe broken \xc3",
	"tab\there\rback",
	"\x7f",
};

static void fields_of(const struct cg_event *e, struct cg_text *line, const char *key, struct cg_text *ret)
{
	struct cg_bytes rest, k;
	struct cg_text value = {0};
	unsigned found = 0;
	int r;

	cg_text_reset(line);
	cg_event_line(e, line);
	rest = (struct cg_bytes){line->data, line->len};
	assert_true(event_read_start(&rest));
	while ((r = event_read_field(&rest, &k, &value)) == 1) {
		if (cg_bytes_is(k, key)) {
			cg_text_add(ret, value.data ? value.data : "", value.len);
			found++;
		}
	}
	assert_int_equal(r, 0);
	assert_int_equal(rest.len, 0);
	assert_int_equal(found, 1);
	cg_text_free(&value);
}

static void test_lines_come_back(void **state CG_UNUSED)
{
	for (size_t i = 0; i < CG_ARRAY_SIZE(hostile); i++) {
		struct cg_text line = {0}, text = {0};
		struct cg_event e = {.sequence = 7,
			.time_us = 1700000000000042,
			.kind = CG_EVENT_JOB,
			.id = "a",
			.what = "exited",
			.state = CG_JOB_EXITED,
			.cause = CG_CAUSE_EXIT,
			.code = 3};
		char copy[128];

		(void)snprintf(copy, sizeof(copy), "%s", hostile[i]);
		e.text = copy;
		fields_of(&e, &line, "text", &text);
		assert_int_equal(text.len, strlen(hostile[i]));
		assert_memory_equal(text.data ? text.data : "", hostile[i], text.len);
		/* One line, and no byte that steers a terminal. */
		assert_ptr_equal(strchr(line.data, '\n'), line.data + line.len - 1);
		for (size_t k = 0; k + 1 < line.len; k++)
			assert_true((unsigned char)line.data[k] >= 0x20 && line.data[k] != 0x7f);
		cg_text_free(&text);
		cg_text_free(&line);
	}
}

static void test_form(void **state CG_UNUSED)
{
	struct cg_text line = {0};
	char text[] = "exit status 7";
	struct cg_event e = {.sequence = 12,
		.time_us = 1700000000000042,
		.kind = CG_EVENT_JOB,
		.id = "a",
		.what = "exited",
		.state = CG_JOB_EXITED,
		.cause = CG_CAUSE_EXIT,
		.code = 7,
		.text = text};

	cg_event_line(&e, &line);
	assert_string_equal(line.data, "EVENT schema=cgtree.v1 seq=12 time=1700000000.000042 kind=job id=a "
				       "what=exited state=exited cause=exit code=7 text=\"exit status 7\"\n");
	cg_text_reset(&line);
	e = (struct cg_event){.sequence = 13, .time_us = 1, .kind = CG_EVENT_DECISION, .what = "none"};
	cg_event_line(&e, &line);
	assert_string_equal(
		line.data, "EVENT schema=cgtree.v1 seq=13 time=0.000001 kind=decision what=none\n");
	cg_text_free(&line);
}

static void test_json(void **state CG_UNUSED)
{
	for (size_t i = 0; i < CG_ARRAY_SIZE(hostile); i++) {
		struct cg_text line = {0};
		char copy[128];
		struct cg_event e = {.sequence = 5,
			.time_us = 42,
			.kind = CG_EVENT_JOB,
			.id = "a",
			.what = "killed",
			.state = CG_JOB_KILLED,
			.cause = CG_CAUSE_PRESSURE,
			.code = 9,
			.text = copy};
		json_t *o;
		json_error_t error;

		(void)snprintf(copy, sizeof(copy), "%s", hostile[i]);
		cg_event_json(&e, &line);
		assert_ptr_equal(strchr(line.data, '\n'), line.data + line.len - 1);
		o = json_loads(line.data, JSON_REJECT_DUPLICATES, &error);
		assert_non_null(o);
		assert_string_equal(json_string_value(json_object_get(o, "schema")), "cgtree.event/1");
		assert_int_equal(json_integer_value(json_object_get(o, "seq")), 5);
		assert_string_equal(json_string_value(json_object_get(o, "cause")), "pressure");
		if (json_is_string(json_object_get(o, "text")))
			assert_string_equal(json_string_value(json_object_get(o, "text")), hostile[i]);
		else
			assert_true(json_is_object(json_object_get(o, "text"))); /* base64: no UTF-8 */
		json_decref(o);
		cg_text_free(&line);
	}
}

static char *read_document(void)
{
	FILE *f = fopen("../../../docs/EVENTS.md", "re");
	char *text = calloc(1, 65536);

	assert_non_null(f);
	assert_true(fread(text, 1, 65535, f) > 0);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void in_document(const char *text, const char *word)
{
	char row[80];

	(void)snprintf(row, sizeof(row), "| `%s` |", word);
	if (!strstr(text, row))
		fail_msg("docs/EVENTS.md has no row of `%s`", word);
}

/* Every word that can stand in an event is explained. */
static void test_document(void **state CG_UNUSED)
{
	char *text = read_document();

	for (int i = 0; i < CG_EVENT_KINDS; i++)
		in_document(text, cg_event_kind_name(i));
	for (int i = 0; i < CG_JOB_STATES; i++)
		in_document(text, cg_job_state_name(i));
	for (int i = 1; i < CG_CAUSES; i++)
		in_document(text, cg_job_cause_name(i));
	for (int i = 0; i < CG_ACTS; i++)
		in_document(text, cg_act_name(i));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines_come_back),
		cmocka_unit_test(test_form), cmocka_unit_test(test_json), cmocka_unit_test(test_document)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
