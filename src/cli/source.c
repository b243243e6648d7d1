/* Where trees come from and go to. See source.h. */
#include "cli/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

void cli_source_free(struct cli_source *s)
{
	s->tree = cg_tree_free(s->tree);
}

int cli_open_input(const char *name, const char *what, int *ret_fd, struct cg_error **err)
{
	struct stat st;
	int r;

	if (strcmp(name, "-") == 0) {
		if (isatty(STDIN_FILENO))
			return cg_error_usage(err,
				"%s is expected on stdin, which is a terminal: name a file or pipe it in",
				what);
		*ret_fd = STDIN_FILENO;
		return 0;
	}
	if (name[0] == '\0')
		return cg_error_usage(err, "the name of %s is empty", what);
	*ret_fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (*ret_fd < 0 || fstat(*ret_fd, &st) < 0) {
		r = cg_error_errno(err, errno, "cannot open");
		cg_error_at(err, name, NULL);
		return r;
	}
	if (S_ISDIR(st.st_mode)) {
		*ret_fd = cg_close(*ret_fd);
		r = cg_error_make(err, CG_FAULT_SYSTEM, EISDIR, "is a directory, not %s", what);
		cg_error_at(err, name, NULL);
		return r;
	}
	return 0;
}

const char *cli_input_name(const char *name)
{
	return strcmp(name, "-") == 0 ? "stdin" : name;
}

int cli_open_live(const struct cli_list *dirs, struct cg_live *ret, struct cg_error **err)
{
	return dirs->count ? cg_live_open_dirs(dirs->item, dirs->count, ret, err) : cg_live_open(ret, err);
}

int cli_read_image(const char *name, struct cli_source *ret, struct cg_error **err)
{
	struct cli_source s = {0};
	int fd, r = cli_open_input(name, "an image", &fd, err);

	if (r < 0)
		return r;
	r = cg_image_read(fd, CG_IMAGE_MEMORY_DEFAULT, &s.tree, &s.info, err);
	if (fd != STDIN_FILENO)
		(void)cg_close(fd);
	if (r < 0) {
		cg_error_at(err, cli_input_name(name), NULL);
		return r;
	}
	*ret = s;
	return 0;
}

static int load_live(
	struct cli *cli, const char *text, bool members, struct cg_tree **ret, struct cg_error **err)
{
	_cleanup_target_ struct cg_target target = {0};
	_cleanup_live_ struct cg_live live = {0};
	struct cg_dump_options options = {
		.target = &target,
		.targets = 1,
		.members = members,
		.progress = cli_progress,
		.progress_context = cli,
	};
	int r = cg_target_parse(text, &target, err);

	if (r < 0)
		return r;
	r = cg_live_open(&live, err);
	if (r < 0)
		return r;
	r = cg_dump(&live, &options, ret, err);
	cli_progress_clear(cli);
	return r;
}

int cli_load(struct cli *cli, const char *name, bool members, struct cli_source *ret, struct cg_error **err)
{
	struct cli_source s = {.live = true};
	int r;

	if (strncmp(name, "live:", 5) != 0)
		return cli_read_image(name, ret, err);
	r = load_live(cli, name + 5, members, &s.tree, err);
	if (r == 0)
		*ret = s;
	return r;
}

bool cli_output_is_terminal(const char *name)
{
	return (!name || strcmp(name, "-") == 0) && isatty(STDOUT_FILENO);
}

