/* Operations in words: one line each, the same for a dry run and a real one, safe on a terminal. */
#include "engine/plan_private.h"

#include <string.h>

static void add_escaped(struct cg_text *t, const char *string)
{
	cg_text_escape(t, cg_bytes_of(string));
}

/* A value on one line: entries are parted by commas, an empty value is seen. */
static void add_value(struct cg_text *t, struct cg_bytes value, const char *nothing)
{
	struct cg_bytes rest = cg_bytes_trim(value), line;
	bool first = true;

	if (!value.data) {
		cg_text_adds(t, nothing);
		return;
	}
	if (rest.len == 0)
		cg_text_adds(t, "\"\"");
	while (cg_bytes_split(&rest, '\n', &line)) {
		if (!first)
			cg_text_adds(t, ", ");
		cg_text_escape(t, line);
		first = false;
	}
}

static void add_owner(struct cg_text *t, const struct cg_op *op, const struct cg_owner *o)
{
	cg_text_printf(t, "%u:%u", o->uid, o->gid);
	if (!(op->flags & CG_OP_ALL_FILES))
		cg_text_printf(t, " %o", o->mode);
}

static void add_hierarchy(const struct cg_plan *plan, const struct cg_op *op, struct cg_text *t)
{
	if (!plan->label)
		return;
	cg_text_adds(t, "  (");
	add_escaped(t, plan->label[plan->place[op->place].hierarchy]);
	cg_text_addc(t, ')');
}

static void note_line(const struct cg_plan *plan, const struct cg_op *op, struct cg_text *t)
{
	cg_text_adds(t, "!");
	if (op->place != CG_NONE) {
		cg_text_addc(t, ' ');
		add_escaped(t, plan->place[op->place].path);
	}
	if (op->file) {
		cg_text_addc(t, ' ');
		add_escaped(t, op->file);
	}
	cg_text_adds(t, op->place != CG_NONE || op->file ? ": " : " ");
	cg_text_escape(t, op->to);
	if (op->place != CG_NONE && !op->file)
		add_hierarchy(plan, op, t);
}

static void change_line(const struct cg_plan *plan, const struct cg_op *op, struct cg_text *t)
{
	cg_text_adds(t, "~ ");
	add_escaped(t, plan->place[op->place].path);
	if (op->file) {
		cg_text_addc(t, ' ');
		add_escaped(t, op->file);
	}
	if (op->kind == CG_OP_OWNER) {
		cg_text_adds(t, op->flags & CG_OP_ALL_FILES ? " all files owner " : " owner ");
		add_owner(t, op, &op->before);
		cg_text_adds(t, " -> ");
		add_owner(t, op, &op->after);
		if (!op->file)
			add_hierarchy(plan, op, t);
		return;
	}
	cg_text_addc(t, ' ');
	add_value(t, op->from, op->kind == CG_OP_XATTR ? "(none)" : "(new)");
	cg_text_adds(t, " -> ");
	add_value(t, op->to, "(none)");
	/* A setting's name tells its hierarchy, but for the few that each has. */
	if (op->kind == CG_OP_XATTR || (op->knob && !op->knob->controller[0]))
		add_hierarchy(plan, op, t);
	if (op->flags & CG_OP_HELD)
		cg_text_adds(t, "  (once the tasks are there)");
}

static void attach_line(
	const struct cg_plan *plan, const struct cg_op *op, const struct cg_member *m, struct cg_text *t)
{
	cg_text_adds(t, "> ");
	add_escaped(t, plan->place[op->place].path);
	cg_text_printf(t, " %d ", m->whole_process ? m->pid : m->tid);
	add_escaped(t, m->comm);
	add_hierarchy(plan, op, t);
}

void cg_plan_line(const struct cg_plan *plan, const struct cg_members *members, size_t op, struct cg_text *t)
{
	const struct cg_op *o = &plan->op[op];

	switch ((enum cg_op_kind)o->kind) {
	case CG_OP_CREATE:
		cg_text_adds(t, "+ ");
		add_escaped(t, plan->place[o->place].path);
		add_hierarchy(plan, o, t);
		if (plan->place[o->place].image_group == CG_NONE)
			cg_text_adds(t, "  (parent of the top; not in the image)");
		break;
	case CG_OP_KEEP:
		cg_text_adds(t, "= ");
		add_escaped(t, plan->place[o->place].path);
		add_hierarchy(plan, o, t);
		break;
	case CG_OP_ATTACH:
		attach_line(plan, o, &members->item[o->member], t);
		break;
	case CG_OP_NOTE:
		note_line(plan, o, t);
		break;
	case CG_OP_WRITE:
	case CG_OP_OWNER:
	case CG_OP_XATTR:
		change_line(plan, o, t);
		break;
	}
}
