/* The manager's configuration: one table of rows (config_rows.h), one structure that they fill. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/text.h"

enum cg_resource { CG_RESOURCE_CPU, CG_RESOURCE_MEMORY, CG_RESOURCE_IO, CG_RESOURCES };
/* As the kernel counts stalls (Documentation/accounting/psi.rst): some task waits, or all that could run do.
 */
enum cg_stall { CG_STALL_SOME, CG_STALL_FULL, CG_STALLS };
/* The ladder, from the mildest. */
enum cg_step { CG_STEP_ADMISSION, CG_STEP_BRAKE, CG_STEP_DEMOTE, CG_STEP_FREEZE, CG_STEP_KILL, CG_STEPS };

extern const char *const cg_resource_words[]; /* NULL-terminated, by the enumerations above */
extern const char *const cg_stall_words[];
extern const char *const cg_step_words[];

enum cg_when_closed { CG_WHEN_CLOSED_REJECT, CG_WHEN_CLOSED_QUEUE };

#define CG_TIME_FOREVER UINT64_MAX

/* How a resource climbs the ladder. Percentages are of the window, 0 to 100. */
struct cg_resource_config {
	uint64_t steps; /* bits: 1 << enum cg_step */
	uint64_t stall; /* enum cg_stall */
	uint64_t enter[CG_STEPS], leave[CG_STEPS];
	/* What must be in use for a step to be taken, the last for a kill: cpu and memory in percent, io in
	 * bytes a second. */
	uint64_t usage, kill_usage;
	uint64_t min_share; /* percent of what all jobs use: below it a job is no victim */
	uint64_t min_size;  /* memory only, bytes: the same */
};

/* Times in microseconds. */
struct cg_step_config {
	uint64_t dwell; /* a step holds at least as long, and is not taken twice within it */
	uint64_t max;   /* and at most as long */
	uint64_t rest;  /* a job whose step ended by that is left alone as long */
};

struct cg_config {
	uint64_t window, interval, calm, pace, repeat, dry_run;
	struct cg_resource_config resource[CG_RESOURCES];
	struct cg_step_config step[CG_STEPS];
	uint64_t when_closed;
	uint64_t brake_cut, brake_floor, brake_margin; /* percent, bytes, percent */
	uint64_t demoted_weight;
	uint64_t kill_wait;
	uint64_t metrics_interval;
	char *metrics_file, *events_file; /* owned; NULL: none */
};
void cg_config_free(struct cg_config *c);
#define _cleanup_config_ _cleanup_(cg_config_free)

enum cg_config_kind {
	CG_CONFIG_TIME, /* uint64_t, microseconds: 500ms, 2s, 1min, 1h, "forever" where the row allows it */
	CG_CONFIG_SIZE, /* uint64_t, bytes: 16M */
	CG_CONFIG_PERCENT, /* uint64_t: 40% */
	CG_CONFIG_NUMBER,  /* uint64_t */
	CG_CONFIG_BOOL,    /* uint64_t: yes, no */
	CG_CONFIG_CHOICE,  /* uint64_t, an index into `words` */
	CG_CONFIG_STEPS,   /* uint64_t, bits by enum cg_step: words, or "none" */
	CG_CONFIG_FILE,    /* char *, an absolute path, or "none" */
};

struct cg_config_row {
	const char *section, *name;
	const char *option; /* of the command line, without "--": the section and the name */
	enum cg_config_kind kind;
	size_t offset; /* in struct cg_config */
	uint64_t min, max;
	const char *const *words; /* CHOICE, NULL-terminated */
	const char *initial;      /* the default, as a person writes it */
	const char *help;         /* one line */
};

/* Each row's index. */
enum cg_config_index {
#define CG_CONFIG_ROW(id, ...) CG_CONFIG_##id,
#include "control/config_rows.h"
#undef CG_CONFIG_ROW
	CG_CONFIG_ROWS
};

extern const struct cg_config_row cg_config_table[CG_CONFIG_ROWS];
/* NULL when there is no such row. */
const struct cg_config_row *cg_config_find(const char *section, const char *name);

/* A value that the command line gave. */
struct cg_config_override {
	enum cg_config_index row;
	const char *value;
};

/* All defaults. -ENOMEM. */
int cg_config_default(struct cg_config *ret, struct cg_error **err) CG_MUST_CHECK;
/* One value. The error names the row, what it takes, and the nearest allowed; on failure *c is as it was. */
int cg_config_set(struct cg_config *c, const struct cg_config_row *row, const char *value,
	struct cg_error **err) CG_MUST_CHECK;
/* What no single row can tell: thresholds in order, times that fit each other. */
int cg_config_check(const struct cg_config *c, struct cg_error **err) CG_MUST_CHECK;
/* The value of a row as a person writes it. */
void cg_config_value(const struct cg_config *c, const struct cg_config_row *row, struct cg_text *t);
/* What a row takes: "500ms to 10s", "yes or no". */
void cg_config_range(const struct cg_config_row *row, struct cg_text *t);
/* The whole as a file that would give it again, each row with its help, its range and its default. */
void cg_config_text(const struct cg_config *c, struct cg_text *t);
/* The rows as a list of man(7), for cgtree-manager.conf(5). */
void cg_config_man(struct cg_text *t);
/* "1.5s", "forever" */
void cg_config_time(struct cg_text *t, uint64_t us);
