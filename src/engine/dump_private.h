/* Between the files of dump. */
#pragma once

#include "engine/walk.h"

/* Appends the absolute path of a node. */
void cg_node_path(const struct cg_node *n, struct cg_text *t);

/* Adds the walk's groups to a hierarchy of the tree, and its notes. The walk's memory becomes the tree's,
 * also on failure. Tops must be sorted by name. */
int cg_dump_finish(
	struct cg_tree *tree, uint32_t hierarchy, struct cg_walk *walk, struct cg_error **err) CG_MUST_CHECK;

/* Appends a hierarchy record for a live hierarchy. */
int cg_dump_add_hierarchy(
	struct cg_tree *tree, const struct cg_live_hierarchy *h, uint32_t *ret) CG_MUST_CHECK;

/* Refuses (usage fault) a directory that is the root of a whole hierarchy. */
int cg_dump_check_dir(const struct cg_live_hierarchy *h, struct cg_error **err) CG_MUST_CHECK;

/* How many threads read: those asked for, or as many as pay. */
unsigned cg_dump_threads(unsigned asked);

/* Fills in the inventory. */
int cg_dump_inventory(struct cg_tree *tree, const struct cg_live *live, struct cg_error **err) CG_MUST_CHECK;

/* Records the tasks of all groups of a linked tree, whose hierarchies are those of `live` named by number[]:
 * hierarchy i of the tree was read from live->item[number[i]]. */
int cg_dump_members(struct cg_tree *tree, const struct cg_live *live, const size_t *number,
	const struct cg_dump_options *options, struct cg_error **err) CG_MUST_CHECK;

/* Freezes the tops of a linked tree for as long as membership is read. */
struct cg_freeze {
	struct cg_freezer {
		int fd, version;
	} * item;
	size_t count;
	uint64_t since; /* microseconds, CLOCK_MONOTONIC */
};
int cg_dump_freeze(const struct cg_tree *tree, const struct cg_live *live, const size_t *number,
	struct cg_freeze *ret, struct cg_error **err) CG_MUST_CHECK;
/* Thaws what was frozen here, all of it even when one fails, and tells how long it stood still, in
 * microseconds. Takes one that froze nothing. */
int cg_dump_thaw(struct cg_freeze *f, uint64_t *ret_window, struct cg_error **err) CG_MUST_CHECK;

/* Adds the identities of devices and interfaces that settings name. */
int cg_dump_devices(struct cg_tree *tree, struct cg_error **err) CG_MUST_CHECK;
