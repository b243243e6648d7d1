/* The command line by tables. getopt_long(3) does the splitting; its two arrays are made from the rows of the
 * common table and of the verb's, so that an option exists exactly once. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#define ROWS_MAX        32  /* words of one verb */
#define OPTIONS_MAX     160 /* the manager has a hundred */
#define FIRST_LONG      256 /* values above any letter */
#define NAME_MAX_NEAR   64  /* longer words get no suggestion */
#define THREADS_AT_MOST 4096

static const char *const color_words[] = {"auto", "always", "never", NULL};

const struct cli_option cli_common_options[] = {
	{'h', "help", CLI_FLAG, offsetof(struct cli, help), .help = "explain, and end"},
	{'\0', "version", CLI_FLAG, offsetof(struct cli, version),
		.help = "tell the program's version, the image format and what was built in, and end"},
	{'\0', "json", CLI_FLAG, offsetof(struct cli, json), .help = "give results as JSON on stdout"},
	{'q', "quiet", CLI_FLAG, offsetof(struct cli, quiet),
		.help = "say only what differs, was skipped or failed"},
	{'v', "verbose", CLI_COUNT, offsetof(struct cli, verbose),
		.help = "say more on stderr; twice: everything"},
	{'\0', "color", CLI_CHOICE, offsetof(struct cli, color), "WHEN", color_words,
		.help = "colours: auto, always or never; NO_COLOR is honoured (default: auto)"},
	{'\0', "no-pager", CLI_FLAG, offsetof(struct cli, no_pager),
		.help = "do not send long output through $PAGER"},
	{'\0', "progress", CLI_FLAG, offsetof(struct cli, progress),
		.help = "tell the progress of long work on stderr (default: on a terminal)"},
	{0},
};

/* One option of either table and where its value goes. */
struct bound {
	const struct cli_option *row;
	void *base;
};

struct parser {
	struct cli *cli;
	struct bound bound[OPTIONS_MAX];
	struct option longs[OPTIONS_MAX + 1];
	char letters[2 * OPTIONS_MAX + 3];
	int count;
};

static bool takes_value(const struct cli_option *row)
{
	return row->kind != CLI_FLAG && row->kind != CLI_COUNT;
}

static void add_table(struct parser *p, const struct cli_option *table, void *base)
{
	size_t end = strlen(p->letters);

	for (; table && table->name && p->count < OPTIONS_MAX; table++) {
		p->bound[p->count] = (struct bound){table, base};
		p->longs[p->count] = (struct option){table->name,
			takes_value(table) ? required_argument : no_argument, NULL, FIRST_LONG + p->count};
		p->count++;
		if (!table->letter)
			continue;
		p->letters[end++] = table->letter;
		if (takes_value(table))
			p->letters[end++] = ':';
	}
	p->letters[end] = '\0';
}

int cli_usage(struct cli *cli, const char *fmt, ...)
{
	_cleanup_error_ struct cg_error *err = NULL;
	va_list ap;

	va_start(ap, fmt);
	(void)cg_error_vmake(&err, CG_FAULT_USAGE, EINVAL, fmt, ap);
	va_end(ap);
	if (cli->verb)
		cg_error_hint(&err, "see cgtree %s --help", cli->verb->name);
	else
		cg_error_hint(&err, "see cgtree --help");
	return cli_fail(cli, err);
}

/* The fewest changes of a character that make b of a (Levenshtein), by rows. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_NEAR + 1], la = strlen(a), lb = strlen(b);

	if (la > NAME_MAX_NEAR || lb > NAME_MAX_NEAR)
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t above = row[j], best = diagonal + (a[i - 1] != b[j - 1]);

			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = above;
			row[j] = best;
		}
	}
	return row[lb];
}

const char *cli_nearest(const char *word, const char *const *candidates, size_t count)
{
	const char *nearest = NULL;
	size_t least = strlen(word) / 3 + 2;

	for (size_t i = 0; i < count; i++) {
		/* A beginning is what people type who know how shells complete. */
		bool begun = word[0] && strncmp(candidates[i], word, strlen(word)) == 0;
		size_t d = begun ? 1 : distance(word, candidates[i]);

		if (d < least) {
			least = d;
			nearest = candidates[i];
		}
	}
	return nearest;
}

int cli_find_word(struct cli *cli, const char *word, size_t *ret_row)
{
	const char *names[ROWS_MAX], *nearest;
	size_t n = 0;

	for (; n < cli->verb->words.count && n < ROWS_MAX; n++) {
		names[n] = cli_word_at(cli->verb, n);
		if (strcmp(word, names[n]) != 0)
			continue;
		*ret_row = n;
		return 0;
	}
	nearest = cli_nearest(word, names, n);
	if (nearest)
		return cli_usage(cli, "there is no verb \"%s\"; did you mean \"%s\"?", word, nearest);
	return cli_usage(cli, "there is no verb \"%s\"", word);
}

static int unknown_option(struct parser *p, const char *word)
{
	const char *names[OPTIONS_MAX] = {NULL};
	const char *nearest;
	char *name = strndup(word + 2, strcspn(word + 2, "="));
	int r, matches = 0;

	if (!name)
		return cli_usage(p->cli, "out of memory");
	for (int i = 0; i < p->count; i++) {
		names[i] = p->bound[i].row->name;
		matches += strncmp(names[i], name, strlen(name)) == 0;
	}
	nearest = cli_nearest(name, names, (size_t)p->count);
	if (matches > 1)
		r = cli_usage(p->cli, "--%s may mean several options: write it out", name);
	else if (nearest)
		r = cli_usage(p->cli, "there is no option --%s; did you mean --%s?", name, nearest);
	else
		r = cli_usage(p->cli, "there is no option --%s", name);
	free(name);
	return r;
}

