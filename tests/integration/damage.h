/* Between the files of damage: bytes that grow into an image. A failure of the host ends the program. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/fdio.h"
#include "image.pb-c.h"
#include "image/frame.h"

struct out {
	uint8_t *data;
	size_t len, room;
};

/* Says what failed and errno's text, and ends the program. */
void damage_die(const char *what) __attribute__((noreturn));
uint64_t damage_number(const char *text);
/* Room for `size` more bytes, counted already. */
uint8_t *damage_more(struct out *o, size_t size);
void damage_write_file(const char *name, const void *data, size_t len);
/* A record with its checksum. */
void damage_put_record(struct out *o, const struct cg_frame_record *r, uint32_t sequence);
void damage_put_message(struct out *o, uint16_t type, const ProtobufCMessage *m, uint32_t sequence);
/* The end record, with the counts that *end holds already, and the tail. */
void damage_put_end(struct out *o, Cgtree__Image__End *end, uint32_t records);

/* The program's ways of making an image, given the words after the first. */
int damage_make(int argc, char **argv);
int damage_deep(char **argv);
int damage_huge(char **argv);
