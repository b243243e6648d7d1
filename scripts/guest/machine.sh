# shellcheck shell=bash disable=SC2154,SC2034,SC2054 # variables: run; commas: QEMU
# machine.sh - the emulated machine and the snapshots of its booted state.
#
# QEMU runs in a folder of its own, where its disks and channels have fixed names (see inside/pid1 for their use):
# job, result, scratch, disk-SERIAL; console, stdout, stderr, control. A snapshot is the saved state of a guest that has booted
# and waits for a job; its name in the cache carries a hash of all that the state depends on.
# Uses the choices of run: release, image, root, layout, memory, processors, scratch, disks, counted, work.

QEMU="qemu-system-x86_64"
BOOT_LIMIT=120 # seconds for a guest to boot and become idle
SAVE_LIMIT=60  # seconds to save its state
DISK_SIZE=8G   # of the (sparse) job and result disks: the most that can be carried either way

# A guest under TCG reads the host's time stamp counter. Telling its kernel the rate spares it the calibration,
# which goes badly wrong when the host is busy.
tsc_khz() {
  local file khz
  file=$GUEST_CACHE/tsc_khz-$(cpu_identity | hash_of_input)
  if [ ! -s "$file" ]; then
    khz=$(dmesg 2>/dev/null | sed -n 's/.*tsc: Detected \([0-9]*\)\.\([0-9]\{3\}\) MHz.*/\1\2/p' | head -n 1)
    [ -n "$khz" ] || khz=$(cat /sys/devices/system/cpu/cpu0/cpufreq/base_frequency 2>/dev/null)
    [ -n "$khz" ] || khz=$(awk -F: '/^cpu MHz/ { printf "%d", $2 * 1000; exit }' /proc/cpuinfo)
    [ -n "$khz" ] || die "cannot find out the rate of the time stamp counter"
    if ! echo "$khz" >"$work/tsc_khz" || ! mv "$work/tsc_khz" "$file"; then die "cannot write $file"; fi
  fi
  cat "$file"
}

cpu_identity() { sed -n '/^model name/p; /^flags/{p;q}' /proc/cpuinfo; }

set_kernel_arguments() {
  local khz=1000000 # of a clock that counts instructions
  [ -n "$counted" ] || khz=$(tsc_khz) || exit 125
  boot="console=ttyS0 quiet panic=-1 reboot=t psi=1 hugepages=8 nokaslr mitigations=off"
  boot+=" tsc=reliable tsc_early_khz=$khz lpj=$((khz * 4)) no_timer_check cryptomgr.notests random.trust_cpu=on"
  boot+=" rcupdate.rcu_expedited=1 audit=0"
  [ -z "$systemd" ] || boot+=" guest.systemd systemd.show_status=0 systemd.log_level=warning $(systemd_layout)"
}

# The hierarchies that systemd shall mount; they are made at boot, so the snapshot is of one layout.
systemd_layout() {
  case $layout in
  v2) echo "systemd.unified_cgroup_hierarchy=1" ;;
  v1) echo "systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1" ;;
  hybrid) echo "systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=0" ;;
  esac
}

# set_machine: QEMU's arguments. File names are relative to the folder it runs in, so that they are the same for
# every run and the snapshot's name can depend on all of them.
set_machine() {
  local disk=if=none,format=raw,cache=unsafe,file.locking=off,discard=unmap part
  machine=("$QEMU" -M "pc,hpet=off,usb=off,vmport=off" -accel tcg,thread=single -cpu max -m "$memory" -smp "$processors"
    -no-user-config -nodefaults -display none -no-reboot
    -global PIIX4_PM.acpi-pci-hotplug-with-bridge-support=off -global PIIX4_PM.acpi-root-pci-hotplug=off
    -global PIIX4_PM.disable_s3=1 -global PIIX4_PM.disable_s4=1
    -chardev file,id=console,path=console -serial chardev:console
    -chardev file,id=stdout,path=stdout -device isa-serial,chardev=stdout,iobase=0x2f8,irq=3
    -chardev file,id=stderr,path=stderr -device isa-serial,chardev=stderr,iobase=0x3e8,irq=5
    -chardev file,id=control,path=control -device isa-serial,chardev=control,iobase=0x2e8,irq=7)
  [ -z "$counted" ] || machine+=(-icount shift=0,sleep=off)
  for part in job result scratch; do
    machine+=(-drive "$disk,id=$part,file=$part" -device "virtio-blk-pci,drive=$part")
  done
  if [ -n "$systemd" ]; then
    machine+=(-drive "if=none,format=raw,readonly=on,file.locking=off,id=root,file=$root" -device "virtio-blk-pci,drive=root")
  fi
  # shellcheck disable=SC2086 # words
  for part in $disks; do
    machine+=(-drive "$disk,id=disk-$part,file=disk-$part" -device "virtio-blk-pci,drive=disk-$part,serial=$part")
  done
  machine+=(-kernel "$KERNELS/$release/vmlinux" -initrd "$image" -append "$boot")
}

