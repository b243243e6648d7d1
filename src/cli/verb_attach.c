/* cgtree attach: running tasks into a group. */
#include <errno.h>

#include "cli/everyday.h"

struct attach_options {
	bool dry_run, threads;
	const char *state_dir;
};

#define AT(member) offsetof(struct attach_options, member)
static const struct cli_option attach_table[] = {
	{'\0', "threads", CLI_FLAG, AT(threads),
		.help = "the ids are those of threads, each of which moves alone (v1, and threaded v2 groups)"},
	{'n', "dry-run", CLI_FLAG, AT(dry_run), .help = "print what would be done and change nothing"},
	{'\0', "state-dir", CLI_TEXT, AT(state_dir), "DIR", NULL, CLI_NAMES_DIRECTORY,
		"where the undo record lies meanwhile (default: /run/cgtree)"},
	{0},
};
#undef AT

static int attach_in(struct cli_change *c, const struct attach_options *o, uint16_t hierarchy, int words,
	char **argv, struct cg_error **err)
{
	uint32_t place;
	int r = cg_edit_open(&c->edit, hierarchy, c->target.path, &place, err);

	for (int i = 0; r == 0 && i < words; i++) {
		int id;

		if (cg_parse_pid(cg_bytes_of(argv[i]), &id) < 0)
			return cg_error_usage(err, "\"%s\": a %s id is wanted, 1 to 4194304", argv[i],
				o->threads ? "thread" : "process");
		r = cg_edit_attach(&c->edit, place, id, o->threads, err);
	}
	return r;
}

static int build(
	struct cli_change *c, const struct attach_options *o, int words, char **argv, struct cg_error **err)
{
	int r = cli_change_begin(c, argv[0], err);

	r = r < 0 ? r : cg_edit_look(&c->live, &c->target, err);
	for (uint16_t i = 0; r == 0 && i < c->live.count; i++) {
		if (!cg_live_matches(&c->live.item[i], c->target.hierarchy))
			continue;
		r = cg_edit_exists(&c->live.item[i], c->target.path, err);
		if (r <= 0)
			continue;
		r = attach_in(c, o, i, words - 1, argv + 1, err);
	}
	return r;
}

static int run_attach(struct cli *cli, int argc, char **argv)
{
	struct attach_options o = {0};
	_cleanup_change_ struct cli_change c = {.cli = cli};
	struct cg_error *err = NULL;
	int first, r = cli_parse(cli, &o, argc, argv, &first);

	if (r)
		return r;
	if (argc - first < 2)
		return cli_usage(cli, argc == first ? "say which group, and who enters: PATH PID..."
						    : "say who enters: PID...");
	c.dry_run = o.dry_run;
	c.state_dir = o.state_dir;
	r = build(&c, &o, argc - first, argv + first, &err);
	return cli_change_end(&c, r, err);
}

const struct cli_verb cli_verb_attach = {
	.name = "attach",
	.summary = "move running tasks into a group",
	.synopsis = (const char *const[]){"[HIER:]PATH PID... [--threads] [-n|--dry-run] [--state-dir DIR]",
		NULL},
	.description = (const char *const
			[]){"Moves the processes, with all their threads, into the group: in each hierarchy where it exists, "
			    "all of them or none. When one cannot be moved, those that were are moved back.",
		"Memory that a task has taken stays charged to the group where it was taken. To have all of a "
		"program's memory counted, start it in the group: cgtree exec.",
		NULL},
	.options = attach_table,
	.examples = (const struct cli_example[]){{"cgtree attach /job 4711 4712", "two processes"},
		{"cgtree attach cpu:/job 4711", "in one v1 hierarchy only"},
		{"cgtree attach --threads cpu:/job/worker 4713", "one thread of a process"}, {0}},
	.exits = (const char *const[]){"0 all are there",
		"1 moved, but a task has ended meanwhile: it is named", "2 failed; nobody has moved",
		"3 failed, and somebody could not be moved back", "64 the command line is wrong", NULL},
	.arguments = CLI_NAMES_GROUP,
	.changes = true,
	.run = run_attach,
};
