/* Reading cgconfig.conf: see cgconfig.h for the grammar. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/cgconfig.h"

struct parser {
	struct cg_cgconfig *config;
	struct cg_bytes rest;
	unsigned line;
	struct cg_error **err;
	/* the token in hand */
	char kind; /* 'w' word or string, one of {}=; or 0 at the end */
	struct cg_bytes text;
	unsigned at; /* line */
};

static int CG_PRINTF(2, 3) wrong(struct parser *p, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = cg_error_vmake(p->err, CG_FAULT_CORRUPT, EBADMSG, fmt, ap);
	va_end(ap);
	cg_error_wrap(p->err, "line %u", p->at);
	return r;
}

static int oom(struct parser *p)
{
	return cg_error_oom(p->err);
}

static void skip_blank(struct parser *p)
{
	while (p->rest.len) {
		const char c = p->rest.data[0];

		if (c == '#') {
			const char *end = memchr(p->rest.data, '\n', p->rest.len);
			const size_t n = end ? (size_t)(end - p->rest.data) : p->rest.len;

			p->rest.data += n;
			p->rest.len -= n;
			continue;
		}
		if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
			return;
		p->line += c == '\n';
		p->rest.data++;
		p->rest.len--;
	}
}

static bool is_word(char c)
{
	return (unsigned char)c > ' ' && c != 127 && !strchr("{}=;\"#", c);
}

static int take_string(struct parser *p)
{
	const char *end = memchr(p->rest.data + 1, '"', p->rest.len - 1);
	size_t n;

	if (!end)
		return wrong(p, "a string begins here and does not end");
	n = (size_t)(end - p->rest.data) - 1;
	p->text = (struct cg_bytes){p->rest.data + 1, n};
	for (size_t i = 0; i < n; i++)
		p->line += p->text.data[i] == '\n';
	if (memchr(p->text.data, '\0', n))
		return wrong(p, "a string holds a NUL byte");
	p->rest.data += n + 2;
	p->rest.len -= n + 2;
	p->kind = 'w';
	return 0;
}

static int next(struct parser *p)
{
	size_t n = 0;

	skip_blank(p);
	p->at = p->line;
	p->kind = 0;
	if (!p->rest.len)
		return 0;
	if (p->rest.data[0] == '"')
		return take_string(p);
	while (n < p->rest.len && is_word(p->rest.data[n]))
		n++;
	p->text = (struct cg_bytes){p->rest.data, n ? n : 1};
	p->kind = n ? 'w' : p->rest.data[0];
	if (!n && (!p->kind || !strchr("{}=;", p->kind)))
		return wrong(p, "a byte \\x%02x cannot stand here", (unsigned char)p->rest.data[0]);
	p->rest.data += p->text.len;
	p->rest.len -= p->text.len;
	return 0;
}

static int expect(struct parser *p, char kind, const char *where)
{
	int r = next(p);

	if (r == 0 && p->kind != kind) {
		if (!p->kind)
			r = wrong(p, "the file ends %s", where);
		else if (kind == 'w')
			r = wrong(p, "a word is wanted %s, not \"%c\"", where, p->kind);
		else
			r = wrong(p, "\"%c\" is wanted %s", kind, where);
	}
	return r;
}

static const char *keep(struct parser *p)
{
	return cg_arena_copy(&p->config->arena, p->text.data, p->text.len);
}

/* A list that grows in the arena: its old places are left behind, at most as much again. */
static void *grow(struct parser *p, void *list, size_t count, size_t size)
{
	void *more;

	if (count & (count - 1) || (count == 0 && list))
		return list;
	more = cg_arena_array(&p->config->arena, count ? 2 * count : 1, size);
	if (more && count)
		memcpy(more, list, count * size);
	return more;
}

/* "= value ;" after a name. */
static int take_value(struct parser *p, struct cg_bytes *ret)
{
	int r = expect(p, '=', "after a name");

	r = r < 0 ? r : expect(p, 'w', "after \"=\"");
	if (r < 0)
		return r;
	*ret = p->text;
	if (!cg_arena_keep(&p->config->arena, ret))
		return oom(p);
	return expect(p, ';', "after a value");
}

static int take_mode(struct parser *p, struct cg_bytes value, uint16_t *ret, bool *has)
{
	uint32_t mode;

	if (cg_parse_octal(value, &mode) < 0 || mode > 07777)
		return wrong(p, "permissions in octal are wanted, such as 0664");
	*ret = (uint16_t)mode;
	*has = true;
	return 0;
}

static int take_perm_line(struct parser *p, struct cg_cgconfig_perm *perm)
{
	const struct cg_bytes name = p->text;
	struct cg_bytes value;
	int r = take_value(p, &value);

	if (r < 0)
		return r;
	if (cg_bytes_is(name, "uid"))
		perm->uid = value.data;
	else if (cg_bytes_is(name, "gid"))
		perm->gid = value.data;
	else if (cg_bytes_is(name, "fperm"))
		return take_mode(p, value, &perm->fperm, &perm->has_fperm);
	else if (cg_bytes_is(name, "dperm"))
		return take_mode(p, value, &perm->dperm, &perm->has_dperm);
	else
		return wrong(p, "uid, gid, fperm or dperm is wanted");
	return 0;
}

static int take_perm(struct parser *p, struct cg_cgconfig_perm *task, struct cg_cgconfig_perm *admin)
{
	int r = expect(p, '{', "after \"perm\"");

	while (r == 0 && (r = next(p)) == 0 && p->kind != '}') {
		struct cg_cgconfig_perm *to;

		if (p->kind != 'w' || !(cg_bytes_is(p->text, "task") || cg_bytes_is(p->text, "admin")))
			return wrong(p, p->kind ? "task or admin is wanted" : "the file ends in a \"perm\"");
		to = cg_bytes_is(p->text, "task") ? task : admin;
		r = expect(p, '{', "after task or admin");
		while (r == 0 && (r = next(p)) == 0 && p->kind != '}') {
			if (p->kind != 'w')
				return wrong(p, p->kind ? "a name is wanted" : "the file ends in a \"perm\"");
			r = take_perm_line(p, to);
		}
	}
	return r;
}

