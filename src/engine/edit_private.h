/* What the parts of an edit share; private to edit*.c. */
#pragma once

#include "engine/edit.h"

/* A write that nobody asked for: what a new group needs. Beside enum cg_op_flag; apply does not look at it.
 */
#define CG_EDIT_IMPLIED (1U << 7)

/* A write of a file that nobody named: it follows from another by translation, and gives way to its own name.
 */
#define CG_EDIT_DERIVED (1U << 6)

struct cg_edit_place {
	int fd;                /* the directory, -1 while it is not there */
	bool asked;            /* a setting of it was asked for */
	bool changed;          /* an operation is about it */
	struct cg_bytes gains; /* v2: controllers that it has in the end, when it does not have them yet */
};

/* Appends; NULL when memory is out. */
struct cg_op *cg_edit_add_op(struct cg_edit *e, enum cg_op_kind kind, uint32_t place);
/* Appends a place; CG_NONE when memory is out. Takes fd (-1: it is yet to be made). */
uint32_t cg_edit_add_place(
	struct cg_edit *e, uint16_t hierarchy, uint32_t parent, const char *name, const char *path, int fd);
