/* From one value to another: the writes that lead there. What must be written differs from what is read in a
 * few places only: a list of controllers is written as changes, entries one at a time with a reset for those
 * that go, device rules by two other files, and an empty value as a newline, for a write of no bytes does not
 * reach the kernel. */
#include <errno.h>

#include "model/value.h"
#include "model/value_parts.h"

struct writer {
	const struct cg_knob *knob;
	const char *file;
	cg_value_emit_fn *emit;
	void *context;
	struct cg_text text; /* what the next write says */
};

static int emit_to(struct writer *w, const char *file, struct cg_bytes value)
{
	return w->emit(w->context, file, value.len > 0 ? value : CG_BYTES("\n"));
}

/* Emits and empties w->text. */
static int emit_text(struct writer *w, const char *file)
{
	int r;

	if (w->text.failed)
		return -ENOMEM;
	r = w->text.len > 0 ? emit_to(w, file, (struct cg_bytes){w->text.data, w->text.len}) : 0;
	cg_text_reset(&w->text);
	return r;
}

static void add(struct cg_text *t, struct cg_bytes b)
{
	cg_text_add(t, b.data, b.len);
}

static int write_scalar(struct writer *w, struct cg_bytes from, struct cg_bytes to)
{
	const struct cg_bytes written = cg_value_written(w->knob, to);
	struct cg_scalar s;

	if (from.data && (cg_value_same(w->knob, from, to, 1) || cg_value_same(w->knob, from, written, 1)))
		return 0;
	if (w->knob && w->knob->grammar == CG_GRAMMAR_WORD && !cg_word_is_listed(w->knob->words, written))
		return -EINVAL;
	/* The number that stands for "unlimited" on a host with other pages would be a limit here. */
	if (w->knob && w->knob->grammar == CG_GRAMMAR_BYTES && cg_scalar_parse(w->knob, written, &s) == 0 &&
		s.unlimited)
		return emit_to(w, w->file, CG_BYTES("-1"));
	return emit_to(w, w->file, written);
}

/* Where two sorted runs of entries stand: the next key of either, and who has it. */
struct walk {
	const struct cg_entries *from, *to;
	size_t i, j;
};

static bool walk_next(struct walk *w, const struct cg_entry **ret_from, const struct cg_entry **ret_to)
{
	const struct cg_entry *a = w->i < w->from->count ? &w->from->item[w->i] : NULL;
	const struct cg_entry *b = w->j < w->to->count ? &w->to->item[w->j] : NULL;
	int order;

	if (!a && !b)
		return false;
	order = !a ? 1 : !b ? -1 : cg_entry_compare(a, b);
	*ret_from = order <= 0 ? a : NULL;
	*ret_to = order >= 0 ? b : NULL;
	w->i += order <= 0;
	w->j += order >= 0;
	return true;
}

static int parse_both(struct writer *w, struct cg_bytes from, struct cg_bytes to, struct cg_entries *ret_from,
	struct cg_entries *ret_to)
{
	int r = from.data ? cg_entries_parse(w->knob, from, ret_from) : 0;

	return r < 0 ? r : cg_entries_parse(w->knob, to, ret_to);
}

static int write_controllers(struct writer *w, const struct cg_entries *from, const struct cg_entries *to)
{
	struct walk walk = {.from = from, .to = to};
	const struct cg_entry *a, *b;

	while (walk_next(&walk, &a, &b)) {
		if (a && b)
			continue;
		if (w->text.len > 0)
			cg_text_addc(&w->text, ' ');
		cg_text_addc(&w->text, a ? '-' : '+');
		add(&w->text, a ? a->key : b->key);
	}
	return emit_text(w, w->file);
}

/* The sub-keys that change, and those of `from` that go. */
static void compose_nested(struct writer *w, struct cg_bytes from, struct cg_bytes to)
{
	const struct cg_bytes reset = cg_bytes_of(w->knob->reset);

	for (const char *const *sub = w->knob->words; *sub; sub++) {
		struct cg_bytes was = reset, is = reset;
		const bool stood = cg_sub_find(from, *sub, &was);

		if (!cg_sub_find(to, *sub, &is) && !(stood && w->knob->reset))
			continue;
		if (stood && cg_bytes_equal(was, is))
			continue;
		cg_text_printf(&w->text, " %s=", *sub);
		add(&w->text, is);
	}
}

static int write_entry(struct writer *w, const struct cg_entry *from, const struct cg_entry *to)
{
	const struct cg_bytes none = CG_BYTES("");

	add(&w->text, from ? from->key : to->key);
	if (w->knob->grammar == CG_GRAMMAR_NESTED) {
		const size_t before = w->text.len;

		compose_nested(w, from ? from->rest : none, to ? to->rest : none);
		/* They differ in sub-keys that the row does not know. */
		if (w->text.len == before && !w->text.failed)
			return -EINVAL;
	} else {
		cg_text_addc(&w->text, ' ');
		add(&w->text, to ? to->rest : cg_bytes_of(w->knob->reset));
	}
	return emit_text(w, w->file);
}

/* A new group's line for all keys, for a value that says nothing about it. */
static int write_default_line(struct writer *w)
{
	if (!w->knob->default_value)
		return -EINVAL;
	cg_text_adds(&w->text, w->knob->default_value);
	return emit_text(w, w->file);
}

