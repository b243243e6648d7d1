/* Any bytes as /proc/PID/cgroup. */
#include <stdint.h>
#include <stdlib.h>

#include "kernel/mountinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cg_memberships m = {0};
	struct cg_error *err = NULL;
	int r = cg_membership_parse((struct cg_bytes){(const char *)data, size}, &m, &err);

	if ((r < 0) != (err != NULL) || (r < 0 && m.count != 0))
		abort();
	for (size_t i = 0; i < m.count; i++)
		if (!m.item[i].controllers || m.item[i].path[0] != '/')
			abort();
	cg_memberships_free(&m);
	cg_error_free(err);
	return 0;
}
