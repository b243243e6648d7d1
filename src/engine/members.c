/* Finding the tasks of an image here.
 *
 *   tasks of all hierarchies --> each once, sorted --> looked up here (boot and start time, map, or pid
 *   namespace) --> for each hierarchy whole processes, or processes and then their threads
 *
 * A task stands in every hierarchy of the image; it is looked up once, and what /proc tells of it is kept. */
#include "engine/members.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/tasks.h"

/* One task of the image, and what it is here. */
struct known {
	const struct cg_task *task;
	int32_t pid, tid; /* here */
	uint64_t start_time;
	const char *why;   /* it is not here; NULL: it is */
	const char **path; /* in each live hierarchy, NULL where it has none */
};

/* A task in a group of the hierarchy in hand. */
struct standing {
	uint32_t known, group;
};

struct finder {
	const struct cg_tree *image;
	const struct cg_live *live;
	const struct cg_member_options *options;
	struct cg_members *out;
	struct known *known;
	size_t count;
	struct cg_pid_map map; /* the one given, or of the namespace given */
	bool same_boot;
	int proc;
	struct cg_buffer buffer;
};

static int compare_known(const void *a, const void *b)
{
	const struct cg_task *x = ((const struct known *)a)->task, *y = ((const struct known *)b)->task;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

static int compare_standings(const void *a, const void *b)
{
	const struct standing *x = a, *y = b;

	return x->known < y->known ? -1 : x->known > y->known;
}

/* Every task of the image once. */
static int collect(struct finder *f, struct cg_error **err)
{
	size_t total = 0, kept = 0;

	for (uint32_t i = 0; i < f->image->groups; i++)
		total += f->image->group[i].tasks;
	f->known = calloc(total + 1, sizeof(*f->known));
	if (!f->known)
		return cg_error_oom(err);
	for (uint32_t i = 0; i < f->image->groups; i++)
		for (uint32_t j = 0; j < f->image->group[i].tasks; j++)
			f->known[f->count++].task = &f->image->group[i].task[j];
	qsort(f->known, f->count, sizeof(*f->known), compare_known);
	for (size_t i = 0; i < f->count; i++)
		if (kept == 0 || compare_known(&f->known[kept - 1], &f->known[i]) != 0)
			f->known[kept++] = f->known[i];
	f->count = kept;
	return 0;
}

static int compare_targets(const void *a, const void *b)
{
	const struct cg_pid_pair *x = a, *y = b;

	return x->to < y->to ? -1 : x->to > y->to;
}

/* One task cannot stand for two. */
static int check_targets(struct finder *f, struct cg_error **err)
{
	if (f->map.count > 0)
		qsort(f->map.item, f->map.count, sizeof(*f->map.item), compare_targets);
	for (size_t i = 1; i < f->map.count; i++)
		if (f->map.item[i].to == f->map.item[i - 1].to &&
			f->map.item[i].from != f->map.item[i - 1].from)
			return cg_error_usage(err, "ids %d and %d are both mapped to %d",
				f->map.item[i - 1].from, f->map.item[i].from, f->map.item[i].to);
	return 0;
}

/* The ids that lead from the image to here, when any were given. */
static int learn_pairs(struct finder *f, struct cg_error **err)
{
	const struct cg_member_options *o = f->options;
	int r = 0;

	for (size_t i = 0; r == 0 && i < o->pid_maps; i++)
		r = cg_pid_map_add(&f->map, o->pid_map[i].from, o->pid_map[i].to);
	if (r == 0 && !o->pid_map && o->pidns > 0)
		r = cg_pid_map_read(&f->map, f->proc, o->pidns, &f->buffer);
	if (r == -ENOMEM)
		return cg_error_oom(err);
	if (r == -ESRCH)
		return cg_error_make(err, CG_FAULT_USAGE, ESRCH,
			"there is no process %d to take a pid namespace from", o->pidns);
	if (r < 0)
		return cg_error_errno(
			err, -r, "cannot look through the pid namespace of process %d", o->pidns);
	r = check_targets(f, err);
	if (r < 0)
		return r;
	cg_pid_map_sort(&f->map);
	for (size_t i = 1; i < f->map.count; i++)
		if (f->map.item[i].from == f->map.item[i - 1].from &&
			f->map.item[i].to != f->map.item[i - 1].to)
			return cg_error_usage(err, "id %d is mapped to %d and to %d", f->map.item[i].from,
				f->map.item[i - 1].to, f->map.item[i].to);
	return 0;
}

/* Who a task of the image is here: fills pid, tid and start time, or why. Negative errors are of /proc
 * itself.
 */
static int identify_mapped(struct finder *f, struct known *k)
{
	const struct cg_task *t = k->task;
	bool by_map = f->options->pid_map != NULL;
	int32_t id = by_map ? t->tid : t->ns_count > 0 ? t->ns_pid[t->ns_count - 1] : 0;
	struct cg_proc_task here;
	int r;

	if (id == 0) {
		k->why = "the image has no id of it in a pid namespace";
		return 0;
	}
	id = cg_pid_map_find(&f->map, id);
	if (id == 0) {
		k->why = by_map ? "not in the pid map" : "not seen in that pid namespace";
		return 0;
	}
	r = cg_proc_task(f->proc, id, &f->buffer, &here);
	if (r < 0) {
		k->why = "gone";
		return r == -ESRCH ? 0 : r;
	}
	if ((here.pid == here.tid) != (t->pid == t->tid)) {
		k->why = t->pid == t->tid ? "its id belongs to a thread, not to a process"
					  : "its id belongs to a process, not to a thread";
		return 0;
	}
	k->pid = here.pid;
	k->tid = here.tid;
	k->start_time = here.start_time;
	return 0;
}

static int identify(struct finder *f, struct known *k)
{
	const struct cg_task *t = k->task;
	uint64_t start;
	int r;

	if (f->options->pid_map || f->options->pidns > 0)
		return identify_mapped(f, k);
	if (!f->same_boot) {
		k->why = "another boot";
		return 0;
	}
	r = t->tid > 0 ? cg_proc_start_time(f->proc, t->tid, &f->buffer, &start) : -ESRCH;
	if (r < 0 || start != t->start_time) {
		k->why = r < 0 ? "gone" : "gone, another task has its id";
		return r < 0 && r != -ESRCH ? r : 0;
	}
	k->pid = t->pid;
	k->tid = t->tid;
	k->start_time = start;
	return 0;
}

/* Tasks that stand together have the same paths: one copy serves runs of them. */
static int look_where(struct finder *f, struct known *k, const struct known *before)
{
	_cleanup_memberships_ struct cg_memberships in = {0};
	_cleanup_error_ struct cg_error *e = NULL;
	int r = cg_live_of_pid(k->tid, &in, &e);

	if (r < 0) {
		k->why = "gone";
		return r == -ESRCH ? 0 : r;
	}
	k->path = cg_arena_array(&f->out->arena, f->live->count, sizeof(*k->path));
	if (!k->path)
		return -ENOMEM;
	for (size_t i = 0; i < in.count; i++) {
		size_t l = cg_live_of_membership(f->live, &in.item[i]);
		const char *path = in.item[i].path;

		if (l == f->live->count)
			continue;
		/* Only a task that has ended stays in a group that was removed. */
		if (in.item[i].deleted) {
			k->why = "gone";
			return 0;
		}
		if (before && before->path && before->path[l] && strcmp(before->path[l], path) == 0)
			k->path[l] = before->path[l];
		else
			k->path[l] = cg_arena_string(&f->out->arena, path);
		if (!k->path[l])
			return -ENOMEM;
	}
	return 0;
}

static int identify_all(struct finder *f, struct cg_error **err)
{
	const struct known *before = NULL;

	for (size_t i = 0; i < f->count; i++) {
		struct known *k = &f->known[i];
		int r = identify(f, k);

		if (r == 0 && !k->why)
			r = look_where(f, k, before);
		if (r == -ENOMEM)
			return cg_error_oom(err);
		if (r < 0)
			return cg_error_errno(err, -r, "cannot look at task %d in /proc", k->task->tid);
		if (!k->why)
			before = k;
	}
	return 0;
}

static int add_member(
	struct finder *f, const struct standing *s, bool whole, size_t live, struct cg_error **err)
{
	const struct known *k = &f->known[s->known];
	struct cg_members *out = f->out;
	struct cg_member *m;

	if (out->count == out->room) {
		size_t room = out->room ? out->room * 2 : 64;
		struct cg_member *grown = reallocarray(out->item, room, sizeof(*grown));

		if (!grown)
			return cg_error_oom(err);
		out->item = grown;
		out->room = room;
	}
	m = &out->item[out->count];
	*m = (struct cg_member){
		.image_group = s->group,
		.pid = k->pid,
		.tid = k->tid,
		.image_pid = k->task->pid,
		.image_tid = k->task->tid,
		.start_time = k->start_time,
		.comm = cg_arena_string(&out->arena, k->task->comm ? k->task->comm : ""),
		.whole_process = whole,
		.why = k->why,
	};
	if (!m->comm)
		return cg_error_oom(err);
	if (!m->why && live == f->live->count)
		m->why = "its hierarchy is not here";
	if (!m->why)
		m->from = k->path[live];
	if (!m->why && !m->from)
		m->why = "in no group of that hierarchy";
	m->missing = m->why != NULL;
	out->count++;
	return 0;
}

/* Whether the recorded threads that belong where their leader does stand where it stands now. */
static bool stand_together(
	const struct finder *f, const struct standing *s, size_t count, size_t leader, size_t live)
{
	const struct known *first = &f->known[s[leader].known];

	if (live == f->live->count || first->why || !first->path[live])
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct known *k = &f->known[s[i].known];

		if (s[i].group == s[leader].group &&
			(k->why || !k->path[live] || strcmp(k->path[live], first->path[live]) != 0))
			return false;
	}
	return true;
}

