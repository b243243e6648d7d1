/* CRIU's files around their messages: numbers are of the machine that wrote them, which is one like this.
 *
 *     cgroup.img = magic:u32 (any image) magic:u32 (groups) entry
 *     other      = magic:u32 (any image) magic:u32 (its kind) entry*
 *     entry      = size:u32 message[size]
 *
 * Such files are as hostile as any: before protobuf-c, which recurses, sees a message, its nesting is
 * measured; what it unpacks is charged to a budget, and what packs to another size than it came in held a
 * field twice or a NUL in a string, and is damage. */
#pragma once

#include "criu.pb-c.h"

#include "base/attributes.h"
#include "base/error.h"
#include "base/text.h"
#include "image/allocator.h"

#define CG_CRIU_MAGIC        0x54564319u
#define CG_CRIU_MAGIC_CGROUP 0x59383330u
#define CG_CRIU_MAGIC_CORE   0x55053847u
#define CG_CRIU_MAGIC_PSTREE 0x50273030u
#define CG_CRIU_FILE_MAX     ((size_t)512 << 20) /* bytes of a file that is taken */
#define CG_CRIU_FRAME_HEAD   ((size_t)12)        /* magics and size of cgroup.img */
#define CG_CRIU_NESTING_MAX  262                 /* messages within messages; groups are bounded further */

/* Reads a file or stream to its end; -EFBIG above the cap. `what` is for the error. */
int cg_criu_load(int fd, const char *what, struct cg_text *ret, struct cg_error **err) CG_MUST_CHECK;

/* Checks the magics and gives what follows them. */
int cg_criu_open(
	struct cg_bytes file, uint32_t magic, struct cg_bytes *ret, struct cg_error **err) CG_MUST_CHECK;
/* Takes the next entry off *rest. 1, 0 when nothing is left, or an error. */
int cg_criu_next(struct cg_bytes *rest, struct cg_bytes *ret, struct cg_error **err) CG_MUST_CHECK;

/* Unpacks into the scratch. With `exact`, the message must be packed as a fresh one would be; fields that are
 * not in the schema are left to the caller either way. */
int cg_criu_unpack(struct cg_scratch *scratch, const ProtobufCMessageDescriptor *type,
	struct cg_bytes message, bool exact, ProtobufCMessage **ret, struct cg_error **err) CG_MUST_CHECK;
/* Whether the message, or one within it, has fields that the schema lacks. */
bool cg_criu_has_unknown(const ProtobufCMessage *m);
/* The error for memory that could not be had: the budget's or the machine's. */
int cg_criu_out_of_memory(const struct cg_budget *b, struct cg_error **err) CG_MUST_CHECK;

/* Appends a whole cgroup.img. */
int cg_criu_pack(const Cgtree__Criu__Cgroups *m, struct cg_text *ret, struct cg_error **err) CG_MUST_CHECK;
