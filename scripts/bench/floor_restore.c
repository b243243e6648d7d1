/*
 * floor_restore: the least that any restore must do. It makes the directories of a description (see mktree.c)
 * and writes its values, each by open, write, close relative to the group's descriptor; nothing is checked
 * beforehand, read back or recorded.
 */
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_DEPTH = 256 };

/* The groups on the path to the current one: path[d + 1] is the group of depth d, path[0] the parent of the
 * top. */
struct builder {
	int path[MAX_DEPTH + 1];
	unsigned open; /* how many of them are open */
	unsigned long groups;
	unsigned long values;
};

/* The whole file, ended by NUL. */
static char *read_file(const char *name, size_t *ret_size)
{
	struct stat status;
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &status) < 0)
		die("%s: %s", name, strerror(errno));
	char *text = must_alloc((size_t)status.st_size + 1);
	ssize_t n = read(fd, text, (size_t)status.st_size);
	if (n != status.st_size)
		die("%s: cannot read it whole", name);
	text[n] = '\0';
	close(fd);
	*ret_size = (size_t)n;
	return text;
}

/* "DEPTH NAME": makes the group and leaves its descriptor on top of the path. */
static void make_group(struct builder *builder, char *text)
{
	char *name;
	unsigned long depth = strtoul(text, &name, 10);

	if (*name++ != ' ' || depth >= MAX_DEPTH || depth + 1 > builder->open)
		die("not a group below the one before: '%s'", text);
	while (builder->open > depth + 1)
		close(builder->path[--builder->open]);
	int parent = builder->path[depth];
	if (mkdirat(parent, name, 0755) < 0)
		die("mkdir %s: %s", name, strerror(errno));
	int group = openat(parent, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (group < 0)
		die("open %s: %s", name, strerror(errno));
	builder->path[builder->open++] = group;
	builder->groups++;
}

/* "KNOB VALUE": writes it in the group on top of the path. */
static void write_value(struct builder *builder, char *text, const char *end)
{
	char *value = strchr(text, ' ');

	if (!value)
		die("no value: '%s'", text);
	*value++ = '\0';
	int fd = openat(builder->path[builder->open - 1], text, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		die("open %s: %s", text, strerror(errno));
	if (write(fd, value, (size_t)(end - value)) < 0)
		die("write %s to %s: %s", value, text, strerror(errno));
	close(fd);
	builder->values++;
}

static void build(struct builder *builder, char *text, size_t size)
{
	for (char *line = text, *end; line < text + size; line = end + 1) {
		end = strchr(line, '\n');
		if (!end || end - line < 3 || line[1] != ' ')
			die("not a line of a description: '%.40s'", line);
		*end = '\0';
		if (line[0] == 'G')
			make_group(builder, line + 2);
		else if (line[0] == 'S' && builder->groups > 0)
			write_value(builder, line + 2, end);
		else
			die("not a line of a description: '%s'", line);
	}
}

int main(int argc, char **argv)
{
	struct builder builder = {.open = 1};
	size_t size;

	if (argc != 3) {
		fputs("Usage: floor_restore PARENT DESCRIPTION\n"
		      "Makes the groups of DESCRIPTION (see mktree --help) below the group PARENT.\n",
			stderr);
		return 1;
	}
	double start = now();
	char *text = read_file(argv[2], &size);
	if (strncmp(text, "G 0 " BENCH_PREFIX, strlen("G 0 " BENCH_PREFIX)) != 0)
		die("%s: the top's name must begin with %s", argv[2], BENCH_PREFIX);
	builder.path[0] = open_group(argv[1]);
	build(&builder, text, size);
	printf("%lu groups, %lu values, %.6f s\n", builder.groups, builder.values, now() - start);
	free(text);
	return 0;
}
