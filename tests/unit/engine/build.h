/* Trees from a few lines of text, for tests that need no kernel:
 *
 *   hierarchy v2 cpu,io,memory,pids        a hierarchy: v2, or v1; its controllers; then NAME=VALUE words:
 *                                          name= root= mount= options=
 *   group /job                             a top (a path) or, with its parent made before, a group below
 *   owner 1000:1000 755                    of the last group's directory
 *   files 1000:1000                        of its files
 *   file memory.max 0:0 600                an exception; a name that is no column goes among the others
 *   type threaded
 *   memory.max=67108864                    a setting; "\n" in it is a newline; "?" alone: it could not be
 *                                          read
 *   xattr user.x=1
 *   task 100 101 sleep                     pid, tid, name
 *   program device 2 NAME allow            a BPF program: attach type, flags, name, and what it is: "allow" or
 *                                          "deny" (two instructions), "lost" (not saved), or rules of devices
 *                                          with ';' between
 *   ancestor                               the last group lies above what was asked for
 *   incomplete                             not all of the last group could be read
 *   device block 8:16 wwid:1               kind, key, identity ("-": none)
 *   kernel 6.1.0 page 65536                of the inventory
 *
 * A column's usual value is what the line "usual KNOB=VALUE" says after its hierarchy; else the first one
 * given. Groups have the files that they, or groups of their hierarchy, name; "only KNOB..." narrows the last
 * group's down. */
#pragma once

#include "model/tree.h"

/* Never NULL: a mistake in the text ends the test. */
struct cg_tree *build_tree(const char *text);
