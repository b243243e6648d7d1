/* One setting of one live group: read as its knob is read, written as its knob is written, and read back.
 * What apply and undo share. */
#pragma once

#include "base/attributes.h"
#include "base/fdio.h"
#include "model/knob.h"

struct cg_setting_io {
	int group;
	const struct cg_knob *knob; /* NULL: a generic setting */
	const char *file;
	uint64_t page_size;
	struct cg_buffer *back;  /* what the file says after a store, whole */
	struct cg_text *sent;    /* the last single write, for the words when it fails */
	struct cg_text *sent_to; /* the file that it went to */
};

/* What the file says now, whole, into *b. */
int cg_setting_read(const struct cg_setting_io *io, struct cg_buffer *b) CG_MUST_CHECK;
/* Does the writes that lead from `from` (data NULL: as a new group has it) to `to`, and reads back into
 * *io->back. EBUSY and EAGAIN of knobs with CG_KNOB_RETRY are tried again for about a second. -ENOMEM, or
 * what the kernel answered; then io->sent and io->sent_to tell what to. */
int cg_setting_store(const struct cg_setting_io *io, struct cg_bytes from, struct cg_bytes to) CG_MUST_CHECK;
/* Whether what a file says (whole) is the setting `wanted` (whole or cut), as the kernel means it. */
bool cg_setting_agrees(const struct cg_setting_io *io, struct cg_bytes says, struct cg_bytes wanted);
