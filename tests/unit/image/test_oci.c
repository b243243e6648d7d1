/* What runtimes say about a container, and the paths that they make of it. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <stdlib.h>
#include <string.h>

#include "image/oci.h"

#define TEN  "0123456789"
#define LONG TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static struct cg_bytes text_of(const char *json)
{
	return cg_bytes_of(json);
}

static void test_state(void **state CG_UNUSED)
{
	/* As runc 1.1 gives it to a hook in a restore, members that nobody asks for among them. */
	static const char json[] =
		"{\"ociVersion\":\"1.0.2-dev\",\"id\":\"web\",\"status\":\"stopped\",\"pid\":238,"
		"\"bundle\":\"/run/b\",\"annotations\":{\"org.x\":\"y\",\"org.cgtree.image\":\"/var/web.cgt\"}}";
	struct cg_oci_state s = {0};

	assert_int_equal(cg_oci_state_parse(text_of(json), &s, NULL), 0);
	assert_string_equal(s.id, "web");
	assert_string_equal(s.bundle, "/run/b");
	assert_string_equal(s.image, "/var/web.cgt");
	assert_int_equal(s.pid, 238);
	cg_oci_state_free(&s);
	/* Before a process exists, and after it. */
	assert_int_equal(
		cg_oci_state_parse(text_of("{\"id\":\"a\",\"bundle\":\"/\",\"annotations\":null}"), &s, NULL),
		0);
	assert_int_equal(s.pid, 0);
	assert_null(s.image);
	cg_oci_state_free(&s);
}

/* Refused, with words that tell why, and nothing is made. */
static void assert_state_refused(const char *json, const char *why)
{
	struct cg_oci_state s = {0};
	struct cg_error *err = NULL;

	if (cg_oci_state_parse(text_of(json), &s, &err) >= 0)
		fail_msg("taken: %.80s", json);
	assert_non_null(err);
	if (!strstr(err->message, why))
		fail_msg("\"%s\" does not say \"%s\"", err->message, why);
	assert_int_equal(err->fault, CG_FAULT_CORRUPT);
	assert_null(s.id);
	assert_null(s.arena.chunks);
	(void)cg_error_free(err);
}

static void test_state_refused(void **state CG_UNUSED)
{
	static const struct {
		const char *json, *why;
	} bad[] = {
		{"", "is no JSON"},
		{"{\"id\":\"a\"", "is no JSON"},
		{"[]", "is no JSON object"},
		{"{\"bundle\":\"/b\"}", "id"},
		{"{\"id\":\"a\"}", "bundle"},
		{"{\"id\":7,\"bundle\":\"/b\"}", "id"},
		{"{\"id\":\"\",\"bundle\":\"/b\"}", "no name of a container"},
		{"{\"id\":\"..\",\"bundle\":\"/b\"}", "no name of a container"},
		{"{\"id\":\"a/b\",\"bundle\":\"/b\"}", "no name of a container"},
		{"{\"id\":\"a\\nb\",\"bundle\":\"/b\"}", "no name of a container"},
		{"{\"id\":\"a\",\"bundle\":\"b\"}", "bundle is no absolute path"},
		{"{\"id\":\"a\",\"bundle\":\"/b\\u0000c\"}", "NUL"},
		{"{\"id\":\"a\",\"bundle\":\"/b\",\"pid\":-1}", "pid"},
		{"{\"id\":\"a\",\"bundle\":\"/b\",\"pid\":4194305}", "pid"},
		{"{\"id\":\"a\",\"bundle\":\"/b\",\"pid\":\"x\"}", "pid"},
		{"{\"id\":\"a\",\"bundle\":\"/b\",\"pid\":1,\"pid\":2}", "is no JSON"},
		{"{\"id\":\"a\",\"bundle\":\"/b\",\"annotations\":[]}", "annotations"},
		{"{\"id\":\"a\",\"bundle\":\"/b\",\"annotations\":{\"org.cgtree.image\":\"web.cgt\"}}",
			"org.cgtree.image is no absolute path"},
		{"{\"id\":\"a\",\"bundle\":\"/b\",\"annotations\":{\"org.cgtree.image\":[]}}",
			"org.cgtree.image"},
	};
	char *large = malloc(CG_OCI_STATE_MAX + 2);

	for (size_t i = 0; i < CG_ARRAY_SIZE(bad); i++)
		assert_state_refused(bad[i].json, bad[i].why);
	assert_non_null(large);
	memset(large, ' ', CG_OCI_STATE_MAX + 1);
	large[CG_OCI_STATE_MAX + 1] = '\0';
	assert_state_refused(large, "at most");
	/* Nested deeper than any parser should follow. */
	memset(large, '[', CG_OCI_STATE_MAX);
	large[CG_OCI_STATE_MAX] = '\0';
	assert_state_refused(large, "is no JSON");
	free(large);
}

