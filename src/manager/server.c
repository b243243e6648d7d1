/* Connections. Nothing here waits: what a client does not read stays in its queue, which is bounded; what it
 * does not send is asked for again by the loop; one that keeps silent in the middle of something is put out.
 * A connection has one request at a time. */
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

#define CLIENTS_MOST     1024
#define CLIENTS_PER_USER 256
#define IDLE_US          30000000
#define READ_AT_ONCE     16384
#define OUT_MOST         ((size_t)1 << 20)   /* a client that is so far behind is put out */
#define OUT_FOLLOWER     ((size_t)256 << 10) /* events are left out, and that is told */

bool client_is_master(const struct client *c)
{
	return c->uid == 0 || c->uid == geteuid();
}

static void drop_fds(struct client *c)
{
	while (c->fd_count)
		(void)cg_close(c->fds[--c->fd_count]);
}

static void client_free(struct client *c)
{
	client_unwait(c);
	drop_fds(c);
	*c->to_this = c->next;
	if (c->next)
		c->next->to_this = c->to_this;
	c->m->client_count--;
	sd_event_source_disable_unref(c->source);
	sd_event_source_disable_unref(c->timer);
	sd_event_source_disable_unref(c->later);
	(void)cg_close(c->fd);
	(void)cg_close(c->pass);
	cg_text_free(&c->in);
	cg_text_free(&c->out);
	free(c);
}

/* Ends it from wherever we are: the loop hears of it and frees it. */
static void client_end(struct client *c)
{
	c->closing = true;
	(void)shutdown(c->fd, SHUT_RDWR);
	(void)sd_event_source_set_io_events(c->source, EPOLLIN);
}

static bool is_busy(const struct client *c)
{
	return c->wait != CLIENT_IDLE || c->follow || c->listing || c->out.len > 0;
}

static int on_more(sd_event_source *source, void *context);

static uint32_t announced(const struct client *c)
{
	const uint8_t *head = (const uint8_t *)c->in.data;

	return head[0] | (uint32_t)head[1] << 8 | (uint32_t)head[2] << 16 | (uint32_t)head[3] << 24;
}

/* Whether something can be done with what came: a message is there, or can never be. */
static bool has_whole(const struct client *c)
{
	return c->in.len >= CG_MESSAGE_HEAD &&
	       (announced(c) > CG_MESSAGE_MOST || c->in.len - CG_MESSAGE_HEAD >= announced(c));
}

/* A client that asks much at once waits for its turn with the others: one request, then whoever is next. */
static void parse_later(struct client *c)
{
	if (!c->later && sd_event_add_defer(c->m->loop, &c->later, on_more, c) < 0) {
		client_end(c);
		return;
	}
	(void)sd_event_source_set_priority(c->later, SD_EVENT_PRIORITY_NORMAL + 2);
	(void)sd_event_source_set_enabled(c->later, SD_EVENT_ONESHOT);
}

/* What the loop shall tell, and until when something has to happen. */
static void client_settle(struct client *c)
{
	uint32_t events = EPOLLRDHUP;

	if (c->closing)
		return;
	/* Nor is more read than one message while another one waits. */
	if (!is_busy(c) && c->in.len < CG_MESSAGE_HEAD + CG_MESSAGE_MOST)
		events |= EPOLLIN;
	if (c->out.len)
		events |= EPOLLOUT;
	(void)sd_event_source_set_io_events(c->source, events);
	if (!is_busy(c) && has_whole(c))
		parse_later(c);
	if (is_busy(c) && c->out.len == 0) {
		(void)sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
	} else {
		(void)sd_event_source_set_time_relative(c->timer, IDLE_US);
		(void)sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
	}
}

