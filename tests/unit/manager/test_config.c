/* The configuration: taken as a whole or not at all, and never misread. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "manager/config_file.h"
#include "unit/base/cmocka_all.h"

static void must_hold(const struct cg_config *c, const char *section, const char *name, const char *want)
{
	const struct cg_config_row *row = cg_config_find(section, name);
	struct cg_text t = {0};

	assert_non_null(row);
	cg_config_value(c, row, &t);
	assert_string_equal(t.data ? t.data : "", want);
	cg_text_free(&t);
}

static void test_defaults(void **state CG_UNUSED)
{
	struct cg_config c = {0};
	struct cg_error *err = NULL;

	assert_int_equal(cg_config_load(NULL, NULL, 0, &c, &err), 0);
	for (size_t i = 0; i < CG_CONFIG_ROWS; i++) {
		const struct cg_config_row *row = &cg_config_table[i];

		must_hold(&c, row->section, row->name, row->initial);
		/* Names are unique, as options too. */
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(row->option, cg_config_table[k].option);
		assert_ptr_equal(cg_config_find(row->section, row->name), row);
	}
	cg_config_free(&c);
}

static const struct value_case {
	const char *section, *name, *value, *want; /* want NULL: refused */
} values[] = {
	{"pressure", "window", "2s", "2s"},
	{"pressure", "window", "1500ms", "1500ms"},
	{"pressure", "window", "0", NULL},
	{"pressure", "window", "499ms", NULL},
	{"pressure", "window", "11s", NULL},
	{"pressure", "window", "2", NULL}, /* of what? */
	{"pressure", "window", "-2s", NULL},
	{"pressure", "window", "2 s", NULL},
	{"pressure", "window", "forever", NULL},
	{"pressure", "window", "18446744073709551615s", NULL},
	{"pressure", "calm", "0", "0"},
	{"pressure", "calm", "5min", "5min"},
	{"pressure", "calm", "60s", "1min"},
	{"pressure", "dry-run", "yes", "yes"},
	{"pressure", "dry-run", "Yes", NULL},
	{"pressure", "dry-run", "1", NULL},
	{"memory", "kill-enter", "55%", "55%"},
	{"memory", "kill-enter", "55", NULL},
	{"memory", "kill-enter", "101%", NULL},
	{"memory", "kill-enter", "0%", NULL},
	{"memory", "kill-enter", "1e1%", NULL},
	{"memory", "stall", "full", "full"},
	{"memory", "stall", "both", NULL},
	{"memory", "steps", "kill brake", "brake kill"},
	{"memory", "steps", "none", "none"},
	{"memory", "steps", "", NULL},
	{"memory", "steps", "none kill", NULL},
	{"memory", "min-size", "64MiB", "64M"},
	{"memory", "min-size", "1.5G", "1.5G"},
	{"memory", "min-size", "-1", NULL},
	{"memory", "min-size", "max", NULL},
	{"demote", "weight", "0", NULL},
	{"demote", "weight", "7", "7"},
	{"admission", "when-closed", "queue", "queue"},
	{"demote", "weight", "10001", NULL},
	{"metrics", "file", "/var/lib/m.prom", "/var/lib/m.prom"},
	{"metrics", "file", "none", "none"},
	{"metrics", "file", "", NULL},
	{"metrics", "file", "m.prom", NULL},
};

static void test_values(void **state CG_UNUSED)
{
	for (size_t i = 0; i < CG_ARRAY_SIZE(values); i++) {
		const struct value_case *v = &values[i];
		const struct cg_config_row *row = cg_config_find(v->section, v->name);
		struct cg_config c = {0};
		struct cg_error *err = NULL;
		int r;

		assert_int_equal(cg_config_default(&c, &err), 0);
		r = cg_config_set(&c, row, v->value, &err);
		if ((r == 0) != (v->want != NULL))
			fail_msg("[%s] %s = %s", v->section, v->name, v->value);
		must_hold(&c, v->section, v->name, v->want ? v->want : row->initial);
		if (r < 0) {
			assert_int_equal(err->fault, CG_FAULT_USAGE);
			assert_non_null(strstr(err->message, v->name));
		}
		cg_error_free(err);
		cg_config_free(&c);
	}
}

static const struct text_case {
	const char *text, *says; /* NULL: taken */
} texts[] = {
	{"", NULL},
	{"# nothing\n; at all\n\n[memory]\n", NULL},
	{"[memory]\nkill-enter = 60% ; enough\n", NULL},
	{"[memory]\r\nkill-enter = 60%\r\n", NULL},
	{"kill-enter = 60%\n", "line 1: [] kill-enter"},
	{"[memory]\nkill-entry = 60%\n", "line 2: [memory] kill-entry: there is no such name"},
	{"[memori]\nkill-enter = 60%\n", "no such section"},
	{"[memory]\nkill-enter = 60%\nkill-enter = 70%\n", "line 3: [memory] kill-enter is given twice"},
	{"[memory]\nkill-enter = 60%\n   70%\n", "given twice"}, /* no continuation lines */
	{"[memory]\nkill-enter\n", "line 2: neither"},
	{"[memory\nkill-enter = 60%\n", "no such section"},
	{"[memory]\nkill-enter = many\n", "it takes 1% to 100%"},
	{"[memory]\nkill-enter = \x1b[2J\n", "\\x1b[2J"},
	{"[pressure]\nwindow = 5\n", "500ms to 10s, with its unit"},
};

