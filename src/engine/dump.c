/* Dump: finds what the targets name in the live hierarchies, walks each, and makes one tree of them. */
#include "engine/dump.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "engine/dump_private.h"
#include "kernel/cgroupfs.h"
#include "kernel/programs.h"
#include "kernel/tasks.h"

#define THREADS_MAX 4 /* reading pays up to there; more wait for each other in the kernel */

int cg_dump_add_hierarchy(struct cg_tree *tree, const struct cg_live_hierarchy *h, uint32_t *ret)
{
	uint32_t i = cg_tree_add_hierarchy(tree);
	struct cg_hierarchy *made;

	if (i == CG_NONE)
		return -ENOMEM;
	made = &tree->hierarchy[i];
	made->version = (uint8_t)h->version;
	made->controllers = cg_arena_string(&tree->arena, h->controllers ? h->controllers : "");
	made->name = h->name ? cg_arena_string(&tree->arena, h->name) : NULL;
	made->mount_options = cg_arena_string(&tree->arena, h->mount_options ? h->mount_options : "");
	made->mount_point = cg_arena_string(&tree->arena, h->mount_point ? h->mount_point : "");
	made->mount_root = cg_arena_string(&tree->arena, h->mount_root ? h->mount_root : "/");
	if (!made->controllers || (h->name && !made->name) || !made->mount_options || !made->mount_point ||
		!made->mount_root)
		return -ENOMEM;
	*ret = i;
	return 0;
}

/* The time of the dump; SOURCE_DATE_EPOCH (reproducible-builds.org) fixes it. */
static int inventory_time(uint64_t *ret, struct cg_error **err)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");

	*ret = (uint64_t)time(NULL);
	if (!epoch)
		return 0;
	if (cg_parse_u64(cg_bytes_of(epoch), ret) < 0)
		return cg_error_usage(
			err, "SOURCE_DATE_EPOCH is \"%s\": it must be a number of seconds since 1970", epoch);
	return 0;
}

int cg_dump_inventory(struct cg_tree *tree, const struct cg_live *live, struct cg_error **err)
{
	struct cg_inventory *inv = &tree->inventory;
	struct cg_arena *a = &tree->arena;
	struct utsname u;
	char boot[37];
	int r;

	if (uname(&u) < 0)
		return cg_error_errno(err, errno, "cannot ask for the kernel's name");
	r = cg_boot_id(boot);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot read the boot id");
	inv->tool = cg_arena_string(a, "cgtree " CGTREE_VERSION);
	inv->host = cg_arena_string(a, u.nodename);
	inv->kernel = cg_arena_string(a, u.release);
	inv->boot_id = cg_arena_string(a, boot);
	inv->layout = cg_arena_string(a, live->layout ? live->layout : "");
	inv->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	inv->clock_ticks = (uint64_t)sysconf(_SC_CLK_TCK);
	if (!inv->tool || !inv->host || !inv->kernel || !inv->boot_id || !inv->layout)
		return cg_error_oom(err);
	return inventory_time(&inv->time, err);
}

unsigned cg_dump_threads(unsigned asked)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	if (asked)
		return asked;
	return online < 1 ? 1 : online > THREADS_MAX ? THREADS_MAX : (unsigned)online;
}

/* One word of a list of hierarchies. */
static bool is_named(const struct cg_live_hierarchy *h, struct cg_bytes word)
{
	char label[256];

	if (word.len == 0 || word.len >= sizeof(label))
		return false;
	memcpy(label, word.data, word.len);
	label[word.len] = '\0';
	return cg_live_matches(h, label);
}

static bool is_selected(const struct cg_live_hierarchy *h, const char *list)
{
	struct cg_bytes rest = cg_bytes_of(list), part;

	if (!list || is_named(h, rest))
		return true;
	while (cg_bytes_split(&rest, ',', &part))
		if (is_named(h, part))
			return true;
	return false;
}

static int no_hierarchy(struct cg_bytes name, struct cg_error **err)
{
	_cleanup_text_ struct cg_text shown = {0};

	cg_text_escape(&shown, name);
	(void)cg_error_make(err, CG_FAULT_USAGE, ENOENT, "there is no hierarchy \"%s\" here",
		shown.data ? shown.data : "");
	cg_error_hint(err, "/proc/self/cgroup names the hierarchies of this host");
	return -ENOENT;
}

/* Each word of the list must name a hierarchy, or the list as a whole (co-mounted controllers). */
static int check_hierarchies(const struct cg_live *live, const char *list, struct cg_error **err)
{
	struct cg_bytes rest = cg_bytes_of(list), part;
	bool whole = false;

	for (size_t i = 0; list && i < live->count; i++)
		whole |= is_named(&live->item[i], rest);
	if (!list || whole)
		return 0;
	if (rest.len == 0)
		return cg_error_usage(err, "the list of hierarchies is empty");
	while (cg_bytes_split(&rest, ',', &part)) {
		bool found = false;

		for (size_t i = 0; i < live->count; i++)
			found |= is_named(&live->item[i], part);
		if (!found)
			return no_hierarchy(part, err);
	}
	return 0;
}

