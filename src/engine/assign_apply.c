/* Assignments carried out: see assign.h. What is translated is brought to the other side by its whole row:
 * what was not given of it is what stands there now, seen from the side that the name is of. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "engine/assign.h"
#include "kernel/cgroupfs.h"
#include "model/value.h"

/* A row on its way into one group. */
struct crossing {
	struct cg_assigns *a;
	struct cg_edit *e;
	const struct cg_assign *first;
	uint32_t place;
	int to; /* version */
	struct cg_translate_options options;
	struct cg_values in;
	bool given[CG_TRANSLATION_KNOBS];
	struct cg_text name, text[CG_TRANSLATION_KNOBS];
};

static void crossing_free(struct crossing *c)
{
	cg_text_free(&c->name);
	for (unsigned i = 0; i < CG_TRANSLATION_KNOBS; i++)
		cg_text_free(&c->text[i]);
}

/* The row's knob of a version, and the file that it is with the huge page size of what was named. */
static const struct cg_knob *knob_of(struct crossing *c, int version, unsigned k)
{
	cg_text_reset(&c->name);
	cg_translation_name(c->first->row, version, k, c->first->file, &c->name);
	return c->name.failed ? NULL : cg_knob_find(c->name.data, version);
}

static struct cg_translate job_of(const struct crossing *c, int from)
{
	return (struct cg_translate){.row = c->first->row,
		.from = from,
		.to = 3 - from,
		.name = c->first->file,
		.options = &c->options};
}

/* What stands there, in the words of the name's version. */
static int see_present(struct crossing *c, struct cg_translated *ret, struct cg_error **err)
{
	const struct cg_translate job = job_of(c, c->to);
	_cleanup_error_ struct cg_error *ignored = NULL;
	struct cg_values now = {0};
	bool planned[CG_TRANSLATION_KNOBS] = {false};

	for (unsigned k = 0; k < CG_TRANSLATION_KNOBS && c->first->row->knob[c->to - 1][k]; k++) {
		const struct cg_knob *knob = knob_of(c, c->to, k);
		int r;

		if (!knob)
			continue;
		r = cg_edit_expect(c->e, c->place, knob, c->name.data, &now.value[k], err);
		if (r < 0)
			return r;
		if (now.value[k].data)
			now.value[k] = cg_value_setting(knob, now.value[k]);
		planned[k] = cg_edit_plans(c->e, c->place, c->name.data);
	}
	if (cg_translate(&job, &now, ret, &ignored) == 0)
		return 0;
	/* What stands there contradicts what is planned beside it, and is about to change: then the plan
	 * alone. */
	ignored = cg_error_free(ignored);
	cg_translated_free(ret);
	for (unsigned k = 0; k < CG_TRANSLATION_KNOBS; k++)
		if (!planned[k])
			now.value[k] = (struct cg_bytes){NULL, 0};
	/* What cannot be said on that side is no base for anything there. */
	if (cg_translate(&job, &now, ret, &ignored) < 0)
		cg_translated_free(ret);
	return 0;
}

static void hint_words(const struct cg_knob *knob, struct cg_error **err)
{
	const char *form = knob ? cg_value_words(knob) : NULL;

	if (form)
		cg_error_hint(err, "%s", form);
}

/* What was given of the row, laid over what stands there. */
static int take_given(struct crossing *c, const struct cg_translated *present, struct cg_error **err)
{
	struct cg_assigns *a = c->a;

	for (unsigned k = 0; k < CG_TRANSLATION_KNOBS; k++)
		if (present->has[k])
			c->in.value[k] = (struct cg_bytes){
				present->text[k].data ? present->text[k].data : "", present->text[k].len};
	for (size_t i = 0; i < a->count; i++) {
		const struct cg_assign *item = &a->item[i];
		const unsigned k = item->index;
		_cleanup_text_ struct cg_text words = {0};
		int r;

		if (item->row != c->first->row || item->version != c->first->version)
			continue;
		if (c->given[k] && strcmp(item->file, c->first->file) == 0 &&
			!cg_value_has_parts(item->knob)) {
			r = cg_error_usage(err, "is given twice");
			cg_error_at(err, a->target->path, item->name);
			return r;
		}
		cg_text_reset(&c->text[k]);
		if (cg_value_of_words(item->knob, item->words, &words) < 0 ||
			cg_value_merge(item->knob, c->in.value[k],
				(struct cg_bytes){words.data ? words.data : "", words.len}, &c->text[k]) < 0)
			return cg_error_oom(err);
		c->in.value[k] = (struct cg_bytes){c->text[k].data ? c->text[k].data : "", c->text[k].len};
		c->given[k] = true;
		r = cg_value_check(item->knob, item->name, c->in.value[k], err);
		if (r < 0) {
			hint_words(item->knob, err);
			cg_error_at(err, a->target->path, item->name);
			return r;
		}
		/* Kept for as long as the next of the same file is laid over it. */
		if (!cg_arena_keep(&c->e->plan.arena, &c->in.value[k]))
			return cg_error_oom(err);
	}
	return 0;
}

