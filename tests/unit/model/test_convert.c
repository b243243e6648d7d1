/* Whole trees from one layout to another: merging, splitting, regrouping; what is lost; what is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/convert.h"
#include "model/value.h"
#include "unit/engine/build.h"

struct convert_case {
	const char *from, *wanted, *losses; /* texts: see print_tree(); losses NULL: not looked at */
	int version;                        /* of the result; 0: `layout` */
	struct cg_convert_options options;
	int code;          /* 0, or the error's */
	const char *error; /* a part of its words */
};

static void print_value(struct cg_text *t, const char *name, struct cg_bytes v)
{
	cg_text_printf(t, "%s=", name);
	if (!v.data)
		cg_text_adds(t, "?");
	for (size_t i = 0; v.data && i < v.len; i++)
		cg_text_adds(t, v.data[i] == '\n' ? "\\n" : (char[]){v.data[i], '\0'});
	cg_text_addc(t, '\n');
}

/* Hierarchies, groups with what differs from a new group, tasks. */
static void print_tree(const struct cg_tree *tree, struct cg_text *t)
{
	for (uint32_t g = 0; g < tree->groups; g++) {
		const struct cg_group *group = &tree->group[g];
		const struct cg_hierarchy *h = &tree->hierarchy[group->hierarchy];

		if (g == h->first_top)
			cg_text_printf(t, "v%u %s%s%s\n", h->version, h->controllers, h->name ? " name=" : "",
				h->name ? h->name : "");
		cg_group_path(tree, g, t);
		if (group->type != CG_TYPE_V1 && group->type != CG_TYPE_DOMAIN)
			cg_text_printf(t, " (%s)", cg_group_type_name(group->type));
		if (group->flags & CG_GROUP_SEALED)
			cg_text_adds(t, " (sealed)");
		if (group->owner.uid)
			cg_text_printf(t, " owner %u", group->owner.uid);
		cg_text_addc(t, '\n');
		for (uint16_t c = 0; c < h->columns; c++) {
			_cleanup_text_ struct cg_text usual = {0};
			struct cg_bytes v = {0};

			if (!cg_group_has_column(tree, g, c))
				continue;
			if (cg_group_value(tree, g, c, &v) && cg_group_default(tree, g, c, &usual) &&
				cg_value_same(h->column[c].knob, v,
					(struct cg_bytes){usual.data ? usual.data : "", usual.len}, 4096))
				continue;
			print_value(t, h->column[c].name, v);
		}
		for (uint16_t o = 0; o < group->file_owners; o++)
			cg_text_printf(t, "owner of %s %u\n",
				group->file_owner[o].column == CG_FILE_EXTRA
					? group->file_owner[o].name
					: h->column[group->file_owner[o].column].name,
				group->file_owner[o].owner.uid);
		for (uint16_t x = 0; x < group->xattrs; x++)
			print_value(t, group->xattr[x].name, group->xattr[x].value);
		for (uint32_t i = 0; i < group->tasks; i++)
			cg_text_printf(t, "task %d %d\n", group->task[i].pid, group->task[i].tid);
	}
}

static void print_losses(const struct cg_losses *l, struct cg_text *t)
{
	for (size_t i = 0; i < l->count; i++) {
		cg_text_printf(t, "%s %s ", l->item[i].path ? l->item[i].path : "-",
			l->item[i].knob ? l->item[i].knob : "-");
		cg_loss_text(&l->item[i], t);
		cg_text_addc(t, '\n');
	}
}

static void check_text(const char *what, struct cg_text *got, const char *wanted)
{
	if (strcmp(got->data ? got->data : "", wanted) != 0)
		fail_msg("%s\nwanted:\n%s\ngot:\n%s", what, wanted, got->data ? got->data : "");
}

static void check(const struct convert_case *k)
{
	_cleanup_tree_ struct cg_tree *from = build_tree(k->from), *to = NULL;
	_cleanup_losses_ struct cg_losses losses = {0};
	_cleanup_(cg_arena_free) struct cg_arena arena = {0};
	_cleanup_error_ struct cg_error *err = NULL;
	_cleanup_text_ struct cg_text tree = {0}, lost = {0};
	struct cg_convert_options options = k->options;
	int r;

	options.translate.page_size = 4096;
	if (k->version)
		assert_int_equal(cg_layout_of_version(from, k->version, &arena, &options.layout, NULL), 0);
	r = cg_convert(from, &options, &to, &losses, &err);
	if (k->code) {
		assert_int_equal(r, k->code);
		assert_null(to);
		if (!strstr(err->message, k->error))
			fail_msg("wanted \"%s\" in: %s", k->error, err->message);
		return;
	}
	if (r < 0)
		fail_msg("%s %s: %s", err->path ? err->path : "", err->knob ? err->knob : "", err->message);
	print_tree(to, &tree);
	check_text("tree", &tree, k->wanted);
	print_losses(&losses, &lost);
	if (k->losses)
		check_text("losses", &lost, k->losses);
}

