/* cgtree dump: the live tree to an image. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "cli/json_out.h"
#include "cli/named.h"
#include "cli/source.h"
#include "kernel/mountinfo.h"

struct dump_options {
	const char *output, *hierarchies;
	struct cli_list exclude, dir;
	int pid, compress;
	unsigned threads;
	bool freeze, no_members;
};

static const char *const compress_words[] = {"none", "zstd", NULL};
static const enum cg_compression compress_values[] = {CG_COMPRESS_NONE, CG_COMPRESS_ZSTD};

#define AT(member) offsetof(struct dump_options, member)
static const struct cli_option dump_table[] = {
	{'o', "output", CLI_TEXT, AT(output), "FILE", NULL, CLI_NAMES_FILE,
		"write the image there, readable by its owner alone; - is stdout (default: stdout, when it is no "
		"terminal)"},
	{'\0', "hierarchy", CLI_TEXT, AT(hierarchies), "LIST", NULL, CLI_NAMES_NOTHING,
		"only these hierarchies, separated by commas: cpu, memory, name=systemd, v2 (default: all)"},
	{'\0', "dir", CLI_LIST, AT(dir), "DIR", NULL, CLI_NAMES_DIRECTORY,
		"a directory on a cgroup file system (a bind mount, a container's view) instead of PATH; may be repeated, once for each hierarchy"},
	{'\0', "pid", CLI_PID, AT(pid), "PID", NULL, CLI_NAMES_NOTHING,
		"the groups that this process is in, instead of PATH"},
	{'\0', "exclude", CLI_LIST, AT(exclude), "GLOB", NULL, CLI_NAMES_NOTHING,
		"leave out groups whose absolute path matches, with all below; may be repeated"},
	{'\0', "freeze", CLI_FLAG, AT(freeze),
		.help = "let the tasks stand still while it is read who is where; the time is told"},
	{'\0', "no-members", CLI_FLAG, AT(no_members), .help = "do not record tasks"},
	{'\0', "compress", CLI_CHOICE, AT(compress), "HOW", compress_words, CLI_NAMES_NOTHING,
		"zstd or none (default: none)"},
	{'\0', "threads", CLI_NUMBER, AT(threads), "N", NULL, CLI_NAMES_NOTHING,
		"read with N threads (default: as many as pay on this machine)"},
	{0},
};
#undef AT

struct targets {
	struct cg_target *item;
	size_t count;
	bool left_out; /* --pid: the process is at the root of some hierarchy */
};

static void targets_free(struct targets *t)
{
	for (size_t i = 0; i < t->count; i++)
		cg_target_free(&t->item[i]);
	free(t->item);
}

static void dump_options_free(struct dump_options *o)
{
	cli_list_free(&o->exclude);
	cli_list_free(&o->dir);
}

static int targets_of_words(struct targets *t, char **word, size_t count, struct cg_error **err)
{
	int r = 0;

	t->item = calloc(count, sizeof(*t->item));
	if (!t->item)
		return cg_error_oom(err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = cg_target_parse(word[i], &t->item[i], err);
		t->count += r == 0;
	}
	return r;
}

/* How an option names the hierarchy that a line of /proc/PID/cgroup is about. */
static char *membership_label(const struct cg_membership *m)
{
	char *label;

	if (!m->name)
		return strdup(m->controllers);
	return asprintf(&label, "name=%s", m->name) < 0 ? NULL : label;
}

static bool has_hierarchy(const struct cg_live *live, const char *label)
{
	for (size_t i = 0; i < live->count; i++)
		if (cg_live_matches(&live->item[i], label))
			return true;
	return false;
}

static int add_membership(struct cli *cli, const struct cg_live *live, const struct cg_membership *m,
	struct targets *t, struct cg_error **err)
{
	struct cg_target *target = &t->item[t->count];
	_cleanup_free_ char *label = membership_label(m);

	if (!label)
		return cg_error_oom(err);
	if (!has_hierarchy(live, label))
		return 0;
	if (strcmp(m->path, "/") == 0) {
		_cleanup_text_ struct cg_text line = {0};

		cg_text_printf(&line, "%s:/ is the root of a hierarchy, which is never dumped: left out",
			label[0] ? label : "v2");
		if (line.data)
			cli_warn_line(cli, line.data);
		t->left_out = true;
		return 0;
	}
	target->path = strdup(m->path);
	target->hierarchy = cg_steal(label);
	t->count++;
	return target->path ? 0 : cg_error_oom(err);
}

static int targets_of_pid(
	struct cli *cli, const struct cg_live *live, int pid, struct targets *t, struct cg_error **err)
{
	_cleanup_memberships_ struct cg_memberships m = {0};
	int r = cg_live_of_pid(pid, &m, err);

