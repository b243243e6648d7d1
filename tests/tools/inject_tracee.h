#ifndef INJECT_TRACEE_H
#define INJECT_TRACEE_H

#include "inject_calls.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/types.h>

/* An address range of a traced process, `end` excluded; empty when both are equal. */
struct range {
	uint64_t start;
	uint64_t end;
};

/* What a thread stopped at a system call tells (ptrace(2), PTRACE_GET_SYSCALL_INFO): 0, or -errno. */
int tracee_call(pid_t tid, struct __ptrace_syscall_info *ret) __attribute__((warn_unused_result));

/* At the entry of a call: let the kernel not execute it. 0 or -errno. */
int tracee_suppress(pid_t tid) __attribute__((warn_unused_result));

/* At the entry of a call: replace its first argument. 0 or -errno. */
int tracee_set_first_argument(pid_t tid, uint64_t value) __attribute__((warn_unused_result));

/* At the exit of a call: put back what tracee_set_first_argument replaced, for the kernel promises the caller
 * that its argument registers stay. 0 or -errno. */
int tracee_restore_first_argument(pid_t tid, uint64_t value) __attribute__((warn_unused_result));

/* At the exit of a call: give it another result. 0 or -errno. */
int tracee_set_result(pid_t tid, int64_t value) __attribute__((warn_unused_result));

/* The file a call works on, as a path; for a call with two, `FROM -> TO`. NULL when it has none or the
 * process is gone. The caller frees it. */
char *tracee_target(pid_t tid, enum call_shape shape, const uint64_t args[6]);

/* The addresses of the dynamic linker in a process that has just executed a program; empty for a static
 * program. */
struct range tracee_linker(pid_t pid);

#endif
