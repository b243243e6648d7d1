/* What the rooms of the planner share. Public contract: plan.h.
 *
 * plan.c        runs the passes and collects operations, notes and refusals
 * plan_mode.c   the table of modes
 * plan_targets.c  where each group of the image goes, and in which mode
 * plan_places.c   the groups of the target in the order they are made, and what exists of them
 * plan_columns.c  what is known of a column of the image on this target: defaults, order, values
 * plan_devices.c  devices and interfaces by their names here
 * plan_controllers.c  v2: which controllers a group has and passes on
 * plan_settings.c   which settings change, and when
 * plan_owners.c   owners, permission bits, extended attributes
 * plan_checks.c   room in what exists, and the tasks
 * plan_line.c     operations in words */
#pragma once

#include "engine/plan.h"

#define CG_NO_COLUMN UINT16_MAX

/* What a mode says of a group. */
enum cg_cell {
	CG_CELL_CREATE,
	CG_CELL_REUSE, /* as it is */
	CG_CELL_APPLY, /* with the settings of the image */
	CG_CELL_REFUSE,
};
enum cg_cell cg_plan_cell(enum cg_mode mode, bool top, bool exists);

/* A group of the image on its way to a place. */
struct cg_spot {
	const char *path; /* the target, as people name it; NULL: the target has no such hierarchy */
	uint32_t length;  /* of path */
	uint32_t place;   /* CG_NONE until it has one */
	uint32_t parent, first_child, last_child, next_sibling; /* spots, by the target's paths */
	uint8_t mode;
	bool top;     /* a top of the image, or the group where another mode begins */
	bool renamed; /* by a mapping, below a top */
};

/* What the planner keeps about a place beside what is in the plan. */
struct cg_seat {
	uint16_t image_hierarchy;
	bool apply;           /* its settings are ours: made, or existing and APPLY */
	bool refused;         /* it or one above it was refused */
	bool delegated;       /* root of a cgroup namespace with nsdelegate: most files may not be written */
	bool changed;         /* an existing one of which something is written */
	uint32_t live_parent; /* the live group above; CG_NONE when that is made too or there is none */
	uint64_t has;         /* v2: controllers that an existing one has before the restore */
	uint64_t available;   /* v2: controllers it has when its turn comes, as bits */
	uint64_t wants;       /* v2: those that the image's group passes on */
	uint64_t passes;      /* v2: those it passes on when its children are made */
	uint32_t new_depth;   /* levels that are made below it */
	uint32_t new_groups;  /* groups that are made below it */
	uint32_t entering;    /* tasks that enter it or one below */
};

/* A column of an image hierarchy, seen from the target. */
struct cg_column_plan {
	const char *name;
	const struct cg_knob *knob;
	struct cg_bytes fresh;     /* what a new group has here; data NULL: inherited or not known */
	struct cg_bytes unlimited; /* what "no limit" is in the image, when it is called otherwise here */
	struct cg_bytes usual;     /* the image's usual value in words of the target, once it was asked for */
	uint64_t unit;
	uint16_t live;             /* the same column of the live hierarchy */
	uint16_t live_usage;       /* the live column that tells the present use */
	uint16_t rank;             /* in the order of writing */
	uint16_t masked_by, bound; /* columns of the image */
	uint8_t controller;        /* bit number; CG_NO_BIT: of the core, or v1 */
	uint16_t fresh_mode;       /* permission bits of a new file here */
	uint16_t usual_mode;       /* the bits that the image wants */
	bool written;              /* false: an alias, the type, or not allowed */
	bool absent;               /* the target's kernel has no such file */
	bool look;                 /* its usual value may differ from what a new group has */
	bool look_live;            /* its usual value may differ from the live hierarchy's */
	bool said;                 /* that it is not in the catalogue */
};
#define CG_NO_BIT 0xff

/* An image hierarchy and the live one that it goes to. */
struct cg_hierarchy_plan {
	uint16_t live; /* CG_NO_COLUMN: none here */
	uint16_t columns, controllers_column;
	uint16_t looks, looks_live;
	struct cg_column_plan *column;
	uint16_t *look, *look_live; /* columns that have these flags */
	uint16_t *from_live;        /* live column to ours */
	uint64_t *needs;            /* by file set: controllers that it takes; v2 */
	uint32_t *stamp;            /* by column: the last place that took it as a candidate, plus one */
	uint16_t *lacking;          /* columns that a live file set lacks: kept for the last pair asked for */
	uint16_t lackings;
	uint32_t pair_image, pair_live;
	bool special_modes;      /* some column's usual permission bits are not those of a new file */
	bool special_live_modes; /* or those that the live column has */
};

/* A setting that is to change. */
struct cg_change {
	uint32_t place;
	uint16_t column;
	uint8_t flags; /* enum cg_op_flag */
	bool tightens; /* an existing group gets a stricter value */
	struct cg_bytes from, to;
};
struct cg_changes {
	struct cg_change *item;
	size_t count, room;
};

struct cg_device_pair {
	const struct cg_device *device; /* of the image */
	const char *here;               /* its key here, NULL: it is missing */
};

#define CG_CONTROLLERS_MAX 64

