/* A job: what was asked for (the specification), what became of it (the record), and the table of what may
 * follow what. Pure: nothing in here touches a kernel.
 *
 *   queued -> starting -> running <-> frozen -> stopping -> exited | killed | failed | lost
 *
 * A job that has ended stays as a result until it is removed; with a restart policy it is queued again. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/text.h"
#include "model/usage.h"

enum cg_job_state {
	CG_JOB_QUEUED,   /* accepted; waits for its turn, another job or a restart */
	CG_JOB_STARTING, /* a shim was told to start it */
	CG_JOB_RUNNING,
	CG_JOB_FROZEN,
	CG_JOB_STOPPING, /* was told to end, or its last processes are being ended */
	CG_JOB_EXITED,   /* ended by itself: `code` is its exit status */
	CG_JOB_KILLED,   /* ended by a signal: `code` is its number */
	CG_JOB_FAILED,   /* could not be started: `reason` says why */
	CG_JOB_LOST,     /* ended, and nobody knows how */
	CG_JOB_STATES
};

/* Why a job ended, as far as it is known: from the kernel's counters and from what we did, never guessed from
 * a code. */
enum cg_job_cause {
	CG_CAUSE_NONE,
	CG_CAUSE_EXIT,       /* it ended itself */
	CG_CAUSE_SIGNAL,     /* a signal that did not come from us */
	CG_CAUSE_OOM,        /* the kernel's OOM killer took a process of it, and it died by SIGKILL */
	CG_CAUSE_PRESSURE,   /* we killed it to relieve the host */
	CG_CAUSE_TIMEOUT,    /* we ended it after --timeout */
	CG_CAUSE_CLIENT,     /* a client asked for its end */
	CG_CAUSE_START,      /* it could not be started */
	CG_CAUSE_SHIM,       /* its shim was killed, and its status with it */
	CG_CAUSE_REBOOT,     /* the host was booted anew while it ran */
	CG_CAUSE_SERVICE,    /* the job that it served, or a service beside it, ended */
	CG_CAUSE_CHECKPOINT, /* it was checkpointed, and goes on where that is restored */
	CG_CAUSES
};

/* Who keeps a job frozen: bits, for both may. It is thawed when none is left. */
enum cg_frozen_by { CG_FROZEN_BY_CLIENT = 1 << 0, CG_FROZEN_BY_PRESSURE = 1 << 1 };

enum cg_restart { CG_RESTART_NO, CG_RESTART_ON_FAILURE, CG_RESTART_ALWAYS, CG_RESTARTS };

/* Classes are bands of priorities: what the ladder's first steps act on together. */
enum cg_job_class { CG_CLASS_LOW, CG_CLASS_NORMAL, CG_CLASS_HIGH };
#define CG_PRIORITY_MAX     100
#define CG_PRIORITY_DEFAULT 50
/* 0..33 low, 34..66 normal, 67..100 high. */
enum cg_job_class cg_job_class_of(uint8_t priority);

/* Strings one after another, each with its NUL: as compact as can be, for there may be 10,000 jobs. */
struct cg_strings {
	char *data;
	uint32_t len, count;
};
void cg_strings_free(struct cg_strings *s);
/* -ENOMEM. `with` may hold any byte but NUL (-EINVAL). */
int cg_strings_add(struct cg_strings *s, struct cg_bytes with) CG_MUST_CHECK;
/* The string after `at` (NULL: the first), NULL after the last. */
const char *cg_strings_next(const struct cg_strings *s, const char *at);
/* An array for execve(2): `count` pointers into s and a NULL; the caller frees the array alone. NULL: out of
 * memory. */
char **cg_strings_array(const struct cg_strings *s);

#define CG_JOB_ID_MAX       64
#define CG_JOB_SERVICES_MAX 99 /* beside one job: their ids end in .s1 to .s99 */
/* Before the id of a job that was asked for at a socket of its own stands the name of that: NAME:ID. No id
 * holds a colon, so nobody can name what is another's. */
#define CG_AREA_NAME_MAX 32
#define CG_JOB_NAME_MAX  (CG_AREA_NAME_MAX + 1 + CG_JOB_ID_MAX)

