/* The options of cgtree job, and a job's specification made of them. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cli/job.h"

#define GRACE_DEFAULT_US 10000000
#define GROUPS_MOST      1024

static const char *const yes_no[] = {"yes", "no", NULL};

#define AT(member) offsetof(struct job_options, member)
#define LIMIT(i, option, what, help)                                                                         \
	{                                                                                                    \
		'\0', option, CLI_TEXT, AT(limit[i]), what, NULL, CLI_NAMES_NOTHING, help                    \
	}
const struct cli_option job_table[] = {
	{'\0', "socket", CLI_TEXT, AT(socket), "PATH", NULL, CLI_NAMES_FILE,
		"the manager's socket (default: CGTREE_SOCKET, or " CG_MANAGER_SOCKET ")"},
	{'\0', "id", CLI_TEXT, AT(id), "ID", NULL, CLI_NAMES_NOTHING,
		"call the job so: letters, digits, \"-\", \"_\", \".\" (default: job-N)"},
	LIMIT(0, "cpu-max", "Q/P|N%", "cpu time: QUOTA/PERIOD in microseconds, or percent of one cpu"),
	LIMIT(1, "cpu-weight", "N", "share of the cpu among jobs, 1 to 10000 (default: 100)"),
	LIMIT(2, "memory-max", "SIZE", "memory limit: 64M, 1.5G, max"),
	LIMIT(3, "memory-high", "SIZE", "memory above which the job is slowed down"),
	LIMIT(4, "memory-low", "SIZE", "memory that is protected as far as possible"),
	LIMIT(5, "memory-min", "SIZE", "memory that is protected"),
	LIMIT(6, "memory-swap-max", "SIZE", "swap limit"),
	LIMIT(7, "io-weight", "N", "share of disk time, 1 to 10000"),
	LIMIT(8, "pids-max", "N", "processes and threads at most"),
	LIMIT(9, "cpuset-cpus", "LIST", "cpus to run on: 0-3,8"),
	LIMIT(10, "cpuset-mems", "LIST", "memory nodes to use"),
	{'\0', "io-max", CLI_LIST, AT(io_max), "DEV KEY=N...", NULL, CLI_NAMES_NOTHING,
		"disk limits of one device (8:16 or /dev/sdb): rbps, wbps, riops, wiops; may be repeated"},
	{'\0', "set", CLI_LIST, AT(set), "KNOB=VALUE", NULL, CLI_NAMES_NOTHING,
		"any setting of cgroup v2; may be repeated"},
	{'\0', "priority", CLI_TEXT, AT(priority), "N", NULL, CLI_NAMES_NOTHING,
		"0 to 100; under pressure the lowest goes first (default: 50)"},
	{'\0', "user", CLI_TEXT, AT(user), "USER", NULL, CLI_NAMES_NOTHING,
		"run as this user, with its groups; only root may (default: who asks)"},
	{'\0', "cwd", CLI_TEXT, AT(cwd), "DIR", NULL, CLI_NAMES_DIRECTORY,
		"the working directory (default: / for submit, this one for run)"},
	{'\0', "env", CLI_LIST, AT(env), "NAME=VALUE", NULL, CLI_NAMES_NOTHING,
		"set in the job's environment; may be repeated"},
	{'\0', "clean-env", CLI_FLAG, AT(clean_env),
		.help = "do not pass our environment on: only PATH, HOME, USER, LOGNAME, SHELL and --env"},
	{'\0', "require-path", CLI_LIST, AT(require), "PATH", NULL, CLI_NAMES_FILE,
		"start only if this is there; may be repeated"},
	{'\0', "timeout", CLI_TEXT, AT(timeout), "TIME", NULL, CLI_NAMES_NOTHING,
		"stop it after so long: 90s, 5m, 1h (default: never)"},
	{'\0', "stop-grace", CLI_TEXT, AT(grace), "TIME", NULL, CLI_NAMES_NOTHING,
		"how long it has between SIGTERM and the end by force (default: 10s)"},
	{'\0', "restart", CLI_TEXT, AT(restart), "WHEN", NULL, CLI_NAMES_NOTHING,
		"no, on-failure or always, with :N at most N times (default: no)"},
	{'\0', "after", CLI_LIST, AT(after), "ID", NULL, CLI_NAMES_NOTHING,
		"start when this job has ended with status 0; may be repeated"},
	{'\0', "service", CLI_LIST, AT(service), "COMMAND", NULL, CLI_NAMES_NOTHING,
		"of submit: run this beside it, by /bin/sh, as the job ID.s1 and so on; the job starts when its "
		"services run, and they are stopped when it has ended; may be repeated"},
	{'\0', "service-ready", CLI_LIST, AT(ready), "COMMAND", NULL, CLI_NAMES_NOTHING,
		"wait until this succeeds, too; the first belongs to the first --service, and so on"},
	{'\0', "queue", CLI_FLAG, AT(queue), .help = "wait for room instead of being refused"},
	{'\0', "no-new-privs", CLI_CHOICE, AT(no_new_privs), "WHETHER", yes_no, CLI_NAMES_NOTHING,
		"keep set-user-ID programs from giving it privileges: yes or no (default: yes)"},
	{'\0', "oom-group", CLI_FLAG, AT(oom_group),
		.help = "out of memory, all of it is killed, not one process"},
	{'\0', "unkillable", CLI_FLAG, AT(unkillable), .help = "never killed to relieve the host"},
	{'\0', "labels", CLI_LIST, AT(labels), "NAME=VALUE", NULL, CLI_NAMES_NOTHING,
		"kept with the job and shown; may be repeated"},
	{'s', "signal", CLI_TEXT, AT(signal), "SIGNAL", NULL, CLI_NAMES_NOTHING,
		"of kill: name or number (default: KILL)"},
	{'f', "follow", CLI_FLAG, AT(follow), .help = "of logs and events: go on with what comes"},
	{'\0', "keep-jobs", CLI_FLAG, AT(keep_jobs), .help = "of quit: the jobs go on"},
	{'o', "output", CLI_TEXT, AT(output), "DIR", NULL, CLI_NAMES_DIRECTORY,
		"of checkpoint: the folder that is made for it"},
	{'R', "leave-running", CLI_FLAG, AT(leave_running),
		.help = "of checkpoint: the job goes on afterwards"},
	{0},
};
#undef AT

void job_options_free(struct job_options *o)
{
	struct cli_list *lists[] = {
		&o->io_max, &o->set, &o->env, &o->require, &o->after, &o->labels, &o->service, &o->ready};

	for (size_t i = 0; i < CG_ARRAY_SIZE(lists); i++)
		cli_list_free(lists[i]);
}

static int add(struct cg_strings *to, struct cg_text *t, struct cg_error **err)
{
	int r = t->failed ? -ENOMEM : cg_strings_add(to, (struct cg_bytes){t->data, t->len});

	cg_text_reset(t);
	return r < 0 ? cg_error_oom(err) : 0;
}

/* "/dev/sdb rbps=1M" with the device's number in front. */
static int io_max(const char *text, struct cg_text *t, struct cg_error **err)
{
	_cleanup_free_ char *device = strndup(text, strcspn(text, " "));
	struct stat st;

	if (!device)
		return cg_error_oom(err);
	if (device[0] != '/') {
		cg_text_adds(t, text);
		return 0;
	}
	if (stat(device, &st) < 0)
		return cg_error_errno(err, errno, "--io-max: cannot look at %s", device);
	if (!S_ISBLK(st.st_mode))
		return cg_error_usage(err, "--io-max: %s is no block device", device);
	cg_text_printf(t, "%u:%u%s", major(st.st_rdev), minor(st.st_rdev), text + strlen(device));
	return 0;
}

