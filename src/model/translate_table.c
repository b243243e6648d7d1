/* The table of translations, data only: what a field means stands in translate.h. Every setting of either
 * version that the catalogue knows stands in one row, which a test looks after.
 *
 * Sources: Documentation/admin-guide/cgroup-v2.rst ("Deprecated v1 Core Features", "Issues with v1"), and
 * kernel/sched/core.c, mm/memcontrol*.c, block/blk-throttle.c, kernel/cgroup/cpuset*.c of 6.1 to 6.18. */
#include "model/translate.h"

#include <string.h>

#include "base/attributes.h"

static const char *const frozen_v1[] = {"THAWED", "FROZEN", NULL};
static const char *const frozen_v2[] = {"0", "1", NULL};
static const char *const exclusive_v1[] = {"0", "1", "0", NULL};
static const char *const exclusive_v2[] = {"member", "root", "isolated", NULL};

#define V1(...)  .knob[0] = {__VA_ARGS__}
#define V2(...)  .knob[1] = {__VA_ARGS__}
#define WHY(s)   .why = (s)
#define EXACT(f) .class = CG_TRANSLATION_EXACT, .form = CG_FORM_##f
#define LOSSY(f) .class = CG_TRANSLATION_LOSSY, .form = CG_FORM_##f
#define NONE     .class = CG_TRANSLATION_NONE, .form = CG_FORM_NONE
#define SAME(n)                                                                                              \
	{                                                                                                    \
		V1(n), V2(n), EXACT(SAME), WHY("the other version takes other values")                       \
	}

