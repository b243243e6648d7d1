/* cgtree diff and verify: two trees compared, in words and as JSON. */
#include <errno.h>
#include <string.h>

#include "cli/json_out.h"
#include "cli/restore_options.h"
#include "cli/source.h"
#include "engine/plan.h"
#include "model/diff.h"
#include "model/value.h"

struct diff_options {
	struct cli_list root, dir;
	bool no_members;
};

static const char *const kind_names[] = {
	[CG_DIFF_HIERARCHY_MISSING] = "hierarchy-missing",
	[CG_DIFF_HIERARCHY_EXTRA] = "hierarchy-extra",
	[CG_DIFF_GROUP_MISSING] = "group-missing",
	[CG_DIFF_GROUP_EXTRA] = "group-extra",
	[CG_DIFF_TYPE] = "type",
	[CG_DIFF_SETTING] = "setting",
	[CG_DIFF_OWNER] = "owner",
	[CG_DIFF_XATTR] = "xattr",
	[CG_DIFF_PROGRAM] = "program",
	[CG_DIFF_TASKS] = "tasks",
};

/* One comparison with all that its lines need. */
struct comparison {
	struct cli *cli;
	const struct cg_tree *a, *b;
	struct cg_diff diff;
};

static const struct cg_hierarchy *hierarchy_of(const struct comparison *c, const struct cg_difference *d)
{
	return d->hierarchy_a != CG_NONE ? &c->a->hierarchy[d->hierarchy_a]
					 : &c->b->hierarchy[d->hierarchy_b];
}

/* The hierarchy is told where the path alone is not enough. */
static void add_place(const struct comparison *c, const struct cg_difference *d, struct cg_text *t)
{
	_cleanup_text_ struct cg_text label = {0};

	if (c->a->hierarchies > 1 || c->b->hierarchies > 1)
		cg_text_printf(t, "%s:", cg_hierarchy_label(hierarchy_of(c, d), &label));
	cg_text_escape(t, cg_bytes_of(d->path));
}

static void add_value(struct cg_text *t, struct cg_bytes value)
{
	struct cg_bytes trimmed = cg_bytes_trim(value);

	if (!value.data)
		cg_text_adds(t, "(none)");
	else if (!trimmed.len)
		cg_text_adds(t, "\"\"");
	else
		cg_text_escape(t, trimmed);
}

static void add_change(struct cg_text *t, const struct cg_difference *d, const char *what)
{
	cg_text_printf(t, " %s ", what);
	add_value(t, d->a);
	cg_text_adds(t, " -> ");
	add_value(t, d->b);
}

static void add_setting(const struct comparison *c, const struct cg_difference *d, struct cg_text *t)
{
	const struct cg_knob *knob = cg_knob_find(d->name, hierarchy_of(c, d)->version);
	_cleanup_text_ struct cg_text name = {0}, a = {0}, b = {0};

	cg_text_escape(&name, cg_bytes_of(d->name));
	add_change(t, d, name.data ? name.data : "");
	if (!knob || !d->a.data || !d->b.data)
		return;
	cg_value_describe(knob, d->a, &a);
	cg_value_describe(knob, d->b, &b);
	/* In words too, where they say more than the digits. */
	if (a.data && b.data &&
		(!cg_bytes_is(cg_bytes_trim(d->a), a.data) || !cg_bytes_is(cg_bytes_trim(d->b), b.data)))
		cg_text_printf(t, "  (%s -> %s)", a.data, b.data);
}

