/* The tree as a person likes to read it: a line for each group with what is special about it. Hierarchies
 * whose trees look alike (on v1, most of them) are drawn once; what one of them alone has is named with it.
 */
#include <errno.h>
#include <string.h>

#include "cli/show.h"
#include "model/program.h"
#include "model/value.h"

#define NAME_COLUMN_MAX 44

enum cell_kind { CELL_TYPE, CELL_TASKS, CELL_SETTING, CELL_UNREADABLE, CELL_OTHER };

/* One thing told about a group. */
struct cell {
	enum cell_kind kind;
	uint16_t hierarchy;
	uint32_t number; /* in the order that they were added */
	bool common;     /* is no controller's: which hierarchy has it must be told, unless all do */
	char *name, *words;
};

struct cells {
	struct cell *item;
	size_t count, room;
	bool failed;
};

/* Hierarchies with trees of the same shape. first[i] is the first group in hierarchy[i]; group k of one
 * stands where group k of another does. */
struct alike {
	uint16_t *hierarchy;
	uint32_t *first;
	size_t count;
	uint32_t groups;
};

struct picture {
	struct cli *cli;
	const struct cg_tree *tree;
	struct cli_style style;
	bool all;
	struct alike alike;
	size_t name_column;
	struct cells cells;
	bool more[CG_DEPTH_MAX + 2]; /* whether the group on each level has a sibling below it */
};

static void cells_clear(struct cells *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->item[i].name);
		free(c->item[i].words);
	}
	c->count = 0;
}

/* Takes both texts; a cell that does not fit into memory is told at the end. */
static void add_cell(struct cells *c, struct cell cell, struct cg_text *name, struct cg_text *words)
{
	if (c->count == c->room) {
		size_t room = c->room ? 2 * c->room : 32;
		struct cell *more = reallocarray(c->item, room, sizeof(*more));

		if (!more) {
			c->failed = true;
			return;
		}
		c->item = more;
		c->room = room;
	}
	if (cg_text_take(name, &cell.name) < 0 || cg_text_take(words, &cell.words) < 0) {
		free(cell.name);
		c->failed = true;
		return;
	}
	cell.number = (uint32_t)c->count;
	c->item[c->count++] = cell;
}

struct setting_context {
	struct cells *cells;
	uint16_t hierarchy;
};

static void setting_cell(void *context, const struct show_setting *s)
{
	struct setting_context *c = context;
	_cleanup_text_ struct cg_text name = {0}, words = {0};
	struct cell cell = {.kind = CELL_SETTING,
		.hierarchy = c->hierarchy,
		.common = !s->knob || !s->knob->controller[0]};

	cg_text_escape(&name, cg_bytes_of(s->name));
	if (!s->value.data) {
		cell.kind = CELL_UNREADABLE;
		cg_text_adds(&words, "unreadable");
	} else if (s->knob) {
		cg_value_describe(s->knob, s->value, &words);
	} else {
		cg_text_escape(&words, cg_bytes_trim(s->value));
	}
	if (!words.len)
		cg_text_adds(&words, "\"\"");
	add_cell(c->cells, cell, &name, &words);
}

static void task_cell(struct cells *cells, const struct cg_group *g)
{
	struct cli_counts c = cli_group_counts(g);
	_cleanup_text_ struct cg_text name = {0}, words = {0};

	if (!c.tasks)
		return;
	cli_plural(&words, c.processes, "process", "processes");
	if (c.tasks > c.processes)
		cg_text_printf(&words, " (%llu threads)", (unsigned long long)c.tasks);
	add_cell(cells, (struct cell){.kind = CELL_TASKS, .hierarchy = g->hierarchy, .common = true}, &name,
		&words);
}

static void owner_cell(struct cells *cells, const struct cg_tree *tree, const struct cg_group *g)
{
	struct cg_owner above =
		g->parent == CG_NONE ? (struct cg_owner){0, 0, 0755} : tree->group[g->parent].owner;
	_cleanup_text_ struct cg_text name = {0}, words = {0};

	if (g->owner.uid == above.uid && g->owner.gid == above.gid && g->owner.mode == above.mode)
		return;
	cg_text_adds(&name, "owner");
	cg_text_printf(&words, "%u:%u", g->owner.uid, g->owner.gid);
	if (g->owner.mode != above.mode)
		cg_text_printf(&words, " mode %03o", g->owner.mode);
	add_cell(cells, (struct cell){.kind = CELL_OTHER, .hierarchy = g->hierarchy, .common = true}, &name,
		&words);
}

