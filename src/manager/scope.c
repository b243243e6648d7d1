/* Clients of a socket for one group alone (--delegate). To the manager their jobs are NAME:ID, for them ID:
 * no id holds a colon, so they cannot name what is another's, nor another what is theirs. Bounds are checked
 * against the jobs that there are, whoever asked for them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "manager/private.h"

static bool is_in(const struct cg_delegation *d, const struct job *j)
{
	size_t len = cg_job_area_len(j->spec.id);

	return len && strlen(d->name) == len - 1 && strncmp(j->spec.id, d->name, len - 1) == 0;
}

bool client_may_see(const struct client *c, const struct job *j)
{
	if (c->scope)
		return is_in(c->scope, j);
	return client_is_master(c) || (j->spec.owner == c->uid && !j->spec.area);
}

/* "ID" or "NAME:ID" to "NAME:ID"; empty when it is neither. */
static void full_name(const struct cg_delegation *d, const char *id, struct cg_text *t)
{
	size_t len = strlen(d->name);

	if (strncmp(id, d->name, len) == 0 && id[len] == ':')
		id += len + 1;
	if (cg_job_id_is_valid(cg_bytes_of(id)))
		cg_text_printf(t, "%s:%s", d->name, id);
}

struct job *scope_find(const struct client *c, const char *id)
{
	_cleanup_text_ struct cg_text t = {0};
	struct job *j;

	if (c->scope)
		full_name(c->scope, id, &t);
	j = !c->scope ? job_find(c->m, id) : t.len && !t.failed ? job_find(c->m, t.data) : NULL;
	return j && client_may_see(c, j) ? j : NULL;
}

int scope_check_verb(const struct client *c, enum cg_verb verb, struct cg_error **err)
{
	int r;

	if (!c->scope)
		return 0;
	if (c->uid != c->scope->uid) {
		r = cg_error_make(err, CG_FAULT_USAGE, EPERM, "this socket is for user %u; you are user %u",
			c->scope->uid, c->uid);
		cg_error_hint(err, "the manager's own socket shows all jobs");
		return r;
	}
	if (verb == CG_VERB_QUIT)
		return cg_error_make(err, CG_FAULT_USAGE, EPERM,
			"the manager cannot be ended over a socket for one group");
	return 0;
}

/* What the jobs of the socket have, but for one; and how many there are. */
static int sum_up(const struct client *c, const struct job *but, uint64_t sum[CG_SHARES], unsigned *count)
{
	const struct cg_manager *m = c->m;

	*count = 0;
	for (uint32_t i = 0; i < m->jobs; i++) {
		const struct job *j = m->job[i];
		_cleanup_error_ struct cg_error *err = NULL;

		if (!is_in(c->scope, j))
			continue;
		(*count)++;
		if (j == but || cg_job_state_is_final(j->record.state))
			continue;
		/* One of a time with other bounds may have no limit: then nothing is left. */
		if (cg_delegation_add(c->scope, &j->spec.limits, sum, &err) < 0)
			for (int s = 0; s < CG_SHARES; s++)
				sum[s] = UINT64_MAX;
	}
	return 0;
}

/* A job with services is several jobs: none of these has limits of its own. */
static int check_services(const struct cg_delegation *d, const struct cg_job_spec *s, struct cg_error **err)
{
	bool bound = d->depth > 0;

	for (int i = 0; i < CG_SHARES; i++)
		bound = bound || d->most[i];
	if (!bound || !s->services.count)
		return 0;
	return cg_error_make(err, CG_FAULT_USAGE, EDQUOT,
		"a service has no limits of its own, and the jobs here are bound to some: submit it as a job");
}

static int check_bounds(const struct client *c, struct cg_job_spec *s, struct cg_error **err)
{
	const struct cg_delegation *d = c->scope;
	uint64_t taken[CG_SHARES] = {0};
	unsigned count;
	int r = sum_up(c, NULL, taken, &count);

	r = r < 0 ? r : cg_delegation_bound_depth(d, &s->limits, err);
	r = r < 0 ? r : check_services(d, s, err);
	r = r < 0 ? r : cg_delegation_fits(d, &s->limits, taken, err);
	if (r == 0 && d->jobs && count + 1 + s->services.count + s->ready.count > d->jobs) {
		r = cg_error_make(err, CG_FAULT_SYSTEM, EDQUOT,
			"there are %u jobs here, and %u may be, results included", count, d->jobs);
		cg_error_hint(err, "remove results that are not needed: cgtree job remove ID");
	}
	return r;
}

