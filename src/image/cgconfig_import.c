/* A configuration to a tree. Controllers are gathered into hierarchies, the sections of a hierarchy's groups
 * into nodes by path, with what is missing above them, and nodes become groups in depth-first order. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fdio.h"
#include "image/cgconfig_private.h"
#include "image/check.h"

int cg_cgconfig_wrong(
	const struct cg_cgconfig_importer *im, unsigned line, struct cg_error **err, const char *fmt, ...)
{
	va_list ap;
	int r;

	(void)im;
	va_start(ap, fmt);
	r = cg_error_vmake(err, CG_FAULT_CORRUPT, EBADMSG, fmt, ap);
	va_end(ap);
	cg_error_wrap(err, "line %u", line);
	return r;
}

/* Which version's files a controller's sections name: 1, 2, or 0 when they are both's or none. */
static int version_told_by(const struct cg_cgconfig_controller *c)
{
	const bool one = cg_knob_controller_exists(c->name, 1), two = cg_knob_controller_exists(c->name, 2);
	int told = one && !two ? 1 : two && !one ? 2 : 0;

	if (strcmp(c->name, CG_CGCONFIG_CORE) == 0)
		return 2;
	for (size_t i = 0; !told && i < c->settings; i++) {
		const struct cg_knob *k1 = cg_knob_find(c->setting[i].name, 1);
		const struct cg_knob *k2 = cg_knob_find(c->setting[i].name, 2);

		/* Files of the core tell of no controller. */
		if ((k1 ? k1 : k2) && (k1 ? k1 : k2)->controller[0])
			told = k1 && !k2 ? 1 : k2 && !k1 ? 2 : 0;
	}
	return told;
}

static bool is_controller(const char *name)
{
	return !strchr(name, ',') && cg_name_is_valid(cg_bytes_of(name));
}

static int check_mounts(struct cg_cgconfig_importer *im, struct cg_error **err)
{
	for (size_t i = 0; i < im->config->mounts; i++)
		if (!is_controller(im->config->mount[i].controller))
			return cg_cgconfig_wrong(im, im->config->mount[i].line, err,
				"\"%s\" is no name of a controller", im->config->mount[i].controller);
	return 0;
}

static struct cg_cgconfig_kind *find_kind(struct cg_cgconfig_importer *im, const char *name)
{
	for (size_t i = 0; i < im->kinds; i++)
		if (strcmp(im->kind[i].name, name) == 0)
			return &im->kind[i];
	return NULL;
}

static int see_controller(
	struct cg_cgconfig_importer *im, const struct cg_cgconfig_controller *c, struct cg_error **err)
{
	struct cg_cgconfig_kind *kind = find_kind(im, c->name);
	int told = strncmp(c->name, "name=", 5) == 0 ? 1 : version_told_by(c);

	if (!kind) {
		if (im->kinds == CG_CGCONFIG_KINDS_MAX)
			return cg_cgconfig_wrong(
				im, c->line, err, "more than %d controllers", CG_CGCONFIG_KINDS_MAX);
		if (!is_controller(c->name))
			return cg_cgconfig_wrong(
				im, c->line, err, "\"%s\" is no name of a controller", c->name);
		kind = &im->kind[im->kinds++];
		*kind = (struct cg_cgconfig_kind){.name = c->name, .line = c->line};
	}
	if (told && kind->version && told != kind->version)
		return cg_cgconfig_wrong(im, c->line, err,
			"controller %s has files of cgroup v%d here and of v%d in line %u", c->name, told,
			kind->version, kind->line);
	if (told) {
		kind->version = told;
		kind->line = c->line;
	}
	return 0;
}

