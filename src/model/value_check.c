/* Whether a value may be written: one function a grammar, each answers with words for what is accepted
 * instead. */
#include <errno.h>
#include <string.h>

#include "model/value.h"
#include "model/value_parts.h"

#define SHOWN_MAX 64 /* bytes of a bad value that an error repeats */

/* What a check works with; `expected` says what would have been accepted. */
struct check {
	const struct cg_knob *knob;
	struct cg_text expected;
};

static int refuse(
	struct cg_error **err, const char *name, struct cg_bytes value, const struct cg_text *expected)
{
	_cleanup_text_ struct cg_text shown = {0};
	const bool cut = value.len > SHOWN_MAX;
	int r;

	cg_text_escape(&shown, (struct cg_bytes){value.data, cut ? SHOWN_MAX : value.len});
	if (shown.failed || expected->failed)
		return cg_error_oom(err);
	r = cg_error_usage(err, "\"%s%s\" is not accepted, but %s", shown.data ? shown.data : "",
		cut ? "..." : "", expected->data ? expected->data : "nothing");
	cg_error_at(err, NULL, name);
	return r;
}

static void expect_range(struct check *c)
{
	cg_text_printf(
		&c->expected, "a number from %lld to %lld", (long long)c->knob->min, (long long)c->knob->max);
}

/* A row whose highest number is INT64_MAX has no bound but the kernel's type. */
static bool number_in_range(const struct cg_knob *knob, struct cg_bytes value)
{
	int64_t number;
	uint64_t large;

	if (cg_parse_s64(value, &number) == 0)
		return number >= knob->min && number <= knob->max;
	return knob->max == INT64_MAX && cg_parse_u64(value, &large) == 0 && large < UINT64_MAX;
}

static bool check_number(struct check *c, struct cg_bytes value)
{
	const bool takes_max = c->knob->grammar == CG_GRAMMAR_NUMBER_MAX;

	expect_range(c);
	if (takes_max)
		cg_text_adds(&c->expected, ", or max");
	if (c->knob->flags & CG_KNOB_MINUS_ONE)
		cg_text_adds(&c->expected, ", or -1 for no limit");
	return number_in_range(c->knob, value) || (takes_max && cg_bytes_is(value, "max")) ||
	       ((c->knob->flags & CG_KNOB_MINUS_ONE) && cg_bytes_is(value, "-1"));
}

static bool check_bytes(struct check *c, struct cg_bytes value)
{
	const bool takes_max = c->knob->grammar == CG_GRAMMAR_BYTES_MAX;
	const bool takes_minus_one = c->knob->flags & CG_KNOB_MINUS_ONE;
	uint64_t bytes;

	cg_text_adds(&c->expected, "a plain number of bytes");
	if (takes_max)
		cg_text_adds(&c->expected, ", or max");
	if (takes_minus_one)
		cg_text_adds(&c->expected, ", or -1 for no limit");
	if ((takes_max && cg_bytes_is(value, "max")) || (takes_minus_one && cg_bytes_is(value, "-1")))
		return true;
	return cg_parse_u64(value, &bytes) == 0 && bytes <= (uint64_t)INT64_MAX;
}

static bool check_bool(struct check *c, struct cg_bytes value)
{
	cg_text_adds(&c->expected, "0 or 1");
	return cg_bytes_is(value, "0") || cg_bytes_is(value, "1");
}

static bool check_percent(struct check *c, struct cg_bytes value)
{
	struct cg_scalar s;

	cg_text_adds(&c->expected, "a percentage from 0 to 100 with at most two decimals, or max");
	return cg_scalar_parse(c->knob, value, &s) == 0 && (s.unlimited || s.number <= 10000);
}

static bool check_quota(struct check *c, struct cg_bytes value)
{
	struct cg_quota q;

	cg_text_printf(&c->expected,
		"max or a quota from %lld, then a period from 1000 to 1000000, in microseconds",
		(long long)c->knob->min);
	if (cg_quota_parse(value, &q) < 0 || q.period < 1000 || q.period > 1000000)
		return false;
	return q.quota.unlimited || (q.quota.number >= c->knob->min && q.quota.number <= c->knob->max);
}

