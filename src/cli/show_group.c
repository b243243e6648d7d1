/* What is worth showing of a group: see show.h. */
#include "cli/show.h"

static bool is_empty(struct cg_bytes value)
{
	return cg_bytes_trim(value).len == 0;
}

static bool same_as_parent(const struct cg_tree *tree, uint32_t group, uint16_t column, struct cg_bytes value)
{
	uint32_t parent = tree->group[group].parent;
	struct cg_bytes above;

	return parent != CG_NONE && cg_group_value(tree, parent, column, &above) &&
	       cg_bytes_equal(above, value);
}

/* Where the default cannot be told: what is off, empty, as above, or allows everything needs no mention. */
static bool is_plain(
	const struct cg_tree *tree, uint32_t group, uint16_t column, const struct show_setting *s)
{
	if (is_empty(s->value) || same_as_parent(tree, group, column, s->value))
		return true;
	if (!s->knob)
		return false;
	switch (s->knob->grammar) {
	case CG_GRAMMAR_BOOL:
	case CG_GRAMMAR_FLAG_LINE:
	case CG_GRAMMAR_NUMBER:
		return cg_bytes_is(s->value, "0") || (s->knob->flags & CG_KNOB_DEPRECATED);
	case CG_GRAMMAR_DEVICE_RULES:
		return cg_bytes_is(cg_bytes_trim(s->value), "a *:* rwm");
	default:
		return false;
	}
}

static bool is_shown(
	const struct cg_tree *tree, uint32_t group, uint16_t column, const struct show_setting *s)
{
	if (s->knob && (s->knob->kind != CG_KNOB_SETTING || (s->knob->flags & CG_KNOB_ALIAS) ||
			       s->knob->phase == CG_PHASE_TYPE))
		return false;
	if (!s->value.data)
		return true;
	return s->default_known ? !s->is_default : !is_plain(tree, group, column, s);
}

void show_each_setting(
	const struct cg_tree *tree, uint32_t group, bool all, show_setting_fn *fn, void *context)
{
	const struct cg_group *g = &tree->group[group];
	const struct cg_hierarchy *h = &tree->hierarchy[g->hierarchy];
	const struct cg_file_set *set = &h->file_set[g->file_set];
	_cleanup_text_ struct cg_text usual = {0};

	for (uint16_t i = 0; i < set->count; i++) {
		uint16_t column = set->column[i];
		struct show_setting s = {.name = h->column[column].name, .knob = h->column[column].knob};

		if (!cg_group_value(tree, group, column, &s.value))
			s.value = (struct cg_bytes){0};
		cg_text_reset(&usual);
		s.default_known = cg_group_default(tree, group, column, &usual);
		s.is_default =
			s.default_known && s.value.data &&
			cg_bytes_equal(s.value, (struct cg_bytes){usual.data ? usual.data : "", usual.len});
		if (all || is_shown(tree, group, column, &s))
			fn(context, &s);
	}
}
