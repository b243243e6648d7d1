/* Messages of the socket and entries of the journal, as plain structures; the protobuf types stay in
 * message.c. Decoders take any bytes. */
#pragma once

#include "base/fdio.h"
#include "control/event.h"
#include "control/job.h"

#define CG_MESSAGE_MOST ((size_t)256 << 10)
#define CG_MESSAGE_HEAD 4 /* bytes of length before each message on a stream, little-endian */

enum cg_verb {
	CG_VERB_PING,
	CG_VERB_SUBMIT,
	CG_VERB_LIST,
	CG_VERB_INSPECT,
	CG_VERB_STATS,
	CG_VERB_FREEZE,
	CG_VERB_THAW,
	CG_VERB_KILL,
	CG_VERB_STOP,
	CG_VERB_WAIT,
	CG_VERB_LOGS,
	CG_VERB_UPDATE,
	CG_VERB_REMOVE,
	CG_VERB_EVENTS,
	CG_VERB_WHY,
	CG_VERB_QUIT,
	CG_VERB_CHECKPOINT,
	CG_VERB_RESTORE,
	CG_VERBS
};

struct cg_request {
	enum cg_verb verb;
	char *id; /* NULL: none */
	bool has_spec;
	struct cg_job_spec spec;
	uint32_t signal;
	uint64_t grace_us; /* UINT64_MAX: the job's own */
	bool follow, keep_jobs, force, leave_running;
	char *dir; /* of a checkpoint; NULL: none */
};
void cg_request_free(struct cg_request *r);
#define _cleanup_request_ _cleanup_(cg_request_free)

struct cg_job_info {
	struct cg_job_spec spec;
	struct cg_job_record record;
	struct cg_job_usage usage;
};
struct cg_reply {
	struct cg_error *error; /* NULL: done */
	bool more;
	struct cg_job_info *job;
	size_t jobs;
	struct cg_event *event; /* `what` lies in the reply's arena */
	size_t events;
	struct cg_strings notes;
	char *version, *root;
	uint64_t pid;
	struct cg_strings words; /* what the events' `what` point into */
};
void cg_reply_free(struct cg_reply *r);
#define _cleanup_reply_ _cleanup_(cg_reply_free)

/* Appends the message with its length before it. -ENOMEM, -EMSGSIZE. */
int cg_request_encode(const struct cg_request *r, struct cg_text *t) CG_MUST_CHECK;
int cg_reply_encode(const struct cg_reply *r, struct cg_text *t) CG_MUST_CHECK;
/* Of a message without its length. -EINVAL for what is none, -ENOMEM. */
int cg_request_decode(struct cg_bytes message, struct cg_request *ret) CG_MUST_CHECK;
int cg_reply_decode(struct cg_bytes message, struct cg_reply *ret) CG_MUST_CHECK;

/* The journal: entries one after another, each a length, a checksum (4 bytes each) and its bytes. `spec`
 * NULL: the record alone. `override`: KNOB=VALUE, "KNOB=" when it was taken back, NULL: none. */
int cg_entry_encode(const struct cg_job_spec *spec, const struct cg_job_record *record, const char *override,
	struct cg_text *t) CG_MUST_CHECK;
/* Reads a whole journal: the specification, the last record, the overrides that hold. What a cut-off write
 * left at the end is passed over. -EINVAL when there is no whole first entry with a specification. */
struct cg_journal {
	struct cg_job_spec spec;
	struct cg_job_record record;
	struct cg_strings overrides;
	size_t entries, whole; /* how many there are, and bytes of them */
};
int cg_journal_parse(struct cg_bytes text, struct cg_journal *ret) CG_MUST_CHECK;
void cg_journal_free(struct cg_journal *j);
#define _cleanup_journal_ _cleanup_(cg_journal_free)

/* The job's part of a checkpoint: one entry of a journal and nothing else, of a job that can be restored.
 * What another host's file says is checked like what a client says. */
int cg_job_image_parse(struct cg_bytes text, struct cg_journal *ret, struct cg_error **err) CG_MUST_CHECK;
