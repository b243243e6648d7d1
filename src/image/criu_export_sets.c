/* The sets of tasks: each different combination of groups that some task is in, one group a hierarchy, has a
 * number. Sets that came with CRIU's image keep theirs, used or not, for CRIU's other images name them; new
 * combinations get the numbers after, in the order of their first tasks. */
#include <errno.h>
#include <string.h>

#include "image/criu_export.h"

/* A combination: the group in each hierarchy, CG_NONE where it is in none of the tree's. */
struct keys {
	struct cg_criu_exporter *x;
	uint16_t width; /* hierarchies */
	uint32_t *group;
	uint32_t *id; /* CG_CRIU_NO_SET: a new one */
	int32_t *tid; /* 0: a set that came with CRIU's image */
	size_t count;
	size_t *order;
};

struct membership {
	int32_t pid, tid;
	uint32_t group;
};

static int compare_memberships(const void *a, const void *b)
{
	const struct membership *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	if (x->tid != y->tid)
		return x->tid < y->tid ? -1 : 1;
	return (x->group > y->group) - (x->group < y->group);
}

/* All of them, thread by thread. */
static struct membership *list_memberships(struct cg_criu_exporter *x, size_t *ret_count)
{
	struct membership *list;
	size_t count = 0;

	for (uint32_t i = 0; i < x->tree->groups; i++)
		count += x->tree->group[i].tasks;
	list = cg_scratch_array(&x->scratch, count, sizeof(*list));
	if (!list)
		return NULL;
	*ret_count = count;
	count = 0;
	for (uint32_t i = 0; i < x->tree->groups; i++) {
		const struct cg_group *g = &x->tree->group[i];

		for (uint32_t k = 0; k < g->tasks; k++)
			list[count++] = (struct membership){g->task[k].pid, g->task[k].tid, i};
	}
	if (count)
		qsort(list, count, sizeof(*list), compare_memberships);
	return list;
}

static uint32_t *key_at(const struct keys *k, size_t i)
{
	return &k->group[i * k->width];
}

static uint32_t *new_key(struct keys *k, uint32_t id, int32_t tid)
{
	uint32_t *key = key_at(k, k->count);

	for (uint16_t h = 0; h < k->width; h++)
		key[h] = CG_NONE;
	k->id[k->count] = id;
	k->tid[k->count] = tid;
	k->count++;
	return key;
}

static int add_known(struct keys *k, const Cgtree__Criu__Cgroups *known, struct cg_error **err)
{
	struct cg_criu_places places;

	if (!cg_criu_places_make(&places, k->x->tree, &k->x->scratch))
		return cg_error_oom(err);
	for (size_t i = 0; i < known->n_sets; i++) {
		const Cgtree__Criu__Set *s = known->sets[i];
		uint32_t *key = new_key(k, s->id, 0);

		for (size_t m = 0; m < s->n_ctls; m++) {
			uint32_t h = cg_criu_find_hierarchy(k->x->tree, s->ctls[m]->name, &k->x->scratch);

			if (h != CG_NONE)
				key[h] = cg_criu_places_find(&places, h, s->ctls[m]->path);
		}
	}
	return 0;
}

/* Threads that moved while they were listed may stand in two groups of a hierarchy. */
static int lose_place(struct keys *k, const struct membership *m, struct cg_error **err)
{
	_cleanup_text_ struct cg_text text = {0};

	cg_text_printf(&text, "task %d is in another group of this hierarchy, too: a set has one place",
		(int)m->tid);
	return text.failed ? cg_error_oom(err) : cg_criu_lose(k->x, m->group, NULL, text.data, err);
}

static int add_tasks(struct keys *k, const struct membership *list, size_t count, struct cg_error **err)
{
	uint32_t *key = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		uint16_t h = k->x->tree->group[list[i].group].hierarchy;

		if (i == 0 || list[i].pid != list[i - 1].pid || list[i].tid != list[i - 1].tid)
			key = new_key(k, CG_CRIU_NO_SET, list[i].tid);
		if (key[h] != CG_NONE)
			r = lose_place(k, &list[i], err);
		else
			key[h] = list[i].group;
	}
	return r;
}

static int compare_keys(const void *a, const void *b, void *context)
{
	const struct keys *k = context;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	int order = memcmp(key_at(k, x), key_at(k, y), k->width * sizeof(*k->group));

	return order ? order : (x > y) - (x < y);
}

