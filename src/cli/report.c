/* Everything that is said about failure, in one place, and what exit status it means. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/json_out.h"

int cli_exit_of(const struct cli *cli, const struct cg_error *err)
{
	/* What is asked for well but is not there (ENOENT, ESRCH) is trouble to these, too. */
	if (cli->verb && cli->verb->quiet_trouble && (err->fault != CG_FAULT_USAGE || err->code != EINVAL))
		return CLI_EXIT_FAILED;
	switch (err->fault) {
	case CG_FAULT_SYSTEM:
		return CLI_EXIT_FAILED;
	case CG_FAULT_USAGE:
		return CLI_EXIT_USAGE;
	case CG_FAULT_CORRUPT:
		return CLI_EXIT_CORRUPT;
	case CG_FAULT_UNSUPPORTED:
		return CLI_EXIT_UNSUPPORTED;
	case CG_FAULT_PARTIAL:
		return CLI_EXIT_PARTIAL;
	}
	return CLI_EXIT_FAILED;
}

void cli_say(struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	cli_progress_clear(cli);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
}

void cli_warn_line(struct cli *cli, const char *text)
{
	struct cli_style style = cli_style_of(cli->color_err);

	cli_say(cli, "%s!%s %s", style.yellow, style.reset, text);
}

int cli_fail_text(struct cli *cli, const struct cg_error *err)
{
	struct cli_style style = cli_style_of(cli->color_err);
	_cleanup_free_ char *text = cg_error_text(err);
	_cleanup_text_ struct cg_text hint = {0};

	cli_say(cli, "%scgtree:%s %s%s%s", style.red, style.reset, cli->verb ? cli->verb->name : "",
		cli->verb ? ": " : "", text ? text : "out of memory");
	if (err->hint) {
		cg_text_escape(&hint, cg_bytes_of(err->hint));
		cli_say(cli, "  hint: %s", hint.data ? hint.data : "");
	}
	return cli_exit_of(cli, err);
}

int cli_fail(struct cli *cli, const struct cg_error *err)
{
	int status = cli_fail_text(cli, err);

	if (cli->json && cli->verb) {
		_cleanup_text_ struct cg_text schema = {0};
		struct json_out json = json_begin(stdout, true);

		cg_text_printf(&schema, "cgtree.%s/1", cli->verb->name);
		json_open(&json, '{');
		json_text(json_member(&json, "schema"), schema.data);
		json_error(json_member(&json, "error"), err);
		json_close(&json, '}');
		json_end(&json);
	}
	return status;
}

int cli_finish(struct cli *cli, int status)
{
	bool failed = fflush(stdout) != 0 || ferror(stdout), paged = cli->pager != 0;
	int code = errno, least = cli->verb && cli->verb->changes ? CLI_EXIT_DIFFERS : CLI_EXIT_FAILED;

	cli_progress_clear(cli);
	cli_pager_wait(cli);
	/* Who left the pager has seen enough. */
	if (!failed || (paged && code == EPIPE))
		return status;
	/* So has head(1), but there the status is all that tells of it. */
	if (code != EPIPE)
		cli_say(cli, "cgtree: %s%scannot write to stdout: %s", cli->verb ? cli->verb->name : "",
			cli->verb ? ": " : "", strerror(code));
	return status > least ? status : least;
}
