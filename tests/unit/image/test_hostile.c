/* Images whose checksums are right and whose contents are not: refused with words, whatever they claim. */
#include "hostile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "sample.h"

static void test_plain(void **state)
{
	struct builder b;
	struct cg_tree *tree;

	(void)state;
	hostile_begin(&b);
	hostile_put_group(&b, "/job", 0);
	hostile_put_group(&b, "a", 1);
	hostile_put_group(&b, "b", 1);
	tree = hostile_expect_read(&b);
	assert_int_equal(tree->groups, 3);
	assert_int_equal(tree->group[2].parent, 1);
	cg_tree_free(tree);
}

static void test_names(void **state)
{
	static char long_name[257];
	static const char *const names[] = {"", ".", "..", "a/b", "a\nb", "/a", long_name};
	static const char *const tops[] = {"", "job", "/job/", "/job//a", "/..", "/job/../a", "/a\nb"};
	struct builder b;

	(void)state;
	memset(long_name, 'x', sizeof(long_name) - 1);
	for (size_t i = 0; i < CG_ARRAY_SIZE(names); i++) {
		hostile_begin(&b);
		hostile_put_group(&b, "/job", 0);
		hostile_put_group(&b, names[i], 1);
		hostile_expect_refused(&b, CG_FAULT_CORRUPT, "group 1 has an invalid name");
	}
	for (size_t i = 0; i < CG_ARRAY_SIZE(tops); i++) {
		hostile_begin(&b);
		hostile_put_group(&b, tops[i], 0);
		hostile_expect_refused(&b, CG_FAULT_CORRUPT, "group 0 is a top with an invalid path");
	}
	hostile_begin(&b);
	Cgtree__Image__Group g = hostile_group("/job", 0);
	g.name = (ProtobufCBinaryData){4, (uint8_t *)(uintptr_t) "/j\0b"};
	hostile_put(&b, CG_RECORD_GROUP, &g);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "record 3 (group) at byte ");
}

static void test_structure(void **state)
{
	struct builder b;

	(void)state;
	hostile_begin(&b);
	hostile_put_group(&b, "/job", 0);
	hostile_put_group(&b, "a", 2);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "its parent is 2 groups before it");
	hostile_begin(&b);
	hostile_put_group(&b, "/job", 0);
	hostile_put_group(&b, "b", 1);
	hostile_put_group(&b, "a", 2);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "out of order");
	hostile_begin(&b);
	hostile_put_group(&b, "/job", 0);
	hostile_put_group(&b, "a", 1);
	hostile_put_group(&b, "a", 2);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "twice");
	hostile_begin(&b);
	hostile_put_group(&b, "/job", 0);
	hostile_put_group(&b, "a", 1);
	hostile_put_group(&b, "b", 2);
	hostile_put_group(&b, "c", 2);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "depth-first");
	hostile_begin(&b);
	hostile_put_group(&b, "/job", 0);
	hostile_put_group(&b, "/job-x", 0);
	hostile_put_group(&b, "/job/a", 0);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "group 2 is a top that lies inside another");
	hostile_begin(&b);
	hostile_put_group(&b, "/", 0);
	hostile_put_group(&b, "/job", 0);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "group 1 is a top that lies inside another");
	hostile_begin(&b);
	hostile_put_hierarchy(&b);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "hierarchies 0 and 1 are the same");
	hostile_begin(&b);
	hostile_put_group(&b, "/job", 0);
	for (unsigned i = 0; i <= CG_DEPTH_MAX; i++)
		hostile_put_group(&b, "d", 1);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "nested too deeply");
}

static void expect_bad_group(Cgtree__Image__Group g, const char *words)
{
	struct builder b;

	hostile_begin(&b);
	hostile_put(&b, CG_RECORD_GROUP, &g);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, words);
}

