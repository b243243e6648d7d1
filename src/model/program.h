/* BPF programs of groups as data: which are the same, which can be restored, and in words. */
#pragma once

#include "model/tree.h"

/* Saved whole, so that it can be loaded again; the others are only named. */
static inline bool cg_program_is_saved(const struct cg_program *p)
{
	return p->instructions.len > 0;
}

/* Whether both are the same to a restore: where they are attached and how, the name, and the instructions, or
 * the tag where one side has none. Ids are the kernel's own and differ after every load; so do the tags of
 * programs that lost dead code when they were first loaded. */
bool cg_program_same(const struct cg_program *a, const struct cg_program *b);

/* NULL when it is a program that a dump writes: instructions whole and not too many, flags and name as the
 * kernel takes them. Otherwise what is wrong, to follow "it". */
const char *cg_program_fault(const struct cg_program *p);

/* Appends it in words, safe for a terminal: "device sd_devices 59 instructions, tag 2a142b9dc13b0a6b"; rules
 * in place of instructions where they are recognised (device_rules.h); "not saved" where it is only named;
 * "(alone)" where others cannot be beside it. */
void cg_program_describe(const struct cg_program *p, bool with_type, struct cg_text *t);
/* The same of several, with ", " between; "none". */
void cg_programs_describe(const struct cg_program *p, size_t count, bool with_type, struct cg_text *t);
