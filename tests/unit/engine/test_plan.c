/* Plans word for word: modes, orders, what is inherited, what is refused. */
#include "plan_case.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define V2    "hierarchy v2 cpu,io,memory,pids\nusual cgroup.subtree_control=\nusual memory.max=max\n"
#define IMAGE V2 "group /a\nmemory.max=67108864\ncgroup.subtree_control=memory\ngroup /a/b\nmemory.max=4096\n"
#define EMPTY V2 "group /\ncgroup.subtree_control=cpu io memory pids\nancestor\n"
#define FULL_LIVE                                                                                            \
	V2 "group /\ncgroup.subtree_control=cpu io memory pids\nancestor\n"                                  \
	   "group /a\nmemory.max=8192\ncgroup.subtree_control=memory\ngroup /a/b\nmemory.max=8192\n"
#define TOP_LIVE                                                                                             \
	V2 "group /\ncgroup.subtree_control=cpu io memory pids\nancestor\n"                                  \
	   "group /a\nmemory.max=8192\ncgroup.subtree_control=\n"

#define CREATE_A "+ /a\n~ /a cgroup.subtree_control \"\" -> memory\n~ /a memory.max max -> 67108864\n"
#define CREATE_B "+ /a/b\n~ /a/b memory.max max -> 4096\n"

static void missing(enum cg_mode mode, int code, const char *lines)
{
	check_plan(&(struct plan_case){
		.image = IMAGE, .live = EMPTY, .options.mode = mode, .code = code, .lines = lines});
}

static void test_top_missing(void **state)
{
	(void)state;
	missing(CG_MODE_STRICT, 0, CREATE_A CREATE_B);
	missing(CG_MODE_FULL, 0, CREATE_A CREATE_B);
	missing(CG_MODE_OPPORTUNISTIC, 0,
		"+ /a\n~ /a cgroup.subtree_control \"\" -> memory [try]\n"
		"~ /a memory.max max -> 67108864 [try]\n+ /a/b\n~ /a/b memory.max max -> 4096 [try]\n");
	missing(CG_MODE_BIND, -ENOENT, "! /a: does not exist, and the mode is bind [differs]\n");
	missing(CG_MODE_PROPS, -ENOENT, "! /a: does not exist, and the mode is props [differs]\n");
	missing(CG_MODE_NONE, -ENOENT, "! /a: does not exist, and the mode is none [differs]\n");
}

static void existing(enum cg_mode mode, int code, const char *lines)
{
	check_plan(&(struct plan_case){
		.image = IMAGE, .live = FULL_LIVE, .options.mode = mode, .code = code, .lines = lines});
}

#define APPLY "~ /a memory.max 8192 -> 67108864\n~ /a/b memory.max 8192 -> 4096\n"

static void test_all_exist(void **state)
{
	(void)state;
	existing(CG_MODE_STRICT, -EEXIST, "! /a: exists, and the mode is strict [differs]\n");
	existing(CG_MODE_OPPORTUNISTIC, 0, "= /a\n= /a/b\n");
	existing(CG_MODE_NONE, 0, "= /a\n= /a/b\n");
	existing(CG_MODE_FULL, 0, APPLY);
	existing(CG_MODE_BIND, 0, APPLY);
	existing(CG_MODE_PROPS, 0, APPLY);
}

/* The same path in two hierarchies: each line says which is meant. */
static void test_hierarchies_are_told_apart(void **state)
{
	static const char two[] = "hierarchy v1 pids\ngroup /a\nhierarchy v1 memory\ngroup /a\n";
	static const char live[] = "hierarchy v1 pids\ngroup /\nancestor\ngroup /a\n"
				   "hierarchy v1 memory\ngroup /\nancestor\ngroup /a\n";

	(void)state;
	check_plan(&(struct plan_case){.image = two,
		.live = live,
		.options.mode = CG_MODE_FULL,
		.lines = "= /a  (pids)\n= /a  (memory)\n"});
	check_plan(&(struct plan_case){.image = two,
		.live = live,
		.code = -EEXIST,
		.lines = "! /a: exists, and the mode is strict  (pids) [differs]\n"
			 "! /a: exists, and the mode is strict  (memory) [differs]\n"});
}

static void top_only(enum cg_mode mode, int code, const char *lines)
{
	check_plan(&(struct plan_case){
		.image = IMAGE, .live = TOP_LIVE, .options.mode = mode, .code = code, .lines = lines});
}

#define APPLY_A "~ /a cgroup.subtree_control \"\" -> memory\n~ /a memory.max 8192 -> 67108864\n"

