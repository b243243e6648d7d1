/* Running a plan.
 *
 *   prepare: look at what stands now --> undo record, whole and locked --> operations one by one, each read
 *   back --> record removed
 *
 * Whatever fails on the way leads to the same place: the steps done so far are taken back, last first. Then
 * the target is as it was (UNCHANGED), or the record stays for `recover` and the error says so (PARTIAL).
 * Without rollback the record stays as well, so that the half-made tree can still be taken back later. */
#include "engine/apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/apply_private.h"

#define PROGRESS_EVERY 256

static void apply_free(struct cg_apply *a)
{
	for (size_t i = 0; i < CG_APPLY_SPARE; i++)
		a->spare[i] = cg_close(a->spare[i]);
	cg_undo_run_free(&a->run);
	cg_dirs_free(&a->dirs);
	cg_undo_record_close(&a->record);
	cg_undo_free(&a->undo);
	if (a->wide_open)
		cg_live_close(&a->wide);
	free(a->base);
	free(a->steps_of);
	cg_buffer_free(&a->present);
	cg_buffer_free(&a->back);
	cg_text_free(&a->line);
	cg_text_free(&a->sent);
	cg_text_free(&a->sent_to);
	a->proc = cg_close(a->proc);
}
#define _cleanup_apply_ _cleanup_(apply_free)

static int tell(struct cg_apply *a, size_t op, struct cg_error **err)
{
	if (!a->options->line || a->options->notes_only)
		return 0;
	cg_text_reset(&a->line);
	cg_plan_line(a->plan, a->members, op, &a->line);
	if (a->line.failed)
		return cg_error_oom(err);
	a->options->line(a->options->line_context, a->line.data);
	return 0;
}

int cg_apply_note(
	struct cg_apply *a, const struct cg_op *op, const char *file, const char *text, struct cg_error **err)
{
	a->differs++;
	if (!a->options->line)
		return 0;
	cg_text_reset(&a->line);
	cg_text_adds(&a->line, "! ");
	cg_text_escape(&a->line, cg_bytes_of(a->plan->place[op->place].path));
	if (file) {
		cg_text_addc(&a->line, ' ');
		cg_text_escape(&a->line, cg_bytes_of(file));
	}
	cg_text_adds(&a->line, ": ");
	cg_text_escape(&a->line, cg_bytes_of(text));
	if (a->line.failed)
		return cg_error_oom(err);
	a->options->line(a->options->line_context, a->line.data);
	return 0;
}

/* Two settings of one controller in one group that follow each other. */
static bool is_pair(const struct cg_plan *plan, size_t i)
{
	const struct cg_op *a = &plan->op[i], *b = a + 1;

	return i + 1 < plan->ops && a->kind == CG_OP_WRITE && b->kind == CG_OP_WRITE &&
	       !(b->flags & CG_OP_HELD) && a->place == b->place && a->knob && b->knob &&
	       strcmp(a->knob->controller, b->knob->controller) == 0;
}

/* An operation that failed is fatal, or said and counted when the plan allows it. */
static int settle(struct cg_apply *a, size_t i, int r, struct cg_error **err)
{
	const struct cg_op *op = &a->plan->op[i];
	_cleanup_error_ struct cg_error *why = NULL;

	if (r >= 0)
		return r == 0 ? tell(a, i, err) : 0;
	if (!(op->flags & CG_OP_BEST_EFFORT) || r == -ENOMEM)
		return r;
	why = cg_steal(*err);
	return cg_apply_note(a, op, op->file, why ? why->message : strerror(-r), err);
}

/* Does operation *i, and with it the next where they need each other: a value can be refused until its
 * neighbour has changed (a quota and its period on v1). Then the next goes first, and this one is tried once
 * more. */
static int run_one(struct cg_apply *a, size_t *i, struct cg_error **err)
{
	size_t first = (*i)++;
	int r = a->plan->op[first].flags & CG_OP_HELD ? 0 : cg_apply_op(a, first, err);
	_cleanup_error_ struct cg_error *why = NULL, *ignored = NULL;

	if (r != -EINVAL || !is_pair(a->plan, first))
		return settle(a, first, r, err);
	why = cg_steal(*err);
	r = cg_apply_op(a, first + 1, &ignored);
	if (r < 0) {
		/* The neighbour does not help: its turn comes by itself if this one may fail. */
		*err = cg_steal(why);
		return settle(a, first, -EINVAL, err);
	}
	(*i)++;
	r = settle(a, first + 1, r, err);
	if (r < 0)
		return r;
	r = cg_apply_op(a, first, err);
	return settle(a, first, r, err);
}

