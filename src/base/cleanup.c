/* The one part of cleanup.h that is no macro. */
#include "base/cleanup.h"

#include <errno.h>

int cg_close(int fd)
{
	int saved = errno;

	if (fd >= 0)
		(void)close(fd);
	errno = saved;
	return -1;
}
