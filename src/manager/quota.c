/* What a user may have of the manager: jobs, those that serve a job included, and its memory. */
#include <errno.h>
#include <string.h>

#include "manager/private.h"

#define SPEC_MOST      (CG_MESSAGE_MOST - ((size_t)16 << 10))
#define JOBS_MOST      20000
#define JOBS_PER_USER  1000
#define BYTES_PER_USER ((size_t)32 << 20)

static size_t text_bytes(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

size_t spec_bytes(const struct cg_job_spec *s)
{
	return sizeof(struct job) + text_bytes(s->id) + text_bytes(s->cwd) + text_bytes(s->area) +
	       text_bytes(s->service_of) + s->argv.len + s->env.len + s->limits.len + s->require.len +
	       s->after.len + s->labels.len + s->services.len + s->ready.len + s->groups.len;
}

int spec_check_size(const struct cg_job_spec *s, struct cg_error **err)
{
	/* Each string has a tag and a length of up to three bytes before it, and no NUL behind. */
	size_t strings = (size_t)s->argv.count + s->env.count + s->limits.count + s->require.count +
			 s->after.count + s->labels.count + s->services.count + s->ready.count +
			 s->groups.count;
	int r;

	if (spec_bytes(s) + 4 * strings <= SPEC_MOST)
		return 0;
	r = cg_error_make(err, CG_FAULT_USAGE, E2BIG, "a job with all that belongs to it may have %zu KiB",
		SPEC_MOST >> 10);
	cg_error_hint(err, "hand large things over in a file");
	return r;
}

/* The job and those that will serve it (service.c), each with an environment of its own. */
static unsigned count_all(const struct cg_job_spec *s)
{
	unsigned n = 1 + s->services.count;

	for (const char *p = cg_strings_next(&s->ready, NULL); p; p = cg_strings_next(&s->ready, p))
		n += p[0] != '\0';
	return n;
}

static size_t bytes_of_all(const struct cg_job_spec *s, unsigned count)
{
	size_t child = sizeof(struct job) + CG_JOB_NAME_MAX + text_bytes(s->id) + text_bytes(s->cwd) +
		       text_bytes(s->area) + s->env.len + s->groups.len;

	return spec_bytes(s) + s->services.len + s->ready.len + (count - 1) * child;
}

int quota_check(const struct client *c, const struct cg_job_spec *s, struct cg_error **err)
{
	const struct cg_manager *m = c->m;
	unsigned own = 0, count = count_all(s), most = m->options.jobs_max ? m->options.jobs_max : JOBS_MOST,
		 per_user = m->options.jobs_per_user ? m->options.jobs_per_user : JOBS_PER_USER;
	size_t bytes = bytes_of_all(s, count);
	int r = 0;

	if (m->jobs + count > most)
		r = cg_error_make(err, CG_FAULT_SYSTEM, EDQUOT,
			"the manager keeps %u jobs, of %u that it may; this is %u more", m->jobs, most,
			count);
	for (uint32_t i = 0; r == 0 && !client_is_master(c) && i < m->jobs; i++) {
		if (m->job[i]->spec.owner != c->uid)
			continue;
		own++;
		bytes += spec_bytes(&m->job[i]->spec);
	}
	if (r == 0 && !client_is_master(c) && own + count > per_user)
		r = cg_error_make(err, CG_FAULT_SYSTEM, EDQUOT,
			"you have %u jobs, of %u that a user may have; this is %u more", own, per_user,
			count);
	if (r == 0 && bytes > BYTES_PER_USER && !client_is_master(c))
		r = cg_error_make(err, CG_FAULT_SYSTEM, EDQUOT, "your jobs take more than %zu MiB of memory",
			BYTES_PER_USER >> 20);
	if (r < 0)
		cg_error_hint(err, "remove results that are not needed: cgtree job remove ID");
	return r;
}
