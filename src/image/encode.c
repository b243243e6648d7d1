/* Tree to messages: see encode.h. A field that has its default is left out, so that equal trees give equal
 * bytes and common groups few. */
#include "image/encode.h"

#include <assert.h>

static_assert((int)CGTREE__IMAGE__GROUP__TYPE__V1 == CG_TYPE_V1 &&
		      (int)CGTREE__IMAGE__GROUP__TYPE__DOMAIN == CG_TYPE_DOMAIN &&
		      (int)CGTREE__IMAGE__GROUP__TYPE__THREADED == CG_TYPE_THREADED &&
		      (int)CGTREE__IMAGE__GROUP__TYPE__DOMAIN_THREADED == CG_TYPE_DOMAIN_THREADED &&
		      (int)CGTREE__IMAGE__GROUP__TYPE__DOMAIN_INVALID == CG_TYPE_DOMAIN_INVALID,
	"group types have the format's numbers");
static_assert((int)CGTREE__IMAGE__DEVICE__KIND__BLOCK == CG_DEVICE_BLOCK &&
		      (int)CGTREE__IMAGE__DEVICE__KIND__CHAR == CG_DEVICE_CHAR &&
		      (int)CGTREE__IMAGE__DEVICE__KIND__LINK == CG_DEVICE_LINK,
	"device kinds have the format's numbers");
static_assert(CG_GROUP_SEALED == 1 && CG_GROUP_ANCESTOR == 2, "group flags have the format's numbers");

/* protobuf-c takes bytes that it only reads by a pointer that is not const. */
static ProtobufCBinaryData binary(struct cg_bytes b)
{
	return (ProtobufCBinaryData){b.len, (uint8_t *)(uintptr_t)b.data};
}

/* An optional field: with its value when that is not the default. */
#define SET(m, field, v, usual)                                                                              \
	do {                                                                                                 \
		(m)->field = (v);                                                                            \
		(m)->has_##field = (m)->field != (usual);                                                    \
	} while (0)

/* An optional text, left out when it is empty. */
#define SET_TEXT(m, field, string)                                                                           \
	do {                                                                                                 \
		(m)->field = binary(cg_bytes_of(string));                                                    \
		(m)->has_##field = (m)->field.len != 0;                                                      \
	} while (0)

/* An optional text where none and an empty one differ. */
#define SET_NULLABLE(m, field, string)                                                                       \
	do {                                                                                                 \
		(m)->field = binary(cg_bytes_of(string));                                                    \
		(m)->has_##field = (string) != NULL;                                                         \
	} while (0)

void cg_encode_inventory(const struct cg_inventory *i, Cgtree__Image__Inventory *ret)
{
	cgtree__image__inventory__init(ret);
	SET_TEXT(ret, tool, i->tool);
	SET_TEXT(ret, host, i->host);
	SET_TEXT(ret, kernel, i->kernel);
	SET_TEXT(ret, boot_id, i->boot_id);
	SET_TEXT(ret, layout, i->layout);
	SET(ret, page_size, i->page_size, 0);
	SET(ret, time, i->time, 0);
	SET(ret, freeze_window, i->freeze_window, 0);
	SET(ret, clock_ticks, i->clock_ticks, 0);
	SET(ret, members, i->members, false);
	SET(ret, members_consistent, i->members_consistent, false);
}

void cg_encode_hierarchy(const struct cg_hierarchy *h, Cgtree__Image__Hierarchy *ret)
{
	cgtree__image__hierarchy__init(ret);
	SET(ret, version, h->version, 0);
	SET_TEXT(ret, controllers, h->controllers);
	SET_NULLABLE(ret, name, h->name);
	SET_TEXT(ret, mount_options, h->mount_options);
	SET_TEXT(ret, mount_point, h->mount_point);
	SET_TEXT(ret, mount_root, h->mount_root);
}

static bool encode_columns(struct cg_scratch *s, const struct cg_hierarchy *h, Cgtree__Image__Knobs *ret)
{
	Cgtree__Image__Column *column = cg_scratch_array(s, h->columns, sizeof(*column));

	ret->column = cg_scratch_array(s, h->columns, sizeof(Cgtree__Image__Column *));
	if (!column || !ret->column)
		return false;
	for (size_t i = 0; i < h->columns; i++) {
		cgtree__image__column__init(&column[i]);
		SET_TEXT(&column[i], name, h->column[i].name);
		column[i].usual = binary(h->column[i].usual);
		column[i].has_usual = h->column[i].usual.data != NULL;
		SET(&column[i], usual_mode, h->column[i].usual_mode, 0644);
		ret->column[i] = &column[i];
	}
	ret->n_column = h->columns;
	return true;
}

