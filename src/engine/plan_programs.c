/* BPF programs that are attached to groups. The list of one attach type of one group is one operation, for
 * the kernel runs them in their order.
 *
 * What the image has is attached, what it lacks is detached where the mode brings a group to the image (full,
 * props), and named elsewhere. A program that was only named cannot be made: where the same one (by its tag)
 * is attached here it stays, else the image's is skipped and said. One that is here and could not be loaded
 * again is never detached, for that could not be undone. */
#include "engine/plan_private.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "kernel/programs.h"
#include "model/device_rules.h"
#include "model/program.h"

#define MODE (BPF_F_ALLOW_OVERRIDE | BPF_F_ALLOW_MULTI)

/* The lists of one attach type. */
struct lists {
	struct cg_planner *p;
	uint32_t place, type;
	const char *name;                     /* of the type */
	const struct cg_program *live, *want; /* all types */
	uint16_t lives, wants;
	struct cg_program *from, *to;
	uint16_t froms, tos;
};

static enum cg_mode mode_of(const struct lists *l)
{
	return l->p->plan->place[l->place].mode;
}

static const char *subject(const struct lists *l, const struct cg_program *program)
{
	struct cg_text *t = &l->p->scratch;

	cg_text_reset(t);
	cg_text_escape(t, cg_bytes_of(l->name));
	cg_text_adds(t, " program ");
	cg_text_escape(t, cg_bytes_of(program->name[0] ? program->name : "(no name)"));
	if (t->failed)
		l->p->oom = true;
	return t->failed ? l->name : t->data;
}

static const struct cg_program *find(
	const struct cg_program *list, size_t count, uint32_t type, const struct cg_program *wanted)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].attach_type == type && cg_program_same(&list[i], wanted))
			return &list[i];
	return NULL;
}

/* Rules that we can read are about devices of the old host. */
static bool map_rules(struct lists *l, struct cg_program *program)
{
	_cleanup_text_ struct cg_text rules = {0}, again = {0};
	struct cg_bytes mapped;

	if (!cg_device_rules_recognise(program->instructions, &rules)) {
		l->p->oom |= rules.failed;
		if (program->program_type == BPF_PROG_TYPE_CGROUP_DEVICE && l->p->options->devices > 0)
			cg_plan_note(l->p, l->place, subject(l, program), 0,
				"numbers of devices in its instructions are not mapped");
		return true;
	}
	mapped = cg_plan_map_rules(
		l->p, l->place, l->name, (struct cg_bytes){rules.len ? rules.data : "", rules.len});
	if (cg_bytes_equal(mapped, (struct cg_bytes){rules.len ? rules.data : "", rules.len}))
		return true;
	if (cg_device_rules_assemble(mapped, &again) != 1) {
		l->p->oom |= again.failed;
		return false;
	}
	program->instructions = (struct cg_bytes){again.data, again.len};
	program->id = 0;
	program->tag = (struct cg_bytes){"", 0};
	if (!cg_arena_keep(&l->p->plan->arena, &program->instructions))
		l->p->oom = true;
	return true;
}

/* The image's program on its way to the list. */
static void add_wanted(struct lists *l, const struct cg_program *program)
{
	const char *fault = cg_program_fault(program);
	const struct cg_program *here;

	if (!fault && cg_program_is_saved(program) && program->program_type != cg_bpf_program_type(l->type))
		fault = "is of a type that cannot be attached there";
	if (fault) {
		cg_plan_corrupt(l->p, l->place, subject(l, program), "it %s", fault);
		return;
	}
	if (cg_program_is_saved(program)) {
		l->to[l->tos] = *program;
		l->tos = (uint16_t)(l->tos + map_rules(l, &l->to[l->tos]));
		return;
	}
	here = find(l->live, l->lives, l->type, program);
	if (here) {
		cg_plan_note(l->p, l->place, subject(l, program), 0,
			"is only named in the image; one with the same tag is attached and stays");
		l->to[l->tos++] = *here;
	} else {
		cg_plan_note(l->p, l->place, subject(l, program), CG_OP_DIFFERS,
			"is only named in the image, for it could not be saved: not attached");
	}
}

