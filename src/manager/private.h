/* What the files of the manager share. See manager.h for the whole, job.h for what may follow what.
 *
 *   listen.c   sockets
 *   server.c   connections: bytes to requests, replies to bytes
 *   scope.c    those at a socket for one group alone: what they may name, see and have
 *   request.c  what each verb does
 *   quota.c    what a user may have
 *   life.c     a job from its start to its end
 *   control.c  freezing, signalling, stopping, killing: begun here, finished by watch.c
 *   service.c  services beside a job
 *   watch.c    waits for the kernel: frozen, thawed, empty
 *   spawn.c    shims
 *   move.c     checkpoints, and move_back.c what is restored of them
 *   store.c    journal and results
 *   reconcile.c what was there when we came
 *   manager.c  the loop */
#pragma once

#include <systemd/sd-event.h>

#include "control/message.h"
#include "manager/governor.h"
#include "manager/host.h"
#include "manager/limit_plan.h"
#include "manager/manager.h"
#include "manager/store.h"
#include "shim/spec.h"

struct client;

/* What a job's group is being waited for: bits. */
enum job_wait { WAIT_FROZEN = 1 << 0, WAIT_THAWED = 1 << 1, WAIT_EMPTY = 1 << 2 };

struct job {
	struct cg_manager *m;
	struct job *next_in_bucket;
	uint32_t handle, journal_bytes;
	struct cg_job_spec spec;
	struct cg_job_record record;
	struct cg_strings overrides; /* KNOB=VALUE that pressure laid over limits */
	int shim;                    /* pidfd; -1 */
	int answer;                  /* the shim's socket, until it has answered; -1 */
	int mover;                   /* pidfd of who writes its checkpoint; -1 */
	uint32_t where;              /* bits: hierarchies in which its start made a group */
	int client_signal;           /* the last that a client sent */
	uint8_t waits;               /* enum job_wait */
	bool ended;           /* its shim has ended, or it never had one: only the rest is waited for */
	bool held;            /* has ended, but its checkpoint is still being written */
	bool forget;          /* could not be restored: nothing of it is kept */
	bool payload_watched; /* `shim` is the payload's pidfd, for the shim is gone */
	unsigned asked;       /* how often the kernel was asked, where it does not tell */
	int stdio[3];         /* a foreground job's, while its start is under way; the client's to close */
	uint64_t grace_us;    /* of the stop that is under way */
	uint64_t freeze_deadline; /* CLOCK_MONOTONIC us */
	sd_event_source *shim_source, *answer_source, *mover_source;
	sd_event_source *timer;   /* timeout, grace, or the pause before a restart: by state */
	sd_event_source *watcher; /* cgroup.events, or the timer where there are none */
	struct client *waiting;   /* those that wait for its start or end */
	cg_job_gone_fn *gone;     /* of a kill for pressure's sake */
	void *gone_context;
};

struct listener {
	struct cg_manager *m;
	const struct cg_delegation *scope; /* NULL: everybody's */
	char *path;                        /* NULL: systemd's */
	int dir, lock;
	sd_event_source *source, *resume;
};

/* Bytes of a text that says why: of a job's reason, and of an event, of which all that are kept fit into what
 * a client may have before it. What clients name may be as long as their request. */
#define WORDS_MOST 768

#define POOL 4 /* shims that wait to be told */

struct shim_process {
	int pidfd, sock;
	struct cg_job_process id;
};

struct cg_manager {
	struct cg_manager_options options;
	struct cg_host host;
	struct cg_store store;
	struct cg_event_ring events;
	struct cg_governor *governor;
	sd_event *loop;
	int proc, null, log_dir, shim_program;
	int alive[2]; /* a pair of sockets, whose end shims see when ours comes */
	struct listener listener, *scope;
	size_t scopes;
	bool activated; /* the socket is systemd's */
	uint64_t nofile_soft, nofile_hard;
	int oom_adj, nice; /* of jobs: what we had */
	/* jobs: by handle, ascending; and a hash table by id */
	struct job **job, **bucket;
	uint32_t jobs, job_room, buckets, next_handle;
	uint32_t live; /* jobs that are neither queued nor ended */
	struct shim_process pool[POOL];
	unsigned pooled;
	sd_event_source *refill, *queue_source;
	struct client *clients;
	unsigned client_count;
	bool quitting, keep;
	bool forgets; /* a job is there that could not be restored */
	int exit_code;
};

