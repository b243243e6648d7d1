/* cgtree criu import and export: between CRIU's image of groups (cgroup.img) and ours. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/criu_verbs.h"
#include "cli/json_out.h"
#include "cli/named.h"
#include "cli/source.h"
#include "image/criu.h"

static const enum cg_compression compress_values[] = {CG_COMPRESS_NONE, CG_COMPRESS_ZSTD};

static void summary_json(const char *what, const struct cli_named *n, const struct cli_counts *c)
{
	struct json_out j = json_begin(stdout, true);

	json_open(&j, '{');
	json_text(json_member(&j, "schema"), "cgtree.criu/1");
	json_text(json_member(&j, "done"), what);
	json_number(json_member(&j, "hierarchies"), c->hierarchies);
	json_number(json_member(&j, "groups"), c->groups);
	json_number(json_member(&j, "settings"), c->settings);
	json_number(json_member(&j, "processes"), c->processes);
	json_number(json_member(&j, "tasks"), c->tasks);
	cli_notes_json(&j, n->note, n->count);
	json_close(&j, '}');
	json_end(&j);
}

static int finish(struct cli *cli, const char *what, const struct cg_tree *tree, const struct cli_named *n,
	struct cg_error **err)
{
	_cleanup_text_ struct cg_text t = {0};
	struct cli_counts c;
	int r = cli_tree_counts(tree, &c, err);

	if (r < 0)
		return r;
	if (cli->json) {
		summary_json(what, n, &c);
		return 0;
	}
	cli_plural(&t, c.groups, "group", "groups");
	cg_text_adds(&t, " in ");
	cli_plural(&t, c.hierarchies, "hierarchy", "hierarchies");
	cg_text_adds(&t, ", ");
	cli_plural(&t, c.settings, "setting", "settings");
	cg_text_adds(&t, ", ");
	if (tree->inventory.members)
		cli_plural(&t, c.tasks, "task", "tasks");
	else
		cg_text_adds(&t, "tasks not recorded");
	if (t.data && !cli->quiet)
		cli_say(cli, "%s %s", what, t.data);
	return 0;
}

/* A folder of CRIU's images, or cgroup.img itself. */
static int read_criu(const char *name, struct cg_tree **ret, struct cg_error **err)
{
	_cleanup_close_ int dirfd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd, r;

	if (dirfd >= 0) {
		r = cg_criu_import_folder(dirfd, CG_IMAGE_MEMORY_DEFAULT, ret, err);
		if (r < 0)
			cg_error_wrap(err, "in the folder %s", name);
		return r;
	}
	r = cli_open_input(name, "CRIU's cgroup.img", &fd, err);
	if (r < 0)
		return r;
	r = cg_criu_import_file(fd, CG_IMAGE_MEMORY_DEFAULT, ret, err);
	if (fd != STDIN_FILENO)
		(void)cg_close(fd);
	if (r < 0)
		cg_error_at(err, cli_input_name(name), NULL);
	return r;
}

static int import(struct cli *cli, const struct criu_options *o, const char *name, struct cli_named *n,
	struct cg_error **err)
{
	_cleanup_tree_ struct cg_tree *tree = NULL;
	int r = read_criu(name, &tree, err);

	r = r < 0 ? r : cli_named_add_notes(n, tree, err);
	r = r < 0 ? r : cli_write_image(o->output, tree, compress_values[o->compress], NULL, err);
	return r < 0 ? r : finish(cli, "imported", tree, n, err);
}

static int export(struct cli *cli, const struct criu_options *o, const char *name, struct cli_named *n,
	struct cg_error **err)
{
	_cleanup_output_ struct cli_output output = CLI_OUTPUT_INIT;
	_cleanup_source_ struct cli_source source = {0};
	_cleanup_text_ struct cg_text file = {0};
	int r = cli_read_image(name, &source, err);

	r = r < 0 ? r : cg_criu_export(source.tree, cli_named_add, n, &file, err);
	r = r < 0 ? r : cli_output_open(&output, o->output, err);
	r = r < 0 ? r : cli_output_write(&output, file.data, file.len, err);
	r = r < 0 ? r : cli_output_commit(&output, err);
	return r < 0 ? r : finish(cli, "exported", source.tree, n, err);
}

typedef int convert_fn(struct cli *cli, const struct criu_options *o, const char *name, struct cli_named *n,
	struct cg_error **err);

static int convert(struct cli *cli, const struct criu_options *o, const char *name, convert_fn *fn)
{
	_cleanup_named_ struct cli_named named = {.cli = cli};
	_cleanup_error_ struct cg_error *err = NULL;

	if (cli_output_is_terminal(o->output))
		return cli_usage(cli,
			"an image is not for a terminal: give -o FILE, or send stdout to a file or pipe");
	if (cli->json && (!o->output || strcmp(o->output, "-") == 0))
		return cli_usage(cli, "--json takes stdout for the summary: give -o FILE for the image");
	if (fn(cli, o, name, &named, &err) < 0)
		return cli_fail(cli, err);
	return named.count ? CLI_EXIT_DIFFERS : CLI_EXIT_OK;
}

int cli_criu_import(struct cli *cli, const struct criu_options *o, char **word, size_t words)
{
	if (words != 1)
		return cli_usage(
			cli, "one source is wanted: CRIU's image folder, its cgroup.img, or - for stdin");
	return convert(cli, o, word[0], import);
}

int cli_criu_export(struct cli *cli, const struct criu_options *o, char **word, size_t words)
{
	if (words != 1)
		return cli_usage(cli, "one image is wanted: FILE, or - for stdin");
	if (o->compress)
		return cli_usage(cli, "--compress belongs to import: CRIU does not read what is compressed");
	return convert(cli, o, word[0], export);
}
