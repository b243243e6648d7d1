/* What the rooms of the converter share. Public contract: convert.h.
 *
 * convert.c          layouts, and the order of the passes
 * convert_parts.c    which hierarchy of the target takes which controllers from which source
 * convert_nodes.c    all groups of all sources as one tree of paths
 * convert_columns.c  the files of a target hierarchy, and where their values come from
 * convert_values.c   the settings of a group
 * convert_tasks.c    where tasks go, threads, leaves for the tasks of inner groups
 * convert_devices.c  rules of v1 and device programs of v2
 * convert_emit.c     groups, owners, attributes of the result
 * convert_bind.c     a controller that is added or left out
 * convert_fit.c      what v1 demands of parents and children */
#pragma once

#include "model/convert.h"

#define CG_NO_NODE CG_NONE
#define CG_NO_USE  UINT16_MAX

/* A group of the union of all sources. */
struct cg_node {
	const char *name; /* one component; of the root "" */
	uint32_t parent, first_child, next_sibling;
	uint32_t cursor;  /* the child last found */
	uint16_t depth;   /* components of its path */
	uint32_t place;   /* where it stands in the part that is emitted; CG_NONE */
	bool leaf;        /* made to hold tasks */
	bool threaded;    /* v2: in a threaded subtree, not its root */
	bool thread_root; /* v2 */
	bool selected;    /* has a group in the part in hand */
	bool within;      /* the part has a group here or above */
	uint64_t has;     /* v2 part: controllers of it */
	uint64_t passes;  /* v2 part: controllers of its children */
};

/* A row of the translations in use for one source: with the columns it reads and those it fills. */
struct cg_row_use {
	const struct cg_translation *row;
	const char *name; /* one of its files, for the huge page size */
	uint16_t in[CG_TRANSLATION_KNOBS], out[CG_TRANSLATION_KNOBS];
	bool always; /* looked at in every group: the usual values lose something or are no usual ones */
	bool as_new; /* no group of the source changed the weights, whose defaults do not correspond */
	bool cached;
	struct cg_translate_files files;
	struct cg_values last; /* the values last translated */
	struct cg_bytes result[CG_TRANSLATION_KNOBS];
	bool has[CG_TRANSLATION_KNOBS];
	unsigned lost;
};

enum cg_use_kind {
	CG_USE_NONE,   /* structure: made anew */
	CG_USE_DIRECT, /* the same file: `index` is the target's column */
	CG_USE_ROW,    /* `index` is the row in use */
	CG_USE_LOST,   /* the target has nothing of the kind */
};
struct cg_use {
	enum cg_use_kind kind;
	uint16_t index;
	const char *why; /* LOST */
};

/* A source hierarchy, seen from one part. */
struct cg_draw {
	uint16_t source;
	uint64_t takes; /* controllers */
	bool core; /* v2: every group, with what needs no controller; v1: the files that each hierarchy has */
	bool paths;         /* nothing but the groups and tasks: for a controller that is bound */
	bool devices;       /* v1 rules from the programs of v2 groups, or the other way round */
	uint16_t rules;     /* the column of the rules: of the source when that is v1, else of the target */
	struct cg_use *use; /* by column of the source */
	bool *provides;     /* by column of the target */
	struct cg_row_use *row;
	uint16_t rows;
};

/* A file of a target hierarchy. */
struct cg_target_column {
	uint64_t controller; /* as a bit; 0: of the core */
	bool odd;            /* what is usual here is not what a new group has */
	struct cg_bytes fresh;
};

struct cg_part {
	const struct cg_layout_part *layout;
	uint64_t offers; /* controllers */
	uint64_t bound;  /* the one that is added, where it goes */
	struct cg_draw *draw;
	uint16_t draws;
	uint16_t hierarchy; /* of the result */
	struct cg_column *column;
	struct cg_target_column *more;
	uint16_t columns, column_room;
	uint16_t subtree_control; /* column; CG_NO_USE */
	struct cg_set_key {
		uint64_t controllers;
		bool leaf;
	} * set; /* file sets of the result, by what they are made for */
	uint16_t sets;
};

/* A thread with the node it is in, of one source. */
struct cg_seen_task {
	const struct cg_task *task;
	uint32_t node;
	uint16_t draw;
};
struct cg_placed_task {
	const struct cg_task *task;
	uint32_t node;
};

#define CG_CONVERT_CONTROLLERS 64
struct cg_named_controller {
	struct cg_bytes v1, v2; /* data NULL: not there */
	bool threaded;
};

struct cg_converter {
	const struct cg_tree *from;
	const struct cg_convert_options *options;
	struct cg_tree *to;
	struct cg_losses *losses;
	struct cg_error **err;
	struct cg_arena arena; /* what lives as long as the conversion */
	struct cg_named_controller controller[CG_CONVERT_CONTROLLERS];
	unsigned controllers;
	uint64_t threaded; /* the mask of those */
	struct cg_node *node;
	uint32_t nodes, node_room;
	uint32_t *group;   /* by node, then source: the source's group, CG_NONE */
	uint32_t *node_of; /* by group of the source */
	struct cg_part *part;
	uint16_t parts;
	uint64_t unbound;              /* the one that is left out */
	bool takes_rules;              /* a v1 hierarchy of the target takes the device programs of v2 */
	uint64_t *file_set_has;        /* v2 source: controllers by file set */
	struct cg_placed_task *placed; /* of the part in hand, ascending by node, pid, tid */
	size_t placed_count;
	struct cg_bytes *candidate; /* by column of the part in hand; data NULL and !unread: none */
	uint8_t *state;             /* enum cg_candidate */
	uint16_t *touched;
	uint16_t touches;
	uint16_t *row_mark; /* rows touched in the group in hand */
};
enum cg_candidate { CG_CANDIDATE_NONE, CG_CANDIDATE_VALUE, CG_CANDIDATE_UNREAD };

