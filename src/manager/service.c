/* Services beside a job. Each is a job of its own (ID.s1, ID.s2, ...) in a group of its own, with the job's
 * user, directory and environment; a command that tells whether it is ready is one, too (ID.r1, ...), run
 * again until it succeeds. The job starts when its services run and are ready; they are stopped when it has
 * ended, and it is stopped when one of them ends before. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "manager/private.h"

#define SUFFIX_MOST 4 /* ".s99" */

static bool child_id(const struct job *j, char kind, uint32_t number, char ret[CG_JOB_NAME_MAX + 1])
{
	int n = snprintf(ret, CG_JOB_NAME_MAX + 1, "%s.%c%u", j->spec.id, kind, number);

	return n > 0 && n <= CG_JOB_NAME_MAX && (size_t)n - cg_job_area_len(ret) <= CG_JOB_ID_MAX;
}

static int copy_strings(const struct cg_strings *from, struct cg_strings *to)
{
	int r = 0;

	for (const char *p = cg_strings_next(from, NULL); r == 0 && p; p = cg_strings_next(from, p))
		r = cg_strings_add(to, cg_bytes_of(p));
	return r;
}

static int fill(const struct job *j, const char *id, const char *command, struct cg_job_spec *s)
{
	int r;

	s->id = strdup(id);
	s->cwd = strdup(j->spec.cwd);
	s->service_of = strdup(j->spec.id);
	s->area = j->spec.area ? strdup(j->spec.area) : NULL;
	if (!s->id || !s->cwd || !s->service_of || (j->spec.area && !s->area))
		return -ENOMEM;
	s->owner = j->spec.owner;
	s->uid = j->spec.uid;
	s->gid = j->spec.gid;
	s->grace_us = j->spec.grace_us;
	s->priority = j->spec.priority;
	s->unkillable = j->spec.unkillable;
	s->new_privs = j->spec.new_privs;
	s->queue = true;
	r = cg_strings_add(&s->argv, CG_BYTES("/bin/sh"));
	r = r < 0 ? r : cg_strings_add(&s->argv, CG_BYTES("-c"));
	r = r < 0 ? r : cg_strings_add(&s->argv, cg_bytes_of(command));
	r = r < 0 ? r : copy_strings(&j->spec.env, &s->env);
	return r < 0 ? r : copy_strings(&j->spec.groups, &s->groups);
}

/* One more job, on record before the one that it belongs to is. */
static int add_child(struct job *j, char kind, uint32_t number, const char *command, struct cg_error **err)
{
	_cleanup_job_spec_ struct cg_job_spec s = {0};
	char id[CG_JOB_NAME_MAX + 1];
	struct job *child;

	if (!child_id(j, kind, number, id))
		return cg_error_usage(err,
			"the id %s is too long for a job with services: %d characters at most", j->spec.id,
			CG_JOB_ID_MAX - SUFFIX_MOST);
	if (job_find(j->m, id))
		return cg_error_make(err, CG_FAULT_USAGE, EEXIST, "there is a job %s already", id);
	if (fill(j, id, command, &s) < 0)
		return cg_error_oom(err);
	s.probe = kind == 'r';
	s.restart = s.probe ? CG_RESTART_ON_FAILURE : CG_RESTART_NO;
	child = job_add(j->m, &s);
	if (!child)
		return cg_error_oom(err);
	child->record.created_us = realtime_us();
	job_record(child);
	if (kind == 'r' && cg_strings_add(&j->spec.after, cg_bytes_of(id)) < 0)
		return cg_error_oom(err);
	return 0;
}

static struct job *child_of(const struct job *j, char kind, uint32_t number)
{
	char id[CG_JOB_NAME_MAX + 1];
	struct job *child = child_id(j, kind, number, id) ? job_find(j->m, id) : NULL;

	return child && child->spec.service_of && strcmp(child->spec.service_of, j->spec.id) == 0 ? child
												  : NULL;
}

typedef int child_fn(struct job *child);

static int each_child(struct job *j, child_fn *fn)
{
	int result = 0;

	for (uint32_t i = 1; i <= j->spec.services.count; i++) {
		for (const char *kind = "sr"; *kind; kind++) {
			struct job *child = child_of(j, *kind, i);
			int r = child ? fn(child) : 0;

			result = result < 0 ? result : r;
		}
	}
	return result;
}

static int forget(struct job *child)
{
	job_forget(child);
	return 0;
}

static int is_busy(struct job *child)
{
	return cg_job_state_is_final(child->record.state) ? 0 : -EBUSY;
}

int services_add(struct job *j, struct cg_error **err)
{
	const char *ready = cg_strings_next(&j->spec.ready, NULL);
	uint32_t number = 0;
	int r = 0;

	for (const char *p = cg_strings_next(&j->spec.services, NULL); r == 0 && p;
		p = cg_strings_next(&j->spec.services, p)) {
		r = add_child(j, 's', ++number, p, err);
		if (r == 0 && ready && ready[0])
			r = add_child(j, 'r', number, ready, err);
		ready = ready ? cg_strings_next(&j->spec.ready, ready) : NULL;
	}
	if (r < 0)
		services_forget(j);
	return r;
}

void services_forget(struct job *j)
{
	(void)each_child(j, forget);
}

bool services_busy(struct job *j)
{
	return each_child(j, is_busy) < 0;
}

int services_run(const struct job *j, struct cg_error **err)
{
	for (uint32_t i = 1; i <= j->spec.services.count; i++) {
		const struct job *child = child_of(j, 's', i);

		if (!child || cg_job_state_is_final(child->record.state))
			return cg_error_make(err, CG_FAULT_SYSTEM, ECANCELED,
				"its service %s.s%u ended before it began", j->spec.id, i);
		if (child->record.state != CG_JOB_RUNNING && child->record.state != CG_JOB_FROZEN)
			return 0;
	}
	return 1;
}

static void stop(struct job *j, const char *why)
{
	_cleanup_error_ struct cg_error *err = NULL;

	if (cg_job_state_is_final(j->record.state))
		return;
	tell(j->m, j, CG_EVENT_SERVICE, "stop", "%s", why);
	if (job_stop(j, j->spec.grace_us, CG_CAUSE_SERVICE, &err) < 0)
		cg_log(CG_LOG_ERROR, "%s", err->message);
}

static int stop_child(struct job *child)
{
	stop(child, "its job has ended");
	return 0;
}

void services_follow(struct job *j)
{
	struct job *parent = j->spec.service_of ? job_find(j->m, j->spec.service_of) : NULL;

	if (j->spec.services.count)
		(void)each_child(j, stop_child);
	if (parent && !j->spec.probe)
		stop(parent, "a service beside it has ended");
	if (j->spec.service_of && !parent)
		stop(j, "its job is not there");
}
