/* Jobs and events as tables and as JSON. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/job.h"

static const char *signal_name(int code)
{
	const char *name = code > 0 && code < NSIG ? sigabbrev_np(code) : NULL;

	return name ? name : "?";
}

void job_describe_end(const struct cg_job_record *r, struct cg_text *t)
{
	cg_text_adds(t, cg_job_state_name(r->state));
	if (r->state == CG_JOB_EXITED)
		cg_text_printf(t, " %d", r->code);
	if (r->state == CG_JOB_KILLED)
		cg_text_printf(t, " by %s", signal_name(r->code));
	if (cg_job_state_is_final(r->state) && r->cause != CG_CAUSE_NONE && r->cause != CG_CAUSE_EXIT &&
		r->cause != CG_CAUSE_SIGNAL)
		cg_text_printf(t, " (%s)", cg_job_cause_name(r->cause));
}

int job_exit_of(const struct cg_job_record *r)
{
	switch (r->state) {
	case CG_JOB_EXITED:
		return r->code;
	case CG_JOB_KILLED:
		return 128 + r->code;
	case CG_JOB_FAILED:
		return r->code ? r->code : 125;
	default:
		return 125;
	}
}

static uint64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* "340ms", "12s", "5m", "3h", "2d" */
static void add_span(struct cg_text *t, uint64_t us)
{
	static const struct {
		uint64_t us;
		const char *unit;
	} units[] = {{86400000000u, "d"}, {3600000000u, "h"}, {60000000, "m"}, {1000000, "s"}, {1000, "ms"}};

	for (size_t i = 0; i < CG_ARRAY_SIZE(units); i++) {
		if (us < units[i].us && i + 1 < CG_ARRAY_SIZE(units))
			continue;
		cg_text_printf(t, "%llu%s", (unsigned long long)(us / units[i].us), units[i].unit);
		return;
	}
}

static void add_time(struct cg_text *t, uint64_t us)
{
	time_t seconds = (time_t)(us / 1000000);
	char text[40];
	struct tm tm;

	if (localtime_r(&seconds, &tm) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm))
		cg_text_adds(t, text);
}

static void add_command(struct cg_text *t, const struct cg_strings *argv)
{
	for (const char *p = cg_strings_next(argv, NULL); p; p = cg_strings_next(argv, p)) {
		if (p != argv->data)
			cg_text_addc(t, ' ');
		cg_text_escape(t, cg_bytes_of(p));
	}
}

/* How long it ran, or has been running, or waits. */
static uint64_t age(const struct cg_job_record *r)
{
	uint64_t from = r->started_us ? r->started_us : r->created_us,
		 to = cg_job_state_is_final(r->state) ? r->ended_us : now_us();

	return to > from ? to - from : 0;
}

static void json_list(struct json_out *j, const char *name, const struct cg_strings *s)
{
	json_open(json_member(j, name), '[');
	for (const char *p = cg_strings_next(s, NULL); p; p = cg_strings_next(s, p))
		json_bytes(j, cg_bytes_of(p));
	json_close(j, ']');
}

static void json_record(struct json_out *j, const struct cg_job_record *r)
{
	json_text(json_member(j, "state"), cg_job_state_name(r->state));
	json_text(json_member(j, "cause"), cg_job_cause_name(r->cause));
	if (r->state == CG_JOB_EXITED || r->state == CG_JOB_FAILED)
		json_signed(json_member(j, "code"), r->code);
	if (r->state == CG_JOB_KILLED) {
		json_signed(json_member(j, "signal"), r->code);
		json_text(json_member(j, "signal_name"), signal_name(r->code));
	}
	json_open(json_member(j, "frozen_by"), '[');
	if (r->frozen_by & CG_FROZEN_BY_CLIENT)
		json_text(j, "client");
	if (r->frozen_by & CG_FROZEN_BY_PRESSURE)
		json_text(j, "pressure");
	json_close(j, ']');
	json_number(json_member(j, "restarts"), r->restarts);
	if (r->payload.pid && !cg_job_state_is_final(r->state))
		json_number(json_member(j, "pid"), (uint64_t)r->payload.pid);
	json_number(json_member(j, "created_us"), r->created_us);
	if (r->started_us)
		json_number(json_member(j, "started_us"), r->started_us);
	if (r->ended_us)
		json_number(json_member(j, "ended_us"), r->ended_us);
	if (r->checkpoint)
		json_text(json_member(j, "checkpoint"), r->checkpoint);
	if (r->restore)
		json_text(json_member(j, "restore"), r->restore);
	if (r->reason)
		json_text(json_member(j, "reason"), r->reason);
}

