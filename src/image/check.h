/* The rules of a tree that images and JSON share, beyond those that cg_tree_link() checks. */
#pragma once

#include "base/attributes.h"
#include "base/error.h"
#include "model/tree.h"

/* Far above what hosts have, and low enough that looking for doubles costs nobody's time. */
#define CG_IMAGE_HIERARCHIES_MAX 256
#define CG_IMAGE_CONTROLLERS_MAX 256  /* bytes of a hierarchy's list of controllers */
#define CG_IMAGE_COLUMNS_MAX     1024 /* interface files of one hierarchy */

/* No hierarchy twice, no top inside another, modes within 07777, owners that somebody can be, known flags and
 * kinds, tasks ascending by pid and tid, file owners each once (columns ascending, then the others), extended
 * attributes with names, extra records that are really unknown. A tree that breaks one is CG_FAULT_CORRUPT.
 * It is asked before a tree is written, too: what we write we read. */
int cg_image_check(const struct cg_tree *tree, struct cg_error **err) CG_MUST_CHECK;
