/* cgtree bind and unbind: a controller for the groups below one, on the live v2 tree. What the groups have
 * set by it is kept aside when it goes, and set again when it comes back. Both are a dump, a change of the
 * tree, and a restore of it, so that they are planned, checked and taken back like any other. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/lines.h"
#include "cli/restore_options.h"
#include "cli/source.h"
#include "engine/restore.h"
#include "engine/undo.h"

struct bind_options {
	const char *state_dir;
	bool dry_run;
};

static const struct cli_option bind_table[] = {
	{'n', "dry-run", CLI_FLAG, offsetof(struct bind_options, dry_run),
		.help = "print what would be done and change nothing"},
	{'\0', "state-dir", CLI_TEXT, offsetof(struct bind_options, state_dir), "DIR", NULL,
		CLI_NAMES_DIRECTORY, "where settings are kept aside (default: " CLI_STATE_DIR ")"},
	{0},
};

/* A bind or unbind under way. */
struct binding {
	struct cli *cli;
	const struct bind_options *o;
	const char *controller;
	bool bind;
	struct cg_live live;
	struct cg_tree *now, *wanted; /* as it is, as it shall be */
	struct cg_text folder, file;  /* where settings are kept aside */
	struct cli_lines lines;
	enum cg_outcome outcome;
	struct cg_restore_counts counts;
};

static void binding_free(struct binding *b)
{
	b->now = cg_tree_free(b->now);
	b->wanted = cg_tree_free(b->wanted);
	cg_live_close(&b->live);
	cg_text_free(&b->folder);
	cg_text_free(&b->file);
	cg_text_free(&b->lines.kept);
}

/* Whether a group passes the controller on. */
static bool passes(const struct cg_tree *tree, uint32_t group, const char *controller)
{
	const struct cg_hierarchy *h = &tree->hierarchy[tree->group[group].hierarchy];

	for (uint16_t i = 0; i < h->columns; i++) {
		struct cg_bytes v, word;

		if (!h->column[i].knob || h->column[i].knob->grammar != CG_GRAMMAR_CONTROLLERS ||
			!cg_group_value(tree, group, i, &v))
			continue;
		while (cg_bytes_word(&v, &word))
			if (cg_bytes_is(word, controller))
				return true;
	}
	return false;
}

static int look(struct binding *b, const char *path, struct cg_error **err)
{
	_cleanup_target_ struct cg_target target = {0};
	struct cg_dump_options options = {.target = &target, .targets = 1, .no_programs = true};
	int r = cg_target_parse(path, &target, err);

	if (r < 0)
		return r;
	if (target.hierarchy && target.hierarchy[0] && strcmp(target.hierarchy, "v2") != 0)
		return cg_error_usage(err,
			"%s: only the v2 hierarchy binds controllers while it is in use; v1 takes none from a hierarchy "
			"that has groups",
			path);
	free(target.hierarchy);
	target.hierarchy = strdup("");
	if (!target.hierarchy)
		return cg_error_oom(err);
	r = cg_live_open(&b->live, err);
	r = r < 0 ? r : cg_dump(&b->live, &options, &b->now, err);
	if (r < 0 && err && *err && (*err)->code == ENOENT) {
		/* The path may well be right, for v1. */
		(*err)->fault = CG_FAULT_SYSTEM;
		cg_error_wrap(err, "binding is of v2 alone");
	}
	return r;
}

/* The file of this group and controller: the group by its inode, for another group of that name is another.
 */
static int name_file(struct binding *b, struct cg_error **err)
{
	const char *state_dir = b->o->state_dir ? b->o->state_dir : CLI_STATE_DIR;

	cg_text_printf(&b->folder, "%s/unbound", state_dir);
	cg_text_printf(&b->file, "%s/%s-%llu.cgt", b->folder.data ? b->folder.data : "", b->controller,
		(unsigned long long)b->now->group[0].cgroup_id);
	return b->folder.failed || b->file.failed ? cg_error_oom(err) : 0;
}

static int check_folder(struct binding *b, bool make, struct cg_error **err)
{
	int fd = -1, r = cg_undo_folder(b->o->state_dir ? b->o->state_dir : CLI_STATE_DIR, make, &fd, err);

	if (r == 0)
		(void)cg_close(fd);
	r = r < 0 ? r : cg_undo_folder(b->folder.data, make, &fd, err);
	if (r == 0)
		(void)cg_close(fd);
	return r;
}

static int keep_aside(struct binding *b, struct cg_error **err)
{
	int r = check_folder(b, true, err);

	return r < 0 ? r : cli_write_image(b->file.data, b->now, CG_COMPRESS_NONE, NULL, err);
}

