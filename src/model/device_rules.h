/* Rules of the v1 device controller (devices.list) as a program of the v2 one, and back. Pure.
 *
 * v1 allows an access when one rule covers it: the kind and number of the device, and all letters that are
 * asked for (security/device_cgroup.c, match_exception). The program asks the same, rule by rule, of struct
 * bpf_cgroup_dev_ctx (linux/bpf.h). Where every rule is passed by, it denies; a list that allows everything
 * needs no program. A number that no device can have (2^31 and above) matches none, as on v1.
 *
 * Instructions are bytes, 8 for each, in the order of a little-endian machine whatever the host is: opcode,
 * registers (destination in the lower four bits), offset:le16, immediate:le32. */
#pragma once

#include "base/arena.h"
#include "base/attributes.h"
#include "model/tree.h"

#define CG_INSTRUCTION_SIZE 8

/* Appends the program: 1; 0 when the rules allow everything and none is needed. -EINVAL when the text is no
 * list of rules as the kernel gives it, -ENOMEM. The text may be empty: then nothing is allowed. */
int cg_device_rules_assemble(struct cg_bytes rules, struct cg_text *ret) CG_MUST_CHECK;

/* Appends the rules of a program that cg_device_rules_assemble() makes, one a line, without a last newline,
 * in their order: true. False for any other program, and when memory is out (then ret->failed). */
bool cg_device_rules_recognise(struct cg_bytes instructions, struct cg_text *ret);

/* Appends the rules, one a line, with the numbers that `map` says: it gets the kind ('a', 'b', 'c'), MAJ:MIN
 * and returns 1 with another number, 0 to keep it, or a negative errno to leave the rule out (the caller has
 * noted it). Lines that are no rules are left as they are. 0 or -ENOMEM. */
typedef int cg_device_rules_fn(void *context, char kind, struct cg_bytes key, struct cg_bytes *ret_key);
int cg_device_rules_map(
	struct cg_bytes rules, cg_device_rules_fn *map, void *context, struct cg_text *t) CG_MUST_CHECK;

/* The same as a program to be attached beside others (BPF_F_ALLOW_MULTI), so that groups above and below keep
 * theirs: 1, 0, -EINVAL or -ENOMEM as above. Strings and instructions are the arena's. */
int cg_device_rules_program(
	struct cg_arena *arena, struct cg_bytes rules, struct cg_program *ret) CG_MUST_CHECK;
