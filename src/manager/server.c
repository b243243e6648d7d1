/* Connections. Nothing here waits: what a client does not read stays in its queue, which is bounded; what it
 * does not send is asked for again by the loop; one that keeps silent in the middle of something is put out.
 * A connection has one request at a time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "manager/private.h"

#define CLIENTS_MOST     1024
#define CLIENTS_PER_USER 256
#define IDLE_US          30000000
#define READ_AT_ONCE     16384
#define OUT_MOST         ((size_t)1 << 20) /* a client that is so far behind is put out */
/* All events that are kept, each with what stands beside its text. */
_Static_assert(CG_EVENTS_KEPT *(WORDS_MOST + 224) <= OUT_MOST, "events fit");
#define OUT_FOLLOWER ((size_t)256 << 10) /* events are left out, and that is told */

bool client_is_master(const struct client *c)
{
	return !c->scope && (c->uid == 0 || c->uid == geteuid());
}

static void drop_fds(struct client *c)
{
	while (c->fd_count)
		(void)cg_close(c->fds[--c->fd_count]);
}

void client_free(struct client *c)
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

/* Who always has a rest to read, as a slow follower does, would else have all that he was ever sent. */
static void drop_sent(struct client *c)
{
	if (c->sent <= c->out.len / 2)
		return;
	memmove(c->out.data, c->out.data + c->sent, c->out.len - c->sent);
	c->out.len -= c->sent;
	c->sent = 0;
}

/* Nothing that a job may have is so long; should there be such a thing, its asker hears of it. */
static int answer_too_long(struct client *c)
{
	_cleanup_error_ struct cg_error *err = NULL;
	struct cg_reply reply = {0};

	(void)cg_error_make(
		&err, CG_FAULT_SYSTEM, EMSGSIZE, "the answer is longer than %zu KiB", CG_MESSAGE_MOST >> 10);
	reply.error = err;
	return cg_reply_encode(&reply, &c->out);
}

void client_reply(struct client *c, const struct cg_reply *reply)
{
	int r;

	if (c->closing)
		return;
	drop_sent(c);
	r = c->out.len - c->sent > OUT_MOST ? -ENOBUFS : scope_encode(c, reply);
	if (r == -EMSGSIZE)
		r = answer_too_long(c);
	if (r < 0) {
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

void clients_leave(struct job *j)
{
	_cleanup_error_ struct cg_error *err = NULL;

	if (!j->waiting)
		return;
	(void)cg_error_make(&err, CG_FAULT_SYSTEM, ECANCELED, "the job %s was removed", j->spec.id);
	while (j->waiting)
		tell_waiting(j->waiting, j, err);
}

void server_event(struct cg_manager *m, const struct cg_event *e)
{
	struct cg_reply reply = {.event = (struct cg_event *)(uintptr_t)e, .events = 1, .more = true};

	for (struct client *c = m->clients; c; c = c->next) {
		const struct job *j = e->id[0] ? job_find(m, e->id) : NULL;

		if (!c->follow || c->closing || (!client_is_master(c) && !(j && client_may_see(c, j))))
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

static int client_new(struct listener *l, int fd, const struct ucred *peer)
{
	struct cg_manager *m = l->m;
	struct client *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	*c = (struct client){.m = m,
		.scope = l->scope,
		.uid = peer->uid,
		.gid = peer->gid,
		.pid = peer->pid,
		.fd = fd,
		.pass = -1};
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

void client_connected(struct listener *l, int fd)
{
	struct cg_manager *m = l->m;
	struct ucred peer;
	socklen_t size = sizeof(peer);

	/* One user's crowd must not keep the others out, nor root ever. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
		(peer.uid == 0 ||
			(m->client_count < CLIENTS_MOST && count_of(m, peer.uid) < CLIENTS_PER_USER)) &&
		client_new(l, fd, &peer) == 0)
		return;
	(void)cg_close(fd);
}
