/* What a name given by a person means here. See assign.h; assign_apply.c writes, assign_read.c reads. */
#include "engine/assign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fdio.h"
#include "model/value.h"

void cg_assigns_free(struct cg_assigns *a)
{
	cg_arena_free(&a->arena);
	free(a->item);
	a->item = NULL;
	a->count = a->room = 0;
}

static struct cg_assign *add_item(struct cg_assigns *a)
{
	struct cg_assign *item;

	if (a->count == a->room) {
		size_t room = a->room ? 2 * a->room : 8;
		struct cg_assign *more = reallocarray(a->item, room, sizeof(*more));

		if (!more)
			return NULL;
		a->item = more;
		a->room = room;
	}
	item = &a->item[a->count];
	*item = (struct cg_assign){.in = cg_arena_array(&a->arena, a->live->count + 1, sizeof(bool))};
	return item->in ? &a->item[a->count++] : NULL;
}

static bool is_asked_for(const struct cg_assigns *a, size_t i)
{
	return cg_live_matches(&a->live->item[i], a->target->hierarchy);
}

/* Whether the group is there, or is about to be. */
static int has_group(const struct cg_assigns *a, size_t i, const bool *making, struct cg_error **err)
{
	if (making && making[i])
		return 1;
	return cg_edit_exists(&a->live->item[i], a->target->path, err);
}

/* The hierarchies that have this file by their own name for it. `found`: how many there are, whether or not
 * the group is in them. */
static int find_native(struct cg_assigns *a, struct cg_assign *item, const bool *making, size_t *ret_found,
	struct cg_error **err)
{
	*ret_found = 0;
	for (size_t i = 0; i < a->live->count; i++) {
		const struct cg_live_hierarchy *h = &a->live->item[i];
		const struct cg_knob *knob = cg_knob_find(item->file, h->version);
		int r;

		if (!is_asked_for(a, i) || !knob || !cg_knob_is_of(knob, h->controllers))
			continue;
		r = has_group(a, i, making, err);
		if (r < 0)
			return r;
		++*ret_found;
		item->knob = knob;
		item->version = h->version;
		item->in[i] = r > 0;
	}
	return 0;
}

