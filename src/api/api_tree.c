/* The public interface: images, looking into trees, comparing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_private.h"

int api_wrap_tree(struct cg_tree *tree, cgtree_tree **ret, struct cg_error **err)
{
	cgtree_tree *t = calloc(1, sizeof(*t));

	if (!t) {
		(void)cg_tree_free(tree);
		return cg_error_oom(err);
	}
	t->tree = tree;
	*ret = t;
	return 0;
}

void cgtree_tree_free(cgtree_tree *tree)
{
	if (!tree)
		return;
	(void)cg_tree_free(tree->tree);
	free(tree);
}

int cgtree_read(int fd, size_t memory, cgtree_tree **ret_tree, cgtree_error **err)
{
	struct cg_tree *tree = NULL;
	int r = cg_image_read(fd, memory ? memory : CG_IMAGE_MEMORY_DEFAULT, &tree, NULL, api_error(err));

	return r < 0 ? r : api_wrap_tree(tree, ret_tree, api_error(err));
}

int cgtree_write(
	int fd, const cgtree_tree *tree, const struct cgtree_write_options *options, cgtree_error **err)
{
	struct cgtree_write_options o;
	int r = api_take_options(&o, sizeof(o), options, api_error(err));

	if (r < 0)
		return r;
	return cg_image_write(fd, tree->tree,
		&(struct cg_image_write_options){o.compress ? CG_COMPRESS_ZSTD : CG_COMPRESS_NONE}, NULL,
		api_error(err));
}

int cgtree_check(int fd, size_t memory, struct cgtree_image_info *ret_info, cgtree_error **err)
{
	struct cg_tree *tree = NULL;
	struct cg_image_info info = {0};
	struct cgtree_image_info out = {0};
	int r = cg_image_read(fd, memory ? memory : CG_IMAGE_MEMORY_DEFAULT, &tree, &info, api_error(err));

	if (r < 0)
		return r;
	(void)cg_tree_free(tree);
	out.major = info.major;
	out.minor = info.minor;
	out.bytes = info.bytes;
	out.stored_bytes = info.stored_bytes;
	out.records = info.records;
	out.compressed = info.compressed;
	memcpy(out.digest, info.digest, sizeof(out.digest));
	r = api_give(ret_info, &out, sizeof(out));
	return r < 0 ? cg_error_usage(api_error(err), "the result's size is not set") : 0;
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

int cgtree_inventory(const cgtree_tree *tree, struct cgtree_inventory *ret)
{
	const struct cg_inventory *v = &tree->tree->inventory;

	return api_give(ret,
		&(struct cgtree_inventory){.tool = or_empty(v->tool),
			.host = or_empty(v->host),
			.kernel = or_empty(v->kernel),
			.boot_id = or_empty(v->boot_id),
			.layout = or_empty(v->layout),
			.page_size = v->page_size,
			.time = v->time,
			.freeze_microseconds = v->freeze_window,
			.members = v->members,
			.members_consistent = v->members_consistent},
		sizeof(*ret));
}

uint32_t cgtree_hierarchy_count(const cgtree_tree *tree)
{
	return tree->tree->hierarchies;
}

int cgtree_hierarchy_get(const cgtree_tree *tree, uint32_t hierarchy, struct cgtree_hierarchy *ret)
{
	const struct cg_tree *t = tree->tree;
	const struct cg_hierarchy *h;
	uint32_t end;

	if (hierarchy >= t->hierarchies)
		return -ENOENT;
	h = &t->hierarchy[hierarchy];
	end = h->first_top;
	while (end < t->groups && t->group[end].hierarchy == hierarchy)
		end++;
	return api_give(ret,
		&(struct cgtree_hierarchy){.version = h->version,
			.controllers = h->controllers,
			.name = h->name,
			.first_group = h->first_top,
			.group_count = end - h->first_top},
		sizeof(*ret));
}

uint32_t cgtree_group_count(const cgtree_tree *tree)
{
	return tree->tree->groups;
}

static const struct cg_file_set *files_of(const struct cg_tree *t, uint32_t group)
{
	return &t->hierarchy[t->group[group].hierarchy].file_set[t->group[group].file_set];
}

int cgtree_group_get(const cgtree_tree *tree, uint32_t group, struct cgtree_group *ret)
{
	const struct cg_tree *t = tree->tree;
	const struct cg_group *g;

	if (group >= t->groups)
		return -ENOENT;
	g = &t->group[group];
	return api_give(ret,
		&(struct cgtree_group){.hierarchy = g->hierarchy,
			.parent = g->parent,
			.first_child = g->first_child,
			.next_sibling = g->next_sibling,
			.name = g->name,
			.type = cg_group_type_name(g->type),
			.uid = g->owner.uid,
			.gid = g->owner.gid,
			.mode = g->owner.mode,
			.setting_count = files_of(t, group)->count,
			.task_count = g->tasks},
		sizeof(*ret));
}

uint32_t cgtree_group_find(const cgtree_tree *tree, uint32_t hierarchy, const char *path)
{
	return hierarchy < tree->tree->hierarchies ? cg_tree_find(tree->tree, hierarchy, path) : CGTREE_NONE;
}

int cgtree_group_path(const cgtree_tree *tree, uint32_t group, char **ret_path)
{
	struct cg_text path = {0};

	if (group >= tree->tree->groups)
		return -ENOENT;
	cg_group_path(tree->tree, group, &path);
	return cg_text_take(&path, ret_path);
}

static int give_setting(const struct cg_tree *t, uint32_t group, uint16_t column, struct cgtree_setting *ret)
{
	const struct cg_column *c = &t->hierarchy[t->group[group].hierarchy].column[column];
	struct cg_bytes value;

	if (!cg_group_value(t, group, column, &value))
		value = (struct cg_bytes){0};
	return api_give(ret,
		&(struct cgtree_setting){.name = c->name,
			.value = value.data,
			.length = value.len,
			.known = c->knob != NULL,
			.controller = c->knob ? c->knob->controller : "",
			.help = c->knob ? c->knob->help : NULL},
		sizeof(*ret));
}

int cgtree_setting_get(const cgtree_tree *tree, uint32_t group, uint32_t number, struct cgtree_setting *ret)
{
	const struct cg_tree *t = tree->tree;

	if (group >= t->groups || number >= files_of(t, group)->count)
		return -ENOENT;
	return give_setting(t, group, files_of(t, group)->column[number], ret);
}

int cgtree_setting_find(const cgtree_tree *tree, uint32_t group, const char *name, struct cgtree_setting *ret)
{
	const struct cg_tree *t = tree->tree;
	uint32_t column;

	if (group >= t->groups)
		return -ENOENT;
	column = cg_hierarchy_column(&t->hierarchy[t->group[group].hierarchy], name);
	if (column == CG_NONE || !cg_group_has_column(t, group, (uint16_t)column))
		return -ENOENT;
	return give_setting(t, group, (uint16_t)column, ret);
}

int cgtree_task_get(const cgtree_tree *tree, uint32_t group, uint32_t number, struct cgtree_task *ret)
{
	const struct cg_tree *t = tree->tree;
	const struct cg_task *task;

	if (group >= t->groups || number >= t->group[group].tasks)
		return -ENOENT;
	task = &t->group[group].task[number];
	return api_give(ret,
		&(struct cgtree_task){.pid = task->pid,
			.tid = task->tid,
			.start_time = task->start_time,
			.name = task->comm},
		sizeof(*ret));
}

uint32_t cgtree_note_count(const cgtree_tree *tree)
{
	return tree->tree->notes;
}

int cgtree_note_get(const cgtree_tree *tree, uint32_t number, struct cgtree_note *ret)
{
	const struct cg_note *n;

	if (number >= tree->tree->notes)
		return -ENOENT;
	n = &tree->tree->note[number];
	return api_give(
		ret, &(struct cgtree_note){.path = n->path, .knob = n->knob, .text = n->text}, sizeof(*ret));
}

int cgtree_diff_trees(const cgtree_tree *a, const cgtree_tree *b, unsigned flags, cgtree_diff **ret_diff,
	cgtree_error **err)
{
	unsigned inner = (flags & CGTREE_DIFF_NO_TASKS ? CG_DIFF_NO_TASKS : 0) |
			 (flags & CGTREE_DIFF_IGNORE_EXTRA ? CG_DIFF_IGNORE_EXTRA : 0);
	cgtree_diff *diff;
	int r;

	if (flags & ~(CGTREE_DIFF_NO_TASKS | CGTREE_DIFF_IGNORE_EXTRA))
		return cg_error_usage(api_error(err), "the flags %#x are not known", flags);
	diff = calloc(1, sizeof(*diff));
	if (!diff)
		return cg_error_oom(api_error(err));
	r = cg_diff_trees(a->tree, b->tree, inner, &diff->diff, api_error(err));
	if (r < 0) {
		free(diff);
		return r;
	}
	*ret_diff = diff;
	return 0;
}

size_t cgtree_diff_count(const cgtree_diff *diff)
{
	return diff->diff.count;
}

int cgtree_diff_get(const cgtree_diff *diff, size_t number, struct cgtree_difference *ret)
{
	const struct cg_difference *d;

	if (number >= diff->diff.count)
		return -ENOENT;
	d = &diff->diff.item[number];
	return api_give(ret,
		&(struct cgtree_difference){.kind = (int)d->kind,
			.hierarchy_a = d->hierarchy_a,
			.hierarchy_b = d->hierarchy_b,
			.group_a = d->group_a,
			.group_b = d->group_b,
			.path = d->path,
			.name = d->name,
			.value_a = d->a.data,
			.value_b = d->b.data,
			.length_a = d->a.len,
			.length_b = d->b.len},
		sizeof(*ret));
}

void cgtree_diff_free(cgtree_diff *diff)
{
	if (!diff)
		return;
	cg_diff_free(&diff->diff);
	free(diff);
}
