/* Which task is where, consistent: whole passes over the membership are made until two agree, so that a task
 * that moves meanwhile is seen once, at one place.
 *
 * A pass reads either the membership file of every group, or the cgroup file of every task of the host:
 * whichever are fewer. The second needs to see every task, so it is used in the initial pid namespace only.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/dump_private.h"
#include "kernel/files.h"
#include "kernel/tasks.h"

#define PASSES_MAX 10
#define INITIAL_NAMESPACE                                                                                    \
	"pid:[4026531836]" /* PROC_PID_INIT_INO of the kernel's proc_ns.h: fixed for ever                    \
			    */

struct place {
	int32_t tid;
	uint32_t group;
};

struct pass {
	struct place *item;
	size_t count, room;
	bool outside; /* tasks of other pid namespaces, which have no id here */
};

struct members {
	struct cg_tree *tree;
	const struct cg_live *live;
	const size_t *number;
	int proc;
	struct cg_buffer buffer;
	struct pass *pass; /* that is being made */
	uint32_t *bucket;  /* groups by the hash of hierarchy and path, for the pass by tasks */
	uint32_t *chain;
	size_t buckets;
};

static int add_place(struct pass *p, int32_t tid, uint32_t group)
{
	if (p->count == p->room) {
		size_t room = p->room ? 2 * p->room : 256;
		struct place *more = reallocarray(p->item, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		p->item = more;
		p->room = room;
	}
	p->item[p->count++] = (struct place){tid, group};
	return 0;
}

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

/* The pass by groups. */

static int add_listed(struct members *m, uint32_t group)
{
	struct cg_bytes rest = {m->buffer.data, m->buffer.len}, word;
	uint64_t id;

	while (cg_bytes_word(&rest, &word)) {
		if (cg_parse_u64(word, &id) < 0 || id > INT32_MAX)
			return -EIO;
		if (id == 0) {
			m->pass->outside = true;
			continue;
		}
		if (add_place(m->pass, (int32_t)id, group) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Groups come depth-first, so the descriptors of the path to the present one are all that is kept open. */
static int read_group_members(struct members *m, uint32_t group, int *open_fd)
{
	const struct cg_group *g = &m->tree->group[group];
	const struct cg_hierarchy *h = &m->tree->hierarchy[g->hierarchy];
	const struct cg_live_hierarchy *live = &m->live->item[m->number[g->hierarchy]];
	const char *file = h->version == 1 ? CG_FILE_TASKS : CG_FILE_THREADS;
	int r;

	if (g->depth == 0) {
		const char *relative = cg_path_below(h->mount_root, g->name);

		r = cg_open_beneath(live->fd, relative ? relative : ".", O_RDONLY | O_DIRECTORY, &open_fd[0]);
	} else {
		open_fd[g->depth] = open_fd[g->depth - 1] < 0
					    ? -1
					    : openat(open_fd[g->depth - 1], g->name,
						      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = open_fd[g->depth] < 0 ? -errno : 0;
	}
	if (r == 0)
		r = cg_read_at(open_fd[g->depth], file, false, &m->buffer);
	if (r == -ENOENT || r == -ENODEV)
		return 0;
	return r < 0 ? r : add_listed(m, group);
}

static int pass_by_groups(struct members *m, struct cg_error **err)
{
	int open_fd[CG_DEPTH_MAX + 2], deepest = -1, r = 0;

	for (uint32_t g = 0; r == 0 && g < m->tree->groups; g++) {
		int depth = m->tree->group[g].depth;

		while (deepest >= depth)
			(void)cg_close(open_fd[deepest--]);
		open_fd[depth] = -1;
		deepest = depth;
		r = read_group_members(m, g, open_fd);
		if (r < 0) {
			_cleanup_text_ struct cg_text path = {0};

			cg_group_path(m->tree, g, &path);
			(void)cg_error_errno(err, -r, "cannot read the tasks of the group");
			cg_error_at(err, path.data, NULL);
		}
	}
	while (deepest >= 0)
		(void)cg_close(open_fd[deepest--]);
	return r;
}

/* The pass by tasks. */

static uint64_t hash_path(unsigned hierarchy, const char *path)
{
	uint64_t h = 14695981039346656037u ^ hierarchy; /* FNV-1a */

	for (; *path; path++)
		h = (h ^ (unsigned char)*path) * 1099511628211u;
	return h ^ h >> 29;
}

static int index_groups(struct members *m)
{
	m->buckets = 1;
	while (m->buckets < m->tree->groups)
		m->buckets *= 2;
	m->bucket = malloc(m->buckets * sizeof(*m->bucket));
	m->chain = malloc((m->tree->groups + 1) * sizeof(*m->chain));
	if (!m->bucket || !m->chain)
		return -ENOMEM;
	memset(m->bucket, 0xff, m->buckets * sizeof(*m->bucket));
	for (uint32_t g = 0; g < m->tree->groups; g++) {
		_cleanup_text_ struct cg_text path = {0};
		size_t b;

		cg_group_path(m->tree, g, &path);
		if (path.failed)
			return -ENOMEM;
		b = hash_path(m->tree->group[g].hierarchy, path.data) & (m->buckets - 1);
		m->chain[g] = m->bucket[b];
		m->bucket[b] = g;
	}
	return 0;
}

static uint32_t find_group(const struct members *m, unsigned hierarchy, const char *path)
{
	uint32_t g = m->bucket[hash_path(hierarchy, path) & (m->buckets - 1)];

	for (; g != CG_NONE; g = m->chain[g]) {
		_cleanup_text_ struct cg_text own = {0};

		if (m->tree->group[g].hierarchy != hierarchy)
			continue;
		cg_group_path(m->tree, g, &own);
		if (!own.failed && strcmp(own.data, path) == 0)
			return g;
	}
	return CG_NONE;
}

static bool is_hierarchy(const struct cg_hierarchy *h, const struct cg_membership *line)
{
	if (h->version == 2)
		return line->hierarchy_id == 0;
	if (line->hierarchy_id == 0 || !h->name != !line->name ||
		(h->name && strcmp(h->name, line->name) != 0))
		return false;
	return strcmp(h->controllers, line->controllers) == 0;
}

static int add_task(struct members *m, int32_t tid, const struct cg_memberships *lines)
{
	int r = 0;

	for (uint16_t h = 0; h < m->tree->hierarchies; h++)
		for (size_t i = 0; r == 0 && i < lines->count; i++) {
			uint32_t g;

			if (!is_hierarchy(&m->tree->hierarchy[h], &lines->item[i]))
				continue;
			/* That of a removed group is not found, unless there is one that is called so. */
			g = find_group(m, h, lines->item[i].path);
			if (g != CG_NONE)
				r = add_place(m->pass, tid, g);
		}
	return r;
}

static bool is_number(const char *name)
{
	return *name && strspn(name, "0123456789") == strlen(name);
}

/* `path` is "PID" or "PID/task/TID" beneath /proc. */
static int read_task(struct members *m, const char *path, int32_t tid)
{
	_cleanup_memberships_ struct cg_memberships lines = {0};
	_cleanup_error_ struct cg_error *ignored = NULL;
	_cleanup_text_ struct cg_text file = {0};
	int r;

	cg_text_printf(&file, "%s/cgroup", path);
	if (file.failed)
		return -ENOMEM;
	r = cg_read_path_at(m->proc, file.data, &m->buffer);
	/* It ended. */
	if (r == -ENOENT || r == -ESRCH)
		return 0;
	if (r == 0)
		r = cg_membership_parse((struct cg_bytes){m->buffer.data, m->buffer.len}, &lines, &ignored);
	return r < 0 ? r : add_task(m, tid, &lines);
}

struct threads {
	struct members *members;
	int pid;
};

static int see_thread(void *context, int tid)
{
	struct threads *t = context;
	_cleanup_text_ struct cg_text path = {0};

	cg_text_printf(&path, "%d/task/%d", t->pid, tid);
	return path.failed ? -ENOMEM : read_task(t->members, path.data, tid);
}

static int see_process(const char *name, unsigned char type, void *context)
{
	struct members *m = context;
	struct threads t = {m, 0};
	_cleanup_text_ struct cg_text task = {0};
	struct stat st;
	int r;

	if (type != DT_DIR || !is_number(name) || cg_parse_pid(cg_bytes_of(name), &t.pid) < 0)
		return 0;
	cg_text_printf(&task, "%s/task", name);
	if (task.failed)
		return -ENOMEM;
	/* A link for each thread: most processes have one. */
	if (fstatat(m->proc, task.data, &st, 0) < 0)
		return errno == ENOENT || errno == ESRCH ? 0 : -errno;
	if (st.st_nlink <= 3)
		return read_task(m, name, t.pid);
	r = cg_proc_threads(m->proc, t.pid, see_thread, &t);
	return r == -ESRCH || r == -ENOENT ? 0 : r;
}

static int pass_by_tasks(struct members *m, struct cg_error **err)
{
	int r = 0;

	if (!m->bucket)
		r = index_groups(m);
	if (r == 0)
		r = cg_dir_each(m->proc, see_process, m);
	return r < 0 ? cg_error_errno(err, -r, "cannot read the tasks of this host") : 0;
}

/* In the initial pid namespace every task is in /proc, for root at least (hidepid, proc(5)). */
static bool sees_all_tasks(int proc)
{
	char name[sizeof(INITIAL_NAMESPACE) + 1];
	ssize_t n = readlinkat(proc, "self/ns/pid", name, sizeof(name) - 1);

	return n == (ssize_t)sizeof(INITIAL_NAMESPACE) - 1 &&
	       memcmp(name, INITIAL_NAMESPACE, (size_t)n) == 0 && geteuid() == 0;
}

/* proc(5) loadavg: "0.20 0.18 0.12 1/80 11206", the 80 are all tasks. */
static bool count_tasks(struct members *m, uint64_t *ret)
{
	struct cg_bytes rest, word = {NULL, 0}, part;

	if (cg_read_path_at(m->proc, "loadavg", &m->buffer) < 0)
		return false;
	rest = (struct cg_bytes){m->buffer.data, m->buffer.len};
	for (int i = 0; i < 4; i++)
		if (!cg_bytes_word(&rest, &word))
			return false;
	return cg_bytes_split(&word, '/', &part) && cg_parse_u64(word, ret) == 0;
}

static bool agree(const struct pass *a, const struct pass *b)
{
	return a->count == b->count &&
	       (a->count == 0 || memcmp(a->item, b->item, a->count * sizeof(*a->item)) == 0);
}

/* Two passes can agree on a task that moves without rest and was met twice in each. */
static int sees_twice(const struct members *m, const struct pass *p, bool *ret)
{
	_cleanup_free_ struct place *by_hierarchy = calloc(p->count + 1, sizeof(*by_hierarchy));

	*ret = false;
	if (!by_hierarchy)
		return -ENOMEM;
	for (size_t i = 0; i < p->count; i++)
		by_hierarchy[i] = (struct place){p->item[i].tid, m->tree->group[p->item[i].group].hierarchy};
	qsort(by_hierarchy, p->count, sizeof(*by_hierarchy), compare_places);
	for (size_t i = 1; i < p->count; i++)
		*ret |= compare_places(&by_hierarchy[i - 1], &by_hierarchy[i]) == 0;
	return 0;
}

/* Passes until two agree; the last one is in *ret. Frozen tasks are no exception: others may move them, and
 * some may be in no hierarchy that can freeze. */
static int settle(struct members *m, struct pass *ret, struct cg_error **err)
{
	uint64_t tasks = 0;
	bool by_tasks = sees_all_tasks(m->proc) && count_tasks(m, &tasks) && tasks < m->tree->groups;
	struct pass pass[2] = {{0}, {0}};
	bool same, twice = false;
	int r = 0, i;

	m->tree->inventory.members_consistent = false;
	for (i = 0; r == 0 && i < PASSES_MAX && !m->tree->inventory.members_consistent; i++) {
		m->pass = &pass[i % 2];
		m->pass->count = 0;
		r = by_tasks ? pass_by_tasks(m, err) : pass_by_groups(m, err);
		if (m->pass->count)
			qsort(m->pass->item, m->pass->count, sizeof(*m->pass->item), compare_places);
		/* A pass by tasks sees each task once: one that finds none in the tree needs no second. */
		same = r == 0 && ((by_tasks && m->pass->count == 0) || (i > 0 && agree(&pass[0], &pass[1])));
		if (same && sees_twice(m, m->pass, &twice) < 0)
			r = cg_error_oom(err);
		m->tree->inventory.members_consistent = same && !twice;
	}
	*ret = pass[(i + 1) % 2];
	free(pass[i % 2].item);
	return r;
}

/* Who the tasks are. A task can be in a group of each hierarchy: it is asked once. */
struct known {
	struct cg_task *item;
	size_t count;
};

static int compare_ids(const void *a, const void *b)
{
	const int32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int compare_known(const void *a, const void *b)
{
	const struct cg_task *x = a, *y = b;

	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

static int know_task(struct members *m, int32_t tid, struct known *k)
{
	struct cg_arena *a = &m->tree->arena;
	struct cg_proc_task t;
	int32_t *ns;
	int r = cg_proc_task(m->proc, tid, &m->buffer, &t);

	/* It ended since, or has ended and waits to be reaped: it is in no group that matters. */
	if (r == -ESRCH || (r == 0 && (t.state == 'X' || (t.state == 'Z' && t.pid != t.tid))))
		return 0;
	if (r < 0)
		return r;
	ns = cg_arena_array(a, t.ns_count, sizeof(*ns));
	k->item[k->count] =
		(struct cg_task){t.pid, t.tid, t.start_time, cg_arena_string(a, t.comm), ns, t.ns_count};
	if (!ns || !k->item[k->count].comm)
		return -ENOMEM;
	memcpy(ns, t.ns_pid, t.ns_count * sizeof(*ns));
	k->count++;
	return 0;
}

static int know_tasks(struct members *m, const struct pass *p, struct known *ret)
{
	_cleanup_free_ int32_t *id = calloc(p->count + 1, sizeof(*id));
	int r = 0;

	ret->item = calloc(p->count + 1, sizeof(*ret->item));
	if (!id || !ret->item)
		return -ENOMEM;
	for (size_t i = 0; i < p->count; i++)
		id[i] = p->item[i].tid;
	qsort(id, p->count, sizeof(*id), compare_ids);
	for (size_t i = 0; r == 0 && i < p->count; i++)
		if (i == 0 || id[i] != id[i - 1])
			r = know_task(m, id[i], ret);
	return r;
}

static int compare_tasks(const void *a, const void *b)
{
	const struct cg_task *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

static int fill_groups(struct members *m, const struct pass *p, const struct known *k)
{
	for (size_t i = 0, end; i < p->count; i = end) {
		struct cg_group *g = &m->tree->group[p->item[i].group];

		for (end = i; end < p->count && p->item[end].group == p->item[i].group;)
			end++;
		g->task = cg_arena_array(&m->tree->arena, end - i, sizeof(*g->task));
		if (!g->task)
			return -ENOMEM;
		for (size_t j = i; j < end; j++) {
			struct cg_task key = {.tid = p->item[j].tid};
			const struct cg_task *t =
				bsearch(&key, k->item, k->count, sizeof(*k->item), compare_known);

			if (t)
				g->task[g->tasks++] = *t;
		}
		qsort(g->task, g->tasks, sizeof(*g->task), compare_tasks);
	}
	return 0;
}

static int add_remarks(struct members *m, const struct pass *p, bool freeze)
{
	if (p->outside &&
		!cg_tree_add_note(m->tree, NULL, NULL,
			"some tasks belong to other pid namespaces and have no id in this one: they are not recorded"))
		return -ENOMEM;
	if (!m->tree->inventory.members_consistent &&
		!cg_tree_add_note(m->tree, NULL, NULL,
			"tasks moved, started or ended during all of %d passes: who is where is not certain%s",
			PASSES_MAX, freeze ? "" : "; --freeze makes it so"))
		return -ENOMEM;
	return 0;
}

int cg_dump_members(struct cg_tree *tree, const struct cg_live *live, const size_t *number,
	const struct cg_dump_options *options, struct cg_error **err)
{
	struct members m = {.tree = tree, .live = live, .number = number, .proc = -1};
	struct pass settled = {0};
	struct known known = {0};
	int r = cg_proc_open(&m.proc, err), code = 0;

	if (r == 0)
		r = settle(&m, &settled, err);
	if (r == 0) {
		code = know_tasks(&m, &settled, &known);
		if (code == 0)
			code = fill_groups(&m, &settled, &known);
		if (code == 0)
			code = add_remarks(&m, &settled, options->freeze);
		r = code < 0 ? cg_error_errno(err, -code, "cannot record the tasks") : 0;
	}
	free(settled.item);
	free(known.item);
	free(m.bucket);
	free(m.chain);
	cg_buffer_free(&m.buffer);
	(void)cg_close(m.proc);
	return r;
}
