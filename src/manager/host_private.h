/* What host.c and host_area.c share. */
#pragma once

#include "manager/host.h"

#define GROUP_JOBS    "jobs"
#define GROUP_SHIMS   "shims"
#define GROUP_MANAGER "manager"

bool cg_host_systemd_runs(void);
/* Whether the group, or one above it, was given away by systemd. */
bool cg_host_is_delegated(const struct cg_live_hierarchy *h, const char *path);
int cg_host_not_delegated(const char *root, const char *why, struct cg_error **err) CG_MUST_CHECK;
bool cg_host_has_group(const struct cg_live_hierarchy *h, const char *path);
int cg_host_failed(const char *path, const char *what, int r, struct cg_error **err) CG_MUST_CHECK;
/* One hierarchy: the area's group and jobs below it. `make`: the group is made when it is missing. */
int cg_host_settle(const struct cg_host *h, struct cg_host_area *area, size_t i, bool make) CG_MUST_CHECK;
/* v2: hands the controllers on to jobs. */
int cg_host_enable_area(const struct cg_host *h, struct cg_host_area *area) CG_MUST_CHECK;
int cg_host_new_area(const struct cg_host *h, struct cg_host_area *area) CG_MUST_CHECK;
void cg_host_free_area(const struct cg_host *h, struct cg_host_area *area);
