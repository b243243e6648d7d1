/* Any bytes as what a shim is told, or as what it leaves: taken or refused. The first byte says which. */
#include <stdint.h>
#include <stdlib.h>

#include "shim/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void spec(struct cg_bytes b)
{
	_cleanup_shim_spec_ struct shim_spec s = {0};
	uint32_t n = 0;

	if (shim_spec_parse(b, &s) < 0)
		return;
	while (s.argv[n])
		n++;
	if (n != s.argc || !n || !s.id || !s.cwd || s.v1_groups > SHIM_V1_MOST)
		abort();
}

static void end(struct cg_bytes b)
{
	_cleanup_text_ struct cg_text t = {0};
	struct shim_end e = {0}, again = {0};

	if (shim_end_parse(b, &e) < 0)
		return;
	shim_end_write(&t, &e);
	if (shim_end_parse((struct cg_bytes){t.data, t.len}, &again) < 0 || again.kind != e.kind ||
		again.code != e.code)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] == 's')
		spec((struct cg_bytes){(const char *)data + 1, size - 1});
	else
		end((struct cg_bytes){(const char *)data + 1, size - 1});
	return 0;
}
