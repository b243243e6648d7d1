/* The options of a restore that have an inner form: roots, maps, modes from a path down, map files. */
#include "cli/restore_options.h"
#include "cli/everyday.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fdio.h"
#include "cli/source.h"

#define MAP_LINES_MAX 1000000

void cli_request_free(struct cli_request *q)
{
	cg_arena_free(&q->arena);
	*q = (struct cli_request){0};
}

void cli_restore_options_free(struct cli_restore_options *o)
{
	cli_list_free(&o->mode_at);
	cli_list_free(&o->root);
	cli_list_free(&o->map);
	cli_list_free(&o->dir);
}

static bool names_bind(const struct cg_plan_options *plan)
{
	bool bind = plan->mode == CG_MODE_BIND;

	for (size_t i = 0; i < plan->mode_ats; i++)
		bind |= plan->mode_at[i].mode == CG_MODE_BIND;
	return bind;
}

/* A root for all hierarchies that is where our view of them begins. */
static bool is_namespace_root(const struct cli_restore_options *o)
{
	return o->root.count == 1 && strcmp(o->root.item[0], "/") == 0;
}

int cli_restore_check(struct cli *cli, const struct cli_restore_options *o)
{
	if (o->dir.count && o->root.count)
		return cli_usage(cli, "--dir and --root each say where the top goes: give one of them");
	if (o->map.count && is_namespace_root(o))
		return cli_usage(cli, "--root / says where all of the tree goes; --map does not go with it");
	return 0;
}

int cli_restore_fill(const struct cli_restore_options *o, struct cli_request *q,
	struct cg_restore_options *ret, struct cg_error **err)
{
	int r = cg_mode_parse(o->mode ? o->mode : cg_mode_name(CG_MODE_STRICT), &ret->plan.mode, err);

	if (r < 0)
		cg_error_wrap(err, "--mode");
	r = r < 0 ? r : cli_request_mode_ats(q, &o->mode_at, err);
	if (r == 0 && !is_namespace_root(o))
		r = cli_request_roots(q, &o->root, err);
	r = r < 0 ? r : cli_request_maps(q, &o->map, err);
	if (r == 0 && o->device_map)
		r = cli_request_device_map(q, o->device_map, err);
	if (r < 0)
		return r;
	ret->plan.mode_at = q->mode_at;
	ret->plan.mode_ats = q->mode_ats;
	ret->plan.root = q->root;
	ret->plan.roots = q->roots;
	ret->plan.map = q->map;
	ret->plan.maps = q->maps;
	ret->plan.device = q->device;
	ret->plan.devices = q->devices;
	ret->plan.namespace_root = is_namespace_root(o);
	ret->plan.dir = o->dir.count || ret->plan.namespace_root;
	ret->plan.keep_top = o->keep_top;
	ret->apply.state_dir = cli_state_dir(o->state_dir);
	ret->dry_run = o->dry_run;
	if (o->keep_top && !names_bind(&ret->plan))
		return cg_error_usage(err, "--keep-top belongs to mode bind, which is asked for nowhere");
	return 0;
}

static void *request_array(struct cli_request *q, size_t count, size_t size, struct cg_error **err)
{
	void *p = cg_arena_array(&q->arena, count ? count : 1, size);

	if (!p)
		(void)cg_error_oom(err);
	return p;
}

/* A target's path, checked and normalised, in the arena; with its hierarchy where one is allowed. */
static int keep_target(struct cli_request *q, const char *option, const char *text,
	const char **ret_hierarchy, const char **ret_path, struct cg_error **err)
{
	_cleanup_target_ struct cg_target t = {0};
	int r = cg_target_parse(text, &t, err);

	if (r < 0) {
		cg_error_wrap(err, "%s", option);
		return r;
	}
	if (t.hierarchy && !ret_hierarchy)
		return cg_error_usage(
			err, "%s \"%s\": a path without a hierarchy before it is wanted", option, text);
	*ret_path = cg_arena_string(&q->arena, t.path);
	if (ret_hierarchy)
		*ret_hierarchy = t.hierarchy ? cg_arena_string(&q->arena, t.hierarchy) : NULL;
	if (!*ret_path || (t.hierarchy && !*ret_hierarchy))
		return cg_error_oom(err);
	return 0;
}

