/* What each verb does for whom. Root and the manager's own user may do all; others see and touch what is
 * theirs, and are not told of anything else. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "manager/move.h"

#define LIST_AT_ONCE    ((size_t)64 << 10)
#define COMMAND_IN_LIST 200  /* bytes of a command that a list shows */
#define STRINGS_IN_LIST 2048 /* bytes of limits, labels, names */
#define GROUPS_MOST     1024
#define EVENTS_AT_ONCE  64
_Static_assert(EVENTS_AT_ONCE *(WORDS_MOST + 224) <= CG_MESSAGE_MOST, "events fit");
#define TIME_LONGEST_US ((uint64_t)365 * 86400 * 1000000)

/* The job that is meant, or NULL after the client was told. */
static struct job *wanted(struct client *c, const struct cg_request *q)
{
	struct job *j = q->id ? scope_find(c, q->id) : NULL;
	_cleanup_text_ struct cg_text t = {0};
	struct cg_error *err = NULL;

	if (j)
		return j;
	cg_text_escape(&t, (struct cg_bytes){q->id ? q->id : "", q->id ? strnlen(q->id, 80) : 0});
	(void)cg_error_make(&err, CG_FAULT_USAGE, ENOENT, "there is no job \"%s\"", t.data ? t.data : "");
	cg_error_hint(&err, "see cgtree job list");
	client_error(c, err);
	return NULL;
}

static struct cg_job_info info_of(struct job *j, bool usage)
{
	struct cg_job_info i = {.spec = j->spec, .record = j->record};

	if (usage && cg_job_state_is_live(j->record.state))
		cg_host_usage(&j->m->host, j->spec.id, CG_USE_ALL, &i.usage);
	return i;
}

void reply_job(struct client *c, struct job *j, bool usage, bool more)
{
	struct cg_job_info i = info_of(j, usage);
	struct cg_reply reply = {.job = &i, .jobs = 1, .more = more};

	client_reply(c, &reply);
}

struct brief {
	struct cg_job_info info;
	char command[COMMAND_IN_LIST + sizeof("...")];
};

/* Those of the strings that come first and fit into so many bytes. */
static struct cg_strings first_of(const struct cg_strings *s, uint32_t most)
{
	struct cg_strings first = {.data = s->data};

	for (const char *p = cg_strings_next(s, NULL); p; p = cg_strings_next(s, p)) {
		uint32_t len = (uint32_t)(p - s->data) + (uint32_t)strlen(p) + 1;

		if (len > most)
			break;
		first.len = len;
		first.count++;
	}
	return first;
}

/* What a list shows of a job: not its environment, and of what may be long the beginning. Points into the job
 * and into *b. */
static void brief_of(struct job *j, struct brief *b)
{
	struct cg_job_spec *s = &b->info.spec;

	b->info = info_of(j, false);
	s->env = s->require = s->groups = s->services = s->ready = (struct cg_strings){0};
	s->limits = first_of(&j->spec.limits, STRINGS_IN_LIST);
	s->labels = first_of(&j->spec.labels, STRINGS_IN_LIST);
	s->after = first_of(&j->spec.after, STRINGS_IN_LIST);
	s->cwd = NULL;
	if (s->argv.len <= COMMAND_IN_LIST)
		return;
	memcpy(b->command, s->argv.data, COMMAND_IN_LIST);
	memcpy(b->command + COMMAND_IN_LIST, "...", sizeof("..."));
	s->argv = (struct cg_strings){.data = b->command, .len = sizeof(b->command)};
	for (size_t i = 0; i < sizeof(b->command); i++)
		s->argv.count += b->command[i] == '\0';
}

void client_list_more(struct client *c)
{
	struct brief one;
	struct cg_reply reply = {.job = &one.info, .jobs = 1, .more = true};
	struct job *j;

	while (c->out.len < LIST_AT_ONCE && (j = job_from_handle(c->m, c->list_next))) {
		c->list_next = j->handle + 1;
		if (!client_may_see(c, j))
			continue;
		brief_of(j, &one);
		client_reply(c, &reply);
	}
	if (c->out.len >= LIST_AT_ONCE)
		return;
	reply = (struct cg_reply){0};
	client_reply(c, &reply);
	c->listing = false;
}

static void do_list(struct client *c, struct cg_request *q)
{
	(void)q;
	c->listing = true;
	c->list_next = 0;
	client_flush(c);
}

static void do_ping(struct client *c, struct cg_request *q)
{
	struct cg_manager *m = c->m;
	char version[] = CGTREE_VERSION;
	struct cg_reply reply = {.version = version, .root = m->host.top.path, .pid = (uint64_t)getpid()};

	(void)q;
	client_reply(c, &reply);
}

