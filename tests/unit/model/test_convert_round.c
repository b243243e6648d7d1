/* Round trips over generated trees: merge after split is the identity; what is exact is equal, what is lossy
 * is named, and nothing else differs; with the origin at hand everything comes back. Each tree is told by its
 * seed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/convert.h"
#include "model/diff.h"
#include "model/value.h"
#include "unit/engine/build.h"

#define TREES 400

struct random {
	uint64_t state;
};

static unsigned below(struct random *r, unsigned n)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return (unsigned)(r->state >> 33) % n;
}

static bool often(struct random *r, unsigned percent)
{
	return below(r, 100) < percent;
}

/* v2: the files of each controller, and how a value is drawn. */
typedef void draw_fn(struct random *r, struct cg_text *t, bool lossy);

static void draw_weight(struct random *r, struct cg_text *t, bool lossy)
{
	(void)lossy;
	cg_text_printf(t, "cpu.weight=%u\n", 1 + below(r, 10000));
}

static void draw_max(struct random *r, struct cg_text *t, bool lossy)
{
	/* Without loss all have the same share, for v1 allows no child more than its parent. */
	if (lossy)
		cg_text_printf(t, "cpu.max=%u %u\n", 1000 + below(r, 200000), 1000 + below(r, 999000));
	else
		cg_text_adds(t, "cpu.max=50000 100000\n");
}

static void draw_idle(struct random *r, struct cg_text *t, bool lossy)
{
	(void)lossy;
	cg_text_printf(t, "cpu.idle=%u\n", below(r, 2));
}

static void draw_memory(struct random *r, struct cg_text *t, bool lossy)
{
	const unsigned pages = 1 + below(r, 100000);

	if (often(r, 70) || !lossy)
		cg_text_printf(t, "memory.max=%llu\n", 4096ULL * pages);
	if (often(r, 50))
		cg_text_printf(t, "memory.swap.max=%llu\n", 4096ULL * below(r, 100000));
}

static void draw_protection(struct random *r, struct cg_text *t, bool lossy)
{
	static const char *const names[] = {"memory.low", "memory.min", "memory.high"};

	if (lossy)
		cg_text_printf(t, "%s=%u\n", names[below(r, 3)], 4096 * below(r, 1000));
}

static void draw_pids(struct random *r, struct cg_text *t, bool lossy)
{
	(void)lossy;
	cg_text_printf(t, "pids.max=%u\n", below(r, 100000));
}

static void draw_io(struct random *r, struct cg_text *t, bool lossy)
{
	if (lossy && often(r, 30)) {
		cg_text_printf(t, "io.weight=default %u\n", 1 + below(r, 10000));
		return;
	}
	cg_text_printf(t, "io.max=8:%u rbps=%u wbps=max riops=max wiops=%u", 16 * below(r, 4),
		2 + below(r, 1000000), 2 + below(r, 1000));
	if (often(r, 30))
		cg_text_printf(t, "\\n254:0 rbps=max wbps=%u riops=max wiops=max", 2 + below(r, 1000000));
	cg_text_addc(t, '\n');
}

static void draw_pages(struct random *r, struct cg_text *t, bool lossy)
{
	(void)lossy;
	cg_text_printf(t, "hugetlb.2MB.max=%llu\n", 2097152ULL * below(r, 1000));
}

static const struct {
	const char *controller, *files;
	draw_fn *draw[3];
} v2_files[] = {
	{"cpu", "cpu.weight cpu.max cpu.max.burst cpu.idle", {draw_weight, draw_max, draw_idle}},
	{"memory", "memory.max memory.swap.max memory.low memory.min memory.high",
		{draw_memory, draw_protection}},
	{"pids", "pids.max", {draw_pids}},
	{"io", "io.max io.weight", {draw_io}},
	{"hugetlb", "hugetlb.2MB.max", {draw_pages}},
};
#define V2_FILES CG_ARRAY_SIZE(v2_files)
#define V2_HEAD                                                                                                                       \
	"kernel 6.1.0 page 4096\nhierarchy v2 cpu,io,memory,pids,hugetlb\nusual hugetlb.2MB.max=max\nusual cgroup.subtree_control=\n" \
	"usual cgroup.freeze=0\nusual cpu.weight=100\nusual cpu.max=max 100000\nusual cpu.max.burst=0\n"                              \
	"usual cpu.idle=0\nusual memory.max=max\nusual memory.swap.max=max\nusual memory.low=0\n"                                     \
	"usual memory.min=0\nusual memory.high=max\nusual pids.max=max\nusual io.max=\nusual io.weight=default 100\n"