/* What was kept aside, when anything was. */
static int read_kept(struct binding *b, struct cli_source *ret, struct cg_error **err)
{
	struct stat st;
	int r = check_folder(b, false, err);

	if (r == -ENOENT || (r == 0 && stat(b->file.data, &st) < 0 && errno == ENOENT)) {
		return 0;
	}
	return r < 0 ? r : cli_read_image(b->file.data, ret, err);
}

/* A line for each setting that goes. */
static int tell_settings(struct binding *b, struct cg_error **err)
{
	const struct cg_tree *t = b->now;

	for (uint32_t g = 1; g < t->groups; g++) {
		const struct cg_hierarchy *h = &t->hierarchy[t->group[g].hierarchy];

		for (uint16_t i = 0; i < h->columns; i++) {
			const struct cg_knob *k = h->column[i].knob;
			_cleanup_text_ struct cg_text line = {0};
			struct cg_bytes v;

			if (!k || strcmp(k->controller, b->controller) != 0 || k->flags & CG_KNOB_ALIAS ||
				!cg_group_value(t, g, i, &v) || cg_group_is_default(t, g, i, v))
				continue;
			cg_text_adds(&line, "- ");
			cg_group_path(t, g, &line);
			cg_text_printf(&line, " %s ", k->name);
			cg_text_escape(&line, v);
			cg_text_adds(&line, "  (kept aside)");
			if (line.failed)
				return cg_error_oom(err);
			cli_line(&b->lines, line.data);
		}
	}
	return 0;
}

static int plan_unbind(struct binding *b, struct cg_error **err)
{
	bool found = false;
	int r;

	for (uint32_t g = 0; g < b->now->groups; g++)
		found |= passes(b->now, g, b->controller);
	if (!found)
		return cg_error_make(err, CG_FAULT_USAGE, ENODEV, "no group here passes the controller %s on",
			b->controller);
	r = cg_unbind(b->now, b->controller, &b->wanted, err);
	return r < 0 ? r : tell_settings(b, err);
}

/* The top's own settings belong to the group above it, and stay. */
static int keep_top(struct binding *b, struct cg_error **err)
{
	const struct cg_hierarchy *h = &b->now->hierarchy[0];

	for (uint16_t i = 0; i < h->columns; i++) {
		uint32_t column = cg_hierarchy_column(&b->wanted->hierarchy[0], h->column[i].name);
		struct cg_bytes v;

		if (h->column[i].knob && strcmp(h->column[i].knob->controller, b->controller) == 0 &&
			column != CG_NONE && cg_group_value(b->now, 0, i, &v) &&
			!cg_group_set_value(b->wanted, 0, (uint16_t)column, v))
			return cg_error_oom(err);
	}
	return 0;
}

static int plan_bind(struct binding *b, struct cg_error **err)
{
	_cleanup_source_ struct cli_source kept = {0};
	_cleanup_tree_ struct cg_tree *without = NULL;
	int r;

	if (passes(b->now, 0, b->controller))
		return cg_error_make(err, CG_FAULT_USAGE, EEXIST,
			"the group passes the controller %s on already", b->controller);
	if (!cg_knob_controller_exists(b->controller, 2))
		return cg_error_usage(err, "v2 has no controller %s", b->controller);
	r = read_kept(b, &kept, err);
	if (r == 0 && cg_has_controller(b->now, b->controller))
		r = cg_unbind(b->now, b->controller, &without, err);
	r = r < 0 ? r : cg_bind(without ? without : b->now, b->controller, kept.tree, &b->wanted, err);
	return r < 0 ? r : keep_top(b, err);
}

static int carry_out(struct binding *b, struct cg_error **err)
{
	struct cg_restore_options options = {
		.plan.mode = CG_MODE_PROPS,
		.members.none = true,
		.dry_run = b->o->dry_run,
		.apply = {.line = cli_line,
			.line_context = &b->lines,
			.stop = cli_catch_signals(),
			.state_dir = b->o->state_dir ? b->o->state_dir : CLI_STATE_DIR},
	};

	return cg_restore(&b->live, b->wanted, &options, &b->outcome, &b->counts, err);
}

static int work(struct binding *b, const char *path, struct cg_error **err)
{
	int r = look(b, path, err);

	r = r < 0 ? r : name_file(b, err);
	r = r < 0 ? r : b->bind ? plan_bind(b, err) : plan_unbind(b, err);
	if (r == 0 && !b->bind && !b->o->dry_run)
		r = keep_aside(b, err);
	if (r < 0)
		return r;
	r = carry_out(b, err);
	/* What was not unbound, or is bound again, is in the groups themselves. */
	if (!b->o->dry_run && b->file.data && (r == 0) == b->bind && b->outcome != CG_OUTCOME_PARTIAL)
		(void)unlink(b->file.data);
	return r;
}