static int invent_id(const struct client *c, struct cg_job_spec *s)
{
	const struct cg_manager *m = c->m;

	for (uint32_t n = m->next_handle + 1;; n++) {
		free(s->id);
		if (asprintf(&s->id, "job-%u", n) < 0) {
			s->id = NULL;
			return -ENOMEM;
		}
		if (!(c->scope ? scope_find(c, s->id) : job_find(m, s->id)))
			return 0;
	}
}

/* The supplementary groups that the peer had when it connected (SO_PEERGROUPS). */
static int peer_groups(const struct client *c, struct cg_strings *groups)
{
	_cleanup_free_ gid_t *list = calloc(GROUPS_MOST, sizeof(*list));
	socklen_t size = GROUPS_MOST * sizeof(*list);

	if (!list)
		return -ENOMEM;
	cg_strings_free(groups);
	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERGROUPS, list, &size) < 0)
		return -errno;
	for (size_t i = 0; i < size / sizeof(*list); i++) {
		char text[16];
		int n = snprintf(text, sizeof(text), "%u", list[i]),
		    r = cg_strings_add(groups, (struct cg_bytes){text, (size_t)n});

		if (r < 0)
			return r;
	}
	return 0;
}

/* Who it runs as: the peer, unless root names another. */
static int settle_user(const struct client *c, struct cg_job_spec *s, struct cg_error **err)
{
	int r = 0;

	s->owner = c->uid;
	/* Not for clients to say. */
	free(s->service_of);
	s->service_of = NULL;
	s->probe = false;
	if (s->uid == UINT32_MAX || (s->uid == c->uid && !client_is_master(c))) {
		s->uid = c->uid;
		s->gid = c->gid;
		r = peer_groups(c, &s->groups);
		return r < 0 ? cg_error_errno(err, -r, "cannot tell your groups") : 0;
	}
	if (c->uid != 0)
		return cg_error_make(err, CG_FAULT_USAGE, EPERM, "--user: only root may name another user");
	if (geteuid() != 0 && s->uid != geteuid())
		return cg_error_make(err, CG_FAULT_SYSTEM, EPERM,
			"--user: this manager runs as user %u and cannot start jobs as user %u", geteuid(),
			s->uid);
	if (s->gid == UINT32_MAX)
		return cg_error_usage(err, "a user without a group");
	return 0;
}

static int check_times(const struct cg_job_spec *s, struct cg_error **err)
{
	if (s->timeout_us > TIME_LONGEST_US || s->grace_us > TIME_LONGEST_US)
		return cg_error_usage(err, "a time of more than a year");
	return 0;
}

/* A terminal is there now, not some other time. */
static int check_foreground(const struct client *c, const struct cg_job_spec *s, struct cg_error **err)
{
	if (!s->foreground)
		return 0;
	if (c->fd_count != 3)
		return cg_error_usage(err, "a job in the foreground brings three descriptors");
	if (s->restart != CG_RESTART_NO || s->queue || s->after.count || s->services.count)
		return cg_error_usage(err,
			"a job in the foreground starts once and now: --restart, --queue, --after and --service are for submit");
	return 0;
}

static int check_submit(struct client *c, struct cg_job_spec *s, struct cg_error **err)
{
	int r = 0;

	if (c->m->quitting)
		return cg_error_make(err, CG_FAULT_SYSTEM, ESHUTDOWN, "the manager is about to end");
	if ((!s->id || !s->id[0]) && invent_id(c, s) < 0)
		return cg_error_oom(err);
	r = cg_job_spec_check(s, err);
	r = r < 0 ? r : check_times(s, err);
	r = r < 0 ? r : cg_limits_check(&s->limits, err);
	r = r < 0 ? r : settle_user(c, s, err);
	r = r < 0 ? r : scope_settle(c, s, err);
	r = r < 0 ? r : spec_check_size(s, err);
	r = r < 0 ? r : check_foreground(c, s, err);
	r = r < 0 ? r : quota_check(c, s, err);
	if (r == 0 && job_find(c->m, s->id)) {
		r = cg_error_make(err, CG_FAULT_USAGE, EEXIST, "there is a job %s already", s->id);
		cg_error_hint(err, "choose another id, or remove its result: cgtree job remove %s", s->id);
	}
	return r;
}