/* One that the image lacks. */
static void add_extra(struct lists *l, const struct cg_program *program)
{
	const enum cg_mode mode = mode_of(l);

	if (mode != CG_MODE_FULL && mode != CG_MODE_PROPS) {
		cg_plan_note(l->p, l->place, subject(l, program), CG_OP_DIFFERS,
			"is not in the image; left alone");
		l->to[l->tos++] = *program;
	} else if (!cg_program_is_saved(program)) {
		cg_plan_refuse(l->p, mode, l->place, subject(l, program),
			"detach it first (bpftool cgroup detach), or use --mode bind, which leaves it alone",
			EOPNOTSUPP,
			"is not in the image, and once detached it could not be brought back: it %s",
			program->lost ? program->lost : "was not read");
		l->to[l->tos++] = *program;
	}
}

static bool fill(struct lists *l)
{
	struct cg_arena *a = &l->p->plan->arena;

	l->from = cg_arena_array(a, l->lives + 1u, sizeof(*l->from));
	l->to = cg_arena_array(a, (size_t)l->lives + l->wants + 1, sizeof(*l->to));
	if (!l->from || !l->to) {
		l->p->oom = true;
		return false;
	}
	for (uint16_t i = 0; i < l->lives; i++)
		if (l->live[i].attach_type == l->type)
			l->from[l->froms++] = l->live[i];
	for (uint16_t i = 0; i < l->wants; i++)
		if (l->want[i].attach_type == l->type)
			add_wanted(l, &l->want[i]);
	for (uint16_t i = 0, wanted = l->tos; i < l->froms; i++)
		if (!find(l->to, wanted, l->type, &l->from[i]))
			add_extra(l, &l->from[i]);
	return !l->p->oom;
}

/* All programs of a type in a group share how they are attached; those that are not MULTI are alone. */
static bool flags_agree(const struct lists *l)
{
	for (uint16_t i = 1; i < l->tos; i++)
		if ((l->to[i].attach_flags & MODE) != (l->to[0].attach_flags & MODE) ||
			!(l->to[i].attach_flags & BPF_F_ALLOW_MULTI))
			return false;
	return true;
}

/* How many at the beginning stay; false when one behind them could not be loaded again. */
static bool can_move(const struct lists *l, uint16_t *ret_kept)
{
	uint16_t kept = 0;

	while (kept < l->froms && kept < l->tos && cg_program_same(&l->from[kept], &l->to[kept]))
		kept++;
	*ret_kept = kept;
	for (uint16_t i = kept; i < l->tos; i++)
		if (!cg_program_is_saved(&l->to[i]))
			return false;
	for (uint16_t i = kept; i < l->froms; i++)
		if (!cg_program_is_saved(&l->from[i]))
			return false;
	return true;
}

/* Whether the change can be done; what stands in the way is refused. */
static bool judge(struct lists *l)
{
	struct cg_planner *p = l->p;
	const struct cg_place *at = &p->plan->place[l->place];
	bool movable;
	uint16_t kept;

	if (at->exists && !p->options->programs_known) {
		cg_plan_refuse(p, at->mode, l->place, l->name, "run with CAP_SYS_ADMIN and CAP_NET_ADMIN",
			EPERM,
			"cannot ask which BPF programs are attached, so they could not be brought to the image");
		return false;
	}
	if (!flags_agree(l)) {
		cg_plan_refuse(p, at->mode, l->place, l->name, NULL, EINVAL,
			"%u BPF programs would be attached, of which one is to be alone", l->tos);
		return false;
	}
	movable = can_move(l, &kept);
	if (kept == l->tos && kept == l->froms)
		return false;
	if (!movable) {
		cg_plan_refuse(p, at->mode, l->place, l->name, NULL, EOPNOTSUPP,
			"the order of BPF programs would change, and one of them could not be loaded again");
		return false;
	}
	if (p->options->programs_denied) {
		cg_plan_refuse(p, at->mode, l->place, l->name, "run with " CG_BPF_PRIVILEGES,
			p->options->programs_denied, "BPF programs cannot be loaded here: %s",
			strerror(p->options->programs_denied));
		return false;
	}
	return true;
}

