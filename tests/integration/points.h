/* What the parts of the rollback test's driver share: points.c tries the points, points_run.c runs programs,
 * points_picture.c looks at the target. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct list {
	char **item; /* NULL-terminated */
	size_t count;
};

struct config {
	const char *name;    /* of the scenario, for messages */
	const char *inject;  /* the fault injector */
	const char *program; /* cgtree */
	const char *image;
	const char *records; /* the folder of undo records, made by the restore itself */
	const char *groups; /* what all directories of `dirs` lie below: faults that shall spare the output */
	const char *reset;  /* shell command that makes the target anew, whatever state it is in */
	const char *work;   /* folder for files of ours */
	struct list args;   /* of the restore */
	struct list dirs;   /* what is looked at */
	struct list tasks;  /* processes whose places are looked at */
	unsigned stride;    /* every how manieth point is tried */
	unsigned look;      /* the same for calls that change nothing */
	unsigned sample;    /* the same for the parts that need a loop in a loop */
	bool no_memory;     /* whether calls that ask for memory are failed too */
};

/* Prints what went wrong and ends the program with 2: trouble of our own, not of what is tested. */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* A new string; ends the program when memory is out. */
char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
void list_add(struct list *list, const char *item);
void list_free(struct list *list);

/* Everything that a person could see of the target: groups, owners, modes, attributes, settings, and where
 * each thread of the tasks is, as text. The caller frees it. */
char *picture(const struct config *c);

/* Runs a command with stdout and stderr in the work folder's "out" and "err": its exit status, 128 + signal
 * when one ended it. */
int run_command(const struct config *c, char *const argv[]);
/* Runs the restore, or `recover`, under the injector with these options (NULL-terminated). */
int run_restore(const struct config *c, const char *const inject[]);
int run_recover(const struct config *c, const char *const inject[]);
/* The content of a file in the work folder, "" when there is none. The caller frees it. */
char *content(const struct config *c, const char *name);
/* Number of undo records that stand for something; empty ones, which say that nothing is to be done, are
 * removed. */
size_t records(const struct config *c);
/* Removes those that never got their name, which stand for no change: a second fault may leave one. */
void drop_unnamed_records(const struct config *c);

struct call {
	char *name;
	struct list errors;
	bool changes; /* at or behind the first call on the folder of records */
	bool commits; /* removes a record */
};
struct trace {
	struct call *call;
	size_t count;
};
/* Reads the injector's trace from the work folder. */
void trace_read(const struct config *c, const char *name, struct trace *ret);
void trace_free(struct trace *t);
