/* The ring of events. */
#include "control/event.h"

#include <stdlib.h>
#include <time.h>

const char *cg_event_kind_name(enum cg_event_kind kind)
{
	static const char *const names[CG_EVENT_KINDS] = {
		"manager", "job", "limit", "decision", "service", "lagged"};

	return names[kind];
}

void cg_event_ring_free(struct cg_event_ring *ring)
{
	for (uint32_t i = 0; i < ring->size; i++)
		free(ring->item[i].text);
	free(ring->item);
	*ring = (struct cg_event_ring){0};
}

/* Doubles up to what is kept: a quiet manager needs few. While it grows nothing was left out, so the oldest
 * stands first. */
static bool grow(struct cg_event_ring *ring)
{
	uint32_t size = ring->size ? ring->size * 2 : 32;
	struct cg_event *more = reallocarray(ring->item, size, sizeof(*more));

	if (!more)
		return false;
	for (uint32_t i = ring->size; i < size; i++)
		more[i] = (struct cg_event){0};
	ring->item = more;
	ring->size = size;
	return true;
}

const struct cg_event *cg_event_add(struct cg_event_ring *ring, struct cg_event *event)
{
	struct timespec t;
	uint32_t at;

	if (ring->count == ring->size && ring->size < CG_EVENTS_KEPT && !grow(ring)) {
		free(event->text);
		event->text = NULL;
		return NULL;
	}
	if (ring->count == ring->size) {
		at = ring->first;
		ring->first = (ring->first + 1) % ring->size;
	} else {
		at = (ring->first + ring->count++) % ring->size;
	}
	(void)clock_gettime(CLOCK_REALTIME, &t);
	event->sequence = ring->next_sequence++;
	event->time_us = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
	free(ring->item[at].text);
	ring->item[at] = *event;
	event->text = NULL;
	return &ring->item[at];
}

const struct cg_event *cg_event_at(const struct cg_event_ring *ring, uint32_t i)
{
	return &ring->item[(ring->first + i) % ring->size];
}
