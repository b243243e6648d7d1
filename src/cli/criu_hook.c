/* cgtree criu hook: what CRIU runs at its steps (--action-script). It is told by the environment which step
 * it is, and what it says goes to CRIU's log, and, as what was done, to a log of its own beside the images.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/run.h"
#include "cli/criu_verbs.h"
#include "cli/source.h"

struct hook {
	struct cli *cli;
	struct cg_folder folder;
	struct cg_live live;
	const char *step;
	int init;
	int log; /* -1 until something is said */
	/* Whether it lives on from step to step (criu dump); then what was read early is kept here. */
	bool stays;
	struct cg_tree *early;
};

/* A line of the log. That the log cannot be written is no reason to break a dump off. */
static void log_line(void *context, const char *text)
{
	struct hook *h = context;
	_cleanup_text_ struct cg_text t = {0};

	cg_text_printf(&t, "%s: %s\n", h->step, text);
	if (h->log < 0)
		h->log = openat(h->folder.fd, CG_CHECKPOINT_LOG,
			O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (h->log >= 0 && !t.failed && cg_write_all(h->log, t.data, t.len) < 0)
		h->log = cg_close(h->log);
	if (text[0] == '!' && !h->stays)
		cli_say(h->cli, "%s", text);
}

static int pre_dump(struct hook *h, struct cg_error **err)
{
	_cleanup_error_ struct cg_error *why = NULL;
	_cleanup_tree_ struct cg_tree *early = NULL;
	size_t groups;
	int r = cg_checkpoint_thaw(&h->folder, &h->live, h->init, log_line, h, &groups, err), look;

	if (r < 0)
		return r;
	/* What cannot be read now, among tasks that run, is read when they stand still. */
	look = cg_checkpoint_look(&h->live, h->init, &early, &why);
	if (look == 0 && !h->stays)
		look = cg_folder_write_early(&h->folder, early, &why);
	if (look < 0)
		log_line(h, why->message);
	else if (h->stays)
		h->early = cg_steal(early);
	return 0;
}

static void say_dumped(struct hook *h, const struct cg_tree *tree)
{
	_cleanup_text_ struct cg_text t = {0};
	struct cli_counts c;

	if (cli_tree_counts(tree, &c, NULL) < 0)
		return;
	cg_text_adds(&t, "dumped ");
	cli_plural(&t, c.groups, "group", "groups");
	cg_text_adds(&t, ", ");
	cli_plural(&t, c.settings, "setting", "settings");
	cg_text_adds(&t, ", ");
	cli_plural(&t, c.tasks, "task", "tasks");
	if (!t.failed)
		log_line(h, t.data);
}

static int post_dump(struct hook *h, struct cg_error **err)
{
	_cleanup_tree_ struct cg_tree *tree = NULL;
	int r = cg_checkpoint_dump(&h->folder, &h->live, h->init, cg_steal(h->early), &tree, err);

	for (uint32_t i = 0; r == 0 && i < tree->notes; i++) {
		_cleanup_text_ struct cg_text t = {0};

		cg_text_adds(&t, "! ");
		cli_note_text(&tree->note[i], &t);
		if (!t.failed)
			log_line(h, t.data);
	}
	if (r == 0)
		say_dumped(h, tree);
	return r;
}

static int post_restore(struct hook *h, struct cg_error **err)
{
	bool done;
	int r = cg_checkpoint_finish(&h->folder, &h->live, h->init, log_line, h, &done, err);

	if (r == 0 && done)
		log_line(h, "all tasks are in their groups, all limits are applied");
	return r;
}

static int pre_resume(struct hook *h, struct cg_error **err)
{
	bool done;
	int r = cg_checkpoint_freeze(&h->folder, &h->live, log_line, h, &done, err);

	if (r == 0 && done)
		log_line(h, "done");
	return r;
}

static const struct {
	const char *name;
	int (*run)(struct hook *h, struct cg_error **err);
} steps[] = {
	{"pre-dump", pre_dump},
	{"post-dump", post_dump},
	{"post-restore", post_restore},
	{"pre-resume", pre_resume},
};

static bool has_step(const char *name)
{
	for (size_t i = 0; i < CG_ARRAY_SIZE(steps); i++)
		if (strcmp(name, steps[i].name) == 0)
			return true;
	return false;
}

static int open_hook(struct hook *h, const char *state_dir, struct cg_error **err)
{
	const char *folder = getenv("CRTOOLS_IMAGE_DIR"), *init = getenv("CRTOOLS_INIT_PID");
	int r;

	if (!folder)
		return cg_error_usage(err, "CRTOOLS_IMAGE_DIR is not set: this is for CRIU to run");
	if (!init || cg_parse_pid(cg_bytes_of(init), &h->init) < 0)
		return cg_error_usage(
			err, "CRTOOLS_INIT_PID does not name the process: this is for CRIU to run");
	r = cg_folder_open(folder, state_dir, &h->folder, err);
	return r < 0 ? r : cg_live_open(&h->live, err);
}

static int run_step(struct hook *h, struct cg_error **err)
{
	int r = 0;

	for (size_t i = 0; i < CG_ARRAY_SIZE(steps); i++)
		if (strcmp(h->step, steps[i].name) == 0)
			r = steps[i].run(h, err);
	if (r < 0) {
		_cleanup_free_ char *text = cg_error_text(*err);

		log_line(h, text ? text : "out of memory");
	}
	return r;
}

static void close_hook(struct hook *h)
{
	cg_folder_close(&h->folder);
	cg_live_close(&h->live);
	cg_tree_free(cg_steal(h->early));
	h->log = cg_close(h->log);
}

int cli_criu_attend(
	struct cli *cli, const char *folder, const char *state_dir, struct hook **ret, struct cg_error **err)
{
	struct hook *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return cg_error_oom(err);
	*h = (struct hook){.cli = cli, .folder = CG_FOLDER_INIT, .log = -1, .stays = true};
	r = cg_folder_open(folder, state_dir, &h->folder, err);
	r = r < 0 ? r : cg_live_open(&h->live, err);
	if (r == 0)
		*ret = h;
	else
		cli_criu_leave(&h);
	return r;
}

void cli_criu_leave(struct hook **h)
{
	if (*h)
		close_hook(*h);
	free(*h);
	*h = NULL;
}

int cli_criu_step(struct hook *h, const char *step, int init, struct cg_error **err)
{
	int r;

	h->step = step;
	h->init = init;
	r = run_step(h, err);
	/* The name is the caller's. */
	h->step = NULL;
	return r;
}

/* As cg_criu_wire_tell(). */
static int ask_who_stays(const char *step)
{
	const char *text = getenv("CRTOOLS_INIT_PID");
	int init;

	return text && cg_parse_pid(cg_bytes_of(text), &init) == 0 ? cg_criu_wire_tell(step, init) : 0;
}

int cli_criu_hook(struct cli *cli, const struct criu_options *o, char **word, size_t words)
{
	struct hook h = {
		.cli = cli, .folder = CG_FOLDER_INIT, .step = getenv("CRTOOLS_SCRIPT_ACTION"), .log = -1};
	const char *state_dir = getenv("CGTREE_STATE_DIR");
	_cleanup_error_ struct cg_error *err = NULL;
	int r = 0;

	(void)word;
	if (words)
		return cli_usage(cli, "hook takes no argument: CRIU tells it all by the environment");
	if (!h.step)
		return cli_usage(
			cli, "CRTOOLS_SCRIPT_ACTION is not set: this is for CRIU to run (--action-script)");
	state_dir = o->where.state_dir ? o->where.state_dir : state_dir ? state_dir : CLI_STATE_DIR;
	if (!has_step(h.step))
		return CLI_EXIT_OK;
	r = ask_who_stays(h.step);
	if (r != 0)
		return r > 0 ? CLI_EXIT_OK : CLI_EXIT_FAILED;
	r = open_hook(&h, state_dir, &err);
	if (r == 0)
		r = run_step(&h, &err);
	close_hook(&h);
	return r < 0 ? cli_fail(cli, err) : CLI_EXIT_OK;
}
