/* Messages and journals come out as they went in; a journal that was cut off keeps what was whole. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/message.h"
#include "unit/base/cmocka_all.h"

static struct cg_job_spec make_spec(const char *id)
{
	struct cg_job_spec s = {.id = strdup(id),
		.cwd = strdup("/tmp"),
		.uid = 1,
		.gid = 2,
		.owner = 3,
		.timeout_us = 4,
		.grace_us = 5,
		.restart = CG_RESTART_ALWAYS,
		.restart_max = 6,
		.priority = 7,
		.unkillable = true,
		.queue = true};

	assert_int_equal(cg_strings_add(&s.argv, CG_BYTES("sh")), 0);
	assert_int_equal(cg_strings_add(&s.argv, CG_BYTES("")), 0);
	assert_int_equal(cg_strings_add(&s.env, CG_BYTES("A=\xff\n")), 0);
	assert_int_equal(cg_strings_add(&s.limits, CG_BYTES("x=y")), 0);
	assert_int_equal(cg_strings_add(&s.groups, CG_BYTES("42")), 0);
	return s;
}

static void same_spec(const struct cg_job_spec *a, const struct cg_job_spec *b)
{
	assert_string_equal(a->id, b->id);
	assert_string_equal(a->cwd, b->cwd);
	assert_int_equal(a->argv.count, b->argv.count);
	assert_memory_equal(a->argv.data, b->argv.data, b->argv.len);
	assert_memory_equal(a->env.data, b->env.data, b->env.len);
	assert_memory_equal(a->limits.data, b->limits.data, b->limits.len);
	assert_memory_equal(a->groups.data, b->groups.data, b->groups.len);
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->gid, b->gid);
	assert_int_equal(a->owner, b->owner);
	assert_int_equal(a->timeout_us, b->timeout_us);
	assert_int_equal(a->grace_us, b->grace_us);
	assert_int_equal(a->restart, b->restart);
	assert_int_equal(a->restart_max, b->restart_max);
	assert_int_equal(a->priority, b->priority);
	assert_true(a->unkillable && a->queue && !a->new_privs && !a->foreground);
}

static struct cg_bytes body(const struct cg_text *t)
{
	return (struct cg_bytes){t->data + CG_MESSAGE_HEAD, t->len - CG_MESSAGE_HEAD};
}

static void test_request(void **state CG_UNUSED)
{
	struct cg_request q = {.verb = CG_VERB_SUBMIT,
		.id = strdup("a"),
		.has_spec = true,
		.spec = make_spec("a"),
		.signal = 9,
		.grace_us = UINT64_MAX,
		.follow = true};
	_cleanup_request_ struct cg_request back = {0};
	_cleanup_text_ struct cg_text t = {0};

	assert_int_equal(cg_request_encode(&q, &t), 0);
	assert_int_equal(cg_request_decode(body(&t), &back), 0);
	assert_int_equal(back.verb, CG_VERB_SUBMIT);
	assert_string_equal(back.id, "a");
	assert_int_equal(back.signal, 9);
	assert_true(back.grace_us == UINT64_MAX && back.follow && !back.keep_jobs);
	same_spec(&back.spec, &q.spec);
	cg_request_free(&q);
}

static void test_too_long(void **state CG_UNUSED)
{
	struct cg_request q = {.verb = CG_VERB_SUBMIT, .has_spec = true, .spec = make_spec("a")};
	struct cg_bytes long_one = {calloc(1, CG_MESSAGE_MOST), CG_MESSAGE_MOST};
	_cleanup_text_ struct cg_text t = {0};

	memset((char *)(uintptr_t)long_one.data, 'x', long_one.len);
	assert_int_equal(cg_strings_add(&q.spec.argv, long_one), 0);
	assert_int_equal(cg_request_encode(&q, &t), -EMSGSIZE);
	assert_int_equal(t.len, 0);
	free((char *)(uintptr_t)long_one.data);
	cg_request_free(&q);
}

static void test_reply(void **state CG_UNUSED)
{
	struct cg_job_info job = {
		.spec = make_spec("b"), .record = {.state = CG_JOB_KILLED, .cause = CG_CAUSE_OOM, .code = 9}};
	struct cg_event event = {
		.sequence = 1, .kind = CG_EVENT_JOB, .id = "b", .what = "killed", .text = strdup("x")};
	struct cg_reply reply = {.job = &job, .jobs = 1, .event = &event, .events = 1, .more = true};
	_cleanup_reply_ struct cg_reply back = {0};
	_cleanup_text_ struct cg_text t = {0};

	job.usage.has = 1u << CG_USE_OOM;
	job.usage.value[CG_USE_OOM] = 3;
	(void)cg_error_make(&reply.error, CG_FAULT_USAGE, EEXIST, "no");
	cg_error_hint(&reply.error, "hint");
	assert_int_equal(cg_reply_encode(&reply, &t), 0);
	assert_int_equal(cg_reply_decode(body(&t), &back), 0);
	assert_true(back.more);
	assert_int_equal(back.error->code, EEXIST);
	assert_string_equal(back.error->hint, "hint");
	same_spec(&back.job[0].spec, &job.spec);
	assert_int_equal(back.job[0].record.cause, CG_CAUSE_OOM);
	assert_int_equal(back.job[0].usage.value[CG_USE_OOM], 3);
	assert_string_equal(back.event[0].what, "killed");
	assert_string_equal(back.event[0].text, "x");
	reply.error = cg_error_free(reply.error);
	cg_job_spec_free(&job.spec);
	free(event.text);
}

static void test_journal(void **state CG_UNUSED)
{
	struct cg_job_spec s = make_spec("j");
	struct cg_job_record r = {.state = CG_JOB_STARTING, .shim = {11, 12}};
	_cleanup_text_ struct cg_text t = {0};
	size_t first, second;

	assert_int_equal(cg_entry_encode(&s, &r, NULL, &t), 0);
	first = t.len;
	r.state = CG_JOB_RUNNING;
	assert_int_equal(cg_entry_encode(NULL, &r, "a=1", &t), 0);
	second = t.len;
	r.state = CG_JOB_EXITED;
	r.code = 7;
	assert_int_equal(cg_entry_encode(NULL, &r, "a=", &t), 0);
	for (size_t len = 0; len <= t.len; len++) {
		_cleanup_journal_ struct cg_journal j = {0};
		int code = cg_journal_parse((struct cg_bytes){t.data, len}, &j);

		assert_int_equal(code, len < first ? -EINVAL : 0);
		if (code < 0)
			continue;
		same_spec(&j.spec, &s);
		assert_int_equal(j.entries, 1 + (len >= second) + (len == t.len));
		assert_int_equal(j.record.state, len == t.len    ? CG_JOB_EXITED
						 : len >= second ? CG_JOB_RUNNING
								 : CG_JOB_STARTING);
		/* Laid over from the second on, and taken back by the third. */
		assert_int_equal(j.overrides.count, len >= second && len < t.len);
	}
	cg_job_spec_free(&s);
}

