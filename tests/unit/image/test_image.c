/* Trees to images and back: nothing is lost, and no damage is taken for an image. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fdio.h"
#include "image/frame.h"
#include "image/image.h"
#include "sample.h"

static bool same_bytes(struct cg_bytes a, struct cg_bytes b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static void check_round_trip(struct cg_tree *tree, bool compressed)
{
	struct cg_bytes image = sample_image(tree, compressed), again;
	struct cg_tree *read = sample_parse(image);
	char *before = sample_json(tree), *after = sample_json(read);

	assert_string_equal(before, after);
	again = sample_image(read, compressed);
	assert_true(same_bytes(image, again));
	free(before);
	free(after);
	free((void *)(uintptr_t)image.data);
	free((void *)(uintptr_t)again.data);
	cg_tree_free(read);
}

static void test_round_trip(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		_cleanup_tree_ struct cg_tree *t = sample_tree(i & 1);

		check_round_trip(t, i & 2);
	}
}

static void test_empty(void **state)
{
	_cleanup_tree_ struct cg_tree *t = cg_tree_new();

	(void)state;
	assert_non_null(t);
	check_round_trip(t, false);
}

/* What the JSON does not tell: links and knobs are there again, and unread differs from empty. */
static void test_read_tree(void **state)
{
	_cleanup_tree_ struct cg_tree *t = sample_tree(true), *read = NULL;
	struct cg_bytes image = sample_image(t, false), value;

	(void)state;
	read = sample_parse(image);
	free((void *)(uintptr_t)image.data);
	assert_int_equal(read->groups, t->groups);
	for (uint32_t i = 0; i < t->groups; i++) {
		assert_int_equal(read->group[i].first_child, t->group[i].first_child);
		assert_int_equal(read->group[i].next_sibling, t->group[i].next_sibling);
		assert_int_equal(read->group[i].depth, t->group[i].depth);
	}
	assert_ptr_equal(read->hierarchy[2].column[2].knob, cg_knob_find("memory.max", 2));
	assert_non_null(read->hierarchy[2].column[2].knob);
	assert_null(read->hierarchy[0].column[2].knob);
	assert_null(read->hierarchy[0].column[2].usual.data);
	assert_false(cg_group_value(read, 0, 1, &value));
	assert_true(cg_group_value(read, 0, 2, &value));
	assert_true(same_bytes(value, t->group[0].setting[2].value));
	assert_true(cg_group_value(read, 3, 1, &value));
	assert_int_equal(value.len, 0);
	assert_int_equal(read->group[7].tasks, 3000);
}

static void test_deterministic(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		_cleanup_tree_ struct cg_tree *a = sample_tree(true), *b = sample_tree(true);
		struct cg_bytes one = sample_image(a, i), two = sample_image(b, i);

		assert_true(same_bytes(one, two));
		free((void *)(uintptr_t)one.data);
		free((void *)(uintptr_t)two.data);
	}
}

struct pipe_end {
	int fd;
	struct cg_bytes data;
};

static void *feed(void *argument)
{
	struct pipe_end *end = argument;
	int r = 0;

	/* Odd portions, so that records and portions do not end together. */
	for (size_t at = 0; r == 0 && at < end->data.len; at += 4093)
		r = cg_write_all(
			end->fd, end->data.data + at, end->data.len - at < 4093 ? end->data.len - at : 4093);
	(void)close(end->fd);
	return (void *)(intptr_t)r;
}

static void test_pipe(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		_cleanup_tree_ struct cg_tree *t = sample_tree(true), *read = NULL;
		struct cg_bytes image = sample_image(t, i);
		struct cg_image_info info;
		pthread_t thread;
		void *result;
		int fd[2];

		assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
		assert_int_equal(pthread_create(&thread, NULL, feed, &(struct pipe_end){fd[1], image}), 0);
		assert_int_equal(cg_image_read(fd[0], CG_IMAGE_MEMORY_DEFAULT, &read, &info, NULL), 0);
		assert_int_equal(pthread_join(thread, &result), 0);
		assert_null(result);
		assert_int_equal(info.compressed, i);
		assert_int_equal(info.stored_bytes, image.len);
		assert_true(i ? info.bytes > image.len : info.bytes == image.len);
		assert_int_equal(read->groups, t->groups);
		(void)close(fd[0]);
		free((void *)(uintptr_t)image.data);
	}
}

