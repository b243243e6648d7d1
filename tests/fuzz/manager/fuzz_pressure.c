/* Any bytes as a pressure file and as /proc/meminfo: taken or refused, and what was refused changed nothing.
 */
#include <stdint.h>
#include <stdlib.h>

#include "manager/pressure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cg_bytes text = {(const char *)data, size};
	uint64_t totals[CG_STALLS] = {1, 2}, total = 3, used = 4;
	int r = cg_psi_parse(text, totals);

	if (r < 0 && (totals[0] != 1 || totals[1] != 2))
		abort();
	r = cg_meminfo_parse(text, &total, &used);
	if (r < 0 ? total != 3 || used != 4 : total == 0 || used > total)
		abort();
	return 0;
}
