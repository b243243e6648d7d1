/* BPF programs of real groups: attached, read, loaded again, reordered, taken away. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ground.h"
#include "kernel/programs.h"

#define LIST_MAX 8

/* r0 = NUMBER & 1; exit: as many programs as are wanted, all of which allow or deny. */
static const struct cg_bpf *program(unsigned number, const char *name, uint32_t flags)
{
	static char code[LIST_MAX * 4][24];
	static struct cg_bpf made[LIST_MAX * 4];
	static unsigned next;
	unsigned i = next++ % (LIST_MAX * 4);

	memcpy(code[i],
		"\xb7\0\0\0\0\0\0\0"
		"\x57\0\0\0\1\0\0\0"
		"\x95\0\0\0\0\0\0\0",
		sizeof(code[i]));
	code[i][4] = (char)number;
	made[i] = (struct cg_bpf){.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = flags,
		.program_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.gpl = true,
		.name = name,
		.tag = {"", 0},
		.instructions = {code[i], sizeof(code[i])}};
	return &made[i];
}

struct seen {
	size_t count;
	char code[LIST_MAX][24];
	uint32_t id[LIST_MAX], flags[LIST_MAX];
	bool saved[LIST_MAX];
};

static int see(void *context, const struct cg_bpf *p)
{
	struct seen *s = context;

	assert_true(s->count < LIST_MAX);
	assert_string_equal(p->type, "device");
	assert_int_equal(p->attach_type, BPF_CGROUP_DEVICE);
	assert_int_equal(p->tag.len, 8);
	s->id[s->count] = p->id;
	s->flags[s->count] = p->attach_flags;
	s->saved[s->count] = p->instructions.len > 0;
	if (p->instructions.len == sizeof(s->code[0]))
		memcpy(s->code[s->count], p->instructions.data, p->instructions.len);
	s->count++;
	return 0;
}

static struct seen look(const struct ground *g)
{
	struct cg_bpf_reader reader = {0};
	struct seen s = {0};

	assert_int_equal(cg_bpf_each(g->fd, &reader, see, &s), 0);
	cg_bpf_reader_free(&reader);
	return s;
}

static void begin(struct ground *g)
{
	int r = cg_bpf_may_load();

	if (r < 0)
		ground_skip("no device program can be loaded: %s", strerror(-r));
	ground_make(g, "", NULL);
	r = cg_bpf_may_query(g->fd);
	if (r < 0) {
		ground_remove(g);
		ground_skip("attached programs cannot be asked for: %s", strerror(-r));
	}
}

/* Sets a list and sees that it is there, byte for byte and in that order. */
static bool set(struct ground *g, const struct cg_bpf *const *want, size_t count)
{
	struct cg_bpf_loader loader = CG_BPF_LOADER_INIT;
	struct cg_bpf list[LIST_MAX] = {0};
	struct cg_error *err = NULL;
	bool changed = false;
	struct seen s;

	for (size_t i = 0; i < count; i++)
		list[i] = *want[i];
	if (cg_bpf_set(g->fd, BPF_CGROUP_DEVICE, list, count, &loader, &changed, &err) < 0)
		fail_msg("%s", err->message);
	cg_bpf_loader_close(&loader);
	s = look(g);
	assert_int_equal(s.count, count);
	for (size_t i = 0; i < count; i++) {
		assert_true(s.saved[i]);
		assert_memory_equal(s.code[i], want[i]->instructions.data, want[i]->instructions.len);
		assert_int_equal(s.flags[i], want[i]->attach_flags);
	}
	return changed;
}
#define SET(g, ...)                                                                                          \
	set(g, (const struct cg_bpf *const[]){__VA_ARGS__},                                                  \
		sizeof((const struct cg_bpf *const[]){__VA_ARGS__}) / sizeof(const struct cg_bpf *))

