/* cgtree set: settings of a group, all of them or none. */
#include <string.h>

#include "cli/everyday.h"

struct set_options {
	bool dry_run, raw;
	const char *state_dir;
};

#define AT(member) offsetof(struct set_options, member)
static const struct cli_option set_table[] = {
	{'n', "dry-run", CLI_FLAG, AT(dry_run), .help = "print what would be done and change nothing"},
	{'\0', "raw", CLI_FLAG, AT(raw),
		.help = "take only the names that this host itself has; nothing is translated"},
	{'\0', "state-dir", CLI_TEXT, AT(state_dir), "DIR", NULL, CLI_NAMES_DIRECTORY,
		"where the undo record lies while the settings are changed (default: /run/cgtree)"},
	{0},
};
#undef AT

/* A write that does something once is no part of a transaction. */
static int act(struct cli_change *c, struct cg_assigns *a, struct cg_error **err)
{
	_cleanup_text_ struct cg_text line = {0};
	const struct cg_assign *item = &a->item[0];
	int r;

	if (a->count > 1) {
		size_t i = 0;

		while (!cg_assign_is_action(&a->item[i]))
			i++;
		r = cg_error_usage(
			err, "does something at once that cannot be taken back, so it stands alone");
		cg_error_at(err, c->target.path, a->item[i].name);
		return r;
	}
	r = c->dry_run ? 0 : cg_assigns_act(a, item, err);
	if (r < 0)
		return r;
	cg_text_adds(&line, "~ ");
	cg_text_escape(&line, cg_bytes_of(c->target.path));
	cg_text_printf(&line, " %s <- ", item->file);
	cg_text_escape(&line, item->words);
	if (line.failed)
		return cg_error_oom(err);
	cli_line(&c->lines, line.data);
	return 0;
}

static bool has_action(const struct cg_assigns *a)
{
	for (size_t i = 0; i < a->count; i++)
		if (cg_assign_is_action(&a->item[i]))
			return true;
	return false;
}

static int run_set(struct cli *cli, int argc, char **argv)
{
	struct set_options o = {0};
	_cleanup_change_ struct cli_change c = {.cli = cli};
	_cleanup_assigns_ struct cg_assigns assigns = {.live = &c.live, .target = &c.target};
	struct cg_error *err = NULL;
	int first, r = cli_parse(cli, &o, argc, argv, &first);

	if (r)
		return r;
	if (argc - first < 2)
		return cli_usage(cli, argc == first ? "say which group, and what to set: PATH KNOB=VALUE..."
						    : "say what to set: KNOB=VALUE...");
	c.dry_run = o.dry_run;
	c.state_dir = o.state_dir;
	assigns.raw = o.raw;
	r = cli_change_begin(&c, argv[first], &err);
	r = r < 0 ? r : cg_edit_look(&c.live, &c.target, &err);
	for (int i = first + 1; r == 0 && i < argc; i++)
		r = cg_assigns_add(&assigns, argv[i], NULL, &err);
	if (r == 0 && has_action(&assigns))
		r = act(&c, &assigns, &err);
	else if (r == 0)
		r = cg_assigns_apply(&assigns, &c.edit, &err);
	return cli_change_end(&c, r, err);
}

const struct cli_verb cli_verb_set = {
	.name = "set",
	.summary = "change settings of a group",
	.synopsis =
		(const char *const[]){
			"[HIER:]PATH KNOB=VALUE... [-n|--dry-run] [--raw] [--state-dir DIR]", NULL},
	.description = (const char *const
			[]){"Sets all that is given, in the order in which the kernel takes it, and reads each value back. "
			    "When one fails, all are taken back.",
		"Names of v1 and of v2 are taken on every host: what is called otherwise here is translated "
		"(memory.limit_in_bytes to memory.max), and what does not come over whole is named (\"! PATH "
		"KNOB: why\", exit status 1). CONTROLLER=PERCENT is a share of a cpu.",
		"Sizes may be written 20M, 1.5G, 64MiB (powers of 1024), times 50ms, 2s, a quota 35% or max. "
		"Anything else is refused, never rounded or taken for \"no limit\". Of files with entries "
		"(io.max) only the entries and sub-keys given change. devices.allow and devices.deny add and "
		"take away one rule each, in the order given; on v2 a BPF program is made of them. +NAME and -NAME in cgroup.subtree_control change "
		"what stands there.",
		"A file that does something once (memory.reclaim, cgroup.kill) stands alone in a call, for it "
		"cannot be taken back.",
		NULL},
	.options = set_table,
	.examples =
		(const struct cli_example[]){
			{"cgtree set /job memory.max=20M memory.swap.max=0",
				"20 MB of memory and no swap; on v1 the same limits there"},
			{"cgtree set /job cpu=35%", "at most 35% of one cpu"},
			{"cgtree set /job cpu.shares=512 pids.max=100",
				"a weight in v1's words, and a limit"},
			{"cgtree set /job io.max='8:0 rbps=10M'",
				"reads from one disk; its other limits stay"},
			{"cgtree set /job memory.max=1G -n", "what would change"}, {0}},
	.exits = (const char *const[]){"0 set, exactly as asked",
		"1 set, but something is not quite what was asked for: each has its \"!\" line",
		"2 failed; nothing is changed", "3 failed, and could not be taken back whole",
		"64 the command line, a name or a value is wrong; nothing is changed", NULL},
	.arguments = CLI_NAMES_GROUP,
	.changes = true,
	.run = run_set,
};
