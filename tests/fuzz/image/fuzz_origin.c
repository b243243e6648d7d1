/* Any bytes as the record of an origin: parsed or refused with an error, and what was parsed is kept and
 * found again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "image/origin.h"

#define MEMORY ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(const struct cg_origin *o)
{
	_cleanup_tree_ struct cg_tree *holder = cg_tree_new();
	_cleanup_origin_ struct cg_origin copy = {0};

	if (!holder || cg_image_keep_origin(holder, o, NULL) < 0)
		return;
	if (cg_image_origin(holder, 2 * MEMORY, &copy, NULL) != 1 || copy.kind != o->kind ||
		copy.version != o->version || copy.tree->groups != o->tree->groups)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_tree_ struct cg_tree *holder = cg_tree_new();
	_cleanup_origin_ struct cg_origin o = {0};
	struct cg_error *err = NULL;
	int r;

	if (!holder || cg_tree_add_extra(holder) == CG_NONE)
		return 0;
	holder->extra[0] = (struct cg_extra){CG_ORIGIN_RECORD, 0, {(const char *)data, size}};
	r = cg_image_origin(holder, MEMORY, &o, &err);
	if (r == 0 || (r < 0) != (err != NULL))
		abort();
	if (r > 0)
		again(&o);
	cg_error_free(err);
	return 0;
}
