/* What the writer and the reader of undo records share; private to undo*.c. The grammar stands in undo.h. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CG_UNDO_MAGIC     "CGUNDO1\n"
#define CG_UNDO_TAIL_SIZE ((size_t)5)

uint64_t cg_undo_checksum(const void *data, size_t len);
