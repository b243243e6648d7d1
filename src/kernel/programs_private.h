/* What reading and loading of programs share. */
#pragma once

#include <linux/bpf.h>

#include "kernel/programs.h"

#define CG_BPF_GROUP_FIRST                                                                                   \
	64 /* BPF_CGROUP_MAX_PROGS of linux/bpf-cgroup.h: the most that one type takes, lsm_cgroup apart */

/* The ids of the programs of one type, allocated, and how they are attached, which all of them share.
 * -EINVAL: the kernel does not know the type. */
struct cg_bpf_ids {
	uint32_t *id;
	uint32_t flags, count;
};
int cg_bpf_query(int group, uint32_t attach_type, struct cg_bpf_ids *ret) CG_MUST_CHECK;
void cg_bpf_ids_free(struct cg_bpf_ids *ids);
#define _cleanup_bpf_ids_ _cleanup_(cg_bpf_ids_free)

/* What the kernel tells of a program, and its translated instructions, appended (none when it does not show
 * them). 0 or a negative errno. */
int cg_bpf_info(int fd, struct bpf_prog_info *ret, struct cg_text *instructions) CG_MUST_CHECK;
/* One load without words: the descriptor or a negative errno. `log` may be NULL. */
int cg_bpf_load_quietly(const struct cg_bpf *program, char *log, size_t log_size) CG_MUST_CHECK;
