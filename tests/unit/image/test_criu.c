/* CRIU's image of groups: files that criu 3.17.1 wrote on kernel 6.1 (tests/golden/criu), messages made by
 * hand, and hostile ones. The test runs in its own folder. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/criu.h"
#include "image/criu_frame.h"
#include "image/image.h"
#include "sample.h"

#define GOLDEN "../../golden/criu/"
#define MEMORY ((size_t)256 << 20)

struct losses {
	struct cg_text text;
	size_t count;
};

static int note_loss(void *context, const char *path, const char *knob, const char *text)
{
	struct losses *l = context;

	cg_text_printf(&l->text, "%s %s: %s\n", path ? path : "-", knob ? knob : "-", text);
	l->count++;
	return 0;
}

static struct cg_bytes export_tree(const struct cg_tree *tree, struct losses *l)
{
	struct cg_text t = {0};
	struct cg_error *err = NULL;
	struct losses none = {.count = 0};

	if (cg_criu_export(tree, note_loss, l ? l : &none, &t, &err) < 0)
		fail_msg("cannot export: %s", err->message);
	if (!l && none.count)
		fail_msg("the export lost: %s", none.text.data);
	cg_text_free(&none.text);
	return (struct cg_bytes){t.data, t.len};
}

static struct cg_tree *import_bytes(struct cg_bytes file, const struct cg_criu_tasks *tasks)
{
	struct cg_error *err = NULL;
	struct cg_tree *tree = NULL;

	if (cg_criu_import(file, tasks, MEMORY, &tree, &err) < 0)
		fail_msg("cannot import: %s", err->message);
	return tree;
}

/* The tree in words without its notes, which tell of one way alone. */
static char *picture(struct cg_tree *tree)
{
	tree->notes = 0;
	return sample_json(tree);
}

static bool has_note(const struct cg_tree *tree, const char *words)
{
	for (uint32_t i = 0; i < tree->notes; i++)
		if (strstr(tree->note[i].text, words))
			return true;
	return false;
}

/* Import, export, import gives the same; and once more exactly the same, notes and bytes too. */
static void check_round(struct cg_bytes file, const struct cg_criu_tasks *tasks)
{
	struct cg_tree *first = import_bytes(file, tasks), *second, *third;
	struct cg_bytes out = export_tree(first, NULL), again;
	char *a, *b;

	second = import_bytes(out, tasks);
	again = export_tree(second, NULL);
	assert_int_equal(out.len, again.len);
	assert_memory_equal(out.data, again.data, out.len);
	third = import_bytes(again, tasks);
	a = sample_json(second);
	b = sample_json(third);
	assert_string_equal(a, b);
	free(a);
	free(b);
	a = picture(first);
	b = picture(second);
	assert_string_equal(a, b);
	free(a);
	free(b);
	cg_tree_free(first);
	cg_tree_free(second);
	cg_tree_free(third);
	free((void *)(uintptr_t)out.data);
	free((void *)(uintptr_t)again.data);
}

static Cgtree__Criu__Cgroups *unpack(struct cg_bytes file)
{
	Cgtree__Criu__Cgroups *m = cgtree__criu__cgroups__unpack(
		NULL, file.len - CG_CRIU_FRAME_HEAD, (const uint8_t *)file.data + CG_CRIU_FRAME_HEAD);

	assert_non_null(m);
	return m;
}

static const Cgtree__Criu__Prop *find_prop(const Cgtree__Criu__Dir *dir, const char *name)
{
	for (size_t i = 0; i < dir->n_properties; i++)
		if (strcmp(dir->properties[i]->name, name) == 0)
			return dir->properties[i];
	return NULL;
}

static void same_perms(const Cgtree__Criu__Perms *a, const Cgtree__Criu__Perms *b)
{
	assert_int_equal(a->mode, b->mode);
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->gid, b->gid);
}

