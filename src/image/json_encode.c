/* A tree as the JSON document "cgtree.image/1": docs/FORMAT.md describes it. What is empty or usual may be
 * left out there only where json_decode.c puts the same back. */
#include "image/check.h"
#include "image/json.h"
#include "image/json_write.h"

static void write_owner(struct cg_json *j, const struct cg_owner *o)
{
	cg_json_number(j, "uid", o->uid);
	cg_json_number(j, "gid", o->gid);
	cg_json_mode(j, "mode", o->mode);
}

static void write_inventory(struct cg_json *j, const struct cg_inventory *i)
{
	cg_json_open(j, "inventory", '{', false);
	cg_json_text(j, "tool", i->tool);
	cg_json_text(j, "host", i->host);
	cg_json_text(j, "kernel", i->kernel);
	cg_json_text(j, "boot_id", i->boot_id);
	cg_json_text(j, "layout", i->layout);
	cg_json_number(j, "page_size", i->page_size);
	cg_json_number(j, "time", i->time);
	cg_json_number(j, "freeze_window", i->freeze_window);
	cg_json_number(j, "clock_ticks", i->clock_ticks);
	cg_json_bool(j, "members", i->members);
	cg_json_bool(j, "members_consistent", i->members_consistent);
	cg_json_close(j, '}');
}

static void write_column(struct cg_json *j, const struct cg_column *c)
{
	cg_json_open(j, NULL, '{', true);
	cg_json_text(j, "name", c->name);
	if (c->usual.data)
		cg_json_bytes(j, "usual", c->usual);
	cg_json_mode(j, "mode", c->usual_mode);
	cg_json_close(j, '}');
}

static void write_hierarchy(struct cg_json *j, const struct cg_hierarchy *h)
{
	cg_json_open(j, NULL, '{', false);
	cg_json_number(j, "version", h->version);
	cg_json_text(j, "controllers", h->controllers);
	if (h->name)
		cg_json_text(j, "name", h->name);
	cg_json_text(j, "mount_options", h->mount_options);
	cg_json_text(j, "mount_point", h->mount_point);
	cg_json_text(j, "mount_root", h->mount_root);
	cg_json_open(j, "columns", '[', false);
	for (uint16_t i = 0; i < h->columns; i++)
		write_column(j, &h->column[i]);
	cg_json_close(j, ']');
	cg_json_open(j, "file_sets", '[', false);
	for (uint16_t i = 0; i < h->file_sets; i++) {
		cg_json_open(j, NULL, '[', true);
		for (uint16_t c = 0; c < h->file_set[i].count; c++)
			cg_json_number(j, NULL, h->file_set[i].column[c]);
		cg_json_close(j, ']');
	}
	cg_json_close(j, ']');
	cg_json_close(j, '}');
}

static void write_settings(struct cg_json *j, const struct cg_hierarchy *h, const struct cg_group *g)
{
	if (!g->settings)
		return;
	cg_json_open(j, "settings", '[', false);
	for (uint32_t i = 0; i < g->settings; i++) {
		cg_json_open(j, NULL, '{', true);
		cg_json_text(j, "file", h->column[g->setting[i].column].name);
		if (g->setting[i].value.data)
			cg_json_bytes(j, "value", g->setting[i].value);
		else
			cg_json_null(j, "value");
		cg_json_close(j, '}');
	}
	cg_json_close(j, ']');
}

static void write_file_owners(struct cg_json *j, const struct cg_hierarchy *h, const struct cg_group *g)
{
	if (!g->file_owners)
		return;
	cg_json_open(j, "file_owners", '[', false);
	for (uint16_t i = 0; i < g->file_owners; i++) {
		const struct cg_file_owner *o = &g->file_owner[i];

		cg_json_open(j, NULL, '{', true);
		cg_json_text(j, "file", o->column == CG_FILE_EXTRA ? o->name : h->column[o->column].name);
		write_owner(j, &o->owner);
		/* Told apart by more than the name, for a column may have it, too. */
		if (o->column == CG_FILE_EXTRA)
			cg_json_bool(j, "column", false);
		cg_json_close(j, '}');
	}
	cg_json_close(j, ']');
}

static void write_xattrs(struct cg_json *j, const struct cg_group *g)
{
	if (!g->xattrs)
		return;
	cg_json_open(j, "xattrs", '[', false);
	for (uint16_t i = 0; i < g->xattrs; i++) {
		cg_json_open(j, NULL, '{', true);
		cg_json_text(j, "name", g->xattr[i].name);
		cg_json_bytes(j, "value", g->xattr[i].value);
		cg_json_close(j, '}');
	}
	cg_json_close(j, ']');
}

static void write_programs(struct cg_json *j, const struct cg_group *g)
{
	if (!g->programs)
		return;
	cg_json_open(j, "programs", '[', false);
	for (uint16_t i = 0; i < g->programs; i++) {
		const struct cg_program *p = &g->program[i];

		cg_json_open(j, NULL, '{', true);
		cg_json_number(j, "id", p->id);
		cg_json_number(j, "attach_type", p->attach_type);
		cg_json_number(j, "attach_flags", p->attach_flags);
		cg_json_text(j, "type", p->type);
		cg_json_text(j, "name", p->name);
		cg_json_bytes(j, "tag", p->tag);
		cg_json_bytes(j, "instructions", p->instructions);
		if (p->program_type)
			cg_json_number(j, "program_type", p->program_type);
		if (p->gpl)
			cg_json_bool(j, "gpl", p->gpl);
		cg_json_close(j, '}');
	}
	cg_json_close(j, ']');
}

