/* The files of a target hierarchy: those that a source has too, those that rows of the translations fill, and
 * v2's list of enabled controllers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/convert_private.h"
#include "model/value.h"

static const struct cg_hierarchy *source_of(const struct cg_converter *c, const struct cg_draw *d)
{
	return &c->from->hierarchy[d->source];
}

/* What comes before the first dot of a file that the catalogue does not know. */
static uint64_t controller_bit(
	struct cg_converter *c, const struct cg_knob *knob, const char *name, int version)
{
	const char *dot = strchr(name, '.');

	if (knob)
		return knob->controller[0] ? cg_convert_mask(c, cg_bytes_of(knob->controller), version) : 0;
	for (unsigned i = 0; dot && i < c->controllers; i++) {
		struct cg_bytes own = version == 1 ? c->controller[i].v1 : c->controller[i].v2;

		if (own.data && own.len && cg_bytes_equal(own, (struct cg_bytes){name, (size_t)(dot - name)}))
			return UINT64_C(1) << i;
	}
	return 0;
}

static uint16_t find_column(const struct cg_part *p, const char *name)
{
	for (uint16_t i = 0; i < p->columns; i++)
		if (strcmp(p->column[i].name, name) == 0)
			return i;
	return CG_NO_USE;
}

uint16_t cg_convert_add_column(
	struct cg_converter *c, struct cg_part *p, const char *name, struct cg_bytes usual, uint16_t mode)
{
	const int version = p->layout->version;
	uint16_t i = find_column(p, name);
	const struct cg_knob *knob;

	if (i != CG_NO_USE)
		return i;
	if (p->columns == p->column_room) {
		uint16_t room = (uint16_t)(p->column_room ? 2 * p->column_room : 64);
		struct cg_column *column = cg_arena_array(&c->to->arena, room, sizeof(*column));
		struct cg_target_column *more = cg_convert_array(c, room, sizeof(*more));

		if (!column || !more)
			return CG_NO_USE;
		if (p->columns) {
			memcpy(column, p->column, p->columns * sizeof(*column));
			memcpy(more, p->more, p->columns * sizeof(*more));
		}
		p->column = column;
		p->more = more;
		p->column_room = room;
	}
	knob = cg_knob_find(name, version);
	i = p->columns;
	p->column[i] = (struct cg_column){cg_arena_string(&c->to->arena, name), knob, usual, mode};
	if (!p->column[i].name || (usual.data && !cg_arena_keep(&c->to->arena, &p->column[i].usual)))
		return CG_NO_USE;
	p->more[i].controller = controller_bit(c, knob, name, version);
	p->columns++;
	return i;
}

static int add_direct(
	struct cg_converter *c, struct cg_part *p, const struct cg_column *from, struct cg_use *use)
{
	use->kind = CG_USE_DIRECT;
	use->index = cg_convert_add_column(c, p, from->name, from->usual, from->usual_mode);
	return use->index == CG_NO_USE ? cg_error_oom(c->err) : 0;
}

/* Names of one row that have another size in them are another use of it. */
static bool same_size(
	const struct cg_translation *row, int version, unsigned index, const char *a, const char *b)
{
	_cleanup_text_ struct cg_text name = {0};

	cg_translation_name(row, version, index, a, &name);
	return name.data && strcmp(name.data, b) == 0;
}

static int add_row(struct cg_converter *c, struct cg_draw *d, const struct cg_translation *row,
	unsigned index, uint16_t column, struct cg_use *use)
{
	const struct cg_hierarchy *h = source_of(c, d);
	struct cg_row_use *u = d->row;

	for (; u < d->row + d->rows; u++)
		if (u->row == row && same_size(row, h->version, index, u->name, h->column[column].name))
			break;
	if (u == d->row + d->rows) {
		d->rows++;
		*u = (struct cg_row_use){.row = row, .name = h->column[column].name};
		for (unsigned i = 0; i < CG_TRANSLATION_KNOBS; i++)
			u->in[i] = u->out[i] = CG_NO_USE;
	}
	u->in[index] = column;
	use->kind = CG_USE_ROW;
	use->index = (uint16_t)(u - d->row);
	return 0;
}

