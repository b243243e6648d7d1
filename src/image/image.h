/* A tree to an image and back.
 *
 * Writing goes to a descriptor (file, pipe); reading checks everything to the last byte before it gives a
 * tree out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "model/tree.h"

enum cg_compression { CG_COMPRESS_NONE, CG_COMPRESS_ZSTD };

struct cg_image_write_options {
	enum cg_compression compression;
};

/* What an image is, beside its tree. */
struct cg_image_info {
	uint16_t major, minor;
	uint32_t incompat, compat;
	uint64_t bytes; /* uncompressed, header to tail */
	uint64_t records;
	uint64_t stored_bytes; /* as read from the file */
	bool compressed;
	char digest[33]; /* hexadecimal XXH3-128 of everything before the end record */
};

#define CG_IMAGE_MAJOR          1
#define CG_IMAGE_MINOR          1
#define CG_IMAGE_MEMORY_DEFAULT ((size_t)4 << 30) /* budget on decoded memory */

/* Writes a whole image. A closed pipe is EPIPE (the caller has SIGPIPE ignored), a full disk ENOSPC: told
 * with what to do. */
int cg_image_write(int fd, const struct cg_tree *tree, const struct cg_image_write_options *options,
	struct cg_image_info *ret_info /* or NULL */, struct cg_error **err) CG_MUST_CHECK;

/* Reads and checks a whole image from a file or pipe. `memory` bounds what is decoded. Damage is
 * CG_FAULT_CORRUPT with the offset and the record, a newer version or unknown critical feature
 * CG_FAULT_UNSUPPORTED. Nothing may follow the tail. */
int cg_image_read(int fd, size_t memory, struct cg_tree **ret, struct cg_image_info *ret_info /* or NULL */,
	struct cg_error **err) CG_MUST_CHECK;
/* The same from memory: for fuzzing and tests. */
int cg_image_parse(struct cg_bytes data, size_t memory, struct cg_tree **ret, struct cg_image_info *ret_info,
	struct cg_error **err) CG_MUST_CHECK;
