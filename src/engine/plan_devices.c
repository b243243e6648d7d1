/* Devices and interfaces are called otherwise on another host: an identity that stays leads from the image's
 * key to the one here. The live tree lists what the host has; where nobody looked (devices_known is not set
 * and nothing of a kind is listed) keys are kept. */
#include "engine/plan_private.h"

#include <errno.h>
#include <string.h>

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

/* The key here of a device of the image, NULL when it is missing. Of several with one identity (paths of a
 * disk) the one with the same key is it. */
static const char *find_here(const struct cg_planner *p, const struct cg_device *d)
{
	const struct cg_device *same = live_by_key(p, d->kind, cg_bytes_of(d->key)), *found = NULL;

	if (d->stable[0] == '\0' ||
		(same && (same->stable[0] == '\0' || strcmp(same->stable, d->stable) == 0)))
		return same ? same->key : NULL;
	for (uint32_t i = 0; !found && i < p->live->devices; i++)
		if (p->live->device[i].kind == d->kind && strcmp(p->live->device[i].stable, d->stable) == 0)
			found = &p->live->device[i];
	return found ? found->key : NULL;
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
		p->device[i].device = &p->image->device[i];
		p->device[i].here = find_here(p, &p->image->device[i]);
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
		cg_plan_refuse(m->p, m->p->plan->place[m->place].mode, m->place,
			cg_plan_subject(m->p, m->column->name, key),
			"say what it is called here with --device-map", ENODEV, "no such %s here",
			m->kind == CG_DEVICE_LINK ? "interface" : "device");
	return 0;
}

/* The lines of device rules. */
struct rules {
	struct cg_planner *p;
	uint32_t place;
	const char *subject;
	struct cg_text text;
	bool changes;
};

/* Rules name devices of both kinds, also ones that need not exist, and all of a kind: what the map says, and
 * block devices whose identity the image knows, are called as they are here. A rule about a disk that is not
 * here is not kept, for what has its number now is another. */
static int map_rule(void *context, struct cg_bytes key, struct cg_bytes line)
{
	struct rules *r = context;
	const char *to = option_for(r->p->options, key);
	const struct cg_device_pair *pair = NULL;
	size_t before = (size_t)(key.data - line.data);

	if (!to && line.data[0] == 'b' && r->p->knows_devices[CG_DEVICE_BLOCK])
		pair = find_pair(r->p, CG_DEVICE_BLOCK, key);
	if (pair && pair->device->stable[0] && !pair->here) {
		r->changes = true;
		cg_plan_refuse(r->p, r->p->plan->place[r->place].mode, r->place,
			cg_plan_subject(r->p, r->subject, line),
			"say what it is called here with --device-map", ENODEV, "no such device here (%s)",
			pair->device->stable);
		return 0;
	}
	if (pair && pair->device->stable[0])
		to = pair->here;
	if (to && !cg_bytes_is(key, to))
		r->changes = true;
	if (r->text.len > 0)
		cg_text_addc(&r->text, '\n');
	cg_text_add(&r->text, line.data, before);
	if (to)
		cg_text_adds(&r->text, to);
	else
		cg_text_add(&r->text, key.data, key.len);
	cg_text_add(&r->text, key.data + key.len, line.len - before - key.len);
	return 0;
}

struct cg_bytes cg_plan_map_rules(
	struct cg_planner *p, uint32_t place, const char *name, struct cg_bytes rules)
{
	static const struct cg_knob shape = {.grammar = CG_GRAMMAR_DEVICE_RULES, .key = CG_KEY_DEVICE};
	struct rules r = {.p = p, .place = place, .subject = name};
	struct cg_bytes b;

	if (cg_value_each_key(&shape, rules, map_rule, &r) < 0)
		p->oom = true;
	b = (struct cg_bytes){r.text.data ? r.text.data : "", r.text.len};
	if (r.text.failed || (r.changes && !cg_arena_keep(&p->plan->arena, &b)))
		p->oom = true;
	cg_text_free(&r.text);
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
