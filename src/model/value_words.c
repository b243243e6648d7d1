/* From what a person writes to a value as the kernel takes it: sizes and percentages by the row's quantity,
 * and settings that name only some of their entries merged into what stands there. Nothing is guessed: what
 * is of no known form goes on as it is, and cg_value_check() refuses it with words for what is accepted. */
#include <errno.h>
#include <string.h>

#include "model/value.h"
#include "model/value_parts.h"

#define PERIOD_US      INT64_C(100000)  /* what the kernel starts with (kernel/sched/fair.c) */
#define LONG_PERIOD_US INT64_C(1000000) /* the longest: for shares too small for the usual one */
#define PERCENT_MAX    100000000        /* of a cpu; more is no number of cpus */

static void add(struct cg_text *t, struct cg_bytes b)
{
	cg_text_add(t, b.data, b.len);
}

/* "64M" in plain bytes; anything else as it is. */
static void add_bytes(struct cg_text *t, struct cg_bytes words)
{
	uint64_t bytes;

	if (cg_parse_size(words, &bytes) == 0)
		cg_text_printf(t, "%llu", (unsigned long long)bytes);
	else
		add(t, words);
}

static bool counts_bytes(const struct cg_knob *knob)
{
	return knob->quantity && strcmp(knob->quantity, "bytes") == 0;
}

/* "max" and "-1" both say "no limit"; each kind of row takes its own. */
static bool add_no_limit(struct cg_text *t, const struct cg_knob *knob, struct cg_bytes words)
{
	const bool minus_one = knob->flags & CG_KNOB_MINUS_ONE;

	if (!minus_one || !cg_bytes_is(words, "max"))
		return false;
	cg_text_adds(t, "-1");
	return true;
}

/* "50ms", "2s", "300us" in microseconds. */
static bool add_time(struct cg_text *t, const struct cg_knob *knob, struct cg_bytes words)
{
	static const struct {
		const char *suffix;
		uint64_t us;
	} units[] = {{"us", 1}, {"ms", 1000}, {"s", 1000000}};
	uint64_t number;

	if (!knob->quantity || strcmp(knob->quantity, "us") != 0)
		return false;
	for (size_t i = 0; i < CG_ARRAY_SIZE(units); i++) {
		const size_t n = strlen(units[i].suffix);

		if (words.len <= n || memcmp(words.data + words.len - n, units[i].suffix, n) != 0)
			continue;
		if (cg_parse_u64((struct cg_bytes){words.data, words.len - n}, &number) < 0 ||
			__builtin_mul_overflow(number, units[i].us, &number))
			return false;
		cg_text_printf(t, "%llu", (unsigned long long)number);
		return true;
	}
	return false;
}

/* "35%" and "12.5%" in thousandths of a percent. */
static bool parse_percent(struct cg_bytes words, int64_t *ret)
{
	struct cg_bytes whole;
	uint64_t number, thousandths = 0, scale = 100;

	if (words.len < 2 || words.data[words.len - 1] != '%')
		return false;
	words.len--;
	if (!cg_bytes_split(&words, '.', &whole) || cg_parse_u64(whole, &number) < 0 || number > PERCENT_MAX)
		return false;
	if (words.len > 3 || (words.len == 0 && words.data > whole.data + whole.len))
		return false;
	for (size_t i = 0; i < words.len; i++, scale /= 10) {
		if (words.data[i] < '0' || words.data[i] > '9')
			return false;
		thousandths += (uint64_t)(words.data[i] - '0') * scale;
	}
	*ret = (int64_t)(number * 1000 + thousandths);
	return true;
}

/* A share of a cpu as quota and period; a share too small for the usual period gets the longest one. */
static void add_quota(struct cg_text *t, const struct cg_knob *knob, struct cg_bytes words)
{
	int64_t share, quota;

	if (cg_bytes_is(words, "max")) {
		cg_text_printf(t, "max %lld", (long long)PERIOD_US);
		return;
	}
	if (!parse_percent(words, &share)) {
		add(t, words);
		return;
	}
	quota = share * PERIOD_US / 100000;
	if (quota >= knob->min)
		cg_text_printf(t, "%lld %lld", (long long)quota, (long long)PERIOD_US);
	else
		cg_text_printf(t, "%lld %lld", (long long)(share * LONG_PERIOD_US / 100000),
			(long long)LONG_PERIOD_US);
}

