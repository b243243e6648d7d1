/* What a restore will do, as data. plan() is pure: image, live tree, members and options in; an ordered list
 * of operations out. --dry-run prints it, apply runs it, undo derives from it. */
#pragma once

#include "base/attributes.h"
#include "base/error.h"
#include "model/convert.h"
#include "model/tree.h"

enum cg_mode {
	CG_MODE_STRICT,
	CG_MODE_OPPORTUNISTIC,
	CG_MODE_BIND,
	CG_MODE_FULL,
	CG_MODE_PROPS,
	CG_MODE_NONE
};
/* "strict", "opportunistic" (also "soft"), "bind", "full", "props", "none"; -EINVAL with the list in *err. */
int cg_mode_parse(const char *text, enum cg_mode *ret, struct cg_error **err) CG_MUST_CHECK;
const char *cg_mode_name(enum cg_mode mode);

struct cg_mode_at {
	const char *path; /* of the image */
	enum cg_mode mode;
};
struct cg_root {
	const char *hierarchy; /* label, NULL for all */
	const char *path;
};
struct cg_mapping {
	const char *from, *to;
};

struct cg_plan_options {
	enum cg_mode mode;
	const struct cg_mode_at *mode_at;
	size_t mode_ats;
	const struct cg_root *root; /* the tops' new path */
	size_t roots;
	const struct cg_mapping *map; /* image path to target path, for that group and all below */
	size_t maps;
	const struct cg_mapping *device; /* device map: "8:16" to "254:0", "eth0" to "ens3" */
	size_t devices;
	bool dir;            /* the one top of each hierarchy goes to the live one's fd itself (--dir) */
	bool namespace_root; /* with dir: those are the roots of our cgroup namespace, and each hierarchy
				of the image must have one (--root /) */
	bool keep_top;       /* bind: leave the top's settings */
	bool no_settings;    /* members only */
	bool hold;           /* mark what would stand in the way of tasks that are made anew (CG_OP_HELD) */
	uint32_t uid, gid;   /* fsuid and fsgid of the program: owner of what mkdir makes */
	bool privileged;     /* may chown to others */
	bool programs_known; /* the live tree tells the attached BPF programs (cg_dump_may_ask_programs) */
	int programs_denied; /* errno when BPF programs cannot be loaded here, else 0; looked at only when a
				program is to be attached or detached */
	const struct cg_losses
		*losses;         /* what the translation of the image lost, or NULL: notes of the plan */
	bool strict_translation; /* they refuse it */
	bool devices_known;      /* the live tree lists every device and link of the image that is here
				    (cg_survey_devices) */
};

/* A group of the target. Ancestors that must be made are places too. */
struct cg_place {
	uint32_t parent;    /* place index, CG_NONE: opened from the hierarchy's fd by `path` */
	uint16_t hierarchy; /* index into the live hierarchies */
	const char *name;   /* one component; of a place without parent: the path relative to the hierarchy's
			       fd, "." for the fd itself */
	const char *path;   /* absolute, for people and the record */
	bool exists;        /* before the restore */
	uint32_t image_group; /* CG_NONE for an ancestor that is made to hold the top */
	uint32_t live_group;  /* in the live tree, CG_NONE when it does not exist or was not looked at */
	enum cg_mode mode;
};

enum cg_op_kind {
	CG_OP_CREATE, /* mkdir; must not exist */
	CG_OP_WRITE, /* a setting: `from` is what stands there (of a new group: what the kernel gives it; data
			NULL: nobody knows), `to` what shall */
	CG_OP_OWNER, /* of the directory (file NULL) or a file: chown and chmod as they differ; with ALL_FILES
			of every file in the directory, whose modes stay */
	CG_OP_XATTR, /* `to` is the value, data NULL removes; `from` likewise what stands there */
	CG_OP_ATTACH,   /* a task enters; `member` */
	CG_OP_PROGRAMS, /* the BPF programs of one attach type: `member` is the index into the plan's */
	CG_OP_KEEP,     /* nothing is done: "= PATH" */
	CG_OP_NOTE,     /* nothing is done: "! PATH KNOB: text" */
};

enum cg_op_flag {
	CG_OP_BEST_EFFORT = 1 << 0, /* a failure is said and counted, not fatal (opportunistic; deprecated and
				       unknown knobs) */
	CG_OP_DIFFERS = 1 << 1,     /* NOTE: counts as "something differs or was skipped": exit 1 */
	CG_OP_MAKES_PRESENT = 1 << 2, /* WRITE of a value that may equal what is there: read first, write if
					 other (CG_DEFAULT_UNKNOWN) */
	CG_OP_HELD = 1 << 4,          /* WRITE: waits until the tasks are there (pending.h); apply records how
					 it is taken back, and leaves it */
	CG_OP_ALL_FILES = 1 << 3,     /* OWNER: of all files of the group; before and after tell uid and gid
					 alone. What differs from file to file follows */
};

