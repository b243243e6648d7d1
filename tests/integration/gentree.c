/* gentree [--alone] SEED GROUPS TOP: makes a tree of that many groups below TOP in every hierarchy that is
 * mounted here, and prints what was set. The last line is "tasks PID...": processes of the tree, that the
 * caller has to end.
 *
 *   --alone   no one else's groups matter: also ask for exclusive cpus and partitions
 *
 * Exit: 0, 1 when a setting was refused everywhere without a known reason or something went wrong. */
#include "gentree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH 5

uint32_t gen_random(struct gen_random *r, uint32_t below)
{
	uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((z ^ (z >> 31)) >> 32) % below;
}

bool gen_chance(struct gen_random *r, unsigned percent)
{
	return gen_random(r, 100) < percent;
}

/* Names that shells, terminals, paths and parsers trip over. */
static const char *const names[] = {"plain", "b", "a.slice", " lead", "trail ", "in between", "qu\"ote",
	"it's", "back\\slash", "\\n", "$HOME", "`id`", "*", "?", "[x]", "a=b", "a:b", "name=systemd:", "-rf",
	"--", ".hidden", "..x", "...", "~", "#", "!", "%s%n", "x (deleted)", "tab\there", "cr\r",
	"\x1b[31mred", "\x01", "\x7f", "gr\303\274\303\237e", "\xe6\xa8\xb9", "\xf0\x9f\x8c\xb3", "\xff\xfe",
	"cut\xc3", "cgroup.x", "memory.maximal", "0", "18446744073709551616", "a,b;c", "{}", "^", "@",
	"+cpu"};

static void pick_name(struct gen *g, char *name, size_t room)
{
	const size_t count = CG_ARRAY_SIZE(names);
	const uint32_t pick = gen_random(&g->random, (uint32_t)count + 3);

	/* The longest name that there can be, and some that are like any other. */
	if (pick == count) {
		memset(name, 'n', 255);
		name[255] = '\0';
	} else if (pick > count || strlen(names[pick]) >= room) {
		(void)snprintf(name, room, "group-%u", gen_random(&g->random, 1000000));
	} else {
		(void)strcpy(name, names[pick]);
	}
}

