/* Reading one group: every file is opened once, beneath the group's descriptor; fstat tells its owner, one
 * pread its value. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/walk.h"
#include "kernel/cgroupfs.h"
#include "kernel/files.h"
#include "model/value.h"

/* The membership file that is given to another owner, with or without the directory, when a group is handed
 * over. */
static const char *const handed_over[3] = {[1] = CG_FILE_TASKS, [2] = CG_FILE_PROCS};

bool cg_reader_note(struct cg_reader *r, struct cg_node *node, const char *file, const char *what, int code)
{
	struct cg_walk_note *n = cg_arena_zalloc(&r->arena, sizeof(*n));

	if (!n)
		return false;
	*n = (struct cg_walk_note){r->note, node, file, code < 0 ? -code : code, what};
	r->note = n;
	if (r->walk->options->optional && !(node->flags & CG_GROUP_ANCESTOR))
		node->flags |= CG_GROUP_INCOMPLETE;
	return true;
}

static struct cg_owner owner_of(const struct stat *st)
{
	return (struct cg_owner){st->st_uid, st->st_gid, (uint16_t)(st->st_mode & 07777)};
}

static bool same_owner(struct cg_owner a, struct cg_owner b)
{
	return a.uid == b.uid && a.gid == b.gid && a.mode == b.mode;
}

/* A file that is gone may mean that its group is. */
static bool is_gone(int fd)
{
	return faccessat(fd, CG_FILE_PROCS, F_OK, AT_EACCESS) < 0;
}

static bool means_gone(int code)
{
	return code == -ENOENT || code == -ENODEV;
}

/* Keeps a value: equal ones of one column share their bytes. */
static bool keep_value(struct cg_reader *r, uint16_t column, struct cg_bytes *value)
{
	struct cg_bytes *last = &r->last[column];

	if (!last->data || !cg_bytes_equal(*last, *value)) {
		if (!cg_arena_keep(&r->arena, value))
			return false;
		*last = *value;
	}
	*value = *last;
	return true;
}