static void test_config(void **state CG_UNUSED)
{
	struct cg_oci_config c = {0};
	struct cg_error *err = NULL;

	assert_int_equal(
		cg_oci_config_parse(text_of("{\"linux\":{\"cgroupsPath\":\"/a/b\",\"x\":1}}"), &c, NULL), 0);
	assert_string_equal(c.cgroups_path, "/a/b");
	cg_oci_config_free(&c);
	assert_int_equal(cg_oci_config_parse(text_of("{\"process\":{}}"), &c, NULL), 0);
	assert_string_equal(c.cgroups_path, "");
	cg_oci_config_free(&c);
	assert_int_equal(cg_oci_config_parse(text_of("{\"linux\":null}"), &c, NULL), 0);
	cg_oci_config_free(&c);
	assert_true(cg_oci_config_parse(text_of("{\"linux\":[]}"), &c, &err) < 0);
	err = cg_error_free(err);
	assert_true(cg_oci_config_parse(text_of("{\"linux\":{\"cgroupsPath\":7}}"), &c, &err) < 0);
	err = cg_error_free(err);
	assert_true(cg_oci_config_parse(text_of("{\"linux\":{\"cgroupsPath\":\"/a\\tb\"}}"), &c, &err) < 0);
	err = cg_error_free(err);
}

static void test_group_path(void **state CG_UNUSED)
{
	static const struct {
		const char *path, *id, *want;
		bool whole;
	} cases[] = {
		{"/box/one", "c", "/box/one", true},
		{"//box//one/", "c", "/box/one", true},
		{"box/one", "c", "/box/one", false},
		{"", "c1", "/c1", false},
		{"system.slice:docker:1234", "c", "/system.slice/docker-1234.scope", true},
		{":libpod:12", "c", "/system.slice/libpod-12.scope", true},
		{"a-b-c.slice:x:y", "c", "/a.slice/a-b.slice/a-b-c.slice/x-y.scope", true},
		{"-.slice:x:y", "c", "/x-y.scope", true},
		{"a.slice:x:pod.slice", "c", "/a.slice/pod.slice", true},
		/* No slice before the first colon: a name like any other. */
		{"/a.slice:x:y", "c", "/a.slice:x:y", true},
		{"a:b:c", "c", "/a:b:c", false},
		{"a.slice:x", "c", "/a.slice:x", false},
		{"/", "c", NULL, false},
		{"/a/../b", "c", NULL, false},
		{"../b", "c", NULL, false},
		{"a--b.slice:x:y", "c", NULL, false},
		{"-a.slice:x:y", "c", NULL, false},
		{"a-.slice:x:y", "c", NULL, false},
		{"a/b.slice:x:y", "c", NULL, false},
		{"a.slice:x/..:y", "c", NULL, false},
		{"a.slice:x:", "c", NULL, false},
		{"", "..", NULL, false},
		/* The kernel takes 255 bytes, and the name of a scope has more than those that were given. */
		{"a.slice:" LONG ":" LONG, "c", NULL, false},
		{"a.slice::" LONG, "c", "/a.slice/-" LONG ".scope", true},
	};

	for (size_t i = 0; i < CG_ARRAY_SIZE(cases); i++) {
		struct cg_text t = {0};
		struct cg_error *err = NULL;
		bool whole = !cases[i].whole;
		int r = cg_oci_group_path(cases[i].path, cases[i].id, &t, &whole, &err);

		if (!cases[i].want) {
			if (r >= 0)
				fail_msg("\"%s\" gives %s", cases[i].path, t.data);
			assert_non_null(err);
			(void)cg_error_free(err);
			assert_int_equal(t.len, 0);
			continue;
		}
		if (r < 0)
			fail_msg("\"%s\": %s", cases[i].path, err->message);
		assert_string_equal(t.data, cases[i].want);
		assert_int_equal(whole, cases[i].whole);
		cg_text_free(&t);
	}
}

static void test_own_length(void **state CG_UNUSED)
{
	assert_int_equal(cg_oci_own_length("/box/one", "/box/one"), 8);
	assert_int_equal(cg_oci_own_length("/box/one/init", "/box/one"), 8);
	/* Below a group that the runtime chose, and a runtime within a container. */
	assert_int_equal(cg_oci_own_length("/user/box/one/init", "/box/one"), 13);
	/* Names that begin or end alike. */
	assert_int_equal(cg_oci_own_length("/box/one2", "/box/one"), 0);
	assert_int_equal(cg_oci_own_length("/box/one2/box/one/x", "/box/one"), 17);
	assert_int_equal(cg_oci_own_length("/abox/one", "/box/one"), 0);
	assert_int_equal(cg_oci_own_length("/", "/box/one"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_state_refused),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_group_path),
		cmocka_unit_test(test_own_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