struct cg_op {
	uint8_t kind, flags;
	uint32_t place;  /* NOTE: CG_NONE when it concerns no place: `file` then tells what (a path, a
			    hierarchy) */
	uint32_t member; /* ATTACH: index into members; PROGRAMS: into the plan's programs */
	const struct cg_knob *knob; /* WRITE: NULL for a generic setting */
	const char *file; /* WRITE: the column's name; OWNER: the file or NULL; XATTR: the attribute's name;
			     NOTE: the knob or NULL */
	struct cg_bytes from, to;      /* NOTE: `to` is the text */
	struct cg_owner before, after; /* OWNER */
};

/* A task of the image that was found here: see members.h. */
struct cg_member {
	uint32_t image_group; /* where it belongs */
	int32_t pid, tid;     /* here */
	int32_t image_pid, image_tid;
	uint64_t start_time; /* here */
	const char *comm;
	bool whole_process; /* written to cgroup.procs; else the thread alone */
	bool missing;       /* named, not moved */
	const char *why;    /* missing: "gone", "another boot", ... */
	bool together; /* whole_process: all its recorded threads that belong to that group are in `from` */
	const char *from; /* path of the group it is in now in that hierarchy; NULL when missing */
};
struct cg_members {
	struct cg_arena arena;
	struct cg_member *item;
	size_t count, room;
};

/* The programs of one attach type of a group, in the order in which they run. */
struct cg_program_change {
	uint32_t place, attach_type;
	const struct cg_program *from, *to;
	uint16_t froms, tos;
};

struct cg_plan {
	struct cg_arena arena;
	struct cg_place *place;
	struct cg_op *op;
	struct cg_program_change *program;
	size_t places, ops, programs, place_room, op_room, program_room;
	size_t creates, writes, attaches, differs; /* counts for summaries */
	const char **label; /* of each live hierarchy, when the plan concerns several: lines then tell them
			       apart; else NULL */
};

/* `live` holds what exists at the targets, and above each top what exists of its ancestors (cg_survey): the
 * first group of each hierarchy is its directory itself, and the hierarchies are those of the cg_live they
 * were read from, in its order. Its devices are those that the host has, of each kind that it lists any of;
 * where it lists none of a kind, keys are kept as they are. Columns of statistics that rows of the catalogue
 * name as `usage`, and cgroup.stat, are used for the checks of limits and room when they are there.
 *
 * Everything of image, live and options must live as long as the plan, which points into them.
 *
 * Refusals (mode, missing controllers or hierarchies, limits below use, no room, owners, devices, values that
 * no dump writes) are collected: the error tells the first (damage of the image before all) and the count,
 * and *ret then holds a NOTE for each and nothing else. Errors of usage and want of memory come at once. *ret
 * is to be freed in every case.
 *
 * What makes the result differ (exit 1) beside what is skipped: groups and extended attributes that the image
 * lacks, in the modes that bring what exists to the image (bind, full, props). Elsewhere such groups are only
 * named. A group where --mode-at begins another mode is a top of that mode. */
int cg_plan_make(const struct cg_tree *image, const struct cg_tree *live, const struct cg_members *members,
	const struct cg_plan_options *options, struct cg_plan *ret, struct cg_error **err) CG_MUST_CHECK;
void cg_plan_free(struct cg_plan *plan);
#define _cleanup_plan_ _cleanup_(cg_plan_free)

/* The line of an operation, without newline: the same words for a dry run and a real one. */
void cg_plan_line(const struct cg_plan *plan, const struct cg_members *members, size_t op, struct cg_text *t);

/* Where each top of the image goes, before anything is looked at: the paths that the live tree must be read
 * at. Applies roots, maps and dir ("/" then: the directory itself). Calls fn with the image's hierarchy and
 * group, and the target path. Paths of options that the image lacks or that are no paths, and tops that would
 * go to one place, are usage errors. A result of fn below 0 ends and is returned. */
typedef int cg_target_fn(void *context, uint32_t image_hierarchy, uint32_t image_group, const char *path);
int cg_plan_targets(const struct cg_tree *image, const struct cg_plan_options *options, cg_target_fn *fn,
	void *context, struct cg_error **err) CG_MUST_CHECK;