int job_limits(const struct job_options *o, struct cg_strings *to, struct cg_error **err)
{
	_cleanup_text_ struct cg_text t = {0};
	int r = 0;

	for (const struct cli_option *row = job_table; r == 0 && row->name; row++) {
		size_t first = offsetof(struct job_options, limit);
		const char *value;

		if (row->offset < first || row->offset >= first + sizeof(o->limit))
			continue;
		value = o->limit[(row->offset - first) / sizeof(o->limit[0])];
		if (!value)
			continue;
		if (!cg_limit_of_option(row->name, &t))
			return cg_error_usage(err, "--%s is no setting of cgroup v2", row->name);
		cg_text_printf(&t, "=%s", value);
		r = add(to, &t, err);
	}
	for (size_t i = 0; r == 0 && i < o->io_max.count; i++) {
		if (!cg_limit_of_option("io-max", &t))
			return cg_error_oom(err);
		cg_text_addc(&t, '=');
		r = io_max(o->io_max.item[i], &t, err);
		r = r < 0 ? r : add(to, &t, err);
	}
	for (size_t i = 0; r == 0 && i < o->set.count; i++) {
		cg_text_adds(&t, o->set.item[i]);
		r = add(to, &t, err);
	}
	if (r == 0 && o->oom_group) {
		cg_text_printf(&t, "%s=1", cg_known_limit_name(CG_LIMIT_OOM_GROUP));
		r = add(to, &t, err);
	}
	return r;
}