static ssize_t send_some(struct client *c)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec part = {c->out.data + c->sent, c->out.len - c->sent};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};

	if (c->pass >= 0) {
		struct cmsghdr *head;

		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		head = CMSG_FIRSTHDR(&m);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(head), &c->pass, sizeof(int));
	}
	return sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void tell_lagged(struct client *c)
{
	struct cg_event e = {.kind = CG_EVENT_LAGGED, .what = "lagged", .time_us = realtime_us()};
	struct cg_reply reply = {.event = &e, .events = 1, .more = true};

	c->lagged = false;
	e.sequence = c->m->events.next_sequence;
	if (cg_reply_encode(&reply, &c->out) < 0)
		client_end(c);
}

void client_flush(struct client *c)
{
	for (;;) {
		ssize_t n;

		if (c->out.len == 0 && c->lagged)
			tell_lagged(c);
		if (c->out.len == 0 && c->listing)
			client_list_more(c);
		if (c->closing || c->out.len == 0)
			break;
		n = send_some(c);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			client_end(c);
		if (n < 0)
			break;
		c->pass = cg_close(c->pass);
		c->sent += (size_t)n;
		if (c->sent == c->out.len) {
			c->sent = 0;
			/* A large message's memory is not kept for the rest of the connection's life. */
			if (c->out.size > READ_AT_ONCE)
				cg_text_free(&c->out);
			else
				cg_text_reset(&c->out);
		}
	}
	client_settle(c);
}

void client_reply(struct client *c, const struct cg_reply *reply)
{
	if (c->closing)
		return;
	if (c->out.len - c->sent > OUT_MOST || cg_reply_encode(reply, &c->out) < 0) {
		client_end(c);
		return;
	}
	/* While a list is made the caller sends. */
	if (!c->listing)
		client_flush(c);
}

void client_error(struct client *c, struct cg_error *err)
{
	struct cg_reply reply = {.error = err};

	client_reply(c, &reply);
	cg_error_free(err);
}

void client_done(struct client *c)
{
	struct cg_reply reply = {0};

	client_reply(c, &reply);
}

void client_wait_for(struct client *c, struct job *j, enum client_wait wait)
{
	client_unwait(c);
	c->job = j;
	c->wait = wait;
	c->next_waiting = j->waiting;
	j->waiting = c;
	client_settle(c);
}

void client_unwait(struct client *c)
{
	struct client **at;

	if (!c->job)
		return;
	for (at = &c->job->waiting; *at != c; at = &(*at)->next_waiting)
		;
	*at = c->next_waiting;
	c->job = NULL;
	c->wait = CLIENT_IDLE;
}

static void tell_waiting(struct client *c, struct job *j, const struct cg_error *err)
{
	enum client_wait wait = c->wait;
	struct cg_job_info failed = {.spec = j->spec, .record = j->record};
	struct cg_reply reply = {.error = (struct cg_error *)(uintptr_t)err, .job = &failed, .jobs = 1};

	client_unwait(c);
	if (err) {
		client_reply(c, &reply);
	} else if (wait == CLIENT_START && c->then_end) {
		client_wait_for(c, j, CLIENT_END);
		reply_job(c, j, false, true);
	} else {
		reply_job(c, j, false, false);
	}
}

void clients_notify(struct job *j, enum client_wait wait, const struct cg_error *err)
{
	struct client *next;

	for (struct client *c = j->waiting; c; c = next) {
		next = c->next_waiting;
		if (c->wait == wait)
			tell_waiting(c, j, err);
	}
}

void server_event(struct cg_manager *m, const struct cg_event *e)
{
	struct cg_reply reply = {.event = (struct cg_event *)(uintptr_t)e, .events = 1, .more = true};

	for (struct client *c = m->clients; c; c = c->next) {
		const struct job *j = e->id[0] ? job_find(m, e->id) : NULL;

		if (!c->follow || c->closing || (!client_is_master(c) && !(j && j->spec.owner == c->uid)))
			continue;
		if (c->out.len - c->sent > OUT_FOLLOWER)
			c->lagged = true;
		else
			client_reply(c, &reply);
	}
}