static void test_group_missing(void **state)
{
	(void)state;
	top_only(CG_MODE_FULL, 0, APPLY_A CREATE_B);
	top_only(CG_MODE_BIND, 0, APPLY_A CREATE_B);
	top_only(CG_MODE_PROPS, -ENOENT, "! /a/b: does not exist, and the mode is props [differs]\n");
	top_only(CG_MODE_NONE, -ENOENT, "! /a/b: does not exist, and the mode is none [differs]\n");
	/* What exists is left as it is, so that what is made lacks its controller. */
	top_only(CG_MODE_OPPORTUNISTIC, 0,
		"! /a/b: needs controllers that are not enabled above it: memory [differs]\n= /a\n+ /a/b\n");
}

static void test_bind_top(void **state)
{
	(void)state;
	check_plan(&(struct plan_case){.image = IMAGE,
		.live = FULL_LIVE,
		.options = {.mode = CG_MODE_BIND, .keep_top = true},
		.lines = "= /a\n~ /a/b memory.max 8192 -> 4096\n"});
	check_plan(&(struct plan_case){.image = V2 "group /a\nowner 0:0 755\nmemory.max=1\n",
		.live = V2 "group /\nancestor\ncgroup.subtree_control=memory\ngroup /a\nowner 0:0 755\n",
		.options = {.mode = CG_MODE_BIND, .uid = 1000, .gid = 1000},
		.lines = "! /a: belongs to user 0; its own settings are left alone [differs]\n= /a\n"});
}

static void test_mode_at(void **state)
{
	static const struct cg_mode_at at[] = {
		{"/a", CG_MODE_OPPORTUNISTIC}, {"/a/b", CG_MODE_STRICT}, {"/a/b", CG_MODE_FULL}};

	(void)state;
	check_plan(&(struct plan_case){.image = IMAGE,
		.live = FULL_LIVE,
		.options = {.mode_at = at, .mode_ats = 3},
		.lines = "= /a\n~ /a/b memory.max 8192 -> 4096\n"});
	check_plan(&(struct plan_case){.image = IMAGE,
		.live = FULL_LIVE,
		.options = {.mode_at = at, .mode_ats = 2},
		.code = -EEXIST,
		.lines = "! /a/b: exists, and the mode is strict [differs]\n"});
}

/* What relaxes goes first and top-down, what tightens last and bottom-up. */
static void test_two_passes(void **state)
{
	(void)state;
	check_plan(&(struct plan_case){
		.image = V2
		"group /a\ncgroup.subtree_control=memory pids\nmemory.max=1000000\npids.max=5\n"
		"group /a/b\nmemory.max=900000\npids.max=4\ngroup /a/c\nmemory.max=max\npids.max=max\n",
		.live = V2 "group /\nancestor\ncgroup.subtree_control=cpu io memory pids\n"
			   "group /a\nmemory.max=8192\npids.max=max\ncgroup.subtree_control=memory pids\n"
			   "group /a/b\nmemory.max=8192\npids.max=max\n",
		.options.mode = CG_MODE_FULL,
		.lines = "~ /a memory.max 8192 -> 1000000\n~ /a/b memory.max 8192 -> 900000\n"
			 "+ /a/c\n"
			 "~ /a/b pids.max max -> 4\n~ /a pids.max max -> 5\n"});
}

static void test_bound(void **state)
{
	static const char low[] = "hierarchy v1 memory\ngroup /a\nmemory.limit_in_bytes=4096\n"
				  "memory.memsw.limit_in_bytes=8192\n";
	static const char live_low[] = "hierarchy v1 memory\ngroup /\nancestor\ngroup /a\n"
				       "memory.limit_in_bytes=4096\nmemory.memsw.limit_in_bytes=8192\n";
	static const char high[] = "hierarchy v1 memory\ngroup /a\nmemory.limit_in_bytes=40960\n"
				   "memory.memsw.limit_in_bytes=81920\n";
	static const char live_high[] = "hierarchy v1 memory\ngroup /\nancestor\ngroup /a\n"
					"memory.limit_in_bytes=40960\nmemory.memsw.limit_in_bytes=81920\n";

	(void)state;
	check_plan(&(struct plan_case){.image = low,
		.live = "hierarchy v1 memory\ngroup /\nancestor\n",
		.lines = "+ /a\n~ /a memory.limit_in_bytes 9223372036854771712 -> 4096\n"
			 "~ /a memory.memsw.limit_in_bytes 9223372036854771712 -> 8192\n"});
	check_plan(&(struct plan_case){.image = high,
		.live = live_low,
		.options.mode = CG_MODE_FULL,
		.lines = "~ /a memory.memsw.limit_in_bytes 8192 -> 81920\n"
			 "~ /a memory.limit_in_bytes 4096 -> 40960\n"});
	check_plan(&(struct plan_case){.image = low,
		.live = live_high,
		.options.mode = CG_MODE_FULL,
		.lines = "~ /a memory.limit_in_bytes 40960 -> 4096\n"
			 "~ /a memory.memsw.limit_in_bytes 81920 -> 8192\n"});
}