static void test_texts(void **state CG_UNUSED)
{
	for (size_t i = 0; i < CG_ARRAY_SIZE(texts); i++) {
		struct cg_config c = {0};
		struct cg_error *err = NULL;
		int r;

		assert_int_equal(cg_config_default(&c, &err), 0);
		r = cg_config_parse(&c, cg_bytes_of(texts[i].text), "x.conf", &err);
		if ((r == 0) != (texts[i].says == NULL))
			fail_msg("case %zu: %d %s", i, r, err ? err->message : "");
		if (r < 0) {
			if (!strstr(err->message, texts[i].says))
				fail_msg("case %zu: %s", i, err->message);
			assert_string_equal(err->path, "x.conf");
		}
		cg_error_free(err);
		cg_config_free(&c);
	}
}

/* inih would cut a long line in two, and read its end as a line of its own. */
static void test_long_line(void **state CG_UNUSED)
{
	struct cg_config c = {0};
	struct cg_error *err = NULL;
	char text[600];

	memset(text, 'x', sizeof(text));
	memcpy(text, "[metrics]\nfile = /", 18);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(cg_config_default(&c, &err), 0);
	assert_true(cg_config_parse(&c, cg_bytes_of(text), "x.conf", &err) < 0);
	assert_non_null(strstr(err->message, "line 2"));
	err = cg_error_free(err);
	assert_true(cg_config_parse(&c, (struct cg_bytes){"[memory]\n\0", 10}, "x.conf", &err) < 0);
	cg_error_free(err);
	cg_config_free(&c);
}

static const struct whole_case {
	const char *text, *says;
} wholes[] = {
	{"[memory]\nbrake-leave = 15%\n", "brake-leave (15%) must be below brake-enter (15%)"},
	{"[memory]\nsteps = freeze kill\nkill-enter = 20%\n",
		"kill-enter (20%) must not be below freeze-enter (30%)"},
	{"[memory]\nsteps = kill\nkill-enter = 20%\n", NULL},
	{"[memory]\nkill-usage = 50%\n", "kill-usage must not be below usage"},
	{"[pressure]\ninterval = 2s\n", "interval must not be longer than window"},
	{"[freeze]\nmax = 500ms\n", "dwell must not be longer than max"},
};

static void test_whole(void **state CG_UNUSED)
{
	for (size_t i = 0; i < CG_ARRAY_SIZE(wholes); i++) {
		struct cg_config c = {0};
		struct cg_error *err = NULL;
		int r;

		assert_int_equal(cg_config_default(&c, &err), 0);
		assert_int_equal(cg_config_parse(&c, cg_bytes_of(wholes[i].text), "x.conf", &err), 0);
		r = cg_config_check(&c, &err);
		if ((r == 0) != (wholes[i].says == NULL) || (r < 0 && !strstr(err->message, wholes[i].says)))
			fail_msg("case %zu: %d %s", i, r, err ? err->message : "");
		cg_error_free(err);
		cg_config_free(&c);
	}
}

static void put(int dirfd, const char *name, const char *text)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(cg_write_all(fd, text, strlen(text)), 0);
	cg_close(fd);
}

