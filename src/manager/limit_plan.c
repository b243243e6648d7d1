/* Limits on their way to the kernel. Where v2 has the controller a limit goes there as it is; else the row of
 * the translation table that holds its knob gives the v1 files that say the same. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/apply_setting.h"
#include "kernel/cgroupfs.h"
#include "manager/limit_plan.h"
#include "model/translate.h"
#include "model/value.h"

struct maker {
	const struct cg_host *h;
	const char *id;
	struct cg_limit_plan *plan;
	const struct cg_strings *limits;
	uint64_t page_size;
};

void cg_limit_plan_free(struct cg_limit_plan *plan)
{
	cg_arena_free(&plan->arena);
	cg_text_free(&plan->note);
	free(plan->write);
	*plan = (struct cg_limit_plan){0};
}

static int add_write(struct maker *m, int hierarchy, const struct cg_knob *knob, const char *file,
	struct cg_bytes value, struct cg_error **err)
{
	struct cg_limit_plan *p = m->plan;
	struct cg_limit_write *more = reallocarray(p->write, p->count + 1, sizeof(*more)), *w;

	if (!more)
		return cg_error_oom(err);
	p->write = more;
	w = &more[p->count];
	*w = (struct cg_limit_write){knob, cg_arena_string(&p->arena, file),
		{cg_arena_copy(&p->arena, value.data, value.len), value.len}, (uint16_t)hierarchy};
	if (!w->file || !w->value.data)
		return cg_error_oom(err);
	p->count++;
	p->where |= 1u << hierarchy;
	return 0;
}

/* All entries of a name, a line each; false when there is none. */
static bool gather(const struct cg_strings *limits, const char *name, struct cg_text *t)
{
	size_t len = strlen(name);

	for (const char *p = cg_strings_next(limits, NULL); p; p = cg_strings_next(limits, p)) {
		if (strncmp(p, name, len) != 0 || p[len] != '=')
			continue;
		if (t->len)
			cg_text_addc(t, '\n');
		cg_text_adds(t, p + len + 1);
	}
	return t->len > 0;
}

static int no_place(const char *name, const char *why, struct cg_error **err)
{
	int r = cg_error_make(err, CG_FAULT_SYSTEM, EOPNOTSUPP, "this host cannot hold it: %s", why);

	cg_error_at(err, NULL, name);
	cg_error_hint(err,
		"leave the limit out, or run the job where the controller is given to the manager's group");
	return r;
}

static int add_translated(struct maker *m, const struct cg_translation *row, const char *name,
	const struct cg_translated *t, struct cg_error **err)
{
	bool any = false;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < CG_TRANSLATION_KNOBS; i++) {
		_cleanup_text_ struct cg_text file = {0};
		const struct cg_knob *knob;
		int at;

		if (!t->has[i] || !row->knob[0][i])
			continue;
		cg_translation_name(row, 1, i, name, &file);
		if (file.failed || t->text[i].failed)
			return cg_error_oom(err);
		knob = cg_knob_find(file.data, 1);
		at = knob ? cg_host_find(m->h, m->id, 1, knob->controller) : -1;
		if (at < 0)
			return no_place(name, "no hierarchy of ours has its controller", err);
		any = true;
		r = add_write(
			m, at, knob, file.data, (struct cg_bytes){t->text[i].data, t->text[i].len}, err);
	}
	if (r == 0 && !any)
		return no_place(name, row->why ? row->why : "cgroup v1 has nothing of the kind", err);
	return r;
}

/* Knobs of one row are translated together: the first that was given stands for all. */
static bool is_first(const struct maker *m, const struct cg_translation *row, const char *name)
{
	for (const char *p = cg_strings_next(m->limits, NULL); p; p = cg_strings_next(m->limits, p)) {
		_cleanup_free_ char *other = strndup(p, strcspn(p, "="));
		const struct cg_knob *k = other ? cg_knob_find(other, 2) : NULL;
		unsigned index;

		if (k && cg_translation_find(k, 2, &index) == row)
			return strcmp(other, name) == 0;
	}
	return true;
}