static void test_masked(void **state)
{
	static const char cpu[] = "hierarchy v2 cpu\ngroup /\nancestor\ncgroup.subtree_control=cpu\n";

	(void)state;
	check_plan(&(struct plan_case){
		.image =
			"hierarchy v2 cpu\ngroup /a\ncpu.weight=50\ncpu.idle=1\ngroup /b\ncpu.weight=60\ncpu.idle=0\n",
		.live = cpu,
		.lines = "+ /a\n~ /a cpu.idle 0 -> 1\n+ /b\n~ /b cpu.weight 100 -> 60\n"});
	check_plan(&(struct plan_case){.image = "hierarchy v2 cpu\ngroup /a\ncpu.weight=50\ncpu.idle=0\n",
		.live = "hierarchy v2 cpu\ngroup /\nancestor\ncgroup.subtree_control=cpu\ngroup /a\ncpu.weight=100\n"
			"cpu.idle=1\n",
		.options.mode = CG_MODE_FULL,
		.lines = "~ /a cpu.idle 1 -> 0\n~ /a cpu.weight 100 -> 50\n"});
}

static void test_threaded(void **state)
{
	static const char image[] =
		"hierarchy v2 cpu\nusual cgroup.subtree_control=\nusual cpu.weight=100\n"
		"group /a\ntype domain threaded\ncgroup.subtree_control=cpu\n"
		"group /a/t\ntype threaded\ncgroup.subtree_control=cpu\ncpu.weight=7\ngroup /a/t/u\ntype threaded\n";
	static const char above[] = "hierarchy v2 cpu\ngroup /\nancestor\ncgroup.subtree_control=cpu\n";

	(void)state;
	check_plan(&(struct plan_case){.image = image,
		.live = above,
		.lines =
			"+ /a\n~ /a cgroup.subtree_control \"\" -> cpu\n"
			"+ /a/t\n~ /a/t cgroup.type (new) -> threaded\n~ /a/t cgroup.subtree_control \"\" -> cpu\n"
			"~ /a/t cpu.weight 100 -> 7\n+ /a/t/u\n~ /a/t/u cgroup.type (new) -> threaded\n"});
	check_plan(&(struct plan_case){.image = "hierarchy v2 cpu\nusual cpu.weight=100\ngroup /a\n",
		.live = "hierarchy v2 cpu\nusual cpu.weight=100\ngroup /\nancestor\ncgroup.subtree_control=cpu\ngroup /a\ntype threaded\n",
		.options.mode = CG_MODE_FULL,
		.code = -EOPNOTSUPP,
		.hint = "remove the group",
		.lines = "! /a cgroup.type: is threaded, which cannot be changed back [differs]\n"});
}

/* v1: what the parent has is what a new group has. */
static void test_inherit(void **state)
{
	static const char live[] = "hierarchy v1 memory\ngroup /\nancestor\nmemory.swappiness=60\n";

	(void)state;
	check_plan(&(struct plan_case){
		.image =
			"hierarchy v1 memory\ngroup /a\nmemory.swappiness=10\ngroup /a/b\nmemory.swappiness=10\n"
			"group /a/c\nmemory.swappiness=60\n",
		.live = live,
		.lines =
			"+ /a\n~ /a memory.swappiness 60 -> 10\n+ /a/b\n+ /a/c\n~ /a/c memory.swappiness 10 -> 60\n"});
	/* Below a group that is left as it is, and below one that is made to hold the top. */
	check_plan(&(struct plan_case){.image = "hierarchy v1 memory\ngroup /a\nmemory.swappiness=60\n"
						"group /a/b\nmemory.swappiness=60\n",
		.live = "hierarchy v1 memory\ngroup /\nancestor\nmemory.swappiness=60\ngroup /a\nmemory.swappiness=5\n",
		.options.mode = CG_MODE_OPPORTUNISTIC,
		.lines = "= /a\n+ /a/b\n~ /a/b memory.swappiness 5 -> 60 [try]\n"});
	check_plan(&(struct plan_case){.image = "hierarchy v1 memory\ngroup /n/a\nmemory.swappiness=60\n",
		.live = live,
		.lines = "+ /n  (parent of the top; not in the image)\n+ /n/a\n"});
}