/* One hierarchy's part of a dump. */
struct part {
	const struct cg_live *live;
	const struct cg_dump_options *options;
	size_t number; /* of the live hierarchy */
	bool programs;
	size_t *found; /* for each target, in how many hierarchies it exists */
};

static int compare_targets(const void *a, const void *b)
{
	return strcmp(
		(*(const struct cg_target *const *)a)->path, (*(const struct cg_target *const *)b)->path);
}

static bool is_inside(const char *path, const char *top)
{
	size_t n = strlen(top);

	return strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static int add_target(struct part *p, struct cg_walk *w, const struct cg_target *t, struct cg_error **err)
{
	const struct cg_live_hierarchy *h = &p->live->item[p->number];
	const char *relative = cg_path_below(h->mount_root, t->path);
	int r;

	if (!relative)
		return 0;
	if (strcmp(relative, ".") == 0 && h->is_root)
		return cg_error_usage(err, "the root of a hierarchy is never a target");
	r = cg_walk_add_top(w, t->path, relative, err);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		p->found[t - p->options->target]++;
	return r;
}

/* Adds the targets that exist here as tops, sorted; one that lies inside another is part of it. */
static int add_targets(struct part *p, struct cg_walk *w, struct cg_error **err)
{
	const struct cg_dump_options *o = p->options;
	_cleanup_free_ const struct cg_target **sorted = calloc(o->targets + 1, sizeof(*sorted));
	const char *last = NULL;
	size_t n = 0;
	int r = 0;

	if (!sorted)
		return cg_error_oom(err);
	for (size_t i = 0; i < o->targets; i++)
		if (cg_live_matches(w->hierarchy, o->target[i].hierarchy))
			sorted[n++] = &o->target[i];
	qsort(sorted, n, sizeof(*sorted), compare_targets);
	for (size_t i = 0; r == 0 && i < n; i++) {
		size_t before = w->tops;

		if (last && is_inside(sorted[i]->path, last)) {
			p->found[sorted[i] - o->target]++;
			continue;
		}
		r = add_target(p, w, sorted[i], err);
		if (w->tops > before)
			last = sorted[i]->path;
	}
	return r;
}

int cg_dump_check_dir(const struct cg_live_hierarchy *h, struct cg_error **err)
{
	if (!h->is_root)
		return 0;
	(void)cg_error_usage(err, "is the root of a hierarchy, which is never a target");
	cg_error_at(err, h->mount_point, NULL);
	cg_error_hint(err, "name a group below it");
	return -EINVAL;
}

static int add_whole(struct part *p, struct cg_walk *w, struct cg_error **err)
{
	const struct cg_live_hierarchy *h = &p->live->item[p->number];
	int r = cg_dump_check_dir(h, err);

	if (r < 0)
		return r;
	r = cg_walk_add_top(w, h->mount_root, ".", err);
	return r == -ENOENT ? cg_error_errno(err, ENOENT, "cannot open %s", h->mount_point) : r;
}

/* Walks one hierarchy and adds it to the tree when it has any group, or always with `optional`. */
static int dump_hierarchy(
	struct part *p, struct cg_tree *tree, uint32_t *ret_hierarchy, struct cg_error **err)
{
	const struct cg_live_hierarchy *h = &p->live->item[p->number];
	_cleanup_free_ struct cg_columns *columns = calloc(1, sizeof(*columns));
	struct cg_walk walk;
	int r;

	*ret_hierarchy = CG_NONE;
	if (!columns || cg_columns_init(columns, h->version, tree->inventory.page_size, p->live->kernel) < 0)
		return cg_error_oom(err);
	r = cg_walk_init(&walk, h, p->options, columns);
	if (r < 0) {
		cg_columns_destroy(columns);
		return cg_error_errno(err, -r, "cannot prepare the walk");
	}
	walk.programs = p->programs && h->version == 2;
	r = p->options->whole_fd ? add_whole(p, &walk, err) : add_targets(p, &walk, err);
	if (r == 0)
		r = cg_walk_run(&walk, cg_dump_threads(p->options->threads), err);
	if (r == 0 && (walk.tops || p->options->optional)) {
		r = cg_dump_add_hierarchy(tree, h, ret_hierarchy);
		r = r < 0 ? cg_error_oom(err) : cg_dump_finish(tree, *ret_hierarchy, &walk, err);
	}
	cg_walk_destroy(&walk);
	cg_columns_destroy(columns);
	if (r < 0)
		cg_error_at(err, h->mount_point, NULL);
	return r;
}

/* Every target must exist somewhere. */
static int check_found(const struct cg_live *live, const struct cg_dump_options *options, const size_t *found,
	struct cg_error **err)
{
	for (size_t i = 0; i < options->targets; i++) {
		const struct cg_target *t = &options->target[i];
		size_t here = 0, matching = 0;

		if (found[i] || options->optional)
			continue;
		for (size_t j = 0; j < live->count; j++) {
			bool named = cg_live_matches(&live->item[j], t->hierarchy);

			here += named;
			matching += named && is_selected(&live->item[j], options->hierarchies);
		}
		if (here == 0 && t->hierarchy)
			return no_hierarchy(cg_bytes_of(t->hierarchy[0] ? t->hierarchy : "v2"), err);
		if (matching == 0)
			(void)cg_error_usage(err, "its hierarchy is not among those asked for (%s)",
				options->hierarchies ? options->hierarchies : "none");
		else
			(void)cg_error_make(err, CG_FAULT_USAGE, ENOENT, "there is no such group in %s",
				matching == 1 ? "that hierarchy" : "any hierarchy");
		cg_error_at(err, t->path, NULL);
		cg_error_hint(err, "a path is given as /proc/PID/cgroup shows it");
		return -ENOENT;
	}
	return 0;
}

int cg_dump_may_ask_programs(const struct cg_live *live)
{
	for (size_t i = 0; i < live->count; i++) {
		int any, r = 0;

		if (live->item[i].version != 2)
			continue;
		any = cg_bpf_any();
		if (any > 0)
			r = cg_bpf_may_query(live->item[i].fd);
		return r < 0 ? r : any;
	}
	return 0;
}

/* Without the privilege to ask, the whole of it is one note. */
static int decide_programs(
	struct part *p, struct cg_tree *tree, const struct cg_live *live, const struct cg_dump_options *o)
{
	bool wanted = false;
	int r = 0;

	for (size_t i = 0; i < live->count; i++)
		wanted |= live->item[i].version == 2 && is_selected(&live->item[i], o->hierarchies);
	if (wanted && !o->no_programs)
		r = cg_dump_may_ask_programs(live);
	p->programs = r > 0;
	if (r < 0 &&
		!cg_tree_add_note(tree, NULL, NULL,
			"cannot ask for attached BPF programs, which needs CAP_SYS_ADMIN and CAP_NET_ADMIN: %s",
			strerror(-r)))
		return -ENOMEM;
	return 0;
}

static int dump_rest(struct cg_tree *tree, const struct cg_live *live, const size_t *number,
	const struct cg_dump_options *o, struct cg_error **err)
{
	struct cg_freeze frozen = {0};
	int r = cg_tree_link(tree, err);

	if (r == 0 && !o->no_devices)
		r = cg_dump_devices(tree, err);
	tree->inventory.members = o->members;
	if (r == 0 && o->freeze)
		r = cg_dump_freeze(tree, live, number, &frozen, err);
	if (r == 0 && o->members)
		r = cg_dump_members(tree, live, number, o, err);
	if (o->freeze) {
		/* Thawing matters more than why we stop. */
		int thawed = cg_dump_thaw(&frozen, &tree->inventory.freeze_window, r == 0 ? err : NULL);

		r = r == 0 ? thawed : r;
	}
	return r;
}

int cg_dump(const struct cg_live *live, const struct cg_dump_options *options, struct cg_tree **ret,
	struct cg_error **err)
{
	_cleanup_tree_ struct cg_tree *tree = cg_tree_new();
	_cleanup_free_ size_t *found = calloc(options->targets + 1, sizeof(*found)),
			      *number = calloc(live->count + 1, sizeof(*number));
	struct part p = {live, options, 0, false, found};
	int r;

	if (!tree || !found || !number)
		return cg_error_oom(err);
	r = check_hierarchies(live, options->hierarchies, err);
	if (r == 0)
		r = cg_dump_inventory(tree, live, err);
	if (r == 0 && decide_programs(&p, tree, live, options) < 0)
		r = cg_error_oom(err);
	for (size_t i = 0; r == 0 && i < live->count; i++) {
		uint32_t made = CG_NONE;

		if (!is_selected(&live->item[i], options->hierarchies))
			continue;
		p.number = i;
		r = dump_hierarchy(&p, tree, &made, err);
		if (made != CG_NONE)
			number[made] = i;
	}
	if (r == 0)
		r = check_found(live, options, found, err);
	if (r == 0)
		r = dump_rest(tree, live, number, options, err);
	if (r == 0)
		*ret = cg_steal(tree);
	return r;
}
