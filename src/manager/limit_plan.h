/* Limits in v2 terms on whatever host this is: resolved to writes, done and read back. */
#pragma once

#include "base/arena.h"
#include "control/limits.h"
#include "manager/host.h"
#include "model/knob.h"

struct cg_limit_write {
	const struct cg_knob *knob;
	const char *file;
	struct cg_bytes value;
	uint16_t hierarchy;
};
struct cg_limit_plan {
	struct cg_arena arena;
	struct cg_limit_write *write; /* in the order for a new group */
	size_t count;
	uint32_t where;      /* bits: hierarchies that it needs */
	struct cg_text note; /* what a v1 host understands differently, a line each */
};
void cg_limit_plan_free(struct cg_limit_plan *plan);
#define _cleanup_limit_plan_ _cleanup_(cg_limit_plan_free)
/* Which file of which hierarchy takes what. A limit that this host cannot hold is refused. */
int cg_limit_plan_make(const struct cg_host *h, const char *id, const struct cg_strings *limits,
	struct cg_limit_plan *ret, struct cg_error **err) CG_MUST_CHECK;
/* Writes all and reads each back; one that does not hold is an error. `fresh`: the group is new; otherwise
 * what was changed is taken back when a later one fails. */
int cg_limit_plan_apply(const struct cg_host *h, const char *id, const struct cg_limit_plan *plan, bool fresh,
	struct cg_error **err) CG_MUST_CHECK;
