/* Which task was where, by CRIU's other images: pstree.img lists processes with their threads, core-TID.img
 * tells the set of a process (older form) or of a thread. Where only the process's is told its threads are
 * taken to be with it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fdio.h"
#include "image/criu_frame.h"
#include "image/criu_import.h"

#define PSTREE_NAME "pstree.img"
#define TASKS_MAX   4194304 /* a host has no more ids (proc(5), pid_max) */

void cg_criu_tasks_free(struct cg_criu_tasks *t)
{
	cg_arena_free(&t->arena);
	*t = (struct cg_criu_tasks){0};
}

struct reading {
	int dirfd;
	struct cg_budget budget;
	struct cg_scratch scratch;
	struct cg_text file;
	struct cg_criu_task *task;
	size_t count, room;
	struct cg_criu_tasks *to;
};

/* Reads a file of the folder whole into r->file. */
static int load(struct reading *r, const char *name, struct cg_error **err)
{
	_cleanup_close_ int fd = -1;
	int code = cg_open_beneath(r->dirfd, name, O_RDONLY, &fd);

	if (code < 0)
		return cg_error_errno(err, -code, "cannot open");
	cg_text_reset(&r->file);
	return cg_criu_load(fd, name, &r->file, err);
}

static int add_task(struct reading *r, uint32_t pid, uint32_t tid, struct cg_error **err)
{
	if (pid < 1 || pid > TASKS_MAX || tid < 1 || tid > TASKS_MAX)
		return cg_error_corrupt(err, "it has a task with the number %u or %u", pid, tid);
	if (r->count == TASKS_MAX)
		return cg_error_corrupt(err, "it has more than %d tasks", TASKS_MAX);
	if (r->count == r->room) {
		size_t room = r->room ? 2 * r->room : 64;
		void *more = reallocarray(r->task, room, sizeof(*r->task));

		if (!more)
			return cg_error_oom(err);
		r->task = more;
		r->room = room;
	}
	r->task[r->count++] = (struct cg_criu_task){
		.pid = (int32_t)pid, .tid = (int32_t)tid, .set = CG_CRIU_NO_SET, .comm = ""};
	return 0;
}

static int add_process(struct reading *r, struct cg_bytes entry, struct cg_error **err)
{
	const Cgtree__Criu__Process *p;
	ProtobufCMessage *m;
	int code = cg_criu_unpack(&r->scratch, &cgtree__criu__process__descriptor, entry, false, &m, err);

	if (code < 0)
		return code;
	p = (const Cgtree__Criu__Process *)m;
	/* Dead ones that nobody waited for are listed without threads. */
	if (p->n_threads == 0)
		code = add_task(r, p->pid, p->pid, err);
	for (size_t i = 0; code == 0 && i < p->n_threads; i++)
		code = add_task(r, p->pid, p->threads[i], err);
	return code;
}

static int compare_tasks(const void *a, const void *b)
{
	const struct cg_criu_task *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return (x->tid > y->tid) - (x->tid < y->tid);
}

static int read_pstree(struct reading *r, struct cg_error **err)
{
	struct cg_bytes rest, entry;
	int code = load(r, PSTREE_NAME, err);

	if (code == 0)
		code = cg_criu_open(
			(struct cg_bytes){r->file.data, r->file.len}, CG_CRIU_MAGIC_PSTREE, &rest, err);
	while (code == 0) {
		code = cg_criu_next(&rest, &entry, err);
		if (code <= 0)
			break;
		code = add_process(r, entry, err);
		cg_scratch_reset(&r->scratch);
	}
	if (code < 0)
		return code;
	if (r->count)
		qsort(r->task, r->count, sizeof(*r->task), compare_tasks);
	for (size_t i = 1; i < r->count; i++)
		if (compare_tasks(&r->task[i - 1], &r->task[i]) == 0)
			return cg_error_corrupt(err, "it has task %d twice", (int)r->task[i].tid);
	return 0;
}

