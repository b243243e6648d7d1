/* Trees to images and back: see image.h; the format is docs/FORMAT.md. This file orders the records; frame.c
 * knows how they are framed and encode.c and decode.c what is in them. */
#include "image/image.h"

#include <errno.h>
#include <string.h>

#include "image/check.h"
#include "image/decode.h"
#include "image/encode.h"
#include "image/frame.h"
#include "image/input.h"
#include "image/origin.h"
#include "image/output.h"

static void hexadecimal(const uint8_t digest[16], char ret[33])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < 16; i++) {
		ret[2 * i] = digits[digest[i] >> 4];
		ret[2 * i + 1] = digits[digest[i] & 15];
	}
	ret[32] = '\0';
}

struct writer {
	struct cg_output output;
	struct cg_budget budget;
	struct cg_scratch scratch;
	uint32_t sequence;
	uint8_t digest[16];
};

static void close_writer(struct writer *w)
{
	cg_output_close(&w->output);
	cg_scratch_free(&w->scratch);
}

static int count_record(struct writer *w, struct cg_error **err)
{
	if (w->sequence == UINT32_MAX)
		return cg_error_make(
			err, CG_FAULT_USAGE, EFBIG, "the tree needs more records than an image can have");
	w->sequence++;
	return 0;
}

static int put_record(
	struct writer *w, uint16_t type, uint16_t flags, struct cg_bytes payload, struct cg_error **err)
{
	uint8_t *to;
	int r = cg_output_reserve(
		&w->output, CG_FRAME_RECORD_HEAD + payload.len + CG_FRAME_CHECKSUM, &to, err);

	if (r < 0)
		return r;
	if (payload.len)
		memcpy(to + CG_FRAME_RECORD_HEAD, payload.data, payload.len);
	cg_output_commit(&w->output, cg_frame_seal(to, (uint32_t)payload.len, type, flags, w->sequence));
	return count_record(w, err);
}

/* A message that does not fit one record. */
static int put_long_message(
	struct writer *w, uint16_t type, const ProtobufCMessage *message, size_t size, struct cg_error **err)
{
	_cleanup_free_ uint8_t *packed = NULL;
	int r = 0;

	if (size > CG_FRAME_MESSAGE_MAX)
		return cg_error_make(err, CG_FAULT_USAGE, EFBIG,
			"a %s takes %zu bytes, an image holds at most %zu", cg_record_type_name(type), size,
			CG_FRAME_MESSAGE_MAX);
	packed = malloc(size);
	if (!packed)
		return cg_error_oom(err);
	(void)protobuf_c_message_pack(message, packed);
	for (size_t at = 0; r == 0 && at < size; at += CG_FRAME_PAYLOAD_MAX) {
		bool more = size - at > CG_FRAME_PAYLOAD_MAX;

		r = put_record(w, type, CG_RECORD_CRITICAL | (more ? CG_RECORD_MORE : 0),
			(struct cg_bytes){(char *)packed + at, more ? CG_FRAME_PAYLOAD_MAX : size - at}, err);
	}
	return r;
}

static int put_message(
	struct writer *w, uint16_t type, const ProtobufCMessage *message, struct cg_error **err)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	uint8_t *to;
	int r;

	if (size > CG_FRAME_PAYLOAD_MAX)
		return put_long_message(w, type, message, size, err);
	r = cg_output_reserve(&w->output, CG_FRAME_RECORD_HEAD + size + CG_FRAME_CHECKSUM, &to, err);
	if (r < 0)
		return r;
	(void)protobuf_c_message_pack(message, to + CG_FRAME_RECORD_HEAD);
	cg_output_commit(
		&w->output, cg_frame_seal(to, (uint32_t)size, type, CG_RECORD_CRITICAL, w->sequence));
	cg_scratch_reset(&w->scratch);
	return count_record(w, err);
}

static int put_header(struct writer *w, const struct cg_tree *tree, struct cg_error **err)
{
	const uint32_t compat = cg_image_has_origin(tree) ? CG_ORIGIN_COMPAT : 0;
	uint8_t *to;
	int r = cg_output_reserve(&w->output, CG_FRAME_HEADER_SIZE, &to, err);

	if (r < 0)
		return r;
	cg_frame_put_header(to, &(struct cg_frame_header){CG_IMAGE_MAJOR, CG_IMAGE_MINOR, 0, compat});
	cg_output_commit(&w->output, CG_FRAME_HEADER_SIZE);
	return 0;
}

