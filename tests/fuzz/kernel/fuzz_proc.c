/* Any bytes as /proc/PID/stat and as /proc/PID/status. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/tasks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cg_bytes text = {(const char *)data, size};
	struct cg_proc_task t;

	memset(&t, 0xee, sizeof(t));
	if (cg_proc_parse_stat(text, &t) == 0 &&
		(t.tid < 0 || strnlen(t.comm, sizeof(t.comm)) == sizeof(t.comm) || t.state == 0))
		abort();
	memset(&t, 0xee, sizeof(t));
	if (cg_proc_parse_nspid(text, &t) == 0) {
		if (t.pid < 0 || t.ns_count == 0 || t.ns_count > CG_NSPID_MAX)
			abort();
		for (uint8_t i = 0; i < t.ns_count; i++)
			if (t.ns_pid[i] < 0)
				abort();
	}
	return 0;
}
