/* Naming a subtree: HIERARCHY:PATH as people write it, and which hierarchy such a name means. Pure. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fdio.h"
#include "kernel/hierarchy.h"

/* A hierarchy's name in a target: controllers with commas, "name=x", "v2" or nothing. cgroup_mount of v1
 * takes only these characters for a name. */
static bool is_hierarchy_name(struct cg_bytes b)
{
	for (size_t i = 0; i < b.len; i++) {
		char c = b.data[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
			!strchr("_.,-=", c))
			return false;
	}
	return !memchr(b.data, '\0', b.len);
}

/* The path, normalised, into *out. */
static int normalise(
	const char *text, struct cg_bytes path, bool root, struct cg_text *out, struct cg_error **err)
{
	struct cg_bytes part;
	size_t depth = 0;

	if (path.len == 0)
		return cg_error_usage(err, "\"%s\" names no path: write an absolute one such as /job", text);
	if (path.data[0] != '/') {
		int r = cg_error_usage(err, "\"%s\": the path must begin with /", text);

		cg_error_hint(err, "did you mean %.*s/%.*s?", (int)(path.data - text), text, (int)path.len,
			path.data);
		return r;
	}
	while (cg_bytes_split(&path, '/', &part)) {
		if (part.len == 0)
			continue;
		if (part.len > 255)
			return cg_error_usage(err,
				"\"%.64s...\": a name of %zu bytes; a group's has at most 255", text,
				part.len);
		if (!cg_name_is_valid(part))
			return cg_error_usage(err,
				"\"%s\": \".\", \"..\" and newlines cannot stand in a group's path", text);
		if (++depth > CG_TARGET_DEPTH_MAX)
			return cg_error_usage(
				err, "\"%.64s...\": more than %d levels", text, CG_TARGET_DEPTH_MAX);
		cg_text_addc(out, '/');
		cg_text_add(out, part.data, part.len);
	}
	if (depth == 0 && !root)
		return cg_error_usage(
			err, "\"%s\" is the root of the hierarchy: name a group below it", text);
	if (depth == 0)
		cg_text_addc(out, '/');
	return 0;
}

static int parse(const char *text, bool root, struct cg_target *ret, struct cg_error **err)
{
	_cleanup_target_ struct cg_target t = {0};
	_cleanup_text_ struct cg_text path = {0};
	struct cg_bytes rest = cg_bytes_of(text);
	const char *colon = strchr(text, ':');
	int r;

	/* "/a:b" is a path with a colon in it. */
	if (text[0] != '/' && colon) {
		struct cg_bytes name = {text, (size_t)(colon - text)};

		if (!is_hierarchy_name(name))
			return cg_error_usage(
				err, "\"%s\": what stands before the colon names no hierarchy", text);
		t.hierarchy = cg_bytes_is(name, "v2") ? strdup("") : strndup(name.data, name.len);
		if (!t.hierarchy)
			return cg_error_oom(err);
		rest = cg_bytes_of(colon + 1);
	}
	r = normalise(text, rest, root, &path, err);
	if (r < 0)
		return r;
	if (cg_text_take(&path, &t.path) < 0)
		return cg_error_oom(err);
	*ret = t;
	t = (struct cg_target){0};
	return 0;
}

int cg_target_parse(const char *text, struct cg_target *ret, struct cg_error **err)
{
	return parse(text, false, ret, err);
}

int cg_target_parse_to_read(const char *text, struct cg_target *ret, struct cg_error **err)
{
	return parse(text, true, ret, err);
}

int cg_target_check(const struct cg_target *t, const struct cg_live *live, struct cg_error **err)
{
	int r;

	for (size_t i = 0; i < live->count; i++)
		if (cg_live_matches(&live->item[i], t->hierarchy))
			return 0;
	r = cg_error_make(err, CG_FAULT_USAGE, ENOENT, "there is no hierarchy \"%s\" here",
		t->hierarchy ? t->hierarchy : "");
	if (t->hierarchy && strchr(t->hierarchy, ','))
		cg_error_hint(err,
			"controllers that stand before a path are mounted together: leave them away for all hierarchies "
			"(cgtree create has --controllers)");
	else
		cg_error_hint(err, "the path alone means every hierarchy that has it, v2:PATH the one of v2");
	return r;
}

void cg_target_free(struct cg_target *t)
{
	free(t->hierarchy);
	free(t->path);
	*t = (struct cg_target){0};
}

bool cg_live_matches(const struct cg_live_hierarchy *h, const char *hierarchy)
{
	struct cg_bytes rest, c;

	if (!hierarchy)
		return true;
	if (hierarchy[0] == '\0' || strcmp(hierarchy, "v2") == 0)
		return h->version == 2;
	if (h->version == 2)
		return false;
	if (strncmp(hierarchy, "name=", 5) == 0)
		return h->name && strcmp(h->name, hierarchy + 5) == 0;
	rest = cg_bytes_of(hierarchy);
	while (cg_bytes_split(&rest, ',', &c))
		if (!cg_bytes_has_part(cg_bytes_of(h->controllers), ',', c))
			return false;
	return true;
}

void cg_live_label(const struct cg_live_hierarchy *h, struct cg_text *t)
{
	if (h->version == 2)
		cg_text_adds(t, "v2");
	else if (h->controllers[0] || !h->name)
		cg_text_adds(t, h->controllers);
	else
		cg_text_printf(t, "name=%s", h->name);
}
