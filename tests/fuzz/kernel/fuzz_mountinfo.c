/* Any bytes as /proc/PID/mountinfo: parsed or refused with an error, and what was parsed is whole. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/mountinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cg_mounts m = {0};
	struct cg_error *err = NULL;
	int r = cg_mountinfo_parse((struct cg_bytes){(const char *)data, size}, &m, &err);

	if ((r < 0) != (err != NULL) || (r < 0 && m.count != 0))
		abort();
	for (size_t i = 0; i < m.count; i++) {
		const struct cg_mount *c = &m.item[i];

		if ((c->version != 1 && c->version != 2) || c->root[0] != '/' || c->point[0] != '/' ||
			!c->super_options[0] || !c->controllers)
			abort();
		if (c->version == 2 && (c->controllers[0] || c->name))
			abort();
	}
	cg_mounts_free(&m);
	cg_error_free(err);
	return 0;
}