static int put_hierarchies(struct writer *w, const struct cg_tree *tree, struct cg_error **err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < tree->hierarchies; i++) {
		Cgtree__Image__Hierarchy hierarchy;
		Cgtree__Image__Knobs knobs;

		cg_encode_hierarchy(&tree->hierarchy[i], &hierarchy);
		r = put_message(w, CG_RECORD_HIERARCHY, &hierarchy.base, err);
		if (r < 0)
			return r;
		if (!cg_encode_knobs(&w->scratch, &tree->hierarchy[i], &knobs))
			return cg_error_oom(err);
		r = put_message(w, CG_RECORD_KNOBS, &knobs.base, err);
	}
	return r;
}

static int put_group(struct writer *w, const struct cg_tree *tree, uint32_t index, struct cg_error **err)
{
	Cgtree__Image__Group group;
	Cgtree__Image__Tasks tasks;
	int r;

	if (!cg_encode_group(&w->scratch, tree, index, &group))
		return cg_error_oom(err);
	r = put_message(w, CG_RECORD_GROUP, &group.base, err);
	if (r < 0 || !tree->group[index].tasks)
		return r;
	if (!cg_encode_tasks(&w->scratch, &tree->group[index], &tasks))
		return cg_error_oom(err);
	return put_message(w, CG_RECORD_TASKS, &tasks.base, err);
}

static int put_records(struct writer *w, const struct cg_tree *tree, struct cg_error **err)
{
	Cgtree__Image__Inventory inventory;
	int r;

	cg_encode_inventory(&tree->inventory, &inventory);
	r = put_message(w, CG_RECORD_INVENTORY, &inventory.base, err);
	r = r < 0 ? r : put_hierarchies(w, tree, err);
	for (uint32_t i = 0; r == 0 && i < tree->groups; i++)
		r = put_group(w, tree, i, err);
	for (uint32_t i = 0; r == 0 && i < tree->devices; i++) {
		Cgtree__Image__Device device;

		cg_encode_device(&tree->device[i], &device);
		r = put_message(w, CG_RECORD_DEVICE, &device.base, err);
	}
	for (uint32_t i = 0; r == 0 && i < tree->notes; i++) {
		Cgtree__Image__Note note;

		cg_encode_note(&tree->note[i], &note);
		r = put_message(w, CG_RECORD_NOTE, &note.base, err);
	}
	for (uint32_t i = 0; r == 0 && i < tree->extras; i++)
		r = put_record(w, tree->extra[i].type, tree->extra[i].flags, tree->extra[i].payload, err);
	return r;
}

static int put_end(struct writer *w, const struct cg_tree *tree, struct cg_error **err)
{
	Cgtree__Image__End end;
	uint8_t *to;
	int r;

	cgtree__image__end__init(&end);
	end.has_records = end.has_groups = end.has_settings = end.has_tasks = end.has_bytes = end.has_digest =
		true;
	end.records = w->sequence;
	end.groups = tree->groups;
	for (uint32_t i = 0; i < tree->groups; i++) {
		end.settings += tree->group[i].settings;
		end.tasks += tree->group[i].tasks;
	}
	end.bytes = w->output.total;
	cg_output_digest(&w->output, w->digest);
	end.digest = (ProtobufCBinaryData){sizeof(w->digest), w->digest};
	r = put_message(w, CG_RECORD_END, &end.base, err);
	if (r < 0)
		return r;
	r = cg_output_reserve(&w->output, CG_FRAME_TAIL_SIZE, &to, err);
	if (r < 0)
		return r;
	cg_frame_put_tail(to, w->output.total + CG_FRAME_TAIL_SIZE);
	cg_output_commit(&w->output, CG_FRAME_TAIL_SIZE);
	return cg_output_finish(&w->output, err);
}

int cg_image_write(int fd, const struct cg_tree *tree, const struct cg_image_write_options *options,
	struct cg_image_info *ret_info, struct cg_error **err)
{
	_cleanup_(close_writer) struct writer w = {.budget.limit = SIZE_MAX};
	int r = cg_image_check(tree, err);

	if (r < 0) {
		cg_error_wrap(err, "the tree cannot be written");
		return r;
	}
	cg_scratch_init(&w.scratch, &w.budget);
	r = cg_output_open(&w.output, fd, options->compression, err);
	r = r < 0 ? r : put_header(&w, tree, err);
	r = r < 0 ? r : put_records(&w, tree, err);
	r = r < 0 ? r : put_end(&w, tree, err);
	if (r < 0)
		return r;
	if (ret_info) {
		*ret_info = (struct cg_image_info){
			.major = CG_IMAGE_MAJOR,
			.minor = CG_IMAGE_MINOR,
			.compat = cg_image_has_origin(tree) ? CG_ORIGIN_COMPAT : 0,
			.bytes = w.output.total,
			.records = w.sequence,
			.stored_bytes = w.output.stored,
			.compressed = options->compression == CG_COMPRESS_ZSTD,
		};
		hexadecimal(w.digest, ret_info->digest);
	}
	return 0;
}

