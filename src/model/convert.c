/* Converting trees: layouts, and the order of the passes. See convert.h. */
#include "model/convert.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/convert_private.h"
#include "model/value.h"

void cg_losses_free(struct cg_losses *losses)
{
	cg_arena_free(&losses->arena);
	free(losses->item);
	*losses = (struct cg_losses){0};
}

void cg_loss_text(const struct cg_loss *loss, struct cg_text *t)
{
	struct cg_bytes rest = loss->was, line;
	bool first = true;

	while (cg_bytes_split(&rest, '\n', &line)) {
		cg_text_adds(t, first ? "" : ", ");
		cg_text_escape(t, line);
		first = false;
	}
	if (loss->was.data && loss->was.len == 0)
		cg_text_adds(t, "\"\"");
	if (loss->became) {
		cg_text_adds(t, loss->was.data ? " became " : "became ");
		cg_text_escape(t, cg_bytes_of(loss->became));
		cg_text_adds(t, ": ");
	} else if (loss->was.data) {
		cg_text_adds(t, " is lost: ");
	}
	cg_text_escape(t, cg_bytes_of(loss->why));
}

void *cg_convert_array(struct cg_converter *c, size_t count, size_t size)
{
	void *a = cg_arena_array(&c->arena, count ? count : 1, size);

	if (!a)
		(void)cg_error_oom(c->err);
	return a;
}

void cg_convert_path(const struct cg_converter *c, uint32_t node, struct cg_text *t)
{
	uint32_t chain[CG_DEPTH_MAX + 2];
	size_t n = 0;

	for (uint32_t i = node; i != CG_NONE && c->node[i].parent != CG_NONE && n < CG_ARRAY_SIZE(chain);
		i = c->node[i].parent)
		chain[n++] = i;
	if (n == 0)
		cg_text_addc(t, '/');
	while (n--) {
		cg_text_addc(t, '/');
		cg_text_adds(t, c->node[chain[n]].name);
	}
}

int cg_losses_add(struct cg_losses *l, const struct cg_loss *loss)
{
	struct cg_loss copy = *loss;

	if (l->count == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		struct cg_loss *more = reallocarray(l->item, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		l->item = more;
		l->room = room;
	}
	copy.path = loss->path ? cg_arena_string(&l->arena, loss->path) : NULL;
	copy.knob = loss->knob ? cg_arena_string(&l->arena, loss->knob) : NULL;
	copy.became = loss->became ? cg_arena_string(&l->arena, loss->became) : NULL;
	copy.why = cg_arena_string(&l->arena, loss->why);
	if (!copy.why || (loss->path && !copy.path) || (loss->knob && !copy.knob) ||
		(loss->became && !copy.became) || (copy.was.data && !cg_arena_keep(&l->arena, &copy.was)))
		return -ENOMEM;
	l->item[l->count++] = copy;
	return 0;
}

int cg_convert_lose(struct cg_converter *c, uint32_t node, const char *knob, struct cg_bytes was,
	const char *became, const char *fmt, ...)
{
	_cleanup_text_ struct cg_text path = {0};
	_cleanup_free_ char *why = NULL;
	struct cg_loss loss = {.knob = knob, .was = was, .became = became};
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&why, fmt, ap);
	va_end(ap);
	if (r < 0)
		why = NULL;
	if (node != CG_NONE)
		cg_convert_path(c, node, &path);
	loss.path = path.data;
	loss.why = why;
	if (!why || path.failed || cg_losses_add(c->losses, &loss) < 0)
		return cg_error_oom(c->err);
	return 0;
}

/* The first loss as the reason to refuse. */
static int refuse_losses(const struct cg_losses *l, struct cg_error **err)
{
	_cleanup_text_ struct cg_text text = {0};
	int r;

	cg_loss_text(&l->item[0], &text);
	r = cg_error_make(err, CG_FAULT_SYSTEM, ENOTSUP, "%s", text.data ? text.data : l->item[0].why);
	cg_error_at(err, l->item[0].path, l->item[0].knob);
	cg_error_hint(err, "without --strict-translation it is said and gone on");
	if (l->count > 1)
		cg_error_wrap(err, "the first of %zu reasons", l->count);
	return r;
}

static bool part_is(const struct cg_layout_part *p, const struct cg_hierarchy *h)
{
	const struct cg_hierarchy part = {
		.version = p->version, .controllers = p->controllers ? p->controllers : "", .name = p->name};

	return cg_hierarchy_same(&part, h);
}

