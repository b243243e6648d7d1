/* BPF programs of a plan on the live kernel. Each that is to be attached is loaded once before the first
 * change, so that one that this kernel refuses is a refusal and no failure half-way. */
#include <errno.h>
#include <string.h>

#include "engine/apply_private.h"
#include "model/program.h"

static const struct cg_program_change *change_of(const struct cg_apply *a, const struct cg_op *op)
{
	return &a->plan->program[op->member];
}

static struct cg_bpf to_bpf(const struct cg_program *p)
{
	return (struct cg_bpf){
		.id = p->id,
		.attach_type = p->attach_type,
		.attach_flags = p->attach_flags,
		.program_type = p->program_type,
		.gpl = p->gpl,
		.type = p->type,
		.name = p->name,
		.tag = p->tag,
		.instructions = p->instructions,
	};
}

/* The list in words of the kernel layer; NULL when memory is out. */
static struct cg_bpf *list_of(struct cg_apply *a, const struct cg_program *p, size_t count)
{
	struct cg_bpf *list = cg_arena_array(&a->undo.arena, count, sizeof(*list));

	for (size_t i = 0; list && i < count; i++) {
		list[i] = to_bpf(&p[i]);
		/* The image's ids are those of another host or boot. */
		list[i].id = 0;
	}
	return list;
}

static int try_load(struct cg_apply *a, const struct cg_program *p, struct cg_error **err)
{
	struct cg_bpf bpf = to_bpf(p);
	_cleanup_close_ int fd = -1;
	int r;

	if (!cg_program_is_saved(p) ||
		(a->tried && a->tried->attach_type == p->attach_type && a->tried->gpl == p->gpl &&
			cg_bytes_equal(a->tried->instructions, p->instructions)))
		return 0;
	r = cg_bpf_load(&bpf, &fd, err);
	if (r == 0)
		a->tried = p;
	return r;
}

struct present {
	struct cg_apply *a;
	uint32_t type;
	struct cg_bpf *list;
	size_t count;
};

static int keep_present(void *context, const struct cg_bpf *p)
{
	struct present *s = context;
	struct cg_arena *arena = &s->a->undo.arena;
	struct cg_bpf *list, *to;

	if (p->attach_type != s->type)
		return 0;
	list = cg_arena_array(arena, s->count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	if (s->count > 0)
		memcpy(list, s->list, s->count * sizeof(*list));
	s->list = list;
	to = &list[s->count++];
	*to = *p;
	to->lost = NULL;
	to->name = cg_arena_string(arena, p->name);
	if (!to->instructions.data)
		to->instructions = (struct cg_bytes){"", 0};
	return to->name && cg_arena_keep(arena, &to->tag) && cg_arena_keep(arena, &to->instructions)
		       ? 0
		       : -ENOMEM;
}

/* Those that will go are held, so that they do not end with their last attachment. */
static void hold(struct cg_apply *a, const struct present *now)
{
	for (size_t i = 0; i < now->count && a->helds < CG_APPLY_HELD; i++)
		if (cg_bpf_find(&now->list[i], &a->held[a->helds]) == 0)
			a->helds++;
}

/* What the plan saw must be what stands there: it judged that those could be brought back. */
static bool is_as_planned(const struct present *now, const struct cg_program_change *c)
{
	bool same = now->count == c->froms;

	for (uint16_t i = 0; same && i < c->froms; i++) {
		struct cg_bpf planned = to_bpf(&c->from[i]);

		same = cg_bpf_same(&now->list[i], &planned);
	}
	return same;
}

static int record_existing(struct cg_apply *a, const struct cg_op *op, struct cg_error **err)
{
	__attribute__((cleanup(cg_bpf_reader_free))) struct cg_bpf_reader reader = {0};
	const struct cg_program_change *c = change_of(a, op);
	struct present now = {.a = a, .type = c->attach_type};
	struct cg_undo_step *s;
	int fd, r = cg_apply_open_existing(a, op->place, &fd, err);

	if (r < 0)
		return r;
	r = cg_bpf_each(fd, &reader, keep_present, &now);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot ask for attached BPF programs");
	if (!is_as_planned(&now, c))
		return cg_error_make(err, CG_FAULT_SYSTEM, EAGAIN,
			"another program has changed the attached BPF programs (%s) just now", op->file);
	hold(a, &now);
	s = cg_undo_add_step(&a->undo, CG_UNDO_PROGRAMS, op->place);
	if (!s)
		return cg_error_oom(err);
	s->attach_type = c->attach_type;
	s->was = now.list;
	s->was_count = (uint32_t)now.count;
	s->is = list_of(a, c->to, c->tos);
	s->is_count = c->tos;
	return s->is ? 0 : cg_error_oom(err);
}

int cg_apply_record_programs(struct cg_apply *a, const struct cg_op *op, struct cg_error **err)
{
	const struct cg_program_change *c = change_of(a, op);
	int r = 0;

	for (uint16_t i = 0; r == 0 && i < c->tos && !(op->flags & CG_OP_BEST_EFFORT); i++)
		r = try_load(a, &c->to[i], err);
	if (r == 0 && a->plan->place[op->place].exists)
		r = record_existing(a, op, err);
	if (r < 0)
		cg_error_at(err, a->plan->place[op->place].path, NULL);
	return r;
}

int cg_apply_programs(struct cg_apply *a, const struct cg_op *op, int group, struct cg_error **err)
{
	const struct cg_program_change *c = change_of(a, op);
	struct cg_bpf *want = list_of(a, c->to, c->tos);

	if (!want)
		return cg_error_oom(err);
	return cg_bpf_set(group, c->attach_type, want, c->tos, &a->loader, NULL, err);
}
