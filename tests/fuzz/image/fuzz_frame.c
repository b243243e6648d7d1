/* Headers, records and tails out of any bytes: nothing is read outside of them. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "image/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_record(const uint8_t *data, size_t size, uint32_t sequence)
{
	struct cg_frame_record record;
	size_t whole;

	if (size < CG_FRAME_RECORD_HEAD || cg_frame_record_size(data, &whole, NULL) < 0 || whole > size)
		return;
	if (cg_frame_get_record(data, whole, sequence, &record, NULL) == 0 &&
		record.payload.len != whole - CG_FRAME_RECORD_HEAD - CG_FRAME_CHECKSUM)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cg_frame_header header;
	struct cg_error *err = NULL;

	if (size >= CG_FRAME_HEADER_SIZE) {
		(void)!cg_frame_get_header(data, &header, &err);
		cg_error_free(err);
		try_record(data + CG_FRAME_HEADER_SIZE, size - CG_FRAME_HEADER_SIZE, 0);
	}
	try_record(data, size, 0);
	if (size >= CG_FRAME_TAIL_SIZE)
		(void)!cg_frame_check_tail(data + size - CG_FRAME_TAIL_SIZE, size, NULL);
	return 0;
}
