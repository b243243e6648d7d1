/* Values of settings: checked before they are written, compared as the kernel means them, and put into words.
 * Everything works by the grammar of the knob's row. Pure functions on bytes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/text.h"
#include "model/knob.h"

/* What stands in the file, cut down to the setting: without the last newline, without explanations
 * (FIRST_WORDS) and statistics (FLAG_LINE), and with the words of read_words for read_name's numbers. Points
 * into `raw` or at constant words. */
struct cg_bytes cg_value_setting(const struct cg_knob *knob, struct cg_bytes raw);

/* The part of a setting that a person wrote: "root" of "root invalid", "domain" of "domain threaded"; but for
 * FIRST_WORDS rows the value itself. A restore checks and writes this part, and compares what it reads back
 * with the whole. Points into `value`. */
struct cg_bytes cg_value_written(const struct cg_knob *knob, struct cg_bytes value);

/* 0 when this value may be written to this knob: of its grammar and range, no NUL, no text that only the
 * kernel writes ("domain invalid", "root invalid"). The error says what is wrong and what is accepted. A knob
 * of NULL (unknown file) takes any text without NUL. Knobs that are no settings, and aliases, are refused. */
int cg_value_check(const struct cg_knob *knob, const char *name, struct cg_bytes value,
	struct cg_error **err) CG_MUST_CHECK;

/* True when both mean the same: equal, or different only as the kernel normalises (rounding to `unit`, list
 * syntax, -1 and unlimited, order of keys, entries that say "no limit"). Unlimited is the same
 * whatever the page size. When memory is out, only equal bytes are the same. */
bool cg_value_same(const struct cg_knob *knob, struct cg_bytes a, struct cg_bytes b, uint64_t unit);

/* -1 when a restricts more than b, 1 less, 0 when equal or not to be ordered (numbers and flags: the
 * smaller restricts; bytes; quota ratios; lists: a subset restricts). */
int cg_value_order(const struct cg_knob *knob, struct cg_bytes a, struct cg_bytes b);

/* A number of bytes or count in a value (NUMBER*, BYTES*): false when it is unlimited or no number. */
bool cg_value_amount(const struct cg_knob *knob, struct cg_bytes value, uint64_t unit, uint64_t *ret);

/* Adds the value as a person reads it: 64M, "35% of a cpu", unlimited, cpus 0-3; several entries on one line
 * with ", " between. Escaped for a terminal. */
void cg_value_describe(const struct cg_knob *knob, struct cg_bytes value, struct cg_text *t);

/* What to write so that a file that reads `from` reads `to`: a list of single writes in order. from.data may
 * be NULL for "as a new group". Keyed grammars give a write for each changed key and a reset for each key of
 * `from` that `to` lacks; CONTROLLERS gives +name and -name in one write; DEVICE_RULES gives writes to
 * clear_name and write_name. Calls `emit` with the file's name and the bytes (valid during the call); a
 * result other than 0 ends and is returned. With nothing to change emit is not called.
 * -EINVAL when no write leads there (cgroup.type from threaded to domain), -ENOMEM. */
typedef int cg_value_emit_fn(void *context, const char *file, struct cg_bytes value);
int cg_value_writes(const struct cg_knob *knob, const char *name, struct cg_bytes from, struct cg_bytes to,
	cg_value_emit_fn *emit, void *context) CG_MUST_CHECK;

/* Calls fn for each entry of a keyed, nested or device-rule value: its key (for rules: MAJ:MIN) and the whole
 * line. Lines without a key ("default 100") are passed over, and so are other grammars. A result other than 0
 * ends and is returned. */
typedef int cg_value_key_fn(void *context, struct cg_bytes key, struct cg_bytes line);
int cg_value_each_key(
	const struct cg_knob *knob, struct cg_bytes value, cg_value_key_fn *fn, void *context) CG_MUST_CHECK;

/* Rewrites the keys of a keyed value: `map` returns 1 and the new key, 0 to keep, or a negative errno to
 * leave the entry out (the caller has noted it). Appends the new value to *t; lines without a key, and
 * values of other grammars, unchanged. 0 or -ENOMEM. */
typedef int cg_value_map_fn(void *context, struct cg_bytes key, struct cg_bytes *ret_key);
int cg_value_map_keys(const struct cg_knob *knob, struct cg_bytes value, cg_value_map_fn *map, void *context,
	struct cg_text *t) CG_MUST_CHECK;

/* What a person writes, as the kernel takes it, appended to *t: "64M" where the row counts bytes, "50ms"
 * where it counts microseconds, "35%" or "max" for a quota (its period is then the kernel's 100 ms, or 1 s
 * for less than 1%), "max" where the row calls it -1. Everything else is appended as it is; nothing is
 * checked. A fraction that is no whole number of bytes stays as it is, so that it is refused. -ENOMEM. */
int cg_value_of_words(const struct cg_knob *knob, struct cg_bytes words, struct cg_text *t) CG_MUST_CHECK;

/* What a person may write for a file beside the kernel's own form, in a sentence; NULL: nothing else. */
const char *cg_value_words(const struct cg_knob *knob);

/* Whether a value of this file can be given in parts, one after the other. */
bool cg_value_has_parts(const struct cg_knob *knob);

/* `given` laid over what a file reads, appended to *t: entries and sub-keys that are not named keep what they
 * have, "+name" and "-name" change a list of controllers. Values of other grammars, and rules, replace what
 * stands there. -ENOMEM. */
int cg_value_merge(const struct cg_knob *knob, struct cg_bytes present, struct cg_bytes given,
	struct cg_text *t) CG_MUST_CHECK;

/* A list of device rules with one rule (`words`: "c 1:3 rwm", or "a" for all) added or taken away, appended
 * to *t. Refused is what the kernel would take without effect, or without ever listing it: a denial under
 * "all", and of a device that no rule names exactly. */
int cg_value_change_rules(const struct cg_knob *knob, struct cg_bytes present, struct cg_bytes words,
	bool adds, struct cg_text *t, struct cg_error **err) CG_MUST_CHECK;