static int make_child(struct gen *g, int parent)
{
	char name[256];

	for (unsigned i = 0; i < 200; i++) {
		pick_name(g, name, sizeof(name));
		if (mkdirat(parent, name, 0755) == 0) {
			int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

			return fd < 0 ? -errno : fd;
		}
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static bool is_threaded_controller(struct cg_bytes word)
{
	return cg_bytes_is(word, "cpu") || cg_bytes_is(word, "cpuset") || cg_bytes_is(word, "pids") ||
	       cg_bytes_is(word, "perf_event");
}

/* v2: hands controllers down, all of them in the first groups, later some. */
static int enable(struct gen *g, size_t index)
{
	const struct node *n = &g->node[index];
	_cleanup_buffer_ struct cg_buffer b = {0};
	struct cg_bytes rest, word;
	int r;

	if (n->kind == NODE_LEAF || n->kind == NODE_INVALID)
		return 0;
	r = cg_read_at(n->fd, "cgroup.controllers", true, &b);
	rest = (struct cg_bytes){b.data, b.len};
	while (r >= 0 && cg_bytes_word(&rest, &word)) {
		_cleanup_text_ struct cg_text t = {0};

		if (n->kind != NODE_INNER && !is_threaded_controller(word))
			continue;
		if (index >= 2 && gen_chance(&g->random, 25))
			continue;
		cg_text_printf(&t, "+%.*s", (int)word.len, word.data);
		r = t.failed ? -ENOMEM
			     : cg_write_at(n->fd, "cgroup.subtree_control", (struct cg_bytes){t.data, t.len});
	}
	return r < 0 ? r : 0;
}

static enum node_kind pick_kind(struct gen *g, const struct node *parent)
{
	if (g->nodes == 1)
		return NODE_INNER;
	if (g->hierarchy->version == 1)
		return gen_chance(&g->random, 40) ? NODE_LEAF : NODE_INNER;
	if (parent->kind == NODE_THREAD_ROOT)
		return NODE_THREADED;
	if (parent->kind == NODE_THREADED)
		return gen_chance(&g->random, 20) ? NODE_INVALID : NODE_THREADED;
	/* One of each early, that small trees have them too. */
	if (g->nodes == 2)
		return NODE_THREAD_ROOT;
	if (g->nodes == 3)
		return NODE_LEAF;
	return gen_chance(&g->random, 20)   ? NODE_THREAD_ROOT
	       : gen_chance(&g->random, 45) ? NODE_LEAF
					    : NODE_INNER;
}

static size_t pick_parent(struct gen *g)
{
	for (;;) {
		size_t at = gen_random(&g->random, (uint32_t)g->nodes);
		const struct node *n = &g->node[at];

		/* The first ones stand right below the top, so that they have all controllers. */
		if (g->nodes < 4)
			return 0;
		if (n->depth < DEPTH && n->kind != NODE_LEAF && n->kind != NODE_INVALID)
			return at;
	}
}

static int add_node(struct gen *g, int fd, size_t parent, enum node_kind kind)
{
	const size_t index = g->nodes++;
	struct node *n = &g->node[index];
	int r = 0;

	*n = (struct node){.kind = kind, .fd = fd, .parent = parent};
	if (index > 0) {
		n->depth = g->node[parent].depth + 1;
		for (size_t up = parent, height = 1;; up = g->node[up].parent, height++) {
			g->node[up].descendants++;
			if (g->node[up].height < height)
				g->node[up].height = (unsigned)height;
			if (up == 0)
				break;
		}
	}
	if (kind == NODE_THREADED)
		r = cg_write_at(fd, "cgroup.type", CG_BYTES("threaded"));
	if (r == 0)
		r = gen_settings(g, index, false);
	if (r == 0 && g->hierarchy->version == 2)
		r = enable(g, index);
	return r;
}

static int make_groups(struct gen *g, const char *top, size_t groups)
{
	int fd, r;

	if (mkdirat(g->hierarchy->root_fd, top, 0755) < 0)
		return -errno;
	fd = openat(g->hierarchy->root_fd, top, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = add_node(g, fd, 0, NODE_INNER);
	while (r == 0 && g->nodes < groups) {
		size_t parent = pick_parent(g);
		enum node_kind kind = pick_kind(g, &g->node[parent]);

		fd = make_child(g, g->node[parent].fd);
		r = fd < 0 ? fd : add_node(g, fd, parent, kind);
	}
	return r;
}

static int make_tree(struct gen *g, const char *top, size_t groups, const struct gen_task *task, size_t tasks)
{
	int r = make_groups(g, top, groups);

	if (r == 0)
		r = gen_tasks_place(g, task, tasks);
	if (r == 0 && g->moved == 0)
		r = -ECHILD;
	/* Limits on groups and freezing come last, from the bottom. */
	for (size_t i = g->nodes; r == 0 && i-- > 0;)
		r = gen_settings(g, i, true);
	for (size_t i = 0; r == 0 && i < g->nodes; i++)
		r = gen_extras(g, i);
	for (size_t i = 0; i < g->nodes; i++)
		g->node[i].fd = cg_close(g->node[i].fd);
	return r;
}

static void print_missing(const struct gen *g)
{
	unsigned count = 0;

	(void)printf("no file here:");
	for (size_t i = 0; i < cg_knob_count; i++) {
		const struct cg_knob *k = &cg_knob_table[i];

		if (k->kind != CG_KNOB_SETTING || g->known[i] ||
			(k->flags & (CG_KNOB_ROOT_ONLY | CG_KNOB_ALIAS)))
			continue;
		(void)printf(" %s", k->name);
		count++;
	}
	(void)printf(" (%u settings of the catalogue)\n", count);
}

static int run(struct gen *g, const struct ground *ground, uint32_t seed, size_t groups, const char *top)
{
	struct gen_task task[TASKS];
	unsigned unexplained = 0;
	int r = gen_find_keys(g);

	for (size_t i = 0; r == 0 && i < CG_ARRAY_SIZE(task); i++)
		r = gen_task_start(&task[i], i == 0 ? THREADS : (unsigned)i - 1);
	for (size_t i = 0; r == 0 && i < ground->count; i++) {
		g->hierarchy = &ground->hierarchy[i];
		g->random.state = seed * UINT64_C(1000003) + i;
		g->nodes = g->outcomes = 0;
		g->owners = g->attributes = g->attributes_refused = g->moved = 0;
		r = make_tree(g, top, groups, task, CG_ARRAY_SIZE(task));
		if (r < 0)
			(void)fprintf(stderr, "gentree: %s: group %zu: %s\n", g->hierarchy->mount_point,
				g->nodes, strerror(-r));
		unexplained += gen_report(g);
	}
	print_missing(g);
	(void)printf("tasks");
	for (size_t i = 0; i < CG_ARRAY_SIZE(task); i++)
		(void)printf(" %d", (int)task[i].pid);
	(void)putchar('\n');
	return r < 0 || unexplained ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct gen g = {.alone = argc > 1 && strcmp(argv[1], "--alone") == 0};
	struct ground ground;
	const int first = g.alone ? 2 : 1;
	uint32_t seed, groups;
	int status;

	if (argc - first != 3 || cg_parse_u32(cg_bytes_of(argv[first]), &seed) < 0 ||
		cg_parse_u32(cg_bytes_of(argv[first + 1]), &groups) < 0 || groups < 5 || groups > NODES_MAX ||
		!cg_name_is_valid(cg_bytes_of(argv[first + 2]))) {
		(void)fprintf(stderr, "usage: gentree [--alone] SEED GROUPS TOP\n");
		return 64;
	}
	if (ground_find(&ground) < 0)
		return 1;
	g.ground = &ground;
	status = run(&g, &ground, seed, groups, argv[first + 2]);
	ground_close(&ground);
	return status;
}