#define V1_CPU                                                                                               \
	"hierarchy v1 cpu\nusual cpu.shares=1024\nusual cpu.cfs_quota_us=-1\nusual cpu.cfs_period_us=100000\n"
#define V1_MEMORY                                                                                            \
	"hierarchy v1 memory\nusual memory.limit_in_bytes=9223372036854771712\nusual memory.memsw.limit_in_bytes=9223372036854771712\n"
#define V1_PIDS "hierarchy v1 pids\nusual pids.max=max\n"

static void v1_hierarchies_are_merged(void **state)
{
	(void)state;
	check(&(struct convert_case){.from = V1_CPU
				     "group /job\ngroup /job/a\ncpu.cfs_quota_us=50000\n" V1_MEMORY
				     "group /job\ngroup /job/a\nmemory.limit_in_bytes=67108864\n"
				     "memory.memsw.limit_in_bytes=67108864\ngroup /job/b\n" V1_PIDS
				     "group /job\npids.max=512\ntask 10 10 sh\n",
		.version = 2,
		.wanted = "v2 cpu,memory,pids\n/job\npids.max=512\ncgroup.subtree_control=cpu memory\n"
			  "/job/a\ncpu.max=50000 100000\nmemory.max=67108864\nmemory.swap.max=0\n/job/b\n"
			  "/job/cgtree-leaf\ntask 10 10\n",
		.losses =
			"/job - its tasks (1) are put into /job/cgtree-leaf: on v2 a group whose children have "
			"controllers holds none\n"});
}

static void a_v2_tree_is_split(void **state)
{
	(void)state;
	check(&(struct convert_case){
		.from = "hierarchy v2 cpu,memory,pids\nusual cgroup.subtree_control=\nusual cgroup.freeze=0\n"
			"usual cpu.max=max 100000\nusual memory.max=max\nusual memory.swap.max=max\nusual memory.high=max\n"
			"usual pids.max=max\n"
			"group /job\ncgroup.subtree_control=cpu memory\npids.max=512\n"
			"group /job/a\nonly cgroup.subtree_control cgroup.freeze cpu.max memory.max memory.swap.max memory.high\n"
			"cpu.max=50000 100000\nmemory.max=67108864\nmemory.swap.max=0\nmemory.high=33554432\n"
			"task 10 10 sh\n"
			"group /job/b\nonly cgroup.subtree_control cgroup.freeze cpu.max memory.max memory.swap.max memory.high\n"
			"cgroup.freeze=1\n",
		.version = 1,
		.wanted =
			"v1 cpu\n/job\n/job/a\ncpu.cfs_quota_us=50000\ntask 10 10\n/job/b\n"
			"v1 memory\n/job\n/job/a\nmemory.limit_in_bytes=67108864\nmemory.memsw.limit_in_bytes=67108864\n"
			"task 10 10\n/job/b\n"
			"v1 freezer\n/job\n/job/a\ntask 10 10\n/job/b\nfreezer.state=FROZEN\n"
			"v1 pids\n/job\npids.max=512\ntask 10 10\n",
		.losses =
			"/job/a memory.high 33554432 is lost: a soft "
			"limit says what is reclaimed first, low what is reclaimed last, high where tasks are slowed\n"});
}

#define TWO_PATHS                                                                                            \
	V1_CPU "group /job\ngroup /job/a\ntask 10 10 sh\ngroup /job/c\n" V1_MEMORY                           \
	       "group /job\ngroup /job/b\ntask 10 10 sh\n"

