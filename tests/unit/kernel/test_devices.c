/* Identities of block devices, from a folder that is laid out as /sys and /dev are, and from the host's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fdio.h"
#include "kernel/devices.h"
#include "kernel/devices_root.h"

struct world {
	char path[64];
	int root;
};

static void folder(int root, const char *path)
{
	char part[256];

	for (const char *p = path; p; p = strchr(p + 1, '/')) {
		size_t n = strchr(p + 1, '/') ? (size_t)(strchr(p + 1, '/') - path) : strlen(path);

		assert_true(n < sizeof(part));
		memcpy(part, path, n);
		part[n] = '\0';
		if (mkdirat(root, part, 0755) < 0)
			assert_int_equal(errno, EEXIST);
	}
}

static void file(int root, const char *path, const char *text)
{
	int fd = openat(root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	cg_close(fd);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	strcpy(w->path, "/tmp/cgt-devices-XXXXXX");
	assert_non_null(mkdtemp(w->path));
	w->root = open(w->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(w->root >= 0);
	folder(w->root, "sys/dev/block");
	folder(w->root, "sys/devices/sda/sda1");
	folder(w->root, "sys/devices/sda/device");
	folder(w->root, "sys/devices/sdb/device");
	folder(w->root, "sys/devices/sdc/device");
	folder(w->root, "sys/devices/vda");
	folder(w->root, "sys/devices/dm-0/dm");
	folder(w->root, "sys/devices/loop3/loop");
	folder(w->root, "sys/devices/bare");
	file(w->root, "sys/devices/sda/device/wwid", "t10.ATA     A DISK   S1\n");
	file(w->root, "sys/devices/sda/device/serial", "not asked\n");
	file(w->root, "sys/devices/sda/sda1/partition", "1\n");
	file(w->root, "sys/devices/sdb/device/wwid", "naa.5000\n");
	file(w->root, "sys/devices/sdc/device/wwid", "naa.5000\n");
	file(w->root, "sys/devices/vda/serial", "root-disk");
	file(w->root, "sys/devices/dm-0/dm/uuid", "LVM-abc\n");
	file(w->root, "sys/devices/loop3/loop/backing_file", "/a b/c.img\n");
	assert_int_equal(symlinkat("../../devices/sda", w->root, "sys/dev/block/8:0"), 0);
	assert_int_equal(symlinkat("../../devices/sda/sda1", w->root, "sys/dev/block/8:1"), 0);
	assert_int_equal(symlinkat("../../devices/sdb", w->root, "sys/dev/block/8:16"), 0);
	assert_int_equal(symlinkat("../../devices/sdc", w->root, "sys/dev/block/8:32"), 0);
	assert_int_equal(symlinkat("../../devices/vda", w->root, "sys/dev/block/254:0"), 0);
	assert_int_equal(symlinkat("../../devices/dm-0", w->root, "sys/dev/block/253:0"), 0);
	assert_int_equal(symlinkat("../../devices/loop3", w->root, "sys/dev/block/7:3"), 0);
	assert_int_equal(symlinkat("../../devices/bare", w->root, "sys/dev/block/259:7"), 0);
	*state = w;
	return 0;
}

static int erase(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct world *w = *state;

	cg_close(w->root);
	assert_int_equal(nftw(w->path, erase, 16, FTW_DEPTH | FTW_PHYS), 0);
	free(w);
	return 0;
}

static void identity_is(int root, const char *key, const char *name, const char *stable)
{
	_cleanup_text_ struct cg_text n = {0}, s = {0};
	_cleanup_text_ struct cg_text back = {0};

	assert_int_equal(cg_block_identity_at(root, key, &n, &s), 0);
	assert_string_equal(n.data, name);
	if (!stable) {
		assert_int_equal(s.len, 0);
		return;
	}
	assert_string_equal(s.data, stable);
	assert_int_equal(cg_block_find_at(root, stable, &back), 0);
	assert_string_equal(back.data, key);
}

static void test_sources(void **state)
{
	struct world *w = *state;

	identity_is(w->root, "8:0", "sda", "wwid:t10.ATA     A DISK   S1");
	identity_is(w->root, "8:1", "sda1", "wwid:t10.ATA     A DISK   S1#part1");
	identity_is(w->root, "254:0", "vda", "serial:root-disk");
	identity_is(w->root, "253:0", "dm-0", "dm:LVM-abc");
	identity_is(w->root, "7:3", "loop3", "loop:/a b/c.img");
	identity_is(w->root, "259:7", "bare", NULL);
}

static void test_by_id(void **state)
{
	struct world *w = *state;

	folder(w->root, "dev/disk/by-id");
	if (mknodat(w->root, "dev/bare", S_IFBLK | 0600, makedev(259, 7)) < 0) {
		fprintf(stderr, "[ SKIPPED  ] reason: no device file can be made: %s\n", strerror(errno));
		skip();
	}
	assert_int_equal(symlinkat("../../bare", w->root, "dev/disk/by-id/z-second"), 0);
	assert_int_equal(symlinkat("../../bare", w->root, "dev/disk/by-id/ata-first"), 0);
	assert_int_equal(symlinkat("../../nowhere", w->root, "dev/disk/by-id/a-dangling"), 0);
	identity_is(w->root, "259:7", "bare", "by-id:ata-first");
}

static void test_missing(void **state)
{
	struct world *w = *state;
	_cleanup_text_ struct cg_text n = {0}, s = {0};

	assert_int_equal(cg_block_identity_at(w->root, "9:9", &n, &s), -ENODEV);
	assert_int_equal(cg_block_identity_at(w->root, "9", &n, &s), -EINVAL);
	assert_int_equal(cg_block_identity_at(w->root, "../8:0", &n, &s), -EINVAL);
	assert_int_equal(cg_block_identity_at(w->root, "8:00", &n, &s), -EINVAL);
	assert_int_equal(cg_block_find_at(w->root, "serial:other", &n), -ENODEV);
	assert_int_equal(cg_block_find_at(w->root, "", &n), -ENODEV);
	assert_int_equal(n.len, 0);
	assert_int_equal(cg_block_find_at(w->root, "wwid:naa.5000", &n), -ENOTUNIQ);
	assert_non_null(strchr(n.data, ' '));
}

static void test_check(void **state)
{
	struct world *w = *state;

	assert_int_equal(cg_block_check_at(w->root, "8:0"), 1);
	assert_int_equal(cg_block_check_at(w->root, "8:1"), 0);
	assert_int_equal(cg_block_check_at(w->root, "8:2"), -ENODEV);
	assert_int_equal(cg_block_check_at(w->root, "x"), -EINVAL);
}

struct first {
	char key[32];
};

static int note_first(const char *name, unsigned char type, void *context)
{
	struct first *f = context;

	(void)type;
	assert_true(strlen(name) < sizeof(f->key));
	strcpy(f->key, name);
	return 1;
}

static void test_host(void **state)
{
	_cleanup_text_ struct cg_text n = {0}, s = {0};
	struct first f = {{0}};
	int dir = open("/sys/dev/block", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	if (dir < 0 || cg_dir_each(dir, note_first, &f) == 0) {
		fputs("[ SKIPPED  ] reason: no block device here\n", stderr);
		skip();
	}
	cg_close(dir);
	assert_int_equal(cg_block_identity(f.key, &n, &s), 0);
	assert_true(n.len > 0);
	assert_true(cg_block_check(f.key) >= 0);
	assert_int_equal(cg_block_check("4000:77"), -ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sources, setup, teardown),
		cmocka_unit_test_setup_teardown(test_by_id, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_check, setup, teardown),
		cmocka_unit_test(test_host),
	};

	return cmocka_run_group_tests_name("kernel/devices", tests, NULL, NULL);
}
