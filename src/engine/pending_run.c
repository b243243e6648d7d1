/* Carrying out what is pending.
 *
 * Tasks are taken by their ids: each is looked up once, and compared with the places that the record has for
 * it, one in each hierarchy. Who is elsewhere is moved, processes first, for their threads go along; then all
 * that were moved are looked at again. Settings come after, for a limit may be what ends a task. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/apply_setting.h"
#include "engine/pending.h"
#include "engine/undo.h"
#include "kernel/cgroupfs.h"
#include "kernel/files.h"
#include "kernel/pid_map.h"
#include "kernel/tasks.h"

struct pending {
	const struct cg_live *live;
	const struct cg_pending_options *options;
	struct cg_pending_counts *counts;
	struct cg_undo undo;
	struct cg_dirs dirs;
	struct cg_pid_map map; /* from the record's ids */
	uint32_t *order;       /* steps of tasks, by id and hierarchy */
	size_t tasks;
	bool *moved; /* by step */
	int proc;
	struct cg_buffer buffer, back;
	struct cg_text path, line, sent, sent_to;
};

static void say(struct pending *p)
{
	if (p->options->line && !p->line.failed)
		p->options->line(p->options->line_context, p->line.data);
	cg_text_reset(&p->line);
}

static int compare_steps(const void *a, const void *b, void *context)
{
	const struct cg_undo *u = context;
	const struct cg_undo_step *x = &u->step[*(const uint32_t *)a], *y = &u->step[*(const uint32_t *)b];

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (x->place > y->place) - (x->place < y->place);
}

/* Who has which id, and the tasks of the record in the order of their ids. */
static int learn_tasks(struct pending *p, struct cg_error **err)
{
	int r = cg_proc_shares_pid_namespace(p->proc, p->options->pidns);

	p->map.same = r > 0;
	if (r == 0)
		r = cg_pid_map_read(&p->map, p->proc, p->options->pidns, &p->buffer);
	if (r == -ENOMEM)
		return cg_error_oom(err);
	if (r < 0)
		return cg_error_errno(
			err, -r, "cannot look through the pid namespace of process %d", p->options->pidns);
	cg_pid_map_sort(&p->map);
	p->order = calloc(p->undo.steps + 1, sizeof(*p->order));
	p->moved = calloc(p->undo.steps + 1, sizeof(*p->moved));
	if (!p->order || !p->moved)
		return cg_error_oom(err);
	for (uint32_t i = 0; i < p->undo.steps; i++)
		if (p->undo.step[i].kind == CG_UNDO_TASK)
			p->order[p->tasks++] = i;
	if (p->tasks)
		qsort_r(p->order, p->tasks, sizeof(*p->order), compare_steps, &p->undo);
	return 0;
}

/* The line of /proc/PID/cgroup about the hierarchy, or NULL. */
static const struct cg_membership *membership_in(
	const struct cg_memberships *in, const struct cg_undo_hierarchy *h)
{
	for (size_t i = 0; i < in->count; i++) {
		const struct cg_membership *m = &in->item[i];
		struct cg_live_hierarchy l = {.version = m->hierarchy_id == 0 ? 2 : 1,
			.controllers = m->controllers,
			.name = m->name};

		if (l.version == h->version && cg_live_matches(&l, h->label))
			return m;
	}
	return NULL;
}

/* Whether memory is charged by this hierarchy. */
static bool charges_memory(const struct cg_undo_hierarchy *h)
{
	struct cg_bytes rest = cg_bytes_of(h->label), part;

	if (h->version == 2)
		return true;
	while (cg_bytes_split(&rest, ',', &part))
		if (cg_bytes_is(part, "memory"))
			return true;
	return false;
}

static int open_place(struct pending *p, uint32_t place, int *ret_fd, struct cg_error **err)
{
	int r = cg_dirs_open(&p->dirs, place, ret_fd);

	if (r == 0)
		return 0;
	cg_text_reset(&p->path);
	cg_undo_path(&p->undo, place, &p->path);
	r = cg_error_errno(err, -r, "cannot open the group");
	cg_error_at(err, p->path.data, NULL);
	return r;
}

