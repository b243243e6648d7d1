/* A chain of chunks; what does not fit a chunk gets one of its own, behind the current one. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define CHUNK ((size_t)64 << 10)

struct cg_arena_chunk {
	struct cg_arena_chunk *next;
	size_t used, size;
	alignas(max_align_t) char data[];
};

static struct cg_arena_chunk *new_chunk(size_t size)
{
	struct cg_arena_chunk *c;

	if (size > SIZE_MAX - sizeof(*c))
		return NULL;
	c = malloc(sizeof(*c) + size);
	if (!c)
		return NULL;
	c->next = NULL;
	c->used = 0;
	c->size = size;
	return c;
}

static void *take(struct cg_arena *a, size_t size, size_t alignment)
{
	struct cg_arena_chunk *c = a->chunks;
	size_t start = c ? (c->used + alignment - 1) & ~(alignment - 1) : 0;

	if (c && start <= c->size && size <= c->size - start) {
		c->used = start + size;
		a->used += size;
		return c->data + start;
	}
	c = new_chunk(size > CHUNK / 4 ? size : CHUNK);
	if (!c)
		return NULL;
	c->used = size;
	a->used += size;
	if (a->chunks && c->size == size) {
		c->next = a->chunks->next;
		a->chunks->next = c;
	} else {
		c->next = a->chunks;
		a->chunks = c;
	}
	return c->data;
}

void *cg_arena_alloc(struct cg_arena *a, size_t size)
{
	return take(a, size, alignof(max_align_t));
}

void *cg_arena_zalloc(struct cg_arena *a, size_t size)
{
	void *p = cg_arena_alloc(a, size);

	return p ? memset(p, 0, size) : NULL;
}

void *cg_arena_array(struct cg_arena *a, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		return NULL;
	return cg_arena_zalloc(a, bytes);
}

char *cg_arena_copy(struct cg_arena *a, const void *data, size_t len)
{
	char *p;

	if (len == SIZE_MAX)
		return NULL;
	p = take(a, len + 1, 1);
	if (!p)
		return NULL;
	if (len)
		memcpy(p, data, len);
	p[len] = '\0';
	return p;
}

char *cg_arena_string(struct cg_arena *a, const char *string)
{
	return cg_arena_copy(a, string, strlen(string));
}

bool cg_arena_keep(struct cg_arena *a, struct cg_bytes *b)
{
	const char *p = cg_arena_copy(a, b->data, b->len);

	if (!p)
		return false;
	b->data = p;
	return true;
}

void cg_arena_join(struct cg_arena *a, struct cg_arena *from)
{
	struct cg_arena_chunk *last = from->chunks;

	if (!last)
		return;
	while (last->next)
		last = last->next;
	last->next = a->chunks;
	a->chunks = from->chunks;
	a->used += from->used;
	*from = (struct cg_arena){0};
}

void cg_arena_free(struct cg_arena *a)
{
	while (a->chunks) {
		struct cg_arena_chunk *next = a->chunks->next;

		free(a->chunks);
		a->chunks = next;
	}
	a->used = 0;
}
