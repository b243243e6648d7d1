/* Translation of single rows, against tests/golden/convert: rows.txt has every row with its edges in both
 * directions, weights.txt every dialect. Both were checked by hand or made by another program; "--print FILE"
 * shows what this one makes of the questions in rows.txt. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>

#include "base/fdio.h"
#include "model/translate.h"

#define GOLDEN "../../golden/convert/"

/* One question of rows.txt: "v1 KNOB=VALUE; KNOB=VALUE", values with \n for newlines. */
struct question {
	int from;
	struct cg_translate_options options;
	const struct cg_translation *row;
	struct cg_values in;
	char name[CG_TRANSLATION_KNOBS][128], value[CG_TRANSLATION_KNOBS][512], file[128];
};

static void unescape(struct cg_bytes from, char *to, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < from.len && n + 1 < size; i++) {
		const bool newline = from.data[i] == '\\' && i + 1 < from.len && from.data[i + 1] == 'n';

		to[n++] = newline ? '\n' : from.data[i];
		i += newline;
	}
	to[n] = '\0';
}

static void add_escaped(struct cg_text *t, struct cg_bytes value)
{
	for (size_t i = 0; i < value.len; i++)
		if (value.data[i] == '\n')
			cg_text_adds(t, "\\n");
		else
			cg_text_addc(t, value.data[i]);
}

static void take_part(struct question *q, struct cg_bytes part)
{
	struct cg_bytes name;
	unsigned index = 0;
	char text[128];

	part = cg_bytes_trim(part);
	assert_true(cg_bytes_split(&part, '=', &name));
	(void)snprintf(text, sizeof(text), "%.*s", (int)name.len, name.data);
	q->row = cg_translation_find(cg_knob_find(text, q->from), q->from, &index);
	if (!q->row)
		fail_msg("no row has %s of v%d", text, q->from);
	(void)snprintf(q->file, sizeof(q->file), "%s", text);
	unescape(part, q->value[index], sizeof(q->value[index]));
	q->in.value[index] = cg_bytes_of(q->value[index]);
}

static void add_answer(const struct question *q, struct cg_text *t)
{
	struct cg_translate job = {q->row, q->from, 3 - q->from, q->file, &q->options, NULL};
	_cleanup_translated_ struct cg_translated out = {0};
	_cleanup_error_ struct cg_error *err = NULL;
	_cleanup_text_ struct cg_text name = {0};
	unsigned lost = 0;

	if (cg_translate_checked(&job, &q->in, &out, &lost, &err) < 0) {
		cg_text_printf(t, "    refused: %s: %s (%s)\n", err->knob, err->message, err->hint);
		return;
	}
	for (unsigned i = 0; i < CG_TRANSLATION_KNOBS; i++) {
		if (!out.has[i])
			continue;
		cg_text_reset(&name);
		cg_translation_name(q->row, 3 - q->from, i, q->file, &name);
		cg_text_printf(t, "    %s=", name.data);
		add_escaped(t, (struct cg_bytes){out.text[i].data, out.text[i].len});
		cg_text_addc(t, '\n');
	}
	for (unsigned i = 0; i < CG_TRANSLATION_KNOBS; i++)
		if (lost & 1U << i) {
			cg_text_reset(&name);
			cg_translation_name(q->row, q->from, i, q->file, &name);
			cg_text_printf(t, "    lost: %s: %s\n", name.data, q->row->why);
		}
}

static void set_option(struct cg_translate_options *o, struct cg_bytes word)
{
	struct cg_bytes name;
	char text[64];

	assert_true(cg_bytes_split(&word, '=', &name));
	(void)snprintf(text, sizeof(text), "%.*s", (int)word.len, word.data);
	if (cg_bytes_is(name, "dialect"))
		o->dialect = cg_dialect_find(text);
	else if (cg_bytes_is(name, "soft"))
		o->soft_is_high = strcmp(text, "high") == 0;
	else if (cg_bytes_is(name, "page"))
		assert_int_equal(cg_parse_u64(word, &o->page_size), 0);
	else
		fail_msg("no option %.*s", (int)name.len, name.data);
}

static bool begins(struct cg_bytes line, const char *word)
{
	return line.len >= strlen(word) && memcmp(line.data, word, strlen(word)) == 0;
}