/* Controllers that "mount" puts at one path share a hierarchy. */
static const char *mounted_with(struct cg_cgconfig_importer *im, const char *name, struct cg_error **err)
{
	const struct cg_cgconfig *c = im->config;
	_cleanup_text_ struct cg_text t = {0};
	const char *path = NULL, *list;

	for (size_t i = 0; i < c->mounts && !path; i++)
		if (strcmp(c->mount[i].controller, name) == 0)
			path = c->mount[i].path;
	for (size_t i = 0; path && i < c->mounts; i++)
		if (strcmp(c->mount[i].path, path) == 0 &&
			!cg_bytes_has_part(
				(struct cg_bytes){t.data, t.len}, ',', cg_bytes_of(c->mount[i].controller))) {
			cg_text_adds(&t, t.len ? "," : "");
			cg_text_adds(&t, c->mount[i].controller);
		}
	for (size_t i = 0; !path && im->options->joined && im->options->joined[i]; i++)
		if (cg_bytes_has_part(cg_bytes_of(im->options->joined[i]), ',', cg_bytes_of(name))) {
			cg_text_adds(&t, im->options->joined[i]);
			path = name;
		}
	if (!path)
		cg_text_adds(&t, name);
	list = t.failed ? NULL : cg_arena_string(&im->tree->arena, t.data ? t.data : "");
	if (!list)
		(void)cg_error_oom(err);
	return list;
}

static uint32_t find_hierarchy(
	const struct cg_tree *t, int version, const char *controllers, const char *name)
{
	for (uint16_t i = 0; i < t->hierarchies; i++) {
		const struct cg_hierarchy *h = &t->hierarchy[i];

		if (h->version != version || !h->name != !name)
			continue;
		if (version == 2 ||
			(name ? strcmp(h->name, name) == 0 : strcmp(h->controllers, controllers) == 0))
			return i;
	}
	return CG_NONE;
}

static int add_to_list(struct cg_cgconfig_importer *im, struct cg_hierarchy *h, const char *name)
{
	_cleanup_text_ struct cg_text t = {0};

	if (cg_bytes_has_part(cg_bytes_of(h->controllers), ',', cg_bytes_of(name)) ||
		strcmp(name, CG_CGCONFIG_CORE) == 0)
		return 0;
	cg_text_adds(&t, h->controllers);
	cg_text_adds(&t, t.len ? "," : "");
	cg_text_adds(&t, name);
	h->controllers = t.failed ? NULL : cg_arena_string(&im->tree->arena, t.data);
	return h->controllers ? 0 : -ENOMEM;
}

/* The version of a controller that does not tell it by itself. */
static int assumed_version(const struct cg_cgconfig_importer *im)
{
	bool told[3] = {false};

	for (size_t i = 0; i < im->kinds; i++)
		told[im->kind[i].version] = true;
	if (!im->options->follow || told[1] == told[2])
		return im->options->version;
	return told[1] ? 1 : 2;
}

static int place_kind(
	struct cg_cgconfig_importer *im, struct cg_cgconfig_kind *kind, int assumed, struct cg_error **err)
{
	const char *name = strncmp(kind->name, "name=", 5) == 0 ? kind->name + 5 : NULL, *controllers = "";
	struct cg_hierarchy *h;

	if (!kind->version)
		kind->version = assumed;
	if (name && !*name)
		return cg_cgconfig_wrong(im, kind->line, err, "the hierarchy has an empty name");
	if (kind->version == 1 && !name) {
		controllers = mounted_with(im, kind->name, err);
		if (!controllers)
			return -ENOMEM;
	}
	kind->hierarchy = find_hierarchy(im->tree, kind->version, controllers, name);
	if (kind->hierarchy == CG_NONE) {
		kind->hierarchy = cg_tree_add_hierarchy(im->tree);
		if (kind->hierarchy == CG_NONE)
			return cg_error_oom(err);
		h = &im->tree->hierarchy[kind->hierarchy];
		h->version = (uint8_t)kind->version;
		h->controllers = controllers;
		h->name = name ? cg_arena_string(&im->tree->arena, name) : NULL;
		h->mount_options = h->mount_point = "";
		h->mount_root = "/";
		h->first_top = CG_NONE;
		if (name && !h->name)
			return cg_error_oom(err);
	}
	h = &im->tree->hierarchy[kind->hierarchy];
	return kind->version == 2 && add_to_list(im, h, kind->name) < 0 ? cg_error_oom(err) : 0;
}

