/* Loading programs, and bringing the list of one attach type of a group to what is wanted. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/programs.h"
#include "kernel/programs_private.h"

#define LOG_SIZE 65536
#define MODE     (BPF_F_ALLOW_OVERRIDE | BPF_F_ALLOW_MULTI) /* what all programs of a type in a group share */

static struct bpf_insn get_instruction(struct cg_bytes program, size_t index)
{
	const unsigned char *b = (const unsigned char *)program.data + index * 8;

	return (struct bpf_insn){
		.code = b[0],
		.dst_reg = b[1] & 15,
		.src_reg = b[1] >> 4,
		.off = (int16_t)(b[2] | b[3] << 8),
		.imm = (int32_t)(b[4] | (uint32_t)b[5] << 8 | (uint32_t)b[6] << 16 | (uint32_t)b[7] << 24),
	};
}

int cg_bpf_load_quietly(const struct cg_bpf *program, char *log, size_t log_size)
{
	LIBBPF_OPTS(bpf_prog_load_opts, o, .expected_attach_type = (enum bpf_attach_type)program->attach_type,
		.log_buf = log, .log_size = (uint32_t)log_size, .log_level = log ? 1 : 0);
	const size_t count = program->instructions.len / 8;
	_cleanup_free_ struct bpf_insn *insn = NULL;

	if (count == 0 || count > CG_BPF_INSTRUCTIONS || program->instructions.len % 8 != 0)
		return -EINVAL;
	insn = calloc(count, sizeof(*insn));
	if (!insn)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		insn[i] = get_instruction(program->instructions, i);
	return bpf_prog_load((enum bpf_prog_type)program->program_type, program->name,
		program->gpl ? "GPL" : "Proprietary", insn, count, &o);
}

int cg_bpf_may_load(void)
{
	/* r0 = 1; exit */
	static const char allow[16] = {(char)0xb7, 0, 0, 0, 1, 0, 0, 0, (char)0x95};
	const struct cg_bpf p = {.attach_type = BPF_CGROUP_DEVICE,
		.program_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.name = "cgtree_probe",
		.instructions = {allow, sizeof(allow)}};
	_cleanup_close_ int fd = cg_bpf_load_quietly(&p, NULL, 0);

	return fd < 0 ? fd : 0;
}

/* The line of the verifier's log before its statistics. */
static struct cg_bytes last_words(const char *log)
{
	struct cg_bytes rest = cg_bytes_of(log), line, last = {"", 0};

	while (cg_bytes_split(&rest, '\n', &line)) {
		static const char statistics[] = "processed ";

		line = cg_bytes_trim(line);
		if (line.len > 0 && (line.len < sizeof(statistics) - 1 ||
					    memcmp(line.data, statistics, sizeof(statistics) - 1) != 0))
			last = line;
	}
	return last;
}

static int explain_load(const struct cg_bpf *p, int code, struct cg_error **err)
{
	_cleanup_free_ char *log = calloc(1, LOG_SIZE);
	_cleanup_text_ struct cg_text said = {0};
	_cleanup_close_ int again = -1;

	if (code == ENOMEM)
		return cg_error_oom(err);
	if (code == EPERM) {
		int r = cg_error_errno(err, code, "cannot load the BPF program %s", p->name);

		cg_error_hint(err, "loading programs needs " CG_BPF_PRIVILEGES);
		return r;
	}
	if (log) {
		again = cg_bpf_load_quietly(p, log, LOG_SIZE);
		log[LOG_SIZE - 1] = '\0';
		cg_text_escape(&said, last_words(log));
	}
	return cg_error_errno(err, code, "the kernel does not take the BPF program %s%s%s%s", p->name,
		said.len ? " (" : "", said.len ? said.data : "", said.len ? ")" : "");
}

int cg_bpf_load(const struct cg_bpf *program, int *ret_fd, struct cg_error **err)
{
	int fd = cg_bpf_load_quietly(program, NULL, 0);

	if (fd < 0)
		return explain_load(program, -fd, err);
	*ret_fd = fd;
	return 0;
}

