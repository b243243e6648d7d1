/* A tree to CRIU's cgroup.img: groups. Every setting is written, the usual ones too, in the order in which
 * they can be written back (CRIU writes them as they stand), and what has no place is told. The sets of tasks
 * are in criu_export_sets.c. */
#include "image/criu_export.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "image/check.h"

int cg_criu_lose(
	struct cg_criu_exporter *x, uint32_t group, const char *knob, const char *text, struct cg_error **err)
{
	_cleanup_text_ struct cg_text path = {0};
	int r;

	if (group != CG_NONE)
		cg_group_path(x->tree, group, &path);
	if (path.failed)
		return cg_error_oom(err);
	r = x->lost(x->context, group == CG_NONE ? NULL : path.data, knob, text);
	return r < 0 ? cg_error_errno(err, -r, "cannot tell what is left out") : 0;
}

char *cg_criu_keep(struct cg_criu_exporter *x, struct cg_bytes b)
{
	char *copy = cg_scratch_alloc(&x->scratch, b.len + 1);

	if (!copy)
		return NULL;
	if (b.len)
		memcpy(copy, b.data, b.len);
	copy[b.len] = '\0';
	return copy;
}

static Cgtree__Criu__Perms *make_perms(struct cg_criu_exporter *x, struct cg_owner owner, mode_t type)
{
	Cgtree__Criu__Perms *p = cg_scratch_alloc(&x->scratch, sizeof(*p));

	if (!p)
		return NULL;
	cgtree__criu__perms__init(p);
	p->mode = type | owner.mode;
	p->uid = owner.uid;
	p->gid = owner.gid;
	return p;
}

/* Adds a file to the group's; there is room for all. `owner` may be NULL. */
static int add_prop(struct cg_criu_exporter *x, Cgtree__Criu__Dir *dir, const char *name,
	struct cg_bytes value, const struct cg_owner *owner, struct cg_error **err)
{
	Cgtree__Criu__Prop *p = cg_scratch_alloc(&x->scratch, sizeof(*p));

	if (!p)
		return cg_error_oom(err);
	cgtree__criu__prop__init(p);
	p->name = cg_criu_keep(x, cg_bytes_of(name));
	p->value = cg_criu_keep(x, value);
	p->perms = owner ? make_perms(x, *owner, S_IFREG) : NULL;
	if (!p->name || !p->value || (owner && !p->perms))
		return cg_error_oom(err);
	dir->properties[dir->n_properties++] = p;
	return 0;
}

static int add_setting(struct cg_criu_exporter *x, uint32_t group, uint16_t column, Cgtree__Criu__Dir *dir,
	struct cg_error **err)
{
	const struct cg_column *c = &x->tree->hierarchy[x->tree->group[group].hierarchy].column[column];
	struct cg_owner owner;
	struct cg_bytes value;

	if (!cg_group_value(x->tree, group, column, &value))
		return cg_criu_lose(x, group, c->name, "was not read when the tree was dumped", err);
	if (value.len && memchr(value.data, '\0', value.len))
		return cg_criu_lose(x, group, c->name, "has a NUL in its value, which CRIU cannot hold", err);
	if (value.len > CG_CRIU_VALUE_MAX)
		return cg_criu_lose(
			x, group, c->name, "is longer than the 1023 bytes that CRIU holds of a value", err);
	owner = cg_group_file_owner(x->tree, group, column);
	return add_prop(x, dir, c->name, value, &owner, err);
}

/* The columns of a hierarchy as they are to be written: by phase and order, then as they stand. */
static int compare_columns(const struct cg_column *a, const struct cg_column *b)
{
	int phase_a = a->knob ? (int)a->knob->phase : CG_PHASE_SETTINGS,
	    phase_b = b->knob ? (int)b->knob->phase : CG_PHASE_SETTINGS,
	    order_a = a->knob ? a->knob->order : UINT8_MAX, order_b = b->knob ? b->knob->order : UINT8_MAX;

	return phase_a != phase_b ? phase_a - phase_b : order_a - order_b;
}

