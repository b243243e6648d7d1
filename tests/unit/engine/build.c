/* See build.h. Two readings: the first finds groups and columns, the second fills in what groups have. */
#include "build.h"

#include "model/device_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct builder {
	struct cg_tree *tree;
	uint32_t hierarchy, group;
	bool filling;
};

static char *copy(struct builder *b, struct cg_bytes s)
{
	char *p = cg_arena_copy(&b->tree->arena, s.data, s.len);

	assert_non_null(p);
	return p;
}

/* "\n" becomes a newline. */
static struct cg_bytes unescape(struct builder *b, struct cg_bytes s)
{
	char *p = copy(b, s);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] == '\\' && i + 1 < s.len && s.data[i + 1] == 'n') {
			p[n++] = '\n';
			i++;
		} else {
			p[n++] = s.data[i];
		}
	return (struct cg_bytes){p, n};
}

static struct cg_bytes next(struct cg_bytes *line)
{
	struct cg_bytes word;

	assert_true(cg_bytes_word(line, &word));
	return word;
}

static uint32_t number(struct cg_bytes b)
{
	uint32_t n;

	assert_int_equal(cg_parse_u32(b, &n), 0);
	return n;
}

static struct cg_owner read_owner(struct cg_bytes *line)
{
	struct cg_bytes ids = next(line), uid, mode;
	struct cg_owner o = {0};
	uint32_t bits;

	assert_true(cg_bytes_split(&ids, ':', &uid));
	o.uid = number(uid);
	o.gid = number(ids);
	if (cg_bytes_word(line, &mode)) {
		assert_int_equal(cg_parse_octal(mode, &bits), 0);
		o.mode = (uint16_t)bits;
	}
	return o;
}

static void add_hierarchy(struct builder *b, struct cg_bytes line)
{
	struct cg_hierarchy *h;
	struct cg_bytes word, name;

	b->hierarchy = cg_tree_add_hierarchy(b->tree);
	h = &b->tree->hierarchy[b->hierarchy];
	h->version = cg_bytes_is(next(&line), "v2") ? 2 : 1;
	h->controllers = cg_bytes_word(&line, &word) && !cg_bytes_is(word, "-") ? copy(b, word) : "";
	h->mount_point = "/sys/fs/cgroup";
	h->mount_root = "/";
	h->mount_options = "rw";
	while (cg_bytes_word(&line, &word)) {
		assert_true(cg_bytes_split(&word, '=', &name));
		if (cg_bytes_is(name, "name"))
			h->name = copy(b, word);
		else if (cg_bytes_is(name, "root"))
			h->mount_root = copy(b, word);
		else if (cg_bytes_is(name, "mount"))
			h->mount_point = copy(b, word);
		else
			h->mount_options = copy(b, word);
	}
	h->column = cg_arena_array(&b->tree->arena, 64, sizeof(*h->column));
	h->file_set = cg_arena_array(&b->tree->arena, 4096, sizeof(*h->file_set));
	assert_non_null(h->column);
	assert_non_null(h->file_set);
}

static uint16_t column(struct builder *b, struct cg_bytes name)
{
	struct cg_hierarchy *h = &b->tree->hierarchy[b->hierarchy];
	struct cg_column *c;

	for (uint16_t i = 0; i < h->columns; i++)
		if (cg_bytes_is(name, h->column[i].name))
			return i;
	assert_false(b->filling);
	assert_in_range(h->columns, 0, 63);
	c = &h->column[h->columns];
	c->name = copy(b, name);
	c->knob = cg_knob_find(c->name, h->version);
	c->usual_mode = c->knob ? c->knob->mode : 0644;
	return h->columns++;
}

