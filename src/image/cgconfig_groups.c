/* The groups of one hierarchy: sections become settings, columns and owners. See cgconfig_import.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fdio.h"
#include "image/cgconfig_private.h"
#include "image/check.h"
#include "model/value.h"

#define MODE_GENERIC 0644
#define MODE_GROUP   0755
#define FILES_MAX    CG_IMAGE_COLUMNS_MAX

/* One value of one group. */
struct value {
	const char *name;
	const struct cg_knob *knob;
	struct cg_bytes value;
};

/* One group, of all its sections. */
struct made {
	const char *path;
	uint32_t parent; /* index of the group above, CG_NONE for a top */
	const struct cg_cgconfig_group
		*group; /* the last that says something of its owner; NULL: none does */
	struct value *value;
	size_t values, room;
	uint64_t has, passes; /* v2: controllers as bits of `kind` */
};

struct filling {
	struct cg_cgconfig_importer *im;
	uint32_t hierarchy;
	int version;
	struct made *made;
	size_t count;
	const char *name[FILES_MAX]; /* of all columns, ascending */
	size_t names;
};

static void filling_free(struct filling *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->made[i].value);
	free(f->made);
	free(f);
}

static struct value *find_value(struct made *m, const char *name)
{
	for (size_t i = 0; i < m->values; i++)
		if (strcmp(m->value[i].name, name) == 0)
			return &m->value[i];
	return NULL;
}

static struct value *add_value(struct made *m, const char *name, const struct cg_knob *knob)
{
	if (m->values == m->room) {
		size_t room = m->room ? 2 * m->room : 8;
		struct value *more = reallocarray(m->value, room, sizeof(*more));

		if (!more)
			return NULL;
		m->value = more;
		m->room = room;
	}
	m->value[m->values] = (struct value){name, knob, {"", 0}};
	return &m->value[m->values++];
}

/* The rules of devices.allow and devices.deny, one after the other, as the list that they lead to. */
static int take_rules(struct filling *f, struct made *m, const struct cg_knob *list, bool adds,
	const struct cg_cgconfig_setting *s, struct cg_error **err)
{
	struct value *v = find_value(m, list->name);
	struct cg_bytes rest = s->value, line;

	if (!v) {
		v = add_value(m, list->name, list);
		if (!v)
			return cg_error_oom(err);
		v->value = cg_bytes_of(list->default_value);
	}
	while (cg_bytes_split(&rest, '\n', &line)) {
		_cleanup_text_ struct cg_text t = {0};
		int r;

		if (cg_bytes_trim(line).len == 0)
			continue;
		r = cg_value_change_rules(list, v->value, line, adds, &t, err);
		if (r < 0) {
			cg_error_wrap(err, "line %u: %s", s->line, s->name);
			if (r != -ENOMEM && err && *err)
				(*err)->fault = CG_FAULT_CORRUPT;
			return r;
		}
		v->value = (struct cg_bytes){t.data ? t.data : "", t.len};
		if (!cg_arena_keep(&f->im->tree->arena, &v->value))
			return cg_error_oom(err);
	}
	return 0;
}

static int bad_value(const struct cg_cgconfig_setting *s, int r, struct cg_error **err)
{
	cg_error_wrap(err, "line %u: %s", s->line, s->name);
	if (r != -ENOMEM && err && *err)
		(*err)->fault = CG_FAULT_CORRUPT;
	return r;
}

static int left_out(struct filling *f, const struct made *m, const struct cg_cgconfig_setting *s,
	const char *why, struct cg_error **err)
{
	return cg_tree_add_note(f->im->tree, m->path, s->name, "line %u: %s", s->line, why)
		       ? 0
		       : cg_error_oom(err);
}

