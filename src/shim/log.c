/* The log: what the payload writes goes through a pipe into a file that is turned over at a size. Bytes that
 * cannot be written are counted and told with the end, not kept back: a full disk must not stop the job. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "shim/shim.h"

static void drop(struct shim *s, size_t bytes, int code)
{
	s->dropped += bytes;
	s->dropped_code = code;
}

/* ID.log becomes ID.log.1, and a new one is begun. When that fails the old one grows on. */
static void turn_over(struct shim *s)
{
	_cleanup_text_ struct cg_text name = {0}, old = {0};
	int dir = s->fd[SHIM_FD_LOG_DIR], fd;

	cg_text_printf(&name, "%s.log", s->spec.id);
	cg_text_printf(&old, "%s.log.1", s->spec.id);
	s->log_bytes = 0;
	if (name.failed || old.failed || renameat(dir, name.data, dir, old.data) < 0)
		return;
	fd = openat(dir, name.data, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		(void)renameat(dir, old.data, dir, name.data);
		return;
	}
	(void)cg_close(s->fd[SHIM_FD_LOG]);
	s->fd[SHIM_FD_LOG] = fd;
}

static void keep(struct shim *s, const char *data, size_t len)
{
	int r;

	if (s->spec.log_size && s->log_bytes && s->log_bytes + len > s->spec.log_size)
		turn_over(s);
	r = cg_write_all(s->fd[SHIM_FD_LOG], data, len);
	if (r < 0)
		drop(s, len, -r);
	else
		s->log_bytes += len;
}

bool shim_log(struct shim *s)
{
	char data[16384];

	for (;;) {
		ssize_t n = read(s->out, data, sizeof(data));

		if (n > 0) {
			keep(s, data, (size_t)n);
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		return n < 0 && errno == EAGAIN;
	}
}
