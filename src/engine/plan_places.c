/* The groups of the target: in the order in which they are made, each with what exists of it.
 *
 * The paths of all groups stand in a hash table, so that a group which a mapping moved finds its new parent,
 * and two groups with one path are seen. Children then hang below their parents by the target's paths, and a
 * walk over them gives the places. Above a top that is missing, the groups that must hold it become places
 * too. */
#include "engine/plan_private.h"

#include <errno.h>
#include <string.h>

#include "base/fdio.h"

static uint32_t hash_path(uint16_t hierarchy, const char *path, size_t length)
{
	uint64_t h = 0xcbf29ce484222325u ^ hierarchy, word;

	for (; length >= sizeof(word); path += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, path, sizeof(word));
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	for (; length; path++, length--)
		h = (h ^ (unsigned char)*path) * 0x100000001b3u;
	return (uint32_t)(h ^ h >> 32);
}

static bool index_init(struct cg_planner *p, struct cg_index *x, size_t entries)
{
	uint32_t size = 64;

	while (size / 2 < entries)
		size *= 2;
	x->slot = malloc(size * sizeof(*x->slot));
	if (!x->slot) {
		p->oom = true;
		return false;
	}
	memset(x->slot, 0xff, size * sizeof(*x->slot));
	x->mask = size - 1;
	return true;
}

static uint16_t live_of_group(const struct cg_planner *p, uint32_t group)
{
	return p->hierarchy[p->image->group[group].hierarchy].live;
}

/* The slot where the spot with this path is, or would be. */
static uint32_t *find_spot(const struct cg_planner *p, uint16_t live, const char *path, size_t length)
{
	uint32_t i = hash_path(live, path, length) & p->spots.mask;

	for (;; i = (i + 1) & p->spots.mask) {
		uint32_t group = p->spots.slot[i];

		if (group == CG_NONE || (p->spot[group].length == length && live_of_group(p, group) == live &&
						memcmp(p->spot[group].path, path, length) == 0))
			return &p->spots.slot[i];
	}
}

static int index_spots(struct cg_planner *p, struct cg_error **err)
{
	_cleanup_text_ struct cg_text path = {0};

	if (!index_init(p, &p->spots, p->image->groups))
		return cg_error_oom(err);
	for (uint32_t g = 0; g < p->image->groups; g++) {
		const struct cg_spot *s = &p->spot[g];
		uint32_t *slot;
		int r;

		if (!s->path)
			continue;
		slot = find_spot(p, live_of_group(p, g), s->path, s->length);
		if (*slot == CG_NONE) {
			*slot = g;
			continue;
		}
		cg_group_path(p->image, *slot, &path);
		cg_text_adds(&path, " and ");
		cg_group_path(p->image, g, &path);
		r = cg_error_usage(
			err, "%s of the image would both become this group", path.data ? path.data : "");
		cg_error_at(err, s->path, NULL);
		return r;
	}
	return 0;
}

/* The length of the path above; 0 when that is the root. */
static size_t above(const char *path, size_t length)
{
	while (length && path[--length] != '/')
		;
	return length;
}

/* The spot that a spot hangs below, by the target's paths; CG_NONE when nothing of the image is above it. */
static uint32_t spot_parent(const struct cg_planner *p, uint32_t group)
{
	const struct cg_spot *s = &p->spot[group];
	size_t n = above(s->path, s->length);

	if (p->image->group[group].parent != CG_NONE && !s->renamed)
		return p->image->group[group].parent;
	if (s->length == 1)
		return CG_NONE; /* "/", the root of our cgroup namespace: nothing is above it */
	return *find_spot(p, live_of_group(p, group), s->path, n ? n : 1);
}

static void hang(struct cg_planner *p, uint32_t group, uint32_t parent)
{
	struct cg_spot *s = &p->spot[group], *up = &p->spot[parent];

	s->parent = parent;
	if (up->last_child == CG_NONE)
		up->first_child = group;
	else
		p->spot[up->last_child].next_sibling = group;
	up->last_child = group;
}

static int hang_all(struct cg_planner *p, struct cg_error **err)
{
	for (uint32_t g = 0; g < p->image->groups; g++) {
		struct cg_spot *s = &p->spot[g];

		s->parent = s->first_child = s->last_child = s->next_sibling = s->place = CG_NONE;
	}
	for (uint32_t g = 0; g < p->image->groups; g++) {
		uint32_t parent = p->spot[g].path ? spot_parent(p, g) : CG_NONE;
		int r;

		if (parent != CG_NONE) {
			hang(p, g, parent);
		} else if (p->spot[g].renamed) {
			r = cg_error_usage(
				err, "a group below a top must stay inside the tree that is restored");
			cg_error_at(err, p->spot[g].path, NULL);
			return r;
		}
	}
	return 0;
}

