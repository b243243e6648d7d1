/* cgtree check, decode, encode: an image alone, without a live tree. */
#include <errno.h>
#include <string.h>

#include "cli/json_out.h"
#include "cli/source.h"
#include "image/criu.h"
#include "image/json.h"
#include "image/origin.h"

#define JSON_INPUT_MAX CG_IMAGE_MEMORY_DEFAULT

/* Records that no part of this program reads; they are carried along. */
static uint32_t unknown_records(const struct cg_tree *tree)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < tree->extras; i++)
		n += tree->extra[i].type != CG_CRIU_RECORD && tree->extra[i].type != CG_ORIGIN_RECORD;
	return n;
}

static const char *or_unknown(const char *text)
{
	return text && text[0] ? text : "unknown";
}

static void put_line(const char *label, struct cg_text *value)
{
	(void)printf("  %-13s%s\n", label, value->data ? value->data : "");
	cg_text_reset(value);
}

static void describe_contents(const struct cg_tree *tree, const struct cli_counts *c, struct cg_text *t)
{
	cli_plural(t, c->hierarchies, "hierarchy", "hierarchies");
	cg_text_adds(t, ", ");
	cli_plural(t, c->groups, "group", "groups");
	cg_text_adds(t, ", ");
	cli_plural(t, c->settings, "setting", "settings");
	cg_text_adds(t, ", ");
	if (!tree->inventory.members) {
		cg_text_adds(t, "tasks not recorded");
		return;
	}
	cli_plural(t, c->processes, "process", "processes");
	cg_text_adds(t, " with ");
	cli_plural(t, c->tasks, "thread", "threads");
	if (!tree->inventory.members_consistent)
		cg_text_adds(t, " (they moved while they were read)");
}

static void check_text(const char *name, const struct cli_source *s, const struct cli_counts *c)
{
	const struct cg_inventory *v = &s->tree->inventory;
	_cleanup_text_ struct cg_text t = {0};

	cg_text_escape(&t, cg_bytes_of(cli_input_name(name)));
	(void)printf("%s: complete and undamaged\n", t.data ? t.data : "");
	cg_text_reset(&t);
	cg_text_printf(&t, "%u.%u", s->info.major, s->info.minor);
	if (s->info.incompat || s->info.compat)
		cg_text_printf(&t, ", features %#x, optional ones %#x", s->info.incompat, s->info.compat);
	put_line("format", &t);
	cli_plural(&t, s->info.bytes, "byte", "bytes");
	if (s->info.compressed)
		cg_text_printf(&t, ", zstd: %llu stored", (unsigned long long)s->info.stored_bytes);
	put_line("size", &t);
	cg_text_printf(&t, "%llu", (unsigned long long)s->info.records);
	if (unknown_records(s->tree))
		cg_text_printf(&t, ", %u of kinds that are not known here", unknown_records(s->tree));
	put_line("records", &t);
	cg_text_adds(&t, s->info.digest);
	put_line("digest", &t);
	cg_text_escape(&t, cg_bytes_of(or_unknown(v->tool)));
	cg_text_adds(&t, " on ");
	cg_text_escape(&t, cg_bytes_of(or_unknown(v->host)));
	cg_text_adds(&t, ", Linux ");
	cg_text_escape(&t, cg_bytes_of(or_unknown(v->kernel)));
	cg_text_adds(&t, ", ");
	cg_text_escape(&t, cg_bytes_of(or_unknown(v->layout)));
	put_line("written by", &t);
	cli_format_time(v->time, &t);
	put_line("written at", &t);
	describe_contents(s->tree, c, &t);
	put_line("holds", &t);
	if (s->tree->notes) {
		cli_plural(&t, s->tree->notes, "thing was", "things were");
		cg_text_adds(&t, " named while dumping: see cgtree show");
		put_line("notes", &t);
	}
}

static void check_json(const char *name, const struct cli_source *s, const struct cli_counts *c)
{
	_cleanup_text_ struct cg_text version = {0};
	struct json_out j = json_begin(stdout, true);

	cg_text_printf(&version, "%u.%u", s->info.major, s->info.minor);
	json_open(&j, '{');
	json_text(json_member(&j, "schema"), "cgtree.check/1");
	json_text(json_member(&j, "file"), name);
	json_bool(json_member(&j, "sound"), true);
	json_text(json_member(&j, "format"), version.data);
	json_number(json_member(&j, "incompat"), s->info.incompat);
	json_number(json_member(&j, "compat"), s->info.compat);
	json_number(json_member(&j, "bytes"), s->info.bytes);
	json_number(json_member(&j, "stored_bytes"), s->info.stored_bytes);
	json_bool(json_member(&j, "compressed"), s->info.compressed);
	json_number(json_member(&j, "records"), s->info.records);
	json_number(json_member(&j, "unknown_records"), unknown_records(s->tree));
	json_text(json_member(&j, "digest"), s->info.digest);
	json_number(json_member(&j, "hierarchies"), c->hierarchies);
	json_number(json_member(&j, "groups"), c->groups);
	json_number(json_member(&j, "settings"), c->settings);
	json_number(json_member(&j, "processes"), c->processes);
	json_number(json_member(&j, "tasks"), c->tasks);
	json_number(json_member(&j, "notes"), s->tree->notes);
	json_number(json_member(&j, "time"), s->tree->inventory.time);
	json_close(&j, '}');
	json_end(&j);
}

