/* Differences of two trees: each kind alone, tops elsewhere, and time in proportion to size. */
#include "unit/model/forest.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "model/device_keys.h"
#include "model/device_rules.h"
#include "model/diff.h"

static const char *const memory_files[] = {
	"memory.limit_in_bytes", "9223372036854771712", "memory.swappiness", "60", NULL, NULL};
static const char *const v2_files[] = {
	"cpu.idle", "0", "cpu.weight", "100", "cpuset.cpus", "", "unknown.file", "x", NULL, NULL};

/* /job with a, a/b and c in the memory hierarchy and on v2. */
static struct cg_tree *sample(const char *top)
{
	struct cg_tree *tree = cg_tree_new();

	assert_non_null(tree);
	tree->inventory.page_size = 4096;
	tree->inventory.boot_id = "one";
	tree->inventory.members = true;
	for (int i = 0; i < 2; i++) {
		uint32_t h = i ? plant_hierarchy(tree, 2, "cpu,cpuset", v2_files)
			       : plant_hierarchy(tree, 1, "memory", memory_files);
		uint32_t job = plant(tree, h, CG_NONE, top), a = plant(tree, h, job, "a");

		(void)plant(tree, h, a, "b");
		(void)plant(tree, h, job, "c");
	}
	link_tree(tree);
	return tree;
}

/* The groups of sample(). */
enum { M_JOB, M_A, M_B, M_C, U_JOB, U_A, U_B, U_C };

static struct cg_diff compare(struct cg_tree *a, struct cg_tree *b, unsigned flags)
{
	struct cg_diff diff = {0};
	struct cg_error *err = NULL;

	assert_int_equal(cg_diff_trees(a, b, flags, &diff, &err), 0);
	return diff;
}

static void free_all(struct cg_tree *a, struct cg_tree *b, struct cg_diff *diff)
{
	cg_diff_free(diff);
	(void)cg_tree_free(a);
	(void)cg_tree_free(b);
}

static void assert_bytes(struct cg_bytes b, const char *text)
{
	if (!text) {
		assert_null(b.data);
		return;
	}
	assert_int_equal(b.len, strlen(text));
	assert_memory_equal(b.data, text, b.len);
}

static void assert_difference(const struct cg_diff *diff, size_t i, enum cg_difference_kind kind,
	const char *path, const char *name, const char *a, const char *b)
{
	assert_true(i < diff->count);
	assert_int_equal(diff->item[i].kind, kind);
	assert_string_equal(diff->item[i].path, path);
	if (name)
		assert_string_equal(diff->item[i].name, name);
	else
		assert_null(diff->item[i].name);
	assert_bytes(diff->item[i].a, a);
	assert_bytes(diff->item[i].b, b);
}

static void test_same(void **state CG_UNUSED)
{
	struct cg_tree *a = sample("/job"), *b = sample("/job");
	struct cg_diff diff = compare(a, b, 0);

	assert_int_equal(diff.count, 0);
	free_all(a, b, &diff);
}

static void test_another_top(void **state CG_UNUSED)
{
	struct cg_tree *a = sample("/job"), *b = sample("/copy/job");
	struct cg_diff diff;

	set_value(b, M_A, "memory.swappiness", "10");
	diff = compare(a, b, 0);
	assert_int_equal(diff.count, 1);
	assert_difference(&diff, 0, CG_DIFF_SETTING, "/job/a", "memory.swappiness", "60", "10");
	assert_int_equal(diff.item[0].group_a, M_A);
	assert_int_equal(diff.item[0].group_b, M_A);
	free_all(a, b, &diff);
}

static void test_settings(void **state CG_UNUSED)
{
	struct cg_tree *a = sample("/job"), *b = sample("/job");
	struct cg_diff diff;

	/* The kernel rounds to pages, writes lists its own way, and cannot read everything. */
	set_value(a, M_A, "memory.limit_in_bytes", "67108865");
	set_value(b, M_A, "memory.limit_in_bytes", "67108864");
	set_value(a, U_A, "cpuset.cpus", "0,1,2");
	set_value(b, U_A, "cpuset.cpus", "0-2");
	set_value(a, U_B, "cpu.weight", NULL);
	set_value(b, U_C, "unknown.file", "y");
	diff = compare(a, b, 0);
	assert_int_equal(diff.count, 2);
	assert_difference(&diff, 0, CG_DIFF_SETTING, "/job/a/b", "cpu.weight", NULL, "100");
	assert_difference(&diff, 1, CG_DIFF_SETTING, "/job/c", "unknown.file", "x", "y");
	free_all(a, b, &diff);
}

