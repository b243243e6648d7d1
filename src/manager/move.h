/* Jobs that move: checkpoints, and what is restored of them. A folder holds CRIU's images, cgtree.img, and
 * the job (MOVE_IMAGE). */
#pragma once

#include "manager/private.h"

#define MOVE_IMAGE "cgtree-job.img"

/* move.c. Begins; clients that wait for CLIENT_MOVE hear how it went. */
int job_checkpoint(struct job *j, const char *dir, bool leave_running, struct cg_error **err) CG_MUST_CHECK;
/* One that was under way when we came. */
void job_adopt_move(struct job *j);
/* A folder that nobody but root could have changed. No link is followed. */
int move_open(const char *dir, int *ret_fd, struct cg_error **err) CG_MUST_CHECK;
/* The last failures that a file of cgtree criu's words tells. */
void move_why(int dir, const char *file, struct cg_text *t);

/* move_back.c. Reads the job of a checkpoint, under the id that is asked for or its own. */
int restore_read(
	const char *dir, const char *id, struct cg_journal *ret, struct cg_error **err) CG_MUST_CHECK;
/* What its shim is told: the command, and two descriptors more. */
int restore_words(struct job *j, struct cg_text *t) CG_MUST_CHECK;
int restore_gather(struct job *j, int *ret_dir, int *ret_program) CG_MUST_CHECK;
/* It runs: what the checkpoint does not tell is settled, the limits are those of this host. */
int restore_settle(struct job *j, struct cg_error **err) CG_MUST_CHECK;
/* Why its restore failed. */
void restore_why(const struct job *j, int status, struct cg_text *t);
