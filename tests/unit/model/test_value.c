/* Values by grammar: accepted or refused, the same or not, stricter or not, in words, and the writes between
 * two. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "model/value.h"

static const struct cg_knob *row(const char *name, int version)
{
	const struct cg_knob *k = cg_knob_find(name, version);

	if (!k)
		fail_msg("no row %s", name);
	return k;
}

static void check_setting(const char *name, int version, const char *raw, const char *expected)
{
	struct cg_bytes got = cg_value_setting(row(name, version), cg_bytes_of(raw));

	if (!cg_bytes_is(got, expected))
		fail_msg("%s: \"%s\" gives \"%.*s\"", name, raw, (int)got.len, got.data);
}

static void settings_are_cut_out(void **state)
{
	(void)state;
	check_setting("pids.max", 2, "max\n", "max");
	check_setting("pids.max", 2, "", "");
	check_setting("cpuset.cpus", 1, "\n", "");
	check_setting("memory.oom_control", 1, "oom_kill_disable 1\nunder_oom 0\noom_kill 7\n", "1");
	check_setting("memory.oom_control", 1, "0", "0");
	check_setting("memory.oom_control", 1, "", "");
	check_setting("cpuset.cpus.partition", 2, "root\n", "root");
	check_setting("cpuset.cpus.partition", 2, "root invalid (Cpu list in cpuset.cpus not exclusive)\n",
		"root invalid");
	check_setting("freezer.state", 1, "0\n", "THAWED");
	check_setting("freezer.state", 1, "1\n", "FROZEN");
	check_setting("freezer.state", 1, "2\n", "2");
	check_setting("freezer.state", 1, "FREEZING\n", "FREEZING");
	check_setting("io.max", 2, "8:0 rbps=1\n8:16 wbps=2\n", "8:0 rbps=1\n8:16 wbps=2");
	assert_true(cg_bytes_is(cg_value_setting(NULL, CG_BYTES("a\nb\n\n")), "a\nb\n"));
	assert_true(cg_bytes_is(
		cg_value_written(row("cpuset.cpus.partition", 2), CG_BYTES("isolated invalid")), "isolated"));
	assert_true(
		cg_bytes_is(cg_value_written(row("cgroup.type", 2), CG_BYTES("domain threaded")), "domain"));
	assert_true(cg_bytes_is(cg_value_written(row("cpu.max", 2), CG_BYTES("max 100000")), "max 100000"));
	assert_true(cg_bytes_is(cg_value_written(NULL, CG_BYTES("a b")), "a b"));
}

struct check_case {
	const char *name;
	int version;
	const char *good[8], *bad[14];
};

static const struct check_case check_cases[] = {
	{"cgroup.freeze", 2, {"0", "1"}, {"", "2", "-1", "01", "yes", " 1", "1\n"}},
	{"cpu.weight", 2, {"1", "100", "10000"},
		{"0", "10001", "-1", "max", "1e2", "0x10", "", "99999999999999999999"}},
	{"cpu.shares", 1, {"2", "262144"}, {"1", "262145", "-1"}},
	{"cpu.cfs_quota_us", 1, {"-1", "1000", "17592186044415"},
		{"0", "999", "-2", "17592186044416", "max"}},
	{"cpu.cfs_period_us", 1, {"1000", "1000000"}, {"999", "1000001", "-1"}},
	{"cpuset.sched_relax_domain_level", 1, {"-1", "0", "5"}, {"-2", "65"}},
	{"pids.max", 2, {"0", "max", "4194304"}, {"4194305", "-1", "max ", "MAX"}},
	{"memory.max", 2, {"0", "max", "4096", "9223372036854775807"},
		{"-1", "64M", "9223372036854775808", "4096 "}},
	{"memory.limit_in_bytes", 1, {"-1", "0", "9223372036854771712"}, {"max", "-2", "unlimited", "1K"}},
	{"memory.shown_ram_in_bytes", 1, {"0", "4096"}, {"-1", "max"}},
	{"memory.oom_control", 1, {"0", "1"}, {"2", "oom_kill_disable 1"}},
	{"cpu.uclamp.min", 2, {"0", "0.00", "12.5", "100.00", "max"},
		{"100.01", "12.345", "1.", ".5", "-1", "1.x"}},
	{"cpu.max", 2, {"max 100000", "1000 1000", "50000 1000000"},
		{"max", "999 100000", "1000 999", "1000 1000001", "-1 100000", "1000 1000 1", "x 1000", ""}},
	{"cpuset.cpus", 2, {"", "0", "0-3,8", "1,0"}, {"a", "3-1", "0-", "0,,1", "99999", "-1"}},
	{"cgroup.subtree_control", 2, {"", "cpu", "cpu memory io"}, {"+cpu", "-cpu", "CPU", "cpu,io"}},
	{"cgroup.type", 2, {"threaded"}, {"domain", "domain threaded", "domain invalid", ""}},
	{"cpuset.cpus.partition", 2, {"member", "root", "isolated"},
		{"root invalid", "root invalid (why)", "0"}},
	{"freezer.state", 1, {"FROZEN", "THAWED"}, {"FREEZING", "frozen", ""}},
	{"blkio.throttle.read_bps_device", 1,
		{"", "8:0 1048576", "8:0 1\n8:16 2", "8:0 0", "8:0 9223372036854775808"},
		{"8:0", "8 1", "8:0 -1", "sda 1", "8:0 1\n8:0 2", "8:0 1 2", "8:0 max", ":0 1", "8:* 1",
			"4294967296:0 1"}},
	{"io.weight", 2, {"default 100", "default 100\n8:0 200", "100", "8:0 default"},
		{"default", "default 0", "8:0 10001", "sda 1", "default 1\ndefault 2", "default default"}},
	{"io.max", 2, {"", "8:0 rbps=2 wbps=max", "8:0 rbps=max wbps=max riops=2 wiops=18446744073709551614"},
		{"8:0", "8:0 rbps=0", "8:0 rbps=1", "8:0 rbps=18446744073709551615", "8:0 rbps", "8:0 xbps=1",
			"8:0 rbps=-1", "8:0 rbps="}},
	{"io.latency", 2, {"8:0 target=75000", "8:0 target=0"}, {"8:0 target=max", "8:0 latency=1"}},
	{"rdma.max", 2, {"mlx4_0 hca_handle=2 hca_object=max"}, {"mlx4_0 hca=2", "mlx4_0"}},
	{"misc.max", 2, {"sev 10", "sev max", "sev 0"}, {"sev", "sev -1", "sev min"}},
	{"net_prio.ifpriomap", 1, {"lo 0\neth0 5", "eth0 4294967295"},
		{"eth0", "eth0 4294967296", "a/b 1", "interface_too_long 1"}},
	{"devices.list", 1, {"", "a *:* rwm", "c 1:3 rwm\nb 8:* r", "c *:* m"},
		{"a 1:3 rwm", "c 1:3", "c 1:3 x", "c 1:3 rr", "d 1:3 r", "c 13 r", "all", "ab 1:3 r"}},
	{"release_agent", 1, {"", "/sbin/agent -x"}, {NULL}},
	{"net_cls.classid", 1, {"0", "4294967295"}, {"4294967296", "0x100001"}},
};

static void values_are_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < CG_ARRAY_SIZE(check_cases); i++) {
		const struct check_case *c = &check_cases[i];
		const struct cg_knob *k = row(c->name, c->version);

		for (size_t j = 0; j < CG_ARRAY_SIZE(c->good) && c->good[j]; j++) {
			_cleanup_error_ struct cg_error *err = NULL;

			if (cg_value_check(k, c->name, cg_bytes_of(c->good[j]), &err) != 0)
				fail_msg("%s: %s", c->name, err->message);
		}
		for (size_t j = 0; j < CG_ARRAY_SIZE(c->bad) && c->bad[j]; j++) {
			_cleanup_error_ struct cg_error *err = NULL;

			if (cg_value_check(k, c->name, cg_bytes_of(c->bad[j]), &err) != -EINVAL)
				fail_msg("%s: \"%s\" was accepted", c->name, c->bad[j]);
			assert_non_null(err);
			assert_string_equal(err->knob, c->name);
			assert_int_equal(err->fault, CG_FAULT_USAGE);
		}
	}
}

static void nothing_else_is_written(void **state)
{
	static const char *const names[] = {"cgroup.kill", "memory.reclaim", "memory.current", "cgroup.procs",
		"memory.events", "cpu.pressure", "memory.peak", "cpu.weight.nice"};

	(void)state;
	for (size_t i = 0; i < CG_ARRAY_SIZE(names); i++) {
		_cleanup_error_ struct cg_error *err = NULL;

		assert_int_equal(cg_value_check(row(names[i], 2), names[i], CG_BYTES("1"), &err), -EINVAL);
		assert_non_null(strstr(err->message, "no setting"));
	}
}

static void nul_bytes_are_refused(void **state)
{
	_cleanup_error_ struct cg_error *a = NULL, *b = NULL, *c = NULL;

	(void)state;
	assert_int_equal(cg_value_check(NULL, "x.y", CG_BYTES("a\0b"), &a), -EINVAL);
	assert_int_equal(
		cg_value_check(row("release_agent", 1), "release_agent", CG_BYTES("a\0"), &b), -EINVAL);
	assert_int_equal(cg_value_check(row("pids.max", 1), "pids.max", CG_BYTES("1\0"), &c), -EINVAL);
	assert_int_equal(cg_value_check(NULL, "x.y", CG_BYTES("anything\nat all"), NULL), 0);
}

static void errors_tell_what_is_accepted(void **state)
{
	_cleanup_error_ struct cg_error *range = NULL, *words = NULL, *cut = NULL;
	char longer[200];

	(void)state;
	assert_int_equal(cg_value_check(row("cpu.weight", 2), "cpu.weight", CG_BYTES("0"), &range), -EINVAL);
	assert_string_equal(range->message, "\"0\" is not accepted, but a number from 1 to 10000");
	assert_int_equal(
		cg_value_check(row("freezer.state", 1), "freezer.state", CG_BYTES("x\n"), &words), -EINVAL);
	assert_string_equal(words->message, "\"x\\n\" is not accepted, but THAWED or FROZEN");
	memset(longer, 'x', sizeof(longer));
	assert_int_equal(cg_value_check(row("pids.max", 2), "pids.max",
				 (struct cg_bytes){longer, sizeof(longer)}, &cut),
		-EINVAL);
	assert_true(strlen(cut->message) < 160);
	assert_non_null(strstr(cut->message, "xx...\""));
}

struct same_case {
	const char *name;
	int version;
	uint64_t unit;
	const char *a, *b;
	bool same;
};

static const struct same_case same_cases[] = {
	{"memory.max", 2, 4096, "5000", "4096", true},
	{"memory.max", 2, 4096, "8192", "8191", false},
	{"memory.max", 2, 4096, "max", "9223372036854771712", true},
	{"memory.max", 2, 4096, "max", "4096", false},
	{"memory.limit_in_bytes", 1, 4096, "-1", "9223372036854771712", true},
	{"memory.limit_in_bytes", 1, 4096, "9223372036854710272", "9223372036854771712", true},
	{"memory.limit_in_bytes", 1, 4096, "-1", "1073741824", false},
	{"hugetlb.2MB.limit_in_bytes", 1, 2 << 20, "3145728", "2097152", true},
	{"hugetlb.2MB.limit_in_bytes", 1, 2 << 20, "-1", "9223372036852678656", true},
	{"pids.max", 2, 1, "max", "max", true},
	{"pids.max", 2, 1, "max", "4194304", false},
	{"pids.max", 2, 4096, "5", "6", false},
	{"cpu.cfs_quota_us", 1, 1, "-1", "-2", true},
	{"cpu.cfs_quota_us", 1, 1, "-1", "1000", false},
	{"cpu.uclamp.max", 2, 1, "50", "50.00", true},
	{"cpu.uclamp.max", 2, 1, "100", "max", true},
	{"cpu.uclamp.max", 2, 1, "50.1", "50.01", false},
	{"cpu.max", 2, 1, "max 100000", "max  100000", true},
	{"cpu.max", 2, 1, "50000 100000", "5000 10000", false},
	{"cpuset.cpus", 2, 1, "0-3", "0,1,2-3", true},
	{"cpuset.cpus", 2, 1, "0-3", "0-2", false},
	{"cpuset.cpus", 2, 1, "", "0", false},
	{"cgroup.subtree_control", 2, 1, "cpu io", "io cpu", true},
	{"cgroup.subtree_control", 2, 1, "cpu io", "io", false},
	{"io.max", 2, 1, "8:0 rbps=max wbps=5 riops=max wiops=max", "8:0 wbps=5", true},
	{"io.max", 2, 1, "8:0 rbps=max wbps=max riops=max wiops=max", "", true},
	{"io.max", 2, 1, "8:16 rbps=1\n8:0 wbps=2", "8:0 wbps=2\n8:16 rbps=1", true},
	{"io.max", 2, 1, "8:16 rbps=1", "8:0 rbps=1", false},
	{"io.max", 2, 1, "8:16 rbps=1", "8:16 rbps=2", false},
	{"io.max", 2, 1, "8:0 rbps=1 new=2", "8:0 rbps=1", false},
	{"io.latency", 2, 1, "8:0 target=0", "", true},
	{"io.weight", 2, 1, "default 100", "100", true},
	{"io.weight", 2, 1, "default 100\n8:0 50", "8:0 50\ndefault 100", true},
	{"io.weight", 2, 1, "default 100\n8:0 50", "default 100", false},
	{"io.weight", 2, 1, "default 100\n8:0 default", "default 100", true},
	{"blkio.throttle.read_bps_device", 1, 1, "8:0 0", "", true},
	{"blkio.throttle.read_bps_device", 1, 1, "8:0 1", "", false},
	{"net_prio.ifpriomap", 1, 1, "lo 0\neth0 5", "eth0 5", true},
	{"misc.max", 2, 1, "sev max", "", true},
	{"misc.max", 2, 1, "sev 0", "", false},
	{"devices.list", 1, 1, "c 1:3 rwm\nb 8:0 r", "b 8:0 r\nc 1:3 mwr", true},
	{"devices.list", 1, 1, "c 1:3 rwm", "b 1:3 rwm", false},
	{"devices.list", 1, 1, "c 1:3 rwm", "c 1:3 rw", false},
	{"cpuset.cpus.partition", 2, 1, "root", "root invalid", false},
	{"release_agent", 1, 1, "/a", "/b", false},
	{"cpu.weight", 2, 1, "junk", "100", false},
	{"cpu.weight", 2, 1, "junk", "junk", true},
};

static void same_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < CG_ARRAY_SIZE(same_cases); i++) {
		const struct same_case *c = &same_cases[i];
		const struct cg_knob *k = row(c->name, c->version);

		if (cg_value_same(k, cg_bytes_of(c->a), cg_bytes_of(c->b), c->unit) != c->same ||
			cg_value_same(k, cg_bytes_of(c->b), cg_bytes_of(c->a), c->unit) != c->same)
			fail_msg("%s: \"%s\" and \"%s\"", c->name, c->a, c->b);
	}
	assert_true(cg_value_same(NULL, CG_BYTES("x"), CG_BYTES("x"), 1));
	assert_false(cg_value_same(NULL, CG_BYTES("x"), CG_BYTES("x "), 1));
}

struct order_case {
	const char *name;
	int version;
	const char *a, *b;
	int order;
};

static const struct order_case order_cases[] = {
	{"memory.max", 2, "4096", "max", -1},
	{"memory.max", 2, "8192", "4096", 1},
	{"memory.limit_in_bytes", 1, "-1", "9223372036854771712", 0},
	{"memory.limit_in_bytes", 1, "-1", "4096", 1},
	{"cpu.cfs_quota_us", 1, "-1", "100000", 1},
	{"cpu.max", 2, "max 100000", "100000 1000", 1},
	{"cpu.max", 2, "50000 100000", "5000 10000", 0},
	{"cpu.max", 2, "50000 100000", "5001 10000", -1},
	{"cpuset.cpus", 1, "0-1", "0-3", -1},
	{"cpuset.cpus", 1, "0-1", "1-2", 0},
	{"cpuset.cpus", 1, "", "1-2", -1},
	{"cpuset.cpus", 2, "", "1-2", 0},
	{"cpuset.cpu_exclusive", 1, "0", "1", -1},
	{"freezer.state", 1, "FROZEN", "THAWED", 0},
	{"memory.max", 2, "junk", "4096", 0},
};

static void strictness(void **state)
{
	(void)state;
	for (size_t i = 0; i < CG_ARRAY_SIZE(order_cases); i++) {
		const struct order_case *c = &order_cases[i];
		const struct cg_knob *k = row(c->name, c->version);

		if (cg_value_order(k, cg_bytes_of(c->a), cg_bytes_of(c->b)) != c->order ||
			cg_value_order(k, cg_bytes_of(c->b), cg_bytes_of(c->a)) != -c->order)
			fail_msg("%s: \"%s\" and \"%s\"", c->name, c->a, c->b);
	}
}

static void amounts(void **state)
{
	uint64_t n = 7;

	(void)state;
	assert_true(cg_value_amount(row("memory.max", 2), CG_BYTES("5000"), 4096, &n));
	assert_int_equal(n, 4096);
	assert_true(cg_value_amount(row("pids.max", 2), CG_BYTES("5000"), 4096, &n));
	assert_int_equal(n, 5000);
	assert_false(cg_value_amount(row("memory.max", 2), CG_BYTES("max"), 4096, &n));
	assert_false(
		cg_value_amount(row("memory.limit_in_bytes", 1), CG_BYTES("9223372036854771712"), 4096, &n));
	assert_false(cg_value_amount(row("cpuset.cpus", 2), CG_BYTES("5"), 1, &n));
	assert_false(cg_value_amount(NULL, CG_BYTES("5"), 1, &n));
	assert_int_equal(n, 5000);
}

struct word_case {
	const char *name;
	int version;
	const char *value, *words;
};

static const struct word_case word_cases[] = {
	{"memory.max", 2, "67108864", "64M"},
	{"memory.max", 2, "max", "unlimited"},
	{"memory.limit_in_bytes", 1, "9223372036854771712", "unlimited"},
	{"cpu.max", 2, "35000 100000", "35% of a cpu"},
	{"cpu.max", 2, "1250 10000", "12.5% of a cpu (period 10ms)"},
	{"cpu.max", 2, "250000 100000", "250% of a cpu"},
	{"cpu.max", 2, "max 100000", "unlimited"},
	{"cpu.cfs_quota_us", 1, "-1", "unlimited"},
	{"cpu.cfs_quota_us", 1, "50000", "50ms"},
	{"cpu.cfs_period_us", 1, "1000000", "1s"},
	{"cpu.rt_runtime_us", 1, "950", "950us"},
	{"cpu.uclamp.min", 2, "12.50", "12.5%"},
	{"cpu.uclamp.min", 2, "0.07", "0.07%"},
	{"cpu.weight.nice", 2, "-5", "-5"},
	{"cgroup.freeze", 2, "1", "on"},
	{"memory.oom_control", 1, "0", "off"},
	{"cpuset.cpus", 1, "0-3", "cpus 0-3"},
	{"cpuset.mems", 1, "", "none"},
	{"cpuset.mems", 2, "", "as the parent"},
	{"cgroup.subtree_control", 2, "", "none"},
	{"cgroup.subtree_control", 2, "cpu io", "cpu io"},
	{"io.max", 2,
		"8:0 rbps=1048576 wbps=max riops=max wiops=7\n8:16 rbps=max wbps=max riops=max wiops=max",
		"8:0 rbps=1M wiops=7"},
	{"io.max", 2, "", "none"},
	{"blkio.throttle.read_bps_device", 1, "8:0 1048576\n8:16 5", "8:0 1M, 8:16 5"},
	{"io.weight", 2, "default 100\n8:0 50", "default 100, 8:0 50"},
	{"devices.list", 1, "c 1:3 rwm\nb 8:0 r", "c 1:3 rwm, b 8:0 r"},
	{"freezer.state", 1, "FROZEN", "FROZEN"},
	{"memory.max", 2, "junk\x1b[1m\nx", "junk\\x1b[1m, x"},
	{"net_prio.ifpriomap", 1, "lo 0\neth0 5", "eth0 5"},
};

static void values_in_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < CG_ARRAY_SIZE(word_cases); i++) {
		const struct word_case *c = &word_cases[i];
		_cleanup_text_ struct cg_text t = {0};

		cg_value_describe(row(c->name, c->version), cg_bytes_of(c->value), &t);
		if (!t.data || strcmp(t.data, c->words) != 0)
			fail_msg("%s: \"%s\" is \"%s\"", c->name, c->value, t.data ? t.data : "");
	}
}

/* Collects "FILE<VALUE>" of each write. */
static int collect(void *context, const char *file, struct cg_bytes value)
{
	struct cg_text *t = context;

	cg_text_printf(t, "%s<", file);
	cg_text_escape(t, value);
	cg_text_addc(t, '>');
	return 0;
}

