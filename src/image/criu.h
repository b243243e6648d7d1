/* CRIU's picture of cgroups (cgroup.img) as a tree, and a tree as such a picture.
 *
 * What one side has no place for is named: on the way in by notes in the tree, on the way out by a function
 * of the caller's. Everything else comes back: import, export and import again give the same tree.
 *
 * CRIU numbers the places of tasks ("sets"), and its other images refer to the numbers. A tree has no place
 * for a number, so the sets of the image (and which hierarchies it calls threaded) travel beside the tree as
 * an extra record of the image, in CRIU's own encoding. An export gives a place that is known there the
 * number that it had, so that CRIU's other images stay true. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/text.h"
#include "model/tree.h"

#define CG_CRIU_VALUE_MAX 1023 /* bytes of a value: CRIU cuts what is longer */
#define CG_CRIU_RECORD    0xc2 /* type of the extra record; not critical */
#define CG_CRIU_FILE_NAME "cgroup.img"

/* A thread, and where CRIU's images say it was. */
struct cg_criu_task {
	int32_t pid, tid; /* as the tasks saw them in their innermost pid namespace that CRIU dumped */
	uint32_t set;     /* CG_CRIU_NO_SET: not told */
	bool assumed;     /* the set is its process's: its own is not told */
	const char *comm;
};
#define CG_CRIU_NO_SET 0 /* CRIU counts sets from 1 */

struct cg_criu_tasks {
	struct cg_arena arena;
	struct cg_criu_task *task; /* ascending by pid, tid */
	uint32_t count;
};
void cg_criu_tasks_free(struct cg_criu_tasks *t);
#define _cleanup_criu_tasks_ _cleanup_(cg_criu_tasks_free)

/* Reads pstree.img and core-TID.img of an image folder. `memory` bounds what is decoded. A file that is
 * missing is -ENOENT (fault SYSTEM); damage is CG_FAULT_CORRUPT, with the file's name. */
int cg_criu_read_tasks(
	int dirfd, size_t memory, struct cg_criu_tasks *ret, struct cg_error **err) CG_MUST_CHECK;

/* A whole cgroup.img to a tree; damage is CG_FAULT_CORRUPT. `tasks` NULL: it is not known which task is
 * where, and a note says so. A hierarchy's root is left out, and named. */
int cg_criu_import(struct cg_bytes file, const struct cg_criu_tasks *tasks, size_t memory,
	struct cg_tree **ret, struct cg_error **err) CG_MUST_CHECK;
/* The same from a descriptor: a file or a stream. */
int cg_criu_import_file(int fd, size_t memory, struct cg_tree **ret, struct cg_error **err) CG_MUST_CHECK;
/* The same from a folder of images, with the tasks. A folder without cgroup.img is none of an error to CRIU:
 * a tree of nothing, with a note. */
int cg_criu_import_folder(
	int dirfd, size_t memory, struct cg_tree **ret, struct cg_error **err) CG_MUST_CHECK;

/* The hierarchy of a tree that CRIU calls so ("cpu,cpuacct", "name=systemd", "" for v2), or CG_NONE. */
uint32_t cg_criu_hierarchy_of(const struct cg_tree *tree, const char *label);

/* The sets of a cgroup.img as they stand there. */
struct cg_criu_place_of_set {
	const char *hierarchy; /* "cpu,cpuacct", "name=systemd"; "" for v2 */
	const char *path;      /* absolute */
	uint32_t hidden;       /* bytes of the path that a cgroup namespace hid from the tasks */
};
struct cg_criu_set {
	uint32_t id;
	struct cg_criu_place_of_set *place;
	uint32_t places;
};
struct cg_criu_sets {
	struct cg_arena arena;
	struct cg_criu_set *set;
	uint32_t count;
	bool rewritten; /* by cg_criu_write_sets() */
};
void cg_criu_sets_free(struct cg_criu_sets *s);
#define _cleanup_criu_sets_ _cleanup_(cg_criu_sets_free)

/* Reads a whole cgroup.img; damage is CG_FAULT_CORRUPT. */
int cg_criu_read_sets(
	struct cg_bytes file, size_t memory, struct cg_criu_sets *ret, struct cg_error **err) CG_MUST_CHECK;
/* Appends a whole cgroup.img with these sets, whose hierarchies are those of the labels given, and no groups:
 * what CRIU needs to place tasks in groups that exist (--manage-cgroups=none). A set without places and with
 * the highest number, which no task is in, marks it as not CRIU's. */
int cg_criu_write_sets(const struct cg_criu_sets *sets, const char *const *label, size_t labels,
	struct cg_text *ret, struct cg_error **err) CG_MUST_CHECK;

/* Told of each thing that CRIU's format has no place for. A result other than 0 ends the export. */
typedef int cg_criu_lost_fn(void *context, const char *path, const char *knob, const char *text);

/* Appends the tree as a whole cgroup.img. The tree must be linked. */
int cg_criu_export(const struct cg_tree *tree, cg_criu_lost_fn *lost, void *context, struct cg_text *ret,
	struct cg_error **err) CG_MUST_CHECK;
