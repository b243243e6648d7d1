/* Configurations out of any bytes. A tree that comes out is exported, and that is read again and exported
 * twice to the same bytes: what a configuration can say is neither lost nor changed by a round. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/cgconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int ignore(void *context, const char *path, const char *knob, const char *text)
{
	(void)context;
	(void)path;
	(void)knob;
	(void)text;
	return 0;
}

static int number(void *context, bool group, const char *name, uint32_t *ret)
{
	(void)context;
	(void)group;
	*ret = (uint32_t)strlen(name);
	return name[0] == 'x' ? -ENOENT : 0;
}

/* What is imported and exported, or NULL when the configuration is refused. */
static struct cg_text round_trip(struct cg_bytes text, bool must, int version)
{
	const char *const from[] = {"t", NULL}, *const to[] = {"/t", NULL};
	struct cg_cgconfig_options options = {
		.version = version, .follow = version == 2, .id = number, .page_size = 4096};
	_cleanup_cgconfig_ struct cg_cgconfig config = {0};
	_cleanup_error_ struct cg_error *err = NULL;
	_cleanup_tree_ struct cg_tree *tree = NULL;
	struct cg_text out = {0};
	bool template = false;
	int r = cg_cgconfig_parse(text, &config, &err);

	for (size_t i = 0; r == 0 && i < config.groups; i++)
		template |= config.group[i].template &&strcmp(config.group[i].name, "t") == 0;
	if (template) {
		options.from = from;
		options.to = to;
	}
	if (r == 0)
		r = cg_cgconfig_import(&config, &options, &tree, &err);
	if (r < 0) {
		if (must || tree || !err)
			abort();
		return out;
	}
	if (cg_cgconfig_export(tree, ignore, NULL, &out, NULL) < 0)
		abort();
	return out;
}

/* What was exported is taken again, and settles: entries of a file may change places once, for a
 * configuration may give them in any order and in several sections. */
static void check_settled(const struct cg_text *first, int version)
{
	struct cg_text second = round_trip((struct cg_bytes){first->data, first->len}, true, version),
		       third = round_trip((struct cg_bytes){second.data, second.len}, true, version);

	if (second.len != third.len || (second.len && memcmp(second.data, third.data, second.len) != 0))
		abort();
	cg_text_free(&second);
	cg_text_free(&third);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int version = 1; version <= 2; version++) {
		struct cg_text first =
			round_trip((struct cg_bytes){(const char *)data, size}, false, version);

		if (first.data)
			check_settled(&first, version);
		cg_text_free(&first);
	}
	return 0;
}
