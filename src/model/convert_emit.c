/* The groups of a target hierarchy: which there are, and what each has beside its settings. */
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "model/convert_private.h"

/* Whether a source's group stands for itself in this part. */
static bool counts(struct cg_converter *c, const struct cg_part *p, const struct cg_draw *d, uint32_t group)
{
	if (c->from->hierarchy[d->source].version == 1 || p->layout->version == 2 || d->core || d->devices ||
		d->paths)
		return true;
	return cg_convert_group_has(c, group) & d->takes;
}

int cg_convert_select(struct cg_converter *c, struct cg_part *p)
{
	for (uint32_t i = 0; i < c->nodes; i++) {
		struct cg_node *n = &c->node[i];

		n->selected = n->threaded = n->thread_root = false;
		n->place = CG_NONE;
		for (uint16_t d = 0; d < p->draws; d++) {
			uint32_t g = cg_convert_group(c, i, p->draw[d].source);

			n->selected |= g != CG_NONE && counts(c, p, &p->draw[d], g);
		}
		n->within = n->selected;
	}
	/* A path from one group down to another has no gap: nodes stand after those above them. */
	for (uint32_t i = 1; i < c->nodes; i++)
		c->node[i].within |= c->node[c->node[i].parent].within;
	for (uint32_t i = c->nodes; i-- > 1;)
		if (c->node[i].selected && c->node[c->node[i].parent].within)
			c->node[c->node[i].parent].selected = true;
	return 0;
}

/* The file set of a node, made when it is the first of its kind. */
static int find_set(struct cg_converter *c, struct cg_part *p, uint32_t node, uint16_t *ret)
{
	struct cg_hierarchy *h = cg_convert_target(c, p);
	const uint64_t has = p->layout->version == 1 ? UINT64_MAX : c->node[node].has;
	struct cg_file_set *sets;
	struct cg_set_key *keys;
	uint16_t *column, n = 0;

	for (uint16_t i = p->sets; i-- > 0;)
		if (p->set[i].controllers == has) {
			*ret = i;
			return 0;
		}
	sets = cg_arena_array(&c->to->arena, p->sets + (size_t)1, sizeof(*sets));
	keys = cg_convert_array(c, p->sets + (size_t)1, sizeof(*keys));
	column = cg_arena_array(&c->to->arena, p->columns + (size_t)1, sizeof(*column));
	if (!sets || !keys || !column)
		return cg_error_oom(c->err);
	if (p->sets) {
		memcpy(sets, h->file_set, p->sets * sizeof(*sets));
		memcpy(keys, p->set, p->sets * sizeof(*keys));
	}
	for (uint16_t i = 0; i < p->columns; i++)
		if (!p->more[i].controller || (has & p->more[i].controller))
			column[n++] = i;
	sets[p->sets] = (struct cg_file_set){column, n};
	keys[p->sets].controllers = has;
	h->file_set = sets;
	p->set = keys;
	*ret = p->sets++;
	h->file_sets = p->sets;
	return 0;
}

static bool same_owner(const struct cg_owner *a, const struct cg_owner *b)
{
	return a->uid == b->uid && a->gid == b->gid && a->mode == b->mode;
}

