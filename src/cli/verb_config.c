/* cgtree import and export: libcgroup's configuration to an image, and an image to one. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/json_out.h"
#include "cli/named.h"
#include "cli/source.h"
#include "image/cgconfig.h"

struct config_options {
	const char *output;
	int compress, prefer;
	struct cli_list templates;
};

enum { PREFER_HOST, PREFER_V1, PREFER_V2 };
static const char *const prefer_words[] = {"host", "v1", "v2", NULL};
static const char *const compress_words[] = {"none", "zstd", NULL};
static const enum cg_compression compress_values[] = {CG_COMPRESS_NONE, CG_COMPRESS_ZSTD};

#define AT(member) offsetof(struct config_options, member)
static const struct cli_option import_table[] = {
	{'o', "output", CLI_TEXT, AT(output), "FILE", NULL, CLI_NAMES_FILE,
		"write the image there, readable by its owner alone; - is stdout (default: stdout, when it is "
		"no terminal)"},
	{'\0', "template", CLI_LIST, AT(templates), "NAME=PATH", NULL, CLI_NAMES_NOTHING,
		"take the template NAME as the group PATH; may be repeated"},
	{'\0', "prefer", CLI_CHOICE, AT(prefer), "WHICH", prefer_words, CLI_NAMES_NOTHING,
		"whose a controller is that both versions have, when its files do not tell: v1, v2, or host: "
		"that of the others, or as it is here (default: host)"},
	{'\0', "compress", CLI_CHOICE, AT(compress), "HOW", compress_words, CLI_NAMES_NOTHING,
		"zstd or none (default: none)"},
	{0},
};

static const struct cli_option export_table[] = {
	{'o', "output", CLI_TEXT, AT(output), "FILE", NULL, CLI_NAMES_FILE,
		"write the configuration there; - is stdout (default: stdout)"},
	{0},
};
#undef AT

static int find_id(void *context, bool group, const char *name, uint32_t *ret)
{
	const struct passwd *pw = group ? NULL : getpwnam(name);
	const struct group *gr = group ? getgrnam(name) : NULL;

	(void)context;
	if (!pw && !gr)
		return -ENOENT;
	*ret = pw ? (uint32_t)pw->pw_uid : (uint32_t)gr->gr_gid;
	return 0;
}

/* How this host has its controllers: joined v1 hierarchies, and whether v1 has any at all. */
struct host {
	struct cg_live live;
	const char **joined;
	bool v1;
};

static void host_free(struct host *h)
{
	cg_live_close(&h->live);
	free(h->joined);
}

/* A host without any hierarchy can import, too. */
static int look_at_host(struct host *h, struct cg_error **err)
{
	_cleanup_error_ struct cg_error *ignored = NULL;
	size_t n = 0;

	if (cg_live_open(&h->live, &ignored) < 0)
		h->live = (struct cg_live){0};
	h->joined = calloc(h->live.count + 1, sizeof(*h->joined));
	if (!h->joined)
		return cg_error_oom(err);
	for (size_t i = 0; i < h->live.count; i++) {
		if (h->live.item[i].version != 1)
			continue;
		h->v1 |= h->live.item[i].controllers[0] != '\0';
		if (strchr(h->live.item[i].controllers, ','))
			h->joined[n++] = h->live.item[i].controllers;
	}
	return 0;
}

/* NAME=PATH of each --template. */
struct pairs {
	char **from, **to;
	size_t count;
};

static void pairs_free(struct pairs *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->from[i]);
	free(p->from);
	free(p->to);
}

