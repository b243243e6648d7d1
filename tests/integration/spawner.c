/* Processes for the tests of membership, one kind each:
 *
 *   spawner stay PROCESSES THREADS FILE   processes with that many further threads, which only wait
 *   spawner zombie FILE                   one that has ended and is not reaped
 *   spawner as PID FILE                   one with that id (clone3(2), set_tid)
 *   spawner fork FILE                     starts and reaps short-lived processes without rest
 *   spawner move FILE GROUP GROUP         a process that is moved from one group to the other without rest
 *   spawner churn FILE GROUP              makes and removes groups in that one without rest
 *   spawner await FILE                    ends when that file is there
 *
 * FILE appears, whole, once all is there: a line for each process, its id and those of its further threads.
 * SIGTERM ends everything; fork, move and churn then print how often they did it. Ids of groups are
 * directories. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define AWAIT_MS 60000

static volatile sig_atomic_t ended;

static void end(int signal)
{
	(void)signal;
	ended = 1;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static long number(const char *text)
{
	char *rest;
	long n;

	errno = 0;
	n = strtol(text, &rest, 10);
	if (errno || *rest || rest == text || n < 0 || n > INT_MAX) {
		(void)fprintf(stderr, "spawner: %s is no number\n", text);
		exit(2);
	}
	return n;
}

/* The list of ids, in the making. */
struct list {
	const char *name;
	char *unfinished;
	FILE *file;
};

static struct list list_begin(const char *name)
{
	struct list l = {.name = name};

	if (asprintf(&l.unfinished, "%s.new", name) < 0)
		die("asprintf");
	l.file = fopen(l.unfinished, "we");
	if (!l.file)
		die(l.unfinished);
	return l;
}

static void list_end(struct list *l)
{
	if (fclose(l->file) != 0 || rename(l->unfinished, l->name) < 0)
		die(l->name);
	free(l->unfinished);
}

static void wait_for_end(void)
{
	sigset_t term, before;

	(void)sigemptyset(&term);
	(void)sigaddset(&term, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &term, &before);
	while (!ended)
		(void)sigsuspend(&before);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
}

static void die_with_parent(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		die("prctl");
	if (getppid() != parent)
		_exit(1);
}

/* Threads tell their ids through a pipe. */
static void *thread(void *context)
{
	int32_t tid = gettid();

	if (write(*(const int *)context, &tid, sizeof(tid)) != sizeof(tid))
		die("write");
	for (;;)
		(void)pause();
	return NULL;
}

static _Noreturn void process(pid_t parent, long threads, int out)
{
	pthread_t t;
	int32_t pid = getpid();

	die_with_parent(parent);
	if (write(out, &pid, sizeof(pid)) != sizeof(pid))
		die("write");
	for (long i = 0; i < threads; i++)
		if (pthread_create(&t, NULL, thread, &out) != 0)
			die("pthread_create");
	for (;;)
		(void)pause();
}

/* Reaped by us: whoever asked for the end may count on their ids being free. */
static void end_children(pid_t *child, long count)
{
	for (long i = 0; i < count; i++)
		if (kill(child[i], SIGKILL) < 0)
			die("kill");
	while (wait(NULL) > 0)
		;
	free(child);
}

static int stay(char **argument)
{
	long processes = number(argument[0]), threads = number(argument[1]);
	struct list l = list_begin(argument[2]);
	pid_t self = getpid(), *child = calloc((size_t)processes + 1, sizeof(*child));

	if (!child)
		die("calloc");
	for (long i = 0; i < processes; i++) {
		int out[2];
		pid_t pid;

		if (pipe2(out, O_CLOEXEC) < 0)
			die("pipe");
		pid = fork();
		if (pid < 0)
			die("fork");
		if (pid == 0)
			process(self, threads, out[1]);
		child[i] = pid;
		for (long j = 0; j <= threads; j++) {
			int32_t tid;

			if (read(out[0], &tid, sizeof(tid)) != sizeof(tid))
				die("read");
			(void)fprintf(l.file, "%s%d", j ? " " : "", tid);
		}
		(void)fputc('\n', l.file);
		(void)close(out[0]);
		(void)close(out[1]);
	}
	list_end(&l);
	wait_for_end();
	end_children(child, processes);
	return 0;
}

static int zombie(char **argument)
{
	struct list l = list_begin(argument[0]);
	pid_t pid = fork();
	siginfo_t info;

	if (pid < 0)
		die("fork");
	if (pid == 0)
		_exit(0);
	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0)
		die("waitid");
	(void)fprintf(l.file, "%d\n", pid);
	list_end(&l);
	wait_for_end();
	return 0;
}

