/* Help, the list of words for completions, and the version: everything here is read out of the verbs' rows.
 */
#include <string.h>

#include "cli/cli.h"
#include "cli/version.h"
#include "image/image.h"

#define HELP_COLUMN 28
#define HELP_WIDTH  92

/* The next word; what stands in brackets is one. */
static bool next_piece(struct cg_bytes *rest, struct cg_bytes *ret)
{
	struct cg_bytes word;
	int open = 0;

	if (!cg_bytes_word(rest, ret))
		return false;
	for (size_t i = 0;; i++) {
		if (i == ret->len) {
			if (open <= 0 || !cg_bytes_word(rest, &word))
				return true;
			ret->len = (size_t)(word.data + word.len - ret->data);
		}
		open += (ret->data[i] == '[') - (ret->data[i] == ']');
	}
}

/* Prints text wrapped at HELP_WIDTH, each line but the first indented; the first begins at `column`. */
static void put_wrapped(const char *text, size_t indent, size_t column)
{
	struct cg_bytes rest = cg_bytes_of(text), word;
	bool first = true;

	while (next_piece(&rest, &word)) {
		if (!first && column + 1 + word.len > HELP_WIDTH) {
			(void)printf("\n%*s", (int)indent, "");
			column = indent;
			first = true;
		}
		(void)printf("%s%.*s", first ? "" : " ", (int)word.len, word.data);
		column += word.len + !first;
		first = false;
	}
	(void)putchar('\n');
}

/* A left column and wrapped words beside it. */
static void put_row(const struct cli_style *style, const char *left, const char *right)
{
	size_t width = strlen(left) + 2;

	(void)printf("  %s%s%s", style->bold, left, style->reset);
	if (width + 2 > HELP_COLUMN)
		(void)printf("\n%*s", HELP_COLUMN, "");
	else
		(void)printf("%*s", (int)(HELP_COLUMN - width), "");
	put_wrapped(right, HELP_COLUMN, HELP_COLUMN);
}

static void put_option(const struct cli_style *style, const struct cli_option *o)
{
	_cleanup_text_ struct cg_text left = {0};

	if (o->letter)
		cg_text_printf(&left, "-%c, ", o->letter);
	cg_text_printf(&left, "--%s", o->name);
	if (o->argument)
		cg_text_printf(&left, " %s", o->argument);
	put_row(style, left.data ? left.data : "", o->help);
}

static void put_heading(const struct cli_style *style, const char *heading)
{
	(void)printf("\n%s%s%s\n", style->bold, heading, style->reset);
}

static void put_examples(const struct cli_style *style, const struct cli_example *example)
{
	put_heading(style, "Examples");
	for (; example->command; example++) {
		(void)printf("  %s%s%s\n      ", style->cyan, example->command, style->reset);
		put_wrapped(example->what, 6, 6);
	}
}

/* Whether a line of a synopsis begins with that word: "run|submit [OPTION...]" does with either. */
static bool begins_with(const char *synopsis, const char *word)
{
	struct cg_bytes rest = cg_bytes_of(synopsis), first;

	return cg_bytes_word(&rest, &first) && cg_bytes_has_part(first, '|', cg_bytes_of(word));
}

/* Whether a paragraph is about a word: it stands there, free or before a punctuation mark. */
static bool speaks_of(const char *paragraph, const char *word)
{
	struct cg_bytes rest = cg_bytes_of(paragraph), w;
	size_t n = strlen(word);

	while (cg_bytes_word(&rest, &w))
		if (w.len >= n && memcmp(w.data, word, n) == 0 &&
			(w.len == n || (w.len == n + 1 && strchr(",.:;", w.data[n]))))
			return true;
	return false;
}

/* Of the whole verb, or of one word of it. */
static void put_usage(const struct cli_style *style, const struct cli_verb *verb, const char *word)
{
	put_heading(style, "Usage");
	for (size_t i = 0; verb->synopsis[i]; i++) {
		if (word && !begins_with(verb->synopsis[i], word))
			continue;
		(void)printf("  cgtree %s ", verb->name);
		put_wrapped(verb->synopsis[i], 10 + strlen(verb->name), 10 + strlen(verb->name));
	}
	for (size_t i = 0; verb->description[i]; i++) {
		if (word && !speaks_of(verb->description[i], word))
			continue;
		(void)putchar('\n');
		put_wrapped(verb->description[i], 0, 0);
	}
}

