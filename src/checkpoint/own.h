/* The tasks of a checkpoint, as they are here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "kernel/hierarchy.h"

struct cg_own {
	int32_t *id; /* threads, ascending */
	size_t count;
	char ***path; /* of each thread in each hierarchy of `live`, NULL where it has none */
	size_t hierarchies;
};
void cg_own_free(struct cg_own *own);
#define _cleanup_own_ _cleanup_(cg_own_free)

bool cg_own_has(const struct cg_own *own, int32_t id);

/* Those that CRIU's images in a folder tell of, which stand still below process `init`: ids of the images
 * belong to its pid namespace. One that is not there any more is an error. */
int cg_own_dumped(const struct cg_live *live, int dirfd, int init, struct cg_own *ret,
	struct cg_error **err) CG_MUST_CHECK;
/* A running process with its descendants and all their threads, as far as they can be told while they run. */
int cg_own_running(
	const struct cg_live *live, int init, struct cg_own *ret, struct cg_error **err) CG_MUST_CHECK;
