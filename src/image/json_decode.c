/* The JSON document "cgtree.image/1" back to a tree: everything but groups, which are in json_decode_group.c.
 */
#include <errno.h>
#include <string.h>

#include "image/check.h"
#include "image/frame.h"
#include "image/json.h"
#include "image/json_decode_group.h"
#include "image/json_read.h"

static int read_inventory(struct cg_tree *t, const struct cg_json_at *document, struct cg_error **err)
{
	static const char *const members[] = {"tool", "host", "kernel", "boot_id", "layout", "page_size",
		"time", "freeze_window", "clock_ticks", "members", "members_consistent", NULL};
	struct cg_inventory *i = &t->inventory;
	struct cg_arena *a = &t->arena;
	struct cg_json_at at = {0};
	int r = cg_json_member(document, "inventory", &at, err);

	r = r < 0 ? r : cg_json_members(&at, members, err);
	r = r < 0 ? r : cg_json_get_text(&at, "tool", a, &i->tool, err);
	r = r < 0 ? r : cg_json_get_text(&at, "host", a, &i->host, err);
	r = r < 0 ? r : cg_json_get_text(&at, "kernel", a, &i->kernel, err);
	r = r < 0 ? r : cg_json_get_text(&at, "boot_id", a, &i->boot_id, err);
	r = r < 0 ? r : cg_json_get_text(&at, "layout", a, &i->layout, err);
	r = r < 0 ? r : cg_json_get_number(&at, "page_size", UINT64_MAX, &i->page_size, err);
	r = r < 0 ? r : cg_json_get_number(&at, "time", UINT64_MAX, &i->time, err);
	r = r < 0 ? r : cg_json_get_number(&at, "freeze_window", UINT64_MAX, &i->freeze_window, err);
	r = r < 0 ? r : cg_json_get_number(&at, "clock_ticks", UINT64_MAX, &i->clock_ticks, err);
	r = r < 0 ? r : cg_json_get_bool(&at, "members", &i->members, err);
	return r < 0 ? r : cg_json_get_bool(&at, "members_consistent", &i->members_consistent, err);
}

static int read_columns(
	struct cg_tree *t, const struct cg_json_at *at, struct cg_hierarchy *h, struct cg_error **err)
{
	static const char *const members[] = {"name", "usual", "mode", NULL};
	struct cg_json_at array = {0};
	size_t count;
	int r = cg_json_array(at, "columns", false, &array, &count, err);

	if (r < 0)
		return r;
	if (count > CG_IMAGE_COLUMNS_MAX)
		return cg_json_bad(&array, err, "there are more than %d files", CG_IMAGE_COLUMNS_MAX);
	h->column = cg_arena_array(&t->arena, count, sizeof(*h->column));
	if (!h->column)
		return cg_error_oom(err);
	for (; r == 0 && h->columns < count; h->columns++) {
		struct cg_json_at element = cg_json_element(&array, h->columns);
		struct cg_column *c = &h->column[h->columns];

		r = cg_json_members(&element, members, err);
		r = r < 0 ? r : cg_json_get_text(&element, "name", &t->arena, &c->name, err);
		r = r < 0 ? r : cg_json_get_mode(&element, "mode", &c->usual_mode, err);
		if (r == 0 && cg_json_has(&element, "usual"))
			r = cg_json_get_bytes(&element, "usual", &t->arena, &c->usual, err);
		if (r == 0)
			c->knob = cg_knob_find(c->name, h->version);
	}
	return r;
}

static int read_file_set(
	struct cg_tree *t, const struct cg_json_at *array, struct cg_file_set *ret, struct cg_error **err)
{
	size_t count = json_array_size(array->value);
	uint16_t *column;