static uint32_t add_place(struct cg_planner *p)
{
	struct cg_plan *plan = p->plan;

	if (plan->places == plan->place_room) {
		size_t room = plan->place_room ? plan->place_room * 2 : p->image->groups + (size_t)16;
		struct cg_place *more = reallocarray(plan->place, room, sizeof(*more));
		struct cg_seat *seats;

		if (more)
			plan->place = more;
		seats = reallocarray(p->seat, room, sizeof(*seats));
		if (seats)
			p->seat = seats;
		if (!more || !seats) {
			p->oom = true;
			return CG_NONE;
		}
		plan->place_room = room;
	}
	plan->place[plan->places] =
		(struct cg_place){.parent = CG_NONE, .image_group = CG_NONE, .live_group = CG_NONE};
	p->seat[plan->places] = (struct cg_seat){.live_parent = CG_NONE};
	return (uint32_t)plan->places++;
}

/* Names come in order, so that the search goes on where the last one ended. */
static uint32_t find_live_child(struct cg_planner *p, uint32_t live, const char *name, size_t length)
{
	const struct cg_group *group = p->live->group;
	struct cg_bytes wanted = {name, length};
	uint32_t i = p->cursor[live];

	if (i == CG_NONE || cg_bytes_compare(cg_bytes_of(group[i].name), wanted) > 0)
		i = group[live].first_child;
	while (i != CG_NONE && cg_bytes_compare(cg_bytes_of(group[i].name), wanted) < 0)
		i = group[i].next_sibling;
	if (i == CG_NONE || !cg_bytes_is(wanted, group[i].name))
		return CG_NONE;
	p->cursor[live] = i;
	return i;
}

/* Walks down from the hierarchy's directory: the deepest group that exists, and in *ret_rest what is missing
 * below it. */
static uint32_t descend(struct cg_planner *p, uint16_t live, const char *relative, const char **ret_rest)
{
	uint32_t at = p->live->hierarchy[live].first_top;

	if (strcmp(relative, ".") == 0)
		relative = "";
	while (at != CG_NONE && *relative) {
		size_t n = strcspn(relative, "/");
		uint32_t next = find_live_child(p, at, relative, n);

		if (next == CG_NONE)
			break;
		at = next;
		relative += n + (relative[n] == '/');
	}
	*ret_rest = relative;
	return at;
}

static bool has_option(const char *options, const char *word)
{
	struct cg_bytes rest = cg_bytes_of(options), part;

	while (cg_bytes_split(&rest, ',', &part))
		if (cg_bytes_is(part, word))
			return true;
	return false;
}

/* With nsdelegate the kernel refuses most writes at the root of a cgroup namespace (cgroup-v2.rst, "Model of
 * Delegation"). That root looks like "/" but has the files of a group that is none. */
static bool is_delegated_root(const struct cg_planner *p, uint16_t live, uint32_t group)
{
	const struct cg_hierarchy *h = &p->live->hierarchy[live];
	const struct cg_file_set *set;

	if (h->version != 2 || group != h->first_top || group == CG_NONE || strcmp(h->mount_root, "/") != 0 ||
		!has_option(h->mount_options, "nsdelegate"))
		return false;
	set = &h->file_set[p->live->group[group].file_set];
	for (uint16_t i = 0; i < set->count; i++) {
		const struct cg_knob *k = h->column[set->column[i]].knob;

		if (k && (k->flags & CG_KNOB_NON_ROOT))
			return true;
	}
	return false;
}

static void set_live(struct cg_planner *p, uint32_t place, uint32_t group)
{
	struct cg_place *at = &p->plan->place[place];

	at->live_group = group;
	at->exists = group != CG_NONE;
	if (at->exists)
		p->claimed[group] = place;
}

/* What the mode says of the place, after it is known whether it exists. */
static void judge(struct cg_planner *p, uint32_t place, bool top)
{
	const struct cg_place *at = &p->plan->place[place];
	struct cg_seat *seat = &p->seat[place];
	enum cg_cell cell = cg_plan_cell(at->mode, top, at->exists);

	if (at->parent != CG_NONE && p->seat[at->parent].refused) {
		seat->refused = true;
		return;
	}
	seat->apply = cell == CG_CELL_CREATE || cell == CG_CELL_APPLY;
	if (cell != CG_CELL_REFUSE)
		return;
	seat->refused = true;
	if (at->exists)
		cg_plan_refuse(p, at->mode, place, NULL,
			"--mode full brings its settings to those of the image, --mode opportunistic leaves it as it is",
			EEXIST, "exists, and the mode is %s", cg_mode_name(at->mode));
	else
		cg_plan_refuse(p, at->mode, place, NULL,
			at->mode == CG_MODE_BIND ? "make it first, or use --mode full" : "use --mode full",
			ENOENT, "does not exist, and the mode is %s", cg_mode_name(at->mode));
}

