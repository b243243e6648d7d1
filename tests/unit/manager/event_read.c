#include "event_read.h"

#include <string.h>

static const char magic[] = "EVENT schema=cgtree.v1";

bool event_read_start(struct cg_bytes *rest)
{
	size_t n = sizeof(magic) - 1;

	if (rest->len < n || memcmp(rest->data, magic, n) != 0)
		return false;
	rest->data += n;
	rest->len -= n;
	return true;
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool eat(struct cg_bytes *b, char c)
{
	if (b->len == 0 || b->data[0] != c)
		return false;
	b->data++;
	b->len--;
	return true;
}

static bool is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("._:/+-", c));
}

static int read_escape(struct cg_bytes *b, struct cg_text *t)
{
	if (eat(b, 'n')) {
		cg_text_addc(t, '\n');
	} else if (eat(b, 't')) {
		cg_text_addc(t, '\t');
	} else if (eat(b, '\\')) {
		cg_text_addc(t, '\\');
	} else if (eat(b, 'x') && b->len >= 2 && hex(b->data[0]) >= 0 && hex(b->data[1]) >= 0) {
		cg_text_addc(t, (char)(hex(b->data[0]) * 16 + hex(b->data[1])));
		b->data += 2;
		b->len -= 2;
	} else {
		return -1;
	}
	return 0;
}

static int read_quoted(struct cg_bytes *b, struct cg_text *t)
{
	while (b->len && b->data[0] != '"') {
		unsigned char c = (unsigned char)b->data[0];

		if (c < 0x20 || c == 0x7f)
			return -1;
		b->data++;
		b->len--;
		if (c != '\\')
			cg_text_addc(t, (char)c);
		else if (read_escape(b, t) < 0)
			return -1;
	}
	return eat(b, '"') ? 0 : -1;
}

int event_read_field(struct cg_bytes *rest, struct cg_bytes *ret_key, struct cg_text *ret_value)
{
	cg_text_reset(ret_value);
	if (eat(rest, '\n'))
		return 0;
	if (!eat(rest, ' '))
		return -1;
	*ret_key = (struct cg_bytes){rest->data, 0};
	while (rest->len && ((rest->data[0] >= 'a' && rest->data[0] <= 'z') || rest->data[0] == '_')) {
		ret_key->len++;
		rest->data++;
		rest->len--;
	}
	if (ret_key->len == 0 || !eat(rest, '='))
		return -1;
	if (eat(rest, '"'))
		return read_quoted(rest, ret_value) < 0 ? -1 : 1;
	if (!rest->len || !is_word_char(rest->data[0]))
		return -1;
	for (; rest->len && is_word_char(rest->data[0]); rest->data++, rest->len--)
		cg_text_addc(ret_value, rest->data[0]);
	return 1;
}
