/* Writing JSON into a text. Failed allocations are the text's (`failed`), to be checked once at the end.
 *
 * A key of NULL stands for no key: an element of an array, or the outermost value. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct cg_json {
	struct cg_text *text; /* the caller's */
	bool pretty;
	bool first;     /* nothing stands in the present container yet */
	unsigned depth; /* open containers */
	unsigned flat;  /* of these, on one line */
};

void cg_json_begin(struct cg_json *j, struct cg_text *text, bool pretty);
/* '{' or '['; a flat container stands on one line, with all in it. */
void cg_json_open(struct cg_json *j, const char *key, char bracket, bool flat);
void cg_json_close(struct cg_json *j, char bracket);

void cg_json_null(struct cg_json *j, const char *key);
void cg_json_bool(struct cg_json *j, const char *key, bool value);
/* Above INT64_MAX as a string of decimal digits, for most readers would lose digits or refuse it. */
void cg_json_number(struct cg_json *j, const char *key, uint64_t value);
/* "0644" */
void cg_json_mode(struct cg_json *j, const char *key, unsigned mode);
/* A string when it is valid UTF-8 without NUL, otherwise {"base64": "..."}. */
void cg_json_bytes(struct cg_json *j, const char *key, struct cg_bytes value);
/* The same for text; NULL is an empty one. */
void cg_json_text(struct cg_json *j, const char *key, const char *value);
