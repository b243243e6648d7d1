/* cgtree criu: a family of verbs around CRIU. The first word says which. */
#include <errno.h>
#include <string.h>

#include "cli/criu_verbs.h"

static const char *const compress_words[] = {"none", "zstd", NULL};

#define AT(member) offsetof(struct criu_options, member)
static const struct cli_option criu_table[] = {
	{'o', "output", CLI_TEXT, AT(output), "FILE", NULL, CLI_NAMES_FILE,
		"of import and export: write there, readable by its owner alone; - is stdout (default: stdout, when it is no terminal)"},
	{'\0', "compress", CLI_CHOICE, AT(compress), "HOW", compress_words, CLI_NAMES_NOTHING,
		"of import: zstd or none (default: none)"},
	{'D', "images-dir", CLI_TEXT, AT(images), "DIR", NULL, CLI_NAMES_DIRECTORY,
		"of dump and restore: the folder of CRIU's images"},
	{'R', "leave-running", CLI_FLAG, AT(leave_running), .help = "of dump: the tasks go on afterwards"},
	{'\0', "criu", CLI_TEXT, AT(criu), "PROGRAM", NULL, CLI_NAMES_FILE,
		"of dump and restore: run this instead of criu"},
	CLI_RESTORE_ROWS,
	{0},
};
#undef AT

/* Which words take which of the options. */
enum takes {
	TAKES_OUTPUT = 1,
	TAKES_IMAGES = 2,
	TAKES_WHERE = 4,
	TAKES_STATE = 8,
	TAKES_LEAVE = 16,
	TAKES_DIR = 32
};

static const struct {
	const char *name;
	int (*run)(struct cli *cli, const struct criu_options *o, char **word, size_t words);
	unsigned takes;
} kinds[] = {
	{"import", cli_criu_import, TAKES_OUTPUT},
	{"export", cli_criu_export, TAKES_OUTPUT},
	{"dump", cli_criu_dump, TAKES_IMAGES | TAKES_STATE | TAKES_LEAVE},
	{"restore", cli_criu_restore, TAKES_IMAGES | TAKES_WHERE | TAKES_DIR | TAKES_STATE},
	{"prepare", cli_criu_prepare, TAKES_WHERE | TAKES_DIR | TAKES_STATE},
	{"undo", cli_criu_undo, TAKES_DIR | TAKES_STATE},
	{"hook", cli_criu_hook, TAKES_STATE},
};

static const struct {
	unsigned takes;
	const char *option;
} owners[] = {
	{TAKES_OUTPUT, "output"},
	{TAKES_OUTPUT, "compress"},
	{TAKES_IMAGES, "images-dir"},
	{TAKES_IMAGES, "criu"},
	{TAKES_LEAVE, "leave-running"},
	{TAKES_WHERE, "mode"},
	{TAKES_WHERE, "mode-at"},
	{TAKES_WHERE, "root"},
	{TAKES_WHERE, "map"},
	{TAKES_WHERE, "dry-run"},
	{TAKES_WHERE, "device-map"},
	{TAKES_WHERE, "keep-top"},
	{TAKES_DIR, "dir"},
	{TAKES_STATE, "state-dir"},
};

static bool takes(size_t kind, const struct cli_option *option)
{
	for (size_t i = 0; i < CG_ARRAY_SIZE(owners); i++)
		if (strcmp(owners[i].option, option->name) == 0)
			return kinds[kind].takes & owners[i].takes;
	return false;
}

static bool word_takes(const char *word, const struct cli_option *option)
{
	for (size_t i = 0; i < CG_ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].name, word) == 0)
			return takes(i, option);
	return false;
}

static bool is_given(const struct criu_options *o, const struct cli_option *option)
{
	const char *value = (const char *)o + option->offset;

	switch (option->kind) {
	case CLI_TEXT:
		return *(const char *const *)(const void *)value != NULL;
	case CLI_LIST:
		return ((const struct cli_list *)(const void *)value)->count > 0;
	case CLI_FLAG:
		return *(const bool *)(const void *)value;
	case CLI_CHOICE:
	case CLI_PID:
		return *(const int *)(const void *)value != 0;
	case CLI_NUMBER:
	case CLI_COUNT:
		return *(const unsigned *)(const void *)value != 0;
	}
	return false;
}

