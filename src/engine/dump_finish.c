/* What the threads read becomes the tree: groups flat in depth-first order, columns and file sets numbered in
 * an order that does not depend on which thread was first, values that are the usual one left out. Two dumps
 * of an unchanged tree give the same tree. */
#include <errno.h>
#include <string.h>

#include "engine/dump_private.h"

struct finish {
	struct cg_tree *tree;
	struct cg_walk *walk;
	uint32_t hierarchy;
	uint16_t column_number[CG_COLUMNS_MAX]; /* of what was learnt, in the finished hierarchy */
	uint16_t set_number[CG_FILE_SETS_MAX];
	bool column_used[CG_COLUMNS_MAX], usual_known[CG_COLUMNS_MAX];
};

static bool is_kept(const struct cg_node *n)
{
	return n->read && !n->vanished;
}

/* Marks what the groups below use. Depth is bounded by CG_DEPTH_MAX. */
static void mark_used(struct finish *f, const struct cg_node *n)
{
	const struct cg_live_set *set = f->walk->columns->set[n->set];

	if (!is_kept(n))
		return;
	for (uint16_t i = 0; i < set->columns; i++)
		f->column_used[set->column[i]] = true;
	for (uint32_t i = 0; i < n->children; i++)
		mark_used(f, n->child[i]);
}

struct numbered {
	const char *name;
	uint16_t from;
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct numbered *)a)->name, ((const struct numbered *)b)->name);
}

static int finish_columns(struct finish *f)
{
	struct cg_hierarchy *h = &f->tree->hierarchy[f->hierarchy];
	const struct cg_columns *c = f->walk->columns;
	_cleanup_free_ struct numbered *order = calloc(c->columns + 1u, sizeof(*order));
	uint16_t n = 0;

	h->column = cg_arena_array(&f->tree->arena, c->columns, sizeof(*h->column));
	if (!order || !h->column)
		return -ENOMEM;
	for (uint16_t i = 0; i < c->columns; i++)
		if (f->column_used[i])
			order[n++] = (struct numbered){c->column[i]->name, i};
	qsort(order, n, sizeof(*order), compare_names);
	for (uint16_t i = 0; i < n; i++) {
		const struct cg_live_column *from = c->column[order[i].from];

		f->column_number[order[i].from] = i;
		f->usual_known[i] = from->initial.data != NULL;
		h->column[i] = (struct cg_column){from->name, from->knob, from->initial, from->mode};
		if (!from->initial.data)
			h->column[i].usual = (struct cg_bytes){"", 0};
	}
	h->columns = n;
	h->file_set = cg_arena_array(&f->tree->arena, c->sets, sizeof(*h->file_set));
	memset(f->set_number, 0xff, sizeof(f->set_number));
	return h->file_set ? 0 : -ENOMEM;
}

static int compare_numbers(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* The finished number of a set: numbered as groups first use them, equal ones once. */
static int finish_set(struct finish *f, uint32_t set, uint16_t *ret)
{
	struct cg_hierarchy *h = &f->tree->hierarchy[f->hierarchy];
	const struct cg_live_set *from = f->walk->columns->set[set];
	uint16_t *column, i;

	if (f->set_number[set] == UINT16_MAX) {
		column = cg_arena_array(&f->tree->arena, from->columns, sizeof(*column));
		if (!column)
			return -ENOMEM;
		for (i = 0; i < from->columns; i++)
			column[i] = f->column_number[from->column[i]];
		qsort(column, from->columns, sizeof(*column), compare_numbers);
		for (i = 0; i < h->file_sets; i++)
			if (h->file_set[i].count == from->columns &&
				memcmp(h->file_set[i].column, column, from->columns * sizeof(*column)) == 0)
				break;
		if (i == h->file_sets)
			h->file_set[h->file_sets++] = (struct cg_file_set){column, from->columns};
		f->set_number[set] = i;
	}
	*ret = f->set_number[set];
	return 0;
}

static int compare_settings(const void *a, const void *b)
{
	return ((const struct cg_setting *)a)->column - ((const struct cg_setting *)b)->column;
}

static int compare_file_owners(const void *a, const void *b)
{
	const struct cg_file_owner *x = a, *y = b;

	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return x->name && y->name ? strcmp(x->name, y->name) : 0;
}

/* Renumbers, sorts, lets the first group tell the usual value where a new group's is not known, and drops
 * what is usual. */
static void finish_settings(struct finish *f, struct cg_node *n)
{
	struct cg_hierarchy *h = &f->tree->hierarchy[f->hierarchy];
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n->settings; i++)
		n->setting[i].column = f->column_number[n->setting[i].column];
	if (n->settings > 1)
		qsort(n->setting, n->settings, sizeof(*n->setting), compare_settings);
	for (uint32_t i = 0; i < n->settings; i++) {
		struct cg_setting s = n->setting[i];

		if (s.value.data && !f->usual_known[s.column]) {
			h->column[s.column].usual = s.value;
			f->usual_known[s.column] = true;
		}
		if (!s.value.data || !cg_bytes_equal(s.value, h->column[s.column].usual))
			n->setting[kept++] = s;
	}
	n->settings = kept;
	for (uint16_t i = 0; i < n->file_owners; i++)
		if (n->file_owner[i].column != CG_FILE_EXTRA)
			n->file_owner[i].column = f->column_number[n->file_owner[i].column];
	if (n->file_owners > 1)
		qsort(n->file_owner, n->file_owners, sizeof(*n->file_owner), compare_file_owners);
}

