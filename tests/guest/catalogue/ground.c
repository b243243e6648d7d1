/* Mounts, groups and reports for the tests of the catalogue. */
#include "ground.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "model/value.h"

/* "6.12.117+deb12" is CG_KERNEL(6, 12). */
static int kernel_version(uint32_t *ret)
{
	struct utsname u;
	struct cg_bytes rest, major, minor;
	uint32_t a, b;

	if (uname(&u) < 0)
		return -errno;
	rest = cg_bytes_of(u.release);
	if (!cg_bytes_split(&rest, '.', &major) || !cg_bytes_split(&rest, '.', &minor))
		return -EINVAL;
	minor.len = 0;
	while (minor.data[minor.len] >= '0' && minor.data[minor.len] <= '9')
		minor.len++;
	if (cg_parse_u32(major, &a) < 0 || cg_parse_u32(minor, &b) < 0)
		return -EINVAL;
	*ret = CG_KERNEL(a, b);
	return 0;
}

static bool copy(char *to, size_t room, struct cg_bytes from)
{
	if (from.len >= room)
		return false;
	memcpy(to, from.data, from.len);
	to[from.len] = '\0';
	return true;
}

/* One line of mountinfo (proc(5)): the fields up to the mount point, and those behind the "-". */
static bool parse_mount(struct cg_bytes line, struct hierarchy *ret)
{
	struct cg_bytes field[6], type, source, options;
	struct hierarchy h = {.root_fd = -1};

	for (size_t i = 0; i < CG_ARRAY_SIZE(field); i++)
		if (!cg_bytes_word(&line, &field[i]))
			return false;
	do {
		if (!cg_bytes_word(&line, &type))
			return false;
	} while (!cg_bytes_is(type, "-"));
	if (!cg_bytes_word(&line, &type) || !cg_bytes_word(&line, &source) || !cg_bytes_word(&line, &options))
		return false;
	h.version = cg_bytes_is(type, "cgroup2") ? 2 : cg_bytes_is(type, "cgroup") ? 1 : 0;
	/* Only whole hierarchies: in a part of one the root's files are those of a group. */
	if (h.version == 0 || !cg_bytes_is(field[3], "/"))
		return false;
	if (!copy(h.mount_point, sizeof(h.mount_point), field[4]) ||
		!copy(h.controllers, sizeof(h.controllers), options))
		return false;
	*ret = h;
	return true;
}

static bool is_known(const struct ground *g, const struct hierarchy *h)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->hierarchy[i].version == h->version &&
			strcmp(g->hierarchy[i].controllers, h->controllers) == 0)
			return true;
	return false;
}

int ground_find(struct ground *ret)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	struct ground g = {.page_size = (uint64_t)sysconf(_SC_PAGESIZE)};
	struct cg_bytes rest, line;
	int r = kernel_version(&g.kernel);

	if (r == 0)
		r = cg_read_path_at(AT_FDCWD, "/proc/self/mountinfo", &b);
	if (r < 0) {
		(void)fprintf(stderr, "catalogue: %s\n", strerror(-r));
		return r;
	}
	if (snprintf(g.name, sizeof(g.name), "cgt-catalogue-%d", (int)getpid()) >= (int)sizeof(g.name))
		return -ENAMETOOLONG;
	rest = (struct cg_bytes){b.data, b.len};
	while (cg_bytes_split(&rest, '\n', &line)) {
		struct hierarchy h;

		if (!parse_mount(line, &h) || is_known(&g, &h))
			continue;
		if (g.count == HIERARCHIES) {
			(void)fprintf(stderr, "catalogue: more than %d hierarchies\n", HIERARCHIES);
			ground_close(&g);
			return -E2BIG;
		}
		h.root_fd = open(h.mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (h.root_fd < 0)
			(void)fprintf(
				stderr, "catalogue: %s: %s, left out\n", h.mount_point, strerror(errno));
		else
			g.hierarchy[g.count++] = h;
	}
	*ret = g;
	return 0;
}

void ground_close(struct ground *g)
{
	while (g->count > 0)
		(void)cg_close(g->hierarchy[--g->count].root_fd);
}

int group_make(const struct ground *g, struct hierarchy *h)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_close_ int fd = -1;
	int r;

	if (mkdirat(h->root_fd, g->name, 0755) < 0)
		return -errno;
	fd = openat(h->root_fd, g->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (h->version == 2) {
		r = cg_read_at(fd, "cgroup.controllers", true, &b);
		if (r < 0)
			return r;
		if (!copy(h->controllers, sizeof(h->controllers),
			    cg_bytes_trim((struct cg_bytes){b.data, b.len})))
			return -ENAMETOOLONG;
	}
	return cg_steal_fd(&fd);
}

int group_remove(const struct ground *g, const struct hierarchy *h)
{
	if (unlinkat(h->root_fd, g->name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

bool hierarchy_has(const struct hierarchy *h, const char *controller)
{
	struct cg_bytes rest = cg_bytes_of(h->controllers), word;

	if (!*controller)
		return true;
	while (cg_bytes_split(&rest, h->version == 2 ? ' ' : ',', &word))
		if (cg_bytes_is(word, controller))
			return true;
	return false;
}

bool knob_is_current(const struct cg_knob *knob, uint32_t kernel)
{
	return kernel >= knob->since && (knob->until == 0 || kernel < knob->until);
}

int setting_read(
	const struct cg_knob *knob, const char *name, int fd, struct cg_buffer *b, struct cg_bytes *ret)
{
	int r = cg_read_at(fd, knob->read_name ? knob->read_name : name, false, b);

	if (r < 0)
		return r;
	*ret = cg_value_setting(knob, (struct cg_bytes){b->data ? b->data : "", b->len});
	return 0;
}

void deviation(struct tally *t, const struct hierarchy *h, const char *file, const char *fmt, ...)
{
	va_list ap;

	t->deviations++;
	(void)printf("DEVIATION %s %s: ", h->mount_point, file);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)putchar('\n');
}
