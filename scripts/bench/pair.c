/*
 * pair: runs two or more commands in turn, round after round, and measures each run.
 *
 * Machines drift while they are measured: caches, clock, other work. Commands that are compared therefore run
 * next to each other in each round, and what counts is the median of the rounds' ratios. Each round has
 * another order, so that none always runs after the same one and finds what that left of the caches. Times
 * come from the monotonic clock, processor time and peak memory from wait4(2). Commands are split at blanks
 * and run without a shell, which would be measured with them; preparations are not measured and run in a
 * shell.
 */
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct sample {
	double wall; /* seconds */
	double user;
	double system;
	long peak; /* KiB resident */
};

struct contestant {
	const char *name;
	char **argv;
	const char *before; /* for this one alone, or NULL */
	const char *after;
	struct sample *samples;
};

struct contest {
	unsigned rounds;
	unsigned warmup;
	const char *before;
	const char *after;
	const char *raw; /* file for each run's figures, or NULL */
	struct contestant *contestants;
	size_t count;
};

/* Splits a copy of the text at blanks. */
static char **split(const char *text)
{
	char *copy = strdup(text);
	char **words = NULL;
	size_t count = 0;

	if (!copy)
		die("out of memory");
	for (char *word = strtok(copy, " \n\t"); word; word = strtok(NULL, " \n\t")) {
		words = must_grow(words, count + 2, sizeof(*words));
		words[count++] = word;
	}
	if (count == 0)
		die("an empty command");
	words[count] = NULL;
	return words;
}

static void prepare(const char *command)
{
	if (!command)
		return;
	int status = system(command);
	if (status != 0)
		die("'%s' failed (wait status %d)", command, status);
}

static void __attribute__((noreturn)) become(char **argv)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		_exit(126);
	execvp(argv[0], argv);
	_exit(127);
}

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static struct sample measure(const struct contestant *contestant)
{
	struct rusage usage;
	int status;
	double start = now();
	pid_t child = vfork();

	if (child < 0)
		die("vfork: %s", strerror(errno));
	if (child == 0)
		become(contestant->argv);
	if (wait4(child, &status, 0, &usage) != child)
		die("wait4: %s", strerror(errno));
	double end = now();
	if (status != 0)
		die("%s: '%s' failed (wait status %d)", contestant->name, contestant->argv[0], status);
	return (struct sample){
		end - start, seconds(usage.ru_utime), seconds(usage.ru_stime), usage.ru_maxrss};
}

static struct sample run_one(const struct contest *contest, const struct contestant *contestant)
{
	prepare(contest->before);
	prepare(contestant->before);
	struct sample sample = measure(contestant);
	prepare(contestant->after);
	prepare(contest->after);
	return sample;
}

/* Another order, the same on every run of the benchmark. */
static void shuffle(size_t *order, size_t count, unsigned *state)
{
	for (size_t i = count; i > 1; i--) {
		*state = *state * 1664525 + 1013904223;
		size_t j = (*state >> 16) % i, swapped = order[j];
		order[j] = order[i - 1];
		order[i - 1] = swapped;
	}
}

static void run_rounds(struct contest *contest)
{
	size_t *order = must_alloc(contest->count * sizeof(*order));
	unsigned state = 1;

	for (size_t i = 0; i < contest->count; i++) {
		contest->contestants[i].samples = must_alloc(contest->rounds * sizeof(struct sample));
		order[i] = i;
	}
	for (unsigned round = 0; round < contest->warmup; round++)
		for (size_t i = 0; i < contest->count; i++)
			run_one(contest, &contest->contestants[i]);
	for (unsigned round = 0; round < contest->rounds; round++) {
		shuffle(order, contest->count, &state);
		for (size_t i = 0; i < contest->count; i++) {
			struct contestant *contestant = &contest->contestants[order[i]];
			contestant->samples[round] = run_one(contest, contestant);
		}
	}
	free(order);
}

static int compare_numbers(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

/* The median of the values, which are sorted in passing. */
static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare_numbers);
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static double cpu_of(const struct sample *sample)
{
	return sample->user + sample->system;
}

static double wall_of(const struct sample *sample)
{
	return sample->wall;
}

static double peak_of(const struct sample *sample)
{
	return (double)sample->peak;
}

/* The median of a figure, or of its ratio to another contestant's in the same round. */
static double middle(const struct contest *contest, const struct contestant *contestant,
	const struct contestant *base, double (*figure)(const struct sample *))
{
	double *values = must_alloc(contest->rounds * sizeof(*values));

	for (unsigned round = 0; round < contest->rounds; round++) {
		values[round] = figure(&contestant->samples[round]);
		if (base)
			values[round] /= figure(&base->samples[round]);
	}
	double result = median(values, contest->rounds);
	free(values);
	return result;
}

