/* Which interface files the groups of one hierarchy have: learnt by listing a directory once for each set of
 * controllers (on v2: for each different cgroup.subtree_control of a parent; on v1: once), then shared by all
 * threads.
 *
 * Columns and sets only ever grow and never move, so that a thread may use one without the lock after it was
 * handed out. */
#pragma once

#include <pthread.h>

#include "base/fdio.h"
#include "model/tree.h"

#define CG_COLUMNS_MAX   2048
#define CG_FILE_SETS_MAX 2048

struct cg_live_column {
	const char *name;           /* under which it is kept */
	const char *file;           /* which is read: `name`, or the row's read_name */
	const struct cg_knob *knob; /* NULL: a generic setting */
	struct cg_bytes
		initial; /* the value of a new group, when it is the same in all; data NULL otherwise */
	uint16_t mode;
};

struct cg_live_set {
	const char *key; /* v2: the parent's subtree_control */
	uint16_t column[CG_COLUMNS_MAX / 8];
	uint16_t columns;
	bool learnt;
};

struct cg_columns {
	pthread_mutex_t lock;
	struct cg_arena arena;
	int version;
	uint64_t page_size;
	uint32_t kernel; /* CG_KERNEL() */
	bool with_usage; /* statistics that tell the use of a limit are read too */
	struct cg_live_column *column[CG_COLUMNS_MAX];
	struct cg_live_set *set[CG_FILE_SETS_MAX];
	uint16_t columns, sets;
	uint16_t delegation; /* column of cgroup.subtree_control, or CG_FILE_EXTRA */
};

int cg_columns_init(struct cg_columns *c, int version, uint64_t page_size, uint32_t kernel) CG_MUST_CHECK;
void cg_columns_destroy(struct cg_columns *c);

/* The number of the set for this key, made when new; CG_NONE when memory or room is out. */
uint32_t cg_columns_set(struct cg_columns *c, struct cg_bytes key);
/* Learns the set's files from a group that has it, once; later calls cost a look. 0 or a negative errno. */
int cg_columns_learn(struct cg_columns *c, uint32_t set, int group) CG_MUST_CHECK;