static void conflicts_are_refused_or_settled(void **state)
{
	(void)state;
	check(&(struct convert_case){.from = TWO_PATHS,
		.version = 2,
		.code = -EEXIST,
		.error = "task 10 (sh) is in /job/b of memory and in /job/a of cpu"});
	check(&(struct convert_case){.from = TWO_PATHS,
		.version = 2,
		.options.conflict = CG_CONFLICT_LEAF,
		.wanted = "v2 cpu,memory\n/job\ncgroup.subtree_control=cpu memory\n/job/a\n/job/b\n/job/c\n"
			  "/job/cgtree-leaf\ntask 10 10\n",
		.losses = "/job/cgtree-leaf - task 10 (sh) is put here, but is in /job/a of cpu\n"
			  "/job/cgtree-leaf - task 10 (sh) is put here, but is in /job/b of memory\n"});
	check(&(struct convert_case){.from = TWO_PATHS,
		.version = 2,
		.options = {.conflict = CG_CONFLICT_LEAD, .lead = "memory"},
		.wanted =
			"v2 cpu,memory\n/job\ncgroup.subtree_control=cpu memory\n/job/a\n/job/b\ntask 10 10\n"
			"/job/c\n",
		.losses = "/job/b - task 10 (sh) is put here, but is in /job/a of cpu\n"});
	check(&(struct convert_case){.from = TWO_PATHS,
		.version = 2,
		.options = {.conflict = CG_CONFLICT_LEAD, .lead = "pids"},
		.code = -EINVAL,
		.error = "the image has no such hierarchy"});
}

/* A hierarchy that has fewer groups has the task in what it has on the way: that is no conflict. */
static void the_deepest_path_wins(void **state)
{
	(void)state;
	check(&(struct convert_case){.from = V1_CPU
				     "group /job\ntask 10 10 sh\n" V1_MEMORY
				     "group /job\ngroup /job/a\ngroup /job/a/x\ntask 10 10 sh\n" V1_PIDS
				     "group /job\ngroup /job/a\ntask 10 10 sh\n",
		.version = 2,
		.wanted = "v2 cpu,memory,pids\n/job\ncgroup.subtree_control=memory pids\n/job/a\n"
			  "cgroup.subtree_control=memory\n/job/a/x\ntask 10 10\n",
		.losses = ""});
}

static void threads_make_a_threaded_subtree(void **state)
{
	(void)state;
	check(&(struct convert_case){
		.from = V1_CPU "group /job\ngroup /job/p\ngroup /job/p/a\ncpu.shares=2048\ntask 10 10 sh\n"
			       "group /job/p/b\ntask 10 11 sh\n" V1_MEMORY
			       "group /job\ngroup /job/p\nmemory.limit_in_bytes=67108864\ntask 10 11 sh\n"
			       "group /job/p/a\nmemory.limit_in_bytes=33554432\ntask 10 10 sh\n",
		.version = 2,
		.wanted =
			"v2 cpu,memory\n/job\ncgroup.subtree_control=cpu memory\n/job/p (domain threaded)\n"
			"memory.max=67108864\ncgroup.subtree_control=cpu\n"
			"/job/p/a (threaded)\ncpu.weight=200\ntask 10 10\n/job/p/b (threaded)\ntask 10 11\n",
		.losses =
			"/job/p/a memory.max 33554432 is lost: threads of a process are in several groups here, which "
			"makes a threaded subtree: this controller has no say within\n"});
	check(&(struct convert_case){.from = V1_CPU "group /a\ntask 10 10 sh\ngroup /b\ntask 10 11 sh\n",
		.version = 2,
		.code = -EEXIST,
		.error = "threads of process 10 are in /a and in /b"});
}

static void tops_of_other_paths_are_one_tree(void **state)
{
	(void)state;
	check(&(struct convert_case){.from = V1_CPU "group /a/b/c\ncpu.shares=512\n" V1_MEMORY
						    "group /a\nmemory.limit_in_bytes=4096\n"
						    "group /z\n",
		.version = 2,
		.wanted = "v2 cpu,memory\n/a\nmemory.max=4096\ncgroup.subtree_control=cpu\n/a/b\n"
			  "cgroup.subtree_control=cpu\n/a/b/c\ncpu.weight=50\n/z\n",
		.losses = ""});
}

#define V2_CPUSET                                                                                            \
	"hierarchy v2 cpu,cpuset\nusual cgroup.subtree_control=\nusual cpu.max=max 100000\n"                 \
	"usual cpu.max.burst=0\nusual cpuset.cpus=\n"

