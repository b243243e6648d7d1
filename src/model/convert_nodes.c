/* All groups of all sources as one tree of paths: a node for each path, with the group that each source has
 * there. Groups come in order, so that the search for a child goes on where the last one ended. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/convert_private.h"

static bool grow(struct cg_converter *c)
{
	uint32_t room = c->node_room ? 2 * c->node_room : 64;
	struct cg_node *nodes;
	uint32_t *groups;

	if (c->nodes < c->node_room)
		return true;
	nodes = reallocarray(c->node, room, sizeof(*nodes));
	if (nodes)
		c->node = nodes;
	groups = reallocarray(
		c->group, (size_t)room * (c->from->hierarchies ? c->from->hierarchies : 1), sizeof(*groups));
	if (groups)
		c->group = groups;
	if (!nodes || !groups)
		return false;
	c->node_room = room;
	return true;
}

/* Puts a node among its siblings; `before` is the one that it follows, CG_NONE when it is the first. */
static void hang(struct cg_converter *c, uint32_t parent, uint32_t before, uint32_t node)
{
	uint32_t *link = before == CG_NONE ? &c->node[parent].first_child : &c->node[before].next_sibling;

	c->node[node].next_sibling = *link;
	*link = node;
	c->node[parent].cursor = node;
}

static uint32_t new_node(struct cg_converter *c, uint32_t parent, struct cg_bytes name, uint32_t before)
{
	uint32_t i = c->nodes;

	if (!grow(c))
		return CG_NONE;
	c->node[i] = (struct cg_node){.parent = parent,
		.first_child = CG_NONE,
		.next_sibling = CG_NONE,
		.cursor = CG_NONE,
		.place = CG_NONE,
		.depth = parent == CG_NONE ? 0 : (uint16_t)(c->node[parent].depth + 1),
		.name = cg_arena_copy(&c->arena, name.data, name.len)};
	if (!c->node[i].name)
		return CG_NONE;
	for (uint16_t s = 0; s < c->from->hierarchies; s++)
		c->group[(size_t)i * c->from->hierarchies + s] = CG_NONE;
	c->nodes++;
	if (parent != CG_NONE)
		hang(c, parent, before, i);
	return i;
}

/* The child of that name; else CG_NONE, and in *ret_before the sibling that it would follow. */
static uint32_t find(struct cg_converter *c, uint32_t parent, struct cg_bytes name, uint32_t *ret_before)
{
	uint32_t i = c->node[parent].cursor, before = CG_NONE;

	if (i == CG_NONE || cg_bytes_compare(cg_bytes_of(c->node[i].name), name) > 0)
		i = c->node[parent].first_child;
	while (i != CG_NONE) {
		int order = cg_bytes_compare(cg_bytes_of(c->node[i].name), name);

		if (order > 0)
			break;
		if (order == 0) {
			c->node[parent].cursor = i;
			return i;
		}
		before = i;
		i = c->node[i].next_sibling;
	}
	*ret_before = before;
	return CG_NONE;
}

static uint32_t find_or_add(struct cg_converter *c, uint32_t parent, struct cg_bytes name)
{
	uint32_t before = CG_NONE, i = find(c, parent, name, &before);

	return i == CG_NONE ? new_node(c, parent, name, before) : i;
}

uint32_t cg_convert_child(const struct cg_converter *c, uint32_t parent, const char *name)
{
	uint32_t i = c->node[parent].first_child;

	while (i != CG_NONE && strcmp(c->node[i].name, name) != 0)
		i = c->node[i].next_sibling;
	return i;
}

uint32_t cg_convert_add_node(struct cg_converter *c, uint32_t parent, const char *name)
{
	return find_or_add(c, parent, cg_bytes_of(name));
}

static uint32_t node_of_top(struct cg_converter *c, const char *path)
{
	struct cg_bytes rest = cg_bytes_of(path), part;
	uint32_t i = 0;

	while (i != CG_NONE && cg_bytes_split(&rest, '/', &part))
		if (part.len)
			i = find_or_add(c, i, part);
	return i;
}

int cg_convert_nodes(struct cg_converter *c)
{
	const struct cg_tree *from = c->from;

	c->node_of = cg_convert_array(c, from->groups, sizeof(*c->node_of));
	if (!c->node_of)
		return -ENOMEM;
	if (new_node(c, CG_NONE, CG_BYTES(""), CG_NONE) == CG_NONE)
		return cg_error_oom(c->err);
	for (uint32_t g = 0; g < from->groups; g++) {
		const struct cg_group *group = &from->group[g];
		uint32_t i = group->parent == CG_NONE
				     ? node_of_top(c, group->name)
				     : find_or_add(c, c->node_of[group->parent], cg_bytes_of(group->name));

		if (i == CG_NONE)
			return cg_error_oom(c->err);
		c->node_of[g] = i;
		c->group[(size_t)i * from->hierarchies + group->hierarchy] = g;
	}
	return 0;
}

bool cg_convert_is_above(const struct cg_converter *c, uint32_t above, uint32_t node)
{
	while (node != CG_NONE && c->node[node].depth > c->node[above].depth)
		node = c->node[node].parent;
	return node == above;
}

uint32_t cg_convert_common(const struct cg_converter *c, uint32_t a, uint32_t b)
{
	while (a != b) {
		if (c->node[a].depth < c->node[b].depth)
			b = c->node[b].parent;
		else
			a = c->node[a].parent;
	}
	return a;
}
