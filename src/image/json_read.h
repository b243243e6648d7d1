/* Taking values out of parsed JSON strictly: each function names the place where something else stands than
 * was expected. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/text.h"

/* Where we are, as a chain of callers' locals up to the document. */
struct cg_json_at {
	const struct cg_json_at *above; /* NULL: the document */
	const json_t *value;
	const char *key; /* NULL: an element, number `index` */
	size_t index;
};

/* An error at a place: "groups[3].settings[0].value: ...". */
int cg_json_bad(const struct cg_json_at *at, struct cg_error **err, const char *fmt, ...) CG_PRINTF(3, 4);

/* The place is an object with no members but those of the NULL-terminated list. */
int cg_json_members(
	const struct cg_json_at *at, const char *const *allowed, struct cg_error **err) CG_MUST_CHECK;
bool cg_json_has(const struct cg_json_at *at, const char *key);
/* A member that must be there. */
int cg_json_member(const struct cg_json_at *at, const char *key, struct cg_json_at *ret,
	struct cg_error **err) CG_MUST_CHECK;
/* A member that is an array; with `optional` a missing one counts as empty. */
int cg_json_array(const struct cg_json_at *at, const char *key, bool optional, struct cg_json_at *ret,
	size_t *ret_count, struct cg_error **err) CG_MUST_CHECK;
struct cg_json_at cg_json_element(const struct cg_json_at *array, size_t index);

/* The value of the place itself, or of one of its members. */
int cg_json_get_number_here(
	const struct cg_json_at *at, uint64_t max, uint64_t *ret, struct cg_error **err) CG_MUST_CHECK;
int cg_json_get_number(const struct cg_json_at *at, const char *key, uint64_t max, uint64_t *ret,
	struct cg_error **err) CG_MUST_CHECK;
int cg_json_get_u32(
	const struct cg_json_at *at, const char *key, uint32_t *ret, struct cg_error **err) CG_MUST_CHECK;
int cg_json_get_u16(
	const struct cg_json_at *at, const char *key, uint16_t *ret, struct cg_error **err) CG_MUST_CHECK;
int cg_json_get_bool(
	const struct cg_json_at *at, const char *key, bool *ret, struct cg_error **err) CG_MUST_CHECK;
int cg_json_get_mode(
	const struct cg_json_at *at, const char *key, uint16_t *ret, struct cg_error **err) CG_MUST_CHECK;
/* A copy in the arena, never NULL. */
int cg_json_get_bytes(const struct cg_json_at *at, const char *key, struct cg_arena *a, struct cg_bytes *ret,
	struct cg_error **err) CG_MUST_CHECK;
/* The same without NUL. */
int cg_json_get_text(const struct cg_json_at *at, const char *key, struct cg_arena *a, const char **ret,
	struct cg_error **err) CG_MUST_CHECK;
/* One of `count` words, as its index. */
int cg_json_get_word(const struct cg_json_at *at, const char *key, const char *const *words, size_t count,
	unsigned *ret, struct cg_error **err) CG_MUST_CHECK;
