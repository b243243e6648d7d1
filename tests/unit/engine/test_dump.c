/* Dumps and surveys of real groups, below a group of the test's own. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "engine/dump.h"
#include "unit/kernel/ground.h"

static void assert_done(int r, const struct cg_error *err)
{
	if (r < 0)
		fail_msg("%s", err ? err->message : "failed without an error");
}

/* The tree at our ground. */
static struct cg_tree *dump_ground(struct ground *g, struct cg_dump_options options)
{
	_cleanup_error_ struct cg_error *err = NULL;
	_cleanup_target_ struct cg_target target = {0};
	struct cg_tree *tree = NULL;

	assert_done(cg_target_parse(g->path, &target, &err), err);
	options.target = &target;
	options.targets = 1;
	options.hierarchies = g->hierarchy->controllers;
	assert_done(cg_dump(&g->live, &options, &tree, &err), err);
	return tree;
}

static uint32_t find(const struct cg_tree *tree, const struct ground *g, const char *below)
{
	_cleanup_text_ struct cg_text path = {0};

	cg_text_printf(&path, "%s%s", g->path, below);
	return cg_tree_find(tree, 0, path.data);
}

static void test_shape(void **state)
{
	struct ground *g = *state;
	_cleanup_tree_ struct cg_tree *tree = NULL;
	struct cg_bytes value;
	uint32_t column;
	int a;

	ground_make(g, "pids", NULL);
	a = ground_group(g->fd, "a");
	(void)cg_close(ground_group(a, "deep"));
	(void)cg_close(ground_group(g->fd, "z"));
	(void)cg_close(ground_group(g->fd, "b c"));
	ground_write(a, "pids.max", "77");
	assert_int_equal(fchownat(a, "tasks", 12, 34, 0), 0);
	assert_int_equal(fchmodat(a, "pids.max", 0600, 0), 0);
	(void)cg_close(a);

	tree = dump_ground(g, (struct cg_dump_options){.members = true, .threads = 1});
	assert_int_equal(tree->groups, 5);
	assert_int_equal(tree->notes, 0);
	assert_string_equal(tree->group[1].name, "a");
	assert_string_equal(tree->group[2].name, "deep");
	assert_string_equal(tree->group[3].name, "b c");
	assert_string_equal(tree->group[4].name, "z");
	column = cg_hierarchy_column(&tree->hierarchy[0], "pids.max");
	assert_int_not_equal(column, CG_NONE);
	assert_true(cg_group_value(tree, 1, (uint16_t)column, &value));
	assert_true(cg_bytes_is(value, "77"));
	assert_true(cg_group_value(tree, 4, (uint16_t)column, &value));
	assert_true(cg_bytes_is(value, "max"));
	assert_int_equal(cg_group_file_owner(tree, 1, (uint16_t)column).mode, 0600);
	assert_int_equal(cg_group_file_owner(tree, 4, (uint16_t)column).mode, 0644);
	assert_true(tree->inventory.members_consistent);
	for (uint16_t i = 0; i < tree->group[1].file_owners; i++)
		if (tree->group[1].file_owner[i].name &&
			strcmp(tree->group[1].file_owner[i].name, "tasks") == 0)
			assert_int_equal(tree->group[1].file_owner[i].owner.uid, 12);
	assert_int_equal(tree->group[1].file_owners, 2);
	assert_int_equal(tree->group[4].file_owners, 0);
}

static void test_exclude(void **state)
{
	struct ground *g = *state;
	_cleanup_tree_ struct cg_tree *tree = NULL;
	_cleanup_text_ struct cg_text pattern = {0};
	const char *patterns[1];

	ground_make(g, "pids", NULL);
	(void)cg_close(ground_group(g->fd, "keep"));
	(void)cg_close(ground_group(g->fd, "tmp1"));
	(void)cg_close(ground_group(g->fd, "tmp2"));
	cg_text_printf(&pattern, "%s/tmp*", g->path);
	patterns[0] = pattern.data;
	tree = dump_ground(g, (struct cg_dump_options){.exclude = patterns, .excludes = 1});
	assert_int_equal(tree->groups, 2);
	assert_int_equal(find(tree, g, "/tmp1"), CG_NONE);
	assert_int_not_equal(find(tree, g, "/keep"), CG_NONE);
}

