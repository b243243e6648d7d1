/* Network interfaces by rtnetlink (libnl). */
#pragma once

#include "base/attributes.h"
#include "base/error.h"
#include "base/text.h"

/* Calls fn for each interface: its name and its permanent (or present) hardware address as "mac:..", with
 * what it is behind it when it is no device ("mac:../bridge", "mac:../vlan.5"); "" when it has no address
 * (lo). */
typedef int cg_link_fn(void *context, const char *name, const char *stable);
int cg_links_each(cg_link_fn *fn, void *context, struct cg_error **err) CG_MUST_CHECK;