static bool push(struct lists *l)
{
	struct cg_plan *plan = l->p->plan;

	if (plan->programs == plan->program_room) {
		size_t room = plan->program_room ? plan->program_room * 2 : 16;
		struct cg_program_change *more = reallocarray(plan->program, room, sizeof(*more));

		if (!more || room >= CG_NONE) {
			plan->program = more ? more : plan->program;
			l->p->oom = true;
			return false;
		}
		plan->program = more;
		plan->program_room = room;
	}
	plan->program[plan->programs++] = (struct cg_program_change){
		.place = l->place,
		.attach_type = l->type,
		.from = l->from,
		.froms = l->froms,
		.to = l->to,
		.tos = l->tos,
	};
	return true;
}

static bool plan_type(struct cg_planner *p, uint32_t place, const struct cg_group *image,
	const struct cg_group *live, const struct cg_program *first)
{
	struct lists l = {
		.p = p,
		.place = place,
		.type = first->attach_type,
		.name = cg_bpf_type_name(first->attach_type),
		.want = image->program,
		.wants = image->programs,
		.live = live ? live->program : NULL,
		.lives = live ? live->programs : 0,
	};

	if (!l.name || strcmp(l.name, first->type) != 0) {
		cg_plan_corrupt(
			p, place, first->type, "there is no attach type %u of this name", first->attach_type);
		return false;
	}
	return fill(&l) && judge(&l) && push(&l);
}

static bool is_first(const struct cg_program *list, uint16_t i)
{
	for (uint16_t k = 0; k < i; k++)
		if (list[k].attach_type == list[i].attach_type)
			return false;
	return true;
}

static bool has_type(const struct cg_group *g, uint32_t type)
{
	for (uint16_t i = 0; i < g->programs; i++)
		if (g->program[i].attach_type == type)
			return true;
	return false;
}

bool cg_plan_programs(struct cg_planner *p, uint32_t place)
{
	const struct cg_place *at = &p->plan->place[place];
	const struct cg_group *image, *live = at->exists ? &p->live->group[at->live_group] : NULL;
	bool changes = false;

	if (at->image_group == CG_NONE)
		return false;
	image = &p->image->group[at->image_group];
	if (image->programs > 0 && p->live->hierarchy[at->hierarchy].version != 2) {
		cg_plan_corrupt(p, place, NULL, "BPF programs are attached to groups of v2 alone");
		return false;
	}
	for (uint16_t i = 0; i < image->programs && !p->oom; i++)
		if (is_first(image->program, i))
			changes |= plan_type(p, place, image, live, &image->program[i]);
	for (uint16_t i = 0; live && i < live->programs && !p->oom; i++)
		if (is_first(live->program, i) && !has_type(image, live->program[i].attach_type))
			changes |= plan_type(p, place, image, live, &live->program[i]);
	return changes;
}

void cg_plan_programs_late(struct cg_planner *p)
{
	for (size_t i = p->plan->programs; i-- > 0 && !p->oom;) {
		const struct cg_program_change *c = &p->plan->program[i];
		struct cg_op *op = cg_plan_add(p, CG_OP_PROGRAMS, c->place);

		if (!op)
			return;
		op->flags = (uint8_t)cg_plan_effort(p, c->place);
		op->member = (uint32_t)i;
		op->file = cg_bpf_type_name(c->attach_type);
	}
}
