/* Command lines of OCI runtimes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "base/attributes.h"
#include "cli/oci_call.h"

#define WORDS 16

struct call_case {
	const char *line; /* words with one space between */
	enum oci_command command;
	int at;
	const char *image_path, *bundle, *id;
	bool detach;
};

static void check(const struct call_case *c)
{
	char line[256], *word[WORDS], *rest = line;
	int words = 0;
	struct oci_call got;

	assert_true(strlen(c->line) < sizeof(line));
	memcpy(line, c->line, strlen(c->line) + 1);
	for (char *w = strsep(&rest, " "); w && words < WORDS; w = strsep(&rest, " "))
		word[words++] = w;
	got = oci_call_parse(words, word);
	if (got.command != c->command)
		fail_msg("%s: command %d", c->line, got.command);
	if (got.command == OCI_OTHER)
		return;
	assert_int_equal(got.at, c->at);
	assert_string_equal(got.image_path, c->image_path);
	assert_string_equal(got.bundle, c->bundle);
	assert_string_equal(got.id, c->id);
	assert_int_equal(got.detach, c->detach);
}

static void test_calls(void **state CG_UNUSED)
{
	static const struct call_case cases[] = {
		{"runc checkpoint web", OCI_CHECKPOINT, 1, "checkpoint", ".", "web", false},
		{"runc restore -d web", OCI_RESTORE, 1, "checkpoint", ".", "web", true},
		/* As conmon writes it for podman. */
		{"runc restore --detach --pid-file /p --image-path /i --work-path /w --bundle /b 12ab",
			OCI_RESTORE, 1, "/i", "/b", "12ab", true},
		{"runc --log /l --log-format=json --root /r --systemd-cgroup checkpoint --image-path=/i c",
			OCI_CHECKPOINT, 7, "/i", ".", "c", false},
		/* Values that look like commands. */
		{"runc --root restore --log checkpoint restore -b checkpoint c", OCI_RESTORE, 5, "checkpoint",
			"checkpoint", "c", false},
		{"runc restore -image-path i -detach=false --bundle=b c", OCI_RESTORE, 1, "i", "b", "c",
			false},
		{"runc restore -detach=true -- -c", OCI_RESTORE, 1, "checkpoint", ".", "-c", true},
		/* An option of tomorrow, with its value. */
		{"runc restore --new-thing x c", OCI_RESTORE, 1, "checkpoint", ".", "c", false},
		{.line = "runc"},
		{.line = "runc --version"},
		{.line = "runc state web"},
		{.line = "runc --root restore"},
		{.line = "runc create checkpoint"},
		{.line = "runc checkpoint"},
		{.line = "runc checkpoint --help"},
		{.line = "runc restore -h"},
		{.line = "runc restore --lsm-mount-context"},
		{.line = "runc restore --image-path i"},
		{.line = "runc restore --image-path= c"},
		{.line = "runc checkpoint --pre-dump c"},
	};

	for (size_t i = 0; i < CG_ARRAY_SIZE(cases); i++)
		check(&cases[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_calls)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