static void result_json(const struct binding *b, const struct cg_error *err)
{
	struct json_out j = json_begin(stdout, true);

	json_open(&j, '{');
	json_text(json_member(&j, "schema"), b->bind ? "cgtree.bind/1" : "cgtree.unbind/1");
	json_text(json_member(&j, "outcome"), cli_outcome_name(b->outcome));
	json_number(json_member(&j, "settings"), b->counts.settings);
	cli_lines_json(json_member(&j, "lines"), &b->lines);
	if (err)
		json_error(json_member(&j, "error"), err);
	json_close(&j, '}');
	json_end(&j);
}

static int run(struct cli *cli, int argc, char **argv, bool bind)
{
	struct bind_options o = {0};
	_cleanup_(binding_free) struct binding b = {
		.cli = cli, .o = &o, .bind = bind, .outcome = CG_OUTCOME_UNCHANGED};
	_cleanup_error_ struct cg_error *err = NULL;
	int first, r = cli_parse(cli, &o, argc, argv, &first);

	if (r)
		return r;
	if (argc - first != 2)
		return cli_usage(cli, "a group and a controller are wanted: PATH CONTROLLER");
	b.controller = argv[first + 1];
	if (!*b.controller || strpbrk(b.controller, "/ ,\n"))
		return cli_usage(cli, "\"%s\" is no name of a controller", b.controller);
	b.lines = (struct cli_lines){.cli = cli, .style = cli_style_of(cli->color_out), .keep = cli->json};
	r = work(&b, argv[first], &err);
	(void)fflush(stdout);
	if (r < 0)
		(void)cli_fail_text(cli, err);
	if (cli->json)
		result_json(&b, err);
	return cli_exit_of_outcome(cli, b.outcome, err);
}

static int run_bind(struct cli *cli, int argc, char **argv)
{
	return run(cli, argc, argv, true);
}

static int run_unbind(struct cli *cli, int argc, char **argv)
{
	return run(cli, argc, argv, false);
}

#define EXITS                                                                                                \
	(const char *const[])                                                                                \
	{                                                                                                    \
		"0 done", "1 done, but something differs: each has its \"!\" line",                          \
			"2 failed; the groups are as they were before",                                      \
			"3 failed; the groups are partly changed", "64 the command line is wrong", NULL      \
	}

const struct cli_verb cli_verb_bind = {
	.name = "bind",
	.summary = "give the groups below one a controller, with the settings they had by it",
	.synopsis = (const char *const[]){"PATH CONTROLLER [-n|--dry-run] [--state-dir DIR]", NULL},
	.description =
		(const char *const[]){
			"Enables a controller of the v2 hierarchy below PATH: in the groups that had it when \"cgtree unbind\" "
			"took it from there, with the settings that they had, else in all groups with none. PATH's own "
			"settings stay. The group above PATH must pass the controller on.",
			"It is planned and carried out like a restore in the mode props: all of it or nothing.",
			NULL},
	.options = bind_table,
	.examples =
		(const struct cli_example[]){
			{"cgtree unbind /job memory",
				"no limits of memory below /job, until they are bound again"},
			{"cgtree bind /job memory", "and all of them again"}, {0}},
	.exits = EXITS,
	.arguments = CLI_NAMES_GROUP,
	.changes = true,
	.run = run_bind,
};

const struct cli_verb cli_verb_unbind = {
	.name = "unbind",
	.summary = "take a controller from the groups below one, and keep their settings aside",
	.synopsis = (const char *const[]){"PATH CONTROLLER [-n|--dry-run] [--state-dir DIR]", NULL},
	.description = (const char *const
			[]){"Disables a controller of the v2 hierarchy in PATH and all groups below, the deepest first. The kernel "
			    "forgets what these had set by it: each such setting is named, and kept in " CLI_STATE_DIR
			    "/unbound until "
			    "\"cgtree bind\" sets it again.",
		"v1 takes no controller from a hierarchy that has groups; for an image see \"cgtree convert --unbind\".",
		NULL},
	.options = bind_table,
	.examples =
		(const struct cli_example[]){
			{"cgtree unbind -n /job memory", "what would be lost meanwhile"}, {0}},
	.exits = EXITS,
	.arguments = CLI_NAMES_GROUP,
	.changes = true,
	.run = run_unbind,
};
