/* What takes a restore back: in memory for a rollback, and in a record for a restore that was killed.
 *
 * The record is one file, whole before the first change, locked (flock(2)) for as long as its program lives,
 * and removed when the restore is done or was taken back. It lies on a file system that a reboot empties, as
 * the groups are, so nothing is synced. Its grammar, numbers in little-endian order:
 *
 *   record    = "CGUNDO1\n" boot:bytes hierarchies:u32 places:u32 steps:u32
 *               hierarchy* place* step* checksum:u64 [tail]
 *   hierarchy = version:u8 device:u64 inode:u64 label:bytes root:bytes
 *   place     = hierarchy:u32 parent:u32 made:u8 inode:u64 name:bytes
 *   step      = kind:u8 place:u32 what its kind needs (undo_parse.c)
 *   tail      = "E" place:u32       a group to be made that another program had made first: not ours
 *   bytes     = length:u32 byte*
 *
 * The checksum is FNV-1a (64 bits) of all that stands before it; the tail follows only in a restore that
 * found a group which somebody made after the record was written. The record gets its name when it is whole:
 * one under a temporary name never saw a change, and neither does an empty one count, for that is how a
 * record is taken back when it cannot be removed.
 *
 * A group "to be made" is known to be ours when it exists later: it did not exist when the record was
 * written (looked up, not assumed), the boot and the file system are the same, and it is only ever removed
 * with rmdir(2), which the kernel refuses while tasks or groups of others are in it. (Numbers of groups grow
 * with time, so a number says no more than that it was made after the record, which is known already.) */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/fdio.h"
#include "kernel/hierarchy.h"
#include "model/tree.h"

struct cg_undo_hierarchy {
	uint8_t version;
	uint64_t device, inode; /* of the directory that paths begin at */
	const char *label;      /* as cg_live_matches() takes it */
	const char *root;       /* where that directory lies in the hierarchy: "/" or "/a" */
};

struct cg_undo_place {
	uint32_t parent; /* CG_NONE: opened from the hierarchy's directory */
	uint16_t hierarchy;
	uint16_t depth;   /* number of parents */
	bool made;        /* did not exist */
	bool holds;       /* of a run: a group below could not be removed */
	uint64_t inode;   /* of one that existed; 0: not looked at */
	const char *name; /* as in struct cg_place */
};

enum cg_undo_kind {
	CG_UNDO_GROUP = 1, /* remove it */
	CG_UNDO_VALUE,     /* bring back a setting */
	CG_UNDO_OWNER,     /* bring back owner and mode */
	CG_UNDO_XATTR,     /* bring back or remove an extended attribute */
	CG_UNDO_TASK,      /* move a task back */
};

struct cg_undo_step {
	uint8_t kind;
	bool settled;         /* nothing is left to do; of a run, not of the record */
	bool whole;           /* TASK: the process, else the thread alone */
	uint32_t place;       /* TASK: where it was brought to */
	uint32_t origin;      /* TASK: the place that it came from */
	int32_t id;           /* TASK */
	uint64_t start_time;  /* TASK */
	const char *file;     /* VALUE, XATTR: name; OWNER: name or NULL for the directory */
	struct cg_bytes from; /* VALUE: what the file read, whole; XATTR: the value, data NULL: it had none */
	struct cg_bytes to;   /* VALUE: what was to be written, data NULL: whatever stands there is ours;
				 XATTR likewise, data NULL: removed */
	struct cg_owner before, after; /* OWNER */
};

struct cg_undo {
	struct cg_arena arena;
	char boot[37];
	struct cg_undo_hierarchy *hierarchy;
	struct cg_undo_place *place;
	struct cg_undo_step *step;
	size_t hierarchies, places, steps;
	size_t hierarchy_room, place_room, step_room;
};

/* Appending: the index, or CG_NONE when memory is out. Strings are not copied: they must live as long as the
 * undo, in its arena or elsewhere. */
uint32_t cg_undo_add_hierarchy(struct cg_undo *undo, const struct cg_undo_hierarchy *h);
uint32_t cg_undo_add_place(struct cg_undo *undo, uint32_t hierarchy, uint32_t parent, const char *name);
struct cg_undo_step *cg_undo_add_step(struct cg_undo *undo, enum cg_undo_kind kind, uint32_t place);
void cg_undo_free(struct cg_undo *undo);
#define _cleanup_undo_ _cleanup_(cg_undo_free)

/* A live hierarchy as the next of the undo's. */
int cg_undo_add_live(
	struct cg_undo *undo, const struct cg_live_hierarchy *h, struct cg_error **err) CG_MUST_CHECK;
/* Opens what the record's paths begin at: base[i] for each hierarchy, -1 for one that no place is in. False
 * when one that is needed cannot be found through the mounts of `live`; what was opened is the caller's. */
