/* Undoing restores that were killed. Each record in the folder stands for one; the newest is taken first, for
 * it was made on top of the others. A record whose lock is held belongs to a restore at work. One that does
 * not fit what is found is left and named, for a person to judge. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "engine/apply.h"
#include "engine/undo.h"
#include "kernel/tasks.h"

struct recovery {
	const struct cg_live *live;
	const struct cg_apply_options *options;
	int folder;
	char boot[37];
	size_t undone, left;     /* records */
	struct cg_error *failed; /* of the first record that could be taken back in part only */
};

struct candidate {
	char *name;
	struct timespec time;
};
struct candidates {
	struct candidate *item;
	size_t count;
	int folder;
};

static void candidates_free(struct candidates *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->item[i].name);
	free(c->item);
}

static int add_candidate(const char *name, unsigned char type, void *context)
{
	struct candidates *c = context;
	struct candidate *grown;
	struct stat st;

	(void)type;
	if (strncmp(name, CG_UNDO_PREFIX, strlen(CG_UNDO_PREFIX)) != 0)
		return 0;
	if (fstatat(c->folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	grown = reallocarray(c->item, c->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	c->item = grown;
	grown[c->count].time = st.st_mtim;
	grown[c->count].name = strdup(name);
	if (!grown[c->count].name)
		return -ENOMEM;
	c->count++;
	return 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->time.tv_sec != y->time.tv_sec)
		return x->time.tv_sec < y->time.tv_sec ? 1 : -1;
	if (x->time.tv_nsec != y->time.tv_nsec)
		return x->time.tv_nsec < y->time.tv_nsec ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void tell(const struct recovery *c, char sign, const char *name, const char *what)
{
	_cleanup_text_ struct cg_text t = {0};

	cg_text_printf(&t, "%c ", sign);
	cg_text_escape(&t, cg_bytes_of(c->options->state_dir));
	cg_text_addc(&t, '/');
	cg_text_escape(&t, cg_bytes_of(name));
	cg_text_adds(&t, ": ");
	cg_text_escape(&t, cg_bytes_of(what));
	if (c->options->line && !t.failed)
		c->options->line(c->options->line_context, t.data);
}

static void leave(struct recovery *c, const char *name, const char *why)
{
	c->left++;
	tell(c, '!', name, why);
}

static void drop(struct recovery *c, struct cg_undo_record *record, const char *why)
{
	if (cg_undo_record_remove(record) < 0)
		leave(c, record->name, "cannot be removed");
	else
		tell(c, '-', record->name, why);
}

static int undo_with(struct recovery *c, struct cg_undo *undo, const int *base, struct cg_undo_record *record,
	struct cg_error **err)
{
	_cleanup_dirs_ struct cg_dirs dirs = {.outer = -1};
	_cleanup_undo_run_ struct cg_undo_run run = {
		.undo = undo,
		.dirs = &dirs,
		.steps = undo->steps,
		.recovering = true,
		.line = c->options->line,
		.line_context = c->options->line_context,
		.proc = -1,
		.page_size = (uint64_t)sysconf(_SC_PAGESIZE),
	};
	_cleanup_error_ struct cg_error *why = NULL;
	size_t failed;

	if (cg_dirs_init(&dirs, undo, base) < 0)
		return cg_error_oom(err);
	failed = cg_undo_run(&run, &why);
	if (failed > 0) {
		c->left++;
		cg_error_wrap(&why,
			"%s/%s: %zu step%s could not be taken back, and the record was kept; first",
			c->options->state_dir, record->name, failed, failed == 1 ? "" : "s");
		cg_error_hint(&why, "mend what stands in the way and run recover again");
		if (!c->failed)
			c->failed = cg_steal(why);
		return 0;
	}
	c->undone++;
	drop(c, record, "undone");
	return 0;
}

static int undo_record(
	struct recovery *c, struct cg_undo *undo, struct cg_undo_record *record, struct cg_error **err)
{
	_cleanup_free_ int *base = calloc(undo->hierarchies + 1, sizeof(*base));
	int r = 0;

	if (!base)
		return cg_error_oom(err);
	if (cg_undo_open_bases(c->live, undo, base))
		r = undo_with(c, undo, base, record, err);
	else
		leave(c, record->name, "the hierarchy that it speaks of is not reachable from here: left");
	for (size_t i = 0; i < undo->hierarchies; i++)
		(void)cg_close(base[i]);
	return r;
}

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && strcmp(name + n - m, end) == 0;
}

/* Opens and locks; 1 when there is nothing to do with this file, which was said where it matters. */
static int take(struct recovery *c, const char *name, struct cg_undo_record *record, struct stat *st)
{
	record->fd = openat(c->folder, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (record->fd < 0 && errno == ENOENT)
		return 1;
	if (record->fd < 0 || fstat(record->fd, st) < 0) {
		leave(c, name, strerror(errno));
		return 1;
	}
	if (!S_ISREG(st->st_mode) || st->st_uid != geteuid() || (st->st_mode & 077)) {
		leave(c, name, "is no record of ours (not a file of mode 0600 that belongs to us): left");
		return 1;
	}
	if (flock(record->fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			tell(c, '=', name, "its restore is at work");
		else
			leave(c, name, strerror(errno));
		return 1;
	}
	/* Finished between our looking and locking. */
	if (fstat(record->fd, st) < 0 || st->st_nlink == 0)
		return 1;
	return 0;
}

static int recover_one(struct recovery *c, const char *name, struct cg_error **err)
{
	_cleanup_undo_record_ struct cg_undo_record record = CG_UNDO_RECORD_INIT;
	_cleanup_error_ struct cg_error *why = NULL;
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_undo_ struct cg_undo undo = {0};
	struct stat st;
	int r;

	if (take(c, name, &record, &st) > 0)
		return 0;
	record.name = strdup(name);
	record.dirfd = fcntl(c->folder, F_DUPFD_CLOEXEC, 0);
	if (!record.name || record.dirfd < 0)
		return cg_error_errno(err, record.name ? errno : ENOMEM, "cannot take up %s", name);
	if (ends_with(name, CG_UNDO_TEMPORARY) || st.st_size == 0) {
		drop(c, &record, "its restore changed nothing");
		return 0;
	}
	r = cg_read_fd(record.fd, false, &b);
	if (r < 0) {
		leave(c, name, strerror(-r));
		return 0;
	}
	r = cg_undo_parse((struct cg_bytes){b.data, b.len}, &undo, &why);
	if (r == -ENOMEM)
		return cg_error_oom(err);
	if (r < 0) {
		leave(c, name, why ? why->message : strerror(-r));
		return 0;
	}
	if (strcmp(undo.boot, c->boot) != 0) {
		drop(c, &record, "made on another boot, and the reboot took its groups along");
		return 0;
	}
	return undo_record(c, &undo, &record, err);
}

static int recover_all(struct recovery *c, struct cg_error **err)
{
	_cleanup_(candidates_free) struct candidates all = {.folder = c->folder};
	int r = cg_dir_each(c->folder, add_candidate, &all);

	if (r < 0)
		return cg_error_errno(err, -r, "cannot list %s", c->options->state_dir);
	if (all.count > 0)
		qsort(all.item, all.count, sizeof(*all.item), newest_first);
	for (size_t i = 0; i < all.count; i++) {
		if (c->options->stop && *c->options->stop)
			return cg_error_make(err, CG_FAULT_SYSTEM, EINTR, "ended by a signal");
		r = recover_one(c, all.item[i].name, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int cg_recover(const struct cg_live *live, const struct cg_apply_options *options, size_t *ret_count,
	enum cg_outcome *ret, struct cg_error **err)
{
	struct recovery c = {.live = live, .options = options, .folder = -1};
	int r;

	*ret_count = 0;
	*ret = CG_OUTCOME_EXACT;
	r = cg_undo_folder(options->state_dir, false, &c.folder, err);
	if (r == -ENOENT)
		return 0;
	if (r == 0) {
		r = cg_boot_id(c.boot);
		if (r < 0)
			r = cg_error_errno(err, -r, "cannot read the boot id");
	}
	if (r == 0)
		r = recover_all(&c, err);
	(void)cg_close(c.folder);
	*ret_count = c.undone;
	if (c.failed) {
		*ret = CG_OUTCOME_PARTIAL;
		if (c.failed->code != ENOMEM)
			c.failed->fault = CG_FAULT_PARTIAL;
		if (r == 0)
			r = -c.failed->code;
		if (err && !*err)
			*err = cg_steal(c.failed);
		(void)cg_error_free(c.failed);
	} else if (r < 0) {
		*ret = c.undone > 0 ? CG_OUTCOME_PARTIAL : CG_OUTCOME_UNCHANGED;
	} else if (c.left > 0) {
		*ret = CG_OUTCOME_DIFFERS;
	}
	return r;
}