static bool encode_file_sets(struct cg_scratch *s, const struct cg_hierarchy *h, Cgtree__Image__Knobs *ret)
{
	Cgtree__Image__FileSet *set = cg_scratch_array(s, h->file_sets, sizeof(*set));

	ret->file_set = cg_scratch_array(s, h->file_sets, sizeof(Cgtree__Image__FileSet *));
	if (!set || !ret->file_set)
		return false;
	for (size_t i = 0; i < h->file_sets; i++) {
		const struct cg_file_set *from = &h->file_set[i];

		cgtree__image__file_set__init(&set[i]);
		set[i].column = cg_scratch_array(s, from->count, sizeof(uint32_t));
		if (!set[i].column)
			return false;
		for (size_t c = 0; c < from->count; c++)
			set[i].column[c] = from->column[c];
		set[i].n_column = from->count;
		ret->file_set[i] = &set[i];
	}
	ret->n_file_set = h->file_sets;
	return true;
}

bool cg_encode_knobs(struct cg_scratch *s, const struct cg_hierarchy *h, Cgtree__Image__Knobs *ret)
{
	cgtree__image__knobs__init(ret);
	return encode_columns(s, h, ret) && encode_file_sets(s, h, ret);
}

static bool encode_settings(struct cg_scratch *s, const struct cg_group *g, Cgtree__Image__Group *ret)
{
	ret->setting_column = cg_scratch_array(s, g->settings, sizeof(uint32_t));
	ret->setting_value = cg_scratch_array(s, g->settings, sizeof(ProtobufCBinaryData));
	ret->unread_column = cg_scratch_array(s, g->settings, sizeof(uint32_t));
	if (!ret->setting_column || !ret->setting_value || !ret->unread_column)
		return false;
	for (uint32_t i = 0; i < g->settings; i++) {
		const struct cg_setting *setting = &g->setting[i];

		if (!setting->value.data) {
			ret->unread_column[ret->n_unread_column++] = setting->column;
			continue;
		}
		ret->setting_column[ret->n_setting_column++] = setting->column;
		ret->setting_value[ret->n_setting_value++] = binary(setting->value);
	}
	return true;
}

static bool encode_file_owners(struct cg_scratch *s, const struct cg_group *g, Cgtree__Image__Group *ret)
{
	Cgtree__Image__FileOwner *owner = cg_scratch_array(s, g->file_owners, sizeof(*owner));

	ret->file_owner = cg_scratch_array(s, g->file_owners, sizeof(Cgtree__Image__FileOwner *));
	if (!owner || !ret->file_owner)
		return false;
	for (size_t i = 0; i < g->file_owners; i++) {
		const struct cg_file_owner *from = &g->file_owner[i];

		cgtree__image__file_owner__init(&owner[i]);
		owner[i].column = from->column;
		owner[i].has_column = from->column != CG_FILE_EXTRA;
		SET_TEXT(&owner[i], name, owner[i].has_column ? NULL : from->name);
		SET(&owner[i], uid, from->owner.uid, 0);
		SET(&owner[i], gid, from->owner.gid, 0);
		SET(&owner[i], mode, from->owner.mode, 0644);
		ret->file_owner[i] = &owner[i];
	}
	ret->n_file_owner = g->file_owners;
	return true;
}

static bool encode_xattrs(struct cg_scratch *s, const struct cg_group *g, Cgtree__Image__Group *ret)
{
	Cgtree__Image__Xattr *xattr = cg_scratch_array(s, g->xattrs, sizeof(*xattr));

	ret->xattr = cg_scratch_array(s, g->xattrs, sizeof(Cgtree__Image__Xattr *));
	if (!xattr || !ret->xattr)
		return false;
	for (size_t i = 0; i < g->xattrs; i++) {
		cgtree__image__xattr__init(&xattr[i]);
		SET_TEXT(&xattr[i], name, g->xattr[i].name);
		xattr[i].value = binary(g->xattr[i].value);
		xattr[i].has_value = xattr[i].value.len != 0;
		ret->xattr[i] = &xattr[i];
	}
	ret->n_xattr = g->xattrs;
	return true;
}

