/* cgtree create: a group, with its settings and owner, all of it or nothing. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "cli/everyday.h"
#include "model/tree.h"

struct create_options {
	bool dry_run, raw, may_exist;
	const char *controllers, *owner, *state_dir;
};

#define AT(member) offsetof(struct create_options, member)
static const struct cli_option create_table[] = {
	{'\0', "controllers", CLI_TEXT, AT(controllers), "LIST", NULL, CLI_NAMES_NOTHING,
		"the controllers that the group shall have, with commas between (default: on v1 one of each "
		"hierarchy that has any, on v2 what the groups above pass on, and what the settings need)"},
	{'\0', "owner", CLI_TEXT, AT(owner), "USER[:GROUP]", NULL, CLI_NAMES_NOTHING,
		"hand it over: the user may make groups below and move tasks there; its limits stay ours"},
	{'\0', "may-exist", CLI_FLAG, AT(may_exist),
		.help = "a group that is there already is no failure: it keeps what it has, but for what is asked for"},
	{'n', "dry-run", CLI_FLAG, AT(dry_run), .help = "print what would be done and change nothing"},
	{'\0', "raw", CLI_FLAG, AT(raw),
		.help = "take only the names that this host itself has; nothing is translated"},
	{'\0', "state-dir", CLI_TEXT, AT(state_dir), "DIR", NULL, CLI_NAMES_DIRECTORY,
		"where the undo record lies meanwhile (default: /run/cgtree)"},
	{0},
};
#undef AT

/* Where the group is made, and what each hierarchy of v2 is to pass on to it. */
struct making {
	struct cli_change *c;
	const struct create_options *o;
	bool *in;                   /* by live hierarchy */
	struct cg_text controllers; /* of v2, with spaces */
};

static void making_free(struct making *m)
{
	free(m->in);
	cg_text_free(&m->controllers);
}

static void add_controller(struct making *m, struct cg_bytes name)
{
	if (cg_bytes_has_word((struct cg_bytes){m->controllers.data, m->controllers.len}, name))
		return;
	cg_text_adds(&m->controllers, m->controllers.len ? " " : "");
	cg_text_add(&m->controllers, name.data, name.len);
}

/* A controller by either version's name for it: 1 when some hierarchy that is meant has it. */
static int take_controller(struct making *m, struct cg_bytes name)
{
	const struct cg_live *live = &m->c->live;
	int found = 0;

	for (size_t i = 0; i < live->count; i++) {
		const struct cg_live_hierarchy *h = &live->item[i];
		struct cg_bytes here = cg_controller_name(name, h->version);

		if (!cg_live_matches(h, m->c->target.hierarchy))
			continue;
		/* What the core does on v2 needs no controller there. */
		if (h->version == 2 && here.len == 0)
			found |= 2;
		if (here.len == 0 || !cg_bytes_has_part(cg_bytes_of(h->controllers), ',', here))
			continue;
		found = 1;
		m->in[i] = true;
		if (h->version == 2)
			add_controller(m, here);
		break;
	}
	for (size_t i = 0; found == 2 && i < live->count; i++)
		if (live->item[i].version == 2)
			m->in[i] = true;
	return found;
}

static int take_list(struct making *m, struct cg_error **err)
{
	struct cg_bytes rest = cg_bytes_of(m->o->controllers), name;

	if (rest.len == 0)
		return cg_error_usage(err, "--controllers: the list is empty");
	while (cg_bytes_split(&rest, ',', &name)) {
		_cleanup_text_ struct cg_text shown = {0};
		int r;

		if (take_controller(m, name))
			continue;
		cg_text_escape(&shown, name);
		r = cg_error_usage(err, "--controllers: %s has no controller \"%s\"",
			m->c->target.hierarchy ? "that hierarchy" : "no hierarchy here",
			shown.data ? shown.data : "");
		cg_error_hint(err, "/proc/cgroups tells which the kernel has");
		return r;
	}
	return 0;
}

/* Without a list: wherever the path is meant, but for v1 hierarchies without a controller, which are others'
 * (systemd's), unless they are named. */
static void take_all(struct making *m)
{
	const struct cg_live *live = &m->c->live;

	for (size_t i = 0; i < live->count; i++) {
		const struct cg_live_hierarchy *h = &live->item[i];

		m->in[i] = cg_live_matches(h, m->c->target.hierarchy) &&
			   (m->c->target.hierarchy || h->version == 2 || h->controllers[0]);
	}
}

/* The controllers that settings need, wherever they are. */
static void take_needs(struct making *m, const struct cg_assigns *a)
{
	for (size_t i = 0; i < a->count; i++)
		for (size_t h = 0; h < m->c->live.count; h++) {
			const struct cg_live_hierarchy *l = &m->c->live.item[h];
			struct cg_bytes name;

			if (!a->item[i].in[h] || !a->item[i].knob)
				continue;
			m->in[h] = true;
			name = cg_controller_name(cg_bytes_of(a->item[i].knob->controller), l->version);
			if (l->version == 2 && name.len)
				add_controller(m, name);
		}
}