static int take_setting(struct parser *p, struct cg_cgconfig_controller *c)
{
	struct cg_cgconfig_setting *more = grow(p, c->setting, c->settings, sizeof(*more));

	if (!more)
		return oom(p);
	c->setting = more;
	more += c->settings++;
	*more = (struct cg_cgconfig_setting){.line = p->at, .name = keep(p)};
	return more->name ? take_value(p, &more->value) : oom(p);
}

static int take_controller(struct parser *p, struct cg_cgconfig_group *g)
{
	struct cg_cgconfig_controller *more = grow(p, g->controller, g->controllers, sizeof(*more));
	int r;

	if (!more)
		return oom(p);
	g->controller = more;
	more += g->controllers++;
	*more = (struct cg_cgconfig_controller){.line = p->at, .name = keep(p)};
	if (!more->name)
		return oom(p);
	r = expect(p, '{', "after a controller");
	while (r == 0 && (r = next(p)) == 0 && p->kind != '}') {
		if (p->kind != 'w')
			return wrong(
				p, p->kind ? "the name of a file is wanted" : "the file ends in a group");
		r = take_setting(p, more);
	}
	return r;
}

static int take_group(struct parser *p, bool template)
{
	struct cg_cgconfig *c = p->config;
	struct cg_cgconfig_group *g = grow(p, c->group, c->groups, sizeof(*g));
	int r;

	if (!g)
		return oom(p);
	c->group = g;
	g += c->groups;
	*g = (struct cg_cgconfig_group){.line = p->at, .template = template};
	r = expect(p, 'w', "after group or template");
	if (r < 0)
		return r;
	g->name = keep(p);
	c->groups++;
	r = g->name ? expect(p, '{', "after the name of a group") : oom(p);
	while (r == 0 && (r = next(p)) == 0 && p->kind != '}') {
		if (p->kind != 'w')
			return wrong(p, p->kind ? "a controller is wanted" : "the file ends in a group");
		r = cg_bytes_is(p->text, "perm") ? take_perm(p, &g->task, &g->admin) : take_controller(p, g);
	}
	return r;
}

static int take_mounts(struct parser *p)
{
	struct cg_cgconfig *c = p->config;
	int r = expect(p, '{', "after mount");

	while (r == 0 && (r = next(p)) == 0 && p->kind != '}') {
		struct cg_cgconfig_mount *m = grow(p, c->mount, c->mounts, sizeof(*m));
		struct cg_bytes path;

		if (p->kind != 'w')
			return wrong(p, p->kind ? "a controller is wanted" : "the file ends in \"mount\"");
		if (!m)
			return oom(p);
		c->mount = m;
		m += c->mounts;
		*m = (struct cg_cgconfig_mount){.line = p->at, .controller = keep(p)};
		if (!m->controller)
			return oom(p);
		r = take_value(p, &path);
		if (r == 0) {
			m->path = path.data;
			c->mounts++;
		}
	}
	return r;
}

static int take_default(struct parser *p)
{
	int r = expect(p, '{', "after default");

	while (r == 0 && (r = next(p)) == 0 && p->kind != '}') {
		if (p->kind != 'w' || !cg_bytes_is(p->text, "perm"))
			return wrong(p, p->kind ? "perm is wanted" : "the file ends in \"default\"");
		r = take_perm(p, &p->config->task, &p->config->admin);
	}
	return r;
}

/* A section that is about something else: read, so that what follows is found, and not kept. */
static int skip_section(struct parser *p)
{
	int r;

	if (!p->config->foreign)
		p->config->foreign = p->at;
	r = expect(p, '{', "after the name of a section");
	while (r == 0 && (r = next(p)) == 0 && p->kind != '}') {
		struct cg_bytes value;

		if (p->kind != 'w')
			return wrong(p, p->kind ? "a name is wanted" : "the file ends in a section");
		r = take_value(p, &value);
	}
	return r;
}

static int take_item(struct parser *p)
{
	if (p->kind == 'w') {
		if (cg_bytes_is(p->text, "group"))
			return take_group(p, false);
		if (cg_bytes_is(p->text, "template"))
			return take_group(p, true);
		if (cg_bytes_is(p->text, "mount"))
			return take_mounts(p);
		if (cg_bytes_is(p->text, "default"))
			return take_default(p);
		if (cg_bytes_is(p->text, "namespace") || cg_bytes_is(p->text, "systemd"))
			return skip_section(p);
	}
	return wrong(p, "group, template, mount, default, namespace or systemd is wanted");
}

int cg_cgconfig_parse(struct cg_bytes text, struct cg_cgconfig *ret, struct cg_error **err)
{
	_cleanup_cgconfig_ struct cg_cgconfig config = {0};
	struct cg_error *own = NULL;
	struct parser p = {.config = &config, .rest = text, .line = 1, .err = &own};
	int r;

	while ((r = next(&p)) == 0 && p.kind) {
		r = take_item(&p);
		if (r < 0)
			break;
	}
	if (r == 0) {
		*ret = config;
		config = (struct cg_cgconfig){0};
	}
	if (err)
		*err = own;
	else
		(void)cg_error_free(own);
	return r;
}

void cg_cgconfig_free(struct cg_cgconfig *c)
{
	cg_arena_free(&c->arena);
	*c = (struct cg_cgconfig){0};
}