static int run_check(struct cli *cli, int argc, char **argv)
{
	_cleanup_source_ struct cli_source source = {0};
	_cleanup_error_ struct cg_error *err = NULL;
	struct cli_counts counts;
	int first, r = cli_parse(cli, NULL, argc, argv, &first);

	if (r)
		return r;
	if (argc - first != 1)
		return cli_usage(cli, "one image is wanted: FILE, or - for stdin");
	if (cli_read_image(argv[first], &source, &err) < 0 || cli_tree_counts(source.tree, &counts, &err) < 0)
		return cli_fail(cli, err);
	if (cli->json)
		check_json(argv[first], &source, &counts);
	else if (!cli->quiet)
		check_text(argv[first], &source, &counts);
	return CLI_EXIT_OK;
}

#define IMAGE_EXITS                                                                                          \
	"4 the image is damaged or incomplete",                                                              \
		"5 the image is of a version, or has a feature, that is not "                                \
		"read here",                                                                                 \
		"64 the command line is wrong", NULL

const struct cli_verb cli_verb_check = {
	.name = "check",
	.summary = "tell whether an image is complete and undamaged",
	.synopsis = (const char *const[]){"FILE|-", NULL},
	.description =
		(const char *const[]){
			"Reads the image to its last byte and checks every record, the counts and the digest. Needs "
			"no cgroups. The checksums are against accidents: they are no signature.",
			NULL},
	.examples = (const struct cli_example[]){{"cgtree check job.cgt", "before it is relied on"},
		{"cgtree check -q job.cgt && echo good", "the exit status alone"}, {0}},
	.exits = (const char *const[]){"0 complete and undamaged", "2 the file cannot be read", IMAGE_EXITS},
	.arguments = CLI_NAMES_FILE,
	.run = run_check,
};

struct code_options {
	const char *output;
	bool pretty;
	int compress;
};

static const struct cli_option decode_table[] = {
	{'o', "output", CLI_TEXT, offsetof(struct code_options, output), "FILE", NULL, CLI_NAMES_FILE,
		"write there; - is stdout (default: stdout)"},
	{'\0', "pretty", CLI_FLAG, offsetof(struct code_options, pretty), .help = "indent, for people"},
	{0},
};

static int decode(const struct code_options *o, const char *name, struct cg_error **err)
{
	_cleanup_output_ struct cli_output output = CLI_OUTPUT_INIT;
	_cleanup_source_ struct cli_source source = {0};
	_cleanup_text_ struct cg_text json = {0};
	int r = cli_read_image(name, &source, err);

	if (r == 0)
		r = cg_json_from_tree(source.tree, o->pretty, &json, err);
	if (r < 0)
		return r;
	if (json.len && json.data[json.len - 1] != '\n')
		cg_text_addc(&json, '\n');
	if (json.failed)
		return cg_error_oom(err);
	r = cli_output_open(&output, o->output, err);
	if (r == 0)
		r = cli_output_write(&output, json.data, json.len, err);
	return r < 0 ? r : cli_output_commit(&output, err);
}

static int run_decode(struct cli *cli, int argc, char **argv)
{
	struct code_options o = {0};
	_cleanup_error_ struct cg_error *err = NULL;
	int first, r = cli_parse(cli, &o, argc, argv, &first);

	if (r)
		return r;
	if (argc - first != 1)
		return cli_usage(cli, "one image is wanted: FILE, or - for stdin");
	if (cli_output_is_terminal(o.output)) {
		cli_pager_start(cli);
		o.output = NULL;
	}
	return decode(&o, argv[first], &err) < 0 ? cli_fail(cli, err) : CLI_EXIT_OK;
}

const struct cli_verb cli_verb_decode = {
	.name = "decode",
	.summary = "turn an image into JSON, losslessly",
	.synopsis = (const char *const[]){"FILE|- [-o FILE] [--pretty]", NULL},
	.description =
		(const char *const[]){
			"Everything the image holds, as JSON (schema cgtree.image/1); \"cgtree encode\" makes the "
			"same image of it again. Values that are no UTF-8 are given as {\"base64\": \"...\"}. For "
			"scripts that only look, \"cgtree show --json\" is easier to read.",
			NULL},
	.options = decode_table,
	.examples = (const struct cli_example[]){{"cgtree decode --pretty job.cgt | less", "look inside"},
		{"cgtree decode job.cgt | sed s/67108864/134217728/ | cgtree encode - -o more.cgt",
			"change a value"},
		{0}},
	.exits = (const char *const[]){"0 written", "2 failed, no file was written", IMAGE_EXITS},
	.arguments = CLI_NAMES_FILE,
	.run = run_decode,
};