# snapshot_path: the cache's name of the snapshot, from all that a saved state depends on.
snapshot_path() {
  local key
  key=$({ printf '%s\n' "${machine[@]}" "$scratch"; "$QEMU" --version; cpu_identity; } | hash_of_input)
  echo "$GUEST_CACHE/snapshots/$release-$memory-$processors-$key"
}

# QEMU does not outlive this script: the kernel ends it when the script dies, whatever that died of.
start_qemu() { # ARG...
  setpriv --pdeathsig KILL -- "${machine[@]}" "$@" <&0 & # else the shell gives it /dev/null
  qemu=$!
}

stop_qemu() {
  [ -n "$qemu" ] || return 0
  kill -KILL "$qemu" 2>/dev/null
  wait "$qemu" 2>/dev/null
  qemu=
}

# wait_for_end SECS: wait until QEMU ends, but not longer; fails if it has not ended.
wait_for_end() {
  local timer who=
  setpriv --pdeathsig KILL -- sleep "$1" >/dev/null 2>&1 &
  timer=$!
  wait -n -p who "$qemu" "$timer" 2>/dev/null
  [ "${who:-}" = "$qemu" ] || return 1
  qemu=
  kill "$timer" 2>/dev/null
  wait "$timer" 2>/dev/null
  return 0
}

make_disks() {
  local part
  rm -f result
  truncate -s "$DISK_SIZE" job result || die "cannot make the disks in $PWD"
  rm -f scratch
  truncate -s "$scratch" scratch || die "cannot make the scratch disk in $PWD"
  # shellcheck disable=SC2086 # words
  for part in $disks; do
    truncate -s 64M "disk-$part" || die "cannot make the disk $part in $PWD"
  done
}

# make_snapshot PATH: boot a guest without a job and save its state. Fails, saying why, if that does not work.
make_snapshot() {
  [ ! -f "$1" ] || return 0
  prune "$GUEST_CACHE/snapshots"
  local folder status
  folder=$(mktemp -d "$GUEST_CACHE/snapshots/tmp.XXXXXX") || return 1
  (
    cd "$folder" || exit 1
    # shellcheck disable=SC2030 # its own guest, which ends with the subshell
    qemu=
    trap stop_qemu EXIT
    boot_and_save
  ) && mv "$folder/state" "$1"
  status=$?
  [ "$status" -eq 0 ] || { say "no snapshot could be made"; tail -n 15 "$folder/console" "$folder/monitor.log" >&2; }
  rm -rf "$folder"
  return "$status"
}

boot_and_save() {
  local control monitor line='' deadline=$((SECONDS + BOOT_LIMIT))
  header WAIT >job
  make_disks
  mkfifo control monitor
  exec {control}<>control {monitor}<>monitor
  start_qemu -monitor stdio <monitor >monitor.log 2>&1 {control}>&- {monitor}>&-
  until [ "${line%$'\r'}" = READY ]; do
    # shellcheck disable=SC2031 # the subshell is this one
    if [ "$SECONDS" -ge "$deadline" ] || ! kill -0 "$qemu"; then return 1; fi
    read -r -t 1 -u "$control" line
  done
  printf 'migrate_set_parameter max-bandwidth 100G\nmigrate "exec:cat > state"\ninfo migrate\nquit\n' >&"$monitor"
  wait_for_end "$SAVE_LIMIT" || return 1
  grep -q 'Migration status: completed' monitor.log && [ -s state ]
}
