/* cgtree get: what the files of a group say. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fdio.h"
#include "cli/everyday.h"
#include "model/tree.h"
#include "model/value.h"

struct get_options {
	bool all, raw, values;
};

#define AT(member) offsetof(struct get_options, member)
static const struct cli_option get_table[] = {
	{'\0', "all", CLI_FLAG, AT(all), .help = "without KNOB: statistics too, not only settings"},
	{'\0', "values", CLI_FLAG, AT(values), .help = "print the values alone, without names"},
	{'\0', "raw", CLI_FLAG, AT(raw),
		.help = "take only the names that this host itself has; nothing is translated"},
	{0},
};
#undef AT

struct get {
	struct cli *cli;
	const struct get_options *o;
	struct cg_live live;
	struct cg_target target;
	struct cg_assigns assigns;
	struct cli_style style;
	struct json_out json;
	bool listing; /* nobody named the files */
	bool several; /* the same name may be met in several hierarchies */
	size_t unread;
};

static void get_free(struct get *g)
{
	cg_assigns_free(&g->assigns);
	cg_target_free(&g->target);
	cg_live_close(&g->live);
}

/* The files of one hierarchy's group. */
struct files {
	char **name;
	size_t count, room;
	int version;
	bool all;
};

static void files_free(struct files *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->name[i]);
	free(f->name);
}