static void describe(const struct comparison *c, const struct cg_difference *d, struct cg_text *t)
{
	_cleanup_text_ struct cg_text name = {0};

	add_place(c, d, t);
	if (d->name)
		cg_text_escape(&name, cg_bytes_of(d->name));
	switch (d->kind) {
	case CG_DIFF_HIERARCHY_MISSING:
		cg_text_adds(t, " hierarchy missing here");
		return;
	case CG_DIFF_HIERARCHY_EXTRA:
		cg_text_adds(t, " hierarchy extra");
		return;
	case CG_DIFF_GROUP_MISSING:
		cg_text_adds(t, " missing here");
		return;
	case CG_DIFF_GROUP_EXTRA:
		cg_text_adds(t, " extra");
		return;
	case CG_DIFF_TYPE:
		add_change(t, d, "type");
		return;
	case CG_DIFF_SETTING:
		add_setting(c, d, t);
		return;
	case CG_DIFF_OWNER:
		if (name.data)
			cg_text_printf(t, " %s", name.data);
		add_change(t, d, "owner");
		return;
	case CG_DIFF_XATTR:
		cg_text_adds(t, " xattr");
		add_change(t, d, name.data ? name.data : "");
		return;
	case CG_DIFF_PROGRAM:
		add_change(t, d, "program");
		return;
	case CG_DIFF_TASKS:
		add_change(t, d, "tasks");
		return;
	}
}

static char mark_of(enum cg_difference_kind kind)
{
	if (kind == CG_DIFF_HIERARCHY_MISSING || kind == CG_DIFF_GROUP_MISSING)
		return '-';
	return kind == CG_DIFF_HIERARCHY_EXTRA || kind == CG_DIFF_GROUP_EXTRA ? '+' : '~';
}

/* How many groups are missing or extra, when it is a whole subtree. */
static void add_count(const struct cg_difference *d, struct cg_text *t)
{
	struct cg_bytes words = d->a.data ? d->a : d->b;

	if ((d->kind == CG_DIFF_GROUP_MISSING || d->kind == CG_DIFF_GROUP_EXTRA) &&
		!cg_bytes_is(words, "1 group"))
		cg_text_printf(t, " (%.*s)", (int)words.len, words.data);
}

static void print_text(const struct comparison *c)
{
	struct cli_style style = cli_style_of(c->cli->color_out);
	_cleanup_text_ struct cg_text t = {0};

	for (size_t i = 0; i < c->diff.count; i++) {
		const struct cg_difference *d = &c->diff.item[i];
		char mark = mark_of(d->kind);

		cg_text_reset(&t);
		describe(c, d, &t);
		add_count(d, &t);
		(void)printf("%s%c%s %s\n",
			mark == '-'   ? style.red
			: mark == '+' ? style.green
				      : style.cyan,
			mark, style.reset, t.data ? t.data : "");
	}
}

static void print_json(const struct comparison *c)
{
	struct json_out j = json_begin(stdout, true);
	_cleanup_text_ struct cg_text label = {0};

	json_open(&j, '{');
	json_text(json_member(&j, "schema"), "cgtree.diff/1");
	json_bool(json_member(&j, "same"), c->diff.count == 0);
	json_open(json_member(&j, "differences"), '[');
	for (size_t i = 0; i < c->diff.count; i++) {
		const struct cg_difference *d = &c->diff.item[i];

		json_open(&j, '{');
		json_text(json_member(&j, "kind"), kind_names[d->kind]);
		json_text(json_member(&j, "hierarchy"), cg_hierarchy_label(hierarchy_of(c, d), &label));
		json_text(json_member(&j, "path"), d->path);
		json_text(json_member(&j, "name"), d->name);
		json_bytes(json_member(&j, "a"), d->a);
		json_bytes(json_member(&j, "b"), d->b);
		json_close(&j, '}');
	}
	json_close(&j, ']');
	json_close(&j, '}');
	json_end(&j);
}

static int compare(struct cli *cli, const struct cg_tree *a, const struct cg_tree *b, bool no_members,
	struct cg_error **err)
{
	struct comparison c = {.cli = cli, .a = a, .b = b};
	int r = cg_diff_trees(a, b, no_members ? CG_DIFF_NO_TASKS : 0, &c.diff, err);

	if (r == 0) {
		cli_progress_clear(cli);
		if (cli->json)
			print_json(&c);
		else if (!cli->quiet)
			print_text(&c);
		r = c.diff.count != 0;
	}
	cg_diff_free(&c.diff);
	return r;
}

