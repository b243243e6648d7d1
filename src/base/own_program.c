#include "base/own_program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

static char *own_directory(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (n <= 0 || (size_t)n >= sizeof(path) - 1)
		return NULL;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (slash)
		*slash = '\0';
	return strdup(path);
}

int cg_own_program(const char *path, const char *name, char **ret_path, struct cg_error **err)
{
	static const char *const places[] = {"", "/../libexec/cgtree", "/../lib/cgtree"};
	_cleanup_free_ char *own = path ? NULL : own_directory();
	_cleanup_text_ struct cg_text t = {0};
	int fd = -1;

	if (path) {
		cg_text_adds(&t, path);
		fd = open(path, O_PATH | O_CLOEXEC);
	} else {
		errno = ENOENT;
	}
	for (size_t i = 0; own && fd < 0 && i < CG_ARRAY_SIZE(places); i++) {
		cg_text_reset(&t);
		cg_text_printf(&t, "%s%s/%s", own, places[i], name);
		if (!t.failed)
			fd = open(t.data, O_PATH | O_CLOEXEC);
	}
	if (fd < 0)
		return cg_error_errno(err, errno, "cannot find the program %s%s%s", name, path ? ": " : "",
			path ? path : "");
	if (ret_path) {
		*ret_path = t.failed ? NULL : strdup(t.data);
		if (!*ret_path) {
			(void)cg_close(fd);
			return cg_error_oom(err);
		}
	}
	return fd;
}
