# shellcheck shell=sh disable=SC2034,SC2154
# What the tests of migration share: a job in groups of its own in every hierarchy, real criu, and what the kernel says afterwards. They run in the guest alone. Sourced by each, after
# tests/integration/lib.sh.
#
#   /TOP            limits; no tasks
#     lead          the leader, 4 MiB
#     a/deep        a child, 16 MiB; a limit at a
#     b             a child, 8 MiB; another owner, attributes
#     cold          a child that is frozen
#     t             a process with two threads, which are in t/one and t/two
#     empty         nobody; limits

# shellcheck source=../integration/lib.sh
. /tests/integration/lib.sh
[ -e /tests/migration ] || exit 2 # a job of fixed names and ids is for the guest alone
TOP=migrant
IMG=$WORK/img
FIRST_ID=20000

if [ -n "$V2" ] && grep -qw memory "$V2/cgroup.controllers"; then LAYOUT=v2; else LAYOUT=v1; fi

# set_value FILE VALUE: a setting of a group, which must take.
set_value() {
	echo "$2" >"$1" || fail "cannot write $2 to $1"
}

# A device for io limits.
null_device() {
	[ -e /sys/block/nullb0/dev ] || modprobe null_blk nr_devices=1
	cat /sys/block/nullb0/dev
}

groups_v2() {
	mkdir "$V2/$TOP"
	j=$V2/$TOP
	# A controller without a resource here (rdma, misc) is passed on like the others.
	controllers=$(cat "$j/cgroup.controllers")
	for c in $controllers; do echo "+$c" >"$j/cgroup.subtree_control"; done
	mkdir "$j/lead" "$j/a" "$j/b" "$j/cold" "$j/empty" "$j/t"
	for c in memory pids cpu io; do echo "+$c" >"$j/a/cgroup.subtree_control"; done
	mkdir "$j/a/deep" "$j/t/one" "$j/t/two"
	set_value "$j/t/one/cgroup.type" threaded
	set_value "$j/t/two/cgroup.type" threaded
	for c in cpu pids; do echo "+$c" >"$j/t/cgroup.subtree_control"; done
	set_value "$j/memory.max" 300M
	set_value "$j/memory.swap.max" 64M
	set_value "$j/memory.swap.high" 32M
	set_value "$j/pids.max" 40
	set_value "$j/cpu.weight" 250
	set_value "$j/a/memory.max" 80M
	set_value "$j/a/memory.high" 70M
	set_value "$j/a/deep/memory.min" 1M
	set_value "$j/a/deep/memory.low" 2M
	set_value "$j/a/deep/memory.oom.group" 1
	set_value "$j/a/deep/pids.max" 3
	set_value "$j/b/cpu.max" "90000 100000"
	set_value "$j/b/cpu.max.burst" 20000
	set_value "$j/b/cpuset.cpus" 0
	set_value "$j/b/cpuset.mems" 0
	set_value "$j/b/io.weight" 300
	set_value "$j/b/io.max" "$(null_device) rbps=1048576 wiops=120"
	set_value "$j/empty/hugetlb.2MB.max" 4M
	set_value "$j/empty/pids.max" 7
	set_value "$j/empty/cgroup.max.depth" 2
	set_value "$j/empty/cgroup.max.descendants" 5
	set_value "$j/t/one/cpu.weight" 50
	set_value "$j/t/two/pids.max" 2
}

# v1: the same groups in each hierarchy, with what its controllers have.
groups_v1() {
	for p in $PLACES; do
		j=$p/$TOP
		mkdir "$j"
		for g in lead a a/deep b cold empty t t/one t/two; do mkdir "$j/$g"; done
		if [ -e "$j/cpuset.cpus" ]; then
			for g in . lead a a/deep b cold empty t t/one t/two; do
				set_value "$j/$g/cpuset.cpus" 0
				set_value "$j/$g/cpuset.mems" 0
			done
		fi
		if [ -e "$j/memory.limit_in_bytes" ]; then
			set_value "$j/memory.limit_in_bytes" 300M
			set_value "$j/a/memory.limit_in_bytes" 80M
			set_value "$j/a/deep/memory.soft_limit_in_bytes" 40M
			set_value "$j/b/memory.swappiness" 10
		fi
		if [ -e "$j/pids.max" ]; then
			set_value "$j/pids.max" 40
			set_value "$j/a/deep/pids.max" 3
			set_value "$j/empty/pids.max" 7
			set_value "$j/t/two/pids.max" 2
		fi
		if [ -e "$j/cpu.shares" ]; then
			set_value "$j/cpu.shares" 2048
			set_value "$j/b/cpu.cfs_quota_us" 90000
			set_value "$j/t/one/cpu.shares" 512
		fi
		if [ -e "$j/blkio.throttle.read_bps_device" ]; then
			set_value "$j/b/blkio.throttle.read_bps_device" "$(null_device) 1048576"
		fi
		if [ -e "$j/devices.list" ]; then
			set_value "$j/b/devices.deny" a
			set_value "$j/b/devices.allow" "c 1:3 rwm"
			set_value "$j/b/devices.allow" "c 1:5 r"
		fi
		if [ -e "$j/net_cls.classid" ]; then set_value "$j/b/net_cls.classid" 1048577; fi
		if [ -e "$j/net_prio.ifpriomap" ]; then set_value "$j/empty/net_prio.ifpriomap" "lo 5"; fi
		if [ -e "$j/hugetlb.2MB.limit_in_bytes" ]; then set_value "$j/empty/hugetlb.2MB.limit_in_bytes" 4M; fi
	done
}

