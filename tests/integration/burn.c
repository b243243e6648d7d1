/* burn MS: uses that much cpu time, then tells how long it took. burn MS A B: a process in the groups A and
 * one in the groups B (cgroup.procs files with ':' between) compute beside each other for that long; tells
 * how much cpu time each got. All in milliseconds. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t now(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t) < 0)
		exit(125);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* "0" is who writes it. */
static void enter(char *files)
{
	for (char *file = strtok(files, ":"); file; file = strtok(NULL, ":")) {
		int fd = open(file, O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, "0", 1) != 1) {
			perror(file);
			exit(125);
		}
		(void)close(fd);
	}
}

/* Enters, says so on `ready`, and begins when `start` ends; the time it got goes to `ready` too. */
static void compete(char *files, uint64_t amount, int ready, int start)
{
	uint64_t got, begin, before;
	char c = 'r';

	enter(files);
	if (write(ready, &c, 1) != 1)
		exit(125);
	while (read(start, &c, 1) > 0)
		;
	before = now(CLOCK_PROCESS_CPUTIME_ID);
	begin = now(CLOCK_MONOTONIC);
	while (now(CLOCK_MONOTONIC) - begin < amount)
		;
	got = now(CLOCK_PROCESS_CPUTIME_ID) - before;
	exit(write(ready, &got, sizeof(got)) == sizeof(got) ? 0 : 125);
}

static int pair(uint64_t amount, char *files[2])
{
	int ready[2][2], start[2];
	uint64_t got[2];
	char c;

	if (pipe(start) < 0)
		return 125;
	for (int i = 0; i < 2; i++) {
		if (pipe(ready[i]) < 0)
			return 125;
		if (fork() == 0) {
			(void)close(start[1]);
			compete(files[i], amount, ready[i][1], start[0]);
		}
		(void)close(ready[i][1]);
		if (read(ready[i][0], &c, 1) != 1)
			return 125;
	}
	(void)close(start[1]);
	for (int i = 0; i < 2; i++)
		if (read(ready[i][0], &got[i], sizeof(got[i])) != sizeof(got[i]))
			return 125;
	while (wait(NULL) > 0)
		;
	printf("%llu %llu\n", (unsigned long long)got[0], (unsigned long long)got[1]);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t amount, wall, before;

	if (argc != 2 && argc != 4)
		return 125;
	amount = strtoull(argv[1], NULL, 10);
	if (argc == 4)
		return pair(amount, argv + 2);
	before = now(CLOCK_PROCESS_CPUTIME_ID);
	wall = now(CLOCK_MONOTONIC);
	while (now(CLOCK_PROCESS_CPUTIME_ID) - before < amount)
		;
	printf("%llu\n", (unsigned long long)(now(CLOCK_MONOTONIC) - wall));
	return 0;
}
