/* A group of a test's own; see ground.h. */
#include "ground.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

void ground_skip(const char *fmt, ...)
{
	va_list ap;

	fputs("[ SKIPPED  ] reason: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	skip();
}

static const struct cg_live_hierarchy *find(const struct cg_live *live, const char *hierarchy)
{
	for (size_t i = 0; i < live->count; i++)
		/* Any will do where none is named, but for the one that takes no task before it was set up.
		 */
		if (cg_live_matches(&live->item[i], hierarchy) &&
			(hierarchy || !cg_live_matches(&live->item[i], "cpuset")))
			return &live->item[i];
	return NULL;
}

/* Whether the root has all of them enabled; the root's own settings are never changed. */
static bool is_enabled(const struct ground *g, const char *controllers)
{
	_cleanup_free_ char *enabled = ground_read(g->root, "cgroup.subtree_control");
	struct cg_bytes rest = cg_bytes_of(controllers), word;

	while (cg_bytes_word(&rest, &word)) {
		struct cg_bytes have = cg_bytes_of(enabled), w;
		bool found = false;

		while (!found && cg_bytes_word(&have, &w))
			found = cg_bytes_equal(w, word);
		if (!found)
			return false;
	}
	return true;
}

void ground_make(struct ground *g, const char *hierarchy, const char *controllers)
{
	struct cg_error *err = NULL;
	int r;

	*g = (struct ground){.root = -1, .fd = -1};
	if (cg_live_open(&g->live, &err) < 0) {
		fprintf(stderr, "%s\n", err->message);
		cg_error_free(err);
		ground_skip("no cgroup hierarchy can be used here");
	}
	g->hierarchy = find(&g->live, hierarchy);
	if (!g->hierarchy) {
		cg_live_close(&g->live);
		ground_skip("no hierarchy \"%s\" here", hierarchy);
	}
	g->root = openat(g->hierarchy->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(g->root >= 0);
	if (controllers && !is_enabled(g, controllers)) {
		g->root = cg_close(g->root);
		cg_live_close(&g->live);
		/* Skipping jumps out of the test: nothing of this scope may own memory any more. */
		ground_skip("%s: not enabled at the v2 root", controllers);
	}
	r = snprintf(g->name, sizeof(g->name), "cgt-unit-%d", (int)getpid());
	assert_true(r > 0 && (size_t)r < sizeof(g->name));
	r = snprintf(g->path, sizeof(g->path), "/%s", g->name);
	assert_true(r > 0 && (size_t)r < sizeof(g->path));
	r = cg_cgroup_make(g->root, g->name, &g->fd);
	if (r < 0) {
		g->root = cg_close(g->root);
		cg_live_close(&g->live);
		ground_skip("no group can be made in hierarchy \"%s\": %s", hierarchy, strerror(-r));
	}
}

static int remove_child(const char *name, unsigned char type, void *context)
{
	int parent = *(const int *)context, group, r;

	if (type != DT_DIR)
		return 0;
	r = cg_cgroup_open(parent, name, &group);
	if (r == 0) {
		r = cg_dir_each(group, remove_child, &group);
		(void)cg_close(group);
	}
	return r < 0 ? r : cg_cgroup_remove(parent, name, 10);
}

void ground_remove(struct ground *g)
{
	int r;

	for (size_t i = 0; i < g->children; i++) {
		(void)kill(g->child[i], SIGKILL);
		(void)waitpid(g->child[i], NULL, 0);
	}
	g->children = 0;
	if (g->fd < 0)
		return;
	r = cg_dir_each(g->fd, remove_child, &g->fd);
	g->fd = cg_close(g->fd);
	if (r == 0)
		r = cg_cgroup_remove(g->root, g->name, 10);
	g->root = cg_close(g->root);
	cg_live_close(&g->live);
	if (r < 0)
		fail_msg("the test's own group could not be removed: %s", strerror(-r));
}

int ground_setup(void **state)
{
	struct ground *g = calloc(1, sizeof(*g));

	if (!g)
		return -1;
	g->fd = g->root = -1;
	*state = g;
	return 0;
}

int ground_teardown(void **state)
{
	ground_remove(*state);
	free(*state);
	return 0;
}

pid_t ground_fork(struct ground *g)
{
	pid_t parent = getpid(), pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (getppid() == parent)
			pause();
		_exit(0);
	}
	assert_true(g->children < CG_ARRAY_SIZE(g->child));
	g->child[g->children++] = pid;
	return pid;
}

int ground_group(int parent, const char *name)
{
	int fd = -1, r = cg_cgroup_make(parent, name, &fd);

	if (r < 0)
		fail_msg("group %s: %s", name, strerror(-r));
	return fd;
}

void ground_write(int group, const char *file, const char *value)
{
	int r = cg_cgroup_write(group, file, cg_bytes_of(value), NULL);

	if (r < 0)
		fail_msg("%s: \"%s\": %s", file, value, strerror(-r));
}

char *ground_read(int group, const char *file)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	struct cg_bytes text;
	int r = cg_read_at(group, file, false, &b);
	char *s;

	if (r < 0)
		fail_msg("%s: %s", file, strerror(-r));
	text = cg_bytes_trim((struct cg_bytes){b.data, b.len});
	s = strndup(text.data, text.len);
	assert_non_null(s);
	return s;
}
