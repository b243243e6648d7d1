/* Framing, measuring and unpacking of CRIU's files: see criu_frame.h. */
#include "image/criu_frame.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int cg_criu_load(int fd, const char *what, struct cg_text *ret, struct cg_error **err)
{
	char part[65536];

	for (;;) {
		ssize_t n = read(fd, part, sizeof(part));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cg_error_errno(err, errno, "cannot read %s", what);
		if (n == 0)
			break;
		if (ret->len + (size_t)n > CG_CRIU_FILE_MAX)
			return cg_error_corrupt(err, "%s is longer than the %zu bytes that are taken", what,
				CG_CRIU_FILE_MAX);
		cg_text_add(ret, part, (size_t)n);
	}
	return ret->failed ? cg_error_oom(err) : 0;
}

static uint32_t number_at(const char *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return n;
}

int cg_criu_open(struct cg_bytes file, uint32_t magic, struct cg_bytes *ret, struct cg_error **err)
{
	if (file.len < 8)
		return cg_error_corrupt(
			err, "it ends after %zu bytes, within the magic numbers of CRIU's images", file.len);
	if (number_at(file.data) != CG_CRIU_MAGIC)
		return cg_error_corrupt(err, "it does not begin as CRIU's images do");
	if (number_at(file.data + 4) != magic)
		return cg_error_corrupt(err, "it is an image of CRIU, but of another kind (0x%08x)",
			number_at(file.data + 4));
	*ret = (struct cg_bytes){file.data + 8, file.len - 8};
	return 0;
}

int cg_criu_next(struct cg_bytes *rest, struct cg_bytes *ret, struct cg_error **err)
{
	uint32_t size;

	if (rest->len == 0)
		return 0;
	if (rest->len < 4)
		return cg_error_corrupt(err, "it is cut within the size of an entry");
	size = number_at(rest->data);
	if (size > rest->len - 4)
		return cg_error_corrupt(
			err, "it is cut: an entry of %u bytes has %zu left", size, rest->len - 4);
	*ret = (struct cg_bytes){rest->data + 4, size};
	*rest = (struct cg_bytes){rest->data + 4 + size, rest->len - 4 - size};
	return 1;
}

/* A base-128 number; false when it does not end where it must. */
static bool take_varint(const uint8_t **p, const uint8_t *end, uint64_t *ret)
{
	uint64_t n = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte;

		if (*p == end)
			return false;
		byte = *(*p)++;
		n |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = n;
			return true;
		}
	}
	return false;
}

struct level {
	const ProtobufCMessageDescriptor *type;
	const uint8_t *end;
};

/* Walks a field. 1 when it is a message, whose bytes are *ret_size from *p on, 0 when it was passed over, -1
 * when it is none. */
static int walk_field(const uint8_t **p, const struct level *at, const ProtobufCMessageDescriptor **ret_type,
	uint64_t *ret_size)
{
	const ProtobufCFieldDescriptor *field;
	uint64_t key, n;

	if (!take_varint(p, at->end, &key) || key >> 3 == 0 || key >> 3 > UINT32_MAX >> 3)
		return -1;
	field = protobuf_c_message_descriptor_get_field(at->type, (unsigned)(key >> 3));
	switch (key & 7) {
	case 0:
		return take_varint(p, at->end, &n) ? 0 : -1;
	case 1:
	case 5:
		n = (key & 7) == 1 ? 8 : 4;
		break;
	case 2:
		if (!take_varint(p, at->end, &n))
			return -1;
		break;
	default:
		return -1;
	}
	if (n > (uint64_t)(at->end - *p))
		return -1;
	if ((key & 7) == 2 && field && field->type == PROTOBUF_C_TYPE_MESSAGE) {
		*ret_type = field->descriptor;
		*ret_size = n;
		return 1;
	}
	*p += n;
	return 0;
}

