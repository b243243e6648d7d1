/* A queue between the loop and the disk. What is queued waits a moment before it is written, for the next
 * entry of the same job replaces it: a short job costs the disk one write, or none. */
#include "manager/behind.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/log.h"

#define PAUSE_NS 20000000L /* 20 ms */
#define ENOUGH   64        /* entries that are not paused for */

struct item {
	struct item *next;
	char *name;
	struct cg_text text;
};

struct cg_behind {
	int dir;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct item *first, **end;
	unsigned count;
	bool stop;
};

static int write_whole(int dir, const char *name, const struct cg_text *t)
{
	_cleanup_text_ struct cg_text temporary = {0};
	_cleanup_close_ int fd = -1;
	int r;

	if (t->len == 0)
		return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
	/* No id begins with a dot. */
	cg_text_printf(&temporary, ".%s", name);
	if (temporary.failed)
		return -ENOMEM;
	fd = openat(dir, temporary.data, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : cg_write_all(fd, t->data, t->len);
	if (r == 0 && fdatasync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(dir, temporary.data, dir, name) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(dir, temporary.data, 0);
	return r;
}

static void do_item(int dir, struct item *i)
{
	int r = write_whole(dir, i->name, &i->text);

	if (r < 0)
		cg_log(CG_LOG_WARNING, "the result of job %s cannot be kept: %s", i->name, strerror(-r));
	cg_text_free(&i->text);
	free(i->name);
	free(i);
}

static void pause_for_more(struct cg_behind *b)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += PAUSE_NS;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	while (!b->stop && b->count < ENOUGH)
		if (pthread_cond_timedwait(&b->work, &b->lock, &until) != 0)
			return;
}

static void *run(void *context)
{
	struct cg_behind *b = context;
	bool paused = false;

	(void)pthread_mutex_lock(&b->lock);
	for (;;) {
		struct item *i;

		while (!b->first && !b->stop) {
			paused = false;
			(void)pthread_cond_wait(&b->work, &b->lock);
		}
		if (!paused)
			pause_for_more(b);
		paused = true;
		i = b->first;
		if (!i)
			break;
		b->first = i->next;
		b->count--;
		if (!b->first)
			b->end = &b->first;
		(void)pthread_mutex_unlock(&b->lock);
		do_item(b->dir, i);
		(void)pthread_mutex_lock(&b->lock);
	}
	(void)pthread_mutex_unlock(&b->lock);
	return NULL;
}

/* The loop alone takes signals. */
static int start_thread(struct cg_behind *b)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int r;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setstacksize(&attributes, (size_t)256 << 10);
	r = -pthread_create(&b->thread, &attributes, run, b);
	(void)pthread_attr_destroy(&attributes);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

int cg_behind_start(int dir, struct cg_behind **ret)
{
	struct cg_behind *b = calloc(1, sizeof(*b));
	pthread_condattr_t clock;
	int r;

	if (!b)
		return -ENOMEM;
	b->dir = dir;
	b->end = &b->first;
	(void)pthread_mutex_init(&b->lock, NULL);
	(void)pthread_condattr_init(&clock);
	(void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&b->work, &clock);
	(void)pthread_condattr_destroy(&clock);
	r = start_thread(b);
	if (r < 0) {
		free(b);
		return r;
	}
	*ret = b;
	return 0;
}

/* A write of the same name that waits still is replaced. */
static bool replace(struct cg_behind *b, const char *name, struct cg_text *text)
{
	for (struct item *i = b->first; i; i = i->next) {
		if (strcmp(i->name, name) != 0)
			continue;
		cg_text_free(&i->text);
		i->text = *text;
		*text = (struct cg_text){0};
		return true;
	}
	return false;
}

void cg_behind_write(struct cg_behind *b, const char *name, struct cg_text *text)
{
	struct item *i = calloc(1, sizeof(*i));
	char *copy = i ? strdup(name) : NULL;

	if (!copy) {
		free(i);
		if (write_whole(b->dir, name, text) < 0)
			cg_log(CG_LOG_WARNING, "the result of job %s cannot be kept", name);
		return;
	}
	*i = (struct item){NULL, copy, *text};
	(void)pthread_mutex_lock(&b->lock);
	if (replace(b, name, &i->text)) {
		free(copy);
		free(i);
	} else {
		*b->end = i;
		b->end = &i->next;
		/* It sleeps without a deadline, or has enough to do. */
		if (++b->count == 1 || b->count == ENOUGH)
			(void)pthread_cond_signal(&b->work);
	}
	(void)pthread_mutex_unlock(&b->lock);
	*text = (struct cg_text){0};
}

struct cg_behind *cg_behind_stop(struct cg_behind *b)
{
	if (!b)
		return NULL;
	(void)pthread_mutex_lock(&b->lock);
	b->stop = true;
	(void)pthread_cond_signal(&b->work);
	(void)pthread_mutex_unlock(&b->lock);
	(void)pthread_join(b->thread, NULL);
	(void)pthread_cond_destroy(&b->work);
	(void)pthread_mutex_destroy(&b->lock);
	free(b);
	return NULL;
}
