/* One element of "groups" of a JSON document. */
#pragma once

#include "base/attributes.h"
#include "base/error.h"
#include "image/json_read.h"
#include "model/tree.h"

/* Adds it to the tree, whose hierarchies are there. */
int cg_json_read_group(struct cg_tree *t, const struct cg_json_at *at, struct cg_error **err) CG_MUST_CHECK;
