/* cgtree job: what a person asks of the manager. A family of verbs: the first word says which. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/job.h"

/* One verb: how many ids it takes, and what is done with the replies. */
struct job_verb {
	const char *name;
	int (*run)(struct cli *cli, struct job_options *o, const struct job_verb *verb, char **words);
	enum cg_verb verb;
	int least, most; /* words after the verb; most -1: a command */
	const char *wanted;
};

/* Sends, receives once. The exit status when it failed, else -1 and the reply. */
static int exchange(struct cli *cli, const struct job_options *o, const struct cg_request *q,
	struct cg_client *c, struct cg_reply *reply)
{
	_cleanup_error_ struct cg_error *err = NULL;
	int r = cg_client_open(c, o->socket, &err);

	r = r < 0 ? r : cg_client_send(c, q, NULL, 0, &err);
	r = r < 0 ? r : cg_client_receive(c, reply, &err);
	if (r < 0)
		return cli_fail(cli, err);
	return reply->error ? cli_fail(cli, reply->error) : -1;
}

static void say_notes(struct cli *cli, const struct cg_strings *notes)
{
	for (const char *p = cg_strings_next(notes, NULL); p; p = cg_strings_next(notes, p)) {
		_cleanup_text_ struct cg_text t = {0};

		cg_text_escape(&t, cg_bytes_of(p));
		if (t.data)
			cli_warn_line(cli, t.data);
	}
}

static int run_run(struct cli *cli, struct job_options *o, const struct job_verb *verb, char **words)
{
	(void)verb;
	return job_run(cli, o, words);
}

static int run_submit(struct cli *cli, struct job_options *o, const struct job_verb *verb, char **words)
{
	_cleanup_client_ struct cg_client c = CG_CLIENT_INIT;
	_cleanup_reply_ struct cg_reply reply = {0};
	_cleanup_request_ struct cg_request q = {.verb = verb->verb, .has_spec = true};
	_cleanup_error_ struct cg_error *err = NULL;
	int r;

	if (job_spec(o, words, &q.spec, &err) < 0)
		return cli_fail(cli, err);
	r = exchange(cli, o, &q, &c, &reply);
	if (r >= 0)
		return r;
	if (reply.jobs == 1)
		job_note(cli, &reply.job[0]);
	if (reply.jobs == 1 && cli->json)
		job_show(cli, &reply.job[0]);
	else if (reply.jobs == 1)
		(void)printf("%s\n", reply.job[0].spec.id);
	return CLI_EXIT_OK;
}

static int run_ping(struct cli *cli, struct job_options *o, const struct job_verb *verb, char **words)
{
	_cleanup_client_ struct cg_client c = CG_CLIENT_INIT;
	_cleanup_reply_ struct cg_reply reply = {0};
	struct cg_request q = {.verb = verb->verb};
	int r = exchange(cli, o, &q, &c, &reply);

	(void)words;
	if (r >= 0)
		return r;
	if (cli->json) {
		struct json_out j = json_begin(stdout, true);

		json_open(&j, '{');
		json_text(json_member(&j, "schema"), "cgtree.manager/1");
		json_text(json_member(&j, "version"), reply.version);
		json_text(json_member(&j, "root"), reply.root);
		json_number(json_member(&j, "pid"), reply.pid);
		json_close(&j, '}');
		json_end(&j);
	} else {
		(void)printf("cgtree manager %s, process %llu, jobs below %s\n", reply.version,
			(unsigned long long)reply.pid, reply.root);
	}
	return CLI_EXIT_OK;
}

struct jobs {
	struct cg_job_info *item;
	size_t count, room;
};

static void jobs_free(struct jobs *l)
{
	struct cg_reply all = {.job = l->item, .jobs = l->count};

	cg_reply_free(&all);
}

/* Takes the jobs of a reply. */
static bool take_jobs(struct jobs *l, struct cg_reply *reply)
{
	if (l->count + reply->jobs > l->room) {
		size_t room = 2 * (l->count + reply->jobs);
		struct cg_job_info *more = reallocarray(l->item, room, sizeof(*more));

		if (!more)
			return false;
		l->item = more;
		l->room = room;
	}
	if (reply->jobs)
		memcpy(l->item + l->count, reply->job, reply->jobs * sizeof(*reply->job));
	l->count += reply->jobs;
	reply->jobs = 0;
	return true;
}