static int not_admitted(const struct job *j, struct cg_error **err)
{
	bool wait = false;
	int r;

	if (!cg_governor_admits(j->m->governor, &wait, err))
		return wait ? 0 : -EAGAIN;
	r = cg_error_make(err, CG_FAULT_SYSTEM, EAGAIN, "%u jobs run already, as many as may (--running-max)",
		j->m->live);

	cg_error_hint(err, "let it wait for its turn: --queue");
	return r;
}

/* Starts it, or lets it wait where that was asked for. 1: started, 0: waits. */
static int begin(struct job *j, const int stdio[3], struct cg_error **err)
{
	_cleanup_limit_plan_ struct cg_limit_plan plan = {0};
	bool wait = false;
	int r = job_may_start(j, err);

	if (r < 0)
		return r;
	if (r > 0) {
		memcpy(j->stdio, stdio, sizeof(j->stdio));
		r = job_start(j, err);
		return r < 0 ? r : 1;
	}
	/* Its client's descriptors are here now, not when its turn comes. */
	if (j->spec.foreground && cg_governor_admits(j->m->governor, &wait, NULL) == 0 && wait) {
		r = cg_error_make(err, CG_FAULT_SYSTEM, EAGAIN,
			"no job is started now, and one in the foreground cannot wait");
		cg_error_hint(err,
			"see cgtree job events for the reason; submit a job that may wait: cgtree job submit");
		return r;
	}
	if (!j->spec.queue && !j->spec.after.count && !j->spec.services.count) {
		_cleanup_error_ struct cg_error *why = NULL;

		r = not_admitted(j, &why);
		if (r < 0) {
			*err = cg_steal(why);
			return r;
		}
	}
	/* What this host cannot hold is refused now, not when its turn comes. */
	return cg_limit_plan_make(&j->m->host, j->spec.id, &j->spec.limits, &plan, err);
}

static void do_submit(struct client *c, struct cg_request *q)
{
	struct cg_error *err = NULL;
	struct job *j;
	int r = q->has_spec ? check_submit(c, &q->spec, &err)
			    : cg_error_usage(&err, "a job without a specification");

	if (r < 0) {
		client_error(c, err);
		return;
	}
	j = job_add(c->m, &q->spec);
	if (!j) {
		(void)cg_error_oom(&err);
		client_error(c, err);
		return;
	}
	j->record.created_us = realtime_us();
	r = services_add(j, &err);
	if (r == 0) {
		job_record(j);
		r = begin(j, c->fds, &err);
	}
	if (r < 0) {
		tell(c->m, j, CG_EVENT_JOB, "refused", "%s", err->message);
		job_forget(j);
		client_error(c, err);
		return;
	}
	c->then_end = j->spec.foreground;
	if (r > 0 || j->spec.services.count) {
		client_wait_for(c, j, CLIENT_START);
		queue_kick(c->m);
		return;
	}
	tell(c->m, j, CG_EVENT_JOB, "queued", "%s", "");
	cg_store_keep(&c->m->store, j->spec.id, &j->spec, &j->record);
	reply_job(c, j, false, false);
}

static bool may_move(struct client *c, const struct cg_request *q)
{
	struct cg_error *err = NULL;

	if (client_is_master(c) && q->dir)
		return true;
	if (q->dir)
		(void)cg_error_make(
			&err, CG_FAULT_USAGE, EPERM, "only root and the manager's own user may do that");
	else
		(void)cg_error_usage(&err, "no folder was named");
	client_error(c, err);
	return false;
}

static void do_checkpoint(struct client *c, struct cg_request *q)
{
	struct job *j = may_move(c, q) ? wanted(c, q) : NULL;
	struct cg_error *err = NULL;

	if (!j)
		return;
	if (job_checkpoint(j, q->dir, q->leave_running, &err) < 0)
		client_error(c, err);
	else
		client_wait_for(c, j, CLIENT_MOVE);
}

static int check_restore(struct client *c, const struct cg_job_spec *s, struct cg_error **err)
{
	const struct cg_manager *m = c->m;
	int r = m->quitting ? cg_error_make(err, CG_FAULT_SYSTEM, ESHUTDOWN, "the manager is about to end")
			    : quota_check(c, s, err);

	if (r == 0 && job_find(m, s->id)) {
		r = cg_error_make(err, CG_FAULT_USAGE, EEXIST, "there is a job %s already", s->id);
		cg_error_hint(err,
			"restore it under another id (--id), or remove that one's result: cgtree job remove %s",
			s->id);
	}
	if (r == 0 && m->options.running_max && m->live >= m->options.running_max)
		r = cg_error_make(err, CG_FAULT_SYSTEM, EAGAIN,
			"%u jobs run already, as many as may (--running-max)", m->live);
	return r;
}

