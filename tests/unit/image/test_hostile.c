/* Images whose checksums are right and whose contents are not: refused with words, whatever they claim. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>

#include "image.pb-c.h"
#include "image/frame.h"
#include "image/image.h"
#include "sample.h"

#define ROOM   ((size_t)8 << 20)
#define MEMORY ((size_t)64 << 20)

struct builder {
	uint8_t *data;
	size_t len;
	uint32_t sequence;
	uint64_t groups, settings, tasks;
};

static void put_raw(struct builder *b, uint16_t type, uint16_t flags, const void *payload, size_t len)
{
	assert_true(b->len + len + 64 < ROOM);
	if (len)
		memcpy(b->data + b->len + CG_FRAME_RECORD_HEAD, payload, len);
	b->len += cg_frame_seal(b->data + b->len, (uint32_t)len, type, flags, b->sequence++);
}

static void put(struct builder *b, uint16_t type, const void *message)
{
	const ProtobufCMessage *m = message;
	size_t len = protobuf_c_message_get_packed_size(m);

	assert_true(b->len + len + 64 < ROOM);
	(void)protobuf_c_message_pack(m, b->data + b->len + CG_FRAME_RECORD_HEAD);
	b->len += cg_frame_seal(b->data + b->len, (uint32_t)len, type, CG_RECORD_CRITICAL, b->sequence++);
	if (type == CG_RECORD_GROUP) {
		const Cgtree__Image__Group *g = message;

		b->groups++;
		b->settings += g->n_setting_column + g->n_unread_column;
	} else if (type == CG_RECORD_TASKS) {
		b->tasks += ((const Cgtree__Image__Tasks *)message)->n_task;
	}
}

static void start(struct builder *b, uint16_t minor)
{
	*b = (struct builder){.data = malloc(ROOM), .len = CG_FRAME_HEADER_SIZE};
	assert_non_null(b->data);
	cg_frame_put_header(b->data, &(struct cg_frame_header){1, minor, 0, 0});
}

static ProtobufCBinaryData text(const char *string)
{
	return (ProtobufCBinaryData){strlen(string), (uint8_t *)(uintptr_t)string};
}

static void put_inventory(struct builder *b)
{
	Cgtree__Image__Inventory m = CGTREE__IMAGE__INVENTORY__INIT;

	put(b, CG_RECORD_INVENTORY, &m);
}

/* A v2 hierarchy with two files and a set of both. */
static void put_hierarchy(struct builder *b)
{
	Cgtree__Image__Hierarchy h = CGTREE__IMAGE__HIERARCHY__INIT;
	Cgtree__Image__Knobs k = CGTREE__IMAGE__KNOBS__INIT;
	Cgtree__Image__Column c[2] = {CGTREE__IMAGE__COLUMN__INIT, CGTREE__IMAGE__COLUMN__INIT},
			      *cs[2] = {&c[0], &c[1]};
	Cgtree__Image__FileSet f = CGTREE__IMAGE__FILE_SET__INIT, *fs[1] = {&f};
	uint32_t all[2] = {0, 1};

	h.has_version = c[0].has_name = c[1].has_name = true;
	h.version = 2;
	c[0].name = text("cpu.max");
	c[1].name = text("memory.max");
	f.column = all;
	f.n_column = k.n_column = 2;
	k.n_file_set = 1;
	k.column = cs;
	k.file_set = fs;
	put(b, CG_RECORD_HIERARCHY, &h);
	put(b, CG_RECORD_KNOBS, &k);
}

static Cgtree__Image__Group group(const char *name, uint32_t up)
{
	Cgtree__Image__Group g = CGTREE__IMAGE__GROUP__INIT;

	g.has_name = g.has_type = true;
	g.name = text(name);
	g.type = CGTREE__IMAGE__GROUP__TYPE__DOMAIN;
	g.up = up;
	g.has_up = up != 0;
	return g;
}

static void put_group(struct builder *b, const char *name, uint32_t up)
{
	Cgtree__Image__Group g = group(name, up);

	put(b, CG_RECORD_GROUP, &g);
}