static void add_v2_group(struct random *r, struct cg_text *t, const char *path, unsigned has, unsigned depth,
	bool lossy, int *pid)
{
	const unsigned children = depth < 3 ? below(r, 4) : 0;
	unsigned passes = 0;

	for (unsigned i = 0; children && i < V2_FILES; i++)
		if (has & 1U << i && often(r, 80))
			passes |= 1U << i;
	cg_text_printf(t, "group %s\nonly cgroup.subtree_control cgroup.freeze", path);
	for (unsigned i = 0; i < V2_FILES; i++)
		if (has & 1U << i)
			cg_text_printf(t, " %s", v2_files[i].files);
	cg_text_addc(t, '\n');
	if (passes)
		cg_text_adds(t, "cgroup.subtree_control=");
	for (unsigned i = 0, n = 0; i < V2_FILES; i++)
		if (passes & 1U << i)
			cg_text_printf(t, "%s%s", n++ ? " " : "", v2_files[i].controller);
	if (passes)
		cg_text_addc(t, '\n');
	if (often(r, 10))
		cg_text_adds(t, "cgroup.freeze=1\n");
	for (unsigned i = 0; i < V2_FILES; i++)
		for (unsigned d = 0; d < 3 && v2_files[i].draw[d]; d++)
			if (has & 1U << i && often(r, 40))
				v2_files[i].draw[d](r, t, lossy);
	if (often(r, 20))
		cg_text_printf(t, "owner %u:%u 755\n", below(r, 2000), below(r, 2000));
	if (often(r, 20))
		cg_text_printf(t, "xattr user.x=%u\n", below(r, 100));
	for (unsigned n = passes ? 0 : below(r, 3); n; n--, ++*pid)
		cg_text_printf(t, "task %d %d sleep\n", *pid, *pid);
	for (unsigned i = 0; i < children; i++) {
		char below_path[256];

		(void)snprintf(below_path, sizeof(below_path), "%s/%c", path, 'a' + (int)i);
		add_v2_group(r, t, below_path, passes, depth + 1, lossy, pid);
	}
}

/* Trees point into their text. */
static struct cg_tree *keep_and_build(struct cg_text *t)
{
	static char *kept[4 * TREES + 8];
	static size_t n;
	char *text = NULL;

	assert_int_equal(cg_text_take(t, &text), 0);
	for (size_t i = 0; i < n; i++)
		if (strcmp(kept[i], text) == 0) {
			free(text);
			return build_tree(kept[i]);
		}
	assert_true(n < CG_ARRAY_SIZE(kept));
	kept[n++] = text;
	return build_tree(text);
}

static struct cg_tree *v2_tree(uint64_t seed, bool lossy)
{
	struct random r = {seed * 0x9e3779b97f4a7c15u + 1};
	_cleanup_text_ struct cg_text t = {0};
	int pid = 100;

	cg_text_adds(&t, V2_HEAD);
	add_v2_group(&r, &t, "/job", 1 + below(&r, (1U << V2_FILES) - 1), 0, lossy, &pid);
	if (often(&r, 30))
		add_v2_group(&r, &t, "/other/deep", 1 + below(&r, (1U << V2_FILES) - 1), 1, lossy, &pid);
	return keep_and_build(&t);
}

/* v1: hierarchies with trees that differ. Which groups there are, by bits of nine paths. */
static const char *const v1_paths[] = {
	"/job", "/job/a", "/job/a/x", "/job/a/y", "/job/b", "/job/b/x", "/job/c"};
static const int v1_parent[] = {-1, 0, 1, 1, 0, 4, 0};
#define V1_PATHS CG_ARRAY_SIZE(v1_paths)

