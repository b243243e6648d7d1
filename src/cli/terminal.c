/* What stands between the program and a person: colour, the character set, the pager, progress, and the
 * signals that ask to end. */
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>

#include "base/log.h"
#include "cli/cli.h"

#define PROGRESS_MS 100

enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* Set from a signal handler, which can reach nothing but a file-level object. */
static volatile int stop_asked;

static bool wants_color(const struct cli *cli, int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (cli->color != COLOR_AUTO)
		return cli->color == COLOR_ALWAYS;
	return isatty(fd) && !(no_color && no_color[0]) && !(term && strcmp(term, "dumb") == 0);
}

void cli_terminal_init(struct cli *cli)
{
	struct winsize size;

	cli->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	cli->color_out = wants_color(cli, STDOUT_FILENO);
	cli->color_err = wants_color(cli, STDERR_FILENO);
	cli->width = 0;
	if (isatty(STDOUT_FILENO))
		cli->width =
			ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20 ? size.ws_col : 80;
	cli->progress_on = cli->progress || (!cli->quiet && isatty(STDERR_FILENO));
	if (cli->verbose) {
		cli->quiet = false;
		cg_log_set_level(cli->verbose > 1 ? CG_LOG_DEBUG : CG_LOG_INFO);
	}
}

struct cli_style cli_style_of(bool color)
{
	static const struct cli_style none = {"", "", "", "", "", "", ""};
	static const struct cli_style ansi = {
		"\033[1m", "\033[2m", "\033[32m", "\033[31m", "\033[33m", "\033[36m", "\033[0m"};

	return color ? ansi : none;
}

static int spawn_pager(struct cli *cli, char *command, int input)
{
	posix_spawn_file_actions_t actions;
	char shell[] = "sh", flag[] = "-c";
	char *argv[] = {shell, flag, command, NULL};
	int r = posix_spawn_file_actions_init(&actions);

	if (r)
		return -r;
	r = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	if (r == 0)
		r = posix_spawn(&cli->pager, "/bin/sh", &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	return -r;
}

void cli_pager_start(struct cli *cli)
{
	const char *term = getenv("TERM");
	char *command = getenv("PAGER"), usual[] = "less";
	int fds[2];

	if (cli->no_pager || !cli->width || (term && strcmp(term, "dumb") == 0))
		return;
	if (!command || !command[0])
		command = usual;
	if (strcmp(command, "cat") == 0)
		return;
	/* As other tools do it: quit when it fits, colours through, no alternate screen. */
	(void)setenv("LESS", "FRX", 0);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return;
	/* No output yet: what goes wrong here leaves stdout as it was. */
	if (spawn_pager(cli, command, fds[0]) < 0)
		cli->pager = 0;
	else
		(void)dup2(fds[1], STDOUT_FILENO);
	(void)cg_close(fds[0]);
	(void)cg_close(fds[1]);
}

void cli_pager_wait(struct cli *cli)
{
	if (!cli->pager)
		return;
	/* The pager ends when its input does. */
	(void)close(STDOUT_FILENO);
	while (waitpid(cli->pager, NULL, 0) < 0 && errno == EINTR)
		;
	cli->pager = 0;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void cli_progress(void *context, const char *what, uint64_t done, uint64_t total)
{
	struct cli *cli = context;
	bool terminal = isatty(STDERR_FILENO);
	uint64_t now;

	if (!cli->progress_on)
		return;
	now = now_ms();
	/* Unless asked for, the first call only starts the clock: short work shows nothing. */
	if (!cli->progress_time && !cli->progress) {
		cli->progress_time = now;
		return;
	}
	if (cli->progress_time && now - cli->progress_time < (terminal ? PROGRESS_MS : 10 * PROGRESS_MS))
		return;
	cli->progress_time = now;
	if (total)
		(void)fprintf(stderr, "%s%s %llu of %llu (%llu%%)%s", terminal ? "\r\033[K" : "", what,
			(unsigned long long)done, (unsigned long long)total,
			(unsigned long long)(done * 100 / total), terminal ? "" : "\n");
	else
		(void)fprintf(stderr, "%s%s %llu%s", terminal ? "\r\033[K" : "", what,
			(unsigned long long)done, terminal ? "" : "\n");
	cli->progress_shown = terminal;
}

void cli_progress_clear(struct cli *cli)
{
	if (!cli->progress_shown)
		return;
	(void)fputs("\r\033[K", stderr);
	cli->progress_shown = false;
}

static void on_signal(int number CG_UNUSED)
{
	stop_asked = 1;
}

static void handle_signals(void (*handler)(int))
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = handler}, old;

	(void)sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < CG_ARRAY_SIZE(numbers); i++) {
		/* What was ignored from the start (nohup, a background job) stays ignored. */
		if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			(void)sigaction(numbers[i], &action, NULL);
	}
}

const volatile int *cli_catch_signals(void)
{
	handle_signals(on_signal);
	return &stop_asked;
}

void cli_release_signals(void)
{
	handle_signals(SIG_DFL);
}
