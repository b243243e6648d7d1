/* Limits as text: what people write is brought into the kernel's form by the grammar of the knob's row and
 * checked by it. */
#include "control/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/value.h"

#define PERIOD_US    100000 /* of cpu time given in percent: the kernel's own default */
#define PERCENT_MOST 1000000

static bool is_keyed(const struct cg_knob *k)
{
	return k->grammar == CG_GRAMMAR_KEYED || k->grammar == CG_GRAMMAR_NESTED ||
	       k->grammar == CG_GRAMMAR_KEYED_DEFAULT;
}

/* A size of bytes; other words are left to the grammar's check. */
static void size_words(struct cg_bytes value, struct cg_text *t)
{
	uint64_t bytes;

	if (cg_parse_size(value, &bytes) == 0)
		cg_text_printf(t, "%llu", (unsigned long long)bytes);
	else
		cg_text_add(t, value.data, value.len);
}

/* "Q/P", "N%" to "Q P". */
static int quota_words(struct cg_bytes value, struct cg_text *t, struct cg_error **err)
{
	struct cg_bytes quota, rest = value;
	uint64_t percent;

	if (value.len > 1 && value.data[value.len - 1] == '%') {
		if (cg_parse_u64((struct cg_bytes){value.data, value.len - 1}, &percent) < 0 ||
			percent == 0 || percent > PERCENT_MOST)
			return cg_error_usage(err,
				"\"%.*s\": a whole number of percent from 1 to %d is wanted", (int)value.len,
				value.data, PERCENT_MOST);
		cg_text_printf(t, "%llu %d", (unsigned long long)(percent * (PERIOD_US / 100)), PERIOD_US);
		return 0;
	}
	if (!memchr(value.data, '/', value.len)) {
		cg_text_add(t, value.data, value.len);
		return 0;
	}
	if (!cg_bytes_split(&rest, '/', &quota) || quota.len == 0 || rest.len == 0 ||
		memchr(rest.data, '/', rest.len))
		return cg_error_usage(err, "\"%.*s\": QUOTA/PERIOD in microseconds is wanted, or N%%",
			(int)value.len, value.data);
	cg_text_add(t, quota.data, quota.len);
	cg_text_addc(t, ' ');
	cg_text_add(t, rest.data, rest.len);
	return 0;
}

/* "8:0 rbps=1M wbps=2M": sizes behind '='. */
static void nested_words(struct cg_bytes value, struct cg_text *t)
{
	struct cg_bytes word, key;
	size_t n = 0;

	while (cg_bytes_word(&value, &word)) {
		if (n++)
			cg_text_addc(t, ' ');
		if (!memchr(word.data, '=', word.len) || !cg_bytes_split(&word, '=', &key)) {
			cg_text_add(t, word.data, word.len);
			continue;
		}
		cg_text_add(t, key.data, key.len);
		cg_text_addc(t, '=');
		size_words(word, t);
	}
}

static int words(const struct cg_knob *k, struct cg_bytes value, struct cg_text *t, struct cg_error **err)
{
	switch (k->grammar) {
	case CG_GRAMMAR_BYTES:
	case CG_GRAMMAR_BYTES_MAX:
		size_words(value, t);
		return 0;
	case CG_GRAMMAR_QUOTA:
		return quota_words(value, t, err);
	case CG_GRAMMAR_NESTED:
		nested_words(value, t);
		return 0;
	default:
		cg_text_add(t, value.data, value.len);
		return 0;
	}
}

/* What the manager itself needs to be the only one to write. */
static bool is_ours(const struct cg_knob *k)
{
	return k->phase == CG_PHASE_TYPE || k->phase == CG_PHASE_CONTROLLERS || k->phase == CG_PHASE_LAST;
}

static int find_knob(const char *text, struct cg_bytes *ret_value, const struct cg_knob **ret,
	char **ret_name, struct cg_error **err)
{
	const char *equals = strchr(text, '=');
	_cleanup_free_ char *name = equals ? strndup(text, (size_t)(equals - text)) : NULL;
	_cleanup_text_ struct cg_text shown = {0};
	const struct cg_knob *k;

	cg_text_escape(&shown, (struct cg_bytes){text, strnlen(text, 80)});
	if (!equals)
		return cg_error_usage(err, "\"%s\": KNOB=VALUE is wanted", shown.data ? shown.data : "");
	if (!name)
		return cg_error_oom(err);
	k = cg_knob_find(name, 2);
	if (!k || k->kind != CG_KNOB_SETTING || (k->flags & CG_KNOB_ALIAS))
		return cg_error_usage(
			err, "\"%s\": there is no such setting of cgroup v2", shown.data ? shown.data : "");
	if (is_ours(k))
		return cg_error_usage(err, "%s belongs to the manager", k->name);
	*ret_value = cg_bytes_of(equals + 1);
	*ret = k;
	*ret_name = cg_steal(name);
	return 0;
}

int cg_limit_check(const char *text, struct cg_text *t, struct cg_error **err)
{
	_cleanup_text_ struct cg_text value = {0};
	_cleanup_free_ char *name = NULL;
	const struct cg_knob *k = NULL;
	struct cg_bytes given;
	int r = find_knob(text, &given, &k, &name, err);

	if (r < 0)
		return r;
	if (given.len == 0) {
		r = cg_error_usage(err, "the value is empty");
		cg_error_at(err, NULL, name);
		return r;
	}
	r = words(k, given, &value, err);
	if (r == 0 && value.failed)
		return cg_error_oom(err);
	r = r < 0 ? r : cg_value_check(k, name, (struct cg_bytes){value.data, value.len}, err);
	if (r < 0) {
		cg_error_at(err, NULL, name);
		return r;
	}
	cg_text_printf(t, "%s=%s", name, value.data);
	return t->failed ? cg_error_oom(err) : 0;
}

