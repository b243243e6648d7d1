/* Which ids tasks have here that had others elsewhere: given, or those in a pid namespace
 * (pid_namespaces(7)). */
#pragma once

#include "base/fdio.h"

struct cg_pid_pair {
	int32_t from, to; /* the id there, and the one here */
};
struct cg_pid_map {
	struct cg_pid_pair *item;
	size_t count, room;
	bool same; /* ids are the same there: no pairs are needed */
};
void cg_pid_map_free(struct cg_pid_map *m);
#define _cleanup_pid_map_ _cleanup_(cg_pid_map_free)

/* -ENOMEM. */
int cg_pid_map_add(struct cg_pid_map *m, int32_t from, int32_t to) CG_MUST_CHECK;
/* Adds every thread that has an id in the pid namespace of process `ns_of`, by all of /proc; -ESRCH when
 * there is no such process. With `buffer` kept from call to call. */
int cg_pid_map_read(struct cg_pid_map *m, int proc, int ns_of, struct cg_buffer *buffer) CG_MUST_CHECK;
/* By `from`; needed before a look-up. */
void cg_pid_map_sort(struct cg_pid_map *m);
/* The id here, 0 when there is none. */
int32_t cg_pid_map_find(const struct cg_pid_map *m, int32_t from);
