/* Where groups go: roots, mappings, the directory itself. */
#include "plan_case.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define PIDS     "hierarchy v1 pids\nusual pids.max=max\n"
#define NOTHING  PIDS "group /\nancestor\n"
#define TWO_TOPS PIDS "group /a\ngroup /a/x\ngroup /a/y\ngroup /b\n"

static void test_root(void **state)
{
	(void)state;
	check_plan(&(struct plan_case){.image = PIDS "group /a\ngroup /a/x\n",
		.live = NOTHING,
		.options = {.root = &(struct cg_root){NULL, "/new"}, .roots = 1},
		.lines = "+ /new\n+ /new/x\n"});
	check_plan(&(struct plan_case){.image = TWO_TOPS,
		.live = NOTHING,
		.options = {.root = &(struct cg_root){NULL, "/new"}, .roots = 1},
		.code = -EINVAL,
		.error = "2 tops of the image would go to the same place, /new",
		.hint = "--map OLD=NEW"});
	check_plan(&(struct plan_case){.image = PIDS "group /a\n",
		.live = NOTHING,
		.options = {.root = &(struct cg_root){NULL, "/"}, .roots = 1},
		.code = -EINVAL,
		.error = "below the root"});
	check_plan(&(struct plan_case){.image = PIDS "group /a\n",
		.live = NOTHING,
		.options = {.root = &(struct cg_root){NULL, "/x/../y"}, .roots = 1},
		.code = -EINVAL});
}

static void test_root_of_hierarchy(void **state)
{
	static const struct cg_root roots[] = {{"cpuacct", "/c"}, {NULL, "/all"}, {"name=systemd", "/s"}};

	(void)state;
	check_plan(&(struct plan_case){
		.image = PIDS
		"group /a\nhierarchy v1 cpu,cpuacct\ngroup /b\nhierarchy v1 - name=systemd\ngroup /d\n",
		.live = PIDS "group /\nancestor\nhierarchy v1 - name=systemd\ngroup /\nancestor\n"
			     "hierarchy v1 cpuacct,cpu\ngroup /\nancestor\n",
		.options = {.root = roots, .roots = 3},
		.lines = "+ /all  (pids)\n+ /c  (cpuacct,cpu)\n+ /s  (name=systemd)\n"});
}

static void test_root_of_no_hierarchy(void **state)
{
	(void)state;
	check_plan(&(struct plan_case){.image = PIDS "group /a\n",
		.live = NOTHING,
		.options = {.root = &(struct cg_root){"memory", "/x"}, .roots = 1},
		.code = -EINVAL,
		.error = "the image has no such hierarchy"});
}

static void map(const struct cg_mapping *maps, size_t n, int code, const char *error, const char *lines)
{
	check_plan(&(struct plan_case){.image = TWO_TOPS,
		.live = NOTHING,
		.options = {.map = maps, .maps = n},
		.code = code,
		.error = error,
		.lines = lines});
}

static void test_map(void **state)
{
	static const struct cg_mapping top[] = {{"/a", "/n/a"}}, below[] = {{"/a/x", "/a/z"}},
				       inside[] = {{"/a/x", "/a/y/x"}}, nested[] = {{"/b", "/a/x/b"}},
				       both[] = {{"/a", "/q"}, {"/a/y", "/q/w"}},
				       outside[] = {{"/a/x", "/c"}}, same[] = {{"/b", "/a"}},
				       lacks[] = {{"/c", "/d"}}, twice[] = {{"/b", "/c"}, {"/b", "/d"}},
				       to_root[] = {{"/b", "/"}};

	(void)state;
	map(top, 1, 0, NULL,
		"+ /n  (parent of the top; not in the image)\n+ /n/a\n+ /n/a/x\n+ /n/a/y\n+ /b\n");
	map(below, 1, 0, NULL, "+ /a\n+ /a/z\n+ /a/y\n+ /b\n");
	map(inside, 1, 0, NULL, "+ /a\n+ /a/y\n+ /a/y/x\n+ /b\n");
	map(nested, 1, 0, NULL, "+ /a\n+ /a/x\n+ /a/x/b\n+ /a/y\n");
	map(both, 2, 0, NULL, "+ /q\n+ /q/x\n+ /q/w\n+ /b\n");
	map(outside, 1, -EINVAL, "must stay inside the tree", "");
	map(same, 1, -EINVAL, "/a and /b of the image would both become", "");
	map(lacks, 1, -EINVAL, "the image has no /c", "");
	map(twice, 2, -EINVAL, "/b is mapped twice", "");
	map(to_root, 1, -EINVAL, "below the root", "");
}