int cg_bpf_find(const struct cg_bpf *program, int *ret_fd)
{
	_cleanup_text_ struct cg_text instructions = {0};
	_cleanup_close_ int fd = program->id ? bpf_prog_get_fd_by_id(program->id) : -ENOENT;
	struct bpf_prog_info info;
	int r;

	if (fd < 0)
		return -ENOENT;
	r = cg_bpf_info(fd, &info, &instructions);
	if (r < 0)
		return r;
	/* Ids are given out anew after a reboot. */
	if (info.type != program->program_type || program->instructions.len == 0 ||
		!cg_bytes_equal(
			(struct cg_bytes){instructions.data, instructions.len}, program->instructions))
		return -ENOENT;
	*ret_fd = cg_steal_fd(&fd);
	return 0;
}

void cg_bpf_loader_close(struct cg_bpf_loader *l)
{
	(void)cg_close(l->fd);
	*l = (struct cg_bpf_loader)CG_BPF_LOADER_INIT;
}

static bool same_code(const struct cg_bpf *a, const struct cg_bpf *b)
{
	if (a->instructions.len > 0 && b->instructions.len > 0)
		return a->program_type == b->program_type && cg_bytes_equal(a->instructions, b->instructions);
	return a->tag.len > 0 && cg_bytes_equal(a->tag, b->tag);
}

bool cg_bpf_same(const struct cg_bpf *a, const struct cg_bpf *b)
{
	return a->attach_type == b->attach_type && a->attach_flags == b->attach_flags &&
	       strcmp(a->name, b->name) == 0 && same_code(a, b);
}

/* What is attached now, with descriptors, so that it can be detached. */
struct present {
	struct cg_bpf_ids ids;
	int *fd; /* one for each id */
};

static void present_free(struct present *p)
{
	for (uint32_t i = 0; p->fd && i < p->ids.count; i++)
		(void)cg_close(p->fd[i]);
	free(p->fd);
	cg_bpf_ids_free(&p->ids);
}

/* Whether the program behind fd is `want`, attached with those flags. */
static int is_wanted(int fd, uint32_t flags, const struct cg_bpf *want)
{
	_cleanup_text_ struct cg_text instructions = {0};
	struct bpf_prog_info info;
	struct cg_bpf is;
	int r = cg_bpf_info(fd, &info, &instructions);

	if (r < 0)
		return r;
	is = (struct cg_bpf){.attach_type = want->attach_type,
		.attach_flags = flags,
		.program_type = info.type,
		.name = info.name,
		.tag = {(const char *)info.tag, sizeof(info.tag)},
		.instructions = {instructions.data, instructions.len}};
	return cg_bpf_same(&is, want);
}

/* Reads the list and marks how many at its beginning are as wanted. */
static int look(int group, uint32_t type, const struct cg_bpf *want, size_t count, struct present *ret,
	size_t *ret_kept)
{
	int r = cg_bpf_query(group, type, &ret->ids);
	size_t kept = 0;

	if (r < 0)
		return r;
	ret->fd = calloc(ret->ids.count + 1u, sizeof(*ret->fd));
	if (!ret->fd)
		return -ENOMEM;
	for (uint32_t i = 0; i < ret->ids.count; i++)
		ret->fd[i] = -1;
	for (uint32_t i = 0; i < ret->ids.count; i++) {
		ret->fd[i] = bpf_prog_get_fd_by_id(ret->ids.id[i]);
		if (ret->fd[i] < 0)
			return ret->fd[i];
		if (kept == i && i < count) {
			r = is_wanted(ret->fd[i], ret->ids.flags, &want[i]);
			if (r < 0)
				return r;
			kept += r > 0;
		}
	}
	*ret_kept = kept;
	return 0;
}

static bool is_attached(const struct present *p, uint32_t id)
{
	for (uint32_t i = 0; i < p->ids.count; i++)
		if (p->ids.id[i] == id)
			return true;
	return false;
}

static int id_of(int fd, uint32_t *ret)
{
	struct bpf_prog_info info;
	int r = cg_bpf_info(fd, &info, NULL);

	if (r == 0)
		*ret = info.id;
	return r;
}

/* A program to attach, in the loader. One program cannot be attached twice to a group: the one that is there,
 * or was attached just before (`fresh`), is loaded once more then. */
static int obtain(struct cg_bpf_loader *l, const struct cg_bpf *p, const struct present *now, bool fresh,
	struct cg_error **err)
{
	int fd = -1, r;