const struct cg_translation cg_translations[] = {
	/* cpu */
	{V1("cpu.shares"), V2("cpu.weight"), EXACT(CPU_WEIGHT),
		WHY("the two scales do not have the same steps and ends")},
	{V1("cpu.cfs_quota_us", "cpu.cfs_period_us"), V2("cpu.max"), EXACT(QUOTA),
		WHY("the other version takes other values")},
	{V1("cpu.cfs_burst_us"), V2("cpu.max.burst"), EXACT(SAME),
		WHY("the other version takes other values")},
	SAME("cpu.idle"),
	SAME("cpu.uclamp.min"),
	SAME("cpu.uclamp.max"),
	{V1("cpu.rt_runtime_us"), NONE, WHY("v2 has no budget for real-time tasks")},
	{V1("cpu.rt_period_us"), NONE, WHY("v2 has no budget for real-time tasks")},
	/* cpuset */
	SAME("cpuset.cpus"),
	SAME("cpuset.mems"),
	{V1("cpuset.cpu_exclusive"), V2("cpuset.cpus.partition"), LOSSY(WORDS),
		.words = {exclusive_v1, exclusive_v2},
		WHY("exclusive cpus are a partition on v2, which takes them from the parent; "
		    "v1 has no isolated one")},
	{V1("cpuset.memory_migrate"), EXACT(IMPLIED), WHY("v2 always moves pages along")},
	{V1("cpuset.mem_exclusive"), NONE, WHY("v2 has no exclusive memory nodes")},
	{V1("cpuset.mem_hardwall"), NONE, WHY("v2 does not bind kernel memory to nodes")},
	{V1("cpuset.memory_spread_page"), NONE, WHY("v2 does not spread pages; a memory policy can")},
	{V1("cpuset.memory_spread_slab"), NONE, WHY("v2 does not spread slab pages")},
	{V1("cpuset.sched_load_balance"), NONE,
		WHY("v2 balances over all cpus but those of isolated partitions")},
	{V1("cpuset.sched_relax_domain_level"), NONE, WHY("v2 has no such setting")},
	{V1("cpuset.memory_pressure_enabled"), NONE, WHY("v2 tells pressure otherwise, and always")},
	{V2("cpuset.cpus.exclusive"), NONE, WHY("v1 has no cpus reserved for partitions below")},
	/* memory */
	{V1("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"), V2("memory.max", "memory.swap.max"),
		EXACT(MEMORY), WHY("v1 limits memory and swap together: swap alone has no limit there")},
	{V1("memory.soft_limit_in_bytes"), V2("memory.low", "memory.high"), LOSSY(SOFT),
		WHY("a soft limit says what is reclaimed first, low what is reclaimed last, high where tasks "
		    "are slowed")},
	{V1("memory.oom_control"), NONE, WHY("v2 cannot let tasks wait when memory is out")},
	{V1("memory.swappiness"), NONE, WHY("v2 has one swappiness for the host, in /proc/sys/vm")},
	{V1("memory.use_hierarchy"), NONE, WHY("v2 always charges the groups above, too")},
	{V1("memory.move_charge_at_immigrate"), NONE, WHY("v2 leaves charges where they were made")},
	{V1("memory.kmem.limit_in_bytes"), NONE, WHY("v2 counts kernel memory within memory.max")},
	{V1("memory.kmem.tcp.limit_in_bytes"), NONE, WHY("v2 counts TCP buffers within memory.max")},
	{V1("memory.shown_ram_in_bytes"), NONE, WHY("it is an addition of some vendors' kernels")},
	{V2("memory.min"), NONE, WHY("v1 protects no memory from reclaim")},
	{V2("memory.swap.high"), NONE, WHY("v1 does not slow tasks down")},
	{V2("memory.zswap.max"), NONE, WHY("v1 has no limit of compressed swap")},
	{V2("memory.zswap.writeback"), NONE, WHY("v1 cannot keep compressed swap off the disk")},
	{V2("memory.oom.group"), NONE, WHY("v1 kills one task at a time")},
	/* io */
	{V1("blkio.throttle.read_bps_device", "blkio.throttle.write_bps_device",
		 "blkio.throttle.read_iops_device", "blkio.throttle.write_iops_device"),
		V2("io.max"), EXACT(THROTTLE), WHY("the other version takes other values")},
	{V1("blkio.weight", "blkio.weight_device"), V2("io.weight"), LOSSY(IO_WEIGHT),
		WHY("the weights are those of two schedulers, on two scales")},
	{V1("blkio.bfq.weight", "blkio.bfq.weight_device"), V2("io.bfq.weight"), EXACT(BFQ_WEIGHT),
		WHY("the other version takes other values")},
	{V1("blkio.prio.class"), V2("io.prio.class"), EXACT(SAME),
		WHY("the other version takes other values")},
	{V1("blkio.leaf_weight"), NONE, WHY("v2 has no tasks beside child groups")},
	{V1("blkio.leaf_weight_device"), NONE, WHY("v2 has no tasks beside child groups")},
	{V2("io.latency"), NONE, WHY("v1 aims at no latency")},
	{V2("io.cost.qos"), NONE, WHY("v1 has no model of costs")},
	{V2("io.cost.model"), NONE, WHY("v1 has no model of costs")},
	/* single resources */
	SAME("pids.max"),
	SAME("rdma.max"),
	SAME("misc.max"),
	SAME("dmem.max"),
	SAME("dmem.low"),
	SAME("dmem.min"),
	{V1("hugetlb.*.limit_in_bytes"), V2("hugetlb.*.max"), EXACT(SAME),
		WHY("the other version takes other values")},
	{V1("hugetlb.*.rsvd.limit_in_bytes"), V2("hugetlb.*.rsvd.max"), EXACT(SAME),
		WHY("the other version takes other values")},
	{V1("freezer.state"), V2("cgroup.freeze"), EXACT(WORDS), .words = {frozen_v1, frozen_v2},
		WHY("the other version takes other values")},
	{V1("devices.list"), LOSSY(RULES),
		WHY("v2 has no such file: a BPF program decides, which is made of these rules")},
	{V1("net_cls.classid"), NONE, WHY("v2 marks no packets; filters can match the group's path")},
	{V1("net_prio.ifpriomap"), NONE, WHY("v2 sets no priorities; filters can match the group's path")},
	/* the core */
	{V1("tasks"), V2("cgroup.threads"), EXACT(OWNER), WHY("it is a membership file")},
	{V1("cgroup.procs"), V2("cgroup.procs", "cgroup.subtree_control"), EXACT(OWNER),
		WHY("it is a membership file; v1 has no file for enabling controllers")},
	{V1("notify_on_release"), NONE, WHY("v2 runs no agent; cgroup.events tells when a group is empty")},
	{V1("release_agent"), NONE, WHY("v2 runs no agent")},
	{V1("cgroup.clone_children"), NONE, WHY("v2 copies nothing to a new group")},
	{V2("cgroup.max.depth"), NONE, WHY("v1 does not limit the number of groups")},
	{V2("cgroup.max.descendants"), NONE, WHY("v1 does not limit the number of groups")},
	{V2("cgroup.pressure"), NONE, WHY("v1 accounts no pressure")},
};

const size_t cg_translation_count = CG_ARRAY_SIZE(cg_translations);

const struct cg_translation *cg_translation_find(const struct cg_knob *knob, int version, unsigned *ret_index)
{
	for (size_t i = 0; knob && i < cg_translation_count; i++)
		for (unsigned k = 0; k < CG_TRANSLATION_KNOBS; k++) {
			const char *name = cg_translations[i].knob[version - 1][k];

			if (!name || strcmp(name, knob->name) != 0)
				continue;
			*ret_index = k;
			return &cg_translations[i];
		}
	return NULL;
}

const struct cg_dialect cg_dialects[] = {
	{"kernel", CG_WEIGHT_RATIO, true, 2, 262144,
		"Linux, kernel/sched/core.c: sched_weight_to_cgroup() and sched_weight_from_cgroup()"},
	{"systemd", CG_WEIGHT_RATIO, false, 2, 262144,
		"systemd 252, src/core/cgroup.c: cgroup_cpu_shares_to_weight() and cgroup_cpu_weight_to_shares()"},
	{"oci", CG_WEIGHT_CURVE, false, 2, 262144,
		"runc 1.3.2, crun 1.23 and later: ConvertCPUSharesToCgroupV2Value()"},
	{"oci-linear", CG_WEIGHT_LINEAR, false, 2, 262144,
		"runc before 1.3.2, crun before 1.23, the kubelet: 1 + ((shares - 2) * 9999) / 262142"},
};

const size_t cg_dialect_count = CG_ARRAY_SIZE(cg_dialects);
