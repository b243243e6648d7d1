/* cgtree ls: which groups there are. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/json_out.h"
#include "cli/source.h"
#include "engine/list.h"

struct ls_options {
	bool names;
	unsigned depth;
};

#define AT(member) offsetof(struct ls_options, member)
static const struct cli_option ls_table[] = {
	{'\0', "names", CLI_FLAG, AT(names),
		.help = "HIER:PATH alone, a line for each group in each hierarchy: what the other verbs take"},
	{'d', "depth", CLI_NUMBER, AT(depth), "N", NULL, CLI_NAMES_NOTHING,
		"go down N levels (default: all)"},
	{0},
};
#undef AT

struct ls {
	struct cli *cli;
	const struct ls_options *o;
	struct cg_live live;
	struct cg_list list;
};

static void ls_free(struct ls *l)
{
	cg_list_free(&l->list);
	cg_live_close(&l->live);
}

/* By path, so that a group stands before those below it; then in the order of hierarchies. */
static int compare_listed(const void *a, const void *b)
{
	const struct cg_listed *x = a, *y = b;
	const char *p = x->path, *q = y->path;

	while (*p && *p == *q) {
		p++;
		q++;
	}
	if (*p == *q)
		return x->hierarchy < y->hierarchy ? -1 : x->hierarchy > y->hierarchy;
	if (*p == '/' || *q == '/')
		return !*q ? 1 : !*p ? -1 : *p == '/' ? -1 : 1;
	return (unsigned char)*p < (unsigned char)*q ? -1 : 1;
}

static int collect(struct ls *l, const char *path, struct cg_error **err)
{
	_cleanup_target_ struct cg_target target = {0};
	bool found = false;
	int r = 0;

	if (path)
		r = cg_target_parse_to_read(path, &target, err);
	if (r == 0)
		r = cg_live_open(&l->live, err);
	if (r == 0)
		r = cg_target_check(&target, &l->live, err);
	for (uint16_t i = 0; r >= 0 && i < l->live.count; i++) {
		if (!cg_live_matches(&l->live.item[i], target.hierarchy))
			continue;
		r = cg_list_groups(&l->list, &l->live, i, path ? target.path : "/",
			l->o->depth ? l->o->depth : UINT_MAX, err);
		found |= r > 0;
	}
	if (r >= 0 && path && !found) {
		r = cg_error_make(err, CG_FAULT_SYSTEM, ENOENT, "there is no such group");
		cg_error_at(err, target.path, NULL);
	}
	if (r >= 0 && l->list.count)
		qsort(l->list.item, l->list.count, sizeof(*l->list.item), compare_listed);
	return r < 0 ? r : 0;
}

/* How many entries are the same path. */
static size_t run_of(const struct cg_list *list, size_t i)
{
	size_t n = 1;

	while (i + n < list->count && strcmp(list->item[i].path, list->item[i + n].path) == 0)
		n++;
	return n;
}

static void print_names(struct ls *l)
{
	for (size_t i = 0; i < l->list.count; i++) {
		_cleanup_text_ struct cg_text t = {0};

		cg_live_label(&l->live.item[l->list.item[i].hierarchy], &t);
		cg_text_addc(&t, ':');
		cg_text_escape(&t, cg_bytes_of(l->list.item[i].path));
		(void)printf("%s\n", t.data && !t.failed ? t.data : "");
	}
}

