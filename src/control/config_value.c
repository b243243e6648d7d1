/* One value of the configuration: from text and back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"

#define FOREVER "forever"
#define NOTHING "none"

/* Longest first where one is the end of another. */
static const struct unit {
	const char *word;
	uint64_t us;
} time_units[] = {
	{"us", 1}, {"ms", 1000}, {"min", 60000000}, {"s", 1000000}, {"h", 3600000000}, {"d", 86400000000}};

static uint64_t *number_of(const struct cg_config *c, const struct cg_config_row *row)
{
	/* The one place that turns a row into a member. */
	return (uint64_t *)(void *)((char *)(uintptr_t)c + row->offset);
}

static char **file_of(const struct cg_config *c, const struct cg_config_row *row)
{
	return (char **)(void *)((char *)(uintptr_t)c + row->offset);
}

static bool ends_with(struct cg_bytes *b, const char *word)
{
	size_t n = strlen(word);

	if (b->len < n || memcmp(b->data + b->len - n, word, n) != 0)
		return false;
	b->len -= n;
	return true;
}

/* A unit is required: a bare number is read as seconds by one and as milliseconds by another. "0" needs none.
 */
static int parse_time(struct cg_bytes b, uint64_t *ret)
{
	uint64_t value, factor = 0;
	int r;

	if (cg_bytes_is(b, FOREVER)) {
		*ret = CG_TIME_FOREVER;
		return 0;
	}
	for (size_t i = 0; !factor && i < CG_ARRAY_SIZE(time_units); i++)
		if (ends_with(&b, time_units[i].word))
			factor = time_units[i].us;
	r = cg_parse_u64(b, &value);
	if (r < 0)
		return r;
	if (!factor && value != 0)
		return -EINVAL;
	if (__builtin_mul_overflow(value, factor, &value))
		return -ERANGE;
	*ret = value;
	return 0;
}

static int parse_percent(struct cg_bytes b, uint64_t *ret)
{
	return ends_with(&b, "%") ? cg_parse_u64(b, ret) : -EINVAL;
}

