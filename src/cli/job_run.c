/* cgtree job run: the job in the foreground, with our own descriptors; and logs, which come as a descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/job.h"

#define OWN_FAILURE 125

static int fail(struct cli *cli, const struct cg_error *err)
{
	int status = cli_fail(cli, err);

	return status == CLI_EXIT_USAGE ? status : OWN_FAILURE;
}

/* What a person or another program sends us is meant for the job. */
static int catch_signals(void)
{
	static const int passed[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < CG_ARRAY_SIZE(passed); i++)
		(void)sigaddset(&set, passed[i]);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static void pass_signal(struct cli *cli, const char *socket, const char *id, uint32_t number)
{
	_cleanup_client_ struct cg_client c = CG_CLIENT_INIT;
	_cleanup_reply_ struct cg_reply reply = {0};
	_cleanup_error_ struct cg_error *err = NULL;
	struct cg_request q = {.verb = CG_VERB_KILL, .id = (char *)(uintptr_t)id, .signal = number};

	if (cg_client_open(&c, socket, &err) < 0 || cg_client_send(&c, &q, NULL, 0, &err) < 0 ||
		cg_client_receive(&c, &reply, &err) < 0)
		cli_say(cli, "the signal was not passed on: %s", err->message);
}

/* Until the connection has something to say. */
static void pass_signals(
	struct cli *cli, const char *socket, const char *id, const struct cg_client *c, int signals)
{
	while (!cg_client_ready(c)) {
		struct pollfd p[2] = {{c->fd, POLLIN, 0}, {signals, POLLIN, 0}};
		struct signalfd_siginfo info;

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		if (p[1].revents & POLLIN && read(signals, &info, sizeof(info)) == sizeof(info))
			pass_signal(cli, socket, id, info.ssi_signo);
		if (p[0].revents)
			return;
	}
}

static int run_request(
	const struct job_options *o, char **command, struct cg_request *q, struct cg_error **err)
{
	_cleanup_free_ char *here = NULL;
	struct job_options with = *o;

	if (!with.cwd) {
		here = getcwd(NULL, 0);
		with.cwd = here;
	}
	q->verb = CG_VERB_SUBMIT;
	q->has_spec = true;
	q->spec.foreground = true;
	return job_spec(&with, command, &q->spec, err);
}

int job_run(struct cli *cli, const struct job_options *o, char **command)
{
	static const int stdio[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
	_cleanup_client_ struct cg_client c = CG_CLIENT_INIT;
	_cleanup_reply_ struct cg_reply started = {0}, ended = {0};
	_cleanup_request_ struct cg_request q = {0};
	_cleanup_error_ struct cg_error *err = NULL;
	_cleanup_close_ int signals = -1;
	int r = run_request(o, command, &q, &err);

	r = r < 0 ? r : cg_client_open(&c, o->socket, &err);
	if (r < 0)
		return fail(cli, err);
	signals = catch_signals();
	r = cg_client_send(&c, &q, stdio, CG_ARRAY_SIZE(stdio), &err);
	r = r < 0 ? r : cg_client_receive(&c, &started, &err);
	if (r < 0)
		return fail(cli, err);
	if (started.error) {
		int status = fail(cli, started.error);

		return started.jobs && started.job[0].record.code ? started.job[0].record.code : status;
	}
	if (started.jobs != 1)
		return OWN_FAILURE;
	job_note(cli, &started.job[0]);
	pass_signals(cli, o->socket, started.job[0].spec.id, &c, signals);
	r = cg_client_receive(&c, &ended, &err);
	if (r < 0) {
		cg_error_hint(&err, "the job %s goes on: cgtree job wait %s", started.job[0].spec.id,
			started.job[0].spec.id);
		return fail(cli, err);
	}
	if (ended.error || ended.jobs != 1)
		return ended.error ? fail(cli, ended.error) : OWN_FAILURE;
	if (cli->verbose || ended.job[0].record.cause == CG_CAUSE_OOM ||
		ended.job[0].record.cause == CG_CAUSE_PRESSURE ||
		ended.job[0].record.cause == CG_CAUSE_TIMEOUT || ended.job[0].record.state == CG_JOB_LOST) {
		_cleanup_text_ struct cg_text t = {0};

		job_describe_end(&ended.job[0].record, &t);
		cli_say(cli, "%s: %s", ended.job[0].spec.id, t.data ? t.data : "");
	}
	return job_exit_of(&ended.job[0].record);
}

/* From where it stands to its present end. */
static int copy_out(int fd)
{
	char data[65536];
	ssize_t n;

	while ((n = read(fd, data, sizeof(data))) > 0)
		if (fwrite(data, 1, (size_t)n, stdout) != (size_t)n)
			return -EIO;
	if (n < 0)
		return -errno;
	return fflush(stdout) ? -errno : 0;
}

static int ask(const struct job_options *o, const char *id, enum cg_verb verb, struct cg_client *c,
	struct cg_error **err)
{
	struct cg_request q = {.verb = verb, .id = (char *)(uintptr_t)id};
	int r = cg_client_open(c, o->socket, err);

	return r < 0 ? r : cg_client_send(c, &q, NULL, 0, err);
}

/* The log as it is now: 0 and an open descriptor. */
static int open_log(const struct job_options *o, const char *id, int *ret_fd, struct cg_reply *reply,
	struct cg_error **err)
{
	_cleanup_client_ struct cg_client c = CG_CLIENT_INIT;
	int r = ask(o, id, CG_VERB_LOGS, &c, err);

	r = r < 0 ? r : cg_client_receive(&c, reply, err);
	if (r < 0 || reply->error)
		return r;
	if (c.passed < 0)
		return cg_error_make(err, CG_FAULT_SYSTEM, EBADMSG, "the manager sent no log");
	*ret_fd = cg_steal_fd(&c.passed);
	return 0;
}

static int watch(int notify, int fd)
{
	char path[48];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return inotify_add_watch(notify, path, IN_MODIFY | IN_MOVE_SELF) < 0 ? -errno : 0;
}

/* A log that is turned over goes on in a new file. */
static int next_log(const struct job_options *o, const char *id, int notify, int *fd, struct cg_error **err)
{
	_cleanup_reply_ struct cg_reply reply = {0};
	_cleanup_close_ int next = -1;
	int r = open_log(o, id, &next, &reply, err);

	if (r < 0 || reply.error)
		return r;
	(void)cg_close(*fd);
	*fd = cg_steal_fd(&next);
	return watch(notify, *fd);
}

static int follow(const struct job_options *o, const char *id, int *fd, struct cg_error **err)
{
	_cleanup_client_ struct cg_client end = CG_CLIENT_INIT;
	_cleanup_close_ int notify = inotify_init1(IN_CLOEXEC);
	_Alignas(struct inotify_event) char events[4096];
	int r = notify < 0 ? -errno : watch(notify, *fd);

	if (r < 0)
		return cg_error_errno(err, -r, "cannot watch the log");
	r = ask(o, id, CG_VERB_WAIT, &end, err);
	while (r == 0) {
		struct pollfd p[2] = {{notify, POLLIN, 0}, {end.fd, POLLIN, 0}};
		bool moved = false;
		ssize_t n;

		r = copy_out(*fd);
		if (r < 0 || (poll(p, 2, -1) < 0 && errno != EINTR))
			break;
		n = p[0].revents ? read(notify, events, sizeof(events)) : 0;
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e =
				(const struct inotify_event *)(const void *)(events + at);

			moved |= (e->mask & IN_MOVE_SELF) != 0;
			at += (ssize_t)(sizeof(*e) + e->len);
		}
		r = copy_out(*fd);
		if (r == 0 && moved)
			r = next_log(o, id, notify, fd, err);
		if (p[1].revents) /* it has ended, and its log is whole */
			return r < 0 ? r : copy_out(*fd);
	}
	return r;
}

int job_logs(struct cli *cli, const struct job_options *o, const char *id)
{
	_cleanup_reply_ struct cg_reply reply = {0};
	_cleanup_error_ struct cg_error *err = NULL;
	_cleanup_close_ int fd = -1;
	int r = open_log(o, id, &fd, &reply, &err);

	if (r < 0)
		return cli_fail(cli, err);
	if (reply.error)
		return cli_fail(cli, reply.error);
	r = o->follow ? follow(o, id, &fd, &err) : copy_out(fd);
	if (r < 0 && !err)
		(void)cg_error_errno(&err, -r, "cannot pass the log on");
	return r < 0 ? cli_fail(cli, err) : CLI_EXIT_OK;
}