/* The group of the source that decides, and a word about others that say otherwise. */
static int take_owner(struct cg_converter *c, const struct cg_part *p, uint32_t node, struct cg_group *to)
{
	const struct cg_group *lead = NULL;
	int r = 0;

	for (uint16_t d = 0; r == 0 && d < p->draws; d++) {
		uint32_t index = cg_convert_group(c, node, p->draw[d].source);
		const struct cg_group *g = index == CG_NONE ? NULL : &c->from->group[index];

		if (!g)
			continue;
		to->flags |= g->flags & CG_GROUP_SEALED;
		if (!lead) {
			lead = g;
			continue;
		}
		to->flags &= (uint8_t) ~(CG_GROUP_ANCESTOR & ~g->flags);
		if (!same_owner(&lead->owner, &g->owner) || lead->file_uid != g->file_uid ||
			lead->file_gid != g->file_gid)
			r = cg_convert_lose(c, node, NULL, (struct cg_bytes){0}, NULL,
				"is %u:%u %o in one hierarchy and %u:%u %o in another: the first is taken",
				lead->owner.uid, lead->owner.gid, lead->owner.mode, g->owner.uid,
				g->owner.gid, g->owner.mode);
		to->flags |= lead->flags & g->flags & CG_GROUP_ANCESTOR;
	}
	if (lead) {
		to->owner = lead->owner;
		to->file_uid = lead->file_uid;
		to->file_gid = lead->file_gid;
		if (c->from->hierarchy[lead->hierarchy].version == p->layout->version)
			to->cgroup_id = lead->cgroup_id;
		if (p->draws == 1)
			to->flags |= lead->flags & CG_GROUP_ANCESTOR;
	} else {
		const struct cg_group *up = to->parent == CG_NONE ? NULL : &c->to->group[to->parent];

		to->owner = up ? up->owner : (struct cg_owner){0, 0, 0755};
		to->file_uid = up ? up->file_uid : 0;
		to->file_gid = up ? up->file_gid : 0;
	}
	return r;
}

/* Exceptions of a group while they are gathered. */
struct owners {
	struct cg_file_owner *item;
	uint16_t count, room;
};

static int add_file_owner(
	struct cg_converter *c, struct owners *o, uint16_t column, const char *name, struct cg_owner owner)
{
	for (uint16_t i = 0; i < o->count; i++)
		if (o->item[i].column == column &&
			(column != CG_FILE_EXTRA || strcmp(o->item[i].name, name) == 0))
			return 0;
	if (o->count == o->room) {
		uint16_t room = (uint16_t)(o->room ? 2 * o->room : 16);
		struct cg_file_owner *more = cg_arena_array(&c->to->arena, room, sizeof(*more));

		if (!more)
			return cg_error_oom(c->err);
		if (o->count)
			memcpy(more, o->item, o->count * sizeof(*more));
		o->item = more;
		o->room = room;
	}
	if (name) {
		name = cg_arena_string(&c->to->arena, name);
		if (!name)
			return cg_error_oom(c->err);
	}
	o->item[o->count++] = (struct cg_file_owner){column, name, owner};
	return 0;
}

static uint16_t column_named(const struct cg_part *p, const char *name)
{
	for (uint16_t i = 0; i < p->columns; i++)
		if (strcmp(p->column[i].name, name) == 0)
			return i;
	return CG_FILE_EXTRA;
}

/* A membership file or a statistic: the file of the other version that it corresponds to. */
static int other_file(struct cg_converter *c, const struct cg_part *p, const struct cg_draw *d, uint32_t node,
	const char *name, struct cg_owner owner, struct owners *o)
{
	const int from = c->from->hierarchy[d->source].version, to = p->layout->version;
	const struct cg_translation *row = NULL;
	unsigned index;
	int r = 0;

	if (from == to)
		return add_file_owner(c, o, CG_FILE_EXTRA, name, owner);
	row = cg_translation_find(cg_knob_find(name, from), from, &index);
	if (!row || row->form != CG_FORM_OWNER)
		return cg_knob_find(name, to) ? add_file_owner(c, o, CG_FILE_EXTRA, name, owner)
					      : cg_convert_lose(c, node, name, (struct cg_bytes){0}, NULL,
							"belongs to %u:%u (%o), and v%d has no such file",
							owner.uid, owner.gid, owner.mode, to);
	for (unsigned k = 0; r == 0 && k < CG_TRANSLATION_KNOBS && row->knob[to - 1][k]; k++) {
		uint16_t column = column_named(p, row->knob[to - 1][k]);

		r = add_file_owner(
			c, o, column, column == CG_FILE_EXTRA ? row->knob[to - 1][k] : NULL, owner);
	}
	return r;
}