static int open_and_read(
	struct cg_reader *r, int group, const struct cg_live_column *c, struct cg_owner *ret_owner)
{
	_cleanup_close_ int fd = openat(group, c->file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int code;

	if (fd < 0)
		return -errno;
	/* A value that is read elsewhere is still owned where it is written. */
	if (c->file == c->name)
		code = cg_fstat(fd, &st);
	else
		code = fstatat(group, c->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
	if (code < 0)
		return code;
	*ret_owner = owner_of(&st);
	return cg_read_fd(fd, true, &r->buffer);
}

/* Reads a column into *ret: 1 when the group needs an entry for it, 0 when a new group has the same. */
static int read_column(struct cg_reader *r, struct cg_node *node, int group, uint16_t index,
	struct cg_owner *owner, struct cg_setting *ret)
{
	const struct cg_live_column *c = r->walk->columns->column[index];
	struct cg_bytes value;
	int code;

	*owner = (struct cg_owner){0, 0, c->mode};
	code = open_and_read(r, group, c, owner);
	if (means_gone(code) && is_gone(group))
		return -ENOENT;
	if (code == -ENOMEM || code == -EMFILE || code == -ENFILE)
		return code;
	*ret = (struct cg_setting){index, {NULL, 0}};
	if (code < 0)
		return cg_reader_note(r, node, c->name, "read", code) ? 1 : -ENOMEM;
	value = cg_value_setting(c->knob, (struct cg_bytes){r->buffer.data, r->buffer.len});
	if (c->initial.data && cg_bytes_equal(value, c->initial))
		return 0;
	if (!keep_value(r, index, &value))
		return -ENOMEM;
	ret->value = value;
	return 1;
}

static int read_settings(struct cg_reader *r, struct cg_node *node, int group, const struct cg_live_set *set)
{
	uint32_t n = 0;

	for (uint16_t i = 0; i < set->columns; i++) {
		int code = read_column(r, node, group, set->column[i], &r->owner[i], &r->setting[n]);

		if (code < 0)
			return code;
		n += (uint32_t)code;
	}
	node->settings = n;
	node->setting = cg_arena_alloc(&r->arena, n * sizeof(*node->setting));
	if (!node->setting)
		return -ENOMEM;
	if (n)
		memcpy(node->setting, r->setting, n * sizeof(*node->setting));
	return 0;
}

struct owners {
	struct cg_reader *reader;
	struct cg_node *node;
	const struct cg_live_set *set;
	int group;
	struct cg_file_owner *item;
	size_t count, room;
};

static int add_owner(struct owners *o, uint16_t column, const char *name, struct cg_owner owner)
{
	if (o->count == UINT16_MAX)
		return -E2BIG;
	if (o->count == o->room) {
		size_t room = o->room ? 2 * o->room : 16;
		struct cg_file_owner *p = reallocarray(o->item, room, sizeof(*p));

		if (!p)
			return -ENOMEM;
		o->item = p;
		o->room = room;
	}
	o->item[o->count++] = (struct cg_file_owner){column, name, owner};
	return 0;
}

static bool is_column(const struct owners *o, const char *name)
{
	for (uint16_t i = 0; i < o->set->columns; i++)
		if (strcmp(o->reader->walk->columns->column[o->set->column[i]]->name, name) == 0)
			return true;
	return false;
}

static uint16_t usual_mode(const struct owners *o, const char *name, uint16_t mode)
{
	const struct cg_knob *knob = cg_knob_find(name, o->reader->walk->columns->version);

	return knob ? cg_knob_mode(knob, o->reader->walk->columns->kernel) : mode;
}

static int look_at_other_file(struct owners *o, const char *name)
{
	struct cg_owner usual = {o->node->file_uid, o->node->file_gid, 0};
	struct stat st;

	if (fstatat(o->group, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		int code = -errno;

		if (means_gone(code))
			return 0;
		name = cg_arena_string(&o->reader->arena, name);
		return name && cg_reader_note(o->reader, o->node, name, "look at", code) ? 0 : -ENOMEM;
	}
	usual.mode = usual_mode(o, name, (uint16_t)(st.st_mode & 07777));
	if (same_owner(owner_of(&st), usual))
		return 0;
	name = cg_arena_string(&o->reader->arena, name);
	return name ? add_owner(o, CG_FILE_EXTRA, name, owner_of(&st)) : -ENOMEM;
}

static int look_at_entry(const char *name, unsigned char type, void *context)
{
	struct owners *o = context;

	return type == DT_DIR || is_column(o, name) ? 0 : look_at_other_file(o, name);
}

/* Owners and modes that differ from the group's common ones. Settings were looked at while they were read; of
 * the rest, one membership file is looked at in every group, and all of them (statistics, actions, the other
 * membership file) where anything of the group is not root's or has another mode: a first look at a file
 * costs half as much as reading it. */
static int read_owners(struct cg_reader *r, struct cg_node *node, int group, const struct cg_live_set *set)
{
	_cleanup_free_ struct cg_file_owner *item = NULL;
	struct owners o = {r, node, set, group, NULL, 0, 0};
	int code = 0;

	if (set->columns) {
		node->file_uid = r->owner[set->columns - 1].uid;
		node->file_gid = r->owner[set->columns - 1].gid;
	}
	for (uint16_t i = 0; code == 0 && i < set->columns; i++) {
		struct cg_owner usual = {
			node->file_uid, node->file_gid, r->walk->columns->column[set->column[i]]->mode};

		if (!same_owner(r->owner[i], usual))
			code = add_owner(&o, set->column[i], NULL, r->owner[i]);
	}
	if (code == 0)
		code = look_at_other_file(&o, handed_over[r->walk->hierarchy->version]);
	if (code == 0 && (o.count || node->owner.uid || node->owner.gid || node->owner.mode != 0755 ||
				 node->file_uid || node->file_gid)) {
		while (o.count && o.item[o.count - 1].column == CG_FILE_EXTRA)
			o.count--;
		code = cg_dir_each(group, look_at_entry, &o);
	}
	item = o.item;
	node->file_owners = (uint16_t)o.count;
	node->file_owner = cg_arena_alloc(&r->arena, o.count * sizeof(*item));
	if (code == 0 && !node->file_owner)
		code = -ENOMEM;
	if (code == 0 && o.count)
		memcpy(node->file_owner, item, o.count * sizeof(*item));
	return means_gone(code) ? -ENOENT : code;
}

static int compare_xattrs(const void *a, const void *b)
{
	return strcmp(((const struct cg_xattr *)a)->name, ((const struct cg_xattr *)b)->name);
}

struct listing {
	struct cg_reader *reader;
	struct cg_node *node;
	uint32_t room;
};

static int add_xattr(void *context, const char *name, struct cg_bytes value)
{
	struct listing *l = context;
	struct cg_node *node = l->node;

	if (node->xattrs == UINT16_MAX)
		return -E2BIG;
	if (node->xattrs == l->room) {
		uint32_t room = l->room ? 2 * l->room : 4;
		struct cg_xattr *p = cg_arena_array(&l->reader->arena, room, sizeof(*p));

		if (!p)
			return -ENOMEM;
		if (node->xattrs)
			memcpy(p, node->xattr, node->xattrs * sizeof(*p));
		node->xattr = p;
		l->room = room;
	}
	name = cg_arena_string(&l->reader->arena, name);
	if (!name || !cg_arena_keep(&l->reader->arena, &value))
		return -ENOMEM;
	node->xattr[node->xattrs++] = (struct cg_xattr){name, value};
	return 0;
}

static int read_xattrs(struct cg_reader *r, struct cg_node *node, int group)
{
	struct listing l = {r, node, 0};
	int code = cg_cgroup_xattrs(group, add_xattr, &l);

	if (code == -ENOMEM)
		return code;
	if (code < 0 && code != -ENOTSUP &&
		!cg_reader_note(r, node, NULL, "read the extended attributes", code))
		return -ENOMEM;
	if (node->xattrs > 1)
		qsort(node->xattr, node->xattrs, sizeof(*node->xattr), compare_xattrs);
	return 0;
}

static int add_program(void *context, const struct cg_attached_program *p)
{
	struct listing *l = context;
	struct cg_node *node = l->node;
	struct cg_arena *a = &l->reader->arena;
	struct cg_program *list = cg_arena_array(a, node->programs + 1u, sizeof(*list));
	struct cg_bytes tag = {(const char *)p->tag, sizeof(p->tag)};
	const char *type = cg_arena_string(a, p->type),
		   *name = cg_arena_copy(a, p->name, strnlen(p->name, sizeof(p->name)));

	if (!list || !type || !name || !cg_arena_keep(a, &tag))
		return -ENOMEM;
	if (node->programs)
		memcpy(list, node->program, node->programs * sizeof(*list));
	list[node->programs] = (struct cg_program){.id = p->id,
		.attach_type = p->attach_type,
		.attach_flags = p->attach_flags,
		.type = type,
		.name = name,
		.tag = tag};
	node->program = list;
	node->programs++;
	return 0;
}

static int read_programs(struct cg_reader *r, struct cg_node *node, int group)
{
	struct listing l = {r, node, 0};
	int code = cg_cgroup_programs(group, add_program, &l);

	if (code == -ENOMEM || code == 0)
		return code;
	/* A group that is being removed has no programs any more. */
	if (means_gone(code) && is_gone(group))
		return -ENOENT;
	return cg_reader_note(r, node, NULL, "ask for attached BPF programs", code) ? 0 : -ENOMEM;
}

static int read_type(struct cg_reader *r, struct cg_node *node, int group)
{
	int code;

	node->type = CG_TYPE_V1;
	if (r->walk->hierarchy->version == 1)
		return 0;
	node->type = CG_TYPE_DOMAIN;
	code = cg_read_at(group, CG_FILE_TYPE, true, &r->buffer);
	/* The hierarchy's root has none and is a domain. */
	if (code < 0)
		return means_gone(code) && !is_gone(group) ? 0 : code;
	for (enum cg_group_type t = CG_TYPE_DOMAIN; t <= CG_TYPE_DOMAIN_INVALID; t++)
		if (cg_bytes_is(cg_bytes_trim((struct cg_bytes){r->buffer.data, r->buffer.len}),
			    cg_group_type_name(t)))
			node->type = (uint8_t)t;
	return 0;
}

/* What a child of this group has: on v2 that follows from the controllers it enables. */
static int find_child_set(struct cg_reader *r, struct cg_node *node)
{
	struct cg_columns *c = r->walk->columns;
	struct cg_bytes key = {"", 0};

	for (uint32_t i = 0; i < node->settings; i++)
		if (node->setting[i].column == c->delegation && node->setting[i].value.data)
			key = node->setting[i].value;
	node->child_set = cg_columns_set(c, key);
	return node->child_set == CG_NONE ? -ENOMEM : 0;
}

int cg_read_group(struct cg_reader *r, struct cg_node *node, int fd, bool *ret_children)
{
	const struct cg_live_set *set;
	struct stat st;
	int code = cg_fstat(fd, &st);

	if (code < 0)
		return code;
	node->owner = owner_of(&st);
	node->id = st.st_ino;
	/* Each child group is a link to its parent. */
	*ret_children = st.st_nlink > 2;
	code = cg_columns_learn(r->walk->columns, node->set, fd);
	if (code < 0)
		return code;
	set = r->walk->columns->set[node->set];
	code = read_type(r, node, fd);
	if (code == 0)
		code = read_settings(r, node, fd, set);
	if (code == 0)
		code = read_owners(r, node, fd, set);
	if (code == 0)
		code = read_xattrs(r, node, fd);
	if (code == 0 && r->walk->programs)
		code = read_programs(r, node, fd);
	if (code == 0 && *ret_children)
		code = find_child_set(r, node);
	node->read = code == 0;
	return code;
}
