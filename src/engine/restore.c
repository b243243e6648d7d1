/* A restore from beginning to end: where do the tops go, what is there now, which tasks are meant, what is to
 * be done, do it. Everything that decides is in plan; everything that changes is in apply. */
#include "engine/restore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/programs.h"

struct targets {
	const struct cg_tree *image;
	struct cg_target *item;
	size_t count, room;
};

static void targets_free(struct targets *t)
{
	for (size_t i = 0; i < t->count; i++)
		cg_target_free(&t->item[i]);
	free(t->item);
}

static int add_target(void *context, uint32_t image_hierarchy, uint32_t image_group, const char *path)
{
	struct targets *t = context;
	_cleanup_text_ struct cg_text scratch = {0};
	const char *label = cg_hierarchy_label(&t->image->hierarchy[image_hierarchy], &scratch);
	struct cg_target *target;

	(void)image_group;
	if (scratch.failed || !label)
		return -ENOMEM;
	if (t->count == t->room) {
		size_t room = t->room ? t->room * 2 : 16;
		struct cg_target *grown = reallocarray(t->item, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		t->item = grown;
		t->room = room;
	}
	target = &t->item[t->count++];
	*target = (struct cg_target){.hierarchy = strdup(label), .path = strdup(path)};
	return target->hierarchy && target->path ? 0 : -ENOMEM;
}

/* The live tree at the targets. With --dir the directory itself is the one target; at the root of our cgroup
 * namespace only hierarchies of the image count, for we may be at the root of another. */
static int look(const struct cg_live *live, const struct cg_tree *image,
	const struct cg_restore_options *options, bool programs, struct cg_tree **ret, struct cg_error **err)
{
	_cleanup_(targets_free) struct targets targets = {.image = image};
	struct cg_dump_options look_at = {
		.whole_fd = options->plan.dir,
		.namespace_root = options->plan.namespace_root,
		.optional = true,
		.no_programs = !programs,
		.progress = options->apply.progress,
		.progress_context = options->apply.progress_context,
	};
	int r = cg_plan_targets(image, &options->plan, add_target, &targets, err);

	if (r == -ENOMEM && err && !*err)
		return cg_error_oom(err);
	if (r < 0)
		return r;
	if (!options->plan.dir || options->plan.namespace_root) {
		look_at.target = targets.item;
		look_at.targets = targets.count;
	}
	r = cg_survey(live, &look_at, ret, err);
	return r < 0 ? r : cg_survey_devices(*ret, image, err);
}

/* What a dry run tells: the lines of the plan, in its order. */
static int tell_plan(const struct cg_plan *plan, const struct cg_members *members,
	const struct cg_apply_options *options, struct cg_error **err)
{
	_cleanup_text_ struct cg_text t = {0};

	for (size_t i = 0; options->line && i < plan->ops; i++) {
		cg_text_reset(&t);
		cg_plan_line(plan, members, i, &t);
		if (t.failed)
			return cg_error_oom(err);
		options->line(options->line_context, t.data);
	}
	return 0;
}

/* The end of a restore that changes nothing: a dry run, or a plan that was refused (r), whose every refusal
 * is a line while the error holds the first. */
static int finish_dry(const struct cg_plan *plan, const struct cg_members *members,
	const struct cg_restore_options *options, int r, struct cg_error **err)
{
	_cleanup_error_ struct cg_error *telling = NULL;
	int told = tell_plan(plan, members, &options->apply, &telling);

	if (r == 0 && told < 0 && err)
		*err = cg_steal(telling);
	return r < 0 ? r : told;
}

static int compare_ids(const void *a, const void *b)
{
	const int32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* How many tasks move: one that moves in several hierarchies is one. */
static size_t count_tasks(const struct cg_plan *plan, const struct cg_members *members)
{
	_cleanup_free_ int32_t *id = calloc(plan->attaches + 1, sizeof(*id));
	size_t n = 0, distinct = 0;

	if (!id)
		return plan->attaches;
	for (size_t i = 0; i < plan->ops && n < plan->attaches; i++)
		if (plan->op[i].kind == CG_OP_ATTACH)
			id[n++] = members->item[plan->op[i].member].tid;
	qsort(id, n, sizeof(*id), compare_ids);
	for (size_t i = 0; i < n; i++)
		distinct += i == 0 || id[i] != id[i - 1];
	return distinct;
}

/* The image in the layout of this host, when that is asked for and it has another. */
static int translate(const struct cg_live *live, const struct cg_tree **image,
	const struct cg_restore_options *options, struct cg_tree **ret, struct cg_losses *losses,
	struct cg_error **err)
{
	int r;

	for (size_t i = 0; options->losses && i < options->losses->count; i++)
		if (cg_losses_add(losses, &options->losses->item[i]) < 0)
			return cg_error_oom(err);
	r = cg_translate_image(live, *image, &options->convert, ret, losses, err);
	if (*ret)
		*image = *ret;
	return r;
}

int cg_restore(const struct cg_live *live, const struct cg_tree *image,
	const struct cg_restore_options *options, enum cg_outcome *ret, struct cg_restore_counts *ret_counts,
	struct cg_error **err)
{
	struct cg_plan_options plan_options = options->plan;
	_cleanup_losses_ struct cg_losses losses = {0};
	_cleanup_tree_ struct cg_tree *translated = NULL;
	_cleanup_members_ struct cg_members members = {0};
	_cleanup_tree_ struct cg_tree *now = NULL;
	_cleanup_plan_ struct cg_plan plan = {0};
	int r = 0, programs;

	*ret = CG_OUTCOME_UNCHANGED;
	*ret_counts = (struct cg_restore_counts){0};
	programs = cg_dump_may_ask_programs(live);
	plan_options.programs_known = programs >= 0;
	plan_options.programs_denied = -cg_bpf_may_load();
	plan_options.uid = geteuid();
	plan_options.gid = getegid();
	plan_options.privileged = plan_options.uid == 0;
	plan_options.devices_known = true;
	if (options->translate)
		r = translate(live, &image, options, &translated, &losses, err);
	r = r < 0 ? r : look(live, image, options, programs > 0, &now, err);
	if (r == 0 && translated)
		r = cg_translate_fit(translated, now, &plan_options, &losses, err);
	plan_options.losses = &losses;
	plan_options.strict_translation = options->convert.strict;
	if (r == 0)
		r = cg_members_find(image, live, &options->members, &members, err);
	if (r < 0)
		return r;
	r = cg_plan_make(image, now, &members, &plan_options, &plan, err);
	ret_counts->differs = plan.differs;
	if (r < 0 || options->dry_run)
		r = finish_dry(&plan, &members, options, r, err);
	else
		r = cg_apply(live, &plan, &members, &options->apply, ret, &ret_counts->differs, err);
	if (r < 0)
		return r;
	if (options->dry_run)
		*ret = plan.differs > 0 ? CG_OUTCOME_DIFFERS : CG_OUTCOME_EXACT;
	ret_counts->groups = plan.creates;
	ret_counts->settings = plan.writes;
	ret_counts->tasks = count_tasks(&plan, &members);
	return 0;
}