/* Each has every file of the other; of CRIU's, some stand twice. */
static void same_dir(const Cgtree__Criu__Dir *a, const Cgtree__Criu__Dir *b)
{
	same_perms(a->dir_perms, b->dir_perms);
	for (size_t i = 0; i < a->n_properties; i++) {
		const Cgtree__Criu__Prop *p = find_prop(b, a->properties[i]->name);

		assert_non_null(p);
		assert_string_equal(p->value, a->properties[i]->value);
		same_perms(p->perms, a->properties[i]->perms);
	}
	for (size_t i = 0; i < b->n_properties; i++)
		assert_non_null(find_prop(a, b->properties[i]->name));
	assert_int_equal(a->n_children, b->n_children);
	for (size_t i = 0; i < a->n_children; i++) {
		size_t k = 0;

		while (k < b->n_children && strcmp(a->children[i]->dir_name, b->children[k]->dir_name) != 0)
			k++;
		assert_true(k < b->n_children);
		same_dir(a->children[i], b->children[k]);
	}
}

/* But for the roots of hierarchies, which are left out. */
static void same_controller(const Cgtree__Criu__Controller *a, const Cgtree__Criu__Controller *b)
{
	size_t heads = 0;

	assert_int_equal(a->n_cnames, b->n_cnames);
	for (size_t i = 0; i < a->n_cnames; i++)
		assert_string_equal(a->cnames[i], b->cnames[i]);
	assert_int_equal(a->is_threaded, b->is_threaded);
	for (size_t i = 0; i < a->n_dirs; i++) {
		size_t k = 0;

		if (a->dirs[i]->dir_name[0] == '\0')
			continue;
		while (k < b->n_dirs && strcmp(a->dirs[i]->dir_name, b->dirs[k]->dir_name) != 0)
			k++;
		assert_true(k < b->n_dirs);
		same_dir(a->dirs[i], b->dirs[k]);
		heads++;
	}
	assert_int_equal(heads, b->n_dirs);
}

static void same_message(struct cg_bytes x, struct cg_bytes y)
{
	Cgtree__Criu__Cgroups *a = unpack(x), *b = unpack(y);

	assert_int_equal(a->n_sets, b->n_sets);
	for (size_t i = 0; i < a->n_sets; i++) {
		assert_int_equal(a->sets[i]->id, b->sets[i]->id);
		assert_int_equal(a->sets[i]->n_ctls, b->sets[i]->n_ctls);
		for (size_t k = 0; k < a->sets[i]->n_ctls; k++) {
			assert_string_equal(a->sets[i]->ctls[k]->name, b->sets[i]->ctls[k]->name);
			assert_string_equal(a->sets[i]->ctls[k]->path, b->sets[i]->ctls[k]->path);
		}
	}
	assert_int_equal(a->n_controllers, b->n_controllers);
	for (size_t i = 0; i < a->n_controllers; i++)
		same_controller(a->controllers[i], b->controllers[i]);
	cgtree__criu__cgroups__free_unpacked(a, NULL);
	cgtree__criu__cgroups__free_unpacked(b, NULL);
}

static struct cg_bytes golden_file(const char *name)
{
	_cleanup_close_ int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct cg_text t = {0};

	assert_true(fd >= 0);
	assert_int_equal(cg_criu_load(fd, name, &t, NULL), 0);
	return (struct cg_bytes){t.data, t.len};
}

static struct cg_tree *golden_folder(const char *name)
{
	_cleanup_close_ int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct cg_error *err = NULL;
	struct cg_tree *tree = NULL;

	assert_true(fd >= 0);
	if (cg_criu_import_folder(fd, MEMORY, &tree, &err) < 0)
		fail_msg("%s: %s", err->path, err->message);
	return tree;
}

/* Exports, through one of our images as well, and compares with what CRIU wrote. */
static void check_export(const struct cg_tree *tree, struct cg_bytes file)
{
	struct cg_bytes image = sample_image(tree, false), out;
	struct cg_tree *carried = sample_parse(image);

	out = export_tree(carried, NULL);
	same_message(file, out);
	cg_tree_free(carried);
	free((void *)(uintptr_t)image.data);
	free((void *)(uintptr_t)out.data);
}

static void expect_tasks(const struct cg_tree *tree, uint32_t h, const char *path, const int *tid, uint32_t n)
{
	uint32_t group = cg_tree_find(tree, h, path);

	assert_int_not_equal(group, CG_NONE);
	assert_int_equal(tree->group[group].tasks, n);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(tree->group[group].task[i].tid, tid[i]);
}