static int take_setting(struct filling *f, struct made *m, const char *controller,
	const struct cg_cgconfig_setting *s, struct cg_error **err)
{
	const struct cg_knob *knob = cg_knob_find(s->name, f->version), *list;
	_cleanup_text_ struct cg_text words = {0}, merged = {0};
	struct value *v;
	bool adds;
	int r;

	if (!cg_name_is_valid(cg_bytes_of(s->name)))
		return cg_cgconfig_wrong(f->im, s->line, err, "\"%s\" is no name of a file", s->name);
	if (knob && knob->controller[0] && strcmp(knob->controller, controller) != 0)
		return cg_cgconfig_wrong(f->im, s->line, err, "%s is no file of controller %s but of %s",
			s->name, controller, knob->controller);
	list = knob && knob->kind == CG_KNOB_ACTION ? cg_knob_rules(knob, &adds) : NULL;
	if (list)
		return take_rules(f, m, list, adds, s, err);
	if (knob && (knob->kind != CG_KNOB_SETTING || (knob->flags & CG_KNOB_ALIAS)))
		return left_out(f, m, s, "is no setting; it is left out", err);
	if (knob && (knob->phase == CG_PHASE_TYPE || knob->grammar == CG_GRAMMAR_CONTROLLERS))
		return left_out(f, m, s, "follows from the groups below; it is left out", err);
	v = find_value(m, s->name);
	if (v && !cg_value_has_parts(knob))
		return cg_cgconfig_wrong(f->im, s->line, err, "%s of %s is given twice", s->name, m->path);
	v = v ? v : add_value(m, s->name, knob);
	if (!v || cg_value_of_words(knob, s->value, &words) < 0 ||
		cg_value_merge(knob, v->value, (struct cg_bytes){words.data ? words.data : "", words.len},
			&merged) < 0)
		return cg_error_oom(err);
	v->value = (struct cg_bytes){merged.data ? merged.data : "", merged.len};
	r = cg_value_check(knob, NULL, v->value, err);
	if (r < 0)
		return bad_value(s, r, err);
	return cg_arena_keep(&f->im->tree->arena, &v->value) ? 0 : cg_error_oom(err);
}

static uint64_t bit_of(const struct filling *f, const char *controller)
{
	for (size_t i = 0; i < f->im->kinds; i++)
		if (strcmp(f->im->kind[i].name, controller) == 0)
			return strcmp(controller, CG_CGCONFIG_CORE) == 0 ? 0 : UINT64_C(1) << i;
	return 0;
}

static bool is_above(const char *up, const char *path)
{
	size_t n = strlen(up);

	return strncmp(up, path, n) == 0 && path[n] == '/';
}

/* Groups stand depth-first, so the group above is the one before or above that. */
static uint32_t parent_of(const struct filling *f, const char *path)
{
	uint32_t i = f->count ? (uint32_t)f->count - 1 : CG_NONE;

	while (i != CG_NONE && !is_above(f->made[i].path, path))
		i = f->made[i].parent;
	return i;
}

static int take_node(struct filling *f, const struct cg_cgconfig_node *node, struct cg_error **err)
{
	struct made *m = f->count ? &f->made[f->count - 1] : NULL;
	int r = 0;

	if (!m || strcmp(m->path, node->path) != 0) {
		m = &f->made[f->count];
		*m = (struct made){.path = node->path, .parent = parent_of(f, node->path)};
		f->count++;
	}
	if (!node->controller)
		return 0;
	m->group = node->group;
	m->has |= bit_of(f, node->controller->name);
	for (size_t i = 0; r == 0 && i < node->controller->settings; i++)
		r = take_setting(f, m, node->controller->name, &node->controller->setting[i], err);
	return r;
}

static const struct cg_knob *controllers_knob(void)
{
	for (size_t i = 0; i < cg_knob_count; i++)
		if (cg_knob_table[i].grammar == CG_GRAMMAR_CONTROLLERS)
			return &cg_knob_table[i];
	return NULL;
}

/* v2: what each group passes on is what those below it have, at any depth. */
static int pass_on(struct filling *f, struct cg_error **err)
{
	const struct cg_knob *knob = controllers_knob();

	for (size_t i = f->count; i-- > 0;) {
		uint32_t up = f->made[i].parent;
		_cleanup_text_ struct cg_text t = {0};
		struct value *v = add_value(&f->made[i], knob->name, knob);

		if (up != CG_NONE)
			f->made[up].passes |= f->made[i].has | f->made[i].passes;
		for (size_t k = 0; k < f->im->kinds; k++)
			if (f->made[i].passes & UINT64_C(1) << k) {
				cg_text_adds(&t, t.len ? " " : "");
				cg_text_adds(&t, f->im->kind[k].name);
			}
		if (!v || t.failed)
			return cg_error_oom(err);
		v->value = (struct cg_bytes){t.data ? t.data : "", t.len};
		if (!cg_arena_keep(&f->im->tree->arena, &v->value))
			return cg_error_oom(err);
	}
	return 0;
}

static int add_name(struct filling *f, const char *name, struct cg_error **err)
{
	size_t low = 0;

	while (low < f->names && strcmp(f->name[low], name) < 0)
		low++;
	if (low < f->names && strcmp(f->name[low], name) == 0)
		return 0;
	if (f->names == FILES_MAX)
		return cg_error_corrupt(err, "a hierarchy has more than %d different files", FILES_MAX);
	memmove(&f->name[low + 1], &f->name[low], (f->names - low) * sizeof(f->name[0]));
	f->name[low] = name;
	f->names++;
	return 0;
}

