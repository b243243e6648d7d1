/* cgtree show: an image or a live tree for people, and for scripts. */
#include "cli/show.h"

struct show_words {
	bool tree, table, all;
};

#define AT(member) offsetof(struct show_words, member)
static const struct cli_option show_table_of_options[] = {
	{'\0', "tree", CLI_FLAG, AT(tree), .help = "draw the tree, a line for each group (the default)"},
	{'\0', "table", CLI_FLAG, AT(table), .help = "a table: a row for each setting, for grep and awk"},
	{'\0', "all", CLI_FLAG, AT(all), .help = "show every setting, not only those that are no default"},
	{0},
};
#undef AT

static int run_show(struct cli *cli, int argc, char **argv)
{
	struct show_words o = {0};
	_cleanup_source_ struct cli_source source = {0};
	_cleanup_error_ struct cg_error *err = NULL;
	struct show_options show = {0};
	int first, r = cli_parse(cli, &o, argc, argv, &first);

	if (r)
		return r;
	if (argc - first != 1)
		return cli_usage(cli, "one tree is wanted: an image, - for stdin, or live:PATH");
	if (o.tree + o.table + cli->json > 1)
		return cli_usage(cli, "--tree, --table and --json are three forms: choose one");
	if (cli_load(cli, argv[first], true, &source, &err) < 0)
		return cli_fail(cli, err);
	show = (struct show_options){argv[first], o.all};
	cli_pager_start(cli);
	if (cli->json)
		show_json(&source, &show);
	else if (o.table)
		show_table(cli, &source, &show);
	else
		show_tree(cli, &source, &show);
	return CLI_EXIT_OK;
}

const struct cli_verb cli_verb_show = {
	.name = "show",
	.summary = "show an image or a live tree",
	.synopsis = (const char *const[]){"FILE|-|live:PATH [--tree|--table|--json] [--all]", NULL},
	.description = (const char *const
			[]){"Draws each group with its type, its tasks, and the settings that differ from what a new group "
			    "has, in words: memory.max 64M, cpu.max 50% of a cpu. Hierarchies whose trees look alike are "
			    "drawn once, with their names above; what belongs to one of them alone has its name before "
			    "it. What could not be read when the image was made stands at the end.",
		"--json gives the same for scripts (schema cgtree.show/1), a raw value beside each parsed one.",
		NULL},
	.options = show_table_of_options,
	.examples = (const struct cli_example[]){{"cgtree show job.cgt", "look at an image"},
		{"cgtree show live:/job", "look at what is there now"},
		{"cgtree show live:memory:/job --table --all", "every setting of one hierarchy"},
		{"cgtree show job.cgt --json | jq '.hierarchies[].groups[].path'", "ask it with jq"}, {0}},
	.exits = (const char *const[]){"0 shown", "2 the file or the tree cannot be read",
		"4 the image is damaged or incomplete",
		"5 the image is of a version, or has a feature, that is not read here",
		"64 the command line is wrong", NULL},
	.arguments = CLI_NAMES_FILE,
	.run = run_show,
};
