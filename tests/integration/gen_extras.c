/* Owners and modes as delegation and people leave them, and extended attributes of every size and content. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "gentree.h"

struct names {
	struct gen *gen;
	char name[160][96];
	size_t count;
};

static int collect(const char *name, unsigned char type, void *context)
{
	struct names *n = context;

	if (type == DT_DIR)
		return 0;
	if (n->count == CG_ARRAY_SIZE(n->name) || strlen(name) >= sizeof(n->name[0]))
		return -E2BIG;
	(void)strcpy(n->name[n->count++], name);
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static uid_t pick_id(struct gen *g)
{
	static const uid_t ids[] = {0, 1, 1000, 65534, 123456, 4294967294U};

	return ids[gen_random(&g->random, CG_ARRAY_SIZE(ids))];
}

/* Settings stay readable and writable, so that an eye on the values needs no catalogue. */
static mode_t pick_mode(struct gen *g, const char *name)
{
	static const mode_t settings[] = {0600, 0640, 0664, 0666}, others[] = {0400, 0440, 0000};
	const struct cg_knob *k = cg_knob_find(name, g->hierarchy->version);

	if (k && (k->kind == CG_KNOB_SETTING || k->kind == CG_KNOB_MEMBERSHIP) && !k->write_name)
		return settings[gen_random(&g->random, CG_ARRAY_SIZE(settings))];
	return k && k->kind == CG_KNOB_ACTION ? 0220 : others[gen_random(&g->random, CG_ARRAY_SIZE(others))];
}

static int own_file(struct gen *g, int fd, const char *name, uid_t uid, gid_t gid, bool change_mode)
{
	if (fchownat(fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (change_mode && fchmodat(fd, name, pick_mode(g, name), 0) < 0)
		return -errno;
	g->owners++;
	return 0;
}

static int own_files(struct gen *g, int fd, uid_t uid, gid_t gid)
{
	struct names n = {.gen = g};
	/* All of them, as when a user made the group; those of a delegation; or a few of any kind. */
	const unsigned way = gen_random(&g->random, 3);
	static const char *const delegated[] = {
		"cgroup.procs", "cgroup.subtree_control", "cgroup.threads", "tasks"};
	int r = cg_dir_each(fd, collect, &n);

	qsort(n.name, n.count, sizeof(n.name[0]), compare);
	for (size_t i = 0; r == 0 && i < n.count; i++) {
		bool take = way == 0 || (way == 2 && gen_chance(&g->random, 15));

		for (size_t d = 0; way == 1 && d < CG_ARRAY_SIZE(delegated); d++)
			take |= strcmp(delegated[d], n.name[i]) == 0;
		if (take)
			r = own_file(g, fd, n.name[i], uid, gid, way == 2 && gen_chance(&g->random, 60));
	}
	return r;
}

static int own(struct gen *g, const struct node *n)
{
	static const mode_t modes[] = {0755, 0700, 0750, 0775, 01777, 02755};
	const uid_t uid = pick_id(g);
	const gid_t gid = pick_id(g);

	/* Statistics are looked at where the directory is not root's. */
	if (fchown(n->fd, uid ? uid : 1000, gid) < 0 ||
		fchmod(n->fd, modes[gen_random(&g->random, CG_ARRAY_SIZE(modes))]) < 0)
		return -errno;
	g->owners++;
	return own_files(g, n->fd, uid, gid);
}

static int attribute(struct gen *g, int fd, const char *name, const void *value, size_t len)
{
	if (fsetxattr(fd, name, value, len, 0) == 0) {
		g->attributes++;
		return 0;
	}
	/* A node holds 128 of user.* in 128 KiB; older kernels none. */
	if (strncmp(name, "user.", 5) == 0 && (errno == EOPNOTSUPP || errno == ENOSPC)) {
		g->attributes_refused++;
		return 0;
	}
	return -errno;
}

static int attribute_large(struct gen *g, int fd, const char *name)
{
	_cleanup_free_ char *value = malloc(XATTR_SIZE_MAX);

	if (!value)
		return -ENOMEM;
	for (size_t i = 0; i < XATTR_SIZE_MAX; i++)
		value[i] = (char)gen_random(&g->random, 256);
	return attribute(g, fd, name, value, XATTR_SIZE_MAX);
}

static int attribute_many(struct gen *g, int fd, const char *prefix, unsigned count)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < count; i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "%s.many.%u", prefix, i);
		r = attribute(g, fd, name, name, gen_random(&g->random, (uint32_t)strlen(name)));
	}
	return r;
}

static int attributes(struct gen *g, const struct node *n)
{
	static const struct {
		const char *name, *value;
		size_t len;
	} list[] = {
		{"trusted.empty", "", 0},
		{"trusted.binary", "\0\x01\xff\n\"\\", 6},
		{"trusted.invocation_id", "0123456789abcdef0123456789abcdef", 32},
		{"trusted.a b=\"c\"\\\xc3\xbc", "odd name", 8},
		{"trusted.\xff", "no text", 7},
		{"user.delegate", "1", 1},
		{"user.oomd_omit", "", 0},
		{"user.binary", "\xff\0\0x", 4},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < CG_ARRAY_SIZE(list); i++)
		if (gen_chance(&g->random, 60))
			r = attribute(g, n->fd, list[i].name, list[i].value, list[i].len);
	return r;
}

int gen_extras(struct gen *g, size_t node)
{
	const struct node *n = &g->node[node];
	int r = 0;

	if (gen_chance(&g->random, 30))
		r = own(g, n);
	else if (gen_chance(&g->random, 20))
		r = own_file(
			g, n->fd, g->hierarchy->version == 2 ? "cgroup.procs" : "tasks", 1000, 1000, true);
	if (r == 0 && gen_chance(&g->random, 30))
		r = attributes(g, n);
	if (r == 0 && node == 2)
		r = attribute_large(g, n->fd, "trusted.large");
	if (r == 0 && node == 3)
		r = attribute_large(g, n->fd, "user.large");
	if (r == 0 && node == 1)
		r = attribute_many(g, n->fd, "trusted", 150);
	if (r == 0 && node == 4)
		r = attribute_many(g, n->fd, "user", 130);
	return r;
}