static void draw_v1(struct random *r, struct cg_text *t, unsigned hierarchy)
{
	switch (hierarchy) {
	case 0:
		if (often(r, 50))
			cg_text_printf(t, "cpu.shares=%u\n", 2 + below(r, 262143));
		if (often(r, 30))
			cg_text_printf(t, "cpu.cfs_quota_us=%u\n", 1000 + below(r, 49001));
		if (often(r, 10))
			cg_text_printf(t, "cpu.rt_runtime_us=%u\n", below(r, 1000));
		break;
	case 1:
		if (often(r, 50)) {
			unsigned long long limit = 4096ULL * below(r, 100000);

			cg_text_printf(t, "memory.limit_in_bytes=%llu\n", limit);
			if (often(r, 50))
				cg_text_printf(t, "memory.memsw.limit_in_bytes=%llu\n",
					limit + 4096ULL * below(r, 1000));
		}
		if (often(r, 20))
			cg_text_printf(t, "memory.soft_limit_in_bytes=%u\n", 4096 * below(r, 1000));
		if (often(r, 20))
			cg_text_printf(t, "memory.swappiness=%u\n", below(r, 100));
		break;
	case 2:
		if (often(r, 50))
			cg_text_printf(t, "pids.max=%u\n", below(r, 1000));
		if (often(r, 10))
			cg_text_adds(t, "notify_on_release=1\n");
		break;
	case 3:
		if (often(r, 20))
			cg_text_adds(t, "freezer.state=FROZEN\n");
		break;
	case 4:
		if (often(r, 40))
			cg_text_printf(t, "hugetlb.2MB.limit_in_bytes=%llu\n", 2097152ULL * below(r, 1000));
		break;
	case 5:
		if (often(r, 40))
			cg_text_printf(t, "net_cls.classid=%u\n", 1 + below(r, 1 << 20));
		break;
	default:
		if (often(r, 40))
			cg_text_printf(t, "blkio.throttle.read_bps_device=8:%u %u\n", 16 * below(r, 4),
				1 + below(r, 1000000));
		if (often(r, 40))
			cg_text_printf(t, "blkio.throttle.write_iops_device=8:0 %u\n", 1 + below(r, 1000));
		break;
	}
}

static const char *const v1_heads[] = {
	"hierarchy v1 cpu\nusual cpu.shares=1024\nusual cpu.cfs_quota_us=-1\nusual cpu.cfs_period_us=100000\n"
	"usual cpu.rt_runtime_us=0\n",
	"hierarchy v1 memory\nusual memory.limit_in_bytes=9223372036854771712\n"
	"usual memory.memsw.limit_in_bytes=9223372036854771712\n"
	"usual memory.soft_limit_in_bytes=9223372036854771712\nusual memory.swappiness=60\n",
	"hierarchy v1 pids\nusual pids.max=max\nusual notify_on_release=0\n",
	"hierarchy v1 freezer\nusual freezer.state=THAWED\n",
	"hierarchy v1 hugetlb\nusual hugetlb.2MB.limit_in_bytes=9223372036852678656\n",
	"hierarchy v1 net_cls\nusual net_cls.classid=0\n",
	"hierarchy v1 blkio\nusual blkio.throttle.read_bps_device=\nusual blkio.throttle.write_iops_device=\n",
};

static struct cg_tree *v1_tree(uint64_t seed)
{
	struct random r = {seed * 0x9e3779b97f4a7c15u + 7};
	unsigned place[6], groups[CG_ARRAY_SIZE(v1_heads)];
	_cleanup_text_ struct cg_text t = {0};

