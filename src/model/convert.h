/* A tree of one cgroup version, or of several, as a tree of another layout.
 *
 *   every source hierarchy's groups -> one tree of paths -> for each hierarchy of the layout: the groups it
 *   draws on, their settings by the table of translations, their tasks
 *
 * So v1 to v2 is a merge (the union of the paths, each with what any hierarchy says about it), v2 to v1 a
 * split (each controller takes the groups that have it), and a host with both is nothing special. What the
 * result cannot hold is told as losses, one for each group and knob. Pure: no kernel. */
#pragma once

#include "base/attributes.h"
#include "base/error.h"
#include "model/translate.h"
#include "model/tree.h"

/* A hierarchy of the target. */
struct cg_layout_part {
	uint8_t version;
	const char *controllers; /* with commas; v2: NULL stands for all that no v1 part has */
	const char *name;        /* a named v1 hierarchy's, or NULL */
};
struct cg_layout {
	const struct cg_layout_part *part;
	size_t parts;
};

/* What becomes of a task that is in groups of other paths in the hierarchies that are merged. */
enum cg_conflict {
	CG_CONFLICT_FAIL, /* the conversion is refused */
	CG_CONFLICT_LEAF, /* it goes to a leaf that is made below what the paths have in common */
	CG_CONFLICT_LEAD, /* one hierarchy decides */
};

struct cg_convert_options {
	struct cg_translate_options translate;
	struct cg_layout layout;
	enum cg_conflict conflict;
	const char *lead;  /* LEAD: a controller or name of the source hierarchy */
	bool strict;       /* a loss is an error */
	bool skip_unknown; /* files that the catalogue does not know are left out, named; else they are an
			      error */
	bool fills_lists; /* v1 lists of cpus and nodes that are empty in a top are filled later (cg_fit_list)
			   */
	/* See cg_bind() and cg_unbind(): a controller, by its name there, that is added or left out. */
	const char *bind, *unbind;
	const struct cg_tree *bind_from; /* its settings, by path; NULL: as new in every group */
};

/* Something that the result does not hold as it was. */
struct cg_loss {
	const char *path, *knob; /* knob NULL: it is about the group; path NULL: about the whole */
	struct cg_bytes was;     /* data NULL: see `why` */
	const char *became;      /* the knob and its value there; NULL: nothing */
	const char *why;
};
struct cg_losses {
	struct cg_arena arena;
	struct cg_loss *item;
	size_t count, room;
};
/* Adds a copy; 0 or -ENOMEM. */
int cg_losses_add(struct cg_losses *losses, const struct cg_loss *loss) CG_MUST_CHECK;
void cg_losses_free(struct cg_losses *losses);
#define _cleanup_losses_ _cleanup_(cg_losses_free)
/* The text after path and knob: "1000 became cpu.weight 98: why". Escaped. */
void cg_loss_text(const struct cg_loss *loss, struct cg_text *t);

/* True when every hierarchy of the tree is one of the layout, and v2 has its controllers there: there is
 * nothing to convert. */
bool cg_layout_fits(const struct cg_tree *tree, const struct cg_layout *layout);

/* The layout that --to v1 or v2 means for this tree: v2 is one hierarchy; v1 has those v1 ones that the tree
 * has, and one for each controller that only its v2 hierarchy uses. In the memory of `arena`. */
int cg_layout_of_version(const struct cg_tree *tree, int version, struct cg_arena *arena,
	struct cg_layout *ret, struct cg_error **err) CG_MUST_CHECK;

/* Bad values, files that nobody knows, and conflicts that the options do not settle, are errors; with
 * `strict` losses are, too. *ret is a tree of its own. Losses are those of this conversion; they are set in
 * any case and to be freed. */
int cg_convert(const struct cg_tree *from, const struct cg_convert_options *options, struct cg_tree **ret,
	struct cg_losses *ret_losses, struct cg_error **err) CG_MUST_CHECK;

/* Takes a conversion back: `tree` was made of `origin` by cg_convert() with these options (whose layout is
 * not looked at) to that version, and may have been changed since. *ret is the origin, with the settings that
 * were changed translated into it: 1. 0, and nothing is done, when more than settings was changed: then it is
 * to be converted anew. The origin is taken over when the result is 1. */
int cg_convert_back(const struct cg_tree *tree, struct cg_tree **origin,
	const struct cg_convert_options *made_with, int version, struct cg_tree **ret,
	struct cg_losses *ret_losses, struct cg_error **err) CG_MUST_CHECK;

/* v1 demands that lists of cpus and nodes are not empty and lie within the parent's (cgroup-v1/cpusets.rst),
 * where on v2 an empty one is the parent's: brings the group's list to that; what is cut is a loss. */
int cg_fit_list(struct cg_tree *tree, uint32_t group, uint16_t column, struct cg_bytes above,
	struct cg_losses *losses, struct cg_error **err) CG_MUST_CHECK;
/* The same for all groups of a hierarchy but its tops. */
int cg_fit_lists(struct cg_tree *tree, uint16_t hierarchy, struct cg_losses *losses,
	struct cg_error **err) CG_MUST_CHECK;
/* Whether these files are among the lists. */
bool cg_is_fit_column(const struct cg_knob *knob);

/* Whether groups of the tree have this controller (by its v1 name in a v1 hierarchy, by its v2 name on v2).
 */
bool cg_has_controller(const struct cg_tree *tree, const char *controller);
/* The tree without a controller: no group has it any more. ENODEV when none has it. */
int cg_unbind(const struct cg_tree *tree, const char *controller, struct cg_tree **ret,
	struct cg_error **err) CG_MUST_CHECK;
/* Whether the tree is what cg_unbind() makes of `from`: 1, 0, or a negative errno. */
int cg_is_unbound_of(const struct cg_tree *tree, const char *controller, const struct cg_tree *from,
	struct cg_error **err) CG_MUST_CHECK;
/* The tree with a controller: in the groups, and with the settings, that it had in `from`, what is new in
 * between as new; with `from` NULL every group gets it. EEXIST when the tree has it, EINVAL when nobody knows
 * it. */
int cg_bind(const struct cg_tree *tree, const char *controller, const struct cg_tree *from,
	struct cg_tree **ret, struct cg_error **err) CG_MUST_CHECK;
