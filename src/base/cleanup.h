/* Owning locals: a variable declared with one of these is released when its scope ends, whatever way it ends.
 * Build a result in such a local and hand it over with cg_steal() as the last step, so that no error path
 * frees by hand. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

/* Defines cg_cleanup_NAME(TYPE **) for a destructor that takes NULL and returns NULL. */
#define CG_DEFINE_CLEANUP(type, destroy)                                                                     \
	static inline void cg_cleanup_##destroy(type *p)                                                     \
	{                                                                                                    \
		if (*p)                                                                                      \
			destroy(*p);                                                                         \
	}

#define _cleanup_with_(destroy) _cleanup_(cg_cleanup_##destroy)

static inline void cg_cleanup_free(void *p)
{
	free(*(void **)p);
}

/* close() that keeps errno, takes a negative descriptor, and returns -1 so that `fd = cg_close(fd)` marks it
 * closed. */
int cg_close(int fd);

static inline void cg_cleanup_close(int *fd)
{
	(void)cg_close(*fd);
}

static inline void cg_cleanup_fclose(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

#define _cleanup_free_   _cleanup_(cg_cleanup_free)
#define _cleanup_close_  _cleanup_(cg_cleanup_close)
#define _cleanup_fclose_ _cleanup_(cg_cleanup_fclose)

/* Takes the value out of an owning local. */
#define cg_steal(p)                                                                                          \
	({                                                                                                   \
		__typeof__(p) *cg_p_ = &(p);                                                                 \
		__typeof__(p) cg_v_ = *cg_p_;                                                                \
		*cg_p_ = NULL;                                                                               \
		cg_v_;                                                                                       \
	})

static inline int cg_steal_fd(int *fd)
{
	int v = *fd;

	*fd = -1;
	return v;
}
