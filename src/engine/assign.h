/* KNOB=VALUE as a person gives it: which file of which hierarchy is meant, and what is to be written there.
 * Names of either version are taken on every host: a name that no hierarchy here has is translated to the
 * names that say the same (model/translate.h). */
#pragma once

#include "engine/edit.h"
#include "model/translate.h"

struct cg_assign {
	const char *name; /* as it was given */
	struct cg_bytes words;
	/* what was found out */
	const struct cg_knob *knob; /* of the name; NULL: a file that the catalogue does not know */
	const char *file;
	int version;                      /* which one has this name */
	const struct cg_translation *row; /* by which it is translated; NULL: it is not */
	unsigned index;                   /* which knob of the row */
	bool usage;                       /* it tells the present use of the row's first knob */
	bool *in;                         /* by live hierarchy: where it is written (translated: where to) */
};

struct cg_assigns {
	const struct cg_live *live;
	const struct cg_target *target;
	struct cg_arena arena;
	struct cg_assign *item;
	size_t count, room;
	bool raw; /* no translation: the names of this host alone */
};
void cg_assigns_free(struct cg_assigns *a);
#define _cleanup_assigns_ _cleanup_(cg_assigns_free)

/* "KNOB=VALUE", or "CONTROLLER=PERCENT%" for a share of a cpu. Finds out what is meant; a name that nothing
 * here has is refused with the nearest that there is. `making` are the hierarchies in which the group is
 * about to be made (by live hierarchy), NULL when it exists already. */
int cg_assigns_add(
	struct cg_assigns *a, const char *text, const bool *making, struct cg_error **err) CG_MUST_CHECK;
/* The same of a name alone, for reading. */
int cg_assigns_add_name(struct cg_assigns *a, const char *name, struct cg_error **err) CG_MUST_CHECK;

/* Does what was asked for to the group's places in the edit, which are opened unless they are there (made)
 * already. What a translation cannot carry over is a note of the plan. */
int cg_assigns_apply(struct cg_assigns *a, struct cg_edit *e, struct cg_error **err) CG_MUST_CHECK;

/* Whether a write to this file does something once instead of setting something: it can be neither read back
 * nor taken back. */
bool cg_assign_is_action(const struct cg_assign *item);
/* Does such a thing, at once. */
int cg_assigns_act(struct cg_assigns *a, const struct cg_assign *item, struct cg_error **err) CG_MUST_CHECK;

struct cg_reading {
	uint16_t hierarchy;
	const char *file;           /* as it was asked for, or as it is called here */
	const struct cg_knob *knob; /* of that name */
	struct cg_bytes value;      /* whole, without the last newline; data NULL: it cannot be read */
	int code;                   /* errno, when it cannot be read */
	const char *source; /* the files that a translated value was made of; NULL: it is no translation */
};
typedef int cg_reading_fn(void *context, const struct cg_reading *reading);
/* Reads what the names mean, in the order given, in each hierarchy where the group is. What fn returns below
 * 0 ends and is returned. */
int cg_assigns_read(
	struct cg_assigns *a, cg_reading_fn *fn, void *context, struct cg_error **err) CG_MUST_CHECK;
