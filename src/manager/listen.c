/* Sockets: everybody's, and one for each that may run jobs below one group alone (--delegate). Made with
 * their owner and mode before anybody can connect; one that another manager has is left to it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/log.h"
#include "manager/private.h"

#define LOCK_BESIDE ".lock"
#define PAUSE_US    100000

static int on_resume(sd_event_source *source, uint64_t usec, void *context)
{
	struct listener *l = context;

	(void)source;
	(void)usec;
	(void)sd_event_source_set_enabled(l->source, SD_EVENT_ON);
	return 0;
}

/* Who waits to be let in would be told of again and again, while there is no descriptor for him. */
static void pause_listener(struct listener *l)
{
	int r;

	if (l->resume)
		r = sd_event_source_set_time_relative(l->resume, PAUSE_US);
	else
		r = sd_event_add_time_relative(
			l->m->loop, &l->resume, CLOCK_MONOTONIC, PAUSE_US, 1, on_resume, l);
	if (r < 0 || sd_event_source_set_enabled(l->resume, SD_EVENT_ONESHOT) < 0)
		return;
	(void)sd_event_source_set_enabled(l->source, SD_EVENT_OFF);
}

static int on_accept(sd_event_source *source, int listener, uint32_t events, void *context)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)source;
	(void)events;
	if (fd >= 0)
		client_connected(context, fd);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
		pause_listener(context);
	return 0;
}

/* The file beside the socket holds the lock; a socket that nobody answers at is stale and goes. */
static int lock_socket(struct listener *l, const char *name, struct cg_error **err)
{
	_cleanup_text_ struct cg_text lock = {0};
	int r;

	cg_text_printf(&lock, "%s" LOCK_BESIDE, name);
	if (lock.failed)
		return cg_error_oom(err);
	l->lock = openat(l->dir, lock.data, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (l->lock < 0)
		return cg_error_errno(err, errno, "cannot open %s" LOCK_BESIDE, l->path);
	if (cg_lock_take(l->lock) == 0)
		return 0;
	r = cg_error_make(err, CG_FAULT_SYSTEM, EADDRINUSE, "another manager listens at %s", l->path);
	cg_error_hint(err, "use that one (cgtree job), or give this one a socket of its own with --socket");
	return r;
}

static int is_answered(const struct sockaddr_un *address)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
		return 1;
	return errno == ENOENT || errno == ECONNREFUSED ? 0 : -errno;
}

/* By its open directory: whatever becomes of the path meanwhile, it is made there. */
static int set_address(const struct listener *l, const char *name, struct sockaddr_un *to)
{
	int n = snprintf(to->sun_path, sizeof(to->sun_path), "/proc/self/fd/%d/%s", l->dir, name);

	to->sun_family = AF_UNIX;
	return n > 0 && (size_t)n < sizeof(to->sun_path) ? 0 : -ENAMETOOLONG;
}

