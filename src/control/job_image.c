/* The job's part of a checkpoint: see message.h. */
#include <errno.h>

#include "control/limits.h"
#include "control/message.h"

/* What cannot be moved is refused when the checkpoint is made: a file that says otherwise was not made so. */
static int check_moved(const struct cg_job_spec *s, const struct cg_job_record *r, struct cg_error **err)
{
	if (s->foreground || s->services.count || s->service_of || s->probe)
		return cg_error_usage(err, "a job with a terminal or services cannot be restored");
	if (s->area)
		return cg_error_usage(err, "a job in a delegated group cannot be restored");
	if (r->state != CG_JOB_RUNNING && r->state != CG_JOB_FROZEN)
		return cg_error_usage(err, "the job did not run");
	if (s->uid == UINT32_MAX || s->gid == UINT32_MAX || s->owner == UINT32_MAX)
		return cg_error_usage(err, "the job has no user");
	return 0;
}

int cg_job_image_parse(struct cg_bytes text, struct cg_journal *ret, struct cg_error **err)
{
	_cleanup_journal_ struct cg_journal j = {0};
	int r = cg_journal_parse(text, &j);

	if (r == -ENOMEM)
		return cg_error_oom(err);
	if (r < 0 || j.entries != 1 || j.whole != text.len || j.overrides.count)
		return cg_error_make(
			err, CG_FAULT_CORRUPT, EBADMSG, "the file is damaged or no checkpoint's");
	r = cg_job_spec_check(&j.spec, err);
	r = r < 0 ? r : cg_limits_check(&j.spec.limits, err);
	r = r < 0 ? r : check_moved(&j.spec, &j.record, err);
	if (r < 0) {
		if (*err && r != -ENOMEM)
			(*err)->fault = CG_FAULT_CORRUPT;
		return r;
	}
	*ret = j;
	j = (struct cg_journal){0};
	return 0;
}
