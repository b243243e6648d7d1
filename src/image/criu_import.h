/* The parts of an import. */
#pragma once

#include "image/criu_parts.h"

struct cg_criu_importer {
	struct cg_tree *tree; /* owned until it is taken */
	struct cg_budget budget;
	struct cg_scratch scratch; /* lives as long as the import */
	Cgtree__Criu__Cgroups *message;
	uint64_t ownerless, ruleless; /* directories and files without owner and mode */
};

/* Adds a note, charged; 0 or an error. */
int cg_criu_note(struct cg_criu_importer *im, const char *path, const char *knob, struct cg_error **err,
	const char *fmt, ...) CG_PRINTF(5, 6) CG_MUST_CHECK;
int cg_criu_no_memory(const struct cg_criu_importer *im, struct cg_error **err) CG_MUST_CHECK;
/* A zeroed array of the tree's, charged; NULL when memory or the budget is out. */
void *cg_criu_array(struct cg_criu_importer *im, size_t count, size_t size);

/* Adds the hierarchy with its groups. */
int cg_criu_import_hierarchy(
	struct cg_criu_importer *im, const Cgtree__Criu__Controller *m, struct cg_error **err) CG_MUST_CHECK;
/* The columns of the hierarchy that was added last. Directories are in the order of the tree's groups. */
int cg_criu_import_columns(struct cg_criu_importer *im, const Cgtree__Criu__Dir *const *dir, size_t count,
	struct cg_error **err) CG_MUST_CHECK;
/* Owner, type and settings of a group; dir NULL: CRIU left it out, and it gets none. */
int cg_criu_import_group(struct cg_criu_importer *im, uint32_t group, const Cgtree__Criu__Dir *dir,
	struct cg_error **err) CG_MUST_CHECK;
/* Places tasks by their sets; the tree is linked. */
int cg_criu_import_tasks(
	struct cg_criu_importer *im, const struct cg_criu_tasks *tasks, struct cg_error **err) CG_MUST_CHECK;
