/* The public interface: errors, versions, and structures that may grow. */
#include <errno.h>
#include <string.h>

#include "api/api_private.h"

static const struct cg_error *inner(const cgtree_error *err)
{
	return (const struct cg_error *)err;
}

const char *cgtree_version(void)
{
	return CGTREE_VERSION;
}

void cgtree_format(unsigned *ret_major, unsigned *ret_minor)
{
	*ret_major = CG_IMAGE_MAJOR;
	*ret_minor = CG_IMAGE_MINOR;
}

int cgtree_error_code(const cgtree_error *err)
{
	return inner(err)->code;
}

enum cgtree_fault cgtree_error_fault(const cgtree_error *err)
{
	static const enum cgtree_fault faults[] = {
		[CG_FAULT_SYSTEM] = CGTREE_FAULT_SYSTEM,
		[CG_FAULT_USAGE] = CGTREE_FAULT_USAGE,
		[CG_FAULT_CORRUPT] = CGTREE_FAULT_CORRUPT,
		[CG_FAULT_UNSUPPORTED] = CGTREE_FAULT_UNSUPPORTED,
		[CG_FAULT_PARTIAL] = CGTREE_FAULT_PARTIAL,
	};

	return faults[inner(err)->fault];
}

const char *cgtree_error_message(const cgtree_error *err)
{
	return inner(err)->message;
}

const char *cgtree_error_path(const cgtree_error *err)
{
	return inner(err)->path;
}

const char *cgtree_error_knob(const cgtree_error *err)
{
	return inner(err)->knob;
}

const char *cgtree_error_hint(const cgtree_error *err)
{
	return inner(err)->hint;
}

void cgtree_error_free(cgtree_error *err)
{
	(void)cg_error_free((struct cg_error *)err);
}

static size_t size_of(const void *structure)
{
	size_t size;

	memcpy(&size, structure, sizeof(size));
	return size;
}

int api_take_options(void *ours, size_t our_size, const void *theirs, struct cg_error **err)
{
	size_t their_size = theirs ? size_of(theirs) : 0;
	const char *bytes = theirs;

	memset(ours, 0, our_size);
	if (!theirs)
		return 0;
	if (their_size < sizeof(size_t))
		return cg_error_usage(err, "the options' size is not set");
	for (size_t i = our_size; i < their_size; i++)
		if (bytes[i])
			return cg_error_make(err, CG_FAULT_USAGE, E2BIG,
				"the options hold something that this version of the library does not know");
	memcpy(ours, theirs, their_size < our_size ? their_size : our_size);
	return 0;
}

int api_give(void *theirs, const void *ours, size_t our_size)
{
	size_t their_size = size_of(theirs);

	if (their_size < sizeof(size_t))
		return -EINVAL;
	memset((char *)theirs + sizeof(size_t), 0, their_size - sizeof(size_t));
	if (our_size > their_size)
		our_size = their_size;
	memcpy((char *)theirs + sizeof(size_t), (const char *)ours + sizeof(size_t),
		our_size - sizeof(size_t));
	return 0;
}
