/* The few interface files that the mechanics of a group need, in any hierarchy. What controllers add is the
 * catalogue's business, not this layer's. Names and meaning: Documentation/admin-guide/cgroup-v2.rst and
 * cgroup-v1/ of the kernel. */
#pragma once

#define CG_FILE_PROCS           "cgroup.procs"
#define CG_FILE_THREADS         "cgroup.threads"
#define CG_FILE_TASKS           "tasks"
#define CG_FILE_TYPE            "cgroup.type" /* on every v2 group but the hierarchy's root */
#define CG_FILE_CONTROLLERS     "cgroup.controllers"
#define CG_FILE_SUBTREE_CONTROL "cgroup.subtree_control"
#define CG_FILE_EVENTS          "cgroup.events"
#define CG_FILE_FREEZE          "cgroup.freeze"
#define CG_FILE_KILL            "cgroup.kill"
#define CG_FILE_STAT            "cgroup.stat"
#define CG_FILE_MAX_DEPTH       "cgroup.max.depth"
#define CG_FILE_MAX_DESCENDANTS "cgroup.max.descendants"
#define CG_FILE_SANE_BEHAVIOR   "cgroup.sane_behavior" /* on the root of a v1 hierarchy only */
#define CG_FILE_FREEZER_STATE   "freezer.state"
#define CG_FILE_FREEZER_SELF    "freezer.self_freezing"
#define CG_SUFFIX_V2_LIMIT      ".max"
#define CG_SUFFIX_V2_USE        ".current"
#define CG_SUFFIX_V1_LIMIT      ".limit_in_bytes"
#define CG_SUFFIX_V1_USE        ".usage_in_bytes"
#define CG_SUFFIX_V1_EXCLUSIVE  "_exclusive"
#define CG_SUFFIX_PRESSURE                                                                                   \
	".pressure" /* pressure files of v2 belong to no controller, whatever stands before the dot */
