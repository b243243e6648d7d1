/* Messages to tree, see decode.h: inventory, hierarchies, devices, notes, and what all messages share. Groups
 * are in decode_group.c. */
#include "image/decode.h"

#include <errno.h>
#include <string.h>

#include "image/check.h"
#include "image/decode_parts.h"
#include "image/frame.h"

int cg_decoder_out_of_memory(const struct cg_decoder *d, struct cg_error **err)
{
	if (!d->budget.exceeded)
		return cg_error_oom(err);
	(void)cg_error_make(err, CG_FAULT_SYSTEM, ENOMEM,
		"the image needs more memory than the %zu bytes that it may have", d->budget.limit);
	return -ENOMEM;
}

void *cg_decode_array(struct cg_decoder *d, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes) || !cg_budget_charge(&d->budget, bytes))
		return NULL;
	return cg_arena_zalloc(&d->tree->arena, bytes);
}

int cg_decode_bytes(
	struct cg_decoder *d, const ProtobufCBinaryData *from, struct cg_bytes *ret, struct cg_error **err)
{
	struct cg_bytes b = {(const char *)from->data, from->len};

	if (!cg_budget_charge(&d->budget, b.len + 1) || !cg_arena_keep(&d->tree->arena, &b))
		return cg_decoder_out_of_memory(d, err);
	*ret = b;
	return 0;
}

int cg_decode_text(struct cg_decoder *d, const ProtobufCBinaryData *from, const char *what, const char **ret,
	struct cg_error **err)
{
	struct cg_bytes b;
	int r;

	if (from->len && memchr(from->data, '\0', from->len))
		return cg_error_corrupt(err, "a NUL stands in the %s", what);
	r = cg_decode_bytes(d, from, &b, err);
	if (r == 0)
		*ret = b.data;
	return r;
}

/* The schema does not nest more than three levels, so neither does this. */
static bool has_unknown_fields(const ProtobufCMessage *m)
{
	if (m->n_unknown_fields)
		return true;
	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
		const char *base = (const char *)m;
		const ProtobufCMessage *const *item;
		size_t count;

		if (f->type != PROTOBUF_C_TYPE_MESSAGE || f->label != PROTOBUF_C_LABEL_REPEATED)
			continue;
		memcpy(&count, base + f->quantifier_offset, sizeof(count));
		memcpy(&item, base + f->offset, sizeof(item));
		for (size_t n = 0; n < count; n++)
			if (has_unknown_fields(item[n]))
				return true;
	}
	return false;
}

int cg_decode_unpack(struct cg_decoder *d, const ProtobufCMessageDescriptor *type, struct cg_bytes message,
	ProtobufCMessage **ret, struct cg_error **err)
{
	ProtobufCMessage *m;
	bool exceeded = d->budget.exceeded;

	m = protobuf_c_message_unpack(type, &d->scratch.protobuf, message.len,
		message.len ? (const uint8_t *)message.data : (const uint8_t *)"");
	if (!m && (d->scratch.failed || (d->budget.exceeded && !exceeded)))
		return cg_decoder_out_of_memory(d, err);
	if (!m)
		return cg_error_corrupt(err, "its contents are no %s message", type->short_name);
	if (has_unknown_fields(m)) {
		if (!d->newer)
			return cg_error_corrupt(err, "it has fields that its format version does not have");
		d->ignored = true;
	}
	/* What was packed otherwise than we pack it may hold a field twice, of which all but one would be
	 * dropped. */
	if (protobuf_c_message_get_packed_size(m) != message.len)
		return cg_error_corrupt(err, "its contents are not packed as the format says");
	*ret = m;
	return 0;
}

#define TEXT(field, what, to) cg_decode_text(d, &m->field, what, to, err)

