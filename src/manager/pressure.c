/* Triggers and totals. */
#include "manager/pressure.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fdio.h"
#include "model/knob.h"

#define SLOW_WINDOW                                                                                          \
	UINT64_C(2000000) /* kernel/sched/psi.c, psi_trigger_create(): multiples of it need no privilege */

/* The file of the catalogue that tells the pressure on a resource: memory.pressure, say. */
static const char *file_of_group(enum cg_resource r)
{
	size_t n = strlen(cg_resource_words[r]);

	for (size_t i = 0; i < cg_knob_count; i++) {
		const struct cg_knob *k = &cg_knob_table[i];

		if ((k->flags & CG_KNOB_PSI) && k->kind == CG_KNOB_EVENT &&
			strncmp(k->name, cg_resource_words[r], n) == 0 && k->name[n] == '.')
			return k->name;
	}
	return NULL;
}

static const char *file_of(int group, enum cg_resource r)
{
	return group >= 0 ? file_of_group(r) : cg_resource_words[r];
}

static void add_why(struct cg_pressure *p, enum cg_resource r, int code)
{
	if (!p->why[0])
		(void)snprintf(p->why, sizeof(p->why), "%s: %s", cg_resource_words[r], strerror(-code));
}

/* Our own trouble, against what the kernel will not have. */
static bool is_ours(int code)
{
	return code == -EMFILE || code == -ENFILE || code == -ENOMEM;
}

static int arm(int dir, const char *file, const char *kind, uint64_t stall, uint64_t window)
{
	_cleanup_close_ int fd = openat(dir, file, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	char text[80];
	int n, r;

	if (fd < 0)
		return -errno;
	n = snprintf(text, sizeof(text), "%s %llu %llu", kind, (unsigned long long)stall,
		(unsigned long long)window);
	if (n < 0 || (size_t)n >= sizeof(text))
		return -EOVERFLOW;
	/* The kernel wants the NUL written, too. */
	r = cg_write_fd(fd, (struct cg_bytes){text, (size_t)n + 1});
	return r < 0 ? r : cg_steal_fd(&fd);
}

/* One trigger with this window for each threshold. 0, or the first refusal; then there are none of the
 * resource. */
static int arm_resource(
	struct cg_pressure *p, int dir, int group, const struct cg_config *c, enum cg_resource r)
{
	const struct cg_resource_config *m = &c->resource[r];
	unsigned before = p->triggers;

	for (int s = 0; s < CG_STEPS; s++) {
		unsigned i = before;
		int fd;

		if (!(m->steps & (UINT64_C(1) << s)))
			continue;
		while (i < p->triggers && p->trigger[i].percent != m->enter[s])
			i++;
		if (i < p->triggers)
			continue;
		fd = arm(dir, file_of(group, r), cg_stall_words[m->stall], p->window * m->enter[s] / 100,
			p->window);
		if (fd < 0) {
			while (p->triggers > before)
				(void)close(p->trigger[--p->triggers].fd);
			return fd;
		}
		p->trigger[p->triggers++] = (struct cg_trigger){fd, r, (unsigned)m->enter[s]};
	}
	return 0;
}

static int arm_all(struct cg_pressure *p, int dir, int group, const struct cg_config *c)
{
	for (int r = 0; r < CG_RESOURCES; r++) {
		int code = p->known & (1U << r) ? arm_resource(p, dir, group, c, r) : 0;

		if (code < 0) {
			add_why(p, r, code);
			while (p->triggers > 0)
				(void)close(p->trigger[--p->triggers].fd);
			return code;
		}
	}
	return 0;
}

/* The totals' files stay open, to be read again and again. */
static int open_files(struct cg_pressure *p, int dir, int group)
{
	uint64_t totals[CG_RESOURCES][CG_STALLS];

	for (int r = 0; r < CG_RESOURCES; r++) {
		const char *file = file_of(group, r);
		int code;

		p->file[r] = file ? openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
		if (p->file[r] < 0) {
			code = file ? -errno : -ENOENT;
			if (is_ours(code))
				return code;
			add_why(p, r, code);
			continue;
		}
		p->known |= 1U << r;
		/* Opened is not accounted: psi=0, or cgroup.pressure 0, shows here. */
		code = cg_pressure_read(p, totals);
		if (code < 0) {
			p->known &= ~(1U << r);
			add_why(p, r, code);
			p->file[r] = cg_close(p->file[r]);
		}
	}
	return 0;
}

int cg_pressure_open(int group, const struct cg_config *c, struct cg_pressure *ret, struct cg_error **err)
{
	_cleanup_(cg_pressure_close) struct cg_pressure p = CG_PRESSURE_INIT;
	_cleanup_close_ int proc = group >= 0 ? -1 : open("/proc/pressure", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int dir = group >= 0 ? group : proc, r = 0;

	p.window = c->window;
	if (dir >= 0)
		r = open_files(&p, dir, group);
	else
		add_why(&p, CG_RESOURCE_MEMORY, -errno);
	if (r == 0 && p.known) {
		p.mode = CG_PRESSURE_TRIGGERS;
		r = arm_all(&p, dir, group, c);
		if (r == -EINVAL) {
			p.mode = CG_PRESSURE_SLOW;
			p.window = SLOW_WINDOW;
			r = arm_all(&p, dir, group, c);
		}
		if (r < 0 && !is_ours(r)) {
			p.mode = CG_PRESSURE_SAMPLING;
			p.window = c->window;
			r = 0;
		}
	}
	if (r < 0)
		return cg_error_errno(err, -r, "cannot watch the pressure");
	*ret = p;
	p = (struct cg_pressure)CG_PRESSURE_INIT;
	return 0;
}

int cg_pressure_read(const struct cg_pressure *p, uint64_t ret[CG_RESOURCES][CG_STALLS])
{
	char text[256];

	memset(ret, 0, sizeof(uint64_t[CG_RESOURCES][CG_STALLS]));
	for (int r = 0; r < CG_RESOURCES; r++) {
		ssize_t n;
		int code;

		if (!(p->known & (1U << r)))
			continue;
		n = pread(p->file[r], text, sizeof(text), 0);
		if (n < 0)
			return -errno;
		code = cg_psi_parse((struct cg_bytes){text, (size_t)n}, ret[r]);
		if (code < 0)
			return code;
	}
	return 0;
}

struct closing {
	unsigned count;
	int fd[CG_TRIGGERS_MAX];
};

static void *close_all(void *context)
{
	struct closing *closing = context;

	for (unsigned i = 0; i < closing->count; i++)
		(void)close(closing->fd[i]);
	free(closing);
	return NULL;
}

/* Signals are the loop's: this thread must get none. */
static int close_elsewhere(struct closing *closing)
{
	sigset_t all, before;
	pthread_attr_t detached;
	pthread_t thread;
	int r;

	sigfillset(&all);
	if (pthread_attr_init(&detached) != 0)
		return -ENOMEM;
	(void)pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread, &detached, close_all, closing);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&detached);
	return -r;
}

void cg_pressure_close(struct cg_pressure *p)
{
	struct closing *closing = p->triggers ? calloc(1, sizeof(*closing)) : NULL;

	for (unsigned i = 0; i < p->triggers; i++) {
		if (closing)
			closing->fd[closing->count++] = p->trigger[i].fd;
		else
			(void)close(p->trigger[i].fd);
	}
	/* No thread to be had: late is better than never. */
	if (closing && close_elsewhere(closing) < 0)
		(void)close_all(closing);
	for (int r = 0; r < CG_RESOURCES; r++)
		(void)cg_close(p->file[r]);
	*p = (struct cg_pressure)CG_PRESSURE_INIT;
}
