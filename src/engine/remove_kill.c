/* Ending the tasks of groups. On v2 the kernel does it at once (cgroup.kill); elsewhere each process gets
 * SIGKILL through a descriptor of it, which cannot come to mean another, and the groups are read again until
 * nobody is left: who forks meanwhile is met in the next round. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/fdio.h"
#include "engine/remove_private.h"
#include "kernel/cgroupfs.h"
#include "kernel/files.h"

#define ROUND_MAX 4096 /* descriptors at a time; more are met in the next round */

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int timed_out(struct cg_removal *r, struct cg_error **err)
{
	int code = cg_error_make(err, CG_FAULT_SYSTEM, ETIMEDOUT,
		"killed tasks have not ended after %d s: they may stand frozen, or wait for a device",
		r->options->timeout_ms / 1000);

	cg_error_at(err, r->target->path, NULL);
	return code;
}

/* 1 when all of the subtree was killed, 0 when this kernel cannot. */
static int kill_v2(struct cg_removal *r, uint16_t hierarchy, struct cg_error **err)
{
	int group = r->top[hierarchy], code = cg_cgroup_kill(group);

	if (code == -ENOENT || code == -EOPNOTSUPP)
		return 0;
	if (code == 0) {
		r->changed = true;
		code = cg_cgroup_wait_empty(group, r->options->timeout_ms);
	}
	if (code == -ETIMEDOUT)
		return timed_out(r, err);
	if (code < 0 && code != -ENODEV) {
		code = cg_error_errno(err, -code, "cannot kill the tasks");
		cg_error_at(err, r->target->path, CG_FILE_KILL);
		return code;
	}
	return 1;
}

/* The processes that are in groups of this hierarchy now. */
static int read_round(struct cg_removal *r, uint16_t hierarchy, struct cg_error **err)
{
	r->pids = 0;
	for (size_t i = 0; i < r->count; i++) {
		_cleanup_close_ int fd = -1;
		int code;

		if (r->item[i].hierarchy != hierarchy)
			continue;
		code = cg_removal_open(r, i, &fd);
		if (code == 0)
			code = cg_removal_read_tasks(r, fd, r->live->item[hierarchy].version);
		if (code < 0 && code != -ENOENT) {
			code = cg_error_errno(err, -code, "cannot tell which tasks are in it");
			cg_error_at(err, r->item[i].path, NULL);
			return code;
		}
	}
	return 0;
}

