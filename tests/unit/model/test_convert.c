/* Whole trees from one layout to another: merging, splitting, regrouping; what is lost; what is refused. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(v1_hierarchies_are_merged),
		cmocka_unit_test(a_v2_tree_is_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
