/* OpenMetrics text, family by family. */
#include "manager/metrics.h"

#include <string.h>
#include <sys/stat.h>

#include "base/fdio.h"

/* `unit` is "" or the last part of the name, as the format demands. */
static void family(struct cg_text *t, const char *name, const char *type, const char *unit, const char *help)
{
	cg_text_printf(t, "# TYPE cgtree_%s %s\n", name, type);
	if (*unit)
		cg_text_printf(t, "# UNIT cgtree_%s %s\n", name, unit);
	cg_text_printf(t, "# HELP cgtree_%s %s\n", name, help);
}

static void label(struct cg_text *t, const char *key, const char *value)
{
	cg_text_printf(t, "%s=\"", key);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			cg_text_addc(t, '\\');
		if (*value == '\n')
			cg_text_adds(t, "\\n");
		else
			cg_text_addc(t, *value);
	}
	cg_text_addc(t, '"');
}

/* A sample with one label or none. */
static void start(struct cg_text *t, const char *name, const char *key, const char *value)
{
	cg_text_printf(t, "cgtree_%s", name);
	if (key) {
		cg_text_addc(t, '{');
		label(t, key, value);
		cg_text_addc(t, '}');
	}
	cg_text_addc(t, ' ');
}

static void sample(struct cg_text *t, const char *name, const char *key, const char *value, uint64_t number)
{
	start(t, name, key, value);
	cg_text_printf(t, "%llu\n", (unsigned long long)number);
}

static void seconds(struct cg_text *t, const char *name, const char *key, const char *value, uint64_t us)
{
	start(t, name, key, value);
	cg_text_printf(t, "%llu.%06u\n", (unsigned long long)(us / 1000000), (unsigned)(us % 1000000));
}

static void add_manager(const struct cg_metrics *m, struct cg_text *t)
{
	family(t, "manager", "info", "", "The manager.");
	sample(t, "manager_info", "version", m->version, 1);
	family(t, "manager_start_time_seconds", "gauge", "seconds",
		"When the manager started, since the epoch.");
	seconds(t, "manager_start_time_seconds", NULL, NULL, m->started_us);
	family(t, "clients", "gauge", "", "Connected clients.");
	sample(t, "clients", NULL, NULL, m->clients);
	family(t, "events", "counter", "", "Events so far.");
	sample(t, "events_total", NULL, NULL, m->events);
}

static void add_jobs(const struct cg_metrics *m, struct cg_text *t)
{
	family(t, "jobs", "gauge", "", "Jobs, by state.");
	for (int s = 0; s < CG_JOB_STATES; s++)
		sample(t, "jobs", "state", cg_job_state_name(s), m->jobs[s]);
	family(t, "jobs_started", "counter", "", "Jobs started so far.");
	sample(t, "jobs_started_total", NULL, NULL, m->jobs_started);
	family(t, "jobs_refused", "counter", "", "Jobs refused so far.");
	sample(t, "jobs_refused_total", NULL, NULL, m->jobs_refused);
	family(t, "jobs_ended", "counter", "", "Jobs ended so far, by cause.");
	for (int c = 1; c < CG_CAUSES; c++)
		sample(t, "jobs_ended_total", "cause", cg_job_cause_name(c), m->jobs_ended[c]);
}

static void add_pressure(const struct cg_metrics *m, struct cg_text *t)
{
	family(t, "decisions", "counter", "", "Decisions about pressure so far.");
	for (int a = 0; a < CG_ACTS; a++)
		sample(t, "decisions_total", "act", cg_act_name(a), m->decisions[a]);
	family(t, "steps_held", "gauge", "", "Jobs that a step holds for; admission is closed or not.");
	for (int s = 0; s < CG_STEPS; s++)
		sample(t, "steps_held", "step", cg_step_words[s], m->held[s]);
	if (!m->stall_known)
		return;
	family(t, "stall_seconds", "counter", "seconds", "Time in which tasks of the jobs stalled.");
	for (int r = 0; r < CG_RESOURCES; r++) {
		for (int k = 0; (m->stall_known & (1U << r)) && k < CG_STALLS; k++) {
			uint64_t us = m->stall_us[r][k];

			cg_text_adds(t, "cgtree_stall_seconds_total{");
			label(t, "resource", cg_resource_words[r]);
			cg_text_addc(t, ',');
			label(t, "kind", cg_stall_words[k]);
			cg_text_printf(t, "} %llu.%06u\n", (unsigned long long)(us / 1000000),
				(unsigned)(us % 1000000));
		}
	}
}

/* The columns of a job. */
static const struct column {
	const char *name, *type, *unit, *suffix, *help;
	enum cg_use use;
} columns[] = {
	{"job_memory_bytes", "gauge", "bytes", "", "Memory of a job.", CG_USE_MEMORY},
	{"job_swap_bytes", "gauge", "bytes", "", "Swap of a job.", CG_USE_SWAP},
	{"job_cpu_seconds", "counter", "seconds", "_total", "Processor time of a job.", CG_USE_CPU},
	{"job_io_bytes", "counter", "bytes", "_total", "Bytes that a job read and wrote.", CG_USE_IO},
	{"job_tasks", "gauge", "", "", "Processes and threads of a job.", CG_USE_TASKS},
	{"job_oom_kills", "counter", "", "_total", "Processes of a job that the kernel's OOM killer took.",
		CG_USE_OOM},
};

static void add_column(const struct cg_metrics *m, const struct column *c, struct cg_text *t)
{
	_cleanup_text_ struct cg_text name = {0};

	family(t, c->name, c->type, c->unit, c->help);
	cg_text_printf(&name, "%s%s", c->name, c->suffix);
	t->failed = t->failed || name.failed;
	for (size_t i = 0; !t->failed && i < m->job_count; i++) {
		const struct cg_job_usage *u = &m->job[i].usage;
		uint64_t value = u->value[c->use];

		if (!(u->has & (1U << c->use)))
			continue;
		if (strcmp(c->unit, "seconds") == 0)
			seconds(t, name.data, "id", m->job[i].id, value);
		else
			sample(t, name.data, "id", m->job[i].id, value);
	}
}

void cg_metrics_text(const struct cg_metrics *m, struct cg_text *t)
{
	add_manager(m, t);
	add_jobs(m, t);
	add_pressure(m, t);
	for (size_t i = 0; i < CG_ARRAY_SIZE(columns); i++)
		add_column(m, &columns[i], t);
	cg_text_adds(t, "# EOF\n");
}

static void close_file(struct cg_new_file *f)
{
	cg_new_file_close(f);
}

int cg_metrics_write(const char *path, struct cg_bytes text, struct cg_error **err)
{
	_cleanup_(close_file) struct cg_new_file f = CG_NEW_FILE_INIT;
	int r = cg_new_file_open(&f, path);

	if (r == 0)
		r = cg_write_all(f.fd, text.data, text.len);
	if (r == 0 && fchmod(f.fd, 0644) < 0)
		r = -errno;
	if (r == 0)
		r = cg_new_file_replace(&f);
	if (r < 0) {
		(void)cg_error_errno(err, -r, "cannot write the metrics");
		cg_error_at(err, path, NULL);
		cg_error_hint(err, "the folder must exist and be ours to write: see [metrics] file");
	}
	return r;
}
