/* The tree model: values by column, look-ups, paths, and the rules that linking checks. */
#include "unit/model/forest.h"

#include <errno.h>
#include <stdlib.h>

static const char *const files[] = {
	"memory.limit_in_bytes", "9223372036854771712", "memory.swappiness", "60", NULL, NULL};

static void test_values(void **state CG_UNUSED)
{
	struct cg_tree *tree = cg_tree_new();
	uint32_t h = plant_hierarchy(tree, 1, "memory", files), job = plant(tree, h, CG_NONE, "/job");
	uint32_t a = plant(tree, h, job, "a");
	struct cg_text usual = {0};
	struct cg_bytes value;

	set_value(tree, a, "memory.swappiness", "10");
	link_tree(tree);
	tree->inventory.page_size = 4096;
	assert_true(cg_group_value(tree, job, 1, &value));
	assert_true(cg_bytes_is(value, "60"));
	assert_true(cg_group_value(tree, a, 1, &value));
	assert_true(cg_bytes_is(value, "10"));
	/* Inherited from a parent that is here, and from one that is not: then what the root's children have.
	 */
	assert_true(cg_group_default(tree, a, 1, &usual));
	assert_string_equal(usual.data, "60");
	cg_text_reset(&usual);
	assert_int_equal(cg_group_default(tree, job, 1, &usual),
		tree->hierarchy[h].column[1].knob->default_value != NULL);
	cg_text_reset(&usual);
	assert_true(cg_group_default(tree, job, 0, &usual));
	assert_string_equal(usual.data, "9223372036854771712");
	set_value(tree, a, "memory.limit_in_bytes", NULL);
	assert_false(cg_group_value(tree, a, 0, &value));
	assert_true(cg_group_has_column(tree, a, 0));
	assert_false(cg_group_has_column(tree, a, 2));
	cg_text_free(&usual);
	(void)cg_tree_free(tree);
}

static void test_lookup(void **state CG_UNUSED)
{
	struct cg_tree *tree = cg_tree_new();
	uint32_t h = plant_hierarchy(tree, 1, "memory", files);
	uint32_t job = plant(tree, h, CG_NONE, "/x/job"), a = plant(tree, h, job, "a"),
		 b = plant(tree, h, a, "b");
	uint32_t other = plant(tree, h, CG_NONE, "/x/job2");
	struct cg_text path = {0};

	link_tree(tree);
	assert_int_equal(cg_tree_find(tree, h, "/x/job"), job);
	assert_int_equal(cg_tree_find(tree, h, "/x/job/a/b"), b);
	assert_int_equal(cg_tree_find(tree, h, "/x/job2"), other);
	assert_int_equal(cg_tree_find(tree, h, "/x"), CG_NONE);
	assert_int_equal(cg_tree_find(tree, h, "/x/job/b"), CG_NONE);
	assert_int_equal(cg_group_child(tree, job, "a"), a);
	assert_int_equal(cg_group_child(tree, job, "b"), CG_NONE);
	assert_int_equal(tree->group[b].depth, 2);
	cg_group_path(tree, b, &path);
	assert_string_equal(path.data, "/x/job/a/b");
	cg_text_free(&path);
	(void)cg_tree_free(tree);
}

static void test_labels(void **state CG_UNUSED)
{
	struct cg_tree *tree = cg_tree_new();
	uint32_t v1 = plant_hierarchy(tree, 1, "cpu,cpuacct", files),
		 v2 = plant_hierarchy(tree, 2, "memory,io", files);
	uint32_t named = plant_hierarchy(tree, 1, "", files),
		 swapped = plant_hierarchy(tree, 1, "cpuacct,cpu", files);
	struct cg_text t = {0};

	tree->hierarchy[named].name = "systemd";
	assert_string_equal(cg_hierarchy_label(&tree->hierarchy[v1], &t), "cpu,cpuacct");
	assert_string_equal(cg_hierarchy_label(&tree->hierarchy[v2], &t), "v2");
	assert_string_equal(cg_hierarchy_label(&tree->hierarchy[named], &t), "name=systemd");
	assert_true(cg_hierarchy_same(&tree->hierarchy[v1], &tree->hierarchy[swapped]));
	assert_false(cg_hierarchy_same(&tree->hierarchy[v1], &tree->hierarchy[v2]));
	assert_false(cg_hierarchy_same(&tree->hierarchy[v1], &tree->hierarchy[named]));
	assert_true(cg_hierarchy_has_controller(&tree->hierarchy[v1], "cpuacct"));
	assert_false(cg_hierarchy_has_controller(&tree->hierarchy[v1], "cpuac"));
	cg_text_free(&t);
	(void)cg_tree_free(tree);
}

/* Trees that break a rule: parent by index (-1 none) and name of each group after the first, "/job". */
struct broken {
	const char *what;
	struct {
		int parent;
		const char *name;
	} group[3];
};

