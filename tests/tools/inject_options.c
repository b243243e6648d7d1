/*
 * The command line of the injector: which calls are counted, and what happens at which of them. Everything
 * wrong here ends the program with STATUS_TROUBLE, so that a loop over points never takes a mistyped option
 * for its end.
 */
#include "inject_options.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("inject: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(STATUS_TROUBLE);
}

static void print_help(void)
{
	fputs("Usage: inject WHAT [WHICH] -- COMMAND...\n"
	      "Runs COMMAND under ptrace (threads and children included) and counts its system calls.\n"
	      "\n"
	      "What:\n"
	      "  --count              print the number of counted calls, as the last line on stdout\n"
	      "  --fail N[-M]=ERRNO   call N (to M) is not executed and fails, e.g. 12=ENOSPC; may be given again\n"
	      "  --kill N             COMMAND and its children get SIGKILL at call N, which is not executed\n"
	      "  --kill-after N       the same, after call N was executed\n"
	      "  --signal N=NAME      COMMAND gets this signal (INT, TERM, ...) when it makes call N\n"
	      "  --trace FILE         list the counted calls: number, call, errors that fit, file; by tabs\n"
	      "  --list               print the calls known by name and the errors that fit\n"
	      "\n"
	      "Which calls are counted:\n"
	      "  --after-path PATH    from the first call on a file at or below PATH on (otherwise from the\n"
	      "                       first call that is not the dynamic linker's)\n"
	      "  --after-calls N      N calls later than that\n"
	      "  --at PATH            only calls on files at or below PATH; may be given again\n"
	      "  --only NAME,...      only these calls\n"
	      "  --skip NAME,...      all but these\n"
	      "Without --only never counted, because they cannot fail or a failure means nothing:\n ",
		stdout);
	for (size_t i = 0; call_at(i); i++)
		if (call_at(i)->exempt)
			printf(" %s", call_at(i)->name);
	fputs("\n"
	      "brk fails as the kernel lets it fail, by staying where it is; whatever ERRNO says.\n"
	      "\n"
	      "Exit status: COMMAND's (128 + signal), 124 when call N was never reached, 125 for trouble of our\n"
	      "own, which includes that counting never began.\n",
		stdout);
}

static void print_list(void)
{
	for (size_t i = 0; call_at(i); i++) {
		const struct call *call = call_at(i);
		printf("%s\t%s", call->name, call->exempt ? "never" : "");
		for (const int *fit = call->fits; *fit; fit++)
			printf("%s%s", fit == call->fits ? "" : ",", strerrorname_np(*fit));
		putchar('\n');
	}
}

/* Makes room for one more item behind `count` items of `size` bytes. */
static void *grow(void *items, size_t count, size_t size)
{
	void *grown = reallocarray(items, count + 1, size);

	if (!grown)
		die("out of memory");
	return grown;
}

/* A decimal number from 1 up to `end`'s delimiter; ends the program on anything else. */
static uint64_t parse_number(const char *text, char **ret_end)
{
	errno = 0;
	unsigned long long value = strtoull(text, ret_end, 10);
	if (text[0] < '0' || text[0] > '9' || errno || value == 0)
		die("not a number from 1 up: '%s'", text);
	return value;
}

static uint64_t parse_whole_number(const char *text)
{
	char *end;
	uint64_t value = parse_number(text, &end);

	if (*end)
		die("not a number: '%s'", text);
	return value;
}

static int parse_errno(const char *name)
{
	for (int error = 1; error < 4096; error++) {
		const char *known = strerrorname_np(error);
		if (known && strcmp(known, name) == 0)
			return error;
	}
	die("no such error: '%s'", name);
}

static void add_failure(struct options *options, const char *text)
{
	struct failure failure;
	char *end;

	failure.first = failure.last = parse_number(text, &end);
	if (*end == '-')
		failure.last = parse_number(end + 1, &end);
	if (*end != '=' || failure.last < failure.first)
		die("not of the form N[-M]=ERRNO: '%s'", text);
	failure.error = parse_errno(end + 1);
	options->failures = grow(options->failures, options->failure_count, sizeof(failure));
	options->failures[options->failure_count++] = failure;
}