/* The recorded threads of one process in one hierarchy. */
static int add_process(
	struct finder *f, const struct standing *s, size_t count, size_t live, struct cg_error **err)
{
	size_t leader = count;
	bool together = true;
	int r = 0;

	for (size_t i = 0; i < count; i++) {
		const struct cg_task *t = f->known[s[i].known].task;

		if (t->pid == t->tid)
			leader = i;
		together &= s[i].group == s[0].group;
	}
	/* Without its leader the image knows a part of the process only: its other threads stay where they
	 * are. */
	if (leader < count)
		r = add_member(f, &s[leader], true, live, err);
	if (r == 0 && leader < count)
		f->out->item[f->out->count - 1].together = stand_together(f, s, count, leader, live);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (i == leader || (leader < count && (together || s[i].group == s[leader].group)))
			continue;
		r = add_member(f, &s[i], false, live, err);
	}
	return r;
}

static size_t live_hierarchy(const struct finder *f, const struct cg_hierarchy *h)
{
	for (size_t i = 0; i < f->live->count; i++) {
		const struct cg_live_hierarchy *l = &f->live->item[i];
		struct cg_hierarchy here = {
			.version = (uint8_t)l->version, .controllers = l->controllers, .name = l->name};

		if (cg_hierarchy_same(h, &here))
			return i;
	}
	return f->live->count;
}