static int column_owner(struct cg_converter *c, const struct cg_draw *d, uint16_t column,
	struct cg_owner owner, struct owners *o)
{
	const struct cg_use *use = &d->use[column];
	int r = 0;

	if (use->kind == CG_USE_DIRECT)
		return add_file_owner(c, o, use->index, NULL, owner);
	for (unsigned k = 0; use->kind == CG_USE_ROW && r == 0 && k < CG_TRANSLATION_KNOBS; k++)
		if (d->row[use->index].out[k] != CG_NO_USE)
			r = add_file_owner(c, o, d->row[use->index].out[k], NULL, owner);
	return r;
}

/* Exceptions of one source's group. `base` is what all files of the result have. */
static int owners_of(struct cg_converter *c, const struct cg_part *p, const struct cg_draw *d, uint32_t node,
	const struct cg_group *g, const struct cg_group *base, struct owners *o)
{
	const struct cg_hierarchy *h = &c->from->hierarchy[d->source];
	int r = 0;

	for (uint16_t i = 0; r == 0 && i < g->file_owners; i++) {
		const struct cg_file_owner *f = &g->file_owner[i];

		r = f->column == CG_FILE_EXTRA ? other_file(c, p, d, node, f->name, f->owner, o)
					       : column_owner(c, d, f->column, f->owner, o);
	}
	if (g->file_uid == base->file_uid && g->file_gid == base->file_gid)
		return r;
	for (uint16_t i = 0; r == 0 && i < h->columns; i++)
		r = column_owner(
			c, d, i, (struct cg_owner){g->file_uid, g->file_gid, h->column[i].usual_mode}, o);
	return r;
}

static int by_column(const void *a, const void *b)
{
	const struct cg_file_owner *x = a, *y = b;

	if (x->column != y->column)
		return (int)x->column - (int)y->column;
	return x->column == CG_FILE_EXTRA ? strcmp(x->name, y->name) : 0;
}

static int take_file_owners(
	struct cg_converter *c, const struct cg_part *p, uint32_t node, struct cg_group *to)
{
	struct owners o = {0};
	int r = 0;

	for (uint16_t d = 0; r == 0 && d < p->draws; d++) {
		uint32_t g = cg_convert_group(c, node, p->draw[d].source);

		if (g != CG_NONE)
			r = owners_of(c, p, &p->draw[d], node, &c->from->group[g], to, &o);
	}
	for (uint16_t i = 0; i < o.count;) {
		/* Not of files that the group does not have. */
		if (o.item[i].column != CG_FILE_EXTRA && p->more[o.item[i].column].controller &&
			p->layout->version == 2 &&
			!(c->node[node].has & p->more[o.item[i].column].controller))
			o.item[i] = o.item[--o.count];
		else
			i++;
	}
	if (o.count > 1)
		qsort(o.item, o.count, sizeof(*o.item), by_column);
	to->file_owner = o.item;
	to->file_owners = o.count;
	return r;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct cg_xattr *)a)->name, ((const struct cg_xattr *)b)->name);
}

static struct cg_xattr *find_xattr(const struct cg_group *g, const char *name)
{
	for (uint16_t i = 0; i < g->xattrs; i++)
		if (strcmp(g->xattr[i].name, name) == 0)
			return &g->xattr[i];
	return NULL;
}

