/* The reader of undo records: bytes in, checked structures out. What it gives is carried out with the power
 * of whoever runs `recover`, so nothing in it is taken on trust. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/undo.h"
#include "engine/undo_format.h"
#include "model/program.h"

/* Smallest sizes of an object in the record: they bound the counts before memory is asked for. */
#define HIERARCHY_LEAST 25
#define PLACE_LEAST     21
#define STEP_LEAST      5
#define PROGRAM_LEAST   25

struct cursor {
	const unsigned char *at, *end;
	bool failed; /* ran past the end */
};

static uint64_t take(struct cursor *c, size_t bytes)
{
	uint64_t v = 0;

	if (c->failed || (size_t)(c->end - c->at) < bytes) {
		c->failed = true;
		return 0;
	}
	for (size_t i = 0; i < bytes; i++)
		v |= (uint64_t)c->at[i] << (8 * i);
	c->at += bytes;
	return v;
}

static uint32_t take_u32(struct cursor *c)
{
	return (uint32_t)take(c, 4);
}

static bool take_flag(struct cursor *c, bool *ret)
{
	uint64_t v = take(c, 1);

	*ret = v == 1;
	return v <= 1;
}

static struct cg_bytes take_bytes(struct cursor *c)
{
	size_t len = take_u32(c);
	struct cg_bytes b = {(const char *)c->at, len};

	if (c->failed || (size_t)(c->end - c->at) < len) {
		c->failed = true;
		return (struct cg_bytes){"", 0};
	}
	c->at += len;
	return b;
}

static bool take_optional(struct cursor *c, struct cg_bytes *ret)
{
	bool there;

	if (!take_flag(c, &there))
		return false;
	*ret = there ? take_bytes(c) : (struct cg_bytes){NULL, 0};
	return true;
}

static struct cg_owner take_owner(struct cursor *c)
{
	struct cg_owner o = {.uid = take_u32(c)};

	o.gid = take_u32(c);
	o.mode = (uint16_t)take(c, 2);
	return o;
}

/* A string without NUL, copied; NULL when it is none or memory is out (then *oom). */
static const char *take_string(struct cursor *c, struct cg_undo *undo, bool *oom)
{
	struct cg_bytes b = take_bytes(c);
	const char *s;

	if (c->failed || memchr(b.data, '\0', b.len))
		return NULL;
	s = cg_arena_copy(&undo->arena, b.data, b.len);
	*oom |= !s;
	return s;
}

/* A path of valid components, each but the first with one '/' before it. */
static bool is_relative(const char *path)
{
	struct cg_bytes rest = cg_bytes_of(path), part;
	size_t len = strlen(path);

	if (len == 0 || path[len - 1] == '/')
		return false;
	while (cg_bytes_split(&rest, '/', &part))
		if (!cg_name_is_valid(part))
			return false;
	return true;
}

static bool is_absolute(const char *path)
{
	return path[0] == '/' && (path[1] == '\0' || is_relative(path + 1));
}

static bool read_hierarchy(struct cursor *c, struct cg_undo *undo, bool *oom)
{
	struct cg_undo_hierarchy h = {.version = (uint8_t)take(c, 1)};

	h.device = take(c, 8);
	h.inode = take(c, 8);
	h.label = take_string(c, undo, oom);
	h.root = take_string(c, undo, oom);
	if (c->failed || !h.label || !h.root || (h.version != 1 && h.version != 2) || !is_absolute(h.root))
		return false;
	if (cg_undo_add_hierarchy(undo, &h) == CG_NONE) {
		*oom = true;
		return false;
	}
	return true;
}

static bool read_place(struct cursor *c, struct cg_undo *undo, bool *oom)
{
	uint32_t hierarchy = take_u32(c), parent = take_u32(c), index;
	uint64_t inode;
	const char *name;
	bool made;

	if (!take_flag(c, &made))
		return false;
	inode = take(c, 8);
	name = take_string(c, undo, oom);
	if (c->failed || !name || hierarchy >= undo->hierarchies)
		return false;
	if (parent == CG_NONE) {
		if (!is_relative(name) && (made || strcmp(name, ".") != 0))
			return false;
	} else if (parent >= undo->places || undo->place[parent].hierarchy != hierarchy ||
		   undo->place[parent].depth >= CG_DEPTH_MAX || !cg_name_is_valid(cg_bytes_of(name)) ||
		   (undo->place[parent].made && !made)) {
		return false;
	}
	index = cg_undo_add_place(undo, hierarchy, parent, name);
	if (index == CG_NONE) {
		*oom = true;
		return false;
	}
	undo->place[index].made = made;
	undo->place[index].inode = inode;
	return true;
}

