/* BPF programs of a group, by BPF_PROG_QUERY for each attach type of a cgroup (bpf(2), enum bpf_attach_type
 * in linux/bpf.h), and what the kernel tells of each.
 *
 * A kernel that does not know a type answers EINVAL: then there is no program of it. Newer types than the
 * headers at hand stand here by number, for numbers of that enum never change. */
#include "kernel/programs.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/programs_private.h"

static const struct {
	uint32_t type, program; /* enum bpf_attach_type, and the one enum bpf_prog_type that it takes */
	const char *name;       /* as bpftool-cgroup(8) names it */
} attach_types[] = {
	{BPF_CGROUP_INET_INGRESS, BPF_PROG_TYPE_CGROUP_SKB, "ingress"},
	{BPF_CGROUP_INET_EGRESS, BPF_PROG_TYPE_CGROUP_SKB, "egress"},
	{BPF_CGROUP_INET_SOCK_CREATE, BPF_PROG_TYPE_CGROUP_SOCK, "sock_create"},
	{BPF_CGROUP_SOCK_OPS, BPF_PROG_TYPE_SOCK_OPS, "sock_ops"},
	{BPF_CGROUP_DEVICE, BPF_PROG_TYPE_CGROUP_DEVICE, "device"},
	{BPF_CGROUP_INET4_BIND, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "bind4"},
	{BPF_CGROUP_INET6_BIND, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "bind6"},
	{BPF_CGROUP_INET4_CONNECT, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "connect4"},
	{BPF_CGROUP_INET6_CONNECT, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "connect6"},
	{BPF_CGROUP_INET4_POST_BIND, BPF_PROG_TYPE_CGROUP_SOCK, "post_bind4"},
	{BPF_CGROUP_INET6_POST_BIND, BPF_PROG_TYPE_CGROUP_SOCK, "post_bind6"},
	{BPF_CGROUP_UDP4_SENDMSG, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "sendmsg4"},
	{BPF_CGROUP_UDP6_SENDMSG, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "sendmsg6"},
	{BPF_CGROUP_SYSCTL, BPF_PROG_TYPE_CGROUP_SYSCTL, "sysctl"},
	{BPF_CGROUP_UDP4_RECVMSG, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "recvmsg4"},
	{BPF_CGROUP_UDP6_RECVMSG, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "recvmsg6"},
	{BPF_CGROUP_GETSOCKOPT, BPF_PROG_TYPE_CGROUP_SOCKOPT, "getsockopt"},
	{BPF_CGROUP_SETSOCKOPT, BPF_PROG_TYPE_CGROUP_SOCKOPT, "setsockopt"},
	{BPF_CGROUP_INET4_GETPEERNAME, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "getpeername4"},
	{BPF_CGROUP_INET6_GETPEERNAME, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "getpeername6"},
	{BPF_CGROUP_INET4_GETSOCKNAME, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "getsockname4"},
	{BPF_CGROUP_INET6_GETSOCKNAME, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "getsockname6"},
	{BPF_CGROUP_INET_SOCK_RELEASE, BPF_PROG_TYPE_CGROUP_SOCK, "sock_release"},
	{43, BPF_PROG_TYPE_LSM, "lsm_cgroup"},
	{49, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "connect_unix"},
	{50, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "sendmsg_unix"},
	{51, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "recvmsg_unix"},
	{52, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "getpeername_unix"},
	{53, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "getsockname_unix"},
};

#define PROGRAMS_CAP 65536

const char *cg_bpf_type_name(uint32_t attach_type)
{
	for (size_t i = 0; i < CG_ARRAY_SIZE(attach_types); i++)
		if (attach_types[i].type == attach_type)
			return attach_types[i].name;
	return NULL;
}

uint32_t cg_bpf_program_type(uint32_t attach_type)
{
	for (size_t i = 0; i < CG_ARRAY_SIZE(attach_types); i++)
		if (attach_types[i].type == attach_type)
			return attach_types[i].program;
	return BPF_PROG_TYPE_UNSPEC;
}

void cg_bpf_ids_free(struct cg_bpf_ids *ids)
{
	free(ids->id);
	*ids = (struct cg_bpf_ids){0};
}

