/* The command line: its verbs are the rows below, in the order that help shows. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"

static const struct cli_verb *const verbs[] = {
	&cli_verb_dump,
	&cli_verb_restore,
	&cli_verb_show,
	&cli_verb_check,
	&cli_verb_verify,
	&cli_verb_diff,
	&cli_verb_decode,
	&cli_verb_encode,
	&cli_verb_convert,
	&cli_verb_bind,
	&cli_verb_unbind,
	&cli_verb_ls,
	&cli_verb_get,
	&cli_verb_set,
	&cli_verb_create,
	&cli_verb_delete,
	&cli_verb_attach,
	&cli_verb_exec,
	&cli_verb_import,
	&cli_verb_export,
	&cli_verb_criu,
	&cli_verb_oci,
	&cli_verb_recover,
#ifdef CGTREE_MANAGER
	&cli_verb_manager,
	&cli_verb_job,
#endif
	&cli_verb_help,
	NULL,
};

/* CRIU runs its action scripts by their name alone, so that this program itself can be one. */
static bool is_run_by_criu(int argc)
{
	return argc == 1 && getenv("CRTOOLS_SCRIPT_ACTION") && getenv("CRTOOLS_IMAGE_DIR");
}

static int run(struct cli *cli, int argc, char **argv)
{
	static char criu[] = "criu", word[] = "hook", *hook[] = {criu, word, NULL};
	int first, r = cli_parse_common(cli, argc, argv, &first);

	if (r)
		return r;
	cli->verb = first < argc ? cli_verb_find(cli, argv[first]) : NULL;
	if ((!cli->verb || !cli->verb->plain) && !is_run_by_criu(argc))
		(void)setlocale(LC_ALL, "");
	cli_terminal_init(cli);
	if (cli->version) {
		cli_version(cli);
		return CLI_EXIT_OK;
	}
	if (cli->help && first == argc) {
		cli_help_all(cli);
		return CLI_EXIT_OK;
	}
	if (is_run_by_criu(argc)) {
		cli->verb = &cli_verb_criu;
		return cli->verb->run(cli, 2, hook);
	}
	if (first == argc)
		return cli_usage(cli, "say what to do: cgtree VERB ...");
	if (!cli->verb)
		return cli_unknown_verb(cli, argv[first]);
	return cli->verb->run(cli, argc - first, argv + first);
}

/* A standard descriptor that is closed would be given to the next file that is opened, and what is said to a
 * person would end up in an image. The place is taken by something that can be neither read nor written. */
static int occupy_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/", O_PATH) != fd)
			return -errno;
	return 0;
}

int cli_main(int argc, char **argv, const struct cli_manager *manager)
{
	struct cli cli = {.verbs = verbs, .argv = argv, .manager = manager};
	int status;

	if (occupy_standard() < 0)
		return CLI_EXIT_FAILED;
	/* A closed pipe is an error of the write that meets it, told as such. */
	(void)signal(SIGPIPE, SIG_IGN);
	status = run(&cli, argc, argv);
	if (status == CLI_SHOWN)
		status = CLI_EXIT_OK;
	return cli_finish(&cli, status);
}
