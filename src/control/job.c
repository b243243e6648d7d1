/* Jobs as data: names, checks, and the table of transitions. */
#include "control/job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fdio.h"

/* What follows, by state and event. What is not listed is 0: there is no such transition, and who asks for it
 * made a mistake. */
#define TO(state) ((state) + 1)
/* Of whatever was told to a shim; it is queued again when that ended before the payload began, or by a
 * restart. */
#define ENDS                                                                                                 \
	[CG_ON_EXIT] = TO(CG_JOB_EXITED), [CG_ON_SIGNAL] = TO(CG_JOB_KILLED),                                \
	[CG_ON_FAIL] = TO(CG_JOB_FAILED), [CG_ON_LOSE] = TO(CG_JOB_LOST), [CG_ON_QUEUE] = TO(CG_JOB_QUEUED)

static const uint8_t transitions[CG_JOB_STATES][CG_ON_EVENTS] = {
	[CG_JOB_QUEUED] = {[CG_ON_START] = TO(CG_JOB_STARTING),
		[CG_ON_SIGNAL] = TO(CG_JOB_KILLED), /* ended before it began */
		[CG_ON_FAIL] = TO(CG_JOB_FAILED),
		[CG_ON_LOSE] = TO(CG_JOB_LOST)},
	[CG_JOB_STARTING] = {[CG_ON_STARTED] = TO(CG_JOB_RUNNING), [CG_ON_STOP] = TO(CG_JOB_STOPPING), ENDS},
	/* Running or frozen jobs fail when a manager before us did not read the answer. */
	[CG_JOB_RUNNING] = {[CG_ON_FREEZE] = TO(CG_JOB_FROZEN), [CG_ON_STOP] = TO(CG_JOB_STOPPING), ENDS},
	[CG_JOB_FROZEN] = {[CG_ON_THAW] = TO(CG_JOB_RUNNING), [CG_ON_STOP] = TO(CG_JOB_STOPPING), ENDS},
	[CG_JOB_STOPPING] = {ENDS},
	/* A result. Only a restart leads on, and from a loss nothing. */
	[CG_JOB_EXITED] = {[CG_ON_QUEUE] = TO(CG_JOB_QUEUED)},
	[CG_JOB_KILLED] = {[CG_ON_QUEUE] = TO(CG_JOB_QUEUED)},
	[CG_JOB_FAILED] = {[CG_ON_QUEUE] = TO(CG_JOB_QUEUED)},
};

int cg_job_next(enum cg_job_state state, enum cg_job_event event)
{
	uint8_t next = transitions[state][event];

	return next ? next - 1 : -EBADE;
}

bool cg_job_state_is_final(enum cg_job_state state)
{
	return state == CG_JOB_EXITED || state == CG_JOB_KILLED || state == CG_JOB_FAILED ||
	       state == CG_JOB_LOST;
}

bool cg_job_state_is_live(enum cg_job_state state)
{
	return !cg_job_state_is_final(state) && state != CG_JOB_QUEUED;
}

const char *cg_job_state_name(enum cg_job_state state)
{
	static const char *const names[CG_JOB_STATES] = {
		"queued", "starting", "running", "frozen", "stopping", "exited", "killed", "failed", "lost"};

	return names[state];
}

const char *cg_job_cause_name(enum cg_job_cause cause)
{
	static const char *const names[CG_CAUSES] = {"none", "exit", "signal", "oom", "pressure", "timeout",
		"client", "start", "shim", "reboot", "service", "checkpoint"};

	return names[cause];
}

const char *cg_restart_name(enum cg_restart restart)
{
	static const char *const names[CG_RESTARTS] = {"no", "on-failure", "always"};

	return names[restart];
}

enum cg_job_class cg_job_class_of(uint8_t priority)
{
	if (priority <= 33)
		return CG_CLASS_LOW;
	return priority <= 66 ? CG_CLASS_NORMAL : CG_CLASS_HIGH;
}

bool cg_job_restarts(const struct cg_job_spec *spec, const struct cg_job_record *record)
{
	bool well = record->state == CG_JOB_EXITED && record->code == 0;

	if (spec->restart == CG_RESTART_NO || record->asked_end != CG_CAUSE_NONE ||
		record->state == CG_JOB_LOST)
		return false;
	if (spec->restart == CG_RESTART_ON_FAILURE && well)
		return false;
	/* What cannot be started now cannot be started the next moment either. */
	if (record->state == CG_JOB_FAILED)
		return false;
	return spec->restart_max == 0 || record->restarts < spec->restart_max;
}

void cg_strings_free(struct cg_strings *s)
{
	free(s->data);
	*s = (struct cg_strings){0};
}

int cg_strings_add(struct cg_strings *s, struct cg_bytes with)
{
	char *more;

	if (with.len && memchr(with.data, '\0', with.len))
		return -EINVAL;
	if (with.len >= UINT32_MAX - s->len)
		return -ENOMEM;
	more = realloc(s->data, s->len + with.len + 1);
	if (!more)
		return -ENOMEM;
	s->data = more;
	if (with.len)
		memcpy(more + s->len, with.data, with.len);
	more[s->len + with.len] = '\0';
	s->len += (uint32_t)with.len + 1;
	s->count++;
	return 0;
}

const char *cg_strings_next(const struct cg_strings *s, const char *at)
{
	if (!s->count)
		return NULL;
	if (!at)
		return s->data;
	at += strlen(at) + 1;
	return at < s->data + s->len ? at : NULL;
}

