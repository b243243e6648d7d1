/* The one in-memory model of cgroup trees: what dump reads, images hold, show prints, diff compares and
 * restore brings back.
 *
 *   tree -> hierarchies -> columns (interface files) and file sets (which columns a group has)
 *        -> groups, flat, in depth-first order, parents before children, siblings sorted by name
 *
 * A group keeps only what differs from the usual: a column tells the usual value of its file, and a group has
 * an entry where its own is another. So every value is held, and a tree of 10,000 equal groups costs little.
 * All memory is the tree's arena. Nothing in here touches a kernel. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/text.h"
#include "model/knob.h"

#define CG_NONE      UINT32_MAX /* no parent, no child, no such index */
#define CG_DEPTH_MAX 256        /* levels below a hierarchy's root that we take */

struct cg_owner {
	uint32_t uid, gid;
	uint16_t mode; /* permission bits with sticky and set-id, 07777 */
};

struct cg_column {
	const char *
		name; /* the interface file (a row's `name`; what is read from read_name stands under name) */
	const struct cg_knob *knob; /* NULL: not in the catalogue, kept as a generic setting */
	struct cg_bytes usual;      /* the value of groups without an entry */
	uint16_t usual_mode;        /* likewise the permission bits of the file */
};

/* Which files a group has: groups with the same controllers share one. */
struct cg_file_set {
	const uint16_t *column; /* indices into the hierarchy's columns, ascending */
	uint16_t count;
};

struct cg_hierarchy {
	uint8_t version;         /* 1 or 2 */
	const char *controllers; /* "cpu,cpuacct"; the v2 one: those it offers, in the kernel's order; "" for
				    none */
	const char *name;        /* a named v1 hierarchy: "systemd"; NULL otherwise */
	const char *mount_options; /* super options as mountinfo shows them */
	const char *mount_point;   /* where it was read; information only */
	const char *mount_root;    /* the mount's root field */
	struct cg_column *column;
	uint16_t columns;
	struct cg_file_set *file_set;
	uint16_t file_sets;
	uint32_t first_top; /* index of its first group, CG_NONE if it has none; further tops by next_sibling
			     */
};

struct cg_setting {
	uint16_t column;
	struct cg_bytes value; /* data NULL: the file could not be read (it was named in the notes) */
};

struct cg_file_owner {
	uint16_t column;  /* CG_FILE_EXTRA and above: see `name` */
	const char *name; /* the file's name when it is no column (cgroup.procs, cgroup.threads, tasks) */
	struct cg_owner owner;
};
#define CG_FILE_EXTRA UINT16_MAX

struct cg_xattr {
	const char *name; /* "user.x", "trusted.y" */
	struct cg_bytes value;
};

/* A BPF program attached to the group. One without instructions is named, not saved; see program.h. */
struct cg_program {
	uint32_t id;          /* where it was read; 0 when it never was loaded */
	uint32_t attach_type; /* enum bpf_attach_type */
	uint32_t attach_flags;
	uint32_t program_type; /* enum bpf_prog_type */
	bool gpl;              /* it was loaded with a licence that is compatible with the GPL */
	const char *type;      /* "device", "egress", ... as bpftool names it */
	const char *name;
	struct cg_bytes tag;          /* 8 bytes, or none */
	struct cg_bytes instructions; /* as device_rules.h says */
	const char *lost; /* why it is not saved, to follow "it"; known to a dump alone, never in an image */
};

/* A thread of a group. A process wholly in one group has all its threads here, the leader (tid == pid) among
 * them. */
struct cg_task {
	int32_t pid, tid;    /* in the dumping program's pid namespace */
	uint64_t start_time; /* clock ticks since boot, proc(5) stat field 22 of the thread */
	const char *comm;
	const int32_t *ns_pid; /* NSpid of the thread, outermost first; ns_count of them */
	uint8_t ns_count;
};

enum cg_group_type {
	CG_TYPE_V1,
	CG_TYPE_DOMAIN,
	CG_TYPE_THREADED,
	CG_TYPE_DOMAIN_THREADED,
	CG_TYPE_DOMAIN_INVALID
};
const char *cg_group_type_name(enum cg_group_type type); /* as the kernel writes it; "" for v1 */

enum cg_group_flag {
	CG_GROUP_SEALED = 1 << 0,   /* never offered as the root of a view */
	CG_GROUP_ANCESTOR = 1 << 1, /* lies above what was asked for: looked at, not part of the tree */
	/* Not all of it could be read, which the notes tell too. Only in what a restore or a comparison looks
	 * at; never in an image. */
	CG_GROUP_INCOMPLETE = 1 << 2,
};

struct cg_group {
	const char *name; /* one component; of a top: the absolute path in its hierarchy ("/job") */
	uint32_t parent, first_child, next_sibling;
	uint16_t hierarchy, file_set;
	uint8_t type;                /* enum cg_group_type; told here alone: cgroup.type is no column */
	uint8_t flags;               /* enum cg_group_flag */
	uint16_t depth;              /* 0 for a top */
	struct cg_owner owner;       /* of the directory */
	uint32_t file_uid, file_gid; /* of its files, but for the exceptions in file_owner */
	uint64_t cgroup_id;          /* inode of the directory on the dumping host */
	struct cg_setting *setting;  /* ascending by column */
	struct cg_file_owner *file_owner;
	struct cg_xattr *xattr; /* ascending by name */
	struct cg_program *program;
	struct cg_task *task; /* ascending by pid, tid */
	uint32_t settings, tasks;
	uint16_t file_owners, xattrs, programs;
};

