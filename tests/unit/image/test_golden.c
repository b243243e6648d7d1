/* Images that earlier formats wrote stay readable: tests/golden has one of each, with the JSON that it
 * decodes to. The test runs in its own folder. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fdio.h"
#include "image/image.h"
#include "image/json.h"
#include "sample.h"

#define GOLDEN "../../golden/"

static struct cg_bytes contents(const char *path, struct cg_buffer *b)
{
	int r = cg_read_path_at(AT_FDCWD, path, b);

	if (r < 0)
		fail_msg("cannot read %s: %s", path, strerror(-r));
	return (struct cg_bytes){b->data, b->len};
}

static void check_golden(const char *image, const char *json, uint16_t minor)
{
	_cleanup_buffer_ struct cg_buffer image_file = {0}, json_file = {0};
	struct cg_bytes expected = contents(json, &json_file), data = contents(image, &image_file), again;
	_cleanup_tree_ struct cg_tree *tree = NULL, *encoded = NULL;
	struct cg_error *err = NULL;
	struct cg_image_info info;
	char *decoded;

	if (cg_image_parse(data, CG_IMAGE_MEMORY_DEFAULT, &tree, &info, &err) < 0)
		fail_msg("%s: %s", image, err->message);
	assert_int_equal(info.major, 1);
	assert_int_equal(info.minor, minor);
	decoded = sample_json(tree);
	assert_int_equal(strlen(decoded), expected.len);
	assert_memory_equal(decoded, expected.data, expected.len);
	free(decoded);
	if (minor != CG_IMAGE_MINOR)
		return;
	assert_int_equal(cg_json_to_tree(expected, &encoded, NULL), 0);
	again = sample_image(encoded, false);
	assert_int_equal(again.len, data.len);
	assert_memory_equal(again.data, data.data, data.len);
	free((void *)(uintptr_t)again.data);
}

static void test_1_0(void **state)
{
	(void)state;
	check_golden(GOLDEN "image-1.0.cgt", GOLDEN "image-1.0.json", 0);
}

static void test_1_1(void **state)
{
	(void)state;
	check_golden(GOLDEN "image-1.1.cgt", GOLDEN "image-1.1.json", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_1_0),
		cmocka_unit_test(test_1_1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
