/*
 * What the programs of the benchmark share. They are measuring tools: on any error they say so and end,
 * because a figure of a run that went partly wrong is worth nothing.
 */
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

double now(void)
{
	struct timespec time;

	if (clock_gettime(CLOCK_MONOTONIC, &time) < 0)
		die("clock_gettime: %s", strerror(errno));
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

uint64_t parse_number(const char *what, const char *text, uint64_t low, uint64_t high)
{
	char *end;

	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || value < low || value > high)
		die("%s: not a number from %ju to %ju: '%s'", what, (uintmax_t)low, (uintmax_t)high, text);
	return value;
}

void *must_alloc(size_t size)
{
	void *memory = malloc(size ? size : 1);

	if (!memory)
		die("out of memory");
	return memory;
}

void *must_grow(void *old, size_t count, size_t size)
{
	void *grown = reallocarray(old, count ? count : 1, size);

	if (!grown)
		die("out of memory");
	return grown;
}

int open_group(const char *path)
{
	struct statfs fs;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		die("%s: %s", path, strerror(errno));
	if (fs.f_type != CGROUP_SUPER_MAGIC && fs.f_type != CGROUP2_SUPER_MAGIC)
		die("%s: not on a cgroup file system", path);
	return fd;
}
