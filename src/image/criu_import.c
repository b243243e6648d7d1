/* CRIU's cgroup.img to a tree: the whole, and the groups of a hierarchy.
 *
 * CRIU lists heads in the order in which it met them: one may lie inside another, and what is between two may
 * be missing. So all directories are taken by their paths, sorted, and put together anew. */
#include "image/criu_import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fdio.h"
#include "image/check.h"

int cg_criu_note(struct cg_criu_importer *im, const char *path, const char *knob, struct cg_error **err,
	const char *fmt, ...)
{
	size_t size = sizeof(struct cg_note) * 2 + (path ? strlen(path) : 0) + (knob ? strlen(knob) : 0);
	_cleanup_free_ char *words = NULL;
	va_list ap;
	int length;

	va_start(ap, fmt);
	length = vasprintf(&words, fmt, ap);
	va_end(ap);
	if (length < 0) {
		words = NULL;
		return cg_error_oom(err);
	}
	if (!cg_budget_charge(&im->budget, size + (size_t)length) ||
		!cg_tree_add_note(im->tree, path, knob, "%s", words))
		return cg_criu_no_memory(im, err);
	return 0;
}

int cg_criu_no_memory(const struct cg_criu_importer *im, struct cg_error **err)
{
	return cg_criu_out_of_memory(&im->budget, err);
}

void *cg_criu_array(struct cg_criu_importer *im, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes) || !cg_budget_charge(&im->budget, bytes))
		return NULL;
	return cg_arena_zalloc(&im->tree->arena, bytes);
}

/* A directory of CRIU's, by its path. */
struct entry {
	const char *path, *top;
	const Cgtree__Criu__Dir *dir;
};

struct entries {
	struct entry *item;
	size_t count;
	const Cgtree__Criu__Dir *root; /* the hierarchy's root is described, too */
};

static size_t count_dirs(const Cgtree__Criu__Dir *dir)
{
	size_t n = 1;

	for (size_t i = 0; i < dir->n_children; i++)
		n += count_dirs(dir->children[i]);
	return n;
}

static int check_name(const char *name, unsigned *depth, struct cg_error **err)
{
	struct cg_bytes rest = cg_bytes_of(name), part;

	if (!rest.len || rest.data[rest.len - 1] == '/')
		return cg_error_corrupt(err, "it has a group with an impossible name");
	while (cg_bytes_split(&rest, '/', &part)) {
		if (!cg_name_is_valid(part))
			return cg_error_corrupt(err, "it has a group with an impossible name");
		if (++*depth > CG_DEPTH_MAX)
			return cg_error_corrupt(err, "its groups are nested more than %d deep", CG_DEPTH_MAX);
	}
	return 0;
}

/* `above` is the parent's path, empty for the root. Recursion is bounded by the nesting that was measured. */
static int collect(struct cg_criu_importer *im, struct entries *e, const Cgtree__Criu__Dir *dir,
	const char *above, unsigned depth, struct cg_error **err)
{
	size_t before = strlen(above), size = before + strlen(dir->dir_name) + 2;
	int r = check_name(dir->dir_name, &depth, err);
	char *path;

	if (r < 0)
		return r;
	path = cg_scratch_alloc(&im->scratch, size);
	if (!path)
		return cg_criu_no_memory(im, err);
	memcpy(path, above, before);
	path[before] = '/';
	memcpy(path + before + 1, dir->dir_name, size - before - 1);
	e->item[e->count++] = (struct entry){path, NULL, dir};
	for (size_t i = 0; r == 0 && i < dir->n_children; i++)
		r = collect(im, e, dir->children[i], path, depth, err);
	return r;
}

static int collect_head(
	struct cg_criu_importer *im, struct entries *e, Cgtree__Criu__Dir *head, struct cg_error **err)
{
	int r = 0;

	head->dir_name += head->dir_name[0] == '/';
	if (head->dir_name[0])
		return collect(im, e, head, "", 0, err);
	if (e->root)
		return cg_error_corrupt(err, "it has a hierarchy with two roots");
	e->root = head;
	for (size_t i = 0; r == 0 && i < head->n_children; i++)
		r = collect(im, e, head->children[i], "", 0, err);
	return r;
}