static const char *const compress_words[] = {"none", "zstd", NULL};
static const enum cg_compression compress_values[] = {CG_COMPRESS_NONE, CG_COMPRESS_ZSTD};

static const struct cli_option encode_table[] = {
	{'o', "output", CLI_TEXT, offsetof(struct code_options, output), "FILE", NULL, CLI_NAMES_FILE,
		"write the image there; - is stdout (default: stdout, when it is no terminal)"},
	{'\0', "compress", CLI_CHOICE, offsetof(struct code_options, compress), "HOW", compress_words,
		CLI_NAMES_NOTHING, "zstd or none (default: none)"},
	{0},
};

static int read_all(int fd, struct cg_text *t)
{
	for (;;) {
		char part[65536];
		ssize_t n = read(fd, part, sizeof(part));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return t->failed ? -ENOMEM : 0;
		if (t->len + (size_t)n > JSON_INPUT_MAX)
			return -EFBIG;
		cg_text_add(t, part, (size_t)n);
	}
}

static int read_json(const char *name, struct cg_text *t, struct cg_error **err)
{
	int fd, r = cli_open_input(name, "JSON", &fd, err);

	if (r < 0)
		return r;
	r = read_all(fd, t);
	if (fd != STDIN_FILENO)
		(void)cg_close(fd);
	if (r < 0) {
		r = cg_error_errno(err, -r, "cannot read");
		cg_error_at(err, name, NULL);
	}
	return r;
}

static int encode(
	const struct code_options *o, const char *name, struct cg_image_info *info, struct cg_error **err)
{
	struct cg_image_write_options options = {.compression = compress_values[o->compress]};
	_cleanup_output_ struct cli_output output = CLI_OUTPUT_INIT;
	_cleanup_tree_ struct cg_tree *tree = NULL;
	_cleanup_text_ struct cg_text json = {0};
	int r = read_json(name, &json, err);

	if (r < 0)
		return r;
	r = cg_json_to_tree((struct cg_bytes){json.data, json.len}, &tree, err);
	if (r < 0) {
		cg_error_at(err, cli_input_name(name), NULL);
		return r;
	}
	r = cli_output_open(&output, o->output, err);
	if (r < 0)
		return r;
	r = cg_image_write(output.fd, tree, &options, info, err);
	if (r < 0) {
		cg_error_at(err, output.name, NULL);
		return r;
	}
	return cli_output_commit(&output, err);
}

static int run_encode(struct cli *cli, int argc, char **argv)
{
	struct code_options o = {0};
	struct cg_image_info info = {0};
	_cleanup_error_ struct cg_error *err = NULL;
	int first, r = cli_parse(cli, &o, argc, argv, &first);

	if (r)
		return r;
	if (argc - first != 1)
		return cli_usage(cli, "one JSON file is wanted: FILE, or - for stdin");
	if (cli_output_is_terminal(o.output))
		return cli_usage(cli,
			"an image is not for a terminal: give -o FILE, or send stdout to a file or pipe");
	if (cli->json && (!o.output || strcmp(o.output, "-") == 0))
		return cli_usage(cli, "--json takes stdout for the summary: give -o FILE for the image");
	if (encode(&o, argv[first], &info, &err) < 0)
		return cli_fail(cli, err);
	if (cli->json) {
		struct json_out j = json_begin(stdout, true);

		json_open(&j, '{');
		json_text(json_member(&j, "schema"), "cgtree.encode/1");
		json_number(json_member(&j, "bytes"), info.bytes);
		json_text(json_member(&j, "digest"), info.digest);
		json_close(&j, '}');
		json_end(&j);
	}
	return CLI_EXIT_OK;
}

const struct cli_verb cli_verb_encode = {
	.name = "encode",
	.summary = "turn JSON from decode into an image",
	.synopsis = (const char *const[]){"JSON|- [-o FILE] [--compress zstd|none]", NULL},
	.description =
		(const char *const[]){
			"The reverse of \"cgtree decode\". Strict: an unknown member, a wrong type, a name given "
			"twice or a number out of range is refused, and the place is named.",
			NULL},
	.options = encode_table,
	.examples = (const struct cli_example[]){{"cgtree encode job.json -o job.cgt", "make an image"}, {0}},
	.exits = (const char *const[]){"0 written", "2 failed, no file was written", IMAGE_EXITS},
	.arguments = CLI_NAMES_FILE,
	.run = run_encode,
};
