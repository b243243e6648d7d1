/* Any bytes as a list of device rules and as instructions. What is assembled is recognised and says the same
 * again; what is recognised is assembled to the very same bytes; everything has words. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/device_rules.h"
#include "model/program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
	if (!truth)
		abort();
}

static struct cg_bytes bytes(const struct cg_text *t)
{
	return (struct cg_bytes){t->len ? t->data : "", t->len};
}

static void as_rules(struct cg_bytes text)
{
	_cleanup_text_ struct cg_text program = {0}, rules = {0}, again = {0};
	int r = cg_device_rules_assemble(text, &program);

	require(r == 1 || r == 0 || r == -EINVAL);
	require((r == 1) == (program.len > 0));
	if (r != 1)
		return;
	require(cg_device_rules_recognise(bytes(&program), &rules));
	require(cg_device_rules_assemble(bytes(&rules), &again) == 1);
	require(cg_bytes_equal(bytes(&program), bytes(&again)));
}

static void as_instructions(struct cg_bytes code)
{
	_cleanup_text_ struct cg_text rules = {0}, again = {0}, words = {0};
	struct cg_program p = {.attach_flags = 2,
		.program_type = 15,
		.type = "device",
		.name = "fuzz",
		.tag = {"", 0},
		.instructions = code};

	if (cg_device_rules_recognise(code, &rules)) {
		require(cg_device_rules_assemble(bytes(&rules), &again) == 1);
		require(cg_bytes_equal(bytes(&again), code));
		require(!cg_program_fault(&p));
	} else {
		require(rules.len == 0);
	}
	cg_program_describe(&p, true, &words);
	require(words.len > 0 && cg_program_same(&p, &p));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cg_bytes input = {(const char *)data, size};

	as_rules(input);
	as_instructions(input);
	return 0;
}