/* table.c */
struct job *job_find(const struct cg_manager *m, const char *id);
struct job *job_by_handle(const struct cg_manager *m, uint32_t handle);
/* The first job of that handle or a higher one; NULL after the last. */
struct job *job_from_handle(const struct cg_manager *m, uint32_t handle);
/* The same of those that wait for their start, and not for a time. */
struct job *job_queued_from(const struct cg_manager *m, uint32_t handle);
/* Takes the specification. NULL: out of memory (the specification is freed). */
struct job *job_add(struct cg_manager *m, struct cg_job_spec *spec);
void job_delete(struct job *j);
/* The job, its results and its log are gone; so are the jobs that served it. Nobody waits for it. */
void job_forget(struct job *j);
void jobs_free(struct cg_manager *m);

/* life.c. A start can fail before anything ran: then the job is as it was before, and the error says why. */
int job_start(struct job *j, struct cg_error **err) CG_MUST_CHECK;
/* Starts what may start now; called when anything changed that a queued job may wait for. */
void queue_kick(struct cg_manager *m);
/* Whether it may start now: 1, 0 not yet, or an error why it never can. */
int job_may_start(struct job *j, struct cg_error **err) CG_MUST_CHECK;
void job_fail(struct job *j, const char *reason);
/* Its shim is gone: reads how it ended, ends what is left, and goes on when that is gone, too. */
void job_shim_gone(struct job *j);
/* Its payload runs: what follows on that. */
void job_begun(struct job *j, int pid);
/* Whether its shim wrote that it began, and the payload's id (0: none yet). */
bool job_has_begun(const struct job *j, int *ret_pid);
/* Of a job that has ended: starts it again by its policy, or tells its end. */
void job_after_end(struct job *j);
/* Nothing is left in its group any more. */
void job_empty(struct job *j);
/* The next state by the table, with the journal and an event. A transition that the table lacks is told and
 * does nothing. */
void job_move(struct job *j, enum cg_job_event event, const char *what);
/* Why it is as it is, shortened to WORDS_MOST; NULL: nothing to say. */
void job_reason(struct job *j, const char *reason);
/* Writes the record; the error is told, for there is nobody to give it to. */
void job_record(struct job *j);
int job_watch_shim(struct job *j) CG_MUST_CHECK;
void job_arm_timer(struct job *j);

/* service.c. Makes the jobs that serve this one; on failure none is left. */
int services_add(struct job *j, struct cg_error **err) CG_MUST_CHECK;
void services_forget(struct job *j);
/* Whether one of them has not ended yet. */
bool services_busy(struct job *j);
/* Whether all of them run: 1, 0 not yet, or an error when one has ended. */
int services_run(const struct job *j, struct cg_error **err) CG_MUST_CHECK;
/* A job has ended: those that served it are stopped, or the one that it served. */
void services_follow(struct job *j);

/* control.c */
int job_freeze(struct job *j, enum cg_frozen_by by, struct cg_error **err) CG_MUST_CHECK;
int job_thaw(struct job *j, enum cg_frozen_by by, struct cg_error **err) CG_MUST_CHECK;
int job_signal(struct job *j, int signal, struct cg_error **err) CG_MUST_CHECK;
int job_stop(struct job *j, uint64_t grace_us, enum cg_job_cause cause, struct cg_error **err) CG_MUST_CHECK;
/* SIGKILL to all that is left, and the wait until it is gone. */
void job_kill_rest(struct job *j);
int job_kill(struct job *j, enum cg_job_cause cause, struct cg_error **err) CG_MUST_CHECK;
int job_update(struct job *j, struct cg_strings *limits, struct cg_strings *notes,
	struct cg_error **err) CG_MUST_CHECK;

/* What pressure laid over a limit (NULL: over any) is taken back. */
int job_lift(struct job *j, const char *knob, struct cg_error **err) CG_MUST_CHECK;

/* press.c. `limits`, and the memory.high that goes with a memory.max when the job was given none: else the
 * kernel's OOM killer comes before any trigger. -ENOMEM. */
int job_with_brake(
	const struct job *j, const struct cg_strings *limits, struct cg_strings *ret) CG_MUST_CHECK;

/* watch.c. Waits without blocking; what was waited for is told to life.c and to waiting clients. */
void job_watch(struct job *j, unsigned waits);
/* Some of that will not come any more: clients that wait for it are told. */
void job_unwait(struct job *j, unsigned waits);
void job_watch_stop(struct job *j);

/* spawn.c */
int shim_take(struct cg_manager *m, struct shim_process *ret, struct cg_error **err) CG_MUST_CHECK;
int shim_tell(struct job *j, const int stdio[3], struct cg_error **err) CG_MUST_CHECK;
void shim_refill(struct cg_manager *m);
void shims_release(struct cg_manager *m);
int open_log(struct cg_manager *m, const char *id, int flags) CG_MUST_CHECK;