static void test_masked(void **state CG_UNUSED)
{
	struct cg_tree *a = sample("/job"), *b = sample("/job");
	struct cg_diff diff;

	/* An idle group's weight says nothing, as long as both are idle. */
	set_value(a, U_A, "cpu.idle", "1");
	set_value(b, U_A, "cpu.idle", "1");
	set_value(b, U_A, "cpu.weight", "7");
	diff = compare(a, b, 0);
	assert_int_equal(diff.count, 0);
	cg_diff_free(&diff);
	set_value(b, U_A, "cpu.idle", "0");
	diff = compare(a, b, 0);
	assert_int_equal(diff.count, 2);
	assert_difference(&diff, 0, CG_DIFF_SETTING, "/job/a", "cpu.idle", "1", "0");
	assert_difference(&diff, 1, CG_DIFF_SETTING, "/job/a", "cpu.weight", "100", "7");
	free_all(a, b, &diff);
}

static void test_page_sizes(void **state CG_UNUSED)
{
	static const char *const large_pages[] = {
		"memory.limit_in_bytes", "9223372036854710272", "memory.swappiness", "60", NULL, NULL};
	struct cg_tree *a = cg_tree_new(), *b = cg_tree_new();
	struct cg_diff diff;

	(void)plant(a, plant_hierarchy(a, 1, "memory", memory_files), CG_NONE, "/job");
	(void)plant(b, plant_hierarchy(b, 1, "memory", large_pages), CG_NONE, "/job");
	a->inventory.page_size = 4096;
	b->inventory.page_size = 65536;
	link_tree(a);
	link_tree(b);
	diff = compare(a, b, 0);
	assert_int_equal(diff.count, 0);
	free_all(a, b, &diff);
}

static void test_files_of_one_side(void **state CG_UNUSED)
{
	static const char *const fewer[] = {"memory.swappiness", "60", "memory.other", "1", NULL, NULL};
	struct cg_tree *a = cg_tree_new(), *b = cg_tree_new();
	struct cg_diff diff;

	(void)plant(a, plant_hierarchy(a, 1, "memory", memory_files), CG_NONE, "/job");
	(void)plant(b, plant_hierarchy(b, 1, "memory", fewer), CG_NONE, "/job");
	link_tree(a);
	link_tree(b);
	/* What is as in a new group asks for nothing. */
	diff = compare(a, b, 0);
	assert_int_equal(diff.count, 1);
	assert_difference(&diff, 0, CG_DIFF_SETTING, "/job", "memory.other", NULL, "1");
	cg_diff_free(&diff);
	assert_true(cg_group_set_value(a, 0,
		(uint16_t)cg_hierarchy_column(&a->hierarchy[0], "memory.limit_in_bytes"), CG_BYTES("4096")));
	diff = compare(a, b, 0);
	assert_int_equal(diff.count, 2);
	assert_difference(&diff, 0, CG_DIFF_SETTING, "/job", "memory.limit_in_bytes", "4096", NULL);
	assert_difference(&diff, 1, CG_DIFF_SETTING, "/job", "memory.other", NULL, "1");
	free_all(a, b, &diff);
}

