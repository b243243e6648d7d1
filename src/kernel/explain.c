/* After a failure, look why.
 *
 * The kernel answers with one number for many reasons. Each function here takes one number, looks at the
 * files that its rule speaks of (Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/ of the kernel), and
 * says the reason only if it sees it; else the next is asked, and at last the number's own text stands.
 * Looking never writes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include "kernel/explain_private.h"
#include "kernel/files.h"

#define CGROUP_NAMESPACE_INIT 0xEFFFFFFBU /* PROC_CGROUP_INIT_INO of linux/proc_ns.h */

int cg_failure_say(const struct cg_failure *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)cg_error_vmake(f->err, CG_FAULT_SYSTEM, f->code, fmt, ap);
	va_end(ap);
	if (strcmp(f->operation, "attach") == 0)
		cg_error_wrap(f->err, "cannot move task %.*s here", (int)f->value.len, f->value.data);
	else
		cg_error_wrap(f->err, "cannot %s %s", f->operation, f->file ? f->file : "the group");
	cg_error_at(f->err, f->path, f->file);
	return 1;
}

bool cg_failure_is_controller(const struct cg_failure *f, const char *controller)
{
	return cg_bytes_is(f->controller, controller);
}

char *cg_look_text(int dir, const char *file)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	struct cg_bytes text;

	if (cg_read_at(dir, file, false, &b) < 0)
		return NULL;
	text = cg_bytes_trim((struct cg_bytes){b.data, b.len});
	return strndup(text.data, text.len);
}

bool cg_look_has_word(const char *list, struct cg_bytes word)
{
	struct cg_bytes rest = cg_bytes_of(list), w;

	while (cg_bytes_word(&rest, &w))
		if (cg_bytes_equal(w, word))
			return true;
	return false;
}