static int split_templates(const struct cli_list *list, struct pairs *p, struct cg_error **err)
{
	p->from = calloc(list->count + 1, sizeof(*p->from));
	p->to = calloc(list->count + 1, sizeof(*p->to));
	if (!p->from || !p->to)
		return cg_error_oom(err);
	for (size_t i = 0; i < list->count; i++) {
		_cleanup_target_ struct cg_target target = {0};
		char *equals, *copy = strdup(list->item[i]);
		int r;

		if (!copy)
			return cg_error_oom(err);
		p->from[p->count++] = copy;
		equals = strchr(copy, '=');
		if (!equals || equals == copy)
			return cg_error_usage(err, "--template \"%s\": NAME=PATH is wanted", copy);
		*equals = '\0';
		p->to[i] = equals + 1;
		r = cg_target_parse(equals + 1, &target, err);
		if (r == 0 && target.hierarchy)
			r = cg_error_usage(err, "--template: a path without a hierarchy is wanted");
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_config(const char *name, struct cg_cgconfig *ret, struct cg_error **err)
{
	_cleanup_text_ struct cg_text text = {0};
	int fd, r = cli_open_input(name, "a configuration", &fd, err);
	char part[16384];
	ssize_t n;

	if (r < 0)
		return r;
	do {
		n = read(fd, part, sizeof(part));
		if (n > 0)
			cg_text_add(&text, part, (size_t)n);
	} while ((n > 0 && text.len <= CG_CGCONFIG_SIZE_MAX) || (n < 0 && errno == EINTR));
	if (n < 0)
		r = cg_error_errno(err, errno, "cannot read");
	else if (text.failed)
		r = cg_error_oom(err);
	else if (text.len > CG_CGCONFIG_SIZE_MAX)
		r = cg_error_corrupt(err, "is larger than %zu MiB", CG_CGCONFIG_SIZE_MAX >> 20);
	if (fd != STDIN_FILENO)
		(void)cg_close(fd);
	r = r < 0 ? r : cg_cgconfig_parse((struct cg_bytes){text.data ? text.data : "", text.len}, ret, err);
	if (r < 0)
		cg_error_at(err, cli_input_name(name), NULL);
	return r;
}

static int make_tree(
	const struct config_options *o, const char *name, struct cg_tree **ret, struct cg_error **err)
{
	_cleanup_cgconfig_ struct cg_cgconfig config = {0};
	_cleanup_(pairs_free) struct pairs pairs = {0};
	_cleanup_(host_free) struct host host = {0};
	struct cg_cgconfig_options options = {.id = find_id, .page_size = (uint64_t)sysconf(_SC_PAGESIZE)};
	int r = split_templates(&o->templates, &pairs, err);

	r = r < 0 ? r : look_at_host(&host, err);
	r = r < 0 ? r : read_config(name, &config, err);
	if (r < 0)
		return r;
	options.version = o->prefer == PREFER_V1 ? 1 : o->prefer == PREFER_V2 ? 2 : host.v1 ? 1 : 2;
	options.follow = o->prefer == PREFER_HOST;
	options.joined = host.joined;
	options.from = (const char *const *)pairs.from;
	options.to = (const char *const *)pairs.to;
	r = cg_cgconfig_import(&config, &options, ret, err);
	if (r < 0)
		cg_error_at(err, cli_input_name(name), NULL);
	return r;
}

static void summary_json(const struct cli_named *n, const struct cli_counts *c)
{
	_cleanup_text_ struct cg_text schema = {0};
	struct json_out j = json_begin(stdout, true);

	cg_text_printf(&schema, "cgtree.%s/1", n->cli->verb->name);
	json_open(&j, '{');
	json_text(json_member(&j, "schema"), schema.data);
	json_number(json_member(&j, "hierarchies"), c->hierarchies);
	json_number(json_member(&j, "groups"), c->groups);
	json_number(json_member(&j, "settings"), c->settings);
	cli_notes_json(&j, n->note, n->count);
	json_close(&j, '}');
	json_end(&j);
}

static int finish(struct cli_named *n, const char *what, const struct cg_tree *tree, struct cg_error **err)
{
	_cleanup_text_ struct cg_text t = {0};
	struct cli_counts c;
	int r = cli_tree_counts(tree, &c, err);

	if (r < 0)
		return r;
	if (n->cli->json) {
		summary_json(n, &c);
		return 0;
	}
	cli_plural(&t, c.groups, "group", "groups");
	cg_text_adds(&t, " in ");
	cli_plural(&t, c.hierarchies, "hierarchy", "hierarchies");
	cg_text_adds(&t, ", ");
	cli_plural(&t, c.settings, "setting", "settings");
	if (t.data && !n->cli->quiet)
		cli_say(n->cli, "%s %s", what, t.data);
	return 0;
}

static int import(
	const struct config_options *o, const char *name, struct cli_named *n, struct cg_error **err)
{
	_cleanup_tree_ struct cg_tree *tree = NULL;
	int r = make_tree(o, name, &tree, err);

	r = r < 0 ? r : cli_named_add_notes(n, tree, err);
	r = r < 0 ? r : cli_write_image(o->output, tree, compress_values[o->compress], NULL, err);
	return r < 0 ? r : finish(n, "imported", tree, err);
}

static int export(
	const struct config_options *o, const char *name, struct cli_named *n, struct cg_error **err)
{
	_cleanup_output_ struct cli_output output = CLI_OUTPUT_INIT;
	_cleanup_source_ struct cli_source source = {0};
	_cleanup_text_ struct cg_text text = {0};
	int r = cli_load(n->cli, name, false, &source, err);

	if (r == -ENOENT && name[0] == '/')
		cg_error_hint(err, "a group that is there now is named live:%s", name);
	r = r < 0 ? r : cg_cgconfig_export(source.tree, cli_named_add, n, &text, err);
	r = r < 0 ? r : cli_output_open(&output, o->output, err);
	r = r < 0 ? r : cli_output_write(&output, text.data ? text.data : "", text.len, err);
	r = r < 0 ? r : cli_output_commit(&output, err);
	return r < 0 ? r : finish(n, "exported", source.tree, err);
}

static int run(struct cli *cli, const struct config_options *o, const char *name, bool imports)
{
	_cleanup_named_ struct cli_named named = {.cli = cli};
	_cleanup_error_ struct cg_error *err = NULL;
	int r;

	if (cli->json && (!o->output || strcmp(o->output, "-") == 0))
		return cli_usage(cli, "--json takes stdout for the summary: give -o FILE");
	r = imports ? import(o, name, &named, &err) : export(o, name, &named, &err);
	if (r < 0)
		return cli_fail(cli, err);
	return named.count ? CLI_EXIT_DIFFERS : CLI_EXIT_OK;
}

static int run_import(struct cli *cli, int argc, char **argv)
{
	struct config_options o = {0};
	int first, r = cli_parse(cli, &o, argc, argv, &first);

	if (r == 0 && argc - first != 1)
		r = cli_usage(cli, "one configuration is wanted: FILE, or - for stdin");
	else if (r == 0 && cli_output_is_terminal(o.output))
		r = cli_usage(cli,
			"an image is not for a terminal: give -o FILE, or send stdout to a file or pipe");
	else if (r == 0)
		r = run(cli, &o, argv[first], true);
	cli_list_free(&o.templates);
	return r;
}

static int run_export(struct cli *cli, int argc, char **argv)
{
	struct config_options o = {0};
	int first, r = cli_parse(cli, &o, argc, argv, &first);

	if (r)
		return r;
	if (argc - first != 1)
		return cli_usage(cli, "one tree is wanted: an image, - for stdin, or live:PATH");
	return run(cli, &o, argv[first], false);
}

const struct cli_verb cli_verb_import = {
	.name = "import",
	.summary = "make an image of libcgroup's configuration",
	.synopsis = (const char *const[]){"FILE|- [-o FILE] [--template NAME=PATH]... [--prefer host|v1|v2] "
					  "[--compress zstd|none]",
		NULL},
	.description =
		(const char *const[]){
			"Reads cgconfig.conf(5): groups with their controllers and settings, owners and permissions "
			"(perm, default), and mount, which tells which v1 controllers share a hierarchy (else it is as "
			"on this host). Names of either version are understood, sizes in words too; a value that its "
			"file would not take is refused with its line.",
			"Templates are for groups that are made as processes come: name one with --template to take it. "
			"What an image has no place for is named (\"! PATH FILE: why\", exit status 1).",
			"The image is like any other: look at it, restore it, convert it.", NULL},
	.options = import_table,
	.examples = (const struct cli_example[]){{"cgtree import /etc/cgconfig.conf -o config.cgt",
							 "an image of it"},
		{"cgtree import /etc/cgconfig.conf | cgtree show -", "look at it"},
		{"cgtree restore config.cgt --mode full", "make its groups, as cgconfigparser would"},
		{"cgtree import cgconfig.conf --template students/%u=/students/ann -o ann.cgt",
			"one group of a template"},
		{0}},
	.exits = (const char *const[]){"0 everything has its place",
		"1 done, but something could not be held (it is named)", "2 failed, no file was written",
		"4 the configuration is wrong: the line is named", "64 the command line is wrong", NULL},
	.arguments = CLI_NAMES_FILE,
	.run = run_import,
};

const struct cli_verb cli_verb_export = {
	.name = "export",
	.summary = "write an image as libcgroup's configuration",
	.synopsis = (const char *const[]){"FILE|-|live:PATH [-o FILE]", NULL},
	.description = (const char *const
			[]){"Writes groups, owners, and the settings that a new group does not have anyway, as "
			    "cgconfigparser(8) reads them.",
		"What that has no place for is named on stderr (\"! PATH FILE: why\") and makes the exit status "
		"1: tasks, extended attributes, BPF programs, threaded groups, other owners in other "
		"hierarchies.",
		NULL},
	.options = export_table,
	.examples = (const struct cli_example[]){{"cgtree export job.cgt -o cgconfig.conf", "an image"},
		{"cgtree export live:/job", "what is there now"}, {0}},
	.exits = (const char *const[]){"0 everything has its place",
		"1 done, but something could not be held (it is named)", "2 failed, no file was written",
		"4 the image is damaged or incomplete",
		"5 the image is of a version, or has a feature, that is not read here",
		"64 the command line is wrong", NULL},
	.arguments = CLI_NAMES_FILE,
	.run = run_export,
};
