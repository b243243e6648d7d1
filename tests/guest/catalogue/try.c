/* A sample and a row of odd values for every setting, each in a fresh group. Where kernel and catalogue may
 * rightly differ, a table says why. */
#include "try.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "guest/samples.h"
#include "model/value.h"

#define SEED 7

/* A value that the catalogue accepts and the kernel need not take. */
static const struct {
	const char *name;
	int version;       /* 0: both */
	const char *value; /* NULL: any */
	const char *reason;
} excused[] = {
	{"cpu.rt_runtime_us", 1, NULL, "the parent's real-time budget may be used up, or none"},
	{"cpu.cfs_burst_us", 1, "18446744073709551", "burst and quota together are bounded"},
	{"cpu.max.burst", 2, "18446744073709551", "burst and quota together are bounded"},
	{"cpuset.sched_relax_domain_level", 1, NULL, "how many levels there are depends on the machine"},
	{"cpuset.cpus", 0, NULL, "which cpus there are depends on the machine"},
	{"cpuset.cpus.exclusive", 0, NULL, "which cpus there are depends on the machine"},
	{"cpuset.mems", 0, NULL, "which nodes there are depends on the machine"},
	{"cpuset.cpus.partition", 2, NULL,
		"a partition needs cpus, and the kernel tells by the text whether it is valid"},
	{"memory.memsw.limit_in_bytes", 1, NULL, "may not be lower than memory.limit_in_bytes"},
	{"memory.swappiness", 1, "200", "100 is the most before 5.8"},
	{"cgroup.subtree_control", 2, NULL, "which controllers there are depends on the host"},
	{"release_agent", 1, NULL, "is in the root only"},
};

/* Samples that the kernel refuses where groups of others stand beside ours and have the same. */
static const char *const exclusive[] = {"cpuset.cpu_exclusive", "cpuset.mem_exclusive"};

/* What has to stand before a sample can be written. */
static const struct {
	const char *name;
	int version;
	const char *first, *value;
} before[] = {
	{"cpuset.cpus.partition", 2, "cpuset.cpus", "0"},
	{"cpuset.cpu_exclusive", 1, "cpuset.cpus", "0"},
	{"cpuset.mem_exclusive", 1, "cpuset.mems", "0"},
};

struct trial {
	const struct ground *ground;
	struct hierarchy *hierarchy;
	struct tally *tally;
	struct sample_host host;
	const struct cg_knob *knob;
	const char *name;
	int fd; /* of the group as it is now */
};

static const char *excuse(const struct trial *tr, struct cg_bytes value)
{
	if (tr->knob->flags & CG_KNOB_DEPRECATED)
		return "the kernel may ignore or refuse it";
	for (size_t i = 0; i < CG_ARRAY_SIZE(excused); i++)
		if (strcmp(excused[i].name, tr->name) == 0 &&
			(excused[i].version == 0 || excused[i].version == tr->hierarchy->version) &&
			(!excused[i].value || cg_bytes_is(value, excused[i].value)))
			return excused[i].reason;
	return NULL;
}

static int count_group(const char *name, unsigned char type, void *context)
{
	(void)name;
	*(unsigned *)context += type == DT_DIR;
	return 0;
}

static bool is_shared(const struct trial *tr)
{
	unsigned groups = 0;

	for (size_t i = 0; i < CG_ARRAY_SIZE(exclusive); i++)
		if (strcmp(exclusive[i], tr->name) == 0)
			return cg_dir_each(tr->hierarchy->root_fd, count_group, &groups) == 0 && groups > 1;
	return false;
}

/* The kernel keeps what it should not. */
static bool is_kernel_slip(const struct trial *tr)
{
	/* Bits above the 32nd are not looked at (mm/memcontrol.c, mem_cgroup_move_charge_write). */
	return strcmp(tr->name, "memory.move_charge_at_immigrate") == 0;
}

