/* Pressure as the kernel tells it: stalls in all, and triggers that wake us
 * (Documentation/accounting/psi.rst).
 *
 * Watched is one group, the root of the jobs: a trigger there sees what any job below stalls, and each group
 * with triggers costs a kernel thread. Where the jobs have no group of v2, the host's /proc/pressure is
 * watched. Of each resource there is a trigger for every threshold of its ladder, so that a hard stall is
 * told apart from a mild one at once. A trigger fires at most once a window, and without pressure nothing
 * happens at all. */
#pragma once

#include "control/config.h"

enum cg_pressure_mode {
	CG_PRESSURE_TRIGGERS, /* with the window of the configuration */
	CG_PRESSURE_SLOW,     /* with windows of 2 s: all that the kernel gives without CAP_SYS_RESOURCE */
	CG_PRESSURE_SAMPLING, /* no triggers: whoever wants to know must look every window */
	CG_PRESSURE_NONE,     /* the kernel does not account it */
};

struct cg_trigger {
	int fd; /* readiness is EPOLLPRI; EPOLLERR: its group is gone */
	enum cg_resource resource;
	unsigned percent; /* of the window */
};

#define CG_TRIGGERS_MAX (CG_RESOURCES * CG_STEPS)
struct cg_pressure {
	enum cg_pressure_mode mode;
	uint64_t window; /* us; the one that holds, to be used in place of the configuration's */
	unsigned known;  /* bits, 1 << resource: accounted here */
	int file[CG_RESOURCES];
	struct cg_trigger trigger[CG_TRIGGERS_MAX];
	unsigned triggers;
	char why[96]; /* mode SLOW, SAMPLING or NONE: what the kernel said, for people */
};
#define CG_PRESSURE_INIT                                                                                     \
	{                                                                                                    \
		.mode = CG_PRESSURE_NONE, .file = { -1, -1, -1 }                                             \
	}

/* Watches a group of v2 (an open directory), or the host (group -1). Without pressure accounting that is mode
 * NONE, not a failure. An error is one that need not be: no descriptor, no memory. */
int cg_pressure_open(
	int group, const struct cg_config *c, struct cg_pressure *ret, struct cg_error **err) CG_MUST_CHECK;
/* Reads the totals, microseconds, by resource and kind. -ENODEV: the group is gone. */
int cg_pressure_read(const struct cg_pressure *p, uint64_t ret[CG_RESOURCES][CG_STALLS]) CG_MUST_CHECK;
/* Closing a trigger waits for the kernel, for tens of milliseconds: a thread of its own does that. *p is
 * empty at once; its descriptors must have been taken out of the loop before. */
void cg_pressure_close(struct cg_pressure *p);

/* The text of a pressure file. 0 or -EINVAL. A file without "full" (cpu on kernels before 5.13) has 0 there.
 */
int cg_psi_parse(struct cg_bytes text, uint64_t ret[CG_STALLS]) CG_MUST_CHECK;

/* Memory of the host as /proc/meminfo tells it: bytes in all, and what neither is free nor can be taken back.
 */
int cg_meminfo_parse(struct cg_bytes text, uint64_t *ret_total, uint64_t *ret_used) CG_MUST_CHECK;