static void add_sub_values(struct cg_text *t, const struct cg_knob *knob, struct cg_bytes rest)
{
	struct cg_bytes word, name, value;

	while (cg_bytes_word(&rest, &word)) {
		cg_text_addc(t, ' ');
		if (!cg_sub_split(word, &name, &value)) {
			add(t, word);
			continue;
		}
		add(t, name);
		cg_text_addc(t, '=');
		if (counts_bytes(knob) || cg_sub_counts_bytes(name))
			add_bytes(t, value);
		else
			add(t, value);
	}
}

/* Lines; the numbers in them may be sizes. */
static void add_entries(struct cg_text *t, const struct cg_knob *knob, struct cg_bytes words)
{
	struct cg_entry entry;
	bool first = true;
	int r;

	while ((r = cg_entry_next(knob, &words, &entry)) != 0) {
		cg_text_adds(t, first ? "" : "\n");
		first = false;
		if (r < 0 || knob->grammar == CG_GRAMMAR_DEVICE_RULES) {
			add(t, entry.line);
			continue;
		}
		add(t, entry.key);
		if (knob->grammar == CG_GRAMMAR_NESTED) {
			add_sub_values(t, knob, entry.rest);
			continue;
		}
		cg_text_addc(t, ' ');
		if (counts_bytes(knob))
			add_bytes(t, entry.rest);
		else
			add(t, entry.rest);
	}
}

static void add_scalar(struct cg_text *t, const struct cg_knob *knob, struct cg_bytes words)
{
	struct cg_bytes plain = words;

	switch (knob->grammar) {
	case CG_GRAMMAR_BYTES:
	case CG_GRAMMAR_BYTES_MAX:
		if (!add_no_limit(t, knob, words))
			add_bytes(t, words);
		return;
	case CG_GRAMMAR_NUMBER:
	case CG_GRAMMAR_NUMBER_MAX:
		if (!add_no_limit(t, knob, words) && !add_time(t, knob, words))
			add(t, words);
		return;
	case CG_GRAMMAR_PERCENT_MAX:
		if (plain.len > 1 && plain.data[plain.len - 1] == '%')
			plain.len--;
		add(t, plain);
		return;
	default:
		add(t, words);
		return;
	}
}

int cg_value_of_words(const struct cg_knob *knob, struct cg_bytes words, struct cg_text *t)
{
	words = cg_bytes_trim(words);
	if (!knob)
		add(t, words);
	else if (knob->grammar == CG_GRAMMAR_QUOTA)
		add_quota(t, knob, words);
	else if (cg_grammar_has_entries(knob->grammar))
		add_entries(t, knob, words);
	else
		add_scalar(t, knob, words);
	return t->failed ? -ENOMEM : 0;
}

/* The sub-keys of `over` laid over those of `under`. */
static void merge_sub_keys(
	struct cg_text *t, const struct cg_knob *knob, struct cg_bytes under, struct cg_bytes over)
{
	struct cg_bytes word, name, value;

	for (const char *const *sub = knob->words; sub && *sub; sub++) {
		if (!cg_sub_find(over, *sub, &value) && !cg_sub_find(under, *sub, &value))
			continue;
		cg_text_printf(t, " %s=", *sub);
		add(t, value);
	}
	/* What the row does not know goes on to be refused. */
	while (cg_bytes_word(&over, &word))
		if (!cg_sub_split(word, &name, &value) || !cg_word_is_listed(knob->words, name)) {
			cg_text_addc(t, ' ');
			add(t, word);
		}
}

static const struct cg_entry *find_entry(const struct cg_entries *e, const struct cg_entry *wanted)
{
	for (size_t i = 0; i < e->count; i++)
		if (cg_entry_compare(&e->item[i], wanted) == 0)
			return &e->item[i];
	return NULL;
}

static void add_merged(
	struct cg_text *t, const struct cg_knob *knob, const struct cg_entry *was, const struct cg_entry *is)
{
	if (t->len)
		cg_text_addc(t, '\n');
	add(t, is ? is->key : was->key);
	if (knob->grammar == CG_GRAMMAR_NESTED) {
		merge_sub_keys(t, knob, was ? was->rest : CG_BYTES(""), is ? is->rest : CG_BYTES(""));
		return;
	}
	cg_text_addc(t, ' ');
	add(t, is ? is->rest : was->rest);
}

