/* Owners, permission bits and extended attributes: all files at once, then those that are exceptions, then
 * the directory. A new group and its files belong to who makes them (kernel/cgroup/cgroup.c,
 * cgroup_kn_set_ugid). */
#include "engine/plan_private.h"

#include <errno.h>
#include <string.h>

#define NEW_GROUP_MODE 0755
#define SETGID         02000
/* Since then what is made below a directory with this bit gets the directory's group, and a new directory the
 * bit too (fs/kernfs/dir.c, kernfs_new_node). */
#define SETGID_SINCE CG_KERNEL(6, 8)

static bool owner_same(const struct cg_owner *a, const struct cg_owner *b)
{
	return a->uid == b->uid && a->gid == b->gid && a->mode == b->mode;
}

static void add_owner(struct cg_planner *p, uint32_t place, const char *file, unsigned flags,
	struct cg_owner before, struct cg_owner after)
{
	struct cg_op *op;

	if (owner_same(&before, &after))
		return;
	if (before.uid != after.uid && !p->options->privileged) {
		cg_plan_refuse(p, p->plan->place[place].mode, place, file,
			"run as root, or restore an image of groups of your own", EPERM,
			"belongs to user %u, and only a privileged user can give it away", after.uid);
		return;
	}
	op = cg_plan_add(p, CG_OP_OWNER, place);
	if (!op)
		return;
	op->flags = (uint8_t)(cg_plan_effort(p, place) | flags);
	op->file = file;
	op->before = before;
	op->after = after;
}

/* The exception for a file in a group, or NULL. `name` is that of a file that is no column (CG_FILE_EXTRA),
 * NULL otherwise. */
static const struct cg_owner *exception(const struct cg_group *g, uint16_t column, const char *name)
{
	for (uint16_t i = 0; i < g->file_owners; i++) {
		const struct cg_file_owner *f = &g->file_owner[i];

		if (f->column == column && (!name || strcmp(f->name, name) == 0))
			return &f->owner;
	}
	return NULL;
}

/* Owners of files while a group is looked at. */
struct files {
	const struct cg_group *image, *live; /* live NULL: it is made */
	struct cg_owner now;                 /* of all files but the exceptions, after the first operation */
	bool all;                            /* the first operation gives all files to `now` */
};

static struct cg_owner owner_now(const struct files *f, const struct cg_owner *live, uint16_t mode)
{
	struct cg_owner o = {f->now.uid, f->now.gid, mode};

	if (!live)
		return o;
	if (f->all)
		o.mode = live->mode;
	else
		o = *live;
	return o;
}

/* A file of a column. Permission bits are the target's where the image's were the kernel's own. */
static void column_owner(struct cg_planner *p, uint32_t place, uint16_t column, const struct files *f)
{
	const struct cg_column_plan *c = &cg_plan_hierarchy(p, place)->column[column];
	const struct cg_owner *wanted = exception(f->image, column, NULL), *is = NULL;
	struct cg_owner after = {f->image->file_uid, f->image->file_gid, c->usual_mode}, there;

	if (c->absent ||
		(c->controller != CG_NO_BIT && !(p->seat[place].available & (UINT64_C(1) << c->controller))))
		return;
	if (wanted)
		after = *wanted;
	if (c->knob && after.mode == cg_knob_mode(c->knob, p->image_kernel))
		after.mode = c->fresh_mode;
	if (f->live) {
		uint32_t live = p->plan->place[place].live_group;

		if (c->live == CG_NO_COLUMN || !cg_group_has_column(p->live, live, c->live))
			return;
		there = cg_group_file_owner(p->live, live, c->live);
		is = &there;
	}
	add_owner(p, place, c->name, 0, owner_now(f, is, c->fresh_mode), after);
}

