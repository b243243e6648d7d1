/* Which task of the image is which task here. Reads /proc; moves nothing. */
#pragma once

#include "engine/plan.h"
#include "kernel/hierarchy.h"
#include "kernel/pid_map.h"

struct cg_member_options {
	bool none;                         /* --members none */
	const struct cg_pid_pair *pid_map; /* --pid-map: image pid (or tid) to the one here */
	size_t pid_maps;
	int pidns; /* --pidns: a process whose pid namespace the image's innermost ids belong to; 0: not given
		    */
};

/* With neither map nor namespace: same boot id, same id, same start time. Others are `missing` with the
 * reason. A process all of whose recorded threads are in one group of a hierarchy, the leader among them, is
 * one whole_process member there; otherwise the process goes first (to its leader's group) and then each
 * thread that is elsewhere; without its leader only the recorded threads are members. Where a task shall go
 * is the plan's to know: one that is there already is a member too, and `from` tells. Members stand hierarchy
 * by hierarchy, by id. */
int cg_members_find(const struct cg_tree *image, const struct cg_live *live,
	const struct cg_member_options *options, struct cg_members *ret, struct cg_error **err) CG_MUST_CHECK;
void cg_members_free(struct cg_members *m);
#define _cleanup_members_ _cleanup_(cg_members_free)
