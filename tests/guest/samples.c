/* Sample values by grammar. A few files take less than their grammar tells; those stand in a table of their
 * own. */
#include "samples.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "model/value.h"

/* Two values each, for the current one may be the first; two seeds may give the same. */
static const struct {
	const char *name;
	const char *value[2];
} narrow[] = {
	/* The levels that the kernel takes depend on the machine. */
	{"cpuset.sched_relax_domain_level", {"0", "1"}},
	/* Its time comes out of the parent's budget, which is 950 ms a second at most. */
	{"cpu.rt_runtime_us", {"1000", "2000"}},
	/* Isolation depends on the kernel's version. */
	{"cpuset.cpus.partition", {"root", "member"}},
};

/* The first block device that is no partition and has a size. */
static int find_device(const char *name, unsigned char type, void *context)
{
	struct sample_host *host = context;
	_cleanup_buffer_ struct cg_buffer b = {0}, size = {0};
	_cleanup_text_ struct cg_text path = {0};
	struct cg_bytes number;

	(void)type;
	cg_text_printf(&path, "/sys/block/%s/size", name);
	if (path.failed || cg_read_path_at(AT_FDCWD, path.data, &size) < 0 ||
		cg_bytes_is(cg_bytes_trim((struct cg_bytes){size.data, size.len}), "0"))
		return 0;
	cg_text_reset(&path);
	cg_text_printf(&path, "/sys/block/%s/dev", name);
	if (path.failed || cg_read_path_at(AT_FDCWD, path.data, &b) < 0)
		return 0;
	number = cg_bytes_trim((struct cg_bytes){b.data, b.len});
	if (number.len == 0 || number.len >= sizeof(host->device))
		return 0;
	memcpy(host->device, number.data, number.len);
	host->device[number.len] = '\0';
	return 1;
}

int sample_host_read(struct sample_host *ret)
{
	struct sample_host host = {.page_size = (uint64_t)sysconf(_SC_PAGESIZE)};
	_cleanup_close_ int fd = open("/sys/block", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno != ENOENT)
		return -errno;
	if (fd >= 0) {
		int r = cg_dir_each(fd, find_device, &host);

		if (r < 0)
			return r;
	}
	*ret = host;
	return 0;
}

/* A number within the row's range, not too large to be of use. */
static int64_t number_for(const struct cg_knob *knob, unsigned seed)
{
	const int64_t low = knob->min < 1 && knob->max > 1 ? 1 : knob->min;
	const int64_t span = knob->max - low < 100000 ? knob->max - low : 100000;

	return low + (int64_t)(((uint64_t)seed * 7919 + 13) % ((uint64_t)span + 1));
}

static bool add_word(const struct cg_knob *knob, unsigned seed, struct cg_text *t)
{
	size_t count = 0;

	while (knob->words[count])
		count++;
	cg_text_adds(t, knob->words[seed % count]);
	return true;
}

static bool first_key(const struct cg_knob *knob, struct cg_bytes current, struct cg_bytes *ret)
{
	struct cg_bytes rest = current;

	return knob->key == CG_KEY_OTHER && cg_bytes_word(&rest, ret);
}

static bool add_nested(const struct cg_knob *knob, struct cg_bytes key, unsigned seed, struct cg_text *t)
{
	cg_text_add(t, key.data, key.len);
	for (const char *const *sub = knob->words; *sub; sub++) {
		/* Every other limit stays open. */
		if ((sub - knob->words) % 2 == 0)
			cg_text_printf(t, " %s=%lld", *sub, (long long)number_for(knob, seed) + 4096);
		else
			cg_text_printf(t, " %s=%s", *sub, knob->reset);
	}
	return true;
}

static bool add_entries(const struct cg_knob *knob, const struct sample_host *host, struct cg_bytes current,
	unsigned seed, struct cg_text *t, const char **ret_why)
{
	struct cg_bytes key = cg_bytes_of(host->device);

	if (knob->key == CG_KEY_LINK)
		key = CG_BYTES("lo");
	if (knob->key == CG_KEY_OTHER && !first_key(knob, current, &key)) {
		*ret_why = "this host has no such resource";
		return false;
	}
	if (key.len == 0) {
		*ret_why = "this host has no block device";
		return false;
	}
	if (knob->grammar == CG_GRAMMAR_NESTED)
		return add_nested(knob, key, seed, t);
	cg_text_add(t, key.data, key.len);
	cg_text_printf(t, " %lld", (long long)number_for(knob, seed));
	return true;
}