# Where owners and attributes are, and the group that is frozen.
marks() {
	for p in $PLACES; do
		[ -d "$p/$TOP" ] || continue
		chown -R 1000:1000 "$p/$TOP/b"
		chmod 0750 "$p/$TOP/b"
		setfattr -n user.note -v "of $p" "$p/$TOP/b"
		setfattr -n trusted.note -v deep "$p/$TOP/a/deep"
	done
}

# group PATH: the group's directory in each hierarchy, joined by +.
group() {
	all=
	for p in $PLACES; do
		[ ! -d "$p/$TOP" ] || all="$all+$p/$TOP/$1"
	done
	echo "${all#+}"
}

freeze_cold() {
	if [ "$LAYOUT" = v2 ]; then set_value "$V2/$TOP/cold/cgroup.freeze" 1; else set_value "$(v1 freezer)/$TOP/cold/freezer.state" FROZEN; fi
}

# start_job: the groups, and the job in them. $LEAD is the leader, $WORK/ids has everybody, a process a line.
start_job() {
	if [ -z "$(places_of_job)" ]; then
		"groups_$LAYOUT"
		marks
	fi
	echo "$FIRST_ID" >/proc/sys/kernel/ns_last_pid
	child "$TOOLS/migrant" "$WORK/ids" "$(group lead):4" "$(group a/deep):16" "$(group b):8" "$(group cold):1" "$(group t):1@$(group t/one)@$(group t/two)"
	"$TOOLS/spawner" await "$WORK/ids" || fail "the job did not start"
	read -r LEAD _ <"$WORK/ids"
	freeze_cold
}

# What a test that broke off has left would hold its groups.
end_job() {
	status=$?
	[ ! -e "$WORK/ids" ] || while read -r id _; do kill -9 "$id" 2>/dev/null; done <"$WORK/ids"
	(exit "$status")
	finish
}
trap end_job EXIT

places_of_job() {
	for p in $PLACES; do
		[ ! -d "$p/${1:-$TOP}" ] || echo "$p/${1:-$TOP}"
	done
}

# look FILE [NAME]: everything about the job's groups into FILE.settings and FILE.members, with NAME in the place of its own.
look() {
	for d in $(places_of_job "${2-}"); do snapshot "$d"; done | sed "s,/${2:-$TOP}\\([/ :]\\),/$TOP\\1," >"$1.settings"
	for d in $(places_of_job "${2-}"); do membership "$d"; done | sed "s,/${2:-$TOP}/,/$TOP/," | LC_ALL=C sort >"$1.members"
}

# gone: all of the job has ended.
gone() {
	while read -r id _; do
		"$TOOLS/migrant" gone "$id" || fail "process $id did not end"
	done <"$WORK/ids"
}

remove_job() {
	for d in $(places_of_job "${1-}"); do remove_group "$d"; done
}

# charged DIR MIB: memory of at least so many MiB is charged to this group itself.
charged() {
	for file in "$1/memory.current" "$1/memory.usage_in_bytes"; do
		[ ! -e "$file" ] || {
			used=$(cat "$file")
			if [ "$used" -ge $(($2 * 1048576)) ]; then ok; else fail "$file is $used, less than $2 MiB"; fi
			return
		}
	done
	fail "$1 has no memory controller"
}

memory_place() {
	if [ "$LAYOUT" = v2 ]; then echo "$V2"; else v1 memory; fi
}

# ends_well: everybody finds its memory as it left it.
ends_well() {
	if [ "$LAYOUT" = v2 ]; then echo 0 >"$V2/$1/cold/cgroup.freeze"; else echo THAWED >"$(v1 freezer)/$1/cold/freezer.state"; fi
	kill -USR1 "$LEAD" || fail "the leader is not there"
	gone
}

# the_same BEFORE AFTER WHAT: two looks agree.
the_same() {
	same "$1.settings" "$2.settings" "$3: groups and settings"
	same "$1.members" "$2.members" "$3: who is where"
}

nothing_left() {
	for d in /run/cgtree/*; do
		[ ! -e "$d" ] || fail "$1: $d is left"
	done
	for p in $PLACES; do
		[ ! -d "$p/${2:-$TOP}" ] || fail "$1: $p/${2:-$TOP} is left"
	done
	ok
}
