/* Owners, permission bits and extended attributes. */
#include "plan_case.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define PIDS  "hierarchy v2 pids\nusual pids.max=max\nusual cgroup.subtree_control=\n"
#define ABOVE PIDS "group /\nancestor\ncgroup.subtree_control=pids\n"

/* A delegated group: the directory and three files. */
#define DELEGATED                                                                                            \
	"owner 1000:1000 755\nfile cgroup.subtree_control 1000:1000 644\nfile cgroup.procs 1000:1000 644\n"  \
	"file cgroup.threads 1000:1000 644\n"

static void test_made(void **state)
{
	(void)state;
	check_plan(&(struct plan_case){.image = PIDS "group /a\n" DELEGATED,
		.live = ABOVE,
		.lines = "+ /a\n~ /a cgroup.subtree_control owner 0:0 644 -> 1000:1000 644\n"
			 "~ /a cgroup.procs owner 0:0 644 -> 1000:1000 644\n"
			 "~ /a cgroup.threads owner 0:0 644 -> 1000:1000 644\n"
			 "~ /a owner 0:0 755 -> 1000:1000 755\n"});
	/* All files are another's, but one. */
	check_plan(&(struct plan_case){
		.image = PIDS "group /a\nowner 1000:1000 700\nfiles 1000:1000\nfile pids.current 0:0 400\n",
		.live = ABOVE,
		.lines =
			"+ /a\n~ /a all files owner 0:0 -> 1000:1000\n"
			"~ /a pids.current owner 1000:1000 444 -> 0:0 400\n~ /a owner 0:0 755 -> 1000:1000 700\n"});
	/* Restored by their owner. */
	check_plan(&(struct plan_case){.image = PIDS "group /a\nowner 1000:1000 755\nfiles 1000:1000\n",
		.live = ABOVE,
		.options = {.uid = 1000, .gid = 1000},
		.lines = "+ /a\n"});
	check_plan(&(struct plan_case){.image = PIDS "group /a\nowner 0:0 755\nfiles 1000:1000\n",
		.live = ABOVE,
		.options = {.uid = 1000, .gid = 1000},
		.code = -EPERM,
		.hint = "run as root",
		.lines = "! /a: belongs to user 0, and only a privileged user can give it away [differs]\n"});
}

static void test_existing(void **state)
{
	(void)state;
	check_plan(&(struct plan_case){.image = PIDS "group /a\nowner 0:0 755\n",
		.live = ABOVE "group /a\n" DELEGATED,
		.options.mode = CG_MODE_FULL,
		.lines = "~ /a cgroup.subtree_control owner 1000:1000 644 -> 0:0 644\n"
			 "~ /a cgroup.procs owner 1000:1000 644 -> 0:0 644\n"
			 "~ /a cgroup.threads owner 1000:1000 644 -> 0:0 644\n"
			 "~ /a owner 1000:1000 755 -> 0:0 755\n"});
	check_plan(&(struct plan_case){.image = PIDS "group /a\n" DELEGATED,
		.live = ABOVE "group /a\n" DELEGATED,
		.options.mode = CG_MODE_FULL,
		.lines = "= /a\n"});
}

#define V1       "hierarchy v1 pids\nusual pids.max=max\n"
#define V1_ABOVE V1 "group /\nancestor\n"