static int translate(struct maker *m, const struct cg_knob *knob, const char *name, struct cg_error **err)
{
	_cleanup_translated_ struct cg_translated out = {0};
	struct cg_text given[CG_TRANSLATION_KNOBS] = {{0}};
	struct cg_translate_options options = {.page_size = m->page_size};
	struct cg_translate t = {.from = 2, .to = 1, .name = name, .options = &options};
	struct cg_values in = {{{NULL, 0}}};
	unsigned index = 0;
	int r = 0;

	t.row = cg_translation_find(knob, 2, &index);
	if (!t.row || t.row->class == CG_TRANSLATION_NONE)
		return no_place(
			name, t.row && t.row->why ? t.row->why : "cgroup v1 has nothing of the kind", err);
	if (!is_first(m, t.row, name))
		return 0;
	options.soft_is_high = cg_limits_value(m->limits, cg_known_limit_name(CG_LIMIT_MEMORY_HIGH)) != NULL;
	for (unsigned i = 0; i < CG_TRANSLATION_KNOBS; i++) {
		_cleanup_text_ struct cg_text sibling = {0};

		if (!t.row->knob[1][i])
			continue;
		cg_translation_name(t.row, 2, i, name, &sibling);
		if (!sibling.failed && gather(m->limits, sibling.data, &given[i]))
			in.value[i] = (struct cg_bytes){given[i].data, given[i].len};
	}
	r = cg_translate(&t, &in, &out, err);
	r = r < 0 ? r : add_translated(m, t.row, name, &out, err);
	if (r == 0 && t.row->class == CG_TRANSLATION_LOSSY)
		cg_text_printf(&m->plan->note, "%s: %s\n", name,
			t.row->why ? t.row->why : "v1 means something else");
	for (unsigned i = 0; i < CG_TRANSLATION_KNOBS; i++)
		cg_text_free(&given[i]);
	if (r < 0)
		cg_error_at(err, NULL, name);
	return r;
}

static int add_limit(struct maker *m, const char *limit, const char *first, struct cg_error **err)
{
	_cleanup_free_ char *name = strndup(limit, strcspn(limit, "="));
	_cleanup_text_ struct cg_text value = {0};
	const struct cg_knob *knob = name ? cg_knob_find(name, 2) : NULL;
	int at;

	if (!knob)
		return cg_error_oom(err);
	/* Entries of a keyed setting go together, with the first. */
	if (first != limit)
		return 0;
	at = cg_host_find(m->h, m->id, 2, knob->controller);
	if (at < 0)
		return translate(m, knob, name, err);
	if (!gather(m->limits, name, &value) || value.failed)
		return cg_error_oom(err);
	return add_write(m, at, knob, name, (struct cg_bytes){value.data, value.len}, err);
}

static const char *first_of(const struct cg_strings *limits, const char *limit)
{
	size_t len = strcspn(limit, "=") + 1;

	for (const char *p = cg_strings_next(limits, NULL); p; p = cg_strings_next(limits, p))
		if (strncmp(p, limit, len) == 0)
			return p;
	return limit;
}

static int compare(const void *a, const void *b)
{
	const struct cg_limit_write *x = a, *y = b;

	if (x->hierarchy != y->hierarchy)
		return x->hierarchy < y->hierarchy ? -1 : 1;
	if (x->knob->phase != y->knob->phase)
		return x->knob->phase < y->knob->phase ? -1 : 1;
	if (x->knob->order != y->knob->order)
		return x->knob->order < y->knob->order ? -1 : 1;
	return strcmp(x->file, y->file);
}

int cg_limit_plan_make(const struct cg_host *h, const char *id, const struct cg_strings *limits,
	struct cg_limit_plan *ret, struct cg_error **err)
{
	_cleanup_limit_plan_ struct cg_limit_plan plan = {.where = h->usual};
	struct maker m = {h, id, &plan, limits, (uint64_t)sysconf(_SC_PAGESIZE)};
	int r;

	for (const char *p = cg_strings_next(limits, NULL); p; p = cg_strings_next(limits, p)) {
		r = add_limit(&m, p, first_of(limits, p), err);
		if (r < 0)
			return r;
	}
	if (plan.count > 1)
		qsort(plan.write, plan.count, sizeof(*plan.write), compare);
	*ret = plan;
	plan = (struct cg_limit_plan){0};
	return 0;
}