static int set_access(const struct listener *l, const char *name)
{
	int group = l->scope ? -1 : l->m->options.group;
	uid_t uid = l->scope ? l->scope->uid : (uid_t)-1;

	if (fchmodat(l->dir, name, group >= 0 ? 0660 : 0600, 0) < 0)
		return -errno;
	if ((group >= 0 || l->scope) && fchownat(l->dir, name, uid, (gid_t)group, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int bind_socket(struct listener *l, int fd, struct cg_error **err)
{
	const char *name = strrchr(l->path, '/') ? strrchr(l->path, '/') + 1 : l->path;
	struct sockaddr_un address = {0};
	int r;

	if (strlen(l->path) >= sizeof(address.sun_path))
		return cg_error_usage(err, "the socket's path has more than %zu bytes: %s",
			sizeof(address.sun_path) - 1, l->path);
	r = set_address(l, name, &address);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot make the socket %s", l->path);
	r = lock_socket(l, name, err);
	if (r < 0)
		return r;
	r = is_answered(&address);
	if (r > 0)
		return cg_error_make(
			err, CG_FAULT_SYSTEM, EADDRINUSE, "somebody listens at %s already", l->path);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot tell what is at %s", l->path);
	if (unlinkat(l->dir, name, 0) < 0 && errno != ENOENT)
		return cg_error_errno(err, errno, "cannot remove what is at %s", l->path);
	/* Nobody can connect before it has its mode: nobody listens yet. */
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return cg_error_errno(err, errno, "cannot make the socket %s", l->path);
	r = set_access(l, name);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot set who may use %s", l->path);
	if (listen(fd, 256) < 0)
		return cg_error_errno(err, errno, "cannot listen at %s", l->path);
	return 0;
}

/* The directory of the socket, made when it is missing. That of somebody else's socket must be ours alone:
 * who could change it would have us hand over another file instead. */
static int open_directory(struct listener *l, struct cg_error **err)
{
	_cleanup_free_ char *copy = strdup(l->path);
	char *slash = copy ? strrchr(copy, '/') : NULL;
	const char *path = slash && slash != copy ? copy : slash ? "/" : ".";
	struct stat st;
	int r;

	if (!copy)
		return cg_error_oom(err);
	if (slash && slash != copy)
		*slash = '\0';
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return cg_error_errno(err, errno, "cannot make the directory of %s", l->path);
	l->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->dir < 0 || fstat(l->dir, &st) < 0)
		return cg_error_errno(err, errno, "cannot open the directory of %s", l->path);
	if (!l->scope || (st.st_uid == geteuid() && !(st.st_mode & 0022)))
		return 0;
	r = cg_error_make(
		err, CG_FAULT_SYSTEM, EPERM, "the directory belongs to another, or others may write there");
	cg_error_at(err, path, NULL);
	cg_error_hint(err,
		"put the socket into a directory of the manager's user with mode 0755, and bind-mount that");
	return r;
}

static int add(struct listener *l, int fd, struct cg_error **err)
{
	int r = sd_event_add_io(l->m->loop, &l->source, fd, EPOLLIN, on_accept, l);

	if (r < 0) {
		(void)cg_close(fd);
		return cg_error_errno(err, -r, "cannot wait for connections");
	}
	(void)sd_event_source_set_io_fd_own(l->source, true);
	return 0;
}

static int open_listener(struct listener *l, const char *path, struct cg_error **err)
{
	_cleanup_close_ int fd = -1;
	int r;

	l->path = strdup(path);
	if (!l->path)
		return cg_error_oom(err);
	r = open_directory(l, err);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	r = fd < 0 ? cg_error_errno(err, errno, "cannot make a socket") : bind_socket(l, fd, err);
	return r < 0 ? r : add(l, cg_steal_fd(&fd), err);
}

static int open_given(struct listener *l, struct cg_error **err)
{
	int fd = SD_LISTEN_FDS_START;

	if (sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) <= 0)
		return cg_error_make(err, CG_FAULT_SYSTEM, EPROTOTYPE,
			"what systemd gave is no listening Unix stream socket");
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	return add(l, fd, err);
}

int listen_open(struct cg_manager *m, struct cg_error **err)
{
	int given = sd_listen_fds(1), r;

	m->activated = given == 1;
	if (given > 1)
		return cg_error_make(
			err, CG_FAULT_SYSTEM, E2BIG, "one socket is wanted, systemd gave %d", given);
	m->listener = (struct listener){.m = m, .dir = -1, .lock = -1};
	m->scope = calloc(m->options.delegations + 1, sizeof(*m->scope));
	if (!m->scope)
		return cg_error_oom(err);
	r = m->activated ? open_given(&m->listener, err)
			 : open_listener(&m->listener, m->options.socket, err);
	for (size_t i = 0; r == 0 && i < m->options.delegations; i++) {
		m->scope[i] =
			(struct listener){.m = m, .scope = &m->options.delegation[i], .dir = -1, .lock = -1};
		m->scopes++;
		r = open_listener(&m->scope[i], m->scope[i].scope->socket, err);
	}
	return r;
}

static void close_listener(struct listener *l)
{
	const char *name = l->path && strrchr(l->path, '/') ? strrchr(l->path, '/') + 1 : l->path;

	if (l->source && name)
		(void)unlinkat(l->dir, name, 0);
	l->source = sd_event_source_disable_unref(l->source);
	l->resume = sd_event_source_disable_unref(l->resume);
	free(l->path);
	l->path = NULL;
	l->lock = cg_close(l->lock);
	l->dir = cg_close(l->dir);
}

void listen_close(struct cg_manager *m)
{
	while (m->clients)
		client_free(m->clients);
	close_listener(&m->listener);
	for (size_t i = 0; i < m->scopes; i++)
		close_listener(&m->scope[i]);
	free(m->scope);
	m->scope = NULL;
	m->scopes = 0;
}
