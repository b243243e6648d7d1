/* What OCI runtimes say about a container. See oci.h. */
#include "image/oci.h"

#include <errno.h>
#include <string.h>

#include "base/fdio.h"
#include "image/json_read.h"
#include "model/tree.h"

#define PID_MAX 4194304 /* PID_MAX_LIMIT of the kernel */

void cg_oci_state_free(struct cg_oci_state *s)
{
	cg_arena_free(&s->arena);
	*s = (struct cg_oci_state){0};
}

void cg_oci_config_free(struct cg_oci_config *c)
{
	cg_arena_free(&c->arena);
	*c = (struct cg_oci_config){0};
}

/* A document; the caller releases *ret. */
static int load(struct cg_bytes json, size_t max, const char *what, json_t **ret, struct cg_error **err)
{
	json_error_t trouble;

	if (json.len > max)
		return cg_error_corrupt(err, "%s of %zu bytes: at most %zu are taken", what, json.len, max);
	*ret = json_loadb(json.len ? json.data : "", json.len, JSON_REJECT_DUPLICATES, &trouble);
	if (!*ret)
		return cg_error_corrupt(err, "%s is no JSON: line %d, column %d: %s", what, trouble.line,
			trouble.column, trouble.text);
	if (json_is_object(*ret))
		return 0;
	json_decref(*ret);
	return cg_error_corrupt(err, "%s is no JSON object", what);
}

/* A member that need not be there: *ret is left alone then. */
static int get_optional(const struct cg_json_at *at, const char *key, struct cg_arena *a, const char **ret,
	struct cg_error **err)
{
	return cg_json_has(at, key) ? cg_json_get_text(at, key, a, ret, err) : 0;
}

static bool has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

static int check_path(const struct cg_json_at *at, const char *what, const char *path, struct cg_error **err)
{
	if (path[0] == '/' && !has_control(path))
		return 0;
	return cg_json_bad(at, err, "%s is no absolute path", what);
}

/* Fields of the specification's state; a pid of 0 or none says that no process exists. */
static int read_state(const struct cg_json_at *at, struct cg_oci_state *s, struct cg_error **err)
{
	struct cg_json_at annotations;
	uint64_t pid = 0;
	int r = cg_json_get_text(at, "id", &s->arena, &s->id, err);

	if (r < 0)
		return r;
	if (!cg_name_is_valid(cg_bytes_of(s->id)) || has_control(s->id))
		return cg_json_bad(at, err, "id is no name of a container");
	if (cg_json_has(at, "pid")) {
		r = cg_json_get_number(at, "pid", PID_MAX, &pid, err);
		if (r < 0)
			return r;
	}
	s->pid = (int)pid;
	r = cg_json_get_text(at, "bundle", &s->arena, &s->bundle, err);
	r = r < 0 ? r : check_path(at, "bundle", s->bundle, err);
	if (r < 0 || !cg_json_has(at, "annotations"))
		return r;
	r = cg_json_member(at, "annotations", &annotations, err);
	if (r < 0 || json_is_null(annotations.value))
		return r;
	if (!json_is_object(annotations.value))
		return cg_json_bad(&annotations, err, "an object is expected");
	r = get_optional(&annotations, CG_OCI_IMAGE_ANNOTATION, &s->arena, &s->image, err);
	return r == 0 && s->image ? check_path(&annotations, CG_OCI_IMAGE_ANNOTATION, s->image, err) : r;
}

int cg_oci_state_parse(struct cg_bytes json, struct cg_oci_state *ret, struct cg_error **err)
{
	_cleanup_oci_state_ struct cg_oci_state s = {0};
	struct cg_json_at at = {0};
	json_t *document;
	int r = load(json, CG_OCI_STATE_MAX, "the container's state", &document, err);

	if (r < 0)
		return r;
	at.value = document;
	r = read_state(&at, &s, err);
	json_decref(document);
	cg_error_wrap(err, "the container's state");
	if (r == 0) {
		*ret = s;
		s = (struct cg_oci_state){0};
	}
	return r;
}

static int read_config(const struct cg_json_at *at, struct cg_oci_config *c, struct cg_error **err)
{
	struct cg_json_at linux_part;
	int r;

	c->cgroups_path = "";
	if (!cg_json_has(at, "linux"))
		return 0;
	r = cg_json_member(at, "linux", &linux_part, err);
	if (r < 0 || json_is_null(linux_part.value))
		return r;
	if (!json_is_object(linux_part.value))
		return cg_json_bad(&linux_part, err, "an object is expected");
	r = get_optional(&linux_part, "cgroupsPath", &c->arena, &c->cgroups_path, err);
	if (r == 0 && has_control(c->cgroups_path))
		return cg_json_bad(&linux_part, err, "cgroupsPath holds a control byte");
	return r;
}

