/* A look at the places that a restore aims at, and at what lies above them. A walk like a dump's, over a tree
 * of asked-for names: ancestors lead to the targets. */
#include <errno.h>
#include <string.h>

#include "engine/dump_private.h"

static struct cg_node *find_child(const struct cg_node *n, struct cg_bytes name)
{
	for (uint32_t i = 0; i < n->children; i++)
		if (cg_bytes_is(name, n->child[i]->name))
			return n->child[i];
	return NULL;
}

static struct cg_node *add_child(struct cg_walk *w, struct cg_node *parent, struct cg_bytes name)
{
	struct cg_node *n = cg_arena_zalloc(&w->arena, sizeof(*n)),
		       **list = cg_arena_array(&w->arena, parent->children + 1u, sizeof(struct cg_node *));

	if (!n || !list)
		return NULL;
	n->parent = parent;
	n->depth = (uint16_t)(parent->depth + 1);
	n->flags = CG_GROUP_ANCESTOR;
	n->name = cg_arena_copy(&w->arena, name.data, name.len);
	if (!n->name)
		return NULL;
	if (parent->children)
		memcpy(list, parent->child, parent->children * sizeof(struct cg_node *));
	list[parent->children++] = n;
	parent->child = list;
	return n;
}

/* Leads from the top to a target, whose node is read with all below. */
static int add_path(struct cg_walk *w, struct cg_node *top, const char *relative)
{
	struct cg_bytes rest = cg_bytes_of(relative), part;
	struct cg_node *n = top;

	while (n->flags & CG_GROUP_ANCESTOR && cg_bytes_split(&rest, '/', &part)) {
		struct cg_node *next = find_child(n, part);

		if (n->depth == CG_DEPTH_MAX)
			return -ELOOP;
		n = next ? next : add_child(w, n, part);
		if (!n)
			return -ENOMEM;
	}
	/* What lies below a target is read with it. */
	n->flags = 0;
	n->children = 0;
	return 0;
}

static int compare_nodes(const void *a, const void *b)
{
	return strcmp((*(struct cg_node *const *)a)->name, (*(struct cg_node *const *)b)->name);
}

static void sort_children(struct cg_node *n)
{
	if (n->children > 1)
		qsort(n->child, n->children, sizeof(struct cg_node *), compare_nodes);
	for (uint32_t i = 0; i < n->children; i++)
		sort_children(n->child[i]);
}

/* Of a view that begins at the root of a hierarchy, or at a mount of some group, "/" is no group of ours. */
static int check_namespace_root(const struct cg_live_hierarchy *h, struct cg_error **err)
{
	if (h->in_namespace)
		return 0;
	(void)cg_error_usage(err, "%s, not that of a cgroup namespace: no place for the top of a tree",
		h->is_root ? "is the root of the hierarchy" : "is a mount of some group below the root");
	cg_error_at(err, h->mount_point, NULL);
	cg_error_hint(err, h->is_root ? "name a group below it with --root" : "name it with --dir");
	return -EINVAL;
}

static int add_targets(struct cg_walk *w, const struct cg_dump_options *o, struct cg_error **err)
{
	const struct cg_live_hierarchy *h = w->hierarchy;
	struct cg_node *top = NULL;
	int r = o->whole_fd && !o->namespace_root ? cg_dump_check_dir(h, err) : 0;

	if (r < 0)
		return r;
	for (size_t i = 0; i < o->targets || (i == 0 && o->whole_fd); i++) {
		const char *relative = ".";

		if (o->targets && !cg_live_matches(h, o->target[i].hierarchy))
			continue;
		r = o->namespace_root ? check_namespace_root(h, err) : 0;
		if (r < 0)
			return r;
		if (!o->whole_fd)
			relative = cg_path_below(h->mount_root, o->target[i].path);
		if (!relative) {
			r = cg_error_usage(err, "lies outside of what this mount shows (%s at %s)",
				h->mount_root, h->mount_point);
			cg_error_at(err, o->target[i].path, NULL);
			return r;
		}
		if (!top) {
			r = cg_walk_add_node(w, h->mount_root, ".", &top, err);
			if (r < 0)
				return r == -ENOENT
					       ? cg_error_errno(err, ENOENT, "cannot open %s", h->mount_point)
					       : r;
			top->flags = o->whole_fd ? 0 : CG_GROUP_ANCESTOR;
		}
		r = add_path(w, top, strcmp(relative, ".") == 0 ? "" : relative);
		if (r < 0)
			return cg_error_errno(err, -r, "cannot look at the target");
	}
	if (top)
		sort_children(top);
	return 0;
}

static int survey_hierarchy(struct cg_tree *tree, const struct cg_live *live, size_t i,
	const struct cg_dump_options *options, struct cg_error **err)
{
	const struct cg_live_hierarchy *h = &live->item[i];
	_cleanup_free_ struct cg_columns *columns = calloc(1, sizeof(*columns));
	uint32_t number;
	struct cg_walk walk;
	int r;

	if (!columns || cg_columns_init(columns, h->version, tree->inventory.page_size, live->kernel) < 0)
		return cg_error_oom(err);
	columns->with_usage = true;
	if (cg_walk_init(&walk, h, options, columns) < 0) {
		cg_columns_destroy(columns);
		return cg_error_oom(err);
	}
	walk.programs = !options->no_programs && h->version == 2;
	r = add_targets(&walk, options, err);
	if (r == 0)
		r = cg_walk_run(&walk, cg_dump_threads(options->threads), err);
	if (r == 0) {
		r = cg_dump_add_hierarchy(tree, h, &number);
		r = r < 0 ? cg_error_oom(err) : cg_dump_finish(tree, number, &walk, err);
	}
	cg_walk_destroy(&walk);
	cg_columns_destroy(columns);
	return r;
}

int cg_survey(const struct cg_live *live, const struct cg_dump_options *options, struct cg_tree **ret,
	struct cg_error **err)
{
	_cleanup_tree_ struct cg_tree *tree = cg_tree_new();
	int r;

	if (!tree)
		return cg_error_oom(err);
	r = cg_dump_inventory(tree, live, err);
	for (size_t i = 0; r == 0 && i < live->count; i++)
		r = survey_hierarchy(tree, live, i, options, err);
	if (r == 0)
		r = cg_tree_link(tree, err);
	if (r == 0)
		*ret = cg_steal(tree);
	return r;
}