/* `leader` is the set of the process; what the leader's image says is kept there. */
static int read_core(struct reading *r, struct cg_criu_task *t, uint32_t *leader, struct cg_error **err)
{
	const Cgtree__Criu__Core *core;
	struct cg_bytes rest, entry, comm;
	ProtobufCMessage *m;
	int code = cg_criu_open((struct cg_bytes){r->file.data, r->file.len}, CG_CRIU_MAGIC_CORE, &rest, err);

	code = code < 0 ? code : cg_criu_next(&rest, &entry, err);
	if (code == 0)
		return cg_error_corrupt(err, "it ends where the task should begin");
	code = code < 0 ? code
			: cg_criu_unpack(&r->scratch, &cgtree__criu__core__descriptor, entry, false, &m, err);
	if (code < 0)
		return code;
	core = (const Cgtree__Criu__Core *)m;
	if (core->tc && core->tc->has_cg_set)
		*leader = core->tc->cg_set;
	t->set = *leader;
	t->assumed = t->tid != t->pid;
	if (core->thread_core && core->thread_core->has_cg_set) {
		t->set = core->thread_core->cg_set;
		t->assumed = false;
		if (t->tid == t->pid && *leader == CG_CRIU_NO_SET)
			*leader = t->set;
	}
	comm = cg_bytes_of(core->thread_core && core->thread_core->comm ? core->thread_core->comm
			   : core->tc && core->tc->comm                 ? core->tc->comm
									: "");
	if (!cg_budget_charge(&r->budget, comm.len + 1) || !cg_arena_keep(&r->to->arena, &comm))
		return cg_criu_out_of_memory(&r->budget, err);
	t->comm = comm.data;
	return 0;
}

static int read_one(struct reading *r, struct cg_criu_task *t, uint32_t *leader, struct cg_error **err)
{
	char name[32];
	int code = snprintf(name, sizeof(name), "core-%d.img", (int)t->tid);

	if (code < 0 || (size_t)code >= sizeof(name))
		return cg_error_corrupt(err, "task %d has an impossible number", (int)t->tid);
	code = load(r, name, err);
	code = code < 0 ? code : read_core(r, t, leader, err);
	if (code < 0)
		cg_error_at(err, name, NULL);
	cg_scratch_reset(&r->scratch);
	return code;
}

/* The leader's image tells the set of its threads, so it is read first. */
static int read_process(struct reading *r, size_t first, size_t end, struct cg_error **err)
{
	uint32_t leader = CG_CRIU_NO_SET;
	size_t of_leader = first;
	int code;

	while (of_leader < end && r->task[of_leader].tid != r->task[of_leader].pid)
		of_leader++;
	if (of_leader == end) {
		code = cg_error_corrupt(err, "process %d lacks its first thread", (int)r->task[first].pid);
		cg_error_at(err, PSTREE_NAME, NULL);
		return code;
	}
	code = read_one(r, &r->task[of_leader], &leader, err);
	for (size_t i = first; code == 0 && i < end; i++)
		if (i != of_leader)
			code = read_one(r, &r->task[i], &leader, err);
	return code;
}

static int read_all(struct reading *r, struct cg_error **err)
{
	int code = read_pstree(r, err);

	if (code < 0)
		cg_error_at(err, PSTREE_NAME, NULL);
	for (size_t first = 0, end; code == 0 && first < r->count; first = end) {
		for (end = first + 1; end < r->count && r->task[end].pid == r->task[first].pid; end++)
			;
		code = read_process(r, first, end, err);
	}
	if (code < 0)
		return code;
	r->to->task = cg_arena_array(&r->to->arena, r->count, sizeof(*r->task));
	if (!r->to->task)
		return cg_error_oom(err);
	if (r->count)
		memcpy(r->to->task, r->task, r->count * sizeof(*r->task));
	r->to->count = (uint32_t)r->count;
	return 0;
}

int cg_criu_read_tasks(int dirfd, size_t memory, struct cg_criu_tasks *ret, struct cg_error **err)
{
	struct cg_criu_tasks tasks = {0};
	struct reading r = {.dirfd = dirfd, .budget.limit = memory, .to = &tasks};
	int code;

	cg_scratch_init(&r.scratch, &r.budget);
	code = read_all(&r, err);
	cg_scratch_free(&r.scratch);
	cg_text_free(&r.file);
	free(r.task);
	if (code < 0)
		cg_criu_tasks_free(&tasks);
	else
		*ret = tasks;
	return code;
}
