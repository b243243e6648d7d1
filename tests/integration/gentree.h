/* A generated tree: groups in one hierarchy after the other, filled with everything that a group can hold,
 * all of it told by a seed. gentree.c makes the groups, gen_settings.c their settings, gen_extras.c owners
 * and attributes, gen_tasks.c processes and threads. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "guest/catalogue/ground.h"
#include "guest/samples.h"

#define NODES_MAX 256
#define KEYS_MAX  8
#define TASKS     3
#define THREADS   5

/* splitmix64: the same numbers for the same seed everywhere. */
struct gen_random {
	uint64_t state;
};
uint32_t gen_random(struct gen_random *r, uint32_t below); /* 0 .. below - 1 */
bool gen_chance(struct gen_random *r, unsigned percent);

enum node_kind {
	NODE_INNER,       /* may have children, hands controllers down */
	NODE_LEAF,        /* none; on v2 tasks may be here */
	NODE_THREAD_ROOT, /* v2: its children are threaded */
	NODE_THREADED,    /* v2 */
	NODE_INVALID,     /* v2: a child of a threaded group that was not made threaded */
};

struct node {
	enum node_kind kind;
	int fd;
	size_t parent; /* own index for the top */
	unsigned depth, height, descendants;
};

/* What happened with one setting of a hierarchy. */
struct outcome {
	const struct cg_knob *knob;
	char name[64];
	unsigned set, refused, same, entries, entries_refused;
	int code;        /* the last refusal's errno; 0: it read back otherwise */
	const char *why; /* there was no sample, because */
};

struct gen {
	const struct ground *ground;
	const struct hierarchy *hierarchy;
	struct gen_random random;
	bool alone; /* nobody else's groups are here: exclusive cpus may be asked for */
	struct sample_host host;
	char device[KEYS_MAX][32], link[KEYS_MAX][32];
	size_t devices, links;
	struct node node[NODES_MAX];
	size_t nodes;
	struct outcome outcome[128];
	size_t outcomes;
	bool known[512]; /* rows of the catalogue that some hierarchy had a file of */
	unsigned owners, attributes, attributes_refused, moved;
};

/* Settings that are written when the group was made, and those that wait until the tree and its tasks are
 * there. 0 or a negative errno for trouble; a refusal of the kernel is kept in the outcome. */
int gen_settings(struct gen *g, size_t node, bool late) CG_MUST_CHECK;
/* Finds block devices and network interfaces. */
int gen_find_keys(struct gen *g) CG_MUST_CHECK;
/* Prints what happened in this hierarchy. The number of settings that were never set, without a reason. */
unsigned gen_report(struct gen *g);

/* Owners, modes and extended attributes of a group and its files. */
int gen_extras(struct gen *g, size_t node) CG_MUST_CHECK;

struct gen_task {
	pid_t pid;
	pid_t tid[THREADS]; /* besides the leader */
	unsigned threads;
};
/* Starts a process that does nothing, with so many more threads. */
int gen_task_start(struct gen_task *t, unsigned threads) CG_MUST_CHECK;
/* Spreads them over the groups of this hierarchy. */
int gen_tasks_place(struct gen *g, const struct gen_task *task, size_t tasks) CG_MUST_CHECK;