	for (unsigned i = 0; i < CG_ARRAY_SIZE(place); i++)
		place[i] = below(&r, V1_PATHS);
	cg_text_adds(&t, "kernel 6.1.0 page 4096\n");
	for (unsigned h = 0; h < CG_ARRAY_SIZE(v1_heads); h++) {
		groups[h] = 1;
		for (unsigned i = 1; i < V1_PATHS; i++)
			if (groups[h] & 1U << v1_parent[i] && often(&r, 70))
				groups[h] |= 1U << i;
		cg_text_adds(&t, v1_heads[h]);
		for (unsigned i = 0; i < V1_PATHS; i++) {
			if (!(groups[h] & 1U << i))
				continue;
			cg_text_printf(&t, "group %s\n", v1_paths[i]);
			draw_v1(&r, &t, h);
			/* A task is in what the hierarchy has on the way to its place. */
			for (unsigned k = 0; k < CG_ARRAY_SIZE(place); k++) {
				int at = (int)place[k];

				while (!(groups[h] & 1U << at))
					at = v1_parent[at];
				if (at == (int)i)
					cg_text_printf(&t, "task %u %u sleep\n", 100 + k, 100 + k);
			}
		}
	}
	return keep_and_build(&t);
}

static struct cg_tree *to_version(
	const struct cg_tree *from, int version, struct cg_losses *losses, uint64_t seed)
{
	_cleanup_(cg_arena_free) struct cg_arena arena = {0};
	struct cg_convert_options o = {.translate.page_size = 4096};
	struct cg_error *err = NULL;
	struct cg_tree *to = NULL;

	if (cg_layout_of_version(from, version, &arena, &o.layout, &err) < 0 ||
		cg_convert(from, &o, &to, losses, &err) < 0)
		fail_msg("seed %llu: %s %s: %s", (unsigned long long)seed, err->path ? err->path : "",
			err->knob ? err->knob : "", err->message);
	return to;
}

/* A loss names the knob of the version that it was lost from. */
static bool is_named(const struct cg_losses *l, const char *path, const char *knob, int version)
{
	unsigned index, other;
	const struct cg_translation *row = cg_translation_find(cg_knob_find(knob, version), version, &index);

	for (size_t i = 0; i < l->count; i++) {
		const struct cg_translation *said = NULL;

		if (!l->item[i].path || !l->item[i].knob || strcmp(l->item[i].path, path) != 0)
			continue;
		if (strcmp(l->item[i].knob, knob) == 0)
			return true;
		for (int v = 1; v <= 2 && !said; v++)
			said = cg_translation_find(cg_knob_find(l->item[i].knob, v), v, &other);
		if (said && said == row)
			return true;
	}
	return false;
}

static void no_differences(const struct cg_tree *a, const struct cg_tree *b, const struct cg_losses *l,
	const struct cg_losses *more, int version, uint64_t seed)
{
	_cleanup_diff_ struct cg_diff d = {0};

	assert_int_equal(cg_diff_trees(a, b, 0, &d, NULL), 0);
	for (size_t i = 0; i < d.count; i++) {
		const struct cg_difference *x = &d.item[i];

		if (x->kind == CG_DIFF_SETTING && l &&
			(is_named(l, x->path, x->name, version) || is_named(more, x->path, x->name, version)))
			continue;
		fail_msg("seed %llu: %s %s differs: %.*s, then %.*s", (unsigned long long)seed, x->path,
			x->name ? x->name : "", (int)x->a.len, x->a.data ? x->a.data : "", (int)x->b.len,
			x->b.data ? x->b.data : "");
	}
}

/* Whether the value may come back, and yet means something else there. */
static bool means_otherwise(const struct cg_loss *loss, int version)
{
	unsigned index;
	const struct cg_translation *row =
		cg_translation_find(cg_knob_find(loss->knob, version), version, &index);

	return loss->became && row && row->class == CG_TRANSLATION_LOSSY;
}

/* Nothing else is named: what is said to be lost of a group's settings is not as it was after the way back.
 */