/* A file that is no column and that the image or the live group has an exception for. */
static void other_owner(struct cg_planner *p, uint32_t place, const char *name, const struct files *f)
{
	int version = p->image->hierarchy[f->image->hierarchy].version;
	const struct cg_knob *knob = cg_knob_find(name, version);
	const struct cg_owner *wanted = exception(f->image, CG_FILE_EXTRA, name);
	const struct cg_owner *is = f->live ? exception(f->live, CG_FILE_EXTRA, name) : NULL;
	struct cg_owner before, after = {f->image->file_uid, f->image->file_gid, 0};

	if (knob)
		after.mode = cg_knob_mode(knob, p->kernel);
	else
		after.mode = is ? is->mode : wanted->mode;
	before = owner_now(f, is, after.mode);
	if (wanted && knob && wanted->mode == cg_knob_mode(knob, p->image_kernel))
		after = (struct cg_owner){wanted->uid, wanted->gid, after.mode};
	else if (wanted)
		after = *wanted;
	add_owner(p, place, name, 0, before, after);
}

static void other_owners(struct cg_planner *p, uint32_t place, const struct files *f)
{
	for (uint16_t i = 0; i < f->image->file_owners; i++)
		if (f->image->file_owner[i].column == CG_FILE_EXTRA)
			other_owner(p, place, f->image->file_owner[i].name, f);
	for (uint16_t i = 0; f->live && i < f->live->file_owners; i++)
		if (f->live->file_owner[i].column == CG_FILE_EXTRA &&
			!exception(f->image, CG_FILE_EXTRA, f->live->file_owner[i].name))
			other_owner(p, place, f->live->file_owner[i].name, f);
}

/* The bit would reach groups that are made later, so that it is given when all are there. */
static bool is_later(const struct cg_group *image)
{
	return image->owner.mode & SETGID;
}

/* Whether a place has lost the bit, if it had it, before groups are made below. */
static bool has_lost_it(const struct cg_planner *p, uint32_t place)
{
	const struct cg_place *at = &p->plan->place[place];

	return p->seat[place].apply && at->image_group != CG_NONE &&
	       !is_later(&p->image->group[at->image_group]);
}

/* What a directory and its files are when they were just made: the nearest group above that exists hands its
 * bit down, through all that are made with it. */
static struct cg_owner as_made(const struct cg_planner *p, uint32_t place)
{
	struct cg_owner made = {p->options->uid, p->options->gid, NEW_GROUP_MODE};
	const struct cg_owner *above;
	uint32_t live, up = place;

	if (p->kernel < SETGID_SINCE)
		return made;
	do {
		live = p->seat[up].live_parent;
		up = p->plan->place[up].parent;
		if (up != CG_NONE && has_lost_it(p, up))
			return made;
	} while (live == CG_NONE && up != CG_NONE);
	if (live == CG_NONE)
		return made;
	above = &p->live->group[live].owner;
	if (above->mode & SETGID) {
		made.gid = above->gid;
		made.mode |= SETGID;
	}
	return made;
}

static struct cg_owner directory_now(const struct cg_planner *p, uint32_t place)
{
	const struct cg_place *at = &p->plan->place[place];

	return at->exists ? p->live->group[at->live_group].owner : as_made(p, place);
}

void cg_plan_owners(struct cg_planner *p, uint32_t place)
{
	const struct cg_place *at = &p->plan->place[place];
	const struct cg_hierarchy_plan *h = cg_plan_hierarchy(p, place);
	struct cg_owner now = directory_now(p, place), before = now;
	struct files f = {0};

	if (at->image_group == CG_NONE)
		return;
	f.image = &p->image->group[at->image_group];
	f.live = at->exists ? &p->live->group[at->live_group] : NULL;
	if (f.live)
		before = (struct cg_owner){f.live->file_uid, f.live->file_gid, 0};
	before.mode = NEW_GROUP_MODE;
	f.now = (struct cg_owner){f.image->file_uid, f.image->file_gid, NEW_GROUP_MODE};
	f.all = !owner_same(&before, &f.now);
	if (f.all)
		add_owner(p, place, NULL, CG_OP_ALL_FILES, before, f.now);
	if (f.image->file_owners || h->special_modes ||
		(f.live && (f.live->file_owners || h->special_live_modes))) {
		const struct cg_file_set *set =
			&p->image->hierarchy[f.image->hierarchy].file_set[f.image->file_set];

		for (uint16_t i = 0; i < set->count; i++)
			column_owner(p, place, set->column[i], &f);
		other_owners(p, place, &f);
	}
	if (!is_later(f.image))
		add_owner(p, place, NULL, 0, now, f.image->owner);
	else
		p->seat[place].changed |= !owner_same(&now, &f.image->owner);
}

