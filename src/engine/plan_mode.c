/* The modes: a row each, and what it says of a group by where it stands and whether it is there. */
#include "engine/plan_private.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *name;
	uint8_t top_exists, top_missing, exists, missing; /* enum cg_cell */
} modes[] = {
	[CG_MODE_STRICT] = {"strict", CG_CELL_REFUSE, CG_CELL_CREATE, CG_CELL_REFUSE, CG_CELL_CREATE},
	[CG_MODE_OPPORTUNISTIC] = {"opportunistic", CG_CELL_REUSE, CG_CELL_CREATE, CG_CELL_REUSE,
		CG_CELL_CREATE},
	[CG_MODE_BIND] = {"bind", CG_CELL_APPLY, CG_CELL_REFUSE, CG_CELL_APPLY, CG_CELL_CREATE},
	[CG_MODE_FULL] = {"full", CG_CELL_APPLY, CG_CELL_CREATE, CG_CELL_APPLY, CG_CELL_CREATE},
	[CG_MODE_PROPS] = {"props", CG_CELL_APPLY, CG_CELL_REFUSE, CG_CELL_APPLY, CG_CELL_REFUSE},
	[CG_MODE_NONE] = {"none", CG_CELL_REUSE, CG_CELL_REFUSE, CG_CELL_REUSE, CG_CELL_REFUSE},
};

int cg_mode_parse(const char *text, enum cg_mode *ret, struct cg_error **err)
{
	if (strcmp(text, "soft") == 0)
		text = modes[CG_MODE_OPPORTUNISTIC].name;
	for (size_t i = 0; i < CG_ARRAY_SIZE(modes); i++)
		if (strcmp(text, modes[i].name) == 0) {
			*ret = (enum cg_mode)i;
			return 0;
		}
	return cg_error_usage(
		err, "'%s' is no mode: strict, opportunistic (soft), bind, full, props or none", text);
}

const char *cg_mode_name(enum cg_mode mode)
{
	return modes[mode].name;
}

enum cg_cell cg_plan_cell(enum cg_mode mode, bool top, bool exists)
{
	if (top)
		return exists ? modes[mode].top_exists : modes[mode].top_missing;
	return exists ? modes[mode].exists : modes[mode].missing;
}
