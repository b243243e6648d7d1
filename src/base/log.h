/* The log goes to stderr. Libraries log at debug only; verbs and the manager may use all levels. */
#pragma once

#include "attributes.h"

enum cg_log_level { CG_LOG_ERROR, CG_LOG_WARNING, CG_LOG_INFO, CG_LOG_DEBUG };

void cg_log_set_level(enum cg_log_level level);
enum cg_log_level cg_log_level(void);
/* One line, "cgtree: " before it and a newline after it; errno is kept. */
void cg_log(enum cg_log_level level, const char *fmt, ...) CG_PRINTF(2, 3);

#define cg_debug(...) cg_log(CG_LOG_DEBUG, __VA_ARGS__)