/* The path of a group as it is taken: that of its name, or what a template was asked for. NULL: not taken. */
static int path_of(struct cg_cgconfig_importer *im, const struct cg_cgconfig_group *g, const char **ret,
	struct cg_error **err)
{
	const struct cg_cgconfig_options *o = im->options;
	_cleanup_text_ struct cg_text t = {0};
	const char *name = g->template ? NULL : g->name;
	struct cg_bytes rest, part;
	unsigned depth = 0;

	for (size_t i = 0; g->template && o->from && o->from[i]; i++)
		if (strcmp(o->from[i], g->name) == 0)
			name = o->to[i];
	*ret = NULL;
	if (!name)
		return cg_tree_add_note(im->tree, g->name, NULL,
			       "is a template, whose groups are made for processes as they come; give its group's path "
			       "to take it")
			       ? 0
			       : cg_error_oom(err);
	rest = cg_bytes_of(name);
	if (cg_bytes_is(rest, ".") || cg_bytes_is(rest, "/"))
		return cg_tree_add_note(im->tree, "/", NULL, "the root of a hierarchy is left out")
			       ? 0
			       : cg_error_oom(err);
	while (cg_bytes_split(&rest, '/', &part)) {
		if (part.len == 0)
			continue;
		if (!cg_name_is_valid(part) || ++depth > CG_DEPTH_MAX)
			return cg_cgconfig_wrong(im, g->line, err, "\"%s\" is no path of a group", name);
		cg_text_addc(&t, '/');
		cg_text_add(&t, part.data, part.len);
	}
	if (!depth)
		return cg_cgconfig_wrong(im, g->line, err, "\"%s\" is no path of a group", name);
	*ret = t.failed ? NULL : cg_arena_string(&im->tree->arena, t.data);
	return *ret ? 0 : cg_error_oom(err);
}

/* By path, a group before those below it and those before its later siblings. */
static int compare_nodes(const void *a, const void *b)
{
	const struct cg_cgconfig_node *x = a, *y = b;
	const char *p = x->path, *q = y->path;

	if (x->hierarchy != y->hierarchy)
		return x->hierarchy < y->hierarchy ? -1 : 1;
	while (*p && *p == *q) {
		p++;
		q++;
	}
	if (*p == *q)
		return x->order < y->order ? -1 : x->order > y->order;
	if (!*p || !*q)
		return *p ? 1 : -1;
	if (*p == '/' || *q == '/')
		return *p == '/' ? -1 : 1;
	return (unsigned char)*p < (unsigned char)*q ? -1 : 1;
}

static int add_node(struct cg_cgconfig_importer *im, struct cg_cgconfig_node node, struct cg_error **err)
{
	if (im->nodes == im->node_room) {
		size_t room = im->node_room ? 2 * im->node_room : 64;
		struct cg_cgconfig_node *more = reallocarray(im->node, room, sizeof(*more));

		if (!more)
			return cg_error_oom(err);
		im->node = more;
		im->node_room = room;
	}
	node.order = (uint32_t)im->nodes;
	im->node[im->nodes++] = node;
	return 0;
}

/* A node for a group in a hierarchy, and one for each that is above it. */
static int add_nodes(struct cg_cgconfig_importer *im, const struct cg_cgconfig_group *g,
	const struct cg_cgconfig_controller *c, uint32_t hierarchy, const char *path, struct cg_error **err)
{
	int r = add_node(im,
		(struct cg_cgconfig_node){.hierarchy = hierarchy, .path = path, .group = g, .controller = c},
		err);

	for (const char *slash = strrchr(path, '/'); r == 0 && slash > path;) {
		char *up = cg_arena_copy(&im->tree->arena, path, (size_t)(slash - path));

		if (!up)
			return cg_error_oom(err);
		r = add_node(im, (struct cg_cgconfig_node){.hierarchy = hierarchy, .path = up}, err);
		slash = strrchr(up, '/');
		path = up;
	}
	return r;
}