/* Since 6.8 a directory with the set-group-id bit hands it and its group down to what is made below. */
static void test_setgid(void **state)
{
	(void)state;
	/* The bit is given when the groups below are there. */
	check_plan(&(struct plan_case){.image = V1 "group /a\nowner 0:7 2755\ngroup /a/b\nowner 0:0 755\n",
		.live = V1_ABOVE,
		.lines = "+ /a\n+ /a/b\n~ /a owner 0:0 755 -> 0:7 2755\n"});
	/* Below one that has it and is not ours to change. */
	check_plan(&(struct plan_case){
		.image = V1 "group /x/a\nowner 0:0 755\ngroup /x/a/b\nowner 0:7 2755\nfiles 0:7\n",
		.live = V1_ABOVE "group /x\nancestor\nowner 0:7 2755\n",
		.lines =
			"+ /x/a\n~ /x/a all files owner 0:7 -> 0:0\n~ /x/a owner 0:7 2755 -> 0:0 755\n+ /x/a/b\n"
			"~ /x/a/b all files owner 0:0 -> 0:7\n~ /x/a/b owner 0:0 755 -> 0:7 2755\n"});
	check_plan(&(struct plan_case){.image = V1 "group /x/a\nowner 0:0 755\n",
		.live = "kernel 6.1.0\n" V1_ABOVE "group /x\nancestor\nowner 0:7 2755\n",
		.lines = "+ /x/a\n"});
	/* An existing one loses it first. */
	check_plan(&(struct plan_case){.image = V1 "group /a\nowner 0:7 755\ngroup /a/b\nowner 0:0 755\n",
		.live = V1_ABOVE "group /a\nowner 0:7 2755\n",
		.options.mode = CG_MODE_FULL,
		.lines = "~ /a owner 0:7 2755 -> 0:7 755\n+ /a/b\n"});
}

static void xattrs(enum cg_mode mode, uint32_t uid, int code, const char *lines)
{
	check_plan(&(struct plan_case){
		.image = PIDS "group /a\nowner 1000:1000 755\nfiles 1000:1000\nxattr trusted.delegate=0\n"
			      "xattr user.new=1\nxattr user.other=2\n",
		.live = ABOVE "group /a\nowner 1000:1000 755\nfiles 1000:1000\nxattr trusted.delegate=1\n"
			      "xattr trusted.invocation_id=x\nxattr user.extra=9\nxattr user.other=3\n",
		.options = {.mode = mode, .uid = uid},
		.code = code,
		.lines = lines});
}

static void test_xattrs(void **state)
{
#define SYSTEMD                                                                                              \
	"! /a trusted.delegate: is another one here; it is systemd's, left alone\n"                          \
	"! /a trusted.invocation_id: is not in the image; it is systemd's, left alone\n"
	(void)state;
	xattrs(CG_MODE_FULL, 0, 0,
		SYSTEMD "~ /a user.extra 9 -> (none)\n~ /a user.new (none) -> 1\n~ /a user.other 3 -> 2\n");
	xattrs(CG_MODE_BIND, 0, 0,
		SYSTEMD "! /a user.extra: is not in the image; left alone [differs]\n"
			"~ /a user.new (none) -> 1\n~ /a user.other 3 -> 2\n");
	check_plan(&(struct plan_case){
		.image = PIDS "group /a\nowner 7:0 755\nfiles 7:0\nxattr trusted.x=1\nxattr user.y=2\n",
		.live = ABOVE,
		.options = {.uid = 7},
		.code = -EPERM,
		.lines = "! /a trusted.x: only a privileged user can change this attribute [differs]\n"});
	check_plan(&(struct plan_case){.image = PIDS "group /a\nxattr security.x=1\n",
		.live = ABOVE,
		.code = -EBADMSG,
		.lines = "! /a security.x: is no attribute that a group can have [differs]\n"});
	check_plan(&(struct plan_case){.image = PIDS "group /a\nxattr user.=1\n",
		.live = ABOVE,
		.code = -EBADMSG,
		.lines = "! /a user.: is no attribute that a group can have [differs]\n"});
}

static void test_no_settings(void **state)
{
	(void)state;
	check_plan(&(struct plan_case){.image = PIDS "group /a\npids.max=4\nxattr user.a=1\n" DELEGATED,
		.live = ABOVE,
		.options.no_settings = true,
		.lines = "+ /a\n"});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made),
		cmocka_unit_test(test_existing),
		cmocka_unit_test(test_setgid),
		cmocka_unit_test(test_xattrs),
		cmocka_unit_test(test_no_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
