/* One rule more or less in a list of device rules, as the kernel would have it (security/device_cgroup.c). */
#include <errno.h>

#include "model/value.h"
#include "model/value_parts.h"

static void add_rule(struct cg_text *t, const struct cg_entry *rule, unsigned access)
{
	static const char letters[] = "rwm";

	if (t->len)
		cg_text_addc(t, '\n');
	cg_text_printf(t, "%c %.*s ", rule->kind, (int)rule->key.len, rule->key.data);
	for (unsigned i = 0; i < sizeof(letters) - 1; i++)
		if (access & 1U << i)
			cg_text_addc(t, letters[i]);
}

static bool allows_all(const struct cg_entries *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		if (rules->item[i].kind == 'a')
			return true;
	return false;
}

/* 0, or 1 when no rule of the list is the one that is taken away. */
static int change_list(
	const struct cg_entries *rules, const struct cg_entry *rule, bool adds, struct cg_text *t)
{
	const unsigned access = cg_access_parse(rule->rest);
	bool met = false;

	for (size_t i = 0; i < rules->count; i++) {
		const struct cg_entry *e = &rules->item[i];
		unsigned left = cg_access_parse(e->rest);

		if (cg_entry_compare(e, rule) == 0) {
			met = true;
			left = adds ? left | access : left & ~access;
		}
		if (left)
			add_rule(t, e, left);
	}
	if (!met && adds)
		add_rule(t, rule, access);
	return met || adds ? 0 : 1;
}

int cg_value_change_rules(const struct cg_knob *knob, struct cg_bytes present, struct cg_bytes words,
	bool adds, struct cg_text *t, struct cg_error **err)
{
	_cleanup_entries_ struct cg_entries rules = {0};
	struct cg_entry rule;
	struct cg_bytes rest = cg_bytes_trim(words);
	int r = cg_entries_parse(knob, present, &rules);

	if (r == -ENOMEM)
		return cg_error_oom(err);
	if (r < 0)
		return cg_error_make(
			err, CG_FAULT_SYSTEM, EIO, "the kernel's list of rules is not understood");
	if (rest.len > 0 && rest.data[0] == 'a' && (rest.len == 1 || rest.data[1] == ' ')) {
		cg_text_adds(t, adds ? "a *:* rwm" : "");
		return t->failed ? cg_error_oom(err) : 0;
	}
	if (cg_entry_next(knob, &rest, &rule) != 1 || rest.len > 0 || cg_access_parse(rule.rest) == 0) {
		r = cg_error_usage(err, "one rule is wanted, such as \"c 1:3 rwm\", or \"a\" for all");
		return r;
	}
	if (allows_all(&rules)) {
		if (!adds) {
			r = cg_error_make(err, CG_FAULT_SYSTEM, EOPNOTSUPP,
				"the group may use all devices; the kernel takes exceptions to that, but "
				"lists none of them, so nobody could read back or take back this one");
			cg_error_hint(err, "deny \"a\" first, then allow what is needed");
			return r;
		}
		cg_text_add(t, present.data, present.len);
		return t->failed ? cg_error_oom(err) : 0;
	}
	r = change_list(&rules, &rule, adds, t);
	if (t->failed)
		return cg_error_oom(err);
	if (r > 0) {
		r = cg_error_usage(err, "no rule of the list is about exactly this device");
		cg_error_hint(err, "what a wider rule allows cannot be denied in part");
	}
	return r;
}
