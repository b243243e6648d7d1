/*
 * mktree: describes a tree of groups, and removes one.
 *
 * A description is text, a group's parents before it (depth first), so that whoever builds from it needs only
 * the descriptors of the path it is on: G DEPTH NAME      a group; depth 0 is the top S KNOB VALUE      a
 * value to write in the group above; the value is the rest of the line Groups are numbered like a heap: with
 * a fan-out of K the children of number i are K*i+1 to K*i+K, and 0 is the top. floor_restore builds the
 * tree, and the peers' configuration is made from the same description.
 */
#include "common.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A value to write in each group; with a step, the value grows by it from group to group. */
struct setting {
	const char *knob;
	size_t knob_len;
	const char *value;
	bool stepped;
	uint64_t base;
	uint64_t step;
};

struct shape {
	const char *name; /* of the top */
	uint64_t groups;
	uint64_t fanout;
	const char *controllers; /* written to the subtree control of each group with children, or NULL */
	struct setting *settings;
	size_t setting_count;
};

/* KNOB=VALUE or KNOB=BASE+STEP, both numbers. */
static struct setting parse_setting(const char *text)
{
	const char *equals = strchr(text, '=');

	if (!equals || equals == text || !equals[1])
		die("not of the form KNOB=VALUE or KNOB=BASE+STEP: '%s'", text);
	struct setting setting = {.knob = text, .knob_len = (size_t)(equals - text), .value = equals + 1};

	const char *plus = strchr(setting.value, '+');
	if (plus && plus > setting.value) {
		char *base = strndup(setting.value, (size_t)(plus - setting.value));
		if (!base)
			die("out of memory");
		setting.stepped = true;
		setting.base = parse_number("base", base, 0, UINT64_MAX);
		setting.step = parse_number("step", plus + 1, 0, UINT64_MAX);
		free(base);
	}
	return setting;
}

static void print_settings(const struct shape *shape, uint64_t number)
{
	for (size_t i = 0; i < shape->setting_count; i++) {
		const struct setting *setting = &shape->settings[i];
		printf("S %.*s ", (int)setting->knob_len, setting->knob);
		if (setting->stepped)
			printf("%" PRIu64 "\n", setting->base + setting->step * number);
		else
			puts(setting->value);
	}
}

static void describe(const struct shape *shape, uint64_t number, unsigned depth)
{
	uint64_t first = shape->fanout * number + 1;

	if (number == 0)
		printf("G 0 %s\n", shape->name);
	else
		printf("G %u g%05" PRIu64 "\n", depth, number);
	if (shape->controllers && first <= shape->groups)
		printf("S cgroup.subtree_control %s\n", shape->controllers);
	if (number != 0)
		print_settings(shape, number);
	for (uint64_t child = first; child < first + shape->fanout && child <= shape->groups; child++)
		describe(shape, child, depth + 1);
}

static void remove_group(int parent, const char *name);

static bool is_child_group(const struct dirent *entry)
{
	return entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* Removes what is below a group; the names are read first, because removing changes what readdir(3) walks on.
 */
static void remove_children(int group)
{
	DIR *dir = fdopendir(group);
	char **names = NULL;
	size_t count = 0;

	if (!dir)
		die("fdopendir: %s", strerror(errno));
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (!is_child_group(entry))
			continue;
		names = must_grow(names, count + 1, sizeof(*names));
		names[count] = strdup(entry->d_name);
		if (!names[count++])
			die("out of memory");
	}
	for (size_t i = 0; i < count; i++) {
		remove_group(dirfd(dir), names[i]);
		free(names[i]);
	}
	free(names);
	closedir(dir);
}

static void remove_group(int parent, const char *name)
{
	if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return;
	if (errno != EBUSY)
		die("cannot remove %s: %s", name, strerror(errno));
	int group = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (group < 0)
		die("cannot open %s: %s", name, strerror(errno));
	remove_children(group);
	if (unlinkat(parent, name, AT_REMOVEDIR) < 0)
		die("cannot remove %s: %s", name, strerror(errno));
}

static void remove_tree(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path || strncmp(slash + 1, BENCH_PREFIX, strlen(BENCH_PREFIX)) != 0)
		die("%s: only a directory named %s* is removed", path, BENCH_PREFIX);
	char *parent = strndup(path, (size_t)(slash - path));
	if (!parent)
		die("out of memory");
	int fd = open_group(parent);
	remove_group(fd, slash + 1);
	close(fd);
	free(parent);
}

static void print_help(void)
{
	puts("Usage: mktree --groups N [--fanout K] [--controllers LIST] NAME KNOB=VALUE...\n"
	     "       mktree --remove DIR\n"
	     "Prints the description of a tree with NAME (cgt-bench-*) at its top and N groups below it, each with\n"
	     "these values: flat, or K groups wide at each level. KNOB=BASE+STEP grows from group to group.\n"
	     "--controllers (\"+cpu +memory\") is written to the subtree control of each group with children.\n"
	     "--remove removes a tree whose top is named cgt-bench-*, bottom-up. floor_restore builds one.");
}

static void describe_tree(struct shape *shape, char **arguments)
{
	if (!arguments[0] || strncmp(arguments[0], BENCH_PREFIX, strlen(BENCH_PREFIX)) != 0)
		die("the name must begin with %s (see --help)", BENCH_PREFIX);
	if (shape->groups == 0)
		die("--groups is missing");
	if (shape->fanout == 0)
		shape->fanout = shape->groups;
	if (shape->fanout == 1 && shape->groups > 200)
		die("a chain of more than 200 groups is too deep");
	shape->name = arguments[0];
	for (char **text = arguments + 1; *text; text++) {
		shape->settings =
			must_grow(shape->settings, shape->setting_count + 1, sizeof(*shape->settings));
		shape->settings[shape->setting_count++] = parse_setting(*text);
	}
	describe(shape, 0, 0);
	free(shape->settings);
	if (fflush(stdout) != 0)
		die("stdout: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{"groups", required_argument, NULL, 'g'},
		{"fanout", required_argument, NULL, 'f'},
		{"controllers", required_argument, NULL, 'c'},
		{"remove", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct shape shape = {0};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'g':
			shape.groups = parse_number("--groups", optarg, 1, 10000000);
			break;
		case 'f':
			shape.fanout = parse_number("--fanout", optarg, 1, 10000000);
			break;
		case 'c':
			shape.controllers = optarg;
			break;
		case 'r':
			remove_tree(optarg);
			return 0;
		case 'h':
			print_help();
			return 0;
		default:
			return 1;
		}
	}
	describe_tree(&shape, argv + optind);
	return 0;
}