/* What v1 demands of parents and children. */
static void v1_children_fit_into_their_parents(void **state)
{
	(void)state;
	check(&(struct convert_case){
		.from = V2_CPUSET
		"group /job\ncgroup.subtree_control=cpu cpuset\ncpuset.cpus=0-3\ncpu.max=50000 100000\n"
		"group /job/a\ncpuset.cpus=2-5\ncpu.max=80000 100000\ncpu.max.burst=70000\n"
		"group /job/b\ncpu.max=1000 1000\ngroup /job/c\ncpuset.cpus=8\n",
		.version = 1,
		.wanted =
			"v1 cpuset\n/job\ncpuset.cpus=0-3\n/job/a\ncpuset.cpus=2-3\n/job/b\ncpuset.cpus=0-3\n"
			"/job/c\ncpuset.cpus=0-3\nv1 cpu\n/job\ncpu.cfs_quota_us=50000\n"
			"/job/a\ncpu.cfs_quota_us=50000\ncpu.cfs_burst_us=50000\n/job/b\ncpu.cfs_quota_us=50000\n/job/c\n"
			"v1 freezer\n/job\n/job/a\n/job/b\n/job/c\n",
		.losses =
			"/job/a cpuset.cpus 2-5 became cpuset.cpus 2-3: on v1 it must lie within the parent's 0-3\n"
			"/job/c cpuset.cpus 8 became cpuset.cpus 0-3: on v1 it must lie within the parent's 0-3\n"
			"/job/a cpu.cfs_quota_us 80000 100000 became cpu.cfs_quota_us 50000, cpu.cfs_period_us 100000: on "
			"v1 a group's share must not be larger than that of the group above\n"
			"/job/a cpu.cfs_burst_us 70000 became 50000: on v1 it must not be more than the quota, which was "
			"cut\n"
			"/job/b cpu.cfs_quota_us 1000 1000 became cpu.cfs_quota_us 50000, cpu.cfs_period_us 100000: on v1 a "
			"group's share must not be larger than that of the group above\n"});
}

static void owners_and_attributes_come_along(void **state)
{
	(void)state;
	check(&(struct convert_case){
		.from = V1_CPU
		"group /job\nowner 1000:1000 755\nfile tasks 1000:1000 644\nfile cgroup.procs 1000:1000 644\n"
		"xattr user.x=1\n" V1_MEMORY
		"group /job\nfile memory.limit_in_bytes 7:7 600\nxattr user.x=2\nxattr user.y=3\n",
		.version = 2,
		.wanted =
			"v2 cpu,memory\n/job owner 1000\nowner of memory.max 7\nowner of memory.swap.max 7\n"
			"owner of cgroup.subtree_control 1000\nowner of cgroup.procs 1000\nowner of cgroup.threads 1000\n"
			"user.x=1\nuser.y=3\n",
		.losses =
			"/job - is 1000:1000 755 in one hierarchy and 0:0 755 in another: the first is taken\n"
			"/job user.x 2 is lost: another hierarchy has another value here, which is taken\n"});
}

static void what_nobody_knows_is_refused_or_said_once(void **state)
{
	(void)state;
	check(&(struct convert_case){
		.from = "hierarchy v1 cpu\nusual cpu.shares=1024\nusual cpu.sharez=1024\ngroup /job\ngroup /job/a\n"
			"cpu.sharez=512\n",
		.version = 2,
		.code = -ENOTSUP,
		.error =
			"not in the catalogue, so that nobody knows how it translates; did you mean cpu.shares?"});
	check(&(struct convert_case){.options.skip_unknown = true,
		.from = "hierarchy v1 memory\nusual memory.news=1\nusual memory.limit_in_bytes=-1\ngroup /job\n"
			"memory.news=5\ngroup /job/a\nmemory.news=6\nmemory.limit_in_bytes=?\n",
		.version = 2,
		.wanted = "v2 memory\n/job\ncgroup.subtree_control=memory\n/job/a\nmemory.max=?\n",
		.losses =
			"/job memory.news is not in the catalogue, so that nobody knows how it translates; it is left "
			"out, here and in other groups\n"});
}

static void losses_refuse_when_that_is_asked_for(void **state)
{
	(void)state;
	check(&(struct convert_case){.from = "hierarchy v1 memory\nusual memory.swappiness=60\ngroup /job\n"
					     "memory.swappiness=10\n",
		.version = 2,
		.options.strict = true,
		.code = -ENOTSUP,
		.error = "10 is lost: v2 has one swappiness for the host"});
	check(&(struct convert_case){.from = V1_CPU "group /job\ngroup /job/a\ncpu.shares=1\n",
		.version = 2,
		.code = -EINVAL,
		.error = "\"1\" is not accepted"});
}