/* listen.c */
int listen_open(struct cg_manager *m, struct cg_error **err) CG_MUST_CHECK;
/* With all connections. */
void listen_close(struct cg_manager *m);

/* server.c. A connection, which is taken or closed. */
void client_connected(struct listener *l, int fd);
void client_free(struct client *c);
/* Sends what there is of an event to all that follow. */
void server_event(struct cg_manager *m, const struct cg_event *e);

enum client_wait { CLIENT_IDLE, CLIENT_START, CLIENT_FREEZE, CLIENT_THAW, CLIENT_END, CLIENT_MOVE };
struct client {
	struct cg_manager *m;
	struct client *next, **to_this; /* in m->clients */
	struct client *next_waiting;    /* in job->waiting */
	struct job *job;
	const struct cg_delegation *scope; /* of the socket that it came to; NULL: everybody's */
	enum client_wait wait;
	bool then_end; /* after the start, waits for the end, too */
	uint32_t uid, gid;
	int32_t pid;
	int fd, fds[3]; /* descriptors that came with a request */
	unsigned fd_count;
	bool follow, lagged, listing, closing;
	uint32_t list_next; /* handle */
	int pass;           /* descriptor that goes with the next bytes; -1 */
	struct cg_text in, out;
	size_t sent;
	sd_event_source *source, *timer, *later;
};
bool client_is_master(const struct client *c);
/* Queues a reply. */
void client_reply(struct client *c, const struct cg_reply *reply);
void client_error(struct client *c, struct cg_error *err); /* takes it */
void client_done(struct client *c);
void client_wait_for(struct client *c, struct job *j, enum client_wait wait);
void client_unwait(struct client *c);
/* Tells those that wait for it that it came, or (err) that it will not. */
void clients_notify(struct job *j, enum client_wait wait, const struct cg_error *err);
/* The job goes: whoever waits for anything of it still is told that nothing will come. */
void clients_leave(struct job *j);
/* Sends what can be sent now. */
void client_flush(struct client *c);
/* The next part of a list, once the last one was sent. */
void client_list_more(struct client *c);

/* scope.c */
bool client_may_see(const struct client *c, const struct job *j);
/* The job that the client calls so; NULL when there is none that it may see. */
struct job *scope_find(const struct client *c, const char *id);
/* Makes a checked specification one of the client's: names, place, bounds. */
int scope_settle(const struct client *c, struct cg_job_spec *s, struct cg_error **err) CG_MUST_CHECK;
/* Whether the job may have these limits laid over its own. */
int scope_check_update(const struct client *c, const struct job *j, struct cg_strings *limits,
	struct cg_error **err) CG_MUST_CHECK;
/* Whether the client may use the socket that it came to, and this verb there. */
int scope_check_verb(const struct client *c, enum cg_verb verb, struct cg_error **err) CG_MUST_CHECK;
/* Appends a reply to what is sent, with names as the client knows them. */
int scope_encode(struct client *c, const struct cg_reply *reply) CG_MUST_CHECK;
int scopes_open(struct cg_manager *m, struct cg_error **err) CG_MUST_CHECK;

/* request.c */
void request_run(struct client *c, struct cg_request *q);
/* With what it uses now, when that was asked for. */
void reply_job(struct client *c, struct job *j, bool usage, bool more);

/* quota.c */
/* Room that the job takes of the manager's memory: for quotas. */
size_t spec_bytes(const struct cg_job_spec *s);
/* Refuses one that could not be sent, whole and with what became of it, in one message. */
int spec_check_size(const struct cg_job_spec *s, struct cg_error **err) CG_MUST_CHECK;
/* Whether the client may have this job, with those that serve it, beside what it has. */
int quota_check(const struct client *c, const struct cg_job_spec *s, struct cg_error **err) CG_MUST_CHECK;

/* reconcile.c */
int reconcile(struct cg_manager *m, struct cg_error **err) CG_MUST_CHECK;
/* A pidfd of the process, if it still is the one; -1. */
int open_process(const struct cg_manager *m, const struct cg_job_process *p);
/* What a client froze stays frozen; what pressure froze is thawed. */
void job_settle_frozen(struct job *j);

/* manager.c */
/* A copy of at most WORDS_MOST bytes; NULL: out of memory. */
char *short_words(const char *text) CG_MUST_CHECK;
void tell(struct cg_manager *m, struct job *j, enum cg_event_kind kind, const char *what, const char *fmt,
	...) CG_PRINTF(5, 6);
uint64_t realtime_us(void);
uint64_t monotonic_us(void);
/* Ends the loop: at once when jobs are kept, else once the last has ended. */
void manager_quit(struct cg_manager *m, bool keep_jobs);
void manager_maybe_quit(struct cg_manager *m);
