/* The parts of values that check, compare, write and describe share; private to value*.c. */
#pragma once

#include "base/text.h"
#include "model/knob.h"

/* A single number: flags, numbers, bytes, percents (in hundredths). */
struct cg_scalar {
	bool unlimited;
	int64_t number; /* INT64_MAX when unlimited, so that numbers compare as they restrict */
};

/* LONG_MAX rounded down to the largest huge page of any machine (16 GiB): a byte limit from here on is none,
 * whatever unit it was rounded to (mm/page_counter.c, PAGE_COUNTER_MAX). */
#define CG_UNLIMITED_FLOOR (INT64_MAX - ((INT64_C(1) << 34) - 1))

/* 0, -EINVAL or -ERANGE; no range but the type's is looked at. -EINVAL for grammars of other values. */
int cg_scalar_parse(const struct cg_knob *knob, struct cg_bytes value, struct cg_scalar *ret) CG_MUST_CHECK;

/* "QUOTA PERIOD" */
struct cg_quota {
	struct cg_scalar quota;
	int64_t period;
};
int cg_quota_parse(struct cg_bytes value, struct cg_quota *ret) CG_MUST_CHECK;

/* One line of a keyed, nested or rule value, or one word of CONTROLLERS. */
struct cg_entry {
	struct cg_bytes line;
	char kind;            /* rules: a, b or c; 0 otherwise */
	struct cg_bytes key;  /* "default" for the line without a key */
	struct cg_bytes rest; /* value, sub-values, or access letters; trimmed */
};

bool cg_grammar_has_entries(enum cg_grammar grammar);
/* Takes the next entry off *rest: 1, 0 at the end, -EINVAL when the line is none of this grammar (it is taken
 * off, and ret->line is set). */
int cg_entry_next(const struct cg_knob *knob, struct cg_bytes *rest, struct cg_entry *ret) CG_MUST_CHECK;
/* The entry is the line that holds for all keys ("default 100"). */
bool cg_entry_is_default(const struct cg_knob *knob, const struct cg_entry *entry);
int cg_entry_compare(const struct cg_entry *a, const struct cg_entry *b); /* by kind and key */
/* Both say the same, apart from their keys. */
bool cg_entry_same(const struct cg_knob *knob, const struct cg_entry *a, const struct cg_entry *b);
/* The entry says what its absence says. */
bool cg_entry_is_none(const struct cg_knob *knob, const struct cg_entry *entry);

/* All entries, sorted by kind and key. 0, -EINVAL or -ENOMEM. */
struct cg_entries {
	struct cg_entry *item;
	size_t count;
};
int cg_entries_parse(const struct cg_knob *knob, struct cg_bytes value, struct cg_entries *ret) CG_MUST_CHECK;
void cg_entries_free(struct cg_entries *e);
#define _cleanup_entries_ _cleanup_(cg_entries_free)

/* The value of one sub-key in "a=1 b=2"; false when it is not there. */
bool cg_sub_find(struct cg_bytes rest, const char *sub, struct cg_bytes *ret);
/* Splits "a=1"; false when there is no '=' or no name before it. */
bool cg_sub_split(struct cg_bytes word, struct cg_bytes *ret_name, struct cg_bytes *ret_value);
/* Sub-keys that end in "bps" count bytes a second, the others requests. */
bool cg_sub_counts_bytes(struct cg_bytes name);
bool cg_word_is_listed(const char *const *words, struct cg_bytes word);

/* Letters of rwm as bits 1, 2, 4; 0 when they are none. */
unsigned cg_access_parse(struct cg_bytes letters);
