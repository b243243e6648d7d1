/* Groups of a JSON document: see json_decode_group.h. Settings name their file; people who edit may put them
 * in any order. */
#include "image/json_decode_group.h"

#include <string.h>

static int find_column(struct cg_tree *t, const struct cg_json_at *at, const struct cg_hierarchy *h,
	uint16_t *ret, struct cg_error **err)
{
	const char *name;
	uint32_t column;
	int r = cg_json_get_text(at, "file", &t->arena, &name, err);

	if (r < 0)
		return r;
	column = cg_hierarchy_column(h, name);
	if (column == CG_NONE)
		return cg_json_bad(at, err, "the file is none of its hierarchy's columns");
	*ret = (uint16_t)column;
	return 0;
}

static int read_setting(struct cg_tree *t, const struct cg_json_at *at, const struct cg_hierarchy *h,
	struct cg_setting *ret, struct cg_error **err)
{
	static const char *const members[] = {"file", "value", NULL};
	struct cg_json_at value = {0};
	int r = cg_json_members(at, members, err);

	r = r < 0 ? r : find_column(t, at, h, &ret->column, err);
	r = r < 0 ? r : cg_json_member(at, "value", &value, err);
	if (r < 0 || json_is_null(value.value))
		return r;
	return cg_json_get_bytes(at, "value", &t->arena, &ret->value, err);
}

static int by_column(const void *a, const void *b)
{
	return (int)((const struct cg_setting *)a)->column - (int)((const struct cg_setting *)b)->column;
}

static int read_settings(
	struct cg_tree *t, const struct cg_json_at *at, struct cg_group *g, struct cg_error **err)
{
	const struct cg_hierarchy *h = &t->hierarchy[g->hierarchy];
	struct cg_json_at array = {0};
	size_t count;
	int r = cg_json_array(at, "settings", true, &array, &count, err);

	if (r < 0 || count == 0)
		return r;
	if (count > h->columns)
		return cg_json_bad(&array, err, "there are more settings than files");
	g->setting = cg_arena_array(&t->arena, count, sizeof(*g->setting));
	if (!g->setting)
		return cg_error_oom(err);
	for (; r == 0 && g->settings < count; g->settings++) {
		struct cg_json_at element = cg_json_element(&array, g->settings);

		r = read_setting(t, &element, h, &g->setting[g->settings], err);
	}
	qsort(g->setting, g->settings, sizeof(*g->setting), by_column);
	return r;
}

static int read_owner(const struct cg_json_at *at, struct cg_owner *ret, struct cg_error **err)
{
	int r = cg_json_get_u32(at, "uid", &ret->uid, err);

	r = r < 0 ? r : cg_json_get_u32(at, "gid", &ret->gid, err);
	return r < 0 ? r : cg_json_get_mode(at, "mode", &ret->mode, err);
}

static int read_file_owner(struct cg_tree *t, const struct cg_json_at *at, const struct cg_hierarchy *h,
	struct cg_file_owner *ret, struct cg_error **err)
{
	static const char *const members[] = {"file", "uid", "gid", "mode", "column", NULL};
	bool is_column = true;
	int r = cg_json_members(at, members, err);

	if (r == 0 && cg_json_has(at, "column"))
		r = cg_json_get_bool(at, "column", &is_column, err);
	if (r < 0)
		return r;
	ret->column = CG_FILE_EXTRA;
	if (is_column)
		r = find_column(t, at, h, &ret->column, err);
	else
		r = cg_json_get_text(at, "file", &t->arena, &ret->name, err);
	return r < 0 ? r : read_owner(at, &ret->owner, err);
}

static int read_file_owners(
	struct cg_tree *t, const struct cg_json_at *at, struct cg_group *g, struct cg_error **err)
{
	struct cg_json_at array = {0};
	size_t count;
	int r = cg_json_array(at, "file_owners", true, &array, &count, err);

	if (r < 0 || count == 0)
		return r;
	if (count > UINT16_MAX)
		return cg_json_bad(&array, err, "there are too many");
	g->file_owner = cg_arena_array(&t->arena, count, sizeof(*g->file_owner));
	if (!g->file_owner)
		return cg_error_oom(err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct cg_json_at element = cg_json_element(&array, i);

		r = read_file_owner(t, &element, &t->hierarchy[g->hierarchy], &g->file_owner[i], err);
	}
	g->file_owners = (uint16_t)count;
	return r;
}

static int read_xattrs(
	struct cg_tree *t, const struct cg_json_at *at, struct cg_group *g, struct cg_error **err)
{
	static const char *const members[] = {"name", "value", NULL};
	struct cg_json_at array = {0};
	size_t count;
	int r = cg_json_array(at, "xattrs", true, &array, &count, err);