/* A path above the tops is mapped for all of them; a longer one wins. */
static void test_map_above(void **state)
{
	static const struct cg_mapping maps[] = {{"/s", "/t"}, {"/s/b", "/u"}};

	(void)state;
	check_plan(&(struct plan_case){.image = PIDS "group /s/a\ngroup /s/b\n",
		.live = NOTHING,
		.options = {.map = maps, .maps = 2, .root = &(struct cg_root){NULL, "/no"}, .roots = 1},
		.lines = "+ /t  (parent of the top; not in the image)\n+ /t/a\n+ /u\n"});
}

/* Ancestors are made once, and only as far as they are missing. */
static void test_ancestors(void **state)
{
	static const struct cg_mapping maps[] = {{"/a", "/p/q/r/a"}, {"/b", "/p/q/s/b"}};

	(void)state;
	check_plan(&(struct plan_case){.image = TWO_TOPS,
		.live = NOTHING "group /p\nancestor\n",
		.options = {.map = maps, .maps = 2},
		.lines =
			"+ /p/q  (parent of the top; not in the image)\n"
			"+ /p/q/r  (parent of the top; not in the image)\n+ /p/q/r/a\n+ /p/q/r/a/x\n+ /p/q/r/a/y\n"
			"+ /p/q/s  (parent of the top; not in the image)\n+ /p/q/s/b\n"});
}

static void test_places(void **state)
{
	_cleanup_tree_ struct cg_tree *image = build_tree(PIDS "group /n/a\ngroup /n/a/x\n");
	_cleanup_tree_ struct cg_tree *live = build_tree(
		"hierarchy v1 cpu\nhierarchy v1 pids root=/c\nusual pids.max=max\ngroup /c\nancestor\ngroup /c/o\n");
	_cleanup_error_ struct cg_error *e = NULL;
	_cleanup_plan_ struct cg_plan plan = {0};
	struct cg_plan_options o = {
		.root = &(struct cg_root){NULL, "/c/o/n/a"}, .roots = 1, .privileged = true};

	(void)state;
	assert_int_equal(cg_plan_make(image, live, NULL, &o, &plan, &e), 0);
	assert_int_equal(plan.places, 3);
	assert_int_equal(plan.creates, 3);
	assert_string_equal(plan.place[0].path, "/c/o/n");
	assert_string_equal(plan.place[0].name, "o/n");
	assert_int_equal(plan.place[0].parent, CG_NONE);
	assert_int_equal(plan.place[0].hierarchy, 1);
	assert_int_equal(plan.place[0].image_group, CG_NONE);
	assert_string_equal(plan.place[1].name, "a");
	assert_int_equal(plan.place[1].parent, 0);
	assert_int_equal(plan.place[1].image_group, 0);
	assert_string_equal(plan.place[2].name, "x");
	assert_int_equal(plan.place[2].parent, 1);
}