/* The name of an interface file; OWNER may have none. */
static bool read_file_name(struct cursor *c, struct cg_undo *undo, struct cg_undo_step *s, bool *oom)
{
	s->file = take_string(c, undo, oom);
	if (!s->file)
		return false;
	if (s->kind == CG_UNDO_OWNER && s->file[0] == '\0') {
		s->file = NULL;
		return true;
	}
	return cg_name_is_valid(cg_bytes_of(s->file));
}

static bool read_task(struct cursor *c, const struct cg_undo *undo, struct cg_undo_step *s)
{
	uint32_t id;

	if (!take_flag(c, &s->whole))
		return false;
	id = take_u32(c);
	s->id = (int32_t)id;
	s->start_time = take(c, 8);
	s->origin = take_u32(c);
	/* It came from a group that was there. The two may have different bases, so different hierarchies
	 * here, of one file system. */
	return !c->failed && id > 0 && id <= INT32_MAX && s->origin < undo->places &&
	       !undo->place[s->origin].made &&
	       undo->hierarchy[undo->place[s->origin].hierarchy].device ==
		       undo->hierarchy[undo->place[s->place].hierarchy].device;
}

static bool read_program(struct cursor *c, struct cg_undo *undo, struct cg_bpf *ret, bool *oom)
{
	struct cg_bpf p = {.attach_type = ret->attach_type, .id = take_u32(c)};
	struct cg_program check;

	p.attach_flags = take_u32(c);
	p.program_type = take_u32(c);
	if (!take_flag(c, &p.gpl))
		return false;
	p.name = take_string(c, undo, oom);
	p.tag = take_bytes(c);
	p.instructions = take_bytes(c);
	if (c->failed || !p.name)
		return false;
	check = (struct cg_program){.attach_flags = p.attach_flags,
		.program_type = p.program_type,
		.name = p.name,
		.instructions = p.instructions};
	*ret = p;
	return !cg_program_fault(&check) &&
	       (p.program_type == cg_bpf_program_type(p.attach_type) || p.instructions.len == 0);
}

static bool read_programs(struct cursor *c, struct cg_undo *undo, uint32_t type, const struct cg_bpf **ret,
	uint32_t *ret_count, bool *oom)
{
	uint32_t count = take_u32(c);
	struct cg_bpf *p;

	if (c->failed || count > (size_t)(c->end - c->at) / PROGRAM_LEAST)
		return false;
	p = cg_arena_array(&undo->arena, count, sizeof(*p));
	if (!p) {
		*oom = true;
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		p[i].attach_type = type;
		if (!read_program(c, undo, &p[i], oom))
			return false;
	}
	*ret = p;
	*ret_count = count;
	return true;
}

static bool read_both_programs(struct cursor *c, struct cg_undo *undo, struct cg_undo_step *s, bool *oom)
{
	s->attach_type = take_u32(c);
	return !c->failed && cg_bpf_type_name(s->attach_type) && !undo->place[s->place].made &&
	       undo->hierarchy[undo->place[s->place].hierarchy].version == 2 &&
	       read_programs(c, undo, s->attach_type, &s->was, &s->was_count, oom) &&
	       read_programs(c, undo, s->attach_type, &s->is, &s->is_count, oom);
}

