/* What the parts of the explanation share: the failure that is looked into, and ways to look around a group.
 */
#pragma once

#include "kernel/cgroupfs.h"

struct cg_failure {
	struct cg_error **err;
	int group;
	int version; /* 1, 2, or 0 when the group is on no cgroup file system */
	const char *path, *file, *operation;
	struct cg_bytes value;
	struct cg_bytes controller; /* of the file: what stands before its first dot */
	int code;
};

/* Makes the error "cannot OPERATION FILE: reason", with path and file; returns 1 (said). */
int cg_failure_say(const struct cg_failure *f, const char *fmt, ...) CG_PRINTF(2, 3);
bool cg_failure_is_controller(const struct cg_failure *f, const char *controller);

/* The text of a file, trimmed and NUL-terminated; NULL when it cannot be read. The caller frees. */
char *cg_look_text(int dir, const char *file);
/* Whether a blank-separated list holds the word. */
bool cg_look_has_word(const char *list, struct cg_bytes word);
bool cg_look_exists(int dir, const char *file);
/* The group above, -1 at the top of what can be seen (the mount's root). The caller closes. */
int cg_look_parent(int group);
/* The path of the group `up` levels above `path`; "/" at the top. The caller frees; NULL when memory is out.
 */
char *cg_look_path_above(const char *path, unsigned int up);
/* The first child group for which `match` is true: allocated name, NULL without one. */
typedef bool cg_look_match_fn(int child, const void *context);
char *cg_look_child(int group, cg_look_match_fn *match, const void *context);
bool cg_look_any(int child, const void *context); /* matches every child */
/* How many processes or threads are in the group itself, counted up to 1000. */
size_t cg_look_tasks(int group, int version);

/* The reasons why a write failed (explain_write.c): 1 when one was found and said, 0 when not. */
int cg_explain_write(const struct cg_failure *f);
/* The file is not there (explain_write.c). */
int cg_explain_absent(const struct cg_failure *f);
