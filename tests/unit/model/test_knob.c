/* The catalogue: what every row must keep to, and the look-up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "model/knob.h"
#include "model/value.h"

#define HUGE_2M ((uint64_t)2 << 20)

#define for_each_row(k) for (const struct cg_knob *k = cg_knob_table; k < cg_knob_table + cg_knob_count; k++)

static int versions(const struct cg_knob *k)
{
	return (int)(k->flags & (CG_KNOB_V1 | CG_KNOB_V2));
}

/* The row's name as a file would have it. */
static void file_name(const struct cg_knob *k, char name[static 128])
{
	const char *star = strchr(k->name, '*');

	if (star)
		(void)snprintf(name, 128, "%.*s2MB%s", (int)(star - k->name), k->name, star + 1);
	else
		(void)snprintf(name, 128, "%s", k->name);
}

static void rows_are_sorted_and_unique(void **state)
{
	(void)state;
	assert_true(cg_knob_count > 200);
	for (size_t i = 1; i < cg_knob_count; i++) {
		const struct cg_knob *a = &cg_knob_table[i - 1], *b = &cg_knob_table[i];
		int c = strcmp(a->name, b->name);

		if (c > 0 || (c == 0 && (versions(a) != CG_KNOB_V1 || versions(b) != CG_KNOB_V2)))
			fail_msg("%s stands before %s", a->name, b->name);
	}
}

static void rows_are_found_by_their_files_name(void **state)
{
	(void)state;
	for_each_row(k)
	{
		char name[128];

		assert_int_not_equal(versions(k), 0);
		file_name(k, name);
		for (int v = 1; v <= 2; v++) {
			const struct cg_knob *found = cg_knob_find(name, v);
			const bool here = k->flags & (v == 1 ? CG_KNOB_V1 : CG_KNOB_V2);

			if (here != (found == k))
				fail_msg("%s v%d gives %s", name, v, found ? found->name : "nothing");
		}
	}
}

static void find_refuses(void **state)
{
	static const char *const names[] = {"", "cpu", "cpu.", "cpu.weight.", "cpu.weigh", "cpu.weightx",
		"hugetlb.*.max", "hugetlb.2MB", "hugetlb.2MB.", "hugetlb..max", "hugetlb.MB.max",
		"hugetlb.2QB.max", "hugetlb.2M.max", "hugetlb.-2MB.max", "hugetlb.0MB.max",
		"hugetlb.99999999999999999999GB.max", "hugetlb.2MB.rsvd", "memory.2MB.max", ".", "..", "~~~"};

	(void)state;
	for (size_t i = 0; i < CG_ARRAY_SIZE(names); i++)
		for (int v = 1; v <= 2; v++)
			if (cg_knob_find(names[i], v))
				fail_msg("%s was found", names[i]);
	assert_null(cg_knob_find("cpu.shares", 2));
	assert_null(cg_knob_find("cpu.weight", 1));
	assert_ptr_not_equal(cg_knob_find("cpu.idle", 1), cg_knob_find("cpu.idle", 2));
	assert_string_equal(cg_knob_find("hugetlb.64KB.rsvd.max", 2)->name, "hugetlb.*.rsvd.max");
	assert_string_equal(cg_knob_find("hugetlb.1GB.limit_in_bytes", 1)->name, "hugetlb.*.limit_in_bytes");
}

static void rows_are_whole(void **state)
{
	(void)state;
	for_each_row(k)
	{
		const bool setting = k->kind == CG_KNOB_SETTING;
		size_t help = k->help ? strlen(k->help) : 0;

		if (!k->controller)
			fail_msg("%s has no controller", k->name);
		if (help < 8 || help > 100 || k->help[help - 1] == '.' || strchr(k->help, '\n'))
			fail_msg("%s: help \"%s\"", k->name, k->help ? k->help : "");
		if (setting == (k->grammar == CG_GRAMMAR_NONE))
			fail_msg("%s: kind and grammar disagree", k->name);
		if ((k->flags & CG_KNOB_ROOT_ONLY) && (k->flags & CG_KNOB_NON_ROOT))
			fail_msg("%s is nowhere", k->name);
		if ((k->mode & ~0666) || (k->old_mode & ~0666) ||
			(setting && !(k->mode & 0200) && !k->write_name))
			fail_msg("%s: mode %o", k->name, k->mode);
		if ((k->kind == CG_KNOB_ACTION) != (k->mode == 0200))
			fail_msg("%s: an action can be written only", k->name);
		if (k->until && k->since >= k->until)
			fail_msg("%s: until is not after since", k->name);
		if (!setting && (k->default_value || k->min || k->max || k->words || k->reset || k->usage ||
					k->bound))
			fail_msg("%s: fields of a setting", k->name);
	}
}

