/* See device_keys.h. Few devices are named in settings, so they are looked up one by one. */
#include "model/device_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/device_rules.h"
#include "model/value.h"

/* The key in b of a device of a; NULL when there is none, or several. */
static const char *find(const struct cg_tree *b, const struct cg_device *d)
{
	const char *found = NULL;

	for (uint32_t i = 0; i < b->devices; i++) {
		if (b->device[i].kind != d->kind || strcmp(b->device[i].stable, d->stable) != 0)
			continue;
		if (strcmp(b->device[i].key, d->key) == 0)
			return d->key;
		if (found)
			return NULL;
		found = b->device[i].key;
	}
	return found;
}

int cg_device_keys_make(const struct cg_tree *a, const struct cg_tree *b, struct cg_device_keys *ret)
{
	struct cg_device_keys k = {.item = calloc(a->devices + 1u, sizeof(*k.item))};

	if (!k.item)
		return -ENOMEM;
	for (uint32_t i = 0; i < a->devices; i++) {
		const struct cg_device *d = &a->device[i];
		const char *to = d->stable[0] ? find(b, d) : NULL;

		if (to && strcmp(to, d->key) != 0)
			k.item[k.count++] = (struct cg_device_key){d->kind, d->key, to};
	}
	*ret = k;
	return 0;
}

void cg_device_keys_free(struct cg_device_keys *keys)
{
	free(keys->item);
	*keys = (struct cg_device_keys){0};
}

struct mapping {
	const struct cg_device_keys *keys;
	enum cg_device_kind kind;
	bool changed;
};

static int map_key(void *context, struct cg_bytes key, struct cg_bytes *ret)
{
	struct mapping *m = context;

	for (size_t i = 0; i < m->keys->count; i++)
		if (m->keys->item[i].kind == m->kind && cg_bytes_is(key, m->keys->item[i].a)) {
			*ret = cg_bytes_of(m->keys->item[i].b);
			m->changed = true;
			return 1;
		}
	return 0;
}

static int map_rule(void *context, char kind, struct cg_bytes key, struct cg_bytes *ret)
{
	return kind == 'b' ? map_key(context, key, ret) : 0;
}

static int finish(
	const struct mapping *m, struct cg_text *scratch, struct cg_bytes value, struct cg_bytes *ret)
{
	*ret = m->changed ? (struct cg_bytes){scratch->len ? scratch->data : "", scratch->len} : value;
	return scratch->failed ? -ENOMEM : 0;
}

int cg_device_keys_rules(const struct cg_device_keys *keys, struct cg_bytes rules, struct cg_text *scratch,
	struct cg_bytes *ret)
{
	struct mapping m = {keys, CG_DEVICE_BLOCK, false};
	int r;

	cg_text_reset(scratch);
	r = cg_device_rules_map(rules, map_rule, &m, scratch);
	return r < 0 ? r : finish(&m, scratch, rules, ret);
}

int cg_device_keys_value(const struct cg_device_keys *keys, const struct cg_knob *knob, struct cg_bytes value,
	struct cg_text *scratch, struct cg_bytes *ret)
{
	struct mapping m = {keys, CG_DEVICE_BLOCK, false};
	int r;

	*ret = value;
	if (keys->count == 0 || !knob || (knob->key != CG_KEY_DEVICE && knob->key != CG_KEY_LINK))
		return 0;
	if (knob->grammar == CG_GRAMMAR_DEVICE_RULES)
		return cg_device_keys_rules(keys, value, scratch, ret);
	m.kind = knob->key == CG_KEY_LINK ? CG_DEVICE_LINK : CG_DEVICE_BLOCK;
	cg_text_reset(scratch);
	r = cg_value_map_keys(knob, value, map_key, &m, scratch);
	return r < 0 ? r : finish(&m, scratch, value, ret);
}
