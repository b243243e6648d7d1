/* Messages of an image back to the parts of a tree. Everything is charged to the budget before memory is
 * taken, and every count, index and text of a message is checked here; what concerns several parts together
 * is checked by cg_image_check() and cg_tree_link() at the end. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"
#include "base/error.h"
#include "image/allocator.h"
#include "model/tree.h"

struct cg_decoder {
	struct cg_tree *tree; /* owned until it is taken */
	struct cg_budget budget;
	struct cg_scratch scratch;
	bool newer; /* the image's minor version is above ours: fields that we do not know may be there ... */
	bool ignored;   /* ... and were */
	bool inventory; /* there was one */
	bool knobs_due; /* a hierarchy waits for its columns */
	bool tasks_may; /* the group before may have tasks */
	int part;       /* how far the order of records got */
	uint64_t settings, tasks;
};

/* What the end record says of the records before it. */
struct cg_decoded_end {
	uint64_t records, groups, settings, tasks, bytes;
	uint8_t digest[16];
};

int cg_decoder_open(struct cg_decoder *d, size_t memory, bool newer, struct cg_error **err) CG_MUST_CHECK;
/* Takes one whole message of a known type. */
int cg_decode_message(
	struct cg_decoder *d, uint16_t type, struct cg_bytes message, struct cg_error **err) CG_MUST_CHECK;
int cg_decode_end(struct cg_decoder *d, struct cg_bytes message, struct cg_decoded_end *ret,
	struct cg_error **err) CG_MUST_CHECK;
/* Keeps one record of an unknown type that is not critical. */
int cg_decode_extra(struct cg_decoder *d, uint16_t type, uint16_t flags, struct cg_bytes payload,
	struct cg_error **err) CG_MUST_CHECK;
/* The error for memory that could not be had: the budget's or the machine's. */
int cg_decoder_out_of_memory(const struct cg_decoder *d, struct cg_error **err) CG_MUST_CHECK;
/* Frees; takes a zeroed one. */
void cg_decoder_close(struct cg_decoder *d);
