/* Cpu and node lists: parsed, written out, and parsed again; and the subset relation of two. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static void require(bool truth)
{
	if (!truth)
		abort();
}

static void compose(const struct cg_ranges *r, struct cg_text *t)
{
	for (size_t i = 0; i < r->count; i++) {
		require(r->item[i].first <= r->item[i].last && r->item[i].last <= CG_RANGES_MAX);
		require(i == 0 || r->item[i].first > r->item[i - 1].last + 1);
		cg_text_printf(t, "%s%u", i ? "," : "", r->item[i].first);
		if (r->item[i].last > r->item[i].first)
			cg_text_printf(t, "-%u", r->item[i].last);
	}
	require(!t->failed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_ranges_ struct cg_ranges a = {0}, again = {0}, b = {0};
	_cleanup_text_ struct cg_text t = {0};
	const struct cg_bytes whole = {(const char *)data, size};
	const char *parting = size > 0 ? memchr(data, ';', size) : NULL;
	struct cg_bytes left = whole, right = {"", 0};

	if (parting) {
		left.len = (size_t)(parting - whole.data);
		right = (struct cg_bytes){parting + 1, size - left.len - 1};
	}
	if (cg_parse_ranges(left, &a) != 0)
		return 0;
	compose(&a, &t);
	require(cg_parse_ranges((struct cg_bytes){t.data ? t.data : "", t.len}, &again) == 0);
	require(cg_ranges_equal(&a, &again));
	require(cg_ranges_subset(&a, &again) && cg_ranges_subset(&again, &a));
	if (cg_parse_ranges(right, &b) == 0)
		require(cg_ranges_equal(&a, &b) == (cg_ranges_subset(&a, &b) && cg_ranges_subset(&b, &a)));
	return 0;
}
