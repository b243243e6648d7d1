/* The catalogue of interface files ("knobs"): everything that cgtree knows about any of them stands in one
 * table, knob_table.c, a row each. Dump, plan, apply, show, check and convert ask the table; none of them
 * knows a knob by name.
 *
 * Sources: Documentation/admin-guide/cgroup-v2.rst, Documentation/admin-guide/cgroup-v1/, and the kernel's
 * cftype arrays. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

enum cg_knob_kind {
	CG_KNOB_SETTING,    /* keeps what is written: dumped and restored */
	CG_KNOB_ACTION,     /* a write does something once (cgroup.kill): neither dumped nor restored */
	CG_KNOB_STATISTIC,  /* tells what is (usage, counters, effective values); a write, if any, resets */
	CG_KNOB_EVENT,      /* notifies (memory.events, *.pressure: a write arms a trigger) */
	CG_KNOB_MEMBERSHIP, /* lists tasks; a write moves one */
};

/* How a value is written. value.h works by it. */
enum cg_grammar {
	CG_GRAMMAR_NONE,          /* not a setting */
	CG_GRAMMAR_BOOL,          /* 0 or 1 */
	CG_GRAMMAR_NUMBER,        /* signed decimal within min..max; with MINUS_ONE also -1 */
	CG_GRAMMAR_NUMBER_MAX,    /* the same, or "max" */
	CG_GRAMMAR_BYTES,         /* bytes; with MINUS_ONE: -1 writes "unlimited", which reads as LONG_MAX
				   * rounded down to a unit */
	CG_GRAMMAR_BYTES_MAX,     /* bytes or "max" */
	CG_GRAMMAR_PERCENT_MAX,   /* 0 to 100 with at most two decimals, or "max" (cpu.uclamp.*) */
	CG_GRAMMAR_QUOTA,         /* "QUOTA PERIOD", QUOTA may be "max" (cpu.max) */
	CG_GRAMMAR_LIST,          /* cpu or node list: 0-3,8 */
	CG_GRAMMAR_CONTROLLERS,   /* words; written as +name -name (cgroup.subtree_control) */
	CG_GRAMMAR_WORD,          /* one of the row's words */
	CG_GRAMMAR_KEYED,         /* lines "KEY VALUE" (blkio.throttle.*, net_prio.ifpriomap, misc.max) */
	CG_GRAMMAR_NESTED,        /* lines "KEY sub=value ..." (io.max, io.latency, rdma.max) */
	CG_GRAMMAR_KEYED_DEFAULT, /* lines "default VALUE" and "KEY VALUE" (io.weight) */
	CG_GRAMMAR_DEVICE_RULES,  /* lines "a|b|c MAJ:MIN rwm" (devices.list) */
	CG_GRAMMAR_FLAG_LINE,     /* first line "name 0|1", statistics below (memory.oom_control); the
				   * setting is the flag alone */
	CG_GRAMMAR_TEXT,          /* anything; unknown files */
};

/* What the keys of a keyed grammar name, for they may be called otherwise on another host. */
enum cg_key {
	CG_KEY_NONE,
	CG_KEY_DEVICE, /* MAJ:MIN */
	CG_KEY_LINK,   /* interface name */
	CG_KEY_OTHER,  /* rdma device, misc resource, memory region */
};

/* The value a new group has. */
enum cg_default {
	CG_DEFAULT_FIXED,     /* default_value */
	CG_DEFAULT_INHERIT,   /* what the parent has at the moment of mkdir */
	CG_DEFAULT_UNLIMITED, /* v1 bytes: LONG_MAX rounded down to the unit (page, or huge page size) */
	CG_DEFAULT_UNKNOWN,   /* depends on the host or on other knobs: compare by reading */
};

