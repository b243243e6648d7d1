/* The planner: passes over the image and the live tree that append operations to one list.
 *
 *   targets -> places -> columns, devices, controllers -> room and members
 *   -> relax what exists, top-down -> make groups, each with its settings and owners before its children
 *   -> BPF programs, bottom-up, for one that is attached alone forbids those below, but not those that are
 *   there
 *   -> tighten what exists, bottom-up -> tasks -> what must follow them, bottom-up
 *
 * Every refusal is a note in the list too, so that all of them can be told at once. */
#include "engine/plan_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void cg_plan_free(struct cg_plan *plan)
{
	cg_arena_free(&plan->arena);
	free(plan->place);
	free(plan->op);
	free(plan->program);
	*plan = (struct cg_plan){0};
}

void *cg_plan_array(struct cg_planner *p, size_t count, size_t size)
{
	void *a = calloc(count ? count : 1, size);

	if (!a)
		p->oom = true;
	return a;
}

struct cg_op *cg_plan_add(struct cg_planner *p, enum cg_op_kind kind, uint32_t place)
{
	struct cg_plan *plan = p->plan;

	if (plan->ops == plan->op_room) {
		size_t room = plan->op_room ? plan->op_room * 2 : 64;
		struct cg_op *more = reallocarray(plan->op, room, sizeof(*more));

		if (!more) {
			p->oom = true;
			return NULL;
		}
		plan->op = more;
		plan->op_room = room;
	}
	plan->op[plan->ops] = (struct cg_op){.kind = (uint8_t)kind, .place = place, .member = CG_NONE};
	return &plan->op[plan->ops++];
}

static void CG_PRINTF(5, 0) add_note(struct cg_planner *p, uint32_t place, const char *subject,
	unsigned flags, const char *fmt, va_list ap)
{
	struct cg_op *op = cg_plan_add(p, CG_OP_NOTE, place);
	_cleanup_free_ char *text = NULL;
	int n = vasprintf(&text, fmt, ap);

	if (n < 0)
		text = NULL;
	if (!op || !text) {
		p->oom = true;
		return;
	}
	op->flags = (uint8_t)flags;
	op->to.len = (size_t)n;
	op->to.data = cg_arena_copy(&p->plan->arena, text, op->to.len);
	op->file = subject ? cg_arena_string(&p->plan->arena, subject) : NULL;
	if (!op->to.data || (subject && !op->file))
		p->oom = true;
}

void cg_plan_note(
	struct cg_planner *p, uint32_t place, const char *subject, unsigned flags, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_note(p, place, subject, flags, fmt, ap);
	va_end(ap);
}

/* The first refusal is told as the error, but damage of the image is graver than any other. */
static void CG_PRINTF(7, 0) refuse(struct cg_planner *p, uint32_t place, const char *subject,
	const char *hint, enum cg_fault fault, int code, const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	add_note(p, place, subject, CG_OP_DIFFERS, fmt, again);
	va_end(again);
	p->refusals++;
	if (p->refusal && (fault != CG_FAULT_CORRUPT || p->refusal->fault == CG_FAULT_CORRUPT))
		return;
	p->refusal = cg_error_free(p->refusal);
	(void)cg_error_vmake(&p->refusal, fault, code, fmt, ap);
	cg_error_at(&p->refusal, place == CG_NONE ? subject : p->plan->place[place].path,
		place == CG_NONE ? NULL : subject);
	if (hint)
		cg_error_hint(&p->refusal, "%s", hint);
}

void cg_plan_refuse(struct cg_planner *p, enum cg_mode mode, uint32_t place, const char *subject,
	const char *hint, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (mode == CG_MODE_OPPORTUNISTIC)
		add_note(p, place, subject, CG_OP_DIFFERS, fmt, ap);
	else
		refuse(p, place, subject, hint, CG_FAULT_SYSTEM, code, fmt, ap);
	va_end(ap);
}

void cg_plan_corrupt(struct cg_planner *p, uint32_t place, const char *subject, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	refuse(p, place, subject, NULL, CG_FAULT_CORRUPT, EBADMSG, fmt, ap);
	va_end(ap);
}

