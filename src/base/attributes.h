/* Short names of the compiler attributes that this code uses. */
#pragma once

#define CG_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define CG_MUST_CHECK        __attribute__((warn_unused_result))
#define CG_UNUSED            __attribute__((unused))
#define CG_ARRAY_SIZE(a)     (sizeof(a) / sizeof((a)[0]))
