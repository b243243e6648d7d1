/* The live kernel to a tree: one of the two bridges between kernel and model (apply is the other).
 *
 * Directories are walked by descriptor; which files a group has is learnt once for each set of controllers;
 * groups are read by several threads; nothing of a group that vanishes meanwhile is an error. What cannot be
 * read becomes a note of the tree. */
#pragma once

#include "base/attributes.h"
#include "base/error.h"
#include "kernel/hierarchy.h"
#include "model/tree.h"

/* Told now and then while long work goes on, from one thread at a time. */
typedef void cg_progress_fn(
	void *context, const char *what, uint64_t done, uint64_t total /* 0: not known */);

struct cg_dump_options {
	const struct cg_target *target; /* what to dump; each must exist in at least one hierarchy it names */
	size_t targets;
	bool whole_fd;       /* no targets: the subtree at each hierarchy's fd itself (--dir); its name is the
				mount_root */
	bool namespace_root; /* cg_survey() with whole_fd: that must be the root of our cgroup namespace */
	const char *hierarchies;    /* --hierarchy: comma-separated labels, NULL for all */
	const char *const *exclude; /* fnmatch(3) patterns (FNM_PATHNAME) against the absolute path; what
				       matches is left out with all below */
	size_t excludes;
	bool members;  /* tasks too */
	bool freeze;   /* freeze while membership is read */
	bool optional; /* a target that exists nowhere gives no groups instead of an error (restore looks at
			  what is there) */
	bool no_programs;         /* leave BPF programs out */
	bool no_devices;          /* leave identities of devices and links out */
	unsigned threads;         /* 0: as many as pay on this machine */
	const volatile int *stop; /* becomes non-zero when a signal asks to end: -EINTR, and what was frozen
				     is thawed; NULL when nobody asks */
	cg_progress_fn *progress;
	void *progress_context;
};

/* Fills the inventory too (tool, host, kernel, boot id, page size, layout, time; SOURCE_DATE_EPOCH is
 * honoured). */
int cg_dump(const struct cg_live *live, const struct cg_dump_options *options, struct cg_tree **ret,
	struct cg_error **err) CG_MUST_CHECK;

/* Whether any program that attaches to cgroups is loaded here, so that groups must be asked: 1, 0, or a
 * negative errno when nobody may ask. Hosts without a v2 hierarchy have none. */
int cg_dump_may_ask_programs(const struct cg_live *live) CG_MUST_CHECK;

/* Looks at the places that a restore aims at: what exists of each target, whole, and every group above it
 * from the hierarchy's descriptor down, with CG_GROUP_ANCESTOR set (settings, and the statistics that tell a
 * limit's use). No tasks and identities; programs of the targets unless no_programs. Hierarchy i of the tree
 * is live->item[i], present also without groups; each has one top, the descriptor itself, named by its
 * mount_root ("/" on most hosts). With whole_fd the descriptor itself is the target of the hierarchies that a
 * target names by its label, or of all without targets. */
int cg_survey(const struct cg_live *live, const struct cg_dump_options *options, struct cg_tree **ret,
	struct cg_error **err) CG_MUST_CHECK;

/* Adds to a survey the devices and interfaces of this host that settings of the image name: block devices by
 * stable identity, else by number, and all links. */
int cg_survey_devices(struct cg_tree *live, const struct cg_tree *image, struct cg_error **err) CG_MUST_CHECK;
