/* The configuration for people: as a file, and as a list of the manual. */
#include <string.h>

#include "control/config.h"

void cg_config_text(const struct cg_config *c, struct cg_text *t)
{
	for (size_t i = 0; i < CG_CONFIG_ROWS; i++) {
		const struct cg_config_row *row = &cg_config_table[i];

		if (i == 0 || strcmp(row->section, row[-1].section) != 0)
			cg_text_printf(t, "%s[%s]\n", i == 0 ? "" : "\n", row->section);
		cg_text_printf(t, "# %s\n# ", row->help);
		cg_config_range(row, t);
		cg_text_printf(t, "; default: %s\n%s = ", row->initial, row->name);
		cg_config_value(c, row, t);
		cg_text_adds(t, "\n");
	}
}

/* A hyphen that stays one, for whoever searches or copies it. */
static void add_roff(struct cg_text *t, const char *text)
{
	for (; *text; text++) {
		if (*text == '-')
			cg_text_adds(t, "\\-");
		else
			cg_text_addc(t, *text);
	}
}

void cg_config_man(struct cg_text *t)
{
	for (size_t i = 0; i < CG_CONFIG_ROWS; i++) {
		const struct cg_config_row *row = &cg_config_table[i];
		_cleanup_text_ struct cg_text range = {0};

		if (i == 0 || strcmp(row->section, row[-1].section) != 0)
			cg_text_printf(t, ".SS [%s]\n", row->section);
		cg_config_range(row, &range);
		cg_text_adds(t, ".TP\n.BR ");
		add_roff(t, row->name);
		cg_text_adds(t, " \" (\\-\\-");
		add_roff(t, row->option);
		cg_text_adds(t, ")\"\n");
		add_roff(t, row->help);
		cg_text_adds(t, ".\nTakes ");
		add_roff(t, range.data ? range.data : "");
		cg_text_adds(t, ". Default: ");
		add_roff(t, row->initial);
		cg_text_adds(t, ".\n");
	}
}
