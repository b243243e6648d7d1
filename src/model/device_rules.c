/* The assembler and its inverse. A program is
 *
 *   r3 = access that is asked for
 *   for each rule: pass it by when the type, a letter, the major or the minor does not fit; else allow
 *   deny
 *
 * What a rule leaves open (any number, all letters) is not asked. Each question loads anew what it asks
 * about: a verifier that remembered from one rule to the next what was found out about the device would
 * follow all rules once more for each way in which a rule can fail, and gives up at a few hundred. */
#include "model/device_rules.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "model/value_parts.h"

#define PROLOGUE    2
#define ALL_LETTERS (BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)
#define NAME        "cgtree_devices" /* shorter than BPF_OBJ_NAME_LEN */

enum { CONTEXT = BPF_REG_1, ASKED = BPF_REG_2, ACCESS = BPF_REG_3 }; /* registers */

#define LOAD   (BPF_LDX | BPF_W | BPF_MEM)
#define COPY   (BPF_ALU64 | BPF_MOV | BPF_X)
#define SET    (BPF_ALU64 | BPF_MOV | BPF_K)
#define MASK   (BPF_ALU | BPF_AND | BPF_K)
#define SHIFT  (BPF_ALU | BPF_RSH | BPF_K)
#define IF_NOT (BPF_JMP | BPF_JNE | BPF_K)
#define FINISH (BPF_JMP | BPF_EXIT)

struct rule {
	char kind; /* b or c */
	bool any_major, any_minor;
	uint32_t major, minor;
	unsigned access; /* BPF_DEVCG_ACC_* */
};

struct instruction {
	unsigned char code, to, from;
	int16_t offset;
	uint32_t immediate;
};

static const struct cg_knob shape = {.grammar = CG_GRAMMAR_DEVICE_RULES}; /* all that entries ask of a row */

static void put(struct cg_text *t, struct instruction i)
{
	const uint16_t offset = (uint16_t)i.offset;
	const unsigned char b[CG_INSTRUCTION_SIZE] = {i.code, (unsigned char)(i.to | i.from << 4),
		(unsigned char)offset, (unsigned char)(offset >> 8), (unsigned char)i.immediate,
		(unsigned char)(i.immediate >> 8), (unsigned char)(i.immediate >> 16),
		(unsigned char)(i.immediate >> 24)};

	cg_text_add(t, b, sizeof(b));
}

static struct instruction get(struct cg_bytes program, size_t index)
{
	const unsigned char *b = (const unsigned char *)program.data + index * CG_INSTRUCTION_SIZE;

	return (struct instruction){
		.code = b[0],
		.to = b[1] & 15,
		.from = b[1] >> 4,
		.offset = (int16_t)(b[2] | b[3] << 8),
		.immediate = b[4] | (uint32_t)b[5] << 8 | (uint32_t)b[6] << 16 | (uint32_t)b[7] << 24,
	};
}

static int type_of(char kind)
{
	return kind == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
}

static void load(struct cg_text *t, unsigned char to, size_t at)
{
	put(t, (struct instruction){LOAD, to, CONTEXT, (int16_t)at, 0});
}

/* How many instructions a rule takes before the two that allow. */
static int questions(const struct rule *r)
{
	return 3 + (r->access != ALL_LETTERS ? 3 : 0) + (r->any_major ? 0 : 2) + (r->any_minor ? 0 : 2);
}

/* Goes on with the next rule, `left` instructions and the two that allow ahead. */
static void pass_unless(struct cg_text *t, int left, uint32_t value)
{
	put(t, (struct instruction){IF_NOT, ASKED, 0, (int16_t)(left + 2), value});
}

