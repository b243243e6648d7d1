/* The tree as JSON for scripts that look (schema cgtree.show/1): names instead of indices, and beside each
 * raw value what it means. decode gives the image itself. */
#include "cli/json_out.h"
#include "cli/named.h"
#include "cli/show.h"
#include "model/device_rules.h"
#include "model/program.h"
#include "model/value.h"

struct context {
	struct json_out *j;
	uint64_t page_size;
};

static void put_setting(void *context, const struct show_setting *s)
{
	struct context *c = context;
	struct json_out *j = c->j;
	_cleanup_text_ struct cg_text words = {0};
	uint64_t amount;

	json_open(json_member(j, s->name), '{');
	json_bytes(json_member(j, "raw"), s->value);
	json_member(j, "parsed");
	if (s->value.data && cg_value_amount(s->knob, s->value,
				     s->knob ? cg_knob_unit(s->knob, s->name, c->page_size) : 1, &amount))
		json_number(j, amount);
	else
		json_nothing(j);
	if (s->value.data && s->knob)
		cg_value_describe(s->knob, s->value, &words);
	json_text(json_member(j, "words"), words.data);
	json_member(j, "default");
	if (s->default_known && s->value.data)
		json_bool(j, s->is_default);
	else
		json_nothing(j);
	json_bool(json_member(j, "known"), s->knob != NULL);
	json_close(j, '}');
}

static void put_tasks(struct json_out *j, const struct cg_group *g)
{
	json_open(json_member(j, "tasks"), '[');
	for (uint32_t i = 0; i < g->tasks; i++) {
		const struct cg_task *t = &g->task[i];

		json_open(j, '{');
		json_signed(json_member(j, "pid"), t->pid);
		json_signed(json_member(j, "tid"), t->tid);
		json_text(json_member(j, "name"), t->comm);
		json_number(json_member(j, "start_time"), t->start_time);
		json_open(json_member(j, "ns_pid"), '[');
		for (uint8_t k = 0; k < t->ns_count; k++)
			json_signed(j, t->ns_pid[k]);
		json_close(j, ']');
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void put_owner(struct json_out *j, struct cg_owner owner)
{
	_cleanup_text_ struct cg_text mode = {0};

	cg_text_printf(&mode, "%04o", owner.mode);
	json_open(j, '{');
	json_number(json_member(j, "uid"), owner.uid);
	json_number(json_member(j, "gid"), owner.gid);
	json_text(json_member(j, "mode"), mode.data);
	json_close(j, '}');
}

static void put_program(struct json_out *j, const struct cg_program *p)
{
	_cleanup_text_ struct cg_text rules = {0}, tag = {0};
	struct cg_bytes rest, line;

	json_open(j, '{');
	json_text(json_member(j, "type"), p->type);
	json_text(json_member(j, "name"), p->name);
	json_number(json_member(j, "id"), p->id);
	json_number(json_member(j, "flags"), p->attach_flags);
	for (size_t i = 0; i < p->tag.len; i++)
		cg_text_printf(&tag, "%02x", (unsigned char)p->tag.data[i]);
	json_text(json_member(j, "tag"), tag.data);
	json_bool(json_member(j, "saved"), cg_program_is_saved(p));
	json_number(json_member(j, "instructions"), p->instructions.len / CG_INSTRUCTION_SIZE);
	if (cg_device_rules_recognise(p->instructions, &rules)) {
		json_open(json_member(j, "rules"), '[');
		rest = (struct cg_bytes){rules.len ? rules.data : "", rules.len};
		while (cg_bytes_split(&rest, '\n', &line))
			json_bytes(j, line);
		json_close(j, ']');
	}
	json_close(j, '}');
}

static void put_attachments(struct json_out *j, const struct cg_group *g)
{
	json_open(json_member(j, "xattrs"), '{');
	for (uint16_t i = 0; i < g->xattrs; i++)
		json_bytes(json_key(j, cg_bytes_of(g->xattr[i].name)), g->xattr[i].value);
	json_close(j, '}');
	json_open(json_member(j, "programs"), '[');
	for (uint16_t i = 0; i < g->programs; i++)
		put_program(j, &g->program[i]);
	json_close(j, ']');
}

static void put_group(struct json_out *j, const struct cg_tree *tree, uint32_t group, bool all)
{
	const struct cg_group *g = &tree->group[group];
	struct cli_counts c = cli_group_counts(g);
	struct context context = {j, tree->inventory.page_size};
	_cleanup_text_ struct cg_text path = {0};

	cg_group_path(tree, group, &path);
	json_open(j, '{');
	json_text(json_member(j, "path"), path.data);
	json_text(json_member(j, "type"), g->type == CG_TYPE_V1 ? NULL : cg_group_type_name(g->type));
	if (g->flags & CG_GROUP_SEALED)
		json_bool(json_member(j, "sealed"), true);
	put_owner(json_member(j, "owner"), g->owner);
	json_open(json_member(j, "settings"), '{');
	show_each_setting(tree, group, all, put_setting, &context);
	json_close(j, '}');
	put_attachments(j, g);
	if (tree->inventory.members) {
		json_number(json_member(j, "processes"), c.processes);
		json_number(json_member(j, "threads"), c.tasks);
		put_tasks(j, g);
	}
	json_close(j, '}');
}

static void put_hierarchy(struct json_out *j, const struct cg_tree *tree, uint16_t hierarchy, bool all)
{
	const struct cg_hierarchy *h = &tree->hierarchy[hierarchy];
	_cleanup_text_ struct cg_text label = {0};

	json_open(j, '{');
	json_text(json_member(j, "label"), cg_hierarchy_label(h, &label));
	json_number(json_member(j, "version"), h->version);
	json_text(json_member(j, "controllers"), h->controllers);
	json_text(json_member(j, "name"), h->name);
	json_text(json_member(j, "mount_point"), h->mount_point);
	json_text(json_member(j, "mount_options"), h->mount_options);
	json_open(json_member(j, "groups"), '[');
	for (uint32_t i = h->first_top; i < tree->groups && tree->group[i].hierarchy == hierarchy; i++)
		put_group(j, tree, i, all);
	json_close(j, ']');
	json_close(j, '}');
}

static void put_inventory(struct json_out *j, const struct cg_inventory *v)
{
	json_open(json_member(j, "inventory"), '{');
	json_text(json_member(j, "tool"), v->tool);
	json_text(json_member(j, "host"), v->host);
	json_text(json_member(j, "kernel"), v->kernel);
	json_text(json_member(j, "layout"), v->layout);
	json_text(json_member(j, "boot_id"), v->boot_id);
	json_number(json_member(j, "page_size"), v->page_size);
	json_number(json_member(j, "time"), v->time);
	json_bool(json_member(j, "members"), v->members);
	json_bool(json_member(j, "members_consistent"), v->members_consistent);
	json_number(json_member(j, "freeze_microseconds"), v->freeze_window);
	json_close(j, '}');
}

void show_json(const struct cli_source *source, const struct show_options *o)
{
	const struct cg_tree *tree = source->tree;
	struct json_out j = json_begin(stdout, true);

	json_open(&j, '{');
	json_text(json_member(&j, "schema"), "cgtree.show/1");
	json_text(json_member(&j, "source"), o->name);
	put_inventory(&j, &tree->inventory);
	json_open(json_member(&j, "hierarchies"), '[');
	for (uint16_t i = 0; i < tree->hierarchies; i++)
		put_hierarchy(&j, tree, i, o->all);
	json_close(&j, ']');
	cli_notes_json(&j, tree->note, tree->notes);
	json_close(&j, '}');
	json_end(&j);
}
