/* Pictures of a tree: drawn, as a table, as JSON. They share what is worth showing of a group. */
#pragma once

#include "cli/source.h"

/* One setting of a group, as a picture wants it. */
struct show_setting {
	const char *name;
	const struct cg_knob *knob; /* NULL: not in the catalogue */
	struct cg_bytes value;      /* data NULL: it could not be read */
	bool is_default, default_known;
};

/* Calls fn for the settings of a group in the order of the columns; with `all` for every one, else for those
 * that are worth a look: not the default, or what a new group would not simply have from its parent. */
typedef void show_setting_fn(void *context, const struct show_setting *s);
void show_each_setting(
	const struct cg_tree *tree, uint32_t group, bool all, show_setting_fn *fn, void *context);

struct show_options {
	const char *name; /* the image, or live:PATH */
	bool all;
};

void show_tree(struct cli *cli, const struct cli_source *source, const struct show_options *o);
void show_table(struct cli *cli, const struct cli_source *source, const struct show_options *o);
void show_json(const struct cli_source *source, const struct show_options *o);