static void json_usage(struct json_out *j, const struct cg_job_usage *u)
{
	json_open(json_member(j, "usage"), '{');
	for (unsigned i = 0; i < CG_USES; i++)
		if (u->has & 1u << i)
			json_number(json_member(j, cg_use_name((enum cg_use)i)), u->value[i]);
	json_close(j, '}');
}

static void json_job(struct json_out *j, const struct cg_job_info *i, bool all)
{
	json_text(json_member(j, "id"), i->spec.id);
	json_record(j, &i->record);
	json_number(json_member(j, "priority"), i->spec.priority);
	json_list(j, "command", &i->spec.argv);
	json_list(j, "limits", &i->spec.limits);
	json_list(j, "labels", &i->spec.labels);
	json_number(json_member(j, "owner"), i->spec.owner);
	if (!all)
		return;
	json_number(json_member(j, "uid"), i->spec.uid);
	json_number(json_member(j, "gid"), i->spec.gid);
	json_text(json_member(j, "cwd"), i->spec.cwd);
	json_list(j, "env", &i->spec.env);
	json_list(j, "require_paths", &i->spec.require);
	json_list(j, "after", &i->spec.after);
	json_number(json_member(j, "timeout_us"), i->spec.timeout_us);
	json_number(json_member(j, "stop_grace_us"), i->spec.grace_us);
	json_text(json_member(j, "restart"), cg_restart_name((enum cg_restart)i->spec.restart));
	json_number(json_member(j, "restart_max"), i->spec.restart_max);
	json_bool(json_member(j, "no_new_privs"), !i->spec.new_privs);
	json_bool(json_member(j, "unkillable"), i->spec.unkillable);
	json_usage(j, &i->usage);
}

static void list_json(const struct cg_job_info *job, size_t count)
{
	struct json_out j = json_begin(stdout, true);

	json_open(&j, '{');
	json_text(json_member(&j, "schema"), "cgtree.jobs/1");
	json_open(json_member(&j, "jobs"), '[');
	for (size_t i = 0; i < count; i++) {
		json_open(&j, '{');
		json_job(&j, &job[i], false);
		json_close(&j, '}');
	}
	json_close(&j, ']');
	json_close(&j, '}');
	json_end(&j);
}

void job_show_list(struct cli *cli, const struct cg_job_info *job, size_t count)
{
	size_t width = 2;

	if (cli->json) {
		list_json(job, count);
		return;
	}
	for (size_t i = 0; i < count; i++)
		if (strlen(job[i].spec.id) > width)
			width = strlen(job[i].spec.id);
	if (count)
		(void)printf(
			"%-*s  %-22s  %4s  %6s  %s\n", (int)width, "ID", "STATE", "PRIO", "TIME", "COMMAND");
	for (size_t i = 0; i < count; i++) {
		_cleanup_text_ struct cg_text state = {0}, span = {0}, command = {0};

		job_describe_end(&job[i].record, &state);
		add_span(&span, age(&job[i].record));
		add_command(&command, &job[i].spec.argv);
		(void)printf("%-*s  %-22s  %4u  %6s  %s\n", (int)width, job[i].spec.id, state.data,
			job[i].spec.priority, span.data, command.data ? command.data : "");
	}
	if (!count && !cli->quiet)
		cli_say(cli, "there are no jobs");
}

static void row(const char *name, const char *value)
{
	if (value && value[0])
		(void)printf("%-12s %s\n", name, value);
}

static void rows(const char *name, const struct cg_strings *s)
{
	for (const char *p = cg_strings_next(s, NULL); p; p = cg_strings_next(s, p)) {
		_cleanup_text_ struct cg_text t = {0};

		cg_text_escape(&t, cg_bytes_of(p));
		row(p == s->data ? name : "", t.data);
	}
}

static void usage_rows(const struct cg_job_usage *u)
{
	static const char *const names[CG_USES] = {"cpu time", "memory", "swap", "io", "tasks", "oom kills"};

	for (unsigned i = 0; i < CG_USES; i++) {
		_cleanup_text_ struct cg_text t = {0};

		if (!(u->has & 1u << i))
			continue;
		if (i == CG_USE_CPU)
			cg_text_printf(&t, "%llu.%03llus", (unsigned long long)(u->value[i] / 1000000),
				(unsigned long long)(u->value[i] / 1000 % 1000));
		else if (i == CG_USE_TASKS || i == CG_USE_OOM)
			cg_text_printf(&t, "%llu", (unsigned long long)u->value[i]);
		else
			cg_text_size(&t, u->value[i]);
		row(names[i], t.data);
	}
}

