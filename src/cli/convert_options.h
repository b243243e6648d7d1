/* The options that say how an image is translated, shared by convert and restore, and what was lost, in
 * words. */
#pragma once

#include "cli/cli.h"
#include "cli/json_out.h"
#include "image/origin.h"
#include "model/convert.h"

struct cli_convert {
	const char *dialect, *conflict;
	int soft_limit; /* index into cli_soft_limit_words */
	bool strict, skip_unknown;
};
extern const char *const cli_soft_limit_words[];

/* The rows of an option table, for a structure with a member `m` of this type. */
#define CLI_CONVERT_OPTIONS(type, m)                                                                                \
	{'\0', "dialect", CLI_TEXT, offsetof(type, m.dialect), "NAME", NULL, CLI_NAMES_NOTHING,                     \
		"formula between cpu.shares and cpu.weight: kernel, systemd, oci (runc and crun of today) or "      \
		"oci-linear (older ones, kubelet) (default: kernel)"},                                              \
		{'\0', "soft-limit", CLI_CHOICE, offsetof(type, m.soft_limit), "KNOB", cli_soft_limit_words,        \
			CLI_NAMES_NOTHING,                                                                          \
			"what memory.soft_limit_in_bytes is on v2: memory.low or memory.high (default: low)"},      \
		{'\0', "on-conflict", CLI_TEXT, offsetof(type, m.conflict), "WHAT", NULL, CLI_NAMES_NOTHING,        \
			"a task that merged hierarchies have in groups of other paths: fail, leaf (a leaf below "   \
			"what the paths have in common), or lead=HIERARCHY, which decides (default: fail)"},        \
		{'\0', "skip-unknown", CLI_FLAG, offsetof(type, m.skip_unknown),                                    \
			.help = "leave out files that are not in the catalogue (a newer kernel's), and name them, " \
				"instead of refusing"},                                                             \
	{                                                                                                           \
		'\0', "strict-translation", CLI_FLAG, offsetof(type, m.strict),                                     \
			.help = "refuse when anything is lost, instead of naming it"                                \
	}

/* The converter's options. */
int cli_convert_options(
	const struct cli_convert *o, struct cg_convert_options *ret, struct cg_error **err) CG_MUST_CHECK;
/* A "!" line for each, and the array of {"path", "knob", "was", "became", "why"}. */
void cli_say_losses(struct cli *cli, const struct cg_losses *losses);
void cli_losses_json(struct json_out *j, const struct cg_losses *losses);

/* The tree of an image that was converted, taken back to what it was converted from, when that is what the
 * layout (or, NULL, version) asks for: 1 and the tree; 0 when there is nothing to take back. Losses are
 * added. */
int cli_take_back(const struct cg_tree *tree, int version, struct cg_tree **ret, struct cg_losses *losses,
	struct cg_error **err) CG_MUST_CHECK;
