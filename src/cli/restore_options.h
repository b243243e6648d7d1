/* What `restore` and `verify` are told on the command line, put into the engine's words. */
#pragma once

#include "cli/cli.h"
#include "engine/restore.h"
#include "kernel/hierarchy.h"

#define CLI_STATE_DIR "/run/cgtree"

/* Where a tree goes and how: what restore and criu prepare are both told. The structure of a verb that takes
 * CLI_RESTORE_ROWS begins with this one. */
struct cli_restore_options {
	const char *mode, *device_map, *state_dir;
	struct cli_list mode_at, root, map, dir;
	bool dry_run, keep_top;
};
void cli_restore_options_free(struct cli_restore_options *o);

#define CLI_RESTORE_AT(member) offsetof(struct cli_restore_options, member)
#define CLI_RESTORE_ROWS                                                                                      \
	{'\0', "mode", CLI_TEXT, CLI_RESTORE_AT(mode), "MODE", NULL, CLI_NAMES_NOTHING,                       \
		"strict, opportunistic (or soft), bind, full, props or none (default: strict)"},              \
		{'\0', "mode-at", CLI_LIST, CLI_RESTORE_AT(mode_at), "PATH=MODE", NULL, CLI_NAMES_NOTHING,    \
			"another mode from this path of the image down; the longest path wins; may be "       \
			"repeated"},                                                                          \
		{'\0', "root", CLI_LIST, CLI_RESTORE_AT(root), "[HIER:]PATH", NULL, CLI_NAMES_GROUP,          \
			"put the top of the tree there (default: where it was); may be repeated for several " \
			"hierarchies; / is the root of this cgroup namespace"},                               \
		{'\0', "map", CLI_LIST, CLI_RESTORE_AT(map), "OLD=NEW", NULL, CLI_NAMES_GROUP,                \
			"put the group OLD of the image, and all below, at NEW; may be repeated"},            \
		{'\0', "dir", CLI_LIST, CLI_RESTORE_AT(dir), "DIR", NULL, CLI_NAMES_DIRECTORY,                \
			"put the top of the tree at this directory on a cgroup file system (a bind mount, a " \
			"container's view); may be repeated, once for each hierarchy"},                       \
		{'n', "dry-run", CLI_FLAG, CLI_RESTORE_AT(dry_run),                                           \
			.help = "print what would be done and change nothing"},                               \
		{'\0', "device-map", CLI_TEXT, CLI_RESTORE_AT(device_map), "FILE", NULL, CLI_NAMES_FILE,      \
			"devices and interfaces are called otherwise here: lines \"8:16 254:0\" or \"eth0 "   \
			"ens3\""},                                                                            \
		{'\0', "keep-top", CLI_FLAG, CLI_RESTORE_AT(keep_top),                                        \
			.help = "mode bind: leave the settings of the top as they are"},                      \
	{                                                                                                     \
		'\0', "state-dir", CLI_TEXT, CLI_RESTORE_AT(state_dir), "DIR", NULL, CLI_NAMES_DIRECTORY,     \
			"where undo records lie while they are needed (default: " CLI_STATE_DIR ")"           \
	}

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

/* The plan's options, and what else of *ret comes from these: state_dir and dry_run. */
int cli_restore_fill(const struct cli_restore_options *o, struct cli_request *q,
	struct cg_restore_options *ret, struct cg_error **err) CG_MUST_CHECK;

/* --dir with what does not go beside it: CLI_EXIT_USAGE when it was said, else 0. */
int cli_restore_check(struct cli *cli, const struct cli_restore_options *o) CG_MUST_CHECK;

/* Each takes what was given, strictly, and says what is wrong with it. */
int cli_request_roots(
	struct cli_request *q, const struct cli_list *list, struct cg_error **err) CG_MUST_CHECK;
int cli_request_maps(struct cli_request *q, const struct cli_list *list, struct cg_error **err) CG_MUST_CHECK;
int cli_request_mode_ats(
	struct cli_request *q, const struct cli_list *list, struct cg_error **err) CG_MUST_CHECK;
/* Files of two words a line, '#' begins a comment. */
int cli_request_pid_map(struct cli_request *q, const char *file, struct cg_error **err) CG_MUST_CHECK;
int cli_request_device_map(struct cli_request *q, const char *file, struct cg_error **err) CG_MUST_CHECK;
