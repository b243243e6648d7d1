/* Where trees come from and go to: images in files and pipes, and the live kernel. */
#pragma once

#include "base/fdio.h"
#include "cli/cli.h"
#include "engine/dump.h"
#include "image/image.h"

/* A tree with what is known about its origin. */
struct cli_source {
	struct cg_tree *tree;
	struct cg_image_info info; /* all zero when live */
	bool live;
};
void cli_source_free(struct cli_source *s);
#define _cleanup_source_ _cleanup_(cli_source_free)

/* Opens a file for reading, "-" is stdin (refused on a terminal, `what` tells what is expected). */
int cli_open_input(const char *name, const char *what, int *ret_fd, struct cg_error **err) CG_MUST_CHECK;
/* How messages call it: "stdin" for "-". */
const char *cli_input_name(const char *name);
/* The hierarchies of this host, or those of the directories that were given (--dir). */
int cli_open_live(const struct cli_list *dirs, struct cg_live *ret, struct cg_error **err) CG_MUST_CHECK;
/* Reads and checks an image. */
int cli_read_image(const char *name, struct cli_source *ret, struct cg_error **err) CG_MUST_CHECK;
/* "live:TARGET" is dumped, everything else is the name of an image. */
int cli_load(struct cli *cli, const char *name, bool members, struct cli_source *ret,
	struct cg_error **err) CG_MUST_CHECK;

/* Where a result is written: stdout, or a file that appears when it is complete. What exists and is no
 * regular file (a pipe, a device) is written as it is. */
struct cli_output {
	struct cg_new_file file;
	int fd;
	const char *name;
	bool whole; /* `file` is in use */
};
#define CLI_OUTPUT_INIT                                                                                      \
	{                                                                                                    \
		.file = CG_NEW_FILE_INIT, .fd = -1                                                           \
	}
/* name NULL or "-": stdout. */
int cli_output_open(struct cli_output *o, const char *name, struct cg_error **err) CG_MUST_CHECK;
int cli_output_commit(struct cli_output *o, struct cg_error **err) CG_MUST_CHECK;
/* Leaves nothing behind of what was not committed; may be called in any state. */
void cli_output_close(struct cli_output *o);
#define _cleanup_output_ _cleanup_(cli_output_close)
bool cli_output_is_terminal(const char *name);
int cli_output_write(struct cli_output *o, const void *data, size_t len, struct cg_error **err) CG_MUST_CHECK;

/* Writes a tree as an image to a file that appears when it is whole, or to stdout. `info` may be NULL. */
int cli_write_image(const char *name, const struct cg_tree *tree, enum cg_compression compression,
	struct cg_image_info *info, struct cg_error **err) CG_MUST_CHECK;

struct cli_counts {
	uint64_t hierarchies, groups, settings, processes, tasks;
};
/* A task is counted once, though it is in a group of every hierarchy. */
int cli_tree_counts(const struct cg_tree *tree, struct cli_counts *ret, struct cg_error **err) CG_MUST_CHECK;
/* Processes (distinct pids) and threads of a group. */
struct cli_counts cli_group_counts(const struct cg_group *g);
/* "PATH KNOB: text", escaped. */
void cli_note_text(const struct cg_note *note, struct cg_text *t);
/* "1 group", "2 groups". */
void cli_plural(struct cg_text *t, uint64_t n, const char *one, const char *many);
/* "2026-01-31 12:00:00 UTC" */
void cli_format_time(uint64_t seconds, struct cg_text *t);
