/* Any bytes as the text of an event: the line is one line, and its reader gets the same bytes back and no
 * field more. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "manager/event_text.h"
#include "unit/manager/event_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const struct cg_text *line, struct cg_bytes want)
{
	struct cg_bytes rest = {line->data, line->len}, key;
	struct cg_text value = {0};
	unsigned fields = 0;
	int r;

	if (memchr(line->data, '\n', line->len) != line->data + line->len - 1 || !event_read_start(&rest))
		abort();
	while ((r = event_read_field(&rest, &key, &value)) == 1) {
		fields++;
		if (cg_bytes_is(key, "text") &&
			!cg_bytes_equal((struct cg_bytes){value.data, value.len}, want))
			abort();
	}
	if (r < 0 || rest.len || fields != 5)
		abort();
	cg_text_free(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cg_text line = {0};
	char *text = calloc(1, size + 1);
	struct cg_event e = {.sequence = 1, .kind = CG_EVENT_DECISION, .what = "none"};

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	/* As a string, and, with what it may hold of NUL, as a field of its own. */
	e.text = text;
	cg_event_line(&e, &line);
	check_line(&line, cg_bytes_of(text));
	cg_text_reset(&line);
	cg_text_adds(&line, "EVENT schema=cgtree.v1 a=1 b=2 c=3 d=4");
	cg_event_field(&line, "text", (struct cg_bytes){text, size});
	cg_text_addc(&line, '\n');
	check_line(&line, (struct cg_bytes){text, size});
	cg_text_reset(&line);
	cg_event_json(&e, &line);
	if (line.failed || memchr(line.data, '\n', line.len) != line.data + line.len - 1)
		abort();
	cg_text_free(&line);
	free(text);
	return 0;
}
