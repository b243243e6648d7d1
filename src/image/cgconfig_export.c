/* A tree as a configuration: a section for each group, with a part for each controller that it has. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/cgconfig_private.h"
#include "model/value.h"

/* Where the text of a part lies in the output. */
struct part {
	size_t start, len;
};

struct exporter {
	const struct cg_tree *tree;
	cg_cgconfig_lost_fn *lost;
	void *context;
	struct cg_text *out;
	struct part *part; /* of the section in hand */
	size_t parts, room;
};

/* A group and its path; those of several hierarchies that have one path are one section. */
struct item {
	const char *path;
	uint32_t group;
};

static int lose(
	struct exporter *x, const char *path, const char *knob, const char *text, struct cg_error **err)
{
	return x->lost(x->context, path, knob, text) == 0 ? 0 : cg_error_oom(err);
}

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int order = strcmp(x->path, y->path);

	return order ? order : x->group < y->group ? -1 : x->group > y->group;
}

static bool is_plain_word(struct cg_bytes b)
{
	for (size_t i = 0; i < b.len; i++)
		if ((unsigned char)b.data[i] <= ' ' || b.data[i] == 127 || strchr("{}=;\"#", b.data[i]))
			return false;
	return b.len > 0;
}

static void add_word(struct cg_text *t, struct cg_bytes b)
{
	const char *quote = is_plain_word(b) ? "" : "\"";

	cg_text_adds(t, quote);
	cg_text_add(t, b.data, b.len);
	cg_text_adds(t, quote);
}

static bool can_stand(struct cg_bytes b)
{
	return !b.len || !(memchr(b.data, '"', b.len) || memchr(b.data, '\0', b.len));
}

static void add_line(struct exporter *x, const char *file, struct cg_bytes value)
{
	cg_text_adds(x->out, "\t\t");
	add_word(x->out, cg_bytes_of(file));
	cg_text_adds(x->out, " = \"");
	cg_text_add(x->out, value.data, value.len);
	cg_text_adds(x->out, "\";\n");
}

static bool is_default(const struct exporter *x, uint32_t group, uint16_t column, struct cg_bytes value)
{
	const struct cg_column *c = &x->tree->hierarchy[x->tree->group[group].hierarchy].column[column];
	_cleanup_text_ struct cg_text t = {0};

	return cg_group_default(x->tree, group, column, &t) && !t.failed &&
	       cg_value_same(c->knob, value, (struct cg_bytes){t.data ? t.data : "", t.len},
		       c->knob ? cg_knob_unit(c->knob, c->name, x->tree->inventory.page_size) : 1);
}

static int put_setting(
	struct exporter *x, const char *path, uint32_t group, uint16_t column, struct cg_error **err)
{
	const struct cg_column *c = &x->tree->hierarchy[x->tree->group[group].hierarchy].column[column];
	struct cg_bytes value;

	if (!cg_group_value(x->tree, group, column, &value))
		return lose(x, path, c->name, "could not be read when the image was made", err);
	value = cg_value_setting(c->knob, value);
	if (is_default(x, group, column, value))
		return 0;
	if (!can_stand(value) || !can_stand(cg_bytes_of(c->name)))
		return lose(x, path, c->name, "a quotation mark cannot stand in a configuration", err);
	if (c->knob && c->knob->clear_name) {
		add_line(x, c->knob->clear_name, CG_BYTES("a"));
		if (value.len)
			add_line(x, c->knob->write_name, value);
		return 0;
	}
	if (value.len || (c->knob && c->knob->grammar == CG_GRAMMAR_LIST))
		add_line(x, c->name, cg_value_written(c->knob, value));
	return 0;
}

/* Whether a file stands in this part: its controller's (of a file that nobody knows: the one before its dot),
 * else on v2 libcgroup's own for the core, on v1 the first. */
static bool belongs(const struct cg_hierarchy *h, const struct cg_column *c, struct cg_bytes part, bool first)
{
	const char *dot = strchr(c->name, '.');
	struct cg_bytes home = {c->name, dot && !c->knob ? (size_t)(dot - c->name) : 0};

	if (c->knob)
		home = cg_bytes_of(c->knob->controller);
	if (home.len && cg_bytes_has_part(cg_bytes_of(h->controllers), ',', home))
		return cg_bytes_equal(part, home);
	return h->version == 2 ? cg_bytes_is(part, CG_CGCONFIG_CORE) : first;
}