static void put_rule(struct cg_text *t, const struct rule *r)
{
	int left = questions(r);

	load(t, ASKED, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	put(t, (struct instruction){MASK, ASKED, 0, 0, 0xffff});
	left -= 3;
	pass_unless(t, left, (uint32_t)type_of(r->kind));
	if (r->access != ALL_LETTERS) {
		put(t, (struct instruction){COPY, ASKED, ACCESS, 0, 0});
		put(t, (struct instruction){MASK, ASKED, 0, 0, ALL_LETTERS & ~r->access});
		left -= 3;
		pass_unless(t, left, 0);
	}
	if (!r->any_major) {
		load(t, ASKED, offsetof(struct bpf_cgroup_dev_ctx, major));
		left -= 2;
		pass_unless(t, left, r->major);
	}
	if (!r->any_minor) {
		load(t, ASKED, offsetof(struct bpf_cgroup_dev_ctx, minor));
		left -= 2;
		pass_unless(t, left, r->minor);
	}
	put(t, (struct instruction){SET, BPF_REG_0, 0, 0, 1});
	put(t, (struct instruction){.code = FINISH});
}

static void put_prologue(struct cg_text *t)
{
	load(t, ACCESS, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	put(t, (struct instruction){SHIFT, ACCESS, 0, 0, 16});
}

static void put_epilogue(struct cg_text *t)
{
	put(t, (struct instruction){SET, BPF_REG_0, 0, 0, 0});
	put(t, (struct instruction){.code = FINISH});
}

static bool parse_number(struct cg_bytes b, bool *ret_any, uint32_t *ret)
{
	*ret_any = cg_bytes_is(b, "*");
	return *ret_any || cg_parse_u32(b, ret) == 0;
}

/* Of one line: 1 a rule, 2 everything is allowed, -EINVAL. */
static int parse_rule(const struct cg_entry *e, struct rule *ret)
{
	unsigned letters = cg_access_parse(e->rest);
	struct cg_bytes rest = e->key, major;
	struct rule r = {.kind = e->kind};

	if (letters == 0 || !cg_bytes_split(&rest, ':', &major) ||
		!parse_number(major, &r.any_major, &r.major) || !parse_number(rest, &r.any_minor, &r.minor))
		return -EINVAL;
	r.access = (letters & 1 ? BPF_DEVCG_ACC_READ : 0u) | (letters & 2 ? BPF_DEVCG_ACC_WRITE : 0u) |
		   (letters & 4 ? BPF_DEVCG_ACC_MKNOD : 0u);
	*ret = r;
	if (r.kind == 'a')
		return r.any_major && r.any_minor && r.access == ALL_LETTERS ? 2 : -EINVAL;
	return r.kind == 'b' || r.kind == 'c' ? 1 : -EINVAL;
}

int cg_device_rules_assemble(struct cg_bytes rules, struct cg_text *ret)
{
	_cleanup_text_ struct cg_text program = {0};
	struct cg_entry entry;
	struct rule rule;
	bool all = false;
	int r;

	put_prologue(&program);
	while ((r = cg_entry_next(&shape, &rules, &entry)) > 0) {
		r = parse_rule(&entry, &rule);
		if (r < 0)
			return r;
		if (r == 2)
			all = true;
		else
			put_rule(&program, &rule);
	}
	if (r < 0 || all)
		return r;
	put_epilogue(&program);
	if (!program.failed)
		cg_text_add(ret, program.data, program.len);
	return program.failed || ret->failed ? -ENOMEM : 1;
}

/* Reads a rule at *at, which moves behind it; false when there is none. That it is one to the last bit is
 * seen by assembling it again. */
static bool get_rule(struct cg_bytes program, size_t *at, struct rule *ret)
{
	const size_t count = program.len / CG_INSTRUCTION_SIZE;
	struct rule r = {.any_major = true, .any_minor = true, .access = ALL_LETTERS};
	struct instruction i;
	size_t end;

	if (*at + 3 > count)
		return false;
	i = get(program, *at + 2);
	if (i.code != IF_NOT || i.offset < 2)
		return false;
	end = *at + 3 + (size_t)i.offset;
	if (end >= count)
		return false;
	r.kind = i.immediate == BPF_DEVCG_DEV_BLOCK ? 'b' : 'c';
	for (size_t k = *at + 4; k < end; k++) {
		const struct instruction before = get(program, k - 1);

		i = get(program, k);
		if (i.code == MASK) {
			r.access = ALL_LETTERS & ~i.immediate;
		} else if (i.code == IF_NOT && before.offset == offsetof(struct bpf_cgroup_dev_ctx, major)) {
			r.any_major = false;
			r.major = i.immediate;
		} else if (i.code == IF_NOT && before.offset == offsetof(struct bpf_cgroup_dev_ctx, minor)) {
			r.any_minor = false;
			r.minor = i.immediate;
		}
	}
	*at = end;
	*ret = r;
	return true;
}

static void add_number(struct cg_text *t, bool any, uint32_t number)
{
	if (any)
		cg_text_addc(t, '*');
	else
		cg_text_printf(t, "%u", number);
}

static void add_rule(struct cg_text *t, const struct rule *r)
{
	if (t->len > 0)
		cg_text_addc(t, '\n');
	cg_text_addc(t, r->kind);
	cg_text_addc(t, ' ');
	add_number(t, r->any_major, r->major);
	cg_text_addc(t, ':');
	add_number(t, r->any_minor, r->minor);
	cg_text_addc(t, ' ');
	if (r->access & BPF_DEVCG_ACC_READ)
		cg_text_addc(t, 'r');
	if (r->access & BPF_DEVCG_ACC_WRITE)
		cg_text_addc(t, 'w');
	if (r->access & BPF_DEVCG_ACC_MKNOD)
		cg_text_addc(t, 'm');
}

bool cg_device_rules_recognise(struct cg_bytes instructions, struct cg_text *ret)
{
	_cleanup_text_ struct cg_text rules = {0}, again = {0};
	size_t at = PROLOGUE;
	struct rule rule;
	int r;

	if (instructions.len % CG_INSTRUCTION_SIZE != 0 ||
		instructions.len < (PROLOGUE + 2) * CG_INSTRUCTION_SIZE)
		return false;
	while (get_rule(instructions, &at, &rule))
		add_rule(&rules, &rule);
	if (!rules.failed)
		r = cg_device_rules_assemble(
			(struct cg_bytes){rules.len ? rules.data : "", rules.len}, &again);
	else
		r = -ENOMEM;
	if (r == -ENOMEM)
		ret->failed = true;
	if (r != 1 || !cg_bytes_equal((struct cg_bytes){again.data, again.len}, instructions))
		return false;
	cg_text_add(ret, rules.len ? rules.data : "", rules.len);
	return !ret->failed;
}

int cg_device_rules_map(struct cg_bytes rules, cg_device_rules_fn *map, void *context, struct cg_text *t)
{
	const size_t start = t->len;
	struct cg_entry e;
	int r;

	while ((r = cg_entry_next(&shape, &rules, &e)) != 0) {
		const size_t before = r > 0 ? (size_t)(e.key.data - e.line.data) : 0;
		struct cg_bytes key = e.key;

		if (r > 0 && map(context, e.kind, e.key, &key) < 0)
			continue;
		if (t->len > start)
			cg_text_addc(t, '\n');
		cg_text_add(t, e.line.data, before);
		if (r > 0)
			cg_text_add(t, key.data, key.len);
		cg_text_add(t, e.line.data + before + (r > 0 ? e.key.len : 0),
			e.line.len - before - (r > 0 ? e.key.len : 0));
	}
	return t->failed ? -ENOMEM : 0;
}

int cg_device_rules_program(struct cg_arena *arena, struct cg_bytes rules, struct cg_program *ret)
{
	_cleanup_text_ struct cg_text t = {0};
	struct cg_program p = {
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI,
		.program_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.gpl = true,
		.type = cg_arena_string(arena, "device"),
		.name = cg_arena_string(arena, NAME),
		.tag = {"", 0},
	};
	int r = cg_device_rules_assemble(rules, &t);

	if (r <= 0)
		return r;
	p.instructions = (struct cg_bytes){t.data, t.len};
	if (!p.type || !p.name || !cg_arena_keep(arena, &p.instructions))
		return -ENOMEM;
	*ret = p;
	return 1;
}