/* The file as it should be: its questions, each with our answer. */
static void answer_all(struct cg_bytes file, struct cg_text *t)
{
	struct cg_translate_options options = {.page_size = 4096};
	struct cg_bytes line, part;

	while (cg_bytes_split(&file, '\n', &line)) {
		struct question q = {.options = options};

		if (begins(line, "    "))
			continue;
		cg_text_add(t, line.data, line.len);
		cg_text_addc(t, '\n');
		if (begins(line, "with ")) {
			line = (struct cg_bytes){line.data + 5, line.len - 5};
			while (cg_bytes_word(&line, &part))
				set_option(&options, part);
		}
		if (!begins(line, "v1 ") && !begins(line, "v2 "))
			continue;
		q.from = line.data[1] - '0';
		line = (struct cg_bytes){line.data + 3, line.len - 3};
		while (cg_bytes_split(&line, ';', &part))
			take_part(&q, part);
		add_answer(&q, t);
	}
}

static struct cg_bytes contents(const char *path, struct cg_buffer *b)
{
	int r = cg_read_path_at(AT_FDCWD, path, b);

	if (r < 0)
		fail_msg("cannot read %s: %s", path, strerror(-r));
	return (struct cg_bytes){b->data, b->len};
}

static void rows_are_as_in_the_golden_table(void **state)
{
	_cleanup_buffer_ struct cg_buffer file = {0};
	_cleanup_text_ struct cg_text t = {0};
	struct cg_bytes wanted = contents(GOLDEN "rows.txt", &file), got, a, b, question = {0};

	(void)state;
	answer_all(wanted, &t);
	got = (struct cg_bytes){t.data, t.len};
	for (;;) {
		bool more = cg_bytes_split(&wanted, '\n', &a);

		if (cg_bytes_split(&got, '\n', &b) != more)
			fail_msg("the golden table ends elsewhere");
		if (!more)
			break;
		if (!begins(a, "    "))
			question = a;
		if (!cg_bytes_equal(a, b))
			fail_msg("%.*s\n  wanted: %.*s\n  got:    %.*s", (int)question.len, question.data,
				(int)a.len, a.data, (int)b.len, b.data);
	}
}

/* Every row is asked about in rows.txt, in each direction that it has. */
static void every_row_has_golden_cases(void **state)
{
	_cleanup_buffer_ struct cg_buffer file = {0};
	struct cg_bytes all = contents(GOLDEN "rows.txt", &file);

	(void)state;
	for (size_t i = 0; i < cg_translation_count; i++)
		for (int v = 1; v <= 2; v++) {
			const char *name = cg_translations[i].knob[v - 1][0];
			const char *star = name ? strchr(name, '*') : NULL;
			char text[128];

			if (!name || cg_translations[i].form == CG_FORM_OWNER)
				continue;
			(void)snprintf(text, sizeof(text), "\nv%d %.*s%s%s=", v,
				star ? (int)(star - name) : (int)strlen(name), name, star ? "2MB" : "",
				star ? star + 1 : "");
			if (!memmem(all.data, all.len, text, strlen(text)))
				fail_msg("no case for %s of v%d", name, v);
		}
}

/* A setting that no row has would be dropped. */
static void every_setting_has_a_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < cg_knob_count; i++) {
		const struct cg_knob *k = &cg_knob_table[i];
		unsigned index;

		if (k->kind != CG_KNOB_SETTING || k->flags & CG_KNOB_ALIAS || k->phase == CG_PHASE_TYPE)
			continue;
		for (int v = 1; v <= 2; v++)
			if (k->flags & (v == 1 ? CG_KNOB_V1 : CG_KNOB_V2) &&
				!cg_translation_find(k, v, &index))
				fail_msg("%s of v%d has no translation", k->name, v);
	}
}

static void rows_name_knobs_of_the_catalogue_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < cg_translation_count; i++) {
		assert_non_null(cg_translations[i].why);
		for (int v = 1; v <= 2; v++)
			for (unsigned k = 0; k < CG_TRANSLATION_KNOBS && cg_translations[i].knob[v - 1][k];
				k++) {
				const char *name = cg_translations[i].knob[v - 1][k];
				const struct cg_knob *knob = NULL;
				unsigned index = 99;

				for (size_t n = 0; n < cg_knob_count; n++)
					if (strcmp(cg_knob_table[n].name, name) == 0 &&
						cg_knob_table[n].flags & (v == 1 ? CG_KNOB_V1 : CG_KNOB_V2))
						knob = &cg_knob_table[n];
				if (!knob)
					fail_msg("the catalogue has no %s of v%d", name, v);
				assert_ptr_equal(cg_translation_find(knob, v, &index), &cg_translations[i]);
				assert_int_equal(index, k);
			}
	}
}