static void losses_are_true(const struct cg_tree *a, const struct cg_tree *b, const struct cg_losses *l,
	int version, uint64_t seed)
{
	_cleanup_diff_ struct cg_diff d = {0};

	assert_int_equal(cg_diff_trees(a, b, 0, &d, NULL), 0);
	for (size_t i = 0; i < l->count; i++) {
		const struct cg_loss *loss = &l->item[i];
		const struct cg_losses one = {.item = &l->item[i], .count = 1};
		bool found = loss->knob != NULL;

		for (uint16_t h = 0; loss->knob && h < b->hierarchies; h++)
			found &= cg_hierarchy_column(&b->hierarchy[h], loss->knob) == CG_NONE;

		for (size_t k = 0; loss->path && loss->knob && k < d.count && !found; k++)
			found = d.item[k].kind == CG_DIFF_SETTING &&
				is_named(&one, d.item[k].path, d.item[k].name, version);
		if (loss->knob && !found && !means_otherwise(loss, version))
			fail_msg("seed %llu: %s %s (%.*s) is said to be lost, and is not",
				(unsigned long long)seed, loss->path ? loss->path : "", loss->knob,
				(int)loss->was.len, loss->was.data ? loss->was.data : "");
	}
}

static void merge_after_split_is_the_identity(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= TREES; seed++) {
		_cleanup_tree_ struct cg_tree *tree = v2_tree(seed, false), *split = NULL, *merged = NULL;
		_cleanup_losses_ struct cg_losses there = {0}, back = {0};

		split = to_version(tree, 1, &there, seed);
		merged = to_version(split, 2, &back, seed);
		if (there.count || back.count)
			fail_msg("seed %llu: %s %s is said to be lost", (unsigned long long)seed,
				(there.count ? there : back).item[0].path,
				(there.count ? there : back).item[0].knob);
		no_differences(tree, merged, NULL, NULL, 2, seed);
	}
}

static void what_v1_cannot_hold_is_named(void **state)
{
	size_t named = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= TREES; seed++) {
		_cleanup_tree_ struct cg_tree *tree = v2_tree(seed, true), *split = NULL, *merged = NULL;
		_cleanup_losses_ struct cg_losses there = {0}, back = {0};

		split = to_version(tree, 1, &there, seed);
		merged = to_version(split, 2, &back, seed);
		no_differences(tree, merged, &there, &back, 2, seed);
		losses_are_true(tree, merged, &there, 2, seed);
		named += there.count;
	}
	assert_true(named > TREES);
}

static bool is_default(const struct cg_tree *tree, uint32_t group, uint16_t column, struct cg_bytes v)
{
	const struct cg_knob *knob = tree->hierarchy[tree->group[group].hierarchy].column[column].knob;
	_cleanup_text_ struct cg_text usual = {0};

	/* What the root starts with is what all groups of v2 have. */
	if (knob->default_kind == CG_DEFAULT_INHERIT && knob->default_value &&
		cg_bytes_is(v, knob->default_value))
		return true;
	return cg_group_default(tree, group, column, &usual) &&
	       cg_value_same(tree->hierarchy[tree->group[group].hierarchy].column[column].knob, v,
		       (struct cg_bytes){usual.data ? usual.data : "", usual.len}, 4096);
}

static bool is_of_v1_alone(const struct cg_hierarchy *h)
{
	return strcmp(h->controllers, "net_cls") == 0;
}

/* Every setting of every group of `a` is in `b`, or named, or one that nobody set. */
static void settings_are_kept(const struct cg_tree *a, const struct cg_tree *b, const struct cg_losses *l,
	const struct cg_losses *more, uint64_t seed)
{
	for (uint32_t g = 0; g < a->groups; g++) {
		const struct cg_hierarchy *h = &a->hierarchy[a->group[g].hierarchy];
		_cleanup_text_ struct cg_text path = {0};
		uint32_t other = 0, there;

		cg_group_path(a, g, &path);
		while (other < b->hierarchies && !cg_hierarchy_same(h, &b->hierarchy[other]))
			other++;
		/* A controller that v2 does not have: all that was set is to be named. */
		assert_true(other < b->hierarchies || is_of_v1_alone(h));
		there = other < b->hierarchies ? cg_tree_find(b, other, path.data) : CG_NONE;
		if (there == CG_NONE && other < b->hierarchies)
			fail_msg("seed %llu: %s is gone from %s", (unsigned long long)seed, path.data,
				h->controllers);
		for (uint16_t c = 0; c < h->columns; c++) {
			uint32_t column = there == CG_NONE ? CG_NONE
							   : cg_hierarchy_column(
								     &b->hierarchy[other], h->column[c].name);
			struct cg_bytes v, w;

			if (!cg_group_value(a, g, c, &v) || is_named(l, path.data, h->column[c].name, 1) ||
				is_named(more, path.data, h->column[c].name, 1) || is_default(a, g, c, v))
				continue;
			if (column == CG_NONE || !cg_group_value(b, there, (uint16_t)column, &w) ||
				!cg_value_same(h->column[c].knob, v, w, 4096))
				fail_msg("seed %llu: %s %s was %.*s", (unsigned long long)seed, path.data,
					h->column[c].name, (int)v.len, v.data);
		}
	}
}

