/* A writer of JSON: brackets, commas, indentation and strings. See json_out.h. */
#include "cli/json_out.h"

#include <inttypes.h>

struct json_out json_begin(FILE *file, bool pretty)
{
	return (struct json_out){.file = file, .pretty = pretty};
}

void json_end(struct json_out *j)
{
	(void)fputc('\n', j->file);
}

static void new_line(struct json_out *j)
{
	if (!j->pretty)
		return;
	(void)fputc('\n', j->file);
	for (unsigned i = 0; i < j->depth; i++)
		(void)fputs("  ", j->file);
}

/* What stands before a value: nothing after a key, else a comma as it is due. */
static void before(struct json_out *j)
{
	if (j->member) {
		j->member = false;
		return;
	}
	if (j->started)
		(void)fputc(',', j->file);
	if (j->depth)
		new_line(j);
	j->started = true;
}

void json_open(struct json_out *j, char bracket)
{
	before(j);
	(void)fputc(bracket, j->file);
	j->depth++;
	j->started = false;
}

void json_close(struct json_out *j, char bracket)
{
	j->depth--;
	if (j->started)
		new_line(j);
	(void)fputc(bracket, j->file);
	j->started = true;
}

/* Length of the UTF-8 sequence at p, 0 when there is none (overlong forms and surrogates are none: RFC 3629).
 */
static size_t sequence(const unsigned char *p, size_t left)
{
	size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : 4;

	if (n == 1)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4 || left < n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
		(p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

static bool is_utf8(struct cg_bytes b)
{
	for (size_t i = 0; i < b.len;) {
		size_t n = sequence((const unsigned char *)b.data + i, b.len - i);

		if (!n)
			return false;
		i += n;
	}
	return true;
}

static void put_string(struct json_out *j, struct cg_bytes b)
{
	(void)fputc('"', j->file);
	for (size_t i = 0; i < b.len; i++) {
		unsigned char c = (unsigned char)b.data[i];

		if (c == '"' || c == '\\')
			(void)fprintf(j->file, "\\%c", c);
		else if (c == '\n')
			(void)fputs("\\n", j->file);
		else if (c == '\t')
			(void)fputs("\\t", j->file);
		else if (c < 0x20 || c == 0x7f)
			(void)fprintf(j->file, "\\u%04x", c);
		else
			(void)fputc(c, j->file);
	}
	(void)fputc('"', j->file);
}

static void put_base64(struct json_out *j, struct cg_bytes b)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)b.data;

	(void)fputs("{\"base64\": \"", j->file);
	for (size_t i = 0; i < b.len; i += 3) {
		size_t n = b.len - i < 3 ? b.len - i : 3;
		unsigned v =
			(unsigned)p[i] << 16 | (n > 1 ? (unsigned)p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0);

		(void)fprintf(j->file, "%c%c%c%c", digits[v >> 18], digits[v >> 12 & 63],
			n > 1 ? digits[v >> 6 & 63] : '=', n > 2 ? digits[v & 63] : '=');
	}
	(void)fputs("\"}", j->file);
}

struct json_out *json_key(struct json_out *j, struct cg_bytes name)
{
	_cleanup_text_ struct cg_text escaped = {0};

	before(j);
	if (!is_utf8(name)) {
		cg_text_escape(&escaped, name);
		name = (struct cg_bytes){escaped.data, escaped.len};
	}
	put_string(j, name);
	(void)fputs(j->pretty ? ": " : ":", j->file);
	j->member = true;
	return j;
}

struct json_out *json_member(struct json_out *j, const char *name)
{
	return json_key(j, cg_bytes_of(name));
}

void json_bytes(struct json_out *j, struct cg_bytes b)
{
	before(j);
	if (!b.data)
		(void)fputs("null", j->file);
	else if (is_utf8(b))
		put_string(j, b);
	else
		put_base64(j, b);
}

void json_text(struct json_out *j, const char *text)
{
	json_bytes(j, text ? cg_bytes_of(text) : (struct cg_bytes){NULL, 0});
}

void json_number(struct json_out *j, uint64_t n)
{
	before(j);
	(void)fprintf(j->file, "%" PRIu64, n);
}

void json_signed(struct json_out *j, int64_t n)
{
	before(j);
	(void)fprintf(j->file, "%" PRId64, n);
}

void json_bool(struct json_out *j, bool b)
{
	before(j);
	(void)fputs(b ? "true" : "false", j->file);
}

void json_nothing(struct json_out *j)
{
	before(j);
	(void)fputs("null", j->file);
}

void json_error(struct json_out *j, const struct cg_error *err)
{
	static const char *const faults[] = {"system", "usage", "corrupt", "unsupported", "partial"};

	json_open(j, '{');
	json_number(json_member(j, "code"), (uint64_t)err->code);
	json_text(json_member(j, "fault"), faults[err->fault]);
	json_text(json_member(j, "message"), err->message);
	json_text(json_member(j, "path"), err->path);
	json_text(json_member(j, "knob"), err->knob);
	json_text(json_member(j, "hint"), err->hint);
	json_close(j, '}');
}