/* Weights that nobody changed are not translated: new groups share evenly on either side. */
static void default_weights_stay_default(void **state)
{
	static const char even[] = "hierarchy v1 cpu\nusual cpu.shares=1024\ngroup /job\ngroup /job/a\n";
	static const char odd[] =
		"hierarchy v1 cpu\nusual cpu.shares=1024\ngroup /job\ngroup /job/a\ncpu.shares=2048\n";

	(void)state;
	check(&(struct convert_case){.from = even,
		.version = 2,
		.options.translate.dialect = cg_dialect_find("oci-linear"),
		.wanted = "v2 cpu\n/job\ncgroup.subtree_control=cpu\n/job/a\n"});
	check(&(struct convert_case){.from = odd,
		.version = 2,
		.options.translate.dialect = cg_dialect_find("oci-linear"),
		.wanted =
			"v2 cpu\n/job\ncpu.weight=39\ncgroup.subtree_control=cpu\n/job/a\ncpu.weight=79\n"});
}

/* The kernel shows no weight of an idle group. */
static void weights_of_idle_groups_are_left_alone(void **state)
{
	(void)state;
	check(&(struct convert_case){
		.from = "hierarchy v2 cpu\nusual cpu.weight=100\nusual cpu.idle=0\nusual cgroup.subtree_control=\ngroup /job\n"
			"cgroup.subtree_control=cpu\ngroup /job/a\ncpu.idle=1\ncpu.weight=0\n",
		.version = 1,
		.wanted = "v1 cpu\n/job\n/job/a\ncpu.idle=1\nv1 freezer\n/job\n/job/a\n",
		.losses = ""});
}

/* Layouts as hosts have them. */
static const struct cg_layout_part mixed_host[] = {
	{1, "cpu,cpuacct", NULL}, {1, "freezer", NULL}, {2, "memory,pids", NULL}};
static const struct cg_layout_part joined_host[] = {{1, "cpu,cpuacct", NULL}, {1, "pids", NULL}};
static const struct cg_layout_part bare_v2[] = {{2, "pids", NULL}};

static void each_controller_goes_where_the_host_has_it(void **state)
{
	static const char from[] =
		"hierarchy v1 cpu\nusual cpu.shares=1024\ngroup /job\ncpu.shares=2048\ntask 10 10 sh\n"
		"hierarchy v1 cpuacct\ngroup /job\ngroup /job/a\ntask 10 10 sh\n" V1_PIDS
		"group /job\npids.max=5\n";

	(void)state;
	check(&(struct convert_case){.from = from,
		.options.layout = {mixed_host, CG_ARRAY_SIZE(mixed_host)},
		.wanted =
			"v1 cpu,cpuacct\n/job\ncpu.shares=2048\n/job/a\ntask 10 10\nv2 pids\n/job\npids.max=5\n",
		.losses = ""});
	check(&(struct convert_case){.from = from,
		.options.layout = {joined_host, CG_ARRAY_SIZE(joined_host)},
		.wanted =
			"v1 cpu,cpuacct\n/job\ncpu.shares=2048\n/job/a\ntask 10 10\nv1 pids\n/job\npids.max=5\n",
		.losses = ""});
	check(&(struct convert_case){.from = from,
		.options.layout = {bare_v2, CG_ARRAY_SIZE(bare_v2)},
		.wanted = "v2 pids\n/job\npids.max=5\n/job/a\ntask 10 10\n",
		.losses = "/job cpu.shares 2048 is lost: the target has no cpu controller\n"});
}

/* v2 is there on most hosts, with other controllers: that alone is no fit. */
static const struct cg_layout_part hybrid_host[] = {
	{1, "cpu,cpuacct", NULL}, {1, "pids", NULL}, {1, "freezer", NULL}, {2, "", NULL}};

static void v2_without_the_controllers_is_another_layout(void **state)
{
	static const char from[] =
		"hierarchy v2 cpu,pids\nusual cgroup.subtree_control=\nusual cgroup.freeze=0\n"
		"usual cpu.weight=100\nusual pids.max=max\ngroup /job\npids.max=5\ncgroup.subtree_control=cpu\n"
		"group /job/a\nonly cgroup.subtree_control cgroup.freeze cpu.weight\ncgroup.freeze=1\n"
		"cpu.weight=200\ntask 10 10 sh\n";
	const struct cg_layout layout = {hybrid_host, CG_ARRAY_SIZE(hybrid_host)};
	_cleanup_tree_ struct cg_tree *tree = build_tree(from);
	_cleanup_(cg_arena_free) struct cg_arena arena = {0};
	struct cg_layout own;

	(void)state;
	assert_false(cg_layout_fits(tree, &layout));
	assert_int_equal(cg_layout_of_version(tree, 2, &arena, &own, NULL), 0);
	assert_true(cg_layout_fits(tree, &own));
	check(&(struct convert_case){.from = from,
		.options.layout = layout,
		.wanted =
			"v1 cpu,cpuacct\n/job\n/job/a\ncpu.shares=2048\ntask 10 10\nv1 pids\n/job\npids.max=5\ntask 10 10\n"
			"v2 \n/job\n/job/a\ncgroup.freeze=1\ntask 10 10\n",
		.losses = ""});
}

