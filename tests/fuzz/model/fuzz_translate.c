/* Values through every row of the translations: the first byte picks the row, the second direction and
 * options, zero bytes part the values. What comes out is what the other side takes, and a value that is said
 * to come back does. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/translate.h"
#include "model/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
	if (!truth)
		abort();
}

/* The row's first file on this side, with a huge page size where one stands. */
static bool file_of(const struct cg_translation *row, int version, char name[static 128])
{
	const char *from = row->knob[version - 1][0], *star = from ? strchr(from, '*') : NULL;
	size_t n = 0;

	if (!from)
		return false;
	for (; *from; from++) {
		if (from == star) {
			memcpy(name + n, "2MB", 3);
			n += 3;
		} else {
			name[n++] = *from;
		}
	}
	name[n] = '\0';
	return true;
}

static void check(const struct cg_translate *t, const struct cg_translated *out)
{
	for (unsigned i = 0; i < CG_TRANSLATION_KNOBS; i++) {
		_cleanup_text_ struct cg_text name = {0};

		if (!out->has[i])
			continue;
		cg_translation_name(t->row, t->to, i, t->name, &name);
		require(cg_value_check(cg_knob_find(name.data, t->to), name.data,
				(struct cg_bytes){out->text[i].data, out->text[i].len}, NULL) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cg_translate_options options = {0};
	struct cg_translate t = {.options = &options};
	_cleanup_translated_ struct cg_translated out = {0};
	struct cg_values in = {0};
	struct cg_error *err = NULL;
	struct cg_bytes rest;
	unsigned lost = 0;
	char name[128];
	int r;

	if (size < 2)
		return 0;
	t.row = &cg_translations[data[0] % cg_translation_count];
	t.from = data[1] & 1 ? 1 : 2;
	t.to = 3 - t.from;
	options.soft_is_high = data[1] & 2;
	options.dialect = &cg_dialects[(data[1] >> 2) % cg_dialect_count];
	options.page_size = UINT64_C(4096) << (data[1] >> 6) * 2;
	if (!file_of(t.row, t.from, name))
		return 0;
	t.name = name;
	rest = (struct cg_bytes){(const char *)data + 2, size - 2};
	for (unsigned i = 0; i < CG_TRANSLATION_KNOBS && t.row->knob[t.from - 1][i]; i++)
		if (!cg_bytes_split(&rest, '\0', &in.value[i]))
			break;
	r = cg_translate_checked(&t, &in, &out, &lost, &err);
	require((r < 0) == (err != NULL));
	if (r == 0)
		check(&t, &out);
	cg_error_free(err);
	return 0;
}
