/* How a manager is started, and where it is found. */
#pragma once

#include "control/config.h"
#include "control/delegation.h"

struct cg_manager_options {
	const char *root;    /* cgroup path; NULL: the own delegated group, or /cgtree where no systemd is */
	const char *socket;  /* NULL: CG_MANAGER_SOCKET */
	const char *run_dir; /* the journal; NULL: CG_MANAGER_RUN_DIR */
	const char *state_dir;            /* results; NULL: CG_MANAGER_STATE_DIR */
	const char *log_dir;              /* NULL: CG_MANAGER_LOG_DIR */
	const char *shim;                 /* the program; NULL: beside our own */
	uint64_t log_size;                /* bytes after which a log is rotated; 0: CG_MANAGER_LOG_SIZE */
	unsigned jobs_max, jobs_per_user; /* 0: the defaults */
	unsigned
		running_max; /* jobs at a time; 0: no limit. What is over is refused, or waits with --queue */
	unsigned keep_results; /* at most so many jobs that have ended; 0: CG_MANAGER_KEEP */
	uint64_t thaw_us;      /* a frozen job waits so long for a manager that is away; 0: 30 s */
	const char *config;    /* file of the governor's configuration; NULL: none */
	const struct cg_config_override *override; /* what the command line gave of it */
	size_t overrides;
	const struct cg_delegation *delegation; /* sockets of others */
	size_t delegations;
	int group; /* gid that may use the socket; -1: none */
};
#define CG_MANAGER_SOCKET    "/run/cgtree/manager.sock"
#define CG_MANAGER_RUN_DIR   "/run/cgtree/manager"
#define CG_MANAGER_STATE_DIR "/var/lib/cgtree"
#define CG_MANAGER_LOG_DIR   "/var/log/cgtree"
#define CG_MANAGER_LOG_SIZE  ((uint64_t)64 << 20)
#define CG_MANAGER_KEEP      4096
#define CG_MANAGER_ROOT      "/cgtree"