struct cg_planner {
	const struct cg_tree *image, *live;
	const struct cg_members *members;
	const struct cg_plan_options *options;
	struct cg_plan *plan;
	struct cg_spot *spot; /* by image group */
	struct cg_seat *seat; /* by place */
	size_t seat_room;
	struct cg_hierarchy_plan *hierarchy; /* by image hierarchy */
	bool *peopled;     /* by image group: it or one below has tasks; NULL unless things are held back */
	uint32_t *claimed; /* by live group: its place, CG_NONE when the image lacks it */
	uint32_t *cursor;  /* by live group: the child last found */
	struct cg_index {
		uint32_t *slot;
		uint32_t mask;
	} spots, places;               /* hash tables of paths */
	struct cg_device_pair *device; /* by image device, sorted by kind and key */
	bool knows_devices[3];         /* by kind: the live tree lists those of the host */
	struct cg_bytes controller[CG_CONTROLLERS_MAX];
	unsigned controllers;
	uint16_t *candidate; /* scratch: columns of the group in hand */
	size_t candidate_room;
	struct cg_changes now, tighten, late;
	bool *settled;                   /* by member: it is where it belongs, and nobody moves it away */
	const struct cg_knob *type_knob; /* what the type of a v2 group is written by */
	uint32_t kernel, image_kernel;   /* CG_KERNEL() */
	struct cg_text scratch;
	size_t refusals;
	struct cg_error *refusal; /* the first of them */
	bool oom;                 /* memory ran out on the way; looked at between the passes */
};

/* plan.c */
struct cg_op *cg_plan_add(struct cg_planner *p, enum cg_op_kind kind, uint32_t place);
/* "! PATH SUBJECT: text"; the subject may be NULL, the place CG_NONE (then the subject is all there is). */
void cg_plan_note(struct cg_planner *p, uint32_t place, const char *subject, unsigned flags, const char *fmt,
	...) CG_PRINTF(5, 6);
/* A refusal, said and counted; in the opportunistic mode only a difference. `hint` may be NULL. */
void cg_plan_refuse(struct cg_planner *p, enum cg_mode mode, uint32_t place, const char *subject,
	const char *hint, int code, const char *fmt, ...) CG_PRINTF(7, 8);
/* The image holds what no dump writes: refused in every mode. */
void cg_plan_corrupt(struct cg_planner *p, uint32_t place, const char *subject, const char *fmt, ...)
	CG_PRINTF(4, 5);
void *cg_plan_array(struct cg_planner *p, size_t count, size_t size); /* zeroed; NULL sets p->oom */
/* The subject "KNOB KEY" in the plan's memory. */
const char *cg_plan_subject(struct cg_planner *p, const char *knob, struct cg_bytes key);
unsigned cg_plan_effort(const struct cg_planner *p, uint32_t place); /* BEST_EFFORT in the forgiving mode */

/* plan_targets.c */
int cg_plan_check_paths(
	const struct cg_tree *image, const struct cg_plan_options *o, struct cg_error **err) CG_MUST_CHECK;
int cg_plan_assign(struct cg_planner *p, struct cg_error **err) CG_MUST_CHECK;
bool cg_plan_path_covers(const char *prefix, const char *path);

/* plan_places.c */
int cg_plan_seat_all(struct cg_planner *p, struct cg_error **err) CG_MUST_CHECK;
void cg_plan_note_extras(struct cg_planner *p);

/* plan_columns.c */
int cg_plan_columns(struct cg_planner *p, struct cg_error **err) CG_MUST_CHECK;
/* The value of the image in words of the target; data NULL when it could not be read then. */
struct cg_bytes cg_plan_want(struct cg_planner *p, uint32_t place, uint16_t column);
/* What a new group has at this place; data NULL when that cannot be told. */
struct cg_bytes cg_plan_fresh(struct cg_planner *p, uint32_t place, uint16_t column);
/* What stands in a live group; data NULL when it has no such file or it could not be read. */
struct cg_bytes cg_plan_live_value(
	const struct cg_planner *p, const struct cg_hierarchy_plan *h, uint32_t live_group, uint16_t column);
bool cg_plan_same(const struct cg_column_plan *c, struct cg_bytes a, struct cg_bytes b);
static inline struct cg_hierarchy_plan *cg_plan_hierarchy(const struct cg_planner *p, uint32_t place)
{
	return &p->hierarchy[p->seat[place].image_hierarchy];
}

/* plan_devices.c */
int cg_plan_devices(struct cg_planner *p, struct cg_error **err) CG_MUST_CHECK;
/* The value with the keys of this host. What names a missing device is left out and refused. */
struct cg_bytes cg_plan_map_devices(
	struct cg_planner *p, uint32_t place, const struct cg_column_plan *c, struct cg_bytes value);

/* plan_controllers.c */
uint64_t cg_plan_controllers_of(struct cg_planner *p, struct cg_bytes words);
uint8_t cg_plan_controller_bit(struct cg_planner *p, struct cg_bytes name);
void cg_plan_controllers(struct cg_planner *p);
/* The change of what a group passes on; an existing one gets its removals in the second pass. */
void cg_plan_controllers_change(struct cg_planner *p, uint32_t place, uint16_t column);

/* plan_settings.c */
bool cg_plan_is_late(const struct cg_column_plan *c); /* it is written when all groups and tasks are there */
void cg_plan_relax(struct cg_planner *p);             /* first pass over what exists */
void cg_plan_made_settings(struct cg_planner *p, uint32_t place);
void cg_plan_tighten(struct cg_planner *p); /* second pass, bottom-up */
void cg_plan_late(struct cg_planner *p);
bool cg_plan_change(struct cg_planner *p, uint32_t place, uint16_t column, bool say, struct cg_change *ret);
void cg_plan_push(struct cg_planner *p, struct cg_changes *to, const struct cg_change *change);

/* plan_owners.c */
void cg_plan_owners(struct cg_planner *p, uint32_t place);
void cg_plan_owners_later(struct cg_planner *p); /* of directories that would hand their group down */
void cg_plan_xattrs(struct cg_planner *p, uint32_t place);

/* plan_checks.c */
void cg_plan_count_members(struct cg_planner *p);
void cg_plan_room(struct cg_planner *p);
void cg_plan_attach(struct cg_planner *p);
