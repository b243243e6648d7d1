/* Taking values apart: scalars, quotas, and lines with keys. */
#include "model/value_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int parse_bytes(const struct cg_knob *knob, struct cg_bytes value, struct cg_scalar *ret)
{
	const bool bounded = knob->grammar == CG_GRAMMAR_BYTES_MAX || (knob->flags & CG_KNOB_MINUS_ONE);
	uint64_t bytes;
	int r = cg_parse_u64(value, &bytes);

	if (r < 0)
		return r;
	if (bounded && bytes >= (uint64_t)CG_UNLIMITED_FLOOR)
		*ret = (struct cg_scalar){true, INT64_MAX};
	else if (bytes > (uint64_t)INT64_MAX)
		return -ERANGE;
	else
		*ret = (struct cg_scalar){false, (int64_t)bytes};
	return 0;
}

/* "12.3" as 1230. */
static int parse_percent(struct cg_bytes value, struct cg_scalar *ret)
{
	struct cg_bytes whole;
	uint64_t number;
	unsigned hundredths = 0, scale = 10;
	int r;

	if (!cg_bytes_split(&value, '.', &whole))
		return -EINVAL;
	r = cg_parse_u64(whole, &number);
	if (r < 0)
		return r;
	if (value.len > 2 || (value.len == 0 && value.data > whole.data + whole.len))
		return -EINVAL;
	for (size_t i = 0; i < value.len; i++, scale /= 10) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return -EINVAL;
		hundredths += (unsigned)(value.data[i] - '0') * scale;
	}
	if (number > (uint64_t)INT64_MAX / 100 - 1)
		return -ERANGE;
	*ret = (struct cg_scalar){false, (int64_t)number * 100 + hundredths};
	return 0;
}

int cg_scalar_parse(const struct cg_knob *knob, struct cg_bytes value, struct cg_scalar *ret)
{
	int64_t number;
	int r;

	switch (knob->grammar) {
	case CG_GRAMMAR_NUMBER_MAX:
	case CG_GRAMMAR_BYTES_MAX:
	case CG_GRAMMAR_PERCENT_MAX:
		if (cg_bytes_is(value, "max")) {
			*ret = (struct cg_scalar){true, INT64_MAX};
			return 0;
		}
		break;
	case CG_GRAMMAR_BOOL:
	case CG_GRAMMAR_FLAG_LINE:
	case CG_GRAMMAR_NUMBER:
	case CG_GRAMMAR_BYTES:
		break;
	default:
		return -EINVAL;
	}
	if (knob->grammar == CG_GRAMMAR_PERCENT_MAX)
		return parse_percent(value, ret);
	if ((knob->flags & CG_KNOB_MINUS_ONE) && value.len && value.data[0] == '-' &&
		cg_parse_s64(value, &number) == 0) {
		*ret = (struct cg_scalar){true, INT64_MAX};
		return 0;
	}
	if (knob->grammar == CG_GRAMMAR_BYTES || knob->grammar == CG_GRAMMAR_BYTES_MAX)
		return parse_bytes(knob, value, ret);
	r = cg_parse_s64(value, &number);
	if (r == 0)
		*ret = (struct cg_scalar){false, number};
	return r;
}

int cg_quota_parse(struct cg_bytes value, struct cg_quota *ret)
{
	struct cg_bytes quota, period, more;
	struct cg_quota q = {.quota = {true, INT64_MAX}};
	int r = 0;

	if (!cg_bytes_word(&value, &quota) || !cg_bytes_word(&value, &period) || cg_bytes_word(&value, &more))
		return -EINVAL;
	if (!cg_bytes_is(quota, "max")) {
		q.quota.unlimited = false;
		r = cg_parse_s64(quota, &q.quota.number);
	}
	if (r == 0)
		r = cg_parse_s64(period, &q.period);
	if (r == 0)
		*ret = q;
	return r;
}

bool cg_grammar_has_entries(enum cg_grammar grammar)
{
	return grammar == CG_GRAMMAR_KEYED || grammar == CG_GRAMMAR_KEYED_DEFAULT ||
	       grammar == CG_GRAMMAR_NESTED || grammar == CG_GRAMMAR_DEVICE_RULES;
}

/* A line of words; empty ones are passed over. */
static bool next_line(struct cg_bytes *rest, struct cg_bytes *ret)
{
	while (cg_bytes_split(rest, '\n', ret)) {
		*ret = cg_bytes_trim(*ret);
		if (ret->len > 0)
			return true;
	}
	return false;
}

static int split_rule(struct cg_bytes rest, struct cg_entry *e)
{
	struct cg_bytes kind;

	if (!cg_bytes_word(&rest, &kind) || kind.len != 1 || !cg_bytes_word(&rest, &e->key))
		return -EINVAL;
	e->kind = kind.data[0];
	e->rest = cg_bytes_trim(rest);
	return e->rest.len > 0 ? 1 : -EINVAL;
}

int cg_entry_next(const struct cg_knob *knob, struct cg_bytes *rest, struct cg_entry *ret)
{
	struct cg_entry e = {0};
	struct cg_bytes tail;

	if (knob->grammar == CG_GRAMMAR_CONTROLLERS) {
		if (!cg_bytes_word(rest, &e.key))
			return 0;
		e.line = e.key;
		*ret = e;
		return 1;
	}
	if (!next_line(rest, &e.line))
		return 0;
	ret->line = tail = e.line;
	if (knob->grammar == CG_GRAMMAR_DEVICE_RULES) {
		if (split_rule(tail, &e) < 0)
			return -EINVAL;
	} else {
		if (!cg_bytes_word(&tail, &e.key))
			return -EINVAL;
		e.rest = cg_bytes_trim(tail);
	}
	if (e.rest.len == 0) {
		/* Older kernels write the default without its word. */
		if (knob->grammar != CG_GRAMMAR_KEYED_DEFAULT)
			return -EINVAL;
		e.rest = e.key;
		e.key = CG_BYTES("default");
	}
	*ret = e;
	return 1;
}

