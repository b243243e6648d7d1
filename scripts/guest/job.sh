# shellcheck shell=bash disable=SC2154,SC2034 # variables: run
# job.sh - packs what the guest shall do, and with which files, into the first disk; see inside/pid1 for the format.
# Uses the choices of run: carried, variables, modules, script, command, work.

header() { printf '%-512s' "$1"; } # a disk block of text

carry() { # SRC[:DST]
  local from=${1%%:*} to='' file
  [[ $1 == *:* ]] && to=${1#*:}
  if [ ! -e "$from" ]; then
    file=$(PATH=$PATH:/usr/sbin:/sbin type -P -- "$from") || die "cannot carry $from: there is no such file"
    from=$file
  fi
  [ -n "$to" ] || to=$(realpath -s -- "$from")
  [[ $to == */ ]] && to+=$(basename -- "$from")
  [[ $to == /* ]] || die "cannot carry $from to $to: not an absolute path"
  to=$stage$(guest_path "$to")
  mkdir -p "${to%/*}" || exit 125
  if [ -d "$from" ]; then
    if ! mkdir -p "$to" || ! cp -a -- "$from/." "$to/"; then die "cannot carry $from"; fi
  else
    cp -L --preserve=mode,timestamps -- "$from" "$to" || die "cannot carry $from"
  fi
  while IFS= read -r -d '' file; do
    if is_elf "$file"; then copy_libraries "$file" "$stage" || die "cannot carry $file"; fi
  done < <(find -L "$from" -type f \( -perm /111 -o -name '*.so*' \) -print0)
}

quote() { printf "'%s'" "${1//\'/\'\\\'\'}"; }

# make_job: the contents of the first disk behind its header.
make_job() {
  local entry
  stage=$work/stage
  mkdir -p "$stage/job" "$stage/etc"
  for entry in "${carried[@]}"; do carry "$entry"; done
  # Libraries lie at the paths that they have here, so the loader finds them by the same list.
  [ "${#carried[@]}" -eq 0 ] || [ ! -f /etc/ld.so.cache ] || cp /etc/ld.so.cache "$stage/etc/" || exit 125
  {
    for entry in "${variables[@]}"; do printf 'export %s=%s\n' "${entry%%=*}" "$(quote "${entry#*=}")"; done
    if [ -n "$script" ]; then
      printf '%s\n' "$script"
    else
      printf 'exec'
      for entry in "${command[@]}"; do printf ' %s' "$(quote "$entry")"; done
      echo
    fi
  } >"$stage/job/cmd"
  [ -z "$modules" ] || echo "$modules" >"$stage/job/modules"
  {
    header WAIT
    (cd "$stage" && find . -mindepth 1 -print0 | cpio -0 -o -H newc --quiet -R 0:0)
  } >"$work/job" || die "cannot pack what is carried"
  rm -rf "$stage"
  job_size=$(stat -c %s "$work/job")
}
