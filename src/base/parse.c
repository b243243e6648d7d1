/* Strict parsers: the whole text or nothing. */
#include <errno.h>
#include <string.h>

#include "base/text.h"

#define NO_OVERFLOW 19 /* decimal digits that 64 bits always hold */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int parse_based(struct cg_bytes b, unsigned base, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i = 0;

	if (b.len == 0)
		return -EINVAL;
	/* So few digits cannot overflow. */
	for (; i < b.len && i < NO_OVERFLOW; i++) {
		unsigned digit = (unsigned)(b.data[i] - '0');

		if (digit >= base)
			return -EINVAL;
		v = v * base + digit;
	}
	for (; i < b.len; i++) {
		unsigned digit = (unsigned)(b.data[i] - '0');

		if (!is_digit(b.data[i]) || digit >= base)
			return -EINVAL;
		if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit, &v)) {
			for (; i < b.len; i++)
				if (!is_digit(b.data[i]))
					return -EINVAL;
			return -ERANGE;
		}
	}
	*ret = v;
	return 0;
}

int cg_parse_u64(struct cg_bytes b, uint64_t *ret)
{
	if (b.len > 1 && b.data[0] == '0')
		return -EINVAL;
	return parse_based(b, 10, ret);
}

int cg_parse_s64(struct cg_bytes b, int64_t *ret)
{
	bool negative = b.len > 1 && b.data[0] == '-';
	uint64_t v;
	int r;

	if (negative) {
		b.data++;
		b.len--;
	}
	r = cg_parse_u64(b, &v);
	if (r < 0)
		return r;
	if (negative && v == 0)
		return -EINVAL;
	if (v > (uint64_t)INT64_MAX + (negative ? 1 : 0))
		return -ERANGE;
	*ret = negative ? (int64_t)(0 - v) : (int64_t)v;
	return 0;
}

int cg_parse_u32(struct cg_bytes b, uint32_t *ret)
{
	uint64_t v;
	int r = cg_parse_u64(b, &v);

	if (r < 0)
		return r;
	if (v > UINT32_MAX)
		return -ERANGE;
	*ret = (uint32_t)v;
	return 0;
}

int cg_parse_octal(struct cg_bytes b, uint32_t *ret)
{
	uint64_t v;
	int r = parse_based(b, 8, &v);

	if (r < 0)
		return r;
	if (v > UINT32_MAX)
		return -ERANGE;
	*ret = (uint32_t)v;
	return 0;
}

/* Takes "K", "KB", "KiB", "B" and the like off the end; the shift that it stands for, or -EINVAL. */
static int size_suffix(struct cg_bytes *b)
{
	static const char units[] = "KMGTPE";
	const char *u;
	bool bytes = b->len && b->data[b->len - 1] == 'B', binary;

	if (bytes)
		b->len--;
	binary = bytes && b->len && b->data[b->len - 1] == 'i';
	if (binary)
		b->len--;
	if (b->len == 0)
		return -EINVAL;
	u = strchr(units, b->data[b->len - 1] & ~0x20);
	if (!u || !*u)
		return binary ? -EINVAL : 0;
	b->len--;
	return 10 * (int)(u - units + 1);
}

int cg_parse_size(struct cg_bytes b, uint64_t *ret)
{
	struct cg_bytes whole;
	uint64_t value, fraction = 0, scale = 1;
	int shift = size_suffix(&b), r;

	if (shift < 0 || !cg_bytes_split(&b, '.', &whole))
		return -EINVAL;
	r = cg_parse_u64(whole, &value);
	if (r < 0)
		return r;
	if (b.data > whole.data + whole.len) { /* there was a point */
		if (b.len == 0 || b.len > 18 || shift == 0)
			return -EINVAL;
		r = parse_based(b, 10, &fraction);
		if (r < 0)
			return r;
		for (size_t i = 0; i < b.len; i++)
			scale *= 10;
	}
	if (value > UINT64_MAX >> shift)
		return -ERANGE;
	value <<= shift;
	if (fraction) {
		unsigned __int128 part = (unsigned __int128)fraction << shift;

		if (part % scale)
			return -EINVAL;
		if (__builtin_add_overflow(value, (uint64_t)(part / scale), &value))
			return -ERANGE;
	}
	*ret = value;
	return 0;
}

int cg_parse_pid(struct cg_bytes b, int *ret)
{
	uint64_t v;
	int r = cg_parse_u64(b, &v);

	if (r < 0)
		return r;
	if (v < 1 || v > 4194304)
		return -ERANGE;
	*ret = (int)v;
	return 0;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct cg_range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static void merge_ranges(struct cg_ranges *r)
{
	size_t n = 0;

	if (r->count > 1)
		qsort(r->item, r->count, sizeof(*r->item), compare_ranges);
	for (size_t i = 0; i < r->count; i++) {
		if (n && r->item[i].first <= r->item[n - 1].last + 1) {
			if (r->item[i].last > r->item[n - 1].last)
				r->item[n - 1].last = r->item[i].last;
		} else {
			r->item[n++] = r->item[i];
		}
	}
	r->count = n;
}

static int parse_range(struct cg_bytes part, struct cg_range *ret)
{
	struct cg_bytes first;
	int r;

	if (!cg_bytes_split(&part, '-', &first))
		return -EINVAL;
	r = cg_parse_u32(first, &ret->first);
	if (r < 0)
		return r;
	ret->last = ret->first;
	if (part.data > first.data + first.len)
		r = cg_parse_u32(part, &ret->last);
	if (r < 0)
		return r;
	if (ret->last > CG_RANGES_MAX)
		return -ERANGE;
	return ret->first > ret->last ? -EINVAL : 0;
}

int cg_parse_ranges(struct cg_bytes b, struct cg_ranges *ret)
{
	_cleanup_ranges_ struct cg_ranges made = {0};
	struct cg_bytes part;
	size_t room = 1;

	for (size_t i = 0; i < b.len; i++)
		room += b.data[i] == ',';
	if (b.len && b.data[b.len - 1] == ',')
		return -EINVAL;
	made.item = calloc(room, sizeof(*made.item));
	if (!made.item)
		return -ENOMEM;
	while (cg_bytes_split(&b, ',', &part)) {
		int r = parse_range(part, &made.item[made.count]);

		if (r < 0)
			return r;
		made.count++;
	}
	merge_ranges(&made);
	*ret = made;
	made = (struct cg_ranges){0};
	return 0;
}

void cg_ranges_free(struct cg_ranges *r)
{
	free(r->item);
	*r = (struct cg_ranges){0};
}

bool cg_ranges_equal(const struct cg_ranges *a, const struct cg_ranges *b)
{
	return cg_ranges_subset(a, b) && cg_ranges_subset(b, a);
}

bool cg_ranges_subset(const struct cg_ranges *inner, const struct cg_ranges *outer)
{
	size_t o = 0;

	for (size_t i = 0; i < inner->count; i++) {
		while (o < outer->count && outer->item[o].last < inner->item[i].first)
			o++;
		if (o == outer->count || outer->item[o].first > inner->item[i].first ||
			outer->item[o].last < inner->item[i].last)
			return false;
	}
	return true;
}
