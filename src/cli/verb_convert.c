/* cgtree convert: an image of one cgroup version as one of the other. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/convert_options.h"
#include "cli/source.h"

struct convert_options {
	const char *output;
	int to; /* index into to_words; -1: not given */
	int compress;
	struct cli_convert how;
	struct cli_list bind, unbind, seal, unseal;
};

static void convert_options_free(struct convert_options *o)
{
	cli_list_free(&o->bind);
	cli_list_free(&o->unbind);
	cli_list_free(&o->seal);
	cli_list_free(&o->unseal);
}

static const char *const to_words[] = {"v1", "v2", NULL};
static const char *const compress_words[] = {"none", "zstd", NULL};
static const enum cg_compression compress_values[] = {CG_COMPRESS_NONE, CG_COMPRESS_ZSTD};

static const struct cli_option convert_table[] = {
	{'o', "output", CLI_TEXT, offsetof(struct convert_options, output), "FILE", NULL, CLI_NAMES_FILE,
		"write the image there; - is stdout (default: stdout, when it is no terminal)"},
	{'\0', "to", CLI_CHOICE, offsetof(struct convert_options, to), "VERSION", to_words, CLI_NAMES_NOTHING,
		"v1 or v2"},
	CLI_CONVERT_OPTIONS(struct convert_options, how),
	{'\0', "unbind", CLI_LIST, offsetof(struct convert_options, unbind), "CONTROLLER", NULL,
		CLI_NAMES_NOTHING,
		"take a controller from all groups, before anything else; its settings are kept aside in the image; "
		"may be repeated"},
	{'\0', "bind", CLI_LIST, offsetof(struct convert_options, bind), "CONTROLLER", NULL,
		CLI_NAMES_NOTHING,
		"give the groups a controller: those that had it before it was unbound, with their settings, else all; "
		"may be repeated"},
	{'\0', "seal", CLI_LIST, offsetof(struct convert_options, seal), "PATH", NULL, CLI_NAMES_GROUP,
		"mark a group so that no restore makes it the root of another view; may be repeated"},
	{'\0', "unseal", CLI_LIST, offsetof(struct convert_options, unseal), "PATH", NULL, CLI_NAMES_GROUP,
		"take that mark away; may be repeated"},
	{'\0', "compress", CLI_CHOICE, offsetof(struct convert_options, compress), "HOW", compress_words,
		CLI_NAMES_NOTHING, "zstd or none (default: none)"},
	{0},
};

/* A conversion under way. */
struct conversion {
	const struct convert_options *o;
	struct cg_convert_options options;
	struct cg_tree *tree; /* the result so far */
	struct cg_losses losses;
};

static void conversion_free(struct conversion *c)
{
	c->tree = cg_tree_free(c->tree);
	cg_losses_free(&c->losses);
}

/* Translates c->tree, which becomes the origin of what it is translated to. */
static int convert_anew(struct conversion *c, int version, struct cg_error **err)
{
	_cleanup_(cg_arena_free) struct cg_arena arena = {0};
	_cleanup_losses_ struct cg_losses losses = {0};
	struct cg_origin origin = {.kind = CG_ORIGIN_CONVERTED, .version = version};
	_cleanup_tree_ struct cg_tree *from = cg_steal(c->tree);
	int r = cg_layout_of_version(from, version, &arena, &c->options.layout, err);

	if (r < 0 || cg_layout_fits(from, &c->options.layout)) {
		c->tree = cg_steal(from);
		return r;
	}
	c->options.translate.page_size =
		from->inventory.page_size ? from->inventory.page_size : (uint64_t)sysconf(_SC_PAGESIZE);
	cg_image_drop_origin(from);
	r = cg_convert(from, &c->options, &c->tree, &losses, err);
	for (size_t i = 0; i < losses.count; i++)
		if (cg_losses_add(&c->losses, &losses.item[i]) < 0)
			return r < 0 ? r : cg_error_oom(err);
	origin.options = c->options;
	origin.tree = from;
	return r < 0 ? r : cg_image_keep_origin(c->tree, &origin, err);
}

static int convert_to(struct conversion *c, int version, struct cg_error **err)
{
	struct cg_tree *back = NULL;
	int r = cli_take_back(c->tree, version, &back, &c->losses, err);

	if (r < 0)
		return r;
	if (back) {
		cg_tree_free(c->tree);
		c->tree = back;
	}
	return convert_anew(c, version, err);
}

static int unbind(struct conversion *c, const char *controller, struct cg_error **err)
{
	struct cg_origin origin = {.kind = CG_ORIGIN_BOUND};
	_cleanup_tree_ struct cg_tree *from = c->tree;
	int r;

	c->tree = NULL;
	r = cg_unbind(from, controller, &c->tree, err);
	if (r < 0)
		cg_error_wrap(err, "--unbind %s", controller);
	origin.tree = from;
	return r < 0 ? r : cg_image_keep_origin(c->tree, &origin, err);
}