static int decode_inventory(struct cg_decoder *d, struct cg_bytes message, struct cg_error **err)
{
	struct cg_inventory *i = &d->tree->inventory;
	Cgtree__Image__Inventory *m;
	int r;

	if (d->inventory)
		return cg_error_corrupt(err, "there is a second inventory");
	r = cg_decode_unpack(d, &cgtree__image__inventory__descriptor, message, (ProtobufCMessage **)&m, err);
	if (r < 0)
		return r;
	i->page_size = m->page_size;
	i->time = m->time;
	i->freeze_window = m->freeze_window;
	i->clock_ticks = m->clock_ticks;
	i->members = m->members;
	i->members_consistent = m->members_consistent;
	d->inventory = true;
	r = TEXT(tool, "tool", &i->tool);
	r = r < 0 ? r : TEXT(host, "host", &i->host);
	r = r < 0 ? r : TEXT(kernel, "kernel", &i->kernel);
	r = r < 0 ? r : TEXT(boot_id, "boot id", &i->boot_id);
	return r < 0 ? r : TEXT(layout, "layout", &i->layout);
}

/* Charges for the array behind cg_tree_add_*() when the next element makes it grow. */
static bool charge_growth(struct cg_decoder *d, size_t count, size_t room, size_t size)
{
	return count < room || cg_budget_charge(&d->budget, (room ? room * 2 : 16) * size);
}

static int decode_hierarchy(struct cg_decoder *d, struct cg_bytes message, struct cg_error **err)
{
	struct cg_tree *t = d->tree;
	Cgtree__Image__Hierarchy *m;
	struct cg_hierarchy *h;
	uint32_t index;
	int r;

	r = cg_decode_unpack(d, &cgtree__image__hierarchy__descriptor, message, (ProtobufCMessage **)&m, err);
	if (r < 0)
		return r;
	if (m->version != 1 && m->version != 2)
		return cg_error_corrupt(err, "the hierarchy has version %u", m->version);
	if (!charge_growth(d, t->hierarchies, t->hierarchy_room, sizeof(*h)) ||
		(index = cg_tree_add_hierarchy(t)) == CG_NONE)
		return cg_decoder_out_of_memory(d, err);
	h = &t->hierarchy[index];
	h->version = (uint8_t)m->version;
	d->knobs_due = true;
	r = TEXT(controllers, "controllers", &h->controllers);
	if (r == 0 && m->has_name)
		r = TEXT(name, "hierarchy's name", &h->name);
	r = r < 0 ? r : TEXT(mount_options, "mount options", &h->mount_options);
	r = r < 0 ? r : TEXT(mount_point, "mount point", &h->mount_point);
	return r < 0 ? r : TEXT(mount_root, "mount root", &h->mount_root);
}

static int decode_column(struct cg_decoder *d, const Cgtree__Image__Column *m, int version,
	struct cg_column *ret, struct cg_error **err)
{
	int r;

	if (m->usual_mode > 07777)
		return cg_error_corrupt(err, "a file has the mode 0%o", m->usual_mode);
	ret->usual_mode = (uint16_t)m->usual_mode;
	r = TEXT(name, "file's name", &ret->name);
	if (r == 0 && m->has_usual)
		r = cg_decode_bytes(d, &m->usual, &ret->usual, err);
	if (r == 0)
		ret->knob = cg_knob_find(ret->name, version);
	return r;
}

static int decode_file_set(
	struct cg_decoder *d, const Cgtree__Image__FileSet *m, struct cg_file_set *ret, struct cg_error **err)
{
	uint16_t *column;

	if (m->n_column > CG_IMAGE_COLUMNS_MAX)
		return cg_error_corrupt(err, "a file set has %zu files", m->n_column);
	column = cg_decode_array(d, m->n_column, sizeof(*column));
	if (!column)
		return cg_decoder_out_of_memory(d, err);
	for (size_t i = 0; i < m->n_column; i++) {
		if (m->column[i] >= CG_IMAGE_COLUMNS_MAX)
			return cg_error_corrupt(err, "a file set has the file number %u", m->column[i]);
		column[i] = (uint16_t)m->column[i];
	}
	*ret = (struct cg_file_set){column, (uint16_t)m->n_column};
	return 0;
}

