/* See criu_parts.h. */
#include "image/criu_parts.h"

#include <errno.h>
#include <string.h>

#include "base/fdio.h"
#include "image/check.h"
#include "image/frame.h"

#define NAME_PREFIX "name="

static int rank(char c)
{
	return c == '\0' ? 0 : c == '/' ? 1 : 2 + (unsigned char)c;
}

int cg_criu_compare_paths(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return rank(*a) - rank(*b);
}

static int compare_places(const void *a, const void *b)
{
	const struct cg_criu_place *x = a, *y = b;

	if (x->hierarchy != y->hierarchy)
		return x->hierarchy < y->hierarchy ? -1 : 1;
	return cg_criu_compare_paths(x->path, y->path);
}

bool cg_criu_places_make(struct cg_criu_places *p, const struct cg_tree *tree, struct cg_scratch *scratch)
{
	_cleanup_text_ struct cg_text path = {0};

	p->count = tree->groups;
	p->item = cg_scratch_array(scratch, tree->groups, sizeof(*p->item));
	if (!p->item)
		return false;
	for (uint32_t i = 0; i < tree->groups; i++) {
		char *copy;

		cg_text_reset(&path);
		cg_group_path(tree, i, &path);
		copy = cg_scratch_alloc(scratch, path.len + 1);
		if (path.failed || !copy)
			return false;
		memcpy(copy, path.data, path.len + 1);
		p->item[i] = (struct cg_criu_place){tree->group[i].hierarchy, i, copy};
	}
	qsort(p->item, p->count, sizeof(*p->item), compare_places);
	return true;
}

uint32_t cg_criu_places_find(const struct cg_criu_places *p, uint32_t hierarchy, const char *path)
{
	struct cg_criu_place wanted = {hierarchy, CG_NONE, path}, *found;

	if (!p->count)
		return CG_NONE;
	found = bsearch(&wanted, p->item, p->count, sizeof(*p->item), compare_places);
	return found ? found->group : CG_NONE;
}

static bool controller_is_valid(const char *name)
{
	return cg_name_is_valid(cg_bytes_of(name)) && !strchr(name, ',');
}

int cg_criu_hierarchy(char *const *cname, size_t count, struct cg_arena *memory, struct cg_hierarchy *ret,
	struct cg_error **err)
{
	_cleanup_text_ struct cg_text list = {0};

	ret->version = count == 1 && cname[0][0] == '\0' ? 2 : 1;
	ret->name = NULL;
	if (count == 0)
		return cg_error_corrupt(err, "it has a hierarchy without controllers");
	cg_text_adds(&list, "");
	for (size_t i = 0; ret->version == 1 && i < count; i++) {
		bool named = strncmp(cname[i], NAME_PREFIX, strlen(NAME_PREFIX)) == 0;

		if (!controller_is_valid(cname[i]) ||
			(named && (ret->name || !cname[i][strlen(NAME_PREFIX)])))
			return cg_error_corrupt(err, "it has a controller with an impossible name");
		if (list.len + strlen(cname[i]) >= CG_IMAGE_CONTROLLERS_MAX)
			return cg_error_corrupt(err, "it has a hierarchy with too many controllers");
		if (named)
			ret->name = cg_arena_string(memory, cname[i] + strlen(NAME_PREFIX));
		else
			cg_text_printf(&list, "%s%s", list.len ? "," : "", cname[i]);
		if (named && !ret->name)
			return cg_error_oom(err);
	}
	ret->controllers = list.failed ? NULL : cg_arena_copy(memory, list.data, list.len);
	return ret->controllers ? 0 : cg_error_oom(err);
}

uint32_t cg_criu_find_hierarchy(const struct cg_tree *tree, const char *label, struct cg_scratch *scratch)
{
	struct cg_bytes rest = cg_bytes_of(label), part;
	char *names = cg_scratch_alloc(scratch, rest.len + 1);
	struct cg_hierarchy wanted = {.version = rest.len ? 1 : 2, .controllers = names};
	size_t used = 0;

	if (!names)
		return CG_NONE;
	while (cg_bytes_split(&rest, ',', &part)) {
		if (part.len > strlen(NAME_PREFIX) &&
			memcmp(part.data, NAME_PREFIX, strlen(NAME_PREFIX)) == 0) {
			char *name = cg_scratch_alloc(scratch, part.len);

			if (!name)
				return CG_NONE;
			part = (struct cg_bytes){
				part.data + strlen(NAME_PREFIX), part.len - strlen(NAME_PREFIX)};
			memcpy(name, part.data, part.len);
			name[part.len] = '\0';
			wanted.name = name;
			continue;
		}
		if (used)
			names[used++] = ',';
		memcpy(names + used, part.data, part.len);
		used += part.len;
	}
	names[used] = '\0';
	for (uint32_t i = 0; i < tree->hierarchies; i++)
		if (cg_hierarchy_same(&tree->hierarchy[i], &wanted))
			return i;
	return CG_NONE;
}

static bool path_is_valid(const char *path)
{
	struct cg_bytes rest, part;
	unsigned depth = 0;

	if (path[0] != '/')
		return false;
	if (path[1] == '\0')
		return true;
	rest = cg_bytes_of(path + 1);
	if (rest.data[rest.len - 1] == '/')
		return false;
	while (cg_bytes_split(&rest, '/', &part))
		if (!cg_name_is_valid(part) || ++depth > 2 * CG_DEPTH_MAX)
			return false;
	return true;
}

