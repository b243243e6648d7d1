/* CRIU's properties of groups to columns, settings, types and owners. The catalogue tells what a file is. */
#include <errno.h>
#include <string.h>

#include "base/fdio.h"
#include "image/check.h"
#include "image/criu_import.h"
#include "model/value.h"

#define FILE_SETS_MAX 2048
#define MODE_GENERIC  0644

typedef const Cgtree__Criu__Prop prop;

static bool is_type(const struct cg_knob *knob)
{
	return knob->kind == CG_KNOB_SETTING && knob->phase == CG_PHASE_TYPE;
}

static bool is_setting(const struct cg_knob *knob)
{
	return !knob || (knob->kind == CG_KNOB_SETTING && !(knob->flags & CG_KNOB_ALIAS) && !is_type(knob));
}

struct names {
	const char *item[CG_IMAGE_COLUMNS_MAX]; /* ascending */
	size_t count;
};

static int add_name(struct names *n, const char *name, struct cg_error **err)
{
	size_t low = 0, high = n->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(n->item[middle], name);

		if (order == 0)
			return 0;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (n->count == CG_ARRAY_SIZE(n->item))
		return cg_error_corrupt(
			err, "it has a hierarchy with more than %zu interface files", n->count);
	memmove(&n->item[low + 1], &n->item[low], (n->count - low) * sizeof(n->item[0]));
	n->item[low] = name;
	n->count++;
	return 0;
}

static int add_names(struct names *n, const Cgtree__Criu__Dir *dir, int version, struct cg_error **err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < dir->n_properties; i++) {
		const char *name = dir->properties[i]->name;

		if (!cg_name_is_valid(cg_bytes_of(name)))
			return cg_error_corrupt(err, "it has an interface file with an impossible name");
		if (is_setting(cg_knob_find(name, version)))
			r = add_name(n, name, err);
	}
	return r;
}

int cg_criu_import_columns(
	struct cg_criu_importer *im, const Cgtree__Criu__Dir *const *dir, size_t count, struct cg_error **err)
{
	struct cg_hierarchy *h = &im->tree->hierarchy[im->tree->hierarchies - 1];
	struct names names = {.count = 0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_names(&names, dir[i], h->version, err);
	if (r < 0)
		return r;
	h->column = cg_criu_array(im, names.count, sizeof(*h->column));
	h->file_set = cg_criu_array(im, FILE_SETS_MAX, sizeof(*h->file_set));
	if (!h->column || !h->file_set)
		return cg_criu_no_memory(im, err);
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		struct cg_column *c = &h->column[i];
		struct cg_bytes name = cg_bytes_of(names.item[i]);

		if (!cg_budget_charge(&im->budget, name.len + 1) || !cg_arena_keep(&im->tree->arena, &name))
			return cg_criu_no_memory(im, err);
		c->name = name.data;
		c->knob = cg_knob_find(c->name, h->version);
		c->usual_mode = c->knob ? cg_knob_mode(c->knob, UINT32_MAX) : MODE_GENERIC;
		if (!c->knob)
			r = cg_criu_note(im, NULL, c->name, err,
				"is not in the catalogue; kept as it is, restored as well as the kernel takes "
				"it");
	}
	h->columns = (uint16_t)names.count;
	return r;
}

static int compare_columns(const void *key, const void *column)
{
	return strcmp(key, ((const struct cg_column *)column)->name);
}

static uint16_t column_of(const struct cg_hierarchy *h, const char *name)
{
	const struct cg_column *c =
		h->columns ? bsearch(name, h->column, h->columns, sizeof(*c), compare_columns) : NULL;

	return c ? (uint16_t)(c - h->column) : CG_FILE_EXTRA;
}

static int take_owner(const Cgtree__Criu__Perms *p, struct cg_owner *ret, struct cg_error **err)
{
	/* CRIU stores the type of the file, too. */
	if (p->mode > 0177777)
		return cg_error_corrupt(err, "it has the mode 0%o", p->mode);
	*ret = (struct cg_owner){p->uid, p->gid, (uint16_t)(p->mode & 07777)};
	return 0;
}

/* A group while its properties are gone through, which are sorted by name. */
struct filling {
	struct cg_criu_importer *im;
	struct cg_group *group;
	struct cg_hierarchy *hierarchy;
	const char *path;
	uint16_t *column; /* those it has, ascending */
	uint16_t columns;
};

static int compare_props(const void *a, const void *b)
{
	return strcmp((*(prop *const *)a)->name, (*(prop *const *)b)->name);
}

