/* Any text as the name of a subtree: what is taken is normal, and taken again as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/hierarchy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cg_target t = {0}, again = {0};
	struct cg_error *err = NULL;
	char *text = strndup((const char *)data, size);
	size_t len;

	if (!text)
		abort();
	if (cg_target_parse(text, &t, &err) < 0) {
		if (!err || err->fault != CG_FAULT_USAGE || t.path || t.hierarchy)
			abort();
		cg_error_free(err);
		free(text);
		return 0;
	}
	len = strlen(t.path);
	if (err || t.path[0] != '/' || len < 2 || t.path[len - 1] == '/' || strstr(t.path, "//") ||
		strstr(t.path, "/../") || strchr(t.path, '\n'))
		abort();
	if (cg_target_parse(t.path, &again, NULL) < 0 || strcmp(again.path, t.path) != 0 || again.hierarchy)
		abort();
	cg_target_free(&again);
	cg_target_free(&t);
	free(text);
	return 0;
}
