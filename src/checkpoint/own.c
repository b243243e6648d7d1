/* Finding the tasks of a checkpoint: see own.h. */
#include "checkpoint/own.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fdio.h"
#include "image/criu.h"
#include "image/image.h"
#include "kernel/pid_map.h"
#include "kernel/tasks.h"

void cg_own_free(struct cg_own *own)
{
	for (size_t i = 0; own->path && i < own->count; i++) {
		for (size_t h = 0; own->path[i] && h < own->hierarchies; h++)
			free(own->path[i][h]);
		free(own->path[i]);
	}
	free(own->path);
	free(own->id);
	*own = (struct cg_own){0};
}

static int compare_ids(const void *a, const void *b)
{
	const int32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

bool cg_own_has(const struct cg_own *own, int32_t id)
{
	return own->count && bsearch(&id, own->id, own->count, sizeof(id), compare_ids);
}

struct id_list {
	int32_t *item;
	size_t count, room;
};

static int add_id(void *context, int tid)
{
	struct id_list *l = context;

	if (l->count == l->room) {
		size_t room = l->room ? l->room * 2 : 64;
		int32_t *more = reallocarray(l->item, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		l->item = more;
		l->room = room;
	}
	l->item[l->count++] = tid;
	return 0;
}

static int look_where(const struct cg_live *live, int tid, char **path)
{
	_cleanup_memberships_ struct cg_memberships in = {0};
	_cleanup_error_ struct cg_error *why = NULL;
	int r = cg_live_of_pid(tid, &in, &why);

	for (size_t i = 0; r == 0 && i < in.count; i++) {
		size_t h = cg_live_of_membership(live, &in.item[i]);

		if (h == live->count || in.item[i].deleted)
			continue;
		path[h] = strdup(in.item[i].path);
		if (!path[h])
			return -ENOMEM;
	}
	return r;
}

/* Where each is. Who has gone meanwhile is left out when that is no error. */
static int look_all(const struct cg_live *live, bool strict, struct cg_own *own, struct cg_error **err)
{
	size_t kept = 0;

	own->hierarchies = live->count;
	own->path = calloc(own->count + 1, sizeof(*own->path));
	if (!own->path)
		return cg_error_oom(err);
	for (size_t i = 0; i < own->count; i++) {
		int r;

		own->path[i] = calloc(live->count + 1, sizeof(**own->path));
		if (!own->path[i])
			return cg_error_oom(err);
		r = look_where(live, own->id[i], own->path[i]);
		if (r == -ENOMEM)
			return cg_error_oom(err);
		if (r < 0 && (strict || r != -ESRCH))
			return cg_error_errno(err, -r, "cannot tell which groups task %d is in", own->id[i]);
	}
	for (size_t i = 0; i < own->count; i++) {
		bool anywhere = false;

		for (size_t h = 0; h < live->count; h++)
			anywhere |= own->path[i][h] != NULL;
		if (anywhere) {
			char **path = own->path[kept];

			own->id[kept] = own->id[i];
			own->path[kept++] = own->path[i];
			own->path[i] = path;
		}
	}
	for (size_t i = kept; i < own->count; i++)
		free(own->path[i]);
	own->count = kept;
	return 0;
}

static int add_dumped(int proc, const struct cg_criu_tasks *tasks, const struct cg_pid_map *map,
	struct id_list *to, struct cg_error **err)
{
	_cleanup_buffer_ struct cg_buffer b = {0};

	for (uint32_t i = 0; i < tasks->count; i++) {
		const struct cg_criu_task *t = &tasks->task[i];
		int32_t here = cg_pid_map_find(map, t->tid);
		uint64_t start;
		int r;

		/* The dead that nobody waited for are in no group. */
		if (t->set == CG_CRIU_NO_SET)
			continue;
		r = here ? cg_proc_start_time(proc, here, &b, &start) : -ESRCH;
		if (r == -ESRCH)
			return cg_error_make(err, CG_FAULT_SYSTEM, ESRCH,
				"task %d is in CRIU's images, but it is not there any more", t->tid);
		if (r < 0)
			return cg_error_errno(err, -r, "cannot look at task %d", t->tid);
		if (add_id(to, here) < 0)
			return cg_error_oom(err);
	}
	return 0;
}

static int list_dumped(int dirfd, int init, struct id_list *to, struct cg_error **err)
{
	_cleanup_criu_tasks_ struct cg_criu_tasks tasks = {0};
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_close_ int proc = -1;
	_cleanup_pid_map_ struct cg_pid_map map = {0};
	int r = cg_criu_read_tasks(dirfd, CG_IMAGE_MEMORY_DEFAULT, &tasks, err);

	r = r < 0 ? r : cg_proc_open(&proc, err);
	if (r < 0)
		return r;
	r = cg_proc_shares_pid_namespace(proc, init);
	map.same = r > 0;
	if (r == 0)
		r = cg_pid_map_read(&map, proc, init, &b);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot look through the pid namespace of process %d", init);
	cg_pid_map_sort(&map);
	return add_dumped(proc, &tasks, &map, to, err);
}

static int take_over(const struct cg_live *live, struct id_list *list, bool strict, struct cg_own *ret,
	struct cg_error **err)
{
	_cleanup_own_ struct cg_own own = {.id = cg_steal(list->item), .count = list->count};
	int r;

	if (own.count)
		qsort(own.id, own.count, sizeof(*own.id), compare_ids);
	r = look_all(live, strict, &own, err);
	if (r < 0)
		return r;
	*ret = own;
	own = (struct cg_own){0};
	return 0;
}

int cg_own_dumped(const struct cg_live *live, int dirfd, int init, struct cg_own *ret, struct cg_error **err)
{
	struct id_list list = {0};
	int r = list_dumped(dirfd, init, &list, err);

	r = r < 0 ? r : take_over(live, &list, true, ret, err);
	free(list.item);
	return r;
}

struct descent {
	int proc;
	struct id_list *threads, processes;
	struct cg_buffer buffer;
};

static int add_children(void *context, int tid)
{
	struct descent *d = context;
	struct cg_bytes rest, word;
	char name[64];
	int pid, r = add_id(d->threads, tid), process = d->processes.item[d->processes.count - 1];

	if (r < 0)
		return r;
	/* proc_pid_children(5) */
	if (snprintf(name, sizeof(name), "%d/task/%d/children", process, tid) >= (int)sizeof(name))
		return -EINVAL;
	r = cg_read_path_at(d->proc, name, &d->buffer);
	if (r < 0)
		return r == -ENOENT || r == -ESRCH ? 0 : r;
	rest = (struct cg_bytes){d->buffer.data, d->buffer.len};
	while (cg_bytes_word(&rest, &word)) {
		if (cg_parse_pid(word, &pid) < 0)
			return -EIO;
		r = add_id(&d->processes, pid);
		if (r < 0)
			return r;
		/* The one in hand stays last. */
		d->processes.item[d->processes.count - 2] = pid;
		d->processes.item[d->processes.count - 1] = process;
	}
	return 0;
}

int cg_own_running(const struct cg_live *live, int init, struct cg_own *ret, struct cg_error **err)
{
	struct id_list threads = {0};
	struct descent d = {.proc = -1, .threads = &threads};
	int r = cg_proc_open(&d.proc, err);

	if (r == 0 && add_id(&d.processes, init) < 0)
		r = cg_error_oom(err);
	while (r == 0 && d.processes.count) {
		int process = d.processes.item[d.processes.count - 1];
		int one = cg_proc_threads(d.proc, process, add_children, &d);

		d.processes.count--;
		if (one < 0 && one != -ESRCH)
			r = cg_error_errno(err, -one, "cannot list the threads of process %d", process);
	}
	r = r < 0 ? r : take_over(live, &threads, false, ret, err);
	free(threads.item);
	free(d.processes.item);
	cg_buffer_free(&d.buffer);
	(void)cg_close(d.proc);
	return r;
}
