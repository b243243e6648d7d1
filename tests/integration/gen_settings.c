/* Settings of a generated group: for each file that the catalogue calls a setting a sample, now and then;
 * always as long as none was taken in this hierarchy. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gentree.h"
#include "model/value.h"

/* Settings that may well be refused in every group. */
static const struct {
	const char *name;
	int version; /* 0: both */
	bool others; /* only where other groups are not ours to disturb */
	const char *reason;
} excused[] = {
	{"cpuset.cpu_exclusive", 1, true, "would take cpus from other groups of this host"},
	{"cpuset.mem_exclusive", 1, true, "would take memory nodes from other groups of this host"},
	{"cpuset.cpus.partition", 2, true, "would take cpus from other groups of this host"},
	{"cpuset.cpus.exclusive", 2, true, "would take cpus from other groups of this host"},
	{"cpu.rt_runtime_us", 1, true, "the root's real-time budget may be used up by other groups"},
	{"misc.max", 0, false, "this host has no such resource"},
	{"rdma.max", 0, false, "this host has no such resource"},
	{"dmem.max", 0, false, "this host has no such resource"},
	{"dmem.low", 0, false, "this host has no such resource"},
	{"dmem.min", 0, false, "this host has no such resource"},
};

static const char *excuse(const struct gen *g, const struct outcome *o)
{
	if (o->knob->flags & CG_KNOB_DEPRECATED)
		return "deprecated: kernels refuse or ignore it";
	if (o->why && (o->knob->key == CG_KEY_OTHER))
		return o->why;
	if (o->why && o->knob->key == CG_KEY_DEVICE && g->devices == 0)
		return o->why;
	for (size_t i = 0; i < CG_ARRAY_SIZE(excused); i++)
		if (strcmp(excused[i].name, o->name) == 0 &&
			(excused[i].version == 0 || excused[i].version == g->hierarchy->version) &&
			(!excused[i].others || !g->alone))
			return excused[i].reason;
	return NULL;
}

/* Not to be tried at all, for it would reach beyond our own groups. */
static bool is_others_concern(const struct gen *g, const char *name)
{
	for (size_t i = 0; !g->alone && i < CG_ARRAY_SIZE(excused); i++)
		if (excused[i].others && strcmp(excused[i].name, name) == 0)
			return true;
	return false;
}

struct files {
	struct gen *gen;
	struct outcome *item[128];
	size_t count;
};

static struct outcome *outcome_of(struct gen *g, const struct cg_knob *knob, const char *name)
{
	struct outcome *o;

	for (size_t i = 0; i < g->outcomes; i++)
		if (strcmp(g->outcome[i].name, name) == 0)
			return &g->outcome[i];
	if (g->outcomes == CG_ARRAY_SIZE(g->outcome) || strlen(name) >= sizeof(o->name))
		return NULL;
	o = &g->outcome[g->outcomes++];
	*o = (struct outcome){.knob = knob};
	(void)strcpy(o->name, name);
	return o;
}

static int collect(const char *name, unsigned char type, void *context)
{
	struct files *f = context;
	const struct cg_knob *knob = cg_knob_find(name, f->gen->hierarchy->version);

	if (type == DT_DIR || !knob)
		return 0;
	f->gen->known[knob - cg_knob_table] = true;
	/* Type and controllers are the tree's own matter. */
	if (knob->kind != CG_KNOB_SETTING || (knob->flags & CG_KNOB_ALIAS) || knob->phase == CG_PHASE_TYPE ||
		knob->phase == CG_PHASE_CONTROLLERS)
		return 0;
	if (f->count == CG_ARRAY_SIZE(f->item))
		return -E2BIG;
	f->item[f->count] = outcome_of(f->gen, knob, name);
	return f->item[f->count++] ? 0 : -E2BIG;
}