static int rename_all(const struct cg_delegation *d, struct cg_job_spec *s)
{
	_cleanup_(cg_strings_free) struct cg_strings after = {0};
	_cleanup_text_ struct cg_text t = {0};
	int r = 0;

	full_name(d, s->id, &t);
	if (t.failed || !t.len)
		return t.failed ? -ENOMEM : -EINVAL;
	free(s->id);
	s->id = strdup(t.data);
	s->area = strdup(d->path);
	for (const char *p = cg_strings_next(&s->after, NULL); r == 0 && p;
		p = cg_strings_next(&s->after, p)) {
		cg_text_reset(&t);
		full_name(d, p, &t);
		r = t.failed ? -ENOMEM : cg_strings_add(&after, (struct cg_bytes){t.data, t.len});
	}
	if (r < 0 || !s->id || !s->area)
		return -ENOMEM;
	cg_strings_free(&s->after);
	s->after = after;
	after = (struct cg_strings){0};
	return 0;
}

int scope_settle(const struct client *c, struct cg_job_spec *s, struct cg_error **err)
{
	/* Not for clients to say. */
	free(s->area);
	s->area = NULL;
	if (!c->scope)
		return 0;
	if (rename_all(c->scope, s) < 0)
		return cg_error_oom(err);
	return check_bounds(c, s, err);
}

int scope_check_update(
	const struct client *c, const struct job *j, struct cg_strings *limits, struct cg_error **err)
{
	_cleanup_(cg_strings_free) struct cg_strings all = {0};
	uint64_t taken[CG_SHARES] = {0};
	unsigned count;
	int r;

	if (!c->scope)
		return 0;
	r = cg_limits_check(limits, err);
	if (r < 0)
		return r;
	if (cg_limits_merge(&all, &j->spec.limits) < 0 || cg_limits_merge(&all, limits) < 0)
		return cg_error_oom(err);
	r = sum_up(c, j, taken, &count);
	r = r < 0 ? r : cg_delegation_bound_depth(c->scope, &all, err);
	return r < 0 ? r : cg_delegation_fits(c->scope, &all, taken, err);
}

static char *local_id(char *id)
{
	return id ? id + cg_job_area_len(id) : NULL;
}

static int local_jobs(const struct cg_reply *from, struct cg_job_info *to, struct cg_strings *after)
{
	for (size_t i = 0; i < from->jobs; i++) {
		const struct cg_strings *names = &from->job[i].spec.after;

		to[i] = from->job[i];
		to[i].spec.id = local_id(to[i].spec.id);
		to[i].spec.service_of = local_id(to[i].spec.service_of);
		to[i].spec.area = NULL;
		for (const char *p = cg_strings_next(names, NULL); p; p = cg_strings_next(names, p))
			if (cg_strings_add(&after[i], cg_bytes_of(p + cg_job_area_len(p))) < 0)
				return -ENOMEM;
		to[i].spec.after = after[i];
	}
	return 0;
}

int scope_encode(struct client *c, const struct cg_reply *reply)
{
	_cleanup_free_ struct cg_job_info *job = NULL;
	_cleanup_free_ struct cg_strings *after = NULL;
	_cleanup_free_ struct cg_event *event = NULL;
	struct cg_reply local = *reply;
	char *root = c->scope ? c->scope->path : NULL;
	int r;

	if (!c->scope)
		return cg_reply_encode(reply, &c->out);
	job = calloc(reply->jobs + 1, sizeof(*job));
	after = calloc(reply->jobs + 1, sizeof(*after));
	event = calloc(reply->events + 1, sizeof(*event));
	if (!job || !after || !event)
		return -ENOMEM;
	r = local_jobs(reply, job, after);
	for (size_t i = 0; i < reply->events; i++) {
		const char *id = reply->event[i].id;

		event[i] = reply->event[i];
		memmove(event[i].id, id + cg_job_area_len(id), strlen(id + cg_job_area_len(id)) + 1);
	}
	local.job = job;
	local.event = event;
	local.root = local.root ? root : NULL;
	r = r < 0 ? r : cg_reply_encode(&local, &c->out);
	for (size_t i = 0; i < reply->jobs; i++)
		cg_strings_free(&after[i]);
	return r;
}

int scopes_open(struct cg_manager *m, struct cg_error **err)
{
	const struct cg_delegation *d = m->options.delegation;
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->options.delegations; i++) {
		if (d[i].depth && !m->host.v2)
			return cg_error_usage(err,
				"--delegate %s: depth= is kept by the kernel, and cgroup v1 cannot",
				d[i].path);
		for (size_t k = 0; k < i; k++)
			if (strcmp(d[k].name, d[i].name) == 0)
				return cg_error_usage(err,
					"--delegate %s: another one is called %s; give one of them name=NAME",
					d[i].path, d[i].name);
		r = cg_host_add_area(&m->host, d[i].name, d[i].path, err);
	}
	return r;
}
