/* Framing on bytes: what is put is got back, and the bytes are those that docs/FORMAT.md tells. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <errno.h>
#include <string.h>

#include "image/frame.h"
#include "image/image.h"

static void test_header(void **state)
{
	static const uint8_t expected[20] = {
		0x89, 'C', 'G', 'T', 'R', 'E', 'E', '\n', 1, 0, 7, 0, 0, 0, 0, 0, 4, 3, 2, 1};
	struct cg_frame_header h;
	uint8_t bytes[CG_FRAME_HEADER_SIZE];

	(void)state;
	cg_frame_put_header(bytes, &(struct cg_frame_header){1, 7, 0, 0x01020304});
	assert_memory_equal(bytes, expected, sizeof(expected));
	assert_int_equal(cg_frame_get_header(bytes, &h, NULL), 0);
	assert_int_equal(h.major, 1);
	assert_int_equal(h.minor, 7);
	assert_int_equal(h.compat, 0x01020304);
}

static void check_header_fault(struct cg_frame_header h, enum cg_fault fault)
{
	struct cg_frame_header got = {.major = 99};
	uint8_t bytes[CG_FRAME_HEADER_SIZE];
	struct cg_error *err = NULL;

	cg_frame_put_header(bytes, &h);
	assert_true(cg_frame_get_header(bytes, &got, &err) < 0);
	assert_int_equal(err->fault, fault);
	assert_int_equal(got.major, 99);
	cg_error_free(err);
}

static void test_other_versions(void **state)
{
	(void)state;
	check_header_fault((struct cg_frame_header){2, 0, 0, 0}, CG_FAULT_UNSUPPORTED);
	check_header_fault((struct cg_frame_header){0, 9, 0, 0}, CG_FAULT_UNSUPPORTED);
	check_header_fault((struct cg_frame_header){1, 0, 1, 0}, CG_FAULT_UNSUPPORTED);
	check_header_fault((struct cg_frame_header){1, 0, 0x80000000u, 0}, CG_FAULT_UNSUPPORTED);
}

static void test_record(void **state)
{
	static const uint8_t head[CG_FRAME_RECORD_HEAD] = {5, 0, 0, 0, 4, 0, 1, 0, 3, 2, 1, 0};
	uint8_t bytes[CG_FRAME_RECORD_HEAD + 5 + CG_FRAME_CHECKSUM];
	struct cg_frame_record record;
	size_t size;

	(void)state;
	memcpy(bytes + CG_FRAME_RECORD_HEAD, "hello", 5);
	assert_int_equal(
		cg_frame_seal(bytes, 5, CG_RECORD_GROUP, CG_RECORD_CRITICAL, 0x010203), sizeof(bytes));
	assert_memory_equal(bytes, head, sizeof(head));
	assert_int_equal(cg_frame_record_size(bytes, &size, NULL), 0);
	assert_int_equal(size, sizeof(bytes));
	assert_int_equal(cg_frame_get_record(bytes, size, 0x010203, &record, NULL), 0);
	assert_int_equal(record.type, CG_RECORD_GROUP);
	assert_int_equal(record.flags, CG_RECORD_CRITICAL);
	assert_int_equal(record.payload.len, 5);
	assert_memory_equal(record.payload.data, "hello", 5);
}

static void test_record_faults(void **state)
{
	static const struct {
		uint16_t type, flags;
		uint32_t sequence;
		enum cg_fault fault;
		const char *words;
	} cases[] = {
		{CG_RECORD_GROUP, 0, 6, CG_FAULT_CORRUPT, "record 6 stands where 7 should"},
		{0, 0, 7, CG_FAULT_CORRUPT, "no type"},
		{CG_RECORD_GROUP, 4, 7, CG_FAULT_UNSUPPORTED, "flags"},
		{CG_RECORD_GROUP, 0x8000, 7, CG_FAULT_UNSUPPORTED, "flags"},
	};

	(void)state;
	for (size_t i = 0; i < CG_ARRAY_SIZE(cases); i++) {
		uint8_t bytes[CG_FRAME_RECORD_HEAD + CG_FRAME_CHECKSUM];
		struct cg_frame_record record;
		struct cg_error *err = NULL;
		size_t size = cg_frame_seal(bytes, 0, cases[i].type, cases[i].flags, cases[i].sequence);

		assert_int_equal(size, sizeof(bytes));
		assert_true(cg_frame_get_record(bytes, size, 7, &record, &err) < 0);
		assert_int_equal(err->fault, cases[i].fault);
		assert_non_null(strstr(err->message, cases[i].words));
		cg_error_free(err);
	}
}

static void test_record_too_long(void **state)
{
	static const uint8_t longest[CG_FRAME_RECORD_HEAD] = {0, 0, 0x10, 0};
	static const uint8_t longer[CG_FRAME_RECORD_HEAD] = {1, 0, 0x10, 0};
	static const uint8_t huge[CG_FRAME_RECORD_HEAD] = {0xff, 0xff, 0xff, 0xff};
	size_t size = 0;

	(void)state;
	assert_int_equal(cg_frame_record_size(longest, &size, NULL), 0);
	assert_int_equal(size, 1048576 + 16);
	assert_int_equal(cg_frame_record_size(longer, &size, NULL), -EBADMSG);
	assert_int_equal(cg_frame_record_size(huge, &size, NULL), -EBADMSG);
}

static void test_tail(void **state)
{
	static const uint8_t expected[] = {
		0x44, 0x33, 0x22, 0x11, 0, 0, 0, 0, 'C', 'G', 'T', 'R', 'E', 'N', 'D', '\n'};
	uint8_t bytes[CG_FRAME_TAIL_SIZE];

	(void)state;
	cg_frame_put_tail(bytes, 0x11223344);
	assert_memory_equal(bytes, expected, sizeof(expected));
	assert_int_equal(cg_frame_check_tail(bytes, 0x11223344, NULL), 0);
	assert_int_equal(cg_frame_check_tail(bytes, 0x11223345, NULL), -EBADMSG);
	bytes[15] = '\r';
	assert_int_equal(cg_frame_check_tail(bytes, 0x11223344, NULL), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_other_versions),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_record_faults),
		cmocka_unit_test(test_record_too_long),
		cmocka_unit_test(test_tail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
