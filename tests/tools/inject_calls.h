#ifndef INJECT_CALLS_H
#define INJECT_CALLS_H

#include <stdbool.h>
#include <stddef.h>

/* Where a system call says which file it works on. */
enum call_shape {
	SHAPE_NONE,      /* no file */
	SHAPE_FD,        /* argument 0 is a descriptor */
	SHAPE_FD_NAME,   /* argument 0 is a descriptor, 1 a string (an attribute's name) */
	SHAPE_FD4,       /* argument 4 is a descriptor or -1 (mmap) */
	SHAPE_PATH,      /* argument 0 is a path */
	SHAPE_PATH_NAME, /* argument 0 is a path, 1 a string */
	SHAPE_AT, /* argument 0 is a directory, 1 a path beneath it; an empty path is the directory itself */
	SHAPE_TO_AT,     /* argument 1 is a directory, 2 a path beneath it (symlinkat) */
	SHAPE_RENAME,    /* arguments 0 and 1 are paths */
	SHAPE_RENAME_AT, /* 0, 1 and 2, 3 are directory and path */
};

enum { CALL_MAX_FITS = 5 };

/* One system call of this machine. `fits` lists errors the call can really meet, ended by 0; `exempt` marks
 * calls that are not counted unless they are asked for by name. */
struct call {
	long nr;
	const char *name;
	enum call_shape shape;
	bool exempt;
	int fits[CALL_MAX_FITS + 1];
};

/* The row of system call `nr`, or NULL when the table has none. */
const struct call *call_by_number(long nr);

/* The row of system call `name` of length `len`, or NULL. */
const struct call *call_by_name(const char *name, size_t len);

/* Row `index` of the table, NULL behind its end. */
const struct call *call_at(size_t index);

#endif