static void print_table(struct ls *l)
{
	struct cli_style style = cli_style_of(l->cli->color_out);
	size_t width = 4;

	for (size_t i = 0; i < l->list.count; i++) {
		_cleanup_text_ struct cg_text t = {0};
		size_t n;

		cg_text_escape(&t, cg_bytes_of(l->list.item[i].path));
		n = t.data ? cg_utf8_width(t.data) : 0;
		width = n > width ? n : width;
	}
	if (l->cli->width)
		(void)printf("%s%-*s  %9s  %s%s\n", style.bold, (int)width, "PATH", "PROCESSES",
			"HIERARCHIES", style.reset);
	for (size_t i = 0, n; i < l->list.count; i += n) {
		_cleanup_text_ struct cg_text path = {0}, labels = {0};
		uint64_t processes = 0;

		n = run_of(&l->list, i);
		for (size_t k = i; k < i + n; k++) {
			/* The same processes are in several hierarchies: the most tells how many. */
			if (l->list.item[k].processes > processes)
				processes = l->list.item[k].processes;
			cg_text_adds(&labels, k > i ? " " : "");
			cg_live_label(&l->live.item[l->list.item[k].hierarchy], &labels);
		}
		cg_text_escape(&path, cg_bytes_of(l->list.item[i].path));
		(void)printf("%s%*s  %9llu  %s%s%s\n", path.data ? path.data : "",
			(int)(width - (path.data ? cg_utf8_width(path.data) : 0)), "",
			(unsigned long long)processes, style.dim, labels.data ? labels.data : "",
			style.reset);
	}
}

static void print_json(struct ls *l)
{
	struct json_out j = json_begin(stdout, true);

	json_open(&j, '{');
	json_text(json_member(&j, "schema"), "cgtree.ls/1");
	json_open(json_member(&j, "groups"), '[');
	for (size_t i = 0, n; i < l->list.count; i += n) {
		n = run_of(&l->list, i);
		json_open(&j, '{');
		json_bytes(json_member(&j, "path"), cg_bytes_of(l->list.item[i].path));
		json_open(json_member(&j, "in"), '[');
		for (size_t k = i; k < i + n; k++) {
			_cleanup_text_ struct cg_text label = {0};

			cg_live_label(&l->live.item[l->list.item[k].hierarchy], &label);
			json_open(&j, '{');
			json_text(json_member(&j, "hierarchy"), label.data ? label.data : "");
			json_number(json_member(&j, "processes"), l->list.item[k].processes);
			json_close(&j, '}');
		}
		json_close(&j, ']');
		json_close(&j, '}');
	}
	json_close(&j, ']');
	json_close(&j, '}');
	json_end(&j);
}

static int run_ls(struct cli *cli, int argc, char **argv)
{
	struct ls_options o = {0};
	_cleanup_(ls_free) struct ls l = {.cli = cli, .o = &o};
	_cleanup_error_ struct cg_error *err = NULL;
	int first, r = cli_parse(cli, &o, argc, argv, &first);

	if (r)
		return r;
	if (argc - first > 1)
		return cli_usage(cli, "one group at a time, or none for all");
	if (o.names && cli->json)
		return cli_usage(cli, "--names and --json are two forms: choose one");
	if (collect(&l, argc > first ? argv[first] : NULL, &err) < 0)
		return cli_fail(cli, err);
	cli_pager_start(cli);
	if (cli->json)
		print_json(&l);
	else if (o.names)
		print_names(&l);
	else
		print_table(&l);
	return CLI_EXIT_OK;
}

const struct cli_verb cli_verb_ls = {
	.name = "ls",
	.summary = "list groups",
	.synopsis = (const char *const[]){"[[HIER:]PATH] [-d|--depth N] [--names]", NULL},
	.description =
		(const char *const[]){
			"A line for each group at PATH and below, without PATH for all: how many processes are in it, "
			"and in which hierarchies it is. Those of groups below are not counted with it.",
			NULL},
	.options = ls_table,
	.examples = (const struct cli_example[]){{"cgtree ls", "all groups of this host"},
		{"cgtree ls /job", "one subtree"}, {"cgtree ls -d 1", "the first level"},
		{"cgtree ls memory:/job --names", "for a script"}, {0}},
	.exits = (const char *const[]){"0 listed", "2 there is no such group", "64 the command line is wrong",
		NULL},
	.arguments = CLI_NAMES_GROUP,
	.run = run_ls,
};
