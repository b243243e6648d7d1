/* An arena: many small objects that live and die together. Not thread-safe; give each thread its own and join
 * them at the end. */
#pragma once

#include <stddef.h>

#include "cleanup.h"
#include "text.h"

struct cg_arena_chunk;

struct cg_arena {
	struct cg_arena_chunk *chunks; /* newest first */
	size_t used;                   /* bytes handed out, for budgets */
};

/* Memory aligned for any object, not zeroed (alloc) or zeroed (zalloc); NULL when memory is out. A size of 0
 * gives a valid pointer. */
void *cg_arena_alloc(struct cg_arena *a, size_t size);
void *cg_arena_zalloc(struct cg_arena *a, size_t size);
/* A zeroed array; NULL also when count * size overflows. */
void *cg_arena_array(struct cg_arena *a, size_t count, size_t size);
/* Unaligned copies: bytes with a NUL after them. */
char *cg_arena_copy(struct cg_arena *a, const void *data, size_t len);
char *cg_arena_string(struct cg_arena *a, const char *string);
/* Copies *b into the arena and points *b at the copy; false when memory is out. */
bool cg_arena_keep(struct cg_arena *a, struct cg_bytes *b);
/* Moves all of from's memory to a; from is empty afterwards. */
void cg_arena_join(struct cg_arena *a, struct cg_arena *from);
void cg_arena_free(struct cg_arena *a);
