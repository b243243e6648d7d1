/* Strict access to JSON values: see json_read.h. */
#include "image/json_read.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static void add_place(struct cg_text *t, const struct cg_json_at *at)
{
	if (!at->above)
		return;
	add_place(t, at->above);
	if (!at->key) {
		cg_text_printf(t, "[%zu]", at->index);
		return;
	}
	if (at->above->above)
		cg_text_addc(t, '.');
	cg_text_adds(t, at->key);
}

int cg_json_bad(const struct cg_json_at *at, struct cg_error **err, const char *fmt, ...)
{
	_cleanup_text_ struct cg_text place = {0};
	va_list ap;
	int r;

	add_place(&place, at);
	va_start(ap, fmt);
	r = cg_error_vmake(err, CG_FAULT_CORRUPT, EBADMSG, fmt, ap);
	va_end(ap);
	cg_error_wrap(err, "%s", place.len ? place.data : "the document");
	return r;
}

int cg_json_members(const struct cg_json_at *at, const char *const *allowed, struct cg_error **err)
{
	json_t *value = (json_t *)(uintptr_t)at->value;

	if (!json_is_object(value))
		return cg_json_bad(at, err, "an object is expected");
	for (void *i = json_object_iter(value); i; i = json_object_iter_next(value, i)) {
		const char *const *name = allowed;

		while (*name && strcmp(*name, json_object_iter_key(i)) != 0)
			name++;
		if (!*name) {
			_cleanup_text_ struct cg_text shown = {0};

			cg_text_escape(&shown, cg_bytes_of(json_object_iter_key(i)));
			return cg_json_bad(
				at, err, "the member \"%s\" is not known", shown.data ? shown.data : "");
		}
	}
	return 0;
}

bool cg_json_has(const struct cg_json_at *at, const char *key)
{
	return json_object_get(at->value, key) != NULL;
}

int cg_json_member(
	const struct cg_json_at *at, const char *key, struct cg_json_at *ret, struct cg_error **err)
{
	const json_t *value = json_object_get(at->value, key);

	if (!value)
		return cg_json_bad(at, err, "the member \"%s\" is missing", key);
	*ret = (struct cg_json_at){at, value, key, 0};
	return 0;
}

int cg_json_array(const struct cg_json_at *at, const char *key, bool optional, struct cg_json_at *ret,
	size_t *ret_count, struct cg_error **err)
{
	int r;

	*ret_count = 0;
	if (optional && !cg_json_has(at, key)) {
		*ret = *at;
		return 0;
	}
	r = cg_json_member(at, key, ret, err);
	if (r < 0)
		return r;
	if (!json_is_array(ret->value))
		return cg_json_bad(ret, err, "an array is expected");
	*ret_count = json_array_size(ret->value);
	return 0;
}

struct cg_json_at cg_json_element(const struct cg_json_at *array, size_t index)
{
	return (struct cg_json_at){array, json_array_get(array->value, index), NULL, index};
}

int cg_json_get_number_here(const struct cg_json_at *at, uint64_t max, uint64_t *ret, struct cg_error **err)
{
	uint64_t value;

	if (json_is_integer(at->value)) {
		json_int_t v = json_integer_value(at->value);

		if (v < 0)
			return cg_json_bad(at, err, "the number is negative");
		value = (uint64_t)v;
	} else if (!json_is_string(at->value) || cg_parse_u64((struct cg_bytes){json_string_value(at->value),
								      json_string_length(at->value)},
							 &value) < 0) {
		return cg_json_bad(at, err, "a whole number is expected");
	}
	if (value > max)
		return cg_json_bad(at, err, "the number %" PRIu64 " is above %" PRIu64, value, max);
	*ret = value;
	return 0;
}

int cg_json_get_number(
	const struct cg_json_at *at, const char *key, uint64_t max, uint64_t *ret, struct cg_error **err)
{
	struct cg_json_at member = {0};
	int r = cg_json_member(at, key, &member, err);

	return r < 0 ? r : cg_json_get_number_here(&member, max, ret, err);
}

int cg_json_get_u32(const struct cg_json_at *at, const char *key, uint32_t *ret, struct cg_error **err)
{
	uint64_t value;
	int r = cg_json_get_number(at, key, UINT32_MAX, &value, err);

	if (r == 0)
		*ret = (uint32_t)value;
	return r;
}

int cg_json_get_u16(const struct cg_json_at *at, const char *key, uint16_t *ret, struct cg_error **err)
{
	uint64_t value;
	int r = cg_json_get_number(at, key, UINT16_MAX, &value, err);

	if (r == 0)
		*ret = (uint16_t)value;
	return r;
}