static int parse_word(struct cg_bytes b, const char *const *words, uint64_t *ret)
{
	for (uint64_t i = 0; words[i]; i++) {
		if (cg_bytes_is(b, words[i])) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

static const char *const bool_words[] = {"no", "yes", NULL};

static int parse_steps(struct cg_bytes b, uint64_t *ret)
{
	struct cg_bytes word;
	uint64_t bits = 0, step;

	if (cg_bytes_is(b, NOTHING)) {
		*ret = 0;
		return 0;
	}
	while (cg_bytes_word(&b, &word)) {
		if (parse_word(word, cg_step_words, &step) < 0)
			return -EINVAL;
		bits |= UINT64_C(1) << step;
	}
	if (!bits)
		return -EINVAL;
	*ret = bits;
	return 0;
}

static int parse_number(const struct cg_config_row *row, struct cg_bytes b, uint64_t *ret)
{
	switch (row->kind) {
	case CG_CONFIG_TIME:
		return parse_time(b, ret);
	case CG_CONFIG_SIZE:
		return cg_parse_size(b, ret);
	case CG_CONFIG_PERCENT:
		return parse_percent(b, ret);
	case CG_CONFIG_NUMBER:
		return cg_parse_u64(b, ret);
	case CG_CONFIG_BOOL:
		return parse_word(b, bool_words, ret);
	case CG_CONFIG_CHOICE:
		return parse_word(b, row->words, ret);
	case CG_CONFIG_STEPS:
		return parse_steps(b, ret);
	case CG_CONFIG_FILE:
		break;
	}
	return -EINVAL;
}

static int refuse(const struct cg_config_row *row, const char *value, struct cg_error **err)
{
	_cleanup_text_ struct cg_text shown = {0}, range = {0};

	cg_text_escape(&shown, cg_bytes_of(value));
	cg_config_range(row, &range);
	if (shown.failed || range.failed)
		return cg_error_oom(err);
	return cg_error_usage(err, "[%s] %s = %s: it takes %s", row->section, row->name,
		shown.len ? shown.data : "(nothing)", range.data);
}

static int set_file(
	struct cg_config *c, const struct cg_config_row *row, const char *value, struct cg_error **err)
{
	_cleanup_free_ char *copy = NULL;

	bool nothing = strcmp(value, NOTHING) == 0;

	if (!nothing && *value != '/')
		return refuse(row, value, err);
	if (!nothing && !(copy = strdup(value)))
		return cg_error_oom(err);
	free(*file_of(c, row));
	*file_of(c, row) = cg_steal(copy);
	return 0;
}

int cg_config_set(
	struct cg_config *c, const struct cg_config_row *row, const char *value, struct cg_error **err)
{
	uint64_t number;

	if (row->kind == CG_CONFIG_FILE)
		return set_file(c, row, value, err);
	if (parse_number(row, cg_bytes_of(value), &number) < 0 || number < row->min || number > row->max)
		return refuse(row, value, err);
	*number_of(c, row) = number;
	return 0;
}

void cg_config_time(struct cg_text *t, uint64_t us)
{
	static const struct unit shown[] = {{"d", 86400000000}, {"h", 3600000000}, {"min", 60000000},
		{"s", 1000000}, {"ms", 1000}, {"us", 1}};

	if (us == 0 || us == CG_TIME_FOREVER) {
		cg_text_adds(t, us ? FOREVER : "0");
		return;
	}
	for (size_t i = 0; i < CG_ARRAY_SIZE(shown); i++) {
		if (us % shown[i].us == 0) {
			cg_text_printf(t, "%llu%s", (unsigned long long)(us / shown[i].us), shown[i].word);
			return;
		}
	}
}

static void add_steps(struct cg_text *t, uint64_t bits)
{
	const char *before = "";

	for (size_t i = 0; i < CG_STEPS; i++) {
		if (bits & (UINT64_C(1) << i)) {
			cg_text_printf(t, "%s%s", before, cg_step_words[i]);
			before = " ";
		}
	}
	if (!*before)
		cg_text_adds(t, NOTHING);
}

static void add_number(const struct cg_config_row *row, uint64_t value, struct cg_text *t)
{
	switch (row->kind) {
	case CG_CONFIG_TIME:
		cg_config_time(t, value);
		break;
	case CG_CONFIG_SIZE:
		cg_text_size(t, value);
		break;
	case CG_CONFIG_PERCENT:
		cg_text_printf(t, "%llu%%", (unsigned long long)value);
		break;
	case CG_CONFIG_NUMBER:
		cg_text_printf(t, "%llu", (unsigned long long)value);
		break;
	case CG_CONFIG_BOOL:
		cg_text_adds(t, bool_words[value != 0]);
		break;
	case CG_CONFIG_CHOICE:
		cg_text_adds(t, row->words[value]);
		break;
	case CG_CONFIG_STEPS:
		add_steps(t, value);
		break;
	case CG_CONFIG_FILE:
		break;
	}
}

void cg_config_value(const struct cg_config *c, const struct cg_config_row *row, struct cg_text *t)
{
	if (row->kind == CG_CONFIG_FILE)
		cg_text_adds(t, *file_of(c, row) ? *file_of(c, row) : NOTHING);
	else
		add_number(row, *number_of(c, row), t);
}

static void add_words(struct cg_text *t, const char *const *words, const char *last)
{
	for (size_t i = 0; words[i]; i++)
		cg_text_printf(t, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : last, words[i]);
}

void cg_config_range(const struct cg_config_row *row, struct cg_text *t)
{
	switch (row->kind) {
	case CG_CONFIG_BOOL:
		cg_text_adds(t, "yes or no");
		break;
	case CG_CONFIG_CHOICE:
		add_words(t, row->words, " or ");
		break;
	case CG_CONFIG_STEPS:
		cg_text_adds(t, NOTHING ", or some of ");
		add_words(t, cg_step_words, " and ");
		break;
	case CG_CONFIG_FILE:
		cg_text_adds(t, "an absolute path, or " NOTHING "");
		break;
	default:
		add_number(row, row->min, t);
		if (row->kind == CG_CONFIG_SIZE && row->max == UINT64_MAX >> 1) {
			cg_text_adds(t, " or more");
			break;
		}
		cg_text_adds(t, " to ");
		add_number(row, row->max, t);
		if (row->kind == CG_CONFIG_TIME)
			cg_text_adds(t, ", with its unit (us, ms, s, min, h, d)");
	}
}
