/* Identities of block devices and network interfaces that settings name by number or name. */
#pragma once

#include <stdbool.h>

#include "base/attributes.h"
#include "base/text.h"

/* Looks a block device up by "MAJ:MIN" in /sys/dev/block: its kernel name and a stable identity, appended.
 * The identity is KIND:TEXT of the first source that has one: wwid, device/wwid
 * ("wwid:..."), serial, device/serial ("serial:..."), dm/uuid ("dm:..."), md/uuid ("md:..."),
 * loop/backing_file ("loop:...") of its folder in sysfs, then a link in /dev/disk/by-id ("by-id:...");
 * nothing is appended when it has none. A partition has its disk's with "#partN". -ENODEV; -EINVAL for
 * another form of key. */
int cg_block_identity(const char *key, struct cg_text *name, struct cg_text *stable) CG_MUST_CHECK;
/* The number of the block device that has this identity now, appended as MAJ:MIN. -ENODEV when none has it,
 * -ENOTUNIQ when several do (paths of one disk): then all of them, with a blank between. */
int cg_block_find(const char *stable, struct cg_text *key) CG_MUST_CHECK;
/* Is there a block device of that number, and is it whole (not a partition)? -ENODEV, 0 partition, 1 whole.
 */
int cg_block_check(const char *key) CG_MUST_CHECK;