/* The line for all keys, when it changes: *ret_changed. */
static int write_default(
	struct writer *w, const struct cg_entries *from, const struct cg_entries *to, bool *ret_changed)
{
	struct walk walk = {.from = from, .to = to};
	const struct cg_entry *a, *b;

	*ret_changed = false;
	while (walk_next(&walk, &a, &b)) {
		if (!cg_entry_is_default(w->knob, a ? a : b) || (a && b && cg_entry_same(w->knob, a, b)))
			continue;
		*ret_changed = true;
		return b ? write_entry(w, a, b) : write_default_line(w);
	}
	return 0;
}

/* The line for all keys goes first and the others follow it, changed or not: some files take it as the new
 * value of every key (block/bfq-cgroup.c, bfq_io_set_weight_legacy). */
static int write_entries(
	struct writer *w, bool from_known, const struct cg_entries *from, const struct cg_entries *to)
{
	struct walk walk = {.from = from, .to = to};
	const struct cg_entry *a, *b;
	bool again;
	int r = write_default(w, from, to, &again);

	while (r == 0 && walk_next(&walk, &a, &b)) {
		if (cg_entry_is_default(w->knob, a ? a : b))
			continue;
		if (a && b)
			r = cg_entry_same(w->knob, a, b) && !again ? 0 : write_entry(w, a, b);
		else if (b)
			r = from_known && cg_entry_is_none(w->knob, b) ? 0 : write_entry(w, NULL, b);
		else if (!w->knob->reset)
			r = -EINVAL;
		else
			r = cg_entry_is_none(w->knob, a) ? 0 : write_entry(w, a, NULL);
	}
	return r;
}

static int write_rule(struct writer *w, const char *file, const struct cg_entry *rule, unsigned access)
{
	static const char letters[] = "rwm";

	if (access == 0)
		return 0;
	cg_text_addc(&w->text, rule->kind);
	cg_text_addc(&w->text, ' ');
	add(&w->text, rule->key);
	cg_text_addc(&w->text, ' ');
	for (unsigned i = 0; i < sizeof(letters) - 1; i++)
		if (access & 1U << i)
			cg_text_addc(&w->text, letters[i]);
	return emit_text(w, file);
}

static bool allows_all(const struct cg_entries *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		if (rules->item[i].kind == 'a')
			return true;
	return false;
}

/* Access that is new is allowed before access that goes is denied: what stays is never taken away in between.
 * Only a list that says "all" has to be cleared first (security/device_cgroup.c: it has no rules, but
 * exceptions). */
static int write_rules(
	struct writer *w, bool from_known, const struct cg_entries *from, const struct cg_entries *to)
{
	static const struct cg_entries none = {0};
	struct walk walk = {.from = from, .to = to};
	const struct cg_entry *a, *b;
	const bool all = allows_all(to), was_all = allows_all(from);
	int r = 0;

	if (all)
		return from_known && was_all ? 0 : emit_to(w, w->knob->write_name, CG_BYTES("a"));
	if (!from_known || was_all) {
		r = emit_to(w, w->knob->clear_name, CG_BYTES("a"));
		walk.from = &none;
	}
	for (struct walk up = walk; r == 0 && walk_next(&up, &a, &b);)
		if (b)
			r = write_rule(w, w->knob->write_name, b,
				cg_access_parse(b->rest) & ~(a ? cg_access_parse(a->rest) : 0));
	for (struct walk down = walk; r == 0 && walk_next(&down, &a, &b);)
		if (a)
			r = write_rule(w, w->knob->clear_name, a,
				cg_access_parse(a->rest) & ~(b ? cg_access_parse(b->rest) : 0));
	return r;
}

/* What a new group reads, as far as the row tells. */
static struct cg_bytes new_group_value(const struct cg_knob *knob)
{
	if (knob && knob->default_kind == CG_DEFAULT_FIXED)
		return cg_bytes_of(knob->default_value);
	if (knob && knob->default_kind == CG_DEFAULT_UNLIMITED)
		return CG_BYTES("-1");
	return (struct cg_bytes){NULL, 0};
}

int cg_value_writes(const struct cg_knob *knob, const char *name, struct cg_bytes from, struct cg_bytes to,
	cg_value_emit_fn *emit, void *context)
{
	struct writer w = {.knob = knob, .file = name, .emit = emit, .context = context};
	_cleanup_entries_ struct cg_entries was = {0}, is = {0};
	int r;

	if (!from.data)
		from = new_group_value(knob);
	if (!knob || (knob->grammar != CG_GRAMMAR_CONTROLLERS && !cg_grammar_has_entries(knob->grammar)))
		return write_scalar(&w, from, to);
	r = parse_both(&w, from, to, &was, &is);
	if (r == 0 && knob->grammar == CG_GRAMMAR_CONTROLLERS)
		r = write_controllers(&w, &was, &is);
	else if (r == 0 && knob->grammar == CG_GRAMMAR_DEVICE_RULES)
		r = write_rules(&w, from.data, &was, &is);
	else if (r == 0)
		r = write_entries(&w, from.data, &was, &is);
	cg_text_free(&w.text);
	return r;
}