/* Insertion keeps what is equal as it stands; a group has some dozens of files. */
static void sort_columns(const struct cg_hierarchy *h, uint16_t *column, uint16_t count)
{
	for (uint16_t i = 1; i < count; i++) {
		uint16_t moved = column[i], k = i;

		for (; k && compare_columns(&h->column[column[k - 1]], &h->column[moved]) > 0; k--)
			column[k] = column[k - 1];
		column[k] = moved;
	}
}

static const struct cg_knob *type_knob(void)
{
	for (size_t i = 0; i < cg_knob_count; i++)
		if (cg_knob_table[i].kind == CG_KNOB_SETTING && cg_knob_table[i].phase == CG_PHASE_TYPE)
			return &cg_knob_table[i];
	return NULL;
}

/* `owner` NULL: it is as usual. */
static int add_type(struct cg_criu_exporter *x, uint32_t group, const struct cg_file_owner *owner,
	Cgtree__Criu__Dir *dir, struct cg_error **err)
{
	const char *type = cg_group_type_name(x->tree->group[group].type);

	return add_prop(x, dir, type_knob()->name, cg_bytes_of(type), owner ? &owner->owner : NULL, err);
}

/* Files that are no settings, but have an owner to keep: those that list tasks, and the type. */
static int add_others(
	struct cg_criu_exporter *x, uint32_t group, Cgtree__Criu__Dir *dir, struct cg_error **err)
{
	const struct cg_group *g = &x->tree->group[group];
	int version = x->tree->hierarchy[g->hierarchy].version, r = 0;
	bool typed = g->type == CG_TYPE_V1 || g->type == CG_TYPE_DOMAIN;

	for (uint16_t i = 0; r == 0 && i < g->file_owners; i++) {
		const struct cg_file_owner *o = &g->file_owner[i];
		const struct cg_knob *knob;

		if (o->column != CG_FILE_EXTRA)
			continue;
		knob = cg_knob_find(o->name, version);
		if (knob && knob->kind == CG_KNOB_SETTING && knob->phase == CG_PHASE_TYPE) {
			typed = true;
			r = add_type(x, group, o, dir, err);
		} else if (knob && knob->kind == CG_KNOB_MEMBERSHIP) {
			r = add_prop(x, dir, o->name, (struct cg_bytes){"", 0}, &o->owner, err);
		} else {
			r = cg_criu_lose(x, group, o->name,
				"has an owner or mode of its own, but no value for CRIU to hold it with",
				err);
		}
	}
	return r == 0 && !typed ? add_type(x, group, NULL, dir, err) : r;
}

static int add_props(
	struct cg_criu_exporter *x, uint32_t group, Cgtree__Criu__Dir *dir, struct cg_error **err)
{
	const struct cg_group *g = &x->tree->group[group];
	const struct cg_hierarchy *h = &x->tree->hierarchy[g->hierarchy];
	const struct cg_file_set *set = &h->file_set[g->file_set];
	uint16_t *column = cg_scratch_array(&x->scratch, set->count, sizeof(*column));
	int r = 0;

	dir->properties = cg_scratch_array(
		&x->scratch, (size_t)set->count + g->file_owners + 1, sizeof(struct Cgtree__Criu__Prop *));
	if (!column || !dir->properties)
		return cg_error_oom(err);
	if (set->count)
		memcpy(column, set->column, set->count * sizeof(*column));
	sort_columns(h, column, set->count);
	r = add_others(x, group, dir, err);
	for (uint16_t i = 0; r == 0 && i < set->count; i++)
		r = add_setting(x, group, column[i], dir, err);
	return r;
}

