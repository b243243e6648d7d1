/* Devices and interfaces are called otherwise on another host: an identity that stays leads from the image's
 * key to the one here. The live tree lists what the host has; where nobody looked (devices_known is not set
 * and nothing of a kind is listed) keys are kept. */
#include "engine/plan_private.h"

#include <errno.h>
#include <string.h>

#include "model/device_rules.h"
#include "model/value.h"

static const char *option_for(const struct cg_plan_options *o, struct cg_bytes key)
{
	const char *to = NULL;

	for (size_t i = 0; i < o->devices; i++)
		if (cg_bytes_is(key, o->device[i].from))
			to = o->device[i].to;
	return to;
}

static const struct cg_device *live_by_key(
	const struct cg_planner *p, enum cg_device_kind kind, struct cg_bytes key)
{
	for (uint32_t i = 0; i < p->live->devices; i++)
		if (p->live->device[i].kind == kind && cg_bytes_is(key, p->live->device[i].key))
			return &p->live->device[i];
	return NULL;
}

/* Finds a device of the image here. Of several with one identity (paths of a disk) the one with the same key
 * is it, else nobody can tell. One that has no identity is it when it has the same key. */
static struct cg_device_pair find_here(const struct cg_planner *p, const struct cg_device *d)
{
	const struct cg_device *same = live_by_key(p, d->kind, cg_bytes_of(d->key));
	struct cg_device_pair pair = {.device = d};

	if (d->stable[0] == '\0' || (same && strcmp(same->stable, d->stable) == 0)) {
		pair.here = same ? same->key : NULL;
		return pair;
	}
	for (uint32_t i = 0; i < p->live->devices; i++) {
		const struct cg_device *l = &p->live->device[i];

		if (l->kind != d->kind || strcmp(l->stable, d->stable) != 0)
			continue;
		pair.several = pair.here || pair.several;
		pair.here = pair.several ? NULL : l->key;
	}
	return pair;
}

static int compare_pairs(const void *a, const void *b)
{
	const struct cg_device *x = ((const struct cg_device_pair *)a)->device;
	const struct cg_device *y = ((const struct cg_device_pair *)b)->device;

	return x->kind == y->kind ? strcmp(x->key, y->key) : (int)x->kind - (int)y->kind;
}

int cg_plan_devices(struct cg_planner *p, struct cg_error **err)
{
	for (enum cg_device_kind k = CG_DEVICE_BLOCK; k <= CG_DEVICE_LINK; k++)
		p->knows_devices[k] = p->options->devices_known && k != CG_DEVICE_CHAR;
	for (uint32_t i = 0; i < p->live->devices; i++)
		if (p->live->device[i].kind <= CG_DEVICE_LINK)
			p->knows_devices[p->live->device[i].kind] = true;
	p->device = cg_plan_array(p, p->image->devices, sizeof(*p->device));
	if (p->oom)
		return cg_error_oom(err);
	for (uint32_t i = 0; i < p->image->devices; i++) {
		p->device[i] = find_here(p, &p->image->device[i]);
	}
	qsort(p->device, p->image->devices, sizeof(*p->device), compare_pairs);
	return 0;
}

