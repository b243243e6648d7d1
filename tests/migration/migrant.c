/* A job for CRIU to carry: a leader and its children, each in groups of its own, with memory of its own.
 *
 *   migrant FILE PROCESS...      PROCESS = GROUP[+GROUP...][:MIB][@GROUP[+GROUP...]...]
 *
 * The first process is the leader, the others are its children. Each enters its groups (directories, one a
 * hierarchy), then fills MIB mebibytes with its id, and starts a thread in the groups after each @. FILE
 * appears when all are there: a line for each process, its id and those of its threads. Then all wait.
 * SIGUSR1 lets the leader have everybody look at their memory; it ends with the answers: 0 when all of it is
 * intact. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB         ((size_t)1 << 20)
#define THREADS_MAX 8
#define GONE_MS     60000

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Enters a group: writes the id to the first of its files that takes one. */
static void enter(const char *group, const char *const *file, pid_t id)
{
	char path[4096], text[16];
	int fd = -1, n = snprintf(text, sizeof(text), "%d", (int)id);

	for (; fd < 0 && *file; file++) {
		if (snprintf(path, sizeof(path), "%s/%s", group, *file) >= (int)sizeof(path))
			exit(2);
		fd = open(path, O_WRONLY);
	}
	if (fd < 0 || write(fd, text, (size_t)n) != n)
		die(path);
	(void)close(fd);
}

static void enter_all(char *groups, const char *const *file, pid_t id)
{
	char *rest = groups, *group;

	while ((group = strsep(&rest, "+")))
		enter(group, file, id);
}

struct thread {
	char *groups;
	pid_t tid;
	pthread_barrier_t *there;
};

static void *wait_in_groups(void *context)
{
	static const char *const file[] = {"cgroup.threads", "tasks", NULL};
	struct thread *t = context;

	t->tid = gettid();
	enter_all(t->groups, file, t->tid);
	(void)pthread_barrier_wait(t->there);
	for (;;)
		(void)pause();
	return NULL;
}

static unsigned char *memory;
static size_t size;

static void fill(const char *mib)
{
	size = mib ? strtoul(mib, NULL, 10) * MIB : 0;
	memory = size ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : NULL;
	if (memory == MAP_FAILED)
		die("mmap");
	for (size_t i = 0; i < size; i += 8)
		*(uint64_t *)(void *)(memory + i) = (uint64_t)getpid() << 32 | i;
}

static bool is_intact(void)
{
	for (size_t i = 0; i < size; i += 8)
		if (*(uint64_t *)(void *)(memory + i) != ((uint64_t)getpid() << 32 | i))
			return false;
	return true;
}

/* Becomes the process that `what` describes; the text of its line, which lives as long as it does. */
static const char *settle(char *what)
{
	static const char *const file[] = {"cgroup.procs", NULL};
	static pthread_barrier_t there;
	static struct thread thread[THREADS_MAX];
	static char line[256];
	char *rest = what, *self = strsep(&rest, "@"), *mib = self, *groups;
	unsigned threads = 0;
	int used;

	groups = strsep(&mib, ":");
	enter_all(groups, file, getpid());
	fill(mib);
	while ((groups = strsep(&rest, "@")) && threads < THREADS_MAX)
		thread[threads++] = (struct thread){.groups = groups, .there = &there};
	if (pthread_barrier_init(&there, NULL, threads + 1) != 0)
		exit(1);
	for (unsigned i = 0; i < threads; i++) {
		pthread_t id;

		if (pthread_create(&id, NULL, wait_in_groups, &thread[i]) != 0)
			exit(1);
	}
	(void)pthread_barrier_wait(&there);
	used = snprintf(line, sizeof(line), "%d", (int)getpid());
	for (unsigned i = 0; i < threads; i++)
		used += snprintf(line + used, sizeof(line) - (size_t)used, " %d", (int)thread[i].tid);
	(void)snprintf(line + used, sizeof(line) - (size_t)used, "\n");
	return line;
}

/* Nothing of where it was started stays open, for that is not there where it is restored. */
static void let_go(void)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || setsid() < 0)
		die("setsid");
	for (int fd = 0; fd < 3; fd++)
		(void)dup2(null, fd);
	if (null > 2)
		(void)close(null);
	if (chdir("/") < 0)
		exit(1);
}

static _Noreturn void be_child(char *what, int out, const sigset_t *wanted)
{
	const char *line = settle(what);
	int signal;

	if (write(out, line, strlen(line)) < 0)
		exit(1);
	(void)close(out);
	(void)sigwait(wanted, &signal);
	_exit(is_intact() ? 0 : 1);
}

static int gone(const char *id)
{
	struct pollfd p = {.fd = (int)syscall(SYS_pidfd_open, atoi(id), 0), .events = POLLIN};

	/* EINVAL: the number is still that of a process group, whose leader is gone (Linux before 6.9). */
	if (p.fd < 0 && (errno == ESRCH || errno == EINVAL))
		return 0;
	return p.fd < 0 || poll(&p, 1, GONE_MS) != 1;
}

int main(int argc, char **argv)
{
	char temporary[4096], lines[4096] = "";
	size_t length = 0;
	int ends[2], fd, signal, bad;
	sigset_t wanted;
	const char *line;
	ssize_t n;

	if (argc < 3)
		return 2;
	if (strcmp(argv[1], "gone") == 0)
		return gone(argv[2]);
	(void)sigemptyset(&wanted);
	(void)sigaddset(&wanted, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &wanted, NULL);
	if (pipe(ends) < 0)
		die("pipe");
	let_go();
	line = settle(argv[2]);
	for (int i = 3; i < argc; i++)
		if (fork() == 0)
			be_child(argv[i], ends[1], &wanted);
	(void)close(ends[1]);
	while ((n = read(ends[0], lines + length, sizeof(lines) - 1 - length)) > 0)
		length += (size_t)n;
	(void)close(ends[0]);
	if (snprintf(temporary, sizeof(temporary), "%s.new", argv[1]) >= (int)sizeof(temporary))
		return 2;
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, line, strlen(line)) < 0 || write(fd, lines, length) < 0 || close(fd) < 0 ||
		rename(temporary, argv[1]) < 0)
		return 1;
	(void)sigwait(&wanted, &signal);
	bad = !is_intact();
	(void)kill(0, SIGUSR1);
	for (int status; wait(&status) > 0;)
		bad |= status != 0;
	return bad;
}