int job_time(const char *option, const char *text, uint64_t *ret_us, struct cg_error **err)
{
	static const struct {
		const char *suffix;
		uint64_t us;
	} units[] = {{"us", 1}, {"ms", 1000}, {"s", 1000000}, {"m", 60000000}, {"h", 3600000000u},
		{"d", 86400000000u}, {"", 1000000}};
	size_t digits = strspn(text, "0123456789");
	uint64_t n;

	for (size_t i = 0; i < CG_ARRAY_SIZE(units); i++)
		if (strcmp(text + digits, units[i].suffix) == 0 &&
			cg_parse_u64((struct cg_bytes){text, digits}, &n) == 0 &&
			!__builtin_mul_overflow(n, units[i].us, ret_us))
			return 0;
	return cg_error_usage(
		err, "--%s \"%s\": a time such as 500ms, 10s, 5m or 1h is wanted", option, text);
}

int job_signal_number(const char *text, uint32_t *ret, struct cg_error **err)
{
	const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
	uint32_t n;

	if (cg_parse_u32(cg_bytes_of(text), &n) == 0 && n >= 1 && n <= (uint32_t)SIGRTMAX) {
		*ret = n;
		return 0;
	}
	for (int i = 1; i < NSIG; i++) {
		const char *abbreviation = sigabbrev_np(i);

		if (!abbreviation || strcasecmp(name, abbreviation) != 0)
			continue;
		*ret = (uint32_t)i;
		return 0;
	}
	return cg_error_usage(err, "\"%s\" is no signal: a name such as TERM or a number is wanted", text);
}

static int copy_list(const struct cli_list *from, struct cg_strings *to, struct cg_error **err)
{
	for (size_t i = 0; i < from->count; i++)
		if (cg_strings_add(to, cg_bytes_of(from->item[i])) < 0)
			return cg_error_oom(err);
	return 0;
}

static int set_user(
	const struct job_options *o, struct cg_job_spec *s, const struct passwd **ret, struct cg_error **err)
{
	gid_t groups[GROUPS_MOST];
	const struct passwd *p;
	int count = GROUPS_MOST;
	uint32_t uid;

	s->uid = s->gid = UINT32_MAX;
	if (!o->user) {
		*ret = getpwuid(geteuid());
		return 0;
	}
	p = cg_parse_u32(cg_bytes_of(o->user), &uid) == 0 ? getpwuid(uid) : getpwnam(o->user);
	if (!p)
		return cg_error_usage(err, "--user: there is no user \"%s\"", o->user);
	s->uid = p->pw_uid;
	s->gid = p->pw_gid;
	if (getgrouplist(p->pw_name, p->pw_gid, groups, &count) < 0)
		return cg_error_usage(err, "--user: %s is in more than %d groups", o->user, GROUPS_MOST);
	for (int i = 0; i < count; i++) {
		_cleanup_text_ struct cg_text t = {0};
		int r;

		cg_text_printf(&t, "%u", groups[i]);
		r = add(&s->groups, &t, err);
		if (r < 0)
			return r;
	}
	*ret = p;
	return 0;
}

static bool is_set_again(const struct cli_list *env, const char *entry)
{
	size_t len = strcspn(entry, "=") + 1;

	for (size_t i = 0; i < env->count; i++)
		if (strncmp(env->item[i], entry, len) == 0)
			return true;
	return false;
}

static int add_env(const struct job_options *o, struct cg_job_spec *s, const char *name, const char *value,
	struct cg_error **err)
{
	_cleanup_text_ struct cg_text t = {0};

	cg_text_printf(&t, "%s=%s", name, value);
	return !t.failed && is_set_again(&o->env, t.data) ? 0 : add(&s->env, &t, err);
}

