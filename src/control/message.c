/* Between our structures and protobuf's. Building takes an arena that lives for one message; decoding checks
 * every number that is an index into a table here. */
#include "control/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "control.pb-c.h"
#include "control/limits.h"

typedef ProtobufCBinaryData bin;
typedef Cgtree__Control__JobSpec pb_spec;
typedef Cgtree__Control__JobRecord pb_record;

struct builder {
	struct cg_arena arena;
	bool failed;
};

static void *take(struct builder *b, size_t count, size_t size)
{
	void *p = cg_arena_array(&b->arena, count ? count : 1, size);

	b->failed |= !p;
	return p;
}

/* protobuf-c's structures are not const, and are not written to. */
static bin text(const char *s)
{
	return (bin){s ? strlen(s) : 0, (uint8_t *)(uintptr_t)s};
}

static bin *list(struct builder *b, const struct cg_strings *s, size_t *ret_count)
{
	bin *items = take(b, s->count, sizeof(*items));
	size_t n = 0;

	for (const char *p = cg_strings_next(s, NULL); items && p; p = cg_strings_next(s, p))
		items[n++] = text(p);
	*ret_count = n;
	return items;
}

static uint32_t *numbers(struct builder *b, const struct cg_strings *s, size_t *ret_count)
{
	uint32_t *items = take(b, s->count, sizeof(*items));
	size_t n = 0;

	for (const char *p = cg_strings_next(s, NULL); items && p; p = cg_strings_next(s, p))
		if (cg_parse_u32(cg_bytes_of(p), &items[n]) == 0)
			n++;
	*ret_count = n;
	return items;
}

#define SET(to, field, value) ((to)->has_##field = true, (to)->field = (value))

static pb_spec *build_spec(struct builder *b, const struct cg_job_spec *s)
{
	pb_spec *m = take(b, 1, sizeof(*m));

	if (!m)
		return NULL;
	cgtree__control__job_spec__init(m);
	SET(m, id, text(s->id));
	if (s->cwd)
		SET(m, cwd, text(s->cwd));
	m->argv = list(b, &s->argv, &m->n_argv);
	m->env = list(b, &s->env, &m->n_env);
	m->limits = list(b, &s->limits, &m->n_limits);
	m->require = list(b, &s->require, &m->n_require);
	m->after = list(b, &s->after, &m->n_after);
	m->labels = list(b, &s->labels, &m->n_labels);
	m->services = list(b, &s->services, &m->n_services);
	m->ready = list(b, &s->ready, &m->n_ready);
	m->groups = numbers(b, &s->groups, &m->n_groups);
	SET(m, uid, s->uid);
	SET(m, gid, s->gid);
	SET(m, timeout_us, s->timeout_us);
	SET(m, grace_us, s->grace_us);
	SET(m, restart, s->restart);
	SET(m, restart_max, s->restart_max);
	SET(m, priority, s->priority);
	SET(m, new_privs, s->new_privs);
	SET(m, unkillable, s->unkillable);
	SET(m, queue, s->queue);
	SET(m, foreground, s->foreground);
	SET(m, owner, s->owner);
	if (s->service_of)
		SET(m, service_of, text(s->service_of));
	SET(m, probe, s->probe);
	if (s->area)
		SET(m, area, text(s->area));
	return m;
}

static pb_record *build_record(struct builder *b, const struct cg_job_record *r)
{
	pb_record *m = take(b, 1, sizeof(*m));

	if (!m)
		return NULL;
	cgtree__control__job_record__init(m);
	SET(m, state, r->state);
	SET(m, cause, r->cause);
	SET(m, frozen_by, r->frozen_by);
	SET(m, asked_end, r->asked_end);
	SET(m, code, r->code);
	SET(m, restarts, r->restarts);
	SET(m, shim_pid, r->shim.pid);
	SET(m, shim_start, r->shim.start_time);
	SET(m, payload_pid, r->payload.pid);
	SET(m, payload_start, r->payload.start_time);
	SET(m, created_us, r->created_us);
	SET(m, started_us, r->started_us);
	SET(m, ended_us, r->ended_us);
	if (r->reason)
		SET(m, reason, text(r->reason));
	if (r->checkpoint)
		SET(m, checkpoint, text(r->checkpoint));
	if (r->restore)
		SET(m, restore, text(r->restore));
	SET(m, mover_pid, r->mover.pid);
	SET(m, mover_start, r->mover.start_time);
	SET(m, moved_us, r->moved_us);
	SET(m, leave_running, r->leave_running);
	SET(m, output, r->output);
	return m;
}

