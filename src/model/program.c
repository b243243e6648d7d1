/* What is known of an attached program without a kernel. */
#include "model/program.h"

#include <ctype.h>
#include <linux/bpf.h>
#include <string.h>

#include "model/device_rules.h"

#define INSTRUCTIONS_MAX 1000000 /* BPF_COMPLEXITY_LIMIT_INSNS */
#define FLAGS            (BPF_F_ALLOW_OVERRIDE | BPF_F_ALLOW_MULTI)

static bool same_code(const struct cg_program *a, const struct cg_program *b)
{
	if (cg_program_is_saved(a) && cg_program_is_saved(b))
		return a->program_type == b->program_type && cg_bytes_equal(a->instructions, b->instructions);
	return cg_bytes_equal(a->tag, b->tag);
}

bool cg_program_same(const struct cg_program *a, const struct cg_program *b)
{
	return a->attach_type == b->attach_type && a->attach_flags == b->attach_flags &&
	       strcmp(a->name, b->name) == 0 && same_code(a, b);
}

/* kernel/bpf/syscall.c, bpf_obj_name_cpy */
static bool name_is_valid(const char *name)
{
	size_t len = strlen(name);

	if (len >= BPF_OBJ_NAME_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_' && name[i] != '.')
			return false;
	return true;
}

const char *cg_program_fault(const struct cg_program *p)
{
	if (p->attach_flags & ~(uint32_t)FLAGS ||
		(p->attach_flags & BPF_F_ALLOW_OVERRIDE && p->attach_flags & BPF_F_ALLOW_MULTI))
		return "has flags that the kernel does not know";
	if (!name_is_valid(p->name))
		return "has a name that the kernel does not take";
	if (!cg_program_is_saved(p))
		return NULL;
	if (p->instructions.len % CG_INSTRUCTION_SIZE != 0)
		return "ends within an instruction";
	if (p->instructions.len / CG_INSTRUCTION_SIZE > INSTRUCTIONS_MAX)
		return "is longer than the kernel takes";
	if (p->program_type == BPF_PROG_TYPE_UNSPEC)
		return "has no type";
	return NULL;
}

static void add_rules(struct cg_text *t, struct cg_bytes rules)
{
	struct cg_bytes line;
	bool first = true;

	if (rules.len == 0)
		cg_text_adds(t, "allows nothing");
	while (cg_bytes_split(&rules, '\n', &line)) {
		cg_text_adds(t, first ? "allows " : ", ");
		cg_text_escape(t, line);
		first = false;
	}
}

static void add_code(const struct cg_program *p, struct cg_text *t)
{
	_cleanup_text_ struct cg_text rules = {0};

	if (cg_device_rules_recognise(p->instructions, &rules)) {
		add_rules(t, (struct cg_bytes){rules.len ? rules.data : "", rules.len});
		return;
	}
	t->failed |= rules.failed;
	if (cg_program_is_saved(p))
		cg_text_printf(t, "%zu instructions", p->instructions.len / CG_INSTRUCTION_SIZE);
	else
		cg_text_adds(t, "not saved");
	if (p->tag.len > 0)
		cg_text_adds(t, ", tag ");
	for (size_t i = 0; i < p->tag.len; i++)
		cg_text_printf(t, "%02x", (unsigned char)p->tag.data[i]);
}

void cg_program_describe(const struct cg_program *p, bool with_type, struct cg_text *t)
{
	if (with_type) {
		cg_text_escape(t, cg_bytes_of(p->type));
		cg_text_addc(t, ' ');
	}
	cg_text_escape(t, cg_bytes_of(p->name[0] ? p->name : "(no name)"));
	cg_text_addc(t, ' ');
	add_code(p, t);
	if (p->attach_flags & BPF_F_ALLOW_OVERRIDE)
		cg_text_adds(t, " (alone, others may stand in for it below)");
	else if (!(p->attach_flags & BPF_F_ALLOW_MULTI))
		cg_text_adds(t, " (alone)");
}

void cg_programs_describe(const struct cg_program *p, size_t count, bool with_type, struct cg_text *t)
{
	if (count == 0)
		cg_text_adds(t, "none");
	for (size_t i = 0; i < count; i++) {
		if (i)
			cg_text_adds(t, ", ");
		cg_program_describe(&p[i], with_type, t);
	}
}
