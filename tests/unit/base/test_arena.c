/* Arenas: alignment, large and small objects, joining. */
#include "base/arena.h"

#include <stdalign.h>
#include <string.h>

#include "unit/base/cmocka_all.h"

static void test_objects(void **state)
{
	struct cg_arena a = {0};
	char *first, *large;

	(void)state;
	first = cg_arena_string(&a, "first");
	assert_string_equal(first, "first");
	for (int i = 0; i < 10000; i++) {
		uintptr_t p = (uintptr_t)cg_arena_alloc(&a, (size_t)(i % 50));

		assert_true(p && p % alignof(max_align_t) == 0);
	}
	large = cg_arena_zalloc(&a, 1 << 20);
	assert_non_null(large);
	assert_int_equal(large[(1 << 20) - 1], 0);
	/* A large object must not end the chunk that small ones come from. */
	assert_non_null(cg_arena_string(&a, "after"));
	assert_string_equal(first, "first");
	assert_null(cg_arena_array(&a, SIZE_MAX / 2, 4));
	assert_null(cg_arena_copy(&a, "", SIZE_MAX));
	cg_arena_free(&a);
	assert_null(a.chunks);
}

static void test_join(void **state)
{
	struct cg_arena a = {0}, b = {0};
	struct cg_bytes kept = CG_BYTES("kept");
	const char *before = kept.data;

	(void)state;
	assert_non_null(cg_arena_string(&a, "a"));
	assert_true(cg_arena_keep(&b, &kept));
	assert_ptr_not_equal(kept.data, before);
	cg_arena_join(&a, &b);
	assert_null(b.chunks);
	assert_int_equal(b.used, 0);
	cg_arena_free(&b);
	assert_true(cg_bytes_is(kept, "kept"));
	cg_arena_join(&a, &b); /* an empty one */
	cg_arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_objects), cmocka_unit_test(test_join)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
