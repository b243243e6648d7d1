/* Device rules: a v1 group's devices.list is a v2 group's program (device_rules.h). The programs of a group
 * and of those above must all allow, as no v1 group has more than the one above: so a group whose rules are
 * its parent's needs no program of its own. */
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "model/convert_private.h"
#include "model/device_rules.h"

const char *cg_convert_rules_file(void)
{
	for (size_t i = 0; i < cg_translation_count; i++)
		if (cg_translations[i].form == CG_FORM_RULES)
			return cg_translations[i].knob[0][0];
	return NULL;
}

/* The one device program of a group, when it is one of rules: 1; 0; -ENOMEM. */
int cg_convert_rules_of(struct cg_converter *c, uint32_t group, struct cg_bytes *ret)
{
	const struct cg_group *g = &c->from->group[group];
	const struct cg_program *program = NULL;
	_cleanup_text_ struct cg_text rules = {0};

	for (uint16_t i = 0; i < g->programs; i++) {
		if (g->program[i].attach_type != BPF_CGROUP_DEVICE)
			continue;
		if (program)
			return 0;
		program = &g->program[i];
	}
	if (!program)
		return 0;
	if (!cg_device_rules_recognise(program->instructions, &rules))
		return rules.failed ? cg_error_oom(c->err) : 0;
	*ret = (struct cg_bytes){rules.data ? rules.data : "", rules.len};
	return cg_arena_keep(&c->to->arena, ret) ? 1 : cg_error_oom(c->err);
}

bool cg_convert_has_rules(struct cg_converter *c, uint16_t source)
{
	for (uint32_t g = 0; g < c->from->groups; g++) {
		const struct cg_group *group = &c->from->group[g];

		if (group->hierarchy != source)
			continue;
		for (uint16_t i = 0; i < group->programs; i++)
			if (group->program[i].attach_type == BPF_CGROUP_DEVICE)
				return true;
	}
	return false;
}

int cg_convert_add_program(
	struct cg_converter *c, const struct cg_draw *d, uint32_t group, struct cg_group *to)
{
	struct cg_program program = {0}, *list;
	struct cg_bytes rules;
	int r;

	if (!cg_group_value(c->from, group, d->rules, &rules) ||
		cg_group_is_default(c->from, group, d->rules, rules))
		return 0;
	r = cg_device_rules_program(&c->to->arena, rules, &program);
	if (r == -EINVAL) {
		_cleanup_text_ struct cg_text path = {0};

		cg_convert_path(c, c->node_of[group], &path);
		r = cg_error_usage(c->err, "is no list of device rules");
		cg_error_at(c->err, path.data, cg_convert_rules_file());
		return r;
	}
	if (r <= 0)
		return r < 0 ? cg_error_oom(c->err) : 0;
	list = cg_arena_array(&c->to->arena, to->programs + (size_t)1, sizeof(*list));
	if (!list)
		return cg_error_oom(c->err);
	if (to->programs)
		memcpy(list, to->program, to->programs * sizeof(*list));
	list[to->programs++] = program;
	to->program = list;
	return 0;
}