/* Where a task is in a hierarchy; CG_NONE when nowhere. */
static uint32_t place_of(const struct cg_tree *tree, uint32_t hierarchy, int32_t tid)
{
	for (uint32_t g = 0; g < tree->groups; g++)
		for (uint32_t i = 0; tree->group[g].hierarchy == hierarchy && i < tree->group[g].tasks; i++)
			if (tree->group[g].task[i].tid == tid)
				return g;
	return CG_NONE;
}

static bool is_below(const char *path, const char *above)
{
	size_t n = strlen(above);

	return strncmp(path, above, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* In each hierarchy a task is where it was, or below: in a group that another hierarchy or the merge made. */
static void tasks_are_kept(const struct cg_tree *a, const struct cg_tree *b, uint64_t seed)
{
	size_t n = 0, m = 0;

	for (uint32_t g = 0; g < b->groups; g++)
		m += b->group[g].tasks;
	for (uint32_t g = 0; g < a->groups; g++) {
		_cleanup_text_ struct cg_text path = {0};
		uint32_t other = 0;

		cg_group_path(a, g, &path);
		if (is_of_v1_alone(&a->hierarchy[a->group[g].hierarchy]))
			continue;
		while (!cg_hierarchy_same(&a->hierarchy[a->group[g].hierarchy], &b->hierarchy[other]))
			assert_true(++other < b->hierarchies);
		for (uint32_t i = 0; i < a->group[g].tasks; i++, n++) {
			const int32_t tid = a->group[g].task[i].tid;
			_cleanup_text_ struct cg_text there = {0};
			uint32_t at = place_of(b, other, tid);

			if (at == CG_NONE)
				fail_msg("seed %llu: task %d is lost from %s", (unsigned long long)seed, tid,
					path.data);
			cg_group_path(b, at, &there);
			if (!is_below(there.data, path.data))
				fail_msg("seed %llu: task %d was in %s and is in %s",
					(unsigned long long)seed, tid, path.data, there.data);
		}
	}
	if (n != m)
		fail_msg("seed %llu: %zu tasks became %zu", (unsigned long long)seed, n, m);
}

static void what_v2_cannot_hold_is_named(void **state)
{
	size_t named = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= TREES; seed++) {
		_cleanup_tree_ struct cg_tree *tree = v1_tree(seed), *merged = NULL, *split = NULL;
		_cleanup_losses_ struct cg_losses there = {0}, back = {0};

		merged = to_version(tree, 2, &there, seed);
		split = to_version(merged, 1, &back, seed);
		settings_are_kept(tree, split, &there, &back, seed);
		losses_are_true(tree, split, &there, 1, seed);
		tasks_are_kept(tree, split, seed);
		named += there.count;
	}
	assert_true(named > TREES);
}

static void with_the_origin_everything_comes_back(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= TREES; seed++) {
		const int version = seed % 2 ? 1 : 2;
		_cleanup_tree_ struct cg_tree *tree = version == 1 ? v1_tree(seed) : v2_tree(seed, true);
		_cleanup_tree_ struct cg_tree *origin = version == 1 ? v1_tree(seed) : v2_tree(seed, true);
		_cleanup_tree_ struct cg_tree *there = NULL, *back = NULL;
		_cleanup_losses_ struct cg_losses losses = {0}, none = {0};
		struct cg_convert_options o = {0};

		there = to_version(tree, 3 - version, &losses, seed);
		assert_int_equal(cg_convert_back(there, &origin, &o, 3 - version, &back, &none, NULL), 1);
		assert_null(origin);
		assert_int_equal(none.count, 0);
		no_differences(tree, back, NULL, NULL, version, seed);
	}
}

