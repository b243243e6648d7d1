/* What OCI runtimes say, out of any bytes: as a state, as a configuration, and as the path in one. A path
 * that is taken is one that names groups. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fdio.h"
#include "image/oci.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_path(const char *cgroups_path, const char *id)
{
	_cleanup_text_ struct cg_text t = {0};
	_cleanup_error_ struct cg_error *err = NULL;
	struct cg_bytes rest, part;
	bool whole;

	if (cg_oci_group_path(cgroups_path, id, &t, &whole, &err) < 0) {
		if (!err || t.len)
			abort();
		return;
	}
	if (t.len < 2 || t.data[0] != '/')
		abort();
	rest = (struct cg_bytes){t.data + 1, t.len - 1};
	while (cg_bytes_split(&rest, '/', &part))
		if (!cg_name_is_valid(part))
			abort();
	if (cg_oci_own_length(t.data, t.data) != t.len || cg_oci_own_length("/", t.data) != 0)
		abort();
}

static void try_state(struct cg_bytes json)
{
	_cleanup_oci_state_ struct cg_oci_state s = {0};
	_cleanup_error_ struct cg_error *err = NULL;

	if (cg_oci_state_parse(json, &s, &err) < 0) {
		if (!err || s.id)
			abort();
		return;
	}
	if (strchr(s.id, '/') || s.bundle[0] != '/' || s.pid < 0 || (s.image && s.image[0] != '/'))
		abort();
	try_path("", s.id);
	try_path(s.bundle, s.id);
}

static void try_config(struct cg_bytes json)
{
	_cleanup_oci_config_ struct cg_oci_config c = {0};
	_cleanup_error_ struct cg_error *err = NULL;

	if (cg_oci_config_parse(json, &c, &err) < 0) {
		if (!err || c.cgroups_path)
			abort();
		return;
	}
	try_path(c.cgroups_path, "id");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cg_bytes json = {(const char *)data, size};
	char *path = malloc(size + 1);

	if (!path)
		return 0;
	try_state(json);
	try_config(json);
	memcpy(path, data, size);
	path[size] = '\0';
	try_path(path, "id");
	free(path);
	return 0;
}