/* convert.c */
void *cg_convert_array(struct cg_converter *c, size_t count, size_t size) CG_MUST_CHECK;
/* A loss; path by node. `was` may be empty. 0 or -ENOMEM. */
int CG_PRINTF(6, 7) cg_convert_lose(struct cg_converter *c, uint32_t node, const char *knob,
	struct cg_bytes was, const char *became, const char *fmt, ...) CG_MUST_CHECK;
void cg_convert_path(const struct cg_converter *c, uint32_t node, struct cg_text *t);
static inline uint32_t cg_convert_group(const struct cg_converter *c, uint32_t node, uint16_t source)
{
	return c->group[(size_t)node * c->from->hierarchies + source];
}
static inline struct cg_hierarchy *cg_convert_target(const struct cg_converter *c, const struct cg_part *p)
{
	return &c->to->hierarchy[p->hierarchy];
}

/* convert_parts.c */
/* Lets a part draw on a source. */
int cg_convert_take(struct cg_converter *c, struct cg_part *p, uint16_t source, uint64_t controller,
	bool core) CG_MUST_CHECK;
int cg_convert_parts(struct cg_converter *c) CG_MUST_CHECK;
/* The controllers of a list ("cpu,cpuacct", or with spaces) of version 1 or 2, as bits. */
uint64_t cg_convert_mask(struct cg_converter *c, struct cg_bytes list, int version);
/* The controllers that a group of the v2 source has. */
uint64_t cg_convert_group_has(struct cg_converter *c, uint32_t group);
/* What a v2 group passes on. */
uint64_t cg_convert_group_passes(struct cg_converter *c, uint32_t group);

/* convert_nodes.c */
int cg_convert_nodes(struct cg_converter *c) CG_MUST_CHECK;
uint32_t cg_convert_add_node(
	struct cg_converter *c, uint32_t parent, const char *name); /* CG_NONE: no memory */
uint32_t cg_convert_child(const struct cg_converter *c, uint32_t parent, const char *name);
bool cg_convert_is_above(const struct cg_converter *c, uint32_t above, uint32_t node); /* or the same */
uint32_t cg_convert_common(const struct cg_converter *c, uint32_t a, uint32_t b);

/* convert_columns.c */
int cg_convert_columns(struct cg_converter *c, struct cg_part *p) CG_MUST_CHECK;
/* The column of that name, made when it is not there yet; CG_NO_USE when memory is out. */
uint16_t cg_convert_add_column(
	struct cg_converter *c, struct cg_part *p, const char *name, struct cg_bytes usual, uint16_t mode);
/* What a new group has in a column, under the values of its parent in the result (CG_NONE: none). */
struct cg_bytes cg_convert_fresh(
	const struct cg_converter *c, const struct cg_part *p, uint16_t column, uint32_t parent);

/* convert_values.c */
int cg_convert_values(struct cg_converter *c, struct cg_part *p, uint32_t node, uint32_t index) CG_MUST_CHECK;
/* A value for a file of the node in hand, beside those of other sources; data NULL: it could not be read. */
int cg_convert_propose(struct cg_converter *c, const struct cg_part *p, uint32_t node, uint16_t column,
	struct cg_bytes value) CG_MUST_CHECK;
/* The row's values for these inputs, kept in the row. */
int cg_convert_row(struct cg_converter *c, const struct cg_draw *d, struct cg_row_use *use,
	const struct cg_values *in, uint32_t node) CG_MUST_CHECK;

/* convert_tasks.c */
int cg_convert_tasks(struct cg_converter *c, struct cg_part *p) CG_MUST_CHECK;
int cg_convert_leaves(struct cg_converter *c, struct cg_part *p) CG_MUST_CHECK;

/* convert_emit.c */
int cg_convert_select(struct cg_converter *c, struct cg_part *p) CG_MUST_CHECK;
int cg_convert_emit(struct cg_converter *c, struct cg_part *p) CG_MUST_CHECK;

/* convert_devices.c */
/* Whether the groups of the v2 source have device programs that are rules. */
bool cg_convert_has_rules(struct cg_converter *c, uint16_t source);
/* The file of v1's rules. */
const char *cg_convert_rules_file(void);
/* v1 rules as a program of the group that is made. */
int cg_convert_add_program(
	struct cg_converter *c, const struct cg_draw *d, uint32_t group, struct cg_group *to) CG_MUST_CHECK;
/* The rules of a v2 group's program: 1, 0 when it has none, -ENOMEM. */
int cg_convert_rules_of(struct cg_converter *c, uint32_t group, struct cg_bytes *ret) CG_MUST_CHECK;

/* convert_bind.c */
int cg_convert_bind_parts(struct cg_converter *c) CG_MUST_CHECK;
int cg_convert_bind_columns(struct cg_converter *c, struct cg_part *p) CG_MUST_CHECK;
/* Whether a node gets the controller that is bound. */
bool cg_convert_binds(const struct cg_converter *c, uint32_t node);
/* Calls propose for each setting that comes back. */
int cg_convert_bind_values(struct cg_converter *c, const struct cg_part *p, uint32_t node) CG_MUST_CHECK;

/* convert_fit.c */
int cg_convert_fit(struct cg_converter *c, struct cg_part *p) CG_MUST_CHECK;
