/* Growing strings and runs of bytes. */
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct cg_bytes cg_bytes_of(const char *string)
{
	return string ? (struct cg_bytes){string, strlen(string)} : (struct cg_bytes){"", 0};
}

bool cg_bytes_equal(struct cg_bytes a, struct cg_bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

int cg_bytes_compare(struct cg_bytes a, struct cg_bytes b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int c = n ? memcmp(a.data, b.data, n) : 0;

	if (c)
		return c;
	return a.len < b.len ? -1 : a.len > b.len;
}

bool cg_bytes_is(struct cg_bytes a, const char *string)
{
	return cg_bytes_equal(a, cg_bytes_of(string));
}

bool cg_bytes_split(struct cg_bytes *rest, char delimiter, struct cg_bytes *ret_part)
{
	const char *p;

	if (rest->len == 0)
		return false;
	p = memchr(rest->data, delimiter, rest->len);
	if (!p) {
		*ret_part = *rest;
		*rest = (struct cg_bytes){rest->data + rest->len, 0};
		return true;
	}
	*ret_part = (struct cg_bytes){rest->data, (size_t)(p - rest->data)};
	rest->len -= ret_part->len + 1;
	rest->data = p + 1;
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

bool cg_bytes_word(struct cg_bytes *rest, struct cg_bytes *ret_word)
{
	size_t start = 0, end;

	while (start < rest->len && is_space(rest->data[start]))
		start++;
	for (end = start; end < rest->len && !is_space(rest->data[end]);)
		end++;
	if (start == end)
		return false;
	*ret_word = (struct cg_bytes){rest->data + start, end - start};
	rest->data += end;
	rest->len -= end;
	return true;
}

bool cg_bytes_has_word(struct cg_bytes list, struct cg_bytes wanted)
{
	struct cg_bytes word;

	while (cg_bytes_word(&list, &word))
		if (cg_bytes_equal(word, wanted))
			return true;
	return false;
}

bool cg_bytes_has_part(struct cg_bytes list, char delimiter, struct cg_bytes wanted)
{
	struct cg_bytes part;

	while (cg_bytes_split(&list, delimiter, &part))
		if (cg_bytes_equal(part, wanted))
			return true;
	return false;
}

bool cg_bytes_take(struct cg_bytes *rest, const char *word)
{
	size_t n = strlen(word);

	if (rest->len < n || memcmp(rest->data, word, n) != 0)
		return false;
	rest->data += n;
	rest->len -= n;
	return true;
}

struct cg_bytes cg_bytes_trim(struct cg_bytes b)
{
	while (b.len && is_space(b.data[0])) {
		b.data++;
		b.len--;
	}
	while (b.len && is_space(b.data[b.len - 1]))
		b.len--;
	return b;
}

static bool reserve(struct cg_text *t, size_t more)
{
	size_t need, size = t->size ? t->size : 64;
	char *p;

	if (t->failed)
		return false;
	if (__builtin_add_overflow(t->len, more + 1, &need) || need > SIZE_MAX / 2) {
		t->failed = true;
		return false;
	}
	if (need <= t->size)
		return true;
	while (size < need)
		size *= 2;
	p = realloc(t->data, size);
	if (!p) {
		t->failed = true;
		return false;
	}
	t->data = p;
	t->size = size;
	return true;
}

void cg_text_add(struct cg_text *t, const void *data, size_t len)
{
	if (!reserve(t, len))
		return;
	if (len)
		memcpy(t->data + t->len, data, len);
	t->len += len;
	t->data[t->len] = '\0';
}

void cg_text_adds(struct cg_text *t, const char *string)
{
	cg_text_add(t, string, strlen(string));
}

void cg_text_addc(struct cg_text *t, char c)
{
	cg_text_add(t, &c, 1);
}

void cg_text_printf(struct cg_text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (t->failed)
		return;
	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		t->failed = true;
		return;
	}
	if (!reserve(t, (size_t)n))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(t->data + t->len, (size_t)n + 1, fmt, ap); /* measured above: it fits */
	va_end(ap);
	t->len += (size_t)n;
}

/* The length of the valid UTF-8 sequence at the start of b (RFC 3629), 0 when there is none. */
static size_t utf8_sequence(struct cg_bytes b)
{
	const unsigned char *s = (const unsigned char *)b.data;
	size_t n = s[0] < 0x80                   ? 1
		   : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
		   : (s[0] & 0xf0) == 0xe0       ? 3
		   : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
						 : 0;

	if (n == 0 || n > b.len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
		(s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* How many bytes at the start of b are ASCII that needs no escape. */
static size_t plain_run(struct cg_bytes b)
{
	size_t n = 0;

	while (n < b.len && b.data[n] >= ' ' && b.data[n] < 0x7f && b.data[n] != '\\')
		n++;
	return n;
}

void cg_text_escape(struct cg_text *t, struct cg_bytes b)
{
	while (b.len) {
		unsigned char c = (unsigned char)b.data[0];
		size_t plain = plain_run(b), n = plain ? plain : utf8_sequence(b);

		/* C1 controls (U+0080..U+009F) steer terminals as well. */
		if (n == 2 && c == 0xc2 && (unsigned char)b.data[1] < 0xa0)
			n = 0;
		if (plain)
			cg_text_add(t, b.data, plain);
		else if (c == '\n')
			cg_text_adds(t, "\\n");
		else if (c == '\t')
			cg_text_adds(t, "\\t");
		else if (c == '\\')
			cg_text_adds(t, "\\\\");
		else if (n == 0 || c < 0x20 || c == 0x7f)
			cg_text_printf(t, "\\x%02x", c);
		else
			cg_text_add(t, b.data, n);
		n = n ? n : 1;
		b.data += n;
		b.len -= n;
	}
}

void cg_text_size(struct cg_text *t, uint64_t bytes)
{
	static const char unit[] = "KMGTPE";
	int power = 0;
	uint64_t v = bytes;

	while (v >= 1024 && v % 1024 == 0 && power < 6) {
		v /= 1024;
		power++;
	}
	if (power < 6 && v >= 1024 && (v * 10) % 1024 == 0 && v < UINT64_MAX / 10)
		cg_text_printf(t, "%.1f%c", (double)v / 1024, unit[power]);
	else if (power == 0)
		cg_text_printf(t, "%llu", (unsigned long long)v);
	else
		cg_text_printf(t, "%llu%c", (unsigned long long)v, unit[power - 1]);
}

void cg_text_reset(struct cg_text *t)
{
	t->len = 0;
	if (t->data)
		t->data[0] = '\0';
}

void cg_text_free(struct cg_text *t)
{
	free(t->data);
	*t = (struct cg_text){0};
}

int cg_text_take(struct cg_text *t, char **ret)
{
	if (!reserve(t, 0)) {
		cg_text_free(t);
		return -ENOMEM;
	}
	t->data[t->len] = '\0';
	*ret = t->data;
	*t = (struct cg_text){0};
	return 0;
}

size_t cg_utf8_width(const char *string)
{
	size_t n = 0;

	for (; *string; string++)
		n += ((unsigned char)*string & 0xc0) != 0x80;
	return n;
}