static int diff(struct cli *cli, const struct diff_options *o, char **name, struct cg_error **err)
{
	_cleanup_source_ struct cli_source a = {0}, b = {0};
	int r = cli_load(cli, name[0], !o->no_members, &a, err);

	if (r == 0)
		r = cli_load(cli, name[1], !o->no_members, &b, err);
	return r < 0 ? r : compare(cli, a.tree, b.tree, o->no_members, err);
}

#define NO_MEMBERS(type)                                                                                     \
	{                                                                                                    \
		'\0', "no-members", CLI_FLAG, offsetof(type, no_members), .help = "do not compare tasks"     \
	}

static const struct cli_option diff_table[] = {
	NO_MEMBERS(struct diff_options),
	{0},
};

static int run_diff(struct cli *cli, int argc, char **argv)
{
	struct diff_options o = {0};
	_cleanup_error_ struct cg_error *err = NULL;
	int first, r = cli_parse(cli, &o, argc, argv, &first);

	if (r)
		return r;
	if (argc - first != 2)
		return cli_usage(cli, "two trees are wanted, each an image or live:PATH");
	if (strcmp(argv[first], "-") == 0 && strcmp(argv[first + 1], "-") == 0)
		return cli_usage(cli, "only one of the two can come from stdin");
	r = diff(cli, &o, argv + first, &err);
	return r < 0 ? cli_fail(cli, err) : r;
}

#define LINES_TEXT                                                                                            \
	"A line for each difference: \"- PATH missing here\" (all below is missing too), \"+ PATH extra\", "  \
	"\"~ PATH FILE A -> B\" another value, with words where they say more than digits, \"~ PATH owner A " \
	"-> B\" (user:group mode; with a file's name before it for that file), \"~ PATH type\", \"~ PATH "    \
	"xattr NAME\", \"~ PATH program\" for BPF programs, \"~ PATH tasks A -> B\". On one boot tasks are "  \
	"compared by id and start time, and those that the other side lacks are named; between boots only "   \
	"their numbers. Where there are several hierarchies, each path has its hierarchy before it. Values "  \
	"that the kernel writes in several ways (rounding, list syntax) are the same."

#define DIFF_EXITS                                                                                           \
	"0 the same", "1 different", "2 trouble: nothing can be said", "64 the command line is wrong", NULL

const struct cli_verb cli_verb_diff = {
	.name = "diff",
	.summary = "compare two trees, images or live",
	.synopsis = (const char *const[]){"A B [--no-members]", NULL},
	.description =
		(const char *const[]){"A and B are images (- is stdin) or live:PATH. Groups are compared by "
				      "their path below the top, so the tops may have different names.",
			LINES_TEXT, NULL},
	.options = diff_table,
	.examples = (const struct cli_example[]){{"cgtree diff monday.cgt tuesday.cgt", "what changed"},
		{"cgtree diff live:/job live:/copy --no-members", "whether a copy is one"}, {0}},
	.exits = (const char *const[]){DIFF_EXITS},
	.arguments = CLI_NAMES_FILE,
	.quiet_trouble = true,
	.run = run_diff,
};

static const struct cli_option verify_table[] = {
	{'\0', "root", CLI_LIST, offsetof(struct diff_options, root), "[HIER:]PATH", NULL, CLI_NAMES_GROUP,
		"the tree's top is there now (default: where it was); may be repeated for several hierarchies"},
	{'\0', "dir", CLI_LIST, offsetof(struct diff_options, dir), "DIR", NULL, CLI_NAMES_DIRECTORY,
		"the tree's top is this directory on a cgroup file system; may be repeated, once for each hierarchy"},
	NO_MEMBERS(struct diff_options),
	{0},
};

/* The places of the live system that an image's tops correspond to. */
struct places {
	const struct cg_tree *image;
	struct cg_target *target;
	size_t count, room;
	struct cg_error **err;
};

static void places_free(struct places *p)
{
	for (size_t i = 0; i < p->count; i++)
		cg_target_free(&p->target[i]);
	free(p->target);
}