static const struct broken broken[] = {
	{"a parent that comes later", {{2, "a"}, {0, "b"}}},
	{"a group that is its own parent", {{1, "a"}}},
	{"a name with a slash", {{0, "a/b"}}},
	{"a name of two dots", {{0, ".."}}},
	{"a name with a newline", {{0, "a\nb"}}},
	{"an empty name", {{0, ""}}},
	{"siblings out of order", {{0, "b"}, {0, "a"}}},
	{"a sibling twice", {{0, "a"}, {0, "a"}}},
	{"not depth-first", {{0, "a"}, {0, "b"}, {1, "c"}}},
	{"a relative top", {{-1, "zz"}}},
	{"the root as top", {{-1, "/"}}},
	{"a top with two dots", {{-1, "/zz/../a"}}},
	{"tops out of order", {{-1, "/a"}}},
	{"a top twice", {{-1, "/job"}}},
};

static void test_rules(void **state CG_UNUSED)
{
	for (size_t i = 0; i < CG_ARRAY_SIZE(broken); i++) {
		struct cg_tree *tree = cg_tree_new();
		uint32_t h = plant_hierarchy(tree, 1, "memory", files);
		struct cg_error *err = NULL;

		(void)plant(tree, h, CG_NONE, "/job");
		for (size_t k = 0; k < 3 && broken[i].group[k].name; k++)
			(void)plant(tree, h,
				broken[i].group[k].parent < 0 ? CG_NONE : (uint32_t)broken[i].group[k].parent,
				broken[i].group[k].name);
		if (cg_tree_link(tree, &err) == 0)
			fail_msg("accepted: %s", broken[i].what);
		assert_non_null(err);
		assert_int_equal(err->fault, CG_FAULT_CORRUPT);
		(void)cg_error_free(err);
		(void)cg_tree_free(tree);
	}
}

static void test_depth(void **state CG_UNUSED)
{
	struct cg_tree *tree = cg_tree_new();
	uint32_t h = plant_hierarchy(tree, 1, "memory", files), g = plant(tree, h, CG_NONE, "/job");
	struct cg_error *err = NULL;

	for (unsigned i = 0; i < CG_DEPTH_MAX - 1; i++)
		g = plant(tree, h, g, "d");
	assert_int_equal(cg_tree_link(tree, &err), 0);
	for (unsigned i = 0; i < 2; i++)
		g = plant(tree, h, g, "d");
	assert_true(cg_tree_link(tree, &err) < 0);
	assert_non_null(err);
	(void)cg_error_free(err);
	(void)cg_tree_free(tree);
}

/* The groups below go, what stands beside stays, and nothing is passed on any more: whether the usual value
 * said so or the group's own. */
static void test_cut(void **state CG_UNUSED)
{
	static const char *const delegating[] = {"cgroup.max.depth", "max", "cgroup.subtree_control",
		"memory pids", "pids.max", "max", NULL, NULL};
	struct cg_tree *tree = cg_tree_new();
	uint32_t v1 = plant_hierarchy(tree, 1, "memory", files);
	uint32_t v2 = plant_hierarchy(tree, 2, "memory,pids", delegating);
	uint32_t kept = plant(tree, v1, plant(tree, v1, CG_NONE, "/job"), "x");
	uint32_t job = plant(tree, v2, CG_NONE, "/job"), a = plant(tree, v2, job, "a"), next;
	struct cg_bytes value;

	(void)plant(tree, v2, a, "b");
	(void)plant(tree, v2, job, "c");
	next = plant(tree, v2, plant(tree, v2, CG_NONE, "/next"), "d");
	set_value(tree, job, "pids.max", "7");
	set_value(tree, a, "cgroup.subtree_control", "");
	link_tree(tree);
	assert_true(cg_group_passes_on(tree, job));
	assert_false(cg_group_passes_on(tree, a));
	assert_false(cg_group_passes_on(tree, next));
	assert_false(cg_group_passes_on(tree, kept));
	assert_int_equal(cg_tree_cut_below(tree, job, NULL), 0);
	assert_int_equal(tree->groups, 5);
	assert_int_equal(tree->group[job].first_child, CG_NONE);
	assert_int_equal(cg_tree_find(tree, v1, "/job/x"), kept);
	assert_int_equal(cg_tree_find(tree, v2, "/next/d"), next - 3);
	assert_true(cg_group_value(tree, job, 1, &value));
	assert_int_equal(value.len, 0);
	assert_true(cg_group_value(tree, job, 2, &value));
	assert_true(cg_bytes_is(value, "7"));
	assert_false(cg_group_passes_on(tree, job));
	/* A group without any below it stays as it is. */
	assert_int_equal(cg_tree_cut_below(tree, next - 3, NULL), 0);
	assert_true(cg_group_value(tree, next - 3, 1, &value));
	assert_true(cg_bytes_is(value, "memory pids"));
	(void)cg_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
