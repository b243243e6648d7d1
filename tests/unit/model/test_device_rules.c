/* The assembler of device rules: its programs are run here, on every case, beside the v1 controller's own
 * rule told in other words. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/device_rules.h"
#include "model/program.h"

#define STEPS_MAX 100000

struct access {
	unsigned kind;   /* 1 block, 2 char */
	unsigned wanted; /* 1 mknod, 2 read, 4 write */
	uint32_t major, minor;
};

static int32_t immediate(const unsigned char *b)
{
	return (int32_t)(b[4] | (uint32_t)b[5] << 8 | (uint32_t)b[6] << 16 | (uint32_t)b[7] << 24);
}

/* Runs the few instructions that such programs have; anything else fails the test. */
static uint64_t run(struct cg_bytes program, const struct access *a)
{
	const uint32_t context[3] = {a->wanted << 16 | a->kind, a->major, a->minor};
	const unsigned char *code = (const unsigned char *)program.data;
	const size_t count = program.len / CG_INSTRUCTION_SIZE;
	uint64_t r[11] = {0};

	assert_int_equal(program.len % CG_INSTRUCTION_SIZE, 0);
	for (size_t pc = 0, steps = 0; pc < count; pc++) {
		const unsigned char *b = code + pc * CG_INSTRUCTION_SIZE;
		unsigned to = b[1] & 15, from = b[1] >> 4;
		int offset = (int16_t)(b[2] | b[3] << 8);

		assert_true(steps++ < STEPS_MAX);
		assert_true(to <= 10 && from <= 10);
		switch (b[0]) {
		case 0x61: /* u32 load */
			assert_int_equal(from, 1);
			assert_true(offset == 0 || offset == 4 || offset == 8);
			r[to] = context[offset / 4];
			break;
		case 0xbf:
			r[to] = r[from];
			break;
		case 0xb7:
			r[to] = (uint64_t)(int64_t)immediate(b);
			break;
		case 0x54:
			r[to] = (uint32_t)r[to] & (uint32_t)immediate(b);
			break;
		case 0x74:
			r[to] = (uint32_t)r[to] >> immediate(b);
			break;
		case 0x55: /* 64 bits against a sign-extended immediate */
			if (r[to] != (uint64_t)(int64_t)immediate(b)) {
				assert_true(offset > 0);
				pc += (size_t)offset;
			}
			break;
		case 0x95:
			return r[0];
		default:
			fail_msg("instruction %zu has opcode 0x%02x", pc, b[0]);
		}
	}
	fail_msg("the program runs past its end");
	return 0;
}

static unsigned letter(char c)
{
	return c == 'm' ? 1 : c == 'r' ? 2 : 4;
}

/* v1: one rule must cover all that is wanted. */
static bool allows(const char *rules, const struct access *a)
{
	struct cg_bytes rest = cg_bytes_of(rules), line;

	while (cg_bytes_split(&rest, '\n', &line)) {
		char kind, major[16], minor[16], letters[4];
		char text[64];
		unsigned granted = 0;

		assert_true(line.len < sizeof(text));
		memcpy(text, line.data, line.len);
		text[line.len] = '\0';
		assert_int_equal(sscanf(text, "%c %15[^:]:%15s %3s", &kind, major, minor, letters), 4);
		for (const char *l = letters; *l; l++)
			granted |= letter(*l);
		if ((kind == 'b' ? 1u : 2u) == a->kind && (a->wanted & ~granted) == 0 &&
			(strcmp(major, "*") == 0 || strtoul(major, NULL, 10) == a->major) &&
			(strcmp(minor, "*") == 0 || strtoul(minor, NULL, 10) == a->minor))
			return true;
	}
	return false;
}

