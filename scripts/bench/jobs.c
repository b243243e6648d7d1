/* jobs COUNT SOCKET MAIN [V1MEMORY]: what a job of the manager at SOCKET costs beside its floor, in pairs:
 * for each of COUNT rounds a start (request to execve(2)) and a whole run with its wait, by the manager and
 * by a loop that does only what the kernel must do: mkdir, one limit, clone3(2) into the group, execve(2),
 * wait, rmdir. MAIN is a folder of the main hierarchy, V1MEMORY one of the v1 memory hierarchy where memory
 * is there; both must be writable. Medians in microseconds. jobs rate COUNT SOCKET: how many jobs a second
 * are started, with COUNT of them that stay. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "control/client.h"
#include "model/usage.h"

static const char limit[] = "67108864";

static void die(const char *what)
{
	fprintf(stderr, "jobs: %s: %s\n", what, strerror(errno));
	exit(2);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void write_file(const char *dir, const char *file, const char *text)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

/* One run by hand; *ret_start is when it was executed. */
static void floor_run(const char *main_dir, const char *memory, double *ret_start, double *ret_whole)
{
	char group[4096], other[4096];
	struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD};
	double from = now();
	int tell[2], dir;
	char byte;
	long pid;

	snprintf(group, sizeof(group), "%s/floor", main_dir);
	snprintf(other, sizeof(other), "%s/floor", memory ? memory : "");
	if (mkdir(group, 0755) < 0 || (memory && mkdir(other, 0755) < 0))
		die(group);
	if (memory)
		write_file(other, "memory.limit_in_bytes", limit);
	else
		write_file(group, "memory.max", limit);
	dir = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	args.cgroup = (unsigned long long)dir;
	if (dir < 0 || pipe2(tell, O_CLOEXEC) < 0)
		die("pipe");
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		die("clone3");
	if (pid == 0) {
		if (memory)
			write_file(other, "cgroup.procs", "0");
		execl("/bin/true", "true", (char *)NULL);
		_exit(127);
	}
	close(tell[1]);
	if (read(tell[0], &byte, 1) != 0)
		die("read");
	*ret_start = now() - from;
	if (waitpid((pid_t)pid, NULL, 0) < 0)
		die("wait");
	close(tell[0]);
	close(dir);
	while (rmdir(group) < 0 || (memory && rmdir(other) < 0))
		if (errno != EBUSY)
			break;
	*ret_whole = now() - from;
}

static void ask(struct cg_client *c, const struct cg_request *q)
{
	_cleanup_reply_ struct cg_reply reply = {0};
	struct cg_error *err = NULL;

	if (cg_client_send(c, q, NULL, 0, &err) < 0 || cg_client_receive(c, &reply, &err) < 0) {
		fprintf(stderr, "jobs: %s\n", err->message);
		exit(2);
	}
	if (reply.error) {
		fprintf(stderr, "jobs: %s\n", reply.error->message);
		exit(2);
	}
}

static struct cg_request submit(const char *id, const char *command, const char *argument)
{
	struct cg_request q = {.verb = CG_VERB_SUBMIT, .has_spec = true, .grace_us = UINT64_MAX};
	char text[64];

	q.spec = (struct cg_job_spec){
		.id = strdup(id), .cwd = strdup("/"), .priority = 50, .uid = UINT32_MAX, .gid = UINT32_MAX};
	snprintf(text, sizeof(text), "%s=%s", cg_known_limit_name(CG_LIMIT_MEMORY_MAX), limit);
	if (cg_strings_add(&q.spec.argv, cg_bytes_of(command)) < 0 ||
		(argument && cg_strings_add(&q.spec.argv, cg_bytes_of(argument)) < 0) ||
		cg_strings_add(&q.spec.limits, cg_bytes_of(text)) < 0)
		die("memory");
	return q;
}

static void manager_run(struct cg_client *c, unsigned round, double *ret_start, double *ret_whole)
{
	char id[32];
	struct cg_request q, rest = {.grace_us = UINT64_MAX};
	double from;

	snprintf(id, sizeof(id), "bench-%u", round);
	q = submit(id, "/bin/true", NULL);
	rest.id = id;
	from = now();
	ask(c, &q);
	*ret_start = now() - from;
	rest.verb = CG_VERB_WAIT;
	ask(c, &rest);
	*ret_whole = now() - from;
	rest.verb = CG_VERB_REMOVE;
	ask(c, &rest);
	cg_request_free(&q);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *list, unsigned n)
{
	qsort(list, n, sizeof(*list), compare);
	return list[n / 2];
}

static void rate(struct cg_client *c, unsigned count)
{
	double from = now();

	for (unsigned i = 0; i < count; i++) {
		char id[32];
		struct cg_request q;

		snprintf(id, sizeof(id), "load-%u", i);
		q = submit(id, "/bin/sleep", "100000");
		ask(c, &q);
		cg_request_free(&q);
	}
	printf("%u jobs started, %.0f a second\n", count, count / ((now() - from) / 1e6));
}

int main(int argc, char **argv)
{
	struct cg_client c = CG_CLIENT_INIT;
	struct cg_error *err = NULL;
	bool only_rate = argc == 4 && strcmp(argv[1], "rate") == 0;
	unsigned count = argc > 3 ? (unsigned)strtoul(argv[only_rate ? 2 : 1], NULL, 10) : 0;
	double *list[4];

	if (!count || (!only_rate && argc < 4)) {
		fputs("usage: jobs COUNT SOCKET MAIN [V1MEMORY] | jobs rate COUNT SOCKET\n", stderr);
		return 2;
	}
	if (cg_client_open(&c, argv[only_rate ? 3 : 2], &err) < 0) {
		fprintf(stderr, "jobs: %s\n", err->message);
		return 2;
	}
	if (only_rate) {
		rate(&c, count);
		cg_client_close(&c);
		return 0;
	}
	for (int i = 0; i < 4; i++)
		list[i] = calloc(count, sizeof(double));
	for (unsigned i = 0; i < count; i++) {
		floor_run(argv[3], argc > 4 ? argv[4] : NULL, &list[0][i], &list[1][i]);
		manager_run(&c, i, &list[2][i], &list[3][i]);
	}
	printf("start: floor %.0f us, manager %.0f us, %.2f times\n", median(list[0], count),
		median(list[2], count), median(list[2], count) / median(list[0], count));
	printf("whole run: floor %.0f us, manager %.0f us, %.2f times\n", median(list[1], count),
		median(list[3], count), median(list[3], count) / median(list[1], count));
	for (int i = 0; i < 4; i++)
		free(list[i]);
	cg_client_close(&c);
	return 0;
}
