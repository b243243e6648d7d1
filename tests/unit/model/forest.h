/* Small trees made by hand. Every hierarchy has one file set with all its columns. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "model/tree.h"

/* A hierarchy with these files, each with the usual value beside it: {"pids.max", "max", ..., NULL}. */
static inline uint32_t plant_hierarchy(
	struct cg_tree *tree, int version, const char *controllers, const char *const *files)
{
	uint32_t index = cg_tree_add_hierarchy(tree);
	struct cg_hierarchy *h = &tree->hierarchy[index];
	uint16_t *columns, n = 0;

	while (files[2 * n])
		n++;
	h->version = (uint8_t)version;
	h->controllers = controllers;
	h->columns = n;
	h->column = cg_arena_array(&tree->arena, n, sizeof(*h->column));
	columns = cg_arena_array(&tree->arena, n, sizeof(*columns));
	h->file_set = cg_arena_array(&tree->arena, 1, sizeof(*h->file_set));
	h->file_sets = 1;
	h->file_set[0] = (struct cg_file_set){columns, n};
	for (uint16_t i = 0; i < n; i++) {
		columns[i] = i;
		h->column[i] = (struct cg_column){files[2 * i], cg_knob_find(files[2 * i], version),
			cg_bytes_of(files[2 * i + 1]), 0644};
	}
	return index;
}

static inline uint32_t plant(struct cg_tree *tree, uint32_t hierarchy, uint32_t parent, const char *name)
{
	uint32_t index = cg_tree_add_group(tree);
	struct cg_group *g = &tree->group[index];

	g->hierarchy = (uint16_t)hierarchy;
	g->parent = parent;
	g->name = cg_arena_string(&tree->arena, name);
	g->type = tree->hierarchy[hierarchy].version == 1 ? CG_TYPE_V1 : CG_TYPE_DOMAIN;
	g->owner.mode = 0755;
	return index;
}

/* One setting that is not the usual. */
static inline void set_value(struct cg_tree *tree, uint32_t group, const char *file, const char *value)
{
	struct cg_group *g = &tree->group[group];
	struct cg_setting *s = cg_arena_array(&tree->arena, g->settings + 1, sizeof(*s));
	uint16_t column = (uint16_t)cg_hierarchy_column(&tree->hierarchy[g->hierarchy], file);
	uint32_t n = 0;

	for (uint32_t i = 0; i < g->settings; i++)
		if (g->setting[i].column < column)
			s[n++] = g->setting[i];
	s[n++] = (struct cg_setting){column, value ? cg_bytes_of(value) : (struct cg_bytes){NULL, 0}};
	for (uint32_t i = 0; i < g->settings; i++)
		if (g->setting[i].column > column)
			s[n++] = g->setting[i];
	g->setting = s;
	g->settings = n;
}

static inline void put_task(struct cg_tree *tree, uint32_t group, int pid, uint64_t start, const char *name)
{
	struct cg_group *g = &tree->group[group];
	struct cg_task *t = cg_arena_array(&tree->arena, g->tasks + 1, sizeof(*t));

	if (g->tasks)
		memcpy(t, g->task, g->tasks * sizeof(*t));
	t[g->tasks++] = (struct cg_task){.pid = pid, .tid = pid, .start_time = start, .comm = name};
	g->task = t;
}

static inline void link_tree(struct cg_tree *tree)
{
	struct cg_error *err = NULL;

	assert_int_equal(cg_tree_link(tree, &err), 0);
}