static int lose_of_group(struct cg_criu_exporter *x, uint32_t group, struct cg_error **err)
{
	const struct cg_group *g = &x->tree->group[group];
	_cleanup_text_ struct cg_text text = {0};
	int r = 0;

	for (uint16_t i = 0; r == 0 && i < g->xattrs; i++)
		r = cg_criu_lose(x, group, g->xattr[i].name, "extended attributes have no place", err);
	for (uint16_t i = 0; r == 0 && i < g->programs; i++) {
		cg_text_reset(&text);
		cg_text_printf(&text, "the attached BPF program %s (%s, id %u) has no place",
			g->program[i].name[0] ? g->program[i].name : "without name", g->program[i].type,
			g->program[i].id);
		r = text.failed ? cg_error_oom(err) : cg_criu_lose(x, group, NULL, text.data, err);
	}
	if (r == 0 && g->flags & CG_GROUP_SEALED)
		r = cg_criu_lose(x, group, NULL, "that the group is sealed has no place", err);
	if (r == 0 && g->flags & CG_GROUP_ANCESTOR)
		r = cg_criu_lose(x, group, NULL,
			"that the group lies above what was asked for has no place: CRIU takes it for part "
			"of it",
			err);
	return r;
}

/* Names and children: a head has its path, without the first '/'. */
static int make_dir(struct cg_criu_exporter *x, uint32_t group, struct cg_error **err)
{
	const struct cg_group *g = &x->tree->group[group];
	Cgtree__Criu__Dir *dir = &x->dir[group];
	size_t children = 0;
	int r;

	cgtree__criu__dir__init(dir);
	for (uint32_t i = g->first_child; i != CG_NONE; i = x->tree->group[i].next_sibling)
		children++;
	dir->dir_name = cg_criu_keep(x, cg_bytes_of(g->name + (g->parent == CG_NONE)));
	dir->dir_perms = make_perms(x, g->owner, S_IFDIR);
	dir->children = cg_scratch_array(&x->scratch, children, sizeof(struct Cgtree__Criu__Dir *));
	if (!dir->dir_name || !dir->dir_perms || !dir->children)
		return cg_error_oom(err);
	for (uint32_t i = g->first_child; i != CG_NONE; i = x->tree->group[i].next_sibling)
		dir->children[dir->n_children++] = &x->dir[i];
	r = add_props(x, group, dir, err);
	return r < 0 ? r : lose_of_group(x, group, err);
}

int cg_criu_cnames(struct cg_criu_exporter *x, const struct cg_hierarchy *h, size_t *ret_count, char ***ret)
{
	struct cg_bytes rest = cg_bytes_of(h->version == 2 ? "" : h->controllers), part;
	_cleanup_text_ struct cg_text name = {0};
	size_t count = 0;
	char **list = cg_scratch_array(&x->scratch, rest.len + 2, sizeof(*list));

	if (!list)
		return -ENOMEM;
	while (cg_bytes_split(&rest, ',', &part))
		list[count++] = cg_criu_keep(x, part);
	if (h->version == 1 && h->name) {
		cg_text_printf(&name, "name=%s", h->name);
		list[count++] = name.failed ? NULL : cg_criu_keep(x, (struct cg_bytes){name.data, name.len});
	}
	if (h->version == 2)
		list[count++] = cg_criu_keep(x, (struct cg_bytes){"", 0});
	for (size_t i = 0; i < count; i++)
		if (!list[i])
			return -ENOMEM;
	*ret = list;
	*ret_count = count;
	return 0;
}

static int make_controller(
	struct cg_criu_exporter *x, uint32_t hierarchy, Cgtree__Criu__Controller *c, struct cg_error **err)
{
	const struct cg_hierarchy *h = &x->tree->hierarchy[hierarchy];
	size_t tops = 0;

