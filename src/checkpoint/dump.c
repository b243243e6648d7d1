/* The image of a checkpoint's groups, made while its tasks stand still. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/own.h"
#include "checkpoint/tops.h"
#include "engine/dump.h"
#include "kernel/tasks.h"

/* Who shares a group with the checkpoint is named and left out: it is not in CRIU's images. */
static int strip_foreign(struct cg_tree *tree, const struct cg_own *own, struct cg_error **err)
{
	_cleanup_text_ struct cg_text path = {0};

	for (uint32_t i = 0; i < tree->groups; i++) {
		struct cg_group *g = &tree->group[i];
		uint32_t kept = 0;

		for (uint32_t k = 0; k < g->tasks; k++)
			if (cg_own_has(own, g->task[k].tid))
				g->task[kept++] = g->task[k];
		if (kept == g->tasks)
			continue;
		cg_text_reset(&path);
		cg_group_path(tree, i, &path);
		if (path.failed ||
			!cg_tree_add_note(tree, path.data, NULL,
				"%u tasks in it are not part of the checkpoint: they are not recorded",
				g->tasks - kept))
			return cg_error_oom(err);
		tree->group[i].tasks = kept;
	}
	return 0;
}

static uint32_t tree_hierarchy(const struct cg_tree *tree, const struct cg_live_hierarchy *l)
{
	struct cg_hierarchy like = {
		.version = (uint8_t)l->version, .controllers = l->controllers, .name = l->name};

	for (uint32_t i = 0; i < tree->hierarchies; i++)
		if (cg_hierarchy_same(&tree->hierarchy[i], &like))
			return i;
	return CG_NONE;
}

static bool holds(const struct cg_tree *tree, uint32_t group, int32_t tid)
{
	const struct cg_group *g = &tree->group[group];

	for (uint32_t k = 0; k < g->tasks; k++)
		if (g->task[k].tid == tid)
			return true;
	return false;
}

/* Every task must be where /proc said it is; the tree's passes saw the same, or something moves tasks that
 * should stand still. */
static int check_complete(const struct cg_tree *tree, const struct cg_live *live, const struct cg_own *own,
	struct cg_error **err)
{
	for (size_t h = 0; h < live->count; h++) {
		uint32_t hierarchy = tree_hierarchy(tree, &live->item[h]);

		for (size_t i = 0; i < own->count; i++) {
			const char *path = own->path[i][h];
			uint32_t group;
			int r;

			if (!path || strcmp(path, "/") == 0)
				continue;
			group = hierarchy == CG_NONE ? CG_NONE : cg_tree_find(tree, hierarchy, path);
			if (group != CG_NONE && holds(tree, group, own->id[i]))
				continue;
			r = cg_error_make(err, CG_FAULT_SYSTEM, ESRCH,
				"task %d was there and is not seen there now: it ended, or was moved, while it should stand still",
				own->id[i]);
			cg_error_at(err, path, NULL);
			return r;
		}
	}
	return 0;
}

static int dump_at(
	const struct cg_live *live, const struct cg_tops *tops, struct cg_tree **ret, struct cg_error **err)
{
	struct cg_dump_options options = {.target = tops->item, .targets = tops->count, .members = true};

	return cg_dump(live, &options, ret, err);
}

static int dump_own(
	const struct cg_live *live, const struct cg_own *own, struct cg_tree **ret, struct cg_error **err)
{
	_cleanup_tops_ struct cg_tops tops = {0}, narrow = {0};
	_cleanup_tree_ struct cg_tree *tree = NULL;
	int r = cg_tops_find(live, own, &tops, err);

	if (r == 0 && tops.count == 0) {
		r = cg_error_make(err, CG_FAULT_SYSTEM, ENOENT,
			"the tasks are in no group but the roots of the hierarchies: there is nothing to keep");
		return r;
	}
	r = r < 0 ? r : dump_at(live, &tops, &tree, err);
	r = r < 0 ? r : cg_tops_narrow(tree, own, &narrow, err);
	if (r > 0) {
		cg_tree_free(cg_steal(tree));
		r = dump_at(live, &narrow, &tree, err);
	}
	r = r < 0 ? r : strip_foreign(tree, own, err);
	if (r == 0)
		*ret = cg_steal(tree);
	return r;
}

int cg_checkpoint_look(const struct cg_live *live, int init, struct cg_tree **ret, struct cg_error **err)
{
	_cleanup_own_ struct cg_own own = {0};
	_cleanup_tree_ struct cg_tree *tree = NULL;
	int r = cg_own_running(live, init, &own, err);

	r = r < 0 ? r : dump_own(live, &own, &tree, err);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < tree->groups; i++)
		tree->group[i].tasks = 0;
	*ret = cg_steal(tree);
	return 0;
}

struct seat {
	uint32_t group;
	struct cg_task task;
};

