/* Device rules of a v2 group: there is no file for them, but a BPF program that is made of the rules
 * (model/device_rules.h). Programs of others beside it stay. */
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "engine/edit_private.h"
#include "kernel/programs.h"
#include "model/device_rules.h"
#include "model/value.h"

/* The device programs of a group. */
struct list {
	struct cg_arena *arena;
	struct cg_program *item;
	uint16_t count;
};

static int keep(void *context, const struct cg_bpf *p)
{
	struct list *l = context;
	struct cg_program *more;

	if (p->attach_type != BPF_CGROUP_DEVICE)
		return 0;
	if (l->count == UINT16_MAX)
		return -E2BIG;
	more = cg_arena_array(l->arena, l->count + 1u, sizeof(*more));
	if (!more)
		return -ENOMEM;
	if (l->count)
		memcpy(more, l->item, l->count * sizeof(*more));
	l->item = more;
	more += l->count++;
	*more = (struct cg_program){.id = p->id,
		.attach_type = p->attach_type,
		.attach_flags = p->attach_flags,
		.program_type = p->program_type,
		.gpl = p->gpl,
		.type = cg_bpf_type_name(p->attach_type),
		.name = cg_arena_string(l->arena, p->name),
		.tag = p->tag,
		.instructions = p->instructions.data ? p->instructions : CG_BYTES("")};
	if (!more->tag.data)
		more->tag = CG_BYTES("");
	return more->name && cg_arena_keep(l->arena, &more->tag) &&
			       cg_arena_keep(l->arena, &more->instructions)
		       ? 0
		       : -ENOMEM;
}

static int read_programs(int group, struct list *l, struct cg_error **err)
{
	struct cg_bpf_reader reader = {0};
	int r = group < 0 ? 0 : cg_bpf_each(group, &reader, keep, l);

	cg_bpf_reader_free(&reader);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot ask for the group's device programs");
	return 0;
}

/* The rules that the programs say: all without one. -EOPNOTSUPP when others' programs decide, too. */
static int rules_of(
	const struct cg_program *item, uint16_t count, const struct cg_knob *list, struct cg_text *t)
{
	bool foreign = false, own = false;

	for (uint16_t i = 0; i < count; i++) {
		if (own || !cg_device_rules_recognise(item[i].instructions, t))
			foreign = true;
		else
			own = true;
		if (t->failed)
			return -ENOMEM;
	}
	if (!own)
		cg_text_adds(t, list->default_value);
	return foreign ? -EOPNOTSUPP : t->failed ? -ENOMEM : 0;
}

int cg_edit_read_rules(int group, const struct cg_knob *list, struct cg_text *t, struct cg_error **err)
{
	struct cg_arena arena = {0};
	struct list l = {.arena = &arena};
	int r = read_programs(group, &l, err);

	if (r == 0) {
		r = rules_of(l.item, l.count, list, t);
		if (r == -ENOMEM)
			(void)cg_error_oom(err);
		else if (r < 0)
			(void)cg_error_make(err, CG_FAULT_SYSTEM, EOPNOTSUPP,
				"a device program of another's decides, which is no list of rules");
	}
	cg_arena_free(&arena);
	return r;
}

/* The operation on this place's device programs, which is made when there is none yet. */
static int find_change(
	struct cg_edit *e, uint32_t place, struct cg_program_change **ret, struct cg_error **err)
{
	struct cg_plan *plan = &e->plan;
	struct cg_program_change *more;
	struct list l = {.arena = &plan->arena};
	struct cg_op *op;
	int r;

	for (size_t i = 0; i < plan->programs; i++)
		if (plan->program[i].place == place) {
			*ret = &plan->program[i];
			return 0;
		}
	r = read_programs(e->place[place].fd, &l, err);
	if (r < 0)
		return r;
	more = reallocarray(plan->program, plan->programs + 1, sizeof(*more));
	if (!more)
		return cg_error_oom(err);
	plan->program = more;
	op = cg_edit_add_op(e, CG_OP_PROGRAMS, place);
	if (!op)
		return cg_error_oom(err);
	op->member = (uint32_t)plan->programs;
	op->file = cg_bpf_type_name(BPF_CGROUP_DEVICE);
	more += plan->programs++;
	*more = (struct cg_program_change){.place = place,
		.attach_type = BPF_CGROUP_DEVICE,
		.from = l.item,
		.froms = l.count,
		.to = l.item,
		.tos = l.count};
	*ret = more;
	return 0;
}

/* The list with the program of these rules in the place of the one that was ours. */
static int replace(
	struct cg_edit *e, struct cg_program_change *c, struct cg_bytes rules, struct cg_error **err)
{
	struct cg_program *to = cg_arena_array(&e->plan.arena, c->tos + 1u, sizeof(*to));
	uint16_t n = 0;
	int r;

	if (!to)
		return cg_error_oom(err);
	for (uint16_t i = 0; i < c->tos; i++) {
		_cleanup_text_ struct cg_text ignored = {0};

		if (!cg_device_rules_recognise(c->to[i].instructions, &ignored))
			to[n++] = c->to[i];
	}
	r = cg_device_rules_program(&e->plan.arena, rules, &to[n]);
	if (r == -ENOMEM)
		return cg_error_oom(err);
	if (r < 0)
		return cg_error_usage(err, "these are no rules of devices");
	c->tos = (uint16_t)(n + (r > 0));
	c->to = to;
	return 0;
}

int cg_edit_set_rules(struct cg_edit *e, uint32_t place, const struct cg_knob *list,
	const struct cg_knob *file, struct cg_bytes words, struct cg_error **err)
{
	_cleanup_text_ struct cg_text present = {0}, rules = {0};
	struct cg_program_change *c = NULL;
	bool adds = false;
	int r = find_change(e, place, &c, err);

	if (r < 0)
		return r;
	r = rules_of(c->to, c->tos, list, &present);
	if (r == -ENOMEM)
		return cg_error_oom(err);
	if (file == list)
		cg_text_add(&rules, words.data, words.len);
	else if (cg_knob_rules(file, &adds) == list)
		r = cg_value_change_rules(list,
			(struct cg_bytes){present.data ? present.data : "", present.len}, words, adds, &rules,
			err);
	if (rules.failed)
		return cg_error_oom(err);
	/* Programs of others go on to decide beside ours: not an error. */
	if (r < 0 && r != -EOPNOTSUPP)
		return r;
	if (r == -EOPNOTSUPP && err && *err)
		return r;
	words = (struct cg_bytes){rules.data ? rules.data : "", rules.len};
	r = cg_value_check(list, file->name, words, err);
	return r < 0 ? r : replace(e, c, words, err);
}