static void settings_fit_their_grammar(void **state)
{
	(void)state;
	for_each_row(k)
	{
		const enum cg_grammar g = k->grammar;
		const bool keyed =
			g == CG_GRAMMAR_KEYED || g == CG_GRAMMAR_KEYED_DEFAULT || g == CG_GRAMMAR_NESTED;
		const bool ranged = g == CG_GRAMMAR_NUMBER || g == CG_GRAMMAR_NUMBER_MAX ||
				    g == CG_GRAMMAR_QUOTA || g == CG_GRAMMAR_KEYED ||
				    g == CG_GRAMMAR_KEYED_DEFAULT;

		if (k->kind != CG_KNOB_SETTING)
			continue;
		if (ranged ? k->max <= k->min : k->max != 0 && g != CG_GRAMMAR_NESTED)
			fail_msg("%s: range", k->name);
		if ((g == CG_GRAMMAR_WORD || g == CG_GRAMMAR_NESTED) != (k->words != NULL))
			fail_msg("%s: words", k->name);
		if ((keyed || g == CG_GRAMMAR_DEVICE_RULES) != (k->key != CG_KEY_NONE))
			fail_msg("%s: key", k->name);
		if (keyed && !k->reset && !(k->flags & CG_KNOB_ROOT_ONLY))
			fail_msg("%s: an entry can not be taken away", k->name);
		if ((keyed || g == CG_GRAMMAR_DEVICE_RULES) != ((k->flags & CG_KNOB_ENTRY_PER_WRITE) != 0))
			fail_msg("%s: one entry a write", k->name);
		if (g == CG_GRAMMAR_LIST && !k->quantity)
			fail_msg("%s: a list of what?", k->name);
		if ((g == CG_GRAMMAR_BYTES || g == CG_GRAMMAR_BYTES_MAX) &&
			(!k->quantity || strcmp(k->quantity, "bytes") != 0))
			fail_msg("%s counts bytes", k->name);
		if ((k->flags & CG_KNOB_LIMIT) && !k->usage)
			fail_msg("%s: the use of a limit is unknown", k->name);
		if ((g == CG_GRAMMAR_DEVICE_RULES) != (k->write_name && k->clear_name))
			fail_msg("%s: rules are written by other files", k->name);
		if (k->read_words && !k->read_name)
			fail_msg("%s: read_words without read_name", k->name);
		if (strchr(k->name, '*') && !(k->flags & CG_KNOB_UNIT_ROUNDED))
			fail_msg("%s: huge pages have a unit", k->name);
	}
}

/* cgroup.type can be written in one direction only. */
static bool default_is_writable(const struct cg_knob *k)
{
	return !(k->flags & CG_KNOB_ALIAS) && strcmp(k->name, "cgroup.type") != 0;
}

static void defaults_fit_their_grammar(void **state)
{
	(void)state;
	for_each_row(k)
	{
		_cleanup_text_ struct cg_text t = {0};
		_cleanup_error_ struct cg_error *err = NULL;
		char name[128];

		if (k->kind != CG_KNOB_SETTING)
			continue;
		if (k->default_kind != CG_DEFAULT_INHERIT &&
			(k->default_kind == CG_DEFAULT_FIXED) != (k->default_value != NULL))
			fail_msg("%s: default", k->name);
		if (k->default_kind == CG_DEFAULT_UNLIMITED && !(k->flags & CG_KNOB_MINUS_ONE))
			fail_msg("%s: unlimited without -1", k->name);
		file_name(k, name);
		if (!cg_knob_default(k, name, 4096, &t))
			continue;
		if (default_is_writable(k) &&
			cg_value_check(k, name, (struct cg_bytes){t.data, t.len}, &err) < 0)
			fail_msg("%s: default: %s", k->name, err->message);
	}
}

static void check_reference(const struct cg_knob *k, const char *name, enum cg_knob_kind kind)
{
	for (int v = 1; name && v <= 2; v++) {
		const struct cg_knob *other = NULL;

		if (!(k->flags & (v == 1 ? CG_KNOB_V1 : CG_KNOB_V2)))
			continue;
		for_each_row(row) if (strcmp(row->name, name) == 0 &&
				      (row->flags & (v == 1 ? CG_KNOB_V1 : CG_KNOB_V2))) other = row;
		if (!other || other->kind != kind)
			fail_msg("%s v%d refers to %s", k->name, v, name);
	}
}

