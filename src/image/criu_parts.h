/* What the two directions share: names of hierarchies, paths in order, the sets that travel beside a tree. */
#pragma once

#include "image/criu.h"
#include "image/criu_frame.h"

/* Orders paths as a tree has them: a group before what is below it, siblings by name. */
int cg_criu_compare_paths(const char *a, const char *b);

/* Groups by path. */
struct cg_criu_place {
	uint32_t hierarchy, group;
	const char *path;
};
struct cg_criu_places {
	struct cg_criu_place *item; /* ascending by hierarchy and path */
	size_t count;
};
/* Of a tree's groups; the memory is the scratch's. False when memory is out. */
bool cg_criu_places_make(struct cg_criu_places *p, const struct cg_tree *tree, struct cg_scratch *scratch);
uint32_t cg_criu_places_find(const struct cg_criu_places *p, uint32_t hierarchy, const char *path);

/* Fills version, controllers and name from CRIU's list of names, in `memory`. */
int cg_criu_hierarchy(char *const *cname, size_t count, struct cg_arena *memory, struct cg_hierarchy *ret,
	struct cg_error **err) CG_MUST_CHECK;
/* The hierarchy that a member of a set names, or CG_NONE. `label` is cnames joined by commas. */
uint32_t cg_criu_find_hierarchy(const struct cg_tree *tree, const char *label, struct cg_scratch *scratch);

/* Ids from 1 and each once, absolute paths without "..", prefixes within their paths, each hierarchy named
 * once by a set. */
int cg_criu_check_sets(
	const Cgtree__Criu__Cgroups *m, struct cg_scratch *scratch, struct cg_error **err) CG_MUST_CHECK;

/* Whether some group of the hierarchy is threaded, which CRIU says of the hierarchy. */
bool cg_criu_is_threaded(const struct cg_tree *tree, uint32_t hierarchy);
/* Keeps the sets of an image, whose hierarchies are the tree's, as extra records of the tree; and which
 * hierarchies are threaded, where no group tells. */
int cg_criu_keep_sets(struct cg_tree *tree, const Cgtree__Criu__Cgroups *m, struct cg_budget *budget,
	struct cg_error **err) CG_MUST_CHECK;
/* And gives them again: an empty message when the tree has none. */
int cg_criu_kept_sets(const struct cg_tree *tree, struct cg_scratch *scratch, Cgtree__Criu__Cgroups **ret,
	struct cg_error **err) CG_MUST_CHECK;