static bool check_list(struct check *c, struct cg_bytes value)
{
	_cleanup_ranges_ struct cg_ranges ranges = {0};

	cg_text_printf(&c->expected, "a list of %s such as 0-3,8", c->knob->quantity);
	return cg_parse_ranges(value, &ranges) == 0;
}

static bool check_controllers(struct check *c, struct cg_bytes value)
{
	struct cg_bytes word;

	cg_text_adds(&c->expected, "names of controllers with spaces between");
	while (cg_bytes_word(&value, &word)) {
		if (word.data[0] < 'a' || word.data[0] > 'z')
			return false;
		for (size_t i = 1; i < word.len; i++)
			if (!word.data[i] || !strchr("abcdefghijklmnopqrstuvwxyz0123456789_", word.data[i]))
				return false;
	}
	return true;
}

static void expect_words(struct check *c)
{
	for (const char *const *word = c->knob->words; *word; word++) {
		if (word != c->knob->words)
			cg_text_adds(&c->expected, word[1] ? ", " : " or ");
		cg_text_adds(&c->expected, *word);
	}
}

static bool check_word(struct check *c, struct cg_bytes value)
{
	expect_words(c);
	return cg_word_is_listed(c->knob->words, value);
}

/* MAJ:MIN; with `stars` either may be '*'. */
static bool is_device(struct cg_bytes key, bool stars)
{
	const char *colon = memchr(key.data, ':', key.len);
	struct cg_bytes part[2];

	if (!colon)
		return false;
	part[0] = (struct cg_bytes){key.data, (size_t)(colon - key.data)};
	part[1] = (struct cg_bytes){colon + 1, key.len - part[0].len - 1};
	for (size_t i = 0; i < CG_ARRAY_SIZE(part); i++) {
		uint32_t number;

		if (!(stars && cg_bytes_is(part[i], "*")) && cg_parse_u32(part[i], &number) < 0)
			return false;
	}
	return true;
}

static bool key_is_valid(const struct cg_knob *knob, const struct cg_entry *entry)
{
	if (cg_entry_is_default(knob, entry))
		return true;
	switch (knob->key) {
	case CG_KEY_DEVICE:
		return is_device(entry->key, knob->grammar == CG_GRAMMAR_DEVICE_RULES);
	case CG_KEY_LINK:
		/* IFNAMSIZ counts the NUL. */
		return entry->key.len < 16 && !memchr(entry->key.data, '/', entry->key.len);
	case CG_KEY_OTHER:
	case CG_KEY_NONE:
		break;
	}
	return true;
}

static bool sub_value_is_valid(const struct cg_knob *knob, struct cg_bytes value)
{
	if (knob->reset && cg_bytes_is(value, knob->reset))
		return true;
	if (knob->max > 0)
		return number_in_range(knob, value);
	return value.len > 0;
}

static bool subs_are_valid(const struct cg_knob *knob, struct cg_bytes rest)
{
	struct cg_bytes word, name, value;

	while (cg_bytes_word(&rest, &word))
		if (!cg_sub_split(word, &name, &value) || !cg_word_is_listed(knob->words, name) ||
			!sub_value_is_valid(knob, value))
			return false;
	return true;
}

static bool entry_is_valid(const struct cg_knob *knob, const struct cg_entry *entry)
{
	if (!key_is_valid(knob, entry))
		return false;
	switch (knob->grammar) {
	case CG_GRAMMAR_NESTED:
		return subs_are_valid(knob, entry->rest);
	case CG_GRAMMAR_DEVICE_RULES:
		if (entry->kind == 'a' && !cg_bytes_is(entry->key, "*:*"))
			return false;
		return strchr("abc", entry->kind) && cg_access_parse(entry->rest) != 0;
	default:
		if (!cg_entry_is_default(knob, entry) && cg_bytes_is(entry->rest, knob->reset))
			return true;
		return number_in_range(knob, entry->rest);
	}
}