static void print_summary(const struct contest *contest)
{
	const struct contestant *base = &contest->contestants[0];

	printf("%-24s %10s %10s %10s %8s %8s\n", "median", "wall ms", "cpu ms", "peak KiB", "wall x",
		"cpu x");
	for (size_t i = 0; i < contest->count; i++) {
		const struct contestant *it = &contest->contestants[i];
		printf("%-24s %10.2f %10.2f %10.0f %8.3f %8.3f\n", it->name,
			1e3 * middle(contest, it, NULL, wall_of), 1e3 * middle(contest, it, NULL, cpu_of),
			middle(contest, it, NULL, peak_of), middle(contest, it, base, wall_of),
			middle(contest, it, base, cpu_of));
	}
}

static void write_raw(const struct contest *contest)
{
	FILE *file = fopen(contest->raw, "we");

	if (!file)
		die("%s: %s", contest->raw, strerror(errno));
	for (unsigned round = 0; round < contest->rounds; round++) {
		for (size_t i = 0; i < contest->count; i++) {
			const struct sample *sample = &contest->contestants[i].samples[round];
			fprintf(file, "%u\t%s\t%.6f\t%.6f\t%.6f\t%ld\n", round, contest->contestants[i].name,
				sample->wall, sample->user, sample->system, sample->peak);
		}
	}
	if (fclose(file) != 0)
		die("%s: %s", contest->raw, strerror(errno));
}

static void print_help(void)
{
	puts("Usage: pair [--rounds N] [--warmup N] [--before CMD] [--after CMD] [--raw FILE]\n"
	     "            --run NAME COMMAND [--own-before CMD] [--own-after CMD] [--run NAME COMMAND ...]\n"
	     "Runs each COMMAND in each round (7; after 1 to warm up) and prints medians of wall time, processor\n"
	     "time and peak memory, and the median of the rounds' ratios to the first COMMAND. COMMAND is split at\n"
	     "blanks, its stdout is dropped, and it must succeed. --before and --after are shell commands that run\n"
	     "around each COMMAND, the --own ones around the last named one only; none is measured.\n"
	     "--raw: round, name, wall, user and system seconds and peak KiB of each run, by tabs.");
}

static struct contestant *last_contestant(struct contest *contest)
{
	if (contest->count == 0)
		die("--own-before and --own-after come after --run");
	return &contest->contestants[contest->count - 1];
}

static void add_contestant(struct contest *contest, const char *name, const char *command)
{
	if (!command)
		die("--run needs a name and a command");
	contest->contestants =
		must_grow(contest->contestants, contest->count + 1, sizeof(*contest->contestants));
	contest->contestants[contest->count++] = (struct contestant){.name = name, .argv = split(command)};
}

static void parse_option(struct contest *contest, int option, char **argv)
{
	switch (option) {
	case 'r':
		contest->rounds = (unsigned)parse_number("--rounds", optarg, 1, 10000);
		break;
	case 'w':
		contest->warmup = (unsigned)parse_number("--warmup", optarg, 0, 10000);
		break;
	case 'b':
		contest->before = optarg;
		break;
	case 'a':
		contest->after = optarg;
		break;
	case 'B':
		last_contestant(contest)->before = optarg;
		break;
	case 'A':
		last_contestant(contest)->after = optarg;
		break;
	case 'o':
		contest->raw = optarg;
		break;
	case 'R':
		add_contestant(contest, optarg, argv[optind]);
		optind++;
		break;
	case 'h':
		print_help();
		exit(0);
	default:
		exit(1);
	}
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{"rounds", required_argument, NULL, 'r'},
		{"warmup", required_argument, NULL, 'w'},
		{"before", required_argument, NULL, 'b'},
		{"after", required_argument, NULL, 'a'},
		{"own-before", required_argument, NULL, 'B'},
		{"own-after", required_argument, NULL, 'A'},
		{"raw", required_argument, NULL, 'o'},
		{"run", required_argument, NULL, 'R'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct contest contest = {.rounds = 7, .warmup = 1};
	int option;

	while ((option = getopt_long(argc, argv, "+", known, NULL)) != -1)
		parse_option(&contest, option, argv);
	if (contest.count == 0 || optind < argc)
		die("nothing to run, or something behind it (see --help)");
	run_rounds(&contest);
	print_summary(&contest);
	if (contest.raw)
		write_raw(&contest);
	return 0;
}
