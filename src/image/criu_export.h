/* The parts of an export. */
#pragma once

#include "image/criu_parts.h"

struct cg_criu_exporter {
	const struct cg_tree *tree;
	struct cg_budget budget;   /* without a limit: the tree is in memory already */
	struct cg_scratch scratch; /* the message */
	Cgtree__Criu__Dir *dir;    /* one for each group */
	cg_criu_lost_fn *lost;
	void *context;
};

/* Tells of something without a place; `group` may be CG_NONE, `knob` NULL. */
int cg_criu_lose(struct cg_criu_exporter *x, uint32_t group, const char *knob, const char *text,
	struct cg_error **err) CG_MUST_CHECK;
/* A copy with a NUL after it, or NULL. */
char *cg_criu_keep(struct cg_criu_exporter *x, struct cg_bytes b);
/* CRIU's names of a hierarchy. 0 or -ENOMEM. */
int cg_criu_cnames(struct cg_criu_exporter *x, const struct cg_hierarchy *h, size_t *ret_count,
	char ***ret) CG_MUST_CHECK;
/* Sets of tasks, and which hierarchies are threaded, into the message. */
int cg_criu_export_sets(
	struct cg_criu_exporter *x, Cgtree__Criu__Cgroups *m, struct cg_error **err) CG_MUST_CHECK;