	cgtree__criu__controller__init(c);
	if (cg_criu_cnames(x, h, &c->n_cnames, &c->cnames) < 0)
		return cg_error_oom(err);
	if (c->n_cnames == 0)
		return cg_error_make(err, CG_FAULT_USAGE, EINVAL,
			"a hierarchy has neither controllers nor a name: CRIU has no word for it");
	for (uint32_t i = h->first_top; i != CG_NONE; i = x->tree->group[i].next_sibling)
		tops++;
	c->dirs = cg_scratch_array(&x->scratch, tops, sizeof(struct Cgtree__Criu__Dir *));
	if (!c->dirs)
		return cg_error_oom(err);
	for (uint32_t i = h->first_top; i != CG_NONE; i = x->tree->group[i].next_sibling)
		c->dirs[c->n_dirs++] = &x->dir[i];
	if (cg_criu_is_threaded(x->tree, hierarchy))
		c->has_is_threaded = c->is_threaded = true;
	if (h->version == 2 && h->controllers[0])
		return cg_criu_lose(
			x, CG_NONE, NULL, "which controllers the v2 hierarchy offers has no place", err);
	return 0;
}

static int make_groups(struct cg_criu_exporter *x, Cgtree__Criu__Cgroups *m, struct cg_error **err)
{
	const struct cg_tree *t = x->tree;
	Cgtree__Criu__Controller *c = cg_scratch_array(&x->scratch, t->hierarchies, sizeof(*c));
	int r = 0;

	m->controllers =
		cg_scratch_array(&x->scratch, t->hierarchies, sizeof(struct Cgtree__Criu__Controller *));
	x->dir = cg_scratch_array(&x->scratch, t->groups, sizeof(*x->dir));
	if (!c || !m->controllers || !x->dir)
		return cg_error_oom(err);
	for (uint32_t i = 0; r == 0 && i < t->groups; i++)
		r = make_dir(x, i, err);
	for (uint16_t i = 0; r == 0 && i < t->hierarchies; i++) {
		m->controllers[m->n_controllers++] = &c[i];
		r = make_controller(x, i, &c[i], err);
	}
	return r;
}

static int lose_of_tree(struct cg_criu_exporter *x, struct cg_error **err)
{
	const struct cg_tree *t = x->tree;
	_cleanup_text_ struct cg_text text = {0};
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < t->devices; i++) {
		cg_text_reset(&text);
		cg_text_printf(&text, "which device %s is has no place: CRIU takes the name as it is",
			t->device[i].key);
		r = text.failed ? cg_error_oom(err) : cg_criu_lose(x, CG_NONE, NULL, text.data, err);
	}
	for (uint32_t i = 0; r == 0 && i < t->extras; i++) {
		if (t->extra[i].type == CG_CRIU_RECORD || (i && t->extra[i - 1].type == t->extra[i].type))
			continue;
		cg_text_reset(&text);
		cg_text_printf(&text, "a record of an unknown kind (%u) has no place", t->extra[i].type);
		r = text.failed ? cg_error_oom(err) : cg_criu_lose(x, CG_NONE, NULL, text.data, err);
	}
	return r;
}

static int export(struct cg_criu_exporter *x, struct cg_text *ret, struct cg_error **err)
{
	Cgtree__Criu__Cgroups m = CGTREE__CRIU__CGROUPS__INIT;
	int r = cg_image_check(x->tree, err);

	r = r < 0 ? r : make_groups(x, &m, err);
	r = r < 0 ? r : cg_criu_export_sets(x, &m, err);
	r = r < 0 ? r : lose_of_tree(x, err);
	return r < 0 ? r : cg_criu_pack(&m, ret, err);
}

int cg_criu_export(const struct cg_tree *tree, cg_criu_lost_fn *lost, void *context, struct cg_text *ret,
	struct cg_error **err)
{
	struct cg_criu_exporter x = {
		.tree = tree, .budget.limit = SIZE_MAX, .lost = lost, .context = context};
	int r;

	cg_scratch_init(&x.scratch, &x.budget);
	r = export(&x, ret, err);
	cg_scratch_free(&x.scratch);
	return r;
}
