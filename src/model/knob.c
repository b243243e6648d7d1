/* Look-up in the catalogue. The table is sorted by name, so a name is found by bisection; a name with a huge
 * page size in it ("hugetlb.2MB.max") is looked up with '*' in the size's place. */
#include "model/knob.h"

#include <string.h>

#include "base/attributes.h"

/* A name taken apart at its huge page size: "hugetlb." "2MB" ".max". */
struct sized_name {
	struct cg_bytes before, size, after;
};

/* The bytes of "64KB", "2MB", "1GB"; 0 for anything else. */
static uint64_t page_size_of(struct cg_bytes size)
{
	uint64_t number;
	unsigned shift;

	if (size.len < 3 || size.data[size.len - 1] != 'B')
		return 0;
	switch (size.data[size.len - 2]) {
	case 'K':
		shift = 10;
		break;
	case 'M':
		shift = 20;
		break;
	case 'G':
		shift = 30;
		break;
	default:
		return 0;
	}
	if (cg_parse_u64((struct cg_bytes){size.data, size.len - 2}, &number) < 0)
		return 0;
	return number > UINT64_MAX >> shift ? 0 : number << shift;
}

static bool name_split(const char *name, struct sized_name *ret)
{
	const char *size = strchr(name, '.');
	const char *end = size ? strchr(size + 1, '.') : NULL;

	if (!end)
		return false;
	ret->before = (struct cg_bytes){name, (size_t)(size + 1 - name)};
	ret->size = (struct cg_bytes){size + 1, (size_t)(end - size - 1)};
	ret->after = cg_bytes_of(end);
	return true;
}

/* Compares the text of up to three parts with a row's name as strcmp() does. */
static int name_compare(const struct cg_bytes *part, size_t parts, const char *row)
{
	for (size_t i = 0; i < parts; i++) {
		int c = strncmp(part[i].data, row, part[i].len);

		if (c != 0)
			return c;
		row += part[i].len;
	}
	return *row ? -1 : 0;
}

static const struct cg_knob *find_parts(const struct cg_bytes *part, size_t parts, uint32_t version_flag)
{
	size_t low = 0, high = cg_knob_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (name_compare(part, parts, cg_knob_table[middle].name) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < cg_knob_count && name_compare(part, parts, cg_knob_table[low].name) == 0; low++)
		if (cg_knob_table[low].flags & version_flag)
			return &cg_knob_table[low];
	return NULL;
}

const struct cg_knob *cg_knob_find(const char *name, int version)
{
	const uint32_t version_flag = version == 2 ? CG_KNOB_V2 : CG_KNOB_V1;
	const struct cg_bytes whole = cg_bytes_of(name);
	const struct cg_knob *knob = NULL;
	struct sized_name sized;

	/* A row's own name with its '*' is no file. */
	if (!strchr(name, '*'))
		knob = find_parts(&whole, 1, version_flag);
	if (!knob && name_split(name, &sized) && page_size_of(sized.size) > 0) {
		const struct cg_bytes part[] = {sized.before, CG_BYTES("*"), sized.after};

		knob = find_parts(part, CG_ARRAY_SIZE(part), version_flag);
	}
	return knob;
}

/* The name with the fewest different characters at the same places is not what people mistype: one that
 * begins alike is. */
const char *cg_knob_nearest(const char *name)
{
	const char *best = NULL;
	size_t longest = 3;

	for (size_t i = 0; i < cg_knob_count; i++) {
		const struct cg_knob *k = &cg_knob_table[i];
		size_t n = 0;

		while (name[n] && name[n] == k->name[n])
			n++;
		/* The whole of either, or more than the controller alone. */
		if (n > longest && k->kind == CG_KNOB_SETTING && n > strlen(k->controller) + 1) {
			longest = n;
			best = k->name;
		}
	}
	return best;
}

bool cg_knob_controller_exists(const char *controller, int version)
{
	const uint32_t flag = version == 2 ? CG_KNOB_V2 : CG_KNOB_V1;

	for (size_t i = 0; *controller && i < cg_knob_count; i++)
		if ((cg_knob_table[i].flags & flag) && strcmp(cg_knob_table[i].controller, controller) == 0)
			return true;
	return false;
}