static void test_lists(void **state)
{
	struct ground *g = *state;
	const struct cg_bpf *a, *b, *c;

	begin(g);
	a = program(1, "cgt_a", BPF_F_ALLOW_MULTI);
	b = program(3, "cgt_b", BPF_F_ALLOW_MULTI);
	c = program(5, "cgt_c", BPF_F_ALLOW_MULTI);
	assert_int_equal(look(g).count, 0);
	assert_true(SET(g, a));
	assert_false(SET(g, a));
	assert_true(SET(g, a, b, c));
	assert_true(SET(g, c, a, b));
	assert_true(SET(g, a, c));
	/* The same program twice is two programs. */
	assert_true(SET(g, c, c));
	assert_true(set(g, NULL, 0));
	assert_false(set(g, NULL, 0));
	ground_remove(g);
}

static void test_alone(void **state)
{
	struct ground *g = *state;

	begin(g);
	assert_true(SET(g, program(1, "cgt_a", 0)));
	assert_true(SET(g, program(3, "cgt_b", 0)));
	assert_true(SET(g, program(3, "cgt_b", BPF_F_ALLOW_OVERRIDE)));
	assert_true(SET(g, program(1, "cgt_a", BPF_F_ALLOW_MULTI), program(3, "cgt_b", BPF_F_ALLOW_MULTI)));
	assert_true(SET(g, program(7, "cgt_c", 0)));
	assert_true(set(g, NULL, 0));
	ground_remove(g);
}

/* What stays is not touched, and a program that is still loaded comes back itself. */
static void test_identity(void **state)
{
	struct cg_bpf_loader loader = CG_BPF_LOADER_INIT;
	struct ground *g = *state;
	const struct cg_bpf *a, *b;
	struct cg_bpf again;
	uint32_t first, second;
	int held = -1;

	begin(g);
	a = program(1, "cgt_a", BPF_F_ALLOW_MULTI);
	b = program(3, "cgt_b", BPF_F_ALLOW_MULTI);
	SET(g, a, b);
	first = look(g).id[0];
	second = look(g).id[1];
	again = *b;
	again.id = second;
	assert_int_equal(cg_bpf_find(&again, &held), 0);
	SET(g, a);
	assert_int_equal(look(g).id[0], first);
	assert_int_equal(
		cg_bpf_set(g->fd, BPF_CGROUP_DEVICE, (struct cg_bpf[]){*a, again}, 2, &loader, NULL, NULL),
		0);
	assert_int_equal(look(g).id[0], first);
	assert_int_equal(look(g).id[1], second);
	cg_bpf_loader_close(&loader);
	(void)cg_close(held);
	/* Another program has that id. */
	again = *a;
	again.id = second;
	assert_int_equal(cg_bpf_find(&again, &held), -ENOENT);
	ground_remove(g);
}

