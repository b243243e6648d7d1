/* The sets of a cgroup.img alone, read and written: which groups CRIU puts the tasks of a set in. */
#include <errno.h>
#include <string.h>

#include "image/criu_parts.h"

#define MARK_ID UINT32_MAX /* of the set that tells a rewritten file */

void cg_criu_sets_free(struct cg_criu_sets *s)
{
	cg_arena_free(&s->arena);
	*s = (struct cg_criu_sets){0};
}

uint32_t cg_criu_hierarchy_of(const struct cg_tree *tree, const char *label)
{
	struct cg_budget budget = {.limit = SIZE_MAX};
	struct cg_scratch scratch;
	uint32_t found;

	cg_scratch_init(&scratch, &budget);
	found = cg_criu_find_hierarchy(tree, label, &scratch);
	cg_scratch_free(&scratch);
	return found;
}

static int keep_set(const Cgtree__Criu__Set *m, struct cg_criu_sets *to, struct cg_error **err)
{
	struct cg_criu_set *s = &to->set[to->count];

	*s = (struct cg_criu_set){.id = m->id, .places = (uint32_t)m->n_ctls};
	s->place = cg_arena_array(&to->arena, m->n_ctls + 1, sizeof(*s->place));
	if (!s->place)
		return cg_error_oom(err);
	for (size_t i = 0; i < m->n_ctls; i++) {
		s->place[i] = (struct cg_criu_place_of_set){cg_arena_string(&to->arena, m->ctls[i]->name),
			cg_arena_string(&to->arena, m->ctls[i]->path),
			m->ctls[i]->has_cgns_prefix ? m->ctls[i]->cgns_prefix : 0};
		if (!s->place[i].hierarchy || !s->place[i].path)
			return cg_error_oom(err);
	}
	to->count++;
	return 0;
}

static int read_sets(
	struct cg_scratch *scratch, struct cg_bytes file, struct cg_criu_sets *to, struct cg_error **err)
{
	const Cgtree__Criu__Cgroups *m;
	struct cg_bytes rest, entry;
	ProtobufCMessage *message;
	int r = cg_criu_open(file, CG_CRIU_MAGIC_CGROUP, &rest, err);

	r = r < 0 ? r : cg_criu_next(&rest, &entry, err);
	if (r == 0)
		return cg_error_corrupt(err, "it ends where the groups should begin");
	if (r > 0)
		r = cg_criu_unpack(scratch, &cgtree__criu__cgroups__descriptor, entry, false, &message, err);
	if (r < 0)
		return r;
	m = (const Cgtree__Criu__Cgroups *)message;
	r = cg_criu_check_sets(m, scratch, err);
	if (r < 0)
		return r;
	to->set = cg_arena_array(&to->arena, m->n_sets + 1, sizeof(*to->set));
	if (!to->set)
		return cg_error_oom(err);
	for (size_t i = 0; r == 0 && i < m->n_sets; i++) {
		if (m->sets[i]->id == MARK_ID && m->sets[i]->n_ctls)
			return cg_error_corrupt(err, "set %u has a number that CRIU never gives", MARK_ID);
		if (m->sets[i]->id == MARK_ID)
			to->rewritten = true;
		else
			r = keep_set(m->sets[i], to, err);
	}
	return r;
}

int cg_criu_read_sets(struct cg_bytes file, size_t memory, struct cg_criu_sets *ret, struct cg_error **err)
{
	struct cg_budget budget = {.limit = memory};
	struct cg_criu_sets sets = {0};
	struct cg_scratch scratch;
	int r;

	cg_scratch_init(&scratch, &budget);
	r = read_sets(&scratch, file, &sets, err);
	cg_scratch_free(&scratch);
	if (r < 0)
		cg_criu_sets_free(&sets);
	else
		*ret = sets;
	return r;
}

static char *keep(struct cg_scratch *s, const char *data, size_t len)
{
	char *copy = cg_scratch_alloc(s, len + 1);

	if (!copy)
		return NULL;
	memcpy(copy, data, len);
	copy[len] = '\0';
	return copy;
}

