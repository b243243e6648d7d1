/* The settings of one group of the result. Only what differs from the usual is looked at: the settings that
 * the source's groups have entries for, and the rows and columns whose usual values are none of a new group.
 */
#include <errno.h>
#include <string.h>

#include "model/convert_private.h"
#include "model/value.h"

static bool same_inputs(const struct cg_values *a, const struct cg_values *b)
{
	for (unsigned i = 0; i < CG_TRANSLATION_KNOBS; i++)
		if (!a->value[i].data != !b->value[i].data || !cg_bytes_equal(a->value[i], b->value[i]))
			return false;
	return true;
}

static int keep_result(struct cg_converter *c, struct cg_row_use *use, const struct cg_translated *out)
{
	for (unsigned k = 0; k < CG_TRANSLATION_KNOBS; k++) {
		use->has[k] = out->has[k];
		use->result[k] =
			(struct cg_bytes){out->text[k].data ? out->text[k].data : "", out->text[k].len};
		if (use->has[k] && !cg_arena_keep(&c->to->arena, &use->result[k]))
			return cg_error_oom(c->err);
	}
	return 0;
}

int cg_convert_row(struct cg_converter *c, const struct cg_draw *d, struct cg_row_use *use,
	const struct cg_values *in, uint32_t node)
{
	const int from = c->from->hierarchy[d->source].version;
	const struct cg_translate job = {
		use->row, from, 3 - from, use->name, &c->options->translate, &use->files};
	_cleanup_translated_ struct cg_translated out = {0};
	_cleanup_text_ struct cg_text path = {0};
	int r;

	if (use->cached && same_inputs(&use->last, in))
		return 0;
	use->cached = false;
	if (!use->files.name[from - 1][0].data &&
		cg_translate_files_open(use->row, use->name, &use->files) < 0)
		return cg_error_oom(c->err);
	r = cg_translate_checked(&job, in, &out, &use->lost, c->err);
	if (r < 0) {
		if (node != CG_NONE)
			cg_convert_path(c, node, &path);
		cg_error_at(c->err, path.data, NULL);
		return r;
	}
	use->last = *in;
	use->cached = true;
	return keep_result(c, use, &out);
}

/* Knobs and values; what a new group has is nothing. */
static void describe_result(const struct cg_part *p, const struct cg_row_use *use, struct cg_text *t)
{
	for (unsigned k = 0; k < CG_TRANSLATION_KNOBS; k++) {
		if (!use->has[k] || use->out[k] == CG_NO_USE ||
			cg_value_same(
				p->column[use->out[k]].knob, use->result[k], p->more[use->out[k]].fresh, 1))
			continue;
		if (t->len)
			cg_text_adds(t, ", ");
		cg_text_printf(t, "%s ", p->column[use->out[k]].name);
		for (size_t i = 0; i < use->result[k].len; i++)
			cg_text_addc(t, use->result[k].data[i] == '\n' ? ',' : use->result[k].data[i]);
		if (use->result[k].len == 0)
			cg_text_adds(t, "\"\"");
	}
}

static int say_lost(struct cg_converter *c, const struct cg_part *p, const struct cg_draw *d,
	const struct cg_row_use *use, const struct cg_values *in, uint32_t node, uint32_t group)
{
	const bool lossy = use->row->class == CG_TRANSLATION_LOSSY;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < CG_TRANSLATION_KNOBS; i++) {
		_cleanup_text_ struct cg_text became = {0};

		if (use->in[i] == CG_NO_USE || !in->value[i].data || !(use->lost & 1U << i || lossy) ||
			cg_group_is_default(c->from, group, use->in[i], in->value[i]))
			continue;
		describe_result(p, use, &became);
		if (became.failed)
			return cg_error_oom(c->err);
		r = cg_convert_lose(c, node, c->from->hierarchy[d->source].column[use->in[i]].name,
			in->value[i], became.data, "%s", use->row->why);
	}
	return r;
}

/* Whether the group of the result has this file. */
static bool node_has(const struct cg_converter *c, const struct cg_part *p, uint32_t node, uint16_t column)
{
	return p->layout->version == 1 || !p->more[column].controller ||
	       (c->node[node].has & p->more[column].controller);
}

/* Where several sources have a word in it, the first that asks for anything. */
int cg_convert_propose(struct cg_converter *c, const struct cg_part *p, uint32_t node, uint16_t column,
	struct cg_bytes value)
{
	const struct cg_column *to = &p->column[column];
	struct cg_bytes fresh = cg_convert_fresh(c, p, column, CG_NONE);
	const bool unread = !value.data;

