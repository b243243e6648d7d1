/* A checker of OpenMetrics text, from the grammar and the rules of the specification 1.0.0, for the types
 * that we write (info, gauge, counter). */
#pragma once

#include <stddef.h>

/* NULL, or what is wrong first; `line` is where. */
const char *openmetrics_check(const char *text, size_t len, unsigned *line);