static int merge_entries(
	const struct cg_knob *knob, struct cg_bytes present, struct cg_bytes given, struct cg_text *t)
{
	_cleanup_entries_ struct cg_entries was = {0}, is = {0};
	_cleanup_text_ struct cg_text merged = {0};
	int r = cg_entries_parse(knob, present, &was);

	if (r == 0)
		r = cg_entries_parse(knob, given, &is);
	if (r == -ENOMEM)
		return r;
	/* Not of this grammar: whoever checks it says so. */
	if (r < 0) {
		add(t, given);
		return t->failed ? -ENOMEM : 0;
	}
	for (size_t i = 0; i < was.count; i++)
		if (!cg_entry_is_none(knob, &was.item[i]) || find_entry(&is, &was.item[i]))
			add_merged(&merged, knob, &was.item[i], find_entry(&is, &was.item[i]));
	for (size_t i = 0; i < is.count; i++)
		if (!find_entry(&was, &is.item[i]))
			add_merged(&merged, knob, NULL, &is.item[i]);
	if (merged.failed)
		return -ENOMEM;
	cg_text_add(t, merged.data ? merged.data : "", merged.len);
	return t->failed ? -ENOMEM : 0;
}

static bool has_word(struct cg_bytes list, struct cg_bytes wanted)
{
	struct cg_bytes word;

	while (cg_bytes_word(&list, &word))
		if (cg_bytes_equal(word, wanted))
			return true;
	return false;
}

static bool is_change(struct cg_bytes word)
{
	return word.len > 1 && (word.data[0] == '+' || word.data[0] == '-');
}

/* "+cpu -io" changes what stands there; plain words replace it. */
static int merge_controllers(struct cg_bytes present, struct cg_bytes given, struct cg_text *t)
{
	struct cg_bytes rest = given, word;
	const char *between = "";
	bool changes = true;

	while (cg_bytes_word(&rest, &word))
		changes &= is_change(word);
	if (!changes) {
		add(t, given);
		return t->failed ? -ENOMEM : 0;
	}
	for (rest = present; cg_bytes_word(&rest, &word);) {
		_cleanup_text_ struct cg_text minus = {0};

		cg_text_addc(&minus, '-');
		add(&minus, word);
		if (minus.failed)
			return -ENOMEM;
		if (has_word(given, (struct cg_bytes){minus.data, minus.len}))
			continue;
		cg_text_adds(t, between);
		add(t, word);
		between = " ";
	}
	for (rest = given; cg_bytes_word(&rest, &word);) {
		const struct cg_bytes name = {word.data + 1, word.len - 1};

		if (word.data[0] != '+' || has_word(present, name))
			continue;
		cg_text_adds(t, between);
		add(t, name);
		between = " ";
	}
	return t->failed ? -ENOMEM : 0;
}

const char *cg_value_words(const struct cg_knob *knob)
{
	if (knob->grammar == CG_GRAMMAR_QUOTA)
		return "a share of a cpu may be written 35% or 150%";
	if (counts_bytes(knob))
		return "sizes may be written 20M, 1.5G or 64MiB: powers of 1024, a whole number of bytes";
	if (knob->quantity && strcmp(knob->quantity, "us") == 0)
		return "times may be written 300us, 50ms or 2s";
	return NULL;
}

bool cg_value_has_parts(const struct cg_knob *knob)
{
	return knob && cg_grammar_has_entries(knob->grammar);
}

int cg_value_merge(
	const struct cg_knob *knob, struct cg_bytes present, struct cg_bytes given, struct cg_text *t)
{
	present = present.data ? cg_value_setting(knob, present) : CG_BYTES("");
	if (knob && knob->grammar == CG_GRAMMAR_CONTROLLERS)
		return merge_controllers(present, given, t);
	if (knob && cg_grammar_has_entries(knob->grammar) && knob->grammar != CG_GRAMMAR_DEVICE_RULES)
		return merge_entries(knob, present, given, t);
	add(t, given);
	return t->failed ? -ENOMEM : 0;
}