struct write_case {
	const char *name;
	int version;
	const char *from, *to, *writes;
	int result;
};

static const struct write_case write_cases[] = {
	{"cpu.weight", 2, "100", "200", "cpu.weight<200>", 0},
	{"cpu.weight", 2, NULL, "100", "", 0},
	{"cpu.weight", 2, "200", "100", "cpu.weight<100>", 0},
	{"memory.limit_in_bytes", 1, NULL, "9223372036854710272", "", 0},
	{"memory.limit_in_bytes", 1, "4096", "9223372036854710272", "memory.limit_in_bytes<-1>", 0},
	{"memory.max", 2, "4096", "max", "memory.max<max>", 0},
	{"memory.swappiness", 1, NULL, "60", "memory.swappiness<60>", 0},
	{"cpuset.cpus", 2, "0-1", "", "cpuset.cpus<\\n>", 0},
	{"cpuset.cpus", 2, NULL, "", "", 0},
	{"cgroup.subtree_control", 2, "cpu io", "io memory", "cgroup.subtree_control<-cpu +memory>", 0},
	{"cgroup.subtree_control", 2, NULL, "io cpu", "cgroup.subtree_control<+cpu +io>", 0},
	{"cgroup.subtree_control", 2, "io cpu", "cpu io", "", 0},
	{"cgroup.type", 2, "domain", "threaded", "cgroup.type<threaded>", 0},
	{"cgroup.type", 2, "domain", "domain threaded", "", 0},
	{"cgroup.type", 2, "threaded", "domain", "", -EINVAL},
	{"cpuset.cpus.partition", 2, "member", "root invalid", "cpuset.cpus.partition<root>", 0},
	{"cpuset.cpus.partition", 2, "root invalid", "root", "cpuset.cpus.partition<root>", 0},
	{"cpuset.cpus.partition", 2, "root", "root invalid", "", 0},
	{"memory.oom_control", 1, "0", "1", "memory.oom_control<1>", 0},
	{"freezer.state", 1, "THAWED", "FROZEN", "freezer.state<FROZEN>", 0},
	{"blkio.throttle.read_bps_device", 1, "8:0 1\n8:16 2", "8:16 3\n8:32 4",
		"blkio.throttle.read_bps_device<8:0 0>blkio.throttle.read_bps_device<8:16 3>blkio.throttle.read_bps_device<8:32 4>",
		0},
	{"io.max", 2, "8:0 rbps=1 wbps=2 riops=max wiops=max", "8:16 riops=5",
		"io.max<8:0 rbps=max wbps=max>io.max<8:16 riops=5>", 0},
	{"io.max", 2, "8:0 rbps=1 wbps=2 riops=max wiops=max", "8:0 rbps=1 wbps=max riops=7 wiops=max",
		"io.max<8:0 wbps=max riops=7>", 0},
	{"io.max", 2, NULL, "8:0 rbps=1 wbps=max riops=max wiops=max",
		"io.max<8:0 rbps=1 wbps=max riops=max wiops=max>", 0},
	{"io.max", 2, NULL, "8:0 rbps=max", "", 0},
	{"io.latency", 2, "8:0 target=75", "", "io.latency<8:0 target=0>", 0},
	{"io.weight", 2, NULL, "default 200\n8:0 50", "io.weight<default 200>io.weight<8:0 50>", 0},
	{"io.weight", 2, "default 200\n8:0 50", "default 100", "io.weight<default 100>io.weight<8:0 default>",
		0},
	/* The line for all keys takes the others along on some files. */
	{"io.weight", 2, "default 200\n8:0 50", "default 300\n8:0 50",
		"io.weight<default 300>io.weight<8:0 50>", 0},
	{"io.weight", 2, "default 200\n8:0 50\n8:16 5", "default 200\n8:0 60\n8:16 5", "io.weight<8:0 60>",
		0},
	{"io.weight", 2, "default 200", "8:0 50", "io.weight<default 100>io.weight<8:0 50>", 0},
	{"net_prio.ifpriomap", 1, NULL, "lo 0\neth0 5", "net_prio.ifpriomap<eth0 5>net_prio.ifpriomap<lo 0>",
		0},
	{"net_prio.ifpriomap", 1, "lo 0\neth0 3", "lo 0\neth0 5", "net_prio.ifpriomap<eth0 5>", 0},
	{"devices.list", 1, "a *:* rwm", "c 1:3 rwm", "devices.deny<a>devices.allow<c 1:3 rwm>", 0},
	{"devices.list", 1, NULL, "c 1:3 mr\nc 1:5 w",
		"devices.deny<a>devices.allow<c 1:3 rm>devices.allow<c 1:5 w>", 0},
	{"devices.list", 1, NULL, "", "devices.deny<a>", 0},
	{"devices.list", 1, "c 1:3 rw\nb 8:0 r", "c 1:3 wm\nc 1:9 r",
		"devices.allow<c 1:3 m>devices.allow<c 1:9 r>devices.deny<b 8:0 r>devices.deny<c 1:3 r>", 0},
	{"devices.list", 1, "c 1:3 rwm", "a *:* rwm", "devices.allow<a>", 0},
	{"devices.list", 1, "a *:* rwm", "a *:* rwm", "", 0},
	{"io.max", 2, "8:0", "8:0 rbps=1", "", -EINVAL},
	{"release_agent", 1, "/a", "", "release_agent<\\n>", 0},
};

