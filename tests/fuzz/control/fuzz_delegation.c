/* Any text as --delegate: taken or refused with a reason, and what was taken keeps its promises. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/delegation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_delegation_ struct cg_delegation d = {0};
	_cleanup_error_ struct cg_error *err = NULL;
	_cleanup_free_ char *text = strndup((const char *)data, size);
	_cleanup_(cg_strings_free) struct cg_strings none = {0};
	uint64_t taken[CG_SHARES] = {0};
	bool bound = false;

	if (!text)
		return 0;
	if (cg_delegation_parse(text, &d, &err) < 0) {
		if (!err || d.path)
			abort();
		return 0;
	}
	if (d.path[0] != '/' || strstr(d.path, "/../") || d.socket[0] != '/' || d.uid == UINT32_MAX ||
		strlen(d.name) > CG_AREA_NAME_MAX || !cg_job_id_is_valid(cg_bytes_of(d.name)))
		abort();
	for (int s = 0; s < CG_SHARES; s++)
		bound = bound || d.most[s];
	/* A job without limits fits where nothing is bounded, and nowhere else. */
	if ((cg_delegation_fits(&d, &none, taken, &err) < 0) != bound)
		abort();
	return 0;
}
