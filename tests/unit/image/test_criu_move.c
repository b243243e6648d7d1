/* CRIU's groups under another name. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <stdlib.h>
#include <string.h>

#include "image/criu_frame.h"
#include "image/criu_move.h"

/* A picture as criu makes one of a container with a cgroup namespace and two groups of its own, and of criu
 * itself. */
struct picture {
	Cgtree__Criu__Cgroups message;
	Cgtree__Criu__Set set[3], *sets[3];
	Cgtree__Criu__Member member[6], *members[3][2];
	Cgtree__Criu__Controller controller[2], *controllers[2];
	Cgtree__Criu__Dir dir[4], *dirs[2], *children[2];
};

static char v2_name[] = "", cpu_name[] = "cpu";
static char *v2_names[] = {v2_name}, *cpu_names[] = {cpu_name};

static char *chars(const char *s)
{
	return (char *)(uintptr_t)s; /* protobuf-c's strings are not const, and nobody writes to them */
}

static void add_set(struct picture *p, size_t i, const char *path, uint32_t prefix)
{
	for (size_t j = 0; j < 2; j++) {
		Cgtree__Criu__Member *m = &p->member[2 * i + j];

		cgtree__criu__member__init(m);
		m->name = j ? cpu_name : v2_name;
		m->path = chars(path);
		m->has_cgns_prefix = prefix != 0;
		m->cgns_prefix = prefix;
		p->members[i][j] = m;
	}
	cgtree__criu__set__init(&p->set[i]);
	p->set[i].id = (uint32_t)i + 1;
	p->set[i].n_ctls = 2;
	p->set[i].ctls = p->members[i];
	p->sets[i] = &p->set[i];
}

static void add_controller(struct picture *p, size_t i, char **names, const char *head)
{
	cgtree__criu__dir__init(&p->dir[i]);
	p->dir[i].dir_name = chars(head);
	p->dirs[i] = &p->dir[i];
	cgtree__criu__controller__init(&p->controller[i]);
	p->controller[i].n_cnames = 1;
	p->controller[i].cnames = names;
	p->controller[i].n_dirs = 1;
	p->controller[i].dirs = &p->dirs[i];
	p->controllers[i] = &p->controller[i];
}

static void make(struct picture *p, const char *head, uint32_t prefix)
{
	*p = (struct picture){0};
	cgtree__criu__cgroups__init(&p->message);
	add_set(p, 0, "/criu", 0);
	add_set(p, 1, "/box/one", prefix);
	add_set(p, 2, "/box/one/app", prefix);
	add_controller(p, 0, v2_names, head);
	add_controller(p, 1, cpu_names, head);
	for (size_t i = 0; i < 2; i++) {
		cgtree__criu__dir__init(&p->dir[2 + i]);
		p->dir[2 + i].dir_name = chars(i ? "empty" : "app");
		p->children[i] = &p->dir[2 + i];
	}
	p->dir[0].n_children = 2;
	p->dir[0].children = p->children;
	p->message.n_sets = 3;
	p->message.sets = p->sets;
	p->message.n_controllers = 2;
	p->message.controllers = p->controllers;
}

static struct cg_text packed(struct picture *p)
{
	struct cg_text t = {0};

	assert_int_equal(cg_criu_pack(&p->message, &t, NULL), 0);
	return t;
}

static void assert_moved(struct picture *p, const char *to, struct picture *wanted, size_t places)
{
	struct cg_text from = packed(p), want = packed(wanted), got = {0};
	struct cg_error *err = NULL;
	size_t moved = 0;

	if (cg_criu_move((struct cg_bytes){from.data, from.len}, "/box/one", to, &got, &moved, &err) < 0)
		fail_msg("%s", err->message);
	assert_int_equal(moved, places);
	assert_int_equal(got.len, want.len);
	assert_memory_equal(got.data, want.data, want.len);
	cg_text_free(&from);
	cg_text_free(&want);
	cg_text_free(&got);
}

static void assert_refused(struct picture *p, const char *why)
{
	struct cg_text from = packed(p), got = {0};
	struct cg_error *err = NULL;
	size_t moved = 77;

	assert_true(cg_criu_move((struct cg_bytes){from.data, from.len}, "/box/one", "/x", &got, &moved,
			    &err) < 0);
	assert_non_null(err);
	if (!strstr(err->message, why))
		fail_msg("\"%s\" does not say \"%s\"", err->message, why);
	assert_int_equal(err->fault, CG_FAULT_UNSUPPORTED);
	assert_int_equal(moved, 77);
	assert_int_equal(got.len, 0);
	(void)cg_error_free(err);
	cg_text_free(&from);
}