/* 0 when the message is formed as one and nests no deeper than allowed. */
static int measure(const ProtobufCMessageDescriptor *type, struct cg_bytes message, struct cg_error **err)
{
	struct level stack[CG_CRIU_NESTING_MAX];
	const uint8_t *p = (const uint8_t *)message.data;
	size_t depth = 0;

	stack[0] = (struct level){type, p + message.len};
	for (;;) {
		const ProtobufCMessageDescriptor *inner;
		uint64_t size;
		int r;

		while (p == stack[depth].end) {
			if (depth == 0)
				return 0;
			depth--;
		}
		r = walk_field(&p, &stack[depth], &inner, &size);
		if (r < 0)
			return cg_error_corrupt(err, "its contents are no message of CRIU's");
		if (r == 0)
			continue;
		if (++depth == CG_CRIU_NESTING_MAX)
			return cg_error_corrupt(
				err, "its groups are nested more than %d deep", CG_CRIU_NESTING_MAX - 6);
		stack[depth] = (struct level){inner, p + size};
	}
}

int cg_criu_out_of_memory(const struct cg_budget *b, struct cg_error **err)
{
	if (!b->exceeded)
		return cg_error_oom(err);
	return cg_error_make(err, CG_FAULT_SYSTEM, ENOMEM,
		"CRIU's image needs more memory than the %zu bytes that it may have", b->limit);
}

int cg_criu_unpack(struct cg_scratch *scratch, const ProtobufCMessageDescriptor *type,
	struct cg_bytes message, bool exact, ProtobufCMessage **ret, struct cg_error **err)
{
	bool exceeded = scratch->budget->exceeded;
	ProtobufCMessage *m;
	int r;

	if (message.len == 0)
		message.data = "";
	r = measure(type, message, err);
	if (r < 0)
		return r;
	m = protobuf_c_message_unpack(type, &scratch->protobuf, message.len, (const uint8_t *)message.data);
	if (!m && (scratch->failed || (scratch->budget->exceeded && !exceeded)))
		return cg_criu_out_of_memory(scratch->budget, err);
	if (!m)
		return cg_error_corrupt(err, "its contents are no message of CRIU's");
	if (exact && protobuf_c_message_get_packed_size(m) != message.len)
		return cg_error_corrupt(err, "it says something twice, or a name has a NUL in it");
	*ret = m;
	return 0;
}

/* Nesting was measured when the message was unpacked. */
bool cg_criu_has_unknown(const ProtobufCMessage *m)
{
	if (m->n_unknown_fields)
		return true;
	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
		const char *base = (const char *)m;
		const ProtobufCMessage *const *item, *one;
		size_t count = 1;

		if (f->type != PROTOBUF_C_TYPE_MESSAGE)
			continue;
		if (f->label == PROTOBUF_C_LABEL_REPEATED) {
			memcpy(&count, base + f->quantifier_offset, sizeof(count));
			memcpy(&item, base + f->offset, sizeof(item));
		} else {
			memcpy(&one, base + f->offset, sizeof(one));
			item = &one;
		}
		for (size_t n = 0; n < count; n++)
			if (item[n] && cg_criu_has_unknown(item[n]))
				return true;
	}
	return false;
}

int cg_criu_pack(const Cgtree__Criu__Cgroups *m, struct cg_text *ret, struct cg_error **err)
{
	size_t size = protobuf_c_message_get_packed_size(&m->base);
	uint32_t head[3] = {CG_CRIU_MAGIC, CG_CRIU_MAGIC_CGROUP, (uint32_t)size};
	_cleanup_free_ uint8_t *packed = NULL;

	if (size > CG_CRIU_FILE_MAX - sizeof(head))
		return cg_error_make(err, CG_FAULT_USAGE, EFBIG,
			"the tree takes %zu bytes as CRIU writes it, at most %zu are taken", size,
			CG_CRIU_FILE_MAX - sizeof(head));
	packed = malloc(size ? size : 1);
	if (!packed)
		return cg_error_oom(err);
	(void)protobuf_c_message_pack(&m->base, packed);
	cg_text_add(ret, head, sizeof(head));
	cg_text_add(ret, packed, size);
	return ret->failed ? cg_error_oom(err) : 0;
}
