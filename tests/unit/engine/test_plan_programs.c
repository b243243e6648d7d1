/* BPF programs of groups: what each mode does with them, and what it refuses. */
#include "plan_case.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define V2    "hierarchy v2 -\n"
#define ABOVE V2 "group /\nancestor\n"
#define A     "a 2 instructions, tag 616c6c6f77"
#define B     "b 2 instructions, tag 64656e79"
#define LOST  "m not saved, tag 6c6f7374"

static void check(enum cg_mode mode, const char *image, const char *live, int code, const char *lines)
{
	check_plan(&(struct plan_case){.image = image,
		.live = live,
		.options = {.mode = mode, .programs_known = true},
		.code = code,
		.lines = lines});
}

/* Groups below before those above. */
static void test_new(void **state)
{
	(void)state;
	check(CG_MODE_STRICT,
		V2 "group /a\nprogram egress 1 a allow\nprogram device 2 a allow\nprogram device 2 b deny\n"
		   "group /a/x\nprogram device 2 b deny\n",
		ABOVE, 0,
		"+ /a\n+ /a/x\n~ /a/x device program none -> " B "\n~ /a device program none -> " A ", " B
		"\n~ /a egress program none -> " A " (alone, others may stand in for it below)\n");
	check(CG_MODE_OPPORTUNISTIC, V2 "group /a\nprogram device 2 r c 1:3 rw;b *:* m\n", ABOVE, 0,
		"+ /a\n~ /a device program none -> r allows c 1:3 rw, b *:* m [try]\n");
}

static void test_over_others(void **state)
{
	static const char image[] = V2 "group /a\nprogram device 2 a allow\nprogram device 2 b deny\n";
	static const char same[] = ABOVE "group /a\nprogram device 2 a allow\nprogram device 2 b deny\n";
	static const char other[] = ABOVE "group /a\nprogram device 2 b deny\nprogram egress 2 b deny\n";

	(void)state;
	check(CG_MODE_FULL, image, same, 0, "= /a\n");
	check(CG_MODE_FULL, image, other, 0,
		"~ /a egress program " B " -> none\n~ /a device program " B " -> " A ", " B "\n");
	check(CG_MODE_PROPS, image, other, 0,
		"~ /a egress program " B " -> none\n~ /a device program " B " -> " A ", " B "\n");
	check(CG_MODE_BIND, image, other, 0,
		"! /a egress program b: is not in the image; left alone [differs]\n"
		"~ /a device program " B " -> " A ", " B "\n");
	check(CG_MODE_OPPORTUNISTIC, image, other, 0, "= /a\n");
	check(CG_MODE_NONE, image, other, 0, "= /a\n");
	/* How they are attached is part of what they are. */
	check(CG_MODE_FULL, V2 "group /a\nprogram device 0 a allow\n",
		ABOVE "group /a\nprogram device 1 a allow\n", 0,
		"~ /a device program " A " (alone, others may stand in for it below) -> " A " (alone)\n");
}

static void test_only_named(void **state)
{
	static const char image[] = V2 "group /a\nprogram device 2 m lost\nprogram device 2 a allow\n";

	(void)state;
	check(CG_MODE_STRICT, image, ABOVE, 0,
		"+ /a\n! /a device program m: is only named in the image, for it could not be saved: not attached "
		"[differs]\n~ /a device program none -> " A "\n");
	check(CG_MODE_FULL, image, ABOVE "group /a\nprogram device 2 m lost\n", 0,
		"! /a device program m: is only named in the image; one with the same tag is attached and stays\n"
		"~ /a device program " LOST " -> " LOST ", " A "\n");
	/* It would have to be loaded again to stand behind. */
	check(CG_MODE_FULL, image, ABOVE "group /a\nprogram device 2 a allow\nprogram device 2 m lost\n",
		-EOPNOTSUPP, NULL);
	check(CG_MODE_FULL, V2 "group /a\n", ABOVE "group /a\nprogram device 2 m lost\n", -EOPNOTSUPP,
		"! /a device program m: is not in the image, and once detached it could not be brought back: it "
		"uses maps [differs]\n");
	check(CG_MODE_BIND, V2 "group /a\n", ABOVE "group /a\nprogram device 2 m lost\n", 0,
		"! /a device program m: is not in the image; left alone [differs]\n= /a\n");
}

