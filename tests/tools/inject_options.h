#ifndef INJECT_OPTIONS_H
#define INJECT_OPTIONS_H

#include "inject_calls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STATUS_NOT_REACHED = 124, /* the point was never reached */
	STATUS_TROUBLE = 125,     /* a failure of our own */
};

/* The counted calls `first` to `last` fail with `error` (a positive errno). */
struct failure {
	uint64_t first;
	uint64_t last;
	int error;
};

struct options {
	bool count;
	struct failure *failures;
	size_t failure_count;
	uint64_t kill;      /* number of the call to kill at, 0 for none */
	bool kill_after;    /* ... after it was executed */
	uint64_t signal_at; /* number of the call at which the command gets `signal`, 0 for none */
	int signal;
	const char *trace; /* file for the list of counted calls */
	const char *after_path;
	uint64_t after_calls; /* calls to pass before counting */
	const char **at;      /* only calls on files at or below one of these */
	size_t at_count;
	bool only;    /* `chosen` names what is counted, and unnamed calls are not */
	bool *chosen; /* by row of the call table */
	char **command;
};

/* Parses the command line. Prints help or what is wrong and ends the program where there is nothing to run.
 * What is in `ret` is released by options_free. */
void options_parse(struct options *ret, int argc, char **argv);

void options_free(struct options *options);

/* Whether calls of this row (NULL: a call without one) are counted. */
bool options_counts(const struct options *options, const struct call *call);

/* Whether a path is `prefix` or lies below it. */
bool path_is_below(const char *path, const char *prefix);

/* Prints what went wrong and ends the program with STATUS_TROUBLE. */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