static Cgtree__Criu__Set *make_set(struct keys *k, size_t index, uint32_t id)
{
	const struct cg_tree *t = k->x->tree;
	struct cg_scratch *scratch = &k->x->scratch;
	Cgtree__Criu__Set *s = cg_scratch_alloc(scratch, sizeof(*s));
	Cgtree__Criu__Member *m = cg_scratch_array(scratch, k->width, sizeof(*m));
	_cleanup_text_ struct cg_text label = {0}, path = {0};

	if (!s || !m)
		return NULL;
	cgtree__criu__set__init(s);
	s->id = id;
	s->ctls = cg_scratch_array(scratch, k->width, sizeof(struct Cgtree__Criu__Member *));
	if (!s->ctls)
		return NULL;
	for (uint16_t h = 0; h < k->width; h++) {
		uint32_t group = key_at(k, index)[h];

		cgtree__criu__member__init(&m[h]);
		cg_text_reset(&path);
		if (group == CG_NONE)
			cg_text_adds(&path, "/");
		else
			cg_group_path(t, group, &path);
		m[h].name = cg_criu_keep(
			k->x, t->hierarchy[h].version == 2
				      ? (struct cg_bytes){"", 0}
				      : cg_bytes_of(cg_hierarchy_label(&t->hierarchy[h], &label)));
		m[h].path = cg_criu_keep(k->x, (struct cg_bytes){path.data, path.len});
		if (path.failed || label.failed || !m[h].name || !m[h].path)
			return NULL;
		s->ctls[s->n_ctls++] = &m[h];
	}
	return s;
}

/* Gives equal combinations one number: that of the first, in which known ones stand before tasks. */
static void share_numbers(struct keys *k, bool *first)
{
	for (size_t i = 0; i < k->count; i++)
		k->order[i] = i;
	if (k->count)
		qsort_r(k->order, k->count, sizeof(*k->order), compare_keys, k);
	for (size_t i = 0; i < k->count; i++) {
		size_t n = k->order[i];

		first[n] = i == 0 || memcmp(key_at(k, n), key_at(k, k->order[i - 1]),
					     k->width * sizeof(*k->group)) != 0;
	}
}

static int add_new_sets(struct keys *k, Cgtree__Criu__Cgroups *m, const bool *first, struct cg_error **err)
{
	_cleanup_text_ struct cg_text text = {0};
	uint32_t last = 1;
	size_t made = 0;

	/* Number 1 is CRIU's own place. */
	for (size_t i = 0; i < k->count; i++)
		last = k->id[i] > last ? k->id[i] : last;
	for (size_t i = 0; i < k->count; i++) {
		if (!k->tid[i] || !first[i])
			continue;
		if (last == UINT32_MAX)
			return cg_error_make(
				err, CG_FAULT_USAGE, EOVERFLOW, "no number is left for another set of tasks");
		m->sets[m->n_sets] = make_set(k, i, ++last);
		if (!m->sets[m->n_sets++])
			return cg_error_oom(err);
		made++;
	}
	if (!made)
		return 0;
	cg_text_printf(&text,
		"%zu sets of groups are new, and which tasks belong to them has its place in CRIU's other "
		"images, not here",
		made);
	return text.failed ? cg_error_oom(err) : cg_criu_lose(k->x, CG_NONE, NULL, text.data, err);
}

static void mark_threaded(const Cgtree__Criu__Cgroups *known, Cgtree__Criu__Cgroups *m)
{
	for (size_t i = 0; i < known->n_controllers; i++) {
		const Cgtree__Criu__Controller *c = known->controllers[i];

		for (size_t k = 0; k < m->n_controllers; k++) {
			bool same = m->controllers[k]->n_cnames == c->n_cnames;

			for (size_t n = 0; same && n < c->n_cnames; n++)
				same = strcmp(m->controllers[k]->cnames[n], c->cnames[n]) == 0;
			if (same && !m->controllers[k]->has_is_threaded) {
				m->controllers[k]->has_is_threaded = c->has_is_threaded;
				m->controllers[k]->is_threaded = c->is_threaded;
			}
		}
	}
}

int cg_criu_export_sets(struct cg_criu_exporter *x, Cgtree__Criu__Cgroups *m, struct cg_error **err)
{
	struct keys k = {.x = x, .width = x->tree->hierarchies};
	Cgtree__Criu__Cgroups *known;
	struct membership *list;
	size_t tasks = 0, room;
	bool *first;
	int r = cg_criu_kept_sets(x->tree, &x->scratch, &known, err);

	if (r < 0)
		return r;
	list = list_memberships(x, &tasks);
	room = known->n_sets + tasks;
	k.group = cg_scratch_array(&x->scratch, room, k.width * sizeof(*k.group));
	k.id = cg_scratch_array(&x->scratch, room, sizeof(*k.id));
	k.tid = cg_scratch_array(&x->scratch, room, sizeof(*k.tid));
	k.order = cg_scratch_array(&x->scratch, room, sizeof(*k.order));
	first = cg_scratch_array(&x->scratch, room, sizeof(*first));
	m->sets = cg_scratch_array(&x->scratch, room, sizeof(struct Cgtree__Criu__Set *));
	if (!list || !k.group || !k.id || !k.tid || !k.order || !first || !m->sets)
		return cg_error_oom(err);
	r = add_known(&k, known, err);
	r = r < 0 ? r : add_tasks(&k, list, tasks, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < known->n_sets; i++)
		m->sets[m->n_sets++] = known->sets[i];
	mark_threaded(known, m);
	share_numbers(&k, first);
	return add_new_sets(&k, m, first, err);
}