static Cgtree__Control__Job *build_job(struct builder *b, const struct cg_job_info *j)
{
	Cgtree__Control__Job *m = take(b, 1, sizeof(*m));

	if (!m)
		return NULL;
	cgtree__control__job__init(m);
	m->spec = build_spec(b, &j->spec);
	m->record = build_record(b, &j->record);
	m->usage = take(b, CG_USES, sizeof(*m->usage));
	for (size_t i = 0; m->usage && i < CG_USES; i++) {
		Cgtree__Control__Usage *u = take(b, 1, sizeof(*u));

		if (!u || !(j->usage.has & 1u << i))
			continue;
		cgtree__control__usage__init(u);
		SET(u, kind, (uint32_t)i);
		SET(u, value, j->usage.value[i]);
		m->usage[m->n_usage++] = u;
	}
	return m;
}

static Cgtree__Control__Event *build_event(struct builder *b, const struct cg_event *e)
{
	Cgtree__Control__Event *m = take(b, 1, sizeof(*m));

	if (!m)
		return NULL;
	cgtree__control__event__init(m);
	SET(m, sequence, e->sequence);
	SET(m, time_us, e->time_us);
	SET(m, kind, e->kind);
	SET(m, id, text(e->id));
	SET(m, what, text(e->what));
	SET(m, state, e->state);
	SET(m, cause, e->cause);
	SET(m, code, e->code);
	if (e->text)
		SET(m, text, text(e->text));
	return m;
}

static void put_u32(uint8_t *at, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t get_u32(const char *at)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++)
		v |= (uint32_t)(uint8_t)at[i] << (8 * i);
	return v;
}

/* Appends `head` bytes of room and the packed message; where they begin, NULL when it failed. */
static uint8_t *pack(
	struct builder *b, const ProtobufCMessage *m, size_t head, struct cg_text *t, size_t *ret_len)
{
	size_t len = b->failed ? 0 : protobuf_c_message_get_packed_size(m), start = t->len;
	_cleanup_free_ uint8_t *bytes = b->failed ? NULL : calloc(head + len + 1, 1);

	if (!bytes)
		return NULL;
	(void)protobuf_c_message_pack(m, bytes + head);
	cg_text_add(t, bytes, head + len);
	*ret_len = len;
	return t->failed ? NULL : (uint8_t *)t->data + start;
}

static int finish(struct builder *b, const ProtobufCMessage *m, struct cg_text *t)
{
	size_t len = 0, start = t->len;
	uint8_t *at = pack(b, m, CG_MESSAGE_HEAD, t, &len);

	cg_arena_free(&b->arena);
	if (!at)
		return -ENOMEM;
	if (len > CG_MESSAGE_MOST) {
		t->len = start;
		return -EMSGSIZE;
	}
	put_u32(at, (uint32_t)len);
	return 0;
}

int cg_request_encode(const struct cg_request *r, struct cg_text *t)
{
	Cgtree__Control__Request m = CGTREE__CONTROL__REQUEST__INIT;
	struct builder b = {0};

	SET(&m, verb, (uint32_t)r->verb);
	if (r->id)
		SET(&m, id, text(r->id));
	if (r->has_spec)
		m.spec = build_spec(&b, &r->spec);
	SET(&m, signal, r->signal);
	if (r->grace_us != UINT64_MAX)
		SET(&m, grace_us, r->grace_us);
	SET(&m, follow, r->follow);
	SET(&m, keep_jobs, r->keep_jobs);
	SET(&m, force, r->force);
	SET(&m, leave_running, r->leave_running);
	if (r->dir)
		SET(&m, dir, text(r->dir));
	return finish(&b, &m.base, t);
}

static void build_error(Cgtree__Control__Reply *m, const struct cg_error *e)
{
	SET(m, code, (uint32_t)e->code);
	SET(m, fault, (uint32_t)e->fault);
	SET(m, message, text(e->message));
	if (e->path)
		SET(m, path, text(e->path));
	if (e->knob)
		SET(m, knob, text(e->knob));
	if (e->hint)
		SET(m, hint, text(e->hint));
}

