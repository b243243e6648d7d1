/* Limits in v2 terms, as text: checked, looked up, laid over each other. */
#pragma once

#include "control/job.h"
/* "KNOB=VALUE" as people write it to the kernel's form, appended to *t: sizes with units, "50%" and "Q/P" for
 * cpu time. Refuses what is no v2 setting or not of its grammar and range; nothing is clamped. */
int cg_limit_check(const char *text, struct cg_text *t, struct cg_error **err) CG_MUST_CHECK;
/* The same for a list, in place; of keyed settings several may be given, of others each once. */
int cg_limits_check(struct cg_strings *limits, struct cg_error **err) CG_MUST_CHECK;
/* The value of a setting in a checked list, or NULL. */
const char *cg_limits_value(const struct cg_strings *limits, const char *knob);
/* Lays `over` over `limits`: settings that both have are over's; of keyed ones those of the same key, and of
 * nested ones the words that over names: the line of one device stays when that of another comes. */
int cg_limits_merge(struct cg_strings *limits, const struct cg_strings *over) CG_MUST_CHECK;