static void one_json(const struct cg_job_info *i, bool all)
{
	struct json_out j = json_begin(stdout, true);

	json_open(&j, '{');
	json_text(json_member(&j, "schema"), "cgtree.job/1");
	if (all) {
		json_job(&j, i, true);
	} else {
		json_text(json_member(&j, "id"), i->spec.id);
		json_text(json_member(&j, "state"), cg_job_state_name(i->record.state));
		json_usage(&j, &i->usage);
	}
	json_close(&j, '}');
	json_end(&j);
}

void job_show(struct cli *cli, const struct cg_job_info *i)
{
	_cleanup_text_ struct cg_text state = {0}, command = {0}, created = {0}, span = {0}, reason = {0},
				      user = {0}, cwd = {0};

	if (cli->json) {
		one_json(i, true);
		return;
	}
	job_describe_end(&i->record, &state);
	if (i->record.frozen_by)
		cg_text_printf(&state, ", frozen by%s%s",
			i->record.frozen_by & CG_FROZEN_BY_CLIENT ? " client" : "",
			i->record.frozen_by & CG_FROZEN_BY_PRESSURE ? " pressure" : "");
	if (i->record.restarts)
		cg_text_printf(&state, ", restarted %u times", i->record.restarts);
	add_command(&command, &i->spec.argv);
	add_time(&created, i->record.created_us);
	add_span(&span, age(&i->record));
	if (i->record.reason)
		cg_text_escape(&reason, cg_bytes_of(i->record.reason));
	cg_text_escape(&cwd, cg_bytes_of(i->spec.cwd));
	cg_text_printf(&user, "uid %u, gid %u", i->spec.uid, i->spec.gid);
	row("job", i->spec.id);
	row("state", state.data);
	row("why", reason.data);
	row("command", command.data);
	row("in", cwd.data);
	row("as", user.data);
	row("since", created.data);
	row("time", span.data);
	rows("limits", &i->spec.limits);
	rows("labels", &i->spec.labels);
	rows("after", &i->spec.after);
	usage_rows(&i->usage);
}

void job_show_stats(struct cli *cli, const struct cg_job_info *i)
{
	if (cli->json) {
		one_json(i, false);
		return;
	}
	if (!i->usage.has)
		cli_say(cli, "%s is %s: it uses nothing", i->spec.id, cg_job_state_name(i->record.state));
	usage_rows(&i->usage);
}

void job_note(struct cli *cli, const struct cg_job_info *i)
{
	_cleanup_text_ struct cg_text t = {0};

	if (!i->record.reason)
		return;
	cg_text_escape(&t, cg_bytes_of(i->record.reason));
	if (!t.failed)
		cli_warn_line(cli, t.data);
}

static void event_json(const struct cg_event *e)
{
	struct json_out j = json_begin(stdout, false);

	json_open(&j, '{');
	json_text(json_member(&j, "schema"), "cgtree.event/1");
	json_number(json_member(&j, "sequence"), e->sequence);
	json_number(json_member(&j, "time_us"), e->time_us);
	json_text(json_member(&j, "kind"), cg_event_kind_name(e->kind));
	json_text(json_member(&j, "what"), e->what);
	if (e->id[0]) {
		json_text(json_member(&j, "id"), e->id);
		json_text(json_member(&j, "state"), cg_job_state_name(e->state));
		json_text(json_member(&j, "cause"), cg_job_cause_name(e->cause));
		json_signed(json_member(&j, "code"), e->code);
	}
	if (e->text)
		json_text(json_member(&j, "text"), e->text);
	json_close(&j, '}');
	json_end(&j);
}

void job_show_event(struct cli *cli, const struct cg_event *e)
{
	_cleanup_text_ struct cg_text t = {0};

	if (cli->json) {
		event_json(e);
		return;
	}
	add_time(&t, e->time_us);
	cg_text_printf(&t, " %s%s%s", e->id, e->id[0] ? " " : "", e->what);
	if (e->kind == CG_EVENT_JOB && cg_job_state_is_final(e->state)) {
		struct cg_job_record r = {.state = e->state, .cause = e->cause, .code = e->code};

		cg_text_adds(&t, ": ");
		job_describe_end(&r, &t);
	}
	if (e->text) {
		cg_text_adds(&t, ": ");
		cg_text_escape(&t, cg_bytes_of(e->text));
	}
	(void)printf("%s\n", t.data ? t.data : "");
}
