/* What is found wanting before the first write. */
#include "plan_case.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define IO       "hierarchy v2 io\n"
#define IO_ABOVE "hierarchy v2 io\ngroup /\nancestor\ncgroup.subtree_control=io\n"

static void test_devices(void **state)
{
	static const char image[] = "device block 8:16 wwid:one\ndevice block 8:32 -\n" IO
				    "group /a\nio.max=8:16 rbps=1000\\n8:32 wbps=5\n";

	(void)state;
	check_plan(&(struct plan_case){.image = image,
		.live = "device block 254:0 wwid:one\ndevice block 8:16 wwid:two\ndevice block 8:32 wwid:x\n" IO_ABOVE,
		.lines = "+ /a\n~ /a io.max \"\" -> 254:0 rbps=1000, 8:32 wbps=5\n"});
	check_plan(&(struct plan_case){.image = image,
		.live = "device block 8:16 wwid:two\ndevice block 8:48 -\n" IO_ABOVE,
		.code = -ENODEV,
		.error = "the first of 2 reasons",
		.hint = "--device-map",
		.lines = "! /a io.max 8:16: no such device here (wwid:one) [differs]\n"
			 "! /a io.max 8:32: no such device here [differs]\n"});
	check_plan(&(struct plan_case){.image = image,
		.live = "device block 8:16 wwid:two\ndevice block 8:32 -\n" IO_ABOVE,
		.options.mode = CG_MODE_OPPORTUNISTIC,
		.lines = "+ /a\n! /a io.max 8:16: no such device here (wwid:one) [differs]\n"
			 "~ /a io.max \"\" -> 8:32 wbps=5 [try]\n"});
	check_plan(&(struct plan_case){.image = image,
		.live = "device block 8:16 wwid:two\n" IO_ABOVE,
		.options = {.device = (struct cg_mapping[]){{"8:16", "9:1"}, {"8:32", "9:2"}}, .devices = 2},
		.lines = "+ /a\n~ /a io.max \"\" -> 9:1 rbps=1000, 9:2 wbps=5\n"});
	/* The host has none. */
	check_plan(&(struct plan_case){.image = image,
		.live = IO_ABOVE,
		.options.devices_known = true,
		.code = -ENODEV,
		.error = "the first of 2 reasons"});
	/* Nobody looked. */
	check_plan(&(struct plan_case){.image = image,
		.live = IO_ABOVE,
		.lines = "+ /a\n~ /a io.max \"\" -> 8:16 rbps=1000, 8:32 wbps=5\n"});
}

/* Several paths to one disk: which of them was meant cannot be told, but by the number it had. */
static void test_several_devices(void **state)
{
	static const char image[] = "device block 8:16 wwid:one\n" IO "group /a\nio.max=8:16 rbps=1000\n";

	(void)state;
	check_plan(&(struct plan_case){.image = image,
		.live = "device block 8:32 wwid:one\ndevice block 8:48 wwid:one\n" IO_ABOVE,
		.code = -ENOTUNIQ,
		.hint = "--device-map",
		.lines = "! /a io.max 8:16: several devices here are wwid:one [differs]\n"});
	check_plan(&(struct plan_case){.image = image,
		.live = "device block 8:32 wwid:one\ndevice block 8:16 wwid:one\n" IO_ABOVE,
		.lines = "+ /a\n~ /a io.max \"\" -> 8:16 rbps=1000\n"});
	/* What has its number now but no identity is not it. */
	check_plan(&(struct plan_case){.image = image,
		.live = "device block 8:16 -\n" IO_ABOVE,
		.code = -ENODEV,
		.lines = "! /a io.max 8:16: no such device here (wwid:one) [differs]\n"});
}

/* Rules are about disks that are known by more than their number. */
static void test_device_rules(void **state)
{
	static const char image[] =
		"device block 8:16 wwid:one\ndevice block 8:32 -\nhierarchy v1 devices\ngroup /a\n"
		"devices.list=c 8:16 rw\\nb 8:16 r\\nb 8:32 rwm\\nb 8:48 m\\nb *:* m\n";
	static const char above[] = "hierarchy v1 devices\ngroup /\nancestor\ndevices.list=a *:* rwm\n";
	_cleanup_text_ struct cg_text live = {0};

	(void)state;
	cg_text_printf(&live, "device block 254:0 wwid:one\n%s", above);
	check_plan(&(struct plan_case){.image = image,
		.live = live.data,
		.lines =
			"+ /a\n~ /a devices.list a *:* rwm -> c 8:16 rw, b 254:0 r, b 8:32 rwm, b 8:48 m, b *:* m\n"});
	cg_text_reset(&live);
	cg_text_printf(&live, "device block 8:16 wwid:two\n%s", above);
	check_plan(&(struct plan_case){.image = image,
		.live = live.data,
		.code = -ENODEV,
		.hint = "--device-map",
		.lines = "! /a devices.list 8:16: no such device here (wwid:one) [differs]\n"});
	check_plan(&(struct plan_case){.image = image,
		.live = live.data,
		.options.mode = CG_MODE_OPPORTUNISTIC,
		.lines = "+ /a\n! /a devices.list 8:16: no such device here (wwid:one) [differs]\n"
			 "~ /a devices.list a *:* rwm -> c 8:16 rw, b 8:32 rwm, b 8:48 m, b *:* m [try]\n"});
	check_plan(&(struct plan_case){.image = image,
		.live = live.data,
		.options = {.device = (struct cg_mapping[]){{"8:16", "9:1"}, {"8:48", "9:2"}}, .devices = 2},
		.lines =
			"+ /a\n~ /a devices.list a *:* rwm -> c 9:1 rw, b 9:1 r, b 8:32 rwm, b 9:2 m, b *:* m\n"});
}