/* A job that can be restored, after `spoil` has changed what it will. */
static int parse_image(int spoil, struct cg_journal *ret)
{
	_cleanup_job_spec_ struct cg_job_spec s = make_spec("a");
	struct cg_job_record r = {
		.state = CG_JOB_RUNNING, .moved_us = 77, .output = 88, .leave_running = true};
	_cleanup_error_ struct cg_error *err = NULL;
	_cleanup_text_ struct cg_text t = {0};
	int code;

	cg_strings_free(&s.limits);
	assert_int_equal(
		cg_strings_add(&s.limits, cg_bytes_of(spoil == 1 ? "memory.max=x" : "memory.max=4096")), 0);
	if (spoil == 2)
		s.foreground = true;
	if (spoil == 3)
		s.service_of = strdup("b");
	if (spoil == 4)
		r.state = CG_JOB_EXITED;
	if (spoil == 5)
		s.owner = UINT32_MAX;
	if (spoil == 6)
		s.cwd[0] = '.';
	if (spoil == 7)
		assert_int_equal(cg_strings_add(&s.services, CG_BYTES("x")), 0);
	assert_int_equal(cg_entry_encode(&s, &r, NULL, &t), 0);
	if (spoil == 8)
		cg_text_addc(&t, 'x');
	if (spoil == 9)
		assert_int_equal(cg_entry_encode(&s, &r, NULL, &t), 0);
	if (spoil == 10)
		t.data[t.len - 1] ^= 1;
	if (spoil == 11)
		assert_int_equal(cg_entry_encode(&s, &r, "memory.high=1", &t), 0);
	code = cg_job_image_parse((struct cg_bytes){t.data, t.len}, ret, &err);
	if (code < 0)
		assert_int_equal(err->fault, CG_FAULT_CORRUPT);
	return code;
}

/* What another host's file says is checked like what a client says. */
static void test_job_image(void **state CG_UNUSED)
{
	_cleanup_journal_ struct cg_journal j = {0};

	assert_int_equal(parse_image(0, &j), 0);
	assert_string_equal(j.spec.id, "a");
	assert_int_equal(j.record.moved_us, 77);
	assert_int_equal(j.record.output, 88);
	assert_true(j.record.leave_running);
	for (int spoil = 1; spoil <= 11; spoil++) {
		_cleanup_journal_ struct cg_journal none = {0};

		assert_true(parse_image(spoil, &none) < 0);
		assert_null(none.spec.id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_job_image), cmocka_unit_test(test_request),
		cmocka_unit_test(test_too_long), cmocka_unit_test(test_reply),
		cmocka_unit_test(test_journal)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