	if (r < 0)
		return r;
	t->item = calloc(m.count ? m.count : 1, sizeof(*t->item));
	if (!t->item)
		return cg_error_oom(err);
	for (size_t i = 0; r == 0 && i < m.count; i++)
		r = add_membership(cli, live, &m.item[i], t, err);
	if (r == 0 && t->count == 0)
		r = cg_error_usage(err, "process %d is in no group but the roots of the hierarchies", pid);
	return r;
}

/* SIGINT and SIGTERM end a dump between its steps, when nothing is frozen and no file is half written. */
static int check_stop(const volatile int *stop, struct cg_error **err)
{
	return *stop ? cg_error_make(err, CG_FAULT_SYSTEM, EINTR, "ended by a signal, nothing was written")
		     : 0;
}

static int make_tree(struct cli *cli, const struct dump_options *o, char **word, size_t words,
	const volatile int *stop, struct cg_tree **ret, bool *ret_left_out, struct cg_error **err)
{
	_cleanup_(targets_free) struct targets targets = {0};
	_cleanup_live_ struct cg_live live = {0};
	struct cg_dump_options options = {
		.whole_fd = o->dir.count > 0,
		.hierarchies = o->hierarchies,
		.exclude = o->exclude.item,
		.excludes = o->exclude.count,
		.members = !o->no_members,
		.freeze = o->freeze,
		.threads = o->threads,
		.stop = stop,
		.progress = cli_progress,
		.progress_context = cli,
	};
	int r = words ? targets_of_words(&targets, word, words, err) : 0;

	if (r == 0)
		r = cli_open_live(&o->dir, &live, err);
	if (r == 0 && o->pid)
		r = targets_of_pid(cli, &live, o->pid, &targets, err);
	if (r < 0)
		return r;
	options.target = targets.item;
	options.targets = targets.count;
	*ret_left_out = targets.left_out;
	r = cg_dump(&live, &options, ret, err);
	cli_progress_clear(cli);
	return r;
}

static int write_image(struct cli_output *output, const struct dump_options *o, const struct cg_tree *tree,
	const volatile int *stop, struct cg_image_info *info, struct cg_error **err)
{
	struct cg_image_write_options options = {.compression = compress_values[o->compress]};
	int r = check_stop(stop, err);

	if (r < 0)
		return r;
	/* A pipe that nobody reads would hold us here, and a stream leaves nothing to clean up. */
	if (!output->whole)
		cli_release_signals();
	r = cg_image_write(output->fd, tree, &options, info, err);
	if (r < 0)
		cg_error_at(err, output->name, NULL);
	if (r == 0)
		r = check_stop(stop, err);
	return r < 0 ? r : cli_output_commit(output, err);
}

static void summary_json(const struct cg_tree *tree, const struct cli_counts *c,
	const struct cg_image_info *info, double seconds)
{
	struct json_out j = json_begin(stdout, true);

	json_open(&j, '{');
	json_text(json_member(&j, "schema"), "cgtree.dump/1");
	json_number(json_member(&j, "hierarchies"), c->hierarchies);
	json_number(json_member(&j, "groups"), c->groups);
	json_number(json_member(&j, "settings"), c->settings);
	json_number(json_member(&j, "processes"), c->processes);
	json_number(json_member(&j, "tasks"), c->tasks);
	json_number(json_member(&j, "bytes"), info->bytes);
	json_number(json_member(&j, "stored_bytes"), info->stored_bytes);
	json_text(json_member(&j, "digest"), info->digest);
	json_number(json_member(&j, "microseconds"), (uint64_t)(seconds * 1e6));
	json_number(json_member(&j, "freeze_microseconds"), tree->inventory.freeze_window);
	cli_notes_json(&j, tree->note, tree->notes);
	json_close(&j, '}');
	json_end(&j);
}

static void summary_text(struct cli *cli, const struct cg_tree *tree, const struct cli_counts *c,
	const struct cg_image_info *info, double seconds)
{
	_cleanup_text_ struct cg_text t = {0};

	cli_plural(&t, c->groups, "group", "groups");
	cg_text_adds(&t, " in ");
	cli_plural(&t, c->hierarchies, "hierarchy", "hierarchies");
	cg_text_adds(&t, ", ");
	cli_plural(&t, c->settings, "setting", "settings");
	cg_text_adds(&t, ", ");
	if (tree->inventory.members)
		cli_plural(&t, c->tasks, "task", "tasks");
	else
		cg_text_adds(&t, "tasks not recorded");
	cg_text_adds(&t, ": ");
	cli_plural(&t, info->stored_bytes ? info->stored_bytes : info->bytes, "byte", "bytes");
	cg_text_printf(&t, " in %.3f s", seconds);
	if (tree->inventory.freeze_window)
		cg_text_printf(
			&t, ", tasks stood still for %.3f ms", (double)tree->inventory.freeze_window / 1000);
	if (t.data)
		cli_say(cli, "dumped %s", t.data);
}

