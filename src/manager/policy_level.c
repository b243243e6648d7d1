/* How much of the last window was stalled. */
#include "manager/policy_private.h"

void cg_level_add(struct cg_level *l, uint64_t time, uint64_t total, uint64_t window)
{
	/* Of samples that stand close together the last is kept, so that the array always spans a window. */
	if (l->count >= 2 && time - l->point[l->count - 2].time < window / (CG_LEVEL_POINTS / 2))
		l->count--;
	/* What is older than the one before the window says nothing more. */
	while (l->count >= 2 && (l->count == CG_LEVEL_POINTS || l->point[1].time + window <= time)) {
		l->count--;
		for (unsigned i = 0; i < l->count; i++)
			l->point[i] = l->point[i + 1];
	}
	l->point[l->count].time = time;
	l->point[l->count].total = total;
	l->count++;
}

/* The total at an instant within the points, between two of them in proportion. */
static uint64_t total_at(const struct cg_level *l, uint64_t time, uint64_t end, uint64_t end_total)
{
	for (unsigned i = l->count; i-- > 0;) {
		uint64_t from = l->point[i].time, to = i + 1 < l->count ? l->point[i + 1].time : end;
		uint64_t low = l->point[i].total, high = i + 1 < l->count ? l->point[i + 1].total : end_total;

		if (from > time)
			continue;
		if (to <= from || high <= low)
			return low;
		return low + (uint64_t)((unsigned __int128)(high - low) * (time - from) / (to - from));
	}
	return l->point[0].total;
}

unsigned cg_level_at(const struct cg_level *l, uint64_t time, uint64_t total, uint64_t window)
{
	uint64_t before, percent;

	if (l->count == 0 || window == 0)
		return 0;
	before = time >= window ? total_at(l, time - window, time, total) : l->point[0].total;
	if (total <= before)
		return 0;
	percent = (uint64_t)((unsigned __int128)(total - before) * 100 / window);
	return percent > 100 ? 100 : (unsigned)percent;
}