int cli_output_open(struct cli_output *o, const char *name, struct cg_error **err)
{
	struct stat st;
	int r;

	if (!name || strcmp(name, "-") == 0) {
		o->name = "stdout";
		o->fd = STDOUT_FILENO;
		return 0;
	}
	if (name[0] == '\0')
		return cg_error_usage(err, "the name of the file to write is empty");
	if (name[strlen(name) - 1] == '/')
		return cg_error_usage(err, "%s: a file is wanted, and this names a directory", name);
	o->name = name;
	if (stat(name, &st) == 0 && !S_ISREG(st.st_mode)) {
		/* A directory gives EISDIR here. */
		o->fd = open(name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		r = o->fd < 0 ? -errno : 0;
	} else {
		o->whole = true;
		r = cg_new_file_open(&o->file, name);
		o->fd = o->file.fd;
	}
	if (r == 0)
		return 0;
	r = cg_error_errno(err, -r, "cannot write the file");
	cg_error_at(err, name, NULL);
	return r;
}

int cli_output_write(struct cli_output *o, const void *data, size_t len, struct cg_error **err)
{
	int r = cg_write_all(o->fd, data, len);

	if (r < 0) {
		r = cg_error_errno(err, -r, "cannot write");
		cg_error_at(err, o->name, NULL);
	}
	return r;
}

int cli_output_commit(struct cli_output *o, struct cg_error **err)
{
	int r;

	if (!o->whole)
		return 0;
	r = cg_new_file_commit(&o->file);
	if (r < 0) {
		r = cg_error_errno(err, -r, "cannot write the file");
		cg_error_at(err, o->name, NULL);
	}
	return r;
}

void cli_output_close(struct cli_output *o)
{
	if (o->whole)
		cg_new_file_close(&o->file);
	else if (o->fd != STDOUT_FILENO)
		(void)cg_close(o->fd);
	*o = (struct cli_output)CLI_OUTPUT_INIT;
}

struct cli_counts cli_group_counts(const struct cg_group *g)
{
	struct cli_counts c = {.groups = 1, .tasks = g->tasks};

	for (uint32_t i = 0; i < g->tasks; i++)
		c.processes += i == 0 || g->task[i].pid != g->task[i - 1].pid;
	return c;
}

static int compare_ids(const void *a, const void *b)
{
	const int32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static uint64_t count_distinct(int32_t *id, size_t n)
{
	uint64_t distinct = 0;

	qsort(id, n, sizeof(*id), compare_ids);
	for (size_t i = 0; i < n; i++)
		distinct += i == 0 || id[i] != id[i - 1];
	return distinct;
}

int cli_tree_counts(const struct cg_tree *tree, struct cli_counts *ret, struct cg_error **err)
{
	struct cli_counts sum = {.hierarchies = tree->hierarchies, .groups = tree->groups};
	_cleanup_free_ int32_t *pid = NULL, *tid = NULL;
	size_t n = 0;

	for (uint32_t i = 0; i < tree->groups; i++) {
		const struct cg_group *g = &tree->group[i];

		sum.settings += tree->hierarchy[g->hierarchy].file_set[g->file_set].count;
		n += g->tasks;
	}
	pid = reallocarray(NULL, n + 1, sizeof(*pid));
	tid = reallocarray(NULL, n + 1, sizeof(*tid));
	if (!pid || !tid)
		return cg_error_oom(err);
	n = 0;
	for (uint32_t i = 0; i < tree->groups; i++) {
		for (uint32_t k = 0; k < tree->group[i].tasks; k++) {
			pid[n] = tree->group[i].task[k].pid;
			tid[n++] = tree->group[i].task[k].tid;
		}
	}
	sum.processes = count_distinct(pid, n);
	sum.tasks = count_distinct(tid, n);
	*ret = sum;
	return 0;
}

void cli_note_text(const struct cg_note *note, struct cg_text *t)
{
	if (note->path)
		cg_text_escape(t, cg_bytes_of(note->path));
	if (note->knob) {
		cg_text_adds(t, note->path ? " " : "");
		cg_text_escape(t, cg_bytes_of(note->knob));
	}
	cg_text_adds(t, note->path || note->knob ? ": " : "");
	cg_text_escape(t, cg_bytes_of(note->text));
}

void cli_plural(struct cg_text *t, uint64_t n, const char *one, const char *many)
{
	cg_text_printf(t, "%llu %s", (unsigned long long)n, n == 1 ? one : many);
}

void cli_format_time(uint64_t seconds, struct cg_text *t)
{
	time_t when = (time_t)seconds;
	struct tm tm;
	char text[64];

	if (when >= 0 && gmtime_r(&when, &tm) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm))
		cg_text_adds(t, text);
	else
		cg_text_printf(t, "%llu s after 1970", (unsigned long long)seconds);
}

int cli_write_image(const char *name, const struct cg_tree *tree, enum cg_compression compression,
	struct cg_image_info *info, struct cg_error **err)
{
	struct cg_image_write_options options = {.compression = compression};
	_cleanup_output_ struct cli_output output = CLI_OUTPUT_INIT;
	int r = cli_output_open(&output, name, err);

	if (r < 0)
		return r;
	r = cg_image_write(output.fd, tree, &options, info, err);
	if (r < 0) {
		cg_error_at(err, output.name, NULL);
		return r;
	}
	return cli_output_commit(&output, err);
}
