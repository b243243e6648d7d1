/* Any bytes as a configuration: refused with an error, or taken, and then what is printed says the same
 * again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "manager/config_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_taken(const struct cg_config *c)
{
	struct cg_config again = {0};
	struct cg_error *err = NULL;
	struct cg_text first = {0}, second = {0};

	for (size_t i = 0; i < CG_CONFIG_ROWS; i++) {
		const struct cg_config_row *row = &cg_config_table[i];
		uint64_t value;

		memcpy(&value, (const char *)c + row->offset, sizeof(value));
		if (row->kind != CG_CONFIG_FILE && (value < row->min || value > row->max))
			abort();
	}
	/* A path may be longer than a line, or hold what a line cannot. */
	if (c->metrics_file || c->events_file)
		return;
	cg_config_text(c, &first);
	if (cg_config_default(&again, &err) < 0 ||
		cg_config_parse(&again, (struct cg_bytes){first.data, first.len}, "again", &err) < 0)
		abort();
	cg_config_text(&again, &second);
	if (strcmp(first.data, second.data) != 0)
		abort();
	cg_config_free(&again);
	cg_text_free(&first);
	cg_text_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cg_config c = {0};
	struct cg_error *err = NULL;
	int r;

	if (cg_config_default(&c, &err) < 0)
		abort();
	r = cg_config_parse(&c, (struct cg_bytes){(const char *)data, size}, "fuzz", &err);
	if ((r < 0) != (err != NULL))
		abort();
	if (r == 0) {
		check_taken(&c);
		r = cg_config_check(&c, &err);
		if ((r < 0) != (err != NULL))
			abort();
	}
	cg_error_free(err);
	cg_config_free(&c);
	return 0;
}
