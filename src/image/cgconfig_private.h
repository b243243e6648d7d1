/* What the parts of the configuration's import share; private to cgconfig*.c. */
#pragma once

#include "image/cgconfig.h"

#define CG_CGCONFIG_KINDS_MAX 64
#define CG_CGCONFIG_CORE      "cgroup" /* how libcgroup calls what v2 has without a controller */

/* A controller, and where its groups go. */
struct cg_cgconfig_kind {
	const char *name;
	int version;
	unsigned line;
	uint32_t hierarchy;
};

/* One section of a group, or a group that is only above others. Several may be one group. */
struct cg_cgconfig_node {
	uint32_t hierarchy, order;
	const char *path;
	const struct cg_cgconfig_group *group;           /* NULL: only above */
	const struct cg_cgconfig_controller *controller; /* likewise */
};

struct cg_cgconfig_importer {
	const struct cg_cgconfig *config;
	const struct cg_cgconfig_options *options;
	struct cg_tree *tree;
	struct cg_cgconfig_kind kind[CG_CGCONFIG_KINDS_MAX];
	size_t kinds;
	struct cg_cgconfig_node *node;
	size_t nodes, node_room;
};

/* "line N: ..." as a CG_FAULT_CORRUPT. */
int cg_cgconfig_wrong(const struct cg_cgconfig_importer *im, unsigned line, struct cg_error **err,
	const char *fmt, ...) CG_PRINTF(4, 5);
/* The groups of one hierarchy, of nodes in order. */
int cg_cgconfig_import_hierarchy(struct cg_cgconfig_importer *im, const struct cg_cgconfig_node *node,
	size_t nodes, struct cg_error **err) CG_MUST_CHECK;