/* A hierarchy by its label: a name for each controller. Threads may stand apart in any of them. */
static Cgtree__Criu__Controller *make_controller(struct cg_scratch *scratch, const char *label)
{
	Cgtree__Criu__Controller *c = cg_scratch_alloc(scratch, sizeof(*c));
	struct cg_bytes rest = cg_bytes_of(label), part;

	if (!c)
		return NULL;
	cgtree__criu__controller__init(c);
	c->has_is_threaded = c->is_threaded = true;
	c->cnames = cg_scratch_array(scratch, rest.len + 1, sizeof(*c->cnames));
	if (!c->cnames)
		return NULL;
	while (cg_bytes_split(&rest, ',', &part)) {
		c->cnames[c->n_cnames] = keep(scratch, part.data, part.len);
		if (!c->cnames[c->n_cnames++])
			return NULL;
	}
	if (c->n_cnames == 0) {
		c->cnames[0] = keep(scratch, "", 0);
		c->n_cnames = c->cnames[0] != NULL;
	}
	return c->n_cnames ? c : NULL;
}

static Cgtree__Criu__Set *make_set(
	struct cg_scratch *scratch, uint32_t id, const struct cg_criu_place_of_set *place, uint32_t places)
{
	Cgtree__Criu__Set *s = cg_scratch_alloc(scratch, sizeof(*s));
	Cgtree__Criu__Member *m = cg_scratch_array(scratch, places + (size_t)1, sizeof(*m));

	if (!s || !m)
		return NULL;
	cgtree__criu__set__init(s);
	s->id = id;
	s->ctls = cg_scratch_array(scratch, places + (size_t)1, sizeof(struct Cgtree__Criu__Member *));
	if (!s->ctls)
		return NULL;
	for (uint32_t i = 0; i < places; i++) {
		cgtree__criu__member__init(&m[i]);
		m[i].name = keep(scratch, place[i].hierarchy, strlen(place[i].hierarchy));
		m[i].path = keep(scratch, place[i].path, strlen(place[i].path));
		m[i].has_cgns_prefix = place[i].hidden > 0;
		m[i].cgns_prefix = place[i].hidden;
		if (!m[i].name || !m[i].path)
			return NULL;
		s->ctls[s->n_ctls++] = &m[i];
	}
	return s;
}

static int write_sets(struct cg_scratch *scratch, const struct cg_criu_sets *sets, const char *const *label,
	size_t labels, struct cg_text *ret, struct cg_error **err)
{
	Cgtree__Criu__Cgroups m = CGTREE__CRIU__CGROUPS__INIT;

	m.sets = cg_scratch_array(scratch, sets->count + (size_t)1, sizeof(struct Cgtree__Criu__Set *));
	m.controllers = cg_scratch_array(scratch, labels + 1, sizeof(struct Cgtree__Criu__Controller *));
	if (!m.sets || !m.controllers)
		return cg_error_oom(err);
	for (uint32_t i = 0; i < sets->count; i++) {
		m.sets[m.n_sets] =
			make_set(scratch, sets->set[i].id, sets->set[i].place, sets->set[i].places);
		if (!m.sets[m.n_sets++])
			return cg_error_oom(err);
	}
	m.sets[m.n_sets] = make_set(scratch, MARK_ID, NULL, 0);
	if (!m.sets[m.n_sets++])
		return cg_error_oom(err);
	for (size_t i = 0; i < labels; i++) {
		m.controllers[m.n_controllers] = make_controller(scratch, label[i]);
		if (!m.controllers[m.n_controllers++])
			return cg_error_oom(err);
	}
	return cg_criu_pack(&m, ret, err);
}

int cg_criu_write_sets(const struct cg_criu_sets *sets, const char *const *label, size_t labels,
	struct cg_text *ret, struct cg_error **err)
{
	struct cg_budget budget = {.limit = SIZE_MAX};
	struct cg_scratch scratch;
	int r;

	cg_scratch_init(&scratch, &budget);
	r = write_sets(&scratch, sets, label, labels, ret, err);
	cg_scratch_free(&scratch);
	return r;
}
