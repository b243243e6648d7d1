/* libcgtree: control group trees dumped, kept, looked at, compared and restored.
 *
 * Conventions
 * - A function that can fail returns 0, or a negative errno(3) value. Then, when `err` is not NULL, *err
 *   points to an error object that the caller frees with cgtree_error_free(). On success *err is not touched;
 *   set it to NULL first. Results (ret_*) are written on success only, unless it is said otherwise.
 * - Objects are opaque. What is made by a function is freed by the function of that name; all of them take
 *   NULL. Strings and byte runs that an accessor gives belong to the object and live as long as it does.
 * - Structures of options and results begin with `size`: set it to sizeof(struct ...), and all else to zero
 *   for the defaults. So programs that were built with an older or newer header go on working: members that
 *   the library does not know must be zero (-E2BIG otherwise), those that it does not get are zero.
 * - Threads: the library keeps no state of its own. Different objects may be used by different threads at the
 *   same time; a tree or diff that is not being freed may be read by several threads at once. cgtree_dump()
 *   makes threads of its own and ends them before it returns.
 * - Nothing is written to stdout or stderr. SIGPIPE should be ignored when writing to pipes. No signal
 * handler is set, no environment variable but SOURCE_DATE_EPOCH is read.
 * - File descriptors given by the caller stay open and stay the caller's. */
#ifndef CGTREE_CGTREE_H
#define CGTREE_CGTREE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CGTREE_API        __attribute__((visibility("default")))
#define CGTREE_MUST_CHECK __attribute__((warn_unused_result))
#else
#define CGTREE_API
#define CGTREE_MUST_CHECK
#endif

/* An index that names nothing. */
#define CGTREE_NONE UINT32_MAX

/* "0.1.0". Static. */
CGTREE_API const char *cgtree_version(void);
/* The image format that is written, and the newest that is read. */
CGTREE_API void cgtree_format(unsigned *ret_major, unsigned *ret_minor);

/* -- errors --------------------------------------------------------------------------------------------- */

typedef struct cgtree_error cgtree_error;

enum cgtree_fault {
	CGTREE_FAULT_SYSTEM = 0,      /* the kernel or the host refused */
	CGTREE_FAULT_USAGE = 1,       /* the request is wrong: a path, a mode, an option */
	CGTREE_FAULT_CORRUPT = 2,     /* an image is damaged or incomplete */
	CGTREE_FAULT_UNSUPPORTED = 3, /* an image of a version, or with a feature, that is not read */
	CGTREE_FAULT_PARTIAL = 4,     /* the target is partly changed and could not be brought back */
};

/* Positive errno(3) value. */
CGTREE_API int cgtree_error_code(const cgtree_error *err);
CGTREE_API enum cgtree_fault cgtree_error_fault(const cgtree_error *err);
/* One line in words, never NULL. It may hold any byte of a name but NUL: escape it for a terminal. */
CGTREE_API const char *cgtree_error_message(const cgtree_error *err);
/* The cgroup path or file it happened at, the interface file, and what to do about it; NULL when not known.
 */
CGTREE_API const char *cgtree_error_path(const cgtree_error *err);
CGTREE_API const char *cgtree_error_knob(const cgtree_error *err);
CGTREE_API const char *cgtree_error_hint(const cgtree_error *err);
CGTREE_API void cgtree_error_free(cgtree_error *err);

/* -- trees: from the kernel, from images ---------------------------------------------------------------- */

typedef struct cgtree_tree cgtree_tree;

struct cgtree_dump_options {
	size_t size;
	/* What to dump: "/job" is that path in every hierarchy where it exists, "cpu:/job", "name=systemd:/x"
	 * and ":/x" (v2) are in one. The root of a hierarchy is refused. */
	const char *const *paths;
	size_t path_count;
	/* Or, with no paths: a directory on a cgroup file system. */
	const char *dir;
	const char *hierarchies; /* only these, separated by commas; NULL: all */
	const char *const
		*excludes; /* fnmatch(3) patterns against the absolute path: left out with all below */
	size_t exclude_count;
	int no_members;           /* leave tasks out */
	int freeze;               /* let the tasks stand still while their membership is read */
	unsigned threads;         /* 0: as many as pay on this machine */
	const volatile int *stop; /* becomes non-zero, from a signal handler for one, to end the work with
				     -EINTR; NULL when nobody asks */
};

/* Reads the live tree. What could not be read is a note of the tree, not an error. */
CGTREE_API int cgtree_dump(const struct cgtree_dump_options *options, cgtree_tree **ret_tree,
	cgtree_error **err) CGTREE_MUST_CHECK;

/* Reads an image from a file or pipe to its end and checks all of it before the tree is given out. `memory`
 * bounds what is decoded, in bytes; 0: 4 GiB. */
CGTREE_API int cgtree_read(
	int fd, size_t memory, cgtree_tree **ret_tree, cgtree_error **err) CGTREE_MUST_CHECK;