struct reader {
	struct cg_input input;
	struct cg_frame_header header;
	struct cg_decoder decoder;
	uint32_t sequence;
	uint16_t more;         /* the type of the message that goes on, 0 when none does */
	struct cg_text joined; /* its pieces so far */
	uint8_t digest[16];
	bool ended;
};

static void close_reader(struct reader *rd)
{
	cg_input_close(&rd->input);
	cg_decoder_close(&rd->decoder);
	cg_text_free(&rd->joined);
}

static int need(struct reader *rd, size_t size, const uint8_t **ret, struct cg_error **err)
{
	int r = cg_input_need(&rd->input, size, ret, err);

	if (r != 0)
		return r < 0 ? r : 0;
	return cg_error_corrupt(err, "it is cut short: it ends at byte %llu",
		(unsigned long long)(rd->input.offset + (rd->input.end - rd->input.start)));
}

/* What does not begin as an image does. */
static int refuse_stranger(const struct cg_input *in, struct cg_error **err)
{
	int r;

	if (in->start == in->end)
		return cg_error_corrupt(err, "there is no image: not one byte came");
	r = cg_error_corrupt(err, "this is no cgtree image: it does not begin with the mark of one");
	if (in->window[in->start] == '{')
		cg_error_hint(
			err, "if it is JSON from \"cgtree decode\", \"cgtree encode\" makes an image of it");
	return r;
}

static int read_header(struct reader *rd, struct cg_error **err)
{
	const uint8_t *p;
	int r = cg_input_need(&rd->input, CG_FRAME_MAGIC_SIZE, &p, err);

	if (r < 0)
		return r;
	if (r == 0 || memcmp(p, CG_FRAME_MAGIC, CG_FRAME_MAGIC_SIZE) != 0)
		return refuse_stranger(&rd->input, err);
	r = need(rd, CG_FRAME_HEADER_SIZE, &p, err);
	r = r < 0 ? r : cg_frame_get_header(p, &rd->header, err);
	if (r == 0)
		cg_input_take(&rd->input, CG_FRAME_HEADER_SIZE);
	return r;
}

/* Gathers a piece, and charges for it before. */
static int join(struct reader *rd, struct cg_bytes piece, struct cg_error **err)
{
	if (piece.len > CG_FRAME_MESSAGE_MAX - rd->joined.len)
		return cg_error_corrupt(
			err, "a message is longer than the %zu bytes that are allowed", CG_FRAME_MESSAGE_MAX);
	if (!cg_budget_charge(&rd->decoder.budget, 2 * piece.len))
		return cg_decoder_out_of_memory(&rd->decoder, err);
	cg_text_add(&rd->joined, piece.data, piece.len);
	return rd->joined.failed ? cg_error_oom(err) : 0;
}

static int take_message(struct reader *rd, const struct cg_frame_record *record, struct cg_error **err)
{
	struct cg_bytes message = record->payload;
	int r = 0;

	if (rd->joined.len || (record->flags & CG_RECORD_MORE))
		r = join(rd, record->payload, err);
	if (r < 0 || (record->flags & CG_RECORD_MORE))
		return r;
	if (rd->joined.len)
		message = (struct cg_bytes){rd->joined.data, rd->joined.len};
	r = cg_decode_message(&rd->decoder, record->type, message, err);
	cg_budget_release(&rd->decoder.budget, 2 * rd->joined.len);
	cg_text_free(&rd->joined);
	return r;
}

static int check_end(struct reader *rd, struct cg_bytes message, struct cg_error **err)
{
	const struct cg_decoder *d = &rd->decoder;
	struct cg_decoded_end end;
	int r = cg_decode_end(&rd->decoder, message, &end, err);

	if (r < 0)
		return r;
	if (end.records != rd->sequence || end.groups != d->tree->groups || end.settings != d->settings ||
		end.tasks != d->tasks || end.bytes != rd->input.offset)
		return cg_error_corrupt(
			err, "it counts other records, groups, settings, tasks or bytes than there are");
	cg_input_digest(&rd->input, rd->digest);
	if (memcmp(rd->digest, end.digest, sizeof(rd->digest)) != 0)
		return cg_error_corrupt(err, "the digest of the image is wrong");
	rd->ended = true;
	return 0;
}

static int take_record(struct reader *rd, const struct cg_frame_record *record, struct cg_error **err)
{
	if (rd->more && record->type != rd->more)
		return cg_error_corrupt(err, "the message before it is not complete");
	rd->more = record->flags & CG_RECORD_MORE ? record->type : 0;
	if (record->type == CG_RECORD_END && rd->more)
		return cg_error_corrupt(err, "the end record goes on");
	if (record->type == CG_RECORD_END)
		return check_end(rd, record->payload, err);
	if (cg_record_type_name(record->type))
		return take_message(rd, record, err);
	if (record->flags & CG_RECORD_CRITICAL)
		return cg_error_make(err, CG_FAULT_UNSUPPORTED, ENOTSUP,
			"it is of type %u, which this program does not know and must not pass over",
			record->type);
	return cg_decode_extra(&rd->decoder, record->type, record->flags, record->payload, err);
}