static int open_pid(int pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* A descriptor that was opened may already mean a successor of the process that was listed: only those that
 * are listed still, now that they cannot change any more, are meant. */
static bool is_listed(const struct cg_removal *r, int pid)
{
	for (size_t i = 0; i < r->pids; i++)
		if (r->pid[i] == pid)
			return true;
	return false;
}

struct round {
	struct pollfd *poll;
	int *pid;
	size_t count;
};

static void round_free(struct round *k)
{
	for (size_t i = 0; i < k->count; i++)
		(void)cg_close(k->poll[i].fd);
	free(k->poll);
	free(k->pid);
}

static int open_round(struct cg_removal *r, struct round *k, struct cg_error **err)
{
	size_t n = r->pids < ROUND_MAX ? r->pids : ROUND_MAX;

	k->poll = calloc(n + 1, sizeof(*k->poll));
	k->pid = calloc(n + 1, sizeof(*k->pid));
	if (!k->poll || !k->pid)
		return cg_error_oom(err);
	for (size_t i = 0; i < n; i++) {
		int fd;

		if (r->pid[i] == 0)
			return cg_error_make(err, CG_FAULT_SYSTEM, EPERM,
				"a task of another pid namespace is in it, which cannot be reached from here");
		fd = open_pid(r->pid[i]);
		if (fd < 0 && errno == ESRCH)
			continue;
		/* Out of descriptors: those that are open are enough for a round. */
		if (fd < 0 && (errno == EMFILE || errno == ENFILE) && k->count)
			break;
		if (fd < 0)
			return cg_error_errno(err, errno, "cannot open process %d", r->pid[i]);
		k->poll[k->count] = (struct pollfd){.fd = fd, .events = POLLIN};
		k->pid[k->count++] = r->pid[i];
	}
	return 0;
}

static int signal_round(struct cg_removal *r, struct round *k, struct cg_error **err)
{
	for (size_t i = 0; i < k->count; i++) {
		if (!is_listed(r, k->pid[i]))
			continue;
		if (syscall(SYS_pidfd_send_signal, k->poll[i].fd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
			return cg_error_errno(err, errno, "cannot kill process %d", k->pid[i]);
		r->changed = true;
		r->counts.killed++;
	}
	return 0;
}

/* Until each has ended that was signalled. */
static int wait_round(struct cg_removal *r, struct round *k, int64_t deadline, struct cg_error **err)
{
	for (size_t i = 0; i < k->count; i++) {
		int64_t left = deadline - now_ms();
		int n = is_listed(r, k->pid[i]) ? poll(&k->poll[i], 1, left < 0 ? 0 : (int)left) : 1;

		if (n < 0 && errno == EINTR) {
			if (r->options->stop && *r->options->stop)
				return cg_error_make(err, CG_FAULT_SYSTEM, EINTR, "ended by a signal");
			i--;
			continue;
		}
		if (n < 0)
			return cg_error_errno(err, errno, "cannot wait for process %d", k->pid[i]);
		if (n == 0)
			return timed_out(r, err);
	}
	return 0;
}

static int one_round(struct cg_removal *r, uint16_t hierarchy, int64_t deadline, struct cg_error **err)
{
	_cleanup_(round_free) struct round k = {0};
	int code = open_round(r, &k, err);

	if (code == 0)
		code = read_round(r, hierarchy, err);
	if (code == 0)
		code = signal_round(r, &k, err);
	return code < 0 ? code : wait_round(r, &k, deadline, err);
}

static int kill_one_by_one(struct cg_removal *r, uint16_t hierarchy, struct cg_error **err)
{
	const int64_t deadline = now_ms() + r->options->timeout_ms;
	int code;

	while ((code = read_round(r, hierarchy, err)) == 0 && r->pids > 0) {
		if (now_ms() > deadline)
			return timed_out(r, err);
		code = one_round(r, hierarchy, deadline, err);
		if (code < 0)
			return code;
	}
	return code;
}

static bool holds_freezer(const struct cg_removal *r, size_t i)
{
	return r->live->item[i].version == 1 && r->top[i] >= 0 &&
	       faccessat(r->top[i], CG_FILE_FREEZER_STATE, F_OK, 0) == 0;
}

/* A v1 group that stands frozen keeps even SIGKILL waiting (freezer-subsystem.rst). */
static int thaw(struct cg_removal *r, struct cg_error **err)
{
	for (size_t i = 0; i < r->count; i++) {
		_cleanup_close_ int fd = -1;
		int code;

		if (!holds_freezer(r, r->item[i].hierarchy))
			continue;
		code = cg_removal_open(r, i, &fd);
		if (code == 0)
			code = cg_cgroup_freeze(fd, 1, false, r->options->timeout_ms);
		if (code < 0 && code != -ENOENT && code != -ENODEV) {
			code = cg_error_errno(err, -code, "cannot thaw the group, so that its tasks can end");
			cg_error_at(err, r->item[i].path, NULL);
			return code;
		}
	}
	return 0;
}

int cg_removal_kill(struct cg_removal *r, struct cg_error **err)
{
	int code = thaw(r, err);

	for (size_t i = 0; i < r->pids; i++)
		r->counts.killed += i == 0 || r->pid[i] != r->pid[i - 1];
	for (uint16_t h = 0; code == 0 && h < r->live->count; h++) {
		if (r->top[h] < 0 || r->live->item[h].version != 2)
			continue;
		code = kill_v2(r, h, err);
		if (code > 0)
			code = 0;
	}
	if (code == 0)
		r->counts.killed = r->changed ? r->counts.killed : 0;
	for (uint16_t h = 0; code == 0 && h < r->live->count; h++)
		if (r->top[h] >= 0)
			code = kill_one_by_one(r, h, err);
	return code;
}