char **cg_strings_array(const struct cg_strings *s)
{
	char **array = calloc((size_t)s->count + 1, sizeof(*array));
	char *at = s->data;

	for (uint32_t i = 0; array && i < s->count; i++) {
		array[i] = at;
		at += strlen(at) + 1;
	}
	return array;
}

void cg_job_spec_free(struct cg_job_spec *spec)
{
	struct cg_strings *lists[] = {&spec->argv, &spec->env, &spec->limits, &spec->require, &spec->after,
		&spec->labels, &spec->services, &spec->ready, &spec->groups};

	free(spec->id);
	free(spec->cwd);
	free(spec->service_of);
	free(spec->area);
	for (size_t i = 0; i < CG_ARRAY_SIZE(lists); i++)
		cg_strings_free(lists[i]);
	*spec = (struct cg_job_spec){0};
}

void cg_job_record_free(struct cg_job_record *record)
{
	free(record->reason);
	free(record->checkpoint);
	free(record->restore);
	record->reason = record->checkpoint = record->restore = NULL;
}

static bool is_id_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '_' || c == '.';
}

bool cg_job_id_is_valid(struct cg_bytes id)
{
	if (id.len == 0 || id.len > CG_JOB_ID_MAX || id.data[0] == '.' || id.data[0] == '-')
		return false;
	for (size_t i = 0; i < id.len; i++)
		if (!is_id_char(id.data[i]))
			return false;
	return true;
}

size_t cg_job_area_len(const char *name)
{
	const char *colon = strchr(name, ':');

	return colon ? (size_t)(colon - name) + 1 : 0;
}

bool cg_job_name_is_valid(struct cg_bytes name)
{
	struct cg_bytes area;

	if (!name.len || !memchr(name.data, ':', name.len))
		return cg_job_id_is_valid(name);
	return cg_bytes_split(&name, ':', &area) && area.len <= CG_AREA_NAME_MAX &&
	       cg_job_id_is_valid(area) && cg_job_id_is_valid(name);
}

static int check_id(const char *what, struct cg_bytes id, struct cg_error **err)
{
	_cleanup_text_ struct cg_text t = {0};
	int r;

	if (cg_job_id_is_valid(id))
		return 0;
	cg_text_escape(&t, (struct cg_bytes){id.data, id.len > 80 ? 80 : id.len});
	r = cg_error_usage(err, "%s \"%s\" is no id", what, t.data ? t.data : "");
	cg_error_hint(err,
		"an id has 1 to %d letters, digits, '-', '_' and '.', and begins with none of \"-.\"",
		CG_JOB_ID_MAX);
	return r;
}

/* NAME=VALUE with a name that is not empty. */
static int check_pairs(const char *what, const struct cg_strings *pairs, struct cg_error **err)
{
	for (const char *p = cg_strings_next(pairs, NULL); p; p = cg_strings_next(pairs, p)) {
		_cleanup_text_ struct cg_text t = {0};

		if (p[0] != '=' && strchr(p, '='))
			continue;
		cg_text_escape(&t, (struct cg_bytes){p, strnlen(p, 80)});
		return cg_error_usage(err, "%s \"%s\": NAME=VALUE is wanted", what, t.data ? t.data : "");
	}
	return 0;
}

static int check_ids(const char *what, const struct cg_strings *ids, struct cg_error **err)
{
	int r = 0;

	for (const char *p = cg_strings_next(ids, NULL); r == 0 && p; p = cg_strings_next(ids, p))
		r = check_id(what, cg_bytes_of(p), err);
	return r;
}

static int check_paths(const char *what, const struct cg_strings *paths, struct cg_error **err)
{
	for (const char *p = cg_strings_next(paths, NULL); p; p = cg_strings_next(paths, p))
		if (p[0] != '/')
			return cg_error_usage(err, "%s: an absolute path is wanted", what);
	return 0;
}

int cg_job_spec_check(const struct cg_job_spec *spec, struct cg_error **err)
{
	int r = check_id("the job's id", cg_bytes_of(spec->id), err);

	r = r < 0 ? r : check_ids("--after", &spec->after, err);
	r = r < 0 ? r : check_pairs("the environment's", &spec->env, err);
	r = r < 0 ? r : check_pairs("--labels", &spec->labels, err);
	r = r < 0 ? r : check_paths("--require-path", &spec->require, err);
	if (r < 0)
		return r;
	if (spec->argv.count == 0 || spec->argv.data[0] == '\0')
		return cg_error_usage(err, "the job has no command");
	if (!spec->cwd || spec->cwd[0] != '/')
		return cg_error_usage(err, "--cwd: an absolute path is wanted");
	if (spec->priority > CG_PRIORITY_MAX)
		return cg_error_usage(err, "--priority %u: 0 to %d", spec->priority, CG_PRIORITY_MAX);
	if (spec->restart >= CG_RESTARTS)
		return cg_error_usage(err, "there is no restart policy %u", spec->restart);
	if (spec->services.count > CG_JOB_SERVICES_MAX)
		return cg_error_usage(err, "%u services beside a job: at most %d", spec->services.count,
			CG_JOB_SERVICES_MAX);
	if (spec->ready.count > spec->services.count)
		return cg_error_usage(err, "--service-ready stands after the --service that it is for");
	return 0;
}

uint64_t cg_job_ran_us(const struct cg_job_record *record, uint64_t now)
{
	return now > record->started_us ? now - record->started_us : 0;
}