static void refuse(struct client *c, const char *why)
{
	struct cg_error *err = NULL;

	(void)cg_error_make(&err, CG_FAULT_USAGE, EBADMSG, "%s", why);
	client_error(c, err);
	client_end(c);
}

/* Takes one whole message out of what came, when the one before is done with. */
static void client_parse(struct client *c)
{
	struct cg_request q = {0};
	uint32_t len;
	int r;

	if (is_busy(c) || c->closing || !has_whole(c))
		return;
	len = announced(c);
	if (len > CG_MESSAGE_MOST) {
		refuse(c, "a message of more than 256 KiB");
		return;
	}
	r = cg_request_decode((struct cg_bytes){c->in.data + CG_MESSAGE_HEAD, len}, &q);
	memmove(c->in.data, c->in.data + CG_MESSAGE_HEAD + len, c->in.len - CG_MESSAGE_HEAD - len);
	c->in.len -= CG_MESSAGE_HEAD + len;
	if (c->in.len == 0)
		cg_text_free(&c->in);
	if (r < 0) {
		refuse(c, "this is no request that the manager knows");
		return;
	}
	request_run(c, &q);
	cg_request_free(&q);
	drop_fds(c);
}

static int on_more(sd_event_source *source, void *context)
{
	struct client *c = context;

	(void)source;
	client_parse(c);
	client_settle(c);
	return 0;
}

static void take_fds(struct client *c, struct msghdr *m)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(int));
			if (c->fd_count < CG_ARRAY_SIZE(c->fds))
				c->fds[c->fd_count++] = fd;
			else
				(void)cg_close(fd);
		}
	}
}

static void client_read(struct client *c)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * 8)];
	char data[READ_AT_ONCE];
	struct iovec part = {data, sizeof(data)};
	struct msghdr m = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(c->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		c->closing = true;
		return;
	}
	take_fds(c, &m);
	cg_text_add(&c->in, data, (size_t)n);
	if (c->in.failed)
		c->closing = true;
	else
		client_parse(c);
	/* What came beside is looked at by client_settle(), when this is done with. */
}

static int on_client(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct client *c = context;

	(void)source;
	(void)fd;
	if (events & EPOLLIN && !c->closing)
		client_read(c);
	if (events & EPOLLOUT && !c->closing)
		client_flush(c);
	if (c->closing || events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) {
		client_free(c);
		return 0;
	}
	client_settle(c);
	return 0;
}

static int on_idle(sd_event_source *source, uint64_t usec, void *context)
{
	(void)source;
	(void)usec;
	client_end(context);
	return 0;
}

static unsigned count_of(const struct cg_manager *m, uint32_t uid)
{
	unsigned n = 0;

	for (const struct client *c = m->clients; c; c = c->next)
		n += c->uid == uid;
	return n;
}

static int client_new(struct cg_manager *m, int fd, const struct ucred *peer)
{
	struct client *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	*c = (struct client){
		.m = m, .uid = peer->uid, .gid = peer->gid, .pid = peer->pid, .fd = fd, .pass = -1};
	r = sd_event_add_io(m->loop, &c->source, fd, EPOLLIN | EPOLLRDHUP, on_client, c);
	if (r == 0)
		r = sd_event_add_time_relative(m->loop, &c->timer, CLOCK_MONOTONIC, IDLE_US, 0, on_idle, c);
	if (r < 0) {
		sd_event_source_disable_unref(c->source);
		free(c);
		return r;
	}
	c->next = m->clients;
	c->to_this = &m->clients;
	if (c->next)
		c->next->to_this = &c->next;
	m->clients = c;
	m->client_count++;
	return 0;
}

static int on_accept(sd_event_source *source, int listener, uint32_t events, void *context)
{
	struct cg_manager *m = context;
	_cleanup_close_ int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred peer;
	socklen_t size = sizeof(peer);

	(void)source;
	(void)events;
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return 0;
	/* One user's crowd must not keep the others out, nor root ever. */
	if (peer.uid != 0 && (m->client_count >= CLIENTS_MOST || count_of(m, peer.uid) >= CLIENTS_PER_USER))
		return 0;
	if (client_new(m, fd, &peer) == 0)
		(void)cg_steal_fd(&fd);
	return 0;
}