/* Both ways to find tasks, by groups and by tasks, give the same. */
static void test_members(void **state)
{
	struct ground *g = *state;
	int a, b;
	pid_t pid;

	ground_make(g, "freezer", NULL);
	a = ground_group(g->fd, "a");
	b = ground_group(g->fd, "b");
	pid = ground_fork(g);
	assert_int_equal(cg_cgroup_attach(a, "cgroup.procs", pid), 0);
	for (int many = 0; many < 2; many++) {
		_cleanup_tree_ struct cg_tree *tree = NULL;
		uint32_t group;

		/* More groups than the host has tasks. */
		for (int i = 0; many && i < 600; i++) {
			char name[16];

			(void)snprintf(name, sizeof(name), "m%03d", i);
			(void)cg_close(ground_group(b, name));
		}
		tree = dump_ground(g, (struct cg_dump_options){.members = true});
		assert_int_equal(tree->groups, many ? 603 : 3);
		assert_true(tree->inventory.members_consistent);
		group = find(tree, g, "/a");
		assert_int_equal(tree->group[group].tasks, 1);
		assert_int_equal(tree->group[group].task[0].pid, pid);
		assert_int_equal(tree->group[group].task[0].tid, pid);
		assert_true(tree->group[group].task[0].start_time > 0);
		assert_int_equal(tree->group[find(tree, g, "/b")].tasks, 0);
	}
	(void)cg_close(a);
	(void)cg_close(b);
}

/* What threads read in whatever order becomes the same tree. */
static void test_threads(void **state)
{
	struct ground *g = *state;
	_cleanup_tree_ struct cg_tree *one = NULL, *four = NULL;

	ground_make(g, "cpu", NULL);
	for (int i = 0; i < 40; i++) {
		char name[16];
		int group;

		(void)snprintf(name, sizeof(name), "g%02d", i);
		group = ground_group(g->fd, name);
		for (int j = 0; j < 5; j++) {
			char inner[16];

			(void)snprintf(inner, sizeof(inner), "h%d", j);
			(void)cg_close(ground_group(group, inner));
		}
		if (i % 3 == 0)
			ground_write(group, "cpu.shares", "512");
		(void)cg_close(group);
	}
	one = dump_ground(g, (struct cg_dump_options){.threads = 1});
	four = dump_ground(g, (struct cg_dump_options){.threads = 4});
	assert_int_equal(one->groups, 241);
	assert_int_equal(four->groups, 241);
	assert_int_equal(one->hierarchy[0].columns, four->hierarchy[0].columns);
	for (uint32_t i = 0; i < one->groups; i++) {
		assert_string_equal(one->group[i].name, four->group[i].name);
		assert_int_equal(one->group[i].parent, four->group[i].parent);
		assert_int_equal(one->group[i].settings, four->group[i].settings);
		for (uint32_t s = 0; s < one->group[i].settings; s++) {
			assert_int_equal(one->group[i].setting[s].column, four->group[i].setting[s].column);
			assert_true(cg_bytes_equal(
				one->group[i].setting[s].value, four->group[i].setting[s].value));
		}
	}
}

static int dump_at(
	struct ground *g, const char *path, bool optional, struct cg_tree **ret, struct cg_error **err)
{
	_cleanup_target_ struct cg_target target = {0};
	struct cg_dump_options options = {.target = &target, .targets = 1, .optional = optional};
	int r = cg_target_parse(path, &target, err);

	return r < 0 ? r : cg_dump(&g->live, &options, ret, err);
}