static void test_group_fields(void **state)
{
	Cgtree__Image__Group g = hostile_group("/job", 0);

	(void)state;
	g.has_hierarchy = true;
	g.hierarchy = 65536;
	expect_bad_group(g, "hierarchy 65536");
	g = hostile_group("/job", 0);
	g.has_file_set = true;
	g.file_set = 1;
	expect_bad_group(g, "file set 1");
	g = hostile_group("/job", 0);
	g.type = (Cgtree__Image__Group__Type)9;
	expect_bad_group(g, "type 9");
	g.type = (Cgtree__Image__Group__Type)-1;
	expect_bad_group(g, "type -1");
	g.type = CGTREE__IMAGE__GROUP__TYPE__V1;
	expect_bad_group(g, "a type that its hierarchy cannot have");
	g = hostile_group("/job", 0);
	g.has_flags = true;
	g.flags = 4;
	expect_bad_group(g, "flags 0x4");
	g = hostile_group("/job", 0);
	g.has_mode = true;
	g.mode = 010755;
	expect_bad_group(g, "mode");
	g = hostile_group("/job", 0);
	g.has_uid = true;
	g.uid = UINT32_MAX;
	expect_bad_group(g, "an owner that nobody can be");
	g = hostile_group("/job", 0);
	g.has_file_gid = true;
	g.file_gid = UINT32_MAX;
	expect_bad_group(g, "an owner that nobody can be");
}

static void expect_bad_settings(const uint32_t *column, size_t columns, size_t values, const uint32_t *unread,
	size_t unreads, const char *words)
{
	ProtobufCBinaryData value[4] = {{0}};
	Cgtree__Image__Group g = hostile_group("/job", 0);

	g.setting_column = (uint32_t *)(uintptr_t)column;
	g.n_setting_column = columns;
	g.setting_value = value;
	g.n_setting_value = values;
	g.unread_column = (uint32_t *)(uintptr_t)unread;
	g.n_unread_column = unreads;
	expect_bad_group(g, words);
}

static void test_settings(void **state)
{
	(void)state;
	expect_bad_settings((uint32_t[]){0, 1}, 2, 1, NULL, 0, "1 values for 2 settings");
	expect_bad_settings((uint32_t[]){0}, 1, 2, NULL, 0, "2 values for 1 settings");
	expect_bad_settings((uint32_t[]){2}, 1, 1, NULL, 0, "unknown file");
	expect_bad_settings((uint32_t[]){65536}, 1, 1, NULL, 0, "file number 65536");
	expect_bad_settings((uint32_t[]){0, 0}, 2, 2, NULL, 0, "twice");
	expect_bad_settings((uint32_t[]){1, 0}, 2, 2, NULL, 0, "out of order");
	expect_bad_settings((uint32_t[]){0}, 1, 1, (uint32_t[]){0}, 1, "twice");
	expect_bad_settings(NULL, 0, 0, (uint32_t[]){1, 0}, 2, "out of order");
}

static void test_contents(void **state)
{
	Cgtree__Image__FileOwner o[2] = {CGTREE__IMAGE__FILE_OWNER__INIT, CGTREE__IMAGE__FILE_OWNER__INIT},
				 *os[2] = {&o[0], &o[1]};
	Cgtree__Image__Xattr x[2] = {CGTREE__IMAGE__XATTR__INIT, CGTREE__IMAGE__XATTR__INIT},
			     *xs[2] = {&x[0], &x[1]};
	Cgtree__Image__Group g = hostile_group("/job", 0);

	(void)state;
	g.file_owner = os;
	g.n_file_owner = 2;
	expect_bad_group(g, "no file or of two");
	o[0].has_column = o[1].has_column = true;
	expect_bad_group(g, "two owners of one file");
	o[0].column = 1;
	expect_bad_group(g, "out of order");
	o[0].column = 0;
	o[1].column = 7;
	expect_bad_group(g, "unknown file");
	o[1].column = CG_FILE_EXTRA;
	expect_bad_group(g, "file number 65535");
	o[0].has_column = o[1].has_column = false;
	o[0].has_name = o[1].has_name = true;
	o[0].name = o[1].name = hostile_text("cgroup.procs");
	expect_bad_group(g, "two owners of one file");
	o[1].name = hostile_text("../x");
	expect_bad_group(g, "unknown file");
	g = hostile_group("/job", 0);
	g.xattr = xs;
	g.n_xattr = 2;
	expect_bad_group(g, "impossible name");
	x[0].has_name = x[1].has_name = true;
	x[0].name = x[1].name = hostile_text("user.x");
	expect_bad_group(g, "out of order or twice");
}

