/* BPF programs attached to groups of the v2 hierarchy: read, loaded again, attached and detached (bpf(2)).
 *
 * What the kernel gives back are translated instructions: after the verifier removed what is never reached
 * and put kernel addresses and offsets in. Some programs come out of that as they went in, and only those can
 * be loaded again as what they were. Which they are is not guessed: a program is saved when it uses no maps
 * and a trial load of what was read gives the very same instructions (and, but for device programs, whose
 * context is never rewritten, the same tag, which the kernel calculates from what it was given). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/text.h"

#define CG_BPF_NAME_MAX     15      /* BPF_OBJ_NAME_LEN without its NUL */
#define CG_BPF_INSTRUCTIONS 1000000 /* the most that a kernel takes (BPF_COMPLEXITY_LIMIT_INSNS) */
#define CG_BPF_PRIVILEGES   "CAP_SYS_ADMIN, or CAP_BPF and CAP_NET_ADMIN"

struct cg_bpf {
	uint32_t id; /* of a loaded one */
	uint32_t attach_type, attach_flags, program_type;
	bool gpl;
	const char *type; /* the attach type as bpftool-cgroup(8) names it; of what is read only */
	const char *name;
	struct cg_bytes tag;          /* 8 bytes, or none */
	struct cg_bytes instructions; /* 8 bytes each, little-endian; none: not saved */
	const char *lost;             /* why it is not saved, to follow "it": "uses maps" */
};

/* What stays from one group to the next, for many have the same programs: {0} is a fresh one. */
struct cg_bpf_reader {
	struct cg_bpf last;
	struct cg_text name, instructions, trial;
	char tag[8];
};
void cg_bpf_reader_free(struct cg_bpf_reader *r);

/* The programs attached directly to the group, of every attach type that the kernel knows, in the order in
 * which they run: calls fn for each; what it is given is valid during the call. What fn returns ends the walk
 * if it is not 0. -EPERM without the privilege. */
typedef int cg_bpf_fn(void *context, const struct cg_bpf *program);
int cg_bpf_each(int group, struct cg_bpf_reader *reader, cg_bpf_fn *fn, void *context) CG_MUST_CHECK;

/* Whether any program that attaches to cgroups is loaded on this host at all: then no group need be asked. 1,
 * 0, or a negative errno (-EPERM without the privilege). A kernel without BPF has none. */
int cg_bpf_any(void) CG_MUST_CHECK;
/* Whether attached programs may be asked for: 0 or a negative errno. `group` is any directory of a v2
 * hierarchy. */
int cg_bpf_may_query(int group) CG_MUST_CHECK;
/* Whether programs may be loaded, by loading one that is let go at once: 0 or a negative errno. */
int cg_bpf_may_load(void) CG_MUST_CHECK;

/* Loads a program: its descriptor. The error tells what the verifier said. */
int cg_bpf_load(const struct cg_bpf *program, int *ret_fd, struct cg_error **err) CG_MUST_CHECK;
/* A loaded program by its id, when it still is the one with these instructions: its descriptor, or -ENOENT.
 */
int cg_bpf_find(const struct cg_bpf *program, int *ret_fd) CG_MUST_CHECK;

/* The last program that was loaded, for the next group often has the same: {-1, {0}, ...} is none. */
struct cg_bpf_loader {
	int fd;
	uint32_t id;
	const struct cg_bpf *program;
};
#define CG_BPF_LOADER_INIT                                                                                   \
	{                                                                                                    \
		-1, 0, NULL                                                                                  \
	}
void cg_bpf_loader_close(struct cg_bpf_loader *l);

/* Whether two are the same to a restore: type, flags and name, and the instructions, or the tag where one
 * side has none. */
bool cg_bpf_same(const struct cg_bpf *a, const struct cg_bpf *b);

/* Makes the programs of one attach type be `want`, in that order, and reads them back. What stands there
 * already stays. New ones are attached before old ones are detached, so that at no time less is asked than
 * before or after; but where the flags differ, which the kernel refuses, the old ones go first. A program
 * that is still loaded under its id is used itself; others are loaded. `want` must live as long as the
 * loader. 0, or a negative errno with the reason in *err; ret_changed (may be NULL): something was done, or
 * tried. */
int cg_bpf_set(int group, uint32_t attach_type, const struct cg_bpf *want, size_t count,
	struct cg_bpf_loader *loader, bool *ret_changed, struct cg_error **err) CG_MUST_CHECK;
/* The name of an attach type; NULL for one that is not known here. */
const char *cg_bpf_type_name(uint32_t attach_type);
/* The type that programs of an attach type have (enum bpf_prog_type); 0 for one that is not known here. */
uint32_t cg_bpf_program_type(uint32_t attach_type);
