/* A job that is moved: memory that it checks, a thread, a child in a group below its own, one more child of
 * that.
 *
 *   movable MIB [GROUP...]   GROUP: a directory, into which a child goes
 *
 * Says "begin" once all are there. SIGUSR1: says "still", SIGUSR2: says "end" and exits with 42 when
 * everybody is there and all memory is as it was, else with 1. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATTERN 0x5a
#define MIB     ((size_t)1 << 20)

static void *stand_still(void *context)
{
	for (;;)
		(void)pause();
	return context;
}

static int enter(const char *group)
{
	char path[4096];
	int fd, r;

	if (snprintf(path, sizeof(path), "%s/cgroup.procs", group) >= (int)sizeof(path))
		return -1;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	r = fd < 0 || write(fd, "0", 1) != 1 ? -1 : 0;
	if (r < 0)
		(void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return r;
}

/* A child of the main process: says by the pipe that it is there, ends when the main process does. */
static void child(const char *group, int there)
{
	pthread_t thread;

	if (enter(group) < 0 || pthread_create(&thread, NULL, stand_still, NULL) != 0 ||
		write(there, "x", 1) != 1)
		_exit(1);
	(void)close(there);
	(void)stand_still(NULL);
}

static int is_whole(const unsigned char *memory, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (memory[i] != PATTERN)
			return 0;
	return 1;
}

int main(int argc, char **argv)
{
	size_t size = argc > 1 ? strtoul(argv[1], NULL, 10) * MIB : 0;
	unsigned char *memory = malloc(size + 1);
	pid_t pid[16];
	int count = argc - 2, ends[2], signal = 0, ok = 1;
	pthread_t thread;
	sigset_t wanted;
	char byte;

	(void)sigemptyset(&wanted);
	(void)sigaddset(&wanted, SIGUSR1);
	(void)sigaddset(&wanted, SIGUSR2);
	(void)sigprocmask(SIG_BLOCK, &wanted, NULL);
	if (!memory || count < 0 || count > 16 || pipe2(ends, O_CLOEXEC) < 0)
		return 2;
	memset(memory, PATTERN, size);
	for (int i = 0; i < count; i++) {
		pid[i] = fork();
		if (pid[i] == 0)
			child(argv[2 + i], ends[1]);
		if (pid[i] < 0 || read(ends[0], &byte, 1) != 1)
			return 3;
	}
	if (pthread_create(&thread, NULL, stand_still, NULL) != 0)
		return 4;
	(void)puts("begin");
	(void)fflush(stdout);
	while (sigwait(&wanted, &signal) == 0 && signal == SIGUSR1) {
		(void)puts("still");
		(void)fflush(stdout);
	}
	for (int i = 0; i < count; i++)
		ok &= waitpid(pid[i], NULL, WNOHANG) == 0;
	ok &= is_whole(memory, size);
	(void)puts("end");
	(void)fflush(stdout);
	return ok ? 42 : 1;
}
