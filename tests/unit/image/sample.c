/* See sample.h. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "sample.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/image.h"
#include "image/json.h"

#define LARGE_VALUE ((size_t)2 << 20)
#define LARGE_XATTR ((size_t)64 << 10)
#define LARGE_TASKS 3000u

static void *array(struct cg_tree *t, size_t count, size_t size)
{
	void *p = cg_arena_array(&t->arena, count, size);

	assert_non_null(p);
	return p;
}

static struct cg_bytes filled(struct cg_tree *t, size_t len)
{
	char *p = array(t, len, 1);

	for (size_t i = 0; i < len; i++)
		p[i] = (char)(i * 7 + i / 251);
	return (struct cg_bytes){p, len};
}

static void set_inventory(struct cg_tree *t)
{
	t->inventory = (struct cg_inventory){
		.tool = "cgtree 0.1.0",
		.host = "example",
		.kernel = "6.1.0",
		.boot_id = "5e7b3f66-8f5c-4b8e-9d0c-0f4d3b2a1c00",
		.layout = "hybrid",
		.page_size = 4096,
		.time = 1700000000,
		.freeze_window = 1234,
		.clock_ticks = 100,
		.members = true,
		.members_consistent = true,
	};
}

static void add_columns(
	struct cg_tree *t, struct cg_hierarchy *h, const struct cg_column *column, uint16_t columns)
{
	struct cg_file_set *set = array(t, 2, sizeof(*set));
	uint16_t *all = array(t, columns, sizeof(*all));

	h->column = array(t, columns, sizeof(*h->column));
	memcpy(h->column, column, columns * sizeof(*column));
	for (uint16_t i = 0; i < columns; i++) {
		h->column[i].knob = cg_knob_find(h->column[i].name, h->version);
		all[i] = i;
	}
	set[0] = (struct cg_file_set){all, columns};
	set[1] = (struct cg_file_set){all, 1};
	h->columns = columns;
	h->file_set = set;
	h->file_sets = 2;
}

static struct cg_hierarchy *new_hierarchy(struct cg_tree *t)
{
	uint32_t index = cg_tree_add_hierarchy(t);

	assert_int_not_equal(index, CG_NONE);
	return &t->hierarchy[index];
}

static void add_v1(struct cg_tree *t)
{
	static const struct cg_column columns[] = {
		{"cpu.shares", NULL, {"1024", 4}, 0644},
		{"cpu.cfs_quota_us", NULL, {"-1", 2}, 0600},
		{"odd.\xc3\xa9\xff", NULL, {NULL, 0}, 0},
	};
	struct cg_hierarchy *h = new_hierarchy(t);

	h->version = 1;
	h->controllers = "cpu,cpuacct";
	h->mount_options = "rw,cpu,cpuacct";
	h->mount_point = "/sys/fs/cgroup/cpu,cpuacct";
	h->mount_root = "/";
	add_columns(t, h, columns, CG_ARRAY_SIZE(columns));
	h = new_hierarchy(t);
	h->version = 1;
	h->controllers = "";
	h->name = "systemd";
	h->mount_options = "rw,xattr,name=systemd";
	h->mount_point = "";
	h->mount_root = "/odd\xfe";
	add_columns(t, h, columns, 1);
}

static void add_v2(struct cg_tree *t)
{
	static const struct cg_column columns[] = {
		{"cgroup.subtree_control", NULL, {"", 0}, 0644},
		{"cpu.max", NULL, {"max 100000", 10}, 0644},
		{"memory.max", NULL, {"max", 3}, 0644},
		{"pids.max", NULL, {"max", 3}, 0644},
	};
	struct cg_hierarchy *h = new_hierarchy(t);

	h->version = 2;
	h->controllers = "cpu,memory,pids";
	h->mount_options = "rw,nsdelegate";
	h->mount_point = "/sys/fs/cgroup";
	h->mount_root = "/";
	add_columns(t, h, columns, CG_ARRAY_SIZE(columns));
}

static struct cg_group *add_group(
	struct cg_tree *t, uint16_t hierarchy, uint32_t parent, const char *name, enum cg_group_type type)
{
	uint32_t index = cg_tree_add_group(t);
	struct cg_group *g;

	assert_int_not_equal(index, CG_NONE);
	g = &t->group[index];
	g->hierarchy = hierarchy;
	g->parent = parent;
	g->name = name;
	g->type = (uint8_t)type;
	g->owner.mode = 0755;
	return g;
}

static void add_settings(
	struct cg_tree *t, struct cg_group *g, const struct cg_setting *setting, uint32_t count)
{
	g->setting = array(t, count, sizeof(*setting));
	memcpy(g->setting, setting, count * sizeof(*setting));
	g->settings = count;
}

static void add_tasks(struct cg_tree *t, struct cg_group *g, uint32_t count)
{
	g->task = array(t, count, sizeof(*g->task));
	g->tasks = count;
	for (uint32_t i = 0; i < count; i++) {
		int32_t *ns_pid = array(t, 2, sizeof(*ns_pid));

		ns_pid[0] = (int32_t)(1000 + i);
		ns_pid[1] = (int32_t)(1 + i);
		g->task[i] = (struct cg_task){1000 + (int32_t)i / 3 * 3, 1000 + (int32_t)i, 987654321 + i,
			i % 2 ? "wor\xfe\nker" : "", ns_pid, (uint8_t)(i % 3)};
	}
}

static void add_odd_things(struct cg_tree *t, struct cg_group *g, bool large)
{
	static const struct cg_file_owner owners[] = {
		{1, NULL, {1000, 1001, 0640}},
		{CG_FILE_EXTRA, "cgroup.procs", {1000, 1001, 0644}},
		{CG_FILE_EXTRA, "cgroup.threads", {0, 7, 0600}},
	};

	g->owner = (struct cg_owner){1000, 1001, 02750};
	g->file_uid = 4294967294u;
	g->file_gid = 12;
	g->flags = CG_GROUP_SEALED;
	g->cgroup_id = UINT64_MAX - 5;
	g->file_owner = array(t, CG_ARRAY_SIZE(owners), sizeof(owners[0]));
	memcpy(g->file_owner, owners, sizeof(owners));
	g->file_owners = CG_ARRAY_SIZE(owners);
	g->xattr = array(t, 3, sizeof(*g->xattr));
	g->xattr[0] = (struct cg_xattr){"trusted.empty", {"", 0}};
	g->xattr[1] = (struct cg_xattr){"user.large", large ? filled(t, LARGE_XATTR) : CG_BYTES("x")};
	g->xattr[2] = (struct cg_xattr){"user.nul", CG_BYTES("a\0b\xff\0")};
	g->xattrs = 3;
	g->program = array(t, 1, sizeof(*g->program));
	g->program[0] = (struct cg_program){.id = 17,
		.attach_type = 6,
		.attach_flags = 2,
		.program_type = 15,
		.gpl = true,
		.type = "device",
		.name = "sd_devices",
		.tag = CG_BYTES("\1\2\3\4\0\6\7\xff"),
		.instructions = CG_BYTES("\x95\0\0\0\0\0\0\0")};
	g->programs = 1;
}

static void add_others(struct cg_tree *t)
{
	static const struct cg_device devices[] = {
		{CG_DEVICE_BLOCK, "8:16", "sdb", "wwid:naa.5000c500"},
		{CG_DEVICE_CHAR, "1:3", "null", ""},
		{CG_DEVICE_LINK, "eth0", "eth0", "mac:52:54:00:12:34:56"},
	};
	static const struct cg_extra extras[] = {
		{0x50, 2, {"half of ", 8}},
		{0x50, 0, {"\0\xff", 2}},
		{0xfffe, 0, {"", 0}},
	};

	for (size_t i = 0; i < CG_ARRAY_SIZE(devices); i++)
		if (cg_tree_add_device(t) != CG_NONE)
			t->device[i] = devices[i];
	assert_true(
		cg_tree_add_note(t, "/job", "memory.max", "cannot be read: %s", "Operation not permitted"));
	assert_true(cg_tree_add_note(t, "/job/\xff", NULL, "vanished"));
	assert_true(cg_tree_add_note(t, NULL, NULL, "%s", ""));
	for (size_t i = 0; i < CG_ARRAY_SIZE(extras); i++)
		if (cg_tree_add_extra(t) != CG_NONE)
			t->extra[i] = extras[i];
}

static void link_tree(struct cg_tree *t)
{
	struct cg_error *err = NULL;

	if (cg_tree_link(t, &err) < 0)
		fail_msg("the sample does not link: %s", err->message);
}

struct cg_tree *sample_tree(bool large)
{
	struct cg_tree *t = cg_tree_new();
	struct cg_group *g;

	assert_non_null(t);
	set_inventory(t);
	add_v1(t);
	add_v2(t);
	g = add_group(t, 0, CG_NONE, "/job", CG_TYPE_V1);
	add_settings(t, g,
		(struct cg_setting[]){{0, {"2048", 4}}, {1, {NULL, 0}},
			{2, large ? filled(t, LARGE_VALUE) : CG_BYTES("x\ny\n")}},
		3);
	add_group(t, 0, 0, "a", CG_TYPE_V1)->flags = CG_GROUP_ANCESTOR;
	add_group(t, 0, 1, " \x01\t\\\"", CG_TYPE_V1);
	g = add_group(t, 0, 0, "\xff\xfe", CG_TYPE_V1);
	add_settings(t, g, (struct cg_setting[]){{1, {"", 0}}}, 1);
	add_group(t, 0, CG_NONE, "/job2/deeper", CG_TYPE_V1);
	add_group(t, 1, CG_NONE, "/job", CG_TYPE_V1)->file_set = 1;
	g = add_group(t, 2, CG_NONE, "/job", CG_TYPE_DOMAIN_THREADED);
	add_settings(t, g,
		(struct cg_setting[]){{0, {"cpu pids", 8}}, {1, {"50000 100000", 12}}, {2, {NULL, 0}}}, 3);
	add_odd_things(t, g, large);
	g = add_group(t, 2, 6, "t\xc3\xa9", CG_TYPE_THREADED);
	g->file_set = 1;
	add_tasks(t, g, large ? LARGE_TASKS : 7);
	add_group(t, 2, 6, "u", CG_TYPE_DOMAIN_INVALID);
	add_others(t);
	link_tree(t);
	return t;
}

struct cg_tree *sample_small(void)
{
	struct cg_tree *t = cg_tree_new();
	struct cg_group *g;

	assert_non_null(t);
	t->inventory = (struct cg_inventory){.tool = "cgtree", .page_size = 4096};
	add_v2(t);
	g = add_group(t, 0, CG_NONE, "/job", CG_TYPE_DOMAIN);
	add_settings(t, g, (struct cg_setting[]){{2, {"67108864", 8}}}, 1);
	g = add_group(t, 0, 0, "a", CG_TYPE_DOMAIN);
	add_tasks(t, g, 2);
	assert_true(cg_tree_add_note(t, NULL, NULL, "n"));
	link_tree(t);
	return t;
}

struct cg_tree *sample_wide(uint32_t groups)
{
	static const struct cg_setting settings[] = {
		{1, {"50000 100000", 12}}, {2, {"67108864", 8}}, {3, {"512", 3}}};
	struct cg_tree *t = cg_tree_new();

	assert_non_null(t);
	set_inventory(t);
	add_v2(t);
	(void)add_group(t, 0, CG_NONE, "/job", CG_TYPE_DOMAIN);
	for (uint32_t i = 0; i < groups; i++) {
		char name[16];
		struct cg_group *g;

		assert_true(snprintf(name, sizeof(name), "g%05u", i) < (int)sizeof(name));
		g = add_group(t, 0, 0, cg_arena_string(&t->arena, name), CG_TYPE_DOMAIN);
		g->cgroup_id = 100000 + i;
		add_settings(t, g, settings, CG_ARRAY_SIZE(settings));
	}
	link_tree(t);
	return t;
}

struct cg_bytes sample_image(const struct cg_tree *tree, bool compressed)
{
	struct cg_image_write_options options = {compressed ? CG_COMPRESS_ZSTD : CG_COMPRESS_NONE};
	int fd = memfd_create("image", MFD_CLOEXEC);
	struct cg_error *err = NULL;
	struct cg_image_info info;
	struct stat st;
	char *data;

	assert_true(fd >= 0);
	if (cg_image_write(fd, tree, &options, &info, &err) < 0)
		fail_msg("cannot write: %s", err->message);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(info.stored_bytes, st.st_size);
	data = malloc((size_t)st.st_size);
	assert_non_null(data);
	assert_int_equal(pread(fd, data, (size_t)st.st_size, 0), st.st_size);
	(void)close(fd);
	return (struct cg_bytes){data, (size_t)st.st_size};
}

struct cg_tree *sample_parse(struct cg_bytes image)
{
	struct cg_error *err = NULL;
	struct cg_tree *tree = NULL;

	if (cg_image_parse(image, CG_IMAGE_MEMORY_DEFAULT, &tree, NULL, &err) < 0)
		fail_msg("cannot read: %s", err->message);
	return tree;
}

char *sample_json(const struct cg_tree *tree)
{
	_cleanup_text_ struct cg_text t = {0};
	struct cg_error *err = NULL;
	char *json;

	if (cg_json_from_tree(tree, true, &t, &err) < 0)
		fail_msg("cannot give JSON: %s", err->message);
	assert_int_equal(cg_text_take(&t, &json), 0);
	return json;
}