	if (!node_has(c, p, node, column)) {
		if (unread || cg_value_same(to->knob, value, fresh, 1))
			return 0;
		return cg_convert_lose(c, node, to->name, value, NULL,
			"threads of a process are in several groups here, which makes a threaded subtree: this "
			"controller has no say within");
	}
	if (c->state[column] == CG_CANDIDATE_NONE) {
		c->touched[c->touches++] = column;
	} else {
		if (unread || cg_value_same(to->knob, value, c->candidate[column], 1) ||
			cg_value_same(to->knob, value, fresh, 1))
			return 0;
		if (c->state[column] == CG_CANDIDATE_VALUE &&
			!cg_value_same(to->knob, c->candidate[column], fresh, 1))
			return cg_convert_lose(c, node, to->name, value, NULL,
				"another hierarchy has %.*s here, which is taken",
				(int)c->candidate[column].len, c->candidate[column].data);
	}
	c->candidate[column] = value;
	c->state[column] = unread ? CG_CANDIDATE_UNREAD : CG_CANDIDATE_VALUE;
	return 0;
}

/* A knob that another one puts out of force (the weight of an idle group) shows nothing that was set. */
static bool is_masked(const struct cg_converter *c, const struct cg_row_use *use, uint32_t group)
{
	const struct cg_hierarchy *h = &c->from->hierarchy[c->from->group[group].hierarchy];

	for (unsigned i = 0; i < CG_TRANSLATION_KNOBS; i++) {
		const struct cg_knob *k = use->in[i] == CG_NO_USE ? NULL : h->column[use->in[i]].knob;
		uint32_t mask = k && k->masked_by ? cg_hierarchy_column(h, k->masked_by) : CG_NONE;
		struct cg_bytes v;

		if (mask != CG_NONE && cg_group_value(c->from, group, (uint16_t)mask, &v) &&
			cg_bytes_is(v, "1"))
			return true;
	}
	return false;
}

/* The row's inputs in a group; false when one of them could not be read. */
static bool inputs_of(
	const struct cg_converter *c, const struct cg_row_use *use, uint32_t group, struct cg_values *ret)
{
	*ret = (struct cg_values){0};
	for (unsigned i = 0; i < CG_TRANSLATION_KNOBS; i++) {
		if (use->in[i] == CG_NO_USE)
			continue;
		if (!cg_group_value(c->from, group, use->in[i], &ret->value[i]) &&
			cg_group_has_column(c->from, group, use->in[i]))
			return false;
	}
	return true;
}

static int translate_row(struct cg_converter *c, const struct cg_part *p, const struct cg_draw *d,
	struct cg_row_use *use, uint32_t node, uint32_t group)
{
	struct cg_values in;
	int r = 0;

	if (use->as_new || is_masked(c, use, group))
		return 0;
	if (!inputs_of(c, use, group, &in)) {
		for (unsigned k = 0; r == 0 && k < CG_TRANSLATION_KNOBS; k++)
			if (use->out[k] != CG_NO_USE)
				r = cg_convert_propose(c, p, node, use->out[k], (struct cg_bytes){0});
		return r;
	}
	r = cg_convert_row(c, d, use, &in, node);
	r = r < 0 ? r : say_lost(c, p, d, use, &in, node, group);
	for (unsigned k = 0; r == 0 && k < CG_TRANSLATION_KNOBS; k++)
		if (use->has[k] && use->out[k] != CG_NO_USE)
			r = cg_convert_propose(c, p, node, use->out[k], use->result[k]);
	return r;
}

/* Everything that a source's group says otherwise than usual. */
static int see_group(struct cg_converter *c, const struct cg_part *p, const struct cg_draw *d, uint32_t node,
	uint32_t group)
{
	const struct cg_hierarchy *h = &c->from->hierarchy[d->source];
	const struct cg_group *g = &c->from->group[group];
	int r = 0;

	if (d->devices) {
		struct cg_bytes rules;

		r = cg_convert_rules_of(c, group, &rules);
		if (r > 0)
			r = cg_convert_propose(c, p, node, d->rules, rules);
	}
	for (uint16_t i = 0; i < d->rows; i++)
		c->row_mark[i] = d->row[i].always;
	for (uint32_t i = 0; r == 0 && i < g->settings; i++) {
		const struct cg_use *use = &d->use[g->setting[i].column];

		if (use->kind == CG_USE_ROW)
			c->row_mark[use->index] = 1;
		else if (use->kind == CG_USE_DIRECT)
			r = cg_convert_propose(c, p, node, use->index, g->setting[i].value);
	}
	for (uint16_t i = 0; r == 0 && i < d->rows; i++)
		if (c->row_mark[i])
			r = translate_row(c, p, d, &d->row[i], node, group);
	/* The usual value of another source may be none here. */
	for (uint16_t i = 0; r == 0 && p->draws > 1 && i < h->columns; i++) {
		struct cg_bytes v;

		if (d->use[i].kind == CG_USE_DIRECT && c->state[d->use[i].index] == CG_CANDIDATE_NONE &&
			!cg_bytes_equal(h->column[i].usual, p->column[d->use[i].index].usual) &&
			cg_group_value(c->from, group, i, &v))
			r = cg_convert_propose(c, p, node, d->use[i].index, v);
	}
	return r;
}