int cli_request_roots(struct cli_request *q, const struct cli_list *list, struct cg_error **err)
{
	q->root = request_array(q, list->count, sizeof(*q->root), err);
	if (!q->root)
		return -ENOMEM;
	for (; q->roots < list->count; q->roots++) {
		struct cg_root *root = &q->root[q->roots];
		int r = keep_target(q, "--root", list->item[q->roots], &root->hierarchy, &root->path, err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Both sides are absolute, so the sign that counts is the one before a slash; names may hold others. */
static int map_one(struct cli_request *q, const char *text, struct cg_mapping *ret, struct cg_error **err)
{
	const char *sign = strstr(text, "=/");
	const char *from;
	int r;

	if (!sign || sign == text)
		return cg_error_usage(err, "--map \"%s\": OLD=NEW is wanted, two absolute paths", text);
	from = cg_arena_copy(&q->arena, text, (size_t)(sign - text));
	if (!from)
		return cg_error_oom(err);
	r = keep_target(q, "--map", from, NULL, &ret->from, err);
	return r < 0 ? r : keep_target(q, "--map", sign + 1, NULL, &ret->to, err);
}

int cli_request_maps(struct cli_request *q, const struct cli_list *list, struct cg_error **err)
{
	q->map = request_array(q, list->count, sizeof(*q->map), err);
	if (!q->map)
		return -ENOMEM;
	for (; q->maps < list->count; q->maps++) {
		int r = map_one(q, list->item[q->maps], &q->map[q->maps], err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int mode_at_one(struct cli_request *q, const char *text, struct cg_mode_at *ret, struct cg_error **err)
{
	const char *sign = strrchr(text, '=');
	const char *path;
	int r;

	if (!sign || sign == text || !sign[1])
		return cg_error_usage(err, "--mode-at \"%s\": PATH=MODE is wanted", text);
	path = cg_arena_copy(&q->arena, text, (size_t)(sign - text));
	if (!path)
		return cg_error_oom(err);
	r = keep_target(q, "--mode-at", path, NULL, &ret->path, err);
	if (r == 0) {
		r = cg_mode_parse(sign + 1, &ret->mode, err);
		cg_error_wrap(err, "--mode-at");
	}
	return r;
}

int cli_request_mode_ats(struct cli_request *q, const struct cli_list *list, struct cg_error **err)
{
	q->mode_at = request_array(q, list->count, sizeof(*q->mode_at), err);
	if (!q->mode_at)
		return -ENOMEM;
	for (; q->mode_ats < list->count; q->mode_ats++) {
		int r = mode_at_one(q, list->item[q->mode_ats], &q->mode_at[q->mode_ats], err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Takes one line of a map file. */
typedef int pair_fn(
	struct cli_request *q, struct cg_bytes left, struct cg_bytes right, struct cg_error **err);

static int read_file(const char *name, struct cg_buffer *b, struct cg_error **err)
{
	int fd, r = cli_open_input(name, "a map", &fd, err);

	if (r < 0)
		return r;
	r = cg_read_fd(fd, false, b);
	if (fd != STDIN_FILENO)
		(void)cg_close(fd);
	if (r < 0) {
		r = cg_error_errno(err, -r, "cannot read");
		cg_error_at(err, name, NULL);
	}
	return r < 0 ? r : 0;
}

static size_t count_lines(struct cg_bytes text)
{
	struct cg_bytes line;
	size_t n = 0;

	while (cg_bytes_split(&text, '\n', &line))
		n++;
	return n;
}

static int each_pair(
	struct cli_request *q, const char *name, struct cg_bytes text, pair_fn *fn, struct cg_error **err)
{
	struct cg_bytes line;

	for (unsigned number = 1; cg_bytes_split(&text, '\n', &line); number++) {
		struct cg_bytes left, right, more, used;
		int r;

		if (!cg_bytes_split(&line, '#', &used) || !cg_bytes_word(&used, &left))
			continue;
		if (!cg_bytes_word(&used, &right) || cg_bytes_word(&used, &more))
			r = cg_error_usage(err, "line %u: two words are wanted, the old and the new", number);
		else
			r = fn(q, left, right, err);
		if (r < 0) {
			cg_error_at(err, name, NULL);
			if (err && *err && strncmp((*err)->message, "line ", 5) != 0)
				cg_error_wrap(err, "line %u", number);
			return r;
		}
	}
	return 0;
}

static int pid_pair(struct cli_request *q, struct cg_bytes left, struct cg_bytes right, struct cg_error **err)
{
	int from, to;

	if (cg_parse_pid(left, &from) < 0 || cg_parse_pid(right, &to) < 0)
		return cg_error_usage(err, "\"%.*s %.*s\": two ids in plain decimal are wanted",
			(int)left.len, left.data, (int)right.len, right.data);
	q->pid_map[q->pid_maps++] = (struct cg_pid_pair){from, to};
	return 0;
}

static int device_pair(
	struct cli_request *q, struct cg_bytes left, struct cg_bytes right, struct cg_error **err)
{
	struct cg_mapping *m = &q->device[q->devices];

	if (!memchr(left.data, ':', left.len) != !memchr(right.data, ':', right.len))
		return cg_error_usage(err,
			"\"%.*s %.*s\": a device number cannot stand for an interface name", (int)left.len,
			left.data, (int)right.len, right.data);
	m->from = cg_arena_copy(&q->arena, left.data, left.len);
	m->to = cg_arena_copy(&q->arena, right.data, right.len);
	if (!m->from || !m->to)
		return cg_error_oom(err);
	q->devices++;
	return 0;
}

static int read_map(const char *file, struct cg_buffer *b, size_t *ret_lines, struct cg_error **err)
{
	int r = read_file(file, b, err);

	if (r < 0)
		return r;
	*ret_lines = count_lines((struct cg_bytes){b->data, b->len});
	if (*ret_lines <= MAP_LINES_MAX)
		return 0;
	r = cg_error_usage(err, "a map has at most %d lines, this one %zu", MAP_LINES_MAX, *ret_lines);
	cg_error_at(err, file, NULL);
	return r;
}

int cli_request_pid_map(struct cli_request *q, const char *file, struct cg_error **err)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	size_t lines;
	int r = read_map(file, &b, &lines, err);

	if (r < 0)
		return r;
	q->pid_map = request_array(q, lines, sizeof(*q->pid_map), err);
	return q->pid_map ? each_pair(q, file, (struct cg_bytes){b.data, b.len}, pid_pair, err) : -ENOMEM;
}

int cli_request_device_map(struct cli_request *q, const char *file, struct cg_error **err)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	size_t lines;
	int r = read_map(file, &b, &lines, err);

	if (r < 0)
		return r;
	q->device = request_array(q, lines, sizeof(*q->device), err);
	return q->device ? each_pair(q, file, (struct cg_bytes){b.data, b.len}, device_pair, err) : -ENOMEM;
}
