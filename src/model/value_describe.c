/* Values in words for people. A value that is not of its grammar is shown as it stands. */
#include <string.h>

#include "model/value.h"
#include "model/value_parts.h"

static void add_joined(struct cg_text *t, struct cg_bytes value)
{
	struct cg_bytes line;
	bool first = true;

	while (cg_bytes_split(&value, '\n', &line)) {
		if (!first)
			cg_text_adds(t, ", ");
		first = false;
		cg_text_escape(t, line);
	}
}

static void add_time(struct cg_text *t, uint64_t us)
{
	if (us >= 1000000 && us % 1000000 == 0)
		cg_text_printf(t, "%llus", (unsigned long long)us / 1000000);
	else if (us >= 1000 && us % 1000 == 0)
		cg_text_printf(t, "%llums", (unsigned long long)us / 1000);
	else
		cg_text_printf(t, "%lluus", (unsigned long long)us);
}

/* Hundredths without needless zeros: 35, 12.5, 0.07. */
static void add_hundredths(struct cg_text *t, uint64_t hundredths)
{
	cg_text_printf(t, "%llu", (unsigned long long)hundredths / 100);
	if (hundredths % 100 == 0)
		return;
	if (hundredths % 10 == 0)
		cg_text_printf(t, ".%llu", (unsigned long long)hundredths % 100 / 10);
	else
		cg_text_printf(t, ".%02llu", (unsigned long long)hundredths % 100);
}

static void add_number(struct cg_text *t, const struct cg_knob *knob, int64_t number)
{
	if (number >= 0 && knob->quantity && strcmp(knob->quantity, "bytes") == 0)
		cg_text_size(t, (uint64_t)number);
	else if (number >= 0 && knob->quantity && strcmp(knob->quantity, "us") == 0)
		add_time(t, (uint64_t)number);
	else
		cg_text_printf(t, "%lld", (long long)number);
}

static bool add_scalar(struct cg_text *t, const struct cg_knob *knob, struct cg_bytes value)
{
	struct cg_scalar s;

	if (cg_scalar_parse(knob, value, &s) < 0)
		return false;
	if (s.unlimited)
		cg_text_adds(t, "unlimited");
	else
		add_number(t, knob, s.number);
	return true;
}

static bool add_switch(struct cg_text *t, struct cg_bytes value)
{
	if (cg_bytes_is(value, "1"))
		cg_text_adds(t, "on");
	else if (cg_bytes_is(value, "0"))
		cg_text_adds(t, "off");
	else
		return false;
	return true;
}

static bool add_percent(struct cg_text *t, const struct cg_knob *knob, struct cg_bytes value)
{
	struct cg_scalar s;

	if (cg_scalar_parse(knob, value, &s) < 0)
		return false;
	if (s.unlimited) {
		cg_text_adds(t, "unlimited");
	} else {
		add_hundredths(t, (uint64_t)s.number);
		cg_text_addc(t, '%');
	}
	return true;
}

static bool add_quota(struct cg_text *t, struct cg_bytes value)
{
	struct cg_quota q;

	if (cg_quota_parse(value, &q) < 0 || q.period <= 0 || q.quota.number < 0)
		return false;
	if (q.quota.unlimited) {
		cg_text_adds(t, "unlimited");
	} else {
		const unsigned __int128 share =
			(unsigned __int128)q.quota.number * 10000 / (uint64_t)q.period;

		if (share > UINT64_MAX)
			return false;
		add_hundredths(t, (uint64_t)share);
		cg_text_adds(t, "% of a cpu");
	}
	if (q.period != 100000) {
		cg_text_adds(t, " (period ");
		add_time(t, (uint64_t)q.period);
		cg_text_addc(t, ')');
	}
	return true;
}