/* A file that no source has here is as new. */
static int fill(struct cg_converter *c, struct cg_part *p, uint32_t node, uint32_t parent)
{
	for (uint16_t i = 0; i < p->columns; i++) {
		bool provided = false;

		if (!p->more[i].odd || i == p->subtree_control || c->state[i] != CG_CANDIDATE_NONE ||
			!node_has(c, p, node, i))
			continue;
		for (uint16_t d = 0; d < p->draws; d++)
			provided |= p->draw[d].provides[i] &&
				    cg_convert_group(c, node, p->draw[d].source) != CG_NONE;
		if (provided && p->column[i].usual.data)
			continue;
		c->candidate[i] = cg_convert_fresh(c, p, i, parent);
		c->state[i] = CG_CANDIDATE_VALUE;
		c->touched[c->touches++] = i;
	}
	return 0;
}

static int enabled_controllers(struct cg_converter *c, const struct cg_part *p, uint32_t node)
{
	_cleanup_text_ struct cg_text t = {0};
	struct cg_bytes b;

	if (p->subtree_control == CG_NO_USE || !c->node[node].passes)
		return 0;
	for (unsigned i = 0; i < c->controllers; i++)
		if (c->node[node].passes & UINT64_C(1) << i) {
			if (t.len)
				cg_text_addc(&t, ' ');
			cg_text_add(&t, c->controller[i].v2.data, c->controller[i].v2.len);
		}
	b = (struct cg_bytes){t.data ? t.data : "", t.len};
	if (t.failed || !cg_arena_keep(&c->to->arena, &b))
		return cg_error_oom(c->err);
	c->candidate[p->subtree_control] = b;
	c->state[p->subtree_control] = CG_CANDIDATE_VALUE;
	c->touched[c->touches++] = p->subtree_control;
	return 0;
}

/* The candidates as the group's entries, ascending. */
static int write_settings(struct cg_converter *c, const struct cg_part *p, uint32_t index)
{
	struct cg_setting *list;
	uint32_t n = 0;

	if (!c->touches)
		return 0;
	list = cg_arena_array(&c->to->arena, c->touches, sizeof(*list));
	if (!list)
		return cg_error_oom(c->err);
	for (uint16_t i = 0; i < p->columns; i++) {
		if (c->state[i] == CG_CANDIDATE_NONE)
			continue;
		if (c->state[i] == CG_CANDIDATE_UNREAD)
			list[n++] = (struct cg_setting){i, {0}};
		else if (!p->column[i].usual.data || !cg_bytes_equal(c->candidate[i], p->column[i].usual))
			list[n++] = (struct cg_setting){i, c->candidate[i]};
	}
	for (uint32_t i = 0; i < n; i++)
		if (list[i].value.data && !cg_arena_keep(&c->to->arena, &list[i].value))
			return cg_error_oom(c->err);
	c->to->group[index].setting = list;
	c->to->group[index].settings = n;
	return 0;
}

int cg_convert_values(struct cg_converter *c, struct cg_part *p, uint32_t node, uint32_t index)
{
	int r = 0;

	for (uint16_t i = 0; i < c->touches; i++)
		c->state[c->touched[i]] = CG_CANDIDATE_NONE;
	c->touches = 0;
	for (uint16_t d = 0; r == 0 && d < p->draws; d++) {
		uint32_t group = cg_convert_group(c, node, p->draw[d].source);

		if (group != CG_NONE)
			r = see_group(c, p, &p->draw[d], node, group);
	}
	if (r == 0 && p->bound)
		r = cg_convert_bind_values(c, p, node);
	r = r < 0 ? r : fill(c, p, node, c->to->group[index].parent);
	r = r < 0 ? r : enabled_controllers(c, p, node);
	return r < 0 ? r : write_settings(c, p, index);
}