void cg_plan_owners_later(struct cg_planner *p)
{
	for (uint32_t i = 0; i < p->plan->places && !p->oom; i++) {
		const struct cg_place *at = &p->plan->place[i];

		if (p->seat[i].refused || !p->seat[i].apply || at->image_group == CG_NONE ||
			!is_later(&p->image->group[at->image_group]))
			continue;
		add_owner(p, i, NULL, 0, directory_now(p, i), p->image->group[at->image_group].owner);
	}
}

/* Attributes that systemd keeps about its own units (systemd.exec(5), cgroup-v2 delegation). */
static bool is_of_systemd(const char *name)
{
	static const char *const names[] = {"trusted.invocation_id", "user.invocation_id", "trusted.delegate",
		"user.delegate", "trusted.survive_final_kill_signal", "user.survive_final_kill_signal"};

	for (size_t i = 0; i < CG_ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static void add_xattr(
	struct cg_planner *p, uint32_t place, const char *name, struct cg_bytes from, struct cg_bytes to)
{
	struct cg_op *op;

	if (strncmp(name, "trusted.", 8) == 0 && !p->options->privileged) {
		cg_plan_refuse(p, p->plan->place[place].mode, place, name, "run as root", EPERM,
			"only a privileged user can change this attribute");
		return;
	}
	op = cg_plan_add(p, CG_OP_XATTR, place);
	if (!op)
		return;
	op->flags = (uint8_t)cg_plan_effort(p, place);
	op->file = name;
	op->from = from;
	op->to = to;
}

/* One that the live group alone has. */
static void extra_xattr(struct cg_planner *p, uint32_t place, const struct cg_xattr *x)
{
	enum cg_mode mode = p->plan->place[place].mode;

	if (is_of_systemd(x->name))
		cg_plan_note(p, place, x->name, 0, "is not in the image; it is systemd's, left alone");
	else if (mode == CG_MODE_FULL || mode == CG_MODE_PROPS)
		add_xattr(p, place, x->name, x->value, (struct cg_bytes){0});
	else
		cg_plan_note(p, place, x->name, CG_OP_DIFFERS, "is not in the image; left alone");
}

static void both_have_xattr(
	struct cg_planner *p, uint32_t place, const struct cg_xattr *live, const struct cg_xattr *image)
{
	if (cg_bytes_equal(live->value, image->value))
		return;
	if (is_of_systemd(image->name))
		cg_plan_note(p, place, image->name, 0, "is another one here; it is systemd's, left alone");
	else
		add_xattr(p, place, image->name, live->value, image->value);
}

/* The name spaces that groups have, and a name in one of them (xattr(7)). */
static bool is_attribute(const char *name)
{
	static const char *const spaces[] = {"user.", "trusted."};

	for (size_t i = 0; i < CG_ARRAY_SIZE(spaces); i++) {
		size_t n = strlen(spaces[i]);

		if (strncmp(name, spaces[i], n) == 0)
			return name[n] != '\0';
	}
	return false;
}

void cg_plan_xattrs(struct cg_planner *p, uint32_t place)
{
	const struct cg_place *at = &p->plan->place[place];
	const struct cg_group *g, *l = at->exists ? &p->live->group[at->live_group] : NULL;
	uint16_t i = 0, j = 0, there = l ? l->xattrs : 0;

	if (at->image_group == CG_NONE)
		return;
	g = &p->image->group[at->image_group];
	while (i < g->xattrs || j < there) {
		int c = i == g->xattrs ? 1 : j == there ? -1 : strcmp(g->xattr[i].name, l->xattr[j].name);
		struct cg_bytes none = {0};

		if (c < 0 && !is_attribute(g->xattr[i].name))
			cg_plan_corrupt(p, place, g->xattr[i].name, "is no attribute that a group can have");
		else if (c < 0)
			add_xattr(p, place, g->xattr[i].name, none, g->xattr[i].value);
		else if (c > 0)
			extra_xattr(p, place, &l->xattr[j]);
		else
			both_have_xattr(p, place, &l->xattr[j], &g->xattr[i]);
		i = (uint16_t)(i + (c <= 0));
		j = (uint16_t)(j + (c >= 0));
	}
}
