/* Files written behind: by a thread of its own, so that no disk delays a start. Of several writes to one name
 * only the last may happen. */
#pragma once

#include "base/attributes.h"
#include "base/text.h"

struct cg_behind;

int cg_behind_start(int dir, struct cg_behind **ret) CG_MUST_CHECK;
/* Takes the text; an empty one removes the file. When memory is out it is written here and now. */
void cg_behind_write(struct cg_behind *b, const char *name, struct cg_text *text);
/* Writes what is left, ends the thread. Takes NULL, returns NULL. */
struct cg_behind *cg_behind_stop(struct cg_behind *b);