bool cg_entry_is_default(const struct cg_knob *knob, const struct cg_entry *entry)
{
	return knob->grammar == CG_GRAMMAR_KEYED_DEFAULT && cg_bytes_is(entry->key, "default");
}

int cg_entry_compare(const struct cg_entry *a, const struct cg_entry *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return cg_bytes_compare(a->key, b->key);
}

/* Numbers by their value, words as they are. */
static bool token_same(struct cg_bytes a, struct cg_bytes b)
{
	uint64_t x, y;

	if (cg_parse_u64(a, &x) == 0 && cg_parse_u64(b, &y) == 0)
		return x == y;
	return cg_bytes_equal(a, b);
}

static bool subs_are_known(const struct cg_knob *knob, struct cg_bytes rest)
{
	struct cg_bytes word, name, value;

	while (cg_bytes_word(&rest, &word))
		if (!cg_sub_split(word, &name, &value) || !cg_word_is_listed(knob->words, name))
			return false;
	return true;
}

static bool nested_same(const struct cg_knob *knob, struct cg_bytes a, struct cg_bytes b)
{
	if (!subs_are_known(knob, a) || !subs_are_known(knob, b))
		return cg_bytes_equal(a, b);
	for (const char *const *sub = knob->words; *sub; sub++) {
		struct cg_bytes x = cg_bytes_of(knob->reset), y = x;

		(void)cg_sub_find(a, *sub, &x);
		(void)cg_sub_find(b, *sub, &y);
		if (!token_same(x, y))
			return false;
	}
	return true;
}

bool cg_entry_same(const struct cg_knob *knob, const struct cg_entry *a, const struct cg_entry *b)
{
	switch (knob->grammar) {
	case CG_GRAMMAR_NESTED:
		return nested_same(knob, a->rest, b->rest);
	case CG_GRAMMAR_DEVICE_RULES:
		return cg_access_parse(a->rest) == cg_access_parse(b->rest);
	default:
		return token_same(a->rest, b->rest);
	}
}

bool cg_entry_is_none(const struct cg_knob *knob, const struct cg_entry *entry)
{
	if (!knob->reset)
		return false;
	if (knob->grammar == CG_GRAMMAR_NESTED)
		return nested_same(knob, entry->rest, CG_BYTES(""));
	return token_same(entry->rest, cg_bytes_of(knob->reset));
}

static int compare_entries(const void *a, const void *b)
{
	return cg_entry_compare(a, b);
}

int cg_entries_parse(const struct cg_knob *knob, struct cg_bytes value, struct cg_entries *ret)
{
	_cleanup_entries_ struct cg_entries e = {0};
	size_t room = 0;

	for (;;) {
		struct cg_entry entry = {0};
		int r = cg_entry_next(knob, &value, &entry);

		if (r < 0)
			return r;
		if (r == 0)
			break;
		if (e.count == room) {
			struct cg_entry *more;

			room = room ? 2 * room : 8;
			more = reallocarray(e.item, room, sizeof(*more));
			if (!more)
				return -ENOMEM;
			e.item = more;
		}
		e.item[e.count++] = entry;
	}
	if (e.count > 1)
		qsort(e.item, e.count, sizeof(*e.item), compare_entries);
	*ret = e;
	e = (struct cg_entries){0};
	return 0;
}

void cg_entries_free(struct cg_entries *e)
{
	free(e->item);
	*e = (struct cg_entries){0};
}

bool cg_sub_split(struct cg_bytes word, struct cg_bytes *ret_name, struct cg_bytes *ret_value)
{
	const char *equals = memchr(word.data, '=', word.len);

	if (!equals || equals == word.data)
		return false;
	*ret_name = (struct cg_bytes){word.data, (size_t)(equals - word.data)};
	*ret_value = (struct cg_bytes){equals + 1, word.len - ret_name->len - 1};
	return true;
}

bool cg_sub_find(struct cg_bytes rest, const char *sub, struct cg_bytes *ret)
{
	struct cg_bytes word, name, value;

	while (cg_bytes_word(&rest, &word))
		if (cg_sub_split(word, &name, &value) && cg_bytes_is(name, sub)) {
			*ret = value;
			return true;
		}
	return false;
}

bool cg_sub_counts_bytes(struct cg_bytes name)
{
	return name.len > 3 && memcmp(name.data + name.len - 3, "bps", 3) == 0;
}

bool cg_word_is_listed(const char *const *words, struct cg_bytes word)
{
	for (; words && *words; words++)
		if (cg_bytes_is(word, *words))
			return true;
	return false;
}

unsigned cg_access_parse(struct cg_bytes letters)
{
	static const char all[] = "rwm";
	unsigned access = 0;

	for (size_t i = 0; i < letters.len; i++) {
		const char *p = letters.data[i] ? strchr(all, letters.data[i]) : NULL;

		if (!p || (access & 1U << (p - all)))
			return 0;
		access |= 1U << (p - all);
	}
	return access;
}