/* Files that follow from the groups below. */
static bool is_structure(const struct cg_column *c)
{
	return c->knob && (c->knob->grammar == CG_GRAMMAR_CONTROLLERS || c->knob->phase == CG_PHASE_TYPE);
}

static int keep_part(struct exporter *x, size_t start, struct cg_error **err)
{
	if (x->parts == x->room) {
		size_t room = x->room ? 2 * x->room : 16;
		struct part *more = reallocarray(x->part, room, sizeof(*more));

		if (!more)
			return cg_error_oom(err);
		x->part = more;
		x->room = room;
	}
	x->part[x->parts++] = (struct part){start, x->out->len - start};
	return 0;
}

static int put_part(struct exporter *x, const char *path, uint32_t group, struct cg_bytes part, bool first,
	bool always, struct cg_error **err)
{
	const struct cg_group *g = &x->tree->group[group];
	const struct cg_hierarchy *h = &x->tree->hierarchy[g->hierarchy];
	const struct cg_file_set *set = &h->file_set[g->file_set];
	size_t before = x->out->len, inside;
	int r = 0;

	cg_text_adds(x->out, "\t");
	if (h->name && !h->controllers[0])
		cg_text_printf(x->out, "\"name=%s\"", h->name);
	else
		add_word(x->out, part);
	cg_text_adds(x->out, " {\n");
	inside = x->out->len;
	for (uint16_t i = 0; r == 0 && i < set->count; i++) {
		const struct cg_column *c = &h->column[set->column[i]];

		if (!is_structure(c) && belongs(h, c, part, first))
			r = put_setting(x, path, group, set->column[i], err);
	}
	if (x->out->failed)
		return cg_error_oom(err);
	if (x->out->len == inside && !always) {
		x->out->len = before;
		x->out->data[before] = '\0';
	} else {
		cg_text_adds(x->out, "\t}\n");
		r = r < 0 ? r : keep_part(x, before, err);
	}
	return r;
}

/* On v2 a controller is there where a file of it is, or where the group above passes it on. */
static bool has_controller(const struct exporter *x, uint32_t group, struct cg_bytes name)
{
	const struct cg_group *g = &x->tree->group[group];
	const struct cg_hierarchy *h = &x->tree->hierarchy[g->hierarchy];
	const struct cg_file_set *set = &h->file_set[g->file_set];

	for (uint16_t i = 0; i < set->count; i++)
		if (h->column[set->column[i]].knob &&
			cg_bytes_is(name, h->column[set->column[i]].knob->controller))
			return true;
	for (uint16_t i = 0; g->parent != CG_NONE && i < h->columns; i++) {
		struct cg_bytes v, word;

		if (!h->column[i].knob || h->column[i].knob->grammar != CG_GRAMMAR_CONTROLLERS ||
			!cg_group_has_column(x->tree, g->parent, i) ||
			!cg_group_value(x->tree, g->parent, i, &v))
			continue;
		while (cg_bytes_word(&v, &word))
			if (cg_bytes_equal(word, name))
				return true;
	}
	return false;
}

static int put_hierarchy(struct exporter *x, const char *path, uint32_t group, struct cg_error **err)
{
	const struct cg_hierarchy *h = &x->tree->hierarchy[x->tree->group[group].hierarchy];
	struct cg_bytes rest = cg_bytes_of(h->controllers), part;
	bool first = true;
	int r = 0;

	while (r == 0 && cg_bytes_split(&rest, ',', &part)) {
		if (h->version == 2 && !has_controller(x, group, part))
			continue;
		r = put_part(x, path, group, part, first, true, err);
		first = false;
	}
	/* A group without any controller is a group all the same. */
	if (r == 0 && (h->version == 2 || first))
		r = put_part(x, path, group, CG_BYTES(CG_CGCONFIG_CORE), true, first, err);
	return r;
}

