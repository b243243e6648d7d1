/* Error objects. Allocation may fail while an error is made: then a constant object stands in, which frees to
 * nothing. */
#include "base/error.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

static char out_of_memory_message[] = "out of memory";
static struct cg_error out_of_memory = {.code = ENOMEM, .message = out_of_memory_message};

int cg_error_vmake(struct cg_error **err, enum cg_fault fault, int code, const char *fmt, va_list ap)
{
	struct cg_error *e;

	if (!err)
		return -code;
	e = calloc(1, sizeof(*e));
	if (!e || vasprintf(&e->message, fmt, ap) < 0) {
		free(e);
		*err = &out_of_memory;
		return -ENOMEM;
	}
	e->code = code;
	e->fault = fault;
	*err = e;
	return -code;
}

int cg_error_make(struct cg_error **err, enum cg_fault fault, int code, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = cg_error_vmake(err, fault, code, fmt, ap);
	va_end(ap);
	return r;
}

int cg_error_errno(struct cg_error **err, int code, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = cg_error_vmake(err, CG_FAULT_SYSTEM, code, fmt, ap);
	va_end(ap);
	if (err && *err && *err != &out_of_memory) {
		char *longer;

		if (asprintf(&longer, "%s: %s", (*err)->message, strerror(code)) >= 0) {
			free((*err)->message);
			(*err)->message = longer;
		}
	}
	return r;
}

void cg_error_wrap(struct cg_error **err, const char *fmt, ...)
{
	_cleanup_free_ char *context = NULL;
	char *longer;
	va_list ap;
	int n;

	if (!err || !*err || *err == &out_of_memory)
		return;
	va_start(ap, fmt);
	n = vasprintf(&context, fmt, ap);
	va_end(ap);
	if (n < 0) {
		context = NULL;
		return;
	}
	if (asprintf(&longer, "%s: %s", context, (*err)->message) < 0)
		return;
	free((*err)->message);
	(*err)->message = longer;
}

void cg_error_at(struct cg_error **err, const char *path, const char *knob)
{
	if (!err || !*err || *err == &out_of_memory)
		return;
	if (path && !(*err)->path)
		(*err)->path = strdup(path);
	if (knob && !(*err)->knob)
		(*err)->knob = strdup(knob);
}

void cg_error_hint(struct cg_error **err, const char *fmt, ...)
{
	va_list ap;

	if (!err || !*err || *err == &out_of_memory || (*err)->hint)
		return;
	va_start(ap, fmt);
	if (vasprintf(&(*err)->hint, fmt, ap) < 0)
		(*err)->hint = NULL;
	va_end(ap);
}

struct cg_error *cg_error_free(struct cg_error *err)
{
	if (!err || err == &out_of_memory)
		return NULL;
	free(err->message);
	free(err->path);
	free(err->knob);
	free(err->hint);
	free(err);
	return NULL;
}

char *cg_error_text(const struct cg_error *err)
{
	_cleanup_text_ struct cg_text t = {0};
	char *s;

	if (err->path)
		cg_text_escape(&t, cg_bytes_of(err->path));
	if (err->knob) {
		cg_text_adds(&t, t.len ? " " : "");
		cg_text_escape(&t, cg_bytes_of(err->knob));
	}
	cg_text_adds(&t, t.len ? ": " : "");
	cg_text_escape(&t, cg_bytes_of(err->message));
	return cg_text_take(&t, &s) < 0 ? NULL : s;
}
