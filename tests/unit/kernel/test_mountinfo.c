/* mountinfo and /proc/PID/cgroup as different hosts show them, and every way in which a line can be broken.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/mountinfo.h"

static struct cg_mounts parse(const char *text)
{
	struct cg_mounts m = {0};
	struct cg_error *err = NULL;

	if (cg_mountinfo_parse(cg_bytes_of(text), &m, &err) < 0)
		fail_msg("%s", err->message);
	assert_null(err);
	return m;
}

static void refuses(const char *text, const char *words)
{
	struct cg_mounts m = {.count = 77};
	struct cg_error *err = NULL;

	assert_int_equal(cg_mountinfo_parse(cg_bytes_of(text), &m, &err), -EBADMSG);
	assert_int_equal(m.count, 77);
	assert_non_null(err);
	if (!strstr(err->message, words))
		fail_msg("\"%s\" does not say \"%s\"", err->message, words);
	cg_error_free(err);
}

static void test_pure_v2(void **state)
{
	struct cg_mounts m = parse(
		"22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"
		"30 22 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 "
		"rw,nsdelegate,memory_recursiveprot\n");

	(void)state;
	assert_int_equal(m.count, 1);
	assert_int_equal(m.item[0].version, 2);
	assert_int_equal(m.item[0].id, 30);
	assert_int_equal(m.item[0].device, 26);
	assert_string_equal(m.item[0].root, "/");
	assert_string_equal(m.item[0].point, "/sys/fs/cgroup");
	assert_string_equal(m.item[0].super_options, "rw,nsdelegate,memory_recursiveprot");
	assert_string_equal(m.item[0].controllers, "");
	assert_null(m.item[0].name);
	cg_mounts_free(&m);
}

static void test_hybrid(void **state)
{
	struct cg_mounts m = parse(
		"31 23 0:28 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:9 - tmpfs tmpfs ro,mode=755\n"
		"32 31 0:29 / /sys/fs/cgroup/unified rw,nosuid shared:10 - cgroup2 cgroup2 rw,nsdelegate\n"
		"33 31 0:30 / /sys/fs/cgroup/systemd rw shared:11 - cgroup cgroup rw,xattr,name=systemd\n"
		"34 31 0:31 / /sys/fs/cgroup/cpu,cpuacct rw shared:12 - cgroup cgroup rw,cpu,cpuacct\n"
		"35 31 0:32 / /sys/fs/cgroup/cpuset rw shared:13 - cgroup cgroup rw,cpuset,clone_children\n"
		"36 31 0:33 / /sys/fs/cgroup/net_cls,net_prio rw shared:14 master:3 - cgroup cgroup "
		"rw,seclabel,net_cls,net_prio,release_agent=/bin/a\\054b\n");

	(void)state;
	assert_int_equal(m.count, 5);
	assert_int_equal(m.item[0].version, 2);
	assert_string_equal(m.item[1].name, "systemd");
	assert_string_equal(m.item[1].controllers, "");
	assert_string_equal(m.item[2].controllers, "cpu,cpuacct");
	assert_string_equal(m.item[3].controllers, "cpuset");
	assert_string_equal(m.item[4].controllers, "net_cls,net_prio");
	assert_string_equal(
		m.item[4].super_options, "rw,seclabel,net_cls,net_prio,release_agent=/bin/a\\054b");
	cg_mounts_free(&m);
}

static void test_escapes_and_roots(void **state)
{
	struct cg_mounts m = parse(
		"40 1 0:30 /docker/0123456789ab /sys/fs/cgroup/memory ro master:20 - cgroup cgroup rw,memory\n"
		"41 1 0:30 /a\\040b\\134c /mnt/with\\040blank\\011tab rw - cgroup cgroup rw,memory\n"
		"42 1 0:30 /.. /mnt/outside rw - cgroup cgroup rw,memory\n"
		"43 1 0:30 /../../x /mnt/o2 rw unbindable - cgroup cgroup rw,memory\n"
		"44 1 4095:1048575 / /mnt/\\303\\244 rw propagate_from:2 shared:1 master:7 - cgroup2  rw\n"
		"45 1 0:31 / /x rw - cgroup none rw,context=\"a:b,c\",cpu,name=q\\054z\n");

	(void)state;
	assert_int_equal(m.count, 6);
	assert_string_equal(m.item[0].root, "/docker/0123456789ab");
	assert_string_equal(m.item[1].root, "/a b\\c");
	assert_string_equal(m.item[1].point, "/mnt/with blank\ttab");
	assert_string_equal(m.item[2].root, "/..");
	assert_string_equal(m.item[3].root, "/../../x");
	assert_int_equal(m.item[4].device, 4095U << 20 | 1048575);
	assert_string_equal(m.item[4].point, "/mnt/\303\244");
	assert_string_equal(m.item[4].super_options, "rw");
	assert_string_equal(m.item[5].controllers, "cpu");
	assert_string_equal(m.item[5].name, "q,z");
	cg_mounts_free(&m);
}

static void test_nothing(void **state)
{
	struct cg_mounts m = parse("");

	(void)state;
	assert_int_equal(m.count, 0);
	m = parse("22 1 8:1 / / rw - ext4 /dev/a rw\n23 22 0:5 net:[4026531840] /run/n rw - nsfs nsfs rw\n");
	assert_int_equal(m.count, 0);
	cg_mounts_free(&m);
}

static void test_every_cut_is_refused(void **state)
{
	static const char line[] =
		"30 22 0:26 /a\\040b /sys/fs/cgroup rw shared:4 - cgroup cgroup rw,memory\n";
	char cut[sizeof(line)];

	(void)state;
	for (size_t n = 1; n < sizeof(line) - 1; n++) {
		struct cg_mounts m = {0};
		struct cg_error *err = NULL;

		memcpy(cut, line, n);
		assert_int_equal(cg_mountinfo_parse((struct cg_bytes){cut, n}, &m, &err), -EBADMSG);
		assert_non_null(strstr(err->message, "line 1"));
		cg_error_free(err);
	}
}

static void test_broken_lines(void **state)
{
	(void)state;
	refuses("22 1 8:1 / / rw - ext4 /dev/a rw\nx 1 0:1 / / rw - cgroup c rw\n", "line 2");
	refuses("1 1 0-1 / / rw - cgroup c rw\n", "MAJOR:MINOR");
	refuses("1 1 4096:1 / / rw - cgroup c rw\n", "MAJOR:MINOR");
	refuses("1 1 0:1 / / rw\n", "no \"-\"");
	refuses("1 1 0:1 / / rw - cgroup\n", "after \"-\"");
	refuses("1 1 0:1 / / rw - cgroup c\n", "after \"-\"");
	refuses("1 1 0:1 a / rw - cgroup c rw\n", "absolute");
	refuses("1 1 0:1 / b rw - cgroup c rw\n", "absolute");
	refuses("1 1 0:1 /\\04 / rw - cgroup c rw\n", "octal");
	refuses("1 1 0:1 /\\400 / rw - cgroup c rw\n", "octal");
	refuses("1 1 0:1 /\\000 / rw - cgroup c rw\n", "NUL");
	refuses("1 1 0:1 / / rw - cgroup c rw,name=a,name=b\n", "two names");
	refuses("\n", "six fields");
}

static void test_nul_is_refused(void **state)
{
	struct cg_mounts m = {0};
	struct cg_error *err = NULL;

	(void)state;
	assert_int_equal(
		cg_mountinfo_parse(CG_BYTES("1 1 0:1 /\0 / rw - cgroup c rw\n"), &m, &err), -EBADMSG);
	assert_non_null(strstr(err->message, "NUL"));
	cg_error_free(err);
}

static void test_membership(void **state)
{
	static const char text[] =
		"12:net_cls,net_prio:/\n5:name=systemd:/user.slice/a:b\n4:memory:/x (deleted)\n"
		"3:cpu,name=both:/../y\n2:name=:/\n0::/user.slice/user-0.slice\n";
	struct cg_memberships m = {0};
	struct cg_error *err = NULL;

	(void)state;
	assert_int_equal(cg_membership_parse(CG_BYTES(text), &m, &err), 0);
	assert_int_equal(m.count, 6);
	assert_int_equal(m.item[0].hierarchy_id, 12);
	assert_string_equal(m.item[0].controllers, "net_cls,net_prio");
	assert_null(m.item[0].name);
	assert_string_equal(m.item[1].name, "systemd");
	assert_string_equal(m.item[1].path, "/user.slice/a:b");
	/* v1 says nothing of removed groups: it is called so. */
	assert_false(m.item[2].deleted);
	assert_string_equal(m.item[2].path, "/x (deleted)");
	assert_string_equal(m.item[3].controllers, "cpu");
	assert_string_equal(m.item[3].name, "both");
	assert_string_equal(m.item[3].path, "/../y");
	assert_false(m.item[3].deleted);
	assert_string_equal(m.item[5].controllers, "");
	assert_string_equal(m.item[5].path, "/user.slice/user-0.slice");
	assert_int_equal(m.item[5].hierarchy_id, 0);
	assert_false(m.item[5].deleted);
	cg_memberships_free(&m);
	assert_int_equal(cg_membership_parse(CG_BYTES("0::/y (deleted)\n"), &m, &err), 0);
	assert_true(m.item[0].deleted);
	assert_string_equal(m.item[0].path, "/y (deleted)");
	cg_memberships_free(&m);
}

static void test_membership_broken(void **state)
{
	static const char *const bad[] = {"x:cpu:/\n", "1:cpu\n", "1:cpu:\n", "1:cpu:a\n", "1:cpu:/", ":\n",
		"-1::/\n", "1:a,,b:/\n", "1:name=a,name=b:/\n", "\n", "01:cpu:/\n"};

	(void)state;
	for (size_t i = 0; i < CG_ARRAY_SIZE(bad); i++) {
		struct cg_memberships m = {0};
		struct cg_error *err = NULL;

		if (cg_membership_parse(cg_bytes_of(bad[i]), &m, &err) != -EBADMSG)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_non_null(strstr(err->message, "line 1"));
		cg_error_free(err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pure_v2),
		cmocka_unit_test(test_hybrid),
		cmocka_unit_test(test_escapes_and_roots),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_every_cut_is_refused),
		cmocka_unit_test(test_broken_lines),
		cmocka_unit_test(test_nul_is_refused),
		cmocka_unit_test(test_membership),
		cmocka_unit_test(test_membership_broken),
	};

	return cmocka_run_group_tests_name("kernel/mountinfo", tests, NULL, NULL);
}