	if (r < 0 || count == 0)
		return r;
	if (count > UINT16_MAX)
		return cg_json_bad(&array, err, "there are too many");
	g->xattr = cg_arena_array(&t->arena, count, sizeof(*g->xattr));
	if (!g->xattr)
		return cg_error_oom(err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct cg_json_at element = cg_json_element(&array, i);

		r = cg_json_members(&element, members, err);
		r = r < 0 ? r : cg_json_get_text(&element, "name", &t->arena, &g->xattr[i].name, err);
		r = r < 0 ? r : cg_json_get_bytes(&element, "value", &t->arena, &g->xattr[i].value, err);
	}
	g->xattrs = (uint16_t)count;
	return r;
}

static int read_program(
	struct cg_tree *t, const struct cg_json_at *at, struct cg_program *ret, struct cg_error **err)
{
	static const char *const members[] = {
		"id", "attach_type", "attach_flags", "type", "name", "tag", "instructions",
		"program_type", "gpl", NULL};
	int r = cg_json_members(at, members, err);

	r = r < 0 ? r : cg_json_get_u32(at, "id", &ret->id, err);
	r = r < 0 ? r : cg_json_get_u32(at, "attach_type", &ret->attach_type, err);
	r = r < 0 ? r : cg_json_get_u32(at, "attach_flags", &ret->attach_flags, err);
	r = r < 0 ? r : cg_json_get_text(at, "type", &t->arena, &ret->type, err);
	r = r < 0 ? r : cg_json_get_text(at, "name", &t->arena, &ret->name, err);
	r = r < 0 ? r : cg_json_get_bytes(at, "tag", &t->arena, &ret->tag, err);
	r = r < 0 ? r : cg_json_get_bytes(at, "instructions", &t->arena, &ret->instructions, err);
	if (r == 0 && cg_json_has(at, "program_type"))
		r = cg_json_get_u32(at, "program_type", &ret->program_type, err);
	if (r == 0 && cg_json_has(at, "gpl"))
		r = cg_json_get_bool(at, "gpl", &ret->gpl, err);
	return r;
}

static int read_programs(
	struct cg_tree *t, const struct cg_json_at *at, struct cg_group *g, struct cg_error **err)
{
	struct cg_json_at array = {0};
	size_t count;
	int r = cg_json_array(at, "programs", true, &array, &count, err);

	if (r < 0 || count == 0)
		return r;
	if (count > UINT16_MAX)
		return cg_json_bad(&array, err, "there are too many");
	g->program = cg_arena_array(&t->arena, count, sizeof(*g->program));
	if (!g->program)
		return cg_error_oom(err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct cg_json_at element = cg_json_element(&array, i);

		r = read_program(t, &element, &g->program[i], err);
	}
	g->programs = (uint16_t)count;
	return r;
}

static int read_ns_pids(
	struct cg_tree *t, const struct cg_json_at *at, struct cg_task *ret, struct cg_error **err)
{
	struct cg_json_at array = {0};
	int32_t *ns_pid;
	size_t count;
	int r = cg_json_array(at, "ns_pid", false, &array, &count, err);

	if (r < 0)
		return r;
	if (count > UINT8_MAX)
		return cg_json_bad(&array, err, "there are more than %d namespaces", UINT8_MAX);
	ns_pid = cg_arena_array(&t->arena, count, sizeof(*ns_pid));
	if (!ns_pid)
		return cg_error_oom(err);
	for (size_t i = 0; i < count; i++) {
		struct cg_json_at element = cg_json_element(&array, i);
		uint64_t value;

		r = cg_json_get_number_here(&element, INT32_MAX, &value, err);
		if (r < 0)
			return r;
		ns_pid[i] = (int32_t)value;
	}
	ret->ns_pid = ns_pid;
	ret->ns_count = (uint8_t)count;
	return 0;
}

static int read_task(
	struct cg_tree *t, const struct cg_json_at *at, struct cg_task *ret, struct cg_error **err)
{
	static const char *const members[] = {"pid", "tid", "start_time", "comm", "ns_pid", NULL};
	uint64_t pid = 0, tid = 0;
	int r = cg_json_members(at, members, err);

	r = r < 0 ? r : cg_json_get_number(at, "pid", INT32_MAX, &pid, err);
	r = r < 0 ? r : cg_json_get_number(at, "tid", INT32_MAX, &tid, err);
	ret->pid = (int32_t)pid;
	ret->tid = (int32_t)tid;
	r = r < 0 ? r : cg_json_get_number(at, "start_time", UINT64_MAX, &ret->start_time, err);
	r = r < 0 ? r : cg_json_get_text(at, "comm", &t->arena, &ret->comm, err);
	return r < 0 ? r : read_ns_pids(t, at, ret, err);
}