static int decode_knobs(struct cg_decoder *d, struct cg_bytes message, struct cg_error **err)
{
	struct cg_hierarchy *h;
	Cgtree__Image__Knobs *m;
	int r;

	if (!d->knobs_due)
		return cg_error_corrupt(err, "it does not follow a hierarchy");
	d->knobs_due = false;
	r = cg_decode_unpack(d, &cgtree__image__knobs__descriptor, message, (ProtobufCMessage **)&m, err);
	if (r < 0)
		return r;
	if (m->n_column > CG_IMAGE_COLUMNS_MAX || m->n_file_set > UINT16_MAX)
		return cg_error_corrupt(
			err, "it has %zu files and %zu file sets", m->n_column, m->n_file_set);
	h = &d->tree->hierarchy[d->tree->hierarchies - 1];
	h->column = cg_decode_array(d, m->n_column, sizeof(*h->column));
	h->file_set = cg_decode_array(d, m->n_file_set, sizeof(*h->file_set));
	if (!h->column || !h->file_set)
		return cg_decoder_out_of_memory(d, err);
	for (; r == 0 && h->columns < m->n_column; h->columns++)
		r = decode_column(d, m->column[h->columns], h->version, &h->column[h->columns], err);
	for (; r == 0 && h->file_sets < m->n_file_set; h->file_sets++)
		r = decode_file_set(d, m->file_set[h->file_sets], &h->file_set[h->file_sets], err);
	return r;
}

static int decode_group(struct cg_decoder *d, struct cg_bytes message, struct cg_error **err)
{
	struct cg_tree *t = d->tree;
	uint32_t index;

	if (!charge_growth(d, t->groups, t->group_room, sizeof(*t->group)) ||
		(index = cg_tree_add_group(t)) == CG_NONE)
		return cg_decoder_out_of_memory(d, err);
	d->tasks_may = true;
	return cg_decode_group_at(d, index, message, err);
}

static int decode_device(struct cg_decoder *d, struct cg_bytes message, struct cg_error **err)
{
	struct cg_tree *t = d->tree;
	Cgtree__Image__Device *m;
	struct cg_device *device;
	uint32_t index;
	int r;

	r = cg_decode_unpack(d, &cgtree__image__device__descriptor, message, (ProtobufCMessage **)&m, err);
	if (r < 0)
		return r;
	if ((int)m->kind < 0 || (int)m->kind > CG_DEVICE_LINK)
		return cg_error_corrupt(err, "the device is of kind %d", (int)m->kind);
	if (!charge_growth(d, t->devices, t->device_room, sizeof(*device)) ||
		(index = cg_tree_add_device(t)) == CG_NONE)
		return cg_decoder_out_of_memory(d, err);
	device = &t->device[index];
	device->kind = (enum cg_device_kind)m->kind;
	r = TEXT(key, "device's key", &device->key);
	r = r < 0 ? r : TEXT(name, "device's name", &device->name);
	return r < 0 ? r : TEXT(stable, "device's stable name", &device->stable);
}

static int decode_note(struct cg_decoder *d, struct cg_bytes message, struct cg_error **err)
{
	const char *path = NULL, *knob = NULL, *text = NULL;
	struct cg_tree *t = d->tree;
	Cgtree__Image__Note *m;
	int r;

	r = cg_decode_unpack(d, &cgtree__image__note__descriptor, message, (ProtobufCMessage **)&m, err);
	if (r == 0 && m->has_path)
		r = TEXT(path, "note's path", &path);
	if (r == 0 && m->has_knob)
		r = TEXT(knob, "note's file", &knob);
	if (r == 0)
		r = TEXT(text, "note", &text);
	if (r < 0)
		return r;
	if (!charge_growth(d, t->notes, t->note_room, sizeof(*t->note)) ||
		!cg_budget_charge(&d->budget, message.len) || !cg_tree_add_note(t, path, knob, "%s", text))
		return cg_decoder_out_of_memory(d, err);
	return 0;
}