static const struct cg_device_pair *find_pair(
	const struct cg_planner *p, enum cg_device_kind kind, struct cg_bytes key)
{
	size_t low = 0, high = p->image->devices;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct cg_device *d = p->device[middle].device;
		int c = d->kind == kind ? cg_bytes_compare(cg_bytes_of(d->key), key)
					: (int)d->kind - (int)kind;

		if (c == 0)
			return &p->device[middle];
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static void refuse_missing(struct cg_planner *p, uint32_t place, const char *name,
	const struct cg_device_pair *pair, struct cg_bytes key, enum cg_device_kind kind)
{
	const char *stable = pair ? pair->device->stable : "";
	const char *what = kind == CG_DEVICE_LINK ? "interface" : "device";
	_cleanup_text_ struct cg_text identity = {0};

	cg_text_escape(&identity, cg_bytes_of(stable));
	if (stable[0] && identity.failed)
		p->oom = true;
	else if (pair && pair->several)
		cg_plan_refuse(p, p->plan->place[place].mode, place, cg_plan_subject(p, name, key),
			"say which one it is with --device-map", ENOTUNIQ, "several %ss here are %s", what,
			identity.data);
	else
		cg_plan_refuse(p, p->plan->place[place].mode, place, cg_plan_subject(p, name, key),
			"say what it is called here with --device-map", ENODEV, "no such %s here%s%s%s", what,
			stable[0] ? " (" : "", stable[0] ? identity.data : "", stable[0] ? ")" : "");
}

/* One value on its way. */
struct mapping {
	struct cg_planner *p;
	const struct cg_column_plan *column;
	uint32_t place;
	enum cg_device_kind kind;
	bool changes;
};

/* The key here: 1, *ret; 0 when it stays; -ENODEV. */
static int map_key(void *context, struct cg_bytes key, struct cg_bytes *ret)
{
	struct mapping *m = context;
	const char *to = option_for(m->p->options, key);
	const struct cg_device_pair *pair;

	if (!to && !m->p->knows_devices[m->kind])
		return 0;
	pair = to ? NULL : find_pair(m->p, m->kind, key);
	if (pair)
		to = pair->here;
	else if (!to && live_by_key(m->p, m->kind, key))
		return 0;
	if (!to)
		return -ENODEV;
	*ret = cg_bytes_of(to);
	return cg_bytes_equal(*ret, key) ? 0 : 1;
}

static int see_entry(void *context, struct cg_bytes key, struct cg_bytes line)
{
	struct mapping *m = context;
	struct cg_bytes to;
	int r = map_key(m, key, &to);

	if (r != 0)
		m->changes = true;
	/* What says "no limit" is not missed. */
	if (r == -ENODEV && !cg_value_same(m->column->knob, line, CG_BYTES(""), m->column->unit))
		refuse_missing(m->p, m->place, m->column->name, find_pair(m->p, m->kind, key), key, m->kind);
	return 0;
}

/* The lines of device rules. */
struct rules {
	struct cg_planner *p;
	uint32_t place;
	const char *name;
	bool changes;
};

/* Rules name devices of both kinds, also ones that need not exist, and all of a kind: what the map says, and
 * block devices whose identity the image knows, are called as they are here. A rule about a disk that is not
 * here is not kept, for what has its number now is another. */
static int map_rule(void *context, char kind, struct cg_bytes key, struct cg_bytes *ret)
{
	struct rules *r = context;
	struct cg_planner *p = r->p;
	const char *to = option_for(p->options, key);
	const struct cg_device_pair *pair = NULL;

	if (!to && kind == 'b' && p->knows_devices[CG_DEVICE_BLOCK])
		pair = find_pair(p, CG_DEVICE_BLOCK, key);
	if (pair && pair->device->stable[0]) {
		to = pair->here;
		if (!to) {
			r->changes = true;
			refuse_missing(p, r->place, r->name, pair, key, CG_DEVICE_BLOCK);
			return -ENODEV;
		}
	}
	if (!to || cg_bytes_is(key, to))
		return 0;
	r->changes = true;
	*ret = cg_bytes_of(to);
	return 1;
}

struct cg_bytes cg_plan_map_rules(
	struct cg_planner *p, uint32_t place, const char *name, struct cg_bytes rules)
{
	struct rules r = {.p = p, .place = place, .name = name};
	_cleanup_text_ struct cg_text t = {0};
	struct cg_bytes b;

	if (cg_device_rules_map(rules, map_rule, &r, &t) < 0)
		p->oom = true;
	b = (struct cg_bytes){t.data ? t.data : "", t.len};
	if (r.changes && !cg_arena_keep(&p->plan->arena, &b))
		p->oom = true;
	return r.changes ? b : rules;
}

struct cg_bytes cg_plan_map_devices(
	struct cg_planner *p, uint32_t place, const struct cg_column_plan *c, struct cg_bytes value)
{
	struct mapping m = {.p = p,
		.column = c,
		.place = place,
		.kind = c->knob->key == CG_KEY_LINK ? CG_DEVICE_LINK : CG_DEVICE_BLOCK};
	_cleanup_text_ struct cg_text t = {0};
	struct cg_bytes b;

	if (value.len == 0)
		return value;
	if (c->knob->grammar == CG_GRAMMAR_DEVICE_RULES)
		return cg_plan_map_rules(p, place, c->name, value);
	if (cg_value_each_key(c->knob, value, see_entry, &m) < 0)
		p->oom = true;
	if (!m.changes)
		return value;
	if (cg_value_map_keys(c->knob, value, map_key, &m, &t) < 0)
		p->oom = true;
	b = (struct cg_bytes){t.data ? t.data : "", t.len};
	if (t.failed || !cg_arena_keep(&p->plan->arena, &b))
		p->oom = true;
	return b;
}