static void attachment_cells(struct cells *cells, const struct cg_group *g)
{
	_cleanup_text_ struct cg_text name = {0}, words = {0};

	for (uint16_t i = 0; i < g->xattrs; i++) {
		cg_text_adds(&words, i ? " " : "");
		cg_text_escape(&words, cg_bytes_of(g->xattr[i].name));
	}
	if (g->xattrs) {
		cg_text_adds(&name, g->xattrs == 1 ? "xattr" : "xattrs");
		add_cell(cells, (struct cell){.kind = CELL_OTHER, .hierarchy = g->hierarchy, .common = true},
			&name, &words);
	}
	if (g->flags & CG_GROUP_SEALED) {
		cg_text_adds(&name, "sealed");
		add_cell(cells, (struct cell){.kind = CELL_OTHER, .hierarchy = g->hierarchy, .common = true},
			&name, &words);
	}
	if (g->programs) {
		cg_programs_describe(g->program, g->programs, true, &words);
		cg_text_adds(&name, g->programs == 1 ? "program" : "programs");
		add_cell(cells, (struct cell){.kind = CELL_OTHER, .hierarchy = g->hierarchy, .common = true},
			&name, &words);
	}
}

static void group_cells(struct cells *cells, const struct cg_tree *tree, uint32_t group, bool all)
{
	const struct cg_group *g = &tree->group[group];
	struct setting_context context = {cells, g->hierarchy};

	if (g->type != CG_TYPE_V1 && (g->type != CG_TYPE_DOMAIN || all)) {
		_cleanup_text_ struct cg_text name = {0}, words = {0};

		cg_text_adds(&words, cg_group_type_name(g->type));
		add_cell(cells, (struct cell){.kind = CELL_TYPE, .hierarchy = g->hierarchy, .common = false},
			&name, &words);
	}
	task_cell(cells, g);
	owner_cell(cells, tree, g);
	show_each_setting(tree, group, all, setting_cell, &context);
	attachment_cells(cells, g);
}

static bool same_words(const struct cell *a, const struct cell *b)
{
	return a->kind == b->kind && strcmp(a->name, b->name) == 0 && strcmp(a->words, b->words) == 0;
}

static void remove_cell(struct cells *c, size_t i)
{
	free(c->item[i].name);
	free(c->item[i].words);
	memmove(&c->item[i], &c->item[i + 1], (--c->count - i) * sizeof(c->item[i]));
}

/* What every hierarchy says in the same words is said once. */
static void merge_common(struct cells *c, size_t hierarchies)
{
	for (size_t i = 0; i < c->count; i++) {
		size_t same = 0;

		for (size_t k = i; c->item[i].common && k < c->count; k++)
			same += c->item[k].common && same_words(&c->item[i], &c->item[k]);
		if (same < hierarchies)
			continue;
		c->item[i].common = false;
		for (size_t k = c->count - 1; k > i; k--)
			if (c->item[k].common && same_words(&c->item[i], &c->item[k]))
				remove_cell(c, k);
	}
}

