/* The metrics keep the format's grammar, and the file appears whole. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "manager/metrics.h"
#include "openmetrics.h"
#include "unit/base/cmocka_all.h"

static const struct cg_job_view jobs[] = {
	{.id = "a",
		.usage = {.value = {[CG_USE_CPU] = 1500000,
				  [CG_USE_MEMORY] = 4096,
				  [CG_USE_IO] = 7,
				  [CG_USE_TASKS] = 2},
			.has = 0x3f}},
	{.id = "b-2.c_d", .usage = {.value = {[CG_USE_MEMORY] = UINT64_MAX}, .has = 1U << CG_USE_MEMORY}},
};

static void make(struct cg_metrics *m)
{
	memset(m, 0, sizeof(*m));
	m->version = "0.1 \"x\"\\\n";
	m->started_us = 1700000000000001;
	m->stall_known = 7;
	m->stall_us[CG_RESOURCE_MEMORY][CG_STALL_FULL] = 42;
	m->decisions[CG_ACT_KILL] = 3;
	m->job = jobs;
	m->job_count = CG_ARRAY_SIZE(jobs);
}

static void test_grammar(void **state CG_UNUSED)
{
	struct cg_metrics m;
	struct cg_text t = {0};
	unsigned line;
	const char *wrong;

	make(&m);
	cg_metrics_text(&m, &t);
	assert_false(t.failed);
	wrong = openmetrics_check(t.data, t.len, &line);
	if (wrong)
		fail_msg("line %u: %s\n%s", line, wrong, t.data);
	assert_non_null(strstr(t.data, "\ncgtree_job_cpu_seconds_total{id=\"a\"} 1.500000\n"));
	assert_non_null(strstr(t.data, "\ncgtree_job_memory_bytes{id=\"b-2.c_d\"} 18446744073709551615\n"));
	/* What was not measured is not there, rather than 0. */
	assert_null(strstr(t.data, "cgtree_job_cpu_seconds_total{id=\"b-2.c_d\"}"));
	assert_non_null(
		strstr(t.data, "\ncgtree_stall_seconds_total{resource=\"memory\",kind=\"full\"} 0.000042\n"));
	assert_non_null(strstr(t.data, "\ncgtree_decisions_total{act=\"kill\"} 3\n"));
	cg_text_free(&t);
}

/* The checker itself can say no. */
static void test_checker(void **state CG_UNUSED)
{
	static const char *const bad[] = {
		"",
		"# EOF",
		"# TYPE a gauge\na 1\n",
		"# TYPE a gauge\na 1\n# EOF\n\n",
		"# TYPE a counter\na 1\n# EOF\n",
		"# TYPE a gauge\na_total 1\n# EOF\n",
		"# TYPE a gauge\na 1\na 2\n# EOF\n",
		"# TYPE a gauge\na{x=\"1\",x=\"2\"} 1\n# EOF\n",
		"# TYPE a gauge\na{x=\"1} 1\n# EOF\n",
		"# TYPE a gauge\na{x=\"\\q\"} 1\n# EOF\n",
		"# TYPE a gauge\na x\n# EOF\n",
		"# TYPE a gauge\na\n# EOF\n",
		"# TYPE a gauge\nb 1\n# EOF\n",
		"# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\n# EOF\n",
		"# TYPE a gauge\na 1\n# HELP a b\n# EOF\n",
		"# TYPE a_bytes gauge\n# UNIT a_bytes seconds\na_bytes 1\n# EOF\n",
		"# TYPE a counter\na_total -1\n# EOF\n",
		"# NOTE a\n# EOF\n",
	};
	static const char good[] =
		"# TYPE a_s counter\n# UNIT a_s s\n# HELP a_s b \\\\ c\na_s_total{x=\"\\\"\"} 1.5\n# EOF\n";
	unsigned line;

	for (size_t i = 0; i < CG_ARRAY_SIZE(bad); i++)
		if (!openmetrics_check(bad[i], strlen(bad[i]), &line))
			fail_msg("taken: %s", bad[i]);
	assert_null(openmetrics_check(good, sizeof(good) - 1, &line));
}

static void test_file(void **state CG_UNUSED)
{
	char folder[] = "/tmp/cgt-metrics-XXXXXX", path[64], outside[64];
	struct cg_buffer b = {0};
	struct cg_error *err = NULL;
	struct stat st;

	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/m.prom", folder);
	(void)snprintf(outside, sizeof(outside), "%s/outside", folder);
	assert_int_equal(cg_metrics_write(path, CG_BYTES("one\n"), &err), 0);
	assert_int_equal(cg_metrics_write(path, CG_BYTES("two\n"), &err), 0);
	assert_int_equal(cg_read_path_at(AT_FDCWD, path, &b), 0);
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.data, "two\n", 4);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(st.st_nlink, 1);
	/* A planted link is replaced, not followed. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(outside, path), 0);
	assert_int_equal(cg_metrics_write(path, CG_BYTES("three\n"), &err), 0);
	assert_int_equal(access(outside, F_OK), -1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0); /* nothing temporary is left */
	assert_int_equal(cg_metrics_write(path, CG_BYTES("four\n"), &err), -ENOENT);
	assert_string_equal(err->path, path);
	cg_error_free(err);
	cg_buffer_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grammar), cmocka_unit_test(test_checker), cmocka_unit_test(test_file)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
