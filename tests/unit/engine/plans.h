/* Plans made by hand for tests of apply: what it does is tried without what decides. */
#pragma once

#include "engine/apply.h"
#include "unit/kernel/ground.h"

#define FIELD_LINES 256

/* A ground, a plan on it whose place 0 is the ground's own group, a folder for records, and the lines that
 * were told. */
struct field {
	struct ground ground;
	struct cg_plan plan;
	struct cg_members members;
	struct cg_apply_options options;
	char state_dir[64];
	char *line[FIELD_LINES];
	size_t lines;
	int (*at_line)(struct field *f, const char *text); /* called with each line; may be NULL */
	size_t kill_at; /* the program ends itself by SIGKILL after so many lines; 0: never */
	volatile int stop;
	enum cg_outcome outcome;
	size_t differs;
	struct cg_error *err;
};

int field_setup(void **state);
int field_teardown(void **state);
/* Like ground_make(), and place 0. */
void field_make(struct field *f, const char *hierarchy, const char *controllers);

uint32_t field_place(struct field *f, uint32_t parent, const char *name, bool exists);
/* The operation is valid until the next is added. */
struct cg_op *field_op(struct field *f, enum cg_op_kind kind, uint32_t place);
uint32_t field_create(struct field *f, uint32_t parent, const char *name);
struct cg_op *field_write(struct field *f, uint32_t place, const char *file, const char *to);
/* One thread, or the whole process, of a child. */
void field_attach(struct field *f, uint32_t place, int pid, int tid, bool whole);

/* Runs cg_apply(); `outcome` is what must come of it. Its status. */
int field_apply(struct field *f, enum cg_outcome outcome);
int field_recover(struct field *f, size_t count, enum cg_outcome outcome);
bool field_has_line(const struct field *f, const char *text);
/* How many records lie in the folder. */
size_t field_records(const struct field *f);

/* Everything that can be seen of a group and all below it: names, numbers, owners, modes, settings, xattrs,
 * tasks. The caller frees. */
char *field_snapshot(int group);
void field_assert_same(int group, const char *before);
