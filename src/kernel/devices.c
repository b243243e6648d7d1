/* Block devices: numbers are given out anew at each boot, so settings that name them by number carry a stable
 * identity beside it.
 *
 * The identity is "KIND:TEXT", of the first source that has one:
 *   wwid     wwid, device/wwid      (NVMe; SCSI and SATA)
 *   serial   serial, device/serial  (virtio, NVMe; MMC)
 *   dm       dm/uuid                (device mapper: LVM, LUKS, multipath)
 *   md       md/uuid                (software RAID)
 *   loop     loop/backing_file      (the file behind it)
 *   by-id    the first name, bytewise, in /dev/disk/by-id that leads to it (what udev found out)
 * A partition is named by its disk's identity and "#part" with its number. */
#include "kernel/devices.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fdio.h"
#include "kernel/devices_root.h"

static const struct {
	const char *file, *kind;
} sources[] = {
	{"wwid", "wwid"},
	{"device/wwid", "wwid"},
	{"serial", "serial"},
	{"device/serial", "serial"},
	{"dm/uuid", "dm"},
	{"md/uuid", "md"},
	{"loop/backing_file", "loop"},
};

/* "MAJ:MIN", strictly. */
static int parse_key(const char *key, uint32_t *ret_major, uint32_t *ret_minor)
{
	struct cg_bytes rest = cg_bytes_of(key), major;

	if (!cg_bytes_split(&rest, ':', &major) || cg_parse_u32(major, ret_major) < 0 ||
		cg_parse_u32(rest, ret_minor) < 0)
		return -EINVAL;
	return 0;
}

/* The device's directory: /sys/dev/block/MAJ:MIN is a link that sysfs itself made, so it is followed. */
static int open_device(int root, const char *key, int *ret_fd)
{
	uint32_t major, minor;
	char path[64];
	int n, fd;

	if (parse_key(key, &major, &minor) < 0)
		return -EINVAL;
	n = snprintf(path, sizeof(path), "sys/dev/block/%u:%u", major, minor);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -EOVERFLOW;
	fd = openat(root, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENODEV : -errno;
	*ret_fd = fd;
	return 0;
}

/* The number of a partition, 0 for a whole device. */
static int partition_number(int device, uint32_t *ret)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	int r = cg_read_at(device, "partition", true, &b);

	if (r == -ENOENT) {
		*ret = 0;
		return 0;
	}
	return r < 0 ? r : cg_parse_u32(cg_bytes_trim((struct cg_bytes){b.data, b.len}), ret);
}

static int add_from_sysfs(int device, struct cg_text *stable)
{
	_cleanup_buffer_ struct cg_buffer b = {0};

	for (size_t i = 0; i < CG_ARRAY_SIZE(sources); i++) {
		struct cg_bytes value;
		int r = cg_read_path_at(device, sources[i].file, &b);

		if (r == -ENOMEM)
			return r;
		/* Absent, or the driver has nothing to say (EIO, ENXIO and others of its own). */
		if (r < 0)
			continue;
		value = cg_bytes_trim((struct cg_bytes){b.data, b.len});
		if (value.len == 0)
			continue;
		cg_text_printf(stable, "%s:", sources[i].kind);
		cg_text_add(stable, value.data, value.len);
		return 1;
	}
	return 0;
}

struct by_id {
	int dir;
	dev_t device;
	struct cg_text best;
};

static int look_by_id(const char *name, unsigned char type, void *context)
{
	struct by_id *s = context;
	struct stat st;

	(void)type;
	if (fstatat(s->dir, name, &st, 0) < 0 || !S_ISBLK(st.st_mode) || st.st_rdev != s->device)
		return 0;
	if (s->best.len > 0 && strcmp(s->best.data, name) <= 0)
		return 0;
	cg_text_reset(&s->best);
	cg_text_adds(&s->best, name);
	return s->best.failed ? -ENOMEM : 0;
}

