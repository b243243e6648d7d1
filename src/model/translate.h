/* Translation of settings between cgroup v1 and v2. One table, translate_table.c, is read in both directions:
 * a row joins the knobs of v1 and those of v2 that say the same together (cpu.cfs_quota_us and
 * cpu.cfs_period_us are cpu.max), tells by which form their values correspond, and what is lost. That values
 * come back as they were is not believed but tried: see cg_translate_checked(). Pure functions on bytes.
 *
 * Sources: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/, and for the dialects of cpu weights the
 * places that cg_dialects names. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/text.h"
#include "model/knob.h"

#define CG_TRANSLATION_KNOBS 4 /* of one version in one row, at most */

enum cg_translation_class {
	CG_TRANSLATION_EXACT, /* comes back as it was, but for values that the other side cannot hold */
	CG_TRANSLATION_LOSSY, /* the other side means something else by it: every value but the default is
				 said */
	CG_TRANSLATION_NONE,  /* the other side has nothing of the kind */
};

/* How the values of a row correspond. */
enum cg_translation_form {
	CG_FORM_NONE,
	CG_FORM_SAME,       /* one number, flag, word or list, in the grammar of either side */
	CG_FORM_WORDS,      /* one word: words[0] and words[1] of the row stand side by side */
	CG_FORM_CPU_WEIGHT, /* by dialect */
	CG_FORM_QUOTA,      /* quota, period: "QUOTA PERIOD" */
	CG_FORM_MEMORY,     /* limit, limit with swap: limit, swap */
	CG_FORM_SOFT,       /* soft limit: low or high, as the options say */
	CG_FORM_THROTTLE,   /* rbps, wbps, riops, wiops, each by device: io.max */
	CG_FORM_IO_WEIGHT,  /* weight, weights by device: one file; scaled 10..1000 to 1..10000 */
	CG_FORM_BFQ_WEIGHT, /* the same, not scaled */
	CG_FORM_RULES,      /* device rules: no file of v2, but a program made of them */
	CG_FORM_IMPLIED,    /* the other side always does so */
	CG_FORM_OWNER,      /* a membership file: its owner and mode are what corresponds */
};

struct cg_translation {
	const char *knob[2][CG_TRANSLATION_KNOBS]; /* of v1, of v2; NULL where there are no more */
	enum cg_translation_class class;
	enum cg_translation_form form;
	const char *const *words[2]; /* WORDS */
	const char *why;             /* what is lost, or why the other side has none */
};

extern const struct cg_translation cg_translations[];
extern const size_t cg_translation_count;

/* The row of a knob of version 1 or 2, and which of its knobs it is; NULL when no row has it. */
const struct cg_translation *cg_translation_find(
	const struct cg_knob *knob, int version, unsigned *ret_index);

/* Formulas between cpu.shares and cpu.weight. */
enum cg_weight_rule {
	CG_WEIGHT_RATIO,  /* 1024 shares are 100 */
	CG_WEIGHT_LINEAR, /* the ends of both ranges meet, straight in between */
	CG_WEIGHT_CURVE,  /* the ends and 1024:100 meet, curved in between */
};
struct cg_dialect {
	const char *name;
	enum cg_weight_rule rule;
	bool rounds; /* RATIO: to nearest; else down */
	uint64_t shares_min, shares_max;
	const char *source; /* whose formula it is */
};
extern const struct cg_dialect cg_dialects[];
extern const size_t cg_dialect_count;
/* NULL when there is none of that name. */
const struct cg_dialect *cg_dialect_find(const char *name);
/* In the range of the other side, whatever is given; 0 stays 0 with LINEAR and CURVE, where it stands for
 * "not set". */
uint64_t cg_weight_from_shares(const struct cg_dialect *d, uint64_t shares);
uint64_t cg_shares_from_weight(const struct cg_dialect *d, uint64_t weight);

struct cg_translate_options {
	const struct cg_dialect *dialect; /* NULL: the kernel's, cg_dialects[0] */
	bool soft_is_high;                /* memory.soft_limit_in_bytes is memory.high; else memory.low */
	uint64_t page_size;               /* of the target: "unlimited" is a multiple of it on v1 */
};

/* Values of the knobs of one side of a row; data NULL: there is no such file. */
struct cg_values {
	struct cg_bytes value[CG_TRANSLATION_KNOBS];
};
/* The same, owned. `has` tells which there are. */
struct cg_translated {
	struct cg_text text[CG_TRANSLATION_KNOBS];
	bool has[CG_TRANSLATION_KNOBS];
};
void cg_translated_free(struct cg_translated *t);
#define _cleanup_translated_ _cleanup_(cg_translated_free)

/* A row on its way: where huge page sizes stand in names, `name` is one of the source's files. */
struct cg_translate {
	const struct cg_translation *row;
	int from, to; /* 1 or 2 */
	const char *name;
	const struct cg_translate_options *options;
};

/* The other side's values. Values that the kernel would not take (out of range, of another grammar, limits
 * that contradict each other) are refused with the row that says why (-EINVAL, CG_FAULT_USAGE). Of files that
 * are missing nothing is said, nor of what the other side has no place for. *ret is empty on entry. */
int cg_translate(const struct cg_translate *t, const struct cg_values *in, struct cg_translated *ret,
	struct cg_error **err) CG_MUST_CHECK;

/* The same, and in *ret_lost a bit for each of `in` that would not come back as it was. */
int cg_translate_checked(const struct cg_translate *t, const struct cg_values *in, struct cg_translated *ret,
	unsigned *ret_lost, struct cg_error **err) CG_MUST_CHECK;

/* Appends the name of a knob of a side, with the huge page size of `name` in it. */
void cg_translation_name(
	const struct cg_translation *row, int version, unsigned index, const char *name, struct cg_text *t);
/* "cpu.cfs_quota_us + cpu.cfs_period_us -> cpu.max", for people. */
void cg_translation_describe(const struct cg_translation *row, int from, struct cg_text *t);