static int as(char **argument)
{
	pid_t wanted = (pid_t)number(argument[0]), self = getpid();
	struct list l = list_begin(argument[1]);
	struct clone_args how = {
		.exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&wanted, .set_tid_size = 1};
	long pid = syscall(SYS_clone3, &how, sizeof(how));

	if (pid < 0)
		die("clone3");
	if (pid == 0) {
		die_with_parent(self);
		for (;;)
			(void)pause();
	}
	(void)fprintf(l.file, "%ld\n", pid);
	list_end(&l);
	wait_for_end();
	return 0;
}

static void say_ready(const char *name)
{
	struct list l = list_begin(name);

	(void)fprintf(l.file, "%d\n", getpid());
	list_end(&l);
}

static int fork_on(char **argument)
{
	unsigned long times = 0;

	say_ready(argument[0]);
	for (; !ended; times++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (pid == 0)
			_exit(0);
		while (waitpid(pid, NULL, 0) < 0)
			if (errno != EINTR)
				die("waitpid");
	}
	(void)printf("%lu\n", times);
	return 0;
}

static int open_procs(const char *group)
{
	char *name;
	int fd;

	if (asprintf(&name, "%s/cgroup.procs", group) < 0)
		die("asprintf");
	fd = open(name, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		die(name);
	free(name);
	return fd;
}

static int move_on(char **argument)
{
	int group[2] = {open_procs(argument[1]), open_procs(argument[2])};
	pid_t self = getpid(), pid = fork();
	unsigned long times = 0;
	char id[16];
	struct list l;

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		die_with_parent(self);
		for (;;)
			(void)pause();
	}
	(void)snprintf(id, sizeof(id), "%d", pid);
	if (write(group[0], id, strlen(id)) < 0)
		die(argument[1]);
	l = list_begin(argument[0]);
	(void)fprintf(l.file, "%d\n", pid);
	list_end(&l);
	for (; !ended; times++)
		if (write(group[(times + 1) % 2], id, strlen(id)) < 0)
			die("cgroup.procs");
	(void)printf("%lu\n", times);
	(void)kill(pid, SIGKILL);
	return 0;
}

/* A group, one in it, and both removed: what stands above them changes at every step. */
static int churn(char **argument)
{
	static const char *const names[] = {"one", "one/two", "other", "one/two/three"};
	const size_t count = sizeof(names) / sizeof(names[0]);
	int dir = open(argument[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned long times = 0;

	if (dir < 0)
		die(argument[1]);
	say_ready(argument[0]);
	for (; !ended; times++) {
		for (size_t i = 0; i < count; i++)
			if (mkdirat(dir, names[i], 0755) < 0)
				die(names[i]);
		for (size_t i = count; i-- > 0;)
			while (unlinkat(dir, names[i], AT_REMOVEDIR) < 0)
				if (errno != EBUSY)
					die(names[i]);
	}
	(void)printf("%lu\n", times);
	return 0;
}

/* A file of the working directory or below is renamed to its name when it is whole. */
static int await(char **argument)
{
	_Alignas(struct inotify_event) char events[4096];
	const char *slash = strrchr(argument[0], '/');
	char *dir = slash ? strndup(argument[0], (size_t)(slash - argument[0])) : strdup(".");
	struct pollfd p = {.fd = inotify_init1(IN_CLOEXEC), .events = POLLIN};

	if (!dir || p.fd < 0 || inotify_add_watch(p.fd, dir, IN_MOVED_TO) < 0)
		die(argument[0]);
	while (access(argument[0], F_OK) < 0) {
		if (poll(&p, 1, AWAIT_MS) <= 0) {
			(void)fprintf(stderr, "spawner: %s did not appear\n", argument[0]);
			return 1;
		}
		if (read(p.fd, events, sizeof(events)) < 0)
			die("inotify");
	}
	free(dir);
	return 0;
}

static const struct {
	const char *name;
	int arguments;
	int (*run)(char **argument);
} kinds[] = {
	{"stay", 3, stay},
	{"zombie", 1, zombie},
	{"as", 2, as},
	{"fork", 1, fork_on},
	{"move", 3, move_on},
	{"churn", 2, churn},
	{"await", 1, await},
};

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = end};

	if (sigaction(SIGTERM, &action, NULL) < 0)
		die("sigaction");
	for (size_t i = 0; argc > 1 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(argv[1], kinds[i].name) == 0 && argc == kinds[i].arguments + 2)
			return kinds[i].run(argv + 2);
	(void)fprintf(stderr, "usage: see the head of spawner.c\n");
	return 2;
}
