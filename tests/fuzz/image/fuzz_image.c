/* Images out of any bytes, in two ways: as they are, which tries the framing and the decompression; and
 * record by record without regard to checksums, which would keep a mutation from the decoder. A tree that
 * comes out must survive JSON and back. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "image/check.h"
#include "image/decode.h"
#include "image/frame.h"
#include "image/image.h"
#include "image/json.h"

#define MEMORY ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct cg_tree *tree)
{
	_cleanup_text_ struct cg_text json = {0};
	_cleanup_tree_ struct cg_tree *again = NULL;

	if (cg_json_from_tree(tree, false, &json, NULL) < 0 ||
		cg_json_to_tree((struct cg_bytes){json.data, json.len}, &again, NULL) < 0)
		abort();
}

/* 0 to go on, 1 at the end record, or an error. */
static int take(struct cg_decoder *d, const uint8_t *data, size_t whole)
{
	struct cg_bytes payload = {
		(const char *)data + CG_FRAME_RECORD_HEAD, whole - CG_FRAME_RECORD_HEAD - CG_FRAME_CHECKSUM};
	uint16_t type = (uint16_t)(data[4] | data[5] << 8);
	struct cg_decoded_end end;
	int r;

	if (type == CG_RECORD_END) {
		r = cg_decode_end(d, payload, &end, NULL);
		return r < 0 ? r : 1;
	}
	if (type == 0 || cg_record_type_name(type))
		return cg_decode_message(d, type, payload, NULL);
	return cg_decode_extra(d, type, 0, payload, NULL);
}

static void try_records(const uint8_t *data, size_t size, bool newer)
{
	struct cg_error *err = NULL;
	struct cg_decoder d;
	size_t whole;
	int r = cg_decoder_open(&d, MEMORY, newer, NULL);

	while (r == 0 && size >= CG_FRAME_RECORD_HEAD) {
		r = cg_frame_record_size(data, &whole, NULL);
		if (r < 0 || whole > size)
			break;
		r = take(&d, data, whole);
		data += whole;
		size -= whole;
	}
	if (r > 0 && cg_image_check(d.tree, &err) == 0 && cg_tree_link(d.tree, &err) == 0)
		use(d.tree);
	cg_error_free(err);
	cg_decoder_close(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_tree_ struct cg_tree *tree = NULL;
	_cleanup_error_ struct cg_error *err = NULL;

	if (cg_image_parse((struct cg_bytes){(const char *)data, size}, MEMORY, &tree, NULL, &err) == 0)
		use(tree);
	else if (tree || !err)
		abort();
	if (size > CG_FRAME_HEADER_SIZE)
		try_records(data + CG_FRAME_HEADER_SIZE, size - CG_FRAME_HEADER_SIZE, data[10] != 0);
	return 0;
}
