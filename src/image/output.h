/* Bytes on their way out: gathered in one buffer, digested, compressed if asked, written. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "image/image.h"

struct XXH3_state_s;
struct ZSTD_CCtx_s;

struct cg_output {
	int fd; /* the caller's */
	uint8_t *buffer;
	size_t used, room;
	size_t digested; /* of `used` */
	uint64_t total;  /* bytes committed, before compression */
	uint64_t stored; /* bytes written to fd */
	struct XXH3_state_s *digest;
	struct ZSTD_CCtx_s *zstd; /* NULL: not compressed */
	uint8_t *packed;
	size_t packed_room;
};

int cg_output_open(
	struct cg_output *o, int fd, enum cg_compression compression, struct cg_error **err) CG_MUST_CHECK;
/* Room for `size` bytes, which the caller fills and then commits, some or all; written out when much has
 * gathered. */
int cg_output_reserve(struct cg_output *o, size_t size, uint8_t **ret, struct cg_error **err) CG_MUST_CHECK;
void cg_output_commit(struct cg_output *o, size_t size);
/* XXH3-128 of all bytes committed so far, in canonical form. */
void cg_output_digest(struct cg_output *o, uint8_t ret[16]);
/* Writes what is left and ends the compressed stream. */
int cg_output_finish(struct cg_output *o, struct cg_error **err) CG_MUST_CHECK;
/* Frees; takes a zeroed one. */
void cg_output_close(struct cg_output *o);
