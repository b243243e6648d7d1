/* The undo as data: built step by step, named for people, and put into bytes. */
#include "engine/undo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/undo_format.h"

/* Makes room for one more object; false when memory is out. */
static bool grow(void **items, size_t *room, size_t count, size_t size)
{
	size_t more = *room ? *room * 2 : 16;
	void *p;

	if (count < *room)
		return true;
	if (count >= CG_NONE - 1)
		return false;
	p = reallocarray(*items, more, size);
	if (!p)
		return false;
	*items = p;
	*room = more;
	return true;
}

uint32_t cg_undo_add_hierarchy(struct cg_undo *undo, const struct cg_undo_hierarchy *h)
{
	void *items = undo->hierarchy;

	if (undo->hierarchies >= UINT16_MAX ||
		!grow(&items, &undo->hierarchy_room, undo->hierarchies, sizeof(*undo->hierarchy)))
		return CG_NONE;
	undo->hierarchy = items;
	undo->hierarchy[undo->hierarchies] = *h;
	return (uint32_t)undo->hierarchies++;
}

uint32_t cg_undo_add_place(struct cg_undo *undo, uint32_t hierarchy, uint32_t parent, const char *name)
{
	void *items = undo->place;

	if (!grow(&items, &undo->place_room, undo->places, sizeof(*undo->place)))
		return CG_NONE;
	undo->place = items;
	undo->place[undo->places] = (struct cg_undo_place){
		.parent = parent,
		.hierarchy = (uint16_t)hierarchy,
		.depth = parent == CG_NONE ? 0 : (uint16_t)(undo->place[parent].depth + 1),
		.name = name,
	};
	return (uint32_t)undo->places++;
}

struct cg_undo_step *cg_undo_add_step(struct cg_undo *undo, enum cg_undo_kind kind, uint32_t place)
{
	void *items = undo->step;
	struct cg_undo_step *s;

	if (!grow(&items, &undo->step_room, undo->steps, sizeof(*undo->step)))
		return NULL;
	undo->step = items;
	s = &undo->step[undo->steps++];
	*s = (struct cg_undo_step){.kind = (uint8_t)kind, .place = place, .origin = CG_NONE};
	return s;
}

void cg_undo_free(struct cg_undo *undo)
{
	cg_arena_free(&undo->arena);
	free(undo->hierarchy);
	free(undo->place);
	free(undo->step);
	*undo = (struct cg_undo){0};
}

static void add_names(const struct cg_undo *undo, uint32_t place, struct cg_text *t)
{
	const struct cg_undo_place *p = &undo->place[place];

	/* As deep as the tree, which is bounded (CG_DEPTH_MAX). */
	if (p->parent != CG_NONE)
		add_names(undo, p->parent, t);
	if (strcmp(p->name, ".") != 0) {
		cg_text_addc(t, '/');
		cg_text_adds(t, p->name);
	}
}

void cg_undo_path(const struct cg_undo *undo, uint32_t place, struct cg_text *t)
{
	const char *root = undo->hierarchy[undo->place[place].hierarchy].root;
	size_t before = t->len;

	if (strcmp(root, "/") != 0)
		cg_text_adds(t, root);
	add_names(undo, place, t);
	if (t->len == before)
		cg_text_addc(t, '/');
}

uint64_t cg_undo_checksum(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}

static void put(struct cg_text *t, uint64_t v, size_t bytes)
{
	unsigned char b[8];

	for (size_t i = 0; i < bytes; i++)
		b[i] = (unsigned char)(v >> (8 * i));
	cg_text_add(t, b, bytes);
}

static void put_bytes(struct cg_text *t, struct cg_bytes b)
{
	if (b.len > UINT32_MAX)
		t->failed = true;
	put(t, b.len, 4);
	cg_text_add(t, b.data, b.len);
}

/* A value or its absence. */
static void put_optional(struct cg_text *t, struct cg_bytes b)
{
	put(t, b.data != NULL, 1);
	if (b.data)
		put_bytes(t, b);
}

static void put_owner(struct cg_text *t, const struct cg_owner *o)
{
	put(t, o->uid, 4);
	put(t, o->gid, 4);
	put(t, o->mode, 2);
}

static void put_programs(struct cg_text *t, const struct cg_bpf *p, uint32_t count)
{
	put(t, count, 4);
	for (uint32_t i = 0; i < count; i++) {
		put(t, p[i].id, 4);
		put(t, p[i].attach_flags, 4);
		put(t, p[i].program_type, 4);
		put(t, p[i].gpl, 1);
		put_bytes(t, cg_bytes_of(p[i].name));
		put_bytes(t, p[i].tag);
		put_bytes(t, p[i].instructions);
	}
}

static void put_step(struct cg_text *t, const struct cg_undo_step *s)
{
	put(t, s->kind, 1);
	put(t, s->place, 4);
	switch ((enum cg_undo_kind)s->kind) {
	case CG_UNDO_GROUP:
		break;
	case CG_UNDO_VALUE:
		put_bytes(t, cg_bytes_of(s->file));
		put_bytes(t, s->from);
		put_optional(t, s->to);
		break;
	case CG_UNDO_OWNER:
		put_bytes(t, cg_bytes_of(s->file));
		put_owner(t, &s->before);
		put_owner(t, &s->after);
		break;
	case CG_UNDO_XATTR:
		put_bytes(t, cg_bytes_of(s->file));
		put_optional(t, s->from);
		put_optional(t, s->to);
		break;
	case CG_UNDO_TASK:
		put(t, s->whole, 1);
		put(t, (uint32_t)s->id, 4);
		put(t, s->start_time, 8);
		put(t, s->origin, 4);
		break;
	case CG_UNDO_PROGRAMS:
		put(t, s->attach_type, 4);
		put_programs(t, s->was, s->was_count);
		put_programs(t, s->is, s->is_count);
		break;
	}
}

void cg_undo_encode(const struct cg_undo *undo, struct cg_text *t)
{
	size_t start = t->len;

	cg_text_adds(t, CG_UNDO_MAGIC);
	put_bytes(t, cg_bytes_of(undo->boot));
	put(t, undo->hierarchies, 4);
	put(t, undo->places, 4);
	put(t, undo->steps, 4);
	for (size_t i = 0; i < undo->hierarchies; i++) {
		const struct cg_undo_hierarchy *h = &undo->hierarchy[i];

		put(t, h->version, 1);
		put(t, h->device, 8);
		put(t, h->inode, 8);
		put_bytes(t, cg_bytes_of(h->label));
		put_bytes(t, cg_bytes_of(h->root));
	}
	for (size_t i = 0; i < undo->places; i++) {
		const struct cg_undo_place *p = &undo->place[i];

		put(t, p->hierarchy, 4);
		put(t, p->parent, 4);
		put(t, p->made, 1);
		put(t, p->inode, 8);
		put_bytes(t, cg_bytes_of(p->name));
	}
	for (size_t i = 0; i < undo->steps; i++)
		put_step(t, &undo->step[i]);
	if (!t->failed)
		put(t, cg_undo_checksum(t->data + start, t->len - start), 8);
}