static int move(struct pending *p, uint32_t step, int tid, const char *from, struct cg_error **err)
{
	const struct cg_undo_step *s = &p->undo.step[step];
	const struct cg_undo_hierarchy *h = &p->undo.hierarchy[p->undo.place[s->place].hierarchy];
	const char *file = s->whole ? CG_FILE_PROCS : h->version == 2 ? CG_FILE_THREADS : CG_FILE_TASKS;
	int fd, r = open_place(p, s->place, &fd, err);
	char id[16];

	if (r < 0)
		return r;
	cg_text_reset(&p->path);
	cg_undo_path(&p->undo, s->place, &p->path);
	r = cg_cgroup_attach(fd, file, tid);
	if (r < 0) {
		(void)snprintf(id, sizeof(id), "%d", tid);
		return cg_cgroup_explain(err, fd, p->path.data, file, cg_bytes_of(id), "attach", -r);
	}
	p->moved[step] = true;
	p->counts->moved++;
	cg_text_adds(&p->line, "> ");
	cg_text_escape(&p->line, (struct cg_bytes){p->path.data, p->path.len});
	cg_text_printf(&p->line, " %d", tid);
	say(p);
	if (!s->whole || !charges_memory(h))
		return 0;
	cg_text_adds(&p->line, "! ");
	cg_text_escape(&p->line, (struct cg_bytes){p->path.data, p->path.len});
	cg_text_printf(&p->line, ": process %d was made in ", tid);
	cg_text_escape(&p->line, cg_bytes_of(from));
	cg_text_adds(&p->line, " and moved: the memory that it had by then stays charged there");
	say(p);
	return 0;
}

static int is_elsewhere(struct pending *p, const struct cg_undo_step *s, int tid,
	const struct cg_memberships *in, struct cg_error **err)
{
	const struct cg_undo_hierarchy *h = &p->undo.hierarchy[p->undo.place[s->place].hierarchy];
	const struct cg_membership *m = membership_in(in, h);
	int r;

	cg_text_reset(&p->path);
	cg_undo_path(&p->undo, s->place, &p->path);
	if (p->path.failed)
		return cg_error_oom(err);
	if (m && !m->deleted && strcmp(m->path, p->path.data) == 0)
		return 0;
	if (m && !m->deleted)
		return 1;
	r = cg_error_make(err, CG_FAULT_SYSTEM, ESRCH, "%s %d (%d when it was dumped) %s",
		s->whole ? "process" : "thread", tid, s->id,
		m ? "has ended" : "is in no group of its hierarchy");
	cg_error_at(err, p->path.data, NULL);
	return r;
}

static int refuse_elsewhere(
	struct pending *p, const struct cg_undo_step *s, int tid, const char *is, struct cg_error **err)
{
	int r = cg_error_make(err, CG_FAULT_SYSTEM, EXDEV, "%s %d is in %s instead",
		s->whole ? "process" : "thread", tid, is);

	cg_error_at(err, p->path.data, NULL);
	return r;
}

enum pass { PASS_PROCESSES, PASS_THREADS, PASS_CHECK };

/* One step: compared, and in its pass moved. */
static int look_at(struct pending *p, uint32_t step, enum pass pass, int tid, const struct cg_memberships *in,
	struct cg_error **err)
{
	const struct cg_undo_step *s = &p->undo.step[step];
	const struct cg_undo_hierarchy *h = &p->undo.hierarchy[p->undo.place[s->place].hierarchy];
	int r = is_elsewhere(p, s, tid, in, err);
	const char *is;

	if (r <= 0)
		return r;
	is = membership_in(in, h)->path;
	if (pass == PASS_CHECK || (p->options->stay && s->whole))
		return refuse_elsewhere(p, s, tid, is, err);
	return s->whole == (pass == PASS_PROCESSES) ? move(p, step, tid, is, err) : 0;
}

/* Whether the task of that id lives and will: one that has ended and waits to be reaped still has its groups,
 * and one that was killed for want of memory may have given it up and not yet have ended. */
static int look_alive(struct pending *p, const struct cg_undo_step *s, int tid, struct cg_error **err)
{
	int r = tid ? cg_proc_is_ending(p->proc, tid, &p->buffer) : -ESRCH;

	if (r == 0)
		return 0;
	if (r > 0)
		r = -ESRCH;
	cg_text_reset(&p->path);
	cg_undo_path(&p->undo, s->place, &p->path);
	r = r == -ESRCH ? cg_error_make(err, CG_FAULT_SYSTEM, ESRCH, "%s %d of the image %s",
				  s->whole ? "process" : "thread", s->id, tid ? "has ended" : "is not here")
			: cg_error_errno(err, -r, "cannot look at task %d", tid);
	cg_error_at(err, p->path.data, NULL);
	return r;
}

