/* pressures: what the tests `pressure` and `governor` need beside the shell.
 *
 * pressures watch DIR MS: triggers on the group DIR ("-": the host). Says "MODE WINDOW_MS TRIGGERS", then
 * "ready", then "RESOURCE PERCENT MS" for each that fires, MS since ready, "gone" for each whose group is
 * removed, and after MS "wakeups N stalled MEMORY_SOME_US".
 *
 * pressures hog DIR BYTES: goes into the group DIR, says "stalls", and touches so much memory again and
 * again.
 *
 * pressures eat BYTES: the same where it is, which is how a job does it. hold: touches it once.
 *
 * pressures wave BYTES MS COUNT: COUNT times touches so much memory for MS, then lets MS pass.
 *
 * pressures race DIR VICTIM: waits until something in the group DIR stalls for memory, then until nothing is
 * left in the group VICTIM; says how many microseconds lie between. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kernel/files.h"
#include "manager/config_file.h"
#include "manager/pressure.h"

static uint64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int fail(const char *what)
{
	perror(what);
	return 2;
}

static unsigned long long ms(uint64_t us)
{
	return (unsigned long long)(us / 1000);
}

static unsigned report(const struct cg_pressure *p, struct pollfd *polled, uint64_t start)
{
	unsigned events = 0;

	for (unsigned i = 0; i < p->triggers; i++) {
		if (!polled[i].revents)
			continue;
		events++;
		if (polled[i].revents & POLLERR) {
			printf("gone\n");
			polled[i].fd = -1;
		} else {
			printf("%s %u %llu\n", cg_resource_words[p->trigger[i].resource],
				p->trigger[i].percent, ms(now_us() - start));
		}
	}
	return events;
}

static void watch_loop(const struct cg_pressure *p, uint64_t limit)
{
	struct pollfd polled[CG_TRIGGERS_MAX];
	uint64_t totals[CG_RESOURCES][CG_STALLS] = {{0}}, first = 0, start = now_us();
	unsigned wakeups = 0, left = p->triggers;

	for (unsigned i = 0; i < p->triggers; i++)
		polled[i] = (struct pollfd){.fd = p->trigger[i].fd, .events = POLLPRI};
	if (cg_pressure_read(p, totals) == 0)
		first = totals[CG_RESOURCE_MEMORY][CG_STALL_SOME];
	for (uint64_t t = start; t - start < limit; t = now_us()) {
		int n = poll(polled, p->triggers, (int)((limit - (t - start)) / 1000 + 1));

		if (n > 0)
			wakeups += report(p, polled, start);
		while (left > 0 && polled[left - 1].fd < 0)
			left--;
		if (p->triggers > 0 && left == 0)
			break;
	}
	if (cg_pressure_read(p, totals) < 0)
		printf("unreadable\n");
	printf("wakeups %u stalled %llu\n", wakeups,
		(unsigned long long)(totals[CG_RESOURCE_MEMORY][CG_STALL_SOME] - first));
}

static int watch(const char *dir, uint64_t limit)
{
	static const char *const modes[] = {"triggers", "slow", "sampling", "none"};
	struct cg_config c = {0};
	struct cg_pressure p = CG_PRESSURE_INIT;
	struct cg_error *err = NULL;
	int fd = strcmp(dir, "-") == 0 ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && strcmp(dir, "-") != 0)
		return fail(dir);
	if (cg_config_load(NULL, NULL, 0, &c, &err) < 0 || cg_pressure_open(fd, &c, &p, &err) < 0) {
		fprintf(stderr, "%s\n", err->message);
		return 2;
	}
	printf("%s %llu %u %s\nready\n", modes[p.mode], ms(p.window), p.triggers, p.why);
	watch_loop(&p, limit);
	cg_pressure_close(&p);
	cg_config_free(&c);
	return 0;
}

static int eat(size_t bytes, bool again)
{
	volatile char *memory = malloc(bytes);

	if (!memory)
		return fail("malloc");
	printf("stalls\n");
	for (char c = 1;; c++) {
		for (size_t i = 0; i < bytes; i += 4096)
			memory[i] = c;
		if (!again)
			(void)pause();
	}
}

static int wave(size_t bytes, uint64_t us, unsigned long long count)
{
	const struct timespec pause = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
	volatile char *memory = malloc(bytes);

	if (!memory)
		return fail("malloc");
	while (count-- > 0) {
		uint64_t start = now_us();

		for (size_t i = 0; now_us() - start < us; i = (i + 4096) % bytes)
			memory[i]++;
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

static int hog(const char *dir, size_t bytes)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int procs = fd < 0 ? -1 : openat(fd, CG_FILE_PROCS, O_WRONLY | O_CLOEXEC);

	if (procs < 0 || write(procs, "0", 1) != 1)
		return fail(dir);
	return eat(bytes, true);
}

/* Nothing in it, or not there any more. */
static bool is_empty(int events)
{
	char text[128];
	ssize_t n = pread(events, text, sizeof(text) - 1, 0);

	if (n < 0)
		return true;
	text[n] = '\0';
	return strstr(text, "populated 0") != NULL;
}

static int race(const char *dir, const char *victim)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	struct cg_config c = {0};
	struct cg_pressure p = CG_PRESSURE_INIT;
	struct cg_error *err = NULL;
	uint64_t totals[CG_RESOURCES][CG_STALLS], first, start;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	    group = open(victim, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int events = group < 0 ? -1 : openat(group, CG_FILE_EVENTS, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || events < 0)
		return fail(fd < 0 ? dir : victim);
	if (cg_config_load(NULL, NULL, 0, &c, &err) < 0 || cg_pressure_open(fd, &c, &p, &err) < 0 ||
		cg_pressure_read(&p, totals) < 0)
		return fail("pressure");
	first = totals[CG_RESOURCE_MEMORY][CG_STALL_SOME];
	printf("ready\n");
	/* A counter has no notification: it is looked at each millisecond. */
	while (cg_pressure_read(&p, totals) == 0 && totals[CG_RESOURCE_MEMORY][CG_STALL_SOME] == first)
		(void)nanosleep(&pause, NULL);
	start = now_us();
	while (!is_empty(events)) {
		struct pollfd polled = {.fd = events, .events = POLLPRI};

		(void)poll(&polled, 1, -1);
	}
	printf("%llu\n", (unsigned long long)(now_us() - start));
	cg_pressure_close(&p);
	cg_config_free(&c);
	return 0;
}

int main(int argc, char **argv)
{
	char *end;
	unsigned long long number = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 4 && strcmp(argv[1], "race") == 0)
		return race(argv[2], argv[3]);
	if (argc == 3 && (strcmp(argv[1], "eat") == 0 || strcmp(argv[1], "hold") == 0)) {
		number = strtoull(argv[2], &end, 10);
		return *end == '\0' ? eat(number, argv[1][0] == 'e') : 64;
	}
	if (argc == 5 && strcmp(argv[1], "wave") == 0)
		return wave(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10) * 1000,
			strtoull(argv[4], NULL, 10));
	number = argc == 4 ? strtoull(argv[3], &end, 10) : 0;
	if (argc == 4 && *end == '\0' && strcmp(argv[1], "watch") == 0)
		return watch(argv[2], number * 1000);
	if (argc == 4 && *end == '\0' && strcmp(argv[1], "hog") == 0)
		return hog(argv[2], number);
	fprintf(stderr,
		"usage: pressures watch DIR|- MS | pressures hog DIR BYTES | pressures eat|hold BYTES | pressures wave BYTES MS COUNT | pressures race DIR VICTIM\n");
	return 64;
}
