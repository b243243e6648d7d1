/* One device or interface under two names: where two trees know it by the same stable identity, values that
 * name it are compared by what they mean. */
#pragma once

#include "base/attributes.h"
#include "model/tree.h"

struct cg_device_keys {
	struct cg_device_key {
		enum cg_device_kind kind;
		const char *a, *b;
	} * item;
	size_t count;
};

/* The keys of a that are others in b. An identity that several have in b (paths of one disk) says nothing.
 * Points into the trees. 0 or -ENOMEM. */
int cg_device_keys_make(
	const struct cg_tree *a, const struct cg_tree *b, struct cg_device_keys *ret) CG_MUST_CHECK;
void cg_device_keys_free(struct cg_device_keys *keys);

/* A value of a with the keys of b: in the scratch text, or as it is where nothing in it is called otherwise.
 * 0 or -ENOMEM. */
int cg_device_keys_value(const struct cg_device_keys *keys, const struct cg_knob *knob, struct cg_bytes value,
	struct cg_text *scratch, struct cg_bytes *ret) CG_MUST_CHECK;
/* The same for rules of the device controller, whose block devices are meant. */
int cg_device_keys_rules(const struct cg_device_keys *keys, struct cg_bytes rules, struct cg_text *scratch,
	struct cg_bytes *ret) CG_MUST_CHECK;
