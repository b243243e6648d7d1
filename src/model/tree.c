/* The tree model: building, linking, looking up. See tree.h. */
#include "model/tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fdio.h"
#include "model/value.h"

struct cg_tree *cg_tree_new(void)
{
	return calloc(1, sizeof(struct cg_tree));
}

struct cg_tree *cg_tree_free(struct cg_tree *tree)
{
	if (!tree)
		return NULL;
	cg_arena_free(&tree->arena);
	free(tree->hierarchy);
	free(tree->group);
	free(tree->device);
	free(tree->note);
	free(tree->extra);
	free(tree);
	return NULL;
}

/* Makes room for one more element of `size` bytes, zeroed. */
static bool grow(void **array, uint32_t count, uint32_t *room, size_t size)
{
	uint32_t more = *room ? *room * 2 : 16;
	void *p;

	if (count < *room) {
		memset((char *)*array + (size_t)count * size, 0, size);
		return true;
	}
	if (more < *room || more == CG_NONE)
		return false;
	p = reallocarray(*array, more, size);
	if (!p)
		return false;
	*array = p;
	*room = more;
	memset((char *)p + (size_t)count * size, 0, size);
	return true;
}

uint32_t cg_tree_add_hierarchy(struct cg_tree *tree)
{
	if (tree->hierarchies == UINT16_MAX || !grow((void **)&tree->hierarchy, tree->hierarchies,
						       &tree->hierarchy_room, sizeof(*tree->hierarchy)))
		return CG_NONE;
	tree->hierarchy[tree->hierarchies].first_top = CG_NONE;
	return tree->hierarchies++;
}

uint32_t cg_tree_add_group(struct cg_tree *tree)
{
	struct cg_group *g;

	if (!grow((void **)&tree->group, tree->groups, &tree->group_room, sizeof(*tree->group)))
		return CG_NONE;
	g = &tree->group[tree->groups];
	g->parent = g->first_child = g->next_sibling = CG_NONE;
	return tree->groups++;
}

uint32_t cg_tree_add_device(struct cg_tree *tree)
{
	if (!grow((void **)&tree->device, tree->devices, &tree->device_room, sizeof(*tree->device)))
		return CG_NONE;
	return tree->devices++;
}

uint32_t cg_tree_add_extra(struct cg_tree *tree)
{
	if (!grow((void **)&tree->extra, tree->extras, &tree->extra_room, sizeof(*tree->extra)))
		return CG_NONE;
	return tree->extras++;
}

bool cg_tree_add_note(struct cg_tree *tree, const char *path, const char *knob, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	struct cg_note *n;
	va_list ap;
	int length;

	va_start(ap, fmt);
	length = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (length < 0) {
		text = NULL;
		return false;
	}
	if (!grow((void **)&tree->note, tree->notes, &tree->note_room, sizeof(*tree->note)))
		return false;
	n = &tree->note[tree->notes];
	n->text = cg_arena_copy(&tree->arena, text, (size_t)length);
	n->path = path ? cg_arena_string(&tree->arena, path) : NULL;
	n->knob = knob ? cg_arena_string(&tree->arena, knob) : NULL;
	if (!n->text || (path && !n->path) || (knob && !n->knob))
		return false;
	tree->notes++;
	return true;
}

const char *cg_group_type_name(enum cg_group_type type)
{
	static const char *const names[] = {"", "domain", "threaded", "domain threaded", "domain invalid"};

	return names[type];
}

/* An absolute path of valid components, as a top's name is. */
static bool top_name_is_valid(const char *name, unsigned *ret_depth)
{
	struct cg_bytes rest, part;

	if (name[0] != '/')
		return false;
	*ret_depth = 0;
	if (name[1] == '\0') /* the root of a cgroup namespace, read through --dir */
		return true;
	rest = cg_bytes_of(name + 1);
	if (rest.len == 0 || rest.data[rest.len - 1] == '/')
		return false;
	while (cg_bytes_split(&rest, '/', &part)) {
		if (!cg_name_is_valid(part))
			return false;
		(*ret_depth)++;
	}
	return true;
}

static int bad_tree(struct cg_error **err, uint32_t group, const char *what)
{
	return cg_error_corrupt(err, "group %u %s", group, what);
}