static void expect_bad_tasks(const uint32_t (*number)[2], size_t count, const char *words)
{
	Cgtree__Image__Task t[2] = {CGTREE__IMAGE__TASK__INIT, CGTREE__IMAGE__TASK__INIT},
			    *ts[2] = {&t[0], &t[1]};
	Cgtree__Image__Tasks m = CGTREE__IMAGE__TASKS__INIT;
	struct builder b;

	for (size_t i = 0; i < count; i++) {
		t[i].has_pid = t[i].has_tid = true;
		t[i].pid = number[i][0];
		t[i].tid = number[i][1];
	}
	m.task = ts;
	m.n_task = count;
	hostile_begin(&b);
	hostile_put_group(&b, "/job", 0);
	hostile_put(&b, CG_RECORD_TASKS, &m);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, words);
}

static void test_tasks(void **state)
{
	Cgtree__Image__Tasks m = CGTREE__IMAGE__TASKS__INIT;
	struct builder b;

	(void)state;
	expect_bad_tasks(NULL, 0, "it has 0 tasks");
	expect_bad_tasks((uint32_t[][2]){{0, 1}}, 1, "without a number");
	expect_bad_tasks((uint32_t[][2]){{0x80000000u, 1}}, 1, "2147483648");
	expect_bad_tasks((uint32_t[][2]){{5, 6}, {5, 6}}, 2, "out of order or twice");
	expect_bad_tasks((uint32_t[][2]){{6, 6}, {5, 5}}, 2, "out of order or twice");
	hostile_begin(&b);
	hostile_put(&b, CG_RECORD_TASKS, &m);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "does not follow a group");
}

static void test_order(void **state)
{
	struct builder b;

	(void)state;
	hostile_start(&b, 0);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "ends before its inventory");
	hostile_start(&b, 0);
	hostile_put_hierarchy(&b);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "before the inventory");
	hostile_start(&b, 0);
	hostile_put_inventory(&b);
	hostile_put_inventory(&b);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "second inventory");
	hostile_begin(&b);
	hostile_put_group(&b, "/job", 0);
	hostile_put_hierarchy(&b);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "too late");
	hostile_begin(&b);
	hostile_put_raw(&b, CG_RECORD_HIERARCHY, 0, "\x08\x02", 2);
	hostile_put_raw(&b, CG_RECORD_NOTE, 0, "", 0);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "files of the hierarchy before it are missing");
	hostile_begin(&b);
	hostile_put_raw(&b, CG_RECORD_KNOBS, 0, "", 0);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "does not follow a hierarchy");
	hostile_begin(&b);
	hostile_put_raw(&b, CG_RECORD_HIERARCHY, 0, "\x08\x03", 2);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "version 3");
}