static void put_options(const struct cli_style *style, const struct cli_verb *verb, const char *word)
{
	bool any = false;

	for (const struct cli_option *o = verb->options; o && o->name; o++) {
		if (word && verb->word_takes && !verb->word_takes(word, o))
			continue;
		if (!any)
			put_heading(style, "Options");
		any = true;
		put_option(style, o);
	}
	put_heading(style, "Options of every verb");
	for (const struct cli_option *o = cli_common_options; o->name; o++)
		put_option(style, o);
}

static void put_exits(const struct cli_style *style, const struct cli_verb *verb)
{
	put_heading(style, "Exit status");
	for (size_t i = 0; verb->exits[i]; i++) {
		(void)printf("  ");
		put_wrapped(verb->exits[i], 5, 2);
	}
}

void cli_help_verb(const struct cli *cli, const struct cli_verb *verb)
{
	struct cli_style style = cli_style_of(cli->color_out);

	(void)printf("%scgtree %s%s - %s\n", style.bold, verb->name, style.reset, verb->summary);
	put_usage(&style, verb, NULL);
	put_options(&style, verb, NULL);
	put_examples(&style, verb->examples);
	put_exits(&style, verb);
}

void cli_help_word(const struct cli *cli, const struct cli_verb *verb, const char *word)
{
	struct cli_style style = cli_style_of(cli->color_out);

	(void)printf("%scgtree %s %s%s - of: %s\n", style.bold, verb->name, word, style.reset, verb->summary);
	put_usage(&style, verb, word);
	put_options(&style, verb, word);
	put_exits(&style, verb);
	(void)printf("\nAll of it, with examples: cgtree help %s\n", verb->name);
}

const char *cli_word_at(const struct cli_verb *verb, size_t row)
{
	const char *word;

	memcpy(&word, (const char *)verb->words.rows + row * verb->words.size, sizeof(word));
	return word;
}

bool cli_verb_has_word(const struct cli_verb *verb, const char *word)
{
	for (size_t i = 0; i < verb->words.count; i++)
		if (strcmp(cli_word_at(verb, i), word) == 0)
			return true;
	return false;
}

void cli_help_all(const struct cli *cli)
{
	struct cli_style style = cli_style_of(cli->color_out);

	(void)printf(
		"%scgtree%s - dumps a cgroup tree to an image and brings it back\n", style.bold, style.reset);
	put_heading(&style, "Usage");
	(void)printf("  cgtree VERB [OPTION]... [ARGUMENT]...\n");
	put_heading(&style, "Verbs");
	for (size_t i = 0; cli->verbs[i]; i++)
		put_row(&style, cli->verbs[i]->name, cli->verbs[i]->summary);
	put_heading(&style, "Options of every verb");
	for (const struct cli_option *o = cli_common_options; o->name; o++)
		put_option(&style, o);
	put_heading(&style, "Naming a subtree");
	put_row(&style, "/job", "that path in every hierarchy where it exists, as /proc/PID/cgroup shows it");
	put_row(&style, "cpu:/job",
		"in one hierarchy: cpu:, cpu,cpuacct:, name=systemd:, and : alone for v2");
	put_row(&style, "live:/job", "the tree as it is now, where a verb takes an image or a tree");
	put_heading(&style, "Exit status");
	(void)printf("  0  exactly as asked\n"
		     "  1  done, but something differs or was skipped: each thing is named\n"
		     "  2  failed; the target is as it was\n"
		     "  3  failed; the target is partly changed\n"
		     "  4  the image is damaged or incomplete\n"
		     "  5  the image is of a version, or has a feature, that this program does not read\n"
		     " 64  the command line is wrong\n");
	(void)printf("\nMore about a verb: cgtree help VERB\n");
}

void cli_version(const struct cli *cli CG_UNUSED)
{
	(void)printf("cgtree %s\nimage format %d.%d\n", CLI_VERSION, CG_IMAGE_MAJOR, CG_IMAGE_MINOR);
	(void)printf("built with: %s\n", CLI_FEATURES);
}