static int check_contents(const struct cg_tree *tree, uint32_t index, struct cg_error **err)
{
	const struct cg_group *g = &tree->group[index];
	const struct cg_hierarchy *h = &tree->hierarchy[g->hierarchy];
	uint32_t last = 0;

	if (g->file_set >= h->file_sets)
		return bad_tree(err, index, "has a file set that its hierarchy lacks");
	if (g->type > CG_TYPE_DOMAIN_INVALID || (h->version == 1) != (g->type == CG_TYPE_V1))
		return bad_tree(err, index, "has a type that its hierarchy cannot have");
	for (uint32_t i = 0; i < g->settings; i++) {
		uint16_t c = g->setting[i].column;

		if (c >= h->columns || (i && c <= last))
			return bad_tree(err, index, "has settings out of order, twice or of an unknown file");
		if (!cg_group_has_column(tree, index, c))
			return bad_tree(err, index, "has a setting of a file that is not in its file set");
		last = c;
	}
	for (uint32_t i = 0; i < g->file_owners; i++) {
		const struct cg_file_owner *o = &g->file_owner[i];

		if (o->column == CG_FILE_EXTRA ? !o->name || !cg_name_is_valid(cg_bytes_of(o->name))
					       : o->column >= h->columns)
			return bad_tree(err, index, "has the owner of an unknown file");
	}
	for (uint32_t i = 1; i < g->xattrs; i++)
		if (strcmp(g->xattr[i - 1].name, g->xattr[i].name) >= 0)
			return bad_tree(err, index, "has extended attributes out of order or twice");
	return 0;
}

/* Places a group below `stack`, the path from its top to the group before it. */
static int link_one(struct cg_tree *tree, uint32_t index, uint32_t *last_child, struct cg_error **err)
{
	struct cg_group *g = &tree->group[index], *parent;

	if (g->hierarchy >= tree->hierarchies)
		return bad_tree(err, index, "names a hierarchy that does not exist");
	g->first_child = g->next_sibling = last_child[index] = CG_NONE;
	if (g->parent >= index)
		return bad_tree(err, index, "stands before its parent");
	parent = &tree->group[g->parent];
	if (parent->hierarchy != g->hierarchy)
		return bad_tree(err, index, "is in another hierarchy than its parent");
	if (!cg_name_is_valid(cg_bytes_of(g->name)))
		return bad_tree(err, index, "has an invalid name");
	if (parent->depth >= CG_DEPTH_MAX)
		return bad_tree(err, index, "is nested too deeply");
	g->depth = (uint16_t)(parent->depth + 1);
	if (last_child[g->parent] == CG_NONE) {
		if (g->parent != index - 1)
			return bad_tree(err, index, "is not in depth-first order");
		parent->first_child = index;
	} else {
		struct cg_group *before = &tree->group[last_child[g->parent]];
		uint32_t up = tree->group[index - 1].parent;

		if (strcmp(before->name, g->name) >= 0)
			return bad_tree(err, index, "is out of order among its siblings or there twice");
		while (up != CG_NONE && up != g->parent && up != last_child[g->parent])
			up = tree->group[up].parent;
		if (up == CG_NONE)
			return bad_tree(err, index, "is not in depth-first order");
		before->next_sibling = index;
	}
	last_child[g->parent] = index;
	return check_contents(tree, index, err);
}

static int link_top(
	struct cg_tree *tree, uint32_t index, uint32_t *last_top, uint32_t *last_child, struct cg_error **err)
{
	struct cg_group *g = &tree->group[index];
	struct cg_hierarchy *h;
	unsigned depth;

	if (g->hierarchy >= tree->hierarchies)
		return bad_tree(err, index, "names a hierarchy that does not exist");
	h = &tree->hierarchy[g->hierarchy];
	g->first_child = g->next_sibling = last_child[index] = CG_NONE;
	g->depth = 0;
	if (!top_name_is_valid(g->name, &depth))
		return bad_tree(err, index, "is a top with an invalid path");
	if (depth > CG_DEPTH_MAX)
		return bad_tree(err, index, "is nested too deeply");
	if (*last_top != CG_NONE && tree->group[*last_top].hierarchy == g->hierarchy) {
		if (strcmp(tree->group[*last_top].name, g->name) >= 0)
			return bad_tree(err, index, "is out of order among the tops or there twice");
		tree->group[*last_top].next_sibling = index;
	} else {
		if (*last_top != CG_NONE && tree->group[*last_top].hierarchy > g->hierarchy)
			return bad_tree(err, index, "is out of order: hierarchies follow each other");
		h->first_top = index;
	}
	*last_top = index;
	return check_contents(tree, index, err);
}

static int check_hierarchy(const struct cg_hierarchy *h, unsigned number, struct cg_error **err)
{
	if (h->version != 1 && h->version != 2)
		return cg_error_corrupt(err, "hierarchy %u has version %u", number, h->version);
	for (uint16_t i = 0; i < h->columns; i++) {
		if (!cg_name_is_valid(cg_bytes_of(h->column[i].name)))
			return cg_error_corrupt(err, "hierarchy %u names an invalid file", number);
		for (uint16_t j = 0; j < i; j++)
			if (strcmp(h->column[i].name, h->column[j].name) == 0)
				return cg_error_corrupt(
					err, "hierarchy %u names %s twice", number, h->column[i].name);
	}
	for (uint16_t s = 0; s < h->file_sets; s++)
		for (uint16_t i = 0; i < h->file_set[s].count; i++)
			if (h->file_set[s].column[i] >= h->columns ||
				(i && h->file_set[s].column[i] <= h->file_set[s].column[i - 1]))
				return cg_error_corrupt(err, "hierarchy %u has an invalid file set", number);
	return 0;
}

