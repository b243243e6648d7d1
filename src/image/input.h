/* Bytes on their way in: from a descriptor or from memory, decompressed when they begin with zstd's mark, in
 * a window of bounded size. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/text.h"

#define CG_INPUT_WINDOW_LOG 23 /* the largest zstd window that we take: 8 MiB */

struct XXH3_state_s;
struct ZSTD_DCtx_s;

struct cg_input {
	int fd;                 /* the caller's; -1: from memory */
	struct cg_bytes memory; /* what is left of it */
	bool at_end;            /* nothing more comes into the window */
	const uint8_t *window;  /* `buffer`, or the caller's memory */
	uint8_t *buffer;
	size_t start, end; /* what lies ready in the window */
	uint64_t offset;   /* bytes taken, after decompression */
	uint64_t stored;   /* bytes read from the source */
	struct XXH3_state_s *digest;
	struct ZSTD_DCtx_s *zstd; /* NULL: not compressed */
	uint8_t *packed;          /* what was read and is not decompressed yet */
	size_t packed_start, packed_end;
	bool pending; /* zstd may hold more output without more input */
};

/* Reads from fd, or from memory when fd is -1. */
int cg_input_open(struct cg_input *in, int fd, struct cg_bytes memory, struct cg_error **err) CG_MUST_CHECK;
/* Makes the next `size` bytes (at most CG_INPUT_NEED_MAX) lie together at *ret. 1; or 0 when the stream ends
 * before; or a negative errno. */
int cg_input_need(struct cg_input *in, size_t size, const uint8_t **ret, struct cg_error **err) CG_MUST_CHECK;
#define CG_INPUT_NEED_MAX ((size_t)2 << 20)
/* Goes on by that many bytes, which cg_input_need gave, and counts them into the digest. */
void cg_input_take(struct cg_input *in, size_t size);
/* XXH3-128 of all bytes taken so far, in canonical form. */
void cg_input_digest(struct cg_input *in, uint8_t ret[16]);
/* Frees; takes a zeroed one. */
void cg_input_close(struct cg_input *in);