const char *cg_plan_subject(struct cg_planner *p, const char *knob, struct cg_bytes key)
{
	cg_text_reset(&p->scratch);
	cg_text_printf(&p->scratch, "%s %.*s", knob, (int)key.len, key.data);
	if (p->scratch.failed)
		p->oom = true;
	return p->scratch.failed ? knob : p->scratch.data;
}

unsigned cg_plan_effort(const struct cg_planner *p, uint32_t place)
{
	return p->plan->place[place].mode == CG_MODE_OPPORTUNISTIC ? CG_OP_BEST_EFFORT : 0;
}

static void free_hierarchy(struct cg_hierarchy_plan *h)
{
	free(h->column);
	free(h->look);
	free(h->look_live);
	free(h->from_live);
	free(h->needs);
	free(h->stamp);
	free(h->lacking);
}

static void planner_free(struct cg_planner *p)
{
	for (uint16_t i = 0; p->hierarchy && i < p->image->hierarchies; i++)
		free_hierarchy(&p->hierarchy[i]);
	free(p->hierarchy);
	free(p->spot);
	free(p->seat);
	free(p->claimed);
	free(p->cursor);
	free(p->spots.slot);
	free(p->places.slot);
	free(p->device);
	free(p->candidate);
	free(p->settled);
	free(p->now.item);
	free(p->tighten.item);
	free(p->late.item);
	cg_text_free(&p->scratch);
	p->refusal = cg_error_free(p->refusal);
}

/* Groups in the order of places: what is made, with all that belongs to it, and what stays. */
static void walk_places(struct cg_planner *p)
{
	for (uint32_t i = 0; i < p->plan->places && !p->oom; i++) {
		const struct cg_place *place = &p->plan->place[i];
		struct cg_seat *seat = &p->seat[i];
		size_t before;

		if (seat->refused)
			continue;
		before = p->plan->ops;
		if (!place->exists) {
			(void)cg_plan_add(p, CG_OP_CREATE, i);
			cg_plan_made_settings(p, i);
		}
		if (seat->apply) {
			cg_plan_owners(p, i);
			cg_plan_xattrs(p, i);
		}
		if (seat->apply && cg_plan_programs(p, i))
			seat->changed = true;
		for (size_t n = before; n < p->plan->ops; n++)
			seat->changed |= p->plan->op[n].kind != CG_OP_NOTE;
		if (place->exists && !seat->changed)
			(void)cg_plan_add(p, CG_OP_KEEP, i);
	}
}

static void count(struct cg_plan *plan)
{
	for (size_t i = 0; i < plan->ops; i++) {
		const struct cg_op *op = &plan->op[i];

		plan->creates += op->kind == CG_OP_CREATE;
		plan->writes += op->kind == CG_OP_WRITE;
		plan->attaches += op->kind == CG_OP_ATTACH;
		plan->differs += op->kind == CG_OP_NOTE && (op->flags & CG_OP_DIFFERS);
	}
}

/* What is refused is not done in part: only the reasons are left. */
static void keep_notes(struct cg_plan *plan)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->ops; i++)
		if (plan->op[i].kind == CG_OP_NOTE)
			plan->op[n++] = plan->op[i];
	plan->ops = n;
}

static int finish(struct cg_planner *p, struct cg_error **err)
{
	int r = 0;

	if (p->oom)
		return cg_error_oom(err);
	if (p->refusals) {
		keep_notes(p->plan);
		r = -p->refusal->code;
		if (p->refusals > 1)
			cg_error_wrap(&p->refusal, "the first of %zu reasons", p->refusals);
		if (err)
			*err = cg_steal(p->refusal);
	}
	count(p->plan);
	return r;
}

static uint32_t kernel_of(const char *release)
{
	struct cg_bytes rest = cg_bytes_of(release), part;
	uint32_t major, minor;
	size_t digits = 0;

	if (!cg_bytes_split(&rest, '.', &part) || cg_parse_u32(part, &major) < 0 || major > 0x7fff)
		return 0;
	while (digits < rest.len && rest.data[digits] >= '0' && rest.data[digits] <= '9')
		digits++;
	if (cg_parse_u32((struct cg_bytes){rest.data, digits}, &minor) < 0 || minor > 0xffff)
		return 0;
	return CG_KERNEL(major, minor);
}