static void test_real_v2(void **state)
{
	struct cg_bytes file = golden_file(GOLDEN "v2/cgroup.img");
	struct cg_tree *tree = golden_folder(GOLDEN "v2");

	(void)state;
	assert_int_equal(tree->hierarchies, 1);
	assert_int_equal(tree->hierarchy[0].version, 2);
	assert_int_equal(tree->groups, 5);
	expect_tasks(tree, 0, "/job/lead", (int[]){151}, 1);
	expect_tasks(tree, 0, "/job/a/b", (int[]){153, 156}, 2);
	/* This CRIU does not know that two of the threads were in t1 and t2: it is said. */
	expect_tasks(tree, 0, "/job/t", (int[]){154, 157, 158}, 3);
	expect_tasks(tree, 0, "/job/t/t1", NULL, 0);
	assert_true(has_note(tree, "2 threads are taken to be with theirs"));
	assert_string_equal(tree->group[0].task[0].comm, "tasks");
	check_export(tree, file);
	cg_tree_free(tree);
	check_round(file, NULL);
	free((void *)(uintptr_t)file.data);
}

static void test_real_v1(void **state)
{
	struct cg_bytes file = golden_file(GOLDEN "v1/cgroup.img"), value;
	struct cg_tree *tree = golden_folder(GOLDEN "v1");
	uint32_t memory = CG_NONE, group, column;
	struct cg_text label = {0};

	(void)state;
	assert_int_equal(tree->hierarchies, 13);
	for (uint32_t i = 0; i < tree->hierarchies; i++)
		if (strcmp(cg_hierarchy_label(&tree->hierarchy[i], &label), "memory") == 0)
			memory = i;
	assert_int_not_equal(memory, CG_NONE);
	expect_tasks(tree, memory, "/job/a/b", (int[]){195}, 1);
	expect_tasks(tree, memory, "/job", (int[]){190, 196, 198, 199}, 4);
	group = cg_tree_find(tree, memory, "/job/a");
	column = cg_hierarchy_column(&tree->hierarchy[memory], "memory.limit_in_bytes");
	assert_int_not_equal(column, CG_NONE);
	assert_true(cg_group_value(tree, group, (uint16_t)column, &value));
	assert_true(cg_bytes_is(value, "67108864"));
	assert_int_equal(tree->group[group].owner.uid, 1000);
	assert_true(has_note(tree, "is the root of a hierarchy"));
	check_export(tree, file);
	cg_tree_free(tree);
	cg_text_free(&label);
	check_round(file, NULL);
	free((void *)(uintptr_t)file.data);
}

static void test_no_file(void **state)
{
	_cleanup_tree_ struct cg_tree *tree = golden_folder(GOLDEN);

	(void)state;
	assert_int_equal(tree->groups, 0);
	assert_true(has_note(tree, "CRIU saved no groups"));
}

/* A message made by hand. */
struct made {
	Cgtree__Criu__Cgroups m;
	Cgtree__Criu__Controller c, *cs[1];
	Cgtree__Criu__Dir d[4], *ds[4];
	Cgtree__Criu__Prop p[8], *ps[8];
	Cgtree__Criu__Perms perms;
	Cgtree__Criu__Set s[2], *ss[2];
	Cgtree__Criu__Member b[2], *bs[2];
	char *cname;
};

#define WORDS(text) ((char *)(uintptr_t)(text))

static void start(struct made *x)
{
	static const char *const heads[] = {"job/a", "job", "job/b/c/d", "other"};

	memset(x, 0, sizeof(*x));
	cgtree__criu__cgroups__init(&x->m);
	cgtree__criu__controller__init(&x->c);
	cgtree__criu__perms__init(&x->perms);
	x->perms.mode = 0100640;
	x->perms.uid = 1000;
	x->perms.gid = 7;
	for (size_t i = 0; i < 4; i++) {
		cgtree__criu__dir__init(&x->d[i]);
		x->d[i].dir_name = WORDS(heads[i]);
		x->ds[i] = &x->d[i];
	}
	for (size_t i = 0; i < 8; i++) {
		cgtree__criu__prop__init(&x->p[i]);
		x->ps[i] = &x->p[i];
		x->p[i].perms = i % 3 ? &x->perms : NULL;
	}
	for (size_t i = 0; i < 2; i++) {
		cgtree__criu__set__init(&x->s[i]);
		cgtree__criu__member__init(&x->b[i]);
		x->s[i].id = 7 - (uint32_t)i;
		x->s[i].ctls = &x->bs[i];
		x->s[i].n_ctls = 1;
		x->b[i].name = WORDS("");
		x->b[i].path = WORDS(i ? "/job/b/c/d" : "/job/a");
		x->ss[i] = &x->s[i];
		x->bs[i] = &x->b[i];
	}
	x->cs[0] = &x->c;
	x->cname = WORDS("");
	x->m.controllers = x->cs;
	x->m.n_controllers = 1;
	x->m.sets = x->ss;
	x->m.n_sets = 2;
	x->c.cnames = &x->cname;
	x->c.n_cnames = 1;
	x->c.dirs = x->ds;
	x->c.n_dirs = 4;
}

