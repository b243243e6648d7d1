/* Any bytes as a request, a reply, a journal or the job of a checkpoint: taken or refused, and what was taken
 * can be sent again. The first byte says which. */
#include <stdint.h>
#include <stdlib.h>

#include "control/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void request(struct cg_bytes b)
{
	_cleanup_request_ struct cg_request q = {0}, again = {0};
	_cleanup_text_ struct cg_text t = {0};

	if (cg_request_decode(b, &q) < 0)
		return;
	if (q.has_spec) {
		_cleanup_error_ struct cg_error *err = NULL;

		if (q.spec.id && cg_job_spec_check(&q.spec, &err) < 0 && !err)
			abort();
	}
	if (cg_request_encode(&q, &t) < 0)
		return;
	if (cg_request_decode((struct cg_bytes){t.data + CG_MESSAGE_HEAD, t.len - CG_MESSAGE_HEAD}, &again) <
			0 ||
		again.verb != q.verb || again.spec.argv.count != q.spec.argv.count)
		abort();
}

static void reply(struct cg_bytes b)
{
	_cleanup_reply_ struct cg_reply r = {0}, again = {0};
	_cleanup_text_ struct cg_text t = {0};

	if (cg_reply_decode(b, &r) < 0 || cg_reply_encode(&r, &t) < 0)
		return;
	if (cg_reply_decode((struct cg_bytes){t.data + CG_MESSAGE_HEAD, t.len - CG_MESSAGE_HEAD}, &again) <
			0 ||
		again.jobs != r.jobs || again.events != r.events)
		abort();
}

static void journal(struct cg_bytes b)
{
	_cleanup_journal_ struct cg_journal j = {0};

	if (cg_journal_parse(b, &j) < 0)
		return;
	if (j.whole > b.len || !j.entries || !cg_job_name_is_valid(cg_bytes_of(j.spec.id)) ||
		j.record.state >= CG_JOB_STATES)
		abort();
}

static void image(struct cg_bytes b)
{
	_cleanup_journal_ struct cg_journal j = {0};
	_cleanup_error_ struct cg_error *err = NULL;

	if (cg_job_image_parse(b, &j, &err) < 0) {
		if (!err)
			abort();
		return;
	}
	if (j.entries != 1 || j.whole != b.len || j.spec.foreground || j.spec.service_of ||
		!j.spec.argv.count)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cg_bytes b = {(const char *)data + 1, size - 1};

	if (size == 0)
		return 0;
	if (data[0] == 'q')
		request(b);
	else if (data[0] == 'r')
		reply(b);
	else if (data[0] == 'i')
		image(b);
	else
		journal(b);
	return 0;
}
