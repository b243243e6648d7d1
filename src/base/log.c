/* The log's level is one of the few things that the program keeps at file level. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

static enum cg_log_level current_level = CG_LOG_WARNING;

void cg_log_set_level(enum cg_log_level level)
{
	current_level = level;
}

enum cg_log_level cg_log_level(void)
{
	return current_level;
}

void cg_log(enum cg_log_level level, const char *fmt, ...)
{
	_cleanup_free_ char *line = NULL;
	int saved = errno;
	va_list ap;
	int n;

	if (level > current_level)
		return;
	va_start(ap, fmt);
	n = vasprintf(&line, fmt, ap);
	va_end(ap);
	if (n < 0)
		line = NULL;
	else
		(void)fprintf(stderr, "cgtree: %s\n", line);
	errno = saved;
}
