/* hostile SOCKET COUNT: COUNT clients that mean no good, or nothing, to the manager at SOCKET: silent ones,
 * half a length, half a message, garbage, a length that is too long, requests that are never heard out,
 * followers that do not read, jobs that are asked for in vain. While they are there another client asks for
 * a ping again and again: prints the median time of an answer in microseconds. Exit status 1 when the manager
 * did not answer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "control/client.h"

#define PINGS 200

static int join(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void put(int fd, const void *data, size_t len)
{
	if (send(fd, data, len, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET && errno != EAGAIN)
		fprintf(stderr, "hostile: send: %s\n", strerror(errno));
}

static void put_request(int fd, const struct cg_request *q)
{
	_cleanup_text_ struct cg_text t = {0};

	if (cg_request_encode(q, &t) == 0)
		put(fd, t.data, t.len);
}

static void be_hostile(int fd, unsigned kind)
{
	static const unsigned char half[] = {5, 0}, too_long[] = {0xff, 0xff, 0xff, 0x7f, 1, 2},
				   part[] = {100, 0, 0, 0, 8, 1},
				   garbage[] = {16, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct cg_request follow = {.verb = CG_VERB_EVENTS, .follow = true, .grace_us = UINT64_MAX},
			  list = {.verb = CG_VERB_LIST, .grace_us = UINT64_MAX},
			  nobody = {.verb = CG_VERB_WAIT,
				  .id = (char *)(unsigned long)"..",
				  .grace_us = UINT64_MAX};

	switch (kind % 8) {
	case 0:
		return;
	case 1:
		put(fd, half, sizeof(half));
		return;
	case 2:
		put(fd, part, sizeof(part));
		return;
	case 3:
		put(fd, garbage, sizeof(garbage));
		return;
	case 4:
		put(fd, too_long, sizeof(too_long));
		return;
	case 5:
		put_request(fd, &follow);
		return;
	case 6:
		for (int i = 0; i < 1000; i++)
			put_request(fd, &list);
		return;
	default:
		put_request(fd, &nobody);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The median, for the longest of many is the machine's: others work on it, too. */
static int ask(const char *path, double *ret)
{
	double took[PINGS];
	_cleanup_client_ struct cg_client c = CG_CLIENT_INIT;
	_cleanup_error_ struct cg_error *err = NULL;
	struct cg_request q = {.verb = CG_VERB_PING, .grace_us = UINT64_MAX};

	if (cg_client_open(&c, path, &err) < 0) {
		fprintf(stderr, "hostile: %s\n", err->message);
		return -1;
	}
	for (int i = 0; i < PINGS; i++) {
		_cleanup_reply_ struct cg_reply reply = {0};
		double from = now();

		if (cg_client_send(&c, &q, NULL, 0, &err) < 0 || cg_client_receive(&c, &reply, &err) < 0 ||
			reply.error || !reply.version) {
			fprintf(stderr, "hostile: %s\n", err ? err->message : "no answer to a ping");
			return -1;
		}
		took[i] = now() - from;
	}
	qsort(took, PINGS, sizeof(took[0]), compare);
	*ret = took[PINGS / 2];
	return 0;
}

int main(int argc, char **argv)
{
	unsigned count = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	double alone = 0, beside = 0;

	if (!count || ask(argv[1], &alone) < 0)
		return 1;
	for (unsigned i = 0; i < count; i++) {
		int fd = join(argv[1]);

		if (fd >= 0)
			be_hostile(fd, i);
	}
	if (ask(argv[1], &beside) < 0)
		return 1;
	printf("median answer alone %.0f us, beside %u others %.0f us\n", alone, count, beside);
	return 0;
}
