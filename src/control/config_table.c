/* The rows, as data. */
#include "control/config.h"

const char *const cg_resource_words[] = {"cpu", "memory", "io", NULL};
const char *const cg_stall_words[] = {"some", "full", NULL};
const char *const cg_step_words[] = {"admission", "brake", "demote", "freeze", "kill", NULL};
static const char *const cg_when_closed_words[] = {"reject", "queue", NULL};

const struct cg_config_row cg_config_table[CG_CONFIG_ROWS] = {
#define CG_CONFIG_ROW(id, section, name, kind, member, min, max, words, initial, help)                       \
	[CG_CONFIG_##id] = {section, name, section "-" name, CG_CONFIG_##kind,                               \
		offsetof(struct cg_config, member), min, max, words, initial, help},
#include "control/config_rows.h"
#undef CG_CONFIG_ROW
};
