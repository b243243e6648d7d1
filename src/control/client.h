/* The other end of the manager's socket. Blocking: for the command line. */
#pragma once

#include "control/message.h"

struct cg_client {
	int fd;
	struct cg_buffer in;
	int passed; /* descriptor that came with the last reply; the caller may take it. -1: none */
};
/* `path` NULL: CG_MANAGER_SOCKET. When nobody listens the error says how to start a manager. */
int cg_client_open(struct cg_client *c, const char *path, struct cg_error **err) CG_MUST_CHECK;
void cg_client_close(struct cg_client *c);
#define _cleanup_client_ _cleanup_(cg_client_close)
#define CG_CLIENT_INIT                                                                                       \
	{                                                                                                    \
		-1, {0}, -1                                                                                  \
	}
/* Sends a request; `fds` (count of them) go with it. */
int cg_client_send(struct cg_client *c, const struct cg_request *q, const int *fds, size_t count,
	struct cg_error **err) CG_MUST_CHECK;
/* Whether a reply lies ready: poll(2) tells nothing of what was read already. */
bool cg_client_ready(const struct cg_client *c);
/* The next reply. An error that the manager sent is in ret->error, not in *err. */
int cg_client_receive(struct cg_client *c, struct cg_reply *ret, struct cg_error **err) CG_MUST_CHECK;