static void writes_between_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < CG_ARRAY_SIZE(write_cases); i++) {
		const struct write_case *c = &write_cases[i];
		const struct cg_bytes from = c->from ? cg_bytes_of(c->from) : (struct cg_bytes){NULL, 0};
		_cleanup_text_ struct cg_text t = {0};
		int r = cg_value_writes(
			row(c->name, c->version), c->name, from, cg_bytes_of(c->to), collect, &t);

		if (r != c->result || strcmp(t.data ? t.data : "", c->writes) != 0)
			fail_msg("%s from \"%s\" to \"%s\": %d, %s", c->name, c->from ? c->from : "new",
				c->to, r, t.data);
	}
}

static int stop(void *context, const char *file, struct cg_bytes value)
{
	(void)file;
	(void)value;
	++*(int *)context;
	return 42;
}

static void a_write_that_fails_ends_it(void **state)
{
	int calls = 0;

	(void)state;
	assert_int_equal(cg_value_writes(row("io.weight", 2), "io.weight", CG_BYTES("default 1\n8:0 5"),
				 CG_BYTES("default 2\n8:0 6"), stop, &calls),
		42);
	assert_int_equal(calls, 1);
}

static int list_key(void *context, struct cg_bytes key, struct cg_bytes line)
{
	cg_text_printf(context, "[%.*s|%.*s]", (int)key.len, key.data, (int)line.len, line.data);
	return 0;
}

