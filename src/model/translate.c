/* Values by the forms of the table: see translate.h. */
#include "model/translate.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/value.h"
#include "model/value_parts.h"

/* One translation under way, with the catalogue's rows of both sides. */
struct job {
	const struct cg_translate *t;
	const struct cg_values *in;
	struct cg_translated *out;
	const struct cg_knob *source[CG_TRANSLATION_KNOBS], *target[CG_TRANSLATION_KNOBS];
	struct cg_text name[2 * CG_TRANSLATION_KNOBS]; /* of sources, then targets */
	struct cg_error **err;
};

void cg_translated_free(struct cg_translated *t)
{
	for (unsigned i = 0; i < CG_TRANSLATION_KNOBS; i++)
		cg_text_free(&t->text[i]);
	*t = (struct cg_translated){0};
}

void cg_translation_name(
	const struct cg_translation *row, int version, unsigned index, const char *name, struct cg_text *t)
{
	cg_knob_sibling(t, row->knob[version - 1][index], name);
}

static void describe_side(const struct cg_translation *row, int version, struct cg_text *t)
{
	for (unsigned i = 0; i < CG_TRANSLATION_KNOBS && row->knob[version - 1][i]; i++) {
		if (i)
			cg_text_adds(t, " + ");
		cg_text_adds(t, row->knob[version - 1][i]);
	}
	if (!row->knob[version - 1][0])
		cg_text_printf(t, "nothing on v%d", version);
}

void cg_translation_describe(const struct cg_translation *row, int from, struct cg_text *t)
{
	describe_side(row, from, t);
	cg_text_adds(t, " -> ");
	describe_side(row, 3 - from, t);
}

/* What a row refuses: the file it is about, and the row. */
static int CG_PRINTF(3, 4) refuse(struct job *j, unsigned index, const char *fmt, ...)
{
	_cleanup_text_ struct cg_text row = {0};
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = cg_error_vmake(j->err, CG_FAULT_USAGE, EINVAL, fmt, ap);
	va_end(ap);
	cg_error_at(j->err, NULL, j->name[index].data);
	cg_translation_describe(j->t->row, j->t->from, &row);
	cg_error_hint(j->err, "the translation is %s", row.data ? row.data : "");
	return r;
}

static bool is_there(const struct job *j, unsigned index)
{
	return j->in->value[index].data != NULL;
}

static struct cg_text *give(struct job *j, unsigned index)
{
	j->out->has[index] = true;
	return &j->out->text[index];
}

static void give_number(struct job *j, unsigned index, int64_t number)
{
	cg_text_printf(give(j, index), "%lld", (long long)number);
}

static void add_bytes(struct cg_text *t, struct cg_bytes b)
{
	cg_text_add(t, b.data, b.len);
}

static void give_bytes(struct job *j, unsigned index, struct cg_bytes b)
{
	add_bytes(give(j, index), b);
}

/* "No limit" in the grammar of the target. */
static void give_unlimited(struct job *j, unsigned index)
{
	const struct cg_knob *k = j->target[index];
	struct cg_text *t = give(j, index);

	if (k->grammar == CG_GRAMMAR_NUMBER)
		cg_text_adds(t, "-1");
	else if (k->grammar != CG_GRAMMAR_BYTES)
		cg_text_adds(t, "max");
	else if (!cg_knob_default(k, j->name[CG_TRANSLATION_KNOBS + index].data, j->t->options->page_size, t))
		cg_text_adds(t, "-1");
}

static void give_scalar(struct job *j, unsigned index, struct cg_scalar s)
{
	if (s.unlimited)
		give_unlimited(j, index);
	else
		give_number(j, index, s.number);
}

/* Numbers were checked before: they parse. */
static struct cg_scalar scalar_of(const struct job *j, unsigned index)
{
	struct cg_scalar s = {0};

	if (is_there(j, index) && cg_scalar_parse(j->source[index], j->in->value[index], &s) < 0)
		s = (struct cg_scalar){0};
	return s;
}

static int translate_same(struct job *j)
{
	if (!is_there(j, 0))
		return 0;
	if (j->source[0]->grammar == CG_GRAMMAR_BYTES || j->source[0]->grammar == CG_GRAMMAR_BYTES_MAX)
		give_scalar(j, 0, scalar_of(j, 0));
	else
		give_bytes(j, 0, j->in->value[0]);
	return 0;
}

