/* Events as lines. */
#include "manager/event_text.h"

#include <string.h>

#include "image/json_write.h"

static bool is_word(struct cg_bytes b)
{
	static const char others[] = "._:/+-";

	for (size_t i = 0; i < b.len; i++) {
		char c = b.data[i];

		if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') &&
			!memchr(others, c, sizeof(others) - 1))
			return false;
	}
	return b.len > 0;
}

void cg_event_field(struct cg_text *t, const char *key, struct cg_bytes value)
{
	struct cg_bytes part;

	cg_text_printf(t, " %s=", key);
	if (is_word(value)) {
		cg_text_add(t, value.data, value.len);
		return;
	}
	cg_text_addc(t, '"');
	for (size_t left = value.len; left; left = value.len) {
		if (!cg_bytes_split(&value, '"', &part))
			break;
		cg_text_escape(t, part);
		/* The split took one byte more than the part, unless it was the last. */
		if (part.len < left)
			cg_text_adds(t, "\\x22");
	}
	cg_text_addc(t, '"');
}

static void number(struct cg_text *t, const char *key, uint64_t value)
{
	cg_text_printf(t, " %s=%llu", key, (unsigned long long)value);
}

static void word(struct cg_text *t, const char *key, const char *value)
{
	cg_event_field(t, key, cg_bytes_of(value));
}

void cg_event_line(const struct cg_event *e, struct cg_text *t)
{
	cg_text_adds(t, "EVENT schema=cgtree.v1");
	number(t, "seq", e->sequence);
	cg_text_printf(t, " time=%llu.%06u", (unsigned long long)(e->time_us / 1000000),
		(unsigned)(e->time_us % 1000000));
	word(t, "kind", cg_event_kind_name(e->kind));
	if (e->id[0])
		word(t, "id", e->id);
	word(t, "what", e->what);
	if (e->kind == CG_EVENT_JOB) {
		word(t, "state", cg_job_state_name(e->state));
		if (cg_job_state_is_final(e->state)) {
			word(t, "cause", cg_job_cause_name(e->cause));
			cg_text_printf(t, " code=%d", e->code);
		}
	}
	if (e->text)
		word(t, "text", e->text);
	cg_text_addc(t, '\n');
}

void cg_event_json(const struct cg_event *e, struct cg_text *t)
{
	struct cg_json j;

	cg_json_begin(&j, t, false);
	cg_json_open(&j, NULL, '{', true);
	cg_json_text(&j, "schema", "cgtree.event/1");
	cg_json_number(&j, "seq", e->sequence);
	cg_json_number(&j, "time_us", e->time_us);
	cg_json_text(&j, "kind", cg_event_kind_name(e->kind));
	if (e->id[0])
		cg_json_text(&j, "id", e->id);
	cg_json_text(&j, "what", e->what);
	if (e->kind == CG_EVENT_JOB) {
		cg_json_text(&j, "state", cg_job_state_name(e->state));
		if (cg_job_state_is_final(e->state)) {
			cg_json_text(&j, "cause", cg_job_cause_name(e->cause));
			cg_json_number(&j, "code", (uint64_t)(uint32_t)e->code);
		}
	}
	if (e->text)
		cg_json_text(&j, "text", e->text);
	cg_json_close(&j, '}');
	cg_text_addc(t, '\n');
}