/* The nearest of the trees of before that has the controller; NULL when none has. */
static int find_before(
	const struct cg_tree *tree, const char *controller, struct cg_tree **ret, struct cg_error **err)
{
	_cleanup_origin_ struct cg_origin at = {0};
	int r = cg_image_origin(tree, CG_IMAGE_MEMORY_DEFAULT, &at, err);

	while (r > 0 && at.kind == CG_ORIGIN_BOUND) {
		struct cg_origin next = {0};

		if (cg_has_controller(at.tree, controller)) {
			*ret = cg_steal(at.tree);
			return 0;
		}
		r = cg_image_origin(at.tree, CG_IMAGE_MEMORY_DEFAULT, &next, err);
		cg_origin_free(&at);
		at = next;
	}
	return r < 0 ? r : 0;
}

static int bind(struct conversion *c, const char *controller, struct cg_error **err)
{
	_cleanup_tree_ struct cg_tree *before = NULL, *bound = NULL;
	int r = find_before(c->tree, controller, &before, err);

	if (before) {
		r = cg_is_unbound_of(c->tree, controller, before, err);
		if (r > 0)
			bound = cg_steal(before);
	}
	if (r == 0)
		r = cg_bind(c->tree, controller, before, &bound, err);
	if (r < 0) {
		cg_error_wrap(err, "--bind %s", controller);
		return r;
	}
	cg_tree_free(c->tree);
	c->tree = cg_steal(bound);
	return 0;
}

static int mark(
	struct conversion *c, const char *option, const char *path, bool sealed, struct cg_error **err)
{
	bool found = false;

	for (uint16_t h = 0; h < c->tree->hierarchies; h++) {
		uint32_t g = cg_tree_find(c->tree, h, path);

		if (g == CG_NONE)
			continue;
		found = true;
		if (sealed)
			c->tree->group[g].flags |= CG_GROUP_SEALED;
		else
			c->tree->group[g].flags &= (uint8_t)~CG_GROUP_SEALED;
	}
	return found ? 0
		     : cg_error_make(err, CG_FAULT_USAGE, ENOENT, "%s %s: the image has no such group",
			       option, path);
}

static int mark_all(struct conversion *c, struct cg_error **err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->o->unseal.count; i++)
		r = mark(c, "--unseal", c->o->unseal.item[i], false, err);
	for (size_t i = 0; r == 0 && i < c->o->seal.count; i++)
		r = mark(c, "--seal", c->o->seal.item[i], true, err);
	return r;
}

/* What was asked for, in the order that the help tells. */
static int change(struct conversion *c, struct cg_error **err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->o->unbind.count; i++)
		r = unbind(c, c->o->unbind.item[i], err);
	if (r == 0 && c->o->to >= 0)
		r = convert_to(c, c->o->to + 1, err);
	for (size_t i = 0; r == 0 && i < c->o->bind.count; i++)
		r = bind(c, c->o->bind.item[i], err);
	return r < 0 ? r : mark_all(c, err);
}

static int convert(struct conversion *c, const char *name, struct cg_image_info *info, struct cg_error **err)
{
	_cleanup_source_ struct cli_source source = {0};
	int r = cli_convert_options(&c->o->how, &c->options, err);

	r = r < 0 ? r : cli_read_image(name, &source, err);
	if (r < 0)
		return r;
	c->tree = cg_steal(source.tree);
	r = change(c, err);
	return r < 0 ? r : cli_write_image(c->o->output, c->tree, compress_values[c->o->compress], info, err);
}

static void summary_json(
	const struct conversion *c, const struct cg_image_info *info, const struct cli_counts *n)
{
	struct json_out j = json_begin(stdout, true);

	json_open(&j, '{');
	json_text(json_member(&j, "schema"), "cgtree.convert/1");
	json_number(json_member(&j, "hierarchies"), n->hierarchies);
	json_number(json_member(&j, "groups"), n->groups);
	json_number(json_member(&j, "settings"), n->settings);
	json_number(json_member(&j, "tasks"), n->tasks);
	json_number(json_member(&j, "bytes"), info->bytes);
	json_text(json_member(&j, "digest"), info->digest);
	json_bool(json_member(&j, "keeps_origin"), cg_image_has_origin(c->tree));
	cli_losses_json(json_member(&j, "losses"), &c->losses);
	json_close(&j, '}');
	json_end(&j);
}

