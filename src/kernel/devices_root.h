/* The functions of devices.h with the folder that stands for "/", so that tests can lay out devices as files.
 */
#pragma once

#include "base/attributes.h"
#include "base/text.h"

int cg_block_identity_at(
	int root, const char *key, struct cg_text *name, struct cg_text *stable) CG_MUST_CHECK;
int cg_block_find_at(int root, const char *stable, struct cg_text *key) CG_MUST_CHECK;
int cg_block_check_at(int root, const char *key) CG_MUST_CHECK;