static void write_tasks(struct cg_json *j, const struct cg_group *g)
{
	if (!g->tasks)
		return;
	cg_json_open(j, "tasks", '[', false);
	for (uint32_t i = 0; i < g->tasks; i++) {
		const struct cg_task *t = &g->task[i];

		cg_json_open(j, NULL, '{', true);
		cg_json_number(j, "pid", (uint64_t)t->pid);
		cg_json_number(j, "tid", (uint64_t)t->tid);
		cg_json_number(j, "start_time", t->start_time);
		cg_json_text(j, "comm", t->comm);
		cg_json_open(j, "ns_pid", '[', true);
		for (uint8_t n = 0; n < t->ns_count; n++)
			cg_json_number(j, NULL, (uint64_t)t->ns_pid[n]);
		cg_json_close(j, ']');
		cg_json_close(j, '}');
	}
	cg_json_close(j, ']');
}

static void write_group(struct cg_json *j, const struct cg_tree *tree, const struct cg_group *g)
{
	const struct cg_hierarchy *h = &tree->hierarchy[g->hierarchy];

	cg_json_open(j, NULL, '{', false);
	cg_json_text(j, "name", g->name);
	cg_json_number(j, "hierarchy", g->hierarchy);
	if (g->parent == CG_NONE)
		cg_json_null(j, "parent");
	else
		cg_json_number(j, "parent", g->parent);
	cg_json_text(j, "type", g->type == CG_TYPE_V1 ? "v1" : cg_group_type_name(g->type));
	cg_json_number(j, "file_set", g->file_set);
	cg_json_open(j, "owner", '{', true);
	write_owner(j, &g->owner);
	cg_json_close(j, '}');
	cg_json_number(j, "file_uid", g->file_uid);
	cg_json_number(j, "file_gid", g->file_gid);
	cg_json_number(j, "cgroup_id", g->cgroup_id);
	if (g->flags & CG_GROUP_SEALED)
		cg_json_bool(j, "sealed", true);
	if (g->flags & CG_GROUP_ANCESTOR)
		cg_json_bool(j, "ancestor", true);
	write_settings(j, h, g);
	write_file_owners(j, h, g);
	write_xattrs(j, g);
	write_programs(j, g);
	write_tasks(j, g);
	cg_json_close(j, '}');
}

static void write_device(struct cg_json *j, const struct cg_device *d)
{
	static const char *const kinds[] = {"block", "char", "link"};

	cg_json_open(j, NULL, '{', true);
	cg_json_text(j, "kind", kinds[d->kind]);
	cg_json_text(j, "key", d->key);
	cg_json_text(j, "name", d->name);
	cg_json_text(j, "stable", d->stable);
	cg_json_close(j, '}');
}

static void write_note(struct cg_json *j, const struct cg_note *n)
{
	cg_json_open(j, NULL, '{', true);
	if (n->path)
		cg_json_text(j, "path", n->path);
	if (n->knob)
		cg_json_text(j, "knob", n->knob);
	cg_json_text(j, "text", n->text);
	cg_json_close(j, '}');
}

static void write_extra(struct cg_json *j, const struct cg_extra *e)
{
	cg_json_open(j, NULL, '{', true);
	cg_json_number(j, "type", e->type);
	cg_json_number(j, "flags", e->flags);
	cg_json_bytes(j, "payload", e->payload);
	cg_json_close(j, '}');
}

int cg_json_from_tree(const struct cg_tree *tree, bool pretty, struct cg_text *ret, struct cg_error **err)
{
	struct cg_json j;
	int r = cg_image_check(tree, err);

	if (r < 0)
		return r;
	cg_json_begin(&j, ret, pretty);
	cg_json_open(&j, NULL, '{', false);
	cg_json_text(&j, "schema", "cgtree.image/1");
	write_inventory(&j, &tree->inventory);
	cg_json_open(&j, "hierarchies", '[', false);
	for (uint16_t i = 0; i < tree->hierarchies; i++)
		write_hierarchy(&j, &tree->hierarchy[i]);
	cg_json_close(&j, ']');
	cg_json_open(&j, "groups", '[', false);
	for (uint32_t i = 0; i < tree->groups; i++)
		write_group(&j, tree, &tree->group[i]);
	cg_json_close(&j, ']');
	cg_json_open(&j, "devices", '[', false);
	for (uint32_t i = 0; i < tree->devices; i++)
		write_device(&j, &tree->device[i]);
	cg_json_close(&j, ']');
	cg_json_open(&j, "notes", '[', false);
	for (uint32_t i = 0; i < tree->notes; i++)
		write_note(&j, &tree->note[i]);
	cg_json_close(&j, ']');
	cg_json_open(&j, "extra_records", '[', false);
	for (uint32_t i = 0; i < tree->extras; i++)
		write_extra(&j, &tree->extra[i]);
	cg_json_close(&j, ']');
	cg_json_close(&j, '}');
	return ret->failed ? cg_error_oom(err) : 0;
}
