/* Events and metrics leave the manager as text. Nobody who reads them can hold it up: what does not go out at
 * once is left out, and the gap in the numbers tells. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "manager/event_text.h"
#include "manager/governor_private.h"

int governor_out_open(const struct cg_config *c, int *ret_fd, struct cg_error **err)
{
	int r;

	if (!c->events_file)
		return 0;
	*ret_fd = open(c->events_file,
		O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
	if (*ret_fd >= 0)
		return 0;
	r = cg_error_errno(err, errno, "cannot open the file of events");
	cg_error_at(err, c->events_file, NULL);
	return r;
}

static void count(struct cg_metrics *m, const struct cg_event *e)
{
	m->events++;
	if (e->kind != CG_EVENT_JOB)
		return;
	if (strcmp(e->what, "started") == 0)
		m->jobs_started++;
	else if (strcmp(e->what, "refused") == 0)
		m->jobs_refused++;
	else if (cg_job_state_is_final(e->state) && strcmp(e->what, cg_job_state_name(e->state)) == 0)
		m->jobs_ended[e->cause]++;
}

void cg_governor_event(struct cg_governor *g, const struct cg_event *e)
{
	int fd;
	struct pollfd out;

	if (!g)
		return;
	count(&g->counted, e);
	cg_text_reset(&g->line);
	cg_event_line(e, &g->line);
	if (g->line.failed) {
		cg_text_free(&g->line);
		return;
	}
	fd = g->events_fd >= 0 ? g->events_fd : STDERR_FILENO;
	out = (struct pollfd){.fd = fd, .events = POLLOUT};
	if (poll(&out, 1, 0) == 1 && out.revents & POLLOUT && write(fd, g->line.data, g->line.len) < 0)
		cg_debug("an event was not written: %s", strerror(errno));
}

static int add_view(void *context, const struct cg_job_view *view)
{
	struct cg_governor *g = context;

	if (g->views == g->view_room) {
		size_t room = g->view_room ? g->view_room * 2 : 64;
		struct cg_job_view *grown = reallocarray(g->view, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		g->view = grown;
		g->view_room = room;
	}
	g->view[g->views++] = *view;
	return 0;
}

int governor_look(struct cg_governor *g, bool all)
{
	g->views = 0;
	return cg_manager_each_job(g->m, all, add_view, g);
}

void cg_governor_metrics(struct cg_governor *g, struct cg_text *t)
{
	struct cg_metrics m;

	if (!g)
		return;
	m = g->counted;
	m.version = CGTREE_VERSION;
	for (uint32_t i = 0; i < g->m->jobs; i++)
		m.jobs[g->m->job[i]->record.state]++;
	m.clients = g->m->client_count;
	cg_policy_counts(g->policy, m.held);
	if (cg_pressure_read(&g->pressure, m.stall_us) == 0)
		m.stall_known = g->pressure.known;
	if (governor_look(g, true) == 0) {
		m.job = g->view;
		m.job_count = g->views;
	}
	cg_metrics_text(&m, t);
}

static void write_metrics(struct cg_governor *g)
{
	_cleanup_text_ struct cg_text t = {0};
	_cleanup_error_ struct cg_error *err = NULL;

	cg_governor_metrics(g, &t);
	if (t.failed)
		return;
	if (cg_metrics_write(g->config.metrics_file, (struct cg_bytes){t.data, t.len}, &err) < 0)
		cg_log(CG_LOG_WARNING, "%s: %s", err->path ? err->path : "", err->message);
}

static int on_metrics(sd_event_source *source, uint64_t usec, void *context)
{
	struct cg_governor *g = context;

	(void)source;
	(void)usec;
	g->metrics_timer = sd_event_source_disable_unref(g->metrics_timer);
	if (!g->config.metrics_file)
		return 0;
	write_metrics(g);
	/* Without jobs nothing changes: the next one wakes it again. */
	if (g->m->live > 0)
		governor_metrics_kick(g);
	return 0;
}

void governor_metrics_kick(struct cg_governor *g)
{
	if (g->metrics_timer || !g->config.metrics_file)
		return;
	if (sd_event_add_time_relative(g->m->loop, &g->metrics_timer, CLOCK_MONOTONIC,
		    g->config.metrics_interval, 1000000, on_metrics, g) < 0)
		cg_log(CG_LOG_WARNING, "no timer for the metrics: they are not written");
}