static void test_not_allowed(void **state)
{
	static const char image[] = V2 "group /a\nprogram device 2 a allow\n";

	(void)state;
	check_plan(&(struct plan_case){.image = image,
		.live = ABOVE,
		.options = {.programs_denied = EPERM},
		.code = -EPERM,
		.hint = "CAP_BPF",
		.lines =
			"! /a device: BPF programs cannot be loaded here: Operation not permitted [differs]\n"});
	check_plan(&(struct plan_case){.image = image,
		.live = ABOVE,
		.options = {.mode = CG_MODE_OPPORTUNISTIC, .programs_denied = EPERM},
		.lines = "+ /a\n! /a device: BPF programs cannot be loaded here: Operation not permitted "
			 "[differs]\n"});
	/* What there is cannot be asked for. */
	check_plan(&(struct plan_case){.image = image,
		.live = ABOVE "group /a\n",
		.options = {.mode = CG_MODE_FULL},
		.code = -EPERM,
		.hint = "CAP_SYS_ADMIN"});
	/* Nothing to do needs no privilege. */
	check_plan(&(struct plan_case){.image = image,
		.live = ABOVE "group /a\nprogram device 2 a allow\n",
		.options = {.mode = CG_MODE_FULL, .programs_known = true, .programs_denied = EPERM},
		.lines = "= /a\n"});
}

static void test_bad(void **state)
{
	(void)state;
	check(CG_MODE_OPPORTUNISTIC, V2 "group /a\nprogram device 8 a allow\n", ABOVE, -EBADMSG,
		"! /a device program a: it has flags that the kernel does not know [differs]\n");
	check(CG_MODE_STRICT, V2 "group /a\nprogram device 0 a allow\nprogram device 0 b deny\n", ABOVE,
		-EINVAL,
		"! /a device: 2 BPF programs would be attached, of which one is to be alone [differs]\n");
	check(CG_MODE_STRICT, V2 "group /a\nprogram strange 2 a allow\n", ABOVE, -EBADMSG,
		"! /a strange: there is no attach type 1 of this name [differs]\n");
	check(CG_MODE_STRICT, "hierarchy v1 pids\ngroup /a\nprogram device 2 a allow\n",
		"hierarchy v1 pids\ngroup /\nancestor\n", -EBADMSG,
		"! /a: BPF programs are attached to groups of v2 alone [differs]\n");
}

/* Rules that we can read are called as the devices are here. */
static void test_devices(void **state)
{
	static const char image[] =
		"device block 8:16 serial:one\n" V2
		"group /a\nprogram device 2 r c 8:16 r;b 8:16 rw;b 8:32 m\nprogram device 2 b deny\n";

	(void)state;
	check(CG_MODE_STRICT, image, "device block 254:0 serial:one\n" ABOVE, 0,
		"+ /a\n~ /a device program none -> r allows c 8:16 r, b 254:0 rw, b 8:32 m, " B "\n");
	check(CG_MODE_STRICT, image, "device block 8:16 serial:two\n" ABOVE, -ENODEV,
		"! /a device 8:16: no such device here (serial:one) [differs]\n");
	check(CG_MODE_OPPORTUNISTIC, image, "device block 8:16 serial:two\n" ABOVE, 0,
		"+ /a\n! /a device 8:16: no such device here (serial:one) [differs]\n"
		"~ /a device program none -> r allows c 8:16 r, b 8:32 m, " B " [try]\n");
	check_plan(&(struct plan_case){.image = image,
		.live = "device block 8:16 serial:two\n" ABOVE,
		.options = {.device = (struct cg_mapping[]){{"8:16", "9:1"}}, .devices = 1},
		.lines =
			"+ /a\n! /a device program b: numbers of devices in its instructions are not mapped\n"
			"~ /a device program none -> r allows c 9:1 r, b 9:1 rw, b 8:32 m, " B "\n"});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new),
		cmocka_unit_test(test_over_others),
		cmocka_unit_test(test_only_named),
		cmocka_unit_test(test_not_allowed),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_devices),
	};

	return cmocka_run_group_tests_name("engine/plan_programs", tests, NULL, NULL);
}