static int add_from_links(int root, const char *key, struct cg_text *stable)
{
	_cleanup_close_ int dir = openat(root, "dev/disk/by-id", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct by_id s = {.dir = dir};
	uint32_t major, minor;
	int r;

	/* A host without udev has no such folder. */
	if (dir < 0)
		return errno == ENOENT ? 0 : -errno;
	r = parse_key(key, &major, &minor);
	if (r < 0)
		return r;
	s.device = makedev(major, minor);
	r = cg_dir_each(dir, look_by_id, &s);
	if (r == 0 && s.best.len > 0)
		cg_text_printf(stable, "by-id:%s", s.best.data);
	cg_text_free(&s.best);
	return r;
}

static int add_identity(int root, int device, const char *key, struct cg_text *stable)
{
	_cleanup_close_ int disk = -1;
	uint32_t partition;
	int r = partition_number(device, &partition);

	if (r < 0)
		return r;
	if (partition > 0) {
		disk = openat(device, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (disk < 0)
			return -errno;
	}
	r = add_from_sysfs(partition > 0 ? disk : device, stable);
	if (r > 0 && partition > 0)
		cg_text_printf(stable, "#part%u", partition);
	if (r == 0)
		r = add_from_links(root, key, stable);
	return r < 0 ? r : 0;
}

/* The kernel's name is the last component of where the link leads. */
static int add_name(int root, const char *key, struct cg_text *name)
{
	char path[64], target[512];
	const char *slash;
	ssize_t len;
	int n = snprintf(path, sizeof(path), "sys/dev/block/%s", key);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -EOVERFLOW;
	len = readlinkat(root, path, target, sizeof(target));
	if (len < 0)
		return errno == ENOENT ? -ENODEV : -errno;
	if ((size_t)len == sizeof(target))
		return -ENAMETOOLONG;
	slash = memrchr(target, '/', (size_t)len);
	slash = slash ? slash + 1 : target;
	cg_text_add(name, slash, (size_t)(target + len - slash));
	return 0;
}

int cg_block_identity_at(int root, const char *key, struct cg_text *name, struct cg_text *stable)
{
	_cleanup_close_ int device = -1;
	int r = open_device(root, key, &device);

	if (r == 0)
		r = add_name(root, key, name);
	if (r == 0)
		r = add_identity(root, device, key, stable);
	return r < 0 ? r : name->failed || stable->failed ? -ENOMEM : 0;
}

struct finder {
	int root;
	struct cg_bytes wanted;
	struct cg_text found, identity;
	size_t matches;
};

static int match_device(const char *name, unsigned char type, void *context)
{
	struct finder *f = context;
	_cleanup_close_ int device = -1;
	int r = open_device(f->root, name, &device);

	(void)type;
	cg_text_reset(&f->identity);
	if (r == 0)
		r = add_identity(f->root, device, name, &f->identity);
	/* Unplugged since it was listed. */
	if (r == -ENODEV || r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	if (f->identity.failed)
		return -ENOMEM;
	if (f->identity.len == 0 ||
		!cg_bytes_equal((struct cg_bytes){f->identity.data, f->identity.len}, f->wanted))
		return 0;
	if (f->matches++ > 0)
		cg_text_addc(&f->found, ' ');
	cg_text_adds(&f->found, name);
	return 0;
}

int cg_block_find_at(int root, const char *stable, struct cg_text *key)
{
	struct finder f = {.root = root, .wanted = cg_bytes_of(stable)};
	_cleanup_close_ int dir = openat(root, "sys/dev/block", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (dir < 0)
		return errno == ENOENT ? -ENODEV : -errno;
	if (f.wanted.len == 0)
		return -ENODEV;
	r = cg_dir_each(dir, match_device, &f);
	if (r == 0 && f.matches == 0)
		r = -ENODEV;
	/* Two paths to one disk: which of them was meant cannot be told. */
	else if (r == 0 && f.matches > 1)
		r = -ENOTUNIQ;
	if (r == 0 || r == -ENOTUNIQ)
		cg_text_add(key, f.found.data, f.found.len);
	cg_text_free(&f.found);
	cg_text_free(&f.identity);
	return r < 0 ? r : key->failed ? -ENOMEM : 0;
}

int cg_block_check_at(int root, const char *key)
{
	_cleanup_close_ int device = -1;
	uint32_t partition;
	int r = open_device(root, key, &device);

	if (r == 0)
		r = partition_number(device, &partition);
	return r < 0 ? r : partition == 0;
}

static int open_root(void)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int cg_block_identity(const char *key, struct cg_text *name, struct cg_text *stable)
{
	_cleanup_close_ int root = open_root();

	return root < 0 ? root : cg_block_identity_at(root, key, name, stable);
}

int cg_block_find(const char *stable, struct cg_text *key)
{
	_cleanup_close_ int root = open_root();

	return root < 0 ? root : cg_block_find_at(root, stable, key);
}

int cg_block_check(const char *key)
{
	_cleanup_close_ int root = open_root();

	return root < 0 ? root : cg_block_check_at(root, key);
}
