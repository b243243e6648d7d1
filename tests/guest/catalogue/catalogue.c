/* The catalogue against a kernel: in every hierarchy that is mounted a group is made, and every file in it
 * (and in the root) is looked up. What the row says of its kind, mode, kernel versions and default must be
 * what the kernel shows; rows whose file is missing are told too.
 *
 *   catalogue            look only
 *   catalogue --write    beside that, try values on every setting (try.c)
 *
 * Exit: 0, 1 with deviations, 77 when there is no hierarchy to look at. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ground.h"
#include "model/value.h"
#include "try.h"

/* One directory that is looked through. */
struct look {
	const struct ground *ground;
	const struct hierarchy *hierarchy;
	struct tally *tally;
	int fd;
	bool root;
	bool seen[512]; /* rows that had a file */
};

static const char *kind_name(enum cg_knob_kind kind)
{
	static const char *const names[] = {"setting", "action", "statistic", "event", "membership"};

	return names[kind];
}

static void check_mode(struct look *l, const struct cg_knob *k, const char *name)
{
	const uint16_t expected = cg_knob_mode(k, l->ground->kernel);
	struct stat st;
	unsigned mode;

	if (fstatat(l->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		deviation(l->tally, l->hierarchy, name, "%s", strerror(errno));
		return;
	}
	mode = st.st_mode & 07777;
	if (mode != expected)
		deviation(l->tally, l->hierarchy, name, "mode %04o, the catalogue says %04o", mode, expected);
	if (!(mode & 0444) && (mode & 0222) && k->kind != CG_KNOB_ACTION)
		deviation(l->tally, l->hierarchy, name, "can only be written, the catalogue says %s",
			kind_name(k->kind));
	if (!(mode & 0222) && k->kind == CG_KNOB_SETTING && !k->write_name)
		deviation(l->tally, l->hierarchy, name, "cannot be written, the catalogue says setting");
}

static void check_inherited(struct look *l, const struct cg_knob *k, const char *name, struct cg_bytes value)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	struct cg_bytes parent;
	int r = setting_read(k, name, l->hierarchy->root_fd, &b, &parent);

	if (r < 0)
		deviation(l->tally, l->hierarchy, name, "the parent's: %s", strerror(-r));
	else if (!cg_value_same(k, value, parent, cg_knob_unit(k, name, l->ground->page_size)))
		deviation(l->tally, l->hierarchy, name, "is \"%.*s\", its parent's \"%.*s\" is not inherited",
			(int)value.len, value.data, (int)parent.len, parent.data);
}

static void check_default(struct look *l, const struct cg_knob *k, const char *name)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_text_ struct cg_text expected = {0};
	struct cg_bytes value;
	int r = setting_read(k, name, l->fd, &b, &value);

	if (r < 0) {
		deviation(l->tally, l->hierarchy, name, "cannot be read: %s", strerror(-r));
		return;
	}
	if (k->default_kind == CG_DEFAULT_UNKNOWN)
		return;
	l->tally->defaults++;
	if (k->default_kind == CG_DEFAULT_INHERIT) {
		check_inherited(l, k, name, value);
		return;
	}
	if (!cg_knob_default(k, name, l->ground->page_size, &expected) || expected.failed)
		deviation(l->tally, l->hierarchy, name, "the catalogue tells no default");
	else if (!cg_value_same(
			 k, value, (struct cg_bytes){expected.data ? expected.data : "", expected.len}, 1))
		deviation(l->tally, l->hierarchy, name,
			"is \"%.*s\" in a new group, the catalogue says \"%s\"", (int)value.len, value.data,
			expected.data ? expected.data : "");
}

