/* Which groups there are: a look at directories and membership alone, for people who want to know. */
#pragma once

#include "base/arena.h"
#include "kernel/hierarchy.h"

struct cg_listed {
	const char *path;
	uint16_t hierarchy; /* of the live ones */
	uint16_t depth;     /* below what was asked for; 0: that itself */
	uint64_t processes; /* in the group itself; of a threaded v2 group: threads */
};

struct cg_list {
	struct cg_arena arena;
	struct cg_listed *item;
	size_t count, room;
};
void cg_list_free(struct cg_list *list);
#define _cleanup_groups_ _cleanup_(cg_list_free)

/* Adds the groups at and below a path of one hierarchy ("/" for all below its root, which itself is not
 * told), down to `depth` levels (UINT_MAX: all), in no order. 1, or 0 when there is no such group. What
 * vanishes meanwhile is left out. */
int cg_list_groups(struct cg_list *list, const struct cg_live *live, uint16_t hierarchy, const char *path,
	unsigned depth, struct cg_error **err) CG_MUST_CHECK;
