/* CRIU's cgroup.img out of any bytes, with a group under another name: as it is, and behind a good head. What
 * was moved holds nothing more to move, and can be read again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/criu_move.h"

#define HEAD ((size_t)12)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void attempt(struct cg_bytes file)
{
	_cleanup_text_ struct cg_text root = {0}, first = {0}, second = {0};
	_cleanup_error_ struct cg_error *err = NULL, *other = NULL;
	size_t moved = 0, again = 0;

	if (cg_criu_namespace_root(file, &root, &other) < 0 && (!other || root.len))
		abort();
	if (cg_criu_move(file, "/job/a", "/b", &first, &moved, &err) < 0) {
		if (!err || first.len)
			abort();
		return;
	}
	if (cg_criu_move((struct cg_bytes){first.data, first.len}, "/job/a", "/b", &second, &again, NULL) <
			0 ||
		again != 0 || second.len != first.len || memcmp(second.data, first.data, first.len) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t head[3] = {0x54564319, 0x59383330, (uint32_t)(size - HEAD)};
	char *copy;

	attempt((struct cg_bytes){(const char *)data, size});
	if (size < HEAD)
		return 0;
	copy = malloc(size);
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	memcpy(copy, head, HEAD);
	attempt((struct cg_bytes){copy, size});
	free(copy);
	return 0;
}