int cg_json_get_bool(const struct cg_json_at *at, const char *key, bool *ret, struct cg_error **err)
{
	struct cg_json_at member = {0};
	int r = cg_json_member(at, key, &member, err);

	if (r < 0)
		return r;
	if (!json_is_boolean(member.value))
		return cg_json_bad(&member, err, "true or false is expected");
	*ret = json_is_true(member.value);
	return 0;
}

int cg_json_get_mode(const struct cg_json_at *at, const char *key, uint16_t *ret, struct cg_error **err)
{
	struct cg_json_at member = {0};
	uint32_t mode;
	int r = cg_json_member(at, key, &member, err);

	if (r < 0)
		return r;
	if (!json_is_string(member.value) || json_string_length(member.value) != 4 ||
		strspn(json_string_value(member.value), "01234567") != 4)
		return cg_json_bad(&member, err, "a mode of four octal digits is expected");
	mode = 0;
	for (const char *p = json_string_value(member.value); *p; p++)
		mode = mode * 8 + (uint32_t)(*p - '0');
	*ret = (uint16_t)mode;
	return 0;
}

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four digits to up to three bytes; the number of bytes, 0 when this is no base64 (RFC 4648, with padding,
 * unused bits zero). */
static size_t four_digits(const char *p, bool last, char out[3])
{
	unsigned padding = last && p[3] == '=' ? (p[2] == '=' ? 2 : 1) : 0;
	uint32_t v = 0;

	for (unsigned i = 0; i < 4; i++) {
		int d = i < 4 - padding ? digit(p[i]) : 0;

		if (d < 0)
			return 0;
		v = v << 6 | (uint32_t)d;
	}
	if (v & ((1u << 8 * padding) - 1))
		return 0;
	out[0] = (char)(v >> 16);
	out[1] = (char)(v >> 8);
	out[2] = (char)v;
	return 3 - padding;
}

static int get_base64(
	const struct cg_json_at *at, struct cg_arena *a, struct cg_bytes *ret, struct cg_error **err)
{
	static const char *const members[] = {"base64", NULL};
	struct cg_json_at text = {0};
	size_t len, used = 0;
	const char *from;
	char *to;
	int r = cg_json_members(at, members, err);

	r = r < 0 ? r : cg_json_member(at, "base64", &text, err);
	if (r < 0)
		return r;
	if (!json_is_string(text.value) || json_string_length(text.value) % 4)
		return cg_json_bad(&text, err, "base64 is expected");
	from = json_string_value(text.value);
	len = json_string_length(text.value);
	to = cg_arena_alloc(a, len / 4 * 3 + 1);
	if (!to)
		return cg_error_oom(err);
	for (size_t i = 0; i < len; i += 4) {
		size_t n = four_digits(from + i, i + 4 == len, to + used);

		if (n == 0)
			return cg_json_bad(&text, err, "base64 is expected");
		used += n;
	}
	to[used] = '\0';
	*ret = (struct cg_bytes){to, used};
	return 0;
}

int cg_json_get_bytes(const struct cg_json_at *at, const char *key, struct cg_arena *a, struct cg_bytes *ret,
	struct cg_error **err)
{
	struct cg_json_at member = {0};
	struct cg_bytes b;
	int r = cg_json_member(at, key, &member, err);

	if (r < 0)
		return r;
	if (json_is_object(member.value))
		return get_base64(&member, a, ret, err);
	if (!json_is_string(member.value))
		return cg_json_bad(&member, err, "a string or {\"base64\": ...} is expected");
	b = (struct cg_bytes){json_string_value(member.value), json_string_length(member.value)};
	if (!cg_arena_keep(a, &b))
		return cg_error_oom(err);
	*ret = b;
	return 0;
}

int cg_json_get_text(const struct cg_json_at *at, const char *key, struct cg_arena *a, const char **ret,
	struct cg_error **err)
{
	struct cg_bytes b;
	int r = cg_json_get_bytes(at, key, a, &b, err);

	if (r < 0)
		return r;
	if (memchr(b.data, '\0', b.len))
		return cg_json_bad(at, err, "a NUL stands in \"%s\"", key);
	*ret = b.data;
	return 0;
}

int cg_json_get_word(const struct cg_json_at *at, const char *key, const char *const *words, size_t count,
	unsigned *ret, struct cg_error **err)
{
	struct cg_json_at member = {0};
	int r = cg_json_member(at, key, &member, err);

	if (r < 0)
		return r;
	for (unsigned i = 0; json_is_string(member.value) && i < count; i++) {
		if (strcmp(json_string_value(member.value), words[i]) == 0) {
			*ret = i;
			return 0;
		}
	}
	return cg_json_bad(&member, err, "this is not one of the words that may stand here");
}