static void expect_bad_knobs(
	const char *first, const char *second, const uint32_t *set, size_t in_set, const char *words)
{
	Cgtree__Image__Column c[2] = {CGTREE__IMAGE__COLUMN__INIT, CGTREE__IMAGE__COLUMN__INIT},
			      *cs[2] = {&c[0], &c[1]};
	Cgtree__Image__FileSet f = CGTREE__IMAGE__FILE_SET__INIT, *fs[1] = {&f};
	Cgtree__Image__Knobs k = CGTREE__IMAGE__KNOBS__INIT;
	struct builder b;

	c[0].has_name = c[1].has_name = true;
	c[0].name = hostile_text(first);
	c[1].name = hostile_text(second);
	f.column = (uint32_t *)(uintptr_t)set;
	f.n_column = in_set;
	k.n_column = 2;
	k.column = cs;
	k.n_file_set = 1;
	k.file_set = fs;
	hostile_start(&b, 0);
	hostile_put_inventory(&b);
	hostile_put_raw(&b, CG_RECORD_HIERARCHY, 0, "\x08\x02", 2);
	hostile_put(&b, CG_RECORD_KNOBS, &k);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, words);
}

static void test_knobs(void **state)
{
	(void)state;
	expect_bad_knobs("../x", "b", NULL, 0, "invalid file");
	expect_bad_knobs("", "b", NULL, 0, "invalid file");
	expect_bad_knobs("a", "a", NULL, 0, "a twice");
	expect_bad_knobs("a", "b", (uint32_t[]){0, 0}, 2, "invalid file set");
	expect_bad_knobs("a", "b", (uint32_t[]){1, 0}, 2, "invalid file set");
	expect_bad_knobs("a", "b", (uint32_t[]){2}, 1, "invalid file set");
	expect_bad_knobs("a", "b", (uint32_t[]){5000}, 1, "file number 5000");
}

/* Limits keep the search for doubles short. */
static void test_limits(void **state)
{
	static char long_list[300], columns[4 * 1025];
	Cgtree__Image__Hierarchy h = CGTREE__IMAGE__HIERARCHY__INIT;
	struct builder b;

	(void)state;
	memset(long_list, ',', 257);
	h.has_version = h.has_controllers = true;
	h.version = 1;
	h.controllers = hostile_text(long_list);
	hostile_start(&b, 0);
	hostile_put_inventory(&b);
	hostile_put(&b, CG_RECORD_HIERARCHY, &h);
	hostile_put_raw(&b, CG_RECORD_KNOBS, 0, "", 0);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "controllers of more than 256 bytes");
	for (size_t i = 0; i < sizeof(columns); i += 4)
		memcpy(columns + i, "\x0a\x02\x0a", 4);
	hostile_start(&b, 0);
	hostile_put_inventory(&b);
	hostile_put_raw(&b, CG_RECORD_HIERARCHY, 0, "\x08\x02", 2);
	hostile_put_raw(&b, CG_RECORD_KNOBS, 0, columns, sizeof(columns));
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "1025 files");
	hostile_start(&b, 0);
	hostile_put_inventory(&b);
	for (unsigned i = 0; i < 257; i++) {
		hostile_put_raw(&b, CG_RECORD_HIERARCHY, 0, "\x08\x02", 2);
		hostile_put_raw(&b, CG_RECORD_KNOBS, 0, "", 0);
	}
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "257 hierarchies");
}

static void test_messages(void **state)
{
	struct builder b;

	(void)state;
	hostile_begin(&b);
	hostile_put_raw(&b, CG_RECORD_NOTE, 0, "\x1a\x05x", 3);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "no Note message");
	hostile_begin(&b);
	hostile_put_raw(&b, CG_RECORD_NOTE, 0, "\x1a\x01x\x1a\x01y", 6);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "not packed as the format says");
	hostile_begin(&b);
	hostile_put_raw(&b, CG_RECORD_NOTE, 0, "\x1a\x01x\x78\x01", 5);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "fields that its format version does not have");
}

