/* The tree that another was made of, kept inside its image. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/frame.h"
#include "image/image.h"
#include "image/origin.h"
#include "sample.h"
#include "unit/engine/build.h"

static struct cg_tree *small(const char *limit)
{
	static char text[2][256];
	static unsigned n;
	char *t = text[n++ % 2];

	(void)snprintf(t, sizeof(text[0]),
		"kernel 6.1.0 page 4096\nhierarchy v1 memory\ngroup /job\nmemory.limit_in_bytes=%s\n", limit);
	return build_tree(t);
}

static struct cg_tree *through_image(const struct cg_tree *tree, struct cg_image_info *info)
{
	struct cg_bytes image = sample_image(tree, false);
	struct cg_tree *again = NULL;

	assert_int_equal(cg_image_parse(image, CG_IMAGE_MEMORY_DEFAULT, &again, info, NULL), 0);
	free((void *)(uintptr_t)image.data);
	return again;
}

static void it_is_kept_and_found(void **state)
{
	_cleanup_tree_ struct cg_tree *tree = small("4096"), *before = small("8192"), *again = NULL;
	struct cg_origin origin = {.kind = CG_ORIGIN_CONVERTED,
		.version = 2,
		.options = {.translate = {.dialect = cg_dialect_find("oci"), .soft_is_high = true},
			.conflict = CG_CONFLICT_LEAD,
			.lead = "memory"},
		.tree = before};
	_cleanup_origin_ struct cg_origin found = {0};
	struct cg_image_info info;
	struct cg_bytes v;

	(void)state;
	assert_false(cg_image_has_origin(tree));
	assert_int_equal(cg_image_origin(tree, CG_IMAGE_MEMORY_DEFAULT, &found, NULL), 0);
	assert_int_equal(cg_image_keep_origin(tree, &origin, NULL), 0);
	again = through_image(tree, &info);
	assert_int_equal(info.compat, CG_ORIGIN_COMPAT);
	assert_int_equal(cg_image_origin(again, CG_IMAGE_MEMORY_DEFAULT, &found, NULL), 1);
	assert_int_equal(found.kind, CG_ORIGIN_CONVERTED);
	assert_int_equal(found.version, 2);
	assert_ptr_equal(found.options.translate.dialect, cg_dialect_find("oci"));
	assert_true(found.options.translate.soft_is_high);
	assert_int_equal(found.options.conflict, CG_CONFLICT_LEAD);
	assert_string_equal(found.options.lead, "memory");
	assert_true(cg_group_value(found.tree, 0, 0, &v));
	assert_true(cg_bytes_is(v, "8192"));
	cg_image_drop_origin(again);
	assert_false(cg_image_has_origin(again));
}

/* Without one an image is what it was before there were any. */
static void images_without_one_have_no_bit(void **state)
{
	_cleanup_tree_ struct cg_tree *tree = small("4096"), *again = NULL;
	struct cg_image_info info;

	(void)state;
	again = through_image(tree, &info);
	assert_int_equal(info.compat, 0);
}

/* One in the other; keeping one replaces what was kept. */
static void origins_have_origins(void **state)
{
	_cleanup_tree_ struct cg_tree *first = small("1"), *second = small("2"), *third = small("3");
	_cleanup_origin_ struct cg_origin one = {0}, two = {0};
	struct cg_bytes v;

	(void)state;
	assert_int_equal(cg_image_keep_origin(
				 second, &(struct cg_origin){.kind = CG_ORIGIN_BOUND, .tree = first}, NULL),
		0);
	assert_int_equal(cg_image_keep_origin(
				 third, &(struct cg_origin){.kind = CG_ORIGIN_BOUND, .tree = first}, NULL),
		0);
	assert_int_equal(cg_image_keep_origin(
				 third, &(struct cg_origin){.kind = CG_ORIGIN_BOUND, .tree = second}, NULL),
		0);
	assert_int_equal(third->extras, 1);
	assert_int_equal(cg_image_origin(third, CG_IMAGE_MEMORY_DEFAULT, &one, NULL), 1);
	assert_int_equal(one.kind, CG_ORIGIN_BOUND);
	assert_int_equal(cg_image_origin(one.tree, CG_IMAGE_MEMORY_DEFAULT, &two, NULL), 1);
	assert_true(cg_group_value(two.tree, 0, 0, &v));
	assert_true(cg_bytes_is(v, "1"));
	assert_int_equal(cg_image_origin(two.tree, CG_IMAGE_MEMORY_DEFAULT, &one, NULL), 0);
}

/* More than one record holds. */
static void large_ones_take_several_records(void **state)
{
	_cleanup_tree_ struct cg_tree *tree = small("4096"), *before = small("8192"), *again = NULL;
	_cleanup_free_ char *name = calloc(1, 3 << 20);
	_cleanup_origin_ struct cg_origin found = {0};
	struct cg_image_info info;
	uint32_t x;

	(void)state;
	assert_non_null(name);
	memset(name, 'x', (3 << 20) - 1);
	assert_true(cg_tree_add_note(before, NULL, NULL, "%s", name));
	assert_int_equal(cg_image_keep_origin(
				 tree, &(struct cg_origin){.kind = CG_ORIGIN_BOUND, .tree = before}, NULL),
		0);
	assert_true(tree->extras > 3);
	x = cg_tree_add_extra(tree);
	tree->extra[x] = (struct cg_extra){0xf0, 0, CG_BYTES("of others")};
	again = through_image(tree, &info);
	assert_int_equal(cg_image_origin(again, CG_IMAGE_MEMORY_DEFAULT, &found, NULL), 1);
	assert_int_equal(strlen(found.tree->note[0].text), (3 << 20) - 1);
	cg_image_drop_origin(again);
	assert_int_equal(again->extras, 1);
	assert_int_equal(again->extra[0].type, 0xf0);
}

static void refused(const char *payload, size_t len, const char *words)
{
	_cleanup_tree_ struct cg_tree *tree = small("4096");
	_cleanup_error_ struct cg_error *err = NULL;
	struct cg_origin found = {0};
	uint32_t x = cg_tree_add_extra(tree);

	tree->extra[x] = (struct cg_extra){CG_ORIGIN_RECORD, 0, {payload, len}};
	assert_true(cg_image_origin(tree, CG_IMAGE_MEMORY_DEFAULT, &found, &err) < 0);
	assert_null(found.tree);
	assert_int_equal(err->fault, CG_FAULT_CORRUPT);
	if (!strstr(err->message, words))
		fail_msg("%s: no \"%s\"", err->message, words);
}

static void damaged_ones_are_refused(void **state)
{
	(void)state;
	refused("\xff\xff\xff", 3, "no Origin message");
	refused("", 0, "unknown kind");
	refused("\x10\x03", 2, "unknown kind");
	refused("\x10\x02", 2, "not one byte came");
	refused("\x10\x02\x3a\x03"
		"abc",
		7, "no cgtree image");
	refused("\x10\x02\x10\x02", 4, "no Origin message");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_kept_and_found),
		cmocka_unit_test(images_without_one_have_no_bit),
		cmocka_unit_test(origins_have_origins),
		cmocka_unit_test(large_ones_take_several_records),
		cmocka_unit_test(damaged_ones_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