/* A file that the catalogue does not know, by looking. */
static int find_unknown(
	struct cg_assigns *a, struct cg_assign *item, size_t *ret_found, struct cg_error **err)
{
	*ret_found = 0;
	if (!cg_name_is_valid(cg_bytes_of(item->file)))
		return 0;
	for (size_t i = 0; i < a->live->count; i++) {
		const struct cg_live_hierarchy *h = &a->live->item[i];
		const char *below = cg_path_below(h->mount_root, a->target->path);
		_cleanup_close_ int fd = -1;
		struct stat st;
		int r;

		if (!is_asked_for(a, i) || !below)
			continue;
		r = cg_open_beneath(h->fd, below, O_PATH | O_DIRECTORY, &fd);
		if (r < 0 && r != -ENOENT)
			return cg_error_errno(err, -r, "cannot look at the group");
		if (r < 0 || fstatat(fd, item->file, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		item->version = h->version;
		item->in[i] = true;
		++*ret_found;
	}
	return 0;
}

static bool holds_row(const struct cg_live_hierarchy *h, const struct cg_translation *row, const char *name)
{
	/* Rules are a program on v2, which any group can have. */
	if (row->form == CG_FORM_RULES)
		return h->version == 2;
	for (unsigned k = 0; k < CG_TRANSLATION_KNOBS && row->knob[h->version - 1][k]; k++) {
		_cleanup_text_ struct cg_text t = {0};
		const struct cg_knob *knob;

		cg_translation_name(row, h->version, k, name, &t);
		knob = t.failed ? NULL : cg_knob_find(t.data, h->version);
		if (knob && cg_knob_is_of(knob, h->controllers))
			return true;
	}
	return false;
}

/* The row of a name: its own, or, of a statistic, that of the limit whose use it tells. */
static const struct cg_translation *find_row(struct cg_assign *item, const struct cg_knob *knob, int version)
{
	const uint32_t flag = version == 2 ? CG_KNOB_V2 : CG_KNOB_V1;
	const struct cg_translation *row = cg_translation_find(knob, version, &item->index);
	bool adds;

	if (!row && knob && knob->kind == CG_KNOB_ACTION)
		return cg_translation_find(cg_knob_rules(knob, &adds), version, &item->index);
	if (row || !knob || knob->kind != CG_KNOB_STATISTIC)
		return row;
	for (size_t i = 0; i < cg_knob_count; i++) {
		const struct cg_knob *k = &cg_knob_table[i];

		if (!(k->flags & flag) || !k->usage || strcmp(k->usage, knob->name) != 0)
			continue;
		row = cg_translation_find(k, version, &item->index);
		if (row && item->index == 0 && row->class == CG_TRANSLATION_EXACT) {
			item->usage = true;
			return row;
		}
	}
	return NULL;
}

/* Hierarchies of the other version that have what says the same. */
static int find_translated(struct cg_assigns *a, struct cg_assign *item, const bool *making,
	size_t *ret_found, struct cg_error **err)
{
	*ret_found = 0;
	for (int version = 1; version <= 2; version++) {
		const struct cg_knob *knob = cg_knob_find(item->file, version);
		const struct cg_translation *row = find_row(item, knob, version);

		if (!row)
			continue;
		item->knob = knob;
		item->version = version;
		item->row = row;
		for (size_t i = 0; i < a->live->count; i++) {
			const struct cg_live_hierarchy *h = &a->live->item[i];
			int r;

			if (h->version == version || !is_asked_for(a, i) || !holds_row(h, row, item->file))
				continue;
			r = has_group(a, i, making, err);
			if (r < 0)
				return r;
			*ret_found += 1;
			item->in[i] = r > 0;
		}
		if (*ret_found)
			return 0;
	}
	return 0;
}

/* Whether the other version has anything that says the same. */
static bool has_counterpart(const struct cg_assign *item)
{
	return item->row->class != CG_TRANSLATION_NONE &&
	       (item->row->form == CG_FORM_RULES || item->row->knob[2 - item->version][0]);
}

static int refuse_name(struct cg_assigns *a, const struct cg_assign *item, struct cg_error **err)
{
	const struct cg_knob *known = item->knob;
	const char *near;
	int r;

	for (int version = 1; !known && version <= 2; version++)
		known = cg_knob_find(item->file, version);
	if (!known) {
		near = cg_knob_nearest(item->file);
		r = cg_error_usage(
			err, "there is no such file in this group, and it is no name that is known");
		if (near)
			cg_error_hint(err, "did you mean %s?", near);
	} else if (item->row && item->row->why && !has_counterpart(item)) {
		r = cg_error_make(err, CG_FAULT_SYSTEM, EOPNOTSUPP, "has no counterpart on this host: %s",
			item->row->why);
	} else if (a->raw && !item->row) {
		r = cg_error_usage(err, "no hierarchy here has this file");
		cg_error_hint(err, "without --raw it is translated to what this host calls it");
	} else if (a->target->hierarchy) {
		r = cg_error_usage(err, "is no file of that hierarchy");
		cg_error_hint(err, "name the group without the hierarchy");
	} else {
		r = cg_error_make(err, CG_FAULT_SYSTEM, ENODEV, "no hierarchy here has controller %s",
			known->controller[0] ? known->controller : "it");
		cg_error_hint(err, "/proc/cgroups tells whether the kernel has it");
	}
	cg_error_at(err, a->target->path, item->name);
	return r;
}

/* The group is not in any of the hierarchies that have the file. */
static int refuse_place(struct cg_assigns *a, const struct cg_assign *item, struct cg_error **err)
{
	const int version = item->row ? 3 - item->version : item->version;
	_cleanup_text_ struct cg_text label = {0};
	int r;

	for (size_t i = 0; i < a->live->count && !label.len; i++) {
		const struct cg_live_hierarchy *h = &a->live->item[i];

		if (h->version == version && is_asked_for(a, i) &&
			(item->row ? holds_row(h, item->row, item->file)
				   : item->knob && cg_knob_is_of(item->knob, h->controllers)))
			cg_live_label(h, &label);
	}
	r = cg_error_make(err, CG_FAULT_SYSTEM, ENOENT,
		"there is no such group in hierarchy %s, which has this file",
		label.len && !label.failed ? label.data : "(another)");
	cg_error_at(err, a->target->path, item->name);
	cg_error_hint(err, "make it with: cgtree create %s --controllers %s", a->target->path,
		item->knob && item->knob->controller[0] ? item->knob->controller : "LIST");
	return r;
}

static bool is_anywhere(const struct cg_assigns *a, const struct cg_assign *item)
{
	for (size_t i = 0; i < a->live->count; i++)
		if (item->in[i])
			return true;
	return false;
}

static int resolve(struct cg_assigns *a, struct cg_assign *item, const bool *making, struct cg_error **err)
{
	size_t found = 0;
	int r = find_native(a, item, making, &found, err);

	if (r == 0 && !found)
		r = find_unknown(a, item, &found, err);
	if (r == 0 && !found && !a->raw)
		r = find_translated(a, item, making, &found, err);
	if (r < 0)
		return r;
	if (!found)
		return refuse_name(a, item, err);
	return is_anywhere(a, item) ? 0 : refuse_place(a, item, err);
}

/* "cpu" alone stands for the file that gives a share of a cpu. */
static void name_file(struct cg_assign *item)
{
	const struct cg_knob *quota = strchr(item->name, '.') ? NULL : cg_knob_quota(item->name);

	item->file = quota ? quota->name : item->name;
}

int cg_assigns_add(struct cg_assigns *a, const char *text, const bool *making, struct cg_error **err)
{
	const char *equals = strchr(text, '=');
	struct cg_assign *item;
	int r;

	if (!equals || equals == text) {
		_cleanup_text_ struct cg_text shown = {0};

		cg_text_escape(&shown, cg_bytes_of(text));
		return cg_error_usage(
			err, "\"%s\": KNOB=VALUE is wanted", shown.data && !shown.failed ? shown.data : "");
	}
	item = add_item(a);
	if (!item)
		return cg_error_oom(err);
	item->name = cg_arena_copy(&a->arena, text, (size_t)(equals - text));
	item->words = cg_bytes_of(equals + 1);
	if (!item->name)
		return cg_error_oom(err);
	name_file(item);
	r = resolve(a, item, making, err);
	if (r == 0 && item->words.len == 0 && item->knob && item->knob->grammar != CG_GRAMMAR_LIST &&
		item->knob->grammar != CG_GRAMMAR_CONTROLLERS && !cg_value_has_parts(item->knob)) {
		r = cg_error_usage(err, "the value is empty");
		cg_error_at(err, a->target->path, item->name);
	}
	return r;
}

int cg_assigns_add_name(struct cg_assigns *a, const char *name, struct cg_error **err)
{
	struct cg_assign *item = add_item(a);

	if (!item)
		return cg_error_oom(err);
	item->name = name;
	name_file(item);
	return resolve(a, item, NULL, err);
}
