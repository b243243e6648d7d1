/* What names mean, read: see assign.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "engine/apply_setting.h"
#include "engine/assign.h"
#include "model/value.h"

/* One name in one group. */
struct reader {
	struct cg_assigns *a;
	const struct cg_assign *item;
	uint16_t hierarchy;
	int fd;
	cg_reading_fn *fn;
	void *context;
	struct cg_buffer buffer[CG_TRANSLATION_KNOBS];
	struct cg_text name, source;
};

static void reader_free(struct reader *r)
{
	for (unsigned i = 0; i < CG_TRANSLATION_KNOBS; i++)
		cg_buffer_free(&r->buffer[i]);
	cg_text_free(&r->name);
	cg_text_free(&r->source);
	(void)cg_close(r->fd);
}

/* The whole file, as text without its last newline; settings that are read elsewhere in their own words. */
static int read_file(
	struct reader *r, unsigned at, const struct cg_knob *knob, const char *file, struct cg_bytes *ret)
{
	const struct cg_setting_io io = {.group = r->fd, .knob = knob, .file = file};
	struct cg_buffer *b = &r->buffer[at];
	int code;

	if (knob && knob->read_name)
		code = cg_setting_read(&io, b);
	else
		code = cg_read_at(r->fd, file, false, b);
	if (code < 0)
		return code;
	*ret = (struct cg_bytes){b->data ? b->data : "", b->len};
	if (knob && knob->read_name)
		*ret = cg_value_setting(knob, *ret);
	else if (ret->len > 0 && ret->data[ret->len - 1] == '\n')
		ret->len--;
	return 0;
}

static int give(struct reader *r, int code, struct cg_bytes value, const char *source)
{
	const struct cg_reading reading = {.hierarchy = r->hierarchy,
		.file = r->item->file,
		.knob = r->item->knob,
		.value = code < 0 ? (struct cg_bytes){NULL, 0} : value,
		.code = code < 0 ? -code : 0,
		.source = source};

	return r->fn(r->context, &reading);
}

static int read_native(struct reader *r)
{
	struct cg_bytes value = {NULL, 0};
	int code = read_file(r, 0, r->item->knob, r->item->file, &value);

	return give(r, code, value, NULL);
}

static const struct cg_knob *other_knob(struct reader *r, unsigned k)
{
	const int version = 3 - r->item->version;

	cg_text_reset(&r->name);
	cg_translation_name(r->item->row, version, k, r->item->file, &r->name);
	return r->name.failed ? NULL : cg_knob_find(r->name.data, version);
}

static void name_source(struct reader *r)
{
	cg_text_adds(&r->source, r->source.len ? " + " : "");
	cg_text_adds(&r->source, r->name.data);
}

/* The use of what a limit limits: the same number under another name. */
static int read_usage(struct reader *r)
{
	const struct cg_knob *limit = other_knob(r, 0);
	struct cg_bytes value = {NULL, 0};
	_cleanup_free_ char *limit_name = limit ? strdup(r->name.data) : NULL;
	int code;

	if (!limit || !limit->usage || !limit_name)
		return give(r, -EOPNOTSUPP, value, NULL);
	cg_text_reset(&r->name);
	cg_knob_sibling(&r->name, limit->usage, limit_name);
	name_source(r);
	if (r->name.failed || r->source.failed)
		return -ENOMEM;
	code = read_file(r, 0, NULL, r->name.data, &value);
	return give(r, code, value, r->source.data);
}

/* Device rules, out of the group's programs. */
static int read_rules(struct reader *r)
{
	_cleanup_error_ struct cg_error *err = NULL;
	_cleanup_text_ struct cg_text t = {0};
	int code = cg_edit_read_rules(r->fd, r->item->knob, &t, &err);

	if (code == -ENOMEM)
		return code;
	return give(r, code, (struct cg_bytes){t.data ? t.data : "", t.len}, "a device program");
}

static int read_translated(struct reader *r, struct cg_error **err)
{
	const struct cg_translate_options options = {.page_size = (uint64_t)sysconf(_SC_PAGESIZE)};
	const struct cg_translate job = {.row = r->item->row,
		.from = 3 - r->item->version,
		.to = r->item->version,
		.name = r->item->file,
		.options = &options};
	_cleanup_translated_ struct cg_translated out = {0};
	const struct cg_text *text = &out.text[r->item->index];
	struct cg_values in = {0};
	int code = -ENOENT;

	for (unsigned k = 0; k < CG_TRANSLATION_KNOBS && r->item->row->knob[job.from - 1][k]; k++) {
		const struct cg_knob *knob = other_knob(r, k);

		if (!knob)
			continue;
		code = read_file(r, k, knob, r->name.data, &in.value[k]);
		if (code == -ENOENT)
			continue;
		if (code < 0)
			return give(r, code, in.value[k], NULL);
		in.value[k] = cg_value_setting(knob, in.value[k]);
		name_source(r);
	}
	if (r->source.failed)
		return -ENOMEM;
	code = cg_translate(&job, &in, &out, err);
	if (code < 0)
		return code;
	if (!out.has[r->item->index])
		return give(r, -ENOENT, in.value[0], NULL);
	return give(r, 0, (struct cg_bytes){text->data ? text->data : "", text->len}, r->source.data);
}

static int read_in(struct reader *r, struct cg_error **err)
{
	const struct cg_live_hierarchy *h = &r->a->live->item[r->hierarchy];
	int code = cg_open_beneath(
		h->fd, cg_path_below(h->mount_root, r->a->target->path), O_RDONLY | O_DIRECTORY, &r->fd);

	if (code < 0) {
		code = cg_error_errno(err, -code, "cannot open the group");
		cg_error_at(err, r->a->target->path, NULL);
		return code;
	}
	if (!r->item->row)
		return read_native(r);
	if (r->item->row->form == CG_FORM_RULES)
		return read_rules(r);
	return r->item->usage ? read_usage(r) : read_translated(r, err);
}

int cg_assigns_read(struct cg_assigns *a, cg_reading_fn *fn, void *context, struct cg_error **err)
{
	for (size_t i = 0; i < a->count; i++)
		for (uint16_t h = 0; h < a->live->count; h++) {
			struct reader r = {.a = a,
				.item = &a->item[i],
				.hierarchy = h,
				.fd = -1,
				.fn = fn,
				.context = context};
			int code = a->item[i].in[h] ? read_in(&r, err) : 0;

			reader_free(&r);
			if (code == -ENOMEM && err && !*err)
				return cg_error_oom(err);
			if (code < 0)
				return code;
		}
	return 0;
}