static int check_set(const Cgtree__Criu__Set *s, struct cg_error **err)
{
	if (s->id == CG_CRIU_NO_SET)
		return cg_error_corrupt(err, "it has a set of tasks with the number 0");
	if (s->n_ctls > CG_IMAGE_HIERARCHIES_MAX)
		return cg_error_corrupt(err, "set %u names %zu hierarchies", s->id, s->n_ctls);
	for (size_t i = 0; i < s->n_ctls; i++) {
		const Cgtree__Criu__Member *m = s->ctls[i];

		if (strlen(m->name) > CG_IMAGE_CONTROLLERS_MAX || strpbrk(m->name, "/\n"))
			return cg_error_corrupt(err, "set %u names an impossible hierarchy", s->id);
		if (!path_is_valid(m->path))
			return cg_error_corrupt(err, "set %u has an impossible path", s->id);
		if (m->has_cgns_prefix && m->cgns_prefix > strlen(m->path))
			return cg_error_corrupt(err, "set %u hides more of a path than it has", s->id);
		for (size_t k = 0; k < i; k++)
			if (strcmp(s->ctls[k]->name, m->name) == 0)
				return cg_error_corrupt(err, "set %u names a hierarchy twice", s->id);
	}
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int cg_criu_check_sets(const Cgtree__Criu__Cgroups *m, struct cg_scratch *scratch, struct cg_error **err)
{
	uint32_t *id = cg_scratch_array(scratch, m->n_sets, sizeof(*id));
	int r = 0;

	if (!id)
		return cg_criu_out_of_memory(scratch->budget, err);
	for (size_t i = 0; r == 0 && i < m->n_sets; i++) {
		r = check_set(m->sets[i], err);
		id[i] = m->sets[i]->id;
	}
	if (r < 0)
		return r;
	qsort(id, m->n_sets, sizeof(*id), compare_ids);
	for (size_t i = 1; i < m->n_sets; i++)
		if (id[i] == id[i - 1])
			return cg_error_corrupt(err, "set %u stands twice", id[i]);
	return 0;
}

bool cg_criu_is_threaded(const struct cg_tree *tree, uint32_t hierarchy)
{
	for (uint32_t i = 0; i < tree->groups; i++)
		if (tree->group[i].hierarchy == hierarchy && tree->group[i].type == CG_TYPE_THREADED)
			return true;
	return false;
}

static int keep_record(struct cg_tree *tree, struct cg_bytes payload, bool more, struct cg_error **err)
{
	uint32_t index;

	if (!cg_arena_keep(&tree->arena, &payload) || (index = cg_tree_add_extra(tree)) == CG_NONE)
		return cg_error_oom(err);
	tree->extra[index] = (struct cg_extra){CG_CRIU_RECORD, more ? CG_RECORD_MORE : 0, payload};
	return 0;
}

/* Without groups, for the tree has them. */
int cg_criu_keep_sets(
	struct cg_tree *tree, const Cgtree__Criu__Cgroups *m, struct cg_budget *budget, struct cg_error **err)
{
	Cgtree__Criu__Controller *threaded = NULL;
	Cgtree__Criu__Cgroups kept = *m;
	_cleanup_free_ Cgtree__Criu__Controller **list = NULL;
	_cleanup_free_ char *packed = NULL;
	size_t size;
	int r = 0;

	kept.n_controllers = 0;
	list = calloc(m->n_controllers + 1, sizeof(*list) + sizeof(*threaded));
	if (!list)
		return cg_error_oom(err);
	threaded = (Cgtree__Criu__Controller *)(void *)(list + m->n_controllers + 1);
	for (size_t i = 0; i < m->n_controllers; i++) {
		if (!m->controllers[i]->is_threaded || cg_criu_is_threaded(tree, (uint32_t)i))
			continue;
		threaded[kept.n_controllers] = *m->controllers[i];
		threaded[kept.n_controllers].n_dirs = 0;
		list[kept.n_controllers] = &threaded[kept.n_controllers];
		kept.n_controllers++;
	}
	kept.controllers = list;
	size = protobuf_c_message_get_packed_size(&kept.base);
	if (size == 0)
		return 0;
	packed = cg_budget_charge(budget, size) ? malloc(size) : NULL;
	if (!packed)
		return cg_criu_out_of_memory(budget, err);
	(void)protobuf_c_message_pack(&kept.base, (uint8_t *)packed);
	for (size_t at = 0; r == 0 && at < size; at += CG_FRAME_PAYLOAD_MAX) {
		bool more = size - at > CG_FRAME_PAYLOAD_MAX;

		r = keep_record(tree, (struct cg_bytes){packed + at, more ? CG_FRAME_PAYLOAD_MAX : size - at},
			more, err);
	}
	return r;
}

int cg_criu_kept_sets(const struct cg_tree *tree, struct cg_scratch *scratch, Cgtree__Criu__Cgroups **ret,
	struct cg_error **err)
{
	_cleanup_text_ struct cg_text joined = {0};
	ProtobufCMessage *m = NULL;
	bool ended = false;
	int r;

	for (uint32_t i = 0; i < tree->extras; i++) {
		if (tree->extra[i].type != CG_CRIU_RECORD)
			continue;
		if (ended)
			return cg_error_corrupt(err, "there are two records of CRIU's sets");
		cg_text_add(&joined, tree->extra[i].payload.data, tree->extra[i].payload.len);
		ended = !(tree->extra[i].flags & CG_RECORD_MORE);
	}
	if (joined.failed)
		return cg_error_oom(err);
	r = cg_criu_unpack(scratch, &cgtree__criu__cgroups__descriptor,
		(struct cg_bytes){joined.data, joined.len}, true, &m, err);
	*ret = (Cgtree__Criu__Cgroups *)m;
	r = r < 0 ? r : cg_criu_check_sets(*ret, scratch, err);
	if (r < 0)
		cg_error_wrap(err, "the record of CRIU's sets is damaged");
	return r;
}
