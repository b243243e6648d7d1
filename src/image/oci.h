/* What OCI runtimes say about a container in JSON, as far as its groups are concerned: the state that they
 * hand to hooks and print (runtime-spec, runtime.md "State"), and the configuration in its bundle
 * (config-linux.md "Control groups"). Both come from outside: sizes are capped, and what is not of the
 * expected form is refused with its place. Members that are not asked for are passed over, as the
 * specification wants. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/text.h"

#define CG_OCI_STATE_MAX        ((size_t)1 << 20)  /* bytes of a state that are taken */
#define CG_OCI_CONFIG_MAX       ((size_t)16 << 20) /* bytes of a config.json */
#define CG_OCI_IMAGE_ANNOTATION "org.cgtree.image"

struct cg_oci_state {
	struct cg_arena arena;
	const char *id;     /* no '/', no control bytes: it may stand in a path */
	const char *bundle; /* an absolute path */
	const char *image;  /* the annotation org.cgtree.image, an absolute path; NULL when there is none */
	int pid; /* of the container's first process, in the runtime's pid namespace; 0: it has none */
};
void cg_oci_state_free(struct cg_oci_state *s);
#define _cleanup_oci_state_ _cleanup_(cg_oci_state_free)
int cg_oci_state_parse(struct cg_bytes json, struct cg_oci_state *ret, struct cg_error **err) CG_MUST_CHECK;

struct cg_oci_config {
	struct cg_arena arena;
	const char *cgroups_path; /* linux.cgroupsPath; "" when it is not there */
};
void cg_oci_config_free(struct cg_oci_config *c);
#define _cleanup_oci_config_ _cleanup_(cg_oci_config_free)
int cg_oci_config_parse(struct cg_bytes json, struct cg_oci_config *ret, struct cg_error **err) CG_MUST_CHECK;

/* The path that a runtime makes of cgroupsPath for the container `id`, appended: "/a/b" as it is; "a", and ""
 * for which the id stands, as "/a" and "/id" below a group that the runtime chooses; "SLICE:PREFIX:NAME",
 * which systemd makes, as the path of that scope or slice (systemd.slice(5)): "a-b.slice:x:y" is
 * /a.slice/a-b.slice/x-y.scope. *ret_whole: nothing stands above the path. */
int cg_oci_group_path(const char *cgroups_path, const char *id, struct cg_text *t, bool *ret_whole,
	struct cg_error **err) CG_MUST_CHECK;
/* How many bytes of `path` (of a process of the container) are the path of the container's own group: up to
 * where `group`, as above, ends in it. 0 when it does not lie in it. */
size_t cg_oci_own_length(const char *path, const char *group);
