/* Finding the groups of a checkpoint: see tops.h. */
#include "checkpoint/tops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void cg_tops_free(struct cg_tops *t)
{
	for (size_t i = 0; i < t->count; i++)
		cg_target_free(&t->item[i]);
	free(t->item);
	*t = (struct cg_tops){0};
}

static int add_top(struct cg_tops *t, const char *label, const char *path, size_t length)
{
	struct cg_target *target;

	if (t->count == t->room) {
		size_t room = t->room ? t->room * 2 : 16;
		struct cg_target *more = reallocarray(t->item, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		t->item = more;
		t->room = room;
	}
	target = &t->item[t->count++];
	*target = (struct cg_target){.hierarchy = strdup(label), .path = strndup(path, length)};
	return target->hierarchy && target->path ? 0 : -ENOMEM;
}

static int compare_paths(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* How much of two paths is the path of a group above both, or of one of them. */
static size_t common(const char *a, size_t length, const char *b)
{
	size_t n = 0, end = 0;

	for (; n < length && a[n] == b[n]; n++)
		if (a[n] == '/')
			end = n;
	return (n == length && (b[n] == '\0' || b[n] == '/')) || (b[n] == '\0' && a[n] == '/') ? n : end;
}

/* Paths that share their first component share a top. They come sorted. */
static int tops_of(
	struct cg_tops *t, const char *label, const char *const *path, size_t count, struct cg_error **err)
{
	size_t length = 0, first = 0;

	for (size_t i = 0; i <= count; i++) {
		size_t shared = i == first && i < count ? strlen(path[i])
				: i < count             ? common(path[first], length, path[i])
							: 0;

		if (i < count && shared > 0) {
			length = shared;
			continue;
		}
		if (i > first && add_top(t, label, path[first], length) < 0)
			return cg_error_oom(err);
		first = i;
		if (i < count)
			length = strlen(path[i]);
	}
	return 0;
}

static const char *label_of(const struct cg_live_hierarchy *h, struct cg_text *t)
{
	struct cg_hierarchy like = {
		.version = (uint8_t)h->version, .controllers = h->controllers, .name = h->name};

	return cg_hierarchy_label(&like, t);
}

int cg_tops_find(
	const struct cg_live *live, const struct cg_own *own, struct cg_tops *ret, struct cg_error **err)
{
	_cleanup_free_ const char **path = calloc(own->count + 1, sizeof(*path));
	_cleanup_tops_ struct cg_tops tops = {0};

	if (!path)
		return cg_error_oom(err);
	for (size_t h = 0; h < live->count; h++) {
		_cleanup_text_ struct cg_text scratch = {0};
		const char *label = label_of(&live->item[h], &scratch);
		size_t count = 0;
		int r;

		for (size_t i = 0; i < own->count; i++)
			if (own->path[i][h] && strcmp(own->path[i][h], "/") != 0)
				path[count++] = own->path[i][h];
		if (count == 0)
			continue;
		if (!label || scratch.failed)
			return cg_error_oom(err);
		qsort(path, count, sizeof(*path), compare_paths);
		r = tops_of(&tops, label, path, count, err);
		if (r < 0)
			return r;
	}
	*ret = tops;
	tops = (struct cg_tops){0};
	return 0;
}

/* What is in a group, and in it with all below. */
struct content {
	bool own, own_below, foreign_below, settled;
};

static struct content *look_into(const struct cg_tree *tree, const struct cg_own *own, bool *ret_foreign)
{
	struct content *c = calloc(tree->groups + (size_t)1, sizeof(*c));

	*ret_foreign = false;
	for (uint32_t i = tree->groups; c && i-- > 0;) {
		const struct cg_group *g = &tree->group[i];

		for (uint32_t k = 0; k < g->tasks; k++) {
			bool is_own = cg_own_has(own, g->task[k].tid);

			c[i].own |= is_own;
			c[i].foreign_below |= !is_own;
		}
		c[i].own_below |= c[i].own;
		*ret_foreign |= c[i].foreign_below;
		if (g->parent != CG_NONE) {
			c[g->parent].own_below |= c[i].own_below;
			c[g->parent].foreign_below |= c[i].foreign_below;
		}
	}
	return c;
}

int cg_tops_narrow(
	const struct cg_tree *tree, const struct cg_own *own, struct cg_tops *ret, struct cg_error **err)
{
	_cleanup_text_ struct cg_text scratch = {0}, path = {0};
	_cleanup_tops_ struct cg_tops tops = {0};
	bool foreign, other = false;
	_cleanup_free_ struct content *c = look_into(tree, own, &foreign);

	if (!c)
		return cg_error_oom(err);
	if (!foreign)
		return 0;
	for (uint32_t i = 0; i < tree->groups; i++) {
		const struct cg_group *g = &tree->group[i];

		c[i].settled = (g->parent != CG_NONE && c[g->parent].settled) || !c[i].own_below;
		if (c[i].settled)
			continue;
		/* One that others share is taken, too, for tasks of ours are in it. */
		if (c[i].foreign_below && !c[i].own)
			continue;
		c[i].settled = true;
		other |= g->parent != CG_NONE;
		cg_text_reset(&path);
		cg_group_path(tree, i, &path);
		if (path.failed ||
			add_top(&tops, cg_hierarchy_label(&tree->hierarchy[g->hierarchy], &scratch),
				path.data, path.len) < 0)
			return cg_error_oom(err);
	}
	if (!other)
		return 0;
	*ret = tops;
	tops = (struct cg_tops){0};
	return 1;
}
