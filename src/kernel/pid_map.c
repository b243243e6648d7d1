/* Ids there and here: see pid_map.h. */
#include "kernel/pid_map.h"

#include <errno.h>
#include <stdlib.h>

#include "kernel/tasks.h"

void cg_pid_map_free(struct cg_pid_map *m)
{
	free(m->item);
	*m = (struct cg_pid_map){0};
}

int cg_pid_map_add(struct cg_pid_map *m, int32_t from, int32_t to)
{
	if (m->count == m->room) {
		size_t room = m->room ? m->room * 2 : 256;
		struct cg_pid_pair *more = reallocarray(m->item, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		m->item = more;
		m->room = room;
	}
	m->item[m->count++] = (struct cg_pid_pair){from, to};
	return 0;
}

static int add_task(void *context, int tid, int ns_id)
{
	return cg_pid_map_add(context, ns_id, tid);
}

int cg_pid_map_read(struct cg_pid_map *m, int proc, int ns_of, struct cg_buffer *buffer)
{
	return cg_proc_each_in_namespace(proc, ns_of, buffer, add_task, m);
}

static int compare(const void *a, const void *b)
{
	const struct cg_pid_pair *x = a, *y = b;

	return (x->from > y->from) - (x->from < y->from);
}

void cg_pid_map_sort(struct cg_pid_map *m)
{
	if (m->count)
		qsort(m->item, m->count, sizeof(*m->item), compare);
}

int32_t cg_pid_map_find(const struct cg_pid_map *m, int32_t from)
{
	struct cg_pid_pair key = {.from = from}, *found;

	if (m->same)
		return from;
	found = m->count ? bsearch(&key, m->item, m->count, sizeof(key), compare) : NULL;
	return found ? found->to : 0;
}