static void begin(struct builder *b)
{
	start(b, 0);
	put_inventory(b);
	put_hierarchy(b);
}

static void finish(struct builder *b)
{
	Cgtree__Image__End end = CGTREE__IMAGE__END__INIT;
	XXH128_canonical_t digest;

	XXH128_canonicalFromHash(&digest, XXH3_128bits(b->data, b->len));
	end.has_records = end.has_groups = end.has_settings = end.has_tasks = end.has_bytes = end.has_digest =
		true;
	end.records = b->sequence;
	end.groups = b->groups;
	end.settings = b->settings;
	end.tasks = b->tasks;
	end.bytes = b->len;
	end.digest = (ProtobufCBinaryData){sizeof(digest.digest), digest.digest};
	put(b, CG_RECORD_END, &end);
	cg_frame_put_tail(b->data + b->len, b->len + CG_FRAME_TAIL_SIZE);
	b->len += CG_FRAME_TAIL_SIZE;
}

static struct cg_tree *expect_read(struct builder *b)
{
	struct cg_tree *tree;

	finish(b);
	tree = sample_parse((struct cg_bytes){(char *)b->data, b->len});
	free(b->data);
	return tree;
}

static void refused(struct cg_bytes image, enum cg_fault fault, const char *words)
{
	struct cg_error *err = NULL;
	struct cg_tree *tree = NULL;

	if (cg_image_parse(image, MEMORY, &tree, NULL, &err) == 0)
		fail_msg("an image of %zu bytes was read: %s", image.len, words);
	assert_null(tree);
	if (err->fault != fault || !strstr(err->message, words))
		fail_msg("\"%s\" (%d) instead of \"%s\"", err->message, (int)err->fault, words);
	cg_error_free(err);
}

static void expect_refused(struct builder *b, enum cg_fault fault, const char *words)
{
	finish(b);
	refused((struct cg_bytes){(char *)b->data, b->len}, fault, words);
	free(b->data);
}

static void test_plain(void **state)
{
	struct builder b;
	struct cg_tree *tree;

	(void)state;
	begin(&b);
	put_group(&b, "/job", 0);
	put_group(&b, "a", 1);
	put_group(&b, "b", 1);
	tree = expect_read(&b);
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
		begin(&b);
		put_group(&b, "/job", 0);
		put_group(&b, names[i], 1);
		expect_refused(&b, CG_FAULT_CORRUPT, "group 1 has an invalid name");
	}
	for (size_t i = 0; i < CG_ARRAY_SIZE(tops); i++) {
		begin(&b);
		put_group(&b, tops[i], 0);
		expect_refused(&b, CG_FAULT_CORRUPT, "group 0 is a top with an invalid path");
	}
	begin(&b);
	Cgtree__Image__Group g = group("/job", 0);
	g.name = (ProtobufCBinaryData){4, (uint8_t *)(uintptr_t) "/j\0b"};
	put(&b, CG_RECORD_GROUP, &g);
	expect_refused(&b, CG_FAULT_CORRUPT, "record 3 (group) at byte ");
}

static void test_structure(void **state)
{
	struct builder b;

	(void)state;
	begin(&b);
	put_group(&b, "/job", 0);
	put_group(&b, "a", 2);
	expect_refused(&b, CG_FAULT_CORRUPT, "its parent is 2 groups before it");
	begin(&b);
	put_group(&b, "/job", 0);
	put_group(&b, "b", 1);
	put_group(&b, "a", 2);
	expect_refused(&b, CG_FAULT_CORRUPT, "out of order");
	begin(&b);
	put_group(&b, "/job", 0);
	put_group(&b, "a", 1);
	put_group(&b, "a", 2);
	expect_refused(&b, CG_FAULT_CORRUPT, "twice");
	begin(&b);
	put_group(&b, "/job", 0);
	put_group(&b, "a", 1);
	put_group(&b, "b", 2);
	put_group(&b, "c", 2);
	expect_refused(&b, CG_FAULT_CORRUPT, "depth-first");
	begin(&b);
	put_group(&b, "/job", 0);
	put_group(&b, "/job-x", 0);
	put_group(&b, "/job/a", 0);
	expect_refused(&b, CG_FAULT_CORRUPT, "group 2 is a top that lies inside another");
	begin(&b);
	put_group(&b, "/", 0);
	put_group(&b, "/job", 0);
	expect_refused(&b, CG_FAULT_CORRUPT, "group 1 is a top that lies inside another");
	begin(&b);
	put_hierarchy(&b);
	expect_refused(&b, CG_FAULT_CORRUPT, "hierarchies 0 and 1 are the same");
	begin(&b);
	put_group(&b, "/job", 0);
	for (unsigned i = 0; i <= CG_DEPTH_MAX; i++)
		put_group(&b, "d", 1);
	expect_refused(&b, CG_FAULT_CORRUPT, "nested too deeply");
}

