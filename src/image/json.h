/* Trees as JSON: lossless for decode and encode, and the objects of show and diff. Bytes that are no UTF-8
 * are given as {"base64": "..."}. */
#pragma once

#include "base/attributes.h"
#include "base/error.h"
#include "base/text.h"
#include "model/diff.h"
#include "model/tree.h"

/* schema "cgtree.image/1". Everything the image holds, unknown records included. */
int cg_json_from_tree(
	const struct cg_tree *tree, bool pretty, struct cg_text *ret, struct cg_error **err) CG_MUST_CHECK;
/* The reverse. Strict: unknown members, wrong types, duplicate keys, values out of range are errors that name
 * the place. */
int cg_json_to_tree(struct cg_bytes json, struct cg_tree **ret, struct cg_error **err) CG_MUST_CHECK;