/* Controllers that share a hierarchy each bring the files that all groups have: CRIU lists them twice. */
static int drop_doubles(prop **list, size_t *count, struct cg_error **err)
{
	size_t kept = 0;

	for (size_t i = 0; i < *count; i++) {
		if (!kept || strcmp(list[kept - 1]->name, list[i]->name) != 0)
			list[kept++] = list[i];
		else if (strcmp(list[kept - 1]->value, list[i]->value) != 0)
			return cg_error_corrupt(err, "it has a file with two values");
	}
	*count = kept;
	return 0;
}

/* The value as settings are kept: with what is cut from it nothing more is to be cut. */
static struct cg_bytes setting_of(const struct cg_knob *knob, const char *value)
{
	struct cg_bytes v = cg_bytes_of(value), before;

	do {
		before = v;
		v = cg_value_setting(knob, v);
	} while (v.data != before.data || v.len != before.len);
	return v;
}

static int take_setting(struct filling *f, uint16_t column, prop *p, struct cg_error **err)
{
	struct cg_column *c = &f->hierarchy->column[column];
	struct cg_bytes value = setting_of(c->knob, p->value);
	bool first = !c->usual.data;

	f->column[f->columns++] = column;
	if (strlen(p->value) >= CG_CRIU_VALUE_MAX) {
		int r = cg_criu_note(f->im, f->path, c->name, err,
			"is %zu bytes long, and CRIU cuts values at %d: it may have gone on",
			strlen(p->value), CG_CRIU_VALUE_MAX);

		if (r < 0)
			return r;
	}
	if (!first && cg_bytes_equal(value, c->usual))
		return 0;
	if (!cg_budget_charge(&f->im->budget, value.len + 1) || !cg_arena_keep(&f->im->tree->arena, &value))
		return cg_criu_no_memory(f->im, err);
	if (first)
		c->usual = value;
	else
		f->group->setting[f->group->settings++] = (struct cg_setting){column, value};
	return 0;
}

static int take_type(struct filling *f, prop *p, struct cg_error **err)
{
	for (int type = CG_TYPE_DOMAIN; type <= CG_TYPE_DOMAIN_INVALID; type++) {
		if (cg_bytes_is(setting_of(NULL, p->value), cg_group_type_name(type))) {
			f->group->type = (uint8_t)type;
			return 0;
		}
	}
	return cg_error_corrupt(err, "it has a group of an unknown type");
}

/* What is no setting: the type of a group, the files that list tasks (for their owners), and what a restore
 * could do nothing with. */
static int take_other(struct filling *f, const struct cg_knob *knob, prop *p, struct cg_error **err)
{
	if (is_type(knob))
		return take_type(f, p, err);
	if (knob->kind == CG_KNOB_MEMBERSHIP)
		return 0;
	return cg_criu_note(f->im, f->path, p->name, err,
		"is no setting by the catalogue: its value and owner are left out");
}

static int add_file_owner(
	struct filling *f, uint16_t column, prop *p, struct cg_owner owner, struct cg_error **err)
{
	struct cg_bytes name = cg_bytes_of(p->name);
	struct cg_group *g = f->group;

	g->file_owner[g->file_owners] = (struct cg_file_owner){column, NULL, owner};
	if (column == CG_FILE_EXTRA) {
		if (!cg_budget_charge(&f->im->budget, name.len + 1) ||
			!cg_arena_keep(&f->im->tree->arena, &name))
			return cg_criu_no_memory(f->im, err);
		g->file_owner[g->file_owners].name = name.data;
	}
	g->file_owners++;
	return 0;
}

static bool keeps_owner(const struct filling *f, uint16_t column, const char *name)
{
	const struct cg_knob *knob;

	if (column != CG_FILE_EXTRA)
		return true;
	knob = cg_knob_find(name, f->hierarchy->version);
	return knob->kind == CG_KNOB_MEMBERSHIP || is_type(knob);
}

static bool is_usual(const struct filling *f, uint16_t column, struct cg_owner o)
{
	return column != CG_FILE_EXTRA && o.uid == f->group->file_uid && o.gid == f->group->file_gid &&
	       o.mode == f->hierarchy->column[column].usual_mode;
}

/* The owner of the first setting's file is taken for that of all; what differs is an exception, and so is
 * each file that lists tasks or tells the type, for it has no column. Columns come first. */
