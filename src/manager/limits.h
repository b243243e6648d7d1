/* Limits in v2 terms, on whatever host this is: checked as text, resolved to writes, done and read back. */
#pragma once

#include "base/arena.h"
#include "manager/host.h"
#include "model/knob.h"

/* "KNOB=VALUE" as people write it to the kernel's form, appended to *t: sizes with units, "50%" and "Q/P" for
 * cpu time. Refuses what is no v2 setting or not of its grammar and range; nothing is clamped. */
int cg_limit_check(const char *text, struct cg_text *t, struct cg_error **err) CG_MUST_CHECK;
/* The same for a list, in place; of keyed settings several may be given, of others each once. */
int cg_limits_check(struct cg_strings *limits, struct cg_error **err) CG_MUST_CHECK;
/* The value of a setting in a checked list, or NULL. */
const char *cg_limits_value(const struct cg_strings *limits, const char *knob);
/* Lays `over` over `limits`: settings that both have are over's (of keyed ones, over's as a whole). */
int cg_limits_merge(struct cg_strings *limits, const struct cg_strings *over) CG_MUST_CHECK;

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
int cg_limit_plan_make(const struct cg_host *h, const struct cg_strings *limits, struct cg_limit_plan *ret,
	struct cg_error **err) CG_MUST_CHECK;
/* Writes all and reads each back; one that does not hold is an error. `fresh`: the group is new; otherwise
 * what was changed is taken back when a later one fails. */
int cg_limit_plan_apply(const struct cg_host *h, const char *id, const struct cg_limit_plan *plan, bool fresh,
	struct cg_error **err) CG_MUST_CHECK;
