/*
 * The system calls that the injector knows by name: one row each, with the place of the file it works on and
 * the errors that fit. Rows of calls that this architecture lacks are left out by the preprocessor. A call
 * without a row is counted too; it is then named by its number.
 */
#include "inject_calls.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

/* clang-format off */
#define FAILS(name, shape, ...) { SYS_##name, #name, shape, false, { __VA_ARGS__ } },
#define EXEMPT(name, shape)     { SYS_##name, #name, shape, true, { 0 } },

static const struct call call_table[] = {
	FAILS(openat, SHAPE_AT, EPERM, EMFILE, EINTR)
	FAILS(openat2, SHAPE_AT, EPERM, EMFILE, EINTR)
	FAILS(read, SHAPE_FD, EIO, EINTR)
	FAILS(pread64, SHAPE_FD, EIO, EINTR)
	FAILS(readv, SHAPE_FD, EIO, EINTR)
	FAILS(write, SHAPE_FD, ENOSPC, EBUSY, EIO, EPERM, EINTR)
	FAILS(pwrite64, SHAPE_FD, ENOSPC, EBUSY, EIO, EPERM, EINTR)
	FAILS(writev, SHAPE_FD, ENOSPC, EBUSY, EIO, EPERM, EINTR)
	FAILS(mkdirat, SHAPE_AT, ENOSPC, EPERM, EIO, ENOMEM)
	FAILS(unlinkat, SHAPE_AT, EBUSY, EPERM, EIO)
	FAILS(renameat2, SHAPE_RENAME_AT, ENOSPC, EBUSY, EIO, EPERM)
	FAILS(linkat, SHAPE_RENAME_AT, ENOSPC, EPERM, EIO)
	FAILS(symlinkat, SHAPE_TO_AT, ENOSPC, EPERM, EIO)
	FAILS(mknodat, SHAPE_AT, ENOSPC, EPERM, EIO)
	FAILS(readlinkat, SHAPE_AT, EIO, ENOMEM)
	FAILS(faccessat, SHAPE_AT, EIO, ENOMEM)
	FAILS(fchown, SHAPE_FD, EPERM, EIO)
	FAILS(fchownat, SHAPE_AT, EPERM, EIO)
	FAILS(fchmod, SHAPE_FD, EPERM, EIO)
	FAILS(fchmodat, SHAPE_AT, EPERM, EIO)
	FAILS(utimensat, SHAPE_AT, EPERM, EIO)
	FAILS(fsetxattr, SHAPE_FD_NAME, ENOSPC, EPERM, EIO)
	FAILS(setxattr, SHAPE_PATH_NAME, ENOSPC, EPERM, EIO)
	FAILS(lsetxattr, SHAPE_PATH_NAME, ENOSPC, EPERM, EIO)
	FAILS(fremovexattr, SHAPE_FD_NAME, EPERM, EIO)
	FAILS(removexattr, SHAPE_PATH_NAME, EPERM, EIO)
	FAILS(lremovexattr, SHAPE_PATH_NAME, EPERM, EIO)
	FAILS(fgetxattr, SHAPE_FD_NAME, EIO, EPERM)
	FAILS(getxattr, SHAPE_PATH_NAME, EIO, EPERM)
	FAILS(lgetxattr, SHAPE_PATH_NAME, EIO, EPERM)
	FAILS(flistxattr, SHAPE_FD, EIO, EPERM)
	FAILS(listxattr, SHAPE_PATH, EIO, EPERM)
	FAILS(llistxattr, SHAPE_PATH, EIO, EPERM)
	FAILS(fstat, SHAPE_FD, EIO, ENOMEM)
	FAILS(newfstatat, SHAPE_AT, EIO, ENOMEM)
	FAILS(statx, SHAPE_AT, EIO, ENOMEM)
	FAILS(statfs, SHAPE_PATH, EIO, EINTR)
	FAILS(fstatfs, SHAPE_FD, EIO, EINTR)
	FAILS(getdents64, SHAPE_FD, EIO, ENOMEM)
	FAILS(lseek, SHAPE_FD, EINVAL)
	FAILS(fsync, SHAPE_FD, EIO, ENOSPC, EINTR)
	FAILS(fdatasync, SHAPE_FD, EIO, ENOSPC, EINTR)
	FAILS(ftruncate, SHAPE_FD, EIO, EINTR, EPERM)
	FAILS(fallocate, SHAPE_FD, ENOSPC, EIO, EINTR)
	FAILS(sendfile, SHAPE_NONE, EIO, ENOMEM)
	FAILS(copy_file_range, SHAPE_FD, EIO, ENOSPC)
	FAILS(fcntl, SHAPE_FD, EINTR, EPERM)
	FAILS(flock, SHAPE_FD, EINTR, ENOLCK)
	FAILS(ioctl, SHAPE_FD, ENOTTY, EPERM)
	FAILS(dup, SHAPE_FD, EMFILE)
	FAILS(dup3, SHAPE_FD, EMFILE, EBUSY, EINTR)
	FAILS(pipe2, SHAPE_NONE, EMFILE)
	FAILS(chdir, SHAPE_PATH, EPERM, EIO)
	FAILS(fchdir, SHAPE_FD, EPERM, EIO)
	FAILS(getcwd, SHAPE_NONE, ENOMEM)
	FAILS(mmap, SHAPE_FD4, ENOMEM)
	FAILS(mremap, SHAPE_NONE, ENOMEM)
	FAILS(mprotect, SHAPE_NONE, ENOMEM)
	FAILS(clone, SHAPE_NONE, EAGAIN, ENOMEM)
	FAILS(clone3, SHAPE_NONE, EAGAIN, ENOMEM, EBUSY)
	FAILS(execve, SHAPE_PATH, EPERM, ENOMEM, EIO)
	FAILS(wait4, SHAPE_NONE, EINTR)
	FAILS(waitid, SHAPE_NONE, EINTR)
	FAILS(kill, SHAPE_NONE, EPERM)
	FAILS(tgkill, SHAPE_NONE, EPERM)
	FAILS(pidfd_open, SHAPE_NONE, EMFILE, ESRCH)
	FAILS(pidfd_send_signal, SHAPE_FD, EPERM, ESRCH)
	FAILS(setns, SHAPE_FD, EPERM, ENOMEM)
	FAILS(unshare, SHAPE_NONE, EPERM, ENOSPC, ENOMEM)
	FAILS(ppoll, SHAPE_NONE, EINTR, ENOMEM)
	FAILS(epoll_create1, SHAPE_NONE, EMFILE, ENOMEM)
	FAILS(epoll_ctl, SHAPE_FD, ENOSPC, ENOMEM)
	FAILS(epoll_pwait, SHAPE_FD, EINTR)
	FAILS(eventfd2, SHAPE_NONE, EMFILE, ENOMEM)
	FAILS(signalfd4, SHAPE_NONE, EMFILE, ENOMEM)
	FAILS(timerfd_create, SHAPE_NONE, EMFILE, ENOMEM)
	FAILS(timerfd_settime, SHAPE_FD, EINVAL)
	FAILS(inotify_init1, SHAPE_NONE, EMFILE, ENOMEM)
	FAILS(inotify_add_watch, SHAPE_FD_NAME, ENOSPC, ENOMEM)
	FAILS(socket, SHAPE_NONE, EMFILE, EPERM, ENOMEM)
	FAILS(bind, SHAPE_FD, EPERM, EADDRINUSE)
	FAILS(connect, SHAPE_FD, EPERM, EINTR, ECONNREFUSED)
	FAILS(sendto, SHAPE_FD, ENOBUFS, EINTR)
	FAILS(sendmsg, SHAPE_FD, ENOBUFS, EINTR)
	FAILS(recvfrom, SHAPE_FD, EINTR, ENOMEM)
	FAILS(recvmsg, SHAPE_FD, EINTR, ENOMEM)
	FAILS(getrandom, SHAPE_NONE, EINTR, EAGAIN)
	FAILS(nanosleep, SHAPE_NONE, EINTR)
	FAILS(clock_nanosleep, SHAPE_NONE, EINTR)
	FAILS(prctl, SHAPE_NONE, EPERM)
	FAILS(prlimit64, SHAPE_NONE, EPERM)
	FAILS(sysinfo, SHAPE_NONE, ENOMEM)
	FAILS(uname, SHAPE_NONE, EPERM)
	FAILS(sched_getaffinity, SHAPE_NONE, EPERM)
	FAILS(sched_setscheduler, SHAPE_NONE, EPERM)
	FAILS(bpf, SHAPE_NONE, EPERM, ENOMEM)
	FAILS(mount, SHAPE_PATH, EPERM, EBUSY)
	FAILS(umount2, SHAPE_PATH, EPERM, EBUSY)
#ifdef SYS_open
	FAILS(open, SHAPE_PATH, EPERM, EMFILE, EINTR)
	FAILS(creat, SHAPE_PATH, EPERM, EMFILE, ENOSPC)
	FAILS(stat, SHAPE_PATH, EIO, ENOMEM)
	FAILS(lstat, SHAPE_PATH, EIO, ENOMEM)
	FAILS(access, SHAPE_PATH, EIO, ENOMEM)
	FAILS(mkdir, SHAPE_PATH, ENOSPC, EPERM, EIO, ENOMEM)
	FAILS(rmdir, SHAPE_PATH, EBUSY, EPERM, EIO)
	FAILS(unlink, SHAPE_PATH, EBUSY, EPERM, EIO)
	FAILS(rename, SHAPE_RENAME, ENOSPC, EBUSY, EIO, EPERM)
	FAILS(readlink, SHAPE_PATH, EIO, ENOMEM)
	FAILS(chmod, SHAPE_PATH, EPERM, EIO)
	FAILS(chown, SHAPE_PATH, EPERM, EIO)
	FAILS(lchown, SHAPE_PATH, EPERM, EIO)
	FAILS(dup2, SHAPE_FD, EMFILE, EBUSY, EINTR)
	FAILS(pipe, SHAPE_NONE, EMFILE)
	FAILS(poll, SHAPE_NONE, EINTR, ENOMEM)
	FAILS(select, SHAPE_NONE, EINTR, ENOMEM)
	FAILS(epoll_wait, SHAPE_FD, EINTR)
	FAILS(fork, SHAPE_NONE, EAGAIN, ENOMEM)
	FAILS(vfork, SHAPE_NONE, EAGAIN, ENOMEM)
#endif
#ifdef SYS_renameat
	FAILS(renameat, SHAPE_RENAME_AT, ENOSPC, EBUSY, EIO, EPERM)
#endif
#ifdef SYS_faccessat2
	FAILS(faccessat2, SHAPE_AT, EIO, ENOMEM)
#endif
	EXEMPT(exit, SHAPE_NONE)
	EXEMPT(exit_group, SHAPE_NONE)
	EXEMPT(rt_sigreturn, SHAPE_NONE)
	EXEMPT(restart_syscall, SHAPE_NONE)
	EXEMPT(close, SHAPE_FD)
#ifdef SYS_close_range
	EXEMPT(close_range, SHAPE_NONE)
#endif
	EXEMPT(munmap, SHAPE_NONE)
	EXEMPT(brk, SHAPE_NONE)
	EXEMPT(madvise, SHAPE_NONE)
	EXEMPT(fadvise64, SHAPE_FD)
	EXEMPT(futex, SHAPE_NONE)
	EXEMPT(membarrier, SHAPE_NONE)
	EXEMPT(rt_sigaction, SHAPE_NONE)
	EXEMPT(rt_sigprocmask, SHAPE_NONE)
	EXEMPT(sigaltstack, SHAPE_NONE)
	EXEMPT(set_robust_list, SHAPE_NONE)
	EXEMPT(set_tid_address, SHAPE_NONE)
#ifdef SYS_rseq
	EXEMPT(rseq, SHAPE_NONE)
#endif
#ifdef SYS_arch_prctl
	EXEMPT(arch_prctl, SHAPE_NONE)
#endif
	EXEMPT(sched_yield, SHAPE_NONE)
	EXEMPT(clock_gettime, SHAPE_NONE)
	EXEMPT(gettimeofday, SHAPE_NONE)
	EXEMPT(umask, SHAPE_NONE)
	EXEMPT(getpid, SHAPE_NONE)
	EXEMPT(getppid, SHAPE_NONE)
	EXEMPT(gettid, SHAPE_NONE)
	EXEMPT(getuid, SHAPE_NONE)
	EXEMPT(geteuid, SHAPE_NONE)
	EXEMPT(getgid, SHAPE_NONE)
	EXEMPT(getegid, SHAPE_NONE)
};
/* clang-format on */

enum { CALL_COUNT = sizeof(call_table) / sizeof(call_table[0]) };

const struct call *call_by_number(long nr)
{
	for (size_t i = 0; i < CALL_COUNT; i++)
		if (call_table[i].nr == nr)
			return &call_table[i];
	return NULL;
}

const struct call *call_by_name(const char *name, size_t len)
{
	for (size_t i = 0; i < CALL_COUNT; i++)
		if (strlen(call_table[i].name) == len && memcmp(call_table[i].name, name, len) == 0)
			return &call_table[i];
	return NULL;
}

const struct call *call_at(size_t index)
{
	return index < CALL_COUNT ? &call_table[index] : NULL;
}