static void say_notes(struct cli *cli, const struct cg_tree *tree)
{
	for (uint32_t i = 0; i < tree->notes; i++) {
		_cleanup_text_ struct cg_text t = {0};

		cli_note_text(&tree->note[i], &t);
		if (t.data)
			cli_warn_line(cli, t.data);
	}
}

static int check_words(struct cli *cli, const struct dump_options *o, int words)
{
	int ways = (words > 0) + (o->dir.count > 0) + (o->pid != 0);

	if (ways == 0)
		return cli_usage(cli, "say what to dump: a PATH such as /job, --dir DIR or --pid PID");
	if (ways > 1)
		return cli_usage(cli, "PATH, --dir and --pid each name what to dump: give one of them");
	if (o->dir.count && o->hierarchies)
		return cli_usage(cli,
			"--dir names a directory of one hierarchy: --hierarchy has no meaning beside it");
	if (o->freeze && o->no_members)
		return cli_usage(cli, "--freeze is for reading tasks, which --no-members leaves out");
	if (cli_output_is_terminal(o->output))
		return cli_usage(cli,
			"an image is not for a terminal: give -o FILE, or send stdout to a file or pipe");
	if (cli->json && (!o->output || strcmp(o->output, "-") == 0))
		return cli_usage(cli, "--json takes stdout for the summary: give -o FILE for the image");
	return 0;
}

static double seconds_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int dump(struct cli *cli, const struct dump_options *o, char **word, size_t words, bool *ret_left_out,
	struct cg_error **err)
{
	_cleanup_output_ struct cli_output output = CLI_OUTPUT_INIT;
	_cleanup_tree_ struct cg_tree *tree = NULL;
	const volatile int *stop = cli_catch_signals();
	struct cg_image_info info = {0};
	struct cli_counts counts;
	double start = seconds_now();
	int r = cli_output_open(&output, o->output, err);

	if (r == 0)
		r = make_tree(cli, o, word, words, stop, &tree, ret_left_out, err);
	if (r == 0)
		r = cli_tree_counts(tree, &counts, err);
	if (r < 0)
		return r;
	say_notes(cli, tree);
	*ret_left_out |= tree->notes > 0;
	r = write_image(&output, o, tree, stop, &info, err);
	if (r < 0)
		return r;
	if (cli->json)
		summary_json(tree, &counts, &info, seconds_now() - start);
	else if (!cli->quiet)
		summary_text(cli, tree, &counts, &info, seconds_now() - start);
	return 0;
}

static int run_dump(struct cli *cli, int argc, char **argv)
{
	_cleanup_(dump_options_free) struct dump_options o = {0};
	_cleanup_error_ struct cg_error *err = NULL;
	bool differs = false;
	int first, r = cli_parse(cli, &o, argc, argv, &first);

	if (r == 0)
		r = check_words(cli, &o, argc - first);
	if (r)
		return r;
	r = dump(cli, &o, argv + first, (size_t)(argc - first), &differs, &err);
	if (r < 0)
		return cli_fail(cli, err);
	return differs ? CLI_EXIT_DIFFERS : CLI_EXIT_OK;
}

const struct cli_verb cli_verb_dump = {
	.name = "dump",
	.summary = "write a live cgroup subtree to an image",
	.synopsis =
		(const char *const[]){
			"PATH... [-o FILE] [--hierarchy LIST] [--exclude GLOB]... [--freeze] [--no-members] "
			"[--compress zstd|none] [--threads N]",
			"--dir DIR... [-o FILE] [OPTION]...", "--pid PID [-o FILE] [OPTION]...", NULL},
	.description = (const char *const
			[]){"Reads every group below PATH in each hierarchy where PATH exists: settings, types, owners, "
			    "extended attributes, and which task is where. Nothing is changed, except that --freeze lets "
			    "the tasks stand still while their membership is read.",
		"The image goes to a file that appears only when it is complete, or to a pipe. What could not "
		"be read is named on stderr (\"! PATH FILE: why\") and in the image, and makes the exit "
		"status 1.",
		NULL},
	.options = dump_table,
	.examples = (const struct cli_example[]){{"cgtree dump /job -o job.cgt",
							 "the group /job of every hierarchy, with all below"},
		{"cgtree dump /job | ssh host cgtree restore -", "bring the tree to another host"},
		{"cgtree dump cpu:/job memory:/job -o job.cgt", "only these two hierarchies"},
		{"cgtree dump /job --exclude '/job/tmp-*' --freeze -o job.cgt",
			"without some groups, with the tasks held still while they are listed"},
		{"cgtree dump --pid 4711 --no-members -o limits.cgt",
			"the limits that a process lives under"},
		{0}},
	.exits = (const char *const[]){"0 the image is complete and holds everything",
		"1 the image is complete, but something could not be read (it is named)",
		"2 failed: no image was written, or the stream is cut short and will be refused by its reader",
		"64 the command line is wrong", NULL},
	.arguments = CLI_NAMES_GROUP,
	.run = run_dump,
};