/* A top of the bind mode may be left: when that is asked for, or when it is another's. */
static void judge_bound_top(struct cg_planner *p, uint32_t place)
{
	const struct cg_place *at = &p->plan->place[place];
	struct cg_seat *seat = &p->seat[place];
	uint32_t uid;

	if (at->mode != CG_MODE_BIND || !seat->apply || !at->exists)
		return;
	uid = p->live->group[at->live_group].owner.uid;
	if (p->options->keep_top) {
		seat->apply = false;
	} else if (uid != p->options->uid && !p->options->privileged) {
		seat->apply = false;
		cg_plan_note(p, place, NULL, CG_OP_DIFFERS,
			"belongs to user %u; its own settings are left alone", uid);
	}
}

/* The slot of a made ancestor with this path. */
static uint32_t *find_ancestor(const struct cg_planner *p, uint16_t live, const char *path, size_t length)
{
	uint32_t i = hash_path(live, path, length) & p->places.mask;

	for (;; i = (i + 1) & p->places.mask) {
		const struct cg_place *at = &p->plan->place[p->places.slot[i]];

		if (p->places.slot[i] == CG_NONE || (at->hierarchy == live && strlen(at->path) == length &&
							    memcmp(at->path, path, length) == 0))
			return &p->places.slot[i];
	}
}

static uint32_t add_ancestor(struct cg_planner *p, uint32_t group, size_t length, const char *relative,
	size_t relative_length, uint32_t parent)
{
	const struct cg_spot *s = &p->spot[group];
	struct cg_arena *arena = &p->plan->arena;
	uint32_t i = add_place(p);
	struct cg_place *at;

	if (i == CG_NONE)
		return CG_NONE;
	at = &p->plan->place[i];
	at->parent = parent;
	at->hierarchy = live_of_group(p, group);
	at->mode = s->mode;
	at->path = cg_arena_copy(arena, s->path, length);
	if (parent != CG_NONE && at->path)
		at->name = strrchr(at->path, '/') + 1;
	else
		at->name = cg_arena_copy(arena, relative, relative_length);
	if (!at->path || !at->name) {
		p->oom = true;
		return CG_NONE;
	}
	p->seat[i].image_hierarchy = p->image->group[group].hierarchy;
	p->seat[i].apply = true;
	return i;
}

/* The groups that must be made to hold a missing top; gives the lowest, CG_NONE when none is missing. */
static uint32_t add_ancestors(
	struct cg_planner *p, uint32_t group, const char *relative, const char *rest, uint32_t live_parent)
{
	const struct cg_spot *s = &p->spot[group];
	uint32_t parent = CG_NONE;

	for (const char *slash = strchr(rest, '/'); slash && !p->oom; slash = strchr(slash + 1, '/')) {
		size_t length = s->length - strlen(slash);
		uint32_t *known = find_ancestor(p, live_of_group(p, group), s->path, length);

		if (*known == CG_NONE)
			*known = add_ancestor(p, group, length, relative, (size_t)(slash - relative), parent);
		parent = *known;
		if (parent != CG_NONE && p->plan->place[parent].parent == CG_NONE)
			p->seat[parent].live_parent = live_parent;
	}
	return parent;
}

/* A group with nothing of the image above it: found, or hung below what exists. */
static void seat_root(struct cg_planner *p, uint32_t group)
{
	const struct cg_spot *s = &p->spot[group];
	uint16_t live = live_of_group(p, group);
	const char *relative = cg_path_below(p->live->hierarchy[live].mount_root, s->path), *rest;
	uint32_t parent = CG_NONE, i, deepest;
	bool creates = cg_plan_cell(s->mode, true, false) == CG_CELL_CREATE;

	if (!relative) {
		cg_plan_refuse(p, CG_MODE_STRICT, CG_NONE, s->path, NULL, ENOENT,
			"lies outside of what is mounted of its hierarchy, which is %s and below",
			p->live->hierarchy[live].mount_root);
		return;
	}
	deepest = descend(p, live, relative, &rest);
	if (*rest && creates)
		parent = add_ancestors(p, group, relative, rest, deepest);
	i = add_place(p);
	if (i == CG_NONE)
		return;
	p->spot[group].place = i;
	p->plan->place[i].parent = parent;
	p->plan->place[i].name = parent == CG_NONE ? relative : strrchr(s->path, '/') + 1;
	if (*rest == '\0') {
		set_live(p, i, deepest);
		p->seat[i].live_parent = deepest == CG_NONE ? CG_NONE : p->live->group[deepest].parent;
	} else if (parent == CG_NONE) {
		p->seat[i].live_parent = deepest;
	}
}