int cg_oci_config_parse(struct cg_bytes json, struct cg_oci_config *ret, struct cg_error **err)
{
	_cleanup_oci_config_ struct cg_oci_config c = {0};
	struct cg_json_at at = {0};
	json_t *document;
	int r = load(json, CG_OCI_CONFIG_MAX, "the container's configuration", &document, err);

	if (r < 0)
		return r;
	at.value = document;
	r = read_config(&at, &c, err);
	json_decref(document);
	cg_error_wrap(err, "the container's configuration");
	if (r == 0) {
		*ret = c;
		c = (struct cg_oci_config){0};
	}
	return r;
}

/* Appends each component of a path, checked. */
static int add_components(struct cg_text *t, const char *whole, struct cg_bytes path, struct cg_error **err)
{
	struct cg_bytes part;
	unsigned depth = 0;

	while (cg_bytes_split(&path, '/', &part)) {
		if (part.len == 0)
			continue;
		if (!cg_name_is_valid(part) || ++depth > CG_DEPTH_MAX)
			return cg_error_usage(err, "cgroupsPath \"%s\" is no path of a group", whole);
		cg_text_addc(t, '/');
		cg_text_add(t, part.data, part.len);
	}
	return 0;
}

/* "a-b.slice": each dash is a level, so that /a.slice lies above. "-.slice" is the root. */
static int add_slice(struct cg_text *t, const char *whole, struct cg_bytes slice, struct cg_error **err)
{
	const size_t ending = sizeof(".slice") - 1;
	struct cg_bytes stem = slice;

	if (cg_bytes_is(slice, "-.slice"))
		return 0;
	if (!cg_name_is_valid(slice) || slice.len <= ending ||
		memcmp(slice.data + slice.len - ending, ".slice", ending) != 0)
		return cg_error_usage(err, "cgroupsPath \"%s\" names no slice", whole);
	stem.len -= ending;
	for (size_t i = 0; i <= stem.len; i++) {
		if (i < stem.len && stem.data[i] != '-')
			continue;
		if (i == 0 || stem.data[i - 1] == '-')
			return cg_error_usage(err, "cgroupsPath \"%s\" names no slice", whole);
		cg_text_addc(t, '/');
		cg_text_add(t, stem.data, i);
		cg_text_adds(t, ".slice");
	}
	return 0;
}

static bool is_slice(struct cg_bytes name)
{
	static const char ending[] = ".slice";

	return name.len > strlen(ending) &&
	       memcmp(name.data + name.len - strlen(ending), ending, strlen(ending)) == 0;
}

/* "SLICE:PREFIX:NAME", where an empty slice is system.slice. */
static bool split_unit(
	const char *path, struct cg_bytes *slice, struct cg_bytes *prefix, struct cg_bytes *name)
{
	const char *first = strchr(path, ':'), *second = first ? strchr(first + 1, ':') : NULL;

	if (path[0] == '/' || !second || strchr(second + 1, ':'))
		return false;
	*slice = (struct cg_bytes){path, (size_t)(first - path)};
	*prefix = (struct cg_bytes){first + 1, (size_t)(second - first - 1)};
	*name = cg_bytes_of(second + 1);
	return !slice->len || is_slice(*slice);
}

static int add_unit(struct cg_text *t, const char *whole, struct cg_bytes slice, struct cg_bytes prefix,
	struct cg_bytes name, struct cg_error **err)
{
	int r = add_slice(t, whole, slice.len ? slice : CG_BYTES("system.slice"), err);
	size_t start;

	cg_text_addc(t, '/');
	start = t->len;
	if (!is_slice(name)) {
		cg_text_add(t, prefix.data, prefix.len);
		cg_text_addc(t, '-');
	}
	cg_text_add(t, name.data, name.len);
	if (!is_slice(name))
		cg_text_adds(t, ".scope");
	if (r < 0 || t->failed)
		return r < 0 ? r : cg_error_oom(err);
	if (!name.len || !cg_name_is_valid((struct cg_bytes){t->data + start, t->len - start}))
		return cg_error_usage(err, "cgroupsPath \"%s\" names no unit", whole);
	return 0;
}

int cg_oci_group_path(
	const char *cgroups_path, const char *id, struct cg_text *t, bool *ret_whole, struct cg_error **err)
{
	_cleanup_text_ struct cg_text path = {0};
	struct cg_bytes slice, prefix, name;
	bool unit = split_unit(cgroups_path, &slice, &prefix, &name);
	int r;

	if (unit)
		r = add_unit(&path, cgroups_path, slice, prefix, name, err);
	else
		r = add_components(
			&path, cgroups_path, cg_bytes_of(cgroups_path[0] ? cgroups_path : id), err);
	if (r < 0)
		return r;
	if (path.failed)
		return cg_error_oom(err);
	if (!path.len)
		return cg_error_usage(
			err, "cgroupsPath \"%s\" is the root, which is never a container's", cgroups_path);
	cg_text_add(t, path.data, path.len);
	*ret_whole = unit || cgroups_path[0] == '/';
	return t->failed ? cg_error_oom(err) : 0;
}

size_t cg_oci_own_length(const char *path, const char *group)
{
	size_t len = strlen(group);

	for (const char *at = strstr(path, group); at; at = strstr(at + 1, group))
		if (at[len] == '\0' || at[len] == '/')
			return (size_t)(at - path) + len;
	return 0;
}