static bool offers(const struct cg_layout_part *p, struct cg_bytes controller)
{
	struct cg_bytes rest = cg_bytes_of(p->controllers), part;

	while (cg_bytes_split(&rest, ',', &part))
		if (cg_bytes_equal(part, controller))
			return true;
	return false;
}

/* Whether v2 there has the controllers that groups have here, or pass on. */
static bool controllers_fit(const struct cg_tree *tree, uint16_t hierarchy, const struct cg_layout_part *p)
{
	const struct cg_hierarchy *h = &tree->hierarchy[hierarchy];

	if (!p->controllers)
		return true;
	for (uint16_t i = 0; i < h->columns; i++) {
		const struct cg_knob *k = h->column[i].knob;

		if (k && k->controller[0] && !offers(p, cg_bytes_of(k->controller)))
			return false;
		for (uint32_t g = 0; k && k->grammar == CG_GRAMMAR_CONTROLLERS && g < tree->groups; g++) {
			struct cg_bytes words, word;

			if (tree->group[g].hierarchy != hierarchy || !cg_group_value(tree, g, i, &words))
				continue;
			while (cg_bytes_word(&words, &word))
				if (!offers(p, word))
					return false;
		}
	}
	return true;
}

bool cg_layout_fits(const struct cg_tree *tree, const struct cg_layout *layout)
{
	for (uint16_t h = 0; h < tree->hierarchies; h++) {
		size_t i = 0;

		while (i < layout->parts && !part_is(&layout->part[i], &tree->hierarchy[h]))
			i++;
		if (i == layout->parts ||
			(tree->hierarchy[h].version == 2 && !controllers_fit(tree, h, &layout->part[i])))
			return false;
	}
	return true;
}

/* Whether a v1 hierarchy of the tree has a controller. */
static bool has_on_v1(const struct cg_tree *tree, const char *controller)
{
	for (uint16_t h = 0; h < tree->hierarchies; h++)
		if (tree->hierarchy[h].version == 1 &&
			cg_hierarchy_has_controller(&tree->hierarchy[h], controller))
			return true;
	return false;
}

/* Whether any group of the v2 hierarchy has files of this controller. */
static bool v2_uses(const struct cg_hierarchy *h, const char *controller)
{
	for (uint16_t i = 0; i < h->columns; i++)
		if (h->column[i].knob && strcmp(h->column[i].knob->controller, controller) == 0)
			return true;
	return false;
}

static bool has_device_programs(const struct cg_tree *tree, uint16_t hierarchy)
{
	for (uint32_t g = 0; g < tree->groups; g++)
		for (uint16_t i = 0; tree->group[g].hierarchy == hierarchy && i < tree->group[g].programs;
			i++)
			if (tree->group[g].program[i].attach_type == BPF_CGROUP_DEVICE)
				return true;
	return false;
}

static bool is_of_rules(const char *controller)
{
	const struct cg_knob *knob = cg_knob_find(cg_convert_rules_file(), 1);

	return knob && strcmp(knob->controller, controller) == 0;
}

static size_t layout_v1(const struct cg_tree *tree, struct cg_layout_part *part)
{
	size_t n = 0;

	for (uint16_t h = 0; h < tree->hierarchies; h++)
		if (tree->hierarchy[h].version == 1)
			part[n++] = (struct cg_layout_part){
				1, tree->hierarchy[h].controllers, tree->hierarchy[h].name};
	for (uint16_t h = 0; h < tree->hierarchies; h++)
		for (size_t i = 0; tree->hierarchy[h].version == 2 && i < cg_controller_pair_count; i++) {
			const struct cg_controller_pair *pair = &cg_controller_pairs[i];
			bool core = strcmp(pair->v1, CG_CORE_ON_V1) == 0 ||
				    (has_device_programs(tree, h) && is_of_rules(pair->v1));

			if (!has_on_v1(tree, pair->v1) &&
				(core || (pair->v2 && *pair->v2 && v2_uses(&tree->hierarchy[h], pair->v2))))
				part[n++] = (struct cg_layout_part){1, pair->v1, NULL};
		}
	return n;
}

int cg_layout_of_version(const struct cg_tree *tree, int version, struct cg_arena *arena,
	struct cg_layout *ret, struct cg_error **err)
{
	struct cg_layout_part *part =
		cg_arena_array(arena, tree->hierarchies + cg_controller_pair_count + 1, sizeof(*part));