/* The v2 hierarchy alone changes; where the namespace begins moves along. */
static void test_move(void **state CG_UNUSED)
{
	struct picture p, wanted;

	make(&p, "box/one", 8);
	make(&wanted, "box/one", 8);
	wanted.member[2].path = chars("/pod/other");
	wanted.member[4].path = chars("/pod/other/app");
	wanted.member[2].cgns_prefix = wanted.member[4].cgns_prefix = 10;
	wanted.dir[0].dir_name = chars("pod/other");
	assert_moved(&p, "/pod/other", &wanted, 3);
	/* A shorter name, a head with its slash, no namespace. */
	make(&p, "/box/one", 0);
	make(&wanted, "/box/one", 0);
	wanted.member[2].path = chars("/x");
	wanted.member[4].path = chars("/x/app");
	wanted.dir[0].dir_name = chars("/x");
	assert_moved(&p, "/x", &wanted, 3);
	/* A namespace that begins below. */
	make(&p, "box/one", 0);
	make(&wanted, "box/one", 0);
	p.member[4].has_cgns_prefix = wanted.member[4].has_cgns_prefix = 1;
	p.member[4].cgns_prefix = 12;
	wanted.member[4].cgns_prefix = 6;
	wanted.member[2].path = chars("/x");
	wanted.member[4].path = chars("/x/app");
	wanted.dir[0].dir_name = chars("x");
	assert_moved(&p, "/x", &wanted, 3);
}

/* Names that only begin alike, and a head that lies below. */
static void test_bounds(void **state CG_UNUSED)
{
	struct picture p, wanted;

	make(&p, "box/one2", 0);
	make(&wanted, "box/one2", 0);
	p.member[2].path = wanted.member[2].path = chars("/box/one2");
	p.member[4].path = wanted.member[4].path = chars("/box");
	assert_moved(&p, "/x", &wanted, 0);
	make(&p, "box/one/app", 0);
	make(&wanted, "box/one/app", 0);
	wanted.member[2].path = chars("/x");
	wanted.member[4].path = chars("/x/app");
	wanted.dir[0].dir_name = chars("x/app");
	assert_moved(&p, "/x", &wanted, 3);
}

static void test_refused(void **state CG_UNUSED)
{
	struct picture p;

	make(&p, "box/one", 4);
	assert_refused(&p, "begins above /box/one");
	make(&p, "box", 0);
	assert_refused(&p, "from /box on");
	make(&p, "", 0);
	assert_refused(&p, "cannot move alone");
}

static void test_damaged(void **state CG_UNUSED)
{
	struct picture p;
	struct cg_text good, got = {0};
	size_t moved;

	make(&p, "box/one", 8);
	good = packed(&p);
	for (size_t cut = 0; cut < good.len; cut++) {
		struct cg_error *err = NULL;

		assert_true(cg_criu_move((struct cg_bytes){good.data, cut}, "/box/one", "/x", &got, &moved,
				    &err) < 0);
		assert_int_equal(err->fault, CG_FAULT_CORRUPT);
		(void)cg_error_free(err);
	}
	cg_text_free(&good);
}

static void test_namespace_root(void **state CG_UNUSED)
{
	struct picture p;
	struct cg_text file, t = {0};
	struct cg_error *err = NULL;

	make(&p, "box/one", 8);
	file = packed(&p);
	assert_int_equal(cg_criu_namespace_root((struct cg_bytes){file.data, file.len}, &t, NULL), 0);
	assert_string_equal(t.data, "/box/one");
	cg_text_free(&file);
	cg_text_free(&t);
	make(&p, "box/one", 0);
	file = packed(&p);
	assert_int_equal(cg_criu_namespace_root((struct cg_bytes){file.data, file.len}, &t, NULL), 0);
	assert_int_equal(t.len, 0);
	cg_text_free(&file);
	make(&p, "box/one", 8);
	p.member[4].cgns_prefix = 12;
	file = packed(&p);
	assert_true(cg_criu_namespace_root((struct cg_bytes){file.data, file.len}, &t, &err) < 0);
	assert_int_equal(err->fault, CG_FAULT_UNSUPPORTED);
	(void)cg_error_free(err);
	cg_text_free(&file);
	cg_text_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_namespace_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
