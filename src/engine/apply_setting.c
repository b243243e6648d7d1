/* A setting is read from one file and written by one or several single writes, maybe to other files: the
 * catalogue tells which, this does it. One open serves write and read-back where both are the same file. */
#include "engine/apply_setting.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "kernel/cgroupfs.h"
#include "model/value.h"

#define STORE_TRIES 10 /* 1 ms, doubling: about a second in all */

/* The name of a sibling file with the huge page size of ours; NULL when memory is out. */
static const char *sibling(const struct cg_setting_io *io, const char *name, struct cg_text *t)
{
	cg_text_reset(t);
	cg_knob_sibling(t, name, io->file);
	return t->failed ? NULL : t->data;
}

int cg_setting_read(const struct cg_setting_io *io, struct cg_buffer *b)
{
	_cleanup_text_ struct cg_text t = {0};
	const char *file = io->file;

	if (io->knob && io->knob->read_name)
		file = sibling(io, io->knob->read_name, &t);
	return file ? cg_read_at(io->group, file, true, b) : -ENOMEM;
}

struct emission {
	const struct cg_setting_io *io;
	bool has_back; /* io->back holds what stands after the last write */
};

static int emit(void *context, const char *file, struct cg_bytes value)
{
	struct emission *e = context;
	const struct cg_setting_io *io = e->io;
	bool same = strcmp(file, io->file) == 0 && !(io->knob && io->knob->read_name);
	int r;

	cg_text_reset(io->sent);
	cg_text_add(io->sent, value.data, value.len);
	cg_text_reset(io->sent_to);
	cg_text_adds(io->sent_to, file);
	if (io->sent->failed || io->sent_to->failed)
		return -ENOMEM;
	r = cg_cgroup_write(io->group, file, value, same ? io->back : NULL);
	/* A file that only takes writes gives nothing back; neither does an error. */
	e->has_back = r == 0 && same && io->back->len > 0;
	return r;
}

/* The kernel offers no event for "try again". */
static void back_off(int attempt)
{
	struct timespec t = {.tv_nsec = 1000000L << attempt};

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR)
		;
}

int cg_setting_store(const struct cg_setting_io *io, struct cg_bytes from, struct cg_bytes to)
{
	struct emission e = {.io = io};
	bool retry = io->knob && (io->knob->flags & CG_KNOB_RETRY);
	struct cg_bytes old = from.data ? cg_value_setting(io->knob, from) : from;
	struct cg_bytes new = cg_value_written(io->knob, cg_value_setting(io->knob, to));
	int r;

	cg_text_reset(io->sent);
	cg_text_reset(io->sent_to);
	for (int i = 0;; i++) {
		r = cg_value_writes(io->knob, io->file, old, new, emit, &e);
		if (!retry || (r != -EBUSY && r != -EAGAIN) || i + 1 >= STORE_TRIES)
			break;
		back_off(i);
	}
	if (r < 0)
		return r;
	return e.has_back ? 0 : cg_setting_read(io, io->back);
}

bool cg_setting_agrees(const struct cg_setting_io *io, struct cg_bytes says, struct cg_bytes wanted)
{
	uint64_t unit = io->knob ? cg_knob_unit(io->knob, io->file, io->page_size) : 1;
	struct cg_bytes is = cg_value_setting(io->knob, says), shall = cg_value_setting(io->knob, wanted);

	return cg_value_same(io->knob, is, shall, unit) ||
	       cg_value_same(io->knob, is, cg_value_written(io->knob, shall), unit);
}