static void add_group(struct builder *b, struct cg_bytes path)
{
	struct cg_group *g;
	uint32_t parent = CG_NONE, i;
	const char *slash;

	for (slash = path.data + path.len; slash > path.data && slash[-1] != '/'; slash--)
		;
	for (i = 0; i < b->tree->groups; i++) {
		struct cg_text t = {0};

		if (b->tree->group[i].hierarchy != b->hierarchy)
			continue;
		cg_group_path(b->tree, i, &t);
		if ((t.len == (size_t)(slash - 1 - path.data) && !memcmp(t.data, path.data, t.len)) ||
			(t.len == 1 && slash == path.data + 1 && path.len > 1))
			parent = i;
		cg_text_free(&t);
	}
	b->group = cg_tree_add_group(b->tree);
	g = &b->tree->group[b->group];
	g->parent = parent;
	g->hierarchy = (uint16_t)b->hierarchy;
	g->name = copy(b,
		parent == CG_NONE ? path : (struct cg_bytes){slash, path.len - (size_t)(slash - path.data)});
	g->type = b->tree->hierarchy[b->hierarchy].version == 2 ? CG_TYPE_DOMAIN : CG_TYPE_V1;
	g->owner.mode = 0755;
}

static void fill_sets(struct builder *b)
{
	for (uint32_t i = 0; i < b->tree->groups; i++) {
		struct cg_hierarchy *h = &b->tree->hierarchy[b->tree->group[i].hierarchy];
		uint16_t *columns;

		if (h->file_sets)
			continue;
		columns = cg_arena_array(&b->tree->arena, h->columns + 1u, sizeof(*columns));
		assert_non_null(columns);
		for (uint16_t c = 0; c < h->columns; c++)
			columns[c] = c;
		h->file_set[0] = (struct cg_file_set){columns, h->columns};
		h->file_sets = 1;
	}
}

static void narrow(struct builder *b, struct cg_bytes names)
{
	struct cg_hierarchy *h = &b->tree->hierarchy[b->hierarchy];
	uint16_t *columns = cg_arena_array(&b->tree->arena, h->columns + 1u, sizeof(*columns));
	uint16_t n = 0;
	struct cg_bytes rest, word;

	for (uint16_t c = 0; c < h->columns; c++)
		for (rest = names; cg_bytes_word(&rest, &word);)
			if (cg_bytes_is(word, h->column[c].name))
				columns[n++] = c;
	h->file_set[h->file_sets] = (struct cg_file_set){columns, n};
	b->tree->group[b->group].file_set = h->file_sets++;
}

static void set_value(struct builder *b, uint16_t c, struct cg_bytes value)
{
	struct cg_group *g = &b->tree->group[b->group];
	struct cg_setting *more = cg_arena_array(&b->tree->arena, g->settings + 1u, sizeof(*more));
	uint32_t at = g->settings;

	assert_non_null(more);
	if (g->settings)
		memcpy(more, g->setting, g->settings * sizeof(*more));
	for (; at > 0 && more[at - 1].column > c; at--)
		more[at] = more[at - 1];
	more[at] =
		(struct cg_setting){c, cg_bytes_is(value, "?") ? (struct cg_bytes){0} : unescape(b, value)};
	g->setting = more;
	g->settings++;
}

static void setting(struct builder *b, struct cg_bytes name, struct cg_bytes value, bool usual)
{
	uint16_t c = column(b, name);
	struct cg_column *col = &b->tree->hierarchy[b->hierarchy].column[c];

	if (!b->filling) {
		if (usual || !col->usual.data)
			col->usual = unescape(b, value);
		return;
	}
	if (!usual && !cg_bytes_equal(unescape(b, value), col->usual))
		set_value(b, c, value);
}

static void file_owner(struct builder *b, struct cg_bytes line)
{
	struct cg_group *g = &b->tree->group[b->group];
	struct cg_bytes name = next(&line);
	struct cg_file_owner *more = cg_arena_array(&b->tree->arena, g->file_owners + 1u, sizeof(*more));
	uint32_t c = cg_hierarchy_column(&b->tree->hierarchy[b->hierarchy], copy(b, name));

	if (g->file_owners)
		memcpy(more, g->file_owner, g->file_owners * sizeof(*more));
	more[g->file_owners].column = c == CG_NONE ? CG_FILE_EXTRA : (uint16_t)c;
	more[g->file_owners].name = c == CG_NONE ? copy(b, name) : NULL;
	more[g->file_owners++].owner = read_owner(&line);
	g->file_owner = more;
}

