/* Why a write to an interface file failed: the rules of the files that every group has, then those of one
 * controller, then what the number alone says. What a rule compares is found by the controller's name and the
 * shape of file names, so that files which come with newer kernels are covered too. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/devices.h"
#include "kernel/explain_private.h"
#include "kernel/files.h"

static bool ends_with(const char *name, const char *suffix)
{
	size_t len = strlen(name), tail = strlen(suffix);

	return len > tail && strcmp(name + len - tail, suffix) == 0;
}

/* On v2 a group has a controller's files if its parent enabled it: the topmost group that does not is where
 * to begin. */
static int explain_not_enabled(const struct cg_failure *f, struct cg_bytes controller)
{
	_cleanup_close_ int at = cg_look_parent(f->group);
	int len = (int)controller.len;

	for (unsigned int up = 1; at >= 0; up++) {
		_cleanup_free_ char *offered = cg_look_text(at, CG_FILE_CONTROLLERS);
		_cleanup_free_ char *enabled = cg_look_text(at, CG_FILE_SUBTREE_CONTROL);
		_cleanup_free_ char *where = cg_look_path_above(f->path, up);
		int above;

		if (!offered || !enabled || !where)
			return 0;
		if (cg_look_has_word(enabled, controller))
			return 0;
		if (cg_look_has_word(offered, controller)) {
			cg_failure_say(
				f, "controller %.*s is not enabled in %s", len, controller.data, where);
			cg_error_hint(f->err, "enable it with: echo +%.*s > %s/%s (in the mounted tree)%s",
				len, controller.data, strcmp(where, "/") == 0 ? "" : where,
				CG_FILE_SUBTREE_CONTROL,
				up > 1 ? ", and then in each group below on the way" : "");
			return 1;
		}
		above = cg_look_parent(at);
		(void)cg_close(at);
		at = above;
	}
	cg_failure_say(f, "the v2 hierarchy does not offer controller %.*s", len, controller.data);
	cg_error_hint(f->err,
		"a v1 hierarchy may have taken it, or the kernel was built or booted without it; see /proc/cgroups");
	return 1;
}

struct prefix {
	struct cg_bytes controller;
	bool found;
};

static int note_prefix(const char *name, unsigned char type, void *context)
{
	struct prefix *p = context;

	p->found = type == DT_REG && strncmp(name, p->controller.data, p->controller.len) == 0 &&
		   name[p->controller.len] == '.';
	return p->found;
}

/* On v2 files of some controllers' names are there without the controller (statistics, pressure), so only the
 * groups above tell. */
static bool depends_on_controller(const struct cg_failure *f)
{
	return !cg_failure_is_controller(f, "cgroup") && !ends_with(f->file, CG_SUFFIX_PRESSURE);
}

int cg_explain_absent(const struct cg_failure *f)
{
	struct prefix p = {f->controller, false};
	_cleanup_close_ int parent = cg_look_parent(f->group);

	if (!f->file || cg_look_exists(f->group, f->file))
		return 0;
	if (parent < 0)
		return cg_failure_say(f, "the root of the hierarchy has no such file");
	if (f->version == 2 && depends_on_controller(f) && explain_not_enabled(f, f->controller))
		return 1;
	if (f->version == 1 && cg_dir_each(f->group, note_prefix, &p) == 0 && !p.found) {
		cg_failure_say(f,
			"the group has no file of controller %.*s: this hierarchy does not carry it",
			(int)f->controller.len, f->controller.data);
		cg_error_hint(f->err, "look in /proc/cgroups for the hierarchy that does");
		return 1;
	}
	cg_failure_say(f, "this kernel has no such file");
	cg_error_hint(f->err,
		"it came with another kernel version or needs an option that this kernel was built or booted without");
	return 1;
}

static bool child_enables(int child, const void *context)
{
	const struct cg_bytes *controller = context;
	_cleanup_free_ char *enabled = cg_look_text(child, CG_FILE_SUBTREE_CONTROL);

	return enabled && cg_look_has_word(enabled, *controller);
}

/* Top-down only, no own processes, not while a child uses it (cgroup-v2.rst, "Organizing Processes and
 * Threads", "Controlling Controllers"). */
