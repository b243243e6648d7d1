/* The budget and the scratch: nothing above the limit, everything given back. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <string.h>

#include "image/allocator.h"

static void test_budget(void **state)
{
	struct cg_budget b = {.limit = 100};

	(void)state;
	assert_true(cg_budget_charge(&b, 60));
	assert_true(cg_budget_charge(&b, 40));
	assert_false(b.exceeded);
	assert_false(cg_budget_charge(&b, 1));
	assert_true(b.exceeded);
	assert_int_equal(b.used, 100);
	cg_budget_release(&b, 60);
	assert_false(cg_budget_charge(&b, SIZE_MAX));
	assert_true(cg_budget_charge(&b, 60));
}

static void test_scratch(void **state)
{
	struct cg_budget b = {.limit = (size_t)1 << 20};
	struct cg_scratch s;
	char *p;

	(void)state;
	cg_scratch_init(&s, &b);
	for (size_t i = 1; i < 1000; i += 7) {
		p = cg_scratch_alloc(&s, i);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		memset(p, 0xff, i);
	}
	assert_non_null(cg_scratch_alloc(&s, (size_t)512 << 10));
	assert_true(b.used >= (size_t)512 << 10);
	assert_null(cg_scratch_alloc(&s, (size_t)512 << 10));
	assert_true(b.exceeded);
	cg_scratch_reset(&s);
	assert_true(b.used < (size_t)512 << 10);
	assert_non_null(cg_scratch_alloc(&s, (size_t)512 << 10));
	assert_null(cg_scratch_alloc(&s, SIZE_MAX));
	assert_null(cg_scratch_alloc(&s, SIZE_MAX - 100));
	assert_null(cg_scratch_array(&s, SIZE_MAX / 2, 3));
	assert_non_null(cg_scratch_array(&s, 0, 8));
	cg_scratch_free(&s);
	assert_int_equal(b.used, 0);
}

/* As protobuf-c calls it. */
static void test_protobuf(void **state)
{
	struct cg_budget b = {.limit = (size_t)128 << 10};
	struct cg_scratch s;
	void *p;

	(void)state;
	cg_scratch_init(&s, &b);
	p = s.protobuf.alloc(s.protobuf.allocator_data, 100);
	assert_non_null(p);
	s.protobuf.free(s.protobuf.allocator_data, p);
	assert_null(s.protobuf.alloc(s.protobuf.allocator_data, (size_t)129 << 10));
	cg_scratch_free(&s);
	assert_int_equal(b.used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_scratch),
		cmocka_unit_test(test_protobuf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