	if (!part)
		return cg_error_oom(err);
	ret->part = part;
	ret->parts = 1;
	if (version == 2)
		part[0] = (struct cg_layout_part){2, NULL, NULL};
	else
		ret->parts = layout_v1(tree, part);
	return 0;
}

static void converter_free(struct cg_converter *c)
{
	for (uint16_t p = 0; p < c->parts; p++)
		for (uint16_t d = 0; d < c->part[p].draws; d++)
			for (uint16_t i = 0; i < c->part[p].draw[d].rows; i++)
				cg_translate_files_close(&c->part[p].draw[d].row[i].files);
	c->to = cg_tree_free(c->to);
	cg_arena_free(&c->arena);
	free(c->node);
	free(c->group);
	free(c->placed);
}

static bool keep_string(struct cg_tree *to, const char **s)
{
	if (*s)
		*s = cg_arena_string(&to->arena, *s);
	return *s != NULL;
}

/* What is about the whole: where it was, devices, notes, records of others. */
static int copy_rest(struct cg_converter *c)
{
	struct cg_inventory *i = &c->to->inventory;
	struct cg_tree *to = c->to;

	*i = c->from->inventory;
	i->layout = c->parts == 0 ? i->layout : c->part[0].layout->version == 1 ? "v1" : "v2";
	for (uint16_t p = 1; p < c->parts; p++)
		if (c->part[p].layout->version != c->part[0].layout->version)
			i->layout = "hybrid";
	(void)keep_string(to, &i->tool);
	(void)keep_string(to, &i->host);
	(void)keep_string(to, &i->kernel);
	(void)keep_string(to, &i->boot_id);
	(void)keep_string(to, &i->layout);
	for (uint32_t n = 0; n < c->from->devices; n++) {
		uint32_t at = cg_tree_add_device(to);
		struct cg_device d = c->from->device[n];

		if (at == CG_NONE || !keep_string(to, &d.key) || !keep_string(to, &d.name) ||
			!keep_string(to, &d.stable))
			return cg_error_oom(c->err);
		to->device[at] = d;
	}
	for (uint32_t n = 0; n < c->from->notes; n++)
		if (!cg_tree_add_note(
			    to, c->from->note[n].path, c->from->note[n].knob, "%s", c->from->note[n].text))
			return cg_error_oom(c->err);
	for (uint32_t n = 0; n < c->from->extras; n++) {
		uint32_t at = cg_tree_add_extra(to);
		struct cg_extra e = c->from->extra[n];

		if (at == CG_NONE || !cg_arena_keep(&to->arena, &e.payload))
			return cg_error_oom(c->err);
		to->extra[at] = e;
	}
	return 0;
}

static int convert_part(struct cg_converter *c, struct cg_part *p)
{
	int r = cg_convert_select(c, p);

	r = r < 0 ? r : cg_convert_tasks(c, p);
	r = r < 0 ? r : cg_convert_leaves(c, p);
	r = r < 0 ? r : cg_convert_columns(c, p);
	r = r < 0 ? r : cg_convert_emit(c, p);
	return r < 0 ? r : cg_convert_fit(c, p);
}

static int run(struct cg_converter *c)
{
	int r;

	c->to = cg_tree_new();
	if (!c->to)
		return cg_error_oom(c->err);
	r = cg_convert_nodes(c);
	r = r < 0 ? r : cg_convert_parts(c);
	for (uint16_t i = 0; r == 0 && i < c->parts; i++)
		r = convert_part(c, &c->part[i]);
	r = r < 0 ? r : copy_rest(c);
	return r < 0 ? r : cg_tree_link(c->to, c->err);
}

int cg_convert(const struct cg_tree *from, const struct cg_convert_options *options, struct cg_tree **ret,
	struct cg_losses *ret_losses, struct cg_error **err)
{
	struct cg_error *own = NULL;
	struct cg_converter c = {
		.from = from, .options = options, .losses = ret_losses, .err = err ? err : &own};
	int r;

	*ret_losses = (struct cg_losses){0};
	r = run(&c);
	if (r == 0 && options->strict && ret_losses->count)
		r = refuse_losses(ret_losses, c.err);
	if (r == 0)
		*ret = cg_steal(c.to);
	converter_free(&c);
	(void)cg_error_free(own);
	return r;
}
