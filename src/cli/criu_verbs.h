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
/* The hook without a process of its own for each step: begun before CRIU, and told of the steps. */
struct hook;
int cli_criu_attend(struct cli *cli, const char *folder, const char *state_dir, struct hook **ret,
	struct cg_error **err) CG_MUST_CHECK;
int cli_criu_step(struct hook *h, const char *step, int init, struct cg_error **err) CG_MUST_CHECK;
void cli_criu_leave(struct hook **h);
int cli_criu_prepare(struct cli *cli, const struct criu_options *o, char **word, size_t words);
int cli_criu_undo(struct cli *cli, const struct criu_options *o, char **word, size_t words);
int cli_criu_dump(struct cli *cli, const struct criu_options *o, char **word, size_t words);
int cli_criu_restore(struct cli *cli, const struct criu_options *o, char **word, size_t words);