bool cg_undo_open_bases(const struct cg_live *live, const struct cg_undo *undo, int *base);

/* The absolute path of a place in its hierarchy, appended. */
void cg_undo_path(const struct cg_undo *undo, uint32_t place, struct cg_text *t);

/* The record's bytes, without tails; t->failed tells that memory was out. */
void cg_undo_encode(const struct cg_undo *undo, struct cg_text *t);
/* Strict: every index, name and number is checked, nothing may be left over, and memory is bounded by a small
 * multiple of the record's length. -EBADMSG (corrupt) or -ENOMEM. Points into `record`. */
int cg_undo_parse(struct cg_bytes record, struct cg_undo *ret, struct cg_error **err) CG_MUST_CHECK;

/* The file of a record, held open and locked. */
struct cg_undo_record {
	int dirfd, fd;
	char *name;
};
#define CG_UNDO_RECORD_INIT                                                                                  \
	{                                                                                                    \
		-1, -1, NULL                                                                                 \
	}
#define CG_UNDO_PREFIX    "restore-"
#define CG_UNDO_TEMPORARY ".new"
#define CG_UNDO_CAP       CG_READ_CAP /* the longest record that is read */

/* Opens the folder of records; with `make` it is made (0700) when missing. It must belong to us and be
 * writable by nobody else, for what lies there is carried out. -ENOENT without an error object when it is
 * missing. */
int cg_undo_folder(const char *state_dir, bool make, int *ret_fd, struct cg_error **err) CG_MUST_CHECK;
/* Writes and locks restore-PID-RANDOM. */
int cg_undo_record_write(struct cg_undo_record *r, const char *state_dir, const struct cg_undo *undo,
	struct cg_error **err) CG_MUST_CHECK;
/* Notes that this group was made by another. 0 or a negative errno. */
int cg_undo_record_exclude(struct cg_undo_record *r, uint32_t place) CG_MUST_CHECK;
/* Removes the file (or, if that fails, empties it, which says the same). */
int cg_undo_record_remove(struct cg_undo_record *r) CG_MUST_CHECK;
/* Lets go of file and lock; takes any state. */
void cg_undo_record_close(struct cg_undo_record *r);
#define _cleanup_undo_record_ _cleanup_(cg_undo_record_close)

/* Open directories along the path to the place in hand: what is worked on depth-first costs one open a group.
 */
struct cg_dirs {
	const struct cg_undo *undo;
	const int *base; /* for each hierarchy of the undo an open directory (O_PATH will do), or -1 */
	struct cg_open_place {
		uint32_t place;
		int fd;
	} * open; /* CG_DEPTH_MAX + 1 of them; no place is deeper */
	size_t count;
	int outer; /* the directory above a place whose name has several components */
	uint32_t outer_of;
};
int cg_dirs_init(struct cg_dirs *d, const struct cg_undo *undo, const int *base) CG_MUST_CHECK;
/* The place's directory, still owned by d. -ESTALE when it is another group than the one that was recorded.
 */
int cg_dirs_open(struct cg_dirs *d, uint32_t place, int *ret_fd) CG_MUST_CHECK;
/* The directory above it and the name in there, both still owned by d. */
int cg_dirs_parent(struct cg_dirs *d, uint32_t place, int *ret_fd, const char **ret_name) CG_MUST_CHECK;
void cg_dirs_close_all(struct cg_dirs *d); /* gives the descriptors back; d can be used on */
void cg_dirs_free(struct cg_dirs *d);
#define _cleanup_dirs_ _cleanup_(cg_dirs_free)

/* What a run of the undo tells and needs. */
struct cg_undo_run {
	struct cg_undo *undo;
	struct cg_dirs *dirs;
	size_t steps;    /* only the first so many */
	bool recovering; /* the steps may not have been done, and others may have been at work since: a value,
			    owner or place of a task that is neither the old nor the new one is left and named
			  */
	void (*line)(void *context, const char *text); /* "- /a", "~ /a memory.max 1 -> 2"; may be NULL */
	void *line_context;
	struct cg_buffer present, back;
	struct cg_text text, path;
	int proc; /* descriptor of /proc, opened when it is -1 */
	uint64_t page_size;
};
/* Takes the steps back, last first. A step that fails does not stop the others; what failed is tried again
 * while anything else succeeds (values can depend on each other). The number of steps that could not be taken
 * back; then *err tells the first of them, and all have a "!" line. */
size_t cg_undo_run(struct cg_undo_run *run, struct cg_error **err);
void cg_undo_run_free(struct cg_undo_run *run);
#define _cleanup_undo_run_ _cleanup_(cg_undo_run_free)
