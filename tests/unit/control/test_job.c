/* The table of transitions, and what a job may be called and told. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/job.h"
#include "unit/base/cmocka_all.h"

static void test_final(void **state CG_UNUSED)
{
	for (int s = 0; s < CG_JOB_STATES; s++) {
		for (int e = 0; e < CG_ON_EVENTS; e++) {
			int next = cg_job_next((enum cg_job_state)s, (enum cg_job_event)e);

			assert_true(next == -EBADE || (next >= 0 && next < CG_JOB_STATES));
			/* From a result only a restart leads on; from lost nothing does. */
			if (cg_job_state_is_final((enum cg_job_state)s))
				assert_true(next == -EBADE ||
					    (e == CG_ON_QUEUE && s != CG_JOB_LOST && next == CG_JOB_QUEUED));
			/* What runs came from starting. */
			if (next == CG_JOB_RUNNING)
				assert_true(s == CG_JOB_STARTING || s == CG_JOB_FROZEN);
			if (next == CG_JOB_FROZEN)
				assert_int_equal(s, CG_JOB_RUNNING);
		}
	}
}

/* Every live state can end in each way that a process can. */
static void test_ends(void **state CG_UNUSED)
{
	for (int s = CG_JOB_STARTING; s <= CG_JOB_STOPPING; s++) {
		assert_true(cg_job_state_is_live((enum cg_job_state)s));
		assert_int_equal(cg_job_next((enum cg_job_state)s, CG_ON_EXIT), CG_JOB_EXITED);
		assert_int_equal(cg_job_next((enum cg_job_state)s, CG_ON_SIGNAL), CG_JOB_KILLED);
		assert_int_equal(cg_job_next((enum cg_job_state)s, CG_ON_LOSE), CG_JOB_LOST);
	}
	assert_false(cg_job_state_is_live(CG_JOB_QUEUED));
}

static void test_ids(void **state CG_UNUSED)
{
	static const char *const good[] = {"a", "A-b_c.9", "0"}, *const bad[] = {"", ".", "..", ".a", "-a",
									 "a/b", "a b", "a\nb", "\xc3\xa4",
									 "a:b"};
	char longest[CG_JOB_ID_MAX + 2];

	for (size_t i = 0; i < CG_ARRAY_SIZE(good); i++)
		assert_true(cg_job_id_is_valid(cg_bytes_of(good[i])));
	for (size_t i = 0; i < CG_ARRAY_SIZE(bad); i++)
		assert_false(cg_job_id_is_valid(cg_bytes_of(bad[i])));
	memset(longest, 'x', sizeof(longest));
	assert_true(cg_job_id_is_valid((struct cg_bytes){longest, CG_JOB_ID_MAX}));
	assert_false(cg_job_id_is_valid((struct cg_bytes){longest, CG_JOB_ID_MAX + 1}));
	assert_false(cg_job_id_is_valid((struct cg_bytes){"a\0b", 3}));
}

static void test_restarts(void **state CG_UNUSED)
{
	struct cg_job_spec s = {.restart = CG_RESTART_ON_FAILURE, .restart_max = 2};
	struct cg_job_record r = {.state = CG_JOB_EXITED, .code = 1};

	assert_true(cg_job_restarts(&s, &r));
	r.restarts = 2;
	assert_false(cg_job_restarts(&s, &r));
	r = (struct cg_job_record){.state = CG_JOB_EXITED};
	assert_false(cg_job_restarts(&s, &r));
	s.restart = CG_RESTART_ALWAYS;
	assert_true(cg_job_restarts(&s, &r));
	/* Told to end, it ends; what is lost or cannot be started is not tried again. */
	r.asked_end = CG_CAUSE_CLIENT;
	assert_false(cg_job_restarts(&s, &r));
	r = (struct cg_job_record){.state = CG_JOB_LOST};
	assert_false(cg_job_restarts(&s, &r));
	r.state = CG_JOB_FAILED;
	assert_false(cg_job_restarts(&s, &r));
}

static void test_ran(void **state CG_UNUSED)
{
	struct cg_job_record r = {.started_us = 1000};

	assert_int_equal(cg_job_ran_us(&r, 1500), 500);
	/* The clock was set back. */
	assert_int_equal(cg_job_ran_us(&r, 400), 0);
}

static void test_strings(void **state CG_UNUSED)
{
	struct cg_strings s = {0};
	char **array;

	assert_null(cg_strings_next(&s, NULL));
	assert_int_equal(cg_strings_add(&s, CG_BYTES("one")), 0);
	assert_int_equal(cg_strings_add(&s, CG_BYTES("")), 0);
	assert_int_equal(cg_strings_add(&s, CG_BYTES("three")), 0);
	assert_int_equal(cg_strings_add(&s, CG_BYTES("a\0b")), -EINVAL);
	assert_int_equal(s.count, 3);
	array = cg_strings_array(&s);
	assert_string_equal(array[1], "");
	assert_string_equal(array[2], "three");
	assert_null(array[3]);
	assert_string_equal(cg_strings_next(&s, array[1]), "three");
	assert_null(cg_strings_next(&s, array[2]));
	free(array);
	cg_strings_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_final), cmocka_unit_test(test_ends),
		cmocka_unit_test(test_ids), cmocka_unit_test(test_restarts), cmocka_unit_test(test_strings),
		cmocka_unit_test(test_ran)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