int cg_reply_encode(const struct cg_reply *r, struct cg_text *t)
{
	Cgtree__Control__Reply m = CGTREE__CONTROL__REPLY__INIT;
	struct builder b = {0};

	if (r->error)
		build_error(&m, r->error);
	SET(&m, more, r->more);
	m.jobs = take(&b, r->jobs, sizeof(*m.jobs));
	for (size_t i = 0; m.jobs && i < r->jobs; i++)
		m.jobs[m.n_jobs++] = build_job(&b, &r->job[i]);
	m.events = take(&b, r->events, sizeof(*m.events));
	for (size_t i = 0; m.events && i < r->events; i++)
		m.events[m.n_events++] = build_event(&b, &r->event[i]);
	m.notes = list(&b, &r->notes, &m.n_notes);
	if (r->version)
		SET(&m, version, text(r->version));
	if (r->root)
		SET(&m, root, text(r->root));
	if (r->pid)
		SET(&m, pid, r->pid);
	return finish(&b, &m.base, t);
}

/* A string without NUL; *ret stays NULL for a field that is not there. */
static int copy(bool has, bin from, char **ret)
{
	if (!has)
		return 0;
	if (from.len && memchr(from.data, '\0', from.len))
		return -EINVAL;
	*ret = strndup(from.len ? (const char *)from.data : "", from.len);
	return *ret ? 0 : -ENOMEM;
}

static int copy_list(const bin *from, size_t count, struct cg_strings *to)
{
	size_t room = 0;
	int r = 0;

	for (size_t i = 0; i < count; i++)
		room += from[i].len + 1;
	/* At once: adding one by one would copy what is there each time. */
	to->data = malloc(room + 1);
	if (!to->data)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (from[i].len && memchr(from[i].data, '\0', from[i].len))
			return -EINVAL;
		if (from[i].len)
			memcpy(to->data + to->len, from[i].data, from[i].len);
		to->len += (uint32_t)from[i].len;
		to->data[to->len++] = '\0';
		to->count++;
	}
	if (!count)
		cg_strings_free(to);
	return r;
}

static int copy_numbers(const uint32_t *from, size_t count, struct cg_strings *to)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count && i < 65536; i++) {
		_cleanup_text_ struct cg_text t = {0};

		cg_text_printf(&t, "%u", from[i]);
		r = t.failed ? -ENOMEM : cg_strings_add(to, (struct cg_bytes){t.data, t.len});
	}
	return r;
}

static int parse_lists(const pb_spec *m, struct cg_job_spec *s)
{
	int r = copy_list(m->argv, m->n_argv, &s->argv);

	r = r < 0 ? r : copy_list(m->env, m->n_env, &s->env);
	r = r < 0 ? r : copy_list(m->limits, m->n_limits, &s->limits);
	r = r < 0 ? r : copy_list(m->require, m->n_require, &s->require);
	r = r < 0 ? r : copy_list(m->after, m->n_after, &s->after);
	r = r < 0 ? r : copy_list(m->labels, m->n_labels, &s->labels);
	r = r < 0 ? r : copy_list(m->services, m->n_services, &s->services);
	r = r < 0 ? r : copy_list(m->ready, m->n_ready, &s->ready);
	return r < 0 ? r : copy_numbers(m->groups, m->n_groups, &s->groups);
}

static int parse_spec(const pb_spec *m, struct cg_job_spec *s)
{
	int r = copy(m->has_id, m->id, &s->id);

	r = r < 0 ? r : copy(m->has_cwd, m->cwd, &s->cwd);
	r = r < 0 ? r : copy(m->has_service_of, m->service_of, &s->service_of);
	r = r < 0 ? r : copy(m->has_area, m->area, &s->area);
	r = r < 0 ? r : parse_lists(m, s);
	if (r < 0)
		return r;
	if (m->priority > UINT8_MAX || m->restart > UINT8_MAX)
		return -EINVAL;
	s->uid = m->has_uid ? m->uid : UINT32_MAX;
	s->gid = m->has_gid ? m->gid : UINT32_MAX;
	s->owner = m->has_owner ? m->owner : UINT32_MAX;
	s->timeout_us = m->timeout_us;
	s->grace_us = m->grace_us;
	s->restart = (uint8_t)m->restart;
	s->restart_max = m->restart_max;
	s->priority = (uint8_t)m->priority;
	s->new_privs = m->new_privs;
	s->unkillable = m->unkillable;
	s->queue = m->queue;
	s->foreground = m->foreground;
	s->probe = m->probe;
	return 0;
}