int cg_bpf_query(int group, uint32_t attach_type, struct cg_bpf_ids *ret)
{
	for (uint32_t size = CG_BPF_GROUP_FIRST; size <= PROGRAMS_CAP; size *= 2) {
		_cleanup_bpf_ids_ struct cg_bpf_ids ids = {
			.id = calloc(size, sizeof(*ids.id)), .count = size};
		int r;

		if (!ids.id)
			return -ENOMEM;
		r = bpf_prog_query(
			group, (enum bpf_attach_type)attach_type, 0, &ids.flags, ids.id, &ids.count);
		if (r == -ENOSPC)
			continue;
		if (r < 0)
			return r;
		*ret = ids;
		ids = (struct cg_bpf_ids){0};
		return 0;
	}
	return -E2BIG;
}

/* To the byte order of images. */
static void add_instruction(struct cg_text *t, const struct bpf_insn *i)
{
	const uint16_t off = (uint16_t)i->off;
	const uint32_t imm = (uint32_t)i->imm;
	const unsigned char b[8] = {i->code, (unsigned char)(i->dst_reg | i->src_reg << 4),
		(unsigned char)off, (unsigned char)(off >> 8), (unsigned char)imm, (unsigned char)(imm >> 8),
		(unsigned char)(imm >> 16), (unsigned char)(imm >> 24)};

	cg_text_add(t, b, sizeof(b));
}

int cg_bpf_info(int fd, struct bpf_prog_info *ret, struct cg_text *instructions)
{
	_cleanup_free_ struct bpf_insn *insn = NULL;
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info), size;

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return -errno;
	size = info.xlated_prog_len;
	if (instructions && size > 0 && size <= CG_BPF_INSTRUCTIONS * sizeof(*insn)) {
		insn = malloc(size);
		if (!insn)
			return -ENOMEM;
		info = (struct bpf_prog_info){.xlated_prog_len = size, .xlated_prog_insns = (uintptr_t)insn};
		len = sizeof(info);
		if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
			return -errno;
		/* Taken back where the kernel hides them (bpf_jit_harden). */
		for (size_t i = 0; info.xlated_prog_insns && i < size / sizeof(*insn); i++)
			add_instruction(instructions, &insn[i]);
		if (instructions->failed)
			return -ENOMEM;
	}
	*ret = info;
	return 0;
}

void cg_bpf_reader_free(struct cg_bpf_reader *r)
{
	cg_text_free(&r->name);
	cg_text_free(&r->instructions);
	cg_text_free(&r->trial);
	*r = (struct cg_bpf_reader){0};
}

/* Whether what was read gives the same program when it is loaded. */
static int try_again(struct cg_bpf_reader *r, struct cg_bpf *p)
{
	_cleanup_close_ int fd = cg_bpf_load_quietly(p, NULL, 0);
	struct bpf_prog_info info;
	int e;

	if (fd < 0) {
		p->lost = "was changed by the kernel when it was loaded, which does not take that again";
		return fd == -ENOMEM ? fd : 0;
	}
	cg_text_reset(&r->trial);
	e = cg_bpf_info(fd, &info, &r->trial);
	if (e < 0)
		return e;
	if (r->trial.len != p->instructions.len ||
		memcmp(r->trial.data, p->instructions.data, p->instructions.len) != 0 ||
		(p->program_type != BPF_PROG_TYPE_CGROUP_DEVICE &&
			memcmp(info.tag, p->tag.data, p->tag.len) != 0))
		p->lost = "was changed by the kernel when it was loaded";
	return 0;
}

/* Whether it is the program before once more, which was tried: units often have one each. Where a tag counts
 * it must be that one's, too. */
static bool is_like_last(const struct cg_bpf_reader *r, const struct cg_bpf *p)
{
	const struct cg_bpf *last = &r->last;

	return !last->lost && last->instructions.len > 0 && last->attach_type == p->attach_type &&
	       last->program_type == p->program_type && cg_bytes_equal(last->instructions, p->instructions) &&
	       (p->program_type == BPF_PROG_TYPE_CGROUP_DEVICE || cg_bytes_equal(last->tag, p->tag));
}

