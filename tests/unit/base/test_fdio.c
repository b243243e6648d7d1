/* Files by descriptor, in a temporary folder: nothing leaves the directory it was given, files appear whole
 * or not at all. */
#include "base/fdio.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "unit/base/cmocka_all.h"

struct folder {
	char path[64];
	int fd;
};

static int set_up(void **state)
{
	static struct folder f;

	strcpy(f.path, "/tmp/cgtree-test-XXXXXX");
	if (!mkdtemp(f.path))
		return -1;
	f.fd = open(f.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = &f;
	return f.fd < 0 ? -1 : 0;
}

static int remove_entry(const char *name, unsigned char type, void *context)
{
	return unlinkat(*(int *)context, name, type == DT_DIR ? AT_REMOVEDIR : 0) < 0 ? -errno : 0;
}

static int tear_down(void **state)
{
	struct folder *f = *state;

	if (cg_dir_each(f->fd, remove_entry, &f->fd) < 0)
		return -1;
	(void)cg_close(f->fd);
	return rmdir(f->path);
}

static void test_names(void **state)
{
	char longest[257];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	assert_true(cg_name_is_valid((struct cg_bytes){longest, 255}));
	assert_false(cg_name_is_valid((struct cg_bytes){longest, 256}));
	assert_true(cg_name_is_valid(CG_BYTES("...")));
	assert_true(cg_name_is_valid(CG_BYTES("a b\t\xff*")));
	assert_false(cg_name_is_valid(CG_BYTES("")));
	assert_false(cg_name_is_valid(CG_BYTES(".")));
	assert_false(cg_name_is_valid(CG_BYTES("..")));
	assert_false(cg_name_is_valid(CG_BYTES("a/b")));
	assert_false(cg_name_is_valid(CG_BYTES("a\nb")));
	assert_false(cg_name_is_valid((struct cg_bytes){"a\0b", 3}));
}

static void test_beneath(void **state)
{
	struct folder *f = *state;
	int fd = -1;

	assert_int_equal(mkdirat(f->fd, "d", 0700), 0);
	assert_int_equal(symlinkat("/etc", f->fd, "out"), 0);
	assert_int_equal(symlinkat("d", f->fd, "in"), 0);
	assert_int_equal(cg_open_beneath(f->fd, "d", O_RDONLY | O_DIRECTORY, &fd), 0);
	fd = cg_close(fd);
	assert_int_equal(cg_open_beneath(f->fd, ".", O_RDONLY | O_DIRECTORY, &fd), 0);
	fd = cg_close(fd);
	assert_int_equal(cg_open_beneath(f->fd, "d/../..", O_RDONLY, &fd), -EXDEV);
	assert_int_equal(cg_open_beneath(f->fd, "/etc", O_RDONLY, &fd), -EXDEV);
	assert_int_equal(cg_open_beneath(f->fd, "out/passwd", O_RDONLY, &fd), -ELOOP);
	assert_int_equal(cg_open_beneath(f->fd, "in", O_RDONLY, &fd), -ELOOP);
	assert_int_equal(cg_open_beneath(f->fd, "none", O_RDONLY, &fd), -ENOENT);
	assert_int_equal(fd, -1);
}

static void test_read_and_write(void **state)
{
	struct folder *f = *state;
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_free_ char *large = malloc(100000);

	assert_non_null(large);
	memset(large, 'y', 100000);
	assert_int_equal(cg_write_at(f->fd, "none", CG_BYTES("x")), -ENOENT);
	close(openat(f->fd, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(cg_write_at(f->fd, "file", CG_BYTES("hello")), 0);
	assert_int_equal(cg_read_at(f->fd, "file", true, &b), 0);
	assert_int_equal(b.len, 5);
	assert_memory_equal(b.data, "hello", 5);
	assert_int_equal(cg_write_at(f->fd, "file", (struct cg_bytes){large, 100000}), 0);
	for (int whole = 0; whole < 2; whole++) {
		assert_int_equal(cg_read_at(f->fd, "file", whole, &b), 0);
		assert_int_equal(b.len, 100000);
		assert_memory_equal(b.data, large, 100000);
	}
	assert_int_equal(symlinkat("file", f->fd, "link"), 0);
	assert_int_equal(cg_read_at(f->fd, "link", true, &b), -ELOOP);
	assert_int_equal(cg_write_at(f->fd, "link", CG_BYTES("x")), -ELOOP);
}

static int count_entry(const char *name, unsigned char type, void *context)
{
	(void)name;
	(void)type;
	return ++*(int *)context == 3 ? 77 : 0;
}

static void test_new_file(void **state)
{
	struct folder *f = *state;
	struct cg_new_file n = CG_NEW_FILE_INIT;
	_cleanup_buffer_ struct cg_buffer b = {0};
	char path[128];
	struct stat st;
	int entries = 0;

	(void)snprintf(path, sizeof(path), "%s/image", f->path);
	assert_int_equal(cg_new_file_open(&n, path), 0);
	assert_int_equal(cg_write_all(n.fd, "abc", 3), 0);
	assert_int_equal(faccessat(f->fd, "image", F_OK, 0), -1);
	cg_new_file_close(&n); /* given up: nothing is left */
	assert_int_equal(cg_dir_each(f->fd, count_entry, &entries), 0);
	assert_int_equal(entries, 0);
	assert_int_equal(cg_new_file_open(&n, path), 0);
	assert_int_equal(cg_write_all(n.fd, "abc", 3), 0);
	assert_int_equal(cg_new_file_commit(&n), 0);
	cg_new_file_close(&n);
	assert_int_equal(fstatat(f->fd, "image", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(cg_read_at(f->fd, "image", true, &b), 0);
	assert_int_equal(b.len, 3);
	(void)snprintf(path, sizeof(path), "%s/none/image", f->path);
	assert_int_equal(cg_new_file_open(&n, path), -ENOENT);
	cg_new_file_close(&n);
	(void)snprintf(path, sizeof(path), "%s/..", f->path);
	assert_int_equal(cg_new_file_open(&n, path), -EINVAL);
	cg_new_file_close(&n);
}

static void test_walk_ends_early(void **state)
{
	struct folder *f = *state;
	int entries = 0;

	for (int i = 0; i < 5; i++) {
		char name[8];

		(void)snprintf(name, sizeof(name), "d%d", i);
		assert_int_equal(mkdirat(f->fd, name, 0700), 0);
	}
	assert_int_equal(cg_dir_each(f->fd, count_entry, &entries), 77);
	assert_int_equal(entries, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test_setup_teardown(test_beneath, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_read_and_write, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_new_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_walk_ends_early, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
