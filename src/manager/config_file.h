/* Files of configuration.
 *
 * A file is INI: sections in brackets, `name = value`, comments from ';' or '#'. Beside FILE, every
 * FILE.d/NAME.conf is read after it, in the order of the names; what is read later wins. Options of the
 * command line win over all files, also when these are read again. A configuration is taken as a whole or not
 * at all. */
#pragma once

#include "control/config.h"

/* The text of one file over what *c holds; `name` is for messages. After a failure *c is to be thrown away.
 */
int cg_config_parse(
	struct cg_config *c, struct cg_bytes text, const char *name, struct cg_error **err) CG_MUST_CHECK;
/* Defaults, the file (NULL: none) with its drop-ins, the overrides, and the check of the whole. *ret is
 * filled on success only: whoever reloads keeps what he had until then. */
int cg_config_load(const char *path, const struct cg_config_override *override, size_t overrides,
	struct cg_config *ret, struct cg_error **err) CG_MUST_CHECK;
