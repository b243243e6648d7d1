/* cgtree oci: beside OCI runtimes (runc, and what is called like it). A family of verbs: the first word says
 * which. */
#include <string.h>

#include "cli/oci.h"

struct oci_options {
	const char *image;
	bool strict;
};

static const struct cli_option oci_table[] = {
	{'\0', "image", CLI_TEXT, offsetof(struct oci_options, image), "FILE", NULL, CLI_NAMES_FILE,
		"of hook: this image, at every start (default: the annotation " CG_OCI_IMAGE_ANNOTATION
		", else " CG_CHECKPOINT_IMAGE " in the folder that the runtime restores from)"},
	{'\0', "strict", CLI_FLAG, offsetof(struct oci_options, strict),
		.help = "of hook: refuse the container also when something differs or was skipped"},
	{0},
};

/* The runtime's own words are not ours to parse. */
static int run_runtime(struct cli *cli, int argc, char **argv)
{
	struct oci_options o = {0};
	bool options = argc > 0 && argv[0][0] == '-' && strcmp(argv[0], "--") != 0;
	int first, r = options ? cli_parse(cli, &o, 2, argv - 1, &first) : 0;

	if (r)
		return r;
	if (options)
		return cli_usage(cli, "runtime takes no options of its own: name the runtime first");
	if (argc && strcmp(argv[0], "--") == 0) {
		argc--;
		argv++;
	}
	if (!argc || !argv[0][0])
		return cli_usage(cli, "say which runtime, and what it shall do: cgtree oci runtime runc ...");
	return oci_runtime(cli, argc, argv);
}

static int run_oci(struct cli *cli, int argc, char **argv)
{
	struct oci_options o = {0};
	int first, r;

	if (argc > 1 && strcmp(argv[1], "runtime") == 0)
		return run_runtime(cli, argc - 2, argv + 2);
	r = cli_parse(cli, &o, argc, argv, &first);
	if (r)
		return r;
	if (argc == first)
		return cli_usage(cli, "say what to do: hook or runtime");
	if (strcmp(argv[first], "runtime") == 0)
		return cli_usage(cli, "runtime takes no options of its own: it comes first");
	if (strcmp(argv[first], "hook") != 0)
		return cli_usage(cli, "there is no oci \"%s\": hook and runtime are known", argv[first]);
	if (argc - first != 1)
		return cli_usage(cli, "hook takes no words: the container's state comes by stdin");
	if (isatty(STDIN_FILENO))
		return cli_usage(cli, "hook is for OCI runtimes: the container's state is expected on stdin");
	return oci_hook(cli, o.image, o.strict);
}

static const char *const oci_words[] = {"hook", "runtime"};

/* The runtime's options are its own. */
static bool word_takes(const char *word, const struct cli_option *option CG_UNUSED)
{
	return strcmp(word, "hook") == 0;
}

const struct cli_verb cli_verb_oci = {
	.name = "oci",
	.summary = "keep limits when runc or podman move containers",
	.synopsis = (const char *const[]){"hook [--image FILE] [--strict] < STATE",
		"runtime RUNTIME [ARG...]", NULL},
	.description =
		(const char *const[]){
			"hook is called by an OCI runtime at createRuntime (or prestart), with the container's state on "
			"stdin. When the runtime restores a checkpoint that has an image of ours beside CRIU's (" CG_CHECKPOINT_IMAGE
			"), it brings the image to the group that the runtime made, before the container's memory comes "
			"back: mode full, tasks left alone, every value read back. It fails, and so ends the "
			"restore, when it cannot. Where there is no image it does nothing. What it did is written to " OCI_LOG_NAME
			" beside the image.",
			"runtime runs an OCI runtime in all but two cases just as it is. Before \"checkpoint\" it "
			"writes the image of the container's groups beside CRIU's. Around \"restore\" it tells CRIU the container's new "
			"group (CRIU's cgroup.img is changed while the restore runs), and brings the image to "
			"the groups once more when the tasks are in them; when that fails, the container is "
			"deleted again. Linked as \"runc\" it serves podman.",
			"The image holds no BPF programs: the runtime makes those of the container itself.",
			NULL},
	.options = oci_table,
	.examples = (const struct cli_example[]){{"cgtree oci runtime runc checkpoint --image-path ck web",
							 "a checkpoint with all limits"},
		{"cgtree oci runtime runc restore -d --image-path ck -b bundle web2",
			"restore it under a new name"},
		{"podman --runtime /usr/libexec/cgtree/runc container restore -i web.tar -n web2",
			"the same with podman"},
		{0}},
	.exits = (const char *const[]){"0 hook: done, or nothing to do; runtime: as the runtime ended",
		"2 hook: failed, the groups are as they were",
		"3 hook: failed, the groups are partly changed", "4 hook: the image or the state is damaged",
		"64 the command line is wrong",
		"125 runtime: failed, the container is where it was, or deleted again",
		"126 runtime: the runtime cannot be run", "127 runtime: there is no such runtime", NULL},
	.words = CLI_WORDS(oci_words),
	.word_takes = word_takes,
	.changes = true,
	.run = run_oci,
};