static int note_loss(struct crossing *c, unsigned k, struct cg_error **err)
{
	const struct cg_translation *row = c->first->row;
	_cleanup_text_ struct cg_text what = {0}, name = {0}, value = {0};

	cg_translation_describe(row, c->first->version, &what);
	cg_translation_name(row, c->first->version, k, c->first->file, &name);
	cg_text_escape(&value, c->in.value[k]);
	if (what.failed || name.failed || value.failed)
		return cg_error_oom(err);
	return cg_edit_note(c->e, c->place, name.data, err, "%s is not quite what it becomes (%s): %s",
		value.data ? value.data : "", what.data, row->why ? row->why : "");
}

static int write_out(
	struct crossing *c, const struct cg_translated *out, unsigned lost, struct cg_error **err)
{
	const bool lossy = c->first->row->class != CG_TRANSLATION_EXACT;
	/* One file against several: whichever was named, it is meant. */
	const bool alone = !c->first->row->knob[0][1] || !c->first->row->knob[1][1];
	int r = 0;

	for (unsigned k = 0; r == 0 && k < CG_TRANSLATION_KNOBS; k++) {
		const struct cg_bytes v = {out->text[k].data ? out->text[k].data : "", out->text[k].len};
		const struct cg_knob *knob = out->has[k] ? knob_of(c, c->to, k) : NULL;

		if (knob)
			r = cg_edit_set(c->e, c->place, knob, c->name.data, v,
				alone || c->given[k] ? CG_EDIT_WHOLE : CG_EDIT_FOLLOW, err);
	}
	for (unsigned k = 0; r == 0 && k < CG_TRANSLATION_KNOBS; k++)
		if (c->given[k] && (lossy || (lost & 1U << k)))
			r = note_loss(c, k, err);
	return r;
}

static int cross(struct crossing *c, struct cg_error **err)
{
	_cleanup_translated_ struct cg_translated present = {0}, out = {0};
	const struct cg_translate job = job_of(c, c->first->version);
	unsigned lost = 0;
	int r = see_present(c, &present, err);

	if (r == 0)
		r = take_given(c, &present, err);
	if (r == 0)
		r = cg_translate_checked(&job, &c->in, &out, &lost, err);
	if (r < 0) {
		cg_error_at(err, c->a->target->path, NULL);
		return r;
	}
	return write_out(c, &out, lost, err);
}

/* Whether the same row was carried over with an earlier assignment. */
static bool is_done(const struct cg_assigns *a, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (a->item[j].row == a->item[i].row && a->item[j].version == a->item[i].version)
			return true;
	return false;
}

static int apply_translated(struct cg_assigns *a, struct cg_edit *e, const struct cg_assign *item,
	uint32_t place, struct cg_error **err)
{
	struct crossing c = {.a = a,
		.e = e,
		.first = item,
		.place = place,
		.to = 3 - item->version,
		.options = {.page_size = (uint64_t)sysconf(_SC_PAGESIZE),
			/* The second of v2's two, when that is the one that was named. */
			.soft_is_high = item->version == 2 && item->index == 1}};
	int r;

	if (item->usage) {
		r = cg_error_usage(err, "is no setting of its own and is never written");
		cg_error_at(err, a->target->path, item->name);
		return r;
	}
	if (item->row->form == CG_FORM_RULES)
		return cg_edit_set_rules(
			e, place, cg_knob_find(item->row->knob[0][0], 1), item->knob, item->words, err);
	r = cross(&c, err);
	crossing_free(&c);
	return r;
}