static void test_missing(void **state)
{
	struct ground *g = *state;
	_cleanup_error_ struct cg_error *err = NULL, *other = NULL, *none = NULL;
	_cleanup_tree_ struct cg_tree *tree = NULL;

	ground_make(g, "pids", NULL);
	assert_int_equal(dump_at(g, "/cgt-there-is-no-such-group", false, &tree, &err), -ENOENT);
	assert_int_equal(err->fault, CG_FAULT_USAGE);
	assert_string_equal(err->path, "/cgt-there-is-no-such-group");
	assert_int_equal(dump_at(g, "nosuch:/x", false, &tree, &other), -ENOENT);
	assert_non_null(strstr(other->message, "hierarchy"));
	assert_null(tree);
	assert_int_equal(dump_at(g, "/cgt-there-is-no-such-group", true, &tree, &none), 0);
	assert_int_equal(tree->groups, 0);
}

/* A stop that a signal asks for ends the walk. */
static void test_stop(void **state)
{
	struct ground *g = *state;
	_cleanup_error_ struct cg_error *err = NULL;
	_cleanup_target_ struct cg_target target = {0};
	const volatile int stop = 1;
	struct cg_dump_options options = {.target = &target, .targets = 1, .stop = &stop};
	struct cg_tree *tree = NULL;

	ground_make(g, "pids", NULL);
	assert_done(cg_target_parse(g->path, &target, &err), err);
	assert_int_equal(cg_dump(&g->live, &options, &tree, &err), -EINTR);
	assert_null(tree);
}

/* What a restore sees: the way down to its target, ancestors marked, and whole what exists of it. */
static void test_survey(void **state)
{
	struct ground *g = *state;
	_cleanup_error_ struct cg_error *err = NULL;
	_cleanup_text_ struct cg_text path = {0};
	struct cg_target target[3] = {{0}, {0}, {0}};
	_cleanup_tree_ struct cg_tree *tree = NULL;
	struct cg_dump_options options = {.target = target, .targets = 3, .optional = true};
	uint32_t top;
	size_t h;
	int a;

	ground_make(g, "pids", NULL);
	a = ground_group(g->fd, "a");
	(void)cg_close(ground_group(a, "below"));
	(void)cg_close(ground_group(g->fd, "beside"));
	(void)cg_close(a);
	/* A target that is no concern of this hierarchy comes first, as with several hierarchies. */
	assert_done(cg_target_parse("name=cgt-unit-nowhere:/a", &target[0], &err), err);
	cg_text_printf(&path, "pids:%s/a", g->path);
	assert_done(cg_target_parse(path.data, &target[1], &err), err);
	cg_text_reset(&path);
	cg_text_printf(&path, "pids:%s/none/x", g->path);
	assert_done(cg_target_parse(path.data, &target[2], &err), err);
	assert_done(cg_survey(&g->live, &options, &tree, &err), err);

	assert_int_equal(tree->hierarchies, g->live.count);
	for (h = 0; h < g->live.count && &g->live.item[h] != g->hierarchy;)
		h++;
	top = tree->hierarchy[h].first_top;
	assert_int_not_equal(top, CG_NONE);
	assert_string_equal(tree->group[top].name, g->hierarchy->mount_root);
	assert_true(tree->group[top].flags & CG_GROUP_ANCESTOR);
	top = cg_group_child(tree, top, g->name);
	assert_true(tree->group[top].flags & CG_GROUP_ANCESTOR);
	assert_int_equal(cg_group_child(tree, top, "beside"), CG_NONE);
	assert_int_equal(cg_group_child(tree, top, "none"), CG_NONE);
	top = cg_group_child(tree, top, "a");
	assert_int_equal(tree->group[top].flags & CG_GROUP_ANCESTOR, 0);
	assert_int_not_equal(cg_group_child(tree, top, "below"), CG_NONE);
	/* Children of the root have other files than the root. */
	assert_false(cg_group_has_column(
		tree, top, (uint16_t)cg_hierarchy_column(&tree->hierarchy[h], "release_agent")));
	for (size_t i = 0; i < g->live.count; i++)
		if (i != h)
			assert_int_equal(tree->hierarchy[i].first_top, CG_NONE);
	cg_target_free(&target[0]);
	cg_target_free(&target[1]);
	cg_target_free(&target[2]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, ground_setup, ground_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_shape),
		TEST(test_exclude),
		TEST(test_members),
		TEST(test_threads),
		TEST(test_missing),
		TEST(test_stop),
		TEST(test_survey),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