static int take_owners(struct filling *f, prop *const *list, size_t count, struct cg_error **err)
{
	bool known = false;
	int r = 0;

	f->group->file_owner = cg_criu_array(f->im, count, sizeof(*f->group->file_owner));
	if (!f->group->file_owner)
		return cg_criu_no_memory(f->im, err);
	for (size_t i = 0; r == 0 && i < 2 * count; i++) {
		prop *p = list[i % count];
		uint16_t column = column_of(f->hierarchy, p->name);
		struct cg_owner owner = {0};

		if ((column == CG_FILE_EXTRA) != (i >= count) || !keeps_owner(f, column, p->name))
			continue;
		if (!p->perms) {
			f->im->ruleless += column != CG_FILE_EXTRA;
			continue;
		}
		r = take_owner(p->perms, &owner, err);
		if (r < 0)
			return r;
		if (!known && column != CG_FILE_EXTRA) {
			f->group->file_uid = owner.uid;
			f->group->file_gid = owner.gid;
			known = true;
		}
		if (!is_usual(f, column, owner))
			r = add_file_owner(f, column, p, owner, err);
	}
	return r;
}

/* Groups with the same files share a set; neighbours mostly do, so the newest are tried first. */
static int take_file_set(struct filling *f, struct cg_error **err)
{
	struct cg_hierarchy *h = f->hierarchy;
	size_t size = f->columns * sizeof(*f->column);
	uint16_t *column;

	for (uint16_t i = h->file_sets; i-- > 0;) {
		if (h->file_set[i].count == f->columns &&
			(size == 0 || memcmp(h->file_set[i].column, f->column, size) == 0)) {
			f->group->file_set = i;
			return 0;
		}
	}
	if (h->file_sets == FILE_SETS_MAX)
		return cg_error_corrupt(err,
			"it has a hierarchy with more than %d different sets of interface files",
			FILE_SETS_MAX);
	column = cg_criu_array(f->im, f->columns, sizeof(*column));
	if (!column)
		return cg_criu_no_memory(f->im, err);
	if (size)
		memcpy(column, f->column, size);
	f->group->file_set = h->file_sets;
	h->file_set[h->file_sets++] = (struct cg_file_set){column, f->columns};
	return 0;
}

static int take_props(struct filling *f, prop *const *list, size_t count, struct cg_error **err)
{
	int r = 0;

	f->group->setting = cg_criu_array(f->im, count, sizeof(*f->group->setting));
	if (!f->group->setting)
		return cg_criu_no_memory(f->im, err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		uint16_t column = column_of(f->hierarchy, list[i]->name);

		if (column != CG_FILE_EXTRA)
			r = take_setting(f, column, list[i], err);
		else
			r = take_other(f, cg_knob_find(list[i]->name, f->hierarchy->version), list[i], err);
	}
	r = r < 0 ? r : take_file_set(f, err);
	return r < 0 ? r : take_owners(f, list, count, err);
}

static int fill(struct filling *f, const Cgtree__Criu__Dir *dir, struct cg_error **err)
{
	size_t count = dir->n_properties;
	prop **list = cg_scratch_array(&f->im->scratch, count, sizeof(prop *));
	int r;

	f->column = cg_scratch_array(&f->im->scratch, count, sizeof(*f->column));
	if (!list || !f->column)
		return cg_criu_no_memory(f->im, err);
	for (size_t i = 0; i < count; i++)
		list[i] = dir->properties[i];
	if (count)
		qsort(list, count, sizeof(prop *), compare_props);
	r = drop_doubles(list, &count, err);
	return r < 0 ? r : take_props(f, list, count, err);
}

int cg_criu_import_group(
	struct cg_criu_importer *im, uint32_t group, const Cgtree__Criu__Dir *dir, struct cg_error **err)
{
	static const Cgtree__Criu__Dir nothing = CGTREE__CRIU__DIR__INIT;
	_cleanup_text_ struct cg_text path = {0};
	struct filling f = {
		.im = im,
		.group = &im->tree->group[group],
		.hierarchy = &im->tree->hierarchy[im->tree->hierarchies - 1],
	};
	int r = 0;

	cg_group_path(im->tree, group, &path);
	if (path.failed)
		return cg_error_oom(err);
	f.path = path.data;
	if (dir && dir->dir_perms)
		r = take_owner(dir->dir_perms, &f.group->owner, err);
	else if (dir)
		im->ownerless++;
	r = r < 0 ? r : fill(&f, dir ? dir : &nothing, err);
	if (r < 0)
		cg_error_at(err, path.data, NULL);
	return r;
}