static int explain_subtree_control(const struct cg_failure *f)
{
	_cleanup_free_ char *offered = cg_look_text(f->group, CG_FILE_CONTROLLERS);
	_cleanup_free_ char *type = cg_look_text(f->group, CG_FILE_TYPE);
	struct cg_bytes rest = f->value, word;
	size_t tasks;

	if (f->code == EOPNOTSUPP && type) {
		cg_failure_say(
			f, "the group is \"%s\": only threaded controllers can be enabled there", type);
		cg_error_hint(f->err, "enable domain controllers in the threaded subtree's root only");
		return 1;
	}
	while (offered && cg_bytes_word(&rest, &word)) {
		struct cg_bytes name = {word.data + 1, word.len - 1};
		_cleanup_free_ char *child = NULL;

		if (word.data[0] != '+' && word.data[0] != '-')
			return cg_failure_say(
				f, "\"%.*s\" does not begin with + or -", (int)word.len, word.data);
		if (f->code == ENOENT && word.data[0] == '+' && !cg_look_has_word(offered, name))
			return explain_not_enabled(f, name);
		if (f->code == EINVAL && !cg_look_has_word(offered, name))
			return cg_failure_say(f, "this kernel's v2 hierarchy knows no controller \"%.*s\"",
				(int)name.len, name.data);
		if (f->code == EBUSY && word.data[0] == '-') {
			child = cg_look_child(f->group, child_enables, &name);
			if (!child)
				continue;
			cg_failure_say(f, "child group %s has %.*s enabled for its own children", child,
				(int)name.len, name.data);
			cg_error_hint(f->err, "disable it there first, from the bottom up");
			return 1;
		}
	}
	tasks = f->code == EBUSY ? cg_look_tasks(f->group, f->version) : 0;
	if (tasks > 0) {
		cg_failure_say(f,
			"the group has %zu process%s of its own, and only groups without can hand controllers to children",
			tasks, tasks == 1 ? "" : "es");
		cg_error_hint(f->err, "move them into a child group first");
		return 1;
	}
	return 0;
}

static bool is_populated_domain(int child, const void *context)
{
	_cleanup_free_ char *type = cg_look_text(child, CG_FILE_TYPE);
	_cleanup_free_ char *events = cg_look_text(child, CG_FILE_EVENTS);

	(void)context;
	return type && events && strcmp(type, "domain") == 0 && strstr(events, "populated 1");
}

/* Why the group above cannot become the root of a threaded subtree. */
static int explain_thread_root(const struct cg_failure *f, int parent, const char *type)
{
	_cleanup_free_ char *enabled = cg_look_text(parent, CG_FILE_SUBTREE_CONTROL);
	_cleanup_free_ char *sibling = NULL;

	if (strcmp(type, "domain invalid") == 0) {
		cg_failure_say(f, "the group above it is \"domain invalid\"");
		cg_error_hint(f->err, "make groups threaded from the top down");
		return 1;
	}
	sibling = cg_look_child(parent, is_populated_domain, NULL);
	if (sibling) {
		cg_failure_say(f,
			"the group beside it (%s) is a domain with processes, and a group's children are either all domains or all "
			"threaded",
			sibling);
		cg_error_hint(f->err, "move the processes away first");
		return 1;
	}
	cg_failure_say(f,
		"the group above (\"%s\", enabled for its children: %s) cannot be the root of a threaded subtree",
		type, enabled && enabled[0] ? enabled : "nothing");
	cg_error_hint(f->err, "disable domain controllers there; only threaded ones can stay enabled");
	return 1;
}

/* Making a group threaded (cgroup-v2.rst, "Threads"). */
static int explain_type(const struct cg_failure *f)
{
	_cleanup_free_ char *enabled = cg_look_text(f->group, CG_FILE_SUBTREE_CONTROL);
	_cleanup_free_ char *above = NULL;
	_cleanup_close_ int parent = -1;

	if (f->code == EINVAL) {
		cg_failure_say(f,
			"only \"threaded\" can be written, and a threaded group never becomes a domain again");
		cg_error_hint(f->err, "remove the group and make it anew");
		return 1;
	}
	if (f->code != EOPNOTSUPP)
		return 0;
	if (cg_look_tasks(f->group, f->version) > 0) {
		cg_failure_say(f, "the group has processes");
		cg_error_hint(f->err, "make it threaded while it is empty");
		return 1;
	}
	parent = cg_look_parent(f->group);
	above = parent < 0 ? NULL : cg_look_text(parent, CG_FILE_TYPE);
	if (enabled && enabled[0]) {
		cg_failure_say(f, "the group has controllers enabled for its children (%s)", enabled);
		cg_error_hint(f->err, "make it threaded first and enable controllers afterwards");
		return 1;
	}
	return above ? explain_thread_root(f, parent, above) : 0;
}