typedef int decode_fn(struct cg_decoder *d, struct cg_bytes message, struct cg_error **err);

/* Records come in the order of their part: what a record refers to stands before it. */
static const struct {
	uint16_t type;
	int part;
	decode_fn *decode;
} decoders[] = {
	{CG_RECORD_INVENTORY, 1, decode_inventory},
	{CG_RECORD_HIERARCHY, 2, decode_hierarchy},
	{CG_RECORD_KNOBS, 2, decode_knobs},
	{CG_RECORD_GROUP, 3, decode_group},
	{CG_RECORD_TASKS, 3, cg_decode_tasks},
	{CG_RECORD_DEVICE, 4, decode_device},
	{CG_RECORD_NOTE, 5, decode_note},
};

int cg_decode_message(struct cg_decoder *d, uint16_t type, struct cg_bytes message, struct cg_error **err)
{
	size_t i = 0;
	int r;

	while (i < CG_ARRAY_SIZE(decoders) && decoders[i].type != type)
		i++;
	if (i == CG_ARRAY_SIZE(decoders))
		return cg_error_corrupt(err, "it is of type %u, which is not expected here", type);
	if (!d->inventory && type != CG_RECORD_INVENTORY)
		return cg_error_corrupt(err, "it stands before the inventory");
	if (decoders[i].part < d->part)
		return cg_error_corrupt(err, "it stands too late: types have an order");
	if (d->knobs_due && type != CG_RECORD_KNOBS)
		return cg_error_corrupt(err, "the files of the hierarchy before it are missing");
	d->part = decoders[i].part;
	r = decoders[i].decode(d, message, err);
	cg_scratch_reset(&d->scratch);
	return r;
}

int cg_decode_end(
	struct cg_decoder *d, struct cg_bytes message, struct cg_decoded_end *ret, struct cg_error **err)
{
	Cgtree__Image__End *m;
	int r;

	if (!d->inventory || d->knobs_due)
		return cg_error_corrupt(
			err, "the image ends before its %s", d->inventory ? "knobs" : "inventory");
	r = cg_decode_unpack(d, &cgtree__image__end__descriptor, message, (ProtobufCMessage **)&m, err);
	if (r < 0)
		return r;
	if (m->digest.len != sizeof(ret->digest))
		return cg_error_corrupt(err, "the digest is %zu bytes long", m->digest.len);
	*ret = (struct cg_decoded_end){m->records, m->groups, m->settings, m->tasks, m->bytes, {0}};
	memcpy(ret->digest, m->digest.data, sizeof(ret->digest));
	return 0;
}

int cg_decode_extra(
	struct cg_decoder *d, uint16_t type, uint16_t flags, struct cg_bytes payload, struct cg_error **err)
{
	struct cg_tree *t = d->tree;
	uint32_t index;

	if (!charge_growth(d, t->extras, t->extra_room, sizeof(*t->extra)) ||
		!cg_budget_charge(&d->budget, payload.len + 1) || !cg_arena_keep(&t->arena, &payload) ||
		(index = cg_tree_add_extra(t)) == CG_NONE)
		return cg_decoder_out_of_memory(d, err);
	t->extra[index] = (struct cg_extra){type, flags, payload};
	return 0;
}

int cg_decoder_open(struct cg_decoder *d, size_t memory, bool newer, struct cg_error **err)
{
	*d = (struct cg_decoder){.budget.limit = memory, .newer = newer};
	cg_scratch_init(&d->scratch, &d->budget);
	d->tree = cg_tree_new();
	return d->tree ? 0 : cg_error_oom(err);
}

void cg_decoder_close(struct cg_decoder *d)
{
	cg_scratch_free(&d->scratch);
	d->tree = cg_tree_free(d->tree);
}