static int read_tasks(
	struct cg_tree *t, const struct cg_json_at *at, struct cg_group *g, struct cg_error **err)
{
	struct cg_json_at array = {0};
	size_t count;
	int r = cg_json_array(at, "tasks", true, &array, &count, err);

	if (r < 0 || count == 0)
		return r;
	if (count > UINT32_MAX)
		return cg_json_bad(&array, err, "there are too many");
	g->task = cg_arena_array(&t->arena, count, sizeof(*g->task));
	if (!g->task)
		return cg_error_oom(err);
	for (; r == 0 && g->tasks < count; g->tasks++) {
		struct cg_json_at element = cg_json_element(&array, g->tasks);

		r = read_task(t, &element, &g->task[g->tasks], err);
	}
	return r;
}

static int read_place(
	const struct cg_tree *t, const struct cg_json_at *at, struct cg_group *g, struct cg_error **err)
{
	uint64_t value;
	struct cg_json_at parent = {0};
	int r = cg_json_get_number(at, "hierarchy", UINT16_MAX, &value, err);

	if (r < 0)
		return r;
	if (value >= t->hierarchies)
		return cg_json_bad(at, err, "hierarchy %u does not exist", (unsigned)value);
	g->hierarchy = (uint16_t)value;
	r = cg_json_member(at, "parent", &parent, err);
	if (r < 0)
		return r;
	if (!json_is_null(parent.value)) {
		r = cg_json_get_number_here(&parent, CG_NONE - 1, &value, err);
		if (r < 0)
			return r;
		g->parent = (uint32_t)value;
	}
	return cg_json_get_u16(at, "file_set", &g->file_set, err);
}

static int read_flag(const struct cg_json_at *at, const char *key, enum cg_group_flag flag,
	struct cg_group *g, struct cg_error **err)
{
	bool set = false;
	int r = cg_json_has(at, key) ? cg_json_get_bool(at, key, &set, err) : 0;

	if (set)
		g->flags = (uint8_t)(g->flags | flag);
	return r;
}

static int read_attributes(
	struct cg_tree *t, const struct cg_json_at *at, struct cg_group *g, struct cg_error **err)
{
	static const char *const types[] = {"v1", "domain", "threaded", "domain threaded", "domain invalid"};
	static const char *const members[] = {"uid", "gid", "mode", NULL};
	struct cg_json_at owner = {0};
	unsigned type = 0;
	int r = cg_json_get_text(at, "name", &t->arena, &g->name, err);

	r = r < 0 ? r : cg_json_get_word(at, "type", types, CG_ARRAY_SIZE(types), &type, err);
	g->type = (uint8_t)type;
	r = r < 0 ? r : cg_json_member(at, "owner", &owner, err);
	r = r < 0 ? r : cg_json_members(&owner, members, err);
	r = r < 0 ? r : read_owner(&owner, &g->owner, err);
	r = r < 0 ? r : cg_json_get_u32(at, "file_uid", &g->file_uid, err);
	r = r < 0 ? r : cg_json_get_u32(at, "file_gid", &g->file_gid, err);
	r = r < 0 ? r : cg_json_get_number(at, "cgroup_id", UINT64_MAX, &g->cgroup_id, err);
	r = r < 0 ? r : read_flag(at, "sealed", CG_GROUP_SEALED, g, err);
	return r < 0 ? r : read_flag(at, "ancestor", CG_GROUP_ANCESTOR, g, err);
}

int cg_json_read_group(struct cg_tree *t, const struct cg_json_at *at, struct cg_error **err)
{
	static const char *const members[] = {"name", "hierarchy", "parent", "type", "file_set", "owner",
		"file_uid", "file_gid", "cgroup_id", "sealed", "ancestor", "settings", "file_owners",
		"xattrs", "programs", "tasks", NULL};
	uint32_t index = cg_tree_add_group(t);
	struct cg_group *g;
	int r;

	if (index == CG_NONE)
		return cg_error_oom(err);
	g = &t->group[index];
	r = cg_json_members(at, members, err);
	r = r < 0 ? r : read_place(t, at, g, err);
	r = r < 0 ? r : read_attributes(t, at, g, err);
	r = r < 0 ? r : read_settings(t, at, g, err);
	r = r < 0 ? r : read_file_owners(t, at, g, err);
	r = r < 0 ? r : read_xattrs(t, at, g, err);
	r = r < 0 ? r : read_programs(t, at, g, err);
	return r < 0 ? r : read_tasks(t, at, g, err);
}