/* A limit below what is in use: says how much that is, from the sister file that shows the use. */
static int explain_below_use(const struct cg_failure *f)
{
	static const struct {
		const char *limit, *use;
	} suffix[] = {
		{CG_SUFFIX_V1_LIMIT, CG_SUFFIX_V1_USE},
		{CG_SUFFIX_V2_LIMIT, CG_SUFFIX_V2_USE},
	};
	size_t len = strlen(f->file);

	for (size_t i = 0; f->code == EBUSY && i < CG_ARRAY_SIZE(suffix); i++) {
		_cleanup_text_ struct cg_text sister = {0};
		_cleanup_free_ char *use = NULL;
		size_t tail = strlen(suffix[i].limit);
		uint64_t used, wanted;

		if (!ends_with(f->file, suffix[i].limit))
			continue;
		cg_text_add(&sister, f->file, len - tail);
		cg_text_adds(&sister, suffix[i].use);
		if (sister.failed)
			return 0;
		use = cg_look_text(f->group, sister.data);
		if (!use || cg_parse_u64(cg_bytes_of(use), &used) < 0)
			continue;
		if (cg_parse_size(f->value, &wanted) == 0 && wanted > used)
			continue;
		cg_failure_say(f, "the group uses more than that: %s is %s", sister.data, use);
		cg_error_hint(f->err, "free it first, or set a limit not below the use");
		return 1;
	}
	return 0;
}

struct ranges_rule {
	const char *file;
	struct cg_ranges wanted;
};

static bool child_needs_more(int child, const void *context)
{
	const struct ranges_rule *rule = context;
	_cleanup_free_ char *text = cg_look_text(child, rule->file);
	_cleanup_ranges_ struct cg_ranges theirs = {0};

	return text && cg_parse_ranges(cg_bytes_of(text), &theirs) == 0 &&
	       !cg_ranges_subset(&theirs, &rule->wanted);
}

static bool child_overlaps(int child, const void *context)
{
	const struct ranges_rule *rule = context;
	_cleanup_free_ char *text = cg_look_text(child, rule->file);
	_cleanup_ranges_ struct cg_ranges theirs = {0};

	if (!text || cg_parse_ranges(cg_bytes_of(text), &theirs) < 0)
		return false;
	for (size_t i = 0; i < theirs.count; i++)
		for (size_t j = 0; j < rule->wanted.count; j++)
			if (theirs.item[i].first <= rule->wanted.item[j].last &&
				rule->wanted.item[j].first <= theirs.item[i].last)
				return true;
	return false;
}

/* cgroup-v1/cpusets.rst, 1.4: a set lies within its parent's, covers its children's, and exclusive ones do
 * not overlap. */
static int explain_cpuset_ranges(const struct cg_failure *f, const struct ranges_rule *rule)
{
	_cleanup_close_ int parent = cg_look_parent(f->group);
	_cleanup_free_ char *above = parent < 0 ? NULL : cg_look_text(parent, f->file);
	_cleanup_ranges_ struct cg_ranges allowed = {0};
	_cleanup_free_ char *name = NULL;

	if (f->code == EACCES && above && cg_parse_ranges(cg_bytes_of(above), &allowed) == 0 &&
		!cg_ranges_subset(&rule->wanted, &allowed)) {
		cg_failure_say(f, "\"%.*s\" is not within what the group above has (\"%s\")",
			(int)f->value.len, f->value.data, above);
		cg_error_hint(f->err, "widen the group above first");
		return 1;
	}
	if (f->code == EBUSY) {
		name = cg_look_child(f->group, child_needs_more, rule);
		if (!name)
			return 0;
		cg_failure_say(f, "child group %s has more than that", name);
		cg_error_hint(f->err, "narrow the groups below first");
		return 1;
	}
	if (f->code == EINVAL && parent >= 0) {
		name = cg_look_child(parent, child_overlaps, rule);
		if (!name)
			return 0;
		cg_failure_say(
			f, "it overlaps the set of another group (%s), and one of them is exclusive", name);
		cg_error_hint(f->err, "give each group its own, or clear the exclusive flag of one of them");
		return 1;
	}
	return 0;
}

static int explain_cpuset_exclusive(const struct cg_failure *f)
{
	switch (f->code) {
	case EACCES:
	case EBUSY:
		cg_failure_say(f,
			"an exclusive flag needs the same flag in the group above, and stays while a child has it");
		cg_error_hint(f->err, "set such flags from the top down and clear them from the bottom up");
		return 1;
	case EINVAL:
		cg_failure_say(f, "the group's set overlaps that of another group beside it");
		cg_error_hint(f->err, "give each group a set of its own first");
		return 1;
	default:
		return 0;
	}
}

