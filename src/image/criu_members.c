/* Tasks into the groups that their sets name. */
#include <errno.h>
#include <string.h>

#include "image/criu_import.h"

/* Sets by their number, each with the groups that its members name. */
struct placed_set {
	uint32_t id, count;
	uint32_t *group;
};

struct placing {
	struct cg_criu_importer *im;
	struct cg_criu_places places;
	struct placed_set *set;
	uint32_t *fill; /* how many tasks each group has so far */
};

static int compare_sets(const void *a, const void *b)
{
	const struct placed_set *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static int note_hidden(struct placing *p, const Cgtree__Criu__Set *s, struct cg_error **err)
{
	for (size_t i = 0; i < s->n_ctls; i++) {
		const Cgtree__Criu__Member *m = s->ctls[i];

		if (!m->has_cgns_prefix || !m->cgns_prefix)
			continue;
		return cg_criu_note(p->im, m->path, NULL, err,
			"the tasks of set %u are in a cgroup namespace that hides the first %u bytes of this "
			"path: told here, not made by a restore",
			s->id, m->cgns_prefix);
	}
	return 0;
}

static int place_member(
	struct placing *p, const Cgtree__Criu__Member *m, struct placed_set *to, struct cg_error **err)
{
	struct cg_criu_importer *im = p->im;
	uint32_t hierarchy = cg_criu_find_hierarchy(im->tree, m->name, &im->scratch), group;

	if (hierarchy == CG_NONE)
		return cg_criu_note(im, NULL, NULL, err,
			"set %u is in the hierarchy \"%s\", which CRIU's image does not describe", to->id,
			m->name);
	if (strcmp(m->path, "/") == 0)
		return 0;
	group = cg_criu_places_find(&p->places, hierarchy, m->path);
	if (group == CG_NONE)
		return cg_criu_note(im, m->path, NULL, err,
			"the tasks of set %u are in this group, which CRIU's image does not describe",
			to->id);
	for (uint32_t i = 0; i < to->count; i++)
		if (im->tree->group[to->group[i]].hierarchy == hierarchy)
			return cg_error_corrupt(err, "set %u names a hierarchy twice", to->id);
	to->group[to->count++] = group;
	return 0;
}

static int place_sets(struct placing *p, struct cg_error **err)
{
	const Cgtree__Criu__Cgroups *m = p->im->message;
	int r = 0;

	p->set = cg_scratch_array(&p->im->scratch, m->n_sets, sizeof(*p->set));
	if (!p->set)
		return cg_criu_no_memory(p->im, err);
	for (size_t i = 0; r == 0 && i < m->n_sets; i++) {
		struct placed_set *to = &p->set[i];

		*to = (struct placed_set){.id = m->sets[i]->id};
		to->group = cg_scratch_array(&p->im->scratch, m->sets[i]->n_ctls, sizeof(*to->group));
		if (!to->group)
			return cg_criu_no_memory(p->im, err);
		r = note_hidden(p, m->sets[i], err);
		for (size_t k = 0; r == 0 && k < m->sets[i]->n_ctls; k++)
			r = place_member(p, m->sets[i]->ctls[k], to, err);
	}
	if (r == 0 && m->n_sets)
		qsort(p->set, m->n_sets, sizeof(*p->set), compare_sets);
	return r;
}

static const struct placed_set *find_set(const struct placing *p, uint32_t id)
{
	struct placed_set wanted = {.id = id};
	size_t count = p->im->message->n_sets;

	return count ? bsearch(&wanted, p->set, count, sizeof(wanted), compare_sets) : NULL;
}

static int count_task(struct placing *p, const struct cg_criu_task *t, struct cg_error **err)
{
	const struct placed_set *s = find_set(p, t->set);

	if (t->set == CG_CRIU_NO_SET)
		return cg_criu_note(
			p->im, NULL, NULL, err, "CRIU does not tell where task %d was", (int)t->tid);
	if (!s)
		return cg_error_corrupt(
			err, "task %d is in set %u, which does not exist", (int)t->tid, t->set);
	for (uint32_t i = 0; i < s->count; i++)
		p->im->tree->group[s->group[i]].tasks++;
	return 0;
}

static int make_room(struct placing *p, struct cg_error **err)
{
	for (uint32_t i = 0; i < p->im->tree->groups; i++) {
		struct cg_group *g = &p->im->tree->group[i];

		if (!g->tasks)
			continue;
		g->task = cg_criu_array(p->im, g->tasks, sizeof(*g->task));
		if (!g->task)
			return cg_criu_no_memory(p->im, err);
	}
	return 0;
}

static int add_task(struct placing *p, const struct cg_criu_task *t, struct cg_error **err)
{
	const struct placed_set *s = find_set(p, t->set);
	struct cg_bytes comm = cg_bytes_of(t->comm);

	if (!s)
		return 0;
	if (!cg_budget_charge(&p->im->budget, comm.len + 1) || !cg_arena_keep(&p->im->tree->arena, &comm))
		return cg_criu_no_memory(p->im, err);
	for (uint32_t i = 0; i < s->count; i++)
		p->im->tree->group[s->group[i]].task[p->fill[s->group[i]]++] =
			(struct cg_task){.pid = t->pid, .tid = t->tid, .comm = comm.data};
	return 0;
}

static int note_assumed(struct cg_criu_importer *im, const struct cg_criu_tasks *tasks, struct cg_error **err)
{
	uint32_t assumed = 0;

	for (uint32_t i = 0; i < tasks->count; i++)
		assumed += tasks->task[i].assumed && tasks->task[i].set != CG_CRIU_NO_SET;
	if (!assumed)
		return 0;
	return cg_criu_note(im, NULL, NULL, err,
		"CRIU tells where processes were, not their threads: %u threads are taken to be with theirs",
		assumed);
}

int cg_criu_import_tasks(
	struct cg_criu_importer *im, const struct cg_criu_tasks *tasks, struct cg_error **err)
{
	struct placing p = {.im = im};
	int r;

	if (!tasks)
		return 0;
	p.fill = cg_scratch_array(&im->scratch, im->tree->groups, sizeof(*p.fill));
	if (!p.fill || !cg_criu_places_make(&p.places, im->tree, &im->scratch))
		return cg_criu_no_memory(im, err);
	memset(p.fill, 0, im->tree->groups * sizeof(*p.fill));
	r = place_sets(&p, err);
	for (uint32_t i = 0; r == 0 && i < tasks->count; i++)
		r = count_task(&p, &tasks->task[i], err);
	r = r < 0 ? r : make_room(&p, err);
	for (uint32_t i = 0; r == 0 && i < tasks->count; i++)
		r = add_task(&p, &tasks->task[i], err);
	return r < 0 ? r : note_assumed(im, tasks, err);
}