static int finish_group(struct finish *f, struct cg_node *n, uint32_t parent)
{
	struct cg_group *g;
	uint16_t set;
	int r;

	if (!is_kept(n))
		return 0;
	r = finish_set(f, n->set, &set);
	n->index = r == 0 ? cg_tree_add_group(f->tree) : CG_NONE;
	if (n->index == CG_NONE)
		return -ENOMEM;
	finish_settings(f, n);
	g = &f->tree->group[n->index];
	*g = (struct cg_group){
		.name = n->name,
		.parent = parent,
		.first_child = CG_NONE,
		.next_sibling = CG_NONE,
		.hierarchy = (uint16_t)f->hierarchy,
		.file_set = set,
		.type = n->type,
		.flags = n->flags,
		.owner = n->owner,
		.file_uid = n->file_uid,
		.file_gid = n->file_gid,
		.cgroup_id = n->id,
		.setting = n->setting,
		.settings = n->settings,
		.file_owner = n->file_owner,
		.file_owners = n->file_owners,
		.xattr = n->xattr,
		.xattrs = n->xattrs,
		.program = n->program,
		.programs = n->programs,
	};
	for (uint32_t i = 0; i < n->children; i++) {
		r = finish_group(f, n->child[i], n->index);
		if (r < 0)
			return r;
	}
	return 0;
}

static int compare_notes(const void *a, const void *b)
{
	const struct cg_walk_note *x = *(struct cg_walk_note *const *)a,
				  *y = *(struct cg_walk_note *const *)b;

	if (x->node->index != y->node->index)
		return x->node->index < y->node->index ? -1 : 1;
	return strcmp(x->file ? x->file : "", y->file ? y->file : "");
}

static int add_note(struct finish *f, const struct cg_walk_note *n)
{
	_cleanup_text_ struct cg_text path = {0};
	const struct cg_node *shown = n->node;
	bool ok;

	cg_node_path(shown, &path);
	ok = !path.failed && cg_tree_add_note(f->tree, path.data, n->file, "cannot %s%s: %s", n->what,
				     n->file ? "" : " of this group", strerror(n->code));
	return ok ? 0 : -ENOMEM;
}

/* In the order of groups. */
static int finish_notes(struct finish *f)
{
	_cleanup_free_ struct cg_walk_note **list = NULL;
	size_t count = 0, i = 0;
	int r = 0;

	for (const struct cg_walk_note *n = f->walk->note; n; n = n->next)
		count++;
	list = calloc(count + 1, sizeof(struct cg_walk_note *));
	if (!list)
		return -ENOMEM;
	for (struct cg_walk_note *n = f->walk->note; n; n = n->next)
		list[i++] = n;
	qsort(list, count, sizeof(struct cg_walk_note *), compare_notes);
	for (i = 0; r == 0 && i < count; i++)
		r = add_note(f, list[i]);
	return r;
}

/* Programs and files that are not in the catalogue are told once each, for people should know. */
static int note_specials(struct finish *f, uint32_t first)
{
	const struct cg_hierarchy *h = &f->tree->hierarchy[f->hierarchy];

	for (uint16_t i = 0; i < h->columns; i++)
		if (!h->column[i].knob &&
			!cg_tree_add_note(f->tree, NULL, h->column[i].name,
				"is not in the catalogue; kept as it is, restored as well as the kernel takes it"))
			return -ENOMEM;
	for (uint32_t g = first; g < f->tree->groups; g++) {
		_cleanup_text_ struct cg_text path = {0};

		if (f->tree->group[g].programs == 0)
			continue;
		/* The tree is not linked yet, but parents are known. */
		cg_group_path(f->tree, g, &path);
		for (uint16_t i = 0; i < f->tree->group[g].programs; i++) {
			const struct cg_program *p = &f->tree->group[g].program[i];

			if (!p->lost)
				continue;
			if (path.failed ||
				!cg_tree_add_note(f->tree, path.data, NULL,
					"the attached BPF program %s (%s, id %u) is named, not saved: it %s",
					p->name[0] ? p->name : "without name", p->type, p->id, p->lost))
				return -ENOMEM;
		}
	}
	return 0;
}

int cg_dump_finish(struct cg_tree *tree, uint32_t hierarchy, struct cg_walk *walk, struct cg_error **err)
{
	_cleanup_free_ struct finish *f = calloc(1, sizeof(*f));
	uint32_t first = tree->groups;
	int r = f ? 0 : -ENOMEM;

	if (r == 0) {
		f->tree = tree;
		f->walk = walk;
		f->hierarchy = hierarchy;
		for (size_t i = 0; i < walk->tops; i++)
			mark_used(f, walk->top[i]);
		r = finish_columns(f);
	}
	for (size_t i = 0; r == 0 && i < walk->tops; i++)
		r = finish_group(f, walk->top[i], CG_NONE);
	if (r == 0)
		r = finish_notes(f);
	if (r == 0)
		r = note_specials(f, first);
	/* What the tree points at now is the tree's. */
	cg_arena_join(&tree->arena, &walk->arena);
	cg_arena_join(&tree->arena, &walk->columns->arena);
	return r < 0 ? cg_error_errno(err, -r, "cannot keep what was read") : 0;
}