const struct cli_verb *cli_verb_find(const struct cli *cli, const char *name)
{
	for (size_t i = 0; cli->verbs[i]; i++)
		if (strcmp(cli->verbs[i]->name, name) == 0)
			return cli->verbs[i];
	return NULL;
}

int cli_unknown_verb(struct cli *cli, const char *name)
{
	const char *names[32], *nearest;
	size_t n = 0;

	for (; cli->verbs[n] && n < CG_ARRAY_SIZE(names); n++)
		names[n] = cli->verbs[n]->name;
	nearest = cli_nearest(name, names, n);
	if (nearest)
		return cli_usage(cli, "there is no verb \"%s\"; did you mean \"%s\"?", name, nearest);
	return cli_usage(cli, "there is no verb \"%s\"", name);
}

/* For the shells' completions: a word a line, tabs between what it is, the word, its values and its help. */
static void list_options(const struct cli_option *o)
{
	static const char *const names[] = {"-", "FILE", "DIRECTORY", "GROUP"};

	for (; o && o->name; o++) {
		(void)printf("option\t--%s\t", o->name);
		if (o->choices)
			for (size_t i = 0; o->choices[i]; i++)
				(void)printf("%s%s", i ? " " : "", o->choices[i]);
		else if (o->argument && o->names == CLI_NAMES_NOTHING)
			(void)printf("VALUE");
		else
			(void)printf("%s", names[o->names]);
		(void)printf("\t%s\n", o->help);
		if (o->letter)
			(void)printf("letter\t-%c\t--%s\t%s\n", o->letter, o->name, o->help);
	}
}

static void list_words(const struct cli *cli, const struct cli_verb *verb)
{
	static const char *const names[] = {"-", "FILE", "DIRECTORY", "GROUP"};

	if (!verb || verb == &cli_verb_help)
		for (size_t i = 0; cli->verbs[i]; i++)
			(void)printf("verb\t%s\t-\t%s\n", cli->verbs[i]->name, cli->verbs[i]->summary);
	if (verb) {
		for (size_t i = 0; i < verb->words.count; i++)
			(void)printf("word\t%s\t-\t-\n", cli_word_at(verb, i));
		(void)printf("arguments\t%s\n", names[verb->arguments]);
		list_options(verb->options);
	}
	list_options(cli_common_options);
}

struct help_options {
	bool words;
};

static const struct cli_option help_options[] = {
	{'\0', "words", CLI_FLAG, offsetof(struct help_options, words),
		.help = "list verbs or the verb's options, a line each with tabs: for completions"},
	{0},
};

static int run_help(struct cli *cli, int argc, char **argv)
{
	struct help_options o = {0};
	const struct cli_verb *verb = NULL;
	const char *word;
	int first, r;

	r = cli_parse(cli, &o, argc, argv, &first);
	if (r)
		return r;
	if (argc > first) {
		verb = cli_verb_find(cli, argv[first]);
		if (!verb)
			return cli_unknown_verb(cli, argv[first]);
	}
	word = argc - first > 1 ? argv[first + 1] : NULL;
	if (argc - first > 2 || (word && !verb->words.count) || (word && o.words))
		return cli_usage(cli, "one verb at a time");
	if (word && !cli_verb_has_word(verb, word))
		return cli_usage(cli, "%s has no word \"%s\"", verb->name, word);
	if (o.words) {
		list_words(cli, verb);
		return CLI_EXIT_OK;
	}
	cli_pager_start(cli);
	if (word)
		cli_help_word(cli, verb, word);
	else if (verb)
		cli_help_verb(cli, verb);
	else
		cli_help_all(cli);
	return CLI_EXIT_OK;
}

const struct cli_verb cli_verb_help = {
	.name = "help",
	.summary = "explain cgtree or one of its verbs",
	.synopsis = (const char *const[]){"[VERB [WORD]]", NULL},
	.description =
		(const char *const[]){"Without a verb: what there is. With one: what it does, its options "
				      "and their defaults, examples, and what its exit status says. With a "
				      "word of criu, oci or job: what belongs to that.",
			NULL},
	.options = help_options,
	.examples =
		(const struct cli_example[]){
			{"cgtree help restore", "the modes of a restore and all its options"}, {0}},
	.exits = (const char *const[]){"0 explained", "64 there is no such verb", NULL},
	.run = run_help,
};