static int prepare(struct cg_planner *p, struct cg_error **err)
{
	int r;

	p->kernel = kernel_of(p->live->inventory.kernel);
	p->image_kernel = kernel_of(p->image->inventory.kernel);
	p->spot = cg_plan_array(p, p->image->groups, sizeof(*p->spot));
	p->hierarchy = cg_plan_array(p, p->image->hierarchies, sizeof(*p->hierarchy));
	p->claimed = cg_plan_array(p, p->live->groups, sizeof(*p->claimed));
	p->cursor = cg_plan_array(p, p->live->groups, sizeof(*p->cursor));
	if (p->oom)
		return cg_error_oom(err);
	for (uint32_t i = 0; i < p->live->groups; i++) {
		p->claimed[i] = CG_NONE;
		p->cursor[i] = p->live->group[i].first_child;
	}
	r = cg_plan_check_paths(p->image, p->options, err);
	if (r == 0)
		r = cg_plan_devices(p, err);
	if (r == 0)
		r = cg_plan_columns(p, err);
	if (r == 0)
		r = cg_plan_assign(p, err);
	if (r == 0)
		r = cg_plan_seat_all(p, err);
	return r;
}

/* A path can be in several hierarchies: then its lines say which one they mean. */
static int label_hierarchies(struct cg_planner *p, struct cg_error **err)
{
	struct cg_plan *plan = p->plan;
	const struct cg_place *other = plan->place;

	while (other < plan->place + plan->places && other->hierarchy == plan->place->hierarchy)
		other++;
	if (other == plan->place + plan->places)
		return 0;
	plan->label = cg_arena_array(&plan->arena, p->live->hierarchies, sizeof(*plan->label));
	for (uint16_t i = 0; plan->label && i < p->live->hierarchies; i++) {
		_cleanup_text_ struct cg_text t = {0};
		const char *label = cg_hierarchy_label(&p->live->hierarchy[i], &t);

		plan->label[i] = t.failed ? NULL : cg_arena_string(&plan->arena, label);
		if (!plan->label[i])
			return cg_error_oom(err);
	}
	return plan->label ? 0 : cg_error_oom(err);
}

/* What the image lost on the way to the layout of this host. */
static void note_losses(struct cg_planner *p)
{
	const struct cg_losses *losses = p->options->losses;

	for (size_t i = 0; losses && i < losses->count && !p->oom; i++) {
		const struct cg_loss *l = &losses->item[i];
		_cleanup_text_ struct cg_text subject = {0}, text = {0};

		if (l->path)
			cg_text_adds(&subject, l->path);
		if (l->knob)
			cg_text_printf(&subject, "%s%s", l->path ? " " : "", l->knob);
		cg_loss_text(l, &text);
		if (subject.failed || text.failed) {
			p->oom = true;
			return;
		}
		if (p->options->strict_translation)
			cg_plan_refuse(p, CG_MODE_STRICT, CG_NONE, subject.data,
				"without --strict-translation it is said and gone on", ENOTSUP, "%s",
				text.data);
		else
			cg_plan_note(p, CG_NONE, subject.data, CG_OP_DIFFERS, "%s", text.data);
	}
}

static int make(struct cg_planner *p, struct cg_error **err)
{
	int r = prepare(p, err);

	if (r == 0)
		r = label_hierarchies(p, err);
	if (r < 0)
		return r;
	note_losses(p);
	cg_plan_controllers(p);
	cg_plan_count_members(p);
	cg_plan_room(p);
	cg_plan_relax(p);
	walk_places(p);
	cg_plan_owners_later(p);
	cg_plan_programs_late(p);
	cg_plan_tighten(p);
	cg_plan_note_extras(p);
	cg_plan_attach(p);
	cg_plan_late(p);
	return finish(p, err);
}

int cg_plan_make(const struct cg_tree *image, const struct cg_tree *live, const struct cg_members *members,
	const struct cg_plan_options *options, struct cg_plan *ret, struct cg_error **err)
{
	struct cg_planner p = {
		.image = image, .live = live, .members = members, .options = options, .plan = ret};
	int r;

	*ret = (struct cg_plan){0};
	r = make(&p, err);
	planner_free(&p);
	return r;
}
