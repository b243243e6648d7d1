/* A piece of a real hierarchy for one test: a group of our own in which anything may be done, and its removal
 * with all that is left in it. */
#pragma once

#include <sys/types.h>

#include "kernel/cgroupfs.h"
#include "kernel/hierarchy.h"

struct ground {
	struct cg_live live;
	const struct cg_live_hierarchy *hierarchy;
	char name[64]; /* one component below the hierarchy's root */
	char path[72]; /* the same with its '/' */
	int root;      /* descriptor of the hierarchy's root */
	int fd;        /* of our group */
	pid_t child[8];
	size_t children;
};

/* Lays our group below the hierarchy that cg_live_matches() finds for `hierarchy`; skips the cmocka test with
 * a reason where there is none or we may not. With `controllers`
 * (v2: names, separated by blanks) it is also skipped where the root does not have them enabled. */
void ground_make(struct ground *g, const char *hierarchy, const char *controllers);
/* Ends the children, removes the tree; does nothing when there is none (any more). */
void ground_remove(struct ground *g);
/* Fixtures: *state is a struct ground, and what a failed test left standing in it is removed. */
int ground_setup(void **state);
int ground_teardown(void **state);

/* A child process that waits for its end; ended by ground_remove(). */
pid_t ground_fork(struct ground *g);
/* Makes a child group and gives its descriptor. */
int ground_group(int parent, const char *name);
/* Writes; fails the test if the kernel refuses. */
void ground_write(int group, const char *file, const char *value);
/* The trimmed text of a file; fails the test if it cannot be read. The caller frees. */
char *ground_read(int group, const char *file);
/* Prints the reason and skips the test. */
void ground_skip(const char *fmt, ...) CG_PRINTF(1, 2);