	if (!json_is_array(array->value) || count > CG_IMAGE_COLUMNS_MAX)
		return cg_json_bad(
			array, err, "an array of at most %d numbers is expected", CG_IMAGE_COLUMNS_MAX);
	column = cg_arena_array(&t->arena, count, sizeof(*column));
	if (!column)
		return cg_error_oom(err);
	for (size_t i = 0; i < count; i++) {
		struct cg_json_at element = cg_json_element(array, i);
		uint64_t value;
		int r = cg_json_get_number_here(&element, CG_IMAGE_COLUMNS_MAX, &value, err);

		if (r < 0)
			return r;
		column[i] = (uint16_t)value;
	}
	*ret = (struct cg_file_set){column, (uint16_t)count};
	return 0;
}

static int read_file_sets(
	struct cg_tree *t, const struct cg_json_at *at, struct cg_hierarchy *h, struct cg_error **err)
{
	struct cg_json_at array = {0};
	size_t count;
	int r = cg_json_array(at, "file_sets", false, &array, &count, err);

	if (r < 0)
		return r;
	if (count > UINT16_MAX)
		return cg_json_bad(&array, err, "there are more than %d file sets", UINT16_MAX);
	h->file_set = cg_arena_array(&t->arena, count, sizeof(*h->file_set));
	if (!h->file_set)
		return cg_error_oom(err);
	for (; r == 0 && h->file_sets < count; h->file_sets++) {
		struct cg_json_at element = cg_json_element(&array, h->file_sets);

		r = read_file_set(t, &element, &h->file_set[h->file_sets], err);
	}
	return r;
}

static int read_hierarchy(struct cg_tree *t, const struct cg_json_at *at, struct cg_error **err)
{
	static const char *const members[] = {"version", "controllers", "name", "mount_options",
		"mount_point", "mount_root", "columns", "file_sets", NULL};
	uint32_t index = cg_tree_add_hierarchy(t);
	struct cg_hierarchy *h;
	uint64_t version;
	int r;

	if (index == CG_NONE)
		return cg_error_oom(err);
	h = &t->hierarchy[index];
	r = cg_json_members(at, members, err);
	r = r < 0 ? r : cg_json_get_number(at, "version", 2, &version, err);
	if (r == 0)
		h->version = (uint8_t)version;
	r = r < 0 ? r : cg_json_get_text(at, "controllers", &t->arena, &h->controllers, err);
	if (r == 0 && cg_json_has(at, "name"))
		r = cg_json_get_text(at, "name", &t->arena, &h->name, err);
	r = r < 0 ? r : cg_json_get_text(at, "mount_options", &t->arena, &h->mount_options, err);
	r = r < 0 ? r : cg_json_get_text(at, "mount_point", &t->arena, &h->mount_point, err);
	r = r < 0 ? r : cg_json_get_text(at, "mount_root", &t->arena, &h->mount_root, err);
	r = r < 0 ? r : read_columns(t, at, h, err);
	return r < 0 ? r : read_file_sets(t, at, h, err);
}

static int read_device(struct cg_tree *t, const struct cg_json_at *at, struct cg_error **err)
{
	static const char *const members[] = {"kind", "key", "name", "stable", NULL};
	static const char *const kinds[] = {"block", "char", "link"};
	uint32_t index = cg_tree_add_device(t);
	struct cg_device *d;
	unsigned kind;
	int r;

	if (index == CG_NONE)
		return cg_error_oom(err);
	d = &t->device[index];
	r = cg_json_members(at, members, err);
	r = r < 0 ? r : cg_json_get_word(at, "kind", kinds, CG_ARRAY_SIZE(kinds), &kind, err);
	if (r == 0)
		d->kind = (enum cg_device_kind)kind;
	r = r < 0 ? r : cg_json_get_text(at, "key", &t->arena, &d->key, err);
	r = r < 0 ? r : cg_json_get_text(at, "name", &t->arena, &d->name, err);
	return r < 0 ? r : cg_json_get_text(at, "stable", &t->arena, &d->stable, err);
}

