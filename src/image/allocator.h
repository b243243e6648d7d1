/* Memory while decoding: a budget that everything counts against, and a scratch that lives as long as one
 * message.
 *
 * Who is about to allocate for something an image asked for charges the budget first, so that a few hostile
 * bytes cannot make much memory. The scratch hands out pieces of a few blocks and takes them all back at
 * once; it is the allocator that protobuf-c unpacks with. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

struct cg_budget {
	size_t limit, used;
	bool exceeded; /* something did not fit */
};

/* Counts `size` bytes; false, and nothing counted, when they do not fit. */
bool cg_budget_charge(struct cg_budget *b, size_t size);
void cg_budget_release(struct cg_budget *b, size_t size);

struct cg_scratch_block;

struct cg_scratch {
	ProtobufCAllocator protobuf; /* give this to protobuf-c; its free does nothing */
	struct cg_budget *budget;
	struct cg_scratch_block *blocks; /* newest first */
	bool failed;                     /* memory was out, once */
};

/* Initialises in place: the object must not move afterwards. */
void cg_scratch_init(struct cg_scratch *s, struct cg_budget *budget);
/* Aligned for any object, not zeroed; NULL when memory or the budget is out. */
void *cg_scratch_alloc(struct cg_scratch *s, size_t size);
/* NULL also when count * size overflows. */
void *cg_scratch_array(struct cg_scratch *s, size_t count, size_t size);
/* Takes everything back; one block is kept for the next time. */
void cg_scratch_reset(struct cg_scratch *s);
void cg_scratch_free(struct cg_scratch *s);