/* a: a(b) c     b: a(b x(y)) bb d(e)  */
static void test_missing_and_extra(void **state CG_UNUSED)
{
	struct cg_tree *a = cg_tree_new(), *b = cg_tree_new();
	struct cg_diff diff;
	uint32_t h, job, child;

	h = plant_hierarchy(a, 1, "memory", memory_files);
	job = plant(a, h, CG_NONE, "/job");
	child = plant(a, h, job, "a");
	(void)plant(a, h, child, "b");
	(void)plant(a, h, job, "c");
	link_tree(a);
	h = plant_hierarchy(b, 1, "memory", memory_files);
	job = plant(b, h, CG_NONE, "/elsewhere");
	child = plant(b, h, job, "a");
	(void)plant(b, h, child, "b");
	child = plant(b, h, child, "x");
	(void)plant(b, h, child, "y");
	(void)plant(b, h, job, "bb");
	child = plant(b, h, job, "d");
	(void)plant(b, h, child, "e");
	link_tree(b);
	diff = compare(a, b, 0);
	assert_int_equal(diff.count, 4);
	assert_difference(&diff, 0, CG_DIFF_GROUP_EXTRA, "/job/a/x", NULL, NULL, "2 groups");
	assert_difference(&diff, 1, CG_DIFF_GROUP_EXTRA, "/job/bb", NULL, NULL, "1 group");
	assert_difference(&diff, 2, CG_DIFF_GROUP_MISSING, "/job/c", NULL, "1 group", NULL);
	assert_difference(&diff, 3, CG_DIFF_GROUP_EXTRA, "/job/d", NULL, NULL, "2 groups");
	cg_diff_free(&diff);
	diff = compare(a, b, CG_DIFF_IGNORE_EXTRA);
	assert_int_equal(diff.count, 1);
	free_all(a, b, &diff);
}

static void test_hierarchies(void **state CG_UNUSED)
{
	struct cg_tree *a = sample("/job"), *b = cg_tree_new();
	struct cg_diff diff;

	(void)plant(b, plant_hierarchy(b, 1, "cpuacct,cpu", memory_files), CG_NONE, "/job");
	(void)plant_hierarchy(b, 1, "blkio", memory_files);
	link_tree(b);
	diff = compare(a, b, 0);
	assert_int_equal(diff.count, 3);
	assert_difference(&diff, 0, CG_DIFF_HIERARCHY_MISSING, "/job", NULL, NULL, NULL);
	assert_difference(&diff, 1, CG_DIFF_HIERARCHY_MISSING, "/job", NULL, NULL, NULL);
	assert_difference(&diff, 2, CG_DIFF_HIERARCHY_EXTRA, "/job", NULL, NULL, NULL);
	free_all(a, b, &diff);
}

static void test_tops(void **state CG_UNUSED)
{
	struct cg_tree *a = cg_tree_new(), *b = cg_tree_new();
	uint32_t h = plant_hierarchy(a, 1, "memory", memory_files);
	struct cg_diff diff;

	/* /x meets /x; what is left is paired in order: /a with /m; /z is alone. */
	(void)plant(a, h, CG_NONE, "/a");
	(void)plant(a, h, CG_NONE, "/x");
	(void)plant(a, h, CG_NONE, "/z");
	link_tree(a);
	h = plant_hierarchy(b, 1, "memory", memory_files);
	set_value(b, plant(b, h, CG_NONE, "/m"), "memory.swappiness", "1");
	(void)plant(b, h, CG_NONE, "/x");
	link_tree(b);
	diff = compare(a, b, 0);
	assert_int_equal(diff.count, 2);
	assert_difference(&diff, 0, CG_DIFF_SETTING, "/a", "memory.swappiness", "60", "1");
	assert_difference(&diff, 1, CG_DIFF_GROUP_MISSING, "/z", NULL, "1 group", NULL);
	free_all(a, b, &diff);
}