static struct cg_bytes pack(const struct made *x)
{
	struct cg_text t = {0};

	assert_int_equal(cg_criu_pack(&x->m, &t, NULL), 0);
	return (struct cg_bytes){t.data, t.len};
}

static void set_prop(struct made *x, size_t i, const char *name, const char *value)
{
	x->p[i].name = WORDS(name);
	x->p[i].value = WORDS(value);
}

static void test_by_hand(void **state)
{
	static const struct cg_criu_task task[] = {
		{10, 10, 7, false, "a"}, {10, 11, 6, false, "b"}, {12, 12, CG_CRIU_NO_SET, false, "c"}};
	struct cg_criu_tasks tasks = {.task = (struct cg_criu_task *)(uintptr_t)task, .count = 3};
	struct cg_tree *tree;
	struct cg_bytes file;
	struct made x;
	char longest[CG_CRIU_VALUE_MAX + 1];

	(void)state;
	start(&x);
	memset(longest, 'x', CG_CRIU_VALUE_MAX);
	longest[CG_CRIU_VALUE_MAX] = '\0';
	set_prop(&x, 0, "memory.max", "67108864");
	set_prop(&x, 1, "cgroup.type", "domain threaded");
	set_prop(&x, 2, "cgroup.procs", "");
	set_prop(&x, 3, "odd.file", "x\n\n");
	set_prop(&x, 4, "memory.current", "4096");
	set_prop(&x, 5, "memory.max", "max\n");
	set_prop(&x, 6, "cgroup.type", "threaded");
	set_prop(&x, 7, "odd.file", longest);
	x.d[1].properties = x.ps;
	x.d[1].n_properties = 5;
	x.d[2].properties = x.ps + 5;
	x.d[2].n_properties = 3;
	x.d[3].dir_perms = &x.perms;
	x.b[0].has_cgns_prefix = true;
	x.b[0].cgns_prefix = 4;
	file = pack(&x);
	tree = import_bytes(file, &tasks);
	assert_int_equal(tree->groups, 6); /* /job, a, b, c, d, /other: b and c are made */
	assert_true(has_note(tree, "only groups below it"));
	assert_true(has_note(tree, "is no setting"));
	assert_true(has_note(tree, "hides the first 4 bytes"));
	assert_true(has_note(tree, "does not tell where task 12 was"));
	assert_true(has_note(tree, "1023"));
	assert_true(has_note(tree, "groups have no owner"));
	assert_int_equal(tree->group[0].type, CG_TYPE_DOMAIN_THREADED);
	assert_int_equal(tree->group[cg_tree_find(tree, 0, "/job/b/c/d")].type, CG_TYPE_THREADED);
	assert_int_equal(tree->group[cg_tree_find(tree, 0, "/other")].owner.mode, 0640);
	expect_tasks(tree, 0, "/job/b/c/d", (int[]){11}, 1);
	check_round(file, &tasks);
	check_round(file, NULL);
	cg_tree_free(tree);
	free((void *)(uintptr_t)file.data);
}

static void refused(struct cg_bytes file, enum cg_fault fault, const char *words)
{
	struct cg_error *err = NULL;
	struct cg_tree *tree = NULL;

	if (cg_criu_import(file, NULL, MEMORY, &tree, &err) == 0)
		fail_msg("taken: %s", words);
	assert_null(tree);
	if (err->fault != fault || !strstr(err->message, words))
		fail_msg("\"%s\" (%d) instead of \"%s\"", err->message, (int)err->fault, words);
	cg_error_free(err);
}

static void refused_made(const struct made *x, const char *words)
{
	struct cg_bytes file = pack(x);

	refused(file, CG_FAULT_CORRUPT, words);
	free((void *)(uintptr_t)file.data);
}

