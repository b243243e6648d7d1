/* What is done to the group of one job. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>

#include "base/log.h"
#include "kernel/cgroupfs.h"
#include "kernel/files.h"
#include "manager/host.h"

static int main_group(const struct cg_host *h, const char *id, int *ret_fd)
{
	return cg_host_group(h, h->main, id, ret_fd);
}

static int remove_tree(int parent, const char *name);

static int remove_child(const char *name, unsigned char type, void *context)
{
	int r = type == DT_DIR ? remove_tree(*(int *)context, name) : 0;

	return r == -ENOENT ? 0 : r;
}

static int remove_tree(int parent, const char *name)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
		return 0;
	if (errno != EBUSY && errno != ENOTEMPTY)
		return -errno;
	r = cg_cgroup_open(parent, name, &fd);
	if (r < 0)
		return r;
	r = cg_dir_each(fd, remove_child, &fd);
	if (r < 0)
		return r;
	return unlinkat(parent, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int cg_host_remove(struct cg_host *h, const char *id)
{
	const struct cg_host_area *area = cg_host_area_of(h, id, &id);
	int result = 0;

	for (size_t i = 0; area && i < h->live.count; i++) {
		int r = area->place[i].jobs < 0 ? 0 : remove_tree(area->place[i].jobs, id);

		if (r < 0 && r != -ENOENT && result == 0)
			result = r;
	}
	return result;
}

struct pids {
	cg_host_pid_fn *fn;
	void *context;
	int at;
};

static int each_pid(struct pids *p, int group);

static int each_pid_below(const char *name, unsigned char type, void *context)
{
	struct pids *p = context;
	_cleanup_close_ int fd = -1;

	if (type != DT_DIR || cg_cgroup_open(p->at, name, &fd) < 0)
		return 0;
	return each_pid(p, fd);
}

static int each_pid(struct pids *p, int group)
{
	struct pids below = {p->fn, p->context, group};
	_cleanup_buffer_ struct cg_buffer b = {0};
	struct cg_bytes rest, word;
	int r = cg_read_at(group, CG_FILE_PROCS, false, &b), pid;

	rest = (struct cg_bytes){b.data, r < 0 ? 0 : b.len};
	while (cg_bytes_word(&rest, &word)) {
		if (cg_parse_pid(word, &pid) < 0)
			continue;
		r = p->fn(p->context, pid);
		if (r != 0)
			return r;
	}
	return cg_dir_each(group, each_pid_below, &below);
}

int cg_host_each_pid(const struct cg_host *h, const char *id, cg_host_pid_fn *fn, void *context)
{
	_cleanup_close_ int fd = -1;
	struct pids p = {fn, context, -1};
	int r = main_group(h, id, &fd);

	return r < 0 ? r : each_pid(&p, fd);
}

static int count_one(void *context, int pid)
{
	(void)context;
	(void)pid;
	return 1;
}

int cg_host_populated(const struct cg_host *h, const char *id)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_close_ int fd = -1;
	struct cg_bytes rest, line;
	int r;

	if (!h->v2)
		return cg_host_each_pid(h, id, count_one, NULL);
	r = main_group(h, id, &fd);
	r = r < 0 ? r : cg_read_at(fd, CG_FILE_EVENTS, true, &b);
	rest = (struct cg_bytes){b.data, b.len};
	while (r == 0 && cg_bytes_split(&rest, '\n', &line))
		if (cg_bytes_is(line, "populated 1"))
			return 1;
	return r;
}

/* Whether a process is in the job's group or below. */
static bool is_member(const struct cg_host *h, const char *id, int pid)
{
	_cleanup_memberships_ struct cg_memberships m = {0};
	_cleanup_text_ struct cg_text t = {0};
	const struct cg_host_area *area;

	area = cg_host_area_of(h, id, &id);
	if (area)
		cg_text_printf(&t, "%s/jobs/%s", area->path, id);
	if (!area || t.failed || cg_live_of_pid(pid, &m, NULL) < 0)
		return false;
	for (size_t i = 0; i < m.count; i++)
		if ((h->v2 ? m.item[i].hierarchy_id == 0 : m.item[i].hierarchy_id != 0) &&
			strncmp(m.item[i].path, t.data, t.len) == 0 &&
			(m.item[i].path[t.len] == '\0' || m.item[i].path[t.len] == '/'))
			return true;
	return false;
}

int cg_host_pidfd(const struct cg_host *h, const char *id, int pid)
{
	_cleanup_close_ int fd = pidfd_open(pid, 0);

	if (fd < 0)
		return -errno;
	/* Looked at once it is held: the id may be another's by then. */
	return is_member(h, id, pid) ? cg_steal_fd(&fd) : -ESRCH;
}

struct signalling {
	const struct cg_host *h;
	const char *id;
	int signal, sent, code;
};

static int signal_one(void *context, int pid)
{
	struct signalling *s = context;
	_cleanup_close_ int fd = cg_host_pidfd(s->h, s->id, pid);

	if (fd < 0)
		return 0;
	if (pidfd_send_signal(fd, s->signal, NULL, 0) == 0)
		s->sent++;
	else if (errno != ESRCH)
		s->code = errno;
	return 0;
}