static void expect_bad_group(Cgtree__Image__Group g, const char *words)
{
	struct builder b;

	begin(&b);
	put(&b, CG_RECORD_GROUP, &g);
	expect_refused(&b, CG_FAULT_CORRUPT, words);
}

static void test_group_fields(void **state)
{
	Cgtree__Image__Group g = group("/job", 0);

	(void)state;
	g.has_hierarchy = true;
	g.hierarchy = 65536;
	expect_bad_group(g, "hierarchy 65536");
	g = group("/job", 0);
	g.has_file_set = true;
	g.file_set = 1;
	expect_bad_group(g, "file set 1");
	g = group("/job", 0);
	g.type = (Cgtree__Image__Group__Type)9;
	expect_bad_group(g, "type 9");
	g.type = (Cgtree__Image__Group__Type)-1;
	expect_bad_group(g, "type -1");
	g.type = CGTREE__IMAGE__GROUP__TYPE__V1;
	expect_bad_group(g, "a type that its hierarchy cannot have");
	g = group("/job", 0);
	g.has_flags = true;
	g.flags = 4;
	expect_bad_group(g, "flags 0x4");
	g = group("/job", 0);
	g.has_mode = true;
	g.mode = 010755;
	expect_bad_group(g, "mode");
}

static void expect_bad_settings(const uint32_t *column, size_t columns, size_t values, const uint32_t *unread,
	size_t unreads, const char *words)
{
	ProtobufCBinaryData value[4] = {{0}};
	Cgtree__Image__Group g = group("/job", 0);

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
	Cgtree__Image__Group g = group("/job", 0);

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
	o[0].name = o[1].name = text("cgroup.procs");
	expect_bad_group(g, "two owners of one file");
	o[1].name = text("../x");
	expect_bad_group(g, "unknown file");
	g = group("/job", 0);
	g.xattr = xs;
	g.n_xattr = 2;
	expect_bad_group(g, "impossible name");
	x[0].has_name = x[1].has_name = true;
	x[0].name = x[1].name = text("user.x");
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
	begin(&b);
	put_group(&b, "/job", 0);
	put(&b, CG_RECORD_TASKS, &m);
	expect_refused(&b, CG_FAULT_CORRUPT, words);
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
	begin(&b);
	put(&b, CG_RECORD_TASKS, &m);
	expect_refused(&b, CG_FAULT_CORRUPT, "does not follow a group");
}