static void test_bad_names(void **state)
{
	static const char *const names[] = {
		"..", ".", "a/..", "a//b", "a/", "//a", "a\nb", "a/./b", "../etc"};
	struct made x;

	(void)state;
	for (size_t i = 0; i < CG_ARRAY_SIZE(names); i++) {
		start(&x);
		x.d[3].dir_name = WORDS(names[i]);
		refused_made(&x, "impossible name");
		start(&x);
		x.b[1].path = WORDS(names[i]);
		refused_made(&x, "impossible path");
		start(&x);
		set_prop(&x, 0, names[i], "1");
		x.d[1].properties = x.ps;
		x.d[1].n_properties = 1;
		refused_made(&x, "impossible name");
	}
	start(&x);
	x.d[3].dir_name = WORDS("job");
	refused_made(&x, "a group twice");
	start(&x);
	x.s[1].id = 7;
	refused_made(&x, "set 7 stands twice");
	start(&x);
	x.s[1].id = 0;
	refused_made(&x, "number 0");
	start(&x);
	x.b[0].has_cgns_prefix = true;
	x.b[0].cgns_prefix = 7;
	refused_made(&x, "hides more");
	start(&x);
	x.cname = WORDS("a,b");
	refused_made(&x, "impossible name");
	start(&x);
	x.c.n_cnames = 0;
	refused_made(&x, "without controllers");
	start(&x);
	x.d[0].dir_perms = &x.perms;
	x.perms.mode = 0200000;
	refused_made(&x, "the mode");
	start(&x);
	set_prop(&x, 0, "memory.max", "1");
	set_prop(&x, 1, "memory.max", "2");
	x.d[1].properties = x.ps;
	x.d[1].n_properties = 2;
	refused_made(&x, "two values");
	set_prop(&x, 1, "cgroup.type", "sideways");
	refused_made(&x, "unknown type");
}

/* A chain of groups below the head. */
static struct cg_bytes nested(size_t depth)
{
	Cgtree__Criu__Dir *d = calloc(depth, sizeof(*d)), **ds = calloc(depth, sizeof(*ds));
	struct cg_bytes file;
	struct made x;

	assert_true(d && ds);
	start(&x);
	for (size_t i = 0; i < depth; i++) {
		cgtree__criu__dir__init(&d[i]);
		d[i].dir_name = WORDS("n");
		ds[i] = &d[i];
		d[i].n_children = i + 1 < depth;
		d[i].children = ds + i + 1;
	}
	x.c.dirs = ds;
	x.c.n_dirs = 1;
	x.m.n_sets = 0;
	file = pack(&x);
	free(d);
	free(ds);
	return file;
}

static void test_nesting(void **state)
{
	static const size_t depth[] = {257, 258, 300, 20000};
	struct cg_bytes file = nested(256);

	(void)state;
	check_round(file, NULL);
	free((void *)(uintptr_t)file.data);
	for (size_t i = 0; i < CG_ARRAY_SIZE(depth); i++) {
		file = nested(depth[i]);
		refused(file, CG_FAULT_CORRUPT, "nested more than 256 deep");
		free((void *)(uintptr_t)file.data);
	}
}

static void test_frames(void **state)
{
	struct cg_bytes file = golden_file(GOLDEN "v2/cgroup.img");
	struct cg_tree *tree = NULL;
	struct cg_error *err = NULL;
	char *data = WORDS(file.data);
	uint32_t size = UINT32_MAX;
	struct made x;

	(void)state;
	for (size_t len = 0; len < file.len; len++)
		refused((struct cg_bytes){len ? file.data : NULL, len}, CG_FAULT_CORRUPT, "");
	assert_int_equal(cg_criu_import(file, NULL, 4096, &tree, &err), -ENOMEM);
	assert_non_null(strstr(err->message, "needs more memory"));
	cg_error_free(err);
	memcpy(data + 8, &size, 4);
	refused(file, CG_FAULT_CORRUPT, "it is cut");
	data[4] ^= 1;
	refused(file, CG_FAULT_CORRUPT, "another kind");
	data[0] ^= 1;
	refused(file, CG_FAULT_CORRUPT, "does not begin");
	free(data);
	start(&x);
	file = pack(&x);
	data = memmem(file.data, file.len, "other", 5);
	assert_non_null(data);
	data[2] = '\0';
	refused(file, CG_FAULT_CORRUPT, "a NUL");
	free((void *)(uintptr_t)file.data);
}

