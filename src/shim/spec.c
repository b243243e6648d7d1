/* The files between manager and shim, written and parsed. */
#include "shim/spec.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

const char *shim_stage_what(enum shim_stage stage)
{
	static const char *const what[SHIM_STAGES] = {"start the job", "read what it was told",
		"write its record", "start a process", "put it into its group",
		"set its standard descriptors", "set its resource limits", "become its user",
		"enter its working directory", "give up privileges", "execute the command",
		"restore the checkpoint"};

	return stage < SHIM_STAGES ? what[stage] : "start the job";
}

void shim_spec_add(struct cg_text *t, enum shim_tag tag, const char *value)
{
	cg_text_addc(t, (char)tag);
	cg_text_add(t, value, strlen(value) + 1);
}

void shim_spec_add_number(struct cg_text *t, enum shim_tag tag, uint64_t value)
{
	cg_text_printf(t, "%c%llu", (int)tag, (unsigned long long)value);
	cg_text_addc(t, '\0');
}

static int number(const char *text, uint64_t most, uint64_t *ret)
{
	uint64_t n;
	int r = cg_parse_u64(cg_bytes_of(text), &n);

	if (r < 0)
		return r;
	if (n > most)
		return -ERANGE;
	*ret = n;
	return 0;
}

static int number32(const char *text, uint64_t most, uint32_t *ret)
{
	uint64_t n = 0;
	int r = number(text, most, &n);

	if (r == 0)
		*ret = (uint32_t)n;
	return r;
}

/* From -less to +less. */
static int with_sign(const char *text, int less, int *ret)
{
	uint64_t n = 0;
	int r = number(text, 2 * (uint64_t)less, &n);

	if (r == 0)
		*ret = (int)n - less;
	return r;
}

