/* Documents out of any bytes. One that is taken must give the same document again after another round. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_tree_ struct cg_tree *tree = NULL, *again = NULL;
	_cleanup_text_ struct cg_text first = {0}, second = {0};
	_cleanup_error_ struct cg_error *err = NULL;

	if (cg_json_to_tree((struct cg_bytes){(const char *)data, size}, &tree, &err) < 0) {
		if (tree || !err)
			abort();
		return 0;
	}
	if (cg_json_from_tree(tree, true, &first, NULL) < 0 ||
		cg_json_to_tree((struct cg_bytes){first.data, first.len}, &again, NULL) < 0 ||
		cg_json_from_tree(again, true, &second, NULL) < 0 || first.len != second.len ||
		memcmp(first.data, second.data, first.len) != 0)
		abort();
	return 0;
}
