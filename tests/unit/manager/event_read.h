/* A reader of EVENT lines, written from the grammar in event_text.h alone: tests hold the writer against it.
 */
#pragma once

#include "base/text.h"

/* Takes one line off; false when there is none or it is none. */
bool event_read_start(struct cg_bytes *rest);
/* The next " key=value"; the value's bytes are put back as they were. 1, 0 at the end of the line, -1 when
 * the grammar is not kept. */
int event_read_field(struct cg_bytes *rest, struct cg_bytes *ret_key, struct cg_text *ret_value);