struct cgtree_write_options {
	size_t size;
	int compress; /* with zstd */
};
/* Writes an image; options NULL: the defaults. Not atomic by itself: write to a new file and rename it. */
CGTREE_API int cgtree_write(int fd, const cgtree_tree *tree, const struct cgtree_write_options *options,
	cgtree_error **err) CGTREE_MUST_CHECK;

struct cgtree_image_info {
	size_t size;
	unsigned major, minor;
	uint64_t bytes;        /* of the image itself, uncompressed */
	uint64_t stored_bytes; /* as it was read */
	uint64_t records;
	int compressed;
	char digest[33]; /* of everything before the end record, hexadecimal */
};
/* Reads like cgtree_read() and tells what was found; keeps no tree. */
CGTREE_API int cgtree_check(
	int fd, size_t memory, struct cgtree_image_info *ret_info, cgtree_error **err) CGTREE_MUST_CHECK;

CGTREE_API void cgtree_tree_free(cgtree_tree *tree);

/* -- looking into a tree -------------------------------------------------------------------------------- */

struct cgtree_inventory {
	size_t size;
	const char *tool, *host, *kernel, *boot_id; /* "" when not known */
	const char *layout;                         /* "v1", "v2" or "hybrid" */
	uint64_t page_size;                         /* bytes */
	uint64_t time;                              /* seconds since 1970 */
	uint64_t freeze_microseconds;               /* that tasks stood still; 0: they were not frozen */
	int members;                                /* tasks were recorded */
	int members_consistent;                     /* and nothing moved meanwhile */
};
CGTREE_API int cgtree_inventory(const cgtree_tree *tree, struct cgtree_inventory *ret) CGTREE_MUST_CHECK;

struct cgtree_hierarchy {
	size_t size;
	unsigned version;        /* 1 or 2 */
	const char *controllers; /* "cpu,cpuacct"; "" for none */
	const char *name;        /* of a named v1 hierarchy, NULL otherwise */
	uint32_t first_group;    /* its groups stand together, depth-first; CGTREE_NONE when it has none */
	uint32_t group_count;
};
CGTREE_API uint32_t cgtree_hierarchy_count(const cgtree_tree *tree);
/* -ENOENT when there is no such index; the same for all accessors below. */
CGTREE_API int cgtree_hierarchy_get(
	const cgtree_tree *tree, uint32_t hierarchy, struct cgtree_hierarchy *ret) CGTREE_MUST_CHECK;

struct cgtree_group {
	size_t size;
	uint32_t hierarchy;
	uint32_t parent, first_child, next_sibling; /* CGTREE_NONE when there is none */
	const char *name;                           /* one component; of a top, its absolute path */
	const char *type;                           /* "domain", "threaded", ...; "" on v1 */
	uint32_t uid, gid, mode;                    /* of the directory; permission bits */
	uint32_t setting_count, task_count;
};
CGTREE_API uint32_t cgtree_group_count(const cgtree_tree *tree);
CGTREE_API int cgtree_group_get(
	const cgtree_tree *tree, uint32_t group, struct cgtree_group *ret) CGTREE_MUST_CHECK;
/* By absolute path in one hierarchy; CGTREE_NONE when there is none. */
CGTREE_API uint32_t cgtree_group_find(const cgtree_tree *tree, uint32_t hierarchy, const char *path);
/* The absolute path; the caller frees it with free(3). -ENOMEM. */
CGTREE_API int cgtree_group_path(const cgtree_tree *tree, uint32_t group, char **ret_path) CGTREE_MUST_CHECK;

struct cgtree_setting {
	size_t size;
	const char *name;  /* the interface file */
	const char *value; /* as the kernel gave it, without the last newline; not NUL-terminated; NULL: it
			      could not be read */
	size_t length;
	int known;              /* the catalogue has this file */
	const char *controller; /* "" for the core and for unknown files */
	const char *help;       /* one line about what it does; NULL for unknown files */
};
/* The settings of a group are numbered from 0 to setting_count - 1. */
CGTREE_API int cgtree_setting_get(const cgtree_tree *tree, uint32_t group, uint32_t number,
	struct cgtree_setting *ret) CGTREE_MUST_CHECK;
CGTREE_API int cgtree_setting_find(const cgtree_tree *tree, uint32_t group, const char *name,
	struct cgtree_setting *ret) CGTREE_MUST_CHECK;

struct cgtree_task {
	size_t size;
	int32_t pid, tid;
	uint64_t start_time; /* clock ticks since boot: proc(5), stat, field 22 */
	const char *name;
};
CGTREE_API int cgtree_task_get(
	const cgtree_tree *tree, uint32_t group, uint32_t number, struct cgtree_task *ret) CGTREE_MUST_CHECK;