int cg_tree_link(struct cg_tree *tree, struct cg_error **err)
{
	_cleanup_free_ uint32_t *last_child = calloc(tree->groups ? tree->groups : 1, sizeof(*last_child));
	uint32_t last_top = CG_NONE;
	int r = 0;

	if (!last_child)
		return cg_error_oom(err);
	for (unsigned h = 0; r == 0 && h < tree->hierarchies; h++) {
		tree->hierarchy[h].first_top = CG_NONE;
		r = check_hierarchy(&tree->hierarchy[h], h, err);
	}
	for (uint32_t i = 0; r == 0 && i < tree->groups; i++) {
		if (tree->group[i].parent == CG_NONE)
			r = link_top(tree, i, &last_top, last_child, err);
		else
			r = link_one(tree, i, last_child, err);
	}
	return r;
}

uint32_t cg_hierarchy_column(const struct cg_hierarchy *h, const char *name)
{
	for (uint16_t i = 0; i < h->columns; i++)
		if (strcmp(h->column[i].name, name) == 0)
			return i;
	return CG_NONE;
}

const char *cg_hierarchy_label(const struct cg_hierarchy *h, struct cg_text *scratch)
{
	cg_text_reset(scratch);
	if (h->version == 2)
		cg_text_adds(scratch, "v2");
	else if (h->name)
		cg_text_printf(scratch, "%s%sname=%s", h->controllers, h->controllers[0] ? "," : "", h->name);
	else
		cg_text_adds(scratch, h->controllers);
	return scratch->data ? scratch->data : "";
}

bool cg_hierarchy_has_controller(const struct cg_hierarchy *h, const char *controller)
{
	struct cg_bytes rest = cg_bytes_of(h->controllers), part;

	while (cg_bytes_split(&rest, ',', &part))
		if (cg_bytes_is(part, controller))
			return true;
	return false;
}

/* v1 kernels list co-mounted controllers in an order of their own: compare as sets. */
static bool same_controllers(const struct cg_hierarchy *a, const struct cg_hierarchy *b)
{
	struct cg_bytes rest = cg_bytes_of(a->controllers), part;

	if (strlen(a->controllers) != strlen(b->controllers))
		return false;
	while (cg_bytes_split(&rest, ',', &part)) {
		struct cg_bytes others = cg_bytes_of(b->controllers), other;
		bool found = false;

		while (!found && cg_bytes_split(&others, ',', &other))
			found = cg_bytes_equal(part, other);
		if (!found)
			return false;
	}
	return true;
}

bool cg_hierarchy_same(const struct cg_hierarchy *a, const struct cg_hierarchy *b)
{
	if (a->version != b->version)
		return false;
	if (a->version == 2)
		return true;
	if (!a->name != !b->name || (a->name && strcmp(a->name, b->name) != 0))
		return false;
	return same_controllers(a, b);
}

static const struct cg_file_set *set_of(const struct cg_tree *tree, const struct cg_group *g)
{
	return &tree->hierarchy[g->hierarchy].file_set[g->file_set];
}

bool cg_group_has_column(const struct cg_tree *tree, uint32_t group, uint16_t column)
{
	const struct cg_file_set *set = set_of(tree, &tree->group[group]);
	uint16_t low = 0, high = set->count;

	while (low < high) {
		uint16_t middle = (uint16_t)((low + high) / 2);

		if (set->column[middle] == column)
			return true;
		if (set->column[middle] < column)
			low = (uint16_t)(middle + 1);
		else
			high = middle;
	}
	return false;
}

bool cg_group_value(const struct cg_tree *tree, uint32_t group, uint16_t column, struct cg_bytes *ret)
{
	const struct cg_group *g = &tree->group[group];

	for (uint32_t i = 0; i < g->settings && g->setting[i].column <= column; i++) {
		if (g->setting[i].column != column)
			continue;
		*ret = g->setting[i].value;
		return g->setting[i].value.data != NULL;
	}
	if (!cg_group_has_column(tree, group, column))
		return false;
	*ret = tree->hierarchy[g->hierarchy].column[column].usual;
	return true;
}