/* A newer minor version may have more fields and records: read, kept or said. */
static void test_newer_minor(void **state)
{
	struct cg_tree *tree;
	struct builder b;

	(void)state;
	hostile_start(&b, 3);
	hostile_put_inventory(&b);
	hostile_put_hierarchy(&b);
	hostile_put_raw(&b, 0x33, 0, "new", 3);
	hostile_put_raw(&b, CG_RECORD_NOTE, 0, "\x1a\x01x\x78\x01", 5);
	tree = hostile_expect_read(&b);
	assert_int_equal(tree->notes, 2);
	assert_string_equal(tree->note[0].text, "x");
	assert_non_null(strstr(tree->note[1].text, "format 1.3"));
	assert_int_equal(tree->extras, 1);
	assert_int_equal(tree->extra[0].type, 0x33);
	cg_tree_free(tree);
	/* Unknown fields within fields count, too: a column with a field 15. */
	hostile_start(&b, 3);
	hostile_put_inventory(&b);
	hostile_put_raw(&b, CG_RECORD_HIERARCHY, 0, "\x08\x02", 2);
	hostile_put_raw(&b, CG_RECORD_KNOBS, 0, "\x0a\x05\x0a\x01x\x78\x01", 7);
	tree = hostile_expect_read(&b);
	assert_int_equal(tree->notes, 1);
	cg_tree_free(tree);
}

static void test_unknown_records(void **state)
{
	struct cg_tree *tree;
	struct builder b;

	(void)state;
	hostile_begin(&b);
	hostile_put_raw(&b, 0x33, CG_RECORD_CRITICAL, "", 0);
	hostile_expect_refused(&b, CG_FAULT_UNSUPPORTED, "type 51");
	hostile_begin(&b);
	hostile_put_raw(&b, 0x33, CG_RECORD_MORE, "a", 1);
	hostile_put_raw(&b, 0x34, 0, "b", 1);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "not complete");
	hostile_begin(&b);
	hostile_put_raw(&b, 0x33, CG_RECORD_MORE, "a", 1);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "not complete");
	hostile_begin(&b);
	hostile_put_raw(&b, 0x33, CG_RECORD_MORE, "a", 1);
	hostile_put_raw(&b, 0x33, 0, "\0", 1);
	tree = hostile_expect_read(&b);
	assert_int_equal(tree->extras, 2);
	assert_int_equal(tree->extra[0].flags, CG_RECORD_MORE);
	cg_tree_free(tree);
}

static void test_pieces(void **state)
{
	struct cg_tree *tree;
	struct builder b;

	(void)state;
	hostile_begin(&b);
	hostile_put_raw(&b, CG_RECORD_NOTE, CG_RECORD_MORE, "\x1a", 1);
	hostile_put_raw(&b, CG_RECORD_NOTE, CG_RECORD_MORE, "", 0);
	hostile_put_raw(&b, CG_RECORD_NOTE, 0, "\x01x", 2);
	tree = hostile_expect_read(&b);
	assert_string_equal(tree->note[0].text, "x");
	cg_tree_free(tree);
	hostile_begin(&b);
	hostile_put_raw(&b, CG_RECORD_NOTE, CG_RECORD_MORE, "\x1a", 1);
	hostile_put_raw(&b, CG_RECORD_DEVICE, 0, "\x01x", 2);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "not complete");
}

static void test_end(void **state)
{
	struct builder b;

	(void)state;
	hostile_begin(&b);
	b.groups = 1;
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "counts other");
	hostile_begin(&b);
	b.settings = 1;
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "counts other");
	hostile_begin(&b);
	hostile_put_raw(&b, CG_RECORD_END, CG_RECORD_MORE, "", 0);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "end record goes on");
	hostile_begin(&b);
	hostile_put_raw(&b, CG_RECORD_END, 0, "", 0);
	hostile_expect_refused(&b, CG_FAULT_CORRUPT, "digest is 0 bytes long");
}