static void device_rules_are_programs(void **state)
{
	_cleanup_tree_ struct cg_tree *from =
		build_tree("hierarchy v1 devices\nusual devices.list=a *:* rwm\ngroup /job\n"
			   "group /job/a\ndevices.list=c 1:3 rwm\ngroup /job/a/b\n"
			   "devices.list=c 1:3 rwm\n");
	_cleanup_(cg_arena_free) struct cg_arena arena = {0};
	_cleanup_tree_ struct cg_tree *to = NULL, *back = NULL;
	_cleanup_losses_ struct cg_losses losses = {0}, more = {0};
	_cleanup_text_ struct cg_text text = {0};
	struct cg_convert_options o = {0};

	(void)state;
	assert_int_equal(cg_layout_of_version(from, 2, &arena, &o.layout, NULL), 0);
	assert_int_equal(cg_convert(from, &o, &to, &losses, NULL), 0);
	assert_int_equal(losses.count, 0);
	assert_int_equal(to->group[0].programs, 0);
	assert_int_equal(to->group[1].programs, 1);
	/* What the group above has holds below, too. */
	assert_int_equal(to->group[2].programs, 0);
	assert_int_equal(cg_layout_of_version(to, 1, &arena, &o.layout, NULL), 0);
	assert_int_equal(cg_convert(to, &o, &back, &more, NULL), 0);
	print_tree(back, &text);
	check_text("rules", &text,
		"v1 devices\n/job\n/job/a\ndevices.list=c 1:3 rwm\n/job/a/b\nv1 freezer\n/job\n/job/a\n/job/a/b\n");
	assert_int_equal(more.count, 0);
}

/* A file of the core that v2 and the freezer both have. */
static void hosts_with_both_are_converted_whole(void **state)
{
	(void)state;
	check(&(struct convert_case){
		.from = "hierarchy v1 freezer\nusual freezer.state=THAWED\ngroup /job\nfreezer.state=FROZEN\n"
			"hierarchy v2 \nusual cgroup.freeze=0\nusual cgroup.subtree_control=\ngroup /job\ngroup /job/a\n"
			"cgroup.freeze=1\ntask 10 10 sh\n",
		.version = 2,
		.wanted = "v2 \n/job\ncgroup.freeze=1\n/job/a\ncgroup.freeze=1\ntask 10 10\n",
		.losses = ""});
	check(&(struct convert_case){
		.from = "hierarchy v1 freezer\nusual freezer.state=THAWED\ngroup /job\nfreezer.state=FROZEN\n"
			"hierarchy v2 \nusual cgroup.freeze=0\nusual cgroup.subtree_control=\ngroup /job\ngroup /job/a\n"
			"cgroup.freeze=1\ntask 10 10 sh\n",
		.version = 1,
		.wanted =
			"v1 freezer\n/job\nfreezer.state=FROZEN\n/job/a\nfreezer.state=FROZEN\ntask 10 10\n",
		.losses = ""});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(v1_hierarchies_are_merged),
		cmocka_unit_test(a_v2_tree_is_split),
		cmocka_unit_test(conflicts_are_refused_or_settled),
		cmocka_unit_test(the_deepest_path_wins),
		cmocka_unit_test(threads_make_a_threaded_subtree),
		cmocka_unit_test(tops_of_other_paths_are_one_tree),
		cmocka_unit_test(v1_children_fit_into_their_parents),
		cmocka_unit_test(owners_and_attributes_come_along),
		cmocka_unit_test(what_nobody_knows_is_refused_or_said_once),
		cmocka_unit_test(losses_refuse_when_that_is_asked_for),
		cmocka_unit_test(default_weights_stay_default),
		cmocka_unit_test(weights_of_idle_groups_are_left_alone),
		cmocka_unit_test(each_controller_goes_where_the_host_has_it),
		cmocka_unit_test(v2_without_the_controllers_is_another_layout),
		cmocka_unit_test(device_rules_are_programs),
		cmocka_unit_test(hosts_with_both_are_converted_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