static int run_list(struct cli *cli, struct job_options *o, const struct job_verb *verb, char **words)
{
	_cleanup_(jobs_free) struct jobs all = {0};
	_cleanup_client_ struct cg_client c = CG_CLIENT_INIT;
	struct cg_request q = {.verb = verb->verb};
	bool more = true;

	(void)words;
	for (bool first = true; more; first = false) {
		_cleanup_reply_ struct cg_reply reply = {0};
		_cleanup_error_ struct cg_error *err = NULL;
		int r = first ? exchange(cli, o, &q, &c, &reply) : cg_client_receive(&c, &reply, &err);

		if (first ? r >= 0 : r < 0)
			return first ? r : cli_fail(cli, err);
		more = reply.more;
		if (!take_jobs(&all, &reply))
			return CLI_EXIT_FAILED;
	}
	job_show_list(cli, all.item, all.count);
	return CLI_EXIT_OK;
}

/* The whole path, for the manager is elsewhere and follows no links. What is to be made needs only be where
 * something is. */
static int folder(const char *path, char **ret, struct cg_error **err)
{
	_cleanup_free_ char *copy = path ? strdup(path) : NULL, *above = NULL;
	size_t len = path ? strlen(path) : 0;
	char *slash;

	if (!len)
		return cg_error_usage(err, "say where the checkpoint goes: -o DIR");
	*ret = realpath(path, NULL);
	if (*ret)
		return 0;
	if (!copy)
		return cg_error_oom(err);
	while (len > 1 && copy[len - 1] == '/')
		copy[--len] = '\0';
	slash = strrchr(copy, '/');
	if (slash)
		*slash = '\0';
	above = realpath(!slash ? "." : slash == copy ? "/" : copy, NULL);
	if (!above) {
		int r = cg_error_errno(err, errno, "there is no such folder");

		cg_error_at(err, path, NULL);
		return r;
	}
	if (asprintf(ret, "%s/%s", strcmp(above, "/") == 0 ? "" : above, slash ? slash + 1 : copy) < 0) {
		*ret = NULL;
		return cg_error_oom(err);
	}
	return 0;
}

static int request_of(const struct job_options *o, const struct job_verb *verb, char **words,
	struct cg_request *q, struct cg_error **err)
{
	const char *signal = verb->verb != CG_VERB_KILL ? NULL : words[1] ? words[1] : o->signal;
	int r = 0;

	const char *id = verb->verb == CG_VERB_RESTORE ? o->id : words[0];

	*q = (struct cg_request){.verb = verb->verb,
		.id = id ? strdup(id) : NULL,
		.leave_running = o->leave_running,
		.grace_us = UINT64_MAX,
		.follow = o->follow,
		.keep_jobs = o->keep_jobs};
	if (id && !q->id)
		return cg_error_oom(err);
	if (verb->verb == CG_VERB_CHECKPOINT || verb->verb == CG_VERB_RESTORE)
		r = folder(verb->verb == CG_VERB_RESTORE ? words[0] : o->output, &q->dir, err);
	if (r == 0 && verb->verb == CG_VERB_KILL)
		r = job_signal_number(signal ? signal : "KILL", &q->signal, err);
	if (r == 0 && verb->verb == CG_VERB_STOP && o->grace)
		r = job_time("stop-grace", o->grace, &q->grace_us, err);
	if (r == 0 && verb->verb == CG_VERB_UPDATE) {
		q->has_spec = true;
		r = job_limits(o, &q->spec.limits, err);
	}
	return r;
}

/* The result of an action: what the job is now, with -v or --json; a wait passes its status. */
static int finish(struct cli *cli, const struct job_verb *verb, const struct cg_reply *reply)
{
	const struct cg_job_info *job = reply->jobs == 1 ? &reply->job[0] : NULL;
	_cleanup_text_ struct cg_text t = {0};

	if (!job)
		return CLI_EXIT_OK;
	if (verb->verb == CG_VERB_INSPECT) {
		job_show(cli, job);
	} else if (verb->verb == CG_VERB_STATS) {
		job_show_stats(cli, job);
	} else if (cli->json) {
		job_show(cli, job);
	} else if (verb->verb == CG_VERB_RESTORE) {
		(void)printf("%s\n", job->spec.id);
	} else if (!cli->quiet &&
		   (verb->verb == CG_VERB_WAIT || verb->verb == CG_VERB_STOP || cli->verbose)) {
		job_describe_end(&job->record, &t);
		cli_say(cli, "%s: %s%s%s", job->spec.id, t.data ? t.data : "", job->record.reason ? ": " : "",
			job->record.reason ? job->record.reason : "");
	}
	return verb->verb == CG_VERB_WAIT ? job_exit_of(&job->record) : CLI_EXIT_OK;
}