static int read_note(struct cg_tree *t, const struct cg_json_at *at, struct cg_error **err)
{
	static const char *const members[] = {"path", "knob", "text", NULL};
	const char *path = NULL, *knob = NULL, *text;
	int r = cg_json_members(at, members, err);

	if (r == 0 && cg_json_has(at, "path"))
		r = cg_json_get_text(at, "path", &t->arena, &path, err);
	if (r == 0 && cg_json_has(at, "knob"))
		r = cg_json_get_text(at, "knob", &t->arena, &knob, err);
	r = r < 0 ? r : cg_json_get_text(at, "text", &t->arena, &text, err);
	if (r < 0)
		return r;
	return cg_tree_add_note(t, path, knob, "%s", text) ? 0 : cg_error_oom(err);
}

static int read_extra(struct cg_tree *t, const struct cg_json_at *at, struct cg_error **err)
{
	static const char *const members[] = {"type", "flags", "payload", NULL};
	uint32_t index = cg_tree_add_extra(t);
	struct cg_extra *e;
	int r;

	if (index == CG_NONE)
		return cg_error_oom(err);
	e = &t->extra[index];
	r = cg_json_members(at, members, err);
	r = r < 0 ? r : cg_json_get_u16(at, "type", &e->type, err);
	r = r < 0 ? r : cg_json_get_u16(at, "flags", &e->flags, err);
	return r < 0 ? r : cg_json_get_bytes(at, "payload", &t->arena, &e->payload, err);
}

typedef int read_fn(struct cg_tree *t, const struct cg_json_at *at, struct cg_error **err);

static int read_each(struct cg_tree *t, const struct cg_json_at *document, const char *key, read_fn *fn,
	struct cg_error **err)
{
	struct cg_json_at array = {0};
	size_t count;
	int r = cg_json_array(document, key, false, &array, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		struct cg_json_at element = cg_json_element(&array, i);

		r = fn(t, &element, err);
	}
	return r;
}

static int check_schema(const struct cg_json_at *document, struct cg_error **err)
{
	static const char *const members[] = {
		"schema", "inventory", "hierarchies", "groups", "devices", "notes", "extra_records", NULL};
	const json_t *schema = json_object_get(document->value, "schema");

	if (!json_is_string(schema) || strncmp(json_string_value(schema), "cgtree.image/", 13) != 0)
		return cg_json_bad(document, err, "this is no image: its schema is not cgtree.image/1");
	if (strcmp(json_string_value(schema), "cgtree.image/1") != 0)
		return cg_error_make(err, CG_FAULT_UNSUPPORTED, ENOTSUP,
			"the schema is of another version than cgtree.image/1, which this program reads");
	return cg_json_members(document, members, err);
}

static int read_document(struct cg_tree *t, const struct cg_json_at *document, struct cg_error **err)
{
	int r = check_schema(document, err);

	r = r < 0 ? r : read_inventory(t, document, err);
	r = r < 0 ? r : read_each(t, document, "hierarchies", read_hierarchy, err);
	r = r < 0 ? r : read_each(t, document, "groups", cg_json_read_group, err);
	r = r < 0 ? r : read_each(t, document, "devices", read_device, err);
	r = r < 0 ? r : read_each(t, document, "notes", read_note, err);
	r = r < 0 ? r : read_each(t, document, "extra_records", read_extra, err);
	r = r < 0 ? r : cg_image_check(t, err);
	return r < 0 ? r : cg_tree_link(t, err);
}

int cg_json_to_tree(struct cg_bytes json, struct cg_tree **ret, struct cg_error **err)
{
	_cleanup_tree_ struct cg_tree *t = cg_tree_new();
	struct cg_json_at document = {0};
	json_error_t trouble;
	json_t *parsed;
	int r;

	if (!t)
		return cg_error_oom(err);
	parsed = json_loadb(json.len ? json.data : "", json.len, JSON_REJECT_DUPLICATES, &trouble);
	if (!parsed) {
		r = cg_error_corrupt(err, "this is no JSON: line %d, column %d: %s", trouble.line,
			trouble.column, trouble.text);
		if (json.len && json.data[0] == CG_FRAME_MAGIC[0])
			cg_error_hint(err, "it looks like an image, which needs no encoding");
		return r;
	}
	document.value = parsed;
	r = read_document(t, &document, err);
	json_decref(parsed);
	if (r == 0)
		*ret = cg_steal(t);
	return r;
}
