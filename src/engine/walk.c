/* The threads of a walk; see walk.h. */
#include "engine/dump_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>

static void release_dir(struct cg_walk *w, struct cg_walk_dir *d, unsigned users)
{
	bool last;

	(void)pthread_mutex_lock(&w->lock);
	d->users -= users;
	last = d->users == 0;
	(void)pthread_mutex_unlock(&w->lock);
	if (last) {
		(void)cg_close(d->fd);
		free(d);
	}
}

static void fail(struct cg_walk *w, int code)
{
	(void)pthread_mutex_lock(&w->lock);
	if (w->failure == 0)
		w->failure = code;
	(void)pthread_cond_broadcast(&w->changed);
	(void)pthread_mutex_unlock(&w->lock);
}

/* Takes the next group, or waits until there is one or no thread is left that could bring one. */
static struct cg_node *take(struct cg_walk *w)
{
	struct cg_node *n;

	(void)pthread_mutex_lock(&w->lock);
	if (w->options->stop && *w->options->stop && w->failure == 0)
		w->failure = -EINTR;
	while (!w->stack && w->busy && w->failure == 0)
		(void)pthread_cond_wait(&w->changed, &w->lock);
	n = w->failure == 0 ? w->stack : NULL;
	if (n) {
		w->stack = n->pending;
		w->busy++;
	}
	(void)pthread_mutex_unlock(&w->lock);
	return n;
}

/* The taken group is done; its children, if any, go on the stack. */
static void put(struct cg_walk *w, struct cg_node *done)
{
	(void)pthread_mutex_lock(&w->lock);
	for (uint32_t i = done->children; i > 0; i--) {
		done->child[i - 1]->pending = w->stack;
		w->stack = done->child[i - 1];
	}
	w->busy--;
	w->groups += done->read;
	if (w->options->progress && done->read && w->groups % 1024 == 0)
		w->options->progress(w->options->progress_context, "groups read", w->groups, 0);
	if (done->children || (w->busy == 0 && !w->stack))
		(void)pthread_cond_broadcast(&w->changed);
	(void)pthread_mutex_unlock(&w->lock);
}

void cg_node_path(const struct cg_node *n, struct cg_text *t)
{
	if (n->parent) {
		cg_node_path(n->parent, t);
		if (t->len == 0 || t->data[t->len - 1] != '/')
			cg_text_addc(t, '/');
	}
	cg_text_adds(t, n->name);
}

struct children {
	struct cg_reader *reader;
	struct cg_node *parent;
	struct cg_text path; /* of the parent, with '/' at its end, when patterns want it */
	struct cg_node **item;
	size_t count, room;
};

static bool is_excluded(struct children *c, const char *name)
{
	const struct cg_dump_options *o = c->reader->walk->options;
	size_t length = c->path.len;
	bool excluded = false;

	if (o->excludes == 0)
		return false;
	cg_text_adds(&c->path, name);
	for (size_t i = 0; !excluded && i < o->excludes && !c->path.failed; i++)
		excluded = fnmatch(o->exclude[i], c->path.data, FNM_PATHNAME) == 0;
	if (!c->path.failed)
		c->path.len = length;
	return excluded;
}

