/* Where each group of the image goes.
 *
 * A top goes where a mapping of its own path says, else where a mapping of a path above it says (the longest
 * wins), else to the root given for its hierarchy, else to its own path. A group below follows its parent
 * unless a mapping names it. So the longest prefix decides. */
#include "engine/plan_private.h"

#include <errno.h>
#include <string.h>

#include "base/fdio.h"

bool cg_plan_path_covers(const char *prefix, const char *path)
{
	size_t n = strlen(prefix);

	return strncmp(prefix, path, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* Absolute, of valid components, not the root. */
static bool path_is_valid(const char *path)
{
	struct cg_bytes rest = cg_bytes_of(path), part;
	unsigned depth = 0;

	if (path[0] != '/' || path[1] == '\0' || path[rest.len - 1] == '/')
		return false;
	rest.data++;
	rest.len--;
	while (cg_bytes_split(&rest, '/', &part))
		if (!cg_name_is_valid(part) || ++depth > CG_DEPTH_MAX)
			return false;
	return true;
}

static bool image_has_path(const struct cg_tree *image, const char *path)
{
	for (uint16_t h = 0; h < image->hierarchies; h++) {
		if (cg_tree_find(image, h, path) != CG_NONE)
			return true;
		for (uint32_t top = image->hierarchy[h].first_top; top != CG_NONE;
			top = image->group[top].next_sibling)
			if (cg_plan_path_covers(path, image->group[top].name))
				return true;
	}
	return false;
}

/* A sealed group is the root of no view but its own. */
static int refuse_sealed(const char *path, const char *target, struct cg_error **err)
{
	int r = cg_error_make(
		err, CG_FAULT_USAGE, EPERM, "is sealed: it is restored at its own path, not as %s", target);

	cg_error_at(err, path, NULL);
	cg_error_hint(err, "cgtree convert --unseal takes the mark away");
	return r;
}

static int check_sealed_map(const struct cg_tree *image, const struct cg_mapping *m, struct cg_error **err)
{
	for (uint16_t h = 0; h < image->hierarchies; h++) {
		uint32_t g = cg_tree_find(image, h, m->from);

		if (g != CG_NONE && image->group[g].flags & CG_GROUP_SEALED && strcmp(m->from, m->to) != 0)
			return refuse_sealed(m->from, m->to, err);
	}
	return 0;
}

static int check_maps(const struct cg_tree *image, const struct cg_plan_options *o, struct cg_error **err)
{
	for (size_t i = 0; i < o->maps; i++) {
		const struct cg_mapping *m = &o->map[i];

		if (!path_is_valid(m->from) || !path_is_valid(m->to))
			return cg_error_usage(
				err, "--map %s=%s: both must be paths below the root", m->from, m->to);
		if (!image_has_path(image, m->from))
			return cg_error_usage(
				err, "--map %s=%s: the image has no %s", m->from, m->to, m->from);
		for (size_t j = 0; j < i; j++)
			if (strcmp(o->map[j].from, m->from) == 0)
				return cg_error_usage(err, "--map: %s is mapped twice", m->from);
		if (check_sealed_map(image, m, err) < 0)
			return -EPERM;
	}
	return 0;
}

static bool has_word(struct cg_bytes list, struct cg_bytes word)
{
	struct cg_bytes part;

	while (cg_bytes_split(&list, ',', &part))
		if (cg_bytes_equal(part, word))
			return true;
	return false;
}

/* Of co-mounted controllers any part names the hierarchy, in any order. */
static bool label_matches(const struct cg_hierarchy *h, const char *label, struct cg_text *scratch)
{
	struct cg_bytes rest = cg_bytes_of(label), own, part;

	if (!label)
		return true;
	if (h->version == 2)
		return label[0] == '\0' || strcmp(label, "v2") == 0;
	own = cg_bytes_of(cg_hierarchy_label(h, scratch));
	if (rest.len == 0)
		return false;
	while (cg_bytes_split(&rest, ',', &part))
		if (!has_word(own, part))
			return false;
	return true;
}

/* A root for a hierarchy that the image lacks would be passed over in silence. */
static int check_root(const struct cg_tree *image, const struct cg_root *root, struct cg_error **err)
{
	_cleanup_text_ struct cg_text scratch = {0};
	bool found = false;

	if (!path_is_valid(root->path))
		return cg_error_usage(err, "--root %s: it must be a path below the root", root->path);
	for (uint16_t h = 0; h < image->hierarchies; h++)
		found |= label_matches(&image->hierarchy[h], root->hierarchy, &scratch);
	if (scratch.failed)
		return cg_error_oom(err);
	return found || !root->hierarchy
		       ? 0
		       : cg_error_usage(err, "--root %s:%s: the image has no such hierarchy", root->hierarchy,
				 root->path);
}

int cg_plan_check_paths(const struct cg_tree *image, const struct cg_plan_options *o, struct cg_error **err)
{
	int r = 0;

	if (o->dir && (o->roots || o->maps))
		return cg_error_usage(
			err, "--dir says where the tree goes; --root and --map do not go with it");
	for (size_t i = 0; r == 0 && i < o->roots; i++)
		r = check_root(image, &o->root[i], err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < o->mode_ats; i++)
		if (!image_has_path(image, o->mode_at[i].path))
			return cg_error_usage(
				err, "--mode-at %s: the image has no such group", o->mode_at[i].path);
	return check_maps(image, o, err);
}

/* A root that names the hierarchy is more exact than one for all; the later of equals wins. */
static const char *root_of(
	const struct cg_plan_options *o, const struct cg_hierarchy *h, struct cg_text *scratch)
{
	const struct cg_root *best = NULL;

	for (size_t i = 0; i < o->roots; i++)
		if (label_matches(h, o->root[i].hierarchy, scratch) &&
			(!best || o->root[i].hierarchy || !best->hierarchy))
			best = &o->root[i];
	return best ? best->path : NULL;
}

/* The mapping that says where a top goes, or NULL. */
static const struct cg_mapping *mapping_of(const struct cg_plan_options *o, const char *path)
{
	const struct cg_mapping *best = NULL;

	for (size_t i = 0; i < o->maps; i++)
		if (cg_plan_path_covers(o->map[i].from, path) &&
			(!best || strlen(o->map[i].from) > strlen(best->from)))
			best = &o->map[i];
	return best;
}

/* Where a top goes, appended. */
static void target_of(const struct cg_tree *image, const struct cg_plan_options *o, uint32_t top,
	const char *root, struct cg_text *t)
{
	const char *name = image->group[top].name;
	const struct cg_mapping *m = mapping_of(o, name);

	cg_text_reset(t);
	if (o->dir) {
		cg_text_adds(t, "/");
	} else if (m) {
		cg_text_adds(t, m->to);
		cg_text_adds(t, name + strlen(m->from));
	} else {
		cg_text_adds(t, root ? root : name);
	}
}

static int refuse_root(struct cg_error **err)
{
	int r = cg_error_usage(err, "the image's top is the root of a hierarchy, which is never a target");

	cg_error_hint(err, "say where it goes with --root or --dir");
	return r;
}

/* A root, or a directory, takes one top of a hierarchy. */
static int check_tops(const struct cg_tree *image, const struct cg_plan_options *o, uint16_t hierarchy,
	const char *root, struct cg_error **err)
{
	unsigned tops = 0;
	int r;

	for (uint32_t top = image->hierarchy[hierarchy].first_top; top != CG_NONE;
		top = image->group[top].next_sibling)
		tops += o->dir || (root && !mapping_of(o, image->group[top].name));
	if (tops <= 1)
		return 0;
	r = cg_error_usage(err, "%u tops of the image would go to the same place, %s", tops,
		o->dir ? "the directory given" : root);
	cg_error_hint(err, "give each its own place with --map OLD=NEW");
	return r;
}

int cg_plan_targets(const struct cg_tree *image, const struct cg_plan_options *options, cg_target_fn *fn,
	void *context, struct cg_error **err)
{
	_cleanup_text_ struct cg_text path = {0}, scratch = {0};
	int r = cg_plan_check_paths(image, options, err);

	for (uint16_t h = 0; r == 0 && h < image->hierarchies; h++) {
		const char *root = root_of(options, &image->hierarchy[h], &scratch);

		r = check_tops(image, options, h, root, err);
		for (uint32_t top = image->hierarchy[h].first_top; r == 0 && top != CG_NONE;
			top = image->group[top].next_sibling) {
			target_of(image, options, top, root, &path);
			if (path.failed || scratch.failed)
				return cg_error_oom(err);
			if (!options->dir && strcmp(path.data, "/") == 0)
				return refuse_root(err);
			if (image->group[top].flags & CG_GROUP_SEALED &&
				(options->dir || strcmp(path.data, image->group[top].name) != 0))
				return refuse_sealed(image->group[top].name,
					options->dir ? "the directory that was given" : path.data, err);
			r = fn(context, h, top, path.data);
		}
	}
	return r;
}

/* The mode of a top: the longest path that covers it, the later of equals. */
static enum cg_mode top_mode(const struct cg_plan_options *o, const char *path)
{
	enum cg_mode mode = o->mode;
	size_t best = 0;

	for (size_t i = 0; i < o->mode_ats; i++) {
		size_t n = strlen(o->mode_at[i].path);

		if (n >= best && cg_plan_path_covers(o->mode_at[i].path, path)) {
			best = n;
			mode = o->mode_at[i].mode;
		}
	}
	return mode;
}

static int assign_top(void *context, uint32_t hierarchy, uint32_t group, const char *path)
{
	struct cg_planner *p = context;
	const struct cg_hierarchy_plan *h = &p->hierarchy[hierarchy];
	struct cg_spot *s = &p->spot[group];

	s->top = true;
	s->mode = (uint8_t)top_mode(p->options, p->image->group[group].name);
	if (h->live == CG_NO_COLUMN)
		return 0;
	if (p->options->dir)
		path = p->live->hierarchy[h->live].mount_root;
	s->path = cg_arena_string(&p->plan->arena, path);
	if (!s->path)
		return -ENOMEM;
	s->length = (uint32_t)strlen(path);
	return 0;
}

static char *join(struct cg_arena *a, const struct cg_spot *above, const char *name, uint32_t *length)
{
	uint32_t n = above->length == 1 ? 0 : above->length, more = (uint32_t)strlen(name);
	char *path;

	*length = n + 1 + more;
	path = cg_arena_alloc(a, (size_t)*length + 1);
	if (!path)
		return NULL;
	memcpy(path, above->path, n);
	path[n] = '/';
	memcpy(path + n + 1, name, more + 1);
	return path;
}

/* Options that name groups below a top, looked up once: by group, the index plus one. */
struct named {
	uint32_t *map, *mode;
};

static void name_groups(const struct cg_planner *p, struct named *n)
{
	for (uint16_t h = 0; h < p->image->hierarchies; h++) {
		for (size_t i = 0; i < p->options->maps; i++) {
			uint32_t g = cg_tree_find(p->image, h, p->options->map[i].from);

			if (g != CG_NONE)
				n->map[g] = (uint32_t)i + 1;
		}
		for (size_t i = 0; i < p->options->mode_ats; i++) {
			uint32_t g = cg_tree_find(p->image, h, p->options->mode_at[i].path);

			if (g != CG_NONE)
				n->mode[g] = (uint32_t)i + 1;
		}
	}
}

static int assign_below(struct cg_planner *p, uint32_t group, const struct named *n)
{
	const struct cg_group *g = &p->image->group[group];
	const struct cg_spot *above = &p->spot[g->parent];
	struct cg_spot *s = &p->spot[group];

	s->mode = n->mode[group] ? (uint8_t)p->options->mode_at[n->mode[group] - 1].mode : above->mode;
	s->top = s->mode != above->mode;
	if (!above->path)
		return 0;
	if (n->map[group]) {
		s->renamed = true;
		s->path = cg_arena_string(&p->plan->arena, p->options->map[n->map[group] - 1].to);
		s->length = s->path ? (uint32_t)strlen(s->path) : 0;
	} else {
		s->path = join(&p->plan->arena, above, g->name, &s->length);
	}
	return s->path ? 0 : -ENOMEM;
}

int cg_plan_assign(struct cg_planner *p, struct cg_error **err)
{
	_cleanup_free_ uint32_t *maps = calloc((size_t)p->image->groups + 1, sizeof(*maps));
	_cleanup_free_ uint32_t *modes = calloc((size_t)p->image->groups + 1, sizeof(*modes));
	struct named n = {maps, modes};
	int r;

	if (!maps || !modes)
		return cg_error_oom(err);
	name_groups(p, &n);
	r = cg_plan_targets(p->image, p->options, assign_top, p, err);
	for (uint32_t i = 0; r == 0 && i < p->image->groups; i++)
		if (p->image->group[i].parent != CG_NONE && assign_below(p, i, &n) < 0)
			return cg_error_oom(err);
	if (r == -ENOMEM && err && !*err)
		return cg_error_oom(err);
	return r;
}