static void seat_below(struct cg_planner *p, uint32_t group, uint32_t parent)
{
	const struct cg_spot *s = &p->spot[group];
	uint32_t i = add_place(p), live;

	if (i == CG_NONE)
		return;
	p->spot[group].place = i;
	p->plan->place[i].parent = parent;
	p->plan->place[i].name =
		s->renamed ? strrchr(s->path, '/') + 1 : s->path + above(s->path, s->length) + 1;
	live = p->plan->place[parent].live_group;
	if (live != CG_NONE)
		set_live(p, i,
			find_live_child(p, live, p->plan->place[i].name, strlen(p->plan->place[i].name)));
}

static void seat_one(struct cg_planner *p, uint32_t group)
{
	struct cg_spot *s = &p->spot[group];
	uint32_t up = s->parent;
	struct cg_place *at;

	if (up == CG_NONE)
		seat_root(p, group);
	else if (p->spot[up].place != CG_NONE)
		seat_below(p, group, p->spot[up].place);
	if (s->place == CG_NONE || p->oom)
		return;
	at = &p->plan->place[s->place];
	at->hierarchy = live_of_group(p, group);
	at->path = s->path;
	at->image_group = group;
	at->mode = s->mode;
	p->seat[s->place].image_hierarchy = p->image->group[group].hierarchy;
	if (at->exists)
		p->seat[s->place].delegated = is_delegated_root(p, at->hierarchy, at->live_group);
	judge(p, s->place, s->top);
	if (s->top)
		judge_bound_top(p, s->place);
	if (p->options->no_settings)
		p->seat[s->place].apply = false;
	if (at->exists && p->seat[s->place].apply &&
		p->live->group[at->live_group].flags & CG_GROUP_INCOMPLETE)
		cg_plan_refuse(p, s->mode, s->place, NULL, NULL, EIO,
			"not all that stands there can be read, so it could not be brought to the image");
}

/* Depth-first over the spots below one that hangs below nothing. */
static void seat_tree(struct cg_planner *p, uint32_t root)
{
	uint32_t at = root;

	while (at != CG_NONE && !p->oom) {
		seat_one(p, at);
		if (p->spot[at].first_child != CG_NONE) {
			at = p->spot[at].first_child;
			continue;
		}
		while (at != root && p->spot[at].next_sibling == CG_NONE)
			at = p->spot[at].parent;
		at = at == root ? CG_NONE : p->spot[at].next_sibling;
	}
}

static size_t count_levels(const struct cg_planner *p)
{
	size_t n = 0;

	for (uint32_t g = 0; g < p->image->groups; g++)
		if (p->spot[g].path && p->spot[g].parent == CG_NONE)
			for (const char *c = p->spot[g].path; *c; c++)
				n += *c == '/';
	return n;
}

int cg_plan_seat_all(struct cg_planner *p, struct cg_error **err)
{
	int r = index_spots(p, err);

	if (r == 0)
		r = hang_all(p, err);
	if (r < 0)
		return r;
	if (!index_init(p, &p->places, count_levels(p)))
		return cg_error_oom(err);
	for (uint32_t g = 0; g < p->image->groups && !p->oom; g++)
		if (p->spot[g].path && p->spot[g].parent == CG_NONE)
			seat_tree(p, g);
	return p->oom ? cg_error_oom(err) : 0;
}

static void note_extra(struct cg_planner *p, uint32_t live, bool differs)
{
	_cleanup_text_ struct cg_text path = {0};

	cg_group_path(p->live, live, &path);
	if (path.failed) {
		p->oom = true;
		return;
	}
	cg_plan_note(p, CG_NONE, path.data, differs ? CG_OP_DIFFERS : 0, "is not in the image; left alone");
}

void cg_plan_note_extras(struct cg_planner *p)
{
	for (uint32_t i = 0; i < p->plan->places && !p->oom; i++) {
		const struct cg_place *at = &p->plan->place[i];
		bool differs =
			at->mode == CG_MODE_FULL || at->mode == CG_MODE_BIND || at->mode == CG_MODE_PROPS;

		if (!at->exists || p->seat[i].refused)
			continue;
		for (uint32_t c = p->live->group[at->live_group].first_child; c != CG_NONE;
			c = p->live->group[c].next_sibling)
			if (p->claimed[c] == CG_NONE)
				note_extra(p, c, differs);
	}
}
