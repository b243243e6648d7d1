/* The rows of usage.h. Sources: Documentation/admin-guide/cgroup-v2.rst; of v1 cpuacct.rst, memory.rst,
 * blkio-controller.rst and pids.rst. */
#include "model/usage.h"

#include <errno.h>

#include "base/attributes.h"
#include "model/knob.h"

const struct cg_use_row cg_use_rows[] = {
	{CG_USE_CPU, 2, "cpu.stat", "", CG_USE_KEY, {"usage_usec"}, 0},
	{CG_USE_CPU, 1, "cpuacct.usage", "cpuacct", CG_USE_NUMBER, {NULL}, 1000},
	{CG_USE_MEMORY, 2, "memory.current", "memory", CG_USE_NUMBER, {NULL}, 0},
	{CG_USE_MEMORY, 1, "memory.usage_in_bytes", "memory", CG_USE_NUMBER, {NULL}, 0},
	{CG_USE_SWAP, 2, "memory.swap.current", "memory", CG_USE_NUMBER, {NULL}, 0},
	{CG_USE_IO, 2, "io.stat", "io", CG_USE_NESTED, {"rbytes", "wbytes"}, 0},
	{CG_USE_IO, 1, "blkio.throttle.io_service_bytes", "blkio", CG_USE_DEVICE, {"Read", "Write"}, 0},
	{CG_USE_TASKS, 2, "pids.current", "pids", CG_USE_NUMBER, {NULL}, 0},
	{CG_USE_TASKS, 1, "pids.current", "pids", CG_USE_NUMBER, {NULL}, 0},
	{CG_USE_OOM, 2, "memory.events", "memory", CG_USE_KEY, {"oom_kill"}, 0},
	{CG_USE_OOM, 1, "memory.oom_control", "memory", CG_USE_KEY, {"oom_kill"}, 0},
};
const struct cg_use_row cg_use_cache_row = {
	CG_USE_MEMORY, 2, "memory.stat", "memory", CG_USE_KEY, {"active_file", "inactive_file"}, 0};
const size_t cg_use_row_count = CG_ARRAY_SIZE(cg_use_rows);

const char *cg_use_name(enum cg_use use)
{
	static const char *const names[CG_USES] = {"cpu", "memory", "swap", "io", "tasks", "oom"};

	return names[use];
}

static bool is_key(const struct cg_use_row *row, struct cg_bytes word)
{
	for (size_t i = 0; i < CG_ARRAY_SIZE(row->key); i++)
		if (row->key[i] && cg_bytes_is(word, row->key[i]))
			return true;
	return false;
}

static int add(struct cg_bytes number, uint64_t *sum)
{
	uint64_t n;
	int r = cg_parse_u64(cg_bytes_trim(number), &n);

	if (r < 0)
		return r;
	return __builtin_add_overflow(*sum, n, sum) ? -ERANGE : 1;
}

/* 1 when the line holds what is looked for. */
static int add_line(const struct cg_use_row *row, struct cg_bytes line, uint64_t *sum)
{
	struct cg_bytes word, key;
	int r, found = 0;

	if (!cg_bytes_word(&line, &word))
		return 0;
	if (row->form == CG_USE_KEY)
		return is_key(row, word) ? add(line, sum) : 0;
	if (row->form == CG_USE_DEVICE) {
		if (!cg_bytes_word(&line, &key) || !is_key(row, key))
			return 0;
		return add(line, sum);
	}
	while (cg_bytes_word(&line, &word)) {
		if (!cg_bytes_split(&word, '=', &key) || !is_key(row, key))
			continue;
		r = add(word, sum);
		if (r < 0)
			return r;
		found = 1;
	}
	return found;
}

int cg_use_parse(const struct cg_use_row *row, struct cg_bytes text, uint64_t *ret)
{
	bool found = row->form == CG_USE_NESTED || row->form == CG_USE_DEVICE;
	struct cg_bytes line;
	uint64_t sum = 0;
	int r;

	if (row->form == CG_USE_NUMBER) {
		r = add(text, &sum);
		found = r > 0;
	} else {
		while (cg_bytes_split(&text, '\n', &line)) {
			r = add_line(row, line, &sum);
			if (r < 0)
				return r;
			found |= r > 0;
		}
		r = 0;
	}
	if (r < 0)
		return r;
	if (!found)
		return -ENODATA;
	*ret = sum / (row->divisor ? row->divisor : 1);
	return 0;
}

const char *cg_known_limit_name(enum cg_known_limit limit)
{
	switch (limit) {
	case CG_LIMIT_MEMORY_MAX:
		return "memory.max";
	case CG_LIMIT_MEMORY_HIGH:
		return "memory.high";
	case CG_LIMIT_OOM_GROUP:
		return "memory.oom.group";
	case CG_LIMIT_CPU_WEIGHT:
		return "cpu.weight";
	case CG_LIMIT_SWAP_MAX:
		return "memory.swap.max";
	case CG_LIMIT_PIDS_MAX:
		return "pids.max";
	case CG_LIMIT_CPU_MAX:
		return "cpu.max";
	case CG_LIMIT_DEPTH:
		return "cgroup.max.depth";
	}
	return "";
}

bool cg_limit_of_option(const char *option, struct cg_text *t)
{
	size_t start = t->len;
	const struct cg_knob *knob;

	for (const char *c = option; *c; c++)
		cg_text_addc(t, *c == '-' ? '.' : *c);
	if (t->failed)
		return false;
	knob = cg_knob_find(t->data + start, 2);
	return knob && knob->kind == CG_KNOB_SETTING;
}
