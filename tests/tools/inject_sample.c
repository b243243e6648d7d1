/*
 * A small program for the injector's own test: in the directory it is given it makes a directory and three
 * files, one from the main thread, one from a second thread and one from a child process. It names each step
 * that fails, takes no step back, and its exit status is the number of failed steps.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct job {
	int dir;
	const char *name;
	int failed;
};

static int report(const char *step, const char *name)
{
	fprintf(stderr, "%s %s: %s\n", step, name, strerrorname_np(errno));
	return 1;
}

static int write_file(int dir, const char *name)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int failed = 0;

	if (fd < 0)
		return report("openat", name);
	if (write(fd, name, strlen(name)) < 0)
		failed = report("write", name);
	close(fd);
	return failed;
}

static void *thread_main(void *data)
{
	struct job *job = data;

	job->failed = write_file(job->dir, job->name);
	return NULL;
}

static int write_in_thread(int dir)
{
	struct job job = {.dir = dir, .name = "thread"};
	pthread_t thread;

	errno = pthread_create(&thread, NULL, thread_main, &job);
	if (errno)
		return report("pthread_create", job.name);
	errno = pthread_join(thread, NULL);
	return errno ? report("pthread_join", job.name) : job.failed;
}

static int write_in_child(int dir)
{
	int status;
	pid_t child = fork();

	if (child < 0)
		return report("fork", "child");
	if (child == 0)
		_exit(write_file(dir, "child"));
	if (waitpid(child, &status, 0) < 0)
		return report("waitpid", "child");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	int dir = argc == 2 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (dir < 0) {
		fputs("usage: inject-sample DIRECTORY\n", stderr);
		return 64;
	}
	int failed = mkdirat(dir, "directory", 0700) < 0 ? report("mkdirat", "directory") : 0;
	failed += write_file(dir, "main");
	failed += write_in_thread(dir);
	failed += write_in_child(dir);
	return failed;
}
