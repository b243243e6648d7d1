/* A JSON writer that knows where commas, line ends and quotes belong: see json_write.h. */
#include "image/json_write.h"

#include <inttypes.h>
#include <string.h>

void cg_json_begin(struct cg_json *j, struct cg_text *text, bool pretty)
{
	*j = (struct cg_json){.text = text, .pretty = pretty, .first = true};
}

static void line(struct cg_json *j)
{
	cg_text_addc(j->text, '\n');
	for (unsigned i = 0; i < j->depth; i++)
		cg_text_adds(j->text, "  ");
}

static void quoted(struct cg_json *j, struct cg_bytes b)
{
	size_t from = 0;

	cg_text_addc(j->text, '"');
	for (size_t i = 0; i < b.len; i++) {
		unsigned char c = (unsigned char)b.data[i];

		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
			continue;
		cg_text_add(j->text, b.data + from, i - from);
		from = i + 1;
		if (c == '\n')
			cg_text_adds(j->text, "\\n");
		else if (c == '\t')
			cg_text_adds(j->text, "\\t");
		else if (c == '"' || c == '\\')
			cg_text_add(j->text, (const char[]){'\\', (char)c}, 2);
		else
			cg_text_printf(j->text, "\\u%04x", c);
	}
	cg_text_add(j->text, b.data + from, b.len - from);
	cg_text_addc(j->text, '"');
}

/* What stands before a value. */
static void lead(struct cg_json *j, const char *key)
{
	if (!j->first)
		cg_text_addc(j->text, ',');
	if (j->depth && j->pretty && !j->flat)
		line(j);
	else if (!j->first && j->pretty)
		cg_text_addc(j->text, ' ');
	j->first = false;
	if (key) {
		quoted(j, cg_bytes_of(key));
		cg_text_adds(j->text, j->pretty ? ": " : ":");
	}
}

void cg_json_open(struct cg_json *j, const char *key, char bracket, bool flat)
{
	lead(j, key);
	cg_text_addc(j->text, bracket);
	j->first = true;
	j->depth++;
	if (flat || j->flat)
		j->flat++;
}

void cg_json_close(struct cg_json *j, char bracket)
{
	j->depth--;
	if (j->flat)
		j->flat--;
	else if (j->pretty && !j->first)
		line(j);
	cg_text_addc(j->text, bracket);
	j->first = false;
	if (j->depth == 0 && j->pretty)
		cg_text_addc(j->text, '\n');
}

void cg_json_null(struct cg_json *j, const char *key)
{
	lead(j, key);
	cg_text_adds(j->text, "null");
}

void cg_json_bool(struct cg_json *j, const char *key, bool value)
{
	lead(j, key);
	cg_text_adds(j->text, value ? "true" : "false");
}

void cg_json_number(struct cg_json *j, const char *key, uint64_t value)
{
	const char *quote = value > INT64_MAX ? "\"" : "";

	lead(j, key);
	cg_text_printf(j->text, "%s%" PRIu64 "%s", quote, value, quote);
}

void cg_json_mode(struct cg_json *j, const char *key, unsigned mode)
{
	lead(j, key);
	cg_text_printf(j->text, "\"%04o\"", mode);
}

/* The length of the UTF-8 sequence at the start, 0 when there is none (Unicode 15, table 3-7). */
static size_t sequence(const unsigned char *p, size_t left)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t len;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (len > left)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

static bool is_text(struct cg_bytes b)
{
	size_t i = 0;

	while (i < b.len) {
		size_t n = b.data[i] ? sequence((const unsigned char *)b.data + i, b.len - i) : 0;

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

static void base64(struct cg_text *t, struct cg_bytes b)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < b.len; i += 3) {
		size_t left = b.len - i;
		uint32_t v = (uint32_t)(unsigned char)b.data[i] << 16;
		char out[4] = "====";

		if (left > 1)
			v |= (uint32_t)(unsigned char)b.data[i + 1] << 8;
		if (left > 2)
			v |= (unsigned char)b.data[i + 2];
		out[0] = digits[v >> 18];
		out[1] = digits[v >> 12 & 63];
		if (left > 1)
			out[2] = digits[v >> 6 & 63];
		if (left > 2)
			out[3] = digits[v & 63];
		cg_text_add(t, out, sizeof(out));
	}
}

void cg_json_bytes(struct cg_json *j, const char *key, struct cg_bytes value)
{
	if (is_text(value)) {
		lead(j, key);
		quoted(j, value);
		return;
	}
	cg_json_open(j, key, '{', true);
	lead(j, "base64");
	cg_text_addc(j->text, '"');
	base64(j->text, value);
	cg_text_addc(j->text, '"');
	cg_json_close(j, '}');
}

void cg_json_text(struct cg_json *j, const char *key, const char *value)
{
	cg_json_bytes(j, key, cg_bytes_of(value));
}
