/* Reading the groups of one hierarchy, by several threads.
 *
 * A stack of groups still to be read is shared; a thread takes one, opens it beneath its parent's descriptor,
 * reads it, lists its children when its link count says that there are any, and puts them on the stack. The
 * parent's descriptor lives until its last child was opened: as the stack is last-in first-out, few are open
 * at a time. */
#pragma once

#include "engine/columns.h"
#include "engine/dump.h"
#include "kernel/programs.h"

/* A directory that children are still opened in. */
struct cg_walk_dir {
	int fd;
	unsigned users; /* under the walk's lock */
};

struct cg_node {
	struct cg_node *parent, *pending;
	struct cg_node **child;
	struct cg_walk_dir *above; /* NULL once it was opened */
	const char *name;          /* component; of a top the absolute path */
	uint32_t children;
	uint32_t set, child_set;
	uint32_t index; /* in the finished tree */
	uint16_t depth;
	uint8_t flags; /* enum cg_group_flag, for the tree */
	uint8_t type;
	bool vanished, read;
	struct cg_owner owner;
	uint32_t file_uid, file_gid;
	uint64_t id;
	struct cg_setting *setting;
	struct cg_file_owner *file_owner;
	struct cg_xattr *xattr;
	struct cg_program *program;
	uint32_t settings;
	uint16_t file_owners, xattrs, programs;
};

/* Something that could not be read. */
struct cg_walk_note {
	struct cg_walk_note *next;
	const struct cg_node *node;
	const char *file; /* NULL: the group itself */
	int code;         /* errno */
	const char *what; /* what was tried: "read", "list" */
};

/* What a thread that met an error left behind, and what all share. */
struct cg_walk {
	const struct cg_live_hierarchy *hierarchy;
	const struct cg_dump_options *options;
	struct cg_columns *columns;
	bool programs; /* ask for attached BPF programs */
	struct cg_node **top;
	size_t tops;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct cg_node *stack;
	unsigned busy;             /* threads that may still put something on the stack */
	uint64_t groups;           /* read so far */
	int failure;               /* negative errno that ends the walk */
	struct cg_arena arena;     /* what the threads made, joined */
	struct cg_walk_note *note; /* in no order */
};

int cg_walk_init(struct cg_walk *w, const struct cg_live_hierarchy *hierarchy,
	const struct cg_dump_options *options, struct cg_columns *columns) CG_MUST_CHECK;
/* Opens a top: `relative` beneath the hierarchy's descriptor, "." for that itself; `name` is its absolute
 * path. -ENOENT without an error when it does not exist. */
int cg_walk_add_top(
	struct cg_walk *w, const char *name, const char *relative, struct cg_error **err) CG_MUST_CHECK;
/* The same, and gives the node: survey hangs what it asks for below it. */
int cg_walk_add_node(struct cg_walk *w, const char *name, const char *relative, struct cg_node **ret,
	struct cg_error **err) CG_MUST_CHECK;
/* Reads all tops that were added and everything below them. */
int cg_walk_run(struct cg_walk *w, unsigned threads, struct cg_error **err) CG_MUST_CHECK;
void cg_walk_destroy(struct cg_walk *w);

/* A thread's own things while it reads; see read_group.c. */
struct cg_reader {
	struct cg_walk *walk;
	struct cg_arena arena;
	struct cg_buffer buffer;
	struct cg_walk_note *note;
	struct cg_bytes last[CG_COLUMNS_MAX]; /* the last value of each column: equal ones are kept once */
	struct cg_owner owner[CG_COLUMNS_MAX / 8 + 2]; /* of the files of the group that is being read */
	struct cg_setting setting[CG_COLUMNS_MAX / 8];
	struct cg_bpf_reader bpf;
	struct cg_program last_program; /* of the group before: equal ones share their bytes */
};

/* Reads one open group into its node: owner, type, settings, owners of files, xattrs, programs. 0, -ENOENT
 * when it vanished, or a negative errno that is fatal. ret_children: it has child groups. */
int cg_read_group(struct cg_reader *r, struct cg_node *node, int fd, bool *ret_children) CG_MUST_CHECK;
/* Notes what could not be read; false when memory is out. */
bool cg_reader_note(struct cg_reader *r, struct cg_node *node, const char *file, const char *what, int code);
