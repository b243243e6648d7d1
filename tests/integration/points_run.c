/* Running programs under the injector, and reading what they left. */
#include "points.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE 120 /* seconds for one run */

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("points: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(2);
}

char *text(const char *format, ...)
{
	va_list args;
	char *s;

	va_start(args, format);
	if (vasprintf(&s, format, args) < 0)
		die("out of memory");
	va_end(args);
	return s;
}

void list_add(struct list *list, const char *item)
{
	char **grown = reallocarray(list->item, list->count + 2, sizeof(*grown));

	if (!grown)
		die("out of memory");
	list->item = grown;
	grown[list->count++] = text("%s", item);
	grown[list->count] = NULL;
}

void list_free(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->item[i]);
	free(list->item);
	*list = (struct list){0};
}

static void become(const struct config *c, char *const argv[])
{
	const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
	char *out = text("%s/out", c->work), *err = text("%s/err", c->work);
	int out_fd = open(out, flags, 0600), err_fd = open(err, flags, 0600);

	if (out_fd < 0 || err_fd < 0 || dup2(out_fd, 1) < 0 || dup2(err_fd, 2) < 0)
		_exit(126);
	/* Who started us may have set them aside; the points are about what they do. */
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGTERM, SIG_DFL);
	/* Survives the exec; when it ends the injector, its tracees go with it. */
	alarm(PATIENCE);
	execv(argv[0], argv);
	_exit(127);
}

int run_command(const struct config *c, char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid == 0)
		become(c, argv);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid: %s", strerror(errno));
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void add_inject(const struct config *c, const char *const inject[], struct list *argv)
{
	if (!inject)
		return;
	list_add(argv, c->inject);
	if (!c->no_memory) {
		list_add(argv, "--skip");
		list_add(argv, "mmap,mremap,mprotect");
	}
	for (size_t i = 0; inject[i]; i++)
		list_add(argv, inject[i]);
	list_add(argv, "--");
}

int run_restore(const struct config *c, const char *const inject[])
{
	struct list argv = {0};
	int status;

	add_inject(c, inject, &argv);
	list_add(&argv, c->program);
	list_add(&argv, "restore");
	list_add(&argv, c->image);
	list_add(&argv, "--state-dir");
	list_add(&argv, c->records);
	for (size_t i = 0; i < c->args.count; i++)
		list_add(&argv, c->args.item[i]);
	status = run_command(c, argv.item);
	list_free(&argv);
	return status;
}

int run_recover(const struct config *c, const char *const inject[])
{
	struct list argv = {0};
	int status;

	add_inject(c, inject, &argv);
	list_add(&argv, c->program);
	list_add(&argv, "recover");
	list_add(&argv, "--state-dir");
	list_add(&argv, c->records);
	status = run_command(c, argv.item);
	list_free(&argv);
	return status;
}

char *content(const struct config *c, const char *name)
{
	char *path = text("%s/%s", c->work, name), *data = NULL;
	FILE *file = fopen(path, "re");
	size_t size = 0;

	if (!file || getdelim(&data, &size, '\0', file) < 0) {
		free(data);
		data = text("%s", "");
	}
	if (file)
		fclose(file);
	free(path);
	return data;
}

void drop_unnamed_records(const struct config *c)
{
	char *command = text("rm -f '%s'/*.new", c->records);

	if (system(command) != 0)
		die("cannot remove unnamed records");
	free(command);
}

size_t records(const struct config *c)
{
	DIR *dir = opendir(c->records);
	size_t count = 0;

	if (!dir && errno == ENOENT)
		return 0;
	if (!dir)
		die("%s: %s", c->records, strerror(errno));
	for (struct dirent *e; (e = readdir(dir));) {
		struct stat st;

		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		count += st.st_size > 0;
		if (st.st_size == 0)
			(void)unlinkat(dirfd(dir), e->d_name, 0);
	}
	closedir(dir);
	return count;
}

/* One line: number, call, errors, file, by tabs. */
static void read_call(const struct config *c, char *line, bool changes, struct call *ret)
{
	char *errors, *target;

	(void)strsep(&line, "\t");
	ret->name = text("%s", line ? strsep(&line, "\t") : "?");
	errors = line ? strsep(&line, "\t") : NULL;
	target = line;
	while (errors && *errors)
		list_add(&ret->errors, strsep(&errors, ","));
	ret->changes = target && strncmp(target, c->records, strlen(c->records)) == 0;
	ret->commits = ret->changes && strcmp(ret->name, "unlinkat") == 0;
	ret->changes |= changes;
}

void trace_read(const struct config *c, const char *name, struct trace *ret)
{
	char *all = content(c, name), *rest = all, *line;
	bool changes = false;

	*ret = (struct trace){0};
	while ((line = strsep(&rest, "\n")) && *line) {
		struct call *grown = reallocarray(ret->call, ret->count + 1, sizeof(*grown));

		if (!grown)
			die("out of memory");
		ret->call = grown;
		grown[ret->count] = (struct call){0};
		read_call(c, line, changes, &grown[ret->count]);
		changes = grown[ret->count++].changes;
	}
	free(all);
}

void trace_free(struct trace *t)
{
	for (size_t i = 0; i < t->count; i++) {
		free(t->call[i].name);
		list_free(&t->call[i].errors);
	}
	free(t->call);
	*t = (struct trace){0};
}
