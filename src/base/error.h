/* Errors: a code for the program, words for the person, and where it happened.
 *
 * A function that can fail returns 0 or a positive, documented result; a negative errno is fatal and is
 * forwarded, and then *err (when err is not NULL) holds an object that the caller owns. The one who knows the
 * circumstance best makes the error; those above add context with cg_error_wrap() and never replace it. An
 * object is set at most once: *err must be NULL when a failing function is entered. */
#pragma once

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>

#include "attributes.h"
#include "cleanup.h"

/* What kind of trouble, as the exit status tells it (design: 2, 3, 4, 5, 64). */
enum cg_fault {
	CG_FAULT_SYSTEM,      /* the kernel or the host refused */
	CG_FAULT_USAGE,       /* the request itself is wrong: a path, number, id, mode, option */
	CG_FAULT_CORRUPT,     /* an image is damaged or incomplete */
	CG_FAULT_UNSUPPORTED, /* an image of a version or with a feature that we do not read */
	CG_FAULT_PARTIAL,     /* the target is partly changed and could not be brought back */
};

struct cg_error {
	int code; /* positive errno */
	enum cg_fault fault;
	char *message; /* what failed and why, one line, no full stop */
	char *path;    /* cgroup path or file that it happened at, or NULL */
	char *knob;    /* interface file, or NULL */
	char *hint;    /* what to do about it, or NULL */
};

/* Makes *err, returns -code. When memory is out, *err is a constant object that says so, and -ENOMEM is
 * returned. */
int cg_error_make(struct cg_error **err, enum cg_fault fault, int code, const char *fmt, ...) CG_PRINTF(4, 5);
int cg_error_vmake(struct cg_error **err, enum cg_fault fault, int code, const char *fmt, va_list ap)
	CG_PRINTF(4, 0);

/* A system call failed: the text of the code is appended ("...: No space left on device"). Returns -code. */
int cg_error_errno(struct cg_error **err, int code, const char *fmt, ...) CG_PRINTF(3, 4);
#define cg_error_usage(err, ...)   cg_error_make((err), CG_FAULT_USAGE, EINVAL, __VA_ARGS__)
#define cg_error_corrupt(err, ...) cg_error_make((err), CG_FAULT_CORRUPT, EBADMSG, __VA_ARGS__)
#define cg_error_oom(err)          cg_error_errno((err), ENOMEM, "out of memory")

/* Puts "context: " before the message. All of these do nothing when there is no object. */
void cg_error_wrap(struct cg_error **err, const char *fmt, ...) CG_PRINTF(2, 3);
/* Says where; what is already known (not NULL) is kept, for the innermost place is the truest. */
void cg_error_at(struct cg_error **err, const char *path, const char *knob);
/* Says what to do about it; the first advice is kept. */
void cg_error_hint(struct cg_error **err, const char *fmt, ...) CG_PRINTF(2, 3);

/* Frees; takes NULL; returns NULL. */
struct cg_error *cg_error_free(struct cg_error *err);
CG_DEFINE_CLEANUP(struct cg_error *, cg_error_free)
#define _cleanup_error_ _cleanup_with_(cg_error_free)

/* One line for a person: "PATH KNOB: message" with what is known; allocated, NULL when memory is out. */
char *cg_error_text(const struct cg_error *err);
