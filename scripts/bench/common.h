#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stddef.h>
#include <stdint.h>

/* The name every tree of the benchmark begins with; nothing else is ever removed. */
#define BENCH_PREFIX "cgt-bench-"

/* Prints what went wrong and ends the program with status 1. */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Seconds of the monotonic clock. */
double now(void);

/* A decimal number from `low` to `high`; ends the program on anything else. */
uint64_t parse_number(const char *what, const char *text, uint64_t low, uint64_t high);

/* malloc(3) and realloc(3) that end the program when there is no memory. */
void *must_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *must_grow(void *old, size_t count, size_t size) __attribute__((returns_nonnull));

/* Opens a directory; it must lie on a cgroup file system (statfs(2), CGROUP_SUPER_MAGIC and
 * CGROUP2_SUPER_MAGIC). */
int open_group(const char *path);

#endif
