/* CRIU's sets with new places: a cgroup.img that leads its tasks into groups which are there already. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/checkpoint.h"
#include "image/criu.h"
#include "image/image.h"

struct rewriting {
	const struct cg_live *live;
	const struct cg_tree *image;
	const struct cg_plan *plan;
	uint32_t *place;    /* by image group */
	const char **label; /* of each live hierarchy, as CRIU names it */
	bool *used;         /* by live hierarchy */
	struct cg_arena *arena;
};

static int learn(struct rewriting *w, struct cg_error **err)
{
	w->place = calloc(w->image->groups + (size_t)1, sizeof(*w->place));
	w->label = calloc(w->live->count + 1, sizeof(*w->label));
	w->used = calloc(w->live->count + 1, sizeof(*w->used));
	if (!w->place || !w->label || !w->used)
		return cg_error_oom(err);
	for (uint32_t i = 0; i < w->image->groups; i++)
		w->place[i] = CG_NONE;
	for (size_t i = 0; i < w->plan->places; i++)
		if (w->plan->place[i].image_group != CG_NONE)
			w->place[w->plan->place[i].image_group] = (uint32_t)i;
	for (size_t i = 0; i < w->live->count; i++) {
		const struct cg_live_hierarchy *h = &w->live->item[i];
		struct cg_hierarchy like = {
			.version = (uint8_t)h->version, .controllers = h->controllers, .name = h->name};
		_cleanup_text_ struct cg_text t = {0};

		w->label[i] = h->version == 2 ? "" : cg_arena_string(w->arena, cg_hierarchy_label(&like, &t));
		if (!w->label[i] || t.failed)
			return cg_error_oom(err);
	}
	return 0;
}

static size_t live_of(const struct rewriting *w, const char *label)
{
	for (size_t i = 0; i < w->live->count; i++)
		if (cg_live_matches(&w->live->item[i], label))
			return i;
	return w->live->count;
}

/* Where the group of the image with that path went; CG_NONE when it is none of the image's. */
static uint32_t place_of(const struct rewriting *w, uint32_t hierarchy, const char *path)
{
	uint32_t group = hierarchy == CG_NONE ? CG_NONE : cg_tree_find(w->image, hierarchy, path);

	return group == CG_NONE ? CG_NONE : w->place[group];
}

static unsigned count_components(const char *path, size_t length)
{
	unsigned n = 0;

	for (size_t i = 0; i < length; i++)
		n += path[i] == '/' && i + 1 < length;
	return n;
}

/* The root of the tasks' cgroup namespace lies as many levels above their group as it did. */
static int move_hidden(struct cg_criu_place_of_set *p, const char *to, struct cg_error **err)
{
	size_t length = strlen(p->path), end = strlen(to);
	unsigned below;

	if (p->hidden == 0)
		return 0;
	below = count_components(p->path, length) - count_components(p->path, p->hidden);
	while (below-- > 0 && end > 0)
		while (end > 0 && to[--end] != '/')
			;
	if (end == 0) {
		int r = cg_error_usage(err,
			"the tasks are in a cgroup namespace whose root lies above their group, and nothing of the target does");

		cg_error_at(err, to, NULL);
		cg_error_hint(err, "restore below another group: --root, --map");
		return r;
	}
	p->hidden = (uint32_t)end;
	return 0;
}

static int refuse(const struct cg_criu_set *s, const struct cg_criu_place_of_set *p, struct cg_error **err)
{
	int r = cg_error_corrupt(err,
		"CRIU's tasks of set %u are in this group of hierarchy \"%s\", which the image does not have",
		s->id, p->hierarchy[0] ? p->hierarchy : "v2");

	cg_error_at(err, p->path, NULL);
	return r;
}

/* 1 when the place falls away: the root of a hierarchy that is not here. */
static int move_place(struct rewriting *w, const struct cg_criu_set *s, struct cg_criu_place_of_set *p,
	struct cg_error **err)
{
	uint32_t hierarchy = cg_criu_hierarchy_of(w->image, p->hierarchy), place;
	size_t live;
	int r;

	if (strcmp(p->path, "/") == 0) {
		live = live_of(w, p->hierarchy);
		if (live == w->live->count)
			return 1;
		w->used[live] = true;
		return 0;
	}
	place = place_of(w, hierarchy, p->path);
	if (place == CG_NONE)
		return refuse(s, p, err);
	live = w->plan->place[place].hierarchy;
	r = move_hidden(p, w->plan->place[place].path, err);
	p->hierarchy = w->label[live];
	p->path = w->plan->place[place].path;
	w->used[live] = true;
	return r;
}

static int move_sets(struct rewriting *w, struct cg_criu_sets *sets, struct cg_error **err)
{
	for (uint32_t i = 0; i < sets->count; i++) {
		struct cg_criu_set *s = &sets->set[i];
		uint32_t kept = 0;

		for (uint32_t k = 0; k < s->places; k++) {
			int r = move_place(w, s, &s->place[k], err);

			if (r < 0)
				return r;
			if (r == 0)
				s->place[kept++] = s->place[k];
		}
		s->places = kept;
	}
	return 0;
}

static int rewrite(struct rewriting *w, struct cg_criu_sets *sets, struct cg_text *ret, struct cg_error **err)
{
	_cleanup_free_ const char **used = calloc(w->live->count + 1, sizeof(*used));
	size_t count = 0;
	int r = used ? learn(w, err) : cg_error_oom(err);

	r = r < 0 ? r : move_sets(w, sets, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < w->live->count; i++)
		if (w->used[i])
			used[count++] = w->label[i];
	return cg_criu_write_sets(sets, used, count, ret, err);
}

int cg_checkpoint_rewrite_sets(const struct cg_folder *f, const struct cg_live *live,
	const struct cg_tree *image, const struct cg_plan *plan, struct cg_text *ret, struct cg_error **err)
{
	_cleanup_criu_sets_ struct cg_criu_sets sets = {0};
	struct rewriting w = {.live = live, .image = image, .plan = plan, .arena = &sets.arena};
	_cleanup_text_ struct cg_text file = {0};
	bool kept;
	int r = cg_folder_read_criu(f, &file, &kept, err);

	if (r < 0)
		return r;
	r = cg_criu_read_sets((struct cg_bytes){file.data, file.len}, CG_IMAGE_MEMORY_DEFAULT, &sets, err);
	if (r < 0)
		cg_error_at(err, CG_CRIU_FILE_NAME, NULL);
	r = r < 0 ? r : rewrite(&w, &sets, ret, err);
	free(w.place);
	free(w.label);
	free(w.used);
	return r;
}
