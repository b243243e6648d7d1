/* Reading a configuration: file and drop-ins over the defaults, overrides over both.
 *
 * inih reads the lines. What it would do without a word (cut a long line in two, take the second of two equal
 * names) is refused here. */
#include "manager/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "base/fdio.h"

#define LINE_MAX_BYTES 190 /* inih's own buffer holds 200 with the line's end */
#define FILE_MAX_BYTES ((size_t)1 << 20)

struct parsing {
	struct cg_config *config;
	struct cg_bytes rest;
	unsigned line;
	bool seen[CG_CONFIG_ROWS];
	int result;
	struct cg_error **err;
};

/* The reader that inih calls for a line: our own, so that the number of the line is known. */
static char *next_line(char *to, int size, void *stream)
{
	struct parsing *p = stream;
	struct cg_bytes line;

	if (p->result < 0 || !cg_bytes_split(&p->rest, '\n', &line))
		return NULL;
	p->line++;
	if (line.len > LINE_MAX_BYTES || (int)line.len + 2 > size) {
		p->result = cg_error_usage(
			p->err, "a line of %zu bytes: at most %d are read", line.len, LINE_MAX_BYTES);
		return NULL;
	}
	memcpy(to, line.data, line.len);
	to[line.len] = '\n';
	to[line.len + 1] = '\0';
	return to;
}

static bool section_exists(const char *section)
{
	for (size_t i = 0; i < CG_CONFIG_ROWS; i++)
		if (strcmp(cg_config_table[i].section, section) == 0)
			return true;
	return false;
}

static int unknown(struct parsing *p, const char *section, const char *name)
{
	_cleanup_text_ struct cg_text shown = {0};

	cg_text_adds(&shown, "[");
	cg_text_escape(&shown, cg_bytes_of(section));
	cg_text_adds(&shown, "] ");
	cg_text_escape(&shown, cg_bytes_of(name));
	if (shown.failed)
		return cg_error_oom(p->err);
	(void)cg_error_usage(p->err, "%s: there is no such %s", shown.data,
		section_exists(section) ? "name in this section" : "section");
	cg_error_hint(p->err, "cgtree manager --check-config lists all of them");
	return -EINVAL;
}

static int take(void *context, const char *section, const char *name, const char *value)
{
	struct parsing *p = context;
	const struct cg_config_row *row = cg_config_find(section, name);

	if (p->result < 0)
		return 1;
	if (!row) {
		p->result = unknown(p, section, name);
	} else if (p->seen[row - cg_config_table]) {
		p->result = cg_error_usage(p->err, "[%s] %s is given twice", section, name);
	} else {
		p->seen[row - cg_config_table] = true;
		p->result = cg_config_set(p->config, row, value ? value : "", p->err);
	}
	return 1;
}

int cg_config_parse(struct cg_config *c, struct cg_bytes text, const char *name, struct cg_error **err)
{
	struct parsing p = {.config = c, .rest = text, .err = err};
	int line;

	if (memchr(text.data ? text.data : "", '\0', text.len)) {
		(void)cg_error_usage(err, "it holds a NUL byte: this is no text");
		cg_error_at(err, name, NULL);
		return -EINVAL;
	}
	line = ini_parse_stream(next_line, &p, take, &p);
	if (p.result == 0 && line > 0) {
		p.line = (unsigned)line;
		p.result = cg_error_usage(err, "neither \"[section]\" nor \"name = value\"");
	} else if (p.result == 0 && line < 0) {
		p.result = cg_error_oom(err);
	}
	if (p.result < 0) {
		cg_error_wrap(err, "line %u", p.line);
		cg_error_at(err, name, NULL);
	}
	return p.result;
}

static int read_file(
	int dirfd, const char *path, const char *shown, struct cg_config *c, struct cg_error **err)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_buffer_ struct cg_buffer b = {0};
	int r = fd < 0 ? -errno : cg_read_fd(fd, false, &b);

	if (r < 0) {
		(void)cg_error_errno(err, -r, "cannot read this configuration");
		cg_error_at(err, shown, NULL);
		return r;
	}
	if (b.len > FILE_MAX_BYTES) {
		(void)cg_error_make(err, CG_FAULT_USAGE, EFBIG, "%zu bytes are no configuration", b.len);
		cg_error_at(err, shown, NULL);
		return -EFBIG;
	}
	return cg_config_parse(c, (struct cg_bytes){b.data, b.len}, shown, err);
}

struct names {
	char **item;
	size_t count;
};

static void free_names(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->item[i]);
	free(n->item);
}

static int add_name(const char *name, unsigned char type CG_UNUSED, void *context)
{
	struct names *n = context;
	size_t len = strlen(name);
	char **grown;

	if (name[0] == '.' || len < 6 || strcmp(name + len - 5, ".conf") != 0)
		return 0;
	grown = reallocarray(n->item, n->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	n->item = grown;
	n->item[n->count] = strdup(name);
	return n->item[n->count++] ? 0 : -ENOMEM;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* FILE.d, if there is one. */
static int read_dropins(const char *path, struct cg_config *c, struct cg_error **err)
{
	_cleanup_(free_names) struct names n = {0};
	_cleanup_free_ char *folder = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (asprintf(&folder, "%s.d", path) < 0) {
		folder = NULL;
		return cg_error_oom(err);
	}
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	r = fd < 0 ? -errno : cg_dir_each(fd, add_name, &n);
	if (r < 0) {
		(void)cg_error_errno(err, -r, "cannot list the drop-ins");
		cg_error_at(err, folder, NULL);
		return r;
	}
	if (n.count > 0)
		qsort(n.item, n.count, sizeof(*n.item), compare_names);
	for (size_t i = 0; i < n.count; i++) {
		_cleanup_free_ char *shown = NULL;

		if (asprintf(&shown, "%s/%s", folder, n.item[i]) < 0) {
			shown = NULL;
			return cg_error_oom(err);
		}
		r = read_file(fd, n.item[i], shown, c, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int cg_config_load(const char *path, const struct cg_config_override *override, size_t overrides,
	struct cg_config *ret, struct cg_error **err)
{
	_cleanup_config_ struct cg_config c = {0};
	int r = cg_config_default(&c, err);

	if (r == 0 && path)
		r = read_file(AT_FDCWD, path, path, &c, err);
	if (r == 0 && path)
		r = read_dropins(path, &c, err);
	for (size_t i = 0; r == 0 && i < overrides; i++)
		r = cg_config_set(&c, &cg_config_table[override[i].row], override[i].value, err);
	if (r == 0)
		r = cg_config_check(&c, err);
	if (r < 0)
		return r;
	*ret = c;
	c = (struct cg_config){0};
	return 0;
}
