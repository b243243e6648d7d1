/* A container under another name. See criu_move.h. */
#include "image/criu_move.h"

#include <errno.h>
#include <string.h>

#include "image/criu_parts.h"
#include "image/image.h"

/* cgroup.img in memory. */
struct picture {
	struct cg_budget budget;
	struct cg_scratch scratch;
	Cgtree__Criu__Cgroups *message;
};

static void picture_close(struct picture *p)
{
	cg_scratch_free(&p->scratch);
}
#define _cleanup_picture_ _cleanup_(picture_close)

/* In place, for the scratch must not move. */
static int picture_open(struct picture *p, struct cg_bytes file, struct cg_error **err)
{
	ProtobufCMessage *m = NULL;
	struct cg_bytes rest, message;
	int r = cg_criu_open(file, CG_CRIU_MAGIC_CGROUP, &rest, err);

	r = r < 0 ? r : cg_criu_next(&rest, &message, err);
	if (r == 0)
		return cg_error_corrupt(err, "it holds no groups");
	if (r < 0)
		return r;
	r = cg_criu_unpack(&p->scratch, &cgtree__criu__cgroups__descriptor, message, false, &m, err);
	p->message = (Cgtree__Criu__Cgroups *)m;
	return r < 0 ? r : cg_criu_check_sets(p->message, &p->scratch, err);
}

static void picture_init(struct picture *p)
{
	p->budget = (struct cg_budget){.limit = CG_IMAGE_MEMORY_DEFAULT};
	cg_scratch_init(&p->scratch, &p->budget);
}

int cg_criu_read_whole(int fd, struct cg_text *ret, struct cg_error **err)
{
	return cg_criu_load(fd, CG_CRIU_FILE_NAME, ret, err);
}

/* CRIU's name of the v2 hierarchy is empty. */
static bool is_v2(const char *name)
{
	return name[0] == '\0';
}

int cg_criu_namespace_root(struct cg_bytes file, struct cg_text *t, struct cg_error **err)
{
	_cleanup_picture_ struct picture p = {0};
	const Cgtree__Criu__Member *first = NULL;
	int r;

	picture_init(&p);
	r = picture_open(&p, file, err);
	for (size_t i = 0; r == 0 && i < p.message->n_sets; i++) {
		for (size_t j = 0; r == 0 && j < p.message->sets[i]->n_ctls; j++) {
			const Cgtree__Criu__Member *m = p.message->sets[i]->ctls[j];

			if (!is_v2(m->name) || !m->has_cgns_prefix || !m->cgns_prefix)
				continue;
			if (first && (first->cgns_prefix != m->cgns_prefix ||
					     memcmp(first->path, m->path, m->cgns_prefix) != 0))
				r = cg_error_make(err, CG_FAULT_UNSUPPORTED, EOPNOTSUPP,
					"its tasks are in several cgroup namespaces");
			first = m;
		}
	}
	if (r == 0 && first)
		cg_text_add(t, first->path, first->cgns_prefix);
	return r == 0 && t->failed ? cg_error_oom(err) : r;
}

/* What of `path` stands behind `top` when it is that or lies below; NULL elsewhere. */
static const char *behind(const char *path, const char *top)
{
	size_t len = strlen(top);

	return strncmp(path, top, len) == 0 && (path[len] == '\0' || path[len] == '/') ? path + len : NULL;
}

struct move {
	struct picture *p;
	const char *from, *to;
	size_t moved;
};

static char *joined(struct move *m, const char *head, const char *tail)
{
	size_t a = strlen(head), b = strlen(tail);
	char *s = cg_scratch_alloc(&m->p->scratch, a + b + 1);

	if (s) {
		memcpy(s, head, a);
		memcpy(s + a, tail, b + 1);
	}
	return s;
}

static int move_member(struct move *m, Cgtree__Criu__Member *member, struct cg_error **err)
{
	size_t from = strlen(m->from);
	const char *tail = is_v2(member->name) ? behind(member->path, m->from) : NULL;

	if (!tail)
		return 0;
	if (member->has_cgns_prefix && member->cgns_prefix && member->cgns_prefix < from)
		return cg_error_make(err, CG_FAULT_UNSUPPORTED, EOPNOTSUPP,
			"the cgroup namespace of its tasks begins above %s, and would begin elsewhere",
			m->from);
	if (member->has_cgns_prefix && member->cgns_prefix)
		member->cgns_prefix += (uint32_t)(strlen(m->to) - from);
	member->path = joined(m, m->to, tail);
	m->moved++;
	return member->path ? 0 : cg_criu_out_of_memory(&m->p->budget, err);
}

/* A head is named by its path, with or without the slash before it. */
static int move_head(struct move *m, Cgtree__Criu__Dir *head, struct cg_error **err)
{
	const char *slash = head->dir_name[0] == '/' ? "" : "/", *tail;
	char *path = joined(m, slash, head->dir_name);

	if (!path)
		return cg_criu_out_of_memory(&m->p->budget, err);
	tail = behind(path, m->from);
	if (!tail && (path[1] == '\0' || behind(m->from, path)) && head->n_children)
		return cg_error_make(err, CG_FAULT_UNSUPPORTED, EOPNOTSUPP,
			"it describes groups from %s on, above %s, which cannot move alone", path, m->from);
	if (!tail)
		return 0;
	head->dir_name = joined(m, m->to + (slash[0] != '\0'), tail);
	m->moved++;
	return head->dir_name ? 0 : cg_criu_out_of_memory(&m->p->budget, err);
}

int cg_criu_move(struct cg_bytes file, const char *from, const char *to, struct cg_text *ret,
	size_t *ret_moved, struct cg_error **err)
{
	_cleanup_picture_ struct picture p = {0};
	struct move m = {&p, from, to, 0};
	int r;

	picture_init(&p);
	r = picture_open(&p, file, err);
	for (size_t i = 0; r == 0 && i < p.message->n_sets; i++)
		for (size_t j = 0; r == 0 && j < p.message->sets[i]->n_ctls; j++)
			r = move_member(&m, p.message->sets[i]->ctls[j], err);
	for (size_t i = 0; r == 0 && i < p.message->n_controllers; i++) {
		Cgtree__Criu__Controller *c = p.message->controllers[i];

		for (size_t j = 0; r == 0 && c->n_cnames && is_v2(c->cnames[0]) && j < c->n_dirs; j++)
			r = move_head(&m, c->dirs[j], err);
	}
	r = r < 0 ? r : cg_criu_pack(p.message, ret, err);
	if (r == 0)
		*ret_moved = m.moved;
	return r;
}