/* That of the user, as a login has it. */
static int clean_env(
	const struct job_options *o, struct cg_job_spec *s, const struct passwd *p, struct cg_error **err)
{
	int r = add_env(o, s, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", err);

	if (!p || r < 0)
		return r;
	r = add_env(o, s, "HOME", p->pw_dir, err);
	r = r < 0 ? r : add_env(o, s, "USER", p->pw_name, err);
	r = r < 0 ? r : add_env(o, s, "LOGNAME", p->pw_name, err);
	return r < 0 ? r : add_env(o, s, "SHELL", p->pw_shell, err);
}

static int set_env(
	const struct job_options *o, struct cg_job_spec *s, const struct passwd *p, struct cg_error **err)
{
	int r = 0;

	if (o->clean_env)
		r = clean_env(o, s, p, err);
	for (char **e = environ; !o->clean_env && r == 0 && *e; e++)
		if ((*e)[0] != '=' && strchr(*e, '=') && !is_set_again(&o->env, *e) &&
			cg_strings_add(&s->env, cg_bytes_of(*e)) < 0)
			r = cg_error_oom(err);
	return r < 0 ? r : copy_list(&o->env, &s->env, err);
}

static int set_restart(const char *text, struct cg_job_spec *s, struct cg_error **err)
{
	size_t len = strcspn(text, ":");

	for (unsigned i = 0; i < CG_RESTARTS; i++) {
		const char *name = cg_restart_name((enum cg_restart)i);

		if (strlen(name) != len || strncmp(name, text, len) != 0)
			continue;
		s->restart = (uint8_t)i;
		if (!text[len])
			return 0;
		if (i != CG_RESTART_NO && cg_parse_u32(cg_bytes_of(text + len + 1), &s->restart_max) == 0 &&
			s->restart_max)
			return 0;
	}
	return cg_error_usage(err, "--restart \"%s\": no, on-failure, always, or the last two with :N", text);
}

static int set_numbers(const struct job_options *o, struct cg_job_spec *s, struct cg_error **err)
{
	uint32_t priority = CG_PRIORITY_DEFAULT;
	int r = 0;

	if (o->priority &&
		(cg_parse_u32(cg_bytes_of(o->priority), &priority) < 0 || priority > CG_PRIORITY_MAX))
		return cg_error_usage(err, "--priority \"%s\": a number from 0 to %d is wanted", o->priority,
			CG_PRIORITY_MAX);
	s->priority = (uint8_t)priority;
	s->grace_us = GRACE_DEFAULT_US;
	if (o->timeout)
		r = job_time("timeout", o->timeout, &s->timeout_us, err);
	if (r == 0 && o->grace)
		r = job_time("stop-grace", o->grace, &s->grace_us, err);
	return r == 0 && o->restart ? set_restart(o->restart, s, err) : r;
}

int job_spec(const struct job_options *o, char **command, struct cg_job_spec *s, struct cg_error **err)
{
	const struct passwd *p = NULL;
	int r = set_numbers(o, s, err);

	s->id = strdup(o->id ? o->id : "");
	s->cwd = strdup(o->cwd ? o->cwd : "/");
	if (!s->id || !s->cwd)
		return r < 0 ? r : cg_error_oom(err);
	if (r == 0 && o->id && !o->id[0])
		return cg_error_usage(err, "--id: the id is empty");
	for (char **c = command; r == 0 && *c; c++)
		if (cg_strings_add(&s->argv, cg_bytes_of(*c)) < 0)
			r = cg_error_oom(err);
	r = r < 0 ? r : job_limits(o, &s->limits, err);
	r = r < 0 ? r : set_user(o, s, &p, err);
	r = r < 0 ? r : set_env(o, s, p, err);
	r = r < 0 ? r : copy_list(&o->require, &s->require, err);
	r = r < 0 ? r : copy_list(&o->after, &s->after, err);
	r = r < 0 ? r : copy_list(&o->labels, &s->labels, err);
	r = r < 0 ? r : copy_list(&o->service, &s->services, err);
	r = r < 0 ? r : copy_list(&o->ready, &s->ready, err);
	s->queue = o->queue;
	s->unkillable = o->unkillable;
	s->new_privs = o->no_new_privs == 1;
	return r;
}
