/* How full memory is. What counts is the tightest place above the jobs: the host, or a group with a limit.
 * Page cache is not in use: it goes when it is wanted. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "manager/governor_private.h"

static const struct cg_use_row *row_of(enum cg_use use)
{
	for (size_t i = 0; i < cg_use_row_count; i++)
		if (cg_use_rows[i].use == use && cg_use_rows[i].version == 2)
			return &cg_use_rows[i];
	return NULL;
}

/* The root and the groups above it, nearest first; those without the controller tell nothing. */
void governor_memory_open(struct cg_governor *g)
{
	const struct cg_host *h = &g->m->host;
	int at = cg_host_find(h, NULL, 2, row_of(CG_USE_MEMORY)->controller);
	_cleanup_close_ int fd = -1;

	g->meminfo = openat(g->m->proc, "meminfo", O_RDONLY | O_CLOEXEC);
	if (at < 0 || h->top.place[at].root < 0)
		return;
	fd = fcntl(h->top.place[at].root, F_DUPFD_CLOEXEC, 0);
	while (fd >= 0 && g->groups < CG_GOVERNOR_DEPTH) {
		int above;

		if (faccessat(fd, cg_known_limit_name(CG_LIMIT_MEMORY_MAX), R_OK, 0) < 0)
			break; /* the hierarchy's root has none */
		above = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		g->group[g->groups++] = cg_steal_fd(&fd);
		fd = above;
	}
}

void governor_memory_close(struct cg_governor *g)
{
	while (g->groups > 0)
		(void)close(g->group[--g->groups]);
	g->meminfo = cg_close(g->meminfo);
}

static bool read_number(int group, const struct cg_use_row *row, struct cg_buffer *b, uint64_t *ret)
{
	return cg_read_at(group, row->file, true, b) == 0 &&
	       cg_use_parse(row, (struct cg_bytes){b->data, b->len}, ret) == 0;
}

static bool read_group(int group, struct cg_buffer *b, uint64_t *ret_used, uint64_t *ret_total)
{
	uint64_t cache;

	if (cg_read_at(group, cg_known_limit_name(CG_LIMIT_MEMORY_MAX), true, b) < 0 ||
		cg_parse_u64(cg_bytes_trim((struct cg_bytes){b->data, b->len}), ret_total) < 0 ||
		*ret_total == 0 || !read_number(group, row_of(CG_USE_MEMORY), b, ret_used) ||
		!read_number(group, &cg_use_cache_row, b, &cache))
		return false;
	*ret_used = cache < *ret_used ? *ret_used - cache : 0;
	return true;
}

void governor_memory(struct cg_governor *g, uint64_t *ret_used, uint64_t *ret_total)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	uint64_t used, total;

	*ret_used = *ret_total = 0;
	if (g->meminfo >= 0 && cg_read_fd(g->meminfo, false, &b) == 0 &&
		cg_meminfo_parse((struct cg_bytes){b.data, b.len}, &total, &used) == 0) {
		*ret_used = used;
		*ret_total = total;
	}
	for (unsigned i = 0; i < g->groups; i++) {
		if (!read_group(g->group[i], &b, &used, &total))
			continue;
		if (*ret_total == 0 ||
			(unsigned __int128)used * *ret_total > (unsigned __int128)*ret_used * total) {
			*ret_used = used;
			*ret_total = total;
		}
	}
}
