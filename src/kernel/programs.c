/* BPF programs attached to a group, by BPF_PROG_QUERY for each attach type of a cgroup (bpf(2), enum
 * bpf_attach_type in linux/bpf.h).
 *
 * A kernel that does not know a type answers EINVAL: then there is no program of it. Newer types than the
 * headers at hand stand here by number, for numbers of that enum never change. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/cgroupfs.h"

static const struct {
	uint32_t type;
	const char *name; /* as bpftool-cgroup(8) names it */
} attach_types[] = {
	{BPF_CGROUP_INET_INGRESS, "ingress"},
	{BPF_CGROUP_INET_EGRESS, "egress"},
	{BPF_CGROUP_INET_SOCK_CREATE, "sock_create"},
	{BPF_CGROUP_SOCK_OPS, "sock_ops"},
	{BPF_CGROUP_DEVICE, "device"},
	{BPF_CGROUP_INET4_BIND, "bind4"},
	{BPF_CGROUP_INET6_BIND, "bind6"},
	{BPF_CGROUP_INET4_CONNECT, "connect4"},
	{BPF_CGROUP_INET6_CONNECT, "connect6"},
	{BPF_CGROUP_INET4_POST_BIND, "post_bind4"},
	{BPF_CGROUP_INET6_POST_BIND, "post_bind6"},
	{BPF_CGROUP_UDP4_SENDMSG, "sendmsg4"},
	{BPF_CGROUP_UDP6_SENDMSG, "sendmsg6"},
	{BPF_CGROUP_SYSCTL, "sysctl"},
	{BPF_CGROUP_UDP4_RECVMSG, "recvmsg4"},
	{BPF_CGROUP_UDP6_RECVMSG, "recvmsg6"},
	{BPF_CGROUP_GETSOCKOPT, "getsockopt"},
	{BPF_CGROUP_SETSOCKOPT, "setsockopt"},
	{BPF_CGROUP_INET4_GETPEERNAME, "getpeername4"},
	{BPF_CGROUP_INET6_GETPEERNAME, "getpeername6"},
	{BPF_CGROUP_INET4_GETSOCKNAME, "getsockname4"},
	{BPF_CGROUP_INET6_GETSOCKNAME, "getsockname6"},
	{BPF_CGROUP_INET_SOCK_RELEASE, "sock_release"},
	{43, "lsm_cgroup"},
	{49, "connect_unix"},
	{50, "sendmsg_unix"},
	{51, "recvmsg_unix"},
	{52, "getpeername_unix"},
	{53, "getsockname_unix"},
};

#define PROGRAMS_FIRST                                                                                       \
	64 /* BPF_CGROUP_MAX_PROGS of linux/bpf-cgroup.h: the most that one type takes, lsm_cgroup apart */
#define PROGRAMS_CAP 65536

/* Name and tag of a program; -ENOENT when it was detached since. */
static int fill_info(struct cg_attached_program *p)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(p->id);

	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return -errno;
	_Static_assert(sizeof(info.name) == sizeof(p->name), "a program's name");
	_Static_assert(sizeof(info.tag) == sizeof(p->tag), "a program's tag");
	memcpy(p->name, info.name, sizeof(p->name));
	memcpy(p->tag, info.tag, sizeof(p->tag));
	return 0;
}

/* Asks for the ids of one type; *ret is allocated. */
static int query(int group, uint32_t type, uint32_t **ret, uint32_t *ret_count, uint32_t *ret_flags)
{
	for (uint32_t size = PROGRAMS_FIRST; size <= PROGRAMS_CAP; size *= 2) {
		_cleanup_free_ uint32_t *ids = calloc(size, sizeof(*ids));
		uint32_t count = size;
		int r;

		if (!ids)
			return -ENOMEM;
		r = bpf_prog_query(group, (enum bpf_attach_type)type, 0, ret_flags, ids, &count);
		if (r == -ENOSPC)
			continue;
		if (r < 0)
			return r;
		*ret = cg_steal(ids);
		*ret_count = count;
		return 0;
	}
	return -E2BIG;
}

static int each_of_type(int group, size_t t, cg_program_fn *fn, void *context)
{
	_cleanup_free_ uint32_t *ids = NULL;
	uint32_t count = 0, flags = 0;
	int r = query(group, attach_types[t].type, &ids, &count, &flags);

	if (r == -EINVAL)
		return 0;
	for (uint32_t i = 0; r == 0 && i < count; i++) {
		struct cg_attached_program p = {
			.id = ids[i], .attach_type = attach_types[t].type, .attach_flags = flags};
		int n = snprintf(p.type, sizeof(p.type), "%s", attach_types[t].name);

		if (n < 0 || (size_t)n >= sizeof(p.type))
			return -EOVERFLOW;
		r = fill_info(&p);
		if (r == -ENOENT)
			r = 0;
		else if (r == 0)
			r = fn(context, &p);
	}
	return r;
}

int cg_cgroup_programs(int group, cg_program_fn *fn, void *context)
{
	int r = 0;

	for (size_t t = 0; r == 0 && t < CG_ARRAY_SIZE(attach_types); t++)
		r = each_of_type(group, t, fn, context);
	return r;
}

static bool attaches_to_cgroups(uint32_t type)
{
	switch (type) {
	case BPF_PROG_TYPE_CGROUP_SKB:
	case BPF_PROG_TYPE_CGROUP_SOCK:
	case BPF_PROG_TYPE_CGROUP_DEVICE:
	case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
	case BPF_PROG_TYPE_CGROUP_SYSCTL:
	case BPF_PROG_TYPE_CGROUP_SOCKOPT:
	case BPF_PROG_TYPE_SOCK_OPS:
	case BPF_PROG_TYPE_LSM:
		return true;
	default:
		return false;
	}
}

int cg_programs_of_cgroups(void)
{
	uint32_t id = 0;

	for (;;) {
		struct bpf_prog_info info = {0};
		uint32_t len = sizeof(info);
		_cleanup_close_ int fd = -1;
		int r = bpf_prog_get_next_id(id, &id);

		if (r == -ENOENT)
			return 0;
		if (r < 0)
			return r;
		fd = bpf_prog_get_fd_by_id(id);
		/* Unloaded since. */
		if (fd == -ENOENT)
			continue;
		if (fd < 0)
			return fd;
		if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
			return -errno;
		if (attaches_to_cgroups(info.type))
			return 1;
	}
}
