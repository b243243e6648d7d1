/* Trees and images for the tests of this layer. */
#pragma once

#include "base/text.h"
#include "model/tree.h"

/* v1, v2 and named hierarchies, threaded groups, odd names, owners, attributes, programs, tasks, devices,
 * notes, extra records. Linked. `large` adds a value of 2 MiB, an attribute of 64 KiB and 3,000 tasks. */
struct cg_tree *sample_tree(bool large);
/* A small tree of two groups; its image is some hundred bytes. */
struct cg_tree *sample_small(void);
/* One v2 hierarchy with `groups` groups in the top's direct children, three changed settings each, named
 * g00000 and so on. */
struct cg_tree *sample_wide(uint32_t groups);

/* The image of a tree; the test fails when it cannot be written. The caller frees .data. */
struct cg_bytes sample_image(const struct cg_tree *tree, bool compressed);
/* Reads it; the test fails when it cannot be read. */
struct cg_tree *sample_parse(struct cg_bytes image);
/* The tree as JSON, for comparing; the caller frees. */
char *sample_json(const struct cg_tree *tree);
