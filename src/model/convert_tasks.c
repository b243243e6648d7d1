/* Where tasks go. In each source a thread is in one group; what is merged is one group for all of them. When
 * each source's group is what that source has on the way to the deepest of them, the sources agree. Else the
 * options decide.
 *
 * v2 adds two rules (cgroup-v2.rst, "No Internal Process Constraint" and "Threads"): tasks of a group whose
 * children have controllers go to a leaf of their own, and threads of one process that are in several groups
 * make everything below what these have in common a threaded subtree. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/convert_private.h"

#define LEAF "cgtree-leaf"

static int by_thread(const void *a, const void *b)
{
	const struct cg_seen_task *x = a, *y = b;

	if (x->task->pid != y->task->pid)
		return x->task->pid < y->task->pid ? -1 : 1;
	if (x->task->tid != y->task->tid)
		return x->task->tid < y->task->tid ? -1 : 1;
	return (int)x->draw - (int)y->draw;
}

static int by_node(const void *a, const void *b)
{
	const struct cg_placed_task *x = a, *y = b;

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	if (x->task->pid != y->task->pid)
		return x->task->pid < y->task->pid ? -1 : 1;
	return (x->task->tid > y->task->tid) - (x->task->tid < y->task->tid);
}

/* The node of the part that holds what is at a node: itself or the nearest above; CG_NONE. */
static uint32_t selected_above(const struct cg_converter *c, uint32_t node)
{
	while (node != CG_NONE && !c->node[node].selected)
		node = c->node[node].parent;
	return node;
}

static int gather(
	struct cg_converter *c, const struct cg_part *p, struct cg_seen_task **ret, size_t *ret_count)
{
	struct cg_seen_task *seen;
	size_t room = 0, n = 0;

	for (uint16_t d = 0; d < p->draws; d++)
		for (uint32_t g = 0; g < c->from->groups; g++)
			if (c->from->group[g].hierarchy == p->draw[d].source)
				room += c->from->group[g].tasks;
	seen = reallocarray(NULL, room + 1, sizeof(*seen));
	if (!seen)
		return cg_error_oom(c->err);
	for (uint32_t g = 0; g < c->from->groups; g++)
		for (uint16_t d = 0; d < p->draws; d++) {
			const struct cg_group *group = &c->from->group[g];
			uint32_t node = selected_above(c, c->node_of[g]);

			if (group->hierarchy != p->draw[d].source || node == CG_NONE)
				continue;
			for (uint32_t t = 0; t < group->tasks; t++)
				seen[n++] = (struct cg_seen_task){&group->task[t], node, d};
		}
	if (n > 1)
		qsort(seen, n, sizeof(*seen), by_thread);
	*ret = seen;
	*ret_count = n;
	return 0;
}

/* What a source has on the way to a node: the nearest group of it. */
static uint32_t projection(
	const struct cg_converter *c, const struct cg_part *p, uint16_t draw, uint32_t node)
{
	while (node != CG_NONE &&
		(cg_convert_group(c, node, p->draw[draw].source) == CG_NONE || !c->node[node].selected))
		node = c->node[node].parent;
	return node;
}

static const char *label(
	const struct cg_converter *c, const struct cg_part *p, uint16_t draw, struct cg_text *t)
{
	return cg_hierarchy_label(&c->from->hierarchy[p->draw[draw].source], t);
}

static int refuse_conflict(struct cg_converter *c, const struct cg_part *p, const struct cg_seen_task *a,
	const struct cg_seen_task *b)
{
	_cleanup_text_ struct cg_text one = {0}, two = {0}, label_one = {0}, label_two = {0}, comm = {0};
	int r;

	cg_convert_path(c, a->node, &one);
	cg_convert_path(c, b->node, &two);
	cg_text_escape(&comm, cg_bytes_of(a->task->comm));
	r = cg_error_make(c->err, CG_FAULT_SYSTEM, EEXIST,
		"task %d (%s) is in %s of %s and in %s of %s, and a merged tree has one place for it",
		a->task->tid, comm.data ? comm.data : "", one.data ? one.data : "?",
		label(c, p, a->draw, &label_one), two.data ? two.data : "?",
		label(c, p, b->draw, &label_two));
	cg_error_hint(c->err,
		"--on-conflict lead=HIERARCHY lets one hierarchy decide, --on-conflict leaf puts it below what both "
		"paths have in common");
	return r;
}

/* A group of its own below `parent`, for tasks. */
static uint32_t leaf_of(struct cg_converter *c, struct cg_part *p, uint32_t parent)
{
	char name[32] = LEAF;
	uint32_t leaf;

	for (unsigned n = 2; (leaf = cg_convert_child(c, parent, name)) != CG_NONE; n++) {
		if (c->node[leaf].leaf)
			return leaf;
		(void)snprintf(name, sizeof(name), LEAF "-%u", n);
	}
	leaf = cg_convert_add_node(c, parent, name);
	if (leaf == CG_NONE) {
		(void)cg_error_oom(c->err);
		return CG_NONE;
	}
	c->node[leaf].leaf = c->node[leaf].selected = true;
	(void)p;
	return leaf;
}

