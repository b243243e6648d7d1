/* Writing down what is pending: see pending.h. */
#include "engine/pending.h"

#include <errno.h>
#include <string.h>

#include "engine/undo.h"
#include "kernel/tasks.h"

static int add_places(struct cg_undo *u, const struct cg_plan *plan, struct cg_error **err)
{
	for (size_t i = 0; i < plan->places; i++) {
		const struct cg_place *p = &plan->place[i];

		if (cg_undo_add_place(u, p->hierarchy, p->parent, p->name) == CG_NONE)
			return cg_error_oom(err);
	}
	return 0;
}

static int add_held(struct cg_undo *u, const struct cg_plan *plan, struct cg_error **err)
{
	for (size_t i = 0; i < plan->ops; i++) {
		const struct cg_op *op = &plan->op[i];
		struct cg_undo_step *s;

		if (!(op->flags & CG_OP_HELD))
			continue;
		s = cg_undo_add_step(u, CG_UNDO_VALUE, op->place);
		if (!s)
			return cg_error_oom(err);
		s->file = op->file;
		s->from = op->from.data ? op->from : (struct cg_bytes){"", 0};
		s->to = op->to;
	}
	return 0;
}

/* Images that know no pid namespaces (CRIU's own) have the innermost ids alone. */
static int32_t innermost_id(const struct cg_task *t)
{
	return t->ns_count ? t->ns_pid[t->ns_count - 1] : t->tid;
}

static int add_tasks(
	struct cg_undo *u, const struct cg_plan *plan, const struct cg_tree *image, struct cg_error **err)
{
	for (size_t i = 0; i < plan->places; i++) {
		const struct cg_group *g;

		if (plan->place[i].image_group == CG_NONE)
			continue;
		g = &image->group[plan->place[i].image_group];
		for (uint32_t k = 0; k < g->tasks; k++) {
			struct cg_undo_step *s = cg_undo_add_step(u, CG_UNDO_TASK, (uint32_t)i);

			if (!s)
				return cg_error_oom(err);
			s->id = innermost_id(&g->task[k]);
			s->whole = g->task[k].pid == g->task[k].tid;
			s->origin = (uint32_t)i;
		}
	}
	return 0;
}

int cg_pending_make(const struct cg_live *live, const struct cg_plan *plan, const struct cg_tree *image,
	struct cg_text *record, struct cg_error **err)
{
	_cleanup_undo_ struct cg_undo u = {0};
	int r = cg_boot_id(u.boot);

	if (r < 0)
		return cg_error_errno(err, -r, "cannot read the boot id");
	for (size_t i = 0; r == 0 && i < live->count; i++)
		r = cg_undo_add_live(&u, &live->item[i], err);
	r = r < 0 ? r : add_places(&u, plan, err);
	r = r < 0 ? r : add_held(&u, plan, err);
	r = r < 0 ? r : add_tasks(&u, plan, image, err);
	if (r < 0)
		return r;
	cg_undo_encode(&u, record);
	return record->failed ? cg_error_oom(err) : 0;
}
