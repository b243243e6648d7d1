/* Values to try: for every setting of the catalogue one that is legal on this host and differs from what the
 * file says now. The test of the catalogue writes them one by one; tests of whole trees take them to fill
 * every setting with something that is not the default. */
#pragma once

#include <stdint.h>

#include "base/text.h"
#include "model/knob.h"

/* What samples depend on. */
struct sample_host {
	uint64_t page_size;
	char device[32];             /* MAJ:MIN of a whole block device; "" when there is none */
	struct cg_bytes controllers; /* what the group may enable for its children (cgroup.controllers) */
};

/* Fills page_size and device. 0 or a negative errno. */
int sample_host_read(struct sample_host *ret) CG_MUST_CHECK;

/* Appends a value for the file, chosen by `seed`, that cg_value_check() accepts and that is not the same as
 * `current`: true. Otherwise false, and *ret_why says why there is none here. Settings that are bounded by
 * their parent's (CG_KNOB_WITHIN_PARENT) or by another knob (`bound`) get what fits under an equal sample
 * there: use one seed for both. */
bool sample_value(const struct cg_knob *knob, const char *name, const struct sample_host *host,
	struct cg_bytes current, unsigned seed, struct cg_text *t, const char **ret_why);