static void references_name_rows(void **state)
{
	(void)state;
	for_each_row(k)
	{
		check_reference(k, k->usage, CG_KNOB_STATISTIC);
		check_reference(k, k->masked_by, CG_KNOB_SETTING);
		check_reference(k, k->bound, CG_KNOB_SETTING);
		check_reference(k, k->read_name, CG_KNOB_STATISTIC);
		check_reference(k, k->write_name, CG_KNOB_ACTION);
		check_reference(k, k->clear_name, CG_KNOB_ACTION);
	}
}

static void units(void **state)
{
	(void)state;
	assert_int_equal(cg_knob_unit(cg_knob_find("memory.max", 2), "memory.max", 4096), 4096);
	assert_int_equal(cg_knob_unit(cg_knob_find("memory.max", 2), "memory.max", 65536), 65536);
	assert_int_equal(cg_knob_unit(cg_knob_find("memory.max", 2), "memory.max", 0), 1);
	assert_int_equal(cg_knob_unit(cg_knob_find("pids.max", 2), "pids.max", 4096), 1);
	assert_int_equal(cg_knob_unit(cg_knob_find("hugetlb.2MB.max", 2), "hugetlb.2MB.max", 4096), HUGE_2M);
	assert_int_equal(
		cg_knob_unit(cg_knob_find("hugetlb.1GB.max", 2), "hugetlb.1GB.max", 4096), (uint64_t)1 << 30);
	assert_int_equal(cg_knob_unit(cg_knob_find("hugetlb.64KB.max", 2), "hugetlb.64KB.max", 4096), 65536);
}

static void check_default(const char *name, int version, uint64_t page_size, const char *expected)
{
	_cleanup_text_ struct cg_text t = {0};
	const struct cg_knob *k = cg_knob_find(name, version);
	const bool known = cg_knob_default(k, name, page_size, &t);

	assert_int_equal(known, expected != NULL);
	if (expected)
		assert_string_equal(t.data ? t.data : "", expected);
}

static void defaults(void **state)
{
	(void)state;
	check_default("memory.limit_in_bytes", 1, 4096, "9223372036854771712");
	check_default("memory.limit_in_bytes", 1, 65536, "9223372036854710272");
	check_default("hugetlb.2MB.limit_in_bytes", 1, 4096, "9223372036852678656");
	check_default("hugetlb.1GB.limit_in_bytes", 1, 4096, "9223372035781033984");
	check_default("cpu.max", 2, 4096, "max 100000");
	check_default("io.max", 2, 4096, "");
	check_default("memory.swappiness", 1, 4096, NULL);
	check_default("cpuset.cpus", 1, 4096, NULL);
	check_default("cpuset.cpus", 2, 4096, "");
}

static void siblings(void **state)
{
	_cleanup_text_ struct cg_text t = {0};

	(void)state;
	cg_knob_sibling(&t, "hugetlb.*.rsvd.current", "hugetlb.2MB.rsvd.max");
	assert_string_equal(t.data, "hugetlb.2MB.rsvd.current");
	cg_text_reset(&t);
	cg_knob_sibling(&t, "memory.current", "memory.max");
	assert_string_equal(t.data, "memory.current");
}

static void modes(void **state)
{
	const struct cg_knob *peak = cg_knob_find("memory.peak", 2), *max = cg_knob_find("memory.max", 2);

	(void)state;
	assert_int_equal(cg_knob_mode(peak, CG_KERNEL(6, 1)), 0444);
	assert_int_equal(cg_knob_mode(peak, CG_KERNEL(6, 12)), 0644);
	assert_int_equal(cg_knob_mode(max, CG_KERNEL(4, 5)), 0644);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_sorted_and_unique),
		cmocka_unit_test(rows_are_found_by_their_files_name),
		cmocka_unit_test(find_refuses),
		cmocka_unit_test(rows_are_whole),
		cmocka_unit_test(settings_fit_their_grammar),
		cmocka_unit_test(defaults_fit_their_grammar),
		cmocka_unit_test(references_name_rows),
		cmocka_unit_test(units),
		cmocka_unit_test(defaults),
		cmocka_unit_test(siblings),
		cmocka_unit_test(modes),
	};

	return cmocka_run_group_tests_name("knob", tests, NULL, NULL);
}