static const struct cg_owner *task_owner(const struct cg_tree *tree, const struct cg_group *g)
{
	const char *name = tree->hierarchy[g->hierarchy].version == 2 ? "cgroup.procs" : "tasks";

	for (uint16_t i = 0; i < g->file_owners; i++)
		if (g->file_owner[i].column == CG_FILE_EXTRA && strcmp(g->file_owner[i].name, name) == 0)
			return &g->file_owner[i].owner;
	return NULL;
}

static bool same_owner(const struct cg_owner *a, const struct cg_owner *b)
{
	return a->uid == b->uid && a->gid == b->gid && a->mode == b->mode;
}

#define NO_MODE UINT16_MAX

/* The mode of all files of a group when they have one that is not usual; NO_MODE: the usual, or several. */
static uint16_t files_mode(const struct cg_tree *tree, const struct cg_group *g)
{
	uint16_t n = 0, mode = NO_MODE;

	for (uint16_t i = 0; i < g->file_owners; i++) {
		const struct cg_file_owner *f = &g->file_owner[i];

		if (f->column == CG_FILE_EXTRA)
			continue;
		if ((n++ && f->owner.mode != mode) || f->owner.uid != g->file_uid ||
			f->owner.gid != g->file_gid)
			return NO_MODE;
		mode = f->owner.mode;
	}
	return n == tree->hierarchy[g->hierarchy].file_set[g->file_set].count ? mode : NO_MODE;
}

static bool has_files(const struct cg_tree *tree, const struct cg_group *g)
{
	return tree->hierarchy[g->hierarchy].file_set[g->file_set].count > 0;
}

/* One perm for all hierarchies of the section: the first group's. */
static int put_perm(struct exporter *x, const struct item *item, size_t count, struct cg_error **err)
{
	const struct cg_group *g = &x->tree->group[item->group];
	const struct cg_owner root = {0, 0, 0644}, *task = task_owner(x->tree, g);
	const struct cg_owner files = {g->file_uid, g->file_gid, 0644};
	uint16_t fperm = NO_MODE;
	int r = 0;

	for (size_t i = 0; i < count && fperm == NO_MODE; i++)
		fperm = files_mode(x->tree, &x->tree->group[item[i].group]);

	task = task ? task : &files;
	for (size_t i = 1; r == 0 && i < count; i++) {
		const struct cg_group *other = &x->tree->group[item[i].group];
		const struct cg_owner *its = task_owner(x->tree, other);
		const struct cg_owner plain = {other->file_uid, other->file_gid, 0644};

		if ((has_files(x->tree, other) && files_mode(x->tree, other) != fperm) ||
			!same_owner(&g->owner, &other->owner) || g->file_uid != other->file_uid ||
			g->file_gid != other->file_gid || !same_owner(task, its ? its : &plain))
			r = lose(x, item->path, NULL,
				"has other owners in other hierarchies; a configuration has one for all",
				err);
	}
	if (g->owner.uid == 0 && g->owner.gid == 0 && g->owner.mode == 0755 && g->file_uid == 0 &&
		g->file_gid == 0 && same_owner(task, &root) && fperm == NO_MODE)
		return r;
	if (g->owner.uid != g->file_uid || g->owner.gid != g->file_gid)
		r = r < 0 ? r
			  : lose(x, item->path, NULL,
				    "its directory and its files have different owners, and a configuration has one; "
				    "the directory's is taken",
				    err);
	cg_text_printf(x->out,
		"\tperm {\n\t\ttask {\n\t\t\tuid = %u;\n\t\t\tgid = %u;\n\t\t\tfperm = %o;\n\t\t}\n"
		"\t\tadmin {\n\t\t\tuid = %u;\n\t\t\tgid = %u;\n\t\t\tdperm = %o;\n",
		task->uid, task->gid, task->mode, g->owner.uid, g->owner.gid, g->owner.mode);
	if (fperm != NO_MODE)
		cg_text_printf(x->out, "\t\t\tfperm = %o;\n", fperm);
	cg_text_adds(x->out, "\t\t}\n\t}\n");
	return r;
}