/* Interfaces that say nothing are not missed. */
static void test_interfaces(void **state)
{
	(void)state;
	check_plan(&(struct plan_case){
		.image = "device link eth0 mac:1\ndevice link old -\nhierarchy v1 net_prio\n"
			 "group /a\nnet_prio.ifpriomap=lo 0\\neth0 5\\nold 0\n",
		.live = "device link ens3 mac:1\ndevice link lo -\nhierarchy v1 net_prio\ngroup /\nancestor\n"
			"net_prio.ifpriomap=lo 0\\nens3 0\n",
		.lines = "+ /a\n~ /a net_prio.ifpriomap lo 0, ens3 0 -> lo 0, ens3 5\n"});
}

static void test_bad_content(void **state)
{
	static const char above[] = "hierarchy v2 memory\ngroup /\nancestor\ncgroup.subtree_control=memory\n";

	(void)state;
	check_plan(&(struct plan_case){.image = "hierarchy v2 memory\ngroup /a\ncgroup.kill=1\n",
		.live = above,
		.code = -EBADMSG,
		.lines = "! cgroup.kill: is no setting, yet the image holds values of it [differs]\n"});
	check_plan(&(struct plan_case){.image = "hierarchy v2 memory\ngroup /a\nmemory.max=lots\n",
		.live = above,
		.options.mode = CG_MODE_OPPORTUNISTIC,
		.code = -EBADMSG});
	check_plan(&(struct plan_case){
		.image = "hierarchy v1 cpu\nhierarchy v1 cpu\ngroup /a\nhierarchy v1 cpu\ngroup /a\n",
		.live = "hierarchy v1 cpu\ngroup /\nancestor\n",
		.code = -EBADMSG,
		.error = "twice"});
}

static void test_kernel_lacks(void **state)
{
	(void)state;
	check_plan(&(struct plan_case){
		.image =
			"hierarchy v2 cpuset\ngroup /a\ncpuset.cpus.exclusive=1\ngroup /b\ncpuset.cpus.exclusive=\n",
		.live = "kernel 6.1.0-18-amd64\nhierarchy v2 cpuset\ngroup /\nancestor\n",
		.lines =
			"+ /a\n! /a cpuset.cpus.exclusive: this kernel has no such file; the image has 1 [differs]\n+ /b\n"});
	check_plan(&(struct plan_case){
		.image =
			"hierarchy v2 memory\nusual memory.max=max\ngroup /a\nmemory.low=5000\nmemory.max=max\n",
		.live = "hierarchy v2 memory\nusual memory.max=max\ngroup /\nancestor\ncgroup.subtree_control=memory\n"
			"group /a\nmemory.max=4096\n",
		.options.mode = CG_MODE_FULL,
		.lines = "! /a memory.low: there is no such file here; the image has 5000 [differs]\n"
			 "~ /a memory.max 4096 -> max\n"});
}

static void test_unknown_and_unread(void **state)
{
	(void)state;
	check_plan(&(struct plan_case){
		.image = "hierarchy v1 pids\nusual pids.max=max\ngroup /a\nmystery.knob=7\npids.max=?\n",
		.live = "hierarchy v1 pids\ngroup /\nancestor\n",
		.lines =
			"+ /a\n! /a pids.max: could not be read when the image was made [differs]\n"
			"! /a mystery.knob: is not in the catalogue; it is written as it is, here and in other groups, as far as "
			"the kernel takes it\n~ /a mystery.knob (new) -> 7 [try] [ensure]\n"});
}

static void test_usage(void **state)
{
	static const char image[] = "hierarchy v2 memory\ngroup /a\nmemory.max=4096\n";
	static const char live[] =
		"hierarchy v2 memory\ngroup /\nancestor\ncgroup.subtree_control=memory\nmemory.max=max\n"
		"memory.current=0\ngroup /a\nmemory.max=max\nmemory.current=8192\n";

	(void)state;
	check_plan(&(struct plan_case){.image = image,
		.live = live,
		.options.mode = CG_MODE_FULL,
		.code = -EBUSY,
		.lines = "! /a memory.max: would be 4096, below the 8192 in use now [differs]\n"});
}

