/* Reading pressure and arming triggers. What needs the kernel says so where it has none; real stalls are met
 * in the guest (tests/integration/pressure). */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "manager/pressure.h"
#include "unit/base/cmocka_all.h"

static const struct psi_case {
	const char *text;
	int want;
	uint64_t some, full;
} psi[] = {
	{"some avg10=0.00 avg60=0.00 avg300=0.00 total=12\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
		0, 12, 7},
	{"some avg10=99.99 avg60=1.00 avg300=0.00 total=18446744073709551615\n", 0, UINT64_MAX, 0},
	{"full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n", -EINVAL, 0, 0},
	{"", -EINVAL, 0, 0},
	{"some avg10=0.00\n", -EINVAL, 0, 0},
	{"some total=1 total=2\n", -EINVAL, 0, 0},
	{"some total=1\nsome total=2\n", -EINVAL, 0, 0},
	{"some total=-1\n", -EINVAL, 0, 0},
	{"some total=18446744073709551616\n", -EINVAL, 0, 0},
	{"many total=1\n", -EINVAL, 0, 0},
};

static void test_psi_text(void **state CG_UNUSED)
{
	for (size_t i = 0; i < CG_ARRAY_SIZE(psi); i++) {
		uint64_t totals[CG_STALLS] = {1, 2};

		assert_int_equal(cg_psi_parse(cg_bytes_of(psi[i].text), totals), psi[i].want);
		assert_int_equal(totals[CG_STALL_SOME], psi[i].want == 0 ? psi[i].some : 1);
		assert_int_equal(totals[CG_STALL_FULL], psi[i].want == 0 ? psi[i].full : 2);
	}
}

static void test_meminfo_text(void **state CG_UNUSED)
{
	uint64_t total, used;

	assert_int_equal(
		cg_meminfo_parse(
			cg_bytes_of("MemTotal:       1000 kB\nMemFree: 1 kB\nMemAvailable:    250 kB\n"),
			&total, &used),
		0);
	assert_int_equal(total, 1024000);
	assert_int_equal(used, 768000);
	assert_int_equal(cg_meminfo_parse(cg_bytes_of("MemTotal: 1000 kB\n"), &total, &used), -EINVAL);
	assert_int_equal(
		cg_meminfo_parse(cg_bytes_of("MemTotal: 1000 MB\nMemAvailable: 1 kB\n"), &total, &used),
		-EINVAL);
	assert_int_equal(cg_meminfo_parse(cg_bytes_of("MemTotal: 0 kB\nMemAvailable: 1 kB\n"), &total, &used),
		-EINVAL);
	assert_int_equal(
		cg_meminfo_parse(cg_bytes_of("MemTotal: 99999999999999999999 kB\nMemAvailable: 1 kB\n"),
			&total, &used),
		-EINVAL);
}

static unsigned open_descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* The host's own pressure: triggers where we may, else totals to be sampled. Nothing is changed by it. */
static void test_host(void **state CG_UNUSED)
{
	struct cg_config c = {0};
	struct cg_pressure p = CG_PRESSURE_INIT;
	struct cg_error *err = NULL;
	uint64_t before[CG_RESOURCES][CG_STALLS], after[CG_RESOURCES][CG_STALLS];

	assert_int_equal(cg_config_default(&c, &err), 0);
	assert_int_equal(cg_pressure_open(-1, &c, &p, &err), 0);
	if (p.mode == CG_PRESSURE_NONE) {
		print_message("the kernel accounts no pressure: %s\n", p.why);
		cg_config_free(&c);
		skip();
	}
	assert_int_equal(cg_pressure_read(&p, before), 0);
	assert_int_equal(cg_pressure_read(&p, after), 0);
	for (int r = 0; r < CG_RESOURCES; r++)
		assert_true(after[r][CG_STALL_SOME] >= before[r][CG_STALL_SOME]);
	if (p.mode == CG_PRESSURE_SAMPLING) {
		assert_int_equal(p.triggers, 0);
		assert_true(p.why[0]);
		print_message("no triggers for us: %s\n", p.why);
	} else {
		/* memory: admission, brake, kill; cpu: demote; io: none */
		assert_int_equal(p.triggers, 4);
		assert_int_equal(p.window, p.mode == CG_PRESSURE_SLOW ? 2000000 : 500000);
	}
	cg_pressure_close(&p);
	assert_int_equal(p.triggers, 0);
	cg_pressure_close(&p); /* again is fine */
	cg_config_free(&c);
}

/* A directory that is no group has no pressure: said, and no descriptor is left. */
static void test_none(void **state CG_UNUSED)
{
	struct cg_config c = {0};
	struct cg_pressure p = CG_PRESSURE_INIT;
	struct cg_error *err = NULL;
	int fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned before = open_descriptors();

	assert_true(fd >= 0);
	assert_int_equal(cg_config_default(&c, &err), 0);
	assert_int_equal(cg_pressure_open(fd, &c, &p, &err), 0);
	assert_int_equal(p.mode, CG_PRESSURE_NONE);
	assert_int_equal(p.known, 0);
	assert_true(p.why[0]);
	cg_pressure_close(&p);
	assert_int_equal(open_descriptors(), before);
	cg_config_free(&c);
	cg_close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_psi_text),
		cmocka_unit_test(test_meminfo_text), cmocka_unit_test(test_host),
		cmocka_unit_test(test_none)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
