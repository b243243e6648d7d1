/* What `restore` and `verify` are told on the command line, put into the engine's words. */
#pragma once

#include "cli/cli.h"
#include "engine/restore.h"
#include "kernel/hierarchy.h"

/* The arrays that the engine's options point into. */
struct cli_request {
	struct cg_arena arena;
	struct cg_root *root;
	struct cg_mapping *map, *device;
	struct cg_mode_at *mode_at;
	struct cg_pid_pair *pid_map;
	size_t roots, maps, devices, mode_ats, pid_maps;
};
void cli_request_free(struct cli_request *q);
#define _cleanup_request_ _cleanup_(cli_request_free)

/* Each takes what was given, strictly, and says what is wrong with it. */
int cli_request_roots(
	struct cli_request *q, const struct cli_list *list, struct cg_error **err) CG_MUST_CHECK;
int cli_request_maps(struct cli_request *q, const struct cli_list *list, struct cg_error **err) CG_MUST_CHECK;
int cli_request_mode_ats(
	struct cli_request *q, const struct cli_list *list, struct cg_error **err) CG_MUST_CHECK;
/* Files of two words a line, '#' begins a comment. */
int cli_request_pid_map(struct cli_request *q, const char *file, struct cg_error **err) CG_MUST_CHECK;
int cli_request_device_map(struct cli_request *q, const char *file, struct cg_error **err) CG_MUST_CHECK;