static int run_all(struct cg_apply *a, struct cg_error **err)
{
	const struct cg_apply_options *o = a->options;

	for (size_t i = 0; i < a->plan->ops;) {
		int r;

		if (o->stop && *o->stop)
			return cg_error_make(err, CG_FAULT_SYSTEM, EINTR, "ended by a signal");
		if (o->progress && i % PROGRESS_EVERY == 0)
			o->progress(o->progress_context, "restoring", i, a->plan->ops);
		r = run_one(a, &i, err);
		if (r < 0)
			return r;
	}
	if (o->progress)
		o->progress(o->progress_context, "restoring", a->plan->ops, a->plan->ops);
	return 0;
}

static void mark_partial(struct cg_apply *a, struct cg_error **err)
{
	/* The object that stands for exhausted memory is shared and takes no marks; the outcome tells it. */
	if (*err && (*err)->code != ENOMEM)
		(*err)->fault = CG_FAULT_PARTIAL;
	cg_error_hint(err, "`cgtree recover` takes back what was done; the record is %s/%s",
		a->options->state_dir, a->record.name ? a->record.name : "(none)");
}

static void roll_back(struct cg_apply *a, enum cg_outcome *ret, struct cg_error **err)
{
	_cleanup_error_ struct cg_error *why = NULL;
	size_t left;

	cg_dirs_close_all(&a->dirs);
	for (size_t i = 0; i < CG_APPLY_SPARE; i++)
		a->spare[i] = cg_close(a->spare[i]);
	a->run.steps = a->done;
	left = cg_undo_run(&a->run, &why);
	if (left == 0) {
		*ret = CG_OUTCOME_UNCHANGED;
		return;
	}
	*ret = CG_OUTCOME_PARTIAL;
	cg_error_wrap(err, "%zu step%s could not be taken back (first: %s%s%s) after", left,
		left == 1 ? "" : "s", why && why->path ? why->path : "", why && why->path ? ": " : "",
		why ? why->message : "no memory");
}

/* After a failure: takes back what was done, or leaves it when asked to. */
static void give_up(struct cg_apply *a, enum cg_outcome *ret, struct cg_error **err)
{
	*ret = CG_OUTCOME_UNCHANGED;
	if (a->done > 0 && a->options->no_rollback)
		*ret = CG_OUTCOME_PARTIAL;
	else if (a->done > 0)
		roll_back(a, ret, err);
	if (*ret == CG_OUTCOME_PARTIAL) {
		mark_partial(a, err);
		return;
	}
	if (cg_undo_record_remove(&a->record) < 0)
		cg_error_hint(err, "the record %s/%s could not be removed: remove it by hand",
			a->options->state_dir, a->record.name);
}

/* The record is the last thing in the way: while it stands, `recover` would undo everything. */
static int commit(struct cg_apply *a, struct cg_error **err)
{
	int r = cg_undo_record_remove(&a->record);

	if (r < 0)
		return cg_error_errno(err, -r, "cannot remove the undo record %s/%s", a->options->state_dir,
			a->record.name);
	return 0;
}

int cg_apply(const struct cg_live *live, const struct cg_plan *plan, const struct cg_members *members,
	const struct cg_apply_options *options, enum cg_outcome *ret, size_t *ret_differs,
	struct cg_error **err)
{
	_cleanup_apply_ struct cg_apply a = {
		.live = live,
		.plan = plan,
		.members = members,
		.options = options,
		.record = CG_UNDO_RECORD_INIT,
		.run = {.proc = -1},
		.spare = {-1, -1, -1, -1},
		.dirs = {.outer = -1},
		.proc = -1,
	};
	struct cg_error *own = NULL;
	int r;

	*ret = CG_OUTCOME_UNCHANGED;
	r = cg_apply_prepare(&a, &own);
	if (r == 0 && a.undo.steps > 0)
		r = cg_undo_record_write(&a.record, options->state_dir, &a.undo, &own);
	if (r == 0)
		r = run_all(&a, &own);
	if (r == 0 && options->commit)
		r = options->commit(options->commit_context, plan, &own);
	if (r == 0 && !options->keep_record)
		r = commit(&a, &own);
	if (r < 0)
		give_up(&a, ret, &own);
	else
		*ret = a.differs > 0 ? CG_OUTCOME_DIFFERS : CG_OUTCOME_EXACT;
	*ret_differs = a.differs;
	if (err)
		*err = own;
	else
		(void)cg_error_free(own);
	return r;
}