/* Whatever a flipped bit makes of it: refused, or a tree that is whole and comes back. */
static void test_flips(void **state)
{
	struct cg_bytes file = golden_file(GOLDEN "v2/cgroup.img");
	char *data = WORDS(file.data);
	size_t taken = 0;

	(void)state;
	for (size_t bit = 0; bit < 8 * file.len; bit++) {
		struct cg_error *err = NULL;
		struct cg_tree *tree = NULL;

		data[bit / 8] ^= (char)(1 << (bit % 8));
		if (cg_criu_import(file, NULL, MEMORY, &tree, &err) == 0) {
			check_round(file, NULL);
			taken++;
		} else {
			assert_non_null(err);
			cg_error_free(err);
		}
		cg_tree_free(tree);
		data[bit / 8] ^= (char)(1 << (bit % 8));
	}
	assert_true(taken > 0);
	free(data);
}

static void test_losses(void **state)
{
	struct losses l = {.count = 0};
	struct cg_tree *tree = sample_tree(true), *again;
	struct cg_bytes out = export_tree(tree, &l);
	static const char *const lost[] = {
		"/job user.large: extended attributes",
		"/job -: the attached BPF program sd_devices",
		"/job cpu.cfs_quota_us: was not read",
		"/job odd.\xc3\xa9\xff: has a NUL",
		"-: which device 8:16 is",
		"/job -: that the group is sealed",
		"/job/a -: that the group lies above",
		"-: which controllers the v2 hierarchy offers",
		"sets of groups are new",
		"-: a record of an unknown kind (80)",
	};

	(void)state;
	for (size_t i = 0; i < CG_ARRAY_SIZE(lost); i++)
		if (!strstr(l.text.data, lost[i]))
			fail_msg("not said: %s", lost[i]);
	again = import_bytes(out, NULL);
	assert_int_equal(again->groups, tree->groups);
	check_round(out, NULL);
	cg_tree_free(tree);
	cg_tree_free(again);
	cg_text_free(&l.text);
	free((void *)(uintptr_t)out.data);
}

/* Task images: damage is found, and a missing one is said by its name. */
static void test_task_images(void **state)
{
	static const char *const names[] = {"cgroup.img", "pstree.img", "core-151.img", "core-153.img",
		"core-154.img", "core-157.img", "core-158.img", "core-156.img"};
	char folder[] = "/tmp/cgtree-test-criu-XXXXXX";
	_cleanup_close_ int fd = -1;

	(void)state;
	assert_non_null(mkdtemp(folder));
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	for (size_t i = 0; i < CG_ARRAY_SIZE(names); i++) {
		_cleanup_text_ struct cg_text from = {0};
		struct cg_error *err = NULL;
		struct cg_tree *tree = NULL;
		struct cg_bytes file;
		int out, r = cg_criu_import_folder(fd, MEMORY, &tree, &err);

		/* Without cgroup.img there is nothing to tell; then each file is missed in turn. */
		assert_int_equal(r, i == 0 ? 0 : -ENOENT);
		if (i)
			assert_string_equal(err->path, names[i]);
		cg_error_free(err);
		cg_tree_free(tree);
		cg_text_printf(&from, GOLDEN "v2/%s", names[i]);
		file = golden_file(from.data);
		/* Cut first, then whole. */
		for (int whole = 0; whole < 2; whole++) {
			size_t len = whole ? file.len : file.len / 2;

			out = openat(fd, names[i], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
			assert_true(out >= 0);
			assert_int_equal(write(out, file.data, len), len);
			(void)close(out);
			if (whole || i == 0)
				continue;
			err = NULL;
			assert_true(cg_criu_import_folder(fd, MEMORY, &tree, &err) < 0);
			assert_int_equal(err->fault, CG_FAULT_CORRUPT);
			assert_string_equal(err->path, names[i]);
			cg_error_free(err);
		}
		free((void *)(uintptr_t)file.data);
	}
	for (size_t i = 0; i < CG_ARRAY_SIZE(names); i++)
		assert_int_equal(unlinkat(fd, names[i], 0), 0);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_v2),
		cmocka_unit_test(test_real_v1),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_bad_names),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_flips),
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_task_images),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