static const char *const lists[] = {
	"",
	"c 1:3 rwm",
	"b *:* m\nc *:* m",
	"c 1:3 r\nc 1:5 w\nc 1:* m",
	"b 8:16 r\nb 8:16 w",
	"c *:3 rw\nb 8:* rm",
	"c *:* rwm\nc 1:3 r",
	"c 136:* rwm\nc 5:2 rwm\nc 5:0 rwm\nc 5:1 rwm\nc 1:9 rwm\nc 1:8 rwm\nc 1:7 rwm\nc 1:5 rwm\nc 1:3 rwm\nb *:* m\nc *:* m",
	"b 4294967295:2147483648 rwm\nc 4095:1048575 w",
	"b 0:0 rwm",
};

static void every_case(const char *rules, struct cg_bytes program)
{
	static const uint32_t majors[] = {0, 1, 5, 8, 136, 4095}, minors[] = {0, 1, 2, 3, 5, 9, 16, 1048575};

	for (unsigned kind = 1; kind <= 2; kind++)
		for (unsigned wanted = 0; wanted < 8; wanted++)
			for (size_t i = 0; i < CG_ARRAY_SIZE(majors); i++)
				for (size_t k = 0; k < CG_ARRAY_SIZE(minors); k++) {
					struct access a = {kind, wanted, majors[i], minors[k]};

					if (run(program, &a) != allows(rules, &a))
						fail_msg("%s: %u %u:%u %u", rules, kind, a.major, a.minor,
							wanted);
				}
}

static void test_meaning(void **state CG_UNUSED)
{
	for (size_t i = 0; i < CG_ARRAY_SIZE(lists); i++) {
		_cleanup_text_ struct cg_text program = {0}, rules = {0};

		assert_int_equal(cg_device_rules_assemble(cg_bytes_of(lists[i]), &program), 1);
		every_case(lists[i], (struct cg_bytes){program.data, program.len});
		assert_true(cg_device_rules_recognise((struct cg_bytes){program.data, program.len}, &rules));
		assert_string_equal(rules.data ? rules.data : "", lists[i]);
	}
}

static void test_everything_allowed(void **state CG_UNUSED)
{
	_cleanup_text_ struct cg_text program = {0};

	assert_int_equal(cg_device_rules_assemble(CG_BYTES("a *:* rwm"), &program), 0);
	assert_int_equal(cg_device_rules_assemble(CG_BYTES("a *:* rwm\n"), &program), 0);
	assert_int_equal(cg_device_rules_assemble(CG_BYTES("c 1:3 r\na *:* rwm\n"), &program), 0);
	assert_int_equal(program.len, 0);
}