static int item(struct shim_spec *s, char tag, char *text)
{
	switch (tag) {
	case SHIM_ID:
		s->id = text;
		return 0;
	case SHIM_ARG:
		s->argv[s->argc++] = text;
		return 0;
	case SHIM_ENV:
		s->env[s->envc++] = text;
		return 0;
	case SHIM_CWD:
		s->cwd = text;
		return 0;
	case SHIM_UID:
		return number32(text, UINT32_MAX - 1, &s->uid);
	case SHIM_GID:
		return number32(text, UINT32_MAX - 1, &s->gid);
	case SHIM_GROUP:
		return number32(text, UINT32_MAX - 1, &s->group[s->groups++]);
	case SHIM_NOFILE_SOFT:
		return number(text, UINT64_MAX, &s->nofile_soft);
	case SHIM_NOFILE_HARD:
		return number(text, UINT64_MAX, &s->nofile_hard);
	case SHIM_OOM_ADJ:
		return with_sign(text, 1000, &s->oom_adj);
	case SHIM_NICE:
		return with_sign(text, 20, &s->nice);
	case SHIM_LOG_SIZE:
		return number(text, INT64_MAX, &s->log_size);
	case SHIM_THAW_MS:
		return number32(text, INT_MAX, &s->thaw_ms);
	case SHIM_V1_GROUPS:
		return number32(text, SHIM_V1_MOST, &s->v1_groups);
	case SHIM_FREEZER:
		s->has_freezer = true;
		return number32(text, SHIM_V1_MOST, &s->freezer);
	case SHIM_FOREGROUND:
		s->foreground = true;
		return text[0] ? -EINVAL : 0;
	case SHIM_NEW_PRIVS:
		s->new_privs = true;
		return text[0] ? -EINVAL : 0;
	case SHIM_RESTORE:
		s->restore = true;
		return text[0] ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

static size_t count(struct cg_bytes text, char tag)
{
	size_t n = 0;

	for (struct cg_bytes rest = text, part; cg_bytes_split(&rest, '\0', &part);)
		n += part.len && part.data[0] == tag;
	return n;
}

int shim_spec_parse(struct cg_bytes text, struct shim_spec *ret)
{
	_cleanup_shim_spec_ struct shim_spec s = {.uid = UINT32_MAX, .gid = UINT32_MAX};
	const char *at = text.data, *end = text.data + text.len;
	int r;

	if (!text.len || end[-1] != '\0')
		return -EINVAL;
	s.argv = calloc(count(text, SHIM_ARG) + 1, sizeof(*s.argv));
	s.env = calloc(count(text, SHIM_ENV) + 1, sizeof(*s.env));
	s.group = calloc(count(text, SHIM_GROUP) + 1, sizeof(*s.group));
	if (!s.argv || !s.env || !s.group)
		return -ENOMEM;
	while (at < end) {
		/* execve(2) wants its strings without const. */
		char *value = (char *)(uintptr_t)(at + 1);

		if (!*at)
			return -EINVAL;
		r = item(&s, *at, value);
		if (r < 0)
			return r;
		at = value + strlen(value) + 1;
	}
	if (!s.id || !s.cwd || s.argc == 0 || s.uid == UINT32_MAX || s.gid == UINT32_MAX ||
		(s.has_freezer && s.freezer >= s.v1_groups) || (s.foreground && s.restore))
		return -EINVAL;
	*ret = s;
	s = (struct shim_spec){0};
	return 0;
}

void shim_spec_free(struct shim_spec *spec)
{
	free(spec->argv);
	free(spec->env);
	free(spec->group);
	*spec = (struct shim_spec){0};
}

void shim_end_write(struct cg_text *t, const struct shim_end *end)
{
	if (end->kind == SHIM_END_FAILED)
		cg_text_printf(t, "failed %d %d\n", (int)end->stage, (int)end->code);
	else
		cg_text_printf(t, "%s %d\n", end->kind == SHIM_END_EXIT ? "exit" : "signal", (int)end->code);
	if (end->dropped)
		cg_text_printf(
			t, "dropped %llu %d\n", (unsigned long long)end->dropped, (int)end->dropped_code);
}

static int word_number(struct cg_bytes *line, uint64_t most, uint64_t *ret)
{
	struct cg_bytes word;
	uint64_t n;
	int r;

	if (!cg_bytes_word(line, &word))
		return -EINVAL;
	r = cg_parse_u64(word, &n);
	if (r < 0)
		return r;
	if (n > most)
		return -ERANGE;
	*ret = n;
	return 0;
}

static int first_line(struct cg_bytes line, struct shim_end *e)
{
	struct cg_bytes word;
	uint64_t code = 0, stage = 0;
	int r;

	if (!cg_bytes_word(&line, &word))
		return -EINVAL;
	if (cg_bytes_is(word, "exit"))
		e->kind = SHIM_END_EXIT;
	else if (cg_bytes_is(word, "signal"))
		e->kind = SHIM_END_SIGNAL;
	else if (cg_bytes_is(word, "failed"))
		e->kind = SHIM_END_FAILED;
	else
		return -EINVAL;
	r = e->kind == SHIM_END_FAILED ? word_number(&line, SHIM_STAGES - 1, &stage) : 0;
	r = r < 0 ? r : word_number(&line, e->kind == SHIM_END_FAILED ? 4095 : 255, &code);
	if (r < 0)
		return r;
	e->code = (int32_t)code;
	e->stage = (enum shim_stage)stage;
	return cg_bytes_trim(line).len ? -EINVAL : 0;
}

int shim_end_parse(struct cg_bytes text, struct shim_end *ret)
{
	struct shim_end e = {0};
	struct cg_bytes line, word;
	uint64_t code = 0;
	int r;

	if (!text.len || text.data[text.len - 1] != '\n' || !cg_bytes_split(&text, '\n', &line))
		return -EINVAL;
	r = first_line(line, &e);
	if (r < 0)
		return r;
	if (text.len) {
		if (!cg_bytes_split(&text, '\n', &line) || text.len || !cg_bytes_word(&line, &word) ||
			!cg_bytes_is(word, "dropped"))
			return -EINVAL;
		r = word_number(&line, UINT64_MAX, &e.dropped);
		r = r < 0 ? r : word_number(&line, 4095, &code);
		if (r < 0)
			return r;
		e.dropped_code = (int32_t)code;
		if (cg_bytes_trim(line).len)
			return -EINVAL;
	}
	*ret = e;
	return 0;
}
