/* BPF programs for the tests, by libbpf alone: nothing of the program under test is used.
 *
 *   bpfprog attach GROUP KIND FLAG...  FLAG: alone, override, multi; KIND: see below
 *   bpfprog detach GROUP               all of them
 *   bpfprog list GROUP...              a line for each: attach type, flags, name, tag, instructions in hex
 *   bpfprog answers FOLDER             what opening some nodes, and making others in the folder, gives: "ok",
 * or the errno's name bpfprog may                        exit 0 when programs can be loaded and attached here
 *
 * Kinds: denyzero (device; the node 1:5), units (device; 59 instructions, laid out as a service manager does
 * it: blocks that jump to one end), dead (device; with code that is never reached), map (device; counts in a
 * map), egress (lets everything out), reads (egress; looks at the packet's length). */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MAX      64

#define LOAD(to, at)                                                                                         \
	{                                                                                                    \
		.code = BPF_LDX | BPF_W | BPF_MEM, .dst_reg = (to), .src_reg = 1, .off = (at)                \
	}
#define COPY(to, from)                                                                                       \
	{                                                                                                    \
		.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (to), .src_reg = (from)                      \
	}
#define SET(to, n)                                                                                           \
	{                                                                                                    \
		.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (to), .imm = (n)                             \
	}
#define AND(to, n)                                                                                           \
	{                                                                                                    \
		.code = BPF_ALU | BPF_AND | BPF_K, .dst_reg = (to), .imm = (n)                               \
	}
#define SHIFT(to, n)                                                                                         \
	{                                                                                                    \
		.code = BPF_ALU | BPF_RSH | BPF_K, .dst_reg = (to), .imm = (n)                               \
	}
#define UNLESS(r, n, by)                                                                                     \
	{                                                                                                    \
		.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = (r), .imm = (n), .off = (by)                   \
	}
#define UNLIKE(r, s, by)                                                                                     \
	{                                                                                                    \
		.code = BPF_JMP | BPF_JNE | BPF_X, .dst_reg = (r), .src_reg = (s), .off = (by)               \
	}
#define GO(by)                                                                                               \
	{                                                                                                    \
		.code = BPF_JMP | BPF_JA, .off = (by)                                                        \
	}
#define EXIT                                                                                                 \
	{                                                                                                    \
		.code = BPF_JMP | BPF_EXIT                                                                   \
	}

struct program {
	enum bpf_prog_type type;
	enum bpf_attach_type attach;
	struct bpf_insn insn[MAX];
	size_t count;
};

static void fail(const char *what, int code)
{
	(void)fprintf(stderr, "bpfprog: %s: %s\n", what, strerror(code));
	exit(1);
}

static void take(struct program *p, const struct bpf_insn *insn, size_t count)
{
	if (p->count + count > MAX)
		fail("too many instructions", E2BIG);
	memcpy(p->insn + p->count, insn, count * sizeof(*insn));
	p->count += count;
}
#define TAKE(p, ...)                                                                                         \
	do {                                                                                                 \
		const struct bpf_insn taken[] = {__VA_ARGS__};                                               \
		take(p, taken, COUNT(taken));                                                                \
	} while (0)

static void deny_zero(struct program *p)
{
	TAKE(p, LOAD(2, 4), LOAD(3, 8), SET(0, 1), UNLESS(2, 1, 2), UNLESS(3, 5, 1), SET(0, 0), EXIT);
}

/* Nodes that every service gets; letters as bits 1 m, 2 r, 4 w. */
static void units(struct program *p)
{
	static const struct {
		int major, minor, access;
	} nodes[] = {{1, 3, 7}, {1, 5, 7}, {1, 7, 7}, {1, 8, 7}, {1, 9, 7}, {5, 0, 7}, {136, -1, 6}};
	const int end = 57;

	TAKE(p, SET(0, 0), LOAD(2, 0), AND(2, 0xffff), LOAD(3, 0), SHIFT(3, 16), LOAD(4, 4), LOAD(5, 8));
	for (size_t i = 0; i < COUNT(nodes); i++) {
		const bool any = nodes[i].minor < 0;
		const int left = any ? 6 : 7;

		TAKE(p, UNLESS(2, BPF_DEVCG_DEV_CHAR, (int16_t)(left - 1)), COPY(1, 3),
			AND(1, nodes[i].access), UNLIKE(1, 3, (int16_t)(left - 4)),
			UNLESS(4, nodes[i].major, (int16_t)(left - 5)));
		if (!any)
			TAKE(p, UNLESS(5, nodes[i].minor, 1));
		TAKE(p, GO((int16_t)(end - (int)p->count - 1)));
	}
	TAKE(p, SET(0, 0), GO(1), SET(0, 1), EXIT);
	/* The jumps above lead to the instruction that allows. */
	if (p->count != 59)
		fail("the program has another length", EINVAL);
}

static void dead(struct program *p)
{
	TAKE(p, SET(0, 1), UNLESS(0, 0, 2), SET(0, 0), SET(2, 7), EXIT);
}

static void with_map(struct program *p)
{
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "counts", 4, 8, 1, NULL);

	if (map < 0)
		fail("no map", errno);
	TAKE(p, {.code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = map},
		{0}, SET(0, 1), EXIT);
}

static struct program make(const char *kind)
{
	struct program p = {.type = BPF_PROG_TYPE_CGROUP_DEVICE, .attach = BPF_CGROUP_DEVICE};

