#include "openmetrics.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct checker {
	struct cg_bytes family, type, unit;
	bool have_type, have_unit, have_help, have_sample;
	struct cg_text seen;    /* families, each between newlines */
	struct cg_text samples; /* name and labels of the family's samples, each between newlines */
};

static bool name_char(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
	       (!first && c >= '0' && c <= '9');
}

static bool take_name(struct cg_bytes *b, struct cg_bytes *ret)
{
	*ret = (struct cg_bytes){b->data, 0};
	while (b->len && name_char(b->data[0], ret->len == 0)) {
		ret->len++;
		b->data++;
		b->len--;
	}
	return ret->len > 0;
}

static bool ends_with(struct cg_bytes b, struct cg_bytes end)
{
	return b.len > end.len && memcmp(b.data + b.len - end.len, end.data, end.len) == 0;
}

static bool contains(const struct cg_text *list, struct cg_bytes item)
{
	struct cg_text line = {0};
	bool found;

	cg_text_adds(&line, "\n");
	cg_text_add(&line, item.data, item.len);
	cg_text_adds(&line, "\n");
	found = list->len && strstr(list->data, line.data);
	cg_text_free(&line);
	return found;
}

static void add(struct cg_text *list, struct cg_bytes item)
{
	cg_text_adds(list, "\n");
	cg_text_add(list, item.data, item.len);
	cg_text_adds(list, "\n");
}

static const char *begin_family(struct checker *c, struct cg_bytes name)
{
	if (cg_bytes_equal(c->family, name))
		return c->have_sample ? "metadata after samples" : NULL;
	if (contains(&c->seen, name))
		return "a family in two places";
	add(&c->seen, name);
	cg_text_reset(&c->samples);
	c->family = name;
	c->have_type = c->have_unit = c->have_help = c->have_sample = false;
	c->type = CG_BYTES("unknown");
	c->unit = CG_BYTES("");
	return NULL;
}

static const char *check_help(struct cg_bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '"')
			return "an unescaped quote in HELP";
		if (text.data[i] == '\\' && (++i == text.len || !strchr("n\\\"", text.data[i])))
			return "a bad escape in HELP";
	}
	return NULL;
}

static const char *check_metadata(struct checker *c, struct cg_bytes line)
{
	bool type = cg_bytes_take(&line, "TYPE "), unit = !type && cg_bytes_take(&line, "UNIT "),
	     help = !type && !unit && cg_bytes_take(&line, "HELP ");
	struct cg_bytes name;
	const char *wrong;

	if ((!type && !unit && !help) || !take_name(&line, &name) || !cg_bytes_take(&line, " "))
		return "neither TYPE, UNIT, HELP nor EOF";
	wrong = begin_family(c, name);
	if (wrong)
		return wrong;
	if (type) {
		if (c->have_type)
			return "TYPE twice";
		c->have_type = true;
		c->type = line;
		if (!cg_bytes_is(line, "gauge") && !cg_bytes_is(line, "counter") &&
			!cg_bytes_is(line, "info"))
			return "an unknown type";
	} else if (unit) {
		struct cg_text suffix = {0};

		if (c->have_unit)
			return "UNIT twice";
		c->have_unit = true;
		cg_text_adds(&suffix, "_");
		cg_text_add(&suffix, line.data, line.len);
		wrong = ends_with(name, (struct cg_bytes){suffix.data, suffix.len})
				? NULL
				: "a unit that the name lacks";
		cg_text_free(&suffix);
		return wrong;
	} else {
		if (c->have_help)
			return "HELP twice";
		c->have_help = true;
		return check_help(line);
	}
	return NULL;
}

static const char *check_labels(struct cg_bytes *line)
{
	struct cg_text keys = {0};
	const char *wrong = NULL;

	if (!cg_bytes_take(line, "{"))
		return NULL;
	while (!wrong && !cg_bytes_take(line, "}")) {
		struct cg_bytes key;

		if (keys.len && !cg_bytes_take(line, ","))
			wrong = "no comma between labels";
		else if (!take_name(line, &key) || !cg_bytes_take(line, "=\""))
			wrong = "a bad label";
		else if (contains(&keys, key))
			wrong = "a label twice";
		else
			add(&keys, key);
		while (!wrong && !cg_bytes_take(line, "\"")) {
			if (!line->len)
				wrong = "an open label value";
			else if (line->data[0] == '\\' && !cg_bytes_take(line, "\\n") &&
				 !cg_bytes_take(line, "\\\\") && !cg_bytes_take(line, "\\\""))
				wrong = "a bad escape in a label";
			else if (line->len && line->data[0] != '\\' && line->data[0] != '"') {
				line->data++;
				line->len--;
			}
		}
	}
	cg_text_free(&keys);
	return wrong;
}

static const char *check_value(struct cg_bytes value, bool counter)
{
	char text[64], *end;
	double number;

	if (value.len == 0 || value.len >= sizeof(text))
		return "no value";
	memcpy(text, value.data, value.len);
	text[value.len] = '\0';
	if (strspn(text, "0123456789.eE+-") != value.len)
		return "a value that is no number";
	number = strtod(text, &end);
	if (*end)
		return "a value that is no number";
	return counter && number < 0 ? "a negative counter" : NULL;
}

static const char *check_sample(struct checker *c, struct cg_bytes line)
{
	struct cg_bytes whole = line, name, suffix, series;
	bool counter = cg_bytes_is(c->type, "counter");
	const char *wrong;

	if (!take_name(&line, &name))
		return "a sample without a name";
	if (name.len < c->family.len || c->family.len == 0 ||
		memcmp(name.data, c->family.data, c->family.len) != 0)
		return "a sample of another family";
	suffix = (struct cg_bytes){name.data + c->family.len, name.len - c->family.len};
	if (!cg_bytes_is(suffix, counter ? "_total" : cg_bytes_is(c->type, "info") ? "_info" : ""))
		return "a suffix that the type has not";
	wrong = check_labels(&line);
	if (wrong)
		return wrong;
	series = (struct cg_bytes){whole.data, whole.len - line.len};
	if (contains(&c->samples, series))
		return "a sample twice";
	add(&c->samples, series);
	c->have_sample = true;
	return cg_bytes_take(&line, " ") ? check_value(line, counter) : "no value";
}

static const char *check_lines(struct checker *c, struct cg_bytes text, unsigned *line)
{
	struct cg_bytes one;
	bool ended = false;

	if (text.len == 0 || text.data[text.len - 1] != '\n')
		return "no newline at the end";
	while (cg_bytes_split(&text, '\n', &one)) {
		const char *wrong;

		++*line;
		if (ended)
			return "something after EOF";
		if (cg_bytes_is(one, "# EOF")) {
			ended = true;
			continue;
		}
		wrong = cg_bytes_take(&one, "# ") ? check_metadata(c, one) : check_sample(c, one);
		if (wrong)
			return wrong;
	}
	return ended ? NULL : "no EOF";
}

const char *openmetrics_check(const char *text, size_t len, unsigned *line)
{
	struct checker c = {0};
	const char *wrong;

	*line = 0;
	wrong = check_lines(&c, (struct cg_bytes){text, len}, line);
	cg_text_free(&c.seen);
	cg_text_free(&c.samples);
	return wrong;
}