static int explain_cpuset(const struct cg_failure *f)
{
	struct ranges_rule rule = {.file = f->file};
	int r;

	if (f->code == ENOSPC) {
		cg_failure_say(f, "the group%s would be left without CPUs or memory nodes while it has tasks",
			f->version == 2 ? " or one below it" : "");
		cg_error_hint(f->err, "move its tasks away, or leave it some");
		return 1;
	}
	if (ends_with(f->file, CG_SUFFIX_V1_EXCLUSIVE))
		return explain_cpuset_exclusive(f);
	if (cg_parse_ranges(f->value, &rule.wanted) < 0)
		return 0;
	r = explain_cpuset_ranges(f, &rule);
	cg_ranges_free(&rule.wanted);
	return r;
}

/* cgroup-v1/devices.rst: "a" only without children; nothing that the parent lacks. */
static int explain_devices(const struct cg_failure *f)
{
	_cleanup_free_ char *child = NULL;

	if (f->code == EPERM) {
		cg_failure_say(
			f, "the group above does not permit \"%.*s\"", (int)f->value.len, f->value.data);
		cg_error_hint(f->err, "permit it there first, from the top down");
		return 1;
	}
	if (f->code != EINVAL)
		return 0;
	child = f->value.len > 0 && f->value.data[0] == 'a' ? cg_look_child(f->group, cg_look_any, NULL)
							    : NULL;
	if (!child)
		return cg_failure_say(f, "\"%.*s\" is no rule of the form \"TYPE MAJOR:MINOR ACCESS\"",
			(int)f->value.len, f->value.data);
	cg_failure_say(f, "\"a\" cannot be written while the group has children (%s)", child);
	cg_error_hint(f->err, "write it before the child groups are made");
	return 1;
}

/* scheduler/sched-bwc.rst and sched-rt-group.rst: on v1 a child's share of time cannot be above its parent's,
 * nor below its children's. */
static int explain_cpu(const struct cg_failure *f)
{
	_cleanup_close_ int parent = f->code == EINVAL && f->version == 1 ? cg_look_parent(f->group) : -1;
	_cleanup_free_ char *above = parent < 0 ? NULL : cg_look_text(parent, f->file);
	_cleanup_free_ char *present = cg_look_text(f->group, f->file);

	if (f->code == EBUSY && f->version == 1) {
		cg_failure_say(f,
			"real-time tasks are in the group, or the real-time shares of its children would not fit");
		cg_error_hint(f->err, "set real-time shares before real-time tasks enter, parents first");
		return 1;
	}
	if (f->code != EINVAL)
		return 0;
	if (above)
		cg_failure_say(f, "the kernel refuses this value (present: %s; the group above has %s)",
			present ? present : "?", above);
	else
		cg_failure_say(f, "the kernel refuses this value (present: %s)", present ? present : "?");
	cg_error_hint(f->err, "%s",
		f->version == 1
			? "a v1 group's quota in relation to its period cannot be above its parent's: raise parents first, lower "
			  "children first; a burst cannot be above the quota; an idle group takes no weight"
			: "quota and period are 1000 us or more, a burst is not above the quota, an idle group takes no weight");
	return 1;
}

struct limits {
	int group;
	struct cg_bytes controller;
	struct cg_text list;
};

/* Limits that were set; the unlimited ones stand against nothing. */
static int note_limit(const char *name, unsigned char type, void *context)
{
	struct limits *l = context;
	_cleanup_free_ char *text = NULL;
	uint64_t value;

	if (type != DT_REG || !ends_with(name, CG_SUFFIX_V1_LIMIT) ||
		strncmp(name, l->controller.data, l->controller.len) != 0)
		return 0;
	text = cg_look_text(l->group, name);
	if (text && cg_parse_u64(cg_bytes_of(text), &value) == 0 && value < UINT64_C(1) << 62)
		cg_text_printf(&l->list, "%s%s %s", l->list.len ? ", " : "", name, text);
	return 0;
}

/* cgroup-v1/memory.rst, 2.4: the limit of memory is not above that of memory and swap. */
static int explain_memory_v1(const struct cg_failure *f)
{
	struct limits l = {.group = f->group, .controller = f->controller};
	uint64_t wanted;
	bool found;

	if (f->version != 1 || f->code != EINVAL || !ends_with(f->file, CG_SUFFIX_V1_LIMIT) ||
		cg_parse_size(f->value, &wanted) < 0)
		return 0;
	found = cg_dir_each(f->group, note_limit, &l) == 0 && l.list.len > 0;
	if (found) {
		cg_failure_say(f,
			"a limit of memory cannot be above that of memory and swap together (now: %s)",
			l.list.data);
		cg_error_hint(
			f->err, "to raise, raise the limit with swap first; to lower, the one without first");
	}
	cg_text_free(&l.list);
	return found;
}

