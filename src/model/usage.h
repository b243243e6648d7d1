/* What a group uses: which interface file tells it on either version, and how it is read out of it. The rows
 * stand in knob_table_usage.c. Pure functions on bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/text.h"

enum cg_use {
	CG_USE_CPU,    /* microseconds used so far */
	CG_USE_MEMORY, /* bytes now */
	CG_USE_SWAP,   /* bytes now */
	CG_USE_IO,     /* bytes read and written so far, all devices */
	CG_USE_TASKS,
	CG_USE_OOM, /* processes that the kernel's OOM killer took so far, in the group and below */
	CG_USES
};
const char *cg_use_name(enum cg_use use);

/* How the number stands in the file. */
enum cg_use_form {
	CG_USE_NUMBER, /* it is all of it */
	CG_USE_KEY,    /* the line "KEY N" */
	CG_USE_NESTED, /* lines "... KEY=N ...": the sum of all named keys */
	CG_USE_DEVICE, /* lines "MAJ:MIN KEY N": the sum of all named keys */
};

struct cg_use_row {
	enum cg_use use;
	int version;
	const char *file;
	const char *controller; /* of v1: in whose hierarchy; of v2: what must be enabled; "": none */
	enum cg_use_form form;
	const char *key[2];
	uint32_t divisor; /* 0 counts as 1 */
};
extern const struct cg_use_row cg_use_rows[];
extern const size_t cg_use_row_count;
/* Of the memory that a group of v2 uses, the page cache. Costly to read, so not among the rows above. */
extern const struct cg_use_row cg_use_cache_row;

/* The number in the file's text; -ENODATA when it does not stand there, -ERANGE. */
int cg_use_parse(const struct cg_use_row *row, struct cg_bytes text, uint64_t *ret) CG_MUST_CHECK;

/* Settings of v2 that the manager has words of its own for. */
enum cg_known_limit {
	CG_LIMIT_MEMORY_MAX,
	CG_LIMIT_MEMORY_HIGH,
	CG_LIMIT_OOM_GROUP,
	CG_LIMIT_CPU_WEIGHT,
	CG_LIMIT_SWAP_MAX,
	CG_LIMIT_PIDS_MAX,
	CG_LIMIT_CPU_MAX,
	CG_LIMIT_DEPTH
};
const char *cg_known_limit_name(enum cg_known_limit limit);

/* The name of a v2 setting as an option calls it: "memory-swap-max" is memory.swap.max. Appended to *t; false
 * when the catalogue has no such setting. */
bool cg_limit_of_option(const char *option, struct cg_text *t);
