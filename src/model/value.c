/* Values as settings: cut out of what a file says, measured, compared in strictness, and searched for keys.
 */
#include "model/value.h"

#include <errno.h>
#include <string.h>

#include "model/value_parts.h"

/* "oom_kill_disable 1\nunder_oom 0" gives "1"; a value that is cut already stays. */
static struct cg_bytes first_line_flag(struct cg_bytes raw)
{
	struct cg_bytes line, name, flag;

	if (!cg_bytes_split(&raw, '\n', &line))
		return raw;
	if (!cg_bytes_word(&line, &name))
		return line;
	return cg_bytes_word(&line, &flag) ? flag : name;
}

struct cg_bytes cg_value_setting(const struct cg_knob *knob, struct cg_bytes raw)
{
	uint64_t index;

	if (raw.len > 0 && raw.data[raw.len - 1] == '\n')
		raw.len--;
	if (!knob)
		return raw;
	if (knob->grammar == CG_GRAMMAR_FLAG_LINE)
		return first_line_flag(raw);
	if (knob->flags & CG_KNOB_FIRST_WORDS) {
		const char *end = memmem(raw.data, raw.len, " (", 2);

		if (end)
			raw.len = (size_t)(end - raw.data);
	}
	if (knob->read_words && cg_parse_u64(raw, &index) == 0)
		for (const char *const *word = knob->read_words; *word; word++)
			if (index-- == 0)
				return cg_bytes_of(*word);
	return raw;
}

struct cg_bytes cg_value_written(const struct cg_knob *knob, struct cg_bytes value)
{
	struct cg_bytes rest = value, word;

	if (knob && (knob->flags & CG_KNOB_FIRST_WORDS) && cg_bytes_word(&rest, &word))
		return word;
	return value;
}

/* Two quotas by the share of a cpu that they grant. */
static int quota_order(struct cg_bytes a, struct cg_bytes b)
{
	struct cg_quota x, y;
	__int128 left, right;

	if (cg_quota_parse(a, &x) < 0 || cg_quota_parse(b, &y) < 0)
		return 0;
	if (x.quota.unlimited || y.quota.unlimited)
		return (int)x.quota.unlimited - (int)y.quota.unlimited;
	left = (__int128)x.quota.number * y.period;
	right = (__int128)y.quota.number * x.period;
	return (left > right) - (left < right);
}

static int list_order(const struct cg_knob *knob, struct cg_bytes a, struct cg_bytes b)
{
	_cleanup_ranges_ struct cg_ranges x = {0}, y = {0};
	bool in, out;

	/* On v2 an empty list stands for all that the parent has. */
	if ((knob->flags & CG_KNOB_V2) && (a.len == 0 || b.len == 0))
		return 0;
	if (cg_parse_ranges(a, &x) < 0 || cg_parse_ranges(b, &y) < 0)
		return 0;
	in = cg_ranges_subset(&x, &y);
	out = cg_ranges_subset(&y, &x);
	return (int)out - (int)in;
}

int cg_value_order(const struct cg_knob *knob, struct cg_bytes a, struct cg_bytes b)
{
	struct cg_scalar x, y;

	if (!knob)
		return 0;
	if (knob->grammar == CG_GRAMMAR_QUOTA)
		return quota_order(a, b);
	if (knob->grammar == CG_GRAMMAR_LIST)
		return list_order(knob, a, b);
	if (cg_scalar_parse(knob, a, &x) < 0 || cg_scalar_parse(knob, b, &y) < 0)
		return 0;
	return (x.number > y.number) - (x.number < y.number);
}

bool cg_value_amount(const struct cg_knob *knob, struct cg_bytes value, uint64_t unit, uint64_t *ret)
{
	struct cg_scalar s;

	if (!knob || cg_scalar_parse(knob, value, &s) < 0 || s.unlimited || s.number < 0)
		return false;
	if (!(knob->flags & CG_KNOB_UNIT_ROUNDED) || unit == 0)
		unit = 1;
	*ret = (uint64_t)s.number / unit * unit;
	return true;
}

/* "8:*" names no device. */
static bool has_key(const struct cg_knob *knob, const struct cg_entry *entry)
{
	return !cg_entry_is_default(knob, entry) && !memchr(entry->key.data, '*', entry->key.len);
}

int cg_value_each_key(const struct cg_knob *knob, struct cg_bytes value, cg_value_key_fn *fn, void *context)
{
	struct cg_entry entry;
	int r;

	if (!knob || !cg_grammar_has_entries(knob->grammar))
		return 0;
	while ((r = cg_entry_next(knob, &value, &entry)) != 0) {
		if (r < 0 || !has_key(knob, &entry))
			continue;
		r = fn(context, entry.key, entry.line);
		if (r != 0)
			return r;
	}
	return 0;
}

/* The line with its key replaced. */
static void add_line(struct cg_text *t, const struct cg_entry *entry, const struct cg_bytes *new_key)
{
	const char *end = entry->line.data + entry->line.len;

	if (new_key) {
		const char *after = entry->key.data + entry->key.len;

		cg_text_add(t, entry->line.data, (size_t)(entry->key.data - entry->line.data));
		cg_text_add(t, new_key->data, new_key->len);
		cg_text_add(t, after, (size_t)(end - after));
	} else {
		cg_text_add(t, entry->line.data, entry->line.len);
	}
}

int cg_value_map_keys(const struct cg_knob *knob, struct cg_bytes value, cg_value_map_fn *map, void *context,
	struct cg_text *t)
{
	struct cg_entry entry;
	bool first = true;
	int r;

	if (!knob || !cg_grammar_has_entries(knob->grammar)) {
		cg_text_add(t, value.data, value.len);
		return t->failed ? -ENOMEM : 0;
	}
	while ((r = cg_entry_next(knob, &value, &entry)) != 0) {
		struct cg_bytes new_key;

		r = r > 0 && has_key(knob, &entry) ? map(context, entry.key, &new_key) : 0;
		if (r < 0)
			continue;
		if (!first)
			cg_text_addc(t, '\n');
		first = false;
		add_line(t, &entry, r > 0 ? &new_key : NULL);
	}
	return t->failed ? -ENOMEM : 0;
}
