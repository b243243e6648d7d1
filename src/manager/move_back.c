/* A job that is restored. Its groups are made as for a start, but get no limits yet; then its shim runs
 * cgtree criu restore, which makes the tasks in them, brings back what is below, and sets the limits once the
 * memory is there. What the shim says then is what it says of every start. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own_program.h"
#include "manager/move.h"

#define SEARCH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static int read_image(int dir, struct cg_journal *ret, struct cg_error **err)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	int r = cg_read_at(dir, MOVE_IMAGE, false, &b);

	if (r == -ENOENT) {
		r = cg_error_make(err, CG_FAULT_CORRUPT, EBADMSG, "this is no checkpoint of a job");
		cg_error_hint(err, "folders of cgtree criu dump are restored by cgtree criu restore");
		return r;
	}
	if (r < 0)
		return cg_error_errno(err, -r, "cannot read it");
	return cg_job_image_parse((struct cg_bytes){b.data, b.len}, ret, err);
}

/* What it was, but not what it was busy with. */
static int make_ready(const char *dir, struct cg_job_record *r, struct cg_error **err)
{
	cg_job_record_free(r);
	r->state = CG_JOB_QUEUED;
	r->cause = CG_CAUSE_NONE;
	r->frozen_by &= CG_FROZEN_BY_CLIENT;
	r->asked_end = CG_CAUSE_NONE;
	r->code = 0;
	r->shim = r->payload = r->mover = (struct cg_job_process){0};
	r->created_us = realtime_us();
	r->started_us = r->ended_us = 0;
	r->restore = strdup(dir);
	return r->restore ? 0 : cg_error_oom(err);
}

int restore_read(const char *dir, const char *id, struct cg_journal *ret, struct cg_error **err)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (geteuid() != 0)
		return cg_error_make(err, CG_FAULT_SYSTEM, EPERM,
			"CRIU runs as root, and this manager runs as user %u", geteuid());
	r = move_open(dir, &fd, err);
	if (r < 0)
		return r;
	r = read_image(fd, ret, err);
	if (r < 0) {
		cg_error_at(err, dir, MOVE_IMAGE);
		return r;
	}
	if (id) {
		free(ret->spec.id);
		ret->spec.id = strdup(id);
		if (!ret->spec.id)
			return cg_error_oom(err);
		r = cg_job_spec_check(&ret->spec, err);
	}
	return r < 0 ? r : make_ready(dir, &ret->record, err);
}

static int pid_file(const struct job *j, struct cg_text *t)
{
	_cleanup_close_ int dir = -1;
	char link[64], path[4096];
	ssize_t n;
	int r = cg_store_job_dir(&j->m->store, j->spec.id, &dir);

	if (r < 0)
		return r;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	n = readlink(link, path, sizeof(path));
	if (n <= 0 || (size_t)n == sizeof(path))
		return n < 0 ? -errno : -ENAMETOOLONG;
	cg_text_add(t, path, (size_t)n);
	cg_text_adds(t, "/" SHIM_FILE_PID);
	return t->failed ? -ENOMEM : 0;
}

int restore_words(struct job *j, struct cg_text *t)
{
	static const char *const words[] = {
		"cgtree", "criu", "restore", "-q", "-D", ".", "--mode", "bind", "--root", NULL};
	_cleanup_text_ struct cg_text root = {0}, pid = {0}, pipe = {0};
	int r = pid_file(j, &pid);

	if (r < 0)
		return r;
	cg_host_path(&j->m->host, j->spec.id, &root);
	cg_text_printf(&pipe, "fd[%d]:pipe:[%llu]", SHIM_OUTPUT_AT, (unsigned long long)j->record.output);
	if (root.failed || pipe.failed)
		return -ENOMEM;
	for (size_t i = 0; words[i]; i++)
		shim_spec_add(t, SHIM_ARG, words[i]);
	shim_spec_add(t, SHIM_ARG, root.data);
	shim_spec_add(t, SHIM_ARG, "--");
	shim_spec_add(t, SHIM_ARG, "--pidfile");
	shim_spec_add(t, SHIM_ARG, pid.data);
	if (j->record.output) {
		shim_spec_add(t, SHIM_ARG, "--inherit-fd");
		shim_spec_add(t, SHIM_ARG, pipe.data);
	}
	shim_spec_add(t, SHIM_ENV, SEARCH);
	shim_spec_add(t, SHIM_RESTORE, "");
	return 0;
}

int restore_gather(struct job *j, int *ret_dir, int *ret_program)
{
	_cleanup_error_ struct cg_error *err = NULL;
	int r = move_open(j->record.restore, ret_dir, &err);

	if (r < 0)
		return r;
	*ret_program = cg_own_program(NULL, "cgtree", NULL, &err);
	return *ret_program < 0 ? *ret_program : 0;
}

int restore_settle(struct job *j, struct cg_error **err)
{
	_cleanup_limit_plan_ struct cg_limit_plan plan = {0};
	_cleanup_(cg_strings_free) struct cg_strings limits = {0};
	int r = job_with_brake(j, &j->spec.limits, &limits) < 0 ? cg_error_oom(err) : 0;

	r = r < 0 ? r : cg_limit_plan_make(&j->m->host, j->spec.id, &limits, &plan, err);
	r = r < 0 ? r : cg_limit_plan_apply(&j->m->host, j->spec.id, &plan, true, err);
	if (r == 0)
		job_settle_frozen(j);
	return r;
}

void restore_why(const struct job *j, int status, struct cg_text *t)
{
	_cleanup_close_ int dir = -1;

	if (cg_store_job_dir(&j->m->store, j->spec.id, &dir) == 0)
		move_why(dir, SHIM_FILE_SAID, t);
	if (t->len == 0)
		cg_text_printf(t, "cgtree criu restore ended with %d", status);
	cg_text_printf(t, " (CRIU's log is %s/restore.log)", j->record.restore ? j->record.restore : "");
}
