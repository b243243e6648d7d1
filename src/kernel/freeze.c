/* Waiting for a group to change its state: frozen, thawed, empty.
 *
 * On v2 cgroup.events holds "populated N" and "frozen N" and wakes poll(2) with POLLPRI whenever it changes
 * after it was last read. The v1 freezer has no such file and no notification at all: freezer.state reads
 * FREEZING until every task has stopped, and only reading it again tells (freezer-subsystem.rst). */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>

#include "kernel/cgroupfs.h"
#include "kernel/files.h"

#define ASK_FIRST_MS    1
#define ASK_LONGEST_MS  16
#define FREEZE_AGAIN_MS 100 /* a v1 group that is FREEZING for so long is thawed and frozen anew */

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t deadline_after(int timeout_ms)
{
	return now_ms() + (timeout_ms > 0 ? timeout_ms : 0);
}

/* The number after a key in a flat-keyed file; -ENODATA without the key. */
static int event_value(struct cg_bytes text, const char *key, uint64_t *ret)
{
	struct cg_bytes line, word;

	while (cg_bytes_split(&text, '\n', &line))
		if (cg_bytes_word(&line, &word) && cg_bytes_is(word, key))
			return cg_parse_u64(cg_bytes_trim(line), ret);
	return -ENODATA;
}

/* Waits until cgroup.events shows the value; reads before the first wait, for poll(2) tells changes only. */
static int wait_event(int group, const char *key, uint64_t wanted, int64_t deadline)
{
	_cleanup_close_ int fd = openat(group, CG_FILE_EVENTS, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_buffer_ struct cg_buffer b = {0};

	if (fd < 0)
		return -errno;
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLPRI};
		int64_t left;
		uint64_t value;
		int r = cg_read_fd(fd, true, &b);

		if (r == 0)
			r = event_value((struct cg_bytes){b.data, b.len}, key, &value);
		if (r < 0)
			return r;
		if (value == wanted)
			return 0;
		left = deadline - now_ms();
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
	}
}

int cg_cgroup_wait_empty(int group, int timeout_ms)
{
	struct statfs fs;

	if (fstatfs(group, &fs) < 0)
		return -errno;
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		return -EOPNOTSUPP;
	return wait_event(group, "populated", 0, deadline_after(timeout_ms));
}

static bool reads_as(int group, const char *file, const char *expected)
{
	_cleanup_buffer_ struct cg_buffer b = {0};

	return cg_read_at(group, file, true, &b) == 0 &&
	       cg_bytes_is(cg_bytes_trim((struct cg_bytes){b.data, b.len}), expected);
}

/* Whether a group above is asked to be frozen: it keeps those below frozen whatever they ask for. Goes up
 * while ".." stays on the same file system. */
static int is_frozen_from_above(int group)
{
	_cleanup_close_ int at = openat(group, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat start, st;

	if (fstat(group, &start) < 0)
		return -errno;
	while (at >= 0 && fstat(at, &st) == 0 && st.st_dev == start.st_dev) {
		int up;

		if (reads_as(at, CG_FILE_FREEZE, "1"))
			return 1;
		/* The root of a hierarchy has no such file, and above it lies another file system. */
		if (faccessat(at, CG_FILE_FREEZE, F_OK, AT_EACCESS) < 0)
			return 0;
		up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		(void)cg_close(at);
		at = up;
	}
	return at < 0 ? -errno : 0;
}

static int freeze_v2(int group, bool frozen, int64_t deadline)
{
	int r = cg_write_at(group, CG_FILE_FREEZE, frozen ? CG_BYTES("1") : CG_BYTES("0"));

	if (r < 0)
		return r;
	if (!frozen) {
		r = is_frozen_from_above(group);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return wait_event(group, "frozen", frozen, deadline);
}

static int set_v1(int group, bool frozen)
{
	return cg_write_at(group, CG_FILE_FREEZER_STATE, frozen ? CG_BYTES("FROZEN") : CG_BYTES("THAWED"));
}

static int freeze_v1(int group, bool frozen, int64_t deadline)
{
	int64_t again = now_ms() + FREEZE_AGAIN_MS, pause = ASK_FIRST_MS;
	int r = set_v1(group, frozen);

	while (r == 0) {
		struct timespec t;
		int64_t now;

		if (reads_as(group, CG_FILE_FREEZER_STATE, frozen ? "FROZEN" : "THAWED"))
			return 0;
		/* Its own state is thawed; what still holds it is a group above. */
		if (!frozen && reads_as(group, CG_FILE_FREEZER_SELF, "0"))
			return 0;
		now = now_ms();
		if (now >= deadline)
			return -ETIMEDOUT;
		if (frozen && now >= again) {
			r = set_v1(group, false);
			if (r == 0)
				r = set_v1(group, true);
			again = now + FREEZE_AGAIN_MS;
		}
		t = (struct timespec){0, pause * 1000000};
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
		pause = pause * 2 > ASK_LONGEST_MS ? ASK_LONGEST_MS : pause * 2;
	}
	return r;
}

int cg_cgroup_freeze(int group, int version, bool frozen, int timeout_ms)
{
	int64_t deadline = deadline_after(timeout_ms);

	return version == 2 ? freeze_v2(group, frozen, deadline) : freeze_v1(group, frozen, deadline);
}
