/* What `cgtree oci hook` and `cgtree oci runtime` share: which groups are a container's, and how an image is
 * brought to them. */
#pragma once

#include "checkpoint/folder.h"
#include "cli/cli.h"
#include "engine/restore.h"
#include "image/oci.h"
#include "kernel/hierarchy.h"

#define OCI_LOG_NAME "cgtree-oci.log" /* beside the image in a folder of CRIU's */

/* A container's own group in each hierarchy where it has one. */
struct oci_places {
	struct cg_arena arena;
	struct cg_root *root;
	size_t count;
};
void oci_places_free(struct oci_places *p);
#define _cleanup_places_ _cleanup_(oci_places_free)
/* By a process of the container and the path that its runtime makes of its configuration
 * (cg_oci_group_path()). None is an error. */
int oci_places_find(const struct cg_live *live, int pid, const char *group, struct oci_places *ret,
	struct cg_error **err) CG_MUST_CHECK;

/* Reads config.json of a bundle, and gives the path that a runtime makes of it. */
int oci_bundle_group(const char *bundle, const char *id, struct cg_text *t, bool *ret_whole,
	struct cg_error **err) CG_MUST_CHECK;

/* How an image was brought to a container's groups. */
struct oci_result {
	struct cg_restore_counts counts;
	enum cg_outcome outcome;
	struct cg_text lines; /* as `restore` prints them, a line each */
};
void oci_result_free(struct oci_result *r);
#define _cleanup_result_ _cleanup_(oci_result_free)
/* Mode full, tasks left alone; then looks again whether all of it stands. The image has one top in each
 * hierarchy, and the container a group of its own in each of them, or nothing is done. `tops_only`: a v2
 * group with tasks in it can pass no controllers on, so that what lies below such a top is left for later;
 * *ret_later tells. */
int oci_bring(const struct cg_live *live, struct cg_tree *image, const struct oci_places *places,
	bool tops_only, struct oci_result *ret, bool *ret_later, struct cg_error **err) CG_MUST_CHECK;

/* Appends what was done to the log in a folder of CRIU's images, for runtimes show what a hook prints only
 * when it fails. `dirfd` -1, and a folder that cannot be written: nothing. */
void oci_log(int dirfd, const char *who, const struct cg_oci_state *state, const struct oci_result *res,
	bool later, const struct cg_error *failure);

int oci_hook(struct cli *cli, const char *image, bool strict);
/* argv[0] is the runtime. */
int oci_runtime(struct cli *cli, int argc, char **argv);