/* Dead code is gone in what the kernel gives back; that is loaded again as it is. Maps cannot be. */
static void test_what_is_saved(void **state)
{
	const struct bpf_insn dead[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
		{.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_0, .imm = 1, .off = 1},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	struct ground *g = *state;
	struct bpf_insn mapped[] = {
		{.code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = BPF_REG_1, .src_reg = BPF_PSEUDO_MAP_FD},
		{0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd, map;
	struct seen s;

	begin(g);
	fd = bpf_prog_load(BPF_PROG_TYPE_CGROUP_DEVICE, "cgt_dead", "GPL", dead, CG_ARRAY_SIZE(dead), NULL);
	assert_true(fd >= 0);
	assert_int_equal(bpf_prog_attach(fd, g->fd, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI), 0);
	(void)cg_close(fd);
	map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "cgt_map", 4, 4, 1, NULL);
	assert_true(map >= 0);
	mapped[0].imm = map;
	fd = bpf_prog_load(
		BPF_PROG_TYPE_CGROUP_DEVICE, "cgt_map", "GPL", mapped, CG_ARRAY_SIZE(mapped), NULL);
	assert_true(fd >= 0);
	assert_int_equal(bpf_prog_attach(fd, g->fd, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI), 0);
	(void)cg_close(fd);
	(void)cg_close(map);
	s = look(g);
	assert_int_equal(s.count, 2);
	assert_true(s.saved[0]);
	assert_false(s.saved[1]);
	assert_int_equal(cg_bpf_any(), 1);
	ground_remove(g);
}

/* Of other types those that read nothing of their context come back as they were; one that does is rewritten.
 */
static int see_saved(void *context, const struct cg_bpf *p)
{
	bool *saved = context;

	assert_string_equal(p->type, "egress");
	*saved = p->instructions.len > 0;
	assert_true(*saved != (p->lost != NULL));
	return 0;
}

static void test_other_types(void **state)
{
	const struct bpf_insn plain[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
		{.code = BPF_JMP | BPF_EXIT},
	};
	const struct bpf_insn reading[] = {
		{.code = BPF_LDX | BPF_W | BPF_MEM,
			.dst_reg = BPF_REG_2,
			.src_reg = BPF_REG_1,
			.off = offsetof(struct __sk_buff, len)},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
		{.code = BPF_JMP | BPF_JGT | BPF_K, .dst_reg = BPF_REG_2, .imm = 9000, .off = 1},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, o, .expected_attach_type = BPF_CGROUP_INET_EGRESS);
	struct ground *g = *state;

	for (int i = 0; i < 2; i++) {
		struct cg_bpf_reader reader = {0};
		bool saved = false;
		int fd;

		begin(g);
		fd = bpf_prog_load(BPF_PROG_TYPE_CGROUP_SKB, "cgt_egress", "GPL", i ? reading : plain,
			i ? CG_ARRAY_SIZE(reading) : CG_ARRAY_SIZE(plain), &o);
		assert_true(fd >= 0);
		assert_int_equal(bpf_prog_attach(fd, g->fd, BPF_CGROUP_INET_EGRESS, BPF_F_ALLOW_MULTI), 0);
		assert_int_equal(cg_bpf_each(g->fd, &reader, see_saved, &saved), 0);
		assert_int_equal(saved, i == 0);
		cg_bpf_reader_free(&reader);
		(void)cg_close(fd);
		ground_remove(g);
	}
}

static void test_refused(void **state)
{
	struct cg_bpf_loader loader = CG_BPF_LOADER_INIT;
	struct cg_error *err = NULL;
	struct ground *g = *state;
	struct cg_bpf bad;
	int fd;

	begin(g);
	bad = *program(1, "cgt_bad", BPF_F_ALLOW_MULTI);
	bad.instructions.len = 16; /* no exit */
	assert_true(cg_bpf_load(&bad, &fd, &err) < 0);
	assert_non_null(strstr(err->message, "the kernel does not take the BPF program cgt_bad"));
	err = cg_error_free(err);
	assert_true(cg_bpf_set(g->fd, BPF_CGROUP_DEVICE, &bad, 1, &loader, NULL, &err) < 0);
	err = cg_error_free(err);
	assert_int_equal(look(g).count, 0);
	bad.instructions.len = 7;
	assert_int_equal(cg_bpf_load(&bad, &fd, NULL), -EINVAL);
	cg_bpf_loader_close(&loader);
	ground_remove(g);
}

static void test_tables(void **state CG_UNUSED)
{
	assert_string_equal(cg_bpf_type_name(BPF_CGROUP_DEVICE), "device");
	assert_null(cg_bpf_type_name(1000));
	assert_int_equal(cg_bpf_program_type(BPF_CGROUP_DEVICE), BPF_PROG_TYPE_CGROUP_DEVICE);
	assert_int_equal(cg_bpf_program_type(BPF_CGROUP_INET4_BIND), BPF_PROG_TYPE_CGROUP_SOCK_ADDR);
	assert_int_equal(cg_bpf_program_type(1000), BPF_PROG_TYPE_UNSPEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lists, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_alone, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_identity, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_what_is_saved, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_other_types, ground_setup, ground_teardown),
		cmocka_unit_test_setup_teardown(test_refused, ground_setup, ground_teardown),
		cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests_name("kernel/programs", tests, NULL, NULL);
}
