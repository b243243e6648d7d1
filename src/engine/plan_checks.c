/* Room in what exists, and the tasks. Limits on groups are those of groups that are there before the restore;
 * made ones get theirs after their children. */
#include "engine/plan_private.h"

#include <errno.h>
#include <string.h>

#include "kernel/files.h"
#include "model/value.h"

static uint32_t place_of(const struct cg_planner *p, uint32_t image_group)
{
	return image_group < p->image->groups ? p->spot[image_group].place : CG_NONE;
}

/* Threads that a member brings along: those of its process that the image recorded there. */
static uint32_t threads_of(const struct cg_planner *p, const struct cg_member *m)
{
	const struct cg_group *g = &p->image->group[m->image_group];
	uint32_t low = 0, high = g->tasks, n = 0;

	if (!m->whole_process)
		return 1;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (g->task[middle].pid < m->image_pid)
			low = middle + 1;
		else
			high = middle;
	}
	while (low + n < g->tasks && g->task[low + n].pid == m->image_pid)
		n++;
	return n ? n : 1;
}

static bool is_there(const struct cg_planner *p, const struct cg_member *m)
{
	uint32_t place = m->missing ? CG_NONE : place_of(p, m->image_group);

	return place != CG_NONE && !p->seat[place].refused && p->plan->place[place].exists && m->from &&
	       strcmp(m->from, p->plan->place[place].path) == 0 && (!m->whole_process || m->together);
}

/* A process that is moved takes all its threads along, so that it and they are settled together or not at
 * all: they follow each other in the list, the process first. */
static void find_settled(struct cg_planner *p)
{
	const struct cg_members *all = p->members;

	p->settled = cg_plan_array(p, all->count, sizeof(*p->settled));
	for (size_t i = 0, end; p->settled && i < all->count; i = end) {
		const struct cg_member *m = &all->item[i];
		bool settled = is_there(p, m);

		for (end = i + 1; m->whole_process && end < all->count; end++) {
			const struct cg_member *t = &all->item[end];

			if (t->whole_process || t->image_pid != m->image_pid ||
				p->image->group[t->image_group].hierarchy !=
					p->image->group[m->image_group].hierarchy)
				break;
			settled &= is_there(p, t);
		}
		for (size_t j = i; j < end; j++)
			p->settled[j] = settled;
	}
}

void cg_plan_count_members(struct cg_planner *p)
{
	if (p->members)
		find_settled(p);
	for (size_t i = 0; p->settled && i < p->members->count; i++) {
		const struct cg_member *m = &p->members->item[i];
		uint32_t place = m->missing || p->settled[i] ? CG_NONE : place_of(p, m->image_group);

		if (place != CG_NONE)
			p->seat[place].entering += threads_of(p, m);
	}
}

/* What is to come below a group that exists. */
struct load {
	uint32_t depth, groups, tasks;
};

/* The value of a numeric limit of a live group: false when there is none. */
static bool live_limit(
	const struct cg_planner *p, uint16_t live, uint32_t group, const char *name, uint64_t *ret)
{
	uint32_t column = cg_hierarchy_column(&p->live->hierarchy[live], name);
	struct cg_bytes v;

	return column != CG_NONE && cg_group_value(p->live, group, (uint16_t)column, &v) &&
	       cg_parse_u64(cg_bytes_trim(v), ret) == 0;
}

/* Groups below, as far as they were looked at, or as the kernel counts them. */
static uint64_t descendants(const struct cg_planner *p, uint16_t live, uint32_t group)
{
	uint32_t column = cg_hierarchy_column(&p->live->hierarchy[live], CG_FILE_STAT);
	struct cg_bytes rest, line, word;
	uint64_t n;

	if (column != CG_NONE && cg_group_value(p->live, group, (uint16_t)column, &rest))
		while (cg_bytes_split(&rest, '\n', &line))
			if (cg_bytes_word(&line, &word) && cg_bytes_is(word, "nr_descendants") &&
				cg_parse_u64(cg_bytes_trim(line), &n) == 0)
				return n;
	n = 0;
	for (uint32_t i = group + 1;
		i < p->live->groups && p->live->group[i].depth > p->live->group[group].depth; i++)
		n++;
	return n;
}

/* The limit that holds when groups are made: what stands there, or what the first pass raises it to. */
static bool structure_limit(
	struct cg_planner *p, uint16_t live, uint32_t group, const char *name, uint64_t *ret)
{
	uint32_t place = p->claimed[group], column;
	struct cg_change change;

	if (place != CG_NONE && p->seat[place].apply) {
		column = cg_hierarchy_column(&p->image->hierarchy[p->seat[place].image_hierarchy], name);
		if (column != CG_NONE && cg_plan_change(p, place, (uint16_t)column, false, &change) &&
			cg_value_order(
				cg_plan_hierarchy(p, place)->column[column].knob, change.to, change.from) > 0)
			return cg_parse_u64(change.to, ret) == 0;
	}
	return live_limit(p, live, group, name, ret);
}