static int add_xattrs(struct cg_converter *c, uint32_t node, const struct cg_group *from, struct cg_group *to)
{
	struct cg_xattr *list;
	int r = 0;

	if (!from->xattrs)
		return 0;
	list = cg_arena_array(&c->to->arena, to->xattrs + (size_t)from->xattrs, sizeof(*list));
	if (!list)
		return cg_error_oom(c->err);
	if (to->xattrs)
		memcpy(list, to->xattr, to->xattrs * sizeof(*list));
	to->xattr = list;
	for (uint16_t i = 0; r == 0 && i < from->xattrs; i++) {
		const struct cg_xattr *x = &from->xattr[i], *had = find_xattr(to, x->name);
		struct cg_xattr copy = *x;

		if (had) {
			if (!cg_bytes_equal(had->value, x->value))
				r = cg_convert_lose(c, node, x->name, x->value, NULL,
					"another hierarchy has another value here, which is taken");
			continue;
		}
		copy.name = cg_arena_string(&c->to->arena, x->name);
		if (!copy.name || !cg_arena_keep(&c->to->arena, &copy.value))
			return cg_error_oom(c->err);
		list[to->xattrs++] = copy;
	}
	return r;
}

/* Programs on the way to v1: rules are known there, other programs are not. */
static int lose_programs(struct cg_converter *c, uint32_t node, uint32_t group)
{
	const struct cg_group *from = &c->from->group[group];
	struct cg_bytes rules;
	int known = c->takes_rules ? cg_convert_rules_of(c, group, &rules) : 0, r = known < 0 ? known : 0;

	for (uint16_t i = 0; r == 0 && i < from->programs; i++)
		if (!known || from->program[i].attach_type != BPF_CGROUP_DEVICE)
			r = cg_convert_lose(c, node, NULL, (struct cg_bytes){0}, NULL,
				"its BPF program (%s) is left out: v1 groups have none",
				from->program[i].type);
	return r;
}

static int copy_programs(struct cg_converter *c, const struct cg_group *from, struct cg_group *to)
{
	struct cg_program *list = cg_arena_array(&c->to->arena, from->programs, sizeof(*list));

	if (!list)
		return cg_error_oom(c->err);
	for (uint16_t i = 0; i < from->programs; i++) {
		list[i] = from->program[i];
		list[i].type = cg_arena_string(&c->to->arena, list[i].type);
		list[i].name = cg_arena_string(&c->to->arena, list[i].name);
		if (!list[i].type || !list[i].name || !cg_arena_keep(&c->to->arena, &list[i].tag) ||
			!cg_arena_keep(&c->to->arena, &list[i].instructions))
			return cg_error_oom(c->err);
	}
	to->program = list;
	to->programs = from->programs;
	return 0;
}

/* What v1 has no word for, said where v2's core goes. */
static int lose_structure(struct cg_converter *c, uint32_t node, uint32_t group)
{
	const struct cg_group *g = &c->from->group[group];
	const struct cg_hierarchy *h = &c->from->hierarchy[g->hierarchy];
	int r = 0;

	if (g->type == CG_TYPE_THREADED)
		r = cg_convert_lose(c, node, NULL, (struct cg_bytes){0}, NULL,
			"is threaded, which v1 has no word for: there threads can be in any group");
	for (uint16_t i = 0; r == 0 && g->first_child == CG_NONE && i < h->columns; i++) {
		struct cg_bytes v;

		if (h->column[i].knob && h->column[i].knob->grammar == CG_GRAMMAR_CONTROLLERS &&
			cg_group_value(c->from, group, i, &v) && v.len)
			r = cg_convert_lose(c, node, h->column[i].name, v, NULL,
				"is enabled for no child, and v1 has no file for it");
	}
	return r;
}

