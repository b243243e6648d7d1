# shellcheck shell=bash disable=SC2034 # variables: its callers
# lib.sh - what the guest scripts share: messages, the cache and its lock.
#
# Everything that can be made again (kernels, base images, snapshots) lives in one cache folder outside the
# checkout. A cache entry is built in a private folder beside it and renamed into place, so that whoever sees
# an entry sees all of it; its name carries a hash of what it was made from, so that it never goes stale.
# The caller sets PROG, the name that messages start with, before it sources this file.

GUEST_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 125
GUEST_CACHE=${CGTREE_GUEST_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/cgtree-guest}
KERNELS=$GUEST_CACHE/kernels
UNUSED_DAYS=14

say() { echo "$PROG: $*" >&2; }
die() { say "$@"; exit 125; }

# need COMMAND PACKAGE: fail with the Debian package to install when COMMAND is missing.
need() { command -v "$1" >/dev/null || die "$1 is missing: install the package $2"; }

make_cache() { mkdir -p "$KERNELS" "$GUEST_CACHE/base" "$GUEST_CACHE/snapshots" || die "cannot make $GUEST_CACHE"; }

# take_lock NAME: wait until nobody else on this machine has it. It ends with drop_lock, or with the process.
# (No function that runs another one under the lock: a caller that tests its status would turn `set -e` off in it.)
take_lock() {
  exec {lock}>"$GUEST_CACHE/$1.lock" || die "cannot open $GUEST_CACHE/$1.lock"
  flock "$lock" || die "cannot lock $GUEST_CACHE/$1.lock"
}

drop_lock() { exec {lock}>&-; }

# hash_of_input: a short hash of standard input, for names in the cache.
hash_of_input() { sha256sum | cut -c1-16; }

# prune FOLDER: drop what no run has used for a while (a run touches what it uses), and what builds left behind.
prune() {
  find "$1" -mindepth 1 -maxdepth 1 -mtime "+$UNUSED_DAYS" -exec rm -rf {} +
  find "$1" -mindepth 1 -maxdepth 1 -name 'tmp.*' -mmin +60 -exec rm -rf {} +
}

# kernel_release NAME: the newest stored release of a series ("6.1"), or the release itself; empty if there is none.
kernel_release() {
  local release found=
  if [ -f "$KERNELS/$1/vmlinux" ]; then
    echo "$1"
    return
  fi
  while read -r release; do
    [ -f "$KERNELS/$release/vmlinux" ] && found=$release
  done < <(find "$KERNELS" -mindepth 1 -maxdepth 1 -name "$1.*" -printf '%f\n' 2>/dev/null | sort -V)
  echo "$found"
}

# libraries_of FILE: the paths of the shared libraries and the loader that a dynamic ELF file needs.
# Fails, naming them, when some cannot be found; prints nothing for static files.
libraries_of() {
  local list
  list=$(LC_ALL=C ldd "$1" 2>/dev/null) || return 0
  if grep -q '=> not found' <<<"$list"; then
    say "$1 needs libraries that are not installed: $(sed -n 's/^[[:space:]]*\(.*\) => not found.*/\1/p' <<<"$list" | tr '\n' ' ')"
    return 1
  fi
  sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' <<<"$list"
}

# guest_path PATH: where a path of the host lies in the guest, whose /bin, /sbin and /lib* are links into /usr.
guest_path() {
  case $1 in
  /bin/* | /sbin/* | /lib/* | /lib64/*) echo "/usr$1" ;;
  *) echo "$1" ;;
  esac
}

is_elf() {
  local magic=
  LC_ALL=C IFS= read -rN4 magic 2>/dev/null <"$1"
  [ "$magic" = $'\x7fELF' ]
}

# copy_libraries FILE ROOT: put the libraries of FILE below ROOT, at the paths where the loader looks for them.
copy_libraries() {
  local list library to
  list=$(libraries_of "$1") || return 1
  for library in $list; do
    to=$2$(guest_path "$library")
    [ -e "$to" ] && continue
    if ! mkdir -p "${to%/*}" || ! cp -L "$library" "$to"; then return 1; fi
  done
}
