/* Headers, records and tails as bytes: see frame.h for the grammar. */
#include "image/frame.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <xxhash.h>

#include "image/image.h"

static void put16(uint8_t *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
}

static void put32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static void put64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

static uint16_t get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static uint32_t checksum(const uint8_t *p, size_t size)
{
	return (uint32_t)XXH3_64bits(p, size);
}

const char *cg_record_type_name(uint16_t type)
{
	switch (type) {
	case CG_RECORD_INVENTORY:
		return "inventory";
	case CG_RECORD_HIERARCHY:
		return "hierarchy";
	case CG_RECORD_KNOBS:
		return "knobs";
	case CG_RECORD_GROUP:
		return "group";
	case CG_RECORD_TASKS:
		return "tasks";
	case CG_RECORD_DEVICE:
		return "device";
	case CG_RECORD_NOTE:
		return "note";
	case CG_RECORD_END:
		return "end";
	default:
		return NULL;
	}
}

void cg_frame_put_header(uint8_t out[CG_FRAME_HEADER_SIZE], const struct cg_frame_header *h)
{
	memcpy(out, CG_FRAME_MAGIC, CG_FRAME_MAGIC_SIZE);
	put16(out + 8, h->major);
	put16(out + 10, h->minor);
	put32(out + 12, h->incompat);
	put32(out + 16, h->compat);
	put32(out + 20, checksum(out, 20));
}

int cg_frame_get_header(
	const uint8_t in[CG_FRAME_HEADER_SIZE], struct cg_frame_header *ret, struct cg_error **err)
{
	struct cg_frame_header h = {get16(in + 8), get16(in + 10), get32(in + 12), get32(in + 16)};

	if (memcmp(in, CG_FRAME_MAGIC, CG_FRAME_MAGIC_SIZE) != 0)
		return cg_error_corrupt(
			err, "this is no cgtree image: it does not begin with the mark of one");
	if (get32(in + 20) != checksum(in, 20))
		return cg_error_corrupt(err, "the header at byte 0 is damaged: its checksum is wrong");
	if (h.major != CG_IMAGE_MAJOR)
		return cg_error_make(err, CG_FAULT_UNSUPPORTED, ENOTSUP,
			"the image is of format %u.%u, this program reads %u.x", h.major, h.minor,
			CG_IMAGE_MAJOR);
	if (h.incompat != 0)
		return cg_error_make(err, CG_FAULT_UNSUPPORTED, ENOTSUP,
			"the image needs features that this program does not know (bits 0x%x)", h.incompat);
	*ret = h;
	return 0;
}

size_t cg_frame_seal(uint8_t *out, uint32_t length, uint16_t type, uint16_t flags, uint32_t sequence)
{
	size_t size = CG_FRAME_RECORD_HEAD + (size_t)length;

	put32(out, length);
	put16(out + 4, type);
	put16(out + 6, flags);
	put32(out + 8, sequence);
	put32(out + size, checksum(out, size));
	return size + CG_FRAME_CHECKSUM;
}

int cg_frame_record_size(const uint8_t head[CG_FRAME_RECORD_HEAD], size_t *ret, struct cg_error **err)
{
	uint32_t length = get32(head);

	if (length > CG_FRAME_PAYLOAD_MAX)
		return cg_error_corrupt(err, "a record says that it is %u bytes long, at most %u are allowed",
			length, CG_FRAME_PAYLOAD_MAX);
	*ret = CG_FRAME_RECORD_HEAD + (size_t)length + CG_FRAME_CHECKSUM;
	return 0;
}

int cg_frame_get_record(
	const uint8_t *in, size_t size, uint32_t sequence, struct cg_frame_record *ret, struct cg_error **err)
{
	struct cg_frame_record record = {get16(in + 4), get16(in + 6),
		{(const char *)in + CG_FRAME_RECORD_HEAD, size - CG_FRAME_RECORD_HEAD - CG_FRAME_CHECKSUM}};

	if (get32(in + size - CG_FRAME_CHECKSUM) != checksum(in, size - CG_FRAME_CHECKSUM))
		return cg_error_corrupt(err, "the record is damaged: its checksum is wrong");
	if (get32(in + 8) != sequence)
		return cg_error_corrupt(err,
			"record %u stands where %u should: records were lost, doubled or moved",
			get32(in + 8), sequence);
	if (record.type == 0)
		return cg_error_corrupt(err, "the record has no type");
	if (record.flags & ~CG_RECORD_FLAGS)
		return cg_error_make(err, CG_FAULT_UNSUPPORTED, ENOTSUP,
			"the record has flags that this program does not know (0x%x)", record.flags);
	*ret = record;
	return 0;
}

void cg_frame_put_tail(uint8_t out[CG_FRAME_TAIL_SIZE], uint64_t total)
{
	put64(out, total);
	memcpy(out + 8, CG_FRAME_END_MAGIC, CG_FRAME_MAGIC_SIZE);
}

int cg_frame_check_tail(const uint8_t in[CG_FRAME_TAIL_SIZE], uint64_t total, struct cg_error **err)
{
	if (memcmp(in + 8, CG_FRAME_END_MAGIC, CG_FRAME_MAGIC_SIZE) != 0)
		return cg_error_corrupt(err, "the mark at its end is damaged");
	if (get64(in) != total)
		return cg_error_corrupt(err, "it says that it is %llu bytes long and is %llu",
			(unsigned long long)get64(in), (unsigned long long)total);
	return 0;
}