static void test_order(void **state)
{
	struct builder b;

	(void)state;
	start(&b, 0);
	expect_refused(&b, CG_FAULT_CORRUPT, "ends before its inventory");
	start(&b, 0);
	put_hierarchy(&b);
	expect_refused(&b, CG_FAULT_CORRUPT, "before the inventory");
	start(&b, 0);
	put_inventory(&b);
	put_inventory(&b);
	expect_refused(&b, CG_FAULT_CORRUPT, "second inventory");
	begin(&b);
	put_group(&b, "/job", 0);
	put_hierarchy(&b);
	expect_refused(&b, CG_FAULT_CORRUPT, "too late");
	begin(&b);
	put_raw(&b, CG_RECORD_HIERARCHY, 0, "\x08\x02", 2);
	put_raw(&b, CG_RECORD_NOTE, 0, "", 0);
	expect_refused(&b, CG_FAULT_CORRUPT, "files of the hierarchy before it are missing");
	begin(&b);
	put_raw(&b, CG_RECORD_KNOBS, 0, "", 0);
	expect_refused(&b, CG_FAULT_CORRUPT, "does not follow a hierarchy");
	begin(&b);
	put_raw(&b, CG_RECORD_HIERARCHY, 0, "\x08\x03", 2);
	expect_refused(&b, CG_FAULT_CORRUPT, "version 3");
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
	c[0].name = text(first);
	c[1].name = text(second);
	f.column = (uint32_t *)(uintptr_t)set;
	f.n_column = in_set;
	k.n_column = 2;
	k.column = cs;
	k.n_file_set = 1;
	k.file_set = fs;
	start(&b, 0);
	put_inventory(&b);
	put_raw(&b, CG_RECORD_HIERARCHY, 0, "\x08\x02", 2);
	put(&b, CG_RECORD_KNOBS, &k);
	expect_refused(&b, CG_FAULT_CORRUPT, words);
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
	h.controllers = text(long_list);
	start(&b, 0);
	put_inventory(&b);
	put(&b, CG_RECORD_HIERARCHY, &h);
	put_raw(&b, CG_RECORD_KNOBS, 0, "", 0);
	expect_refused(&b, CG_FAULT_CORRUPT, "controllers of more than 256 bytes");
	for (size_t i = 0; i < sizeof(columns); i += 4)
		memcpy(columns + i, "\x0a\x02\x0a", 4);
	start(&b, 0);
	put_inventory(&b);
	put_raw(&b, CG_RECORD_HIERARCHY, 0, "\x08\x02", 2);
	put_raw(&b, CG_RECORD_KNOBS, 0, columns, sizeof(columns));
	expect_refused(&b, CG_FAULT_CORRUPT, "1025 files");
	start(&b, 0);
	put_inventory(&b);
	for (unsigned i = 0; i < 257; i++) {
		put_raw(&b, CG_RECORD_HIERARCHY, 0, "\x08\x02", 2);
		put_raw(&b, CG_RECORD_KNOBS, 0, "", 0);
	}
	expect_refused(&b, CG_FAULT_CORRUPT, "257 hierarchies");
}

static void test_messages(void **state)
{
	struct builder b;

	(void)state;
	begin(&b);
	put_raw(&b, CG_RECORD_NOTE, 0, "\x1a\x05x", 3);
	expect_refused(&b, CG_FAULT_CORRUPT, "no Note message");
	begin(&b);
	put_raw(&b, CG_RECORD_NOTE, 0, "\x1a\x01x\x1a\x01y", 6);
	expect_refused(&b, CG_FAULT_CORRUPT, "not packed as the format says");
	begin(&b);
	put_raw(&b, CG_RECORD_NOTE, 0, "\x1a\x01x\x78\x01", 5);
	expect_refused(&b, CG_FAULT_CORRUPT, "fields that its format version does not have");
}

/* A newer minor version may have more fields and records: read, kept or said. */
static void test_newer_minor(void **state)
{
	struct cg_tree *tree;
	struct builder b;

	(void)state;
	start(&b, 3);
	put_inventory(&b);
	put_hierarchy(&b);
	put_raw(&b, 0x33, 0, "new", 3);
	put_raw(&b, CG_RECORD_NOTE, 0, "\x1a\x01x\x78\x01", 5);
	tree = expect_read(&b);
	assert_int_equal(tree->notes, 2);
	assert_string_equal(tree->note[0].text, "x");
	assert_non_null(strstr(tree->note[1].text, "format 1.3"));
	assert_int_equal(tree->extras, 1);
	assert_int_equal(tree->extra[0].type, 0x33);
	cg_tree_free(tree);
	/* Unknown fields within fields count, too: a column with a field 15. */
	start(&b, 3);
	put_inventory(&b);
	put_raw(&b, CG_RECORD_HIERARCHY, 0, "\x08\x02", 2);
	put_raw(&b, CG_RECORD_KNOBS, 0, "\x0a\x05\x0a\x01x\x78\x01", 7);
	tree = expect_read(&b);
	assert_int_equal(tree->notes, 1);
	cg_tree_free(tree);
}