static uint16_t column_of(const struct filling *f, const char *name)
{
	uint16_t i = 0;

	while (strcmp(f->name[i], name) != 0)
		i++;
	return i;
}

static int make_columns(struct filling *f, struct cg_error **err)
{
	struct cg_hierarchy *h = &f->im->tree->hierarchy[f->hierarchy];
	int r = 0;

	for (size_t i = 0; r == 0 && i < f->count; i++)
		for (size_t k = 0; r == 0 && k < f->made[i].values; k++)
			r = add_name(f, f->made[i].value[k].name, err);
	if (r < 0)
		return r;
	h->column = cg_arena_array(&f->im->tree->arena, f->names ? f->names : 1, sizeof(*h->column));
	h->file_set = cg_arena_array(&f->im->tree->arena, f->count, sizeof(*h->file_set));
	if (!h->column || !h->file_set)
		return cg_error_oom(err);
	for (size_t i = 0; i < f->names; i++) {
		const struct cg_knob *knob = cg_knob_find(f->name[i], f->version);
		struct cg_column *c = &h->column[i];

		*c = (struct cg_column){.name = cg_arena_string(&f->im->tree->arena, f->name[i]),
			.knob = knob,
			.usual = {"", 0},
			.usual_mode = knob ? knob->mode : MODE_GENERIC};
		for (size_t k = f->count; k-- > 0;) {
			const struct value *v = find_value(&f->made[k], f->name[i]);

			c->usual = v ? v->value : c->usual;
		}
		if (!c->name)
			return cg_error_oom(err);
	}
	h->columns = (uint16_t)f->names;
	return 0;
}

