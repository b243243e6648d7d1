/* See hostile.h. */
#include "hostile.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "sample.h"

void hostile_put_raw(struct builder *b, uint16_t type, uint16_t flags, const void *payload, size_t len)
{
	assert_true(b->len + len + 64 < HOSTILE_ROOM);
	if (len)
		memcpy(b->data + b->len + CG_FRAME_RECORD_HEAD, payload, len);
	b->len += cg_frame_seal(b->data + b->len, (uint32_t)len, type, flags, b->sequence++);
}

void hostile_put(struct builder *b, uint16_t type, const void *message)
{
	const ProtobufCMessage *m = message;
	size_t len = protobuf_c_message_get_packed_size(m);

	assert_true(b->len + len + 64 < HOSTILE_ROOM);
	(void)protobuf_c_message_pack(m, b->data + b->len + CG_FRAME_RECORD_HEAD);
	b->len += cg_frame_seal(b->data + b->len, (uint32_t)len, type, CG_RECORD_CRITICAL, b->sequence++);
	if (type == CG_RECORD_GROUP) {
		const Cgtree__Image__Group *g = message;

		b->groups++;
		b->settings += g->n_setting_column + g->n_unread_column;
	} else if (type == CG_RECORD_TASKS) {
		b->tasks += ((const Cgtree__Image__Tasks *)message)->n_task;
	}
}

void hostile_start(struct builder *b, uint16_t minor)
{
	*b = (struct builder){.data = malloc(HOSTILE_ROOM), .len = CG_FRAME_HEADER_SIZE};
	assert_non_null(b->data);
	cg_frame_put_header(b->data, &(struct cg_frame_header){1, minor, 0, 0});
}

ProtobufCBinaryData hostile_text(const char *string)
{
	return (ProtobufCBinaryData){strlen(string), (uint8_t *)(uintptr_t)string};
}

void hostile_put_inventory(struct builder *b)
{
	Cgtree__Image__Inventory m = CGTREE__IMAGE__INVENTORY__INIT;

	hostile_put(b, CG_RECORD_INVENTORY, &m);
}

/* A v2 hierarchy with two files and a set of both. */
void hostile_put_hierarchy(struct builder *b)
{
	Cgtree__Image__Hierarchy h = CGTREE__IMAGE__HIERARCHY__INIT;
	Cgtree__Image__Knobs k = CGTREE__IMAGE__KNOBS__INIT;
	Cgtree__Image__Column c[2] = {CGTREE__IMAGE__COLUMN__INIT, CGTREE__IMAGE__COLUMN__INIT},
			      *cs[2] = {&c[0], &c[1]};
	Cgtree__Image__FileSet f = CGTREE__IMAGE__FILE_SET__INIT, *fs[1] = {&f};
	uint32_t all[2] = {0, 1};

	h.has_version = c[0].has_name = c[1].has_name = true;
	h.version = 2;
	c[0].name = hostile_text("cpu.max");
	c[1].name = hostile_text("memory.max");
	f.column = all;
	f.n_column = k.n_column = 2;
	k.n_file_set = 1;
	k.column = cs;
	k.file_set = fs;
	hostile_put(b, CG_RECORD_HIERARCHY, &h);
	hostile_put(b, CG_RECORD_KNOBS, &k);
}

Cgtree__Image__Group hostile_group(const char *name, uint32_t up)
{
	Cgtree__Image__Group g = CGTREE__IMAGE__GROUP__INIT;

	g.has_name = g.has_type = true;
	g.name = hostile_text(name);
	g.type = CGTREE__IMAGE__GROUP__TYPE__DOMAIN;
	g.up = up;
	g.has_up = up != 0;
	return g;
}

void hostile_put_group(struct builder *b, const char *name, uint32_t up)
{
	Cgtree__Image__Group g = hostile_group(name, up);

	hostile_put(b, CG_RECORD_GROUP, &g);
}

void hostile_begin(struct builder *b)
{
	hostile_start(b, 0);
	hostile_put_inventory(b);
	hostile_put_hierarchy(b);
}

void hostile_finish(struct builder *b)
{
	Cgtree__Image__End end = CGTREE__IMAGE__END__INIT;
	XXH128_canonical_t digest;

	XXH128_canonicalFromHash(&digest, XXH3_128bits(b->data, b->len));
	end.has_records = end.has_groups = end.has_settings = end.has_tasks = end.has_bytes = end.has_digest =
		true;
	end.records = b->sequence;
	end.groups = b->groups;
	end.settings = b->settings;
	end.tasks = b->tasks;
	end.bytes = b->len;
	end.digest = (ProtobufCBinaryData){sizeof(digest.digest), digest.digest};
	hostile_put(b, CG_RECORD_END, &end);
	cg_frame_put_tail(b->data + b->len, b->len + CG_FRAME_TAIL_SIZE);
	b->len += CG_FRAME_TAIL_SIZE;
}

struct cg_tree *hostile_expect_read(struct builder *b)
{
	struct cg_tree *tree;

	hostile_finish(b);
	tree = sample_parse((struct cg_bytes){(char *)b->data, b->len});
	free(b->data);
	return tree;
}

void hostile_refused(struct cg_bytes image, enum cg_fault fault, const char *words)
{
	struct cg_error *err = NULL;
	struct cg_tree *tree = NULL;

	if (cg_image_parse(image, HOSTILE_MEMORY, &tree, NULL, &err) == 0)
		fail_msg("an image of %zu bytes was read: %s", image.len, words);
	assert_null(tree);
	if (err->fault != fault || !strstr(err->message, words))
		fail_msg("\"%s\" (%d) instead of \"%s\"", err->message, (int)err->fault, words);
	cg_error_free(err);
}

void hostile_expect_refused(struct builder *b, enum cg_fault fault, const char *words)
{
	hostile_finish(b);
	hostile_refused((struct cg_bytes){(char *)b->data, b->len}, fault, words);
	free(b->data);
}