static int parse_record(const pb_record *m, struct cg_job_record *r)
{
	int code;

	if (m->state >= CG_JOB_STATES || m->cause >= CG_CAUSES || m->asked_end >= CG_CAUSES ||
		m->frozen_by > (CG_FROZEN_BY_CLIENT | CG_FROZEN_BY_PRESSURE) || m->shim_pid < 0 ||
		m->payload_pid < 0 || m->mover_pid < 0)
		return -EINVAL;
	r->state = (enum cg_job_state)m->state;
	r->cause = (enum cg_job_cause)m->cause;
	r->frozen_by = (uint8_t)m->frozen_by;
	r->asked_end = (uint8_t)m->asked_end;
	r->code = m->code;
	r->restarts = m->restarts;
	r->shim = (struct cg_job_process){m->shim_pid, m->shim_start};
	r->payload = (struct cg_job_process){m->payload_pid, m->payload_start};
	r->created_us = m->created_us;
	r->started_us = m->started_us;
	r->ended_us = m->ended_us;
	r->mover = (struct cg_job_process){m->mover_pid, m->mover_start};
	r->moved_us = m->moved_us;
	r->leave_running = m->leave_running;
	r->output = m->output;
	cg_job_record_free(r);
	code = copy(m->has_reason, m->reason, &r->reason);
	code = code < 0 ? code : copy(m->has_checkpoint, m->checkpoint, &r->checkpoint);
	return code < 0 ? code : copy(m->has_restore, m->restore, &r->restore);
}

void cg_request_free(struct cg_request *r)
{
	free(r->id);
	free(r->dir);
	cg_job_spec_free(&r->spec);
	*r = (struct cg_request){0};
}

int cg_request_decode(struct cg_bytes message, struct cg_request *ret)
{
	_cleanup_request_ struct cg_request q = {0};
	Cgtree__Control__Request *m;
	int r;

	if (message.len > CG_MESSAGE_MOST)
		return -EINVAL;
	m = cgtree__control__request__unpack(NULL, message.len, (const uint8_t *)message.data);
	if (!m)
		return -EINVAL;
	q.verb = (enum cg_verb)m->verb;
	q.signal = m->signal;
	q.grace_us = m->has_grace_us ? m->grace_us : UINT64_MAX;
	q.follow = m->follow;
	q.keep_jobs = m->keep_jobs;
	q.force = m->force;
	q.leave_running = m->leave_running;
	q.has_spec = m->spec != NULL;
	r = m->verb < CG_VERBS ? copy(m->has_id, m->id, &q.id) : -EINVAL;
	r = r < 0 ? r : copy(m->has_dir, m->dir, &q.dir);
	if (r == 0 && m->spec)
		r = parse_spec(m->spec, &q.spec);
	cgtree__control__request__free_unpacked(m, NULL);
	if (r < 0)
		return r;
	*ret = q;
	q = (struct cg_request){0};
	return 0;
}

static void job_info_free(struct cg_job_info *j)
{
	cg_job_spec_free(&j->spec);
	cg_job_record_free(&j->record);
}

void cg_reply_free(struct cg_reply *r)
{
	for (size_t i = 0; i < r->jobs; i++)
		job_info_free(&r->job[i]);
	for (size_t i = 0; i < r->events; i++)
		free(r->event[i].text);
	free(r->job);
	free(r->event);
	free(r->version);
	free(r->root);
	cg_strings_free(&r->notes);
	cg_strings_free(&r->words);
	r->error = cg_error_free(r->error);
	*r = (struct cg_reply){0};
}