#define UNKNOWN "is not in the catalogue, so that nobody knows how it translates"

/* A newer kernel's file, or a name that is wrong: nobody but who made the image can say which. */
static int refuse_unknown(struct cg_converter *c, uint32_t top, const char *name)
{
	_cleanup_text_ struct cg_text path = {0};
	const char *near = cg_knob_nearest(name);
	int r;

	if (top != CG_NONE)
		cg_convert_path(c, c->node_of[top], &path);
	r = cg_error_make(c->err, CG_FAULT_SYSTEM, ENOTSUP, UNKNOWN "%s%s%s", near ? "; did you mean " : "",
		near ? near : "", near ? "?" : "");
	cg_error_at(c->err, path.data, name);
	cg_error_hint(c->err, "--skip-unknown leaves out what is not known, and names it");
	return r;
}

/* Said once. */
static int lose_unknown(struct cg_converter *c, const struct cg_draw *d, uint16_t column)
{
	const char *name = source_of(c, d)->column[column].name;
	uint32_t top = source_of(c, d)->first_top;

	if (!c->options->skip_unknown)
		return refuse_unknown(c, top, name);
	return cg_convert_lose(c, top == CG_NONE ? CG_NONE : c->node_of[top], name, (struct cg_bytes){0},
		NULL, UNKNOWN "; it is left out, here and in other groups");
}

static int see_column(struct cg_converter *c, struct cg_part *p, struct cg_draw *d, uint16_t i)
{
	const struct cg_hierarchy *h = source_of(c, d);
	const struct cg_column *from = &h->column[i];
	const uint64_t bit = controller_bit(c, from->knob, from->name, h->version);
	const struct cg_translation *row;
	unsigned index = 0;

	if ((bit && !(d->takes & bit)) || (!bit && !d->core))
		return 0;
	if (from->knob &&
		(from->knob->grammar == CG_GRAMMAR_CONTROLLERS || from->knob->flags & CG_KNOB_ALIAS))
		return 0;
	if (h->version == p->layout->version)
		return add_direct(c, p, from, &d->use[i]);
	row = cg_translation_find(from->knob, h->version, &index);
	return row ? add_row(c, d, row, index, i, &d->use[i]) : lose_unknown(c, d, i);
}

/* A value to try the row with: what is usual in the source, else what a new group has. */
static int trial_value(struct cg_converter *c, const struct cg_column *from, struct cg_bytes *ret)
{
	_cleanup_text_ struct cg_text t = {0};

	*ret = from->usual;
	if (from->usual.data)
		return 0;
	if (!cg_knob_default(from->knob, from->name, c->from->inventory.page_size, &t))
		cg_text_adds(&t, from->knob->default_value ? from->knob->default_value : "");
	*ret = (struct cg_bytes){t.data ? t.data : "", t.len};
	return !t.failed && cg_arena_keep(&c->arena, ret) ? 0 : cg_error_oom(c->err);
}

static bool is_new_value(const struct cg_converter *c, const struct cg_column *column, struct cg_bytes value)
{
	_cleanup_text_ struct cg_text t = {0};

	return column->knob &&
	       cg_knob_default(column->knob, column->name, c->from->inventory.page_size, &t) && !t.failed &&
	       cg_value_same(column->knob, value, (struct cg_bytes){t.data ? t.data : "", t.len}, 1);
}

/* Whether no group of the source has another weight than a new one: then nobody asked for any, and the new
 * groups of the other side share as evenly. */
