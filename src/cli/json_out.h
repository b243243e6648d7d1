/* JSON written as it comes, member by member, so that a picture of 100,000 groups needs no second copy of
 * them. Strings that are no UTF-8 are given as {"base64": "..."}, as image/json.h has it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/text.h"

struct json_out {
	FILE *file;
	bool pretty;
	bool started; /* the innermost object or array has a member already */
	bool member;  /* a key stands before the next value */
	unsigned depth;
};

struct json_out json_begin(FILE *file, bool pretty);
void json_end(struct json_out *j); /* the last newline */
/* '{' or '[' and its counterpart. */
void json_open(struct json_out *j, char bracket);
void json_close(struct json_out *j, char bracket);
/* A member's key; returns j, so that the value can be written around it. */
struct json_out *json_member(struct json_out *j, const char *name);
/* The same with any bytes as key: what is no UTF-8 is escaped as \xNN there, for a key is a string. */
struct json_out *json_key(struct json_out *j, struct cg_bytes name);
void json_text(struct json_out *j, const char *text); /* NULL: null */
void json_bytes(struct json_out *j, struct cg_bytes b);
void json_number(struct json_out *j, uint64_t n);
void json_signed(struct json_out *j, int64_t n);
void json_bool(struct json_out *j, bool b);
void json_nothing(struct json_out *j);
void json_error(struct json_out *j, const struct cg_error *err);
