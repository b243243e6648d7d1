/* Origins in extra records: see origin.h. */
#include "image/origin.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fdio.h"
#include "image.pb-c.h"
#include "image/allocator.h"
#include "image/frame.h"
#include "image/image.h"

void cg_origin_free(struct cg_origin *o)
{
	cg_tree_free(o->tree);
	*o = (struct cg_origin){0};
}

bool cg_image_has_origin(const struct cg_tree *tree)
{
	for (uint32_t i = 0; i < tree->extras; i++)
		if (tree->extra[i].type == CG_ORIGIN_RECORD)
			return true;
	return false;
}

void cg_image_drop_origin(struct cg_tree *tree)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < tree->extras; i++)
		if (tree->extra[i].type != CG_ORIGIN_RECORD)
			tree->extra[n++] = tree->extra[i];
	tree->extras = n;
}

static int join(const struct cg_tree *tree, struct cg_text *t, struct cg_error **err)
{
	bool ended = false;

	for (uint32_t i = 0; i < tree->extras; i++) {
		if (tree->extra[i].type != CG_ORIGIN_RECORD)
			continue;
		if (ended)
			return cg_error_corrupt(err, "there are two origins");
		cg_text_add(t, tree->extra[i].payload.data, tree->extra[i].payload.len);
		ended = !(tree->extra[i].flags & CG_RECORD_MORE);
	}
	return t->failed ? cg_error_oom(err) : 0;
}

static bool text_of(const ProtobufCBinaryData *b, struct cg_arena *arena, const char **ret)
{
	if (b->len && memchr(b->data, '\0', b->len))
		return false;
	*ret = cg_arena_copy(arena, b->data, b->len);
	return *ret != NULL;
}

static int take(const Cgtree__Image__Origin *m, size_t memory, struct cg_origin *ret, struct cg_error **err)
{
	struct cg_origin o = {.kind = (enum cg_origin_kind)m->kind, .version = (int)m->version};
	const char *dialect = NULL, *lead = NULL;
	int r;

	if ((unsigned)m->kind > CG_ORIGIN_BOUND || m->conflict > CG_CONFLICT_LEAD ||
		(m->kind == CGTREE__IMAGE__ORIGIN__KIND__CONVERTED && m->version != 1 && m->version != 2))
		return cg_error_corrupt(err, "it is of an unknown kind");
	r = cg_image_parse(
		(struct cg_bytes){(const char *)m->image.data, m->image.len}, memory, &o.tree, NULL, err);
	if (r < 0)
		return r;
	o.options.translate.soft_is_high = m->soft_is_high;
	o.options.conflict = (enum cg_conflict)m->conflict;
	if (!text_of(&m->dialect, &o.tree->arena, &dialect) || !text_of(&m->lead, &o.tree->arena, &lead)) {
		cg_origin_free(&o);
		return cg_error_corrupt(err, "a NUL stands in a text");
	}
	o.options.lead = m->has_lead ? lead : NULL;
	o.options.translate.dialect = m->has_dialect ? cg_dialect_find(dialect) : NULL;
	if (m->has_dialect && !o.options.translate.dialect) {
		r = cg_error_make(err, CG_FAULT_UNSUPPORTED, ENOTSUP,
			"it names the dialect %s, which is not known", dialect);
		cg_origin_free(&o);
		return r;
	}
	*ret = o;
	return 0;
}

static int parse(struct cg_bytes message, size_t memory, struct cg_origin *ret, struct cg_error **err)
{
	struct cg_budget budget = {.limit = memory};
	struct cg_scratch scratch;
	Cgtree__Image__Origin *m;
	int r;

	cg_scratch_init(&scratch, &budget);
	m = cgtree__image__origin__unpack(&scratch.protobuf, message.len, (const uint8_t *)message.data);
	/* As with the other messages: what is packed otherwise may hold a field twice. */
	if (!m || protobuf_c_message_get_packed_size(&m->base) != message.len || m->base.n_unknown_fields)
		r = cg_error_corrupt(err, "its contents are no Origin message");
	else
		r = take(m, memory, ret, err);
	cg_scratch_free(&scratch);
	return r;
}