/* Length of the name in NAME=VALUE. */
static size_t name_len(const char *limit)
{
	return strcspn(limit, "=");
}

static bool same_name(const char *a, const char *b)
{
	size_t n = name_len(a);

	return n == name_len(b) && strncmp(a, b, n) == 0;
}

static bool has_name(const struct cg_strings *list, const char *limit)
{
	for (const char *p = cg_strings_next(list, NULL); p; p = cg_strings_next(list, p))
		if (same_name(p, limit))
			return true;
	return false;
}

static const struct cg_knob *knob_of(const char *limit)
{
	_cleanup_free_ char *name = strndup(limit, name_len(limit));

	return name ? cg_knob_find(name, 2) : NULL;
}

int cg_limits_check(struct cg_strings *limits, struct cg_error **err)
{
	struct cg_strings checked = {0};
	int r = 0;

	for (const char *p = cg_strings_next(limits, NULL); r == 0 && p; p = cg_strings_next(limits, p)) {
		_cleanup_text_ struct cg_text t = {0};
		const struct cg_knob *k;

		r = cg_limit_check(p, &t, err);
		if (r < 0)
			break;
		k = knob_of(t.data);
		if (k && !is_keyed(k) && has_name(&checked, t.data))
			r = cg_error_usage(err, "%s is given twice", k->name);
		else if (cg_strings_add(&checked, (struct cg_bytes){t.data, t.len}) < 0)
			r = cg_error_oom(err);
	}
	if (r < 0) {
		cg_strings_free(&checked);
		return r;
	}
	cg_strings_free(limits);
	*limits = checked;
	return 0;
}

const char *cg_limits_value(const struct cg_strings *limits, const char *knob)
{
	for (const char *p = cg_strings_next(limits, NULL); p; p = cg_strings_next(limits, p))
		if (name_len(p) == strlen(knob) && strncmp(p, knob, strlen(knob)) == 0)
			return p + strlen(knob) + 1;
	return NULL;
}

/* The first word of a keyed setting, which is its key; a single word alone stands for the default. */
static struct cg_bytes key_of(const char *limit)
{
	struct cg_bytes rest = cg_bytes_of(limit + name_len(limit)), word, more;

	rest = rest.len ? (struct cg_bytes){rest.data + 1, rest.len - 1} : rest;
	if (!cg_bytes_word(&rest, &word))
		return CG_BYTES("default");
	return cg_bytes_word(&rest, &more) ? word : CG_BYTES("default");
}

static bool same_place(const char *a, const char *b)
{
	const struct cg_knob *k = same_name(a, b) ? knob_of(a) : NULL;
	struct cg_bytes x, y;

	if (!same_name(a, b) || !k || !is_keyed(k))
		return same_name(a, b);
	x = key_of(a);
	y = key_of(b);
	return x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
}

static const char *find_place(const struct cg_strings *list, const char *limit)
{
	const char *found = NULL;

	for (const char *p = cg_strings_next(list, NULL); p; p = cg_strings_next(list, p))
		if (same_place(p, limit))
			found = p;
	return found;
}

static bool names_word(struct cg_bytes words, struct cg_bytes word)
{
	struct cg_bytes other;
	const char *end = memchr(word.data, '=', word.len);
	size_t n = end ? (size_t)(end - word.data) + 1 : word.len;

	while (cg_bytes_word(&words, &other))
		if (other.len >= n && memcmp(other.data, word.data, n) == 0)
			return true;
	return false;
}

/* "8:0 rbps=1 wbps=2" with "8:0 wbps=3" over it: the kernel keeps what the second leaves out.
 */
static int lay_over(const char *limit, const char *over, struct cg_text *t)
{
	const struct cg_knob *k = knob_of(limit);
	struct cg_bytes rest = cg_bytes_of(limit + name_len(limit)), word;

	cg_text_adds(t, over);
	if (k && k->grammar == CG_GRAMMAR_NESTED && cg_bytes_word(&rest, &word))
		while (cg_bytes_word(&rest, &word))
			if (!names_word(cg_bytes_of(over), word))
				cg_text_printf(t, " %.*s", (int)word.len, word.data);
	return t->failed ? -ENOMEM : 0;
}

int cg_limits_merge(struct cg_strings *limits, const struct cg_strings *over)
{
	struct cg_strings merged = {0};
	int r = 0;

	for (const char *p = cg_strings_next(limits, NULL); r == 0 && p; p = cg_strings_next(limits, p))
		if (!find_place(over, p))
			r = cg_strings_add(&merged, cg_bytes_of(p));
	for (const char *p = cg_strings_next(over, NULL); r == 0 && p; p = cg_strings_next(over, p)) {
		_cleanup_text_ struct cg_text t = {0};
		const char *before = find_place(limits, p);

		r = before ? lay_over(before, p, &t) : 0;
		if (r == 0)
			r = cg_strings_add(
				&merged, before ? (struct cg_bytes){t.data, t.len} : cg_bytes_of(p));
	}
	if (r < 0) {
		cg_strings_free(&merged);
		return r;
	}
	cg_strings_free(limits);
	*limits = merged;
	return 0;
}