static void room(const char *limits, int code, const char *lines)
{
	_cleanup_text_ struct cg_text live = {0};

	cg_text_printf(&live,
		"hierarchy v2 pids\ngroup /\nancestor\nusual cgroup.max.depth=max\n"
		"usual cgroup.max.descendants=max\nusual pids.max=max\ngroup /p\nancestor\n%s",
		limits);
	check_plan(
		&(struct plan_case){.image = "hierarchy v2 pids\ngroup /p/a\ngroup /p/a/b\ngroup /p/a/b/c\n",
			.live = live.data,
			.code = code,
			.lines = lines});
}

static void test_room(void **state)
{
	static const char ok[] = "+ /p/a\n+ /p/a/b\n+ /p/a/b/c\n";

	(void)state;
	room("cgroup.max.depth=3\n", 0, ok);
	room("cgroup.max.depth=2\n", -EAGAIN,
		"! /p: cgroup.max.depth allows 2 levels below it, 3 are needed [differs]\n");
	room("cgroup.max.descendants=3\n", 0, ok);
	room("cgroup.max.descendants=4\ncgroup.stat=nr_descendants 2\\nnr_dying_descendants 9\n", -EAGAIN,
		"! /p: cgroup.max.descendants allows 4 groups below it: 2 are there, 3 more are needed [differs]\n");
}

/* A limit of what exists is raised before groups are made below it. */
static void test_room_raised(void **state)
{
	(void)state;
	check_plan(&(struct plan_case){
		.image =
			"hierarchy v2 pids\ngroup /a\ncgroup.max.depth=2\ngroup /a/b\ncgroup.max.depth=max\n",
		.live = "hierarchy v2 pids\ngroup /\nancestor\ncgroup.max.depth=max\ngroup /a\ncgroup.max.depth=0\n",
		.options.mode = CG_MODE_FULL,
		.lines = "~ /a cgroup.max.depth 0 -> 2\n+ /a/b\n"});
}

static void test_tasks_room(void **state)
{
	static const struct cg_member m = {.image_group = 0,
		.pid = 5,
		.tid = 5,
		.image_pid = 3,
		.image_tid = 3,
		.comm = "x",
		.whole_process = true};

	(void)state;
	check_plan(&(struct plan_case){
		.image = "hierarchy v1 pids\nusual pids.max=max\ngroup /p/a\ntask 3 3 x\ntask 3 4 x\n",
		.live = "hierarchy v1 pids\nusual pids.max=max\ngroup /\nancestor\ngroup /p\nancestor\npids.max=10\npids.current=9\n",
		.members = &m,
		.member_count = 1,
		.lines =
			"! /p: pids.max is 10, 9 tasks are there and 2 may enter: then none can fork\n+ /p/a\n> /p/a 5 x\n"});
}

static void test_terminal(void **state)
{
	(void)state;
	check_plan(&(struct plan_case){.image = "hierarchy v1 pids\ngroup /a\033[31m\n",
		.live = "hierarchy v1 pids\ngroup /\nancestor\n",
		.lines = "+ /a\\x1b[31m\n"});
}

/* Of a group that is to be changed all must be known; one that is only used may keep its secrets. */
static void test_incomplete(void **state)
{
	static const char image[] = "hierarchy v1 pids\ngroup /a\npids.max=5\n",
			  live[] = "hierarchy v1 pids\ngroup /\nancestor\ngroup /a\npids.max=5\nincomplete\n";

	(void)state;
	check_plan(&(struct plan_case){.image = image,
		.live = live,
		.options.mode = CG_MODE_FULL,
		.code = -EIO,
		.error = "not all that stands there can be read",
		.lines =
			"! /a: not all that stands there can be read, so it could not be brought to the image [differs]\n"});
	check_plan(&(struct plan_case){
		.image = image, .live = live, .options.mode = CG_MODE_OPPORTUNISTIC, .lines = "= /a\n"});
}

static void test_modes(void **state)
{
	struct cg_error *e = NULL;
	enum cg_mode mode;

	(void)state;
	for (int i = CG_MODE_STRICT; i <= CG_MODE_NONE; i++) {
		assert_int_equal(cg_mode_parse(cg_mode_name((enum cg_mode)i), &mode, &e), 0);
		assert_int_equal(mode, i);
	}
	assert_int_equal(cg_mode_parse("soft", &mode, &e), 0);
	assert_int_equal(mode, CG_MODE_OPPORTUNISTIC);
	assert_int_equal(cg_mode_parse("hard", &mode, &e), -EINVAL);
	assert_int_equal(e->fault, CG_FAULT_USAGE);
	cg_error_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_several_devices),
		cmocka_unit_test(test_device_rules),
		cmocka_unit_test(test_interfaces),
		cmocka_unit_test(test_bad_content),
		cmocka_unit_test(test_kernel_lacks),
		cmocka_unit_test(test_unknown_and_unread),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_room_raised),
		cmocka_unit_test(test_tasks_room),
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_incomplete),
		cmocka_unit_test(test_modes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