bool cg_look_exists(int dir, const char *file)
{
	return faccessat(dir, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int cg_look_parent(int group)
{
	_cleanup_close_ int up = openat(group, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat own, above;

	if (up < 0 || fstat(group, &own) < 0 || fstat(up, &above) < 0 || own.st_dev != above.st_dev)
		return -1;
	return cg_steal_fd(&up);
}

char *cg_look_path_above(const char *path, unsigned int up)
{
	size_t len = path ? strlen(path) : 0;

	for (; up > 0 && len > 0; up--) {
		while (len > 0 && path[len - 1] != '/')
			len--;
		while (len > 0 && path[len - 1] == '/')
			len--;
	}
	return len > 0 ? strndup(path, len) : strdup("/");
}

bool cg_look_any(int child, const void *context)
{
	(void)context;
	return child >= 0;
}

struct child_search {
	int group;
	cg_look_match_fn *match;
	const void *context;
	char *name;
};

static int try_child(const char *name, unsigned char type, void *context)
{
	struct child_search *s = context;
	_cleanup_close_ int child = -1;

	if (type != DT_DIR || cg_cgroup_open(s->group, name, &child) < 0 || !s->match(child, s->context))
		return 0;
	s->name = strdup(name);
	return 1;
}

char *cg_look_child(int group, cg_look_match_fn *match, const void *context)
{
	struct child_search s = {group, match, context, NULL};

	return cg_dir_each(group, try_child, &s) < 0 ? NULL : s.name;
}

size_t cg_look_tasks(int group, int version)
{
	_cleanup_buffer_ struct cg_buffer b = {0};
	size_t count = 0;
	int r = cg_read_at(group, CG_FILE_PROCS, false, &b);

	/* cgroup.procs of a threaded group cannot be read. */
	if (r < 0)
		r = cg_read_at(group, version == 2 ? CG_FILE_THREADS : CG_FILE_TASKS, false, &b);
	for (size_t i = 0; r == 0 && i < b.len && count < 1000; i++)
		count += b.data[i] == '\n';
	return count;
}

/* The group itself is gone: whatever was asked for can no longer be done. A removed directory keeps its link
 * count, but a group that lives always has this file. */
static int explain_vanished(const struct cg_failure *f)
{
	bool on_child = strcmp(f->operation, "create") == 0 || strcmp(f->operation, "remove") == 0;

	if ((f->code != ENOENT && f->code != ENODEV) || f->version == 0 ||
		cg_look_exists(f->group, CG_FILE_PROCS))
		return 0;
	return cg_failure_say(f, "the group%s was removed meanwhile", on_child ? " above" : "");
}

static int explain_read_only(const struct cg_failure *f)
{
	struct statvfs fs;

	if (f->code != EROFS && (fstatvfs(f->group, &fs) < 0 || !(fs.f_flag & ST_RDONLY)))
		return 0;
	if (f->code != EROFS && f->code != EACCES && f->code != EPERM)
		return 0;
	cg_failure_say(f, "the cgroup file system is mounted read-only here");
	cg_error_hint(f->err, "name a writable mount of it with --dir, or run outside the container");
	return 1;
}

static bool in_cgroup_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/cgroup", &st) == 0 && st.st_ino != CGROUP_NAMESPACE_INIT;
}

/* Permission by owner and mode: of the file, or of the directory when a group is made or removed. */
static int explain_permission(const struct cg_failure *f)
{
	bool on_dir = strcmp(f->operation, "create") == 0 || strcmp(f->operation, "remove") == 0;
	const char *what = on_dir || !f->file ? "." : f->file;
	struct stat st;

	if (f->code != EACCES && f->code != EPERM)
		return 0;
	if (fstatat(f->group, what, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (faccessat(f->group, what, W_OK, AT_EACCESS) < 0) {
		if ((st.st_mode & 0222) == 0)
			return cg_failure_say(f, "the file can only be read");
		cg_failure_say(f, "%s belongs to user %u (mode %04o) and we are user %u",
			on_dir ? "the directory it lies in" : "the file", st.st_uid, st.st_mode & 07777,
			geteuid());
		cg_error_hint(f->err,
			"run as root, or have the group delegated (its directory and files owned by the user)");
		return 1;
	}
	if (f->code == EPERM && f->version == 2 && !on_dir && in_cgroup_namespace()) {
		cg_failure_say(f,
			"this is the root of our cgroup namespace, whose limits belong to the one outside (nsdelegate)");
		cg_error_hint(f->err, "set it from outside, or keep the top group's settings (--keep-top)");
		return 1;
	}
	return 0;
}

/* "max" or a number; UINT64_MAX for "max" and what cannot be read. */
static uint64_t read_limit(int group, const char *file)
{
	_cleanup_free_ char *text = cg_look_text(group, file);
	uint64_t v;

	return text && cg_parse_u64(cg_bytes_of(text), &v) == 0 ? v : UINT64_MAX;
}

static uint64_t read_descendants(int group)
{
	_cleanup_free_ char *text = cg_look_text(group, CG_FILE_STAT);
	struct cg_bytes rest = cg_bytes_of(text), line, key;
	uint64_t v;

	while (cg_bytes_split(&rest, '\n', &line))
		if (cg_bytes_word(&line, &key) && cg_bytes_is(key, "nr_descendants") &&
			cg_parse_u64(cg_bytes_trim(line), &v) == 0)
			return v;
	return 0;
}

/* cgroup.max.depth and cgroup.max.descendants of every group above count (cgroup-v2.rst, "Core Interface
 * Files"). */
static int explain_limits_above(const struct cg_failure *f)
{
	_cleanup_close_ int at = fcntl(f->group, F_DUPFD_CLOEXEC, 0);

	if (f->code != EAGAIN || f->version != 2)
		return 0;
	for (unsigned int level = 1; at >= 0; level++) {
		uint64_t depth = read_limit(at, CG_FILE_MAX_DEPTH),
			 many = read_limit(at, CG_FILE_MAX_DESCENDANTS);
		uint64_t have = many == UINT64_MAX ? 0 : read_descendants(at);
		int up;

		if (level > depth || have >= many) {
			_cleanup_free_ char *where = cg_look_path_above(f->path, level);
			const char *file = level > depth ? CG_FILE_MAX_DEPTH : CG_FILE_MAX_DESCENDANTS;

			if (level > depth)
				cg_failure_say(f,
					"%s allows %ju level%s of groups below it, and this would be level %u",
					where ? where : "a group above", (uintmax_t)depth,
					depth == 1 ? "" : "s", level);
			else
				cg_failure_say(f, "%s allows %ju group%s below it and has %ju",
					where ? where : "a group above", (uintmax_t)many,
					many == 1 ? "" : "s", (uintmax_t)have);
			cg_error_hint(f->err, "raise %s in %s", file, where ? where : "it");
			return 1;
		}
		up = cg_look_parent(at);
		(void)cg_close(at);
		at = up;
	}
	return 0;
}

static int explain_create(const struct cg_failure *f)
{
	int r = explain_limits_above(f);

	if (r == 0 && f->code == EEXIST)
		r = cg_failure_say(f, "there is already a group of that name");
	if (r == 0 && f->code == ENAMETOOLONG)
		r = cg_failure_say(f, "a group's name has at most 255 bytes");
	if (r == 0 && f->code == EINVAL)
		r = cg_failure_say(
			f, "a group's name is one component, is not \".\" or \"..\", and holds no newline");
	if (r == 0 && f->code == ENOSPC) {
		r = cg_failure_say(
			f, "the kernel has no number left for another group (a controller takes 65535)");
		cg_error_hint(f->err,
			"remove groups; those that were removed count until their memory is given back");
	}
	return r;
}

static int explain_remove(const struct cg_failure *f)
{
	_cleanup_close_ int group = -1;
	_cleanup_free_ char *child = NULL;
	size_t tasks;

	if (f->code == ENOENT)
		return cg_failure_say(f, "there is no such group");
	if (f->code != EBUSY || !f->file || cg_cgroup_open(f->group, f->file, &group) < 0)
		return 0;
	child = cg_look_child(group, cg_look_any, NULL);
	if (child) {
		cg_failure_say(f, "it has child groups (%s)", child);
		cg_error_hint(f->err, "remove the groups below it first");
		return 1;
	}
	tasks = cg_look_tasks(group, f->version);
	if (tasks > 0) {
		cg_failure_say(f, "it has %zu process%s", tasks, tasks == 1 ? "" : "es");
		cg_error_hint(f->err, "move them to another group or end them first");
		return 1;
	}
	cg_failure_say(
		f, "its last processes have ended or moved away and the kernel has not let go of it yet");
	cg_error_hint(f->err, "try again in a moment");
	return 1;
}

/* Groups with tasks and enabled controllers exclude each other (cgroup-v2.rst, "No Internal Process
 * Constraint"). */
static int explain_attach_v2(const struct cg_failure *f)
{
	_cleanup_free_ char *enabled = cg_look_text(f->group, CG_FILE_SUBTREE_CONTROL);
	_cleanup_free_ char *type = cg_look_text(f->group, CG_FILE_TYPE);

	if (f->code == EBUSY && enabled && enabled[0]) {
		cg_failure_say(f,
			"the group hands controllers to its children (%s), so it cannot have processes of its own",
			enabled);
		cg_error_hint(f->err, "put the process into a group below it");
		return 1;
	}
	if (f->code == EOPNOTSUPP && type && strcmp(type, "domain invalid") == 0) {
		cg_failure_say(f,
			"the group is \"domain invalid\": it lies in a threaded subtree and was not made threaded");
		cg_error_hint(f->err, "write \"threaded\" to its %s first", CG_FILE_TYPE);
		return 1;
	}
	if (f->code == EOPNOTSUPP && type) {
		cg_failure_say(f,
			"threads move only within one threaded subtree, and processes only between domains (this group is \"%s\")",
			type);
		cg_error_hint(
			f->err, "move the whole process to the subtree's root with %s first", CG_FILE_PROCS);
		return 1;
	}
	if (f->code == ENOENT && in_cgroup_namespace())
		return cg_failure_say(f,
			"the task's present group or this one lies outside our cgroup namespace (nsdelegate)");
	return 0;
}

struct empty_search {
	int group;
	const char *prefix;
	struct cg_text names;
};

static int note_empty(const char *name, unsigned char type, void *context)
{
	struct empty_search *s = context;
	_cleanup_free_ char *text = NULL;
	size_t len = strlen(s->prefix);
	struct stat st;

	if (type != DT_REG || strncmp(name, s->prefix, len) != 0 ||
		fstatat(s->group, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || (st.st_mode & 0222) == 0)
		return 0;
	text = cg_look_text(s->group, name);
	if (text && text[0] == '\0')
		cg_text_printf(&s->names, "%s%s", s->names.len ? ", " : "", name);
	return 0;
}

/* cpuset takes no task before it has CPUs and memory nodes (cgroup-v1/cpusets.rst, 1.3). */
static int explain_empty_cpuset(const struct cg_failure *f)
{
	struct empty_search s = {.group = f->group, .prefix = "cpuset."};

	if (f->code != ENOSPC || cg_dir_each(f->group, note_empty, &s) < 0 || s.names.len == 0) {
		cg_text_free(&s.names);
		return 0;
	}
	cg_failure_say(f, "the group has no CPUs or no memory nodes (empty: %s)", s.names.data);
	cg_error_hint(f->err, "set its CPUs and memory nodes before tasks enter, from the top down");
	cg_text_free(&s.names);
	return 1;
}

static int explain_attach(const struct cg_failure *f)
{
	int r = f->version == 2 ? explain_attach_v2(f) : 0;

	if (r == 0)
		r = explain_empty_cpuset(f);
	if (r != 0)
		return r;
	if (f->code == ESRCH)
		return cg_failure_say(f, "there is no such task (any more)");
	if (f->code == ENOENT)
		return cg_explain_absent(f);
	if (f->code == EACCES || f->code == EPERM) {
		cg_failure_say(f,
			"we may not move the task: that needs write permission on %s of the nearest group above both "
			"where it is and where it goes, and on v1 to be its owner",
			CG_FILE_PROCS);
		cg_error_hint(f->err, "run as root, or move it within one delegated subtree");
		return 1;
	}
	if (f->code == EINVAL) {
		cg_failure_say(f,
			"the kernel does not let this task move here (a kernel thread, a task that is just being made, or a "
			"real-time task where the group has no real-time share)");
		return 1;
	}
	return 0;
}

static int explain_operation(const struct cg_failure *f)
{
	if (strcmp(f->operation, "create") == 0)
		return explain_create(f);
	if (strcmp(f->operation, "remove") == 0)
		return explain_remove(f);
	if (strcmp(f->operation, "attach") == 0)
		return explain_attach(f);
	return f->file ? cg_explain_write(f) : 0;
}

static int group_version(int group)
{
	struct statfs fs;

	if (fstatfs(group, &fs) < 0)
		return 0;
	if (fs.f_type == CGROUP2_SUPER_MAGIC)
		return 2;
	return fs.f_type == CGROUP_SUPER_MAGIC ? 1 : 0;
}

int cg_cgroup_explain(struct cg_error **err, int group, const char *path, const char *file,
	struct cg_bytes value, const char *operation, int code)
{
	struct cg_failure f = {
		.err = err,
		.group = group,
		.version = group_version(group),
		.path = path,
		.file = file,
		.operation = operation,
		.value = cg_bytes_trim(value),
		.code = code < 0 ? -code : code,
	};
	struct cg_bytes rest = cg_bytes_of(file);
	int r;

	if (!cg_bytes_split(&rest, '.', &f.controller))
		f.controller = (struct cg_bytes){"", 0};
	r = explain_vanished(&f);
	if (r == 0)
		r = explain_read_only(&f);
	if (r == 0)
		r = explain_permission(&f);
	if (r == 0)
		r = explain_operation(&f);
	if (r == 0)
		cg_failure_say(&f, "%s", strerror(f.code));
	return -f.code;
}
