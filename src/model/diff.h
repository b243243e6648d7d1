/* The differences of two trees, as data. verify is this, with a live dump on the right. */
#pragma once

#include "model/tree.h"

enum cg_difference_kind {
	CG_DIFF_HIERARCHY_MISSING, /* a is there, b lacks it */
	CG_DIFF_HIERARCHY_EXTRA,
	CG_DIFF_GROUP_MISSING,
	CG_DIFF_GROUP_EXTRA,
	CG_DIFF_TYPE,
	CG_DIFF_SETTING, /* one side may lack the file: data NULL. What all of a side lack, and is as in a new
			    group, is none */
	CG_DIFF_OWNER,   /* of the directory or, with `name`, of a file */
	CG_DIFF_XATTR,
	CG_DIFF_PROGRAM,
	CG_DIFF_TASKS, /* other tasks (by pid and start time, on the same boot), or another number of them */
};

struct cg_difference {
	enum cg_difference_kind kind;
	uint32_t hierarchy_a, hierarchy_b, group_a, group_b; /* CG_NONE where a side has none */
	const char *path;                                    /* in a's terms */
	const char *name;                                    /* knob, xattr or file, NULL otherwise */
	struct cg_bytes a, b; /* the values in words (owner "0:0 755", type, task counts, "3 groups" missing),
				 or raw for settings and xattrs */
};

struct cg_diff {
	struct cg_arena arena;
	struct cg_difference *item;
	size_t count, room;
};

enum cg_diff_flag {
	CG_DIFF_NO_TASKS = 1 << 0,
	CG_DIFF_IGNORE_EXTRA = 1 << 1, /* groups and hierarchies that only b has are no difference */
};

/* Compares by relative path: tops are paired in order when they have other paths (an image restored under
 * another root), settings by cg_value_same, devices and interfaces that have another name in b by their
 * identity. `unit` differences (page sizes) are a's and b's own. */
int cg_diff_trees(const struct cg_tree *a, const struct cg_tree *b, unsigned flags, struct cg_diff *ret,
	struct cg_error **err) CG_MUST_CHECK;
void cg_diff_free(struct cg_diff *diff);
#define _cleanup_diff_ _cleanup_(cg_diff_free)
