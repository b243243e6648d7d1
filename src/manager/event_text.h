/* An event in two forms, each on one line that nothing in it can leave:
 *
 *   line   = "EVENT schema=cgtree.v1" *( SP key "=" value ) LF
 *   value  = word / DQUOTE *( char / escape ) DQUOTE
 *   word   = 1*( ALPHA / DIGIT / "." / "_" / ":" / "/" / "+" / "-" )
 *   char   = UTF-8 but control characters, DQUOTE and backslash
 *   escape = "\n" / "\t" / "\\" / "\x22" / "\xNN"       NN: two lower-case hexadecimal digits, a byte
 *
 * and a JSON object (RFC 8259). Keys and words: docs/EVENTS.md. */
#pragma once

#include "control/event.h"

void cg_event_line(const struct cg_event *e, struct cg_text *t);
void cg_event_json(const struct cg_event *e, struct cg_text *t);
/* " key=value", as above; any bytes. */
void cg_event_field(struct cg_text *t, const char *key, struct cg_bytes value);