static void say_summary(struct cli *cli, const struct conversion *c, const struct cli_counts *n)
{
	_cleanup_text_ struct cg_text t = {0};

	cg_text_adds(&t, "converted ");
	cli_plural(&t, n->groups, "group", "groups");
	cg_text_adds(&t, " in ");
	cli_plural(&t, n->hierarchies, "hierarchy", "hierarchies");
	if (c->losses.count) {
		cg_text_adds(&t, "; ");
		cli_plural(&t, c->losses.count, "thing is lost", "things are lost");
	}
	if (cg_image_has_origin(c->tree))
		cg_text_adds(&t, "; the image before is kept for the way back");
	if (t.data)
		cli_say(cli, "%s", t.data);
}

static int run_convert(struct cli *cli, int argc, char **argv)
{
	_cleanup_(convert_options_free) struct convert_options o = {.to = -1};
	_cleanup_(conversion_free) struct conversion c = {.o = &o};
	_cleanup_error_ struct cg_error *err = NULL;
	struct cg_image_info info = {0};
	struct cli_counts counts;
	int first, r = cli_parse(cli, &o, argc, argv, &first);

	if (r)
		return r;
	if (argc - first != 1)
		return cli_usage(cli, "one image is wanted: FILE, or - for stdin");
	if (o.to < 0 && !o.bind.count && !o.unbind.count && !o.seal.count && !o.unseal.count)
		return cli_usage(cli,
			"say what it shall become: --to v1 or --to v2, or --bind, --unbind, --seal, --unseal");
	if (cli_output_is_terminal(o.output))
		return cli_usage(cli,
			"an image is not for a terminal: give -o FILE, or send stdout to a file or pipe");
	if (cli->json && (!o.output || strcmp(o.output, "-") == 0))
		return cli_usage(cli, "--json takes stdout for the summary: give -o FILE for the image");
	r = convert(&c, argv[first], &info, &err);
	cli_say_losses(cli, &c.losses);
	if (r < 0 || cli_tree_counts(c.tree, &counts, &err) < 0)
		return cli_fail(cli, err);
	if (cli->json)
		summary_json(&c, &info, &counts);
	else if (!cli->quiet)
		say_summary(cli, &c, &counts);
	return c.losses.count ? CLI_EXIT_DIFFERS : CLI_EXIT_OK;
}

const struct cli_verb cli_verb_convert = {
	.name = "convert",
	.summary = "turn an image of one cgroup version into one of the other, bind and unbind controllers",
	.synopsis =
		(const char *const[]){
			"FILE|- [-o FILE] [--unbind CONTROLLER]... [--to v1|v2] [--bind CONTROLLER]... "
			"[--seal PATH]... [--unseal PATH]... [--dialect NAME] [--soft-limit low|high] "
			"[--on-conflict fail|leaf|lead=HIERARCHY] [--skip-unknown] [--strict-translation] "
			"[--compress zstd|none]",
			NULL},
	.description = (const char *const
			[]){"v1 to v2 merges the hierarchies: the groups are those of any of them, each with what all say about "
			    "it. Tasks of a group whose children have controllers go to a leaf of their own, named cgtree-leaf; "
			    "threads of one process in several groups make a threaded subtree. v2 to v1 splits: each controller "
			    "takes the groups that have it, and the freezer takes all.",
		"What does not come back as it was is named on stderr (\"! PATH FILE: VALUE became ...: why\") and "
		"makes the exit status 1. A setting that nobody changed from what a new group has is not. A file that is not in the catalogue "
		"is refused: nobody knows whether a newer kernel's word is meant, or it is mistyped; with --skip-unknown "
		"it is left out and named.",
		"--unbind takes a controller from the groups, --bind gives it back: in a v2 image the files and the "
		"lists of enabled controllers, in a v1 image the hierarchy. A group that is sealed is restored at its "
		"own path only: --root, --map and --dir do not make it the root of another view.",
		"The image before is kept inside the new one. So converting back gives exactly that, but for what was "
		"changed in between.",
		NULL},
	.options = convert_table,
	.examples = (const struct cli_example[]){{"cgtree convert job.cgt -o job2.cgt --to v2",
							 "a v1 image for a v2 host"},
		{"cgtree dump /job | cgtree convert - --to v2 | ssh host cgtree restore -",
			"move it there at once"},
		{"cgtree convert job2.cgt -o job.cgt --to v1", "back, exactly"}, {0}},
	.exits = (const char *const[]){"0 everything has its place",
		"1 done, but something is lost (it is named)", "2 failed, no file was written",
		"4 the image is damaged or incomplete",
		"5 the image is of a version, or has a feature, that is not read here",
		"64 the command line is wrong, or a value in the image is none that a kernel has", NULL},
	.arguments = CLI_NAMES_FILE,
	.run = run_convert,
};
