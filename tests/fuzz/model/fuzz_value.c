/* Values of every grammar, as an image or a kernel might hold them: the first byte picks a row of the
 * catalogue, a zero byte parts the rest in two values. Beside memory errors it looks for contradictions
 * between what the functions say. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/value.h"

static void require(bool truth)
{
	if (!truth)
		abort();
}

/* The rows that are settings; index 0 stands for an unknown file. */
static const struct cg_knob *pick(uint8_t index)
{
	if (index == 0)
		return NULL;
	for (size_t i = 0; i < cg_knob_count; i++)
		if (cg_knob_table[i].grammar != CG_GRAMMAR_NONE && --index == 0)
			return &cg_knob_table[i];
	return NULL;
}

static int count_write(void *context, const char *file, struct cg_bytes value)
{
	require(file && value.len > 0);
	++*(size_t *)context;
	return 0;
}

static int count_key(void *context, struct cg_bytes key, struct cg_bytes line)
{
	require(key.data >= line.data && key.data + key.len <= line.data + line.len);
	++*(size_t *)context;
	return 0;
}

static int keep_key(void *context, struct cg_bytes key, struct cg_bytes *ret_key)
{
	++*(size_t *)context;
	*ret_key = key;
	return 1;
}

/* Values that may be written. */
static void try_written(const struct cg_knob *knob, struct cg_bytes a, struct cg_bytes b)
{
	size_t writes = 0, keys = 0, mapped = 0;
	_cleanup_text_ struct cg_text same = {0};

	/* An entry of a row without `reset` cannot be taken away. */
	if (cg_value_writes(knob, "file", a, b, count_write, &writes) != 0) {
		require(knob && knob->grammar == CG_GRAMMAR_NESTED && !knob->reset);
		return;
	}
	require((writes == 0) == cg_value_same(knob, a, b, 1) || knob == NULL ||
		knob->grammar == CG_GRAMMAR_TEXT || knob->grammar == CG_GRAMMAR_CONTROLLERS);
	require(cg_value_each_key(knob, a, count_key, &keys) == 0);
	require(cg_value_map_keys(knob, a, keep_key, &mapped, &same) == 0);
	require(keys == mapped);
	require(cg_value_same(knob, a, (struct cg_bytes){same.data ? same.data : "", same.len}, 1));
}

static void try_pair(const struct cg_knob *knob, struct cg_bytes a, struct cg_bytes b)
{
	_cleanup_error_ struct cg_error *first = NULL, *second = NULL;
	_cleanup_text_ struct cg_text words = {0}, mapped = {0};
	size_t count = 0;
	uint64_t amount;
	int order = cg_value_order(knob, a, b), r;

	require(order == -cg_value_order(knob, b, a) && order >= -1 && order <= 1);
	require(cg_value_same(knob, a, a, 4096));
	require(cg_value_same(knob, a, b, 4096) == cg_value_same(knob, b, a, 4096));
	require(!cg_value_same(knob, a, b, 1) || cg_value_same(knob, a, b, 4096));
	(void)cg_value_amount(knob, a, 4096, &amount);
	cg_value_describe(knob, a, &words);
	require(!words.failed && (!words.data || !memchr(words.data, '\n', words.len)));
	r = cg_value_writes(knob, "file", a, b, count_write, &count);
	require(r == 0 || r == -EINVAL);
	require(cg_value_each_key(knob, a, count_key, &count) == 0);
	require(cg_value_map_keys(knob, a, keep_key, &count, &mapped) == 0);
	if (cg_value_check(knob, "file", a, &first) == 0 && cg_value_check(knob, "file", b, &second) == 0)
		try_written(knob, a, b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct cg_knob *knob;
	struct cg_bytes raw, a, b = {"", 0};
	const char *parting;

	if (size == 0)
		return 0;
	knob = pick(data[0]);
	a = (struct cg_bytes){(const char *)data + 1, size - 1};
	parting = a.len > 0 ? memchr(a.data, '\0', a.len) : NULL;
	if (parting) {
		b = (struct cg_bytes){parting + 1, (size_t)(a.data + a.len - parting - 1)};
		a.len = (size_t)(parting - a.data);
	}
	raw = cg_value_setting(knob, a);
	(void)cg_value_written(knob, raw);
	try_pair(knob, a, b);
	try_pair(knob, raw, b);
	return 0;
}
