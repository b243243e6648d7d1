/* Processes and threads of a generated tree. They sleep until they are killed; their names are such that
 * /proc/PID/stat is hard to take apart. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gentree.h"

static void *thread_main(void *context)
{
	const int *out = context;
	const pid_t tid = (pid_t)syscall(SYS_gettid);

	(void)prctl(PR_SET_NAME, "a) b (c 1 2");
	if (write(*out, &tid, sizeof(tid)) != (ssize_t)sizeof(tid))
		_exit(1);
	for (;;)
		(void)pause();
	return NULL;
}

static _Noreturn void process_main(int out, unsigned threads)
{
	const int null = open("/dev/null", O_RDWR);

	(void)setsid();
	for (int fd = 0; fd < 3; fd++)
		if (null >= 0 && fd != out)
			(void)dup2(null, fd);
	for (unsigned i = 0; i < threads; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, thread_main, &out) != 0)
			_exit(1);
	}
	for (;;)
		(void)pause();
}

int gen_task_start(struct gen_task *t, unsigned threads)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	*t = (struct gen_task){.pid = fork(), .threads = threads};
	if (t->pid == 0)
		process_main(ends[1], threads);
	(void)cg_close(ends[1]);
	for (unsigned i = 0; t->pid > 0 && i < threads; i++)
		if (read(ends[0], &t->tid[i], sizeof(t->tid[i])) != (ssize_t)sizeof(t->tid[i])) {
			(void)cg_close(ends[0]);
			return -EPIPE;
		}
	(void)cg_close(ends[0]);
	return t->pid < 0 ? -EAGAIN : 0;
}

static int move(struct gen *g, size_t node, const char *file, pid_t id)
{
	_cleanup_text_ struct cg_text t = {0};
	int r;

	cg_text_printf(&t, "%d", (int)id);
	r = t.failed ? -ENOMEM : cg_write_at(g->node[node].fd, file, (struct cg_bytes){t.data, t.len});
	g->moved += r == 0;
	return r;
}

/* Whether a group below `root` in the tree; itself included. */
static bool is_below(const struct gen *g, size_t node, size_t root)
{
	while (node != root && node != 0)
		node = g->node[node].parent;
	return node == root;
}

static bool takes_process(const struct gen *g, size_t node, const struct gen_task *t)
{
	const enum node_kind kind = g->node[node].kind;

	if (g->hierarchy->version == 1)
		return true;
	return t->threads > 1 ? kind == NODE_THREAD_ROOT : kind == NODE_LEAF;
}

static bool takes_thread(const struct gen *g, size_t node, size_t process)
{
	return g->hierarchy->version == 1 ||
	       (is_below(g, node, process) && (node == process || g->node[node].kind == NODE_THREADED));
}

/* What a group may refuse a task for: a v1 cpuset without cpus, or a partition that has none left; a
 * real-time budget of none; a threaded group below an invalid one; v1 memory that is to move along and does
 * not fit. */
static bool is_refusal(int code)
{
	return code == -ENOSPC || code == -EINVAL || code == -EOPNOTSUPP || code == -ENOMEM;
}

/* Tries groups from a random one on until one takes it. Where it ended, -EXFULL when none did, or another
 * negative errno. */
static ssize_t place(struct gen *g, const struct gen_task *t, pid_t id, size_t process)
{
	const size_t start = gen_random(&g->random, (uint32_t)g->nodes);
	const bool thread = id != t->pid;
	const char *file = !thread ? "cgroup.procs" : g->hierarchy->version == 2 ? "cgroup.threads" : "tasks";

	for (size_t i = 0; i < g->nodes; i++) {
		const size_t node = (start + i) % g->nodes;
		int r;

		if (thread ? !takes_thread(g, node, process) : !takes_process(g, node, t))
			continue;
		r = move(g, node, file, id);
		if (r == 0)
			return (ssize_t)node;
		if (!is_refusal(r))
			return r;
	}
	return -EXFULL;
}

int gen_tasks_place(struct gen *g, const struct gen_task *task, size_t tasks)
{
	for (size_t i = 0; i < tasks; i++) {
		const ssize_t process = place(g, &task[i], task[i].pid, 0);

		/* It stays where it was; how many were moved is told. */
		if (process == -EXFULL)
			continue;
		if (process < 0)
			return (int)process;
		for (unsigned k = 0; k < task[i].threads; k++) {
			const ssize_t r = place(g, &task[i], task[i].tid[k], (size_t)process);

			if (r < 0 && r != -EXFULL)
				return (int)r;
		}
	}
	return 0;
}
