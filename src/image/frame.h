/* The framing of images. All numbers are little-endian.
 *
 *     image    = header record* end tail              then end of file
 *     header   = "\x89CGTREE\n" major:le16 minor:le16 incompat:le32 compat:le32 checksum
 *     record   = length:le32 type:le16 flags:le16 sequence:le32 payload[length] checksum
 *     end      = a record of type CG_RECORD_END
 *     tail     = total:le64 "CGTREND\n"               total: bytes from header to tail, both included
 *     checksum = le32: the lower half of XXH3-64 (seed 0) of the header's or record's bytes before it
 *     message  = record*                              one protobuf message (proto/image.proto), cut into
 * pieces; all but the last have CG_RECORD_MORE
 *
 * sequence counts records from 0, so that a lost, doubled or moved one shows. Nothing in here allocates or
 * reads files: these functions work on bytes. Damage is CG_FAULT_CORRUPT, another version
 * CG_FAULT_UNSUPPORTED. */
#pragma once

#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/text.h"

#define CG_FRAME_MAGIC                                                                                       \
	"\x89"                                                                                               \
	"CGTREE\n"
#define CG_FRAME_END_MAGIC  "CGTREND\n"
#define CG_FRAME_MAGIC_SIZE 8

#define CG_FRAME_HEADER_SIZE 24
#define CG_FRAME_RECORD_HEAD 12
#define CG_FRAME_CHECKSUM    4
#define CG_FRAME_TAIL_SIZE   16

#define CG_FRAME_PAYLOAD_MAX ((uint32_t)1 << 20) /* bytes in one record */
#define CG_FRAME_MESSAGE_MAX ((size_t)1 << 27)   /* bytes in one message, all its records together */

/* Numbers are never used again. */
enum cg_record_type {
	CG_RECORD_INVENTORY = 1,
	CG_RECORD_HIERARCHY = 2,
	CG_RECORD_KNOBS = 3, /* columns and file sets of the hierarchy before it */
	CG_RECORD_GROUP = 4,
	CG_RECORD_TASKS = 5, /* of the group before it */
	CG_RECORD_DEVICE = 6,
	CG_RECORD_NOTE = 7,
	CG_RECORD_END = 0x7f,
};

enum cg_record_flag {
	CG_RECORD_CRITICAL = 1 << 0, /* who does not know the type must refuse the image */
	CG_RECORD_MORE = 1 << 1,     /* the message goes on in the next record, which has the same type */
};
#define CG_RECORD_FLAGS (CG_RECORD_CRITICAL | CG_RECORD_MORE)

/* The type in words; NULL when it is not known. */
const char *cg_record_type_name(uint16_t type);

struct cg_frame_header {
	uint16_t major, minor;
	uint32_t incompat; /* a reader refuses the image when it does not know one of these bits */
	uint32_t compat;   /* a reader may ignore these */
};

void cg_frame_put_header(uint8_t out[CG_FRAME_HEADER_SIZE], const struct cg_frame_header *h);
/* Checks magic and checksum, then major version and incompat bits. */
int cg_frame_get_header(const uint8_t in[CG_FRAME_HEADER_SIZE], struct cg_frame_header *ret,
	struct cg_error **err) CG_MUST_CHECK;

struct cg_frame_record {
	uint16_t type, flags;
	struct cg_bytes payload;
};

/* Writes head and checksum around a payload of `length` bytes that stands at out + CG_FRAME_RECORD_HEAD
 * already; returns the whole record's size. */
size_t cg_frame_seal(uint8_t *out, uint32_t length, uint16_t type, uint16_t flags, uint32_t sequence);
/* The whole size of a record by its head; refuses payloads above the cap, before anybody makes room for them.
 */
int cg_frame_record_size(
	const uint8_t head[CG_FRAME_RECORD_HEAD], size_t *ret, struct cg_error **err) CG_MUST_CHECK;
/* Checks a whole record of that size, which must be number `sequence`. *ret points into it. */
int cg_frame_get_record(const uint8_t *in, size_t size, uint32_t sequence, struct cg_frame_record *ret,
	struct cg_error **err) CG_MUST_CHECK;

void cg_frame_put_tail(uint8_t out[CG_FRAME_TAIL_SIZE], uint64_t total);
int cg_frame_check_tail(
	const uint8_t in[CG_FRAME_TAIL_SIZE], uint64_t total, struct cg_error **err) CG_MUST_CHECK;