/* All places of one id, steps order[first] to order[end - 1]. */
static int look_at_task(struct pending *p, enum pass pass, size_t first, size_t end, struct cg_error **err)
{
	_cleanup_memberships_ struct cg_memberships in = {0};
	_cleanup_error_ struct cg_error *why = NULL;
	const struct cg_undo_step *s = &p->undo.step[p->order[first]];
	int tid = cg_pid_map_find(&p->map, s->id);
	int r = look_alive(p, s, tid, err);

	if (r < 0)
		return r;
	r = cg_live_of_pid(tid, &in, &why);
	if (r < 0) {
		*err = cg_steal(why);
		return r;
	}
	for (size_t i = first; r == 0 && i < end; i++)
		r = look_at(p, p->order[i], pass, tid, &in, err);
	return r;
}

static bool wants_look(const struct pending *p, enum pass pass, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++) {
		const struct cg_undo_step *s = &p->undo.step[p->order[i]];

		if (pass == PASS_CHECK ? p->moved[p->order[i]] : s->whole == (pass == PASS_PROCESSES))
			return true;
	}
	return false;
}

static int run_pass(struct pending *p, enum pass pass, struct cg_error **err)
{
	int r = 0;

	for (size_t first = 0, end; r == 0 && first < p->tasks; first = end) {
		int32_t id = p->undo.step[p->order[first]].id;

		for (end = first + 1; end < p->tasks && p->undo.step[p->order[end]].id == id;)
			end++;
		if (wants_look(p, pass, first, end))
			r = look_at_task(p, pass, first, end, err);
		p->counts->tasks +=
			pass != PASS_CHECK && p->undo.step[p->order[first]].whole == (pass == PASS_PROCESSES);
	}
	return r;
}

static int place_tasks(struct pending *p, struct cg_error **err)
{
	int r = learn_tasks(p, err);

	r = r < 0 ? r : run_pass(p, PASS_PROCESSES, err);
	r = r < 0 ? r : run_pass(p, PASS_THREADS, err);
	return r < 0 || !p->counts->moved ? r : run_pass(p, PASS_CHECK, err);
}

/* What was applied may have ended tasks: a limit below what they use. */
static int all_alive(struct pending *p, struct cg_error **err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->tasks; i++) {
		const struct cg_undo_step *s = &p->undo.step[p->order[i]];

		if (i == 0 || s->id != p->undo.step[p->order[i - 1]].id)
			r = look_alive(p, s, cg_pid_map_find(&p->map, s->id), err);
	}
	if (r == -ESRCH)
		cg_error_wrap(err, "after the limits were applied");
	return r;
}

/* Settings. */

static void say_setting(struct pending *p, const struct cg_undo_step *s, struct cg_bytes from)
{
	cg_text_adds(&p->line, "~ ");
	cg_undo_path(&p->undo, s->place, &p->path);
	cg_text_escape(&p->line, (struct cg_bytes){p->path.data, p->path.len});
	cg_text_addc(&p->line, ' ');
	cg_text_escape(&p->line, cg_bytes_of(s->file));
	cg_text_addc(&p->line, ' ');
	cg_text_escape(&p->line, cg_bytes_trim(from));
	cg_text_adds(&p->line, " -> ");
	cg_text_escape(&p->line, cg_bytes_trim(s->to));
	say(p);
}

static int bring(struct pending *p, const struct cg_undo_step *s, struct cg_error **err)
{
	int version = p->undo.hierarchy[p->undo.place[s->place].hierarchy].version, r;
	struct cg_setting_io io = {.knob = cg_knob_find(s->file, version),
		.file = s->file,
		.page_size = (uint64_t)sysconf(_SC_PAGESIZE),
		.back = &p->back,
		.sent = &p->sent,
		.sent_to = &p->sent_to};
	struct cg_bytes from;

	r = open_place(p, s->place, &io.group, err);
	if (r < 0)
		return r;
	cg_text_reset(&p->sent);
	cg_text_reset(&p->sent_to);
	cg_text_reset(&p->path);
	r = cg_setting_read(&io, &p->buffer);
	from = (struct cg_bytes){p->buffer.data, p->buffer.len};
	if (r == 0 && !cg_setting_agrees(&io, from, s->to))
		r = cg_setting_store(&io, from, s->to);
	else if (r == 0)
		return 0;
	if (r == 0 && cg_setting_agrees(&io, (struct cg_bytes){p->back.data, p->back.len}, s->to)) {
		say_setting(p, s, from);
		return 0;
	}
	cg_undo_path(&p->undo, s->place, &p->path);
	if (r == 0)
		r = cg_error_make(err, CG_FAULT_SYSTEM, EIO, "wrote %.*s, the kernel has %.*s",
			(int)s->to.len, s->to.data, (int)p->back.len, p->back.data);
	else
		r = cg_cgroup_explain(err, io.group, p->path.data, p->sent_to.len ? p->sent_to.data : s->file,
			p->sent.len ? (struct cg_bytes){p->sent.data, p->sent.len} : s->to, "write", -r);
	cg_error_at(err, p->path.data, s->file);
	return r;
}

