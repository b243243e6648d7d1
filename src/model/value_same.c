/* Whether two values mean the same to the kernel. */
#include <string.h>

#include "model/value.h"
#include "model/value_parts.h"

static bool scalars_same(const struct cg_knob *knob, struct cg_bytes a, struct cg_bytes b, uint64_t unit)
{
	struct cg_scalar x, y;

	if (cg_scalar_parse(knob, a, &x) < 0 || cg_scalar_parse(knob, b, &y) < 0)
		return false;
	/* The kernel shows a full clamp as "max" (kernel/sched/core.c, cpu_uclamp_print). */
	if (knob->grammar == CG_GRAMMAR_PERCENT_MAX) {
		x.unlimited = x.unlimited || x.number == 10000;
		y.unlimited = y.unlimited || y.number == 10000;
	}
	if (x.unlimited || y.unlimited)
		return x.unlimited && y.unlimited;
	if ((knob->flags & CG_KNOB_UNIT_ROUNDED) && unit > 1)
		return (uint64_t)x.number / unit == (uint64_t)y.number / unit;
	return x.number == y.number;
}

static bool quotas_same(struct cg_bytes a, struct cg_bytes b)
{
	struct cg_quota x, y;

	if (cg_quota_parse(a, &x) < 0 || cg_quota_parse(b, &y) < 0)
		return false;
	return x.quota.unlimited == y.quota.unlimited && x.quota.number == y.quota.number &&
	       x.period == y.period;
}

static bool lists_same(struct cg_bytes a, struct cg_bytes b)
{
	_cleanup_ranges_ struct cg_ranges x = {0}, y = {0};

	return cg_parse_ranges(a, &x) == 0 && cg_parse_ranges(b, &y) == 0 && cg_ranges_equal(&x, &y);
}

/* The next entry that says something. */
static const struct cg_entry *next_telling(const struct cg_knob *knob, const struct cg_entries *e, size_t *at)
{
	while (*at < e->count) {
		const struct cg_entry *entry = &e->item[(*at)++];

		if (!cg_entry_is_none(knob, entry))
			return entry;
	}
	return NULL;
}

static bool entries_same(const struct cg_knob *knob, struct cg_bytes a, struct cg_bytes b)
{
	_cleanup_entries_ struct cg_entries x = {0}, y = {0};
	size_t i = 0, j = 0;

	if (cg_entries_parse(knob, a, &x) < 0 || cg_entries_parse(knob, b, &y) < 0)
		return false;
	for (;;) {
		const struct cg_entry *left = next_telling(knob, &x, &i), *right = next_telling(knob, &y, &j);

		if (!left || !right)
			return left == right;
		if (cg_entry_compare(left, right) != 0 || !cg_entry_same(knob, left, right))
			return false;
	}
}

bool cg_value_same(const struct cg_knob *knob, struct cg_bytes a, struct cg_bytes b, uint64_t unit)
{
	if (cg_bytes_equal(a, b))
		return true;
	if (!knob)
		return false;
	switch (knob->grammar) {
	case CG_GRAMMAR_BOOL:
	case CG_GRAMMAR_NUMBER:
	case CG_GRAMMAR_NUMBER_MAX:
	case CG_GRAMMAR_BYTES:
	case CG_GRAMMAR_BYTES_MAX:
	case CG_GRAMMAR_PERCENT_MAX:
	case CG_GRAMMAR_FLAG_LINE:
		return scalars_same(knob, a, b, unit);
	case CG_GRAMMAR_QUOTA:
		return quotas_same(a, b);
	case CG_GRAMMAR_LIST:
		return lists_same(a, b);
	case CG_GRAMMAR_CONTROLLERS:
	case CG_GRAMMAR_KEYED:
	case CG_GRAMMAR_KEYED_DEFAULT:
	case CG_GRAMMAR_NESTED:
	case CG_GRAMMAR_DEVICE_RULES:
		return entries_same(knob, a, b);
	case CG_GRAMMAR_WORD:
	case CG_GRAMMAR_TEXT:
	case CG_GRAMMAR_NONE:
		break;
	}
	return false;
}