/* 8:0 becomes 9:1, 8:16 is left out. */
static int map_device(void *context, struct cg_bytes key, struct cg_bytes *ret_key)
{
	(void)context;
	if (cg_bytes_is(key, "8:16"))
		return -ENODEV;
	if (!cg_bytes_is(key, "8:0"))
		return 0;
	*ret_key = CG_BYTES("9:1");
	return 1;
}

static void check_keys(const char *name, int version, const char *value, const char *keys, const char *mapped)
{
	_cleanup_text_ struct cg_text k = {0}, m = {0};

	assert_int_equal(cg_value_each_key(row(name, version), cg_bytes_of(value), list_key, &k), 0);
	assert_string_equal(k.data ? k.data : "", keys);
	assert_int_equal(cg_value_map_keys(row(name, version), cg_bytes_of(value), map_device, NULL, &m), 0);
	assert_string_equal(m.data ? m.data : "", mapped);
}

static void keys(void **state)
{
	(void)state;
	check_keys("io.max", 2, "8:0 rbps=1 wbps=2\n8:16 rbps=3\n8:32 wiops=1",
		"[8:0|8:0 rbps=1 wbps=2][8:16|8:16 rbps=3][8:32|8:32 wiops=1]",
		"9:1 rbps=1 wbps=2\n8:32 wiops=1");
	check_keys("io.weight", 2, "default 100\n8:0 50", "[8:0|8:0 50]", "default 100\n9:1 50");
	check_keys("devices.list", 1, "c 8:0 rwm\nb 8:* r\na *:* rwm\nb 8:16 r",
		"[8:0|c 8:0 rwm][8:16|b 8:16 r]", "c 9:1 rwm\nb 8:* r\na *:* rwm");
	check_keys("cpu.max", 2, "max 100000", "", "max 100000");
	check_keys("io.max", 2, "", "", "");
	check_keys("blkio.throttle.read_bps_device", 1, "strange\n8:0 5", "[8:0|8:0 5]", "strange\n9:1 5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_are_cut_out),
		cmocka_unit_test(values_are_checked),
		cmocka_unit_test(nothing_else_is_written),
		cmocka_unit_test(nul_bytes_are_refused),
		cmocka_unit_test(errors_tell_what_is_accepted),
		cmocka_unit_test(same_values),
		cmocka_unit_test(strictness),
		cmocka_unit_test(amounts),
		cmocka_unit_test(values_in_words),
		cmocka_unit_test(writes_between_values),
		cmocka_unit_test(a_write_that_fails_ends_it),
		cmocka_unit_test(keys),
	};

	return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
