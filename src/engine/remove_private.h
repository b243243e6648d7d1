/* What the parts of a removal share; private to remove*.c. */
#pragma once

#include "base/arena.h"
#include "engine/remove.h"

/* One group, found by walking from the target; parents before children. */
struct cg_doomed {
	uint32_t parent; /* index, UINT32_MAX for the target itself */
	const char *name, *path;
	uint16_t hierarchy;
};

struct cg_removal {
	const struct cg_live *live;
	const struct cg_target *target;
	const struct cg_remove_options *options;
	struct cg_arena arena;
	struct cg_doomed *item;
	size_t count, room;
	int *outer; /* by live hierarchy: the directory above the target, -1 where it is not */
	int *top;   /* the target itself */
	int *pid;   /* processes found, for words and for killing */
	size_t pids, pid_room;
	bool changed; /* something was done */
	struct cg_remove_counts counts;
};

/* Adds the processes of an open group to r->pid: those of v2 from the threads where the group is threaded. */
int cg_removal_read_tasks(struct cg_removal *r, int group, int version) CG_MUST_CHECK;
/* Opens a group of the list, from the target down. The caller closes. */
int cg_removal_open(struct cg_removal *r, size_t i, int *ret_fd) CG_MUST_CHECK;
/* Ends all tasks in the groups of the list and waits until they are gone. */
int cg_removal_kill(struct cg_removal *r, struct cg_error **err) CG_MUST_CHECK;
