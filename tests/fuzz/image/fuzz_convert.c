/* Images as JSON, converted: to v1, to v2, back, and with each controller unbound and bound again. Whatever
 * tree comes in, what comes out is one that can be written, or there is an error; and what was converted goes
 * back to what it was. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "image/check.h"
#include "image/json.h"
#include "image/origin.h"
#include "model/diff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
	if (!truth)
		abort();
}

static void check(int r, const struct cg_tree *tree, struct cg_error *err)
{
	require((r < 0) == (err != NULL) && (r < 0) == (tree == NULL));
	require(!tree || cg_image_check(tree, NULL) == 0);
	cg_error_free(err);
}

static struct cg_tree *parse(struct cg_bytes json)
{
	struct cg_tree *tree = NULL;

	return cg_json_to_tree(json, &tree, NULL) < 0 ? NULL : tree;
}

static void go_back(
	struct cg_bytes json, const struct cg_tree *there, const struct cg_convert_options *o, int version)
{
	_cleanup_tree_ struct cg_tree *origin = parse(json), *wanted = parse(json), *back = NULL;
	_cleanup_losses_ struct cg_losses losses = {0};
	_cleanup_diff_ struct cg_diff d = {0};

	require(origin && wanted);
	require(cg_convert_back(there, &origin, o, version, &back, &losses, NULL) == 1);
	require(cg_diff_trees(wanted, back, 0, &d, NULL) == 0 && d.count == 0 && losses.count == 0);
}

static void convert(struct cg_bytes json, const struct cg_tree *tree, int version)
{
	_cleanup_(cg_arena_free) struct cg_arena arena = {0};
	_cleanup_losses_ struct cg_losses losses = {0};
	_cleanup_tree_ struct cg_tree *to = NULL;
	struct cg_convert_options o = {.translate.page_size = tree->inventory.page_size,
		.conflict = CG_CONFLICT_LEAF,
		.skip_unknown = true};
	struct cg_error *err = NULL;
	int r;

	require(cg_layout_of_version(tree, version, &arena, &o.layout, NULL) == 0);
	r = cg_convert(tree, &o, &to, &losses, &err);
	check(r, to, err);
	for (size_t i = 0; i < losses.count; i++) {
		_cleanup_text_ struct cg_text text = {0};

		cg_loss_text(&losses.item[i], &text);
		require(text.len > 0);
	}
	if (to)
		go_back(json, to, &o, version);
}

static void rebind(const struct cg_tree *tree)
{
	for (size_t i = 0; i < cg_controller_pair_count; i++) {
		_cleanup_tree_ struct cg_tree *without = NULL, *with = NULL;
		const char *name = cg_controller_pairs[i].v1;
		struct cg_error *err = NULL;
		int r;

		if (!cg_has_controller(tree, name))
			continue;
		r = cg_unbind(tree, name, &without, &err);
		check(r, without, err);
		err = NULL;
		if (r < 0)
			continue;
		r = cg_bind(without, name, tree, &with, &err);
		check(r, with, err);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct cg_bytes json = {(const char *)data, size};
	_cleanup_tree_ struct cg_tree *tree = parse(json);

	if (!tree)
		return 0;
	convert(json, tree, 1);
	convert(json, tree, 2);
	rebind(tree);
	return 0;
}