static void test_dir(void **state)
{
	(void)state;
	check_plan(&(struct plan_case){.image = PIDS "group /job\npids.max=9\ngroup /job/x\n",
		.live = "hierarchy v1 pids root=/box\nusual pids.max=max\ngroup /box\npids.max=max\n",
		.options = {.mode = CG_MODE_BIND, .dir = true},
		.lines = "+ /box/x\n~ /box pids.max max -> 9\n"});
	check_plan(&(struct plan_case){.image = TWO_TOPS,
		.live = NOTHING,
		.options = {.mode = CG_MODE_BIND, .dir = true},
		.code = -EINVAL,
		.error = "the directory given"});
	/* The other hierarchies of the image have no directory. */
	check_plan(&(struct plan_case){.image = PIDS "group /a\nhierarchy v1 memory\ngroup /a\n",
		.live = PIDS "group /\n",
		.options = {.mode = CG_MODE_FULL, .dir = true},
		.lines =
			"! memory: is no hierarchy of a directory that was given; its groups are left out [differs]\n"
			"= /\n"});
	check_plan(&(struct plan_case){.image = PIDS "group /a\n",
		.live = NOTHING,
		.options = {.dir = true, .root = &(struct cg_root){NULL, "/x"}, .roots = 1},
		.code = -EINVAL,
		.error = "--root and --map do not go with it"});
}

/* At the root of a namespace only what was handed over may be written. */
static void test_delegated_root(void **state)
{
	static const char image[] =
		"hierarchy v2 pids\nusual cgroup.subtree_control=\nusual pids.max=max\n"
		"group /job\npids.max=9\ncgroup.subtree_control=pids\ngroup /job/x\npids.max=3\n";
	static const char live[] = "hierarchy v2 pids options=rw,nsdelegate\nusual cgroup.subtree_control=\n"
				   "usual pids.max=max\ngroup /\n";

	(void)state;
	check_plan(&(struct plan_case){.image = image,
		.live = live,
		.options = {.mode = CG_MODE_BIND, .dir = true},
		.lines = "! / pids.max: belongs to the owner of this cgroup namespace; left alone [differs]\n"
			 "~ / cgroup.subtree_control \"\" -> pids\n+ /x\n~ /x pids.max max -> 3\n"});
	check_plan(&(struct plan_case){.image = image,
		.live = live,
		.options = {.mode = CG_MODE_FULL, .dir = true},
		.code = -EPERM,
		.lines = "! / pids.max: belongs to the owner of this cgroup namespace [differs]\n"});
}

static int count_target(void *context, uint32_t hierarchy, uint32_t group, const char *path)
{
	(void)hierarchy;
	(void)group;
	cg_text_adds(context, path);
	cg_text_addc(context, ' ');
	return 0;
}

static void test_targets(void **state)
{
	_cleanup_tree_ struct cg_tree *image = build_tree(TWO_TOPS);
	_cleanup_text_ struct cg_text t = {0};
	struct cg_plan_options o = {.map = &(struct cg_mapping){"/a", "/z"}, .maps = 1};
	struct cg_error *e = NULL;

	(void)state;
	assert_int_equal(cg_plan_targets(image, &o, count_target, &t, &e), 0);
	assert_string_equal(t.data, "/z /b ");
}

static void test_unmapped_hierarchy(void **state)
{
	(void)state;
	check_plan(&(struct plan_case){.image = PIDS "group /a\nhierarchy v1 memory\ngroup /a\n",
		.live = NOTHING,
		.code = -ENODEV,
		.lines = "! memory: there is no such hierarchy here [differs]\n"});
	check_plan(&(struct plan_case){.image = PIDS "group /a\nhierarchy v1 memory\ngroup /a\n",
		.live = NOTHING,
		.options.mode = CG_MODE_OPPORTUNISTIC,
		.lines = "! memory: there is no such hierarchy here [differs]\n+ /a\n"});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_root),
		cmocka_unit_test(test_root_of_hierarchy),
		cmocka_unit_test(test_root_of_no_hierarchy),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_map_above),
		cmocka_unit_test(test_ancestors),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_dir),
		cmocka_unit_test(test_delegated_root),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_unmapped_hierarchy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