static int check_options(struct cli *cli, const struct criu_options *o, size_t kind)
{
	for (const struct cli_option *row = criu_table; row->name; row++)
		if (is_given(o, row) && !takes(kind, row))
			return cli_usage(cli, "--%s does not belong to criu %s", row->name, kinds[kind].name);
	return 0;
}

static int run_criu(struct cli *cli, int argc, char **argv)
{
	struct criu_options o = {0};
	size_t kind = 0;
	int first, r = cli_parse(cli, &o, argc, argv, &first);

	if (r == 0 && argc == first)
		r = cli_usage(cli, "say what to do: dump, restore, prepare, undo, hook, import or export");
	if (r == 0)
		r = cli_find_word(cli, argv[first], &kind);
	if (r == 0)
		r = check_options(cli, &o, kind);
	if (r == 0)
		r = kinds[kind].run(cli, &o, argv + first + 1, (size_t)(argc - first - 1));
	cli_restore_options_free(&o.where);
	return r;
}

const struct cli_verb cli_verb_criu = {
	.name = "criu",
	.summary = "move tasks with CRIU, and their groups with them",
	.synopsis = (const char *const[]){"dump PID -D DIR [-R] [--criu PROGRAM] [-- CRIU OPTION...]",
		"restore -D DIR [RESTORE OPTION]... [--criu PROGRAM] [-- CRIU OPTION...]",
		"prepare DIR [RESTORE OPTION]...", "undo DIR [--dir DIR]...", "hook",
		"import DIR|FILE|- [-o FILE] [--compress zstd|none]", "export FILE|- [-o FILE]", NULL},
	.description = (const char *const
			[]){"dump lets CRIU dump a process with all below it, and adds to the folder an image of all groups that they are in (cgtree.img). Frozen groups are thawed for it, and are frozen in the image. restore makes the groups first, by the options and modes of restore, and lets CRIU make each task in its group, so that memory is charged where it belongs. Limits that would hinder come last, and what was frozen is frozen. When anything fails, neither tasks nor groups stay; what CRIU's log tells of it is shown. What stands after -- is given to CRIU.",
		"prepare, hook and undo are the parts of it, for those who run CRIU otherwise. prepare makes the groups and puts a cgroup.img into the folder that leads CRIU there (its own is kept as cgroup.img.criu): run criu restore --manage-cgroups=none with the hook after it. hook is for --action-script, which takes the name of a program without arguments: give it cgtree itself. It writes the image (post-dump), checks where each task and thread is, applies the limits that were held back, refuses the restore if they cannot be applied (post-restore), and freezes (pre-resume). What it did is told in cgtree.log in the folder. undo takes a prepare back that is not to be used.",
		"import makes an image of what CRIU saved. From the folder that \"criu dump\" wrote, it is told which task was where, too; from cgroup.img alone it is not. What CRIU saved of the root of a hierarchy is left out, for a root is never restored. export makes CRIU's cgroup.img of an image. Sets of tasks that came with an import keep their numbers, which CRIU's other images refer to.",
		"What the other side has no place for is named on stderr (\"! PATH FILE: why\") and makes the exit status 1. CRIU has none for extended attributes, BPF programs, identities of devices, and values over 1023 bytes; and none, which is not said each time, for where and when the tree was dumped.",
		NULL},
	.options = criu_table,
	.examples = (const struct cli_example[]){{"cgtree criu dump 4711 -D checkpoint",
							 "a job with its groups, which ends"},
		{"cgtree criu restore -D checkpoint", "bring it back, where it was"},
		{"cgtree criu restore -D checkpoint --root /jobs/b -- --tcp-established",
			"under another name, and with an option for CRIU"},
		{"cgtree criu prepare checkpoint --mode bind --root /pod/b", "only make the groups ready"},
		{"cgtree criu import checkpoint/cgroup.img | cgtree show -", "look at what CRIU saved"},
		{"cgtree criu export job.cgt -o checkpoint/cgroup.img", "let CRIU restore these groups"},
		{0}},
	.exits = (const char *const[]){"0 exactly as asked; everything has its place",
		"1 done, but something differs or could not be held (it is named)",
		"2 failed: no file was written, nothing is left",
		"3 failed, and something could not be taken back (it is named)",
		"4 the input is damaged or incomplete",
		"5 the image is of a version, or has a feature, that is not read here",
		"64 the command line is wrong", NULL},
	.words = CLI_WORDS(kinds),
	.word_takes = word_takes,
	.arguments = CLI_NAMES_FILE,
	.changes = true,
	.run = run_criu,
};