static void test_no_rules(void **state CG_UNUSED)
{
	static const char *const bad[] = {"c 1:3", "c 1 rwm", "x 1:3 rwm", "c 1:3 rr", "c 1:3 x", "cc 1:3 r",
		"c -1:3 r", "c 01:3 r", "c 1:3:4 r", "c 4294967296:0 r", "a 1:3 rwm", "a *:* r", "c : r",
		"c **:1 r", "1:3 rwm", "c 1:3 r w"};

	for (size_t i = 0; i < CG_ARRAY_SIZE(bad); i++) {
		_cleanup_text_ struct cg_text program = {0};

		if (cg_device_rules_assemble(cg_bytes_of(bad[i]), &program) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_int_equal(program.len, 0);
	}
}

/* A program that differs in a single bit is another's, and is not called ours: the rules that are read from
 * it would give another program, or it is ours with other rules. */
static void test_other_programs(void **state CG_UNUSED)
{
	_cleanup_text_ struct cg_text program = {0}, rules = {0}, again = {0};
	struct cg_bytes all;

	assert_int_equal(cg_device_rules_assemble(CG_BYTES("c 1:3 rw\nb 8:* rwm"), &program), 1);
	all = (struct cg_bytes){program.data, program.len};
	for (size_t bit = 0; bit < program.len * 8; bit++) {
		program.data[bit / 8] = (char)(program.data[bit / 8] ^ 1 << bit % 8);
		cg_text_reset(&rules);
		cg_text_reset(&again);
		if (cg_device_rules_recognise(all, &rules)) {
			assert_int_equal(
				cg_device_rules_assemble((struct cg_bytes){rules.data, rules.len}, &again),
				1);
			assert_int_equal(again.len, program.len);
			assert_memory_equal(again.data, program.data, program.len);
		}
		program.data[bit / 8] = (char)(program.data[bit / 8] ^ 1 << bit % 8);
	}
	for (size_t len = 0; len < program.len; len++) {
		cg_text_reset(&rules);
		assert_false(cg_device_rules_recognise((struct cg_bytes){program.data, len}, &rules));
		assert_int_equal(rules.len, 0);
	}
}

static void test_program(void **state CG_UNUSED)
{
	_cleanup_(cg_arena_free) struct cg_arena arena = {0};
	_cleanup_text_ struct cg_text t = {0};
	struct cg_program p = {0};

	assert_int_equal(cg_device_rules_program(&arena, CG_BYTES("a *:* rwm"), &p), 0);
	assert_int_equal(cg_device_rules_program(&arena, CG_BYTES("c 1:3"), &p), -EINVAL);
	assert_null(p.name);
	assert_int_equal(cg_device_rules_program(&arena, CG_BYTES("c 1:3 rw\nb *:* m"), &p), 1);
	assert_null(cg_program_fault(&p));
	cg_program_describe(&p, true, &t);
	assert_string_equal(t.data, "device cgtree_devices allows c 1:3 rw, b *:* m");
	cg_text_reset(&t);
	assert_int_equal(cg_device_rules_program(&arena, CG_BYTES(""), &p), 1);
	cg_program_describe(&p, false, &t);
	assert_string_equal(t.data, "cgtree_devices allows nothing");
}

static void test_faults(void **state CG_UNUSED)
{
	static const struct cg_program good = {.attach_flags = 2,
		.program_type = 15,
		.type = "device",
		.name = "a.b_9",
		.tag = {"12345678", 8},
		.instructions = {"\x95\0\0\0\0\0\0\0", 8}};
	struct cg_program p = good;
	_cleanup_text_ struct cg_text t = {0};

	assert_null(cg_program_fault(&p));
	cg_program_describe(&p, true, &t);
	assert_string_equal(t.data, "device a.b_9 1 instructions, tag 3132333435363738");
	p.attach_flags = 3;
	assert_non_null(cg_program_fault(&p));
	p.attach_flags = 8;
	assert_non_null(cg_program_fault(&p));
	p = good;
	p.name = "sixteen_letters_";
	assert_non_null(cg_program_fault(&p));
	p.name = "a b";
	assert_non_null(cg_program_fault(&p));
	p = good;
	p.instructions.len = 7;
	assert_non_null(cg_program_fault(&p));
	p.instructions.len = (size_t)8 * 1000001;
	assert_non_null(cg_program_fault(&p));
	p = good;
	p.program_type = 0;
	assert_non_null(cg_program_fault(&p));
	/* Named only, as older images have them. */
	p.instructions = (struct cg_bytes){"", 0};
	assert_null(cg_program_fault(&p));
}

static void test_same(void **state CG_UNUSED)
{
	static const struct cg_program a = {.id = 1,
		.attach_type = 6,
		.attach_flags = 2,
		.program_type = 15,
		.type = "device",
		.name = "x",
		.tag = {"12345678", 8},
		.instructions = {"\x95\0\0\0\0\0\0\0", 8}};
	struct cg_program b = a;

	b.id = 2;
	assert_true(cg_program_same(&a, &b));
	/* Dead code of the first load is gone in what was read: the same instructions with another tag. */
	b.tag = (struct cg_bytes){"87654321", 8};
	assert_true(cg_program_same(&a, &b));
	b.instructions = (struct cg_bytes){"", 0};
	assert_false(cg_program_same(&a, &b));
	b.tag = a.tag;
	assert_true(cg_program_same(&a, &b));
	b.attach_flags = 0;
	assert_false(cg_program_same(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_meaning),
		cmocka_unit_test(test_everything_allowed),
		cmocka_unit_test(test_no_rules),
		cmocka_unit_test(test_other_programs),
		cmocka_unit_test(test_program),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_same),
	};

	return cmocka_run_group_tests_name("model/device_rules", tests, NULL, NULL);
}