static bool all_as_new(const struct cg_converter *c, const struct cg_draw *d, const struct cg_row_use *u)
{
	const struct cg_hierarchy *h = source_of(c, d);

	if (u->row->form != CG_FORM_IO_WEIGHT && u->row->form != CG_FORM_CPU_WEIGHT)
		return false;
	for (unsigned i = 0; i < CG_TRANSLATION_KNOBS; i++) {
		if (u->in[i] == CG_NO_USE)
			continue;
		for (uint32_t g = 0; g < c->from->groups; g++) {
			struct cg_bytes v;

			if (c->from->group[g].hierarchy == d->source &&
				cg_group_value(c->from, g, u->in[i], &v) &&
				!is_new_value(c, &h->column[u->in[i]], v))
				return false;
		}
	}
	return true;
}

/* The permission bits of the file that decides, when they are not the kernel's. */
static uint16_t mode_of(const struct cg_converter *c, const struct cg_draw *d, const struct cg_row_use *u,
	const char *name, int version)
{
	const struct cg_knob *to = cg_knob_find(name, version);

	for (unsigned i = 0; i < CG_TRANSLATION_KNOBS; i++) {
		const struct cg_column *from;

		if (u->in[i] == CG_NO_USE)
			continue;
		from = &source_of(c, d)->column[u->in[i]];
		if (from->knob && from->usual_mode != from->knob->mode)
			return from->usual_mode;
	}
	return to ? to->mode : 0644;
}

/* The columns that a row fills, with what is usual in them. */
static int open_row(struct cg_converter *c, struct cg_part *p, struct cg_draw *d, struct cg_row_use *u)
{
	const struct cg_hierarchy *h = source_of(c, d);
	struct cg_values in = {0};
	bool usual = true;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < CG_TRANSLATION_KNOBS; i++)
		if (u->in[i] != CG_NO_USE) {
			usual &= h->column[u->in[i]].usual.data != NULL;
			r = trial_value(c, &h->column[u->in[i]], &in.value[i]);
		}
	u->as_new = all_as_new(c, d, u);
	r = r < 0 ? r : cg_convert_row(c, d, u, &in, CG_NONE);
	for (unsigned k = 0; r == 0 && k < CG_TRANSLATION_KNOBS; k++) {
		_cleanup_text_ struct cg_text name = {0};
		struct cg_bytes none = {0};
		uint16_t before = p->columns;

		if (!u->has[k])
			continue;
		cg_translation_name(u->row, p->layout->version, k, u->name, &name);
		if (name.failed)
			return cg_error_oom(c->err);
		u->out[k] = cg_convert_add_column(c, p, name.data, usual && !u->as_new ? u->result[k] : none,
			mode_of(c, d, u, name.data, p->layout->version));
		if (u->out[k] == CG_NO_USE)
			return cg_error_oom(c->err);
		if (p->columns == before && usual && p->column[u->out[k]].usual.data &&
			!cg_bytes_equal(p->column[u->out[k]].usual, u->result[k]))
			u->always = true;
	}
	/* Losses, too, may concern every group. */
	u->always |= usual && (u->lost != 0 || u->row->class == CG_TRANSLATION_LOSSY);
	return r;
}

/* Where the rules of v1 stand, which v2 has programs for. */
static int find_rules(struct cg_converter *c, struct cg_part *p, struct cg_draw *d)
{
	const char *name = cg_convert_rules_file();
	const struct cg_knob *knob = cg_knob_find(name, 1);

	if (d->devices) {
		d->rules = cg_convert_add_column(c, p, name, cg_bytes_of(knob->default_value), knob->mode);
		return d->rules == CG_NO_USE ? cg_error_oom(c->err) : 0;
	}
	d->rules = CG_NO_USE;
	for (uint16_t i = 0; i < d->rows; i++)
		if (d->row[i].row->form == CG_FORM_RULES)
			d->rules = d->row[i].in[0];
	return 0;
}