static int apply_rule(struct cg_edit *e, uint32_t place, const struct cg_assign *item,
	const struct cg_knob *list, bool adds, struct cg_error **err)
{
	_cleanup_text_ struct cg_text t = {0};
	struct cg_bytes present;
	int r = cg_edit_expect(e, place, list, list->name, &present, err);

	if (r < 0)
		return r;
	/* A new group has its parent's list, which is not looked up: it begins with everything allowed. */
	if (!present.data)
		present = cg_bytes_of(list->default_value);
	r = cg_value_change_rules(list, cg_value_setting(list, present), item->words, adds, &t, err);
	if (r == 0)
		r = cg_edit_set(e, place, list, list->name, (struct cg_bytes){t.data ? t.data : "", t.len},
			CG_EDIT_WHOLE, err);
	if (r < 0)
		cg_error_at(err, NULL, item->name);
	return r;
}

static int apply_native(
	struct cg_edit *e, const struct cg_assign *item, uint32_t place, struct cg_error **err)
{
	_cleanup_text_ struct cg_text t = {0};
	const struct cg_knob *list;
	bool adds;
	int r;

	list = item->knob && item->knob->kind == CG_KNOB_ACTION ? cg_knob_rules(item->knob, &adds) : NULL;
	if (list)
		return apply_rule(e, place, item, list, adds, err);
	if (cg_value_of_words(item->knob, item->words, &t) < 0)
		return cg_error_oom(err);
	r = cg_edit_set(e, place, item->knob, item->file, (struct cg_bytes){t.data ? t.data : "", t.len},
		CG_EDIT_LAY_OVER, err);
	if (r < 0 && item->knob && item->knob->kind == CG_KNOB_MEMBERSHIP)
		cg_error_hint(err, "tasks are moved with: cgtree attach PATH PID...");
	return r;
}

/* One assignment, in every group that it is meant for. */
static int apply_one(
	struct cg_assigns *a, struct cg_edit *e, const struct cg_assign *item, struct cg_error **err)
{
	for (uint16_t h = 0; h < a->live->count; h++) {
		uint32_t place;
		int r = item->in[h] ? cg_edit_open(e, h, a->target->path, &place, err) : 0;

		if (r == 0 && item->in[h])
			r = item->row ? apply_translated(a, e, item, place, err)
				      : apply_native(e, item, place, err);
		if (r < 0) {
			cg_error_at(err, a->target->path, item->name);
			return r;
		}
	}
	return 0;
}

/* What is called by its own name here comes first: it is part of what the others are laid over, and does not
 * give way to what follows from them. */
int cg_assigns_apply(struct cg_assigns *a, struct cg_edit *e, struct cg_error **err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->count; i++)
		if (!a->item[i].row)
			r = apply_one(a, e, &a->item[i], err);
	for (size_t i = 0; r == 0 && i < a->count; i++)
		if (a->item[i].row && (a->item[i].row->form == CG_FORM_RULES || !is_done(a, i)))
			r = apply_one(a, e, &a->item[i], err);
	return r;
}

bool cg_assign_is_action(const struct cg_assign *item)
{
	bool adds;

	if (!item->knob || item->row)
		return false;
	if (item->knob->kind == CG_KNOB_ACTION)
		return !cg_knob_rules(item->knob, &adds);
	return item->knob->kind == CG_KNOB_STATISTIC && (item->knob->mode & 0222);
}

int cg_assigns_act(struct cg_assigns *a, const struct cg_assign *item, struct cg_error **err)
{
	const char *path = a->target->path;

	for (size_t i = 0; i < a->live->count; i++) {
		const struct cg_live_hierarchy *h = &a->live->item[i];
		_cleanup_close_ int fd = -1;
		int r;

		if (!item->in[i])
			continue;
		r = cg_open_beneath(h->fd, cg_path_below(h->mount_root, path), O_RDONLY | O_DIRECTORY, &fd);
		if (r < 0) {
			r = cg_error_errno(err, -r, "cannot open the group");
			cg_error_at(err, path, NULL);
			return r;
		}
		r = cg_cgroup_write(fd, item->file, item->words, NULL);
		if (r < 0)
			return cg_cgroup_explain(err, fd, path, item->file, item->words, "write", -r);
	}
	return 0;
}