/* The path beside the socket holds the lock; a socket that nobody answers at is stale and goes. */
static int lock_socket(struct cg_manager *m, const char *path, struct cg_error **err)
{
	_cleanup_text_ struct cg_text lock = {0};
	int r;

	cg_text_printf(&lock, "%s.lock", path);
	if (lock.failed)
		return cg_error_oom(err);
	m->socket_lock = open(lock.data, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (m->socket_lock < 0)
		return cg_error_errno(err, errno, "cannot open %s", lock.data);
	if (cg_lock_take(m->socket_lock) == 0)
		return 0;
	r = cg_error_make(err, CG_FAULT_SYSTEM, EADDRINUSE, "another manager listens at %s", path);
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

static int bind_socket(struct cg_manager *m, const char *path, int fd, struct cg_error **err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int r;

	if (strlen(path) >= sizeof(address.sun_path))
		return cg_error_usage(err, "the socket's path has more than %zu bytes: %s",
			sizeof(address.sun_path) - 1, path);
	memcpy(address.sun_path, path, strlen(path));
	r = lock_socket(m, path, err);
	if (r < 0)
		return r;
	r = is_answered(&address);
	if (r > 0)
		return cg_error_make(
			err, CG_FAULT_SYSTEM, EADDRINUSE, "somebody listens at %s already", path);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot tell what is at %s", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return cg_error_errno(err, errno, "cannot remove what is at %s", path);
	/* Nobody can connect before it has its mode: nobody listens yet. */
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return cg_error_errno(err, errno, "cannot make the socket %s", path);
	if (chmod(path, m->options.group >= 0 ? 0660 : 0600) < 0 ||
		(m->options.group >= 0 && chown(path, (uid_t)-1, (gid_t)m->options.group) < 0))
		return cg_error_errno(err, errno, "cannot set who may use %s", path);
	if (listen(fd, 256) < 0)
		return cg_error_errno(err, errno, "cannot listen at %s", path);
	return 0;
}

static int make_directory(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	char *slash = copy ? strrchr(copy, '/') : NULL;

	if (slash && slash != copy) {
		*slash = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

int server_open(struct cg_manager *m, struct cg_error **err)
{
	_cleanup_close_ int fd = -1;
	int given = sd_listen_fds(1), r;

	m->activated = given == 1;
	if (given > 1)
		return cg_error_make(
			err, CG_FAULT_SYSTEM, E2BIG, "one socket is wanted, systemd gave %d", given);
	if (m->activated) {
		fd = SD_LISTEN_FDS_START;
		if (sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) <= 0)
			return cg_error_make(err, CG_FAULT_SYSTEM, EPROTOTYPE,
				"what systemd gave is no listening Unix stream socket");
		(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	} else {
		m->socket = strdup(m->options.socket);
		r = m->socket ? make_directory(m->socket) : -ENOMEM;
		if (r < 0)
			return cg_error_errno(err, -r, "cannot make the directory of %s", m->options.socket);
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		r = fd < 0 ? cg_error_errno(err, errno, "cannot make a socket")
			   : bind_socket(m, m->socket, fd, err);
		if (r < 0)
			return r;
	}
	r = sd_event_add_io(m->loop, &m->listener, fd, EPOLLIN, on_accept, m);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot wait for connections");
	(void)sd_event_source_set_io_fd_own(m->listener, true);
	(void)cg_steal_fd(&fd);
	return 0;
}

void server_close(struct cg_manager *m)
{
	while (m->clients)
		client_free(m->clients);
	if (m->listener && m->socket)
		(void)unlink(m->socket);
	m->listener = sd_event_source_disable_unref(m->listener);
	free(m->socket);
	m->socket = NULL;
	m->socket_lock = cg_close(m->socket_lock);
}
