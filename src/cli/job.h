/* cgtree job: the files of this family of verbs. */
#pragma once

#include "cli/cli.h"
#include "cli/json_out.h"
#include "control/client.h"
#include "control/manager_options.h"

#define JOB_LIMITS 11 /* limits with an option of their own */

struct job_options {
	const char *socket, *id, *priority, *user, *cwd, *timeout, *grace, *signal, *output;
	const char *limit[JOB_LIMITS];
	struct cli_list io_max, set, env, require, after, labels, service, ready;
	const char *restart;
	int no_new_privs;
	bool clean_env, queue, oom_group, unkillable, follow, keep_jobs, leave_running;
};
void job_options_free(struct job_options *o);
#define _cleanup_job_options_ _cleanup_(job_options_free)
extern const struct cli_option job_table[];
/* The limits that were given, "KNOB=VALUE" each. */
int job_limits(const struct job_options *o, struct cg_strings *to, struct cg_error **err) CG_MUST_CHECK;
int job_spec(const struct job_options *o, char **command, struct cg_job_spec *spec,
	struct cg_error **err) CG_MUST_CHECK;
/* "10s", "5m", "1h", "500ms"; a plain number is seconds. */
int job_time(const char *option, const char *text, uint64_t *ret_us, struct cg_error **err) CG_MUST_CHECK;
/* "TERM", "SIGTERM", "15". */
int job_signal_number(const char *text, uint32_t *ret, struct cg_error **err) CG_MUST_CHECK;

/* job_show.c */
void job_show_list(struct cli *cli, const struct cg_job_info *job, size_t count);
void job_show(struct cli *cli, const struct cg_job_info *job);
/* What is to be said of a job that was started: limits that this host understands differently. */
void job_note(struct cli *cli, const struct cg_job_info *job);
void job_show_stats(struct cli *cli, const struct cg_job_info *job);
void job_show_event(struct cli *cli, const struct cg_event *e);
/* "exited 7", "killed by KILL (oom)". */
void job_describe_end(const struct cg_job_record *r, struct cg_text *t);
/* The exit status that passes the job's on. */
int job_exit_of(const struct cg_job_record *r);

/* job_run.c */
int job_run(struct cli *cli, const struct job_options *o, char **command);
int job_logs(struct cli *cli, const struct job_options *o, const char *id);
