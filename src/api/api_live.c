/* The public interface: what touches the live system. */
#include <errno.h>
#include <stdlib.h>

#include "api/api_private.h"
#include "engine/restore.h"

#define STATE_DIR "/run/cgtree"

struct targets {
	struct cg_target *item;
	size_t count;
};

static void targets_free(struct targets *t)
{
	for (size_t i = 0; i < t->count; i++)
		cg_target_free(&t->item[i]);
	free(t->item);
}

static int targets_parse(struct targets *t, const char *const *text, size_t count, struct cg_error **err)
{
	int r = 0;

	t->item = calloc(count + 1, sizeof(*t->item));
	if (!t->item)
		return cg_error_oom(err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = cg_target_parse(text[i], &t->item[i], err);
		t->count += r == 0;
	}
	return r;
}

static int open_live(const char *dir, struct cg_live *live, struct cg_error **err)
{
	return dir ? cg_live_open_dirs(&dir, 1, live, err) : cg_live_open(live, err);
}

int cgtree_dump(const struct cgtree_dump_options *options, cgtree_tree **ret_tree, cgtree_error **err)
{
	_cleanup_(targets_free) struct targets targets = {0};
	_cleanup_live_ struct cg_live live = {0};
	struct cgtree_dump_options o;
	struct cg_dump_options inner;
	struct cg_tree *tree = NULL;
	int r = api_take_options(&o, sizeof(o), options, api_error(err));

	if (r < 0)
		return r;
	if (!o.dir == !o.path_count)
		return cg_error_usage(api_error(err), "either paths or a directory must be given");
	r = targets_parse(&targets, o.paths, o.path_count, api_error(err));
	if (r == 0)
		r = open_live(o.dir, &live, api_error(err));
	if (r < 0)
		return r;
	inner = (struct cg_dump_options){
		.target = targets.item,
		.targets = targets.count,
		.whole_fd = o.dir != NULL,
		.hierarchies = o.hierarchies,
		.exclude = o.excludes,
		.excludes = o.exclude_count,
		.members = !o.no_members,
		.freeze = o.freeze,
		.threads = o.threads,
		.stop = o.stop,
	};
	r = cg_dump(&live, &inner, &tree, api_error(err));
	return r < 0 ? r : api_wrap_tree(tree, ret_tree, api_error(err));
}

/* The inner arrays of a restore's options. */
struct request {
	struct targets roots;
	struct cg_root *root;
	struct cg_mode_at *mode_at;
	struct cg_mapping *map, *device;
};

static void request_free(struct request *q)
{
	targets_free(&q->roots);
	free(q->root);
	free(q->mode_at);
	free(q->map);
	free(q->device);
}

static struct cg_mapping *copy_maps(const struct cgtree_mapping *from, size_t count)
{
	struct cg_mapping *to = calloc(count + 1, sizeof(*to));

	for (size_t i = 0; to && i < count; i++)
		to[i] = (struct cg_mapping){from[i].from, from[i].to};
	return to;
}

static int request_fill(struct request *q, const struct cgtree_restore_options *o,
	struct cg_plan_options *plan, struct cg_error **err)
{
	int r = targets_parse(&q->roots, o->roots, o->root_count, err);

	if (r < 0)
		return r;
	q->root = calloc(o->root_count + 1, sizeof(*q->root));
	q->mode_at = calloc(o->mode_at_count + 1, sizeof(*q->mode_at));
	q->map = copy_maps(o->maps, o->map_count);
	q->device = copy_maps(o->devices, o->device_count);
	if (!q->root || !q->mode_at || !q->map || !q->device)
		return cg_error_oom(err);
	for (size_t i = 0; i < o->root_count; i++)
		q->root[i] = (struct cg_root){q->roots.item[i].hierarchy, q->roots.item[i].path};
	for (size_t i = 0; i < o->mode_at_count; i++) {
		q->mode_at[i].path = o->mode_at[i].from;
		r = cg_mode_parse(o->mode_at[i].to, &q->mode_at[i].mode, err);
		if (r < 0)
			return r;
	}
	r = cg_mode_parse(o->mode ? o->mode : cg_mode_name(CG_MODE_STRICT), &plan->mode, err);
	if (r < 0)
		return r;
	plan->root = q->root;
	plan->roots = o->root_count;
	plan->mode_at = q->mode_at;
	plan->mode_ats = o->mode_at_count;
	plan->map = q->map;
	plan->maps = o->map_count;
	plan->device = q->device;
	plan->devices = o->device_count;
	plan->dir = o->dir != NULL;
	plan->keep_top = o->keep_top;
	return 0;
}

static void no_line(void *context CG_UNUSED, const char *text CG_UNUSED)
{
}

static void no_progress(void *context CG_UNUSED, const char *what CG_UNUSED, uint64_t done CG_UNUSED,
	uint64_t total CG_UNUSED)
{
}

static int give_result(struct cgtree_restore_result *ret, enum cg_outcome outcome,
	const struct cg_restore_counts *counts, int r, struct cg_error **err)
{
	struct cgtree_restore_result out = {.outcome = (int)outcome,
		.groups = counts->groups,
		.settings = counts->settings,
		.tasks = counts->tasks,
		.differs = counts->differs};

	if (ret && api_give(ret, &out, sizeof(out)) < 0 && r == 0)
		return cg_error_usage(err, "the result's size is not set");
	return r;
}

int cgtree_restore(const cgtree_tree *tree, const struct cgtree_restore_options *options,
	struct cgtree_restore_result *ret_result, cgtree_error **err)
{
	_cleanup_(request_free) struct request request = {0};
	_cleanup_live_ struct cg_live live = {0};
	struct cgtree_restore_options o;
	struct cg_restore_options inner = {0};
	struct cg_restore_counts counts = {0};
	enum cg_outcome outcome = CG_OUTCOME_UNCHANGED;
	int r;

	if (ret_result && ret_result->size < sizeof(size_t))
		return cg_error_usage(api_error(err), "the result's size is not set");
	r = api_take_options(&o, sizeof(o), options, api_error(err));
	if (r == 0 && o.dir && o.root_count)
		r = cg_error_usage(api_error(err), "a directory and roots each say where the top goes");
	if (r == 0)
		r = request_fill(&request, &o, &inner.plan, api_error(err));
	if (r == 0)
		r = open_live(o.dir, &live, api_error(err));
	if (r == 0) {
		inner.members.none = o.no_members;
		inner.dry_run = o.dry_run;
		inner.apply = (struct cg_apply_options){
			.no_rollback = o.no_rollback,
			.state_dir = o.state_dir ? o.state_dir : STATE_DIR,
			.stop = o.stop,
			.line = o.line ? o.line : no_line,
			.line_context = o.line_context,
			.progress = no_progress,
		};
		r = cg_restore(&live, tree->tree, &inner, &outcome, &counts, api_error(err));
	}
	return give_result(ret_result, outcome, &counts, r, api_error(err));
}

int cgtree_recover(const char *state_dir, size_t *ret_count, cgtree_error **err)
{
	_cleanup_live_ struct cg_live live = {0};
	struct cg_apply_options options = {
		.state_dir = state_dir ? state_dir : STATE_DIR, .line = no_line, .progress = no_progress};
	enum cg_outcome outcome;
	int r = cg_live_open(&live, api_error(err));

	return r < 0 ? r : cg_recover(&live, &options, ret_count, &outcome, api_error(err));
}
