/* The parts of "cgtree criu". Each function does what one word after it asks for, and gives the exit status.
 */
#pragma once

#include "cli/restore_options.h"

struct criu_options {
	struct cli_restore_options where; /* first: CLI_RESTORE_ROWS */
	const char *output, *images, *criu;
	int compress;
	bool leave_running;
};

/* `word` holds what stands after it. */
int cli_criu_import(struct cli *cli, const struct criu_options *o, char **word, size_t words);
int cli_criu_export(struct cli *cli, const struct criu_options *o, char **word, size_t words);
int cli_criu_hook(struct cli *cli, const struct criu_options *o, char **word, size_t words);
int cli_criu_prepare(struct cli *cli, const struct criu_options *o, char **word, size_t words);
int cli_criu_undo(struct cli *cli, const struct criu_options *o, char **word, size_t words);
int cli_criu_dump(struct cli *cli, const struct criu_options *o, char **word, size_t words);
int cli_criu_restore(struct cli *cli, const struct criu_options *o, char **word, size_t words);