static int collect(struct cg_cgconfig_importer *im, struct cg_error **err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < im->config->groups; i++) {
		const struct cg_cgconfig_group *g = &im->config->group[i];
		const char *path;

		r = path_of(im, g, &path, err);
		if (r < 0 || !path)
			continue;
		if (!g->controllers && !cg_tree_add_note(im->tree, path, NULL, "is in no hierarchy"))
			return cg_error_oom(err);
		for (size_t k = 0; r == 0 && k < g->controllers; k++)
			r = add_nodes(im, g, &g->controller[k],
				find_kind(im, g->controller[k].name)->hierarchy, path, err);
	}
	if (im->nodes)
		qsort(im->node, im->nodes, sizeof(*im->node), compare_nodes);
	return r;
}

static int find_kinds(struct cg_cgconfig_importer *im, struct cg_error **err)
{
	int r = 0, assumed;

	for (size_t i = 0; r == 0 && i < im->config->groups; i++)
		for (size_t k = 0; r == 0 && k < im->config->group[i].controllers; k++)
			r = see_controller(im, &im->config->group[i].controller[k], err);
	assumed = assumed_version(im);
	for (size_t i = 0; r == 0 && i < im->kinds; i++)
		r = place_kind(im, &im->kind[i], assumed, err);
	return r;
}

static int check_templates(struct cg_cgconfig_importer *im, struct cg_error **err)
{
	for (size_t i = 0; im->options->from && im->options->from[i]; i++) {
		bool found = false;

		for (size_t k = 0; k < im->config->groups; k++)
			found |= im->config->group[k].template &&
				 strcmp(im->config->group[k].name, im->options->from[i]) == 0;
		if (!found)
			return cg_error_usage(err, "there is no template \"%s\"", im->options->from[i]);
	}
	return 0;
}

static void set_inventory(struct cg_cgconfig_importer *im)
{
	bool v1 = false, v2 = false;

	for (uint16_t i = 0; i < im->tree->hierarchies; i++) {
		v1 |= im->tree->hierarchy[i].version == 1;
		v2 |= im->tree->hierarchy[i].version == 2;
	}
	im->tree->inventory = (struct cg_inventory){.tool = "cgconfig",
		.host = "",
		.kernel = "",
		.boot_id = "",
		.layout = v1 && v2 ? "hybrid"
			  : v2     ? "v2"
			  : v1     ? "v1"
				   : "",
		.page_size = im->options->page_size};
}

static int import(struct cg_cgconfig_importer *im, struct cg_error **err)
{
	int r = check_templates(im, err);

	r = r < 0 ? r : check_mounts(im, err);
	r = r < 0 ? r : find_kinds(im, err);
	r = r < 0 ? r : collect(im, err);
	if (r == 0 && im->config->foreign &&
		!cg_tree_add_note(im->tree, NULL, NULL,
			"line %u: sections about namespaces and systemd say nothing of groups; they are left out",
			im->config->foreign))
		return cg_error_oom(err);
	for (size_t i = 0, n; r == 0 && i < im->nodes; i += n) {
		for (n = 1; i + n < im->nodes && im->node[i + n].hierarchy == im->node[i].hierarchy;)
			n++;
		r = cg_cgconfig_import_hierarchy(im, &im->node[i], n, err);
	}
	set_inventory(im);
	r = r < 0 ? r : cg_tree_link(im->tree, err);
	return r < 0 ? r : cg_image_check(im->tree, err);
}

int cg_cgconfig_import(const struct cg_cgconfig *config, const struct cg_cgconfig_options *options,
	struct cg_tree **ret, struct cg_error **err)
{
	struct cg_cgconfig_importer im = {.config = config, .options = options, .tree = cg_tree_new()};
	int r;

	if (!im.tree)
		return cg_error_oom(err);
	r = import(&im, err);
	free(im.node);
	if (r == 0)
		*ret = im.tree;
	else
		cg_tree_free(im.tree);
	return r;
}