static int parse_job(const Cgtree__Control__Job *m, struct cg_job_info *j)
{
	int r = m->spec && m->record ? parse_spec(m->spec, &j->spec) : -EINVAL;

	r = r < 0 ? r : parse_record(m->record, &j->record);
	for (size_t i = 0; r == 0 && i < m->n_usage; i++) {
		if (m->usage[i]->kind >= CG_USES)
			return -EINVAL;
		j->usage.value[m->usage[i]->kind] = m->usage[i]->value;
		j->usage.has |= 1u << m->usage[i]->kind;
	}
	return r;
}

static int parse_event(const Cgtree__Control__Event *m, struct cg_event *e)
{
	if (m->kind >= CG_EVENT_KINDS || m->state >= CG_JOB_STATES || m->cause >= CG_CAUSES ||
		m->id.len > CG_JOB_NAME_MAX || (m->id.len && memchr(m->id.data, '\0', m->id.len)))
		return -EINVAL;
	e->sequence = m->sequence;
	e->time_us = m->time_us;
	e->kind = (enum cg_event_kind)m->kind;
	e->state = (enum cg_job_state)m->state;
	e->cause = (enum cg_job_cause)m->cause;
	e->code = m->code;
	if (m->id.len)
		memcpy(e->id, m->id.data, m->id.len);
	return copy(m->has_text, m->text, &e->text);
}

static int parse_events(const Cgtree__Control__Reply *m, struct cg_reply *r)
{
	const char *word = NULL;
	int code = 0;

	for (size_t i = 0; code == 0 && i < m->n_events; i++) {
		code = parse_event(m->events[i], &r->event[i]);
		if (code == 0)
			code = cg_strings_add(
				&r->words, (struct cg_bytes){(const char *)m->events[i]->what.data,
						   m->events[i]->what.len});
		r->events++;
	}
	for (size_t i = 0; code == 0 && i < r->events; i++) {
		word = cg_strings_next(&r->words, word);
		r->event[i].what = word;
	}
	return code;
}

/* The manager's error as one of ours. */
static int parse_error(const Cgtree__Control__Reply *m, struct cg_reply *r)
{
	_cleanup_free_ char *message = NULL, *path = NULL, *knob = NULL, *hint = NULL;
	int code;

	if (!m->code)
		return 0;
	if (m->code > 4095 || m->fault > CG_FAULT_PARTIAL)
		return -EINVAL;
	code = copy(true, m->message, &message);
	code = code < 0 ? code : copy(m->has_path, m->path, &path);
	code = code < 0 ? code : copy(m->has_knob, m->knob, &knob);
	code = code < 0 ? code : copy(m->has_hint, m->hint, &hint);
	if (code < 0)
		return code;
	(void)cg_error_make(&r->error, (enum cg_fault)m->fault, (int)m->code, "%s", message);
	cg_error_at(&r->error, path, knob);
	if (hint)
		cg_error_hint(&r->error, "%s", hint);
	return 0;
}

static int parse_reply(const Cgtree__Control__Reply *m, struct cg_reply *r)
{
	int code = parse_error(m, r);

	r->more = m->more;
	r->pid = m->pid;
	r->job = calloc(m->n_jobs + 1, sizeof(*r->job));
	r->event = calloc(m->n_events + 1, sizeof(*r->event));
	if (!r->job || !r->event)
		return -ENOMEM;
	for (size_t i = 0; code == 0 && i < m->n_jobs; i++)
		code = parse_job(m->jobs[i], &r->job[r->jobs++]);
	code = code < 0 ? code : parse_events(m, r);
	code = code < 0 ? code : copy_list(m->notes, m->n_notes, &r->notes);
	code = code < 0 ? code : copy(m->has_version, m->version, &r->version);
	return code < 0 ? code : copy(m->has_root, m->root, &r->root);
}

int cg_reply_decode(struct cg_bytes message, struct cg_reply *ret)
{
	_cleanup_reply_ struct cg_reply reply = {0};
	Cgtree__Control__Reply *m;
	int r;

	if (message.len > CG_MESSAGE_MOST)
		return -EINVAL;
	m = cgtree__control__reply__unpack(NULL, message.len, (const uint8_t *)message.data);
	if (!m)
		return -EINVAL;
	r = parse_reply(m, &reply);
	cgtree__control__reply__free_unpacked(m, NULL);
	if (r < 0)
		return r;
	*ret = reply;
	reply = (struct cg_reply){0};
	return 0;
}

