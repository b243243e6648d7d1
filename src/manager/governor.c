/* The governor in the loop. */
#include "manager/governor.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "manager/config_file.h"
#include "manager/governor_private.h"

static void arm_timer(struct cg_governor *g, uint64_t at);

static unsigned processors(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	return (unsigned)CPU_COUNT(&set);
}

static int take_sample(struct cg_governor *g, struct cg_policy_sample *s)
{
	uint64_t stall[CG_RESOURCES][CG_STALLS];
	int r = cg_pressure_read(&g->pressure, stall);

	if (r < 0)
		return r;
	s->now = monotonic_us();
	s->known = g->pressure.known;
	for (int i = 0; i < CG_RESOURCES; i++) {
		s->stall[i] = stall[i][g->config.resource[i].stall];
		s->fired[i] = g->fired[i];
		g->fired[i] = 0;
	}
	s->cpus = processors();
	governor_memory(g, &s->memory_used, &s->memory_total);
	if (!cg_policy_needs_jobs(g->policy, &g->config, s))
		return 0;
	r = governor_look(g, false);
	/* No job is still a look at all of them. */
	if (r == 0 && !g->view)
		r = (g->view = calloc(1, sizeof(*g->view))) ? (g->view_room = 1, 0) : -ENOMEM;
	s->job = g->view;
	s->jobs = g->views;
	return r;
}

static void run(struct cg_governor *g)
{
	struct cg_policy_sample s = {0};
	struct cg_decisions d;
	int r = take_sample(g, &s);

	if (r == 0)
		r = cg_policy_run(g->policy, &g->config, &s, &d);
	if (r < 0) {
		cg_log(CG_LOG_ERROR, "pressure cannot be judged: %s", strerror(-r));
		/* Later, if memory was out. */
		arm_timer(g, monotonic_us() + g->config.window);
		return;
	}
	for (size_t i = 0; i < d.count; i++)
		governor_act(g, &d.item[i]);
	if (g->pressure.mode == CG_PRESSURE_SAMPLING && g->m->live > 0 && d.next > s.now + g->config.window)
		d.next = s.now + g->config.window;
	arm_timer(g, d.next);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *context)
{
	(void)source;
	(void)usec;
	run(context);
	return 0;
}

static void arm_timer(struct cg_governor *g, uint64_t at)
{
	int r;

	if (at == CG_POLICY_NEVER) {
		if (g->timer)
			(void)sd_event_source_set_enabled(g->timer, SD_EVENT_OFF);
		return;
	}
	if (!g->timer) {
		r = sd_event_add_time(g->m->loop, &g->timer, CLOCK_MONOTONIC, at, 1000, on_timer, g);
	} else {
		r = sd_event_source_set_time(g->timer, at);
		r = r < 0 ? r : sd_event_source_set_enabled(g->timer, SD_EVENT_ONESHOT);
	}
	if (r < 0)
		cg_log(CG_LOG_ERROR, "no timer for the governor: %s", strerror(-r));
}