static void do_restore(struct client *c, struct cg_request *q)
{
	_cleanup_journal_ struct cg_journal image = {0};
	struct cg_error *err = NULL;
	struct job *j = NULL;
	int r;

	if (!may_move(c, q))
		return;
	r = restore_read(q->dir, q->id, &image, &err);
	r = r < 0 ? r : check_restore(c, &image.spec, &err);
	if (r == 0 && !(j = job_add(c->m, &image.spec)))
		r = cg_error_oom(&err);
	if (r < 0) {
		client_error(c, err);
		return;
	}
	j->record = image.record;
	image.record = (struct cg_job_record){0};
	job_record(j);
	r = job_start(j, &err);
	if (r < 0) {
		tell(c->m, j, CG_EVENT_JOB, "refused", "%s", err->message);
		job_forget(j);
		client_error(c, err);
		return;
	}
	client_wait_for(c, j, CLIENT_START);
}

static void do_inspect(struct client *c, struct cg_request *q)
{
	struct job *j = wanted(c, q);

	if (j)
		reply_job(c, j, true, false);
}

static void do_freeze(struct client *c, struct cg_request *q)
{
	struct job *j = wanted(c, q);
	struct cg_error *err = NULL;

	if (!j)
		return;
	if (job_freeze(j, CG_FROZEN_BY_CLIENT, &err) < 0)
		client_error(c, err);
	else if (j->waits & WAIT_FROZEN)
		client_wait_for(c, j, CLIENT_FREEZE);
	else
		reply_job(c, j, false, false);
}

static void do_thaw(struct client *c, struct cg_request *q)
{
	struct job *j = wanted(c, q);
	struct cg_error *err = NULL;

	if (!j)
		return;
	if (job_thaw(j, CG_FROZEN_BY_CLIENT, &err) < 0)
		client_error(c, err);
	else if (j->waits & WAIT_THAWED)
		client_wait_for(c, j, CLIENT_THAW);
	else
		reply_job(c, j, false, false);
}

static void do_kill(struct client *c, struct cg_request *q)
{
	struct job *j = wanted(c, q);
	struct cg_error *err = NULL;
	int r;

	if (!j)
		return;
	if (q->signal < 1 || q->signal > (uint32_t)SIGRTMAX)
		r = cg_error_usage(&err, "there is no signal %u", q->signal);
	else
		r = job_signal(j, (int)q->signal, &err);
	if (r < 0)
		client_error(c, err);
	else
		client_done(c);
}

static void do_stop(struct client *c, struct cg_request *q)
{
	struct job *j = wanted(c, q);
	struct cg_error *err = NULL;
	int r;

	if (!j)
		return;
	if (q->grace_us != UINT64_MAX && q->grace_us > TIME_LONGEST_US)
		r = cg_error_usage(&err, "a grace of more than a year");
	else
		r = job_stop(
			j, q->grace_us == UINT64_MAX ? j->spec.grace_us : q->grace_us, CG_CAUSE_CLIENT, &err);
	if (r < 0)
		client_error(c, err);
	else if (cg_job_state_is_final(j->record.state))
		reply_job(c, j, false, false);
	else
		client_wait_for(c, j, CLIENT_END);
}

static void do_wait(struct client *c, struct cg_request *q)
{
	struct job *j = wanted(c, q);

	if (!j)
		return;
	if (cg_job_state_is_final(j->record.state))
		reply_job(c, j, false, false);
	else
		client_wait_for(c, j, CLIENT_END);
}

/* The client gets a descriptor of its own to read from, at its own pace. */
static void do_logs(struct client *c, struct cg_request *q)
{
	struct job *j = wanted(c, q);
	struct cg_error *err = NULL;
	int fd;

	if (!j)
		return;
	if (j->spec.foreground) {
		(void)cg_error_make(&err, CG_FAULT_SYSTEM, ENODATA,
			"the job %s ran in the foreground: its output went to its terminal", j->spec.id);
		client_error(c, err);
		return;
	}
	fd = open_log(c->m, j->spec.id, O_RDONLY);
	if (fd == -ENOENT)
		fd = fcntl(c->m->null, F_DUPFD_CLOEXEC, 0);
	if (fd < 0) {
		(void)cg_error_errno(&err, -fd, "cannot open the log of the job %s", j->spec.id);
		client_error(c, err);
		return;
	}
	c->pass = fd;
	reply_job(c, j, false, false);
}