static int take_attributes(struct cg_converter *c, struct cg_part *p, uint32_t node, struct cg_group *to)
{
	int r = take_owner(c, p, node, to);

	r = r < 0 ? r : take_file_owners(c, p, node, to);
	for (uint16_t d = 0; r == 0 && d < p->draws; d++) {
		const struct cg_draw *draw = &p->draw[d];
		uint32_t g = cg_convert_group(c, node, draw->source);
		const bool core_of_v2 = draw->core && c->from->hierarchy[draw->source].version == 2;

		if (g == CG_NONE)
			continue;
		r = add_xattrs(c, node, &c->from->group[g], to);
		if (r == 0 && core_of_v2 && p->layout->version == 2)
			r = copy_programs(c, &c->from->group[g], to);
		if (r == 0 && core_of_v2 && p->layout->version == 1)
			r = lose_programs(c, node, g);
		if (r == 0 && core_of_v2 && p->layout->version == 1)
			r = lose_structure(c, node, g);
		if (r == 0 && p->layout->version == 2 && draw->rules != CG_NO_USE)
			r = cg_convert_add_program(c, draw, g, to);
		if (p->layout->version == 2 && core_of_v2)
			to->type = c->from->group[g].type;
	}
	if (to->xattrs > 1)
		qsort(to->xattr, to->xattrs, sizeof(*to->xattr), by_name);
	if (p->layout->version == 1)
		to->type = CG_TYPE_V1;
	else if (c->node[node].threaded)
		to->type = CG_TYPE_THREADED;
	else if (c->node[node].thread_root)
		to->type = CG_TYPE_DOMAIN_THREADED;
	else if (to->type == CG_TYPE_V1)
		to->type = CG_TYPE_DOMAIN;
	return r;
}

static size_t first_placed(const struct cg_converter *c, uint32_t node)
{
	size_t low = 0, high = c->placed_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c->placed[middle].node < node)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int take_tasks(struct cg_converter *c, uint32_t node, struct cg_group *to)
{
	size_t first = first_placed(c, node), n = 0;

	while (first + n < c->placed_count && c->placed[first + n].node == node)
		n++;
	if (!n)
		return 0;
	to->task = cg_arena_array(&c->to->arena, n, sizeof(*to->task));
	if (!to->task)
		return cg_error_oom(c->err);
	for (; to->tasks < n; to->tasks++) {
		struct cg_task *t = &to->task[to->tasks];
		struct cg_bytes ids;

		*t = *c->placed[first + to->tasks].task;
		ids = (struct cg_bytes){(const char *)t->ns_pid, t->ns_count * sizeof(*t->ns_pid)};
		t->comm = cg_arena_string(&c->to->arena, t->comm);
		t->ns_pid = cg_arena_alloc(&c->to->arena, ids.len);
		if (!t->comm || !t->ns_pid)
			return cg_error_oom(c->err);
		if (ids.len)
			memcpy((void *)(uintptr_t)t->ns_pid, ids.data, ids.len);
	}
	return 0;
}

static int emit_node(struct cg_converter *c, struct cg_part *p, uint32_t node, uint32_t parent)
{
	uint32_t index = cg_tree_add_group(c->to);
	struct cg_group g = {.parent = parent, .hierarchy = p->hierarchy};
	_cleanup_text_ struct cg_text path = {0};
	int r;

	if (index == CG_NONE)
		return cg_error_oom(c->err);
	c->node[node].place = index;
	if (parent == CG_NONE)
		cg_convert_path(c, node, &path);
	g.name = cg_arena_string(&c->to->arena, parent == CG_NONE ? path.data : c->node[node].name);
	if (path.failed || !g.name)
		return cg_error_oom(c->err);
	r = find_set(c, p, node, &g.file_set);
	r = r < 0 ? r : take_attributes(c, p, node, &g);
	r = r < 0 ? r : take_tasks(c, node, &g);
	c->to->group[index] = g;
	return r < 0 ? r : cg_convert_values(c, p, node, index);
}

static int emit_tree(struct cg_converter *c, struct cg_part *p, uint32_t top)
{
	uint32_t node = top;
	int r = 0;

	while (r == 0 && node != CG_NONE) {
		uint32_t up = c->node[node].parent,
			 place = up == CG_NONE || node == top ? CG_NONE : c->node[up].place;

		if (c->node[node].selected)
			r = emit_node(c, p, node, place);
		if (c->node[node].selected && c->node[node].first_child != CG_NONE) {
			node = c->node[node].first_child;
			continue;
		}
		while (node != top && c->node[node].next_sibling == CG_NONE)
			node = c->node[node].parent;
		node = node == top ? CG_NONE : c->node[node].next_sibling;
	}
	return r;
}