/* One write with its read-back. *old, when wanted, keeps what stood there. */
static int store(const struct cg_host *h, int group, const char *id, const struct cg_limit_write *w,
	struct cg_text *old, struct cg_error **err)
{
	_cleanup_buffer_ struct cg_buffer back = {0};
	_cleanup_text_ struct cg_text sent = {0}, sent_to = {0}, path = {0};
	struct cg_setting_io io = {.group = group,
		.knob = w->knob,
		.file = w->file,
		.page_size = (uint64_t)sysconf(_SC_PAGESIZE),
		.back = &back,
		.sent = &sent,
		.sent_to = &sent_to};
	struct cg_bytes from = {NULL, 0};
	const char *local = id;
	const struct cg_host_area *area = cg_host_area_of(h, id, &local);
	int r = 0;

	if (old) {
		r = cg_setting_read(&io, &back);
		cg_text_add(old, back.data, back.len);
		from = (struct cg_bytes){old->data, old->len};
	}
	r = r < 0 ? r : cg_setting_store(&io, from, w->value);
	cg_text_printf(&path, "%s/jobs/%s", area ? area->path : "", local);
	if (r == -ENOMEM || path.failed)
		return cg_error_oom(err);
	if (r < 0)
		return cg_cgroup_explain(err, group, path.data, sent_to.len ? sent_to.data : w->file,
			(struct cg_bytes){sent.data, sent.len}, "write", -r);
	if (cg_setting_agrees(&io, (struct cg_bytes){back.data, back.len}, w->value))
		return 0;
	r = cg_error_make(err, CG_FAULT_SYSTEM, EIO, "the kernel took \"%.*s\" but holds \"%.*s\"",
		(int)w->value.len, w->value.data,
		(int)cg_bytes_trim((struct cg_bytes){back.data, back.len}).len, back.data ? back.data : "");
	cg_error_at(err, path.data, w->file);
	return r;
}

/* What was changed goes back, the last first. */
static void take_back(const struct cg_host *h, const char *id, const struct cg_limit_plan *plan,
	struct cg_text *old, size_t done)
{
	while (done-- > 0) {
		struct cg_limit_write w = plan->write[done];
		_cleanup_text_ struct cg_text now = {0};
		_cleanup_error_ struct cg_error *e = NULL;
		_cleanup_close_ int group = -1;

		w.value = cg_value_setting(w.knob, (struct cg_bytes){old[done].data, old[done].len});
		if (cg_host_group(h, w.hierarchy, id, &group) < 0 || store(h, group, id, &w, &now, &e) < 0)
			continue;
	}
}

/* A limit that must stay below another of the plan rises after it (knob.h, `bound`); a new group's are all
 * lowered, and stand in that order already. */
static void order_bound(const struct cg_host *h, const char *id, const struct cg_limit_plan *plan)
{
	_cleanup_buffer_ struct cg_buffer now = {0};

	for (size_t i = 0; i < plan->count; i++) {
		struct cg_limit_write *w = &plan->write[i];
		_cleanup_close_ int group = -1;

		for (size_t j = i + 1; w->knob->bound && j < plan->count; j++) {
			struct cg_limit_write *other = &plan->write[j], swap = *w;

			if (other->hierarchy != w->hierarchy || strcmp(other->file, w->knob->bound) != 0)
				continue;
			if (cg_host_group(h, w->hierarchy, id, &group) < 0 ||
				cg_read_at(group, w->file, true, &now) < 0 ||
				cg_value_order(w->knob,
					cg_value_setting(w->knob, (struct cg_bytes){now.data, now.len}),
					w->value) >= 0)
				break;
			*w = *other;
			*other = swap;
			break;
		}
	}
}

int cg_limit_plan_apply(const struct cg_host *h, const char *id, const struct cg_limit_plan *plan, bool fresh,
	struct cg_error **err)
{
	_cleanup_free_ struct cg_text *old = calloc(plan->count + 1, sizeof(*old));
	int r = old ? 0 : cg_error_oom(err);
	size_t i;

	if (!fresh)
		order_bound(h, id, plan);
	for (i = 0; r == 0 && i < plan->count; i++) {
		_cleanup_close_ int group = -1;

		r = cg_host_group(h, plan->write[i].hierarchy, id, &group);
		if (r < 0)
			r = cg_error_errno(err, -r, "cannot open the group of the job %s", id);
		else
			r = store(h, group, id, &plan->write[i], fresh ? NULL : &old[i], err);
	}
	if (r < 0 && !fresh && i > 0)
		take_back(h, id, plan, old, i - 1);
	for (i = 0; old && i < plan->count; i++)
		cg_text_free(&old[i]);
	return r;
}
