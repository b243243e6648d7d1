/*
 * floor_dump: the least that any dump must do. It walks a tree by directory descriptors and opens, reads and
 * closes in each group the files it is told; it keeps nothing. A group's children are listed only where its
 * link count says that there are some (it is 2 plus their number).
 *
 * Groups still to be visited lie on one stack that all threads share; each is a name in a parent directory
 * that stays open until the last of its children was taken.
 */
#include "common.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct parent {
	DIR *dir;
	unsigned long pending; /* children not yet opened; protected by the walk's lock */
};

struct visit {
	struct parent *parent;
	char *name;
};

struct walk {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct visit *stack;
	size_t used;
	size_t room;
	unsigned busy; /* threads that may still push */
	char **files;
};

struct worker {
	pthread_t thread;
	struct walk *walk;
	unsigned long groups;
	unsigned long files;
	unsigned long bytes;
};

static void read_one(struct worker *worker, int group, const char *name)
{
	char buffer[16384];
	ssize_t n;
	int fd = openat(group, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("open %s: %s", name, strerror(errno));
	do {
		n = read(fd, buffer, sizeof(buffer));
		if (n < 0)
			die("read %s: %s", name, strerror(errno));
		worker->bytes += (unsigned long)n;
	} while (n == (ssize_t)sizeof(buffer));
	close(fd);
	worker->files++;
}

static void push_locked(struct walk *walk, struct parent *parent, const char *name)
{
	if (walk->used == walk->room) {
		walk->room = walk->room ? walk->room * 2 : 64;
		walk->stack = must_grow(walk->stack, walk->room, sizeof(*walk->stack));
	}
	char *copy = strdup(name);
	if (!copy)
		die("out of memory");
	walk->stack[walk->used++] = (struct visit){parent, copy};
	parent->pending++;
}

/* Takes over the descriptor. */
static void push_children(struct walk *walk, int group)
{
	struct parent *parent = must_alloc(sizeof(*parent));

	*parent = (struct parent){.dir = fdopendir(group)};
	if (!parent->dir)
		die("fdopendir: %s", strerror(errno));
	pthread_mutex_lock(&walk->lock);
	for (struct dirent *entry; (entry = readdir(parent->dir));)
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			push_locked(walk, parent, entry->d_name);
	bool empty = parent->pending == 0;
	pthread_cond_broadcast(&walk->changed);
	pthread_mutex_unlock(&walk->lock);
	if (empty) {
		closedir(parent->dir);
		free(parent);
	}
}

/* Takes over the descriptor. */
static void visit_group(struct worker *worker, int group)
{
	struct stat status;

	if (fstat(group, &status) < 0)
		die("fstat: %s", strerror(errno));
	for (char **file = worker->walk->files; *file; file++)
		read_one(worker, group, *file);
	worker->groups++;
	if (status.st_nlink > 2)
		push_children(worker->walk, group);
	else
		close(group);
}

/* Takes the next group off the stack; waits while another thread may still push. False at the end of the
 * walk. */
static bool take(struct walk *walk, struct visit *ret)
{
	bool found = false;

	pthread_mutex_lock(&walk->lock);
	walk->busy--;
	while (walk->used == 0 && walk->busy > 0)
		pthread_cond_wait(&walk->changed, &walk->lock);
	if (walk->used > 0) {
		*ret = walk->stack[--walk->used];
		walk->busy++;
		found = true;
	} else {
		pthread_cond_broadcast(&walk->changed);
	}
	pthread_mutex_unlock(&walk->lock);
	return found;
}

static void release_parent(struct walk *walk, struct parent *parent)
{
	pthread_mutex_lock(&walk->lock);
	bool last = --parent->pending == 0;
	pthread_mutex_unlock(&walk->lock);
	if (last) {
		closedir(parent->dir);
		free(parent);
	}
}

static void *worker_main(void *data)
{
	struct worker *worker = data;
	struct visit visit;

	while (take(worker->walk, &visit)) {
		int group = openat(dirfd(visit.parent->dir), visit.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (group < 0)
			die("open %s: %s", visit.name, strerror(errno));
		release_parent(worker->walk, visit.parent);
		free(visit.name);
		visit_group(worker, group);
	}
	return NULL;
}

/* Walks the tree below `group`, which it takes over; the calling thread is one of the `count` workers. */
static void walk_tree(struct worker *workers, unsigned count, int group)
{
	struct walk *walk = workers[0].walk;

	walk->busy = count;
	visit_group(&workers[0], group);
	for (unsigned i = 1; i < count; i++) {
		int error = pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]);
		if (error)
			die("pthread_create: %s", strerror(error));
	}
	worker_main(&workers[0]);
	for (unsigned i = 1; i < count; i++)
		pthread_join(workers[i].thread, NULL);
	free(walk->stack);
}

static void run(const char *top, char **files, unsigned count)
{
	struct walk walk = {
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER,
		.files = files,
	};
	struct worker *workers = must_alloc(count * sizeof(*workers));
	struct worker sum = {0};
	double start = now();

	for (unsigned i = 0; i < count; i++)
		workers[i] = (struct worker){.walk = &walk};
	walk_tree(workers, count, open_group(top));
	for (unsigned i = 0; i < count; i++) {
		sum.groups += workers[i].groups;
		sum.files += workers[i].files;
		sum.bytes += workers[i].bytes;
	}
	printf("%lu groups, %lu files, %lu bytes, %.6f s\n", sum.groups, sum.files, sum.bytes, now() - start);
	free(workers);
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{"threads", required_argument, NULL, 't'},
		{NULL, 0, NULL, 0},
	};
	unsigned count = 1;
	int option;

	while ((option = getopt_long(argc, argv, "+", known, NULL)) != -1) {
		if (option != 't')
			return 1;
		count = (unsigned)parse_number("--threads", optarg, 1, 256);
	}
	if (argc - optind < 2) {
		fputs("Usage: floor_dump [--threads N] DIR FILE...\n"
		      "Opens, reads and closes each FILE in each group of the tree DIR.\n",
			stderr);
		return 1;
	}
	run(argv[optind], argv + optind + 1, count);
	return 0;
}