static int see_draw(struct cg_converter *c, struct cg_part *p, struct cg_draw *d)
{
	const struct cg_hierarchy *h = source_of(c, d);
	int r = 0;

	d->use = cg_convert_array(c, h->columns, sizeof(*d->use));
	d->row = cg_convert_array(c, h->columns, sizeof(*d->row));
	if (!d->use || !d->row)
		return -ENOMEM;
	for (uint16_t i = 0; r == 0 && i < h->columns; i++)
		r = see_column(c, p, d, i);
	for (uint16_t i = 0; r == 0 && i < d->rows; i++)
		r = open_row(c, p, d, &d->row[i]);
	return r < 0 ? r : find_rules(c, p, d);
}

/* The name of v2's list of enabled controllers. */
static const char *controllers_file(void)
{
	for (size_t i = 0; i < cg_knob_count; i++)
		if (cg_knob_table[i].grammar == CG_GRAMMAR_CONTROLLERS)
			return cg_knob_table[i].name;
	return NULL;
}

struct cg_bytes cg_convert_fresh(
	const struct cg_converter *c, const struct cg_part *p, uint16_t column, uint32_t parent)
{
	const struct cg_knob *k = p->column[column].knob;
	struct cg_bytes v;

	if (k && k->default_kind == CG_DEFAULT_INHERIT) {
		if (parent != CG_NONE && cg_group_value(c->to, parent, column, &v))
			return v;
		return cg_bytes_of(k->default_value);
	}
	return p->more[column].fresh;
}

/* What new groups have, and whether that is the usual value. */
static int find_fresh(struct cg_converter *c, struct cg_part *p)
{
	for (uint16_t i = 0; i < p->columns; i++) {
		struct cg_column *column = &p->column[i];
		_cleanup_text_ struct cg_text t = {0};

		if (column->knob)
			(void)cg_knob_default(column->knob, column->name, c->from->inventory.page_size, &t);
		p->more[i].fresh = (struct cg_bytes){t.data ? t.data : "", t.len};
		if (t.failed || !cg_arena_keep(&c->to->arena, &p->more[i].fresh))
			return cg_error_oom(c->err);
		/* A row whose sources have no usual value leaves it to us. */
		if (!column->usual.data && column->knob)
			column->usual = p->more[i].fresh;
		p->more[i].odd = !column->usual.data || !cg_bytes_equal(column->usual, p->more[i].fresh);
	}
	return 0;
}

static int find_providers(struct cg_converter *c, struct cg_part *p)
{
	for (struct cg_draw *d = p->draw; d < p->draw + p->draws; d++) {
		d->provides = cg_convert_array(c, p->columns, sizeof(*d->provides));
		if (!d->provides)
			return -ENOMEM;
		for (uint16_t i = 0; i < source_of(c, d)->columns; i++)
			if (d->use[i].kind == CG_USE_DIRECT)
				d->provides[d->use[i].index] = true;
		for (uint16_t i = 0; i < d->rows; i++)
			for (unsigned k = 0; k < CG_TRANSLATION_KNOBS; k++)
				if (d->row[i].out[k] != CG_NO_USE)
					d->provides[d->row[i].out[k]] = true;
	}
	return 0;
}

int cg_convert_columns(struct cg_converter *c, struct cg_part *p)
{
	int r = 0;

	for (uint16_t i = 0; r == 0 && i < p->draws; i++)
		r = see_draw(c, p, &p->draw[i]);
	if (r == 0 && p->bound)
		r = cg_convert_bind_columns(c, p);
	if (r == 0 && p->layout->version == 2) {
		const char *name = controllers_file();

		p->subtree_control = name ? cg_convert_add_column(c, p, name, CG_BYTES(""), 0644) : CG_NO_USE;
		r = p->subtree_control == CG_NO_USE ? cg_error_oom(c->err) : 0;
	}
	r = r < 0 ? r : find_fresh(c, p);
	return r < 0 ? r : find_providers(c, p);
}
