/* Parsers of /proc/PID/mountinfo and /proc/PID/cgroup.
 *
 * Both files are lines of fields that are parted by one character each, so a field may be empty and runs of
 * blanks mean nothing. What the kernel escapes (blank, tab, newline, backslash, '#' in mountinfo) comes as a
 * backslash and three octal digits. Every line is checked, also of file systems that are none of ours: a line
 * that cannot be understood may be the one that was looked for. */
#include "kernel/mountinfo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct line {
	const char *file;
	size_t number;
	struct cg_error **err;
};

static int malformed(const struct line *l, const char *what)
{
	return cg_error_make(l->err, CG_FAULT_SYSTEM, EBADMSG, "%s: line %zu: %s", l->file, l->number, what);
}

static int copy_text(const struct line *l, struct cg_bytes b, char **ret)
{
	char *s = strndup(b.data ? b.data : "", b.len);

	if (!s)
		return cg_error_oom(l->err);
	*ret = s;
	return 0;
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* Undoes the kernel's \ooo; anything else after a backslash is malformed. */
static int copy_unescaped(const struct line *l, struct cg_bytes b, char **ret)
{
	_cleanup_free_ char *s = malloc(b.len + 1);
	size_t n = 0;

	if (!s)
		return cg_error_oom(l->err);
	for (size_t i = 0; i < b.len; i++) {
		if (b.data[i] != '\\') {
			s[n++] = b.data[i];
			continue;
		}
		if (b.len - i < 4 || b.data[i + 1] < '0' || b.data[i + 1] > '3' || !is_octal(b.data[i + 2]) ||
			!is_octal(b.data[i + 3]))
			return malformed(l, "a backslash without three octal digits");
		s[n] = (char)((b.data[i + 1] - '0') << 6 | (b.data[i + 2] - '0') << 3 |
			      (b.data[i + 3] - '0'));
		if (s[n++] == '\0')
			return malformed(l, "an escaped NUL");
		i += 3;
	}
	s[n] = '\0';
	*ret = cg_steal(s);
	return 0;
}

static int parse_device(const struct line *l, struct cg_bytes b, uint32_t *ret)
{
	struct cg_bytes major;
	uint32_t ma, mi;

	/* The kernel's own dev_t has 12 bits of major and 20 of minor. */
	if (!cg_bytes_split(&b, ':', &major) || cg_parse_u32(major, &ma) < 0 || cg_parse_u32(b, &mi) < 0 ||
		ma > 0xfff || mi > 0xfffff)
		return malformed(l, "the third field is no MAJOR:MINOR");
	*ret = ma << 20 | mi;
	return 0;
}

/* Splits mount options at commas, but not within the quotes that security modules use. */
static bool next_option(struct cg_bytes *rest, struct cg_bytes *ret)
{
	bool quoted = false;
	size_t i;

	if (rest->len == 0)
		return false;
	for (i = 0; i < rest->len && (quoted || rest->data[i] != ','); i++)
		if (rest->data[i] == '"')
			quoted = !quoted;
	*ret = (struct cg_bytes){rest->data, i};
	if (i < rest->len)
		i++;
	rest->data += i;
	rest->len -= i;
	return true;
}

/* Options of a v1 mount that are no controllers: those of cgroup1_show_options() and of any file system. What
 * has a '=' is none either. */
static bool is_plain_option(struct cg_bytes o)
{
	static const char *const known[] = {"rw", "ro", "none", "all", "xattr", "noprefix", "clone_children",
		"cpuset_v2_mode", "favordynmods", "seclabel", "sync", "dirsync", "mand", "lazytime"};

	if (o.len == 0 || memchr(o.data, '=', o.len))
		return true;
	for (size_t i = 0; i < CG_ARRAY_SIZE(known); i++)
		if (cg_bytes_is(o, known[i]))
			return true;
	return false;
}

static int parse_super_options(const struct line *l, struct cg_bytes options, struct cg_mount *m)
{
	_cleanup_text_ struct cg_text controllers = {0};
	struct cg_bytes o;
	int r;

	r = copy_text(l, options, &m->super_options);
	while (r == 0 && m->version == 1 && next_option(&options, &o)) {
		if (o.len > 5 && memcmp(o.data, "name=", 5) == 0) {
			if (m->name)
				return malformed(l, "two names of one hierarchy");
			r = copy_unescaped(l, (struct cg_bytes){o.data + 5, o.len - 5}, &m->name);
		} else if (!is_plain_option(o)) {
			if (controllers.len > 0)
				cg_text_addc(&controllers, ',');
			cg_text_add(&controllers, o.data, o.len);
		}
	}
	if (r == 0 && cg_text_take(&controllers, &m->controllers) < 0)
		r = cg_error_oom(l->err);
	return r;
}

static void mount_free(struct cg_mount *m)
{
	free(m->root);
	free(m->point);
	free(m->super_options);
	free(m->controllers);
	free(m->name);
	*m = (struct cg_mount){0};
}

/* 1 and *m filled when the line is a cgroup mount, 0 when it is of another file system. */
static int parse_mount_line(const struct line *l, struct cg_bytes rest, struct cg_mount *m)
{
	struct cg_bytes id, parent, device, root, point, options, field, type, source;
	uint32_t unused;
	int r;

	if (!cg_bytes_split(&rest, ' ', &id) || !cg_bytes_split(&rest, ' ', &parent) ||
		!cg_bytes_split(&rest, ' ', &device) || !cg_bytes_split(&rest, ' ', &root) ||
		!cg_bytes_split(&rest, ' ', &point) || !cg_bytes_split(&rest, ' ', &options))
		return malformed(l, "less than six fields");
	if (cg_parse_u32(id, &m->id) < 0 || cg_parse_u32(parent, &unused) < 0)
		return malformed(l, "the first two fields are no numbers");
	r = parse_device(l, device, &m->device);
	if (r < 0)
		return r;
	do {
		if (!cg_bytes_split(&rest, ' ', &field))
			return malformed(l, "no \"-\" after the optional fields");
	} while (!cg_bytes_is(field, "-"));
	/* The source may be empty; the super options stand after the last blank even then. */
	if (!cg_bytes_split(&rest, ' ', &type) || type.len == 0 || !cg_bytes_split(&rest, ' ', &source) ||
		rest.len == 0)
		return malformed(l, "no type, source and options after \"-\"");
	if (cg_bytes_is(type, "cgroup2"))
		m->version = 2;
	else if (cg_bytes_is(type, "cgroup"))
		m->version = 1;
	else
		return 0;
	if (root.len == 0 || root.data[0] != '/' || point.len == 0 || point.data[0] != '/')
		return malformed(l, "the root or the mount point is no absolute path");
	r = copy_unescaped(l, root, &m->root);
	if (r == 0)
		r = copy_unescaped(l, point, &m->point);
	if (r == 0)
		r = parse_super_options(l, rest, m);
	return r < 0 ? r : 1;
}

/* The next line, counted; an unended last line is malformed, for a cut file looks so. */
static int next_line(struct line *l, struct cg_bytes *text, struct cg_bytes *ret)
{
	const char *end;

	if (text->len == 0)
		return 0;
	l->number++;
	end = memchr(text->data, '\n', text->len);
	if (!end)
		return malformed(l, "cut off (no newline at its end)");
	*ret = (struct cg_bytes){text->data, (size_t)(end - text->data)};
	text->data += ret->len + 1;
	text->len -= ret->len + 1;
	if (memchr(ret->data, '\0', ret->len))
		return malformed(l, "holds a NUL");
	return 1;
}

int cg_mountinfo_parse(struct cg_bytes text, struct cg_mounts *ret, struct cg_error **err)
{
	_cleanup_mounts_ struct cg_mounts mounts = {0};
	struct line l = {"mountinfo", 0, err};
	struct cg_bytes line;
	int r;

	while ((r = next_line(&l, &text, &line)) > 0) {
		struct cg_mount m = {0}, *grown;

		r = parse_mount_line(&l, line, &m);
		if (r == 0)
			continue;
		grown = r < 0 ? NULL : reallocarray(mounts.item, mounts.count + 1, sizeof(m));
		if (!grown) {
			mount_free(&m);
			return r < 0 ? r : cg_error_oom(err);
		}
		mounts.item = grown;
		mounts.item[mounts.count++] = m;
	}
	if (r < 0)
		return r;
	*ret = mounts;
	mounts = (struct cg_mounts){0};
	return 0;
}

void cg_mounts_free(struct cg_mounts *m)
{
	for (size_t i = 0; i < m->count; i++)
		mount_free(&m->item[i]);
	free(m->item);
	*m = (struct cg_mounts){0};
}

static void membership_free(struct cg_membership *m)
{
	free(m->controllers);
	free(m->name);
	free(m->path);
	*m = (struct cg_membership){0};
}

/* "cpu,cpuacct", "name=systemd", "cpu,name=x" or nothing. */
static int parse_membership_controllers(const struct line *l, struct cg_bytes list, struct cg_membership *m)
{
	_cleanup_text_ struct cg_text controllers = {0};
	struct cg_bytes c;
	int r;

	while (cg_bytes_split(&list, ',', &c)) {
		if (c.len > 5 && memcmp(c.data, "name=", 5) == 0) {
			if (m->name)
				return malformed(l, "two names of one hierarchy");
			r = copy_text(l, (struct cg_bytes){c.data + 5, c.len - 5}, &m->name);
			if (r < 0)
				return r;
		} else {
			if (c.len == 0)
				return malformed(l, "an empty controller");
			if (controllers.len > 0)
				cg_text_addc(&controllers, ',');
			cg_text_add(&controllers, c.data, c.len);
		}
	}
	return cg_text_take(&controllers, &m->controllers) < 0 ? cg_error_oom(l->err) : 0;
}

static int parse_membership_line(const struct line *l, struct cg_bytes rest, struct cg_membership *m)
{
	static const char gone[] = " (deleted)";
	struct cg_bytes id, controllers;
	int r;

	if (!cg_bytes_split(&rest, ':', &id) || cg_parse_u32(id, &m->hierarchy_id) < 0)
		return malformed(l, "does not begin with a hierarchy's number");
	/* The path may hold colons, so only two are looked for. */
	if (!cg_bytes_split(&rest, ':', &controllers) || rest.len == 0 || rest.data[0] != '/')
		return malformed(l, "no absolute path after the second colon");
	m->deleted = m->hierarchy_id == 0 && rest.len >= sizeof(gone) &&
		     memcmp(rest.data + rest.len - (sizeof(gone) - 1), gone, sizeof(gone) - 1) == 0;
	r = parse_membership_controllers(l, controllers, m);
	if (r == 0)
		r = copy_text(l, rest, &m->path);
	return r;
}

int cg_membership_parse(struct cg_bytes text, struct cg_memberships *ret, struct cg_error **err)
{
	_cleanup_memberships_ struct cg_memberships all = {0};
	struct line l = {"cgroup", 0, err};
	struct cg_bytes line;
	int r;

	while ((r = next_line(&l, &text, &line)) > 0) {
		struct cg_membership m = {0}, *grown;

		r = parse_membership_line(&l, line, &m);
		grown = r < 0 ? NULL : reallocarray(all.item, all.count + 1, sizeof(m));
		if (!grown) {
			membership_free(&m);
			return r < 0 ? r : cg_error_oom(err);
		}
		all.item = grown;
		all.item[all.count++] = m;
	}
	if (r < 0)
		return r;
	*ret = all;
	all = (struct cg_memberships){0};
	return 0;
}

void cg_memberships_free(struct cg_memberships *m)
{
	for (size_t i = 0; i < m->count; i++)
		membership_free(&m->item[i]);
	free(m->item);
	*m = (struct cg_memberships){0};
}