static bool is_of_part(const struct pending *p, const struct cg_undo_step *s)
{
	int version = p->undo.hierarchy[p->undo.place[s->place].hierarchy].version;
	const struct cg_knob *knob = cg_knob_find(s->file, version);
	bool last = knob && knob->phase == CG_PHASE_LAST;

	return last == (p->options->part == CG_PENDING_FREEZE);
}

/* In the plan's order; what is refused is tried again while anything else succeeds, for limits of one group
 * can bound each other. */
static int bring_settings(struct pending *p, struct cg_error **err)
{
	size_t left, before = SIZE_MAX;

	do {
		_cleanup_error_ struct cg_error *first = NULL;
		int r = 0;

		left = 0;
		for (size_t i = 0; i < p->undo.steps; i++) {
			struct cg_undo_step *s = &p->undo.step[i];
			_cleanup_error_ struct cg_error *why = NULL;
			int one;

			if (s->kind != CG_UNDO_VALUE || s->settled || !is_of_part(p, s))
				continue;
			one = bring(p, s, &why);
			s->settled = one == 0;
			p->counts->settings += one == 0;
			left += one < 0;
			if (one < 0 && !first) {
				first = cg_steal(why);
				r = one;
			}
		}
		if (left && left >= before) {
			*err = cg_steal(first);
			return r;
		}
		before = left;
	} while (left);
	return 0;
}

static int run(struct pending *p, int *base, struct cg_error **err)
{
	bool limits = p->options->part == CG_PENDING_LIMITS;
	char boot[37];
	int r = cg_boot_id(boot);

	if (r < 0)
		return cg_error_errno(err, -r, "cannot read the boot id");
	if (strcmp(boot, p->undo.boot) != 0)
		return cg_error_make(err, CG_FAULT_SYSTEM, ESTALE,
			"what is pending was recorded on another boot, whose groups are gone");
	if (!cg_undo_open_bases(p->live, &p->undo, base))
		return cg_error_make(
			err, CG_FAULT_SYSTEM, ENOENT, "a hierarchy of the record is not reachable from here");
	if (cg_dirs_init(&p->dirs, &p->undo, base) < 0)
		return cg_error_oom(err);
	r = limits ? cg_proc_open(&p->proc, err) : 0;
	if (r == 0 && limits)
		r = place_tasks(p, err);
	r = r < 0 ? r : bring_settings(p, err);
	return r < 0 || !limits ? r : all_alive(p, err);
}

int cg_pending_run(const struct cg_live *live, struct cg_bytes record,
	const struct cg_pending_options *options, struct cg_pending_counts *ret, struct cg_error **err)
{
	struct pending p = {
		.live = live, .options = options, .counts = ret, .dirs = {.outer = -1}, .proc = -1};
	_cleanup_free_ int *base = NULL;
	struct cg_error *own = NULL;
	int r = cg_undo_parse(record, &p.undo, &own);

	*ret = (struct cg_pending_counts){0};
	if (r == 0)
		base = calloc(p.undo.hierarchies + 1, sizeof(*base));
	for (size_t i = 0; base && i < p.undo.hierarchies; i++)
		base[i] = -1;
	if (r == 0)
		r = base ? run(&p, base, &own) : cg_error_oom(&own);
	cg_dirs_free(&p.dirs);
	for (size_t i = 0; base && i < p.undo.hierarchies; i++)
		(void)cg_close(base[i]);
	cg_undo_free(&p.undo);
	cg_pid_map_free(&p.map);
	free(p.order);
	free(p.moved);
	(void)cg_close(p.proc);
	cg_buffer_free(&p.buffer);
	cg_buffer_free(&p.back);
	cg_text_free(&p.path);
	cg_text_free(&p.line);
	cg_text_free(&p.sent);
	cg_text_free(&p.sent_to);
	if (err)
		*err = own;
	else
		(void)cg_error_free(own);
	return r;
}
