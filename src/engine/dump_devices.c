/* Identities of the devices and interfaces that settings name by number or name, for they are called
 * otherwise on another host. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/dump_private.h"
#include "kernel/devices.h"
#include "kernel/links.h"
#include "model/device_rules.h"
#include "model/value.h"

static const struct cg_knob rules_of_a_program = {
	.grammar = CG_GRAMMAR_DEVICE_RULES, .key = CG_KEY_DEVICE}; /* that was assembled from them */

struct keys {
	struct cg_tree *tree;
	const struct cg_knob *knob;
	bool links;
};

static bool is_known(const struct cg_tree *tree, enum cg_device_kind kind, struct cg_bytes key)
{
	for (uint32_t i = 0; i < tree->devices; i++)
		if (tree->device[i].kind == kind && cg_bytes_is(key, tree->device[i].key))
			return true;
	return false;
}

static int add_device(
	struct cg_tree *tree, enum cg_device_kind kind, const char *key, const char *name, const char *stable)
{
	uint32_t i = cg_tree_add_device(tree);
	struct cg_device *d;

	if (i == CG_NONE)
		return -ENOMEM;
	d = &tree->device[i];
	*d = (struct cg_device){kind, cg_arena_string(&tree->arena, key), cg_arena_string(&tree->arena, name),
		cg_arena_string(&tree->arena, stable)};
	return d->key && d->name && d->stable ? 0 : -ENOMEM;
}

/* A block device by its number; one that is not there (any more) is kept with its number alone, or not at all
 * with only_stable. */
static int add_block(struct cg_tree *tree, struct cg_bytes key, bool only_stable)
{
	_cleanup_text_ struct cg_text number = {0}, name = {0}, stable = {0};
	int r;

	cg_text_add(&number, key.data, key.len);
	cg_text_adds(&name, "");
	cg_text_adds(&stable, "");
	if (number.failed || name.failed || stable.failed)
		return -ENOMEM;
	r = cg_block_identity(number.data, &name, &stable);
	if (r < 0) {
		cg_text_reset(&name);
		cg_text_reset(&stable);
	}
	if (r == -ENOMEM || name.failed || stable.failed)
		return -ENOMEM;
	if (only_stable && stable.len == 0)
		return 0;
	return add_device(tree, CG_DEVICE_BLOCK, number.data, name.data, stable.data);
}

static int see_key(void *context, struct cg_bytes key, struct cg_bytes line)
{
	struct keys *k = context;
	const bool rule = k->knob->grammar == CG_GRAMMAR_DEVICE_RULES;

	/* Rules name character devices too, and devices that need not exist. */
	if (rule && line.data[0] != 'b')
		return 0;
	if (k->knob->key == CG_KEY_LINK) {
		k->links = true;
		return 0;
	}
	if (!memchr(key.data, ':', key.len) || memchr(key.data, '*', key.len) ||
		is_known(k->tree, CG_DEVICE_BLOCK, key))
		return 0;
	return add_block(k->tree, key, rule);
}

static int see_value(struct keys *k, const struct cg_knob *knob, struct cg_bytes value)
{
	if (!knob || !value.data || (knob->key != CG_KEY_DEVICE && knob->key != CG_KEY_LINK))
		return 0;
	k->knob = knob;
	return cg_value_each_key(knob, value, see_key, k);
}

static int see_program(struct keys *k, const struct cg_program *p)
{
	_cleanup_text_ struct cg_text rules = {0};

	if (!cg_device_rules_recognise(p->instructions, &rules))
		return rules.failed ? -ENOMEM : 0;
	return see_value(k, &rules_of_a_program, (struct cg_bytes){rules.len ? rules.data : "", rules.len});
}

static int see_group(struct keys *k, const struct cg_group *g)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < g->settings; i++)
		r = see_value(k, k->tree->hierarchy[g->hierarchy].column[g->setting[i].column].knob,
			g->setting[i].value);
	for (uint16_t i = 0; r == 0 && i < g->programs; i++)
		r = see_program(k, &g->program[i]);
	return r;
}

static int add_link(void *context, const char *name, const char *stable)
{
	return add_device(context, CG_DEVICE_LINK, name, name, stable);
}

static int compare_devices(const void *a, const void *b)
{
	const struct cg_device *x = a, *y = b;

	return x->kind != y->kind ? (x->kind > y->kind) - (x->kind < y->kind) : strcmp(x->key, y->key);
}

int cg_dump_devices(struct cg_tree *tree, struct cg_error **err)
{
	struct keys k = {tree, NULL, false};
	int r = 0;

	for (uint16_t h = 0; h < tree->hierarchies; h++)
		for (uint16_t c = 0; r == 0 && c < tree->hierarchy[h].columns; c++)
			r = see_value(
				&k, tree->hierarchy[h].column[c].knob, tree->hierarchy[h].column[c].usual);
	for (uint32_t g = 0; r == 0 && g < tree->groups; g++)
		r = see_group(&k, &tree->group[g]);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot look up devices");
	r = k.links ? cg_links_each(add_link, tree, err) : 0;
	/* The kernel lists them in the order in which they were first named. */
	if (tree->devices > 1)
		qsort(tree->device, tree->devices, sizeof(*tree->device), compare_devices);
	return r;
}

/* Where a device of an image is here: by its stable identity (all of them, when several have it), or, without
 * one, under its number. */
static int find_block(struct cg_tree *live, const struct cg_device *wanted)
{
	_cleanup_text_ struct cg_text found = {0}, number = {0};
	struct cg_bytes rest, key;
	int r = -ENODEV;

	if (wanted->stable[0])
		r = cg_block_find(wanted->stable, &found);
	if (r == -ENOMEM || found.failed)
		return -ENOMEM;
	rest = (struct cg_bytes){found.data, found.len};
	while ((r == 0 || r == -ENOTUNIQ) && cg_bytes_word(&rest, &key)) {
		int e = 0;

		cg_text_reset(&number);
		cg_text_add(&number, key.data, key.len);
		if (number.failed)
			return -ENOMEM;
		if (!is_known(live, CG_DEVICE_BLOCK, key))
			e = add_device(live, CG_DEVICE_BLOCK, number.data, wanted->name, wanted->stable);
		if (e < 0)
			return e;
	}
	/* What is at the same number here may be another device: its own identity tells. */
	if (r == 0 || r == -ENOTUNIQ || cg_block_check(wanted->key) < 0 ||
		is_known(live, CG_DEVICE_BLOCK, cg_bytes_of(wanted->key)))
		return 0;
	return add_block(live, cg_bytes_of(wanted->key), false);
}

int cg_survey_devices(struct cg_tree *live, const struct cg_tree *image, struct cg_error **err)
{
	bool links = false;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < image->devices; i++) {
		if (image->device[i].kind == CG_DEVICE_BLOCK)
			r = find_block(live, &image->device[i]);
		links = links || image->device[i].kind == CG_DEVICE_LINK;
	}
	if (r < 0)
		return cg_error_errno(err, -r, "cannot look up devices");
	return links ? cg_links_each(add_link, live, err) : 0;
}
