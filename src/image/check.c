/* What a tree must keep to to be an image: see check.h. */
#include "image/check.h"

#include <errno.h>
#include <string.h>

#include "image/frame.h"

static int bad_group(struct cg_error **err, uint32_t index, const char *what)
{
	return cg_error_corrupt(err, "group %u %s", index, what);
}

static int check_hierarchy(const struct cg_hierarchy *h, unsigned index, struct cg_error **err)
{
	if (h->columns > CG_IMAGE_COLUMNS_MAX)
		return cg_error_corrupt(err, "hierarchy %u has %u files, more than %d", index, h->columns,
			CG_IMAGE_COLUMNS_MAX);
	if (h->controllers && strlen(h->controllers) > CG_IMAGE_CONTROLLERS_MAX)
		return cg_error_corrupt(err, "hierarchy %u has a list of controllers of more than %d bytes",
			index, CG_IMAGE_CONTROLLERS_MAX);
	for (uint16_t c = 0; c < h->columns; c++)
		if (h->column[c].usual_mode > 07777)
			return cg_error_corrupt(
				err, "hierarchy %u has a file with an impossible mode", index);
	return 0;
}

/* Columns ascend; the other files follow, each name once. */
/* To chown(2) the largest number means to leave the owner as it is. */
static bool can_own(uint32_t uid, uint32_t gid)
{
	return uid != UINT32_MAX && gid != UINT32_MAX;
}

static int check_file_owners(const struct cg_group *g, uint32_t index, struct cg_error **err)
{
	uint32_t others = 0;

	for (uint32_t i = 0; i < g->file_owners; i++) {
		const struct cg_file_owner *o = &g->file_owner[i];

		if (o->owner.mode > 07777)
			return bad_group(err, index, "has a file with an impossible mode");
		if (!can_own(o->owner.uid, o->owner.gid))
			return bad_group(err, index, "has a file with an owner that nobody can be");
		if (i && o->column < o[-1].column)
			return bad_group(err, index, "has file owners out of order");
		if (i && o->column != CG_FILE_EXTRA && o->column == o[-1].column)
			return bad_group(err, index, "has two owners of one file");
		if (o->column != CG_FILE_EXTRA)
			continue;
		if (!o->name || ++others > 256)
			return bad_group(
				err, index, "has too many owners of other files, or one without a name");
		for (uint32_t j = 1; j < others; j++)
			if (strcmp(o[-(ptrdiff_t)j].name, o->name) == 0)
				return bad_group(err, index, "has two owners of one file");
	}
	return 0;
}

static int check_tasks(const struct cg_group *g, uint32_t index, struct cg_error **err)
{
	for (uint32_t i = 0; i < g->tasks; i++) {
		const struct cg_task *t = &g->task[i];

		if (t->pid < 1 || t->tid < 1)
			return bad_group(err, index, "has a task without a number");
		if (i && (t->pid < t[-1].pid || (t->pid == t[-1].pid && t->tid <= t[-1].tid)))
			return bad_group(err, index, "has tasks out of order or twice");
		for (uint8_t n = 0; n < t->ns_count; n++)
			if (t->ns_pid[n] < 1)
				return bad_group(
					err, index, "has a task with an impossible number in a namespace");
	}
	return 0;
}

static int check_group(const struct cg_group *g, uint32_t index, struct cg_error **err)
{
	int r;

	if (g->owner.mode > 07777)
		return bad_group(err, index, "has an impossible mode");
	if (!can_own(g->owner.uid, g->owner.gid) || !can_own(g->file_uid, g->file_gid))
		return bad_group(err, index, "has an owner that nobody can be");
	if (g->flags & ~(CG_GROUP_SEALED | CG_GROUP_ANCESTOR))
		return bad_group(err, index, "has unknown flags");
	for (uint16_t i = 0; i < g->xattrs; i++)
		if (g->xattr[i].name[0] == '\0' || strlen(g->xattr[i].name) > 255)
			return bad_group(err, index, "has an extended attribute with an impossible name");
	r = check_file_owners(g, index, err);
	return r < 0 ? r : check_tasks(g, index, err);
}