#define ENTRY_HEAD 8

/* FNV-1a, folded: a cut-off or overwritten entry is an accident, not an attack. */
static uint32_t checksum(const uint8_t *bytes, size_t len)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ bytes[i]) * 0x100000001b3u;
	return (uint32_t)(h ^ h >> 32);
}

int cg_entry_encode(const struct cg_job_spec *spec, const struct cg_job_record *record, const char *override,
	struct cg_text *t)
{
	Cgtree__Control__Entry m = CGTREE__CONTROL__ENTRY__INIT;
	struct builder b = {0};
	size_t len = 0;
	uint8_t *at;

	if (spec)
		m.spec = build_spec(&b, spec);
	m.record = build_record(&b, record);
	if (override)
		SET(&m, override, text(override));
	at = pack(&b, &m.base, ENTRY_HEAD, t, &len);
	cg_arena_free(&b.arena);
	if (!at)
		return -ENOMEM;
	put_u32(at, (uint32_t)len);
	put_u32(at + 4, checksum(at + ENTRY_HEAD, len));
	return 0;
}

/* "KNOB=" takes the override back. */
static int parse_override(const Cgtree__Control__Entry *m, struct cg_journal *j)
{
	_cleanup_free_ char *text_ = NULL;
	struct cg_strings one = {0};
	int r = copy(true, m->override, &text_);
	const char *equals;

	if (r < 0)
		return r;
	equals = strchr(text_, '=');
	if (!equals)
		return -EINVAL;
	r = cg_strings_add(&one, cg_bytes_of(text_));
	r = r < 0 ? r : cg_limits_merge(&j->overrides, &one);
	cg_strings_free(&one);
	if (r == 0 && equals[1] == '\0') {
		struct cg_strings kept = {0};

		for (const char *p = cg_strings_next(&j->overrides, NULL); r == 0 && p;
			p = cg_strings_next(&j->overrides, p))
			if (strcmp(p, text_) != 0)
				r = cg_strings_add(&kept, cg_bytes_of(p));
		cg_strings_free(&j->overrides);
		j->overrides = kept;
	}
	return r;
}

static int parse_entry(struct cg_bytes bytes, struct cg_journal *j)
{
	Cgtree__Control__Entry *m =
		cgtree__control__entry__unpack(NULL, bytes.len, (const uint8_t *)bytes.data);
	int r = 0;

	if (!m)
		return -EINVAL;
	if (!m->record || (j->entries == 0 && !m->spec))
		r = -EINVAL;
	if (r == 0 && m->spec) {
		cg_job_spec_free(&j->spec);
		r = parse_spec(m->spec, &j->spec);
		if (r == 0 && !cg_job_name_is_valid(cg_bytes_of(j->spec.id)))
			r = -EINVAL;
	}
	r = r < 0 ? r : parse_record(m->record, &j->record);
	if (r == 0 && m->has_override)
		r = parse_override(m, j);
	cgtree__control__entry__free_unpacked(m, NULL);
	return r;
}

int cg_journal_parse(struct cg_bytes text_, struct cg_journal *ret)
{
	_cleanup_journal_ struct cg_journal j = {0};

	while (text_.len >= ENTRY_HEAD) {
		uint32_t len = get_u32(text_.data), sum = get_u32(text_.data + 4);
		struct cg_bytes bytes = {text_.data + ENTRY_HEAD, len};
		int r;

		if (len > text_.len - ENTRY_HEAD || checksum((const uint8_t *)bytes.data, len) != sum)
			break;
		r = parse_entry(bytes, &j);
		if (r < 0)
			return r;
		j.entries++;
		j.whole += ENTRY_HEAD + len;
		text_.data += ENTRY_HEAD + len;
		text_.len -= ENTRY_HEAD + len;
	}
	if (j.entries == 0)
		return -EINVAL;
	*ret = j;
	j = (struct cg_journal){0};
	return 0;
}

void cg_journal_free(struct cg_journal *j)
{
	cg_job_spec_free(&j->spec);
	cg_job_record_free(&j->record);
	cg_strings_free(&j->overrides);
	*j = (struct cg_journal){0};
}