static int run_simple(struct cli *cli, struct job_options *o, const struct job_verb *verb, char **words)
{
	_cleanup_client_ struct cg_client c = CG_CLIENT_INIT;
	_cleanup_reply_ struct cg_reply reply = {0};
	_cleanup_request_ struct cg_request q = {0};
	_cleanup_error_ struct cg_error *err = NULL;
	int r;

	if (request_of(o, verb, words, &q, &err) < 0)
		return cli_fail(cli, err);
	r = exchange(cli, o, &q, &c, &reply);
	if (r >= 0)
		return verb->verb == CG_VERB_WAIT && r != CLI_EXIT_USAGE ? 125 : r;
	say_notes(cli, &reply.notes);
	return finish(cli, verb, &reply);
}

static int run_events(struct cli *cli, struct job_options *o, const struct job_verb *verb, char **words)
{
	_cleanup_client_ struct cg_client c = CG_CLIENT_INIT;
	_cleanup_request_ struct cg_request q = {0};
	_cleanup_error_ struct cg_error *err = NULL;
	bool more = true;

	if (request_of(o, verb, words, &q, &err) < 0)
		return cli_fail(cli, err);
	for (bool first = true; more; first = false) {
		_cleanup_reply_ struct cg_reply reply = {0};
		int r = first ? exchange(cli, o, &q, &c, &reply) : cg_client_receive(&c, &reply, &err);

		if (first ? r >= 0 : r < 0)
			return first ? r : cli_fail(cli, err);
		more = reply.more;
		for (size_t i = 0; i < reply.events; i++)
			job_show_event(cli, &reply.event[i]);
		if (fflush(stdout))
			return CLI_EXIT_FAILED;
	}
	return CLI_EXIT_OK;
}

static int run_logs(struct cli *cli, struct job_options *o, const struct job_verb *verb, char **words)
{
	(void)verb;
	return job_logs(cli, o, words[0]);
}

static const struct job_verb kinds[] = {
	{"run", run_run, CG_VERB_SUBMIT, 1, -1, "a command is wanted: cgtree job run [OPTION...] -- COMMAND"},
	{"submit", run_submit, CG_VERB_SUBMIT, 1, -1,
		"a command is wanted: cgtree job submit [OPTION...] -- COMMAND"},
	{"list", run_list, CG_VERB_LIST, 0, 0, "list takes no words"},
	{"inspect", run_simple, CG_VERB_INSPECT, 1, 1, "one job's id is wanted"},
	{"stats", run_simple, CG_VERB_STATS, 1, 1, "one job's id is wanted"},
	{"freeze", run_simple, CG_VERB_FREEZE, 1, 1, "one job's id is wanted"},
	{"thaw", run_simple, CG_VERB_THAW, 1, 1, "one job's id is wanted"},
	{"kill", run_simple, CG_VERB_KILL, 1, 2, "one job's id is wanted, and maybe a signal"},
	{"stop", run_simple, CG_VERB_STOP, 1, 1, "one job's id is wanted"},
	{"wait", run_simple, CG_VERB_WAIT, 1, 1, "one job's id is wanted"},
	{"logs", run_logs, CG_VERB_LOGS, 1, 1, "one job's id is wanted"},
	{"update", run_simple, CG_VERB_UPDATE, 1, 1, "one job's id is wanted"},
	{"remove", run_simple, CG_VERB_REMOVE, 1, 1, "one job's id is wanted"},
	{"events", run_events, CG_VERB_EVENTS, 0, 0, "events takes no words"},
	{"checkpoint", run_simple, CG_VERB_CHECKPOINT, 1, 1, "one job's id is wanted"},
	{"restore", run_simple, CG_VERB_RESTORE, 1, 1, "the folder of a checkpoint is wanted"},
	{"why", run_events, CG_VERB_WHY, 1, 1, "one job's id is wanted"},
	{"ping", run_ping, CG_VERB_PING, 0, 0, "ping takes no words"},
	{"quit", run_simple, CG_VERB_QUIT, 0, 0, "quit takes no words"},
};