/* A group without a history. */
static int renew(struct trial *tr)
{
	int r;

	tr->fd = cg_close(tr->fd);
	r = group_remove(tr->ground, tr->hierarchy);
	if (r < 0)
		return r;
	tr->fd = group_make(tr->ground, tr->hierarchy);
	return tr->fd < 0 ? tr->fd : 0;
}

static int write_one(void *context, const char *file, struct cg_bytes value)
{
	const struct trial *tr = context;

	return cg_write_at(tr->fd, file, value);
}

static void report(struct trial *tr, struct cg_bytes value, const char *what, int code)
{
	_cleanup_text_ struct cg_text shown = {0};

	cg_text_escape(&shown, value);
	deviation(tr->tally, tr->hierarchy, tr->name, "\"%s\" %s%s%s", shown.data ? shown.data : "", what,
		code ? ": " : "", code ? strerror(code) : "");
}

/* The value is written by the writes that the catalogue gives for it, and must be there afterwards. For a
 * sample, which is to be legal on every machine, there are no excuses but deprecation and neighbours. */
static void try_good(struct trial *tr, struct cg_bytes current, struct cg_bytes value, bool sample)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_text_ struct cg_text was = {0};
	struct cg_bytes got;
	int r;

	cg_text_add(&was, current.data, current.len);
	tr->tally->values++;
	r = cg_value_writes(tr->knob, tr->name, (struct cg_bytes){was.data ? was.data : "", was.len}, value,
		write_one, tr);
	if (r == 0)
		r = setting_read(tr->knob, tr->name, tr->fd, &b, &got);
	if (r == 0 &&
		cg_value_same(tr->knob, got, value, cg_knob_unit(tr->knob, tr->name, tr->ground->page_size)))
		return;
	if (sample ? (tr->knob->flags & CG_KNOB_DEPRECATED) != 0 || is_shared(tr)
		   : excuse(tr, value) != NULL) {
		tr->tally->reasoned++;
		return;
	}
	if (r < 0) {
		report(tr, value, "is accepted by the catalogue, and not by the kernel", -r);
	} else {
		_cleanup_text_ struct cg_text read = {0};

		cg_text_adds(&read, "reads back as ");
		cg_text_escape(&read, got);
		report(tr, value, read.data ? read.data : "reads back otherwise", 0);
	}
}

/* The value is written as it stands, and must not be there afterwards. */
static void try_bad(struct trial *tr, struct cg_bytes value)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	struct cg_bytes got;
	const char *file = tr->knob->write_name ? tr->knob->write_name : tr->name;

	tr->tally->values++;
	if (value.len == 0 || cg_write_at(tr->fd, file, value) < 0)
		return;
	if (setting_read(tr->knob, tr->name, tr->fd, &b, &got) == 0 && cg_bytes_equal(got, value) &&
		!is_kernel_slip(tr))
		report(tr, value, "is refused by the catalogue, and kept by the kernel", 0);
}