static int take_file(const char *name, unsigned char type, void *context)
{
	struct files *f = context;
	const struct cg_knob *knob = cg_knob_find(name, f->version);
	bool setting = !knob || knob->kind == CG_KNOB_SETTING;

	if (type == DT_DIR || (knob && (knob->kind == CG_KNOB_ACTION || knob->kind == CG_KNOB_MEMBERSHIP)) ||
		(!setting && !f->all))
		return 0;
	if (f->count == f->room) {
		size_t room = f->room ? 2 * f->room : 64;
		char **more = reallocarray(f->name, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		f->name = more;
		f->room = room;
	}
	f->name[f->count] = strdup(name);
	return f->name[f->count++] ? 0 : -ENOMEM;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void put_words(struct get *g, const struct cg_reading *r)
{
	_cleanup_text_ struct cg_text words = {0};

	if (!r->knob || r->knob->kind != CG_KNOB_SETTING)
		return;
	cg_value_describe(r->knob, cg_value_setting(r->knob, r->value), &words);
	if (words.failed || !words.data || cg_bytes_equal(cg_bytes_of(words.data), r->value))
		return;
	(void)printf("  %s(%s)%s", g->style.dim, words.data, g->style.reset);
}

static void put_lines(const struct cg_reading *r, bool named)
{
	struct cg_bytes rest = r->value, line;
	bool one = !memchr(r->value.data, '\n', r->value.len);
	_cleanup_text_ struct cg_text t = {0};

	if (!named) {
		(void)fwrite(r->value.data, 1, r->value.len, stdout);
		(void)putchar('\n');
		return;
	}
	while (cg_bytes_split(&rest, '\n', &line)) {
		cg_text_adds(&t, one ? " " : "\n    ");
		cg_text_escape(&t, line);
	}
	(void)printf("%s", t.data && !t.failed ? t.data : "");
}

static void put_reading(struct get *g, const struct cg_reading *r)
{
	_cleanup_text_ struct cg_text label = {0};

	if (g->o->values) {
		put_lines(r, false);
		return;
	}
	(void)printf("%s%s%s:", g->style.bold, r->file, g->style.reset);
	put_lines(r, true);
	/* Words are for people; what another program reads is the value. */
	if (g->cli->width) {
		put_words(g, r);
		if (r->source)
			(void)printf("  %sfrom %s%s", g->style.dim, r->source, g->style.reset);
	}
	/* A setting's name tells its hierarchy, but for the few that each has. */
	if (g->several && (!r->knob || !r->knob->controller[0])) {
		cg_live_label(&g->live.item[r->hierarchy], &label);
		(void)printf("  %s[%s]%s", g->style.dim, label.data ? label.data : "", g->style.reset);
	}
	(void)putchar('\n');
}

static void put_json(struct get *g, const struct cg_reading *r)
{
	_cleanup_text_ struct cg_text label = {0}, words = {0};
	struct json_out *j = &g->json;

	cg_live_label(&g->live.item[r->hierarchy], &label);
	json_open(j, '{');
	json_text(json_member(j, "name"), r->file);
	json_text(json_member(j, "hierarchy"), label.data ? label.data : "");
	if (r->value.data)
		json_bytes(json_member(j, "value"), r->value);
	else
		json_nothing(json_member(j, "value"));
	if (r->value.data && r->knob && r->knob->kind == CG_KNOB_SETTING) {
		cg_value_describe(r->knob, cg_value_setting(r->knob, r->value), &words);
		json_text(json_member(j, "words"), words.data ? words.data : "");
	}
	if (r->source)
		json_text(json_member(j, "from"), r->source);
	if (r->code)
		json_text(json_member(j, "error"), strerror(r->code));
	json_close(j, '}');
}

static int take_reading(void *context, const struct cg_reading *r)
{
	struct get *g = context;
	_cleanup_text_ struct cg_text line = {0};

	/* Files that only notify, or whose device is not there, have nothing to read. */
	if (g->listing && (r->code == EINVAL || r->code == EOPNOTSUPP) && r->knob &&
		r->knob->kind != CG_KNOB_SETTING)
		return 0;
	if (g->cli->json)
		put_json(g, r);
	if (r->value.data) {
		if (!g->cli->json)
			put_reading(g, r);
		return 0;
	}
	g->unread++;
	cg_text_escape(&line, cg_bytes_of(g->target.path));
	cg_text_printf(&line, " %s: cannot be read: %s", r->file, strerror(r->code));
	if (line.failed)
		return -ENOMEM;
	cli_warn_line(g->cli, line.data);
	return 0;
}

/* Without names: all files of the group in each hierarchy. */
static int read_files(struct get *g, uint16_t h, const struct files *f, struct cg_error **err)
{
	struct cg_target here = {.path = g->target.path};
	struct cg_assigns one = {.live = &g->live, .target = &here, .raw = true};
	_cleanup_text_ struct cg_text label = {0};
	int r = 0;

	cg_live_label(&g->live.item[h], &label);
	here.hierarchy = label.data;
	if (label.failed)
		return cg_error_oom(err);
	for (size_t i = 0; r == 0 && i < f->count; i++)
		r = cg_assigns_add_name(&one, f->name[i], err);
	if (r == 0)
		r = cg_assigns_read(&one, take_reading, g, err);
	cg_assigns_free(&one);
	return r;
}

static int read_all(struct get *g, struct cg_error **err)
{
	for (uint16_t i = 0; i < g->live.count; i++) {
		const struct cg_live_hierarchy *h = &g->live.item[i];
		const char *below = cg_path_below(h->mount_root, g->target.path);
		_cleanup_(files_free) struct files f = {.version = h->version, .all = g->o->all};
		_cleanup_close_ int fd = -1;
		int r;

		if (!below || !cg_live_matches(h, g->target.hierarchy))
			continue;
		r = cg_open_beneath(h->fd, below, O_RDONLY | O_DIRECTORY, &fd);
		if (r == -ENOENT)
			continue;
		r = r < 0 ? r : cg_dir_each(fd, take_file, &f);
		if (r < 0) {
			r = cg_error_errno(err, -r, "cannot list the files of the group");
			cg_error_at(err, g->target.path, NULL);
			return r;
		}
		if (f.count)
			qsort(f.name, f.count, sizeof(*f.name), compare_names);
		r = read_files(g, i, &f, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int find(struct get *g, int words, char **argv, struct cg_error **err)
{
	int r = cg_target_parse_to_read(argv[0], &g->target, err);

	r = r < 0 ? r : cg_live_open(&g->live, err);
	r = r < 0 ? r : cg_edit_look(&g->live, &g->target, err);
	for (int i = 1; r == 0 && i < words; i++)
		r = cg_assigns_add_name(&g->assigns, argv[i], err);
	for (size_t i = 0; r == 0 && i < g->assigns.count; i++) {
		size_t in = 0;

		for (size_t h = 0; h < g->live.count; h++)
			in += g->assigns.item[i].in[h];
		g->several |= in > 1;
	}
	return r;
}

static int get(struct get *g, int words, char **argv)
{
	_cleanup_error_ struct cg_error *err = NULL;
	int r = find(g, words, argv, &err);

	if (r < 0)
		return cli_fail(g->cli, err);
	if (words == 1) {
		for (size_t i = 0, in = 0; i < g->live.count; i++) {
			in += cg_live_matches(&g->live.item[i], g->target.hierarchy);
			g->several = in > 1;
		}
		g->listing = true;
		cli_pager_start(g->cli);
	}
	if (g->cli->json) {
		g->json = json_begin(stdout, true);
		json_open(&g->json, '{');
		json_text(json_member(&g->json, "schema"), "cgtree.get/1");
		json_text(json_member(&g->json, "path"), g->target.path);
		json_open(json_member(&g->json, "files"), '[');
	}
	r = words == 1 ? read_all(g, &err) : cg_assigns_read(&g->assigns, take_reading, g, &err);
	if (g->cli->json) {
		json_close(&g->json, ']');
		if (r < 0)
			json_error(json_member(&g->json, "error"), err);
		json_close(&g->json, '}');
		json_end(&g->json);
	}
	if (r < 0)
		return cli_fail_text(g->cli, err);
	return g->unread ? CLI_EXIT_DIFFERS : CLI_EXIT_OK;
}

static int run_get(struct cli *cli, int argc, char **argv)
{
	struct get_options o = {0};
	struct get g = {.cli = cli, .o = &o};
	int first, r = cli_parse(cli, &o, argc, argv, &first);

	if (r)
		return r;
	if (argc == first)
		return cli_usage(cli, "say which group: [HIER:]PATH, and the names of files or none for all");
	if (o.values && cli->json)
		return cli_usage(cli, "--values and --json are two forms: choose one");
	g.style = cli_style_of(cli->color_out);
	g.assigns = (struct cg_assigns){.live = &g.live, .target = &g.target, .raw = o.raw};
	r = get(&g, argc - first, argv + first);
	get_free(&g);
	return r;
}

const struct cli_verb cli_verb_get = {
	.name = "get",
	.summary = "show settings and statistics of a group",
	.synopsis = (const char *const[]){"[HIER:]PATH [KNOB...] [--all] [--values] [--raw]", NULL},
	.description = (const char *const
			[]){"Prints what the files of a group say, \"KNOB: VALUE\"; without names all of its settings. On a "
			    "terminal the value in words stands beside it.",
		"Names of v1 and of v2 are taken on every host: what is called otherwise here is read from there "
		"and translated back.",
		NULL},
	.options = get_table,
	.examples = (const struct cli_example[]){{"cgtree get /job", "all settings of the group"},
		{"cgtree get /job memory.max memory.current", "two files, on v1 from its own"},
		{"cgtree get / memory.stat", "of the host: the root may be read"},
		{"cgtree get /job pids.max --values", "the number alone, for a script"},
		{"cgtree get cpu:/job --all", "everything in one hierarchy, statistics too"}, {0}},
	.exits = (const char *const[]){"0 read", "1 read, but for what is named", "2 there is no such group",
		"64 the command line or a name is wrong", NULL},
	.arguments = CLI_NAMES_GROUP,
	.run = run_get,
};