static void do_update(struct client *c, struct cg_request *q)
{
	struct job *j = wanted(c, q);
	struct cg_error *err = NULL;
	struct cg_job_info i;
	struct cg_reply reply = {.job = &i, .jobs = 1};

	if (!j)
		return;
	if (!q->has_spec || !q->spec.limits.count) {
		(void)cg_error_usage(&err, "no limit to change was given");
		client_error(c, err);
		return;
	}
	if (scope_check_update(c, j, &q->spec.limits, &err) < 0 ||
		job_update(j, &q->spec.limits, &reply.notes, &err) < 0) {
		client_error(c, err);
	} else {
		i = info_of(j, true);
		client_reply(c, &reply);
	}
	cg_strings_free(&reply.notes);
}

static void do_remove(struct client *c, struct cg_request *q)
{
	struct job *j = wanted(c, q);
	struct cg_error *err = NULL;

	if (!j)
		return;
	if (j->record.state == CG_JOB_QUEUED && job_kill(j, CG_CAUSE_CLIENT, &err) < 0) {
		client_error(c, err);
		return;
	}
	if (!cg_job_state_is_final(j->record.state) || services_busy(j)) {
		(void)cg_error_make(&err, CG_FAULT_SYSTEM, EBUSY, "the job %s is %s%s", j->spec.id,
			cg_job_state_name(j->record.state),
			cg_job_state_is_final(j->record.state) ? ", its services are not yet" : "");
		cg_error_hint(&err, "end it first: cgtree job stop %s", j->spec.id);
		client_error(c, err);
		return;
	}
	tell(c->m, j, CG_EVENT_JOB, "removed", "%s", "");
	job_forget(j);
	client_done(c);
}

/* Kept events, of one job or of all that the client may see. */
static void send_events(struct client *c, const char *id, bool more)
{
	const struct cg_event_ring *ring = &c->m->events;
	struct cg_event part[EVENTS_AT_ONCE];
	struct cg_reply reply = {.event = part, .more = true};
	bool listing = c->listing;

	/* Gathered, and sent at the end. */
	c->listing = true;
	for (uint32_t i = 0; i < ring->count; i++) {
		const struct cg_event *e = cg_event_at(ring, i);
		const struct job *j = e->id[0] ? job_find(c->m, e->id) : NULL;

		if ((id && strcmp(e->id, id) != 0) || (!client_is_master(c) && !(j && client_may_see(c, j))))
			continue;
		part[reply.events++] = *e;
		if (reply.events < EVENTS_AT_ONCE)
			continue;
		client_reply(c, &reply);
		reply.events = 0;
	}
	c->listing = listing;
	reply.more = more;
	client_reply(c, &reply);
}

static void do_events(struct client *c, struct cg_request *q)
{
	c->follow = q->follow;
	send_events(c, NULL, q->follow);
}

static void do_why(struct client *c, struct cg_request *q)
{
	struct job *j = wanted(c, q);

	if (j)
		send_events(c, j->spec.id, false);
}

static void do_quit(struct client *c, struct cg_request *q)
{
	struct cg_error *err = NULL;

	if (!client_is_master(c)) {
		(void)cg_error_make(
			&err, CG_FAULT_USAGE, EPERM, "only root and the manager's own user may end it");
		client_error(c, err);
		return;
	}
	client_done(c);
	manager_quit(c->m, q->keep_jobs);
}

typedef void verb_fn(struct client *c, struct cg_request *q);

static verb_fn *const verbs[CG_VERBS] = {
	[CG_VERB_PING] = do_ping,
	[CG_VERB_SUBMIT] = do_submit,
	[CG_VERB_LIST] = do_list,
	[CG_VERB_INSPECT] = do_inspect,
	[CG_VERB_STATS] = do_inspect,
	[CG_VERB_FREEZE] = do_freeze,
	[CG_VERB_THAW] = do_thaw,
	[CG_VERB_KILL] = do_kill,
	[CG_VERB_STOP] = do_stop,
	[CG_VERB_WAIT] = do_wait,
	[CG_VERB_LOGS] = do_logs,
	[CG_VERB_UPDATE] = do_update,
	[CG_VERB_REMOVE] = do_remove,
	[CG_VERB_EVENTS] = do_events,
	[CG_VERB_WHY] = do_why,
	[CG_VERB_QUIT] = do_quit,
	[CG_VERB_CHECKPOINT] = do_checkpoint,
	[CG_VERB_RESTORE] = do_restore,
};

void request_run(struct client *c, struct cg_request *q)
{
	struct cg_error *err = NULL;

	if (scope_check_verb(c, q->verb, &err) < 0)
		client_error(c, err);
	else
		verbs[q->verb](c, q);
}