static int write_before(struct trial *tr)
{
	for (size_t i = 0; i < CG_ARRAY_SIZE(before); i++)
		if (strcmp(before[i].name, tr->name) == 0 && before[i].version == tr->hierarchy->version) {
			int r = cg_write_at(tr->fd, before[i].first, cg_bytes_of(before[i].value));

			if (r < 0)
				return r;
		}
	/* What this one bounds must be lowered with it. */
	for (size_t i = 0; i < cg_knob_count; i++) {
		const struct cg_knob *lower = &cg_knob_table[i];
		_cleanup_text_ struct cg_text t = {0};
		const char *why;

		if (!lower->bound || strcmp(lower->bound, tr->name) != 0 ||
			lower->grammar != CG_GRAMMAR_BYTES)
			continue;
		if (sample_value(lower, lower->name, &tr->host, CG_BYTES(""), SEED, &t, &why)) {
			int r = cg_write_at(tr->fd, lower->name, (struct cg_bytes){t.data, t.len});

			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* Lets children have this group's controllers. In a threaded group they stay without those that cannot be
 * there. */
static int enable_all(const struct trial *tr)
{
	struct cg_bytes rest = cg_bytes_of(tr->hierarchy->controllers), word;
	int r = 0;

	while (r == 0 && tr->hierarchy->version == 2 && cg_bytes_word(&rest, &word)) {
		_cleanup_text_ struct cg_text t = {0};

		cg_text_printf(&t, "+%.*s", (int)word.len, word.data);
		r = t.failed
			    ? -ENOMEM
			    : cg_write_at(tr->fd, "cgroup.subtree_control", (struct cg_bytes){t.data, t.len});
		if (r == -EOPNOTSUPP || r == -ENOENT)
			r = 0;
	}
	return r;
}

/* The group holds a sample: a child made now must hold the same where the row says that it is inherited, and
 * otherwise a new group's value. */
static int try_child(struct trial *tr)
{
	_cleanup_buffer_ struct cg_buffer b = {0}, below = {0};
	_cleanup_text_ struct cg_text usual = {0};
	_cleanup_close_ int fd = -1;
	const uint64_t unit = cg_knob_unit(tr->knob, tr->name, tr->ground->page_size);
	struct cg_bytes here, there;
	int r;

	if (tr->knob->default_kind == CG_DEFAULT_UNKNOWN || tr->knob->phase == CG_PHASE_CONTROLLERS)
		return 0;
	r = enable_all(tr);
	if (r < 0)
		return r;
	if (mkdirat(tr->fd, "below", 0755) < 0)
		/* The sample may be a limit on groups. */
		return errno == EAGAIN ? 0 : -errno;
	fd = openat(tr->fd, "below", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? -errno : setting_read(tr->knob, tr->name, tr->fd, &b, &here);
	if (r == 0)
		r = setting_read(tr->knob, tr->name, fd, &below, &there);
	if (r == 0 && !cg_knob_default(tr->knob, tr->name, tr->ground->page_size, &usual))
		cg_text_add(&usual, here.data, here.len);
	if (r == 0 && !cg_value_same(tr->knob, cg_value_written(tr->knob, there),
			      (struct cg_bytes){usual.data ? usual.data : "", usual.len}, unit))
		report(tr, there, "is what a child has, the catalogue says otherwise", 0);
	tr->tally->children += r == 0;
	if (unlinkat(tr->fd, "below", AT_REMOVEDIR) < 0)
		return -errno;
	return r == -ENOENT ? 0 : r;
}

static int try_sample(struct trial *tr)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_text_ struct cg_text sample = {0};
	_cleanup_error_ struct cg_error *err = NULL;
	struct cg_bytes current, value;
	const char *why;
	int r = renew(tr);

	if (r == 0)
		r = write_before(tr);
	if (r == 0)
		r = setting_read(tr->knob, tr->name, tr->fd, &b, &current);
	if (r < 0)
		return r;
	tr->host.controllers = cg_bytes_of(tr->hierarchy->controllers);
	if (!sample_value(tr->knob, tr->name, &tr->host, current, SEED, &sample, &why)) {
		(void)printf("  no sample: %s %s: %s\n", tr->hierarchy->mount_point, tr->name, why);
		tr->tally->reasoned++;
		return 0;
	}
	value = (struct cg_bytes){sample.data ? sample.data : "", sample.len};
	tr->tally->written++;
	if (cg_value_check(tr->knob, tr->name, value, &err) < 0)
		report(tr, value, "is a sample that the catalogue refuses", 0);
	else
		try_good(tr, current, value, true);
	return try_child(tr);
}

/* Adds a key to values of keyed grammars. */
static void compose(const struct trial *tr, const char *odd, struct cg_text *t)
{
	const enum cg_grammar g = tr->knob->grammar;

	if (g == CG_GRAMMAR_KEYED || g == CG_GRAMMAR_NESTED)
		cg_text_printf(t, "%s ",
			tr->knob->key == CG_KEY_LINK ? "lo"
			: *tr->host.device           ? tr->host.device
						     : "8:0");
	if (g == CG_GRAMMAR_KEYED_DEFAULT)
		cg_text_adds(t, "default ");
	if (g == CG_GRAMMAR_NESTED)
		cg_text_printf(t, "%s=", tr->knob->words[0]);
	cg_text_adds(t, odd);
	if (g == CG_GRAMMAR_QUOTA)
		cg_text_adds(t, " 100000");
}

static int try_odd(struct trial *tr, const char *odd)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_text_ struct cg_text t = {0};
	_cleanup_error_ struct cg_error *err = NULL;
	struct cg_bytes current, value;
	int r = renew(tr);

	if (r == 0)
		r = setting_read(tr->knob, tr->name, tr->fd, &b, &current);
	if (r < 0)
		return r;
	compose(tr, odd, &t);
	value = (struct cg_bytes){t.data ? t.data : "", t.len};
	if (cg_value_check(tr->knob, tr->name, value, &err) == 0)
		try_good(tr, current, value, false);
	else
		try_bad(tr, value);
	return 0;
}

static int try_odds(struct trial *tr)
{
	static const char *const odds[] = {"", "0", "1", "2", "-1", "-2", "999", "1000", "1000000", "1000001",
		"max", "none", "0x10", "01", "1.5", "4096", "64M", "4194304", "2147483647",
		"9223372036854771712", "9223372036854775807", "9223372036854775808", "18446744073709551615",
		"18446744073709551616", "a b", "0-", "0,0"};
	const int64_t edges[] = {tr->knob->min - 1, tr->knob->min, tr->knob->max,
		tr->knob->max < INT64_MAX ? tr->knob->max + 1 : 0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < CG_ARRAY_SIZE(odds); i++)
		r = try_odd(tr, odds[i]);
	for (size_t i = 0; r == 0 && tr->knob->max > 0 && i < CG_ARRAY_SIZE(edges); i++) {
		char number[32];

		if (snprintf(number, sizeof(number), "%lld", (long long)edges[i]) >= (int)sizeof(number))
			return -EOVERFLOW;
		r = try_odd(tr, number);
	}
	return r;
}

static int try_file(struct trial *tr)
{
	int r = try_sample(tr);

	/* Odd values say nothing about keys that are not there, and a few files do things when written. */
	if (r == 0 && tr->knob->key != CG_KEY_OTHER)
		r = try_odds(tr);
	if (r < 0)
		deviation(tr->tally, tr->hierarchy, tr->name, "cannot be tried: %s", strerror(-r));
	return 0;
}

/* The settings of a group, by name. */
struct names {
	char name[128][128];
	size_t count;
};

static int collect(const char *name, unsigned char type, void *context)
{
	struct names *n = context;

	if (type == DT_DIR)
		return 0;
	if (n->count == CG_ARRAY_SIZE(n->name) || strlen(name) >= sizeof(n->name[0]))
		return -E2BIG;
	(void)strcpy(n->name[n->count++], name);
	return 0;
}

int try_hierarchy(const struct ground *g, struct hierarchy *h, struct tally *t)
{
	struct trial tr = {.ground = g, .hierarchy = h, .tally = t, .fd = -1};
	struct names names = {.count = 0};
	int r = sample_host_read(&tr.host), removed;

	if (r == 0)
		r = renew(&tr);
	if (r == 0)
		r = cg_dir_each(tr.fd, collect, &names);
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		tr.name = names.name[i];
		tr.knob = cg_knob_find(tr.name, h->version);
		if (tr.knob && tr.knob->kind == CG_KNOB_SETTING && !(tr.knob->flags & CG_KNOB_ALIAS))
			r = try_file(&tr);
	}
	tr.fd = cg_close(tr.fd);
	removed = group_remove(g, h);
	if (r < 0 || removed < 0)
		(void)fprintf(stderr, "catalogue: %s/%s: %s\n", h->mount_point, g->name,
			strerror(r < 0 ? -r : -removed));
	return r < 0 ? r : removed;
}
