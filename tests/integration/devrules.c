/* devrules GROUP < RULES: attaches the program that the project's assembler makes of a list of device rules.
 * Exit status 3 when the rules allow everything and need none. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fdio.h"
#include "kernel/programs.h"
#include "model/device_rules.h"

static int read_rules(struct cg_text *t)
{
	char block[4096];
	ssize_t n;

	while ((n = read(STDIN_FILENO, block, sizeof(block))) > 0)
		cg_text_add(t, block, (size_t)n);
	return n < 0 || t->failed ? -EIO : 0;
}

static int attach(int group, const struct cg_program *p)
{
	struct cg_bpf_loader loader = CG_BPF_LOADER_INIT;
	const struct cg_bpf bpf = {.attach_type = p->attach_type,
		.attach_flags = p->attach_flags,
		.program_type = p->program_type,
		.gpl = p->gpl,
		.name = p->name,
		.tag = p->tag,
		.instructions = p->instructions};
	struct cg_error *err = NULL;
	int r = cg_bpf_set(group, p->attach_type, &bpf, 1, &loader, NULL, &err);

	if (r < 0)
		(void)fprintf(stderr, "devrules: %s\n", err->message);
	cg_error_free(err);
	cg_bpf_loader_close(&loader);
	return r < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
	_cleanup_(cg_arena_free) struct cg_arena arena = {0};
	_cleanup_text_ struct cg_text rules = {0};
	_cleanup_close_ int group = -1;
	struct cg_program p;
	int r;

	if (argc != 2 || read_rules(&rules) < 0)
		return 2;
	group = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (group < 0)
		return 2;
	r = cg_device_rules_program(&arena, (struct cg_bytes){rules.len ? rules.data : "", rules.len}, &p);
	if (r < 0)
		(void)fprintf(stderr, "devrules: %s\n", strerror(-r));
	return r < 0 ? 2 : r == 0 ? 3 : attach(group, &p);
}
