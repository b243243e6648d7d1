/* The jobs: an array by handle, ascending, and a hash table by id. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "manager/private.h"

#define BUCKETS_LEAST 64

static uint32_t hash(const char *id)
{
	uint32_t h = 2166136261u;

	for (; *id; id++)
		h = (h ^ (uint8_t)*id) * 16777619u;
	return h;
}

struct job *job_find(const struct cg_manager *m, const char *id)
{
	struct job *j = m->buckets ? m->bucket[hash(id) & (m->buckets - 1)] : NULL;

	while (j && strcmp(j->spec.id, id) != 0)
		j = j->next_in_bucket;
	return j;
}

/* Index of the first job with that handle or a higher one. */
static uint32_t place_of(const struct cg_manager *m, uint32_t handle)
{
	uint32_t low = 0, high = m->jobs;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (m->job[middle]->handle < handle)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct job *job_from_handle(const struct cg_manager *m, uint32_t handle)
{
	uint32_t i = place_of(m, handle);

	return i < m->jobs ? m->job[i] : NULL;
}

struct job *job_queued_from(const struct cg_manager *m, uint32_t handle)
{
	/* With a timer it waits for a restart. */
	for (uint32_t i = place_of(m, handle); i < m->jobs; i++)
		if (m->job[i]->record.state == CG_JOB_QUEUED && !m->job[i]->timer)
			return m->job[i];
	return NULL;
}

struct job *job_by_handle(const struct cg_manager *m, uint32_t handle)
{
	struct job *j = job_from_handle(m, handle);

	return j && j->handle == handle ? j : NULL;
}

static void link_job(struct cg_manager *m, struct job *j)
{
	struct job **at = &m->bucket[hash(j->spec.id) & (m->buckets - 1)];

	j->next_in_bucket = *at;
	*at = j;
}

static bool grow(struct cg_manager *m)
{
	uint32_t room = m->job_room ? 2 * m->job_room : BUCKETS_LEAST;
	struct job **list = reallocarray(m->job, room, sizeof(struct job *)),
		   **bucket = calloc(room, sizeof(struct job *));

	if (list)
		m->job = list;
	if (!list || !bucket) {
		free(bucket);
		return false;
	}
	free(m->bucket);
	m->bucket = bucket;
	m->buckets = m->job_room = room;
	for (uint32_t i = 0; i < m->jobs; i++)
		link_job(m, m->job[i]);
	return true;
}

struct job *job_add(struct cg_manager *m, struct cg_job_spec *spec)
{
	struct job *j = m->jobs < m->job_room || grow(m) ? calloc(1, sizeof(*j)) : NULL;

	if (!j) {
		cg_job_spec_free(spec);
		return NULL;
	}
	j->m = m;
	j->spec = *spec;
	*spec = (struct cg_job_spec){0};
	j->shim = j->answer = j->mover = -1;
	j->stdio[0] = j->stdio[1] = j->stdio[2] = -1;
	j->handle = ++m->next_handle;
	m->job[m->jobs++] = j;
	link_job(m, j);
	return j;
}

static void free_job(struct job *j)
{
	job_watch_stop(j);
	clients_leave(j);
	sd_event_source_disable_unref(j->shim_source);
	sd_event_source_disable_unref(j->answer_source);
	sd_event_source_disable_unref(j->mover_source);
	sd_event_source_disable_unref(j->timer);
	(void)cg_close(j->mover);
	(void)cg_close(j->shim);
	(void)cg_close(j->answer);
	cg_job_spec_free(&j->spec);
	cg_strings_free(&j->overrides);
	cg_job_record_free(&j->record);
	free(j);
}

void job_delete(struct job *j)
{
	struct cg_manager *m = j->m;
	struct job **at = &m->bucket[hash(j->spec.id) & (m->buckets - 1)];
	uint32_t i = place_of(m, j->handle);

	while (*at != j)
		at = &(*at)->next_in_bucket;
	*at = j->next_in_bucket;
	memmove(&m->job[i], &m->job[i + 1], (m->jobs - i - 1) * sizeof(struct job *));
	m->jobs--;
	free_job(j);
}

static void remove_log(const struct cg_manager *m, const char *id)
{
	_cleanup_text_ struct cg_text name = {0};

	cg_text_printf(&name, "%s.log.1", id);
	if (name.failed)
		return;
	(void)unlinkat(m->log_dir, name.data, 0);
	name.data[name.len - 2] = '\0';
	(void)unlinkat(m->log_dir, name.data, 0);
}

void job_forget(struct job *j)
{
	struct cg_manager *m = j->m;
	_cleanup_free_ char *id = strdup(j->spec.id);
	bool logged = !j->spec.foreground;

	services_forget(j);
	/* The job first: one without its log would be a lie. */
	cg_store_remove(&m->store, j->spec.id);
	job_delete(j);
	if (id && logged)
		remove_log(m, id);
}

void jobs_free(struct cg_manager *m)
{
	for (uint32_t i = 0; i < m->jobs; i++)
		free_job(m->job[i]);
	free(m->job);
	free(m->bucket);
	m->job = m->bucket = NULL;
	m->jobs = m->job_room = m->buckets = 0;
}