static int tell_lost(struct exporter *x, const struct item *item, struct cg_error **err)
{
	const struct cg_group *g = &x->tree->group[item->group];
	int r = 0;

	if (g->type == CG_TYPE_THREADED)
		r = lose(x, item->path, NULL, "is threaded, which a configuration cannot say", err);
	for (uint16_t i = 0; r == 0 && i < g->xattrs; i++)
		r = lose(x, item->path, g->xattr[i].name, "extended attributes have no place", err);
	for (uint16_t i = 0; r == 0 && i < g->programs; i++)
		r = lose(x, item->path, g->program[i].name, "BPF programs have no place", err);
	if (r == 0 && g->tasks)
		r = lose(x, item->path, NULL, "which tasks are in it has no place", err);
	for (uint16_t i = 0; r == 0 && files_mode(x->tree, g) == NO_MODE && i < g->file_owners; i++)
		if (g->file_owner[i].column != CG_FILE_EXTRA) {
			r = lose(x, item->path,
				x->tree->hierarchy[g->hierarchy].column[g->file_owner[i].column].name,
				"owners of single files have no place", err);
		}
	return r;
}

static int compare_parts(const void *a, const void *b, void *context)
{
	const struct part *x = a, *y = b;
	const char *all = context;

	return cg_bytes_compare(
		(struct cg_bytes){all + x->start, x->len}, (struct cg_bytes){all + y->start, y->len});
}

/* Puts the parts of a section in the order of their names: a configuration tells neither which hierarchy
 * comes first nor which controllers share one. */
static int order_parts(struct exporter *x, size_t start, struct cg_error **err)
{
	_cleanup_text_ struct cg_text all = {0};

	if (x->parts < 2)
		return 0;
	cg_text_add(&all, x->out->data, x->out->len);
	if (all.failed)
		return cg_error_oom(err);
	qsort_r(x->part, x->parts, sizeof(*x->part), compare_parts, all.data);
	x->out->len = start;
	for (size_t i = 0; i < x->parts; i++)
		cg_text_add(x->out, all.data + x->part[i].start, x->part[i].len);
	return 0;
}

static int put_section(struct exporter *x, const struct item *item, size_t count, struct cg_error **err)
{
	size_t start;
	int r = 0;

	if (!can_stand(cg_bytes_of(item->path)))
		return lose(x, item->path, NULL, "a quotation mark cannot stand in a configuration", err);
	cg_text_adds(x->out, "group ");
	add_word(x->out, cg_bytes_of(item->path + 1));
	cg_text_adds(x->out, " {\n");
	r = put_perm(x, item, count, err);
	start = x->out->len;
	x->parts = 0;
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = tell_lost(x, &item[i], err);
		r = r < 0 ? r : put_hierarchy(x, item->path, item[i].group, err);
	}
	r = r < 0 ? r : order_parts(x, start, err);
	cg_text_adds(x->out, "}\n\n");
	return r;
}

static int put_all(struct exporter *x, const struct item *item, struct cg_error **err)
{
	int r = 0;

	for (size_t i = 0, n; r == 0 && i < x->tree->groups; i += n) {
		for (n = 1; i + n < x->tree->groups && strcmp(item[i].path, item[i + n].path) == 0;)
			n++;
		r = put_section(x, &item[i], n, err);
	}
	return r;
}

int cg_cgconfig_export(const struct cg_tree *tree, cg_cgconfig_lost_fn *lost, void *context,
	struct cg_text *ret, struct cg_error **err)
{
	struct exporter x = {.tree = tree, .lost = lost, .context = context, .out = ret};
	_cleanup_free_ struct item *item = calloc(tree->groups + 1, sizeof(*item));
	struct cg_arena arena = {0};
	int r = item ? 0 : cg_error_oom(err);

	for (uint32_t i = 0; r == 0 && i < tree->groups; i++) {
		_cleanup_text_ struct cg_text t = {0};

		cg_group_path(tree, i, &t);
		item[i] = (struct item){t.failed ? NULL : cg_arena_string(&arena, t.data), i};
		if (!item[i].path)
			r = cg_error_oom(err);
	}
	if (r == 0 && tree->groups)
		qsort(item, tree->groups, sizeof(*item), compare_items);
	r = r < 0 ? r : put_all(&x, item, err);
	cg_arena_free(&arena);
	free(x.part);
	if (r == 0 && ret->failed)
		r = cg_error_oom(err);
	return r;
}
