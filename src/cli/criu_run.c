/* cgtree criu dump and restore: CRIU with all of it around. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "checkpoint/run.h"
#include "cli/criu_verbs.h"
#include "cli/everyday.h"
#include "cli/lines.h"
#include "cli/source.h"

/* Images end somewhere within a file when there is no more room; what is left then is less than this. */
#define ROOM_LEFT   ((uint64_t)64 << 10)
#define DUMP_LOG    "dump.log"
#define RESTORE_LOG "restore.log"

struct words {
	const char **item;
	size_t count, room;
	bool failed;
};

static void add_word(struct words *w, const char *word)
{
	if (w->count + 1 >= w->room) {
		size_t room = w->room ? 2 * w->room : 32;
		const char **more = reallocarray(w->item, room, sizeof(*more));

		if (!more) {
			w->failed = true;
			return;
		}
		w->item = more;
		w->room = room;
	}
	w->item[w->count++] = word;
	w->item[w->count] = NULL;
}

static void words_free(struct words *w)
{
	free(w->item);
}

/* What both share: the program, the folder, the log, and this program as the hook. */
static void common_words(
	struct words *w, const struct criu_options *o, const char *what, const char *log, const char *self)
{
	const char *const words[] = {
		o->criu ? o->criu : "criu", what, "-D", o->images, "-o", log, "--action-script", self, NULL};

	for (size_t i = 0; words[i]; i++)
		add_word(w, words[i]);
}

static void more_words(struct words *w, char **word, size_t words)
{
	for (size_t i = 0; i < words; i++)
		add_word(w, word[i]);
}

/* The file of this program, for CRIU to run. */
static int find_self(char **ret, struct cg_error **err)
{
	*ret = realpath("/proc/self/exe", NULL);
	return *ret ? 0 : cg_error_errno(err, errno, "cannot tell where this program's file is");
}

static const char *state_dir_of(const struct criu_options *o)
{
	return cli_state_dir(o->where.state_dir);
}

static void say_line(void *context, const char *text)
{
	cli_say(context, "  %s", text);
}

/* CRIU cannot write down that there is no room when its log is on the same disk. */
static bool is_full(const struct cg_folder *f)
{
	struct statvfs s;

	return fstatvfs(f->fd, &s) == 0 && s.f_bavail * s.f_frsize < ROOM_LEFT;
}

/* What CRIU's log tells, and then the error that counts. */
static int criu_failed(struct cli *cli, const struct criu_options *o, const struct cg_folder *f,
	const char *log, int status, struct cg_error **err)
{
	_cleanup_error_ struct cg_error *why = NULL;
	int r;

	if (cg_criu_explain(f, log, say_line, cli, &why) < 0)
		cli_say(cli, "  %s", why->message);
	r = WIFSIGNALED(status) ? cg_error_make(err, CG_FAULT_SYSTEM, EINTR, "CRIU was ended by signal %d",
					  WTERMSIG(status))
				: cg_error_make(err, CG_FAULT_SYSTEM, EIO, "CRIU failed with status %d",
					  WEXITSTATUS(status));
	if (is_full(f)) {
		cg_error_wrap(err, "no space is left in the folder %s", o->images);
		cg_error_hint(err,
			"images need as much room as the tasks' memory: free some, or name a folder elsewhere");
		return r;
	}
	cg_error_hint(err, "its log is %s/%s; more of it is told with -v4 after --", o->images, log);
	return r;
}

/* Dump. */

static bool is_there(int pid)
{
	return kill(pid, 0) == 0 || errno == EPERM;
}

/* Whatever CRIU has done, groups that were thawed for it are as they were. */
static int freeze_again(const struct cg_folder *f, struct cg_error **err)
{
	_cleanup_live_ struct cg_live live = {0};
	int r = cg_live_open(&live, err);

	return r < 0 ? r : cg_checkpoint_refreeze(f, &live, NULL, NULL, err);
}

/* What CRIU's steps are told to, and what went wrong there. */
struct attending {
	struct hook *hook;
	struct cg_error *why;
};

static void attending_free(struct attending *a)
{
	cli_criu_leave(&a->hook);
	a->why = cg_error_free(a->why);
}

static int attend_step(void *context, const char *step, int init)
{
	struct attending *a = context;

	a->why = cg_error_free(a->why);
	return cli_criu_step(a->hook, step, init, &a->why);
}