/* "user", "user:group", ":group", numbers alike. A user alone brings his group. */
static int parse_owner(const char *text, uint32_t *uid, uint32_t *gid, struct cg_error **err)
{
	const char *colon = strchr(text, ':');
	_cleanup_free_ char *user = strndup(text, colon ? (size_t)(colon - text) : strlen(text));
	const struct passwd *pw = NULL;

	*uid = geteuid();
	*gid = getegid();
	if (!user)
		return cg_error_oom(err);
	if (!user[0] && (!colon || !colon[1]))
		return cg_error_usage(err, "--owner \"%s\": USER, USER:GROUP or :GROUP is wanted", text);
	if (user[0] && cg_parse_u32(cg_bytes_of(user), uid) < 0) {
		pw = getpwnam(user);
		if (!pw)
			return cg_error_usage(err, "--owner: there is no user \"%s\"", user);
		*uid = (uint32_t)pw->pw_uid;
		*gid = (uint32_t)pw->pw_gid;
	} else if (user[0]) {
		pw = getpwuid(*uid);
		*gid = pw ? (uint32_t)pw->pw_gid : *uid;
	}
	if (colon && colon[1] && cg_parse_u32(cg_bytes_of(colon + 1), gid) < 0) {
		const struct group *gr = getgrnam(colon + 1);

		if (!gr)
			return cg_error_usage(err, "--owner: there is no group \"%s\"", colon + 1);
		*gid = (uint32_t)gr->gr_gid;
	}
	return 0;
}

static int make(struct making *m, struct cg_error **err)
{
	const struct cg_live *live = &m->c->live;
	const struct cg_bytes controllers = {
		m->controllers.data ? m->controllers.data : "", m->controllers.len};
	uint32_t uid = 0, gid = 0, place;
	bool any = false;
	int r = m->controllers.failed ? cg_error_oom(err) : 0;

	if (r == 0 && m->o->owner)
		r = parse_owner(m->o->owner, &uid, &gid, err);
	for (uint16_t i = 0; r == 0 && i < live->count; i++) {
		if (!m->in[i])
			continue;
		any = true;
		r = cg_edit_make(
			&m->c->edit, i, m->c->target.path, controllers, m->o->may_exist, &place, err);
		if (r == 0 && m->o->owner)
			r = cg_edit_own(&m->c->edit, place, uid, gid, err);
	}
	if (r == 0 && !any)
		r = cg_target_check(&m->c->target, live, err);
	return r;
}

static int build(struct making *m, int words, char **argv, struct cg_error **err)
{
	_cleanup_assigns_ struct cg_assigns assigns = {
		.live = &m->c->live, .target = &m->c->target, .raw = m->o->raw};
	bool all = false;
	int r = cli_change_begin(m->c, argv[0], err);

	if (r < 0)
		return r;
	m->in = calloc(m->c->live.count + 1, sizeof(*m->in));
	if (!m->in)
		return cg_error_oom(err);
	if (m->o->controllers)
		r = take_list(m, err);
	else
		all = words == 1 || m->c->target.hierarchy;
	/* Settings say where they lie; the group is there where it is about to be made. */
	for (int i = 1; r == 0 && i < words; i++) {
		_cleanup_free_ bool *anywhere = calloc(m->c->live.count + 1, sizeof(*anywhere));

		if (!anywhere)
			return cg_error_oom(err);
		for (size_t h = 0; h < m->c->live.count; h++)
			anywhere[h] = true;
		r = cg_assigns_add(&assigns, argv[i], anywhere, err);
	}
	if (all)
		take_all(m);
	take_needs(m, &assigns);
	if (r == 0)
		r = make(m, err);
	return r < 0 ? r : cg_assigns_apply(&assigns, &m->c->edit, err);
}

static int run_create(struct cli *cli, int argc, char **argv)
{
	struct create_options o = {0};
	_cleanup_change_ struct cli_change c = {.cli = cli};
	_cleanup_(making_free) struct making m = {.c = &c, .o = &o};
	struct cg_error *err = NULL;
	int first, r = cli_parse(cli, &o, argc, argv, &first);

	if (r)
		return r;
	if (argc == first)
		return cli_usage(cli, "say which group to make: [HIER:]PATH");
	c.dry_run = o.dry_run;
	c.state_dir = o.state_dir;
	r = build(&m, argc - first, argv + first, &err);
	return cli_change_end(&c, r, err);
}

const struct cli_verb cli_verb_create = {
	.name = "create",
	.summary = "make a group, with settings and owner",
	.synopsis =
		(const char *const[]){
			"[HIER:]PATH [KNOB=VALUE...] [--controllers LIST] "
			"[--owner USER[:GROUP]] [--may-exist] [-n|--dry-run] [--raw] [--state-dir DIR]",
			NULL},
	.description = (const char *const
			[]){"Makes the group, and those missing above it, in each hierarchy that is meant: those of the "
			    "controllers that are listed, else those that the settings need, else all that have any. "
			    "Settings are as for \"cgtree set\". When anything fails, all of it is taken back.",
		"On v2 a group has the controllers that the groups above pass on. Those that are listed or needed "
		"are enabled from the top down: in groups that are made, and in existing ones, each with its line. "
		"The root of the hierarchy and groups that systemd has not delegated are left alone: there it is "
		"said which command enables them.",
		"On v1 a new cpuset gets the cpus and memory nodes of the group above, so that tasks can enter.",
		NULL},
	.options = create_table,
	.examples = (const struct cli_example[]){{"cgtree create /job memory.max=512M cpu=150% pids.max=200",
							 "a group with limits"},
		{"cgtree create /job --controllers cpu,memory", "the same on v1 and v2: these controllers"},
		{"cgtree create /team/ci --owner ci:ci", "hand a subtree over"},
		{"cgtree create cpu:/job", "in one v1 hierarchy"}, {0}},
	.exits = (const char *const[]){"0 made, exactly as asked",
		"1 made, but a setting is not quite what was asked for: it has its \"!\" line",
		"2 failed (it exists already, a controller is not passed on, ...); nothing is changed",
		"3 failed, and could not be taken back whole",
		"64 the command line, a name or a value is wrong; nothing is changed", NULL},
	.arguments = CLI_NAMES_GROUP,
	.changes = true,
	.run = run_create,
};