	if (!fresh && l->program && l->program->program_type == p->program_type &&
		l->program->gpl == p->gpl && l->program->attach_type == p->attach_type &&
		strcmp(l->program->name, p->name) == 0 &&
		cg_bytes_equal(l->program->instructions, p->instructions) && !is_attached(now, l->id))
		return 0;
	r = fresh || is_attached(now, p->id) ? -ENOENT : cg_bpf_find(p, &fd);
	if (r == -ENOENT)
		r = cg_bpf_load(p, &fd, err);
	else if (r < 0)
		r = cg_error_errno(err, -r, "cannot take up the BPF program %s", p->name);
	if (r < 0)
		return r;
	cg_bpf_loader_close(l);
	l->fd = fd;
	l->program = p;
	r = id_of(fd, &l->id);
	return r < 0 ? cg_error_errno(err, -r, "cannot look at the BPF program %s", p->name) : 0;
}

static int explain_attach(const struct cg_bpf *p, int code, struct cg_error **err)
{
	int r = cg_error_errno(err, code, "cannot attach the BPF program %s (%s)", p->name,
		cg_bpf_type_name(p->attach_type));

	if (code == EPERM)
		cg_error_hint(err,
			"it needs " CG_BPF_PRIVILEGES
			", and a group above must not have one that is attached alone (bpftool cgroup tree)");
	else if (code == E2BIG)
		cg_error_hint(err, "a group takes at most %d programs of a type", CG_BPF_GROUP_FIRST);
	return r;
}

static int attach_all(int group, const struct cg_bpf *want, size_t from, size_t count,
	const struct present *now, struct cg_bpf_loader *loader, struct cg_error **err)
{
	for (size_t i = from; i < count; i++) {
		bool twice = false;
		int r;

		for (size_t k = 0; k < i; k++)
			twice |= cg_bytes_equal(want[k].instructions, want[i].instructions);
		r = obtain(loader, &want[i], now, twice, err);
		if (r < 0)
			return r;
		r = bpf_prog_attach(loader->fd, group, (enum bpf_attach_type)want[i].attach_type,
			want[i].attach_flags & MODE);
		if (r < 0)
			return explain_attach(&want[i], -r, err);
	}
	return 0;
}

static int detach_all(int group, uint32_t type, const struct present *now, size_t from, struct cg_error **err)
{
	for (size_t i = from; i < now->ids.count; i++) {
		int r = bpf_prog_detach2(now->fd[i], group, (enum bpf_attach_type)type);

		if (r < 0) {
			r = cg_error_errno(err, -r, "cannot detach the BPF program with id %u (%s)",
				now->ids.id[i], cg_bpf_type_name(type));
			if (r == -ENOENT)
				cg_error_hint(
					err, "it may be held by a link of another program (bpftool link)");
			return r;
		}
	}
	return 0;
}

static int check_set(int group, uint32_t type, const struct cg_bpf *want, size_t count, struct cg_error **err)
{
	_cleanup_(present_free) struct present now = {0};
	size_t kept = 0;
	int r = look(group, type, want, count, &now, &kept);

	if (r < 0)
		return cg_error_errno(err, -r, "cannot read the attached BPF programs back");
	if (kept != count || now.ids.count != count)
		return cg_error_make(err, CG_FAULT_SYSTEM, EIO,
			"%zu BPF programs (%s) were to be attached, the kernel has %u, of which %zu are as wanted",
			count, cg_bpf_type_name(type), now.ids.count, kept);
	return 0;
}

int cg_bpf_set(int group, uint32_t attach_type, const struct cg_bpf *want, size_t count,
	struct cg_bpf_loader *loader, bool *ret_changed, struct cg_error **err)
{
	_cleanup_(present_free) struct present now = {0};
	bool clash, replaces;
	size_t kept = 0;
	int r = look(group, attach_type, want, count, &now, &kept);

	if (ret_changed)
		*ret_changed = r == 0 && (kept != count || kept != now.ids.count);
	if (r < 0)
		return cg_error_errno(err, -r, "cannot ask for the attached BPF programs");
	if (kept == count && kept == now.ids.count)
		return 0;
	clash = count > 0 && now.ids.count > 0 && (now.ids.flags & MODE) != (want[0].attach_flags & MODE);
	/* The kernel puts a new one in place of the only one. */
	replaces = !clash && count > 0 && !(want[0].attach_flags & BPF_F_ALLOW_MULTI);
	if (clash)
		r = detach_all(group, attach_type, &now, 0, err);
	if (r == 0)
		r = attach_all(group, want, kept, count, &now, loader, err);
	if (r == 0 && !clash && !replaces)
		r = detach_all(group, attach_type, &now, kept, err);
	return r < 0 ? r : check_set(group, attach_type, want, count, err);
}
