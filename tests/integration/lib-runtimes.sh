# shellcheck shell=sh disable=SC2154
# What the tests of container runtimes share, beside lib.sh: the guest alone is theirs. Sourced by each, after lib.sh.

[ -e /tests/runtimes.tar ] || {
	echo "for the guest alone: containers and their runtimes are made and unpacked in the root"
	exit 77
}
tar -x -f /tests/runtimes.tar -C / || exit 1

# The program where the files that are installed say it is.
program=$(sed -n 's/.*"path": "\(.*\)",/\1/p' /tests/share/cgtree.json)
mkdir -p "${program%/*}" /usr/libexec/cgtree
ln -sf "$CGTREE" "$program"
cp /tests/share/runc /usr/libexec/cgtree/runc
chmod +x /usr/libexec/cgtree/runc

# rootfs DIR: a root that a container can live in.
rootfs() {
	mkdir -p "$1/bin" "$1/proc" "$1/sys" "$1/dev" "$1/tmp"
	cp /usr/bin/busybox "$1/bin/"
	for name in sh sleep cat; do
		ln -s busybox "$1/bin/$name"
	done
	# The main process starts two others and waits; somebody reads from /ready when all three run.
	echo 'sleep 100000 & sleep 100000 & echo up >/ready; wait' >"$1/body"
	mkfifo "$1/ready"
}

# wait_ready DIR: until the container in that root has said so.
wait_ready() {
	[ "$(timeout 20 cat "$1/ready")" = up ]
}

# quiet COMMAND...: without our files as its standard streams, which criu would find in the container and cannot dump.
quiet() {
	"$@" </dev/null >/dev/null 2>&1
}

# groups PATH: the container's group in each hierarchy where it is.
groups() {
	for place in $PLACES; do
		[ ! -d "$place$1" ] || echo "$place$1"
	done
}

# has_tasks N PATH: in each hierarchy where the group is, it holds so many processes, none of them below it.
has_tasks() {
	found=
	for group in $(groups "$2"); do
		found=1
		[ "$(wc -l <"$group/cgroup.procs")" = "$1" ] || return 1
	done
	[ -n "$found" ]
}

# as_one PATH: all settings, owners and attributes of the groups there, without their name.
as_one() {
	# shellcheck disable=SC2046 # paths without spaces
	snapshot $(groups "$1") | sed "s:$1:/NAME:g"
}