static int run_job(struct cli *cli, int argc, char **argv)
{
	_cleanup_job_options_ struct job_options o = {0};
	const struct job_verb *verb;
	size_t kind = 0;
	int first, words, r = cli_parse(cli, &o, argc, argv, &first);

	if (r)
		return r;
	if (argc == first)
		return cli_usage(cli, "say what to do: run, submit, list, ...");
	r = cli_find_word(cli, argv[first], &kind);
	if (r)
		return r;
	verb = &kinds[kind];
	words = argc - first - 1;
	if (words < verb->least || (verb->most >= 0 && words > verb->most))
		return cli_usage(cli, "%s", verb->wanted);
	if (!o.socket)
		o.socket = getenv("CGTREE_SOCKET");
	return verb->run(cli, &o, verb, argv + first + 1);
}

const struct cli_verb cli_verb_job = {
	.name = "job",
	.summary = "run, watch and govern jobs of a manager",
	.synopsis = (const char *const[]){"run|submit [OPTION...] -- COMMAND [ARGUMENT...]", "list",
		"inspect|stats|freeze|thaw|stop|wait|logs|remove|why ID", "kill ID [SIGNAL]",
		"update ID LIMIT...", "checkpoint ID -o DIR [--leave-running]", "restore DIR [--id ID]",
		"events [--follow]", "ping", "quit [--keep-jobs]", NULL},
	.description = (const char *const
			[]){"run keeps the job in the foreground: it has this terminal, signals are passed on to it, and its "
			    "exit status is ours. submit prints the job's id once the command runs; its output goes to a log.",
		"A job is a command in a group of its own, with all that it starts. Limits are given in the terms "
		"of cgroup v2 on every host. One that cannot be understood or does not hold keeps the job from "
		"being started: nothing is rounded away or left out. When its main process ends, whatever it "
		"left behind in the group ends too.",
		"wait passes the status of the job: its exit status, 128 and the signal's number, 125 when nobody "
		"knows or it could not be started. What became of a job stays until it is removed.",
		"A job that was frozen by hand stays frozen until thaw. stop sends SIGTERM, then, after a grace, "
		"ends it by force; kill sends any signal, SIGKILL unless told otherwise.",
		"checkpoint lets CRIU dump a running or frozen job, with its groups, into a new folder; the job ends, "
		"unless it is left running. restore brings it back from there, here or below another manager, with "
		"its limits, into a new log; it prints the id. Both are for root. If one fails, the job goes on, or "
		"nothing is left.",
		NULL},
	.options = job_table,
	.examples =
		(const struct cli_example[]){{"cgtree job run --memory-max 256M --cpu-max 50% -- make -j4",
						     "here and now, within limits"},
			{"cgtree job submit --id a --memory-max 64M --priority 10 -- sleep 60",
				"in the background, as \"a\""},
			{"cgtree job list", "what there is"},
			{"cgtree job inspect a --json", "all of it, for a script"},
			{"cgtree job update a --memory-max 128M", "a limit of a job that runs"},
			{"cgtree job logs a --follow", "its output, until it ends"},
			{"cgtree job kill a TERM", "a signal to all of its processes"},
			{"cgtree job wait a", "its status is ours"},
			{"cgtree job submit --after a --restart on-failure:3 -- ./next",
				"when a has ended well"},
			{"cgtree job checkpoint a -o /var/tmp/a", "stop it, to go on later or elsewhere"},
			{"cgtree job restore /var/tmp/a --id b", "it goes on, as \"b\""},
			{"cgtree job why a", "what happened to it, and why"}, {0}},
	.exits = (const char *const[]){"0 done", "2 refused or failed", "64 the command line is wrong",
		"run, wait: the job's own; 125 our failure, 126 it cannot be executed, 127 it was not found",
		NULL},
	.words = CLI_WORDS(kinds),
	.run = run_job,
};