/* When a setting is written, in this order. */
enum cg_phase {
	CG_PHASE_TYPE,        /* cgroup.type: before controllers and children's */
	CG_PHASE_CONTROLLERS, /* cgroup.subtree_control: before children exist */
	CG_PHASE_CREATE,      /* as soon as the group exists, before its children are made (devices, v1
			       * cpuset, inherited ones) */
	CG_PHASE_SETTINGS,    /* limits and weights: after the groups exist, before tasks */
	CG_PHASE_AFTER_TASKS, /* max.depth, max.descendants, notify_on_release */
	CG_PHASE_LAST,        /* freeze */
};

enum cg_knob_flag {
	CG_KNOB_V1 = 1 << 0,
	CG_KNOB_V2 = 1 << 1,
	CG_KNOB_ROOT_ONLY = 1 << 2,       /* exists in the hierarchy's root only */
	CG_KNOB_NON_ROOT = 1 << 3,        /* does not exist in the root */
	CG_KNOB_ALIAS = 1 << 4,           /* another view of a setting (cpu.weight.nice): read and shown,
					   * never written */
	CG_KNOB_DEPRECATED = 1 << 5,      /* accepted, ignored or refused according to the kernel: a
					   * refusal is said, not fatal */
	CG_KNOB_ENTRY_PER_WRITE = 1 << 6, /* one key or rule a write */
	CG_KNOB_UNIT_ROUNDED = 1 << 7,    /* the kernel rounds down to the unit (page or huge page) */
	CG_KNOB_LIMIT = 1 << 8,           /* lowering it below the present use reclaims, kills or is
					   * refused; `usage` tells the use */
	CG_KNOB_WITHIN_PARENT = 1 << 9,   /* a child's value is bounded by its parent's: raise top-down,
					   * lower bottom-up */
	CG_KNOB_OPTIONAL = 1 << 10,       /* depends on kernel configuration, boot options or hardware */
	CG_KNOB_DELEGATED = 1 << 11,      /* handed over with a delegated group (cgroup.procs,
					   * cgroup.threads, cgroup.subtree_control) */
	CG_KNOB_RETRY = 1 << 12,          /* EBUSY or EAGAIN passes: try again for a while */
	CG_KNOB_FIRST_WORDS = 1 << 13,    /* what follows " (" is an explanation, and what follows the row's
					   * word is the kernel's judgement: see cg_value_written() */
	CG_KNOB_PSI = 1 << 14,            /* only with pressure accounting */
	CG_KNOB_MINUS_ONE = 1 << 15,      /* -1 may be written and means: no limit */
	CG_KNOB_HINDERS = 1 << 16,        /* while it is tight, tasks cannot be made or get no room: who makes
					   * tasks anew in the group writes it when they are there. Limits
					   * (LIMIT) and what is written last hinder, too */
};

/* A row. What a field does not apply to has 0 or NULL there. */
struct cg_knob {
	const char *name;       /* with one '*' where a huge page size stands: hugetlb.*.max */
	const char *controller; /* as /proc/cgroups names it; "" for the core. v2's "io" is v1's "blkio" */
	enum cg_knob_kind kind;
	uint32_t flags;      /* enum cg_knob_flag */
	uint16_t mode;       /* permission bits of a new file: 0644, 0444, 0200; see cg_knob_mode() */
	uint16_t old_mode;   /* what they were on kernels before mode_since */
	uint32_t mode_since; /* CG_KERNEL(); 0: they never changed */
	enum cg_grammar grammar;
	enum cg_key key;
	enum cg_default default_kind;
	const char *default_value; /* FIXED; INHERIT: what a hierarchy's root starts with, or NULL */
	int64_t min, max; /* NUMBER*, KEYED*, NESTED: the accepted range of each number; QUOTA: of the quota;
			     max INT64_MAX: all that 64 bits hold; 0, 0 where the grammar needs none */
	const char *const *words; /* WORD: what may be written; NESTED: the sub-keys; NULL-terminated */
	const char *reset;        /* KEYED*, NESTED: the value that takes an entry (a sub-key) away; reading
				   * it says the same as its absence */
	const char *quantity; /* what numbers count, for people: "us", "bytes", "cpus", ...; NULL: plain */
	enum cg_phase phase;
	uint8_t order;         /* within a phase, lower first; `bound` and WITHIN_PARENT come before it */
	const char *read_name; /* the value is read from this file instead (freezer.state:
				* freezer.self_freezing), or NULL */
	const char *const *read_words; /* what 0, 1, ... of read_name mean for this knob, or NULL */
	const char *write_name;        /* rules are added by this file (devices.allow), or NULL */
	const char *clear_name;        /* and taken away by this one (devices.deny; "a": all), or NULL */
	const char *usage;     /* the statistic that tells the present use of what this one limits, or NULL */
	const char *masked_by; /* a bool knob of the same group; while it is 1 this one cannot be written and
				* is not compared (cpu.idle masks cpu.weight) */
	const char *bound; /* NULL, or a knob of the same group that must stay >= this one: when both rise,
			    * that one first; when both fall, this one first
			    * (memory.limit_in_bytes: memory.memsw.limit_in_bytes) */
	uint32_t since, until; /* kernel versions, CG_KERNEL(major, minor); 0: always; until is the first
				* version without it */
	const char *help;      /* one line for people: what it does, in which unit */
};