static bool encode_programs(struct cg_scratch *s, const struct cg_group *g, Cgtree__Image__Group *ret)
{
	Cgtree__Image__Program *program = cg_scratch_array(s, g->programs, sizeof(*program));

	ret->program = cg_scratch_array(s, g->programs, sizeof(Cgtree__Image__Program *));
	if (!program || !ret->program)
		return false;
	for (size_t i = 0; i < g->programs; i++) {
		const struct cg_program *from = &g->program[i];

		cgtree__image__program__init(&program[i]);
		SET(&program[i], id, from->id, 0);
		SET(&program[i], attach_type, from->attach_type, 0);
		SET(&program[i], attach_flags, from->attach_flags, 0);
		SET_TEXT(&program[i], type, from->type);
		SET_TEXT(&program[i], name, from->name);
		program[i].tag = binary(from->tag);
		program[i].has_tag = from->tag.len != 0;
		program[i].instructions = binary(from->instructions);
		program[i].has_instructions = from->instructions.len != 0;
		SET(&program[i], program_type, from->program_type, 0);
		SET(&program[i], gpl, from->gpl, false);
		ret->program[i] = &program[i];
	}
	ret->n_program = g->programs;
	return true;
}

bool cg_encode_group(
	struct cg_scratch *s, const struct cg_tree *tree, uint32_t index, Cgtree__Image__Group *ret)
{
	const struct cg_group *g = &tree->group[index];

	cgtree__image__group__init(ret);
	SET_TEXT(ret, name, g->name);
	SET(ret, up, g->parent == CG_NONE ? 0 : index - g->parent, 0);
	SET(ret, hierarchy, g->hierarchy, 0);
	SET(ret, file_set, g->file_set, 0);
	SET(ret, type, (Cgtree__Image__Group__Type)g->type, CGTREE__IMAGE__GROUP__TYPE__V1);
	SET(ret, flags, g->flags, 0);
	SET(ret, cgroup_id, g->cgroup_id, 0);
	SET(ret, uid, g->owner.uid, 0);
	SET(ret, gid, g->owner.gid, 0);
	SET(ret, mode, g->owner.mode, 0755);
	SET(ret, file_uid, g->file_uid, 0);
	SET(ret, file_gid, g->file_gid, 0);
	return (!g->settings || encode_settings(s, g, ret)) &&
	       (!g->file_owners || encode_file_owners(s, g, ret)) &&
	       (!g->xattrs || encode_xattrs(s, g, ret)) && (!g->programs || encode_programs(s, g, ret));
}

static bool encode_task(struct cg_scratch *s, const struct cg_task *t, Cgtree__Image__Task *ret)
{
	cgtree__image__task__init(ret);
	SET(ret, pid, (uint32_t)t->pid, 0);
	SET(ret, tid, (uint32_t)t->tid, (uint32_t)t->pid);
	SET(ret, start_time, t->start_time, 0);
	SET_TEXT(ret, comm, t->comm);
	ret->ns_pid = cg_scratch_array(s, t->ns_count, sizeof(uint32_t));
	if (!ret->ns_pid)
		return false;
	for (size_t i = 0; i < t->ns_count; i++)
		ret->ns_pid[i] = (uint32_t)t->ns_pid[i];
	ret->n_ns_pid = t->ns_count;
	return true;
}

bool cg_encode_tasks(struct cg_scratch *s, const struct cg_group *g, Cgtree__Image__Tasks *ret)
{
	Cgtree__Image__Task *task = cg_scratch_array(s, g->tasks, sizeof(*task));

	cgtree__image__tasks__init(ret);
	ret->task = cg_scratch_array(s, g->tasks, sizeof(Cgtree__Image__Task *));
	if (!task || !ret->task)
		return false;
	for (uint32_t i = 0; i < g->tasks; i++) {
		if (!encode_task(s, &g->task[i], &task[i]))
			return false;
		ret->task[i] = &task[i];
	}
	ret->n_task = g->tasks;
	return true;
}

void cg_encode_device(const struct cg_device *d, Cgtree__Image__Device *ret)
{
	cgtree__image__device__init(ret);
	SET(ret, kind, (Cgtree__Image__Device__Kind)d->kind, CGTREE__IMAGE__DEVICE__KIND__BLOCK);
	SET_TEXT(ret, key, d->key);
	SET_TEXT(ret, name, d->name);
	SET_TEXT(ret, stable, d->stable);
}

void cg_encode_note(const struct cg_note *n, Cgtree__Image__Note *ret)
{
	cgtree__image__note__init(ret);
	SET_NULLABLE(ret, path, n->path);
	SET_NULLABLE(ret, knob, n->knob);
	SET_TEXT(ret, text, n->text);
}
