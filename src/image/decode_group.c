/* Group and tasks messages to tree: see decode.h. */
#include <errno.h>
#include <string.h>

#include "image/decode_parts.h"

#define TEXT(field, what, to) cg_decode_text(d, &m->field, what, to, err)

static int decode_owner(
	uint32_t uid, uint32_t gid, uint32_t mode, struct cg_owner *ret, struct cg_error **err)
{
	if (mode > 07777)
		return cg_error_corrupt(err, "a mode is 0%o", mode);
	*ret = (struct cg_owner){uid, gid, (uint16_t)mode};
	return 0;
}

/* Read and unread settings are two ascending lists: merged they ascend if both did. */
static int decode_settings(
	struct cg_decoder *d, const Cgtree__Image__Group *m, struct cg_group *g, struct cg_error **err)
{
	size_t read = 0, unread = 0, count = m->n_setting_column + m->n_unread_column;

	if (m->n_setting_column != m->n_setting_value)
		return cg_error_corrupt(
			err, "it has %zu values for %zu settings", m->n_setting_value, m->n_setting_column);
	if (count >= UINT16_MAX)
		return cg_error_corrupt(err, "it has %zu settings", count);
	g->setting = cg_decode_array(d, count, sizeof(*g->setting));
	if (!g->setting)
		return cg_decoder_out_of_memory(d, err);
	while (read + unread < count) {
		bool from_unread =
			read == m->n_setting_column ||
			(unread < m->n_unread_column && m->unread_column[unread] < m->setting_column[read]);
		uint32_t column = from_unread ? m->unread_column[unread] : m->setting_column[read];
		struct cg_setting *setting = &g->setting[read + unread];

		if (column >= UINT16_MAX)
			return cg_error_corrupt(err, "a setting is of file number %u", column);
		setting->column = (uint16_t)column;
		if (from_unread) {
			unread++;
		} else {
			int r = cg_decode_bytes(d, &m->setting_value[read++], &setting->value, err);

			if (r < 0)
				return r;
		}
	}
	g->settings = (uint32_t)count;
	d->settings += count;
	return 0;
}

static int decode_file_owner(struct cg_decoder *d, const Cgtree__Image__FileOwner *m,
	struct cg_file_owner *ret, struct cg_error **err)
{
	int r;

	if (m->has_column && m->column >= CG_FILE_EXTRA)
		return cg_error_corrupt(err, "an owner is of file number %u", m->column);
	if (m->has_column == m->has_name)
		return cg_error_corrupt(err, "an owner is of no file or of two");
	ret->column = m->has_column ? (uint16_t)m->column : CG_FILE_EXTRA;
	r = decode_owner(m->uid, m->gid, m->mode, &ret->owner, err);
	if (r == 0 && m->has_name)
		r = TEXT(name, "file's name", &ret->name);
	return r;
}

static int decode_file_owners(
	struct cg_decoder *d, const Cgtree__Image__Group *m, struct cg_group *g, struct cg_error **err)
{
	int r = 0;

	if (m->n_file_owner > UINT16_MAX)
		return cg_error_corrupt(err, "it has %zu file owners", m->n_file_owner);
	g->file_owner = cg_decode_array(d, m->n_file_owner, sizeof(*g->file_owner));
	if (!g->file_owner)
		return cg_decoder_out_of_memory(d, err);
	for (size_t i = 0; r == 0 && i < m->n_file_owner; i++)
		r = decode_file_owner(d, m->file_owner[i], &g->file_owner[i], err);
	g->file_owners = (uint16_t)m->n_file_owner;
	return r;
}

static int decode_xattr(
	struct cg_decoder *d, const Cgtree__Image__Xattr *m, struct cg_xattr *ret, struct cg_error **err)
{
	int r = TEXT(name, "extended attribute's name", &ret->name);

	return r < 0 ? r : cg_decode_bytes(d, &m->value, &ret->value, err);
}

static int decode_xattrs(
	struct cg_decoder *d, const Cgtree__Image__Group *m, struct cg_group *g, struct cg_error **err)
{
	int r = 0;

	if (m->n_xattr > UINT16_MAX)
		return cg_error_corrupt(err, "it has %zu extended attributes", m->n_xattr);
	g->xattr = cg_decode_array(d, m->n_xattr, sizeof(*g->xattr));
	if (!g->xattr)
		return cg_decoder_out_of_memory(d, err);
	for (size_t i = 0; r == 0 && i < m->n_xattr; i++)
		r = decode_xattr(d, m->xattr[i], &g->xattr[i], err);
	g->xattrs = (uint16_t)m->n_xattr;
	return r;
}

static int decode_program(
	struct cg_decoder *d, const Cgtree__Image__Program *m, struct cg_program *ret, struct cg_error **err)
{
	int r;

	ret->id = m->id;
	ret->attach_type = m->attach_type;
	ret->attach_flags = m->attach_flags;
	ret->program_type = m->program_type;
	ret->gpl = m->gpl;
	r = TEXT(type, "program's type", &ret->type);
	r = r < 0 ? r : TEXT(name, "program's name", &ret->name);
	r = r < 0 ? r : cg_decode_bytes(d, &m->tag, &ret->tag, err);
	return r < 0 ? r : cg_decode_bytes(d, &m->instructions, &ret->instructions, err);
}

