/* Hostile images from nothing: the frame and all sums are right, what stands inside is what was asked for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "damage.h"
#include "image/image.h"

static void begin(struct out *o, uint32_t *sequence)
{
	Cgtree__Image__Inventory inventory = CGTREE__IMAGE__INVENTORY__INIT;
	Cgtree__Image__Hierarchy hierarchy = CGTREE__IMAGE__HIERARCHY__INIT;
	Cgtree__Image__FileSet set = CGTREE__IMAGE__FILE_SET__INIT, *sets[1] = {&set};
	Cgtree__Image__Knobs knobs = CGTREE__IMAGE__KNOBS__INIT;

	cg_frame_put_header(
		damage_more(o, CG_FRAME_HEADER_SIZE), &(struct cg_frame_header){CG_IMAGE_MAJOR, 0, 0, 0});
	hierarchy.has_version = true;
	hierarchy.version = 2;
	knobs.file_set = sets;
	knobs.n_file_set = 1;
	damage_put_message(o, CG_RECORD_INVENTORY, &inventory.base, (*sequence)++);
	damage_put_message(o, CG_RECORD_HIERARCHY, &hierarchy.base, (*sequence)++);
	damage_put_message(o, CG_RECORD_KNOBS, &knobs.base, (*sequence)++);
}

static void put_group(struct out *o, struct cg_bytes name, bool top, uint32_t *sequence)
{
	Cgtree__Image__Group g = CGTREE__IMAGE__GROUP__INIT;

	g.has_name = g.has_type = true;
	g.name = (ProtobufCBinaryData){name.len, (uint8_t *)(uintptr_t)name.data};
	g.type = CGTREE__IMAGE__GROUP__TYPE__DOMAIN;
	g.has_up = !top;
	g.up = !top;
	damage_put_message(o, CG_RECORD_GROUP, &g.base, (*sequence)++);
}

static int finish(struct out *o, const char *name, uint64_t groups, uint32_t sequence)
{
	Cgtree__Image__End end = CGTREE__IMAGE__END__INIT;

	end.groups = groups;
	damage_put_end(o, &end, sequence);
	damage_write_file(name, o->data, o->len);
	free(o->data);
	return 0;
}

/* Understands \n, \0 and \xHH in place. */
static struct cg_bytes unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		char hex[3] = "";

		if (*from != '\\') {
			*to++ = *from;
		} else if (*++from == 'n') {
			*to++ = '\n';
		} else if (*from == '0') {
			*to++ = '\0';
		} else if (*from == 'x' && from[1] && from[2]) {
			memcpy(hex, from + 1, 2);
			*to++ = (char)strtoul(hex, NULL, 16);
			from += 2;
		} else {
			errno = EINVAL;
			damage_die(text);
		}
	}
	return (struct cg_bytes){text, (size_t)(to - text)};
}

/* An image as words describe it: a hierarchy, one interface file, and groups; each in order. What is said of
 * a group comes after it. */
struct wish {
	Cgtree__Image__Hierarchy hierarchy;
	Cgtree__Image__Column column, *columns[1];
	struct wished_group {
		Cgtree__Image__Group group;
		Cgtree__Image__Xattr xattr, *xattrs[1];
		Cgtree__Image__Task task, *tasks[1];
		ProtobufCBinaryData value;
		uint32_t setting;
	} group[16];
	size_t groups;
};

static ProtobufCBinaryData binary(char *text)
{
	struct cg_bytes b = unescape(text);

	return (ProtobufCBinaryData){b.len, (uint8_t *)(uintptr_t)b.data};
}

static void wish_group(struct wish *w, char *name, uint32_t up)
{
	struct wished_group *g = &w->group[w->groups++];

	if (w->groups > sizeof(w->group) / sizeof(w->group[0]))
		damage_die("too many groups");
	*g = (struct wished_group){CGTREE__IMAGE__GROUP__INIT, CGTREE__IMAGE__XATTR__INIT, {0},
		CGTREE__IMAGE__TASK__INIT, {0}, {0}, 0};
	g->xattrs[0] = &g->xattr;
	g->tasks[0] = &g->task;
	g->group.has_name = g->group.has_type = true;
	g->group.name = binary(name);
	g->group.type = w->hierarchy.version == 2 ? CGTREE__IMAGE__GROUP__TYPE__DOMAIN
						  : CGTREE__IMAGE__GROUP__TYPE__V1;
	g->group.has_up = up > 0;
	g->group.up = up;
}

static void wish_detail(struct wished_group *g, const char *key, char *text)
{
	if (strcmp(key, "value") == 0) {
		g->value = binary(text);
		g->group.setting_column = &g->setting;
		g->group.setting_value = &g->value;
		g->group.n_setting_column = g->group.n_setting_value = 1;
	} else if (strcmp(key, "xattr") == 0) {
		g->xattr.has_name = g->xattr.has_value = true;
		g->xattr.name = g->xattr.value = binary(text);
		g->group.xattr = g->xattrs;
		g->group.n_xattr = 1;
	} else if (strcmp(key, "uid") == 0) {
		g->group.has_uid = true;
		g->group.uid = (uint32_t)damage_number(text);
	} else if (strcmp(key, "mode") == 0) {
		g->group.has_mode = true;
		g->group.mode = (uint32_t)damage_number(text);
	} else if (strcmp(key, "type") == 0) {
		g->group.type = (Cgtree__Image__Group__Type)damage_number(text);
	} else if (strcmp(key, "pid") == 0) {
		g->task.has_pid = true;
		g->task.pid = (uint32_t)damage_number(text);
	} else {
		errno = EINVAL;
		damage_die(key);
	}
}

