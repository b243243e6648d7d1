/* Hostile images, built from the format's own messages: every checksum right, the contents not. */
#pragma once

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "image.pb-c.h"
#include "image/frame.h"
#include "image/image.h"

#define HOSTILE_ROOM   ((size_t)8 << 20)
#define HOSTILE_MEMORY ((size_t)64 << 20)

/* An image in the making; data has HOSTILE_ROOM bytes. */
struct builder {
	uint8_t *data;
	size_t len;
	uint32_t sequence;
	uint64_t groups, settings, tasks;
};

void hostile_put_raw(struct builder *b, uint16_t type, uint16_t flags, const void *payload, size_t len);
void hostile_put(struct builder *b, uint16_t type, const void *message);
void hostile_start(struct builder *b, uint16_t minor);
ProtobufCBinaryData hostile_text(const char *string);
void hostile_put_inventory(struct builder *b);
void hostile_put_hierarchy(struct builder *b);
Cgtree__Image__Group hostile_group(const char *name, uint32_t up);
void hostile_put_group(struct builder *b, const char *name, uint32_t up);
void hostile_begin(struct builder *b);
void hostile_finish(struct builder *b);
struct cg_tree *hostile_expect_read(struct builder *b);
void hostile_refused(struct cg_bytes image, enum cg_fault fault, const char *words);
void hostile_expect_refused(struct builder *b, enum cg_fault fault, const char *words);