	if (strcmp(kind, "denyzero") == 0) {
		deny_zero(&p);
	} else if (strcmp(kind, "units") == 0) {
		units(&p);
	} else if (strcmp(kind, "dead") == 0) {
		dead(&p);
	} else if (strcmp(kind, "map") == 0) {
		with_map(&p);
	} else {
		p.type = BPF_PROG_TYPE_CGROUP_SKB;
		p.attach = BPF_CGROUP_INET_EGRESS;
		if (strcmp(kind, "reads") == 0)
			TAKE(&p, LOAD(2, 0), SET(0, 1), UNLESS(2, 1, 1), SET(0, 0), EXIT);
		else if (strcmp(kind, "egress") == 0)
			TAKE(&p, SET(0, 1), EXIT);
		else
			fail(kind, EINVAL);
	}
	return p;
}

static int open_group(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		fail(path, errno);
	return fd;
}

static void attach(const char *group, const char *kind, const char *flag)
{
	LIBBPF_OPTS(bpf_prog_load_opts, o);
	struct program p = make(kind);
	int fd, r;

	o.expected_attach_type = p.attach;
	fd = bpf_prog_load(p.type, kind, "GPL", p.insn, p.count, &o);
	if (fd < 0)
		fail("cannot load", -fd);
	r = bpf_prog_attach(fd, open_group(group), p.attach,
		strcmp(flag, "multi") == 0      ? BPF_F_ALLOW_MULTI
		: strcmp(flag, "override") == 0 ? BPF_F_ALLOW_OVERRIDE
						: 0);
	if (r < 0)
		fail("cannot attach", -r);
}

static const enum bpf_attach_type types[] = {BPF_CGROUP_DEVICE, BPF_CGROUP_INET_EGRESS};

static void show(int fd, enum bpf_attach_type type, uint32_t flags)
{
	static struct bpf_insn insn[MAX * 1024];
	struct bpf_prog_info info = {.xlated_prog_insns = (uintptr_t)insn, .xlated_prog_len = sizeof(insn)};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		fail("no information", errno);
	printf("%d %u %s ", type, flags, info.name);
	for (size_t i = 0; i < sizeof(info.tag); i++)
		printf("%02x", info.tag[i]);
	printf(" ");
	for (size_t i = 0; i < info.xlated_prog_len && i < sizeof(insn); i++)
		printf("%02x", ((const unsigned char *)insn)[i]);
	printf("\n");
}

static void each(const char *group, bool detach)
{
	int dir = open_group(group);

	for (size_t t = 0; t < COUNT(types); t++) {
		uint32_t ids[MAX], count = MAX, flags = 0;
		int r = bpf_prog_query(dir, types[t], 0, &flags, ids, &count);

		if (r < 0)
			fail("cannot ask", -r);
		for (uint32_t i = 0; i < count; i++) {
			int fd = bpf_prog_get_fd_by_id(ids[i]);

			if (fd < 0)
				fail("no such program", -fd);
			if (!detach)
				show(fd, types[t], flags);
			else if ((r = bpf_prog_detach2(fd, dir, types[t])) < 0)
				fail("cannot detach", -r);
			(void)close(fd);
		}
	}
}

static const char *result(int r)
{
	return r >= 0 ? "ok" : strerrorname_np(errno);
}

/* What the nodes of every host answer, and the making of others in a folder. */
static void answers(const char *folder)
{
	static const char *const nodes[] = {"null", "zero", "full", "random", "tty"};
	static const struct {
		const char *name;
		int flags;
	} ways[] = {{"r", O_RDONLY}, {"w", O_WRONLY}, {"rw", O_RDWR}};
	static const struct {
		mode_t kind;
		unsigned major, minor;
	} made[] = {{S_IFCHR, 1, 3}, {S_IFCHR, 1, 5}, {S_IFBLK, 7, 0}, {S_IFBLK, 8, 16}, {S_IFCHR, 10, 200}};
	char path[512];

	for (size_t i = 0; i < COUNT(nodes); i++)
		for (size_t k = 0; k < COUNT(ways); k++) {
			int fd;

			if (snprintf(path, sizeof(path), "/dev/%s", nodes[i]) >= (int)sizeof(path))
				fail(nodes[i], ENAMETOOLONG);
			fd = open(path, ways[k].flags | O_CLOEXEC | O_NOCTTY);
			printf("%s %s %s\n", nodes[i], ways[k].name, result(fd));
			if (fd >= 0)
				(void)close(fd);
		}
	if (snprintf(path, sizeof(path), "%s/node", folder) >= (int)sizeof(path))
		fail(folder, ENAMETOOLONG);
	for (size_t i = 0; i < COUNT(made); i++) {
		int r = mknod(path, made[i].kind | 0600, makedev(made[i].major, made[i].minor));

		printf("mknod %c %u %u %s\n", made[i].kind == S_IFBLK ? 'b' : 'c', made[i].major,
			made[i].minor, result(r));
		(void)unlink(path);
	}
}

static int may(void)
{
	struct program p = make("egress");
	int fd = bpf_prog_load(p.type, "may", "GPL", p.insn, p.count, NULL);

	if (fd < 0)
		puts(strerror(-fd));
	return fd < 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "attach") == 0 && argc >= 5) {
		for (int i = 3; i + 1 < argc; i += 2)
			attach(argv[2], argv[i], argv[i + 1]);
	} else if (strcmp(verb, "list") == 0 && argc >= 3) {
		for (int i = 2; i < argc; i++) {
			printf("== %s\n", argv[i]);
			each(argv[i], false);
		}
	} else if (strcmp(verb, "detach") == 0 && argc == 3) {
		each(argv[2], true);
	} else if (strcmp(verb, "answers") == 0 && argc == 3) {
		answers(argv[2]);
	} else if (strcmp(verb, "may") == 0) {
		return may();
	} else {
		fail("see the head of bpfprog.c", EINVAL);
	}
	return 0;
}