static int add_standings(struct finder *f, uint16_t hierarchy, struct standing *s, struct cg_error **err)
{
	size_t live = live_hierarchy(f, &f->image->hierarchy[hierarchy]), count = 0, end;

	for (uint32_t g = 0; g < f->image->groups; g++) {
		const struct cg_group *group = &f->image->group[g];

		for (uint32_t j = 0; group->hierarchy == hierarchy && j < group->tasks; j++) {
			struct known key = {.task = &group->task[j]};
			const struct known *k = bsearch(&key, f->known, f->count, sizeof(key), compare_known);

			s[count++] = (struct standing){(uint32_t)(k - f->known), g};
		}
	}
	if (count > 0)
		qsort(s, count, sizeof(*s), compare_standings);
	for (size_t i = 0; i < count; i = end) {
		int32_t pid = f->known[s[i].known].task->pid;
		int r;

		for (end = i + 1; end < count && f->known[s[end].known].task->pid == pid;)
			end++;
		r = add_process(f, s + i, end - i, live, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int find(struct finder *f, struct cg_error **err)
{
	_cleanup_free_ struct standing *s = NULL;
	char boot[37];
	size_t most = 0;
	int r = cg_boot_id(boot);

	if (r < 0)
		return cg_error_errno(err, -r, "cannot read the boot id");
	f->same_boot = f->image->inventory.boot_id && strcmp(f->image->inventory.boot_id, boot) == 0;
	r = cg_proc_open(&f->proc, err);
	if (r == 0)
		r = learn_pairs(f, err);
	if (r == 0)
		r = collect(f, err);
	if (r == 0)
		r = identify_all(f, err);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < f->image->groups; i++)
		most += f->image->group[i].tasks;
	s = calloc(most + 1, sizeof(*s));
	if (!s)
		return cg_error_oom(err);
	for (uint16_t h = 0; r == 0 && h < f->image->hierarchies; h++)
		r = add_standings(f, h, s, err);
	return r;
}

int cg_members_find(const struct cg_tree *image, const struct cg_live *live,
	const struct cg_member_options *options, struct cg_members *ret, struct cg_error **err)
{
	_cleanup_members_ struct cg_members out = {0};
	struct finder f = {.image = image, .live = live, .options = options, .out = &out, .proc = -1};
	int r = 0;

	if (!options->none)
		r = find(&f, err);
	free(f.known);
	cg_pid_map_free(&f.map);
	cg_buffer_free(&f.buffer);
	(void)cg_close(f.proc);
	if (r < 0)
		return r;
	*ret = out;
	out = (struct cg_members){0};
	return 0;
}

void cg_members_free(struct cg_members *m)
{
	cg_arena_free(&m->arena);
	free(m->item);
	*m = (struct cg_members){0};
}
