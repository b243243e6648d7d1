/* The programs that are installed with this one. */
#pragma once

#include "base/attributes.h"
#include "base/error.h"

/* Opens (O_PATH) the program `name`: at `path` when one is given, else beside this program or in
 * libexec/cgtree or lib/cgtree of the prefix that this one is installed in. A descriptor, or a negative errno
 * with the error filled. *ret_path (may be NULL; free(3)) is where it was found. */
int cg_own_program(const char *path, const char *name, char **ret_path, struct cg_error **err) CG_MUST_CHECK;