static void add_xattr(struct builder *b, struct cg_bytes line)
{
	struct cg_group *g = &b->tree->group[b->group];
	struct cg_xattr *more = cg_arena_array(&b->tree->arena, g->xattrs + 1u, sizeof(*more));
	struct cg_bytes name;

	line = cg_bytes_trim(line);
	assert_true(cg_bytes_split(&line, '=', &name));
	if (g->xattrs)
		memcpy(more, g->xattr, g->xattrs * sizeof(*more));
	more[g->xattrs++] = (struct cg_xattr){copy(b, name), line};
	g->xattr = more;
}

static void add_program(struct builder *b, struct cg_bytes line)
{
	struct cg_arena *arena = &b->tree->arena;
	struct cg_group *g = &b->tree->group[b->group];
	struct cg_program *more = cg_arena_array(arena, g->programs + 1u, sizeof(*more)), *p;
	const char *type = copy(b, next(&line));
	char *rules;

	if (g->programs)
		memcpy(more, g->program, g->programs * sizeof(*more));
	p = &more[g->programs++];
	g->program = more;
	p->type = type;
	p->attach_type = strcmp(type, "device") == 0 ? 6 : 1;
	p->program_type = p->attach_type == 6 ? 15 : 8;
	p->attach_flags = (uint32_t)number(next(&line));
	p->name = copy(b, next(&line));
	line = cg_bytes_trim(line);
	p->tag = cg_bytes_of(cg_arena_copy(arena, line.data, line.len));
	if (cg_bytes_is(line, "lost")) {
		p->lost = "uses maps";
		p->instructions = (struct cg_bytes){"", 0};
	} else if (cg_bytes_is(line, "allow") || cg_bytes_is(line, "deny")) {
		p->instructions = cg_bytes_is(line, "allow")
					  ? CG_BYTES("\xb7\0\0\0\1\0\0\0\x95\0\0\0\0\0\0\0")
					  : CG_BYTES("\xb7\0\0\0\0\0\0\0\x95\0\0\0\0\0\0\0");
	} else {
		struct cg_program made;

		rules = copy(b, line);
		for (char *c = rules; *c; c++)
			*c = *c == ';' ? '\n' : *c;
		assert_int_equal(cg_device_rules_program(arena, cg_bytes_of(rules), &made), 1);
		p->instructions = made.instructions;
	}
}

static void add_task(struct builder *b, struct cg_bytes line)
{
	struct cg_group *g = &b->tree->group[b->group];
	struct cg_task *more = cg_arena_array(&b->tree->arena, g->tasks + 1u, sizeof(*more));

	if (g->tasks)
		memcpy(more, g->task, g->tasks * sizeof(*more));
	more[g->tasks].pid = (int32_t)number(next(&line));
	more[g->tasks].tid = (int32_t)number(next(&line));
	more[g->tasks++].comm = copy(b, next(&line));
	g->task = more;
}

static void add_device(struct builder *b, struct cg_bytes line)
{
	uint32_t i = cg_tree_add_device(b->tree);
	struct cg_device *d = &b->tree->device[i];
	struct cg_bytes stable;

	d->kind = cg_bytes_is(next(&line), "link") ? CG_DEVICE_LINK : CG_DEVICE_BLOCK;
	d->key = copy(b, next(&line));
	d->name = d->key;
	stable = next(&line);
	d->stable = cg_bytes_is(stable, "-") ? "" : copy(b, stable);
}