static bool read_step(struct cursor *c, struct cg_undo *undo, bool *oom)
{
	struct cg_undo_step s = {.kind = (uint8_t)take(c, 1), .place = take_u32(c), .origin = CG_NONE};
	struct cg_undo_step *kept;
	bool valid = false;

	if (c->failed || s.place >= undo->places)
		return false;
	switch (s.kind) {
	case CG_UNDO_GROUP:
		valid = undo->place[s.place].made;
		break;
	case CG_UNDO_VALUE:
		valid = read_file_name(c, undo, &s, oom);
		s.from = take_bytes(c);
		valid = valid && take_optional(c, &s.to) && !undo->place[s.place].made;
		break;
	case CG_UNDO_OWNER:
		valid = read_file_name(c, undo, &s, oom) && !undo->place[s.place].made;
		s.before = take_owner(c);
		s.after = take_owner(c);
		valid = valid && s.before.mode <= 07777 && s.after.mode <= 07777;
		break;
	case CG_UNDO_XATTR:
		valid = read_file_name(c, undo, &s, oom) && take_optional(c, &s.from) &&
			take_optional(c, &s.to) && !undo->place[s.place].made;
		break;
	case CG_UNDO_TASK:
		valid = read_task(c, undo, &s);
		break;
	case CG_UNDO_PROGRAMS:
		valid = read_both_programs(c, undo, &s, oom);
		break;
	default:
		break;
	}
	if (c->failed || !valid)
		return false;
	kept = cg_undo_add_step(undo, s.kind, s.place);
	if (!kept) {
		*oom = true;
		return false;
	}
	*kept = s;
	return true;
}

/* A group that another program made first is not ours: its step is done with. A tail that was cut is one that
 * was never written. */
static bool read_tail(struct cursor *c, struct cg_undo *undo)
{
	bool is_tail;
	uint32_t place;

	if ((size_t)(c->end - c->at) < CG_UNDO_TAIL_SIZE)
		return true;
	is_tail = take(c, 1) == 'E';
	place = take_u32(c);
	if (!is_tail || c->at != c->end || place >= undo->places || !undo->place[place].made)
		return false;
	for (size_t i = 0; i < undo->steps; i++)
		if (undo->step[i].kind == CG_UNDO_GROUP && undo->step[i].place == place)
			undo->step[i].settled = true;
	return true;
}

static bool counts_fit(const struct cursor *c, uint32_t hierarchies, uint32_t places, uint32_t steps)
{
	uint64_t left = (uint64_t)(c->end - c->at);

	return (uint64_t)hierarchies * HIERARCHY_LEAST + (uint64_t)places * PLACE_LEAST +
		       (uint64_t)steps * STEP_LEAST <=
	       left;
}

static bool read_body(struct cursor *c, struct cg_undo *undo, bool *oom)
{
	uint32_t hierarchies = take_u32(c), places = take_u32(c), steps = take_u32(c);

	if (c->failed || !counts_fit(c, hierarchies, places, steps))
		return false;
	while (undo->hierarchies < hierarchies)
		if (!read_hierarchy(c, undo, oom))
			return false;
	while (undo->places < places)
		if (!read_place(c, undo, oom))
			return false;
	while (undo->steps < steps)
		if (!read_step(c, undo, oom))
			return false;
	return true;
}

int cg_undo_parse(struct cg_bytes record, struct cg_undo *ret, struct cg_error **err)
{
	const unsigned char *start = (const unsigned char *)record.data;
	struct cursor c = {.at = start, .end = start + record.len};
	_cleanup_undo_ struct cg_undo undo = {0};
	size_t magic = strlen(CG_UNDO_MAGIC);
	bool valid, oom = false;
	struct cg_bytes boot;
	uint64_t sum;

	if (record.len < magic || memcmp(record.data, CG_UNDO_MAGIC, magic) != 0)
		return cg_error_corrupt(err, "not an undo record of this version");
	c.at += magic;
	boot = take_bytes(&c);
	if (boot.len != sizeof(undo.boot) - 1 || memchr(boot.data, '\0', boot.len))
		return cg_error_corrupt(err, "the undo record names no boot");
	memcpy(undo.boot, boot.data, boot.len);
	valid = read_body(&c, &undo, &oom);
	if (oom)
		return cg_error_oom(err);
	if (!valid)
		return cg_error_corrupt(
			err, "the undo record is damaged before byte %zu", (size_t)(c.at - start) + 1);
	sum = cg_undo_checksum(start, (size_t)(c.at - start));
	if (take(&c, 8) != sum || c.failed)
		return cg_error_corrupt(err, "the undo record's checksum is wrong");
	if (!read_tail(&c, &undo))
		return cg_error_corrupt(err, "the undo record's end is damaged");
	*ret = undo;
	undo = (struct cg_undo){0};
	return 0;
}
