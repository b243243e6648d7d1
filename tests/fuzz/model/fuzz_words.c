/* What people write for any file: the first byte chooses a setting's row of the catalogue; ';' parts the words from
 * what the file reads. Words that come out as a value of the file are in its own form: said again, they are
 * the same. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/value.h"

static void require(bool truth)
{
	if (!truth)
		abort();
}

/* The rows that are settings. */
static const struct cg_knob *pick(uint8_t index)
{
	for (size_t i = 0; i < cg_knob_count; i++)
		if (cg_knob_table[i].grammar != CG_GRAMMAR_NONE && index-- == 0)
			return &cg_knob_table[i];
	return NULL;
}

static struct cg_bytes bytes_of(const struct cg_text *t)
{
	return (struct cg_bytes){t->data ? t->data : "", t->len};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_text_ struct cg_text value = {0}, again = {0}, merged = {0}, rules = {0};
	const struct cg_knob *knob;
	struct cg_bytes words, present = {"", 0};
	const char *parting;
	int r;

	if (size == 0)
		return 0;
	knob = pick(data[0]);
	if (!knob)
		return 0;
	words = (struct cg_bytes){(const char *)data + 1, size - 1};
	parting = memchr(words.data, ';', words.len);
	if (parting) {
		present = (struct cg_bytes){parting + 1, words.len - (size_t)(parting + 1 - words.data)};
		words.len = (size_t)(parting - words.data);
	}
	require(cg_value_of_words(knob, words, &value) == 0);
	require(cg_value_merge(knob, present, bytes_of(&value), &merged) == 0);
	r = cg_value_check(knob, knob->name, bytes_of(&merged), NULL);
	require(r == 0 || r == -EINVAL);
	if (knob->grammar == CG_GRAMMAR_DEVICE_RULES) {
		r = cg_value_change_rules(knob, present, words, size % 2, &rules, NULL);
		require(r == 0 || r == -EINVAL || r == -EOPNOTSUPP || r == -EIO);
	}
	if (cg_value_check(knob, knob->name, bytes_of(&value), NULL) == 0) {
		require(cg_value_of_words(knob, bytes_of(&value), &again) == 0);
		require(cg_value_same(knob, bytes_of(&value), bytes_of(&again), 1));
	}
	return 0;
}
