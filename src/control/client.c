/* Requests out, replies in. */
#include "control/client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/manager_options.h"

int cg_client_open(struct cg_client *c, const char *path, struct cg_error **err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -1;
	int r;

	path = path ? path : CG_MANAGER_SOCKET;
	if (strlen(path) >= sizeof(address.sun_path))
		return cg_error_usage(
			err, "the socket's path has more than %zu bytes", sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return cg_error_errno(err, errno, "cannot make a socket");
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
		*c = (struct cg_client){.fd = cg_steal_fd(&fd), .passed = -1};
		return 0;
	}
	r = cg_error_errno(err, errno, "no manager can be reached at %s", path);
	if (r == -ENOENT || r == -ECONNREFUSED)
		cg_error_hint(err,
			"start one: cgtree manager; or name its socket: --socket PATH, or CGTREE_SOCKET");
	else if (r == -EACCES)
		cg_error_hint(err, "the manager's user decides who may use it: cgtree manager --group GROUP");
	return r;
}

void cg_client_close(struct cg_client *c)
{
	c->fd = cg_close(c->fd);
	c->passed = cg_close(c->passed);
	cg_buffer_free(&c->in);
}

static ssize_t send_part(const struct cg_client *c, struct cg_bytes b, const int *fds, size_t count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * 3)] = {0};
	struct iovec part = {(char *)(uintptr_t)b.data, b.len};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};

	if (count) {
		struct cmsghdr *head;

		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		head = CMSG_FIRSTHDR(&m);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(head), fds, sizeof(int) * count);
	}
	return sendmsg(c->fd, &m, MSG_NOSIGNAL);
}

int cg_client_send(
	struct cg_client *c, const struct cg_request *q, const int *fds, size_t count, struct cg_error **err)
{
	_cleanup_text_ struct cg_text t = {0};
	struct cg_bytes rest;
	int r = cg_request_encode(q, &t);

	if (r == -EMSGSIZE)
		return cg_error_usage(err, "arguments and environment together have more than %zu KiB",
			CG_MESSAGE_MOST >> 10);
	if (r < 0)
		return cg_error_oom(err);
	rest = (struct cg_bytes){t.data, t.len};
	while (rest.len) {
		ssize_t n = send_part(c, rest, fds, count);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cg_error_errno(err, errno, "cannot send to the manager");
		count = 0;
		rest.data += n;
		rest.len -= (size_t)n;
	}
	return 0;
}

static int receive_some(struct cg_client *c, struct cg_error **err)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct iovec part;
	struct msghdr m = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *head;
	ssize_t n;

	if (cg_buffer_reserve(&c->in, c->in.len + 65536) < 0)
		return cg_error_oom(err);
	part = (struct iovec){c->in.data + c->in.len, c->in.size - c->in.len};
	do
		n = recvmsg(c->fd, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return cg_error_errno(err, errno, "cannot hear the manager");
	if (n == 0)
		return cg_error_make(err, CG_FAULT_SYSTEM, ECONNRESET, "the manager ended the connection");
	head = CMSG_FIRSTHDR(&m);
	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
		c->passed = cg_close(c->passed);
		memcpy(&c->passed, CMSG_DATA(head), sizeof(int));
	}
	c->in.len += (size_t)n;
	return 0;
}

/* The length that stands before a message; only when that is there. */
static size_t announced(const struct cg_client *c)
{
	size_t len = 0;

	for (int i = 0; i < CG_MESSAGE_HEAD; i++)
		len |= (size_t)(uint8_t)c->in.data[i] << (8 * i);
	return len;
}

bool cg_client_ready(const struct cg_client *c)
{
	return c->in.len >= CG_MESSAGE_HEAD && c->in.len - CG_MESSAGE_HEAD >= announced(c);
}

int cg_client_receive(struct cg_client *c, struct cg_reply *ret, struct cg_error **err)
{
	size_t len;
	int r;

	while (!cg_client_ready(c)) {
		if (c->in.len >= CG_MESSAGE_HEAD && announced(c) > CG_MESSAGE_MOST)
			return cg_error_make(
				err, CG_FAULT_SYSTEM, EBADMSG, "the manager sent no message of ours");
		r = receive_some(c, err);
		if (r < 0)
			return r;
	}
	len = announced(c);
	r = cg_reply_decode((struct cg_bytes){c->in.data + CG_MESSAGE_HEAD, len}, ret);
	c->in.len -= CG_MESSAGE_HEAD + len;
	memmove(c->in.data, c->in.data + CG_MESSAGE_HEAD + len, c->in.len);
	if (r < 0)
		return cg_error_make(
			err, CG_FAULT_SYSTEM, -r, "the manager sent a reply that is not understood");
	return 0;
}