int cg_image_origin(const struct cg_tree *tree, size_t memory, struct cg_origin *ret, struct cg_error **err)
{
	_cleanup_text_ struct cg_text joined = {0};
	int r;

	if (!cg_image_has_origin(tree))
		return 0;
	r = join(tree, &joined, err);
	r = r < 0 ? r : parse((struct cg_bytes){joined.data, joined.len}, memory, ret, err);
	if (r < 0)
		cg_error_wrap(err, "the origin kept in the image");
	return r < 0 ? r : 1;
}

/* The origin's tree as an image in memory. */
static int encode(const struct cg_tree *tree, struct cg_text *t, struct cg_error **err)
{
	const struct cg_image_write_options options = {.compression = CG_COMPRESS_NONE};
	_cleanup_close_ int fd = memfd_create("origin", MFD_CLOEXEC);
	struct cg_image_info info;
	void *data;
	int r;

	if (fd < 0)
		return cg_error_errno(err, errno, "cannot make a file in memory");
	r = cg_image_write(fd, tree, &options, &info, err);
	if (r < 0)
		return r;
	data = mmap(NULL, info.bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return cg_error_errno(err, errno, "cannot read a file in memory");
	cg_text_add(t, data, info.bytes);
	(void)munmap(data, info.bytes);
	return t->failed ? cg_error_oom(err) : 0;
}

static ProtobufCBinaryData binary(struct cg_bytes b)
{
	return (ProtobufCBinaryData){b.len, (uint8_t *)(uintptr_t)b.data};
}

static int add_records(struct cg_tree *tree, struct cg_bytes message, struct cg_error **err)
{
	for (size_t at = 0; at < message.len; at += CG_FRAME_PAYLOAD_MAX) {
		const bool more = message.len - at > CG_FRAME_PAYLOAD_MAX;
		struct cg_bytes payload = {message.data + at, more ? CG_FRAME_PAYLOAD_MAX : message.len - at};
		uint32_t index = cg_tree_add_extra(tree);

		if (index == CG_NONE)
			return cg_error_oom(err);
		tree->extra[index] = (struct cg_extra){CG_ORIGIN_RECORD, more ? CG_RECORD_MORE : 0, payload};
	}
	return 0;
}

int cg_image_keep_origin(struct cg_tree *tree, const struct cg_origin *origin, struct cg_error **err)
{
	Cgtree__Image__Origin m = CGTREE__IMAGE__ORIGIN__INIT;
	_cleanup_text_ struct cg_text image = {0};
	struct cg_bytes packed;
	uint8_t *data;
	int r = encode(origin->tree, &image, err);

	if (r < 0)
		return r;
	m.kind = (Cgtree__Image__Origin__Kind)origin->kind;
	m.has_kind = m.kind != CGTREE__IMAGE__ORIGIN__KIND__CONVERTED;
	m.version = (uint32_t)origin->version;
	m.has_version = m.version != 0;
	m.dialect = binary(cg_bytes_of(
		origin->options.translate.dialect ? origin->options.translate.dialect->name : NULL));
	m.has_dialect = m.dialect.len != 0;
	m.soft_is_high = m.has_soft_is_high = origin->options.translate.soft_is_high;
	m.conflict = (uint32_t)origin->options.conflict;
	m.has_conflict = m.conflict != 0;
	m.lead = binary(cg_bytes_of(origin->options.lead));
	m.has_lead = m.lead.len != 0;
	m.image = binary((struct cg_bytes){image.data, image.len});
	m.has_image = true;
	packed.len = protobuf_c_message_get_packed_size(&m.base);
	if (packed.len > CG_FRAME_MESSAGE_MAX)
		return cg_error_make(err, CG_FAULT_USAGE, EFBIG,
			"the origin takes %zu bytes, an image holds at most %zu", packed.len,
			CG_FRAME_MESSAGE_MAX);
	data = cg_arena_alloc(&tree->arena, packed.len);
	if (!data)
		return cg_error_oom(err);
	(void)protobuf_c_message_pack(&m.base, data);
	packed.data = (const char *)data;
	cg_image_drop_origin(tree);
	return add_records(tree, packed, err);
}
