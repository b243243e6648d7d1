/*
 * inject: fails or kills a program at a chosen one of its system calls, so that a test can try every point of
 * a run.
 *
 * The command runs as a traced child (PTRACE_SEIZE, so job control is not disturbed); its threads and
 * children are traced too. Each stop at the entry of a call that belongs to the counted set gets the next
 * number. A call to fail is replaced by none at its entry and gets its result at its exit. When no point lies
 * ahead the tracees run on without stopping, which keeps a run short. If this program ends early, the kernel
 * kills what it traced (PTRACE_O_EXITKILL), so nothing is left behind.
 */
#include "inject_calls.h"
#include "inject_options.h"
#include "inject_tracee.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A traced thread. */
struct tracee {
	pid_t tid;
	int error;         /* the call it is in fails with this at its exit */
	bool kill_at_exit; /* the call it is in is the last */
	bool replaced;     /* the call it is in got another first argument than this */
	uint64_t argument;
};

struct run {
	const struct options *options;
	pid_t child;
	int child_status; /* wait status, valid when child_ended */
	bool child_ended;
	bool executed;       /* the command replaced our child */
	bool started;        /* counting began */
	bool killing;        /* every tracee that stops is killed */
	struct range linker; /* calls from here are not the program's own */
	uint64_t passed;     /* calls seen since counting could begin */
	uint64_t count;
	uint64_t last; /* the last point; no interest behind it, 0 without points */
	FILE *trace;
	struct tracee *tracees;
	size_t tracee_count;
};

static struct tracee *find_tracee(struct run *run, pid_t tid)
{
	for (size_t i = 0; i < run->tracee_count; i++)
		if (run->tracees[i].tid == tid)
			return &run->tracees[i];

	struct tracee *grown = reallocarray(run->tracees, run->tracee_count + 1, sizeof(*grown));
	if (!grown)
		die("out of memory");
	run->tracees = grown;
	run->tracees[run->tracee_count] = (struct tracee){.tid = tid};
	return &run->tracees[run->tracee_count++];
}

static void forget_tracee(struct run *run, pid_t tid)
{
	for (size_t i = 0; i < run->tracee_count; i++) {
		if (run->tracees[i].tid != tid)
			continue;
		run->tracees[i] = run->tracees[--run->tracee_count];
		return;
	}
}

static void kill_all(struct run *run)
{
	run->killing = true;
	for (size_t i = 0; i < run->tracee_count; i++)
		kill(run->tracees[i].tid, SIGKILL);
}

/* Ends the program when a request failed for another reason than that the tracee has just died. */
static void check_request(int result, const char *what)
{
	if (result < 0 && result != -ESRCH)
		die("%s: %s", what, strerror(-result));
}

static void resume(struct run *run, const struct tracee *tracee, int signal)
{
	bool ahead = run->options->count || run->trace || run->count < run->last;
	bool pending = tracee->error || tracee->kill_at_exit || tracee->replaced;
	int request = ahead || pending ? PTRACE_SYSCALL : PTRACE_CONT;

	if (ptrace(request, tracee->tid, NULL, (void *)(intptr_t)signal) < 0)
		check_request(-errno, "cannot resume");
}

/* The file a call works on, found out only where somebody asks for it. */
static char *wanted_target(struct run *run, pid_t tid, const struct call *call, const uint64_t args[6])
{
	const struct options *options = run->options;
	bool wanted = run->trace || options->at_count || (options->after_path && !run->started);

	return wanted && call ? tracee_target(tid, call->shape, args) : NULL;
}

/* Whether counting has begun when this call is made. */
static bool has_started(struct run *run, const struct __ptrace_syscall_info *info, const char *target)
{
	const struct options *options = run->options;

	if (run->started || !run->executed)
		return run->started;
	if (run->passed == 0) {
		if (options->after_path && !(target && path_is_below(target, options->after_path)))
			return false;
		uint64_t ip = info->instruction_pointer;
		if (!options->after_path && ip >= run->linker.start && ip < run->linker.end)
			return false;
	}
	run->started = run->passed++ >= options->after_calls;
	return run->started;
}

static bool is_counted(const struct options *options, const struct call *call, const char *target)
{
	if (!options_counts(options, call))
		return false;
	if (options->at_count == 0)
		return true;
	for (size_t i = 0; target && i < options->at_count; i++)
		if (path_is_below(target, options->at[i]))
			return true;
	return false;
}

