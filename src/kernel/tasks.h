/* Tasks by /proc: who they are, so that a task recorded once is recognised later (pid and start time on the
 * same boot). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/fdio.h"

#define CG_NSPID_MAX 33 /* nested pid namespaces are at most 32 (pid_namespaces(7)) and our own */

struct cg_proc_task {
	int32_t pid, tid;
	uint64_t start_time; /* clock ticks since boot, proc(5) stat (22) */
	char comm[64];
	int32_t ns_pid[CG_NSPID_MAX];
	uint8_t ns_count;
	char state;       /* one of the letters of proc(5): R S D T t X Z P I ... */
	uint64_t threads; /* of its process, proc(5) stat (20) */
	bool ending;      /* on its way out, or SIGKILL waits for it: proc(5) stat (9) and (31) */
};

/* A descriptor of /proc, kept by whoever asks often. */
int cg_proc_open(int *ret_fd, struct cg_error **err) CG_MUST_CHECK;
/* A thread by its id; -ESRCH when it is gone, or has ended and waits to be reaped. With `buffer` kept from
 * call to call. */
int cg_proc_task(int proc, int tid, struct cg_buffer *buffer, struct cg_proc_task *ret) CG_MUST_CHECK;
/* Only the start time; -ESRCH. */
int cg_proc_start_time(int proc, int tid, struct cg_buffer *buffer, uint64_t *ret) CG_MUST_CHECK;
/* Whether it will not live on: it is there, but exits or has been killed, as by the kernel for want of
 * memory. 1, 0, or -ESRCH when it is gone. */
int cg_proc_is_ending(int proc, int tid, struct cg_buffer *buffer) CG_MUST_CHECK;
/* Calls fn for each thread id of a process. */
typedef int cg_tid_fn(void *context, int tid);
int cg_proc_threads(int proc, int pid, cg_tid_fn *fn, void *context) CG_MUST_CHECK;
/* Calls fn for each thread that has an id in the pid namespace of process `ns_of`: for --pidns. Threads whose
 * namespace we may not see are passed over. A result of fn other than 0 ends the walk and is returned. */
typedef int cg_namespace_fn(void *context, int tid, int ns_id);
int cg_proc_each_in_namespace(
	int proc, int ns_of, struct cg_buffer *buffer, cg_namespace_fn *fn, void *context) CG_MUST_CHECK;
/* Whether a process is in our own pid namespace, so that its ids are ours: 1, 0, or a negative errno. */
int cg_proc_shares_pid_namespace(int proc, int pid) CG_MUST_CHECK;
/* Finds the thread that has the id `ns_id` in the pid namespace of process `ns_of`: for --pidns. -ESRCH. */
int cg_proc_find_in_namespace(
	int proc, int ns_of, int ns_id, struct cg_buffer *buffer, int *ret_tid) CG_MUST_CHECK;

/* Parsers, pure: proc(5) stat (the command may hold spaces and parentheses) and the NSpid line of status. */
int cg_proc_parse_stat(struct cg_bytes text, struct cg_proc_task *ret) CG_MUST_CHECK;
int cg_proc_parse_nspid(struct cg_bytes status, struct cg_proc_task *ret) CG_MUST_CHECK;

/* Boot id (random/boot_id) without newline; 37 bytes with NUL. */
int cg_boot_id(char ret[37]) CG_MUST_CHECK;