static void say_why(struct cli *cli, const struct attending *a)
{
	_cleanup_free_ char *text = cg_error_text(a->why);

	cli_say(cli, "  %s", text ? text : "out of memory");
}

static int run_dump(struct cli *cli, const struct criu_options *o, char **word, size_t words,
	struct cg_folder *f, int *status, struct cg_error **err)
{
	_cleanup_(attending_free) struct attending a = {0};
	_cleanup_(words_free) struct words w = {0};
	_cleanup_wire_ struct cg_criu_wire wire = CG_CRIU_WIRE_INIT;
	_cleanup_free_ char *self = NULL;
	struct cg_criu_run run = {.state_dir = state_dir_of(o),
		.apart = true,
		.stop = cli_catch_signals(),
		.wire = &wire,
		.step = attend_step,
		.step_context = &a};
	int r = find_self(&self, err);

	r = r < 0 ? r : cg_criu_wire_open(&wire, err);
	if (r < 0)
		return r;
	common_words(&w, o, "dump", DUMP_LOG, self);
	add_word(&w, "-t");
	add_word(&w, word[0]);
	/* Sets of tasks are saved all the same; the groups are the hook's. */
	add_word(&w, "--manage-cgroups=ignore");
	if (o->leave_running)
		add_word(&w, "--leave-running");
	more_words(&w, word + 1, words - 1);
	if (w.failed)
		return cg_error_oom(err);
	if (mkdir(o->images, 0700) < 0 && errno != EEXIST) {
		r = cg_error_errno(err, errno, "cannot make the folder");
		cg_error_at(err, o->images, NULL);
		return r;
	}
	r = cg_folder_open(o->images, state_dir_of(o), f, err);
	r = r < 0 ? r : cli_criu_attend(cli, o->images, state_dir_of(o), &a.hook, err);
	run.word = w.item;
	r = r < 0 ? r : cg_criu_run(&run, status, err);
	if (a.why && (r < 0 || *status != 0))
		say_why(cli, &a);
	return r;
}

static int finish_dump(struct cli *cli, const struct cg_folder *f, bool *ret_differs, struct cg_error **err)
{
	_cleanup_tree_ struct cg_tree *tree = NULL;
	struct cli_counts c;
	bool whole;
	int r = cg_folder_load(f, &tree, &whole, err);

	r = r < 0 ? r : cli_tree_counts(tree, &c, err);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < tree->notes; i++) {
		_cleanup_text_ struct cg_text t = {0};

		cli_note_text(&tree->note[i], &t);
		if (t.data)
			cli_warn_line(cli, t.data);
	}
	*ret_differs = tree->notes > 0 || !whole;
	if (!cli->quiet)
		cli_say(cli, "dumped %llu tasks in %llu groups", (unsigned long long)c.tasks,
			(unsigned long long)c.groups);
	return 0;
}

static int do_dump(struct cli *cli, const struct criu_options *o, char **word, size_t words,
	bool *ret_differs, struct cg_error **err)
{
	_cleanup_folder_ struct cg_folder f = CG_FOLDER_INIT;
	_cleanup_error_ struct cg_error *late = NULL;
	int status = 0, r = run_dump(cli, o, word, words, &f, &status, err);

	if (f.fd < 0)
		return r;
	if (r == 0 && status != 0)
		r = criu_failed(cli, o, &f, DUMP_LOG, status, err);
	if (freeze_again(&f, &late) < 0 && r == 0) {
		r = -late->code;
		*err = cg_steal(late);
	}
	return r < 0 ? r : finish_dump(cli, &f, ret_differs, err);
}

int cli_criu_dump(struct cli *cli, const struct criu_options *o, char **word, size_t words)
{
	_cleanup_error_ struct cg_error *err = NULL;
	bool differs = false;
	int pid;

	if (words < 1 || cg_parse_pid(cg_bytes_of(word[0]), &pid) < 0)
		return cli_usage(cli, "the process to dump is wanted: criu dump PID -D DIR");
	if (!o->images)
		return cli_usage(cli, "say where the images go: -D DIR");
	if (!is_there(pid))
		return cli_usage(cli, "there is no process %d", pid);
	if (do_dump(cli, o, word, words, &differs, &err) < 0)
		return cli_fail(cli, err);
	return differs ? CLI_EXIT_DIFFERS : CLI_EXIT_OK;
}

/* Restore. */