static bool add_list(struct cg_text *t, const struct cg_knob *knob, struct cg_bytes value)
{
	if (value.len == 0) {
		cg_text_adds(t, knob->flags & CG_KNOB_V2 ? "as the parent" : "none");
		return true;
	}
	cg_text_printf(t, "%s ", knob->quantity);
	cg_text_escape(t, value);
	return true;
}

static void add_nested(struct cg_text *t, const struct cg_knob *knob, struct cg_bytes rest)
{
	struct cg_bytes word, name, value;

	while (cg_bytes_word(&rest, &word)) {
		const bool split = cg_sub_split(word, &name, &value);
		uint64_t number;

		if (split && knob->reset && cg_bytes_is(value, knob->reset))
			continue;
		cg_text_addc(t, ' ');
		if (split && cg_sub_counts_bytes(name) && cg_parse_u64(value, &number) == 0) {
			cg_text_escape(t, name);
			cg_text_addc(t, '=');
			cg_text_size(t, number);
		} else {
			cg_text_escape(t, word);
		}
	}
}

static void add_entry(struct cg_text *t, const struct cg_knob *knob, const struct cg_entry *entry)
{
	int64_t number;

	if (knob->grammar == CG_GRAMMAR_DEVICE_RULES) {
		cg_text_escape(t, entry->line);
		return;
	}
	cg_text_escape(t, entry->key);
	if (knob->grammar == CG_GRAMMAR_NESTED) {
		add_nested(t, knob, entry->rest);
		return;
	}
	cg_text_addc(t, ' ');
	if (cg_parse_s64(entry->rest, &number) == 0)
		add_number(t, knob, number);
	else
		cg_text_escape(t, entry->rest);
}

static bool add_entries(struct cg_text *t, const struct cg_knob *knob, struct cg_bytes value)
{
	struct cg_bytes rest = value;
	struct cg_entry entry;
	bool first = true;
	int r;

	while ((r = cg_entry_next(knob, &rest, &entry)) > 0)
		continue;
	if (r < 0)
		return false;
	while (cg_entry_next(knob, &value, &entry) > 0) {
		if (cg_entry_is_none(knob, &entry))
			continue;
		if (!first)
			cg_text_adds(t, ", ");
		first = false;
		add_entry(t, knob, &entry);
	}
	if (first)
		cg_text_adds(t, "none");
	return true;
}

static bool add_controllers(struct cg_text *t, struct cg_bytes value)
{
	if (value.len == 0)
		cg_text_adds(t, "none");
	else
		cg_text_escape(t, value);
	return true;
}

static bool describe_by_grammar(struct cg_text *t, const struct cg_knob *knob, struct cg_bytes value)
{
	switch (knob->grammar) {
	case CG_GRAMMAR_BOOL:
	case CG_GRAMMAR_FLAG_LINE:
		return add_switch(t, value);
	case CG_GRAMMAR_NUMBER:
	case CG_GRAMMAR_NUMBER_MAX:
	case CG_GRAMMAR_BYTES:
	case CG_GRAMMAR_BYTES_MAX:
		return add_scalar(t, knob, value);
	case CG_GRAMMAR_PERCENT_MAX:
		return add_percent(t, knob, value);
	case CG_GRAMMAR_QUOTA:
		return add_quota(t, value);
	case CG_GRAMMAR_LIST:
		return add_list(t, knob, value);
	case CG_GRAMMAR_CONTROLLERS:
		return add_controllers(t, value);
	case CG_GRAMMAR_KEYED:
	case CG_GRAMMAR_KEYED_DEFAULT:
	case CG_GRAMMAR_NESTED:
	case CG_GRAMMAR_DEVICE_RULES:
		return add_entries(t, knob, value);
	case CG_GRAMMAR_WORD:
	case CG_GRAMMAR_TEXT:
	case CG_GRAMMAR_NONE:
		break;
	}
	return false;
}

void cg_value_describe(const struct cg_knob *knob, struct cg_bytes value, struct cg_text *t)
{
	if (!knob || !describe_by_grammar(t, knob, value))
		add_joined(t, value);
}
