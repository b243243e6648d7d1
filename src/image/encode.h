/* Parts of a tree as protobuf messages. The messages point into the tree and into the scratch, and are valid
 * until either changes. False when memory is out. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"
#include "image.pb-c.h"
#include "image/allocator.h"
#include "model/tree.h"

void cg_encode_inventory(const struct cg_inventory *inventory, Cgtree__Image__Inventory *ret);
void cg_encode_hierarchy(const struct cg_hierarchy *h, Cgtree__Image__Hierarchy *ret);
bool cg_encode_knobs(
	struct cg_scratch *s, const struct cg_hierarchy *h, Cgtree__Image__Knobs *ret) CG_MUST_CHECK;
/* Without its tasks. */
bool cg_encode_group(struct cg_scratch *s, const struct cg_tree *tree, uint32_t index,
	Cgtree__Image__Group *ret) CG_MUST_CHECK;
bool cg_encode_tasks(struct cg_scratch *s, const struct cg_group *g, Cgtree__Image__Tasks *ret) CG_MUST_CHECK;
void cg_encode_device(const struct cg_device *d, Cgtree__Image__Device *ret);
void cg_encode_note(const struct cg_note *n, Cgtree__Image__Note *ret);
