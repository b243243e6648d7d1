/* When CRIU has made the tasks: places, limits, and at last the freeze. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "checkpoint/checkpoint.h"
#include "engine/pending.h"

static int run_pending(const struct cg_folder *f, const struct cg_live *live,
	const struct cg_pending_options *options, struct cg_error **err)
{
	_cleanup_text_ struct cg_text record = {0};
	struct cg_pending_counts counts;
	int r = cg_folder_read_pending(f, &record, err);

	return r < 0 ? r
		     : cg_pending_run(
			       live, (struct cg_bytes){record.data, record.len}, options, &counts, err);
}

/* CRIU managed the groups itself: those that it made lack what it does not know, and some of that cannot be
 * taken back (cgroup.type). They go with nobody, whatever comes: CRIU leaves its groups after a failure, too.
 */
static int bring_groups(const struct cg_folder *f, const struct cg_live *live, cg_line_fn *line,
	void *line_context, struct cg_error **err)
{
	struct cg_restore_options options = {.plan.mode = CG_MODE_FULL,
		.apply = {.no_rollback = true, .line = line, .line_context = line_context}};
	struct cg_restore_counts counts;
	enum cg_outcome outcome;

	return cg_checkpoint_prepare(f, live, &options, false, &outcome, &counts, err);
}

static bool has_image(const struct cg_folder *f)
{
	return faccessat(f->fd, CG_CHECKPOINT_IMAGE, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int cg_checkpoint_finish(const struct cg_folder *f, const struct cg_live *live, int init, cg_line_fn *line,
	void *line_context, bool *ret_done, struct cg_error **err)
{
	struct cg_pending_options options = {
		.part = CG_PENDING_LIMITS, .pidns = init, .line = line, .line_context = line_context};
	int r = cg_checkpoint_is_prepared(f, err);

	*ret_done = r > 0 || (r == 0 && has_image(f));
	if (r < 0 || !*ret_done)
		return r;
	if (r == 0) {
		options.stay = true;
		r = bring_groups(f, live, line, line_context, err);
	}
	r = r < 0 ? r : run_pending(f, live, &options, err);
	if (r == -EXDEV && options.stay)
		cg_error_hint(err,
			"tasks go to other groups than they were in with: cgtree criu prepare, before criu restore --manage-cgroups=none");
	return r < 0 ? r : 0;
}

int cg_checkpoint_freeze(const struct cg_folder *f, const struct cg_live *live, cg_line_fn *line,
	void *line_context, bool *ret_done, struct cg_error **err)
{
	struct cg_pending_options options = {
		.part = CG_PENDING_FREEZE, .line = line, .line_context = line_context};
	int r = cg_checkpoint_is_prepared(f, err);

	*ret_done = r > 0;
	if (r <= 0)
		return r;
	r = run_pending(f, live, &options, err);
	r = r < 0 ? r : cg_folder_return_criu(f, err);
	return r < 0 ? r : cg_folder_forget(f, true, err);
}