static int decode_programs(
	struct cg_decoder *d, const Cgtree__Image__Group *m, struct cg_group *g, struct cg_error **err)
{
	int r = 0;

	if (m->n_program > UINT16_MAX)
		return cg_error_corrupt(err, "it has %zu programs", m->n_program);
	g->program = cg_decode_array(d, m->n_program, sizeof(*g->program));
	if (!g->program)
		return cg_decoder_out_of_memory(d, err);
	for (size_t i = 0; r == 0 && i < m->n_program; i++)
		r = decode_program(d, m->program[i], &g->program[i], err);
	g->programs = (uint16_t)m->n_program;
	return r;
}

static int decode_place(struct cg_decoder *d, const Cgtree__Image__Group *m, uint32_t index,
	struct cg_group *g, struct cg_error **err)
{
	if (m->up > index)
		return cg_error_corrupt(err, "its parent is %u groups before it, where there is none", m->up);
	if (m->hierarchy >= d->tree->hierarchies)
		return cg_error_corrupt(
			err, "it is in hierarchy %u, which the image does not have", m->hierarchy);
	if (m->file_set >= d->tree->hierarchy[m->hierarchy].file_sets)
		return cg_error_corrupt(err, "it has file set %u, which its hierarchy lacks", m->file_set);
	if ((int)m->type < 0 || (int)m->type > CG_TYPE_DOMAIN_INVALID)
		return cg_error_corrupt(err, "it is of type %d", (int)m->type);
	if (m->flags & ~(uint32_t)(CG_GROUP_SEALED | CG_GROUP_ANCESTOR))
		return cg_error_corrupt(err, "it has the flags 0x%x", m->flags);
	g->parent = m->up ? index - m->up : CG_NONE;
	g->hierarchy = (uint16_t)m->hierarchy;
	g->file_set = (uint16_t)m->file_set;
	g->type = (uint8_t)m->type;
	g->flags = (uint8_t)m->flags;
	g->cgroup_id = m->cgroup_id;
	g->file_uid = m->file_uid;
	g->file_gid = m->file_gid;
	return decode_owner(m->uid, m->gid, m->mode, &g->owner, err);
}

int cg_decode_group_at(struct cg_decoder *d, uint32_t index, struct cg_bytes message, struct cg_error **err)
{
	struct cg_group *g = &d->tree->group[index];
	Cgtree__Image__Group *m;
	int r;

	r = cg_decode_unpack(d, &cgtree__image__group__descriptor, message, (ProtobufCMessage **)&m, err);
	r = r < 0 ? r : decode_place(d, m, index, g, err);
	r = r < 0 ? r : TEXT(name, "group's name", &g->name);
	r = r < 0 ? r : decode_settings(d, m, g, err);
	if (r == 0 && m->n_file_owner)
		r = decode_file_owners(d, m, g, err);
	if (r == 0 && m->n_xattr)
		r = decode_xattrs(d, m, g, err);
	if (r == 0 && m->n_program)
		r = decode_programs(d, m, g, err);
	return r;
}

static int decode_task(
	struct cg_decoder *d, const Cgtree__Image__Task *m, struct cg_task *ret, struct cg_error **err)
{
	uint32_t tid = m->has_tid ? m->tid : m->pid;
	int32_t *ns_pid;

	if (m->pid > INT32_MAX || tid > INT32_MAX || m->n_ns_pid > UINT8_MAX)
		return cg_error_corrupt(
			err, "a task has the numbers %u and %u and %zu more", m->pid, tid, m->n_ns_pid);
	ns_pid = cg_decode_array(d, m->n_ns_pid, sizeof(*ns_pid));
	if (!ns_pid)
		return cg_decoder_out_of_memory(d, err);
	for (size_t i = 0; i < m->n_ns_pid; i++) {
		if (m->ns_pid[i] > INT32_MAX)
			return cg_error_corrupt(err, "a task has the number %u", m->ns_pid[i]);
		ns_pid[i] = (int32_t)m->ns_pid[i];
	}
	ret->pid = (int32_t)m->pid;
	ret->tid = (int32_t)tid;
	ret->start_time = m->start_time;
	ret->ns_pid = ns_pid;
	ret->ns_count = (uint8_t)m->n_ns_pid;
	return TEXT(comm, "task's name", &ret->comm);
}

int cg_decode_tasks(struct cg_decoder *d, struct cg_bytes message, struct cg_error **err)
{
	Cgtree__Image__Tasks *m;
	struct cg_group *g;
	int r;

	if (!d->tasks_may)
		return cg_error_corrupt(err, "it does not follow a group");
	d->tasks_may = false;
	r = cg_decode_unpack(d, &cgtree__image__tasks__descriptor, message, (ProtobufCMessage **)&m, err);
	if (r < 0)
		return r;
	if (m->n_task == 0 || m->n_task > UINT32_MAX)
		return cg_error_corrupt(err, "it has %zu tasks", m->n_task);
	g = &d->tree->group[d->tree->groups - 1];
	g->task = cg_decode_array(d, m->n_task, sizeof(*g->task));
	if (!g->task)
		return cg_decoder_out_of_memory(d, err);
	for (; r == 0 && g->tasks < m->n_task; g->tasks++)
		r = decode_task(d, m->task[g->tasks], &g->task[g->tasks], err);
	d->tasks += m->n_task;
	return r;
}
