/* Where the catalogue meets a kernel: the hierarchies that are mounted, and groups of our own in them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "base/text.h"
#include "model/knob.h"

#define PATH_ROOM   256
#define HIERARCHIES 32

struct hierarchy {
	int version;
	int root_fd;
	char mount_point[PATH_ROOM];
	char controllers[PATH_ROOM]; /* v1: the super options; v2: the child's cgroup.controllers */
};

struct ground {
	uint32_t kernel; /* CG_KERNEL() */
	uint64_t page_size;
	char name[64]; /* of our groups: no other program's */
	struct hierarchy hierarchy[HIERARCHIES];
	size_t count;
};

/* Finds what is mounted and can be written to: 0 or a negative errno, with a line on stderr. */
int ground_find(struct ground *ret) CG_MUST_CHECK;
void ground_close(struct ground *g);

/* Makes our group in the hierarchy and opens it: a descriptor or a negative errno. For v2 its controllers are
 * read too. */
int group_make(const struct ground *g, struct hierarchy *h) CG_MUST_CHECK;
/* Removes it; -errno. Takes a group that is not there. */
int group_remove(const struct ground *g, const struct hierarchy *h);

bool hierarchy_has(const struct hierarchy *h, const char *controller);
bool knob_is_current(const struct cg_knob *knob, uint32_t kernel);

/* The setting that a file of the group holds (from read_name where the row says so); points into *b or at
 * constant words. 0 or -errno. */
int setting_read(const struct cg_knob *knob, const char *name, int fd, struct cg_buffer *b,
	struct cg_bytes *ret) CG_MUST_CHECK;

/* One line "DEVIATION MOUNT FILE: text", counted. */
struct tally {
	unsigned files, settings, defaults, written, children, values, reasoned, deviations;
};
void deviation(struct tally *t, const struct hierarchy *h, const char *file, const char *fmt, ...)
	CG_PRINTF(4, 5);