static int translate_words(struct job *j)
{
	const char *const *from = j->t->row->words[j->t->from - 1], *const *to =
									    j->t->row->words[j->t->to - 1];

	for (unsigned i = 0; is_there(j, 0) && from[i]; i++)
		if (cg_bytes_is(j->in->value[0], from[i])) {
			cg_text_adds(give(j, 0), to[i]);
			break;
		}
	return 0;
}

static int translate_cpu_weight(struct job *j)
{
	const struct cg_dialect *d = j->t->options->dialect ? j->t->options->dialect : &cg_dialects[0];
	uint64_t value;

	if (!is_there(j, 0) || cg_parse_u64(j->in->value[0], &value) < 0)
		return 0;
	value = j->t->from == 1 ? cg_weight_from_shares(d, value) : cg_shares_from_weight(d, value);
	cg_text_printf(give(j, 0), "%llu", (unsigned long long)value);
	return 0;
}

static int translate_quota(struct job *j)
{
	struct cg_quota q = {0};

	if (!is_there(j, 0))
		return 0;
	if (j->t->from == 2) {
		if (cg_quota_parse(j->in->value[0], &q) < 0)
			return refuse(j, 0, "is no quota");
		give_scalar(j, 0, q.quota);
		give_number(j, 1, q.period);
		return 0;
	}
	q.quota = scalar_of(j, 0);
	give_scalar(j, 0, q.quota);
	cg_text_addc(&j->out->text[0], ' ');
	if (is_there(j, 1))
		give_bytes(j, 0, j->in->value[1]);
	else
		cg_text_adds(&j->out->text[0], j->source[1]->default_value);
	/* The grammar of the pair is not that of a number: -1 is said otherwise. */
	if (q.quota.unlimited) {
		struct cg_bytes period =
			is_there(j, 1) ? j->in->value[1] : cg_bytes_of(j->source[1]->default_value);

		cg_text_reset(&j->out->text[0]);
		cg_text_adds(&j->out->text[0], "max ");
		add_bytes(&j->out->text[0], period);
	}
	return 0;
}

static int memory_to_v2(struct job *j)
{
	struct cg_scalar limit = scalar_of(j, 0), both = scalar_of(j, 1);

	if (!is_there(j, 0))
		return 0;
	give_scalar(j, 0, limit);
	if (!is_there(j, 1))
		return 0;
	if (!both.unlimited && (limit.unlimited || both.number < limit.number))
		return refuse(j, 1, "%.*s is less than the limit of memory alone, which it includes",
			(int)j->in->value[1].len, j->in->value[1].data);
	if (both.unlimited)
		give_unlimited(j, 1);
	else
		give_number(j, 1, both.number - limit.number);
	return 0;
}

static int translate_memory(struct job *j)
{
	struct cg_scalar limit, swap;
	int64_t sum;

	if (j->t->from == 1)
		return memory_to_v2(j);
	if (!is_there(j, 0))
		return 0;
	limit = scalar_of(j, 0);
	swap = scalar_of(j, 1);
	give_scalar(j, 0, limit);
	if (!is_there(j, 1))
		return 0;
	if (limit.unlimited || swap.unlimited || __builtin_add_overflow(limit.number, swap.number, &sum) ||
		sum >= CG_UNLIMITED_FLOOR)
		give_unlimited(j, 1);
	else
		give_number(j, 1, sum);
	return 0;
}

static int translate_soft(struct job *j)
{
	const unsigned chosen = j->t->options->soft_is_high;
	const unsigned from = j->t->from == 1 ? 0 : chosen, to = j->t->from == 1 ? chosen : 0;
	struct cg_scalar s = scalar_of(j, from);

	if (!is_there(j, from))
		return 0;
	/* What is not protected has no soft limit, and the other way round. */
	if (!chosen && j->t->from == 1 && s.unlimited)
		s = (struct cg_scalar){0};
	else if (!chosen && j->t->from == 2 && s.number == 0)
		s.unlimited = true;
	give_scalar(j, to, s);
	return 0;
}