/* "shares 1024 100 100 100 39": what each dialect makes of it, in the order of the table. */
static void dialects_are_as_in_the_golden_table(void **state)
{
	_cleanup_buffer_ struct cg_buffer file = {0};
	struct cg_bytes all = contents(GOLDEN "weights.txt", &file), line, word;
	size_t lines = 0;

	(void)state;
	while (cg_bytes_split(&all, '\n', &line)) {
		uint64_t given, wanted;
		bool shares;

		if (!begins(line, "shares ") && !begins(line, "weight "))
			continue;
		assert_true(cg_bytes_word(&line, &word));
		shares = cg_bytes_is(word, "shares");
		assert_true(cg_bytes_word(&line, &word) && cg_parse_u64(word, &given) == 0);
		for (size_t d = 0; d < cg_dialect_count; d++) {
			uint64_t got = shares ? cg_weight_from_shares(&cg_dialects[d], given)
					      : cg_shares_from_weight(&cg_dialects[d], given);

			assert_true(cg_bytes_word(&line, &word) && cg_parse_u64(word, &wanted) == 0);
			if (got != wanted)
				fail_msg("%s %llu: %s gives %llu, not %llu", shares ? "shares" : "weight",
					(unsigned long long)given, cg_dialects[d].name,
					(unsigned long long)got, (unsigned long long)wanted);
		}
		lines++;
	}
	assert_true(lines > 100);
}

static void dialects_are_named_with_their_source(void **state)
{
	(void)state;
	assert_ptr_equal(cg_dialect_find("kernel"), &cg_dialects[0]);
	assert_null(cg_dialect_find("docker"));
	for (size_t i = 0; i < cg_dialect_count; i++) {
		assert_ptr_equal(cg_dialect_find(cg_dialects[i].name), &cg_dialects[i]);
		assert_true(strlen(cg_dialects[i].source) > 10);
	}
}

/* All weights, both ways: in range, rising; the inverse of what a weight becomes is that weight where shares
 * are finer than weights. */
static void dialects_rise_and_stay_in_range(void **state)
{
	(void)state;
	for (size_t i = 0; i < cg_dialect_count; i++) {
		const struct cg_dialect *d = &cg_dialects[i];
		uint64_t last = 0;

		for (uint64_t s = 2; s <= 262144; s++) {
			uint64_t w = cg_weight_from_shares(d, s);

			assert_true(w >= 1 && w <= 10000 && w >= last);
			last = w;
		}
		for (uint64_t w = 1, before = 0; w <= 10000; w++) {
			uint64_t s = cg_shares_from_weight(d, w);

			assert_true(s >= 2 && s <= 262144 && s >= before);
			before = s;
			if (d->rule == CG_WEIGHT_RATIO && d->rounds)
				assert_int_equal(cg_weight_from_shares(d, s), w);
		}
		assert_true(cg_weight_from_shares(d, UINT64_MAX) == 10000);
		assert_true(cg_shares_from_weight(d, UINT64_MAX) >= 102400);
	}
}

/* libm makes the same of the formula (systemd and crun compute it so). */
static void the_curve_is_that_of_libm(void **state)
{
	const struct cg_dialect *d = NULL;

	(void)state;
	for (size_t i = 0; i < cg_dialect_count; i++)
		if (cg_dialects[i].rule == CG_WEIGHT_CURVE)
			d = &cg_dialects[i];
	assert_non_null(d);
	for (uint64_t s = d->shares_min + 1; s < d->shares_max; s++) {
		const double l = log2((double)s);

		assert_int_equal(cg_weight_from_shares(d, s),
			(uint64_t)ceil(pow(10, (l * l + 125 * l) / 612.0 - 7.0 / 34.0)));
	}
}

static int print(const char *path)
{
	_cleanup_buffer_ struct cg_buffer file = {0};
	_cleanup_text_ struct cg_text t = {0};

	if (cg_read_path_at(AT_FDCWD, path, &file) < 0)
		return 1;
	answer_all((struct cg_bytes){file.data, file.len}, &t);
	return t.data && fputs(t.data, stdout) >= 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_as_in_the_golden_table),
		cmocka_unit_test(every_row_has_golden_cases),
		cmocka_unit_test(every_setting_has_a_row),
		cmocka_unit_test(rows_name_knobs_of_the_catalogue_once),
		cmocka_unit_test(dialects_are_as_in_the_golden_table),
		cmocka_unit_test(dialects_are_named_with_their_source),
		cmocka_unit_test(dialects_rise_and_stay_in_range),
		cmocka_unit_test(the_curve_is_that_of_libm),
	};

	if (argc == 3 && strcmp(argv[1], "--print") == 0)
		return print(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