static void wish_word(struct wish *w, const char *key, char *text)
{
	if (strcmp(key, "v1") == 0 || strcmp(key, "v2") == 0) {
		w->hierarchy.has_version = w->hierarchy.has_controllers = true;
		w->hierarchy.version = (uint32_t)(key[1] - '0');
		w->hierarchy.controllers = binary(text);
	} else if (strcmp(key, "file") == 0) {
		w->column.has_name = true;
		w->column.name = binary(text);
	} else if (strcmp(key, "top") == 0) {
		wish_group(w, text, 0);
	} else if (strcmp(key, "below") == 0) {
		wish_group(w, text, 1);
	} else if (strcmp(key, "beside") == 0) {
		wish_group(w, text, 2);
	} else if (w->groups) {
		wish_detail(&w->group[w->groups - 1], key, text);
	}
}

static int finish_wish(struct wish *w, const char *name)
{
	Cgtree__Image__Inventory inventory = CGTREE__IMAGE__INVENTORY__INIT;
	Cgtree__Image__FileSet set = CGTREE__IMAGE__FILE_SET__INIT, *sets[1] = {&set};
	Cgtree__Image__Knobs knobs = CGTREE__IMAGE__KNOBS__INIT;
	Cgtree__Image__End end = CGTREE__IMAGE__END__INIT;
	struct out o = {0};
	uint32_t sequence = 0, first = 0;

	cg_frame_put_header(
		damage_more(&o, CG_FRAME_HEADER_SIZE), &(struct cg_frame_header){CG_IMAGE_MAJOR, 0, 0, 0});
	w->columns[0] = &w->column;
	knobs.column = w->columns;
	knobs.n_column = set.n_column = w->column.has_name;
	set.column = &first;
	knobs.file_set = sets;
	knobs.n_file_set = 1;
	inventory.has_members = inventory.members = true;
	damage_put_message(&o, CG_RECORD_INVENTORY, &inventory.base, sequence++);
	damage_put_message(&o, CG_RECORD_HIERARCHY, &w->hierarchy.base, sequence++);
	damage_put_message(&o, CG_RECORD_KNOBS, &knobs.base, sequence++);
	for (size_t i = 0; i < w->groups; i++) {
		Cgtree__Image__Tasks tasks = CGTREE__IMAGE__TASKS__INIT;

		end.settings += w->group[i].group.n_setting_column;
		damage_put_message(&o, CG_RECORD_GROUP, &w->group[i].group.base, sequence++);
		if (!w->group[i].task.has_pid)
			continue;
		tasks.task = w->group[i].tasks;
		tasks.n_task = 1;
		end.tasks++;
		damage_put_message(&o, CG_RECORD_TASKS, &tasks.base, sequence++);
	}
	end.groups = w->groups;
	damage_put_end(&o, &end, sequence);
	damage_write_file(name, o.data, o.len);
	free(o.data);
	return 0;
}

int damage_make(int argc, char **argv)
{
	struct wish *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		damage_die("memory");
	w->hierarchy = (Cgtree__Image__Hierarchy)CGTREE__IMAGE__HIERARCHY__INIT;
	w->column = (Cgtree__Image__Column)CGTREE__IMAGE__COLUMN__INIT;
	for (int i = 1; i < argc; i++) {
		char *equals = strchr(argv[i], '=');

		if (!equals) {
			errno = EINVAL;
			damage_die(argv[i]);
		}
		*equals = '\0';
		wish_word(w, argv[i], equals + 1);
	}
	r = finish_wish(w, argv[0]);
	free(w);
	return r;
}

int damage_deep(char **argv)
{
	struct out o = {0};
	uint32_t sequence = 0;
	uint64_t levels = damage_number(argv[1]);

	begin(&o, &sequence);
	for (uint64_t i = 0; i < levels; i++)
		put_group(&o, cg_bytes_of(i ? "d" : "/cgt-bad"), i == 0, &sequence);
	return finish(&o, argv[0], levels, sequence);
}

/* Some hundred kilobytes on disk, more than a gigabyte when it is taken at its word. */
int damage_huge(char **argv)
{
	static uint8_t zero[CG_FRAME_PAYLOAD_MAX];
	struct cg_frame_record part = {
		CG_RECORD_GROUP, CG_RECORD_CRITICAL | CG_RECORD_MORE, {(const char *)zero, sizeof(zero)}};
	ZSTD_CCtx *z = ZSTD_createCCtx();
	struct out o = {0}, packed = {0};
	uint32_t sequence = 0;

	if (!z)
		damage_die("memory");
	begin(&o, &sequence);
	for (int i = 0; i < 1100; i++) {
		size_t left;

		damage_put_record(&o, &part, sequence++);
		do {
			ZSTD_inBuffer in = {o.data, o.len, 0};
			uint8_t *room = damage_more(&packed, 65536);
			ZSTD_outBuffer out = {room, 65536, 0};

			left = ZSTD_compressStream2(z, &out, &in, i == 1099 ? ZSTD_e_end : ZSTD_e_continue);
			if (ZSTD_isError(left))
				damage_die(ZSTD_getErrorName(left));
			packed.len -= 65536 - out.pos;
			memmove(o.data, o.data + in.pos, o.len - in.pos);
			o.len -= in.pos;
		} while (o.len || (i == 1099 && left));
	}
	damage_write_file(argv[0], packed.data, packed.len);
	ZSTD_freeCCtx(z);
	free(o.data);
	free(packed.data);
	return 0;
}