static int by_order(const void *a, const void *b)
{
	const struct outcome *x = *(struct outcome *const *)a, *y = *(struct outcome *const *)b;

	if (x->knob->phase != y->knob->phase)
		return x->knob->phase < y->knob->phase ? -1 : 1;
	if (x->knob->order != y->knob->order)
		return x->knob->order < y->knob->order ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int write_one(void *context, const char *file, struct cg_bytes value)
{
	return cg_write_at(*(const int *)context, file, value);
}

static struct cg_bytes bytes_of(const struct cg_text *t)
{
	return (struct cg_bytes){t->data ? t->data : "", t->len};
}

/* Limits on groups that just fit what is there; and v1 cpus and nodes, without which nothing below works. */
static bool add_fitting(struct gen *g, const struct node *n, const char *name, struct cg_text *t)
{
	if (strcmp(name, "cgroup.max.depth") == 0 && gen_chance(&g->random, 50)) {
		cg_text_printf(t, "%u", n->height);
		return true;
	}
	if (strcmp(name, "cgroup.max.descendants") == 0 && gen_chance(&g->random, 50)) {
		cg_text_printf(t, "%u", n->descendants);
		return true;
	}
	return false;
}

/* v1 groups have neither cpus nor nodes in the beginning; v2 partitions need a cpu that the root can spare.
 */
static int add_cpuset(struct gen *g, size_t node, const char *name, struct cg_text *t)
{
	const struct node *n = &g->node[node];
	const bool nodes = strcmp(name, "cpuset.mems") == 0, cpus = strcmp(name, "cpuset.cpus") == 0;
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_ranges_ struct cg_ranges ranges = {0};
	struct cg_bytes all;
	int r;

	/* The top may be a partition of its own. Exclusive cpus are others than those that groups get: the
	 * kernel takes a group's own within its sibling's exclusive ones in one order of writing only. */
	if (g->hierarchy->version == 2 && g->alone &&
		((cpus && node == 0) || strcmp(name, "cpuset.cpus.exclusive") == 0)) {
		cg_text_adds(t, "1");
		return 1;
	}
	if (g->hierarchy->version == 2 || !(nodes || cpus))
		return 0;
	r = cg_read_at(node == 0 ? g->hierarchy->root_fd : g->node[n->parent].fd, name, true, &b);
	if (r < 0)
		return r;
	all = cg_bytes_trim((struct cg_bytes){b.data, b.len});
	r = all.len ? cg_parse_ranges(all, &ranges) : 0;
	if (r < 0)
		return r;
	if (cpus && node > 3 && ranges.count && gen_chance(&g->random, 40))
		cg_text_printf(t, "%u",
			gen_random(&g->random, 2) ? ranges.item[0].first
						  : ranges.item[ranges.count - 1].last);
	else
		cg_text_add(t, all.data, all.len);
	return 1;
}

static int add_value(
	struct gen *g, size_t node, struct outcome *o, struct cg_bytes current, struct cg_text *t)
{
	int r = add_cpuset(g, node, o->name, t);

	if (r != 0)
		return r;
	if (add_fitting(g, &g->node[node], o->name, t))
		return 1;
	if (g->devices)
		memcpy(g->host.device, g->device[gen_random(&g->random, (uint32_t)g->devices)],
			sizeof(g->host.device));
	return sample_value(o->knob, o->name, &g->host, current, gen_random(&g->random, 10000), t, &o->why);
}

/* A further entry for each other device or interface, of a file that takes one a write. */
static void add_entries(struct gen *g, int fd, struct outcome *o)
{
	const bool link = o->knob->key == CG_KEY_LINK;

	if (o->knob->key != CG_KEY_DEVICE && !link)
		return;
	if (o->knob->grammar == CG_GRAMMAR_DEVICE_RULES)
		return;
	for (size_t i = 0; i < (link ? g->links : g->devices); i++) {
		_cleanup_text_ struct cg_text t = {0};

		if (gen_chance(&g->random, 40))
			continue;
		cg_text_printf(&t, "%s ", link ? g->link[i] : g->device[i]);
		if (o->knob->grammar == CG_GRAMMAR_NESTED)
			cg_text_printf(
				&t, "%s=", o->knob->words[gen_random(&g->random, 2) && o->knob->words[1]]);
		cg_text_printf(&t, "%u", 2 + gen_random(&g->random, 900));
		if (t.failed || cg_write_at(fd, o->name, bytes_of(&t)) < 0)
			o->entries_refused++;
		else
			o->entries++;
	}
}

static int try_setting(struct gen *g, size_t node, struct outcome *o)
{
	const uint64_t unit = cg_knob_unit(o->knob, o->name, g->ground->page_size);
	_cleanup_buffer_ struct cg_buffer b = {0}, after = {0};
	_cleanup_text_ struct cg_text t = {0};
	struct cg_bytes current, got;
	int fd = g->node[node].fd, r = setting_read(o->knob, o->name, fd, &b, &current);

	/* A group that is no valid domain refuses to be read, too. */
	if (r < 0) {
		o->refused++;
		o->code = -r;
		return 0;
	}
	r = add_value(g, node, o, current, &t);
	if (r <= 0 || t.failed)
		return t.failed ? -ENOMEM : r;
	if (cg_value_same(o->knob, current, bytes_of(&t), unit)) {
		o->same++;
		return 0;
	}
	r = cg_value_writes(o->knob, o->name, current, bytes_of(&t), write_one, &fd);
	if (r == -ENOMEM)
		return r;
	if (r == 0)
		r = setting_read(o->knob, o->name, fd, &after, &got);
	if (r == 0 && cg_value_same(o->knob, got, bytes_of(&t), unit)) {
		o->set++;
		add_entries(g, fd, o);
		return 0;
	}
	o->refused++;
	o->code = -r;
	return 0;
}

static unsigned percent(const struct gen *g, size_t node, const struct outcome *o)
{
	/* Without cpus and nodes no task can enter, and groups below can have none. */
	if (g->hierarchy->version == 1 &&
		(strcmp(o->name, "cpuset.cpus") == 0 || strcmp(o->name, "cpuset.mems") == 0))
		return node < 4 ? 100 : 85;
	if (o->knob->phase == CG_PHASE_LAST)
		return node == 0 ? 0 : o->set ? 12 : 60;
	return o->set ? 35 : 100;
}

int gen_settings(struct gen *g, size_t node, bool late)
{
	struct files f = {.gen = g};
	int r = cg_dir_each(g->node[node].fd, collect, &f);

	qsort(f.item, f.count, sizeof(f.item[0]), by_order);
	for (size_t i = 0; r == 0 && i < f.count; i++) {
		const struct cg_knob *k = f.item[i]->knob;
		/* What children inherit is now and then set before they exist. */
		const bool inherited = k->phase == CG_PHASE_AFTER_TASKS &&
				       k->default_kind == CG_DEFAULT_INHERIT && gen_chance(&g->random, 20);

		if (late != (k->phase >= CG_PHASE_AFTER_TASKS && !(inherited && !late)))
			continue;
		if (!is_others_concern(g, f.item[i]->name) &&
			gen_chance(&g->random, percent(g, node, f.item[i])))
			r = try_setting(g, node, f.item[i]);
	}
	return r;
}

static int keep_key(char (*keys)[32], size_t *count, const char *key, size_t len)
{
	if (len == 0 || len >= sizeof(keys[0]) || *count == KEYS_MAX)
		return 0;
	memcpy(keys[*count], key, len);
	keys[*count][len] = '\0';
	++*count;
	return 0;
}

static int find_link(const char *name, unsigned char type, void *context)
{
	struct gen *g = context;

	(void)type;
	return keep_key(g->link, &g->links, name, strlen(name));
}

/* Whole disks with a size, but for the one that the system runs from where there are others. */
static int find_device(const char *name, unsigned char type, void *context)
{
	struct gen *g = context;
	_cleanup_buffer_ struct cg_buffer size = {0}, number = {0};
	_cleanup_text_ struct cg_text path = {0};
	struct cg_bytes key;
	int r;

	(void)type;
	cg_text_printf(&path, "/sys/block/%s/size", name);
	r = path.failed ? -ENOMEM : cg_read_path_at(AT_FDCWD, path.data, &size);
	if (r < 0 || cg_bytes_is(cg_bytes_trim((struct cg_bytes){size.data, size.len}), "0"))
		return r == -ENOMEM ? r : 0;
	cg_text_reset(&path);
	cg_text_printf(&path, "/sys/block/%s/dev", name);
	r = path.failed ? -ENOMEM : cg_read_path_at(AT_FDCWD, path.data, &number);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	key = cg_bytes_trim((struct cg_bytes){number.data, number.len});
	return keep_key(g->device, &g->devices, key.data, key.len);
}

int gen_find_keys(struct gen *g)
{
	static const struct {
		const char *dir;
		cg_dir_fn *fn;
	} places[] = {{"/sys/block", find_device}, {"/sys/class/net", find_link}};
	int r = sample_host_read(&g->host);

	for (size_t i = 0; r == 0 && i < CG_ARRAY_SIZE(places); i++) {
		_cleanup_close_ int fd = open(places[i].dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0)
			r = cg_dir_each(fd, places[i].fn, g);
	}
	return r;
}

static void print_unset(const struct outcome *o, const char *reason)
{
	(void)printf("  never set: %s: ", o->name);
	if (o->refused)
		(void)printf("%s", o->code ? strerror(o->code) : "reads back otherwise");
	else
		(void)printf("%s", o->why ? o->why : "not tried");
	(void)printf("%s%s\n", reason == o->why ? "" : "; ",
		!reason            ? "NO REASON IS KNOWN"
		: reason == o->why ? ""
				   : reason);
}

unsigned gen_report(struct gen *g)
{
	unsigned set = 0, values = 0, refused = 0, entries = 0, unexplained = 0;

	for (size_t i = 0; i < g->outcomes; i++) {
		const struct outcome *o = &g->outcome[i];

		set += o->set > 0;
		values += o->set;
		refused += o->refused;
		entries += o->entries;
	}
	(void)printf(
		"%s v%d: %zu groups, %zu settings, %u of them set (%u values, %u more entries, %u tries refused), "
		"%u owners and modes, %u attributes (%u refused), %u tasks moved\n",
		g->hierarchy->mount_point, g->hierarchy->version, g->nodes, g->outcomes, set, values, entries,
		refused, g->owners, g->attributes, g->attributes_refused, g->moved);
	for (size_t i = 0; i < g->outcomes; i++) {
		const struct outcome *o = &g->outcome[i];

		if (o->set == 0) {
			const char *reason = excuse(g, o);

			print_unset(o, reason);
			unexplained += !reason;
		}
	}
	return unexplained;
}