static void expect_entries(struct check *c)
{
	static const char *const key_text[] = {"KEY", "MAJOR:MINOR", "INTERFACE", "KEY"};
	const char *key = key_text[c->knob->key];

	switch (c->knob->grammar) {
	case CG_GRAMMAR_DEVICE_RULES:
		cg_text_adds(&c->expected, "lines \"b or c MAJOR:MINOR some of rwm\", or \"a *:* rwm\"");
		return;
	case CG_GRAMMAR_NESTED:
		cg_text_printf(&c->expected, "lines \"%s NAME=VALUE...\" with names ", key);
		expect_words(c);
		break;
	default:
		cg_text_printf(&c->expected, "lines \"%s VALUE\"", key);
		break;
	}
	if (c->knob->max > 0) {
		cg_text_adds(&c->expected, " and each value ");
		expect_range(c);
		cg_text_printf(&c->expected, " or %s", c->knob->reset);
	}
}

static bool check_entries(struct check *c, struct cg_bytes value)
{
	_cleanup_entries_ struct cg_entries e = {0};

	expect_entries(c);
	if (cg_entries_parse(c->knob, value, &e) < 0)
		return false;
	for (size_t i = 0; i < e.count; i++) {
		if (!entry_is_valid(c->knob, &e.item[i]))
			return false;
		if (i > 0 && cg_entry_compare(&e.item[i - 1], &e.item[i]) == 0) {
			cg_text_adds(&c->expected, ", each key once");
			return false;
		}
	}
	return true;
}

static bool check_text(struct check *c, struct cg_bytes value)
{
	cg_text_adds(&c->expected, "text without a NUL byte");
	return value.len == 0 || !memchr(value.data, '\0', value.len);
}

static bool check_by_grammar(struct check *c, struct cg_bytes value)
{
	switch (c->knob->grammar) {
	case CG_GRAMMAR_BOOL:
	case CG_GRAMMAR_FLAG_LINE:
		return check_bool(c, value);
	case CG_GRAMMAR_NUMBER:
	case CG_GRAMMAR_NUMBER_MAX:
		return check_number(c, value);
	case CG_GRAMMAR_BYTES:
	case CG_GRAMMAR_BYTES_MAX:
		return check_bytes(c, value);
	case CG_GRAMMAR_PERCENT_MAX:
		return check_percent(c, value);
	case CG_GRAMMAR_QUOTA:
		return check_quota(c, value);
	case CG_GRAMMAR_LIST:
		return check_list(c, value);
	case CG_GRAMMAR_CONTROLLERS:
		return check_controllers(c, value);
	case CG_GRAMMAR_WORD:
		return check_word(c, value);
	case CG_GRAMMAR_KEYED:
	case CG_GRAMMAR_KEYED_DEFAULT:
	case CG_GRAMMAR_NESTED:
	case CG_GRAMMAR_DEVICE_RULES:
		return check_entries(c, value);
	case CG_GRAMMAR_TEXT:
		return check_text(c, value);
	case CG_GRAMMAR_NONE:
		break;
	}
	return false;
}

int cg_value_check(const struct cg_knob *knob, const char *name, struct cg_bytes value, struct cg_error **err)
{
	static const struct cg_knob unknown = {.grammar = CG_GRAMMAR_TEXT};
	/* What was expected is put into words only when it is missed: a text that has failed takes none. */
	struct check c = {.knob = knob ? knob : &unknown, .expected = {.failed = true}};
	int r = 0;

	if (knob && (knob->kind != CG_KNOB_SETTING || (knob->flags & CG_KNOB_ALIAS))) {
		r = cg_error_usage(err, "is no setting of its own and is never written");
		cg_error_at(err, NULL, name);
		return r;
	}
	if ((value.len == 0 || !memchr(value.data, '\0', value.len)) && check_by_grammar(&c, value))
		return 0;
	c.expected = (struct cg_text){0};
	(void)check_by_grammar(&c, value);
	r = refuse(err, name, value, &c.expected);
	cg_text_free(&c.expected);
	return r;
}