static int say_moved(
	struct cg_converter *c, const struct cg_part *p, const struct cg_seen_task *t, uint32_t node)
{
	_cleanup_text_ struct cg_text from = {0}, comm = {0}, scratch = {0};

	cg_convert_path(c, t->node, &from);
	cg_text_escape(&comm, cg_bytes_of(t->task->comm));
	return cg_convert_lose(c, node, NULL, (struct cg_bytes){0}, NULL,
		"task %d (%s) is put here, but is in %s of %s", t->task->tid, comm.data ? comm.data : "",
		from.data ? from.data : "?", label(c, p, t->draw, &scratch));
}

/* The node for a thread that is seen n times. */
static int place_thread(
	struct cg_converter *c, struct cg_part *p, const struct cg_seen_task *seen, size_t n, uint32_t *ret)
{
	uint32_t deepest = seen[0].node, common = seen[0].node;
	const struct cg_seen_task *against = NULL;
	int r = 0;

	for (size_t i = 1; i < n; i++) {
		if (c->node[seen[i].node].depth > c->node[deepest].depth)
			deepest = seen[i].node;
		common = cg_convert_common(c, common, seen[i].node);
	}
	for (size_t i = 0; i < n; i++)
		if (projection(c, p, seen[i].draw, deepest) != seen[i].node)
			against = &seen[i];
	*ret = deepest;
	if (!against)
		return 0;
	if (c->options->conflict == CG_CONFLICT_FAIL)
		return refuse_conflict(
			c, p, against, seen[0].node == against->node ? &seen[n - 1] : &seen[0]);
	*ret = seen[0].node;
	if (c->options->conflict == CG_CONFLICT_LEAF) {
		if (selected_above(c, common) == CG_NONE)
			return refuse_conflict(c, p, &seen[0], against);
		*ret = leaf_of(c, p, common);
		if (*ret == CG_NONE)
			return -ENOMEM;
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		if (projection(c, p, seen[i].draw, *ret) != seen[i].node || c->node[*ret].leaf)
			r = say_moved(c, p, &seen[i], *ret);
	return r;
}

static void mark_threaded(struct cg_converter *c, uint32_t root)
{
	c->node[root].thread_root = true;
}

/* Threads of one process in several groups: what these have in common becomes the root of a threaded subtree.
 */
static int see_process(struct cg_converter *c, const struct cg_placed_task *t, size_t n)
{
	uint32_t common = t[0].node;
	bool differ = false;

	for (size_t i = 1; i < n; i++) {
		differ |= t[i].node != common;
		common = cg_convert_common(c, common, t[i].node);
	}
	if (!differ)
		return 0;
	if (selected_above(c, common) == CG_NONE) {
		_cleanup_text_ struct cg_text one = {0}, two = {0};
		int r;

		cg_convert_path(c, t[0].node, &one);
		cg_convert_path(c, t[n - 1].node, &two);
		r = cg_error_make(c->err, CG_FAULT_SYSTEM, EEXIST,
			"threads of process %d are in %s and in %s, and v2 lets threads part only below a group "
			"that the image has",
			t[0].task->pid, one.data ? one.data : "?", two.data ? two.data : "?");
		return r;
	}
	mark_threaded(c, common);
	return 0;
}

static int see_processes(struct cg_converter *c)
{
	int r = 0;

	for (size_t i = 0, n; r == 0 && i < c->placed_count; i += n) {
		n = 1;
		while (i + n < c->placed_count && c->placed[i + n].task->pid == c->placed[i].task->pid)
			n++;
		r = see_process(c, &c->placed[i], n);
	}
	return r;
}

int cg_convert_tasks(struct cg_converter *c, struct cg_part *p)
{
	_cleanup_free_ struct cg_seen_task *seen = NULL;
	size_t count = 0;
	int r = gather(c, p, &seen, &count);

	c->placed_count = 0;
	if (r < 0)
		return r;
	free(c->placed);
	c->placed = reallocarray(NULL, count + 1, sizeof(*c->placed));
	if (!c->placed)
		return cg_error_oom(c->err);
	for (size_t i = 0, n; r == 0 && i < count; i += n) {
		uint32_t node = CG_NONE;

		n = 1;
		while (i + n < count && seen[i + n].task->pid == seen[i].task->pid &&
			seen[i + n].task->tid == seen[i].task->tid)
			n++;
		r = place_thread(c, p, &seen[i], n, &node);
		if (r == 0)
			c->placed[c->placed_count++] = (struct cg_placed_task){seen[i].task, node};
	}
	return r == 0 && p->layout->version == 2 ? see_processes(c) : r;
}

/* Preorder over the nodes below one; CG_NONE at the end. */
static uint32_t next_node(const struct cg_converter *c, uint32_t node, uint32_t root)
{
	if (c->node[node].first_child != CG_NONE)
		return c->node[node].first_child;
	while (node != root && c->node[node].next_sibling == CG_NONE)
		node = c->node[node].parent;
	return node == root ? CG_NONE : c->node[node].next_sibling;
}

/* What the source's group has, in controllers of v2. */
static uint64_t own_controllers(struct cg_converter *c, const struct cg_part *p, uint32_t node)
{
	uint64_t own = 0;

	for (uint16_t d = 0; d < p->draws; d++) {
		uint32_t g = cg_convert_group(c, node, p->draw[d].source);

		if (g == CG_NONE)
			continue;
		if (c->from->hierarchy[p->draw[d].source].version == 1)
			own |= p->draw[d].takes;
		else
			own |= cg_convert_group_has(c, g) & p->draw[d].takes;
	}
	for (unsigned i = 0; i < c->controllers; i++)
		if (!c->controller[i].v2.data || !c->controller[i].v2.len)
			own &= ~(UINT64_C(1) << i);
	return p->bound && cg_convert_binds(c, node) ? own | p->bound : own;
}

static uint64_t passes_of_source(struct cg_converter *c, const struct cg_part *p, uint32_t node)
{
	for (uint16_t d = 0; d < p->draws; d++) {
		uint32_t g = cg_convert_group(c, node, p->draw[d].source);

		if (g != CG_NONE && c->from->hierarchy[p->draw[d].source].version == 2)
			return cg_convert_group_passes(c, g) & p->draw[d].takes;
	}
	return 0;
}

/* Types hand down: below the root of a threaded subtree everything is threaded. */
static void spread_threads(struct cg_converter *c, const struct cg_part *p)
{
	for (uint32_t i = 0; i != CG_NONE; i = next_node(c, i, 0)) {
		struct cg_node *n = &c->node[i];
		const struct cg_node *up = n->parent == CG_NONE ? NULL : &c->node[n->parent];

		if (!n->selected)
			continue;
		for (uint16_t d = 0; d < p->draws; d++) {
			uint32_t g = cg_convert_group(c, i, p->draw[d].source);

			if (g == CG_NONE)
				continue;
			n->threaded |= c->from->group[g].type == CG_TYPE_THREADED;
		}
		if (up && up->selected && (up->threaded || up->thread_root))
			n->threaded = true;
		if (n->threaded)
			n->thread_root = false;
	}
}

/* Children before parents, for nodes are made parents first: but leaves come late, so that the order is that
 * of depth. */
static void find_controllers(struct cg_converter *c, const struct cg_part *p)
{
	for (uint32_t i = 0; i < c->nodes; i++)
		c->node[i].has = c->node[i].passes = 0;
	for (uint32_t i = c->nodes; i-- > 0;) {
		struct cg_node *n = &c->node[i];

		if (!n->selected)
			continue;
		n->passes |= passes_of_source(c, p, i);
		n->has |= own_controllers(c, p, i) | n->passes;
		if (n->thread_root || n->threaded)
			n->passes &= c->threaded;
		if (n->threaded)
			n->has &= c->threaded;
		if (n->parent != CG_NONE && c->node[n->parent].selected) {
			struct cg_node *up = &c->node[n->parent];

			up->passes |= up->thread_root || up->threaded ? n->has & c->threaded : n->has;
		}
	}
	for (uint32_t i = 0; i != CG_NONE; i = next_node(c, i, 0)) {
		struct cg_node *n = &c->node[i];

		if (n->selected && n->parent != CG_NONE && c->node[n->parent].selected)
			n->has = c->node[n->parent].passes;
	}
}

static int move_to_leaf(struct cg_converter *c, struct cg_part *p, struct cg_placed_task *t, size_t n)
{
	uint32_t leaf = leaf_of(c, p, t[0].node);
	_cleanup_text_ struct cg_text path = {0};
	uint32_t from = t[0].node;

	if (leaf == CG_NONE)
		return -ENOMEM;
	c->node[leaf].has = c->node[from].passes;
	for (size_t i = 0; i < n; i++)
		t[i].node = leaf;
	cg_convert_path(c, leaf, &path);
	return cg_convert_lose(c, from, NULL, (struct cg_bytes){0}, NULL,
		"its tasks (%zu) are put into %s: on v2 a group whose children have controllers holds none",
		n, path.data ? path.data : "?");
}

int cg_convert_leaves(struct cg_converter *c, struct cg_part *p)
{
	int r = 0;

	if (p->layout->version == 2) {
		spread_threads(c, p);
		find_controllers(c, p);
	}
	if (c->placed_count > 1)
		qsort(c->placed, c->placed_count, sizeof(*c->placed), by_node);
	if (p->layout->version != 2)
		return 0;
	for (size_t i = 0, n; r == 0 && i < c->placed_count; i += n) {
		const struct cg_node *node = &c->node[c->placed[i].node];

		n = 1;
		while (i + n < c->placed_count && c->placed[i + n].node == c->placed[i].node)
			n++;
		if (node->passes && !node->thread_root && !node->threaded)
			r = move_to_leaf(c, p, &c->placed[i], n);
	}
	if (c->placed_count > 1)
		qsort(c->placed, c->placed_count, sizeof(*c->placed), by_node);
	return r;
}