struct top {
	char *path;
	uint32_t node;
};

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct top *)a)->path, ((const struct top *)b)->path);
}

static int emit_tops(struct cg_converter *c, struct cg_part *p, struct top *top, size_t n)
{
	int r = 0;

	if (n > 1)
		qsort(top, n, sizeof(*top), by_path);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = emit_tree(c, p, top[i].node);
	return r;
}

/* The tops by their whole paths, which is another order than that of the nodes. */
static int find_tops(struct cg_converter *c, struct top *top, size_t *ret)
{
	*ret = 0;
	for (uint32_t i = 0; i < c->nodes; i++) {
		_cleanup_text_ struct cg_text path = {0};
		uint32_t up = c->node[i].parent;

		if (!c->node[i].selected || (up != CG_NONE && c->node[up].selected))
			continue;
		cg_convert_path(c, i, &path);
		top[*ret].node = i;
		top[*ret].path = cg_arena_string(&c->arena, path.data ? path.data : "");
		if (path.failed || !top[(*ret)++].path)
			return cg_error_oom(c->err);
	}
	return 0;
}

static int open_hierarchy(struct cg_converter *c, struct cg_part *p)
{
	uint32_t index = cg_tree_add_hierarchy(c->to);
	_cleanup_text_ struct cg_text names = {0};
	struct cg_hierarchy *h;
	uint64_t used = 0;

	if (index == CG_NONE)
		return cg_error_oom(c->err);
	p->hierarchy = (uint16_t)index;
	h = &c->to->hierarchy[index];
	h->version = p->layout->version;
	for (uint32_t i = 0; h->version == 2 && i < c->nodes; i++)
		if (c->node[i].selected)
			used |= c->node[i].has | c->node[i].passes;
	for (unsigned i = 0; i < c->controllers; i++)
		if (used & UINT64_C(1) << i) {
			if (names.len)
				cg_text_addc(&names, ',');
			cg_text_add(&names, c->controller[i].v2.data, c->controller[i].v2.len);
		}
	if (h->version == 1)
		cg_text_adds(&names, p->layout->controllers ? p->layout->controllers : "");
	h->controllers = cg_arena_string(&c->to->arena, names.data ? names.data : "");
	h->name = p->layout->name ? cg_arena_string(&c->to->arena, p->layout->name) : NULL;
	h->mount_options = h->mount_point = "";
	h->mount_root = "/";
	h->column = p->column;
	h->columns = p->columns;
	return names.failed || !h->controllers || (p->layout->name && !h->name) ? cg_error_oom(c->err) : 0;
}

int cg_convert_emit(struct cg_converter *c, struct cg_part *p)
{
	uint16_t rows = 0;
	struct top *top = cg_convert_array(c, c->nodes, sizeof(*top));
	size_t tops = 0;
	int r;

	for (uint16_t d = 0; d < p->draws; d++)
		rows = p->draw[d].rows > rows ? p->draw[d].rows : rows;
	c->candidate = cg_convert_array(c, p->columns, sizeof(*c->candidate));
	c->state = cg_convert_array(c, p->columns, sizeof(*c->state));
	c->touched = cg_convert_array(c, p->columns, sizeof(*c->touched));
	c->row_mark = cg_convert_array(c, rows, sizeof(*c->row_mark));
	c->touches = 0;
	if (!top || !c->candidate || !c->state || !c->touched || !c->row_mark)
		return -ENOMEM;
	r = open_hierarchy(c, p);
	r = r < 0 ? r : find_tops(c, top, &tops);
	return r < 0 ? r : emit_tops(c, p, top, tops);
}