static void print_target(FILE *file, const char *target)
{
	for (const unsigned char *c = (const unsigned char *)target; *c; c++) {
		if (*c < ' ' || *c == '\\' || *c >= 127)
			fprintf(file, "\\x%02x", *c);
		else
			fputc(*c, file);
	}
}

static void write_trace(struct run *run, const struct call *call, uint64_t nr, const char *target)
{
	fprintf(run->trace, "%" PRIu64 "\t", run->count);
	if (call)
		fputs(call->name, run->trace);
	else
		fprintf(run->trace, "syscall_%" PRIu64, nr);
	fputc('\t', run->trace);
	for (const int *fit = call ? call->fits : NULL; fit && *fit; fit++)
		fprintf(run->trace, "%s%s", fit == call->fits ? "" : ",", strerrorname_np(*fit));
	fputc('\t', run->trace);
	print_target(run->trace, target ? target : "-");
	fputc('\n', run->trace);
}

static int failure_at(const struct options *options, uint64_t number)
{
	for (size_t i = 0; i < options->failure_count; i++)
		if (number >= options->failures[i].first && number <= options->failures[i].last)
			return options->failures[i].error;
	return 0;
}

/* Does what was asked for at the call that has just got its number. */
static void act(struct run *run, struct tracee *tracee, const struct call *call, const uint64_t args[6])
{
	int error = failure_at(run->options, run->count);

	if (run->options->signal_at == run->count)
		kill(run->child, run->options->signal);
	if (run->options->kill == run->count) {
		if (run->options->kill_after) {
			tracee->kill_at_exit = true;
			return;
		}
		check_request(tracee_suppress(tracee->tid), "cannot suppress a call");
		kill_all(run);
	} else if (error && call && call->nr == SYS_brk) {
		check_request(tracee_set_first_argument(tracee->tid, 0), "cannot change a call");
		tracee->replaced = true;
		tracee->argument = args[0];
	} else if (error) {
		check_request(tracee_suppress(tracee->tid), "cannot suppress a call");
		tracee->error = error;
	}
}

static void on_entry(struct run *run, struct tracee *tracee, const struct __ptrace_syscall_info *info)
{
	const struct call *call = call_by_number((long)info->entry.nr);
	uint64_t args[6];

	for (size_t i = 0; i < 6; i++)
		args[i] = info->entry.args[i];

	char *target = wanted_target(run, tracee->tid, call, args);
	if (has_started(run, info, target) && is_counted(run->options, call, target)) {
		run->count++;
		if (run->trace)
			write_trace(run, call, info->entry.nr, target);
		act(run, tracee, call, args);
	}
	free(target);
}

static void on_exit_of_call(struct run *run, struct tracee *tracee)
{
	if (tracee->error)
		check_request(tracee_set_result(tracee->tid, -tracee->error), "cannot set a result");
	tracee->error = 0;
	if (tracee->replaced)
		check_request(tracee_restore_first_argument(tracee->tid, tracee->argument),
			"cannot restore an argument");
	tracee->replaced = false;
	if (tracee->kill_at_exit)
		kill_all(run);
	tracee->kill_at_exit = false;
}

static void on_call_stop(struct run *run, struct tracee *tracee)
{
	struct __ptrace_syscall_info info;
	int r = tracee_call(tracee->tid, &info);

	check_request(r, "PTRACE_GET_SYSCALL_INFO (Linux 5.3 and up)");
	if (r == 0 && info.op == PTRACE_SYSCALL_INFO_ENTRY)
		on_entry(run, tracee, &info);
	else if (r == 0 && info.op == PTRACE_SYSCALL_INFO_EXIT)
		on_exit_of_call(run, tracee);
	resume(run, tracee, 0);
}

static void on_exec(struct run *run, struct tracee *tracee)
{
	unsigned long former = 0;

	/* execve in a thread: it goes on under the process's id. */
	if (ptrace(PTRACE_GETEVENTMSG, tracee->tid, NULL, &former) == 0 && (pid_t)former != tracee->tid) {
		struct tracee moved = *find_tracee(run, (pid_t)former);
		tracee->error = moved.error;
		tracee->kill_at_exit = moved.kill_at_exit;
		forget_tracee(run, (pid_t)former);
	}
	if (!run->executed)
		run->linker = tracee_linker(run->child);
	run->executed = true;
}

