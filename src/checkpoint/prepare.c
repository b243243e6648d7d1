/* Before CRIU restores: the groups are made, and its tasks are led into them. And the way back. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "checkpoint/checkpoint.h"
#include "engine/pending.h"

struct preparing {
	const struct cg_folder *f;
	const struct cg_live *live;
	const struct cg_tree *image;
	bool rewrite;
	bool placeless; /* CRIU saved no places */
	cg_line_fn *line;
	void *line_context;
};

static void say(const struct preparing *p, const char *text)
{
	if (p->line)
		p->line(p->line_context, text);
}

/* After a failure, which matters more than what is left of it. */
static void forget(const struct cg_folder *f)
{
	_cleanup_error_ struct cg_error *why = NULL;

	if (cg_folder_forget(f, false, &why) < 0)
		cg_debug("%s", why->message);
}

/* The tree stands. What comes last is what CRIU looks at. */
static int commit(void *context, const struct cg_plan *plan, struct cg_error **err)
{
	struct preparing *p = context;
	_cleanup_text_ struct cg_text record = {0}, sets = {0};
	int r = cg_pending_make(p->live, plan, p->image, &record, err);

	if (r == 0 && p->rewrite) {
		r = cg_checkpoint_rewrite_sets(p->f, p->live, p->image, plan, &sets, err);
		if (r == -ENOENT && !*err) {
			p->placeless = true;
			say(p, "! CRIU saved no places, for its own were the same: tasks are moved when they are there, and the memory that they have by then stays charged to where CRIU runs");
			r = 0;
		}
	}
	if (r == 0)
		r = cg_folder_write_pending(p->f, (struct cg_bytes){record.data, record.len}, err);
	if (r == 0 && sets.len) {
		r = cg_folder_replace_criu(p->f, (struct cg_bytes){sets.data, sets.len}, err);
		if (r < 0)
			forget(p->f);
	}
	return r;
}

int cg_checkpoint_is_prepared(const struct cg_folder *f, struct cg_error **err)
{
	_cleanup_text_ struct cg_text record = {0};
	int r = cg_folder_read_pending(f, &record, err);

	return r == -ENOENT && (!err || !*err) ? 0 : r < 0 ? r : 1;
}

static int clear_way(const struct cg_folder *f, const struct cg_live *live,
	const struct cg_apply_options *apply, struct cg_error **err)
{
	enum cg_outcome outcome;
	size_t count;
	int r = cg_checkpoint_is_prepared(f, err);

	if (r > 0) {
		r = cg_error_make(err, CG_FAULT_USAGE, EALREADY, "the folder is prepared already");
		cg_error_at(err, f->name, NULL);
		cg_error_hint(err, "let CRIU restore it, or take it back with: cgtree criu undo %s", f->name);
		return r;
	}
	return r < 0 ? r
		     : cg_checkpoint_undo(f, live, apply->line, apply->line_context, &count, &outcome, err);
}

int cg_checkpoint_prepare(const struct cg_folder *f, const struct cg_live *live,
	const struct cg_restore_options *options, bool rewrite, enum cg_outcome *ret,
	struct cg_restore_counts *ret_counts, struct cg_error **err)
{
	struct cg_restore_options o = *options;
	_cleanup_tree_ struct cg_tree *image = NULL;
	struct preparing p = {.f = f,
		.live = live,
		.rewrite = rewrite,
		.line = options->apply.line,
		.line_context = options->apply.line_context};
	_cleanup_close_ int state = -1;
	bool whole;
	int r;

	*ret = CG_OUTCOME_UNCHANGED;
	*ret_counts = (struct cg_restore_counts){0};
	r = clear_way(f, live, &o.apply, err);
	r = r < 0 ? r : cg_folder_load(f, &image, &whole, err);
	if (r < 0)
		return r;
	if (!whole)
		say(&p, "! the folder has no " CG_CHECKPOINT_IMAGE
			": what CRIU saved is restored, which on v2 holds no limit");
	p.image = image;
	o.members.none = true;
	o.plan.hold = true;
	o.apply.state_dir = f->state;
	o.apply.keep_record = true;
	o.apply.commit = commit;
	o.apply.commit_context = &p;
	r = o.dry_run ? 0 : cg_folder_state(f, true, &state, err);
	r = r < 0 ? r : cg_restore(live, image, &o, ret, ret_counts, err);
	if (r < 0 && *ret == CG_OUTCOME_UNCHANGED)
		forget(f);
	if (r == 0 && (!whole || p.placeless) && *ret == CG_OUTCOME_EXACT)
		*ret = CG_OUTCOME_DIFFERS;
	return r;
}

int cg_checkpoint_undo(const struct cg_folder *f, const struct cg_live *live, cg_line_fn *line,
	void *line_context, size_t *ret_count, enum cg_outcome *ret, struct cg_error **err)
{
	struct cg_apply_options options = {.state_dir = f->state, .line = line, .line_context = line_context};
	int r = cg_folder_return_criu(f, err);

	*ret_count = 0;
	*ret = CG_OUTCOME_UNCHANGED;
	r = r < 0 ? r : cg_recover(live, &options, ret_count, ret, err);
	return r < 0 ? r : cg_folder_forget(f, false, err);
}