/* The first controller that is not enabled yet, or none when all are. */
static bool add_controllers(
	const struct sample_host *host, struct cg_bytes current, struct cg_text *t, const char **ret_why)
{
	struct cg_bytes rest = host->controllers, word;

	if (current.len == 0 && cg_bytes_word(&rest, &word)) {
		cg_text_add(t, word.data, word.len);
		return true;
	}
	*ret_why = "the group has no controllers to enable";
	return current.len > 0;
}

static bool add_narrow(const char *name, struct cg_bytes current, unsigned seed, struct cg_text *t)
{
	for (size_t i = 0; i < CG_ARRAY_SIZE(narrow); i++)
		if (strcmp(name, narrow[i].name) == 0) {
			const bool second = cg_bytes_is(current, narrow[i].value[0]);

			cg_text_adds(t, narrow[i].value[second || seed % 2]);
			return true;
		}
	return false;
}

static bool add_by_grammar(const struct cg_knob *knob, const char *name, const struct sample_host *host,
	struct cg_bytes current, unsigned seed, struct cg_text *t, const char **ret_why)
{
	switch (knob->grammar) {
	case CG_GRAMMAR_BOOL:
	case CG_GRAMMAR_FLAG_LINE:
		cg_text_adds(t, cg_bytes_is(current, "1") ? "0" : "1");
		return true;
	case CG_GRAMMAR_NUMBER:
	case CG_GRAMMAR_NUMBER_MAX:
		cg_text_printf(t, "%lld", (long long)number_for(knob, seed));
		return true;
	case CG_GRAMMAR_BYTES:
	case CG_GRAMMAR_BYTES_MAX:
		cg_text_printf(t, "%llu",
			(unsigned long long)cg_knob_unit(knob, name, host->page_size) * (64 + seed % 1024));
		return true;
	case CG_GRAMMAR_PERCENT_MAX:
		cg_text_printf(t, "%u.50", 10 + seed % 80);
		return true;
	case CG_GRAMMAR_QUOTA:
		cg_text_printf(t, "%u %u", 20000 + seed % 1000 * 10, 50000 + seed % 100 * 1000);
		return true;
	case CG_GRAMMAR_LIST:
		cg_text_adds(t, "0");
		return true;
	case CG_GRAMMAR_CONTROLLERS:
		return add_controllers(host, current, t, ret_why);
	case CG_GRAMMAR_WORD:
		return add_word(knob, seed, t);
	case CG_GRAMMAR_KEYED:
	case CG_GRAMMAR_NESTED:
		return add_entries(knob, host, current, seed, t, ret_why);
	case CG_GRAMMAR_KEYED_DEFAULT:
		cg_text_printf(t, "default %lld", (long long)number_for(knob, seed));
		return true;
	case CG_GRAMMAR_DEVICE_RULES:
		cg_text_printf(t, "c 1:3 rwm\nc 1:%u r\nb 8:* m", 5 + seed % 5);
		return true;
	case CG_GRAMMAR_TEXT:
		cg_text_printf(t, "/bin/true %u", seed);
		return true;
	case CG_GRAMMAR_NONE:
		break;
	}
	*ret_why = "it is no setting";
	return false;
}

bool sample_value(const struct cg_knob *knob, const char *name, const struct sample_host *host,
	struct cg_bytes current, unsigned seed, struct cg_text *t, const char **ret_why)
{
	const size_t start = t->len;

	*ret_why = "every sample is the current value";
	for (unsigned i = 0; i < 8; i++) {
		const struct cg_bytes none = {"", 0};

		if (!add_narrow(name, current, seed + i, t) &&
			!add_by_grammar(knob, name, host, current, seed + i, t, ret_why))
			return false;
		if (t->failed) {
			*ret_why = "out of memory";
			return false;
		}
		if (!cg_value_same(knob,
			    t->len > start ? (struct cg_bytes){t->data + start, t->len - start} : none,
			    current, cg_knob_unit(knob, name, host->page_size)))
			return true;
		t->len = start;
	}
	return false;
}
