/* Any bytes as an undo record: parsed or refused with an error; what was parsed is consistent, can be named,
 * and is written again as it was. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/undo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The checksum would keep almost every change out: it is made right, so that what stands behind it is tried.
 */
static void mend(uint8_t *copy, size_t size)
{
	uint64_t h = 0xcbf29ce484222325u;

	if (size < 8)
		return;
	for (size_t i = 0; i < size - 8; i++)
		h = (h ^ copy[i]) * 0x100000001b3u;
	for (size_t i = 0; i < 8; i++)
		copy[size - 8 + i] = (uint8_t)(h >> (8 * i));
}

static void check(const struct cg_undo *u, struct cg_bytes record)
{
	_cleanup_text_ struct cg_text t = {0};

	for (size_t i = 0; i < u->places; i++) {
		if (u->place[i].hierarchy >= u->hierarchies || u->place[i].depth > CG_DEPTH_MAX)
			abort();
		cg_text_reset(&t);
		cg_undo_path(u, (uint32_t)i, &t);
		if (t.failed || t.data[0] != '/')
			abort();
	}
	for (size_t i = 0; i < u->steps; i++)
		if (u->step[i].place >= u->places ||
			(u->step[i].kind == CG_UNDO_TASK && u->step[i].origin >= u->places))
			abort();
	cg_text_reset(&t);
	cg_undo_encode(u, &t);
	/* A tail may follow. */
	if (t.failed || t.len > record.len || memcmp(t.data, record.data, t.len) != 0)
		abort();
}

static void run(struct cg_bytes record)
{
	_cleanup_undo_ struct cg_undo u = {0};
	struct cg_error *err = NULL;
	int r = cg_undo_parse(record, &u, &err);

	if ((r < 0) != (err != NULL) || (r < 0 && u.steps != 0))
		abort();
	if (r == 0)
		check(&u, record);
	cg_error_free(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);

	if (!copy)
		return 0;
	run((struct cg_bytes){(const char *)data, size});
	memcpy(copy, data, size);
	mend(copy, size);
	run((struct cg_bytes){(const char *)copy, size});
	free(copy);
	return 0;
}