static void set_type(struct builder *b, struct cg_bytes name)
{
	for (int t = CG_TYPE_DOMAIN; t <= CG_TYPE_DOMAIN_INVALID; t++)
		if (cg_bytes_is(cg_bytes_trim(name), cg_group_type_name((enum cg_group_type)t)))
			b->tree->group[b->group].type = (uint8_t)t;
}

/* What belongs to a group and can be read at once. */
static bool read_of_group(struct builder *b, struct cg_bytes word, struct cg_bytes line)
{
	struct cg_group *g = b->group == CG_NONE ? NULL : &b->tree->group[b->group];

	if (cg_bytes_is(word, "owner")) {
		g->owner = read_owner(&line);
	} else if (cg_bytes_is(word, "files")) {
		struct cg_owner o = read_owner(&line);

		g->file_uid = o.uid;
		g->file_gid = o.gid;
	} else if (cg_bytes_is(word, "file")) {
		file_owner(b, line);
	} else if (cg_bytes_is(word, "type")) {
		set_type(b, line);
	} else if (cg_bytes_is(word, "xattr")) {
		add_xattr(b, line);
	} else if (cg_bytes_is(word, "program")) {
		add_program(b, line);
	} else if (cg_bytes_is(word, "task")) {
		add_task(b, line);
	} else if (cg_bytes_is(word, "ancestor")) {
		g->flags |= CG_GROUP_ANCESTOR;
	} else if (cg_bytes_is(word, "incomplete")) {
		g->flags |= CG_GROUP_INCOMPLETE;
	} else if (cg_bytes_is(word, "only")) {
		narrow(b, line);
	} else {
		return false;
	}
	return true;
}

static bool is_of_group(struct cg_bytes word)
{
	static const char *const words[] = {"owner", "files", "file", "type", "xattr", "task", "program",
		"ancestor", "incomplete", "only"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (cg_bytes_is(word, words[i]))
			return true;
	return false;
}

static void read_line(struct builder *b, struct cg_bytes line)
{
	struct cg_bytes whole = cg_bytes_trim(line), word, name;

	if (!cg_bytes_word(&line, &word))
		return;
	if (cg_bytes_is(word, "hierarchy")) {
		if (b->filling)
			b->hierarchy++;
		else
			add_hierarchy(b, line);
	} else if (cg_bytes_is(word, "group")) {
		if (b->filling)
			b->group++;
		else
			add_group(b, next(&line));
	} else if (cg_bytes_is(word, "usual")) {
		whole = cg_bytes_trim(line);
		assert_true(cg_bytes_split(&whole, '=', &name));
		setting(b, name, whole, true);
	} else if (cg_bytes_is(word, "device")) {
		if (b->filling)
			add_device(b, line);
	} else if (cg_bytes_is(word, "kernel")) {
		b->tree->inventory.kernel = copy(b, next(&line));
	} else if (cg_bytes_is(word, "page")) {
		b->tree->inventory.page_size = number(next(&line));
	} else if (is_of_group(word)) {
		if (b->filling)
			assert_true(read_of_group(b, word, line));
	} else {
		assert_true(cg_bytes_split(&whole, '=', &name));
		setting(b, name, whole, false);
	}
}

static void read_text(struct builder *b, const char *text)
{
	struct cg_bytes rest = cg_bytes_of(text), line;

	while (cg_bytes_split(&rest, '\n', &line))
		read_line(b, line);
}

struct cg_tree *build_tree(const char *text)
{
	struct builder b = {.tree = cg_tree_new(), .hierarchy = CG_NONE, .group = CG_NONE};
	struct cg_error *e = NULL;

	assert_non_null(b.tree);
	b.tree->inventory.kernel = "6.12.0";
	b.tree->inventory.page_size = 4096;
	read_text(&b, text);
	fill_sets(&b);
	b.filling = true;
	b.hierarchy = b.group = CG_NONE;
	read_text(&b, text);
	if (cg_tree_link(b.tree, &e) < 0)
		fail_msg("%s", e->message);
	return b.tree;
}
