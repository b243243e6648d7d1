/* Text: a growing string, and strict parsing of what people and kernels write.
 *
 * Parsers take a pointer and a length (values are not NUL-terminated), accept the whole of it or nothing, and
 * touch the result only on success. They return 0, -EINVAL (not of this form) or -ERANGE (of the form, but
 * does not fit). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"
#include "cleanup.h"

/* A run of bytes that somebody else owns. */
struct cg_bytes {
	const char *data; /* not NUL-terminated; may hold any byte */
	size_t len;
};

#define CG_BYTES(literal) ((struct cg_bytes){(literal), sizeof(literal) - 1})
struct cg_bytes cg_bytes_of(const char *string); /* NULL gives the empty run */
bool cg_bytes_equal(struct cg_bytes a, struct cg_bytes b);
int cg_bytes_compare(struct cg_bytes a, struct cg_bytes b); /* bytewise, the shorter first */
bool cg_bytes_is(struct cg_bytes a, const char *string);
/* Splits off what stands before the first `delimiter` (or everything); false when *rest was empty. */
bool cg_bytes_split(struct cg_bytes *rest, char delimiter, struct cg_bytes *ret_part);
/* The next word (runs of space, tab and newline separate); false when there is none. */
bool cg_bytes_word(struct cg_bytes *rest, struct cg_bytes *ret_word);
/* Whether one of the words, or of the parts between delimiters, is `wanted`. */
bool cg_bytes_has_word(struct cg_bytes list, struct cg_bytes wanted);
bool cg_bytes_has_part(struct cg_bytes list, char delimiter, struct cg_bytes wanted);
/* Takes `word` from the front; false when it does not begin so. */
bool cg_bytes_take(struct cg_bytes *rest, const char *word);
struct cg_bytes cg_bytes_trim(struct cg_bytes b); /* spaces, tabs and newlines at both ends */

/* A growing string: data is NUL-terminated once anything was added. {0} is a valid empty one. After a failed
 * allocation `failed` stays set and what is added later is ignored, so that a long composition is checked
 * once at its end. */
struct cg_text {
	char *data;
	size_t len, size;
	bool failed;
};

void cg_text_add(struct cg_text *t, const void *data, size_t len);
void cg_text_adds(struct cg_text *t, const char *string);
void cg_text_addc(struct cg_text *t, char c);
void cg_text_printf(struct cg_text *t, const char *fmt, ...) CG_PRINTF(2, 3);
/* Adds bytes so that they are safe on a terminal and in a line: control bytes, backslash and bytes that are
 * no valid UTF-8 become \n, \t, \\ or \xNN. */
void cg_text_escape(struct cg_text *t, struct cg_bytes b);
/* Adds a size for people: 64M, 1.5G (K, M, G, T, P, E are powers of 1024); exact numbers that are no multiple
 * keep all digits. */
void cg_text_size(struct cg_text *t, uint64_t bytes);
void cg_text_reset(struct cg_text *t); /* keeps the memory */
void cg_text_free(struct cg_text *t);
/* 0 and the string (caller frees; never NULL), or -ENOMEM; *t is empty afterwards. */
int cg_text_take(struct cg_text *t, char **ret) CG_MUST_CHECK;
#define _cleanup_text_ _cleanup_(cg_text_free)

/* Plain decimal: no sign, no space, no leading zero but "0" itself. */
int cg_parse_u64(struct cg_bytes b, uint64_t *ret) CG_MUST_CHECK;
/* The same with an optional '-'. */
int cg_parse_s64(struct cg_bytes b, int64_t *ret) CG_MUST_CHECK;
int cg_parse_u32(struct cg_bytes b, uint32_t *ret) CG_MUST_CHECK;
int cg_parse_octal(struct cg_bytes b, uint32_t *ret) CG_MUST_CHECK;
/* Decimal with an optional K, M, G, T, P, E (powers of 1024, an "iB" or "B" may follow), fractions allowed
 * when the result is whole. */
int cg_parse_size(struct cg_bytes b, uint64_t *ret) CG_MUST_CHECK;
/* A process id as a person gives it: 1..4194304. */
int cg_parse_pid(struct cg_bytes b, int *ret) CG_MUST_CHECK;

/* A set of small numbers written as the kernel writes cpu and node lists: "0-3,8,10-11" (man cpuset(7), "List
 * format"). Stored as sorted, merged ranges. */
struct cg_range {
	uint32_t first, last;
};
struct cg_ranges {
	struct cg_range *item;
	size_t count;
};
#define CG_RANGES_MAX 65535 /* the largest number accepted */
int cg_parse_ranges(struct cg_bytes b, struct cg_ranges *ret) CG_MUST_CHECK;
void cg_ranges_free(struct cg_ranges *r);
bool cg_ranges_equal(const struct cg_ranges *a, const struct cg_ranges *b);
bool cg_ranges_subset(const struct cg_ranges *inner, const struct cg_ranges *outer);
#define _cleanup_ranges_ _cleanup_(cg_ranges_free)

/* Lengths of UTF-8 text as a terminal shows it: code points, no more. */
size_t cg_utf8_width(const char *string);
