/* A change that a person asks for, as a plan: groups to make, settings, owners, tasks. What `create`, `set`
 * and `attach` share. The plan is run by cg_apply(), so that a change is made whole, is read back, and is
 * taken back when anything fails, by the same record and the same code as a restore. */
#pragma once

#include "engine/apply.h"
#include "kernel/hierarchy.h"

struct cg_edit_place;

struct cg_edit {
	const struct cg_live *live;
	struct cg_plan plan;
	struct cg_members members;
	struct cg_edit_place *place; /* beside the plan's */
	size_t places;
	int proc;
};

void cg_edit_begin(struct cg_edit *e, const struct cg_live *live);
void cg_edit_free(struct cg_edit *e);
#define _cleanup_edit_ _cleanup_(cg_edit_free)

/* The group at an absolute path in a live hierarchy: 1 when it is there, 0 when it is not. */
int cg_edit_exists(const struct cg_live_hierarchy *h, const char *path, struct cg_error **err) CG_MUST_CHECK;

/* Whether it exists in any hierarchy that the target names: 0, or -ENOENT with an error that says so. */
int cg_edit_look(
	const struct cg_live *live, const struct cg_target *target, struct cg_error **err) CG_MUST_CHECK;

/* A group that exists. Asked for twice, it is the same place. */
int cg_edit_open(struct cg_edit *e, uint16_t hierarchy, const char *path, uint32_t *ret,
	struct cg_error **err) CG_MUST_CHECK;
/* A group that does not exist yet (EEXIST otherwise, unless it may), with all that is missing above it. On v2
 * the controllers of the list (space-separated; "" for none) are enabled in each group above, from the top,
 * as far as they are not: in groups that are made, and in those that exist when they are ours to change: not
 * in the root of the hierarchy, nor in a group of systemd's that was not delegated. On v1 a new cpuset gets
 * the cpus and nodes of the group above, without which no task could enter. */
int cg_edit_make(struct cg_edit *e, uint16_t hierarchy, const char *path, struct cg_bytes controllers,
	bool may_exist, uint32_t *ret, struct cg_error **err) CG_MUST_CHECK;

/* What a file of a place that exists reads now, whole; data NULL when the place or the file is not there.
 * Memory is the plan's. */
int cg_edit_read(struct cg_edit *e, uint32_t place, const struct cg_knob *knob, const char *file,
	struct cg_bytes *ret, struct cg_error **err) CG_MUST_CHECK;

enum cg_edit_how {
	CG_EDIT_LAY_OVER, /* of keyed files only the entries that are given change */
	CG_EDIT_WHOLE,    /* all of the value is given */
	CG_EDIT_FOLLOW,   /* likewise, but the file was not named: it gives way when it is */
};
/* A setting of a place, in the kernel's form; it is checked, and nothing is planned when it stands there
 * already. knob NULL: a file that the catalogue does not know. The same file named twice is a usage error,
 * unless it has parts. */
int cg_edit_set(struct cg_edit *e, uint32_t place, const struct cg_knob *knob, const char *file,
	struct cg_bytes value, enum cg_edit_how how, struct cg_error **err) CG_MUST_CHECK;
/* What a file of a place will read when the edit is done: as cg_edit_read(), with what is planned and, of a
 * group that is made, what a new one has. */
int cg_edit_expect(struct cg_edit *e, uint32_t place, const struct cg_knob *knob, const char *file,
	struct cg_bytes *ret, struct cg_error **err) CG_MUST_CHECK;
/* Device rules of a v2 group, which a BPF program holds. `file` is `list` itself, whose rules are all given,
 * or one of its two files by which a rule is added or taken away. */
int cg_edit_set_rules(struct cg_edit *e, uint32_t place, const struct cg_knob *list,
	const struct cg_knob *file, struct cg_bytes words, struct cg_error **err) CG_MUST_CHECK;
/* What they are, appended: -EOPNOTSUPP when a program that is no list of rules decides, too. */
int cg_edit_read_rules(
	int group, const struct cg_knob *list, struct cg_text *t, struct cg_error **err) CG_MUST_CHECK;
/* Whether a write of this file is planned. */
bool cg_edit_plans(const struct cg_edit *e, uint32_t place, const char *file);
/* "! PATH FILE: text", counted as something that differs. */
int cg_edit_note(struct cg_edit *e, uint32_t place, const char *file, struct cg_error **err, const char *fmt,
	...) CG_PRINTF(5, 6) CG_MUST_CHECK;
/* Hands the group to an owner: the directory and the files that are handed over in a delegation. */
int cg_edit_own(
	struct cg_edit *e, uint32_t place, uint32_t uid, uint32_t gid, struct cg_error **err) CG_MUST_CHECK;
/* A process, or with `thread` one thread alone, enters. No such task: -ESRCH with a usage error. */
int cg_edit_attach(
	struct cg_edit *e, uint32_t place, int id, bool thread, struct cg_error **err) CG_MUST_CHECK;

/* Puts the settings in the order in which the kernel takes them, and says what nothing is done to. Once,
 * before the plan is told or run. */
int cg_edit_finish(struct cg_edit *e, struct cg_error **err) CG_MUST_CHECK;
/* Tells the plan's lines (a dry run), or runs it. */
int cg_edit_tell(
	const struct cg_edit *e, const struct cg_apply_options *options, struct cg_error **err) CG_MUST_CHECK;
int cg_edit_run(const struct cg_edit *e, const struct cg_apply_options *options, enum cg_outcome *ret,
	size_t *ret_differs, struct cg_error **err) CG_MUST_CHECK;