static int compare_seats(const void *a, const void *b)
{
	const struct seat *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	if (x->task.pid != y->task.pid)
		return x->task.pid < y->task.pid ? -1 : 1;
	return (x->task.tid > y->task.tid) - (x->task.tid < y->task.tid);
}

static int know_task(struct cg_tree *tree, int proc, int32_t tid, struct cg_buffer *b, struct cg_task *ret,
	struct cg_error **err)
{
	struct cg_proc_task t;
	int32_t *ns;
	int r = cg_proc_task(proc, tid, b, &t);

	if (r < 0)
		return cg_error_errno(err, -r, "cannot look at task %d", tid);
	ns = cg_arena_array(&tree->arena, t.ns_count, sizeof(*ns));
	*ret = (struct cg_task){
		t.pid, t.tid, t.start_time, cg_arena_string(&tree->arena, t.comm), ns, t.ns_count};
	if (!ns || !ret->comm)
		return cg_error_oom(err);
	memcpy(ns, t.ns_pid, t.ns_count * sizeof(*ns));
	return 0;
}

/* Lists the places of all tasks. 1 when the tree lacks one: it was read before that was there. */
static int list_seats(struct cg_tree *tree, const struct cg_live *live, const struct cg_own *own,
	struct seat *seat, size_t *ret_count, struct cg_error **err)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_close_ int proc = -1;
	int r = cg_proc_open(&proc, err);

	*ret_count = 0;
	for (size_t i = 0; r == 0 && i < own->count; i++) {
		struct cg_task task;

		r = know_task(tree, proc, own->id[i], &b, &task, err);
		for (size_t h = 0; r == 0 && h < live->count; h++) {
			const char *path = own->path[i][h];
			uint32_t hierarchy, group;

			if (!path || strcmp(path, "/") == 0)
				continue;
			hierarchy = tree_hierarchy(tree, &live->item[h]);
			group = hierarchy == CG_NONE ? CG_NONE : cg_tree_find(tree, hierarchy, path);
			if (group == CG_NONE)
				return 1;
			seat[(*ret_count)++] = (struct seat){group, task};
		}
	}
	return r;
}

/* Puts the tasks into a tree that was read early. 1 when it does not know all of their groups. */
static int seat_tasks(
	struct cg_tree *tree, const struct cg_live *live, const struct cg_own *own, struct cg_error **err)
{
	_cleanup_free_ struct seat *seat = calloc(own->count * live->count + 1, sizeof(*seat));
	size_t count = 0;
	int r = seat ? list_seats(tree, live, own, seat, &count, err) : cg_error_oom(err);

	if (r != 0)
		return r;
	if (count)
		qsort(seat, count, sizeof(*seat), compare_seats);
	for (size_t i = 0, end; i < count; i = end) {
		struct cg_group *g = &tree->group[seat[i].group];

		for (end = i; end < count && seat[end].group == seat[i].group;)
			end++;
		g->task = cg_arena_array(&tree->arena, end - i, sizeof(*g->task));
		if (!g->task)
			return cg_error_oom(err);
		for (size_t k = i; k < end; k++)
			g->task[g->tasks++] = seat[k].task;
	}
	return 0;
}

/* From what was read early, when that holds; else all of it now. */
static int make_tree(const struct cg_folder *f, const struct cg_live *live, const struct cg_own *own,
	struct cg_tree *early, struct cg_tree **ret, struct cg_error **err)
{
	_cleanup_tree_ struct cg_tree *tree = early;
	int r = early ? 0 : cg_folder_take_early(f, &tree, err);

	if (r == 0)
		r = seat_tasks(tree, live, own, err);
	if (r == 0)
		*ret = cg_steal(tree);
	if (r == 0 || (r < 0 && (r != -ENOENT || *err)))
		return r;
	r = dump_own(live, own, ret, err);
	return r < 0 ? r : check_complete(*ret, live, own, err);
}

int cg_checkpoint_dump(const struct cg_folder *f, const struct cg_live *live, int init, struct cg_tree *early,
	struct cg_tree **ret, struct cg_error **err)
{
	_cleanup_own_ struct cg_own own = {0};
	_cleanup_tree_ struct cg_tree *tree = NULL, *taken = early;
	bool v1 = false;
	int r = cg_own_dumped(live, f->fd, init, &own, err);

	r = r < 0 ? r : make_tree(f, live, &own, cg_steal(taken), &tree, err);
	r = r < 0 ? r : cg_checkpoint_mark_frozen(f, tree, &v1, err);
	r = r < 0 ? r : cg_folder_write_tree(f, CG_CHECKPOINT_IMAGE, tree, err);
	r = r < 0 ? r : cg_folder_forget(f, false, err);
	if (r == 0 && !v1)
		r = cg_checkpoint_refreeze(f, live, NULL, NULL, err);
	if (r == 0)
		*ret = cg_steal(tree);
	return r;
}