static int on_soon(sd_event_source *source, void *context)
{
	(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
	run(context);
	return 0;
}

/* All triggers that fire together are one look. */
void governor_soon(struct cg_governor *g)
{
	if (!g->soon && sd_event_add_defer(g->m->loop, &g->soon, on_soon, g) < 0)
		return;
	(void)sd_event_source_set_enabled(g->soon, SD_EVENT_ONESHOT);
}

static int on_trigger(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct cg_governor *g = context;

	for (unsigned i = 0; i < g->pressure.triggers; i++) {
		const struct cg_trigger *t = &g->pressure.trigger[i];

		if (t->fd != fd)
			continue;
		if (events & EPOLLERR) {
			/* Its group is gone; kept in the loop it would spin. */
			(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
			cg_log(CG_LOG_ERROR, "the group that pressure was watched on is gone");
		} else if (t->percent > g->fired[t->resource]) {
			g->fired[t->resource] = t->percent;
		}
	}
	governor_soon(g);
	return 0;
}

static void unwatch(struct cg_governor *g)
{
	for (unsigned i = 0; i < CG_TRIGGERS_MAX; i++)
		g->trigger[i] = sd_event_source_disable_unref(g->trigger[i]);
	cg_pressure_close(&g->pressure);
}

static int watch(struct cg_governor *g, struct cg_config *c, struct cg_error **err)
{
	const struct cg_host *h = &g->m->host;
	struct cg_pressure p = CG_PRESSURE_INIT;
	int r = 0;

	if (h->v2)
		r = cg_pressure_open(h->top.place[h->main].jobs, c, &p, err);
	if (r == 0 && p.mode == CG_PRESSURE_NONE) {
		cg_pressure_close(&p);
		r = cg_pressure_open(-1, c, &p, err);
	}
	if (r < 0)
		return r;
	unwatch(g);
	g->pressure = p;
	c->window = p.window;
	for (unsigned i = 0; r >= 0 && i < p.triggers; i++)
		r = sd_event_add_io(g->m->loop, &g->trigger[i], p.trigger[i].fd, EPOLLPRI, on_trigger, g);
	return r < 0 ? cg_error_errno(err, -r, "cannot watch the triggers of pressure") : 0;
}

static void tell_watch(struct cg_governor *g)
{
	const struct cg_pressure *p = &g->pressure;

	if (p->mode == CG_PRESSURE_SLOW)
		tell(g->m, NULL, CG_EVENT_MANAGER, "pressure",
			"triggers of 2 s: the kernel gives shorter ones with CAP_SYS_RESOURCE only");
	else if (p->mode == CG_PRESSURE_SAMPLING)
		tell(g->m, NULL, CG_EVENT_MANAGER, "pressure",
			"no triggers (%s): stalls are read every window while jobs live", p->why);
	else if (p->mode == CG_PRESSURE_NONE)
		tell(g->m, NULL, CG_EVENT_MANAGER, "pressure",
			"not accounted here (%s): nothing is done about it", p->why);
}

/* Everything that can fail comes before what was is given up. */
static int take_config(struct cg_governor *g, struct cg_error **err)
{
	const struct cg_manager_options *o = &g->m->options;
	_cleanup_config_ struct cg_config c = {0}, old = {0};
	_cleanup_close_ int events = -1;
	int r = cg_config_load(o->config, o->override, o->overrides, &c, err);

	r = r < 0 ? r : governor_out_open(&c, &events, err);
	r = r < 0 ? r : watch(g, &c, err);
	if (r < 0)
		return r;
	(void)cg_close(g->events_fd);
	g->events_fd = cg_steal_fd(&events);
	old = g->config;
	g->config = c;
	c = (struct cg_config){0};
	return 0;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	struct cg_governor *g = context;
	_cleanup_error_ struct cg_error *err = NULL;

	(void)source;
	(void)info;
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)monotonic_us());
	if (take_config(g, &err) < 0) {
		_cleanup_free_ char *text = cg_error_text(err);

		cg_log(CG_LOG_ERROR, "the old configuration stays in force: %s",
			text ? text : "out of memory");
		tell(g->m, NULL, CG_EVENT_MANAGER, "unchanged", "the old configuration stays in force: %s",
			text ? text : "");
	} else {
		tell(g->m, NULL, CG_EVENT_MANAGER, "reloaded", "%s", "");
		tell_watch(g);
		governor_metrics_kick(g);
		governor_soon(g);
	}
	(void)sd_notify(0, "READY=1");
	return 0;
}

static int listen_hangup(struct cg_governor *g)
{
	sigset_t block;

	(void)sigemptyset(&block);
	(void)sigaddset(&block, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &block, NULL) < 0)
		return -errno;
	return sd_event_add_signal(g->m->loop, &g->hangup, SIGHUP, on_hangup, g);
}

int cg_governor_open(struct cg_manager *m, struct cg_governor **ret, struct cg_error **err)
{
	struct cg_governor *g = calloc(1, sizeof(*g));
	int r;

	if (!g)
		return cg_error_oom(err);
	g->m = m;
	g->meminfo = g->events_fd = -1;
	g->pressure = (struct cg_pressure)CG_PRESSURE_INIT;
	g->counted.started_us = realtime_us();
	g->policy = cg_policy_new();
	r = g->policy ? take_config(g, err) : cg_error_oom(err);
	if (r == 0) {
		governor_memory_open(g);
		r = listen_hangup(g);
		if (r < 0)
			r = cg_error_errno(err, -r, "cannot wait for SIGHUP");
	}
	if (r < 0) {
		(void)cg_governor_close(g);
		return r;
	}
	*ret = g;
	tell_watch(g);
	return 0;
}

struct cg_governor *cg_governor_close(struct cg_governor *g)
{
	if (!g)
		return NULL;
	unwatch(g);
	g->timer = sd_event_source_disable_unref(g->timer);
	g->soon = sd_event_source_disable_unref(g->soon);
	g->hangup = sd_event_source_disable_unref(g->hangup);
	g->metrics_timer = sd_event_source_disable_unref(g->metrics_timer);
	governor_memory_close(g);
	(void)cg_close(g->events_fd);
	cg_text_free(&g->line);
	cg_config_free(&g->config);
	(void)cg_policy_free(g->policy);
	free(g->view);
	free(g);
	return NULL;
}

bool cg_governor_admits(const struct cg_governor *g, bool *ret_wait, struct cg_error **err)
{
	struct cg_decision why;
	_cleanup_text_ struct cg_text text = {0};

	if (!g || cg_policy_open(g->policy, &why))
		return true;
	*ret_wait = g->config.when_closed == CG_WHEN_CLOSED_QUEUE;
	cg_decision_text(&why, &text);
	(void)cg_error_make(
		err, CG_FAULT_SYSTEM, EAGAIN, "%s", text.failed ? "admission is closed" : text.data);
	cg_error_hint(err, "let it wait for its turn: --queue");
	return false;
}

void cg_governor_kick(struct cg_governor *g)
{
	if (!g)
		return;
	governor_metrics_kick(g);
	if (g->pressure.mode == CG_PRESSURE_SAMPLING && g->m->live > 0)
		governor_soon(g);
}

uint64_t cg_governor_high(const struct cg_governor *g, uint64_t memory_max)
{
	return g ? cg_policy_high(&g->config, memory_max) : UINT64_MAX;
}