const struct cg_knob *cg_knob_quota(const char *controller)
{
	for (size_t i = 0; i < cg_knob_count; i++)
		if (cg_knob_table[i].grammar == CG_GRAMMAR_QUOTA &&
			strcmp(cg_knob_table[i].controller, controller) == 0)
			return &cg_knob_table[i];
	return NULL;
}

const struct cg_knob *cg_knob_rules(const struct cg_knob *file, bool *ret_adds)
{
	for (size_t i = 0; i < cg_knob_count; i++) {
		const struct cg_knob *k = &cg_knob_table[i];

		if (!k->write_name || !k->clear_name)
			continue;
		*ret_adds = strcmp(k->write_name, file->name) == 0;
		if (*ret_adds || strcmp(k->clear_name, file->name) == 0)
			return k;
	}
	return NULL;
}

/* What differs between the versions; the others have one name on both. */
static const struct {
	const char *v1, *v2;
	bool one; /* they are one thing: v2's name means v1's, too */
} controller_names[] = {
	{"blkio", "io", true},
	{"cpuacct", "cpu", false},
	{"freezer", "", false},
	{"devices", "", false},
	{"perf_event", "", false},
};

struct cg_bytes cg_controller_name(struct cg_bytes name, int version)
{
	for (size_t i = 0; i < CG_ARRAY_SIZE(controller_names); i++) {
		const bool old = cg_bytes_is(name, controller_names[i].v1);

		if (version == 2 && old)
			return cg_bytes_of(controller_names[i].v2);
		if (version == 1 && controller_names[i].one && cg_bytes_is(name, controller_names[i].v2))
			return cg_bytes_of(controller_names[i].v1);
	}
	return name;
}

bool cg_knob_is_of(const struct cg_knob *knob, const char *controllers)
{
	struct cg_bytes rest = cg_bytes_of(controllers), part;

	if (!knob->controller[0])
		return true;
	while (cg_bytes_split(&rest, ',', &part))
		if (cg_bytes_is(part, knob->controller))
			return true;
	return false;
}

bool cg_knob_tells_usage(const struct cg_knob *knob)
{
	for (size_t i = 0; i < cg_knob_count; i++)
		if (cg_knob_table[i].usage && strcmp(cg_knob_table[i].usage, knob->name) == 0)
			return true;
	return false;
}

bool cg_knob_hinders(const struct cg_knob *knob)
{
	return (knob->flags & (CG_KNOB_LIMIT | CG_KNOB_HINDERS)) || knob->phase == CG_PHASE_LAST;
}

uint16_t cg_knob_mode(const struct cg_knob *knob, uint32_t kernel)
{
	return kernel < knob->mode_since ? knob->old_mode : knob->mode;
}

uint64_t cg_knob_unit(const struct cg_knob *knob, const char *name, uint64_t page_size)
{
	struct sized_name sized;

	if (!(knob->flags & CG_KNOB_UNIT_ROUNDED))
		return 1;
	if (strchr(knob->name, '*') && name_split(name, &sized)) {
		uint64_t size = page_size_of(sized.size);

		if (size > 0)
			return size;
	}
	return page_size > 0 ? page_size : 1;
}

bool cg_knob_default(const struct cg_knob *knob, const char *name, uint64_t page_size, struct cg_text *t)
{
	uint64_t unit;

	switch (knob->default_kind) {
	case CG_DEFAULT_FIXED:
		if (!knob->default_value)
			return false;
		cg_text_adds(t, knob->default_value);
		return true;
	case CG_DEFAULT_UNLIMITED:
		unit = cg_knob_unit(knob, name, page_size);
		cg_text_printf(t, "%llu", (unsigned long long)((uint64_t)INT64_MAX / unit * unit));
		return true;
	case CG_DEFAULT_INHERIT:
	case CG_DEFAULT_UNKNOWN:
		break;
	}
	return false;
}

void cg_knob_sibling(struct cg_text *t, const char *sibling, const char *name)
{
	const char *star = strchr(sibling, '*');
	struct sized_name sized;

	if (!star || !name_split(name, &sized)) {
		cg_text_adds(t, sibling);
		return;
	}
	cg_text_add(t, sibling, (size_t)(star - sibling));
	cg_text_add(t, sized.size.data, sized.size.len);
	cg_text_adds(t, star + 1);
}