/* Two bytes of message make a structure each: the budget must stop it before memory is taken. */
static void test_amplification(void **state)
{
	static uint8_t payload[1 << 20];
	struct cg_error *err = NULL;
	struct cg_tree *tree = NULL;
	struct builder b;

	(void)state;
	for (size_t i = 0; i < sizeof(payload); i += 2)
		payload[i] = 0x0a;
	hostile_begin(&b);
	hostile_put_group(&b, "/job", 0);
	for (int i = 0; i < 3; i++)
		hostile_put_raw(&b, CG_RECORD_TASKS, CG_RECORD_MORE, payload, sizeof(payload));
	hostile_put_raw(&b, CG_RECORD_TASKS, 0, payload, 2);
	hostile_finish(&b);
	assert_int_equal(
		cg_image_parse((struct cg_bytes){(char *)b.data, b.len}, (size_t)32 << 20, &tree, NULL, &err),
		-ENOMEM);
	assert_non_null(strstr(err->message, "33554432 bytes"));
	cg_error_free(err);
	free(b.data);
}

static struct cg_bytes zstd(struct cg_bytes plain, int window_log)
{
	size_t room = ZSTD_compressBound(plain.len), size;
	ZSTD_CCtx *c = ZSTD_createCCtx();
	ZSTD_inBuffer in = {plain.data, plain.len, 0};
	ZSTD_outBuffer out = {malloc(room), room, 0};

	assert_non_null(c);
	assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, window_log)));
	/* In two steps, so that zstd cannot make the window as small as the contents. */
	size = ZSTD_compressStream2(c, &out, &in, ZSTD_e_continue);
	assert_false(ZSTD_isError(size));
	assert_int_equal(ZSTD_compressStream2(c, &out, &in, ZSTD_e_end), 0);
	(void)ZSTD_freeCCtx(c);
	return (struct cg_bytes){out.dst, out.pos};
}

static void test_compressed(void **state)
{
	struct cg_tree *small = sample_small();
	struct cg_bytes plain = sample_image(small, false), packed = zstd(plain, 23), wide = zstd(plain, 24),
			twice;
	char *joined = malloc(2 * packed.len);

	(void)state;
	cg_tree_free(small);
	small = sample_parse(packed);
	cg_tree_free(small);
	hostile_refused(wide, CG_FAULT_UNSUPPORTED, "window of more than 8 MiB");
	assert_non_null(joined);
	memcpy(joined, packed.data, packed.len);
	memcpy(joined + packed.len, packed.data, packed.len);
	hostile_refused((struct cg_bytes){joined, 2 * packed.len}, CG_FAULT_CORRUPT,
		"bytes follow the end of the compressed stream");
	hostile_refused((struct cg_bytes){joined, packed.len + 1}, CG_FAULT_CORRUPT,
		"bytes follow the end of the compressed stream");
	hostile_refused((struct cg_bytes){joined, packed.len - 1}, CG_FAULT_CORRUPT, "cut short");
	twice = zstd(packed, 23);
	hostile_refused(twice, CG_FAULT_CORRUPT, "no cgtree image");
	free((void *)(uintptr_t)twice.data);
	free(joined);
	free((void *)(uintptr_t)plain.data);
	free((void *)(uintptr_t)packed.data);
	free((void *)(uintptr_t)wide.data);
}

/* Much out of little ends at the first record. */
static void test_bomb(void **state)
{
	size_t len = (size_t)64 << 20;
	char *zeros = calloc(1, len);
	struct cg_bytes packed;

	(void)state;
	assert_non_null(zeros);
	cg_frame_put_header((uint8_t *)zeros, &(struct cg_frame_header){1, 0, 0, 0});
	packed = zstd((struct cg_bytes){zeros, len}, 23);
	assert_true(packed.len < 100000);
	hostile_refused(packed, CG_FAULT_CORRUPT, "record 0 at byte 24");
	free(zeros);
	free((void *)(uintptr_t)packed.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_structure),
		cmocka_unit_test(test_group_fields),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_tasks),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_knobs),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_newer_minor),
		cmocka_unit_test(test_unknown_records),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_amplification),
		cmocka_unit_test(test_compressed),
		cmocka_unit_test(test_bomb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