static void test_write_errors(void **state)
{
	_cleanup_tree_ struct cg_tree *t = sample_small();
	struct cg_image_write_options options = {CG_COMPRESS_NONE};
	struct cg_error *err = NULL;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), fd[2];

	(void)state;
	assert_true(full >= 0);
	assert_int_equal(cg_image_write(full, t, &options, NULL, &err), -ENOSPC);
	assert_int_equal(err->fault, CG_FAULT_SYSTEM);
	assert_non_null(err->hint);
	err = cg_error_free(err);
	(void)close(full);
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	(void)close(fd[0]);
	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(cg_image_write(fd[1], t, &options, NULL, &err), -EPIPE);
	assert_non_null(err->hint);
	cg_error_free(err);
	(void)close(fd[1]);
}

/* Only errors of these kinds may come out, and no tree. */
static int parse_damaged(struct cg_bytes image)
{
	struct cg_error *err = NULL;
	struct cg_tree *tree = NULL;
	int r = cg_image_parse(image, CG_IMAGE_MEMORY_DEFAULT, &tree, NULL, &err);

	if (r == 0) {
		cg_tree_free(tree);
		return 0;
	}
	assert_null(tree);
	assert_non_null(err);
	if (err->fault != CG_FAULT_CORRUPT && err->fault != CG_FAULT_UNSUPPORTED)
		fail_msg("an error of kind %d: %s", (int)err->fault, err->message);
	cg_error_free(err);
	return r;
}

static void test_every_bit_flip(void **state)
{
	_cleanup_tree_ struct cg_tree *t = sample_small();
	struct cg_bytes image = sample_image(t, false);
	char *data = (char *)(uintptr_t)image.data;

	(void)state;
	for (size_t bit = 0; bit < image.len * 8; bit++) {
		data[bit / 8] ^= (char)(1 << bit % 8);
		if (parse_damaged(image) == 0)
			fail_msg("bit %zu of byte %zu may be flipped", bit % 8, bit / 8);
		data[bit / 8] ^= (char)(1 << bit % 8);
	}
	assert_int_equal(parse_damaged(image), 0);
	print_message("%zu bit flips refused\n", image.len * 8);
	free(data);
}

static void test_every_cut_and_addition(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		_cleanup_tree_ struct cg_tree *t = sample_tree(false);
		struct cg_bytes image = sample_image(t, i);
		char *longer = malloc(2 * image.len);

		assert_non_null(longer);
		for (size_t len = 0; len < image.len; len++) {
			/* A copy of exactly this size, so that a read behind it shows. */
			char *cut = malloc(len ? len : 1);

			assert_non_null(cut);
			memcpy(cut, image.data, len);
			assert_int_not_equal(parse_damaged((struct cg_bytes){cut, len}), 0);
			free(cut);
		}
		memcpy(longer, image.data, image.len);
		memcpy(longer + image.len, image.data, image.len);
		for (size_t more = 1; more <= image.len; more += more < 64 ? 1 : 61)
			assert_int_not_equal(parse_damaged((struct cg_bytes){longer, image.len + more}), 0);
		assert_int_not_equal(parse_damaged((struct cg_bytes){longer, 2 * image.len}), 0);
		free(longer);
		free((void *)(uintptr_t)image.data);
	}
}

/* Damage within a compressed stream is refused, or was in bits that zstd does not use. */
static void test_compressed_bit_flips(void **state)
{
	_cleanup_tree_ struct cg_tree *t = sample_tree(false);
	struct cg_bytes image = sample_image(t, true);
	char *data = (char *)(uintptr_t)image.data, *json = sample_json(t);
	unsigned refused = 0, same = 0;

	(void)state;
	for (size_t bit = 0; bit < image.len * 8; bit++) {
		struct cg_tree *read = NULL;

		data[bit / 8] ^= (char)(1 << bit % 8);
		if (cg_image_parse(image, CG_IMAGE_MEMORY_DEFAULT, &read, NULL, NULL) < 0) {
			refused++;
		} else {
			char *other = sample_json(read);

			assert_string_equal(json, other);
			same++;
			free(other);
			cg_tree_free(read);
		}
		data[bit / 8] ^= (char)(1 << bit % 8);
	}
	print_message("%u bit flips of a compressed image refused, %u changed nothing\n", refused, same);
	assert_true(refused > 100 * same);
	free(json);
	free(data);
}