static int bad_choice(struct cli *cli, const struct cli_option *row, const char *value)
{
	_cleanup_text_ struct cg_text list = {0};

	for (size_t i = 0; row->choices[i]; i++)
		cg_text_printf(&list, "%s%s", i ? ", " : "", row->choices[i]);
	return cli_usage(cli, "--%s \"%s\": accepted are %s", row->name, value, list.data ? list.data : "");
}

static int set_choice(struct cli *cli, const struct bound *b, const char *value)
{
	for (int i = 0; b->row->choices[i]; i++) {
		if (strcmp(b->row->choices[i], value) == 0) {
			*(int *)((char *)b->base + b->row->offset) = i;
			return 0;
		}
	}
	return bad_choice(cli, b->row, value);
}

static int set_list(struct cli *cli, struct cli_list *list, const char *value)
{
	const char **more = reallocarray(list->item, list->count + 1, sizeof(*more));

	if (!more)
		return cli_usage(cli, "out of memory");
	list->item = more;
	list->item[list->count++] = value;
	return 0;
}

static int set_number(struct cli *cli, const struct cli_option *row, unsigned *to, const char *value)
{
	uint32_t n;

	if (cg_parse_u32(cg_bytes_of(value), &n) < 0 || n < 1 || n > THREADS_AT_MOST)
		return cli_usage(cli, "--%s \"%s\": a number from 1 to %d is wanted", row->name, value,
			THREADS_AT_MOST);
	*to = n;
	return 0;
}

static int set_value(struct cli *cli, const struct bound *b, const char *value)
{
	void *to = (char *)b->base + b->row->offset;

	switch (b->row->kind) {
	case CLI_FLAG:
		*(bool *)to = true;
		return 0;
	case CLI_COUNT:
		++*(unsigned *)to;
		return 0;
	case CLI_TEXT:
		*(const char **)to = value;
		return 0;
	case CLI_LIST:
		return set_list(cli, to, value);
	case CLI_CHOICE:
		return set_choice(cli, b, value);
	case CLI_NUMBER:
		return set_number(cli, b->row, to, value);
	case CLI_PID:
		if (cg_parse_pid(cg_bytes_of(value), to) < 0)
			return cli_usage(cli, "--%s \"%s\": a process id in plain decimal is wanted",
				b->row->name, value);
		return 0;
	}
	return 0;
}

static const struct bound *find_bound(const struct parser *p, int c)
{
	if (c >= FIRST_LONG)
		return &p->bound[c - FIRST_LONG];
	for (int i = 0; i < p->count; i++)
		if (p->bound[i].row->letter == c)
			return &p->bound[i];
	return NULL;
}

/* What getopt_long reports as wrong: '?' unknown, ambiguous or with a value it does not take, ':' without the
 * value it needs. optopt is 0 for an unknown long option, else the option's value. */
static int refuse(struct parser *p, int c, const char *word)
{
	const struct bound *b = optopt ? find_bound(p, optopt) : NULL;

	if (!optopt)
		return unknown_option(p, word);
	if (!b)
		return cli_usage(p->cli, "there is no option -%c", optopt);
	if (c == ':')
		return cli_usage(p->cli, "--%s wants a value: %s", b->row->name, b->row->argument);
	return cli_usage(p->cli, "--%s takes no value", b->row->name);
}

static int run_parser(struct parser *p, int argc, char **argv, int *ret_first)
{
	optind = 0; /* glibc: start afresh */
	opterr = 0;
	for (;;) {
		int c = getopt_long(argc, argv, p->letters, p->longs, NULL);
		int r;

		if (c == -1)
			break;
		if (c == '?' || c == ':')
			return refuse(p, c, argv[optind - 1]);
		r = set_value(p->cli, find_bound(p, c), optarg);
		if (r)
			return r;
	}
	*ret_first = optind;
	return 0;
}

int cli_parse_common(struct cli *cli, int argc, char **argv, int *ret_first)
{
	struct parser p = {.cli = cli, .letters = "+:"};

	add_table(&p, cli_common_options, cli);
	return run_parser(&p, argc, argv, ret_first);
}

int cli_parse(struct cli *cli, void *values, int argc, char **argv, int *ret_first)
{
	struct parser p = {.cli = cli, .letters = ":"};
	int r;

	add_table(&p, cli->verb->options, values);
	add_table(&p, cli_common_options, cli);
	r = run_parser(&p, argc, argv, ret_first);
	if (r)
		return r;
	cli_terminal_init(cli);
	if (!cli->help && !cli->version)
		return 0;
	if (cli->help && *ret_first < argc && cli_verb_has_word(cli->verb, argv[*ret_first]))
		cli_help_word(cli, cli->verb, argv[*ret_first]);
	else if (cli->help)
		cli_help_verb(cli, cli->verb);
	else
		cli_version(cli);
	return CLI_SHOWN;
}

void cli_list_free(struct cli_list *list)
{
	free(list->item);
	*list = (struct cli_list){0};
}
