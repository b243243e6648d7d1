/* Reading a configuration: defaults, file, drop-ins, overrides, and the check of the whole.
 *
 * inih reads the lines. What it would do without a word (cut a long line in two, take the second of two equal
 * names) is refused here. */
#include "manager/config.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "base/fdio.h"

#define LINE_MAX_BYTES 190 /* inih's own buffer holds 200 with the line's end */
#define FILE_MAX_BYTES ((size_t)1 << 20)

void cg_config_free(struct cg_config *c)
{
	free(c->metrics_file);
	free(c->events_file);
	*c = (struct cg_config){0};
}

const struct cg_config_row *cg_config_find(const char *section, const char *name)
{
	for (size_t i = 0; i < CG_CONFIG_ROWS; i++)
		if (strcmp(cg_config_table[i].section, section) == 0 &&
			strcmp(cg_config_table[i].name, name) == 0)
			return &cg_config_table[i];
	return NULL;
}

int cg_config_default(struct cg_config *ret, struct cg_error **err)
{
	_cleanup_config_ struct cg_config c = {0};

	for (size_t i = 0; i < CG_CONFIG_ROWS; i++) {
		int r = cg_config_set(&c, &cg_config_table[i], cg_config_table[i].initial, err);

		if (r < 0)
			return r;
	}
	*ret = c;
	c = (struct cg_config){0};
	return 0;
}

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

static int in_order(const struct cg_config *c, enum cg_resource r, struct cg_error **err)
{
	const struct cg_resource_config *m = &c->resource[r];
	int before = -1;

	for (int s = 0; s < CG_STEPS; s++) {
		if (s != CG_STEP_KILL && m->leave[s] >= m->enter[s])
			return cg_error_usage(err, "[%s] %s-leave (%llu%%) must be below %s-enter (%llu%%)",
				cg_resource_words[r], cg_step_words[s], (unsigned long long)m->leave[s],
				cg_step_words[s], (unsigned long long)m->enter[s]);
		if (!(m->steps & (UINT64_C(1) << s)))
			continue;
		if (before >= 0 && m->enter[s] < m->enter[before])
			return cg_error_usage(err,
				"[%s] %s-enter (%llu%%) must not be below %s-enter (%llu%%)",
				cg_resource_words[r], cg_step_words[s], (unsigned long long)m->enter[s],
				cg_step_words[before], (unsigned long long)m->enter[before]);
		before = s;
	}
	if (m->kill_usage < m->usage)
		return cg_error_usage(err, "[%s] kill-usage must not be below usage", cg_resource_words[r]);
	return 0;
}

int cg_config_check(const struct cg_config *c, struct cg_error **err)
{
	if (c->interval > c->window)
		return cg_error_usage(err, "[pressure] interval must not be longer than window");
	for (int r = 0; r < CG_RESOURCES; r++) {
		int result = in_order(c, r, err);

		if (result < 0)
			return result;
	}
	for (int s = 0; s < CG_STEP_KILL; s++)
		if (c->step[s].dwell > c->step[s].max)
			return cg_error_usage(
				err, "[%s] dwell must not be longer than max", cg_step_words[s]);
	return 0;
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