static int read_record(struct reader *rd, struct cg_error **err)
{
	struct cg_frame_record record = {0};
	const char *name;
	const uint8_t *p;
	size_t size;
	int r = need(rd, CG_FRAME_RECORD_HEAD, &p, err);

	r = r < 0 ? r : cg_frame_record_size(p, &size, err);
	r = r < 0 ? r : need(rd, size, &p, err);
	r = r < 0 ? r : cg_frame_get_record(p, size, rd->sequence, &record, err);
	r = r < 0 ? r : take_record(rd, &record, err);
	if (r < 0) {
		name = cg_record_type_name(record.type);
		cg_error_wrap(err, "record %u%s%s%s at byte %llu", rd->sequence, name ? " (" : "",
			name ? name : "", name ? ")" : "", (unsigned long long)rd->input.offset);
		return r;
	}
	cg_input_take(&rd->input, size);
	if (rd->sequence++ == UINT32_MAX - 1)
		return cg_error_corrupt(err, "it has more records than an image can have");
	return 0;
}

static int read_tail(struct reader *rd, struct cg_error **err)
{
	const uint8_t *p;
	int r = need(rd, CG_FRAME_TAIL_SIZE, &p, err);

	r = r < 0 ? r : cg_frame_check_tail(p, rd->input.offset + CG_FRAME_TAIL_SIZE, err);
	if (r < 0)
		return r;
	cg_input_take(&rd->input, CG_FRAME_TAIL_SIZE);
	r = cg_input_need(&rd->input, 1, &p, err);
	if (r > 0)
		return cg_error_corrupt(
			err, "bytes follow its end at byte %llu", (unsigned long long)rd->input.offset);
	return r;
}

/* Says what a newer version's image lost here: the tree must not look complete. */
static int note_ignored(struct reader *rd, struct cg_error **err)
{
	if (!rd->decoder.ignored)
		return 0;
	if (!cg_tree_add_note(rd->decoder.tree, NULL, NULL,
		    "the image is of format %u.%u: it has fields that this program (format %d.%d) does not know and left out",
		    rd->header.major, rd->header.minor, CG_IMAGE_MAJOR, CG_IMAGE_MINOR))
		return cg_error_oom(err);
	return 0;
}

static int read_image(struct reader *rd, size_t memory, struct cg_error **err)
{
	int r = read_header(rd, err);

	r = r < 0 ? r : cg_decoder_open(&rd->decoder, memory, rd->header.minor > CG_IMAGE_MINOR, err);
	while (r == 0 && !rd->ended)
		r = read_record(rd, err);
	r = r < 0 ? r : read_tail(rd, err);
	r = r < 0 ? r : cg_image_check(rd->decoder.tree, err);
	r = r < 0 ? r : cg_tree_link(rd->decoder.tree, err);
	return r < 0 ? r : note_ignored(rd, err);
}

static void tell(const struct reader *rd, struct cg_image_info *ret)
{
	*ret = (struct cg_image_info){
		.major = rd->header.major,
		.minor = rd->header.minor,
		.incompat = rd->header.incompat,
		.compat = rd->header.compat,
		.bytes = rd->input.offset,
		.records = rd->sequence,
		.stored_bytes = rd->input.stored,
		.compressed = rd->input.zstd != NULL,
	};
	hexadecimal(rd->digest, ret->digest);
}

static int read_from(int fd, struct cg_bytes data, size_t memory, struct cg_tree **ret,
	struct cg_image_info *ret_info, struct cg_error **err)
{
	_cleanup_(close_reader) struct reader rd = {.input.fd = -1};
	int r = cg_input_open(&rd.input, fd, data, err);

	r = r < 0 ? r : read_image(&rd, memory, err);
	if (r < 0)
		return r;
	if (ret_info)
		tell(&rd, ret_info);
	*ret = cg_steal(rd.decoder.tree);
	return 0;
}

int cg_image_read(
	int fd, size_t memory, struct cg_tree **ret, struct cg_image_info *ret_info, struct cg_error **err)
{
	return read_from(fd, (struct cg_bytes){NULL, 0}, memory, ret, ret_info, err);
}

int cg_image_parse(struct cg_bytes data, size_t memory, struct cg_tree **ret, struct cg_image_info *ret_info,
	struct cg_error **err)
{
	return read_from(-1, data, memory, ret, ret_info, err);
}