static void test_types_owners_xattrs(void **state CG_UNUSED)
{
	static struct cg_file_owner procs = {CG_FILE_EXTRA, "cgroup.procs", {1000, 1000, 0644}};
	static struct cg_file_owner weight = {1, NULL, {0, 0, 0600}};
	static struct cg_xattr left[] = {{"user.a", {"1", 1}}, {"user.b", {"2", 1}}};
	static struct cg_xattr right[] = {{"user.b", {"3", 1}}, {"user.c", {"4", 1}}};
	struct cg_tree *a = sample("/job"), *b = sample("/job");
	struct cg_diff diff;

	b->group[U_A].type = CG_TYPE_THREADED;
	b->group[U_A].owner = (struct cg_owner){1000, 1000, 0750};
	b->group[U_A].file_owner = &procs;
	b->group[U_A].file_owners = 1;
	a->group[U_B].file_owner = &weight;
	a->group[U_B].file_owners = 1;
	a->group[U_C].xattr = left;
	b->group[U_C].xattr = right;
	a->group[U_C].xattrs = b->group[U_C].xattrs = 2;
	diff = compare(a, b, 0);
	assert_int_equal(diff.count, 7);
	assert_difference(&diff, 0, CG_DIFF_TYPE, "/job/a", NULL, "domain", "threaded");
	assert_difference(&diff, 1, CG_DIFF_OWNER, "/job/a", NULL, "0:0 755", "1000:1000 750");
	assert_difference(&diff, 2, CG_DIFF_OWNER, "/job/a", "cgroup.procs", "0:0 644", "1000:1000 644");
	assert_difference(&diff, 3, CG_DIFF_OWNER, "/job/a/b", "cpu.weight", "0:0 600", "0:0 644");
	assert_difference(&diff, 4, CG_DIFF_XATTR, "/job/c", "user.a", "1", NULL);
	assert_difference(&diff, 5, CG_DIFF_XATTR, "/job/c", "user.b", "2", "3");
	assert_difference(&diff, 6, CG_DIFF_XATTR, "/job/c", "user.c", NULL, "4");
	free_all(a, b, &diff);
}

static void test_programs(void **state CG_UNUSED)
{
	static struct cg_program one = {.id = 1,
		.attach_type = 6,
		.type = "device",
		.name = "d",
		.tag = {"\x01\x02\x03\x04\x05\x06\x07\x08", 8},
		.instructions = {"", 0}};
	struct cg_program again = one;
	struct cg_tree *a = sample("/job"), *b = sample("/job");
	struct cg_diff diff;

	again.id = 9;
	a->group[U_A].program = &one;
	a->group[U_A].programs = 1;
	b->group[U_A].program = &again;
	b->group[U_A].programs = 1;
	diff = compare(a, b, 0);
	assert_int_equal(diff.count, 0);
	cg_diff_free(&diff);
	b->group[U_A].programs = 0;
	diff = compare(a, b, 0);
	assert_int_equal(diff.count, 1);
	assert_difference(&diff, 0, CG_DIFF_PROGRAM, "/job/a", NULL,
		"device d not saved, tag 0102030405060708 (alone)", "none");
	free_all(a, b, &diff);
}

static void name_device(struct cg_tree *t, const char *key, const char *stable)
{
	uint32_t i = cg_tree_add_device(t);

	assert_int_not_equal(i, CG_NONE);
	t->device[i] = (struct cg_device){CG_DEVICE_BLOCK, key, key, stable};
}

/* The same disks under other numbers are the same; other disks under the same numbers are not. */
static void test_devices(void **state CG_UNUSED)
{
	struct cg_tree *a = sample("/job"), *b = sample("/job");
	struct cg_program one = {0}, other = {0};
	struct cg_diff diff;

	name_device(a, "8:16", "serial:one");
	name_device(a, "8:32", "serial:two");
	name_device(b, "8:16", "serial:two");
	name_device(b, "8:32", "serial:one");
	assert_int_equal(cg_device_rules_program(&a->arena, CG_BYTES("b 8:16 r\nc 8:16 w"), &one), 1);
	assert_int_equal(cg_device_rules_program(&b->arena, CG_BYTES("b 8:32 r\nc 8:16 w"), &other), 1);
	a->group[U_A].program = &one;
	a->group[U_A].programs = 1;
	b->group[U_A].program = &other;
	b->group[U_A].programs = 1;
	diff = compare(a, b, 0);
	assert_int_equal(diff.count, 0);
	cg_diff_free(&diff);
	b->group[U_A].program = &one;
	diff = compare(a, b, 0);
	assert_int_equal(diff.count, 1);
	free_all(a, b, &diff);
}