static int add_child(const char *name, unsigned char type, void *context)
{
	struct children *c = context;
	struct cg_node *n;

	if (type != DT_DIR || is_excluded(c, name))
		return 0;
	if (c->path.failed)
		return -ENOMEM;
	if (c->parent->depth == CG_DEPTH_MAX)
		return -ELOOP;
	if (c->count == c->room) {
		size_t room = c->room ? 2 * c->room : 64;
		struct cg_node **p = reallocarray(c->item, room, sizeof(struct cg_node *));

		if (!p)
			return -ENOMEM;
		c->item = p;
		c->room = room;
	}
	n = cg_arena_zalloc(&c->reader->arena, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->parent = c->parent;
	n->depth = (uint16_t)(c->parent->depth + 1);
	n->name = cg_arena_string(&c->reader->arena, name);
	n->set = c->parent->child_set;
	if (!n->name)
		return -ENOMEM;
	c->item[c->count++] = n;
	return 0;
}

static int compare_nodes(const void *a, const void *b)
{
	return strcmp((*(struct cg_node *const *)a)->name, (*(struct cg_node *const *)b)->name);
}

/* Hands an open group's descriptor to its children. */
static int share_dir(struct cg_node *node, int *fd)
{
	struct cg_walk_dir *dir = malloc(sizeof(*dir));

	if (!dir)
		return -ENOMEM;
	*dir = (struct cg_walk_dir){cg_steal_fd(fd), node->children};
	for (uint32_t i = 0; i < node->children; i++)
		node->child[i]->above = dir;
	return 0;
}

/* Of an ancestor only the children that were asked for are looked at: they are there already and learn here
 * which files they have. */
static int open_asked_children(struct cg_node *node, int *fd)
{
	for (uint32_t i = 0; i < node->children; i++)
		node->child[i]->set = node->child_set;
	return node->children ? share_dir(node, fd) : 0;
}

/* Lists the children of an open group; they share its descriptor, which this takes over. */
static int list_children(struct cg_reader *r, struct cg_node *node, int *fd)
{
	struct children c = {.reader = r, .parent = node};
	int code = 0;

	if (r->walk->options->excludes) {
		cg_node_path(node, &c.path);
		cg_text_addc(&c.path, '/');
	}
	code = cg_dir_each(*fd, add_child, &c);
	if (code == 0 && c.count) {
		qsort(c.item, c.count, sizeof(struct cg_node *), compare_nodes);
		node->child = cg_arena_array(&r->arena, c.count, sizeof(struct cg_node *));
		code = node->child ? 0 : -ENOMEM;
	}
	if (code == 0 && c.count) {
		memcpy(node->child, c.item, c.count * sizeof(struct cg_node *));
		node->children = (uint32_t)c.count;
		code = share_dir(node, fd);
		if (code < 0)
			node->children = 0;
	}
	free(c.item);
	cg_text_free(&c.path);
	return code;
}

static int visit(struct cg_reader *r, struct cg_node *node)
{
	_cleanup_close_ int fd = openat(node->above->fd, node->parent ? node->name : ".",
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int code = fd < 0 ? -errno : 0;
	bool children = false;

	release_dir(r->walk, node->above, 1);
	node->above = NULL;
	if (code == -EACCES || code == -EPERM) {
		node->vanished = true;
		node->children = 0;
		return cg_reader_note(r, node, NULL, "open", code) ? 0 : -ENOMEM;
	}
	if (code == 0)
		code = cg_read_group(r, node, fd, &children);
	if (code == 0 && node->flags & CG_GROUP_ANCESTOR)
		code = open_asked_children(node, &fd);
	else if (code == 0 && children)
		code = list_children(r, node, &fd);
	/* A group that goes while we look was not there for us. */
	if (code == -ENOENT || code == -ENODEV) {
		node->vanished = true;
		node->children = 0;
		code = 0;
	}
	return code;
}

static void *work(void *context)
{
	struct cg_walk *w = context;
	struct cg_reader *r = calloc(1, sizeof(*r));
	struct cg_node *n;

	if (!r) {
		fail(w, -ENOMEM);
		return NULL;
	}
	r->walk = w;
	while ((n = take(w))) {
		int code = visit(r, n);

		if (code < 0)
			fail(w, code);
		put(w, n);
	}
	(void)pthread_mutex_lock(&w->lock);
	cg_arena_join(&w->arena, &r->arena);
	while (r->note) {
		struct cg_walk_note *note = r->note;

		r->note = note->next;
		note->next = w->note;
		w->note = note;
	}
	(void)pthread_mutex_unlock(&w->lock);
	cg_buffer_free(&r->buffer);
	cg_bpf_reader_free(&r->bpf);
	free(r);
	return NULL;
}

/* The files of a top follow from its parent, which may lie outside of what we may look at: it gets a set of
 * its own, which children that have the same files do not share. */
static uint32_t set_of_top(struct cg_walk *w, const char *name)
{
	_cleanup_text_ struct cg_text key = {0};

	if (w->hierarchy->version == 1 && strcmp(name, "/") != 0)
		return cg_columns_set(w->columns, (struct cg_bytes){"", 0});
	cg_text_printf(&key, "top %s", name);
	return key.failed ? CG_NONE : cg_columns_set(w->columns, (struct cg_bytes){key.data, key.len});
}

int cg_walk_init(struct cg_walk *w, const struct cg_live_hierarchy *hierarchy,
	const struct cg_dump_options *options, struct cg_columns *columns)
{
	int r;

	*w = (struct cg_walk){.hierarchy = hierarchy, .options = options, .columns = columns};
	r = -pthread_mutex_init(&w->lock, NULL);
	if (r == 0)
		r = -pthread_cond_init(&w->changed, NULL);
	return r;
}

int cg_walk_add_node(struct cg_walk *w, const char *name, const char *relative, struct cg_node **ret,
	struct cg_error **err)
{
	struct cg_node *n = cg_arena_zalloc(&w->arena, sizeof(*n)),
		       **tops = reallocarray(w->top, w->tops + 1, sizeof(struct cg_node *));
	struct cg_walk_dir *dir = malloc(sizeof(*dir));
	int fd = -1, r = -ENOMEM;

	if (tops)
		w->top = tops;
	if (n && tops && dir)
		r = cg_open_beneath(w->hierarchy->fd, relative, O_RDONLY | O_DIRECTORY, &fd);
	if (r < 0) {
		free(dir);
		if (r == -ENOENT)
			return r;
		(void)cg_error_errno(err, -r, "cannot open the group");
		cg_error_at(err, name, NULL);
		return r;
	}
	*dir = (struct cg_walk_dir){fd, 1};
	*n = (struct cg_node){
		.above = dir, .name = cg_arena_string(&w->arena, name), .set = set_of_top(w, name)};
	n->pending = w->stack;
	w->stack = n;
	w->top[w->tops++] = n;
	*ret = n;
	return n->name && n->set != CG_NONE ? 0 : cg_error_oom(err);
}

int cg_walk_add_top(struct cg_walk *w, const char *name, const char *relative, struct cg_error **err)
{
	struct cg_node *n;

	return cg_walk_add_node(w, name, relative, &n, err);
}

int cg_walk_run(struct cg_walk *w, unsigned threads, struct cg_error **err)
{
	_cleanup_free_ pthread_t *thread = calloc(threads, sizeof(*thread));
	unsigned started = 0;

	if (!thread)
		return cg_error_oom(err);
	while (started + 1 < threads && pthread_create(&thread[started], NULL, work, w) == 0)
		started++;
	(void)work(w);
	while (started > 0)
		(void)pthread_join(thread[--started], NULL);
	if (w->failure == -EINTR)
		return cg_error_errno(err, EINTR, "stopped by a signal");
	if (w->failure == -ELOOP)
		return cg_error_make(err, CG_FAULT_SYSTEM, ELOOP,
			"the tree is nested more than %d levels deep", CG_DEPTH_MAX);
	return w->failure < 0 ? cg_error_errno(err, -w->failure, "cannot read the groups") : 0;
}

void cg_walk_destroy(struct cg_walk *w)
{
	for (struct cg_node *n = w->stack; n; n = n->pending)
		if (n->above && --n->above->users == 0) {
			(void)cg_close(n->above->fd);
			free(n->above);
		}
	free(w->top);
	cg_arena_free(&w->arena);
	(void)pthread_cond_destroy(&w->changed);
	(void)pthread_mutex_destroy(&w->lock);
}
