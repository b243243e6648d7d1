/* What happened, as one record: shown by `job events`, kept for `job why`, written to the log. */
#pragma once

#include <stdint.h>

#include "base/text.h"
#include "control/job.h"

enum cg_event_kind {
	CG_EVENT_MANAGER,  /* the manager itself: started, adopted, reloaded, quits */
	CG_EVENT_JOB,      /* a job changed its state */
	CG_EVENT_LIMIT,    /* a limit was changed */
	CG_EVENT_DECISION, /* pressure: what was done, or why nothing was */
	CG_EVENT_SERVICE,  /* a service beside a job */
	CG_EVENT_LAGGED,   /* to one follower: it was too slow, events were left out */
	CG_EVENT_KINDS
};
const char *cg_event_kind_name(enum cg_event_kind kind);

struct cg_event {
	uint64_t sequence; /* grows by one; never again the same in one run of the manager */
	uint64_t time_us;  /* CLOCK_REALTIME */
	enum cg_event_kind kind;
	char id[CG_JOB_NAME_MAX + 1]; /* "" when it concerns no job */
	const char *what;             /* a word: "started", "freeze", "kill", "none"; constant */
	enum cg_job_state state;      /* JOB: the new one */
	enum cg_job_cause cause;
	int32_t code;
	char *text; /* for people: one line, any bytes; or NULL */
};

/* The latest events, oldest first. */
struct cg_event_ring {
	struct cg_event *item; /* `size` of them, allocated as they come */
	uint32_t size, first, count;
	uint64_t next_sequence;
};
#define CG_EVENTS_KEPT 1024
void cg_event_ring_free(struct cg_event_ring *ring);
/* Takes event->text, gives sequence and time, and returns the stored one, valid until the next is added; NULL
 * when memory is out (text is freed then). */
const struct cg_event *cg_event_add(struct cg_event_ring *ring, struct cg_event *event);
/* The i-th kept, 0 is the oldest. */
const struct cg_event *cg_event_at(const struct cg_event_ring *ring, uint32_t i);