static int look_at(const char *name, unsigned char type, void *context)
{
	struct look *l = context;
	const struct cg_knob *k;

	if (type == DT_DIR)
		return 0;
	l->tally->files++;
	k = cg_knob_find(name, l->hierarchy->version);
	if (!k) {
		deviation(l->tally, l->hierarchy, name, "is not in the catalogue");
		return 0;
	}
	l->seen[k - cg_knob_table] = true;
	if (!knob_is_current(k, l->ground->kernel))
		deviation(l->tally, l->hierarchy, name,
			"is there on this kernel, the catalogue says it is not");
	if (k->flags & (l->root ? CG_KNOB_NON_ROOT : CG_KNOB_ROOT_ONLY))
		deviation(l->tally, l->hierarchy, name, "is there in %s",
			l->root ? "the root" : "a group that is not the root");
	if (!hierarchy_has(l->hierarchy, k->controller) && !l->root)
		deviation(l->tally, l->hierarchy, name, "is there without the controller %s", k->controller);
	check_mode(l, k, name);
	if (k->kind == CG_KNOB_SETTING && !l->root) {
		l->tally->settings++;
		check_default(l, k, name);
	}
	return 0;
}

/* Files that came to the root later than to groups. */
static bool is_late_in_root(const struct cg_knob *k, uint32_t kernel)
{
	return strcmp(k->name, "misc.current") == 0 && kernel < CG_KERNEL(6, 6);
}

/* Rows that must have a file here. */
static void look_for_missing(struct look *l)
{
	for (size_t i = 0; i < cg_knob_count; i++) {
		const struct cg_knob *k = &cg_knob_table[i];

		if (l->seen[i] || !(k->flags & (l->hierarchy->version == 2 ? CG_KNOB_V2 : CG_KNOB_V1)))
			continue;
		if ((k->flags & (CG_KNOB_OPTIONAL | (l->root ? CG_KNOB_NON_ROOT : CG_KNOB_ROOT_ONLY))) ||
			!knob_is_current(k, l->ground->kernel) || !hierarchy_has(l->hierarchy, k->controller))
			continue;
		if (l->root && is_late_in_root(k, l->ground->kernel))
			continue;
		deviation(l->tally, l->hierarchy, k->name, "is not there in %s",
			l->root ? "the root" : "a group");
	}
}

static int look_through(const struct ground *g, const struct hierarchy *h, int fd, bool root, struct tally *t)
{
	struct look l = {.ground = g, .hierarchy = h, .tally = t, .fd = fd, .root = root};
	int r;

	if (cg_knob_count > CG_ARRAY_SIZE(l.seen)) {
		(void)fprintf(stderr, "catalogue: more rows than this test has room for\n");
		return -E2BIG;
	}
	r = cg_dir_each(fd, look_at, &l);
	if (r == 0)
		look_for_missing(&l);
	return r;
}

static int look_at_hierarchy(const struct ground *g, struct hierarchy *h, struct tally *t)
{
	_cleanup_close_ int fd = group_make(g, h);
	int r = fd, removed;

	if (fd >= 0)
		r = look_through(g, h, fd, false, t);
	if (r >= 0)
		r = look_through(g, h, h->root_fd, true, t);
	fd = cg_close(fd);
	removed = group_remove(g, h);
	if (r < 0 || removed < 0)
		(void)fprintf(stderr, "catalogue: %s/%s: %s\n", h->mount_point, g->name,
			strerror(r < 0 ? -r : -removed));
	return r < 0 ? r : removed;
}

int main(int argc, char **argv)
{
	const bool write = argc == 2 && strcmp(argv[1], "--write") == 0;
	struct ground g;
	struct tally t = {0};
	int failed = 0;

	if (argc > 1 && !write) {
		(void)fprintf(stderr, "usage: catalogue [--write]\n");
		return 64;
	}
	if (ground_find(&g) < 0)
		return 1;
	if (g.count == 0) {
		(void)fprintf(stderr, "catalogue: skipped: no whole cgroup hierarchy is mounted here\n");
		return 77;
	}
	for (size_t i = 0; i < g.count; i++) {
		failed |= look_at_hierarchy(&g, &g.hierarchy[i], &t) < 0;
		if (write)
			failed |= try_hierarchy(&g, &g.hierarchy[i], &t) < 0;
	}
	(void)printf(
		"catalogue: kernel %u.%u, %zu hierarchies, %u files, %u settings, %u defaults compared, %u settings written, %u of them looked at in a child, %u values "
		"tried, %u left out for a reason, %u deviations\n",
		g.kernel >> 16, g.kernel & 0xffff, g.count, t.files, t.settings, t.defaults, t.written,
		t.children, t.values, t.reasoned, t.deviations);
	ground_close(&g);
	return failed || t.deviations ? 1 : 0;
}