/* What could not be read, or is worth saying. */
struct cgtree_note {
	size_t size;
	const char *path, *knob; /* NULL when it concerns the whole */
	const char *text;
};
CGTREE_API uint32_t cgtree_note_count(const cgtree_tree *tree);
CGTREE_API int cgtree_note_get(
	const cgtree_tree *tree, uint32_t number, struct cgtree_note *ret) CGTREE_MUST_CHECK;

/* -- comparing ------------------------------------------------------------------------------------------ */

typedef struct cgtree_diff cgtree_diff;

enum cgtree_difference_kind {
	CGTREE_DIFF_HIERARCHY_MISSING = 0, /* a has it, b does not */
	CGTREE_DIFF_HIERARCHY_EXTRA = 1,
	CGTREE_DIFF_GROUP_MISSING = 2, /* with all below it */
	CGTREE_DIFF_GROUP_EXTRA = 3,
	CGTREE_DIFF_TYPE = 4,
	CGTREE_DIFF_SETTING = 5,
	CGTREE_DIFF_OWNER = 6,
	CGTREE_DIFF_XATTR = 7,
	CGTREE_DIFF_PROGRAM = 8,
	CGTREE_DIFF_TASKS = 9,
};
#define CGTREE_DIFF_NO_TASKS     1u
#define CGTREE_DIFF_IGNORE_EXTRA 2u

struct cgtree_difference {
	size_t size;
	int kind;                          /* enum cgtree_difference_kind; later versions may have more */
	uint32_t hierarchy_a, hierarchy_b; /* CGTREE_NONE where a side has none */
	uint32_t group_a, group_b;
	const char *path;              /* in a's terms */
	const char *name;              /* the file or attribute; NULL otherwise */
	const char *value_a, *value_b; /* not NUL-terminated; NULL where a side has none */
	size_t length_a, length_b;
};

/* Compares two trees group by group, by the path below their tops. Takes time in proportion to their size. */
CGTREE_API int cgtree_diff_trees(const cgtree_tree *a, const cgtree_tree *b, unsigned flags,
	cgtree_diff **ret_diff, cgtree_error **err) CGTREE_MUST_CHECK;
CGTREE_API size_t cgtree_diff_count(const cgtree_diff *diff); /* 0: the same */
CGTREE_API int cgtree_diff_get(
	const cgtree_diff *diff, size_t number, struct cgtree_difference *ret) CGTREE_MUST_CHECK;
CGTREE_API void cgtree_diff_free(cgtree_diff *diff);

/* -- restoring ------------------------------------------------------------------------------------------ */

struct cgtree_mapping {
	const char *from, *to;
};

struct cgtree_restore_options {
	size_t size;
	const char *mode; /* "strict", "opportunistic", "bind", "full", "props", "none"; NULL: strict */
	const struct cgtree_mapping *mode_at; /* path of the image to mode, from there down */
	size_t mode_at_count;
	const char *const *roots; /* "[HIERARCHY:]PATH": where tops go */
	size_t root_count;
	const struct cgtree_mapping *maps; /* image path to target path */
	size_t map_count;
	const struct cgtree_mapping *devices; /* "8:16" to "254:0", "eth0" to "ens3" */
	size_t device_count;
	const char *dir; /* the top goes to this directory on a cgroup file system */
	int dry_run, no_members, keep_top, no_rollback;
	const char *state_dir; /* where the undo record lies meanwhile; NULL: /run/cgtree */
	/* Called for each line as it becomes true: "+ /a", "~ /a FILE OLD -> NEW", "! /a: why". */
	void (*line)(void *context, const char *text);
	void *line_context;
	const volatile int *stop; /* becomes non-zero to end: the restore rolls back; may be NULL */
};

enum cgtree_outcome {
	CGTREE_OUTCOME_EXACT = 0,     /* everything is as the image says */
	CGTREE_OUTCOME_DIFFERS = 1,   /* done; something differs or was skipped, each has its "!" line */
	CGTREE_OUTCOME_UNCHANGED = 2, /* failed; the target is as it was */
	CGTREE_OUTCOME_PARTIAL = 3,   /* failed; the target is partly changed */
};

struct cgtree_restore_result {
	size_t size;
	int outcome; /* enum cgtree_outcome */
	uint64_t groups, settings, tasks, differs;
};

/* Brings a tree to the live system: as planned, or not at all. *ret_result is filled in also on failure;
 * it may be NULL. What it may change follows from the mode alone; see cgtree(1). */
CGTREE_API int cgtree_restore(const cgtree_tree *tree, const struct cgtree_restore_options *options,
	struct cgtree_restore_result *ret_result, cgtree_error **err) CGTREE_MUST_CHECK;

/* Undoes restores that were killed, by the records in state_dir (NULL: /run/cgtree). ret_count: how many. */
CGTREE_API int cgtree_recover(const char *state_dir, size_t *ret_count, cgtree_error **err) CGTREE_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