/* Names the device of a keyed file that is not there, or is only a part of one. */
static int explain_device(const struct cg_failure *f)
{
	struct cg_bytes rest = f->value, line, key;

	if (f->code != ENODEV && f->code != ENXIO && f->code != EINVAL)
		return 0;
	while (cg_bytes_split(&rest, '\n', &line)) {
		char number[32];
		int r;

		if (!cg_bytes_word(&line, &key) || key.len >= sizeof(number) ||
			!memchr(key.data, ':', key.len))
			continue;
		memcpy(number, key.data, key.len);
		number[key.len] = '\0';
		r = cg_block_check(number);
		if (r == -ENODEV)
			cg_failure_say(f, "the block device %s does not exist", number);
		else if (r == 0)
			cg_failure_say(f, "%s is a partition; only whole devices can be named", number);
		else
			continue;
		cg_error_hint(
			f->err, "device numbers differ between hosts and boots: map it to the right one");
		return 1;
	}
	return 0;
}

static int explain_interface(const struct cg_failure *f)
{
	struct cg_bytes rest = f->value, name;
	char text[IF_NAMESIZE];

	if (!cg_bytes_word(&rest, &name) || name.len >= sizeof(text))
		return 0;
	memcpy(text, name.data, name.len);
	text[name.len] = '\0';
	if (if_nametoindex(text) != 0)
		return 0;
	cg_failure_say(f, "there is no network interface %s in our network namespace", text);
	cg_error_hint(f->err, "interfaces are named otherwise on each host: map it to the right one");
	return 1;
}

static int explain_core(const struct cg_failure *f)
{
	if (strcmp(f->file, CG_FILE_SUBTREE_CONTROL) == 0)
		return explain_subtree_control(f);
	if (strcmp(f->file, CG_FILE_TYPE) == 0)
		return explain_type(f);
	if (strcmp(f->file, CG_FILE_FREEZER_STATE) == 0 && f->code == EINVAL)
		return cg_failure_say(
			f, "only FROZEN and THAWED can be written; FREEZING is a state on the way");
	return 0;
}

static int explain_controller(const struct cg_failure *f)
{
	static const struct {
		const char *controller;
		int (*explain)(const struct cg_failure *f);
	} rules[] = {
		{"cpuset", explain_cpuset},
		{"devices", explain_devices},
		{"cpu", explain_cpu},
		{"memory", explain_memory_v1},
		{"io", explain_device},
		{"blkio", explain_device},
		{"net_prio", explain_interface},
	};

	for (size_t i = 0; i < CG_ARRAY_SIZE(rules); i++)
		if (cg_failure_is_controller(f, rules[i].controller))
			return rules[i].explain(f);
	return 0;
}

/* What the number says about any file. */
static int explain_by_code(const struct cg_failure *f)
{
	long page = sysconf(_SC_PAGESIZE);
	_cleanup_free_ char *type = NULL;

	switch (f->code) {
	case EINVAL:
		return cg_failure_say(f, "the kernel refuses \"%.*s\": not of the form or range of this file",
			(int)(f->value.len < 256 ? f->value.len : 256), f->value.data);
	case ERANGE:
		return cg_failure_say(f, "\"%.*s\" is out of range",
			(int)(f->value.len < 256 ? f->value.len : 256), f->value.data);
	case EOPNOTSUPP:
		type = f->version == 2 ? cg_look_text(f->group, CG_FILE_TYPE) : NULL;
		if (type && strcmp(type, "domain") != 0)
			return cg_failure_say(f, "not in a group of type \"%s\"", type);
		return cg_failure_say(f, "this kernel or device does not support it here");
	case EBUSY:
		return cg_failure_say(
			f, "in use: the group's tasks, children or present use stand against it");
	case EIO:
	case E2BIG:
		if (page > 0 && f->value.len >= (size_t)page)
			return cg_failure_say(f,
				"the value has %zu bytes, and the kernel takes less than %ld at once",
				f->value.len, page);
		return 0;
	case EPERM:
		cg_failure_say(f, "%s",
			geteuid() == 0 ? "the kernel forbids it even to root here"
				       : "that needs a privilege which we lack");
		cg_error_hint(f->err,
			"the root of a cgroup namespace, a host policy or a missing capability can be the cause");
		return 1;
	default:
		return 0;
	}
}

int cg_explain_write(const struct cg_failure *f)
{
	int r = f->code == ENOENT ? cg_explain_absent(f) : 0;

	if (r == 0)
		r = explain_core(f);
	if (r == 0)
		r = explain_below_use(f);
	if (r == 0)
		r = explain_controller(f);
	return r != 0 ? r : explain_by_code(f);
}