#define CG_KERNEL(major, minor) (((uint32_t)(major) << 16) | (uint32_t)(minor))

/* The table, sorted by name for the look-up; read-only. A name stands in two rows, one for each version, when
 * they differ. */
extern const struct cg_knob cg_knob_table[];
extern const size_t cg_knob_count;

/* The row of an interface file in a v1 or v2 hierarchy (version 1 or 2), or NULL when the catalogue does not
 * know it. Names of a huge page size match the row with the '*'. */
const struct cg_knob *cg_knob_find(const char *name, int version);

/* The setting of either version that begins most like a name that nobody knows, or NULL. */
const char *cg_knob_nearest(const char *name);

/* Whether any row of a version is of this controller. */
bool cg_knob_controller_exists(const char *controller, int version);
/* The row by which a controller is given a share of a cpu (cpu: cpu.max), or NULL: what "cpu=35%" means. */
const struct cg_knob *cg_knob_quota(const char *controller);
/* The setting whose rules this file adds or takes away (devices.allow: devices.list), or NULL. *ret_adds
 * tells which of the two. */
const struct cg_knob *cg_knob_rules(const struct cg_knob *file, bool *ret_adds);
/* What a version calls a controller that is given by either's name: "io" and "blkio", and on v2 "cpu" for
 * cpuacct. Empty where that version has none of the kind: on v2 freezing and the like belong to the core. */
struct cg_bytes cg_controller_name(struct cg_bytes name, int version);
/* Whether a hierarchy with this list of controllers ("cpu,cpuacct") has files of this row: the core's are in
 * every hierarchy. */
bool cg_knob_is_of(const struct cg_knob *knob, const char *controllers);

/* Whether some setting names this file as the one that tells its present use. */
bool cg_knob_tells_usage(const struct cg_knob *knob);

/* Whether a tight value stands in the way of making tasks anew: see CG_KNOB_HINDERS. */
bool cg_knob_hinders(const struct cg_knob *knob);

/* The permission bits that a new file has on this kernel (CG_KERNEL()). */
uint16_t cg_knob_mode(const struct cg_knob *knob, uint32_t kernel);

/* The unit that values of this file are rounded to: the page size, for hugetlb files the huge page size told
 * by the name; 1 when it has none. */
uint64_t cg_knob_unit(const struct cg_knob *knob, const char *name, uint64_t page_size);

/* The value a new group gives this file when it does not depend on other groups (FIXED, UNLIMITED): appended
 * to *t, true. False otherwise. */
bool cg_knob_default(const struct cg_knob *knob, const char *name, uint64_t page_size, struct cg_text *t);

/* The name with the '*' of a sibling row filled from `name`: ("hugetlb.*.current", "hugetlb.2MB.max") gives
 * hugetlb.2MB.current. A sibling without '*' is added as it is. */
void cg_knob_sibling(struct cg_text *t, const char *sibling, const char *name);