/* What was asked for. */
struct cg_job_spec {
	char *id;
	char *cwd;                   /* "/" when none was given */
	struct cg_strings argv, env; /* env: NAME=VALUE, whole */
	struct cg_strings limits;    /* KNOB=VALUE in v2 terms, checked */
	struct cg_strings require;   /* paths that must be there at the start */
	struct cg_strings after;     /* ids of jobs that must have ended well before */
	struct cg_strings labels;    /* NAME=VALUE */
	struct cg_strings services;  /* commands beside it, for /bin/sh -c */
	struct cg_strings ready;     /* for each service a command that succeeds once it is ready; "" none */
	char *service_of;            /* id of the job that it serves; NULL: none */
	bool probe;                  /* it only tells whether a service is ready */
	char *area;                  /* cgroup path, when its groups are not below the manager's root */
	uint32_t owner;              /* uid of the peer that asked */
	uint32_t uid, gid;           /* of the payload */
	struct cg_strings groups;    /* supplementary groups, decimal */
	uint64_t timeout_us;         /* 0: none */
	uint64_t grace_us;           /* between SIGTERM and the end by force */
	uint32_t restart_max;        /* how often at most; 0: no limit */
	uint8_t restart;             /* enum cg_restart */
	uint8_t priority;            /* 0..CG_PRIORITY_MAX, higher is more important */
	bool new_privs;              /* may gain privileges by execve(2) */
	bool unkillable;             /* pressure never kills it */
	bool queue;                  /* waits where it would be refused */
	bool foreground;             /* its standard descriptors were a client's: it has no log */
};
void cg_job_spec_free(struct cg_job_spec *spec);
#define _cleanup_job_spec_ _cleanup_(cg_job_spec_free)
/* Letters, digits, '-', '_', '.'; not first a dot or dash; 1 to CG_JOB_ID_MAX. */
bool cg_job_id_is_valid(struct cg_bytes id);
/* An id, or NAME:ID. */
bool cg_job_name_is_valid(struct cg_bytes name);
/* Length of "NAME:" in front of an id; 0: it has none. */
size_t cg_job_area_len(const char *name);
/* The specification as a whole: id, a command, ranges, names. Limits are checked by limits.h. */
int cg_job_spec_check(const struct cg_job_spec *spec, struct cg_error **err) CG_MUST_CHECK;

/* A process that is recognised later: an id alone may be another's by then. */
struct cg_job_process {
	int32_t pid;         /* 0: none */
	uint64_t start_time; /* proc(5) stat (22) */
};

/* What became of it. All of it is in the journal. */
struct cg_job_record {
	enum cg_job_state state;
	enum cg_job_cause cause;
	uint8_t frozen_by; /* enum cg_frozen_by */
	uint8_t asked_end; /* enum cg_job_cause of whoever told it to end; NONE: nobody */
	int32_t code;      /* exit status or signal number, by state */
	uint32_t restarts; /* how often it was started again */
	struct cg_job_process shim, payload;
	uint64_t created_us, started_us, ended_us; /* CLOCK_REALTIME */
	char *reason;                              /* FAILED, LOST and what else wants words; or NULL */
	/* Moving. A checkpoint is under way while `checkpoint` is set; a restore, until the job has started,
	 * while `restore` is. */
	char *checkpoint, *restore;  /* folders; NULL: none */
	struct cg_job_process mover; /* writes the checkpoint */
	uint64_t moved_us;           /* CLOCK_REALTIME when that was begun: tells it from others */
	uint64_t output;             /* inode of the pipe that its output went into then; 0: none */
	bool leave_running;          /* it goes on after the checkpoint */
};
/* Its strings; they are NULL afterwards. */
void cg_job_record_free(struct cg_job_record *record);

/* The events that move a job from state to state. */
enum cg_job_event {
	CG_ON_START,   /* a shim is told */
	CG_ON_STARTED, /* the payload was executed */
	CG_ON_FREEZE,  /* the kernel says: frozen */
	CG_ON_THAW,    /* the kernel says: thawed */
	CG_ON_STOP,    /* it was told to end, or its main process ended and the rest is being ended */
	CG_ON_EXIT,    /* status known: by itself */
	CG_ON_SIGNAL,  /* status known: by a signal */
	CG_ON_FAIL,    /* could not be started */
	CG_ON_LOSE,    /* status unknown for ever */
	CG_ON_QUEUE,   /* to be started (again) */
	CG_ON_EVENTS
};
/* The state that follows, or -EBADE when the table has no such transition. */
int cg_job_next(enum cg_job_state state, enum cg_job_event event) CG_MUST_CHECK;
bool cg_job_state_is_final(enum cg_job_state state);
/* Its group holds processes of it, or may. */
bool cg_job_state_is_live(enum cg_job_state state);

/* The words of tables, JSON, events and the journal; never NULL for a member of the enumeration. */
const char *cg_job_state_name(enum cg_job_state state);
const char *cg_job_cause_name(enum cg_job_cause cause);
const char *cg_restart_name(enum cg_restart restart);

/* Whether the policy restarts a job that ended so; asked for an end, it never does. */
bool cg_job_restarts(const struct cg_job_spec *spec, const struct cg_job_record *record);

/* How long it has run by now (CLOCK_REALTIME us); 0 when the clock was set back to before its start. */
uint64_t cg_job_ran_us(const struct cg_job_record *record, uint64_t now);

/* What a job uses, as far as the host's controllers tell. Read when it is needed. */
struct cg_job_usage {
	uint64_t value[CG_USES]; /* in the units of enum cg_use */
	unsigned has;            /* bits: 1 << enum cg_use */
};

/* What pressure policy sees of a job. Ids and numbers only, so that tests can make them up. */
struct cg_job_view {
	const char *id;
	uint32_t handle; /* the manager's; stays the same while the job lives */
	uint8_t priority;
	enum cg_job_class class;
	enum cg_job_state state;
	uint8_t frozen_by; /* enum cg_frozen_by */
	bool unkillable;
	uint64_t memory_max, memory_high; /* bytes; UINT64_MAX: no limit */
	uint64_t cpu_weight;              /* UINT64_MAX: the usual one */
	struct cg_job_usage usage;
};
