# shellcheck shell=sh
# What the tests of the live manager share, on top of lib.sh: a manager of its own below /$TOP, with all that it keeps in $WORK.

CGTREE_SOCKET=$WORK/socket
export CGTREE_SOCKET
MANAGER=
FIFO=$WORK/said
mkfifo "$FIFO"
exec 9<>"$FIFO"

# end_jobs: nothing of ours is left to run, whatever happened.
end_jobs() {
	[ -z "$MANAGER" ] || kill -9 "$MANAGER" 2>/dev/null
	for place in $PLACES; do
		[ -d "$place/$TOP" ] || continue
		find "$place/$TOP" -name cgroup.freeze -exec sh -c 'echo 0 >"$1"' sh {} \; 2>/dev/null
		find "$place/$TOP" -name freezer.state -exec sh -c 'echo THAWED >"$1"' sh {} \; 2>/dev/null
		find "$place/$TOP" -name cgroup.procs -exec cat {} + 2>/dev/null | while read -r pid; do
			kill -9 "$pid" 2>/dev/null
		done
	done
}

finish_jobs() {
	status=$?
	end_jobs
	(exit "$status")
	finish
}
trap finish_jobs EXIT

# start_manager [OPTION...]: starts one and waits until it listens, or has said why not; $MANAGER is its id.
start_manager() {
	"$CGTREE" manager --root "/$TOP" --socket "$CGTREE_SOCKET" --run-dir "$WORK/run" --state-dir "$WORK/state" --log-dir "$WORK/log" --events-file "$WORK/events" "$@" 2>&9 9>&- &
	MANAGER=$!
	CHILDREN="$CHILDREN $MANAGER"
	await_manager
}

# await_manager: reads what it says until it listens, or has failed.
await_manager() {
	while IFS= read -r SAID <&9; do
		case $SAID in
		*"listens at"* | "cgtree: manager: "*) return ;;
		esac
	done
}

job() {
	"$CGTREE" job "$@"
}

# state ID: its state in one word.
state() {
	job inspect "$1" --json 2>/dev/null | sed -n 's/^ *"state": "\(.*\)",*$/\1/p'
}

# field ID NAME: a member of the job's JSON on one line of its own.
field() {
	job inspect "$1" --json 2>/dev/null | sed -n "s/^ *\"$2\": \"*\([^\",]*\)\"*,*\$/\1/p"
}

# equal GOT WANTED WHAT
equal() {
	if [ "$1" = "$2" ]; then
		ok
	else
		fail "$3: \"$1\" instead of \"$2\""
	fi
}

# member FILE: lines of /proc/PID/cgroup that lie in a job's group
group_of() {
	grep "/$TOP/jobs/" "/proc/$1/cgroup"
}