bool cg_group_set_value(struct cg_tree *tree, uint32_t group, uint16_t column, struct cg_bytes value)
{
	struct cg_group *g = &tree->group[group];
	struct cg_setting *list;
	uint32_t at = 0;

	if (!cg_arena_keep(&tree->arena, &value))
		return false;
	while (at < g->settings && g->setting[at].column < column)
		at++;
	if (at < g->settings && g->setting[at].column == column) {
		g->setting[at].value = value;
		return true;
	}
	list = cg_arena_array(&tree->arena, g->settings + (size_t)1, sizeof(*list));
	if (!list)
		return false;
	if (at)
		memcpy(list, g->setting, at * sizeof(*list));
	list[at] = (struct cg_setting){column, value};
	if (at < g->settings)
		memcpy(list + at + 1, g->setting + at, (g->settings - at) * sizeof(*list));
	g->setting = list;
	g->settings++;
	return true;
}

struct cg_owner cg_group_file_owner(const struct cg_tree *tree, uint32_t group, uint16_t column)
{
	const struct cg_group *g = &tree->group[group];

	for (uint16_t i = 0; i < g->file_owners; i++)
		if (g->file_owner[i].column == column && column != CG_FILE_EXTRA)
			return g->file_owner[i].owner;
	return (struct cg_owner){
		g->file_uid, g->file_gid, tree->hierarchy[g->hierarchy].column[column].usual_mode};
}

const char *cg_path_below(const char *mount_root, const char *path)
{
	size_t n = strcmp(mount_root, "/") == 0 ? 0 : strlen(mount_root);

	if (strncmp(path, mount_root, n) != 0)
		return NULL;
	path += n;
	if (*path == '\0')
		return ".";
	if (*path != '/')
		return NULL;
	return path[1] ? path + 1 : ".";
}

void cg_group_path(const struct cg_tree *tree, uint32_t group, struct cg_text *t)
{
	uint32_t chain[CG_DEPTH_MAX + 1];
	size_t n = 0;

	for (uint32_t i = group; i != CG_NONE && n <= CG_DEPTH_MAX; i = tree->group[i].parent)
		chain[n++] = i;
	while (n--) {
		const struct cg_group *g = &tree->group[chain[n]];

		if (g->parent != CG_NONE && (t->len == 0 || t->data[t->len - 1] != '/'))
			cg_text_addc(t, '/');
		cg_text_adds(t, g->name);
	}
}

uint32_t cg_group_child(const struct cg_tree *tree, uint32_t group, const char *name)
{
	uint32_t i = tree->group[group].first_child;

	while (i != CG_NONE && strcmp(tree->group[i].name, name) != 0)
		i = tree->group[i].next_sibling;
	return i;
}

static uint32_t find_below(const struct cg_tree *tree, uint32_t group, const char *rest)
{
	struct cg_bytes path = cg_bytes_of(rest), part;

	while (group != CG_NONE && cg_bytes_split(&path, '/', &part)) {
		uint32_t i = tree->group[group].first_child;

		while (i != CG_NONE && !cg_bytes_is(part, tree->group[i].name))
			i = tree->group[i].next_sibling;
		group = i;
	}
	return group;
}

uint32_t cg_tree_find(const struct cg_tree *tree, uint32_t hierarchy, const char *path)
{
	for (uint32_t top = tree->hierarchy[hierarchy].first_top; top != CG_NONE;
		top = tree->group[top].next_sibling) {
		size_t n = strcmp(tree->group[top].name, "/") == 0 ? 0 : strlen(tree->group[top].name);

		if (strncmp(tree->group[top].name, path, n) == 0 && (path[n] == '\0' || path[n] == '/')) {
			uint32_t found = find_below(tree, top, path[n] ? path + n + 1 : "");

			if (found != CG_NONE)
				return found;
		}
	}
	return CG_NONE;
}

bool cg_group_default(const struct cg_tree *tree, uint32_t group, uint16_t column, struct cg_text *t)
{
	const struct cg_group *g = &tree->group[group];
	const struct cg_column *c = &tree->hierarchy[g->hierarchy].column[column];
	struct cg_bytes above;

	if (!c->knob)
		return false;
	if (c->knob->default_kind != CG_DEFAULT_INHERIT)
		return cg_knob_default(c->knob, c->name, tree->inventory.page_size, t);
	if (g->parent == CG_NONE) {
		cg_text_adds(t, c->knob->default_value ? c->knob->default_value : "");
		return c->knob->default_value != NULL;
	}
	if (!cg_group_value(tree, g->parent, column, &above))
		return false;
	cg_text_add(t, above.data, above.len);
	return true;
}

bool cg_group_is_default(const struct cg_tree *tree, uint32_t group, uint16_t column, struct cg_bytes value)
{
	const struct cg_column *c = &tree->hierarchy[tree->group[group].hierarchy].column[column];
	_cleanup_text_ struct cg_text usual = {0};

	return c->knob && cg_group_default(tree, group, column, &usual) && !usual.failed &&
	       cg_value_same(c->knob, value, (struct cg_bytes){usual.data ? usual.data : "", usual.len},
		       cg_knob_unit(c->knob, c->name, tree->inventory.page_size));
}
