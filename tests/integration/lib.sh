# shellcheck shell=sh disable=SC2034
# What the integration tests share: they run natively on this host's own hierarchies, as they are, and in the guest on others. Sourced by each.
#
# Given by the environment: CGTREE (the program), TOOLS (folder of the tests' programs). A test makes groups only below a top of its own, named by $TOP in each hierarchy of $PLACES, and all of it is removed
# at its end, whatever happens.

set -u
: "${CGTREE:?the program under test}" "${TOOLS:?the folder of test programs}"
TOP=cgt-test-$(basename "$0" | tr -dc a-z)-$$
WORK=$(mktemp -d)
CHECKS=0
FAILURES=0
SKIPPED=0
CHILDREN=

[ "$(id -u)" = 0 ] || {
	echo "needs root: cgroups are made"
	exit 77
}

# Mount points of every hierarchy of this host, and the v2 one.
PLACES=$(awk '$3 == "cgroup" || $3 == "cgroup2" { if (!seen[$1 $3 $4]++) print $2 }' /proc/self/mounts)
V2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
[ -n "$PLACES" ] || {
	echo "no cgroup hierarchy is mounted here"
	exit 77
}

# v1 CONTROLLER: the mount point of that v1 hierarchy, or nothing.
v1() {
	awk -v want="$1" '$3 == "cgroup" && ("," $4 ",") ~ ("," want ",") { print $2; exit }' /proc/self/mounts
}

# has_v2 CONTROLLER: whether groups of ours get it on v2.
has_v2() {
	[ -n "$V2" ] && grep -qw -- "$1" "$V2/cgroup.subtree_control"
}

# remove_group DIR: it and all below, once their last tasks have let go.
remove_group() {
	[ -d "$1" ] || return 0
	find "$1" -depth -type d -exec rmdir {} + 2>/dev/null && return 0
	find "$1" -depth -type d | while IFS= read -r group; do
		tries=0
		until rmdir "$group" 2>/dev/null; do
			[ -d "$group" ] || break
			tries=$((tries + 1))
			[ "$tries" -lt 1000 ] || {
				echo "cannot remove $group: $(cat "$group/cgroup.procs" 2>/dev/null | tr '\n' ' ')"
				break
			}
			usleep 10000 2>/dev/null || sleep 0.01
		done
	done
}

remove_all() {
	for place in $PLACES; do
		# Thaw and free what is ours, so that it can end.
		if [ -e "$place/$TOP/cgroup.freeze" ]; then
			find "$place/$TOP" -name cgroup.freeze | while read -r f; do echo 0 >"$f"; done 2>/dev/null
		elif [ -e "$place/$TOP/freezer.state" ]; then
			find "$place/$TOP" -name freezer.state | while read -r f; do echo THAWED >"$f"; done 2>/dev/null
		fi
	done
	for child in $CHILDREN; do
		kill -9 "$child" 2>/dev/null
	done
	for child in $CHILDREN; do
		wait "$child" 2>/dev/null
	done
	for place in $PLACES; do
		for group in "$place/$TOP" "$place/$TOP".*; do
			remove_group "$group"
		done
	done
}

finish() {
	status=$?
	trap - EXIT
	remove_all
	rm -rf "$WORK"
	[ "$status" = 0 ] || exit "$status"
	echo "$CHECKS checks, $FAILURES failed, $SKIPPED parts skipped"
	[ "$FAILURES" = 0 ] || exit 1
	[ "$CHECKS" -gt 0 ] || exit 77
	exit 0
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

ok() {
	CHECKS=$((CHECKS + 1))
}

fail() {
	CHECKS=$((CHECKS + 1))
	FAILURES=$((FAILURES + 1))
	echo "FAILED: $*"
}

# skip REASON: a part that this host cannot do; said and counted.
skip() {
	SKIPPED=$((SKIPPED + 1))
	echo "skipped: $*"
}

# expect STATUS WHAT COMMAND...: runs it, keeps $OUT (stdout) and $ERR (stderr), checks its exit status.
OUT=$WORK/out
ERR=$WORK/err
expect() {
	expect_want=$1
	expect_what=$2
	shift 2
	expect_got=0
	"$@" >"$OUT" 2>"$ERR" || expect_got=$?
	if [ "$expect_got" = "$expect_want" ]; then
		ok
		return 0
	fi
	fail "$expect_what: status $expect_got instead of $expect_want: $*"
	sed 's/^/    out: /' "$OUT" | head -n 20
	sed 's/^/    err: /' "$ERR" | head -n 20
	return 1
}

# says FILE PATTERN WHAT: a line of the file matches.
says() {
	if grep -Eq -- "$2" "$1"; then
		ok
	else
		fail "$3: no line like \"$2\" in:"
		sed 's/^/    /' "$1" | head -n 20
	fi
}

# same A B WHAT: two files are equal.
same() {
	if cmp -s "$1" "$2"; then
		ok
	else
		fail "$3:"
		diff "$1" "$2" | head -n 20 | sed 's/^/    /'
	fi
}

# is FILE VALUE: an interface file reads so.
is() {
	value=$(cat "$1" 2>&1)
	if [ "$value" = "$2" ]; then
		ok
	else
		fail "$1 is \"$value\" instead of \"$2\""
	fi
}

# snapshot DIR...: everything about groups that a person could look at, read by find, stat, grep and getfattr alone: names, owners, modes, attributes, and the values of all files that keep settings
# (readable and writable; not tasks, not counters). Independent of the program. A few processes for a whole tree, for in the guest each of them takes its time. A frozen v1 group may say FREEZING for
# a while, which is the same.
snapshot() {
	for dir; do
		[ -d "$dir" ] || {
			echo "$dir: absent"
			continue
		}
		find "$dir" -type d -exec stat -c '== %n %u:%g %a' {} + | LC_ALL=C sort
		find "$dir" -type f -exec stat -c '%n %u:%g %a' {} + | LC_ALL=C sort
		# Settings can be read and written; the rules of v1 devices are written elsewhere.
		find "$dir" -type f \( -perm -0600 -o -name devices.list \) \( -name cgroup.pressure -o ! -name '*.pressure' \) ! -name '*.peak' ! -name '*failcnt' ! -name '*usage_in_bytes' \
			! -name cgroup.procs ! -name cgroup.threads ! -name tasks ! -name cgroup.event_control ! -name 'cpuacct.usage*' ! -name '*.current' ! -name '*.stat' ! -name '*.events' \
			! -name '*.force_empty' -exec grep -H '' {} + 2>&1 |
			sed -e '/memory.oom_control:under_oom/d' -e '/memory.oom_control:oom_kill /d' -e 's/FREEZING/FROZEN/' | LC_ALL=C sort
		getfattr -R -P -h --absolute-names -d -m '^(user|trusted)\.' "$dir" 2>/dev/null || :
	done
}

# membership DIR...: which thread is in which group, read by grep.
membership() {
	for dir; do
		find "$dir" -type f \( -name tasks -o -name cgroup.threads \) -exec grep -H . {} +
	done | LC_ALL=C sort
}

# child COMMAND...: starts a child process, remembered for the end; its id is in $CHILD.
child() {
	"$@" &
	CHILD=$!
	CHILDREN="$CHILDREN $CHILD"
}