/* A stable identity of a device number or interface that a setting names. */
enum cg_device_kind { CG_DEVICE_BLOCK, CG_DEVICE_CHAR, CG_DEVICE_LINK };
struct cg_device {
	enum cg_device_kind kind;
	const char *key;    /* as settings name it: "8:16", "eth0" */
	const char *name;   /* kernel name: "sdb" */
	const char *stable; /* by-id link, wwid, serial or hardware address, each with its kind before it
			       ("wwid:...", "serial:...", "mac:..."); "" when it has none */
};

/* Something that could not be read or is worth saying: "! PATH KNOB: why". */
struct cg_note {
	const char *path, *knob; /* NULL when it concerns the whole */
	const char *text;
};

struct cg_inventory {
	const char *tool, *host, *kernel, *boot_id, *layout; /* layout: "v1", "v2", "hybrid" */
	uint64_t page_size;
	uint64_t time;           /* seconds since 1970 */
	uint64_t freeze_window;  /* microseconds that tasks stood still; 0 when not frozen */
	uint64_t clock_ticks;    /* unit of start_time, a second */
	bool members;            /* tasks were recorded */
	bool members_consistent; /* two passes agreed, or frozen */
};

struct cg_tree {
	struct cg_arena arena;
	struct cg_inventory inventory;
	struct cg_hierarchy *hierarchy;
	struct cg_group *group; /* depth-first, hierarchy by hierarchy */
	struct cg_device *device;
	struct cg_note *note;
	/* Unknown records of the image, kept so that decode and encode carry them through. */
	struct cg_extra {
		uint16_t type, flags;
		struct cg_bytes payload;
	} * extra;
	uint16_t hierarchies;
	uint32_t groups, devices, notes, extras;
	uint32_t group_room, device_room, note_room, hierarchy_room, extra_room; /* capacity of the arrays */
};

/* An empty tree; NULL when memory is out. */
struct cg_tree *cg_tree_new(void);
struct cg_tree *cg_tree_free(struct cg_tree *tree); /* takes NULL, returns NULL */
CG_DEFINE_CLEANUP(struct cg_tree *, cg_tree_free)
#define _cleanup_tree_ _cleanup_with_(cg_tree_free)

/* Appending, each gives the index or CG_NONE when memory is out. The arrays may move: keep indices, not
 * pointers. */
uint32_t cg_tree_add_hierarchy(struct cg_tree *tree);
uint32_t cg_tree_add_group(struct cg_tree *tree);
uint32_t cg_tree_add_device(struct cg_tree *tree);
uint32_t cg_tree_add_extra(struct cg_tree *tree);
/* Adds a note; path and knob may be NULL, all are copied. False when memory is out. */
bool cg_tree_add_note(struct cg_tree *tree, const char *path, const char *knob, const char *fmt, ...)
	CG_PRINTF(4, 5);

/* Fills first_child, next_sibling, depth and first_top from `parent` and the order of groups, and checks the
 * rules of this model: parents before children, depth-first, same hierarchy, valid names, siblings distinct
 * and sorted, file sets and columns that exist, depth at most CG_DEPTH_MAX. */
int cg_tree_link(struct cg_tree *tree, struct cg_error **err) CG_MUST_CHECK;

/* The index of a column by name in a hierarchy, or CG_NONE. */
uint32_t cg_hierarchy_column(const struct cg_hierarchy *h, const char *name);
/* How people and options name it: "cpu,cpuacct", "name=systemd", "" for v2 without controllers -> "v2"; the
 * v2 hierarchy is always "v2". */
const char *cg_hierarchy_label(const struct cg_hierarchy *h, struct cg_text *scratch);
bool cg_hierarchy_has_controller(const struct cg_hierarchy *h, const char *controller);
/* True when both are the same hierarchy on (maybe) different hosts: version, and for v1 controllers or name.
 */
bool cg_hierarchy_same(const struct cg_hierarchy *a, const struct cg_hierarchy *b);

/* The value of a column in a group: its entry or the usual; false when the group has no such file or it could
 * not be read. */
bool cg_group_value(const struct cg_tree *tree, uint32_t group, uint16_t column, struct cg_bytes *ret);
/* Gives a group a value of its own, copied. False when memory is out. The group has the column. */
bool cg_group_set_value(
	struct cg_tree *tree, uint32_t group, uint16_t column, struct cg_bytes value) CG_MUST_CHECK;
bool cg_group_has_column(const struct cg_tree *tree, uint32_t group, uint16_t column);
/* Permission bits and owner of a column's file in a group. */
struct cg_owner cg_group_file_owner(const struct cg_tree *tree, uint32_t group, uint16_t column);

/* Where an absolute path lies beneath a mount whose root is `mount_root` (both as /proc shows them): the rest
 * without '/' before it, "." for the root itself, NULL when it lies elsewhere. Points into `path`. */
const char *cg_path_below(const char *mount_root, const char *path);

/* Appends the absolute path of a group in its hierarchy: "/job/a". */
void cg_group_path(const struct cg_tree *tree, uint32_t group, struct cg_text *t);
/* Finds by absolute path; CG_NONE when there is none. */
uint32_t cg_tree_find(const struct cg_tree *tree, uint32_t hierarchy, const char *path);
/* The child of that name. */
uint32_t cg_group_child(const struct cg_tree *tree, uint32_t group, const char *name);

/* The value that a new group would have here (FIXED, UNLIMITED; INHERIT: its parent's, of a top that which
 * nobody above changed): false when it cannot be told. Used to leave defaults out of pictures. */
bool cg_group_default(const struct cg_tree *tree, uint32_t group, uint16_t column, struct cg_text *t);
/* Whether a value is, in this column of this group, what a new group would have there. False for files that
 * are not in the catalogue. */
bool cg_group_is_default(const struct cg_tree *tree, uint32_t group, uint16_t column, struct cg_bytes value);