static void test_files(void **state CG_UNUSED)
{
	char folder[] = "/tmp/cgt-config-XXXXXX", path[64];
	const struct cg_config_override option = {CG_CONFIG_MEMORY_FREEZE_ENTER, "33%"};
	struct cg_config c = {0}, before;
	struct cg_error *err = NULL;
	int fd;

	assert_non_null(mkdtemp(folder));
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	(void)snprintf(path, sizeof(path), "%s/m.conf", folder);
	assert_int_equal(cg_config_load(path, NULL, 0, &c, &err), -ENOENT);
	assert_string_equal(err->path, path);
	err = cg_error_free(err);

	put(fd, "m.conf", "[memory]\nkill-enter = 50%\nbrake-enter = 16%\nfreeze-enter = 31%\n");
	assert_int_equal(mkdirat(fd, "m.conf.d", 0755), 0);
	put(fd, "m.conf.d/20-b.conf", "[memory]\nkill-enter = 70%\n");
	put(fd, "m.conf.d/10-a.conf",
		"[memory]\nkill-enter = 60%\nbrake-enter = 17%\n[metrics]\nfile = /m\n");
	put(fd, "m.conf.d/30-c.conf.bak", "nonsense\n");
	put(fd, "m.conf.d/.hidden.conf", "nonsense\n");
	assert_int_equal(cg_config_load(path, &option, 1, &c, &err), 0);
	must_hold(&c, "memory", "kill-enter", "70%");
	must_hold(&c, "memory", "brake-enter", "17%");
	must_hold(&c, "memory", "freeze-enter", "33%"); /* the option wins */

	/* Reading again: a mistake anywhere keeps what was. */
	before = c;
	put(fd, "m.conf.d/20-b.conf", "[memory]\nkill-enter = 75%\nkill-usage = x\n");
	assert_true(cg_config_load(path, &option, 1, &c, &err) < 0);
	assert_non_null(strstr(err->path, "m.conf.d/20-b.conf"));
	err = cg_error_free(err);
	assert_memory_equal(&c, &before, sizeof(c));
	put(fd, "m.conf.d/20-b.conf", "[memory]\nkill-enter = 5%\n"); /* wrong only beside the others */
	assert_true(cg_config_load(path, &option, 1, &c, &err) < 0);
	err = cg_error_free(err);
	assert_memory_equal(&c, &before, sizeof(c));
	cg_config_free(&c);

	assert_int_equal(unlinkat(fd, "m.conf.d/10-a.conf", 0), 0);
	assert_int_equal(unlinkat(fd, "m.conf.d/20-b.conf", 0), 0);
	assert_int_equal(unlinkat(fd, "m.conf.d/30-c.conf.bak", 0), 0);
	assert_int_equal(unlinkat(fd, "m.conf.d/.hidden.conf", 0), 0);
	assert_int_equal(unlinkat(fd, "m.conf.d", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(fd, "m.conf", 0), 0);
	cg_close(fd);
	assert_int_equal(rmdir(folder), 0);
}

/* What --check-config prints is a configuration that says the same. */
static void test_text_comes_back(void **state CG_UNUSED)
{
	struct cg_config c = {0}, again = {0};
	struct cg_error *err = NULL;
	struct cg_text first = {0}, second = {0};

	assert_int_equal(cg_config_default(&c, &err), 0);
	assert_int_equal(cg_config_set(&c, &cg_config_table[CG_CONFIG_METRICS_FILE], "/m", &err), 0);
	assert_int_equal(cg_config_set(&c, &cg_config_table[CG_CONFIG_CALM], "1234us", &err), 0);
	assert_int_equal(cg_config_set(&c, &cg_config_table[CG_CONFIG_IO_STEPS], "none", &err), 0);
	cg_config_text(&c, &first);
	assert_int_equal(cg_config_default(&again, &err), 0);
	assert_int_equal(cg_config_parse(&again, (struct cg_bytes){first.data, first.len}, "text", &err), 0);
	cg_config_text(&again, &second);
	assert_string_equal(first.data, second.data);
	cg_text_free(&first);
	cg_text_free(&second);
	cg_config_free(&c);
	cg_config_free(&again);
}

/* The list in the manual is made from the table; CGTREE_UPDATE_MAN=1 writes it anew. */
static void test_manual(void **state CG_UNUSED)
{
	static const char path[] = "../../../docs/man/cgtree-manager.conf.5";
	static const char from[] = ".\\\" rows: from config_rows.h\n", to[] = ".\\\" end of rows\n";
	struct cg_buffer page = {0};
	struct cg_text rows = {0};
	char *begin, *end;

	assert_int_equal(cg_read_path_at(AT_FDCWD, path, &page), 0);
	assert_int_equal(cg_buffer_reserve(&page, page.len + 1), 0);
	page.data[page.len] = '\0';
	begin = strstr(page.data, from);
	end = strstr(page.data, to);
	assert_true(begin && end && begin < end);
	begin += strlen(from);
	cg_config_man(&rows);
	if (getenv("CGTREE_UPDATE_MAN")) {
		struct cg_text whole = {0};
		int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

		cg_text_add(&whole, page.data, (size_t)(begin - page.data));
		cg_text_add(&whole, rows.data, rows.len);
		cg_text_adds(&whole, end);
		assert_true(fd >= 0);
		assert_int_equal(cg_write_all(fd, whole.data, whole.len), 0);
		cg_close(fd);
		cg_text_free(&whole);
	} else {
		*end = '\0';
		if (strcmp(begin, rows.data) != 0)
			fail_msg("docs/man/cgtree-manager.conf.5 differs from config_rows.h: run this test "
				 "with CGTREE_UPDATE_MAN=1");
	}
	cg_text_free(&rows);
	cg_buffer_free(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_defaults), cmocka_unit_test(test_values),
		cmocka_unit_test(test_texts), cmocka_unit_test(test_long_line), cmocka_unit_test(test_whole),
		cmocka_unit_test(test_files), cmocka_unit_test(test_text_comes_back),
		cmocka_unit_test(test_manual)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