struct restoring {
	struct cli *cli;
	const struct criu_options *o;
	struct cli_lines lines;
	struct cg_folder folder;
	struct cg_live live;
	enum cg_outcome outcome;
};

static int run_criu(struct restoring *t, char **word, size_t words, struct cg_error **err)
{
	_cleanup_(words_free) struct words w = {0};
	_cleanup_yard_ struct cg_yard yard = {0};
	_cleanup_free_ char *self = NULL;
	struct cg_criu_run run = {.state_dir = state_dir_of(t->o), .stop = cli_catch_signals()};
	int status = 0, r = find_self(&self, err);

	r = r < 0 ? r : cg_yard_make(&t->live, &t->folder, &yard, err);
	if (r < 0)
		return r;
	common_words(&w, t->o, "restore", RESTORE_LOG, self);
	add_word(&w, "--restore-detached");
	add_word(&w, "--manage-cgroups=none");
	add_word(&w, "--cgroup-yard");
	add_word(&w, yard.path);
	more_words(&w, word, words);
	if (w.failed)
		return cg_error_oom(err);
	run.word = w.item;
	r = cg_criu_run(&run, &status, err);
	if (r == 0 && *run.stop)
		return cg_error_make(err, CG_FAULT_SYSTEM, EINTR, "ended by a signal");
	return r == 0 && status != 0 ? criu_failed(t->cli, t->o, &t->folder, RESTORE_LOG, status, err) : r;
}

/* Nothing of it stays: neither tasks nor groups. */
static void take_back(struct restoring *t, struct cg_error **err)
{
	_cleanup_error_ struct cg_error *why = NULL;
	size_t count;
	int r = cg_criu_end_children(&why);

	r = r < 0 ? r
		  : cg_checkpoint_undo(&t->folder, &t->live, cli_line, &t->lines, &count, &t->outcome, &why);
	t->outcome = CG_OUTCOME_UNCHANGED;
	if (r == 0)
		return;
	t->outcome = CG_OUTCOME_PARTIAL;
	cg_error_wrap(err, "%s, after", why->message);
	if (*err && (*err)->code != ENOMEM)
		(*err)->fault = CG_FAULT_PARTIAL;
}

static int do_restore(struct restoring *t, char **word, size_t words, struct cg_error **err)
{
	_cleanup_request_ struct cli_request request = {0};
	struct cg_restore_options options = {
		.apply = {.line = cli_line, .line_context = &t->lines, .stop = cli_catch_signals()},
	};
	struct cg_restore_counts counts;
	int r = cli_restore_fill(&t->o->where, &request, &options, err);

	r = r < 0 ? r : cg_folder_open(t->o->images, state_dir_of(t->o), &t->folder, err);
	r = r < 0 ? r : cli_open_live(&t->o->where.dir, &t->live, err);
	r = r < 0 ? r
		  : cg_checkpoint_prepare(&t->folder, &t->live, &options, true, &t->outcome, &counts, err);
	if (r < 0 || options.dry_run)
		return r;
	r = run_criu(t, word, words, err);
	if (r == 0)
		r = cg_checkpoint_is_prepared(&t->folder, err);
	if (r > 0)
		r = cg_error_make(err, CG_FAULT_SYSTEM, EIO,
			"CRIU ended well, but did not run the hook: limits that were held back are not applied");
	if (r < 0)
		take_back(t, err);
	return r;
}

int cli_criu_restore(struct cli *cli, const struct criu_options *o, char **word, size_t words)
{
	struct restoring t = {.cli = cli,
		.o = o,
		.lines = {.cli = cli, .style = cli_style_of(cli->color_out), .keep = cli->json},
		.folder = CG_FOLDER_INIT,
		.outcome = CG_OUTCOME_UNCHANGED};
	_cleanup_error_ struct cg_error *err = NULL;
	int r;

	if (!o->images)
		return cli_usage(cli, "say where the images are: -D DIR");
	if (cli_restore_check(cli, &o->where) != 0)
		return CLI_EXIT_USAGE;
	r = do_restore(&t, word, words, &err);
	(void)fflush(stdout);
	if (r < 0)
		(void)cli_fail_text(cli, err);
	else if (!cli->quiet && !o->where.dry_run)
		cli_say(cli, "restored");
	cg_folder_close(&t.folder);
	cg_live_close(&t.live);
	cg_text_free(&t.lines.kept);
	return cli_exit_of_outcome(cli, t.outcome, err);
}