/* The entry of a device in a value, with what it says. */
static bool find_key(
	const struct cg_knob *knob, struct cg_bytes value, struct cg_bytes key, struct cg_entry *ret)
{
	while (cg_entry_next(knob, &value, ret) > 0)
		if (cg_bytes_equal(ret->key, key))
			return true;
	return false;
}

static bool key_was_before(struct job *j, unsigned index, const struct cg_entry *entry)
{
	struct cg_entry e;

	for (unsigned i = 0; i < index; i++)
		if (is_there(j, i) && find_key(j->source[i], j->in->value[i], entry->key, &e))
			return true;
	return false;
}

/* A device's line of io.max, when it limits anything. */
static void add_throttle(struct job *j, struct cg_bytes key)
{
	const struct cg_knob *to = j->target[0];
	_cleanup_text_ struct cg_text line = {0};
	bool any = false;

	for (unsigned i = 0; i < CG_TRANSLATION_KNOBS; i++) {
		struct cg_entry e;
		uint64_t limit = 0;

		if (is_there(j, i) && find_key(j->source[i], j->in->value[i], key, &e))
			limit = cg_parse_u64(e.rest, &limit) < 0 ? 0 : limit;
		if (limit == 0)
			cg_text_printf(&line, " %s=%s", to->words[i], to->reset);
		else
			cg_text_printf(&line, " %s=%llu", to->words[i],
				(unsigned long long)(limit < (uint64_t)to->min ? (uint64_t)to->min : limit));
		any |= limit != 0;
	}
	if (!any)
		return;
	if (j->out->text[0].len)
		cg_text_addc(&j->out->text[0], '\n');
	add_bytes(&j->out->text[0], key);
	add_bytes(&j->out->text[0], (struct cg_bytes){line.data, line.len});
	j->out->text[0].failed |= line.failed;
}

static void throttle_to_v2(struct job *j)
{
	for (unsigned i = 0; i < CG_TRANSLATION_KNOBS; i++) {
		struct cg_bytes rest = j->in->value[i];
		struct cg_entry e;

		if (!is_there(j, i))
			continue;
		j->out->has[0] = true;
		while (cg_entry_next(j->source[i], &rest, &e) > 0)
			if (!key_was_before(j, i, &e))
				add_throttle(j, e.key);
	}
}

static void throttle_to_v1(struct job *j)
{
	struct cg_bytes rest = j->in->value[0];
	struct cg_entry e;

	for (unsigned i = 0; i < CG_TRANSLATION_KNOBS; i++)
		j->out->has[i] = true;
	while (cg_entry_next(j->source[0], &rest, &e) > 0)
		for (unsigned i = 0; i < CG_TRANSLATION_KNOBS; i++) {
			struct cg_text *t = &j->out->text[i];
			struct cg_bytes value;
			uint64_t limit;

			/* "max", and what is more than the file takes, is no limit. */
			if (!cg_sub_find(e.rest, j->source[0]->words[i], &value) ||
				cg_parse_u64(value, &limit) < 0 ||
				(j->target[i]->max != INT64_MAX && limit > (uint64_t)j->target[i]->max))
				continue;
			if (t->len)
				cg_text_addc(t, '\n');
			add_bytes(t, e.key);
			cg_text_printf(t, " %llu", (unsigned long long)limit);
		}
}

static int translate_throttle(struct job *j)
{
	if (j->t->from == 1)
		throttle_to_v2(j);
	else if (is_there(j, 0))
		throttle_to_v1(j);
	return 0;
}

/* Between 10..1000 and 1..10000. */
static uint64_t scale(const struct job *j, uint64_t weight)
{
	if (j->t->row->form == CG_FORM_BFQ_WEIGHT)
		return weight;
	if (j->t->from == 1)
		return weight < 10 ? 1 : 1 + (weight - 10) * 9999 / 990;
	return weight < 1 ? 10 : 10 + ((weight - 1) * 990 + 9999 / 2) / 9999;
}

