/* Values against a kernel: what cg_value_check() accepts the kernel must take and give back as
 * cg_value_same(); what it refuses the kernel must refuse too, or change. */
#pragma once

#include "ground.h"

/* Tries every setting of a group of its own, made anew for each value. 0 or -errno; deviations are counted.
 */
int try_hierarchy(const struct ground *g, struct hierarchy *h, struct tally *t) CG_MUST_CHECK;