/* Handles a stop; `status` is from waitpid(2). */
static void on_stop(struct run *run, pid_t tid, int status)
{
	struct tracee *tracee = find_tracee(run, tid);
	int signal = WSTOPSIG(status);
	int event = status >> 16;

	if (run->killing) {
		kill(tid, SIGKILL);
		resume(run, tracee, 0);
		return;
	}
	if (signal == (SIGTRAP | 0x80)) {
		on_call_stop(run, tracee);
		return;
	}
	if (event == PTRACE_EVENT_EXEC) {
		on_exec(run, tracee);
		tracee = find_tracee(run, tid);
	}
	if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
		if (ptrace(PTRACE_LISTEN, tid, NULL, NULL) < 0)
			check_request(-errno, "cannot keep a stop");
		return;
	}
	resume(run, tracee, event ? 0 : signal);
}

static void follow(struct run *run)
{
	for (;;) {
		int status;
		pid_t tid = waitpid(-1, &status, __WALL);
		if (tid < 0 && errno == ECHILD)
			return;
		if (tid < 0)
			die("waitpid: %s", strerror(errno));
		if (WIFSTOPPED(status)) {
			on_stop(run, tid, status);
			continue;
		}
		forget_tracee(run, tid);
		if (tid == run->child) {
			run->child_status = status;
			run->child_ended = true;
		}
	}
}

/* In the child: waits until it is traced, then becomes the command. */
static void __attribute__((noreturn)) become_command(int gate, char **command)
{
	char byte;

	if (read(gate, &byte, 1) == 1)
		execvp(command[0], command);
	fprintf(stderr, "inject: cannot run %s: %s\n", command[0], strerror(errno));
	_exit(STATUS_TROUBLE);
}

static void start(struct run *run)
{
	const long trace_options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
				   PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	int gate[2];

	if (pipe2(gate, O_CLOEXEC) < 0)
		die("pipe2: %s", strerror(errno));
	run->child = fork();
	if (run->child < 0)
		die("fork: %s", strerror(errno));
	if (run->child == 0) {
		close(gate[1]);
		become_command(gate[0], run->options->command);
	}
	close(gate[0]);
	if (ptrace(PTRACE_SEIZE, run->child, NULL, (void *)trace_options) < 0) {
		int error = errno;
		kill(run->child, SIGKILL);
		die("cannot trace: %s", strerror(error));
	}
	if (write(gate[1], "", 1) != 1)
		die("cannot start the command: %s", strerror(errno));
	close(gate[1]);
}

static uint64_t last_point(const struct options *options)
{
	uint64_t last = options->kill > options->signal_at ? options->kill : options->signal_at;

	for (size_t i = 0; i < options->failure_count; i++)
		if (options->failures[i].last > last)
			last = options->failures[i].last;
	return last;
}

/* The first number of the point that lies farthest: it must have been met. */
static uint64_t required_count(const struct options *options)
{
	uint64_t required = options->kill > options->signal_at ? options->kill : options->signal_at;

	for (size_t i = 0; i < options->failure_count; i++)
		if (options->failures[i].first > required)
			required = options->failures[i].first;
	return required;
}

static int conclude(struct run *run)
{
	if (!run->executed || !run->child_ended)
		die("the command was not run");
	if (run->trace && fclose(run->trace) != 0)
		die("%s: %s", run->options->trace, strerror(errno));
	if (!run->started)
		die("counting never began: no call came after the start that was asked for");
	if (run->options->count)
		printf("%" PRIu64 "\n", run->count);
	if (fflush(stdout) != 0)
		die("stdout: %s", strerror(errno));
	if (run->count < required_count(run->options))
		return STATUS_NOT_REACHED;
	return WIFSIGNALED(run->child_status) ? 128 + WTERMSIG(run->child_status)
					      : WEXITSTATUS(run->child_status);
}

int main(int argc, char **argv)
{
	struct options options;

	options_parse(&options, argc, argv);
	struct run run = {.options = &options, .last = last_point(&options)};
	if (options.trace) {
		run.trace = fopen(options.trace, "we");
		if (!run.trace)
			die("%s: %s", options.trace, strerror(errno));
	}
	start(&run);
	follow(&run);
	int status = conclude(&run);
	free(run.tracees);
	options_free(&options);
	return status;
}
