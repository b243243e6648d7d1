/* What the halves of the decoder share. */
#pragma once

#include "image.pb-c.h"
#include "image/decode.h"

/* A zeroed array in the tree, charged; NULL when memory or the budget is out. */
void *cg_decode_array(struct cg_decoder *d, size_t count, size_t size);
/* Copies into the tree; data is never NULL afterwards. */
int cg_decode_bytes(struct cg_decoder *d, const ProtobufCBinaryData *from, struct cg_bytes *ret,
	struct cg_error **err) CG_MUST_CHECK;
/* The same as a string; a NUL within is damage. */
int cg_decode_text(struct cg_decoder *d, const ProtobufCBinaryData *from, const char *what, const char **ret,
	struct cg_error **err) CG_MUST_CHECK;
/* Unpacks into the scratch and refuses what our minor version does not have. */
int cg_decode_unpack(struct cg_decoder *d, const ProtobufCMessageDescriptor *type, struct cg_bytes message,
	ProtobufCMessage **ret, struct cg_error **err) CG_MUST_CHECK;

int cg_decode_group_at(
	struct cg_decoder *d, uint32_t index, struct cg_bytes message, struct cg_error **err) CG_MUST_CHECK;
int cg_decode_tasks(struct cg_decoder *d, struct cg_bytes message, struct cg_error **err) CG_MUST_CHECK;