/* One hierarchy as a target names it. */
static char *target_label(const struct cg_hierarchy *h)
{
	char *label;

	if (h->version == 2)
		return strdup("");
	if (!h->name)
		return strdup(h->controllers);
	return asprintf(&label, "name=%s", h->name) < 0 ? NULL : label;
}

static int add_place_of_top(
	void *context, uint32_t image_hierarchy, uint32_t group CG_UNUSED, const char *path)
{
	struct places *p = context;
	struct cg_target *t;

	if (p->count == p->room) {
		size_t room = p->room ? 2 * p->room : 16;
		struct cg_target *more = reallocarray(p->target, room, sizeof(*more));

		if (!more)
			return cg_error_oom(p->err);
		p->target = more;
		p->room = room;
	}
	t = &p->target[p->count++];
	t->hierarchy = target_label(&p->image->hierarchy[image_hierarchy]);
	t->path = strdup(path);
	return t->hierarchy && t->path ? 0 : cg_error_oom(p->err);
}

static int load_places(struct cli *cli, const struct diff_options *o, const struct cg_tree *image,
	struct cg_tree **ret, struct cg_error **err)
{
	_cleanup_request_ struct cli_request request = {0};
	_cleanup_(places_free) struct places places = {.image = image, .err = err};
	_cleanup_live_ struct cg_live live = {0};
	struct cg_plan_options plan = {0};
	struct cg_dump_options options = {
		.members = !o->no_members && image->inventory.members,
		.optional = true,
		.whole_fd = o->dir.count > 0,
		.progress = cli_progress,
		.progress_context = cli,
	};
	int r = cli_request_roots(&request, &o->root, err);

	plan.root = request.root;
	plan.roots = request.roots;
	if (r == 0 && !o->dir.count)
		r = cg_plan_targets(image, &plan, add_place_of_top, &places, err);
	if (r == 0)
		r = cli_open_live(&o->dir, &live, err);
	if (r < 0)
		return r;
	options.target = places.target;
	options.targets = places.count;
	r = cg_dump(&live, &options, ret, err);
	cli_progress_clear(cli);
	return r;
}

static int verify(struct cli *cli, const struct diff_options *o, const char *name, struct cg_error **err)
{
	_cleanup_source_ struct cli_source image = {0};
	_cleanup_tree_ struct cg_tree *live = NULL;
	int r = cli_read_image(name, &image, err);

	if (r == 0)
		r = load_places(cli, o, image.tree, &live, err);
	return r < 0 ? r : compare(cli, image.tree, live, o->no_members, err);
}

static int run_verify(struct cli *cli, int argc, char **argv)
{
	struct diff_options o = {0};
	_cleanup_error_ struct cg_error *err = NULL;
	int first, r = cli_parse(cli, &o, argc, argv, &first);

	if (r == 0 && argc - first != 1)
		r = cli_usage(cli, "one image is wanted: FILE, or - for stdin");
	if (r == 0 && o.dir.count && o.root.count)
		r = cli_usage(cli, "--dir and --root each say where the top is: give one of them");
	if (r == 0) {
		r = verify(cli, &o, argv[first], &err);
		r = r < 0 ? cli_fail(cli, err) : r;
	}
	cli_list_free(&o.root);
	cli_list_free(&o.dir);
	return r;
}

const struct cli_verb cli_verb_verify = {
	.name = "verify",
	.summary = "compare an image with the live tree",
	.synopsis = (const char *const[]){"FILE|- [--root [HIER:]PATH] [--dir DIR] [--no-members]", NULL},
	.description =
		(const char *const[]){
			"Reads the groups that the image is about as they are now, and compares. "
			"A is the image, B what is here.",
			LINES_TEXT, NULL},
	.options = verify_table,
	.examples = (const struct cli_example[]){{"cgtree verify job.cgt", "after a restore"},
		{"cgtree verify job.cgt --root /copy", "of a tree that was restored elsewhere"}, {0}},
	.exits = (const char *const[]){DIFF_EXITS},
	.arguments = CLI_NAMES_FILE,
	.quiet_trouble = true,
	.run = run_verify,
};