/* By kind; within one, as they were added: hierarchy by hierarchy. */
static int cell_order(const void *a, const void *b)
{
	const struct cell *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static size_t indent_width(unsigned depth)
{
	return depth ? 3 * (size_t)depth : 0;
}

/* The lines that lead to a group, or (continued) past it. */
static void put_branches(const struct picture *p, unsigned depth, bool continued, bool children)
{
	bool u = p->cli->utf8;

	if (!depth && !continued)
		return;
	(void)fputs(p->style.dim, stdout);
	for (unsigned d = 1; d < depth; d++)
		(void)fputs(p->more[d] ? (u ? "│  " : "|  ") : "   ", stdout);
	if (depth && !continued)
		(void)fputs(p->more[depth] ? (u ? "├─ " : "|- ") : (u ? "└─ " : "`- "), stdout);
	else if (depth)
		(void)fputs(p->more[depth] ? (u ? "│  " : "|  ") : "   ", stdout);
	if (continued)
		(void)fputs(children ? (u ? "│  " : "|  ") : "   ", stdout);
	(void)fputs(p->style.reset, stdout);
}

/* A cell with its colour; gives its width. */
static void compose_cell(const struct picture *p, const struct cell *c, struct cg_text *t)
{
	_cleanup_text_ struct cg_text label = {0};
	const char *color = c->kind == CELL_SETTING      ? p->style.cyan
			    : c->kind == CELL_UNREADABLE ? p->style.yellow
			    : c->kind == CELL_TASKS      ? p->style.green
							 : "";

	if (c->common && p->alike.count > 1)
		cg_text_printf(t, "%s: ", cg_hierarchy_label(&p->tree->hierarchy[c->hierarchy], &label));
	cg_text_adds(t, c->name);
	cg_text_adds(t, c->name[0] ? " " : "");
	cg_text_printf(t, "%s%s%s", color, c->words, color[0] ? p->style.reset : "");
}

static size_t cell_width(const struct picture *p, const struct cell *c)
{
	struct picture plain = *p;
	_cleanup_text_ struct cg_text t = {0};

	plain.style = cli_style_of(false);
	compose_cell(&plain, c, &t);
	return t.data ? cg_utf8_width(t.data) : 0;
}

/* Goes to the next line, under the cells; gives the column. */
static size_t continue_line(const struct picture *p, unsigned depth, bool children)
{
	size_t start = p->name_column + 2, at = indent_width(depth) + 3;

	(void)putchar('\n');
	put_branches(p, depth, true, children);
	(void)printf("%*s", (int)(at < start ? start - at : 0), "");
	return at < start ? start : at;
}

/* On a terminal no line is broken inside a cell; a picture of everything has a line for each setting. */
static void put_cells(const struct picture *p, unsigned depth, bool children, size_t column)
{
	size_t start = p->name_column + 2, at = column;
	_cleanup_text_ struct cg_text t = {0};

	for (size_t i = 0; i < p->cells.count; i++) {
		size_t width = cell_width(p, &p->cells.item[i]);

		if (i && ((p->all && p->cells.item[i].kind >= CELL_SETTING) ||
				 (p->cli->width && at + 2 + width > (size_t)p->cli->width))) {
			at = continue_line(p, depth, children);
		} else {
			size_t gap = i || column >= start ? 2 : start - column;

			(void)printf("%*s", (int)gap, "");
			at += gap;
		}
		cg_text_reset(&t);
		compose_cell(p, &p->cells.item[i], &t);
		(void)fputs(t.data ? t.data : "", stdout);
		at += width;
	}
	(void)putchar('\n');
}

/* Group k of hierarchies that look alike. */
static void put_group(struct picture *p, uint32_t k)
{
	const struct cg_group *g = &p->tree->group[p->alike.first[0] + k];
	_cleanup_text_ struct cg_text name = {0};
	size_t column;

	p->more[g->depth] = g->next_sibling != CG_NONE && g->depth > 0;
	cells_clear(&p->cells);
	for (size_t i = 0; i < p->alike.count; i++)
		group_cells(&p->cells, p->tree, p->alike.first[i] + k, p->all);
	if (p->cells.count)
		qsort(p->cells.item, p->cells.count, sizeof(*p->cells.item), cell_order);
	if (p->alike.count > 1)
		merge_common(&p->cells, p->alike.count);
	put_branches(p, g->depth, false, false);
	cg_text_escape(&name, cg_bytes_of(g->name));
	(void)printf("%s%s%s", p->style.bold, name.data ? name.data : "", p->style.reset);
	column = indent_width(g->depth) + (name.data ? cg_utf8_width(name.data) : 0);
	put_cells(p, g->depth, g->first_child != CG_NONE, column);
}

static uint32_t count_groups(const struct cg_tree *tree, uint32_t hierarchy)
{
	uint32_t first = tree->hierarchy[hierarchy].first_top, end = first;

	while (first != CG_NONE && end < tree->groups && tree->group[end].hierarchy == hierarchy)
		end++;
	return end - first;
}

static bool look_alike(const struct cg_tree *tree, uint32_t a, uint32_t b, uint32_t groups)
{
	for (uint32_t k = 0; k < groups; k++)
		if (tree->group[a + k].depth != tree->group[b + k].depth ||
			strcmp(tree->group[a + k].name, tree->group[b + k].name) != 0)
			return false;
	return true;
}

/* The hierarchies not drawn yet that look like `hierarchy`, it first. */
static void find_alike(const struct cg_tree *tree, uint16_t hierarchy, bool *drawn, struct alike *ret)
{
	uint32_t first = tree->hierarchy[hierarchy].first_top;

	ret->count = 0;
	ret->groups = count_groups(tree, hierarchy);
	for (uint16_t i = hierarchy; i < tree->hierarchies; i++) {
		uint32_t other = tree->hierarchy[i].first_top;

		if (drawn[i] || other == CG_NONE || count_groups(tree, i) != ret->groups ||
			!look_alike(tree, first, other, ret->groups))
			continue;
		drawn[i] = true;
		ret->first[ret->count] = other;
		ret->hierarchy[ret->count++] = i;
	}
}

static void put_heading(const struct picture *p)
{
	_cleanup_text_ struct cg_text label = {0};

	(void)printf("\n%s", p->style.bold);
	for (size_t i = 0; i < p->alike.count; i++) {
		const struct cg_hierarchy *h = &p->tree->hierarchy[p->alike.hierarchy[i]];

		(void)printf("%s%s", i ? " + " : "", cg_hierarchy_label(h, &label));
		if (h->version == 2 && h->controllers[0])
			(void)printf(" (%s)", h->controllers);
	}
	(void)printf("%s\n", p->style.reset);
}

static void measure_names(struct picture *p)
{
	p->name_column = 0;
	for (uint32_t k = 0; k < p->alike.groups; k++) {
		const struct cg_group *g = &p->tree->group[p->alike.first[0] + k];
		_cleanup_text_ struct cg_text name = {0};
		size_t width;

		cg_text_escape(&name, cg_bytes_of(g->name));
		width = indent_width(g->depth) + (name.data ? cg_utf8_width(name.data) : 0);
		if (width > p->name_column && width <= NAME_COLUMN_MAX)
			p->name_column = width;
	}
}

static void put_origin(const struct picture *p, const struct cli_source *source, const char *name)
{
	const struct cg_inventory *v = &p->tree->inventory;
	_cleanup_text_ struct cg_text t = {0};

	cg_text_escape(&t, cg_bytes_of(cli_input_name(name)));
	if (v->host && v->host[0]) {
		cg_text_adds(&t, source->live ? " on " : ": dumped on ");
		cg_text_escape(&t, cg_bytes_of(v->host));
	}
	if (v->kernel && v->kernel[0]) {
		cg_text_adds(&t, ", Linux ");
		cg_text_escape(&t, cg_bytes_of(v->kernel));
	}
	if (v->layout && v->layout[0]) {
		cg_text_adds(&t, ", ");
		cg_text_escape(&t, cg_bytes_of(v->layout));
	}
	cg_text_adds(&t, ", ");
	cli_format_time(v->time, &t);
	cg_text_adds(&t, "\n");
	cli_plural(&t, p->tree->groups, "group", "groups");
	cg_text_adds(&t, " in ");
	cli_plural(&t, p->tree->hierarchies, "hierarchy", "hierarchies");
	if (!v->members)
		cg_text_adds(&t, ", tasks not recorded");
	(void)printf("%s%s%s\n", p->style.dim, t.data ? t.data : "", p->style.reset);
}

static void put_empty_hierarchies(const struct picture *p)
{
	_cleanup_text_ struct cg_text label = {0};
	bool first = true;

	for (uint16_t i = 0; i < p->tree->hierarchies; i++) {
		if (p->tree->hierarchy[i].first_top != CG_NONE)
			continue;
		(void)printf("%s%s%s", first ? "\n" : " + ", first ? p->style.dim : "",
			cg_hierarchy_label(&p->tree->hierarchy[i], &label));
		first = false;
	}
	if (!first)
		(void)printf(": no group here%s\n", p->style.reset);
}

static void put_notes(const struct picture *p)
{
	_cleanup_text_ struct cg_text t = {0};

	for (uint32_t i = 0; i < p->tree->notes; i++) {
		cg_text_reset(&t);
		cli_note_text(&p->tree->note[i], &t);
		(void)printf(
			"%s%s!%s %s\n", i ? "" : "\n", p->style.yellow, p->style.reset, t.data ? t.data : "");
	}
}

static void put_all(struct picture *p, bool *drawn)
{
	for (uint16_t i = 0; i < p->tree->hierarchies; i++) {
		if (drawn[i] || p->tree->hierarchy[i].first_top == CG_NONE)
			continue;
		find_alike(p->tree, i, drawn, &p->alike);
		put_heading(p);
		measure_names(p);
		for (uint32_t k = 0; k < p->alike.groups; k++)
			put_group(p, k);
	}
}

void show_tree(struct cli *cli, const struct cli_source *source, const struct show_options *o)
{
	const struct cg_tree *tree = source->tree;
	_cleanup_free_ bool *drawn = calloc((size_t)tree->hierarchies + 1, sizeof(*drawn));
	struct picture p = {.cli = cli, .tree = tree, .style = cli_style_of(cli->color_out), .all = o->all};

	p.alike.hierarchy = calloc((size_t)tree->hierarchies + 1, sizeof(*p.alike.hierarchy));
	p.alike.first = calloc((size_t)tree->hierarchies + 1, sizeof(*p.alike.first));
	put_origin(&p, source, o->name);
	if (drawn && p.alike.hierarchy && p.alike.first)
		put_all(&p, drawn);
	else
		p.cells.failed = true;
	put_empty_hierarchies(&p);
	put_notes(&p);
	if (p.cells.failed)
		cli_say(cli, "cgtree: show: out of memory: the picture is not complete");
	cells_clear(&p.cells);
	free(p.cells.item);
	free(p.alike.hierarchy);
	free(p.alike.first);
}