/* Moving tasks in is not refused (cgroup-v2.rst, "PID"), but then none of them can fork. */
static void check_tasks(struct cg_planner *p, uint16_t live, uint32_t group, uint32_t tasks, const char *path)
{
	const struct cg_hierarchy *h = &p->live->hierarchy[live];

	for (uint16_t i = 0; tasks && i < h->columns; i++) {
		const struct cg_knob *k = h->column[i].knob;
		uint64_t limit, used = 0;

		if (!k || k->kind != CG_KNOB_SETTING || strcmp(k->controller, "pids") != 0 ||
			!live_limit(p, live, group, h->column[i].name, &limit))
			continue;
		if (k->usage)
			(void)live_limit(p, live, group, k->usage, &used);
		if (used + tasks > limit)
			cg_plan_note(p, CG_NONE, path, 0,
				"%s is %llu, %llu tasks are there and %u may enter: then none can fork",
				h->column[i].name, (unsigned long long)limit, (unsigned long long)used,
				tasks);
	}
}

static void check_group(
	struct cg_planner *p, uint16_t live, uint32_t group, const struct load *load, enum cg_mode mode)
{
	_cleanup_text_ struct cg_text path = {0};
	uint64_t limit;

	if (!load->groups && !load->tasks)
		return;
	cg_group_path(p->live, group, &path);
	if (path.failed) {
		p->oom = true;
		return;
	}
	if (load->groups && structure_limit(p, live, group, CG_FILE_MAX_DEPTH, &limit) && load->depth > limit)
		cg_plan_refuse(p, mode == CG_MODE_OPPORTUNISTIC ? CG_MODE_STRICT : mode, CG_NONE, path.data,
			"raise the limit, or restore the tree elsewhere with --root", EAGAIN,
			"%s allows %llu levels below it, %u are needed", CG_FILE_MAX_DEPTH,
			(unsigned long long)limit, load->depth);
	if (load->groups && structure_limit(p, live, group, CG_FILE_MAX_DESCENDANTS, &limit)) {
		uint64_t there = descendants(p, live, group);

		if (there + load->groups > limit)
			cg_plan_refuse(p, mode == CG_MODE_OPPORTUNISTIC ? CG_MODE_STRICT : mode, CG_NONE,
				path.data, "raise the limit, or remove groups that are not needed", EAGAIN,
				"%s allows %llu groups below it: %llu are there, %u more are needed",
				CG_FILE_MAX_DESCENDANTS, (unsigned long long)limit, (unsigned long long)there,
				load->groups);
	}
	check_tasks(p, live, group, load->tasks, path.data);
}

static void add_load(struct load *to, const struct load *more)
{
	if (more->depth > to->depth)
		to->depth = more->depth;
	to->groups += more->groups;
	to->tasks += more->tasks;
}

/* What a place means to the group above it. */
static struct load load_above(const struct cg_planner *p, uint32_t place)
{
	const struct cg_seat *seat = &p->seat[place];
	bool made = !p->plan->place[place].exists;

	return (struct load){
		made || seat->new_depth ? seat->new_depth + 1 : 0, seat->new_groups + made, seat->entering};
}

void cg_plan_room(struct cg_planner *p)
{
	_cleanup_free_ struct load *load = cg_plan_array(p, p->live->groups, sizeof(*load));

	for (uint32_t i = (uint32_t)p->plan->places; load && i-- > 0;) {
		const struct cg_place *at = &p->plan->place[i];
		struct load above;
		uint32_t live;

		if (p->seat[i].refused)
			continue;
		above = load_above(p, i);
		if (at->exists)
			check_group(p, at->hierarchy, at->live_group,
				&(struct load){
					p->seat[i].new_depth, p->seat[i].new_groups, p->seat[i].entering},
				at->mode);
		if (at->parent != CG_NONE) {
			struct cg_seat *up = &p->seat[at->parent];

			up->new_groups += above.groups;
			up->entering += above.tasks;
			if (above.depth > up->new_depth)
				up->new_depth = above.depth;
			continue;
		}
		for (live = p->seat[i].live_parent; live != CG_NONE; live = p->live->group[live].parent) {
			add_load(&load[live], &above);
			above.depth += above.depth > 0;
		}
	}
	for (uint32_t i = 0; load && i < p->live->groups; i++)
		if (p->claimed[i] == CG_NONE)
			check_group(p, p->live->group[i].hierarchy, i, &load[i], p->options->mode);
}

static void attach_one(struct cg_planner *p, uint32_t member)
{
	const struct cg_member *m = &p->members->item[member];
	uint32_t place = place_of(p, m->image_group);
	struct cg_op *op;

	if (m->missing || place == CG_NONE || p->seat[place].refused) {
		_cleanup_text_ struct cg_text subject = {0};

		cg_text_printf(&subject, "%d %s", m->whole_process ? m->image_pid : m->image_tid, m->comm);
		if (subject.failed)
			p->oom = true;
		else
			cg_plan_note(p, place, subject.data, CG_OP_DIFFERS, "%s",
				m->missing ? m->why : "its group is not restored");
		return;
	}
	op = cg_plan_add(p, CG_OP_ATTACH, place);
	if (!op)
		return;
	op->flags = (uint8_t)cg_plan_effort(p, place);
	op->member = member;
}

/* Processes first, then single threads of them. */
void cg_plan_attach(struct cg_planner *p)
{
	for (unsigned threads = 0; p->settled && threads < 2; threads++)
		for (size_t i = 0; i < p->members->count && !p->oom; i++)
			if (p->members->item[i].whole_process == !threads && !p->settled[i])
				attach_one(p, (uint32_t)i);
}