static void test_unknown_records(void **state)
{
	struct cg_tree *tree;
	struct builder b;

	(void)state;
	begin(&b);
	put_raw(&b, 0x33, CG_RECORD_CRITICAL, "", 0);
	expect_refused(&b, CG_FAULT_UNSUPPORTED, "type 51");
	begin(&b);
	put_raw(&b, 0x33, CG_RECORD_MORE, "a", 1);
	put_raw(&b, 0x34, 0, "b", 1);
	expect_refused(&b, CG_FAULT_CORRUPT, "not complete");
	begin(&b);
	put_raw(&b, 0x33, CG_RECORD_MORE, "a", 1);
	expect_refused(&b, CG_FAULT_CORRUPT, "not complete");
	begin(&b);
	put_raw(&b, 0x33, CG_RECORD_MORE, "a", 1);
	put_raw(&b, 0x33, 0, "\0", 1);
	tree = expect_read(&b);
	assert_int_equal(tree->extras, 2);
	assert_int_equal(tree->extra[0].flags, CG_RECORD_MORE);
	cg_tree_free(tree);
}

static void test_pieces(void **state)
{
	struct cg_tree *tree;
	struct builder b;

	(void)state;
	begin(&b);
	put_raw(&b, CG_RECORD_NOTE, CG_RECORD_MORE, "\x1a", 1);
	put_raw(&b, CG_RECORD_NOTE, CG_RECORD_MORE, "", 0);
	put_raw(&b, CG_RECORD_NOTE, 0, "\x01x", 2);
	tree = expect_read(&b);
	assert_string_equal(tree->note[0].text, "x");
	cg_tree_free(tree);
	begin(&b);
	put_raw(&b, CG_RECORD_NOTE, CG_RECORD_MORE, "\x1a", 1);
	put_raw(&b, CG_RECORD_DEVICE, 0, "\x01x", 2);
	expect_refused(&b, CG_FAULT_CORRUPT, "not complete");
}

static void test_end(void **state)
{
	struct builder b;

	(void)state;
	begin(&b);
	b.groups = 1;
	expect_refused(&b, CG_FAULT_CORRUPT, "counts other");
	begin(&b);
	b.settings = 1;
	expect_refused(&b, CG_FAULT_CORRUPT, "counts other");
	begin(&b);
	put_raw(&b, CG_RECORD_END, CG_RECORD_MORE, "", 0);
	expect_refused(&b, CG_FAULT_CORRUPT, "end record goes on");
	begin(&b);
	put_raw(&b, CG_RECORD_END, 0, "", 0);
	expect_refused(&b, CG_FAULT_CORRUPT, "digest is 0 bytes long");
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
	begin(&b);
	put_group(&b, "/job", 0);
	for (int i = 0; i < 3; i++)
		put_raw(&b, CG_RECORD_TASKS, CG_RECORD_MORE, payload, sizeof(payload));
	put_raw(&b, CG_RECORD_TASKS, 0, payload, 2);
	finish(&b);
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
	refused(wide, CG_FAULT_UNSUPPORTED, "window of more than 8 MiB");
	assert_non_null(joined);
	memcpy(joined, packed.data, packed.len);
	memcpy(joined + packed.len, packed.data, packed.len);
	refused((struct cg_bytes){joined, 2 * packed.len}, CG_FAULT_CORRUPT,
		"bytes follow the end of the compressed stream");
	refused((struct cg_bytes){joined, packed.len + 1}, CG_FAULT_CORRUPT,
		"bytes follow the end of the compressed stream");
	refused((struct cg_bytes){joined, packed.len - 1}, CG_FAULT_CORRUPT, "cut short");
	twice = zstd(packed, 23);
	refused(twice, CG_FAULT_CORRUPT, "no cgtree image");
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
	refused(packed, CG_FAULT_CORRUPT, "record 0 at byte 24");
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