/* Why it cannot be loaded again from what was read; NULL in p->lost when it can. */
static int judge(struct cg_bpf_reader *r, const struct bpf_prog_info *info, struct cg_bpf *p)
{
	if (info->nr_map_ids > 0)
		p->lost = "uses maps";
	else if (info->type == BPF_PROG_TYPE_LSM)
		p->lost = "is bound to a function of this kernel";
	else if (p->instructions.len == 0)
		p->lost = "is not shown by the kernel (privileges or hardening)";
	else if (!is_like_last(r, p))
		return try_again(r, p);
	return 0;
}

/* Fills r->last with what fd is; on failure it is none. */
static int describe(struct cg_bpf_reader *r, int fd, uint32_t attach_type, const char *type)
{
	_cleanup_text_ struct cg_text fresh = {0};
	struct bpf_prog_info info = {0};
	int e = cg_bpf_info(fd, &info, &fresh);
	struct cg_bpf p = {
		.id = info.id,
		.attach_type = attach_type,
		.program_type = info.type,
		.gpl = info.gpl_compatible,
		.type = type,
		.name = info.name,
		.tag = {(const char *)info.tag, sizeof(info.tag)},
		.instructions = {fresh.data, fresh.len},
	};

	if (e == 0)
		e = judge(r, &info, &p);
	r->last = (struct cg_bpf){0};
	cg_text_reset(&r->name);
	cg_text_add(&r->name, info.name, strnlen(info.name, sizeof(info.name)));
	cg_text_adds(&r->name, "");
	if (e < 0 || r->name.failed)
		return e < 0 ? e : -ENOMEM;
	memcpy(r->tag, info.tag, sizeof(r->tag));
	p.name = r->name.data;
	p.tag.data = r->tag;
	cg_text_free(&r->instructions);
	r->instructions = fresh;
	fresh = (struct cg_text){0};
	if (p.lost)
		p.instructions = (struct cg_bytes){NULL, 0};
	r->last = p;
	return 0;
}

static int each_of_type(int group, size_t t, struct cg_bpf_reader *reader, cg_bpf_fn *fn, void *context)
{
	_cleanup_bpf_ids_ struct cg_bpf_ids ids = {0};
	const uint32_t type = attach_types[t].type;
	int r = cg_bpf_query(group, type, &ids);

	if (r == -EINVAL)
		return 0;
	for (uint32_t i = 0; r == 0 && i < ids.count; i++) {
		_cleanup_close_ int fd = -1;

		if (reader->last.id != ids.id[i] || reader->last.attach_type != type) {
			fd = bpf_prog_get_fd_by_id(ids.id[i]);
			/* Detached since. */
			if (fd == -ENOENT)
				continue;
			r = fd < 0 ? fd : describe(reader, fd, type, attach_types[t].name);
		}
		if (r == 0) {
			reader->last.attach_flags = ids.flags;
			r = fn(context, &reader->last);
		}
	}
	return r;
}

int cg_bpf_each(int group, struct cg_bpf_reader *reader, cg_bpf_fn *fn, void *context)
{
	int r = 0;

	for (size_t t = 0; r == 0 && t < CG_ARRAY_SIZE(attach_types); t++)
		r = each_of_type(group, t, reader, fn, context);
	return r;
}

static bool attaches_to_cgroups(uint32_t program_type)
{
	for (size_t i = 0; i < CG_ARRAY_SIZE(attach_types); i++)
		if (attach_types[i].program == program_type)
			return true;
	return false;
}

int cg_bpf_any(void)
{
	uint32_t id = 0;

	for (;;) {
		struct bpf_prog_info info;
		_cleanup_close_ int fd = -1;
		int r = bpf_prog_get_next_id(id, &id);

		if (r == -ENOENT || r == -ENOSYS)
			return 0;
		if (r < 0)
			return r;
		fd = bpf_prog_get_fd_by_id(id);
		/* Unloaded since. */
		if (fd == -ENOENT)
			continue;
		if (fd < 0)
			return fd;
		r = cg_bpf_info(fd, &info, NULL);
		if (r < 0)
			return r;
		if (attaches_to_cgroups(info.type))
			return 1;
	}
}

int cg_bpf_may_query(int group)
{
	uint32_t count = 0;
	int r = bpf_prog_query(group, BPF_CGROUP_DEVICE, 0, NULL, NULL, &count);

	return r == -ENOSPC || r == -EINVAL || r == -ENOSYS ? 0 : r;
}