/* Where each record stands. */
static size_t find_records(struct cg_bytes image, size_t *start, size_t room)
{
	size_t at = CG_FRAME_HEADER_SIZE, n = 0, size;

	while (at < image.len - CG_FRAME_TAIL_SIZE) {
		assert_true(n + 1 < room);
		start[n++] = at;
		assert_int_equal(cg_frame_record_size((const uint8_t *)image.data + at, &size, NULL), 0);
		at += size;
	}
	start[n] = at;
	return n;
}

/* The image with the records in another order; twice or never is possible. */
static struct cg_bytes arranged(
	struct cg_bytes image, const size_t *start, size_t records, const size_t *order, size_t count)
{
	char *data = malloc(2 * image.len);
	size_t at = CG_FRAME_HEADER_SIZE;

	assert_non_null(data);
	memcpy(data, image.data, at);
	for (size_t i = 0; i < count; i++) {
		size_t size = start[order[i] + 1] - start[order[i]];

		memcpy(data + at, image.data + start[order[i]], size);
		at += size;
	}
	memcpy(data + at, image.data + start[records], CG_FRAME_TAIL_SIZE);
	cg_frame_put_tail((uint8_t *)data + at, at + CG_FRAME_TAIL_SIZE);
	return (struct cg_bytes){data, at + CG_FRAME_TAIL_SIZE};
}

static void try_order(struct cg_bytes image, const size_t *start, size_t records, const size_t *order,
	size_t count, bool good)
{
	struct cg_bytes other = arranged(image, start, records, order, count);

	assert_int_equal(parse_damaged(other) == 0, good);
	free((void *)(uintptr_t)other.data);
}

static void test_lost_doubled_moved(void **state)
{
	_cleanup_tree_ struct cg_tree *t = sample_tree(false);
	struct cg_bytes image = sample_image(t, false);
	size_t start[64], order[128] = {0}, n = find_records(image, start, CG_ARRAY_SIZE(start));

	(void)state;
	for (size_t i = 0; i < n; i++)
		order[i] = i;
	try_order(image, start, n, order, n, true);
	for (size_t i = 0; i < n; i++) {
		size_t count = 0;

		for (size_t k = 0; k < n; k++)
			if (k != i)
				order[count++] = k;
		try_order(image, start, n, order, count, false);
		for (size_t to = 0; to <= n; to++) {
			count = 0;
			for (size_t k = 0; k <= n; k++) {
				if (k == to)
					order[count++] = i;
				if (k < n)
					order[count++] = k;
			}
			try_order(image, start, n, order, count, false);
		}
		for (size_t j = 0; j < i; j++) {
			for (size_t k = 0; k < n; k++)
				order[k] = k == i ? j : k == j ? i : k;
			try_order(image, start, n, order, n, false);
		}
	}
	print_message("%zu records lost, doubled and swapped at every place\n", n);
	free((void *)(uintptr_t)image.data);
}

static void test_budget(void **state)
{
	_cleanup_tree_ struct cg_tree *t = sample_tree(true), *read = NULL;
	struct cg_bytes image = sample_image(t, false);
	struct cg_error *err = NULL;
	size_t memory = 0;
	int r;

	(void)state;
	do {
		memory += (size_t)256 << 10;
		r = cg_image_parse(image, memory, &read, NULL, &err);
		if (r < 0) {
			assert_int_equal(r, -ENOMEM);
			assert_int_equal(err->fault, CG_FAULT_SYSTEM);
			assert_non_null(strstr(err->message, "memory"));
			err = cg_error_free(err);
		}
		assert_true(memory < (size_t)64 << 20);
	} while (r < 0);
	assert_true(memory > (size_t)4 << 20);
	free((void *)(uintptr_t)image.data);
}

static void test_bytes_a_group(void **state)
{
	_cleanup_tree_ struct cg_tree *t = sample_wide(10000);
	struct cg_bytes image = sample_image(t, false);

	(void)state;
	print_message("%.1f bytes a group\n", (double)image.len / 10000);
	assert_true(image.len < 150 * 10000);
	free((void *)(uintptr_t)image.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_read_tree),
		cmocka_unit_test(test_deterministic),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_write_errors),
		cmocka_unit_test(test_every_bit_flip),
		cmocka_unit_test(test_every_cut_and_addition),
		cmocka_unit_test(test_compressed_bit_flips),
		cmocka_unit_test(test_lost_doubled_moved),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_bytes_a_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