/* Lines of single devices, scaled. */
static void add_device_weights(struct job *j, unsigned from, unsigned to)
{
	struct cg_bytes rest = j->in->value[from];
	struct cg_text *t = &j->out->text[to];
	struct cg_entry e;

	while (is_there(j, from) && cg_entry_next(j->source[from], &rest, &e) > 0) {
		uint64_t weight;

		if (cg_entry_is_default(j->source[from], &e) || cg_entry_is_none(j->source[from], &e) ||
			cg_parse_u64(e.rest, &weight) < 0)
			continue;
		if (t->len)
			cg_text_addc(t, '\n');
		add_bytes(t, e.key);
		cg_text_printf(t, " %llu", (unsigned long long)scale(j, weight));
	}
}

static int io_weight_to_v2(struct job *j)
{
	uint64_t weight;

	if (!is_there(j, 0) && !is_there(j, 1))
		return 0;
	if (!is_there(j, 0) || cg_parse_u64(j->in->value[0], &weight) < 0)
		cg_text_adds(give(j, 0), j->target[0]->default_value);
	else
		cg_text_printf(give(j, 0), "default %llu", (unsigned long long)scale(j, weight));
	add_device_weights(j, 1, 0);
	return 0;
}

static int translate_io_weight(struct job *j)
{
	struct cg_bytes rest = j->in->value[0];
	struct cg_entry e;
	uint64_t weight;

	if (j->t->from == 1)
		return io_weight_to_v2(j);
	if (!is_there(j, 0))
		return 0;
	while (cg_entry_next(j->source[0], &rest, &e) > 0)
		if (cg_entry_is_default(j->source[0], &e) && cg_parse_u64(e.rest, &weight) == 0)
			give_number(j, 0, (int64_t)scale(j, weight));
	if (j->target[1]->grammar == CG_GRAMMAR_KEYED_DEFAULT && j->out->has[0])
		cg_text_printf(&j->out->text[1], "default %s", j->out->text[0].data);
	j->out->has[1] = true;
	add_device_weights(j, 0, 1);
	return 0;
}

static int translate_nothing(struct job *j)
{
	(void)j;
	return 0;
}

typedef int form_fn(struct job *j);
static form_fn *const forms[] = {
	[CG_FORM_NONE] = translate_nothing,
	[CG_FORM_SAME] = translate_same,
	[CG_FORM_WORDS] = translate_words,
	[CG_FORM_CPU_WEIGHT] = translate_cpu_weight,
	[CG_FORM_QUOTA] = translate_quota,
	[CG_FORM_MEMORY] = translate_memory,
	[CG_FORM_SOFT] = translate_soft,
	[CG_FORM_THROTTLE] = translate_throttle,
	[CG_FORM_IO_WEIGHT] = translate_io_weight,
	[CG_FORM_BFQ_WEIGHT] = translate_io_weight,
	[CG_FORM_RULES] = translate_nothing,
	[CG_FORM_IMPLIED] = translate_nothing,
	[CG_FORM_OWNER] = translate_nothing,
};

/* The names and rows of both sides. */
static int open_job(struct job *j)
{
	for (unsigned i = 0; i < CG_TRANSLATION_KNOBS; i++) {
		struct cg_text *source = &j->name[i], *target = &j->name[CG_TRANSLATION_KNOBS + i];

		if (j->t->row->knob[j->t->from - 1][i]) {
			cg_translation_name(j->t->row, j->t->from, i, j->t->name, source);
			j->source[i] = source->failed ? NULL : cg_knob_find(source->data, j->t->from);
		}
		if (j->t->row->knob[j->t->to - 1][i]) {
			cg_translation_name(j->t->row, j->t->to, i, j->t->name, target);
			j->target[i] = target->failed ? NULL : cg_knob_find(target->data, j->t->to);
		}
		if (source->failed || target->failed)
			return cg_error_oom(j->err);
	}
	return 0;
}

static void close_job(struct job *j)
{
	for (size_t i = 0; i < CG_ARRAY_SIZE(j->name); i++)
		cg_text_free(&j->name[i]);
}

static int check_values(struct job *j)
{
	_cleanup_text_ struct cg_text row = {0};
	int r = 0;

	for (unsigned i = 0; r == 0 && i < CG_TRANSLATION_KNOBS; i++)
		if (is_there(j, i) && j->source[i] && j->source[i]->kind == CG_KNOB_SETTING)
			r = cg_value_check(j->source[i], j->name[i].data, j->in->value[i], j->err);
	if (r < 0) {
		cg_translation_describe(j->t->row, j->t->from, &row);
		cg_error_hint(j->err, "the translation is %s", row.data ? row.data : "");
	}
	return r;
}