int cg_host_signal(const struct cg_host *h, const char *id, int signal, struct cg_error **err)
{
	struct signalling s = {.h = h, .id = id, .signal = signal};
	int r = cg_host_each_pid(h, id, signal_one, &s);

	if (r < 0)
		return cg_error_errno(err, -r, "cannot list the processes of the job %s", id);
	if (s.code)
		return cg_error_errno(err, s.code, "a process of the job %s cannot be signalled", id);
	return 0;
}

static int set_frozen(int group, int version, bool frozen)
{
	if (version == 2)
		return cg_write_at(group, CG_FILE_FREEZE, frozen ? CG_BYTES("1") : CG_BYTES("0"));
	return cg_write_at(group, CG_FILE_FREEZER_STATE, frozen ? CG_BYTES("FROZEN") : CG_BYTES("THAWED"));
}

int cg_host_freeze(const struct cg_host *h, const char *id, bool frozen)
{
	_cleanup_close_ int fd = -1;
	int r = main_group(h, id, &fd);

	return r < 0 ? r : set_frozen(fd, h->v2 ? 2 : 1, frozen);
}

int cg_host_frozen(const struct cg_host *h, const char *id)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_close_ int fd = -1;
	struct cg_bytes rest, line;
	int r = main_group(h, id, &fd);

	r = r < 0 ? r : cg_read_at(fd, h->v2 ? CG_FILE_EVENTS : CG_FILE_FREEZER_STATE, true, &b);
	if (r < 0)
		return r;
	rest = (struct cg_bytes){b.data, b.len};
	while (cg_bytes_split(&rest, '\n', &line))
		if (cg_bytes_is(line, "frozen 1") || cg_bytes_is(line, "FROZEN"))
			return 1;
	return 0;
}

/* The v1 freezer holds what is killed until it is thawed, and keeps new processes from being made meanwhile.
 */
static int kill_v1(const struct cg_host *h, const char *id, struct cg_error **err)
{
	int r = cg_host_freeze(h, id, true), thawed;

	if (r < 0)
		cg_debug("%s is killed without being frozen first: %s", id, strerror(-r));
	r = cg_host_signal(h, id, SIGKILL, err);
	thawed = cg_host_freeze(h, id, false);
	if (r == 0 && thawed < 0)
		return cg_error_errno(err, -thawed, "cannot thaw the job %s, so that it can die", id);
	return r;
}

int cg_host_kill(const struct cg_host *h, const char *id, struct cg_error **err)
{
	_cleanup_close_ int fd = -1;
	int r = main_group(h, id, &fd);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return cg_error_errno(err, -r, "cannot open the group of the job %s", id);
	if (!h->v2)
		return kill_v1(h, id, err);
	r = cg_cgroup_kill(fd);
	/* Kernels before 5.14 have no such file. */
	if (r == -ENOENT)
		return cg_host_signal(h, id, SIGKILL, err);
	return r < 0 ? cg_error_errno(err, -r, "cannot kill the job %s", id) : 0;
}

struct attaching {
	int group, moved, code;
};

static int attach_one(void *context, int pid)
{
	struct attaching *a = context;
	int r = cg_cgroup_attach(a->group, CG_FILE_PROCS, pid);

	if (r == -ESRCH)
		return 0;
	if (r < 0)
		a->code = r;
	else
		a->moved++;
	return 0;
}

int cg_host_add(struct cg_host *h, size_t hierarchy, const char *id)
{
	_cleanup_close_ int fd = -1;
	struct attaching a = {0};
	int r = cg_host_make_one(h, hierarchy, id);

	r = r < 0 ? r : cg_host_group(h, hierarchy, id, &fd);
	/* What is made while we move starts where its parent is: a second round finds those of parents that
	 * had not been moved yet. */
	for (int round = 0; r == 0 && a.code == 0 && round < 2; round++) {
		a = (struct attaching){.group = fd};
		r = cg_host_each_pid(h, id, attach_one, &a);
	}
	return r < 0 ? r : a.code;
}

void cg_host_usage(const struct cg_host *h, const char *id, unsigned wanted, struct cg_job_usage *ret)
{
	_cleanup_buffer_ struct cg_buffer b = {0};

	*ret = (struct cg_job_usage){0};
	for (size_t i = 0; i < cg_use_row_count; i++) {
		const struct cg_use_row *row = &cg_use_rows[i];
		_cleanup_close_ int fd = -1;
		int at = wanted & 1u << row->use ? cg_host_find(h, id, row->version, row->controller) : -1;

		if (at < 0 || ret->has & 1u << row->use || cg_host_group(h, (size_t)at, id, &fd) < 0)
			continue;
		if (cg_read_at(fd, row->file, true, &b) < 0)
			continue;
		if (cg_use_parse(row, (struct cg_bytes){b.data, b.len}, &ret->value[row->use]) == 0)
			ret->has |= 1u << row->use;
	}
}