/* Sets the mark of every call in a list of names. */
static void mark_names(struct options *options, const char *list, bool mark)
{
	while (*list) {
		size_t len = strcspn(list, ",");
		const struct call *call = call_by_name(list, len);
		if (!call)
			die("no such system call: '%.*s' (see --list)", (int)len, list);
		options->chosen[call - call_at(0)] = mark;
		list += len + (list[len] == ',');
	}
}

static void choose_default(struct options *options)
{
	size_t count = 0;

	while (call_at(count))
		count++;
	options->chosen = calloc(count, sizeof(bool));
	if (!options->chosen)
		die("out of memory");
	for (size_t i = 0; i < count; i++)
		options->chosen[i] = !call_at(i)->exempt;
}

static void choose_only(struct options *options, const char *list)
{
	if (!options->only)
		for (size_t i = 0; call_at(i); i++)
			options->chosen[i] = false;
	options->only = true;
	mark_names(options, list, true);
}

static void set_kill(struct options *options, const char *text, bool after)
{
	if (options->kill)
		die("only one point to kill at");
	options->kill = parse_whole_number(text);
	options->kill_after = after;
}

static void set_signal(struct options *options, const char *text)
{
	char *end;

	if (options->signal_at)
		die("only one signal");
	options->signal_at = parse_number(text, &end);
	for (int number = 1; *end == '=' && number < NSIG; number++) {
		const char *known = sigabbrev_np(number);
		if (known && strcmp(known, end + 1) == 0)
			options->signal = number;
	}
	if (!options->signal)
		die("not of the form N=SIGNAL: '%s'", text);
}

static void parse_option(struct options *options, int option)
{
	switch (option) {
	case 'c':
		options->count = true;
		break;
	case 'f':
		add_failure(options, optarg);
		break;
	case 'k':
	case 'K':
		set_kill(options, optarg, option == 'K');
		break;
	case 'S':
		set_signal(options, optarg);
		break;
	case 't':
		options->trace = optarg;
		break;
	case 'p':
		options->after_path = optarg;
		break;
	case 'n':
		options->after_calls = parse_whole_number(optarg);
		break;
	case 'a':
		options->at = grow(options->at, options->at_count, sizeof(*options->at));
		options->at[options->at_count++] = optarg;
		break;
	case 'o':
		choose_only(options, optarg);
		break;
	case 's':
		mark_names(options, optarg, false);
		break;
	case 'h':
		print_help();
		exit(0);
	case 'l':
		print_list();
		exit(0);
	default:
		exit(STATUS_TROUBLE);
	}
}

void options_parse(struct options *ret, int argc, char **argv)
{
	static const struct option known[] = {
		{"count", no_argument, NULL, 'c'},
		{"fail", required_argument, NULL, 'f'},
		{"kill", required_argument, NULL, 'k'},
		{"kill-after", required_argument, NULL, 'K'},
		{"signal", required_argument, NULL, 'S'},
		{"trace", required_argument, NULL, 't'},
		{"after-path", required_argument, NULL, 'p'},
		{"after-calls", required_argument, NULL, 'n'},
		{"at", required_argument, NULL, 'a'},
		{"only", required_argument, NULL, 'o'},
		{"skip", required_argument, NULL, 's'},
		{"list", no_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	*ret = (struct options){0};
	choose_default(ret);
	while ((option = getopt_long(argc, argv, "+", known, NULL)) != -1)
		parse_option(ret, option);
	if (optind == argc)
		die("no command (see --help)");
	if (!ret->count && !ret->trace && !ret->failure_count && !ret->kill && !ret->signal_at)
		die("nothing to do: give --count, --trace, --fail, --kill, --kill-after or --signal");
	ret->command = argv + optind;
}

void options_free(struct options *options)
{
	free(options->failures);
	free(options->at);
	free(options->chosen);
	*options = (struct options){0};
}

bool options_counts(const struct options *options, const struct call *call)
{
	return call ? options->chosen[call - call_at(0)] : !options->only;
}

bool path_is_below(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);

	while (len > 1 && prefix[len - 1] == '/')
		len--;
	return strncmp(path, prefix, len) == 0 &&
	       (path[len] == '\0' || path[len] == '/' || path[len] == ' ' || (len == 1 && prefix[0] == '/'));
}