/* What is inherited when a group is made, and written when all are there, does not reach the children. */
static void test_inherit_late(void **state)
{
	static const char image[] =
		"hierarchy v1 pids\ngroup /a\nnotify_on_release=1\ngroup /a/b\nnotify_on_release=1\n"
		"group /a/c\nnotify_on_release=0\n";

	(void)state;
	check_plan(&(struct plan_case){.image = image,
		.live = "hierarchy v1 pids\ngroup /\nancestor\nnotify_on_release=0\n",
		.lines =
			"+ /a\n+ /a/b\n+ /a/c\n~ /a/b notify_on_release 0 -> 1\n~ /a notify_on_release 0 -> 1\n"});
	check_plan(&(struct plan_case){.image = image,
		.live = "hierarchy v1 pids\ngroup /\nancestor\nnotify_on_release=1\n",
		.lines = "+ /a\n+ /a/b\n+ /a/c\n~ /a/c notify_on_release 1 -> 0\n"});
}

static void test_cpuset(void **state)
{
	static const char image[] = "hierarchy v1 cpuset\nusual cpuset.cpus=0-3\nusual cpuset.mems=0\n"
				    "group /n/a\ngroup /n/a/b\ncpuset.cpus=1\n";

	(void)state;
	check_plan(&(struct plan_case){.image = image,
		.live = "hierarchy v1 cpuset\ngroup /\nancestor\ncpuset.cpus=0-7\ncpuset.mems=0\n",
		.lines =
			"+ /n  (parent of the top; not in the image)\n"
			"~ /n cpuset.cpus (new) -> 0-7 [ensure]\n~ /n cpuset.mems (new) -> 0 [ensure]\n"
			"+ /n/a\n~ /n/a cpuset.cpus (new) -> 0-3 [ensure]\n~ /n/a cpuset.mems (new) -> 0 [ensure]\n"
			"+ /n/a/b\n~ /n/a/b cpuset.cpus (new) -> 1 [ensure]\n"
			"~ /n/a/b cpuset.mems (new) -> 0 [ensure]\n"});
}

static void test_page_size(void **state)
{
	(void)state;
	check_plan(&(struct plan_case){
		.image =
			"page 65536\nhierarchy v1 memory\ngroup /a\nmemory.limit_in_bytes=9223372036854710272\n"
			"memory.soft_limit_in_bytes=65536\n",
		.live = "hierarchy v1 memory\ngroup /\nancestor\ngroup /a\nmemory.limit_in_bytes=4096\n"
			"memory.soft_limit_in_bytes=65536\n",
		.options.mode = CG_MODE_FULL,
		.lines = "~ /a memory.limit_in_bytes 4096 -> 9223372036854771712\n"});
}

static void test_late(void **state)
{
	static const struct cg_member members[] = {
		{.image_group = 1, .tid = 12, .pid = 11, .comm = "worker", .from = "/"},
		{.image_group = 1, .tid = 11, .pid = 11, .comm = "main", .whole_process = true, .from = "/"},
		{.image_group = 0,
			.image_pid = 9,
			.image_tid = 9,
			.comm = "old\tone",
			.whole_process = true,
			.missing = true,
			.why = "gone"}};

	(void)state;
	check_plan(&(struct plan_case){
		.image = "hierarchy v2 pids\nusual cgroup.freeze=0\nusual cgroup.max.depth=max\n"
			 "group /a\ncgroup.freeze=1\ncgroup.max.depth=1\ngroup /a/b\ncgroup.freeze=1\n",
		.live = "hierarchy v2 pids\ngroup /\nancestor\n",
		.members = members,
		.member_count = 3,
		.lines =
			"+ /a\n+ /a/b\n> /a/b 11 main\n! /a 9 old\\tone: gone [differs]\n> /a/b 12 worker\n"
			"~ /a cgroup.max.depth max -> 1\n~ /a/b cgroup.freeze 0 -> 1\n~ /a cgroup.freeze 0 -> 1\n"});
}

/* Who is where he belongs is not moved; a process that is takes its threads along, so those are moved again.
 */