static int compare_paths(const void *a, const void *b)
{
	return cg_criu_compare_paths(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

static int compare_in_tops(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = x->top == y->top ? 0 : strcmp(x->top, y->top);

	return order ? order : compare_paths(a, b);
}

static bool lies_in(const char *path, const char *above)
{
	size_t n = strlen(above);

	return strncmp(path, above, n) == 0 && path[n] == '/';
}

/* In the order of a tree: tops by name, below each depth-first. */
static int sort_entries(struct entries *e, struct cg_error **err)
{
	if (e->count)
		qsort(e->item, e->count, sizeof(*e->item), compare_paths);
	for (size_t i = 0; i < e->count; i++) {
		struct entry *item = &e->item[i];

		if (i && strcmp(item[-1].path, item->path) == 0)
			return cg_error_corrupt(err, "it has a group twice");
		item->top = i && lies_in(item->path, item[-1].top) ? item[-1].top : item->path;
	}
	if (e->count)
		qsort(e->item, e->count, sizeof(*e->item), compare_in_tops);
	return 0;
}

/* Adds a group below `parent` and gives its number. */
static int add_group(struct cg_criu_importer *im, uint32_t parent, struct cg_bytes name, uint32_t *ret,
	struct cg_error **err)
{
	struct cg_tree *t = im->tree;
	bool grows = t->groups == t->group_room;
	size_t more = grows ? (t->group_room ? (size_t)t->group_room * 2 : 16) * sizeof(*t->group) : 0;
	const struct cg_hierarchy *h = &t->hierarchy[t->hierarchies - 1];
	struct cg_group *g;

	if (!cg_budget_charge(&im->budget, more + name.len + 1) || !cg_arena_keep(&t->arena, &name) ||
		(*ret = cg_tree_add_group(t)) == CG_NONE)
		return cg_criu_no_memory(im, err);
	g = &t->group[*ret];
	g->name = name.data;
	g->parent = parent;
	g->hierarchy = (uint16_t)(t->hierarchies - 1);
	g->type = h->version == 2 ? CG_TYPE_DOMAIN : CG_TYPE_V1;
	g->owner.mode = 0755;
	return 0;
}

/* The groups that are open: the path from a top to the group before. */
struct chain {
	uint32_t group[CG_DEPTH_MAX + 1];
	size_t length[CG_DEPTH_MAX + 1]; /* of their paths */
	size_t count;
};

/* Adds what lies between the innermost open group and the entry: CRIU may have left it out. */
static int add_between(struct cg_criu_importer *im, struct chain *c, const struct entry *e,
	struct cg_bytes *rest, struct cg_error **err)
{
	for (;;) {
		const char *slash = memchr(rest->data, '/', rest->len);
		struct cg_bytes name = {rest->data, slash ? (size_t)(slash - rest->data) : 0};
		_cleanup_free_ char *path = NULL;
		uint32_t group;
		int r;

		if (!slash)
			return 0;
		path = strndup(e->path, (size_t)(slash - e->path));
		if (!path)
			return cg_error_oom(err);
		r = add_group(im, c->group[c->count - 1], name, &group, err);
		r = r < 0 ? r
			  : cg_criu_note(im, path, NULL, err,
				    "is not in CRIU's image, only groups below it are: made without settings");
		r = r < 0 ? r : cg_criu_import_group(im, group, NULL, err);
		if (r < 0)
			return r;
		c->group[c->count] = group;
		c->length[c->count++] = (size_t)(slash - e->path);
		*rest = (struct cg_bytes){slash + 1, rest->len - name.len - 1};
	}
}

static int add_entry(
	struct cg_criu_importer *im, struct chain *c, const struct entry *e, struct cg_error **err)
{
	struct cg_bytes rest = cg_bytes_of(e->path);
	uint32_t group;
	int r = 0;

	if (e->top == e->path)
		c->count = 0;
	/* Paths that begin alike follow each other, so the open ones are compared by their length alone. */
	while (c->count && strncmp(e->path, e[-1].path, c->length[c->count - 1]) != 0)
		c->count--;
	while (c->count && e->path[c->length[c->count - 1]] != '/')
		c->count--;
	if (c->count) {
		rest.data += c->length[c->count - 1] + 1;
		rest.len -= c->length[c->count - 1] + 1;
		r = add_between(im, c, e, &rest, err);
	}
	r = r < 0 ? r : add_group(im, c->count ? c->group[c->count - 1] : CG_NONE, rest, &group, err);
	if (r < 0)
		return r;
	c->group[c->count] = group;
	c->length[c->count++] = strlen(e->path);
	return cg_criu_import_group(im, group, e->dir, err);
}

static int add_entries(struct cg_criu_importer *im, const struct entries *e, struct cg_error **err)
{
	const Cgtree__Criu__Dir **dir = cg_scratch_array(&im->scratch, e->count, sizeof(*dir));
	struct chain chain = {.count = 0};
	int r;

	if (!dir)
		return cg_criu_no_memory(im, err);
	for (size_t i = 0; i < e->count; i++)
		dir[i] = e->item[i].dir;
	r = cg_criu_import_columns(im, dir, e->count, err);
	for (size_t i = 0; r == 0 && i < e->count; i++)
		r = add_entry(im, &chain, &e->item[i], err);
	return r;
}

static int note_root(struct cg_criu_importer *im, struct cg_error **err)
{
	_cleanup_text_ struct cg_text path = {0}, label = {0};

	cg_text_printf(
		&path, "%s:/", cg_hierarchy_label(&im->tree->hierarchy[im->tree->hierarchies - 1], &label));
	if (path.failed || label.failed)
		return cg_error_oom(err);
	return cg_criu_note(im, path.data, NULL, err,
		"is the root of a hierarchy, which is never restored: its settings and the tasks in it are left out");
}

int cg_criu_import_hierarchy(
	struct cg_criu_importer *im, const Cgtree__Criu__Controller *m, struct cg_error **err)
{
	struct cg_tree *t = im->tree;
	struct entries e = {0};
	struct cg_hierarchy *h;
	size_t dirs = 0;
	uint32_t index;
	int r;

	index = cg_tree_add_hierarchy(t);
	if (index == CG_NONE)
		return cg_error_oom(err);
	h = &t->hierarchy[index];
	h->mount_options = h->mount_point = h->mount_root = "";
	r = cg_criu_hierarchy(m->cnames, m->n_cnames, &t->arena, h, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < m->n_dirs; i++)
		dirs += count_dirs(m->dirs[i]);
	e.item = cg_scratch_array(&im->scratch, dirs, sizeof(*e.item));
	if (!e.item)
		return cg_criu_no_memory(im, err);
	for (size_t i = 0; r == 0 && i < m->n_dirs; i++)
		r = collect_head(im, &e, m->dirs[i], err);
	r = r < 0 ? r : sort_entries(&e, err);
	if (r == 0 && e.root)
		r = note_root(im, err);
	return r < 0 ? r : add_entries(im, &e, err);
}

static void set_inventory(struct cg_tree *t, bool tasks)
{
	bool v1 = false, v2 = false;

	for (uint32_t i = 0; i < t->hierarchies; i++) {
		v1 |= t->hierarchy[i].version == 1;
		v2 |= t->hierarchy[i].version == 2;
	}
	t->inventory = (struct cg_inventory){
		.tool = "criu",
		.host = "",
		.kernel = "",
		.boot_id = "",
		.layout = v1 && v2 ? "hybrid"
			  : v2     ? "v2"
			  : v1     ? "v1"
				   : "",
		.members = tasks,
		.members_consistent = tasks, /* CRIU held them still */
	};
}

/* What is not known is not carried along either. */
static void strip_unknown(Cgtree__Criu__Cgroups *m)
{
	m->base.n_unknown_fields = 0;
	for (size_t i = 0; i < m->n_sets; i++) {
		m->sets[i]->base.n_unknown_fields = 0;
		for (size_t k = 0; k < m->sets[i]->n_ctls; k++)
			m->sets[i]->ctls[k]->base.n_unknown_fields = 0;
	}
	for (size_t i = 0; i < m->n_controllers; i++)
		m->controllers[i]->base.n_unknown_fields = 0;
}

static int note_whole(struct cg_criu_importer *im, bool tasks, struct cg_error **err)
{
	int r = 0;

	if (im->ownerless)
		r = cg_criu_note(im, NULL, NULL, err,
			"%llu groups have no owner in CRIU's image: root and mode 755 are taken",
			(unsigned long long)im->ownerless);
	if (r == 0 && im->ruleless)
		r = cg_criu_note(im, NULL, NULL, err,
			"%llu files have no owner in CRIU's image: that of their group's others and the usual "
			"mode are taken",
			(unsigned long long)im->ruleless);
	if (r == 0 && cg_criu_has_unknown(&im->message->base))
		r = cg_criu_note(im, NULL, NULL, err,
			"CRIU's image says things that are not known here; they are left out");
	if (r == 0 && !tasks && im->message->n_sets)
		r = cg_criu_note(im, NULL, NULL, err,
			"which task is where stands in other images of CRIU: import the folder to have it");
	return r;
}

static int read_message(struct cg_criu_importer *im, struct cg_bytes file, struct cg_error **err)
{
	struct cg_bytes rest, entry;
	ProtobufCMessage *m;
	int r = cg_criu_open(file, CG_CRIU_MAGIC_CGROUP, &rest, err);

	r = r < 0 ? r : cg_criu_next(&rest, &entry, err);
	if (r < 0)
		return r;
	if (r == 0)
		return cg_error_corrupt(err, "it ends where the groups should begin");
	if (rest.len)
		return cg_error_corrupt(err, "%zu bytes follow its end", rest.len);
	r = cg_criu_unpack(&im->scratch, &cgtree__criu__cgroups__descriptor, entry, true, &m, err);
	if (r == 0)
		im->message = (Cgtree__Criu__Cgroups *)m;
	return r < 0 ? r : cg_criu_check_sets(im->message, &im->scratch, err);
}

static int import(struct cg_criu_importer *im, struct cg_bytes file, const struct cg_criu_tasks *tasks,
	struct cg_error **err)
{
	int r = read_message(im, file, err);

	if (r < 0)
		return r;
	if (im->message->n_controllers > CG_IMAGE_HIERARCHIES_MAX)
		return cg_error_corrupt(err, "it has %zu hierarchies, more than %d",
			im->message->n_controllers, CG_IMAGE_HIERARCHIES_MAX);
	for (size_t i = 0; r == 0 && i < im->message->n_controllers; i++)
		r = cg_criu_import_hierarchy(im, im->message->controllers[i], err);
	if (r == 0)
		set_inventory(im->tree, tasks != NULL);
	r = r < 0 ? r : cg_tree_link(im->tree, err);
	r = r < 0 ? r : note_whole(im, tasks != NULL, err);
	r = r < 0 ? r : cg_criu_import_tasks(im, tasks, err);
	strip_unknown(im->message);
	r = r < 0 ? r : cg_criu_keep_sets(im->tree, im->message, &im->budget, err);
	return r < 0 ? r : cg_image_check(im->tree, err);
}

int cg_criu_import(struct cg_bytes file, const struct cg_criu_tasks *tasks, size_t memory,
	struct cg_tree **ret, struct cg_error **err)
{
	struct cg_criu_importer im = {.budget.limit = memory, .tree = cg_tree_new()};
	int r;

	if (!im.tree)
		return cg_error_oom(err);
	cg_scratch_init(&im.scratch, &im.budget);
	r = import(&im, file, tasks, err);
	cg_scratch_free(&im.scratch);
	if (r == 0)
		*ret = im.tree;
	else
		cg_tree_free(im.tree);
	return r;
}

int cg_criu_import_file(int fd, size_t memory, struct cg_tree **ret, struct cg_error **err)
{
	_cleanup_text_ struct cg_text file = {0};
	int r = cg_criu_load(fd, CG_CRIU_FILE_NAME, &file, err);

	return r < 0 ? r : cg_criu_import((struct cg_bytes){file.data, file.len}, NULL, memory, ret, err);
}

static int import_nothing(struct cg_tree **ret, struct cg_error **err)
{
	_cleanup_tree_ struct cg_tree *tree = cg_tree_new();

	if (!tree || !cg_tree_add_note(tree, NULL, NULL, "%s",
			     "the folder has no " CG_CRIU_FILE_NAME ": CRIU saved no groups"))
		return cg_error_oom(err);
	set_inventory(tree, false);
	*ret = cg_steal(tree);
	return 0;
}

int cg_criu_import_folder(int dirfd, size_t memory, struct cg_tree **ret, struct cg_error **err)
{
	_cleanup_criu_tasks_ struct cg_criu_tasks tasks = {0};
	_cleanup_text_ struct cg_text file = {0};
	_cleanup_close_ int fd = -1;
	int r = cg_open_beneath(dirfd, CG_CRIU_FILE_NAME, O_RDONLY, &fd);

	if (r == -ENOENT)
		return import_nothing(ret, err);
	if (r < 0) {
		r = cg_error_errno(err, -r, "cannot open");
		cg_error_at(err, CG_CRIU_FILE_NAME, NULL);
		return r;
	}
	r = cg_criu_load(fd, CG_CRIU_FILE_NAME, &file, err);
	r = r < 0 ? r : cg_criu_read_tasks(dirfd, memory, &tasks, err);
	if (r < 0)
		return r;
	r = cg_criu_import((struct cg_bytes){file.data, file.len}, &tasks, memory, ret, err);
	if (r < 0)
		cg_error_at(err, CG_CRIU_FILE_NAME, NULL);
	return r;
}