static void set(struct cg_tree *tree, const char *path, const char *knob, const char *value)
{
	uint32_t h = 0, group = CG_NONE, column = CG_NONE;

	for (; h < tree->hierarchies && column == CG_NONE; h++) {
		group = cg_tree_find(tree, h, path);
		column = cg_hierarchy_column(&tree->hierarchy[h], knob);
	}
	assert_true(group != CG_NONE && column != CG_NONE);
	assert_true(cg_group_set_value(tree, group, (uint16_t)column, cg_bytes_of(value)));
}

/* What was changed in between is translated, the rest is as it was. */
static void a_change_in_between_comes_back_too(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		_cleanup_tree_ struct cg_tree *tree = v1_tree(seed), *origin = v1_tree(seed), *there = NULL,
					      *back = NULL;
		_cleanup_losses_ struct cg_losses losses = {0}, none = {0};
		struct cg_convert_options o = {0};

		there = to_version(tree, 2, &losses, seed);
		set(there, "/job", "pids.max", "77");
		set(there, "/job", "cpu.max", "30000 60000");
		set(tree, "/job", "pids.max", "77");
		set(tree, "/job", "cpu.cfs_quota_us", "30000");
		set(tree, "/job", "cpu.cfs_period_us", "60000");
		assert_int_equal(cg_convert_back(there, &origin, &o, 2, &back, &none, NULL), 1);
		assert_int_equal(none.count, 0);
		no_differences(tree, back, NULL, NULL, 1, seed);
	}
}

/* Then it is no longer the tree that was converted. */
static void a_changed_structure_does_not_go_back(void **state)
{
	_cleanup_tree_ struct cg_tree *tree = v1_tree(3), *origin = v1_tree(4), *there = NULL, *back = NULL;
	_cleanup_losses_ struct cg_losses losses = {0}, none = {0};
	struct cg_convert_options o = {0};

	(void)state;
	there = to_version(tree, 2, &losses, 3);
	assert_int_equal(cg_convert_back(there, &origin, &o, 2, &back, &none, NULL), 0);
	assert_non_null(origin);
	assert_null(back);
}

/* What was unbound comes back, in the groups that had it. */
static void bind_after_unbind_is_the_identity(void **state)
{
	size_t tried = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= TREES; seed++) {
		const int version = seed % 2 ? 1 : 2;
		_cleanup_tree_ struct cg_tree *tree = version == 1 ? v1_tree(seed) : v2_tree(seed, true);

		for (size_t i = 0; i < V2_FILES; i++) {
			_cleanup_tree_ struct cg_tree *without = NULL, *with = NULL;
			const char *controller = v2_files[i].controller;

			if (!cg_has_controller(tree, controller)) {
				assert_int_equal(cg_unbind(tree, controller, &without, NULL), -ENODEV);
				continue;
			}
			assert_int_equal(cg_bind(tree, controller, NULL, &with, NULL), -EEXIST);
			assert_int_equal(cg_unbind(tree, controller, &without, NULL), 0);
			if (cg_has_controller(without, controller))
				fail_msg(
					"seed %llu: %s is still there", (unsigned long long)seed, controller);
			assert_int_equal(cg_bind(without, controller, tree, &with, NULL), 0);
			tried++;
			if (version == 2)
				no_differences(tree, with, NULL, NULL, 2, seed);
			else
				settings_are_kept(
					tree, with, &(struct cg_losses){0}, &(struct cg_losses){0}, seed);
		}
	}
	assert_true(tried > TREES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merge_after_split_is_the_identity),
		cmocka_unit_test(what_v1_cannot_hold_is_named),
		cmocka_unit_test(what_v2_cannot_hold_is_named),
		cmocka_unit_test(with_the_origin_everything_comes_back),
		cmocka_unit_test(bind_after_unbind_is_the_identity),
		cmocka_unit_test(a_change_in_between_comes_back_too),
		cmocka_unit_test(a_changed_structure_does_not_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