/* What the target would not take is refused here, before anybody relies on it. */
static int check_results(struct job *j)
{
	for (unsigned i = 0; i < CG_TRANSLATION_KNOBS; i++) {
		struct cg_text *t = &j->out->text[i];
		const char *name = j->name[CG_TRANSLATION_KNOBS + i].data;
		int r;

		if (!j->out->has[i])
			continue;
		if (!t->data)
			cg_text_adds(t, "");
		if (t->failed)
			return cg_error_oom(j->err);
		r = cg_value_check(j->target[i], name, (struct cg_bytes){t->data, t->len}, j->err);
		if (r < 0)
			return r;
	}
	return 0;
}

int cg_translate(const struct cg_translate *t, const struct cg_values *in, struct cg_translated *ret,
	struct cg_error **err)
{
	struct cg_values written = *in;
	struct job j = {.t = t, .in = &written, .out = ret, .err = err};
	int r = open_job(&j);

	for (unsigned i = 0; i < CG_TRANSLATION_KNOBS; i++)
		if (written.value[i].data)
			written.value[i] = cg_value_written(j.source[i], written.value[i]);
	r = r < 0 ? r : check_values(&j);
	r = r < 0 ? r : forms[t->row->form](&j);
	r = r < 0 ? r : check_results(&j);
	close_job(&j);
	return r;
}

/* Whether a value that did not come back is one that nobody set: what a new group has, or the root's. */
static bool is_usual(const struct cg_knob *knob, const char *name, struct cg_bytes value, uint64_t page_size)
{
	_cleanup_text_ struct cg_text usual = {0};

	if (!knob)
		return false;
	if (knob->default_kind == CG_DEFAULT_INHERIT && knob->default_value)
		cg_text_adds(&usual, knob->default_value);
	else if (!cg_knob_default(knob, name, page_size, &usual))
		return false;
	return !usual.failed &&
	       cg_value_same(knob, value, (struct cg_bytes){usual.data ? usual.data : "", usual.len},
		       cg_knob_unit(knob, name, page_size));
}

static void compare_back(const struct cg_translate *t, const struct cg_values *in,
	const struct cg_translated *back, unsigned *ret_lost)
{
	for (unsigned i = 0; i < CG_TRANSLATION_KNOBS; i++) {
		_cleanup_text_ struct cg_text name = {0};
		const struct cg_knob *knob;
		struct cg_bytes b = {back->text[i].data, back->text[i].len};

		if (!in->value[i].data || !t->row->knob[t->from - 1][i])
			continue;
		cg_translation_name(t->row, t->from, i, t->name, &name);
		knob = name.failed ? NULL : cg_knob_find(name.data, t->from);
		if (back->has[i] ? !cg_value_same(knob, cg_value_written(knob, in->value[i]), b,
					   knob ? cg_knob_unit(knob, name.data, t->options->page_size) : 1)
				 : !is_usual(knob, name.data, in->value[i], t->options->page_size))
			*ret_lost |= 1U << i;
	}
}

int cg_translate_checked(const struct cg_translate *t, const struct cg_values *in, struct cg_translated *ret,
	unsigned *ret_lost, struct cg_error **err)
{
	struct cg_translate reverse = {t->row, t->to, t->from, t->name, t->options};
	_cleanup_translated_ struct cg_translated back = {0};
	struct cg_values there = {0};
	int r = cg_translate(t, in, ret, err);

	*ret_lost = 0;
	if (r < 0 || t->row->form == CG_FORM_IMPLIED || t->row->form == CG_FORM_OWNER)
		return r;
	for (unsigned i = 0; i < CG_TRANSLATION_KNOBS; i++)
		if (ret->has[i])
			there.value[i] = (struct cg_bytes){ret->text[i].data, ret->text[i].len};
	r = cg_translate(&reverse, &there, &back, err);
	if (r == 0)
		compare_back(t, in, &back, ret_lost);
	return r;
}
