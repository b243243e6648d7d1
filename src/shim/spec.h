/* What a shim is told: by one message on a socket, with descriptors, and a file in memory that holds the
 * specification.
 *
 *   file     := item* ; item := tag text NUL ; tag is one letter, text holds any byte but NUL
 *   message  := "g" with the descriptors of enum shim_fd, then one for each v1 group, then, with
 *               SHIM_FOREGROUND, stdin, stdout and stderr, or, with SHIM_RESTORE, the checkpoint's folder
 *               and the program that restores it
 *   answer   := struct shim_answer, once
 *
 * The socket's end of file tells either side that the other is gone; the answer is its last use, for a
 * descriptor less for each job. A shim that was not told "g" has done nothing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/text.h"

enum shim_tag {
	SHIM_ID = 'i',
	SHIM_ARG = 'a',
	SHIM_ENV = 'e',
	SHIM_CWD = 'd',
	SHIM_UID = 'u',
	SHIM_GID = 'g',
	SHIM_GROUP = 'G',
	SHIM_NOFILE_SOFT = 'n',
	SHIM_NOFILE_HARD = 'N',
	SHIM_OOM_ADJ = 'o',   /* with 1000 added, for numbers here have no sign */
	SHIM_NICE = 'y',      /* with 20 added */
	SHIM_LOG_SIZE = 'l',  /* bytes after which the log is rotated */
	SHIM_THAW_MS = 't',   /* how long the manager may stay away while the job is frozen */
	SHIM_V1_GROUPS = 'v', /* how many descriptors of v1 groups follow */
	SHIM_FREEZER = 'z',   /* which of them is the freezer's; absent: the v2 group */
	SHIM_FOREGROUND = 'f',
	SHIM_NEW_PRIVS = 'p',
	SHIM_RESTORE = 'r', /* the command restores the payload: it is run as we are, in the folder */
};

/* Descriptors in the message. Where one does not apply /dev/null stands. */
enum shim_fd {
	SHIM_FD_SPEC,
	SHIM_FD_JOB,
	SHIM_FD_LOG_DIR,
	SHIM_FD_LOG,
	SHIM_FD_V2,
	SHIM_FD_ALIVE, /* a socket that ends with the manager: one for all shims */
	SHIM_FDS
};
#define SHIM_V1_MOST  16
#define SHIM_FDS_MOST (SHIM_FDS + SHIM_V1_MOST + 3)

/* Files in the job's directory. BEGUN is made before the payload is; it holds its pid once there is one. END
 * appears whole: "exit N", "signal N" or "failed STAGE ERRNO", and "dropped N ERRNO" when output was lost. */
#define SHIM_FILE_BEGUN "begun"
#define SHIM_FILE_END   "end"
#define SHIM_FILE_PID   "pid"        /* of what was restored */
#define SHIM_FILE_SAID  "said"       /* what the command that restores says */
#define SHIM_FILE_LOCK  "../../lock" /* held by the manager while it lives */

enum shim_stage {
	SHIM_STARTED,
	SHIM_SPEC_BAD,
	SHIM_NO_RECORD,
	SHIM_NO_FORK,
	SHIM_NO_GROUP,
	SHIM_NO_DESCRIPTORS,
	SHIM_NO_LIMITS,
	SHIM_NO_USER,
	SHIM_NO_DIRECTORY,
	SHIM_NO_PRIVILEGES,
	SHIM_NO_EXEC,
	SHIM_NO_RESTORE, /* the code is the command's exit status, or 128 and a signal */
	SHIM_STAGES
};
/* What could not be done, for people: "execute the command". */
const char *shim_stage_what(enum shim_stage stage);

/* Where the command that restores finds the writing end of the payload's output. */
#define SHIM_OUTPUT_AT 5

struct shim_answer {
	int32_t stage; /* enum shim_stage */
	int32_t code;  /* errno */
	int32_t pid;   /* of the payload */
};

struct shim_spec {
	const char *id, *cwd;
	char **argv, **env; /* NULL-terminated; the strings lie in the text that was parsed */
	uint32_t *group;
	uint32_t argc, envc, groups, uid, gid;
	uint64_t nofile_soft, nofile_hard, log_size;
	uint32_t thaw_ms, v1_groups, freezer;
	int oom_adj, nice;
	bool has_freezer, foreground, new_privs, restore;
};
/* Parses a whole file; `text` must outlive the result. -EINVAL, -ERANGE, -ENOMEM. */
int shim_spec_parse(struct cg_bytes text, struct shim_spec *ret) CG_MUST_CHECK;
void shim_spec_free(struct shim_spec *spec);
#define _cleanup_shim_spec_ _cleanup_(shim_spec_free)
void shim_spec_add(struct cg_text *t, enum shim_tag tag, const char *value);
void shim_spec_add_number(struct cg_text *t, enum shim_tag tag, uint64_t value);

/* What END says. */
struct shim_end {
	enum { SHIM_END_EXIT, SHIM_END_SIGNAL, SHIM_END_FAILED } kind;
	int32_t code;          /* exit status, signal, errno */
	enum shim_stage stage; /* FAILED */
	uint64_t dropped;      /* bytes of output that could not be written */
	int32_t dropped_code;  /* errno of that */
};
int shim_end_parse(struct cg_bytes text, struct shim_end *ret) CG_MUST_CHECK;
void shim_end_write(struct cg_text *t, const struct shim_end *end);
