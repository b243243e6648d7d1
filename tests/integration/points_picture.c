/* The target as a person could see it with find, stat, cat and getfattr: independent of the program. Files
 * that count or happen are left out, as are the texts of tasks: where tasks are is read from /proc. */
#include "points.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define FREEZE_TRIES 2000 /* of a millisecond */

static const char *const not_settings[] = {"*.pressure", "*.peak", "*failcnt", "*max_usage_in_bytes",
	"*usage_in_bytes", "cgroup.procs", "cgroup.threads", "tasks", "cgroup.event_control",
	"cpuacct.usage*", "*.current", "*.stat", "*.events", "*.force_empty", NULL};

static bool is_setting(const char *name, mode_t mode)
{
	for (size_t i = 0; not_settings[i]; i++)
		if (fnmatch(not_settings[i], name, 0) == 0 && strcmp(name, "cgroup.pressure") != 0)
			return false;
	return (mode & 0600) == 0600 || strcmp(name, "devices.list") == 0;
}

static void put_value(FILE *out, int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	char value[65536], *rest = value, *line;
	ssize_t n = fd < 0 ? -1 : 0;
	size_t len = 0;

	while (fd >= 0 && len < sizeof(value) - 1 && (n = read(fd, value + len, sizeof(value) - 1 - len)) > 0)
		len += (size_t)n;
	value[len] = '\0';
	/* The kernel offers no event for the end of a freeze on v1: reading is what takes note of it. */
	for (int i = 0; i < FREEZE_TRIES && strcmp(value, "FREEZING\n") == 0; i++) {
		usleep(1000);
		n = pread(fd, value, sizeof(value) - 1, 0);
		value[n > 0 ? n : 0] = '\0';
	}
	if (n < 0)
		fprintf(out, "    %s\n", strerrorname_np(errno));
	if (fd >= 0)
		close(fd);
	while ((line = strsep(&rest, "\n")))
		if (*line && strncmp(line, "under_oom", 9) != 0 && strncmp(line, "oom_kill ", 9) != 0)
			fprintf(out, "    %s\n", line);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void put_attributes(FILE *out, const char *path)
{
	char names[65536], value[65536];
	ssize_t len = llistxattr(path, names, sizeof(names));
	struct list sorted = {0};

	for (const char *name = names; len > 0 && name < names + len; name += strlen(name) + 1)
		if (strncmp(name, "user.", 5) == 0 || strncmp(name, "trusted.", 8) == 0)
			list_add(&sorted, name);
	if (sorted.count)
		qsort(sorted.item, sorted.count, sizeof(char *), by_name);
	for (size_t i = 0; i < sorted.count; i++) {
		ssize_t n = lgetxattr(path, sorted.item[i], value, sizeof(value));

		fprintf(out, "  %s =", sorted.item[i]);
		for (ssize_t k = 0; k < n; k++)
			fprintf(out, " %02x", (unsigned char)value[k]);
		fputc('\n', out);
	}
	list_free(&sorted);
}

/* The names in a directory, sorted. */
static void names_in(int fd, struct list *ret)
{
	DIR *dir = fdopendir(dup(fd));

	if (!dir)
		die("cannot list a group: %s", strerror(errno));
	rewinddir(dir);
	for (struct dirent *e; (e = readdir(dir));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			list_add(ret, e->d_name);
	closedir(dir);
	if (ret->count)
		qsort(ret->item, ret->count, sizeof(char *), by_name);
}

static void put_group(FILE *out, const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct list names = {0};
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		fprintf(out, "%s: %s\n", path, strerrorname_np(errno));
		return;
	}
	fprintf(out, "%s %u:%u %o\n", path, st.st_uid, st.st_gid, st.st_mode & 07777u);
	put_attributes(out, path);
	names_in(fd, &names);
	for (size_t i = 0; i < names.count; i++) {
		if (fstatat(fd, names.item[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			die("%s/%s: %s", path, names.item[i], strerror(errno));
		if (!S_ISREG(st.st_mode))
			continue;
		fprintf(out, "  %s %u:%u %o\n", names.item[i], st.st_uid, st.st_gid, st.st_mode & 07777u);
		if (is_setting(names.item[i], st.st_mode))
			put_value(out, fd, names.item[i]);
	}
	for (size_t i = 0; i < names.count; i++) {
		char *child = text("%s/%s", path, names.item[i]);

		if (fstatat(fd, names.item[i], &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
			put_group(out, child);
		free(child);
	}
	list_free(&names);
	close(fd);
}

static void put_task(FILE *out, const char *pid)
{
	char *threads = text("/proc/%s/task", pid);
	int fd = open(threads, O_RDONLY | O_DIRECTORY | O_CLOEXEC), task;
	struct list names = {0};

	if (fd < 0)
		die("%s: %s", threads, strerror(errno));
	names_in(fd, &names);
	for (size_t i = 0; i < names.count; i++) {
		task = openat(fd, names.item[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		fprintf(out, "task %s\n", names.item[i]);
		if (task >= 0) {
			put_value(out, task, "cgroup");
			close(task);
		}
	}
	list_free(&names);
	close(fd);
	free(threads);
}

char *picture(const struct config *c)
{
	char *data = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&data, &size);

	if (!out)
		die("out of memory");
	for (size_t i = 0; i < c->dirs.count; i++)
		put_group(out, c->dirs.item[i]);
	for (size_t i = 0; i < c->tasks.count; i++)
		put_task(out, c->tasks.item[i]);
	if (fclose(out) != 0)
		die("out of memory");
	return data;
}