static void test_settled(void **state)
{
	struct cg_member members[] = {{.image_group = 0,
					      .image_pid = 11,
					      .tid = 11,
					      .pid = 11,
					      .comm = "main",
					      .whole_process = true,
					      .together = true,
					      .from = "/a"},
		{.image_group = 1, .image_pid = 11, .tid = 12, .pid = 11, .comm = "worker", .from = "/a/b"}};
	struct plan_case c = {.image = "hierarchy v1 pids\nusual pids.max=max\n"
				       "group /a\ngroup /a/b\n",
		.live = "hierarchy v1 pids\nusual pids.max=max\n"
			"group /\nancestor\ngroup /a\ngroup /a/b\n",
		.options.mode = CG_MODE_NONE,
		.members = members,
		.member_count = 2,
		.lines = "= /a\n= /a/b\n"};

	(void)state;
	check_plan(&c);
	members[1].from = "/a";
	c.lines = "= /a\n= /a/b\n> /a 11 main\n> /a/b 12 worker\n";
	check_plan(&c);
	members[1].from = "/a/b";
	members[0].together = false;
	check_plan(&c);
}

static void test_controllers(void **state)
{
	(void)state;
	check_plan(&(struct plan_case){.image = IMAGE,
		.live = V2 "group /\nancestor\ncgroup.subtree_control=cpu\n",
		.code = -ENOENT,
		.hint = "echo '+memory' > /sys/fs/cgroup/cgroup.subtree_control",
		.lines = "! /a: needs controllers that are not enabled above it: memory [differs]\n"});
	check_plan(&(struct plan_case){.image = IMAGE,
		.live = "hierarchy v2 cpu\ngroup /\nancestor\ncgroup.subtree_control=cpu\n",
		.code = -ENODEV,
		.lines =
			"! /a: needs controllers that the v2 hierarchy does not have here: memory [differs]\n"});
	check_plan(&(struct plan_case){.image = IMAGE,
		.live = V2 "group /\nancestor\ncgroup.subtree_control=cpu\n",
		.options.mode = CG_MODE_OPPORTUNISTIC,
		.lines =
			"! /a: needs controllers that are not enabled above it: memory [differs]\n+ /a\n+ /a/b\n"});
	/* Ancestors that are made get what the top needs, and pass it on. */
	check_plan(&(struct plan_case){.image = IMAGE,
		.live = EMPTY,
		.options = {.root = &(struct cg_root){NULL, "/m/n"}, .roots = 1},
		.lines =
			"+ /m  (parent of the top; not in the image)\n~ /m cgroup.subtree_control \"\" -> memory\n"
			"+ /m/n\n~ /m/n cgroup.subtree_control \"\" -> memory\n"
			"~ /m/n memory.max max -> 67108864\n+ /m/n/b\n~ /m/n/b memory.max max -> 4096\n"});
}

static void test_disable(void **state)
{
	static const char live[] = V2 "group /\nancestor\ncgroup.subtree_control=cpu io memory pids\n"
				      "group /a\ncgroup.subtree_control=cpu memory\nmemory.max=67108864\n"
				      "group /a/b\nmemory.max=4096\ngroup /a/x\ncgroup.subtree_control=cpu\n";

	(void)state;
	check_plan(&(struct plan_case){.image = IMAGE,
		.live = live,
		.options.mode = CG_MODE_FULL,
		.lines =
			"! /a cgroup.subtree_control: stays enabled, which it is not in the image: cpu [differs]\n"
			"= /a\n= /a/b\n! /a/x: is not in the image; left alone [differs]\n"});
	check_plan(&(struct plan_case){.image = IMAGE,
		.live = V2 "group /\nancestor\ncgroup.subtree_control=cpu io memory pids\n"
			   "group /a\ncgroup.subtree_control=cpu memory\nmemory.max=67108864\n"
			   "group /a/b\nmemory.max=4096\n",
		.options.mode = CG_MODE_PROPS,
		.lines = "= /a/b\n~ /a cgroup.subtree_control cpu memory -> memory\n"});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_top_missing),
		cmocka_unit_test(test_all_exist),
		cmocka_unit_test(test_hierarchies_are_told_apart),
		cmocka_unit_test(test_group_missing),
		cmocka_unit_test(test_bind_top),
		cmocka_unit_test(test_mode_at),
		cmocka_unit_test(test_two_passes),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_masked),
		cmocka_unit_test(test_threaded),
		cmocka_unit_test(test_inherit),
		cmocka_unit_test(test_inherit_late),
		cmocka_unit_test(test_cpuset),
		cmocka_unit_test(test_page_size),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_settled),
		cmocka_unit_test(test_controllers),
		cmocka_unit_test(test_disable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