static int compare_columns(const void *a, const void *b)
{
	const uint16_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Groups with the same files share a set. */
static int take_file_set(struct filling *f, const struct made *m, struct cg_group *g, struct cg_error **err)
{
	struct cg_hierarchy *h = &f->im->tree->hierarchy[f->hierarchy];
	uint16_t *column = cg_arena_array(&f->im->tree->arena, m->values + 1, sizeof(*column));
	const size_t size = m->values * sizeof(*column);

	if (!column)
		return cg_error_oom(err);
	for (size_t i = 0; i < m->values; i++)
		column[i] = column_of(f, m->value[i].name);
	qsort(column, m->values, sizeof(*column), compare_columns);
	for (uint16_t i = 0; i < h->file_sets; i++)
		if (h->file_set[i].count == m->values && memcmp(h->file_set[i].column, column, size) == 0) {
			g->file_set = i;
			return 0;
		}
	if (h->file_sets == UINT16_MAX)
		return cg_error_corrupt(err, "a hierarchy has too many different sets of files");
	g->file_set = h->file_sets;
	h->file_set[h->file_sets++] = (struct cg_file_set){column, (uint16_t)m->values};
	return 0;
}

static int take_values(struct filling *f, struct made *m, struct cg_group *g, struct cg_error **err)
{
	const struct cg_hierarchy *h = &f->im->tree->hierarchy[f->hierarchy];
	const struct cg_file_set *set;
	int r = take_file_set(f, m, g, err);

	if (r < 0)
		return r;
	set = &h->file_set[g->file_set];
	g->setting = cg_arena_array(&f->im->tree->arena, m->values + 1, sizeof(*g->setting));
	if (!g->setting)
		return cg_error_oom(err);
	for (uint16_t i = 0; i < set->count; i++) {
		const struct cg_column *c = &h->column[set->column[i]];
		const struct value *v = find_value(m, c->name);

		if (!cg_bytes_equal(v->value, c->usual))
			g->setting[g->settings++] = (struct cg_setting){set->column[i], v->value};
	}
	return 0;
}

/* A name or number to the number of a user or group. */
static int take_id(struct filling *f, const struct cg_cgconfig_group *g, bool group, const char *name,
	uint32_t *ret, struct cg_error **err)
{
	if (!name || cg_parse_u32(cg_bytes_of(name), ret) == 0) {
		if (name && *ret == UINT32_MAX)
			return cg_cgconfig_wrong(f->im, g->line, err, "nobody can be number %s", name);
		return 0;
	}
	if (f->im->options->id && f->im->options->id(f->im->options->context, group, name, ret) == 0)
		return 0;
	return cg_cgconfig_wrong(
		f->im, g->line, err, "there is no %s \"%s\" on this host", group ? "group" : "user", name);
}

/* What the group's own section says goes before what "default" says. */
static int take_perm(struct filling *f, const struct cg_cgconfig_group *g, const struct cg_cgconfig_perm *own,
	const struct cg_cgconfig_perm *all, struct cg_owner *ret, uint16_t *ret_dperm, struct cg_error **err)
{
	int r = take_id(f, g, false, own->uid ? own->uid : all->uid, &ret->uid, err);

	if (r == 0)
		r = take_id(f, g, true, own->gid ? own->gid : all->gid, &ret->gid, err);
	if (own->has_fperm || all->has_fperm)
		ret->mode = own->has_fperm ? own->fperm : all->fperm;
	if (ret_dperm && (own->has_dperm || all->has_dperm))
		*ret_dperm = own->has_dperm ? own->dperm : all->dperm;
	return r;
}

static int take_owners(struct filling *f, const struct made *m, struct cg_group *g, struct cg_error **err)
{
	const struct cg_hierarchy *h = &f->im->tree->hierarchy[f->hierarchy];
	const struct cg_file_set *set = &h->file_set[g->file_set];
	static const struct cg_cgconfig_group nothing = {0};
	const struct cg_cgconfig_group *from = m->group ? m->group : &nothing;
	const uint16_t no_mode = UINT16_MAX;
	struct cg_owner admin = {0, 0, no_mode}, task = {0, 0, no_mode};
	uint16_t dperm = MODE_GROUP;
	int r;

	r = take_perm(f, from, &from->admin, &f->im->config->admin, &admin, &dperm, err);
	if (r == 0)
		r = take_perm(f, from, &from->task, &f->im->config->task, &task, NULL, err);
	if (r < 0)
		return r;
	g->owner = (struct cg_owner){admin.uid, admin.gid, dperm};
	g->file_uid = admin.uid;
	g->file_gid = admin.gid;
	g->file_owner = cg_arena_array(&f->im->tree->arena, set->count + 1u, sizeof(*g->file_owner));
	if (!g->file_owner)
		return cg_error_oom(err);
	for (uint16_t i = 0; admin.mode != no_mode && i < set->count; i++)
		if (admin.mode != h->column[set->column[i]].usual_mode)
			g->file_owner[g->file_owners++] = (struct cg_file_owner){
				.column = set->column[i], .owner = {admin.uid, admin.gid, admin.mode}};
	if (task.uid != admin.uid || task.gid != admin.gid || task.mode != no_mode)
		g->file_owner[g->file_owners++] = (struct cg_file_owner){.column = CG_FILE_EXTRA,
			.name = f->version == 2 ? "cgroup.procs" : "tasks",
			.owner = {task.uid, task.gid, task.mode == no_mode ? MODE_GENERIC : task.mode}};
	return 0;
}

static int make_group(struct filling *f, size_t i, uint32_t first, struct cg_error **err)
{
	struct made *m = &f->made[i];
	uint32_t up = m->parent, number = cg_tree_add_group(f->im->tree);
	struct cg_group *g;
	int r;

	if (number == CG_NONE)
		return cg_error_oom(err);
	g = &f->im->tree->group[number];
	g->hierarchy = (uint16_t)f->hierarchy;
	g->parent = up == CG_NONE ? CG_NONE : first + up;
	g->type = f->version == 2 ? CG_TYPE_DOMAIN : CG_TYPE_V1;
	g->name = cg_arena_string(&f->im->tree->arena, up == CG_NONE ? m->path : strrchr(m->path, '/') + 1);
	if (!g->name)
		return cg_error_oom(err);
	r = take_values(f, m, g, err);
	return r < 0 ? r : take_owners(f, m, g, err);
}

int cg_cgconfig_import_hierarchy(struct cg_cgconfig_importer *im, const struct cg_cgconfig_node *node,
	size_t nodes, struct cg_error **err)
{
	struct filling *f = calloc(1, sizeof(*f));
	uint32_t first = im->tree->groups;
	int r = 0;

	if (!f)
		return cg_error_oom(err);
	f->im = im;
	f->hierarchy = node->hierarchy;
	f->version = im->tree->hierarchy[node->hierarchy].version;
	f->made = calloc(nodes, sizeof(*f->made));
	if (!f->made)
		r = cg_error_oom(err);
	for (size_t i = 0; r == 0 && i < nodes; i++)
		r = take_node(f, &node[i], err);
	if (r == 0 && f->version == 2)
		r = pass_on(f, err);
	r = r < 0 ? r : make_columns(f, err);
	for (size_t i = 0; r == 0 && i < f->count; i++)
		r = make_group(f, i, first, err);
	filling_free(f);
	return r;
}