static bool lies_inside(const char *path, const char *top)
{
	size_t n = strlen(top);

	return strncmp(path, top, n) == 0 && (path[n] == '/' || strcmp(top, "/") == 0);
}

/* Tops are sorted, so that all that begin as one does follow it at once: `open` holds those that the present
 * one begins with. */
static int check_tops(const struct cg_tree *tree, uint32_t *open, struct cg_error **err)
{
	size_t depth = 0;

	for (uint32_t i = 0; i < tree->groups; i++) {
		const struct cg_group *g = &tree->group[i];

		if (g->parent != CG_NONE)
			continue;
		while (depth && (tree->group[open[depth - 1]].hierarchy != g->hierarchy ||
					strncmp(g->name, tree->group[open[depth - 1]].name,
						strlen(tree->group[open[depth - 1]].name)) != 0))
			depth--;
		for (size_t k = 0; k < depth; k++)
			if (lies_inside(g->name, tree->group[open[k]].name))
				return bad_group(err, i, "is a top that lies inside another");
		open[depth++] = i;
	}
	return 0;
}

static int check_hierarchies(const struct cg_tree *tree, struct cg_error **err)
{
	if (tree->hierarchies > CG_IMAGE_HIERARCHIES_MAX)
		return cg_error_corrupt(err, "there are %u hierarchies, more than %d", tree->hierarchies,
			CG_IMAGE_HIERARCHIES_MAX);
	for (unsigned i = 0; i < tree->hierarchies; i++) {
		int r = check_hierarchy(&tree->hierarchy[i], i, err);

		if (r < 0)
			return r;
		for (unsigned k = 0; k < i; k++)
			if (cg_hierarchy_same(&tree->hierarchy[k], &tree->hierarchy[i]))
				return cg_error_corrupt(err, "hierarchies %u and %u are the same", k, i);
	}
	return 0;
}

static int check_extra(const struct cg_tree *tree, uint32_t index, struct cg_error **err)
{
	const struct cg_extra *e = &tree->extra[index];
	bool after_more = index && (e[-1].flags & CG_RECORD_MORE);

	if (e->type == 0 || cg_record_type_name(e->type))
		return cg_error_corrupt(
			err, "extra record %u has type %u, which is no extra one", index, e->type);
	if (e->flags & ~CG_RECORD_MORE)
		return cg_error_corrupt(err, "extra record %u has flags 0x%x", index, e->flags);
	if (e->payload.len > CG_FRAME_PAYLOAD_MAX)
		return cg_error_corrupt(err, "extra record %u is too long", index);
	if ((after_more && e[-1].type != e->type) ||
		((e->flags & CG_RECORD_MORE) && index + 1 == tree->extras))
		return cg_error_corrupt(err, "extra record %u lacks what it goes on with", index);
	return 0;
}

int cg_image_check(const struct cg_tree *tree, struct cg_error **err)
{
	_cleanup_free_ uint32_t *open = calloc(tree->groups ? tree->groups : 1, sizeof(*open));
	int r;

	if (!open)
		return cg_error_oom(err);
	r = check_hierarchies(tree, err);
	for (uint32_t i = 0; r == 0 && i < tree->groups; i++)
		r = check_group(&tree->group[i], i, err);
	r = r < 0 ? r : check_tops(tree, open, err);
	for (uint32_t i = 0; r == 0 && i < tree->devices; i++)
		if (tree->device[i].kind > CG_DEVICE_LINK)
			r = cg_error_corrupt(err, "device %u is of an unknown kind", i);
	for (uint32_t i = 0; r == 0 && i < tree->extras; i++)
		r = check_extra(tree, i, err);
	return r;
}
