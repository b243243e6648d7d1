/* CRIU's images out of any bytes: the file as it is, and its message alone behind a good head, for a size
 * that a mutation breaks would keep it from the decoder. A tree that comes out must survive an export and
 * another import, and give the same bytes when it is exported again. So must the sets alone, which are read
 * and written without the groups. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/criu.h"

#define MEMORY ((size_t)64 << 20)
#define HEAD   ((size_t)12)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int ignore(void *context, const char *path, const char *knob, const char *text)
{
	(void)context;
	(void)path;
	(void)knob;
	(void)text;
	return 0;
}

static void attempt_sets(struct cg_bytes file)
{
	static const char *const label[] = {"cpu,cpuacct", "name=systemd", ""};
	_cleanup_criu_sets_ struct cg_criu_sets sets = {0}, again = {0};
	_cleanup_text_ struct cg_text first = {0}, second = {0};
	_cleanup_error_ struct cg_error *err = NULL;

	if (cg_criu_read_sets(file, MEMORY, &sets, &err) < 0) {
		if (sets.set || !err)
			abort();
		return;
	}
	if (cg_criu_write_sets(&sets, label, 3, &first, NULL) < 0 ||
		cg_criu_read_sets((struct cg_bytes){first.data, first.len}, 4 * MEMORY, &again, NULL) < 0 ||
		!again.rewritten || again.count != sets.count ||
		cg_criu_write_sets(&again, label, 3, &second, NULL) < 0 || first.len != second.len ||
		memcmp(first.data, second.data, first.len) != 0)
		abort();
}

static void attempt(struct cg_bytes file)
{
	_cleanup_tree_ struct cg_tree *tree = NULL, *again = NULL;
	_cleanup_text_ struct cg_text first = {0}, second = {0};
	_cleanup_error_ struct cg_error *err = NULL;

	attempt_sets(file);
	if (cg_criu_import(file, NULL, MEMORY, &tree, &err) < 0) {
		if (tree || !err)
			abort();
		return;
	}
	if (cg_criu_export(tree, ignore, NULL, &first, NULL) < 0 ||
		cg_criu_import((struct cg_bytes){first.data, first.len}, NULL, 4 * MEMORY, &again, NULL) <
			0 ||
		cg_criu_export(again, ignore, NULL, &second, NULL) < 0 || first.len != second.len ||
		memcmp(first.data, second.data, first.len) != 0)
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