static void test_keys(void **state CG_UNUSED)
{
	struct cg_tree *a = sample("/job"), *b = sample("/job");
	struct cg_device_keys keys = {0};
	_cleanup_text_ struct cg_text t = {0};
	struct cg_bytes v;

	name_device(a, "8:16", "serial:one");
	name_device(a, "8:32", "wwid:paths");
	name_device(a, "8:48", "");
	name_device(b, "254:0", "serial:one");
	name_device(b, "254:16", "wwid:paths");
	name_device(b, "254:32", "wwid:paths");
	name_device(b, "254:48", "");
	assert_int_equal(cg_device_keys_make(a, b, &keys), 0);
	assert_int_equal(keys.count, 1);
	assert_int_equal(cg_device_keys_value(&keys, cg_knob_find("io.max", 2),
				 CG_BYTES("8:16 rbps=1\n8:32 rbps=2"), &t, &v),
		0);
	assert_true(cg_bytes_is(v, "254:0 rbps=1\n8:32 rbps=2"));
	assert_int_equal(cg_device_keys_value(&keys, cg_knob_find("devices.list", 1),
				 CG_BYTES("c 8:16 r\nb 8:16 r"), &t, &v),
		0);
	assert_true(cg_bytes_is(v, "c 8:16 r\nb 254:0 r"));
	assert_int_equal(
		cg_device_keys_value(&keys, cg_knob_find("pids.max", 2), CG_BYTES("8:16"), &t, &v), 0);
	assert_true(cg_bytes_is(v, "8:16"));
	cg_device_keys_free(&keys);
	(void)cg_tree_free(a);
	(void)cg_tree_free(b);
}

static void test_tasks(void **state CG_UNUSED)
{
	struct cg_tree *a = sample("/job"), *b = sample("/job");
	struct cg_diff diff;

	put_task(a, M_A, 10, 100, "one");
	put_task(b, M_A, 10, 100, "one");
	put_task(a, M_B, 11, 100, "two");
	put_task(b, M_B, 11, 101, "new");
	put_task(b, M_C, 12, 100, "more");
	diff = compare(a, b, 0);
	assert_int_equal(diff.count, 2);
	assert_difference(&diff, 0, CG_DIFF_TASKS, "/job/a/b", NULL, "1 (11 two)", "1 (11 new)");
	assert_difference(&diff, 1, CG_DIFF_TASKS, "/job/c", NULL, "0", "1 (12 more)");
	cg_diff_free(&diff);
	diff = compare(a, b, CG_DIFF_NO_TASKS);
	assert_int_equal(diff.count, 0);
	cg_diff_free(&diff);
	/* On another boot ids mean nothing: numbers remain. */
	b->inventory.boot_id = "two";
	diff = compare(a, b, 0);
	assert_int_equal(diff.count, 1);
	assert_difference(&diff, 0, CG_DIFF_TASKS, "/job/c", NULL, "0", "1");
	cg_diff_free(&diff);
	b->inventory.members = false;
	diff = compare(a, b, 0);
	assert_int_equal(diff.count, 0);
	free_all(a, b, &diff);
}

static struct cg_tree *wide(uint32_t groups)
{
	struct cg_tree *tree = cg_tree_new();
	uint32_t h = plant_hierarchy(tree, 1, "memory", memory_files), job = plant(tree, h, CG_NONE, "/job");

	for (uint32_t i = 0; i < groups; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "g%08u", i);
		(void)plant(tree, h, job, name);
	}
	link_tree(tree);
	return tree;
}

static double seconds_of(uint32_t groups)
{
	struct cg_tree *a = wide(groups), *b = wide(groups);
	struct timespec start, end;
	struct cg_diff diff;

	set_value(b, groups / 2, "memory.swappiness", "1");
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	diff = compare(a, b, 0);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	assert_int_equal(diff.count, 1);
	free_all(a, b, &diff);
	return (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
}

/* 100,000 siblings: what is quadratic would need 400 times as long as for 5,000, and linear needs 20. */
static void test_linear(void **state CG_UNUSED)
{
	double small = seconds_of(5000), large = seconds_of(100000);

	print_message("5,000 groups %.4f s, 100,000 groups %.4f s\n", small, large);
	assert_true(large < small * 100 + 0.05);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_another_top),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_masked),
		cmocka_unit_test(test_page_sizes),
		cmocka_unit_test(test_files_of_one_side),
		cmocka_unit_test(test_missing_and_extra),
		cmocka_unit_test(test_hierarchies),
		cmocka_unit_test(test_tops),
		cmocka_unit_test(test_types_owners_xattrs),
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_tasks),
		cmocka_unit_test(test_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
