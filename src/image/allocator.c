/* Blocks in a list, handed out from the front of the newest: see allocator.h. */
#include "image/allocator.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#define BLOCK ((size_t)64 << 10)

struct cg_scratch_block {
	struct cg_scratch_block *next;
	size_t used, size;
	alignas(max_align_t) char data[];
};

bool cg_budget_charge(struct cg_budget *b, size_t size)
{
	if (size > b->limit - b->used) {
		b->exceeded = true;
		return false;
	}
	b->used += size;
	return true;
}

void cg_budget_release(struct cg_budget *b, size_t size)
{
	b->used -= size;
}

static bool new_block(struct cg_scratch *s, size_t size)
{
	struct cg_scratch_block *b;

	if (size < BLOCK)
		size = BLOCK;
	if (size > SIZE_MAX - sizeof(*b) || !cg_budget_charge(s->budget, size))
		return false;
	b = malloc(sizeof(*b) + size);
	if (!b) {
		cg_budget_release(s->budget, size);
		s->failed = true;
		return false;
	}
	b->next = s->blocks;
	b->used = 0;
	b->size = size;
	s->blocks = b;
	return true;
}

static void drop_block(struct cg_scratch *s)
{
	struct cg_scratch_block *b = s->blocks;

	s->blocks = b->next;
	cg_budget_release(s->budget, b->size);
	free(b);
}

void *cg_scratch_alloc(struct cg_scratch *s, size_t size)
{
	struct cg_scratch_block *b = s->blocks;
	char *p;

	if (size > SIZE_MAX - alignof(max_align_t))
		return NULL;
	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (!b || size > b->size - b->used) {
		if (!new_block(s, size))
			return NULL;
		b = s->blocks;
	}
	p = b->data + b->used;
	b->used += size;
	return p;
}

void *cg_scratch_array(struct cg_scratch *s, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		return NULL;
	return cg_scratch_alloc(s, bytes);
}

static void *protobuf_alloc(void *data, size_t size)
{
	return cg_scratch_alloc(data, size);
}

static void protobuf_free(void *data, void *pointer)
{
	(void)data;
	(void)pointer;
}

void cg_scratch_init(struct cg_scratch *s, struct cg_budget *budget)
{
	*s = (struct cg_scratch){{protobuf_alloc, protobuf_free, s}, budget, NULL, false};
}

void cg_scratch_reset(struct cg_scratch *s)
{
	while (s->blocks && s->blocks->next)
		drop_block(s);
	if (s->blocks)
		s->blocks->used = 0;
}

void cg_scratch_free(struct cg_scratch *s)
{
	while (s->blocks)
		drop_block(s);
}
